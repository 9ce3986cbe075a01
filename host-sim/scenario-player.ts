// Plays a scenario on a bench from its first board to its last word. The bench was started for the first board of the
// file; the others are added here.

import type { Bench } from "./bench.js";
import type { Options } from "./options.js";
import { type Scenario, ScenarioError } from "./scenario.js";
import { benchGround } from "./scenario-ground.js";
import { type Outcome, ScenarioRun } from "./scenario-run.js";

/**
 * What the bench is started with.
 * @throws ScenarioError when the file asks for what a bench does not have.
 */
export function scenarioOptions(options: Options, scenario: Scenario): Options {
  const [first, ...others] = scenario.boards;
  if (first === undefined) throw new ScenarioError("a scenario has a board");
  if (others.some(({ factoryNew }) => factoryNew !== first.factoryNew)) {
    throw new ScenarioError(`"${scenario.title}": its boards are either all new, or none of them`);
  }
  const { mode, wiring, factoryNew } = first;
  return Object.freeze({ ...options, boards: 1, mode, wiring, factoryNew });
}

/** Adds what boards are missing, and plays. Resolves when it is over, or the signal stops it. */
export function playScenario(bench: Bench, scenario: Scenario, signal: AbortSignal): Promise<Outcome> {
  for (const { mode, wiring } of scenario.boards.slice(bench.boards.length)) bench.act({ type: "add", mode, wiring });
  const run = new ScenarioRun(
    scenario,
    benchGround(
      bench,
      bench.boards.map(({ index }) => index),
    ),
  );
  return new Promise((resolve) => {
    const stop = () => run.stop();
    signal.addEventListener("abort", stop);
    run.start((outcome) => {
      signal.removeEventListener("abort", stop);
      resolve(outcome);
    });
    if (signal.aborted) run.stop();
  });
}
