// §3.1 of the standard: CONNECT, what it says and what both sides owe each other for it. Wills and closing, which need
// a transport, are in transport.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ack, connack, publish, Rig } from "../mqtt/peer.js";
import { hex, toHex } from "../mqtt/recorder.js";
import { connectBody, connectFlags, HALVES, MESSAGE, mixes, said, sent } from "./script.js";

const WILL = Object.freeze({ topic: "w", payload: "gone", qos: 1, retain: false } as const);

/** Connects and takes what leaves as one connection's first bytes. */
function firstBytes(rig: Rig): string {
  rig.connect();
  return sent(rig);
}

describe("conformance: CONNECT comes first (§3.1.0)", () => {
  it("[MQTT-3.1.0-1] sends CONNECT before anything that was waiting", () => {
    for (const pipeline of [false, true]) {
      const rig = new Rig({ pipeline });
      rig.session.publish(MESSAGE, 0);
      rig.session.release(7, 0);
      assert.equal(firstBytes(rig).slice(0, 2), "10");
      rig.lost();
      assert.equal(firstBytes(rig).slice(0, 2), "10", "on each connection");
    }
  });

  it("[MQTT-3.1.0-2] sends it once for each connection, and refuses to be asked again", () => {
    const rig = new Rig();
    assert.match(firstBytes(rig), /^10/);
    assert.throws(() => rig.session.connect(rig.options, 0), /a connection is open/);
    assert.equal(sent(rig), "");
    rig.give(connack());
    assert.throws(() => rig.session.connect(rig.options, 0), /a connection is open/);
    assert.equal(sent(rig), "");
  });
});

describe("conformance: CONNECT's variable header (§3.1.2)", () => {
  it("[MQTT-3.1.2-1] opens with the protocol name MQTT", () => {
    assert.equal(toHex(connectBody().subarray(0, 6)), "00 04 4d 51 54 54");
  });

  it("[MQTT-3.1.2-2] asks for protocol level 4, and takes code 1 for a refusal", () => {
    assert.equal(connectBody()[6], 4);
    const rig = new Rig();
    firstBytes(rig);
    rig.give(connack(false, 1));
    assert.deepEqual(said(rig), ["closed refused"]);
    assert.equal(rig.closed?.code, 1);
  });

  it("[MQTT-3.1.2-3] leaves the reserved flag 0, whatever else is set", () => {
    for (const options of mixes()) assert.equal(connectFlags(options) & 0x01, 0);
  });

  it("[MQTT-3.1.2-4] keeps what is unfinished over the end of a connection, and goes on with it", () => {
    const rig = new Rig({ clean: false }).open();
    assert.equal(connectFlags({ clean: false }) & 0x02, 0);
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    rig.bytes();
    rig.give(publish("in", "once", 2, 9));
    rig.bytes();
    rig.lost();
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q1 dup a: x"]);
    rig.give(publish("in", "once", 2, 9, true));
    assert.deepEqual(rig.events(), [], "known already");
    assert.deepEqual(rig.sent(), ["PUBREC 9"]);
  });

  it("[MQTT-3.1.2-4] goes on with what an earlier life left in a journal", () => {
    const rig = new Rig({ clean: false });
    rig.session.release(5, 0);
    rig.session.publish({ ...MESSAGE, id: 6, resumed: true }, 0);
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBREL 5", "PUBLISH 6 q2 dup a: x"]);
  });

  it("[MQTT-3.1.2-5] takes messages that the server has kept for it before it subscribes again", () => {
    const rig = new Rig({ clean: false }).open(true);
    rig.give(publish("a", "kept", 1, 3), publish("a", "kept too", 2, 4));
    assert.deepEqual(said(rig), ["message 3 q1 a: kept", "message 4 q2 a: kept too", "> 40 02 00 03 50 02 00 04"]);
  });

  it("[MQTT-3.1.2-6] drops both directions of a clean session at its end: nothing of it is used again", () => {
    const rig = new Rig({ clean: true }).open();
    assert.equal(connectFlags({ clean: true }) & 0x02, 0x02);
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    rig.session.publish(MESSAGE, 0);
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(ack("pubrec", 3), publish("in", "1", 2, 9));
    rig.bytes();
    rig.lost();
    rig.open();
    assert.equal(rig.session.pending, 0);
    assert.equal(sent(rig), "");
    rig.give(publish("in", "2", 2, 9));
    assert.deepEqual(rig.events(), ["message 9 q2 in: 2"]);
  });

  it("[MQTT-3.1.2-6] a clean connection does not go on with what a persistent one has left", () => {
    const rig = new Rig({ clean: false }).open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(publish("in", "1", 2, 9));
    rig.bytes();
    rig.lost();
    rig.events();
    rig.session.connect({ ...rig.options, clean: true }, 0);
    rig.bytes();
    rig.give(connack());
    // What the application still wants delivered is a new message to a server that knows nothing of it: no DUP.
    const left = sent(rig);
    assert.ok(left === "" || left.startsWith("34 "), left);
    rig.give(publish("in", "2", 2, 9));
    assert.deepEqual(rig.events(), ["connected false", "message 9 q2 in: 2"]);
  });

  it("[MQTT-3.1.2-6] a clean connection says nothing of an old session before CONNACK either", () => {
    const rig = new Rig({ clean: false, pipeline: true }).open();
    rig.session.publish(MESSAGE, 0);
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(ack("pubrec", 2));
    rig.lost();
    rig.connect();
    assert.deepEqual(rig.sent(), ["CONNECT", "PUBREL 2", "PUBLISH 1 q2 dup a: x"]);
    rig.lost();
    rig.session.connect({ ...rig.options, clean: true }, 0);
    for (const line of rig.sent()) assert.doesNotMatch(line, /^PUBREL| dup /);
  });

  it("[MQTT-3.1.2-9] sets the will flag and sends topic and message of the will, also an empty one", () => {
    assert.equal(connectFlags({ will: WILL }) & 0x04, 0x04);
    // Client id "box", will topic "w", will message.
    assert.equal(toHex(connectBody({ will: WILL }).subarray(15)), "00 01 77 00 04 67 6f 6e 65");
    assert.equal(connectFlags({ will: { ...WILL, payload: "" } }) & 0x04, 0x04);
    assert.equal(toHex(connectBody({ will: { ...WILL, payload: "" } }).subarray(15)), "00 01 77 00 00");
  });

  it("[MQTT-3.1.2-11] without a will leaves the flags of a will 0 and sends none of its fields", () => {
    for (const options of mixes()) {
      if (options.will === undefined) assert.equal(connectFlags(options) & 0x3c, 0);
    }
    assert.equal(toHex(connectBody().subarray(10)), "00 03 62 6f 78");
    assert.equal(toHex(connectBody({ user: "u" }).subarray(10)), "00 03 62 6f 78 00 01 75");
  });

  it("[MQTT-3.1.2-13] without a will says will QoS 0", () => {
    for (const options of mixes()) {
      if (options.will === undefined) assert.equal(connectFlags(options) & 0x18, 0);
    }
  });

  it("[MQTT-3.1.2-14] says will QoS 0, 1 or 2 as asked, and takes nothing else", () => {
    for (const qos of [0, 1, 2] as const) assert.equal((connectFlags({ will: { ...WILL, qos } }) >> 3) & 3, qos);
    for (const qos of [3, -1, 1.5, "1"]) {
      assert.throws(() => new Rig({ will: { ...WILL, qos: qos as 0 } }), /MQTT-3.1.2-14/);
    }
  });

  it("[MQTT-3.1.2-15] without a will says will retain 0", () => {
    for (const options of mixes()) {
      if (options.will === undefined) assert.equal(connectFlags(options) & 0x20, 0);
    }
  });

  it("[MQTT-3.1.2-16] asks for a will that is not retained by will retain 0", () => {
    assert.equal(connectFlags({ will: { ...WILL, retain: false } }) & 0x20, 0);
  });

  it("[MQTT-3.1.2-17] asks for a retained will by will retain 1", () => {
    assert.equal(connectFlags({ will: { ...WILL, retain: true } }) & 0x20, 0x20);
  });

  it("[MQTT-3.1.2-18] without a user name clears its flag and sends no field", () => {
    assert.equal(connectFlags() & 0x80, 0);
    assert.equal(toHex(connectBody().subarray(10)), "00 03 62 6f 78");
  });

  it("[MQTT-3.1.2-19] with a user name sets its flag and sends the field, also an empty one", () => {
    assert.equal(connectFlags({ user: "u" }) & 0x80, 0x80);
    assert.equal(toHex(connectBody({ user: "u" }).subarray(15)), "00 01 75");
    assert.equal(connectFlags({ user: "" }) & 0x80, 0x80);
    assert.equal(toHex(connectBody({ user: "" }).subarray(15)), "00 00");
  });

  it("[MQTT-3.1.2-20] without a password clears its flag and sends no field", () => {
    assert.equal(connectFlags({ user: "u" }) & 0x40, 0);
    assert.equal(toHex(connectBody({ user: "u" }).subarray(15)), "00 01 75");
  });

  it("[MQTT-3.1.2-21] with a password sets its flag and sends its bytes as they are, also none", () => {
    const password = Uint8Array.of(0, 0xff, 0xc0);
    assert.equal(connectFlags({ user: "u", password }) & 0x40, 0x40);
    assert.equal(toHex(connectBody({ user: "u", password }).subarray(18)), "00 03 00 ff c0");
    assert.equal(connectFlags({ user: "u", password: "" }) & 0x40, 0x40);
    assert.equal(toHex(connectBody({ user: "u", password: "" }).subarray(18)), "00 00");
  });

  it("[MQTT-3.1.2-22] takes no password without a user name, so that the flags never say so", () => {
    assert.throws(() => new Rig({ password: "p" }), /MQTT-3.1.2-22/);
    assert.throws(() => new Rig({ password: Uint8Array.of(1) }), /MQTT-3.1.2-22/);
    for (const options of mixes()) {
      if ((connectFlags(options) & 0x80) === 0) assert.equal(connectFlags(options) & 0x40, 0);
    }
  });
});

describe("conformance: keep alive (§3.1.2.10)", () => {
  /** Instants at which a packet left while a minute passes, a QoS 0 message coming in every half second. */
  function departures(keepAliveSeconds: number, chatty: boolean): number[] {
    const rig = new Rig({ keepAliveSeconds }).open();
    const instants: number[] = [0];
    for (let half = 0; half < 120 * Math.max(1, keepAliveSeconds / 10); half += 1) {
      if (chatty) rig.give(publish("a", "x"));
      // The link looks after the session whenever its deadline has come.
      for (let step = 0; step < 10; step += 1) {
        rig.pass(50);
        for (const line of rig.sent()) {
          assert.equal(line, "PINGREQ");
          instants.push(rig.now);
          rig.give({ cmd: "pingresp" });
        }
      }
    }
    return [...instants, rig.now];
  }

  it("[MQTT-3.1.2-23] never pauses longer than the keep alive, whether messages come in or not", () => {
    for (const seconds of [1, 3, 10, 60]) {
      for (const chatty of [true, false]) {
        const instants = departures(seconds, chatty);
        for (const [index, at] of instants.entries()) {
          assert.ok(index === 0 || at - (instants[index - 1] as number) <= seconds * 1000, `${seconds} s, at ${at}`);
        }
      }
    }
  });

  it("[MQTT-3.1.2-23] never pauses longer than the keep alive while PINGRESP is late: it ends the connection first", () => {
    for (const seconds of [1, 2, 3, 4, 5, 10]) {
      const rig = new Rig({ keepAliveSeconds: seconds }).open();
      let at = 0;
      while (rig.closed === undefined) {
        rig.pass(50);
        assert.ok(rig.closed !== undefined || rig.now - at <= seconds * 1000, `${seconds} s: silent since ${at}`);
        if (sent(rig) !== "") at = rig.now;
      }
    }
  });

  it("[MQTT-3.1.2-23] never pauses longer than the keep alive while CONNACK is late: it ends the connection first", () => {
    for (const seconds of [1, 5, 10]) {
      const rig = new Rig({ keepAliveSeconds: seconds });
      rig.connect();
      rig.bytes();
      while (rig.closed === undefined) {
        rig.pass(50);
        if (rig.bytes().length > 0) break;
        assert.ok(rig.closed !== undefined || rig.now <= seconds * 1000, `${seconds} s: silent since CONNECT`);
      }
    }
  });

  it("[MQTT-3.1.2-23] never pauses longer than the keep alive while one long message is arriving", () => {
    const rig = new Rig({ keepAliveSeconds: 10, stream: true }).open();
    // 60,000 bytes, 100 in a second: PINGRESP cannot come before the last of them.
    rig.raw(hex("30 e3 d4 03 00 01 61"));
    let at = 0;
    for (let second = 0; second < 600 && rig.closed === undefined; second += 1) {
      rig.raw(new Uint8Array(100));
      rig.pass(1000);
      assert.ok(rig.now - at <= 10_000, `silent since ${at}`);
      if (sent(rig) !== "") at = rig.now;
    }
  });

  it("[MQTT-3.1.2-23] with keep alive 0 never has to say anything", () => {
    assert.deepEqual(departures(0, false), [0, 60_000]);
    assert.equal(toHex(connectBody({ keepAliveSeconds: 0 }).subarray(8, 10)), "00 00");
  });

  it("[MQTT-3.1.2-24] stays connected for ten minutes to a server that cuts at one and a half times the keep alive", () => {
    for (const seconds of [1, 5]) {
      const rig = new Rig({ keepAliveSeconds: seconds }).open();
      let heardAt = 0;
      let owedAt: number | undefined;
      for (let tenth = 0; tenth < 6000; tenth += 1) {
        rig.pass(100);
        assert.ok(rig.now - heardAt < 1500 * seconds, `silent since ${heardAt}`);
        if (sent(rig) !== "") {
          heardAt = rig.now;
          owedAt = rig.now + 900;
        }
        if (owedAt !== undefined && rig.now >= owedAt) {
          owedAt = undefined;
          rig.raw(hex("d0 00"));
        }
      }
      assert.deepEqual(rig.events(), []);
    }
  });
});

describe("conformance: CONNECT's payload (§3.1.3)", () => {
  it("[MQTT-3.1.3-1] sends client id, will topic, will message, user name and password in this order", () => {
    const all = { user: "u", password: "p", will: WILL };
    const id = "00 03 62 6f 78";
    const will = "00 01 77 00 04 67 6f 6e 65";
    const payload = (options: object) => toHex(connectBody(options).subarray(10));
    assert.equal(payload(all), `${id} ${will} 00 01 75 00 01 70`);
    assert.equal(payload({ user: "u", will: WILL }), `${id} ${will} 00 01 75`);
    assert.equal(payload({ will: WILL }), `${id} ${will}`);
    assert.equal(payload({ user: "u", password: "p" }), `${id} 00 01 75 00 01 70`);
  });

  it("[MQTT-3.1.3-2] is one and the same client for a session's whole life; another client has a state of its own", () => {
    const one = new Rig({ id: "one" });
    const other = new Rig({ id: "other" });
    one.session.publish(MESSAGE, 0);
    one.open();
    other.open(true);
    one.bytes();
    other.give(publish("in", "x", 2, 9));
    assert.equal(sent(other), "50 02 00 09", "nothing of one's");
    for (let count = 0; count < 3; count += 1) {
      one.lost();
      assert.ok(firstBytes(one).endsWith("00 03 6f 6e 65"), "the same id each time");
    }
    one.give(connack(true), publish("in", "y", 2, 9));
    assert.deepEqual(one.events().at(-1), "message 9 q2 in: y", "nothing of other's");
  });

  it("[MQTT-3.1.3-3] sends the client id first, also an empty one", () => {
    assert.equal(toHex(connectBody({ id: "box" }).subarray(10)), "00 03 62 6f 78");
    assert.equal(toHex(connectBody({ id: "", clean: true }).subarray(10)), "00 00");
  });

  it("[MQTT-3.1.3-4] sends the client id as UTF-8, and takes none that has no such form", () => {
    assert.equal(toHex(connectBody({ id: "čvor" }).subarray(10)), "00 05 c4 8d 76 6f 72");
    for (const id of [...HALVES, "a\0"]) assert.throws(() => new Rig({ id }), /MQTT-3.1.3-4/);
  });

  it("[MQTT-3.1.3-5] sends ids of 1 to 23 letters and digits as they are, and longer ones too", () => {
    for (const id of ["a", "AlertBox0123456789abcde", "an-id-that-not-every-server-takes"]) {
      assert.equal(Buffer.from(connectBody({ id }).subarray(12)).toString(), id);
    }
  });

  it("[MQTT-3.1.3-6] is connected without an id of its own when the server invents one", () => {
    const rig = new Rig({ id: "", clean: true });
    assert.match(firstBytes(rig), / 00 00$/);
    rig.give(connack());
    assert.deepEqual(said(rig), ["connected false"]);
  });

  it("[MQTT-3.1.3-7] takes an empty client id for a clean session only", () => {
    assert.throws(() => new Rig({ id: "", clean: false }), /MQTT-3.1.3-7/);
    assert.equal(connectFlags({ id: "", clean: true }) & 0x02, 0x02);
  });

  it("[MQTT-3.1.3-7] takes no later connection with an empty client id that is not clean", () => {
    const rig = new Rig({ id: "", clean: true }).open();
    rig.lost();
    assert.throws(() => rig.session.connect({ ...rig.options, clean: false }, 0), /MQTT-3.1.3-7/);
    assert.equal(sent(rig), "");
  });

  it("[MQTT-3.1.3-8] is refused with code 2 when the server does not take an empty id", () => {
    const rig = new Rig({ id: "", clean: true });
    firstBytes(rig);
    rig.give(connack(false, 2));
    assert.deepEqual(said(rig), ["closed refused"]);
    assert.match(rig.closed?.detail ?? "", /identifier rejected/);
  });

  it("[MQTT-3.1.3-9] is refused with code 2 when the server does not take its id, and keeps its messages", () => {
    const rig = new Rig();
    rig.session.publish(MESSAGE, 0);
    firstBytes(rig);
    rig.give(connack(false, 2));
    assert.deepEqual(said(rig), ["closed refused"]);
    assert.equal(rig.closed?.code, 2);
    assert.equal(rig.session.pending, 1);
  });

  it("[MQTT-3.1.3-10] sends the will topic as UTF-8, and takes none that has no such form", () => {
    assert.equal(toHex(connectBody({ will: { ...WILL, topic: "č", payload: "" } }).subarray(15)), "00 02 c4 8d 00 00");
    for (const topic of [...HALVES, "a\0"]) assert.throws(() => new Rig({ will: { ...WILL, topic } }), /MQTT-1.5.3-1/);
  });

  it("[MQTT-3.1.3-11] sends the user name as UTF-8, and takes none that has no such form; a password is bytes", () => {
    assert.equal(toHex(connectBody({ user: "č" }).subarray(15)), "00 02 c4 8d");
    for (const user of [...HALVES, "a\0"]) assert.throws(() => new Rig({ user }), /MQTT-3.1.3-11/);
    assert.equal(toHex(connectBody({ user: "", password: hex("ff 00") }).subarray(17)), "00 02 ff 00");
  });
});

describe("conformance: the answer to CONNECT (§3.1.4)", () => {
  it("[MQTT-3.1.4-1] ends when the server closes in place of CONNACK, and keeps its messages", () => {
    const rig = new Rig();
    rig.session.publish(MESSAGE, 0);
    firstBytes(rig);
    rig.lost();
    assert.deepEqual(said(rig), ["closed lost"]);
    assert.equal(rig.session.pending, 1);
  });

  it("[MQTT-3.1.4-1] does not wait for ever when neither CONNACK nor an end comes", () => {
    const rig = new Rig({ connectTimeoutMs: 4000 });
    firstBytes(rig);
    rig.pass(3999);
    assert.deepEqual(said(rig), []);
    rig.pass(1);
    assert.deepEqual(said(rig), ["closed timeout"]);
  });

  it("[MQTT-3.1.4-4] is connected once CONNACK says 0", () => {
    const rig = new Rig();
    firstBytes(rig);
    assert.equal(rig.session.connected, false);
    rig.raw(hex("20 02 00 00"));
    assert.deepEqual(said(rig), ["connected false"]);
    assert.equal(rig.session.connected, true);
  });

  it("[MQTT-3.1.4-5] counts nothing as sent that left before a refusal: it goes again, and not as a repeat", () => {
    const rig = new Rig({ pipeline: true });
    rig.session.publish(MESSAGE, 0);
    rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    rig.connect();
    assert.deepEqual(rig.sent(), ["CONNECT", "PUBLISH 1 q2 a: x", "PUBLISH 2 q1 a: x"]);
    rig.give(connack(false, 3));
    assert.deepEqual(said(rig), ["closed refused"]);
    rig.connect();
    assert.deepEqual(rig.sent(), ["CONNECT", "PUBLISH 1 q2 a: x", "PUBLISH 2 q1 a: x"]);
  });
});
