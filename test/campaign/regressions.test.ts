// What the campaign has found, made small: each file of regressions/ is a plan that once broke a promise, with the
// words of that time. `npm run campaign` writes such files, `--replay` shows one with its timeline.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "mocha";
import type { Plan } from "../../host-sim/campaign/plan.js";
import { tryPlan } from "../../host-sim/campaign/worker.js";

const folder = new URL("regressions/", import.meta.url);

describe("what the campaign has found", () => {
  for (const name of readdirSync(folder)) {
    const { found, plan } = JSON.parse(readFileSync(new URL(name, folder), "utf8")) as {
      found: { rule: string }[];
      plan: Plan;
    };
    it(`${name.replace(".json", "").replaceAll("-", " ")}: ${found[0]?.rule}`, () => {
      assert.deepEqual(tryPlan(plan), []);
    });
  }
});
