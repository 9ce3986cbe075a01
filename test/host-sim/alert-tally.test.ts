// What is counted of alerts, and that a bench may run for weeks: the count goes on, what is kept does not grow.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { AlertTally } from "../../host-sim/alert-tally.js";
import { Recent } from "../../host-sim/recent.js";

describe("host-sim/alert-tally", () => {
  const alert = (id: string): string => JSON.stringify({ pushes: 1, id });

  it("finds an alert that comes again after 9,999 others, and keeps no more than that", () => {
    const tally = new AlertTally();
    for (let id = 0; id < 10_000; id++) assert.equal(tally.arrived("a/alert", alert(`1-${id}`), id).duplicate, false);
    assert.equal(tally.arrived("a/alert", alert("1-0"), 10_000).duplicate, true, "the oldest that is known");
    assert.equal(tally.arrived("a/alert", alert("1-10000"), 10_001).duplicate, false);
    assert.equal(tally.arrived("a/alert", alert("1-1"), 10_002).duplicate, false, "10,000 came since");
    assert.deepEqual([tally.delivered, tally.duplicates, tally.alerts.length], [10_002, 1, 2000]);
    assert.equal(tally.alerts.at(-1)?.id, "1-1");
    assert.equal(tally.lost(["1-9999", "1-7777", "1-2"]), 1, "an id that was forgotten is nobody's");
  });

  it("the same id under another topic is another alert; without an id the payload tells", () => {
    const tally = new AlertTally();
    const seen = [
      ["a", alert("1-1")],
      ["b", alert("1-1")],
      ["a", "hello"],
      ["a", "hello"],
      ["a", '{"id":7}'],
    ] as const;
    assert.deepEqual(
      seen.map(([topic, payload]) => tally.arrived(topic, payload, 0).duplicate),
      [false, false, false, true, false],
    );
  });
});

describe("host-sim/recent", () => {
  it("what is seen again is the newest again", () => {
    const recent = new Recent<number>(2);
    assert.deepEqual(
      [1, 2, 1, 3, 1, 2].map((each) => recent.see(each)),
      [false, false, true, false, true, false],
    );
    assert.deepEqual(
      [1, 2, 3].map((each) => recent.has(each)),
      [true, true, false],
    );
  });
});
