// How figures are printed: columns for a terminal, or a table in Markdown. Knows nothing of what they say.

import { table } from "../board/report.js";

/** The first row is the heading; the first column is text, the others are figures. */
export type Sheet = readonly (readonly string[])[];

export function sheetText(sheet: Sheet, markdown: boolean): string {
  if (!markdown) return table(sheet);
  const [heading = [], ...rows] = sheet;
  const rule = heading.map((_cell, column) => (column === 0 ? "---" : "---:"));
  return [heading, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

/** Words below or above a table, as a list. */
export function notesText(notes: readonly string[]): string {
  return notes.map((note) => `- ${note}\n`).join("");
}

/** The middle of them, or of the two in the middle the lower one; 0 of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? 0;
}
