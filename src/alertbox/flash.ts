// What the journal and the settings store ask of a flash chip, as a type. The adapter over the chip's
// flash (src/device) and the simulator's flash implement it; this folder knows neither. The rules are those of NOR
// flash (DESIGN §8): an erase sets a whole sector to ones, a write can only clear bits, four bytes at a time, and the
// power may fail in the middle of either.

/** Looks through bytes, many times as fast as JavaScript on the chip does. */
export interface Scanner {
  /**
   * Index of the first byte from `bytes[from]` to `bytes[to - 1]` that is below `least`, above `most` or equal to
   * `except` (-1: none is); `to` without one.
   */
  span(bytes: Uint8Array, from: number, to: number, least: number, most: number, except: number): number;
}

/** A region of NOR flash, addressed from its own start in bytes. */
export interface Flash extends Scanner {
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
  /**
   * CRC-32 (IEEE 802.3, as in zip) of `bytes[from]` to `bytes[to - 1]`, as a signed number. `seed`: the CRC of what
   * came before, 0 at the beginning.
   */
  crc(bytes: Uint8Array, from: number, to: number, seed: number): number;
}

/**
 * A CRC as the word that is kept in flash. It is never all ones: blank flash means that no CRC was written, and a torn
 * write of a CRC leaves more ones than the CRC has, so neither can be taken for one.
 */
export function flashWord(crc: number): number {
  return crc === -1 ? -2 : crc;
}
