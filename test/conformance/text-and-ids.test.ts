// Chapters 1 and 2 of the standard: text, the fixed header's flags, packet ids.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Packet } from "mqtt-packet";
import { Refusal } from "../../src/mqtt/session.js";
import { long } from "../effort.js";
import { ack, connack, publish, Rig } from "../mqtt/peer.js";
import { answer, closes, HALVES, MESSAGE, refuses, said, sent } from "./script.js";

describe("conformance: text (§1.5.3)", () => {
  it("[MQTT-1.5.3-1] sends no text with half of a surrogate pair, wherever a text stands", () => {
    for (const text of HALVES) {
      const rig = new Rig().open();
      refuses(rig, () => rig.session.publish({ ...MESSAGE, topic: text }, 0), /MQTT-1.5.3-1/);
      refuses(rig, () => rig.session.subscribe([{ topic: text, qos: 0 }], 0), /MQTT-1.5.3-1/);
      refuses(rig, () => rig.session.unsubscribe([text], 0), /MQTT-1.5.3-1/);
      assert.throws(() => new Rig({ id: text }), /MQTT-1.5.3-1/);
      assert.throws(() => new Rig({ user: text }), /MQTT-1.5.3-1/);
      assert.throws(() => new Rig({ will: { ...MESSAGE, topic: text } }), /MQTT-1.5.3-1/);
    }
  });

  it("[MQTT-1.5.3-1] closes when a topic comes that is not well-formed UTF-8, and hands nothing over", () => {
    // A byte that UTF-8 has not, an overlong form, a surrogate, a character cut off, one above U+10FFFF.
    for (const topic of ["ff", "c0 af", "ed a0 80", "e2 82", "f4 90 80 80"]) {
      const length = topic.split(" ").length;
      closes(`30 0${length + 3} 00 0${length} ${topic} 78`, "malformed MQTT-1.5.3-1");
    }
  });

  it("[MQTT-1.5.3-1] closes on such a topic also when it is longer than the budget, for what is handed over of it", () => {
    assert.deepEqual(answer("30 07 00 05 61 ff 61 61 61", {}, { topic: 3 }), ["closed malformed MQTT-1.5.3-1"]);
  });

  it("[MQTT-1.5.3-1] passes characters of one to four bytes, both ways", () => {
    const topic = "ač€😀";
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, topic, payload: "", qos: 0 }, 0);
    assert.equal(sent(rig), "30 0c 00 0a 61 c4 8d e2 82 ac f0 9f 98 80");
    assert.deepEqual(answer("30 0c 00 0a 61 c4 8d e2 82 ac f0 9f 98 80"), [`message q0 ${topic}: `]);
  });

  it("[MQTT-1.5.3-2] sends no text with U+0000", () => {
    const rig = new Rig().open();
    refuses(rig, () => rig.session.publish({ ...MESSAGE, topic: "a\0b" }, 0), /U\+0000/);
    refuses(rig, () => rig.session.subscribe([{ topic: "\0", qos: 0 }], 0), /U\+0000/);
    refuses(rig, () => rig.session.unsubscribe(["a/\0"], 0), /U\+0000/);
    assert.throws(() => new Rig({ id: "b\0x" }), /U\+0000/);
    assert.throws(() => new Rig({ user: "\0" }), /U\+0000/);
    assert.throws(() => new Rig({ will: { ...MESSAGE, topic: "w\0" } }), /U\+0000/);
  });

  it("[MQTT-1.5.3-2] closes when a topic with U+0000 comes", () => {
    closes("30 06 00 03 61 00 62 78", "malformed MQTT-1.5.3-2");
  });

  it("[MQTT-1.5.3-2] takes the byte 00 for what it is where bytes stand and no text: payload, password", () => {
    assert.equal(new Rig({ user: "u", password: Uint8Array.of(0) }).open().session.connected, true);
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, payload: Uint8Array.of(0), qos: 0 }, 0);
    assert.equal(sent(rig), "30 04 00 01 61 00");
    assert.deepEqual(answer("30 04 00 01 61 00"), ["message q0 a: \0"]);
  });

  it("[MQTT-1.5.3-3] keeps U+FEFF at the front of a text, both ways", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, topic: "\ufeffa", payload: "", qos: 0 }, 0);
    assert.equal(sent(rig), "30 06 00 04 ef bb bf 61");
    assert.deepEqual(answer("30 06 00 04 ef bb bf 61"), ["message q0 \ufeffa: "]);
  });
});

describe("conformance: flags of the fixed header (§2.2.2)", () => {
  it("[MQTT-2.2.2-1] sends each type with the flags that its row of the table has", () => {
    const rig = new Rig({ keepAliveSeconds: 10 });
    const seen: string[] = [];
    const look = () => seen.push(sent(rig).slice(0, 2));
    rig.connect();
    look();
    rig.give(connack());
    rig.session.publish(MESSAGE, 0);
    look();
    rig.give(ack("pubrec", 1));
    look();
    rig.give(publish("b", "x", 1, 7));
    look();
    rig.give(publish("b", "x", 2, 8));
    look();
    rig.give(ack("pubrel", 8));
    look();
    rig.session.subscribe([{ topic: "b", qos: 0 }], 0);
    look();
    rig.session.unsubscribe(["b"], 0);
    look();
    rig.give(ack("pubcomp", 1), { cmd: "suback", messageId: 2, granted: [0] }, ack("unsuback", 3));
    rig.pass(9000);
    look();
    rig.session.disconnect(rig.now);
    look();
    // CONNECT, PUBLISH QoS 2, PUBREL, PUBACK, PUBREC, PUBCOMP, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT.
    assert.deepEqual(seen, ["10", "34", "62", "40", "50", "70", "82", "a2", "c0", "e0"]);
  });

  const bodies: readonly [number, string][] = [
    [2, "02 00 00"],
    [4, "02 00 01"],
    [5, "02 00 01"],
    [6, "02 00 01"],
    [7, "02 00 01"],
    [9, "03 00 01 00"],
    [11, "02 00 01"],
    [13, "00"],
  ];

  it("[MQTT-2.2.2-2] closes on each type with any flags but its own", () => {
    for (const [type, body] of bodies) {
      for (let flags = 0; flags < 16; flags += 1) {
        if (flags === (type === 6 ? 2 : 0)) continue;
        closes(`${type.toString(16)}${flags.toString(16)} ${body}`, "malformed MQTT-2.2.2-2");
      }
    }
  });

  it("[MQTT-2.2.2-2] closes on CONNACK with flags, and is not connected", () => {
    const rig = new Rig();
    rig.connect();
    rig.bytes();
    rig.raw([0x21, 2, 0, 0]);
    assert.deepEqual(said(rig), ["closed malformed MQTT-2.2.2-2"]);
  });
});

/** Asks for `count` things in turn, each acknowledged at once, and returns the ids. */
function idsOf(rig: Rig, count: number): number[] {
  const ids: number[] = [];
  const into = new Uint8Array(64);
  const { session } = rig;
  for (let n = 0; n < count; n += 1) {
    const kind = n % 3;
    const id =
      kind === 0
        ? session.publish({ ...MESSAGE, qos: 1 }, 0)
        : kind === 1
          ? session.subscribe([{ topic: "a", qos: 0 }], 0)
          : session.unsubscribe(["a"], 0);
    ids.push(id);
    rig.transmit(into, 64, 0);
    // PUBACK, SUBACK, UNSUBACK.
    const bytes = [(kind === 0 ? 4 : kind === 1 ? 9 : 11) << 4, kind === 1 ? 3 : 2, id >> 8, id & 255];
    rig.raw(kind === 1 ? [...bytes, 0] : bytes);
  }
  return ids;
}

describe("conformance: packet ids (§2.3.1)", () => {
  long.it("[MQTT-2.3.1-1] gives PUBLISH, SUBSCRIBE and UNSUBSCRIBE ids from 1 to 65535, and goes on with 1", () => {
    const ids = idsOf(new Rig().open(), 65_540);
    assert.ok(ids.every((id) => id >= 1 && id <= 65_535));
    assert.deepEqual(ids.slice(65_533), [65_534, 65_535, 1, 2, 3, 4, 5]);
  });

  it("[MQTT-2.3.1-1] refuses 0 as an id, and what has no 16 bits", () => {
    const rig = new Rig().open();
    for (const id of [0, 65_536, -1, 1.5]) {
      refuses(rig, () => rig.session.publish({ ...MESSAGE, id }, 0), /id is .*from 1 to 65535/);
    }
  });

  it("[MQTT-2.3.1-1] closes on a PUBLISH or an acknowledgement with id 0", () => {
    for (const bytes of ["32 05 00 01 61 00 00", "34 05 00 01 61 00 00", "40 02 00 00", "62 02 00 00"]) {
      closes(bytes, "malformed MQTT-2.3.1-1");
    }
  });

  long.it(
    "[MQTT-2.3.1-2] passes over an id that waits for PUBACK, PUBREC or PUBCOMP, however many others come and go",
    () => {
      const rig = new Rig().open();
      rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
      rig.session.publish(MESSAGE, 0);
      rig.session.publish(MESSAGE, 0);
      rig.bytes();
      rig.give(ack("pubrec", 3));
      rig.bytes();
      const ids = idsOf(rig, 65_540);
      assert.deepEqual(ids.slice(0, 2), [4, 5]);
      assert.deepEqual(ids.slice(65_530, 65_534), [65_534, 65_535, 4, 5]);
    },
  );

  it("[MQTT-2.3.1-2] refuses an id of the caller's own that is in use, and has none left when all are", () => {
    const rig = new Rig({ firstId: 10, lastId: 11 }).open();
    rig.session.publish({ ...MESSAGE, id: 10 }, 0);
    assert.equal(rig.session.subscribe([{ topic: "a", qos: 0 }], 0), 11);
    rig.bytes();
    for (const id of [10, 11]) {
      refuses(rig, () => rig.session.publish({ ...MESSAGE, id }, 0), /in use/);
      refuses(rig, () => rig.session.release(id, 0), /in use/);
    }
    assert.equal(rig.session.publish(MESSAGE, 0), Refusal.FULL);
    assert.equal(rig.session.unsubscribe(["a"], 0), Refusal.FULL);
    assert.equal(sent(rig), "");
  });

  it("[MQTT-2.3.1-3] sends again under the id of the first time", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, id: 0x1234 }, 0);
    rig.session.publish({ ...MESSAGE, qos: 1, id: 0x0056 }, 0);
    assert.equal(sent(rig), "34 06 00 01 61 12 34 78 32 06 00 01 61 00 56 78");
    rig.lost();
    rig.open(true);
    assert.equal(sent(rig), "3c 06 00 01 61 12 34 78 3a 06 00 01 61 00 56 78");
  });

  it("[MQTT-2.3.1-3] keeps an id until PUBACK, PUBCOMP, SUBACK or UNSUBACK, and not longer", () => {
    const rig = new Rig({ firstId: 1, lastId: 4 }).open();
    const { session } = rig;
    session.publish({ ...MESSAGE, qos: 1 }, 0);
    session.publish(MESSAGE, 0);
    session.subscribe([{ topic: "a", qos: 0 }], 0);
    session.unsubscribe(["a"], 0);
    rig.bytes();
    rig.give(ack("pubrec", 2));
    rig.bytes();
    assert.throws(() => session.publish({ ...MESSAGE, id: 2 }, 0), /in use/, "PUBREC ends nothing");
    const ends: readonly Packet[] = [
      ack("puback", 1),
      ack("pubcomp", 2),
      { cmd: "suback", messageId: 3, granted: [0] },
      ack("unsuback", 4),
    ];
    for (const [index, end] of ends.entries()) {
      assert.equal(session.publish(MESSAGE, 0), Refusal.FULL);
      rig.give(end);
      assert.equal(session.publish(MESSAGE, 0), index + 1);
    }
  });

  it("[MQTT-2.3.1-4] takes two messages under one id, the second after the first was acknowledged, for two", () => {
    assert.deepEqual(answer("32 06 00 01 61 00 07 31 32 06 00 01 61 00 07 32"), [
      "message 7 q1 a: 1",
      "message 7 q1 a: 2",
      "> 40 02 00 07 40 02 00 07",
    ]);
  });

  it("[MQTT-2.3.1-4] keeps the server's ids apart from its own: the same number may be in use both ways", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(publish("in", "x", 2, 1), ack("pubrec", 1));
    assert.deepEqual(said(rig), ["message 1 q2 in: x", "received 1", "> 50 02 00 01 62 02 00 01"]);
    rig.give(ack("pubrel", 1));
    assert.deepEqual(said(rig), ["> 70 02 00 01"]);
    rig.give(publish("in", "y", 1, 1), ack("pubcomp", 1));
    assert.deepEqual(said(rig), ["message 1 q1 in: y", "delivered 1", "> 40 02 00 01"]);
  });

  it("[MQTT-2.3.1-5] sends QoS 0 without an id, and takes none for it", () => {
    const rig = new Rig().open();
    refuses(rig, () => rig.session.publish({ ...MESSAGE, qos: 0, id: 7 }, 0), /MQTT-2.3.1-5/);
    rig.session.publish({ ...MESSAGE, qos: 0 }, 0);
    assert.equal(sent(rig), "30 04 00 01 61 78");
  });

  it("[MQTT-2.3.1-5] reads QoS 0 without an id: what follows the topic is payload", () => {
    assert.deepEqual(answer("30 06 00 01 61 30 31 78"), ["message q0 a: 01x"]);
  });

  it("[MQTT-2.3.1-6] acknowledges under the id of the message: PUBACK, PUBREC, PUBCOMP", () => {
    assert.deepEqual(answer("32 05 00 01 61 12 34"), ["message 4660 q1 a: ", "> 40 02 12 34"]);
    assert.deepEqual(answer("34 05 00 01 61 12 34"), ["message 4660 q2 a: ", "> 50 02 12 34"]);
    assert.deepEqual(answer("34 05 00 01 61 12 34 62 02 12 34"), ["message 4660 q2 a: ", "> 50 02 12 34 70 02 12 34"]);
  });

  it("[MQTT-2.3.1-6] sends PUBREL under the id of its message", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, id: 0xfedc }, 0);
    rig.bytes();
    rig.give(ack("pubrec", 0xfedc));
    assert.deepEqual(said(rig), ["received 65244", "> 62 02 fe dc"]);
  });

  it("[MQTT-2.3.1-7] gives each answer to the request of its id, in any order; one that nobody asked for, to none", () => {
    const rig = new Rig().open();
    rig.session.subscribe([{ topic: "a", qos: 1 }], 0);
    rig.session.subscribe([{ topic: "b", qos: 2 }], 0);
    rig.session.unsubscribe(["c"], 0);
    rig.bytes();
    rig.give(ack("unsuback", 3), { cmd: "suback", messageId: 9, granted: [0] }, ack("unsuback", 9));
    rig.give({ cmd: "suback", messageId: 2, granted: [2] }, { cmd: "suback", messageId: 1, granted: [1] });
    assert.deepEqual(said(rig), ["unsubscribed 3", "subscribed 2 2", "subscribed 1 1"]);
  });
});
