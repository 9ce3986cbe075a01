// The box on its way from a wake to sleep: the cache, and the order of what it asks for.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Settings } from "../../src/alertbox/settings.js";
import { BoxTimes } from "../../src/alertbox/state.js";
import { BoxRig, deeds, LOST, refusedWith, settingsOf } from "./box-rig.js";

function battery(changes: Record<string, unknown> = {}): Settings {
  return settingsOf({ mode: "battery", ...changes });
}

describe("box: the cache of a battery box", () => {
  function waking(options: ConstructorParameters<typeof BoxRig>[0] = {}): BoxRig {
    const rig = new BoxRig({ settings: battery(), cachedNetwork: 0, pending: 1, ...options });
    rig.tell({ type: "booted", cause: "press", course: "normal" });
    rig.stored(1);
    return rig;
  }

  it("joins and connects where it leads, and keeps it once the broker has answered", () => {
    const wifi = [
      { ssid: "home", password: "correct horse" },
      { ssid: "barn", password: "" },
    ];
    const rig = new BoxRig({ settings: battery({ wifi }), cachedNetwork: 1 });
    assert.ok(rig.tell({ type: "booted", cause: "retry", course: "normal" }).includes("join 1 fast"));
    assert.ok(rig.tell({ type: "joined", address: "10.0.0.9" }).includes("open false fast"));
    assert.ok(rig.tell({ type: "connected", sessionPresent: true }).includes("keep-cache 1"));
  });

  it("a mains box follows its access points: no cache, and none is kept", () => {
    const rig = new BoxRig({ cachedNetwork: 0 });
    assert.ok(rig.tell({ type: "booted", cause: "power", course: "normal" }).includes("join 0"));
    rig.tell({ type: "joined", address: "10.0.0.9" });
    assert.equal(
      rig.tell({ type: "connected", sessionPresent: true }).some((effect) => effect.startsWith("keep-cache")),
      false,
    );
  });

  it("a stale one is forgotten and everything searched anew, in the same wake, and that is no failed attempt", () => {
    const rig = waking();
    const seen = rig.tell({ type: "join-failed", why: "access point not found" });
    assert.deepEqual(seen, [
      "say cache access point not found",
      "forget-cache",
      "rest JOINING",
      "say joining home",
      "join 0 unkept",
    ]);
    assert.equal(rig.box.failures, 0);
    assert.ok(rig.tell({ type: "joined", address: "10.0.0.9" }).includes("open false"));
  });

  it("an address that leads nowhere: 3 s after the join began at the latest", () => {
    const rig = waking();
    rig.now = 400;
    rig.tell({ type: "joined", address: "10.0.0.9" });
    assert.equal(rig.box.deadline(), BoxTimes.fast);
    const seen = rig.until(BoxTimes.fast);
    assert.deepEqual(deeds(seen), ["abort", "forget-cache", "rest JOINING", "join 0 unkept"]);
  });

  it("a broker that refuses TCP: the network was right, so only its name is asked for again; then the radio rests", () => {
    const rig = waking();
    rig.tell({ type: "joined", address: "10.0.0.9" });
    const refused = { type: "unreachable", why: "connection refused", step: "broker" } as const;
    assert.deepEqual(deeds(rig.tell(refused)), ["rest CONNECTING", "open false"]);
    assert.deepEqual(deeds(rig.tell(refused)), ["rest OFF", "radio-off"]);
    assert.ok(rig.until(1000).includes("join 0 fast"));
  });

  it("once TCP is open the broker has its usual time", () => {
    const rig = waking();
    rig.tell({ type: "joined", address: "10.0.0.9" });
    rig.now = 1000;
    assert.deepEqual(rig.tell({ type: "opened" }), ["deliver", "keep-asked"]);
    assert.equal(rig.box.deadline(), 1000 + BoxTimes.connect);
  });

  it("another broker at the old address: its refusal is not ours", () => {
    const rig = waking();
    rig.tell({ type: "joined", address: "10.0.0.9" });
    rig.tell({ type: "opened" });
    const seen = rig.tell({ type: "down", down: refusedWith(5) });
    assert.ok(seen.includes("forget-cache"));
    assert.equal(rig.state, "joining");
  });

  it("SUBSCRIBE leaves with the last alert's PUBREL; its answer may come before or after PUBCOMP", () => {
    for (const early of [true, false]) {
      const rig = waking({ pending: 0 });
      rig.tell({ type: "joined", address: "10.0.0.9" });
      rig.tell({ type: "connected", sessionPresent: true });
      assert.deepEqual(deeds(rig.tell({ type: "received", sequence: 1 })), ["subscribe 0"]);
      if (early) rig.tell({ type: "subscribed", refused: false });
      const delivered = deeds(rig.tell({ type: "delivered", sequence: 1 }));
      assert.equal(delivered.includes("subscribe 0"), false, "once");
      if (!early) rig.tell({ type: "subscribed", refused: false });
      assert.equal(rig.box.deadline(), BoxTimes.window);
    }
  });
});

describe("box: quiet", () => {
  function resting(changes: Record<string, unknown>): BoxRig {
    const rig = new BoxRig({ settings: battery(changes) });
    rig.tell({ type: "booted", cause: "press", course: "normal" });
    rig.stored(1);
    rig.tell({ type: "joined", address: "10.0.0.9" });
    rig.tell({ type: "connected", sessionPresent: true });
    rig.tell({ type: "delivered", sequence: 1 });
    rig.tell({ type: "subscribed", refused: false });
    rig.shown = false;
    rig.until(BoxTimes.window);
    rig.tell({ type: "flushed" });
    rig.tell({ type: "down", down: { ...LOST, reason: "disconnected" } });
    return rig;
  }

  it("sleeps without waiting for the LED; otherwise it waits with the radio off", () => {
    assert.ok(resting({ quiet: true }).tick().includes("sleep 0"));
    const rig = resting({});
    assert.deepEqual(rig.tick(), []);
    assert.ok(rig.effects.some((effect) => effect.do === "radio-off"));
    rig.shown = true;
    assert.ok(rig.tick().includes("sleep 0"));
  });

  it("but not while a finger is on the button, nor before it has shown that nothing was sent", () => {
    const rig = resting({ quiet: true });
    rig.ready = false;
    assert.deepEqual(rig.tick(), []);
    const unsent = new BoxRig({ settings: battery({ quiet: true }), pending: 1 });
    unsent.tell({ type: "booted", cause: "retry", course: "normal" });
    unsent.shown = false;
    unsent.until(BoxTimes.awake);
    assert.equal(unsent.state, "resting");
    assert.deepEqual(unsent.tick(), []);
  });
});
