import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ack, publish, Rig } from "./peer.js";

const MESSAGE = Object.freeze({ topic: "a", payload: "x", qos: 0, retain: false } as const);

describe("keep-alive", () => {
  it("sends PINGREQ a little before K has passed since the last packet sent [MQTT-3.1.2-23]", () => {
    const rig = new Rig({ keepAliveSeconds: 10 }).open();
    rig.pass(7999);
    assert.deepEqual(rig.sent(), []);
    rig.pass(1);
    assert.deepEqual(rig.sent(), ["PINGREQ"]);
    rig.give({ cmd: "pingresp" });
    rig.pass(8000);
    assert.deepEqual(rig.sent(), ["PINGREQ"]);
  });

  it("a PINGRESP that nobody asked for changes nothing: neither without keep alive nor while PINGREQ is due", () => {
    const never = new Rig({ keepAliveSeconds: 0 }).open();
    never.give({ cmd: "pingresp" });
    assert.equal(never.deadline(), undefined);
    assert.deepEqual(never.sent(), []);
    const due = new Rig({ keepAliveSeconds: 10 }).open();
    due.pass(8000);
    due.give({ cmd: "pingresp" });
    assert.deepEqual(due.sent(), ["PINGREQ"]);
    due.pass(5000);
    assert.deepEqual(due.events(), ["closed timeout MQTT-3.12.4-1"]);
  });

  it("takes a quarter of a short K as its margin", () => {
    const rig = new Rig({ keepAliveSeconds: 1 }).open();
    rig.pass(749);
    assert.deepEqual(rig.sent(), []);
    rig.pass(1);
    assert.deepEqual(rig.sent(), ["PINGREQ"]);
  });

  it("is not put off by what comes in [MQTT-3.1.2-23]", () => {
    const rig = new Rig({ keepAliveSeconds: 10 }).open();
    const sentAt: number[] = [];
    for (let second = 1; second <= 40; second += 1) {
      rig.pass(1000);
      rig.give(publish("a", "x"));
      if (rig.sent().includes("PINGREQ")) {
        sentAt.push(rig.now);
        rig.give({ cmd: "pingresp" });
      }
    }
    assert.deepEqual(sentAt, [8000, 16000, 24000, 32000, 40000]);
  });

  it("asks when nothing has come in for K, even while sending, and with messages unanswered", () => {
    const rig = new Rig({ keepAliveSeconds: 10, ackTimeoutMs: 60000 }).open();
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    const sent: string[] = [];
    for (let second = 1; second <= 8; second += 1) {
      rig.pass(1000);
      rig.session.publish(MESSAGE, rig.now);
      sent.push(...rig.sent());
    }
    assert.equal(sent.filter((line) => line === "PINGREQ").length, 1);
    // The link is dead: no answer, although the transport takes all that is sent.
    for (let second = 1; second <= 5; second += 1) {
      rig.pass(1000);
      if (rig.session.connected) rig.session.publish(MESSAGE, rig.now);
      rig.bytes();
    }
    assert.deepEqual(rig.events(), ["closed timeout MQTT-3.12.4-1"]);
    assert.equal(rig.closed?.detail, "no PINGRESP within 5000 ms");
  });

  it("ends when PINGRESP does not come in its own time, counted from when PINGREQ left", () => {
    const rig = new Rig({ keepAliveSeconds: 10, pingTimeoutMs: 3000 }).open();
    rig.pass(8000);
    rig.pass(1000);
    assert.deepEqual(rig.sent(), ["PINGREQ"]);
    rig.pass(2999);
    assert.deepEqual(rig.events(), []);
    rig.pass(1);
    assert.deepEqual(rig.events(), ["closed timeout MQTT-3.12.4-1"]);
  });

  it("has only one ping on its way, and does not mind a PINGRESP that nobody asked for", () => {
    const rig = new Rig({ keepAliveSeconds: 10, pingTimeoutMs: 60000 }).open();
    rig.give({ cmd: "pingresp" });
    rig.pass(8000);
    rig.give({ cmd: "pingresp" });
    rig.pass(1);
    assert.deepEqual(rig.sent(), ["PINGREQ"]);
    rig.pass(9999);
    assert.deepEqual(rig.sent(), []);
    rig.give({ cmd: "pingresp" });
    rig.pass(8000);
    assert.deepEqual(rig.sent(), ["PINGREQ"]);
  });

  it("waits with PINGREQ until the message in progress is complete", () => {
    const rig = new Rig({ keepAliveSeconds: 10 }).open();
    rig.session.publish({ ...MESSAGE, payload: "0123456789" }, 0);
    const bytes = [...new Array<number>(15)].map(() => {
      const one = new Uint8Array(1);
      rig.pass(900);
      assert.equal(rig.transmit(one, 1, rig.now), 1);
      return one[0];
    });
    assert.deepEqual(bytes, [0x30, 13, 0, 1, 0x61, ...Buffer.from("0123456789")]);
    assert.deepEqual([...rig.bytes()], [0xc0, 0]);
  });

  it("ends when the transport does not take PINGREQ", () => {
    const rig = new Rig({ keepAliveSeconds: 10, ackTimeoutMs: 4000 }).open();
    rig.pass(12000);
    assert.deepEqual(rig.events(), ["closed timeout"]);
    assert.equal(rig.now, 12000);
  });

  it("K = 0 never asks", () => {
    const rig = new Rig({ keepAliveSeconds: 0 }).open();
    assert.equal(rig.deadline(), undefined);
    rig.pass(100000000);
    assert.deepEqual(rig.sent(), []);
  });

  it("no ping before CONNACK and none after disconnect()", () => {
    const rig = new Rig({ keepAliveSeconds: 10 });
    rig.connect();
    rig.bytes();
    rig.pass(9000);
    assert.deepEqual(rig.sent(), []);
    rig.give({ cmd: "connack", returnCode: 0, sessionPresent: false });
    rig.pass(1);
    assert.deepEqual(rig.sent(), ["PINGREQ"]);
    rig.give({ cmd: "pingresp" });
    rig.session.disconnect(rig.now);
    rig.pass(5000);
    assert.deepEqual(rig.sent(), ["DISCONNECT"]);
  });

  it("stays connected for days to a server that cuts at 1.5 K and answers late [MQTT-3.1.2-24]", () => {
    for (const keepAliveSeconds of [6, 60, 65535]) {
      const rig = new Rig({ keepAliveSeconds }).open();
      let sentAt = 0;
      for (let count = 0; count < 300; count += 1) {
        let sent: string[] = [];
        // A tick may find that what it was to come for has been done.
        while (sent.length === 0) {
          rig.pass(Math.max(0, ((rig.session.deadline() as number) - rig.now) | 0));
          sent = rig.sent();
        }
        assert.deepEqual(sent, ["PINGREQ"]);
        // With an answer still awaited there is no second question.
        assert.ok(((rig.now - sentAt) | 0) <= keepAliveSeconds * 1000);
        sentAt = rig.now;
        rig.pass(4999);
        rig.give({ cmd: "pingresp" });
      }
      assert.equal(rig.session.connected, true);
    }
  });

  it("gives answers time while a long packet is arriving: they cannot come in the middle of it", () => {
    const rig = new Rig({ keepAliveSeconds: 10 }, { receive: 5000 }).open();
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    rig.pass(8000);
    rig.bytes();
    const packet = [0x30, 0x83, 0x20, 0, 1, 0x61, ...new Array<number>(4096).fill(0x78)];
    const pings: string[] = [];
    for (let at = 0; at < packet.length - 2; at += 100) {
      rig.raw(packet.slice(at, Math.min(at + 100, packet.length - 2)));
      rig.pass(1000);
      pings.push(...rig.sent());
    }
    assert.deepEqual(rig.events(), []);
    // To be silent for so long would break the keep alive [MQTT-3.1.2-23].
    assert.deepEqual(pings, new Array<string>(pings.length).fill("PINGREQ"));
    assert.ok(pings.length >= 4, `${pings}`);
    rig.raw([0x78, 0x78]);
    rig.give(ack("puback", 1), { cmd: "pingresp" });
    assert.deepEqual(rig.events().slice(-1), ["delivered 1"]);
    // A peer that stops in the middle does not get more time than anyone else.
    rig.pass(8000);
    assert.deepEqual(rig.sent(), ["PINGREQ"]);
    rig.raw([0x30]);
    rig.pass(5000);
    assert.deepEqual(rig.events(), ["closed timeout MQTT-3.12.4-1"]);
  });
});

describe("keep-alive: patience", () => {
  it("a packet that began to arrive before the question does not shorten the time for its answer", () => {
    const rig = new Rig().open();
    rig.raw([0x30]);
    rig.pass(5000);
    rig.session.publish({ ...MESSAGE, qos: 1 }, rig.now);
    rig.bytes();
    rig.pass(9999);
    assert.deepEqual(rig.events(), []);
    rig.pass(1);
    assert.deepEqual(rig.events(), ["closed timeout"]);
  });
});

describe("keep-alive: the clock wraps", () => {
  for (const [name, start] of [
    ["2^31", 0x7fffffff],
    ["2^32", 0xffffffff],
  ] as const) {
    it(`over ${name} ms the earliest of several deadlines counts`, () => {
      for (let before = 0; before <= 12000; before += 500) {
        const rig = new Rig({ keepAliveSeconds: 10, ackTimeoutMs: 10000 }, {}, start - before).open();
        rig.session.publish({ ...MESSAGE, qos: 1 }, rig.now);
        rig.session.flush(rig.now + 9000, rig.now);
        rig.bytes();
        rig.pass(4000);
        rig.give(publish("a", "x"));
        rig.pass(3999);
        assert.deepEqual(rig.sent(), []);
        rig.pass(1);
        assert.deepEqual(rig.sent(), ["PINGREQ"]);
        rig.give({ cmd: "pingresp" });
        rig.pass(999);
        assert.deepEqual(rig.events(), ["message q0 a: x"]);
        rig.pass(1);
        assert.deepEqual(rig.events(), ["flushed false"]);
        rig.pass(999);
        assert.deepEqual(rig.events(), []);
        rig.pass(1);
        assert.deepEqual(rig.events(), ["closed timeout"]);
      }
    });

    it(`over ${name} ms every deadline holds`, () => {
      for (let before = 0; before <= 20000; before += 1250) {
        const rig = new Rig({ keepAliveSeconds: 10 }, {}, start - before).open();
        rig.session.publish({ ...MESSAGE, qos: 2 }, rig.now);
        rig.session.flush(rig.now + 9999, rig.now);
        rig.bytes();
        rig.pass(7999);
        rig.give(ack("pubrec", 1));
        assert.deepEqual(rig.sent(), ["PUBREL 1"]);
        rig.give(ack("pubcomp", 1));
        assert.deepEqual(rig.events(), ["received 1", "delivered 1", "flushed true"]);
        rig.pass(8000);
        assert.deepEqual(rig.sent(), ["PINGREQ"]);
        rig.pass(4999);
        assert.deepEqual(rig.events(), []);
        rig.pass(1);
        assert.deepEqual(rig.events(), ["closed timeout MQTT-3.12.4-1"]);

        const silent = new Rig({}, {}, start - before);
        silent.connect();
        silent.bytes();
        silent.pass(9999);
        assert.deepEqual(silent.events(), []);
        silent.pass(1);
        assert.deepEqual(silent.events(), ["closed timeout"]);
      }
    });
  }
});
