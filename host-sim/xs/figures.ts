// What `npm run ram` measures, on both engines: the firmware's moments, the smallest block, the client alone, bytecode;
// which of it is guarded, and whether the engines agree. Only figures; ram.ts words them.

import type { BundleResult, Row } from "./bundle.js";
import type { Crew } from "./crew.js";
import type { Engine, EngineName } from "./engine.js";
import { type CreationRecord, LabDied } from "./lab.js";
import { bytesOf } from "./messages.js";
import type { Compiled } from "./modules.js";
import { dailyLife, few, firstSetup, fullSector, type Story } from "./moments.js";
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

/** What is measured: the modules and the machine that manifest.json asks for. */
export interface FirmwareGiven {
  readonly sources: Sources;
  readonly record: CreationRecord;
}

function firmwareNow(): FirmwareGiven {
  const { preload, stripped, creation } = readManifest();
  return { sources: firmwareSources(undefined, preload, stripped), record: recordOf(creation) };
}

/** The firmware, with one machine after the other. */
export class Firmware {
  readonly #sources: Sources;
  readonly record: CreationRecord;
  #modules: readonly Compiled[] = [];

  /** @param given as it was elsewhere; as it is now unless given. */
  constructor(given: FirmwareGiven = firmwareNow()) {
    this.#sources = given.sources;
    this.record = given.record;
  }

  /** Bytecode by module, once a story was told. */
  get modules(): readonly Compiled[] {
    return this.#modules;
  }

  /** @throws StoryFailed, or LabDied when the process could not go on. */
  tell(engine: Engine, story: Story, record: CreationRecord, progress?: (text: string) => void): Told {
    const image = new XsImage(engine, { sources: this.#sources, record });
    try {
      const stage = new Stage(image, story.world);
      stage.onProgress = progress;
      story.run(stage);
      stage.close();
      // Without the lab's own, which leaves built-ins out.
      const all = this.#sources.modules.map(({ specifier }) => specifier);
      const own = new Set(all.filter((each) => !each.startsWith("~")));
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
  return [dailyLife(reconnects), firstSetup, fullSector];
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

/** Asks for one story. */
export interface StoryErrand {
  readonly type: "story";
  readonly engine: EngineName;
  readonly firmware: FirmwareGiven;
  readonly story: string;
  readonly reconnects: number;
}

/** Asks for the smallest block with a stack of so many slots, on both engines. */
interface BlockErrand {
  readonly type: "block";
  readonly firmware: FirmwareGiven;
  readonly stack: number;
  readonly reconnects: number;
}

/** Asks for what a script marks. */
export interface BundleErrand {
  readonly type: "bundle";
  readonly engine: EngineName;
  readonly file: string;
  readonly reconnects: number;
  readonly messages: number;
}

/** What a process of its own can be asked for (errand.ts). Answers: Chapter, Block and BundleResult. */
export type Errand = StoryErrand | BlockErrand | BundleErrand;

/** A told story, with what it was told by. */
export interface Chapter {
  readonly told: Told;
  readonly modules: readonly Compiled[];
}

/** The smallest block, found on the host and confirmed on the target. */
export function measureBlock(
  { host, target }: { readonly host: Engine; readonly target: Engine },
  firmware: Firmware,
  short: readonly Story[],
  stack: number,
): Block {
  const record = { ...firmware.record, stack, static: Math.max(firmware.record.static, 32_768) };
  const bytes = firmware.smallestBlock(host, short, record);
  const at = (size: number): boolean => firmware.failure(target, short, { ...record, static: size }) === undefined;
  const confirmed = bytes !== undefined && at(bytes) && !at(bytes - blockStep);
  return { stack, bytes, why: bytes === undefined ? firmware.failure(host, short, record) : undefined, confirmed };
}

/**
 * Everything. What takes longest begins first, whatever the order in which it is shown.
 * @throws Failure when a piece did not get through.
 */
export async function measureRam(crew: Crew, client: string, counts: Counts): Promise<Figures> {
  const firmware = firmwareNow();
  const less = { reconnects: Math.min(few, counts.reconnects), messages: Math.min(few, counts.messages) };
  const story = (engine: EngineName, name: string, reconnects: number): Promise<Chapter> => {
    const errand: StoryErrand = { type: "story", engine, firmware, story: name, reconnects };
    return crew.do(`${name} on ${placeOf(engine)}`, errand);
  };
  const block = (stack: number): Promise<Block> => {
    const errand: BlockErrand = { type: "block", firmware, stack, reconnects: less.reconnects };
    return crew.do(`smallest block with a stack of ${stack} slots`, errand);
  };
  const [daily = "", ...others] = stories(counts.reconnects).map(({ name }) => name);
  const first = story("xs32", daily, counts.reconnects);
  const alone = runScript(crew, "the client alone", client, "xs32", counts);
  const blocks = [...new Set([firmware.record.stack, stockStack])].map(block);
  const told = [first, ...others.map((name) => story("xs32", name, counts.reconnects))];
  const toldTarget = [daily, ...others].map((name) => story("lx106", name, less.reconnects));
  const aloneTarget = runScript(crew, "the client alone", client, "lx106", less);
  // All at once, so that the first failure is told without waiting for what takes longer.
  await Promise.all([...told, ...toldTarget, ...blocks, alone, aloneTarget]);
  const [chapters, chaptersTarget] = [await Promise.all(told), await Promise.all(toldTarget)];
  return {
    record: firmware.record,
    told: chapters.map((chapter) => chapter.told),
    toldTarget: chaptersTarget.map((chapter) => chapter.told),
    blocks: await Promise.all(blocks),
    client: await alone,
    clientTarget: await aloneTarget,
    modules: chapters[0]?.modules ?? [],
  };
}

/** One script on one engine. @throws Failure when it did not get through. */
export function runScript(
  crew: Crew,
  title: string,
  file: string,
  engine: EngineName,
  { reconnects, messages }: Counts,
): Promise<BundleResult> {
  const errand: BundleErrand = { type: "bundle", engine, file, reconnects, messages };
  return crew.do(`${title} on ${placeOf(engine)}`, errand);
}

function placeOf(engine: EngineName): string {
  return engine === "xs32" ? "the host" : engine;
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
