// What a person reads from the LED: how often "sent" (five quick flashes of 100 ms) and "not sent" (three long) were
// shown, from the changes of the light alone. It knows the words of DESIGN §9 and nothing of the firmware.

import type { LedChange } from "../board-event.js";

/** Light that was on and off again. */
interface Flash {
  readonly at: number;
  readonly onMs: number;
  /** Until the next one; infinite after the last. */
  readonly offMs: number;
}

export interface Shown {
  readonly at: number;
  readonly word: "sent" | "not sent";
}

/** So much a flash may differ from its time, ms. */
const tolerance = 15;

/**
 * What was shown, in order, and since when a person could know. Two of the same word in one row of flashes count once
 * for each whole pattern.
 */
export function readLed(changes: readonly LedChange[]): Shown[] {
  const flashes = flashesOf(changes);
  const shown: Shown[] = [];
  for (let index = 0; index < flashes.length; ) {
    if (isRow(flashes, index, 5, 100, 100)) {
      // The first ones may belong to something else: nobody knows before the last.
      shown.push({ at: (flashes[index + 4] as Flash).at, word: "sent" });
      index += 5;
    } else if (isRow(flashes, index, 3, 600, 300)) {
      shown.push({ at: (flashes[index] as Flash).at, word: "not sent" });
      index += 3;
    } else {
      index += 1;
    }
  }
  return shown;
}

function flashesOf(changes: readonly LedChange[]): Flash[] {
  const flashes: Flash[] = [];
  for (const [index, { at, on }] of changes.entries()) {
    const off = changes[index + 1];
    if (!on || off === undefined) continue;
    const next = changes[index + 2]?.at ?? Number.POSITIVE_INFINITY;
    flashes.push({ at, onMs: off.at - at, offMs: next - off.at });
  }
  return flashes;
}

/** Whether so many flashes of these times stand in a row; what follows the last is not looked at. */
function isRow(flashes: readonly Flash[], from: number, count: number, onMs: number, offMs: number): boolean {
  for (let index = from; index < from + count; index++) {
    const flash = flashes[index];
    if (flash === undefined || Math.abs(flash.onMs - onMs) > tolerance) return false;
    if (index < from + count - 1 && Math.abs(flash.offMs - offMs) > tolerance) return false;
  }
  return true;
}
