// Runs the conformance tests and writes docs/conformance.md from what they did. `npm run conformance` runs it; with
// --check it writes nothing and fails when the page is not what it would write. Exit status: 0 all is well, 1 not.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runMocha } from "../mocha-run.js";
import { complaints, document, type Result, type Version } from "./document.js";
import { STATEMENTS } from "./statements.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = "test/conformance";
const page = join(root, "docs/conformance.md");

/** The tests about the table itself, which run the others through this file. */
const OWN_TEST = "document.test.ts";

/** Runs all conformance tests in a process of their own. Throws an Error when they cannot be run at all. */
export async function runTests(): Promise<Result[]> {
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.ts") && name !== OWN_TEST);
  const outcomes = await runMocha(
    "conformance",
    root,
    files.sort().map((name) => `${folder}/${name}`),
  );
  return outcomes.map(({ title, file, outcome }) => ({ title, file: basename(file ?? ""), outcome }));
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

async function main(isCheck: boolean): Promise<number> {
  const results = await runTests();
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

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.includes("--check"));
