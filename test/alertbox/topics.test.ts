// Topics: names and payloads exactly as subscribers see them.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { AlertEvent } from "../../src/alertbox/journal.js";
import {
  type AlertFacts,
  alertPayload,
  commandOf,
  type Presence,
  presencePayload,
  type StateFacts,
  statePayload,
  topicOf,
} from "../../src/alertbox/topics.js";
import { Nor } from "./nor.js";

const NASTY = 'a "quoted" \\ back\u0000slash\n cvrčak 🦗';

const ALERT: AlertFacts = {
  sequence: 42,
  event: AlertEvent.PRESS,
  id: "5750-42-40146",
  millivolts: 3012,
  rssi: -61,
  ms: 742,
  attempt: 1,
  queued: false,
};

const STATE: StateFacts = {
  pushes: 42,
  pending: 0,
  dropped: 0,
  millivolts: 3012,
  rssi: -61,
  reset: "deep-sleep",
  firmware: "1.0.0",
  ip: "192.168.1.20",
  heap: 7048,
  bootMs: 120,
  wifiMs: 640,
  mqttMs: 25,
  config: "",
  crash: "",
};

describe("topics: names", () => {
  it("are the root's children", () => {
    const root = "mresetar/alertbox/5750";
    assert.equal(topicOf(root, "alert"), "mresetar/alertbox/5750/alert");
    assert.equal(topicOf(root, "lwt"), "mresetar/alertbox/5750/lwt");
    assert.equal(topicOf(root, "state"), "mresetar/alertbox/5750/state");
    assert.equal(topicOf(root, "led"), "mresetar/alertbox/5750/led");
    assert.equal(topicOf(root, "cmd/+"), "mresetar/alertbox/5750/cmd/+");
    assert.equal(topicOf(root, "cmd/led"), "mresetar/alertbox/5750/cmd/led");
  });

  it("take any UTF-8", () => {
    const root = "cvrči/cvrčak/na/čvoru";
    assert.equal(topicOf(root, "alert"), "cvrči/cvrčak/na/čvoru/alert");
    assert.equal(commandOf(root, "cvrči/cvrčak/na/čvoru/cmd/stay"), "stay");
  });

  it("of commands lead back to the command", () => {
    const root = "a/b";
    for (const name of ["led", "stay", "config", "reboot", "čvor"]) {
      assert.equal(commandOf(root, topicOf(root, `cmd/${name}`)), name);
    }
  });

  it("outside of the commands are no command", () => {
    const root = "a/b";
    for (const topic of ["a/b/cmd", "a/b/cmd/", "a/b/led", "a/b", "", "a/bc/cmd/led", "x/a/b/cmd/led", "A/b/cmd/led"]) {
      assert.equal(commandOf(root, topic), "", topic);
    }
  });

  it("deeper than the filter reaches are no command", () => {
    assert.equal(commandOf("a", "a/cmd/led/now"), "");
    assert.equal(commandOf("a", "a/cmd//led"), "");
  });
});

describe("topics: the alert", () => {
  it("has its members in the order that the design gives", () => {
    assert.equal(
      alertPayload(ALERT),
      '{"pushes":42,"event":"press","id":"5750-42-40146","vcc":3012,"rssi":-61,"ms":742,"try":1}',
    );
  });

  it("says when it was queued", () => {
    assert.equal(
      alertPayload({ ...ALERT, attempt: 3, queued: true }),
      '{"pushes":42,"event":"press","id":"5750-42-40146","vcc":3012,"rssi":-61,"ms":742,"try":3,"queued":true}',
    );
  });

  it("names the journal's events", () => {
    const event = (code: number) => JSON.parse(alertPayload({ ...ALERT, event: code })).event;
    assert.equal(event(AlertEvent.PRESS), "press");
    assert.equal(event(AlertEvent.DOUBLE), "double");
    assert.equal(event(AlertEvent.LONG), "long");
  });

  it("goes out as a press when the journal knows an event that this firmware does not", () => {
    assert.equal(JSON.parse(alertPayload({ ...ALERT, event: 7 })).event, "press");
  });

  it("stays valid JSON with readings that the hardware could not give", () => {
    const broken = { millivolts: Number.NaN, rssi: undefined as unknown as number, ms: 1.5, attempt: Number.NaN };
    assert.equal(
      alertPayload({ ...ALERT, ...broken }),
      '{"pushes":42,"event":"press","id":"5750-42-40146","vcc":0,"rssi":0,"ms":1,"try":0}',
    );
  });

  it("counts beyond 31 bits", () => {
    const payload = JSON.parse(alertPayload({ ...ALERT, sequence: 0xfffffffe }));
    assert.equal(payload.pushes, 4294967294);
  });
});

describe("topics: presence", () => {
  it("has one form for each state", () => {
    assert.equal(presencePayload("lost", 5750, "1.0.0"), '{"state":"lost","chip":5750,"fw":"1.0.0"}');
    for (const presence of ["online", "sleeping", "lost"] as Presence[]) {
      assert.deepEqual(JSON.parse(presencePayload(presence, 1, "2.0")), { state: presence, chip: 1, fw: "2.0" });
    }
  });
});

describe("topics: state", () => {
  it("has the members that subscribers know", () => {
    assert.equal(
      statePayload(STATE),
      '{"pushes":42,"pending":0,"dropped":0,"vcc":3012,"rssi":-61,"reset":"deep-sleep","fw":"1.0.0",' +
        '"ip":"192.168.1.20","heap":7048,"bootMs":120,"wifiMs":640,"mqttMs":25}',
    );
  });

  it("tells the result of a configuration, and the last crash, when there is one", () => {
    const payload = statePayload({ ...STATE, config: "ok", crash: "exception 28 at 0x40212345" });
    assert.ok(payload.endsWith(',"config":"ok","crash":"exception 28 at 0x40212345"}'));
    const without = JSON.parse(statePayload(STATE));
    assert.equal("config" in without || "crash" in without, false);
  });

  it("escapes what must be escaped", () => {
    for (const scanner of [undefined, new Nor()]) {
      const payload = JSON.parse(statePayload({ ...STATE, config: NASTY, crash: NASTY }, scanner));
      for (const key of ["config", "crash"]) assert.equal(payload[key], NASTY, key);
    }
  });

  it("holds nothing but its own members, whatever else the facts carry", () => {
    const facts = { ...STATE, password: "secret", ssid: "home" };
    assert.equal(/secret|home/.test(statePayload(facts)), false);
    const alert = { ...ALERT, password: "secret" };
    assert.equal(/secret/.test(alertPayload(alert)), false);
  });
});
