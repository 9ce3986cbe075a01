// Plans of the campaign: drawn from a seed, always the same, within what they promise.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { FAULTS } from "../../../host-sim/campaign/faults.js";
import { drawPlan } from "../../../host-sim/campaign/plan.js";

function plans(count: number, options: Parameters<typeof drawPlan>[1] = { presses: 5 }) {
  return Array.from({ length: count }, (_, seed) => drawPlan(seed, options));
}

describe("a plan of the campaign", () => {
  it("is the same for the same seed, and another for another", () => {
    assert.deepEqual(drawPlan(42, { presses: 5 }), drawPlan(42, { presses: 5 }));
    const different = new Set(plans(100).map((plan) => JSON.stringify({ ...plan, seed: 0 })));
    assert.equal(different.size, 100);
  });

  it("keeps presses and faults within its time, in order", () => {
    for (const { presses, faults, lastsMs } of plans(500)) {
      for (const { at, holdMs } of presses) assert.ok(at >= 0 && at + holdMs < lastsMs);
      for (const { at, forMs } of faults) assert.ok(at >= 0 && at + forMs < lastsMs, `${at} ${forMs} ${lastsMs}`);
      const starts = presses.map(({ at }) => at);
      assert.deepEqual(
        starts,
        starts.toSorted((a, b) => a - b),
      );
    }
  });

  it("draws each fault, each wiring, clocks that wrap and full journals", () => {
    const drawn = plans(2000);
    const kinds = new Set(drawn.flatMap(({ faults }) => faults.map(({ kind }) => kind)));
    assert.deepEqual([...kinds].sort(), Object.keys(FAULTS).sort());
    assert.deepEqual([...new Set(drawn.map(({ wiring }) => wiring))].sort(), ["gpio", "rst", "rst+gpio"]);
    assert.ok(drawn.some(({ ticksAtBoot }) => ticksAtBoot > 2 ** 31 - 100_000 && ticksAtBoot < 2 ** 31));
    assert.ok(drawn.some(({ ticksAtBoot }) => ticksAtBoot > 2 ** 32 - 100_000));
    assert.ok(drawn.some(({ stored }) => stored === 128));
  });

  it("draws only the faults that are asked for, with values that they know", () => {
    const kinds = ["power-cut", "dhcp"] as const;
    const faults = plans(200, { presses: 2, faults: kinds }).flatMap((plan) => plan.faults);
    assert.ok(faults.length > 100);
    for (const { kind, value } of faults) {
      assert.ok(kinds.some((each) => each === kind));
      assert.ok(value >= 0 && value <= FAULTS[kind].most);
    }
  });

  it("never presses RST so quickly that it would open the setup", () => {
    for (const { wiring, presses, faults } of plans(1000)) {
      if (wiring !== "rst") continue;
      const pulses = [...presses, ...faults.filter(({ kind }) => kind === "reset")].map(({ at }) => at);
      pulses.sort((a, b) => a - b);
      for (const [index, at] of pulses.entries()) {
        const fifth = pulses[index + 4];
        assert.ok(fifth === undefined || fifth - at > 4 * 2000, `${pulses}`);
      }
    }
  });
});
