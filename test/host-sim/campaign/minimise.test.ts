// Failing plans are made small.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { minimise } from "../../../host-sim/campaign/minimise.js";
import { drawPlan, type Plan } from "../../../host-sim/campaign/plan.js";

/** A plan with many presses and faults. */
function large(): Plan {
  const drawn = drawPlan(7, { presses: 5 });
  const fault = (kind: "tcp-reset" | "wifi-down", at: number) => ({ kind, at, forMs: 1234, value: 3 });
  const faults = [1000, 2000, 3000, 4000, 5000].map((at) => fault(at === 4000 ? "wifi-down" : "tcp-reset", at));
  const presses = Array.from({ length: 20 }, (_, index) => ({ at: 20_000 * index, holdMs: 123, bounceMs: 9 }));
  return { ...drawn, stored: 5, latencyMs: 150, lastsMs: 600_000, presses, faults };
}

describe("making a plan small", () => {
  it("leaves the one fault that matters, and what the failure does not need is plain", () => {
    const small = minimise(large(), ({ faults }) => faults.some(({ kind }) => kind === "wifi-down"));
    assert.deepEqual(small.presses, []);
    assert.deepEqual(small.faults, [{ kind: "wifi-down", at: 4000, forMs: 2000, value: 3 }]);
    assert.deepEqual([small.stored, small.latencyMs, small.keepAliveSeconds], [0, 5, 60]);
    assert.equal(small.lastsMs, 17_000);
  });

  it("keeps two that fail only together, in order", () => {
    const plan = large();
    const small = minimise(plan, ({ faults, presses }) => faults.length >= 2 && presses.length >= 3);
    assert.equal(small.faults.length, 2);
    assert.equal(small.presses.length, 3);
    assert.equal(small.latencyMs, 5);
  });

  it("never gives a plan that does not fail", () => {
    let asked = 0;
    const fails = ({ stored, faults }: Plan): boolean => {
      asked += 1;
      return stored === 5 && faults.length === 5;
    };
    const small = minimise(large(), fails);
    assert.ok(fails(small));
    assert.ok(asked > 10);
  });
});
