// The image: linked as the firmware is on the chip, preloaded modules once and frozen, the rest anew at each boot, and
// every stack trace and coverage figure leads to the right line of TypeScript.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "mocha";
import { deepFreeze } from "../../host-sim/deep-freeze.js";
import { globalsWith, loadImage } from "../../host-sim/image.js";
import { rig } from "./rig.js";

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

interface Found {
  named: string;
  half: number;
  grown: number;
  Shape: { new (): { grow(): number }; limits: { sides: number }; prototype: object };
  Table: { first: { second: number[] }; bytes: Uint8Array };
  random: number;
  floor: number;
  System: unknown;
  absent: string[];
  strict: boolean;
  fail: () => never;
}

function bootLinked(): { found: Found; traced: string[] } {
  let found: Found | undefined;
  const traced: string[] = [];
  const resolve = (specifier: string): unknown => {
    if (specifier !== "report") throw new Error(`module "${specifier}" not found`);
    return { extra: "by name", default: (value: Found) => (found = value) };
  };
  const globals = {
    trace: (text: string) => traced.push(text),
    Math: Object.create(Math, { random: { value: () => 0.25 } }),
    System: "the system",
  };
  loadImage(fixture("linked")).boot(resolve, globals);
  assert.ok(found !== undefined);
  return { found, traced };
}

describe("the image", () => {
  it("links relative imports inside, bare ones from the board, circles included", () => {
    const { found } = bootLinked();
    assert.equal(found.named, "by name");
    assert.equal(found.half, 2.5);
    assert.equal(found.grown, 1);
    assert.equal(found.strict, true, "module code is strict");
  });

  it("gives the board's globals, and nothing of Node's", () => {
    const { found } = bootLinked();
    assert.equal(found.random, 0.25);
    assert.equal(found.floor, 1);
    assert.equal(found.System, "the system");
    assert.deepEqual(new Set(found.absent), new Set(["undefined"]));
  });

  it("is built once; a boot makes modules with state anew and shares the preloaded ones", () => {
    assert.equal(loadImage(fixture("linked")), loadImage(fixture("linked")));
    const first = bootLinked();
    const second = bootLinked();
    assert.deepEqual([first.traced, second.traced], [["count 1\n"], ["count 1\n"]]);
    assert.equal(first.found.Shape, second.found.Shape);
    assert.notEqual(first.found.fail, second.found.fail);
  });

  it("freezes what is preloaded to the last level, base classes and prototypes included, and spares the language", () => {
    const { Shape, Table } = bootLinked().found;
    const frozen: object[] = [Shape, Shape.prototype, Shape.limits, Table, Table.first, Table.first.second];
    frozen.push(Object.getPrototypeOf(Shape), Object.getPrototypeOf(Shape.prototype));
    for (const object of frozen) assert.ok(Object.isFrozen(object));
    assert.throws(() => Table.first.second.push(4), TypeError);
    assert.equal(new Shape().grow(), 1, "instances are the application's own");
    const shared: object[] = [Object, Object.prototype, Array.prototype, Function.prototype, Uint8Array, Error];
    shared.push(Math, Math.floor, Object.getPrototypeOf(Uint8Array));
    for (const object of shared) assert.ok(!Object.isFrozen(object));
  });

  it("tells where a link is broken", () => {
    const boot = (name: string): void => loadImage(fixture(name)).boot(() => ({ default: {} }), {});
    assert.throws(() => loadImage(fixture("nowhere")), /no firmware: .*main\.ts does not exist/);
    assert.throws(() => boot("broken-link"), /main\.ts: import "\.\/device\/missing\.js": no such module/);
    assert.throws(() => boot("outside"), /leads out of the image/);
    assert.throws(() => boot("no-default"), /default export is not a function/);
    const pure = /mqtt\/impure\.ts: a preloaded module imports "time"/;
    assert.throws(() => boot("impure"), pure);
    assert.throws(() => boot("impure"), pure, "and again at the next boot");
    assert.throws(() => boot("preload-random"), /no random numbers/);
    const unknown = (specifier: string): never => {
      throw new Error(`module "${specifier}" not found on this board`);
    };
    assert.throws(() => loadImage(fixture("linked")).boot(unknown, {}), /module "report" not found/);
  });

  it("has stack traces with the file and line of the source", () => {
    const { found } = bootLinked();
    try {
      found.fail();
      assert.fail("it throws");
    } catch (error) {
      const source = readFileSync(join(fixture("linked"), "main.ts"), "utf8").split("\n");
      const line = 1 + source.findIndex((text) => text.includes("line 32 of main.ts"));
      assert.match((error as Error).stack ?? "", new RegExp(`fixtures/linked/main\\.ts:${line}:`));
    }
  });

  it("shows in coverage which lines of TypeScript ran, and which functions never did", () => {
    const directory = mkdtempSync(join(tmpdir(), "image-coverage-"));
    try {
      const url = new URL("../../host-sim/image.ts", import.meta.url).href;
      const script = `const { loadImage } = await import(${JSON.stringify(url)});
        const report = { default() {}, extra: "" };
        loadImage(${JSON.stringify(fixture("linked"))}).boot(() => report, { trace() {}, Math });`;
      const c8 = fileURLToPath(new URL("../../node_modules/c8/bin/c8.js", import.meta.url));
      const root = fileURLToPath(new URL("../..", import.meta.url));
      const config = join(directory, "c8.json");
      const include = ["test/host-sim/fixtures/linked/**"];
      writeFileSync(
        config,
        JSON.stringify({ all: false, excludeAfterRemap: true, include, exclude: [], reporter: ["json"] }),
      );
      const options = ["--config", config, "--reports-dir", join(directory, "report")];
      options.push("--temp-directory", join(directory, "raw"));
      const node = [process.execPath, "--import", "tsx/esm", "--input-type=module", "-e", script];
      const run = spawnSync(process.execPath, [c8, ...options, ...node], {
        cwd: root,
        encoding: "utf8",
        timeout: 240_000,
      });
      assert.equal(run.status, 0, run.stderr);
      const report = JSON.parse(readFileSync(join(directory, "report/coverage-final.json"), "utf8"));
      const file = join(fixture("linked"), "device/counter.ts");
      const counts = Object.values(report[file].s as Record<string, number>);
      const source = readFileSync(file, "utf8").split("\n");
      const missed = source.filter((_, index) => counts[index] === 0);
      assert.deepEqual(missed, ['  return "so coverage must show this line as missing";', "}"]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe("deepFreeze", () => {
  it("follows getters, cycles and primitives without tripping", () => {
    const inner = { value: 1 };
    const outer: { inner: object; text: string; nothing: null; self?: object } = { inner, text: "x", nothing: null };
    outer.self = outer;
    Object.defineProperty(outer, "asked", { get: () => assert.fail("a getter must not be called"), enumerable: true });
    deepFreeze(outer);
    deepFreeze(7);
    assert.ok(Object.isFrozen(outer) && Object.isFrozen(inner));
  });

  it("gives each boot a global object of its own, with the language's globals and without Node's", () => {
    const image = loadImage(fixture("hooked"));
    const { clock, board } = rig(() => {}, { image });
    clock.run(250);
    const lines = board.log.filter((line) => !/^ +at |^XS abort/.test(line));
    assert.deepEqual(lines, [
      "true undefined undefined",
      "unhandled exception: broken",
      "true undefined undefined",
      "unhandled exception: broken",
    ]);
    const globals = globalsWith({ trace: 1, Math: 2 });
    assert.deepEqual({ ...globals }, { trace: 1, Math: 2 });
    assert.equal(globals["globalThis"], globals);
    for (const name of ["Date", "console", "process", "setTimeout"]) assert.equal(name in globals, false);
    for (const name of ["Array", "parseInt", "undefined", "Infinity"]) assert.equal(name in globals, true);
  });
});
