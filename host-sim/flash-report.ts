// What a board's flash says, read from a copy of it: which settings are in force, and what is still to be delivered,
// without asking the running firmware. Opening a journal may repair it, so the board's own flash is never opened here.

import { Journal } from "../src/alertbox/journal.js";
import type { Settings } from "../src/alertbox/settings.js";
import { SettingsStore } from "../src/alertbox/settings-store.js";
import { crc, span } from "./modules/chip.js";
import { NorFlash, sectorBytes } from "./nor-flash.js";

/** Places in the storage region; src/main.ts says so. */
export const Sector = Object.freeze({ JOURNAL: 0, SETTINGS: 2 } as const);

export interface JournalReport {
  /** The highest press count ever stored. */
  readonly pushes: number;
  /** Alerts that are not delivered. */
  readonly pending: number;
}

export function journalReport(flash: NorFlash): JournalReport {
  const journal = new Journal(copyOf(flash), Sector.JOURNAL, "reject");
  journal.open();
  return { pushes: journal.pushes, pending: journal.pending };
}

/** The settings that were saved; undefined when there are none. */
export function settingsReport(flash: NorFlash, chipId: number): Settings | undefined {
  return new SettingsStore(copyOf(flash), Sector.SETTINGS).load(chipId);
}

function copyOf(flash: NorFlash) {
  const copy = new NorFlash(flash.byteLength);
  copy.load(flash.save());
  return {
    sectorSize: sectorBytes,
    read: (offset: number, length: number) => copy.read(offset, length),
    write: (offset: number, bytes: Uint8Array) => copy.write(offset, bytes),
    erase: (sector: number) => copy.erase(sector),
    crc,
    span,
  };
}
