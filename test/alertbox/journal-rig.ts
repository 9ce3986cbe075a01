// A journal on a flash of its own, and what a user of it can see.

import assert from "node:assert/strict";
import { Journal } from "../../src/alertbox/journal.js";
import type { Nor } from "./nor.js";

export type Policy = "reject" | "drop-oldest";

/** Small sectors of 13 slots make a compaction every few presses. */
export const SMALL = 64 + 13 * 20;

let offered = 0;

function another(): number {
  offered = (offered % 65535) + 1;
  return offered;
}

/** Each opening offers another life, so that a journal which takes it up a second time is found out. */
export function opened(nor: Nor, policy: Policy = "reject", life = another()): Journal {
  const journal = new Journal(nor, 0, policy);
  journal.open(life);
  return journal;
}

export function sequences(journal: Journal): number[] {
  const found: number[] = [];
  for (let alert = journal.first(); alert !== undefined; alert = journal.next(alert.sequence))
    found.push(alert.sequence);
  return found;
}

/** All that a user of the journal can see. */
export interface View {
  life: number;
  pushes: number;
  dropped: number;
  needsCleanSession: boolean;
  alerts: { sequence: number; event: number; millivolts: number; status: number }[];
}

export function view(journal: Journal): View {
  const alerts: View["alerts"] = [];
  for (let alert = journal.first(); alert !== undefined; alert = journal.next(alert.sequence))
    alerts.push({ ...alert });
  assert.equal(journal.pending, alerts.length, "pending agrees with what first() and next() give");
  const { life, pushes, dropped, needsCleanSession } = journal;
  return { life, pushes, dropped, needsCleanSession, alerts };
}

/** Offset of a record in the active sector, found by its sequence number. */
export function recordAt(nor: Nor, sector: number, slot: number): number {
  return sector * nor.sectorSize + 64 + slot * 20;
}
