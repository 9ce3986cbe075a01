// The search by halves: the first size that runs, in as few tries as halves allow.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { smallest } from "../../../host-sim/xs/search.js";

describe("the smallest size that runs", () => {
  it("is found to the step, wherever it is", () => {
    for (let needed = 100; needed <= 420; needed++) {
      const found = smallest(96, 416, 32, (size) => size >= needed);
      const expected = needed > 416 ? undefined : 96 + 32 * Math.ceil(Math.max(0, needed - 96) / 32);
      assert.equal(found, expected, String(needed));
    }
  });

  it("may be the lowest", () => {
    assert.equal(
      smallest(96, 416, 32, () => true),
      96,
    );
  });

  it("takes a try for each halving", () => {
    const tried: number[] = [];
    smallest(0, 32 * 1024, 32, (size) => {
      tried.push(size);
      return size >= 20_000;
    });
    assert.ok(tried.length <= 12, `${tried.length} tries`);
    assert.equal(new Set(tried).size, tried.length, "none twice");
  });
});
