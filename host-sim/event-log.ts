// Packets and memory line by line, for the terminal and for runs without one: which of the bench's events are a line,
// what of a board's memory has changed since the last one, and how both are written. Steps have a form of their own, in
// terminal.ts.

import { harmless, type Look, paint, Sgr } from "./look.js";
import type { LogKind } from "./options.js";
import type { MemoryView, PacketView } from "./page/details.js";
import type { BenchEvent, Snapshot } from "./page/protocol.js";

/** Something in a board's memory that is another now. */
export interface Change {
  readonly what: "record" | "settings" | "rtc";
  /** `5750-1-40146 received`, `slot 1 valid`, `word 33` */
  readonly title: string;
  /** What it holds now. */
  readonly text: string;
}

/** A line to be. */
export interface Entry {
  readonly kind: "packet" | "memory";
  readonly board: number;
  /** Milliseconds since the bench started; of a change of memory, of the board's last step or packet before it. */
  readonly at: number;
  /** Milliseconds since the chapter of the board's story began; undefined before the first. */
  readonly since: number | undefined;
  readonly packet: PacketView | undefined;
  readonly change: Change | undefined;
}

export class EventLog {
  readonly #kinds: readonly LogKind[];
  readonly #memories = new Map<number, ReadonlyMap<string, Change>>();
  /** When each board's chapter began, and when something was last heard of it. */
  readonly #chapters = new Map<number, number>();
  readonly #heard = new Map<number, number>();

  /** @param snapshot the bench as it is now; what is in it already is no change. */
  constructor(kinds: readonly LogKind[], snapshot: Snapshot) {
    this.#kinds = kinds;
    for (const { opens, board, at } of snapshot.lines) if (opens) this.#chapters.set(board, at);
    if (!kinds.includes("memory")) return;
    for (const memory of snapshot.memories) this.#memories.set(memory.board, contentsOf(memory));
  }

  /** What this event is in lines; those of steps are none of them. */
  entries(event: BenchEvent): readonly Entry[] {
    if (event.type === "line") {
      const { board, at, opens } = event.line;
      if (opens) this.#chapters.set(board, at);
      this.#heard.set(board, at);
    } else if (event.type === "packet") {
      const { packet } = event;
      this.#heard.set(packet.board, packet.at);
      if (this.#kinds.includes("packets")) return [this.#entry(packet.board, packet.at, packet, undefined)];
    } else if (event.type === "memory" && this.#kinds.includes("memory")) {
      return this.#changes(event.memory);
    } else if (event.type === "gone") {
      for (const known of [this.#memories, this.#chapters, this.#heard]) known.delete(event.board);
    }
    return [];
  }

  #changes(memory: MemoryView): readonly Entry[] {
    const { board } = memory;
    const before = this.#memories.get(board);
    const now = contentsOf(memory);
    this.#memories.set(board, now);
    const at = this.#heard.get(board) ?? 0;
    const entries: Entry[] = [];
    for (const [key, change] of now) {
      const old = before?.get(key);
      if (old?.title === change.title && old.text === change.text) continue;
      entries.push(this.#entry(board, at, undefined, change));
    }
    return entries;
  }

  #entry(board: number, at: number, packet: PacketView | undefined, change: Change | undefined): Entry {
    const chapter = this.#chapters.get(board);
    const since = chapter === undefined ? undefined : at - chapter;
    return { kind: packet === undefined ? "memory" : "packet", board, at, since, packet, change };
  }
}

/** Everything that may change, by what it is of. The checksum of the RTC words changes with each of them. */
function contentsOf({ records, slots, rtc }: MemoryView): ReadonlyMap<string, Change> {
  const contents = new Map<string, Change>();
  for (const { id, sector, offset, bits, status, text } of records) {
    const title = status === "base" ? `sector ${sector}` : `${id} ${status}`.trim();
    contents.set(`record ${offset}`, { what: "record", title, text: `${bits}  ${text}` });
  }
  for (const { slot, state, inForce, text } of slots) {
    const title = `slot ${slot} ${state}${inForce ? ", in force" : ""}`;
    contents.set(`slot ${slot}`, { what: "settings", title, text });
  }
  for (const { index, value, meaning } of rtc.slice(1)) {
    const text = `${value.toString(16).padStart(8, "0")}  ${meaning}`;
    contents.set(`word ${index}`, { what: "rtc", title: `word ${index}`, text });
  }
  return contents;
}

/** One line, without its end; `name` is the board's, empty when there is only one. */
export function formatEntry({ at, since, packet, change }: Entry, name: string, look: Look): string {
  const ms = paint(look, Sgr.dim, `${Math.round(since ?? at)} ms`.padStart(10));
  const board = name === "" ? "" : name.padEnd(9);
  const rest = packet === undefined ? changeText(change, look) : packetText(packet, look);
  const text = `${ms}  ${board}${rest}`;
  return look.colour ? text : text.trimEnd();
}

function packetText(packet: PacketView, look: Look): string {
  const { direction, type, qos, retain, dup, packetId, topic, detail, breach } = packet;
  const arrow = look.unicode ? { up: "→", down: "←" }[direction] : { up: ">", down: "<" }[direction];
  const flags = [
    ...(qos === undefined ? [] : [`QoS ${qos}`]),
    ...(retain ? ["retained"] : []),
    ...(dup ? ["again"] : []),
    ...(packetId === undefined ? [] : [`id ${packetId}`]),
  ];
  const colour = type === "bytes" || type === "TCP reset" ? Sgr.red : type === "PUBLISH" ? Sgr.green : Sgr.plain;
  // Elsewhere it is a part of the detail.
  const shownTopic = type === "PUBLISH" ? topic : "";
  const words = [...flags, shownTopic, detail].filter((word) => word !== "").join("  ");
  const broken = breach === undefined ? "" : paint(look, Sgr.red, `  [${breach.statement}] ${harmless(breach.detail)}`);
  return `${arrow} ${paint(look, colour, type.padEnd(12))} ${paint(look, Sgr.dim, harmless(words))}${broken}`;
}

function changeText(change: Change | undefined, look: Look): string {
  const { what, title, text } = change ?? { what: "", title: "", text: "" };
  return `${look.unicode ? "·" : "*"} ${paint(look, Sgr.magenta, what.padEnd(12))} ${harmless(title)}  ${paint(look, Sgr.dim, harmless(text))}`;
}

/** The same as an object, for one line of JSON. */
export function entryObject({ kind, at, since, packet, change }: Entry, chipId: number): Record<string, unknown> {
  const times = { at: Math.round(at), ...(since === undefined ? {} : { since: Math.round(since) }) };
  const base = { event: kind, board: chipId, ...times };
  if (packet === undefined) return { ...base, ...change };
  const { id: _id, board: _board, at: _at, ...rest } = packet;
  return { ...base, ...rest };
}
