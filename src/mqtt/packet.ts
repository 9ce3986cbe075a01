// MQTT 3.1.1 control packets on their way out: types, limits, and encoders for everything that a client sends. Encoders
// write into the caller's buffer at `at` and return the offset after the packet; the `…Size` functions say how much
// room that takes. Misuse throws. Inbound bytes are decoder.ts's business; what may be sent when is the session's.

import { checkTopicFilter, checkTopicName } from "./topic.js";
import { utf8Length, utf8Size, writeUtf8 } from "./utf8.js";

/** Control packet types, §2.2.1. The values are those of the fixed header's upper four bits. */
export const PacketType = Object.freeze({
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  PUBREC: 5,
  PUBREL: 6,
  PUBCOMP: 7,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
} as const);

/** Largest remaining length: four bytes of seven bits (§2.2.3). */
export const MAX_REMAINING_LENGTH = 268435455;

/** Largest text or binary field inside a packet, in bytes (§1.5.3). */
const MAX_FIELD_BYTES = 65535;

/** "MQTT" and protocol level 4 are fixed; flags and keep alive complete the variable header of CONNECT (§3.1.2). */
const CONNECT_HEADER_BYTES = 10;

const NAMES = Object.freeze([
  "type 0",
  "CONNECT",
  "CONNACK",
  "PUBLISH",
  "PUBACK",
  "PUBREC",
  "PUBREL",
  "PUBCOMP",
  "SUBSCRIBE",
  "SUBACK",
  "UNSUBSCRIBE",
  "UNSUBACK",
  "PINGREQ",
  "PINGRESP",
  "DISCONNECT",
  "type 15",
] as const);

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
  readonly filter: string;
  readonly qos: 0 | 1 | 2;
}

/** A packet type's name for logs; any number is answered. */
export function packetName(type: number): string {
  return NAMES[type] ?? `type ${type}`;
}

/** Throws a TypeError or RangeError when CONNECT cannot carry these fields. Call it once, before size and encoder. */
export function checkConnect(fields: ConnectFields): void {
  checkText(fields.id, "client id", "MQTT-3.1.3-4");
  checkBoolean(fields.clean, "clean");
  if (fields.id === "" && !fields.clean) {
    throw new TypeError("an empty client id needs clean = true: there is no session to come back to [MQTT-3.1.3-7]");
  }
  const keepAlive = fields.keepAliveSeconds;
  if (!Number.isInteger(keepAlive) || keepAlive < 0 || keepAlive > 65535) {
    throw new RangeError(`keepAliveSeconds is ${keepAlive}; it must be a whole number from 0 (off) to 65535`);
  }
  if (fields.user !== undefined) checkText(fields.user, "user name", "MQTT-3.1.3-11");
  if (fields.password !== undefined) {
    if (fields.user === undefined) throw new TypeError("a password needs a user name [MQTT-3.1.2-22]");
    checkBinary(fields.password, "password");
  }
  const will = fields.will;
  if (will !== undefined) {
    checkTopicName(will.topic);
    checkBinary(will.payload, "will payload");
    checkQos(will.qos, "will QoS", "MQTT-3.1.2-14");
    checkBoolean(will.retain, "will retain");
  }
}

/** Writes CONNECT. The fields must have passed {@link checkConnect}. */
export function encodeConnect(into: Uint8Array, at: number, fields: ConnectFields): number {
  const will = fields.will;
  let flags = fields.clean ? 0x02 : 0;
  if (will !== undefined) flags |= 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0);
  if (fields.password !== undefined) flags |= 0x40;
  if (fields.user !== undefined) flags |= 0x80;

  let end = writeField(into, at + 2, "MQTT");
  into[end] = 4;
  into[end + 1] = flags;
  end = writeUint16(into, end + 2, fields.keepAliveSeconds);
  // The order is fixed [MQTT-3.1.3-1].
  end = writeField(into, end, fields.id);
  if (will !== undefined) {
    end = writeField(into, end, will.topic);
    end = writeField(into, end, will.payload);
  }
  if (fields.user !== undefined) end = writeField(into, end, fields.user);
  if (fields.password !== undefined) end = writeField(into, end, fields.password);
  return closePacket(into, at, PacketType.CONNECT << 4, end);
}

/** Bytes that CONNECT takes, fixed header included. The fields must have passed {@link checkConnect}. */
export function connectSize(fields: ConnectFields): number {
  let length = CONNECT_HEADER_BYTES + fieldSize(fields.id);
  if (fields.will !== undefined) length += fieldSize(fields.will.topic) + fieldSize(fields.will.payload);
  if (fields.user !== undefined) length += fieldSize(fields.user);
  if (fields.password !== undefined) length += fieldSize(fields.password);
  return packetSize(length);
}

/**
 * Bytes of a PUBLISH up to its payload. Throws a RangeError when the payload cannot go into one packet: the limit is
 * 268,435,455 bytes for topic, id and payload together.
 */
export function publishHeaderSize(topicBytes: number, qos: number, payloadLength: number): number {
  checkQos(qos, "QoS", "MQTT-3.3.1-4");
  if (!Number.isInteger(payloadLength) || payloadLength < 0) {
    throw new RangeError(`payload length is ${payloadLength}; it must be a whole number from 0`);
  }
  const header = publishHeaderLength(topicBytes, qos);
  if (header + payloadLength > MAX_REMAINING_LENGTH) {
    throw new RangeError(
      `payload of ${payloadLength} bytes; at most ${MAX_REMAINING_LENGTH - header} fit into one PUBLISH`,
    );
  }
  return 1 + lengthSize(header + payloadLength) + header;
}

/**
 * Writes a PUBLISH up to its payload, of which exactly `payloadLength` bytes must follow. `topicBytes` is what
 * `checkTopicName(topic)` gave. `id` (1..65535) is written for QoS 1 and 2 only [MQTT-2.3.1-5].
 */
export function encodePublishHeader(
  into: Uint8Array,
  at: number,
  topic: string,
  topicBytes: number,
  payloadLength: number,
  qos: number,
  retain: boolean,
  dup: boolean,
  id: number,
): number {
  if (qos > 0) checkId(id);
  else if (dup) throw new TypeError("DUP must be 0 for QoS 0: such a message is never sent again [MQTT-3.3.1-2]");
  const first = (PacketType.PUBLISH << 4) | (dup ? 0x08 : 0) | (qos << 1) | (retain ? 0x01 : 0);
  let end = writeFixedHeader(into, at, first, publishHeaderLength(topicBytes, qos) + payloadLength);
  end = writeUint16(into, end, topicBytes);
  const topicEnd = writeUtf8(into, end, topic);
  if (topicEnd - end !== topicBytes) {
    throw new RangeError(`topicBytes is ${topicBytes}, but the topic has ${topicEnd - end}; use checkTopicName()`);
  }
  return qos > 0 ? writeUint16(into, topicEnd, id) : topicEnd;
}

function publishHeaderLength(topicBytes: number, qos: number): number {
  return 2 + topicBytes + (qos > 0 ? 2 : 0);
}

/** Writes PUBACK, PUBREC, PUBREL or PUBCOMP: always 4 bytes. PUBREL carries the flags 0010 [MQTT-3.6.1-1]. */
export function encodeAck(into: Uint8Array, at: number, type: number, id: number): number {
  if (type < PacketType.PUBACK || type > PacketType.PUBCOMP) {
    throw new TypeError(`${packetName(type)} is not an acknowledgement that a client sends`);
  }
  checkId(id);
  into[at] = (type << 4) | (type === PacketType.PUBREL ? 0x02 : 0);
  into[at + 1] = 2;
  return writeUint16(into, at + 2, id);
}

/**
 * Bytes that a SUBSCRIBE for these filters takes. Throws a TypeError or RangeError for an empty list [MQTT-3.8.3-3], an
 * illegal filter or QoS [MQTT-3.8.3-4].
 */
export function subscribeSize(list: readonly Subscription[]): number {
  if (list.length === 0) throw new TypeError("SUBSCRIBE needs at least one topic filter [MQTT-3.8.3-3]");
  let length = 2;
  for (let index = 0; index < list.length; index += 1) {
    const subscription = list[index] as Subscription;
    checkQos(subscription.qos, "requested QoS", "MQTT-3.8.3-4");
    length += 2 + checkTopicFilter(subscription.filter) + 1;
  }
  return packetSize(length);
}

/** Writes SUBSCRIBE. The list must have passed {@link subscribeSize}. */
export function encodeSubscribe(into: Uint8Array, at: number, id: number, list: readonly Subscription[]): number {
  checkId(id);
  let end = writeUint16(into, at + 2, id);
  for (let index = 0; index < list.length; index += 1) {
    const subscription = list[index] as Subscription;
    end = writeField(into, end, subscription.filter);
    into[end] = subscription.qos;
    end += 1;
  }
  return closePacket(into, at, (PacketType.SUBSCRIBE << 4) | 0x02, end);
}

/** Bytes that an UNSUBSCRIBE takes. Throws for an empty list [MQTT-3.10.3-2] or an illegal filter. */
export function unsubscribeSize(filters: readonly string[]): number {
  if (filters.length === 0) throw new TypeError("UNSUBSCRIBE needs at least one topic filter [MQTT-3.10.3-2]");
  let length = 2;
  for (let index = 0; index < filters.length; index += 1) length += 2 + checkTopicFilter(filters[index] as string);
  return packetSize(length);
}

/** Writes UNSUBSCRIBE. The list must have passed {@link unsubscribeSize}. */
export function encodeUnsubscribe(into: Uint8Array, at: number, id: number, filters: readonly string[]): number {
  checkId(id);
  let end = writeUint16(into, at + 2, id);
  for (let index = 0; index < filters.length; index += 1) end = writeField(into, end, filters[index] as string);
  return closePacket(into, at, (PacketType.UNSUBSCRIBE << 4) | 0x02, end);
}

/** Writes PINGREQ or DISCONNECT: always 2 bytes. */
export function encodeEmpty(into: Uint8Array, at: number, type: number): number {
  if (type !== PacketType.PINGREQ && type !== PacketType.DISCONNECT) {
    throw new TypeError(`${packetName(type)} is not a packet without body that a client sends`);
  }
  into[at] = type << 4;
  into[at + 1] = 0;
  return at + 2;
}

function packetSize(remainingLength: number): number {
  if (remainingLength > MAX_REMAINING_LENGTH) {
    throw new RangeError(`packet body of ${remainingLength} bytes; at most ${MAX_REMAINING_LENGTH} are possible`);
  }
  return 1 + lengthSize(remainingLength) + remainingLength;
}

/** Bytes that the remaining length itself takes, 1..4. */
function lengthSize(remainingLength: number): number {
  if (remainingLength < 128) return 1;
  if (remainingLength < 16384) return 2;
  return remainingLength < 2097152 ? 3 : 4;
}

function writeFixedHeader(into: Uint8Array, at: number, first: number, remainingLength: number): number {
  into[at] = first;
  let end = at + 1;
  let rest = remainingLength;
  while (rest > 127) {
    into[end] = (rest & 0x7f) | 0x80;
    end += 1;
    rest >>>= 7;
  }
  into[end] = rest;
  return end + 1;
}

/**
 * Puts the fixed header before a body that was written from `at + 2` to `end`, and returns the packet's end. A body too
 * long for one length byte moves up: one native move instead of measuring every text once more, each at the price of a
 * conversion.
 */
function closePacket(into: Uint8Array, at: number, first: number, end: number): number {
  const length = end - at - 2;
  const shift = lengthSize(length) - 1;
  if (shift > 0) into.copyWithin(at + 2 + shift, at + 2, end);
  writeFixedHeader(into, at, first, length);
  return end + shift;
}

function writeUint16(into: Uint8Array, at: number, value: number): number {
  into[at] = value >> 8;
  into[at + 1] = value;
  return at + 2;
}

function fieldSize(value: string | Uint8Array): number {
  return 2 + (typeof value === "string" ? ArrayBuffer.fromString(value).byteLength : value.length);
}

/** Writes a length-prefixed field: text as UTF-8, bytes as they are. */
function writeField(into: Uint8Array, at: number, value: string | Uint8Array): number {
  let end = at + 2;
  if (typeof value === "string") {
    end = writeUtf8(into, end, value);
  } else {
    into.set(value, end);
    end += value.length;
  }
  writeUint16(into, at, end - at - 2);
  return end;
}

function checkText(text: string, what: string, statement: string): void {
  if (typeof text !== "string") throw new TypeError(`${what} must be a string`);
  const length = utf8Length(text);
  if (length < 0) throw new TypeError(`${what} holds U+0000 or a lone surrogate [${statement}, MQTT-1.5.3-2]`);
  checkFieldLength(length, what);
}

function checkBinary(value: string | Uint8Array, what: string): void {
  if (typeof value !== "string" && !(value instanceof Uint8Array)) {
    throw new TypeError(`${what} must be a string or a Uint8Array`);
  }
  const length = typeof value === "string" ? utf8Size(value) : value.length;
  if (length < 0) throw new TypeError(`${what} has no UTF-8 form (a lone surrogate); give it as bytes`);
  checkFieldLength(length, what);
}

function checkFieldLength(length: number, what: string): void {
  if (length > MAX_FIELD_BYTES) throw new RangeError(`${what} has ${length} bytes; at most ${MAX_FIELD_BYTES} fit`);
}

function checkBoolean(value: boolean, what: string): void {
  if (typeof value !== "boolean") throw new TypeError(`${what} must be true or false`);
}

function checkQos(qos: number, what: string, statement: string): void {
  if (qos !== 0 && qos !== 1 && qos !== 2)
    throw new RangeError(`${what} is ${qos}; it must be 0, 1 or 2 [${statement}]`);
}

function checkId(id: number): void {
  if (!Number.isInteger(id) || id < 1 || id > 65535) {
    throw new RangeError(`packet id is ${id}; it must be a whole number from 1 to 65535 [MQTT-2.3.1-1]`);
  }
}
