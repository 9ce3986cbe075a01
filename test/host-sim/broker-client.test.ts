import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { BrokerTable, type RawClient } from "./raw-client.js";

type Script = (client: RawClient, table: BrokerTable) => void;

function breachesOf(script: Script): { statements: string[]; table: BrokerTable } {
  const table = new BrokerTable();
  script(table.client(), table);
  return { statements: table.breaches, table };
}

/** Connects again with the old session. */
function again(client: RawClient, table: BrokerTable): RawClient {
  client.close();
  return table.client().connect({ clean: false });
}

describe("ModelBroker, as a judge", () => {
  const breaches: [string, string, Script][] = [
    ["MQTT-3.1.0-1", "a packet before CONNECT", (client) => client.send({ cmd: "pingreq" })],
    ["MQTT-3.1.0-2", "a second CONNECT", (client) => client.connect().connect()],
    ["MQTT-4.8.0-1", "a remaining length of five bytes", (client) => client.connect().raw(0x30, 255, 255, 255, 255)],
    ["MQTT-3.6.1-1", "PUBREL without its flags", (client) => client.connect().raw(0x60, 2, 0, 1)],
    ["MQTT-2.3.1-1", "PUBLISH with id 0", (client) => client.connect().raw(0x32, 5, 0, 1, 0x61, 0, 0)],
    [
      "MQTT-2.3.1-2",
      "an id of QoS 2 that is still in use for another message",
      (client) => client.connect().publish(1, { payload: "a" }).publish(1, { payload: "b", dup: true }),
    ],
    [
      "MQTT-2.3.1-2",
      "an id of QoS 1 that is still in use for another message",
      (client, { broker }) => {
        broker.hold("puback");
        client.connect().publish(1, { qos: 1, payload: "a" }).publish(1, { qos: 1, payload: "b" });
      },
    ],
    [
      "MQTT-2.3.1-2",
      "SUBSCRIBE with the id of a PUBLISH",
      (client) => client.connect().publish(1).subscribe(1, "a", 0),
    ],
    [
      "MQTT-2.3.1-2",
      "PUBLISH with the id of a SUBSCRIBE",
      (client, { broker }) => {
        broker.hold("suback");
        client.connect().subscribe(1, "a", 0).publish(1);
      },
    ],
    [
      "MQTT-2.3.1-2",
      "UNSUBSCRIBE with the id of a SUBSCRIBE",
      (client, { broker }) => {
        broker.hold("suback");
        client
          .connect()
          .subscribe(1, "a", 0)
          .send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: ["a"] });
      },
    ],
    [
      "MQTT-2.3.1-2",
      "QoS 1 with the id of a QoS 2 message",
      (client) => client.connect().publish(1, { qos: 2 }).publish(1, { qos: 1, payload: "other" }),
    ],
    ["MQTT-3.3.1-1", "a repeat of QoS 2 without DUP", (client) => client.connect().publish(1).publish(1)],
    [
      "MQTT-3.3.1-1",
      "a repeat without DUP after a reconnect",
      (client, table) => again(client.connect({ clean: false }).publish(1), table).publish(1),
    ],
    [
      "MQTT-3.3.1-1",
      "a repeat of QoS 1 without DUP after its PUBACK was lost",
      (client, table) => {
        table.broker.lose("puback");
        again(client.connect({ clean: false }).publish(1, { qos: 1 }), table).publish(1, { qos: 1 });
      },
    ],
    [
      "MQTT-4.3.2-1",
      "DUP on the very first PUBLISH of QoS 1",
      (client) => client.connect({ clean: false }).publish(1, { qos: 1, dup: true }),
    ],
    [
      "MQTT-4.3.3-1",
      "DUP on the very first PUBLISH of QoS 2",
      (client) => client.connect({ clean: false }).publish(1, { dup: true }),
    ],
    [
      "MQTT-3.1.2-6",
      "DUP in a clean session that never had the id",
      (client, table) => {
        client.connect({ clean: false }).publish(1).close();
        table.client().connect({ clean: true }).publish(1, { dup: true });
      },
    ],
    [
      "MQTT-3.1.2-6",
      "PUBREL in a clean session that never had the id",
      (client, table) => {
        client.connect({ clean: false }).publish(1).close();
        table.client().connect({ clean: true }).answer("pubrel", 1);
      },
    ],
    [
      "MQTT-4.3.3-1",
      "PUBLISH again after PUBREL",
      (client, table) =>
        again(client.connect({ clean: false }).publish(1).answer("pubrel", 1), table).publish(1, { dup: true }),
    ],
    [
      "MQTT-4.3.3-1",
      "PUBREL before PUBREC",
      (client, { broker }) => {
        broker.hold("pubrec");
        client.connect().publish(1).answer("pubrel", 1);
      },
    ],
    ["MQTT-4.3.3-1", "PUBREL without a PUBLISH", (client) => client.connect({ clean: false }).answer("pubrel", 1)],
    [
      "MQTT-4.6.0-4",
      "PUBRELs in another order than the PUBRECs",
      (client) => client.connect().publish(1).publish(2).answer("pubrel", 2),
    ],
    [
      "MQTT-4.6.0-1",
      "repeats in another order than the first time",
      (client, table) =>
        again(client.connect({ clean: false }).publish(5).publish(4), table)
          .publish(4, { dup: true })
          .publish(5, { dup: true }),
    ],
    [
      "MQTT-4.4.0-1",
      "an unfinished message that is not taken up again",
      (client, table) =>
        again(client.connect({ clean: false }).publish(5), table)
          .publish(6)
          .send({ cmd: "disconnect" }),
    ],
    ["MQTT-4.3.2-2", "PUBACK without a PUBLISH", (client) => client.connect().answer("puback", 1)],
    ["MQTT-4.3.3-2", "PUBREC without a PUBLISH", (client) => client.connect().answer("pubrec", 1)],
    ["MQTT-4.3.3-2", "PUBCOMP without a PUBREL", (client) => client.connect().answer("pubcomp", 1)],
    [
      "MQTT-4.3.3-2",
      "PUBCOMP before PUBREC",
      (client, { broker, clock }) => {
        client.connect().subscribe(1, "a", 2);
        broker.publish("a", "x", { qos: 2 });
        clock.run(20);
        client.answer("pubcomp", client.lastId);
      },
    ],
    [
      "MQTT-4.3.3-2",
      "PUBREC for QoS 1",
      (client, { broker, clock }) => {
        client.connect().subscribe(1, "a", 1);
        broker.publish("a", "x", { qos: 1 });
        clock.run(20);
        client.answer("pubrec", client.lastId);
      },
    ],
    [
      "MQTT-4.3.2-2",
      "PUBACK for a message of an earlier connection",
      (client, table) => {
        client.connect({ clean: false }).subscribe(1, "a", 1);
        table.broker.publish("a", "x", { qos: 1 });
        table.clock.run(20);
        table.broker.hold("publish");
        again(client, table).answer("puback", client.lastId);
      },
    ],
    [
      "MQTT-4.6.0-2",
      "PUBACKs out of order",
      (client, { broker, clock }) => {
        client.connect().subscribe(1, "a", 1);
        broker.publish("a", "x", { qos: 1 });
        broker.publish("a", "y", { qos: 1 });
        clock.run(20);
        client.answer("puback", client.lastId);
      },
    ],
    [
      "MQTT-4.6.0-3",
      "PUBRECs out of order",
      (client, { broker, clock }) => {
        client.connect().subscribe(1, "a", 2);
        broker.publish("a", "x", { qos: 2 });
        broker.publish("a", "y", { qos: 2 });
        clock.run(20);
        client.answer("pubrec", client.lastId);
      },
    ],
    [
      "MQTT-3.14.4-2",
      "something after DISCONNECT",
      (client) => client.connect().send({ cmd: "disconnect" }, { cmd: "pingreq" }),
    ],
    [
      "MQTT-3.14.4-1",
      "a connection that stays open after DISCONNECT",
      (client, { clock }) => {
        client.connect().send({ cmd: "disconnect" });
        clock.run(2_000);
      },
    ],
    [
      "MQTT-3.1.2-23",
      "silence beyond the keep-alive",
      (client, { clock }) => {
        client.connect({ keepalive: 10 });
        clock.run(10_300);
      },
    ],
    [
      "MQTT-3.1.2-2",
      "protocol level 5",
      (client) => client.raw(...[16, 13, 0, 4, 77, 81, 84, 84, 5, 2, 0, 0, 0, 0, 0]),
    ],
    [
      "MQTT-3.1.3-7",
      "an empty client id with clean = 0",
      (client) => client.raw(...[16, 12, 0, 4, 77, 81, 84, 84, 4, 0, 0, 0, 0, 0]),
    ],
  ];
  for (const [statement, name, script] of breaches) {
    it(`${statement}: ${name}`, () => {
      const { statements } = breachesOf(script);
      assert.deepEqual(statements, [statement]);
    });
  }

  const fine: [string, Script][] = [
    [
      "DUP for a message whose first PUBLISH was lost on the way",
      (client, table) => {
        client.connect({ clean: false });
        again(client, table).publish(1, { dup: true }).answer("pubrel", 1);
      },
    ],
    [
      "a repeat of QoS 2 with DUP, then PUBREL",
      (client, table) => {
        again(client.connect({ clean: false }).publish(1).publish(2), table)
          .publish(1, { dup: true })
          .publish(2, { dup: true })
          .answer("pubrel", 1)
          .answer("pubrel", 2)
          .send({ cmd: "disconnect" })
          .close();
      },
    ],
    [
      "PUBREL again after a reconnect",
      (client, table) => {
        table.broker.lose("pubcomp");
        again(client.connect({ clean: false }).publish(1).answer("pubrel", 1), table)
          .answer("pubrel", 1)
          .publish(1, { payload: "the next one with this id" })
          .answer("pubrel", 1);
      },
    ],
    [
      "an id that is used again after PUBACK, PUBCOMP, SUBACK and UNSUBACK",
      (client) => {
        client.connect().publish(1, { qos: 1 }).publish(1).answer("pubrel", 1).subscribe(1, "t", 0);
        client.send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: ["t"] }).publish(1, { qos: 1 });
      },
    ],
    [
      "the same message twice with QoS 1 and one id, when PUBACK came between",
      (client) => {
        client.connect().publish(1, { qos: 1 }).publish(1, { qos: 1 });
      },
    ],
    [
      "repeats in the order of the originals, though the PUBACK of one had left before it came again",
      (client, table) => {
        const resend = (from: RawClient): RawClient =>
          again(from, table).publish(7, { qos: 1, dup: true }).publish(1, { dup: true });
        client.connect({ clean: false }).publish(7, { qos: 1 }).publish(1);
        table.broker.hold("puback");
        resend(resend(client));
      },
    ],
    [
      "packets within the keep-alive",
      (client, { clock }) => {
        client.connect({ keepalive: 10 });
        for (let ping = 0; ping < 20; ping++) {
          clock.run(9_979);
          client.send({ cmd: "pingreq" });
        }
      },
    ],
    [
      "silence while the Wi-Fi is down",
      (client, table) => {
        client.connect({ keepalive: 10 });
        table.wifi.down();
        table.clock.run(60_000);
      },
    ],
    [
      "DISCONNECT of a board that then loses its power",
      (client, table) => {
        client.connect().send({ cmd: "disconnect" });
        table.board.cutPower();
        table.clock.run(5_000);
      },
    ],
    [
      "a QoS 2 flow after a broker's restart without its store",
      (client, table) => {
        client.connect({ clean: false }).publish(1).close();
        table.broker.restart({ keepSessions: false });
        table.client().connect({ clean: false }).publish(1, { dup: true }).answer("pubrel", 1).answer("pubrel", 2);
      },
    ],
    [
      "a pipelined CONNECT and PUBLISH",
      (client) => {
        client.send(
          { cmd: "connect", protocolId: "MQTT", clientId: "box", clean: false, keepalive: 10 },
          { cmd: "publish", topic: "t", payload: "x", qos: 2, dup: false, retain: false, messageId: 1 },
        );
        client.answer("pubrel", 1);
      },
    ],
  ];
  for (const [name, script] of fine) {
    it(`finds nothing wrong with ${name}`, () => assert.deepEqual(breachesOf(script).statements, []));
  }

  it("closes the connection where the standard does, and goes on where it does not", () => {
    const table = new BrokerTable();
    const closed = table.client().connect().connect();
    assert.equal(closed.isClosed, true);
    const open = table.client().connect().publish(1).publish(1);
    assert.equal(open.isClosed, false);
    assert.deepEqual(open.got, ["connack 0", "pubrec 1", "pubrec 1"]);
  });

  it("answers the two malformed CONNECTs that have a code, and no other", () => {
    const answers = (...bytes: number[]): string[] => new BrokerTable().client().raw(...bytes).got;
    assert.deepEqual(answers(16, 13, 0, 4, 77, 81, 84, 84, 5, 2, 0, 0, 0, 0, 0), ["connack 1"]);
    assert.deepEqual(answers(16, 12, 0, 4, 77, 81, 84, 84, 4, 0, 0, 0, 0, 0), ["connack 2"]);
    assert.deepEqual(answers(16, 12, 0, 4, 77, 81, 84, 84, 4, 3, 0, 0, 0, 0), []);
  });

  it("says who, when and how", () => {
    const { table } = breachesOf((client) => client.connect().publish(7).publish(7));
    const [violation] = table.broker.violations;
    assert.equal(violation?.clientId, "box");
    assert.equal(violation?.detail, "id 7 is sent again without DUP");
    assert.ok(violation !== undefined && violation.at > 0 && violation.at <= table.clock.now);
  });
});
