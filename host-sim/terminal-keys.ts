// The keys of the bench in a terminal: which board they are for, what each asks of the bench, and the menu of faults.
// What the keys are stands in page/key-table.ts. Knows a Stage and who shows its words; writes nothing itself.

import { FAULTS } from "./page/details.js";
import { actionOf, KEY_TABLE, keyName, SecondThought } from "./page/key-table.js";
import { type BenchView, type BoardView, type Snapshot, type Stage, speedsOf } from "./page/protocol.js";

/** What a terminal does for its keys. */
export interface KeyHost {
  readonly stage: Stage;
  /** Shows rows above the bottom line. */
  print(text: string): void;
  /** Shows the bottom line as it is now. */
  draw(): void;
  quit(): void;
  /** Gives the terminal to the shell, as Ctrl-Z does. */
  suspend(): void;
}

/** Ends of text and of input, as raw mode hands them over. */
const Control = Object.freeze({ C: "\x03", D: "\x04", Z: "\x1a", ESCAPE: "\x1b" } as const);

/** The list of keys for `?`. */
export function helpText(): string {
  const rows = KEY_TABLE.map((row) => `  ${keyName(row).toLowerCase().padEnd(10)}${row.text}`);
  rows.push("  tab       the board after             enter     in a pause: the next event");
  rows.push("  1 to 9    choose a board; after m a fault, and 0 mends all of them");
  return ["", ...rows, ""].join("\n");
}

/** The keys that a person needs first, in rows of at most so many characters. */
export function keyHints(width: number): readonly string[] {
  const rows: string[] = [];
  const hints = KEY_TABLE.flatMap((row) =>
    row.short === undefined ? [] : [`${keyName(row).toLowerCase()} ${row.short}`],
  );
  for (const [index, hint] of hints.entries()) {
    const text = index === hints.length - 1 ? hint : `${hint},`;
    const last = rows.at(-1);
    if (last === undefined || last.length + 1 + text.length > width) rows.push(text);
    else rows[rows.length - 1] = `${last} ${text}`;
  }
  return rows;
}

/** What `m` says: the faults with their digits, those that are on with a cross. */
function mischief(bench: BenchView, board: BoardView): string {
  const rows = FAULTS.map(({ name, scope, title, text }, index) => {
    const isOn = (scope === "home" ? bench : board).faults.includes(name);
    return `  ${index + 1}  [${isOn ? "x" : " "}]  ${title.padEnd(22)}${text}`;
  });
  return ["", ...rows, "  0       mends all of it", ""].join("\n");
}

export class TerminalKeys {
  readonly #host: KeyHost;
  readonly #second = new SecondThought();
  /** Also the speed that the bench was started with, when it has another one now. */
  #speeds: readonly number[] = [];
  #selected = 0;
  #isChoosingFault = false;

  constructor(host: KeyHost) {
    this.#host = host;
    this.meet(host.stage.snapshot());
  }

  /** Another bench is shown. */
  meet({ bench, boards }: Pick<Snapshot, "bench" | "boards">): void {
    this.#speeds = speedsOf(bench);
    this.#selected = boards[0]?.index ?? 0;
    this.#isChoosingFault = false;
  }

  /** Number of the board that keys are for. */
  get selected(): number {
    return this.#selected;
  }

  /** The digits are for faults. */
  get isChoosingFault(): boolean {
    return this.#isChoosingFault;
  }

  /** What has come from the keyboard at once. */
  type(text: string): void {
    // An arrow, a function key, a pasted sequence: nothing of it is a key of ours.
    if (text.startsWith(Control.ESCAPE)) {
      if (text === Control.ESCAPE) this.#chooseFault(false);
      return;
    }
    for (const key of text) this.#type(key.toLowerCase());
  }

  /** A board was taken away: when it is the chosen one, the next one is chosen. */
  gone(board: number): void {
    if (board === this.#selected) this.#selectNext(1);
  }

  #type(key: string): void {
    if (this.#isChoosingFault) {
      this.#chooseFault(false);
      if (/^\d$/.test(key)) this.#switchFault(Number(key));
      if (/^[\dm]$/.test(key)) return;
    }
    if (key === Control.C || key === Control.D) this.#host.quit();
    else if (key === Control.Z) this.#host.suspend();
    else if (key >= "1" && key <= "9") this.#select(Number(key) - 1);
    else this.#do(key === "h" ? "?" : key);
  }

  #do(key: string): void {
    const { stage, print, quit } = this.#host;
    const row = KEY_TABLE.find((each) => each.key === key || each.also?.includes(key));
    if (row === undefined) return;
    switch (row.deed) {
      case "help":
        print(helpText());
        return;
      case "quit":
        quit();
        return;
      case "faults":
        this.#chooseFault(true);
        return;
      case "before":
      case "after":
        this.#selectNext(row.deed === "after" ? 1 : -1);
        this.#host.draw();
        return;
    }
    const { bench, boards } = stage.snapshot();
    const board = boards.find(({ index }) => index === this.#selected);
    if (board === undefined) return;
    if (row.asks !== undefined && !this.#second.isMeant(key, board.index, performance.now())) {
      print(`  ${key} again: ${row.asks.replace("this board", `board ${board.chipId}`)}`);
      return;
    }
    const action = actionOf(row.deed, bench, board, this.#speeds);
    if (action !== undefined) stage.act(action);
  }

  #chooseFault(isChoosing: boolean): void {
    if (isChoosing) {
      const { bench, boards } = this.#host.stage.snapshot();
      const board = boards.find(({ index }) => index === this.#selected);
      if (board !== undefined) this.#host.print(mischief(bench, board));
    }
    this.#isChoosingFault = isChoosing;
    this.#host.draw();
  }

  /** @param digit that of the list, 0 for all. */
  #switchFault(digit: number): void {
    const { stage } = this.#host;
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

  /** The board with the next number, or the one before; after the last one comes the first. */
  #selectNext(by: 1 | -1): void {
    const { boards } = this.#host.stage.snapshot();
    const next =
      by > 0
        ? (boards.find(({ index }) => index > this.#selected) ?? boards[0])
        : (boards.findLast(({ index }) => index < this.#selected) ?? boards.at(-1));
    if (next !== undefined) this.#selected = next.index;
  }

  /** The board at this place of those that are there, from 0. */
  #select(place: number): void {
    const board = this.#host.stage.snapshot().boards[place];
    if (board !== undefined) this.#selected = board.index;
    this.#host.draw();
  }
}
