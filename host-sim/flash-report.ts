// What a board's flash says, read from a copy of it: which settings are in force, and what is still to be delivered,
// without asking the running firmware. Opening a journal may repair it, so the board's own flash is never opened here.

import type { Flash } from "../src/alertbox/flash.js";
import { Journal } from "../src/alertbox/journal.js";
import type { Settings } from "../src/alertbox/settings.js";
import { SettingsStore } from "../src/alertbox/settings-store.js";
import { regionOf } from "./flash-region.js";
import { NorFlash } from "./nor-flash.js";

/** Places in the storage region; src/main.ts says so. */
export const Sector = Object.freeze({ JOURNAL: 0, SETTINGS: 2 } as const);

export interface JournalReport {
  /** The highest press count ever stored. */
  readonly pushes: number;
  /** Alerts that are not delivered. */
  readonly pending: number;
  /** The last part of its alerts' ids; 0 for one from before they had it, and when there is none. */
  readonly life: number;
}

export function journalReport(flash: NorFlash): JournalReport {
  const journal = new Journal(copyOf(flash), Sector.JOURNAL, "reject");
  journal.open(0);
  return { pushes: journal.pushes, pending: journal.pending, life: journal.life };
}

/** The settings that were saved; undefined when there are none. */
export function settingsReport(flash: NorFlash, chipId: number): Settings | undefined {
  return new SettingsStore(copyOf(flash), Sector.SETTINGS).load(chipId);
}

function copyOf(flash: NorFlash): Flash {
  const copy = new NorFlash(flash.byteLength);
  copy.load(flash.save());
  return regionOf(copy);
}
