// Where a command writes: results to stdout, everything else to stderr. Nothing that goes to stderr holds a password of
// a URL. Knows no command.

import { masked } from "./failure.js";

/** A line of results. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printObject(object: object): void {
  print(JSON.stringify(object));
}

/** A line for the person: what happens, what is wrong. */
export function say(text: string): void {
  process.stderr.write(`alertbox: ${masked(text)}\n`);
}
