// §3.2 of the standard: what a client believes of CONNACK. Every statement here binds the server; the tests show what
// this client does with an answer that obeys, and with one that does not.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ack, connack, encode, publish, Rig } from "../mqtt/peer.js";
import { MESSAGE, said } from "./script.js";

/** A session whose CONNECT has left. */
function connecting(clean = false): Rig {
  const rig = new Rig({ clean });
  rig.session.publish(MESSAGE, 0);
  rig.connect();
  rig.bytes();
  return rig;
}

describe("conformance: CONNACK (§3.2)", () => {
  it("[MQTT-3.2.0-1] closes on anything that comes before CONNACK, and on a second CONNACK", () => {
    const early = [
      encode(publish("a", "x")),
      encode(publish("a", "x", 1, 1)),
      encode(ack("puback", 1)),
      encode(ack("pubrel", 1)),
      encode({ cmd: "suback", messageId: 1, granted: [0] }),
      encode({ cmd: "pingresp" }),
    ];
    for (const bytes of early) {
      const rig = connecting();
      rig.raw(bytes);
      assert.deepEqual(said(rig), ["closed violation MQTT-3.2.0-1"]);
    }
    const rig = connecting();
    rig.give(connack(), connack());
    assert.deepEqual(said(rig), ["connected false", "closed violation MQTT-3.2.0-1"]);
  });

  it("[MQTT-3.2.2-1] closes when a session is said to be present although a clean one was asked for", () => {
    const rig = connecting(true);
    rig.give(connack(true));
    assert.deepEqual(said(rig), ["closed violation MQTT-3.2.2-1"]);
  });

  it("[MQTT-3.2.2-2] tells that the session is present, and sends again what it has not acknowledged", () => {
    const rig = connecting();
    rig.give(connack(true));
    assert.deepEqual(rig.events(), ["connected true"]);
    rig.bytes();
    rig.lost();
    rig.open(true);
    assert.equal(rig.session.sessionPresent, true);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q2 dup a: x"]);
  });

  it("[MQTT-3.2.2-3] tells that there is no session: what the server has is done, the rest goes as new, ids are free", () => {
    const rig = connecting();
    rig.give(connack());
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(ack("pubrec", 1), publish("in", "1", 2, 9));
    rig.bytes();
    rig.lost();
    rig.events();
    rig.connect();
    rig.bytes();
    rig.give(connack(false));
    assert.deepEqual(rig.sent(), ["PUBLISH 2 q2 a: x"]);
    assert.deepEqual(rig.events(), ["connected false", "delivered 1"]);
    rig.give(publish("in", "2", 2, 9));
    assert.deepEqual(rig.events(), ["message 9 q2 in: 2"]);
    // The same for what an earlier life of the client hands over only now.
    assert.equal(rig.session.sessionPresent, false);
    rig.bytes();
    rig.session.publish({ ...MESSAGE, id: 5, resumed: true }, rig.now);
    rig.session.release(6, rig.now);
    assert.deepEqual(rig.sent(), ["PUBLISH 5 q2 a: x"]);
    assert.deepEqual(rig.events(), ["delivered 6"]);
  });

  it("[MQTT-3.2.2-4] names the breach of a refusal that says a session is present, and is not connected", () => {
    const rig = connecting();
    rig.raw([0x20, 2, 1, 5]);
    assert.deepEqual(said(rig), ["closed refused MQTT-3.2.2-4"]);
    assert.equal(rig.session.connected, false);
  });

  it("[MQTT-3.2.2-5] ends by itself on every code but 0, tells the code, and keeps its messages", () => {
    for (const code of [1, 2, 3, 4, 5, 6, 255]) {
      const rig = connecting();
      rig.raw([0x20, 2, 0, code]);
      assert.deepEqual(said(rig), ["closed refused"]);
      assert.equal(rig.closed?.code, code);
      assert.equal(rig.session.pending, 1);
    }
  });
});
