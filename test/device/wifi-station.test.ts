// The Wi-Fi adapter on a virtual radio: what each of the driver's messages means to the box.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { AccessPointOptions } from "../../host-sim/radio.js";
import { World } from "../../host-sim/world.js";
import type { WiFiStation } from "../../src/device/wifi-station.js";
import { projectImage } from "./project-image.js";

class Rig {
  readonly events: string[] = [];
  readonly world: World;
  station!: WiFiStation;

  constructor(wifi: Partial<AccessPointOptions> = {}) {
    const image = projectImage("test/device/fixtures/wifi-station/main.ts", () => ({
      application: {
        default: (Station: typeof WiFiStation) => {
          this.station = new Station({
            onJoined: (address) => this.events.push(`joined ${address}`),
            onJoinFailed: (why) => this.events.push(`failed: ${why}`),
            onLost: () => this.events.push("lost"),
          });
        },
      },
    }));
    this.world = new World({ wifi, board: { image } });
    this.world.board.on((event) => {
      if (event.type === "crash") throw event.error;
    });
    this.world.run(1000);
  }

  after(ms: number): string[] {
    this.world.run(ms);
    return this.events.splice(0);
  }
}

describe("WiFiStation", () => {
  it("joins, and knows the signal while it is joined", () => {
    const rig = new Rig();
    assert.equal(rig.station.rssi, 0);
    rig.station.join("home", "correct horse");
    assert.deepEqual(rig.after(10000), ["joined 10.0.0.100"]);
    assert.equal(rig.station.rssi, -55);
  });

  it("joins an open network without a password", () => {
    const rig = new Rig({ password: "" });
    rig.station.join("home", "");
    assert.deepEqual(rig.after(10000), ["joined 10.0.0.100"]);
  });

  it("names a wrong password and a missing access point", () => {
    const rig = new Rig();
    rig.station.join("home", "wrong password");
    assert.equal(rig.after(20000)[0], "failed: wrong password");
    rig.station.join("nowhere", "");
    assert.equal(rig.after(20000)[0], "failed: access point not found");
  });

  it("names a router that gives no address", () => {
    const rig = new Rig({ dhcpMs: 61000 });
    rig.station.join("home", "correct horse");
    assert.ok(rig.after(120000).includes("failed: no address from the router"));
  });

  it("tells of a network that was lost, once, and of nothing after leave", () => {
    const rig = new Rig();
    rig.station.join("home", "correct horse");
    rig.after(10000);
    rig.world.wifi.down();
    assert.deepEqual(rig.after(30000).filter((event) => event === "lost").length, 1);
    rig.station.leave();
    rig.world.wifi.up();
    assert.deepEqual(rig.after(60000), []);
    rig.station.leave();
  });

  it("a second join replaces the first, whose messages are not heard any more", () => {
    const rig = new Rig();
    rig.station.join("nowhere", "");
    rig.world.run(1000);
    rig.station.join("home", "correct horse");
    const events = rig.after(30000).filter((event) => event.startsWith("joined"));
    assert.deepEqual(events, ["joined 10.0.0.100"]);
  });

  it("opens an access point and closes it again", () => {
    const rig = new Rig();
    rig.station.openAccessPoint("AlertBox-5750");
    rig.world.run(100);
    const radio = rig.world.airspace.radioOn(rig.world.board);
    assert.equal(radio?.softAccessPoint?.ssid, "AlertBox-5750");
    rig.station.closeAccessPoint();
    assert.equal(radio?.softAccessPoint, undefined);
  });
});
