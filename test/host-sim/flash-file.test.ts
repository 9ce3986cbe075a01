// The file that keeps a board's flash: what it holds after each change, and what it takes for a flash.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { FlashFile, FlashFileError } from "../../host-sim/flash-file.js";
import { NorFlash } from "../../host-sim/nor-flash.js";
import type { KeptStation } from "../../host-sim/radio.js";

const HOME: KeptStation = Object.freeze({
  config: { ssid: "home", password: "correct horse", bssid: undefined, channel: undefined },
  hasKey: true,
});

describe("host-sim/flash-file", () => {
  let folder: string;
  let path: string;
  let flash: NorFlash;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "alertbox-flash-"));
    path = join(folder, "box.flash");
    flash = new NorFlash();
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it("brings flash and station back after every change, without being closed", () => {
    const file = new FlashFile(path, flash);
    assert.equal(file.station, undefined);
    flash.write(8, Uint8Array.of(1, 2, 3, 4));
    file.station = HOME;
    const again = new NorFlash();
    assert.deepEqual(new FlashFile(path, again).station, HOME);
    assert.deepEqual([...again.read(8, 4)], [1, 2, 3, 4]);
    file.station = undefined;
    assert.equal(new FlashFile(path, new NorFlash()).station, undefined);
    assert.deepEqual(readdirSync(folder), ["box.flash"]);
  });

  it("keeps the firmware's region first, as it is", () => {
    const file = new FlashFile(path, flash);
    file.station = HOME;
    assert.deepEqual(readFileSync(path).subarray(0, flash.byteLength), Buffer.from(flash.save()));
  });

  it("writes nothing when nothing changed, and nothing once it is closed", () => {
    const file = new FlashFile(path, flash);
    file.station = HOME;
    file.close();
    const before = readFileSync(path);
    rmSync(path);
    file.station = HOME;
    flash.write(0, Uint8Array.of(0, 0, 0, 0));
    assert.deepEqual(readdirSync(folder), []);
    writeFileSync(path, before);
  });

  it("takes an empty file, and one of before it kept a station", () => {
    writeFileSync(path, "");
    new FlashFile(path, flash);
    writeFileSync(path, flash.save());
    assert.equal(new FlashFile(path, new NorFlash()).station, undefined);
  });

  for (const [what, trailer] of [
    ["text", "and they lived happily ever after"],
    ["JSON that is no object", "7"],
    ["null", "null"],
    ["a station without a name", '{"station":{"config":{},"hasKey":true}}'],
    ["a station without its parts", '{"station":{}}'],
    ["no station", '{"station":null}'],
  ] as const) {
    it(`refuses a flash that is followed by ${what}, and leaves it as it is`, () => {
      const bytes = Buffer.concat([flash.save(), Buffer.from(trailer)]);
      writeFileSync(path, bytes);
      assert.throws(() => new FlashFile(path, new NorFlash()), FlashFileError);
      assert.deepEqual(readFileSync(path), bytes);
    });
  }
});
