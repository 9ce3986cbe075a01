// The table of brokers and client libraries is complete, and its page is what the tests say: each cell has one test,
// each test its cell, and docs/interop.md shows a run in which all of them passed.

import assert from "node:assert/strict";
import { before, describe, it } from "mocha";
import { complaints, document, type Result, type Table, versionsIn } from "./document.js";
import { FEATURES } from "./features.js";
import { runTests, TABLE, written } from "./report.js";

describe("interop table: this project", () => {
  let results: Result[] = [];

  before(async () => {
    // The tests' names; whether they pass is their own matter.
    results = await runTests(true);
  });

  it("has a test for each cell, and no test without one", () => {
    assert.deepEqual(complaints(TABLE, results), []);
  });

  it("is what docs/interop.md says of a run in which all passed; if not: npm run interop", () => {
    // Both texts side by side would be of no help.
    assert.ok(document(TABLE, results, versionsIn(written())) === written(), "docs/interop.md is of another run");
  });

  it("has at least five brokers and five client libraries, all with their versions", () => {
    const programs = new Set(TABLE.rows.map(({ program }) => program));
    assert.ok(programs.size >= 5 && TABLE.libraries.length >= 5);
    const versions = new Map(versionsIn(written()));
    for (const name of [...programs, ...TABLE.libraries]) assert.match(versions.get(name) ?? "", /^\d+\.\d+/, name);
  });

  it("gives for each limit what happens and where the broker's documentation says it", () => {
    for (const { name, limits } of TABLE.rows) {
      for (const [feature, { short, does, link }] of Object.entries(limits)) {
        assert.ok(short !== "" && does !== "", `${name}: ${feature}`);
        assert.match(link, /^https:\/\/[\w./#-]+$/, `${name}: ${feature}`);
      }
    }
  });

  it("notices each test that is taken away, skipped or fails", () => {
    const page = document(TABLE, results, []);
    for (const [index, one] of results.entries()) {
      const others = results.toSpliced(index, 1);
      assert.notDeepEqual(complaints(TABLE, others), [], one.title);
      for (const outcome of ["failed", "skipped"] as const) {
        assert.notEqual(document(TABLE, results.with(index, { ...one, outcome }), []), page, one.title);
      }
    }
  });
});

describe("interop table: what it complains about", () => {
  const table: Table = {
    rows: [{ name: "Some broker", program: "some", limits: {} }],
    libraries: ["Some library"],
    brokers: ["some"],
  };
  const passed = (group: string, title: string): Result => ({ group, title, outcome: "passed" });
  const all = [
    ...FEATURES.map((feature) => passed("Some broker", `${feature}: does it`)),
    passed("subscribers of some", "Some library: gets it"),
  ];

  it("nothing, when each cell has its test", () => {
    assert.deepEqual(complaints(table, all), []);
  });

  it("a cell without a test, and one with two", () => {
    assert.deepEqual(complaints(table, all.slice(1)), ["Some broker, press: 0 tests"]);
    assert.deepEqual(complaints(table, [...all, ...all.slice(0, 1)]), ["Some broker, press: 2 tests"]);
    assert.deepEqual(complaints(table, all.slice(0, -1)), ["subscribers of some, Some library: 0 tests"]);
  });

  it("a test that belongs to no cell", () => {
    const lost = [passed("Some broker", "flies: does it"), passed("No broker", "press: does it")];
    assert.deepEqual(complaints(table, [...all, ...lost]), [
      '"Some broker: flies: does it" belongs to no cell',
      '"No broker: press: does it" belongs to no cell',
    ]);
  });

  it("shows a failed cell as failed, and a missing one as missing", () => {
    const [first, ...rest] = all as [Result, ...Result[]];
    assert.match(
      document(table, [{ ...first, outcome: "failed" }, ...rest], []),
      /\| Some broker \| \*\*failed\*\* \| yes/,
    );
    assert.match(document(table, rest, []), /\| Some broker \| \*\*no test\*\* \| yes/);
  });

  it("reads the versions that it has written", () => {
    const versions = [
      ["some", "1.2.3"],
      ["Some library", "4.5"],
    ] as const;
    assert.deepEqual(versionsIn(document(table, all, versions)), versions);
  });
});
