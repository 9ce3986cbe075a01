// `flash`, `chip`, `mc/config` and `System` as firmware meets them.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { NorFlash } from "../../../host-sim/nor-flash.js";
import { running } from "../rig.js";

interface Flash {
  erase(sector: number): void;
  read(offset: number, byteLength: number): ArrayBuffer;
  readString(offset: number, byteLength: number): string;
  write(offset: number, byteLength: number, buffer: unknown): void;
  map(): unknown;
  readonly byteLength: number;
  readonly blockSize: number;
}
type FlashClass = new (partition?: string) => Flash;

function open() {
  const made = running({ flash: new NorFlash(3 * 4096) });
  const FlashClass = made.chip.use<FlashClass>("flash");
  return { ...made, FlashClass, flash: new FlashClass("storage") };
}

describe("flash", () => {
  it("opens the partition `storage` and no other", () => {
    const { FlashClass, flash } = open();
    assert.deepEqual([flash.byteLength, flash.blockSize], [12288, 4096]);
    assert.throws(() => new FlashClass("nvs"), /unknown partition/);
    assert.throws(() => new FlashClass(), /unknown partition/);
    assert.throws(() => flash.map(), /unsupported/);
  });

  it("writes so many bytes of a buffer, at any offset, and reads them back as bytes or text", () => {
    const { flash } = open();
    const text = ArrayBuffer.fromString("čvor and more");
    flash.write(4093, 5, text);
    flash.write(1, 2, Uint8Array.of(9, 1, 2).subarray(1));
    flash.write(3, 1, new DataView(Uint8Array.of(3).buffer));
    assert.equal(flash.readString(4093, 5), "čvor");
    assert.deepEqual(new Uint8Array(flash.read(0, 5)), Uint8Array.of(255, 1, 2, 3, 255));
    flash.erase(0);
    assert.deepEqual(new Uint8Array(flash.read(4094, 4)), Uint8Array.of(255, 255, 111, 114));
  });

  it("has the errors of flash.c", () => {
    const { flash } = open();
    assert.throws(() => flash.erase(3), /invalid sector/);
    assert.throws(() => flash.erase(-1), /invalid sector/);
    assert.throws(() => flash.read(12288, 1), /invalid offset/);
    assert.throws(() => flash.read(-1, 1), /invalid offset/);
    assert.throws(() => flash.read(0, 0), /invalid length/);
    assert.throws(() => flash.readString(12287, 2), /invalid length/);
    assert.throws(() => flash.write(0, 4, new Uint8Array(3)), /^Error: invalid$/);
    assert.throws(() => flash.write(0, 4, [1, 2, 3, 4]), TypeError);
    assert.throws(() => flash.write(12288, 4, new Uint8Array(4)), /invalid offset/);
  });

  it("takes time, and nothing else runs meanwhile", () => {
    const { clock, chip, flash } = open();
    const heard: number[] = [];
    const Time = chip.use<{ ticks: number }>("time");
    chip.use<{ set(callback: () => void, ms: number): void }>("timer").set(() => heard.push(Time.ticks), 10);
    flash.erase(0);
    assert.equal(Time.ticks, 45);
    clock.run(44);
    assert.deepEqual(heard, []);
    clock.run(10);
    assert.deepEqual(heard, [45]);
  });
});

describe("mc/config", () => {
  it("is what the board was made with, frozen", () => {
    const given = { button: 5, settings: { wifi: [{ ssid: "home" }] } };
    const { chip } = running({ config: given });
    const config = chip.use<typeof given>("mc/config");
    assert.deepEqual(config, given);
    assert.throws(() => config.settings.wifi.push({ ssid: "other" }), TypeError);
    given.settings.wifi.push({ ssid: "other" });
    assert.equal(config.settings.wifi.length, 1);
  });
});

describe("a board's modules", () => {
  it("are made once a boot, and are no more than there are", () => {
    const { chip } = running();
    assert.equal(chip.use("timer"), chip.use("timer"));
    assert.throws(() => chip.use("http"), /module "http" not found on this board/);
    assert.throws(() => chip.use("toString"), /not found/);
  });
});

describe("System", () => {
  it("resolves names one after the other, never inside the call", () => {
    const { clock, board, chip } = running();
    const heard: string[] = [];
    const asked: string[] = [];
    const answers: ((address: string | undefined) => void)[] = [];
    board.network.resolve = (_host, name, callback) => {
      asked.push(name);
      answers.push(callback);
    };
    const resolve = chip.System.resolve as unknown as (
      name: string,
      callback: (name: string, address?: string) => void,
    ) => void;
    resolve("broker.local", (name, address) => heard.push(`${name} ${address}`));
    resolve("nowhere", (name, address) => heard.push(`${name} ${address}`));
    assert.deepEqual(asked, ["broker.local"]);
    answers[0]?.("10.0.0.2");
    assert.deepEqual(heard, []);
    clock.run(1);
    assert.deepEqual(heard, ["broker.local 10.0.0.2"]);
    answers[1]?.(undefined);
    clock.run(1);
    assert.deepEqual(heard, ["broker.local 10.0.0.2", "nowhere undefined"]);
    resolve("late", () => assert.fail("no power"));
    board.cutPower();
    answers[2]?.("10.0.0.2");
    clock.run(1);
    assert.throws(() => resolve("x", () => {}), /boot has ended/);
    assert.throws(() => chip.System.restart(), /boot has ended/);
    assert.throws(() => chip.System.deepSleep(0), /boot has ended/);
  });

  it("gives chance that the seed decides", () => {
    const draw = () => {
      const { chip } = running();
      return [chip.Math.random(), chip.Math.random(), chip.Math.max(1, 2)];
    };
    assert.deepEqual(draw(), draw());
    assert.notEqual(draw()[0], Math.random());
  });
});
