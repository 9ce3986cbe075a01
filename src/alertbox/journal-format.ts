// What a sector of the journal looks like, byte by byte, and how a valid header and a valid record are told from torn
// ones. Words are 32 bits, little-endian as on the chip. It reads views that it is given; the flash itself is the
// journal's business.
//
// Header, 64 bytes: magic · generation · presses · dropped · flags · CRC, then words in which single bits are cleared
// later. Slot, 20 bytes: header with length · sequence · payload (event, millivolts) · CRC of these three words ·
// status.

import { crc32, flashWord } from "./crc.js";

const MAGIC = 0x314a4241; // "ABJ1" in flash

/** Words of the header up to and including its CRC. */
export const HEADER_WORDS = 6;
export const HEADER_CRC_AT = 20;
/**
 * One word: each change of `needsCleanSession` since the header was written clears its highest bit that is still set.
 */
export const CHANGES_AT = 24;
/** Eight words: each refused press clears the highest bit that is still set. */
export const REFUSED_AT = 32;
export const REFUSED_ROOM = 256;
/** Where the first slot begins. */
export const SLOTS_AT = 64;

export const RECORD_BYTES = 20;
export const RECORD_WORDS = 5;
const RECORD_HEADER = 0x4c410000 | (RECORD_BYTES << 8) | 0x5a;
export const CRC_AT = 12;
export const STATUS_AT = 16;

// Groups of the status word; the fourth byte stays as erased.
export const RECEIVED_BITS = 0x000000ff;
export const DONE_BITS = 0x0000ff00;
export const DROPPED_BITS = 0x00ff0000;

/** Fills a view of HEADER_WORDS words; `bytes` is a view of the same memory. */
export function composeHeader(
  words: Int32Array,
  bytes: Uint8Array,
  generation: number,
  pushes: number,
  dropped: number,
  needsCleanSession: boolean,
): void {
  words[0] = MAGIC;
  words[1] = generation;
  words[2] = pushes;
  words[3] = dropped;
  words[4] = needsCleanSession ? 1 : 0;
  words[5] = flashWord(crc32(bytes, 0, HEADER_CRC_AT));
}

/** Fills a view of RECORD_WORDS words with a queued alert; `bytes` is a view of the same memory. */
export function composeRecord(
  words: Int32Array,
  bytes: Uint8Array,
  sequence: number,
  event: number,
  millivolts: number,
): void {
  words[0] = RECORD_HEADER;
  words[1] = sequence;
  words[2] = event | (millivolts << 16);
  words[3] = flashWord(crc32(bytes, 0, CRC_AT));
  words[4] = -1;
}

/** Whether a view of HEADER_WORDS words read from flash is a whole header. */
export function isHeader(words: Int32Array): boolean {
  if (words[0] !== MAGIC) return false;
  return words[5] === flashWord(crc32(new Uint8Array(words.buffer, words.byteOffset, HEADER_CRC_AT), 0, HEADER_CRC_AT));
}

/** Whether the RECORD_WORDS words from `at` are a whole record. */
export function isRecord(words: Int32Array, at: number): boolean {
  if (words[at] !== RECORD_HEADER) return false;
  return words[at + 3] === flashWord(crc32(new Uint8Array(words.buffer, words.byteOffset + at * 4, CRC_AT), 0, CRC_AT));
}

/** Whether nothing was ever written to the RECORD_WORDS words from `at`. */
export function isBlank(words: Int32Array, at: number): boolean {
  if (words[at] !== -1) return false;
  for (let i = at + 1; i < at + RECORD_WORDS; i += 1) if (words[i] !== -1) return false;
  return true;
}

/** Whether the status says that nothing is left to do for the alert. */
export function isFinished(status: number): boolean {
  return (status & DONE_BITS) !== DONE_BITS || (status & DROPPED_BITS) !== DROPPED_BITS;
}

/** All bits of those groups of a status of which some bits, but not all, are cleared. */
export function tornGroups(status: number): number {
  return tornGroup(status, RECEIVED_BITS) | tornGroup(status, DONE_BITS) | tornGroup(status, DROPPED_BITS);
}

function tornGroup(status: number, bits: number): number {
  const set = status & bits;
  return set !== 0 && set !== bits ? bits : 0;
}
