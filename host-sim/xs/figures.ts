// What `npm run ram` measures, on both engines: the firmware's moments, the smallest block, the client alone, bytecode;
// which of it is guarded, and whether the engines agree. Only figures; ram.ts words them.

import { type BundleResult, type Row, runBundle } from "./bundle.js";
import type { Engine } from "./engine.js";
import { type CreationRecord, LabDied } from "./lab.js";
import { bytesOf } from "./messages.js";
import type { Compiled } from "./modules.js";
import { dailyLife, few, firstSetup, type Story } from "./moments.js";
import { smallest } from "./search.js";
import { firmwareSources, readManifest, type Sources } from "./sources.js";
import { type Moment, Stage, StoryFailed } from "./stage.js";
import { recordOf, XsImage } from "./xs-image.js";

/** A story that was told, with what was measured. */
export interface Told {
  readonly name: string;
  readonly moments: readonly Moment[];
  readonly deepest: { readonly stackSlots: number; readonly cStackBytes: number };
  /** Free bytes of the block at the worst moment of all, garbage included. */
  readonly leastFree: number;
}

/** The stack of a machine that says nothing about it. */
export const stockStack = 256;

/** The record in which clients are compared: that of the SDK for this chip. */
export const stockRecord: CreationRecord = Object.freeze({
  static: 32_768,
  stack: stockStack,
  heap: Object.freeze({ initial: 512, incremental: 64 }),
  chunk: Object.freeze({ initial: 1536, incremental: 512 }),
  keys: Object.freeze({ initial: 32, incremental: 0 }),
});

export const blockStep = 32;

/** What manifest.json must ask for beyond the smallest block in which all stories run, bytes: a tenth of it, about. */
export const blockMargin = 1_536;

/** The firmware as it is now, with one machine after the other. */
export class Firmware {
  readonly #sources: Sources;
  readonly record: CreationRecord;
  #modules: readonly Compiled[] = [];

  constructor() {
    const manifest = readManifest();
    this.#sources = firmwareSources(undefined, manifest.preload);
    this.record = recordOf(manifest.creation);
  }

  /** Bytecode by module, once a story was told. */
  get modules(): readonly Compiled[] {
    return this.#modules;
  }

  /** @throws StoryFailed, or LabDied when the process could not go on. */
  tell(engine: Engine, story: Story, record: CreationRecord): Told {
    const image = new XsImage(engine, { sources: this.#sources, record });
    try {
      const stage = new Stage(image, story.world);
      story.run(stage);
      stage.close();
      const own = new Set(this.#sources.modules.map(({ specifier }) => specifier));
      this.#modules = image.modules.filter(({ specifier }) => own.has(specifier));
      const leastFree = Math.min(...stage.moments.map(({ live }) => live.smallestFree));
      return { name: story.name, moments: stage.moments, deepest: stage.deepest, leastFree };
    } finally {
      image.close();
    }
  }

  /** Why not all stories run in this machine; undefined when they do. */
  failure(engine: Engine, stories: readonly Story[], record: CreationRecord): string | undefined {
    for (const story of stories) {
      try {
        this.tell(engine, story, record);
      } catch (error) {
        if (error instanceof StoryFailed || error instanceof LabDied) return `${story.name}: ${error.message}`;
        throw error;
      }
    }
    return undefined;
  }

  /** The smallest static block, bytes; undefined when that of the record is too small. */
  smallestBlock(engine: Engine, stories: readonly Story[], record: CreationRecord): number | undefined {
    const low = 8_192;
    const high = Math.max(low, blockStep * Math.floor(record.static / blockStep));
    return smallest(
      low,
      high,
      blockStep,
      (bytes) => this.failure(engine, stories, { ...record, static: bytes }) === undefined,
    );
  }
}

/** All stories, with so many reconnects. */
export function stories(reconnects: number): readonly Story[] {
  return [dailyLife(reconnects), firstSetup];
}

/** Our client, as any other script. */
export function runClient(engine: Engine, file: string, reconnects: number, messages: number): BundleResult {
  return runBundle(engine, file, { reconnects, messages, record: stockRecord });
}

/** The two engines' figures for what both have measured; a sentence for each difference. */
export function differences(
  first: readonly { readonly name: string; readonly live: Moment["live"] }[],
  second: readonly { readonly name: string; readonly live: Moment["live"] }[],
): string[] {
  const others = new Map(second.map(({ name, live }) => [name, live]));
  return first.flatMap(({ name, live }) => {
    const other = others.get(name);
    if (other === undefined || (other.slots === live.slots && other.chunkBytes === live.chunkBytes)) return [];
    const words = (each: Moment["live"]): string => `${each.slots} slots and ${each.chunkBytes} B`;
    return [`${name}: ${words(live)} on the host, ${words(other)} on lx106`];
  });
}

export interface Block {
  readonly stack: number;
  /** Smallest block on the host, bytes; undefined when it does not run at all. */
  readonly bytes: number | undefined;
  /** Why not. */
  readonly why: string | undefined;
  /** Whether lx106 runs in the same, and not in the next smaller. */
  readonly confirmed: boolean;
}

/** Everything, once for each engine. */
export interface Figures {
  /** What manifest.json asks for. */
  readonly record: CreationRecord;
  readonly told: readonly Told[];
  readonly toldTarget: readonly Told[];
  /** With the stack that manifest.json asks for, and with the stock one. */
  readonly blocks: readonly Block[];
  readonly client: BundleResult;
  readonly clientTarget: BundleResult;
  readonly modules: readonly { readonly specifier: string; readonly bytes: number }[];
}

/** @throws StoryFailed, or LabDied when a process could not go on. */
export function measureRam(
  host: Engine,
  target: Engine,
  client: string,
  counts: Counts,
  progress: (text: string) => void,
): Figures {
  const firmware = new Firmware();
  const short = stories(Math.min(few, counts.reconnects));
  const told = stories(counts.reconnects).map((story) => {
    progress(`${story.name} on the host`);
    return firmware.tell(host, story, firmware.record);
  });
  const toldTarget = short.map((story) => {
    progress(`${story.name} on lx106`);
    return firmware.tell(target, story, firmware.record);
  });
  const blocks = [...new Set([firmware.record.stack, stockStack])].map((stack) => {
    progress(`smallest block with a stack of ${stack} slots`);
    const record = { ...firmware.record, stack, static: Math.max(firmware.record.static, 32_768) };
    const bytes = firmware.smallestBlock(host, short, record);
    const at = (size: number): boolean => firmware.failure(target, short, { ...record, static: size }) === undefined;
    const confirmed = bytes !== undefined && at(bytes) && !at(bytes - blockStep);
    return { stack, bytes, why: bytes === undefined ? firmware.failure(host, short, record) : undefined, confirmed };
  });
  progress("the client alone on the host");
  const alone = runClient(host, client, counts.reconnects, counts.messages);
  progress("the client alone on lx106");
  const aloneTarget = runClient(target, client, Math.min(few, counts.reconnects), Math.min(few, counts.messages));
  const { record, modules } = firmware;
  return { record, told, toldTarget, blocks, client: alone, clientTarget: aloneTarget, modules };
}

/** How much is done. */
export interface Counts {
  readonly reconnects: number;
  readonly messages: number;
}

/** A row's bytes beyond those of the first one, which is marked after loading. */
export function beyond(rows: readonly Row[], name: string): number | undefined {
  const base = rows[0];
  const row = rows.find((each) => each.name === name);
  return base === undefined || row === undefined ? undefined : bytesOf(row.live) - bytesOf(base.live);
}

/** The figures that may be guarded, by name. */
export function guardedFigures(figures: Figures, counts: Counts): Map<string, number> {
  const map = new Map<string, number>();
  const set = (name: string, value: number | undefined): void => {
    if (value !== undefined) map.set(name, value);
  };
  for (const { moments } of figures.told)
    for (const { name, live } of moments) set(`firmware, ${name}: bytes`, bytesOf(live));
  set("firmware: smallest block, bytes", figures.blocks[0]?.bytes);
  set("firmware: deepest JavaScript stack, slots", Math.max(...figures.told.map(({ deepest }) => deepest.stackSlots)));
  set("firmware: deepest C stack, bytes", Math.max(...figures.toldTarget.map(({ deepest }) => deepest.cStackBytes)));
  const { rows } = figures.client;
  const idle = beyond(rows, "connected, idle");
  set("client, connected and idle: bytes", idle);
  const [one, two, four] = ["one alert in flight", "two in flight", "four in flight"].map((name) => beyond(rows, name));
  if (one !== undefined && two !== undefined && four !== undefined && idle !== undefined) {
    set("client, one more alert in flight: bytes", Math.max(one - idle, two - one, Math.ceil((four - two) / 2)));
  }
  const again = beyond(rows, "idle again");
  const reconnected = beyond(rows, `after ${counts.reconnects} reconnects`);
  const heard = beyond(rows, `after ${counts.messages} messages`);
  if (again !== undefined && reconnected !== undefined && heard !== undefined) {
    set("client, after all reconnects and messages: bytes more", Math.max(reconnected - again, heard - again));
  }
  const bytecode = figures.modules.filter(({ specifier }) => specifier.startsWith("mqtt/"));
  set("src/mqtt: bytes of bytecode", sum(bytecode.map(({ bytes }) => bytes)));
  return map;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** What keeps the figures from being exact: differences of the engines. */
export function faultsOf(figures: Figures): string[] {
  const found = figures.told.flatMap((told, index) =>
    differences(told.moments, figures.toldTarget[index]?.moments ?? []),
  );
  found.push(...differences(figures.client.rows, figures.clientTarget.rows).map((text) => `client, ${text}`));
  for (const { stack, bytes, why, confirmed } of figures.blocks) {
    // That the stock stack is too small is no fault: manifest.json asks for another.
    if (bytes === undefined && stack === figures.record.stack) {
      found.push(`does not run with a stack of ${stack} slots: ${why}`);
    }
    if (bytes !== undefined && !confirmed)
      found.push(`smallest block with a stack of ${stack} slots: not the same on lx106`);
  }
  const needed = (figures.blocks[0]?.bytes ?? 0) + blockMargin;
  if (figures.record.static < needed) {
    found.push(`manifest.json asks for a block of ${figures.record.static} B: proven and margin are ${needed}`);
  }
  return found;
}
