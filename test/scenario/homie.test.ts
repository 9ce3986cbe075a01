// A box that follows Homie 5: the judge of homie-rules.ts hears every message of these worlds, and may have nothing to
// say; what a controller is for must work. The guaranteed way of an alert stays `<root>/alert`.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ModelBroker } from "../../host-sim/broker.js";
import { HomieJudge } from "../../host-sim/conventions/homie-rules.js";
import type { WorldOptions } from "../../host-sim/world.js";
import { ConventionWorld } from "./convention-world.js";
import { alerts, asleep, CHIP, pressAndSleep, ROOT, untilSaid } from "./story.js";

const BASE = `homie/5/alertbox-${CHIP}`;

const CONVENTION = Object.freeze({ convention: "homie" } as const);

class HomieWorld extends ConventionWorld<HomieJudge> {
  constructor(options: WorldOptions = {}) {
    super(CONVENTION.convention, (kept) => new HomieJudge(kept), options);
  }

  kept(path: string): string | undefined {
    return this.broker.retained(`${BASE}/${path}`)?.payload;
  }

  /** All that was said on a topic of the device. */
  said(path: string): string[] {
    return this.broker.messages(`${BASE}/${path}`).map(({ payload }) => payload);
  }

  get description(): { version: number; nodes: Record<string, unknown> } {
    return JSON.parse(this.kept("$description") ?? "{}") as { version: number; nodes: Record<string, unknown> };
  }

  /** Topics of the device that the broker keeps. */
  get topics(): string[] {
    const all = new Set(this.broker.messages(`${BASE}/#`).map(({ topic }) => topic));
    return [...all].filter((topic) => this.broker.retained(topic) !== undefined).sort();
  }

  set(payload: string): void {
    this.broker.publish(`${BASE}/led/on/set`, payload);
    this.run(3000);
  }
}

function mains(options?: WorldOptions): HomieWorld {
  return new HomieWorld(options).online();
}

function settled(options?: WorldOptions): HomieWorld {
  return new HomieWorld(options).settled();
}

function battery(options: WorldOptions = {}): HomieWorld {
  return new HomieWorld({ ...options, board: { wiring: "rst", ...options.board } }).slept();
}

const MAINS_TOPICS = ["$description", "$state", "box/presses", "box/supply", "led/on"].map((path) => `${BASE}/${path}`);

describe("Homie: a mains box", () => {
  it("introduces itself: init, its description, its values, ready", () => {
    const world = mains();
    assert.deepEqual(world.said("$state"), ["init", "ready"]);
    assert.deepEqual(world.topics, MAINS_TOPICS);
    assert.deepEqual(Object.keys(world.description.nodes).sort(), ["box", "button", "led"]);
    assert.equal(world.kept("led/on"), "false");
    assert.equal(world.kept("box/presses"), "0");
    assert.match(world.kept("box/supply") ?? "", /^3\.\d{1,3}$/);
    world.judged();
  });

  it("has no presence and no LED of its own, and is hidden from Home Assistant; its state stays", () => {
    const world = mains();
    for (const topic of [`${ROOT}/lwt`, `${ROOT}/led`, `homeassistant/device/alertbox_${CHIP}/config`]) {
      assert.deepEqual(world.broker.messages(topic), [], topic);
    }
    assert.notEqual(world.broker.retained(`${ROOT}/state`), undefined);
  });

  it("says each gesture once, after the alert is delivered", () => {
    const world = mains();
    for (const [at, hold] of [100, 100, 100, 1500].entries()) {
      world.press(hold);
      world.run(at === 1 ? 250 : 5000);
    }
    assert.deepEqual(world.said("button/event"), ["press", "double", "long"]);
    assert.deepEqual(
      alerts(world).map(({ event }) => event),
      ["press", "double", "long"],
    );
    const order = world.broker.messages().filter(({ topic }) => /(alert|button\/event)$/.test(topic));
    assert.deepEqual(
      order.map(({ topic }) => topic === `${ROOT}/alert`),
      [true, false, true, false, true, false],
    );
    assert.equal(world.kept("box/presses"), "3");
    world.judged();
  });

  it("says no gesture whose alert is not delivered, and each when it is", () => {
    const world = mains({ board: { settings: { double: false } } });
    world.broker.stop();
    world.press();
    world.run(20_000);
    world.broker.start();
    world.run(120_000);
    assert.equal(alerts(world).length, 1);
    assert.deepEqual(world.said("button/event"), ["press"]);
    world.judged();
  });

  it("lights its LED when it is set, by Homie or by cmd/led, and reflects it", () => {
    const world = mains();
    for (const on of [true, true, false, true]) {
      world.set(String(on));
      assert.deepEqual([world.led.on, world.kept("led/on")], [on, String(on)]);
    }
    // No values of a boolean: whatever it makes of them, it tells what became of its LED.
    for (const payload of ["ON", "FALSE", "toggle", "1", "2", "maybe", "", "?", "\0", "x".repeat(600)]) {
      world.set(payload);
      assert.equal(world.kept("led/on"), String(world.led.on), payload);
    }
    world.broker.publish(`${ROOT}/cmd/led`, "OFF", { qos: 1 });
    world.run(2000);
    assert.deepEqual([world.led.on, world.kept("led/on")], [false, "false"]);
    world.judged();
  });

  it("is lost with its power, and ready again; its description is not sent again", () => {
    const world = mains();
    world.set("true");
    world.cutPower();
    world.run(200_000);
    assert.equal(world.kept("$state"), "lost");
    world.board.powerOn();
    assert.ok(untilSaid(world, "connected"));
    world.run(10_000);
    assert.equal(world.kept("$state"), "ready");
    // Dark after a start.
    assert.deepEqual([world.led.on, world.kept("led/on")], [false, "false"]);
    world.judged();
  });

  it("tells a description once while nothing changes, over restarts, power cuts and a broker that keeps its memory", () => {
    const world = settled();
    const before = world.said("$description").length;
    for (let i = 0; i < 3; i += 1) {
      world.cutPower();
      world.board.powerOn();
      assert.ok(untilSaid(world, "connected"));
      world.run(10_000);
    }
    world.broker.restart({ keepSessions: true });
    assert.ok(untilSaid(world, "connected", 300_000));
    world.run(10_000);
    assert.equal(world.kept("$state"), "ready");
    assert.equal(world.said("$description").length, before);
    world.judged();
  });

  it("tells a broker that has lost its memory everything again", () => {
    const world = settled();
    world.broker.restart({ keepSessions: false });
    assert.ok(untilSaid(world, "connected", 300_000));
    world.run(10_000);
    assert.deepEqual(world.topics, MAINS_TOPICS);
    assert.equal(world.kept("$state"), "ready");
    world.set("true");
    assert.equal(world.kept("led/on"), "true");
    world.judged();
  });

  it("a change of settings that Homie sees has a higher version, one that it does not has none", () => {
    const world = settled();
    const { version } = world.description;
    world.configure({ keepAliveSeconds: 40 });
    world.configure({ lowMillivolts: 2700, quiet: true });
    world.configure({ double: false });
    world.configure({ double: true });
    assert.equal(world.kept("$state"), "ready");
    assert.ok(world.description.version >= version);
    world.judged();
  });

  it("another root changes nothing of the device", () => {
    const world = mains();
    world.configure({ root: "home/door" });
    assert.deepEqual(world.topics, MAINS_TOPICS);
    world.press();
    world.run(5000);
    assert.equal(alerts(world, "home/door/alert").length, 1);
    assert.deepEqual(world.said("button/event"), ["press"]);
    world.judged();
  });

  for (const seed of [1, 2, 3]) {
    it(`connections that break, presses and sets in between: nothing is wrong, and nothing is lost (seed ${seed})`, () => {
      const world = mains({ seed, latencyMs: 40, board: { settings: { double: false } } });
      for (let i = 0; i < 12; i += 1) {
        world.press();
        world.run(300 + world.random.integer(3000));
        world.broker.publish(`${BASE}/led/on/set`, i % 2 === 0 ? "true" : "false");
        world.run(world.random.integer(400));
        if (i % 3 === 0) world.network.dropConnections();
        if (i % 5 === 4) world.broker.restart({ keepSessions: true });
        world.run(20_000);
      }
      world.run(120_000);
      assert.equal(new Set(alerts(world).map(({ id }) => id)).size, 12);
      assert.equal(world.kept("$state"), "ready");
      world.judged();
    });
  }

  it("a connection that is cut at whatever byte of the introduction: the next one is well", () => {
    for (let byte = 40; byte < 1400; byte += 68) {
      const world = new HomieWorld();
      assert.notEqual(world.board, undefined);
      world.network.cutAt({ direction: "up", byte }, () => world.network.dropConnections());
      world.run(120_000);
      assert.equal(world.kept("$state"), "ready", `byte ${byte}`);
      assert.deepEqual(world.topics, MAINS_TOPICS, `byte ${byte}`);
      world.judged();
    }
  });

  it("a power cut at whatever byte of the introduction: the next boot is well", () => {
    for (let byte = 30, isCut = true; isCut; byte += 130) {
      const world = mains({ board: { settings: { convention: "none" } } });
      const { board } = world;
      // Settings in flash, where what was told is kept, too.
      world.broker.publish(`${ROOT}/cmd/config`, JSON.stringify(CONVENTION), { qos: 1, retain: true });
      assert.ok(world.runUntil(() => board.steps.some(({ detail }) => detail === "applied"), 60_000));
      isCut = false;
      const cut = world.network.cutAt({ direction: "up", byte }, () => {
        isCut = true;
        board.cutPower();
      });
      world.run(20_000);
      cut.cancel();
      board.powerOn();
      world.run(240_000);
      assert.equal(world.kept("$state"), "ready", `byte ${byte}`);
      assert.deepEqual(world.topics, MAINS_TOPICS, `byte ${byte}`);
      world.judged();
    }
  });
});

describe("Homie: a battery box", () => {
  it("is sleeping, never lost, and has no LED", () => {
    const world = battery();
    assert.equal(world.kept("$state"), "sleeping");
    assert.deepEqual(Object.keys(world.description.nodes).sort(), ["box", "button"]);
    assert.equal(world.kept("led/on"), undefined);
    for (let i = 0; i < 3; i += 1) {
      assert.ok(pressAndSleep(world));
      assert.equal(world.kept("$state"), "sleeping");
    }
    assert.ok(!world.said("$state").includes("lost"));
    assert.deepEqual(world.said("button/event"), ["press", "press", "press"]);
    assert.equal(world.kept("box/presses"), "3");
    assert.equal(world.said("$description").length, 1);
    world.judged();
  });

  it("is lost when its power goes while it is awake", () => {
    const world = battery({ board: { wiring: "rst" }, latencyMs: 100 });
    world.press();
    assert.ok(world.runUntil(() => world.kept("$state") === "init" || world.kept("$state") === "ready", 30_000));
    world.cutPower();
    world.run(200_000);
    assert.equal(world.kept("$state"), "lost");
    world.board.powerOn();
    asleep(world);
    assert.equal(world.kept("$state"), "sleeping");
    world.judged();
  });

  it("wakes to a broker that was restarted, with and without its memory", () => {
    for (const keepSessions of [true, false]) {
      const world = battery();
      world.broker.restart({ keepSessions });
      assert.ok(pressAndSleep(world));
      assert.ok(pressAndSleep(world));
      assert.equal(world.kept("$state"), "sleeping");
      assert.notEqual(world.kept("$description"), undefined);
      assert.equal(alerts(world).length, 2);
      world.judged();
    }
  });

  it("keeps an alert that no broker takes, and says the gesture when it is delivered", () => {
    const world = battery();
    world.broker.stop();
    assert.ok(pressAndSleep(world, 120_000));
    assert.deepEqual(world.said("button/event"), []);
    world.broker.start();
    assert.ok(pressAndSleep(world, 120_000));
    assert.equal(alerts(world).length, 2);
    assert.deepEqual(world.said("button/event"), ["press", "press"]);
    world.judged();
  });

  it("takes settings at its wake", () => {
    const world = battery();
    world.broker.publish(`${ROOT}/cmd/config`, '{"quiet":true}', { qos: 1, retain: true });
    assert.ok(pressAndSleep(world, 120_000));
    asleep(world);
    assert.match(world.broker.retained(`${ROOT}/state`)?.payload ?? "", /"config":"applied"/);
    assert.equal(world.kept("$state"), "sleeping");
    world.judged();
  });
});

describe("Homie: another convention, another mode", () => {
  for (const convention of ["home-assistant", "tasmota", "none"]) {
    it(`to ${convention}: the device is removed, $state first; and back it is there again`, () => {
      const world = settled();
      world.configure({ convention });
      assert.deepEqual(world.topics, []);
      world.press();
      world.run(5000);
      assert.deepEqual(world.said("button/event"), []);
      world.configure(CONVENTION);
      assert.deepEqual(world.topics, MAINS_TOPICS);
      assert.equal(world.kept("$state"), "ready");
      assert.equal(world.broker.retained(`${ROOT}/lwt`), undefined);
      assert.equal(world.broker.retained(`${ROOT}/led`), undefined);
      assert.equal(world.broker.retained(`tele/alertbox_${CHIP}/LWT`), undefined);
      assert.equal(world.broker.retained(`homeassistant/device/alertbox_${CHIP}/config`), undefined);
      world.press();
      world.run(5000);
      assert.deepEqual(world.said("button/event"), ["press"]);
      assert.equal(alerts(world).length, 2);
      world.judged();
    });
  }

  it("settings that lead nowhere: the device is there as before, and nothing of the other convention", () => {
    const world = settled();
    const before = world.description;
    world.configure({ convention: "tasmota", port: 1 });
    world.run(60_000);
    assert.match(world.broker.retained(`${ROOT}/state`)?.payload ?? "", /"config":"rejected: /);
    assert.deepEqual(world.topics, MAINS_TOPICS);
    assert.equal(world.kept("$state"), "ready");
    assert.deepEqual(world.description, before);
    // It is taken back, for a broker may have told a will that it was tried with.
    assert.ok(world.broker.messages("tele/#").every(({ payload }) => payload === ""));
    world.judged();
  });

  it("a sleeper that goes over at its wake is removed, too, and comes back", () => {
    const world = battery();
    const configure = (settings: object) => {
      world.broker.publish(`${ROOT}/cmd/config`, JSON.stringify(settings), { qos: 1, retain: true });
      assert.ok(pressAndSleep(world, 120_000));
      asleep(world);
    };
    configure({ quiet: true });
    configure({ convention: "home-assistant" });
    assert.deepEqual(world.topics, []);
    assert.match(world.broker.retained(`${ROOT}/lwt`)?.payload ?? "", /"sleeping"/);
    configure(CONVENTION);
    assert.equal(world.kept("$state"), "sleeping");
    assert.equal(world.broker.retained(`${ROOT}/lwt`), undefined);
    assert.ok(pressAndSleep(world));
    assert.equal(alerts(world).length, 4);
    world.judged();
  });

  it("with another root at once: nothing is left below the one of before", () => {
    const world = settled();
    world.configure({ convention: "none", root: "home/door" });
    assert.deepEqual(world.topics, []);
    world.configure({ convention: "homie", root: "home/gate" }, "home/door");
    assert.deepEqual(world.topics, MAINS_TOPICS);
    const kept = [ROOT, "home/door", "home/gate"].flatMap((root) =>
      ["lwt", "led", "state"]
        .filter((name) => world.broker.retained(`${root}/${name}`) !== undefined)
        .map((name) => `${root}/${name}`),
    );
    assert.deepEqual(kept, ["home/gate/state"]);
    world.judged();
  });

  it("a box that goes to another broker is lost at the one of before, and there at the other", () => {
    const world = settled();
    const other = new ModelBroker(world.network, world.clock, { address: "10.0.0.3", port: 1883 });
    world.configure({ host: "10.0.0.3" });
    world.run(10_000);
    assert.equal(world.kept("$state"), "lost");
    assert.equal(other.retained(`${BASE}/$state`)?.payload, "ready");
    assert.equal(other.retained(`${BASE}/led/on`)?.payload, "false");
    assert.notEqual(other.retained(`${BASE}/$description`), undefined);
    assert.deepEqual([...world.judge.breaches, ...world.broker.violations, ...other.violations], []);
  });

  it("a power cut while the device is removed: it is removed in the end", () => {
    for (let steps = 0; steps < 8; steps += 1) {
      const world = settled();
      world.broker.publish(`${ROOT}/cmd/config`, '{"convention":"none"}', { qos: 1, retain: true });
      let gone = 0;
      world.broker.listen(`${BASE}/#`, ({ payload }) => {
        gone += payload === "" ? 1 : 0;
      });
      world.runUntil(() => gone > steps, 20_000);
      world.cutPower();
      world.run(5000);
      world.board.powerOn();
      world.run(120_000);
      assert.deepEqual(world.topics, [], `after ${steps}`);
      world.judge.finish(world.now);
      assert.deepEqual(world.judge.breaches, [], `after ${steps}`);
    }
  });

  it("from mains to battery and back: the LED goes, and comes", () => {
    const world = settled({ board: { wiring: "rst+gpio", settings: { mode: "mains" } } });
    assert.ok("led" in world.description.nodes);
    world.configure({ mode: "battery" });
    asleep(world);
    assert.equal(world.kept("$state"), "sleeping");
    assert.ok(!("led" in world.description.nodes));
    assert.equal(world.kept("led/on"), undefined);
    const { version } = world.description;
    world.broker.publish(`${ROOT}/cmd/config`, '{"mode":"mains"}', { qos: 1, retain: true });
    world.press();
    world.run(60_000);
    assert.deepEqual(world.topics, MAINS_TOPICS);
    assert.equal(world.kept("$state"), "ready");
    assert.ok(world.description.version > version);
    world.judged();
  });
});
