// The rules of DESIGN §4, §14 and §15, checked on every file of src, and each rule shown to fail on a file that breaks
// it.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import { describe, it } from "mocha";
import { breaches, importsOf, type SourceFile, valueImportsAcross } from "./rules.js";

const ROOT = new URL("..", import.meta.url).pathname;

function sources(folder: string): SourceFile[] {
  return readdirSync(`${ROOT}${folder}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts"))
    .map((entry) => `${entry.parentPath}${sep}${entry.name}`)
    .map((path) => ({ path: relative(ROOT, path).replaceAll(sep, "/"), text: readFileSync(path, "utf8") }));
}

function assertBreach(path: string, text: string, expected: RegExp): void {
  const found = [...breaches({ path, text }), ...valueImportsAcross({ path, text })];
  assert.ok(
    found.some((line) => expected.test(line)),
    `expected a breach like ${expected}, found: ${found.join("; ") || "none"}`,
  );
}

describe("architecture of src", () => {
  const files = sources("src");

  it("has files in each folder that the design names", () => {
    for (const folder of ["src/mqtt/", "src/alertbox/", "src/setup/", "src/device/"]) {
      assert.ok(
        files.some((file) => file.path.startsWith(folder)),
        folder,
      );
    }
    assert.ok(files.some((file) => file.path === "src/main.ts"));
  });

  for (const file of files) {
    it(`${file.path} keeps the rules`, () => {
      assert.deepEqual([...breaches(file), ...valueImportsAcross(file)], []);
    });
  }

  it("names files in kebab-case, one noun each", () => {
    for (const { path } of [...files, ...sources("host-sim"), ...sources("board"), ...sources("shell")]) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)*\.(d\.)?ts$/, path);
      assert.doesNotMatch(name, /util|helper|common|manager/, path);
    }
  });

  it("opens each file with a comment that says what it is", () => {
    for (const { path, text } of [...files, ...sources("host-sim"), ...sources("board"), ...sources("shell")]) {
      assert.match(text, /^(\/\/ .+\n){1,12}/, path);
    }
  });

  it("keeps comments within 120 columns; the formatter sees to the code", () => {
    for (const { path, text } of [
      ...files,
      ...sources("host-sim"),
      ...sources("board"),
      ...sources("shell"),
      ...sources("test"),
    ]) {
      const long = text.split("\n").findIndex((line) => line.length > 120 && /^\s*(\/\/|\/?\*)/.test(line));
      assert.equal(long, -1, `${path}:${long + 1}`);
    }
  });

  it("lets the shell use the pure parts and the finder of programs, but neither adapters nor the simulator", () => {
    for (const file of sources("shell")) {
      for (const specifier of importsOf(file)) {
        if (!specifier.startsWith("../")) continue;
        assert.match(
          specifier,
          /^\.\.\/(src\/(mqtt|alertbox)\/|board\/program\.js$|host-sim\/globals\.js$)/,
          file.path,
        );
      }
    }
  });

  it("leaves src/main.ts alone in knowing both sides", () => {
    for (const { path, text } of files) {
      if (path === "src/main.ts") continue;
      const both = /from "[^"]*alertbox\//.test(text) && /from "[^"]*device\//.test(text);
      assert.ok(!both, path);
    }
  });
});

describe("rules of the architecture", () => {
  it("a pure file may not import a timer", () => {
    assertBreach("src/mqtt/x.ts", 'import Timer from "timer";\nexport function f() { Timer.set(() => {}); }', /timer/);
  });

  it("a pure file may not import the clock, the config or another folder", () => {
    assertBreach("src/alertbox/x.ts", 'import Time from "time";\nexport const t = () => Time.ticks;', /time/);
    assertBreach("src/alertbox/x.ts", 'import config from "mc/config";\nexport const c = () => config;', /mc\/config/);
    assertBreach("src/mqtt/x.ts", 'import { Led } from "../alertbox/led.js";\nexport const l = () => Led;', /alertbox/);
    assertBreach("src/mqtt/x.ts", 'import { now } from "../device/clock.js";\nexport const n = () => now();', /device/);
  });

  it("a pure file may not use time, chance or the host's globals", () => {
    assertBreach("src/mqtt/x.ts", "export function f() { setTimeout(() => {}, 1); }", /setTimeout/);
    assertBreach("src/mqtt/x.ts", "export function f() { return Date.now(); }", /Date/);
    assertBreach("src/alertbox/x.ts", "export function f() { return Math.random(); }", /Math\.random/);
    assertBreach("src/alertbox/x.ts", 'export function f() { trace("x"); }', /trace/);
    assertBreach("src/alertbox/x.ts", "export async function f() { await 1; }", /async/);
  });

  it("src may import neither node: nor the simulator", () => {
    assertBreach("src/device/x.ts", 'import fs from "node:fs";\nexport const f = () => fs;', /node:fs/);
    assertBreach(
      "src/main.ts",
      'import { World } from "../host-sim/world.js";\nexport default () => World;',
      /simulator/,
    );
  });

  it("an adapter may not import the product", () => {
    assertBreach(
      "src/device/x.ts",
      'import { Led } from "../alertbox/led.js";\nexport const l = () => Led;',
      /alertbox/,
    );
  });

  it("the product may import only types from the protocol", () => {
    assertBreach(
      "src/alertbox/x.ts",
      'import { Session } from "../mqtt/session.js";\nexport const s = () => Session;',
      /types only/,
    );
    assert.deepEqual(
      valueImportsAcross({ path: "src/alertbox/x.ts", text: 'import type { Session } from "../mqtt/session.js";' }),
      [],
    );
  });

  it("a preloadable module may not keep mutable state at top level", () => {
    assertBreach("src/mqtt/x.ts", "let count = 0;\nexport function f() { count += 1; return count; }", /mutable state/);
    assertBreach("src/mqtt/x.ts", "export const table = [1, 2, 3];", /Object\.freeze/);
    assertBreach("src/device/x.ts", "export const cache = new Map();", /Object\.freeze/);
    assertBreach("src/mqtt/x.ts", "export class A { static count = [0]; }", /static field/);
    assertBreach("src/mqtt/x.ts", "export const a = 1;\nif (a) { Object.freeze(a); }", /top level/);
    assert.deepEqual(
      breaches({ path: "src/mqtt/x.ts", text: "export const A = Object.freeze({ B: 1 } as const);" }),
      [],
    );
  });

  it("a class may not have # names, which cost slots on the chip", () => {
    assertBreach("src/mqtt/x.ts", "export class A { #a = 1; get b() { return this.#a; } }", /declares #a/);
    assertBreach("src/device/x.ts", "export class A { #b() { return 1; } c() { return this.#b(); } }", /declares #b/);
  });

  it("imports end in .js", () => {
    assertBreach("src/mqtt/x.ts", 'import { a } from "./a.ts";\nexport const b = () => a;', /\.js/);
  });
});
