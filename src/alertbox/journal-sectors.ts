// The two sectors of the journal as places in flash: their headers, slots and words, and bits that are cleared one by
// one. Whether a write has worked is decided by reading back, never by the absence of an error. It knows what a header
// says; which alerts wait, and what is done about them, is the business of journal.ts, whose lower half it is.

import { type Flash, flashWord } from "./flash.js";
import { isHeader } from "./journal-format.js";

export class Sectors {
  protected readonly flash: Flash;
  protected readonly firstSector: number;
  /** Slots of one sector. */
  protected readonly slots: number;
  // What the header says, with what has happened since. Set by the journal, only read elsewhere:
  /** Presses ever stored: the highest sequence number given. Survives power cuts, compaction and `eraseAlerts()`. */
  pushes = 0;
  /** Presses refused (`reject`) or alerts given up (`drop-oldest`) because the journal was full. */
  dropped = 0;
  /**
   * True until `sessionCleaned()` for this journal: the broker may still hold packet ids of an earlier life of this box
   * and would swallow a new alert as a repeat (DESIGN §8).
   */
  needsCleanSession = true;
  /**
   * Tells this journal's alerts from those of one before it, whose numbers were the same: drawn when a journal is begun
   * on flash that holds none, never changed. 0: begun by a firmware that drew none. Below 0 before `open()`.
   */
  life = -1;
  protected refused = 0;
  /** How often a sector was begun; also by a factory reset. */
  generation = 0;
  /** Active sector: 0 or 1 counted from the first, -1 when neither can be used. */
  protected sector = -1;
  protected lastError = "";

  constructor(flash: Flash, firstSector: number) {
    const slots = Math.floor((flash.sectorSize - 64) / 20);
    if (slots < 8 || slots > 1024) throw new RangeError(`journal: sectors of ${flash.sectorSize} bytes; use 4096`);
    this.flash = flash;
    this.firstSector = firstSector;
    this.slots = slots;
  }

  protected sectorAt(sector: number): number {
    return (this.firstSector + sector) * this.flash.sectorSize;
  }

  protected slotAt(sector: number, slot: number): number {
    return (this.firstSector + sector) * this.flash.sectorSize + 64 + slot * 20;
  }

  protected wornOut(): Error {
    const detail = this.lastError === "" ? "" : ` (${this.lastError})`;
    return new Error(`journal: flash is worn out: neither sector keeps what is written${detail}; replace the board`);
  }

  // Reading

  protected words(offset: number, length: number): Int32Array {
    const bytes = this.flash.read(offset, length);
    return new Int32Array(bytes.buffer, bytes.byteOffset, length >> 2);
  }

  /** Whether any bit of a group is cleared. */
  protected isCleared(offset: number, bits: number): boolean {
    return ((new Int32Array(this.flash.read(offset, 4).buffer)[0] as number) & bits) !== bits;
  }

  /** The valid sector with the newer generation, or -1. */
  protected newest(): number {
    const first = this.words(this.sectorAt(0), 24);
    const second = this.words(this.sectorAt(1), 24);
    if (!isHeader(this.flash, first)) return isHeader(this.flash, second) ? 1 : -1;
    if (!isHeader(this.flash, second)) return 0;
    // The generation may wrap: compare by difference.
    return (((first[1] as number) - (second[1] as number)) | 0) > 0 ? 0 : 1;
  }

  protected readHeader(): void {
    const words = this.words(this.sectorAt(this.sector), 64);
    this.generation = words[1] as number;
    this.pushes = words[2] as number;
    this.dropped = words[3] as number;
    this.life = (words[4] as number) >>> 16;
    const changes = Math.clz32(words[6] as number);
    this.needsCleanSession = ((words[4] as number) & 1) !== (changes & 1);
    this.refused = 0;
    for (let at = 8; at < 16; at += 1) {
      this.refused += Math.clz32(words[at] as number);
    }
    this.dropped += this.refused;
  }

  // Writing

  private write(offset: number, bytes: Uint8Array): void {
    try {
      this.flash.write(offset, bytes);
    } catch (error) {
      this.lastError = String(error);
    }
  }

  /** Clears bits of one word, leaves the others; whether any of them now reads as cleared. */
  protected clear(offset: number, bits: number): boolean {
    this.write(offset, bytesOf(~bits));
    return this.isCleared(offset, bits);
  }

  /** Clears the highest bit of a word that is still set; false when the word does not count one more then. */
  protected advance(offset: number): boolean {
    const used = Math.clz32(this.words(offset, 4)[0] as number);
    this.write(offset, bytesOf(~(0x80000000 >>> used)));
    return Math.clz32(this.words(offset, 4)[0] as number) === used + 1;
  }

  /**
   * Writes a record of 20 bytes, the whole of a buffer, to the first slot from `from` on that keeps it; that slot, or
   * -1. `status`: its last word goes with it.
   */
  protected store(sector: number, from: number, bytes: Uint8Array, status: boolean): number {
    const { flash } = this;
    const crc = flash.crc(bytes, 0, 20, 0);
    // Without helpers, and with one call at a time, as in `settle`.
    for (let slot = from; slot < from + 8 && slot < this.slots; slot += 1) {
      const offset = this.slotAt(sector, slot);
      try {
        let part = new Uint8Array(bytes.buffer, 0, 12);
        flash.write(offset, part);
        part = new Uint8Array(bytes.buffer, 12, status ? 8 : 4);
        flash.write(offset + 12, part);
      } catch (error) {
        this.lastError = String(error);
      }
      const kept = flash.read(offset, 20);
      // By their CRC: to compare them one by one takes longer.
      if (flash.crc(kept, 0, 20, 0) === crc) return slot;
    }
    return -1;
  }

  /** Whether the header is there then, and nothing behind it. */
  protected writeHeader(sector: number, generation: number): boolean {
    const { flash } = this;
    const header = new Int32Array(6);
    const bytes = new Uint8Array(header.buffer);
    header[0] = 0x314a4241;
    header[1] = generation;
    header[2] = this.pushes;
    header[3] = this.dropped;
    header[4] = (this.life << 16) | (this.needsCleanSession ? 1 : 0);
    let crc = flash.crc(bytes, 0, 20, 0);
    header[5] = flashWord(crc);
    crc = flash.crc(bytes, 0, 24, 0);
    const offset = this.sectorAt(sector);
    try {
      let part = new Uint8Array(header.buffer, 0, 20);
      flash.write(offset, part);
      // The words behind the CRC count by cleared bits: an erase that left some cleared would be read as history. The
      // CRC comes after this check, since it makes the sector valid.
      const rest = flash.read(offset + 20, 44);
      // The CRC of ones.
      if (flash.crc(rest, 0, 44, 0) !== -0x653c71c3) return false;
      part = new Uint8Array(header.buffer, 20, 4);
      flash.write(offset + 20, part);
    } catch (error) {
      this.lastError = String(error);
    }
    const kept = flash.read(offset, 24);
    return flash.crc(kept, 0, 24, 0) === crc;
  }
}

function bytesOf(value: number): Uint8Array {
  const word = new Int32Array(1);
  word[0] = value;
  return new Uint8Array(word.buffer);
}
