// Where we and others do not agree on what is valid, and why: the only differences that the fuzzer lets pass. For each
// there is a test that shows it. `applies` looks at the raw bytes by itself and uses no code of either side.

/** Who takes what the other refuses. */
export type Side = "alertbox" | "other";

export interface Difference {
  readonly id: string;
  readonly accepts: Side;
  readonly why: string;
  /** The normative statement or section that decides, "" where it is our own limit. */
  readonly statement: string;
}

export interface PacketDifference extends Difference {
  /** Whether it is about this packet: its first byte, its body, and whether all of the body was there. */
  applies(first: number, body: Uint8Array, isWhole: boolean): boolean;
}

export interface JsonDifference extends Difference {
  /** Whether it is about this text; `bytes` are what the text was made of. */
  applies(text: string | undefined, bytes: Uint8Array): boolean;
}

/** Where a PUBLISH's topic ends; beyond the body when it does. */
function topicEnd(body: Uint8Array): number {
  return body.length < 2 ? 2 : 2 + (((body[0] as number) << 8) | (body[1] as number));
}

function topicOf(body: Uint8Array): Uint8Array {
  return body.subarray(2, topicEnd(body));
}

function isPublish(first: number): boolean {
  return first >> 4 === 3;
}

function qosOf(first: number): number {
  return (first >> 1) & 3;
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK. */
function isAck(first: number): boolean {
  return [4, 5, 6, 7, 11].includes(first >> 4);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    // That is the answer.
    return false;
  }
}

function id(body: Uint8Array, at: number): number {
  return ((body[at] as number) << 8) | (body[at + 1] as number);
}

/** Against mqtt-packet 9, told to read MQTT 3.1.1. The first one that applies explains. */
export const PACKET_DIFFERENCES: readonly PacketDifference[] = Object.freeze([
  {
    id: "client-packet",
    accepts: "other",
    why: "mqtt-packet reads both directions (and AUTH of MQTT 5); only some packets are for a server to send.",
    statement: "MQTT 3.1.1 table 2.1",
    applies: (first: number) => [0, 1, 8, 10, 12, 14, 15].includes(first >> 4),
  },
  {
    id: "dup-with-qos-0",
    accepts: "other",
    why: "mqtt-packet does not look at DUP.",
    statement: "MQTT-3.3.1-2",
    applies: (first: number) => isPublish(first) && qosOf(first) === 0 && (first & 8) !== 0,
  },
  {
    id: "publish-too-short",
    accepts: "other",
    why: "mqtt-packet looks for topic length and id in the bytes that follow the packet.",
    statement: "MQTT-3.3.2-1",
    applies: (first: number, body: Uint8Array, isWhole: boolean) =>
      isPublish(first) && isWhole && topicEnd(body) + (qosOf(first) > 0 ? 2 : 0) > body.length,
  },
  {
    id: "topic-empty",
    accepts: "other",
    why: "mqtt-packet takes a topic of no bytes.",
    statement: "MQTT-4.7.3-1",
    applies: (first: number, body: Uint8Array) => isPublish(first) && body.length >= 2 && topicEnd(body) === 2,
  },
  {
    id: "topic-ill-formed",
    accepts: "other",
    why: "mqtt-packet puts U+FFFD in place of what is no UTF-8.",
    statement: "MQTT-1.5.3-1",
    applies: (first: number, body: Uint8Array) => isPublish(first) && !isUtf8(topicOf(body)),
  },
  {
    id: "topic-with-nul",
    accepts: "other",
    why: "mqtt-packet takes U+0000.",
    statement: "MQTT-1.5.3-2",
    applies: (first: number, body: Uint8Array) => isPublish(first) && topicOf(body).includes(0),
  },
  {
    id: "topic-with-wildcard",
    accepts: "other",
    why: "mqtt-packet does not look for wildcards.",
    statement: "MQTT-3.3.2-2",
    applies: (first: number, body: Uint8Array) =>
      isPublish(first) && (topicOf(body).includes(0x23) || topicOf(body).includes(0x2b)),
  },
  {
    id: "publish-id-0",
    accepts: "other",
    why: "mqtt-packet takes packet id 0.",
    statement: "MQTT-2.3.1-1",
    applies: (first: number, body: Uint8Array) =>
      isPublish(first) && qosOf(first) > 0 && topicEnd(body) + 2 <= body.length && id(body, topicEnd(body)) === 0,
  },
  {
    id: "fixed-length",
    accepts: "other",
    why: "mqtt-packet lets packets of a fixed length be shorter or longer, and reads on in what follows.",
    statement: "MQTT 3.1.1 §3.2.1, §3.4.1 to §3.7.1, §3.11.1, §3.13.1",
    applies: (first: number, body: Uint8Array, isWhole: boolean) =>
      isWhole && (isAck(first) || first >> 4 === 2 || first >> 4 === 13) && body.length !== (first >> 4 === 13 ? 0 : 2),
  },
  {
    id: "ack-id-0",
    accepts: "other",
    why: "mqtt-packet takes packet id 0.",
    statement: "MQTT-2.3.1-1",
    applies: (first: number, body: Uint8Array) =>
      (isAck(first) || first >> 4 === 9) && body.length >= 2 && id(body, 0) === 0,
  },
  {
    id: "suback-without-codes",
    accepts: "other",
    why: "mqtt-packet takes a SUBACK that answers nothing.",
    statement: "MQTT-3.8.4-5",
    applies: (first: number, body: Uint8Array, isWhole: boolean) => first >> 4 === 9 && isWhole && body.length < 3,
  },
  {
    id: "suback-too-long",
    accepts: "other",
    why: "We ask for at most 62 filters in one SUBSCRIBE, so that no answer is longer than the buffer.",
    statement: "MQTT-4.8.0-2",
    applies: (first: number, body: Uint8Array) => first >> 4 === 9 && body.length > 64,
  },
  {
    id: "suback-code",
    accepts: "alertbox",
    why: "Our decoder hands over any code; the session, which knows the request, ends the connection.",
    statement: "MQTT-3.9.3-2",
    applies: (first: number, body: Uint8Array, isWhole: boolean) =>
      first >> 4 === 9 && isWhole && body.subarray(2).some((code) => code > 2 && code !== 128),
  },
]);

/** What follows a comma or opens a text; strings are left out. */
function withoutStrings(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"/gs, '""');
}

function depth(text: string): number {
  let now = 0;
  let most = 0;
  for (const character of withoutStrings(text)) {
    if (character === "{" || character === "[") now += 1;
    else if (character === "}" || character === "]") now -= 1;
    most = Math.max(most, now);
  }
  return most;
}

/** Against JSON.parse of the text that the bytes spell. */
export const JSON_DIFFERENCES: readonly JsonDifference[] = Object.freeze([
  {
    id: "json-too-deep",
    accepts: "other",
    why: "Settings have three levels; four are read, so that a stranger cannot use up the memory.",
    statement: "",
    applies: (text: string | undefined) => text !== undefined && depth(text) > 4,
  },
  {
    id: "json-too-many",
    accepts: "other",
    why: "Settings have some 20 members; 32 commas are read.",
    statement: "",
    applies: (text: string | undefined) => text !== undefined && withoutStrings(text).split(",").length > 33,
  },
  {
    id: "json-proto",
    accepts: "other",
    why: "A member named __proto__ would meet the prototype of an object.",
    statement: "",
    applies: (text: string | undefined) => text !== undefined && /"(?:_|\\u005[fF]){2}[^"]*"\s*:/.test(text),
  },
  {
    id: "json-half-pair",
    accepts: "other",
    why: "UTF-8 cannot spell half of a surrogate pair.",
    statement: "RFC 8259 §8.2",
    applies: (text: string | undefined) => text !== undefined && /\\u[dD][89a-fA-F]/.test(text),
  },
] satisfies JsonDifference[]);
