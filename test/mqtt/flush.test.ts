import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ack, connack, Rig } from "./peer.js";

const MESSAGE = Object.freeze({ topic: "a", payload: "x", qos: 2, retain: false } as const);

describe("flush", () => {
  it("is true only when everything accepted before it is acknowledged", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    rig.session.subscribe([{ topic: "a", qos: 0 }], 0);
    rig.session.flush(5000, 0);
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give({ cmd: "suback", messageId: 3, granted: [0] }, ack("puback", 2), ack("pubrec", 1));
    rig.bytes();
    assert.deepEqual(rig.events(), ["subscribed 3 0", "delivered 2", "received 1"]);
    rig.give(ack("pubcomp", 1));
    assert.deepEqual(rig.events(), ["delivered 1", "flushed true"]);
    assert.equal(rig.session.pending, 1);
  });

  it("QoS 0 counts when its last byte has left; told in the call after that", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, qos: 0 }, 0);
    rig.session.flush(5000, 0);
    const into = new Uint8Array(5);
    assert.equal(rig.transmit(into, 5, 1), 5);
    rig.session.tick(1);
    assert.deepEqual(rig.events(), []);
    assert.equal(rig.transmit(into, 5, 2), 1);
    assert.deepEqual(rig.events(), []);
    assert.equal(rig.session.deadline(), 2);
    assert.equal(rig.session.wantsTransmit, true);
    assert.equal(rig.transmit(into, 5, 3), 0);
    assert.deepEqual(rig.events(), ["flushed true"]);
    assert.equal(rig.session.wantsTransmit, false);
    assert.equal(rig.deadline(), undefined);
  });

  it("with nothing to wait for is answered at the next tick, never from inside the call", () => {
    const rig = new Rig();
    rig.session.flush(5000, 7);
    assert.deepEqual(rig.events(), []);
    assert.equal(rig.session.deadline(), 7);
    rig.session.tick(7);
    assert.deepEqual(rig.events(), ["flushed true"]);
    assert.equal(rig.deadline(), undefined);
  });

  it("is false at its deadline, connected or not, and the message stays", () => {
    for (const rig of [new Rig(), new Rig().open()]) {
      rig.session.publish(MESSAGE, 0);
      rig.bytes();
      rig.session.flush(5000, 0);
      assert.equal(rig.session.deadline(), 5000);
      rig.pass(4999);
      assert.deepEqual(rig.events(), []);
      rig.pass(1);
      assert.deepEqual(rig.events(), ["flushed false"]);
      assert.equal(rig.session.pending, 1);
    }
  });

  it("is true at the deadline when all was delivered by then", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, qos: 0 }, 0);
    rig.session.flush(5000, 0);
    rig.transmit(new Uint8Array(9), 9, 0);
    rig.session.tick(5000);
    assert.deepEqual(rig.events(), ["flushed true"]);
  });

  it("is false at the end of the connection, before onClosed", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.session.flush(5000, 0);
    rig.bytes();
    rig.session.disconnect(0);
    rig.bytes();
    rig.session.tick(0);
    assert.deepEqual(rig.events(), ["flushed false", "closed disconnected"]);
    assert.equal(rig.deadline(), undefined);
  });

  it("asked while offline waits for the connection", () => {
    const rig = new Rig();
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    rig.session.flush(5000, 0);
    rig.open();
    rig.bytes();
    rig.give(ack("puback", 1));
    assert.deepEqual(rig.events(), ["delivered 1", "flushed true"]);
  });

  it("is true when what it waited for was cancelled", () => {
    const rig = new Rig();
    rig.session.publish(MESSAGE, 0);
    rig.session.flush(5000, 3);
    rig.session.cancel(1);
    assert.equal(rig.session.deadline(), 3);
    rig.session.tick(3);
    assert.deepEqual(rig.events(), ["flushed true"]);
  });

  it("is true when all it waited for is a release that the server has forgotten", () => {
    const rig = new Rig();
    rig.session.release(7, 0);
    rig.session.flush(5000, 0);
    rig.open();
    assert.equal(rig.session.pending, 0);
    rig.session.release(8, 0);
    rig.session.flush(5000, 0);
    rig.session.tick(0);
    assert.deepEqual(rig.events(), ["delivered 8", "flushed true"]);

    const other = new Rig();
    other.session.release(7, 0);
    other.session.flush(5000, 0);
    other.connect();
    other.bytes();
    other.give(connack());
    assert.deepEqual(other.events(), ["connected false", "delivered 7", "flushed true"]);
  });

  it("is false when what it waited for goes down with the connection", () => {
    for (const [clean, ask] of [
      [false, (rig: Rig) => rig.session.publish({ ...MESSAGE, qos: 0 }, 0)],
      [false, (rig: Rig) => rig.session.subscribe([{ topic: "a", qos: 0 }], 0)],
      [true, (rig: Rig) => rig.session.publish({ ...MESSAGE, qos: 2 }, 0)],
    ] as const) {
      const rig = new Rig({ clean }).open();
      ask(rig);
      rig.session.flush(5000, 0);
      rig.lost();
      assert.deepEqual(rig.events(), ["flushed false", "closed lost"]);
      assert.equal(rig.deadline(), undefined);
    }
  });

  it("a second one replaces the first: one answer, for everything accepted so far", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    rig.session.flush(5000, 0);
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    rig.session.flush(9000, 0);
    rig.bytes();
    rig.give(ack("puback", 1));
    rig.pass(5000);
    assert.deepEqual(rig.events(), ["delivered 1"]);
    rig.give(ack("puback", 2));
    assert.deepEqual(rig.events(), ["delivered 2", "flushed true"]);
  });

  it("asked again from inside onFlushed is answered again", () => {
    const rig = new Rig();
    let times = 0;
    rig.onEvent = () => {
      times += 1;
      if (times < 3) rig.session.flush(9, 0);
    };
    rig.session.flush(9, 0);
    for (let count = 0; count < 5; count += 1) rig.session.tick(0);
    assert.equal(times, 3);
  });
});
