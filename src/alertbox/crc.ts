// The IEEE CRC-32 that guards everything this folder keeps in flash. It knows bytes only. The table has 16 entries, one
// per nibble, instead of 256: it is preloaded into flash, where 16 slots are cheap and 4 KB of slots are not, and the
// ranges are short (a journal record is 12 bytes, the settings are some hundred).

/** CRC of each nibble for the reflected polynomial 0xEDB88320; `| 0` keeps the entries integers in the XS engine. */
const NIBBLES = Object.freeze([
  0x00000000,
  0x1db71064,
  0x3b6e20c8,
  0x26d930ac,
  0x76dc4190,
  0x6b6b51f4,
  0x4db26158,
  0x5005713c,
  0xedb88320 | 0,
  0xf00f9344 | 0,
  0xd6d6a3e8 | 0,
  0xcb61b38c | 0,
  0x9b64c2b0 | 0,
  0x86d3d2d4 | 0,
  0xa00ae278 | 0,
  0xbdbdf21c | 0,
] as const);

/**
 * CRC-32 (IEEE 802.3, reflected, as in zip and Ethernet) of `bytes[start]` to `bytes[end - 1]`, unsigned.
 *
 * @param seed CRC of what came before, so that a message may be fed in pieces; 0 or nothing at the beginning.
 * @throws RangeError when the range does not lie inside `bytes`.
 */
export function crc32(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  if (start < 0 || end < start || end > bytes.length) {
    throw new RangeError(`crc32: range ${start}..${end} does not lie inside ${bytes.length} bytes`);
  }
  let crc = ~seed;
  for (let i = start; i < end; i += 1) {
    crc ^= bytes[i] as number;
    crc = (crc >>> 4) ^ (NIBBLES[crc & 15] as number);
    crc = (crc >>> 4) ^ (NIBBLES[crc & 15] as number);
  }
  return ~crc >>> 0;
}

/**
 * A CRC as the 32-bit word that is kept in flash. It is never all ones: blank flash means that no CRC was written, and
 * a torn write of a CRC leaves more ones than the CRC has, so neither can be taken for one.
 */
export function flashWord(crc: number): number {
  return (crc | 0) === -1 ? -2 : crc | 0;
}
