// A world: the real firmware from power-on to an alert at the broker, as a reader of a test would write it; the same
// seed gives the same bytes; boards do not disturb one another.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Board } from "../../host-sim/board.js";
import { World, type WorldOptions } from "../../host-sim/world.js";
import { idOf } from "../alert-id.js";

const alerts = "mresetar/alertbox/+/alert";

function said(board: Board, word: string): boolean {
  return board.steps.some((step) => step.word === word);
}

/** A world whose first board has just said that it is connected for its persistent session. */
function connected(options: WorldOptions = {}): World {
  const world = new World(options);
  const { board } = world;
  assert.ok(world.runUntil(() => board.steps.filter((step) => step.word === "connected").length === 2, 10_000));
  return world;
}

describe("World", () => {
  it("carries a press to the broker, and the LED, the log and the broker agree", () => {
    const world = connected();
    world.press();
    assert.ok(world.runUntil(() => said(world.board, "delivered"), 2000));
    const [alert, ...more] = world.broker.messages(alerts);
    assert.equal(alert?.topic, "mresetar/alertbox/5750/alert");
    const { pushes, id } = JSON.parse(alert?.payload ?? "{}") as Record<string, unknown>;
    assert.deepEqual([pushes, id], [1, idOf(world.board, 1)]);
    assert.deepEqual([alert?.qos, alert?.retain, more.length], [2, false, 0]);
    assert.deepEqual(world.broker.violations, []);
    assert.ok(world.led.history.length > 0);
    assert.equal(world.board.crashes, 0);
    world.close();
    assert.equal(world.board.state, "off");
  });

  it("gives the same bytes at the same times for the same seed", () => {
    const history = (seed: number): string => {
      const world = new World({ seed, latencyMs: 7 });
      const heard: string[] = [];
      world.board.button.bounceMs = 8;
      world.board.on((event) => heard.push(JSON.stringify(event)));
      world.board.pins.on((pin, level) => heard.push(`${world.now} GPIO${pin} ${level}`));
      world.network.onTraffic((traffic) => heard.push(JSON.stringify(traffic)));
      world.run(6000);
      world.press();
      world.run(3000);
      return heard.join("\n");
    };
    const first = history(3);
    assert.ok(first.length > 5000);
    assert.equal(history(3), first);
    assert.notEqual(history(4), first, "the button bounces in another way");
  });

  it("starts when it is told to, and lets time pass only when told to", () => {
    const world = new World({ startAt: 1000 });
    assert.equal(world.now, 1000);
    world.board.powerOn();
    world.run(100);
    assert.deepEqual([world.now, world.board.boots], [1100, 0]);
  });

  it("keeps a stored press over a power cut, and delivers it once", () => {
    const world = connected();
    world.wifi.down();
    world.press();
    assert.ok(world.runUntil(() => said(world.board, "stored"), 2000));
    world.cutPower();
    world.run(60_000);
    assert.equal(world.broker.messages(alerts).length, 0);
    world.wifi.up();
    world.board.powerOn();
    assert.ok(world.runUntil(() => world.broker.messages(alerts).length > 0, 20_000));
    world.run(60_000);
    assert.equal(world.broker.messages(alerts).length, 1);
    assert.deepEqual(world.broker.violations, []);
  });

  for (const wiring of ["rst", "rst+gpio"] as const) {
    it(`wakes a sleeper on battery by a press on ${wiring}, delivers, and lets it sleep again`, () => {
      const world = new World({ board: { wiring } });
      const { board } = world;
      assert.ok(
        world.runUntil(() => board.state === "asleep", 60_000),
        "it sleeps after its first boot",
      );
      assert.equal(world.broker.messages(alerts).length, 0, "power-on is no press");
      board.button.bounceMs = 5;
      world.press();
      assert.ok(world.runUntil(() => world.broker.messages(alerts).length > 0, 20_000));
      assert.ok(world.runUntil(() => board.state === "asleep", 20_000));
      world.run(3_600_000);
      assert.deepEqual([world.broker.messages(alerts).length, board.crashes], [1, 0]);
      assert.deepEqual(world.broker.violations, []);
    });
  }

  it("boots a board whose clock is about to wrap", () => {
    for (const ticksAtBoot of [2 ** 31 - 5000, 2 ** 32 - 5000]) {
      const world = connected({ board: { ticksAtBoot } });
      world.run(3000);
      world.press();
      assert.ok(world.runUntil(() => said(world.board, "delivered"), 3000));
      assert.deepEqual([world.broker.messages(alerts).length, world.board.crashes], [1, 0]);
    }
  });

  it("holds several boards with their own chip ids", () => {
    const world = new World();
    const boards = [
      world.addBoard(),
      world.addBoard({ settings: { root: "second" } }),
      world.addBoard({ powered: false }),
    ];
    assert.equal(world.board, boards[0]);
    assert.deepEqual(
      boards.map((board) => board.chipId),
      [5750, 5751, 5752],
    );
    world.run(8000);
    for (const board of boards) board.button.press();
    world.run(3000);
    const topics = world.broker.messages().filter((message) => message.topic.endsWith("/alert"));
    assert.deepEqual(topics.map((message) => message.topic).sort(), ["mresetar/alertbox/5750/alert", "second/alert"]);
    assert.equal(boards[2]?.state, "off");
  });
});
