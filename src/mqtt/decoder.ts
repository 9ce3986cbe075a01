// MQTT 3.1.1 control packets on their way in. The owner puts bytes, in any fragments, behind those that wait at the
// front of one buffer of fixed size; whole packets, topics and payloads are handed on where they lie there. Checks what
// every packet from a server must obey by itself; what is legal at which moment is the session's to know, which is the
// other half of the same object: on the chip each further object costs. Whatever the peer sends, nothing here throws or
// grows. Packet types are numbers; packet.ts has the table.

import type { Inbound } from "./contract.js";
import { packetName } from "./packet.js";
import { readUtf8, scan } from "./text.js";

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
  /** Bytes of an unfinished packet at the front of `bytes`; below 0 while a fragment is decoded. To be read only. */
  held = 0;
  /**
   * The PUBLISH whose payload is expected. While none of that has come, `offset` is how much is wanted in one piece.
   */
  message: Inbound | null = null;
  /**
   * What the next byte belongs to.
   *
   *   1 head ──PUBLISH──► 2 payload, the piece that is wanted whole ──► 3 payload, the rest ──► 1
   *      │       └──topic too long──► 4 topic ──► 5 id ──► 2
   *      └── any other packet ──► 1
   *   any ──malformed──► 0 ──reset()──► 1
   */
  parsing = 0;

  /** words[20] must be at least 9 more than words[7], and at least 69: a SUBACK of 62 codes. */
  constructor(words: Int32Array, bytes: Uint8Array) {
    this.words = words;
    this.bytes = bytes;
  }

  /** Whether the bytes so far end inside a packet. False after a malformed one. */
  get partial(): boolean {
    return this.held > 0 || this.parsing > 1;
  }

  /** A whole control packet other than PUBLISH. `bytes[start..end)` is its body, after the fixed header. */
  abstract onPacket(type: number, bytes: Uint8Array, start: number, end: number): void;
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

/** Decodes what waits and the `count` bytes that were put behind it. */
export function decode(me: Decoder, count: number): void {
  const bytes = me.bytes;
  const held = me.held;
  const end = held + count;
  if (me.parsing === 0) return;
  let at = 0;
  me.held = -1;
  while (at < end) {
    const next = me.parsing === 1 ? readHead(me, bytes, at, end) : readRest(me, bytes, at, end);
    // Set by reset(): what was going on is over.
    if (me.held >= 0) return;
    if (next === at) break;
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

/** Reads one packet up to a payload and returns the offset after it, or `at` when there is more to come. */
function readHead(me: Decoder, bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at] as number;
  const type = first >> 4;
  const flags = first & 15;
  if (type === 3) {
    if ((flags & 6) === 6) return fail(me, 3, "QoS 3", "3.3.1-4");
    if ((flags & 14) === 8) return fail(me, 3, "QoS 0 with DUP", "3.3.1-2");
  } else if (((0x2af4 >> type) & 1) === 0) {
    // The bits of 0x2af4 are the types that a server sends.
    return fail(me, type, "not for a server to send", "");
  } else if (flags !== (type === 6 ? 2 : 0)) return fail(me, type, `flags ${flags}`, "2.2.2-2");

  let start = at + 1;
  let length = 0;
  let byte: number;
  let shift = 0;
  do {
    // The fourth byte must be the last, so there is no need to wait for a fifth (§2.2.3).
    if (shift === 28) return fail(me, type, "remaining length of more than four bytes", "");
    if (start === end) return at;
    byte = bytes[start] as number;
    start += 1;
    length |= (byte & 127) << shift;
    shift += 7;
  } while (byte > 127);
  if (type === 3) return readTopic(me, bytes, at, start, end, flags, length);

  if (type === 9) {
    if (length < 3) return fail(me, 9, "no return code", "3.8.4-5");
    // As many codes as SUBSCRIBE can have filters.
    if (length > 64) return fail(me, 9, "too long", "4.8.0-2");
  } else if (length !== (type === 13 ? 0 : 2)) return fail(me, type, `${length} bytes`, "");
  if (end - start < length) return at;
  if (type === 2) {
    if ((bytes[start] as number) > 1) return fail(me, 2, "acknowledge flags", "");
  } else if (length > 0 && bytes[start] === 0 && bytes[start + 1] === 0) {
    return fail(me, type, "packet id 0", "2.3.1-1");
  }
  me.onPacket(type, bytes, start, start + length);
  return start + length;
}

/** Topic and id of a PUBLISH whose remaining `length` begins at `start`. */
function readTopic(
  me: Decoder,
  bytes: Uint8Array,
  at: number,
  start: number,
  end: number,
  flags: number,
  length: number,
): number {
  const edge = (flags & 6) === 0 ? 0 : 2;
  if (length < 3 + edge) return fail(me, 3, "no room for topic and id", "3.3.2-1");
  if (end - start < 2) return at;
  const from = start + 2;
  let size = ((bytes[start] as number) << 8) | (bytes[start + 1] as number);
  if (size === 0) return fail(me, 3, "empty topic", "4.7.3-1");
  const rest = length - 2 - size - edge;
  if (rest < 0) return fail(me, 3, "topic beyond the packet", "3.3.2-1");
  const most = me.words[7] as number;
  const skipped = size - most;
  const whole = skipped <= 0;
  if (!whole) size = most;
  let to = from + size;
  if (end - to < (whole ? edge : 0)) return at;
  if (!whole) {
    // Cut between two characters: back to a first byte that wants more bytes after it than there are.
    for (let step = 1; step < 4 && to - step >= from; step += 1) {
      const byte = bytes[from + size - step] as number;
      if (byte >= 256 - (128 >> step)) to = from + size - step;
      if (byte < 0x80 || byte > 0xbf) break;
    }
  }
  let topic = "";
  let statement = "1.5.3-1";
  try {
    topic = readUtf8(bytes, from, to);
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
  if (statement !== "") return fail(me, 3, "no legal topic name", statement);
  const message: Inbound = {
    topic,
    qos: (flags >> 1) & 3,
    retain: (flags & 1) !== 0,
    dup: (flags & 8) !== 0,
    id: 0,
    length: rest,
    offset: 0,
    bytes,
    start: 0,
    end: 0,
    complete: false,
  };
  me.message = message;
  if (whole) return openPayload(me, message, bytes, from + size, true);
  me.parsing = 4;
  me.words[18] = skipped;
  return from + size;
}

/** The id of a PUBLISH is there, if it has one: its payload follows. */
function openPayload(me: Decoder, message: Inbound, bytes: Uint8Array, at: number, whole: boolean): number {
  let start = at;
  if (message.qos > 0) {
    message.id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    if (message.id === 0) return fail(me, 3, "packet id 0", "2.3.1-1");
    start += 2;
  }
  me.words[18] = message.length;
  me.parsing = 2;
  message.offset = me.onPublish(message, whole);
  if (me.held >= 0) return start;
  // An empty payload needs no byte to be there.
  if (message.length === 0) readRest(me, bytes, start, start);
  return start;
}

/** Goes on inside a PUBLISH: its payload, or a topic that is too long. */
function readRest(me: Decoder, bytes: Uint8Array, at: number, end: number): number {
  const message = me.message as Inbound;
  const parsing = me.parsing;
  let count = end - at;
  if (parsing === 5) {
    if (message.qos > 0 && count < 2) return at;
    return openPayload(me, message, bytes, at, false);
  }
  if (parsing === 2) {
    const wanted = message.offset;
    if (count < wanted) return at;
    if (wanted > 0) count = wanted;
    me.parsing = 3;
  }
  const rest = (me.words[18] as number) - count;
  if (rest < 0) count += rest;
  me.words[18] = rest < 0 ? 0 : rest;
  const last = rest <= 0;
  if (parsing === 4) {
    if (last) {
      me.parsing = 5;
      if (message.qos === 0) openPayload(me, message, bytes, at + count, false);
    }
    return at + count;
  }
  message.start = at;
  message.end = at + count;
  message.offset = message.length - (last ? 0 : rest) - count;
  if (last) me.parsing = 1;
  me.onPayload(message, last);
  // Unless the callback has begun another connection.
  if (last && me.message === message) me.message = null;
  return at + count;
}
