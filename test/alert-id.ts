// The id that an alert of a virtual board must have, from what the board's own flash says of its journal, and from no
// alert: what a test compares with.

import assert from "node:assert/strict";
import type { Board } from "../host-sim/board.js";
import { journalReport } from "../host-sim/flash-report.js";

/** Of the alert with this press count. Fails when the board's journal has no life, as none of this firmware's may. */
export function idOf({ chipId, flash }: Pick<Board, "chipId" | "flash">, sequence: number): string {
  const { life } = journalReport(flash);
  assert.ok(Number.isInteger(life) && life >= 1 && life <= 65535, `the journal's life is ${life}`);
  return `${chipId}-${sequence}-${life}`;
}

/** Of all alerts with press counts from 1 to this. */
export function idsOf(board: Pick<Board, "chipId" | "flash">, count: number): string[] {
  return Array.from({ length: count }, (_, index) => idOf(board, index + 1));
}
