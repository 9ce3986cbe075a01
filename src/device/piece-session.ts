// The payload of a message that is written in pieces, as the `write` of ECMA-419 has it: a source for the session, and
// the small buffer in which the pieces wait. A session reads a payload as soon as the transport has room, so whoever
// transmits lets no more bytes leave at once than wait here. Knows neither the transport nor who writes.

import type { PayloadSource } from "../mqtt/session.js";

/** Bytes of pieces that wait, at most: one small segment. */
export const PIECE_BYTES = 536;

/** A message whose payload is written in pieces, and the bytes of it that wait. One at a time. */
export class Pieces implements PayloadSource {
  /** Bytes of the whole payload. */
  length = 0;
  /** Bytes of it that the application has still to write. */
  missing = 0;
  private readonly buffer = new Uint8Array(PIECE_BYTES);
  private head = 0;
  private tail = 0;

  /** Bytes that wait to leave. */
  get waiting(): number {
    return this.tail - this.head;
  }

  /** Bytes that may be added now. */
  get room(): number {
    return Math.min(this.missing, PIECE_BYTES - this.waiting);
  }

  /** The message is accepted, `length` set. */
  begin(first: Uint8Array): void {
    this.missing = this.length;
    this.add(first);
  }

  add(bytes: Uint8Array): void {
    if (this.tail + bytes.length > PIECE_BYTES) {
      this.buffer.set(this.buffer.subarray(this.head, this.tail));
      this.tail -= this.head;
      this.head = 0;
    }
    this.buffer.set(bytes, this.tail);
    this.tail += bytes.length;
    this.missing -= bytes.length;
  }

  read(_offset: number, into: Uint8Array, at: number, count: number): void {
    into.set(this.buffer.subarray(this.head, this.head + count), at);
    this.head += count;
  }
}
