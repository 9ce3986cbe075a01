// Lines that change in place at the bottom of a terminal: drawn at most ten times a second, cut to its size, its cursor
// given back. Knows no MQTT.

import type { WriteStream } from "node:tty";
import { shown } from "./shown.js";

const FRAME_MS = 100;
/** Ages grow although nothing comes. */
const TICK_MS = 1000;

export class LiveText {
  readonly #output: WriteStream;
  readonly #lines: () => readonly string[];
  readonly #tick: NodeJS.Timeout;
  #frame: NodeJS.Timeout | undefined;
  /** Lengths of the lines that stand there. */
  #standing: readonly number[] = [];
  #note = "";
  #isClosed = false;
  readonly #onResize = () => this.#draw();
  /** Also when something throws: the shell gets its cursor back. */
  readonly #onExit = () => this.close();

  constructor(output: WriteStream, lines: () => readonly string[]) {
    this.#output = output;
    this.#lines = lines;
    output.write("\x1b[?25l");
    output.on("resize", this.#onResize);
    process.on("exit", this.#onExit);
    this.#tick = setInterval(() => this.refresh(), TICK_MS);
  }

  /** Shows a text below the lines until the next one. */
  note(text: string): void {
    this.#note = text;
    this.refresh();
  }

  refresh(): void {
    this.#frame ??= setTimeout(() => {
      this.#frame = undefined;
      this.#draw();
    }, FRAME_MS);
  }

  /** Leaves the last lines standing. */
  close(): void {
    if (this.#isClosed) return;
    this.#draw();
    this.#isClosed = true;
    clearInterval(this.#tick);
    clearTimeout(this.#frame);
    this.#output.off("resize", this.#onResize);
    process.off("exit", this.#onExit);
    this.#output.write("\x1b[?25h");
  }

  #draw(): void {
    if (this.#isClosed) return;
    // Some terminals do not know their size.
    const columns = this.#output.columns || 80;
    const rows = this.#output.rows || 24;
    const all = this.#note === "" ? [...this.#lines()] : [...this.#lines(), shown(this.#note)];
    const lines = all.slice(0, Math.max(1, rows - 1)).map((line) => line.slice(0, Math.max(1, columns - 1)));
    // A terminal that became narrower has wrapped them.
    const above = this.#standing.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / columns)), 0);
    const up = above > 0 ? `\x1b[${above}A` : "";
    this.#output.write(`${up}\r\x1b[0J${lines.join("\n")}\n`);
    this.#standing = lines.map(({ length }) => length);
  }
}
