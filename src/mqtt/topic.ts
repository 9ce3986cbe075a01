// Topic names and topic filters, MQTT 3.1.1 §4.7: which are legal, and which filter matches which name. Outbound text
// is checked with native string methods and misuse throws; inbound bytes are checked in one pass and the fault is
// returned, because a peer's breach never throws. Knows nothing of packets or subscriptions.

import { sequenceLength, utf8Length } from "./utf8.js";

/** Longest topic name or filter in encoded bytes [MQTT-4.7.3-3]. */
const MAX_TOPIC_BYTES = 65535;

/**
 * Checks a topic name that is to be published (or is a will topic) and returns its encoded length in bytes, 1..65535.
 * Throws a TypeError for what is no topic name, a RangeError for one that is too long.
 */
export function checkTopicName(topic: string): number {
  const length = checkTopicText(topic, "topic name");
  if (topic.includes("#") || topic.includes("+")) {
    throw new TypeError(`topic name "${topic}" holds a wildcard; + and # are for filters only [MQTT-3.3.2-2]`);
  }
  return length;
}

/**
 * Checks a topic filter that is to be subscribed or unsubscribed and returns its encoded length in bytes, 1..65535.
 * Throws a TypeError for what is no topic filter, a RangeError for one that is too long.
 */
export function checkTopicFilter(filter: string): number {
  const length = checkTopicText(filter, "topic filter");
  const last = filter.length - 1;
  const hash = filter.indexOf("#");
  if (hash >= 0 && (hash !== last || (hash > 0 && filter.charAt(hash - 1) !== "/"))) {
    throw new TypeError(`topic filter "${filter}": # must be the last character, alone or after / [MQTT-4.7.1-2]`);
  }
  for (let plus = filter.indexOf("+"); plus >= 0; plus = filter.indexOf("+", plus + 1)) {
    const opens = plus === 0 || filter.charAt(plus - 1) === "/";
    const closes = plus === last || filter.charAt(plus + 1) === "/";
    if (!opens || !closes) {
      throw new TypeError(`topic filter "${filter}": + must fill a whole level [MQTT-4.7.1-3]`);
    }
  }
  return length;
}

function checkTopicText(text: string, what: string): number {
  if (typeof text !== "string") throw new TypeError(`${what} must be a string`);
  if (text === "") throw new TypeError(`${what} is empty; it needs at least one character [MQTT-4.7.3-1]`);
  const length = utf8Length(text);
  if (length < 0) {
    throw new TypeError(
      text.includes("\0")
        ? `${what} holds U+0000; leave it out [MQTT-4.7.3-2]`
        : `${what} holds a lone surrogate; it has no UTF-8 form [MQTT-1.5.3-1]`,
    );
  }
  if (length > MAX_TOPIC_BYTES) {
    throw new RangeError(`${what} has ${length} bytes; at most ${MAX_TOPIC_BYTES} are possible [MQTT-4.7.3-3]`);
  }
  return length;
}

/** Whether inbound bytes are a topic name: not empty, well-formed UTF-8, no U+0000, no wildcard. */
export function isTopicName(bytes: Uint8Array, start: number, end: number): boolean {
  return topicNameFault(bytes, start, end) === "";
}

/**
 * The statement, without brackets, that inbound bytes break as a topic name, or "" when they are one. One pass that
 * looks at each byte once: almost all are answered by the first comparison.
 */
export function topicNameFault(bytes: Uint8Array, start: number, end: number): string {
  if (start >= end) return "MQTT-4.7.3-1";
  let at = start;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte < 0x80) {
      // U+0000, "#" (0x23) and "+" (0x2b) all lie below the digits, letters and "/" that topics are made of.
      if (byte < 0x2c) {
        if (byte === 0x23 || byte === 0x2b) return "MQTT-3.3.2-2";
        if (byte === 0) return "MQTT-1.5.3-2";
      }
      at += 1;
    } else {
      const length = sequenceLength(bytes, at, end);
      if (length === 0) return "MQTT-1.5.3-1";
      at += length;
    }
  }
  return "";
}

/**
 * Whether a legal filter matches a legal topic name. Compares as they stand, with no normalisation [MQTT-4.7.3-4]; a
 * filter that opens with a wildcard never matches a name that opens with "$" [MQTT-4.7.2-1]. Both must have passed
 * their check. Costs one short string for each wildcard, not one for each level.
 */
export function matches(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  const hash = filter.endsWith("#");
  if (topic.startsWith("$") && (filter.startsWith("+") || filter === "#")) return false;
  const filterEnd = hash ? filter.length - 1 : filter.length;
  let from = 0;
  let at = 0;
  for (let plus = filter.indexOf("+"); plus >= 0; plus = filter.indexOf("+", from)) {
    const literal = filter.slice(from, plus);
    if (!topic.startsWith(literal, at)) return false;
    const slash = topic.indexOf("/", at + literal.length);
    at = slash < 0 ? topic.length : slash;
    from = plus + 1;
  }
  const tail = filter.slice(from, filterEnd);
  if (!hash) return topic.length === at + tail.length && topic.endsWith(tail);
  // "a/#" is also the filter for "a" itself (§4.7.1.2), so the separator before # may be missing at the end of the
  // name.
  return topic.startsWith(tail, at) || tail === `${topic.slice(at)}/`;
}
