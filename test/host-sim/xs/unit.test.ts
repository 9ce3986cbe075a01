// The unit tests on XS: what the command says of tests that pass, fail, crash, hang or never end, on both engines; and
// the pieces that take the place of Node's, beside Node's own.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "mocha";
import { Status } from "../../../board/report.js";
import { projectDirectory } from "../../../host-sim/xs/sources.js";
import { withPlaces } from "../../../host-sim/xs/unit/bundle.js";
import { effortOf } from "../../../host-sim/xs/unit/effort.js";
import substitute from "../../../host-sim/xs/unit/image/assert.js";
import { FormEncoding } from "../../../host-sim/xs/unit/image/form-encoding.js";
import { inspect } from "../../../host-sim/xs/unit/image/inspect.js";
import { Utf8Decoder, Utf8Encoder } from "../../../host-sim/xs/unit/image/utf8.js";
import unit from "../../../host-sim/xs/unit.js";
import { type Said, say } from "../../board/machine.js";
import { rounds, share } from "../../effort.js";
import { enginesOrSkip } from "./engines.js";

const fixture = (name: string) => join(projectDirectory, `test/host-sim/xs/fixtures/unit/${name}.ts`);

/** Runs fixtures with the command. */
function runUnit(names: readonly string[], ...args: string[]): Promise<Said> {
  return say(unit, [...args, ...names.map(fixture)]);
}

function lastLine({ out }: Said): string | undefined {
  return out.trimEnd().split("\n").at(-1);
}

describe("unit:xs", () => {
  it("runs what test files use of mocha and of Node, on both engines", async function () {
    await enginesOrSkip(this);
    const said = await runUnit(["passing"]);
    assert.equal(said.status, Status.OK, said.out);
    assert.match(said.out, /✓ 32-bit {2}test\/host-sim\/xs\/fixtures\/unit\/passing\.ts {2}8 passed, 1 skipped/);
    assert.match(said.out, /✓ lx106 {3}test\/host-sim\/xs\/fixtures\/unit\/passing\.ts {2}8 passed, 1 skipped/);
    assert.match(
      said.out,
      /Left out on lx106, skipped by itself: 1 of test\/host-sim\/xs\/fixtures\/unit\/passing\.ts/,
    );
    assert.match(said.out, /Not on XS, a browser .* part in it: test\/setup\/page-chromium\.test\.ts/);
    assert.equal(lastLine(said), "8 passed, 0 failed (32-bit), 8 passed, 0 failed (lx106)");
  });

  it("tells what failed: the test, both values, the line, the functions", async function () {
    await enginesOrSkip(this);
    const said = await runUnit(["failing"]);
    assert.equal(said.status, Status.FAILED);
    assert.equal(lastLine(said), "1 passed, 6 failed (32-bit), 1 passed, 6 failed (lx106)");
    const blocks = [
      "    failing › differs\n      values differ\n" +
        '        actual:   { a: [1, "č"] }\n        expected: { a: [1, "c"] }\n' +
        "        at test/host-sim/xs/fixtures/unit/failing.ts:14\n",
      "    failing › throws\n      RangeError: too far\n        at inner\n",
      '    failing › rejects\n      thrown: "no Error at all"\n',
      "    hooks › are to blame\n      Error: hook\n",
      '    hooks › "after all" hook\n      Error: last\n',
      '    beginning › "before all" hook\n      Error: first\n',
    ];
    for (const block of blocks) assert.equal(said.out.split(block).length, 3, `${block}\n${said.out}`);
    assert.doesNotMatch(said.out, /at (AssertionError|deepEqual|runTest|$)/m);
  });

  it("reports a full stack and a full memory by the test that was running", async function () {
    await enginesOrSkip(this);
    const said = await runUnit(["overflow", "hunger"]);
    assert.equal(said.status, Status.FAILED);
    assert.equal(
      said.out.split("    overflow › recurses\n      the engine ended with 3: XS abort: stack overflow").length,
      3,
    );
    assert.equal(said.out.split("    hunger › takes all\n      the engine ended with 3: XS abort: ").length, 3);
    assert.equal(lastLine(said), "1 passed, 2 failed (32-bit), 1 passed, 2 failed (lx106)");
  });

  it("reports a loop without end and a promise that nobody settles", async function () {
    await enginesOrSkip(this);
    const said = await runUnit(["endless", "waiting"], "--timeout", "3");
    assert.equal(said.status, Status.FAILED);
    assert.equal(
      said.out.split("endless › turns and turns\n      not finished after 3 s: an endless loop?\n").length,
      3,
    );
    assert.equal(said.out.split("waiting › waits for ever\n      never settled").length, 3);
    assert.equal(lastLine(said), "0 passed, 2 failed (32-bit), 0 passed, 2 failed (lx106)");
  });

  it("reports a file that needs Node and a file without tests", async function () {
    await enginesOrSkip(this);
    const said = await runUnit(["node-only", "empty"], "--engine", "32");
    assert.equal(said.status, Status.FAILED);
    assert.match(said.out, /outside of any test\n.*node:fs is Node's own; a test that needs it cannot run on XS\n/);
    assert.match(said.out, /empty\.ts {2}0 passed, 1 failed.*\n {4}the file itself\n {6}defines no test\n/);
    assert.equal(lastLine(said), "0 passed, 2 failed (32-bit)");
  });

  it("reports a file that does not compile", async function () {
    await enginesOrSkip(this);
    const said = await say(unit, ["--engine", "32", "README.md"]);
    assert.equal(said.status, Status.FAILED);
    assert.match(said.out, /README\.md {2}0 passed, 1 failed.*\n {4}the file itself\n {6}Build failed/);
  });

  it("runs the tests that are asked for, and fails when there is none", async function () {
    await enginesOrSkip(this);
    const said = await runUnit(["passing", "failing"], "--engine", "32", "--grep", "^(what Node has|failing passes)");
    assert.equal(said.status, Status.OK, said.out);
    assert.equal(lastLine(said), "4 passed, 0 failed (32-bit)");
    const none = await runUnit(["passing"], "--engine", "lx106", "--grep", "no such test");
    assert.equal(none.status, Status.FAILED);
    assert.equal(lastLine(none), "0 passed, 0 failed (lx106)");
  });

  it("explains its options, and refuses wrong ones before anything is built", async () => {
    assert.match((await say(unit, ["--help"])).out, /^npm run unit:xs -- \[options\]/);
    const wrong: readonly [string[], RegExp][] = [
      [["--engine", "arm"], /--engine is 32, lx106, both, not "arm"/],
      [["--timeout", "0"], /--timeout is a whole number from 1/],
      [["--grep", "("], /--grep is no regular expression/],
      [["--fast"], /there is no option --fast/],
      [["test/mqtt/none.test.ts"], /there is no file test\/mqtt\/none\.test\.ts/],
      [["test/setup/page-chromium.test.ts"], /cannot run on XS: a browser/],
    ];
    for (const [args, message] of wrong) {
      const said = await say(unit, args);
      assert.equal(said.status, Status.USAGE, args.join(" "));
      assert.match(said.err, message);
    }
  });
});

describe("what long tests are spared on XS", () => {
  it("is what they say themselves: told by number, and done with --full", async function () {
    await enginesOrSkip(this);
    const said = await runUnit(["sparing"]);
    assert.equal(said.status, Status.OK, said.out);
    const file = "test/host-sim/xs/fixtures/unit/sparing.ts";
    for (const [engine, passed, long, divisor] of [
      ["32-bit", 4, 1, 4],
      ["lx106", 2, 3, 100],
    ] as const) {
      const line = `✓ ${engine.padEnd(6)}  ${file}  ${passed} passed, ${long + 1} left out  `;
      assert.ok(said.out.includes(line), `${line}\n${said.out}`);
      assert.ok(said.out.includes(`Left out on ${engine}, has too many cases: ${long} of ${file}.\n`), said.out);
      assert.ok(said.out.includes(`Left out on ${engine}, needs a parser of JavaScript, and the chip has`), said.out);
      const short = `Shortened on ${engine}: 1 test of cases by chance, to 1/${divisor} of the rounds.\n`;
      assert.ok(said.out.includes(short), said.out);
    }
    const full = await runUnit(["sparing"], "--full");
    assert.equal(lastLine(full), "5 passed, 0 failed (32-bit), 5 passed, 0 failed (lx106)", full.out);
    assert.doesNotMatch(full.out, /too many cases|Shortened/);
  });

  it("is nothing in Node", () => {
    assert.equal(rounds(20_000), 20_000);
    assert.equal(share(300), 300);
  });

  it("is more on the chip's engine than on the other", () => {
    const [xs32, lx106] = [effortOf("xs32", false), effortOf("lx106", false)];
    assert.ok(lx106.divisor > xs32.divisor && xs32.long && !lx106.long && !xs32.veryLong && !lx106.veryLong);
    assert.deepEqual(effortOf("lx106", true), { divisor: 1, long: true, veryLong: true });
  });
});

describe("places of assertions", () => {
  it("are given to each call, on lines that stay where they are", () => {
    const source = 'import assert from "a";\nassert.ok(1); assert.equal(1, 1);\n\nif (x) assert.fail();';
    assert.equal(
      withPlaces(source, "t.ts"),
      'var assert$2 = assert.at("t.ts:2"), assert$4 = assert.at("t.ts:4"); import assert from "a";\n' +
        "assert$2.ok(1); assert$2.equal(1, 1);\n\nif (x) assert$4.fail();",
    );
    assert.equal(withPlaces("reassert.ok(1); my.assert.ok(1);", "t.ts"), "reassert.ok(1); my.assert.ok(1);");
  });
});

/** Values of which each is equal to itself, to its copy and to no other. */
function values(): unknown[] {
  class Point {
    readonly x = 1;
  }
  const circular: { self?: unknown } = {};
  circular.self = circular;
  const holes: unknown[] = [];
  holes[1] = undefined;
  const named = Object.assign([1, 2], { name: "list" });
  return [
    ...[undefined, null, true, false, 0, -0, 1, Number.NaN, "", "a", "č", 1n],
    ...[[], [undefined], holes, [1, 2], [1, "2"], named, [[1], [2]], {}, { a: 1 }, { a: undefined }, { b: 1 }],
    ...[
      { a: { b: [1] } },
      { a: { b: [2] } },
      { a: 1, b: 2 },
      Object.assign(Object.create(null), { a: 1 }),
      new Point(),
    ],
    ...[new Uint8Array(0), Uint8Array.of(1, 2), Uint8Array.of(1, 3), Uint16Array.of(1, 2), Buffer.from([1, 2])],
    ...[new Uint8Array(100), new Uint8Array(100).fill(1, 99), new Uint8Array(101), new Uint8Array(100).fill(1, 50, 51)],
    ...[Float64Array.of(0), Float64Array.of(-0), Float64Array.of(Number.NaN), new ArrayBuffer(2), new ArrayBuffer(3)],
    ...[new DataView(new ArrayBuffer(2)), new Map(), new Map([["a", 1]]), new Map([["a", 2]]), new Map([[{}, 1]])],
    ...[new Set(), new Set([1]), new Set([2]), new Set([{ a: 1 }]), new Date(0), new Date(1), /a/, /a/g, /b/],
    ...[new Error("a"), new Error("b"), new TypeError("a"), new Error("a", { cause: 1 }), circular],
    ...[Object(1), Object(2), Object("a"), { [Symbol.iterator]: 1 }],
    // Two that are alike must not be found in the same one.
    new Map([
      [{}, 1],
      [{}, 1],
    ]),
    new Map([
      [{}, 1],
      [{ a: 1 }, 1],
    ]),
    new Set([{}, {}]),
    new Set([{}, { a: 1 }]),
  ];
}

function fails(act: () => unknown): boolean {
  try {
    act();
    return false;
  } catch (error) {
    assert.match((error as Error).name, /AssertionError/, String(error));
    return true;
  }
}

describe("the assertions for XS", () => {
  it("find equal what Node's find equal, of all pairs of many values", () => {
    const [left, right] = [values(), values()];
    for (const actual of left) {
      for (const expected of [...left, ...right]) {
        const context = `${inspect(actual)} and ${inspect(expected)}`;
        for (const name of ["equal", "notEqual", "deepEqual", "notDeepEqual"] as const) {
          const node = fails(() => assert[name](actual, expected));
          assert.equal(
            fails(() => substitute[name](actual, expected)),
            node,
            `${name} ${context}`,
          );
        }
      }
    }
  });

  it("judge what is thrown as Node's do", () => {
    class Special extends TypeError {
      readonly code = 7;
    }
    const thrown: readonly unknown[] = [
      new Error("one two"),
      new TypeError("one"),
      new Special("x"),
      "text",
      undefined,
    ];
    const expectations: readonly unknown[] = [
      ...[undefined, Error, TypeError, Special, /one/, /^TypeError: one$/, /text/, () => true, () => false, () => 1],
      ...[{ message: "one" }, { message: /two/ }, { code: 7 }, { name: "TypeError", code: 7 }, new TypeError("one")],
      (error: unknown) => error instanceof Special,
    ];
    const outcome = (act: () => unknown) => {
      try {
        act();
        return "passes";
      } catch {
        return "fails";
      }
    };
    for (const error of thrown) {
      for (const expected of expectations) {
        const act = () => {
          throw error;
        };
        const node = outcome(() => assert.throws(act, expected as RegExp));
        const ours = outcome(() => substitute.throws(act, expected as RegExp));
        assert.equal(ours, node, `${inspect(error)} and ${inspect(expected)}`);
      }
    }
    assert.ok(fails(() => substitute.throws(() => {}, Error, "must")));
    substitute.doesNotThrow(() => {});
  });

  it("look at rejections, text and truth", async () => {
    await substitute.rejects(Promise.reject(new TypeError("a")), /TypeError: a/);
    await substitute.rejects(async () => Promise.reject(new TypeError("a")), TypeError);
    await assert.rejects(substitute.rejects(Promise.resolve(), TypeError), /nothing was thrown, expected .*TypeError/);
    substitute.ok("a");
    substitute.match("abc", /b/);
    substitute.doesNotMatch("abc", /d/);
    for (const act of [
      () => substitute.ok(0),
      () => substitute.match("abc", /d/),
      () => substitute.match(7 as unknown as string, /7/),
      () => substitute.doesNotMatch("abc", /b/),
      () => substitute.fail("text"),
    ]) {
      assert.ok(fails(act));
    }
  });

  it("show both values, the message before them, or throw the error that was given", () => {
    const text = { message: "why: values differ\n  actual:   [1]\n  expected: [2]", actual: [1], expected: [2] };
    assert.throws(() => substitute.at("t.ts:1").deepEqual([1], [2], "why"), { ...text, place: "t.ts:1" });
    assert.throws(() => substitute.equal("a", "b"), { message: 'values differ\n  actual:   "a"\n  expected: "b"' });
    assert.throws(() => substitute.ok(0, "zero"), { message: "zero: 0 is not truthy" });
    assert.throws(() => substitute.equal(1, 2, new RangeError("own")), RangeError);
    assert.throws(() => substitute.throws(() => {}, /x/, "must"), {
      message: "must: nothing was thrown, expected /x/",
    });
  });
});

describe("values as text", () => {
  const cases: readonly [unknown, string][] = [
    ['a"\\\n\t\u0000\ud800č😀', '"a\\"\\\\\\n\\u0009\\u0000\\ud800č😀"'],
    ["x".repeat(401), `"${"x".repeat(400)}…" (401 characters)`],
    [-0, "-0"],
    [7n, "7n"],
    [undefined, "undefined"],
    [inspect, "[function inspect]"],
    [() => {}, "[function without a name]"],
    [new TypeError("a"), "[TypeError: a]"],
    [/a/g, "/a/g"],
    [{ a: [1, { b: null }] }, "{ a: [1, { b: null }] }"],
    [Object.create(null), "[no prototype] {}"],
    [new Map([["a", 1]]), 'Map { "a" => 1 }'],
    [new Set([1]), "Set { 1 }"],
    [Uint8Array.of(1, 255), "Uint8Array <01 ff>"],
    [new Uint8Array(66), `Uint8Array <${"00 ".repeat(64)}… 2 more>`],
    [new ArrayBuffer(1), "ArrayBuffer <00>"],
    [Float64Array.of(0.5, -0), "Float64Array [0.5, -0]"],
    [[[[[[[]]]]]], "[[[[[[Array]]]]]]"],
    [new Array(2), "[hole, hole]"],
    [new Array(66).fill(0), `[${"0, ".repeat(64)}… 2 more]`],
  ];
  for (const [value, text] of cases) it(text, () => assert.equal(inspect(value), text));

  it("that contain themselves", () => {
    const list: unknown[] = [1];
    list.push(list);
    assert.equal(inspect(list), "[1, [circular]]");
  });
});

describe("UTF-8 and forms for XS", () => {
  /** Characters of every length and the borders between them, half surrogate pairs included. */
  const TEXTS = [
    "",
    "a",
    "\0",
    "\u007f\u0080\u07ff\u0800\uffff",
    "😀\u{10ffff}",
    "\ud800",
    "\udc00a",
    "a\ufeff",
    "\ufeffa",
  ];

  it("are encoded as Node does", () => {
    for (const text of TEXTS) {
      assert.deepEqual(new Utf8Encoder().encode(text), new TextEncoder().encode(text), JSON.stringify(text));
      const fields = { a: text.toWellFormed(), "b&=+ %": "*-._~!'() \n" };
      assert.equal(new FormEncoding(fields).toString(), new URLSearchParams(fields).toString());
    }
  });

  it("is decoded as Node does, all of two bytes and many of more", () => {
    const parts = [
      0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
    ];
    parts.push(0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff, 0xbb);
    const ranges = Array.from({ length: 65_536 }, (_, at) => Uint8Array.of(at >> 8, at & 255));
    let state = 1;
    for (let round = 0; round < 20_000; round += 1) {
      const next = () => {
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        return parts[(state >>> 8) % parts.length] as number;
      };
      ranges.push(Uint8Array.from({ length: 3 + (round % 6) }, next));
    }
    ranges.push(new TextEncoder().encode("č".repeat(1000)));
    for (const options of [{}, { ignoreBOM: true }, { fatal: true }]) {
      const ours = new Utf8Decoder("utf-8", options);
      const node = new TextDecoder("utf-8", options);
      const outcome = (decoder: { decode(bytes: Uint8Array): string }, bytes: Uint8Array) => {
        try {
          return decoder.decode(bytes);
        } catch (error) {
          return (error as Error).name;
        }
      };
      for (const bytes of ranges) assert.equal(outcome(ours, bytes), outcome(node, bytes), inspect(bytes));
    }
    assert.equal(new Utf8Decoder().decode(Uint8Array.of(0, 0x61, 0).buffer), "\0a\0");
    assert.throws(() => new Utf8Decoder("latin1"), RangeError);
  });
});
