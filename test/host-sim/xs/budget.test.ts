// The budget: what exceeds its line is named, so is a line that nothing measures, and the committed file holds what the
// commands need.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";
import {
  budgetTable,
  lowerableText,
  lowerBudget,
  loweredText,
  lowerings,
  overBudget,
  readBudget,
} from "../../../host-sim/xs/budget.js";
import { projectDirectory } from "../../../host-sim/xs/sources.js";

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

  it("tells which limits are more than 3 percent above the figures, and where they can go", () => {
    const wide = { far: { limit: 1000, goal: 900 }, near: { limit: 1000, goal: 900 }, same: { limit: 7, goal: 7 } };
    const figures = new Map([
      ["far", 969],
      ["near", 970],
      ["same", 7],
    ]);
    const possible = lowerings("ram", wide, figures);
    assert.deepEqual(possible, [
      { name: "far", from: 1000, to: 969 },
      { name: "near", from: 1000, to: 970 },
    ]);
    assert.equal(
      lowerableText("ram", possible),
      "  far: its limit 1,000 can be lowered to 969\n  (npm run ram -- --lower writes it into budget.json)\n",
    );
    assert.equal(lowerableText("ram", []), "");
    assert.equal(
      loweredText(possible),
      "  far: limit lowered from 1,000 to 969\n  near: limit lowered from 1,000 to 970\n",
    );
    assert.equal(loweredText([]), "  no limit can be lowered\n");
  });

  it("leaves instructions one per mille of room, in thousands, and knows nothing of what was not measured", () => {
    const wide = { publish: { limit: 557_000, goal: 108_000 }, gone: { limit: 5, goal: 5 } };
    const to = (figure: number) => lowerings("cycles", wide, new Map([["publish", figure]])).map((each) => each.to);
    assert.deepEqual(to(400_000), [401_000]);
    assert.deepEqual(to(400_900), [402_000]);
    assert.deepEqual(to(556_400), []);
    assert.deepEqual(to(900_000), []);
  });

  it("is written with lower limits and goals, never with higher ones, and else as it was", () => {
    const directory = mkdtempSync(join(tmpdir(), "alertbox-budget-"));
    const file = join(directory, "budget.json");
    const committed = readFileSync(join(projectDirectory, "host-sim/xs/budget.json"), "utf8");
    writeFileSync(file, committed);
    lowerBudget("ram", [], file);
    assert.equal(readFileSync(file, "utf8"), committed, "the format stays");
    const text = `{
  "ram": {
    "idle, \\"x\\": bytes": { "limit": 3072, "goal": 2048 },
    "passed": { "limit": 500, "goal": 400 },
    "higher": { "limit": 10, "goal": 5 }
  },
  "cycles": {
    "idle": { "limit": 2, "goal": 1 }
  }
}
`;
    writeFileSync(file, text);
    lowerBudget(
      "ram",
      [
        { name: 'idle, "x": bytes', from: 3072, to: 3000 },
        { name: "passed", from: 500, to: 300 },
        { name: "higher", from: 10, to: 11 },
        { name: "unknown", from: 9, to: 8 },
      ],
      file,
    );
    const wanted = text.replace("3072", "3000").replace('500, "goal": 400', '300, "goal": 300');
    assert.equal(readFileSync(file, "utf8"), wanted);
    assert.deepEqual(readBudget("cycles", file), { idle: { limit: 2, goal: 1 } });
    assert.deepEqual(readdirSync(directory), ["budget.json"]);
    rmSync(directory, { recursive: true });
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
