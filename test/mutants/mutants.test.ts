// The hunt for deliberate faults itself. The whole of it takes minutes and is `npm run mutants`; here: each fault still
// has its place in the code, one of each kind is caught, and docs/proof.md tells of all of them.

import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, it } from "mocha";
import { type Said, say } from "../board/machine.js";
import { MUTANTS } from "./mutant-list.js";
import { mutants, mutate } from "./mutants.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

function command(...args: string[]): Promise<Said> {
  return say(mutants, args, { root });
}

describe("npm run mutants", () => {
  it("has for each fault a place in src that is there once, and another text to put there", () => {
    for (const mutant of MUTANTS) {
      assert.notEqual(mutant.find, mutant.replace, mutant.name);
      rmSync(mutate(`${root}/src`, mutant), { recursive: true });
    }
  });

  it("has at least twenty, each with a name of its own and a row in docs/proof.md", () => {
    const names = MUTANTS.map(({ name }) => name);
    assert.ok(names.length >= 20);
    assert.equal(new Set(names).size, names.length);
    const page = readFileSync(`${root}/docs/proof.md`, "utf8");
    const rows = [...page.matchAll(/^\| ([^|]+) \| (?:campaign|conformance) \|/gm)].map(([, name]) => name);
    assert.deepEqual(rows, names);
  });

  it("says who caught one, in words and as a row of the page", async () => {
    const { status, out, err } = await command("--only", "received is not written down", "--seeds", "20");
    assert.equal(status, 0, err);
    assert.match(out, /✓ 1 of 1 caught\n$/);
    const page = await command("--only", "received is not written down", "--seeds", "20", "--markdown");
    assert.match(page.out, /^\| received is not written down \| campaign \| seed \d+: /m);
  });

  it("ends with status 1 for one that nobody notices", async () => {
    const { status, out } = await command("--only", "the LED shows sent at PUBREC", "--seeds", "1");
    assert.equal(status, 1);
    assert.match(out, /✗ 1 survived/);
  });

  it("names what there is when asked for another", async () => {
    const { status, err } = await command("--only", "nonsense");
    assert.equal(status, 2);
    assert.match(err, /there is no mutant "nonsense"; --list names them/);
    assert.equal((await command("--list")).out, MUTANTS.map(({ name }) => `${name}\n`).join(""));
  });
});
