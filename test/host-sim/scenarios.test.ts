// Scenarios that are played on a bench that runs: on boards of their own, one at a time, and what the views see of it.

import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { Bench } from "../../host-sim/bench.js";
import { freePort } from "../../host-sim/free-port.js";
import { parseOptions } from "../../host-sim/options.js";
import type { BenchEvent } from "../../host-sim/page/protocol.js";

describe("host-sim/scenarios", () => {
  let bench: Bench;

  afterEach(() => bench.close());

  async function start(...args: string[]): Promise<void> {
    const parsed = parseOptions(["--port", `${await freePort()}`, "--setup-port", "0", "--speed", "10", ...args]);
    assert.ok(parsed.kind === "run");
    bench = await Bench.start(parsed.options, 5000);
  }

  /** Resolves with the first event for which this is true. */
  function event(wanted: (event: BenchEvent) => boolean): Promise<BenchEvent> {
    return new Promise((resolve) => {
      const end = bench.on((each) => {
        if (!wanted(each)) return;
        end();
        resolve(each);
      });
    });
  }

  const played = () => bench.view.scenario;
  const ended = () => event((each) => each.type === "bench" && each.bench.scenario?.outcome !== "playing");

  it("plays one that comes along on a board that is added for it", async () => {
    await start();
    assert.ok(bench.snapshot().scenarios.some(({ name, about }) => name === "power-cut" && about !== ""));
    assert.equal(played(), undefined);
    const over = ended();
    bench.act({ type: "play", name: "power-cut" });
    assert.deepEqual([played()?.outcome, played()?.boards], ["playing", [1]]);
    await over;
    assert.deepEqual([played()?.outcome, played()?.failure], ["held", ""]);
    assert.deepEqual(
      bench.boards.map(({ view }) => view.presses),
      [0, 1],
    );
  });

  it("plays a file that somebody sent, with the kinds of boards that it names", async () => {
    await start();
    const over = ended();
    const boards = "boards: [{ mode: battery, wiring: rst }, { new: yes }]";
    bench.act({
      type: "play",
      text: `title: Two\n${boards}\nsteps:\n- { until: { setup: on }, board: 2 }\n- expect: { alerts: 1 }\n`,
    });
    await over;
    assert.match(bench.view.scenario?.failure ?? "", /^line 5, expect: \{ alerts: 1 \}, board 1: alerts is 0, not 1$/);
    assert.deepEqual(
      bench.boards.slice(1).map(({ view }) => [view.mode, view.wiring]),
      [
        ["battery", "rst"],
        ["mains", "gpio"],
      ],
    );
  });

  it("says what is wrong with a file, and adds no board for it", async () => {
    await start();
    const told = event((each) => each.type === "line" && each.line.word === "scenario");
    bench.act({ type: "play", text: "title: t\nsteps: [presss]" });
    const line = await told;
    assert.match(line.type === "line" ? line.line.detail : "", /^scenario, line 2: there is no step "presss"/);
    bench.act({ type: "play", name: "nothing" });
    assert.deepEqual([bench.boards.length, bench.view.scenario], [1, undefined]);
  });

  it("stops when it is told, and when another one is played", async () => {
    await start();
    const text = "title: Long\nsteps: [after: 1 h, press]";
    bench.act({ type: "play", text });
    const stopped = ended();
    bench.act({ type: "stop" });
    await stopped;
    assert.equal(bench.view.scenario?.failure, "stopped before its end");
    bench.act({ type: "play", text });
    bench.act({ type: "play", text: text.replace("Long", "Other") });
    assert.deepEqual([bench.view.scenario?.title, bench.view.scenario?.outcome], ["Other", "playing"]);
    assert.equal(bench.boards.length, 4);
  });
});
