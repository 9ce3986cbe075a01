// `--scenario` on the command line: the bench is started for the first board of the file, the others are added, and it
// is played from its first word to its last.

import type { Bench } from "./bench.js";
import type { Options } from "./options.js";
import { type Scenario, ScenarioError } from "./scenario.js";
import type { Outcome } from "./scenario-run.js";

/** What the bench is started with. */
export function scenarioOptions(options: Options, scenario: Scenario): Options {
  const [first] = scenario.boards;
  if (first === undefined) throw new ScenarioError("a scenario has a board");
  const { mode, wiring, factoryNew } = first;
  return Object.freeze({ ...options, boards: 1, mode, wiring, factoryNew });
}

/** Adds what boards are missing, and plays. Resolves when it is over, or the signal stops it. */
export function playScenario(bench: Bench, scenario: Scenario, signal: AbortSignal): Promise<Outcome> {
  for (const board of scenario.boards.slice(bench.boards.length)) bench.add(board);
  return new Promise((resolve) => {
    const stop = () => bench.act({ type: "stop" });
    signal.addEventListener("abort", stop);
    bench.play(scenario, (outcome) => {
      signal.removeEventListener("abort", stop);
      resolve(outcome);
    });
    if (signal.aborted) stop();
  });
}
