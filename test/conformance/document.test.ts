// The conformance table is complete, and its page is what the tests say: every statement of Appendix B is there, each
// one that binds a client has a test, no test can be taken away unnoticed, and docs/conformance.md is up to date.

import assert from "node:assert/strict";
import { before, describe, it } from "mocha";
import { complaints, document, partsOf, type Result } from "./document.js";
import { runTests, versions, written } from "./report.js";
import { STATEMENTS, type Statement } from "./statements.js";

/** Appendix B of the standard: each section, and how many statements it has. They are numbered from 1. */
const APPENDIX_B = Object.freeze({
  ...{ "1.5.3": 3, "2.2.2": 2, "2.3.1": 7 },
  ...{ "3.1.0": 2, "3.1.2": 24, "3.1.3": 11, "3.1.4": 5, "3.2.0": 1, "3.2.2": 6 },
  ...{ "3.3.1": 12, "3.3.2": 3, "3.3.4": 1, "3.3.5": 2, "3.6.1": 1 },
  ...{ "3.8.1": 1, "3.8.3": 4, "3.8.4": 6, "3.9.3": 2, "3.10.1": 1, "3.10.3": 2, "3.10.4": 6 },
  ...{ "3.12.4": 1, "3.14.1": 1, "3.14.4": 3 },
  ...{ "4.1.0": 2, "4.3.1": 1, "4.3.2": 2, "4.3.3": 2, "4.4.0": 1, "4.5.0": 2, "4.6.0": 6 },
  ...{ "4.7.1": 3, "4.7.2": 1, "4.7.3": 4, "4.8.0": 2 },
  ...{ "6.0.0": 4, "7.0.0": 2, "7.1.1": 1 },
});

function statement(id: string, binds: Statement["binds"], note = ""): Statement {
  return { id, binds, rule: "A rule.", note };
}

function result(title: string, outcome: Result["outcome"] = "passed"): Result {
  return { title, file: "some.test.ts", outcome };
}

describe("conformance table: statements", () => {
  it("are those of Appendix B, all 141, in its order", () => {
    const ids = Object.entries(APPENDIX_B).flatMap(([section, count]) =>
      Array.from({ length: count }, (_, index) => `${section}-${index + 1}`),
    );
    // The last one has the number 2 though its section has no other.
    ids.push("7.1.2-1");
    assert.equal(ids.length, 141);
    assert.deepEqual(
      STATEMENTS.map(({ id }) => id),
      ids,
    );
  });

  it("are said in a sentence each", () => {
    for (const { id, rule, note } of STATEMENTS) {
      assert.match(rule, /^[A-Z#+].+[^ .]\.$/, id);
      assert.match(note, /^$|^[A-Z].+\.$/, id);
    }
  });
});

describe("conformance table: this run", () => {
  let results: Result[] = [];

  before(async () => {
    results = await runTests();
  });

  it("has a test for each statement that binds a client, and no test that names none", () => {
    assert.deepEqual(complaints(STATEMENTS, results), []);
  });

  it("is what docs/conformance.md says; if not: npm run conformance", () => {
    assert.equal(document(STATEMENTS, results, versions()), written());
  });

  it("notices each test that is taken away, skipped or fails", () => {
    const page = document(STATEMENTS, results, versions());
    for (const [index, one] of results.entries()) {
      const others = results.toSpliced(index, 1);
      assert.notEqual(document(STATEMENTS, others, versions()), page, one.title);
      if (one.outcome !== "passed") continue;
      for (const outcome of ["failed", "skipped"] as const) {
        assert.notEqual(document(STATEMENTS, results.with(index, { ...one, outcome }), versions()), page, one.title);
      }
    }
  });
});

describe("conformance table: what it complains about", () => {
  const table = [statement("3.1.0-1", "client"), statement("3.1.0-2", "server", "Inside.")];
  const test = result("[MQTT-3.1.0-1] sends it first");

  it("nothing, when each statement that binds a client has a test and the others a test or a reason", () => {
    assert.deepEqual(complaints(table, [test]), []);
  });

  it("a statement that binds a client without a test, and one of the server without a reason", () => {
    assert.deepEqual(complaints([...table, statement("4.3.1-1", "both"), statement("3.2.2-1", "server")], [test]), [
      "4.3.1-1 binds a client and has no test",
      "3.2.2-1 has neither a test nor a reason why not",
    ]);
  });

  it("a title without a statement, with one that does not exist, and one that stands twice", () => {
    assert.deepEqual(complaints(table, [test, test, result("sends it"), result("[MQTT-3.1.0-9] no such rule")]), [
      'some.test.ts: "[MQTT-3.1.0-1] sends it first" stands twice',
      'some.test.ts: "sends it" does not begin with a statement',
      'some.test.ts: "[MQTT-3.1.0-9] no such rule" names a statement that does not exist',
    ]);
  });

  it("a statement that stands twice or belongs to no section", () => {
    assert.deepEqual(
      complaints([...table, statement("3.1.0-2", "server"), statement("5.1.0-1", "server", "No.")], [test]),
      [
        "3.1.0-2 stands twice in the table",
        "5.1.0-1 belongs to no section",
        "3.1.0-2 has neither a test nor a reason why not",
      ],
    );
  });
});

describe("conformance table: the page", () => {
  it("has a row for each statement: id, whom it binds, rule, tests and their result", () => {
    const table = [
      statement("3.1.0-1", "client", "A note."),
      statement("3.2.0-1", "server"),
      statement("4.3.1-1", "both"),
      statement("4.5.0-1", "server", "Inside."),
    ];
    const results = [
      result("[MQTT-3.1.0-1] sends it | first"),
      result("[MQTT-3.1.0-1] and $ only once"),
      result("[MQTT-4.3.1-1] one", "failed"),
      result("[MQTT-4.3.1-1] two"),
    ];
    const page = document(table, results, [["alertbox", "1.2.3"]]);
    const link = (text: string) => `[${text}](../test/conformance/some.test.ts)`;
    assert.ok(
      page.includes(
        `| MQTT-3.1.0-1 | client | A rule.<br>*A note.* | ${link("sends it \\| first")}<br>${link("and \\$ only once")} | passed |`,
      ),
      page,
    );
    assert.ok(page.includes("| MQTT-3.2.0-1 | server | A rule. | none | server only |"));
    assert.ok(page.includes(`${link("one")}<br>${link("two")} | **1 of 2 passed** |`));
    assert.ok(page.includes("alertbox 1.2.3."));
    assert.ok(page.includes("| **bind a client** | **2** | **1 passed**"));
    assert.ok(page.includes("4 tests, 3 passed."));
  });

  it("takes the statement of a title from its beginning only", () => {
    assert.deepEqual(partsOf("[MQTT-3.1.2-24] cuts"), { id: "3.1.2-24", text: "cuts" });
    for (const title of ["cuts [MQTT-3.1.2-24]", "[MQTT-3.1.2.24] cuts", "[MQTT-3.1.2-24]"]) {
      assert.equal(partsOf(title), undefined);
    }
  });
});
