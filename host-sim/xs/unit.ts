// The unit tests of what is pure (src/mqtt, src/alertbox, src/setup) on the engine of the chip: XS as a 32-bit program,
// and XS on the ESP8266's instruction set in QEMU. The tests are the files that also run on Node; what differs between
// the engines shows.
//
//   npm run unit:xs                               everything on both
//   npm run unit:xs -- --engine 32                one of them
//   npm run unit:xs -- test/mqtt/text.test.ts     some files
//   npm run unit:xs -- --grep 'QoS 2'             some tests

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { type Context, coloured, Failure, findingLine, Status, start, wholeNumber } from "../../board/report.js";
import { explained } from "../arguments.js";
import { cacheDirectory } from "./build.js";
import type { Engine, EngineName } from "./engine.js";
import { readyEngines } from "./engines.js";
import { projectDirectory } from "./sources.js";
import { effortOf } from "./unit/effort.js";
import { type Outcome, type RunOptions, runFile } from "./unit/run.js";

const HELP = `npm run unit:xs -- [options] [test files]
  --engine E     32: the engine as a 32-bit program; lx106: on the ESP8266's instruction set in QEMU; both (default)
  --grep TEXT    only tests whose whole title matches this regular expression
  --timeout S    seconds that a file may take on an engine (default 300, with --full 7200)
  --full         also what is left out or shortened because it takes long: an hour and more; tests say it of
                 themselves with rounds() and long.it() of test/effort.ts
Without files: all of test/mqtt, test/alertbox and test/setup.
Exit status: 0 all passed, 1 not so, 2 wrong options.
`;

const OPTIONS = Object.freeze({
  engine: { type: "string" },
  grep: { type: "string" },
  timeout: { type: "string" },
  full: { type: "boolean" },
  help: { type: "boolean" },
} as const);

/** How the engines are called in front of people. */
const titles: Readonly<Record<EngineName, string>> = Object.freeze({ xs32: "32-bit", lx106: "lx106" });

const choices: Readonly<Record<string, readonly EngineName[]>> = Object.freeze({
  "32": ["xs32"],
  lx106: ["lx106"],
  both: ["xs32", "lx106"],
});

const folders: readonly string[] = Object.freeze(["test/mqtt", "test/alertbox", "test/setup"]);

/** Test files that cannot run on the chip, and why. */
const nodeOnly: Readonly<Record<string, string>> = Object.freeze({
  "test/setup/page-chromium.test.ts": "a browser and a TCP server take part in it",
});

interface Asked {
  readonly engines: readonly EngineName[];
  readonly files: readonly string[];
  readonly grep: string | undefined;
  readonly timeoutSeconds: number;
  readonly isFull: boolean;
}

/** The command. */
async function unit(context: Context): Promise<number> {
  const asked = read(context);
  if (asked === undefined) {
    context.out(HELP);
    return Status.OK;
  }
  const { host, target } = await readyEngines(context.err);
  const engines = [host, target].filter(({ name }) => asked.engines.includes(name));
  const parent = join(cacheDirectory(projectDirectory), "unit");
  mkdirSync(parent, { recursive: true });
  const directory = mkdtempSync(`${parent}${sep}`);
  try {
    const { signal } = context;
    const outcomes = await runAll(context, engines, asked, { ...asked, root: projectDirectory, directory, signal });
    if (signal.aborted) throw new Failure("interrupted");
    return summary(context, engines, outcomes);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The command line; undefined when it asks for help. @throws Failure with status 2. */
function read({ args }: Context): Asked | undefined {
  let parsed: ReturnType<typeof parseArgs<{ args: string[]; allowPositionals: true; options: typeof OPTIONS }>>;
  try {
    parsed = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new Failure(`${explained(error as Error)}; see --help`, Status.USAGE);
  }
  const { engine = "both", grep, full = false, help = false } = parsed.values;
  const timeout = parsed.values.timeout ?? (full ? "7200" : "300");
  if (help) return undefined;
  const engines = choices[engine];
  if (engines === undefined) {
    throw new Failure(`--engine is ${Object.keys(choices).join(", ")}, not ${JSON.stringify(engine)}`, Status.USAGE);
  }
  requirePattern(grep);
  const timeoutSeconds = wholeNumber("timeout", timeout, 1, 86_400);
  const files = parsed.positionals.map((file) => relative(projectDirectory, resolve(file)).split(sep).join("/"));
  for (const file of files) {
    if (!existsSync(join(projectDirectory, file))) throw new Failure(`there is no file ${file}`, Status.USAGE);
    if (nodeOnly[file] !== undefined) throw new Failure(`${file} cannot run on XS: ${nodeOnly[file]}`, Status.USAGE);
  }
  return { engines, files: files.length > 0 ? files : testFiles(), grep, timeoutSeconds, isFull: full };
}

function requirePattern(grep: string | undefined): void {
  try {
    new RegExp(grep ?? "");
  } catch (error) {
    throw new Failure(`--grep is no regular expression: ${(error as Error).message}`, Status.USAGE);
  }
}

/** All that can run, large files first, so that no long one is left for the end. */
function testFiles(): string[] {
  const files = folders.flatMap((folder) =>
    readdirSync(join(projectDirectory, folder))
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => `${folder}/${name}`),
  );
  const sizes = new Map(files.map((file) => [file, statSync(join(projectDirectory, file)).size]));
  const size = (file: string): number => sizes.get(file) ?? 0;
  return files.filter((file) => nodeOnly[file] === undefined).sort((a, b) => size(b) - size(a));
}

/** Every file on every engine, as many at once as the machine has cores. */
async function runAll(
  context: Context,
  engines: readonly Engine[],
  { files }: Asked,
  options: RunOptions,
): Promise<Outcome[]> {
  const jobs = engines.toReversed().flatMap((engine) => files.map((file) => ({ file, engine })));
  const outcomes: Outcome[] = [];
  const worker = async (): Promise<void> => {
    for (let job = jobs.shift(); job !== undefined && !options.signal.aborted; job = jobs.shift()) {
      const outcome = await runFile(job.file, job.engine, options);
      outcomes.push(outcome);
      if (!options.signal.aborted) context.out(outcomeText(context, outcome));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return outcomes;
}

/** One line for a file, and what failed in it. */
function outcomeText(context: Context, { file, engine, passed, failed, skipped, leftOut, seconds }: Outcome): string {
  const parts = [`${passed} passed`];
  if (failed.length > 0) parts.push(`${failed.length} failed`);
  if (skipped.length > 0) parts.push(`${skipped.length} skipped`);
  const out = [...leftOut.values()].reduce((sum, tests) => sum + tests, 0);
  if (out > 0) parts.push(`${out} left out`);
  const name = `${titles[engine.name].padEnd(6)}  ${file}`;
  const took = coloured(context, "grey", `${seconds.toFixed(1)} s`);
  const lines = failed.map(({ title, message, stack }) => {
    const details = `${message}${stack}`.split("\n").filter((line) => line !== "");
    return `    ${coloured(context, "red", title)}\n${details.map((line) => `      ${line}\n`).join("")}`;
  });
  const finding = failed.length === 0 ? "ok" : "missing";
  return findingLine(context, finding, `${name}  ${parts.join(", ")}  ${took}`) + lines.join("");
}

/** What was not done and why, then the closing line. */
function summary(context: Context, engines: readonly Engine[], outcomes: readonly Outcome[]): number {
  context.out("\n");
  for (const [file, why] of Object.entries(nodeOnly)) context.out(`Not on XS, ${why}: ${file}.\n`);
  const counts: string[] = [];
  let isFailed = false;
  for (const engine of engines) {
    const own = outcomes.filter((outcome) => outcome.engine === engine);
    context.out(notDone(engine.name, own));
    const failed = own.flatMap((outcome) => outcome.failed).length;
    const passed = own.reduce((sum, outcome) => sum + outcome.passed, 0);
    if (failed > 0 || passed === 0) isFailed = true;
    counts.push(`${passed} passed, ${failed} failed (${titles[engine.name]})`);
  }
  context.out(`${counts.join(", ")}\n`);
  return isFailed ? Status.FAILED : Status.OK;
}

/** What an engine was spared, by reason: `Left out on lx106, has too many cases: 5 of a.test.ts, 2 of b.test.ts.` */
function notDone(engine: EngineName, outcomes: readonly Outcome[]): string {
  const name = titles[engine];
  const reasons = new Map<string, Map<string, number>>();
  const count = (why: string, file: string, tests: number) => {
    const files = reasons.get(why) ?? new Map<string, number>();
    reasons.set(why, files.set(file, (files.get(file) ?? 0) + tests));
  };
  for (const { file, leftOut, skipped } of outcomes) {
    for (const [why, tests] of leftOut) count(why, file, tests);
    if (skipped.length > 0) count("skipped by itself", file, skipped.length);
  }
  let text = "";
  for (const [why, files] of reasons) {
    const list = [...files].map(([file, tests]) => `${tests} of ${file}`);
    text += `Left out on ${name}, ${why}: ${list.sort().join(", ")}.\n`;
  }
  const tests = outcomes.reduce((sum, { shortened }) => sum + shortened, 0);
  const { divisor } = effortOf(engine, false);
  const what = `${tests} ${tests === 1 ? "test" : "tests"} of cases by chance`;
  if (tests > 0) text += `Shortened on ${name}: ${what}, to 1/${divisor} of the rounds.\n`;
  return text;
}

start(import.meta.url, unit);

export default unit;
