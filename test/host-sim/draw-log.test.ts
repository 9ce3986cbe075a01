// The current as steps: what a battery box draws over one press, and what is merged and kept.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { DrawLog } from "../../host-sim/draw-log.js";
import type { DrawView } from "../../host-sim/page/details.js";
import { World } from "../../host-sim/world.js";

describe("host-sim/draw-log", () => {
  it("shows each state of a battery box over a press, with the charge until then", () => {
    const world = new World({ board: { wiring: "rst+gpio", powered: false } });
    const { board } = world;
    const log = new DrawLog(() => undefined);
    board.supply.onDraw = (milliamperes) => log.drew(0, world.now, milliamperes, board.chargeMah);
    board.powerOn();
    world.run(30_000);
    const before = log.draws.length;
    world.press(100);
    world.run(10_000);
    world.press(100);
    world.run(10_000);
    const steps = log.draws.slice(before);
    assert.deepEqual(
      steps.slice(4).map(({ at, milliamperes }) => [Math.round(at), milliamperes]),
      [
        [40_000, 15],
        [40_120, 75],
        [40_498, 15],
        [41_328, 0.084],
      ],
    );
    const [, , radioOff, asleep] = steps.slice(4);
    assert.ok(Math.abs((asleep?.chargeMah ?? 0) - (radioOff?.chargeMah ?? 0) - (15 * 830) / 3_600_000) < 1e-5);
    world.close();
  });

  it("merges what changes within a millisecond into the step that it began", () => {
    const told: DrawView[] = [];
    const log = new DrawLog((draw) => told.push(draw));
    log.drew(0, 10, 15, 1);
    log.drew(0, 10.4, 75, 1.1);
    log.drew(0, 10.6, 75, 1.2);
    log.drew(0, 12, 0, 1.3);
    log.drew(1, 12, 15, 0);
    assert.deepEqual(log.draws, [
      { board: 0, at: 10, milliamperes: 75, chargeMah: 1.1 },
      { board: 0, at: 12, milliamperes: 0, chargeMah: 1.3 },
      { board: 1, at: 12, milliamperes: 15, chargeMah: 0 },
    ]);
    assert.equal(told.length, 4);
    log.remove(0);
    assert.equal(log.draws.length, 1);
  });

  it("keeps the last 200 steps of each board", () => {
    const log = new DrawLog(() => undefined);
    for (let step = 0; step < 1000; step++) log.drew(0, 10 * step, step % 2, step);
    assert.equal(log.draws.length, 200);
    assert.equal(log.draws[0]?.at, 8000);
  });
});
