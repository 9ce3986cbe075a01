// The CRC that the tests forge flash with against published check values, and the word that is kept of one.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { flashWord } from "../../src/alertbox/flash.js";
import { crc32 } from "./crc.js";

const check = Uint8Array.from("xx123456789yy", (letter) => letter.charCodeAt(0));

describe("crc32", () => {
  it("gives the published check value of CRC-32 for 123456789, and covers start to end and nothing else", () => {
    assert.equal(crc32(check, 2, 11), 0xcbf43926);
    assert.equal(crc32(check, 2, 2), 0);
  });

  it("continues from a seed, wherever a message is split", () => {
    for (let at = 2; at <= 11; at += 1) assert.equal(crc32(check, at, 11, crc32(check, 2, at)), 0xcbf43926);
  });
});

describe("a CRC in flash", () => {
  it("is the CRC as a signed word", () => {
    assert.equal(flashWord(0xcbf43926 | 0), 0xcbf43926 | 0);
    assert.equal(flashWord(0), 0);
  });

  it("is never blank flash, also for bytes whose CRC is all ones", () => {
    const bytes = Uint8Array.of(0xff, 0xff, 0xff, 0xff);
    assert.equal(crc32(bytes, 0, 4), 0xffffffff);
    assert.equal(flashWord(crc32(bytes, 0, 4) | 0), -2);
  });
});
