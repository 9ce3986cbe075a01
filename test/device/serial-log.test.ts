// The lines of the serial log, as a person at the monitor and the page read them.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Rig } from "./fixtures/adapters/rig.js";

/** What was said, line by line. */
function lines(rig: Rig): readonly string[] {
  return rig.world.board.log;
}

describe("logStep", () => {
  it("writes the milliseconds since this boot, the word and the detail, a line each", () => {
    const rig = new Rig();
    rig.world.run(742);
    rig.adapters.logStep("delivered", "5750-42-40146");
    rig.world.run(8);
    rig.adapters.logStep("asleep", "");
    const [first, second] = lines(rig);
    assert.equal(first, "[742] delivered 5750-42-40146");
    assert.equal(second, "[750] asleep", "no blank at the end");
  });

  it("counts anew from each boot", () => {
    const rig = new Rig();
    rig.world.run(60_000);
    rig.reset();
    rig.adapters.logStep("booted", "external");
    assert.equal(lines(rig).at(-1), "[0] booted external");
  });

  it("is read by the simulator as steps, details with blanks whole", () => {
    const rig = new Rig();
    rig.world.run(5);
    rig.adapters.logStep("refused", "not authorized: check user and password");
    const step = rig.world.board.steps.at(-1);
    assert.deepEqual([step?.ms, step?.word, step?.detail], [5, "refused", "not authorized: check user and password"]);
  });

  it("is there at once, so that what is said before a restart or sleep is not lost", () => {
    const rig = new Rig();
    rig.adapters.logStep("restart", "");
    assert.throws(() => new rig.adapters.Power().restart());
    rig.boot();
    assert.ok(rig.world.board.steps.some((step) => step.word === "restart"));
  });

  it("goes on where the clock wraps, as a negative number", () => {
    const rig = new Rig({ board: { ticksAtBoot: 0x7fffffff - 10 } });
    rig.world.run(11);
    rig.adapters.logStep("late", "");
    assert.match(lines(rig).at(-1) ?? "", /^\[-21474836\d\d\] late$/);
  });
});
