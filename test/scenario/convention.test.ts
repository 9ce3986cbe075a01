// Whatever happens to a box that is sent from convention to convention: presses, lost connections, power cuts, restarts
// of the broker. Both judges hear all of it and may have nothing to say; in the end the box is where it was sent,
// nothing of the others is left, and no alert is lost or doubled.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { World } from "../../host-sim/world.js";
import { keptBy, tap } from "./broker-tap.js";
import { HomieJudge } from "./homie-rules.js";
import { alerts, CHIP, ROOT } from "./story.js";
import { TasmotaJudge } from "./tasmota-rules.js";

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
      const judges = [new HomieJudge(keptBy(world)), new TasmotaJudge(keptBy(world))];
      for (const judge of judges) tap(world, judge);
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
      for (const judge of judges) {
        judge.finish(world.now);
        assert.deepEqual(judge.breaches, []);
      }
      assert.deepEqual(world.broker.violations, []);
      const ids = alerts(world).map(({ id }) => id);
      assert.deepEqual([ids.length, new Set(ids).size, board.crashes], [presses, presses, 0]);
    });
  }
});
