// The way of the box to its broker and back: networks tried, connections that fail, delays, refusals.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { BoxTimes } from "../../src/alertbox/state.js";
import { BoxRig, deeds, LOST, refusedWith, said, settingsOf } from "./box-rig.js";

describe("box: joining", () => {
  function joining(changes: Record<string, unknown> = {}): BoxRig {
    const rig = new BoxRig({ settings: settingsOf(changes) });
    rig.tell({ type: "booted", cause: "power", course: "normal" });
    return rig;
  }

  it("connects once an address is there", () => {
    const rig = joining();
    const seen = rig.tell({ type: "joined", address: "10.0.0.9" });
    assert.deepEqual(deeds(seen), ["rest CONNECTING", "open false"]);
    assert.deepEqual(said(seen), ["joined 10.0.0.9", "connecting 10.0.0.2:1883"]);
  });

  it("a failure with one network waits and tries again", () => {
    const rig = joining();
    const seen = rig.tell({ type: "join-failed", why: "wrong password" });
    assert.deepEqual(deeds(seen), ["leave", "rest OFF"]);
    assert.deepEqual(said(seen), ["failed no Wi-Fi: wrong password"]);
    assert.equal(rig.state, "waiting");
    assert.deepEqual(deeds(rig.until(1000)), ["rest JOINING", "join 0"]);
  });

  it("tries the second network at once, then waits, then begins with the first", () => {
    const wifi = [
      { ssid: "home", password: "correct horse" },
      { ssid: "shed", password: "" },
    ];
    const rig = joining({ wifi });
    assert.deepEqual(deeds(rig.tell({ type: "join-failed", why: "access point not found" })), [
      "rest JOINING",
      "join 1",
    ]);
    assert.deepEqual(deeds(rig.tell({ type: "join-failed", why: "access point not found" })), ["leave", "rest OFF"]);
    assert.deepEqual(deeds(rig.until(1000)), ["rest JOINING", "join 0"]);
  });

  it("gives up after its deadline", () => {
    const rig = joining();
    assert.equal(rig.box.deadline(), BoxTimes.join);
    assert.deepEqual(said(rig.until(BoxTimes.join)), ["failed no Wi-Fi: no answer in time"]);
  });

  it("says the same complaint once only", () => {
    const rig = joining();
    assert.equal(said(rig.tell({ type: "join-failed", why: "wrong password" })).length, 1);
    rig.until(1000);
    assert.deepEqual(said(rig.tell({ type: "join-failed", why: "wrong password" })), []);
  });

  it("a press is stored and the attempt goes on", () => {
    const rig = joining();
    assert.deepEqual(deeds(rig.press(1)), ["store 0", "rest STORED", "rest JOINING"]);
  });

  it("events of a connection that is not there are ignored", () => {
    const rig = joining();
    assert.deepEqual(rig.tell({ type: "opened" }), []);
    assert.deepEqual(rig.tell({ type: "unreachable", why: "x", step: "broker" }), []);
    assert.deepEqual(rig.tell({ type: "connected", sessionPresent: false }), []);
    assert.deepEqual(rig.tell({ type: "subscribed", refused: false }), []);
    assert.deepEqual(rig.tell({ type: "flushed" }), []);
    assert.deepEqual(rig.tell({ type: "wifi-lost" }), []);
    assert.deepEqual(rig.tell({ type: "down", down: LOST }), []);
    assert.deepEqual(rig.command("led", { kind: "led", on: true }), []);
    assert.equal(rig.state, "joining");
  });
});

describe("box: connecting", () => {
  function connecting(options: ConstructorParameters<typeof BoxRig>[0] = {}): BoxRig {
    const rig = new BoxRig(options);
    rig.tell({ type: "booted", cause: "power", course: "normal" });
    rig.tell({ type: "joined", address: "10.0.0.9" });
    return rig;
  }

  it("hands over the stored alerts as soon as TCP is open, before CONNACK", () => {
    const rig = connecting({ pending: 1 });
    assert.deepEqual(rig.tell({ type: "opened" }), ["deliver", "keep-asked"]);
  });

  it("a second joined or a join failure changes nothing", () => {
    const rig = connecting();
    assert.deepEqual(rig.tell({ type: "joined", address: "10.0.0.9" }), []);
    assert.deepEqual(rig.tell({ type: "join-failed", why: "x" }), []);
  });

  it("unreachable: waits with growing delays, and joins no more", () => {
    const rig = connecting();
    assert.deepEqual(said(rig.tell({ type: "unreachable", why: "connection refused", step: "broker" })), [
      "failed connection refused",
    ]);
    assert.deepEqual(deeds(rig.until(1000)), ["rest CONNECTING", "open false"]);
    rig.tell({ type: "unreachable", why: "connection refused", step: "broker" });
    assert.equal(rig.box.deadline(), 3000);
  });

  it("no answer in time: drops the connection and waits", () => {
    const rig = connecting();
    const seen = rig.until(BoxTimes.connect);
    assert.deepEqual(deeds(seen), ["abort", "rest OFF"]);
    assert.deepEqual(said(seen), ["failed broker: no answer in time"]);
  });

  it("with an alert stored a failure shows stored but not sent", () => {
    const rig = connecting({ pending: 1 });
    assert.deepEqual(deeds(rig.tell({ type: "unreachable", why: "no route", step: "broker" })), [
      "rest OFF",
      "show NOT_SENT",
    ]);
  });

  it("Wi-Fi lost: drops the connection, waits, joins again", () => {
    const rig = connecting();
    assert.deepEqual(deeds(rig.tell({ type: "wifi-lost" })), ["abort", "rest OFF"]);
    assert.deepEqual(deeds(rig.until(1000)), ["rest JOINING", "join 0"]);
  });

  for (const [code, why] of [
    [1, "unacceptable protocol version"],
    [2, "client identifier rejected"],
    [4, "bad user name or password"],
    [5, "not authorized, and no user name is set"],
  ] as const) {
    it(`refused with ${code}: says why once, stops the retries`, () => {
      const rig = connecting({ pending: 1 });
      const seen = rig.tell({ type: "down", down: refusedWith(code) });
      assert.deepEqual(said(seen), [`failed refused: ${why}`]);
      assert.deepEqual(deeds(seen), ["rest REFUSED", "show NOT_SENT"]);
      assert.equal(rig.state, "refused");
      assert.equal(rig.box.deadline(), undefined);
    });
  }

  it("refused with 5 speaks of the password when there is one, as Mosquitto means it", () => {
    const rig = connecting({ settings: settingsOf({ user: "box", password: "x" }) });
    assert.deepEqual(said(rig.tell({ type: "down", down: refusedWith(5) })), [
      "failed refused: bad user name or password, or not authorized",
    ]);
  });

  it("refused with 3, server unavailable: tries again later", () => {
    const rig = connecting();
    assert.deepEqual(said(rig.tell({ type: "down", down: refusedWith(3) })), ["failed refused: server unavailable"]);
    assert.equal(rig.state, "waiting");
  });

  it("refused with a reserved code: tries again later", () => {
    const rig = connecting();
    rig.tell({ type: "down", down: refusedWith(77) });
    assert.equal(rig.state, "waiting");
  });

  it("closed because of pipelining: the plain order, at once", () => {
    const rig = connecting();
    const seen = rig.tell({ type: "down", down: { ...LOST, pipelined: true } });
    assert.deepEqual(deeds(seen), ["plain-order", "rest CONNECTING", "open false"]);
  });

  it("lost before CONNACK: waits", () => {
    const rig = connecting();
    assert.deepEqual(said(rig.tell({ type: "down", down: LOST })), ["failed broker: connection reset"]);
    assert.equal(rig.state, "waiting");
  });

  it("a press while connecting joins the first flight", () => {
    const rig = connecting();
    assert.deepEqual(deeds(rig.press(1)), ["store 0", "rest STORED", "deliver", "rest CONNECTING"]);
  });

  it("a box without a session of its own connects clean first, disconnects, and connects again", () => {
    const rig = connecting({ needsCleanSession: true, pending: 1 });
    assert.deepEqual(rig.tell({ type: "opened" }), ["keep-asked"], "nothing is delivered in the clean session");
    assert.deepEqual(deeds(rig.press(2)), ["store 0", "rest STORED", "rest CONNECTING"]);
    const seen = rig.tell({ type: "connected", sessionPresent: false });
    assert.deepEqual(deeds(seen), ["keep-asked", "session-cleaned", "disconnect"]);
    assert.equal(rig.state, "closing");
    assert.deepEqual(deeds(rig.tell({ type: "down", down: { ...LOST, reason: "disconnected" } })), [
      "rest CONNECTING",
      "open false",
    ]);
  });

  it("the clean connection is asked for as such", () => {
    const rig = new BoxRig({ needsCleanSession: true });
    rig.tell({ type: "booted", cause: "power", course: "normal" });
    assert.ok(rig.tell({ type: "joined", address: "10.0.0.9" }).includes("open true"));
  });
});

describe("box: waiting and refused, mains", () => {
  it("a press while waiting is one attempt at once", () => {
    const rig = new BoxRig();
    rig.tell({ type: "booted", cause: "power", course: "normal" });
    rig.tell({ type: "join-failed", why: "wrong password" });
    assert.deepEqual(deeds(rig.press(1)), ["store 0", "rest STORED", "rest JOINING", "join 0"]);
  });

  for (const [why, again] of [
    ["no answer", true],
    ["connection refused", false],
  ] as const) {
    it(`after three failures with "${why}" it ${again ? "joins anew, for its address may be another's" : "stays in its network"}`, () => {
      const rig = new BoxRig();
      rig.tell({ type: "booted", cause: "power", course: "normal" });
      rig.tell({ type: "joined", address: "10.0.0.9" });
      const told = () => deeds(rig.tell({ type: "unreachable", why, step: "broker" }));
      for (let failure = 1; failure <= 2; failure += 1) {
        assert.deepEqual(told(), ["rest OFF"]);
        assert.ok(deeds(rig.until((rig.box.deadline() as number) + 1)).includes("open false"));
      }
      assert.deepEqual(told(), again ? ["rest OFF", "leave"] : ["rest OFF"]);
      const next = deeds(rig.until((rig.box.deadline() as number) + 1));
      assert.ok(next.includes(again ? "join 0" : "open false"), next.join());
    });
  }

  it("counts what the journal says: a full one has given up an alert for the new one", () => {
    const rig = new BoxRig({ pending: 2 }).online();
    rig.tell({ type: "stored", sequence: 3, pending: 2 });
    assert.equal(rig.box.pending, 2);
  });

  it("a press in refused is one attempt, and the refusal is said again", () => {
    const rig = new BoxRig();
    rig.tell({ type: "booted", cause: "power", course: "normal" });
    rig.tell({ type: "joined", address: "10.0.0.9" });
    rig.tell({ type: "down", down: refusedWith(4) });
    assert.deepEqual(deeds(rig.press(1)), ["store 0", "rest STORED", "rest CONNECTING", "open false"]);
    assert.deepEqual(said(rig.tell({ type: "down", down: refusedWith(4) })), [
      "failed refused: bad user name or password",
    ]);
  });

  it("a press that a full journal does not take is an attempt all the same, in refused and waiting", () => {
    for (const down of [refusedWith(2), refusedWith(3)]) {
      const rig = new BoxRig({ pending: 128 });
      rig.tell({ type: "booted", cause: "power", course: "normal" });
      rig.tell({ type: "joined", address: "10.0.0.9" });
      rig.tell({ type: "down", down });
      rig.tell({ type: "button", event: "press" });
      const seen = rig.tell({ type: "not-stored", why: "the journal is full" });
      assert.deepEqual(deeds(seen), ["show REFUSED", "rest CONNECTING", "open false"]);
    }
  });

  it("refused ends by nothing but a press or the setup", () => {
    const rig = new BoxRig();
    rig.tell({ type: "booted", cause: "power", course: "normal" });
    rig.tell({ type: "joined", address: "10.0.0.9" });
    rig.tell({ type: "down", down: refusedWith(5) });
    assert.deepEqual(rig.until(86400000), []);
    assert.deepEqual(deeds(rig.tell({ type: "button", event: "setup" })), ["rest SETUP", "open-setup"]);
  });
});
