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

  readonly #options: SessionOptions;
  readonly #inFlight: InFlight;
  readonly #keepAlive: KeepAlive;
  readonly #counters: Counters;
  readonly #ackTimeoutMs: number;

  /**
   * Waiting bytes are #buffer[#head..#tail); those before #cut belong to the job, and its payload comes before the
   * rest.
   */
  readonly #buffer: Uint8Array;
  #head = 0;
  #cut = 0;
  #tail = 0;

  #job: Job = Job.NONE;
  /** The entry of the job, and after #choose() the one it has chosen. */
  #flight: Flight | undefined;
  /** Payload bytes of the job. */
  #length = 0;
  #offset = 0;
  /** A payload given as text, encoded while it leaves. */
  #text: Uint8Array | undefined;

  constructor(
    size: number,
    options: SessionOptions,
    inFlight: InFlight,
    keepAlive: KeepAlive,
    counters: Counters,
    ackTimeoutMs: number,
  ) {
    this.#buffer = new Uint8Array(size);
    this.#options = options;
    this.#inFlight = inFlight;
    this.#keepAlive = keepAlive;
    this.#counters = counters;
    this.#ackTimeoutMs = ackTimeoutMs;
  }

  /** Bytes of the buffer held. */
  get memory(): number {
    return this.#buffer.length;
  }

  /** Bytes free in the buffer. */
  get room(): number {
    return this.#buffer.length - (this.#tail - this.#head);
  }

  /** DISCONNECT is leaving or has left: nothing may follow it [MQTT-3.14.4-2]. */
  get parting(): boolean {
    return this.#job === Job.FAREWELL || this.parted;
  }

  /** A connection is open: CONNECT comes first [MQTT-3.1.0-1]. */
  open(): void {
    this.close();
    this.#tail = encodeConnect(this.#buffer, 0, this.#options);
    this.#counters.sentPackets += 1;
  }

  /** The connection is over: whatever waits here is void. */
  close(): void {
    this.accepted = false;
    this.closing = false;
    this.parted = false;
    this.early = false;
    this.#head = 0;
    this.#cut = 0;
    this.#tail = 0;
    this.#job = Job.NONE;
    this.#flight = undefined;
    this.#text = undefined;
    this.connection += 1;
  }

  /** Queues an acknowledgement, behind those that wait. False when the buffer cannot take it. */
  acknowledge(type: number, id: number): boolean {
    if (this.#tail + ACK_BYTES > this.#buffer.length) {
      if (this.room < ACK_BYTES) return false;
      this.#buffer.copyWithin(0, this.#head, this.#tail);
      this.#tail -= this.#head;
      this.#cut -= this.#head;
      this.#head = 0;
    }
    this.#tail = encodeAck(this.#buffer, this.#tail, type, id);
    this.#counters.sentPackets += 1;
    return true;
  }

  /** Whether there is anything to send now. */
  get wants(): boolean {
    return this.#head < this.#tail || this.#job !== Job.NONE || this.#choose() !== Job.NONE;
  }

  /** Puts at most `limit` bytes into `into` and returns how many. Throws what a payload source throws. */
  take(into: Uint8Array, limit: number, now: number): number {
    const connection = this.connection;
    let at = 0;
    for (;;) {
      const edge = this.#job === Job.NONE ? this.#tail : this.#cut;
      if (this.#head < edge) {
        const count = Math.min(edge - this.#head, limit - at);
        into.set(this.#buffer.subarray(this.#head, this.#head + count), at);
        this.#head += count;
        at += count;
        if (this.#head < edge) return at;
        this.#compact();
      }
      if (this.#job === Job.NONE) {
        // Begins a packet only where at least its first byte can leave: what has not left at all can still be
        // cancelled.
        if (at >= limit) return at;
        const next = this.#begin(into, at, limit);
        if (next < 0) return at;
        at = next;
      } else {
        if (this.#offset < this.#length) {
          const count = Math.min(this.#length - this.#offset, limit - at);
          if (count > 0) this.#putPayload(into, at, count);
          if (connection !== this.connection) return 0;
          this.#offset += count;
          at += count;
          if (this.#offset < this.#length) return at;
        }
        this.#finish(now);
      }
    }
  }

  /** Starts again at the front of an empty buffer. */
  #compact(): void {
    if (this.#head < this.#tail) return;
    this.#head = 0;
    this.#cut = 0;
    this.#tail = 0;
  }

  /** What leaves next, when no packet is leaving and no byte waits. */
  #choose(): Job {
    const mayPublish = this.accepted || this.#options.pipeline === true;
    if (this.parted) return Job.NONE;
    if (mayPublish) {
      this.#flight = this.#inFlight.nextRelease();
      if (this.#flight !== undefined) return Job.FLIGHT;
    }
    if (this.closing) return Job.FAREWELL;
    if (!mayPublish) return Job.NONE;
    if (this.accepted && this.#keepAlive.due) return Job.PING;
    this.#flight = this.#inFlight.next();
    return this.#flight === undefined ? Job.NONE : Job.FLIGHT;
  }

  /**
   * Begins the next packet. Its header goes straight into `into` if it fits, else into the buffer, which is empty now;
   * every header was measured against the buffer when it was accepted. Returns the offset after it, -1 when nothing is
   * to leave.
   */
  #begin(into: Uint8Array, at: number, limit: number): number {
    const job = this.#choose();
    if (job === Job.NONE) return -1;
    const flight = job === Job.FLIGHT ? (this.#flight as Flight) : undefined;
    const size = headerSize(flight);
    const direct = size <= limit - at;
    const target = direct ? into : this.#buffer;
    const start = direct ? at : 0;
    this.#length = 0;
    this.#offset = 0;
    const end =
      flight === undefined
        ? encodeEmpty(target, start, job === Job.PING ? PacketType.PINGREQ : PacketType.DISCONNECT)
        : this.#encodeFlight(target, start, flight);
    if (end !== start + size) throw new TypeError("a list of filters was changed after it was accepted");
    this.#job = job;
    if (direct) return end;
    this.#cut = end;
    this.#tail = end;
    return at;
  }

  /** Writes what an entry has to send next, up to a payload, and marks it as leaving. */
  #encodeFlight(into: Uint8Array, at: number, flight: Flight): number {
    let end: number;
    if (flight.released) {
      end = encodeAck(into, at, PacketType.PUBREL, flight.id);
    } else if (flight.type === PacketType.SUBSCRIBE) {
      end = encodeSubscribe(into, at, flight.id, flight.content as readonly Subscription[]);
    } else if (flight.type === PacketType.UNSUBSCRIBE) {
      end = encodeUnsubscribe(into, at, flight.id, flight.content as readonly string[]);
    } else {
      const message = flight.content as Message;
      this.#openPayload(message.payload, flight.length);
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
      this.#length = flight.length;
      if (flight.leftEarlier) this.#counters.resent += 1;
    }
    flight.phase = flight.released ? Phase.RELEASE_LEAVING : Phase.LEAVING;
    flight.left = true;
    if (!this.accepted) this.early = true;
    return end;
  }

  /** Encodes a payload given as text. Throws a TypeError when it no longer has the length that the header will say. */
  #openPayload(payload: Message["payload"], length: number): void {
    if (typeof payload === "string") this.#text = new Uint8Array(ArrayBuffer.fromString(payload));
    const present = typeof payload === "string" ? this.#text?.length : payload?.length;
    if ((present ?? 0) !== length) throw new TypeError("a message was changed after it was accepted");
  }

  #putPayload(into: Uint8Array, at: number, count: number): void {
    const payload = this.#text ?? ((this.#flight as Flight).content as Message).payload;
    if (payload instanceof Uint8Array) {
      const whole = count === payload.length;
      into.set(whole ? payload : payload.subarray(this.#offset, this.#offset + count), at);
    } else {
      (payload as PayloadSource).read(this.#offset, into, at, count);
    }
  }

  /** The last byte of the job has left: the time for its answer begins. */
  #finish(now: number): void {
    const job = this.#job;
    const flight = this.#flight;
    this.#job = Job.NONE;
    this.#flight = undefined;
    this.#text = undefined;
    this.#counters.sentPackets += 1;
    if (job === Job.PING) this.#keepAlive.asked(now);
    else if (job === Job.FAREWELL) this.parted = true;
    else this.#await(flight as Flight, now);
  }

  #await(flight: Flight, now: number): void {
    flight.answerBy = (now + this.#ackTimeoutMs) | 0;
    if (flight.phase === Phase.RELEASE_LEAVING) {
      flight.phase = Phase.RELEASE_WAITING;
    } else if (flight.phase === Phase.LEAVING) {
      flight.phase = Phase.WAITING;
      if (flight.type !== PacketType.PUBLISH) flight.content = undefined;
      else if (flight.qos === 0) this.#inFlight.remove(flight);
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
