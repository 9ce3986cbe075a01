// The campaign: thousands of simulated boxes, each with its own mix of presses and faults at random moments, and after
// each the question whether what is promised holds. A seed is a plan, a plan is a run: whatever fails can be run again,
// is made small, and can be kept as a regression.
//
//   npm run campaign                                     1,000 seeds on all cores
//   npm run campaign -- --seeds 1..100000 --presses 5    the long form; Ctrl-C and --resume go on later
//   npm run campaign -- --replay 42                      one seed with its timeline; or a file that was kept

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import "../globals.js";
import { LedgerFile } from "../../board/ledger-file.js";
import { ProgressBar } from "../../board/progress-bar.js";
import { type Context, Failure, grouped, readOptions, Status, start, wholeNumber } from "../../board/report.js";
import { type Answer, type Range, type Tally, work } from "./crew.js";
import { FAULTS, type FaultKind } from "./faults.js";
import { type Finding, judge, time } from "./judge.js";
import { minimise } from "./minimise.js";
import { drawPlan, type Plan } from "./plan.js";
import { type Note, runPlan } from "./run.js";
import { tryPlan } from "./worker.js";

const OPTIONS = Object.freeze({
  seeds: { type: "string" },
  presses: { type: "string" },
  faults: { type: "string" },
  jobs: { type: "string" },
  engine: { type: "string" },
  replay: { type: "string" },
  keep: { type: "string" },
  resume: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean" },
} as const);

const HELP = `npm run campaign -- [options]
  --seeds A..B     seeds from A to B (default 1..1000)
  --presses P      presses of a run on average (default 5)
  --faults LIST    only these faults, with commas between
  --jobs N         processes (default: one for each core)
  --engine NAME    xs32 or lx106: the firmware on the real engine, in the memory of manifest.json
  --keep FOLDER    where a failing seed is kept, made small (default test/campaign/regressions)
  --resume         goes on where the same campaign was interrupted
  --replay SEED    one seed, or the FILE of a kept one, with everything that happened
  --json           the result for scripts
Faults:
${Object.entries(FAULTS)
  .map(([name, { what }]) => `  ${name.padEnd(19)} ${what}`)
  .join("\n")}
Exit status: 0 every promise held in every run, 1 one did not, 2 wrong options.
`;

/** Seeds that a process takes at once. */
const CHUNK = 25;
const MOST = 100_000_000;

interface Campaign {
  readonly seeds: Range;
  readonly presses: number;
  readonly faults: readonly FaultKind[] | undefined;
  readonly engine: string | undefined;
}

/** What is known so far; kept in a file while the campaign runs. */
interface Ledger {
  readonly campaign: Campaign;
  /** First seeds of the chunks that are finished. */
  readonly done: number[];
  readonly failures: { seed: number; findings: readonly Finding[] }[];
  readonly tally: Tally;
  seconds: number;
}

export async function campaign(context: Context): Promise<number> {
  const options = readOptions(context.args, OPTIONS);
  if (options.help === true) {
    context.out(HELP);
    return Status.OK;
  }
  const presses = wholeNumber("presses", options.presses ?? "5", 1, 1000);
  const faults = faultsOf(options.faults);
  if (options.replay !== undefined) return replay(context, options.replay, presses, faults);
  const jobs = wholeNumber("jobs", options.jobs ?? String(availableParallelism()), 1, 256);
  const wanted: Campaign = {
    seeds: seedsOf(options.seeds ?? "1..1000"),
    presses,
    faults,
    engine: engineOf(options.engine),
  };
  const file = new LedgerFile<Ledger>(context, "campaign", "campaign");
  const tally: Tally = { presses: 0, alerts: 0, hours: 0, connections: 0, boots: 0, faults: {} };
  const fresh: Ledger = { campaign: wanted, done: [], failures: [], tally, seconds: 0 };
  const ledger = options.resume === true ? file.read(fresh, (found) => found.campaign) : fresh;
  await run(context, ledger, file, jobs);
  const isOver = ledger.done.length === chunksOf(wanted.seeds).length;
  file.close(isOver);
  const kept = keepFailures(context, ledger, options.keep ?? join("test", "campaign", "regressions"));
  context.out(
    options.json === true ? `${JSON.stringify({ ...ledger, done: undefined, kept })}\n` : report(ledger, kept),
  );
  return isOver && ledger.failures.length === 0 ? Status.OK : Status.FAILED;
}

function seedsOf(text: string): Range {
  const found = /^(\d{1,9})\.\.(\d{1,9})$/.exec(text);
  const [from, to] = [Number(found?.[1]), Number(found?.[2])];
  if (from >= 0 && to >= from && to <= MOST) return { from, to };
  throw new Failure(
    `--seeds is a range such as 1..1000, up to ${grouped(MOST)}, not ${JSON.stringify(text)}`,
    Status.USAGE,
  );
}

function faultsOf(text: string | undefined): FaultKind[] | undefined {
  if (text === undefined) return undefined;
  const names = text.split(",");
  const stray = names.find((name) => !Object.hasOwn(FAULTS, name));
  if (stray === undefined) return names as FaultKind[];
  throw new Failure(`--faults: there is no ${JSON.stringify(stray)}; --help lists them`, Status.USAGE);
}

function engineOf(name: string | undefined): string | undefined {
  if (name === undefined || name === "xs32" || name === "lx106") return name;
  throw new Failure(`--engine is xs32 or lx106, not ${JSON.stringify(name)}`, Status.USAGE);
}

function chunksOf({ from, to }: Range): Range[] {
  const chunks: Range[] = [];
  for (let first = from; first <= to; first += CHUNK) chunks.push({ from: first, to: Math.min(to, first + CHUNK - 1) });
  return chunks;
}

async function run(context: Context, ledger: Ledger, file: LedgerFile<Ledger>, jobs: number): Promise<void> {
  const { campaign: wanted, done, failures } = ledger;
  const left = chunksOf(wanted.seeds).filter(({ from }) => !done.includes(from));
  const all = wanted.seeds.to - wanted.seeds.from + 1;
  const seeds = () => seedsIn(done, wanted.seeds);
  const bar = new ProgressBar(context, all, seeds(), (count, rate) =>
    [`${grouped(count)} of ${grouped(all)} seeds`, `${rate.toFixed(1)} a second`, `${failures.length} failing`].join(
      ", ",
    ),
  );
  const before = ledger.seconds;
  const take = (answer: Answer): void => {
    done.push(answer.from);
    failures.push(...answer.failures);
    add(ledger.tally, answer.tally);
    ledger.seconds = before + bar.seconds;
    file.write(ledger);
    bar.show(seeds());
  };
  bar.draw(seeds());
  await work(left, { ...wanted, jobs: Math.min(jobs, Math.max(1, left.length)), signal: context.signal }, take);
  bar.end();
  failures.sort((a, b) => a.seed - b.seed);
}

function seedsIn(done: readonly number[], { to }: Range): number {
  return done.reduce((sum, from) => sum + Math.min(CHUNK, to - from + 1), 0);
}

function add(sum: Tally, more: Tally): void {
  sum.presses += more.presses;
  sum.alerts += more.alerts;
  sum.hours += more.hours;
  sum.connections += more.connections;
  sum.boots += more.boots;
  for (const [kind, count] of Object.entries(more.faults)) sum.faults[kind] = (sum.faults[kind] ?? 0) + count;
}

/** Makes the first failing seeds small and writes them down. Gives the files. */
function keepFailures(context: Context, { failures, campaign: { presses, faults } }: Ledger, folder: string): string[] {
  const files: string[] = [];
  // Many seeds fail in one way: one of each is enough.
  const rules = new Set<string>();
  for (const { seed, findings } of failures) {
    const rule = findings[0]?.rule ?? "";
    if (rules.has(rule)) continue;
    rules.add(rule);
    context.err(`seed ${seed}: ${rule}; making it small …\n`);
    const fails = (plan: Plan): boolean => tryPlan(plan).some((finding) => finding.rule === rule);
    const plan = drawPlan(seed, { presses, faults });
    // On another engine it may not fail here.
    const small = fails(plan) ? minimise(plan, fails) : plan;
    const file = join(folder, `${rule.replaceAll(/[^A-Za-z]+/g, "-").toLowerCase()}-${seed}.json`);
    mkdirSync(resolve(context.root, folder), { recursive: true });
    writeFileSync(
      resolve(context.root, file),
      `${JSON.stringify({ found: fails(small) ? tryPlan(small) : findings, plan: small }, undefined, 2)}\n`,
    );
    files.push(file);
  }
  return files;
}

function report(ledger: Ledger, kept: readonly string[]): string {
  const { campaign: wanted, tally, failures, seconds, done } = ledger;
  const count = seedsIn(done, wanted.seeds);
  const broken = new Map<string, number>();
  for (const { findings } of failures) {
    for (const { rule } of findings) broken.set(rule, (broken.get(rule) ?? 0) + 1);
  }
  const faults = Object.values(tally.faults).reduce((sum, each) => sum + each, 0);
  const lines = [
    `${grouped(count)} seeds: ${grouped(tally.presses)} presses, ${grouped(faults)} faults, ${grouped(tally.boots)} boots,`,
    `${grouped(tally.connections)} connections, ${grouped(tally.alerts)} alerts, ${grouped(Math.round(tally.hours))} hours of the boxes' time`,
    `in ${Math.round(seconds)} s (${(count / Math.max(seconds, 0.001)).toFixed(1)} seeds a second).`,
  ];
  for (const { seed, findings } of failures.slice(0, 20)) {
    lines.push(`✗ seed ${seed}: ${findings[0]?.rule}: ${findings[0]?.detail.split("\n")[0]}`);
  }
  if (failures.length > 20) lines.push(`… and ${grouped(failures.length - 20)} more`);
  for (const [rule, times] of broken) lines.push(`  ${rule}: broken ${grouped(times)} times`);
  for (const file of kept) lines.push(`  kept: ${file} (npm run campaign -- --replay ${file})`);
  if (failures.length > 0)
    lines.push(`  a seed with its timeline: npm run campaign -- --replay ${failures[0]?.seed}${rest(wanted)}`);
  lines.push(
    failures.length === 0 ? "✓ every promise held in every run" : `✗ ${grouped(failures.length)} seeds failed`,
  );
  return `${lines.join("\n")}\n`;
}

/** The options that belong to a seed. */
function rest({ presses, faults }: Campaign): string {
  return `${presses === 5 ? "" : ` --presses ${presses}`}${faults === undefined ? "" : ` --faults ${faults.join(",")}`}`;
}

function replay(context: Context, what: string, presses: number, faults: readonly FaultKind[] | undefined): number {
  const plan = planOf(context, what, presses, faults);
  const record = runPlan(plan);
  const findings = judge(record);
  record.world.close();
  const { faults: planned, presses: pressed, ...box } = plan;
  context.out(`${JSON.stringify(box)}\n`);
  for (const note of record.notes) if (note.what !== "flash") context.out(noteLine(note));
  for (const { rule, detail } of findings) context.out(`✗ ${rule}: ${detail}\n`);
  const sum = `${pressed.length} presses, ${planned.length} faults`;
  context.out(findings.length === 0 ? `✓ every promise held: ${sum}\n` : `✗ ${findings.length} broken: ${sum}\n`);
  return findings.length === 0 ? Status.OK : Status.FAILED;
}

function noteLine({ at, what, text }: Note): string {
  return `${time(at).padStart(12)}  ${what.padEnd(12)}  ${text.length > 140 ? `${text.slice(0, 139)}…` : text}\n`;
}

function planOf(context: Context, what: string, presses: number, faults: readonly FaultKind[] | undefined): Plan {
  if (/^\d{1,9}$/.test(what)) return drawPlan(Number(what), { presses, faults });
  const file = resolve(context.root, what);
  if (!existsSync(file)) throw new Failure(`--replay: ${what} is neither a seed nor a file`, Status.USAGE);
  const { plan } = JSON.parse(readFileSync(file, "utf8")) as { plan: Plan };
  return plan;
}

start(import.meta.url, campaign);
