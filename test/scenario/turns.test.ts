// What takes long is done in turns of its own: between two of them Wi-Fi and the button have theirs, the power may
// fail, and nothing is claimed before it is true. A turn is one callback of the world's clock.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { settingsReport } from "../../host-sim/flash-report.js";
import { World } from "../../host-sim/world.js";
import { alerts, asleep, CHIP, connected, ROOT, untilSaid, words } from "./story.js";

const SINGLE = Object.freeze({ board: { settings: { double: false } } });
const CHANGE = '{"keepAliveSeconds":30,"host":"10.0.0.2","user":"","lowMillivolts":2500,"quiet":true}';

function send(world: World, payload: string): void {
  world.broker.publish(`${ROOT}/cmd/config`, payload, { qos: 1 });
}

function configs(world: World): string[] {
  return world.board.steps.filter(({ word }) => word === "config").map(({ detail }) => detail);
}

/**
 * Flash operations of each turn from now until the box has said that the settings are in use, those without left out.
 */
function savingTurns(world: World, between: (turn: number) => void = () => {}): number[] {
  const { flash } = world.board;
  const turns: number[] = [];
  let before = flash.operations;
  world.runUntil(() => {
    const count = flash.operations - before;
    before = flash.operations;
    if (count > 0) {
      turns.push(count);
      between(turns.length);
    }
    return configs(world).includes("applied");
  }, 30000);
  return turns;
}

describe("saving settings", () => {
  it("takes a turn for each step, none with more than two writes", () => {
    const world = connected(new World(SINGLE));
    send(world, CHANGE);
    // Erased, three times two texts of which two are empty, the header and its CRC.
    assert.deepEqual(savingTurns(world), [1, 2, 1, 1, 2]);
    assert.equal(settingsReport(world.board.flash, CHIP)?.keepAliveSeconds, 30);
  });

  it("with a press between any two of its steps: the press is stored and delivered, the settings are saved", () => {
    for (let at = 1; at <= 5; at += 1) {
      const world = connected(new World(SINGLE));
      send(world, CHANGE);
      const { flash } = world.board;
      savingTurns(world, (turn) => {
        if (turn !== at) return;
        // The edge comes before the next step; the debounce time passes while the rest is done.
        assert.ok(!configs(world).includes("applied"));
        world.press(100);
      });
      const said = world.board.steps.length;
      assert.ok(untilSaid(world, "stored"), `a press after turn ${at}`);
      assert.ok(world.board.steps.length > said);
      world.run(10000);
      assert.equal(alerts(world).length, 1);
      assert.equal(settingsReport(flash, CHIP)?.keepAliveSeconds, 30);
      assert.deepEqual([world.board.crashes, world.broker.violations], [0, []]);
    }
  });

  it("with a power cut between any two of its steps: the old settings or the new ones, and never said too early", () => {
    for (let at = 1; at <= 5; at += 1) {
      const world = connected(new World(SINGLE));
      send(world, CHANGE);
      savingTurns(world, (turn) => {
        if (turn === at) world.cutPower();
      });
      assert.equal(configs(world).includes("applied"), false, `said before turn ${at}`);
      assert.doesNotMatch(world.broker.retained(`${ROOT}/state`)?.payload ?? "", /applied/);
      world.board.powerOn();
      assert.ok(untilSaid(world, "connected"));
      world.run(5000);
      assert.equal(settingsReport(world.board.flash, CHIP)?.keepAliveSeconds, at < 5 ? undefined : 30);
      world.press();
      world.run(5000);
      assert.equal(alerts(world).length, 1);
      assert.deepEqual(world.broker.violations, []);
    }
  });
});

describe("a cmd/config", () => {
  /** Turns from the command to the word, of which each may do something. */
  function considered(world: World, between: (turn: number) => void): number {
    const before = configs(world).length;
    let turns = 0;
    send(world, CHANGE);
    world.runUntil(() => {
      turns += 1;
      between(turns);
      return configs(world).length > before;
    }, 1000);
    return turns;
  }

  it("is read member by member and judged in steps, a turn for each", () => {
    // Five members, five steps of judging.
    assert.ok(considered(connected(new World(SINGLE)), () => {}) >= 10);
  });

  it("waits for a press that comes while it is considered: that alert is delivered first", () => {
    const world = connected(new World(SINGLE));
    // A turn takes its time, as on the chip; here so much that a whole press fits between two of them.
    const { clock } = world;
    const schedule = clock.schedule.bind(clock);
    clock.schedule = (delayMs, callback) => schedule(delayMs === 0 ? 30 : delayMs, callback);
    considered(world, (turn) => {
      if (turn === 6) world.press(60);
    });
    world.run(20000);
    const said = words(world.board);
    const tried = said.indexOf("config");
    assert.ok(said.indexOf("delivered") < tried && said.indexOf("delivered") > 0, said.join(" "));
    assert.equal(alerts(world).length, 1);
    assert.ok(configs(world).includes("applied"));
    assert.deepEqual(world.broker.violations, []);
  });

  it("is replaced by a later one that comes while it is considered", () => {
    const world = connected(new World(SINGLE));
    send(world, '{"keepAliveSeconds":20,"port":1883,"user":"","password":"","quiet":false}');
    send(world, CHANGE);
    world.run(20000);
    assert.equal(settingsReport(world.board.flash, CHIP)?.keepAliveSeconds, 30);
  });
});

describe("a boot", () => {
  it("decides in turns of their own: a power cut after any of them loses no press that was claimed", () => {
    let lost = 0;
    for (let at = 0; at <= 6; at += 1) {
      const world = asleep(new World({ board: { wiring: "rst" } }));
      const { board } = world;
      const boots = board.boots;
      let turns = -1;
      world.press();
      world.runUntil(() => {
        if (board.boots > boots) turns += 1;
        return turns >= at;
      }, 5000);
      const claimed = words(board).lastIndexOf("stored") > words(board).lastIndexOf("boot");
      world.cutPower();
      world.run(1000);
      board.powerOn();
      world.run(60000);
      assert.ok(alerts(world).length === 1 || !claimed, `claimed after turn ${at}, and lost`);
      if (alerts(world).length === 0) lost += 1;
      assert.deepEqual([board.crashes, world.broker.violations], [0, []]);
      // The press that was cut off has left nothing behind: the next one counts on.
      world.press();
      world.run(60000);
      assert.equal(alerts(world).length, lost > at ? 1 : 2);
    }
    // Before the first turn there is nothing to keep it; in it, it is stored.
    assert.equal(lost, 1);
  });
});

describe("a connection", () => {
  it("is made in several turns: a button edge between them is seen at once", () => {
    // Settings, session and connection have a turn each; the press falls between any two of them.
    for (let at = 1; at <= 12; at += 1) {
      const world = new World(SINGLE);
      let turns = 0;
      let joined = false;
      world.runUntil(() => {
        joined ||= words(world.board).includes("joined");
        if (joined) turns += 1;
        if (turns === at) world.press(100);
        return turns >= at;
      }, 20000);
      world.run(20000);
      assert.equal(alerts(world).length, 1, `pressed at turn ${at}`);
      assert.deepEqual([world.board.crashes, world.broker.violations], [0, []]);
    }
  });

  it("carries one packet in each turn: to put several together takes too long", () => {
    const world = connected(new World(SINGLE));
    let segments = 0;
    world.network.onTraffic((traffic) => {
      if (traffic.type === "data" && traffic.direction === "up") segments += 1;
    });
    world.network.dropConnections();
    assert.ok(untilSaid(world, "connected"));
    world.run(100);
    // CONNECT, then lwt, state and the subscription.
    assert.equal(segments, 4);
    world.network.dropConnections();
    world.press();
    segments = 0;
    assert.ok(untilSaid(world, "connected"));
    // What was pressed leaves with the CONNECT, in one segment.
    assert.equal(segments, 1);
    world.run(5000);
    assert.equal(alerts(world).length, 1);
    assert.deepEqual(world.broker.violations, []);
  });

  it("hands over the alerts that wait one by one, in order, in a turn each", () => {
    const world = connected(new World(SINGLE));
    world.broker.stop();
    for (let i = 0; i < 4; i += 1) {
      world.press(80);
      world.run(500);
    }
    world.broker.start();
    world.run(120000);
    assert.deepEqual(
      alerts(world).map((alert) => alert["pushes"]),
      [1, 2, 3, 4],
    );
    assert.deepEqual(world.broker.violations, []);
  });
});
