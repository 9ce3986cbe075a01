// MQTT 3.1.1 control packets on their way in. The owner puts bytes, in any fragments, behind those that wait at the
// front of one buffer of fixed size; whole packets, topics and payloads are handed on where they lie there. Checks what
// every packet from a server must obey by itself; what is legal at which moment is the session's to know, which is the
// other half of the same object: on the chip each further object costs. Whatever the peer sends, nothing here throws or
// grows. Packet types are numbers; packet.ts has the table.

import type { Inbound } from "./contract.js";
import { packetName } from "./packet.js";
import { type FromArrayBuffer, scan } from "./text.js";

/**
 * Turns bytes in any fragments into calls of its four abstract methods, in the order of the wire. Any of them may call
 * `reset()`: the rest of the fragment is then dropped. They must not throw. Each new connection begins with a reset().
 */
export abstract class Decoder {
  /**
   * Numbers, see sender.ts; words[7] is the longest topic handed over, in bytes, and words[18] what is still to come of
   * what `parsing` says.
   */
  readonly words: Int32Array;
  /** Bytes [0, words[20]) take what comes in: the owner puts it there from `held` on. The rest is the sender's. */
  readonly bytes: Uint8Array;
  /** What both are views of; `bytes` is its beginning. A view of a range of it costs half of what `subarray` does. */
  readonly block: ArrayBuffer;
  /** Bytes of an unfinished packet at the front of `bytes`; below 0 while a fragment is decoded. To be read only. */
  held = 0;
  /**
   * What the next byte belongs to.
   *
   *   1 head ──PUBLISH──► 5 id ──► 2 payload, the piece that is wanted whole ──► 3 payload, the rest ──► 1
   *      │       └──topic too long──► 4 topic ──► 5
   *      └── any other packet ──► 1               3 ──the owner wants no more of it──► 6 payload, skipped ──► 1
   *   any ──malformed──► 0 ──reset()──► 1
   */
  parsing = 0;
  /**
   * The PUBLISH whose payload is expected. While none of that has come, `offset` is how much is wanted in one piece.
   */
  message: Inbound | null = null;

  /** words[20] must be at least 9 more than words[7], and at least 69: a SUBACK of 62 codes. */
  constructor(block: ArrayBuffer, bytes: number, words: number) {
    this.words = new Int32Array(block, (bytes + 3) & ~3, words);
    this.bytes = new Uint8Array(block, 0, bytes);
    this.block = block;
  }

  /** Whether the bytes so far end inside a packet. False after a malformed one. */
  get partial(): boolean {
    return this.held > 0 || this.parsing > 1;
  }

  /**
   * A whole control packet other than PUBLISH: its packet id, 0 for PINGRESP, flags and code for CONNACK; what a SUBACK
   * has behind that is `bytes[start..end)`.
   */
  abstract onPacket(type: number, id: number, start: number, end: number): void;
  /**
   * The header of a PUBLISH is complete; `whole` is false when its topic was too long: the message then has only the
   * beginning, cut between two characters. Returns how many bytes of payload are wanted in one piece, at most so many
   * as it and the buffer have; the rest comes in pieces.
   */
  abstract onPublish(message: Inbound, whole: boolean): number;
  /** A piece of that payload, `bytes[message.start..end)` from `offset` on. A payload of no bytes gives one piece. */
  abstract onPayload(message: Inbound, last: boolean): void;
  /**
   * The bytes cannot be a legal packet from a server; all others are ignored until `reset()`. `statement` is the broken
   * normative statement without "MQTT-", "" where the standard's text has none.
   */
  abstract onMalformed(detail: string, statement: string): void;
}

// On the chip the call of a function costs a fraction of a method's: the fields of an object and of its prototypes are
// looked for one after the other.

/** Forgets what was begun: the next byte is the first of a connection; with `stopped` it and all others are ignored. */
export function reset(me: Decoder, stopped: boolean): void {
  me.parsing = stopped ? 0 : 1;
  me.held = 0;
  me.message = null;
}

/** Decodes what waits and the `count` bytes that were put behind it, packet by packet. */
export function decode(me: Decoder, count: number): void {
  const bytes = me.bytes;
  const end = me.held + count;
  if (me.parsing === 0) return;
  // Payload that nobody wants.
  if (me.parsing === 6) {
    const rest = (me.words[18] as number) - count;
    if (rest > 0) {
      me.words[18] = rest;
      return;
    }
  }
  me.held = -1;
  let at = 0;
  // Behind a topic nothing need follow, neither id nor payload.
  packets: while (at < end || me.parsing === 5) {
    let next: number;
    const parsing = me.parsing;
    if (parsing === 5) next = openPayload(me, bytes, at, end);
    else if (parsing > 1) next = readRest(me, at, end);
    else {
      const first = bytes[at] as number;
      const type = first >> 4;
      // The bits of 0x2af4 are the types other than PUBLISH that a server sends.
      if (
        type === 3
          ? (first & 6) === 6 || (first & 14) === 8
          : first !== (type === 6 ? 0x62 : type << 4) || ((0x2af4 >> type) & 1) === 0
      ) {
        refuse(me, first);
        return;
      }
      let start = at + 2;
      if (start > end) break;
      let length = bytes[at + 1] as number;
      for (let shift = 7; length >> shift > 0; shift += 7) {
        // The fourth byte must be the last, so there is no need to wait for a fifth (§2.2.3).
        if (shift === 28) {
          fail(me, type, "remaining length of more than four bytes", "");
          return;
        }
        if (start === end) break packets;
        length = (length & ~(-1 << shift)) | ((bytes[start] as number) << shift);
        start += 1;
      }
      if (type === 3) next = readTopic(me, bytes, start, end, first, length);
      else {
        next = start + length;
        // A SUBACK has as many codes as SUBSCRIBE can have filters.
        if (type === 9 ? length < 3 || length > 64 : length !== (type === 13 ? 0 : 2)) {
          refuseLength(me, type, length);
          return;
        }
        if (next > end) break;
        const id = length === 0 ? 0 : ((bytes[start] as number) << 8) | (bytes[start + 1] as number);
        if (type === 2 ? id > 511 : id === 0 && type !== 13) {
          fail(me, type, type === 2 ? "acknowledge flags" : "packet id 0", type === 2 ? "" : "2.3.1-1");
          return;
        }
        me.onPacket(type, id, start + 2, next);
      }
    }
    // Set by reset(): what was going on is over.
    if (me.held >= 0) return;
    if (next < 0) break;
    at = next;
  }
  if (at > 0 && at < end) bytes.copyWithin(0, at, end);
  me.held = end - at;
}

function fail(me: Decoder, type: number, fault: string, statement: string): number {
  reset(me, true);
  me.onMalformed(`${packetName(type)}: ${fault}`, statement);
  return 0;
}

/** The first byte of a packet is none that a server may send. */
function refuse(me: Decoder, first: number): void {
  const type = first >> 4;
  if (type === 3) {
    if ((first & 6) === 6) fail(me, 3, "QoS 3", "3.3.1-4");
    else fail(me, 3, "QoS 0 with DUP", "3.3.1-2");
  } else if (((0x2af4 >> type) & 1) === 0) fail(me, type, "not for a server to send", "");
  else fail(me, type, `flags ${first & 15}`, "2.2.2-2");
}

function refuseLength(me: Decoder, type: number, length: number): void {
  if (type !== 9) fail(me, type, `${length} bytes`, "");
  else if (length < 3) fail(me, 9, "no return code", "3.8.4-5");
  else fail(me, 9, "too long", "4.8.0-2");
}

/**
 * Topic of a PUBLISH whose remaining `length` begins at `start`. Returns the offset after it, below 0 when there is
 * more to come.
 */
function readTopic(me: Decoder, bytes: Uint8Array, start: number, end: number, first: number, length: number): number {
  const edge = (first & 6) === 0 ? 0 : 2;
  if (length < 3 + edge) return fail(me, 3, "no room for topic and id", "3.3.2-1");
  if (end - start < 2) return -1;
  const from = start + 2;
  const size = ((bytes[start] as number) << 8) | (bytes[start + 1] as number);
  if (size === 0) return fail(me, 3, "empty topic", "4.7.3-1");
  const rest = length - 2 - size - edge;
  if (rest < 0) return fail(me, 3, "topic beyond the packet", "3.3.2-1");
  const most = me.words[7] as number;
  const whole = size <= most;
  const next = whole ? from + size : from + most;
  if (next > end) return -1;
  const topic = textOf(me, bytes, from, whole ? next : characterEnd(bytes, from, next));
  if (me.held >= 0) return 0;
  me.message = {
    topic,
    length: rest,
    qos: (first >> 1) & 3,
    offset: 0,
    id: 0,
    start: 0,
    end: 0,
    // Until the payload comes: whether the topic is all there.
    complete: whole,
    retain: (first & 1) !== 0,
    dup: (first & 8) !== 0,
    bytes,
  };
  me.parsing = whole ? 5 : 4;
  if (!whole) me.words[18] = size - most;
  return next;
}

/** The end of the last whole character in bytes[from, to): a first byte may want more after it than there are. */
function characterEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let step = 1; step < 4 && to - step >= from; step += 1) {
    const byte = bytes[to - step] as number;
    if (byte >= 256 - (128 >> step)) return to - step;
    if (byte < 0x80 || byte > 0xbf) break;
  }
  return to;
}

/** The topic name that bytes[from, to) spell. One that is none ends the connection. */
function textOf(me: Decoder, bytes: Uint8Array, from: number, to: number): string {
  let topic = "";
  let statement = "1.5.3-1";
  try {
    // As readUtf8 does, without a call and two getters.
    topic = (String.fromArrayBuffer as FromArrayBuffer)(me.block, from, to - from);
    // As many characters as bytes are ASCII, for the engine takes only what has the form of UTF-8. What it does not
    // look at (surrogates, overlong forms) has to be looked for.
    if (topic.length === to - from || scan(bytes, from, to) < 4) statement = "";
  } catch {
    // No UTF-8.
  }
  if (statement === "") {
    if (topic.indexOf("\0") >= 0) statement = "1.5.3-2";
    else if (topic.indexOf("+") >= 0 || topic.indexOf("#") >= 0) statement = "3.3.2-2";
  }
  if (statement !== "") fail(me, 3, "no legal topic name", statement);
  return topic;
}

/** The topic of a PUBLISH is there: its id follows, if it has one, and its payload. */
function openPayload(me: Decoder, bytes: Uint8Array, at: number, end: number): number {
  const message = me.message as Inbound;
  const length = message.length;
  const whole = message.complete;
  let start = at;
  if (message.qos > 0) {
    if (end - at < 2) return -1;
    const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    if (id === 0) return fail(me, 3, "packet id 0", "2.3.1-1");
    message.id = id;
    start += 2;
  }
  message.complete = false;
  me.parsing = 2;
  const wanted = me.onPublish(message, whole);
  if (me.held >= 0) return 0;
  const next = start + length;
  if (wanted < length || next > end) {
    message.offset = wanted;
    me.words[18] = length;
    return start;
  }
  // The usual case: all of it is there, and is wanted in one piece.
  message.start = start;
  message.end = next;
  me.parsing = 1;
  me.onPayload(message, true);
  // Unless the callback has begun another connection.
  if (me.message === message) me.message = null;
  return next;
}

/** Goes on inside a PUBLISH: its payload, or a topic that is too long. */
function readRest(me: Decoder, at: number, end: number): number {
  const message = me.message as Inbound;
  const parsing = me.parsing;
  let count = end - at;
  if (parsing === 2) {
    const wanted = message.offset;
    if (count < wanted) return -1;
    if (wanted > 0) count = wanted;
    me.parsing = 3;
  }
  const rest = (me.words[18] as number) - count;
  if (rest < 0) count += rest;
  me.words[18] = rest < 0 ? 0 : rest;
  const last = rest <= 0;
  if (parsing === 4) {
    if (last) me.parsing = 5;
    return at + count;
  }
  message.start = at;
  message.end = at + count;
  message.offset = message.length - (last ? 0 : rest) - count;
  if (last) me.parsing = 1;
  if (last || parsing < 6) me.onPayload(message, last);
  if (last && me.message === message) me.message = null;
  return at + count;
}
