// Test files run by mocha in a process of their own, and what became of each of their tests. It knows nothing of what
// the tests are about.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
  /** Absolute. */
  readonly file: string | null;
}

export interface Outcome extends Entry {
  readonly outcome: "passed" | "failed" | "skipped";
}

/**
 * Runs test files.
 *
 * @param name what the tests are called.
 * @param root the project's folder, or a copy of it.
 * @param words test files, and mocha's own options before them.
 * @throws Error with what was printed when they cannot be run at all.
 */
export async function runMocha(name: string, root: string, words: readonly string[]): Promise<Outcome[]> {
  const place = mkdtempSync(join(tmpdir(), "alertbox-mocha-"));
  const output = join(place, "report.json");
  try {
    const node = ["--import", "tsx/esm", "--import", "./host-sim/globals.ts", "node_modules/mocha/bin/mocha.js"];
    const mocha = ["--no-config", "--timeout", "300000", "--reporter", "json", "--reporter-option", `output=${output}`];
    // Coverage of these tests is measured where they run as tests.
    const { NODE_V8_COVERAGE: _, ...env } = process.env;
    const printed = await ended([...node, ...mocha, ...words], root, env);
    let text: string;
    try {
      text = readFileSync(output, "utf8");
    } catch {
      throw new Error(`the ${name} tests do not run:\n${printed}`);
    }
    return outcomesOf(JSON.parse(text) as Report);
  } finally {
    rmSync(place, { recursive: true });
  }
}

/** Runs Node to its end, and gives what it prints. */
function ended(words: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, words, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
    }
    child.once("error", reject);
    child.once("close", () => resolve(text));
  });
}

function outcomesOf(report: Report): Outcome[] {
  const named = (entries: readonly Entry[]) => new Set(entries.map(({ fullTitle }) => fullTitle));
  const passed = named(report.passes);
  const pending = named(report.pending);
  const known = named(report.tests);
  // A hook that has failed is no test, but has to be seen.
  const entries = [...report.tests, ...report.failures.filter(({ fullTitle }) => !known.has(fullTitle))];
  return entries.map(({ title, fullTitle, file }) => ({
    ...{ title, fullTitle, file },
    outcome: passed.has(fullTitle) ? "passed" : pending.has(fullTitle) ? "skipped" : "failed",
  }));
}
