// The meter on a board in a world: what it takes for a wake, and that nothing between the parts is missed.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { msOf, type Wake, WakeMeter } from "../../bench/wake-meter.js";
import type { Wiring } from "../../host-sim/board.js";
import { World } from "../../host-sim/world.js";

function measured(wiring: Wiring): { world: World; wakes: Wake[] } {
  const world = new World({ latencyMs: 10, board: { wiring, powered: false } });
  const wakes: Wake[] = [];
  new WakeMeter(world.board, wiring, (wake) => wakes.push(wake));
  world.board.powerOn();
  return { world, wakes };
}

function asleep(world: World): void {
  assert.ok(world.runUntil(() => world.board.state === "asleep", 60_000));
}

function near(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) < 1e-6, `${what}: ${actual}, not ${expected}`);
}

describe("bench/wake-meter", () => {
  it("the first boot is a wake, and has no press", () => {
    const { world, wakes } = measured("rst");
    asleep(world);
    assert.deepEqual(
      wakes.map(({ cause, delivered, interrupted }) => [cause, delivered, interrupted]),
      [["power", 0, false]],
    );
    near(wakes[0]?.mah ?? 0, world.board.chargeMah, "all that was drawn so far");
    near(wakes[0]?.ms ?? 0, world.now, "all the time so far");
  });

  it("the parts of a press are all of its time and all of its charge, in order", () => {
    const { world, wakes } = measured("rst");
    asleep(world);
    world.run(5000);
    const [startedAt, before] = [world.now, world.board.chargeMah];
    world.press(90);
    world.run(90);
    asleep(world);
    const wake = wakes[1];
    assert.ok(wake);
    assert.deepEqual(
      wake.parts.map((part) => part.name),
      ["held", "firmware", "joined", "tcp", "pubcomp", "asleep"],
    );
    assert.ok(wake.parts.every(({ ms, mah }) => ms >= 0 && mah >= 0));
    near(
      wake.parts.reduce((sum, part) => sum + part.ms, 0),
      world.now - startedAt,
      "time",
    );
    near(
      wake.parts.reduce((sum, part) => sum + part.mah, 0),
      world.board.chargeMah - before,
      "charge",
    );
    near(wake.ms, world.now - startedAt, "time as a whole");
    near(wake.mah, world.board.chargeMah - before, "charge as a whole");
    assert.equal(msOf(wake, "held"), 90);
    near(msOf(wake, "firmware"), 120, "from the release to the firmware");
  });

  it("a button that pulses RST holds nothing up", () => {
    const { world, wakes } = measured("rst+gpio");
    asleep(world);
    world.press(90);
    world.run(90);
    asleep(world);
    assert.equal(wakes[1]?.cause, "press");
    assert.equal(msOf(wakes[1] as Wake, "held"), 0);
  });

  it("a press in the middle of a wake ends that one and begins another", () => {
    const { world, wakes } = measured("rst");
    asleep(world);
    world.press(90);
    world.run(350);
    const middle = world.now;
    world.press(90);
    world.run(90);
    asleep(world);
    assert.deepEqual(
      wakes.slice(1).map(({ cause, delivered, interrupted }) => [cause, delivered, interrupted]),
      [
        ["press", 0, true],
        ["press", 2, false],
      ],
    );
    near((wakes[1]?.at ?? 0) + (wakes[1]?.ms ?? 0), middle, "the one ends where the other begins");
    assert.equal(wakes[2]?.at, middle);
  });

  it("a wake without network has only the parts that it came to", () => {
    const { world, wakes } = measured("rst");
    asleep(world);
    world.wifi.down();
    world.press(90);
    world.run(90);
    asleep(world);
    assert.deepEqual(
      wakes[1]?.parts.map((part) => part.name),
      ["held", "firmware", "asleep"],
    );
    assert.equal(msOf(wakes[1] as Wake, "pubcomp"), 0);
    assert.equal(wakes[1]?.delivered, 0);
  });

  it("a connection over a network that was given up does not count", () => {
    const { world, wakes } = measured("rst");
    asleep(world);
    world.wifi.giveAway("10.0.0.100");
    world.press(90);
    world.run(90);
    asleep(world);
    const wake = wakes[1] as Wake;
    assert.equal(wake.delivered, 1);
    assert.ok(msOf(wake, "joined") > 2000, "the search of the second network is in it");
    near(msOf(wake, "tcp"), 20, "one round trip");
  });

  it("nor does one that was lost with its network, when no other followed", () => {
    const { world, wakes } = measured("rst");
    asleep(world);
    world.broker.hold("connack");
    world.press(90);
    assert.ok(
      world.runUntil(() => world.broker.connects.length === 3, 10_000),
      "CONNECT is there, and waits",
    );
    world.wifi.down();
    world.run(7000);
    world.broker.stop();
    world.wifi.up();
    asleep(world);
    assert.deepEqual(
      wakes[1]?.parts.map((part) => part.name),
      ["held", "firmware", "joined", "asleep"],
    );
    assert.ok(wakes[1]?.parts.every(({ ms }) => ms >= 0));
  });

  it("a power cut leaves no wake", () => {
    const { world, wakes } = measured("rst");
    asleep(world);
    world.press(90);
    world.run(350);
    world.cutPower();
    world.run(1000);
    world.board.powerOn();
    asleep(world);
    assert.deepEqual(
      wakes.map((wake) => wake.cause),
      ["power", "power"],
    );
  });
});
