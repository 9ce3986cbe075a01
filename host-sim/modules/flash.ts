// `flash` as modules/files/flash/flash.js and esp/flash.c of Moddable SDK 8.2.3 make it: one partition of this name,
// `storage`, whose sectors are the board's NOR flash. Offsets and lengths need no alignment: modSPIWrite
// (xs/platforms/esp/ xsHost.c) pads a write to whole words with ones, which change nothing, and modSPIRead cuts
// likewise. The calls block the CPU, and no callback runs meanwhile.

import { type Host, requireAlive } from "../host.js";
import { sectorBytes } from "../nor-flash.js";
import { toInteger } from "./integer.js";

/** Typical times of the flash chips on these boards: W25Q32FV datasheet, AC characteristics. */
const FlashTimes = Object.freeze({
  /** tSE, one sector of 4 KB; up to 400 at worst. */
  eraseMs: 45,
  /** tBP1, first byte of a write. */
  firstByteMs: 0.03,
  /** tBP2, each further byte. */
  nextByteMs: 0.0025,
} as const);

export function create(host: Host) {
  const { flash } = host.board;

  const checkRange = (offset: number, byteLength: number): void => {
    if (offset < 0 || offset >= flash.byteLength) throw new Error("invalid offset");
    if (byteLength <= 0 || offset + byteLength > flash.byteLength) throw new Error("invalid length");
  };

  class Flash {
    constructor(partition?: string) {
      requireAlive(host);
      if (String(partition) !== "storage") throw new Error("unknown partition");
    }

    erase(sector: number): void {
      requireAlive(host);
      const index = toInteger(sector);
      if (index < 0 || index >= flash.byteLength / sectorBytes) throw new Error("invalid sector");
      host.stall(FlashTimes.eraseMs);
      flash.erase(index);
    }

    read(offset: number, byteLength: number): ArrayBuffer {
      requireAlive(host);
      const from = toInteger(offset);
      const length = toInteger(byteLength);
      checkRange(from, length);
      return flash.read(from, length).buffer as ArrayBuffer;
    }

    readString(offset: number, byteLength: number): string {
      return String.fromArrayBuffer(this.read(offset, byteLength));
    }

    write(offset: number, byteLength: number, buffer: ArrayBufferLike | ArrayBufferView): void {
      requireAlive(host);
      const from = toInteger(offset);
      const length = toInteger(byteLength);
      checkRange(from, length);
      const bytes = bytesOf(buffer);
      if (bytes.byteLength < length) throw new Error("invalid");
      host.stall(FlashTimes.firstByteMs + FlashTimes.nextByteMs * (length - 1));
      flash.write(from, bytes.subarray(0, length));
    }

    map(): never {
      throw new Error("unsupported");
    }

    get byteLength(): number {
      return flash.byteLength;
    }

    get blockSize(): number {
      return sectorBytes;
    }
  }

  return { default: Flash };
}

function bytesOf(buffer: ArrayBufferLike | ArrayBufferView): Uint8Array {
  if (ArrayBuffer.isView(buffer)) return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  if (buffer instanceof ArrayBuffer || buffer instanceof SharedArrayBuffer) return new Uint8Array(buffer);
  throw new TypeError("invalid buffer");
}
