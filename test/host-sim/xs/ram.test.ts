// `npm run ram`: what it measures adds up, both engines agree to the byte, any script can be measured, and wrong use is
// told in a line.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";
import { runBundle } from "../../../host-sim/xs/bundle.js";
import { differences, type Figures, stockRecord } from "../../../host-sim/xs/figures.js";
import { ram, ramText } from "../../../host-sim/xs/ram.js";
import { projectDirectory } from "../../../host-sim/xs/sources.js";
import { say } from "../../board/machine.js";
import { enginesOrSkip } from "./engines.js";

const script = (name: string): string => join(projectDirectory, `test/host-sim/xs/fixtures/scripts/${name}`);

interface Told {
  name: string;
  moments: { name: string; live: { slots: number; chunkBytes: number } }[];
}

interface Output {
  told: Told[];
  toldTarget: Told[];
  blocks: { stack: number; bytes?: number; confirmed: boolean }[];
  guarded: Record<string, number>;
  faults: string[];
}

describe("npm run ram", () => {
  let measured: Figures | undefined;

  it("measures the firmware and the client on both engines, which agree to the byte", async function () {
    await enginesOrSkip(this);
    const { out, err, status } = await say(ram, ["--json", "--reconnects", "3", "--messages", "5"]);
    const figures = JSON.parse(out) as Output;
    measured = JSON.parse(out) as Figures;
    const live = (told: Told[]): unknown =>
      told.map(({ moments }) => moments.map(({ name, live: { slots, chunkBytes } }) => [name, slots, chunkBytes]));
    assert.deepEqual(live(figures.told), live(figures.toldTarget));
    assert.ok(figures.told.length === 3 && figures.told.every(({ moments }) => moments.length > 1));
    for (const { bytes, confirmed } of figures.blocks) assert.equal(confirmed, bytes !== undefined);
    assert.ok(figures.blocks.some(({ bytes }) => bytes !== undefined && bytes % 32 === 0));
    assert.ok(!figures.faults.some((fault) => /lx106/.test(fault)), figures.faults.join("\n"));
    assert.equal(status, figures.faults.length === 0 ? 0 : 1);
    for (const fault of figures.faults) assert.ok(err.includes(`alertbox: ${fault}\n`));
    assert.match(err, /^ +0 s {2}daily life on the host …$/m);
    for (const title of ["daily life on the host", "first setup on lx106", "the client alone on lx106"]) {
      assert.match(err, new RegExp(`^ +\\d+ s {2}${title}: done in \\d+ s$`, "m"));
    }
    assert.equal(figures.guarded["client, after all reconnects and messages: bytes more"], 0);
  });

  it("prints tables for people", async function () {
    await enginesOrSkip(this);
    assert.ok(measured !== undefined, "the test before has measured it");
    const text = ramText(measured);
    for (const row of [
      /connected, idle +[\d,]+ +[\d,]+ +[\d,]+/,
      /smallest block/,
      /src\/mqtt in all/,
      /deepest C stack/,
    ]) {
      assert.match(text, row);
    }
  });

  it("measures any script, beyond its first mark", async function () {
    await enginesOrSkip(this);
    const { out, err, status } = await say(ram, ["--json", "--bundle", script("small.js")]);
    assert.equal(status, 0, err);
    const { host } = JSON.parse(out) as {
      host: { rows: { name: string; live: { slots: number; chunkBytes: number } }[] };
    };
    const [empty, looped, filled] = host.rows.map(({ live }) => live);
    assert.ok(empty !== undefined && looped !== undefined && filled !== undefined);
    assert.equal(looped.chunkBytes - empty.chunkBytes, 24, "an array with one element: a chunk");
    assert.ok(filled.chunkBytes - looped.chunkBytes >= 1000 && filled.chunkBytes - looped.chunkBytes < 1040);
    const text = await say(ram, ["--bundle", script("small.js")]);
    assert.match(text.out, /with 1,000 bytes +\d+ +1,0\d\d/);
  });

  it("obeys what a script orders of broker and network", async function () {
    const { host } = await enginesOrSkip(this);
    const { rows } = runBundle(host, script("echo.js"), { reconnects: 1, messages: 1, record: stockRecord });
    assert.deepEqual(
      rows.map(({ name }) => name),
      ["SUBACK held", "SUBACK true", "25 bytes came", "dropped"],
    );
  });

  it("says what is wrong with a script", async function () {
    await enginesOrSkip(this);
    const directory = mkdtempSync(join(tmpdir(), "alertbox-script-"));
    const syntax = join(directory, "syntax.js");
    writeFileSync(syntax, "export default function (a {}\n");
    const wrong: [string, RegExp][] = [
      ["missing.js", /missing\.js: no such file/],
      [syntax, /syntax\.js:1:27: ERROR/],
      ["throws.js", /TypeError/],
      ["silent.js", /marked nothing/],
      ["stranger.js", /module "stranger" not found/],
    ];
    for (const [name, expected] of wrong) {
      const { status, err } = await say(ram, ["--bundle", name === syntax ? name : script(name)]);
      assert.equal(status, 1, name);
      assert.match(err.split("\n").at(-2) ?? "", expected);
      assert.doesNotMatch(err, /should not happen/, name);
    }
    rmSync(directory, { recursive: true });
  });

  it("has a help, and tells wrong options", async () => {
    const help = await say(ram, ["--help"]);
    assert.equal(help.status, 0);
    assert.match(help.out, /--bundle file\.js/);
    for (const [args, expected] of [
      [["--reconnect"], /there is no option --reconnect; there are --json/],
      [["--reconnects", "many"], /--reconnects is a whole number/],
      [["--bundle"], /--bundle needs a value/],
      [["--lower", "--reconnects", "5"], /--lower needs the whole measurement/],
      [["--lower", "--bundle", "file.js"], /--lower needs the whole measurement/],
    ] as const) {
      const { status, err } = await say(ram, args);
      assert.equal(status, 2);
      assert.match(err, expected);
    }
  });

  it("names the moments at which the engines differ", () => {
    const live = {
      slots: 1,
      chunkBytes: 2,
      free: 0,
      smallestFree: 0,
      instructions: 0,
      slotsReserved: 0,
      chunkBytesReserved: 0,
      keys: 0,
    };
    const first = [
      { name: "a", live },
      { name: "b", live },
      { name: "c", live },
    ];
    const second = [
      { name: "a", live },
      { name: "b", live: { ...live, slots: 3 } },
    ];
    assert.deepEqual(differences(first, second), ["b: 1 slots and 2 B on the host, 3 slots and 2 B on lx106"]);
  });
});
