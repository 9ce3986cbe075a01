// Is the proof any good? Deliberate faults are put into the firmware one by one, and each must be caught: by the
// campaign (a broken promise in one of its seeds) or by the conformance tests. A mutant that survives is a missing
// test.
//
//   npm run mutants                     all of them
//   npm run mutants -- --only NAME      one of them; --list names them
//   npm run mutants -- --markdown       the table of docs/proof.md

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "../../host-sim/globals.js";
import { type Context, Failure, readOptions, Status, start, table, wholeNumber } from "../../board/report.js";
import { judge } from "../../host-sim/campaign/judge.js";
import { drawPlan } from "../../host-sim/campaign/plan.js";
import { runPlan } from "../../host-sim/campaign/run.js";
import { type Image, loadImage } from "../../host-sim/image.js";
import { runMocha } from "../mocha-run.js";
import { MUTANTS, type Mutant } from "./mutant-list.js";

const OPTIONS = Object.freeze({
  only: { type: "string" },
  seeds: { type: "string" },
  list: { type: "boolean" },
  markdown: { type: "boolean" },
  help: { type: "boolean" },
} as const);

const HELP = `npm run mutants -- [options]
  --only NAME    only this mutant
  --seeds N      seeds that each is given at most (default 1500)
  --list         names them
  --markdown     the table of docs/proof.md
Exit status: 0 each was caught, 1 one survived or its place in the code is gone, 2 wrong options.
`;

/** Who noticed: undefined when nobody did. */
interface Catch {
  readonly by: "campaign" | "conformance";
  readonly what: string;
}

/**
 * A copy of src with the fault in it, in a folder of its own.
 * @throws Failure when the code that it changes is not there, or not once.
 */
export function mutate(source: string, mutant: Mutant): string {
  const folder = mkdtempSync(join(tmpdir(), "alertbox-mutant-"));
  cpSync(source, join(folder, "src"), { recursive: true });
  const file = join(folder, "src", mutant.file);
  const text = readFileSync(file, "utf8");
  if (text.split(mutant.find).length !== 2) {
    rmSync(folder, { recursive: true });
    throw new Failure(`mutant "${mutant.name}": src/${mutant.file} does not have its code exactly once any more`);
  }
  writeFileSync(file, text.replace(mutant.find, mutant.replace));
  return folder;
}

/** The first seed that notices. */
function caughtByCampaign(image: Image, seeds: number): Catch | undefined {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      const run = runPlan(drawPlan(seed, { presses: 5 }), { image });
      const [finding] = judge(run);
      run.world.close();
      if (finding !== undefined) return { by: "campaign", what: `seed ${seed}: ${finding.rule}` };
    } catch (error) {
      return { by: "campaign", what: `seed ${seed}: ${error instanceof Error ? error.message : String(error)}` };
    }
  }
  return undefined;
}

/** Runs the conformance tests in a copy of the project. */
async function caughtByConformance(root: string, folder: string): Promise<Catch | undefined> {
  for (const part of ["test", "host-sim", "board", "package.json", "manifest.json", ".mocharc.json"]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const words = ["--bail", "--ignore", "test/conformance/document.test.ts", "test/conformance/*.test.ts"];
  const outcomes = await runMocha("conformance", folder, words).catch(() => {
    throw new Failure("the conformance tests did not run: npm test tells more");
  });
  const first = outcomes.find(({ outcome }) => outcome === "failed");
  return first === undefined ? undefined : { by: "conformance", what: first.title };
}

async function hunt(context: Context, mutant: Mutant, seeds: number): Promise<Catch | undefined> {
  const folder = mutate(join(context.root, "src"), mutant);
  try {
    return caughtByCampaign(loadImage(join(folder, "src")), seeds) ?? (await caughtByConformance(context.root, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function mutants(context: Context): Promise<number> {
  const options = readOptions(context.args, OPTIONS);
  if (options.help === true) {
    context.out(HELP);
    return Status.OK;
  }
  const seeds = wholeNumber("seeds", options.seeds ?? "1500", 1, 1_000_000);
  if (options.list === true) {
    for (const { name } of MUTANTS) context.out(`${name}\n`);
    return Status.OK;
  }
  const chosen = MUTANTS.filter(({ name }) => options.only === undefined || name === options.only);
  if (chosen.length === 0) throw new Failure(`there is no mutant "${options.only}"; --list names them`, Status.USAGE);
  const rows: string[][] = [];
  let survivors = 0;
  for (const mutant of chosen) {
    const found = await hunt(context, mutant, seeds);
    if (found === undefined) survivors += 1;
    const mark = found === undefined ? "✗" : "✓";
    context.err(`${mark} ${mutant.name}: ${found === undefined ? "survived" : `${found.by}, ${found.what}`}\n`);
    rows.push([mutant.name, `src/${mutant.file}`, found?.by ?? "nobody", found?.what ?? ""]);
  }
  const total = survivors === 0 ? `✓ ${chosen.length} of ${chosen.length} caught\n` : `✗ ${survivors} survived\n`;
  const head = ["fault", "file", "caught by", "as"];
  if (options.markdown === true) {
    const line = ([fault, , by, as]: readonly string[]): string => `| ${fault} | ${by} | ${as} |\n`;
    context.out([head, head.map(() => "---"), ...rows].map(line).join(""));
    context.err(total);
  } else {
    context.out(`${table([head, ...rows])}${total}`);
  }
  return survivors === 0 ? Status.OK : Status.FAILED;
}

start(import.meta.url, mutants);
