// The limits that a change may not exceed: budget.json, a line for each figure that is guarded, by command. A figure
// that has got smaller may have its line lowered in the change that earned it, with `--lower`; a line without a figure
// is an error, so that no guard is lost by a new name.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { grouped, table } from "../../board/report.js";
import { projectDirectory } from "./sources.js";

export type BudgetedCommand = "ram" | "cycles";

/** One guarded figure. */
export interface Line {
  /** Not to be exceeded. */
  readonly limit: number;
  /** Where it is to go; the same as the limit when it has been reached. */
  readonly goal: number;
}

export type Lines = Readonly<Record<string, Line>>;

type Budget = Readonly<Record<BudgetedCommand, Lines>>;

/** A limit that is higher than what is measured needs. */
export interface Lowering {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

const budgetFile = join(projectDirectory, "host-sim/xs/budget.json");

/** A limit that is further above than this part of it is told. */
const worthTelling = 0.03;

/** The lowest limit that a figure keeps: memory repeats to the byte, instructions to one per mille. */
const lowestLimit: Readonly<Record<BudgetedCommand, (figure: number) => number>> = Object.freeze({
  ram: (figure: number) => figure,
  cycles: (figure: number) => 1000 * Math.ceil((figure * 1.001) / 1000),
});

function readAll(file: string): Budget {
  return JSON.parse(readFileSync(file, "utf8")) as Budget;
}

export function readBudget(command: BudgetedCommand, file = budgetFile): Lines {
  return readAll(file)[command] ?? {};
}

/** What exceeds its limit, or has a limit and was not measured: a sentence each. */
export function overBudget(lines: Lines, figures: ReadonlyMap<string, number>): string[] {
  return Object.entries(lines).flatMap(([name, { limit }]) => {
    const figure = figures.get(name);
    if (figure === undefined) return [`${name}: has a limit, and was not measured`];
    return figure > limit ? [`${name}: ${grouped(figure)}, ${grouped(figure - limit)} over its limit`] : [];
  });
}

/** Limits that can go down. */
export function lowerings(
  command: BudgetedCommand,
  lines: Lines,
  figures: ReadonlyMap<string, number>,
): readonly Lowering[] {
  return Object.entries(lines).flatMap(([name, { limit }]) => {
    const figure = figures.get(name);
    const to = figure === undefined ? limit : lowestLimit[command](figure);
    return to < limit ? [{ name, from: limit, to }] : [];
  });
}

/** Those that are far above what is measured, in words. Empty when there are none. */
export function lowerableText(command: BudgetedCommand, possible: readonly Lowering[]): string {
  const told = possible.filter(({ from, to }) => to < from * (1 - worthTelling));
  const lines = told.map(
    ({ name, from, to }) => `  ${name}: its limit ${grouped(from)} can be lowered to ${grouped(to)}\n`,
  );
  return told.length === 0 ? "" : `${lines.join("")}  (npm run ${command} -- --lower writes it into budget.json)\n`;
}

/** What was lowered, in words. */
export function loweredText(done: readonly Lowering[]): string {
  if (done.length === 0) return "  no limit can be lowered\n";
  return done
    .map(({ name, from, to }) => `  ${name}: limit lowered from ${grouped(from)} to ${grouped(to)}\n`)
    .join("");
}

/** Writes lower limits; a goal that has been passed goes with its limit. Nothing is ever raised. */
export function lowerBudget(command: BudgetedCommand, lowerings: readonly Lowering[], file = budgetFile): void {
  const budget = readAll(file);
  const lines: Record<string, Line> = { ...budget[command] };
  for (const { name, to } of lowerings) {
    const line = lines[name];
    if (line !== undefined && to < line.limit) lines[name] = { limit: to, goal: Math.min(line.goal, to) };
  }
  writeFileSync(`${file}.new`, textOf({ ...budget, [command]: lines }));
  renameSync(`${file}.new`, file);
}

/** A line of text for each figure, as it is committed. */
function textOf(budget: Budget): string {
  const commands = Object.entries(budget).map(([command, lines]) => {
    const entries = Object.entries(lines as Lines).map(
      ([name, { limit, goal }]) => `    ${JSON.stringify(name)}: { "limit": ${limit}, "goal": ${goal} }`,
    );
    return `  ${JSON.stringify(command)}: {\n${entries.join(",\n")}\n  }`;
  });
  return `{\n${commands.join(",\n")}\n}\n`;
}

/** Figures beside limits and goals. */
export function budgetTable(lines: Lines, figures: ReadonlyMap<string, number>): string {
  const rows = Object.entries(lines).map(([name, { limit, goal }]) => {
    const figure = figures.get(name);
    return [name, figure === undefined ? "—" : grouped(figure), grouped(limit), grouped(goal)];
  });
  return table([["guarded figure", "now", "limit", "goal"], ...rows]);
}
