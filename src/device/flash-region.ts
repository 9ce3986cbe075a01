// A region of NOR flash for journal and settings, over `flash` ("storage": about 3 MB on 4 MB boards). Hides that the
// module allocates a fresh ArrayBuffer for each read and that a write takes the length beside the buffer. It has the
// shape of `Flash` in alertbox/flash.ts without knowing it.

import Flash from "flash";

/** Bytes of an erase unit; SPI_FLASH_SEC_SIZE of the SDK. */
const SECTOR_SIZE = 4096;

export class FlashRegion {
  private readonly _flash = new Flash("storage");
  readonly sectorSize = SECTOR_SIZE;

  /** Fresh bytes. Throws when the range is outside the region. */
  read(offset: number, length: number): Uint8Array {
    return new Uint8Array(this._flash.read(offset, length) as ArrayBuffer);
  }

  /** Clears bits; offset and length are multiples of 4. Throws when the chip reports an error. */
  write(offset: number, bytes: Uint8Array): void {
    this._flash.write(offset, bytes.byteLength, bytes);
  }

  /** Sets the sector (an index inside the region) to ones. Throws when the chip reports an error. */
  erase(sector: number): void {
    this._flash.erase(sector);
  }
}
