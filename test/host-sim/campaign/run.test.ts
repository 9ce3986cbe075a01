// One run of the campaign: the same each time; each fault shows, and after each alone every promise holds.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { FAULTS, type FaultKind } from "../../../host-sim/campaign/faults.js";
import { judge } from "../../../host-sim/campaign/judge.js";
import { drawPlan, type Fault, type Plan } from "../../../host-sim/campaign/plan.js";
import { type RunRecord, runPlan } from "../../../host-sim/campaign/run.js";
import { idOf, idsOf } from "../../alert-id.js";

/** Three presses of a mains box, the first before it is connected, and a quiet minute. */
function plain(...faults: Fault[]): Plan {
  const presses = [2000, 10_000, 40_000].map((at) => ({ at, holdMs: 110, bounceMs: 0 }));
  return {
    ...drawPlan(1, { presses: 1 }),
    ...{ wiring: "gpio", double: false, quiet: false, full: "reject", keepAliveSeconds: 10 },
    ...{ ticksAtBoot: 0, latencyMs: 5, spent: 0, stored: 0, lastsMs: 90_000, presses, faults },
  };
}

function told(plan: Plan): string[] {
  const record = runPlan(plan);
  record.world.close();
  const own = new Set(["fault", "end of fault"]);
  return record.notes.filter(({ what }) => !own.has(what)).map(({ at, what, text }) => `${at} ${what} ${text}`);
}

/** When, how long and how much, so that a fault strikes something. */
const STRIKES: Partial<Record<FaultKind, Partial<Fault>>> = {
  "lost-connack": { at: 0 },
  "late-connack": { at: 0 },
  "lost-suback": { at: 0 },
  "power-cut-in-flash": { value: 8 },
  "power-cut-in-save": { at: 20_000, value: 17 },
  "no-pipelining": { at: 0, forMs: 20_000 },
  "wrong-key": { at: 0 },
  dhcp: { at: 0, value: 149 },
  lease: { at: 0 },
  refused: { at: 0, value: 2 },
  "worn-sector": { at: 0, value: 0 },
  "low-battery": { at: 9_000 },
  "lost-pingresp": { at: 11_000 },
  fragments: { value: 1 },
  loss: { value: 60 },
  latency: { value: 3000 },
};

describe("a run of the campaign", () => {
  it("is the same each time, to the last note", () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const plan = drawPlan(seed, { presses: 5 });
      assert.deepEqual(told(plan), told(plan));
    }
  });

  it("delivers all presses and the two behind them when nothing is wrong", () => {
    const record = runPlan(plain());
    assert.deepEqual(judge(record), []);
    assert.equal(record.world.broker.messages("+/+/+/alert").length, 5);
    assert.equal(record.settled, true);
    record.world.close();
  });

  describe("an id names one alert for ever", () => {
    const ALERT = "mresetar/alertbox/5750/alert";
    const rules = (record: RunRecord) =>
      judge(record)
        .filter(({ rule }) => rule === "an id names one alert for ever")
        .map(({ detail }) => detail);

    it("holds with a journal that the box begins, one that it finds, and one from before", () => {
      for (const [seed, spent, stored] of [
        [1, 0, 0],
        [1, 199, 2],
        [4, 199, 2],
      ] as const) {
        const record = runPlan({ ...plain(), seed, spent, stored });
        const { board, broker } = record.world;
        assert.deepEqual(judge(record), []);
        const ids = broker.messages(ALERT).map(({ payload }) => (JSON.parse(payload) as { id: string }).id);
        const expected =
          seed === 4
            ? [200, 201, 202, 203, 204, 205, 206].map((sequence) => `5750-${sequence}`)
            : idsOf(board, spent + stored + 5).slice(spent);
        assert.deepEqual(ids, expected);
        record.world.close();
      }
    });

    it("is broken by an alert of another life, and by one without", () => {
      const record = runPlan(plain());
      const { board, broker } = record.world;
      const life = Number(idOf(board, 1).split("-")[2]);
      const facts = { pushes: 6, event: "press", vcc: 3300 };
      for (const id of [idOf(board, 6), "5750-6", `5750-6-${life ^ 1}`, `5750-6-0${life}`])
        broker.publish(ALERT, JSON.stringify({ ...facts, id }));
      const at = `at ${(record.world.now / 1000).toFixed(3)} s`;
      assert.deepEqual(rules(record), [
        `5750-6 ${at} is not 5750-6-${life}`,
        `5750-6-${life ^ 1} ${at} is not 5750-6-${life}`,
        `5750-6-0${life} ${at} is not 5750-6-${life}`,
      ]);
      record.world.close();
    });

    it("is broken by a journal that has another life at the end, and by a new one without", () => {
      const record = runPlan({ ...plain(), spent: 3 });
      assert.deepEqual(rules(record), []);
      const another = { ...record, plan: { ...record.plan, seed: 2 } };
      assert.match(String(rules(another)), /^the journal's life is \d+, and was \d+$/);
      const old = runPlan({ ...plain(), seed: 4, spent: 3 });
      const begun = { ...old, plan: { ...old.plan, spent: 0 } };
      assert.equal(rules(begun)[0], "the journal's life is 0");
      for (const { world } of [record, old]) world.close();
    });
  });

  for (const kind of Object.keys(FAULTS) as FaultKind[]) {
    it(`${kind}: it shows, and every promise holds`, () => {
      const at = kind.startsWith("lost-") || kind.startsWith("late-") ? 9_000 : 10_158;
      const fault = { kind, at, forMs: FAULTS[kind].lasts ? 15_000 : 0, value: 0, ...STRIKES[kind] };
      const plan = plain(fault);
      const record = runPlan(plan);
      assert.deepEqual(judge(record), []);
      record.world.close();
      // A worn sector shows when the journal wants to use it, a lease when the box asks for its next one.
      if (kind !== "worn-sector" && kind !== "lease") assert.notDeepEqual(told(plan), told(plain()));
    });
  }
});
