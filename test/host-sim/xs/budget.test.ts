// The budget: what exceeds its line is named, so is a line that nothing measures, and the committed file holds what the
// commands need.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { budgetTable, overBudget, readBudget } from "../../../host-sim/xs/budget.js";

describe("the budget", () => {
  const lines = { idle: { limit: 3072, goal: 2048 }, gone: { limit: 1, goal: 1 } };

  it("names what exceeds its line, and a line without a figure", () => {
    assert.deepEqual(overBudget(lines, new Map([["idle", 3072]])), ["gone: has a limit, and was not measured"]);
    const found = overBudget(lines, new Map([...Object.keys(lines)].map((name) => [name, 4096])));
    assert.deepEqual(found, ["idle: 4,096, 1,024 over its limit", "gone: 4,096, 4,095 over its limit"]);
  });

  it("is shown beside the figures", () => {
    const shown = budgetTable(lines, new Map([["idle", 2500]]));
    assert.match(shown, /idle +2,500 +3,072 +2,048/);
    assert.match(shown, /gone +— +1 +1/);
  });

  it("has lines for both commands, none above where it once was meant to go and none below its goal", () => {
    for (const command of ["ram", "cycles"] as const) {
      const entries = Object.entries(readBudget(command));
      assert.ok(entries.length > 0, command);
      for (const [name, { limit, goal }] of entries) {
        assert.ok(Number.isInteger(limit) && Number.isInteger(goal) && goal <= limit, name);
      }
    }
  });
});
