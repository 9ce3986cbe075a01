// Pins as wires: who wins when the chip, its pull resistors, the board's and the outside meet.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Pins } from "../../host-sim/pins.js";

describe("Pins", () => {
  it("boots with the levels that the board's resistors give, and floating pins low", () => {
    const pins = new Pins();
    assert.deepEqual(
      [0, 2, 15, 4, 16].map((pin) => pins.level(pin)),
      [1, 1, 0, 0, 0],
    );
  });

  it("lets the outside win over pull resistors and outputs", () => {
    const pins = new Pins();
    pins.configure(4, "input", "up");
    assert.equal(pins.level(4), 1);
    pins.hold(4, 0);
    assert.equal(pins.level(4), 0);
    pins.hold(4, undefined);
    assert.equal(pins.level(4), 1);
    pins.configure(4, "input", "down");
    assert.equal(pins.level(4), 0);
    pins.configure(4, "output", "none", 1);
    pins.hold(4, 0);
    assert.equal(pins.level(4), 0);
  });

  it("drives both levels as output, only low as open drain", () => {
    const pins = new Pins();
    pins.configure(5, "output", "none", 1);
    assert.deepEqual([pins.level(5), pins.drives(5, 1)], [1, true]);
    pins.write(5, 0);
    assert.deepEqual([pins.level(5), pins.drives(5, 0)], [0, true]);
    pins.configure(5, "open drain", "none", 1);
    assert.deepEqual([pins.level(5), pins.drives(5, 1)], [0, false], "released and floating");
    pins.write(5, 0);
    assert.equal(pins.drives(5, 0), true);
    pins.configure(5, "input", "none");
    assert.equal(pins.drives(5, 0), false);
  });

  it("tells of changes of level only, until told to stop", () => {
    const pins = new Pins();
    const heard: string[] = [];
    const stop = pins.on((pin, level) => heard.push(`${pin}:${level}`));
    pins.hold(0, 0);
    pins.hold(0, 0);
    pins.hold(0, undefined);
    stop();
    pins.hold(0, 0);
    assert.deepEqual(heard, ["0:0", "0:1"]);
  });

  it("loses the chip's side at reset, not the outside's", () => {
    const pins = new Pins();
    pins.configure(2, "output", "none", 0);
    pins.hold(4, 1);
    pins.reset();
    assert.deepEqual([pins.level(2), pins.drives(2, 0), pins.level(4)], [1, false, 1]);
    assert.throws(() => pins.level(17), RangeError);
  });
});
