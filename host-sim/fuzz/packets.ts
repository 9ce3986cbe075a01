// What a broker sends, drawn by chance: legal MQTT 3.1.1 packets one behind the other, some of them odd, and a few that
// an independent implementation has written. Written from the standard; knows nothing of our codec.

import mqttPacket, { type Packet } from "mqtt-packet";
import type { Random } from "../random.js";
import { type Draft, once, oneOf } from "./draft.js";

const encoder = new TextEncoder();

const TOPICS: readonly Uint8Array[] = Object.freeze(
  [
    ...["a", "/", "a/b", "b/cmd/led", "cvrči/cvrčak/na/čvoru", "€/😀", "\ufeffa", "$SYS/x", `long/${"x".repeat(90)}`],
    ...[`ä${"ö".repeat(70)}`, "😀".repeat(20), "a/+", "a/#", "a\0b", "x".repeat(64), "x".repeat(65), "y".repeat(250)],
  ].map((topic) => encoder.encode(topic)),
);

const LEGAL_TOPICS: readonly Uint8Array[] = Object.freeze(
  TOPICS.filter((topic) => !topic.includes(0x23) && !topic.includes(0x2b) && !topic.includes(0)),
);

/** Ill-formed UTF-8, each in one way. */
const ILL_FORMED: readonly Uint8Array[] = Object.freeze(
  ["ff", "c0af", "eda080", "e282", "f4908080", "80", "f5808080", "e08080", "c1bf", "61c2", "f09f98"].map(
    (text) => new Uint8Array(Buffer.from(text, "hex")),
  ),
);

/** What mqtt-packet writes. */
export const PACKETS: readonly Uint8Array[] = Object.freeze(
  (
    [
      { cmd: "connack", returnCode: 0, sessionPresent: true },
      { cmd: "connack", returnCode: 5, sessionPresent: false },
      { cmd: "publish", topic: "a/b", payload: "hello", qos: 0, retain: true, dup: false },
      { cmd: "publish", topic: "a/b", payload: "x".repeat(200), qos: 1, retain: false, dup: true, messageId: 7 },
      { cmd: "publish", topic: "čvor", payload: "", qos: 2, retain: false, dup: false, messageId: 65535 },
      { cmd: "puback", messageId: 1 },
      { cmd: "pubrec", messageId: 2 },
      { cmd: "pubrel", messageId: 7 },
      { cmd: "pubcomp", messageId: 2 },
      { cmd: "suback", messageId: 3, granted: [0, 1, 2, 128] },
      { cmd: "unsuback", messageId: 4, granted: [] },
      { cmd: "pingresp" },
      { cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, clientId: "c", keepalive: 10 },
      { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] },
      { cmd: "disconnect" },
    ] as Packet[]
  ).map((packet) => new Uint8Array(mqttPacket.generate(packet))),
);

/** A remaining length; now and then with a needless byte behind it. */
function putLength(draft: Draft, random: Random, length: number): void {
  let rest = length;
  for (; rest > 127; rest >>>= 7) draft.push(0x80 | rest);
  if (once(random, 60)) {
    draft.push(0x80 | rest);
    // Three bytes are one too many.
    for (let more = random.integer(4); more > 0; more -= 1) draft.push(0x80);
    rest = 0;
  }
  draft.push(rest);
}

function drawId(random: Random): number {
  return once(random, 12) ? oneOf(random, [0, 255, 256, 32768, 32769, 65535]) : 1 + random.integer(4);
}

/** A PUBLISH; a legal one when it is to be, else sometimes with a topic that is none. */
export function putPublish(draft: Draft, random: Random, isLegal = false): void {
  const qos = random.integer(3);
  const dup = qos > 0 ? (once(random, 4) ? 8 : 0) : !isLegal && once(random, 40) ? 8 : 0;
  const isOdd = !isLegal && once(random, 24);
  const topic = isOdd ? oneOf(random, ILL_FORMED) : oneOf(random, isLegal ? LEGAL_TOPICS : TOPICS);
  const length = once(random, 12) ? random.integer(400) : random.integer(16);
  draft.push(0x30 | dup | (qos << 1) | random.integer(2));
  putLength(draft, random, 2 + topic.length + (qos > 0 ? 2 : 0) + length);
  draft.word(topic.length);
  draft.put(topic);
  if (qos > 0) draft.word(drawId(random));
  for (let at = 0; at < length; at += 1) draft.push(0x41 + at);
}

/** One packet, as a server sends it, most of the time. */
export function putServerPacket(draft: Draft, random: Random): void {
  const kind = random.integer(16);
  if (kind < 7) {
    putPublish(draft, random);
    return;
  }
  if (kind < 12) {
    // PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK.
    draft.push(oneOf(random, [0x40, 0x50, 0x62, 0x70, 0xb0]));
    putLength(draft, random, 2);
    draft.word(drawId(random));
    return;
  }
  switch (kind) {
    case 12: {
      const codes = once(random, 20) ? 60 + random.integer(6) : 1 + random.integer(3);
      draft.push(0x90);
      putLength(draft, random, 2 + codes);
      draft.word(drawId(random));
      for (let left = codes; left > 0; left -= 1) draft.push(oneOf(random, [0, 1, 2, 128, 0, 1, 3]));
      return;
    }
    case 13:
      draft.push(0xd0);
      putLength(draft, random, 0);
      return;
    case 14:
      draft.push(0x20);
      putLength(draft, random, 2);
      draft.push(once(random, 8) ? random.integer(256) : random.integer(2));
      draft.push(once(random, 3) ? random.integer(7) : 0);
      return;
    default: {
      // Any header at all.
      const length = random.integer(6);
      draft.push(random.integer(256));
      putLength(draft, random, length);
      draft.noise(random, length);
    }
  }
}
