// What leaves in the very call that caused it, because the transport takes it and nothing waits: the same bytes and the
// same deadlines as by `transmit`, one call earlier.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { accept } from "../../src/mqtt/outgoing.js";
import type { Message } from "../../src/mqtt/session.js";
import { ack, encode, packetLine, publish, Reader, Rig } from "./peer.js";

const OPEN = 1460;

/** A message for a transport that takes `room` bytes: its id, and what has left at once. */
function hand(rig: Rig, message: Partial<Message> = {}, room = OPEN): [number, ...string[]] {
  const { topic = "a", payload = "x", qos = 2, retain = false, id, resumed = false } = message;
  const marks = (retain ? 1 : 0) | (resumed ? 8 : 0);
  const isPlain = typeof payload === "string" && !resumed;
  const result = accept(rig.session, topic, payload, qos, marks, id, rig.now, isPlain ? room : 0);
  if (result < 65_536) return [result];
  const packet = rig.session.payload as Uint8Array;
  rig.session.payload = null;
  assert.equal((result >> 16) & 0xff, packet.length);
  return [result & 0xffff, ...new Reader().read(packet).map(packetLine)];
}

/** Bytes from the server, and what has left at once. */
function give(rig: Rig, bytes: Uint8Array, room = OPEN): string[] {
  const { session } = rig;
  session.bytes.set(bytes, session.held);
  const count = session.receive(bytes.length, rig.now, room);
  return new Reader().read(session.bytes.slice(session.at, session.at + count)).map(packetLine);
}

describe("at once: a message", () => {
  it("leaves with its id, and waits for its answer as any other", () => {
    const rig = new Rig().open();
    assert.deepEqual(hand(rig), [1, "PUBLISH 1 q2 a: x"]);
    assert.deepEqual(hand(rig, { qos: 1, retain: true, id: 300 }), [300, "PUBLISH 300 q1 retain a: x"]);
    assert.deepEqual(hand(rig, { qos: 0 }), [0, "PUBLISH q0 a: x"]);
    assert.deepEqual(hand(rig, { payload: "" }), [2, "PUBLISH 2 q2 a: "]);
    assert.equal(rig.session.pending, 3);
    assert.deepEqual(rig.sent(), []);
    rig.give(ack("puback", 300), ack("pubrec", 2), ack("pubrec", 1));
    assert.deepEqual(rig.events(), ["delivered 300", "received 2", "received 1"]);
    assert.deepEqual(rig.sent(), ["PUBREL 2", "PUBREL 1"]);
  });

  it("ends the connection when its answer does not come in time", () => {
    const rig = new Rig().open();
    hand(rig);
    rig.pass(9999);
    assert.deepEqual(rig.events(), []);
    rig.pass(1);
    assert.deepEqual(rig.events(), ["closed timeout"]);
  });

  it("goes again with DUP on the next connection", () => {
    const rig = new Rig().open();
    hand(rig, { payload: "text" });
    rig.lost();
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q2 dup a: text"]);
  });

  it("of an earlier life waits, and leaves with DUP", () => {
    for (const [isKept, packet] of [
      [true, "PUBLISH 1 q2 dup a: x"],
      [false, "PUBLISH 1 q2 a: x"],
    ] as const) {
      const rig = new Rig().open(isKept);
      assert.deepEqual(hand(rig, { resumed: true }), [1]);
      assert.deepEqual(rig.sent(), [packet]);
    }
  });

  it("waits when the transport does not take all of it", () => {
    const rig = new Rig().open();
    // A fixed header of 2 bytes, 3 for the topic, 2 for the id, 1 of payload.
    assert.deepEqual(hand(rig, {}, 7), [1]);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q2 a: x"]);
    assert.deepEqual(hand(rig, {}, 8), [2, "PUBLISH 2 q2 a: x"]);
  });

  it("waits when something waits already, and leaves after it", () => {
    const rig = new Rig().open();
    rig.session.publish({ topic: "a", payload: "first", qos: 1, retain: false }, 0);
    assert.deepEqual(hand(rig), [2]);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q1 a: first", "PUBLISH 2 q2 a: x"]);
    rig.give(publish("b", "y", 1, 7));
    assert.deepEqual(hand(rig), [3]);
    assert.deepEqual(rig.sent(), ["PUBACK 7", "PUBLISH 3 q2 a: x"]);
  });

  it("waits when it is no short text", () => {
    for (const payload of ["č", "x".repeat(123), new Uint8Array(2), { length: 2, read() {} }]) {
      const rig = new Rig({}, { send: 256 }).open();
      assert.deepEqual(hand(rig, { payload }), [1]);
      assert.equal(rig.sent().length, 1);
    }
    const longest = "x".repeat(122);
    assert.deepEqual(hand(new Rig().open(), { payload: longest }), [1, "PUBLISH 1 q2 a: 122 bytes"]);
    assert.deepEqual(hand(new Rig().open(), { topic: "č" }), [1, "PUBLISH 1 q2 č: x"]);
    assert.throws(() => hand(new Rig().open(), { payload: "\ud800" }), /lone surrogate/);
  });

  it("waits without a connection, before CONNACK, and while a callback runs", () => {
    const rig = new Rig();
    assert.deepEqual(hand(rig), [1]);
    rig.connect();
    assert.deepEqual(hand(rig), [2]);
    rig.bytes();
    rig.give({ cmd: "connack", returnCode: 0, sessionPresent: false });
    rig.sent();
    let handed: unknown;
    rig.onEvent = () => {
      handed = hand(rig, { qos: 1 });
    };
    rig.give(publish("b", "y", 1, 7));
    assert.deepEqual(handed, [3]);
    assert.deepEqual(rig.sent(), ["PUBACK 7", "PUBLISH 3 q1 a: x"]);
  });

  it("is refused as any other", () => {
    const rig = new Rig({ lastId: 3 }, { inFlight: 2 }).open();
    hand(rig);
    hand(rig);
    assert.deepEqual(hand(rig), [-1]);
    rig.give(ack("pubrec", 1));
    rig.sent();
    rig.give(ack("pubcomp", 1));
    assert.deepEqual(hand(rig), [3, "PUBLISH 3 q2 a: x"]);
    assert.throws(() => hand(rig, { qos: 3 as 2 }), RangeError);
    assert.throws(() => hand(rig, { qos: 0, id: 5 }), /MQTT-2.3.1-5/);
    assert.throws(() => hand(rig, { id: 3 }), /MQTT-2.3.1-2/);
    rig.session.disconnect(0);
    assert.deepEqual(hand(rig), [-4]);
  });
});

describe("at once: the answer to an answer", () => {
  it("PUBREC, PUBREL, PUBCOMP", () => {
    const rig = new Rig().open();
    hand(rig, { id: 0x1234 });
    assert.deepEqual(give(rig, encode(ack("pubrec", 0x1234))), ["PUBREL 4660"]);
    assert.equal(rig.session.wantsTransmit, false);
    assert.deepEqual(give(rig, encode(ack("pubcomp", 0x1234))), []);
    assert.deepEqual(rig.events(), ["received 4660", "delivered 4660"]);
    assert.equal(rig.session.pending, 0);
  });

  it("PUBREL, PUBCOMP, also for an id that is not held", () => {
    const rig = new Rig().open();
    assert.deepEqual(give(rig, encode(publish("a", "x", 2, 9))), ["PUBREC 9"]);
    assert.deepEqual(give(rig, encode(ack("pubrel", 9))), ["PUBCOMP 9"]);
    assert.deepEqual(give(rig, encode(ack("pubrel", 9))), ["PUBCOMP 9"]);
    assert.deepEqual(rig.events(), ["message 9 q2 a: x"]);
  });

  it("PUBREL has its deadline, and goes again on the next connection", () => {
    const rig = new Rig().open();
    hand(rig);
    rig.pass(4000);
    give(rig, encode(ack("pubrec", 1)));
    rig.pass(9999);
    assert.deepEqual(rig.events(), ["received 1"]);
    rig.pass(1);
    assert.deepEqual(rig.events(), ["closed timeout"]);
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);
  });

  it("waits when the transport takes less, and when several came together", () => {
    const rig = new Rig().open();
    hand(rig);
    hand(rig);
    assert.deepEqual(give(rig, encode(ack("pubrec", 1)), 3), []);
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);
    const both = Buffer.concat([encode(ack("pubcomp", 1)), encode(ack("pubrec", 2))]);
    assert.deepEqual(give(rig, both), []);
    assert.deepEqual(rig.sent(), ["PUBREL 2"]);
  });

  it("leaves after what the callback has said", () => {
    const rig = new Rig().open();
    hand(rig);
    rig.onEvent = () => rig.session.publish({ topic: "a", payload: "next", qos: 1, retain: false }, rig.now);
    assert.deepEqual(give(rig, encode(ack("pubrec", 1))), []);
    assert.deepEqual(rig.sent(), ["PUBREL 1", "PUBLISH 2 q1 a: next"]);
  });

  it("does not leave for a connection that the callback has ended, and goes on the next one", () => {
    const rig = new Rig().open();
    hand(rig);
    rig.onEvent = (line) => {
      if (line === "received 1") rig.session.lost(rig.now);
    };
    assert.deepEqual(give(rig, encode(ack("pubrec", 1))), []);
    assert.deepEqual(rig.events(), ["received 1", "closed lost"]);
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);
  });

  it("is the same for an owner that does not listen, who is told nothing", () => {
    const rig = new Rig().open();
    rig.session.listens = false;
    hand(rig);
    assert.deepEqual(give(rig, encode(ack("pubrec", 1))), ["PUBREL 1"]);
    assert.deepEqual(give(rig, encode(ack("pubcomp", 1))), []);
    hand(rig, { qos: 1 });
    hand(rig);
    rig.give(ack("puback", 2), ack("pubrec", 3));
    assert.deepEqual(rig.sent(), ["PUBREL 3"]);
    rig.give(ack("pubcomp", 3));
    assert.equal(rig.session.pending, 0);
    assert.deepEqual(rig.events(), []);
  });

  it("does not leave when the record could not be made", () => {
    const rig = new Rig().open();
    hand(rig);
    rig.onEvent = (line) => {
      if (line === "received 1") throw new Error("worn flash");
    };
    assert.throws(() => give(rig, encode(ack("pubrec", 1))), /worn flash/);
    assert.deepEqual(rig.events(), ["received 1", "closed internal"]);
    assert.equal(rig.session.wantsTransmit, false);
  });
});
