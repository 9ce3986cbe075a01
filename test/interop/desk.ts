// What the tests of one row of the table share: its broker, boxes, other clients; and the order in which the tests go.

import assert from "node:assert/strict";
import type { MqttClientOptions } from "../../src/device/mqtt-client.js";
import { type Broker, missingPackages } from "./brokers/broker.js";
import { ClientBoard, type ToldClient } from "./client-board.js";
import type { Feature } from "./features.js";
import { Listener } from "./listener.js";
import { RealBoard, type RealBoardOptions } from "./real-board.js";
import type { Row } from "./rows.js";

/** Topic of the will of the client whose board loses its power. */
export const WILL = "will/of/client";

/** The test of a feature. */
export interface Work {
  readonly feature: Feature;
  readonly work: (desk: Desk) => Promise<void>;
}

/**
 * A row's tests wait for a box or a broker most of the time. So they can begin before mocha comes to them, which then
 * only waits for what comes of them.
 */
export class Desk {
  readonly row: Row;
  readonly #works: readonly Work[];
  broker!: Broker;
  /** A board that has lost its power, and who listens for its will. */
  mortal: Promise<{ board: ClientBoard; listener: Listener }> | undefined;
  /** A battery box that was told something while it slept, and has woken since. */
  sleeper: Promise<{ box: RealBoard; root: string }> | undefined;
  readonly #outcomes = new Map<Feature, Promise<void>>();
  readonly #listeners: Listener[] = [];
  readonly #boxes: RealBoard[] = [];
  readonly #clients: ToldClient[] = [];
  #board: ClientBoard | undefined;
  #opened: Promise<void> | undefined;
  #isClosed = false;
  #chips = 5750;

  constructor(row: Row, works: readonly Work[]) {
    this.row = row;
    this.#works = works;
  }

  /** Whether its broker is not installed. */
  get isMissing(): boolean {
    return missingPackages(this.row.kind.needs).length > 0;
  }

  /**
   * Starts the broker and what takes its time, and lets the tests go through, one after the other; does nothing more
   * when it has done so. Resolves when the first of them begins.
   *
   * @param clients a board that serves all rows.
   */
  begin(clients: Promise<ClientBoard>): Promise<void> {
    if (this.#opened !== undefined) return this.#opened;
    const opened = this.#open(clients);
    this.#opened = opened;
    let turn = opened;
    for (const { feature, work } of this.#works) {
      const outcome = turn
        .then(() => opened)
        .then(() => (this.#isClosed ? assert.fail("the tests have ended") : work(this)))
        .finally(() => this.#clear());
      this.#outcomes.set(feature, outcome);
      // Whoever waits for it hears of it.
      turn = outcome.catch(() => undefined);
    }
    return opened;
  }

  async #open(clients: Promise<ClientBoard>): Promise<void> {
    this.broker = await this.row.kind.open();
    this.mortal = loseClient(this.broker);
    this.sleeper = wakeSleeper(this.broker);
    for (const each of [this.mortal, this.sleeper]) each.catch(() => undefined);
    this.#board = await clients;
  }

  /** What came of a test. */
  async outcome(feature: Feature): Promise<void> {
    await (this.#outcomes.get(feature) ?? assert.fail("the row has not begun"));
  }

  async listen(...filters: string[]): Promise<Listener> {
    const listener = await Listener.open(this.broker, ...filters);
    this.#listeners.push(listener);
    return listener;
  }

  /** A new client of the broker, or of what stands before it. */
  client(options: Partial<MqttClientOptions>, place: Partial<Pick<Broker, "port" | "login">> = {}): ToldClient {
    const { port = this.broker.port, login = this.broker.login } = place;
    const client = (this.#board ?? assert.fail("no board for clients")).client({ port, login }, options);
    this.#clients.push(client);
    return client;
  }

  /** A new box, with its root. */
  box(options: Partial<RealBoardOptions> = {}): { box: RealBoard; root: string } {
    this.#chips += 1;
    const chip = this.#chips;
    const box = new RealBoard({
      chipId: chip,
      speed: this.row.speed,
      ...options,
      port: options.port ?? this.broker.port,
      settings: { ...this.broker.login, ...options.settings },
    });
    this.#boxes.push(box);
    return { box, root: (options.settings?.["root"] as string) ?? `mresetar/alertbox/${chip}` };
  }

  /** Ends what a test has left. */
  async #clear(): Promise<void> {
    for (const { client } of this.#clients.splice(0)) client.close();
    for (const box of this.#boxes.splice(0)) box.close();
    for (const listener of this.#listeners.splice(0)) await listener.close();
  }

  /** Ends all of it; harmless when it has not begun, and again. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#opened?.catch(() => undefined);
    const mortal = await this.mortal?.catch(() => undefined);
    mortal?.board.close();
    await mortal?.listener.close();
    (await this.sleeper?.catch(() => undefined))?.box.close();
    await this.broker?.close();
  }
}

/** Lets a client connect and its board lose its power; what comes of it takes time, in which others are tested. */
async function loseClient(broker: Broker): Promise<{ board: ClientBoard; listener: Listener }> {
  const [board, listener] = await Promise.all([ClientBoard.open(), Listener.open(broker, WILL)]);
  const will = { topic: WILL, message: "lost", QoS: 1, retain: true };
  await board.client(broker, { id: "mortal", keepAlive: 1000, will }).connected();
  board.cutPower();
  return { board, listener };
}

/**
 * Sets up a box, commands it by a retained message while it sleeps, and wakes it by a press. At the chip's own pace.
 */
async function wakeSleeper(broker: Broker): Promise<{ box: RealBoard; root: string }> {
  const box = new RealBoard({ chipId: 5749, port: broker.port, wiring: "rst", settings: { ...broker.login } });
  const root = "mresetar/alertbox/5749";
  await box.asleep();
  const sender = await Listener.open(broker);
  await sender.publish(`${root}/cmd/led`, "ON", 1, true);
  await sender.close();
  const again = box.asleep();
  await box.press();
  await again;
  return { box, root };
}
