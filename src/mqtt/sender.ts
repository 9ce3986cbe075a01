// The outgoing half of a session: what the owner asks for; the table of what was accepted and is not yet acknowledged
// (PUBLISH, SUBSCRIBE, UNSUBSCRIBE), which survives the end of a connection; and the bytes on their way out, put
// together in one buffer of fixed size: acknowledgements, headers, and as much of a payload as there is room for.
// Decides what leaves next, and never puts anything between the bytes of one packet. Knows neither transport nor
// handler; what answers mean is session.ts's business. Packet types are numbers; packet.ts has the table.

import type { Budget, Message, PayloadSource, SessionOptions } from "./contract.js";
import { Decoder } from "./decoder.js";
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

type Filters = readonly (Subscription | string)[];

/**
 * Most numbers stand in `words`, for there one takes 4 bytes, a field 16. Before the table:
 *
 *   0 firstId                 1 lastId                  2 connectTimeoutMs        3 pingTimeoutMs
 *   4 ms of quiet until PINGREQ is due, 0 for never     5 ackTimeoutMs            6 largest payload handed over in one
 *   piece, -1 when all come in pieces                   7 longest topic           8 the id picked last
 *   9 when the flush is to be answered                 10 when the last byte left 11 when the last one came
 *  12 when CONNACK or PINGRESP is due                  13 budget.inFlight
 *  14 entries that a flush waits for, below 0 when there is none to answer
 *  15 inbound QoS 2 ids held: the last words, in no order
 *  16 connections that have ended: tells code that has called the owner whether its connection is still the same
 *  17 course, see session.ts  18 rest, see decoder.ts   19 where the entries that are not yet received begin
 *  20 bytes of the buffer for what comes in             21 bytes of `topic`       22 1 in a clean session
 *  23 to 27 are the owner's, for what he has to keep beside the session
 *
 * The table has 4 words for each entry, from word 28 on:
 *
 *   0  bits 0-15 packet id, 0 for QoS 0;  16-19 answer;  20-22 phase;  23 began;  24 resumed;  25 flush;  26 retain
 *   1  bytes of the packet that is to leave next, without payload
 *   2  bytes of a PUBLISH's payload, filters of a SUBSCRIBE
 *   3  the answer is due by then; only while it is waited for
 *
 * `answer` is the packet type that ends the present wait, which also says what the entry is: 0 PUBLISH with QoS 0, 4
 * (PUBACK) PUBLISH with QoS 1, 5 (PUBREC) PUBLISH with QoS 2, 7 (PUBCOMP) PUBREL, 9 SUBSCRIBE, 11 UNSUBSCRIBE. `phase`
 * says how far it is on the present connection:
 *
 *   1 queued ──► 2 leaving ──► 3 waiting ──PUBACK | SUBACK | UNSUBACK──► over
 *                    └──QoS 0──► over └──PUBREC──► 4
 *   4 PUBREL queued ──► 5 PUBREL leaving ──► 6 PUBREL waiting ──PUBCOMP──► over
 *          ▲───────────────────PUBREC again─────────┘
 *   connection ended: 2, 3 ──► 1;  5, 6 ──► 4;  what is no session state ──► over
 *   Session Present 0: 4, 5, 6 ──► 7 delivered, the owner is to be told ──► over
 *
 * leaving: some bytes have left, the last one has not. waiting: it has. began: the packet due next (PUBLISH, then
 * PUBREL) has been begun on this connection; resumed: on an earlier one, or by an earlier life, and the server may have
 * it; flush: a flush waits for this entry. An entry is named by the index of its first word, -1 is none.
 */
export abstract class Sender extends Decoder {
  // Those that are used most stand first: the engine looks for a field from the first one on. All of this is the
  // session's own, an owner reads what says so.

  /** See session.ts. */
  state = 0;
  /** Waiting bytes are bytes[start..end); those before `part` belong to the packet that is leaving. */
  start = 0;
  end = 0;
  part = 0;
  /**
   * Type of the packet that is leaving, 0 for none; of acknowledgements and CONNECT, which are only bytes in the
   * buffer, nothing is known.
   */
  leaving = 0;
  /** Something is to be told that no request may tell itself. */
  news = false;
  /** Entries in phase 1 or 4. */
  queued = 0;
  /** What {@link transmit} has put together is bytes[at…]. To be read only. */
  at = 0;
  /**
   * Where the table ends. Words [28, words[19]) are entries after PUBREC, in the order of the PUBRECs [MQTT-4.6.0-4];
   * [words[19], edge) all others, in the order of acceptance [MQTT-4.6.0-1].
   */
  edge = 28;
  /** The instant of the call that is running, or of the latest one. */
  instant = 0;
  /** Bytes of the payload of the packet that is leaving that have not left. */
  left = 0;
  /** The transport must have taken a byte by then; null while there is nothing to send. */
  sendBy: number | null = null;
  /** The instant of the next tick, or an earlier one. */
  dueAt: number | undefined = undefined;
  /**
   * What is known of the server's session: -1 nothing, and a PUBLISH or PUBREL was begun before CONNACK, 0 nothing,
   * 1 there was none, 2 present.
   */
  server = 0;
  /** Messages with QoS > 0, SUBSCRIBEs and UNSUBSCRIBEs accepted and not yet acknowledged. To be read only. */
  pending = 0;
  /**
   * Topic and payload for each place of the table: a message's until PUBREC, the filters until (UN)SUBSCRIBE has left.
   */
  readonly contents: (Message["payload"] | Filters | null)[] = [];
  /** The topic checked last; it has words[21] bytes. */
  topic: string | null = null;
  /** What the fields of the latest CONNECT, or the options, say. */
  pipeline: boolean;
  /** 0 no pings, 1 quiet, 2 PINGREQ is to leave, 3 PINGREQ has left and is to be answered by words[12]. */
  ping = 0;
  /** The payload of the packet that is leaving. */
  payload: Uint8Array | PayloadSource | null = null;

  /**
   * Checks what CONNECT and the buffers need, and allocates everything in one block: words, what comes in, what goes
   * out. Throws a TypeError or RangeError.
   */
  constructor(options: SessionOptions, budget: Budget) {
    const size = checkConnect(options);
    const send = checkWhole("budget.send", budget.send, 64, 268435455);
    if (size > send) throw new RangeError(`CONNECT takes ${size} bytes; make budget.send at least that`);
    const receive = checkWhole("budget.receive", budget.receive, 64, 268435455);
    const most = checkWhole("budget.topic", budget.topic, 1, 65535);
    const inFlight = checkWhole("budget.inFlight", budget.inFlight, 1, 65535);
    // Beside the in-flight budget, two QoS 0 messages may wait to leave.
    const places = inFlight + 2;
    const count = 28 + 4 * places + checkWhole("budget.inbound", budget.inbound, 0, 65535);
    const room = Math.max(options.stream === true ? 0 : receive, most + 9, 69);
    const block = new ArrayBuffer(4 * count + room + send);
    const words = new Int32Array(block, 0, count);
    super(words, new Uint8Array(block, 4 * count, room + send));
    const seconds = options.keepAliveSeconds;
    words[0] = checkWhole("firstId", options.firstId ?? 1, 1, 65535);
    words[1] = checkWhole("lastId", options.lastId ?? 65535, words[0] as number, 65535);
    // A day is more than any answer takes, and far from where differences of wrapping instants change their sign.
    words[2] = checkWhole("connectTimeoutMs", options.connectTimeoutMs ?? 10000, 1, 86400000);
    words[3] = checkWhole("pingTimeoutMs", options.pingTimeoutMs ?? 5000, 1, 86400000);
    words[5] = checkWhole("ackTimeoutMs", options.ackTimeoutMs ?? 10000, 1, 86400000);
    // PINGREQ goes up to 2 s before the keep alive is over, so that the link's delay does not make it late.
    words[4] = seconds * 1000 - Math.min(seconds * 250, 2000);
    words[6] = options.stream === true ? -1 : receive;
    words[7] = most;
    words[13] = inFlight;
    words[14] = -1;
    words[19] = 28;
    words[8] = words[1] as number;
    words[20] = room;
    words[22] = options.clean ? 1 : 0;
    this.pipeline = options.pipeline === true;
  }

  /** CONNACK has accepted and nothing has ended the connection since. */
  get connected(): boolean {
    return this.state === 3;
  }

  /** What the last CONNACK of this connection said. */
  get sessionPresent(): boolean {
    return this.server > 1;
  }

  /** Whether {@link transmit} is to be called as soon as the transport takes bytes. */
  get wantsTransmit(): boolean {
    return wants(this);
  }

  // What the owner asks for.

  /**
   * Accepts a message: its packet id, 0 for QoS 0, or a {@link Refusal}. QoS > 0 is accepted while offline too. Throws
   * a TypeError or RangeError for an illegal topic, payload, QoS or id, and for an id that is in use.
   */
  publish(message: Message, now: number): number {
    const qos = message.qos;
    if (qos !== 0 && qos !== 1 && qos !== 2) checkWhole("[MQTT-3.3.1-4] QoS", qos, 0, 2);
    const topic = message.topic;
    const payload = message.payload;
    const id = message.id;
    if (topic !== this.topic) {
      this.words[21] = checkTopic(topic, false);
      this.topic = topic;
    }
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
    if (id !== undefined) {
      if (qos === 0) throw new TypeError("QoS 0 has no packet id; leave it out [MQTT-2.3.1-5]");
      checkFree(this, id);
    }
    const size = publishHeaderSize(this.words[21] as number, qos, length);
    if (size > this.bytes.length - (this.words[20] as number)) return -3;
    if (qos === 0 && this.state < 3) return -2;
    // A server without our session takes a message of an earlier life as a new one, so DUP would be untrue.
    const resumed = qos > 0 && message.resumed === true && this.words[22] === 0 && this.server !== 1;
    return adopt(
      this,
      (qos === 0 ? 0 : (qos + 3) << 16) | (resumed ? 0x1000000 : 0) | (message.retain ? 0x4000000 : 0),
      id ?? 0,
      size,
      length,
      topic,
      payload,
      now,
    );
  }

  /**
   * Restores a QoS 2 message of which an earlier life has seen PUBREC: PUBREL leaves as soon as a connection allows, in
   * the order of the calls. If the server has no session, onDelivered follows. Returns the id or a {@link Refusal};
   * throws for an illegal id and for one in use.
   */
  release(id: number, now: number): number {
    checkFree(this, id);
    const result = adopt(this, 0x50000, id, 0, 0, null, null, now);
    if (result > 0) {
      advance(this, this.edge - 4);
      const at = (this.words[19] as number) - 4;
      this.words[at] = (this.words[at] as number) | 0x1000000;
      if (this.state === 3 && this.server === 1) setPhase(this, at, 7);
      schedule(this, now);
    }
    return result;
  }

  /**
   * Asks for subscriptions: the packet id or a {@link Refusal}. The list must not change before onSubscribed. Throws a
   * TypeError or RangeError for an empty list, an illegal filter or QoS, and a list larger than `budget.send`.
   */
  subscribe(list: readonly Subscription[], now: number): number {
    if (list.length > 62)
      throw new RangeError(`${list.length} filters are too many; at most 62 fit into one SUBSCRIBE`);
    return request(this, 8, list, now);
  }

  /** Ends subscriptions; otherwise as {@link subscribe}. */
  unsubscribe(list: readonly string[], now: number): number {
    return request(this, 10, list, now);
  }

  /** Forgets a message with QoS > 0 that has never left, not even in part. False when there is no such message. */
  cancel(id: number): boolean {
    const at = find(this, id);
    // A PUBLISH with QoS > 0, queued and not resumed.
    if (at < 0 || ((this.words[at] as number) & 0x17e0000) !== 0x140000) return false;
    forget(this, at);
    if (!wants(this)) this.sendBy = null;
    if (this.news) wake(this, this.instant);
    return true;
  }

  /**
   * Asks for onFlushed(true) once everything accepted so far is acknowledged (QoS 0: has left), onFlushed(false) at the
   * deadline or at the end of the connection. Another flush replaces one that is not yet answered.
   */
  flush(deadlineAt: number, now: number): void {
    this.words[9] = deadlineAt;
    this.words[14] = 0;
    for (let at = 28; at < this.edge; at += 4) {
      this.words[at] = (this.words[at] as number) | 0x2000000;
      this.words[14] = (this.words[14] as number) + 1;
    }
    this.news = this.news || (this.words[14] as number) === 0;
    wake(this, deadlineAt | 0);
    schedule(this, now);
  }

  /** QoS 0 messages that have not left. */
  get unsent(): number {
    return ((this.edge - 28) >> 2) - this.pending;
  }
}

/** SUBSCRIBE (8) or UNSUBSCRIBE (10). */
function request(me: Sender, type: 8 | 10, list: Filters, now: number): number {
  const size = filtersSize(type, list);
  if (size > me.bytes.length - (me.words[20] as number)) {
    throw new RangeError(`${packetName(type)} takes ${size} bytes; split it or make budget.send at least that`);
  }
  return me.state < 3 ? -2 : adopt(me, (type + 1) << 16, 0, size, list.length, list, null, now);
}

/** Misuse: an id that is none, or that is in use [MQTT-2.3.1-2]. */
function checkFree(me: Sender, id: number): void {
  checkWhole("id", id, 1, 65535);
  if (find(me, id) >= 0) throw new RangeError(`packet id ${id} is in use [MQTT-2.3.1-2]`);
}

/** The next tick must come at this instant, if not earlier. */
export function wake(me: Sender, at: number): void {
  if (me.dueAt === undefined || ((at - me.dueAt) | 0) < 0) me.dueAt = at;
}

/** Sets the deadlines that follow from there being something to send or to tell. */
export function schedule(me: Sender, now: number): void {
  me.instant = now | 0;
  if (me.sendBy === null && me.state > 1) {
    const at = (now + (me.words[5] as number)) | 0;
    me.sendBy = at;
    wake(me, at);
  }
  if (me.news) wake(me, me.instant);
}

/** Whether `transmit` is to be called as soon as the transport takes bytes. */
export function wants(me: Sender): boolean {
  const state = me.state;
  if (state < 2) return false;
  if (me.start < me.end || me.leaving !== 0 || me.news) return true;
  // In state 4 DISCONNECT is to leave; after it (5) nothing may follow [MQTT-3.14.4-2].
  if (state > 3) return state === 4;
  return (me.queued > 0 && (me.server > 0 || me.pipeline)) || me.ping === 2;
}

// The table.

export function answerOf(me: Sender, at: number): number {
  return ((me.words[at] as number) >> 16) & 15;
}

export function phaseOf(me: Sender, at: number): number {
  return ((me.words[at] as number) >> 20) & 7;
}

/** The entry that holds this id, 1..65535. */
export function find(me: Sender, id: number): number {
  const words = me.words;
  for (let at = 28; at < me.edge; at += 4) if (((words[at] as number) & 0xffff) === id) return at;
  return -1;
}

/** The first entry in this phase. */
export function inPhase(me: Sender, phase: number): number {
  const words = me.words;
  for (let at = 28; at < me.edge; at += 4) if ((((words[at] as number) >> 20) & 7) === phase) return at;
  return -1;
}

export function setPhase(me: Sender, at: number, phase: number): void {
  const word = me.words[at] as number;
  const before = (word >> 20) & 7;
  if (before === 1 || before === 4) me.queued -= 1;
  if (phase === 1 || phase === 4) me.queued += 1;
  else if (phase === 7) me.news = true;
  me.words[at] = (word & ~0x700000) | (phase << 20);
}

/**
 * Takes a free entry, last in the order of acceptance and queued. `given` 0 lets the table pick the next id of the
 * range that no entry holds [MQTT-2.3.1-1, MQTT-2.3.1-2]. Returns the id or a refusal.
 */
function adopt(
  me: Sender,
  word: number,
  given: number,
  size: number,
  length: number,
  first: Message["payload"] | Filters | null,
  second: Message["payload"] | null,
  now: number,
): number {
  const words = me.words;
  const contents = me.contents;
  const edge = me.edge;
  let id = given;
  if (me.state > 3) return -4;
  if ((word & 0xf0000) === 0) {
    // Beside the in-flight budget, two QoS 0 messages may wait to leave.
    if (me.unsent === 2) return -1;
  } else {
    if (me.pending === words[13]) return -1;
    if (id === 0) {
      const least = words[0] as number;
      const most = words[1] as number;
      // Of one more different ids than there are entries at least one is free.
      let rounds = Math.min(most - least, (edge - 28) >> 2) + 1;
      id = words[8] as number;
      do {
        if (rounds === 0) return -1;
        rounds -= 1;
        id = id === most ? least : id + 1;
      } while (find(me, id) >= 0);
      words[8] = id;
    }
    me.pending += 1;
  }
  words[edge] = word | id | 0x100000;
  words[edge + 1] = size;
  words[edge + 2] = length;
  const place = (edge - 28) >> 1;
  contents[place] = first;
  contents[place + 1] = second;
  me.edge = edge + 4;
  me.queued += 1;
  schedule(me, now);
  return id;
}

/** PUBREC has come for an entry that waits for it, or is to be sent again: the payload may go, PUBREL is to leave. */
export function advance(me: Sender, at: number): void {
  const words = me.words;
  const to = words[19] as number;
  const word = words[at] as number;
  if ((word & 0x700000) !== 0x100000) me.queued += 1;
  // Phase 4, answer PUBCOMP, neither begun nor resumed.
  words[at] = (word & ~0x1ff0000) | 0x470000;
  words[at + 1] = 4;
  words[19] = to + 4;
  dropContents(me, at);
  if (at !== to) move(me, at, to);
  schedule(me, me.instant);
}

/** The entry is over; its id and its place are free. */
export function forget(me: Sender, at: number): void {
  const words = me.words;
  const word = words[at] as number;
  const phase = (word >> 20) & 7;
  const edge = me.edge - 4;
  const middle = words[19] as number;
  if (phase === 1 || phase === 4) me.queued -= 1;
  if (at < middle) words[19] = middle - 4;
  if (at !== edge) move(me, at, edge);
  me.edge = edge;
  me.contents.length = (edge - 28) >> 1;
  if ((word & 0xffff) > 0) me.pending -= 1;
  if ((word & 0x2000000) !== 0) {
    const expected = (words[14] as number) - 1;
    words[14] = expected;
    if (expected === 0) me.news = true;
  }
}

function dropContents(me: Sender, at: number): void {
  const place = (at - 28) >> 1;
  me.contents[place] = null;
  me.contents[place + 1] = null;
}

/** Puts an entry at another place and closes the gap. */
function move(me: Sender, from: number, to: number): void {
  const words = me.words;
  const contents = me.contents;
  const step = from < to ? 4 : -4;
  for (let at = from; at !== to; at += step) {
    const next = at + step;
    for (let word = 0; word < 4; word += 1) {
      const kept = words[at + word] as number;
      words[at + word] = words[next + word] as number;
      words[next + word] = kept;
    }
    const here = (at - 28) >> 1;
    const there = (next - 28) >> 1;
    for (let place = 0; place < 2; place += 1) {
      const kept = contents[here + place];
      contents[here + place] = contents[there + place];
      contents[there + place] = kept;
    }
  }
}

// The bytes.

/** Bytes that acknowledgements find room for. */
export function ackRoom(me: Sender): number {
  // While a message is leaving, some room stays for its payload.
  return me.bytes.length - (me.words[20] as number) - me.end + me.start - (me.leaving === 0 ? 0 : 16);
}

/** Queues an acknowledgement, behind those that wait. False when it finds no room. */
export function acknowledge(me: Sender, type: number, id: number): boolean {
  const output = me.bytes;
  if (me.leaving === 14 || me.state === 5) return true;
  if (ackRoom(me) < 4) return false;
  if (me.end + 4 > output.length) compact(me);
  me.end = encodeAck(output, me.end, type, id);
  schedule(me, me.instant);
  return true;
}

/** Moves what waits to the front. */
function compact(me: Sender): void {
  const base = me.words[20] as number;
  const start = me.start;
  if (start > base && me.end > start) me.bytes.copyWithin(base, start, me.end);
  me.part -= start - base;
  me.end -= start - base;
  me.start = base;
}

/** The connection is over: whatever waits here is void. */
export function clear(me: Sender): void {
  me.ping = 0;
  me.start = 0;
  me.end = 0;
  me.leaving = 0;
  me.payload = null;
  me.words[16] = (me.words[16] as number) + 1;
}

/**
 * What leaves next, when no packet is leaving and no byte waits: an entry, -12 for PINGREQ, -14 for DISCONNECT, 0 for
 * nothing. First PUBRELs, then all others in the order of acceptance: an owner that clears a retained message and then
 * subscribes must not get it again. Before CONNACK there are only messages, for a request needs a connection.
 */
function nextItem(me: Sender): number {
  const words = me.words;
  const state = me.state;
  // After DISCONNECT (5) nothing may follow [MQTT-3.14.4-2].
  if (state > 4) return 0;
  if (me.queued > 0 && (me.server > 0 || me.pipeline)) {
    const edge = me.edge;
    for (let at = 28; at < edge; at += 4) {
      const phase = ((words[at] as number) >> 20) & 7;
      if (phase === 4) return at;
      if (phase === 1) return state === 4 ? -14 : me.ping === 2 ? -12 : at;
    }
  }
  return state === 4 ? -14 : me.ping === 2 ? -12 : 0;
}

/**
 * Puts at most `limit` bytes together and returns how many: bytes[at, at + count), which are then as good as sent.
 * What was put together by the call before is gone. Throws what a payload source throws.
 */
export function fill(me: Sender, limit: number): number {
  const output = me.bytes;
  let at = me.start;
  let edge = me.end;
  let leaving = me.leaving;
  if (at === edge) {
    at = me.words[20] as number;
    edge = at;
    me.part = at;
    me.end = at;
  }
  const waiting = edge;
  const most = at + limit;
  if (leaving !== 0) edge = me.part;
  const whole = edge <= most;
  if (!whole) edge = most;
  me.at = at;
  me.start = edge;
  if (!whole) return edge - at;
  if (leaving !== 0) {
    if (edge < waiting) {
      // Acknowledgements wait until the packet is complete: its payload is put behind them, on its way past them.
      if (me.left === 0) sent(me, 0);
      if (edge > at) return edge - at;
      compact(me);
      at = me.end;
      me.at = at;
      const end = at + limit;
      edge = putPayload(me, 0, at, end < output.length ? end : output.length);
      return edge < 0 ? 0 : edge - at;
    }
    edge = putPayload(me, 0, edge, most < output.length ? most : output.length);
    leaving = edge < 0 ? 1 : me.leaving;
  }
  // Begins a packet only where at least its first byte can leave: what has not left at all can still be cancelled.
  while (leaving === 0 && edge < most) {
    const item = nextItem(me);
    if (item === 0) break;
    const next = begin(me, item, edge);
    if (next < 0) break;
    if (next > most) {
      // The rest of its header waits.
      me.start = most;
      me.part = next;
      me.end = next;
      return limit;
    }
    edge = putPayload(me, item, next, most < output.length ? most : output.length);
    leaving = edge < 0 ? 1 : me.leaving;
  }
  // The connection has ended meanwhile.
  if (edge < 0) return 0;
  me.start = edge;
  me.part = edge;
  me.end = edge;
  return edge - at;
}

/** Puts the beginning of a packet at bytes[at…] and returns the offset after it; -1 when it finds no room now. */
function begin(me: Sender, item: number, at: number): number {
  const output = me.bytes;
  const words = me.words;
  me.left = 0;
  if (item < 0) {
    if (at + 2 > output.length) return -1;
    me.leaving = -item;
    return encodeAck(output, at, -item, 0);
  }
  const word = words[item] as number;
  const id = word & 0xffff;
  const end = at + (words[item + 1] as number);
  if (end > output.length) return -1;
  const answer = (word >> 16) & 15;
  const place = (item - 28) >> 1;
  let edge = end;
  if (answer === 7) {
    me.leaving = 6;
    encodeAck(output, at, 6, id);
  } else if (answer > 7) {
    me.leaving = answer - 1;
    edge = encodeFilters(output, at, answer - 1, id, me.contents[place] as Filters);
  } else {
    const content = me.contents[place + 1] as Message["payload"];
    const payload = typeof content === "string" ? new Uint8Array(ArrayBuffer.fromString(content)) : content;
    const length = payload === undefined ? 0 : payload.length;
    // DUP, QoS and RETAIN.
    const flags = ((word >> 21) & 8) | (answer === 0 ? 0 : (answer - 3) << 1) | ((word >> 26) & 1);
    if (length !== words[item + 2]) edge = -1;
    else encodePublishHeader(output, at, flags, me.contents[place] as string, length, id);
    me.leaving = 3;
    me.payload = payload ?? null;
    me.left = length;
  }
  if (edge !== end) {
    me.leaving = 0;
    throw new TypeError("a payload or list was changed after it was accepted");
  }
  // From queued to leaving.
  words[item] = (word + 0x100000) | 0x800000;
  me.queued -= 1;
  if (me.server === 0) me.server = -1;
  return edge;
}

/**
 * Puts payload at bytes[at, end), as much as there is, and returns the offset after it; below 0 when the source has
 * ended the connection. Ends the packet with it. `item` as for {@link sent}.
 */
function putPayload(me: Sender, item: number, at: number, end: number): number {
  const generation = me.words[16];
  const left = me.left;
  const room = end - at;
  const count = left < room ? left : room;
  if (count > 0) {
    const payload = me.payload as Uint8Array | PayloadSource;
    if (!(payload instanceof Uint8Array)) payload.read(payload.length - left, me.bytes, at, count);
    else if (count === payload.length) me.bytes.set(payload, at);
    else me.bytes.set(payload.subarray(payload.length - left, payload.length - left + count), at);
    if (generation !== me.words[16]) return -1;
    me.left = left - count;
  }
  if (count === left) sent(me, item);
  return at + count;
}

/**
 * The last byte of a packet has left: the time for its answer begins. `item` is its entry, 0 when that has to be looked
 * for, or when it has none.
 */
function sent(me: Sender, item: number): void {
  const words = me.words;
  const type = me.leaving;
  let until = (me.instant + (words[5] as number)) | 0;
  me.leaving = 0;
  me.payload = null;
  if (type === 14) {
    me.state = 5;
    me.news = true;
    return;
  }
  if (type === 12) {
    until = (me.instant + (words[3] as number)) | 0;
    me.ping = 3;
    words[12] = until;
  } else {
    const at = item > 0 ? item : inPhase(me, type === 6 ? 5 : 2);
    // None when CONNACK has settled the entry while its last bytes were leaving.
    if (at < 0) return;
    const word = words[at] as number;
    const answer = (word >> 16) & 15;
    if (answer === 0) {
      forget(me, at);
      return;
    }
    // From leaving to waiting.
    words[at] = word + 0x100000;
    words[at + 3] = until;
    if (answer > 7) dropContents(me, at);
  }
  if (me.dueAt === undefined || ((until - me.dueAt) | 0) < 0) me.dueAt = until;
}
