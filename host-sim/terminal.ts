// The bench in a terminal: what happens as one line per step, a line that stays at the bottom, and keys. On a pipe it
// writes plain lines and nothing else. Knows a Stage and two streams; what the keys mean is in terminal-keys.ts, what
// the lines say in story-line.ts, event-log.ts and bottom-line.ts.

import { ArrivalTimes, bottomLine } from "./bottom-line.js";
import { EventLog, formatEntry } from "./event-log.js";
import { type Look, paint, Sgr } from "./look.js";
import type { LogKind } from "./options.js";
import type { BenchEvent, Line, Snapshot, Stage } from "./page/protocol.js";
import { formatLine } from "./story-line.js";
import { keyHints, TerminalKeys } from "./terminal-keys.js";

export type { Look } from "./look.js";
export { formatLine } from "./story-line.js";

/** A stream that lines go to; process.stdout is one. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

/** A stream that keys come from; process.stdin is one. */
export interface Input {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
  on(event: "data", listener: (data: Buffer) => void): unknown;
  off(event: "data", listener: (data: Buffer) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** The environment variables that say how a terminal wants to be written to; process.env has them. */
export interface Environment {
  readonly NO_COLOR?: string | undefined;
  readonly TERM?: string | undefined;
  readonly LC_ALL?: string | undefined;
  readonly LC_CTYPE?: string | undefined;
  readonly LANG?: string | undefined;
}

/**
 * Colours only for a terminal that has them and a person who wants them (no-color.org); Unicode where the locale has
 * it.
 */
export function lookOf(output: Output, environment: Environment, platform: string): Look {
  const colour = output.isTTY === true && (environment.NO_COLOR ?? "") === "" && environment.TERM !== "dumb";
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG || "";
  return { colour, unicode: platform !== "linux" || /utf-?8/i.test(locale) };
}

export interface TerminalOptions {
  readonly stage: Stage;
  readonly output: Output;
  /** Undefined: no keys. */
  readonly input: Input | undefined;
  readonly look: Look;
  /** URL of the page; undefined: there is none. */
  readonly page: string | undefined;
  /** What is told line by line; steps unless given. */
  readonly log?: readonly LogKind[];
  quit(): void;
}

/** Characters of a row of hints. */
const HINT_WIDTH = 76;

/** Frames a second of the bottom line, at most: 64 blinking boards are no reason for a flood. */
const FRAME_MS = 33;

export class Terminal {
  readonly #options: TerminalOptions;
  readonly #unsubscribe: () => void;
  readonly #live: boolean;
  /** Chip ids by number, of all boards that were ever there. */
  readonly #chipIds = new Map<number, number>();
  #log: EventLog;
  readonly #tellsSteps: boolean;
  readonly #times = new ArrivalTimes();
  readonly #keys: TerminalKeys;
  /** Length of the bottom line that stands there now, 0 when there is none. */
  #standing = 0;
  #frame: NodeJS.Timeout | undefined;
  #stale = false;
  #closed = false;

  constructor(options: TerminalOptions) {
    this.#options = options;
    const { stage, output, input } = options;
    const snapshot = stage.snapshot();
    const kinds = options.log ?? ["steps"];
    this.#tellsSteps = kinds.includes("steps");
    this.#log = new EventLog(kinds, snapshot);
    this.#keys = new TerminalKeys({
      stage,
      print: (text) => this.#print(text),
      draw: () => this.#draw(),
      quit: () => options.quit(),
      suspend: () => {
        this.pause();
        process.kill(process.pid, "SIGTSTP");
      },
    });
    this.#live = output.isTTY === true;
    if (this.#live) {
      output.on("resize", this.#onResize);
      output.write("\x1b[?25l");
    }
    this.#print(this.#banner());
    this.#meet(snapshot);
    this.#unsubscribe = stage.on((event) => this.#onEvent(event));
    if (input !== undefined) {
      if (input.isTTY === true) input.setRawMode?.(true);
      input.on("data", this.#onData);
      input.resume();
    }
  }

  /** Forgets what it knew of another bench, and shows this one. */
  #meet(snapshot: Snapshot): void {
    this.#log = new EventLog(this.#options.log ?? ["steps"], snapshot);
    this.#times.clear();
    this.#keys.meet(snapshot);
    this.#chipIds.clear();
    for (const { index, chipId } of snapshot.boards) this.#chipIds.set(index, chipId);
    for (const line of snapshot.lines) if (this.#tellsSteps) this.#print(this.#format(line));
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsubscribe();
    clearTimeout(this.#frame);
    const { input, output } = this.#options;
    if (input !== undefined) {
      input.off("data", this.#onData);
      if (input.isTTY === true) input.setRawMode?.(false);
      input.pause();
    }
    if (this.#live) {
      output.off("resize", this.#onResize);
      output.write(`${this.#erase()}\x1b[?25h`);
    }
  }

  /** Gives the terminal to the shell and takes it back (Ctrl-Z, then fg). */
  pause(): void {
    const { input, output } = this.#options;
    if (input?.isTTY === true) input.setRawMode?.(false);
    if (this.#live) output.write(`${this.#erase()}\x1b[?25h`);
  }

  resume(): void {
    const { input, output } = this.#options;
    if (input?.isTTY === true) input.setRawMode?.(true);
    if (this.#live) output.write("\x1b[?25l");
    this.#draw();
  }

  #banner(): string {
    const { look, page, input, stage } = this.#options;
    const { bench } = stage.snapshot();
    const rows = ["", `  ${paint(look, Sgr.bold, "alertbox bench")}`, ""];
    const row = (name: string, value: string) => rows.push(`  ${paint(look, Sgr.dim, name.padEnd(8))}${value}`);
    if (page !== undefined) row("Page", paint(look, Sgr.cyan, page));
    row("Broker", `${bench.broker}${bench.brokerOurs ? "  (started here)" : ""}`);
    if (bench.watch !== "") row("Watch", look.unicode ? bench.watch : bench.watch.replaceAll("…", "..."));
    if (bench.world === "virtual") row("World", "virtual: nothing is real, and the same deeds give the same bytes");
    rows.push("");
    if (input !== undefined) {
      rows.push(...keyHints(HINT_WIDTH).map((hints) => `  ${hints}`), "");
    }
    return rows.join("\n");
  }

  /** Names stand in the lines as soon as there is more than one board to tell apart. */
  get #names(): boolean {
    return this.#chipIds.size > 1;
  }

  #format(line: Line): string {
    return formatLine(line, this.#name(line.board), this.#options.look);
  }

  #name(board: number): string {
    return this.#names ? String(this.#chipIds.get(board) ?? "") : "";
  }

  #onEvent(event: BenchEvent): void {
    for (const entry of this.#log.entries(event)) {
      this.#print(formatEntry(entry, this.#name(entry.board), this.#options.look));
    }
    switch (event.type) {
      case "line":
        if (this.#tellsSteps) this.#print(this.#format(event.line));
        return;
      case "press":
        if (this.#times.hear(event.press)) this.#refresh();
        return;
      case "board":
        this.#chipIds.set(event.board.index, event.board.chipId);
        this.#refresh();
        return;
      case "gone":
        this.#times.forget(event.board);
        this.#keys.gone(event.board);
        this.#refresh();
        return;
      case "led":
      case "bench":
        this.#refresh();
        return;
      case "snapshot":
        this.#print("");
        // A person's own story stands above already.
        this.#meet(event.bench.visiting ? event : { ...event, lines: [] });
        return;
    }
  }

  /** Writes above the bottom line. */
  #print(text: string): void {
    const bottom = this.#erase();
    this.#options.output.write(`${bottom}${text}\n${this.#bottom()}`);
  }

  #refresh(): void {
    if (!this.#live) return;
    if (this.#frame !== undefined) {
      this.#stale = true;
      return;
    }
    this.#draw();
    this.#frame = setTimeout(() => {
      this.#frame = undefined;
      if (this.#stale) this.#refresh();
      this.#stale = false;
    }, FRAME_MS);
    this.#frame.unref();
  }

  #draw(): void {
    if (this.#live) this.#options.output.write(`${this.#erase()}${this.#bottom()}`);
  }

  /** What removes the bottom line. A terminal that became narrower has wrapped it into several rows. */
  #erase(): string {
    if (this.#standing === 0) return "";
    const columns = Math.max(1, this.#options.output.columns ?? 80);
    const above = Math.ceil(this.#standing / columns) - 1;
    this.#standing = 0;
    return `\r${above > 0 ? `\x1b[${above}A` : ""}\x1b[0J`;
  }

  /** The bottom line, or nothing where there is no place for one. */
  #bottom(): string {
    if (!this.#live || this.#closed) return "";
    const { stage, look, output } = this.#options;
    const line = bottomLine({
      snapshot: stage.snapshot(),
      selected: this.#keys.selected,
      isChoosingFault: this.#keys.isChoosingFault,
      times: this.#times,
      look,
      width: Math.max(0, (output.columns ?? 80) - 1),
      hasNames: this.#names,
    });
    this.#standing = line?.length ?? 0;
    return line?.text ?? "";
  }

  readonly #onResize = (): void => this.#draw();

  readonly #onData = (data: Buffer): void => {
    if (!this.#closed) this.#keys.type(data.toString("utf8"));
  };
}
