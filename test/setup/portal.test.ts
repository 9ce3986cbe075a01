// What the page can learn from the box: the status, the networks, the trial; and that none of it is a secret or too
// long.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { long } from "../effort.js";
import { ask, FACTS, open, post, statusOf, wholeStatus } from "./rig.js";

const names = (portal: Parameters<typeof statusOf>[0]) => statusOf(portal).networks.map((network) => network.ssid);

describe("setup/portal", () => {
  it("the status says what the page shows, in this order", () => {
    const { portal } = open();
    portal.heard("home", -55, false);
    portal.heard("Guests", -80, true);
    assert.equal(
      Buffer.from(wholeStatus(portal, 0)).toString(),
      '{"chip":5750,"fw":"1.0.0","left":97,"phase":"idle","step":"","detail":"",' +
        '"networks":[{"ssid":"home","rssi":-55,"open":false},{"ssid":"Guests","rssi":-80,"open":true}],' +
        '"now":{"ssid":"home","host":"broker.local","port":1883,"root":"mresetar/alertbox/5750","mode":"mains",' +
        '"wiring":"gpio","auth":true,"convention":"home-assistant"}}',
    );
  });

  it("counts down in whole seconds, to zero, also where the clock wraps", () => {
    const { box, portal } = open();
    const left = (closesAt: number, now: number) => {
      box.closesAt = closesAt;
      return statusOf(portal, now).left;
    };
    assert.equal(left(97_000, 1), 96);
    assert.equal(left(97_000, 96_001), 0);
    assert.equal(left(97_000, 97_000), 0);
    assert.equal(left(97_000, 200_000), 0);
    assert.equal(left((0x7fffffff + 60_001) | 0, 0x7fffffff), 60);
  });

  describe("networks", () => {
    it("stand strongest first", () => {
      const { portal } = open();
      for (const [ssid, rssi] of [
        ["c", -80],
        ["a", -40],
        ["d", -90],
        ["b", -60],
      ] as const)
        portal.heard(ssid, rssi, true);
      assert.deepEqual(names(portal), ["a", "b", "c", "d"]);
    });

    it("of equal strength stand in the order in which they were heard", () => {
      const { portal } = open();
      for (const ssid of ["a", "b", "c"]) portal.heard(ssid, -50, true);
      assert.deepEqual(names(portal), ["a", "b", "c"]);
    });

    it("stand once each, as the strongest of their access points", () => {
      const { portal } = open();
      portal.heard("a", -70, false);
      portal.heard("b", -60, false);
      portal.heard("a", -50, true);
      portal.heard("a", -90, false);
      portal.heard("b", -60, true);
      assert.deepEqual(statusOf(portal).networks, [
        { ssid: "a", rssi: -50, open: true },
        { ssid: "b", rssi: -60, open: false },
      ]);
    });

    it("hidden ones and names that nobody can join are left out", () => {
      const { portal } = open();
      portal.heard("", -30, true);
      portal.heard("x".repeat(33), -30, true);
      portal.heard("\u0111".repeat(17), -30, true);
      portal.heard("x".repeat(32), -40, true);
      portal.heard("\u0111".repeat(16), -50, true);
      assert.deepEqual(names(portal), ["x".repeat(32), "\u0111".repeat(16)]);
    });

    it("at most 12 are kept, the strongest", () => {
      const { portal } = open();
      for (let i = 0; i < 20; i += 1) portal.heard(`n${i}`, -60 - ((i * 7) % 20), false);
      const strongest = Array.from({ length: 20 }, (_, i) => [`n${i}`, (i * 7) % 20] as const)
        .sort((a, b) => a[1] - b[1])
        .slice(0, 12)
        .map(([name]) => name);
      assert.deepEqual(names(portal), strongest);
      portal.heard("weak", -95, false);
      assert.deepEqual(names(portal), strongest);
      portal.heard("near", -30, false);
      assert.deepEqual(names(portal), ["near", ...strongest.slice(0, 11)]);
    });

    it("are forgotten on demand", () => {
      const { portal } = open();
      portal.heard("a", -50, true);
      portal.clearHeard();
      assert.deepEqual(names(portal), []);
    });

    it("with any name make valid JSON", () => {
      const { portal } = open();
      const odd = [
        '"quoted"',
        "back\\slash",
        "line\nfeed\u0001\u001f",
        "caf\u00e9 \u{1f6a8}",
        "</script>",
        "\u007f\u2028",
        '\\"',
      ];
      for (const [index, name] of odd.entries()) portal.heard(name, -40 - index, false);
      assert.deepEqual(names(portal), odd);
    });
  });

  it("at its longest it has 1,400 bytes: the weakest networks give way, all else stays", () => {
    const long = {
      ...FACTS,
      chipId: 16_777_215,
      ssid: "\u0111".repeat(16),
      host: "h".repeat(253),
      port: 65_535,
      root: '"'.repeat(96),
    };
    const { portal } = open(long);
    portal.report("failed", "address", "\u20ac".repeat(100));
    for (let i = 0; i < 12; i += 1) portal.heard(String.fromCharCode(97 + i).repeat(32), -100 + i, false);
    const status = statusOf(portal);
    assert.ok(wholeStatus(portal, 0).length <= 1400);
    assert.equal(status.networks.length, 5);
    assert.equal(status.networks[0]?.rssi, -89);
    assert.equal(status.now["root"], long.root);
    assert.equal(status.detail, "\u20ac".repeat(100));
  });

  long.it("is full to the last byte, and not a byte more", () => {
    let longest = 0;
    for (let length = 1; length <= 253; length += 1) {
      const { portal } = open({ ...FACTS, host: "h".repeat(length), root: "r".repeat(96) });
      portal.report("failed", "wifi", "x".repeat(100));
      for (let i = 0; i < 12; i += 1) portal.heard(String.fromCharCode(97 + i).repeat(32), -50, false);
      longest = Math.max(longest, wholeStatus(portal, 0).length);
      assert.equal(statusOf(portal).now["host"], "h".repeat(length));
    }
    assert.equal(longest, 1400);
  });

  it("is valid and whole even with a detail that nobody should write", () => {
    const { portal } = open({ ...FACTS, root: "\u0001".repeat(253) });
    portal.report("failed", "wifi", "\u0001".repeat(1000));
    portal.heard("a", -50, true);
    assert.deepEqual(names(portal), []);
    assert.equal(statusOf(portal).detail, "\u0001".repeat(200));
    assert.equal(statusOf(portal).now["root"], "\u0001".repeat(253));
  });

  it("tells how a trial goes", () => {
    const { portal } = open();
    for (const [phase, step, detail] of [
      ["trying", "wifi", ""],
      ["trying", "broker", ""],
      ["failed", "login", 'The broker says "no".'],
      ["done", "", ""],
    ] as const) {
      portal.report(phase, step, detail);
      const status = statusOf(portal);
      assert.deepEqual([status.phase, status.step, status.detail], [phase, step, detail]);
    }
  });

  it("never says what was typed, not even how long it was", () => {
    const { portal, box } = open();
    const before = Buffer.from(wholeStatus(portal, 0)).toString();
    box.onTryDo = () => {
      portal.report("idle", "", "");
      return "";
    };
    const secrets = { wifiPassword: "wifi-secret", user: "somebody", password: "broker-secret" };
    const answer = ask(portal, post("/try", new URLSearchParams({ ssid: "new", ...secrets }).toString()));
    assert.equal(box.fields?.password, "broker-secret");
    assert.equal(answer.body.toString(), before);
    for (const secret of Object.values(secrets)) assert.ok(!answer.body.includes(secret));
  });
});
