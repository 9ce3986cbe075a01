// What a box makes of the boots before this one: five quick presses on RST open the setup where a hold cannot be
// measured (the CPU stands while RST is low), ten erase the settings, three bad boots in a row open it too, in case the
// settings are to blame. Counts in, a course out; where the counts are kept is not known here.

import type { WakeCause } from "./effect.js";

/** How a boot goes on. */
export type Course = "normal" | "setup" | "erase" | "safe";

// Numbers that stand in the code, because a named constant takes some 60 bytes of flash:
// - 5 and 10: presses on RST in a row that open the setup, and that erase settings and alerts.
// - 2000: a press within so many milliseconds after a boot follows the one before it quickly.
// - 3: crashes, each within 60,000 ms of its boot, that lead to safe mode; a boot that has lasted longer, or that ended
//   in sleep, was good.

/** Presses in quick succession, this boot included, from what was kept of the boot before. */
export function quickPresses(cause: WakeCause, wiring: string, before: number): number {
  return cause === "press" && wiring === "rst" ? Math.min(before + 1, 255) : 0;
}

/** Bad boots in a row, from what was kept. */
export function badBoots(cause: WakeCause, before: number): number {
  return cause === "crash" ? Math.min(before + 1, 255) : before;
}

export function courseOf(cause: WakeCause, quick: number, bad: number): Course {
  if (quick >= 10) return "erase";
  if (quick >= 5) return "setup";
  return cause === "crash" && bad >= 3 ? "safe" : "normal";
}

/** When the counts are to be forgotten in a boot that goes on. */
export class Recovery {
  // Set here, only read elsewhere:
  /** When `passed` has something to say next. */
  until: number | undefined;
  /** A press would still count as a quick one. */
  quick = true;

  constructor(bootAt: number) {
    this.until = (bootAt + 2000) | 0;
  }

  /** What is forgotten from now on; undefined when it is not time yet. Call until it is. */
  passed(now: number): "presses" | "crashes" | undefined {
    const { until } = this;
    if (until === undefined || ((now - until) | 0) < 0) return undefined;
    if (!this.quick) {
      this.until = undefined;
      return "crashes";
    }
    this.quick = false;
    // 60,000 ms after the boot.
    this.until = (until + 58000) | 0;
    return "presses";
  }
}
