// The clocks: order, cancelling, what a condition may wait for, and that a real one ends with its owner.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "mocha";
import { RealClock, SteppedClock } from "../../host-sim/clock.js";

describe("SteppedClock", () => {
  it("runs callbacks by time, equal times in order of scheduling, and shows each its time", () => {
    const clock = new SteppedClock();
    const heard: string[] = [];
    for (const [ms, name] of [
      [20, "c"],
      [10, "a"],
      [20, "d"],
      [10, "b"],
      [0, "now"],
      [10.5, "half"],
    ] as const) {
      clock.schedule(ms, () => heard.push(`${clock.now} ${name}`));
    }
    clock.run(19);
    assert.deepEqual(heard, ["0 now", "10 a", "10 b", "10.5 half"]);
    assert.equal(clock.now, 19);
    clock.run(1);
    assert.deepEqual(heard.slice(4), ["20 c", "20 d"]);
  });

  it("runs in the same run what a callback schedules for now or for later in that run", () => {
    const clock = new SteppedClock();
    const heard: number[] = [];
    clock.schedule(5, () => {
      clock.schedule(0, () => heard.push(clock.now));
      clock.schedule(5, () => heard.push(clock.now));
      clock.schedule(5.5, () => heard.push(clock.now));
    });
    clock.run(10);
    assert.deepEqual(heard, [5, 10]);
    assert.equal(clock.pending, 1);
  });

  it("keeps the order of thousands of callbacks, cancelled ones in between", () => {
    const clock = new SteppedClock();
    const heard: number[] = [];
    let seed = 1;
    const times: number[] = [];
    for (let index = 0; index < 5000; index++) {
      seed = (seed * 48271) % 0x7fffffff;
      const ms = seed % 1000;
      const scheduled = clock.schedule(ms, () => heard.push(ms));
      if (index % 3 === 0) scheduled.cancel();
      else times.push(ms);
    }
    assert.equal(clock.pending, times.length);
    clock.run(1000);
    assert.deepEqual(
      heard,
      times.sort((a, b) => a - b),
    );
    assert.equal(clock.pending, 0);
  });

  it("never runs what was cancelled, and cancelling twice or late is harmless", () => {
    const clock = new SteppedClock();
    const heard: string[] = [];
    const first = clock.schedule(1, () => heard.push("first"));
    const second = clock.schedule(1, () => heard.push("second"));
    clock.schedule(0, () => second.cancel());
    clock.run(1);
    first.cancel();
    second.cancel();
    second.cancel();
    assert.deepEqual(heard, ["first"]);
    assert.equal(clock.pending, 0);
  });

  it("waits for a condition, and says whether it came true", () => {
    const clock = new SteppedClock();
    let count = 0;
    for (const ms of [10, 20, 30]) clock.schedule(ms, () => count++);
    assert.equal(
      clock.runUntil(() => count === 2, 100),
      true,
    );
    assert.equal(clock.now, 20);
    assert.equal(
      clock.runUntil(() => count === 2, 100),
      true,
      "it holds already",
    );
    assert.equal(clock.now, 20);
    assert.equal(
      clock.runUntil(() => count === 5, 100),
      false,
    );
    assert.equal(clock.now, 120, "all of the limit has passed");
    assert.equal(
      clock.runUntil(() => false, Number.POSITIVE_INFINITY),
      false,
      "nothing waits: no need to wait for ever",
    );
    assert.equal(clock.now, 120);
  });

  it("runs the next callback whenever it is", () => {
    const clock = new SteppedClock(1000);
    const heard: number[] = [];
    clock.schedule(3_600_000, () => heard.push(clock.now));
    assert.equal(clock.next(), true);
    assert.deepEqual(heard, [3_601_000]);
    assert.equal(clock.next(), false);
  });

  it("says that something loops instead of hanging", () => {
    const clock = new SteppedClock();
    const again = (): void => {
      clock.schedule(0, again);
    };
    again();
    assert.throws(() => clock.run(1), /without time passing/);
  });

  it("refuses delays that are no time, and time that passes inside a callback", () => {
    const clock = new SteppedClock();
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => clock.schedule(ms, () => {}), RangeError);
    }
    assert.throws(() => clock.run(-1), RangeError);
    clock.schedule(0, () => clock.run(1));
    clock.schedule(0, () => {});
    assert.throws(() => clock.run(1), /may not let time pass/);
    clock.run(1);
    assert.equal(clock.pending, 0, "an exception in a callback leaves the clock usable");
  });
});

describe("RealClock", () => {
  it("runs callbacks in order as the wall clock passes, faster when asked to", async () => {
    const clock = new RealClock(1000);
    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      clock.schedule(2000, () => {
        heard.push("late");
        assert.ok(clock.now >= 2000);
        resolve();
      });
      clock.schedule(0, () => heard.push("now"));
      clock.schedule(1000, () => heard.push("soon"));
      clock.schedule(500, () => heard.push("never")).cancel();
      assert.deepEqual(heard, [], "nothing runs inside the call");
    });
    clock.close();
    assert.deepEqual(heard, ["now", "soon", "late"]);
  });

  it("takes a wait that is longer than Node's timers can count", () => {
    const clock = new RealClock();
    let ran = false;
    clock.schedule(2 ** 40, () => {
      ran = true;
    });
    clock.schedule(1, () => {}).cancel();
    clock.close();
    clock.schedule(0, () => {
      ran = true;
    });
    assert.equal(ran, false);
    assert.throws(() => new RealClock(0), RangeError);
  });

  it("lets the process end once it is closed", () => {
    const url = new URL("../../host-sim/clock.ts", import.meta.url).href;
    const script = `
      const { RealClock } = await import(${JSON.stringify(url)});
      const clock = new RealClock();
      clock.schedule(3_600_000, () => {});
      clock.schedule(1, () => { clock.close(); console.log("closed"); });`;
    const run = spawnSync(process.execPath, ["--import", "tsx/esm", "--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 15_000,
    });
    assert.equal(run.stdout, "closed\n");
    assert.equal(run.status, 0);
  });
});
