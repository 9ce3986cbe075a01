// Scenarios as files: the shipped ones by their names, others by their paths, and the one that is recorded. What is
// wrong with a file is said in a sentence for whoever wrote it.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseScenario, type Scenario, ScenarioError } from "./scenario.js";

const FOLDER = fileURLToPath(new URL("./scenarios/", import.meta.url));
const END = ".yaml";

/** Names of the scenarios that come with the bench, for `loadScenario`. */
export function shippedScenarios(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(END))
    .map((name) => name.slice(0, -END.length))
    .sort();
}

/**
 * @param name of a shipped scenario, or the path of a file.
 * @throws ScenarioError when it cannot be read or followed.
 */
export function loadScenario(name: string): Scenario {
  const path = shippedScenarios().includes(name) ? `${FOLDER}${name}${END}` : name;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const why = code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`;
    throw new ScenarioError(`--scenario ${name}: ${why}. Those that come along: ${shippedScenarios().join(", ")}`);
  }
  return parseScenario(text, name);
}

/** @throws ScenarioError when it cannot be written. */
export function saveScenario(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new ScenarioError(`--record ${path}: it cannot be written (${code})`);
  }
}
