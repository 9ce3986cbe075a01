// The outgoing half of a session: what the owner asks for; the table of what was accepted and is not yet acknowledged
// (PUBLISH, SUBSCRIBE, UNSUBSCRIBE), which survives the end of a connection; and the bytes on their way out:
// acknowledgements and headers in one buffer of fixed size, payloads straight from the message into the transport's
// buffer. Decides what leaves next, and never puts anything between the bytes of one packet. Knows neither transport
// nor handler; what answers mean is session.ts's business, the other half of the same object: on the chip each further
// object costs. Packet types are numbers; packet.ts has the table.

import type { Budget, CloseReason, Counters, Message, PayloadSource, SessionOptions } from "./contract.js";
import {
  checkConnect,
  checkWhole,
  encodeAck,
  encodeFilters,
  encodePublishHeader,
  filtersSize,
  packetName,
  publishHeaderSize,
  type Subscription,
} from "./packet.js";
import { checkTopic, utf8Length } from "./text.js";

/**
 * An entry of the table. `phase` says how far it is on the present connection:
 *
 *   0 free ──► 1 queued ──► 2 leaving ──► 3 waiting ──PUBACK | SUBACK | UNSUBACK──► 0
 *                               └──QoS 0──► 0    └──PUBREC──► 4
 *   4 PUBREL queued ──► 5 PUBREL leaving ──► 6 PUBREL waiting ──PUBCOMP──► 0
 *          ▲───────────────────PUBREC again─────────┘
 *   connection ended: 2, 3 ──► 1;  5, 6 ──► 4;  what is no session state ──► 0
 *   Session Present 0: 4, 5, 6 ──► 7 delivered, the owner is to be told ──► 0
 *
 * leaving: some bytes have left, the last one has not. waiting: it has; the answer is due by `until`. Other fields mean
 * something only while `phase` is not 0.
 */
export interface Flight {
  phase: number;
  /** Packet id; 0 for QoS 0. */
  id: number;
  /**
   * The packet type that ends the present wait, which also says what the entry is: 0 PUBLISH with QoS 0, 4 (PUBACK)
   * PUBLISH with QoS 1, 5 (PUBREC) PUBLISH with QoS 2, 7 (PUBCOMP) PUBREL, 9 SUBSCRIBE, 11 UNSUBSCRIBE.
   */
  answer: number;
  /** The message until PUBREC, the filters until SUBSCRIBE or UNSUBSCRIBE has left. */
  content: Message | readonly Subscription[] | readonly string[] | null;
  /** Bytes of the packet that is to leave next, without payload. */
  size: number;
  /** Bytes of a PUBLISH's payload, filters of a SUBSCRIBE. */
  length: number;
  /** The packet due next (PUBLISH, then PUBREL) has been begun on this connection. */
  began: boolean;
  /** It has been begun on an earlier connection, or by an earlier life, and the server may have it. */
  resumed: boolean;
  /** A flush waits for this entry. */
  flush: boolean;
  until: number;
}

export abstract class Sender {
  /** Totals that the owner may read and reset. */
  readonly counters: Counters = {
    sentBytes: 0,
    receivedBytes: 0,
    sentPackets: 0,
    receivedPackets: 0,
    resent: 0,
    overflowed: 0,
    repeated: 0,
    connections: 0,
  };
  /** Messages with QoS > 0, SUBSCRIBEs and UNSUBSCRIBEs accepted and not yet acknowledged. To be read only. */
  pending = 0;

  /** CONNACK has accepted and nothing has ended the connection since. To be read only. */
  connected = false;
  /** What the last CONNACK of this connection said. To be read only. */
  sessionPresent = false;

  /** See session.ts. */
  protected state = 0;
  /** CONNACK has accepted: anything may leave. */
  protected online = false;
  /** A PUBLISH or PUBREL was begun before CONNACK. */
  protected early = false;
  /** 0 no pings, 1 quiet, 2 PINGREQ is to leave, 3 PINGREQ has left and is to be answered by `pingBy`. */
  protected ping = 0;
  protected until = 0;
  /** Changes with each end: tells code that has called the owner whether its connection is still the same. */
  protected generation = 0;
  protected instant = 0;
  /** Entries that a flush waits for; below 0 when there is none to answer. */
  protected expected = -1;
  /** The flush is to be answered by then. */
  protected flushBy = 0;
  protected readonly options: SessionOptions;
  protected readonly ackTimeoutMs: number;
  protected readonly pingTimeoutMs: number;

  /**
   * [0, first): entries after PUBREC, in the order of the PUBRECs [MQTT-4.6.0-4].
   * [first, count): all others, in the order of acceptance [MQTT-4.6.0-1]. From count on: free.
   */
  protected readonly list: Flight[] = [];
  protected first = 0;
  protected count = 0;
  /** The id picked last. */
  private id = 0;

  /** Waiting bytes are buffer[start..end); those before `part` belong to the packet that is leaving. */
  protected readonly buffer: Uint8Array;
  protected start = 0;
  protected end = 0;
  protected part = 0;
  /**
   * Type of the packet that is leaving, 0 for none; of acknowledgements and CONNECT, which are only bytes in the
   * buffer, nothing is known.
   */
  protected type = 0;
  /** Its entry, and after _next() the entry of what is chosen. */
  protected item: Flight | null = null;
  /** Its payload, the bytes of that, and how many of them have left. */
  private payload: Uint8Array | PayloadSource | null | undefined = null;
  private length = 0;
  private offset = 0;

  /** Checks what CONNECT and the buffers need, and allocates. Throws a TypeError or RangeError. */
  constructor(options: SessionOptions, budget: Budget) {
    const size = checkConnect(options);
    if (size > checkWhole("budget.send", budget.send, 64, 268435455)) {
      throw new RangeError(`CONNECT takes ${size} bytes; make budget.send at least that`);
    }
    // A day is more than any answer takes, and far from where differences of wrapping instants change their sign.
    this.ackTimeoutMs = checkWhole("ackTimeoutMs", options.ackTimeoutMs ?? 10000, 1, 86400000);
    this.pingTimeoutMs = checkWhole("pingTimeoutMs", options.pingTimeoutMs ?? 5000, 1, 86400000);
    this.options = options;
    this.buffer = new Uint8Array(budget.send);
    this.id = options.lastId ?? 65535;
    for (let count = checkWhole("budget.inFlight", budget.inFlight, 1, 65535) + 2; count > 0; count -= 1) {
      this.list.push({
        phase: 0,
        id: 0,
        answer: 0,
        content: null,
        size: 0,
        length: 0,
        began: false,
        resumed: false,
        flush: false,
        until: 0,
      });
    }
  }

  /** Sets the deadlines that follow from there being something to send or to tell. */
  protected abstract _schedule(now: number): void;
  /** Ends the connection. */
  protected abstract _end(reason: CloseReason, detail: string, statement: string, code?: number): void;

  // What the owner asks for.

  /**
   * How many bytes `receive` can take now without any risk that their acknowledgements find no room. A transport
   * that can leave bytes unread passes no more than this at once and calls `transmit` in between.
   */
  get receivable(): number {
    // The shortest packet to be acknowledged (PUBREL) has 4 bytes, as the acknowledgement has; up to 3 may have come
    // before.
    return Math.max(0, this.buffer.length - this.end + this.start - 3);
  }

  /**
   * Accepts a message: its packet id, 0 for QoS 0, or a {@link Refusal}. QoS > 0 is accepted while offline too. Throws
   * a TypeError or RangeError for an illegal topic, payload, QoS or id, and for an id that is in use.
   */
  publish(message: Message, now: number): number {
    const qos = checkWhole("[MQTT-3.3.1-4] QoS", message.qos, 0, 2);
    const size = checkTopic(message.topic, false);
    const payload = message.payload;
    const id = message.id;
    let length = 0;
    if (typeof payload === "string") {
      length = utf8Length(payload, 0);
      if (length < 0) throw new TypeError("payload holds a lone surrogate; give it as bytes");
    } else if (payload !== undefined) {
      length = (payload as PayloadSource | null)?.length as number;
      if ((length | 0) !== length || length < 0) {
        throw new TypeError("payload must be a string, a Uint8Array or a source with a length in bytes");
      }
    }
    if (id != null) {
      if (qos === 0) throw new TypeError("QoS 0 has no packet id; leave it out [MQTT-2.3.1-5]");
      this._checkFree(id);
    }
    const header = publishHeaderSize(size, qos, length);
    if (header > this.buffer.length) return -3;
    if (this.state > 3) return -4;
    if (qos === 0 && !this.connected) return -2;
    const item = this._adopt(qos === 0 ? 0 : qos + 3, id ?? 0);
    if (item == null) return -1;
    item.content = message;
    item.size = header;
    item.length = length;
    // A server without our session takes a message of an earlier life as a new one, so DUP would be untrue.
    const fresh = this.options.clean || (this.connected && !this.sessionPresent);
    item.resumed = qos > 0 && message.resumed === true && !fresh;
    this._schedule(now);
    return item.id;
  }

  /**
   * Restores a QoS 2 message of which an earlier life has seen PUBREC: PUBREL leaves as soon as a connection allows, in
   * the order of the calls. If the server has no session, onDelivered follows. Returns the id or a {@link Refusal};
   * throws for an illegal id and for one in use.
   */
  release(id: number, now: number): number {
    this._checkFree(id);
    if (this.state > 3) return -4;
    const item = this._adopt(5, id);
    if (item == null) return -1;
    this._advance(item);
    item.resumed = true;
    if (this.connected && !this.sessionPresent) item.phase = 7;
    this._schedule(now);
    return id;
  }

  /**
   * Asks for subscriptions: the packet id or a {@link Refusal}. The list must not change before onSubscribed. Throws a
   * TypeError or RangeError for an empty list, an illegal filter or QoS, and a list larger than `budget.send`.
   */
  subscribe(list: readonly Subscription[], now: number): number {
    if (list.length > 62)
      throw new RangeError(`${list.length} filters are too many; at most 62 fit into one SUBSCRIBE`);
    return this._subscribe(8, list, now);
  }

  /** Ends subscriptions; otherwise as {@link subscribe}. */
  unsubscribe(list: readonly string[], now: number): number {
    return this._subscribe(10, list, now);
  }

  private _subscribe(type: 8 | 10, list: readonly Subscription[] | readonly string[], now: number): number {
    const size = filtersSize(type, list);
    if (size > this.buffer.length) {
      throw new RangeError(`${packetName(type)} takes ${size} bytes; split it or make budget.send at least that`);
    }
    if (this.state > 3) return -4;
    if (!this.connected) return -2;
    const item = this._adopt(type + 1, 0);
    if (item == null) return -1;
    item.content = list;
    item.size = size;
    item.length = list.length;
    this._schedule(now);
    return item.id;
  }

  /** Forgets a message with QoS > 0 that has never left, not even in part. False when there is no such message. */
  cancel(id: number): boolean {
    const item = this._find(id, 0);
    if (item == null || item.answer > 5 || item.phase > 1 || item.resumed) return false;
    this._forget(item);
    this._schedule(this.instant);
    return true;
  }

  /**
   * Asks for onFlushed(true) once everything accepted so far is acknowledged (QoS 0: has left), onFlushed(false) at the
   * deadline or at the end of the connection. Another flush replaces one that is not yet answered.
   */
  flush(deadlineAt: number, now: number): void {
    this.flushBy = deadlineAt | 0;
    this.expected = this.count;
    for (let index = 0; index < this.count; index += 1) (this.list[index] as Flight).flush = true;
    this._schedule(now);
  }

  /** Misuse: an id that is none, or that is in use [MQTT-2.3.1-2]. */
  private _checkFree(id: number): void {
    checkWhole("id", id, 1, 65535);
    if (this._find(id, 0) != null) throw new RangeError(`packet id ${id} is in use [MQTT-2.3.1-2]`);
  }

  // The table.

  /** The entry that holds this id (1..65535); for id 0 the first one in this phase. */
  protected _find(id: number, phase: number): Flight | null {
    for (let index = 0; index < this.count; index += 1) {
      const item = this.list[index] as Flight;
      if (id > 0 ? item.id === id : item.phase === phase) return item;
    }
    return null;
  }

  /**
   * Takes a free entry, last in the order of acceptance and queued. `id` 0 lets the table pick the next one of the
   * range that no entry holds [MQTT-2.3.1-1, MQTT-2.3.1-2]. Undefined when the places or the ids are used up.
   */
  protected _adopt(answer: number, id: number): Flight | null {
    // Beside the in-flight budget, two QoS 0 messages may wait to leave.
    const limit = this.list.length - 2;
    if (answer === 0 ? this.count - this.pending === 2 : this.pending === limit) return null;
    let candidate = id;
    if (answer > 0) {
      if (candidate === 0) {
        const least = this.options.firstId ?? 1;
        const most = this.options.lastId ?? 65535;
        // Of `count + 1` different ids at least one is free.
        let rounds = Math.min(most - least, this.count) + 1;
        candidate = this.id;
        do {
          if (rounds === 0) return null;
          rounds -= 1;
          candidate = candidate === most ? least : candidate + 1;
        } while (this._find(candidate, 0) != null);
        this.id = candidate;
      }
      this.pending += 1;
    }
    const item = this.list[this.count] as Flight;
    this.count += 1;
    item.phase = 1;
    item.id = candidate;
    item.answer = answer;
    item.began = false;
    item.resumed = false;
    item.flush = false;
    return item;
  }

  /** PUBREC has come: the payload may go, PUBREL is to leave. */
  protected _advance(item: Flight): void {
    this._moveTo(item, this.first);
    this.first += 1;
    item.phase = 4;
    item.answer = 7;
    item.size = 4;
    item.content = null;
    item.began = false;
    item.resumed = false;
  }

  /** The entry is over; its id and its place are free. */
  protected _forget(item: Flight): void {
    this.count -= 1;
    if (this._moveTo(item, this.count) < this.first) this.first -= 1;
    if (item.id > 0) this.pending -= 1;
    if (item.flush) this.expected -= 1;
    item.phase = 0;
    item.id = 0;
    item.content = null;
    item.flush = false;
  }

  /** Puts an entry at another place and closes the gap. Returns where it was. */
  private _moveTo(item: Flight, to: number): number {
    const list = this.list;
    const from = list.indexOf(item);
    const step = from < to ? 1 : -1;
    for (let at = from; at !== to; at += step) list[at] = list[at + step] as Flight;
    list[to] = item;
    return from;
  }

  // The bytes.

  /** Queues an acknowledgement, behind those that wait. */
  protected _answer(type: number, id: number): void {
    const buffer = this.buffer;
    if (this.type === 14 || this.state === 5) return;
    if (this.end + 4 > buffer.length) {
      if (this.receivable === 0) {
        this._end("overflow", "more acknowledgements at once than budget.send holds", "MQTT-4.8.0-2");
        return;
      }
      buffer.set(buffer.subarray(this.start, this.end));
      this.part -= this.start;
      this.end -= this.start;
      this.start = 0;
    }
    this.end = encodeAck(buffer, this.end, type, id);
    this.counters.sentPackets += 1;
  }

  /** The connection is over: whatever waits here is void. */
  protected _clear(): void {
    this.online = false;
    this.early = false;
    this.ping = 0;
    this.start = 0;
    this.end = 0;
    this.type = 0;
    this.item = null;
    this.payload = null;
    this.generation += 1;
  }

  /**
   * Type of the packet that leaves next, when none is leaving and no byte waits; 0 for none. Its entry is `flight`.
   * In the order of acceptance: an owner that clears a retained message and then subscribes must not get it again.
   * Before CONNACK there are only messages, for a request needs a connection.
   */
  protected _next(): number {
    const state = this.state;
    const open = this.online || this.options.pipeline === true;
    let item: Flight | null = null;
    this.item = null;
    // After DISCONNECT (5) nothing may follow [MQTT-3.14.4-2].
    if (state === 5) return 0;
    if (open) item = this._find(0, 4);
    if (item == null) {
      if (state === 4) return 14;
      if (this.online && this.ping === 2) return 12;
      if (open) item = this._find(0, 1);
    }
    this.item = item;
    if (item == null) return 0;
    return item.answer > 5 ? item.answer - 1 : 3;
  }

  /** Puts at most `limit` bytes into `into` and returns how many. Throws what a payload source throws. */
  protected _write(into: Uint8Array, limit: number): number {
    const generation = this.generation;
    let at = 0;
    for (;;) {
      const edge = this.type === 0 ? this.end : this.part;
      let count = Math.min(edge - this.start, limit - at);
      if (count > 0) {
        into.set(this.buffer.subarray(this.start, this.start + count), at);
        this.start += count;
        at += count;
      }
      if (this.start < edge) return at;
      if (this.start === this.end) {
        this.start = 0;
        this.part = 0;
        this.end = 0;
      }
      if (this.type === 0) {
        // Begins a packet only where at least its first byte can leave: what has not left at all can still be
        // cancelled.
        const type = at < limit ? this._next() : 0;
        if (type === 0) return at;
        at = this._begin(type, into, at, limit);
      } else {
        count = Math.min(this.length - this.offset, limit - at);
        if (count > 0) {
          const payload = this.payload as Uint8Array | PayloadSource;
          if (!(payload instanceof Uint8Array)) payload.read(this.offset, into, at, count);
          else into.set(payload.subarray(this.offset, this.offset + count), at);
          if (generation !== this.generation) return 0;
          this.offset += count;
          at += count;
        }
        if (this.offset < this.length) return at;
        this._finish();
      }
    }
  }

  /**
   * Begins the next packet. Its header goes straight into `into` if it fits, else into the buffer, which is empty now;
   * every header was measured against the buffer when it was accepted. Returns the offset after what has left.
   */
  private _begin(type: number, into: Uint8Array, at: number, limit: number): number {
    const item = this.item;
    const size = item == null ? 2 : item.size;
    const direct = size <= limit - at;
    const target = direct ? into : this.buffer;
    const start = direct ? at : 0;
    let length = 0;
    let end: number;
    if (item == null || type === 6) {
      end = encodeAck(target, start, type, item == null ? 0 : item.id);
    } else if (type === 3) {
      const message = item.content as Message;
      const payload = message.payload;
      const qos = item.answer === 0 ? 0 : item.answer - 3;
      const flags = (item.resumed ? 8 : 0) | (qos << 1) | (message.retain ? 1 : 0);
      this.payload = typeof payload === "string" ? new Uint8Array(ArrayBuffer.fromString(payload)) : payload;
      length = this.payload == null ? 0 : this.payload.length;
      end = length === item.length ? encodePublishHeader(target, start, flags, message.topic, length, item.id) : 0;
      if (item.resumed) this.counters.resent += 1;
    } else {
      end = encodeFilters(target, start, type, item.id, item.content as readonly (Subscription | string)[]);
    }
    if (end !== start + size) throw new TypeError("a message or list was changed after it was accepted");
    this.type = type;
    this.length = length;
    this.offset = 0;
    if (item != null) {
      item.phase += 1;
      item.began = true;
      if (!this.online) this.early = true;
    }
    if (direct) return end;
    this.part = end;
    this.end = end;
    return at;
  }

  /** The last byte of a packet has left: the time for its answer begins. */
  private _finish(): void {
    const type = this.type;
    const item = this.item;
    this.type = 0;
    this.item = null;
    this.payload = null;
    this.counters.sentPackets += 1;
    if (type === 12) {
      this.ping = 3;
      this.until = (this.instant + this.pingTimeoutMs) | 0;
    } else if (type === 14) {
      this.state = 5;
    } else if (item != null && (item.phase === 2 || item.phase === 5)) {
      // In any other phase CONNACK has settled the entry while its last bytes were leaving.
      item.until = (this.instant + this.ackTimeoutMs) | 0;
      item.phase += 1;
      if (item.answer === 0) this._forget(item);
      else if (item.answer > 7) item.content = null;
    }
  }
}
