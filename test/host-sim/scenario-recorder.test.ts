// What is done on a bench, written down so that it can be done again.

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "mocha";
import type { Action, Line } from "../../host-sim/page/protocol.js";
import { deedForm, parseScenario } from "../../host-sim/scenario.js";
import { ScenarioRecorder } from "../../host-sim/scenario-recorder.js";

describe("host-sim/scenario-recorder", () => {
  let recorder: ScenarioRecorder;

  beforeEach(() => {
    const boards = [3, 8].map((index) => ({ index, mode: "mains", wiring: "gpio", factoryNew: false }) as const);
    recorder = new ScenarioRecorder(boards, 1000);
  });

  function says(at: number, word: string, detail = "", board = 3): void {
    const source = "firmware" as const;
    const line: Line = { id: 1, board, at, since: 0, ms: 0, source, word, detail, opens: false };
    recorder.hear({ type: "line", line });
  }

  function steps(...actions: readonly (readonly [now: number, action: Action])[]): unknown[] {
    for (const [now, action] of actions) recorder.act(action, now);
    return recorder.scenario("t", "").steps.map(({ deed }) => deedForm(deed));
  }

  it("a deed stands after the last word of its board, with the time between", () => {
    says(1100, "joined", "home");
    says(1200, "connected", "new session");
    says(1300, "stored", "5751-1", 8);
    assert.deepEqual(steps([1450, { type: "press", board: 3 }]), [{ wait: "connected" }, { after: "250 ms" }, "press"]);
    says(2000, "received", "5750-1-40146");
    assert.deepEqual(steps([2004, { type: "blackout", board: 3 }]).slice(3), [{ wait: "received" }, "blackout"]);
  });

  it("without a word it stands after the deed before", () => {
    assert.deepEqual(steps([5000, { type: "press", board: 8 }], [6500, { type: "wifi", on: false }]), [
      { press: 2 },
      { after: "1.5 s" },
      { wifi: "off" },
    ]);
  });

  it("a finger that went down and up is one hold, though things happened meanwhile", () => {
    const all = steps(
      [2000, { type: "down", board: 3 }],
      [3000, { type: "broker", on: false }],
      [8003, { type: "up", board: 3 }],
      [9000, { type: "reset", board: 3 }],
    );
    assert.deepEqual(all, [{ hold: "6 s" }, { after: "1 s" }, { broker: "off" }, { after: "1 s" }, "reset"]);
  });

  it("a config says which of its words came", () => {
    says(1100, "config", "rejected: wrong password");
    assert.deepEqual(steps([1100, { type: "fault", fault: "slow-dhcp", on: true }]), [
      { wait: "config rejected" },
      { fault: "slow-dhcp" },
    ]);
  });

  it("leaves out what a file has no words for, and gives a file that can be read", () => {
    steps(
      [1000, { type: "add", mode: "mains", wiring: "gpio" }],
      [1000, { type: "time", speed: 0 }],
      [1000, { type: "step" }],
      [1100, { type: "time", speed: 10 }],
      [1200, { type: "fault", fault: "bounce", on: true, board: 8 }],
      [1300, { type: "power", board: 3, on: false }],
    );
    recorder.added({ index: 9, mode: "battery", wiring: "rst", factoryNew: false });
    const scenario = parseScenario(recorder.text("Two boards", "As it was."), "again");
    assert.deepEqual(
      scenario.boards.map(({ mode }) => mode),
      ["mains", "mains", "battery"],
    );
    assert.deepEqual(
      scenario.steps.map(({ text }) => text),
      ["speed: 10", "after: 200 ms", "fault: bounce board: 2", "after: 100 ms", "power: off"],
    );
    assert.equal(scenario.about, "As it was.");
  });
});
