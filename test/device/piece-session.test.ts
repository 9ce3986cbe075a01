// Payloads larger than RAM on their way out: produced by a source while they are sent, or written in pieces as the
// pattern of ECMA-419 has it.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Rig } from "./client-rig.js";

/** Bytes 0, 1, 2 … 250, 0, 1 …: a payload in which every shift shows. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_value, index) => index % 251);
}

/** A payload that is made while it is sent. */
function source(bytes: Uint8Array) {
  return {
    length: bytes.length,
    read(offset: number, into: Uint8Array, at: number, count: number): void {
      into.set(bytes.subarray(offset, offset + count), at);
    },
  };
}

describe("MqttClient: payloads larger than RAM", () => {
  it("reads a source while it sends, with any QoS", () => {
    for (const QoS of [0, 1, 2]) {
      const rig = new Rig().connected();
      rig.publish("out", source(pattern(20_000)), QoS);
      rig.run(2000);
      assert.deepEqual(rig.world.broker.messages()[0]?.bytes, pattern(20_000));
      rig.done();
    }
  });

  it("reads it again from the start after a loss", () => {
    const rig = new Rig({ clean: false, reconnect: { minimum: 1, maximum: 1 } }).connected();
    rig.world.network.cutAt({ direction: "up", byte: 7000 }, () => rig.world.network.dropConnections());
    const id = rig.publish("out", source(pattern(20_000)), 2);
    rig.until("waiting").until("connected").run(3000);
    assert.deepEqual(rig.world.broker.messages()[0]?.bytes, pattern(20_000));
    assert.equal(rig.told.at(-1), `delivered ${id}`);
    rig.done();
  });

  /** Writes a message in pieces, each as large as the client has room for, from onWritable. */
  function writer(rig: Rig, payload: Uint8Array, QoS: number, first: number): void {
    let at = first;
    rig.on["writable"] = (count: number) => {
      const end = Math.min(payload.length, at + count);
      if (at === end) return;
      const piece = payload.slice(at, end);
      at = end;
      rig.write(piece);
      piece.fill(0);
    };
    rig.write(payload.subarray(0, first), { topic: "out", QoS, byteLength: payload.length });
  }

  it("takes a message in pieces as `write` of the pattern has it, with any QoS", () => {
    for (const QoS of [0, 1, 2]) {
      for (const first of [1, 100, 536]) {
        const rig = new Rig().connected();
        writer(rig, pattern(5000), QoS, first);
        // A first piece that leaves room does not call for more: the application goes on by itself.
        if (first < 536) rig.on["writable"]?.(rig.client.writable as never);
        rig.run(3000);
        assert.deepEqual(rig.world.broker.messages()[0]?.bytes, pattern(5000), `QoS ${QoS}, first ${first}`);
        rig.done();
      }
    }
  });

  it("takes them byte by byte, and a whole message that follows", () => {
    const rig = new Rig().connected();
    rig.write("S", { topic: "out/pieces", byteLength: 4 });
    for (const letter of "MAL") rig.write(letter);
    rig.run(100);
    rig.write("w", { topic: "out/whole", byteLength: 1 });
    rig.run(100);
    assert.deepEqual(rig.messages, ["out/pieces=SMAL", "out/whole=w"]);
    rig.done();
  });

  it("sends acknowledgements and waiting messages before a message in pieces, and none in the middle of it", () => {
    const rig = new Rig().connected();
    rig.subscribe({ topic: "in", QoS: 1 });
    rig.run(100);
    rig.publish("before", "1", 1);
    rig.write("ab", { topic: "out", byteLength: 4 });
    rig.world.broker.publish("in", "x", { qos: 1 });
    rig.run(1000);
    assert.deepEqual(
      rig.messages.filter((text) => !text.startsWith("in")),
      ["before=1"],
    );
    rig.write("cd");
    rig.publish("after", "2", 1);
    rig.run(1000);
    assert.deepEqual(
      rig.messages.filter((text) => !text.startsWith("in")),
      ["before=1", "out=abcd", "after=2"],
    );
    assert.equal(rig.world.broker.sessionOf("unit")?.outgoing, 0);
    rig.done();
  });

  it("refuses what does not fit the message or the room, and takes what does", () => {
    const rig = new Rig().connected();
    assert.throws(() => rig.write("more"), /no message is open/);
    assert.throws(() => rig.write("", { topic: "out", byteLength: 10 }), /begin this message with 1 to 10/);
    assert.throws(() => rig.write("0123456789a", { topic: "out", byteLength: 10 }), /begin this message with 1 to 10/);
    assert.throws(() => rig.write(new Uint8Array(537), { topic: "out", byteLength: 999 }), /with 1 to 536/);
    assert.throws(() => rig.write("a", { topic: "out", byteLength: 1.5 }), /byteLength is 1.5/);
    assert.throws(() => rig.write("a", { topic: "out/#", byteLength: 10 }), /wildcard|#/);
    rig.write("abc", { topic: "out", byteLength: 6 });
    assert.throws(() => rig.publish("other", "x"), /not complete; write its last 3 bytes first/);
    assert.throws(() => rig.write("defg"), /write at most 3 now/);
    rig.write("def");
    assert.throws(() => rig.write("x", { topic: "other", byteLength: 2 }), /no place is free/);
    rig.run(100);
    assert.deepEqual(rig.messages, ["out=abcdef"]);
    rig.done();
  });

  it("gives a message that is not continued up with its connection, and says so when it is continued", () => {
    const rig = new Rig({ reconnect: { minimum: 1, maximum: 1 } }).connected();
    rig.write("abc", { topic: "out", byteLength: 6 });
    rig.run(1000);
    assert.equal(rig.client.state, "connected");
    rig.run(10_000);
    assert.match(rig.told.join(), /reconnecting timeout/);
    assert.throws(() => rig.write("def"), /an end of the connection ends it/);
    rig.connected();
    rig.publish("out", "next", 1);
    rig.run(100);
    assert.deepEqual(rig.messages, ["out=next"]);
    rig.done();
  });

  it("refuses pieces where they might have to be sent again, and without a connection", () => {
    const rig = new Rig({ clean: false, keepAlive: 5000 }).connected();
    assert.throws(() => rig.write("a", { topic: "out", QoS: 1, byteLength: 2 }), /give a source/);
    rig.world.wifi.down();
    rig.until("waiting", 60_000);
    assert.throws(() => rig.write("a", { topic: "out", byteLength: 2 }), /no connection/);
    rig.done();
  });
});
