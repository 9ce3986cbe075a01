// What a board's flash and RTC memory hold, in words and bits, as the memory panel shows it. It reads and never writes:
// the journal as it stands there, torn records included, is the point. The layouts are those of src/alertbox
// (journal-format.ts, settings-store.ts) and src/device (rtc-memory.ts).

import type { Flash } from "../src/alertbox/flash.js";
import { AlertEvent, Journal } from "../src/alertbox/journal.js";
import { isBlank, isFinished, isHeader, isRecord } from "../src/alertbox/journal-format.js";
import type { Settings } from "../src/alertbox/settings.js";
import { SettingsStore } from "../src/alertbox/settings-store.js";
import { alertId } from "./alert-id.js";
import { Sector } from "./flash-report.js";
import { crc, crc32, span } from "./modules/chip.js";
import { type NorFlash, sectorBytes } from "./nor-flash.js";
import type { MemoryView, RecordView, SlotView } from "./page/details.js";
import { firstUserWord, type RtcMemory } from "./rtc.js";
import { RtcAt, RtcFlag, RtcLayout } from "./rtc-layout.js";

/** Of journal-format.ts: bytes of a header with its room for changes, and of a slot. */
const HEADER_BYTES = 64;
const SLOT_BYTES = 20;
/** Words of a header that count by cleared bits: changes of "needs a clean session", and refused presses. */
const CLEAN_WORD = 6;
const REFUSED_WORDS = Object.freeze([8, 16] as const);

/** Finished records that are shown beside all that are not. */
const FINISHED_SHOWN = 24;

const EVENT_WORDS: Readonly<Record<number, string>> = Object.freeze({
  [AlertEvent.PRESS]: "press",
  [AlertEvent.DOUBLE]: "double press",
  [AlertEvent.LONG]: "long press",
});

/** The flash as src reads it. `blank` is a sector that is seen as erased. */
function readOnly(flash: NorFlash, blank?: number): Flash {
  const refuse = (): never => {
    throw new Error("this flash is only looked at");
  };
  return {
    sectorSize: sectorBytes,
    read: (offset, length) => {
      const isBlanked = blank !== undefined && Math.floor(offset / sectorBytes) === blank;
      return isBlanked ? new Uint8Array(length).fill(0xff) : flash.read(offset, length);
    },
    write: refuse,
    erase: refuse,
    crc,
    span,
  };
}

function wordsOf(flash: NorFlash, offset: number, length: number): Int32Array {
  return new Int32Array(flash.read(offset, length).buffer);
}

export type JournalView = Pick<MemoryView, "records" | "journalUsed" | "journalSize">;

/** The active sector of the journal: its header, all records that are not done, and the last ones that are. */
export function journalView(flash: NorFlash, chipId: number): JournalView {
  const source = readOnly(flash);
  const sector = activeSector(flash, source);
  if (sector === undefined) return { records: [], journalUsed: 0, journalSize: sectorBytes };
  const start = sector * sectorBytes;
  const words = wordsOf(flash, start, sectorBytes);
  const slots = Math.floor((sectorBytes - HEADER_BYTES) / SLOT_BYTES);
  const open: number[] = [];
  const finished: number[] = [];
  const torn = new Set<number>();
  let used = HEADER_BYTES;
  let last = words[2] ?? 0;
  for (let slot = 0; slot < slots; slot++) {
    const at = (HEADER_BYTES + slot * SLOT_BYTES) / 4;
    if (isBlank(words, at)) continue;
    used = (at + 5) * 4;
    // As the journal does when it boots: a finished record that continues the count was whole when it was finished.
    const sequence = words[at + 1] ?? 0;
    const isDone = isFinished(words[at + 4] ?? -1);
    const isWhole = (sequence === last + 1 && isDone) || isRecord(source, words, at);
    if (isWhole) last = sequence;
    else torn.add(at);
    (isDone ? finished : open).push(at);
  }
  const shown = [...finished.slice(-FINISHED_SHOWN), ...open].sort((a, b) => a - b);
  const records = shown.map((at) => recordView(words, at, !torn.has(at), sector, chipId));
  return { records: [baseView(words, sector), ...records], journalUsed: used, journalSize: sectorBytes };
}

/** How many alerts that are not delivered it takes. */
export function journalCapacity(flash: NorFlash): number {
  return new Journal(readOnly(flash), Sector.JOURNAL, "reject").capacity;
}

/** The valid sector of the newer generation. */
function activeSector(flash: NorFlash, source: Flash): number | undefined {
  const found: { readonly sector: number; readonly generation: number }[] = [];
  for (const sector of [Sector.JOURNAL, Sector.JOURNAL + 1]) {
    const words = wordsOf(flash, sector * sectorBytes, HEADER_BYTES);
    if (isHeader(source, words)) found.push({ sector, generation: words[1] ?? 0 });
  }
  const [first, second] = found;
  if (first === undefined || second === undefined) return first?.sector;
  // The generation may wrap: compare by difference.
  return ((first.generation - second.generation) | 0) > 0 ? first.sector : second.sector;
}

/** Of a sector that begins with a header (journal-format.ts). */
function lifeOf(words: Int32Array): number {
  return (words[4] ?? 0) >>> 16;
}

function baseView(words: Int32Array, sector: number): RecordView {
  const changes = words[CLEAN_WORD] ?? -1;
  const needsClean = ((words[4] ?? 0) & 1) !== (Math.clz32(changes) & 1);
  let refused = 0;
  for (let at = REFUSED_WORDS[0]; at < REFUSED_WORDS[1]; at++) refused += Math.clz32(words[at] ?? -1);
  const presses = words[2] ?? 0;
  const dropped = (words[3] ?? 0) + refused;
  return {
    sequence: presses,
    id: "",
    sector,
    offset: sector * sectorBytes,
    bits: bitsOf(changes),
    status: "base",
    text:
      `generation ${words[1]}, begun after press ${presses}` +
      (lifeOf(words) > 0 ? `, life ${lifeOf(words)}` : "") +
      (dropped > 0 ? `, ${dropped} refused or given up` : "") +
      (needsClean ? ", a clean session is still due" : ""),
  };
}

function recordView(words: Int32Array, at: number, isWhole: boolean, sector: number, chipId: number): RecordView {
  const sequence = words[at + 1] ?? 0;
  const payload = words[at + 2] ?? 0;
  const status = words[at + 4] ?? -1;
  const place = { sector, offset: sector * sectorBytes + at * 4, bits: bitsOf(status) };
  if (!isWhole) return { ...place, sequence: 0, id: "", status: "torn", text: "not whole: it counts as never written" };
  // A group of eight bits counts as cleared as soon as any of them is.
  const isCleared = (bits: number) => (status & bits) !== bits;
  const isGivenUp = isCleared(0xff0000);
  const what = EVENT_WORDS[payload & 0xff] ?? `event ${payload & 0xff}`;
  return {
    ...place,
    sequence,
    id: alertId(chipId, sequence, lifeOf(words)),
    status: isCleared(0xff00) || isGivenUp ? "done" : isCleared(0xff) ? "received" : "queued",
    text: `${what} at ${payload >>> 16} mV${isGivenUp ? ", given up for a newer one" : ""}`,
  };
}

/** `ffff fffe` */
function bitsOf(word: number): string {
  const digits = (word >>> 0).toString(16).padStart(8, "0");
  return `${digits.slice(0, 4)} ${digits.slice(4)}`;
}

/** The two places for settings. */
export function slotViews(flash: NorFlash, chipId: number): readonly SlotView[] {
  const slots = [0, 1].map((slot) => {
    const sector = Sector.SETTINGS + slot;
    const words = wordsOf(flash, sector * sectorBytes, 40);
    const settings = new SettingsStore(readOnly(flash, Sector.SETTINGS + 1 - slot), Sector.SETTINGS).load(chipId);
    const isEmpty =
      settings === undefined && flash.read(sector * sectorBytes, sectorBytes).every((byte) => byte === 0xff);
    return { slot, settings, isEmpty, generation: words[2] ?? 0 };
  });
  const valid = slots.filter(({ settings }) => settings !== undefined);
  const newest = valid.reduce<(typeof slots)[number] | undefined>(
    (best, each) => (best === undefined || ((each.generation - best.generation) | 0) > 0 ? each : best),
    undefined,
  );
  return slots.map((each) => ({
    slot: each.slot,
    state: each.settings !== undefined ? "valid" : each.isEmpty ? "empty" : "torn",
    inForce: each === newest,
    generation: each.settings === undefined ? undefined : each.generation,
    text: each.settings === undefined ? "" : settingsWords(each.settings),
  }));
}

function settingsWords(settings: Settings): string {
  const { wifi, host, port, user, root, mode, wiring, keepAliveSeconds, double, full } = settings;
  const { lowMillivolts, quiet, convention } = settings;
  return [
    `Wi-Fi ${wifi.map(({ ssid }) => ssid).join(", ")}`,
    `broker ${host}:${port}${user === "" ? "" : ` as ${user}`}`,
    `topics under ${root}`,
    `${mode}, button on ${wiring}`,
    `keep-alive ${keepAliveSeconds} s`,
    double ? "double presses count" : "no double presses",
    full === "reject" ? "a full journal refuses" : "a full journal drops the oldest",
    `warns below ${lowMillivolts} mV`,
    ...(quiet ? ["quiet"] : []),
    `convention ${convention}`,
  ].join("; ");
}

const FLAG_WORDS: readonly (readonly [flag: number, word: string])[] = Object.freeze([
  [RtcFlag.PLAIN_ORDER, "this broker wants CONNACK first"],
  [RtcFlag.PLANNED, "the next restart is meant"],
  [RtcFlag.CACHED, "network remembered"],
  [RtcFlag.TOLD, "crash told"],
]);

/** The words that the firmware keeps there; one that says so when they are noise. */
export function rtcViews(rtc: RtcMemory): MemoryView["rtc"] {
  const { LENGTH } = RtcLayout;
  const bytes = new Uint8Array(LENGTH);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < LENGTH; at += 4) view.setUint32(at, rtc.read(firstUserWord + 1 + at / 4), true);
  const checksum = rtc.read(firstUserWord);
  if (checksum !== crc32(bytes) || bytes[RtcAt.VERSION] !== RtcLayout.VERSION) {
    return [{ index: firstUserWord, value: checksum, meaning: "no checksum of what follows: noise, taken as empty" }];
  }
  const views = [{ index: firstUserWord, value: checksum, meaning: "checksum of what follows" }];
  for (const [at, meaning] of rtcMeanings(bytes)) {
    views.push({ index: firstUserWord + 1 + at / 4, value: view.getUint32(at, true), meaning });
  }
  return views;
}

/** Offset in bytes and meaning of each word in use. */
function rtcMeanings(bytes: Uint8Array): (readonly [at: number, meaning: string])[] {
  const byte = (at: number) => bytes[at] ?? 0;
  const flags = byte(RtcAt.FLAGS);
  const said = FLAG_WORDS.filter(([flag]) => (flags & flag) !== 0).map(([, word]) => word);
  const { ATTEMPT, QUICK, BAD, WAKES, NETWORK, CHANNEL, BSSID, LEASE, BROKER, MARK, CRASH } = RtcAt;
  const meanings: (readonly [number, string])[] = [
    [
      0,
      [
        `layout ${byte(0)}`,
        `${byte(ATTEMPT)} failed deliveries in a row`,
        ...said,
        `${byte(QUICK)} quick presses`,
      ].join(", "),
    ],
    [4, `${byte(BAD)} bad boots in a row, ${byte(WAKES)} wakes since the radio was calibrated`],
  ];
  if ((flags & RtcFlag.CACHED) !== 0) {
    const dotted = (at: number) => bytes.subarray(at, at + 4).join(".");
    const bssid = Array.from(bytes.subarray(BSSID, BSSID + 6), (each) => each.toString(16).padStart(2, "0")).join(":");
    meanings[1] = [4, `${meanings[1]?.[1]}, network ${byte(NETWORK) + 1} on channel ${byte(CHANNEL)}`];
    meanings.push(
      [BSSID, `access point ${bssid}`],
      [BSSID + 4, "access point, continued"],
      [LEASE, `address ${dotted(LEASE)}`],
      [LEASE + 4, `network mask ${dotted(LEASE + 4)}`],
      [LEASE + 8, `router ${dotted(LEASE + 8)}`],
      [LEASE + 12, `name server ${dotted(LEASE + 12)}`],
      [BROKER, `the broker's address ${dotted(BROKER)}`],
      [MARK, "checksum of the settings that this was remembered for"],
    );
  }
  const end = bytes.indexOf(0, CRASH);
  const text = Buffer.from(bytes.subarray(CRASH, end < 0 ? bytes.length : end)).toString("latin1");
  for (let at = 0; at < text.length; at += 4) {
    meanings.push([CRASH + at, at === 0 ? `why the last crash happened: ${text}` : "the same, continued"]);
  }
  return meanings;
}
