// The flash of the fuzzer: the rules of the simulator's, and a watch over its use.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { BareFlash, crcOf, spanOf } from "../../../host-sim/fuzz/bare-flash.js";
import { Halted } from "../../../host-sim/host.js";
import { crc, span } from "../../../host-sim/modules/chip.js";
import { Random } from "../../../host-sim/random.js";

function fresh(sectorSize = 4096): BareFlash {
  const flash = new BareFlash(1, new Random(1), sectorSize);
  flash.watch();
  return flash;
}

describe("flash of the fuzzer", () => {
  it("a write clears bits, an erase sets those of its sector", () => {
    const flash = fresh(1024);
    flash.write(1024, Uint8Array.of(0xf0, 0, 0, 0xff));
    flash.write(1024, Uint8Array.of(0x0f, 0xff, 1, 0x7f));
    flash.write(2048, Uint8Array.of(1, 2, 3, 4));
    assert.deepEqual([...flash.read(1024, 4)], [0, 0, 0, 0x7f]);
    flash.erase(1);
    assert.deepEqual([...flash.read(1024, 4)], [255, 255, 255, 255]);
    assert.deepEqual([...flash.read(2048, 4)], [1, 2, 3, 4]);
    assert.equal(flash.isChanged, true);
  });

  it("contents go in and come out", () => {
    const flash = fresh(1024);
    const image = Uint8Array.from({ length: 2048 }, (_, at) => (at * 7) & 0xff);
    flash.load(image);
    assert.deepEqual(flash.image(), image);
    assert.equal(flash.isChanged, false);
  });

  it("use outside of its sectors, by halves of words, or without end is found out", () => {
    const flash = fresh(1024);
    assert.throws(() => flash.read(1020, 4), /within its sectors/);
    assert.throws(() => flash.read(3068, 8), /within its sectors/);
    assert.throws(() => flash.erase(3), /within its sectors/);
    assert.throws(() => flash.write(1025, new Uint8Array(4)), /in words/);
    flash.left = 1;
    flash.read(1024, 4);
    assert.throws(() => flash.read(1024, 4), /nothing loops/);
  });

  it("after a power cut nothing works until the power is back", () => {
    const flash = fresh();
    flash.nor.cutAt = { operation: 1, byte: 2 };
    assert.throws(() => flash.write(4096, Uint8Array.of(0, 0, 0, 0)), Halted);
    assert.throws(() => flash.read(4096, 4), Halted);
    flash.powerOn();
    const [first, second, , last] = flash.read(4096, 4);
    assert.deepEqual([first, second, last], [0, 0, 0xff]);
  });

  it("a dead sector reports errors", () => {
    const flash = fresh();
    flash.dead.add(1);
    assert.throws(() => flash.erase(2), /erase fail/);
    assert.throws(() => flash.write(8192, new Uint8Array(4)), /write fail/);
    flash.erase(1);
  });

  it("CRC and scan are those of the chip", () => {
    const random = new Random(9);
    for (let round = 0; round < 300; round += 1) {
      const bytes = Uint8Array.from({ length: 40 }, () => random.integer(256));
      const [from, to] = [random.integer(20), 20 + random.integer(21)];
      const seed = random.integer(2 ** 32) | 0;
      assert.equal(crcOf(bytes, from, to, seed), crc(bytes, from, to, seed));
      const [least, most, except] = [random.integer(40), 200 + random.integer(56), random.integer(257) - 1];
      assert.equal(spanOf(bytes, from, to, least, most, except), span(bytes, from, to, least, most, except));
    }
    assert.throws(() => spanOf(new Uint8Array(4), 0, 5, 0, 255, -1), RangeError);
  });
});
