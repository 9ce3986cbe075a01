// The stage that page and terminal look at: a person's own bench, or for as long as a scenario is visited that wants a
// virtual world to itself, a bench of that world in its place. The own bench goes on meanwhile, unseen. Whoever looks
// on gets all of the other one as a snapshot when it changes. Knows benches as a whole, nothing of boards.

import { Bench } from "./bench.js";
import type { Action, BenchEvent, Snapshot, Stage } from "./page/protocol.js";
import type { Scenario } from "./scenario.js";
import { playScenario, scenarioOptions } from "./scenario-player.js";
import type { Download } from "./server.js";

export class SwitchedStage implements Stage {
  readonly #own: Bench;
  #shown: Bench;
  /** Ends the scenario of the bench that is visited. */
  #visit = new AbortController();
  readonly #listeners = new Set<(event: BenchEvent) => void>();
  /** Benches that were visited, while they end. */
  readonly #farewells = new Set<Promise<void>>();

  /** @param own is closed by whoever made it. */
  constructor(own: Bench) {
    this.#own = own;
    this.#shown = own;
    this.#attend(own);
  }

  snapshot(): Snapshot {
    return this.#shown.snapshot();
  }

  on(listener: (event: BenchEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  act(action: Action): void {
    if (action.type === "back") this.#back();
    else this.#shown.act(action);
  }

  /** Those of the bench that is shown when somebody asks. */
  get downloads(): ReadonlyMap<string, () => Download> {
    const paths = [...this.#own.downloads.keys()];
    return new Map(paths.map((path) => [path, () => this.#download(path)]));
  }

  /** Ends a visit. */
  async close(): Promise<void> {
    this.#leave();
    this.#own.onVirtual = undefined;
    this.#listeners.clear();
    await Promise.all(this.#farewells);
  }

  #download(path: string): Download {
    const download = this.#shown.downloads.get(path);
    if (download === undefined) throw new Error(`every bench has ${path}`);
    return download();
  }

  #attend(bench: Bench): void {
    bench.onVirtual = (scenario) => void this.#enter(scenario);
    bench.on((event) => {
      if (this.#shown === bench) this.#tell(event);
    });
  }

  async #enter(scenario: Scenario): Promise<void> {
    this.#visit.abort();
    const visit = new AbortController();
    this.#visit = visit;
    const nothingReal = { virtual: true, broker: undefined, port: undefined, setupPort: undefined, speed: undefined };
    const fresh = { flash: undefined, pcap: undefined, seed: undefined, record: undefined, scenario: scenario.title };
    const bench = await Bench.start(scenarioOptions({ ...this.#own.options, ...nothingReal, ...fresh }, scenario), 0);
    if (visit.signal.aborted) {
      this.#end(bench);
      return;
    }
    bench.visiting = true;
    this.#attend(bench);
    this.#show(bench);
    bench.note(undefined, "visit", "a virtual world of this scenario's own; your bench goes on meanwhile (e: back)");
    await playScenario(bench, scenario, visit.signal);
  }

  #back(): void {
    if (this.#shown === this.#own) return;
    this.#leave();
    this.#own.note(undefined, "back", "to your bench");
  }

  #leave(): void {
    this.#visit.abort();
    this.#show(this.#own);
  }

  #show(bench: Bench): void {
    const before = this.#shown;
    if (bench === before) return;
    this.#shown = bench;
    this.#tell(bench.snapshot());
    if (before !== this.#own) this.#end(before);
  }

  #end(bench: Bench): void {
    const farewell = bench.close().finally(() => this.#farewells.delete(farewell));
    this.#farewells.add(farewell);
  }

  #tell(event: BenchEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
