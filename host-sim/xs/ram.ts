// How much memory the firmware needs on the real engine, with the ESP8266's memory layout and no board: what lives at
// each moment, the smallest block in which everything still runs, the deepest stacks, and our client alone beside any
// other. Figures after a forced collection are exact: they repeat to the byte.
//
//   npm run ram                       the tables; status 1 when a figure exceeds its line in budget.json
//   npm run ram -- --json             for scripts
//   npm run ram -- --reconnects 100   quicker; 10,000 unless given
//   npm run ram -- --lower            lowers the lines in budget.json to what is measured
//   npm run ram -- --bundle file.js   another client in the same harness: bundle.ts says what the file must look like

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import "../globals.js";
import { type Context, Failure, grouped, readOptions, Status, start, table, wholeNumber } from "../../board/report.js";
import { budgetTable, lowerableText, lowerBudget, loweredText, lowerings, overBudget, readBudget } from "./budget.js";
import type { Row } from "./bundle.js";
import { Crew } from "./crew.js";
import { readyEngines } from "./engines.js";
import {
  type Block,
  beyond,
  type Counts,
  differences,
  type Figures,
  faultsOf,
  guardedFigures,
  measureRam,
  runScript,
  stockRecord,
  sum,
} from "./figures.js";
import type { CreationRecord } from "./lab.js";
import { bytesOf } from "./messages.js";
import { few } from "./moments.js";
import { Progress } from "./progress.js";
import type { Moment } from "./stage.js";

const OPTIONS = Object.freeze({
  json: { type: "boolean" },
  bundle: { type: "string" },
  reconnects: { type: "string" },
  messages: { type: "string" },
  lower: { type: "boolean" },
  help: { type: "boolean" },
} as const);

const HELP = `npm run ram -- [options]
  --json             figures for scripts
  --reconnects n     how often the connection is lost and made again (10,000)
  --messages n       how many messages the client alone gets (100,000)
  --lower            lowers the limits in budget.json to what is measured; raises none
  --bundle file.js   measures the script in that file instead: an ES module whose default export is called with
                     { address, port, user, password, reconnects, messages } when Wi-Fi is up. It may import the modules
                     of the board (embedded:io/socket/tcp, timer, time, net …) and from "lab": mark(label) begins a row,
                     in a turn of its own; deliver(topic, bytes, qos), hold(kind), release(kind), drop(), finish().
Exit status: 0 all within budget.json, 1 not so or it could not be measured, 2 wrong options.
`;

const client = fileURLToPath(new URL("client.ts", import.meta.url));

function momentsTable(title: string, first: readonly Moment[], second: readonly Moment[]): string {
  const others = new Map(second.map(({ name, live }) => [name, live]));
  const rows = first.map(({ name, live }) => {
    const other = others.get(name);
    const cells = [live.slots, live.chunkBytes, bytesOf(live)].map(grouped);
    return [name, ...cells, other === undefined ? "—" : grouped(bytesOf(other)), grouped(live.smallestFree)];
  });
  return table([[title, "slots", "chunk B", "live B", "on lx106", "free at least B"], ...rows]);
}

function rowsTable(title: string, first: readonly Row[], second: readonly Row[]): string {
  const others = new Map(second.map((row) => [row.name, beyond(second, row.name)]));
  const base = first[0]?.live;
  const rows = first.map(({ name, live }) => {
    const slots = live.slots - (base?.slots ?? 0);
    const chunks = live.chunkBytes - (base?.chunkBytes ?? 0);
    const other = others.get(name);
    return [name, ...[slots, chunks, slots * 16 + chunks].map(grouped), other === undefined ? "—" : grouped(other)];
  });
  return table([[title, "slots", "chunk B", "live B", "on lx106"], ...rows]);
}

function bytecodeTable(modules: Figures["modules"]): string {
  const folders = new Map<string, number>();
  for (const { specifier, bytes } of modules) {
    const folder = specifier.includes("/") ? specifier.slice(0, specifier.indexOf("/")) : specifier;
    folders.set(folder, (folders.get(folder) ?? 0) + bytes);
  }
  const byFolder = [...folders].map(([folder, bytes]) => [`src/${folder} in all`, grouped(bytes)]);
  const byModule = modules
    .map(({ specifier, bytes }) => [specifier, grouped(bytes)])
    .sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return table([
    ["bytecode, preloaded", "bytes"],
    ...byModule,
    ...byFolder,
    ["in all", grouped(sum(modules.map((m) => m.bytes)))],
  ]);
}

/** All tables. */
export function ramText(figures: Figures): string {
  const parts = figures.told.map(({ name, moments }, index) =>
    momentsTable(`firmware, ${name}`, moments, figures.toldTarget[index]?.moments ?? []),
  );
  const stacks = [figures.told, figures.toldTarget].map((all) => ({
    slots: Math.max(...all.map(({ deepest }) => deepest.stackSlots)),
    bytes: Math.max(...all.map(({ deepest }) => deepest.cStackBytes)),
  }));
  const block = ({ stack, bytes }: Block): string[] => [
    `smallest block, stack of ${stack} slots`,
    bytes === undefined ? "does not run" : grouped(bytes),
    bytes === undefined ? "—" : grouped(bytes),
  ];
  parts.push(
    table([
      ["firmware, all stories", "host", "lx106"],
      ...figures.blocks.map(block),
      ["deepest JavaScript stack, slots", ...stacks.map(({ slots }) => grouped(slots))],
      ["deepest C stack, B (the chip has 4,608)", "—", grouped(stacks[1]?.bytes ?? 0)],
    ]),
    rowsTable("client alone, beyond loading", figures.client.rows, figures.clientTarget.rows),
    bytecodeTable(figures.modules),
  );
  return parts.join("\n");
}

function notes(record: CreationRecord): string {
  const machine = ({ static: bytes, stack, heap, chunk }: CreationRecord): string =>
    `a block of ${grouped(bytes)} B with a stack of ${stack} slots in it,\n` +
    `heap ${heap.initial}/${heap.incremental} slots, chunks ${chunk.initial}/${chunk.incremental} B`;
  return (
    "Live: what is left after a forced collection, exact to the byte; a slot has 16 B. Free at least: the smallest\n" +
    "gap since the boot, garbage included. Preloaded modules live in flash and cost nothing here, as on the chip.\n" +
    `Machine of the firmware, as manifest.json asks: ${machine(record)}.\n` +
    `Machine of the client: ${machine(stockRecord)};\nits buffers have 512 B each, its table four places.\n`
  );
}

async function measureBundle(
  context: Context,
  crew: Crew,
  file: string,
  counts: Counts,
  json: boolean,
): Promise<number> {
  if (!existsSync(file)) throw new Failure(`${file}: no such file`);
  const less = { reconnects: Math.min(few, counts.reconnects), messages: Math.min(few, counts.messages) };
  const [first, second] = await Promise.all([
    runScript(crew, file, file, "xs32", counts),
    runScript(crew, file, file, "lx106", less),
  ]);
  if (first.rows.length === 0) throw new Failure(`${file} marked nothing: call mark(label) of "lab"`);
  const found = differences(first.rows, second.rows);
  if (json) context.out(`${JSON.stringify({ host: first, lx106: second, faults: found })}\n`);
  else {
    context.out(rowsTable(`${file}, beyond its first mark`, first.rows, second.rows));
    context.out(`  bytecode ${grouped(first.modules.find(({ specifier }) => specifier === "bundle")?.bytes ?? 0)} B\n`);
  }
  for (const fault of found) context.err(`alertbox: ${fault}\n`);
  return found.length === 0 ? Status.OK : Status.FAILED;
}

export async function ram(context: Context): Promise<number> {
  const options = readOptions(context.args, OPTIONS);
  if (options.help === true) {
    context.out(HELP);
    return Status.OK;
  }
  const counts = {
    reconnects: wholeNumber("reconnects", options.reconnects ?? "10000", 1, 1_000_000),
    messages: wholeNumber("messages", options.messages ?? "100000", 1, 10_000_000),
  };
  const lower = options.lower === true;
  if (lower && (options.bundle ?? options.reconnects ?? options.messages) !== undefined) {
    throw new Failure("--lower needs the whole measurement: no --bundle, --reconnects or --messages", Status.USAGE);
  }
  await readyEngines(context.err);
  const json = options.json === true;
  const crew = new Crew({ progress: new Progress(context.err), signal: context.signal });
  try {
    if (options.bundle !== undefined) return await measureBundle(context, crew, options.bundle, counts, json);
    return show(context, await measureRam(crew, client, counts), counts, { json, lower });
  } finally {
    crew.close();
  }
}

/** What is to be done with the figures. */
interface Wishes {
  readonly json: boolean;
  readonly lower: boolean;
}

function show(context: Context, figures: Figures, counts: Counts, { json, lower }: Wishes): number {
  const lines = readBudget("ram");
  const values = guardedFigures(figures, counts);
  const faults = faultsOf(figures);
  const found = [...faults, ...overBudget(lines, values)];
  const possible = lowerings("ram", lines, values);
  // Figures in which the engines differ prove nothing.
  const isLowering = lower && faults.length === 0;
  if (isLowering) lowerBudget("ram", possible);
  if (json) {
    context.out(`${JSON.stringify({ counts, ...figures, guarded: Object.fromEntries(values), faults: found })}\n`);
  } else {
    const told = isLowering ? loweredText(possible) : lowerableText("ram", possible);
    context.out(
      `${ramText(figures)}\n${budgetTable(lines, values)}${told === "" ? "" : `\n${told}`}\n${notes(figures.record)}`,
    );
  }
  for (const fault of found) context.err(`alertbox: ${fault}\n`);
  return found.length === 0 ? Status.OK : Status.FAILED;
}

start(import.meta.url, ram);
