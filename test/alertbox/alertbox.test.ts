// The box's state machine, state by state: each event and each deadline, with the effects that follow. What happens on
// the way to the broker is in route.test.ts, new settings in trial.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { BoxTimes } from "../../src/alertbox/state.js";
import { BoxRig, deeds, LOST, refusedWith, said, settingsOf } from "./box-rig.js";

const MAINS = settingsOf();
const BATTERY = settingsOf({ mode: "battery" });
const TIMED = settingsOf({ mode: "battery", wiring: "rst+gpio" });
const ROOT = MAINS.root;

describe("box: starting", () => {
  it("a press at boot is stored before the radio starts", () => {
    const rig = new BoxRig({ settings: BATTERY });
    assert.deepEqual(deeds(rig.tell({ type: "booted", cause: "press", course: "normal" })), ["store 0"]);
    assert.deepEqual(deeds(rig.stored(1)), ["rest STORED", "rest JOINING", "join 0 unkept"]);
    assert.equal(rig.state, "joining");
  });

  it("a press at boot that cannot be stored does not keep older alerts from being delivered", () => {
    const rig = new BoxRig({ settings: BATTERY, pending: 3 });
    rig.tell({ type: "booted", cause: "press", course: "normal" });
    assert.deepEqual(deeds(rig.tell({ type: "not-stored", why: "the journal is full" })), [
      "show REFUSED",
      "rest JOINING",
      "join 0 unkept",
    ]);
  });

  it("without a press it joins, and stores nothing", () => {
    const rig = new BoxRig();
    assert.deepEqual(deeds(rig.tell({ type: "booted", cause: "power", course: "normal" })), ["rest JOINING", "join 0"]);
  });

  it("without settings only the setup opens, and a press is not possible", () => {
    const rig = new BoxRig({ settings: undefined });
    assert.deepEqual(deeds(rig.tell({ type: "booted", cause: "press", course: "normal" })), [
      "rest SETUP",
      "open-setup",
    ]);
    assert.equal(rig.state, "setup");
  });

  it("boots once only", () => {
    const rig = new BoxRig();
    rig.tell({ type: "booted", cause: "power", course: "normal" });
    assert.deepEqual(rig.tell({ type: "booted", cause: "press", course: "normal" }), []);
  });

  it("has no deadline of its own before it is booted", () => {
    assert.equal(new BoxRig().box.deadline(), undefined);
  });
});

describe("box: online, mains", () => {
  it("without alerts: announces, tells its state, subscribes, and has no deadline", () => {
    const rig = new BoxRig();
    rig.tell({ type: "booted", cause: "power", course: "normal" });
    rig.tell({ type: "joined", address: "10.0.0.9" });
    const seen = rig.tell({ type: "connected", sessionPresent: true });
    assert.deepEqual(deeds(seen), ["keep-asked", "rest OFF", "announce online", "state", "subscribe 1"]);
    assert.deepEqual(rig.tell({ type: "subscribed", refused: false }), ["light false", "introduce false"]);
    assert.equal(rig.box.deadline(), undefined);
    assert.equal(rig.retry.connections, 1);
  });

  it("with alerts: delivers them before anything else", () => {
    const rig = new BoxRig({ pending: 2 });
    rig.tell({ type: "booted", cause: "power", course: "normal" });
    rig.tell({ type: "joined", address: "10.0.0.9" });
    assert.deepEqual(deeds(rig.tell({ type: "connected", sessionPresent: false })), [
      "keep-asked",
      "disown",
      "rest STORED",
      "deliver",
    ]);
    assert.deepEqual(deeds(rig.tell({ type: "delivered", sequence: 1 })), ["show SENT", "gesture 1", "deliver"]);
    assert.deepEqual(deeds(rig.tell({ type: "delivered", sequence: 2 })), [
      "show SENT",
      "gesture 2",
      "remember 0",
      "rest OFF",
      "announce online",
      "state",
      "subscribe 1",
    ]);
    assert.deepEqual(rig.tell({ type: "subscribed", refused: false }), ["light false", "introduce true"]);
  });

  it("an alert has one name, from the journal's life, in all that is said of it", () => {
    for (const [life, name] of [
      [40146, "5750-1-40146"],
      [1, "5750-1-1"],
      [65535, "5750-1-65535"],
      [0, "5750-1"],
    ] as const) {
      const rig = new BoxRig({ life }).listening();
      assert.equal(rig.box.idOf(1), name);
      assert.deepEqual(said(rig.press(1)), [`stored ${name}`]);
      assert.deepEqual(said(rig.tell({ type: "received", sequence: 1 })), [`received ${name}`]);
      assert.deepEqual(said(rig.tell({ type: "delivered", sequence: 1 })), [`delivered ${name}`]);
    }
  });

  it("a press is stored, delivered, and told in the state", () => {
    const rig = new BoxRig().listening();
    assert.deepEqual(deeds(rig.press(1)), ["store 0", "rest STORED", "deliver"]);
    assert.deepEqual(said(rig.tell({ type: "received", sequence: 1 })), ["received 5750-1"]);
    assert.deepEqual(deeds(rig.tell({ type: "delivered", sequence: 1 })), [
      "show SENT",
      "gesture 1",
      "remember 0",
      "rest OFF",
      "state",
    ]);
  });

  it("a press during delivery is a second alert", () => {
    const rig = new BoxRig().listening();
    rig.press(1);
    assert.deepEqual(deeds(rig.press(2)), ["store 0", "rest STORED", "deliver"]);
    rig.tell({ type: "delivered", sequence: 1 });
    assert.equal(rig.box.pending, 1);
    rig.tell({ type: "delivered", sequence: 2 });
    assert.equal(rig.box.pending, 0);
  });

  it("double and long are alerts of their own", () => {
    const rig = new BoxRig().listening();
    assert.deepEqual(deeds(rig.tell({ type: "button", event: "double" })), ["store 1"]);
    assert.deepEqual(deeds(rig.tell({ type: "button", event: "long" })), ["store 2"]);
  });

  it("a press that cannot be stored never shows stored", () => {
    const rig = new BoxRig().listening();
    rig.tell({ type: "button", event: "press" });
    const seen = rig.tell({ type: "not-stored", why: "the journal is full" });
    assert.deepEqual(seen, ["say not-stored the journal is full", "show REFUSED"]);
    assert.equal(rig.box.pending, 0);
  });

  it("a button that also pulls RST was counted at boot", () => {
    const rig = new BoxRig({ settings: settingsOf({ wiring: "rst+gpio" }) }).listening();
    assert.deepEqual(rig.tell({ type: "button", event: "press" }), []);
  });

  it("an acknowledged announcement makes room for another, and for an alert that found none", () => {
    const rig = new BoxRig().listening();
    assert.deepEqual(rig.tell({ type: "acknowledged" }), ["announce-waiting"]);
    rig.press(1);
    assert.deepEqual(rig.tell({ type: "acknowledged" }), ["announce-waiting", "deliver"]);
  });

  it("connection lost: waits, connects again, announces again", () => {
    const rig = new BoxRig().listening();
    const seen = rig.tell({ type: "down", down: LOST });
    assert.deepEqual(said(seen), ["failed connection lost: connection reset"]);
    assert.deepEqual(deeds(rig.until(1000)), ["rest CONNECTING", "open false"]);
    assert.ok(rig.tell({ type: "connected", sessionPresent: true }).includes("announce online"));
  });

  it("Wi-Fi lost: drops the connection at once and joins again", () => {
    const rig = new BoxRig().listening();
    assert.deepEqual(deeds(rig.tell({ type: "wifi-lost" })), ["abort", "rest OFF"]);
    assert.deepEqual(rig.tell({ type: "wifi-lost" }), [], "only once");
    assert.deepEqual(deeds(rig.until(1000)), ["rest JOINING", "join 0"]);
  });

  it("a refused subscription is said, and the box goes on", () => {
    const rig = new BoxRig().online();
    assert.match(said(rig.tell({ type: "subscribed", refused: true }))[0] ?? "", /commands-refused/);
    assert.deepEqual(deeds(rig.press(1)), ["store 0", "rest STORED", "deliver"]);
  });

  it("an alert delivered after the connection went is still counted", () => {
    const rig = new BoxRig({ pending: 1 });
    rig.tell({ type: "booted", cause: "power", course: "normal" });
    rig.tell({ type: "joined", address: "10.0.0.9" });
    assert.deepEqual(deeds(rig.tell({ type: "delivered", sequence: 1 })), ["show SENT"]);
    assert.equal(rig.box.pending, 0);
  });
});

describe("box: battery", () => {
  it("delivers, announces, reads its commands, says farewell, disconnects, sleeps", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.tell({ type: "booted", cause: "press", course: "normal" });
    rig.stored(1);
    rig.tell({ type: "joined", address: "10.0.0.9" });
    assert.deepEqual(rig.tell({ type: "opened" }), ["deliver", "keep-asked"]);
    rig.tell({ type: "connected", sessionPresent: true });
    assert.ok(deeds(rig.tell({ type: "delivered", sequence: 1 })).includes("subscribe 0"));
    rig.now = 1000;
    assert.deepEqual(rig.tell({ type: "subscribed", refused: false }), ["introduce false"]);
    assert.equal(rig.box.deadline(), 1000 + BoxTimes.window);
    assert.deepEqual(rig.until(1000 + BoxTimes.window), ["announce sleeping", "flush"]);
    // What found no place yet belongs to the farewell, too.
    assert.deepEqual(rig.tell({ type: "acknowledged" }), ["announce-waiting", "flush"]);
    assert.deepEqual(rig.tell({ type: "flushed" }), ["disconnect"]);
    assert.deepEqual(rig.tell({ type: "down", down: { ...LOST, reason: "disconnected" } }), ["rest OFF", "radio-off"]);
    assert.equal(rig.state, "resting");
    assert.deepEqual(rig.tick(), ["say sleeping until the next press", "sleep 0"]);
    assert.equal(rig.state, "asleep");
    assert.equal(rig.box.deadline(), undefined);
  });

  it("stays until the LED has shown how it ended", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.online();
    rig.tell({ type: "subscribed", refused: false });
    rig.until(BoxTimes.window);
    rig.tell({ type: "flushed" });
    rig.tell({ type: "down", down: { ...LOST, reason: "disconnected" } });
    rig.shown = false;
    assert.deepEqual(rig.tick(), []);
    rig.shown = true;
    assert.ok(rig.tick().includes("sleep 0"));
  });

  it("sleeps at last even if the LED never ends", () => {
    const rig = new BoxRig({ settings: BATTERY, pending: 1 });
    rig.tell({ type: "booted", cause: "retry", course: "normal" });
    rig.shown = false;
    const seen = rig.until(BoxTimes.awake + BoxTimes.rest);
    assert.ok(seen.includes("sleep 0"));
  });

  it("after the awake cap the alert stays stored and the LED says so", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.tell({ type: "booted", cause: "press", course: "normal" });
    rig.stored(1);
    rig.until(BoxTimes.awake - 1);
    rig.now = BoxTimes.awake;
    const seen = rig.tick();
    assert.deepEqual(said(seen), ["awake-cap 20 s", "not-sent 1 stored"]);
    assert.deepEqual(deeds(seen), ["abort", "rest OFF", "show NOT_SENT", "radio-off"]);
    assert.deepEqual(deeds(rig.tick()), ["sleep 0"]);
  });

  it("retries by timer with growing delays where the wiring allows it", () => {
    const rig = new BoxRig({ settings: TIMED, pending: 1 });
    rig.tell({ type: "booted", cause: "retry", course: "normal" });
    const seen = rig.until(BoxTimes.awake);
    rig.tick();
    assert.ok(!seen.includes("sleep 0"));
    const again = new BoxRig({ settings: TIMED, pending: 1 });
    again.tell({ type: "booted", cause: "retry", course: "normal" });
    again.until(BoxTimes.awake - 1);
    again.now = BoxTimes.awake;
    again.tick();
    assert.deepEqual(deeds(again.tick()), ["remember 1", "sleep 11000"]);
  });

  it("a refusal that cannot heal waits for a press, not for the timer", () => {
    const rig = new BoxRig({ settings: TIMED, pending: 1 });
    rig.tell({ type: "booted", cause: "retry", course: "normal" });
    rig.tell({ type: "joined", address: "10.0.0.9" });
    const seen = rig.tell({ type: "down", down: refusedWith(4) });
    assert.deepEqual(said(seen), ["failed refused: bad user name or password", "not-sent 1 stored"]);
    assert.deepEqual(deeds(rig.tick()), ["sleep 0"]);
  });

  it("shows a low battery before sleep, but never instead of not sent", () => {
    const low = new BoxRig({ settings: BATTERY, millivolts: 2500 });
    low.online();
    low.tell({ type: "subscribed", refused: false });
    low.until(BoxTimes.window);
    low.tell({ type: "flushed" });
    const seen = low.tell({ type: "down", down: { ...LOST, reason: "disconnected" } });
    assert.ok(seen.includes("show LOW_BATTERY"));
    const both = new BoxRig({ settings: BATTERY, millivolts: 2500, pending: 1 });
    both.tell({ type: "booted", cause: "retry", course: "normal" });
    const end = both.until(BoxTimes.awake);
    assert.ok(end.includes("show NOT_SENT") && !end.includes("show LOW_BATTERY"));
  });

  it("a farewell that is not acknowledged does not keep it awake", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.online();
    rig.tell({ type: "subscribed", refused: false });
    rig.until(BoxTimes.window);
    assert.deepEqual(rig.until(BoxTimes.window + BoxTimes.farewell), ["disconnect"]);
    assert.deepEqual(deeds(rig.until(BoxTimes.window + BoxTimes.farewell + BoxTimes.closing)), [
      "abort",
      "rest OFF",
      "radio-off",
    ]);
    assert.ok(rig.tick().includes("sleep 0"));
  });

  it("a connection that ends during the farewell ends in sleep", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.online();
    rig.tell({ type: "subscribed", refused: false });
    rig.until(BoxTimes.window);
    rig.tell({ type: "down", down: LOST });
    assert.equal(rig.state, "resting");
  });

  it("at the cap with a silent broker it says farewell without waiting", () => {
    const rig = new BoxRig({ settings: BATTERY, pending: 1 }).online();
    const seen = rig.until(BoxTimes.awake);
    assert.deepEqual(deeds(seen), ["announce sleeping", "disconnect"]);
    assert.deepEqual(deeds(rig.tell({ type: "down", down: { ...LOST, reason: "disconnected" } })), [
      "rest OFF",
      "show NOT_SENT",
      "radio-off",
    ]);
  });

  it("a press stored while it shows its last pattern keeps it awake", () => {
    const rig = new BoxRig({ settings: BATTERY, pending: 1 });
    rig.tell({ type: "booted", cause: "retry", course: "normal" });
    rig.shown = false;
    rig.until(BoxTimes.awake);
    assert.equal(rig.state, "resting");
    assert.ok(rig.stored(2).includes("join 0 unkept"));
    assert.equal(rig.state, "joining");
  });

  it("a press stored during the farewell is left for the next wake, and the LED says so", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.online();
    rig.tell({ type: "subscribed", refused: false });
    rig.until(BoxTimes.window);
    assert.deepEqual(deeds(rig.stored(1)), ["rest STORED"]);
    rig.tell({ type: "flushed" });
    const seen = rig.tell({ type: "down", down: { ...LOST, reason: "disconnected" } });
    assert.ok(seen.includes("show NOT_SENT"));
  });

  it("does not fall asleep under a finger, which may want a factory reset; it waits with the radio off", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.online();
    rig.tell({ type: "button", event: "down" });
    rig.tell({ type: "subscribed", refused: false });
    assert.ok(rig.until(BoxTimes.window).includes("announce sleeping"));
    rig.tell({ type: "flushed" });
    rig.ready = false;
    assert.ok(rig.tell({ type: "down", down: { ...LOST, reason: "disconnected" } }).includes("radio-off"));
    assert.deepEqual(rig.until(10000), []);
    assert.ok(rig.tell({ type: "button", event: "reset" }).includes("factory-reset"));
    assert.equal(rig.state, "resetting");
  });

  it("a finger that stays does not keep it awake", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.online();
    rig.tell({ type: "button", event: "down" });
    rig.ready = false;
    rig.tell({ type: "subscribed", refused: false });
    rig.until(BoxTimes.window);
    rig.tell({ type: "down", down: { ...LOST, reason: "disconnected" } });
    assert.ok(rig.until(BoxTimes.window + BoxTimes.held).includes("sleep 0"));
  });

  it("waits for the next attempt with the radio off, unless joining would cost more than waiting", () => {
    const rig = new BoxRig({ settings: BATTERY, pending: 1 });
    rig.tell({ type: "booted", cause: "retry", course: "normal" });
    assert.ok(rig.tell({ type: "join-failed", why: "access point not found" }).includes("radio-off"));
    const joined = new BoxRig({ settings: BATTERY, pending: 1 });
    joined.tell({ type: "booted", cause: "retry", course: "normal" });
    joined.tell({ type: "joined", address: "10.0.0.9" });
    const seen = joined.tell({ type: "unreachable", why: "connection refused", step: "broker" });
    assert.equal(seen.includes("radio-off"), false);
  });

  it("Wi-Fi lost while closing: sleeps all the same", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.online();
    rig.tell({ type: "subscribed", refused: false });
    rig.until(BoxTimes.window);
    rig.tell({ type: "flushed" });
    assert.deepEqual(deeds(rig.tell({ type: "wifi-lost" })), ["abort", "rest OFF", "radio-off"]);
  });

  it("the clock may pass 2^31 and 2^32 while it is awake", () => {
    for (const start of [0x7fffff00 | 0, 0xffffff00 | 0]) {
      const rig = new BoxRig({ settings: BATTERY, pending: 1 });
      rig.now = start;
      rig.tell({ type: "booted", cause: "retry", course: "normal" });
      const seen = rig.until((start + BoxTimes.awake) | 0);
      assert.ok(seen.includes("show NOT_SENT"), String(start));
    }
  });
});

describe("box: commands", () => {
  it("led: lights, tells, clears", () => {
    const rig = new BoxRig().listening();
    assert.deepEqual(deeds(rig.command("led", { kind: "led", on: true })), [
      "rest ON",
      "light true",
      `clear ${ROOT}/cmd/led`,
    ]);
    assert.deepEqual(deeds(rig.command("led", { kind: "led", on: "toggle" })).slice(0, 2), ["rest OFF", "light false"]);
  });

  it("led: what the LED says of an alert comes first", () => {
    const rig = new BoxRig().listening();
    rig.press(1);
    assert.ok(!rig.command("led", { kind: "led", on: true }).includes("rest ON"));
    assert.ok(rig.tell({ type: "delivered", sequence: 1 }).includes("rest ON"));
  });

  it("our own clearing coming back is no command", () => {
    assert.deepEqual(new BoxRig().listening().command("led", { kind: "cleared" }), []);
  });

  it("a wrong command is named once and cleared", () => {
    const seen = new BoxRig().listening().command("stay", { kind: "invalid", why: "cmd/stay: whole seconds" });
    assert.deepEqual(seen, ["say command-invalid cmd/stay: whole seconds", `clear ${ROOT}/cmd/stay`]);
  });

  it("stay keeps a battery box awake for so long", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.online();
    rig.tell({ type: "subscribed", refused: false });
    rig.command("stay", { kind: "stay", seconds: 60 });
    assert.deepEqual(rig.until(59999), []);
    assert.ok(rig.until(60000).includes("announce sleeping"));
  });

  it("stay means nothing to a mains box, and is cleared", () => {
    const rig = new BoxRig().listening();
    assert.deepEqual(deeds(rig.command("stay", { kind: "stay", seconds: 60 })), [`clear ${ROOT}/cmd/stay`]);
  });

  it("a command extends the window of a battery box", () => {
    const rig = new BoxRig({ settings: BATTERY });
    rig.online();
    rig.tell({ type: "subscribed", refused: false });
    rig.now = 100;
    rig.command("led", { kind: "led", on: true });
    assert.equal(rig.box.deadline(), 100 + BoxTimes.window);
  });
});

describe("box: setup and factory reset", () => {
  it("a hold of 5 s counts down, then leaves the broker, which tells that the box is gone, and opens the setup", () => {
    const rig = new BoxRig().listening();
    rig.tell({ type: "button", event: "down" });
    assert.deepEqual(rig.tell({ type: "button", event: "held-long" }), []);
    assert.deepEqual(rig.tell({ type: "button", event: "held-setup" }), ["show COUNTDOWN"]);
    assert.deepEqual(deeds(rig.tell({ type: "button", event: "setup" })), ["abort", "rest SETUP", "open-setup"]);
  });

  it("from connecting it drops the connection; from joining it goes at once", () => {
    const rig = new BoxRig();
    rig.tell({ type: "booted", cause: "power", course: "normal" });
    rig.tell({ type: "joined", address: "10.0.0.9" });
    assert.deepEqual(deeds(rig.tell({ type: "button", event: "setup" })), ["abort", "rest SETUP", "open-setup"]);
    const other = new BoxRig();
    other.tell({ type: "booted", cause: "power", course: "normal" });
    assert.deepEqual(deeds(other.tell({ type: "button", event: "setup" })), ["rest SETUP", "open-setup"]);
  });

  it("closes after 120 s: a mains box goes on, the others sleep; settings stay", () => {
    const mains = new BoxRig().listening();
    mains.tell({ type: "button", event: "setup" });
    assert.deepEqual(deeds(mains.until(BoxTimes.setup)), ["restart"]);
    const blank = new BoxRig({ settings: undefined });
    blank.tell({ type: "booted", cause: "power", course: "normal" });
    const seen = deeds(blank.until(BoxTimes.setup));
    assert.deepEqual(seen.slice(0, 2), ["rest OFF", "radio-off"]);
    assert.ok(!seen.includes("factory-reset"));
    assert.deepEqual(deeds(blank.tick()), ["sleep 0"]);
  });

  it("a second hold in setup, and presses there, change nothing of it", () => {
    const rig = new BoxRig();
    rig.tell({ type: "booted", cause: "power", course: "normal" });
    rig.tell({ type: "button", event: "setup" });
    assert.deepEqual(rig.tell({ type: "button", event: "setup" }), []);
    assert.deepEqual(deeds(rig.press(1)), ["store 0", "rest STORED"]);
    assert.equal(rig.state, "setup");
  });

  it("a hold of 10 s erases everything, and restarts when the button is let go", () => {
    const rig = new BoxRig().listening();
    assert.deepEqual(deeds(rig.tell({ type: "button", event: "reset" })), ["abort", "factory-reset"]);
    assert.deepEqual(rig.tell({ type: "wifi-lost" }), []);
    assert.deepEqual(rig.tell({ type: "button", event: "released" }), ["restart"]);
  });

  it("a button that is stuck after the reset does not keep the box from restarting", () => {
    const rig = new BoxRig().listening();
    rig.tell({ type: "button", event: "reset" });
    assert.deepEqual(rig.until(BoxTimes.reset), ["restart"]);
  });

  it("released after the countdown shows the LED's own pattern again", () => {
    const rig = new BoxRig().listening();
    rig.tell({ type: "button", event: "held-setup" });
    assert.deepEqual(rig.tell({ type: "button", event: "released" }), ["rest OFF"]);
  });
});
