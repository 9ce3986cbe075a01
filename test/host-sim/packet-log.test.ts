// The packet log over a whole world, and over bytes made for it: what a row says, and that no password is ever in one.

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "mocha";
import { generate, type Packet } from "mqtt-packet";
import type { Direction, Traffic } from "../../host-sim/network.js";
import { PacketLog } from "../../host-sim/packet-log.js";
import type { PacketView } from "../../host-sim/page/details.js";
import { PasswordMask } from "../../host-sim/password-mask.js";
import { World, type WorldBoardOptions } from "../../host-sim/world.js";
import { idOf } from "../alert-id.js";

const SECRET = "hush hush";

describe("host-sim/packet-log", () => {
  let log: PacketLog;
  let rows: PacketView[];
  let now: number;

  beforeEach(() => {
    rows = [];
    now = 0;
    log = new PacketLog((packet) => rows.push(packet));
  });

  function traffic(type: Traffic["type"], direction: Direction, bytes: Uint8Array, changes: Partial<Traffic>): Traffic {
    return { at: ++now, chipId: 5750, connection: 1, port: 1883, type, direction, bytes, ...changes };
  }

  function hear(
    type: Traffic["type"],
    direction: Direction,
    bytes: Uint8Array = new Uint8Array(0),
    changes = {},
  ): void {
    log.heard(0, traffic(type, direction, bytes, changes));
  }

  function world(options: WorldBoardOptions = {}): World {
    const made = new World({ board: { powered: false, ...options } });
    made.network.onTraffic((each) => log.heard(0, each));
    made.board.powerOn();
    return made;
  }

  const words = (from = rows) => from.map(({ direction, type, detail }) => `${direction} ${type} ${detail}`.trim());

  it("tells a first press packet by packet, in the order of the wire", () => {
    const made = world();
    made.run(20_000);
    rows.length = 0;
    made.press();
    made.run(5000);
    assert.deepEqual(
      rows
        .slice(0, 4)
        .map(({ direction, type, qos, packetId, topic, length }) => [direction, type, qos, packetId, topic, length]),
      [
        ["up", "PUBLISH", 2, 1, "mresetar/alertbox/5750/alert", 107 + idOf(made.board, 1).length],
        ["down", "PUBREC", undefined, 1, "", 4],
        ["up", "PUBREL", undefined, 1, "", 4],
        ["down", "PUBCOMP", undefined, 1, "", 4],
      ],
    );
    const id = idOf(made.board, 1);
    assert.ok(rows[0]?.detail.startsWith(`{"pushes":1,"event":"press","id":"${id}",`), rows[0]?.detail);
    // Two bytes of the header, the rest is its remaining length.
    assert.equal(rows[0]?.length, 107 + id.length);
    const remaining = (105 + id.length).toString(16);
    assert.ok(rows[0]?.hex.startsWith(`34 ${remaining} 00 1c 6d 72 65 73`), rows[0]?.hex);
    assert.deepEqual(rows[1]?.hex, "50 02 00 01");
    assert.ok(rows.every(({ breach }) => breach === undefined));
    assert.ok(rows.every(({ id }, index) => index === 0 || id === (rows[index - 1]?.id ?? 0) + 1));
    assert.deepEqual(log.packets.slice(-rows.length), rows);
    made.close();
  });

  it("tells how a connection begins and ends, and numbers the connections", () => {
    const made = world();
    made.run(20_000);
    assert.deepEqual(words(rows.slice(0, 6)), [
      "up TCP open port 1883 of the broker",
      "up CONNECT client alertbox5750, clean session, keep-alive 60 s, " +
        'will mresetar/alertbox/5750/lwt QoS 1 retained {"state":"lost","chip":5750,"fw":"1.0.0"}',
      "down CONNACK accepted, no session",
      "up DISCONNECT",
      "up TCP end by the board",
      "up TCP open port 1883 of the broker",
    ]);
    assert.equal(rows[1]?.topic, "mresetar/alertbox/5750/lwt");
    assert.deepEqual(new Set(rows.map(({ connection }) => connection)), new Set([1, 2]));
    const before = rows.length;
    made.broker.stop();
    made.run(1000);
    assert.deepEqual(words(rows.slice(before, before + 2)), [
      "down TCP reset by the broker",
      "down TCP reset refused, or nobody answered",
    ]);
    made.close();
  });

  it("says what was subscribed to, and what the broker granted", () => {
    const made = world();
    made.run(20_000);
    const row = rows.find(({ type }) => type === "SUBSCRIBE");
    assert.equal(row?.topic, "mresetar/alertbox/5750/cmd/+");
    assert.equal(row.detail, "mresetar/alertbox/5750/cmd/+ QoS 1");
    assert.ok(words().includes("down SUBACK QoS 1"));
    hear("open", "up");
    hear("data", "down", generate({ cmd: "suback", messageId: 1, granted: [0, 128] } as Packet));
    assert.equal(rows.at(-1)?.detail, "QoS 0, refused");
    made.close();
  });

  for (const [code, expected] of [
    [0, "accepted, session present"],
    [4, "refused, 4: bad user name or password"],
    [5, "refused, 5: not authorised"],
    [77, "refused, 77: unknown code"],
  ] as const) {
    it(`says what CONNACK ${code} means`, () => {
      hear("open", "up");
      hear("data", "down", Uint8Array.of(0x20, 2, code === 0 ? 1 : 0, code));
      assert.deepEqual(words().at(-1), `down CONNACK ${expected}`);
    });
  }

  it("shows no password, neither as text nor as bytes, in whatever pieces it comes", () => {
    const connect = generate({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 4,
      clientId: "box",
      clean: true,
      keepalive: 60,
      username: "me",
      password: Buffer.from(SECRET),
      will: { topic: "w", payload: Buffer.from("gone"), qos: 1, retain: true },
    });
    const shown = `${connect.subarray(0, -SECRET.length).toString("hex")}${"··".repeat(SECRET.length)}`;
    for (const size of [1, 2, 7, 50, 1460]) {
      const connection = size;
      hear("open", "up", undefined, { connection });
      for (let at = 0; at < connect.length; at += size) {
        hear("data", "up", connect.subarray(at, at + size), { connection });
      }
      const row = rows.at(-1);
      assert.equal(row?.type, "CONNECT");
      assert.equal(
        row.detail,
        "client box, user me with a password, clean session, keep-alive 60 s, will w QoS 1 retained gone",
      );
      assert.equal(row.hex.replaceAll(" ", ""), shown);
      assert.equal(row.length, connect.length);
    }
  });

  it("shows settings that are sent to a board without their passwords", () => {
    const settings = { host: "h", password: SECRET, wifiPassword: SECRET, wifi: [{ ssid: "s", password: SECRET }] };
    const send = (payload: string) => {
      const packet = { cmd: "publish", topic: "a/cmd/config", payload, qos: 1, retain: true, dup: false, messageId: 9 };
      hear("data", "down", generate(packet as Packet));
      return rows.at(-1);
    };
    hear("open", "up");
    const row = send(JSON.stringify(settings));
    assert.equal(row?.detail, '{"host":"h","password":"··","wifiPassword":"··","wifi":[{"ssid":"s","password":"··"}]}');
    const payloadLength = JSON.stringify(settings).length;
    assert.ok(row?.hex.endsWith("00 09".concat(" ··".repeat(payloadLength))), row?.hex);
    assert.equal(row?.retain, true);
    assert.equal(send(`{"password":"${SECRET}"`)?.detail, "(23 bytes that may hold a password)");
    assert.equal(send("")?.detail, "");
    for (const each of rows) assert.doesNotMatch(JSON.stringify(each), new RegExp(SECRET));
  });

  it("leaves out what is no connection to a broker: a phone at the setup page", () => {
    const password = Buffer.from(`POST / HTTP/1.1\r\n\r\npassword=${SECRET}`);
    hear("open", "down", undefined, { port: 80 });
    hear("data", "up", password, { port: 80 });
    hear("data", "down", password, { port: 80 });
    hear("end", "up", undefined, { port: 80 });
    hear("reset", "down", undefined, { port: 80 });
    assert.deepEqual(rows, []);
  });

  it("names the rule that a packet of the board breaks", () => {
    hear("open", "up");
    hear("data", "up", Uint8Array.of(0x60, 2, 0, 1));
    assert.deepEqual(rows.at(-1)?.breach, { statement: "MQTT-3.6.1-1", detail: "PUBREL: flags are 0, not 2" });
    hear("data", "up", Uint8Array.of(0x40, 2, 0, 0));
    assert.equal(rows.at(-1)?.breach?.statement, "MQTT-2.3.1-6");
    // The bytes of the broker's packets are not judged, what they mean is.
    hear("data", "down", Uint8Array.of(0x40, 2, 0, 0));
    assert.deepEqual(rows.at(-1)?.breach, { statement: "MQTT-3.2.0-1", detail: "PUBACK before CONNECT" });
  });

  it("shows bytes that are no packet as such, and goes on where it can", () => {
    hear("open", "up");
    hear("data", "down", Uint8Array.of(0xf0, 0));
    assert.equal(rows.at(-1)?.type, "bytes");
    assert.equal(rows.at(-1)?.hex, "f0 00");
    hear("data", "down", Uint8Array.of(0xd0, 0, 0x50, 0xff));
    assert.equal(rows.at(-1)?.type, "PINGRESP");
    hear("data", "down", Uint8Array.of(0xff, 0xff, 0xff, 1, 2));
    assert.equal(rows.at(-1)?.type, "bytes");
    assert.equal(rows.at(-1)?.detail, "the remaining length ff ff ff ff has more than four bytes");
    // Nobody knows what follows, so it is treated as a secret.
    assert.equal(rows.at(-1)?.hex, "ff ff ff 01 ··");
    const count = rows.length;
    hear("data", "down", Uint8Array.of(0xd0, 0));
    assert.equal(rows.length, count, "nothing is a packet any more");
  });

  it("shows at most 256 bytes and 200 characters, and says when a payload is no text", () => {
    const publish = (payload: string | Buffer) => {
      const packet = { cmd: "publish", topic: "t", payload, qos: 0, retain: false, dup: true };
      hear("data", "down", generate({ ...packet, dup: false } as Packet));
      return rows.at(-1);
    };
    hear("open", "up");
    const long = publish("ž".repeat(1000));
    assert.equal(long?.length, 2006);
    assert.equal(long?.hex.length, 256 * 3 - 1);
    assert.equal(long?.detail, `${"ž".repeat(200)}…`);
    assert.equal(publish(Buffer.of(0xc3, 0x28))?.detail, "(2 bytes that are no text)");
    assert.equal(publish("a\u0000b")?.detail, "(3 bytes that are no text)");
    assert.equal(publish("a\nb")?.detail, "a\nb");
  });

  it("keeps the last 2000 rows of all boards, and none of a board that was removed", () => {
    for (let board = 0; board < 2; board++) log.heard(board, traffic("open", "up", new Uint8Array(0), {}));
    for (let count = 0; count < 3000; count++) {
      log.heard(count % 2, traffic("data", "up", Uint8Array.of(0xc0, 0), {}));
    }
    assert.equal(log.packets.length, 2000);
    assert.equal(log.packets.at(-1)?.id, 3002);
    log.remove(1);
    assert.ok(log.packets.length >= 1000);
    assert.ok(log.packets.every(({ board }) => board === 0));
    log.heard(1, traffic("data", "up", Uint8Array.of(0xc0, 0), {}));
    assert.equal(rows.at(-1)?.id, 3002, "its connections are forgotten, too");
  });

  it("follows a few connections of a board at once, however many it left open", () => {
    for (let connection = 1; connection <= 10; connection++) hear("open", "up", undefined, { connection });
    rows.length = 0;
    for (let connection = 1; connection <= 10; connection++) {
      hear("data", "up", Uint8Array.of(0xc0, 0), { connection });
    }
    assert.deepEqual(
      rows.map(({ connection }) => connection),
      [7, 8, 9, 10],
    );
  });
});

describe("host-sim/password-mask", () => {
  /** The bytes that are not secret, as text. */
  function shown(bytes: Uint8Array): string {
    const mask = new PasswordMask().feed(bytes);
    return Buffer.from(bytes.filter((_, index) => mask[index] === 0)).toString("latin1");
  }

  const connect = (flags: number, ...fields: readonly string[]): Buffer => {
    const texts = ["MQTT", ...fields].map((text) => Buffer.concat([Buffer.of(0, text.length), Buffer.from(text)]));
    const [name = Buffer.of(), ...rest] = texts;
    const body = Buffer.concat([name, Buffer.of(4, flags, 0, 60), ...rest]);
    return Buffer.concat([Buffer.of(0x10, body.length), body]);
  };

  it("hides the last field only, and what comes in the next packet is shown again", () => {
    const both = Buffer.concat([connect(0xc2, "box", "me", SECRET), Buffer.from("\xc0\x00", "latin1")]);
    assert.equal(shown(both).includes(SECRET), false);
    assert.equal(shown(both), both.toString("latin1").replace(SECRET, ""));
  });

  it("a packet without a password is shown as a whole", () => {
    for (const packet of [connect(2, "box"), connect(6, "box", "will", "bye"), connect(0x82, "box", "me")]) {
      assert.equal(shown(packet), packet.toString("latin1"));
    }
  });

  it("hides a password that comes without a user name, which no client may send", () => {
    assert.equal(shown(connect(0x42, "box", SECRET)).includes(SECRET), false);
  });

  it("hides what follows where a length cannot be true", () => {
    const packet = connect(0xc2, "box", "me", SECRET);
    packet[15] = 200;
    assert.equal(shown(packet).includes(SECRET), false);
    assert.equal(shown(Buffer.concat([Buffer.of(0x10, 255, 255, 255, 255, 1), packet])).includes(SECRET), false);
  });
});
