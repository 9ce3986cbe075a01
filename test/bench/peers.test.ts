// MQTT.js on a simulated board: the adapter takes nothing from it, and what is counted is what happened.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { peers, planFor, score } from "../../bench/peers/peers.js";
import { runPlan } from "../../host-sim/campaign/run.js";
import { idOf, idsOf } from "../alert-id.js";

describe("peers", () => {
  const all = peers();

  for (const peer of all) {
    it(`${peer.name}: without faults each press arrives once, and no rule is broken`, () => {
      const presses = [10_000, 10_400, 20_000].map((at) => ({ at, holdMs: 110, bounceMs: 5 }));
      const plan = { ...planFor(1), presses, faults: [], lastsMs: 60_000, keepAliveSeconds: 30, ticksAtBoot: 0 };
      const run = runPlan(plan, { image: peer.imageFor(plan) });
      const ids = run.world.broker
        .messages("+/+/+/alert")
        .map(({ payload }) => (JSON.parse(payload) as { id: string }).id);
      // Two more behind the plan's: one when it is healed, one at rest.
      assert.deepEqual(
        ids,
        peer.name === "alertbox" ? idsOf(run.world.board, 5) : [1, 2, 3, 4, 5].map((count) => `5750-${count}`),
      );
      assert.deepEqual(run.world.broker.violations, []);
      assert.equal(run.world.board.crashes, 0);
      assert.equal(run.settled, true);
      run.world.close();
    });
  }

  it("a cut of power costs the store in memory what it had taken, and the disk nothing", () => {
    const plan = {
      ...planFor(1),
      presses: [{ at: 10_000, holdMs: 110, bounceMs: 0 }],
      faults: [{ kind: "power-cut-up", at: 9_000, forMs: 0, value: 20 } as const],
      ...{ lastsMs: 30_000, keepAliveSeconds: 60, ticksAtBoot: 0 },
    };
    const lost = all.map((peer) => {
      const run = runPlan(plan, { image: peer.imageFor(plan) });
      const arrived = run.world.broker.messages("+/+/+/alert").map(({ payload }) => payload);
      const first = peer.name === "alertbox" ? idOf(run.world.board, 1) : "5750-1";
      run.world.close();
      return !arrived.some((payload) => payload.includes(`"${first}"`));
    });
    assert.deepEqual(lost, [false, true, false]);
  });

  it("counts the same each time", () => {
    const [ours, memory] = all as [(typeof all)[0], (typeof all)[0]];
    assert.deepEqual(score(memory, [5, 6, 38]), score(memory, [5, 6, 38]));
    const { lost, twice, violations, stuck } = score(ours, [1, 2, 3, 5, 38]);
    assert.deepEqual({ lost, twice, violations, stuck }, { lost: 0, twice: 0, violations: 0, stuck: 0 });
    assert.ok(score(memory, [38]).lost > 0, "MQTT.js waits for ever for a PUBREC that never comes");
  });
});
