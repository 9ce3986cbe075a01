// The story of one board: chapters that begin with a press, a reset or a wake, and in each the steps with their
// milliseconds as a small timeline. Knows lines and a list element. Newest chapter first, steps in their order.

import { make } from "./element.js";
import type { Line } from "./protocol.js";

const Limit = Object.freeze({ CHAPTERS: 30, LINES_IN_CHAPTER: 200 } as const);

/** Words of the chapters' headings; a word that is not here stands as it is. */
const HEADINGS: Readonly<Record<string, string>> = Object.freeze({
  pressed: "Press",
  reset: "Reset",
  "power on": "Power on",
  woke: "Woken by its timer",
  restart: "Restart",
  crash: "Crash",
});

interface Row {
  readonly since: number;
  readonly mark: HTMLElement;
}

interface Chapter {
  readonly element: HTMLElement;
  readonly list: HTMLElement;
  readonly result: HTMLElement;
  readonly rows: Row[];
  span: number;
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

export class Story {
  readonly #list: HTMLElement;
  readonly #onEmpty: (empty: boolean) => void;
  #chapters: Chapter[] = [];
  #pending: Line[] = [];
  #frame = 0;

  constructor(list: HTMLElement, onEmpty: (empty: boolean) => void) {
    this.#list = list;
    this.#onEmpty = onEmpty;
  }

  clear(): void {
    this.#pending = [];
    this.#chapters = [];
    this.#list.replaceChildren();
    this.#onEmpty(true);
  }

  /** Lines are drawn together at the next frame: a fast board cannot make the page stutter. */
  add(line: Line): void {
    this.#pending.push(line);
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.flush());
  }

  /** Draws what waits; also called directly, where no frame will come (a hidden tab draws none). */
  flush(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const lines = this.#pending;
    this.#pending = [];
    const touched = new Set<Chapter>();
    for (const line of lines) {
      if (line.opens || this.#chapters.length === 0) this.#open(line);
      const chapter = this.#chapters[0];
      if (chapter === undefined) continue;
      this.#append(chapter, line);
      touched.add(chapter);
    }
    for (const chapter of touched) place(chapter);
    if (lines.length > 0) this.#onEmpty(false);
  }

  #open(line: Line): void {
    const element = make("li", "chapter");
    const heading = make("h3", "", line.opens ? (HEADINGS[line.word] ?? line.word) : "Start");
    const result = make("span", "result");
    heading.append(" ", make("span", "when", `at ${(line.at / 1000).toFixed(1)} s`), " ", result);
    const list = make("ol", "steps");
    element.append(heading, list);
    this.#list.prepend(element);
    this.#chapters.unshift({ element, list, result, rows: [], span: 1 });
    for (const old of this.#chapters.splice(Limit.CHAPTERS)) old.element.remove();
  }

  #append(chapter: Chapter, line: Line): void {
    if (chapter.rows.length >= Limit.LINES_IN_CHAPTER) return;
    const since = Math.max(0, line.since ?? 0);
    const row = make("li", "step");
    row.setAttribute("data-word", line.word);
    row.setAttribute("data-source", line.source);
    const track = make("span", "track");
    track.setAttribute("aria-hidden", "true");
    const mark = make("i");
    track.append(mark);
    row.append(
      make("span", "ms", `${Math.round(since)} ms`),
      track,
      make("span", "word", line.word),
      make("span", "detail", line.detail),
    );
    chapter.list.append(row);
    chapter.rows.push({ since, mark });
    chapter.span = Math.max(chapter.span, since);
    const result = line.source === "firmware" || line.source === "crash" ? resultOf(line) : "";
    if (result !== "") {
      chapter.result.textContent = result;
      chapter.result.setAttribute("data-word", line.word);
    }
  }
}

/** Puts each mark where its time is between the chapter's first and last step. */
function place(chapter: Chapter): void {
  for (const { since, mark } of chapter.rows) mark.style.setProperty("--at", String(since / chapter.span));
}
