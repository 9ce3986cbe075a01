import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { AccessPoint } from "../../host-sim/access-point.js";

describe("AccessPoint", () => {
  it("has a BSSID that depends on its SSID only", () => {
    assert.equal(new AccessPoint({ ssid: "a" }).bssid, new AccessPoint({ ssid: "a", channel: 3 }).bssid);
    assert.notEqual(new AccessPoint({ ssid: "a" }).bssid, new AccessPoint({ ssid: "b" }).bssid);
    assert.match(new AccessPoint({ ssid: "č" }).bssid, /^02(:[0-9a-f]{2}){5}$/);
    assert.equal(new AccessPoint({ ssid: "a", bssid: "AA:BB:CC:DD:EE:FF" }).bssid, "aa:bb:cc:dd:ee:ff");
  });

  it("takes SSIDs of 1 to 32 bytes", () => {
    assert.throws(() => new AccessPoint({ ssid: "" }), RangeError);
    assert.throws(() => new AccessPoint({ ssid: "č".repeat(17) }), RangeError);
    new AccessPoint({ ssid: "č".repeat(16) });
  });

  it("leases each station the same address, until it forgets", () => {
    const point = new AccessPoint({ ssid: "a", subnet: "192.168.1" });
    assert.equal(point.lease("one"), "192.168.1.100");
    assert.equal(point.lease("two"), "192.168.1.101");
    assert.equal(point.lease("one"), "192.168.1.100");
    point.forgetLeases(2);
    assert.equal(point.lease("one"), "192.168.1.102");
    point.forgetLeases(150);
    assert.throws(() => point.lease("one"), RangeError);
  });

  it("tells of changes, once each, and of deauthentication only while it is up", () => {
    const point = new AccessPoint({ ssid: "a" });
    const heard: string[] = [];
    const end = point.on((change) => heard.push(change));
    point.up();
    point.down();
    point.down();
    point.deauthenticate();
    point.up();
    point.deauthenticate();
    end();
    point.down();
    assert.deepEqual(heard, ["down", "up", "deauthenticated"]);
    assert.equal(point.isUp, false);
  });
});
