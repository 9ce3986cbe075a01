// Runs the interop tests against the real programs and writes docs/interop.md from what they did. `npm run interop`
// runs it. Exit status: 0 all is well, 1 not.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runMocha } from "../mocha-run.js";
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

/**
 * Runs the tests in a process of their own. Throws an Error when they cannot be run at all.
 *
 * @param isDry only names them: all count as passed, and no program is needed.
 */
export async function runTests(isDry: boolean): Promise<Result[]> {
  const outcomes = await runMocha("interop", root, [...(isDry ? ["--dry-run"] : []), ...FILES]);
  return outcomes.map(({ title, fullTitle, outcome }) => {
    const group = fullTitle.slice(0, fullTitle.length - title.length - 1);
    return { title, group: group.startsWith(OUTER) ? group.slice(OUTER.length) : group, outcome };
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

async function main(): Promise<number> {
  const results = await runTests(false);
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

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
