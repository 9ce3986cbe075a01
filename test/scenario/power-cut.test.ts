// Power fails once during one press: at every write and erase of the flash, at each of their bytes, and at every byte
// of every packet in both directions. After the next wake exactly one alert has been delivered, each time.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { World, type WorldOptions } from "../../host-sim/world.js";
import { idOf } from "../alert-id.js";
import { alerts, asleep, connected, ROOT, words } from "./story.js";

const MODES: readonly { name: string; options: WorldOptions; ready: (world: World) => World }[] = [
  { name: "mains", options: {}, ready: connected },
  { name: "battery, rst", options: { board: { wiring: "rst" } }, ready: asleep },
  { name: "battery, rst+gpio", options: { board: { wiring: "rst+gpio" } }, ready: asleep },
];

const AFTER_MS = 120000;

/** Cuts come in `arm`; gives false when the press was over before the cut came. */
function oneRun(mode: (typeof MODES)[number], arm: (world: World) => void): boolean {
  const world = mode.ready(new World(mode.options));
  const { board } = world;
  const before = words(board).length;
  arm(world);
  world.press();
  const wasCut = world.runUntil(() => board.state === "off", 30000);
  if (wasCut) {
    const said = words(board).slice(before);
    world.run(5000);
    board.powerOn();
    world.run(AFTER_MS);
    if (alerts(world).length === 0) {
      // Nothing reached the flash: the LED never said "stored", and the person presses again.
      assert.ok(!said.includes("stored"), `stored, but never delivered; said ${said.join(" ")}`);
      world.press();
      world.run(AFTER_MS);
    }
  }
  assert.deepEqual(
    alerts(world).map((alert) => alert["id"]),
    [idOf(board, 1)],
  );
  assert.deepEqual(world.broker.violations, []);
  assert.equal(board.crashes, 0);
  assert.match(world.broker.retained(`${ROOT}/lwt`)?.payload ?? "", mode.name === "mains" ? /online/ : /sleeping/);
  world.close();
  return wasCut;
}

for (const mode of MODES) {
  describe(`one press with one power cut, ${mode.name}`, () => {
    it("at every flash write, before, in the middle and after", () => {
      let cuts = 0;
      for (let operation = 1; ; operation += 1) {
        let struck = false;
        for (const byte of [0, 1, 3, 4, 7, 12, 20, 24, 27, 31, 4096]) {
          struck = oneRun(mode, ({ board }) => {
            board.flash.cutAt = { operation: board.flash.operations + operation, byte };
          });
          if (struck) cuts += 1;
        }
        if (!struck) break;
      }
      assert.ok(cuts >= 3, `${cuts} cuts`);
    });

    for (const direction of ["up", "down"] as const) {
      it(`at every byte of every packet, ${direction}`, () => {
        let byte = 0;
        while (oneRun(mode, ({ network, board }) => network.cutAt({ direction, byte }, () => board.cutPower())))
          byte += 1;
        assert.ok(byte >= (direction === "up" ? 100 : 8), `${byte} bytes`);
      });
    }
  });
}
