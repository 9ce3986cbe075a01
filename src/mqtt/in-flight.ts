// The table of what a session has accepted and the server has not yet acknowledged: PUBLISH, SUBSCRIBE, UNSUBSCRIBE. It
// keeps the two orders that count, knows which packet ids are taken, and survives the end of a connection. All entries
// are made in the constructor. Knows nothing of bytes or transports; the sender moves entries to *leaving* and
// *waiting*.

import type { Message } from "./contract.js";
import { PacketType, type Subscription } from "./packet.js";

/**
 * How far an entry is on the present connection.
 *
 *   FREE ──► QUEUED ──► LEAVING ──► WAITING ──PUBACK | SUBACK | UNSUBACK──► FREE
 *                          └──QoS 0──► FREE └──PUBREC──► RELEASE_QUEUED
 *   RELEASE_QUEUED ──► RELEASE_LEAVING ──► RELEASE_WAITING ──PUBCOMP──► FREE
 *         ▲──────────────PUBREC again─────────────┘
 *   connection ended: LEAVING, WAITING ──► QUEUED; RELEASE_LEAVING, RELEASE_WAITING ──► RELEASE_QUEUED;
 *   what is no session state ──► FREE.   Session Present 0: RELEASE_* ──► DONE ──told──► FREE
 */
export const Phase = Object.freeze({
  FREE: 0,
  QUEUED: 1,
  /** Some bytes have left, the last one has not. */
  LEAVING: 2,
  /** The last byte has left; an answer is due by `answerBy`. */
  WAITING: 3,
  /** PUBREC has come, PUBREL is to leave. */
  RELEASE_QUEUED: 4,
  RELEASE_LEAVING: 5,
  /** PUBREL has left; PUBCOMP is due by `answerBy`. */
  RELEASE_WAITING: 6,
  /** The server owns the message and has forgotten the session: delivered, the owner is to be told. */
  DONE: 7,
} as const);
export type Phase = (typeof Phase)[keyof typeof Phase];

/** One entry. Fields other than `phase` mean something only while it is not FREE. */
export class Flight {
  phase: Phase = Phase.FREE;
  /** Packet id; 0 for QoS 0. */
  id = 0;
  /** PUBLISH, SUBSCRIBE or UNSUBSCRIBE. */
  type = 0;
  /** Of a PUBLISH. */
  qos = 0;
  /** The message until PUBREC, the filters until SUBSCRIBE or UNSUBSCRIBE has left. */
  content: Message | readonly Subscription[] | readonly string[] | undefined = undefined;
  /** Encoded bytes: of a PUBLISH's topic, of the whole packet for SUBSCRIBE and UNSUBSCRIBE. */
  size = 0;
  /** Bytes of a PUBLISH's payload, filters of a SUBSCRIBE. */
  length = 0;
  /** The packet due next (PUBLISH, then PUBREL) has been begun on this connection. */
  left = false;
  /** It has been begun on an earlier connection, or by an earlier life, and the server may have it. */
  leftEarlier = false;
  /** A flush waits for this entry. */
  awaited = false;
  answerBy = 0;

  /** Whether PUBREC has come. */
  get released(): boolean {
    return this.phase >= Phase.RELEASE_QUEUED;
  }

  /** The packet type that ends the present wait. */
  get answer(): number {
    if (this.type === PacketType.SUBSCRIBE) return PacketType.SUBACK;
    if (this.type === PacketType.UNSUBSCRIBE) return PacketType.UNSUBACK;
    if (this.qos === 1) return PacketType.PUBACK;
    return this.released ? PacketType.PUBCOMP : PacketType.PUBREC;
  }

  /** Whether an answer is due by `answerBy`. */
  get waiting(): boolean {
    return this.phase === Phase.WAITING || this.phase === Phase.RELEASE_WAITING;
  }
}

/** QoS 0 messages that may wait to leave, beside the in-flight budget. */
export const QOS_0_PLACES = 2;

export class InFlight {
  /**
   * [0, _released): entries after PUBREC, in the order of the PUBRECs [MQTT-4.6.0-4].
   * [_released, _count): all others, in the order of acceptance [MQTT-4.6.0-1]. From _count on: free.
   */
  private readonly _entries: Flight[];
  private _released = 0;
  private _count = 0;
  /** Entries with QoS 0 among them. */
  private _qos0 = 0;
  private readonly _limit: number;
  private readonly _firstId: number;
  private readonly _lastId: number;
  /** The id picked last. */
  private _id: number;

  constructor(limit: number, firstId: number, lastId: number) {
    this._limit = limit;
    this._firstId = firstId;
    this._lastId = lastId;
    this._id = lastId;
    this._entries = [];
    for (let index = limit + QOS_0_PLACES; index > 0; index -= 1) this._entries.push(new Flight());
  }

  /** Entries to be acknowledged. */
  get pending(): number {
    return this._count - this._qos0;
  }

  /** The entry that holds this id (1..65535). */
  find(id: number): Flight | undefined {
    for (let index = 0; index < this._count; index += 1) {
      const flight = this._entries[index] as Flight;
      if (flight.id === id) return flight;
    }
    return undefined;
  }

  /**
   * Takes a free entry, at the end of the order of acceptance and QUEUED. `id` 0 lets the table pick one. Undefined
   * when the places or the ids are used up.
   */
  add(type: number, qos: number, id: number): Flight | undefined {
    if (type === PacketType.PUBLISH && qos === 0) {
      if (this._qos0 === QOS_0_PLACES) return undefined;
      this._qos0 += 1;
      return this._take(type, 0, 0);
    }
    if (this.pending === this._limit) return undefined;
    const own = id === 0 ? this._pickId() : id;
    return own === 0 ? undefined : this._take(type, qos, own);
  }

  /** Takes an entry for a message whose PUBREC an earlier life has seen, last in the order of the PUBRECs. */
  restore(id: number): Flight | undefined {
    const flight = this.add(PacketType.PUBLISH, 2, id);
    if (flight === undefined) return undefined;
    this.release(flight);
    flight.leftEarlier = true;
    return flight;
  }

  private _take(type: number, qos: number, id: number): Flight {
    const flight = this._entries[this._count] as Flight;
    this._count += 1;
    flight.phase = Phase.QUEUED;
    flight.id = id;
    flight.type = type;
    flight.qos = qos;
    flight.left = false;
    flight.leftEarlier = false;
    flight.awaited = false;
    return flight;
  }

  /** The next id of the range that no entry holds [MQTT-2.3.1-1, MQTT-2.3.1-2], or 0. */
  private _pickId(): number {
    // Of `count + 1` different ids at least one is free.
    let tries = Math.min(this._lastId - this._firstId, this._count) + 1;
    let id = this._id;
    for (; tries > 0; tries -= 1) {
      id = id === this._lastId ? this._firstId : id + 1;
      if (this.find(id) === undefined) {
        this._id = id;
        return id;
      }
    }
    return 0;
  }

  /** PUBREC has come: the payload may go, PUBREL is to leave. */
  release(flight: Flight): void {
    this._move(this._entries.indexOf(flight), this._released);
    this._released += 1;
    flight.phase = Phase.RELEASE_QUEUED;
    flight.content = undefined;
    flight.left = false;
    flight.leftEarlier = false;
  }

  /** The entry is over; its id and its place are free. */
  remove(flight: Flight): void {
    const index = this._entries.indexOf(flight);
    if (index < this._released) this._released -= 1;
    if (flight.id === 0) this._qos0 -= 1;
    this._count -= 1;
    this._move(index, this._count);
    flight.phase = Phase.FREE;
    flight.id = 0;
    flight.content = undefined;
    flight.awaited = false;
  }

  /** Puts one entry at another place and closes the gap. */
  private _move(from: number, to: number): void {
    const entries = this._entries;
    const flight = entries[from] as Flight;
    if (from < to) entries.copyWithin(from, from + 1, to + 1);
    else entries.copyWithin(to + 1, to, from);
    entries[to] = flight;
  }

  /** The entry whose PUBREL is to leave next. */
  nextRelease(): Flight | undefined {
    for (let index = 0; index < this._released; index += 1) {
      const flight = this._entries[index] as Flight;
      if (flight.phase === Phase.RELEASE_QUEUED) return flight;
    }
    return undefined;
  }

  /**
   * What is to leave next, in the order of acceptance: an owner that clears a retained message and then subscribes must
   * not get it again. Before CONNACK there are only messages here, for a request needs a connection.
   */
  next(): Flight | undefined {
    for (let index = this._released; index < this._count; index += 1) {
      const flight = this._entries[index] as Flight;
      if (flight.phase === Phase.QUEUED) return flight;
    }
    return undefined;
  }

  /** A delivered entry of which the owner has not been told. */
  nextDone(): Flight | undefined {
    for (let index = 0; index < this._released; index += 1) {
      const flight = this._entries[index] as Flight;
      if (flight.phase === Phase.DONE) return flight;
    }
    return undefined;
  }

  /** The waiting entry whose answer is due first. */
  nextAnswer(): Flight | undefined {
    let first: Flight | undefined;
    for (let index = 0; index < this._count; index += 1) {
      const flight = this._entries[index] as Flight;
      if (!flight.waiting) continue;
      if (first === undefined || ((flight.answerBy - first.answerBy) | 0) < 0) first = flight;
    }
    return first;
  }

  /** A flush begins: it waits for all entries there are now. */
  awaitAll(): void {
    for (let index = 0; index < this._count; index += 1) {
      const flight = this._entries[index] as Flight;
      flight.awaited = true;
    }
  }

  /** Whether an entry that a flush waits for is not yet delivered. */
  get awaited(): boolean {
    for (let index = 0; index < this._count; index += 1) {
      const flight = this._entries[index] as Flight;
      if (flight.awaited && flight.phase !== Phase.DONE) return true;
    }
    return false;
  }

  /**
   * CONNACK said that the server has no session. What the server already owned is delivered; what it may not have goes
   * as new. What has left on this connection already is not sent again.
   */
  forgotten(): void {
    for (let index = 0; index < this._count; index += 1) {
      const flight = this._entries[index] as Flight;
      if (flight.released) flight.phase = Phase.DONE;
      else flight.leftEarlier = false;
    }
  }

  /**
   * The connection is over. Keeps what is session state, in its order, to be sent again; all of it goes when the
   * session was clean [MQTT-3.1.2-6]. With `refused` nothing of this connection counts as sent [MQTT-3.1.4-5].
   */
  ended(clean: boolean, refused: boolean): void {
    for (let index = this._count - 1; index >= 0; index -= 1) {
      const flight = this._entries[index] as Flight;
      if (flight.phase === Phase.DONE) continue;
      if (clean || flight.qos === 0) {
        // QoS 0 here is a PUBLISH, or a request, which has none: neither is session state (§4.1).
        this.remove(flight);
        continue;
      }
      flight.phase = flight.released ? Phase.RELEASE_QUEUED : Phase.QUEUED;
      if (flight.left && !refused) flight.leftEarlier = true;
      flight.left = false;
    }
  }
}
