// CRC-32 (IEEE 802.3, as in zip) by its definition, one bit at a time: what the chip and the simulator are compared
// with, and what tests forge flash with.

/** Of `bytes[start]` to `bytes[end - 1]` after what has the CRC `seed`; unsigned. */
export function crc32(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let crc = ~seed;
  for (const byte of bytes.subarray(start, end)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
