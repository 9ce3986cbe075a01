// The serial port as a reader sees it: the text that firmware traces, cut into lines, and the lines that tell a step of
// the way from press to delivery. Knows the form of such a line, not its words.

import type { Step } from "./board-event.js";

/** How many lines and steps are kept; a bench may run for weeks. */
const keptLines = 20_000;

const stepForm = /^\[(-?\d+)\] (\S+) ?(.*)$/;

export class SerialLog {
  readonly lines: string[] = [];
  readonly steps: Step[] = [];
  readonly #heard: (text: string, step: Step | undefined) => void;
  #partial = "";

  /** @param heard is called for each finished line. */
  constructor(heard: (text: string, step: Step | undefined) => void) {
    this.#heard = heard;
  }

  /** Text as it comes. `at` is the clock's time, ms. */
  write(text: string, at: number): void {
    const pieces = (this.#partial + text).split("\n");
    this.#partial = pieces.pop() ?? "";
    for (const piece of pieces) this.#line(piece, at);
  }

  /** Ends a line that firmware left open: the board stopped in the middle of it. */
  flush(at: number): void {
    if (this.#partial !== "") this.write("\n", at);
  }

  #line(text: string, at: number): void {
    const form = stepForm.exec(text);
    const step =
      form === null ? undefined : { at, ms: Number(form[1]), word: form[2] ?? "", detail: (form[3] ?? "").trimEnd() };
    keep(this.lines, text);
    if (step !== undefined) keep(this.steps, step);
    this.#heard(text, step);
  }
}

/** Adds to a list that forgets its oldest tenth when it is full. */
export function keep<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > keptLines) list.splice(0, keptLines / 10);
}
