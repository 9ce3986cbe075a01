// An MQTT session that also takes a message whose payload is written in pieces, as the `write` of ECMA-419 has it. A
// session reads a payload as soon as the transport has room, so this one lets no more bytes leave than are there to be
// read. The pieces that wait have one small buffer. Knows neither the transport nor who writes.

import { type PayloadSource, Session } from "../mqtt/session.js";

/** Bytes of pieces that wait, at most: one small segment. */
export const PIECE_BYTES = 536;

/** A message whose payload is written in pieces, and the bytes of it that wait. One at a time. */
class Pieces implements PayloadSource {
  /** Bytes of the whole payload. */
  length = 0;
  /** Bytes of it that the application has still to write. */
  missing = 0;
  /** Made for the first streamed message, then kept. */
  private _buffer: Uint8Array | undefined;
  private _head = 0;
  private _tail = 0;

  /** Bytes that wait to leave. */
  get waiting(): number {
    return this._tail - this._head;
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
    const buffer = this._buffer ?? new Uint8Array(PIECE_BYTES);
    this._buffer = buffer;
    if (this._tail + bytes.length > PIECE_BYTES) {
      buffer.copyWithin(0, this._head, this._tail);
      this._tail -= this._head;
      this._head = 0;
    }
    buffer.set(bytes, this._tail);
    this._tail += bytes.length;
    this.missing -= bytes.length;
  }

  read(_offset: number, into: Uint8Array, at: number, count: number): void {
    into.set((this._buffer as Uint8Array).subarray(this._head, this._head + count), at);
    this._head += count;
  }

  /** The connection is over, and with it the message. */
  forget(): void {
    this.missing = 0;
    this._head = 0;
    this._tail = 0;
  }
}

/**
 * A session that may hold a message in pieces. A session reads a payload as soon as there is room for it, so as long as
 * pieces wait or are missing, no more bytes leave at once than are waiting: then none can be asked for that is not
 * there yet.
 */
export class PieceSession extends Session {
  readonly pieces = new Pieces();
  /** QoS 0 messages that may still be waiting to leave. */
  unsent = 0;
  /** Called when bytes have left. */
  onSent: () => void = nothing;

  override transmit(into: Uint8Array, limit: number, at: number): number {
    const pieces = this.pieces;
    let total = 0;
    if (pieces.waiting === 0 && pieces.missing === 0) {
      total = super.transmit(into, limit, at);
      if (total < limit) this.unsent = 0;
    }
    while (total < limit && pieces.waiting > 0) {
      const room = Math.min(limit - total, pieces.waiting);
      const count = super.transmit(total === 0 ? into : into.subarray(total), room, at);
      if (count === 0) break;
      total += count;
    }
    if (total > 0) this.onSent();
    return total;
  }
}

function nothing(): void {}
