// Keeps the capture of a bench: the last megabytes in memory, for whoever asks for the file, and all of it in a file
// when that was asked for. Knows records, not what is in them.

import { closeSync, openSync, writeSync } from "node:fs";
import type { Traffic } from "./network.js";
import { fileHeader, PcapWriter } from "./pcap.js";

/** Bytes kept in memory, in blocks: a record of its own for each of some 80 bytes would cost three times as much. */
const KEPT_BYTES = 8 * 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;

/** A problem with the file that the user can mend; the message says how. */
export class CaptureFileError extends Error {}

/** A capture on disk, written as it happens. */
export class CaptureFile {
  /** Called once when the disk takes no more; after that nothing is written. */
  onFailure: ((message: string) => void) | undefined;
  readonly #path: string;
  #file: number | undefined;

  /** @throws CaptureFileError when it cannot be written. What was in the file is replaced. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, "w");
      writeSync(this.#file, fileHeader());
    } catch (error) {
      throw this.#explained(error);
    }
  }

  write(record: Uint8Array): void {
    if (this.#file === undefined) return;
    try {
      writeSync(this.#file, record);
    } catch (error) {
      this.close();
      this.onFailure?.(this.#explained(error).message);
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #explained(error: unknown): CaptureFileError {
    const { code } = error as NodeJS.ErrnoException;
    return new CaptureFileError(`--pcap ${this.#path}: it cannot be written (${code}); name another file`);
  }
}

export class Capture {
  readonly #writer: PcapWriter;
  /** Whole records, the oldest first; the last one has room for more. */
  readonly #blocks: { readonly bytes: Buffer; used: number }[] = [];

  /**
   * @param startedAt when the bench's time began, ms since 1970.
   * @param file gets every record, too.
   */
  constructor(startedAt: number, file?: Pick<CaptureFile, "write">) {
    this.#writer = new PcapWriter(startedAt, (record) => {
      this.#keep(record);
      file?.write(record);
    });
  }

  heard(traffic: Traffic): void {
    this.#writer.heard(traffic);
  }

  /** The last megabytes as a file. */
  get bytes(): Uint8Array {
    return Buffer.concat([fileHeader(), ...this.#blocks.map(({ bytes, used }) => bytes.subarray(0, used))]);
  }

  #keep(record: Uint8Array): void {
    let block = this.#blocks.at(-1);
    if (block === undefined || block.used + record.byteLength > block.bytes.byteLength) {
      block = { bytes: Buffer.alloc(Math.max(BLOCK_BYTES, record.byteLength)), used: 0 };
      this.#blocks.push(block);
      if (this.#blocks.length > KEPT_BYTES / BLOCK_BYTES) this.#blocks.shift();
    }
    block.bytes.set(record, block.used);
    block.used += record.byteLength;
  }
}
