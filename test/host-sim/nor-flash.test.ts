// NOR flash: what erase and write do to bits, and what a power cut leaves behind.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Halted } from "../../host-sim/host.js";
import { type FlashOperation, NorFlash, sectorBytes } from "../../host-sim/nor-flash.js";
import { Random } from "../../host-sim/random.js";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe("NorFlash", () => {
  it("comes as ones; a write clears bits and never sets one; an erase sets one sector to ones", () => {
    const flash = new NorFlash(2 * sectorBytes);
    assert.deepEqual(flash.read(0, 4), bytes(255, 255, 255, 255));
    flash.write(4095, bytes(0xf0, 0x0f));
    flash.write(4095, bytes(0xcc, 0xff));
    assert.deepEqual(flash.read(4094, 4), bytes(0xff, 0xc0, 0x0f, 0xff));
    flash.erase(1);
    assert.deepEqual(flash.read(4094, 4), bytes(0xff, 0xc0, 0xff, 0xff));
    assert.equal(flash.operations, 3);
  });

  it("gives copies, so that nobody writes by reading", () => {
    const flash = new NorFlash(sectorBytes);
    flash.read(0, 4).fill(0);
    flash.save().fill(0);
    assert.deepEqual(flash.read(0, 4), bytes(255, 255, 255, 255));
  });

  it("refuses what is outside", () => {
    const flash = new NorFlash(sectorBytes);
    assert.throws(() => flash.read(4090, 7), RangeError);
    assert.throws(() => flash.read(-1, 1), RangeError);
    assert.throws(() => flash.write(4096, bytes(0)), RangeError);
    assert.throws(() => flash.erase(1), RangeError);
    assert.throws(() => flash.erase(0.5), RangeError);
    assert.throws(() => new NorFlash(1000), RangeError);
  });

  it("tears a write at the byte where power fails: before it done, at it partly, after it not", () => {
    const partly = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const flash = new NorFlash(sectorBytes, new Random(seed));
      let cuts = 0;
      flash.onPowerCut = () => cuts++;
      flash.write(0, bytes(1));
      flash.cutAt = { operation: 3, byte: 2 };
      flash.write(1, bytes(2));
      assert.throws(() => flash.write(8, bytes(0x11, 0x22, 0x30, 0x44)), Halted);
      assert.equal(cuts, 1);
      const torn = flash.read(8, 4);
      assert.deepEqual([torn[0], torn[1], torn[3]], [0x11, 0x22, 0xff]);
      assert.equal((torn[2] ?? 0) & 0x30, 0x30, "a torn byte clears only bits that were to be cleared");
      partly.add(torn[2] ?? 0);
      flash.write(12, bytes(0));
      assert.equal(flash.operations, 4, "power fails once");
    }
    assert.ok(partly.size > 5, "how far it came is left to chance");
  });

  it("strikes in the middle of the operation, at any of its bytes, when none is named", () => {
    const whole = new Set<number>();
    for (let seed = 0; seed < 60; seed++) {
      const flash = new NorFlash(sectorBytes, new Random(seed));
      flash.cutAt = { operation: 1 };
      assert.throws(() => flash.write(0, new Uint8Array(4)), Halted);
      const untouched = [...flash.read(0, 4)].filter((byte) => byte === 0xff).length;
      whole.add(4 - untouched);
      const after = flash.read(0, 4).findIndex((byte) => byte !== 0);
      // The byte of the cut may come out as zero, too; what follows it is untouched.
      assert.ok(after === -1 || [...flash.read(after + 1, 3 - after)].every((byte) => byte === 0xff));
    }
    assert.ok(whole.size >= 4, `${[...whole]}`);
  });

  it("finishes a write that power fails after", () => {
    const flash = new NorFlash(sectorBytes);
    flash.cutAt = { operation: 1, byte: 2 };
    assert.throws(() => flash.write(0, bytes(1, 2)), Halted);
    assert.deepEqual(flash.read(0, 3), bytes(1, 2, 255));
  });

  it("leaves any mix behind when power fails in an erase", () => {
    const flash = new NorFlash(sectorBytes, new Random(3));
    flash.write(0, new Uint8Array(sectorBytes).fill(0x5a));
    flash.cutAt = { operation: 2, byte: 100 };
    assert.throws(() => flash.erase(0), Halted);
    assert.deepEqual(flash.read(0, 100), new Uint8Array(100).fill(0xff));
    const rest = new Set(flash.read(100, sectorBytes - 100));
    assert.ok(rest.has(0x5a) && rest.has(0xff) && rest.has(0x00) && rest.size > 20);
  });

  it("may have a sector that does not come back to ones any more", () => {
    const flash = new NorFlash(2 * sectorBytes);
    flash.wornSector = 1;
    flash.erase(0);
    flash.erase(1);
    assert.ok(flash.read(0, sectorBytes).every((byte) => byte === 255));
    assert.equal(flash.read(sectorBytes, sectorBytes).filter((byte) => byte !== 255).length, 1);
  });

  it("tells its listeners of finished operations, torn ones excepted", () => {
    const flash = new NorFlash(sectorBytes);
    const heard: FlashOperation[] = [];
    const stop = flash.on((operation) => heard.push(operation));
    flash.write(16, bytes(1, 2, 3));
    flash.erase(0);
    flash.cutAt = { operation: 3, byte: 0 };
    assert.throws(() => flash.write(0, bytes(0)), Halted);
    stop();
    flash.erase(0);
    assert.deepEqual(heard, [
      { operation: "write", offset: 16, length: 3 },
      { operation: "erase", offset: 0, length: 4096 },
    ]);
  });

  it("can be saved and loaded", () => {
    const flash = new NorFlash(sectorBytes);
    flash.write(5, bytes(42));
    const other = new NorFlash(sectorBytes);
    other.load(flash.save());
    assert.deepEqual(other.read(4, 3), bytes(255, 42, 255));
    assert.throws(() => other.load(new Uint8Array(10)), /holds 4096 bytes/);
  });
});
