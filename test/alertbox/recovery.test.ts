// What a box makes of the boots before: presses in quick succession, crashes in a row, and when both are forgotten. The
// little story at the end keeps the counts as RTC memory would.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { WakeCause } from "../../src/alertbox/effect.js";
import { badBoots, type Course, courseOf, quickPresses, Recovery } from "../../src/alertbox/recovery.js";

const CAUSES: readonly WakeCause[] = ["press", "retry", "power", "restart", "crash"];

describe("quickPresses", () => {
  it("counts presses on RST only", () => {
    assert.equal(quickPresses("press", "rst", 0), 1);
    assert.equal(quickPresses("press", "rst", 4), 5);
    for (const wiring of ["gpio", "rst+gpio"]) assert.equal(quickPresses("press", wiring, 4), 0, wiring);
  });

  it("begins anew with every other cause", () => {
    for (const cause of CAUSES.filter((each) => each !== "press"))
      assert.equal(quickPresses(cause, "rst", 4), 0, cause);
  });

  it("stays within a byte", () => {
    assert.equal(quickPresses("press", "rst", 254), 255);
    assert.equal(quickPresses("press", "rst", 255), 255);
  });
});

describe("badBoots", () => {
  it("counts crashes, and a boot of another kind does not make the ones before it good", () => {
    assert.equal(badBoots("crash", 0), 1);
    assert.equal(badBoots("crash", 2), 3);
    for (const cause of CAUSES.filter((each) => each !== "crash")) assert.equal(badBoots(cause, 2), 2, cause);
  });

  it("stays within a byte", () => {
    assert.equal(badBoots("crash", 254), 255);
    assert.equal(badBoots("crash", 255), 255);
  });
});

describe("courseOf", () => {
  const courses: readonly [WakeCause, number, number, Course][] = [
    ["press", 1, 0, "normal"],
    ["press", 4, 0, "normal"],
    ["press", 5, 0, "setup"],
    ["press", 9, 0, "setup"],
    ["press", 10, 0, "erase"],
    ["press", 255, 0, "erase"],
    ["crash", 0, 2, "normal"],
    ["crash", 0, 3, "safe"],
    ["crash", 0, 255, "safe"],
    ["press", 1, 3, "normal"],
    ["retry", 0, 3, "normal"],
    ["power", 0, 3, "normal"],
    ["restart", 0, 3, "normal"],
    ["press", 5, 3, "setup"],
    ["press", 10, 3, "erase"],
  ];
  for (const [cause, quick, bad, course] of courses) {
    it(`${cause} with ${quick} quick presses and ${bad} bad boots: ${course}`, () => {
      assert.equal(courseOf(cause, quick, bad), course);
    });
  }
});

describe("Recovery", () => {
  it("forgets the presses 2 s after the boot, the crashes after 60 s, and then has nothing more to say", () => {
    const recovery = new Recovery(500);
    assert.deepEqual([recovery.until, recovery.quick], [2500, true]);
    assert.equal(recovery.passed(500), undefined);
    assert.equal(recovery.passed(2499), undefined);
    assert.equal(recovery.quick, true);
    assert.equal(recovery.passed(2500), "presses");
    assert.deepEqual([recovery.until, recovery.quick], [60500, false]);
    assert.equal(recovery.passed(60499), undefined);
    assert.equal(recovery.passed(60500), "crashes");
    assert.equal(recovery.until, undefined);
    assert.equal(recovery.passed(120000), undefined);
  });

  it("says one after the other when it is asked late", () => {
    const recovery = new Recovery(0);
    assert.equal(recovery.passed(90000), "presses");
    assert.equal(recovery.passed(90000), "crashes");
    assert.equal(recovery.passed(90000), undefined);
  });

  it("does so where the clock wraps", () => {
    const bootAt = 0x7fffffff - 999;
    const recovery = new Recovery(bootAt);
    assert.equal(recovery.until, (bootAt + 2000) | 0);
    assert.equal(recovery.passed(0x7fffffff), undefined);
    assert.equal(recovery.passed((bootAt + 1999) | 0), undefined);
    assert.equal(recovery.passed((bootAt + 2000) | 0), "presses");
    assert.equal(recovery.until, (bootAt + 60000) | 0);
    assert.equal(recovery.passed((bootAt + 59999) | 0), undefined);
    assert.equal(recovery.passed((bootAt + 60000) | 0), "crashes");
  });
});

describe("recovery over boots", () => {
  /** A box that keeps its counts over boots; each boot lasts `ms` and begins for a cause. */
  class Boots {
    quick = 0;
    bad = 0;

    boot(cause: WakeCause, ms: number, wiring = "rst"): Course {
      this.quick = quickPresses(cause, wiring, this.quick);
      this.bad = badBoots(cause, this.bad);
      const course = courseOf(cause, this.quick, this.bad);
      const recovery = new Recovery(0);
      for (let past = recovery.passed(ms); past !== undefined; past = recovery.passed(ms)) {
        if (past === "presses") this.quick = 0;
        else this.bad = 0;
      }
      return course;
    }

    run(...boots: readonly [WakeCause, number][]): Course[] {
      return boots.map(([cause, ms]) => this.boot(cause, ms));
    }
  }

  const times = (count: number, cause: WakeCause, ms: number) => Array<[WakeCause, number]>(count).fill([cause, ms]);

  it("five quick presses open the setup, ten erase, an eleventh erases again", () => {
    assert.deepEqual(new Boots().run(...times(11, "press", 600)), [
      ...Array<Course>(4).fill("normal"),
      ...Array<Course>(5).fill("setup"),
      ...Array<Course>(2).fill("erase"),
    ]);
  });

  it("presses that are 2 s apart are alerts and nothing else, however many", () => {
    assert.ok(new Boots().run(...times(300, "press", 2000)).every((course) => course === "normal"));
  });

  it("a pause begins the count anew", () => {
    const courses = new Boots().run(...times(4, "press", 600), ["press", 3000], ...times(4, "press", 600));
    assert.deepEqual(courses.filter((course) => course === "setup").length, 1, "the fifth, not those after the pause");
    assert.equal(courses[4], "setup");
  });

  it("the third crash within 60 s of its boot leads to safe mode; a boot that lasts makes them forgotten", () => {
    assert.deepEqual(new Boots().run(...times(4, "crash", 5000)), ["normal", "normal", "safe", "safe"]);
    assert.ok(new Boots().run(...times(50, "crash", 60000)).every((course) => course === "normal"));
    assert.deepEqual(new Boots().run(["crash", 10], ["crash", 10], ["restart", 60000], ["crash", 10]).at(-1), "normal");
    assert.deepEqual(new Boots().run(["crash", 10], ["crash", 10], ["restart", 59999], ["crash", 10]).at(-1), "safe");
  });
});
