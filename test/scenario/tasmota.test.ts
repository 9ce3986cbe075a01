// A box in Tasmota's style: the judge of tasmota-rules.ts hears every message of these worlds, and may have nothing to
// say; what others do with Tasmota devices must work. The guaranteed way of an alert stays `<root>/alert`.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { TasmotaJudge } from "../../host-sim/conventions/tasmota-rules.js";
import type { WorldOptions } from "../../host-sim/world.js";
import { ConventionWorld } from "./convention-world.js";
import { alerts, asleep, CHIP, pressAndSleep, ROOT, untilSaid } from "./story.js";

const NAME = `alertbox_${CHIP}`;

const CONVENTION = Object.freeze({ convention: "tasmota" } as const);

class TasmotaWorld extends ConventionWorld<TasmotaJudge> {
  constructor(options: WorldOptions = {}) {
    super(CONVENTION.convention, (kept) => new TasmotaJudge(kept), options);
  }

  get presence(): string | undefined {
    return this.broker.retained(`tele/${NAME}/LWT`)?.payload;
  }

  get presences(): string[] {
    return this.broker.messages(`tele/${NAME}/LWT`).map(({ payload }) => payload);
  }

  get results(): string[] {
    return this.broker.messages(`stat/${NAME}/RESULT`).map(({ payload }) => payload);
  }

  /** Those of the button. */
  get actions(): string[] {
    return this.results.flatMap((result) => /^\{"Button1":\{"Action":"(\w+)"\}\}$/.exec(result)?.[1] ?? []);
  }

  command(name: string, payload: string): void {
    this.broker.publish(`cmnd/${NAME}/${name}`, payload);
    this.run(3000);
  }
}

function mains(options?: WorldOptions): TasmotaWorld {
  return new TasmotaWorld(options).online();
}

function settled(options?: WorldOptions): TasmotaWorld {
  return new TasmotaWorld(options).settled();
}

function battery(options: WorldOptions = {}): TasmotaWorld {
  return new TasmotaWorld({ ...options, board: { wiring: "rst", ...options.board } }).slept();
}

const action = '{"Button1":{"Action":"SINGLE"}}';

describe("Tasmota: a mains box", () => {
  it("is Online, takes commands, and tells supply and signal", () => {
    const world = mains();
    assert.deepEqual(world.presences, ["Online"]);
    assert.ok(world.judge.takesCommands(NAME));
    const [state] = world.broker.messages(`tele/${NAME}/STATE`);
    assert.match(state?.payload ?? "", /^\{"Vcc":3\.\d{1,3},"Wifi":\{"Signal":-\d+\}\}$/);
    // As Tasmota, it says after a start what its LED is.
    assert.deepEqual(new Set(world.results), new Set(['{"LedPower1":"OFF"}']));
    for (const topic of [`${ROOT}/lwt`, `${ROOT}/led`, `homeassistant/device/alertbox_${CHIP}/config`]) {
      assert.deepEqual(world.broker.messages(topic), [], topic);
    }
    world.judged();
  });

  it("says each gesture once, after the alert is delivered", () => {
    const world = mains();
    for (const [at, hold] of [100, 100, 100, 1500].entries()) {
      world.press(hold);
      world.run(at === 1 ? 250 : 5000);
    }
    assert.deepEqual(world.actions, ["SINGLE", "DOUBLE", "HOLD"]);
    assert.deepEqual(
      alerts(world).map(({ event }) => event),
      ["press", "double", "long"],
    );
    const order = world.broker.messages().filter(({ payload }) => /"event"|Button1/.test(payload));
    assert.deepEqual(
      order.map(({ topic }) => topic === `${ROOT}/alert`),
      [true, false, true, false, true, false],
    );
    world.judged();
  });

  it("switches its LED by LedPower in any case, and answers each; an empty one asks", () => {
    const world = mains();
    for (const [name, payload, on] of [
      ["LedPower", "ON", true],
      ["LedPower", "", true],
      ["LEDPOWER", "OFF", false],
      ["ledpower", "1", true],
      ["LedPower", "0", false],
      ["LedPower", "TOGGLE", true],
      ["LedPower", "2", false],
      ["LedPower", "on", true],
      ["LedPower", "off", false],
      ["LedPower", "toggle", true],
    ] as const) {
      const before = world.results.length;
      world.command(name, payload);
      assert.equal(world.led.on, on, `${name} ${payload}`);
      assert.deepEqual(world.results.slice(before), [`{"LedPower1":"${on ? "ON" : "OFF"}"}`], `${name} ${payload}`);
    }
    world.judged();
  });

  it("takes no other command for one of the LED", () => {
    const world = mains();
    const before = world.results.length;
    for (const name of ["Power", "LedState", "Restart", "LedPower/1", "Status", "Backlog"]) {
      world.broker.publish(`cmnd/${NAME}/${name}`, "1");
      world.run(1000);
    }
    world.broker.publish("cmnd/tasmotas/LedPower", "1");
    world.run(1000);
    assert.equal(world.led.on, false);
    assert.deepEqual(world.results.slice(before), []);
    assert.equal(world.board.crashes, 0);
  });

  it("cmd/led works, too", () => {
    const world = mains();
    world.broker.publish(`${ROOT}/cmd/led`, "ON", { qos: 1, retain: true });
    world.run(2000);
    assert.equal(world.led.on, true);
    assert.equal(world.broker.retained(`${ROOT}/cmd/led`), undefined);
    world.command("LedPower", "");
    assert.equal(world.results.at(-1), '{"LedPower1":"ON"}');
  });

  it("is Offline with its power, and Online again", () => {
    const world = mains();
    world.cutPower();
    world.run(200_000);
    assert.equal(world.presence, "Offline");
    world.board.powerOn();
    assert.ok(untilSaid(world, "connected"));
    world.run(10_000);
    assert.equal(world.presence, "Online");
    world.judged();
  });

  it("is Online again at a broker that was restarted, with and without its memory", () => {
    for (const keepSessions of [true, false]) {
      const world = mains();
      world.broker.restart({ keepSessions });
      assert.ok(untilSaid(world, "connected", 300_000));
      world.run(10_000);
      assert.equal(world.presence, "Online");
      world.command("LedPower", "1");
      assert.equal(world.results.at(-1), '{"LedPower1":"ON"}');
      world.judged();
    }
  });

  for (const seed of [1, 2, 3]) {
    it(`connections that break, presses in between: nothing is wrong, and nothing is lost (seed ${seed})`, () => {
      const world = mains({ seed, latencyMs: 40, board: { settings: { double: false } } });
      for (let i = 0; i < 12; i += 1) {
        world.press();
        world.run(300 + world.random.integer(3000));
        if (i % 3 === 0) world.network.dropConnections();
        if (i % 5 === 4) world.broker.restart({ keepSessions: true });
        world.run(20_000);
      }
      world.run(120_000);
      assert.equal(new Set(alerts(world).map(({ id }) => id)).size, 12);
      assert.equal(world.presence, "Online");
      world.judged();
    });
  }
});

describe("Tasmota: a battery box", () => {
  it("is Offline while it sleeps, and takes no commands", () => {
    const world = battery();
    assert.equal(world.presence, "Offline");
    for (let i = 0; i < 3; i += 1) {
      assert.ok(pressAndSleep(world));
      assert.equal(world.presence, "Offline");
    }
    assert.deepEqual(world.results, [action, action, action]);
    assert.equal(alerts(world).length, 3);
    world.judged();
  });

  it("keeps an alert that no broker takes, and says the gesture when it is delivered", () => {
    const world = battery();
    world.broker.stop();
    assert.ok(pressAndSleep(world, 120_000));
    world.broker.start();
    assert.ok(pressAndSleep(world, 120_000));
    assert.equal(alerts(world).length, 2);
    assert.deepEqual(world.results, [action, action]);
    world.judged();
  });
});

describe("Tasmota: another convention, another mode", () => {
  for (const convention of ["home-assistant", "homie", "none"]) {
    it(`to ${convention}: nothing is left; and back it is there again`, () => {
      const world = settled();
      world.configure({ convention });
      assert.equal(world.presence, undefined);
      const before = world.results.length;
      world.press();
      world.run(5000);
      world.command("LedPower", "1");
      assert.deepEqual(world.results.slice(before), []);
      assert.equal(world.led.on, false);
      world.configure(CONVENTION);
      assert.equal(world.presence, "Online");
      assert.equal(world.broker.retained(`${ROOT}/lwt`), undefined);
      assert.equal(world.broker.retained(`homie/5/alertbox-${CHIP}/$state`), undefined);
      world.press();
      world.run(5000);
      assert.deepEqual(world.actions, ["SINGLE"]);
      assert.equal(alerts(world).length, 2);
      world.judged();
    });
  }

  it("from mains to battery and back", () => {
    const world = settled({ board: { wiring: "rst+gpio", settings: { mode: "mains" } } });
    world.configure({ mode: "battery" });
    asleep(world);
    assert.equal(world.presence, "Offline");
    world.broker.publish(`${ROOT}/cmd/config`, '{"mode":"mains"}', { qos: 1, retain: true });
    world.press();
    world.run(60_000);
    assert.equal(world.presence, "Online");
    world.command("LedPower", "1");
    assert.equal(world.led.on, true);
    world.judged();
  });
});
