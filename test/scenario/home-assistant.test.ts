// How the box comes to Home Assistant: told once, told again when it changes or the broker has lost it, taken back when
// that is asked for; and none of it costs an alert.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { World } from "../../host-sim/world.js";
import { alerts, asleep, CHIP, connected, pressAndSleep, ROOT, untilSaid } from "./story.js";

const TOPIC = `homeassistant/device/alertbox_${CHIP}/config`;

function told(world: World): string[] {
  return world.broker.messages(TOPIC).map(({ payload }) => payload);
}

function configure(world: World, settings: Record<string, unknown>): void {
  world.broker.publish(`${ROOT}/cmd/config`, JSON.stringify(settings), { qos: 1, retain: true });
}

/** A mains box whose settings are in flash, where what was told is kept too. */
function settled(settings: Record<string, unknown> = {}): World {
  const world = connected(new World({ board: { settings } }));
  configure(world, { keepAliveSeconds: 30 });
  assert.ok(world.runUntil(() => world.board.steps.some(({ detail }) => detail === "applied"), 60_000));
  world.run(5000);
  return world;
}

function again(world: World): void {
  world.cutPower();
  world.board.powerOn();
  assert.ok(untilSaid(world, "connected"));
  world.run(5000);
}

describe("Home Assistant", () => {
  it("is told of a new box, retained, with an LED that it knows the state of", () => {
    const world = connected(new World());
    assert.equal(told(world).length, 1);
    const { payload } = world.broker.retained(TOPIC) ?? { payload: "" };
    assert.deepEqual(Object.keys(JSON.parse(payload)), ["dev", "o", "cmps"]);
    assert.equal(world.broker.retained(`${ROOT}/led`)?.payload, "OFF");
    assert.deepEqual(world.broker.violations, []);
  });

  it("is not told again by restarts, power cuts, and settings that it does not see", () => {
    const world = settled();
    const before = told(world).length;
    for (let i = 0; i < 3; i += 1) again(world);
    // Each of them in the slot of the one before the last.
    for (const keepAliveSeconds of [40, 50, 60]) {
      configure(world, { keepAliveSeconds });
      world.run(10_000);
    }
    again(world);
    assert.equal(told(world).length, before);
  });

  it("is told again when it would see a change", () => {
    const world = settled();
    const before = told(world).length;
    configure(world, { root: "home/door" });
    world.run(10_000);
    assert.equal(told(world).length, before + 1);
    assert.match(told(world).at(-1) ?? "", /"home\/door\/alert"/);
  });

  it("is told again when the broker has lost its memory", () => {
    const world = settled();
    const before = told(world).length;
    world.broker.restart({ keepSessions: false });
    assert.ok(untilSaid(world, "connected", 300_000));
    world.run(5000);
    assert.equal(told(world).length, before + 1);
  });

  it("is told again after a power cut before the broker had it whole", () => {
    const world = settled();
    configure(world, { root: "home/door" });
    const topic = () => told(world).length;
    const before = topic();
    assert.ok(world.runUntil(() => topic() > before, 60_000));
    // The broker has it; its acknowledgement is on the way.
    world.cutPower();
    world.board.powerOn();
    world.run(20_000);
    assert.ok(topic() > before + 1);
  });

  it("forgets a box that is not to be found any more, and is not told of one that never was", () => {
    const world = settled();
    configure(world, { convention: "none" });
    world.run(10_000);
    assert.equal(world.broker.retained(TOPIC), undefined);
    const shy = connected(new World({ board: { settings: { convention: "none" } } }));
    assert.deepEqual(told(shy), []);
  });

  it("knows a sleeper after its first wake, and costs later ones nothing", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    assert.equal(told(world).length, 1);
    for (let i = 0; i < 3; i += 1) assert.ok(pressAndSleep(world));
    assert.equal(told(world).length, 1);
    assert.equal(alerts(world).length, 3);
  });

  it("waits for an alert that is pressed meanwhile, and loses none", () => {
    const world = new World({ latencyMs: 200, board: { settings: { double: false } } });
    assert.ok(untilSaid(world, "connected"));
    assert.ok(untilSaid(world, "connected"));
    for (let i = 0; i < 4; i += 1) {
      world.press();
      world.run(700);
    }
    world.run(20_000);
    assert.equal(alerts(world).length, 4);
    assert.equal(told(world).length, 1);
    assert.deepEqual(world.broker.violations, []);
  });

  it("finds an LED that was lit before a power cut dark again", () => {
    const world = settled();
    world.broker.publish(`${ROOT}/cmd/led`, "ON", { qos: 1 });
    world.run(2000);
    assert.equal(world.broker.retained(`${ROOT}/led`)?.payload, "ON");
    again(world);
    assert.equal(world.led.on, false);
    assert.equal(world.broker.retained(`${ROOT}/led`)?.payload, "OFF");
  });

  it("is told once when the connection is lost before the broker could say that it has it", () => {
    const world = settled();
    const before = told(world).length;
    configure(world, { root: "home/door" });
    assert.ok(world.runUntil(() => told(world).length > before, 60_000));
    // The acknowledgement is lost on its way, and that of the same message sent again comes late.
    world.network.dropConnections();
    world.broker.hold("puback");
    assert.ok(untilSaid(world, "connected"));
    world.run(3000);
    world.broker.release("puback");
    world.run(60_000);
    // As QoS 1 has it; not another one.
    assert.equal(told(world).length, before + 2);
    assert.deepEqual(world.broker.violations, []);
  });
});
