// The fuzzer: inputs by the million for everything that reads what strangers send or what flash holds, and after each
// the question whether what is promised holds. A seed and a number are an input, an input is a string of bytes:
// whatever fails can be run again, is made small, and can be kept.
//
//   npm run fuzz                                         100,000 inputs for each target on all cores
//   npm run fuzz -- --target session --inputs 10000000   the long form; Ctrl-C and --resume go on later
//   npm run fuzz -- --replay test/fuzz/corpus/dns/x.hex  one input; or --target dns --seed 1 --replay 42

import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { LedgerFile } from "../../board/ledger-file.js";
import { ProgressBar } from "../../board/progress-bar.js";
import { type Context, Failure, grouped, readOptions, Status, start, table, wholeNumber } from "../../board/report.js";
import { isTargetName, keepInput, parseInput, targetOf } from "./corpus.js";
import { type Answer, type Found, type Range, work } from "./crew.js";
import { minimise } from "./minimise.js";
import { loadSources } from "./sources.js";
import { type Target, tryInput } from "./target.js";
import { drawInput, TARGETS, type TargetName } from "./targets.js";

const OPTIONS = Object.freeze({
  target: { type: "string" },
  inputs: { type: "string" },
  seed: { type: "string" },
  jobs: { type: "string" },
  source: { type: "string" },
  replay: { type: "string" },
  keep: { type: "string" },
  resume: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean" },
} as const);

const HELP = `npm run fuzz -- [options]
  --target LIST    only these targets, with commas between
  --inputs N       inputs for each target (default 100000)
  --seed S         another seed gives other inputs (default 1)
  --jobs N         threads (default: one for each core)
  --source FOLDER  another source folder than src, such as one with a fault in it
  --keep FOLDER    where a failing input is kept, made small (default test/fuzz/corpus)
  --resume         goes on where the same run was interrupted
  --replay INPUT   one input: the FILE of a kept one, or its number, with --target and --seed
  --json           the result for scripts
Targets:
${Object.entries(TARGETS)
  .map(([name, { what }]) => `  ${name.padEnd(10)} ${what}`)
  .join("\n")}
Exit status: 0 every promise held for every input, 1 one did not, 2 wrong options.
`;

/** Inputs that a thread takes at once. */
const CHUNK = 5000;
/** Findings of a target that are told; more of the same say nothing new. */
const MOST_FOUND = 50;
const PATIENCE_MS = 30_000;
/** Between two times at which the ledger is written, ms. */
const WRITE_MS = 2000;

interface Run {
  readonly targets: readonly TargetName[];
  readonly inputs: number;
  readonly seed: number;
  readonly source: string | undefined;
}

/** What is known of a target so far. */
interface Result {
  inputs: number;
  seconds: number;
  failed: number;
  readonly found: Found[];
  readonly reached: Record<string, number>;
  /** First inputs of the chunks that are finished. */
  readonly done: number[];
}

/** Kept in a file while it runs. */
interface Ledger {
  readonly run: Run;
  readonly results: Partial<Record<TargetName, Result>>;
}

export async function fuzz(context: Context): Promise<number> {
  const options = readOptions(context.args, OPTIONS);
  if (options.help === true) {
    context.out(HELP);
    return Status.OK;
  }
  const seed = wholeNumber("seed", options.seed ?? "1", 0, 999_999_999);
  const targets = targetsOf(options.target);
  if (options.replay !== undefined) return replay(context, options.replay, options.target, seed, options.source);
  const jobs = wholeNumber("jobs", options.jobs ?? String(availableParallelism()), 1, 256);
  const inputs = wholeNumber("inputs", options.inputs ?? "100000", 1, 999_999_999);
  const run: Run = { targets, inputs, seed, source: options.source };
  const file = new LedgerFile<Ledger>(context, `fuzz-${targets.join("-")}`, "run", " of these targets");
  const fresh: Ledger = { run, results: {} };
  const ledger = options.resume === true ? file.read(fresh, (found) => found.run) : fresh;
  for (const target of targets) await runTarget(context, ledger, target, file, jobs);
  const isOver = targets.every((target) => ledger.results[target]?.inputs === inputs);
  file.close(isOver);
  const kept = await keepFindings(context, ledger, options.keep ?? join("test", "fuzz", "corpus"));
  context.out(options.json === true ? `${json(ledger, kept)}\n` : report(ledger, kept));
  const failed = Object.values(ledger.results).some((result) => result.failed > 0);
  return isOver && !failed ? Status.OK : Status.FAILED;
}

function targetsOf(text: string | undefined): TargetName[] {
  const names = text === undefined ? Object.keys(TARGETS) : text.split(",");
  return names.map((name) => {
    if (isTargetName(name)) return name;
    throw new Failure(`--target: there is no ${JSON.stringify(name)}; --help lists them`, Status.USAGE);
  });
}

function chunksOf(inputs: number): Range[] {
  const chunks: Range[] = [];
  for (let from = 0; from < inputs; from += CHUNK) chunks.push({ from, to: Math.min(inputs, from + CHUNK) });
  return chunks;
}

async function runTarget(
  context: Context,
  ledger: Ledger,
  target: TargetName,
  file: LedgerFile<Ledger>,
  jobs: number,
): Promise<void> {
  const { inputs, seed, source } = ledger.run;
  const fresh: Result = { inputs: 0, seconds: 0, failed: 0, found: [], reached: {}, done: [] };
  const result = ledger.results[target] ?? fresh;
  ledger.results[target] = result;
  const finished = new Set(result.done);
  const left = chunksOf(inputs).filter(({ from }) => !finished.has(from));
  if (left.length === 0) return;
  const bar = new ProgressBar(context, inputs, result.inputs, (count, rate) => {
    const pace = `${grouped(Math.round(rate))} a second`;
    return [`${target}: ${grouped(count)} of ${grouped(inputs)}`, pace, `${result.failed} failing`].join(", ");
  });
  const before = result.seconds;
  let writtenAt = performance.now();
  const take = (answer: Answer): void => {
    result.done.push(answer.from);
    result.inputs += answer.to - answer.from;
    result.failed += answer.failed;
    result.found.push(...answer.found.slice(0, MOST_FOUND - result.found.length));
    for (const [what, times] of Object.entries(answer.reached)) {
      result.reached[what] = (result.reached[what] ?? 0) + times;
    }
    result.seconds = before + bar.seconds;
    if (performance.now() - writtenAt > WRITE_MS || context.signal.aborted) {
      writtenAt = performance.now();
      file.write(ledger);
    }
    bar.show(result.inputs);
  };
  const crew = {
    target,
    seed,
    source,
    jobs: Math.min(jobs, left.length),
    patienceMs: PATIENCE_MS,
    signal: context.signal,
  };
  await work(left, crew, take);
  bar.end();
  file.write(ledger);
}

/** Makes the first failing input of each promise small and writes it down. Gives the files. */
async function keepFindings(context: Context, { run, results }: Ledger, folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const [name, result] of Object.entries(results) as [TargetName, Result][]) {
    if (result.found.length === 0) continue;
    const target = await make(name, run.source);
    const rules = new Set<string>();
    for (const { index, input: hex, finding } of result.found) {
      if (rules.has(finding.rule)) continue;
      rules.add(finding.rule);
      context.err(`${name} ${index}: ${finding.rule}; making it small …\n`);
      // What hangs cannot be made small by trying.
      const input = hex === "" ? drawInput(target, run.seed, index).slice() : new Uint8Array(Buffer.from(hex, "hex"));
      const fails = (bytes: Uint8Array): boolean => tryInput(target, bytes)?.rule === finding.rule;
      const small = hex !== "" && fails(input) ? minimise(input, fails) : input;
      const file = `${finding.rule
        .replaceAll(/[^A-Za-z0-9]+/g, "-")
        .toLowerCase()
        .slice(0, 60)}.hex`;
      const detail = hex === "" ? finding.detail : (tryInput(target, small)?.detail ?? finding.detail);
      const kept = keepInput(resolve(context.root, folder), name, file, small, [detail.slice(0, 400)]);
      files.push(join(folder, kept));
    }
  }
  return files;
}

async function make(name: TargetName, source: string | undefined): Promise<Target> {
  return TARGETS[name].make(await loadSources(source));
}

function json({ run, results }: Ledger, kept: readonly string[]): string {
  const short = Object.entries(results).map(([name, result]) => [name, { ...result, done: undefined }]);
  return JSON.stringify({ run, results: Object.fromEntries(short), kept });
}

function report({ run, results }: Ledger, kept: readonly string[]): string {
  const rows = [["target", "inputs", "seconds", "a second", "failed"]];
  const lines: string[] = [];
  let failed = 0;
  for (const [name, result] of Object.entries(results)) {
    failed += result.failed;
    const rate = grouped(Math.round(result.inputs / Math.max(result.seconds, 0.001)));
    rows.push([name, grouped(result.inputs), result.seconds.toFixed(1), rate, grouped(result.failed)]);
    const first = new Map(result.found.map((found) => [found.finding.rule, found]).reverse() as [string, Found][]);
    for (const { index, finding } of first.values()) {
      lines.push(`✗ ${name} ${index}: ${finding.detail.split("\n")[0]?.slice(0, 300)}`);
      lines.push(`  npm run fuzz -- --target ${name} --seed ${run.seed} --replay ${index}`);
    }
  }
  for (const file of kept) lines.push(`  kept: ${file} (npm run fuzz -- --replay ${file})`);
  lines.push(failed === 0 ? "✓ every promise held for every input" : `✗ ${grouped(failed)} inputs failed`);
  return `${table(rows)}${lines.join("\n")}\n`;
}

async function replay(
  context: Context,
  what: string,
  targets: string | undefined,
  seed: number,
  source: string | undefined,
): Promise<number> {
  const file = resolve(context.root, what);
  let input: Uint8Array | undefined;
  let name: string | undefined = targets;
  if (/^\d{1,9}$/.test(what)) {
    if (name === undefined || !isTargetName(name)) {
      throw new Failure("--replay with a number needs --target with one name", Status.USAGE);
    }
    input = drawInput(await make(name, source), seed, Number(what)).slice();
  } else {
    if (!existsSync(file)) throw new Failure(`--replay: ${what} is neither a number nor a file`, Status.USAGE);
    input = parseInput(readFileSync(file, "utf8"));
    name ??= targetOf(file);
    if (input === undefined) throw new Failure(`--replay: ${what} is not hexadecimal`, Status.USAGE);
    if (name === undefined || !isTargetName(name)) {
      throw new Failure("--replay: the folder names no target; give --target", Status.USAGE);
    }
  }
  const target = await make(name, source);
  const finding = tryInput(target, input);
  context.out(`${name}, ${input.length} bytes: ${Buffer.from(input).toString("hex")}\n`);
  context.out(
    Object.entries(target.reached)
      .map(([each, times]) => `  ${each}${times > 1 ? `, ${times} times` : ""}\n`)
      .join(""),
  );
  context.out(finding === undefined ? "✓ every promise held\n" : `✗ ${finding.detail}\n`);
  return finding === undefined ? Status.OK : Status.FAILED;
}

start(import.meta.url, fuzz);
