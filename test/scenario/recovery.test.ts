// Survives itself: crashes, safe mode, quick presses on RST, and the hard cap on being awake in every mode.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { World } from "../../host-sim/world.js";
import { idsOf } from "../alert-id.js";
import { alerts, asleep, connected, pressAndSleep, ROOT, untilSaid, words } from "./story.js";

function state(world: World): Record<string, unknown> {
  return JSON.parse(world.broker.retained(`${ROOT}/state`)?.payload ?? "{}") as Record<string, unknown>;
}

describe("a crash", () => {
  it("is told in state with its reason, and the box goes on", () => {
    const world = connected(new World());
    world.board.fault(2, 28, 0x40212345);
    assert.ok(untilSaid(world, "connected"));
    world.run(2000);
    assert.equal(state(world)["reset"], "exception");
    assert.equal(state(world)["crash"], "exception 28 at 0x40212345");
    world.press();
    world.run(3000);
    assert.equal(alerts(world).length, 1);
  });

  it("of JavaScript is told likewise, with the press that it met; a restart of our own is none", () => {
    const world = connected(new World());
    assert.equal(state(world)["crash"], undefined);
    const radio = world.airspace.radioOn(world.board);
    assert.ok(radio !== undefined);
    // Asked for the signal strength of the next alert.
    Object.defineProperty(radio, "accessPoint", {
      get: () => {
        throw new TypeError("test: not a function");
      },
    });
    world.press();
    assert.ok(untilSaid(world, "connected"));
    world.run(3000);
    assert.equal(world.board.crashes, 1);
    assert.equal(state(world)["reset"], "restart");
    assert.equal(state(world)["crash"], "unhandled exception: TypeError: test: not a function");
    assert.equal(alerts(world).length, 1, "it was stored before anything else happened");
    world.board.button.press(10500);
    world.run(60000);
    assert.equal(words(world.board).filter((word) => word === "safe").length, 0);
    assert.equal(world.board.crashes, 1);
  });

  it("three within a minute each: safe mode, with setup only and the settings kept; then it tries again", () => {
    const world = connected(new World());
    const boots = world.board.boots;
    for (let i = 0; i < 3; i += 1) {
      world.board.fault(1, 4, 0x40100000);
      world.run(3000);
    }
    assert.equal(world.board.boots, boots + 3);
    assert.ok(words(world.board).includes("safe"));
    assert.equal(world.airspace.radioOn(world.board)?.softAccessPoint?.config.ssid, "AlertBox-5750");
    assert.ok(untilSaid(world, "connected", 200000), "after the setup has closed");
    world.press();
    world.run(5000);
    assert.equal(alerts(world).length, 1);
    assert.match(String(state(world)["crash"]), /^exception 4 at 0x40100000$/);
  });

  it("three that are far apart are no reason for it", () => {
    const world = connected(new World());
    for (let i = 0; i < 5; i += 1) {
      world.board.fault(3, 0, 0x40200000);
      world.run(90000);
    }
    assert.equal(words(world.board).includes("safe"), false);
  });

  it("a battery box in safe mode sleeps after the setup, and its next press is an alert", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    world.board.reset();
    for (let i = 0; i < 3; i += 1) {
      world.run(600);
      world.board.fault(2, 29, 0x40201000);
    }
    world.run(2000);
    assert.ok(words(world.board).includes("safe"));
    assert.ok(world.runUntil(() => world.board.state === "asleep", 200000));
    const before = alerts(world).length;
    assert.ok(pressAndSleep(world));
    assert.ok(alerts(world).length > before);
  });
});

describe("quick presses on RST", () => {
  function presses(world: World, count: number): void {
    for (let i = 0; i < count; i += 1) {
      world.press();
      world.run(700);
    }
  }

  it("five open the setup; the four before are alerts like any other, and settings stay", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    presses(world, 5);
    world.run(3000);
    assert.equal(world.airspace.radioOn(world.board)?.softAccessPoint?.config.ssid, "AlertBox-5750");
    asleep(world);
    assert.deepEqual(
      alerts(world).map((alert) => alert["id"]),
      idsOf(world.board, 4),
    );
    assert.ok(pressAndSleep(world));
    assert.equal(alerts(world).length, 5);
    assert.deepEqual(world.broker.violations, []);
  });

  it("ten erase settings and alerts", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    world.broker.publish(`${ROOT}/cmd/config`, '{"root":"elsewhere"}', { qos: 1, retain: true });
    assert.ok(pressAndSleep(world));
    assert.ok(pressAndSleep(world));
    assert.equal(alerts(world, "elsewhere/alert").length, 1);
    world.wifi.down();
    presses(world, 10);
    world.run(5000);
    assert.ok(words(world.board).includes("factory-reset"));
    world.wifi.up();
    asleep(world);
    const before = alerts(world).length;
    assert.ok(pressAndSleep(world));
    assert.equal(alerts(world).length, before + 1, "back at the built-in root, the stored alerts gone");
  });

  it("presses that are not quick never add up, asleep in between or not", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    for (let i = 0; i < 12; i += 1) assert.ok(pressAndSleep(world));
    world.wifi.down();
    for (let i = 0; i < 12; i += 1) {
      world.press();
      world.run(2500);
    }
    assert.equal(words(world.board).includes("setup"), false);
  });
});

describe("awake", () => {
  const modes: [string, () => World, number][] = [
    ["battery, no router", () => unreachable((world) => world.wifi.down()), 20000],
    [
      "battery, router without DHCP",
      () => unreachable((world) => (world.wifi.dhcpMs = Number.POSITIVE_INFINITY)),
      20000,
    ],
    ["battery, broker silent", () => unreachable((world) => world.network.blackHole("10.0.0.2")), 20000],
    ["battery, half-open connections", () => unreachable((world) => world.network.hold("down")), 20000],
    ["setup", () => new World({ board: { config: { settings: undefined } } }), 120000],
  ];

  function unreachable(change: (world: World) => unknown): World {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    change(world);
    world.press();
    world.run(200);
    return world;
  }

  for (const [name, make, cap] of modes) {
    it(`${name}: asleep after ${cap / 1000} s and what it takes to say why`, () => {
      const world = make();
      assert.ok(world.runUntil(() => world.board.state === "asleep", cap + 10000));
      assert.ok(world.now > 0);
    });
  }

  it("a button that is stuck does not keep a sleeper awake", () => {
    const world = asleep(new World({ board: { wiring: "rst+gpio" } }));
    world.board.button.down();
    world.run(200);
    assert.ok(world.runUntil(() => world.board.state === "asleep", 200000));
  });
});
