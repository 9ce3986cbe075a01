// What a box makes of the boots before this one: five quick presses on RST open the setup where a hold cannot be
// measured (the CPU stands while RST is low), ten erase the settings, three bad boots in a row open it too, in case the
// settings are to blame. Counts in, a course out; where the counts are kept is not known here.

import type { WakeCause } from "./effect.js";
import { isDue } from "./state.js";

/** How a boot goes on. */
export type Course = "normal" | "setup" | "erase" | "safe";

export const RecoveryLimits = Object.freeze({
  /** Presses on RST in a row that open the setup, and that erase settings and alerts. */
  SETUP_PRESSES: 5,
  ERASE_PRESSES: 10,
  /** A press within so many milliseconds after a boot follows the one before it quickly. */
  QUICK_MS: 2000,
  /** Crashes, each within GOOD_MS of its boot, that lead to safe mode. */
  BAD_BOOTS: 3,
  /** A boot that has lasted so many milliseconds, or that ended in sleep, was good. */
  GOOD_MS: 60000,
} as const);

/** Presses in quick succession, this boot included, from what was kept of the boot before. */
export function quickPresses(cause: WakeCause, wiring: string, before: number): number {
  return cause === "press" && wiring === "rst" ? Math.min(before + 1, 255) : 0;
}

/** Bad boots in a row, from what was kept. */
export function badBoots(cause: WakeCause, before: number): number {
  return cause === "crash" ? Math.min(before + 1, 255) : before;
}

export function courseOf(cause: WakeCause, quick: number, bad: number): Course {
  if (quick >= RecoveryLimits.ERASE_PRESSES) return "erase";
  if (quick >= RecoveryLimits.SETUP_PRESSES) return "setup";
  return cause === "crash" && bad >= RecoveryLimits.BAD_BOOTS ? "safe" : "normal";
}

/** When the counts are to be forgotten in a boot that goes on. */
export class Recovery {
  private readonly quickUntil: number;
  private readonly goodAt: number;
  private stage = 0;

  constructor(bootAt: number) {
    this.quickUntil = (bootAt + RecoveryLimits.QUICK_MS) | 0;
    this.goodAt = (bootAt + RecoveryLimits.GOOD_MS) | 0;
  }

  /** When `passed` has something to say next. */
  get until(): number | undefined {
    if (this.stage === 2) return undefined;
    return this.stage === 0 ? this.quickUntil : this.goodAt;
  }

  /** A press would still count as a quick one. */
  get quick(): boolean {
    return this.stage === 0;
  }

  /** What is forgotten from now on; undefined when it is not time yet. Call until it is. */
  passed(now: number): "presses" | "crashes" | undefined {
    if (!isDue(this.until, now)) return undefined;
    this.stage += 1;
    return this.stage === 1 ? "presses" : "crashes";
  }
}
