import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { PacketType } from "../../src/device/mqtt-options.js";
import type { ConnectFields, Subscription, Will } from "../../src/mqtt/packet.js";
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
import { long } from "../effort.js";
import { toHex } from "./recorder.js";

const minimal: ConnectFields = { id: "a", clean: true, keepAliveSeconds: 60 };
const will: Will = { topic: "w", payload: "lost", qos: 1, retain: true };

/**
 * Encodes at offset 3 of a larger buffer and shows the bytes. The size function must have promised exactly what was
 * written, and nothing around it may have changed.
 */
function wire(size: number, encode: (into: Uint8Array, at: number) => number): string {
  const into = new Uint8Array(size + 6).fill(0xee);
  const end = encode(into, 3);
  assert.equal(end, 3 + size, "the size function and the encoder disagree");
  assert.equal(toHex(into.subarray(0, 3)), "ee ee ee");
  assert.equal(toHex(into.subarray(end)), "ee ee ee");
  return toHex(into.subarray(3, end));
}

function connect(fields: ConnectFields): string {
  return wire(checkConnect(fields), (into, at) => encodeConnect(into, at, fields));
}

function publishHeader(topic: string, length: number, qos: number, retain = false, dup = false, id = 0): string {
  const topicBytes = checkTopic(topic, false);
  return wire(publishHeaderSize(topicBytes, qos, length), (into, at) =>
    encodePublishHeader(into, at, (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0), topic, length, id),
  );
}

/** The two length bytes before a text. */
function lengthOf(text: string): string {
  return toHex(new Uint8Array([text.length >> 8, text.length]));
}

/** The flags byte of CONNECT. */
function flagsOf(fields: ConnectFields): number {
  return Number.parseInt(connect(fields).split(" ")[9] as string, 16);
}

function misuse(wrong: object, name: "TypeError" | "RangeError", message: RegExp): void {
  assert.throws(() => checkConnect({ ...minimal, ...wrong } as ConnectFields), { name, message });
}

describe("mqtt/packet", () => {
  describe("PacketType", () => {
    it("has the numbers of §2.2.1 and cannot be changed", () => {
      assert.deepEqual(Object.values(PacketType), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
      assert.ok(Object.isFrozen(PacketType));
    });

    it("is named for logs, whatever the number", () => {
      for (const [name, type] of Object.entries(PacketType)) assert.equal(packetName(type), name);
      assert.deepEqual([0, 15, 16, -1].map(packetName), ["type 0", "type 15", "type 16", "type -1"]);
    });
  });

  describe("CONNECT", () => {
    it("opens with MQTT, level 4 and the client id [MQTT-3.1.2-1, -2, MQTT-3.1.3-3]", () => {
      assert.equal(connect(minimal), "10 0d 00 04 4d 51 54 54 04 02 00 3c 00 01 61");
    });

    it("may have an empty client id with clean session [MQTT-3.1.3-3, -6]", () => {
      assert.equal(connect({ ...minimal, id: "" }), "10 0c 00 04 4d 51 54 54 04 02 00 3c 00 00");
    });

    it("orders its fields: id, will topic, will payload, user, password [MQTT-3.1.3-1]", () => {
      const fields = { ...minimal, clean: false, keepAliveSeconds: 258, will, user: "u", password: "p" };
      assert.equal(
        connect(fields),
        "10 1c 00 04 4d 51 54 54 04 ec 01 02 00 01 61 00 01 77 00 04 6c 6f 73 74 00 01 75 00 01 70",
      );
    });

    it("keeps the order in every subset of the optional fields [MQTT-3.1.2-9, -11, -18 to -21]", () => {
      const parts = { will: "00 01 77 00 04 6c 6f 73 74", user: "00 01 75", password: "00 01 70" };
      for (const [useWill, useUser, usePassword] of [
        [false, false, false],
        [true, false, false],
        [false, true, false],
        [true, true, false],
        [false, true, true],
        [true, true, true],
      ]) {
        const bytes = connect({
          ...minimal,
          ...(useWill ? { will } : {}),
          ...(useUser ? { user: "u" } : {}),
          ...(usePassword ? { password: "p" } : {}),
        });
        const tail = [
          "00 01 61",
          ...(useWill ? [parts.will] : []),
          ...(useUser ? [parts.user] : []),
          ...(usePassword ? [parts.password] : []),
        ].join(" ");
        assert.ok(bytes.endsWith(`00 3c ${tail}`), bytes);
      }
    });

    it("sets the flags of the fields that are there and keeps bit 0 clear [MQTT-3.1.2-3, -13 to -22]", () => {
      assert.equal(flagsOf({ ...minimal, clean: false }), 0x00);
      assert.equal(flagsOf(minimal), 0x02);
      assert.equal(flagsOf({ ...minimal, will: { ...will, qos: 0, retain: false } }), 0x06);
      assert.equal(flagsOf({ ...minimal, will: { ...will, qos: 1, retain: false } }), 0x0e);
      assert.equal(flagsOf({ ...minimal, will: { ...will, qos: 2, retain: false } }), 0x16);
      assert.equal(flagsOf({ ...minimal, will: { ...will, qos: 0, retain: true } }), 0x26);
      assert.equal(flagsOf({ ...minimal, user: "" }), 0x82);
      assert.equal(flagsOf({ ...minimal, user: "u", password: "" }), 0xc2);
    });

    it("carries an empty will payload [MQTT-3.1.2-9] and a binary one", () => {
      assert.ok(connect({ ...minimal, will: { ...will, payload: "" } }).endsWith("00 01 77 00 00"));
      const payload = new Uint8Array([0, 0xff, 0xc0]);
      assert.ok(connect({ ...minimal, will: { ...will, payload } }).endsWith("00 01 77 00 03 00 ff c0"));
    });

    it("carries any password unchanged, text with U+0000 or bytes [MQTT-3.1.2-21]", () => {
      assert.ok(connect({ ...minimal, user: "u", password: new Uint8Array([0, 0xff]) }).endsWith("00 02 00 ff"));
      assert.ok(connect({ ...minimal, user: "u", password: "p\0č" }).endsWith("00 04 70 00 c4 8d"));
    });

    it("carries UTF-8 everywhere, counted in bytes", () => {
      const fields = { ...minimal, id: "č", user: "€", will: { ...will, topic: "😀", payload: "č" } };
      assert.equal(
        connect(fields),
        "10 1d 00 04 4d 51 54 54 04 ae 00 3c 00 02 c4 8d 00 04 f0 9f 98 80 00 02 c4 8d 00 03 e2 82 ac",
      );
    });

    it("takes every field at its limit: five of 65,535 bytes, keep alive 65,535 and 0", () => {
      const long = "a".repeat(65535);
      const fields: ConnectFields = {
        id: long,
        clean: false,
        keepAliveSeconds: 65535,
        user: long,
        password: new Uint8Array(65535),
        will: { topic: long, payload: new Uint8Array(65535), qos: 2, retain: true },
      };
      checkConnect(fields);
      const into = new Uint8Array(checkConnect(fields));
      assert.equal(encodeConnect(into, 0, fields), into.length);
      // 10 + 5 × 65,537 = 327,695 takes three bytes of remaining length.
      assert.equal(toHex(into.subarray(0, 16)), "10 8f 80 14 00 04 4d 51 54 54 04 f4 ff ff ff ff");
      assert.ok(connect({ ...minimal, keepAliveSeconds: 0 }).includes(" 02 00 00 00 01"));
    });

    it("is refused with a password but no user name [MQTT-3.1.2-22]", () => {
      misuse({ password: "p" }, "TypeError", /MQTT-3.1.2-22/);
    });

    it("is refused with an empty client id and clean = false [MQTT-3.1.3-7]", () => {
      misuse({ id: "", clean: false }, "TypeError", /MQTT-3.1.3-7/);
    });

    it("is refused with text that is no UTF-8 [MQTT-3.1.3-4, -10, -11] or holds U+0000 [MQTT-1.5.3-2]", () => {
      for (const bad of ["\ud800", "a\0"]) {
        misuse({ id: bad }, "TypeError", /client id.*MQTT-3.1.3-4/);
        misuse({ user: bad }, "TypeError", /user name.*MQTT-3.1.3-11/);
        misuse({ will: { ...will, topic: bad } }, "TypeError", /topic name/);
      }
      misuse({ user: "u", password: "\ud800" }, "TypeError", /password.*lone surrogate/);
      misuse({ will: { ...will, payload: "\udc00" } }, "TypeError", /will payload.*lone surrogate/);
    });

    it("is refused with fields over 65,535 bytes", () => {
      const long = "č".repeat(32768);
      misuse({ id: long }, "RangeError", /client id has 65536 bytes/);
      misuse({ user: long }, "RangeError", /user name/);
      misuse({ user: "u", password: new Uint8Array(65536) }, "RangeError", /password/);
      misuse({ will: { ...will, topic: long } }, "RangeError", /topic name/);
      misuse({ will: { ...will, payload: new Uint8Array(65536) } }, "RangeError", /will payload/);
    });

    it("is refused with a keep alive that is no whole number from 0 to 65,535", () => {
      for (const keepAliveSeconds of [-1, 65536, 1.5, Number.NaN, "60"]) {
        misuse({ keepAliveSeconds }, "RangeError", /keepAliveSeconds/);
      }
    });

    it("is refused with will QoS 3 [MQTT-3.1.2-14] and wildcards in the will topic [MQTT-3.3.2-2]", () => {
      for (const qos of [3, -1, 1.5, "1"]) misuse({ will: { ...will, qos } }, "RangeError", /MQTT-3.1.2-14/);
      for (const topic of ["a/#", "+"]) misuse({ will: { ...will, topic } }, "TypeError", /MQTT-3.3.2-2/);
      misuse({ will: { ...will, topic: "" } }, "TypeError", /MQTT-4.7.3-1/);
    });

    it("is refused with fields of another type", () => {
      misuse({ id: 5 }, "TypeError", /client id must be a string/);
      misuse({ clean: 1 }, "TypeError", /clean and will retain must be true or false/);
      misuse({ user: 5 }, "TypeError", /user name must be a string/);
      misuse({ user: "u", password: 5 }, "TypeError", /password must be a string or a Uint8Array/);
      misuse({ will: { ...will, payload: undefined } }, "TypeError", /will payload must be/);
      misuse({ will: { ...will, retain: 1 } }, "TypeError", /will retain must be/);
    });
  });

  describe("PUBLISH header", () => {
    it("has no packet id with QoS 0 [MQTT-2.3.1-5]", () => {
      assert.equal(publishHeader("a/b", 2, 0), "30 07 00 03 61 2f 62");
      assert.equal(publishHeader("a/b", 2, 0, false, false, 7), "30 07 00 03 61 2f 62");
      assert.equal(publishHeader("a/b", 0, 0, true), "31 05 00 03 61 2f 62");
    });

    it("has QoS, retain, DUP and id with QoS 1 and 2", () => {
      assert.equal(publishHeader("a/b", 2, 1, false, false, 0x1234), "32 09 00 03 61 2f 62 12 34");
      assert.equal(publishHeader("a/b", 2, 1, true, true, 1), "3b 09 00 03 61 2f 62 00 01");
      assert.equal(publishHeader("č", 0, 2, false, false, 65535), "34 06 00 02 c4 8d ff ff");
      assert.equal(publishHeader("č", 0, 2, false, true, 65535), "3c 06 00 02 c4 8d ff ff");
    });

    for (const [remaining, bytes] of [
      [127, "7f"],
      [128, "80 01"],
      [16383, "ff 7f"],
      [16384, "80 80 01"],
      [2097151, "ff ff 7f"],
      [2097152, "80 80 80 01"],
      [268435455, "ff ff ff 7f"],
    ] as const) {
      it(`writes remaining length ${remaining} as ${bytes}`, () => {
        assert.equal(publishHeader("a", remaining - 3, 0), `30 ${bytes} 00 01 61`);
        assert.equal(publishHeader("a", remaining - 5, 1, false, false, 1), `32 ${bytes} 00 01 61 00 01`);
      });
    }

    it("says so when it finds no room", () => {
      const into = new Uint8Array(16);
      assert.equal(encodePublishHeader(into, 11, 0, "a", 127, 0), -1);
      assert.equal(encodePublishHeader(into, 10, 2, "a", 0, 1), -1);
      assert.equal(encodePublishHeader(into, 11, 0, "a", 124, 0), 16);
      assert.equal(encodePublishHeader(into, 9, 2, "a", 0, 1), 16);
    });

    it("refuses a payload that does not fit into one packet", () => {
      assert.equal(publishHeaderSize(1, 0, 268435455 - 3), 8);
      assert.equal(publishHeaderSize(1, 2, 268435455 - 5), 10);
      // The largest buffer there can be has 268,435,455 bytes.
      assert.ok(publishHeaderSize(1, 0, 268435455 - 2) > 268435455);
      assert.ok(publishHeaderSize(1, 2, 268435455 - 4) > 268435455);
    });
  });

  describe("acknowledgements", () => {
    it("repeat the id, and PUBREL has flags 0010 [MQTT-2.3.1-6, MQTT-3.6.1-1]", () => {
      const ack = (type: number, id: number) => wire(4, (into, at) => encodeAck(into, at, type, id));
      assert.equal(ack(PacketType.PUBACK, 0x1234), "40 02 12 34");
      assert.equal(ack(PacketType.PUBREC, 1), "50 02 00 01");
      assert.equal(ack(PacketType.PUBREL, 65535), "62 02 ff ff");
      assert.equal(ack(PacketType.PUBCOMP, 256), "70 02 01 00");
    });
  });

  describe("SUBSCRIBE", () => {
    const subscribe = (id: number, list: readonly Subscription[]) =>
      wire(filtersSize(8, list), (into, at) => encodeFilters(into, at, 8, id, list));

    it("has flags 0010, an id and each filter with its QoS [MQTT-3.8.1-1, MQTT-3.8.4-4]", () => {
      assert.equal(subscribe(10, [{ topic: "a/b", qos: 1 }]), "82 08 00 0a 00 03 61 2f 62 01");
      assert.equal(
        subscribe(0xfffe, [
          { topic: "+", qos: 0 },
          { topic: "č/#", qos: 2 },
          { topic: "$SYS/#", qos: 1 },
        ]),
        "82 16 ff fe 00 01 2b 00 00 04 c4 8d 2f 23 02 00 06 24 53 59 53 2f 23 01",
      );
    });

    it("is refused without filters [MQTT-3.8.3-3], with illegal ones or QoS", () => {
      assert.throws(() => filtersSize(8, []), /MQTT-3.8.3-3/);
      assert.throws(() => filtersSize(8, [{ topic: "a/#/b", qos: 0 }]), /MQTT-4.7.1-2/);
      for (const qos of [3, -1, 1.5]) {
        assert.throws(() => filtersSize(8, [{ topic: "a", qos: qos as 0 }]), /MQTT-3.8.3-4/);
      }
    });

    it("with a body of 127, 128, 16,383 and 16,384 bytes has the length bytes that these take", () => {
      for (const [length, header] of [
        [127, "82 7f"],
        [128, "82 80 01"],
        [16383, "82 ff 7f"],
        [16384, "82 80 80 01"],
      ] as const) {
        const filter = "f".repeat(length - 5);
        assert.equal(
          subscribe(7, [{ topic: filter, qos: 1 }]).replaceAll(" 66", ""),
          `${header} 00 07 ${lengthOf(filter)} 01`,
        );
      }
    });

    long.it("is measured also when it would be larger than any packet may be", () => {
      const list = new Array<Subscription>(4097).fill({ topic: "a".repeat(65535), qos: 0 });
      // The largest buffer there can be has 268,435,455 bytes, and the session refuses what its buffer does not hold.
      assert.ok(filtersSize(8, list) > 268435455);
    });
  });

  describe("UNSUBSCRIBE", () => {
    const unsubscribe = (id: number, filters: readonly string[]) =>
      wire(filtersSize(10, filters), (into, at) => encodeFilters(into, at, 10, id, filters));

    it("has flags 0010, an id and filters without QoS [MQTT-3.10.1-1, MQTT-3.10.3-1]", () => {
      assert.equal(unsubscribe(10, ["a/b"]), "a2 07 00 0a 00 03 61 2f 62");
      assert.equal(unsubscribe(1, ["+", "č/#"]), "a2 0b 00 01 00 01 2b 00 04 c4 8d 2f 23");
    });

    it("is refused without filters [MQTT-3.10.3-2], and with illegal ones", () => {
      assert.throws(() => filtersSize(10, []), /MQTT-3.10.3-2/);
      assert.throws(() => filtersSize(10, ["a+"]), /MQTT-4.7.1-3/);
    });
  });

  describe("packets without body", () => {
    it("are two bytes [MQTT-3.14.1-1]", () => {
      const empty = (type: number) => wire(2, (into, at) => encodeAck(into, at, type, 0));
      assert.equal(empty(PacketType.PINGREQ), "c0 00");
      assert.equal(empty(PacketType.DISCONNECT), "e0 00");
    });
  });
});
