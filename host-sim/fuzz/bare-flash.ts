// NOR flash for the fuzzer: the simulator's own (nor-flash.ts), as the firmware's Flash, with a CRC and a scan that are
// fast enough for millions of inputs, and a bound on accesses, so that whoever loops is found out.

import type { Flash } from "../../src/alertbox/flash.js";
import { Halted } from "../host.js";
import { NorFlash, sectorBytes } from "../nor-flash.js";
import type { Random } from "../random.js";
import { Breach } from "./target.js";

/** Arrays of one length that are handed out in turn. */
const POOL = 64;

const TABLE = new Int32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  TABLE[byte] = crc;
}

/** CRC-32 of IEEE 802.3 as a signed number, as `Flash.crc` gives it. */
export function crcOf(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let crc = ~seed;
  for (let at = from; at < to; at += 1) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[at] as number)) & 0xff] as number);
  }
  return ~crc;
}

/** As `Scanner.span`. */
export function spanOf(
  bytes: Uint8Array,
  from: number,
  to: number,
  least: number,
  most: number,
  except: number,
): number {
  if (from < 0 || to < from || to > bytes.length) throw new RangeError("range outside the bytes");
  let at = from;
  for (; at < to; at += 1) {
    const byte = bytes[at] as number;
    if (byte < least || byte > most || byte === except) break;
  }
  return at;
}

/** What the firmware may use to scan. */
export const SCANNER = Object.freeze({ span: spanOf });

export class BareFlash implements Flash {
  /** What the firmware takes for a sector; of each of the chip's own sectors only so much is used. */
  readonly sectorSize: number;
  readonly nor: NorFlash;
  /** Reads, writes and erases that are still allowed. */
  left = 0;
  /** Sectors that report an error when they are written or erased. */
  readonly dead = new Set<number>();
  /** Whether anything was written or erased since `watch`. */
  isChanged = false;
  #isOff = false;
  readonly #first: number;
  /** What the flash holds: a copy, for reading takes less time from it. */
  readonly #all: Uint8Array;
  readonly #pools = new Map<number, { next: number; arrays: Uint8Array[] }>();

  /**
   * Only the two sectors from `first` on may be touched: the flash has one more on both sides. Small sectors fill up
   * sooner and are read in less time.
   */
  constructor(first: number, random: Random, sectorSize: number = sectorBytes) {
    this.nor = new NorFlash((first + 3) * sectorBytes, random);
    this.sectorSize = sectorSize;
    this.#first = first;
    this.#all = this.nor.save();
    this.nor.onPowerCut = () => {
      this.#isOff = true;
    };
  }

  /** The contents of the two sectors. */
  image(): Uint8Array {
    const image = new Uint8Array(2 * this.sectorSize);
    image.set(this.nor.read(this.#first * sectorBytes, this.sectorSize));
    image.set(this.nor.read((this.#first + 1) * sectorBytes, this.sectorSize), this.sectorSize);
    return image;
  }

  /** Puts such contents there. */
  load(image: Uint8Array): void {
    const { sectorSize } = this;
    this.#all.fill(0xff);
    this.#all.set(image.subarray(0, sectorSize), this.#first * sectorBytes);
    this.#all.set(image.subarray(sectorSize), (this.#first + 1) * sectorBytes);
    this.nor.load(this.#all);
    this.powerOn();
    this.dead.clear();
    this.watch();
  }

  watch(): void {
    this.isChanged = false;
    this.left = 20_000;
  }

  /** The power is back after a cut. */
  powerOn(): void {
    this.nor.cutAt = undefined;
    this.#isOff = false;
  }

  /** Where it is on the chip. */
  #use(offset: number, length: number, what: string): number {
    if (this.#isOff) throw new Halted();
    this.left -= 1;
    if (this.left < 0) throw new Breach("nothing loops", `too many accesses: ${what}`);
    const sector = Math.floor(offset / this.sectorSize);
    const at = offset - sector * this.sectorSize;
    if (sector < this.#first || sector > this.#first + 1 || at + length > this.sectorSize || length <= 0) {
      throw new Breach("flash is used within its sectors", `${what} of ${length} bytes at ${offset}`);
    }
    if (offset % 4 !== 0 || length % 4 !== 0) throw new Breach("flash is used in words", `${what} ${offset} ${length}`);
    return sector * sectorBytes + at;
  }

  read(offset: number, length: number): Uint8Array {
    const at = this.#use(offset, length, "read");
    // Engines are slow to make a buffer of its own for each; nobody keeps so many.
    let pool = this.#pools.get(length);
    if (pool === undefined) {
      pool = { next: 0, arrays: Array.from({ length: POOL }, () => new Uint8Array(new ArrayBuffer(length))) };
      this.#pools.set(length, pool);
    }
    pool.next = (pool.next + 1) % POOL;
    const copy = pool.arrays[pool.next] as Uint8Array;
    if (length > 48) copy.set(this.#all.subarray(at, at + length));
    else for (let i = 0; i < length; i += 1) copy[i] = this.#all[at + i] as number;
    return copy;
  }

  write(offset: number, bytes: Uint8Array): void {
    const at = this.#use(offset, bytes.length, "write");
    if (this.dead.has(Math.floor(at / sectorBytes) - this.#first)) throw new Error("write fail");
    this.isChanged = true;
    try {
      this.nor.write(at, bytes);
    } finally {
      this.#all.set(this.nor.read(at, bytes.length), at);
    }
  }

  erase(sector: number): void {
    this.#use(sector * this.sectorSize, this.sectorSize, "erase");
    if (this.dead.has(sector - this.#first)) throw new Error("erase fail");
    this.isChanged = true;
    try {
      this.nor.erase(sector);
    } finally {
      this.#all.set(this.nor.read(sector * sectorBytes, sectorBytes), sector * sectorBytes);
    }
  }

  crc(bytes: Uint8Array, from: number, to: number, seed: number): number {
    return crcOf(bytes, from, to, seed);
  }

  span(bytes: Uint8Array, from: number, to: number, least: number, most: number, except: number): number {
    return spanOf(bytes, from, to, least, most, except);
  }
}
