// §3.8 to §3.14 of the standard: SUBSCRIBE, UNSUBSCRIBE, their answers, and the pings. What DISCONNECT does to the
// transport is in transport.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ack, publish, Rig } from "../mqtt/peer.js";
import { hex } from "../mqtt/recorder.js";
import { closes, HALVES, MESSAGE, refuses, said, sent } from "./script.js";

const THREE = Object.freeze([
  { topic: "a", qos: 0 },
  { topic: "b/#", qos: 1 },
  { topic: "+/c", qos: 2 },
] as const);

/** A session that waits for SUBACK of id 1. */
function asking(list: Parameters<Rig["session"]["subscribe"]>[0] = THREE): Rig {
  const rig = new Rig().open();
  rig.session.subscribe(list, 0);
  rig.bytes();
  return rig;
}

describe("conformance: SUBSCRIBE (§3.8)", () => {
  it("[MQTT-3.8.1-1] has the flags 0010", () => {
    const rig = new Rig().open();
    rig.session.subscribe([{ topic: "a", qos: 1 }], 0);
    assert.equal(sent(rig), "82 06 00 01 00 01 61 01");
  });

  it("[MQTT-3.8.3-1] sends filters as UTF-8, and takes none that has no such form", () => {
    const rig = new Rig().open();
    for (const topic of [...HALVES, "a\0"]) {
      refuses(rig, () => rig.session.subscribe([{ topic, qos: 0 }], 0), /MQTT-1.5.3-1/);
    }
    rig.session.subscribe([{ topic: "č/#", qos: 0 }], 0);
    assert.equal(sent(rig), "82 09 00 01 00 04 c4 8d 2f 23 00");
  });

  it("[MQTT-3.8.3-2] stays connected when the server refuses a filter with wildcards, and tells", () => {
    const rig = asking();
    rig.raw(hex("90 05 00 01 00 80 80"));
    assert.deepEqual(said(rig), ["subscribed 1 0 128 128"]);
    assert.equal(rig.session.connected, true);
  });

  it("[MQTT-3.8.3-3] asks for one filter at least", () => {
    const rig = new Rig().open();
    refuses(rig, () => rig.session.subscribe([], 0), /MQTT-3.8.3-3/);
  });

  it("[MQTT-3.8.3-4] asks for QoS 0, 1 or 2, each in a byte of its own, and takes nothing else", () => {
    const rig = new Rig().open();
    for (const qos of [3, -1, 1.5, 0x80]) {
      refuses(rig, () => rig.session.subscribe([{ topic: "a", qos: qos as 0 }], 0), /MQTT-3.8.3-4/);
    }
    rig.session.subscribe(THREE, 0);
    assert.equal(sent(rig), "82 12 00 01 00 01 61 00 00 03 62 2f 23 01 00 03 2b 2f 63 02");
  });

  it("[MQTT-3.8.4-1] ends when SUBACK does not come in time, and tells no success", () => {
    const rig = asking();
    rig.pass(10_000);
    assert.deepEqual(said(rig), ["closed timeout"]);
  });

  it("[MQTT-3.8.4-2] takes SUBACK for the SUBSCRIBE of its id only", () => {
    const rig = asking();
    rig.raw(hex("90 05 00 02 00 01 02"));
    assert.deepEqual(said(rig), []);
    rig.raw(hex("90 05 00 01 00 01 02"));
    assert.deepEqual(said(rig), ["subscribed 1 0 1 2"]);
  });

  it("[MQTT-3.8.4-3] may subscribe to the same filter again, and takes what is kept there again", () => {
    const rig = asking([{ topic: "a", qos: 1 }]);
    rig.raw(hex("90 03 00 01 01"));
    rig.give(publish("a", "x", 0, 0, false, true));
    rig.session.subscribe([{ topic: "a", qos: 0 }], 0);
    assert.equal(sent(rig), "82 06 00 02 00 01 61 00");
    rig.raw(hex("90 03 00 02 00"));
    rig.give(publish("a", "x", 0, 0, false, true));
    assert.deepEqual(said(rig), [
      "subscribed 1 1",
      "message q0 retain a: x",
      "subscribed 2 0",
      "message q0 retain a: x",
    ]);
  });

  it("[MQTT-3.8.4-4] has one answer for all filters of one SUBSCRIBE", () => {
    const rig = asking();
    assert.equal(rig.session.pending, 1);
    rig.raw(hex("90 05 00 01 00 01 02"));
    assert.deepEqual(said(rig), ["subscribed 1 0 1 2"]);
    assert.equal(rig.session.pending, 0);
  });

  it("[MQTT-3.8.4-5] closes when SUBACK has more or fewer codes than SUBSCRIBE had filters, or none", () => {
    for (const bytes of ["90 04 00 01 00 01", "90 06 00 01 00 01 02 00"]) {
      const rig = asking();
      rig.raw(hex(bytes));
      assert.deepEqual(said(rig), ["closed violation MQTT-3.8.4-5"]);
    }
    closes("90 02 00 01", "malformed MQTT-3.8.4-5");
  });

  it("[MQTT-3.8.4-6] takes less than it asked for, and messages as they then come", () => {
    const rig = asking([{ topic: "a", qos: 2 }]);
    rig.raw(hex("90 03 00 01 00"));
    rig.give(publish("a", "x"));
    assert.deepEqual(said(rig), ["subscribed 1 0", "message q0 a: x"]);
  });
});

describe("conformance: SUBACK (§3.9)", () => {
  it("[MQTT-3.9.3-1] tells the codes in the order of the filters", () => {
    const rig = asking();
    rig.raw(hex("90 05 00 01 00 80 02"));
    assert.deepEqual(said(rig), ["subscribed 1 0 128 2"]);
  });

  it("[MQTT-3.9.3-2] closes on a code that is none, and tells no success", () => {
    for (const code of ["03", "7f", "81", "ff"]) {
      const rig = asking();
      rig.raw(hex(`90 05 00 01 00 ${code} 02`));
      assert.deepEqual(said(rig), ["closed violation MQTT-3.9.3-2"], code);
    }
  });
});

describe("conformance: UNSUBSCRIBE (§3.10)", () => {
  it("[MQTT-3.10.1-1] has the flags 0010", () => {
    const rig = new Rig().open();
    rig.session.unsubscribe(["a"], 0);
    assert.equal(sent(rig), "a2 05 00 01 00 01 61");
  });

  it("[MQTT-3.10.3-1] sends filters as UTF-8 one behind the other, and takes none that has no such form", () => {
    const rig = new Rig().open();
    for (const topic of [...HALVES, "a\0"]) {
      refuses(rig, () => rig.session.unsubscribe(["a", topic], 0), /MQTT-1.5.3-1/);
    }
    rig.session.unsubscribe(["č/#", "b"], 0);
    assert.equal(sent(rig), "a2 0b 00 01 00 04 c4 8d 2f 23 00 01 62");
  });

  it("[MQTT-3.10.3-2] asks for one filter at least", () => {
    const rig = new Rig().open();
    refuses(rig, () => rig.session.unsubscribe([], 0), /MQTT-3.10.3-2/);
  });

  it("[MQTT-3.10.4-1] names a filter by the same bytes in UNSUBSCRIBE as in SUBSCRIBE", () => {
    const rig = new Rig().open();
    rig.session.subscribe([{ topic: " A/é/é/ ", qos: 0 }], 0);
    const bytes = sent(rig).split(" ").slice(4, -1).join(" ");
    rig.session.unsubscribe([" A/é/é/ "], 0);
    assert.equal(sent(rig).split(" ").slice(4).join(" "), bytes);
  });

  it("[MQTT-3.10.4-2] still acknowledges what was on its way when it unsubscribed", () => {
    const rig = new Rig().open();
    rig.session.unsubscribe(["a"], 0);
    rig.bytes();
    rig.give(ack("unsuback", 1), publish("a", "x", 1, 7));
    assert.deepEqual(said(rig), ["unsubscribed 1", "message 7 q1 a: x", "> 40 02 00 07"]);
  });

  it("[MQTT-3.10.4-3] finishes a QoS 2 message after it unsubscribed", () => {
    const rig = new Rig().open();
    rig.give(publish("a", "x", 2, 7));
    rig.session.unsubscribe(["a"], 0);
    rig.bytes();
    rig.give(ack("unsuback", 1), ack("pubrel", 7));
    assert.deepEqual(said(rig), ["message 7 q2 a: x", "unsubscribed 1", "> 70 02 00 07"]);
  });

  it("[MQTT-3.10.4-4] takes UNSUBACK for the UNSUBSCRIBE of its id only, closes on a longer one, ends without one", () => {
    const rig = new Rig().open();
    rig.session.unsubscribe(["a"], 0);
    rig.bytes();
    rig.give(ack("unsuback", 2));
    assert.deepEqual(said(rig), []);
    rig.pass(10_000);
    assert.deepEqual(said(rig), ["closed timeout"]);
    closes("b0 03 00 01 00", "malformed");
  });

  it("[MQTT-3.10.4-5] is told of UNSUBACK also for a filter to which it never subscribed", () => {
    const rig = new Rig().open();
    rig.session.unsubscribe(["never/asked/for"], 0);
    rig.bytes();
    rig.give(ack("unsuback", 1));
    assert.deepEqual(said(rig), ["unsubscribed 1"]);
  });

  it("[MQTT-3.10.4-6] has one answer for all filters of one UNSUBSCRIBE", () => {
    const rig = new Rig().open();
    rig.session.unsubscribe(["a", "b", "c"], 0);
    assert.deepEqual(rig.sent(), ["UNSUBSCRIBE 1 a b c"]);
    rig.give(ack("unsuback", 1));
    assert.deepEqual(said(rig), ["unsubscribed 1"]);
    assert.equal(rig.session.pending, 0);
  });
});

describe("conformance: PINGREQ and DISCONNECT (§3.12, §3.14)", () => {
  it("[MQTT-3.12.4-1] goes on after PINGRESP, and ends when it does not come in its own short time", () => {
    const rig = new Rig({ keepAliveSeconds: 60, pingTimeoutMs: 3000 }).open();
    rig.pass(60_000);
    assert.equal(sent(rig), "c0 00");
    rig.pass(2999);
    rig.raw(hex("d0 00"));
    rig.pass(60_000);
    assert.deepEqual(said(rig), ["> c0 00"]);
    rig.pass(2999);
    assert.deepEqual(said(rig), []);
    rig.pass(1);
    assert.deepEqual(said(rig), ["closed timeout MQTT-3.12.4-1"]);
    closes("d0 01 00", "malformed");
  });

  it("[MQTT-3.14.1-1] sends DISCONNECT as two bytes with flags 0, and closes on one from the server", () => {
    const rig = new Rig().open();
    rig.session.disconnect(0);
    assert.equal(sent(rig), "e0 00");
    closes("e0 00", "malformed");
  });

  it("[MQTT-3.14.4-2] sends nothing after DISCONNECT: no message, no acknowledgement, no ping", () => {
    const rig = new Rig({ keepAliveSeconds: 10 }).open();
    rig.session.publish(MESSAGE, 0);
    rig.pass(9000);
    rig.session.disconnect(rig.now);
    rig.session.publish(MESSAGE, rig.now);
    rig.session.subscribe(THREE, rig.now);
    const into = new Uint8Array(100);
    // Not even in the moment between DISCONNECT and the end.
    const count = rig.transmit(into, 100, rig.now);
    assert.equal(Buffer.from(into.subarray(0, count)).toString("hex").slice(-4), "e000");
    rig.give(publish("in", "late", 1, 7), publish("in", "late", 2, 8));
    assert.equal(rig.transmit(into, 100, rig.now), 0);
    rig.pass(60_000);
    assert.equal(sent(rig), "");
    assert.deepEqual(rig.events(), ["closed disconnected"]);
  });
});
