// The link under a server that floods, and under resets at bad moments.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type Options, Rig } from "./client-rig.js";

describe("MqttLink", () => {
  it("survives a RST that comes right behind data: the answer cannot be written any more", () => {
    const rig = new Rig({ clean: false, reconnect: { minimum: 1, maximum: 1 } }).connected();
    rig.subscribe({ topic: "in", QoS: 2 });
    rig.run(100);
    rig.world.broker.publish("in", "x", { qos: 2 });
    rig.world.broker.drop("unit");
    rig.until("waiting").until("connected").run(1000);
    assert.deepEqual(
      rig.read.map(({ text }) => text),
      ["x"],
    );
    rig.done();
  });
  it("tiny QoS 1 messages, 400 in one burst", () => {
    const rig = new Rig({ reconnect: { minimum: 1, maximum: 1 } }).connected();
    rig.subscribe({ topic: "#", QoS: 1 });
    rig.run(100);
    rig.world.network.hold("down");
    for (let i = 0; i < 400; i += 1) rig.world.broker.publish("a", "", { qos: 1 });
    rig.run(50);
    rig.world.network.release("down");
    rig.run(5000);
    assert.equal(rig.read.length, 400);
    assert.deepEqual(rig.failures, []);
    rig.done();
  });
});

describe("MqttLink: packets that come together", () => {
  /** A server that says CONNACK, and then these bytes in one segment. */
  function burst(rig: Rig, bytes: number[], isLast: boolean): void {
    rig.world.network.listen("10.0.0.2", 1999, (peer) => {
      peer.onData = (data: Uint8Array) => {
        if (data[0] !== 0x10) return;
        peer.write(Uint8Array.from([0x20, 2, 0, 0, ...bytes]));
        if (isLast) peer.close();
      };
    });
  }
  const message = (text: number): number[] => [0x30, 4, 0, 1, 97, text];

  it("have turns of their own, in their order", () => {
    const rig = new Rig({ port: 1999, reconnect: false });
    burst(rig, [...message(0x31), ...message(0x32), 0xd0, 0, ...message(0x33)], false);
    const { clock } = rig.world;
    for (let before = 0; rig.read.length < 3; before = rig.told.length) {
      assert.ok(clock.next(), "something is still to come");
      assert.ok(rig.told.length - before < 3, rig.told.slice(before).join(", "));
      const messages = rig.told.slice(before).filter((word) => word.startsWith("readable"));
      assert.ok(messages.length < 2, "one message in a turn");
    }
    assert.deepEqual(
      rig.read.map(({ text }) => text),
      ["1", "2", "3"],
    );
    assert.deepEqual(rig.failures, []);
  });

  it("all count when the connection ends behind them", () => {
    const rig = new Rig({ port: 1999, reconnect: false });
    burst(rig, [...message(0x31), ...message(0x32), ...message(0x33)], true);
    rig.until("closed");
    assert.deepEqual(
      rig.read.map(({ text }) => text),
      ["1", "2", "3"],
    );
    assert.deepEqual(
      rig.failures.map(({ reason }) => reason),
      ["lost"],
    );
  });

  it("an oversize message is skipped, acknowledged, and followed by the next one", () => {
    const rig = new Rig({ port: 1999, reconnect: false, budget: { receive: 128 } });
    const long = [0x32, 0x80 | (2005 & 127), 2005 >> 7, 0, 1, 97, 0, 9, ...new Array<number>(2000).fill(0x78)];
    const acks: number[] = [];
    rig.world.network.listen("10.0.0.2", 1999, (peer) => {
      peer.onData = (data: Uint8Array) => {
        if (data[0] === 0x10) peer.write(Uint8Array.from([0x20, 2, 0, 0, ...long, ...message(0x31)]));
        else acks.push(...data);
      };
    });
    rig.connected().run(1000);
    assert.deepEqual(
      rig.overflows.map(({ byteLength, text }) => `${byteLength} ${text.length}`),
      ["2000 128"],
    );
    assert.deepEqual(
      rig.read.map(({ text }) => text),
      ["1"],
    );
    assert.deepEqual(acks, [0x40, 2, 0, 9]);
  });
});

describe("MqttLink: many small writes", () => {
  it("stay within the eight segments that lwIP queues", () => {
    const rig = new Rig((self) => {
      const { default: io } = self.modules("embedded:io/socket/tcp") as { default: never };
      return { reconnect: false, budget: { inFlight: 40 }, socket: { io, nodelay: true } };
    }).connected();
    rig.world.network.hold("down");
    for (let i = 0; i < 30; i += 1) {
      rig.publish("a", "x", 1);
      rig.run(1);
    }
    rig.world.network.release("down");
    rig.run(5000);
    assert.deepEqual(rig.failures, []);
    assert.equal(rig.world.broker.messages("a").length, 30);
    rig.done();
  });
});

describe("MqttLink: a server without an in-flight limit", () => {
  it("sends 400 tiny QoS 1 messages at once", () => {
    const rig = new Rig({ port: 1999, reconnect: false });
    let acks = 0;
    rig.world.network.listen("10.0.0.2", 1999, (peer) => {
      peer.onData = (bytes: Uint8Array) => {
        if (bytes[0] !== 0x10) {
          acks += bytes.length;
          return;
        }
        peer.write(Uint8Array.of(0x20, 2, 0, 0));
        const burst: number[] = [];
        for (let id = 1; id <= 400; id += 1) burst.push(0x32, 5, 0, 1, 97, id >> 8, id & 255);
        peer.write(Uint8Array.from(burst));
      };
    });
    rig.connected();
    rig.run(5000);
    assert.deepEqual(rig.failures, []);
    assert.equal(rig.read.length, 400);
    assert.equal(acks, 1600);
  });
});

describe("MqttLink: four bytes that come alone", () => {
  const QUIET = { onControl: undefined, onReceived: undefined, onDelivered: undefined } as unknown as Options;
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

  /** A client at a server that says nothing but CONNACK by itself, and what that server hears after it. */
  function meet(options: Options = {}): { rig: Rig; heard: string[]; say(packet: string): void } {
    const rig = new Rig({ port: 1999, reconnect: false, keepAlive: 0, ...options });
    const heard: string[] = [];
    let send: (bytes: Uint8Array) => void = () => {};
    rig.world.network.listen("10.0.0.2", 1999, (peer) => {
      send = (bytes) => peer.write(bytes);
      peer.onData = (bytes: Uint8Array) => {
        if (bytes[0] === 0x10) send(Uint8Array.of(0x20, 2, 0, 0));
        else heard.push(hex(bytes));
      };
    });
    rig.connected();
    const say = (packet: string): void => {
      send(Buffer.from(packet.replaceAll(" ", ""), "hex"));
      rig.run(50);
    };
    return { rig, heard, say };
  }

  for (const [who, options] of [
    ["somebody", {}],
    ["nobody", QUIET],
  ] as const) {
    it(`are answers, and PUBRELs leave in their order, when ${who} listens`, () => {
      const { rig, heard, say } = meet(options);
      for (let id = 1; id <= 3; id += 1) rig.publish("a", "x", 2);
      rig.run(50);
      heard.length = 0;
      for (const packet of ["50020002", "50020003", "50020001"]) say(packet);
      assert.deepEqual(heard, ["62020002", "62020003", "62020001"]);
      for (const packet of ["70020003", "70020002", "70020001"]) say(packet);
      assert.deepEqual(rig.failures, []);
      if (who === "somebody") {
        const told = rig.told.filter((word) => /^(received|delivered)/.test(word)).join(", ");
        assert.equal(told, "received 2, received 3, received 1, delivered 3, delivered 2, delivered 1");
      }
      assert.equal(rig.publish("a", "y", 1), 4);
      rig.run(50);
      say("40020004");
      assert.deepEqual(rig.failures, []);
    });
  }

  it("are whatever else they are, too", () => {
    const { rig, heard, say } = meet();
    say("d0 00 d0 00");
    // PUBREC and PUBREL of messages that were forgotten.
    say("50 02 00 09");
    say("62 02 00 07");
    assert.deepEqual(heard, ["62020009", "70020007"]);
    // The beginning of a message.
    say("30 04 00 01");
    say("61 31");
    assert.deepEqual(
      rig.read.map(({ text }) => text),
      ["1"],
    );
    // A PUBREC that comes again.
    rig.publish("a", "x", 2);
    rig.run(50);
    heard.length = 0;
    say("50 02 00 01");
    say("50 02 00 01");
    say("70 02 00 01");
    assert.deepEqual(heard, ["62020001", "62020001"]);
    assert.deepEqual(rig.failures, []);
  });

  it("end the connection when they break a rule", () => {
    for (const [packet, statement] of [
      ["50 02 00 00", "MQTT-2.3.1-1"],
      ["62 02 00 00", "MQTT-2.3.1-1"],
      ["51 02 00 01", "MQTT-2.2.2-2"],
      ["60 02 00 01", "MQTT-2.2.2-2"],
      ["50 03 00 01", ""],
      ["70 02 00 01", "MQTT-4.3.3-2"],
    ] as const) {
      const { rig, say } = meet();
      rig.publish("a", "x", 2);
      rig.run(50);
      say(packet);
      assert.deepEqual(
        rig.failures.map((failure) => failure.statement),
        [statement],
        packet,
      );
    }
  });

  for (const [what, answers] of [
    ["PUBREC", []],
    ["PUBCOMP", ["50 02 00 01"]],
  ] as const) {
    it(`are awaited for ten seconds after what has left at once: ${what}`, () => {
      const { rig, say } = meet(QUIET);
      // All earlier deadlines are over.
      rig.run(60_000);
      rig.publish("a", "x", 2);
      rig.run(5000);
      for (const packet of answers) say(packet);
      rig.run(9500 - 5000 * (1 - answers.length));
      assert.equal(rig.failures.length, 0);
      rig.run(1000);
      assert.match(rig.failures[0]?.detail ?? "", new RegExp(`no ${what} for id 1 within 10000 ms`));
    });
  }
});
