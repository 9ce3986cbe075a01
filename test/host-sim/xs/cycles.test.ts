// `npm run cycles`: every kind of event has its turns, two runs agree, a script is measured from mark to mark, and
// wrong use is told in a line.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "mocha";
import { runBundle } from "../../../host-sim/xs/bundle.js";
import { cycles, largeRecord } from "../../../host-sim/xs/cycles.js";
import { projectDirectory } from "../../../host-sim/xs/sources.js";
import { say } from "../../board/machine.js";
import { enginesOrSkip } from "./engines.js";

const script = (name: string): string => join(projectDirectory, `test/host-sim/xs/fixtures/scripts/${name}`);

interface Output {
  turns: { kind: string; name: string; natives: string[]; instructions: number; collection: number }[];
  client: { name: string; instructions: number; collections: number }[];
  floor: { name: string; instructions: number; collections: number }[];
  guarded: Record<string, number>;
  faults: string[];
}

describe("npm run cycles", () => {
  let first: Output | undefined;

  it("counts every kind of event", async function () {
    await enginesOrSkip(this);
    const { out, err, status } = await say(cycles, ["--json"]);
    first = JSON.parse(out) as Output;
    const kinds = new Set(first.turns.map(({ kind }) => kind));
    for (const kind of [
      ...["boot", "edge of the button", "debounce end: journal write", "QoS 2 PUBLISH", "PUBREC", "PUBCOMP"],
      ...["PINGREQ and PINGRESP", "message of 16 B in", "message of 256 B in", "message of 1024 B in", "DNS query"],
      ...["HTTP request: the page", "HTTP request: the form", "cmd/config of 476 B tried and stored"],
    ]) {
      assert.ok(kinds.has(kind), kind);
    }
    for (const { kind, instructions, collection } of first.turns) {
      assert.ok(instructions > 1000 && collection > 10_000, `${kind}: ${instructions} and ${collection}`);
    }
    // The press is in flash before anything else happens.
    const [journal, publish] = ["debounce end", "QoS 2 PUBLISH"].map((start) =>
      (first as Output).turns.findIndex(({ kind }) => kind.startsWith(start)),
    ) as [number, number];
    assert.ok(journal >= 0 && journal < publish, `${journal}, ${publish}`);
    assert.ok(!first.turns[journal]?.natives.includes("embedded:io/socket/tcp write"));
    assert.ok(first.client.every(({ collections }) => collections === 0));
    assert.equal(status, first.faults.length === 0 ? 0 : 1);
    for (const fault of first.faults) assert.ok(err.includes(`alertbox: ${fault}\n`));
  });

  it("counts the floor under the client: rows of the same names, each smaller", async function () {
    await enginesOrSkip(this);
    assert.ok(first !== undefined, "the test before has counted");
    const { client, floor } = first;
    const names = floor.map(({ name }) => name);
    for (const name of ["QoS 2 publish, to PUBCOMP", ...[16, 256].map((size) => `message of ${size} B, QoS 0`)]) {
      assert.ok(names.includes(name), name);
    }
    assert.ok(names.includes("message of 1,024 B, QoS 0"));
    for (const { name, instructions, collections } of floor) {
      const own = client.find((row) => row.name === name);
      assert.ok(own !== undefined, `${name}: a row of the client`);
      assert.ok(instructions > 0 && instructions < own.instructions, `${name}: ${instructions} of ${own.instructions}`);
      assert.equal(collections, 0, name);
    }
  });

  it("counts the same again, to one per mille", async function () {
    await enginesOrSkip(this);
    const { out } = await say(cycles, ["--json"]);
    const second = JSON.parse(out) as Output;
    const before = first?.turns ?? [];
    assert.equal(second.turns.length, before.length);
    second.turns.forEach(({ kind, instructions, collection }, index) => {
      const other = before[index];
      assert.equal(kind, other?.kind);
      assert.ok(Math.abs(instructions / (other?.instructions ?? 0) - 1) <= 0.001, kind);
      assert.ok(Math.abs(collection / (other?.collection ?? 0) - 1) <= 0.001, kind);
    });
  });

  it("prints tables for people, the worst first, and says what they claim", async function () {
    await enginesOrSkip(this);
    const { out } = await say(cycles, []);
    const rows = out.split("\n").filter((line) => / k {2}/.test(line));
    const worst = rows.map((line) => Number((line.split(/ {2,}/)[5] ?? "").replaceAll(",", "")));
    assert.ok(worst.length > 10);
    assert.deepEqual(
      worst,
      [...worst].sort((a, b) => b - a),
    );
    assert.match(out, /not\s+milliseconds/);
    assert.match(out, /guarded figure/);
    const [, client = "", floor = "", beyond = ""] =
      /client, instructions .*\n {2}QoS 2 publish, to PUBCOMP +(\S+) +(\S+) +(\S+)\n/.exec(out) ?? [];
    const number = (text: string): number => Number(text.replaceAll(",", ""));
    assert.ok(number(floor) > 30_000 && number(client) - number(floor) === number(beyond), out);
  });

  it("measures a script from mark to mark, without the turns that mark", async function () {
    const { target } = await enginesOrSkip(this);
    const { rows } = runBundle(target, script("small.js"), { reconnects: 1, messages: 1, record: largeRecord });
    assert.deepEqual(
      rows.map(({ name, turns }) => [name, turns]),
      [
        ["empty", 1],
        ["after a loop", 1],
        ["with 1,000 bytes", 1],
      ],
    );
    const [loop = 0, buffer = 0] = rows.map(({ instructions }) => instructions);
    assert.ok(loop > 100 * 300 && loop < 100 * 3000, `${loop} for a hundred rounds`);
    assert.ok(buffer < 20_000, `${buffer} for one buffer`);
    const { out, status } = await say(cycles, ["--bundle", script("small.js")]);
    assert.equal(status, 0);
    assert.match(out, /after a loop +1 +[\d,]+/);
  });

  it("has a help, and tells wrong options and wrong scripts", async function () {
    assert.match((await say(cycles, ["--help"])).out, /--bundle file\.js/);
    const wrong = await say(cycles, ["--quick"]);
    assert.equal(wrong.status, 2);
    assert.match(wrong.err, /there is no option --quick/);
    const lower = await say(cycles, ["--lower", "--bundle", script("small.js")]);
    assert.equal(lower.status, 2);
    assert.match(lower.err, /--lower needs the whole measurement/);
    await enginesOrSkip(this);
    const missing = await say(cycles, ["--bundle", script("missing.js")]);
    assert.equal(missing.status, 1);
    assert.match(missing.err, /no such file/);
  });
});
