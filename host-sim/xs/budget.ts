// The limits that a change may not exceed: budget.json, a line for each figure that is guarded, by command. A figure
// that has got smaller may have its line lowered in the change that earned it; a line without a figure is an error, so
// that no guard is lost by a new name.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { grouped, table } from "../../board/report.js";
import { projectDirectory } from "./sources.js";

/** One guarded figure. */
export interface Line {
  /** Not to be exceeded. */
  readonly limit: number;
  /** Where it is to go; the same as the limit when it has been reached. */
  readonly goal: number;
}

export type Lines = Readonly<Record<string, Line>>;

export function readBudget(command: "ram" | "cycles"): Lines {
  const text = readFileSync(join(projectDirectory, "host-sim/xs/budget.json"), "utf8");
  return (JSON.parse(text) as Record<string, Lines>)[command] ?? {};
}

/** What exceeds its limit, or has a limit and was not measured: a sentence each. */
export function overBudget(lines: Lines, figures: ReadonlyMap<string, number>): string[] {
  return Object.entries(lines).flatMap(([name, { limit }]) => {
    const figure = figures.get(name);
    if (figure === undefined) return [`${name}: has a limit, and was not measured`];
    return figure > limit ? [`${name}: ${grouped(figure)}, ${grouped(figure - limit)} over its limit`] : [];
  });
}

/** Figures beside limits and goals. */
export function budgetTable(lines: Lines, figures: ReadonlyMap<string, number>): string {
  const rows = Object.entries(lines).map(([name, { limit, goal }]) => {
    const figure = figures.get(name);
    return [name, figure === undefined ? "—" : grouped(figure), grouped(limit), grouped(goal)];
  });
  return table([["guarded figure", "now", "limit", "goal"], ...rows]);
}
