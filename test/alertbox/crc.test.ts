// The CRC against published check values and against a bit-by-bit definition.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { crc32, flashWord } from "../../src/alertbox/crc.js";
import { randomFrom } from "./nor.js";

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** The definition: one bit at a time. */
function slowCrc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

describe("crc32", () => {
  it("gives the published check value of CRC-32 for 123456789", () => {
    assert.equal(crc32(ascii("123456789"), 0, 9), 0xcbf43926);
  });

  it("is 0 for nothing", () => {
    assert.equal(crc32(new Uint8Array(0), 0, 0), 0);
    assert.equal(crc32(ascii("abc"), 2, 2), 0);
  });

  it("agrees with the definition for every byte value and for long ranges", () => {
    for (let value = 0; value < 256; value += 1) {
      const one = Uint8Array.of(value);
      assert.equal(crc32(one, 0, 1), slowCrc32(one));
    }
    const random = randomFrom(7);
    const many = Uint8Array.from({ length: 5000 }, () => Math.floor(random() * 256));
    assert.equal(crc32(many, 0, many.length), slowCrc32(many));
  });

  it("covers start to end and nothing else", () => {
    const bytes = ascii("xx123456789yy");
    assert.equal(crc32(bytes, 2, 11), 0xcbf43926);
  });

  it("continues from a seed, wherever a message is split", () => {
    const bytes = ascii("123456789");
    for (let at = 0; at <= 9; at += 1) assert.equal(crc32(bytes, at, 9, crc32(bytes, 0, at)), 0xcbf43926);
  });

  it("is unsigned", () => {
    assert.equal(crc32(ascii("a"), 0, 1), 0xe8b7be43);
  });

  it("refuses a range outside the bytes", () => {
    const bytes = new Uint8Array(4);
    assert.throws(() => crc32(bytes, -1, 2), RangeError);
    assert.throws(() => crc32(bytes, 0, 5), RangeError);
    assert.throws(() => crc32(bytes, 3, 2), RangeError);
  });
});

describe("a CRC in flash", () => {
  it("is the CRC as a signed word", () => {
    assert.equal(flashWord(0xcbf43926), 0xcbf43926 | 0);
    assert.equal(flashWord(0), 0);
  });

  it("is never blank flash, also for bytes whose CRC is all ones", () => {
    const bytes = Uint8Array.of(0xff, 0xff, 0xff, 0xff);
    assert.equal(crc32(bytes, 0, 4), 0xffffffff);
    assert.equal(flashWord(0xffffffff), -2);
  });
});
