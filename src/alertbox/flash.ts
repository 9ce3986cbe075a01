// What the journal and the settings store ask of a flash chip, as a type and nothing else. The adapter over the chip's
// flash (src/device) and the simulator's flash implement it; this folder knows neither. The rules are those of NOR
// flash (DESIGN §8): an erase sets a whole sector to ones, a write can only clear bits, four bytes at a time, and the
// power may fail in the middle of either.

/** A region of NOR flash, addressed from its own start in bytes. */
export interface Flash {
  /** Bytes of a sector, the unit of erasing: 4096 on the ESP8266. */
  readonly sectorSize: number;
  /**
   * A fresh copy of a range. `offset` and `length` are multiples of 4; the array starts at the beginning of a buffer of
   * its own, so that it can be seen as 32-bit words too.
   */
  read(offset: number, length: number): Uint8Array;
  /**
   * Clears the bits that are 0 in `bytes`; the bits that are 1 leave the flash as it is. `offset` and the length are
   * multiples of 4. May throw when the chip reports an error; the caller reads back to know what is there.
   */
  write(offset: number, bytes: Uint8Array): void;
  /** Sets every bit of a sector (counted inside the region) to 1. May throw when the chip reports an error. */
  erase(sector: number): void;
}
