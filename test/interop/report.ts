// Runs the interop tests against the real programs and writes docs/interop.md from what they did. `npm run interop`
// runs it. Exit status: 0 all is well, 1 not.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { aedes } from "./brokers/aedes.js";
import { mosquitto } from "./brokers/mosquitto.js";
import { complaints, document, type Result, type Table, type Version } from "./document.js";
import { ROWS } from "./rows.js";
import { LIBRARIES } from "./subscribers/subscriber.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = join(root, "docs/interop.md");

/** The files whose tests are cells of the page. */
const FILES = ["test/interop/matrix.test.ts", "test/interop/subscribers.test.ts"];

/** What is around the rows' names in the titles of tests. */
const OUTER = "broker ";

export const TABLE: Table = Object.freeze({
  rows: ROWS.map(({ name, kind, limits }) => ({ name, program: kind.name, limits })),
  libraries: LIBRARIES.map(({ name }) => name),
  brokers: [mosquitto(), aedes()].map(({ name }) => name),
});

interface Entry {
  readonly title: string;
  readonly fullTitle: string;
}

/** What mocha's JSON reporter writes, as far as it is needed. */
interface Report {
  readonly tests: readonly Entry[];
  readonly passes: readonly Entry[];
  readonly failures: readonly Entry[];
  readonly pending: readonly Entry[];
}

/**
 * Runs the tests in a process of their own. Throws an Error when they cannot be run at all.
 *
 * @param isDry only names them: all count as passed, and no program is needed.
 */
export function runTests(isDry: boolean): Result[] {
  const place = mkdtempSync(join(tmpdir(), "interop-"));
  const output = join(place, "report.json");
  try {
    const node = ["--import", "tsx/esm", "--import", "./host-sim/globals.ts", "node_modules/mocha/bin/mocha.js"];
    const mocha = ["--no-config", "--reporter", "json", "--reporter-option", `output=${output}`];
    const { NODE_V8_COVERAGE: _, ...env } = process.env;
    const run = spawnSync(process.execPath, [...node, ...mocha, ...(isDry ? ["--dry-run"] : []), ...FILES], {
      cwd: root,
      env,
      encoding: "utf8",
    });
    let text: string;
    try {
      text = readFileSync(output, "utf8");
    } catch {
      throw new Error(`the interop tests do not run:\n${run.stdout}${run.stderr}`);
    }
    return resultsOf(JSON.parse(text) as Report);
  } finally {
    rmSync(place, { recursive: true });
  }
}

function resultsOf(report: Report): Result[] {
  const named = (entries: readonly Entry[]) => new Set(entries.map(({ fullTitle }) => fullTitle));
  const passed = named(report.passes);
  const pending = named(report.pending);
  const known = named(report.tests);
  // A hook that has failed is no test, but has to be seen.
  const entries = [...report.tests, ...report.failures.filter(({ fullTitle }) => !known.has(fullTitle))];
  return entries.map(({ title, fullTitle }) => {
    const group = fullTitle.slice(0, fullTitle.length - title.length - 1);
    return {
      title,
      group: group.startsWith(OUTER) ? group.slice(OUTER.length) : group,
      outcome: passed.has(fullTitle) ? "passed" : pending.has(fullTitle) ? "skipped" : "failed",
    };
  });
}

/** What takes part, as each program says it of itself. */
function versions(): Version[] {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const brokers = new Map(ROWS.map(({ kind }) => [kind.name, kind]));
  return [
    ["alertbox", version],
    ...[...brokers.values()].map((kind) => [kind.name, kind.version()] as const),
    ...LIBRARIES.map((library) => [library.name, library.version()] as const),
  ];
}

/** The page as it stands; empty when there is none. */
export function written(): string {
  try {
    return readFileSync(page, "utf8");
  } catch {
    return "";
  }
}

function main(): number {
  const results = runTests(false);
  const faults = complaints(TABLE, results);
  for (const { group, title, outcome } of results) {
    if (outcome !== "passed") faults.push(`${outcome}: ${group}: ${title}`);
  }
  writeFileSync(page, document(TABLE, results, versions()));
  for (const fault of faults) console.error(fault);
  const passed = results.filter(({ outcome }) => outcome === "passed").length;
  console.log(
    `${TABLE.rows.length} rows, ${TABLE.libraries.length} libraries, ${results.length} tests, ${passed} passed`,
  );
  return faults.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main();
