// The access point that a board makes itself: who gets on it, and what becomes of its phones while the one radio
// searches, joins and scans for the station part.

import assert from "node:assert/strict";
import type chipModule from "chip";
import { describe, it } from "mocha";
import { Table } from "./online.js";

const box = "AlertBox-5750";

function chipOf(table: Table): typeof chipModule {
  return table.chip.use<typeof chipModule>("chip");
}

function told(table: Table): string[] {
  const events: string[] = [];
  new table.WiFi(undefined, (message) => events.push(message));
  return events;
}

/** A box that answers each connection with nothing, on channel 1, with a phone; the home's access point is on 6. */
function open(options: { password?: string; station?: boolean; channel?: number; max?: number } = {}) {
  const table = new Table();
  table.WiFi.accessPoint({ ssid: box, station: true, ...options });
  const Listener = table.chip.use<new (options: object) => object>("embedded:io/socket/listener");
  new Listener({ port: 80 });
  const phone = table.phone();
  return { table, phone, chip: chipOf(table) };
}

/** Whether a connection from the phone comes about within so many milliseconds. */
function reaches({ table, phone }: ReturnType<typeof open>, ms = 20): boolean {
  const line = phone.send("");
  table.clock.run(ms);
  const { isOpen } = line;
  line.reset();
  table.clock.run(0);
  return isOpen;
}

describe("SoftAccessPoint", () => {
  it("gives phones 192.168.4.2 and up, the same one again, and none without its password or when it is full", () => {
    const { table, phone } = open({ password: "12345678", max: 2 });
    assert.equal(phone.join(box), false);
    assert.equal(phone.join("another", "12345678"), false);
    assert.equal(phone.join(box, "12345678"), true);
    const second = table.phone(2);
    const third = table.phone(3);
    assert.equal(second.join(box, "12345678"), true);
    assert.equal(third.join(box, "12345678"), false);
    assert.deepEqual([phone.address, second.address, third.address], ["192.168.4.2", "192.168.4.3", undefined]);
    assert.equal(table.board.airspace.radioOn(table.board)?.softAccessPoint?.stations, 2);
    phone.leave();
    assert.equal(third.join(box, "12345678"), true);
    assert.equal(third.address, "192.168.4.4");
    third.leave();
    assert.equal(phone.join(box, "12345678"), true);
    assert.equal(phone.address, "192.168.4.2");
  });

  it("is closed by WiFi.connect and by the mode of a station, which leaves the station alone", () => {
    const rig = open();
    const { table, phone, chip } = rig;
    phone.join(box);
    chip.join("home", "correct horse", undefined, 6, false);
    assert.equal(table.WiFi.mode, 3);
    table.clock.run(10_000);
    assert.equal(table.Net.get("IP", "station"), "10.0.0.100");
    assert.equal(reaches(rig), true);
    const events = told(table);
    table.WiFi.mode = table.WiFi.Mode.station;
    table.clock.run(100);
    assert.deepEqual([phone.isConnected, reaches(rig), events], [false, false, []]);
    assert.equal(table.Net.get("IP"), "10.0.0.100");
    table.WiFi.accessPoint({ ssid: box, station: true });
    assert.equal(phone.isConnected, false, "a phone does not come back by itself");
    assert.equal(phone.join(box), true);
    table.WiFi.connect({ ssid: "home", password: "correct horse" });
    assert.deepEqual([table.WiFi.mode, phone.isConnected], [1, false]);
  });

  it("is silent while the station searches all channels; phones on it lose packets, not the network", () => {
    const rig = open({ channel: 6 });
    const { table, phone, chip } = rig;
    phone.join(box);
    assert.equal(reaches(rig), true);
    chip.join("home", "correct horse", undefined, 0, false);
    const line = phone.send("");
    table.clock.run(2_070);
    assert.deepEqual([line.isOpen, phone.isConnected, table.phone(2).join(box)], [false, true, false]);
    table.clock.run(1_000);
    assert.deepEqual([line.isOpen, phone.isConnected], [true, true], "the same channel: its third SYN gets through");
  });

  it("follows the station to another channel; its phones are cut off and find it again after 3 s", () => {
    const rig = open({ channel: 1 });
    const { table, phone, chip } = rig;
    phone.join(box);
    chip.join("home", "correct horse", undefined, 0, false);
    table.clock.run(2_081);
    const own = table.board.airspace.radioOn(table.board)?.softAccessPoint;
    assert.deepEqual([own?.channel, phone.isConnected, reaches(rig)], [6, false, false]);
    table.clock.run(2_950);
    assert.equal(phone.isConnected, false);
    table.clock.run(100);
    assert.deepEqual([phone.isConnected, phone.address, reaches(rig)], [true, "192.168.4.2", true]);
    assert.equal(table.Net.get("IP", "station"), "10.0.0.100");
    table.WiFi.disconnect();
    table.clock.run(10);
    assert.deepEqual([own?.channel, reaches(rig)], [6, true], "and stays there");
  });

  it("moves at once when the station is told a channel", () => {
    const rig = open({ channel: 1 });
    rig.phone.join(box);
    rig.chip.join("home", "correct horse", undefined, 6, false);
    assert.equal(rig.phone.isConnected, false);
    rig.table.clock.run(3_001);
    assert.equal(rig.phone.isConnected, true);
  });

  it("is heard for 1 s in 3 while the station searches in vain; phones that look for it then wait for that", () => {
    const rig = open({ channel: 1 });
    const { table, phone, chip } = rig;
    phone.join(box);
    chip.join("nowhere", "", undefined, 0, false);
    const heard: boolean[] = [];
    for (let index = 0; index < 6; index++) {
      table.clock.run(1_000);
      heard.push(reaches(rig, 20));
    }
    assert.deepEqual(heard, [false, false, true, false, false, true]);
    table.WiFi.disconnect();
    assert.equal(reaches(rig), true);
    chip.join("nowhere", "", undefined, 6, false);
    table.clock.run(1_000);
    chip.join("nowhere", "", undefined, 0, false);
    table.clock.run(2_070);
    assert.equal(phone.isConnected, false, "3 s are over in the middle of a search");
    table.clock.run(450);
    assert.equal(phone.isConnected, true);
  });

  it("is silent during a scan of all channels, not during one of its own; scanning is refused while joining", () => {
    const rig = open({ channel: 1 });
    const { table, phone, chip } = rig;
    phone.join(box);
    const found: (string | undefined)[] = [];
    table.WiFi.scan({ channel: 1 }, (item) => found.push(item?.ssid));
    assert.equal(reaches(rig), true);
    table.clock.run(200);
    table.WiFi.scan({}, (item) => found.push(item?.ssid));
    assert.equal(reaches(rig), false);
    table.clock.run(2_080);
    assert.deepEqual([found, reaches(rig), phone.isConnected], [[undefined, "home", undefined], true, true]);
    chip.join("home", "correct horse", undefined, 0, false);
    assert.throws(() => table.WiFi.scan({}, () => {}), /scan request failed/);
  });

  it("begins on the station's channel when that is joined", () => {
    const table = new Table().join();
    table.WiFi.accessPoint({ ssid: box, channel: 1, station: true });
    assert.equal(table.board.airspace.radioOn(table.board)?.softAccessPoint?.channel, 6);
  });

  it("draws the radio's current, as an idle station does; only mode none switches it off", () => {
    const { table } = open({ station: false });
    assert.deepEqual([table.WiFi.mode, table.board.radioOn], [2, true]);
    table.WiFi.mode = 1;
    table.WiFi.disconnect();
    assert.equal(table.board.radioOn, true);
    table.WiFi.mode = table.WiFi.Mode.none;
    assert.equal(table.board.radioOn, false);
    const before = table.board.chargeMah;
    table.clock.run(3_600_000);
    assert.ok(Math.abs(table.board.chargeMah - before - 15) < 1e-6);
  });
});
