// What a board's journal says, read from a copy of its flash: for counting what is still to be delivered without asking
// the running firmware. Opening a journal may repair it, so the board's own flash is never opened here.

import { Journal } from "../src/alertbox/journal.js";
import { NorFlash, sectorBytes } from "./nor-flash.js";

/** The journal's place in the storage region; src/main.ts says so. */
const JOURNAL_SECTOR = 0;

export interface JournalReport {
  /** The highest press count ever stored. */
  readonly pushes: number;
  /** Alerts that are not delivered. */
  readonly pending: number;
}

export function journalReport(flash: NorFlash): JournalReport {
  const copy = new NorFlash(flash.byteLength);
  copy.load(flash.save());
  const region = {
    sectorSize: sectorBytes,
    read: (offset: number, length: number) => copy.read(offset, length),
    write: (offset: number, bytes: Uint8Array) => copy.write(offset, bytes),
    erase: (sector: number) => copy.erase(sector),
  };
  const journal = new Journal(region, JOURNAL_SECTOR, "reject");
  journal.open();
  return { pushes: journal.pushes, pending: journal.pending };
}
