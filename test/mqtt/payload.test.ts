import assert from "node:assert/strict";
import { describe, it } from "mocha";
import mqttPacket, { type IPublishPacket } from "mqtt-packet";
import type { Inbound, Message, PayloadSource } from "../../src/mqtt/session.js";
import { type Kind, long, veryLong } from "../effort.js";
import { ack, encode, publish, Rig } from "./peer.js";

const SIZES = Object.freeze([0, 1, 127, 128, 16383, 16384, 2097151, 2097152]);
const FRAGMENTS = Object.freeze([1, 536, Number.POSITIVE_INFINITY]);

/** Bytes that differ from their neighbours and from those 256 or 536 further on. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index += 1) bytes[index] = (index * 31 + (index >> 7)) & 255;
  return bytes;
}

const LARGEST = pattern(2097152);

function sourceOf(payload: Uint8Array): PayloadSource {
  return {
    length: payload.length,
    read(offset, into, at, count) {
      into.set(payload.subarray(offset, offset + count), at);
    },
  };
}

/** A source that has so many bytes at hand at a time. */
function slowSourceOf(payload: Uint8Array, available: number): PayloadSource {
  return { ...sourceOf(payload), available };
}

/** The stream that the session gives, `limit` bytes at a time. */
function collect(rig: Rig, limit: number, total: number): Uint8Array {
  const into = new Uint8Array(limit);
  const out = new Uint8Array(total + 100);
  let at = 0;
  for (;;) {
    const count = rig.transmit(into, limit, 0);
    if (count === 0) return out.subarray(0, at);
    out.set(count === limit ? into : into.subarray(0, count), at);
    at += count;
  }
}

function parse(bytes: Uint8Array): IPublishPacket[] {
  const packets: IPublishPacket[] = [];
  const parser = mqttPacket.parser();
  parser.on("packet", (packet) => packets.push(packet as IPublishPacket));
  parser.parse(Buffer.from(bytes));
  return packets;
}

/** The largest take long on XS, byte by byte the longest. */
function kindOf(size: number, fragment: number): Kind {
  if (size > 2_000_000) return fragment === 1 ? veryLong : long;
  return size === 16383 && fragment === 1 ? long : { it };
}

describe("payload: out", () => {
  it("from a source that has less at hand than fits: no more of it in one transmit(), and all of it in the end", () => {
    const payload = LARGEST.subarray(0, 1000);
    for (const available of [1, 100, 999, 1000, 5000]) {
      const rig = new Rig({}, { send: 512 }).open();
      rig.session.publish({ topic: "a", payload: slowSourceOf(payload, available), qos: 1, retain: false }, 0);
      const parts: number[] = [];
      let packet = Buffer.alloc(0);
      for (let count = 1; count > 0; ) {
        const into = new Uint8Array(512);
        count = rig.transmit(into, 512, 0);
        parts.push(count);
        packet = Buffer.concat([packet, into.subarray(0, count)]);
      }
      const header = packet.length - payload.length;
      assert.equal(parts[0], header + Math.min(available, 512 - header));
      assert.equal(parts[1], Math.min(available, 512, 1000 - ((parts[0] as number) - header)));
      assert.deepEqual(Buffer.from((parse(packet)[0] as IPublishPacket).payload), Buffer.from(payload));
    }
  });

  for (const size of SIZES) {
    for (const fragment of FRAGMENTS) {
      kindOf(size, fragment).it(`${size} bytes, ${fragment} at a time, within the budget`, () => {
        const payload = LARGEST.subarray(0, size);
        const rig = new Rig({}, { send: 64, receive: 64 }).open();
        const memory = rig.memory;
        rig.session.publish({ topic: "topic", payload: sourceOf(payload), qos: 2, retain: true }, 0);
        // Acknowledgements and a message accepted in the meantime wait for the end of this one.
        rig.give(publish("a", "x", 1, 77));
        rig.session.publish({ topic: "topic", payload: "after", qos: 1, retain: false }, 0);
        const bytes = collect(rig, Math.min(fragment, size + 100), size);
        assert.deepEqual([...bytes.subarray(0, 4)], [0x40, 2, 0, 77]);
        const packets = parse(bytes.subarray(4));
        assert.equal(packets.length, 2);
        const [first, second] = packets as [IPublishPacket, IPublishPacket];
        assert.equal(first.topic, "topic");
        assert.equal(first.messageId, 1);
        assert.equal(first.retain, true);
        assert.equal(Buffer.compare(first.payload as Buffer, payload), 0);
        assert.equal(second.payload.toString(), "after");
        assert.equal(rig.memory, memory);
      });
    }
  }

  long.it("bytes, text and a source give the same stream for every limit", () => {
    const text = "čvrčak 🦗 ".repeat(20);
    const bytes = new Uint8Array(Buffer.from(text));
    const wanted = encode(publish("t", text, 1, 1));
    for (let limit = 1; limit <= wanted.length + 1; limit += 1) {
      for (const payload of [text, bytes, sourceOf(bytes)]) {
        const rig = new Rig().open();
        rig.session.publish({ topic: "t", payload, qos: 1, retain: false }, 0);
        assert.deepEqual(Buffer.from(collect(rig, limit, 500)), Buffer.from(wanted));
      }
    }
  });

  it("no payload, an empty one, and one with U+0000 are payloads", () => {
    const rig = new Rig().open();
    for (const payload of [undefined, "", new Uint8Array(0), "\0"]) {
      rig.session.publish({ topic: "t", payload, qos: 0, retain: true }, 0);
      assert.deepEqual(rig.sent(), [`PUBLISH q0 retain t: ${payload === "\0" ? "\0" : ""}`]);
    }
  });

  it("is read again for a re-send", () => {
    const rig = new Rig().open();
    rig.session.publish({ topic: "t", payload: sourceOf(pattern(300)), qos: 2, retain: false }, 0);
    const first = Buffer.from(rig.bytes());
    rig.lost();
    rig.open(true);
    const second = Buffer.from(rig.bytes(7));
    assert.equal(second[0], 0x3c);
    assert.deepEqual(second.subarray(1), first.subarray(1));
  });

  it("packets are never mixed: acknowledgements and PUBREL leave between messages", () => {
    for (let limit = 1; limit < 60; limit += 1) {
      const rig = new Rig().open();
      const reads: string[] = [];
      let given = 0;
      rig.session.publish({ topic: "t", payload: "first message", qos: 2, retain: false }, 0);
      rig.session.publish({ topic: "t", payload: "second message", qos: 1, retain: false }, 0);
      const into = new Uint8Array(limit);
      const stream: number[] = [];
      for (let step = 0; rig.session.wantsTransmit; step += 1) {
        stream.push(...into.subarray(0, rig.transmit(into, limit, 0)));
        if (step >= 10) continue;
        given += 1;
        rig.give(publish("a", "x", 1, given));
      }
      const parser = mqttPacket.parser();
      parser.on("packet", (packet) => reads.push(packet.cmd));
      parser.on("error", (error) => {
        throw error;
      });
      parser.parse(Buffer.from(stream));
      assert.equal(reads.filter((cmd) => cmd === "publish").length, 2);
      assert.equal(reads.filter((cmd) => cmd === "puback").length, given);
    }
  });

  it("an exception from a source ends the connection and comes out of transmit()", () => {
    const rig = new Rig().open();
    const payload = {
      length: 5,
      read() {
        throw new Error("flash is gone");
      },
    };
    rig.session.publish({ topic: "t", payload, qos: 1, retain: false }, 0);
    assert.throws(() => rig.bytes(), /flash is gone/);
    assert.deepEqual(rig.events(), ["closed internal"]);
    assert.equal(rig.session.pending, 1);
    assert.equal(rig.session.wantsTransmit, false);
  });

  it("a source that ends the connection gets nothing more sent", () => {
    const rig = new Rig().open();
    const payload = { length: 5, read: () => rig.lost() };
    rig.session.publish({ topic: "t", payload, qos: 1, retain: false }, 0);
    assert.equal(rig.transmit(new Uint8Array(99), 99, 0), 0);
    assert.deepEqual(rig.events(), ["closed lost"]);
    assert.equal(rig.session.pending, 1);
  });

  it("a source that ends the connection while acknowledgements wait gets nothing more sent", () => {
    const rig = new Rig().open();
    let reads = 0;
    const payload = {
      length: 50,
      read: () => {
        reads += 1;
        if (reads === 2) rig.lost();
      },
    };
    rig.session.publish({ topic: "t", payload, qos: 1, retain: false }, 0);
    assert.equal(rig.transmit(new Uint8Array(20), 20, 0), 20);
    rig.give(publish("a", "x", 1, 7));
    assert.equal(rig.transmit(new Uint8Array(20), 20, 0), 0);
    assert.deepEqual(rig.events(), ["message 7 q1 a: x", "closed lost"]);
    assert.equal(rig.session.wantsTransmit, false);
  });

  it("a source that has changed its length since it was accepted is not sent with a false one", () => {
    for (const length of [0, 2, 4]) {
      const rig = new Rig().open();
      const payload = { ...sourceOf(pattern(3)) };
      rig.session.publish({ topic: "t", payload, qos: 1, retain: false }, 0);
      (payload as { length: number }).length = length;
      assert.throws(() => rig.bytes(), /changed after it was accepted/);
      assert.deepEqual(rig.events(), ["closed internal"]);
    }
  });

  it("sends a message as it was accepted, whatever is done to the object that described it", () => {
    const rig = new Rig().open();
    const message: { -readonly [Key in keyof Message]: Message[Key] } = {
      topic: "t",
      payload: "abc",
      qos: 1,
      retain: false,
    };
    rig.session.publish(message, 0);
    message.topic = "other";
    message.payload = "abcd";
    message.retain = true;
    assert.deepEqual(rig.sent(), ["PUBLISH 1 q1 t: abc"]);
  });
});

describe("payload: in", () => {
  for (const size of SIZES) {
    for (const fragment of FRAGMENTS) {
      kindOf(size, fragment).it(`${size} bytes in one piece, ${fragment} at a time, within the budget`, () => {
        const payload = LARGEST.subarray(0, size);
        const rig = new Rig({}, { receive: Math.max(64, size) }).open();
        let count = 0;
        rig.onMessage = (message: Inbound) => {
          count += 1;
          assert.equal(message.complete, true);
          assert.equal(Buffer.compare(message.bytes.subarray(message.start, message.end), payload), 0);
        };
        const memory = rig.memory;
        feed(rig, encode(publish("topic", payload, 2, 5)), fragment);
        assert.equal(count, 1);
        assert.equal(rig.memory, memory);
        assert.deepEqual(rig.sent(), ["PUBREC 5"]);
      });

      kindOf(size, fragment).it(`${size} bytes streamed, ${fragment} at a time, within a budget of 64 bytes`, () => {
        const payload = LARGEST.subarray(0, size);
        const rig = new Rig({ stream: true }, { receive: 64 }).open();
        const got = new Uint8Array(size);
        let completed = 0;
        rig.onMessage = (message: Inbound) => {
          if (message.end - message.start === 1) got[message.offset] = message.bytes[message.start] as number;
          else got.set(message.bytes.subarray(message.start, message.end), message.offset);
          if (message.complete) completed += 1;
        };
        const memory = rig.memory;
        feed(rig, encode(publish("topic", payload, 1, 5)), fragment);
        assert.equal(completed, 1);
        assert.equal(Buffer.compare(got, payload), 0);
        assert.equal(rig.memory, memory);
        rig.give(ack("pubrel", 9));
        assert.deepEqual(rig.sent(), ["PUBACK 5", "PUBCOMP 9"]);
      });
    }
  }
});

function feed(rig: Rig, bytes: Uint8Array, fragment: number): void {
  for (let at = 0; at < bytes.length; at += fragment) {
    rig.receive(bytes, at, Math.min(bytes.length, at + fragment), 0);
  }
}
