// How fast the MQTT codec is beside mqtt-packet, the codec of MQTT.js: the same packets, in one run, both ways. Rounds
// of the two alternate, so that a busy machine slows both; the table gives the median round and the ratio. The figures
// say something about this machine's JavaScript engine only: costs on the chip are counted in instructions on XS. What
// our encoders lose on short packets with text is the price of ArrayBuffer.fromString, native on XS and imitated here;
// what our decoder gains on large payloads is that it hands them on in pieces, where they lie, while the other joins
// them.
//
//   npm run bench               the whole table, about twenty seconds
//   npm run bench -- --quick    a short look

import "../host-sim/globals.js";
import type { Packet } from "mqtt-packet";
import mqttPacket from "mqtt-packet";
import type { Inbound } from "../src/mqtt/contract.js";
import { Decoder, decode, reset } from "../src/mqtt/decoder.js";
import type { ConnectFields } from "../src/mqtt/packet.js";
import {
  checkConnect,
  encodeAck,
  encodeConnect,
  encodeFilters,
  encodePublishHeader,
  filtersSize,
  publishHeaderSize,
} from "../src/mqtt/packet.js";
import { checkTopic } from "../src/mqtt/text.js";

interface Case {
  readonly name: string;
  /** What one call of `ours` or `theirs` stands for. */
  readonly packets: number;
  readonly bytes: number;
  /** Both return the bytes or packets they made, which must agree: nobody wins by doing less. */
  readonly ours: () => number;
  readonly theirs: () => number;
}

const quick = process.argv.includes("--quick");
const ROUNDS = quick ? 5 : 15;
const ROUND_MS = quick ? 20 : 40;

const TOPIC = "mresetar/alertbox/5750/alert";
const ALERT = Buffer.from('{"pushes":42,"event":"press","id":"5750-42","vcc":3012}');
const LARGE = Buffer.alloc(16384, "0123456789abcdef");
const TWO_MEGABYTES = Buffer.alloc(2097152, "0123456789abcdef");
const out = new Uint8Array(TWO_MEGABYTES.length + 100);

const connect: ConnectFields = {
  id: "alertbox-5750",
  clean: false,
  keepAliveSeconds: 60,
  user: "user",
  password: "secret",
  will: { topic: "mresetar/alertbox/5750/lwt", payload: '{"state":"lost"}', qos: 1, retain: true },
};
const subscriptions = [
  { topic: "mresetar/alertbox/5750/cmd/led", qos: 1 },
  { topic: "mresetar/alertbox/5750/cmd/config", qos: 1 },
  { topic: "mresetar/alertbox/5750/cmd/stay", qos: 1 },
] as const;

function encodeCase(name: string, packet: Packet, ours: () => number): Case {
  const wanted = mqttPacket.generate(packet);
  const written = ours();
  if (Buffer.compare(out.subarray(0, written), wanted) !== 0)
    throw new Error(`${name}: the two codecs write other bytes`);
  return { name, packets: 1, bytes: wanted.length, ours, theirs: () => mqttPacket.generate(packet).length };
}

function encodePublish(payload: Buffer): Case {
  return encodeCase(
    `encode PUBLISH QoS 2, ${payload.length} B`,
    { cmd: "publish", topic: TOPIC, payload, qos: 2, messageId: 4660, retain: false, dup: false },
    () => {
      // The topic is checked each time, as the session does for each message.
      const topicBytes = checkTopic(TOPIC, false);
      publishHeaderSize(topicBytes, 2, payload.length);
      const end = encodePublishHeader(out, 0, 4, TOPIC, payload.length, 4660);
      out.set(payload, end);
      return end + payload.length;
    },
  );
}

/** Counts what arrives, in a buffer as large as a segment. */
class Counter extends Decoder {
  packets = 0;

  constructor() {
    super(new ArrayBuffer(1600 + 84), 1600, 21);
    this.words[20] = 1600;
    this.words[7] = 128;
    reset(this, false);
  }

  onPacket(): void {
    this.packets += 1;
  }

  onPublish(): number {
    return 0;
  }

  onPayload(_message: Inbound, last: boolean): void {
    if (last) this.packets += 1;
  }

  onMalformed(detail: string): void {
    throw new Error(detail);
  }

  /** What a socket does: the bytes are put into the decoder's own buffer. */
  receive(stream: Uint8Array, start: number, end: number): void {
    this.bytes.set(stream.subarray(start, end), this.held);
    decode(this, end - start);
  }
}

function decodeCase(name: string, packets: readonly Packet[], fragment: number): Case {
  const stream = Buffer.concat(packets.map((packet) => mqttPacket.generate(packet)));
  const counter = new Counter();
  const parser = mqttPacket.parser();
  let parsed = 0;
  parser.on("packet", () => {
    parsed += 1;
  });
  parser.on("error", (error: Error) => {
    throw error;
  });
  return {
    name,
    packets: packets.length,
    bytes: stream.length,
    ours: () => {
      const before = counter.packets;
      for (let at = 0; at < stream.length; at += fragment) {
        counter.receive(stream, at, Math.min(at + fragment, stream.length));
      }
      return counter.packets - before;
    },
    theirs: () => {
      const before = parsed;
      for (let at = 0; at < stream.length; at += fragment) parser.parse(stream.subarray(at, at + fragment));
      return parsed - before;
    },
  };
}

function publish(payload: Buffer, messageId: number): Packet {
  return { cmd: "publish", topic: TOPIC, payload, qos: 2, messageId, retain: false, dup: false };
}

function cases(): Case[] {
  const acks = Array.from({ length: 100 }, (_, at): Packet => ({ cmd: "puback", messageId: at + 1 }));
  const alerts = Array.from({ length: 100 }, (_, at) => publish(ALERT, at + 1));
  // The session checks what CONNECT will say once, when it is made, and encodes it for each connection.
  checkConnect(connect);
  return [
    encodeCase(
      "encode CONNECT, will, user, password",
      {
        cmd: "connect",
        clientId: connect.id,
        clean: false,
        keepalive: 60,
        username: "user",
        password: Buffer.from("secret"),
        will: { topic: "mresetar/alertbox/5750/lwt", payload: '{"state":"lost"}', qos: 1, retain: true },
      },
      () => encodeConnect(out, 0, connect),
    ),
    encodePublish(ALERT),
    encodePublish(LARGE),
    encodePublish(TWO_MEGABYTES),
    encodeCase("encode PUBREL", { cmd: "pubrel", messageId: 4660 }, () => encodeAck(out, 0, 6, 4660)),
    encodeCase(
      "encode SUBSCRIBE, 3 filters",
      {
        cmd: "subscribe",
        messageId: 7,
        subscriptions: subscriptions.map(({ topic, qos }) => ({ topic, qos })),
      },
      () => {
        filtersSize(8, subscriptions);
        return encodeFilters(out, 0, 8, 7, subscriptions);
      },
    ),
    decodeCase("decode 100 PUBACK, 1460 B fragments", acks, 1460),
    decodeCase("decode 100 PUBACK, 1 B fragments", acks, 1),
    decodeCase(`decode 100 PUBLISH of ${ALERT.length} B, 1460 B fragments`, alerts, 1460),
    decodeCase(`decode 100 PUBLISH of ${ALERT.length} B, 1 B fragments`, alerts, 1),
    decodeCase("decode PUBLISH of 16384 B, 1460 B fragments", [publish(LARGE, 1)], 1460),
    decodeCase("decode PUBLISH of 2 MiB, 1460 B fragments", [publish(TWO_MEGABYTES, 1)], 1460),
  ];
}

/** Seconds that one call takes, measured over about `ROUND_MS`. What each call made is counted, so that none is left out. */
function round(call: () => number, calls: number): number {
  const each = call();
  let made = 0;
  const start = process.hrtime.bigint();
  for (let count = 0; count < calls; count += 1) made += call();
  const seconds = Number(process.hrtime.bigint() - start) / 1e9 / calls;
  if (made !== each * calls) throw new Error(`${calls} calls made ${made} bytes or packets, not ${each * calls}`);
  return seconds;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] as number;
}

/** How many calls fill a round; doubles as warm-up. */
function calibrate(call: () => number): number {
  let calls = 1;
  for (;;) {
    const seconds = round(call, calls) * calls;
    if (seconds * 1000 > ROUND_MS / 2) return Math.max(1, Math.round((calls * ROUND_MS) / 1000 / seconds));
    calls *= 2;
  }
}

function rate(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(0)} k` : value.toFixed(0);
}

function print(cells: readonly string[]): void {
  console.log(cells.map((cell, at) => (at === 0 ? cell.padEnd(46) : cell.padStart(13))).join(""));
}

print(["", "packets/s", "packets/s", "MB/s", "MB/s", "ours /"]);
print([`median of ${ROUNDS} rounds`, "ours", "mqtt-packet", "ours", "mqtt-packet", "mqtt-packet"]);
for (const { name, packets, bytes, ours, theirs } of cases()) {
  if (ours() !== theirs()) throw new Error(`${name}: the two codecs disagree`);
  const ourCalls = calibrate(ours);
  const theirCalls = calibrate(theirs);
  const ourRounds: number[] = [];
  const theirRounds: number[] = [];
  for (let count = 0; count < ROUNDS; count += 1) {
    ourRounds.push(round(ours, ourCalls));
    theirRounds.push(round(theirs, theirCalls));
  }
  const our = median(ourRounds);
  const their = median(theirRounds);
  const figures = [rate(packets / our), rate(packets / their), rate(bytes / our / 1e6), rate(bytes / their / 1e6)];
  print([name, ...figures, `${(their / our).toFixed(1)} x`]);
}
