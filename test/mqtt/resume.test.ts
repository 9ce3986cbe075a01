import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { long, rounds } from "../effort.js";
import { ack, connack, publish, Rig } from "./peer.js";

const MESSAGE = Object.freeze({ topic: "a", payload: "x", qos: 2, retain: false } as const);

/**
 * One message in each state that survives: 1 waits for PUBACK, 2 for PUBREC, 3 and 4 for PUBCOMP (4 first), 5 never
 * left.
 */
function inEveryState(rig: Rig): Rig {
  rig.open();
  rig.session.publish({ ...MESSAGE, qos: 1, payload: "1" }, 0);
  rig.session.publish({ ...MESSAGE, payload: "2" }, 0);
  rig.session.publish({ ...MESSAGE, payload: "3" }, 0);
  rig.session.publish({ ...MESSAGE, payload: "4" }, 0);
  rig.bytes();
  rig.give(ack("pubrec", 4), ack("pubrec", 3));
  rig.bytes();
  rig.session.publish({ ...MESSAGE, payload: "5" }, 0);
  rig.events();
  return rig;
}

describe("resume: Session Present 1", () => {
  it("sends PUBREL in PUBREC order and PUBLISH in the original order with DUP and the old ids [MQTT-4.4.0-1]", () => {
    const rig = inEveryState(new Rig({}, { inFlight: 5 }));
    rig.lost();
    assert.deepEqual(rig.events(), ["closed lost"]);
    assert.equal(rig.session.pending, 5);
    rig.open(true);
    const expected = ["PUBREL 4", "PUBREL 3", "PUBLISH 1 q1 dup a: 1", "PUBLISH 2 q2 dup a: 2", "PUBLISH 5 q2 a: 5"];
    assert.deepEqual(rig.sent(), expected);
    // New traffic follows.
    rig.give(ack("pubcomp", 4));
    rig.session.publish({ ...MESSAGE, payload: "6" }, 0);
    assert.deepEqual(rig.sent(), ["PUBLISH 6 q2 a: 6"]);
    rig.give(ack("puback", 1), ack("pubcomp", 3), ack("pubrec", 2), ack("pubrec", 5), ack("pubrec", 6));
    rig.bytes();
    rig.give(ack("pubcomp", 2), ack("pubcomp", 5), ack("pubcomp", 6));
    assert.equal(rig.session.pending, 0);
  });

  it("keeps everything over a refusal, a timeout and connections without CONNACK", () => {
    const rig = inEveryState(new Rig({}, { inFlight: 5 }));
    rig.lost();
    rig.connect();
    rig.bytes();
    rig.give(connack(false, 3));
    rig.connect();
    rig.pass(10000);
    rig.connect();
    rig.bytes();
    rig.lost();
    rig.events();
    rig.open(true);
    const expected = ["PUBREL 4", "PUBREL 3", "PUBLISH 1 q1 dup a: 1", "PUBLISH 2 q2 dup a: 2", "PUBLISH 5 q2 a: 5"];
    assert.deepEqual(rig.sent(), expected);
  });

  it("keeps the original order over the id wrap [MQTT-4.6.0-1]", () => {
    const rig = new Rig({ firstId: 65534 }, { inFlight: 5 }).open();
    for (const qos of [1, 2] as const) rig.session.publish({ ...MESSAGE, qos }, 0);
    rig.lost();
    const wrapped = new Rig({ firstId: 1, lastId: 65535 }, { inFlight: 4 });
    wrapped.session.publish({ ...MESSAGE, id: 65535, payload: "first" }, 0);
    wrapped.session.publish({ ...MESSAGE, id: 1, payload: "second" }, 0);
    wrapped.open();
    wrapped.bytes();
    wrapped.lost();
    wrapped.open(true);
    assert.deepEqual(wrapped.sent(), ["PUBLISH 65535 q2 dup a: first", "PUBLISH 1 q2 dup a: second"]);
  });

  it("marks as DUP whatever has begun to leave, and re-sends from the first byte", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, payload: "hello" }, 0);
    rig.transmit(new Uint8Array(1), 1, 0);
    rig.lost();
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q2 dup a: hello"]);
  });

  it("drops what is no session state: QoS 0, SUBSCRIBE, UNSUBSCRIBE, and acknowledgements owed", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, qos: 0 }, 0);
    rig.session.subscribe([{ topic: "a", qos: 0 }], 0);
    rig.session.unsubscribe(["b"], 0);
    rig.give(publish("b", "x", 1, 7));
    rig.lost();
    assert.equal(rig.session.pending, 0);
    rig.open(true);
    assert.deepEqual(rig.sent(), []);
  });

  it("ignores a late answer to an earlier connection: the re-send is answered again", () => {
    const rig = inEveryState(new Rig({}, { inFlight: 5 }));
    rig.lost();
    rig.open(true);
    rig.give(ack("puback", 1), ack("pubrec", 2));
    assert.deepEqual(rig.events(), []);
    // PUBCOMP settles for good, and PUBREC for what is to be released anyway changes nothing.
    rig.give(ack("pubcomp", 4), ack("pubrec", 3));
    assert.deepEqual(rig.events(), ["delivered 4"]);
    assert.deepEqual(rig.sent(), ["PUBREL 3", "PUBLISH 1 q1 dup a: 1", "PUBLISH 2 q2 dup a: 2", "PUBLISH 5 q2 a: 5"]);
    rig.give(ack("puback", 1), ack("pubrec", 2));
    assert.deepEqual(rig.events(), ["delivered 1", "received 2"]);
  });

  it("keeps inbound QoS 2 ids over a reconnect [MQTT-4.3.3-2]", () => {
    const rig = new Rig().open();
    rig.give(publish("b", "once", 2, 7));
    rig.lost();
    rig.open(true);
    rig.give(publish("b", "once", 2, 7, true));
    assert.deepEqual(rig.events(), []);
    assert.deepEqual(rig.sent(), ["PUBREC 7"]);
    rig.give(ack("pubrel", 7));
    assert.deepEqual(rig.sent(), ["PUBCOMP 7"]);
    rig.give(publish("b", "another", 2, 7));
    assert.deepEqual(rig.events(), ["message 7 q2 b: another"]);
  });
});

describe("resume: Session Present 0", () => {
  it("sends what the server may not have as new, with the same ids; what it had is delivered", () => {
    const rig = inEveryState(new Rig({}, { inFlight: 5 }));
    rig.lost();
    rig.connect();
    rig.bytes();
    rig.events();
    rig.give(connack(false));
    assert.deepEqual(rig.events(), ["connected false", "delivered 4", "delivered 3"]);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q1 a: 1", "PUBLISH 2 q2 a: 2", "PUBLISH 5 q2 a: 5"]);
    assert.equal(rig.session.pending, 3);
    // From here on they have left again.
    rig.lost();
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q1 dup a: 1", "PUBLISH 2 q2 dup a: 2", "PUBLISH 5 q2 dup a: 5"]);
  });

  it("forgets inbound QoS 2 ids: a kept one would swallow a new message", () => {
    const rig = new Rig().open();
    rig.give(publish("b", "old", 2, 7));
    rig.lost();
    rig.open(false);
    rig.give(publish("b", "new", 2, 7));
    assert.deepEqual(rig.events(), ["message 7 q2 b: new"]);
  });

  it("applies to a session that is closing, too", () => {
    const rig = inEveryState(new Rig({}, { inFlight: 5 }));
    rig.lost();
    rig.connect();
    rig.session.disconnect(0);
    rig.events();
    rig.give(connack(false));
    assert.deepEqual(rig.events(), ["delivered 4", "delivered 3"]);
    assert.deepEqual(rig.sent(), ["CONNECT", "DISCONNECT"]);
  });

  it("tells of the delivered even when the connection is lost from inside onConnected", () => {
    const rig = inEveryState(new Rig({}, { inFlight: 5 }));
    rig.lost();
    rig.connect();
    rig.bytes();
    rig.events();
    rig.onEvent = (line) => {
      if (line.startsWith("connected")) rig.lost();
    };
    rig.give(connack(false));
    assert.deepEqual(rig.events(), ["connected false", "delivered 4", "delivered 3", "closed lost"]);
    assert.equal(rig.session.pending, 3);
  });
});

describe("resume: an earlier life (journal)", () => {
  it("sends a resumed message with DUP and its own id, outside of the range too, when the session is there", () => {
    const rig = new Rig({ firstId: 100, lastId: 200 });
    assert.equal(rig.session.publish({ ...MESSAGE, id: 7, resumed: true }, 0), 7);
    assert.equal(rig.session.publish(MESSAGE, 0), 100);
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBLISH 7 q2 dup a: x", "PUBLISH 100 q2 a: x"]);
    assert.equal(rig.session.publish({ ...MESSAGE, id: 8, resumed: true }, 0), 8);
    assert.deepEqual(rig.sent(), ["PUBLISH 8 q2 dup a: x"]);
  });

  it("sends it as new when the server has no session, also when it comes after CONNACK", () => {
    const rig = new Rig();
    rig.session.publish({ ...MESSAGE, id: 7, resumed: true }, 0);
    rig.open(false);
    rig.session.publish({ ...MESSAGE, id: 8, resumed: true }, 0);
    assert.deepEqual(rig.sent(), ["PUBLISH 7 q2 a: x", "PUBLISH 8 q2 a: x"]);
  });

  it("releases what an earlier life saw received: PUBREL on connect, in the order of the calls", () => {
    const rig = new Rig();
    rig.session.publish({ ...MESSAGE, id: 3, resumed: true }, 0);
    assert.equal(rig.session.release(9, 0), 9);
    assert.equal(rig.session.release(8, 0), 8);
    assert.equal(rig.session.pending, 3);
    rig.open(true);
    assert.equal(rig.session.release(7, 0), 7);
    assert.deepEqual(rig.sent(), ["PUBREL 9", "PUBREL 8", "PUBREL 7", "PUBLISH 3 q2 dup a: x"]);
    rig.give(ack("pubcomp", 9), ack("pubcomp", 7), ack("pubcomp", 8));
    assert.deepEqual(rig.events(), ["delivered 9", "delivered 7", "delivered 8"]);
  });

  it("takes a late PUBCOMP for what an earlier life released, before PUBREL has left again", () => {
    const rig = new Rig();
    rig.session.release(9, 0);
    rig.open(true);
    rig.give(ack("pubcomp", 9));
    assert.deepEqual(rig.events(), ["delivered 9"]);
    assert.deepEqual(rig.sent(), []);
  });

  it("is delivered when the server has no session, before CONNACK or after it, never from inside release()", () => {
    const rig = new Rig();
    rig.session.release(9, 0);
    rig.connect();
    rig.bytes();
    rig.give(connack(false));
    assert.deepEqual(rig.events(), ["connected false", "delivered 9"]);
    rig.session.release(8, 5);
    assert.deepEqual(rig.events(), []);
    assert.equal(rig.session.deadline(), 5);
    assert.throws(() => rig.session.release(8, 5), /in use/);
    rig.give(ack("pubcomp", 8));
    assert.deepEqual(rig.events(), ["delivered 8"]);
    assert.equal(rig.session.pending, 0);
    assert.deepEqual(rig.sent(), []);
  });

  it("what is delivered and not yet told survives the end of the connection, a clean session's too", () => {
    for (const clean of [false, true]) {
      const rig = new Rig({ clean }).open();
      rig.session.release(8, 0);
      rig.session.flush(1000, 0);
      rig.lost();
      assert.deepEqual(rig.events(), ["delivered 8", "flushed true", "closed lost"]);
      const broken = new Rig({ clean }).open();
      broken.session.release(8, 0);
      broken.session.flush(1000, 0);
      broken.raw([0]);
      assert.deepEqual(broken.events(), ["delivered 8", "flushed true", "closed malformed"]);
    }
  });
});

describe("resume: clean session", () => {
  it("drops both directions at the end: nothing is sent again, a known inbound id is new [MQTT-3.1.2-6]", () => {
    const rig = inEveryState(new Rig({ clean: true }, { inFlight: 5 }));
    rig.give(publish("b", "x", 2, 7));
    rig.events();
    rig.onEvent = (line) => {
      if (!line.startsWith("closed")) return;
      // The owner publishes again what it still wants, here and now.
      assert.equal(rig.session.pending, 0);
      rig.session.publish({ ...MESSAGE, payload: "again" }, 0);
    };
    rig.lost();
    rig.onEvent = () => {};
    rig.open();
    assert.deepEqual(rig.sent(), ["PUBLISH 6 q2 a: again"]);
    rig.give(publish("b", "x", 2, 7));
    assert.deepEqual(rig.events(), ["message 7 q2 b: x"]);
  });

  it("sends nothing with DUP", () => {
    const rig = new Rig({ clean: true, pipeline: true });
    rig.session.publish({ ...MESSAGE, id: 7, resumed: true }, 0);
    rig.connect();
    assert.deepEqual(rig.sent(), ["CONNECT", "PUBLISH 7 q2 a: x"]);
  });

  it("sends nothing early beside a PUBREL, of which CONNACK will say what becomes", () => {
    const rig = new Rig({ clean: true, pipeline: true });
    rig.session.release(7, 0);
    rig.session.publish({ ...MESSAGE, id: 8 }, 0);
    rig.connect();
    assert.deepEqual(rig.sent(), ["CONNECT"]);
    rig.give({ cmd: "connack", returnCode: 0, sessionPresent: false });
    assert.deepEqual(rig.sent(), ["PUBLISH 8 q2 a: x"]);
    assert.ok(rig.events().includes("delivered 7"));
  });

  it("keeps no record of a message received while the end was told", () => {
    const rig = new Rig({ clean: true }).open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.onEvent = (line) => {
      if (line === "received 1") rig.lost();
    };
    rig.give(ack("pubrec", 1));
    assert.equal(rig.session.pending, 0);
  });
});

describe("resume: pipelining", () => {
  it("sends CONNECT, PUBREL and PUBLISH in one segment, SUBSCRIBE after CONNACK, and nothing twice [MQTT-3.1.4-5]", () => {
    const rig = new Rig({ pipeline: true });
    rig.session.release(3, 0);
    rig.session.publish({ ...MESSAGE, id: 2, resumed: true }, 0);
    rig.session.publish(MESSAGE, 0);
    rig.connect();
    const into = new Uint8Array(1460);
    assert.equal(rig.transmit(into, 1460, 0), 17 + 4 + 8 + 8);
    assert.equal(into[17], 0x62);
    assert.equal(into[21], 0x3c);
    assert.equal(into[29], 0x34);
    rig.give(connack(true));
    assert.deepEqual(rig.bytes(), Buffer.alloc(0));
    rig.give(ack("pubrec", 1), ack("pubcomp", 3));
    assert.deepEqual(rig.events(), ["connected true", "received 1", "delivered 3"]);
  });

  it("counts nothing as sent when CONNACK refuses", () => {
    const rig = new Rig({ pipeline: true });
    rig.session.release(3, 0);
    rig.session.publish(MESSAGE, 0);
    rig.connect();
    rig.bytes();
    rig.give(connack(false, 3));
    assert.equal(rig.closed?.pipelined, false);
    rig.connect();
    assert.deepEqual(rig.sent(), ["CONNECT", "PUBREL 3", "PUBLISH 1 q2 a: x"]);
  });

  it("counts it as perhaps sent when the connection ends without CONNACK, and says so", () => {
    const rig = new Rig({ pipeline: true });
    rig.session.publish(MESSAGE, 0);
    rig.connect();
    rig.bytes();
    rig.lost();
    assert.deepEqual(rig.closed, {
      reason: "lost",
      detail: "the transport ended",
      statement: "",
      code: 0,
      pipelined: true,
    });
    rig.connect();
    assert.deepEqual(rig.sent(), ["CONNECT", "PUBLISH 1 q2 dup a: x"]);
    rig.give(connack());
    rig.lost();
    assert.equal(rig.closed?.pipelined, false);
    // Without a PUBLISH there is nothing to blame.
    const plain = new Rig({ pipeline: true });
    plain.connect();
    plain.bytes();
    plain.lost();
    assert.equal(plain.closed?.pipelined, false);
  });

  it("takes an answer before CONNACK as a violation [MQTT-3.2.0-1]", () => {
    const rig = new Rig({ pipeline: true });
    rig.session.publish(MESSAGE, 0);
    rig.connect();
    rig.bytes();
    rig.give(ack("pubrec", 1));
    assert.deepEqual(rig.events(), ["closed violation MQTT-3.2.0-1"]);
  });

  it("Session Present 0 does not send again what has left on this connection", () => {
    const rig = new Rig({ pipeline: true });
    rig.session.release(3, 0);
    rig.session.publish({ ...MESSAGE, id: 2, resumed: true }, 0);
    rig.connect();
    rig.bytes();
    rig.session.publish({ ...MESSAGE, id: 4, resumed: true }, 0);
    rig.give(connack(false), ack("pubcomp", 3));
    assert.deepEqual(rig.events(), ["connected false", "delivered 3"]);
    assert.deepEqual(rig.sent(), ["PUBLISH 4 q2 a: x"]);
  });

  it("Session Present 0 while PUBREL is leaving: the packet is completed, the place may be used again", () => {
    const rig = new Rig({ pipeline: true }, { inFlight: 1 });
    rig.session.release(3, 0);
    rig.connect();
    const head = new Uint8Array(17 + 2);
    rig.transmit(head, 19, 0);
    rig.onEvent = (line) => {
      if (line === "delivered 3") assert.equal(rig.session.publish(MESSAGE, 0), 1);
    };
    rig.give(connack(false));
    assert.deepEqual(rig.events(), ["connected false", "delivered 3"]);
    assert.deepEqual([...head.subarray(17), ...rig.bytes()], [0x62, 2, 0, 3, 0x34, 6, 0, 1, 0x61, 0, 1, 0x78]);
    rig.give(ack("pubcomp", 3), ack("pubrec", 1));
    assert.deepEqual(rig.events(), ["received 1"]);
  });

  it("refuses QoS 0 until CONNACK, and is in order afterwards", () => {
    const rig = new Rig({ pipeline: true });
    rig.connect();
    assert.equal(rig.session.publish({ ...MESSAGE, qos: 0 }, 0), -2);
    rig.session.disconnect(0);
    assert.deepEqual(rig.sent(), ["CONNECT", "DISCONNECT"]);
  });
});

describe("resume: packet ids", () => {
  long.it("are never 0 and never in use, over the 65,535 wrap [MQTT-2.3.1-1, MQTT-2.3.1-2]", () => {
    const rig = new Rig({}, { inFlight: 4 }).open();
    // Two messages stay unanswered; one of them gets the caller's own id.
    assert.equal(rig.session.publish(MESSAGE, 0), 1);
    assert.equal(rig.session.publish({ ...MESSAGE, id: 65535 }, 0), 65535);
    rig.bytes();
    const seen = new Set<number>();
    for (let count = 0; count < 65533 + 500; count += 1) {
      const id =
        count % 3 === 0
          ? rig.session.subscribe([{ topic: "a", qos: 0 }], 0)
          : rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
      if (id < 2 || id > 65534) assert.fail(`id ${id} was picked`);
      seen.add(id);
      rig.transmit(SCRATCH, SCRATCH.length, 0);
      const answer = count % 3 === 0 ? [0x90, 3, id >> 8, id & 255, 0] : [0x40, 2, id >> 8, id & 255];
      ANSWER.set(answer);
      rig.receive(ANSWER, 0, answer.length, 0);
      if (count % 1000 === 0) rig.events();
    }
    assert.equal(seen.size, 65533);
    assert.equal(rig.session.connected, true);
  });

  it("stay within the range of the session; when all are taken the answer is FULL", () => {
    const rig = new Rig({ firstId: 10, lastId: 12 }, { inFlight: 6 }).open();
    rig.session.publish({ ...MESSAGE, id: 11 }, 0);
    assert.equal(rig.session.publish(MESSAGE, 0), 10);
    assert.equal(rig.session.publish(MESSAGE, 0), 12);
    assert.equal(rig.session.publish(MESSAGE, 0), -1);
    assert.equal(rig.session.subscribe([{ topic: "a", qos: 0 }], 0), -1);
    assert.equal(rig.session.publish({ ...MESSAGE, id: 13 }, 0), 13);
    rig.bytes();
    rig.give(ack("pubrec", 10));
    // After PUBREC the id is still taken [MQTT-2.3.1-3].
    assert.equal(rig.session.publish(MESSAGE, 0), -1);
    rig.bytes();
    rig.give(ack("pubcomp", 10));
    assert.equal(rig.session.publish(MESSAGE, 0), 10);
  });
});

const SCRATCH = new Uint8Array(100);
const ANSWER = new Uint8Array(5);

describe("resume: 10,000 reconnects", () => {
  it("keep the buffers and what is pending as they were", () => {
    const rig = new Rig({ keepAliveSeconds: 60 });
    rig.session.publish({ ...MESSAGE, payload: "pinned" }, 0);
    rig.session.release(9, 0);
    const memory = rig.memory;
    const buffers = new Set<unknown>();
    rig.session.connect(rig.options, 0);
    const onMessage = rig.onMessage.bind(rig);
    rig.onMessage = (message) => {
      buffers.add(message.bytes);
      onMessage(message);
    };
    const inbound = Uint8Array.from([0x20, 2, 1, 0, 0x30, 6, 0, 1, 0x61, 0x78, 0x79, 0x7a]);
    for (let count = 0; count < rounds(10000); count += 1) {
      const now = (count * 700000) | 0;
      if (count > 0) rig.session.connect(rig.options, now);
      while (rig.session.wantsTransmit) rig.transmit(SCRATCH, 100, now);
      // The payload comes in two fragments, so it is put together in the session's own buffer.
      rig.receive(inbound, 0, 10, now);
      rig.receive(inbound, 10, 12, now);
      while (rig.session.wantsTransmit) rig.transmit(SCRATCH, 100, now);
      rig.session.lost(now);
      assert.equal(rig.session.deadline(), undefined);
      assert.deepEqual(rig.events(), ["connected true", "message q0 a: xyz", "closed lost"]);
    }
    assert.equal(rig.memory, memory);
    assert.equal(buffers.size, 1);
    assert.equal(rig.session.pending, 2);
  });
});
