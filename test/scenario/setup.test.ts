// Holds of the button: setup, factory reset; the box without settings; a journal that is full; a flash that is worn
// out.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { World } from "../../host-sim/world.js";
import { idOf } from "../alert-id.js";
import { alerts, asleep, connected, pressAndSleep, ROOT, untilSaid, words } from "./story.js";

describe("setup", () => {
  it("a hold of 5 s opens the access point; after 120 s the box is back, with its settings", () => {
    const world = connected(new World());
    world.board.button.press(6000);
    assert.ok(untilSaid(world, "setup"));
    const radio = world.airspace.radioOn(world.board);
    assert.equal(radio?.softAccessPoint?.ssid, "AlertBox-5750");
    world.run(1000);
    // Nobody takes it for a box that would hear a press; it did not say DISCONNECT, and the broker tells its will.
    assert.match(world.broker.retained(`${ROOT}/lwt`)?.payload ?? "", /lost/);
    assert.ok(untilSaid(world, "connected", 200000));
    world.press();
    world.run(5000);
    assert.equal(alerts(world).length, 1);
    assert.deepEqual(world.broker.violations, []);
  });

  it("without settings nothing but the setup opens, and the box sleeps after 120 s", () => {
    const world = new World({ board: { config: { settings: undefined } } });
    assert.ok(untilSaid(world, "setup"));
    assert.equal(words(world.board).includes("joining"), false);
    assert.ok(world.runUntil(() => world.board.state === "asleep", 200000));
  });

  it("settings that make no sense are named on the log, and the setup opens", () => {
    const world = new World({ board: { settings: { port: 0 } } });
    assert.ok(untilSaid(world, "setup"));
    assert.ok(world.board.steps.some((step) => step.word === "config-invalid" && step.detail.startsWith("port")));
  });

  it("the router being away never opens the setup", () => {
    const world = connected(new World());
    world.wifi.down();
    world.run(7 * 24 * 3600000);
    assert.ok(!words(world.board).includes("setup"));
  });
});

describe("factory reset", () => {
  it("a hold of 10 s erases stored settings and alerts, and the press count goes on", () => {
    const world = connected(new World());
    world.broker.publish(`${ROOT}/cmd/config`, '{"root":"elsewhere"}', { qos: 1, retain: true });
    assert.ok(untilSaid(world, "connected"));
    world.run(5000);
    world.press();
    world.run(3000);
    assert.equal(alerts(world, "elsewhere/alert").length, 1);
    world.wifi.down();
    world.press();
    world.run(3000);
    const boots = world.board.boots;
    world.board.button.press(10500);
    world.run(12000);
    assert.equal(world.board.boots, boots + 1);
    world.wifi.up();
    world.run(120000);
    world.press();
    world.run(5000);
    assert.deepEqual(
      alerts(world).map((alert) => alert["id"]),
      [idOf(world.board, 3)],
      "back at the built-in root; the alert of before is gone",
    );
  });

  it("a button that is stuck resets once, not for ever", () => {
    const world = connected(new World());
    const boots = world.board.boots;
    world.board.button.down();
    world.run(11000);
    world.board.button.up();
    world.run(300);
    world.board.button.down();
    world.run(60000);
    assert.ok(world.board.boots <= boots + 2, `${world.board.boots - boots} boots`);
  });
});

describe("flash at its limits", () => {
  it("a full journal refuses the press: the LED never shows stored, and state counts it", () => {
    const world = connected(new World({ board: { settings: { double: false } } }));
    world.wifi.down();
    for (let i = 0; i < 130; i += 1) {
      world.press(80);
      world.run(300);
    }
    const stored = words(world.board).filter((word) => word === "stored").length;
    const refused = words(world.board).filter((word) => word === "not-stored").length;
    assert.equal(stored + refused, 130);
    assert.ok(refused >= 1);
    world.wifi.up();
    world.run(300000);
    assert.equal(alerts(world).length, stored);
    const state = JSON.parse(world.broker.retained(`${ROOT}/state`)?.payload ?? "{}") as Record<string, unknown>;
    assert.equal(state["dropped"], refused);
    assert.deepEqual(world.broker.violations, []);
  });

  it("a worn sector is left for the other one", () => {
    const world = connected(new World());
    world.board.flash.wornSector = 0;
    for (let i = 0; i < 5; i += 1) {
      world.press();
      world.run(3000);
    }
    assert.equal(alerts(world).length, 5);
  });

  it("settings that a worn flash does not keep are no crash, and state says so", () => {
    const world = connected(new World());
    const { flash } = world.board;
    const write = flash.write.bind(flash);
    flash.write = (offset, bytes) => {
      if (offset >= 2 * 4096) throw new Error("write fail");
      write(offset, bytes);
    };
    world.broker.publish(`${ROOT}/cmd/config`, '{"keepAliveSeconds":30}', { qos: 1, retain: true });
    world.run(30000);
    assert.ok(words(world.board).includes("flash-failed"));
    assert.equal(world.board.crashes, 0);
    world.press();
    world.run(5000);
    assert.equal(alerts(world).length, 1);
    const state = JSON.parse(world.broker.retained(`${ROOT}/state`)?.payload ?? "{}") as Record<string, unknown>;
    assert.match(String(state["config"]), /^in use until the next restart, not saved: /);
  });

  it("a factory-new flash: a battery box introduces itself once, then keeps its session", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    assert.equal(world.broker.connects.filter((connect) => connect.clean).length, 1);
    assert.ok(pressAndSleep(world));
    assert.ok(pressAndSleep(world));
    assert.equal(world.broker.connects.filter((connect) => connect.clean).length, 1);
    assert.equal(world.broker.connects.at(-1)?.sessionPresent, true);
  });
});
