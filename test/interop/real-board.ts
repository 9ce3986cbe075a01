// The firmware on a virtual board against a real broker: real sockets, real time (faster, where a test says so). What
// is waited for is an event of the board or of the subscriber, never a while.

import { Board, type BoardEvent, type BoardOptions } from "../../host-sim/board.js";
import { RealClock } from "../../host-sim/clock.js";
import { RealNetwork } from "../../host-sim/network.js";
import { Airspace } from "../../host-sim/radio.js";
import { Random } from "../../host-sim/random.js";

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
    this.board.powerOn();
  }

  /**
   * Resolves with the first event, from now on, that fits. Rejects with the board's log when `limitMs` of real time
   * pass.
   */
  event(fits: (event: BoardEvent) => boolean, what: string, limitMs = 60000): Promise<BoardEvent> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`no ${what} within ${limitMs} ms; the board said:\n${this.board.log.slice(-20).join("\n")}`));
      }, limitMs);
      const stop = this.board.on((event) => {
        if (!fits(event)) return;
        clearTimeout(timer);
        stop();
        resolve(event);
      });
    });
  }

  /** Resolves when the serial log says a word (again). */
  said(word: string, limitMs?: number): Promise<BoardEvent> {
    return this.event((event) => event.type === "step" && event.word === word, `"${word}"`, limitMs);
  }

  /** Resolves after so many milliseconds of the board's clock. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.schedule(ms, resolve));
  }

  close(): void {
    this.board.close();
    this.#clock.close();
    this.#network.close();
  }
}
