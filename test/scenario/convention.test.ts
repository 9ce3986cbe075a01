// Whatever happens to a box that is sent from convention to convention: presses, lost connections, power cuts, restarts
// of the broker. Both judges hear all of it and may have nothing to say; in the end the box is where it was sent,
// nothing of the others is left, and no alert is lost or doubled.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { keptBy, tap } from "../../host-sim/conventions/broker-tap.js";
import { ConventionJudges } from "../../host-sim/conventions/judges.js";
import { World } from "../../host-sim/world.js";
import { alerts, asleep, CHIP, connected, pressAndSleep, ROOT, untilSaid } from "./story.js";

const DEVICE = `homie/5/alertbox-${CHIP}`;
const DISCOVERY = `homeassistant/device/alertbox_${CHIP}/config`;

/** What a mains box has retained in each, and nothing else. */
const RETAINED: Readonly<Record<string, readonly string[]>> = Object.freeze({
  "home-assistant": [DISCOVERY, `${ROOT}/led`, `${ROOT}/lwt`],
  none: [`${ROOT}/led`, `${ROOT}/lwt`],
  homie: ["$description", "$state", "box/presses", "box/supply", "led/on"].map((path) => `${DEVICE}/${path}`),
  tasmota: [`tele/alertbox_${CHIP}/LWT`],
});
const CONVENTIONS = Object.keys(RETAINED);

function configure(world: World, settings: object): void {
  world.broker.publish(`${ROOT}/cmd/config`, JSON.stringify(settings), { qos: 1, retain: true });
  world.run(25_000);
}

function retained(world: World): string[] {
  const topics = new Set(world.broker.messages().map(({ topic }) => topic));
  return [...topics].filter((topic) => world.broker.retained(topic) !== undefined && topic !== `${ROOT}/state`).sort();
}

/** One thing that happens, and a while. */
function happen(world: World): void {
  const draw = (limit: number) => world.random.integer(limit);
  switch (draw(7)) {
    case 0:
    case 1:
      world.press([100, 100, 1500][draw(3)]);
      world.run(2000);
      break;
    case 2:
      world.network.dropConnections();
      break;
    case 3:
      world.broker.restart({ keepSessions: true });
      break;
    case 4:
      world.cutPower();
      world.run(draw(3000));
      world.board.powerOn();
      // A chip that starts with this button held waits for a download.
      world.run(1000);
      break;
    case 5:
      world.broker.publish(`${DEVICE}/led/on/set`, draw(2) === 0 ? "true" : "false");
      world.broker.publish(`cmnd/alertbox_${CHIP}/LedPower`, "2");
      break;
    default:
      world.broker.stop();
      world.run(draw(20_000));
      world.broker.start();
  }
  world.run(draw(3) === 0 ? draw(300) : draw(30_000));
}

describe("conventions: whatever happens", () => {
  for (let seed = 1; seed <= 16; seed += 1) {
    it(`seed ${seed}`, () => {
      const latencyMs = 5 + (seed % 4) * 40;
      const world = new World({ seed, latencyMs, board: { settings: { double: false, convention: "none" } } });
      const judges = new ConventionJudges(keptBy(world));
      tap(world, judges);
      const { board } = world;
      world.run(30_000);
      // Into flash, where what was told is kept, too.
      configure(world, { keepAliveSeconds: 30 });
      let presses = 0;
      board.on((event) => {
        if (event.type === "step" && event.word === "stored") presses += 1;
      });
      for (let i = 0; i < 3; i += 1) {
        const convention = CONVENTIONS[world.random.integer(CONVENTIONS.length)] as string;
        configure(world, { convention });
        for (let j = 0; j < 4; j += 1) happen(world);
        world.run(120_000);
        assert.deepEqual(retained(world), RETAINED[convention], convention);
        if (convention === "homie") assert.equal(world.broker.retained(`${DEVICE}/$state`)?.payload, "ready");
      }
      assert.deepEqual(judges.finish(world.now), []);
      assert.deepEqual(world.broker.violations, []);
      const ids = alerts(world).map(({ id }) => id);
      assert.deepEqual([ids.length, new Set(ids).size, board.crashes], [presses, presses, 0]);
    });
  }
});

describe("conventions: what is retained is known to the flash", () => {
  /** A mains box whose settings are in flash. */
  function settled(convention: string): World {
    const world = connected(new World({ board: { settings: { convention } } }));
    configure(world, { keepAliveSeconds: 30 });
    assert.deepEqual(retained(world), RETAINED[convention]);
    return world;
  }

  function send(world: World, convention: string): void {
    world.broker.publish(`${ROOT}/cmd/config`, JSON.stringify({ convention }), { qos: 1, retain: true });
  }

  function powerAgain(world: World): void {
    world.cutPower();
    world.board.powerOn();
    world.run(30_000);
  }

  for (const convention of ["home-assistant", "homie"]) {
    it(`${convention}: a broker that forgot the box is told anew, though the power fails before that`, () => {
      const world = settled(convention);
      world.broker.restart({ keepSessions: false });
      assert.ok(untilSaid(world, "connected", 300_000));
      world.run(1);
      powerAgain(world);
      assert.equal(world.board.steps.findLast(({ word }) => word === "connected")?.detail, "session present");
      assert.deepEqual(retained(world), RETAINED[convention]);
    });
  }

  it("one that was left before the next had introduced the box is taken back, too", () => {
    const world = settled("homie");
    send(world, "tasmota");
    // Into the trial of the one: it is applied, and the other comes with its SUBSCRIBE.
    assert.ok(world.runUntil(() => world.board.steps.at(-1)?.word === "joining", 60_000));
    send(world, "home-assistant");
    world.run(60_000);
    assert.deepEqual(retained(world), RETAINED["home-assistant"]);
  });

  it("a command that is wrong is answered behind presence and alerts", () => {
    const world = settled("tasmota");
    world.network.dropConnections();
    world.broker.publish(`${ROOT}/cmd/config`, "{", { qos: 1, retain: true });
    world.network.latencyMs = 150;
    world.press();
    world.run(20_000);
    const said = world.broker.messages("tele/#").map(({ payload }) => payload);
    assert.deepEqual(said.slice(said.lastIndexOf("Offline")).slice(0, 2), ["Offline", "Online"]);
    assert.equal(alerts(world).length, 1);
    assert.match(world.broker.retained(`${ROOT}/state`)?.payload ?? "", /"config":"rejected: /);
  });

  it("one that was only tried, until the power failed, is taken back", () => {
    for (const convention of ["homie", "tasmota"]) {
      const world = settled("home-assistant");
      send(world, convention);
      assert.ok(world.runUntil(() => world.board.steps.at(-1)?.word === "connecting", 60_000));
      // The CONNECT with its will is on the way.
      world.run(15);
      world.cutPower();
      world.broker.publish(`${ROOT}/cmd/config`, "", { qos: 1, retain: true });
      world.board.powerOn();
      world.run(30_000);
      assert.ok(
        world.broker.messages().some(({ topic, clientId }) => clientId !== undefined && isOf(convention, topic)),
      );
      assert.deepEqual(retained(world), RETAINED["home-assistant"]);
    }
  });

  it("a sleeper far from its broker stays until all of it is said", () => {
    const settings = { convention: "tasmota", quiet: true };
    const world = asleep(new World({ latencyMs: 150, board: { wiring: "rst", settings } }));
    send(world, "homie");
    for (let i = 0; i < 2; i += 1) assert.ok(pressAndSleep(world));
    send(world, "home-assistant");
    for (let i = 0; i < 2; i += 1) assert.ok(pressAndSleep(world));
    assert.deepEqual(retained(world), [DISCOVERY, `${ROOT}/lwt`]);
    assert.match(world.broker.retained(`${ROOT}/lwt`)?.payload ?? "", /"sleeping"/);
  });

  it("a sleeper whose last word finds no place in time leaves its will to be told, and does not stay ready", () => {
    const world = asleep(new World({ board: { wiring: "rst", settings: { convention: "homie" } } }));
    world.network.latencyMs = 2000;
    assert.ok(pressAndSleep(world));
    world.run(10_000);
    assert.equal(alerts(world).length, 1);
    assert.equal(world.broker.retained(`${DEVICE}/$state`)?.payload, "lost");
    world.network.latencyMs = 5;
    assert.ok(pressAndSleep(world));
    assert.equal(world.broker.retained(`${DEVICE}/$state`)?.payload, "sleeping");
  });

  it("a sleeper of Homie that is told to switch its LED, which it has not, says nothing of it", () => {
    const world = asleep(new World({ board: { wiring: "rst", settings: { convention: "homie" } } }));
    world.broker.publish(`${ROOT}/cmd/led`, "ON", { qos: 1, retain: true });
    assert.ok(pressAndSleep(world));
    assert.equal(world.broker.retained(`${ROOT}/cmd/led`), undefined);
    assert.equal(world.broker.retained(`${DEVICE}/led/on`), undefined);
  });
});

function isOf(convention: string, topic: string): boolean {
  return (RETAINED[convention] as readonly string[]).includes(topic);
}
