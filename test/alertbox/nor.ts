// A NOR flash that tests can be cruel to: bits only clear, words of four bytes, power that fails after any byte of a
// write and at any point of an erase, and cells that are worn. What a torn operation leaves is drawn from a seed, so it
// repeats.

import type { Flash } from "../../src/alertbox/flash.js";
import { crc32 } from "./crc.js";

/** Thrown where the power fails, and by every access until it is back. */
export class PowerCut extends Error {
  constructor() {
    super("power cut");
    this.name = "PowerCut";
  }
}

/** Numbers below 1 from a 32-bit seed (mulberry32): the same seed gives the same numbers. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Steps of an erase at which the power can fail; a written byte is one step too. */
export const ERASE_STEPS = 6;

export interface NorOptions {
  readonly sectorSize?: number;
  readonly sectors?: number;
  readonly seed?: number;
  /** What the flash holds at first: all ones when not given. */
  readonly contents?: Uint8Array;
}

export class Nor implements Flash {
  readonly sectorSize: number;
  readonly bytes: Uint8Array;
  /** Steps done so far: bytes written, and ERASE_STEPS for each erase. */
  steps = 0;
  erases: number[] = [];
  isOff = false;
  /** Sectors whose erase or write reports an error and does nothing. */
  readonly deadSectors = new Set<number>();

  readonly #stuck = new Map<number, number>();
  #stepsLeft = Number.POSITIVE_INFINITY;
  readonly #random: () => number;

  constructor(options: NorOptions = {}) {
    this.sectorSize = options.sectorSize ?? 4096;
    this.bytes = new Uint8Array(this.sectorSize * (options.sectors ?? 2)).fill(0xff);
    if (options.contents !== undefined) this.bytes.set(options.contents);
    this.#random = randomFrom(options.seed ?? 1);
  }

  /** The power fails when `steps` more bytes are written or erase steps done: in the middle of the next one. */
  cutAfter(steps: number): void {
    this.#stepsLeft = steps;
  }

  powerOn(): void {
    this.isOff = false;
    this.#stepsLeft = Number.POSITIVE_INFINITY;
  }

  /** A worn byte: from now on it always reads as `value`, whatever is written or erased. */
  stick(offset: number, value: number): void {
    this.#stuck.set(offset, value);
    this.bytes[offset] = value;
  }

  /** The words as they are, for comparing what a test did not expect to change. */
  snapshot(): Uint8Array {
    return this.bytes.slice();
  }

  read(offset: number, length: number): Uint8Array {
    this.#check(offset, length);
    return this.bytes.slice(offset, offset + length);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#check(offset, bytes.length);
    if (this.deadSectors.has(Math.floor(offset / this.sectorSize))) throw new Error("write fail");
    const isScattered = this.#random() < 0.5;
    for (let i = 0; i < bytes.length; i += 1) {
      if (this.#isCut()) {
        // The chip programs a page in an order of its own: half of the torn writes stop in one byte, half leave any
        // bits.
        if (isScattered) for (let at = 0; at < bytes.length; at += 1) this.#clearSome(offset + at, bytes[at] as number);
        else this.#clearSome(offset + i, bytes[i] as number);
        this.#fail();
      }
      if (!isScattered) this.#put(offset + i, (this.bytes[offset + i] as number) & (bytes[i] as number));
    }
    for (let i = 0; i < bytes.length; i += 1) {
      this.#put(offset + i, (this.bytes[offset + i] as number) & (bytes[i] as number));
    }
  }

  erase(sector: number): void {
    const start = sector * this.sectorSize;
    this.#check(start, this.sectorSize);
    if (this.deadSectors.has(sector)) throw new Error("erase fail");
    for (let step = 0; step < ERASE_STEPS; step += 1) {
      if (this.#isCut()) {
        for (let at = start; at < start + this.sectorSize; at += 1) {
          const luck = this.#random() * ERASE_STEPS;
          if (luck < step) this.#put(at, 0xff);
          else if (luck < step + 0.5) this.#put(at, (this.bytes[at] as number) | Math.floor(this.#random() * 256));
        }
        this.#fail();
      }
    }
    for (let at = start; at < start + this.sectorSize; at += 1) this.#put(at, 0xff);
    this.erases.push(sector);
  }

  crc(bytes: Uint8Array, from: number, to: number, seed: number): number {
    return crc32(bytes, from, to, seed) | 0;
  }

  span(bytes: Uint8Array, from: number, to: number, least: number, most: number, except: number): number {
    const found = bytes.subarray(from, to).findIndex((byte) => byte < least || byte > most || byte === except);
    return found < 0 ? to : from + found;
  }

  #check(offset: number, length: number): void {
    if (this.isOff) throw new PowerCut();
    if (offset % 4 !== 0 || length % 4 !== 0 || length <= 0) throw new RangeError(`not words: ${offset}, ${length}`);
    if (offset < 0 || offset + length > this.bytes.length) throw new RangeError(`outside: ${offset}, ${length}`);
  }

  #isCut(): boolean {
    if (this.#stepsLeft === 0) return true;
    this.#stepsLeft -= 1;
    this.steps += 1;
    return false;
  }

  #fail(): never {
    this.isOff = true;
    throw new PowerCut();
  }

  /** Clears a random part of the bits that writing `value` would clear. */
  #clearSome(offset: number, value: number): void {
    this.#put(offset, (this.bytes[offset] as number) & (value | Math.floor(this.#random() * 256)));
  }

  #put(offset: number, value: number): void {
    this.bytes[offset] = this.#stuck.get(offset) ?? value;
  }
}
