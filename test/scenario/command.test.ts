// Commands from afar: LED, stay, config with its trial and roll-back; live for a mains box, retained for a sleeper.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ModelBroker } from "../../host-sim/broker.js";
import { World } from "../../host-sim/world.js";
import { alerts, asleep, connected, pressAndSleep, ROOT, untilSaid, words } from "./story.js";

function send(world: World, name: string, payload: string, retain = true): void {
  world.broker.publish(`${ROOT}/cmd/${name}`, payload, { qos: 1, retain });
}

function stateOf(world: World, root = ROOT): Record<string, unknown> {
  return JSON.parse(world.broker.retained(`${root}/state`)?.payload ?? "{}") as Record<string, unknown>;
}

function isCleared(world: World, name: string): boolean {
  return world.broker.retained(`${ROOT}/cmd/${name}`) === undefined;
}

describe("commands to a mains box", () => {
  it("led: ON, OFF and TOGGLE light the LED, are told back, and are cleared", () => {
    const world = connected(new World());
    for (const [payload, lit] of [
      ["ON", true],
      ["TOGGLE", false],
      ["on", true],
      ["OFF", false],
    ] as const) {
      send(world, "led", payload);
      world.run(2000);
      assert.equal(world.led.on, lit, payload);
      assert.equal(world.broker.retained(`${ROOT}/led`)?.payload, lit ? "ON" : "OFF");
      assert.ok(isCleared(world, "led"));
    }
    assert.deepEqual(world.broker.violations, []);
  });

  it("a command that was not retained works too", () => {
    const world = connected(new World());
    send(world, "led", "ON", false);
    world.run(1000);
    assert.equal(world.led.on, true);
  });

  it("config during a delivery: the alert is delivered by the broker that has it, then the other one is tried", () => {
    const world = connected(new World({ latencyMs: 50, board: { settings: { double: false } } }));
    const other = new ModelBroker(world.network, world.clock, { address: "10.0.0.3", port: 1883 });
    world.press();
    assert.ok(untilSaid(world, "stored"));
    send(world, "config", '{"host":"10.0.0.3"}');
    world.run(30000);
    assert.equal(alerts(world).length, 1);
    assert.equal(other.messages(`${ROOT}/alert`).length, 0);
    assert.ok(isCleared(world, "config") || other.connects.length > 0);
    world.press();
    world.run(5000);
    assert.equal(other.messages(`${ROOT}/alert`).length, 1, "it is at the other broker now");
    assert.deepEqual([...world.broker.violations, ...other.violations], []);
  });

  it("a burst of commands takes no alert's place in the session for long", () => {
    const world = connected(new World({ latencyMs: 500, board: { settings: { double: false } } }));
    for (let i = 0; i < 12; i += 1) send(world, "led", "TOGGLE");
    world.run(520);
    world.press();
    world.run(20000);
    assert.equal(alerts(world).length, 1);
    assert.equal(world.board.crashes, 0);
    assert.deepEqual(world.broker.violations, []);
  });

  it("the subscription waits for a place in the session, too, when what is not acknowledged has taken all", () => {
    const world = connected(new World());
    world.run(5000);
    world.broker.hold("puback");
    for (let i = 0; i < 8; i += 1) send(world, "led", "TOGGLE", false);
    world.run(2000);
    // It forgets whatever was subscribed to.
    world.broker.restart({ keepSessions: false });
    assert.ok(untilSaid(world, "connected", 120_000));
    world.run(3000);
    world.broker.release("puback");
    world.run(5000);
    assert.equal(world.led.on, false);
    send(world, "led", "ON", false);
    world.run(2000);
    assert.equal(world.led.on, true);
    assert.deepEqual(world.broker.violations, []);
  });

  it("what finds no place in the session waits for one and is told in its order, nothing twice", () => {
    const world = connected(new World({ latencyMs: 500 }));
    world.run(5000);
    const before = world.broker.messages(`${ROOT}/led`).length;
    const sent = ["ON", "OFF", "ON", "OFF", "ON"];
    for (const payload of sent) send(world, "led", payload);
    world.run(20000);
    const told = world.broker.messages(`${ROOT}/led`).slice(before);
    assert.deepEqual(
      told.map((message) => message.payload),
      sent,
    );
    assert.ok(isCleared(world, "led"));
    assert.deepEqual(world.broker.violations, []);
  });

  it("under another root the box leaves nothing behind under the old one", () => {
    const world = connected(new World());
    send(world, "led", "ON");
    world.run(2000);
    send(world, "config", '{"root":"home/door"}');
    world.run(30_000);
    for (const name of ["lwt", "state", "led", "cmd/config"]) {
      assert.equal(world.broker.retained(`${ROOT}/${name}`), undefined, name);
    }
    assert.match(world.broker.retained("home/door/lwt")?.payload ?? "", /online/);
    assert.equal(stateOf(world, "home/door")["config"], "applied");
    assert.deepEqual(world.broker.violations, []);
  });

  it("a config that is none is told in the state", () => {
    const world = connected(new World());
    for (const [payload, words] of [
      ["{", /^rejected: cmd\/config: not valid JSON/],
      ["[]", /^rejected: cmd\/config: not a JSON object/],
      ["x".repeat(5000), /^rejected: cmd\/config: 5000 bytes are too many/],
    ] as const) {
      send(world, "config", payload);
      world.run(3000);
      assert.match(String(stateOf(world)["config"]), words);
      assert.ok(isCleared(world, "config"));
    }
  });

  it("nonsense is named on the log, cleared, and does no harm", () => {
    const world = connected(new World());
    for (const [name, payload] of [
      ["led", "purple"],
      ["stay", "-1"],
      ["config", "{"],
      ["config", '{"__proto__":{}}'],
      ["config", "x".repeat(5000)],
      ["dance", "now"],
    ] as const) {
      send(world, name, payload);
      world.run(2000);
      assert.ok(isCleared(world, name), `${name} ${payload.slice(0, 10)}`);
    }
    world.broker.publish(`${ROOT}/cmd/led`, Uint8Array.of(0xff, 0xfe), { qos: 1, retain: true });
    world.run(2000);
    assert.ok(isCleared(world, "led"));
    assert.equal(world.board.crashes, 0);
    world.press();
    world.run(5000);
    assert.equal(alerts(world).length, 1);
  });
});

describe("commands to a sleeper", () => {
  it("a retained command is acted on at the next wake, then cleared", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    send(world, "led", "ON");
    assert.ok(pressAndSleep(world));
    assert.ok(isCleared(world, "led"));
    assert.deepEqual(
      world.broker.messages(`${ROOT}/led`).map(({ payload }) => payload),
      ["ON", "OFF"],
      "and dark when it sleeps",
    );
    assert.equal(world.led.on, false, "asleep");
    assert.deepEqual(world.broker.violations, []);
  });

  it("stay keeps it awake and reachable for so long", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    send(world, "stay", "60");
    world.press();
    assert.ok(untilSaid(world, "command"));
    world.run(30000);
    assert.equal(world.board.state, "running");
    send(world, "led", "ON");
    world.run(1000);
    assert.equal(world.led.on, true);
    assert.ok(world.runUntil(() => world.board.state === "asleep", 60000));
    assert.match(world.broker.retained(`${ROOT}/lwt`)?.payload ?? "", /sleeping/);
  });
});

describe("cmd/config", () => {
  it("good settings are tried, saved, told, and survive a power cut", () => {
    const world = connected(new World());
    send(world, "config", JSON.stringify({ keepAliveSeconds: 33, lowMillivolts: 2700 }));
    assert.ok(untilSaid(world, "config"));
    world.run(20000);
    assert.equal(stateOf(world)["config"], "applied");
    assert.ok(isCleared(world, "config"));
    world.cutPower();
    world.run(1000);
    world.board.powerOn();
    world.run(20000);
    send(world, "config", JSON.stringify({ keepAliveSeconds: 33 }));
    world.run(5000);
    assert.equal(stateOf(world)["config"], "unchanged", "still 33 after the power cut");
    assert.deepEqual(world.broker.violations, []);
  });

  it("wrong settings are rolled back, with the step that failed in the state", () => {
    for (const [changes, why] of [
      [{ wifiPassword: "wrong password" }, /^rejected: no Wi-Fi: wrong password/],
      [{ wifi: { ssid: "nowhere", password: "" } }, /^rejected: no Wi-Fi: access point not found/],
      [{ host: "10.0.0.77" }, /^rejected: /],
      [{ host: "no-such.local" }, /^rejected: no address for no-such\.local/],
      [{ user: "nobody", password: "x" }, /^rejected: refused: /],
      [{ port: 70000 }, /^rejected: port/],
    ] as const) {
      const world = connected(
        new World({ broker: { users: { box: "secret" } }, board: { settings: { user: "box", password: "secret" } } }),
      );
      send(world, "config", JSON.stringify(changes));
      world.run(120000);
      assert.match(String(stateOf(world)["config"]), why, JSON.stringify(changes));
      assert.ok(isCleared(world, "config"), JSON.stringify(changes));
      world.cutPower();
      world.run(1000);
      world.board.powerOn();
      world.run(20000);
      world.press();
      world.run(5000);
      assert.equal(alerts(world).length, 1, `${JSON.stringify(changes)}, after a power cut`);
      assert.deepEqual(world.broker.violations, []);
    }
  });

  it("another topic root: the box moves, and clears the command under the old one", () => {
    const world = connected(new World());
    send(world, "config", JSON.stringify({ root: "cvrči/cvrčak/na/čvoru" }));
    world.run(20000);
    assert.equal(stateOf(world, "cvrči/cvrčak/na/čvoru")["config"], "applied");
    assert.ok(isCleared(world, "config"));
    world.press();
    world.run(5000);
    assert.equal(alerts(world, "cvrči/cvrčak/na/čvoru/alert").length, 1);
    assert.deepEqual(world.broker.violations, []);
  });

  it("another broker: the box introduces itself with a clean session there, and delivers there", () => {
    const world = connected(new World());
    const other = new ModelBroker(world.network, world.clock, { address: "10.0.0.3" });
    send(world, "config", JSON.stringify({ host: "10.0.0.3" }));
    world.run(30000);
    assert.equal(other.connects[0]?.clean, true);
    assert.equal(other.connects.at(-1)?.clean, false);
    world.press();
    world.run(5000);
    assert.equal(other.messages(`${ROOT}/alert`).length, 1);
    assert.deepEqual(alerts(world), []);
    assert.deepEqual([...other.violations, ...world.broker.violations], []);
  });

  it("a power cut at any flash write of the change leaves the old settings or the new, and a box that works", () => {
    let cuts = 0;
    for (let operation = 1; ; operation += 1) {
      const world = connected(new World());
      const { board } = world;
      board.flash.cutAt = { operation: board.flash.operations + operation, byte: 5 };
      send(world, "config", JSON.stringify({ keepAliveSeconds: 33 }));
      if (!world.runUntil(() => board.state === "off", 60000)) break;
      cuts += 1;
      board.powerOn();
      world.run(60000);
      assert.ok(words(board).includes("connected"));
      assert.ok(isCleared(world, "config"), "tried again, or found unchanged");
      world.press();
      world.run(5000);
      assert.equal(alerts(world).length, 1);
    }
    assert.ok(cuts >= 3, `${cuts} cuts`);
  });

  it("a sleeper takes its new settings in one wake", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    send(world, "config", JSON.stringify({ keepAliveSeconds: 33 }));
    assert.ok(pressAndSleep(world, 120000));
    assert.equal(stateOf(world)["config"], "applied");
    assert.ok(isCleared(world, "config"));
    assert.equal(alerts(world).length, 1);
  });
});
