// MQTT 3.1.1 control packets on their way out: checks and encoders for everything that a client sends. Encoders write
// into the caller's buffer at `at` and return the offset after the packet. Misuse throws. Inbound bytes are for
// decoder.ts; what may be sent when is the session's business.
//
// Packet types stand as numbers in the code of this folder, for on the chip each named constant costs flash and time
// (§2.2.1; the fixed header's upper four bits):
//    1 CONNECT    2 CONNACK    3 PUBLISH    4 PUBACK     5 PUBREC         6 PUBREL     7 PUBCOMP
//    8 SUBSCRIBE  9 SUBACK    10 UNSUBSCRIBE  11 UNSUBACK  12 PINGREQ  13 PINGRESP  14 DISCONNECT
// The largest remaining length is 268,435,455: four bytes of seven bits (§2.2.3).

import { checkField, checkTopic } from "./text.js";

/** The last will: what the server publishes when the connection ends without DISCONNECT. */
export interface Will {
  readonly topic: string;
  /** 0..65535 bytes. */
  readonly payload: string | Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

/** What CONNECT says. */
export interface ConnectFields {
  /** Client id; "" asks the server to invent one and needs `clean` [MQTT-3.1.3-7]. */
  readonly id: string;
  /** Clean session: both sides forget the old session, and this one at its end. */
  readonly clean: boolean;
  /** 0 (off) .. 65535 seconds. */
  readonly keepAliveSeconds: number;
  readonly user?: string;
  /** Only together with `user` [MQTT-3.1.2-22]; 0..65535 bytes. */
  readonly password?: string | Uint8Array;
  readonly will?: Will;
}

/** One topic filter and the highest QoS wanted for it. */
export interface Subscription {
  /** The filter. */
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
}

/** A packet type's name for logs; any number is answered. */
export function packetName(type: number): string {
  if (type < 1 || type > 14) return `type ${type}`;
  const names =
    "CONNECT,CONNACK,PUBLISH,PUBACK,PUBREC,PUBREL,PUBCOMP,SUBSCRIBE,SUBACK,UNSUBSCRIBE,UNSUBACK,PINGREQ,PINGRESP,DISCONNECT,";
  let at = 0;
  for (let count = type; count > 1; count -= 1) at = names.indexOf(",", at) + 1;
  return names.substring(at, names.indexOf(",", at));
}

/** Returns a whole number from `least` to `most`, throws a RangeError for anything else. */
export function checkWhole(name: string, value: number, least: number, most: number): number {
  if ((value | 0) === value && value >= least && value <= most) return value;
  throw new RangeError(`${name} is ${value}; it must be a whole number from ${least} to ${most}`);
}

/**
 * How many bytes CONNECT takes, fixed header included. Throws a TypeError or RangeError when it cannot carry these
 * fields.
 */
export function checkConnect(fields: ConnectFields): number {
  const will = fields.will;
  // "MQTT", protocol level, flags and keep alive take 10 bytes (§3.1.2), the length of the id 2.
  let size = 12 + checkField(fields.id, "client id", ", MQTT-3.1.3-4");
  if (typeof fields.clean !== "boolean" || (will != null && typeof will.retain !== "boolean")) {
    throw new TypeError("clean and will retain must be true or false");
  }
  checkClean(fields);
  checkWhole("keepAliveSeconds", fields.keepAliveSeconds, 0, 65535);
  if (fields.user != null) size += 2 + checkField(fields.user, "user name", ", MQTT-3.1.3-11");
  if (fields.password != null) {
    if (fields.user == null) throw new TypeError("a password needs a user name [MQTT-3.1.2-22]");
    size += 2 + checkField(fields.password, "password", "");
  }
  if (will != null) {
    size += 4 + checkTopic(will.topic, false) + checkField(will.payload, "will payload", "");
    checkWhole("[MQTT-3.1.2-14] will QoS", will.qos, 0, 2);
  }
  return 1 + lengthSize(size) + size;
}

/** Throws a TypeError for an empty client id in a session that is not clean. */
export function checkClean(fields: ConnectFields): void {
  if (fields.id === "" && !fields.clean) throw new TypeError("an empty client id needs clean = true [MQTT-3.1.3-7]");
}

/** Writes CONNECT. The fields must have passed {@link checkConnect}. */
export function encodeConnect(into: Uint8Array, at: number, fields: ConnectFields): number {
  const will = fields.will;
  let flags = fields.clean ? 0x02 : 0;
  if (will != null) flags |= 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0);
  if (fields.password != null) flags |= 0x40;
  if (fields.user != null) flags |= 0x80;

  let end = writeField(into, at + 2, "MQTT");
  into[end] = 4;
  into[end + 1] = flags;
  into[end + 2] = fields.keepAliveSeconds >> 8;
  into[end + 3] = fields.keepAliveSeconds;
  // The order is fixed [MQTT-3.1.3-1].
  end = writeField(into, end + 4, fields.id);
  if (will != null) end = writeField(into, writeField(into, end, will.topic), will.payload);
  if (fields.user != null) end = writeField(into, end, fields.user);
  if (fields.password != null) end = writeField(into, end, fields.password);
  return closePacket(into, at, 0x10, end);
}

/**
 * Bytes of a PUBLISH up to its payload; more than any buffer has when the payload cannot go into one packet, which
 * holds 268,435,455 bytes of topic, id and payload together.
 */
export function publishHeaderSize(bytes: number, qos: number, body: number): number {
  const size = bytes + (qos > 0 ? 4 : 2);
  const length = size + body;
  return length > 268435455 ? 0x7fffffff : 1 + lengthSize(length) + size;
}

/**
 * Writes a PUBLISH up to its payload, of which exactly `length` bytes must follow; -1 if it finds no room. `flags` are
 * DUP (8), QoS (2, 4) and RETAIN (1). `id`, 1..65535, is written for QoS 1 and 2 only [MQTT-2.3.1-5].
 */
export function encodePublishHeader(
  into: Uint8Array,
  at: number,
  flags: number,
  topic: string,
  length: number,
  id: number,
): number {
  const bytes = new Uint8Array(ArrayBuffer.fromString(topic));
  const size = bytes.length;
  const isNumbered = (flags & 6) !== 0;
  let rest = size + length + (isNumbered ? 4 : 2);
  let end = at + 1;
  into[at] = 0x30 | flags;
  // As in closePacket: a call would cost as much as all of this.
  for (; rest > 127; rest >>>= 7) {
    into[end] = rest | 0x80;
    end += 1;
  }
  into[end] = rest;
  into[end + 1] = size >> 8;
  into[end + 2] = size;
  end += 3;
  if (end + size + (isNumbered ? 2 : 0) > into.length) return -1;
  into.set(bytes, end);
  end += size;
  if (!isNumbered) return end;
  into[end] = id >> 8;
  into[end + 1] = id;
  return end + 2;
}

/**
 * Writes PUBACK, PUBREC, PUBREL or PUBCOMP (4 to 7), 4 bytes, with an `id` from 1 to 65535; or PINGREQ (12) or
 * DISCONNECT (14), 2 bytes. PUBREL carries the flags 0010 [MQTT-3.6.1-1].
 */
export function encodeAck(into: Uint8Array, at: number, type: number, id: number): number {
  into[at] = type === 6 ? 0x62 : type << 4;
  if (type > 7) {
    into[at + 1] = 0;
    return at + 2;
  }
  into[at + 1] = 2;
  into[at + 2] = id >> 8;
  into[at + 3] = id;
  return at + 4;
}

/**
 * Bytes that a SUBSCRIBE (8) for subscriptions or an UNSUBSCRIBE (10) for filters takes. Throws a TypeError or
 * RangeError for an empty list [MQTT-3.8.3-3, MQTT-3.10.3-2], an illegal filter or QoS [MQTT-3.8.3-4].
 */
export function filtersSize(type: 8 | 10, list: readonly (Subscription | string)[]): number {
  let length = 2;
  for (let index = 0; index < list.length; index += 1) {
    let item = list[index] as Subscription | string;
    if (type === 8) {
      checkWhole("[MQTT-3.8.3-4] requested QoS", (item as Subscription).qos, 0, 2);
      item = (item as Subscription).topic;
      length += 1;
    }
    length += 2 + checkTopic(item as string, true);
  }
  if (length === 2) {
    throw new TypeError(`${packetName(type)} needs a topic filter [MQTT-3.8.3-3, MQTT-3.10.3-2]`);
  }
  return 1 + lengthSize(length) + length;
}

/**
 * Writes SUBSCRIBE (8) or UNSUBSCRIBE (10) with an `id` from 1 to 65535. The list must have passed {@link filtersSize}.
 */
export function encodeFilters(
  into: Uint8Array,
  at: number,
  type: number,
  id: number,
  list: readonly (Subscription | string)[],
): number {
  let end = at + 4;
  into[at + 2] = id >> 8;
  into[at + 3] = id;
  for (let index = 0; index < list.length; index += 1) {
    const item = list[index] as Subscription | string;
    if (typeof item === "string") {
      end = writeField(into, end, item);
    } else {
      end = writeField(into, end, item.topic) + 1;
      into[end - 1] = item.qos;
    }
  }
  return closePacket(into, at, (type << 4) | 2, end);
}

/** Bytes that a remaining length itself takes, 1..4. */
function lengthSize(length: number): number {
  return length < 128 ? 1 : length < 16384 ? 2 : length < 2097152 ? 3 : 4;
}

/**
 * Puts the fixed header before a body that was written from `at + 2` to `end`, and returns the packet's end. A body too
 * long for one length byte moves up: one native move instead of measuring every text once more, each at the price of a
 * conversion.
 */
function closePacket(into: Uint8Array, at: number, first: number, end: number): number {
  const start = at + 2;
  const length = end - start;
  const size = lengthSize(length) - 1;
  if (size > 0) into.copyWithin(start + size, start, end);
  into[at] = first;
  let edge = at + 1;
  let rest = length;
  for (; rest > 127; rest >>>= 7) {
    into[edge] = rest | 0x80;
    edge += 1;
  }
  into[edge] = rest;
  return end + size;
}

/** Writes a length-prefixed field: text as UTF-8, bytes as they are. Throws a RangeError when it does not fit. */
export function writeField(into: Uint8Array, at: number, value: string | Uint8Array): number {
  const bytes = typeof value === "string" ? new Uint8Array(ArrayBuffer.fromString(value)) : value;
  const length = bytes.length;
  into[at] = length >> 8;
  into[at + 1] = length;
  into.set(bytes, at + 2);
  return at + 2 + length;
}
