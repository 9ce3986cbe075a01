// `--scenario` on the command line: the bench is started for the first board of the file, the others are added, and it
// is played from its first word to its last.

import type { Bench } from "./bench.js";
import type { Options } from "./options.js";
import { type Scenario, ScenarioError } from "./scenario.js";
import type { Outcome } from "./scenario-run.js";

/**
 * What the bench is started with: in a virtual world as fast as it goes, unless the options name a speed.
 * @throws ScenarioError when it wants a virtual world, and the options a real broker or port; or the other way round.
 */
export function scenarioOptions(options: Options, scenario: Scenario): Options {
  const [first] = scenario.boards;
  if (first === undefined) throw new ScenarioError("a scenario has a board");
  const { mode, wiring, factoryNew } = first;
  const boards = { boards: 1, mode, wiring, factoryNew };
  const virtual = options.virtual || scenario.world === "virtual";
  if (virtual) {
    const { broker, port, setupPort } = options;
    if (broker !== undefined || port !== undefined || setupPort !== undefined) {
      throw new ScenarioError("this scenario plays in a virtual world: leave --broker, --port and --setup-port out");
    }
    const { speed = Number.POSITIVE_INFINITY } = options;
    return Object.freeze({ ...options, ...boards, virtual, speed, seed: scenario.seed });
  }
  if (options.speed === Number.POSITIVE_INFINITY) {
    throw new ScenarioError("--speed max is for a world without anything real: add --virtual");
  }
  return Object.freeze({ ...options, ...boards });
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
