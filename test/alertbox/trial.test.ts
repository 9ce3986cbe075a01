// Settings on trial by `cmd/config`: read, judged, tried, then kept or taken back; box-setup.test.ts has those of the
// setup page.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { BoxTimes } from "../../src/alertbox/state.js";
import { BoxRig, deeds, LOST, refusedWith, said, settingsOf } from "./box-rig.js";

const MAINS = settingsOf();
const BATTERY = settingsOf({ mode: "battery" });
const ROOT = MAINS.root;

describe("box: cmd/config", () => {
  const changes = { host: "10.0.0.3" };
  /** First it takes the command back: it would lead away again whenever the box came back. */
  const PREPARING = [`clear ${ROOT}/cmd/config`, "flush"];
  /** Without DISCONNECT: whoever watches the broker is told that the box is gone. */
  const TRYING = ["abort", "use 10.0.0.3", "leave", "rest JOINING", "join 0 unkept"];

  function trying(options: ConstructorParameters<typeof BoxRig>[0] = {}): BoxRig {
    const rig = new BoxRig(options).listening();
    assert.deepEqual(deeds(rig.command("config", { kind: "config", changes })), PREPARING);
    assert.deepEqual(deeds(rig.tell({ type: "flushed" })), TRYING);
    return rig;
  }

  it("is tried before it is saved, with a clean session where the broker is another", () => {
    const rig = trying();
    assert.ok(rig.tell({ type: "joined", address: "10.0.0.9" }).includes("open true"));
    assert.deepEqual(deeds(rig.tell({ type: "connected", sessionPresent: false })), [
      "keep-asked",
      "require-clean-session",
      "save 10.0.0.3",
      "session-cleaned",
      "disconnect",
    ]);
    rig.tell({ type: "down", down: { ...LOST, reason: "disconnected" } });
    const online = rig.tell({ type: "connected", sessionPresent: false });
    assert.deepEqual(deeds(online), [
      "keep-asked",
      "disown",
      "rest OFF",
      "announce online",
      `clear ${ROOT}/cmd/config`,
      "state applied",
      "subscribe 1",
    ]);
  });

  it("waits until the alerts are delivered, in a connection that has announced itself and in one that has not", () => {
    const rig = new BoxRig().listening();
    rig.press(1);
    assert.deepEqual(rig.command("config", { kind: "config", changes }), []);
    const seen = deeds(rig.tell({ type: "delivered", sequence: 1 }));
    assert.deepEqual(seen.slice(-2), PREPARING);
    const early = new BoxRig({ settings: BATTERY, pending: 1 });
    early.tell({ type: "booted", cause: "retry", course: "normal" });
    early.tell({ type: "joined", address: "10.0.0.9" });
    early.tell({ type: "connected", sessionPresent: true });
    early.tell({ type: "received", sequence: 1 });
    early.tell({ type: "subscribed", refused: false });
    assert.deepEqual(early.command("config", { kind: "config", changes }), []);
    assert.deepEqual(deeds(early.tell({ type: "delivered", sequence: 1 })).slice(-2), PREPARING);
  });

  it("a press, and a lost connection, while the command is taken back: it is tried afterwards", () => {
    const rig = new BoxRig().listening();
    rig.command("config", { kind: "config", changes });
    rig.press(1);
    assert.deepEqual(rig.tell({ type: "flushed" }), []);
    assert.deepEqual(deeds(rig.tell({ type: "delivered", sequence: 1 })).slice(-2), PREPARING);
    rig.tell({ type: "down", down: LOST });
    assert.deepEqual(rig.tell({ type: "flushed" }), []);
    rig.until(rig.now + 5000);
    rig.tell({ type: "opened" });
    assert.deepEqual(deeds(rig.tell({ type: "connected", sessionPresent: true })).slice(-2), PREPARING);
    assert.deepEqual(deeds(rig.tell({ type: "flushed" })), TRYING);
  });

  it("is considered in steps; when the connection is lost meanwhile, it is tried with the next one", () => {
    const rig = new BoxRig().listening();
    rig.goesOn = false;
    assert.deepEqual(rig.command("config", { kind: "config", changes }), []);
    rig.tell({ type: "go-on" });
    rig.tell({ type: "down", down: LOST });
    for (let step = 0; step < 10; step += 1) assert.deepEqual(rig.tell({ type: "go-on" }), []);
    rig.goesOn = true;
    rig.until(rig.now + 5000);
    rig.tell({ type: "opened" });
    const seen = deeds(rig.tell({ type: "connected", sessionPresent: true }));
    assert.deepEqual(seen.slice(-2), PREPARING);
  });

  it("keeps a sleeper's window for commands open as long as it is considered", () => {
    const rig = new BoxRig({ settings: BATTERY }).listening();
    rig.goesOn = false;
    rig.command("config", { kind: "config", changes });
    for (let step = 1; step <= 8; step += 1) {
      assert.deepEqual(rig.until(rig.now + 100), [], `before step ${step}`);
      const seen = deeds(rig.tell({ type: "go-on" }));
      if (seen.includes("flush")) {
        // And until the broker has it back.
        assert.deepEqual(rig.until(rig.now + BoxTimes.farewell), []);
        return;
      }
    }
    assert.fail("not decided");
  });

  it("what waited and is refused is told, and a sleeper goes on to sleep", () => {
    const rig = new BoxRig({ settings: BATTERY, pending: 1 });
    rig.tell({ type: "booted", cause: "retry", course: "normal" });
    rig.tell({ type: "joined", address: "10.0.0.9" });
    rig.tell({ type: "connected", sessionPresent: true });
    rig.tell({ type: "received", sequence: 1 });
    rig.tell({ type: "subscribed", refused: false });
    rig.command("config", { kind: "config", changes: { port: 0 } });
    const seen = deeds(rig.tell({ type: "delivered", sequence: 1 }));
    assert.ok(seen.includes("announce online"), seen.join());
    assert.ok(seen.some((effect) => effect.startsWith("state rejected: port")));
    assert.ok(rig.until(BoxTimes.window).includes("announce sleeping"));
  });

  it("does not claim that settings were saved which the flash did not keep", () => {
    const rig = new BoxRig().listening();
    rig.command("config", { kind: "config", changes: { keepAliveSeconds: 30 } });
    rig.tell({ type: "joined", address: "10.0.0.9" });
    rig.tell({ type: "connected", sessionPresent: true });
    assert.deepEqual(said(rig.tell({ type: "not-saved", why: "worn" })), [
      "config in use until the next restart, not saved: worn",
    ]);
    assert.equal(rig.box.settings?.keepAliveSeconds, 30);
  });

  it("keeps the session where the broker is the same", () => {
    const rig = new BoxRig().listening();
    rig.command("config", { kind: "config", changes: { keepAliveSeconds: 30 } });
    assert.ok(rig.tell({ type: "joined", address: "10.0.0.9" }).includes("open false"));
    assert.ok(deeds(rig.tell({ type: "connected", sessionPresent: true })).includes("save 10.0.0.2"));
    assert.equal(rig.box.settings?.keepAliveSeconds, 30);
  });

  for (const [name, fail, why] of [
    ["no Wi-Fi", (rig: BoxRig) => rig.tell({ type: "join-failed", why: "wrong password" }), "no Wi-Fi: wrong password"],
    [
      "broker unreachable",
      (rig: BoxRig) => {
        rig.tell({ type: "joined", address: "10.0.0.9" });
        return rig.tell({ type: "unreachable", why: "connection refused", step: "broker" });
      },
      "connection refused",
    ],
    [
      "refused",
      (rig: BoxRig) => {
        rig.tell({ type: "joined", address: "10.0.0.9" });
        return rig.tell({ type: "down", down: refusedWith(4) });
      },
      "refused: bad user name or password",
    ],
    [
      "lost before CONNACK",
      (rig: BoxRig) => {
        rig.tell({ type: "joined", address: "10.0.0.9" });
        return rig.tell({ type: "down", down: LOST });
      },
      "broker: connection reset",
    ],
  ] as const) {
    it(`rolls back when it leads nowhere: ${name}`, () => {
      const rig = trying();
      const seen = fail(rig);
      assert.ok(seen.includes("use 10.0.0.2"), seen.join("; "));
      assert.ok(seen.includes("join 0"));
      assert.ok(!rig.effects.some((effect) => effect.do === "save"));
      assert.equal(rig.box.settings?.host, "10.0.0.2");
      rig.tell({ type: "joined", address: "10.0.0.9" });
      const online = rig.tell({ type: "connected", sessionPresent: true });
      assert.ok(online.includes(`state rejected: ${why}`), online.join("; "));
      assert.ok(online.indexOf(`clear ${ROOT}/cmd/config`) < online.indexOf("subscribe 1"));
    });
  }

  it("rolls back when nothing happens in time", () => {
    const rig = trying();
    rig.tell({ type: "joined", address: "10.0.0.9" });
    rig.now = BoxTimes.trial;
    const seen = rig.tick();
    assert.deepEqual(deeds(seen).slice(0, 2), ["abort", "use 10.0.0.2"]);
  });

  it("nonsense is named in the state and cleared, without a trial", () => {
    const rig = new BoxRig().listening();
    const seen = rig.command("config", { kind: "config", changes: { port: 0 } });
    assert.deepEqual(deeds(seen).slice(0, 1), [`clear ${ROOT}/cmd/config`]);
    assert.match(deeds(seen)[1] ?? "", /^state rejected: port/);
    assert.equal(rig.state, "online");
  });

  it("what is so already is cleared, without a trial", () => {
    const rig = new BoxRig().listening();
    const seen = rig.command("config", { kind: "config", changes: { port: 1883 } });
    assert.deepEqual(deeds(seen), [`clear ${ROOT}/cmd/config`, "state unchanged"]);
  });

  it("gives a battery box the time for the trial, and the cap again after a roll-back", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.online();
    rig.tell({ type: "subscribed", refused: false });
    rig.command("config", { kind: "config", changes });
    rig.tell({ type: "flushed" });
    const seen = rig.until(BoxTimes.trial + BoxTimes.awake + BoxTimes.rest);
    assert.ok(seen.includes("use 10.0.0.2"));
    assert.ok(seen.includes("sleep 0"));
  });

  it("becoming a mains box lifts the awake cap", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.online();
    rig.tell({ type: "subscribed", refused: false });
    rig.command("config", { kind: "config", changes: { mode: "mains", wiring: "gpio" } });
    rig.tell({ type: "joined", address: "10.0.0.9" });
    rig.tell({ type: "connected", sessionPresent: true });
    rig.tell({ type: "subscribed", refused: false });
    assert.equal(rig.box.deadline(), undefined);
  });
});
