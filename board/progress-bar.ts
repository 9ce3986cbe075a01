// How far a long command is: a bar where a person looks, else a line now and then. What is counted, and in which words,
// is its owner's matter.

import type { Context } from "./report.js";

/** Between two pictures of the bar, ms: a person sees no more. */
const DRAW_MS = 100;
/** Between two lines where nobody draws a bar, ms. */
const LINE_MS = 10_000;
const WIDTH = 20;

/** What there is to say of so many that are done, at so many a second. */
export type Describe = (done: number, perSecond: number) => string;

export class ProgressBar {
  readonly #context: Context;
  readonly #all: number;
  readonly #before: number;
  readonly #describe: Describe;
  readonly #startedAt = performance.now();
  #drawnAt = this.#startedAt;

  /** @param before how many of `all` were done earlier, and say nothing of the pace. */
  constructor(context: Context, all: number, before: number, describe: Describe) {
    this.#context = context;
    this.#all = all;
    this.#before = before;
    this.#describe = describe;
  }

  /** Since it was made. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** Draws it, or writes a line, unless that was done a moment ago. */
  show(done: number): void {
    if (performance.now() - this.#drawnAt >= (this.#context.isTerminal ? DRAW_MS : LINE_MS)) this.draw(done);
  }

  /** The same at once. */
  draw(done: number): void {
    const { isTerminal, err } = this.#context;
    this.#drawnAt = performance.now();
    const rate = (done - this.#before) / Math.max(this.seconds, 0.001);
    const left = rate > 0 ? `, ${Math.ceil((this.#all - done) / rate)} s left` : "";
    const text = `${this.#describe(done, rate)}${left}`;
    const full = "#".repeat(Math.round((WIDTH * done) / this.#all));
    err(isTerminal ? `\r\x1b[K[${full.padEnd(WIDTH)}] ${text}` : `  ${text}\n`);
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#context.isTerminal) this.#context.err("\r\x1b[K");
  }
}
