// The bench in a terminal: what happens as one line per step, the LED and the switches in a line that stays at the
// bottom, and keys. On a pipe it writes plain lines and nothing else. Knows a Stage and two streams.

import { EventLog, formatEntry } from "./event-log.js";
import { harmless, type Look, paint, Sgr } from "./look.js";
import type { LogKind } from "./options.js";
import { FAULTS, type PressView } from "./page/details.js";
import { percentile } from "./page/percentile.js";
import {
  type BenchEvent,
  type BenchView,
  type BoardView,
  FASTEST,
  type Line,
  type Snapshot,
  type Stage,
  speedsOf,
} from "./page/protocol.js";

export type { Look } from "./look.js";

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

const WORD_COLOURS: Readonly<Record<string, Sgr>> = Object.freeze({
  pressed: Sgr.bold,
  "setup open": Sgr.cyan,
  setup: Sgr.magenta,
  safe: Sgr.red,
  cache: Sgr.yellow,
  config: Sgr.cyan,
  command: Sgr.cyan,
  "factory-reset": Sgr.red,
  "awake-cap": Sgr.yellow,
  "low-battery": Sgr.yellow,
  "command-invalid": Sgr.red,
  "flash-failed": Sgr.red,
  "config-invalid": Sgr.red,
  stored: Sgr.blue,
  received: Sgr.cyan,
  delivered: Sgr.green,
  arrived: Sgr.green,
  "arrived again": Sgr.red,
  joining: Sgr.yellow,
  connecting: Sgr.yellow,
  sleeping: Sgr.magenta,
  refused: Sgr.red,
  failed: Sgr.red,
  crash: Sgr.red,
  "join-failed": Sgr.red,
  "not-stored": Sgr.red,
  "not-sent": Sgr.yellow,
  fault: Sgr.yellow,
  "fault over": Sgr.green,
  "not added": Sgr.yellow,
  "not removed": Sgr.yellow,
  breach: Sgr.red,
  holds: Sgr.green,
});

/** One line of the story, without its end; `name` is the board's, empty when there is only one. */
export function formatLine(line: Line, name: string, look: Look): string {
  const ms = `${Math.round(line.since ?? line.at)} ms`.padStart(10);
  const board = name === "" ? "" : `${name.padEnd(9)}`;
  const colour = WORD_COLOURS[line.word] ?? (line.source === "bench" ? Sgr.bold : Sgr.plain);
  const word = paint(look, colour, harmless(line.word).padEnd(12));
  const text = `${paint(look, Sgr.dim, ms)}  ${board}${word} ${paint(look, Sgr.dim, harmless(line.detail))}`;
  return look.colour ? text : text.trimEnd();
}

const HELP = `
  space    press            l  long press (1.5 s)     d  double press
  s        setup (holds 6 s; on RST: five quick presses)
  f f      factory reset (holds 11 s; on RST: ten quick presses)
  r        reset            p  power cut, back after 1 s
  x        crash: the watchdog bites
  w        Wi-Fi off/on     b  broker off/on          m  more that can break
  z        pause, go on     <  slower   >  faster     .  or enter: next event, in a pause
  1 to 9   choose a board   tab  next board
  +        one more board like this one               - -  take this one away
  ?        this help        e  back to your bench      q  quit
`;

/** What `m` says: the faults with their digits, those that are on with a cross. */
function mischief(bench: BenchView, board: BoardView): string {
  const rows = FAULTS.map(({ name, scope, title, text }, index) => {
    const isOn = (scope === "home" ? bench : board).faults.includes(name);
    return `  ${index + 1}  [${isOn ? "x" : " "}]  ${title.padEnd(22)}${text}`;
  });
  return ["", ...rows, "  0       mends all of it", ""].join("\n");
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

/** The second key of what is asked twice comes within so many milliseconds of the first. */
const CONFIRM_MS = 3000;

/** How many of a board's alerts its percentiles are of: as many as the page shows. */
const TIMES_KEPT = 20;

/** Frames a second of the bottom line, at most: 64 blinking boards are no reason for a flood. */
const FRAME_MS = 33;

export class Terminal {
  readonly #options: TerminalOptions;
  readonly #unsubscribe: () => void;
  readonly #live: boolean;
  /** Chip ids by number, of all boards that were ever there. */
  readonly #chipIds = new Map<number, number>();
  #speeds: readonly number[] = [];
  #log: EventLog;
  readonly #tellsSteps: boolean;
  /** Of each board's latest presses by their numbers: milliseconds from the finger to the subscriber. */
  readonly #times = new Map<number, Map<number, number>>();
  /** Number of the board that keys are for. */
  #selected = 0;
  /** The digits are for faults. */
  #isChoosingFault = false;
  /** When a key that asks twice was typed, and for which board. */
  #asked = { at: Number.NEGATIVE_INFINITY, key: "", board: -1 };
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
    const { bench, boards, lines } = snapshot;
    this.#log = new EventLog(this.#options.log ?? ["steps"], snapshot);
    this.#speeds = speedsOf(bench);
    this.#times.clear();
    this.#chipIds.clear();
    for (const { index, chipId } of boards) this.#chipIds.set(index, chipId);
    this.#selected = boards[0]?.index ?? 0;
    for (const line of lines) if (this.#tellsSteps) this.#print(this.#format(line));
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
      rows.push("  space press, l long, d double, s setup, r reset, p power, w Wi-Fi, b broker,");
      rows.push("  m more faults, z pause, < > speed, + - boards, ? help, q quit", "");
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
        this.#time(event.press);
        return;
      case "board":
        this.#chipIds.set(event.board.index, event.board.chipId);
        this.#refresh();
        return;
      case "gone":
        this.#times.delete(event.board);
        if (event.board === this.#selected) this.#selectNext();
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

  #time({ board, number, steps }: PressView): void {
    if (steps.arrived === undefined) return;
    const times = this.#times.get(board) ?? new Map<number, number>();
    times.set(number, steps.arrived);
    for (const old of times.keys()) if (times.size > TIMES_KEPT) times.delete(old);
    this.#times.set(board, times);
    this.#refresh();
  }

  /** How long the latest alerts of a board took; empty before the first. */
  #shownTimes(board: number): string {
    const times = [...(this.#times.get(board)?.values() ?? [])];
    const [middle, slow] = [50, 90].map((percent) => percentile(times, percent));
    if (middle === undefined || slow === undefined) return "";
    return `, p50 ${Math.round(middle)} ms, p90 ${Math.round(slow)} ms`;
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

  /** The bottom line: LED, board, switches, counts; cut to the width, so that it never wraps by itself. */
  #bottom(): string {
    if (!this.#live || this.#closed) return "";
    const { stage, look, output } = this.#options;
    const { bench, boards } = stage.snapshot();
    const board = boards.find(({ index }) => index === this.#selected);
    if (board === undefined) return "";
    const lamps = boards.map((each) => this.#lamp(each)).slice(0, 24);
    const state = { off: "no power", booting: "booting", running: "awake", asleep: "asleep" }[board.power];
    const setup = board.setup === "" ? [] : [`setup open, closes in ${board.setupSeconds} s`];
    const faults = [...bench.faults, ...board.faults];
    const titles = FAULTS.filter(({ name }) => faults.includes(name)).map(({ title }) => title.toUpperCase());
    const rest = [
      ...(this.#isChoosingFault ? ["1 to 9 breaks or mends, 0 mends all"] : []),
      ...(bench.paused ? [`PAUSED at ${(bench.now / 1000).toFixed(3)} s`] : []),
      `${board.chipId} ${state}${board.presence === "" ? "" : `, ${board.presence}`}`,
      ...setup,
      `Wi-Fi ${bench.wifiOn ? "on" : "OFF"}`,
      `broker ${bench.brokerOn ? "on" : "OFF"}`,
      ...titles,
      ...(bench.visiting ? ["VISIT, e: back"] : []),
      ...(bench.speed === 1 ? [] : [bench.speed === FASTEST ? "as fast as it goes" : `${bench.speed} x`]),
      `${board.presses} pressed, ${board.alerts} arrived${this.#shownTimes(this.#selected)}`,
    ].join("   ");
    const width = Math.max(0, (output.columns ?? 80) - 1);
    const lampWidth = look.unicode ? 1 : 3;
    const shown = lamps.slice(0, Math.max(1, Math.floor((width - 2) / (lampWidth + 1))));
    const used = 1 + shown.length * (lampWidth + 1) + 1;
    const text = rest.slice(0, Math.max(0, width - used));
    this.#standing = used + text.length;
    return ` ${shown.join(" ")}  ${paint(look, Sgr.dim, text)}`;
  }

  #lamp(board: BoardView): string {
    const { look } = this.#options;
    const chosen = this.#names && board.index === this.#selected;
    const sign = look.unicode ? (board.led ? "●" : "○") : board.led ? "(*)" : "( )";
    return paint(look, board.led ? Sgr.blue : chosen ? Sgr.bold : Sgr.dim, sign);
  }

  readonly #onResize = (): void => this.#draw();

  readonly #onData = (data: Buffer): void => {
    const text = data.toString("utf8");
    // An arrow, a function key, a pasted sequence: nothing of it is a key of ours.
    if (text.startsWith("\x1b")) {
      if (text === "\x1b") this.#chooseFault(false);
      return;
    }
    for (const key of text) {
      if (this.#closed) return;
      this.#onKey(key.toLowerCase());
    }
  };

  #onKey(key: string): void {
    const { stage, quit } = this.#options;
    const board = this.#selected;
    if (this.#isChoosingFault) {
      this.#chooseFault(false);
      if (/^\d$/.test(key)) this.#switchFault(Number(key));
      if (/^[\dm]$/.test(key)) return;
    }
    switch (key) {
      case " ":
        stage.act({ type: "press", board });
        return;
      case "l":
        stage.act({ type: "long", board });
        return;
      case "d":
        stage.act({ type: "double", board });
        return;
      case "s":
        stage.act({ type: "setup", board });
        return;
      case "f":
        if (this.#isMeant(key, "factory reset, settings and stored alerts are erased")) {
          stage.act({ type: "factory", board });
        }
        return;
      case "+":
        this.#add();
        return;
      case "-":
        if (this.#isMeant(key, `board ${this.#chipIds.get(board) ?? ""} is taken away`)) {
          stage.act({ type: "remove", board });
        }
        return;
      case "m":
        this.#chooseFault(true);
        return;
      case "z":
      case "<":
      case ">":
      case ".":
      case "\r":
      case "\n":
        this.#onTimeKey(key);
        return;
      case "x":
        stage.act({ type: "crash", board });
        return;
      case "r":
        stage.act({ type: "reset", board });
        return;
      case "p":
        stage.act({ type: "blackout", board });
        return;
      case "w":
        stage.act({ type: "wifi", on: !stage.snapshot().bench.wifiOn });
        return;
      case "b":
        stage.act({ type: "broker", on: !stage.snapshot().bench.brokerOn });
        return;
      case "e":
        stage.act({ type: "back" });
        return;
      case "?":
      case "h":
        this.#print(HELP);
        return;
      case "\t":
        this.#selectNext();
        return;
      case "q":
      case "\x03": // Ctrl-C, which raw mode hands over as a character.
      case "\x04": // Ctrl-D
        quit();
        return;
      case "\x1a": // Ctrl-Z
        this.pause();
        process.kill(process.pid, "SIGTSTP");
        return;
      default:
        if (key >= "1" && key <= "9") this.#select(Number(key) - 1);
    }
  }

  /** Asks twice: true when the same key came for the same board a moment ago. */
  #isMeant(key: string, what: string): boolean {
    const at = performance.now();
    const asked = this.#asked;
    const isMeant = asked.key === key && asked.board === this.#selected && at - asked.at < CONFIRM_MS;
    this.#asked = { at: isMeant ? Number.NEGATIVE_INFINITY : at, key, board: this.#selected };
    if (!isMeant) this.#print(`  ${key} again: ${what}`);
    return isMeant;
  }

  #onTimeKey(key: string): void {
    const { stage } = this.#options;
    const { paused, speed } = stage.snapshot().bench;
    if (key === "z") {
      stage.act({ type: "time", speed: paused ? speed : 0 });
      return;
    }
    if (key !== "<" && key !== ">") {
      if (paused) stage.act({ type: "step" });
      return;
    }
    const next =
      key === ">" ? this.#speeds.find((each) => each > speed) : this.#speeds.findLast((each) => each < speed);
    if (next !== undefined) stage.act({ type: "time", speed: next });
  }

  #chooseFault(isChoosing: boolean): void {
    if (isChoosing) {
      const { bench, boards } = this.#options.stage.snapshot();
      const board = boards.find(({ index }) => index === this.#selected);
      if (board !== undefined) this.#print(mischief(bench, board));
    }
    this.#isChoosingFault = isChoosing;
    this.#draw();
  }

  /** @param digit that of the list, 0 for all. */
  #switchFault(digit: number): void {
    const { stage } = this.#options;
    const { bench, boards } = stage.snapshot();
    const board = boards.find(({ index }) => index === this.#selected);
    if (board === undefined) return;
    for (const [index, { name, scope }] of FAULTS.entries()) {
      const isOn = (scope === "home" ? bench : board).faults.includes(name);
      if (digit !== index + 1 && !(digit === 0 && isOn)) continue;
      const whose = scope === "home" ? {} : { board: board.index };
      stage.act({ type: "fault", fault: name, on: !isOn, ...whose });
    }
  }

  #add(): void {
    const { stage } = this.#options;
    const like = stage.snapshot().boards.find(({ index }) => index === this.#selected);
    if (like !== undefined) stage.act({ type: "add", mode: like.mode, wiring: like.wiring });
  }

  /** The board with the next number, after the last one the first. */
  #selectNext(): void {
    const { boards } = this.#options.stage.snapshot();
    const next = boards.find(({ index }) => index > this.#selected) ?? boards[0];
    if (next !== undefined) this.#selected = next.index;
    this.#draw();
  }

  /** The board at this place of those that are there, from 0. */
  #select(place: number): void {
    const board = this.#options.stage.snapshot().boards[place];
    if (board !== undefined) this.#selected = board.index;
    this.#draw();
  }
}
