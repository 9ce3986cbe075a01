// The story of one board as chapters, each begun by a press, a reset, a power cut or a wake. Knows lines, nothing of
// how they are shown. Bounded: the oldest chapters go first.

import type { Line } from "./protocol.js";

const Limit = Object.freeze({ CHAPTERS: 30, LINES_IN_CHAPTER: 200, LINES: 800 } as const);

/** Words of the chapters' headings; a word that is not here stands as it is. */
const HEADINGS: Readonly<Record<string, string>> = Object.freeze({
  pressed: "Press",
  reset: "Reset",
  "power on": "Power on",
  woke: "Woken by its timer",
  restart: "Restart",
  crash: "Crash",
});

export interface Chapter {
  /** Of its first line. */
  readonly id: number;
  readonly heading: string;
  /** Milliseconds since the bench started. */
  readonly at: number;
  readonly lines: Line[];
  /** Milliseconds from the first to the last line, at least 1. */
  span: number;
  /** What came of it so far; empty when that cannot be said. */
  result: string;
  /** The word of the line that said so. */
  resultWord: string;
}

/** The result that a chapter's heading shows, from the last line that is one. */
function resultOf(line: Line): string {
  const after = line.since === undefined ? "" : ` ${Math.round(line.since)} ms`;
  switch (line.word) {
    case "delivered":
      return `delivered,${after}`;
    case "stored":
      return "stored";
    case "not-stored":
      return "not stored";
    case "setup":
      // When it closes because all is done, what was done is the result.
      if (line.detail === "closed") return "";
      return line.detail.startsWith("closed") ? "setup closed" : "setup open";
    case "safe":
      return "safe mode";
    case "config":
      if (line.detail === "applied") return "settings saved";
      return line.detail === "trying" ? "trying new settings" : "settings not changed";
    case "factory-reset":
      return "erased";
    case "refused":
      return "refused by the broker";
    case "crash":
      return "crashed";
    default:
      return "";
  }
}

export class Chapters {
  /** Oldest first, and so are the lines of each. */
  readonly list: Chapter[] = [];
  #lines = 0;

  add(line: Line): void {
    if (line.opens || this.list.length === 0) this.#open(line);
    const chapter = this.list.at(-1);
    if (chapter === undefined || chapter.lines.length >= Limit.LINES_IN_CHAPTER) return;
    chapter.lines.push(line);
    this.#lines++;
    chapter.span = Math.max(chapter.span, line.since ?? 0);
    const result = line.source === "firmware" || line.source === "crash" ? resultOf(line) : "";
    if (result === "") return;
    chapter.result = result;
    chapter.resultWord = line.word;
  }

  clear(): void {
    this.list.length = 0;
    this.#lines = 0;
  }

  #open(line: Line): void {
    const heading = line.opens ? (HEADINGS[line.word] ?? line.word) : "Start";
    this.list.push({ id: line.id, heading, at: line.at, lines: [], span: 1, result: "", resultWord: "" });
    while (this.list.length > Limit.CHAPTERS || this.#lines > Limit.LINES) {
      this.#lines -= this.list.shift()?.lines.length ?? 0;
    }
  }
}
