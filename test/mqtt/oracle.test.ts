// Our codec against mqtt-packet, an independent one. Towards us: what mqtt-packet writes, our decoder reads, split at
// every byte boundary. From us: what our encoders write, mqtt-packet's parser reads, and its generator writes the same
// bytes.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Packet } from "mqtt-packet";
import mqttPacket from "mqtt-packet";
import { PacketType } from "../../src/device/mqtt-options.js";
import type { Inbound } from "../../src/mqtt/contract.js";
import type { ConnectFields, Subscription } from "../../src/mqtt/packet.js";
import {
  checkConnect,
  encodeAck,
  encodeConnect,
  encodeFilters,
  encodePublishHeader,
  filtersSize,
  packetName,
  publishHeaderSize,
} from "../../src/mqtt/packet.js";
import { checkTopic } from "../../src/mqtt/text.js";
import { long, veryLong } from "../effort.js";
import { Decoder, feed, Recorder, seeded, toHex } from "./recorder.js";

type Qos = 0 | 1 | 2;

const topics = ["a", "/", "a/b/c", "cvrči/cvrčak/na/čvoru", "€/😀", "\ufeffa", "$SYS/x", `long/${"x".repeat(120)}`];
const ids = [1, 2, 255, 256, 4660, 65534, 65535];

/** Packets from server to client, in mqtt-packet's terms. */
function inbound(): Packet[] {
  const packets: Packet[] = [];
  for (const sessionPresent of [false, true]) packets.push({ cmd: "connack", returnCode: 0, sessionPresent });
  for (const returnCode of [1, 2, 3, 4, 5]) packets.push({ cmd: "connack", returnCode, sessionPresent: false });
  for (const messageId of ids) {
    for (const cmd of ["puback", "pubrec", "pubrel", "pubcomp"] as const) packets.push({ cmd, messageId });
    packets.push({ cmd: "unsuback", messageId, granted: [] });
    packets.push({ cmd: "suback", messageId, granted: [0] });
    packets.push({ cmd: "suback", messageId, granted: [0, 1, 2, 128, 0, 128] });
  }
  packets.push({ cmd: "pingresp" });
  for (const topic of topics) {
    for (const qos of [0, 1, 2] as const) {
      for (const retain of [false, true]) {
        for (const dup of qos === 0 ? [false] : [false, true]) {
          for (const length of [0, 1, 5, 100]) {
            const payload = Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 7) & 0xff));
            const messageId = ids[(topic.length + length) % ids.length] as number;
            packets.push({ cmd: "publish", topic, qos, retain, dup, payload, ...(qos > 0 ? { messageId } : {}) });
          }
        }
      }
    }
  }
  return packets;
}

/** The lines that the recorder must write for a packet. */
function expected(packet: Packet): string[] {
  switch (packet.cmd) {
    case "connack":
      return [`CONNACK flags 0: ${toHex(new Uint8Array([packet.sessionPresent ? 1 : 0, packet.returnCode ?? 0]))}`];
    case "publish": {
      const flags = (packet.dup ? 8 : 0) | (packet.qos << 1) | (packet.retain ? 1 : 0);
      const payload = packet.payload as Buffer;
      const line = `PUBLISH flags ${flags} id ${packet.messageId ?? 0} topic ${packet.topic} length ${payload.length}`;
      const recorder = new Recorder();
      recorder.onPayload({ bytes: payload, start: 0, end: payload.length, offset: 0 } as unknown as Inbound, true);
      return [line, ...recorder.log];
    }
    case "pingresp":
      return ["PINGRESP flags 0:"];
    default: {
      const id = packet.messageId as number;
      const codes = packet.cmd === "suback" ? (packet.granted as number[]) : [];
      const flags = packet.cmd === "pubrel" ? 2 : 0;
      return [`${packet.cmd.toUpperCase()} flags ${flags}: ${toHex(new Uint8Array([id >> 8, id, ...codes]))}`];
    }
  }
}

function parse(bytes: Uint8Array): Packet[] {
  const packets: Packet[] = [];
  const parser = mqttPacket.parser();
  parser.on("packet", (packet: Packet) => packets.push(packet));
  parser.on("error", (error: Error) => {
    throw error;
  });
  assert.equal(parser.parse(Buffer.from(bytes)), 0, "mqtt-packet waits for more bytes");
  return packets;
}

/** mqtt-packet reads one packet from our bytes; `length` is its own note of the remaining length. */
function parseOne(bytes: Uint8Array): Packet {
  const packets = parse(bytes);
  assert.equal(packets.length, 1);
  return packets[0] as Packet;
}

function connectBytes(fields: ConnectFields): Uint8Array {
  const into = new Uint8Array(checkConnect(fields));
  assert.equal(encodeConnect(into, 0, fields), into.length);
  return into;
}

function publishBytes(
  topic: string,
  payload: Uint8Array,
  qos: Qos,
  retain: boolean,
  dup: boolean,
  id: number,
): Uint8Array {
  const topicBytes = checkTopic(topic, false);
  const header = publishHeaderSize(topicBytes, qos, payload.length);
  const into = new Uint8Array(header + payload.length);
  const flags = (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
  assert.equal(encodePublishHeader(into, 0, flags, topic, payload.length, id), header);
  into.set(payload, header);
  return into;
}

/** Equal bytes, with a message that does not print megabytes. */
function assertBytes(actual: Uint8Array, wanted: Uint8Array, what: string): void {
  if (Buffer.compare(actual, wanted) === 0) return;
  assert.fail(`${what}: ${toHex(actual.subarray(0, 80))} instead of ${toHex(wanted.subarray(0, 80))}`);
}

describe("mqtt codec against mqtt-packet", () => {
  describe("from mqtt-packet to our decoder", () => {
    const packets = inbound();

    for (const cmd of new Set(packets.map((packet) => packet.cmd))) {
      const variants = packets.filter((packet) => packet.cmd === cmd);
      const kind = cmd === "publish" ? long : { it };
      kind.it(`${cmd}: ${variants.length} variants, split in two at every byte, and byte by byte`, () => {
        for (const packet of variants) {
          const stream = mqttPacket.generate(packet);
          const lines = expected(packet);
          const recorder = new Recorder();
          const decoder = new Decoder(200, recorder);
          for (let split = 0; split <= stream.length; split += 1) {
            recorder.log.length = 0;
            feed(decoder, stream.subarray(0, split));
            feed(decoder, stream.subarray(split));
            assert.deepEqual(recorder.log, lines, `split at ${split} of ${toHex(stream)}`);
            assert.equal(decoder.partial, false);
          }
          recorder.log.length = 0;
          for (let at = 0; at < stream.length; at += 1) feed(decoder, stream.subarray(at, at + 1));
          assert.deepEqual(recorder.log, lines);
        }
      });
    }

    long.it(
      "all of them in one stream, in fragments of 1, 2, 3, 7, 536, 1460 bytes, of random sizes, and at once",
      () => {
        const stream = Buffer.concat(packets.map((packet) => mqttPacket.generate(packet)));
        const lines = packets.flatMap(expected);
        const random = seeded(5);
        for (const size of [1, 2, 3, 7, 536, 1460, stream.length, 0]) {
          const recorder = new Recorder();
          const decoder = new Decoder(200, recorder);
          for (let at = 0; at < stream.length; ) {
            const count = size === 0 ? 1 + (random() % 40) : size;
            feed(decoder, stream.subarray(at, at + count));
            at += count;
          }
          assert.deepEqual(recorder.log, lines, `in fragments of ${size}`);
        }
      },
    );
  });

  describe("from our encoders to mqtt-packet", () => {
    long.it("CONNECT: every mix of fields", () => {
      let variants = 0;
      const wills = [
        undefined,
        ...[0, 1, 2].flatMap((qos) => [false, true].map((retain) => ({ qos: qos as Qos, retain }))),
      ];
      const payloads = ["", "lost", "čvor", new Uint8Array([0, 255, 128])];
      for (const will of wills) {
        for (const user of [undefined, "", "user", "korisnik čđ"]) {
          for (const password of user === undefined ? [undefined] : [undefined, "", "pass", new Uint8Array([0, 255])]) {
            for (const clean of [true, false]) {
              for (const [id, keepAliveSeconds] of [
                ["a", 0],
                ["alertbox-5750", 60],
                ["č😀", 65535],
                ["", 1],
              ] as const) {
                if (id === "" && !clean) continue;
                const payload = payloads[variants % payloads.length] as string | Uint8Array;
                const topic = topics[variants % topics.length] as string;
                const fields: ConnectFields = {
                  id,
                  clean,
                  keepAliveSeconds,
                  ...(will === undefined ? {} : { will: { ...will, topic, payload } }),
                  ...(user === undefined ? {} : { user }),
                  ...(password === undefined ? {} : { password }),
                };
                checkConnectAgainstOracle(fields);
                variants += 1;
              }
            }
          }
        }
      }
      assert.equal(variants, 7 * 13 * 7);
    });

    long.it("PUBLISH: every mix of topic, QoS, retain, DUP, id and payload", () => {
      for (const topic of topics) {
        for (const qos of [0, 1, 2] as const) {
          for (const retain of [false, true]) {
            for (const dup of qos === 0 ? [false] : [false, true]) {
              for (const id of qos === 0 ? [0] : ids) {
                for (const length of [0, 1, 127, 128]) {
                  const payload = Buffer.alloc(length, "payload");
                  checkPublishAgainstOracle(topic, payload, qos, retain, dup, id);
                }
              }
            }
          }
        }
      }
    });

    veryLong.it("PUBLISH: remaining lengths at the borders of 1, 2, 3 and 4 bytes", () => {
      for (const border of [128, 16384, 2097152]) {
        for (const remaining of [border - 1, border, border + 5]) {
          checkPublishAgainstOracle("a", Buffer.alloc(remaining - 3, "x"), 0, false, false, 0);
          checkPublishAgainstOracle("a", Buffer.alloc(remaining - 5, "x"), 2, true, true, 65535);
        }
      }
    });

    it("PUBACK, PUBREC, PUBREL and PUBCOMP with many ids", () => {
      for (const type of [PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP]) {
        for (const id of ids) {
          const into = new Uint8Array(4);
          assert.equal(encodeAck(into, 0, type, id), 4);
          const cmd = packetName(type).toLowerCase() as "puback" | "pubrec" | "pubrel" | "pubcomp";
          const packet = parseOne(into);
          assert.equal(packet.cmd, cmd);
          assert.equal(packet.messageId, id);
          assertBytes(into, mqttPacket.generate({ cmd, messageId: id }), `${cmd} ${id}`);
        }
      }
    });

    it("SUBSCRIBE and UNSUBSCRIBE with one to many filters", () => {
      const filters = ["#", "+", "a/b", "čvor/+/#", "$SYS/#", "/", "+/+/+", `a/${"x".repeat(200)}`];
      for (let count = 1; count <= filters.length; count += 1) {
        const list: Subscription[] = filters.slice(0, count).map((topic, at) => ({ topic, qos: (at % 3) as Qos }));
        const subscriptions = list.map(({ topic, qos }) => ({ topic, qos }));
        const unsubscriptions = filters.slice(0, count);
        for (const id of ids) {
          const subscribe = new Uint8Array(filtersSize(8, list));
          assert.equal(encodeFilters(subscribe, 0, 8, id, list), subscribe.length);
          const asked = parseOne(subscribe);
          assert.ok(asked.cmd === "subscribe");
          assert.equal(asked.messageId, id);
          assert.deepEqual(asked.subscriptions, subscriptions);
          assertBytes(subscribe, mqttPacket.generate({ cmd: "subscribe", messageId: id, subscriptions }), "SUBSCRIBE");

          const unsubscribe = new Uint8Array(filtersSize(10, unsubscriptions));
          assert.equal(encodeFilters(unsubscribe, 0, 10, id, unsubscriptions), unsubscribe.length);
          const ended = parseOne(unsubscribe);
          assert.ok(ended.cmd === "unsubscribe");
          assert.equal(ended.messageId, id);
          assert.deepEqual(ended.unsubscriptions, unsubscriptions);
          const wanted = mqttPacket.generate({ cmd: "unsubscribe", messageId: id, unsubscriptions });
          assertBytes(unsubscribe, wanted, "UNSUBSCRIBE");
        }
      }
    });

    it("PINGREQ and DISCONNECT", () => {
      for (const [type, cmd] of [
        [PacketType.PINGREQ, "pingreq"],
        [PacketType.DISCONNECT, "disconnect"],
      ] as const) {
        const into = new Uint8Array(2);
        assert.equal(encodeAck(into, 0, type, 0), 2);
        assert.equal(parseOne(into).cmd, cmd);
        assertBytes(into, mqttPacket.generate({ cmd }), cmd);
      }
    });
  });

  describe("breaches that both see", () => {
    it("each first byte with a plausible rest: what mqtt-packet refuses from a server, our decoder refuses", () => {
      let refused = 0;
      for (let first = 0; first < 256; first += 1) {
        // Return codes of SUBACK are the session's to check, which knows what was asked for.
        if (first === 0x90) continue;
        for (const rest of ["020000", "020001", "0100", "00", "03000161", "0500016100ff", "ffffffff01", "0300000100"]) {
          const bytes = Buffer.concat([Buffer.from([first]), Buffer.from(rest, "hex")]);
          let theirs = false;
          const parser = mqttPacket.parser();
          parser.on("error", () => {
            theirs = true;
          });
          parser.parse(bytes);
          const recorder = new Recorder();
          feed(new Decoder(64, recorder), bytes);
          const ours = recorder.log.some((line) => line.startsWith("malformed"));
          if (theirs) refused += 1;
          if (theirs && !ours) assert.fail(`${bytes.toString("hex")} passes here: ${recorder.log.join(" | ")}`);
        }
      }
      assert.ok(refused > 500, `only ${refused} breaches`);
    });
  });
});

function checkConnectAgainstOracle(fields: ConnectFields): void {
  const bytes = connectBytes(fields);
  const packet = parseOne(bytes);
  assert.ok(packet.cmd === "connect");
  assert.equal(packet.protocolId, "MQTT");
  assert.equal(packet.protocolVersion, 4);
  assert.equal(packet.clientId, fields.id);
  assert.equal(packet.clean, fields.clean);
  assert.equal(packet.keepalive, fields.keepAliveSeconds);
  assert.equal(packet.username, fields.user);
  assert.deepEqual(packet.password, fields.password === undefined ? undefined : Buffer.from(fields.password));
  const will = fields.will;
  if (will === undefined) {
    assert.equal(packet.will, undefined);
  } else {
    assert.equal(packet.will?.topic, will.topic);
    assert.equal(packet.will?.qos, will.qos);
    assert.equal(packet.will?.retain, will.retain);
    assert.deepEqual(packet.will?.payload, Buffer.from(will.payload));
  }
}

function checkPublishAgainstOracle(
  topic: string,
  payload: Buffer,
  qos: Qos,
  retain: boolean,
  dup: boolean,
  id: number,
): void {
  const bytes = publishBytes(topic, payload, qos, retain, dup, id);
  const packet = parseOne(bytes);
  assert.ok(packet.cmd === "publish");
  assert.equal(packet.topic, topic);
  assert.equal(packet.qos, qos);
  assert.equal(packet.retain, retain);
  assert.equal(packet.dup, dup);
  assert.equal(packet.messageId, qos === 0 ? undefined : id);
  assertBytes(packet.payload as Buffer, payload, "payload");
  const messageId = qos === 0 ? {} : { messageId: id };
  const wanted = mqttPacket.generate({ cmd: "publish", topic, payload, qos, retain, dup, ...messageId });
  assertBytes(bytes, wanted, `PUBLISH of ${payload.length} bytes`);
}
