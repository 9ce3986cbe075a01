import assert from "node:assert/strict";
import { describe, it } from "mocha";
import mqtt from "mqtt-packet";
import { hex, PacketFramer } from "../../host-sim/packet-framer.js";
import { checkPacket, matches } from "../../host-sim/packet-rules.js";

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(" ").filter(Boolean), (digits) => Number.parseInt(digits, 16));
}

/** `10 0c 00 04 4d 51 54 54 04 <flags> 00 00 <rest>` */
function connect(flags: string, ...rest: string[]): string {
  const body = `00 04 4d 51 54 54 04 ${flags} 00 00 ${rest.join(" ")}`;
  return `10 ${hex([bytes(body).byteLength])} ${body}`;
}

describe("checkPacket", () => {
  const wrong: [string, string, string][] = [
    ["MQTT-4.8.0-1", "type 0", "00 00"],
    ["MQTT-4.8.0-1", "type 15", "f0 00"],
    ["MQTT-4.8.0-1", "CONNACK from a client", "20 02 00 00"],
    ["MQTT-4.8.0-1", "SUBACK from a client", "90 03 00 01 00"],
    ["MQTT-4.8.0-1", "UNSUBACK from a client", "b0 02 00 01"],
    ["MQTT-4.8.0-1", "PINGRESP from a client", "d0 00"],
    ["MQTT-2.2.2-1", "flags of CONNECT", `11 ${connect("02", "00 00").slice(3)}`],
    ["MQTT-2.2.2-1", "flags of PUBACK", "41 02 00 01"],
    ["MQTT-2.2.2-1", "flags of PUBREC", "52 02 00 01"],
    ["MQTT-3.6.1-1", "flags of PUBREL", "60 02 00 01"],
    ["MQTT-3.6.1-1", "DUP of PUBREL", "6a 02 00 01"],
    ["MQTT-2.2.2-1", "flags of PUBCOMP", "74 02 00 01"],
    ["MQTT-3.8.1-1", "flags of SUBSCRIBE", "80 06 00 01 00 01 61 00"],
    ["MQTT-3.10.1-1", "flags of UNSUBSCRIBE", "a0 05 00 01 00 01 61"],
    ["MQTT-2.2.2-1", "flags of PINGREQ", "c1 00"],
    ["MQTT-3.14.1-1", "flags of DISCONNECT", "e8 00"],
    ["MQTT-4.8.0-1", "PINGREQ with a body", "c0 01 00"],
    ["MQTT-4.8.0-1", "DISCONNECT with a body", "e0 01 00"],
    ["MQTT-4.8.0-1", "PUBACK of 1 byte", "40 01 01"],
    ["MQTT-4.8.0-1", "PUBREL of 3 bytes", "62 03 00 01 00"],
    ["MQTT-2.3.1-6", "PUBACK 0", "40 02 00 00"],
    ["MQTT-3.1.2-1", "protocol name MQIsdp", "10 0e 00 06 4d 51 49 73 64 70 03 02 00 00 00 00"],
    ["MQTT-3.1.2-1", "protocol name cut off", "10 04 00 04 4d 51"],
    ["MQTT-3.1.2-2", "protocol level 5", "10 0d 00 04 4d 51 54 54 05 02 00 00 00 00 00"],
    ["MQTT-4.8.0-1", "CONNECT without keep-alive", "10 08 00 04 4d 51 54 54 04 02"],
    ["MQTT-3.1.2-3", "reserved flag", connect("03", "00 00")],
    ["MQTT-3.1.2-14", "will QoS 3", connect("1e", "00 00 00 01 61 00 00")],
    ["MQTT-3.1.2-13", "QoS without a will", connect("0a", "00 00")],
    ["MQTT-3.1.2-15", "retain without a will", connect("22", "00 00")],
    ["MQTT-3.1.2-22", "password without user", connect("42", "00 00 00 01 61")],
    ["MQTT-3.1.3-3", "no client id", connect("02")],
    ["MQTT-3.1.3-4", "client id that is not UTF-8", connect("02", "00 01 ff")],
    ["MQTT-3.1.3-7", "empty client id with clean = 0", connect("00", "00 00")],
    ["MQTT-3.1.2-9", "will without message", connect("06", "00 00 00 01 61")],
    ["MQTT-3.1.3-10", "will topic that is not UTF-8", connect("06", "00 00 00 03 ed a0 80 00 00")],
    ["MQTT-4.7.1-1", "will topic with a wildcard", connect("06", "00 00 00 01 2b 00 00")],
    ["MQTT-4.7.3-1", "empty will topic", connect("06", "00 00 00 00 00 00")],
    ["MQTT-3.1.2-19", "no user name", connect("82", "00 00")],
    ["MQTT-3.1.3-11", "user name that is not UTF-8", connect("82", "00 00 00 02 c0 af")],
    ["MQTT-1.5.3-2", "user name with U+0000", connect("82", "00 00 00 01 00")],
    ["MQTT-3.1.2-21", "no password", connect("c2", "00 00 00 01 61")],
    ["MQTT-3.1.3-1", "something behind the payload", connect("02", "00 00 00")],
    ["MQTT-3.3.1-4", "QoS 3", "36 05 00 01 61 00 01"],
    ["MQTT-3.3.1-2", "DUP with QoS 0", "38 03 00 01 61"],
    ["MQTT-3.3.2-1", "topic name longer than the packet", "30 03 00 05 61"],
    ["MQTT-1.5.3-1", "topic name cut inside a character", "30 04 00 02 e2 82"],
    ["MQTT-1.5.3-2", "topic name with U+0000", "30 05 00 03 61 00 62"],
    ["MQTT-4.7.3-1", "empty topic name", "30 02 00 00"],
    ["MQTT-3.3.2-2", "# in a topic name", "30 05 00 03 61 2f 23"],
    ["MQTT-3.3.2-2", "+ in a topic name", "30 03 00 01 2b"],
    ["MQTT-2.3.1-1", "PUBLISH 0", "32 05 00 01 61 00 00"],
    ["MQTT-2.3.1-1", "PUBLISH without an id", "34 03 00 01 61"],
    ["MQTT-2.3.1-1", "SUBSCRIBE 0", "82 06 00 00 00 01 61 00"],
    ["MQTT-2.3.1-1", "UNSUBSCRIBE 0", "a2 05 00 00 00 01 61"],
    ["MQTT-3.8.3-3", "SUBSCRIBE without a filter", "82 02 00 01"],
    ["MQTT-3.8.3-3", "SUBSCRIBE without a QoS", "82 05 00 01 00 01 61"],
    ["MQTT-3.8.3-4", "QoS 3 requested", "82 06 00 01 00 01 61 03"],
    ["MQTT-3.8.3-4", "reserved bits of the requested QoS", "82 06 00 01 00 01 61 04"],
    ["MQTT-3.8.3-1", "filter that is not UTF-8", "82 06 00 01 00 01 ff 00"],
    ["MQTT-4.8.0-1", "filter cut off", "82 05 00 01 00 09 61"],
    ["MQTT-3.10.3-2", "UNSUBSCRIBE without a filter", "a2 02 00 01"],
    ["MQTT-3.10.3-1", "filter of UNSUBSCRIBE that is not UTF-8", "a2 05 00 01 00 01 ff"],
    ["MQTT-4.7.3-1", "empty filter", "82 05 00 01 00 00 00"],
    ["MQTT-4.7.1-2", "a# as a filter", "82 07 00 01 00 02 61 23 00"],
    ["MQTT-4.7.1-2", "#/a as a filter", "82 08 00 01 00 03 23 2f 61 00"],
    ["MQTT-4.7.1-3", "a+ as a filter", "82 07 00 01 00 02 61 2b 00"],
  ];
  for (const [statement, name, packet] of wrong) {
    it(`${statement}: ${name}`, () => {
      const found = checkPacket(bytes(packet)).map((breach) => breach.statement);
      assert.ok(found.includes(statement), `found ${found.join(", ") || "nothing"}`);
    });
  }

  it("finds nothing in what mqtt-packet writes", () => {
    const right: mqtt.Packet[] = [
      { cmd: "connect", protocolId: "MQTT", clientId: "", clean: true, keepalive: 65_535 },
      {
        cmd: "connect",
        protocolId: "MQTT",
        clientId: "čvrči",
        clean: false,
        keepalive: 0,
        username: "",
        password: Buffer.from([0, 255]),
        will: { topic: "w", payload: Buffer.alloc(0), qos: 2, retain: true },
      },
      { cmd: "publish", topic: "/", payload: "", qos: 0, dup: false, retain: true },
      {
        cmd: "publish",
        topic: "\ufeffa",
        payload: Buffer.alloc(200),
        qos: 2,
        dup: true,
        retain: true,
        messageId: 65_535,
      },
      { cmd: "puback", messageId: 1 },
      { cmd: "pubrec", messageId: 256 },
      { cmd: "pubrel", messageId: 65_535 },
      { cmd: "pubcomp", messageId: 2 },
      {
        cmd: "subscribe",
        messageId: 1,
        subscriptions: ["#", "+", "a/#", "/+", "+/+/#", "$SYS/#"].map((topic) => ({ topic, qos: 2 })),
      },
      { cmd: "unsubscribe", messageId: 1, unsubscriptions: ["a", "b/+"] },
      { cmd: "pingreq" },
      { cmd: "disconnect" },
    ];
    for (const packet of right) assert.deepEqual(checkPacket(mqtt.generate(packet)), [], JSON.stringify(packet));
  });
});

describe("matches", () => {
  const yes = [
    "# a/b",
    "a/# a",
    "a/# a/b/c",
    "+ a",
    "+/+ /a",
    "/+ /a",
    "a/+/c a/b/c",
    "a//c a//c",
    "a/+/c a//c",
    "$S/# $S/a",
  ];
  const no = ["a a/b", "a/b a", "+ a/b", "a/+ a", "/a a", "A a", "# $S/a", "+/a $S/a"];
  for (const pair of yes) {
    it(pair, () => assert.equal(matches(pair.split(" ")[0] ?? "", pair.split(" ")[1] ?? ""), true));
  }
  for (const pair of no) {
    it(`not ${pair}`, () => assert.equal(matches(pair.split(" ")[0] ?? "", pair.split(" ")[1] ?? ""), false));
  }
  it("not two forms of the same letter", () => assert.equal(matches("\u00e9", "e\u0301"), false));
});

describe("PacketFramer", () => {
  it("cuts a stream into packets, however it is split", () => {
    const stream = bytes("c0 00 30 03 00 01 61 30 80 01");
    const whole = Uint8Array.from([...stream, ...new Uint8Array(128), 0xe0, 0]);
    for (const step of [1, 2, 3, 5, 64, 1000]) {
      const framer = new PacketFramer();
      const lengths: number[] = [];
      for (let offset = 0; offset < whole.byteLength; offset += step) {
        const packets = framer.feed(whole.subarray(offset, offset + step), () => assert.fail());
        lengths.push(...packets.map((packet) => packet.byteLength));
      }
      assert.deepEqual(lengths, [2, 5, 131, 2]);
      assert.equal(framer.pending, 0);
    }
  });

  it("takes remaining lengths of one to four bytes, and says once that five are too many", () => {
    const framer = new PacketFramer();
    assert.deepEqual(
      framer.feed(bytes("30 80 80 00 30 81 80 80 00 00"), () => assert.fail()).map((each) => each.byteLength),
      [4, 6],
    );
    const details: string[] = [];
    framer.feed(bytes("30 ff ff ff"), (detail) => details.push(detail));
    assert.equal(details.length, 0);
    framer.feed(bytes("ff c0 00"), (detail) => details.push(detail));
    framer.feed(bytes("c0 00"), (detail) => details.push(detail));
    assert.deepEqual(details, ["the remaining length ff ff ff ff has more than four bytes"]);
  });
});
