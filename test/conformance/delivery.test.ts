// Chapter 4 of the standard: what is kept, the three levels of QoS, sending again, order, and what ends a connection.
// Topics are in topics.test.ts. Each flow is walked through as a script of packets; cuts at every byte are in
// test/mqtt.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Packet } from "mqtt-packet";
import { ack, connack, ExactServer, encode, publish, Rig } from "../mqtt/peer.js";
import { hex } from "../mqtt/recorder.js";
import { answer, closes, MESSAGE, said, sent } from "./script.js";

/** What of a client and its server is left when the connection was cut after so many pieces of five bytes. */
function cutAfter(pieces: number): { rig: Rig; server: ExactServer; wasCut: boolean } {
  const server = new ExactServer();
  server.queue("in 1", 1);
  server.queue("in 2", 2);
  const rig = new Rig();
  rig.session.publish({ ...MESSAGE, qos: 1, payload: "out 1" }, 0);
  rig.session.publish({ ...MESSAGE, qos: 2, payload: "out 2" }, 0);
  const into = new Uint8Array(5);
  let wasCut = false;
  let left = pieces;
  for (;;) {
    server.open();
    rig.connect();
    for (;;) {
      const count = rig.transmit(into, 5, 0);
      if (count > 0) server.input(into.slice(0, count));
      const back = server.output();
      for (let at = 0; at < back.length; at += 5) rig.raw(back.subarray(at, at + 5));
      left -= 1;
      if (left === 0 || (count === 0 && back.length === 0)) break;
    }
    if (left < 0 || wasCut) return { rig, server, wasCut };
    wasCut = left === 0;
    if (!wasCut) return { rig, server, wasCut };
    rig.lost();
  }
}

describe("conformance: session state (§4.1)", () => {
  it("[MQTT-4.1.0-1] finishes everything after a cut anywhere: QoS 2 once, QoS 1 at least once, both ways", () => {
    let cuts = 0;
    for (let pieces = 1; ; pieces += 1) {
      const { rig, server, wasCut } = cutAfter(pieces);
      const events = rig.events();
      const times = (line: string | RegExp) => events.filter((event) => event.match(line) !== null).length;
      assert.equal(server.published.filter((payload) => payload === "out 2").length, 1, `${pieces}`);
      assert.ok(server.published.includes("out 1"), `${pieces}`);
      assert.equal(times(/^message \d+ q2 .*in 2$/), 1, `${pieces}`);
      assert.ok(times(/^message \d+ q1 .*in 1$/) >= 1, `${pieces}`);
      assert.deepEqual([times("delivered 1"), times("delivered 2")], [1, 1], `${pieces}`);
      assert.deepEqual([rig.session.pending, server.unfinished, server.faults], [0, 0, []], `${pieces}`);
      if (!wasCut) break;
      cuts += 1;
    }
    assert.ok(cuts > 10, `${cuts} cuts`);
  });

  it("[MQTT-4.1.0-2] keeps the state as long as the connection lasts, be it hours over which the clock wraps", () => {
    const rig = new Rig({ keepAliveSeconds: 3600 }, {}, 0x7fffffff - 5_400_000).open();
    rig.give(publish("in", "x", 2, 9));
    rig.bytes();
    rig.events();
    for (let second = 0; second < 4 * 3600; second += 5) {
      rig.pass(5000);
      rig.now |= 0;
      if (rig.bytes().length > 0) rig.give({ cmd: "pingresp" });
    }
    rig.give(publish("in", "x", 2, 9, true));
    assert.deepEqual(said(rig), ["> 50 02 00 09"], "still known, so not handed over again");
  });
});

describe("conformance: QoS 0 and 1 (§4.3.1, §4.3.2)", () => {
  it("[MQTT-4.3.1-1] sends QoS 0 with DUP 0, and never again", () => {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, qos: 0 }, 0);
    assert.equal(sent(rig), "30 04 00 01 61 78");
    rig.session.publish({ ...MESSAGE, qos: 0 }, 0);
    rig.transmit(new Uint8Array(3), 3, 0);
    rig.lost();
    rig.open(true);
    assert.equal(sent(rig), "");
  });

  it("[MQTT-4.3.1-1] hands QoS 0 over as it comes, and answers nothing", () => {
    assert.deepEqual(answer("30 04 00 01 61 78 30 04 00 01 61 78"), ["message q0 a: x", "message q0 a: x"]);
  });

  it("[MQTT-4.3.2-1] sends QoS 1 under an id of its own with DUP 0; it is delivered by the PUBACK of that id", () => {
    const rig = new Rig().open();
    for (let count = 0; count < 3; count += 1) rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q1 a: x", "PUBLISH 2 q1 a: x", "PUBLISH 3 q1 a: x"]);
    rig.give(ack("puback", 3), ack("puback", 1));
    assert.deepEqual(said(rig), ["delivered 3", "delivered 1"]);
    assert.equal(rig.session.pending, 1);
    rig.lost();
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBLISH 2 q1 dup a: x"]);
  });

  it("[MQTT-4.3.2-1] closes when a QoS 1 message is answered as one of QoS 2 is, and keeps it", () => {
    for (const cmd of ["pubrec", "pubcomp"] as const) {
      const rig = new Rig().open();
      rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
      rig.bytes();
      rig.give(ack(cmd, 1));
      assert.deepEqual(said(rig), ["closed violation MQTT-4.3.2-2"]);
      assert.equal(rig.session.pending, 1);
    }
  });

  it("[MQTT-4.3.2-2] takes the same id for a new message after PUBACK, whatever DUP says", () => {
    assert.deepEqual(answer("32 06 00 01 61 00 07 78 3a 06 00 01 61 00 07 78"), [
      "message 7 q1 a: x",
      "message 7 q1 dup a: x",
      "> 40 02 00 07 40 02 00 07",
    ]);
  });

  it("[MQTT-4.3.2-2] has taken the message over before PUBACK leaves, and owes none for what was cut off", () => {
    const rig = new Rig().open();
    let early: string | undefined;
    rig.onEvent = () => {
      early ??= sent(rig);
    };
    rig.raw(hex("32 06 00 01 61 00 07 78"));
    assert.equal(early, "");
    assert.equal(sent(rig), "40 02 00 07");
    rig.raw(hex("32 06 00 01 61 00 08"));
    rig.lost();
    rig.open(true);
    assert.equal(sent(rig), "");
  });
});

describe("conformance: QoS 2 (§4.3.3)", () => {
  it("[MQTT-4.3.3-1] sends PUBLISH under an id of its own with DUP 0, PUBREL at PUBREC, and is done at PUBCOMP", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.session.publish(MESSAGE, 0);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q2 a: x", "PUBLISH 2 q2 a: x"]);
    rig.give(ack("pubrec", 1));
    assert.deepEqual(said(rig), ["received 1", "> 62 02 00 01"]);
    assert.equal(rig.session.pending, 2);
    rig.give(ack("pubcomp", 1));
    assert.deepEqual(said(rig), ["delivered 1"]);
    assert.equal(rig.session.pending, 1);
  });

  it("[MQTT-4.3.3-1] never sends PUBLISH again once PUBREC has come: neither at a repeat nor after a cut", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(ack("pubrec", 1));
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);
    rig.give(ack("pubrec", 1));
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);
    rig.lost();
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);
    rig.give(ack("pubcomp", 1));
    assert.deepEqual(rig.events(), ["delivered 1"], "and the owner hears of it once");
  });

  it("[MQTT-4.3.3-1] a cut between PUBREC and PUBREL does not bring PUBLISH back", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(ack("pubrec", 1));
    rig.lost();
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBREL 1"]);
  });

  it("[MQTT-4.3.3-1] lets PUBREL leave only when the owner has recorded PUBREC", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.onEvent = (line) => {
      if (line.startsWith("received")) throw new Error("the flash is worn");
    };
    assert.throws(() => rig.give(ack("pubrec", 1)), /worn/);
    assert.deepEqual(said(rig), ["received 1", "closed internal"]);
    rig.onEvent = () => {};
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q2 dup a: x"]);
  });

  it("[MQTT-4.3.3-1] closes when PUBREC is left out", () => {
    const rig = new Rig().open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(ack("pubcomp", 1));
    assert.deepEqual(said(rig), ["closed violation MQTT-4.3.3-2"]);
    assert.equal(rig.session.pending, 1);
  });

  it("[MQTT-4.3.3-2] hands a message over once, answers each repeat with PUBREC and PUBREL with PUBCOMP", () => {
    const message = "34 06 00 01 61 00 07 78";
    const repeat = "3c 06 00 01 61 00 07 78";
    assert.deepEqual(answer(`${message} ${repeat} ${message}`), [
      "message 7 q2 a: x",
      "> 50 02 00 07 50 02 00 07 50 02 00 07",
    ]);
    assert.deepEqual(answer(`${message} 62 02 00 07 ${message}`), [
      "message 7 q2 a: x",
      "message 7 q2 a: x",
      "> 50 02 00 07 70 02 00 07 50 02 00 07",
    ]);
  });

  it("[MQTT-4.3.3-2] knows the id after a cut, too, and answers a PUBREL of which it knows nothing", () => {
    const rig = new Rig().open();
    rig.give(publish("a", "x", 2, 7));
    rig.lost();
    rig.open(true);
    rig.give(publish("a", "x", 2, 7, true), ack("pubrel", 7), ack("pubrel", 8));
    assert.deepEqual(said(rig), ["> 50 02 00 07 70 02 00 07 70 02 00 08"]);
    rig.give(publish("a", "y", 2, 7));
    assert.deepEqual(rig.events(), ["message 7 q2 a: y"]);
  });
});

describe("conformance: sending again (§4.4) and acknowledging (§4.5)", () => {
  it("[MQTT-4.4.0-1] after a reconnect sends PUBREL and PUBLISH under their ids, nothing else, before what is new", () => {
    const rig = new Rig({}, { inFlight: 8 }).open();
    const { session } = rig;
    session.publish({ ...MESSAGE, qos: 1 }, 0);
    session.publish(MESSAGE, 0);
    session.publish(MESSAGE, 0);
    session.publish({ ...MESSAGE, qos: 1 }, 0);
    session.publish(MESSAGE, 0);
    session.subscribe([{ topic: "a", qos: 0 }], 0);
    rig.bytes();
    rig.give(ack("puback", 4), ack("pubrec", 3), ack("pubrec", 5));
    rig.bytes();
    rig.give(ack("pubcomp", 5));
    rig.lost();
    session.publish({ ...MESSAGE, payload: "new" }, 0);
    rig.open(true);
    assert.deepEqual(rig.sent(), ["PUBREL 3", "PUBLISH 1 q1 dup a: x", "PUBLISH 2 q2 dup a: x", "PUBLISH 7 q2 a: new"]);
  });

  it("[MQTT-4.4.0-1] sends nothing again while the connection lasts", () => {
    const rig = new Rig({ ackTimeoutMs: 10_000 }).open();
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.pass(9_999);
    assert.equal(sent(rig), "");
  });

  it("[MQTT-4.5.0-2] acknowledges a message that its application fails to handle", () => {
    const rig = new Rig().open();
    rig.onEvent = (line) => {
      if (line.startsWith("message")) throw new Error("no handler");
    };
    assert.throws(() => rig.give(publish("a", "x", 1, 7)), /no handler/);
    assert.throws(() => rig.give(publish("a", "x", 2, 8)), /no handler/);
    assert.equal(sent(rig), "40 02 00 07 50 02 00 08");
    assert.equal(rig.session.connected, true);
  });

  it("[MQTT-4.5.0-2] acknowledges a message beyond its budget: too large, or its topic too long", () => {
    const rig = new Rig({}, { receive: 64, topic: 8 }).open();
    rig.give(publish("a", "x".repeat(65), 1, 7), publish("t".repeat(9), "x", 2, 8));
    assert.deepEqual(said(rig), [
      "overflow 7 q1 part a [0..64 of 65]: 64 bytes",
      "overflow 8 q2 part tttttttt [0..0 of 1]: ",
      "> 40 02 00 07 50 02 00 08",
    ]);
  });
});

describe("conformance: order (§4.6)", () => {
  it("[MQTT-4.6.0-1] sends again in the order of the first time, QoS 1 and 2 together, over the wrap of the ids", () => {
    const rig = new Rig({ firstId: 5, lastId: 8 }).open();
    for (const qos of [1, 2, 2, 1] as const) rig.session.publish({ ...MESSAGE, qos }, 0);
    rig.bytes();
    rig.give(ack("puback", 5));
    rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.lost();
    rig.open(true);
    assert.deepEqual(rig.sent(), [
      "PUBLISH 6 q2 dup a: x",
      "PUBLISH 7 q2 dup a: x",
      "PUBLISH 8 q1 dup a: x",
      "PUBLISH 5 q2 dup a: x",
    ]);
  });

  /** Four messages come while the first piece of a message of ours is leaving, which holds the answers back. */
  function answers(qos: 1 | 2): string {
    const rig = new Rig().open();
    rig.session.publish({ ...MESSAGE, qos: 0, payload: "xyz" }, 0);
    rig.transmit(new Uint8Array(3), 3, 0);
    rig.give(publish("a", "1", qos, 9), publish("a", "2", qos, 3));
    rig.give(publish("a", "3", qos, 7), publish("a", "4", qos, 1));
    return sent(rig).slice("01 61 78 79 7a ".length);
  }

  it("[MQTT-4.6.0-2] sends PUBACKs in the order in which the messages came", () => {
    assert.equal(answers(1), "40 02 00 09 40 02 00 03 40 02 00 07 40 02 00 01");
  });

  it("[MQTT-4.6.0-3] sends PUBRECs in the order in which the messages came", () => {
    assert.equal(answers(2), "50 02 00 09 50 02 00 03 50 02 00 07 50 02 00 01");
  });

  it("[MQTT-4.6.0-4] sends PUBRELs in the order of the PUBRECs, also again", () => {
    const rig = new Rig().open();
    for (let count = 0; count < 4; count += 1) rig.session.publish(MESSAGE, 0);
    rig.bytes();
    rig.give(ack("pubrec", 2), ack("pubrec", 4), ack("pubrec", 1), ack("pubrec", 3));
    const order = ["PUBREL 2", "PUBREL 4", "PUBREL 1", "PUBREL 3"];
    assert.deepEqual(rig.sent(), order);
    rig.lost();
    rig.open(true);
    assert.deepEqual(rig.sent(), order);
  });

  it("[MQTT-4.6.0-6] hands messages over in the order in which they came", () => {
    assert.deepEqual(answer("32 06 00 01 61 00 09 31 34 06 00 01 61 00 03 32 30 04 00 01 61 33").slice(0, 3), [
      "message 9 q1 a: 1",
      "message 3 q2 a: 2",
      "message q0 a: 3",
    ]);
  });
});

describe("conformance: what ends a connection (§4.8)", () => {
  it("[MQTT-4.8.0-1] closes on bytes that no server may send: types that are none, or a client's, wrong lengths", () => {
    const body = (first: string) => `${first} 02 00 01`;
    for (const first of ["00", "f0", "10", "80", "82", "a0", "a2", "c0", "e0"]) closes(body(first), "malformed");
    for (const type of ["40", "50", "62", "70", "b0"]) {
      closes(`${type} 00`, "malformed");
      closes(`${type} 01 00`, "malformed");
      closes(`${type} 03 00 01 00`, "malformed");
    }
    closes("d0 01 00", "malformed");
    closes("30 ff ff ff ff", "malformed");
  });

  it("[MQTT-4.8.0-1] closes on answers to what was never sent or asked, with the statement that they break", () => {
    const cases: readonly [Packet, string][] = [
      [{ cmd: "suback", messageId: 1, granted: [0] }, "MQTT-4.3.2-2"],
      [ack("unsuback", 2), "MQTT-4.3.3-2"],
      [ack("puback", 3), "MQTT-3.8.4-1"],
      [ack("pubrec", 4), "MQTT-3.10.4-4"],
    ];
    for (const [packet, statement] of cases) {
      const rig = new Rig().open();
      rig.session.publish({ ...MESSAGE, qos: 1 }, 0);
      rig.session.publish(MESSAGE, 0);
      rig.session.subscribe([{ topic: "a", qos: 0 }], 0);
      rig.session.unsubscribe(["a"], 0);
      rig.bytes();
      rig.give(packet);
      assert.deepEqual(said(rig), [`closed violation ${statement}`]);
    }
  });

  it("[MQTT-4.8.0-1] looks at nothing that comes behind the breach", () => {
    const message = "32 06 00 01 61 00 07 78";
    closes(`36 03 00 01 61 ${message}`, "malformed MQTT-3.3.1-4");
    assert.deepEqual(answer(`${message} 20 02 00 00 ${message}`), [
      "message 7 q1 a: x",
      "closed violation MQTT-3.2.0-1",
    ]);
  });

  it("[MQTT-4.8.0-2] closes when more QoS 2 messages come at once than it has places for; the server keeps them", () => {
    const rig = new Rig({}, { inbound: 2 }).open();
    for (const id of [1, 2, 3]) rig.give(publish("a", `${id}`, 2, id));
    assert.deepEqual(said(rig), ["message 1 q2 a: 1", "message 2 q2 a: 2", "closed overflow MQTT-4.8.0-2"]);
    rig.open(true);
    rig.give(ack("pubrel", 1), publish("a", "3", 2, 3, true));
    assert.deepEqual(said(rig), ["message 3 q2 dup a: 3", "> 70 02 00 01 50 02 00 03"]);
  });

  it("[MQTT-4.8.0-2] closes when an acknowledgement finds no room, in place of dropping it", () => {
    const rig = new Rig({}, { send: 64 }).open();
    for (let id = 1; id <= 17; id += 1) rig.raw(encode(publish("a", "", 1, id)));
    const events = said(rig);
    assert.equal(events.at(-1), "closed overflow MQTT-4.8.0-2");
    assert.equal(events.length, 18);
  });

  it("[MQTT-4.8.0-2] closes on a SUBACK that is longer than any that it can have asked for", () => {
    closes(`90 41 00 01${" 00".repeat(63)}`, "malformed MQTT-4.8.0-2");
  });

  it("[MQTT-4.8.0-2] closes when what is to be sent cannot be read", () => {
    const rig = new Rig().open();
    const payload = {
      length: 3,
      read() {
        throw new Error("the flash is worn");
      },
    };
    rig.session.publish({ ...MESSAGE, payload }, 0);
    assert.throws(() => rig.bytes(), /worn/);
    assert.deepEqual(rig.events(), ["closed internal"]);
    assert.equal(rig.session.pending, 1);
  });
});

describe("conformance: the byte stream (chapters 6 and 7)", () => {
  /** A server's side of a connection, with something of everything. */
  const stream: readonly Packet[] = [
    connack(true),
    publish("a", "1"),
    publish("b", "x".repeat(200), 1, 7),
    publish("c", "2", 2, 8),
    ack("pubrel", 8),
    ack("pubrec", 1),
    { cmd: "suback", messageId: 2, granted: [1, 128] },
    publish("č", "", 0),
    { cmd: "pingresp" },
  ];

  function session(): Rig {
    const rig = new Rig();
    rig.session.publish(MESSAGE, 0);
    rig.connect();
    rig.bytes();
    return rig;
  }

  /** The same bytes in fragments of so many, each with its answers as it was given. */
  function heard(sizeOf: (at: number) => number): string[] {
    const rig = session();
    const bytes = new Uint8Array(Buffer.concat(stream.map((packet) => encode(packet))));
    let out = "";
    let at = encode(connack(true)).length;
    rig.raw(bytes.subarray(0, at));
    out += sent(rig);
    rig.session.subscribe([{ topic: "a", qos: 1 }, THE_OTHER], 0);
    out += sent(rig);
    while (at < bytes.length) {
      const size = sizeOf(at);
      rig.raw(bytes.subarray(at, at + size));
      at += size;
    }
    return [...rig.events(), out, sent(rig)];
  }
  const THE_OTHER = Object.freeze({ topic: "b", qos: 0 } as const);

  it("[MQTT-6.0.0-2] understands packets whatever frames or segments they come in", () => {
    const whole = heard(() => 10_000);
    assert.equal(whole.length, 7 + 2);
    for (const size of [1, 2, 3, 5, 7, 64])
      assert.deepEqual(
        heard(() => size),
        whole,
      );
  });

  it("[MQTT-7.1.2-1] needs nothing of its transport but that bytes come in order: any fragments give the same", () => {
    const whole = heard(() => 10_000);
    for (let seed = 1; seed <= 20; seed += 1) {
      assert.deepEqual(
        heard((at) => 1 + ((at * 2_654_435_761 + seed * 97) % (seed * 5))),
        whole,
      );
    }
  });
});
