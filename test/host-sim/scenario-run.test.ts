// Scenarios carried out: on a ground of the test's own, where each wait and each claim is seen to matter; and the
// shipped files on a bench, with real sockets where they can be played there, and in a virtual world.

import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { Bench } from "../../host-sim/bench.js";
import { SteppedClock } from "../../host-sim/clock.js";
import { freePort } from "../../host-sim/free-port.js";
import { parseOptions } from "../../host-sim/options.js";
import type { Action, BenchEvent, BoardView, Line } from "../../host-sim/page/protocol.js";
import { parseScenario } from "../../host-sim/scenario.js";
import { loadScenario, shippedScenarios } from "../../host-sim/scenario-file.js";
import { playScenario, scenarioOptions } from "../../host-sim/scenario-player.js";
import { type Ground, type Outcome, ScenarioRun } from "../../host-sim/scenario-run.js";
import { boardView } from "./fake-stage.js";

/** Two boards that do nothing but remember, on a clock of the test's. */
class StillGround implements Ground {
  readonly clock = new SteppedClock();
  readonly actions: Action[] = [];
  readonly told: string[] = [];
  readonly forms: unknown[] = [];
  readonly boards = [4, 7];
  readonly home = { ssid: "home", password: "correct horse", broker: "user@127.0.0.1:1884" };
  readonly views = new Map<number, BoardView>([
    [4, boardView(4)],
    [7, boardView(7)],
  ]);
  outcome: Outcome | undefined;
  readonly #listeners = new Set<(event: BenchEvent) => void>();
  readonly stage = {
    act: (action: Action): void => {
      this.actions.push(action);
    },
    on: (listener: (event: BenchEvent) => void): (() => void) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
  };

  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  view(board: number): BoardView | undefined {
    return this.views.get(board);
  }

  after(ms: number, callback: () => void) {
    return this.clock.schedule(ms, callback);
  }

  tell(board: number, word: string, detail: string): void {
    this.told.push(`${board} ${word}: ${detail}`);
  }

  now(): number {
    return this.clock.now;
  }

  submit(board: number, fields: Readonly<Record<string, string>>, done: (status: number | string) => void): void {
    this.forms.push([board, fields]);
    this.clock.schedule(10, () => done(this.forms.length === 1 ? 200 : 409));
  }

  says(word: string, detail = "", board = 4): void {
    const source = "firmware" as const;
    const line: Line = { id: 1, board, at: 0, since: 0, ms: 0, source, word, detail, opens: false };
    for (const listener of [...this.#listeners]) listener({ type: "line", line });
    this.clock.run(0);
  }

  becomes(changes: Partial<BoardView>, board = 4): void {
    const view = { ...boardView(board), ...this.views.get(board), ...changes };
    this.views.set(board, view);
    for (const listener of [...this.#listeners]) listener({ type: "board", board: view });
    this.clock.run(0);
  }

  play(...steps: string[]): this {
    const text = ["title: t", "boards: [{}, {}]", "steps:", ...steps].join("\n");
    new ScenarioRun(parseScenario(text, "t"), this).start((outcome) => {
      this.outcome = outcome;
    });
    assert.equal(this.outcome, undefined, "not from inside the call");
    this.clock.run(0);
    return this;
  }
}

describe("host-sim/scenario-run", () => {
  it("does one step after the other, each on its board", () => {
    const ground = new StillGround().play(
      "- press",
      "- long: 2",
      "- wifi: off",
      "- speed: 10",
      "- power: off",
      "- crash",
    );
    assert.deepEqual(ground.actions, [
      { type: "press", board: 4 },
      { type: "long", board: 7 },
      { type: "wifi", on: false },
      { type: "time", speed: 10 },
      { type: "power", board: 4, on: false },
      { type: "crash", board: 4 },
    ]);
    assert.deepEqual(ground.outcome, { failure: undefined, steps: 6, held: [] });
    assert.ok(!ground.isHeard, "it listens no more");
  });

  it("switches faults of the home for all, and of a board for that one", () => {
    const ground = new StillGround().play("- fault: half-open", "- { fault: bounce, board: 2 }", "- mend: half-open");
    assert.deepEqual(ground.actions, [
      { type: "fault", fault: "half-open", on: true },
      { type: "fault", fault: "bounce", on: true, board: 7 },
      { type: "fault", fault: "half-open", on: false },
    ]);
  });

  it("holds the button, and goes on when it is up", () => {
    const ground = new StillGround().play("- hold: 6 s", "- press");
    ground.clock.run(5999);
    assert.deepEqual(ground.actions, [{ type: "down", board: 4 }]);
    ground.clock.run(1);
    assert.deepEqual(ground.actions.slice(1), [
      { type: "up", board: 4 },
      { type: "press", board: 4 },
    ]);
  });

  it("waits for all words in any order, from that board", () => {
    const ground = new StillGround().play("- wait: [delivered, arrived]", "- press");
    ground.says("arrived");
    ground.says("delivered", "", 7);
    ground.says("delivered-not");
    assert.deepEqual(ground.actions, []);
    ground.says("delivered", "5750-1-40146");
    assert.deepEqual(ground.actions, [{ type: "press", board: 4 }]);
  });

  it("takes a word that came while another was waited for, and none from before the last deed", () => {
    const ground = new StillGround().play(
      "- wait: stored",
      "- wait: joined home",
      "- press",
      "- wait: stored",
      "- press",
    );
    ground.says("joined", "home");
    ground.says("stored");
    assert.equal(ground.actions.length, 1);
    ground.says("joined", "home");
    assert.equal(ground.actions.length, 1, "the old word was before the press");
    ground.says("stored");
    assert.equal(ground.actions.length, 2);
  });

  it("the same word is waited for twice when it is asked for twice", () => {
    const ground = new StillGround().play("- wait: delivered", "- wait: delivered");
    ground.says("delivered");
    assert.equal(ground.outcome, undefined);
    ground.says("delivered");
    assert.ok(ground.outcome);
  });

  it("says what it waited for in vain, where, and what came last", () => {
    const ground = new StillGround().play("- press", "- { wait: delivered, within: 3 s, board: 2 }");
    ground.says("joining", "home", 7);
    ground.clock.run(2999);
    assert.equal(ground.outcome, undefined);
    ground.clock.run(1);
    assert.equal(
      (ground.outcome as Outcome | undefined)?.failure,
      'line 5, { wait: delivered, within: 3 s, board: 2 }, board 2: waited 3 s for "delivered"; ' +
        'the last that the box said is "joining home"',
    );
    ground.says("delivered", "", 7);
    assert.equal(ground.told.filter((line) => line.includes("failed")).length, 1);
  });

  it("waits until figures are as wanted, and says how they are when they are not", () => {
    const ground = new StillGround().play("- until: { alerts: 2, led: on }", "- until: { power: asleep }");
    ground.becomes({ alerts: 2 });
    ground.becomes({ led: true });
    ground.clock.run(120_000);
    assert.match(
      (ground.outcome as Outcome | undefined)?.failure ?? "",
      /waited 2 min, and power is running, not asleep$/,
    );
  });

  it("expects at once, and keeps what held", () => {
    const good = new StillGround().play("- expect: { alerts: 0, setup: off, presence: online }");
    assert.deepEqual(good.outcome, { failure: undefined, steps: 1, held: ["alerts 0, presence online, setup off"] });
    const bad = new StillGround().play("- expect: { alerts: 1, setup: on }", "- press");
    assert.match(bad.outcome?.failure ?? "", /alerts is 0, not 1, setup is off, not on$/);
    assert.deepEqual(bad.actions, []);
  });

  it("repeats what is inside, also inside of another", () => {
    const ground = new StillGround().play(
      "- repeat: 3",
      "  steps:",
      "  - press",
      "  - repeat: 2",
      "    steps: [reset]",
      "- crash",
    );
    assert.deepEqual(
      ground.actions.map(({ type }) => type),
      [...Array(3).fill(["press", "reset", "reset"]).flat(), "crash"],
    );
  });

  it("scatters what is repeated: each at a time of its own from the seed, not too close, and all of the time passes", () => {
    const run = (seed: number): number[] => {
      const ground = new StillGround();
      const times: number[] = [];
      ground.stage.act = () => void times.push(ground.clock.now);
      const text = `title: t\nseed: ${seed}\nboards: [{}, {}]\nsteps:\n- repeat: 50\n  scattered over: 1 h\n  steps: [press]\n- crash`;
      new ScenarioRun(parseScenario(text, "t"), ground).start(() => undefined);
      ground.clock.run(3_600_000 - 1);
      assert.equal(times.length, 50);
      ground.clock.run(1);
      assert.equal(times[50], 3_600_000, "the next step comes when the hour is over");
      return times.slice(0, 50);
    };
    const times = run(1);
    assert.ok(times.every((at, index) => index === 0 || at - (times[index - 1] ?? 0) >= 5000));
    assert.deepEqual(run(1), times);
    assert.notDeepEqual(run(2), times);
    assert.ok(times.filter((at) => at > 1_800_000).length > 10, "over all of it");
  });

  it("a scattered round that takes longer makes the next one late, and none is left out", () => {
    const ground = new StillGround().play(
      "- repeat: 3",
      "  scattered over: 15 s",
      "  steps: [press, after: 20 s]",
      "- crash",
    );
    ground.clock.run(59_999);
    assert.deepEqual(
      ground.actions.map(({ type }) => type),
      ["press", "press", "press"],
    );
    ground.clock.run(1);
    assert.equal(ground.actions.at(-1)?.type, "crash");
  });

  it("a word that may never come ends it, from that step on, for that board", () => {
    const ground = new StillGround().play("- wait: boot", "- never: [crash, low-battery]", "- after: 1 h", "- press");
    ground.says("crash");
    ground.says("boot");
    ground.says("crash", "", 7);
    ground.says("crashed");
    ground.clock.run(1000);
    assert.equal(ground.outcome, undefined);
    ground.says("low-battery", "2900 mV");
    assert.match(
      (ground.outcome as Outcome | undefined)?.failure ?? "",
      /^line 5, never: \[crash, low-battery\], board 1: the box has said "low-battery 2900 mV"$/,
    );
    ground.clock.run(7_200_000);
    assert.deepEqual(ground.actions, []);
  });

  it("a figure may be wanted in a range", () => {
    const ground = new StillGround();
    ground.becomes({ chargeMah: 65.5, asleep: 99.95, alerts: 3 });
    ground.play(
      "- expect: { mAh: 65.5 to 70, asleep: above 99.9 %, alerts: below 4 }",
      "- expect: { mAh: below 65.5 }",
    );
    assert.deepEqual(ground.outcome?.held, ["alerts below 4, mAh 65.5 to 70, asleep above 99.9 %"]);
    assert.match(ground.outcome?.failure ?? "", /mAh is 65\.5, not below 65\.5$/);
  });

  it("fills in the setup page with what a person would read off the bench", () => {
    const ground = new StillGround();
    ground.becomes({ setup: "http://127.0.0.1:8166/" });
    ground.play("- form: { ssid: $ssid, wifiPassword: $password, host: $host, port: $port, root: $x }", "- press");
    assert.deepEqual(ground.forms, [
      [4, { ssid: "home", wifiPassword: "correct horse", host: "127.0.0.1", port: "1884", root: "$x" }],
    ]);
    assert.equal(ground.actions.length, 0);
    ground.clock.run(10);
    assert.equal(ground.actions.length, 1);
  });

  it("a setup that is not open, and a form that is refused, end it", () => {
    assert.match(new StillGround().play("- form: { ssid: x }").outcome?.failure ?? "", /the setup is not open: `until/);
    const ground = new StillGround();
    ground.becomes({ setup: "http://127.0.0.1:8166/" });
    ground.play("- form: { ssid: x }", "- form: { ssid: x }");
    ground.clock.run(20);
    assert.match(ground.outcome?.failure ?? "", /the box has answered 409$/);
  });

  it("can be stopped, and does nothing more then", () => {
    const ground = new StillGround();
    const run = new ScenarioRun(parseScenario("title: t\nsteps: [after: 5 s, press]", "t"), ground);
    run.start((outcome) => {
      ground.outcome = outcome;
    });
    ground.clock.run(0);
    run.stop();
    ground.clock.run(10_000);
    assert.equal(ground.outcome?.failure, "stopped before its end");
    assert.deepEqual(ground.actions, []);
  });
});

/** What a bench is started with for each world. */
const WORLDS = Object.freeze({ real: ["--speed", "10"], virtual: ["--virtual"] } as const);

for (const world of ["real", "virtual"] as const) {
  describe(`host-sim/scenarios, on a bench of a ${world} world`, () => {
    let bench: Bench | undefined;

    afterEach(() => bench?.close());

    for (const name of shippedScenarios()) {
      const scenario = loadScenario(name);
      if (world === "real" && scenario.world === "virtual") continue;
      it(name, async () => {
        const ports = world === "real" ? ["--port", `${await freePort()}`, "--setup-port", "0"] : [];
        const parsed = parseOptions([...ports, ...WORLDS[world], "--scenario", name, "--headless"]);
        assert.ok(parsed.kind === "run", JSON.stringify(parsed));
        bench = await Bench.start(scenarioOptions(parsed.options, scenario), 5000);
        const outcome = await playScenario(bench, scenario, new AbortController().signal);
        assert.equal(outcome.failure, undefined);
        assert.ok(outcome.held.length > 0);
        assert.equal(bench.view.paused, false);
      });
    }
  });
}
