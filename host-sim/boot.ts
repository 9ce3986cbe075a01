// One boot of one board: from the first line of firmware to reset, sleep, power cut or crash. Every turn of firmware
// runs from here, so this is where an exception becomes a crash and where nothing runs any more once the boot has
// ended.

import type { Board, BoardEventBody } from "./board.js";
import type { Clock, Scheduled } from "./clock.js";
import { Halted, type Host } from "./host.js";
import type { Random } from "./random.js";

/** What the board gives its boots beside itself. */
export interface BootServices {
  readonly board: Board;
  readonly clock: Clock;
  readonly random: Random;
  /** The way into the board's event stream. */
  emit(event: BoardEventBody): void;
  /** The serial port. */
  print(text: string): void;
  /** An exception left firmware. */
  crash(error: unknown): void;
}

class Turn implements Scheduled {
  readonly #turns: Set<Turn>;
  scheduled: Scheduled | undefined;

  constructor(turns: Set<Turn>) {
    this.#turns = turns;
    turns.add(this);
  }

  cancel(): void {
    this.#turns.delete(this);
    this.scheduled?.cancel();
    this.scheduled = undefined;
  }
}

export class Boot implements Host {
  readonly #services: BootServices;
  readonly #startedAt: number;
  readonly #turns = new Set<Turn>();
  readonly #cleanups: (() => void)[] = [];
  #busyUntil: number;
  #alive = true;

  constructor(services: BootServices) {
    this.#services = services;
    this.#startedAt = services.clock.now;
    this.#busyUntil = this.#startedAt;
  }

  get clock(): Clock {
    return this.#services.clock;
  }

  get board(): Board {
    return this.#services.board;
  }

  get random(): Random {
    return this.#services.random;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get uptime(): number {
    return Math.max(this.clock.now, this.#busyUntil) - this.#startedAt;
  }

  /** The clock's time as this boot sees it: ahead of the clock while a call blocks the CPU. */
  get now(): number {
    return this.#startedAt + this.uptime;
  }

  queue(callback: () => void, delayMs = 0): Scheduled {
    const turn = new Turn(this.#turns);
    if (this.#alive) this.#schedule(turn, callback, Math.max(0, this.#busyUntil - this.clock.now) + delayMs);
    else turn.cancel();
    return turn;
  }

  stall(ms: number): void {
    this.#busyUntil = Math.max(this.clock.now, this.#busyUntil) + Math.max(0, ms);
  }

  onEnd(cleanup: () => void): void {
    if (this.#alive) this.#cleanups.push(cleanup);
    else cleanup();
  }

  emit(event: BoardEventBody): void {
    if (this.#alive) this.#services.emit(event);
  }

  print(text: string): void {
    if (this.#alive) this.#services.print(text);
  }

  /** Runs firmware now, as a turn. */
  run(callback: () => void): void {
    if (!this.#alive) return;
    try {
      callback();
    } catch (error) {
      // Firmware that was halted may stumble on over its own half-done work; that is no crash of a living board.
      if (this.#alive && !(error instanceof Halted)) this.#services.crash(error);
    }
  }

  /** Nothing of this boot runs from here on. */
  end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const turn of [...this.#turns]) turn.cancel();
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }

  #schedule(turn: Turn, callback: () => void, delayMs: number): void {
    turn.scheduled = this.clock.schedule(delayMs, () => {
      const busyMs = this.#busyUntil - this.clock.now;
      if (busyMs > 0) {
        this.#schedule(turn, callback, busyMs);
        return;
      }
      this.#turns.delete(turn);
      this.run(callback);
    });
  }
}
