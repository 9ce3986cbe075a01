// The inbound half of a session's messages: puts the pieces of a payload together within the budget, and holds the QoS
// 2 ids that were handed over and not yet released (method B of MQTT 3.1.1 §4.3.3: deliver at PUBLISH, keep the id
// until PUBREL). Says what is to be told, and leaves telling and acknowledging to the session.

import type { Budget, Inbound } from "./contract.js";
import { readUtf8 } from "./utf8.js";

/** What the owner is to be told after a piece has come. */
export const Tell = Object.freeze({ NOTHING: 0, MESSAGE: 1, OVERFLOW: 2 } as const);
export type Tell = (typeof Tell)[keyof typeof Tell];

/** What is done with the payload that is arriving. */
const Course = Object.freeze({
  /** Looked at by nobody: a QoS 2 repeat, or a message after our DISCONNECT. */
  SKIP: 0,
  /** Put together in the buffer, unless it lies whole in one fragment. */
  GATHER: 1,
  /** Handed over as it comes. */
  STREAM: 2,
  /** Larger than the buffer: its first bytes are kept, the rest is skipped. */
  OVERSIZE: 3,
} as const);
type Course = (typeof Course)[keyof typeof Course];

export class Inbox {
  /** The message that is arriving. */
  readonly message: Inbound;
  private readonly _stream: boolean;
  private readonly _limit: number;
  private readonly _buffer: Uint8Array;
  /** QoS 2 ids held; 0 marks a free place, which no id is. */
  private readonly _held: Uint16Array;
  private _course: Course = Course.SKIP;

  constructor(budget: Budget, stream: boolean) {
    this._stream = stream;
    this._limit = budget.receive;
    this._buffer = new Uint8Array(stream ? 0 : budget.receive);
    this._held = new Uint16Array(budget.inbound);
    this.message = {
      topic: "",
      qos: 0,
      retain: false,
      dup: false,
      id: 0,
      length: 0,
      offset: 0,
      bytes: this._buffer,
      start: 0,
      end: 0,
      complete: false,
    };
  }

  /** Bytes of the buffers held. */
  get memory(): number {
    return this._buffer.length + this._held.byteLength;
  }

  holds(id: number): boolean {
    return this._held.indexOf(id) >= 0;
  }

  /** Whether there is no place for one more id. */
  get full(): boolean {
    return this._held.indexOf(0) < 0;
  }

  /** Keeps an id, for which there must be a place. */
  hold(id: number): void {
    this._held[this._held.indexOf(0)] = id;
  }

  /** PUBREL has come: the id is free, whether it was held or not. */
  release(id: number): void {
    const place = this._held.indexOf(id);
    if (place >= 0) this._held[place] = 0;
  }

  /** The session is gone on the server's side [MQTT-3.1.2-6, MQTT-3.2.2-3]; an id kept would swallow a new message. */
  forget(): void {
    this._held.fill(0);
  }

  /** A message begins. Its payload of `length` bytes comes through {@link add}. */
  begin(flags: number, bytes: Uint8Array, topicStart: number, topicEnd: number, id: number, length: number): void {
    this._describe(flags, bytes, topicStart, topicEnd, length);
    this.message.id = id;
    if (this._stream) this._course = Course.STREAM;
    else this._course = length > this._limit ? Course.OVERSIZE : Course.GATHER;
  }

  /** A message begins that is not to be handed over. */
  skip(flags: number, id: number): void {
    this.message.qos = (flags >> 1) & 3;
    this.message.id = id;
    this._course = Course.SKIP;
  }

  /** A message begins whose topic is longer than the budget; {@link endLong} ends it. */
  beginLong(flags: number, bytes: Uint8Array, topicStart: number, topicEnd: number, length: number): void {
    this._describe(flags, bytes, topicStart, topicEnd, length);
  }

  private _describe(flags: number, bytes: Uint8Array, topicStart: number, topicEnd: number, length: number): void {
    const message = this.message;
    message.topic = readUtf8(bytes, topicStart, topicEnd);
    message.qos = (flags >> 1) & 3;
    message.retain = (flags & 1) !== 0;
    message.dup = (flags & 8) !== 0;
    message.length = length;
  }

  /** A piece of the payload has come. */
  add(bytes: Uint8Array, start: number, end: number, offset: number, last: boolean): Tell {
    switch (this._course) {
      case Course.SKIP:
        return Tell.NOTHING;
      case Course.STREAM:
        this._expose(bytes, start, end, offset, last);
        return Tell.MESSAGE;
      case Course.GATHER:
        if (offset === 0 && last) {
          this._expose(bytes, start, end, 0, true);
          return Tell.MESSAGE;
        }
        this._buffer.set(bytes.subarray(start, end), offset);
        if (!last) return Tell.NOTHING;
        this._expose(this._buffer, 0, this.message.length, 0, true);
        return Tell.MESSAGE;
      case Course.OVERSIZE:
        if (offset < this._limit) {
          const count = Math.min(end - start, this._limit - offset);
          this._buffer.set(bytes.subarray(start, start + count), offset);
        }
        if (!last) return Tell.NOTHING;
        this._expose(this._buffer, 0, this._limit, 0, false);
        return Tell.OVERFLOW;
    }
  }

  /** The message with a long topic is over; only now its id is known. */
  endLong(id: number): void {
    this.message.id = id;
    this._expose(this._buffer, 0, 0, 0, false);
  }

  /** Lets go of the fragment, which belongs to the transport. */
  conceal(): void {
    this._expose(this._buffer, 0, 0, 0, false);
  }

  private _expose(bytes: Uint8Array, start: number, end: number, offset: number, complete: boolean): void {
    const message = this.message;
    message.bytes = bytes;
    message.start = start;
    message.end = end;
    message.offset = offset;
    message.complete = complete;
  }
}
