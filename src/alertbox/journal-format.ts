// What a sector of the journal looks like, byte by byte, and how a valid header and a valid record are told from torn
// ones. Words are 32 bits, little-endian as on the chip. It reads views that it is given; what is in the
// flash is the journal's business.
//
// Header, 64 bytes: magic · generation · presses · dropped · flags · CRC, then words in which single bits are cleared
// later. Slot, 20 bytes: header with length · sequence · payload (event, millivolts) · CRC of these three words ·
// status.

import { type Flash, flashWord } from "./flash.js";

// Numbers that stand in the code of both files, because a named constant takes some 60 bytes of flash:
// - 0x314a4241: the magic, "ABJ1" in flash.
// - 6: words of the header up to and including its CRC, which stands at byte 20.
// - 16: the flags hold the journal's life in the bits from here on; bit 0: `needsCleanSession` when this was written.
// - 24: the word whose highest set bit each change of `needsCleanSession` since the header was written clears.
// - 32: eight words; each refused press clears the highest bit that is still set, so there is room for 256.
// - 64: where the first slot begins. 20, 5: bytes and words of a slot; 12 and 16: where its CRC and its status stand.
// - 0x4c41145a: the header of a record, with its length in the second byte.
// - 0xff, 0xff00, 0xff0000: the groups of the status: received, done, dropped. The fourth byte stays as erased.

/** Fills a view of 5 words with a queued alert; `bytes` is a view of the same memory. */
export function composeRecord(
  flash: Flash,
  words: Int32Array,
  bytes: Uint8Array,
  sequence: number,
  event: number,
  millivolts: number,
): void {
  words[0] = 0x4c41145a;
  words[1] = sequence;
  words[2] = event | (millivolts << 16);
  words[3] = flashWord(flash.crc(bytes, 0, 12, 0));
  words[4] = -1;
}

/** Whether a view of 6 words read from flash is a whole header. */
export function isHeader(flash: Flash, words: Int32Array): boolean {
  if (words[0] !== 0x314a4241) return false;
  return words[5] === flashWord(flash.crc(new Uint8Array(words.buffer, words.byteOffset, 20), 0, 20, 0));
}

/** Whether the 5 words from `at` are a whole record. */
export function isRecord(flash: Flash, words: Int32Array, at: number): boolean {
  if (words[at] !== 0x4c41145a) return false;
  const bytes = new Uint8Array(words.buffer, words.byteOffset + at * 4, 12);
  return words[at + 3] === flashWord(flash.crc(bytes, 0, 12, 0));
}

/** Whether nothing was ever written to the 5 words from `at`. */
export function isBlank(words: Int32Array, at: number): boolean {
  if (words[at] !== -1) return false;
  for (let i = at + 1; i < at + 5; i += 1) if (words[i] !== -1) return false;
  return true;
}

/** Whether the status says that nothing is left to do for the alert. */
export function isFinished(status: number): boolean {
  return (status & 0xff00) !== 0xff00 || (status & 0xff0000) !== 0xff0000;
}

/** All bits of those groups of a status of which some bits, but not all, are cleared. */
export function tornGroups(status: number): number {
  return tornGroup(status, 0xff) | tornGroup(status, 0xff00) | tornGroup(status, 0xff0000);
}

function tornGroup(status: number, bits: number): number {
  const set = status & bits;
  return set !== 0 && set !== bits ? bits : 0;
}
