// What a simulated module may use of its board during one boot. A reset, a power cut and deep sleep end the boot: the
// host is dead from then on, and a new boot gets a new one. The modules (host-sim/modules) see this interface and
// nothing of how the board makes it.

import type { Board, BoardEventBody } from "./board.js";
import type { Clock, Scheduled } from "./clock.js";
import type { Random } from "./random.js";

export interface Host {
  readonly clock: Clock;
  readonly board: Board;
  readonly random: Random;
  /** False after reset, sleep and power cut: nothing may call firmware any more, and its calls must have no effect. */
  readonly alive: boolean;
  /**
   * Milliseconds since this boot began, as the chip counts them: the clock's, or later while a call blocks the CPU (see
   * `stall`). Fractions allowed.
   */
  readonly uptime: number;
  /**
   * Queues a call into firmware as its own turn (never from inside a firmware call, ECMA-419 §9). An exception that
   * leaves it is a crash: logged with its stack, then a restart, as on the chip. The delay counts from `uptime`.
   */
  queue(callback: () => void, delayMs?: number): Scheduled;
  /**
   * Calls into firmware now, where a turn that was queued makes more than one such call: what leaves one as an
   * exception does not end the others, when the firmware's abort hook says so.
   */
  run(callback: () => void): void;
  /**
   * Lets the CPU be busy for a while inside the call that firmware is making: `uptime` is later at once, and whatever
   * is queued for before waits until then. For flash operations, `Timer.delay` and the like.
   */
  stall(ms: number): void;
  /** Runs when this boot ends, at once when it has ended. What must not happen after the end is undone here. */
  onEnd(cleanup: () => void): void;
  /** Text for the serial port, with its ends of line. Does nothing once the boot has ended. */
  print(text: string): void;
  /** Tells the board's listeners. Does nothing once the boot has ended. */
  emit(event: BoardEventBody): void;
}

/**
 * Thrown into firmware to unwind it when its boot has ended in the middle of a call: power cut, restart, deep sleep.
 * The host is dead before it is thrown, so firmware that catches it comes no further than its next call of a module.
 */
export class Halted extends Error {
  constructor() {
    super("this boot has ended");
    this.name = "Halted";
  }
}

/** The first line of every call that firmware makes into a simulated module: unwinds firmware whose boot has ended. */
export function requireAlive(host: Host): void {
  if (!host.alive) throw new Halted();
}
