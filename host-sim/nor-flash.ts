// The flash region that a board keeps its journal and settings in, with the rules of NOR flash: an erase sets one
// sector to ones, a write can only clear bits, and power may fail in the middle of either. Knows no board: whoever owns
// it is told through `onPowerCut` and `on`.

import { Halted } from "./host.js";
import { Random } from "./random.js";

/** SPI_FLASH_SEC_SIZE of the ESP8266 SDK: what one erase takes. */
export const sectorBytes = 4096;

/** A finished write or erase. */
export interface FlashOperation {
  readonly operation: "write" | "erase";
  readonly offset: number;
  readonly length: number;
}

/** Where power is to fail. */
export interface FlashCut {
  /** Which write or erase it is, as `NorFlash.operations` counts them: the first one of a new flash is 1. */
  readonly operation: number;
  /**
   * The byte of that operation at which it happens: those before it are done, this one partly, those after it not at
   * all (write) or nobody knows (erase). At or beyond the length: all are done, and nothing after. Missing: one of its
   * bytes, by chance.
   */
  readonly byte?: number;
}

export class NorFlash {
  readonly byteLength: number;
  /** Fails the supply in the middle of an operation, once. */
  cutAt: FlashCut | undefined;
  /** A sector of which one bit does not come back to one, however often it is erased. */
  wornSector: number | undefined;
  /** Called when `cutAt` strikes, after the bytes are torn and before firmware is unwound. */
  onPowerCut: (() => void) | undefined;
  readonly #bytes: Uint8Array;
  readonly #random: Random;
  readonly #listeners = new Set<(operation: FlashOperation) => void>();
  #operations = 0;

  /**
   * A region as it leaves the factory, all ones.
   * @param byteLength whole sectors of 4096 bytes.
   */
  constructor(byteLength = 16 * sectorBytes, random = new Random(1)) {
    if (!Number.isInteger(byteLength) || byteLength <= 0 || byteLength % sectorBytes !== 0) {
      throw new RangeError(`flash comes in whole sectors of ${sectorBytes} bytes, not ${byteLength}`);
    }
    this.byteLength = byteLength;
    this.#bytes = new Uint8Array(byteLength).fill(0xff);
    this.#random = random;
  }

  /** How many writes and erases were begun. */
  get operations(): number {
    return this.#operations;
  }

  /** A copy of a range. Throws a RangeError outside the region. */
  read(offset: number, length: number): Uint8Array {
    this.#check(offset, length);
    return this.#bytes.slice(offset, offset + length);
  }

  /** Clears the bits that are zero in `bytes`. Throws a RangeError outside the region, Halted when `cutAt` strikes. */
  write(offset: number, bytes: Uint8Array): void {
    this.#check(offset, bytes.byteLength);
    const cut = this.#begin(bytes.byteLength);
    const whole = cut === undefined ? bytes.byteLength : Math.min(cut, bytes.byteLength);
    for (let index = 0; index < whole; index++) this.#clear(offset + index, bytes[index] ?? 0xff);
    if (cut !== undefined) {
      const torn = bytes[whole];
      if (torn !== undefined) this.#clear(offset + whole, torn | this.#random.integer(256));
      this.#powerCut();
    }
    this.#tell({ operation: "write", offset, length: bytes.byteLength });
  }

  /** Sets a sector to ones. Throws a RangeError for a sector that does not exist, Halted when `cutAt` strikes. */
  erase(sector: number): void {
    const offset = sector * sectorBytes;
    this.#check(offset, sectorBytes);
    const cut = this.#begin(sectorBytes);
    this.#bytes.fill(0xff, offset, offset + Math.min(cut ?? sectorBytes, sectorBytes));
    if (this.wornSector === sector) this.#clear(offset + 5, 0xf7);
    if (cut !== undefined) {
      for (let index = cut; index < sectorBytes; index++) this.#bytes[offset + index] = this.#tear(offset + index);
      this.#powerCut();
    }
    this.#tell({ operation: "erase", offset, length: sectorBytes });
  }

  /** Calls back after each finished write and erase. Gives the way to stop that. */
  on(listener: (operation: FlashOperation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** All bytes, for a file. */
  save(): Uint8Array {
    return this.#bytes.slice();
  }

  /** Takes bytes that `save` gave. Throws a RangeError when the length is another. */
  load(bytes: Uint8Array): void {
    if (bytes.byteLength !== this.byteLength) {
      throw new RangeError(`this flash holds ${this.byteLength} bytes, the image has ${bytes.byteLength}`);
    }
    this.#bytes.set(bytes);
  }

  #check(offset: number, length: number): void {
    if (!(Number.isInteger(offset) && Number.isInteger(length) && offset >= 0 && length >= 0)) {
      throw new RangeError(`no flash at ${offset}, length ${length}`);
    }
    if (offset + length > this.byteLength) throw new RangeError(`flash ends at ${this.byteLength}`);
  }

  /** Counts an operation, and says at which of its bytes power fails, if it does. */
  #begin(length: number): number | undefined {
    this.#operations += 1;
    if (this.cutAt?.operation !== this.#operations) return undefined;
    const byte = this.cutAt.byte ?? this.#random.integer(Math.max(1, length));
    this.cutAt = undefined;
    return byte;
  }

  #clear(at: number, byte: number): void {
    this.#bytes[at] = (this.#bytes[at] ?? 0xff) & byte;
  }

  /**
   * What a byte may hold after an erase that was broken off. Flash chips program a sector to zeros before they erase
   * it, and cells differ in speed, so everything between zeros and ones has been seen.
   */
  #tear(at: number): number {
    const old = this.#bytes[at] ?? 0xff;
    const noise = this.#random.integer(256);
    const kinds = [old, 0xff, 0x00, old | noise, old & noise];
    return kinds[this.#random.integer(kinds.length)] ?? old;
  }

  #powerCut(): never {
    this.onPowerCut?.();
    throw new Halted();
  }

  #tell(operation: FlashOperation): void {
    for (const listener of [...this.#listeners]) listener(operation);
  }
}
