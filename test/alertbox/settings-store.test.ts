// The settings store: after any power cut it has the old or the new settings.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { checkSettings, equalSettings, type Settings } from "../../src/alertbox/settings.js";
import { SettingsStore } from "../../src/alertbox/settings-store.js";
import { long } from "../effort.js";
import { crc32 } from "./crc.js";
import { FULL } from "./full-settings.js";
import { Nor, PowerCut } from "./nor.js";

const CHIP = 5750;
const NETWORK = Object.freeze({ ssid: "home", password: "correct horse" });
const LEAST = Object.freeze({ host: "broker.local", wifi: NETWORK });

function accepted(data: unknown): Settings {
  const settings = checkSettings(data, CHIP);
  if (typeof settings === "string") assert.fail(`refused: ${settings}`);
  return settings;
}

/** Changes the header of the first slot, and makes its CRC fit. */
function reseal(nor: Nor, change: (header: DataView) => void): void {
  const header = new DataView(nor.bytes.buffer, 0, 40);
  change(header);
  const texts = crc32(nor.bytes, 40, 40 + header.getUint32(12, true));
  header.setUint32(36, crc32(nor.bytes, 0, 36, texts), true);
}

describe("the settings store", () => {
  const first = accepted(LEAST);
  const second = accepted({ ...LEAST, port: 1884 });

  it("has none on new flash", () => {
    assert.equal(new SettingsStore(new Nor(), 0).load(CHIP), undefined);
    assert.equal(new SettingsStore(new Nor({ contents: new Uint8Array(8192) }), 0).load(CHIP), undefined);
  });

  it("gives back what was saved, every byte of UTF-8 of it", () => {
    const nor = new Nor({ sectors: 4 });
    const store = new SettingsStore(nor, 2);
    store.save(FULL);
    assert.deepEqual(new SettingsStore(nor, 2).load(CHIP), FULL);
    assert.ok(nor.bytes.subarray(0, 8192).every((byte) => byte === 0xff));
  });

  it("has room for the longest settings that are accepted", () => {
    const quotes = '"'.repeat(128);
    const longest = accepted({
      wifi: [1, 2, 3].map(() => ({ ssid: "\u0001".repeat(32), password: '"'.repeat(63) })),
      host: "abc.".repeat(63).slice(0, -1),
      user: quotes,
      password: quotes,
      root: '"'.repeat(96),
      mode: "battery",
      wiring: "rst+gpio",
      full: "drop-oldest",
      port: 65535,
    });
    const nor = new Nor();
    new SettingsStore(nor, 0).save(longest);
    assert.deepEqual(new SettingsStore(nor, 0).load(CHIP), longest);
  });

  it("uses the two slots in turn", () => {
    const nor = new Nor();
    const store = new SettingsStore(nor, 0);
    for (let round = 1; round <= 6; round += 1) {
      store.save(round % 2 === 1 ? first : second);
      assert.deepEqual(store.load(CHIP), round % 2 === 1 ? first : second);
    }
    assert.deepEqual(nor.erases, [0, 1, 0, 1, 0, 1]);
  });

  it("writes nothing when nothing changed", () => {
    const nor = new Nor();
    const store = new SettingsStore(nor, 0);
    store.save(first);
    const { steps } = nor;
    store.save({ ...first });
    assert.equal(nor.steps, steps);
    store.load(CHIP);
    assert.equal(nor.steps, steps);
  });

  long.it("has the old or the new settings after a cut at any step of saving", () => {
    const start = new Nor();
    new SettingsStore(start, 0).save(second);
    new SettingsStore(start, 0).save(first);
    const whole = new Nor({ contents: start.bytes });
    new SettingsStore(whole, 0).save(FULL);
    for (let cut = 0; cut < whole.steps; cut += 1) {
      const nor = new Nor({ contents: start.bytes, seed: cut });
      nor.cutAfter(cut);
      assert.throws(() => new SettingsStore(nor, 0).save(FULL), PowerCut);
      nor.powerOn();
      const found = new SettingsStore(nor, 0).load(CHIP);
      assert.ok(found);
      if (!equalSettings(found, FULL)) assert.deepEqual(found, first, `cut after ${cut} steps`);
      new SettingsStore(nor, 0).save(FULL);
      assert.deepEqual(new SettingsStore(nor, 0).load(CHIP), FULL);
    }
  });

  long.it("has none or the first settings after a cut at any step of the first saving", () => {
    const whole = new Nor();
    new SettingsStore(whole, 0).save(first);
    for (let cut = 0; cut < whole.steps; cut += 1) {
      const nor = new Nor({ seed: cut });
      nor.cutAfter(cut);
      assert.throws(() => new SettingsStore(nor, 0).save(first), PowerCut);
      nor.powerOn();
      const found = new SettingsStore(nor, 0).load(CHIP);
      if (found !== undefined) assert.deepEqual(found, first);
    }
  });

  long.it("has none after erase(), and the old or none after a cut at any step of it, never older ones", () => {
    for (const saved of [[second, first], [first, second, first], [first], []]) {
      const start = new Nor();
      for (const settings of saved) new SettingsStore(start, 0).save(settings);
      const whole = new Nor({ contents: start.bytes });
      new SettingsStore(whole, 0).erase();
      assert.equal(new SettingsStore(whole, 0).load(CHIP), undefined);
      assert.ok(whole.bytes.every((byte) => byte === 0xff));
      for (let cut = 0; cut < whole.steps; cut += 1) {
        for (let seed = 0; seed < 10; seed += 1) {
          const nor = new Nor({ contents: start.bytes, seed: seed * 100 + cut });
          nor.cutAfter(cut);
          assert.throws(() => new SettingsStore(nor, 0).erase(), PowerCut);
          nor.powerOn();
          const found = new SettingsStore(nor, 0).load(CHIP);
          if (found !== undefined) assert.deepEqual(found, saved.at(-1));
        }
      }
    }
  });

  it("is not deceived by a flipped bit anywhere in the slot", () => {
    const nor = new Nor();
    const store = new SettingsStore(nor, 0);
    store.save(first);
    const used = 40 + new DataView(nor.bytes.buffer).getUint32(12, true);
    for (let at = 0; at < used; at += 1) {
      nor.bytes[at] = (nor.bytes[at] as number) ^ 1;
      assert.equal(store.load(CHIP), undefined, `byte ${at}`);
      nor.bytes[at] = (nor.bytes[at] as number) ^ 1;
    }
    assert.deepEqual(store.load(CHIP), first);
  });

  it("falls back to older settings when this firmware refuses the newer", () => {
    // Another version; a mains box with its button on RST alone.
    const changes = [
      (header: DataView) => header.setUint32(4, 1, true),
      (header: DataView) => header.setUint8(22, header.getUint8(22) | 2),
    ];
    for (const change of changes) {
      const nor = new Nor();
      const store = new SettingsStore(nor, 0);
      store.save(accepted({ ...LEAST, host: "older" }));
      store.save(first);
      store.save(second);
      reseal(nor, change);
      assert.deepEqual(store.load(CHIP), first);
      const alone = new Nor();
      new SettingsStore(alone, 0).save(second);
      reseal(alone, change);
      assert.equal(new SettingsStore(alone, 0).load(CHIP), undefined);
    }
  });

  it("is not upset by a valid slot whose lengths cannot be true", () => {
    const changes = [
      (header: DataView) => header.setUint8(24, 255),
      (header: DataView) => header.setUint8(23, 255),
      (header: DataView) => header.setUint8(23, 0),
      (header: DataView) => header.setUint32(12, 0, true),
    ];
    for (const change of changes) {
      const nor = new Nor();
      const store = new SettingsStore(nor, 0);
      store.save(first);
      reseal(nor, change);
      assert.equal(store.load(CHIP), undefined);
      store.save(first);
      assert.deepEqual(store.load(CHIP), first);
    }
  });

  it("saves in steps, and until the last one the old settings are in force", () => {
    const nor = new Nor();
    const store = new SettingsStore(nor, 0);
    store.save(first);
    store.begin(FULL);
    let steps = 1;
    for (; store.step(); steps += 1) {
      // Whoever looks after the header is written sees the new ones, which then only have to be read back.
      const found = new SettingsStore(nor, 0).load(CHIP);
      assert.deepEqual(found, steps < 8 ? first : FULL, `after step ${steps}`);
    }
    assert.equal(steps, 9);
    store.begin({ ...FULL });
    assert.equal(store.step(), false);
  });

  it("writes the CRC last, so that a torn slot cannot look valid", () => {
    const nor = new Nor();
    const written: number[] = [];
    const write = nor.write.bind(nor);
    nor.write = (offset: number, bytes: Uint8Array): void => {
      written.push(offset);
      write(offset, bytes);
    };
    new SettingsStore(nor, 0).save(first);
    const body = written.slice(0, -2);
    assert.ok(body.length > 0 && body.every((offset) => offset >= 40), "the texts, one by one");
    assert.deepEqual(written.slice(-2), [0, 36]);
  });

  it("says so when the flash does not keep the new settings; the old ones stay", () => {
    const nor = new Nor();
    const store = new SettingsStore(nor, 0);
    store.save(first);
    nor.stick(4096 + 42, 0xff);
    assert.throws(() => store.save(second), /^Error: settings: flash is worn out.*old settings stay/);
    assert.deepEqual(store.load(CHIP), first);
    nor.deadSectors.add(1);
    assert.throws(() => store.save(second), /worn out/);
    assert.deepEqual(store.load(CHIP), first);
  });

  it("takes the second slot for the first settings when the first slot is worn", () => {
    const nor = new Nor();
    nor.stick(3, 0xff);
    const store = new SettingsStore(nor, 0);
    store.save(first);
    assert.deepEqual(store.load(CHIP), first);
    const dead = new Nor();
    dead.deadSectors.add(0).add(1);
    assert.throws(() => new SettingsStore(dead, 0).save(first), /worn out/);
  });

  it("refuses settings that do not fit a sector", () => {
    const nor = new Nor({ sectorSize: 128 });
    const store = new SettingsStore(nor, 0);
    assert.throws(() => store.save({ ...first, user: "u".repeat(100) }), { name: "RangeError", message: /shorten/ });
    assert.equal(store.load(CHIP), undefined);
  });

  it("clears the bits of a slot that the chip does not erase, and says so when it cannot", () => {
    const nor = new Nor();
    const store = new SettingsStore(nor, 0);
    store.save(first);
    nor.erase = (): void => {
      throw new Error("erase fail");
    };
    store.erase();
    assert.equal(store.load(CHIP), undefined);
    assert.ok(nor.bytes.every((byte) => byte === 0));
    const mute = new Nor();
    new SettingsStore(mute, 0).save(first);
    mute.erase = (): void => undefined;
    assert.throws(() => new SettingsStore(mute, 0).erase(), /cannot be erased/);
  });

  it("keeps the newer slot when the generation passes 2^31 and 2^32", () => {
    for (const generation of [0x7fffffff, 0xffffffff]) {
      const nor = new Nor();
      const store = new SettingsStore(nor, 0);
      store.save(first);
      reseal(nor, (header) => header.setUint32(8, generation, true));
      assert.deepEqual(store.load(CHIP), first);
      store.save(second);
      assert.deepEqual(store.load(CHIP), second);
      store.save(first);
      assert.deepEqual(store.load(CHIP), first);
      assert.deepEqual(nor.erases, [0, 1, 0]);
    }
  });
});

describe("a mark beside the settings", () => {
  const first = checkSettings(LEAST, CHIP) as Settings;
  const second = { ...first, port: 1884 };
  const third = { ...first, port: 1885 };
  const HOME_ASSISTANT = 0x70001;
  const NONE = 0x70002;

  function stored(nor = new Nor()): { nor: Nor; store: SettingsStore } {
    const store = new SettingsStore(nor, 0);
    store.save(first);
    return { nor, store };
  }

  it("cannot be told from another where there are no settings", () => {
    const store = new SettingsStore(new Nor(), 0);
    store.append(7);
    assert.ok(store.isMarked(7));
  });

  it("is the last one that was put, and known beside the next settings too, and those after them", () => {
    const { store } = stored();
    assert.ok(!store.isMarked(HOME_ASSISTANT));
    store.append(NONE);
    store.append(HOME_ASSISTANT);
    assert.deepEqual([store.isMarked(NONE), store.isMarked(HOME_ASSISTANT)], [false, true]);
    for (const settings of [second, third, first]) {
      store.save(settings);
      assert.ok(store.isMarked(HOME_ASSISTANT), "the same was told by these settings");
    }
  });

  it("of settings that were replaced before all of it was told says what else may be retained", () => {
    const { store } = stored();
    store.append(HOME_ASSISTANT);
    store.save({ ...first, convention: "homie" });
    assert.ok(store.isMarked(HOME_ASSISTANT), "nothing is known to be told yet");
    store.save({ ...first, convention: "tasmota" });
    assert.ok(!store.isMarked(HOME_ASSISTANT));
    assert.equal(store.former, HOME_ASSISTANT | 0b0100);
    store.save({ ...first, convention: "none" });
    store.isMarked(0);
    assert.equal(store.former, HOME_ASSISTANT | 0b1100);
  });

  it("is there without any having been put, once settings are replaced: all that the first may have told", () => {
    const { store } = stored();
    store.save({ ...first, convention: "homie" });
    store.isMarked(0);
    assert.equal(store.former, 0b0001);
    store.save(second);
    store.isMarked(0);
    assert.equal(store.former, 0b0101);
    // Those of a box that is new begin without.
    store.erase();
    store.save(first);
    store.isMarked(0);
    assert.equal(store.former, 0);
  });

  it("is beside new settings as soon as these are in force, wherever the power fails", () => {
    const { nor, store } = stored();
    store.append(NONE);
    const before = nor.bytes.slice();
    let cut = 0;
    for (; ; cut += 1) {
      const { nor: torn, store: again } = stored();
      torn.bytes.set(before);
      torn.cutAfter(cut);
      try {
        again.save(second);
        break;
      } catch (error) {
        assert.ok(error instanceof PowerCut, String(error));
      }
      torn.powerOn();
      again.isMarked(0);
      assert.equal(again.former, again.load(CHIP)?.port === 1884 ? NONE | 1 : NONE);
    }
    assert.ok(cut > 40);
  });

  it("leaves the settings what they are, up to the end of the sector and beyond", () => {
    const { nor, store } = stored();
    for (let mark = 1; mark <= 1100; mark += 1) store.append(mark);
    assert.deepEqual(store.load(CHIP), first);
    assert.ok(
      nor.bytes.subarray(4096).every((byte) => byte === 0xff),
      "the other slot is blank",
    );
    assert.ok(!store.isMarked(1100), "there is no room for more than 1,000");
    assert.ok(!store.isMarked(700));
  });

  it("is put, or is not, or is another one, wherever the power fails; the settings stay", () => {
    for (let cut = 0; cut < 4; cut += 1) {
      for (let seed = 1; seed <= 20; seed += 1) {
        const { nor, store } = stored(new Nor({ seed }));
        store.append(0x12345678);
        nor.cutAfter(cut);
        assert.throws(() => store.append(0x0f0f0f0f), PowerCut);
        nor.powerOn();
        assert.deepEqual(store.load(CHIP), first);
        // What follows a torn mark counts.
        store.append(0x00ff00ff);
        assert.ok(store.isMarked(0x00ff00ff));
      }
    }
  });
});
