// What test/effort.ts is on XS: fewer rounds, and long tests left out with the reason, which the runner tells. How much
// an engine does comes from outside (host-sim/xs/unit/effort.ts).

import type { Effort } from "../effort.js";
import { it, leaveOut, noteShortened } from "./runner.js";

/** Put in by the bundler. */
declare const EFFORT: Effort;

const tooMany = "has too many cases";

export function rounds(count: number): number {
  return fewer(count, EFFORT.divisor);
}

export function share(least: number): number {
  return fewer(least, EFFORT.divisor === 1 ? 1 : 2 * EFFORT.divisor);
}

function fewer(count: number, divisor: number): number {
  const number = Math.ceil(count / divisor);
  if (number < count) noteShortened();
  return number;
}

interface Kind {
  readonly it: (title: string, act: () => unknown) => void;
}

const everywhere: Kind = { it };

function nowhere(why: string): Kind {
  return { it: (title) => leaveOut(title, why) };
}

export const long = EFFORT.long ? everywhere : nowhere(tooMany);
export const veryLong = EFFORT.veryLong ? everywhere : nowhere(tooMany);
export const parsing = nowhere("needs a parser of JavaScript, and the chip has bytecode only");
