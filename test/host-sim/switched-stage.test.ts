// A scenario that wants a virtual world to itself, played from the page of a person's bench: the page gets all of that
// world, the own bench goes on meanwhile, and there is a way back.

import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import type { BenchEvent, Snapshot } from "../../host-sim/page/protocol.js";
import { SwitchedStage } from "../../host-sim/switched-stage.js";
import { RunningBench } from "./running-bench.js";

const text = (title: string, ...steps: string[]): string =>
  [`title: ${title}`, "world: virtual", "boards: [{ mode: battery }]", "steps:", ...steps].join("\n");

const SHORT = text("Short", "- until: { power: asleep }", "- press", "- until: { alerts: 1 }", "- after: 1 d");
const ENDLESS = text("Endless", "- repeat: 100000", "  steps: [after: 30 d, after: 30 d]");

describe("host-sim/switched-stage", () => {
  let own: RunningBench;
  let stage: SwitchedStage;
  let events: BenchEvent[];
  let wake: () => void;

  afterEach(async () => {
    await stage.close();
    await own.close();
  });

  async function start(): Promise<void> {
    own = await RunningBench.start("--speed", "50");
    stage = new SwitchedStage(own.bench);
    events = [];
    wake = () => undefined;
    stage.on((event) => {
      events.push(event);
      wake();
    });
  }

  function until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      wake = () => {
        if (condition()) resolve();
      };
      wake();
    });
  }

  const snapshots = (): Snapshot[] => events.flatMap((event) => (event.type === "snapshot" ? [event] : []));
  const outcome = () => stage.snapshot().bench.scenario?.outcome;

  it("shows the virtual world in the place of the own bench, and the way back", async () => {
    await start();
    await own.online();
    stage.act({ type: "play", text: SHORT });
    await until(() => outcome() === "held");
    const { bench, boards, lines } = stage.snapshot();
    assert.deepEqual([bench.world, bench.visiting, bench.watch, boards.length], ["virtual", true, "", 1]);
    assert.deepEqual([boards[0]?.mode, boards[0]?.alerts], ["battery", 1]);
    assert.ok(bench.now > 86_400_000, "a day has passed there");
    assert.deepEqual([bench.speed, bench.paused], [1, false], "what comes now is for people again");
    assert.equal(lines.find(({ word }) => word === "visit")?.source, "bench");
    assert.equal(snapshots().length, 1);
    const from = events.indexOf(snapshots()[0] as Snapshot);
    assert.ok(events.slice(from).every((event) => event.type !== "board" || event.board.mode === "battery"));
    // The own bench is as it was, and lives.
    assert.deepEqual([own.bench.boards.length, own.view().alerts, own.bench.view.visiting], [1, 0, false]);
    own.act({ type: "press", board: 0 });
    await own.until(() => own.view().alerts === 1);
    stage.act({ type: "back" });
    assert.deepEqual([snapshots().length, stage.snapshot().bench.world], [2, "real"]);
    assert.equal(stage.snapshot().boards[0]?.alerts, 1);
    assert.equal(own.words().at(-1), "back");
    stage.act({ type: "press", board: 0 });
    await own.until(() => own.view().presses === 2);
    stage.act({ type: "back" });
    assert.equal(snapshots().length, 2, "already here");
  });

  it("another such scenario has another world; the own bench is still behind it", async () => {
    await start();
    stage.act({ type: "play", text: ENDLESS });
    await until(() => outcome() === "playing" && stage.snapshot().bench.visiting);
    stage.act({ type: "play", text: SHORT });
    await until(() => outcome() === "held");
    assert.equal(stage.snapshot().bench.scenario?.title, "Short");
    stage.act({ type: "back" });
    assert.deepEqual([snapshots().length, stage.snapshot().bench.world], [3, "real"]);
  });

  it("stop ends the scenario and stays there; actions are for what is shown", async () => {
    await start();
    stage.act({ type: "play", text: ENDLESS });
    await until(() => outcome() === "playing" && stage.snapshot().bench.visiting);
    stage.act({ type: "stop" });
    await until(() => outcome() === "failed");
    assert.deepEqual([stage.snapshot().bench.visiting, stage.snapshot().bench.speed], [true, 1]);
    stage.act({ type: "wifi", on: false });
    assert.deepEqual([stage.snapshot().bench.wifiOn, own.bench.view.wifiOn], [false, true]);
  });

  it("gives the files of the bench that is shown", async () => {
    await start();
    stage.act({ type: "play", text: SHORT });
    await until(() => outcome() === "held");
    const file = (): string => Buffer.from(stage.downloads.get("/scenario.yaml")?.().body ?? []).toString();
    assert.match(file(), /world: virtual/);
    assert.ok((stage.downloads.get("/alertbox.pcap")?.().body.byteLength ?? 0) > 1000);
    stage.act({ type: "back" });
    assert.doesNotMatch(file(), /virtual/);
  });

  it("says what is wrong with a file, and stays", async () => {
    await start();
    stage.act({ type: "play", text: "title: t\nworld: virtual\nsteps: [pres]" });
    await until(() => own.words().includes("scenario"));
    assert.deepEqual([snapshots().length, stage.snapshot().bench.world], [0, "real"]);
  });

  it("ends in the middle of it", async () => {
    await start();
    stage.act({ type: "play", text: ENDLESS });
    await until(() => outcome() === "playing" && stage.snapshot().bench.visiting);
  });

  it("ends before it has begun", async () => {
    await start();
    stage.act({ type: "play", text: ENDLESS });
  });
});
