import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { characterBoundary, isUtf8, readUtf8, utf8Length, utf8Size, writeUtf8 } from "../../src/mqtt/utf8.js";
import { hex, seeded, toHex } from "./recorder.js";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function legal(text: string): boolean {
  const bytes = hex(text);
  return isUtf8(bytes, 0, bytes.length);
}

describe("mqtt/utf8", () => {
  describe("utf8Length", () => {
    it("counts encoded bytes, not characters", () => {
      assert.equal(utf8Length(""), 0);
      assert.equal(utf8Length("sensor/1"), 8);
      assert.equal(utf8Length("cvrči/cvrčak/na/čvoru"), 24);
      assert.equal(utf8Length("€"), 3);
      assert.equal(utf8Length("😀"), 4);
      assert.equal(utf8Length("\ufeffa"), 4);
      assert.equal(utf8Length("a".repeat(70_000)), 70_000);
    });

    it("refuses lone surrogates wherever they stand [MQTT-1.5.3-1]", () => {
      for (const text of ["\ud800", "a\udc00", "\ud83da", "čvor\udbff", "\ude00\ud83d", "😀\ud83d"]) {
        assert.equal(utf8Length(text), -1, JSON.stringify(text));
        assert.equal(utf8Size(text), -1, JSON.stringify(text));
      }
    });

    it("refuses lone surrogates also on an engine that encodes them as they stand, as XS does", () => {
      const own = Object.getOwnPropertyDescriptor(ArrayBuffer, "fromString") as PropertyDescriptor;
      const value = (text: string) => (text === "\ud800" ? hex("ed a0 80").buffer : own.value(text));
      Object.defineProperty(ArrayBuffer, "fromString", { ...own, value });
      try {
        assert.equal(utf8Length("\ud800"), -1);
        assert.equal(utf8Length("č"), 2);
      } finally {
        Object.defineProperty(ArrayBuffer, "fromString", own);
      }
    });

    it("takes U+FFFD, which other encoders put in the place of a surrogate", () => {
      assert.equal(utf8Length("\ufffd"), 3);
      assert.equal(utf8Length("a\ufffdb😀"), 9);
    });

    it("refuses U+0000 [MQTT-1.5.3-2], which utf8Size takes for payloads and passwords", () => {
      assert.equal(utf8Length("\0"), -1);
      assert.equal(utf8Length("a\0b"), -1);
      assert.equal(utf8Length("č\0"), -1);
      assert.equal(utf8Size("a\0b"), 3);
      assert.equal(utf8Size("č\0"), 3);
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
      for (let round = 0; round < 50_000; round += 1) {
        const bytes = new Uint8Array(1 + (random() % 4));
        for (let at = 0; at < bytes.length; at += 1) bytes[at] = borders[random() % borders.length] as number;
        agrees(bytes);
      }
    });
  });

  describe("characterBoundary", () => {
    it("goes back to the beginning of a character that is cut", () => {
      const bytes = hex("61 c4 8d e2 82 ac f0 9f 98 80 62");
      const cuts = Array.from({ length: bytes.length + 1 }, (_, end) => characterBoundary(bytes, 0, end));
      assert.deepEqual(cuts, [0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11]);
    });

    it("stays within its range, and where it is when the bytes are no text", () => {
      assert.equal(characterBoundary(hex("f0 9f 98"), 1, 3), 3);
      assert.equal(characterBoundary(hex("80 80 80 80 80"), 0, 5), 5);
      assert.equal(characterBoundary(hex("61 80"), 0, 2), 2);
    });
  });

  describe("writeUtf8 and readUtf8", () => {
    it("carry text there and back inside a larger buffer, U+FEFF included [MQTT-1.5.3-3]", () => {
      for (const text of ["", "a", "cvrči/cvrčak/na/čvoru", "€😀", "\ufeffa", "a\ufeff"]) {
        const into = new Uint8Array(40).fill(0xee);
        const end = writeUtf8(into, 4, text);
        assert.equal(end, 4 + utf8Length(text));
        assert.deepEqual(Array.from(into.subarray(0, 4)), [0xee, 0xee, 0xee, 0xee]);
        assert.equal(into[end], 0xee);
        assert.equal(readUtf8(into, 4, end), text);
      }
    });

    it("read from a view that does not begin where its buffer does", () => {
      const view = new Uint8Array(hex("ff ff 61 62 63 ff").buffer, 2, 3);
      assert.equal(readUtf8(view, 1, 3), "bc");
    });

    it("throw when the text does not fit", () => {
      assert.throws(() => writeUtf8(new Uint8Array(4), 2, "abc"), RangeError);
    });
  });
});
