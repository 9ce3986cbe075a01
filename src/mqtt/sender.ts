// The bytes on their way out: acknowledgements and headers in one buffer of fixed size, payloads straight from the
// message into the transport's buffer. Decides what leaves next, and never puts anything between the bytes of one
// packet. Knows the phases of entries, but not what answers mean.

import type { Counters, Message, PayloadSource, SessionOptions } from "./contract.js";
import { type Flight, type InFlight, Phase } from "./in-flight.js";
import type { KeepAlive } from "./keep-alive.js";
import {
  encodeAck,
  encodeConnect,
  encodeEmpty,
  encodePublishHeader,
  encodeSubscribe,
  encodeUnsubscribe,
  PacketType,
  publishHeaderSize,
  type Subscription,
} from "./packet.js";

/** Bytes of any acknowledgement. */
const ACK_BYTES = 4;

/** The packet that is leaving, apart from acknowledgements and CONNECT, which are only bytes in the buffer. */
const Job = Object.freeze({ NONE: 0, FLIGHT: 1, PING: 2, FAREWELL: 3 } as const);
type Job = (typeof Job)[keyof typeof Job];

export class Sender {
  /** Anything may leave that was accepted: CONNACK has come. */
  accepted = false;
  /** DISCONNECT is to leave, after acknowledgements and PUBRELs. */
  closing = false;
  /** The last byte of DISCONNECT has left. */
  parted = false;
  /** A PUBLISH or PUBREL was begun before CONNACK. */
  early = false;
  /**
   * Changes with each beginning and end: tells code that has called the owner whether its connection is still the same.
   */
  connection = 0;

  private readonly _options: SessionOptions;
  private readonly _inFlight: InFlight;
  private readonly _keepAlive: KeepAlive;
  private readonly _counters: Counters;
  private readonly _ackTimeoutMs: number;

  /**
   * Waiting bytes are _buffer[_head.._tail); those before _cut belong to the job, and its payload comes before the
   * rest.
   */
  private readonly _buffer: Uint8Array;
  private _head = 0;
  private _cut = 0;
  private _tail = 0;

  private _job: Job = Job.NONE;
  /** The entry of the job, and after _choose() the one it has chosen. */
  private _flight: Flight | undefined;
  /** Payload bytes of the job. */
  private _length = 0;
  private _offset = 0;
  /** A payload given as text, encoded while it leaves. */
  private _text: Uint8Array | undefined;

  constructor(
    size: number,
    options: SessionOptions,
    inFlight: InFlight,
    keepAlive: KeepAlive,
    counters: Counters,
    ackTimeoutMs: number,
  ) {
    this._buffer = new Uint8Array(size);
    this._options = options;
    this._inFlight = inFlight;
    this._keepAlive = keepAlive;
    this._counters = counters;
    this._ackTimeoutMs = ackTimeoutMs;
  }

  /** Bytes of the buffer held. */
  get memory(): number {
    return this._buffer.length;
  }

  /** Bytes free in the buffer. */
  get room(): number {
    return this._buffer.length - (this._tail - this._head);
  }

  /** DISCONNECT is leaving or has left: nothing may follow it [MQTT-3.14.4-2]. */
  get parting(): boolean {
    return this._job === Job.FAREWELL || this.parted;
  }

  /** A connection is open: CONNECT comes first [MQTT-3.1.0-1]. */
  open(): void {
    this.close();
    this._tail = encodeConnect(this._buffer, 0, this._options);
    this._counters.sentPackets += 1;
  }

  /** The connection is over: whatever waits here is void. */
  close(): void {
    this.accepted = false;
    this.closing = false;
    this.parted = false;
    this.early = false;
    this._head = 0;
    this._cut = 0;
    this._tail = 0;
    this._job = Job.NONE;
    this._flight = undefined;
    this._text = undefined;
    this.connection += 1;
  }

  /** Queues an acknowledgement, behind those that wait. False when the buffer cannot take it. */
  acknowledge(type: number, id: number): boolean {
    if (this._tail + ACK_BYTES > this._buffer.length) {
      if (this.room < ACK_BYTES) return false;
      this._buffer.copyWithin(0, this._head, this._tail);
      this._tail -= this._head;
      this._cut -= this._head;
      this._head = 0;
    }
    this._tail = encodeAck(this._buffer, this._tail, type, id);
    this._counters.sentPackets += 1;
    return true;
  }

  /** Whether there is anything to send now. */
  get wants(): boolean {
    return this._head < this._tail || this._job !== Job.NONE || this._choose() !== Job.NONE;
  }

  /** Puts at most `limit` bytes into `into` and returns how many. Throws what a payload source throws. */
  take(into: Uint8Array, limit: number, now: number): number {
    const connection = this.connection;
    let at = 0;
    for (;;) {
      const edge = this._job === Job.NONE ? this._tail : this._cut;
      if (this._head < edge) {
        const count = Math.min(edge - this._head, limit - at);
        into.set(this._buffer.subarray(this._head, this._head + count), at);
        this._head += count;
        at += count;
        if (this._head < edge) return at;
        this._compact();
      }
      if (this._job === Job.NONE) {
        // Begins a packet only where at least its first byte can leave: what has not left at all can still be
        // cancelled.
        if (at >= limit) return at;
        const next = this._begin(into, at, limit);
        if (next < 0) return at;
        at = next;
      } else {
        if (this._offset < this._length) {
          const count = Math.min(this._length - this._offset, limit - at);
          if (count > 0) this._putPayload(into, at, count);
          if (connection !== this.connection) return 0;
          this._offset += count;
          at += count;
          if (this._offset < this._length) return at;
        }
        this._finish(now);
      }
    }
  }

  /** Starts again at the front of an empty buffer. */
  private _compact(): void {
    if (this._head < this._tail) return;
    this._head = 0;
    this._cut = 0;
    this._tail = 0;
  }

  /** What leaves next, when no packet is leaving and no byte waits. */
  private _choose(): Job {
    const mayPublish = this.accepted || this._options.pipeline === true;
    if (this.parted) return Job.NONE;
    if (mayPublish) {
      this._flight = this._inFlight.nextRelease();
      if (this._flight !== undefined) return Job.FLIGHT;
    }
    if (this.closing) return Job.FAREWELL;
    if (!mayPublish) return Job.NONE;
    if (this.accepted && this._keepAlive.due) return Job.PING;
    this._flight = this._inFlight.next();
    return this._flight === undefined ? Job.NONE : Job.FLIGHT;
  }

  /**
   * Begins the next packet. Its header goes straight into `into` if it fits, else into the buffer, which is empty now;
   * every header was measured against the buffer when it was accepted. Returns the offset after it, -1 when nothing is
   * to leave.
   */
  private _begin(into: Uint8Array, at: number, limit: number): number {
    const job = this._choose();
    if (job === Job.NONE) return -1;
    const flight = job === Job.FLIGHT ? (this._flight as Flight) : undefined;
    const size = headerSize(flight);
    const direct = size <= limit - at;
    const target = direct ? into : this._buffer;
    const start = direct ? at : 0;
    this._length = 0;
    this._offset = 0;
    const end =
      flight === undefined
        ? encodeEmpty(target, start, job === Job.PING ? PacketType.PINGREQ : PacketType.DISCONNECT)
        : this._encodeFlight(target, start, flight);
    if (end !== start + size) throw new TypeError("a list of filters was changed after it was accepted");
    this._job = job;
    if (direct) return end;
    this._cut = end;
    this._tail = end;
    return at;
  }

  /** Writes what an entry has to send next, up to a payload, and marks it as leaving. */
  private _encodeFlight(into: Uint8Array, at: number, flight: Flight): number {
    let end: number;
    if (flight.released) {
      end = encodeAck(into, at, PacketType.PUBREL, flight.id);
    } else if (flight.type === PacketType.SUBSCRIBE) {
      end = encodeSubscribe(into, at, flight.id, flight.content as readonly Subscription[]);
    } else if (flight.type === PacketType.UNSUBSCRIBE) {
      end = encodeUnsubscribe(into, at, flight.id, flight.content as readonly string[]);
    } else {
      const message = flight.content as Message;
      this._openPayload(message.payload, flight.length);
      end = encodePublishHeader(
        into,
        at,
        message.topic,
        flight.size,
        flight.length,
        flight.qos,
        message.retain,
        flight.leftEarlier,
        flight.id,
      );
      this._length = flight.length;
      if (flight.leftEarlier) this._counters.resent += 1;
    }
    flight.phase = flight.released ? Phase.RELEASE_LEAVING : Phase.LEAVING;
    flight.left = true;
    if (!this.accepted) this.early = true;
    return end;
  }

  /** Encodes a payload given as text. Throws a TypeError when it no longer has the length that the header will say. */
  private _openPayload(payload: Message["payload"], length: number): void {
    if (typeof payload === "string") this._text = new Uint8Array(ArrayBuffer.fromString(payload));
    const present = typeof payload === "string" ? this._text?.length : payload?.length;
    if ((present ?? 0) !== length) throw new TypeError("a message was changed after it was accepted");
  }

  private _putPayload(into: Uint8Array, at: number, count: number): void {
    const payload = this._text ?? ((this._flight as Flight).content as Message).payload;
    if (payload instanceof Uint8Array) {
      const whole = count === payload.length;
      into.set(whole ? payload : payload.subarray(this._offset, this._offset + count), at);
    } else {
      (payload as PayloadSource).read(this._offset, into, at, count);
    }
  }

  /** The last byte of the job has left: the time for its answer begins. */
  private _finish(now: number): void {
    const job = this._job;
    const flight = this._flight;
    this._job = Job.NONE;
    this._flight = undefined;
    this._text = undefined;
    this._counters.sentPackets += 1;
    if (job === Job.PING) this._keepAlive.asked(now);
    else if (job === Job.FAREWELL) this.parted = true;
    else this._await(flight as Flight, now);
  }

  private _await(flight: Flight, now: number): void {
    flight.answerBy = (now + this._ackTimeoutMs) | 0;
    if (flight.phase === Phase.RELEASE_LEAVING) {
      flight.phase = Phase.RELEASE_WAITING;
    } else if (flight.phase === Phase.LEAVING) {
      flight.phase = Phase.WAITING;
      if (flight.type !== PacketType.PUBLISH) flight.content = undefined;
      else if (flight.qos === 0) this._inFlight.remove(flight);
    }
    // In any other phase CONNACK has settled the entry while its last bytes were leaving.
  }
}

/** Bytes of the packet that an entry sends next, without payload; undefined stands for PINGREQ or DISCONNECT. */
function headerSize(flight: Flight | undefined): number {
  if (flight === undefined) return 2;
  if (flight.released) return ACK_BYTES;
  if (flight.type !== PacketType.PUBLISH) return flight.size;
  return publishHeaderSize(flight.size, flight.qos, flight.length);
}
