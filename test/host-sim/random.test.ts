// Chance by seed: repeatable, within limits, and one part's draws do not disturb another's.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Random } from "../../host-sim/random.js";

const draw = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.next());

describe("Random", () => {
  it("gives the same numbers for the same seed, others for another", () => {
    assert.deepEqual(draw(new Random(5), 10), draw(new Random(5), 10));
    assert.notDeepEqual(draw(new Random(5), 10), draw(new Random(6), 10));
  });

  it("stays within its limits and reaches all of a small range", () => {
    const random = new Random(1);
    const seen = new Set<number>();
    for (let index = 0; index < 1000; index++) {
      const number = random.next();
      assert.ok(number >= 0 && number < 1);
      seen.add(random.integer(6));
    }
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5]);
    assert.equal(random.integer(1), 0);
    for (const limit of [0, -1, 1.5, 2 ** 32 + 1]) assert.throws(() => random.integer(limit), RangeError);
  });

  it("forks by name, whatever was drawn before", () => {
    const fresh = new Random(9);
    const used = new Random(9);
    draw(used, 100);
    assert.deepEqual(draw(fresh.fork("radio"), 5), draw(used.fork("radio"), 5));
    assert.notDeepEqual(draw(fresh.fork("radio"), 5), draw(fresh.fork("flash"), 5));
    assert.notDeepEqual(draw(new Random(1).fork("radio"), 5), draw(new Random(2).fork("radio"), 5));
  });
});
