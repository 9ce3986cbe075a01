// The texts of MQTT: UTF-8 both ways, topic names as we check ours and as the decoder checks a server's, filters and
// what they match.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { writeField } from "../../src/mqtt/packet.js";
import { checkTopic, readUtf8, utf8Length } from "../../src/mqtt/text.js";
import { isUtf8, matches } from "../../src/mqtt/topic.js";
import { rounds, share } from "../effort.js";
import { decode, hex, join, seeded, toHex } from "./recorder.js";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function legal(text: string): boolean {
  const bytes = hex(text);
  return isUtf8(bytes, 0, bytes.length);
}

describe("mqtt/text: UTF-8", () => {
  describe("utf8Length", () => {
    it("counts encoded bytes, not characters", () => {
      assert.equal(utf8Length("", 1), 0);
      assert.equal(utf8Length("sensor/1", 1), 8);
      assert.equal(utf8Length("cvrči/cvrčak/na/čvoru", 1), 24);
      assert.equal(utf8Length("€", 1), 3);
      assert.equal(utf8Length("😀", 1), 4);
      assert.equal(utf8Length("\ufeffa", 1), 4);
      assert.equal(utf8Length("a".repeat(70_000), 1), 70_000);
    });

    it("refuses lone surrogates wherever they stand [MQTT-1.5.3-1]", () => {
      for (const text of ["\ud800", "a\udc00", "\ud83da", "čvor\udbff", "\ude00\ud83d", "😀\ud83d"]) {
        assert.equal(utf8Length(text, 1), -1, JSON.stringify(text));
        assert.equal(utf8Length(text, 0), -1, JSON.stringify(text));
      }
    });

    it("refuses lone surrogates also on an engine that encodes them as they stand, as XS does", () => {
      const own = Object.getOwnPropertyDescriptor(ArrayBuffer, "fromString") as PropertyDescriptor;
      const value = (text: string) => (text === "\ud800" ? hex("ed a0 80").buffer : own.value.call(ArrayBuffer, text));
      Object.defineProperty(ArrayBuffer, "fromString", { ...own, value });
      try {
        assert.equal(utf8Length("\ud800", 1), -1);
        assert.equal(utf8Length("č", 1), 2);
      } finally {
        Object.defineProperty(ArrayBuffer, "fromString", own);
      }
    });

    it("takes U+FFFD, which other encoders put in the place of a surrogate", () => {
      assert.equal(utf8Length("\ufffd", 1), 3);
      assert.equal(utf8Length("a\ufffdb😀", 1), 9);
    });

    it("refuses U+0000 [MQTT-1.5.3-2], but not where payloads and passwords may have it", () => {
      assert.equal(utf8Length("\0", 1), -1);
      assert.equal(utf8Length("a\0b", 1), -1);
      assert.equal(utf8Length("č\0", 1), -1);
      assert.equal(utf8Length("a\0b", 0), 3);
      assert.equal(utf8Length("č\0", 0), 3);
    });
  });

  describe("isUtf8", () => {
    it("takes the first and last character of each length", () => {
      for (const text of ["", "01", "7f", "c2 80", "df bf", "e0 a0 80", "ef bf bf", "f0 90 80 80", "f4 8f bf bf"]) {
        assert.equal(legal(text), true, text);
      }
    });

    it("takes what stands beside the surrogates, and U+FEFF [MQTT-1.5.3-3]", () => {
      for (const text of ["ed 9f bf", "ee 80 80", "ef bb bf", "61 ef bb bf"]) assert.equal(legal(text), true, text);
    });

    it("refuses U+0000 [MQTT-1.5.3-2]", () => {
      assert.equal(legal("61 00 62"), false);
    });

    it("refuses surrogates, overlong forms, what lies above U+10FFFF and stray bytes [MQTT-1.5.3-1]", () => {
      const cases = [
        ["ed a0 80", "ed bf bf", "ed a0 bd ed b8 80"],
        ["c0 80", "c0 af", "c1 bf", "e0 80 80", "e0 9f bf", "f0 80 80 80", "f0 8f bf bf"],
        ["f4 90 80 80", "f5 80 80 80", "f8 88 80 80 80", "fe", "ff"],
        ["80", "bf", "c2 41", "c2 c0", "e1 80 41", "e1 80 c0", "f1 80 80 41", "f1 80 80 ff", "e1 41 80"],
      ];
      for (const text of cases.flat()) assert.equal(legal(text), false, text);
    });

    it("refuses a sequence that the range cuts off, though the bytes after the range would complete it", () => {
      for (const text of ["61 c2 a2", "e2 82 ac", "f0 9f 98 80"]) {
        const bytes = hex(text);
        for (let end = text.startsWith("61") ? 2 : 1; end < bytes.length; end += 1) {
          assert.equal(isUtf8(bytes, 0, end), false, `${text} to ${end}`);
        }
        assert.equal(isUtf8(bytes, 0, bytes.length), true);
      }
    });

    it("looks at its range only", () => {
      assert.equal(isUtf8(hex("ff 61 62 ff"), 1, 3), true);
      assert.equal(isUtf8(hex("ff"), 1, 1), true);
    });

    it("agrees with the strict decoder of the platform on every two bytes and on 50,000 random strings", () => {
      const agrees = (bytes: Uint8Array) => {
        let expected = !bytes.includes(0);
        try {
          strict.decode(bytes);
        } catch {
          expected = false;
        }
        if (isUtf8(bytes, 0, bytes.length) !== expected) assert.fail(toHex(bytes));
      };
      const pair = new Uint8Array(2);
      for (let value = 0; value < 65536; value += 1) {
        pair[0] = value >> 8;
        pair[1] = value;
        agrees(pair);
      }
      const random = seeded(1);
      // Bytes at the borders of table 3-7 are drawn often, so that well-formed sequences do come up.
      const borders = hex("01 61 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 e1 ec ed ee ef f0 f1 f3 f4 f5 ff");
      for (let round = 0; round < rounds(50_000); round += 1) {
        const bytes = new Uint8Array(1 + (random() % 4));
        for (let at = 0; at < bytes.length; at += 1) bytes[at] = borders[random() % borders.length] as number;
        agrees(bytes);
      }
    });
  });

  describe("writeField and readUtf8", () => {
    it("carry text there and back inside a larger buffer, U+FEFF included [MQTT-1.5.3-3]", () => {
      for (const text of ["", "a", "cvrči/cvrčak/na/čvoru", "€😀", "\ufeffa", "a\ufeff"]) {
        const into = new Uint8Array(40).fill(0xee);
        const end = writeField(into, 4, text);
        assert.equal(end, 6 + utf8Length(text, 1));
        assert.deepEqual(Array.from(into.subarray(0, 4)), [0xee, 0xee, 0xee, 0xee]);
        assert.equal(into[end], 0xee);
        assert.equal(readUtf8(into, 6, end), text);
      }
    });

    it("read from a view that does not begin where its buffer does", () => {
      const view = new Uint8Array(hex("ff ff 61 62 63 ff").buffer, 2, 3);
      assert.equal(readUtf8(view, 1, 3), "bc");
    });

    it("throw when the text does not fit", () => {
      assert.throws(() => writeField(new Uint8Array(6), 2, "abc"), RangeError);
    });
  });
});

const encoder = new TextEncoder();

const checkTopicName = (topic: string): number => checkTopic(topic, false);
const checkTopicFilter = (topic: string): number => checkTopic(topic, true);

/** The statement that a PUBLISH breaks whose topic is `bytes[start..end)`, its payload what follows; "" for none. */
function topicNameFault(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  const packet = join(new Uint8Array([0x30, 2 + bytes.length - start, 0, length]), bytes.subarray(start));
  if (length === 0) packet[1] = 3;
  const line = decode(packet)[0] as string;
  return line.startsWith("malformed") ? (line.split(/[[\]]/)[1] as string) : "";
}

function isTopicName(bytes: Uint8Array, start: number, end: number): boolean {
  return topicNameFault(bytes, start, end) === "";
}

describe("mqtt/text: topics", () => {
  for (const [what, check] of Object.entries({ checkTopicName, checkTopicFilter })) {
    describe(`${what}: what names and filters have in common`, () => {
      it("returns the length in bytes", () => {
        assert.equal(check("/"), 1);
        assert.equal(check("a/b"), 3);
        assert.equal(check("cvrči/cvrčak/na/čvoru"), 24);
        assert.equal(check("/a//b/"), 6);
        assert.equal(check("a b/$x"), 6);
      });

      it("takes 65,535 bytes and refuses one more, counting bytes [MQTT-4.7.3-3]", () => {
        assert.equal(check("a".repeat(65535)), 65535);
        assert.equal(check("č".repeat(32767)), 65534);
        assert.throws(() => check("a".repeat(65536)), { name: "RangeError", message: /65536 bytes.*\[MQTT-4.7.3-3\]/ });
        assert.throws(() => check("č".repeat(32768)), { name: "RangeError", message: /MQTT-4.7.3-3/ });
      });

      it("refuses the empty string [MQTT-4.7.3-1]", () => {
        assert.throws(() => check(""), { name: "TypeError", message: /MQTT-4.7.3-1/ });
      });

      it("refuses U+0000 [MQTT-4.7.3-2] and lone surrogates [MQTT-1.5.3-1]", () => {
        assert.throws(() => check("a\0b"), { name: "TypeError", message: /MQTT-4.7.3-2/ });
        assert.throws(() => check("a/\ud83d"), { name: "TypeError", message: /MQTT-1.5.3-1/ });
      });

      it("refuses what is no string", () => {
        for (const wrong of [undefined, null, 5, hex("61")]) {
          assert.throws(() => check(wrong as unknown as string), { name: "TypeError", message: /must be a string/ });
        }
      });
    });
  }

  describe("checkTopicName", () => {
    it("refuses wildcards [MQTT-3.3.2-2]", () => {
      for (const topic of ["#", "+", "a/#", "a/+/b", "a+", "a#b"]) {
        assert.throws(() => checkTopicName(topic), { name: "TypeError", message: /MQTT-3.3.2-2/ }, topic);
      }
    });
  });

  describe("checkTopicFilter", () => {
    it("takes # alone or as the last level", () => {
      for (const filter of ["#", "a/#", "/#", "a/b/#", "+/#", "č/#"]) assert.ok(checkTopicFilter(filter) > 0, filter);
    });

    it("refuses # anywhere else [MQTT-4.7.1-2]", () => {
      for (const filter of ["a#", "#/a", "a/#/b", "##", "a/##", "#/#", "a/b#", "#+", "/a#"]) {
        assert.throws(() => checkTopicFilter(filter), { name: "TypeError", message: /MQTT-4.7.1-2/ }, filter);
      }
    });

    it("takes + as a whole level, at any level", () => {
      for (const filter of ["+", "+/+", "/+", "+/", "a/+", "a/+/b", "a/+/#", "+/a/+"]) {
        assert.ok(checkTopicFilter(filter) > 0, filter);
      }
    });

    it("refuses + beside other characters [MQTT-4.7.1-3]", () => {
      for (const filter of ["a+", "+a", "+a/b", "a/b+", "a/+b/c", "++", "+/++", "a/+/+b", "+#"]) {
        assert.throws(() => checkTopicFilter(filter), { name: "TypeError", message: /MQTT-4.7.1-[23]/ }, filter);
      }
    });
  });

  describe("isTopicName", () => {
    const faults: [string, string][] = [
      ["", "MQTT-4.7.3-1"],
      ["61 00 62", "MQTT-1.5.3-2"],
      ["61 2f 23", "MQTT-3.3.2-2"],
      ["2b 2f 61", "MQTT-3.3.2-2"],
      ["ff", "MQTT-1.5.3-1"],
      ["c0 af", "MQTT-1.5.3-1"],
      ["ed a0 80", "MQTT-1.5.3-1"],
      ["61 e2 82", "MQTT-1.5.3-1"],
      ["c4 8d 23", "MQTT-3.3.2-2"],
    ];
    for (const [text, statement] of faults) {
      it(`refuses ${text || "no bytes"} [${statement}]`, () => {
        const bytes = hex(text);
        assert.equal(isTopicName(bytes, 0, bytes.length), false);
        assert.equal(topicNameFault(bytes, 0, bytes.length), statement);
      });
    }

    it("takes names with every other byte below 0x80, and with characters of every length", () => {
      for (let byte = 1; byte < 0x80; byte += 1) {
        const bytes = new Uint8Array([0x61, byte]);
        assert.equal(isTopicName(bytes, 0, 2), byte !== 0x23 && byte !== 0x2b, byte.toString(16));
      }
      for (const topic of ["/", "$SYS/x", "cvrči/čvor", "€/😀", "\ufeffa", " "]) {
        const bytes = encoder.encode(topic);
        assert.equal(isTopicName(bytes, 0, bytes.length), true, topic);
      }
    });

    it("looks at its range only", () => {
      assert.equal(isTopicName(hex("23 61 62 00"), 1, 3), true);
      assert.equal(isTopicName(hex("61 62"), 1, 1), false);
    });
  });

  describe("matches", () => {
    const yes: [string, string][] = [
      ["a", "a"],
      ["/", "/"],
      ["a/b/c", "a/b/c"],
      ["#", "a"],
      ["#", "/a/b"],
      ["#", "/"],
      ["a/#", "a"],
      ["a/#", "a/"],
      ["a/#", "a/b/c"],
      ["a/b/#", "a/b"],
      ["/#", "/"],
      ["/#", "/a"],
      ["+", "a"],
      ["+/+", "/a"],
      ["/+", "/a"],
      ["a/+", "a/"],
      ["a/+", "a/b"],
      ["+/b", "a/b"],
      ["+/b", "/b"],
      ["a/+/c", "a/b/c"],
      ["a/+/c", "a//c"],
      ["a/+/+/d", "a/b/c/d"],
      ["+/+/+", "//"],
      ["a/+/#", "a/b"],
      ["a/+/#", "a/b/c/d"],
      ["+/#", "a"],
      ["+/#", "/"],
      ["$SYS/#", "$SYS/broker/load"],
      ["$SYS/#", "$SYS"],
      ["$SYS/+/load", "$SYS/broker/load"],
      ["$SYS/x", "$SYS/x"],
      ["a/$b/#", "a/$b/c"],
      ["+/$b", "a/$b"],
      ["čvor/+", "čvor/č"],
      ["+/😀/#", "č/😀/x"],
    ];
    for (const [filter, topic] of yes) {
      it(`${filter} matches ${topic}`, () => assert.equal(matches(filter, topic), true));
    }

    const no: [string, string][] = [
      ["a", "b"],
      ["a", "a/b"],
      ["a/b", "a"],
      ["a", "/a"],
      ["a", "A"],
      ["a", "a/"],
      ["a/#", "ab"],
      ["a/#", "b/a"],
      ["a/b/#", "a"],
      ["+", "/a"],
      ["+", "a/b"],
      ["+", "/"],
      ["a/+", "a"],
      ["a/+", "a/b/c"],
      ["a/+", "ab/c"],
      ["+/b", "a/bb"],
      ["+/b", "a/c/b"],
      ["a/+/c", "a/b/d"],
      ["a/+/c", "a/b/c/d"],
      ["a/+/c", "a/c"],
      ["+/+", "a"],
      ["a/+/#", "a"],
      ["/+", "a"],
    ];
    for (const [filter, topic] of no) {
      it(`${filter} does not match ${topic}`, () => assert.equal(matches(filter, topic), false));
    }

    for (const filter of ["#", "+", "+/x", "+/#", "+/+"]) {
      it(`${filter} does not match $SYS/x or $x: it opens with a wildcard [MQTT-4.7.2-1]`, () => {
        assert.equal(matches(filter, "$SYS/x"), false);
        assert.equal(matches(filter, "$x"), false);
      });
    }

    it("does not normalise: composed and decomposed letters differ [MQTT-4.7.3-4]", () => {
      assert.equal(matches("caf\u00e9/+", "caf\u00e9/1"), true);
      assert.equal(matches("caf\u00e9/+", "cafe\u0301/1"), false);
      assert.equal(matches("\u00e9", "e\u0301"), false);
    });

    it("agrees with a level-by-level reading of §4.7 on 100,000 random pairs", () => {
      const random = seeded(2);
      const level = (choices: string[]) => choices[random() % choices.length] as string;
      let matched = 0;
      for (let round = 0; round < rounds(100_000); round += 1) {
        const topicLevels = Array.from({ length: 1 + (random() % 4) }, () => level(["a", "b", "ab", "", "č", "$"]));
        const filterLevels = Array.from({ length: 1 + (random() % 4) }, () =>
          level(["a", "b", "ab", "", "č", "$", "+"]),
        );
        if (random() % 3 === 0) filterLevels.push("#");
        const topic = topicLevels.join("/");
        const filter = filterLevels.join("/");
        if (topic === "" || filter === "") continue;
        const expected = reference(filterLevels, topicLevels);
        if (expected) matched += 1;
        if (matches(filter, topic) !== expected) assert.fail(`${filter} and ${topic}: expected ${expected}`);
      }
      assert.ok(matched > share(3000), `only ${matched} pairs matched`);
    });
  });
});

function reference(filter: string[], topic: string[]): boolean {
  const wild = filter[0] === "+" || filter[0] === "#";
  if (wild && topic[0]?.startsWith("$")) return false;
  for (let index = 0; index < filter.length; index += 1) {
    if (filter[index] === "#") return true;
    if (index >= topic.length) return false;
    if (filter[index] !== "+" && filter[index] !== topic[index]) return false;
  }
  return filter.length === topic.length;
}
