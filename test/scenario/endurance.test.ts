// What must hold after a very long time: a thousand wakes without a router, ten thousand reconnects of one session,
// clocks that pass 2^31 and 2^32 milliseconds.

import assert from "node:assert/strict";
import { queryObjects } from "node:v8";
import { describe, it } from "mocha";
import { regionOf } from "../../host-sim/flash-region.js";
import { NorFlash, sectorBytes } from "../../host-sim/nor-flash.js";
import { World } from "../../host-sim/world.js";
import { checkSettings } from "../../src/alertbox/settings.js";
import { SettingsStore } from "../../src/alertbox/settings-store.js";
import { idOf } from "../alert-id.js";
import { alerts, asleep, CHIP, connected, pressAndSleep, untilSaid, words } from "./story.js";

/** A flash that holds settings as a setup would have stored them. */
function configuredFlash(changes: Record<string, unknown>): NorFlash {
  const flash = new NorFlash();
  const wifi = [{ ssid: "home", password: "correct horse" }];
  const settings = checkSettings({ wifi, host: "10.0.0.2", ...changes }, CHIP);
  assert.ok(typeof settings !== "string", String(settings));
  new SettingsStore(regionOf(flash), 2).save(settings);
  return flash;
}

describe("endurance", () => {
  it("1,000 wakes without Wi-Fi leave the settings byte-identical and the alert pending", () => {
    const flash = configuredFlash({ mode: "battery", wiring: "rst+gpio" });
    const world = asleep(new World({ board: { wiring: "rst+gpio", flash, config: { settings: undefined } } }));
    const { board } = world;
    world.wifi.down();
    assert.ok(pressAndSleep(world));
    const settings = flash.read(2 * sectorBytes, 2 * sectorBytes);
    const journal = flash.read(0, 2 * sectorBytes);
    const boots = board.boots;
    assert.ok(world.runUntil(() => board.boots >= boots + 1000, 1200 * 3600000));
    assert.ok(world.runUntil(() => board.state === "asleep", 60000));
    assert.deepEqual(flash.read(2 * sectorBytes, 2 * sectorBytes), settings);
    assert.deepEqual(flash.read(0, 2 * sectorBytes), journal, "nothing is written for a retry either");
    assert.equal(board.crashes, 0);
    world.wifi.up();
    assert.ok(untilSaid(world, "delivered", 2 * 3600000));
    assert.deepEqual(
      alerts(world).map((alert) => alert["id"]),
      [idOf(world.board, 1)],
    );
  });

  it("10,000 reconnects of one session end with the same live objects and the same buffers", () => {
    const world = connected(new World());
    const { board } = world;
    const live = () => {
      world.broker.forgetPast();
      return count();
    };
    const count = () => ({
      arrays: queryObjects(Uint8Array, { format: "count" }),
      buffers: queryObjects(ArrayBuffer, { format: "count" }),
      functions: queryObjects(Function, { format: "count" }),
      maps: queryObjects(Map, { format: "count" }),
      sets: queryObjects(Set, { format: "count" }),
    });
    const reconnect = () => {
      world.network.dropConnections();
      assert.ok(untilSaid(world, "connected", 120000));
      world.run(1000);
    };
    // The histories that the simulator keeps for views have a length limit; it is reached first.
    for (let i = 0; i < 200; i += 1) reconnect();
    const before = live();
    for (let i = 0; i < 10000; i += 1) reconnect();
    const after = live();
    // The whole process is counted, with what other tests have left to end by itself: a leak would be one for each.
    for (const [name, count] of Object.entries(before)) {
      assert.ok(after[name as keyof typeof after] < count + 100, `${name}: ${count} before, ${JSON.stringify(after)}`);
    }
    assert.equal(board.boots, 1);
    world.press();
    world.run(5000);
    assert.equal(alerts(world).length, 1);
    assert.deepEqual(world.broker.violations, []);
  });

  for (const [name, ticksAtBoot] of [
    ["2^31", 2 ** 31 - 20000],
    ["2^32", 2 ** 32 - 20000],
  ] as const) {
    it(`a mains box lives through the clock passing ${name} ms`, () => {
      const world = connected(new World({ board: { ticksAtBoot } }));
      for (let i = 0; i < 40; i += 1) {
        world.press();
        world.run(1000);
      }
      assert.equal(alerts(world).length, 40);
      world.wifi.down();
      world.run(30000);
      world.wifi.up();
      world.press();
      world.run(120000);
      assert.equal(alerts(world).length, 41);
      assert.deepEqual(world.broker.violations, []);
    });

    it(`a battery box wakes, delivers and sleeps while the clock passes ${name} ms`, () => {
      for (const early of [100, 2000, 5000, 10000]) {
        const world = asleep(new World({ board: { wiring: "rst", ticksAtBoot: ticksAtBoot + 20000 - early } }));
        assert.ok(pressAndSleep(world), `${early} ms before`);
        world.wifi.down();
        assert.ok(pressAndSleep(world), `${early} ms before, without a router`);
        world.wifi.up();
        assert.ok(pressAndSleep(world));
        assert.equal(alerts(world).length, 3);
        assert.ok(words(world.board).includes("not-sent"));
      }
    });
  }

  it("a week of a mains box needs one connection", () => {
    const world = connected(new World());
    const steps = world.board.steps.length;
    world.run(7 * 24 * 3600000);
    assert.equal(world.board.steps.length, steps);
    assert.deepEqual(world.broker.violations, []);
    assert.equal(world.broker.clients.length, 1);
  });
});
