// A line of the story as a terminal shows it: time, board, word, detail, with a colour for what the word means. Knows
// lines and looks.

import { harmless, type Look, paint, Sgr } from "./look.js";
import type { Line } from "./page/protocol.js";

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
