// An MqttClient on a board in a world, with everything that it calls back written down in order, and the proof that
// nothing is called back from inside a call (ECMA-419 §9). Calls of the test and of callbacks go through the rig.

import assert from "node:assert/strict";
import type { Answer } from "../../host-sim/broker.js";
import { World, type WorldOptions } from "../../host-sim/world.js";
import type MqttClient from "../../src/device/mqtt-client.js";
import type {
  ControlMessage,
  Data,
  Failure,
  MqttClientOptions,
  PayloadSource,
  ReadableMessage,
  WriteOptions,
} from "../../src/device/mqtt-client.js";
import { type Modules, projectImage } from "./project-image.js";

const MAIN = "test/device/fixtures/mqtt-client/main.ts";

/** What the client is made with, beside the callbacks that write down. */
export type Options = Partial<MqttClientOptions>;

export interface Readable extends ReadableMessage {
  readonly count: number;
  readonly text: string;
}

export class Rig {
  readonly world: World;
  Client!: typeof MqttClient;
  client!: MqttClient;
  /** Gives a module of the board by its specifier. */
  modules!: Modules;
  /** How often the application was started. */
  lives = 0;
  /** What was called back, as words. */
  readonly told: string[] = [];
  readonly controls: ControlMessage[] = [];
  /** Each onReadable, with what it gave to read. */
  readonly read: Readable[] = [];
  readonly overflows: Readable[] = [];
  readonly failures: Failure[] = [];
  readonly delays: number[] = [];
  readonly writables: number[] = [];
  /** What the test does in a callback, by its name. */
  readonly on: Partial<Record<string, (...args: never[]) => void>> = {};
  #calls = 0;

  /** @param options asked for at each start of the application. */
  constructor(options: Options | ((rig: Rig) => Options) = {}, world: WorldOptions = {}) {
    this.world = new World({
      ...world,
      board: {
        image: projectImage(MAIN, (modules) => ({
          application: {
            default: (Client: typeof MqttClient) => {
              this.Client = Client;
              this.modules = modules;
              this.lives += 1;
              const given = typeof options === "function" ? options(this) : options;
              this.client = this.call(() => new Client(this.#options(given)));
            },
          },
        })),
      },
    });
    this.world.board.on((event) => {
      if (event.type === "crash") throw event.error;
    });
  }

  #options(given: Options): MqttClientOptions {
    const rig = this;
    return {
      host: this.world.broker.address,
      id: "unit",
      onReadable(count, message) {
        rig.#heard(this, "readable", message.topic, count);
        rig.on["readable"]?.(count as never, message as never);
        rig.read.push({ ...copyOf(message), count, text: textOf(this.read()) });
      },
      onWritable(count) {
        rig.writables.push(count);
        rig.#heard(this, "writable", count);
        rig.on["writable"]?.(count as never);
      },
      onControl(message) {
        rig.controls.push(message);
        rig.#heard(this, "control", message.operation, message.returnCode ?? message.id ?? "");
        rig.on["control"]?.(message as never);
      },
      onError(failure) {
        rig.failures.push(failure);
        rig.#heard(this, "error", failure.reason, failure.code);
        rig.on["error"]?.();
      },
      onClose() {
        rig.#heard(this, "close");
      },
      onReceived(id) {
        rig.#heard(this, "received", id);
      },
      onDelivered(id) {
        rig.#heard(this, "delivered", id);
        rig.on["delivered"]?.(id as never);
      },
      onOverflow(message) {
        rig.#heard(this, "overflow", message.topic, message.byteLength);
        rig.overflows.push({ ...copyOf(message), count: 0, text: textOf(this.read()) });
      },
      onReconnecting(delayMs, failure) {
        rig.delays.push(delayMs);
        rig.failures.push(failure);
        rig.#heard(this, "reconnecting", failure.reason);
        rig.on["reconnecting"]?.();
      },
      ...given,
    };
  }

  #heard(client: MqttClient, ...words: (string | number)[]): void {
    assert.equal(this.#calls, 0, `${words[0]} was called back from inside a call`);
    assert.equal(client, this.client, "`this` is the client");
    this.told.push(words.join(" ").trim());
  }

  /** Calls the client: nothing may be called back before it returns. */
  call<T>(work: () => T): T {
    this.#calls += 1;
    try {
      return work();
    } finally {
      this.#calls -= 1;
    }
  }

  write(data: Data | PayloadSource | null, options?: WriteOptions): number {
    return this.call(() => this.client.write(data, options));
  }

  publish(topic: string, data: Data | PayloadSource | null, QoS = 0, more: WriteOptions = {}): number {
    this.write(data, { topic, QoS, ...more });
    return this.client.lastId;
  }

  subscribe(...items: { topic: string; QoS?: number }[]): void {
    this.write(null, { operation: this.Client.SUBSCRIBE, items });
  }

  flush(deadlineMs: number): void {
    const rig = this;
    this.call(() =>
      this.client.flush(deadlineMs, function (delivered) {
        rig.#heard(this, "flushed", String(delivered));
        rig.on["flushed"]?.(delivered as never);
      }),
    );
  }

  close(): void {
    this.call(() => this.client.close());
  }

  /** Lets time pass until the client has this state. */
  until(state: MqttClient["state"], limitMs = 30_000): this {
    const reached = this.world.runUntil(() => this.client?.state === state, limitMs);
    assert.ok(reached, `not ${state} after ${limitMs} ms: ${this.told.join("; ")}`);
    return this;
  }

  /** Connected, with CONNACK and the first onWritable told and forgotten. */
  connected(): this {
    this.until("connected");
    this.told.length = 0;
    return this;
  }

  run(ms: number): this {
    this.world.run(ms);
    return this;
  }

  /** Keeps an answer of the broker back while time passes. */
  holding(kind: Answer, ms: number): void {
    this.world.broker.hold(kind);
    this.run(ms);
  }

  /** What the broker has got, by topic and text. */
  get messages(): string[] {
    return this.world.broker.messages().map(({ topic, payload }) => `${topic}=${payload}`);
  }

  /** To be called at the end of a test: the client has broken no rule, and the firmware has not crashed. */
  done(): void {
    assert.deepEqual(this.world.broker.violations, []);
    assert.equal(this.world.board.crashes, 0);
    this.world.close();
  }
}

/** What must outlive the callback. */
function copyOf({ topic, byteLength, QoS, retain, duplicate, id, more }: ReadableMessage): ReadableMessage {
  return { topic, byteLength, QoS, retain, duplicate, id, more };
}

export function textOf(buffer: ArrayBufferLike | undefined): string {
  return buffer === undefined ? "" : new TextDecoder().decode(buffer as ArrayBuffer);
}
