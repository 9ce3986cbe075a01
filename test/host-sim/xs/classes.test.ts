// From modules to the table and the shims: each kind of member becomes the line it should, data stay data, and a line
// calls what it names.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { bindNatives, describeNatives, type Exports } from "../../../host-sim/xs/classes.js";

class Thing {
  static readonly Kind = Object.freeze({ small: 1 });
  static readonly Limit = 7;
  static mine = 0;
  readonly name: string;
  size = 1;

  constructor(name: string) {
    this.name = name;
  }

  static get level(): number {
    return Thing.mine;
  }

  static set level(level: number) {
    Thing.mine = level;
  }

  static make(name: string): Thing {
    return new Thing(name);
  }

  get grown(): number {
    return this.size;
  }

  set grown(size: number) {
    this.size = size;
  }

  grow(by: number, _more?: number): number {
    this.size += by;
    return this.size;
  }
}

const exports: Exports = new Map([
  ["globalThis", { trace: () => "traced", System: { restart: () => "restarted" }, random: () => 0.5 }],
  ["thing", { default: Thing, twice: (value: number) => 2 * value }],
  ["data", { default: { pins: [1, { a: "č" }], none: undefined, nothing: null } }],
]);

describe("the table of natives", () => {
  const table = describeNatives(exports);

  it("has a line for each function, under its kind", () => {
    assert.deepEqual(table.text.trimEnd().split("\n"), [
      "0\tglobalThis\ttrace\tfunction\t\t0",
      "1\tglobalThis\tSystem\tfunction\trestart\t0",
      "2\tglobalThis\trandom\tfunction\t\t0",
      "3\tthing\tdefault\tconstructor\t\t1",
      "4\tthing\tdefault\tgetter\tgrown\t0",
      "5\tthing\tdefault\tsetter\tgrown\t1",
      "6\tthing\tdefault\tmethod\tgrow\t2",
      "7\tthing\tdefault\tstaticgetter\tlevel\t0",
      "8\tthing\tdefault\tstaticsetter\tlevel\t1",
      "9\tthing\tdefault\tfunction\tmake\t1",
      "10\tthing\ttwice\tfunction\t\t1",
    ]);
  });

  it("has a shim for each module, with its data in JavaScript and frozen", () => {
    const shims = new Map(table.shims.map(({ specifier, code }) => [specifier, code]));
    assert.match(shims.get("globalThis") ?? "", /^Math\.random = native\("globalThis", "random"\);$/m);
    assert.match(
      shims.get("thing") ?? "",
      /\$default\.Kind = Object\.freeze\(\{ "small": 1 \}\);\n\$default\.Limit = 7;/,
    );
    assert.match(shims.get("thing") ?? "", /export \{ \$twice as twice \};/);
    const data = shims.get("data") ?? "";
    assert.match(data, /"pins": Object\.freeze\(\[1, Object\.freeze\(\{ "a": "č" \}\)\]\), "nothing": null/);
    assert.doesNotMatch(data, /none/);
    assert.ok(table.shims.every(({ preload }) => preload));
  });

  it("does what its lines say", () => {
    const { lines, functions, classes } = bindNatives(table, exports);
    const call = (text: string, self?: object, ...values: unknown[]): unknown => {
      const index = lines.findIndex(({ kind, name, member }) => `${kind} ${name} ${member}`.trimEnd() === text);
      return functions[index]?.(self, values);
    };
    const thing = call("constructor default", undefined, "x") as Thing;
    assert.equal(thing.name, "x");
    assert.equal(call("method default grow", thing, 4), 5);
    call("setter default grown", thing, 9);
    assert.equal(call("getter default grown", thing), 9);
    call("staticsetter default level", undefined, 3);
    assert.equal(call("staticgetter default level"), 3);
    assert.equal((call("function default make", undefined, "y") as Thing).name, "y");
    assert.equal(call("function twice", undefined, 4), 8);
    assert.equal(call("function System restart"), "restarted");
    assert.deepEqual(
      classes.map((each) => each === Thing),
      lines.map(({ kind }) => kind === "constructor"),
    );
  });

  it("refuses exports that have changed, and more functions than the lab has room for", () => {
    assert.throws(
      () => bindNatives(table, new Map([...exports].slice(0, 1))),
      /module "thing" has no export "default"/,
    );
    const many = Object.fromEntries(Array.from({ length: 129 }, (_, each) => [`f${each}`, () => each]));
    assert.throws(() => describeNatives(new Map([["many", { default: many }]])), /129 functions/);
  });
});
