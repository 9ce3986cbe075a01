// Sleep, restart and what the chip says of itself, over the global `System` and `chip`. Hides that deepSleep counts in
// microseconds in an unsigned 32-bit number (71 minutes at most), that it takes effect after the present turn only, and
// which option spares the next wake the radio's calibration.

import chip from "chip";

/** Longest timer wake of the chip, milliseconds: 2^32 - 1 microseconds, rounded down. */
const MAX_SLEEP_MS = 4294967;

/** RF options of `system_deep_sleep_set_option`: 1 calibrates at the next wake (some 200 ms), 2 does not. */
const CALIBRATE = 1;
const SKIP_CALIBRATION = 2;

export class Power {
  /** Deep sleep for `ms` milliseconds, at most 71 minutes; 0 means until a reset. The present turn still ends. */
  sleep(ms: number, calibrate: boolean): void {
    System.deepSleep(Math.min(ms, MAX_SLEEP_MS) * 1000, calibrate ? CALIBRATE : SKIP_CALIBRATION);
  }

  restart(): void {
    System.restart();
  }

  /** SDK reset reason, 0..6. */
  get resetReason(): number {
    return chip.resetReason();
  }

  /** What a watchdog or an exception left behind, for a person: `exception 28 at 0x40212345`; "" after other resets. */
  get fault(): string {
    const address = chip.exceptionAddress();
    if (address === 0) return "";
    return `exception ${chip.exceptionCause()} at 0x${address.toString(16)}`;
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
