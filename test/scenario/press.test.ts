// Whole firmware in a world: a press becomes one alert, in each mode, and the LED and the log tell the truth about it.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import mqtt from "mqtt-packet";
import { World } from "../../host-sim/world.js";
import { idOf, idsOf } from "../alert-id.js";
import { ALERT, alerts, asleep, connected, pressAndSleep, ROOT, untilSaid, words } from "./story.js";

describe("one press, mains", () => {
  it("becomes exactly one alert with QoS 2, not retained", () => {
    const world = connected(new World());
    world.press();
    world.run(3000);
    const messages = world.broker.messages(ALERT);
    assert.equal(messages.length, 1);
    assert.equal(messages[0]?.qos, 2);
    assert.equal(messages[0]?.retain, false);
    const start = `{"pushes":1,"event":"press","id":"${idOf(world.board, 1)}",`;
    assert.equal(messages[0]?.payload.slice(0, start.length), start);
    assert.deepEqual(world.broker.violations, []);
  });

  it("tells its story in the words of the design, in order", () => {
    const world = connected(new World());
    const before = world.board.steps.length;
    world.press();
    world.run(3000);
    assert.deepEqual(words(world.board).slice(before), ["stored", "received", "delivered"]);
  });

  it("the LED lights when the press is stored, and blinks for one second when it is delivered", () => {
    const world = connected(new World({ latencyMs: 200 }));
    world.press();
    untilSaid(world, "stored");
    assert.equal(world.led.on, true);
    untilSaid(world, "delivered");
    const from = world.now;
    world.run(3000);
    const blinks = world.led.history.filter((change) => change.at >= from - 1 && change.on).length;
    assert.ok(blinks >= 4 && blinks <= 5, `${blinks} blinks`);
    assert.equal(world.led.on, false);
  });

  it("double and long presses are alerts of their own kind", () => {
    const world = connected(new World());
    world.board.button.press(100);
    world.run(200);
    world.board.button.press(100);
    world.run(2000);
    world.board.button.press(1500);
    world.run(4000);
    assert.deepEqual(
      alerts(world).map((alert) => alert["event"]),
      ["double", "long"],
    );
  });

  it("presses during delivery are alerts of their own, in order", () => {
    const world = connected(new World({ latencyMs: 400 }));
    for (let i = 0; i < 6; i += 1) {
      world.press(80);
      world.run(600);
    }
    world.run(20000);
    assert.deepEqual(
      alerts(world).map((alert) => alert["pushes"]),
      [1, 2, 3, 4, 5, 6],
    );
    assert.deepEqual(world.broker.violations, []);
  });

  it("a bouncing contact is one press", () => {
    const world = connected(new World());
    world.board.button.bounceMs = 20;
    world.press();
    world.run(5000);
    assert.equal(alerts(world).length, 1);
  });

  it("shows online while connected and lost after a power cut", () => {
    const world = connected(new World());
    assert.match(world.broker.retained(`${ROOT}/lwt`)?.payload ?? "", /"state":"online"/);
    world.cutPower();
    world.run(120000);
    assert.match(world.broker.retained(`${ROOT}/lwt`)?.payload ?? "", /"state":"lost"/);
  });
});

describe("one press, battery", () => {
  it("wakes the box, is delivered, and the box sleeps again", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    assert.ok(pressAndSleep(world));
    assert.deepEqual(
      alerts(world).map((alert) => alert["pushes"]),
      [1],
    );
    assert.deepEqual(world.broker.violations, []);
    assert.match(world.broker.retained(`${ROOT}/lwt`)?.payload ?? "", /"state":"sleeping"/);
  });

  it("CONNECT and the alert leave in one segment, before CONNACK", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    const segments: Uint8Array[] = [];
    world.network.onTraffic(({ type, direction, bytes }) => {
      if (type === "data" && direction === "up") segments.push(bytes);
    });
    assert.ok(pressAndSleep(world));
    const commands: string[] = [];
    const parser = mqtt.parser();
    parser.on("packet", (packet: mqtt.Packet) => commands.push(packet.cmd));
    parser.parse(Buffer.from(segments[0] ?? []));
    assert.deepEqual(commands, ["connect", "publish"]);
  });

  it("fitting the battery raises no alert", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    assert.deepEqual(alerts(world), []);
  });

  it("each press is one alert, with the count going on over sleep", () => {
    const world = asleep(new World({ board: { wiring: "rst+gpio" } }));
    for (let i = 0; i < 3; i += 1) assert.ok(pressAndSleep(world));
    assert.deepEqual(
      alerts(world).map((alert) => alert["id"]),
      idsOf(world.board, 3),
    );
    assert.deepEqual(world.broker.violations, []);
  });

  it("first light comes within 150 ms of the firmware's start", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    world.press();
    untilSaid(world, "stored");
    const boot = world.board.steps.findLast((step) => step.word === "boot");
    const light = world.led.history.find((change) => change.on && change.at >= (boot?.at ?? 0));
    assert.ok(light !== undefined && boot !== undefined && light.at - boot.at < 150);
  });

  it("without a router the alert stays stored, the LED says so, and the next wake delivers it as queued", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    world.wifi.down();
    assert.ok(pressAndSleep(world));
    assert.ok(words(world.board).includes("not-sent"));
    assert.deepEqual(alerts(world), []);
    world.wifi.up();
    assert.ok(pressAndSleep(world));
    assert.deepEqual(
      alerts(world).map((alert) => [alert["id"], alert["queued"]]),
      [
        [idOf(world.board, 1), true],
        [idOf(world.board, 2), undefined],
      ],
    );
  });

  it("with a timer on RST it retries by itself, and no retry is a phantom alert", () => {
    const world = asleep(new World({ board: { wiring: "rst+gpio" } }));
    world.wifi.down();
    assert.ok(pressAndSleep(world));
    world.run(10 * 60000);
    assert.ok(world.board.boots > 2, `${world.board.boots} boots`);
    world.wifi.up();
    world.run(3 * 3600000);
    assert.deepEqual(
      alerts(world).map((alert) => [alert["id"], alert["queued"]]),
      [[idOf(world.board, 1), true]],
    );
    const boots = world.board.boots;
    world.run(24 * 3600000);
    assert.equal(world.board.boots, boots, "nothing wakes a box that has nothing to send");
  });
});
