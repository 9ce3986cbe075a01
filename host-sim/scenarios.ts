// The scenarios of a bench: those that come along, and the one that is played now, on boards of its own that are put on
// the table for it. Knows the bench only by what it is given.

import type { ScenarioView, ShippedScenario } from "./page/details.js";
import type { Action } from "./page/protocol.js";
import { parseScenario, type Scenario, type ScenarioBoard, ScenarioError } from "./scenario.js";
import { loadScenario, shippedScenarios } from "./scenario-file.js";
import { type Ground, type Outcome, ScenarioRun } from "./scenario-run.js";

export interface ScenariosOptions {
  /** Puts a board on the table; its number, or undefined when there can be no more. */
  add(board: ScenarioBoard): number | undefined;
  ground(boards: readonly number[]): Ground;
  /** Something to be seen has changed. */
  changed(): void;
  /** Whether it is for another place than this bench, and is taken care of. */
  elsewhere(scenario: Scenario): boolean;
  /** A sentence about what cannot be done. */
  complain(text: string): void;
}

export class Scenarios {
  readonly #options: ScenariosOptions;
  #list: readonly ShippedScenario[] | undefined;
  #view: ScenarioView | undefined;
  #run: ScenarioRun | undefined;

  constructor(options: ScenariosOptions) {
    this.#options = options;
  }

  /** Those that come along. */
  get list(): readonly ShippedScenario[] {
    this.#list ??= shippedScenarios().map((name) => {
      const { title, about } = loadScenario(name);
      return { name, title, about };
    });
    return this.#list;
  }

  /** The one that is played, or was last. */
  get view(): ScenarioView | undefined {
    return this.#view;
  }

  act(action: Extract<Action, { type: "play" | "stop" }>): void {
    if (action.type === "stop") {
      this.stop();
      return;
    }
    try {
      const scenario =
        action.name === undefined ? parseScenario(action.text ?? "", "scenario") : this.#shipped(action.name);
      if (!this.#options.elsewhere(scenario)) this.#playAnew(scenario);
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      this.#options.complain(error.message);
    }
  }

  /** Plays it on these boards; `done` hears how it ended. One that is played already is stopped. */
  play(scenario: Scenario, boards: readonly number[], done: (outcome: Outcome) => void = () => undefined): void {
    this.stop();
    const { title, about } = scenario;
    const base = { title, about, boards };
    this.#show({ ...base, step: "", outcome: "playing", failure: "" });
    const ground = this.#options.ground(boards);
    const run = new ScenarioRun(scenario, {
      ...ground,
      tell: (board, word, detail) => {
        ground.tell(board, word, detail);
        if (this.#run === run && word !== "scenario")
          this.#show({ ...base, step: detail, outcome: "playing", failure: "" });
      },
    });
    this.#run = run;
    run.start((outcome) => {
      const { failure } = outcome;
      if (this.#run === run) {
        this.#run = undefined;
        this.#show({ ...base, step: "", outcome: failure === undefined ? "held" : "failed", failure: failure ?? "" });
      }
      done(outcome);
    });
  }

  stop(): void {
    this.#run?.stop();
  }

  #shipped(name: string): Scenario {
    if (!shippedScenarios().includes(name)) throw new ScenarioError(`there is no scenario "${name}"`);
    return loadScenario(name);
  }

  #playAnew(scenario: Scenario): void {
    const boards: number[] = [];
    for (const board of scenario.boards) {
      const number = this.#options.add(board);
      if (number === undefined)
        throw new ScenarioError(`"${scenario.title}" needs ${scenario.boards.length} boards more`);
      boards.push(number);
    }
    this.play(scenario, boards);
  }

  #show(view: ScenarioView): void {
    this.#view = view;
    this.#options.changed();
  }
}
