import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ResetReason, resetName, wakeCause } from "../../src/alertbox/wake.js";

describe("wake cause", () => {
  it("wiring rst: every reset by the button is a press, asleep or awake", () => {
    assert.equal(wakeCause(ResetReason.DEEP_SLEEP, "rst", false, false), "press");
    assert.equal(wakeCause(ResetReason.EXTERNAL, "rst", false, false), "press");
  });

  it("wiring rst+gpio: a press only while the pin is held; else the retry timer or the board's own reset", () => {
    assert.equal(wakeCause(ResetReason.DEEP_SLEEP, "rst+gpio", true, false), "press");
    assert.equal(wakeCause(ResetReason.EXTERNAL, "rst+gpio", true, false), "press");
    assert.equal(wakeCause(ResetReason.DEEP_SLEEP, "rst+gpio", false, false), "retry");
    assert.equal(wakeCause(ResetReason.EXTERNAL, "rst+gpio", false, false), "restart");
  });

  it("wiring gpio: no reset is a press", () => {
    for (let reason = 0; reason <= 6; reason += 1) {
      assert.notEqual(wakeCause(reason, "gpio", true, false), "press");
    }
  });

  it("fitting a battery, watchdogs, exceptions and restarts are no presses, whatever the wiring", () => {
    for (const wiring of ["gpio", "rst", "rst+gpio"] as const) {
      assert.equal(wakeCause(ResetReason.POWER_ON, wiring, true, false), "power");
      assert.equal(wakeCause(ResetReason.HARDWARE_WATCHDOG, wiring, true, false), "crash");
      assert.equal(wakeCause(ResetReason.EXCEPTION, wiring, true, false), "crash");
      assert.equal(wakeCause(ResetReason.SOFTWARE_WATCHDOG, wiring, true, false), "crash");
      assert.equal(wakeCause(ResetReason.SOFTWARE_RESTART, wiring, true, true), "restart");
      assert.equal(wakeCause(ResetReason.SOFTWARE_RESTART, wiring, true, false), "crash", "so JavaScript ends");
      assert.equal(wakeCause(99, wiring, true, false), "power");
    }
  });

  it("names what state shows", () => {
    assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 9].map(resetName), [
      "power-on",
      "hardware-watchdog",
      "exception",
      "software-watchdog",
      "restart",
      "deep-sleep",
      "external",
      "reason-9",
    ]);
  });
});
