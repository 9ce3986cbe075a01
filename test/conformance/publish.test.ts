// §3.3 to §3.7 of the standard: PUBLISH and its acknowledgements.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ack, publish, Rig } from "../mqtt/peer.js";
import { answer, closes, MESSAGE, refuses, said, sent } from "./script.js";

describe("conformance: DUP (§3.3.1.1)", () => {
  it("[MQTT-3.3.1-1] sends again with DUP 1, and the rest as it was", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, qos: 1, retain: true }, 0);
    rig.session.publish(MESSAGE, 0);
    assert.equal(sent(rig), "33 06 00 01 61 00 01 78 34 06 00 01 61 00 02 78");
    for (let count = 0; count < 2; count += 1) {
      rig.lost();
      rig.open(true);
      assert.equal(sent(rig), "3b 06 00 01 61 00 01 78 3c 06 00 01 61 00 02 78");
    }
  });

  it("[MQTT-3.3.1-1] sends with DUP 0 what was never sent, and with DUP 1 what was sent in part", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.session.publish(MESSAGE, 0);
    assert.equal(rig.transmit(new Uint8Array(8), 3, 0), 3);
    rig.lost();
    rig.session.publish(MESSAGE, 0);
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q2 dup a: x", "PUBLISH 2 q2 a: x", "PUBLISH 3 q2 a: x"]);
  });

  it("[MQTT-3.3.1-2] never sets DUP for QoS 0", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, qos: 0, resumed: true }, 0);
    rig.session.publish({ ...MESSAGE, qos: 0, retain: true }, 0);
    assert.equal(sent(rig), "30 04 00 01 61 78 31 04 00 01 61 78");
  });

  it("[MQTT-3.3.1-2] closes on QoS 0 with DUP 1", () => {
    closes("38 04 00 01 61 78", "malformed MQTT-3.3.1-2");
    closes("39 04 00 01 61 78", "malformed MQTT-3.3.1-2");
  });

  it("[MQTT-3.3.1-3] takes a message for new though it has DUP 1, and shows the flag", () => {
    assert.deepEqual(answer("3a 06 00 01 61 00 07 78 3c 06 00 01 61 00 08 78"), [
      "message 7 q1 dup a: x",
      "message 8 q2 dup a: x",
      "> 40 02 00 07 50 02 00 08",
    ]);
  });
});

describe("conformance: QoS (§3.3.1.2)", () => {
  it("[MQTT-3.3.1-4] sends QoS 0, 1 and 2 as asked, and takes nothing else", () => {
    const rig = new Rig().open();
    for (const qos of [3, -1, 1.5, "2", undefined]) {
      refuses(rig, () => rig.session.publish({ ...MESSAGE, qos: qos as 0 }, 0), /MQTT-3.3.1-4/);
    }
    for (const qos of [0, 1, 2] as const) rig.session.publish({ ...MESSAGE, qos }, 0);
    assert.deepEqual(rig.sent(), ["PUBLISH q0 a: x", "PUBLISH 1 q1 a: x", "PUBLISH 2 q2 a: x"]);
  });

  it("[MQTT-3.3.1-4] closes when both bits of QoS are set, whatever DUP and RETAIN are", () => {
    for (const first of ["36", "37", "3e", "3f"]) closes(`${first} 06 00 01 61 00 07 78`, "malformed MQTT-3.3.1-4");
  });
});

describe("conformance: RETAIN (§3.3.1.3)", () => {
  it("[MQTT-3.3.1-5] asks the server to keep a message by RETAIN 1", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, retain: true }, 0);
    assert.equal(sent(rig).slice(0, 2), "35");
  });

  it("[MQTT-3.3.1-6] takes what the server has kept as soon as it comes, before SUBACK and after it", () => {
    const rig = new Rig().open();
    rig.session.subscribe([{ topic: "a", qos: 1 }], 0);
    rig.bytes();
    rig.give(publish("a", "1", 1, 3, false, true), { cmd: "suback", messageId: 1, granted: [1] });
    rig.give(publish("a", "2", 1, 4, false, true));
    assert.deepEqual(said(rig), [
      "message 3 q1 retain a: 1",
      "subscribed 1 1",
      "message 4 q1 retain a: 2",
      "> 40 02 00 03 40 02 00 04",
    ]);
  });

  it("[MQTT-3.3.1-8] shows the application that a message was kept", () => {
    assert.deepEqual(answer("31 04 00 01 61 78"), ["message q0 retain a: x"]);
  });

  it("[MQTT-3.3.1-9] shows the application that a message is of now", () => {
    assert.deepEqual(answer("30 04 00 01 61 78"), ["message q0 a: x"]);
  });

  it("[MQTT-3.3.1-10] removes what is kept by a message of no bytes, and takes such a one like any other", () => {
    const rig = new Rig().open();
    rig.session.publish({ topic: "a", payload: undefined, qos: 1, retain: true }, 0);
    rig.session.publish({ topic: "a", payload: "", qos: 0, retain: true }, 0);
    assert.equal(sent(rig), "33 05 00 01 61 00 01 31 03 00 01 61");
    assert.deepEqual(answer("33 05 00 01 61 00 07"), ["message 7 q1 retain a: ", "> 40 02 00 07"]);
  });
});

describe("conformance: the topic of a message (§3.3.2.1)", () => {
  it("[MQTT-3.3.2-1] sends the topic first, with its length in bytes and as UTF-8", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, topic: "č/a" }, 0);
    assert.equal(sent(rig), "34 09 00 04 c4 8d 2f 61 00 01 78");
  });

  it("[MQTT-3.3.2-1] closes when the topic does not end inside its packet, or has no place in it", () => {
    for (const bytes of ["30 03 00 02 61", "30 05 ff ff 61 61 61", "32 05 00 02 61 00 07", "30 02 00 01", "30 01 00"]) {
      closes(bytes, "malformed MQTT-3.3.2-1");
    }
  });

  it("[MQTT-3.3.2-2] sends no topic with a wildcard, in a message or in a will", () => {
    const rig = new Rig().open();
    for (const topic of ["#", "+", "a/#", "a/+/b", "a#b", "+a"]) {
      refuses(rig, () => rig.session.publish({ ...MESSAGE, topic }, 0), /MQTT-3.3.2-2/);
      assert.throws(() => new Rig({ will: { ...MESSAGE, topic } }), /MQTT-3.3.2-2/);
    }
  });

  it("[MQTT-3.3.2-2] closes when a message comes whose topic has a wildcard", () => {
    for (const topic of ["61 2f 23", "2b 2f 61", "61 2b 62"]) closes(`30 05 00 03 ${topic}`, "malformed MQTT-3.3.2-2");
  });
});

describe("conformance: what a message is answered with (§3.3.4 to §3.7)", () => {
  it("[MQTT-3.3.4-1] answers QoS 0 with nothing, QoS 1 with PUBACK, QoS 2 with PUBREC", () => {
    assert.deepEqual(answer("30 04 00 01 61 78"), ["message q0 a: x"]);
    assert.deepEqual(answer("32 06 00 01 61 00 07 78"), ["message 7 q1 a: x", "> 40 02 00 07"]);
    assert.deepEqual(answer("34 06 00 01 61 00 07 78"), ["message 7 q2 a: x", "> 50 02 00 07"]);
  });

  it("[MQTT-3.3.5-1] takes each copy of a message that matches more than one of its filters", () => {
    assert.deepEqual(answer("32 06 00 01 61 00 07 78 34 06 00 01 61 00 08 78"), [
      "message 7 q1 a: x",
      "message 8 q2 a: x",
      "> 40 02 00 07 50 02 00 08",
    ]);
  });

  it("[MQTT-3.3.5-2] keeps a message for which the server cuts the connection each time", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    for (let count = 0; count < 5; count += 1) {
      assert.equal(rig.sent().length, 1);
      rig.lost();
      assert.deepEqual(rig.events(), ["closed lost"], "never told as delivered");
      assert.equal(rig.session.pending, 1);
      rig.open(true);
    }
  });

  it("[MQTT-3.6.1-1] sends PUBREL with the flags 0010, also again: it has no DUP", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(ack("pubrec", 1));
    assert.equal(sent(rig), "62 02 00 01");
    rig.give(ack("pubrec", 1));
    assert.equal(sent(rig), "62 02 00 01");
    rig.lost();
    rig.open(true);
    assert.equal(sent(rig), "62 02 00 01");
  });

  it("[MQTT-3.6.1-1] closes on PUBREL with other flags", () => {
    for (const first of ["60", "61", "63", "6a", "6f"]) closes(`${first} 02 00 07`, "malformed MQTT-2.2.2-2");
  });
});
