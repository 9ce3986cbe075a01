// The firmware on a virtual board against a real broker: real sockets, real time (faster, where a test says so). What
// is waited for is an event of the board or of the subscriber, never a while.

import { Board, type BoardEvent, type BoardOptions, type Step } from "../../host-sim/board.js";
import { RealClock } from "../../host-sim/clock.js";
import { RealNetwork } from "../../host-sim/network.js";
import { PacketFramer } from "../../host-sim/packet-framer.js";
import { Airspace } from "../../host-sim/radio.js";
import { Random } from "../../host-sim/random.js";
import { Diary } from "./diary.js";

/** §2.2.1. */
const Type = Object.freeze({ PUBLISH: 3, PUBACK: 4, PUBCOMP: 7, SUBACK: 9 } as const);

/** What a box says of itself to a broker that does not know it: presence, state, LED, and for Home Assistant. */
const INTRODUCTION = 4;

export interface RealBoardOptions extends Partial<Omit<BoardOptions, "clock" | "network" | "airspace" | "random">> {
  readonly port: number;
  readonly settings?: Record<string, unknown>;
  /** Milliseconds of the board in a real one. */
  readonly speed?: number;
}

export class RealBoard {
  readonly board: Board;
  readonly #clock: RealClock;
  readonly #network = new RealNetwork();
  readonly #subscriptions = new Diary<number>();
  /** After each of its packets and of the broker's answers: messages said so far, and not acknowledged. */
  readonly #messages = new Diary<{ readonly said: number; readonly waiting: number }>();

  constructor(options: RealBoardOptions) {
    const { port, settings, speed, ...boardOptions } = options;
    const wiring = boardOptions.wiring ?? "gpio";
    this.#clock = new RealClock(speed ?? 1);
    this.board = new Board({
      ...boardOptions,
      clock: this.#clock,
      network: this.#network,
      airspace: new Airspace({ ssid: "home", password: "correct horse" }),
      random: new Random(1),
      config: {
        button: 0,
        wakeButton: 5,
        led: 2,
        settings: {
          wifi: [{ ssid: "home", password: "correct horse" }],
          host: "127.0.0.1",
          port,
          mode: wiring === "gpio" ? "mains" : "battery",
          wiring,
          ...settings,
        },
      },
    });
    const framers = new Map<string, PacketFramer>();
    let said = 0;
    let waiting = 0;
    this.#network.onTraffic(({ direction, type, connection, bytes }) => {
      if (type !== "data") return;
      const key = `${connection} ${direction}`;
      const framer = framers.get(key) ?? new PacketFramer();
      framers.set(key, framer);
      for (const packet of framer.feed(bytes, () => undefined)) {
        const first = packet[0] as number;
        const kind = first >> 4;
        if (direction === "up" && kind === Type.PUBLISH && (first & 6) !== 0) {
          said += 1;
          waiting += 1;
        }
        if (direction === "down" && (kind === Type.PUBACK || kind === Type.PUBCOMP)) waiting -= 1;
        if (direction === "down" && kind === Type.SUBACK) this.#subscriptions.add(packet.at(-1) as number);
        this.#messages.add({ said, waiting });
      }
    });
    this.board.powerOn();
  }

  /** Resolves with the QoS that the box's first subscription was granted. */
  subscribed(): Promise<number> {
    return this.#subscriptions.first(() => true, "SUBACK");
  }

  /**
   * Resolves with the first event, from now on, that fits. Rejects with the board's log when `limitMs` of real time
   * pass.
   */
  event(fits: (event: BoardEvent) => boolean, what: string, limitMs = 120_000): Promise<BoardEvent> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`no ${what} within ${limitMs} ms; the board said:\n${this.board.log.slice(-20).join("\n")}`));
      }, limitMs);
      // Nobody waits any more when the tests are over.
      timer.unref();
      const stop = this.board.on((event) => {
        if (!fits(event)) return;
        clearTimeout(timer);
        stop();
        resolve(event);
      });
    });
  }

  /** Resolves when the serial log says a word (again), perhaps with that detail. */
  said(word: string, detail?: string, limitMs?: number): Promise<BoardEvent> {
    const fits = (event: BoardEvent) =>
      event.type === "step" && event.word === word && (detail === undefined || event.detail === detail);
    return this.event(fits, `"${word}"`, limitMs);
  }

  /** Resolves when the box has connected with its lasting session, also when it has said so before. */
  async online(): Promise<void> {
    const isIt = ({ word, detail }: Step) => word === "connected" && detail !== "clean session";
    if (this.board.steps.some(isIt)) return;
    await this.event((event) => event.type === "step" && isIt({ ...event }), "lasting session");
  }

  /** Resolves when a box that stays on has said all that it has to say to a broker that did not know it. */
  async atRest(): Promise<void> {
    await this.#messages.first(({ said, waiting }) => said >= INTRODUCTION && waiting === 0, "end of its introduction");
  }

  /** Resolves when the box sleeps (again). */
  async asleep(): Promise<void> {
    await this.event((event) => event.type === "sleep", "sleep");
  }

  /** What the log says under a word, in order. */
  details(word: string): string[] {
    return this.board.steps.filter((step) => step.word === word).map(({ detail }) => detail);
  }

  /** Resolves after so many milliseconds of the board's clock. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.schedule(ms, resolve));
  }

  /** A press of 80 ms; resolves when it is stored. */
  async press(): Promise<void> {
    const stored = this.said("stored");
    this.board.button.press(80);
    await stored;
  }

  /** Its flash is erased as a whole, as by esptool; resolves when the box, new again, has its lasting session. */
  async erase(): Promise<void> {
    const { board } = this;
    board.cutPower();
    board.flash.load(new Uint8Array(board.flash.byteLength).fill(0xff));
    const back = this.event(
      (event) => event.type === "step" && event.word === "connected" && event.detail !== "clean session",
      "lasting session of the new box",
    );
    board.powerOn();
    await back;
  }

  close(): void {
    this.board.close();
    this.#clock.close();
    this.#network.close();
  }
}
