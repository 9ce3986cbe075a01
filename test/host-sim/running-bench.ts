// A bench for tests, in either world, mostly with its own broker: what its views would see, what is on the wire of its
// boards as mqtt-packet reads it, and a way to wait for something of that.

import assert from "node:assert/strict";
import { type Parser, parser } from "mqtt-packet";
import { Bench } from "../../host-sim/bench.js";
import type { BenchBoard } from "../../host-sim/bench-board.js";
import { freePort } from "../../host-sim/free-port.js";
import type { Traffic } from "../../host-sim/network.js";
import { type Options, parseOptions } from "../../host-sim/options.js";
import type { Action, BenchEvent, BoardView, Line } from "../../host-sim/page/protocol.js";

/** A packet or what happened to a connection, as `publish`, `open`, `end`, `reset`. */
export interface Seen {
  readonly at: number;
  readonly chipId: number;
  readonly connection: number;
  readonly direction: "up" | "down";
  readonly what: string;
  readonly returnCode: number | undefined;
  readonly sessionPresent: boolean | undefined;
}

/** Real ms. */
const PATIENCE_MS = 240_000;

export class RunningBench {
  readonly bench: Bench;
  readonly events: BenchEvent[] = [];
  readonly seen: Seen[] = [];
  readonly port: number;
  readonly #parsers = new Map<string, Parser>();
  readonly #waiting = new Set<() => void>();
  /**
   * Whether time stands still from the instant at which something that was waited for comes, until the test has gone
   * on: however busy the computer is, the test then acts at that instant. For virtual worlds; sockets do not wait.
   */
  holdsStill = false;
  #isStill = false;
  #isSwitching = false;

  private constructor(bench: Bench, port: number) {
    this.bench = bench;
    this.port = port;
    bench.on((event) => {
      // That time stands still is the test's affair.
      if (this.#isSwitching && event.type === "bench") return;
      this.events.push(event);
      this.#check();
    });
    bench.onTraffic((traffic) => this.#heard(traffic));
  }

  /** Starts one as the command line would; the boards' time is ten times as fast unless `--speed` is given. */
  static async start(...args: string[]): Promise<RunningBench> {
    const isVirtual = args.includes("--virtual");
    const port = isVirtual ? 0 : await freePort();
    const speed = args.includes("--speed") ? [] : ["--speed", "10"];
    const broker = args.includes("--broker") ? [] : ["--port", `${port}`];
    const ports = isVirtual ? [] : [...broker, "--setup-port", "0"];
    const parsed = parseOptions([...ports, ...speed, ...args]);
    assert.equal(parsed.kind, "run", JSON.stringify(parsed));
    return new RunningBench(await Bench.start((parsed as { options: Options }).options, 5000), port);
  }

  act(action: Action): void {
    this.bench.act(action);
  }

  board(index = 0): BenchBoard {
    return this.bench.board(index) ?? assert.fail(`no board ${index}`);
  }

  view(index = 0): BoardView {
    return this.board(index).view;
  }

  get lines(): readonly Line[] {
    return this.bench.snapshot().lines;
  }

  /** The story of a board since line `after`, as words. */
  words(index = 0, after = 0): string[] {
    return this.lines.filter(({ board, id }) => board === index && id > after).map(({ word }) => word);
  }

  /** The number of the latest line. */
  get lastLine(): number {
    return this.lines.at(-1)?.id ?? 0;
  }

  /** What was on the wire since the first `from` entries, as `up publish`. */
  wire(from = 0): string[] {
    return this.seen.slice(from).map(({ direction, what }) => `${direction} ${what}`);
  }

  /**
   * Resolves as soon as it holds; asked whenever something happened on the bench or on the wire. Fails after four
   * minutes with what the boards have said last, before a test's watchdog would without a word.
   */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const watchdog = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`waited in vain for ${condition}\n${this.#story()}`));
      }, PATIENCE_MS).unref();
      const check = () => {
        if (!condition()) return;
        clearTimeout(watchdog);
        this.#waiting.delete(check);
        if (this.holdsStill) this.#standStill();
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Resolves when the board says this word. */
  said(word: string, index = 0, after = this.lastLine): Promise<void> {
    return this.until(() => this.words(index, after).includes(word));
  }

  /**
   * Resolves when the box is at rest at the broker: a mains box that has subscribed and said all, which is more where
   * the broker did not know it.
   */
  online(index = 0): Promise<void> {
    const { chipId } = this.view(index);
    const isAtRest = () => {
      const latest = this.seen.findLast((each) => each.chipId === chipId && each.what === "open")?.connection;
      const seen = this.seen.filter(({ connection }) => connection === latest);
      const count = (direction: string, kind: string) =>
        seen.filter((each) => each.direction === direction && each.what === kind).length;
      const isKnown = seen.some(({ sessionPresent }) => sessionPresent === true);
      const said = count("up", "publish");
      const acknowledged = count("down", "puback") + count("down", "pubcomp");
      return count("down", "suback") > 0 && said === acknowledged && said >= (isKnown ? 2 : 4);
    };
    return this.until(
      () => this.view(index).presence === "online" && this.view(index).power === "running" && isAtRest(),
    );
  }

  close(): Promise<void> {
    return this.bench.close();
  }

  #heard({ at, chipId, connection, port, direction, type, bytes }: Traffic): void {
    // A phone at the setup page speaks no MQTT.
    if (port === 80) return;
    const note = (what: string, more: { returnCode?: number; sessionPresent?: boolean } = {}) => {
      const { returnCode, sessionPresent } = more;
      this.seen.push({ at, chipId, connection, direction, what, returnCode, sessionPresent });
    };
    if (type !== "data") {
      note(type);
    } else {
      const key = `${connection} ${direction}`;
      let reader = this.#parsers.get(key);
      if (reader === undefined) {
        reader = parser({ protocolVersion: 4 });
        this.#parsers.set(key, reader);
      }
      reader.removeAllListeners("packet");
      reader.on("packet", (packet) => note(packet.cmd, packet as object));
      reader.parse(Buffer.from(bytes));
    }
    this.#check();
  }

  /** What the boards are, and have said last. */
  #story(): string {
    const { boards, lines } = this.bench.snapshot();
    const latest = lines
      .slice(-40)
      .map(({ board, at, source, word, detail }) => `${board} ${Math.round(at)} ${source} ${word}: ${detail}`);
    return [...boards.map((view) => JSON.stringify(view)), ...latest].join("\n");
  }

  /** What a test does next it does before the next turn of Node's loop. */
  #standStill(): void {
    if (this.#isStill) return;
    const { speed } = this.bench.view;
    this.#isStill = true;
    this.#go(0);
    setImmediate(() => {
      this.#isStill = false;
      this.#go(speed);
    });
  }

  #go(speed: number): void {
    this.#isSwitching = true;
    this.act({ type: "time", speed });
    this.#isSwitching = false;
  }

  #check(): void {
    for (const check of [...this.#waiting]) check();
  }
}
