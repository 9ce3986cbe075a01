// How much the firmware computes, counted on the ESP8266's instruction set without a board: exact instructions of each
// turn (callback) by kind of event, alone and with a collection of garbage forced upon it, the worst first; and our
// client's publish and message beside any other client's.
//
//   npm run cycles                       the tables; status 1 when a figure exceeds its line in budget.json
//   npm run cycles -- --json             for scripts, with every turn
//   npm run cycles -- --lower            lowers the lines in budget.json to what is measured
//   npm run cycles -- --bundle file.js   another client in the same harness: bundle.ts says what that file is

import { fileURLToPath } from "node:url";
import "../globals.js";
import { type Context, Failure, grouped, readOptions, Status, start, table } from "../../board/report.js";
import { budgetTable, lowerableText, lowerBudget, loweredText, lowerings, overBudget, readBudget } from "./budget.js";
import { requireComparable } from "./build.js";
import { type BundleResult, runBundle } from "./bundle.js";
import type { Engine } from "./engine.js";
import { readyEngines } from "./engines.js";
import { type MeasuredTurn, measureEvents } from "./events.js";
import { Firmware } from "./figures.js";
import type { CreationRecord } from "./lab.js";
import { Progress } from "./progress.js";
import { told } from "./stage.js";

const OPTIONS = Object.freeze({
  json: { type: "boolean" },
  bundle: { type: "string" },
  lower: { type: "boolean" },
  help: { type: "boolean" },
} as const);

const HELP = `npm run cycles -- [options]
  --json             figures for scripts, with every turn
  --lower            lowers the limits in budget.json to what is measured; raises none
  --bundle file.js   measures the script in that file instead, from mark to mark; what it must look like is in
                     npm run ram -- --help
Exit status: 0 all within budget.json, 1 not so or it could not be measured, 2 wrong options.
`;

/** So much memory that nothing is collected inside a turn. */
export const largeRecord: CreationRecord = Object.freeze({
  static: 4 * 1024 * 1024,
  stack: 1024,
  heap: Object.freeze({ initial: 32_768, incremental: 32_768 }),
  chunk: Object.freeze({ initial: 1024 * 1024, incremental: 65_536 }),
  keys: Object.freeze({ initial: 256, incremental: 0 }),
});

/** Cycles for each instruction when all is in the cache: an estimate, nobody has published one for this processor. */
const CPI = Object.freeze({ LOW: 1.3, HIGH: 1.5 } as const);

const client = fileURLToPath(new URL("client.ts", import.meta.url));
const floor = fileURLToPath(new URL("floor.ts", import.meta.url));

/** Rows that both have. */
const withFloor: readonly string[] = Object.freeze([
  "QoS 2 publish, to PUBCOMP",
  "message of 16 B, QoS 0",
  "message of 256 B, QoS 0",
  "message of 1,024 B, QoS 0",
]);

/** All turns of one kind. */
interface Kind {
  readonly kind: string;
  readonly turns: number;
  /** Instructions of all of them. */
  readonly total: number;
  /** The longest turn, without and with a collection. */
  readonly longest: number;
  readonly worst: number;
  /** What called the worst. */
  readonly worstName: string;
}

function kindsOf(turns: readonly MeasuredTurn[]): Kind[] {
  const groups = new Map<string, MeasuredTurn[]>();
  for (const turn of turns) groups.set(turn.kind, [...(groups.get(turn.kind) ?? []), turn]);
  const kinds = [...groups].map(([kind, group]) => {
    const worst = group.reduce((a, b) => (withCollection(b) > withCollection(a) ? b : a));
    return {
      kind,
      turns: group.length,
      total: group.reduce((total, { instructions }) => total + instructions, 0),
      longest: Math.max(...group.map(({ instructions }) => instructions)),
      worst: withCollection(worst),
      worstName: worst.name,
    };
  });
  return kinds.sort((a, b) => b.worst - a.worst);
}

function withCollection({ instructions, collection }: MeasuredTurn): number {
  return instructions + collection;
}

/** The figures that may be guarded, by name. */
function guarded(turns: readonly MeasuredTurn[], alone: BundleResult): Map<string, number> {
  const map = new Map<string, number>();
  for (const { kind, worst } of kindsOf(turns)) map.set(`firmware, ${kind}: worst turn with a collection`, worst);
  const callbacks = turns.filter(({ kind }) => kind !== "boot");
  map.set("firmware: worst callback with a collection", Math.max(...callbacks.map(withCollection)));
  for (const { name, instructions } of alone.rows) map.set(`client, ${name}`, instructions);
  return map;
}

function kindsTable(kinds: readonly Kind[]): string {
  const cells = ({ kind, turns, total, longest, worst, worstName }: Kind): string[] => {
    const [low, high] = [CPI.LOW, CPI.HIGH].map((each) => grouped(Math.round((worst * each) / 1000)));
    const cycles = `${low}–${high} k`;
    return [kind, ...[turns, total, longest, worst].map(grouped), cycles, worstName];
  };
  return table([
    ["instructions", "callbacks", "all of them", "the longest", "with a collection", "cycles, about", "the longest is"],
    ...kinds.map(cells),
  ]);
}

function rowsTable(title: string, { rows }: BundleResult): string {
  const cells = rows
    .filter(({ turns }) => turns > 0)
    .map(({ name, turns, instructions, longest }) => [name, ...[turns, instructions, longest].map(grouped)]);
  return table([[title, "callbacks", "instructions", "the longest"], ...cells]);
}

/** The client beside the least that any script computes for the same packets. */
function floorTable(alone: BundleResult, under: BundleResult): string {
  const instructionsOf = ({ rows }: BundleResult, name: string): number =>
    rows.find((row) => row.name === name)?.instructions ?? Number.NaN;
  const cells = withFloor.map((name) => {
    const [own, least] = [instructionsOf(alone, name), instructionsOf(under, name)];
    return [name, ...[own, least, own - least].map(grouped)];
  });
  return table([["client, instructions", "client", "floor", "beyond the floor"], ...cells]);
}

const NOTES =
  "Instructions of this build of XS 13.3 (gcc 12.2, -Os) on the lx106 of QEMU, exact and the same in each run; the\n" +
  "modules' own C code (sockets, flash, timers) and the harness are not in them. With a collection: the turn alone and\n" +
  "the collection right after it in the machine of manifest.json, as if memory ran out inside it. Cycles are an\n" +
  "estimate, 1.3 to 1.5 for each instruction when code is in the cache; a cold line of flash costs some 175 (quad) to\n" +
  "300 (DIO) cycles at 80 MHz, and Wi-Fi interrupts come on top: these figures compare and guard, they are not\n" +
  "milliseconds. The floor is a script that does next to nothing but pass the same packets (host-sim/xs/floor.ts).\n";

function measureBundle(context: Context, target: Engine, file: string, json: boolean): number {
  new Progress(context.err).say(`${file} on lx106`);
  const result = told(() => runBundle(target, file, { reconnects: 1, messages: 1, record: largeRecord }));
  if (result.rows.length === 0) throw new Failure(`${file} marked nothing: call mark(label) of "lab"`);
  context.out(json ? `${JSON.stringify(result)}\n` : `${rowsTable(file, result)}\n${NOTES}`);
  return Status.OK;
}

export async function cycles(context: Context): Promise<number> {
  const options = readOptions(context.args, OPTIONS);
  if (options.help === true) {
    context.out(HELP);
    return Status.OK;
  }
  const json = options.json === true;
  const lower = options.lower === true;
  if (lower && options.bundle !== undefined) {
    throw new Failure("--lower needs the whole measurement: no --bundle", Status.USAGE);
  }
  const built = await readyEngines(context.err);
  const { target } = built;
  if (options.bundle !== undefined) return measureBundle(context, target, options.bundle, json);
  requireComparable(built);
  const progress = new Progress(context.err);
  const turns = told(() =>
    measureEvents(target, new Firmware().record, largeRecord, (text) => progress.say(`firmware, ${text}`)),
  );
  progress.say("the client alone");
  const alone = told(() => runBundle(target, client, { reconnects: 1, messages: 1, record: largeRecord }));
  progress.say("the floor under it");
  const under = told(() => runBundle(target, floor, { reconnects: 0, messages: 0, record: largeRecord }));
  const values = guarded(turns, alone);
  const lines = readBudget("cycles");
  const found = overBudget(lines, values);
  const possible = lowerings("cycles", lines, values);
  if (lower) lowerBudget("cycles", possible);
  if (json) {
    const figures = { turns, client: alone.rows, floor: under.rows, guarded: Object.fromEntries(values) };
    context.out(`${JSON.stringify({ ...figures, faults: found })}\n`);
  } else {
    const limits = lower ? loweredText(possible) : lowerableText("cycles", possible);
    const parts = [kindsTable(kindsOf(turns)), rowsTable("client alone", alone), floorTable(alone, under)];
    context.out([...parts, budgetTable(lines, values), ...(limits === "" ? [] : [limits]), NOTES].join("\n"));
  }
  for (const fault of found) context.err(`alertbox: ${fault}\n`);
  return found.length === 0 ? Status.OK : Status.FAILED;
}

start(import.meta.url, cycles);
