// Sleep, restart and what the chip says of itself, over the global `System` and `chip`. Hides that deepSleep counts in
// microseconds in an unsigned 32-bit number (71 minutes at most), that it takes effect after the present turn only, and
// which option spares the next wake the radio's calibration.

import chip from "chip";

// Numbers that stand in the code, because a named constant takes some 60 bytes of flash:
// - 4294967: longest timer wake of the chip, milliseconds: 2^32 - 1 microseconds, rounded down.
// - 1, 2: RF options of `system_deep_sleep_set_option`: 1 calibrates at the next wake (some 200 ms), 2 does not.

export class Power {
  /** Deep sleep for `ms` milliseconds, at most 71 minutes; 0 means until a reset. The present turn still ends. */
  sleep(ms: number, calibrate: boolean): void {
    System.deepSleep(Math.min(ms, 4294967) * 1000, calibrate ? 1 : 2);
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
