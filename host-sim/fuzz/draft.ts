// An input on its way: bytes that a grammar puts one behind the other, and the ways in which chance then spoils them.
// Knows no protocol. All chance comes from the Random that is passed, so that a seed gives the same input again.

import type { Random } from "../random.js";

/** Bytes that an input has at most. */
export const MOST_BYTES = 4096;

const encoder = new TextEncoder();

/** Bytes and 16-bit numbers at which something ends, begins or turns over. */
const SPECIAL_BYTES: readonly number[] = Object.freeze([
  ...[0x00, 0x01, 0x02, 0x0a, 0x0d, 0x20, 0x22, 0x23, 0x25, 0x26, 0x2b, 0x2f, 0x3d, 0x5c, 0x7b, 0x7d, 0x7e, 0x7f],
  ...[0x80, 0x81, 0xbf, 0xc0, 0xc1, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xfe, 0xff],
]);
const SPECIAL_WORDS: readonly number[] = Object.freeze([
  ...[0x0000, 0x0001, 0x0002, 0x0003, 0x007f, 0x0080, 0x00ff, 0x0100, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xfffe, 0xffff],
]);

/** One of a list. */
export function oneOf<T>(random: Random, list: readonly T[]): T {
  return list[random.integer(list.length)] as T;
}

/** True once in `times`. */
export function once(random: Random, times: number): boolean {
  return random.integer(times) === 0;
}

export class Draft {
  readonly bytes = new Uint8Array(MOST_BYTES);
  length = 0;

  /** What was put so far; valid until the next draft. */
  get view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  clear(): this {
    this.length = 0;
    return this;
  }

  /** What finds no room is left out. */
  push(byte: number): void {
    if (this.length === MOST_BYTES) return;
    this.bytes[this.length] = byte;
    this.length += 1;
  }

  /** Two bytes, the greater part first. */
  word(value: number): void {
    this.push(value >> 8);
    this.push(value);
  }

  put(bytes: Uint8Array): void {
    const room = MOST_BYTES - this.length;
    this.bytes.set(bytes.length > room ? bytes.subarray(0, room) : bytes, this.length);
    this.length += Math.min(room, bytes.length);
  }

  /** UTF-8. */
  text(text: string): void {
    this.length += encoder.encodeInto(text, this.bytes.subarray(this.length)).written;
  }

  /** Bytes of any value. */
  noise(random: Random, count: number): void {
    for (let left = count; left > 0; left -= 1) this.push(random.integer(256));
  }

  /** Makes room for `count` bytes at a place; what is pushed out at the end is lost. */
  insert(at: number, count: number): void {
    this.bytes.copyWithin(at + count, at, Math.min(this.length, MOST_BYTES - count));
    this.length = Math.min(MOST_BYTES, this.length + count);
  }

  remove(at: number, count: number): void {
    this.bytes.copyWithin(at, at + count, this.length);
    this.length -= count;
  }
}

/** Spoils a draft behind its first `from` bytes in one way. `captures` are strangers whose parts may be put in. */
export function spoil(draft: Draft, random: Random, from: number, captures: readonly Uint8Array[]): void {
  const { bytes } = draft;
  const size = draft.length - from;
  if (size < 1) {
    draft.push(oneOf(random, SPECIAL_BYTES));
    return;
  }
  const at = from + random.integer(size);
  const left = draft.length - at;
  switch (random.integer(11)) {
    case 0:
    case 1:
      bytes[at] = (bytes[at] as number) ^ (1 << random.integer(8));
      return;
    case 2:
      bytes[at] = oneOf(random, SPECIAL_BYTES);
      return;
    case 3:
      draft.length = at;
      return;
    case 4: {
      // A part of itself laid over another.
      const start = from + random.integer(size);
      const span = 1 + random.integer(Math.min(left, draft.length - start));
      bytes.copyWithin(at, start, start + span);
      return;
    }
    case 5: {
      // A number of two bytes, as lengths are.
      const value = oneOf(random, SPECIAL_WORDS);
      bytes[at] = value >> 8;
      if (left > 1) bytes[at + 1] = value;
      return;
    }
    case 6: {
      // A part once more, or many times.
      const span = 1 + random.integer(Math.min(left, 64));
      for (let times = once(random, 4) ? 1 + random.integer(12) : 1; times > 0; times -= 1) {
        if (draft.length + span > MOST_BYTES) return;
        draft.insert(at + span, span);
        bytes.copyWithin(at + span, at, at + span);
      }
      return;
    }
    case 7:
      draft.insert(at, 1);
      bytes[at] = oneOf(random, SPECIAL_BYTES);
      return;
    case 8:
      draft.remove(at, 1 + random.integer(Math.min(left, 16)));
      return;
    case 9:
      bytes[at] = (bytes[at] as number) + (once(random, 2) ? 1 : 255);
      return;
    default: {
      const capture = captures.length === 0 ? undefined : oneOf(random, captures);
      if (capture === undefined || capture.length === 0) {
        bytes[at] = random.integer(256);
        return;
      }
      // From here on a stranger, from some place of his.
      draft.length = at;
      draft.put(capture.subarray(random.integer(capture.length)));
    }
  }
}

/** Spoils a draft not at all (half of the time), in one way, or in some. */
export function spoilSome(draft: Draft, random: Random, from: number, captures: readonly Uint8Array[]): void {
  if (once(random, 2)) return;
  for (let times = once(random, 3) ? 2 + random.integer(5) : 1; times > 0; times -= 1) {
    spoil(draft, random, from, captures);
  }
}

/** How bytes are cut: a piece after the other, from a number that stands in the input. */
export class Knife {
  readonly #kind: number;
  #state: number;

  /** @param seed 0..65535. */
  constructor(seed: number) {
    this.#kind = seed & 7;
    this.#state = (seed ^ 0x9e3779b9) | 0;
  }

  /** Bytes of the next piece, 1..`left`. */
  next(left: number): number {
    if (this.#kind === 0) return 1;
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0;
    const chance = this.#state >>> 16;
    const most = this.#kind < 4 ? 4 : this.#kind < 7 ? 24 : left;
    return Math.min(left, 1 + (chance % Math.max(1, Math.min(most, left))));
  }
}
