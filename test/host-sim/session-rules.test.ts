// The judge of sessions: each rule by packets made for it, one that breaks it and, where that is not plain, one that
// nearly does; and nothing found in what healthy boards and brokers say, whatever happens to them.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import mqtt, { type IConnackPacket, type IConnectPacket, type IPublishPacket, type Packet } from "mqtt-packet";
import { PacketLog } from "../../host-sim/packet-log.js";
import type { PacketView } from "../../host-sim/page/details.js";
import { SessionRules } from "../../host-sim/session-rules.js";
import { World, type WorldBoardOptions } from "../../host-sim/world.js";

/** A packet on its way, on connection 1 unless it says otherwise. */
interface Step {
  readonly direction: "up" | "down";
  readonly packet: Packet;
  readonly connection: number;
}

function up(packet: object, connection = 1): Step {
  return { direction: "up", packet: packet as Packet, connection };
}

function down(packet: object, connection = 1): Step {
  return { direction: "down", packet: packet as Packet, connection };
}

function connect(changes: Partial<IConnectPacket> = {}): object {
  return { cmd: "connect", protocolId: "MQTT", clientId: "box", clean: false, keepalive: 60, ...changes };
}

function connack(sessionPresent: boolean, returnCode = 0): Partial<IConnackPacket> {
  return { cmd: "connack", sessionPresent, returnCode };
}

function publish(messageId: number, changes: Partial<IPublishPacket> = {}): object {
  return { cmd: "publish", topic: "a", payload: "x", qos: 2, retain: false, dup: false, messageId, ...changes };
}

const DUP = Object.freeze({ dup: true } as const);
const QOS1 = Object.freeze({ qos: 1 } as const);

function ack(cmd: "puback" | "pubrec" | "pubrel" | "pubcomp" | "unsuback", messageId: number): object {
  return { cmd, messageId };
}

function subscribe(messageId: number, ...filters: string[]): object {
  return { cmd: "subscribe", messageId, subscriptions: filters.map((topic) => ({ topic, qos: 1 })) };
}

function unsubscribe(messageId: number): object {
  return { cmd: "unsubscribe", messageId, unsubscriptions: ["a"] };
}

function suback(messageId: number, ...granted: number[]): object {
  return { cmd: "suback", messageId, granted };
}

const DISCONNECT = Object.freeze({ cmd: "disconnect" } as const);
const PING = Object.freeze({ cmd: "pingreq" } as const);

/** A session that begins now. */
const NEW: readonly Step[] = [up(connect()), down(connack(false))];
/** The same with a clean session. */
const CLEAN: readonly Step[] = [up(connect({ clean: true })), down(connack(false))];
/** A connection after the first. */
function again(connection = 2, isPresent = true): Step[] {
  return [up(connect(), connection), down(connack(isPresent), connection)];
}

/** Every breach with the place of its packet. */
function judge(steps: readonly Step[]): string[] {
  const rules = new SessionRules();
  return steps.flatMap(({ direction, packet, connection }, index) => {
    const breach = rules[direction](connection, packet);
    return breach === undefined ? [] : [`${index} ${breach.statement}`];
  });
}

const WRONG: readonly (readonly [statement: string, name: string, steps: readonly Step[]])[] = [
  ["MQTT-3.1.0-1", "a PUBLISH before CONNECT", [up(publish(1))]],
  ["MQTT-3.1.0-1", "a PINGREQ first on the next connection", [...NEW, up(PING, 2)]],
  ["MQTT-3.1.0-2", "CONNECT twice on a connection", [...NEW, up(connect())]],
  ["MQTT-3.14.4-2", "a PINGREQ after DISCONNECT", [...NEW, up(DISCONNECT), up(PING)]],
  ["MQTT-2.3.1-2", "another message with an id in use", [...NEW, up(publish(7)), up(publish(7, { payload: "y" }))]],
  [
    "MQTT-2.3.1-2",
    "an id of a message whose PUBREC came",
    [...NEW, up(publish(7)), down(ack("pubrec", 7)), up(publish(7, { topic: "b" }))],
  ],
  ["MQTT-2.3.1-2", "a SUBSCRIBE with the id of a message", [...NEW, up(publish(7)), up(subscribe(7, "a"))]],
  ["MQTT-2.3.1-2", "an UNSUBSCRIBE with the id of a SUBSCRIBE", [...NEW, up(subscribe(7, "a")), up(unsubscribe(7))]],
  ["MQTT-2.3.1-2", "a message with the id of a SUBSCRIBE", [...NEW, up(subscribe(7, "a")), up(publish(7))]],
  ["MQTT-3.3.1-1", "sent again after a reconnect without DUP", [...NEW, up(publish(7)), ...again(), up(publish(7), 2)]],
  ["MQTT-4.3.3-1", "DUP on a first send with QoS 2", [...CLEAN, up(publish(7, DUP))]],
  ["MQTT-4.3.2-1", "DUP on a first send with QoS 1", [...CLEAN, up(publish(7, { ...DUP, ...QOS1 }))]],
  ["MQTT-4.3.3-1", "PUBREL without a PUBLISH", [...NEW, up(ack("pubrel", 7))]],
  ["MQTT-4.3.3-1", "PUBREL without PUBREC", [...NEW, up(publish(7)), up(ack("pubrel", 7))]],
  ["MQTT-4.3.3-1", "PUBLISH after its PUBREC", [...NEW, up(publish(7)), down(ack("pubrec", 7)), up(publish(7, DUP))]],
  [
    "MQTT-4.3.3-1",
    "PUBLISH after its PUBREL, on the next connection",
    [...NEW, up(publish(7)), down(ack("pubrec", 7)), up(ack("pubrel", 7)), ...again(), up(publish(7, DUP), 2)],
  ],
  [
    "MQTT-4.3.3-1",
    "PUBLISH with DUP after its PUBCOMP",
    [
      ...NEW,
      up(publish(7)),
      down(ack("pubrec", 7)),
      up(ack("pubrel", 7)),
      down(ack("pubcomp", 7)),
      up(publish(7, DUP)),
    ],
  ],
  [
    "MQTT-4.6.0-1",
    "messages again out of their order",
    [...NEW, up(publish(7)), up(publish(8)), ...again(), up(publish(8, DUP), 2), up(publish(7, DUP), 2)],
  ],
  [
    "MQTT-4.6.0-4",
    "PUBRELs out of the order of their PUBRECs",
    [...NEW, up(publish(7)), up(publish(8)), down(ack("pubrec", 8)), down(ack("pubrec", 7)), up(ack("pubrel", 7))],
  ],
  [
    "MQTT-4.4.0-1",
    "DISCONNECT without a word of what the session holds",
    [...NEW, up(publish(7)), ...again(), up(DISCONNECT, 2)],
  ],
  ["MQTT-4.3.2-2", "PUBACK for nothing", [...NEW, up(ack("puback", 7))]],
  ["MQTT-4.3.2-2", "PUBACK for a message with QoS 2", [...NEW, down(publish(7)), up(ack("puback", 7))]],
  [
    "MQTT-4.3.3-2",
    "PUBREC for a message of the connection before",
    [...NEW, down(publish(7)), ...again(), up(ack("pubrec", 7), 2)],
  ],
  ["MQTT-4.3.3-2", "PUBCOMP before PUBREL", [...NEW, down(publish(7)), up(ack("pubrec", 7)), up(ack("pubcomp", 7))]],
  [
    "MQTT-4.6.0-2",
    "PUBACKs out of order",
    [...NEW, down(publish(7, QOS1)), down(publish(8, QOS1)), up(ack("puback", 8))],
  ],
  ["MQTT-4.6.0-3", "PUBRECs out of order", [...NEW, down(publish(7)), down(publish(8)), up(ack("pubrec", 8))]],
  // The broker's.
  ["MQTT-3.2.0-1", "an answer before CONNECT", [down(connack(false))]],
  ["MQTT-3.2.0-1", "a PUBACK before CONNACK", [up(connect()), up(publish(7, QOS1)), down(ack("puback", 7))]],
  ["MQTT-4.8.0-1", "CONNACK twice", [...NEW, down(connack(false))]],
  ["MQTT-3.2.2-1", "a session, though a clean one was asked for", [up(connect({ clean: true })), down(connack(true))]],
  ["MQTT-3.2.2-4", "a session, though it refuses", [up(connect()), down(connack(true, 5))]],
  ["MQTT-2.3.1-4", "two messages with one id", [...NEW, down(publish(7)), down(publish(7, { payload: "y" }))]],
  ["MQTT-2.3.1-6", "PUBACK for nothing the box has sent", [...NEW, down(ack("puback", 7))]],
  ["MQTT-2.3.1-6", "PUBREC for a message with QoS 1", [...NEW, up(publish(7, QOS1)), down(ack("pubrec", 7))]],
  ["MQTT-2.3.1-6", "PUBCOMP without PUBREL", [...NEW, up(publish(7)), down(ack("pubrec", 7)), down(ack("pubcomp", 7))]],
  ["MQTT-3.8.4-2", "SUBACK for another request", [...NEW, up(subscribe(7, "a")), down(suback(8, 1))]],
  ["MQTT-3.8.4-2", "SUBACK for an UNSUBSCRIBE", [...NEW, up(unsubscribe(7)), down(suback(7, 1))]],
  ["MQTT-3.8.4-5", "SUBACK with one code for two filters", [...NEW, up(subscribe(7, "a", "b")), down(suback(7, 1))]],
  ["MQTT-3.10.4-4", "UNSUBACK for nothing", [...NEW, down(ack("unsuback", 7))]],
];

const RIGHT: readonly (readonly [name: string, steps: readonly Step[]])[] = [
  ["a message sent with CONNECT, before CONNACK", [up(connect()), up(publish(7)), down(connack(false)), ...finish(7)]],
  ["an id that is free again", [...NEW, up(publish(7)), ...finish(7), up(publish(7)), ...finish(7)]],
  [
    "a message again with DUP, and its answers",
    [...NEW, up(publish(7)), ...again(), up(publish(7, DUP), 2), ...finish(7, 2)],
  ],
  [
    "PUBREL again after a reconnect",
    [
      ...NEW,
      up(publish(7)),
      down(ack("pubrec", 7)),
      up(ack("pubrel", 7)),
      ...again(),
      up(ack("pubrel", 7), 2),
      down(ack("pubcomp", 7), 2),
      up(DISCONNECT, 2),
    ],
  ],
  [
    "PUBREL once more, when the power failed after PUBCOMP",
    [...NEW, up(publish(7)), ...finish(7), ...again(), up(ack("pubrel", 7), 2), down(ack("pubcomp", 7), 2)],
  ],
  [
    "PUBLISH again, when the power failed as PUBREC came",
    [...NEW, up(publish(7)), down(ack("pubrec", 7)), ...again(), up(publish(7, DUP), 2), ...finish(7, 2)],
  ],
  ["DUP on what got lost before it came to the broker", [...NEW, ...again(), up(publish(7, DUP), 2)]],
  ["PUBREL of a session that is older than the judge", [...again(1), up(ack("pubrel", 7))]],
  [
    "the same id without DUP after the broker refused what came with it",
    [...NEW, up(connect(), 2), up(publish(7), 2), down(connack(false, 5), 2), ...again(3), up(publish(7), 3)],
  ],
  [
    "the same id without DUP after the broker lost its session",
    [...NEW, up(publish(7)), ...again(2, false), up(publish(7), 2)],
  ],
  [
    "the same id in a clean session",
    [...NEW, up(publish(7)), up(connect({ clean: true }), 2), down(connack(false), 2), up(publish(7), 2)],
  ],
  [
    "the same id of another client",
    [...NEW, up(publish(7)), up(connect({ clientId: "other" }), 2), down(connack(true), 2), up(publish(7), 2)],
  ],
  [
    "a QoS 1 message that a reset made the box forget",
    [...NEW, up(publish(7, QOS1)), ...again(), up(publish(7, { ...QOS1, payload: "y" }), 2)],
  ],
  ["a request that a reset made the box forget", [...NEW, up(subscribe(7, "a")), ...again(), up(subscribe(7, "a"), 2)]],
  [
    "the broker's message again after a reconnect",
    [
      ...NEW,
      down(publish(7)),
      up(ack("pubrec", 7)),
      ...again(),
      down(publish(7, DUP), 2),
      up(ack("pubrec", 7), 2),
      down(ack("pubrel", 7), 2),
      up(ack("pubcomp", 7), 2),
    ],
  ],
  [
    "requests answered in any order",
    [
      ...NEW,
      up(subscribe(7, "a", "b")),
      up(unsubscribe(8)),
      down(ack("unsuback", 8)),
      down(suback(7, 1, 128)),
      up(publish(7)),
    ],
  ],
  [
    "QoS 0, which has no id",
    [...NEW, up(publish(0, { qos: 0 })), up(publish(0, { qos: 0 })), down(publish(0, { qos: 0 }))],
  ],
];

/** What follows a QoS 2 message to its end. */
function finish(id: number, connection = 1): Step[] {
  return [down(ack("pubrec", id), connection), up(ack("pubrel", id), connection), down(ack("pubcomp", id), connection)];
}

describe("host-sim/session-rules", () => {
  for (const [statement, name, steps] of WRONG) {
    it(`${statement}: ${name}`, () => assert.deepEqual(judge(steps), [`${steps.length - 1} ${statement}`]));
  }

  for (const [name, steps] of RIGHT) {
    it(`nothing wrong: ${name}`, () => assert.deepEqual(judge(steps), []));
  }

  it("goes on after a breach: each is told once", () => {
    const steps = [...NEW, up(ack("pubrel", 7)), down(ack("pubcomp", 7)), up(publish(7)), ...finish(7)];
    assert.deepEqual(judge(steps), ["2 MQTT-4.3.3-1"]);
  });

  it("forgets finished ids after a while, as an id comes again one day", () => {
    const steps = [...NEW, up(publish(1)), ...finish(1)];
    for (let id = 2; id <= 66; id++) steps.push(up(publish(id)), ...finish(id));
    assert.deepEqual(judge([...steps, ...again(), up(publish(1, DUP), 2)]), []);
    assert.deepEqual(judge([...steps, ...again(), up(publish(66, DUP), 2)]).length, 1);
  });

  it("is asked by the packet log, which shows a packet's own breach first", () => {
    const rows: PacketView[] = [];
    const log = new PacketLog((row) => rows.push(row));
    const traffic = { at: 1, chipId: 5750, connection: 1, port: 1883, direction: "up" } as const;
    log.heard(0, { ...traffic, type: "open", bytes: new Uint8Array(0) });
    log.heard(0, { ...traffic, type: "data", bytes: mqtt.generate(publish(7) as Packet) });
    log.heard(0, { ...traffic, type: "data", bytes: Uint8Array.of(0xc1, 0) });
    assert.deepEqual(
      rows.map(({ breach }) => breach?.statement),
      [undefined, "MQTT-3.1.0-1", "MQTT-2.2.2-1"],
    );
  });
});

describe("host-sim/session-rules over whole worlds", () => {
  function world(options: WorldBoardOptions): { world: World; rows: PacketView[] } {
    const rows: PacketView[] = [];
    const log = new PacketLog((row) => rows.push(row));
    const made = new World({ seed: 3, latencyMs: 30, board: { powered: false, ...options } });
    made.network.onTraffic((each) => log.heard(0, each));
    made.board.powerOn();
    return { world: made, rows };
  }

  function assertClean(rows: readonly PacketView[]): void {
    assert.deepEqual(
      rows.flatMap(({ type, breach }) =>
        breach === undefined ? [] : [`${type} ${breach.statement} ${breach.detail}`],
      ),
      [],
    );
  }

  it("finds nothing in presses with power cuts at any time, and a broker that goes and comes", () => {
    const { world: made, rows } = world({});
    made.run(20_000);
    for (let ms = 400; ms < 900; ms += 7) {
      made.press();
      made.run(ms);
      made.cutPower();
      made.run(1000);
      made.board.powerOn();
      if (ms % 5 === 0) {
        made.broker.stop();
        made.run(3000);
        made.broker.start();
      }
      made.run(30_000);
    }
    assert.ok(
      rows.some(({ dup }) => dup),
      "something was sent again",
    );
    assert.ok(rows.filter(({ type }) => type === "PUBREL").length > 50);
    assertClean(rows);
    made.close();
  });

  it("finds nothing in a battery box that sleeps between its presses", () => {
    const { world: made, rows } = world({ wiring: "rst", settings: { mode: "battery", wiring: "rst" } });
    made.run(60_000);
    for (let count = 0; count < 10; count++) {
      made.press();
      made.run(30_000);
    }
    assert.ok(rows.filter(({ type }) => type === "PUBLISH").length >= 10);
    assertClean(rows);
    made.close();
  });
});
