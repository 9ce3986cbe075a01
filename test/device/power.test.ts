// Sleep and restart on a virtual board: how long it sleeps, what wakes it, what the chip says afterwards.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { WorldBoardOptions } from "../../host-sim/world.js";
import type { Power } from "../../src/device/power.js";
import { Rig } from "./fixtures/adapters/rig.js";

function opened(board: WorldBoardOptions = {}): { rig: Rig; power: Power } {
  const rig = new Rig({ board: { wiring: "rst+gpio", ...board } });
  return { rig, power: new rig.adapters.Power() };
}

/** From the call to the first line of firmware, less a plain boot. */
function sleptMs(rig: Rig, power: Power, ms: number, calibrate = false): number {
  power.sleep(ms, calibrate);
  return Math.round(rig.boot() - 120);
}

describe("Power", () => {
  it("sleeps for the milliseconds that it is told, and the timer wakes it", () => {
    for (const ms of [1, 1000, 900_000]) {
      const { rig, power } = opened();
      assert.equal(sleptMs(rig, power, ms), ms);
      assert.equal(new rig.adapters.Power().resetReason, 5);
    }
  });

  it("sleeps for 71 minutes when more is asked for, and never for the rest of a division", () => {
    const most = 4_294_967;
    for (const ms of [most, most + 1, 24 * 3_600_000]) {
      const { rig, power } = opened();
      assert.equal(sleptMs(rig, power, ms), most);
    }
  });

  it("sleeps until a reset for 0", () => {
    const { rig, power } = opened();
    power.sleep(0, false);
    rig.world.run(30 * 24 * 3_600_000);
    assert.equal(rig.world.board.state, "asleep");
    rig.reset();
    assert.equal(new rig.adapters.Power().resetReason, 5, "RST ends deep sleep");
  });

  it("lets the present turn end first", () => {
    const { rig, power } = opened();
    power.sleep(1000, false);
    rig.adapters.logStep("asleep", "");
    assert.equal(rig.world.board.state, "running");
    assert.equal(rig.world.board.steps.at(-1)?.word, "asleep");
    rig.world.run(1);
    assert.equal(rig.world.board.state, "asleep");
  });

  it("spares the next wake the calibration of the radio unless it is asked for", () => {
    const { rig, power } = opened();
    assert.equal(sleptMs(rig, power, 1000, true), 1200);
    assert.equal(sleptMs(rig, new rig.adapters.Power(), 1000, false), 1000);
    const station = new rig.adapters.WiFiStation({
      onAssociated() {},
      onJoined() {},
      onJoinFailed() {},
      onLost() {},
    });
    station.openAccessPoint("AlertBox-5750", "");
    assert.equal(rig.world.board.radioOn, true, "the radio works after either");
  });

  it("restarts at once, and says so by the reason", () => {
    const { rig, power } = opened();
    assert.equal(power.resetReason, 0);
    assert.throws(() => power.restart(), "nothing after it is run");
    rig.boot();
    assert.equal(new rig.adapters.Power().resetReason, 4);
    assert.equal(rig.world.board.crashes, 0);
  });

  it("knows a press on RST while awake", () => {
    const { rig } = opened();
    rig.reset();
    assert.equal(new rig.adapters.Power().resetReason, 6);
  });

  describe("fault", () => {
    it("is nothing after power-on, reset and sleep", () => {
      const { rig, power } = opened();
      assert.equal(power.fault, "");
      rig.reset();
      assert.equal(new rig.adapters.Power().fault, "");
      new rig.adapters.Power().sleep(1000, false);
      rig.boot();
      assert.equal(new rig.adapters.Power().fault, "");
    });

    for (const [reason, name] of [
      [1, "the hardware watchdog"],
      [2, "an exception"],
      [3, "the software watchdog"],
    ] as const) {
      it(`says for a person what ${name} left behind, once`, () => {
        const { rig } = opened();
        rig.world.board.fault(reason, 28, 0x40212345);
        rig.boot();
        const power = new rig.adapters.Power();
        assert.deepEqual([power.resetReason, power.fault], [reason, "exception 28 at 0x40212345"]);
        rig.reset();
        assert.equal(new rig.adapters.Power().fault, "");
      });
    }
  });

  it("says what the chip is and has", () => {
    const { rig, power } = opened({ chipId: 1234, millivolts: 3012 });
    assert.deepEqual([power.chipId, power.millivolts], [1234, 3012]);
    rig.world.board.millivolts = 2500;
    assert.equal(power.millivolts, 2500, "measured each time");
    assert.equal(power.freeHeap, rig.chip.freeHeap());
    assert.ok(power.freeHeap > 0);
  });
});
