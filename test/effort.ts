// How much of a long test is done. In Node all of it: a loop has the rounds that are asked for, a long test is a test.
// On XS, where the same takes a hundred times as long, and on the chip's processor in QEMU, a thousand, the runner puts
// host-sim/xs/unit/image/effort.ts in this file's place: there rounds are fewer, and long tests are left out and
// counted. Tests of src/mqtt, src/alertbox and src/setup that take long say so with these.

import { it } from "mocha";

/** Tests that are not run everywhere. */
export interface Kind {
  readonly it: (title: string, act: Mocha.Func | Mocha.AsyncFunc) => void;
}

/** Rounds of a loop over cases by chance. */
export function rounds(count: number): number {
  return count;
}

/** What must come at least of a loop's `rounds`: goes down with them, and further, as few cases stray further. */
export function share(least: number): number {
  return least;
}

const everywhere: Kind = Object.freeze({
  it: (title: string, act: Mocha.Func | Mocha.AsyncFunc) => void it(title, act),
});

/** Has too many cases for the chip's processor in QEMU: left out there. */
export const long: Kind = everywhere;

/** Has too many cases for XS: left out on it. */
export const veryLong: Kind = everywhere;

/** Needs a parser of JavaScript, which the chip has not: left out on XS. */
export const parsing: Kind = everywhere;
