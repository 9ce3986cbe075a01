// What the memory panel says of flash and RTC memory, beside what the firmware wrote there in a world.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { journalView, rtcViews, slotViews } from "../../host-sim/memory-report.js";
import { MemoryWatch } from "../../host-sim/memory-watch.js";
import { NorFlash } from "../../host-sim/nor-flash.js";
import { PacketLog } from "../../host-sim/packet-log.js";
import type { MemoryView, PacketView } from "../../host-sim/page/details.js";
import { RtcAt, RtcLayout } from "../../host-sim/rtc-layout.js";
import { CLIENT_BUDGET, WireBudget } from "../../host-sim/wire-budget.js";
import { World, type WorldBoardOptions } from "../../host-sim/world.js";
import { idOf } from "../alert-id.js";

function source(name: string): string {
  return readFileSync(new URL(`../../src/${name}`, import.meta.url), "utf8");
}

/** The numbers of a frozen object in a source text. */
function numbersOf(text: string, name: string): Record<string, number> {
  const body = new RegExp(`const ${name} = Object\\.freeze\\(\\{([^}]*)\\}`).exec(text)?.[1] ?? "";
  return Object.fromEntries([...body.matchAll(/(\w+): (\d+)/g)].map(([, key, value]) => [key, Number(value)]));
}

/** The last flash row of each alert. */
const rows = (world: World) =>
  journalView(world.board.flash, 5750).records.map(({ id, status, bits }) => `${id} ${status} ${bits}`.trim());

function boxed(options: WorldBoardOptions = {}): World {
  const world = new World({ board: options });
  world.board.powerOn();
  world.run(20_000);
  return world;
}

describe("host-sim/memory-report", () => {
  it("has the numbers that src has, where it cannot import them", () => {
    assert.deepEqual(CLIENT_BUDGET, numbersOf(source("device/uplink.ts"), "BUDGET"));
    const rtc = source("device/rtc-memory.ts");
    assert.ok(rtc.includes(`readMemory(${RtcLayout.LENGTH})`));
    assert.ok(rtc.includes(`bytes[${RtcAt.VERSION} /* VERSION */] === ${RtcLayout.VERSION}`));
  });

  it("shows the status bits of a record as a delivery clears them", () => {
    const world = boxed();
    const seen: string[] = [];
    world.board.on((event) => {
      if (event.type === "flash") seen.push(rows(world).at(-1) ?? "");
    });
    world.press();
    world.run(5000);
    const id = idOf(world.board, 1);
    assert.deepEqual(seen, [
      // The record without its CRC, then with it, then what PUBREC and PUBCOMP clear.
      "torn ffff ffff",
      `${id} queued ffff ffff`,
      `${id} received ffff ff00`,
      `${id} done ffff 0000`,
    ]);
    const view = journalView(world.board.flash, 5750);
    assert.equal(view.journalUsed, 64 + 20);
    assert.equal(view.journalSize, 4096);
    const [base, record] = view.records;
    assert.deepEqual([base?.status, base?.sequence, base?.offset], ["base", 0, 0]);
    assert.equal(base?.text, `generation 1, begun after press 0, life ${id.split("-")[2]}`);
    assert.deepEqual([record?.sequence, record?.offset, record?.text], [1, 64, "press at 3300 mV"]);
    world.close();
  });

  it("says that a clean session is still due", () => {
    const world = new World();
    world.board.powerOn();
    world.run(1000);
    assert.match(journalView(world.board.flash, 5750).records[0]?.text ?? "", /a clean session is still due$/);
    world.run(20_000);
    assert.doesNotMatch(journalView(world.board.flash, 5750).records[0]?.text ?? "", /due/);
    world.close();
  });

  it("shows what a power cut tore, and the sector that a full journal moved to", () => {
    const world = boxed();
    world.board.flash.cutAt = { operation: world.board.flash.operations + 1, byte: 5 };
    world.press();
    world.run(2000);
    assert.equal(world.board.state, "off");
    assert.deepEqual(rows(world).slice(1), ["torn ffff ffff"]);
    world.board.powerOn();
    world.run(20_000);
    for (let count = 0; count < 210; count++) {
      world.press();
      world.run(1000);
    }
    const { records, journalUsed } = journalView(world.board.flash, 5750);
    const [base] = records;
    assert.equal(base?.sector, 1);
    assert.match(base.text, /^generation 2, begun after press 200/);
    assert.ok(records.slice(1).every(({ sector, offset }) => sector === 1 && offset > 4096));
    assert.equal(journalUsed, 64 + 20 * 10);
    assert.equal(records.at(-1)?.id, idOf(world.board, 210));
    world.close();
  });

  it("shows all alerts that wait, and of the others the last ones", () => {
    const world = boxed();
    for (let count = 0; count < 40; count++) {
      world.press();
      world.run(1000);
    }
    world.broker.stop();
    for (let count = 0; count < 30; count++) {
      world.press();
      world.run(1000);
    }
    const statuses = journalView(world.board.flash, 5750).records.map(({ status }) => status);
    assert.deepEqual(
      [...new Set(statuses)].map((status) => [status, statuses.filter((each) => each === status).length]),
      [
        ["base", 1],
        ["done", 24],
        ["queued", 30],
      ],
    );
    world.close();
  });

  it("shows what a full journal gave up for a newer alert", () => {
    const world = boxed({ settings: { full: "drop-oldest" } });
    world.broker.stop();
    for (let count = 0; count < 130; count++) {
      world.press();
      world.run(1000);
    }
    const { records } = journalView(world.board.flash, 5750);
    const givenUp = records.filter(({ text }) => text === "press at 3300 mV, given up for a newer one");
    assert.deepEqual(
      givenUp.map(({ status, bits }) => [status, bits]),
      [
        ["done", "ff00 ffff"],
        ["done", "ff00 ffff"],
      ],
    );
    assert.equal(records.filter(({ status }) => status === "queued").length, 128);
    world.close();
  });

  it("an empty flash has no journal and no settings", () => {
    const flash = new NorFlash();
    assert.deepEqual(journalView(flash, 5750), { records: [], journalUsed: 0, journalSize: 4096 });
    const empty = { state: "empty", inForce: false, generation: undefined, text: "" };
    assert.deepEqual(slotViews(flash, 5750), [
      { slot: 0, ...empty },
      { slot: 1, ...empty },
    ]);
  });

  it("shows the settings that are in force, those before them, and torn ones, without passwords", () => {
    const world = boxed();
    const config = (value: object) => {
      const topic = "mresetar/alertbox/5750/cmd/config";
      world.broker.publish(topic, JSON.stringify(value), { qos: 1, retain: true });
      world.run(30_000);
    };
    config({ password: "hush hush", user: "me", lowMillivolts: 2900 });
    config({ keepAliveSeconds: 30 });
    const slots = slotViews(world.board.flash, 5750);
    assert.deepEqual(
      slots.map(({ state, inForce, generation }) => [state, inForce, generation]),
      [
        ["valid", false, 1],
        ["valid", true, 2],
      ],
    );
    assert.equal(
      slots[1]?.text,
      "Wi-Fi home; broker 10.0.0.2:1883 as me; topics under mresetar/alertbox/5750; mains, button on gpio; " +
        "keep-alive 30 s; double presses count; a full journal refuses; warns below 2900 mV; convention home-assistant",
    );
    assert.doesNotMatch(JSON.stringify(slots), /hush|correct/);
    const image = world.board.flash.save();
    image[3 * 4096 + 60] = 0;
    world.board.flash.load(image);
    assert.deepEqual(
      slotViews(world.board.flash, 5750).map(({ state, inForce }) => [state, inForce]),
      [
        ["valid", true],
        ["torn", false],
      ],
    );
    world.close();
  });

  it("never writes, whatever it finds", () => {
    const world = boxed();
    world.board.flash.cutAt = { operation: world.board.flash.operations + 2, byte: 1 };
    world.press();
    world.run(2000);
    const before = world.board.flash.save();
    const { operations } = world.board.flash;
    journalView(world.board.flash, 5750);
    slotViews(world.board.flash, 5750);
    rtcViews(world.board.rtc);
    assert.deepEqual(world.board.flash.save(), before);
    assert.equal(world.board.flash.operations, operations);
    world.close();
  });

  it("says what the words of RTC memory mean, and that noise is noise", () => {
    const world = new World({ board: { wiring: "rst+gpio" } });
    const words = () => rtcViews(world.board.rtc).map(({ index, meaning }) => `${index} ${meaning}`);
    world.board.powerOn();
    assert.deepEqual(words(), ["32 no checksum of what follows: noise, taken as empty"]);
    world.run(30_000);
    const [checksum, ...rest] = words();
    assert.equal(checksum, "32 checksum of what follows");
    assert.match(rest[0] ?? "", /^33 layout 2, 0 failed deliveries in a row, network remembered, 0 quick presses$/);
    assert.match(rest[1] ?? "", /^34 0 bad boots in a row, \d+ wakes since .*, network 1 on channel 6$/);
    assert.match(rest[2] ?? "", /^35 access point ([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    assert.deepEqual(rest.slice(4, 9), [
      "37 address 10.0.0.100",
      "38 network mask 255.255.255.0",
      "39 router 10.0.0.1",
      "40 name server 10.0.0.1",
      "41 the broker's address 10.0.0.2",
    ]);
    world.close();
  });
});

describe("host-sim/memory-watch", () => {
  /** The watch's frames are real time; this resolves with the next view it tells. */
  function watched(world: World) {
    const told: MemoryView[] = [];
    let wake: () => void = () => undefined;
    const watch = new MemoryWatch({
      index: 3,
      board: world.board,
      tell: (memory) => {
        told.push(memory);
        wake();
      },
    });
    const packets = new PacketLog((packet) => watch.packet(packet));
    world.board.on((event) => watch.heard(event));
    world.network.onTraffic((traffic) => packets.heard(0, traffic));
    const next = () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      });
    return { watch, told, next };
  }

  const used = (view: MemoryView) => Object.fromEntries(view.budget.map(({ name, used: count }) => [name, count]));

  it("tells once for all that was written in a frame, and nothing when nothing is another", async () => {
    const world = new World({ board: { powered: false } });
    const { watch, told, next } = watched(world);
    world.board.powerOn();
    world.run(20_000);
    world.press();
    world.run(5000);
    await next();
    assert.equal(told.length, 1);
    assert.deepEqual(told[0], watch.view);
    assert.equal(told[0]?.board, 3);
    assert.equal(told[0]?.erases, 1);
    assert.ok((told[0]?.writes ?? 0) >= 6);
    // The same bits once more.
    world.board.rtc.write(32, world.board.rtc.read(32));
    watch.flush();
    assert.equal(told.length, 1);
    world.press();
    world.run(5000);
    await next();
    assert.equal(told.length, 2);
    watch.close();
    world.close();
  });

  it("counts what is in flight on the wire, and forgets it with the firmware that kept it", () => {
    const world = new World({ board: { powered: false } });
    const { watch } = watched(world);
    world.board.powerOn();
    world.run(20_000);
    world.press();
    world.run(5000);
    assert.equal(used(watch.view)["packets in flight"], 0);
    world.network.latencyMs = 3000;
    for (let count = 0; count < 6; count++) {
      world.press();
      world.run(1000);
    }
    const budget = used(watch.view);
    assert.ok((budget["alerts in flight"] ?? 0) >= 2, JSON.stringify(budget));
    const over = watch.view.budget.filter(({ used: count, limit }) => count > limit);
    assert.deepEqual(over, []);
    assert.ok((budget["alerts stored and not delivered"] ?? 0) >= (budget["alerts in flight"] ?? 0));
    world.cutPower();
    assert.equal(used(watch.view)["alerts in flight"], 0);
    assert.ok((used(watch.view)["alerts stored and not delivered"] ?? 0) >= 2);
    watch.close();
    world.close();
  });

  it("shows settings as soon as they are saved", () => {
    const world = new World({ board: { powered: false } });
    const { watch } = watched(world);
    world.board.powerOn();
    world.run(20_000);
    assert.equal(watch.view.slots[0]?.state, "empty");
    world.broker.publish("mresetar/alertbox/5750/cmd/config", '{"keepAliveSeconds":30}', { qos: 1, retain: true });
    world.run(30_000);
    assert.match(watch.view.slots[0]?.text ?? "", /keep-alive 30 s/);
    watch.close();
    world.close();
  });

  it("counts a release whose message left before a power cut, and messages to the board", () => {
    const wire = new WireBudget();
    const count = (name: string) => wire.views.find((each) => each.name === name)?.used;
    const packet = (direction: "up" | "down", type: string, packetId: number, qos?: 2): PacketView => ({
      ...{ id: 1, board: 0, at: 0, connection: 1, direction, type, qos, retain: false, dup: false, packetId },
      ...{ topic: type === "PUBLISH" ? "a/alert" : "", detail: "", length: 4, hex: "", breach: undefined },
    });
    assert.ok(wire.heard(packet("up", "PUBREL", 7)));
    assert.equal(count("alerts in flight"), 1);
    assert.ok(wire.heard(packet("down", "PUBCOMP", 7)));
    assert.equal(count("alerts in flight"), 0);
    const inbound = "QoS 2 messages received and not released";
    assert.ok(wire.heard(packet("down", "PUBLISH", 8, 2)));
    assert.equal(count(inbound), 1);
    assert.ok(!wire.heard(packet("up", "PUBREC", 8)));
    assert.ok(wire.heard(packet("down", "PUBREL", 8)));
    assert.equal(count(inbound), 0);
  });

  it("knows the largest packets and the longest topic of this boot", () => {
    const world = new World({ board: { powered: false } });
    const { watch } = watched(world);
    world.board.powerOn();
    world.run(20_000);
    const before = used(watch.view);
    assert.equal(before["longest topic received in this boot"], 0);
    assert.equal(before["largest packet received in this boot"], 5);
    world.broker.publish("mresetar/alertbox/5750/cmd/led", "ON", { qos: 1 });
    world.run(1000);
    const after = used(watch.view);
    assert.equal(after["longest topic received in this boot"], "mresetar/alertbox/5750/cmd/led".length);
    assert.equal(after["largest packet received in this boot"], 2 + 2 + 30 + 2 + 2);
    watch.close();
    world.close();
  });
});
