// MQTT 3.1.1 control packets on their way in. The owner puts bytes, in any fragments, behind those that wait at the
// front of one buffer of fixed size; whole packets, topics and payloads are handed on where they lie there. Checks what
// every packet from a server must obey by itself; what is legal at which moment is the session's to know, which is the
// other half of the same object: on the chip each further object costs. Whatever the peer sends, nothing here throws or
// grows. Packet types are numbers; packet.ts has the table.

import { type Inbound, PatternNames } from "./contract.js";
import { packetName } from "./packet.js";
import { type FromArrayBuffer, scan } from "./text.js";

/**
 * Turns bytes in any fragments into calls of its four abstract methods, in the order of the wire. Any of them may call
 * `reset()`: the rest of the fragment is then dropped. They must not throw. Each new connection begins with a reset().
 */
export abstract class Decoder {
  // The engine looks for a field among those of the object, one after the other, in the order in which they were made:
  // what each packet needs comes first, whose ever it is.

  /**
   * Numbers, see in-flight.ts; words[7] is the longest topic handed over, in bytes, and words[18] what is still to come
   * of what `parsing` says.
   */
  readonly words: Int32Array;
  /**
   * What the next byte belongs to.
   *
   *   1 head ──PUBLISH──► 2 payload, the piece that is wanted whole ──► 3 payload, the rest ──► 1
   *      │       └──topic too long──► 4 topic ──► 5 id ──► 2, 6 or 1
   *      └── a whole packet ──► 1                 1, 3 ──the owner wants no more of it──► 6 payload, skipped ──► 1
   *   1 ──one packet is enough for now──► 7 head, in what is held already ──► 1
   *   1 ──some bytes, not enough of them──► 8 head, of which some are held ──► 1
   *   any ──malformed──► 0 ──reset()──► 1
   */
  parsing: number;
  /** Bytes of an unfinished packet at the front of `bytes`; below 0 while a fragment is decoded. To be read only. */
  held: number;
  /** See in-flight.ts: what the session is still to do by itself, 0 when that is nothing. */
  owed: number;
  /** What all views are of; `bytes` is its beginning. A view of a range of it costs half of what `subarray` does. */
  readonly block: ArrayBuffer;
  /** See session.ts. */
  state: number;
  /** See in-flight.ts: where the table ends. */
  edge: number;
  /** Bytes [0, words[20]) take what comes in: the owner puts it there from `held` on. The rest is the sender's. */
  readonly bytes: Uint8Array;
  /** The instant of the call that is running, or of the latest one. */
  instant: number;
  /** The instant of the next tick, or an earlier one. */
  dueAt: number | undefined;
  /** false: the owner wants to hear neither onReceived nor onDelivered. */
  listens: boolean;
  /** See session.ts. */
  handler: unknown;
  /** When the last byte came, and when the last one left. */
  cameAt: number;
  leftAt: number;
  /**
   * A view of words[5]. Four bytes that come alone are an answer, most likely: an owner reads them into this, and one
   * look at the word is one at all of them. The first is the lowest: wherever this runs, numbers are little-endian.
   */
  readonly four: Uint8Array;
  /** See contract.ts. */
  ackTimeoutMs: number;
  /**
   * The PUBLISH that came last on this connection, until the session pings, and whose payload is expected if `parsing`
   * says so. While none of that has come, `offset` is how much is wanted in one piece.
   */
  message: Inbound | null;

  /** words[20] must be at least 9 more than words[7], and at least 69: a SUBACK of 62 codes. */
  constructor(block: ArrayBuffer, bytes: number, words: number) {
    const at = (bytes + 3) & ~3;
    this.words = new Int32Array(block, at, words);
    this.parsing = 0;
    this.held = 0;
    this.owed = 0;
    this.block = block;
    this.state = 0;
    this.edge = 32;
    this.bytes = new Uint8Array(block, 0, bytes);
    this.instant = 0;
    this.dueAt = undefined;
    this.listens = true;
    this.handler = null;
    this.cameAt = 0;
    this.leftAt = 0;
    this.four = new Uint8Array(block, at + 20, 4);
    this.ackTimeoutMs = 0;
    this.message = null;
  }

  /** Whether the bytes so far end inside a packet. False after a malformed one. */
  get partial(): boolean {
    return this.parsing > 1;
  }

  /**
   * A whole control packet other than PUBLISH: its packet id, 0 for PINGRESP, flags and code for CONNACK; what a SUBACK
   * has behind that is `bytes[start..end)`.
   */
  abstract onPacket(type: number, id: number, start: number, end: number): void;
  /**
   * The header of a PUBLISH is complete; `whole` is false when its topic was too long: the message then has only the
   * beginning, cut between two characters. If all of the payload is there, `complete` says so, and it is
   * bytes[message.start..end). Returns how many bytes of payload are wanted in one piece, at most so many as it and the
   * buffer have; the rest comes in pieces. Below 0: it is not wanted, or not any more; if it is not complete, onPayload
   * comes for its end.
   */
  abstract onPublish(message: Inbound, whole: boolean): number;
  /**
   * A piece of that payload, `bytes[message.start..end)` from `offset` on. A payload of no bytes gives one piece. With
   * `skipped` it is the end of one that was not wanted.
   */
  abstract onPayload(message: Inbound, last: boolean, skipped: boolean): void;
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

/**
 * Decodes what waits and the `count` bytes that were put behind it, packet by packet. With `single` it stops behind the
 * first packet that has ended here: `parsing` 7 says that bytes are left, for another call.
 *
 * The way of all that comes in, and therefore straight: an element of an array costs as much as three fields, a call
 * as much as five, and an object as much as thirty.
 */
export function decode(me: Decoder, count: number, single?: boolean): void {
  const bytes = me.bytes;
  const end = me.held + count;
  let parsing = me.parsing;
  if (parsing !== 1) {
    if (parsing === 0) return;
    if (parsing > 6) {
      parsing = 1;
      me.parsing = 1;
    }
  }
  me.held = -1;
  let at = 0;
  // Behind a topic that is too long nothing need follow, neither id nor payload.
  packets: while (at < end || parsing === 5) {
    let next: number;
    if (parsing > 1) next = readRest(me, bytes, at, end);
    else {
      if (single && at > 0) {
        parsing = 7;
        me.parsing = 7;
        break;
      }
      const first = bytes[at] as number;
      const type = first >> 4;
      // The bits of 0x2af4 are the types other than PUBLISH that a server sends.
      if (
        type === 3
          ? (first & 6) === 6 || (first & 14) === 8
          : first !== (type === 6 ? 0x62 : type << 4) || ((0x2af4 >> type) & 1) === 0
      ) {
        refuse(me, first, -1);
        return;
      }
      let start = at + 2;
      if (start > end) break;
      let length = bytes[at + 1] as number;
      if (length > 127) {
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
      }
      if (type === 3) {
        next = readPublish(me, bytes, start, end, first, length);
      } else {
        next = start + length;
        // A SUBACK has as many codes as SUBSCRIBE can have filters.
        if (type === 9 ? length < 3 || length > 64 : length !== (type === 13 ? 0 : 2)) {
          refuse(me, first, length);
          return;
        }
        if (next > end) break;
        const id = length === 0 ? 0 : ((bytes[start] as number) << 8) | (bytes[start + 1] as number);
        if (type === 2 ? id > 511 : id === 0 && type !== 13) {
          fail(me, type, type === 2 ? "acknowledge flags" : "packet id 0", type === 2 ? "" : "2.3.1-1");
          return;
        }
        me.onPacket(type, id, start + 2, next);
        if (me.held >= 0) return;
      }
    }
    if (next <= 0) {
      // After a reset() what was going on is over.
      if (next === 0) return;
      break;
    }
    at = next;
    parsing = me.parsing;
  }
  me.held = end - at;
  if (at === end) return;
  if (at > 0) bytes.copyWithin(0, at, end);
  if (parsing === 1) me.parsing = 8;
}

function fail(me: Decoder, type: number, fault: string, statement: string): number {
  reset(me, true);
  me.onMalformed(`${packetName(type)}: ${fault}`, statement);
  return 0;
}

/** The first byte of a packet is none that a server may send; or, if it is, the `length` that follows. */
function refuse(me: Decoder, first: number, length: number): void {
  const type = first >> 4;
  if (length >= 0) {
    if (type !== 9) fail(me, type, `${length} bytes`, "");
    else if (length < 3) fail(me, 9, "no return code", "3.8.4-5");
    else fail(me, 9, "too long", "4.8.0-2");
  } else if (type === 3) {
    if ((first & 6) === 6) fail(me, 3, "QoS 3", "3.3.1-4");
    else fail(me, 3, "QoS 0 with DUP", "3.3.1-2");
  } else if (((0x2af4 >> type) & 1) === 0) fail(me, type, "not for a server to send", "");
  else fail(me, type, `flags ${first & 15}`, "2.2.2-2");
}

/**
 * A PUBLISH whose remaining `length` begins at `start`: topic and id, or the beginning of a topic that is too long, and
 * then its payload. Returns the offset after what is done with, below 0 when more of the header is to come, 0 after a
 * reset().
 */
function readPublish(
  me: Decoder,
  bytes: Uint8Array,
  start: number,
  end: number,
  first: number,
  length: number,
): number {
  const edge = (first & 6) === 0 ? 0 : 2;
  if (length < 3 + edge) return fail(me, 3, "no room for topic and id", "3.3.2-1");
  const from = start + 2;
  if (from > end) return -1;
  let size = ((bytes[start] as number) << 8) | (bytes[start + 1] as number);
  if (size === 0) return fail(me, 3, "empty topic", "4.7.3-1");
  const rest = length - 2 - size - edge;
  if (rest < 0) return fail(me, 3, "topic beyond the packet", "3.3.2-1");
  const excess = size - (me.words[7] as number);
  let next = from + size + edge;
  let id = 0;
  if (excess > 0) {
    // The id is behind what there is no room for.
    next = from + size - excess;
    if (next > end) return -1;
    size = characterEnd(bytes, from, next) - from;
  } else if (next > end) return -1;
  else if (edge > 0) id = ((bytes[next - 2] as number) << 8) | (bytes[next - 1] as number);
  let topic: string;
  try {
    // As readUtf8 does, without a call and two getters.
    topic = (String.fromArrayBuffer as FromArrayBuffer)(me.block, from, size);
  } catch {
    return refuseTopic(me, "1.5.3-1");
  }
  let message = me.message;
  if (message === null) {
    // The one of this connection: to make it takes as long as to read a packet. The rest is set below.
    message = { __proto__: PatternNames, topic: "", bytes } as unknown as Inbound;
    me.message = message;
  }
  // Most messages have the topic of the one before, which has been looked at.
  if (topic !== message.topic) {
    // As many characters as bytes are ASCII, for the engine takes only what has the form of UTF-8. What it does not
    // look at (surrogates, overlong forms) has to be looked for.
    if (topic.length !== size && scan(bytes, from, from + size) > 3) return refuseTopic(me, "1.5.3-1");
    if (topic.indexOf("\0") >= 0) return refuseTopic(me, "1.5.3-2");
    if (topic.indexOf("+") >= 0 || topic.indexOf("#") >= 0) return refuseTopic(me, "3.3.2-2");
    message.topic = topic;
  }
  const stop = next + rest;
  message.first = first;
  message.start = next;
  message.end = stop;
  message.length = rest;
  message.complete = stop <= end;
  message.id = id;
  message.offset = 0;
  if (excess > 0) {
    me.parsing = 4;
    me.words[18] = excess;
    return next;
  }
  if (edge > 0 && id === 0) return fail(me, 3, "packet id 0", "2.3.1-1");
  const wanted = me.onPublish(message, true);
  if (me.held >= 0) return 0;
  if (wanted >= 0) return openPayload(me, wanted, next, end);
  // The usual case: it is done with, or nobody wants the rest.
  if (stop > end) {
    me.parsing = 6;
    me.words[18] = stop - end;
    return end;
  }
  return stop;
}

function refuseTopic(me: Decoder, statement: string): number {
  return fail(me, 3, "no legal topic name", statement);
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

/** The header of a PUBLISH has been told; its payload begins at `at`, and its owner wants it. */
function openPayload(me: Decoder, wanted: number, at: number, end: number): number {
  const message = me.message as Inbound;
  const length = message.length;
  const stop = at + length;
  if (stop > end || wanted < length) {
    me.parsing = 2;
    message.offset = wanted;
    me.words[18] = length;
    return at;
  }
  me.parsing = 1;
  me.onPayload(message, true, false);
  return me.held < 0 ? stop : 0;
}

/** Goes on inside a PUBLISH: its payload, or what is behind the beginning of a topic that is too long. */
function readRest(me: Decoder, bytes: Uint8Array, at: number, end: number): number {
  const message = me.message as Inbound;
  const parsing = me.parsing;
  let count = end - at;
  if (parsing === 5) {
    const start = (message.first & 6) > 0 ? at + 2 : at;
    if (start > end) return -1;
    if (start > at) {
      message.id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      if (message.id === 0) return fail(me, 3, "packet id 0", "2.3.1-1");
    }
    message.start = start;
    message.end = start + message.length;
    message.complete = message.end <= end;
    const wanted = me.onPublish(message, false);
    if (me.held >= 0) return 0;
    if (wanted >= 0) return openPayload(me, wanted, start, end);
    const stop = start + message.length;
    me.parsing = stop > end ? 6 : 1;
    me.words[18] = stop - end;
    return stop > end ? end : stop;
  }
  if (parsing === 2) {
    const wanted = message.offset;
    if (count < wanted) return -1;
    if (wanted > 0) count = wanted;
    me.parsing = 3;
  }
  const rest = (me.words[18] as number) - count;
  if (rest < 0) count += rest;
  const last = rest <= 0;
  me.words[18] = last ? 0 : rest;
  if (parsing === 4) {
    if (last) me.parsing = 5;
    return at + count;
  }
  message.start = at;
  message.end = at + count;
  message.offset = message.length - (last ? 0 : rest) - count;
  if (last) me.parsing = 1;
  if (last || parsing < 6) me.onPayload(message, last, parsing === 6);
  return me.held < 0 ? at + count : 0;
}
