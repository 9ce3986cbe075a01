// The outgoing half of a session: what the owner asks for, and the bytes on their way out, put together in one buffer
// of fixed size: acknowledgements, headers, and as much of a payload as there is room for. Decides what leaves next,
// and never puts anything between the bytes of one packet. Knows neither transport nor handler; in-flight.ts has the
// table of what was accepted, and what answers mean is session.ts's business. Packet types are numbers; packet.ts has
// the table.

import type { Budget, Message, PayloadSource, SessionOptions } from "./contract.js";
import { adopt, type Filters, find, forget, InFlight, nextId, rank, setPhase } from "./in-flight.js";
import {
  checkConnect,
  checkWhole,
  encodeAck,
  encodeFilters,
  encodePublishHeader,
  filtersSize,
  packetName,
  type Subscription,
} from "./packet.js";

export abstract class Sender extends InFlight {
  // All of this is the session's own, an owner reads what says so.

  /** The topic checked last; words[21] has its bytes in the lower half, words[13] in the upper one. */
  topic: string | null = null;
  /** The payload of the packet that is leaving; when none is, a packet that {@link accept} has put together. */
  payload: Uint8Array | PayloadSource | null = null;
  /**
   * Waiting bytes are bytes[start..end), and bit 16 of `owed` says that there are such; those before words[29] belong
   * to the packet that is leaving.
   */
  start = 0;
  end = 0;
  /** What was put together last is bytes[at…]. To be read only. */
  at = 0;
  /**
   * Type of the packet that is leaving, 0 for none; of acknowledgements and CONNECT, which are only bytes in the
   * buffer, nothing is known.
   */
  leaving = 0;
  /** The transport must have taken a byte by then; null while there is nothing to send. */
  sendBy: number | null = null;

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
    const count = 36 + 2 * inFlight + checkWhole("budget.inbound", budget.inbound, 0, 65535);
    const room = Math.max(options.stream === true ? 0 : receive, most + 9, 69);
    super(new ArrayBuffer(((room + send + 3) & ~3) + 4 * count), room + send, count);
    const words = this.words;
    const seconds = options.keepAliveSeconds;
    words[0] = checkWhole("firstId", options.firstId ?? 1, 1, 65535);
    words[1] = checkWhole("lastId", options.lastId ?? 65535, words[0] as number, 65535);
    // A day is more than any answer takes, and far from where differences of wrapping instants change their sign.
    words[2] = checkWhole("connectTimeoutMs", options.connectTimeoutMs ?? 10000, 1, 86400000);
    words[3] = checkWhole("pingTimeoutMs", options.pingTimeoutMs ?? 5000, 1, 86400000);
    // Nothing is sent while CONNACK or PINGRESP is awaited, which must not last longer than the keep alive
    // [MQTT-3.1.2-23].
    const keepAlive = seconds * 1000;
    if (seconds > 0 && keepAlive < words[2]) words[2] = keepAlive;
    if (seconds > 0 && keepAlive < words[3]) words[3] = keepAlive;
    this.ackTimeoutMs = checkWhole("ackTimeoutMs", options.ackTimeoutMs ?? 10000, 1, 86400000);
    // PINGREQ goes up to 2 s before the keep alive is over, so that the link's delay does not make it late.
    words[4] = keepAlive - (seconds < 8 ? seconds * 250 : 2000);
    words[6] = options.stream === true ? -1 : receive;
    words[7] = most;
    words[13] = inFlight;
    words[14] = -1;
    words[8] = words[1] as number;
    words[20] = room;
    words[22] = options.clean ? 1 : 0;
    words[24] = options.previews === false ? 1 : 0;
    words[28] = send;
    words[30] = options.pipeline === true ? 1 : 0;
  }

  /** CONNACK has accepted and nothing has ended the connection since. */
  get connected(): boolean {
    return this.state === 3;
  }

  /** What the last CONNACK of this connection said. */
  get sessionPresent(): boolean {
    return (this.words[19] as number) > 1;
  }

  /** Whether {@link transmit} is to be called as soon as the transport takes bytes. */
  get wantsTransmit(): boolean {
    return wants(this);
  }

  // What the owner asks for.

  /**
   * Restores a QoS 2 message of which an earlier life has seen PUBREC: PUBREL leaves as soon as a connection allows, in
   * the order of the calls. If the server has no session, onDelivered follows. Returns the id or a {@link Refusal};
   * throws for an illegal id and for one in use.
   */
  release(id: number, now: number): number {
    checkFree(this, id, 2);
    if (this.state > 3) return -4;
    if (this.pending === this.words[13]) return -1;
    this.contents.push(null, null);
    // Resumed; phase 4, answer PUBCOMP.
    adopt(this, 0x1470000 | id, 0);
    this.owed += 64;
    const at = rank(this, this.edge - 2);
    if (this.state === 3 && this.words[19] === 1) setPhase(this, at, 7);
    schedule(this, now);
    return id;
  }

  /**
   * Asks for subscriptions: the packet id or a {@link Refusal}. The list must not change before onSubscribed. Throws a
   * TypeError or RangeError for an empty list, an illegal filter or QoS, and a list larger than `budget.send` or longer
   * than 62, of which the answers would not fit.
   */
  subscribe(list: readonly Subscription[], now: number): number {
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
    forget(this, at, this.words[at] as number);
    if (!wants(this)) this.sendBy = null;
    if ((this.owed & 1) !== 0) wake(this, this.instant);
    return true;
  }

  /**
   * Asks for onFlushed(true) once everything accepted so far is acknowledged (QoS 0: has left), onFlushed(false) at the
   * deadline or at the end of the connection. Another flush replaces one that is not yet answered.
   */
  flush(deadlineAt: number, now: number): void {
    const words = this.words;
    words[9] = deadlineAt;
    words[14] = (this.edge - 32) >> 1;
    for (let at = 32; at < this.edge; at += 2) words[at] = (words[at] as number) | 0x2000000;
    if (this.edge === 32) this.owed |= 1;
    wake(this, deadlineAt | 0);
    schedule(this, now);
  }
}

/** SUBSCRIBE (8) or UNSUBSCRIBE (10). */
function request(me: Sender, type: 8 | 10, list: Filters, now: number): number {
  const size = filtersSize(type, list);
  if (size > (me.words[28] as number) || (type === 8 && list.length > 62)) {
    throw new RangeError(`${packetName(type)} takes ${size} bytes; split it or enlarge budget.send`);
  }
  if (me.state !== 3) return me.state < 3 ? -2 : -4;
  if (me.pending === me.words[13]) return -1;
  const id = nextId(me);
  if (id === 0) return -1;
  me.contents.push(list, null);
  adopt(me, 0x100000 | ((type + 1) << 16) | id, size);
  me.owed += 64;
  schedule(me, now);
  return id;
}

/** Misuse: an id that is none, or that is in use [MQTT-2.3.1-2]; or any without QoS. */
export function checkFree(me: Sender, id: number, qos: number): void {
  if (qos === 0) throw new TypeError("QoS 0 has no packet id; leave it out [MQTT-2.3.1-5]");
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
    const at = (now + me.ackTimeoutMs) | 0;
    me.sendBy = at;
    wake(me, at);
  }
  if ((me.owed & 1) !== 0) wake(me, me.instant);
}

/** Whether `transmit` is to be called as soon as the transport takes bytes. */
export function wants(me: Sender): boolean {
  const owed = me.owed;
  if ((owed & 16) !== 0) return true;
  if ((owed & ~32) === 0 || me.state < 2) return false;
  // After DISCONNECT (5) nothing may follow [MQTT-3.14.4-2]. Entries wait for CONNACK, if not for more.
  if ((owed & 15) !== 0 || me.state > 3) return me.state < 5 || (owed & 1) !== 0;
  return (me.words[19] as number) > 0 || me.words[30] === 1;
}

// The bytes.

/**
 * Queues an acknowledgement, behind those that wait. False when it finds no room. Who calls sees to `schedule`, if it
 * does not leave at once.
 */
export function acknowledge(me: Sender, type: number, id: number): boolean {
  const output = me.bytes;
  let end = me.end;
  if (me.owed === 0) {
    end = me.words[20] as number;
    me.start = end;
  } else {
    if (me.leaving === 14 || me.state === 5) return true;
    // While a message is leaving, some room stays for its payload.
    if ((me.words[28] as number) - end + me.start < (me.leaving === 0 ? 4 : 20)) return false;
    if (end + 4 > output.length) {
      compact(me);
      end = me.end;
    }
  }
  me.end = encodeAck(output, end, type, id);
  me.owed |= 16;
  return true;
}

/** Moves what waits to the front. */
function compact(me: Sender): void {
  const words = me.words;
  const base = words[20] as number;
  const start = me.start;
  if (start > base && me.end > start) me.bytes.copyWithin(base, start, me.end);
  words[29] = (words[29] as number) - (start - base);
  me.end -= start - base;
  me.start = base;
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
  const isPingDue = (me.owed & 2) !== 0;
  if (me.owed > 63 && ((words[19] as number) > 0 || words[30] === 1)) {
    const edge = me.edge;
    for (let at = 32; at < edge; at += 2) {
      const phase = ((words[at] as number) >> 20) & 7;
      if (phase === 4) return at;
      if (phase === 1) return state === 4 ? -14 : isPingDue ? -12 : at;
    }
  }
  return state === 4 ? -14 : isPingDue ? -12 : 0;
}

/**
 * Puts at most `limit` bytes together and returns how many: bytes[at, at + count), which are then as good as sent.
 * What was put together by the call before is gone. With `single` nothing follows a packet larger than PUBREL. Throws
 * what a payload source throws.
 */
export function fill(me: Sender, limit: number, single: boolean): number {
  const output = me.bytes;
  const words = me.words;
  let at = me.start;
  let edge = me.end;
  let leaving = me.leaving;
  if (at === edge) {
    at = words[20] as number;
    edge = at;
    words[29] = at;
    me.end = at;
  }
  const waiting = edge;
  const most = at + limit;
  if (leaving !== 0) edge = words[29] as number;
  me.at = at;
  if (edge > most) {
    me.start = most;
    return limit;
  }
  me.start = edge;
  if (leaving !== 0) {
    if (edge < waiting) {
      // Acknowledgements wait until the packet is complete: its payload is put behind them, on its way past them.
      if (words[10] === 0) sent(me, 0);
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
      words[29] = next;
      me.end = next;
      me.owed |= 16;
      return limit;
    }
    const isLarge = next > edge + 4;
    edge = putPayload(me, item, next, most < output.length ? most : output.length);
    leaving = edge < 0 ? 1 : me.leaving;
    if (single && isLarge) break;
  }
  // The connection has ended meanwhile.
  if (edge < 0) return 0;
  if (waiting > at) me.owed &= ~16;
  me.start = edge;
  words[29] = edge;
  me.end = edge;
  return edge - at;
}

/** Puts the beginning of a packet at bytes[at…] and returns the offset after it; -1 when it finds no room now. */
function begin(me: Sender, item: number, at: number): number {
  const output = me.bytes;
  const words = me.words;
  words[10] = 0;
  if (item < 0) {
    if (at + 2 > output.length) return -1;
    me.leaving = -item;
    // No longer due, but leaving.
    me.owed = (me.owed & ~6) | 8;
    return encodeAck(output, at, -item, 0);
  }
  const word = words[item] as number;
  const id = word & 0xffff;
  const answer = (word >> 16) & 15;
  const content = me.contents[item - 32];
  let leaving = 6;
  let end = at + 4;
  let isSame = true;
  if (answer === 7) {
    if (end > output.length) return -1;
    encodeAck(output, at, 6, id);
  } else if (answer > 7) {
    end = at + (words[item + 1] as number);
    if (end > output.length) return -1;
    leaving = answer - 1;
    isSame = end === encodeFilters(output, at, leaving, id, content as Filters);
  } else {
    const what = me.contents[item - 31] as Message["payload"];
    const isText = typeof what === "string";
    const payload = isText ? new Uint8Array(ArrayBuffer.fromString(what)) : what;
    const length = payload === undefined ? 0 : payload.length;
    // DUP, QoS and RETAIN.
    const flags = ((word >> 21) & 8) | ((word >> 26) & 1) | (answer === 0 ? 0 : (answer - 3) << 1);
    isSame = isText || length === words[item + 1];
    if (isSame) end = encodePublishHeader(output, at, flags, content as string, length, id);
    if (end < 0) return -1;
    leaving = 3;
    me.payload = payload ?? null;
    words[10] = length;
  }
  if (!isSame) throw new TypeError("changed after it was accepted");
  me.leaving = leaving;
  // From queued to leaving.
  words[item] = (word + 0x100000) | 0x800000;
  me.owed += 8 - 64;
  if (words[19] === 0) words[19] = -1;
  return end;
}

/**
 * Puts payload at bytes[at, end), as much as there is, and returns the offset after it; below 0 when the source has
 * ended the connection. Ends the packet with it. `item` as for {@link sent}.
 */
function putPayload(me: Sender, item: number, at: number, end: number): number {
  const words = me.words;
  const generation = words[16];
  const left = words[10] as number;
  const room = end - at;
  let count = left < room ? left : room;
  if (count > 0) {
    const payload = me.payload as Uint8Array | PayloadSource;
    if (!(payload instanceof Uint8Array)) {
      const { available } = payload;
      if (available !== undefined && available < count) count = available;
      payload.read(payload.length - left, me.bytes, at, count);
    } else if (count === payload.length) me.bytes.set(payload, at);
    else me.bytes.set(payload.subarray(payload.length - left, payload.length - left + count), at);
    if (generation !== words[16]) return -1;
    words[10] = left - count;
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
  let until = (me.instant + me.ackTimeoutMs) | 0;
  me.leaving = 0;
  me.owed &= ~8;
  me.payload = null;
  if (type === 14) {
    me.state = 5;
    me.owed |= 1;
    return;
  }
  if (type === 12) {
    until = (me.instant + (words[3] as number)) | 0;
    words[11] = 3;
    words[12] = until;
  } else {
    let at = item;
    if (at === 0) {
      const phase = type === 6 ? 5 : 2;
      for (at = me.edge - 2; at > 30 && (((words[at] as number) >> 20) & 7) !== phase; ) at -= 2;
      // None when CONNACK has settled the entry while its last bytes were leaving.
      if (at < 32) return;
    }
    const word = words[at] as number;
    const answer = (word >> 16) & 15;
    if (answer === 0) {
      words[25] = (words[25] as number) - 1;
      forget(me, at, word);
      return;
    }
    // From leaving to waiting.
    words[at] = word + 0x100000;
    words[at + 1] = until;
    // The filters have left; how many there were is asked of the answer.
    if (answer > 7) me.contents[at - 32] = (me.contents[at - 32] as Filters).length;
  }
  if (me.dueAt === undefined || ((until - me.dueAt) | 0) < 0) me.dueAt = until;
}
