// The Wi-Fi adapter on a virtual radio: what each of the driver's messages means to the box, what it remembers of a
// network, and what the radio is left doing.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type AccessPointOptions, StationStatus } from "../../host-sim/radio.js";
import { Milliamperes } from "../../host-sim/supply.js";
import type { Found, WiFiStation } from "../../src/device/wifi-station.js";
import { Rig as Adapters } from "./fixtures/adapters/rig.js";

const PASSWORD = "correct horse";
const BOX = "AlertBox-5750";

class Rig extends Adapters {
  readonly events: string[] = [];
  station: WiFiStation;

  constructor(wifi: Partial<AccessPointOptions> = {}) {
    super({ wifi });
    this.station = this.#open();
  }

  #open(): WiFiStation {
    return new this.adapters.WiFiStation({
      onAssociated: () => this.events.push("associated"),
      onJoined: (address) => this.events.push(`joined ${address}`),
      onJoinFailed: (why) => this.events.push(`failed: ${why}`),
      onLost: () => this.events.push("lost"),
    });
  }

  /** What came in this time, but for "associated". */
  after(ms: number): string[] {
    return this.allAfter(ms).filter((event) => event !== "associated");
  }

  allAfter(ms: number): string[] {
    this.world.run(ms);
    return this.events.splice(0);
  }

  /** A new boot, RTC memory and flash as they were. */
  again(): void {
    this.reset();
    this.station = this.#open();
  }

  /** Joins the network at home. Gives how long it took, ms. */
  join(found?: Found, keep = true): number {
    const from = this.world.now;
    this.station.join("home", PASSWORD, keep, found);
    assert.ok(this.world.runUntil(() => this.events.some((event) => event !== "associated"), 60_000));
    assert.match(this.events.splice(0).join(), /^associated,joined [\d.]+$/);
    return Math.round(this.world.now - from);
  }

  /** Where the joined network was found. */
  get found(): Found {
    const { found } = this.station;
    assert.ok(found, "joined");
    return found;
  }

  get radio() {
    const radio = this.world.airspace.radioOn(this.world.board);
    assert.ok(radio);
    return radio;
  }

  /** What the board draws now, mA. */
  get milliamperes(): number {
    return Milliamperes[this.world.board.supply.draw];
  }
}

/** `aa:bb:cc:dd:ee:ff` of 6 bytes. */
function text(bssid: ArrayBuffer): string {
  return [...new Uint8Array(bssid)].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** The network that the SDK keeps in flash. */
function keptName(rig: Rig): string | undefined {
  return rig.world.board.station?.config.ssid;
}

describe("WiFiStation", () => {
  it("joins, and knows the signal while it is joined", () => {
    const rig = new Rig();
    assert.equal(rig.station.rssi, 0);
    rig.station.join("home", PASSWORD, true);
    assert.equal(rig.station.rssi, 0);
    assert.deepEqual(rig.after(10000), ["joined 10.0.0.100"]);
    assert.equal(rig.station.rssi, -55);
    rig.station.leave();
    assert.equal(rig.station.rssi, 0);
  });

  it("joins an open network without a password", () => {
    const rig = new Rig({ password: "" });
    rig.station.join("home", "", true);
    assert.deepEqual(rig.after(10000), ["joined 10.0.0.100"]);
  });

  it("names a wrong password and a missing access point", () => {
    const rig = new Rig();
    rig.station.join("home", "wrong password", true);
    assert.equal(rig.after(20000)[0], "failed: wrong password");
    rig.station.join("nowhere", "", true);
    assert.equal(rig.after(20000)[0], "failed: access point not found");
  });

  it("says that the network let it in, before there is an address, and not when it did not", () => {
    const rig = new Rig();
    rig.station.join("home", PASSWORD, true);
    assert.deepEqual(rig.allAfter(3200), ["associated"]);
    assert.equal(rig.station.found, undefined);
    assert.deepEqual(rig.allAfter(10000), ["joined 10.0.0.100"]);
    rig.station.join("home", "wrong password", true);
    assert.ok(!rig.allAfter(7000).includes("associated"));
    rig.station.join("nowhere", PASSWORD, true);
    assert.ok(!rig.allAfter(7000).includes("associated"));
  });

  it("names a router that gives no address, and that the network itself had let it in", () => {
    const rig = new Rig({ dhcpMs: 61000 });
    rig.station.join("home", PASSWORD, true);
    assert.deepEqual(rig.allAfter(64000), ["associated", "failed: no address from the router"]);
  });

  it("tells of a network that was lost, once, and of nothing after leave", () => {
    const rig = new Rig();
    rig.join();
    rig.world.wifi.down();
    assert.deepEqual(rig.after(7000), ["lost"]);
    assert.deepEqual([rig.station.rssi, rig.station.found], [0, undefined]);
    rig.station.leave();
    rig.world.wifi.up();
    assert.deepEqual(rig.after(60000), []);
    rig.station.leave();
    assert.deepEqual(rig.after(1000), []);
  });

  it("tells of a router that sends everybody away, and joins again when told to", () => {
    const rig = new Rig();
    rig.join();
    rig.world.wifi.deauthenticate();
    assert.deepEqual(rig.after(100), ["lost"]);
    rig.join();
  });

  it("leave or off in the middle of joining: not a word comes of it", () => {
    for (const ms of [0, 1, 2100, 3000, 3500, 3900]) {
      const rig = new Rig();
      rig.station.join("home", PASSWORD, true);
      rig.world.run(ms);
      rig.events.length = 0;
      if (ms % 2 === 0) rig.station.leave();
      else rig.station.off();
      assert.deepEqual(rig.allAfter(20000), [], `${ms} ms after join`);
      assert.equal(rig.radio.status, StationStatus.idle);
    }
  });

  describe("the echo of the connection before", () => {
    it("is not taken for a failure of a join that follows at once", () => {
      const rig = new Rig();
      rig.join();
      rig.station.join("home", PASSWORD, true);
      assert.deepEqual(rig.after(10000), ["joined 10.0.0.100"]);
      const { found } = rig;
      rig.station.join("home", PASSWORD, true, found);
      assert.deepEqual(rig.after(10000), ["joined 10.0.0.100"]);
    });

    it("nor when the one before was still searching, or gave a wrong password", () => {
      const rig = new Rig();
      rig.station.join("nowhere", "", true);
      rig.world.run(1000);
      rig.station.join("home", "wrong password", true);
      assert.deepEqual(rig.after(6200), ["failed: wrong password"]);
      rig.station.join("home", PASSWORD, true);
      assert.deepEqual(rig.after(10000), ["joined 10.0.0.100"]);
    });

    it("nor is one after leave and a join in the same turn", () => {
      const rig = new Rig();
      rig.join();
      rig.station.leave();
      rig.station.join("home", PASSWORD, true);
      assert.deepEqual(rig.after(10000), ["joined 10.0.0.100"]);
    });

    it("but a search of a single channel that finds nothing is told, as soon as it is over", () => {
      const rig = new Rig();
      rig.join();
      const { found } = rig;
      rig.world.wifi.channel = 11;
      rig.station.join("home", PASSWORD, false, found);
      assert.deepEqual(rig.after(200), ["failed: access point not found"]);
    });
  });

  describe("found", () => {
    it("is channel, BSSID and lease of the joined network, and nothing before", () => {
      const rig = new Rig({ channel: 11, bssid: "0a:1b:2c:3d:4e:5f" });
      assert.equal(rig.station.found, undefined);
      rig.station.join("home", PASSWORD, true);
      assert.equal(rig.station.found, undefined);
      rig.after(10000);
      const { channel, bssid, lease } = rig.found;
      assert.equal(channel, 11);
      assert.equal(text(bssid), "0a:1b:2c:3d:4e:5f");
      assert.ok(lease);
      assert.deepEqual([...new Uint8Array(lease)], [10, 0, 0, 100, 255, 255, 255, 0, 10, 0, 0, 1, 10, 0, 0, 1]);
      rig.station.leave();
      assert.equal(rig.station.found, undefined);
    });

    it("spares the next join the search, the key and DHCP", () => {
      const rig = new Rig();
      const cold = rig.join();
      const { found } = rig;
      // What is kept names the access point too, so the first join to just this one keeps it anew.
      rig.join(found);
      rig.world.wifi.dhcpMs = Number.POSITIVE_INFINITY;
      rig.again();
      rig.station.join("home", PASSWORD, true, found);
      assert.equal(rig.station.found, undefined, "an address of one's own is no network yet");
      rig.station.leave();
      const cached = rig.join(found);
      assert.ok(cached < 200, `${cached} ms`);
      assert.ok(cold > 3000, `${cold} ms`);
      assert.deepEqual(rig.found, found);
    });

    it("without a lease spares the search only", () => {
      const rig = new Rig();
      rig.join();
      const { channel, bssid } = rig.found;
      rig.world.wifi.forgetLeases(3);
      rig.again();
      rig.station.join("home", PASSWORD, true, { channel, bssid, lease: undefined });
      assert.deepEqual(rig.after(2500), ["joined 10.0.0.103"], "2,080 ms less than a search of all channels");
    });

    it("leads to that access point, not to a stronger one of the same name", () => {
      const rig = new Rig();
      rig.join();
      const { found } = rig;
      const attic = rig.world.airspace.add({
        ssid: "home",
        password: PASSWORD,
        bssid: "02:00:00:00:00:99",
        rssi: -30,
        subnet: "10.0.9",
      });
      rig.join(found);
      assert.equal(rig.station.rssi, -55);
      rig.join();
      assert.equal(text(rig.found.bssid), attic.bssid);
    });

    it("is forgotten by the next join without it: the whole band is searched and DHCP asked", () => {
      const rig = new Rig();
      rig.join();
      const { found } = rig;
      rig.join(found);
      rig.world.wifi.channel = 1;
      rig.world.wifi.forgetLeases(5);
      rig.station.join("home", PASSWORD, true);
      assert.deepEqual(rig.after(10000), ["joined 10.0.0.105"]);
    });
  });

  describe("keep", () => {
    it("keeps name, password and key for the next boot; without it nothing is written", () => {
      const rig = new Rig();
      rig.join(undefined, false);
      assert.equal(keptName(rig), undefined);
      const { found } = rig;
      rig.again();
      const derived = rig.join(found, true);
      assert.equal(keptName(rig), "home");
      rig.again();
      assert.ok(rig.join(found, true) < derived - 800, "the key was not derived again");
    });

    it("forget erases it", () => {
      const rig = new Rig();
      rig.join();
      assert.equal(keptName(rig), "home");
      rig.station.forget();
      assert.equal(keptName(rig), undefined);
    });
  });

  describe("off", () => {
    it("switches the radio off: 15 mA instead of 75", () => {
      const rig = new Rig();
      assert.equal(rig.milliamperes, 15);
      rig.join();
      rig.station.leave();
      assert.equal(rig.milliamperes, 75, "to leave the network alone saves nothing");
      rig.station.off();
      assert.equal(rig.milliamperes, 15);
      assert.deepEqual(rig.after(60000), []);
      assert.equal(rig.milliamperes, 15, "and nothing switches it on again");
      rig.join();
      assert.equal(rig.milliamperes, 75);
    });

    it("does so after a network that was lost and one that was never found", () => {
      const rig = new Rig();
      rig.station.join("nowhere", "", true);
      rig.after(5000);
      rig.station.off();
      assert.equal(rig.milliamperes, 15);
      rig.join();
      rig.world.wifi.down();
      rig.after(7000);
      rig.station.off();
      assert.equal(rig.milliamperes, 15);
    });

    it("leaves the network too, without a word of it", () => {
      const rig = new Rig();
      rig.join();
      rig.station.off();
      assert.deepEqual(rig.allAfter(60000), []);
      assert.deepEqual([rig.station.found, rig.station.rssi, rig.radio.address], [undefined, 0, undefined]);
    });

    it("does so when nothing was ever joined", () => {
      const rig = new Rig();
      rig.station.off();
      assert.equal(rig.milliamperes, 15);
    });
  });

  describe("an access point of its own", () => {
    it("opens and closes, for everybody", () => {
      const rig = new Rig();
      rig.station.openAccessPoint(BOX, "");
      const phone = rig.world.phone();
      assert.equal(phone.join(BOX, "any password"), false);
      assert.ok(phone.join(BOX));
      assert.equal(rig.milliamperes, 75);
      rig.station.off();
      assert.equal(phone.isConnected, false);
      assert.equal(rig.radio.softAccessPoint, undefined);
      assert.equal(rig.milliamperes, 15);
    });

    it("or for those who have the password", () => {
      const rig = new Rig();
      rig.station.openAccessPoint(BOX, "eight888");
      const phone = rig.world.phone();
      assert.equal(phone.join(BOX), false);
      assert.ok(phone.join(BOX, "eight888"));
    });

    it("ends a network that was joined, without a word of it", () => {
      const rig = new Rig();
      rig.join();
      rig.station.openAccessPoint(BOX, "");
      assert.deepEqual(rig.after(20000), []);
      assert.equal(rig.station.found, undefined);
      assert.equal(rig.radio.address, undefined);
    });

    it("stays open through joining, failing and leaving", () => {
      const rig = new Rig();
      rig.station.openAccessPoint(BOX, "");
      const first = rig.radio.softAccessPoint;
      const isSame = () => rig.radio.softAccessPoint === first && rig.world.board.radioOn;
      rig.station.join("home", "wrong password", false);
      assert.deepEqual(rig.after(7000).slice(0, 1), ["failed: wrong password"]);
      assert.ok(isSame(), "failed");
      rig.station.leave();
      assert.deepEqual(rig.after(5000), []);
      assert.ok(isSame(), "left");
      assert.equal(rig.radio.status, StationStatus.idle, "it does not go on trying: phones would not hear the box");
      rig.join(undefined, false);
      assert.ok(isSame(), "joined");
      assert.equal(rig.station.rssi, -55);
      rig.station.leave();
      assert.deepEqual(rig.after(5000), []);
      assert.ok(isSame(), "left again");
      assert.equal(rig.radio.address, undefined);
      assert.ok(rig.world.phone().join(BOX));
    });

    it("a phone finds it again after the box has joined on another channel", () => {
      const rig = new Rig({ channel: 11 });
      rig.station.openAccessPoint(BOX, "");
      const phone = rig.world.phone();
      phone.join(BOX);
      rig.join(undefined, false);
      rig.world.run(5000);
      assert.equal(phone.isConnected, true);
    });

    it("closes with the radio, and the network joined beside it ends too", () => {
      const rig = new Rig();
      rig.station.openAccessPoint(BOX, "");
      rig.join(undefined, false);
      rig.station.off();
      assert.deepEqual(rig.allAfter(60000), []);
      assert.deepEqual([rig.radio.softAccessPoint, rig.radio.address], [undefined, undefined]);
      assert.equal(rig.milliamperes, 15);
    });

    it("opens once more, under another name", () => {
      const rig = new Rig();
      rig.station.openAccessPoint(BOX, "");
      rig.station.off();
      rig.station.openAccessPoint("AlertBox-1", "");
      assert.equal(rig.radio.softAccessPoint?.ssid, "AlertBox-1");
    });
  });

  describe("scan", () => {
    function scan(rig: Rig): string[] {
      const heard: string[] = [];
      rig.station.scan(
        (ssid, rssi, open) => heard.push(`${ssid} ${rssi}${open ? " open" : ""}`),
        () => heard.push("done"),
      );
      return heard;
    }

    it("tells each network with its signal and whether it is open, then that it is done", () => {
      const rig = new Rig();
      rig.world.airspace.add({ ssid: "Kafić", rssi: -80 });
      rig.world.airspace.add({ ssid: "away", rssi: -70 }).down();
      rig.station.openAccessPoint(BOX, "");
      const heard = scan(rig);
      assert.deepEqual(heard, []);
      rig.world.run(5000);
      assert.deepEqual(heard, ["home -55", "Kafić -80 open", "done"]);
    });

    it("works while joined, and the network stays joined", () => {
      const rig = new Rig();
      rig.join();
      const heard = scan(rig);
      assert.deepEqual(rig.after(5000), []);
      assert.deepEqual(heard, ["home -55", "done"]);
      assert.equal(rig.station.rssi, -55);
    });

    it("is done at once during a join, which goes on", () => {
      const rig = new Rig();
      rig.station.openAccessPoint(BOX, "");
      rig.station.join("home", PASSWORD, false);
      for (const ms of [0, 1000, 2000]) {
        rig.world.run(ms === 0 ? 0 : 1000);
        assert.deepEqual(scan(rig), ["done"], `${ms} ms after join`);
      }
      assert.deepEqual(rig.after(10000), ["joined 10.0.0.100"]);
    });

    it("is done at once while another one is under way, which goes on", () => {
      const rig = new Rig();
      rig.station.openAccessPoint(BOX, "");
      const first = scan(rig);
      assert.deepEqual(scan(rig), ["done"]);
      rig.world.run(5000);
      assert.deepEqual(first, ["home -55", "done"]);
      const third = scan(rig);
      rig.world.run(5000);
      assert.deepEqual(third, ["home -55", "done"], "and the next one works");
    });

    it("is done at once with the radio off", () => {
      assert.deepEqual(scan(new Rig()), ["done"]);
    });
  });
});
