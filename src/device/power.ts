// Sleep, restart and what the chip says of itself, over the global `System` and `chip`. Hides that deepSleep counts in
// microseconds in an unsigned 32-bit number (71 minutes at most) and that it takes effect after the present turn only.

import chip from "chip";

/** Longest timer wake of the chip, milliseconds: 2^32 - 1 microseconds, rounded down. */
const MAX_SLEEP_MS = 4294967;

/** RF option of `deepSleep`: 0 leaves calibration at wake to the chip's own defaults. */
const RF_DEFAULT = 0;

export class Power {
  /** Deep sleep for `ms` milliseconds, at most 71 minutes; 0 means until a reset. The present turn still ends. */
  sleep(ms: number): void {
    System.deepSleep(Math.min(ms, MAX_SLEEP_MS) * 1000, RF_DEFAULT);
  }

  restart(): void {
    System.restart();
  }

  /** SDK reset reason, 0..6. */
  get resetReason(): number {
    return chip.resetReason();
  }

  get chipId(): number {
    return chip.id();
  }

  get millivolts(): number {
    return chip.millivolts();
  }

  get freeHeap(): number {
    return chip.freeHeap();
  }
}
