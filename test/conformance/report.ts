// Runs the conformance tests and writes docs/conformance.md from what they did. `npm run conformance` runs it; with
// --check it writes nothing and fails when the page is not what it would write. Exit status: 0 all is well, 1 not.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { complaints, document, type Result, type Version } from "./document.js";
import { STATEMENTS } from "./statements.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = "test/conformance";
const page = join(root, "docs/conformance.md");

/** The tests about the table itself, which run the others through this file. */
const OWN_TEST = "document.test.ts";

/** What mocha's JSON reporter writes, as far as it is needed. */
interface Report {
  readonly tests: readonly Entry[];
  readonly passes: readonly Entry[];
  readonly failures: readonly Entry[];
  readonly pending: readonly Entry[];
}

interface Entry {
  readonly title: string;
  readonly fullTitle: string;
  readonly file: string | null;
}

/** Runs all conformance tests in a process of their own. Throws an Error when they cannot be run at all. */
export function runTests(): Result[] {
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.ts") && name !== OWN_TEST);
  const place = mkdtempSync(join(tmpdir(), "conformance-"));
  const output = join(place, "report.json");
  try {
    const node = ["--import", "tsx/esm", "--import", "./host-sim/globals.ts", "node_modules/mocha/bin/mocha.js"];
    const mocha = ["--no-config", "--timeout", "20000", "--reporter", "json", "--reporter-option", `output=${output}`];
    // Coverage of these tests is measured where they run as tests.
    const { NODE_V8_COVERAGE: _, ...env } = process.env;
    const run = spawnSync(process.execPath, [...node, ...mocha, ...files.sort().map((name) => `${folder}/${name}`)], {
      cwd: root,
      env,
      encoding: "utf8",
    });
    let text: string;
    try {
      text = readFileSync(output, "utf8");
    } catch {
      throw new Error(`the conformance tests do not run:\n${run.stdout}${run.stderr}`);
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
  return entries.map(({ title, fullTitle, file }) => ({
    title,
    file: basename(file ?? ""),
    outcome: passed.has(fullTitle) ? "passed" : pending.has(fullTitle) ? "skipped" : "failed",
  }));
}

/** This project, and what makes and runs the tests. */
export function versions(): Version[] {
  const versionOf = (path: string) =>
    (JSON.parse(readFileSync(join(root, path), "utf8")) as { version: string }).version;
  return [
    ["alertbox", versionOf("package.json")],
    ["mqtt-packet", versionOf("node_modules/mqtt-packet/package.json")],
    ["mocha", versionOf("node_modules/mocha/package.json")],
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

function main(isCheck: boolean): number {
  const results = runTests();
  const text = document(STATEMENTS, results, versions());
  const faults = complaints(STATEMENTS, results);
  for (const { title, file, outcome } of results)
    if (outcome !== "passed") faults.push(`${outcome}: ${file}: ${title}`);
  if (isCheck && text !== written()) faults.push("docs/conformance.md is not up to date: npm run conformance");
  if (!isCheck) writeFileSync(page, text);
  for (const fault of faults) console.error(fault);
  const passed = results.filter(({ outcome }) => outcome === "passed").length;
  console.log(`${STATEMENTS.length} statements, ${results.length} tests, ${passed} passed`);
  return faults.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.includes("--check"));
