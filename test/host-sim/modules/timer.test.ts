// `timer` and `time` as modTimer.c and modTime.c have them, quirks included.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { running } from "../rig.js";

interface TimerModule {
  set(callback: (timer: object) => void, interval?: number, repeat?: number): object;
  repeat(callback: (timer: object) => void, interval: number): object;
  schedule(timer: object, interval?: number, repeat?: number): void;
  clear(timer?: object | null): void;
  delay(ms: number): void;
}
interface TimeModule {
  readonly ticks: number;
  delta(start: number, end?: number): number;
  set(seconds: number): void;
}

function bench(options = {}) {
  const { clock, board, chip } = running(options);
  const heard: string[] = [];
  const Time = chip.use<TimeModule>("time");
  const note = (name: string) => () => heard.push(`${Time.ticks} ${name}`);
  return { clock, board, heard, note, Timer: chip.use<TimerModule>("timer"), Time };
}

describe("timer", () => {
  it("fires once after its interval, never inside the call, and hands over itself", () => {
    const { clock, heard, Timer } = bench();
    const timer = Timer.set((which) => heard.push(which === timer ? "itself" : "another"), 10);
    Timer.set(() => heard.push("0"));
    assert.deepEqual(heard, []);
    clock.run(9);
    assert.deepEqual(heard, ["0"]);
    clock.run(100);
    assert.deepEqual(heard, ["0", "itself"]);
  });

  it("repeats without drifting, first after the interval, then at the repeat", () => {
    const { clock, heard, note, Timer } = bench();
    Timer.set(note("a"), 5, 20);
    const repeated = Timer.repeat(note("b"), 30);
    clock.run(70);
    Timer.clear(repeated);
    clock.run(20);
    assert.deepEqual(heard, ["5 a", "25 a", "30 b", "45 a", "60 b", "65 a", "85 a"]);
  });

  it("fires timers that are due together in the order in which they were made", () => {
    const { clock, heard, note, Timer } = bench();
    Timer.set(note("first"), 20);
    Timer.set(note("second"), 10);
    Timer.delay(30);
    clock.run(30);
    assert.deepEqual(heard, ["30 first", "30 second"]);
  });

  it("leaves a timer that a callback makes, clears or reschedules in the state that modTimer.c would", () => {
    const { clock, heard, note, Timer } = bench();
    const later = Timer.set(note("cleared"), 10);
    Timer.set(() => {
      Timer.clear(later);
      Timer.set(note("made in a callback"), 0);
    }, 5);
    const twice = Timer.set(() => Timer.schedule(twice, 5), 20);
    const revived = Timer.set(() => {
      heard.push("once");
      Timer.schedule(revived);
    }, 21);
    const repeating = Timer.set(() => {
      heard.push("reborn");
      Timer.schedule(repeating, 5, 5);
    }, 30);
    clock.run(29);
    assert.deepEqual(heard, ["5 made in a callback", "once"]);
    assert.throws(() => Timer.schedule(twice, 1), /invalid timer/, "a one-shot timer is gone after its callback");
    Timer.schedule(revived, 3);
    clock.run(20);
    assert.deepEqual(heard.slice(2), ["reborn", "once", "reborn", "reborn", "reborn"]);
  });

  it("does not fire a timer that was due in the same turn and cleared by the one before", () => {
    const { clock, heard, note, Timer } = bench();
    const third: object[] = [];
    Timer.set(() => {
      heard.push("first");
      for (const timer of third) Timer.clear(timer);
    }, 5);
    Timer.set(note("second"), 5);
    third.push(Timer.set(note("third"), 5));
    clock.run(10);
    assert.deepEqual(heard, ["first", "5 second"]);
  });

  it("stops an unscheduled timer until it is scheduled again", () => {
    const { clock, heard, note, Timer } = bench();
    const timer = Timer.repeat(note("tick"), 10);
    clock.run(15);
    Timer.schedule(timer);
    clock.run(50);
    Timer.schedule(timer, 5, 10);
    clock.run(16);
    assert.deepEqual(heard, ["10 tick", "70 tick", "80 tick"]);
  });

  it("clears what is gone, nothing and null without a word", () => {
    const { clock, Timer } = bench();
    const timer = Timer.set(() => {}, 0);
    clock.run(1);
    Timer.clear(timer);
    Timer.clear(timer);
    Timer.clear();
    Timer.clear(null);
    assert.throws(() => Timer.set(undefined as never, 1), TypeError);
    assert.equal(clock.pending, 0);
  });

  it("counts a delay of 2^31 ms as past, as the chip's arithmetic does", () => {
    const { clock, heard, note, Timer } = bench();
    Timer.set(note("long"), 2 ** 31);
    Timer.set(note("longest"), 2 ** 31 - 1);
    clock.run(1);
    assert.deepEqual(heard, ["0 long"]);
    clock.run(2 ** 31);
    assert.equal(heard.length, 2);
  });

  it("fires at the right tick when the clock stands between two", () => {
    const { clock, heard, note, Timer, Time } = bench();
    clock.run(10.75);
    Timer.set(note("set at tick 10"), 3);
    clock.run(2.24);
    assert.deepEqual(heard, []);
    clock.run(0.01);
    assert.deepEqual(heard, ["13 set at tick 10"], "2.25 ms later");
    for (let step = 0; step < 200; step++) {
      clock.run(0.1 + (step % 7) * 0.3);
      const due = Time.ticks + 3;
      Timer.set(() => assert.equal(Time.ticks, due), 3);
    }
    clock.run(10);
    assert.equal(clock.pending, 0);
  });

  it("does not fire while a call blocks the CPU, but right after it", () => {
    const { clock, heard, note, Timer, Time } = bench();
    Timer.set(note("due at 5"), 5);
    Timer.delay(40);
    assert.equal(Time.ticks, 40, "time passes inside the call");
    Timer.set(note("due at 45"), 5);
    clock.run(39);
    assert.deepEqual(heard, []);
    clock.run(10);
    assert.deepEqual(heard, ["40 due at 5", "45 due at 45"]);
  });
});

describe("time", () => {
  it("counts milliseconds of this boot in a signed 32-bit number", () => {
    const { clock, Time } = bench();
    assert.equal(Time.ticks, 0);
    clock.run(1234.9);
    assert.equal(Time.ticks, 1234);
    Time.set(1_700_000_000);
    assert.equal(Time.ticks, 1234);
    assert.equal((Time as { microseconds?: number }).microseconds, undefined, "this platform has none");
  });

  for (const [name, ticksAtBoot, before, after] of [
    ["2^31", 2 ** 31 - 100, 2 ** 31 - 50, -(2 ** 31) + 50],
    ["2^32", 2 ** 32 - 100, -50, 50],
  ] as const) {
    it(`passes ${name} ms and stays comparable by difference`, () => {
      const { clock, heard, note, Timer, Time } = bench({ ticksAtBoot });
      const start = Time.ticks;
      Timer.set(note("over the edge"), 150);
      clock.run(50);
      assert.equal(Time.ticks, before);
      clock.run(100);
      assert.equal(Time.ticks, after);
      assert.deepEqual([Time.delta(start), Time.delta(start, before), (Time.ticks - start) | 0], [150, 50, 150]);
      assert.deepEqual(heard, [`${after} over the edge`]);
    });
  }
});
