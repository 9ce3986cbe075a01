import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { checkTopicFilter, checkTopicName, isTopicName, matches, topicNameFault } from "../../src/mqtt/topic.js";
import { hex, seeded } from "./recorder.js";

const encoder = new TextEncoder();

describe("mqtt/topic", () => {
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
      for (let round = 0; round < 100_000; round += 1) {
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
      assert.ok(matched > 3000, `only ${matched} pairs matched`);
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
