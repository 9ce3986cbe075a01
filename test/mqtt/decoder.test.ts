import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { packetName } from "../../src/mqtt/packet.js";
import { long, rounds, share, veryLong } from "../effort.js";
import { Decoder, decode, feed, hex, join, Recorder, seeded, summary, toHex } from "./recorder.js";

/** The same bytes in fragments of every size must give the same lines. */
function expectLines(bytes: Uint8Array | string, lines: string[], topicLimit = 64): void {
  const stream = typeof bytes === "string" ? hex(bytes) : bytes;
  for (let size = 1; size <= stream.length; size += 1) {
    assert.deepEqual(decode(stream, size, topicLimit), lines, `in fragments of ${size}`);
  }
}

/** The lines up to the end, which is one malformed packet. */
function expectMalformed(bytes: string, statement: string, detail: RegExp, topicLimit = 64): void {
  const stream = hex(bytes);
  for (let size = 1; size <= stream.length; size += 1) {
    const lines = decode(stream, size, topicLimit);
    assert.equal(lines.length, 1, `${bytes} gave ${lines.join(" | ")}`);
    assert.ok(lines[0]?.startsWith(`malformed [${statement}] `), lines[0]);
    assert.match(lines[0] as string, detail);
  }
}

/** Remaining length as it stands on the wire. */
function lengthBytes(length: number): Uint8Array {
  const bytes: number[] = [];
  let rest = length;
  do {
    bytes.push((rest % 128) + (rest > 127 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return new Uint8Array(bytes);
}

/** PUBLISH to "a" with QoS 2 and id 7 and a payload of `length` bytes that can be told apart. */
function bigPublish(length: number): { stream: Uint8Array; payload: Uint8Array } {
  const payload = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) payload[at] = (at * 31 + (at >> 8)) & 0xff;
  return { stream: join(hex("34"), lengthBytes(length + 5), hex("00 01 61 00 07"), payload), payload };
}

describe("mqtt/decoder", () => {
  describe("control packets, in fragments of every size", () => {
    it("CONNACK", () => {
      expectLines("20 02 00 00", ["CONNACK flags 0: 00 00"]);
      expectLines("20 02 01 00", ["CONNACK flags 0: 01 00"]);
      expectLines("20 02 00 05", ["CONNACK flags 0: 00 05"]);
      expectLines("20 02 00 ff", ["CONNACK flags 0: 00 ff"]);
    });

    it("PUBACK, PUBREC, PUBREL, PUBCOMP and UNSUBACK", () => {
      expectLines("40 02 12 34", ["PUBACK flags 0: 12 34"]);
      expectLines("50 02 00 01", ["PUBREC flags 0: 00 01"]);
      expectLines("62 02 01 00", ["PUBREL flags 2: 01 00"]);
      expectLines("70 02 ff ff", ["PUBCOMP flags 0: ff ff"]);
      expectLines("b0 02 00 0a", ["UNSUBACK flags 0: 00 0a"]);
    });

    it("SUBACK with any number of codes, whose meaning is left to the session", () => {
      expectLines("90 03 00 0a 00", ["SUBACK flags 0: 00 0a 00"]);
      expectLines("90 06 00 0a 00 01 02 80", ["SUBACK flags 0: 00 0a 00 01 02 80"]);
    });

    it("PINGRESP", () => {
      expectLines("d0 00", ["PINGRESP flags 0:"]);
    });

    it("several in a row", () => {
      expectLines("20 02 00 00 d0 00 d0 00 40 02 00 01 90 03 00 02 01", [
        "CONNACK flags 0: 00 00",
        "PINGRESP flags 0:",
        "PINGRESP flags 0:",
        "PUBACK flags 0: 00 01",
        "SUBACK flags 0: 00 02 01",
      ]);
    });

    it("remaining lengths that are longer than they need be, which 3.1.1 does not outlaw", () => {
      expectLines("40 82 80 80 00 00 01 d0 80 00", ["PUBACK flags 0: 00 01", "PINGRESP flags 0:"]);
      expectLines("30 84 00 00 01 61 78", ["PUBLISH flags 0 id 0 topic a length 1", "payload 78"]);
    });
  });

  describe("PUBLISH, in fragments of every size", () => {
    it("QoS 0, 1 and 2 with retain and DUP", () => {
      expectLines("30 06 00 01 61 78 79 7a", ["PUBLISH flags 0 id 0 topic a length 3", "payload 78 79 7a"]);
      expectLines("33 06 00 01 61 12 34 78", ["PUBLISH flags 3 id 4660 topic a length 1", "payload 78"]);
      expectLines("3c 06 00 01 61 ff ff 78", ["PUBLISH flags 12 id 65535 topic a length 1", "payload 78"]);
      expectLines("3b 06 00 01 61 00 01 78", ["PUBLISH flags 11 id 1 topic a length 1", "payload 78"]);
    });

    it("without payload, followed by other packets", () => {
      expectLines("31 03 00 01 61 34 05 00 01 62 00 07 d0 00", [
        "PUBLISH flags 1 id 0 topic a length 0",
        "payload",
        "PUBLISH flags 4 id 7 topic b length 0",
        "payload",
        "PINGRESP flags 0:",
      ]);
    });

    it("with a topic of several bytes a character, U+FEFF included [MQTT-1.5.3-3]", () => {
      const topic = new TextEncoder().encode("\ufeffčvor/€/😀");
      const stream = join(
        hex("30"),
        lengthBytes(3 + topic.length),
        new Uint8Array([0, topic.length]),
        topic,
        hex("21"),
      );
      expectLines(stream, ["PUBLISH flags 0 id 0 topic \ufeffčvor/€/😀 length 1", "payload 21"]);
    });

    it("whose QoS 0 payload begins like a packet id [MQTT-2.3.1-5]", () => {
      expectLines("30 05 00 01 61 00 00", ["PUBLISH flags 0 id 0 topic a length 2", "payload 00 00"]);
    });

    it("with a topic as long as the limit", () => {
      const topic = new Uint8Array(64).fill(0x61);
      const stream = join(hex("32 45 00 40"), topic, hex("00 09 78"));
      expectLines(stream, [`PUBLISH flags 2 id 9 topic ${"a".repeat(64)} length 1`, "payload 78"]);
    });

    for (const length of [0, 1, 122, 123, 127, 128, 16378, 16379, 16383, 16384]) {
      const kind = length > 16_000 && length < 16_384 ? long : { it };
      kind.it(`with ${length} bytes of payload, in fragments of 1, 2, 536 bytes and all at once`, () => {
        const { stream, payload } = bigPublish(length);
        const spelt = payload.length > 64 ? summary(payload) : toHex(payload);
        const lines = [
          `PUBLISH flags 4 id 7 topic a length ${length}`,
          `payload ${spelt}`.trimEnd(),
          "PINGRESP flags 0:",
        ];
        for (const size of [1, 2, 536, stream.length + 2]) {
          assert.deepEqual(decode(join(stream, hex("d0 00")), size), lines, `in fragments of ${size}`);
        }
      });
    }

    for (const length of [2097146, 2097147, 2097151, 2097152]) {
      veryLong.it(`with ${length} bytes of payload, in fragments of 1, 536 bytes and all at once`, () => {
        const { stream, payload } = bigPublish(length);
        for (const size of [1, 536, stream.length]) {
          let position = 0;
          let ends = 0;
          const recorder = new Recorder();
          recorder.onPayload = ({ bytes, start, end, offset }, last) => {
            assert.equal(offset, position);
            for (let at = start; at < end; at += 1) {
              if (bytes[at] !== payload[position]) assert.fail(`byte ${position} differs`);
              position += 1;
            }
            if (last) ends += 1;
          };
          const decoder = new Decoder(64, recorder);
          for (let at = 0; at < stream.length; at += size) {
            decoder.receive(stream, at, Math.min(at + size, stream.length));
          }
          assert.equal(position, length);
          assert.equal(ends, 1);
          assert.deepEqual(recorder.log, [`PUBLISH flags 4 id 7 topic a length ${length}`]);
          assert.equal(decoder.partial, false);
        }
      });
    }
  });

  describe("copying", () => {
    const stream = hex("40 02 00 01 32 07 00 02 61 62 00 05 78 90 03 00 01 00");

    it("does none: what has come is handed over where it lies in the one buffer, in fragments of every size", () => {
      for (let size = 1; size <= stream.length; size += 1) {
        const recorder = new Recorder();
        const decoder = new Decoder(64, recorder);
        for (let at = 0; at < stream.length; at += size) feed(decoder, stream.subarray(at, at + size));
        assert.equal(recorder.sources.length, 4);
        for (const source of recorder.sources) assert.equal(source, decoder.bytes);
      }
    });

    it("hands over payload in the pieces that came", () => {
      const recorder = new Recorder();
      const decoder = new Decoder(64, recorder);
      const message = hex("30 0d 00 01 61 30 31 32 33 34 35 36 37 38 39");
      const ends = [4, 7, 8, message.length];
      for (const [index, end] of ends.entries()) feed(decoder, message.subarray(ends[index - 1] ?? 0, end));
      assert.deepEqual(recorder.pieces, [
        [0, 2],
        [2, 1],
        [3, 7],
      ]);
    });

    it("hands over as much in one piece as is wanted, in fragments of every size, and the rest as it comes", () => {
      const { stream: message, payload } = bigPublish(100);
      for (const [wanted, size] of [10, 50, 99, 100].flatMap((wanted) =>
        Array.from({ length: message.length }, (_, at) => [wanted, at + 1] as const),
      )) {
        const recorder = new Recorder();
        recorder.wanted = () => wanted;
        const decoder = new Decoder(64, recorder, 120);
        for (let at = 0; at < message.length; at += size) feed(decoder, message.subarray(at, at + size));
        assert.deepEqual(recorder.pieces[0], [0, wanted], `in fragments of ${size}`);
        assert.deepEqual(recorder.log.at(-1), `payload ${summary(payload)}`);
        assert.equal(decoder.partial, false);
      }
    });
  });

  describe("topics longer than the limit", () => {
    const topic = "0123456789abcdef";

    function publish(first: number, text: string, id: string, payload: string): Uint8Array {
      const bytes = new TextEncoder().encode(text);
      const body = join(new Uint8Array([bytes.length >> 8, bytes.length]), bytes, hex(id), hex(payload));
      return join(new Uint8Array([first]), lengthBytes(body.length), body);
    }

    it("are reported by their beginning, skipped with their payload, and ended with their id", () => {
      expectLines(
        join(publish(0x32, topic, "00 07", "78 79"), hex("d0 00")),
        ["long topic flags 2 01234567… length 2", "skipped flags 2 id 7", "PINGRESP flags 0:"],
        8,
      );
    });

    it("without id and without payload end as well", () => {
      const tail = hex("d0 00");
      expectLines(
        join(
          publish(0x30, topic, "", ""),
          publish(0x30, topic, "", "78"),
          publish(0x35, topic, "ff ff", ""),
          publish(0x30, topic, "", ""),
          tail,
        ),
        [
          "long topic flags 0 01234567… length 0",
          "skipped flags 0 id 0",
          "long topic flags 0 01234567… length 1",
          "skipped flags 0 id 0",
          "long topic flags 5 01234567… length 0",
          "skipped flags 5 id 65535",
          "long topic flags 0 01234567… length 0",
          "skipped flags 0 id 0",
          "PINGRESP flags 0:",
        ],
        8,
      );
    });

    it("are cut between two characters", () => {
      expectLines(publish(0x30, "čččččččč", "", ""), ["long topic flags 0 ččč… length 0", "skipped flags 0 id 0"], 7);
      expectLines(publish(0x30, "😀😀", "", ""), ["long topic flags 0 … length 0", "skipped flags 0 id 0"], 3);
    });

    it("are cut back to the beginning of a character of any length, and nowhere else", () => {
      // Bytes a, c4 8d, e2 82 ac, f0 9f 98 80, b, c; and how many of them are told with a limit of 1 to 11.
      const beginnings = [1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11];
      for (const [index, count] of beginnings.entries()) {
        const told = new TextDecoder().decode(new TextEncoder().encode("ač€😀bc").subarray(0, count));
        const lines = [`long topic flags 0 ${told}… length 0`, "skipped flags 0 id 0"];
        expectLines(publish(0x30, "ač€😀bc", "", ""), lines, index + 1);
      }
    });

    it("are cut within themselves, whatever the bytes of their length look like", () => {
      // 0xf0f0 bytes, none of which begins a character.
      const body = join(hex("f0 f0"), new Uint8Array(0xf0f0).fill(0x80));
      const lines = decode(join(new Uint8Array([0x30]), lengthBytes(body.length), body), 65536, 1);
      assert.deepEqual(lines, ["malformed [MQTT-1.5.3-1] PUBLISH: no legal topic name"]);
    });

    long.it("as long as a topic can be are skipped without more memory", () => {
      const stream = join(publish(0x34, "t".repeat(65535), "00 09", "78"), hex("d0 00"));
      for (const size of [1, 536, stream.length]) {
        assert.deepEqual(
          decode(stream, size, 8),
          ["long topic flags 4 tttttttt… length 1", "skipped flags 4 id 9", "PINGRESP flags 0:"],
          `in fragments of ${size}`,
        );
      }
    });

    it("are malformed when their beginning is no topic name, or their id is 0", () => {
      expectMalformed("30 0a 00 08 61 23 63 64 65 66 67 68", "MQTT-3.3.2-2", /topic/, 4);
      expectMalformed("30 0a 00 08 61 ff 63 64 65 66 67 68", "MQTT-1.5.3-1", /topic/, 4);
      const lines = decode(publish(0x32, topic, "00 00", "78"), 1, 8);
      assert.equal(lines.length, 1);
      assert.match(lines[0] as string, /^malformed \[MQTT-2.3.1-1\]/);
    });
  });

  describe("what no server may send", () => {
    const legalFirst = new Map<number, string>([
      [0x20, "02 00 00"],
      [0x40, "02 00 01"],
      [0x50, "02 00 01"],
      [0x62, "02 00 01"],
      [0x70, "02 00 01"],
      [0x90, "03 00 01 00"],
      [0xb0, "02 00 01"],
      [0xd0, "00"],
    ]);
    for (const first of [0x30, 0x31]) legalFirst.set(first, "03 00 01 61");
    for (const first of [0x32, 0x33, 0x34, 0x35, 0x3a, 0x3b, 0x3c, 0x3d]) legalFirst.set(first, "05 00 01 61 00 01");

    for (let type = 0; type < 16; type += 1) {
      it(`${packetName(type)}: each of the 16 flag values [MQTT-2.2.2-2]`, () => {
        for (let flags = 0; flags < 16; flags += 1) {
          const first = (type << 4) | flags;
          const body = legalFirst.get(first);
          const lines = decode(join(new Uint8Array([first]), hex(body ?? "02 00 01")));
          if (body !== undefined) assert.doesNotMatch(lines.join(), /malformed/, first.toString(16));
          else assert.match(lines.join(), /^malformed \[[^,]*$/, first.toString(16));
        }
      });
    }

    it("wrong flags [MQTT-2.2.2-2], noticed at the first byte", () => {
      for (const first of ["21", "41", "51", "60", "63", "6a", "71", "91", "b2", "d1", "28"]) {
        expectMalformed(first, "MQTT-2.2.2-2", /flags/);
      }
    });

    it("QoS 3 [MQTT-3.3.1-4] and DUP with QoS 0 [MQTT-3.3.1-2]", () => {
      for (const first of ["36", "37", "3e", "3f"]) expectMalformed(first, "MQTT-3.3.1-4", /QoS 3/);
      for (const first of ["38", "39"]) expectMalformed(first, "MQTT-3.3.1-2", /DUP/);
    });

    it("packets that only clients send, and the forbidden types 0 and 15", () => {
      for (const first of ["10", "82", "a2", "c0", "e0"]) expectMalformed(first, "", /not for a server/);
      for (const first of ["00", "f0"]) expectMalformed(first, "", /type (0|15): not for a server/);
    });

    it("a remaining length of five bytes, noticed at the fourth", () => {
      expectMalformed("30 ff ff ff ff", "", /more than four bytes/);
      expectMalformed("40 80 80 80 80", "", /more than four bytes/);
    });

    it("wrong lengths of packets whose length is fixed", () => {
      for (const first of ["20", "40", "50", "62", "70", "b0"]) {
        for (const length of ["00", "01", "03", "80 01", "ff ff ff 7f"])
          expectMalformed(`${first} ${length}`, "", /: \d+ bytes/);
      }
      for (const length of ["01", "02", "ff ff ff 7f"]) expectMalformed(`d0 ${length}`, "", /PINGRESP: \d+ bytes/);
    });

    it("a SUBACK without codes [MQTT-3.8.4-5] or larger than the receive buffer [MQTT-4.8.0-2]", () => {
      for (const length of ["00", "01", "02"]) expectMalformed(`90 ${length}`, "MQTT-3.8.4-5", /no return code/);
      expectMalformed("90 41", "MQTT-4.8.0-2", /too long/);
      expectMalformed("90 ff ff ff 7f", "MQTT-4.8.0-2", /too long/);
      const largest = join(hex("90 40 00 01"), new Uint8Array(62));
      expectLines(largest, [`SUBACK flags 0: 00 01${" 00".repeat(62)}`]);
    });

    it("packet id 0 [MQTT-2.3.1-1]", () => {
      for (const first of ["40", "50", "62", "70", "b0"]) expectMalformed(`${first} 02 00 00`, "MQTT-2.3.1-1", /id 0/);
      expectMalformed("90 03 00 00 00", "MQTT-2.3.1-1", /SUBACK/);
      expectMalformed("32 05 00 01 61 00 00", "MQTT-2.3.1-1", /packet id 0/);
      expectMalformed("34 05 00 01 61 00 00", "MQTT-2.3.1-1", /packet id 0/);
    });

    it("CONNACK flags other than Session Present", () => {
      for (const flags of ["02", "03", "80", "ff"]) expectMalformed(`20 02 ${flags} 00`, "", /acknowledge flags/);
    });

    it("a PUBLISH too short for its topic and id [MQTT-3.3.2-1]", () => {
      for (const length of ["00", "01", "02"]) expectMalformed(`30 ${length}`, "MQTT-3.3.2-1", /no room/);
      for (const length of ["03", "04"]) expectMalformed(`32 ${length}`, "MQTT-3.3.2-1", /no room/);
      expectMalformed("30 03 00 02", "MQTT-3.3.2-1", /beyond the packet/);
      expectMalformed("32 05 00 02", "MQTT-3.3.2-1", /beyond the packet/);
      expectMalformed("30 05 ff ff", "MQTT-3.3.2-1", /beyond the packet/);
    });

    it("topics that are no topic names", () => {
      expectMalformed("30 03 00 00", "MQTT-4.7.3-1", /empty topic/);
      expectMalformed("32 05 00 00", "MQTT-4.7.3-1", /empty topic/);
      expectMalformed("30 03 00 01 ff", "MQTT-1.5.3-1", /topic/);
      expectMalformed("30 04 00 02 c0 af", "MQTT-1.5.3-1", /topic/);
      expectMalformed("30 05 00 03 ed a0 80", "MQTT-1.5.3-1", /topic/);
      expectMalformed("30 05 00 02 e2 82 ac", "MQTT-1.5.3-1", /topic/);
      expectMalformed("30 05 00 03 61 00 62", "MQTT-1.5.3-2", /topic/);
      expectMalformed("30 05 00 03 61 2f 23", "MQTT-3.3.2-2", /topic/);
      expectMalformed("30 05 00 03 61 2f 2b", "MQTT-3.3.2-2", /topic/);
    });

    it("topics that are no topic names, also after one that is, and those that another engine reads as it", () => {
      const good = "30 06 00 03 61 2f 62 78 ";
      for (const [bytes, statement] of [
        ["30 05 00 03 61 00 62", "MQTT-1.5.3-2"],
        ["30 05 00 03 61 2f 23", "MQTT-3.3.2-2"],
        ["30 05 00 03 61 2b 62", "MQTT-3.3.2-2"],
        ["30 05 00 03 ed a0 80", "MQTT-1.5.3-1"],
        ["30 06 00 04 c1 a1 2f 62", "MQTT-1.5.3-1"],
        ["30 08 00 06 61 e0 80 af 62 63", "MQTT-1.5.3-1"],
      ] as const) {
        const stream = hex(`${good}${good}${bytes}`);
        const once = decode(hex(good));
        for (let size = 1; size <= stream.length; size += 1) {
          const lines = decode(stream, size);
          assert.deepEqual(lines.slice(0, -1), [...once, ...once]);
          assert.ok(lines.at(-1)?.startsWith(`malformed [${statement}] `), `${bytes}: ${lines.at(-1)}`);
        }
      }
    });

    it("stops the decoder: nothing after it is reported until reset()", () => {
      const recorder = new Recorder();
      const decoder = new Decoder(64, recorder);
      feed(decoder, hex("d0 00 21 d0 00"));
      feed(decoder, hex("d0 00 40 02 00 01"));
      assert.equal(decoder.partial, false);
      decoder.reset();
      feed(decoder, hex("40 02 00 01"));
      assert.deepEqual(recorder.log, [
        "PINGRESP flags 0:",
        "malformed [MQTT-2.2.2-2] CONNACK: flags 1",
        "PUBACK flags 0: 00 01",
      ]);
    });
  });

  describe("partial", () => {
    it("is true from the first byte of a packet to its last", () => {
      for (const packet of ["20 02 00 00", "30 05 00 01 61 78 79", "34 05 00 01 61 00 07", "d0 00"]) {
        const decoder = new Decoder(64, new Recorder());
        const stream = hex(packet);
        assert.equal(decoder.partial, false);
        for (let at = 0; at < stream.length; at += 1) {
          decoder.receive(stream, at, at + 1);
          assert.equal(decoder.partial, at < stream.length - 1, `${packet} after ${at + 1}`);
        }
      }
    });
  });

  describe("reset", () => {
    it("with `stopped` ignores everything until the next reset()", () => {
      for (const bytes of ["40 02 00 01", "40 02", "21", ""]) {
        const recorder = new Recorder();
        const decoder = new Decoder(64, recorder);
        feed(decoder, hex("40"));
        decoder.reset(true);
        feed(decoder, hex(bytes));
        feed(decoder, hex("d0 00"));
        assert.equal(decoder.partial, false);
        assert.deepEqual(recorder.log, []);
        decoder.reset();
        feed(decoder, hex("d0 00"));
        assert.deepEqual(recorder.log, ["PINGRESP flags 0:"]);
      }
    });

    it("forgets what was begun, at every byte of every kind of packet", () => {
      for (const packet of [
        "20 02 00 00",
        "90 04 00 01 00 00",
        "34 07 00 01 61 00 07 78 79",
        "32 0a 00 05 61 61 61 61 61 00 07 78",
      ]) {
        const stream = hex(packet);
        for (let cut = 1; cut < stream.length; cut += 1) {
          const recorder = new Recorder();
          const decoder = new Decoder(4, recorder);
          // The piece of payload that may have come before the cut is of no interest here.
          recorder.onPayload = () => {};
          feed(decoder, stream.subarray(0, cut));
          decoder.reset();
          assert.equal(decoder.partial, false);
          const before = recorder.log.length;
          feed(decoder, hex("40 02 00 01"));
          assert.deepEqual(recorder.log.slice(before), ["PUBACK flags 0: 00 01"], `${packet} cut at ${cut}`);
        }
      }
    });
  });

  /** One packet for each call that a handler gets, and the line that stands for the call. */
  const calls: [string, string, RegExp][] = [
    ["onPacket", "40 02 00 09", /^PUBACK/],
    ["onPacket without body", "d0 00", /^PINGRESP/],
    ["onPublish", "30 04 00 01 61 78", /^PUBLISH/],
    ["onPayload", "30 04 00 01 61 78", /^payload/],
    ["onPayload of no bytes", "30 03 00 01 61", /^payload/],
    ["onPublish with a long topic", "30 09 00 06 61 61 61 61 61 61 78", /^long topic/],
    ["onPayload after a long topic", "32 0a 00 06 61 61 61 61 61 61 00 07", /^skipped/],
    ["onMalformed", "21", /^malformed/],
  ];

  describe("a handler that stops the decoder", () => {
    for (const [call, packet, line] of calls) {
      it(`in ${call}`, () => {
        for (const size of [1, 100]) {
          const recorder = new Recorder();
          const decoder = new Decoder(4, recorder);
          recorder.onLine = (text) => {
            if (line.test(text)) decoder.reset(true);
          };
          const stream = join(hex(packet), hex("40 02 00 01 62 02 00 02"));
          for (let at = 0; at < stream.length; at += size) feed(decoder, stream.subarray(at, at + size));
          assert.match(recorder.log.at(-1) as string, line, `in fragments of ${size}`);
          assert.equal(decoder.partial, false);
          decoder.reset();
          feed(decoder, hex("70 02 00 03"));
          assert.equal(recorder.log.at(-1), "PUBCOMP flags 0: 00 03");
        }
      });
    }
  });

  describe("a handler that resets the decoder", () => {
    for (const [call, packet, line] of calls) {
      it(`in ${call}: nothing else of the fragment is reported, the next one is a new connection's`, () => {
        for (const size of [1, 100]) {
          const recorder = new Recorder();
          const decoder = new Decoder(4, recorder);
          recorder.onLine = (text) => {
            if (line.test(text)) decoder.reset();
          };
          const stream = hex(packet);
          for (let at = 0; at < stream.length; at += size) {
            const end = at + size >= stream.length;
            feed(
              decoder,
              end ? join(stream.subarray(at), hex("40 02 00 01 62 02 00 02")) : stream.subarray(at, at + size),
            );
            if (line.test(recorder.log.at(-1) ?? "")) break;
          }
          assert.match(recorder.log.at(-1) as string, line, `in fragments of ${size}`);
          assert.equal(decoder.partial, false);
          recorder.onLine = () => {};
          feed(decoder, hex("20 02 00 00 70 02 00 03"));
          assert.deepEqual(recorder.log.slice(-2), ["CONNACK flags 0: 00 00", "PUBCOMP flags 0: 00 03"]);
        }
      });
    }
  });

  describe("any bytes at all", () => {
    /** Packets of all kinds, legal and short, that random changes are made to. */
    const seeds = [
      "20 02 00 00",
      "40 02 00 01",
      "62 02 00 01",
      "90 05 00 01 00 01 80",
      "d0 00",
      "30 06 00 03 61 2f 62 78",
      "34 09 00 03 61 2f 62 00 07 78 79",
      "32 0d 00 09 61 61 61 61 61 61 61 61 61 00 07",
      "30 03 00 01 61",
    ].map(hex);

    it("never throw, loop, or grow; and give the same lines however they are cut (seeds 1 to 20,000)", () => {
      for (let seed = 1; seed <= rounds(20_000); seed += 1) {
        const random = seeded(seed);
        const parts: Uint8Array[] = [];
        for (let count = 1 + (random() % 4); count > 0; count -= 1) {
          if (random() % 4 === 0) parts.push(Uint8Array.from({ length: random() % 12 }, () => random() & 0xff));
          else parts.push((seeds[random() % seeds.length] as Uint8Array).slice());
        }
        const stream = join(...parts);
        for (let changes = random() % 3; changes > 0 && stream.length > 0; changes -= 1) {
          stream[random() % stream.length] = random() & 0xff;
        }
        const whole = decode(stream, Math.max(1, stream.length), 8);
        // Not even the shortest packet gives more than two calls for its two bytes.
        assert.ok(whole.length <= stream.length + 2, `seed ${seed}`);

        const recorder = new Recorder();
        const decoder = new Decoder(8, recorder);
        for (let at = 0; at < stream.length; ) {
          const size = 1 + (random() % 5);
          feed(decoder, stream.subarray(at, at + size));
          at += size;
        }
        if (decoder.partial) recorder.log.push("partial");
        assert.deepEqual(recorder.log, whole, `seed ${seed}: ${toHex(stream)}`);
      }
    });

    it("one megabyte of noise in fragments of 536, with a reset after each breach, is survived", () => {
      const random = seeded(99);
      const recorder = new Recorder();
      const decoder = new Decoder(64, recorder);
      recorder.onPayload = () => {};
      const fragment = new Uint8Array(536);
      let breaches = 0;
      recorder.onMalformed = () => {
        breaches += 1;
      };
      for (let sent = 0; sent < rounds(1_000_000); sent += fragment.length) {
        for (let at = 0; at < fragment.length; at += 1) fragment[at] = random() & 0xff;
        decoder.receive(fragment, 0, fragment.length);
        if (!decoder.partial) decoder.reset();
      }
      assert.ok(breaches > share(100), `${breaches} breaches`);
    });
  });
});
