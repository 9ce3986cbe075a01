import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Backoff } from "../../src/mqtt/backoff.js";

const OPTIONS = Object.freeze({ baseMs: 1000, capMs: 60000, stableMs: 30000 });
const ALMOST_1 = 1 - Number.EPSILON / 2;

/** A small generator with a seed, so that a failing run can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 4294967296;
  };
}

describe("backoff", () => {
  it("doubles the window up to the cap, and stays in it", () => {
    const backoff = new Backoff(OPTIONS);
    const widest = [...new Array<number>(9)].map(() => backoff.next(ALMOST_1));
    assert.deepEqual(widest, [999, 1999, 3999, 7999, 15999, 31999, 59999, 59999, 59999]);
    assert.equal(backoff.attempt, 9);
    assert.equal(backoff.next(0), 0);
    for (let count = 0; count < 2000; count += 1) assert.ok(backoff.next(ALMOST_1) < 60000);
  });

  it("is uniform over the window (full jitter)", () => {
    const next = random(7);
    const buckets = new Array<number>(10).fill(0);
    for (let count = 0; count < 20000; count += 1) {
      const backoff = new Backoff(OPTIONS);
      backoff.restore(3);
      const bucket = Math.floor(backoff.next(next()) / 800);
      buckets[bucket] = (buckets[bucket] as number) + 1;
    }
    for (const count of buckets) assert.ok(count > 1800 && count < 2200, `buckets ${buckets}`);
  });

  it("spreads 1,000 devices that lost the same broker over the window", () => {
    const next = random(42);
    const perSecond = new Array<number>(60).fill(0);
    for (let device = 0; device < 1000; device += 1) {
      const backoff = new Backoff(OPTIONS);
      for (let attempt = 0; attempt < 6; attempt += 1) backoff.next(next());
      const second = Math.floor(backoff.next(next()) / 1000);
      perSecond[second] = (perSecond[second] as number) + 1;
    }
    // 1000 / 60 is 17; a herd would be hundreds in one second and none in most.
    assert.ok(Math.max(...perSecond) < 40, `${perSecond}`);
    assert.ok(Math.min(...perSecond) > 3, `${perSecond}`);
  });

  it("begins again only after a connection that was stable", () => {
    const backoff = new Backoff(OPTIONS);
    for (let count = 0; count < 4; count += 1) backoff.next(0.5);
    backoff.connected(100000);
    assert.equal(backoff.attempt, 4);
    backoff.disconnected(129999);
    assert.equal(backoff.attempt, 4);
    backoff.connected(200000);
    backoff.disconnected(230000);
    assert.equal(backoff.attempt, 0);
    assert.equal(backoff.next(ALMOST_1), 999);
  });

  it("takes an attempt that never connected as no connection", () => {
    const backoff = new Backoff(OPTIONS);
    backoff.next(0.5);
    backoff.disconnected(99999999);
    assert.equal(backoff.attempt, 1);
    backoff.connected(0);
    backoff.disconnected(10);
    // Told twice, the second time says nothing.
    backoff.disconnected(90000);
    assert.equal(backoff.attempt, 1);
  });

  it("measures over the wrap of the clock, and for more than 25 days", () => {
    for (const start of [0x7fffffff, -2147483648, -1, 0]) {
      for (const [lasted, attempt] of [
        [29999, 1],
        [30000, 0],
        [3000000000, 0],
      ] as const) {
        const backoff = new Backoff(OPTIONS);
        backoff.next(0.5);
        backoff.connected(start);
        backoff.disconnected((start + lasted) | 0);
        assert.equal(backoff.attempt, attempt);
      }
    }
  });

  it("goes on where an earlier life stopped", () => {
    const backoff = new Backoff(OPTIONS);
    backoff.restore(2);
    assert.equal(backoff.next(ALMOST_1), 3999);
    backoff.restore(100000);
    assert.equal(backoff.next(ALMOST_1), 59999);
  });

  it("throws for misuse", () => {
    assert.throws(() => new Backoff({ ...OPTIONS, baseMs: 0 }), RangeError);
    assert.throws(() => new Backoff({ ...OPTIONS, capMs: 999 }), RangeError);
    assert.throws(() => new Backoff({ ...OPTIONS, capMs: 2147483648 }), RangeError);
    assert.throws(() => new Backoff({ ...OPTIONS, stableMs: -1 }), RangeError);
    const backoff = new Backoff(OPTIONS);
    assert.throws(() => backoff.next(1), RangeError);
    assert.throws(() => backoff.next(-0.1), RangeError);
    assert.throws(() => backoff.next(Number.NaN), RangeError);
    assert.throws(() => backoff.restore(-1), RangeError);
    assert.throws(() => backoff.restore(0.5), RangeError);
  });
});
