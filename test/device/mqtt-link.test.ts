// The link under a server that floods, and under resets at bad moments.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Rig } from "./client-rig.js";

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
