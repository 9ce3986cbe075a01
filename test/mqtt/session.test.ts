import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Refusal, Session } from "../../src/mqtt/session.js";
import { ack, BUDGET, connack, encode, OPTIONS, publish, Rig } from "./peer.js";

const MESSAGE = Object.freeze({ topic: "a", payload: "x", qos: 2, retain: false } as const);

describe("session: constructor", () => {
  const rig =
    (options: object, budget: object = {}) =>
    () =>
      new Rig(options, budget);

  it("refuses what CONNECT cannot carry", () => {
    assert.throws(rig({ id: "", clean: false }), /MQTT-3.1.3-7/);
    assert.throws(rig({ password: "p" }), /MQTT-3.1.2-22/);
    assert.throws(rig({ keepAliveSeconds: 65536 }), RangeError);
    assert.throws(rig({ will: { topic: "a/+", payload: "", qos: 0, retain: false } }), /MQTT-3.3.2-2/);
  });

  it("refuses a budget outside of its limits, with the limit in the message", () => {
    assert.throws(rig({}, { receive: 63 }), /budget.receive is 63.*from 64/);
    assert.throws(rig({}, { send: 63 }), /budget.send is 63.*from 64/);
    assert.throws(rig({}, { inFlight: 0 }), /budget.inFlight is 0.*from 1/);
    assert.throws(rig({}, { inbound: -1 }), /budget.inbound/);
    assert.throws(rig({}, { topic: 0 }), /budget.topic/);
    assert.throws(rig({}, { topic: 65536 }), /budget.topic/);
    assert.throws(rig({ user: "u".repeat(200) }), /CONNECT takes 220 bytes; make budget.send at least that/);
  });

  it("refuses ids and times that are none", () => {
    assert.throws(rig({ firstId: 0 }), /firstId/);
    assert.throws(rig({ firstId: 9, lastId: 8 }), /lastId is 8.*from 9/);
    assert.throws(rig({ lastId: 65536 }), /lastId/);
    assert.throws(rig({ connectTimeoutMs: 0 }), /connectTimeoutMs/);
    assert.throws(rig({ ackTimeoutMs: 1.5 }), /ackTimeoutMs/);
    assert.throws(rig({ pingTimeoutMs: -1 }), /pingTimeoutMs/);
  });

  it("holds exactly the bytes of its budget", () => {
    // Words before the table, 2 for each of 4 + 2 places, inbound ids.
    const tables = 4 * (32 + 2 * 6 + 4);
    assert.equal(new Rig().memory, tables + 256 + 128);
    // A header that came in part waits in the buffer, too.
    assert.equal(new Rig({}, { topic: 1000 }).memory, tables + 1009 + 128 + 3);
    assert.equal(new Rig({ stream: true }).memory, tables + 69 + 128 + 3);
  });
});

describe("session: connecting", () => {
  it("sends CONNECT first and exactly once, then nothing before CONNACK [MQTT-3.1.0-1]", () => {
    const rig = new Rig({ user: "u", password: "p", keepAliveSeconds: 30 });
    rig.session.publish(MESSAGE, 0);
    assert.equal(rig.session.wantsTransmit, false);
    rig.connect();
    assert.equal(rig.session.wantsTransmit, true);
    assert.deepEqual(rig.sent(), ["CONNECT"]);
    assert.deepEqual(rig.sent(), []);
    rig.give(connack());
    assert.deepEqual(rig.events(), ["connected false"]);
    assert.equal(rig.session.connected, true);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q2 a: x"]);
  });

  it("throws for a second connect() on the same connection [MQTT-3.1.0-2]", () => {
    const rig = new Rig();
    rig.connect();
    assert.throws(() => rig.connect(), /wait for onClosed/);
    rig.bytes();
    rig.give(connack());
    assert.throws(() => rig.connect(), /wait for onClosed/);
    rig.session.disconnect(0);
    assert.throws(() => rig.connect(), /wait for onClosed/);
  });

  it("shows Session Present [MQTT-3.2.2-2, MQTT-3.2.2-3]", () => {
    const rig = new Rig();
    rig.open(true);
    assert.equal(rig.session.sessionPresent, true);
    rig.lost();
    rig.open(false);
    assert.equal(rig.session.sessionPresent, false);
  });

  it("takes Session Present 1 for a clean session as a violation [MQTT-3.2.2-1]", () => {
    const rig = new Rig({ clean: true });
    rig.connect();
    rig.give(connack(true));
    assert.deepEqual(rig.events(), ["closed violation MQTT-3.2.2-1"]);
  });

  const refusals: [number, string][] = [
    [1, "unacceptable protocol version"],
    [2, "identifier rejected"],
    [3, "server unavailable"],
    [4, "bad user name or password"],
    [5, "not authorized"],
    [6, "reserved code 6"],
    [255, "reserved code 255"],
  ];
  for (const [code, detail] of refusals) {
    it(`ends with "refused" and the code when CONNACK says ${code} [MQTT-3.2.2-5]`, () => {
      const rig = new Rig();
      rig.session.publish(MESSAGE, 0);
      rig.connect();
      rig.bytes();
      rig.raw([0x20, 2, 0, code]);
      assert.deepEqual(rig.events(), ["closed refused"]);
      assert.deepEqual(rig.closed, { reason: "refused", detail, statement: "", code, pipelined: false });
      assert.equal(rig.session.connected, false);
      assert.equal(rig.session.pending, 1);
      assert.deepEqual(rig.sent(), []);
    });
  }

  it("names the broken statement of a refusal with Session Present 1 [MQTT-3.2.2-4]", () => {
    const rig = new Rig();
    rig.connect();
    rig.raw([0x20, 2, 1, 5]);
    assert.deepEqual(rig.events(), ["closed refused MQTT-3.2.2-4"]);
    assert.equal(rig.closed?.code, 5);
  });

  it("takes anything before CONNACK, and a second CONNACK, as a violation [MQTT-3.2.0-1]", () => {
    const first = [
      encode(publish("a", "x")),
      encode(ack("puback", 1)),
      encode(ack("pubrel", 1)),
      encode({ cmd: "suback", messageId: 1, granted: [0] }),
      encode({ cmd: "pingresp" }),
      encode(publish("t".repeat(40), "x")),
    ];
    for (const bytes of first) {
      const rig = new Rig();
      rig.connect();
      rig.bytes();
      rig.raw(bytes);
      assert.deepEqual(rig.events(), ["closed violation MQTT-3.2.0-1"]);
    }
    const rig = new Rig().open();
    rig.give(connack());
    assert.deepEqual(rig.events(), ["closed violation MQTT-3.2.0-1"]);
  });

  it("ends with a timeout when CONNACK does not come in its time", () => {
    const rig = new Rig({ connectTimeoutMs: 3000 });
    rig.connect();
    rig.bytes();
    rig.pass(2999);
    assert.deepEqual(rig.events(), []);
    rig.pass(1);
    assert.deepEqual(rig.events(), ["closed timeout"]);
    assert.equal(rig.closed?.detail, "no CONNACK within 3000 ms");
    assert.equal(rig.deadline(), undefined);
  });

  it("ends with a timeout when the transport takes no byte", () => {
    const rig = new Rig({ connectTimeoutMs: 60000, ackTimeoutMs: 4000 });
    rig.connect();
    assert.equal(rig.transmit(new Uint8Array(1), 1, 0), 1);
    rig.pass(3999);
    assert.equal(rig.transmit(new Uint8Array(1), 1, rig.now), 1);
    rig.pass(3999);
    assert.deepEqual(rig.events(), []);
    rig.pass(1);
    assert.deepEqual(rig.events(), ["closed timeout"]);
    assert.match(rig.closed?.detail ?? "", /transport took no byte within 4000 ms/);
  });
});

describe("session: a transport that stops taking bytes", () => {
  it("ends with a timeout in the middle of a message, however much it took before", () => {
    for (const limit of [1, 100, 1460]) {
      const rig = new Rig({ ackTimeoutMs: 4000 }).open();
      rig.session.publish({ ...MESSAGE, qos: 0, payload: new Uint8Array(1000) }, 0);
      rig.pass(3000);
      assert.ok(rig.transmit(new Uint8Array(1460), limit, rig.now) > 0);
      rig.pass(3999);
      assert.deepEqual(rig.events(), []);
      rig.pass(1);
      assert.deepEqual(rig.events(), ["closed timeout"]);
    }
  });

  it("has its whole time for what comes after a message that was cancelled", () => {
    const rig = new Rig({ ackTimeoutMs: 4000 }).open();
    rig.session.cancel(rig.session.publish(MESSAGE, 0));
    rig.pass(3000);
    rig.session.publish({ ...MESSAGE, qos: 0 }, rig.now);
    rig.pass(3999);
    assert.deepEqual(rig.events(), []);
    rig.pass(1);
    assert.deepEqual(rig.events(), ["closed timeout"]);
  });
});

describe("session: publishing", () => {
  it("QoS 0 leaves once, needs no answer, and is not pending", () => {
    const rig = new Rig().open();
    assert.equal(rig.session.publish({ ...MESSAGE, qos: 0, retain: true }, 0), 0);
    assert.equal(rig.session.pending, 0);
    assert.deepEqual(rig.sent(), ["PUBLISH q0 retain a: x"]);
    assert.equal(rig.deadline(), undefined);
  });

  it("QoS 1 is delivered by PUBACK, in any order of answers [MQTT-4.3.2-1]", () => {
    const rig = new Rig().open();
    for (const payload of ["1", "2", "3"]) rig.session.publish({ ...MESSAGE, qos: 1, payload }, 0);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q1 a: 1", "PUBLISH 2 q1 a: 2", "PUBLISH 3 q1 a: 3"]);
    rig.give(ack("puback", 2), ack("puback", 3), ack("puback", 1), ack("puback", 1));
    assert.deepEqual(rig.events(), ["delivered 2", "delivered 3", "delivered 1"]);
    assert.equal(rig.session.pending, 0);
  });

  it("QoS 2 is received at PUBREC and delivered at PUBCOMP [MQTT-4.3.3-1]", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q2 a: x"]);
    rig.give(ack("pubrec", 1));
    assert.deepEqual(rig.events(), ["received 1"]);
    assert.equal(rig.session.pending, 1);
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);
    rig.give(ack("pubcomp", 1));
    assert.deepEqual(rig.events(), ["delivered 1"]);
    assert.equal(rig.session.pending, 0);
  });

  it("calls onReceived before PUBREL can leave", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    let during: string[] = ["never called"];
    rig.onEvent = () => {
      during = rig.sent();
    };
    rig.give(ack("pubrec", 1));
    assert.deepEqual(during, []);
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);
  });

  it("sends PUBREL in the order of the PUBRECs [MQTT-4.6.0-4]", () => {
    const rig = new Rig().open();
    for (let count = 0; count < 4; count += 1) rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(ack("pubrec", 2), ack("pubrec", 4), ack("pubrec", 1), ack("pubrec", 3));
    assert.deepEqual(rig.sent(), ["PUBREL 2", "PUBREL 4", "PUBREL 1", "PUBREL 3"]);
  });

  it("answers a repeated PUBREC with PUBREL again, never with PUBLISH", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(ack("pubrec", 1), ack("pubrec", 1));
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);
    rig.give(ack("pubrec", 1));
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);
    rig.give(ack("pubrec", 1), ack("pubcomp", 1));
    assert.deepEqual(rig.events(), ["received 1", "delivered 1"]);
    assert.deepEqual(rig.sent(), []);
  });

  it("lets a server finish a message that nobody knows any more", () => {
    const rig = new Rig().open();
    rig.give(ack("pubrec", 77), ack("pubcomp", 77), ack("puback", 78));
    assert.deepEqual(rig.sent(), ["PUBREL 77"]);
    assert.deepEqual(rig.events(), []);
  });

  it("throws for misuse and sends nothing of it", () => {
    const rig = new Rig().open();
    const bad = (message: object) => () => rig.session.publish({ ...MESSAGE, ...message }, 0);
    assert.throws(bad({ topic: "a/+" }), /MQTT-3.3.2-2/);
    assert.throws(bad({ topic: "" }), /MQTT-4.7.3-1/);
    assert.throws(bad({ topic: "\ud800" }), /MQTT-1.5.3-1/);
    assert.throws(bad({ qos: 3 }), /MQTT-3.3.1-4/);
    assert.throws(bad({ payload: "\ud800" }), /lone surrogate/);
    assert.throws(bad({ payload: null }), TypeError);
    assert.throws(bad({ payload: 7 }), TypeError);
    assert.throws(bad({ payload: { length: -1 } }), TypeError);
    assert.throws(bad({ id: 0 }), /from 1 to 65535/);
    assert.throws(bad({ id: 65536 }), RangeError);
    assert.throws(bad({ qos: 0, id: 5 }), /MQTT-2.3.1-5/);
    rig.session.publish({ ...MESSAGE, id: 5 }, 0);
    assert.throws(bad({ id: 5 }), /in use \[MQTT-2.3.1-2\]/);
    assert.throws(() => rig.session.release(5, 0), /in use/);
    assert.throws(() => rig.session.release(0, 0), RangeError);
    assert.deepEqual(rig.sent(), ["PUBLISH 5 q2 a: x"]);
  });

  it("refuses with a typed reason what is beyond the budget", () => {
    const rig = new Rig({}, { send: 64, inFlight: 2 });
    assert.equal(rig.session.publish({ ...MESSAGE, qos: 0 }, 0), Refusal.OFFLINE);
    rig.open();
    assert.equal(rig.session.publish({ ...MESSAGE, topic: "t".repeat(59) }, 0), Refusal.TOO_LONG);
    const source = (length: number) => ({ length, read() {} });
    assert.equal(rig.session.publish({ ...MESSAGE, payload: source(268435455) }, 0), Refusal.TOO_LONG);
    assert.equal(rig.session.publish({ ...MESSAGE, topic: "t".repeat(58) }, 0), 1);
    assert.equal(rig.session.publish(MESSAGE, 0), 2);
    assert.equal(rig.session.publish(MESSAGE, 0), Refusal.FULL);
    assert.equal(rig.session.publish({ ...MESSAGE, id: 9 }, 0), Refusal.FULL);
    assert.equal(rig.session.release(9, 0), Refusal.FULL);
    assert.equal(rig.session.subscribe([{ topic: "a", qos: 0 }], 0), Refusal.FULL);
    // QoS 0 has two places of its own.
    assert.equal(rig.session.publish({ ...MESSAGE, qos: 0 }, 0), 0);
    assert.equal(rig.session.publish({ ...MESSAGE, qos: 0 }, 0), 0);
    assert.equal(rig.session.publish({ ...MESSAGE, qos: 0 }, 0), Refusal.FULL);
    assert.equal(rig.session.pending, 2);
    rig.session.disconnect(0);
    assert.equal(rig.session.publish(MESSAGE, 0), Refusal.CLOSING);
    assert.equal(rig.session.publish({ ...MESSAGE, qos: 0 }, 0), Refusal.CLOSING);
    assert.equal(rig.session.release(9, 0), Refusal.CLOSING);
    assert.equal(rig.session.subscribe([{ topic: "a", qos: 0 }], 0), Refusal.CLOSING);
    assert.equal(rig.session.unsubscribe(["a"], 0), Refusal.CLOSING);
  });

  it("ends with a timeout when PUBACK, PUBREC or PUBCOMP does not come, counted from the last byte sent", () => {
    const rig = new Rig({ ackTimeoutMs: 1000 }).open();
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    rig.pass(500);
    rig.bytes();
    rig.pass(999);
    assert.deepEqual(rig.events(), []);
    rig.pass(1);
    assert.deepEqual(rig.events(), ["closed timeout"]);
    assert.equal(rig.closed?.detail, "no PUBACK for id 1 within 1000 ms");

    const two = new Rig({ ackTimeoutMs: 1000 }).open();
    two.session.publish(MESSAGE, 0);
    two.bytes();
    two.pass(900);
    two.give(ack("pubrec", 1));
    two.pass(900);
    two.bytes();
    two.pass(999);
    assert.deepEqual(two.events(), ["received 1"]);
    two.pass(1);
    assert.deepEqual(two.events(), ["closed timeout"]);
    assert.equal(two.closed?.detail, "no PUBCOMP for id 1 within 1000 ms");
  });

  it("the answer that is due first counts, whatever the order of the table", () => {
    const rig = new Rig({ ackTimeoutMs: 1000 }).open();
    rig.session.publish(MESSAGE, 0);
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    rig.bytes();
    rig.pass(500);
    rig.give(ack("pubrec", 1));
    rig.bytes();
    assert.equal(rig.session.deadline(), 1000);
    rig.pass(500);
    assert.equal(rig.closed?.detail, "no PUBACK for id 2 within 1000 ms");
  });

  it("begins no packet of which not even one byte can leave", () => {
    const rig = new Rig().open();
    const id = rig.session.publish(MESSAGE, 0);
    assert.equal(rig.transmit(new Uint8Array(0), 0, 0), 0);
    rig.give(publish("b", "x", 1, 9));
    // The acknowledgement fills the buffer to its limit.
    assert.equal(rig.transmit(new Uint8Array(4), 4, 0), 4);
    assert.equal(rig.session.cancel(id), true);
    assert.deepEqual(rig.sent(), []);
  });

  it("cancels only what has never left", () => {
    const rig = new Rig();
    assert.equal(rig.session.cancel(0), false);
    assert.equal(rig.session.cancel(1), false);
    assert.equal(rig.session.publish(MESSAGE, 0), 1);
    assert.equal(rig.session.publish({ ...MESSAGE, resumed: true }, 0), 2);
    assert.equal(rig.session.release(3, 0), 3);
    assert.equal(rig.session.cancel(2), false);
    assert.equal(rig.session.cancel(3), false);
    assert.equal(rig.session.cancel(1), true);
    assert.equal(rig.session.pending, 2);
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBREL 3", "PUBLISH 2 q2 dup a: x"]);
    assert.equal(rig.session.cancel(2), false);
    // The first byte on the wire ends it, and a SUBSCRIBE is no message.
    const id = rig.session.publish(MESSAGE, 0);
    rig.transmit(new Uint8Array(1), 1, 0);
    assert.equal(rig.session.cancel(id), false);
    const other = rig.session.subscribe([{ topic: "a", qos: 0 }], 0);
    assert.equal(rig.session.cancel(other), false);
  });
});

describe("session: breaches", () => {
  const cases: [string, number[], string][] = [
    ["PUBCOMP for a QoS 2 message that waits for PUBREC", [0x70, 2, 0, 2], "MQTT-4.3.3-2"],
    ["PUBREC for a QoS 1 message", [0x50, 2, 0, 1], "MQTT-4.3.2-2"],
    ["PUBCOMP for a QoS 1 message", [0x70, 2, 0, 1], "MQTT-4.3.2-2"],
    ["SUBACK for a message", [0x90, 3, 0, 1, 0], "MQTT-4.3.2-2"],
    ["UNSUBACK for a message", [0xb0, 2, 0, 2], "MQTT-4.3.3-2"],
    ["PUBACK for a SUBSCRIBE", [0x40, 2, 0, 3], "MQTT-3.8.4-1"],
    ["PUBREC for an UNSUBSCRIBE", [0x50, 2, 0, 4], "MQTT-3.10.4-4"],
    ["UNSUBACK for a SUBSCRIBE", [0xb0, 2, 0, 3], "MQTT-3.8.4-1"],
    ["SUBACK for an UNSUBSCRIBE", [0x90, 3, 0, 4, 0], "MQTT-3.10.4-4"],
  ];
  for (const [what, bytes, statement] of cases) {
    it(`${what} is a violation`, () => {
      const rig = new Rig().open();
      rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
      rig.session.publish(MESSAGE, 0);
      rig.session.subscribe([{ topic: "a", qos: 0 }], 0);
      rig.session.unsubscribe(["a"], 0);
      rig.bytes();
      rig.raw(bytes);
      assert.deepEqual(rig.events(), [`closed violation ${statement}`]);
      assert.deepEqual(rig.bytes(), Buffer.alloc(0));
    });
  }

  it("PUBACK for a QoS 2 message is its end: a server that takes QoS 2 for 1 says so", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.raw([0x40, 2, 0, 1]);
    assert.deepEqual(rig.events(), ["delivered 1"]);
    assert.deepEqual([rig.session.pending, rig.session.connected], [0, true]);
    assert.deepEqual(rig.sent(), []);
  });

  it("an answer to what has not been sent is a violation, and to what is just leaving", () => {
    for (const limit of [0, 3]) {
      for (const [qos, bytes] of [
        [1, [0x40, 2, 0, 1]],
        [2, [0x50, 2, 0, 1]],
      ] as const) {
        const rig = new Rig().open();
        rig.session.publish({ ...MESSAGE, qos }, 0);
        rig.transmit(new Uint8Array(limit), limit, 0);
        rig.raw(bytes);
        assert.deepEqual(rig.events(), [`closed violation MQTT-4.3.${qos + 1}-2`]);
      }
    }
  });

  it("PUBCOMP before PUBREL has left is a violation", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(ack("pubrec", 1), ack("pubcomp", 1));
    assert.deepEqual(rig.events(), ["received 1", "closed violation MQTT-4.3.3-2"]);
  });

  it("answers while PUBREL is leaving change nothing", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(ack("pubrec", 1));
    const first = new Uint8Array(2);
    assert.equal(rig.transmit(first, 2, 0), 2);
    rig.give(ack("pubrec", 1), ack("pubcomp", 1));
    assert.deepEqual(rig.events(), ["received 1"]);
    assert.deepEqual([...first, ...rig.bytes()], [0x62, 2, 0, 1]);
    rig.give(ack("pubcomp", 1));
    assert.deepEqual(rig.events(), ["delivered 1"]);
  });

  it("bytes that are no packet end the connection with what is wrong", () => {
    const rig = new Rig().open();
    rig.raw([0xe0, 0x00]);
    assert.deepEqual(rig.events(), ["closed malformed"]);
    assert.match(rig.closed?.detail ?? "", /DISCONNECT: not for a server/);
    rig.open();
    rig.raw([0x30, 0x05, 0, 3, 0x61, 0xff, 0x61]);
    assert.deepEqual(rig.events(), ["closed malformed MQTT-1.5.3-1"]);
    assert.equal(rig.deadline(), undefined);
  });

  it("nothing of the same fragment is looked at after the end", () => {
    const rig = new Rig().open();
    rig.raw([...encode(ack("puback", 9)), 0xf0, 0x00, ...encode(publish("a", "late"))]);
    assert.deepEqual(rig.events(), ["closed malformed"]);
    rig.give(publish("a", "later still"));
    assert.deepEqual(rig.events(), []);
  });
});

describe("session: disconnect", () => {
  it("sends DISCONNECT last and tells when it has left [MQTT-3.14.4-2]", () => {
    const rig = new Rig({ keepAliveSeconds: 10 }).open();
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    rig.pass(8000);
    rig.session.disconnect(rig.now);
    assert.equal(rig.session.connected, false);
    rig.give(publish("b", "late", 1, 9));
    const into = new Uint8Array(100);
    const count = rig.transmit(into, 100, rig.now);
    // The acknowledgement was in the buffer before; the message and the due ping were not.
    assert.deepEqual([...into.subarray(0, count)], [0x40, 2, 0, 9, 0xe0, 0]);
    assert.deepEqual(rig.events(), ["message 9 q1 b: late"]);
    rig.give(publish("b", "too late", 1, 10), ack("pubrec", 3));
    assert.deepEqual(rig.events(), ["closed disconnected"]);
    assert.equal(rig.transmit(into, 100, rig.now), 0);
    assert.equal(rig.session.wantsTransmit, false);
  });

  it("tells after the call that gave the last byte, so that it can be sent before the transport is closed", () => {
    for (const next of ["transmit", "tick", "lost", "receive"]) {
      const rig = new Rig().open();
      rig.session.disconnect(0);
      assert.equal(rig.transmit(new Uint8Array(9), 9, 5), 2);
      assert.deepEqual(rig.events(), []);
      assert.equal(rig.session.wantsTransmit, true);
      assert.equal(rig.session.deadline(), 5);
      if (next === "transmit") assert.equal(rig.transmit(new Uint8Array(9), 9, 6), 0);
      else if (next === "tick") rig.session.tick(6);
      else if (next === "lost") rig.session.lost(6);
      else rig.give({ cmd: "pingresp" });
      assert.deepEqual(rig.events(), ["closed disconnected"]);
    }
  });

  it("completes a PUBLISH in progress", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, payload: "0123456789" }, 0);
    rig.session.publish({ ...MESSAGE, payload: "not this one" }, 0);
    const head = new Uint8Array(9);
    rig.transmit(head, 9, 0);
    rig.session.disconnect(0);
    const rest = rig.bytes();
    assert.equal(Buffer.concat([head, rest]).toString("latin1"), "4\x0f\x00\x01a\x00\x010123456789\xe0\x00");
    assert.equal(rig.session.pending, 2);
  });

  it("lets PUBREL go first, so that the server can finish", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.session.disconnect(0);
    rig.give(ack("pubrec", 1));
    assert.deepEqual(rig.sent(), ["PUBREL 1", "DISCONNECT"]);
  });

  it("is allowed before CONNACK, and nobody is told of a CONNACK then", () => {
    const rig = new Rig();
    rig.session.publish(MESSAGE, 0);
    rig.connect();
    rig.transmit(new Uint8Array(3), 3, 0);
    rig.session.disconnect(0);
    rig.give(connack());
    assert.equal(rig.session.connected, false);
    assert.deepEqual(rig.events(), []);
    assert.equal(rig.transmit(new Uint8Array(90), 90, 0), 17 - 3 + 2);
    rig.session.tick(0);
    assert.deepEqual(rig.events(), ["closed disconnected"]);
    assert.equal(rig.session.pending, 1);
  });

  it("does not take a message after DISCONNECT has begun: the server keeps it", () => {
    const rig = new Rig().open();
    rig.session.disconnect(0);
    rig.transmit(new Uint8Array(1), 1, 0);
    rig.give(publish("a", "x", 2, 5), publish("a", "y", 0), publish("t".repeat(40), "z", 1, 6), ack("pubrel", 7));
    assert.deepEqual(rig.events(), []);
    assert.deepEqual([...rig.bytes()], [0x00]);
    assert.deepEqual(rig.events(), ["closed disconnected"]);
    rig.open(true);
    rig.give(publish("a", "x", 2, 5, true));
    assert.deepEqual(rig.events(), ["message 5 q2 dup a: x"]);
  });

  it("ends with a timeout when the transport does not take DISCONNECT", () => {
    const rig = new Rig({ ackTimeoutMs: 2000 }).open();
    rig.session.disconnect(0);
    rig.pass(2000);
    assert.deepEqual(rig.events(), ["closed timeout"]);
  });

  it("the second time, or without a connection, changes nothing", () => {
    const rig = new Rig();
    rig.session.disconnect(0);
    assert.equal(rig.deadline(), undefined);
    rig.open();
    rig.session.disconnect(0);
    rig.session.disconnect(0);
    assert.deepEqual(rig.sent(), ["DISCONNECT"]);
    assert.deepEqual(rig.events(), ["closed disconnected"]);
  });
});

describe("session: every state and every event", () => {
  type Prepare = (rig: Rig) => void;
  const states: Record<string, Prepare> = {
    idle: () => {},
    connecting: (rig) => {
      rig.connect();
      rig.bytes();
    },
    connected: (rig) => {
      rig.open();
    },
    "closing before CONNACK": (rig) => {
      rig.connect();
      rig.session.disconnect(0);
    },
    closing: (rig) => {
      rig.open();
      rig.session.disconnect(0);
    },
  };
  const events: Record<string, (rig: Rig) => unknown> = {
    connect: (rig) => rig.connect(),
    CONNACK: (rig) => rig.give(connack()),
    refusal: (rig) => rig.give(connack(false, 3)),
    PUBLISH: (rig) => rig.give(publish("a", "x", 1, 1)),
    PINGRESP: (rig) => rig.give({ cmd: "pingresp" }),
    malformed: (rig) => rig.raw([0]),
    "publish QoS 0": (rig) => rig.session.publish({ ...MESSAGE, qos: 0 }, 0),
    "publish QoS 2": (rig) => rig.session.publish(MESSAGE, 0),
    release: (rig) => rig.session.release(8, 0),
    subscribe: (rig) => rig.session.subscribe([{ topic: "a", qos: 1 }], 0),
    unsubscribe: (rig) => rig.session.unsubscribe(["a"], 0),
    cancel: (rig) => rig.session.cancel(1),
    flush: (rig) => {
      rig.session.flush(1000, 0);
      rig.session.tick(0);
    },
    disconnect: (rig) => {
      rig.session.disconnect(0);
      rig.bytes();
      rig.session.tick(0);
    },
    lost: (rig) => rig.lost(),
    "a long time": (rig) => rig.pass(60000),
  };
  const BREACH = "closed violation MQTT-3.2.0-1";
  // What the owner sees: an exception, a result, or the callbacks.
  const expected: Record<string, Record<string, unknown>> = {
    idle: {
      connect: [],
      CONNACK: [],
      refusal: [],
      PUBLISH: [],
      PINGRESP: [],
      malformed: [],
      "publish QoS 0": Refusal.OFFLINE,
      "publish QoS 2": 1,
      release: 8,
      subscribe: Refusal.OFFLINE,
      unsubscribe: Refusal.OFFLINE,
      cancel: false,
      flush: ["flushed true"],
      disconnect: [],
      lost: [],
      "a long time": [],
    },
    connecting: {
      connect: "throws",
      CONNACK: ["connected false"],
      refusal: ["closed refused"],
      PUBLISH: [BREACH],
      PINGRESP: [BREACH],
      malformed: ["closed malformed"],
      "publish QoS 0": Refusal.OFFLINE,
      "publish QoS 2": 1,
      release: 8,
      subscribe: Refusal.OFFLINE,
      unsubscribe: Refusal.OFFLINE,
      cancel: false,
      flush: ["flushed true"],
      disconnect: ["closed disconnected"],
      lost: ["closed lost"],
      "a long time": ["closed timeout"],
    },
    connected: {
      connect: "throws",
      CONNACK: [BREACH],
      refusal: [BREACH],
      PUBLISH: ["message 1 q1 a: x"],
      PINGRESP: [],
      malformed: ["closed malformed"],
      "publish QoS 0": 0,
      "publish QoS 2": 1,
      release: 8,
      subscribe: 1,
      unsubscribe: 1,
      cancel: false,
      flush: ["flushed true"],
      disconnect: ["closed disconnected"],
      lost: ["closed lost"],
      "a long time": [],
    },
    "closing before CONNACK": {
      connect: "throws",
      CONNACK: [],
      refusal: ["closed refused"],
      PUBLISH: [BREACH],
      PINGRESP: [BREACH],
      malformed: ["closed malformed"],
      "publish QoS 0": Refusal.CLOSING,
      "publish QoS 2": Refusal.CLOSING,
      release: Refusal.CLOSING,
      subscribe: Refusal.CLOSING,
      unsubscribe: Refusal.CLOSING,
      cancel: false,
      flush: ["flushed true"],
      disconnect: ["closed disconnected"],
      lost: ["closed lost"],
      "a long time": ["closed timeout"],
    },
    closing: {
      connect: "throws",
      CONNACK: [BREACH],
      refusal: [BREACH],
      PUBLISH: ["message 1 q1 a: x"],
      PINGRESP: [],
      malformed: ["closed malformed"],
      "publish QoS 0": Refusal.CLOSING,
      "publish QoS 2": Refusal.CLOSING,
      release: Refusal.CLOSING,
      subscribe: Refusal.CLOSING,
      unsubscribe: Refusal.CLOSING,
      cancel: false,
      flush: ["flushed true"],
      disconnect: ["closed disconnected"],
      lost: ["closed lost"],
      "a long time": ["closed timeout"],
    },
  };
  for (const [state, prepare] of Object.entries(states)) {
    for (const [event, act] of Object.entries(events)) {
      it(`${state} × ${event}`, () => {
        const rig = new Rig();
        prepare(rig);
        rig.events();
        const wanted = expected[state]?.[event];
        if (wanted === "throws") {
          assert.throws(() => act(rig), Error);
          return;
        }
        const result = act(rig);
        assert.deepEqual(Array.isArray(wanted) ? rig.events() : result, wanted);
      });
    }
  }
});

describe("session: callbacks may call the session", () => {
  it("publish, subscribe and disconnect from onConnected, onMessage and onDelivered", () => {
    const rig = new Rig({}, { inFlight: 1 });
    rig.onEvent = (line) => {
      if (line === "connected false") rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
      // The place of the delivered message is free already.
      if (line === "delivered 1") assert.equal(rig.session.subscribe([{ topic: "b", qos: 0 }], 0), 2);
      if (line.startsWith("message")) rig.session.disconnect(0);
    };
    rig.connect();
    rig.bytes();
    rig.give(connack());
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q1 a: x"]);
    rig.give(ack("puback", 1));
    assert.deepEqual(rig.sent(), ["SUBSCRIBE 2 b=0"]);
    rig.give(publish("b", "stop"));
    assert.deepEqual(rig.sent(), ["DISCONNECT"]);
  });

  it("lost() from any callback ends the connection there: the rest of the fragment is dropped", () => {
    const fragment = [
      ...encode(connack(true)),
      ...encode(ack("pubrec", 1)),
      ...encode(ack("pubcomp", 3)),
      ...encode(publish("a", "q1", 1, 4)),
      ...encode(publish("a", "q2", 2, 5)),
      ...encode(publish("t".repeat(33), "long", 2, 6)),
      ...encode(publish("a", "0".repeat(257), 1, 7)),
    ];
    const lines = [
      "connected true",
      "received 1",
      "delivered 3",
      "message 4 q1 a: q1",
      "message 5 q2 a: q2",
      `overflow 6 q2 part ${"t".repeat(32)} [0..0 of 4]: `,
      "overflow 7 q1 part a [0..256 of 257]: 256 bytes",
    ];
    for (const [index, stop] of lines.entries()) {
      const rig = new Rig({ pipeline: true });
      rig.session.release(3, 0);
      rig.session.publish({ ...MESSAGE, id: 1 }, 0);
      rig.connect();
      rig.bytes();
      rig.onEvent = (line) => {
        if (line === stop) rig.lost();
      };
      rig.raw(fragment);
      assert.deepEqual(rig.events(), [...lines.slice(0, index + 1), "closed lost"]);
    }
  });

  it("an owner that reconnects from inside a callback gets a fresh stream", () => {
    const rig = new Rig().open();
    rig.onEvent = (line) => {
      if (line === "message q0 a: x") rig.lost();
      if (line.startsWith("closed")) rig.connect();
    };
    rig.raw([...encode(publish("a", "x")), 0x30, 0x05, 0x00]);
    assert.deepEqual(rig.events(), ["message q0 a: x", "closed lost"]);
    assert.deepEqual(rig.sent(), ["CONNECT"]);
    rig.give(connack());
    assert.deepEqual(rig.events(), ["connected false"]);
  });

  it("a reconnect from onClosed inside transmit puts no byte into the buffer of the old transport", () => {
    const rig = new Rig().open();
    rig.session.disconnect(0);
    rig.transmit(new Uint8Array(9), 9, 0);
    rig.onEvent = (line) => {
      if (line.startsWith("closed")) rig.connect();
    };
    assert.equal(rig.transmit(new Uint8Array(99), 99, 0), 0);
    assert.deepEqual(rig.events(), ["closed disconnected"]);
    assert.deepEqual(rig.sent(), ["CONNECT"]);
  });

  it("connect() has to wait for onClosed even when the end is being told", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.session.flush(1000, 0);
    rig.onEvent = (line) => {
      if (line === "flushed false") assert.throws(() => rig.connect(), /wait for onClosed/);
      if (line.startsWith("closed")) rig.connect();
    };
    rig.lost();
    assert.deepEqual(rig.events(), ["flushed false", "closed lost"]);
    assert.deepEqual(rig.sent(), ["CONNECT"]);
  });

  it("a connection begun inside onMessage acknowledges nothing of the old one", () => {
    for (const qos of [1, 2] as const) {
      const rig = new Rig().open();
      rig.onEvent = (line) => {
        if (line.startsWith("message")) rig.lost();
        if (line.startsWith("closed")) rig.connect();
      };
      rig.raw([...encode(publish("a", "x", qos, 7)), ...encode(publish("a", "y", qos, 8))]);
      assert.deepEqual(rig.events(), [`message 7 q${qos} a: x`, "closed lost"]);
      assert.deepEqual(rig.sent(), ["CONNECT"]);
    }
  });

  it("receive() from a callback of receive() throws; transmit() from a callback of transmit() gives nothing", () => {
    const rig = new Rig().open();
    rig.onEvent = () => rig.give(publish("a", "inner"));
    assert.throws(() => rig.give(publish("a", "outer")), /from inside a callback/);
    rig.onEvent = (line) => {
      if (line !== "flushed true") return;
      rig.session.publish({ ...MESSAGE, qos: 0 }, 0);
      assert.equal(rig.transmit(new Uint8Array(9), 9, 0), 0);
    };
    rig.session.publish({ ...MESSAGE, qos: 0 }, 0);
    rig.bytes();
    rig.session.flush(9, 0);
    assert.equal(rig.transmit(new Uint8Array(9), 9, 0), 6);
    assert.deepEqual(rig.events().slice(-1), ["flushed true"]);
  });

  it("an exception from a callback leaves receive() after everything of the fragment is done", () => {
    const rig = new Rig().open();
    let thrown = 0;
    rig.onEvent = () => {
      thrown += 1;
      throw new Error(`failure ${thrown}`);
    };
    const fragment = [
      ...encode(publish("a", "1", 1, 1)),
      ...encode(publish("a", "2", 2, 2)),
      ...encode(publish("a", "3", 0)),
    ];
    // Only the first exception is kept.
    assert.throws(() => rig.raw(fragment), /failure 1/);
    assert.equal(rig.events().length, 3);
    assert.deepEqual(rig.sent(), ["PUBACK 1", "PUBREC 2"]);
    rig.onEvent = () => {};
    rig.give(publish("a", "2", 2, 2, true));
    assert.deepEqual(rig.events(), []);
  });

  it("an exception from onReceived ends the connection, and the message counts as not received", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.onEvent = (line) => {
      if (line === "received 1") throw new Error("flash is full");
    };
    assert.throws(() => rig.give(ack("pubrec", 1)), /flash is full/);
    assert.deepEqual(rig.events(), ["received 1", "closed internal"]);
    assert.deepEqual(rig.sent(), []);
    rig.onEvent = () => {};
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q2 dup a: x"]);
    rig.give(ack("pubrec", 1));
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);
  });

  it("a connection lost inside onReceived keeps the record: the next one sends PUBREL", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.onEvent = (line) => {
      if (line === "received 1") rig.lost();
    };
    rig.give(ack("pubrec", 1));
    assert.deepEqual(rig.events(), ["received 1", "closed lost"]);
    rig.onEvent = () => {};
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);

    const throwing = new Rig().open();
    throwing.session.publish(MESSAGE, 0);
    throwing.bytes();
    throwing.onEvent = (line) => {
      if (line !== "received 1") return;
      throwing.lost();
      throw new Error("both");
    };
    assert.throws(() => throwing.give(ack("pubrec", 1)), /both/);
    assert.deepEqual(throwing.events(), ["received 1", "closed lost"]);
  });

  it("exceptions from all other callbacks come out too, and stop nothing", () => {
    const rig = new Rig();
    const seen: string[] = [];
    rig.onEvent = (line) => {
      seen.push(line.split(" ")[0] as string);
      throw new Error(line);
    };
    rig.connect();
    rig.bytes();
    assert.throws(() => rig.give(connack()), /connected/);
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    rig.session.subscribe([{ topic: "a", qos: 0 }], 0);
    rig.session.unsubscribe(["a"], 0);
    rig.bytes();
    rig.session.flush(10000, 0);
    assert.throws(() => rig.give(ack("puback", 1)), /delivered/);
    assert.throws(() => rig.give({ cmd: "suback", messageId: 2, granted: [0] }), /subscribed/);
    assert.throws(() => rig.give(ack("unsuback", 3)), /unsubscribed/);
    assert.throws(() => rig.give(publish("t".repeat(40), "x")), /overflow/);
    assert.throws(() => rig.lost(), /closed/);
    assert.deepEqual(seen, ["connected", "delivered", "subscribed", "unsubscribed", "flushed", "overflow", "closed"]);
    assert.equal(rig.session.connected, false);
  });
});

describe("session: misuse of the transport side", () => {
  it("throws for more bytes than the buffer has room for, and for fewer than none", () => {
    const session = new Session(OPTIONS, BUDGET, new Rig());
    for (const count of [-1, (session.words[20] as number) + 1, Number.NaN]) {
      assert.throws(() => session.receive(count, 0), RangeError);
    }
  });
});
