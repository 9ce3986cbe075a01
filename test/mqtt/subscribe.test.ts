import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ack, publish, Rig } from "./peer.js";

describe("subscribe", () => {
  it("sends several filters in one packet and gives one code for each, in order [MQTT-3.8.4-4, MQTT-3.9.3-1]", () => {
    const rig = new Rig().open();
    const list = [
      { topic: "a", qos: 0 },
      { topic: "b/+", qos: 1 },
      { topic: "c/#", qos: 2 },
    ] as const;
    assert.equal(rig.session.subscribe(list, 0), 1);
    assert.equal(rig.session.pending, 1);
    assert.deepEqual(rig.sent(), ["SUBSCRIBE 1 a=0 b/+=1 c/#=2"]);
    rig.give({ cmd: "suback", messageId: 1, granted: [0, 128, 2] });
    assert.deepEqual(rig.events(), ["subscribed 1 0 128 2"]);
    assert.equal(rig.session.pending, 0);
    assert.equal(rig.session.connected, true);
  });

  it("settles each request by its own answer, in any order [MQTT-2.3.1-7]", () => {
    const rig = new Rig().open();
    rig.session.subscribe([{ topic: "a", qos: 0 }], 0);
    rig.session.unsubscribe(["b", "c"], 0);
    rig.session.subscribe([{ topic: "d", qos: 1 }], 0);
    assert.deepEqual(rig.sent(), ["SUBSCRIBE 1 a=0", "UNSUBSCRIBE 2 b c", "SUBSCRIBE 3 d=1"]);
    rig.give({ cmd: "suback", messageId: 3, granted: [0] });
    rig.give({ cmd: "suback", messageId: 9, granted: [0] });
    rig.give(ack("unsuback", 2));
    rig.give(ack("unsuback", 2));
    rig.give({ cmd: "suback", messageId: 1, granted: [0] });
    assert.deepEqual(rig.events(), ["subscribed 3 0", "unsubscribed 2", "subscribed 1 0"]);
  });

  it("goes in the order of acceptance: a retained message cleared before it does not come again", () => {
    const rig = new Rig().open();
    rig.session.publish({ topic: "a", payload: "x", qos: 1, retain: false }, 0);
    rig.session.subscribe([{ topic: "a", qos: 0 }], 0);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q1 a: x", "SUBSCRIBE 2 a=0"]);
  });

  it("takes as many filters as its SUBACK has room for", () => {
    const rig = new Rig({}, { send: 1024 }).open();
    const filters = Array.from({ length: 63 }, (_, number) => ({ topic: `f/${number}`, qos: 1 }) as const);
    assert.throws(() => rig.session.subscribe(filters, 0), /split it/);
    const id = rig.session.subscribe(filters.slice(1), 0);
    rig.bytes();
    rig.give({ cmd: "suback", messageId: id, granted: filters.slice(1).map(() => 1) });
    assert.match(rig.events()[0] ?? "", /^subscribed 1 1 1/);
  });

  it("takes messages before its SUBACK", () => {
    const rig = new Rig().open();
    rig.session.subscribe([{ topic: "a", qos: 0 }], 0);
    rig.bytes();
    rig.give(publish("a", "retained", 0, 0, false, true));
    assert.deepEqual(rig.events(), ["message q0 retain a: retained"]);
  });

  it("takes a wrong number of codes, and codes that are none, as a violation [MQTT-3.8.4-5, MQTT-3.9.3-2]", () => {
    const cases: [number[], string][] = [
      [[0x90, 3, 0, 1, 0], "MQTT-3.8.4-5"],
      [[0x90, 5, 0, 1, 0, 0, 0], "MQTT-3.8.4-5"],
      [[0x90, 4, 0, 1, 0, 3], "MQTT-3.9.3-2"],
      [[0x90, 4, 0, 1, 0x7f, 0], "MQTT-3.9.3-2"],
      [[0x90, 4, 0, 1, 0x81, 0], "MQTT-3.9.3-2"],
      [[0x90, 4, 0, 1, 0, 0xff], "MQTT-3.9.3-2"],
    ];
    for (const [bytes, statement] of cases) {
      const rig = new Rig().open();
      rig.session.subscribe(
        [
          { topic: "a", qos: 0 },
          { topic: "b", qos: 0 },
        ],
        0,
      );
      rig.bytes();
      rig.raw(bytes);
      assert.deepEqual(rig.events(), [`closed violation ${statement}`]);
    }
  });

  it("an answer to what has not left is a violation", () => {
    const rig = new Rig().open();
    rig.session.subscribe([{ topic: "a", qos: 0 }], 0);
    rig.give({ cmd: "suback", messageId: 1, granted: [0] });
    assert.deepEqual(rig.events(), ["closed violation MQTT-3.8.4-1"]);
    rig.open();
    rig.session.unsubscribe(["a"], 0);
    rig.give(ack("unsuback", 2));
    assert.deepEqual(rig.events(), ["closed violation MQTT-3.10.4-4"]);
  });

  it("ends with a timeout when SUBACK or UNSUBACK does not come", () => {
    for (const [ask, detail] of [
      [(rig: Rig) => rig.session.subscribe([{ topic: "a", qos: 0 }], 0), "no SUBACK for id 1 within 10000 ms"],
      [(rig: Rig) => rig.session.unsubscribe(["a"], 0), "no UNSUBACK for id 1 within 10000 ms"],
    ] as const) {
      const rig = new Rig().open();
      ask(rig);
      rig.bytes();
      rig.pass(10000);
      assert.deepEqual(rig.events(), ["closed timeout"]);
      assert.equal(rig.closed?.detail, detail);
      assert.equal(rig.session.pending, 0);
    }
  });

  it("throws for misuse: nothing to ask for, illegal filters and QoS, more than the send buffer holds", () => {
    const rig = new Rig().open();
    assert.throws(() => rig.session.subscribe([], 0), /MQTT-3.8.3-3/);
    assert.throws(() => rig.session.unsubscribe([], 0), /MQTT-3.10.3-2/);
    assert.throws(() => rig.session.subscribe([{ topic: "a#", qos: 0 }], 0), /MQTT-4.7.1-2/);
    assert.throws(() => rig.session.unsubscribe(["a+"], 0), /MQTT-4.7.1-3/);
    assert.throws(() => rig.session.subscribe([{ topic: "a", qos: 3 as 2 }], 0), /MQTT-3.8.3-4/);
    const long = "f".repeat(122);
    assert.throws(() => rig.session.subscribe([{ topic: long, qos: 0 }], 0), /SUBSCRIBE takes 129 bytes; split it/);
    assert.equal(rig.session.subscribe([{ topic: long.slice(1), qos: 0 }], 0), 1);
    assert.equal(rig.session.unsubscribe([long], 0), 2);
    assert.throws(() => rig.session.unsubscribe([`${long}x`], 0), /UNSUBSCRIBE takes 129 bytes/);
    assert.equal(rig.sent().length, 2);
  });

  it("a list that was spoiled after it was accepted ends the connection and comes out of transmit()", () => {
    const rig = new Rig().open();
    const list = [{ topic: "a", qos: 0 as 0 | 1 | 2 }];
    rig.session.subscribe(list, 0);
    (list[0] as { topic: string }).topic = "#a";
    assert.throws(() => rig.bytes(), /changed after it was accepted/);
    assert.deepEqual(rig.events(), ["closed internal"]);
  });
});
