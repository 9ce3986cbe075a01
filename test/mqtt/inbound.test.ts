import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ack, encode, publish, Rig } from "./peer.js";

describe("inbound: acknowledgements", () => {
  it("answers by QoS: nothing, PUBACK, PUBREC [MQTT-3.3.4-1, MQTT-2.3.1-6]", () => {
    const rig = new Rig().open();
    rig.give(publish("a", "0"), publish("a", "1", 1, 0x1234), publish("a", "2", 2, 0x1235));
    assert.deepEqual(rig.events(), ["message q0 a: 0", "message 4660 q1 a: 1", "message 4661 q2 a: 2"]);
    assert.deepEqual([...rig.bytes()], [0x40, 2, 0x12, 0x34, 0x50, 2, 0x12, 0x35]);
  });

  it("shows retain and DUP", () => {
    const rig = new Rig().open();
    rig.give(publish("a", "r", 0, 0, false, true), publish("a", "d", 1, 9, true));
    assert.deepEqual(rig.events(), ["message q0 retain a: r", "message 9 q1 dup a: d"]);
  });

  it("keeps the order of arrival over mixed QoS [MQTT-4.6.0-2, MQTT-4.6.0-3]", () => {
    const rig = new Rig().open();
    rig.give(publish("a", "x", 1, 1), publish("a", "x", 2, 2), publish("a", "x", 1, 3), publish("a", "x", 2, 4));
    rig.give(ack("pubrel", 2));
    assert.deepEqual(rig.sent(), ["PUBACK 1", "PUBREC 2", "PUBACK 3", "PUBREC 4", "PUBCOMP 2"]);
  });

  it("QoS 1 with an id seen before is a new message, whatever DUP says [MQTT-4.3.2-2]", () => {
    const rig = new Rig().open();
    rig.give(publish("a", "x", 1, 7), publish("a", "x", 1, 7, true));
    assert.deepEqual(rig.events(), ["message 7 q1 a: x", "message 7 q1 dup a: x"]);
    assert.deepEqual(rig.sent(), ["PUBACK 7", "PUBACK 7"]);
  });

  it("QoS 2 is handed over once until PUBREL, then the id is new [MQTT-4.3.3-2]", () => {
    const rig = new Rig().open();
    rig.give(publish("a", "x", 2, 7), publish("a", "x", 2, 7), publish("a", "x", 2, 7, true));
    assert.deepEqual(rig.events(), ["message 7 q2 a: x"]);
    assert.deepEqual(rig.sent(), ["PUBREC 7", "PUBREC 7", "PUBREC 7"]);
    rig.give(ack("pubrel", 7), ack("pubrel", 7));
    assert.deepEqual(rig.sent(), ["PUBCOMP 7", "PUBCOMP 7"]);
    rig.give(publish("a", "y", 2, 7));
    assert.deepEqual(rig.events(), ["message 7 q2 a: y"]);
  });

  it("answers PUBREL for an id that nobody knows", () => {
    const rig = new Rig().open();
    rig.give(ack("pubrel", 99));
    assert.deepEqual(rig.sent(), ["PUBCOMP 99"]);
  });

  it("PUBACK leaves only after the handler has returned from the last piece", () => {
    const rig = new Rig({ stream: true }).open();
    const during: number[] = [];
    rig.onEvent = () => during.push(rig.bytes().length);
    const bytes = encode(publish("a", "abc", 1, 7));
    for (const byte of bytes) rig.raw([byte]);
    assert.deepEqual(during, [0, 0, 0]);
    assert.deepEqual(rig.sent(), ["PUBACK 7"]);
  });

  it("a message lost in the middle is not held: the server's repeat is handed over", () => {
    const rig = new Rig().open();
    rig.raw(encode(publish("a", "whole", 2, 7)).subarray(0, 9));
    rig.lost();
    rig.open(true);
    rig.give(publish("a", "whole", 2, 7, true));
    assert.deepEqual(rig.events(), ["message 7 q2 dup a: whole"]);
  });
});

describe("inbound: what is beyond the budget", () => {
  it("ends the connection when QoS 2 ids find no place; what is held is still known [MQTT-4.8.0-2]", () => {
    const rig = new Rig({}, { inbound: 2 }).open();
    rig.give(publish("a", "1", 2, 1), publish("a", "2", 2, 2), publish("a", "1", 2, 1, true));
    rig.give(publish("a", "3", 2, 3));
    assert.deepEqual(rig.events(), ["message 1 q2 a: 1", "message 2 q2 a: 2", "closed overflow MQTT-4.8.0-2"]);
    rig.open(true);
    rig.give(
      publish("a", "1", 2, 1, true),
      publish("a", "2", 2, 2, true),
      ack("pubrel", 1),
      publish("a", "3", 2, 3, true),
    );
    assert.deepEqual(rig.events(), ["message 3 q2 dup a: 3"]);
    assert.deepEqual(rig.sent(), ["PUBREC 1", "PUBREC 2", "PUBCOMP 1", "PUBREC 3"]);
  });

  it("with no place at all takes no QoS 2, not even with a long topic", () => {
    for (const topic of ["a", "t".repeat(33)]) {
      const rig = new Rig({}, { inbound: 0 }).open();
      rig.give(publish(topic, "1", 1, 1));
      rig.events();
      rig.give(publish(topic, "2", 2, 2));
      assert.deepEqual(rig.events(), ["closed overflow MQTT-4.8.0-2"]);
    }
  });

  it("ends the connection when acknowledgements find no room; the server's repeat is known [MQTT-4.8.0-2]", () => {
    const rig = new Rig({}, { send: 64, inbound: 20 }).open();
    const all = [];
    for (let id = 1; id <= 17; id += 1) all.push(...encode(publish("a", "x", 2, id)));
    rig.raw(all);
    assert.equal(rig.session.connected, false);
    assert.equal(rig.events().length, 18);
    assert.match(rig.closed?.detail ?? "", /more acknowledgements than budget.send holds/);
    rig.open(true);
    rig.give(publish("a", "x", 2, 17, true));
    assert.deepEqual(rig.events(), []);
    assert.deepEqual(rig.sent(), ["PUBREC 17"]);
  });

  it("never does so for a transport that gives no more than `receivable` at once", () => {
    const rig = new Rig({}, { send: 64, receive: 64, inbound: 8 }).open();
    rig.session.publish({ topic: "t".repeat(50), payload: "0123456789", qos: 2, retain: false }, 0);
    // The worst there is: packets of 4 bytes that want 4 bytes each, in odd fragments, behind a message half sent.
    const flood = new Uint8Array(4000);
    for (let at = 0; at < flood.length; at += 4) flood.set([0x62, 2, 1 + (at >> 10), at >> 2], at);
    const into = new Uint8Array(7);
    let answered = 0;
    for (let at = 0; at < flood.length; ) {
      const count = Math.min(rig.session.receivable, flood.length - at);
      rig.receive(flood, at, at + count, 0);
      at += count;
      answered += rig.transmit(into, 7, 0);
      assert.equal(rig.session.connected, true);
    }
    answered += rig.bytes().length;
    assert.equal(answered, 4000 + 2 + 2 + 50 + 2 + 10);
  });

  it("keeps acknowledgements that wait behind a message in progress, over the end of the buffer", () => {
    const rig = new Rig({}, { send: 64 }).open();
    rig.session.publish({ topic: "t".repeat(40), payload: "0123456789", qos: 1, retain: false }, 0);
    const stream: number[] = [];
    const into = new Uint8Array(20);
    const take = (limit: number) => stream.push(...into.subarray(0, rig.transmit(into, limit, 0)));
    take(20);
    for (let id = 1; id <= 4; id += 1) rig.give(publish("a", "x", 1, id));
    take(20);
    for (let id = 5; id <= 9; id += 1) rig.give(publish("a", "x", 1, id));
    take(10);
    stream.push(...rig.bytes());
    const acks = [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((id) => [0x40, 2, 0, id]);
    assert.deepEqual(stream.slice(-36), acks);
    assert.equal(stream.length, 46 + 10 + 36);
  });

  it("reports an oversize message once with its first bytes, skips it, and acknowledges it", () => {
    for (const size of [1, 50, 1000]) {
      const rig = new Rig({}, { receive: 64 }).open();
      const payload = "0123456789".repeat(20);
      const bytes = [...encode(publish("a", payload, 2, 7)), ...encode(publish("a", "next"))];
      let text = "";
      const onOverflow = rig.onOverflow.bind(rig);
      rig.onOverflow = (message) => {
        text = Buffer.from(message.bytes.subarray(message.start, message.end)).toString();
        onOverflow(message);
      };
      for (let at = 0; at < bytes.length; at += size) rig.raw(bytes.slice(at, at + size));
      assert.deepEqual(rig.events(), ["overflow 7 q2 part a [0..64 of 200]: 64 bytes", "message q0 a: next"]);
      assert.equal(text, payload.slice(0, 64));
      assert.deepEqual(rig.sent(), ["PUBREC 7"]);
      rig.give(publish("a", payload, 2, 7, true));
      assert.deepEqual(rig.events(), []);
    }
  });

  it("gathers no first bytes for an owner who wants none", () => {
    for (const size of [1, 50, 1000]) {
      const rig = new Rig({ previews: false }, { receive: 64 }).open();
      const bytes = [...encode(publish("a", "x".repeat(200), 2, 7)), ...encode(publish("a", "next"))];
      for (let at = 0; at < bytes.length; at += size) rig.raw(bytes.slice(at, at + size));
      assert.deepEqual(rig.events(), ["overflow 7 q2 part a [0..0 of 200]: ", "message q0 a: next"]);
      assert.deepEqual(rig.sent(), ["PUBREC 7"]);
    }
  });

  it("reports a topic that is too long, cut at a character, skips the message, and acknowledges it", () => {
    const rig = new Rig({}, { topic: 8 }).open();
    rig.give(publish("cvrči/cvrčak", "x", 1, 3), publish("cvrči/cvrčak", "x", 2, 4));
    rig.give(publish("cvrči/cvrčak", "x", 2, 4, true), publish("cvrči/c", ""));
    assert.deepEqual(rig.events(), [
      "overflow 3 q1 part cvrči/c [0..0 of 1]: ",
      "overflow 4 q2 part cvrči/c [0..0 of 1]: ",
      "message q0 cvrči/c: ",
    ]);
    assert.deepEqual(rig.sent(), ["PUBACK 3", "PUBREC 4", "PUBREC 4"]);
  });

  it("hands over what is exactly as large as the budget", () => {
    const rig = new Rig({}, { receive: 64, topic: 5 }).open();
    for (const size of [1, 13, 1000]) {
      const bytes = encode(publish("topic", "x".repeat(64), 1, 3));
      for (let at = 0; at < bytes.length; at += size) rig.raw(bytes.slice(at, at + size));
      assert.deepEqual(rig.events(), ["message 3 q1 topic: 64 bytes"]);
    }
  });

  it("lets go of the transport's bytes after the callback", () => {
    const rig = new Rig().open();
    let kept: { bytes: Uint8Array; end: number } | undefined;
    rig.onMessage = (message) => {
      kept = message;
    };
    rig.give(publish("a", "x"));
    assert.equal(kept?.end, 0);
  });
});

describe("inbound: streaming", () => {
  it("hands over pieces of any size as they come, and tells which is the last", () => {
    const rig = new Rig({ stream: true }, { topic: 100 }).open();
    const bytes = encode(publish("a", "0123456789".repeat(10), 2, 7));
    rig.raw(bytes.subarray(0, 10));
    rig.raw(bytes.subarray(10, 20));
    rig.raw(bytes.subarray(20));
    assert.deepEqual(rig.events(), [
      "message 7 q2 part a [0..3 of 100]: 012",
      "message 7 q2 part a [3..13 of 100]: 3456789012",
      "message 7 q2 a [13..100 of 100]: 87 bytes",
    ]);
    rig.give(publish("a", "0123456789".repeat(10), 2, 7, true));
    assert.deepEqual(rig.events(), []);
    assert.deepEqual(rig.sent(), ["PUBREC 7", "PUBREC 7"]);
  });

  it("gives one empty piece for a payload of no bytes", () => {
    const rig = new Rig({ stream: true }).open();
    rig.give(publish("a", "", 1, 7));
    assert.deepEqual(rig.events(), ["message 7 q1 a: "]);
  });

  it("begins again at 0 when the server repeats what was cut off", () => {
    const rig = new Rig({ stream: true }).open();
    rig.raw(encode(publish("a", "whole", 2, 7)).subarray(0, 9));
    rig.lost();
    rig.connect();
    rig.bytes();
    rig.give({ cmd: "connack", returnCode: 0, sessionPresent: true }, publish("a", "whole", 2, 7, true));
    assert.deepEqual(rig.events(), [
      "message 7 q2 part a [0..2 of 5]: wh",
      "closed lost",
      "connected true",
      "message 7 q2 dup a: whole",
    ]);
  });
});
