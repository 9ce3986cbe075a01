import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { ScanItem } from "../../../host-sim/modules/wifi.js";
import { Table } from "../online.js";

/** Notes what a WiFi instance is told, with the time since now. */
function listen(table: Table): string[] {
  const told: string[] = [];
  const startedAt = table.clock.now;
  new table.WiFi(undefined, (message, value) => {
    const at = Math.round(table.clock.now - startedAt);
    told.push(value === undefined ? `${at} ${message}` : `${at} ${message} ${value}`);
  });
  return told;
}

const right = { ssid: "home", password: "correct horse" };
const key = "0123456789abcdef".repeat(4);

describe("wifi", () => {
  describe("joins", () => {
    it("with SSID and password in about 3.9 s: search, key, handshake, address", () => {
      const table = new Table();
      const told = listen(table);
      table.WiFi.connect(right);
      assert.equal(table.WiFi.mode, 1);
      table.clock.run(10_000);
      assert.deepEqual(told, ["3089 connect", "3869 gotIP"]);
    });

    it("with a known channel in a third of that, and with a key in place of a passphrase in less", () => {
      const table = new Table({ wifi: { password: key } });
      const bssid = Uint8Array.from(table.wifi.bssid.split(":"), (digits) => Number.parseInt(digits, 16)).buffer;
      const told = listen(table);
      table.WiFi.connect({ ssid: "home", password: key, channel: 6, bssid });
      table.clock.run(10_000);
      assert.deepEqual(told, ["178 connect", "958 gotIP"]);
      const second = new Table({ wifi: { dhcpMs: 0 } });
      const toldSecond = listen(second);
      second.WiFi.connect({ ...right, channel: 6 });
      second.clock.run(10_000);
      assert.deepEqual(toldSecond, ["1067 connect", "1067 gotIP"]);
    });

    it("an open network without a key, and not one that wants a password", () => {
      const table = new Table({ wifi: { password: "" } });
      const told = listen(table);
      table.WiFi.connect({ ssid: "home" });
      table.clock.run(10_000);
      assert.deepEqual(told, ["2120 connect", "2900 gotIP"]);
      const closed = new Table();
      const toldClosed = listen(closed);
      closed.WiFi.connect({ ssid: "home" });
      closed.clock.run(3_000);
      assert.deepEqual(toldClosed, ["2080 disconnect 0"]);
    });

    it("the strongest of several, and only the BSSID that it is told", () => {
      const table = new Table();
      table.airspace.add({ ...right, bssid: "aa:aa:aa:aa:aa:aa", channel: 1, rssi: -40 });
      table.join();
      assert.equal(table.Net.get("BSSID"), "AA:AA:AA:AA:AA:AA");
      assert.equal(table.Net.get("RSSI"), -40);
      assert.equal(table.Net.get("CHANNEL"), 1);
      const other = Uint8Array.from(table.wifi.bssid.split(":"), (digits) => Number.parseInt(digits, 16)).buffer;
      table.WiFi.connect({ ...right, bssid: other });
      table.clock.run(5_000);
      assert.equal(table.Net.get("BSSID"), table.wifi.bssid.toUpperCase());
    });

    it("quicker the second time in one boot, because the key is kept", () => {
      const table = new Table().join();
      const told = listen(table);
      table.WiFi.connect(right);
      table.clock.run(10_000);
      assert.deepEqual(told, ["0 disconnect 0", "2200 connect", "2980 gotIP"]);
    });
  });

  describe("fails", () => {
    it("with 0 when the network is not there, and tries again by itself for ever", () => {
      const table = new Table();
      table.wifi.down();
      const told = listen(table);
      table.WiFi.connect(right);
      table.clock.run(10_000);
      assert.deepEqual(told, ["2080 disconnect 0", "5160 disconnect 0", "8240 disconnect 0"]);
      table.wifi.up();
      table.clock.run(10_000);
      assert.deepEqual(told.slice(3), ["12329 connect", "13109 gotIP"]);
    });

    it("with -1 for a wrong password, again and again", () => {
      const table = new Table();
      const told = listen(table);
      table.WiFi.connect({ ssid: "home", password: "wrong horse" });
      table.clock.run(12_000);
      assert.deepEqual(told, ["6109 disconnect -1"]);
      table.clock.run(1_000);
      assert.deepEqual(told.slice(1), ["12329 disconnect -1"]);
    });

    it("on the wrong channel, which it does not leave by itself", () => {
      const table = new Table();
      const told = listen(table);
      table.WiFi.connect({ ...right, channel: 11 });
      table.clock.run(2_000);
      assert.deepEqual(told, ["160 disconnect 0", "1320 disconnect 0"]);
      table.WiFi.connect(right);
      table.clock.run(10_000);
      assert.equal(told.at(-1)?.split(" ")[1], "gotIP");
    });

    it("without an answer of DHCP: connected, and lostIP after a minute", () => {
      const table = new Table({ wifi: { dhcpMs: Number.POSITIVE_INFINITY } });
      const told = listen(table);
      table.WiFi.connect(right);
      table.clock.run(130_000);
      assert.deepEqual(told, ["3089 connect", "63089 lostIP", "123089 lostIP"]);
      assert.equal(table.Net.get("IP"), undefined);
    });

    it("when the access point goes away: after 6 s without beacons", () => {
      const table = new Table().join();
      const told = listen(table);
      table.wifi.down();
      table.clock.run(5_999);
      assert.deepEqual(told, []);
      assert.equal(table.isOnline, true, "it does not know yet");
      table.clock.run(2);
      assert.deepEqual(told, ["6000 disconnect 0"]);
      assert.equal(table.isOnline, false);
    });

    it("not, when the access point is back within that time", () => {
      const table = new Table().join();
      const told = listen(table);
      table.wifi.down();
      table.clock.run(3_000);
      table.wifi.up();
      table.clock.run(60_000);
      assert.deepEqual(told, []);
    });

    it("at once when it is deauthenticated, and joins again", () => {
      const table = new Table().join();
      const told = listen(table);
      table.wifi.deauthenticate();
      table.clock.run(10_000);
      assert.deepEqual(told, ["0 disconnect 0", "3200 connect", "3980 gotIP"]);
    });

    it("while it joins, when the access point goes away then", () => {
      const table = new Table();
      const told = listen(table);
      table.WiFi.connect(right);
      table.clock.run(3_500);
      table.wifi.down();
      table.clock.run(6_001);
      assert.deepEqual(told, ["3089 connect", "9500 disconnect 0"]);
    });
  });

  describe("ends", () => {
    it("connect without options disconnects, says so, and stays so", () => {
      const table = new Table().join();
      const told = listen(table);
      table.WiFi.disconnect();
      assert.deepEqual(told, []);
      table.clock.run(10_000);
      assert.deepEqual(told, ["0 disconnect 0"]);
      table.WiFi.disconnect();
      table.clock.run(10_000);
      assert.equal(told.length, 1);
    });

    it("a new connect tells of the old one's end afterwards", () => {
      const table = new Table();
      const told = listen(table);
      table.WiFi.connect({ ssid: "elsewhere" });
      table.clock.run(100);
      table.WiFi.connect(right);
      table.clock.run(1);
      assert.deepEqual(told, ["100 disconnect 0"]);
    });

    it("close ends the notifications of one instance, and the station goes on", () => {
      const table = new Table();
      const told = listen(table);
      let count = 0;
      const closed = new table.WiFi(right, () => {
        count += 1;
      });
      closed.close();
      closed.close();
      table.clock.run(10_000);
      assert.equal(count, 0);
      assert.equal(told.length, 2);
      assert.throws(() => table.WiFi.close(), /WiFi.disconnect/);
    });

    it("onNotify may be set, replaced and removed", () => {
      const table = new Table();
      const heard: string[] = [];
      const wifi = new table.WiFi();
      wifi.onNotify = () => heard.push("first");
      wifi.onNotify = () => heard.push("second");
      table.WiFi.connect(right);
      table.clock.run(3_500);
      wifi.onNotify = null;
      table.clock.run(3_500);
      assert.deepEqual(heard, ["second"]);
    });

    it("a reset ends it all", () => {
      const table = new Table();
      const told = listen(table);
      table.WiFi.connect(right);
      table.board.reset();
      table.boot();
      table.clock.run(20_000);
      assert.deepEqual(told, []);
      assert.equal(table.WiFi.mode, 0);
      assert.equal(table.isOnline, false);
    });
  });

  describe("refuses", () => {
    const cases: [string, object, string][] = [
      ["no SSID", {}, "ssid required"],
      ["an empty SSID", { ssid: "" }, "ssid required"],
      ["an SSID of 33 bytes", { ssid: `${"č".repeat(16)}x` }, "ssid too long - 32 bytes max"],
      ["a password of 65 bytes", { ssid: "a", password: "x".repeat(65) }, "password too long - 64 bytes max"],
      ["a BSSID that is text", { ssid: "a", bssid: "aa:aa:aa:aa:aa:aa" }, "bssid must be 6 bytes"],
      ["a BSSID of 5 bytes", { ssid: "a", bssid: new ArrayBuffer(5) }, "bssid must be 6 bytes"],
    ];
    for (const [name, options, message] of cases) {
      it(name, () => assert.throws(() => new Table().WiFi.connect(options), new Error(message)));
    }
  });

  describe("scan", () => {
    function scan(table: Table, options: object): (ScanItem | null)[] {
      const items: (ScanItem | null)[] = [];
      table.WiFi.scan(options, (item) => items.push(item));
      assert.deepEqual(items, []);
      table.clock.run(2_079);
      assert.deepEqual(items.length > 0, "channel" in options);
      table.clock.run(2);
      return items;
    }

    it("lists what is heard, the strongest first, then null", () => {
      const table = new Table();
      table.airspace.add({ ssid: "cvrčak", rssi: -30, channel: 1 });
      table.airspace.add({ ssid: "hidden", hidden: true });
      table.airspace.add({ ssid: "off" }).down();
      table.WiFi.mode = 1;
      const items = scan(table, {});
      assert.deepEqual(
        items.map((item) => item?.ssid),
        ["cvrčak", "home", undefined],
      );
      assert.deepEqual([items[0]?.authentication, items[1]?.authentication], ["none", "wpa2_psk"]);
      assert.equal(items[0]?.bssid.byteLength, 6);
      assert.equal(items.at(-1), null);
      assert.equal(scan(table, { hidden: true }).length, 4);
      assert.equal(scan(table, { channel: 1 }).length, 2);
    });

    it("throws without a station, while one runs, and while the station joins", () => {
      const table = new Table();
      assert.throws(() => table.WiFi.scan({}, () => {}), new Error("can't scan"));
      table.WiFi.mode = 1;
      table.WiFi.scan({}, () => {});
      assert.throws(() => table.WiFi.scan({}, () => {}), new Error("unfinished wifi scan pending"));
      table.clock.run(3_000);
      table.WiFi.connect(right);
      assert.throws(() => table.WiFi.scan({}, () => {}), new Error("scan request failed"));
    });

    it("ends the list, in silence, at an exception of its callback", () => {
      const table = new Table();
      table.airspace.add({ ssid: "second" });
      table.WiFi.mode = 1;
      const items: unknown[] = [];
      table.WiFi.scan({}, (item) => {
        items.push(item);
        if (item !== null) throw new Error("no");
      });
      table.clock.run(3_000);
      assert.equal(items.length, 2);
      assert.equal(items[1], null);
      assert.equal(table.board.crashes, 0);
    });
  });

  describe("accessPoint", () => {
    it("gives the box an address of its own, with a station beside it when asked", () => {
      const table = new Table();
      table.WiFi.accessPoint({ ssid: "AlertBox-5750", password: "12345678" });
      assert.equal(table.WiFi.mode, 2);
      assert.equal(table.Net.get("IP"), "192.168.4.1");
      assert.equal(table.Net.get("MAC"), "5E:CF:7F:00:16:76");
      table.WiFi.accessPoint({ ssid: "AlertBox-5750", station: true });
      assert.equal(table.WiFi.mode, 3);
      assert.equal(table.Net.get("IP"), undefined);
      assert.equal(table.Net.get("IP", "ap"), "192.168.4.1");
      table.WiFi.scan({}, () => {});
      table.WiFi.mode = 1;
      assert.equal(table.Net.get("IP", "ap"), undefined);
    });

    const cases: [object, string][] = [
      [{ ssid: "x".repeat(33) }, "ssid too long - 32 bytes max"],
      [{ ssid: "a", password: "1234567" }, "password too short - 8 bytes min"],
      [{ ssid: "a", password: "x".repeat(65) }, "password too long - 64 bytes max"],
      [{ ssid: "a", channel: 14 }, "invalid channel"],
      [{ ssid: "a", channel: 0 }, "invalid channel"],
    ];
    for (const [options, message] of cases) {
      it(message, () => assert.throws(() => new Table().WiFi.accessPoint(options), new Error(message)));
    }
  });

  it("draws current in every mode but none", () => {
    const table = new Table();
    assert.equal(table.board.radioOn, false);
    table.WiFi.connect(right);
    assert.equal(table.board.radioOn, true);
    table.WiFi.mode = 0;
    assert.equal(table.board.radioOn, false);
    table.WiFi.mode = 9;
    assert.equal(table.WiFi.mode, 0);
  });
});

describe("net", () => {
  it("knows nothing while the radio is off", () => {
    const { Net } = new Table();
    for (const what of ["IP", "MAC", "SSID", "WHAT"]) assert.equal(Net.get(what), undefined);
    assert.equal(Net.get("MAC", "station"), undefined);
    assert.equal(Net.get("BSSID"), "00:00:00:00:00:00");
    assert.equal(Net.get("RSSI"), 31);
    assert.equal(Net.get("CHANNEL"), 1);
    assert.deepEqual(Net.get("DNS"), []);
  });

  it("tells what the station has", () => {
    const { Net, wifi } = new Table().join();
    assert.equal(Net.get("IP"), "10.0.0.100");
    assert.equal(Net.get("IP", "station"), "10.0.0.100");
    assert.equal(Net.get("MAC"), "5C:CF:7F:00:16:76");
    assert.equal(Net.get("SSID"), "home");
    assert.equal(Net.get("BSSID"), wifi.bssid.toUpperCase());
    assert.equal(Net.get("RSSI"), -55);
    assert.equal(Net.get("CHANNEL"), 6);
    assert.deepEqual(Net.get("DNS"), ["10.0.0.1"]);
  });
});
