// The clocks: order, cancelling, what a condition may wait for, and that a real one ends with its owner.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { beforeEach, describe, it } from "mocha";
import { RealClock, SteppedClock, type TimeSource } from "../../host-sim/clock.js";

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
    const clock = new RealClock(100);
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
      timeout: 120_000,
    });
    assert.equal(run.stdout, "closed\n");
    assert.equal(run.status, 0);
  });
});

/** Real time that passes only when told to: each wake comes when it is due, or later on a busy computer. */
class FakeSource implements TimeSource {
  now = 1000;
  #wakes: { readonly at: number; readonly callback: () => void }[] = [];

  wake(afterMs: number, callback: () => void): () => void {
    const wake = { at: this.now + afterMs, callback };
    this.#wakes.push(wake);
    return () => {
      this.#wakes = this.#wakes.filter((each) => each !== wake);
    };
  }

  get waiting(): number {
    return this.#wakes.length;
  }

  /** Lets real time pass; whatever comes due is called at its time, or at the end when the computer is `busy`. */
  pass(ms: number, busy = false): void {
    const end = this.now + ms;
    if (busy) this.now = end;
    for (;;) {
      const due = this.#wakes.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#wakes.splice(this.#wakes.indexOf(due), 1);
      this.now = Math.max(this.now, due.at);
      due.callback();
    }
    this.now = Math.max(this.now, end);
  }
}

describe("RealClock, its speed, pauses and steps", () => {
  let source: FakeSource;
  let clock: RealClock;
  let heard: string[];

  /** Notes the name and the time when it is called. */
  const note = (name: string) => () => heard.push(`${clock.now} ${name}`);

  beforeEach(() => {
    source = new FakeSource();
    clock = new RealClock(1, source);
    heard = [];
  });

  it("counts at another speed from the moment at which that is set, and what waits keeps its instant", () => {
    clock.schedule(100, note("a"));
    clock.schedule(1000, note("b"));
    source.pass(50);
    assert.equal(clock.now, 50);
    clock.speed = 10;
    assert.equal(clock.now, 50, "no jump");
    source.pass(5);
    assert.deepEqual([heard, clock.now], [["100 a"], 100]);
    clock.speed = 100;
    source.pass(8);
    assert.equal(clock.now, 900);
    clock.speed = 1;
    source.pass(99);
    assert.deepEqual([heard.length, clock.now, clock.speed], [1, 999, 1]);
    source.pass(1);
    assert.deepEqual(heard, ["100 a", "1000 b"]);
  });

  it("stands still in a pause, runs nothing, and goes on where it stood, at the speed set meanwhile", () => {
    clock.schedule(10, note("a"));
    source.pass(4);
    clock.pause();
    assert.deepEqual([clock.paused, source.waiting], [true, 0]);
    source.pass(1000);
    assert.deepEqual([heard, clock.now], [[], 4]);
    // A socket has something for the board.
    clock.schedule(0, note("socket"));
    clock.speed = 2;
    source.pass(1000);
    assert.deepEqual([heard, clock.now, clock.paused], [[], 4, true]);
    clock.resume();
    assert.equal(clock.now, 4);
    source.pass(3);
    assert.deepEqual([heard, clock.now], [["4 socket", "10 a"], 10]);
  });

  it("makes steps in a pause: all of the next instant, what is scheduled for it included, and nothing else", () => {
    clock.schedule(10, () => {
      note("a")();
      clock.schedule(0, note("same instant"));
      clock.schedule(0.5, note("half later"));
    });
    clock.schedule(10, note("b"));
    clock.schedule(30, note("c"));
    clock.schedule(20, note("never")).cancel();
    clock.pause();
    clock.schedule(0, note("socket"));
    const steps: [boolean, number, number][] = [];
    for (let index = 0; index < 5; index++) steps.push([clock.step(), clock.now, heard.length]);
    assert.deepEqual(heard, ["0 socket", "10 a", "10 b", "10 same instant", "10.5 half later", "30 c"]);
    assert.deepEqual(steps, [
      [true, 0, 1],
      [true, 10, 4],
      [true, 10.5, 5],
      [true, 30, 6],
      [false, 30, 6],
    ]);
    source.pass(1000);
    assert.equal(clock.now, 30, "a step does not end the pause");
    clock.resume();
    source.pass(5);
    assert.equal(clock.now, 35);
  });

  it("can be paused and made slower by a callback: what is overdue then waits", () => {
    clock.schedule(10, () => {
      note("a")();
      clock.pause();
    });
    clock.schedule(10, note("b"));
    clock.schedule(12, () => {
      note("c")();
      clock.speed = 0.5;
    });
    clock.schedule(20, note("d"));
    source.pass(50, true);
    assert.deepEqual([heard, clock.now, clock.paused], [["10 a"], 10, true]);
    clock.resume();
    source.pass(50, true);
    assert.deepEqual([heard.slice(1), clock.now], [["10 b", "12 c"], 12]);
    source.pass(16);
    assert.deepEqual(heard.slice(3), ["20 d"]);
  });

  it("never goes back: before what is overdue has run, nobody sees a later time, and nothing overtakes it", () => {
    clock.schedule(10, note("timer"));
    clock.schedule(12, note("later timer"));
    // The computer is busy; then a socket is served before the timers.
    source.now += 40;
    assert.equal(clock.now, 10);
    clock.schedule(0, note("socket"));
    clock.schedule(1, note("soon"));
    clock.pause();
    clock.resume();
    source.pass(2);
    assert.deepEqual(heard, ["10 timer", "10 socket", "11 soon", "12 later timer"]);
    assert.equal(clock.now, 12, "what was missed in the meantime is not caught up after a pause");
  });

  it("counts no stall, so that an answer that waits in a socket is read before the timeout for it", () => {
    clock.speed = 50;
    clock.schedule(10_000, note("timeout"));
    source.pass(20);
    assert.equal(clock.now, 1000);
    // The process or the whole computer stands still for as long as fifty seconds of the board.
    source.pass(1000, true);
    assert.deepEqual([heard, clock.now], [[], 1200]);
    // What it needs for many turns of Node's loop, each of them too slow, does not count for more than each may.
    for (let turn = 0; turn < 10; turn++) source.pass(500, true);
    assert.deepEqual([heard, clock.now], [[], 3200]);
    source.pass(136);
    assert.deepEqual(heard, ["10000 timeout"]);
  });

  it("catches up what it is a little late, and goes by the wall clock then", () => {
    clock.schedule(1000, note("a"));
    for (let turn = 0; turn < 7; turn++) source.pass(140, true);
    assert.deepEqual([heard, clock.now], [[], 980]);
    source.pass(100, true);
    assert.deepEqual([heard, clock.now], [["1000 a"], 1080]);
    source.pass(3_600_000, true);
    assert.equal(clock.now, 3_601_080, "nothing waits, nothing can come too late");
    clock.schedule(1000, note("b"));
    source.pass(1000);
    assert.deepEqual(heard.at(-1), "3602080 b");
  });

  it("after a stall runs what is due then, and what that leads to, in small turns", () => {
    const again = (): void => {
      note("again")();
      clock.schedule(60, again);
    };
    clock.schedule(50, again);
    source.pass(5000, true);
    const turns = [heard.length];
    for (let turn = 0; turn < 3; turn++) {
      source.pass(5000, true);
      turns.push(heard.length);
    }
    assert.ok(
      turns.every((count, index) => count - (turns[index - 1] ?? 0) <= 3),
      `${turns}`,
    );
    assert.equal(heard[1], "110 again");
  });

  it("as fast as it goes, jumps from one callback to the next, in turns of some real milliseconds", () => {
    clock.speed = Number.POSITIVE_INFINITY;
    let count = 0;
    const again = (): void => {
      count += 1;
      // The computer needs a real millisecond for each.
      source.now += 1;
      if (count < 25) clock.schedule(86_400_000, again);
    };
    clock.schedule(86_400_000, again);
    assert.equal(clock.now, 0);
    const turns: number[] = [];
    while (source.waiting > 0) {
      source.pass(0);
      turns.push(count);
    }
    assert.deepEqual(turns, [9, 18, 25], "sockets are served in between");
    assert.equal(clock.now, 25 * 86_400_000);
    source.pass(1000);
    assert.equal(clock.now, 25 * 86_400_000, "it stands while nothing waits");
    clock.speed = 10;
    source.pass(5);
    assert.equal(clock.now, 25 * 86_400_000 + 50);
  });

  it("as fast as it goes, until a callback says otherwise", () => {
    clock.speed = Number.POSITIVE_INFINITY;
    clock.schedule(1000, () => {
      note("a")();
      clock.speed = 1;
    });
    clock.schedule(1001, note("b"));
    clock.schedule(5000, note("c"));
    source.pass(0);
    assert.deepEqual([heard, clock.now], [["1000 a"], 1000]);
    source.pass(1);
    assert.deepEqual([heard.length, clock.now], [2, 1001]);
    clock.pause();
    clock.speed = Number.POSITIVE_INFINITY;
    source.pass(10);
    assert.deepEqual([heard.length, clock.now], [2, 1001]);
    clock.resume();
    source.pass(0);
    assert.deepEqual(heard.at(-1), "5000 c");
  });

  it("what is to be done soon is done at the same instant, before the next callback", async () => {
    clock.schedule(10, () => {
      clock.soon(note("soon"));
      clock.soon(() => clock.soon(note("and soon")));
      note("a")();
    });
    clock.schedule(10, note("b"));
    source.pass(10, true);
    assert.deepEqual(heard, ["10 a", "10 soon", "10 and soon", "10 b"]);
    clock.soon(note("outside"));
    assert.equal(heard.length, 4);
    await Promise.resolve();
    assert.equal(heard.at(-1), "10 outside");
    clock.soon(note("before"));
    clock.schedule(0, note("callback"));
    source.pass(0);
    assert.deepEqual(heard.slice(-2), ["10 before", "10 callback"], "also what was asked for outside");
  });

  it("refuses what is no speed, and steps that are none", () => {
    for (const speed of [0, -1, Number.NaN]) {
      assert.throws(() => new RealClock(speed, source), RangeError);
      assert.throws(() => {
        clock.speed = speed;
      }, RangeError);
    }
    assert.throws(() => clock.step(), /pause it first/);
    clock.schedule(1, () => clock.step());
    const again = (): void => {
      clock.schedule(0, again);
    };
    clock.pause();
    assert.throws(() => clock.step(), /may not let time pass/);
    again();
    assert.throws(() => clock.step(), /something loops/);
  });

  it("forgets everything when it is closed, paused or not, and keeps nobody waiting", () => {
    clock.schedule(10, note("a"));
    clock.pause();
    clock.close();
    assert.equal(clock.step(), false);
    clock.schedule(0, note("b"));
    clock.resume();
    source.pass(100);
    assert.deepEqual([heard, source.waiting], [[], 0]);
  });
});
