// A region of NOR flash for journal and settings, over `flash` ("storage": about 3 MB on 4 MB boards). Hides that the
// module allocates a fresh ArrayBuffer for each read and that a write takes the length beside the buffer. It has the
// shape of `Flash` in alertbox/flash.ts without knowing it.

import chip from "chip";
import Flash from "flash";

// Numbers that stand in the code, because a named constant takes some 60 bytes of flash:
// - 4096: bytes of an erase unit; SPI_FLASH_SEC_SIZE of the SDK.

export class FlashRegion {
  private readonly flash = new Flash("storage");
  readonly sectorSize = 4096;

  /** Fresh bytes. Throws when the range is outside the region. */
  read(offset: number, length: number): Uint8Array {
    // Two steps need less of the stack than one.
    const bytes = this.flash.read(offset, length) as ArrayBuffer;
    return new Uint8Array(bytes);
  }

  /** Clears bits; offset and length are multiples of 4. Throws when the chip reports an error. */
  write(offset: number, bytes: Uint8Array): void {
    const { length } = bytes;
    this.flash.write(offset, length, bytes);
  }

  crc(bytes: Uint8Array, from: number, to: number, seed: number): number {
    return chip.crc(bytes, from, to, seed);
  }

  span(bytes: Uint8Array, from: number, to: number, least: number, most: number, except: number): number {
    return chip.span(bytes, from, to, least, most, except);
  }

  /** Sets the sector (an index inside the region) to ones. Throws when the chip reports an error. */
  erase(sector: number): void {
    this.flash.erase(sector);
  }
}
