// The timeline of presses in whole worlds, in virtual time: each step at its millisecond, each alert's own.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { PacketLog } from "../../host-sim/packet-log.js";
import type { PressView, StepName } from "../../host-sim/page/details.js";
import { percentile } from "../../host-sim/page/percentile.js";
import { PressLog } from "../../host-sim/press-log.js";
import { World, type WorldBoardOptions } from "../../host-sim/world.js";
import { idOf } from "../alert-id.js";

interface Watched {
  readonly world: World;
  readonly log: PressLog;
  readonly told: PressView[];
}

function watch(options: WorldBoardOptions = {}): Watched {
  const world = new World({ board: { ...options, powered: false } });
  const { board } = world;
  const told: PressView[] = [];
  const log = new PressLog({
    board: 7,
    wiring: options.wiring ?? "gpio",
    chargeMah: () => board.chargeMah,
    tell: (press) => told.push(press),
  });
  const packets = new PacketLog((packet, payload) => log.packet(packet, payload));
  world.network.onTraffic((traffic) => packets.heard(7, traffic));
  board.on((event) => log.heard(event));
  world.broker.subscribe("+/+/+/alert", ({ payload }) => {
    log.arrived((JSON.parse(payload) as { id: string }).id, world.now);
  });
  return { world, log, told };
}

/** Names and times, in whole milliseconds, in the order of time. */
function steps(press: PressView | undefined): string {
  const entries = Object.entries(press?.steps ?? {}) as [StepName, number][];
  return entries
    .sort((a, b) => a[1] - b[1])
    .map(([name, at]) => `${name} ${Math.round(at)}`)
    .join(", ");
}

const outcomes = ({ log }: Watched) => log.presses.map(({ id, outcome }) => `${id} ${outcome}`);

describe("host-sim/press-log", () => {
  it("a battery box wakes by the press and finds its network from memory", () => {
    const watched = watch({ wiring: "rst+gpio" });
    const { world, log, told } = watched;
    world.board.powerOn();
    world.run(30_000);
    for (const count of [1, 2]) {
      world.press(100);
      world.run(10_000);
      assert.equal(log.presses.length, count);
    }
    const [, press] = log.presses;
    assert.equal(
      steps(press),
      "pressed 0, reset 0, boot 120, stored 120, wifi 298, address 298, tcp 308, publish 313, connack 318, pubrec 318, " +
        "arrived 323, pubcomp 328, asleep 1328",
    );
    assert.deepEqual([press?.board, press?.number, press?.id, press?.at], [7, 2, idOf(world.board, 2), 40_000]);
    assert.equal(press?.outcome, "delivered");
    // 120 ms of boot without the radio, 378 with it until the connection is closed, 830 of LED.
    assert.ok(Math.abs(press.chargeMah - 0.01183) < 0.0001, `${press.chargeMah}`);
    assert.deepEqual(told.at(-1), press);
    world.close();
  });

  it("of a mains box that is connected, what was before the press is missing", () => {
    const { world, log } = watch();
    world.board.powerOn();
    world.run(20_000);
    world.press(100);
    world.run(5000);
    const [press] = log.presses;
    assert.equal(steps(press), "pressed 0, stored 500, publish 505, pubrec 510, arrived 515, pubcomp 520");
    assert.equal(press?.outcome, "delivered");
    const atDelivery = press.chargeMah;
    assert.ok(Math.abs(atDelivery - (75 * 520) / 3_600_000) < 1e-5, `${atDelivery}`);
    world.run(5000);
    assert.equal(log.presses[0]?.chargeMah, atDelivery, "a mains box draws on, but that is not the press");
    world.close();
  });

  it("waits while the broker is down, and goes on when it is back", () => {
    const watched = watch();
    const { world, log, told } = watched;
    world.board.powerOn();
    world.run(20_000);
    world.broker.stop();
    world.press(100);
    assert.deepEqual(outcomes(watched), [" open"]);
    world.run(10_000);
    assert.deepEqual(outcomes(watched), [`${idOf(watched.world.board, 1)} waiting`]);
    assert.equal(steps(log.presses[0]), "pressed 0, stored 500");
    world.broker.start();
    world.run(60_000);
    assert.deepEqual(outcomes(watched), [`${idOf(watched.world.board, 1)} delivered`]);
    const [press] = log.presses;
    assert.equal(steps(press).replace(/ \d+/g, ""), "pressed, stored, tcp, publish, connack, pubrec, arrived, pubcomp");
    const { tcp = 0, publish = 0, pubcomp = 0 } = press?.steps ?? {};
    assert.deepEqual([Math.round(publish - tcp), Math.round(pubcomp - tcp)], [5, 20]);
    assert.deepEqual([...new Set(told.map(({ outcome }) => outcome))], ["open", "waiting", "delivered"]);
    world.close();
  });

  it("a battery box sleeps with a stored alert, and its timer delivers it", () => {
    const watched = watch({ wiring: "rst+gpio" });
    const { world, log } = watched;
    world.board.powerOn();
    world.run(30_000);
    world.broker.stop();
    world.press(100);
    world.run(25_000);
    assert.deepEqual(outcomes(watched), [`${idOf(watched.world.board, 1)} waiting`]);
    const asleep = log.presses[0];
    assert.equal(Math.round(asleep?.steps.asleep ?? 0), 22_820);
    world.broker.start();
    assert.ok(world.runUntil(() => log.presses[0]?.outcome === "delivered", 120_000));
    const [press] = log.presses;
    assert.ok((press?.steps.pubcomp ?? 0) > (press?.steps.asleep ?? 0));
    assert.equal(press?.steps.reset, 0, "the first one counts");
    assert.ok(world.runUntil(() => world.board.state === "asleep", 30_000));
    assert.equal(log.presses[0]?.chargeMah, asleep?.chargeMah, "until the chip slept for the first time");
    assert.equal(log.presses[0]?.steps.asleep, asleep?.steps.asleep);
    world.close();
  });

  it("keeps two presses apart that are under way at once", () => {
    const watched = watch();
    const { world, log } = watched;
    world.board.powerOn();
    world.run(20_000);
    world.network.latencyMs = 400;
    world.press(100);
    world.run(700);
    world.press(100);
    world.run(10_000);
    assert.deepEqual(outcomes(watched), [
      `${idOf(watched.world.board, 1)} delivered`,
      `${idOf(watched.world.board, 2)} delivered`,
    ]);
    const [first, second] = log.presses;
    assert.equal(first?.at, 20_000);
    assert.equal(second?.at, 20_700);
    for (const press of [first, second]) {
      assert.equal(steps(press), "pressed 0, stored 500, publish 900, pubrec 1300, arrived 1700, pubcomp 2100");
    }
    world.close();
  });

  it("a double press is one press", () => {
    const watched = watch();
    const { world, log } = watched;
    world.board.powerOn();
    world.run(20_000);
    world.press(100);
    world.run(250);
    world.press(100);
    world.run(5000);
    assert.deepEqual(outcomes(watched), [`${idOf(watched.world.board, 1)} delivered`]);
    assert.equal(log.presses[0]?.at, 20_000);
    assert.match(world.broker.messages("+/+/+/alert")[0]?.payload ?? "", /"event":"double"/);
    world.close();
  });

  it("a power cut in the middle of a delivery: the next boot finishes it", () => {
    const watched = watch();
    const { world, log } = watched;
    world.board.powerOn();
    world.run(20_000);
    world.press(100);
    assert.ok(world.runUntil(() => log.presses[0]?.steps.pubrec !== undefined, 5000));
    world.cutPower();
    assert.deepEqual(outcomes(watched), [`${idOf(watched.world.board, 1)} waiting`]);
    world.run(1000);
    world.board.powerOn();
    assert.ok(world.runUntil(() => log.presses[0]?.outcome === "delivered", 30_000));
    const [press] = log.presses;
    assert.equal(
      steps(press).replace(/ \d+/g, ""),
      "pressed, stored, publish, pubrec, reset, boot, wifi, address, tcp, connack, arrived, pubcomp",
    );
    assert.equal(Math.round(press?.steps.reset ?? 0), 1510);
    assert.equal(world.broker.messages("+/+/+/alert").length, 1);
    world.close();
  });

  it("a power cut before the press was stored: nothing will come of it, and the next press is another", () => {
    const watched = watch();
    const { world } = watched;
    world.board.powerOn();
    world.run(20_000);
    world.press(100);
    world.run(300);
    world.cutPower();
    world.run(1000);
    world.press(100);
    world.run(1000);
    assert.deepEqual(outcomes(watched), [" refused", " refused"]);
    world.board.powerOn();
    world.run(20_000);
    world.press(100);
    world.run(5000);
    assert.deepEqual(outcomes(watched), [" refused", " refused", `${idOf(watched.world.board, 1)} delivered`]);
    world.close();
  });

  it("with the button on RST the reset is the press", () => {
    const { world, log } = watch({ wiring: "rst" });
    world.board.powerOn();
    world.run(30_000);
    world.board.button.bounceMs = 30;
    world.press(200);
    world.run(10_000);
    assert.equal(log.presses.length, 1);
    const [press] = log.presses;
    assert.equal(press?.steps.reset, 0);
    assert.equal(press.outcome, "delivered");
    assert.ok((press.steps.boot ?? 0) >= 320, "the CPU stands while RST is held");
    world.close();
  });

  it("a press on RST in the middle of a delivery is the next press, and the first one waits for it", () => {
    const watched = watch({ wiring: "rst" });
    const { world, log } = watched;
    world.board.powerOn();
    world.run(30_000);
    world.press(100);
    assert.ok(world.runUntil(() => log.presses[0]?.steps.tcp !== undefined, 5000));
    world.press(100);
    assert.deepEqual(outcomes(watched), [`${idOf(watched.world.board, 1)} waiting`, " open"]);
    world.run(10_000);
    assert.deepEqual(outcomes(watched), [
      `${idOf(watched.world.board, 1)} delivered`,
      `${idOf(watched.world.board, 2)} delivered`,
    ]);
    world.close();
  });

  it("a delivered press whose box never slept before the next one has no sleep, and its charge stays", () => {
    const { world, log } = watch({ wiring: "rst" });
    world.board.powerOn();
    world.run(30_000);
    world.press(100);
    assert.ok(world.runUntil(() => log.presses[0]?.outcome === "delivered", 5000));
    const charge = log.presses[0]?.chargeMah;
    world.press(100);
    world.run(10_000);
    assert.equal(log.presses[0]?.steps.asleep, undefined);
    assert.equal(log.presses[0]?.chargeMah, charge);
    assert.ok(log.presses[1]?.steps.asleep !== undefined);
    world.close();
  });

  it("gives a press up that firmware which runs does not answer within three seconds after its release", () => {
    const outcomesOf: string[] = [];
    const log = new PressLog({
      board: 0,
      wiring: "gpio",
      chargeMah: () => 0,
      tell: ({ outcome }) => outcomesOf.push(outcome),
    });
    log.heard({ at: 0, type: "power", state: "booting" });
    log.heard({ at: 100, type: "step", ms: 0, word: "boot", detail: "power" });
    log.heard({ at: 1000, type: "button", down: true });
    // However long it is held.
    log.heard({ at: 9000, type: "led", on: true });
    log.heard({ at: 10_000, type: "button", down: false });
    log.heard({ at: 13_000, type: "led", on: false });
    assert.deepEqual(outcomesOf, ["open"]);
    log.heard({ at: 13_001, type: "led", on: true });
    assert.deepEqual(outcomesOf, ["open", "refused"]);
  });

  it("a full journal refuses a press", () => {
    const watched = watch();
    const { log } = watched;
    log.heard({ at: 100, type: "step", ms: 0, word: "boot", detail: "power" });
    log.heard({ at: 1000, type: "button", down: true });
    log.heard({ at: 1100, type: "button", down: false });
    log.heard({ at: 1500, type: "step", ms: 0, word: "not-stored", detail: "full" });
    assert.deepEqual(outcomes(watched), [" refused"]);
  });

  it("follows as many presses as a journal holds", () => {
    const { log, told } = watch();
    log.heard({ at: 100, type: "step", ms: 0, word: "boot", detail: "power" });
    for (let count = 1; count <= 150; count++) {
      const at = 1000 * count;
      log.heard({ at, type: "button", down: true });
      log.heard({ at: at + 100, type: "button", down: false });
      log.heard({ at: at + 500, type: "step", ms: 0, word: "stored", detail: `5750-${count}-7` });
    }
    const before = told.length;
    log.arrived("5750-10-7", 200_000);
    assert.equal(told.length, before, "forgotten");
    log.arrived("5750-11-7", 200_000);
    assert.equal(told.at(-1)?.steps.arrived, 189_000);
  });

  it("a hold that opens the setup is no alert, and neither is a press that nobody answers", () => {
    const watched = watch();
    const { world, log } = watched;
    world.board.powerOn();
    world.run(20_000);
    world.press(6000);
    world.run(6500);
    assert.deepEqual(outcomes(watched), [" refused"]);
    world.press(10);
    world.run(130_000);
    assert.deepEqual(outcomes(watched), [" refused", " refused"]);
    assert.equal(log.presses[1]?.id, "");
    world.close();
  });

  it("shows the last twenty, and finds older ones that are still stored", () => {
    const watched = watch();
    const { world, log, told } = watched;
    world.board.powerOn();
    world.run(20_000);
    world.broker.stop();
    for (let count = 0; count < 25; count++) {
      world.press(100);
      world.run(1000);
    }
    assert.equal(log.presses.length, 20);
    assert.equal(log.presses[0]?.number, 6);
    world.broker.start();
    world.run(60_000);
    const delivered = new Set(told.filter(({ outcome }) => outcome === "delivered").map(({ id }) => id));
    assert.equal(delivered.size, 25);
    world.close();
  });
});

describe("host-sim/page/percentile", () => {
  it("is the smallest value that so many per cent are not above", () => {
    const values = [15, 20, 35, 40, 50];
    const at = (percent: number) => percentile(values, percent);
    assert.deepEqual([at(5), at(30), at(40), at(50), at(100)], [15, 20, 20, 35, 50]);
    assert.equal(percentile([10, 9], 90), 10);
    assert.equal(percentile([3], 50), 3);
    assert.equal(percentile([], 50), undefined);
  });
});
