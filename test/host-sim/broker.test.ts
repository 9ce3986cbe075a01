import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { BrokerTable } from "./raw-client.js";

describe("ModelBroker, as a server", () => {
  describe("sessions", () => {
    it("takes a client in and says that it has no session", () => {
      const table = new BrokerTable();
      const client = table.client().connect({ clean: false });
      assert.deepEqual(client.got, ["connack 0"]);
      assert.deepEqual(table.broker.clients, ["box"]);
      assert.deepEqual(table.breaches, []);
    });

    it("keeps a persistent session over connections, and a restart with its store", () => {
      const table = new BrokerTable();
      table.client().connect({ clean: false }).subscribe(1, "a/#", 1).close();
      table.broker.publish("a/b", "1", { qos: 1 });
      table.broker.publish("a/b", "0", { qos: 0 });
      table.broker.restart({ keepSessions: true });
      table.broker.publish("a/c", "2", { qos: 2 });
      const client = table.client().connect({ clean: false });
      assert.deepEqual(client.got, ["connack 0 present", "publish a/b 1 qos1", "publish a/c 2 qos1"]);
      assert.deepEqual(table.broker.sessionOf("box")?.subscriptions, new Map([["a/#", 1]]));
      assert.equal(table.broker.sessionOf("box")?.outgoing, 2);
    });

    it("loses sessions and retained messages in a restart without a store", () => {
      const table = new BrokerTable();
      table.broker.publish("r", "x", { retain: true });
      table.client().connect({ clean: false }).subscribe(1, "a", 1);
      table.broker.restart({ keepSessions: false });
      assert.equal(table.broker.retained("r"), undefined);
      assert.deepEqual(table.client().connect({ clean: false }).got, ["connack 0"]);
    });

    it("ends a clean session with its connection, and an older session at a clean CONNECT", () => {
      const table = new BrokerTable();
      table.client().connect({ clean: false }).close();
      table.client().connect({ clean: true }).close();
      assert.equal(table.broker.sessionOf("box"), undefined);
      assert.deepEqual(table.client().connect({ clean: false }).got, ["connack 0"]);
    });

    it("forgets a session on demand", () => {
      const table = new BrokerTable();
      const client = table.client().connect({ clean: false }).publish(1);
      table.broker.forgetSession("box");
      assert.deepEqual(table.broker.sessionOf("box")?.received, []);
      client.close();
      table.broker.forgetSession("box");
      assert.equal(table.broker.sessionOf("box"), undefined);
    });

    it("forgets everything on demand, and stays off when it was", () => {
      const table = new BrokerTable();
      table.broker.publish("r", "x", { retain: true });
      table.client().connect({ clean: false });
      table.broker.forget();
      assert.deepEqual([table.broker.isUp, table.broker.retained("r")], [true, undefined]);
      assert.deepEqual(table.client().connect({ clean: false }).got, ["connack 0"]);
      table.broker.stop();
      table.broker.forget();
      assert.equal(table.broker.isUp, false);
    });

    it("tells whoever looks on when clients come and go, and what it could publish about itself", () => {
      const table = new BrokerTable();
      const seen: string[] = [];
      const figure = (name: string) => new Map(table.broker.figures).get(`$SYS/broker/${name}`);
      const end = table.broker.onChange(() => seen.push(`${table.broker.isUp} ${figure("clients/connected")}`));
      const client = table.client().connect({ clean: false });
      table.broker.publish("r", "x", { retain: true });
      const names = ["clients/connected", "clients/total", "publish/messages/received", "retained messages/count"];
      assert.deepEqual(names.map(figure), [1, 1, 1, 1]);
      client.close();
      table.broker.stop();
      end();
      table.broker.start();
      assert.deepEqual(seen, ["true 1", "true 0", "false 0"]);
      assert.deepEqual([figure("clients/total"), figure("violations")], [1, 0]);
    });

    it("keeps nothing of the past when told, and tells of each violation", () => {
      const told: string[] = [];
      const table = new BrokerTable({
        keepsPast: false,
        onViolation: ({ statement }, chipId) => told.push(`${chipId} ${statement}`),
      });
      const client = table.client().connect({ clean: false });
      client.publish(1).publish(1);
      table.broker.publish("a", "1");
      assert.deepEqual(told, ["5750 MQTT-3.3.1-1"]);
      const { violations, connects, forgotten } = table.broker;
      table.broker.forget();
      assert.deepEqual([table.broker.messages(), violations, connects, forgotten], [[], [], [], []]);
    });

    it("breaks the connection in the place of a packet when told, and the will is published", () => {
      const table = new BrokerTable();
      const will = { topic: "w", payload: Buffer.from("lost"), qos: 0, retain: true } as const;
      table.broker.breakAt("pubcomp", true);
      const client = table.client().connect({ clean: false, will }).publish(1).answer("pubrel", 1);
      assert.deepEqual([client.isClosed, client.got.includes("pubcomp 1")], [true, false]);
      assert.equal(table.broker.retained("w")?.payload, "lost");
      table.broker.breakAt("pubcomp", false);
      const again = table.client().connect({ clean: false }).answer("pubrel", 1);
      assert.equal(again.got.at(-1), "pubcomp 1");
    });

    it("gives an id to a client without one", () => {
      const table = new BrokerTable();
      table.client().connect({ clientId: "" });
      assert.match(table.broker.clients[0] ?? "", /^model-/);
    });

    it("lets a second connection of an id take over, and publishes the first one's will", () => {
      const table = new BrokerTable();
      const will = { topic: "w", payload: Buffer.from("lost"), qos: 1, retain: true } as const;
      const first = table.client().connect({ will });
      const second = table.client().connect();
      assert.equal(first.isClosed, true);
      assert.equal(second.isClosed, false);
      assert.equal(table.broker.retained("w")?.payload, "lost");
      assert.deepEqual(table.broker.clients, ["box"]);
    });
  });

  describe("refusals", () => {
    it("answers with the code on demand and closes", () => {
      for (const code of [1, 2, 3, 4, 5]) {
        const table = new BrokerTable();
        table.broker.refuse(code);
        const client = table.client().connect();
        assert.deepEqual(client.got, [`connack ${code}`]);
        assert.equal(client.isClosed, true);
        assert.deepEqual(
          table.broker.connects.map((each) => each.refused),
          [code],
        );
        table.broker.refuse(0);
        assert.deepEqual(table.client().connect().got, ["connack 0"]);
      }
    });

    it("checks user names and passwords", () => {
      const table = new BrokerTable({ users: { ann: "right" } });
      const code = (options: object): string | undefined => table.client().connect(options).got[0];
      assert.equal(code({ username: "ann", password: Buffer.from("right") }), "connack 0");
      assert.equal(code({ username: "ann", password: Buffer.from("wrong") }), "connack 4");
      assert.equal(code({ username: "ann" }), "connack 4");
      assert.equal(code({ username: "toString", password: Buffer.from("x") }), "connack 4");
      assert.equal(code({}), "connack 5");
    });

    it("ignores what followed a refused CONNECT", () => {
      const table = new BrokerTable();
      table.broker.refuse(5);
      table
        .client()
        .send(
          { cmd: "connect", protocolId: "MQTT", clientId: "box", clean: true, keepalive: 0 },
          { cmd: "publish", topic: "t", payload: "x", qos: 0, dup: false, retain: false },
        );
      assert.deepEqual(table.broker.messages(), []);
      assert.deepEqual(table.breaches, []);
    });

    it("refuses filters with 0x80", () => {
      const table = new BrokerTable();
      table.broker.deniedFilters.add("secret/#");
      const client = table.client().connect();
      client.send({
        cmd: "subscribe",
        messageId: 3,
        subscriptions: [
          { topic: "a", qos: 0 },
          { topic: "secret/#", qos: 2 },
          { topic: "b", qos: 2 },
        ],
      });
      assert.deepEqual(client.got.slice(1), ["suback 3 0,128,2"]);
    });
  });

  describe("messages from a client", () => {
    it("passes QoS 0 and 1 on at PUBLISH, QoS 2 at PUBREL, once", () => {
      const table = new BrokerTable();
      const client = table.client().connect();
      client
        .publish(0, { qos: 0, payload: "zero" })
        .publish(5, { qos: 1, payload: "one" })
        .publish(6, { payload: "two" });
      assert.deepEqual(client.got, ["connack 0", "puback 5", "pubrec 6"]);
      assert.deepEqual(
        table.broker.messages().map((each) => each.payload),
        ["zero", "one"],
      );
      client.publish(6, { payload: "two", dup: true }).answer("pubrel", 6);
      assert.deepEqual(client.got.slice(3), ["pubrec 6", "pubcomp 6"]);
      assert.deepEqual(
        table.broker.messages("t").map((each) => [each.payload, each.qos, each.clientId]),
        [
          ["zero", 0, "box"],
          ["one", 1, "box"],
          ["two", 2, "box"],
        ],
      );
      assert.deepEqual(table.breaches, []);
    });

    it("finishes a QoS 2 message after a reconnect, and answers PUBREL for one it has finished", () => {
      const table = new BrokerTable();
      table.client().connect({ clean: false }).publish(9).close();
      const client = table.client().connect({ clean: false });
      client.answer("pubrel", 9).answer("pubrel", 9);
      assert.deepEqual(client.got, ["connack 0 present", "pubcomp 9", "pubcomp 9"]);
      assert.equal(table.broker.messages().length, 1);
      assert.deepEqual(table.breaches, []);
    });

    it("stores a retained message, replaces it, and removes it by an empty one", () => {
      const table = new BrokerTable();
      const client = table.client().connect();
      client.publish(0, { qos: 0, retain: true, payload: "a" }).publish(0, { qos: 0, retain: true, payload: "b" });
      assert.equal(table.broker.retained("t")?.payload, "b");
      client.publish(0, { qos: 0, retain: false, payload: "c" });
      assert.equal(table.broker.retained("t")?.payload, "b");
      client.publish(0, { qos: 0, retain: true, payload: "" });
      assert.equal(table.broker.retained("t"), undefined);
      assert.equal(table.broker.messages("t").at(-1)?.bytes.byteLength, 0);
    });

    it("takes binary payloads and topics in UTF-8 unchanged", () => {
      const table = new BrokerTable();
      const topic = "\ufeffcvrči/cvrčak/na/čvoru";
      table
        .client()
        .connect()
        .publish(0, { qos: 0, topic, payload: Buffer.from([0, 255, 254]) });
      assert.deepEqual([...(table.broker.messages(topic)[0]?.bytes ?? [])], [0, 255, 254]);
    });

    it("takes a payload with a remaining length of three bytes, in fragments", () => {
      const table = new BrokerTable();
      table.network.fragment(536);
      const client = table.client().connect();
      const payload = Buffer.alloc(20_000, 7);
      const bytes = [0x30, 0xa3, 0x9c, 0x01, 0, 1, 0x74, ...payload];
      for (let offset = 0; offset < bytes.length; offset += 2_000) client.raw(...bytes.slice(offset, offset + 2_000));
      assert.deepEqual(Buffer.from(table.broker.messages("t")[0]?.bytes ?? []), payload);
    });
  });

  describe("messages to a client", () => {
    it("go at the lower of the two QoS, once for overlapping filters", () => {
      const table = new BrokerTable();
      const client = table.client().connect().subscribe(1, "a/+", 0).subscribe(2, "a/#", 1);
      table.broker.publish("a/b", "x", { qos: 2 });
      table.clock.run(20);
      assert.deepEqual(client.got.slice(3), ["publish a/b x qos1"]);
      client.answer("puback", client.lastId);
      assert.equal(table.broker.sessionOf("box")?.outgoing, 0);
      assert.deepEqual(table.breaches, []);
    });

    it("finish QoS 2 by PUBREL and PUBCOMP", () => {
      const table = new BrokerTable();
      const client = table.client().connect().subscribe(1, "a", 2);
      table.broker.publish("a", "x", { qos: 2 });
      table.clock.run(20);
      const id = client.lastId;
      client.answer("pubrec", id).answer("pubcomp", id);
      assert.deepEqual(client.got.slice(2), ["publish a x qos2", `pubrel ${id}`]);
      assert.equal(table.broker.sessionOf("box")?.outgoing, 0);
    });

    it("are sent again after a reconnect: PUBLISH with DUP, PUBREL, and new ones without DUP, in order", () => {
      const table = new BrokerTable();
      const first = table.client().connect({ clean: false }).subscribe(1, "a", 2);
      table.broker.publish("a", "1", { qos: 2 });
      table.broker.publish("a", "2", { qos: 1 });
      table.clock.run(20);
      const ids = first.received.flatMap((each) => (each.cmd === "publish" ? [each.messageId ?? 0] : []));
      first.answer("pubrec", ids[0] ?? 0).close();
      table.broker.publish("a", "3", { qos: 1 });
      const second = table.client().connect({ clean: false });
      assert.deepEqual(second.got, [
        "connack 0 present",
        `pubrel ${ids[0]}`,
        "publish a 2 qos1 dup",
        "publish a 3 qos1",
      ]);
    });

    it("bring retained ones at each SUBSCRIBE, with RETAIN, and without it to who is subscribed", () => {
      const table = new BrokerTable();
      table.broker.publish("a/b", "kept", { retain: true, qos: 1 });
      const client = table.client().connect().subscribe(1, "a/#", 2).subscribe(2, "a/#", 0);
      table.broker.publish("a/b", "new", { retain: true });
      table.clock.run(20);
      assert.deepEqual(client.got.slice(1), [
        "suback 1 2",
        "publish a/b kept qos1 retain",
        "suback 2 0",
        "publish a/b kept qos0 retain",
        "publish a/b new qos0",
      ]);
    });

    it("stop after UNSUBSCRIBE", () => {
      const table = new BrokerTable();
      const client = table.client().connect().subscribe(1, "a", 0);
      client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["a", "never"] });
      table.broker.publish("a", "x");
      table.clock.run(20);
      assert.deepEqual(client.got.slice(1), ["suback 1 0", "unsuback 2"]);
    });

    it("are at most 20 at a time", () => {
      const table = new BrokerTable();
      const client = table.client().connect().subscribe(1, "a", 1);
      for (let n = 1; n <= 25; n++) table.broker.publish("a", String(n), { qos: 1 });
      table.clock.run(20);
      assert.equal(client.received.length, 2 + 20);
      client.answer("puback", 1);
      assert.equal(client.received.length, 2 + 21);
    });
  });

  describe("wills", () => {
    const will = { topic: "w", payload: Buffer.from("lost"), qos: 1, retain: true } as const;

    it("are published when a connection breaks, and not after DISCONNECT", () => {
      const table = new BrokerTable();
      table.client().connect({ will }).send({ cmd: "disconnect" }).close();
      assert.deepEqual(table.broker.messages("w"), []);
      const client = table.client().connect({ will });
      client.close();
      assert.equal(table.broker.messages("w")[0]?.payload, "lost");
      assert.equal(table.broker.retained("w")?.qos, 1);
    });

    it("are published when the broker drops a client, not when the broker itself dies", () => {
      const table = new BrokerTable();
      table.client().connect({ will });
      table.broker.drop("box");
      assert.equal(table.broker.messages("w").length, 1);
      const client = table.client().connect({ will });
      table.broker.stop();
      table.clock.run(20);
      assert.equal(client.isClosed, true);
      assert.equal(table.broker.messages("w").length, 1);
      assert.deepEqual(table.broker.clients, []);
    });

    it("are published after one and a half times the keep-alive of silence", () => {
      const table = new BrokerTable();
      table.client().connect({ will, keepalive: 10 });
      table.board.cutPower();
      table.clock.run(14_900);
      assert.equal(table.broker.messages("w").length, 0);
      table.clock.run(200);
      assert.equal(table.broker.messages("w").length, 1);
      assert.deepEqual(table.breaches, [], "a board without power breaks no rule");
    });
  });

  it("answers PINGREQ", () => {
    const table = new BrokerTable();
    assert.deepEqual(table.client().connect().send({ cmd: "pingreq" }).got, ["connack 0", "pingresp"]);
  });

  it("closes a connection on which no CONNECT comes", () => {
    const table = new BrokerTable();
    const client = table.client();
    table.clock.run(29_900);
    assert.equal(client.isClosed, false);
    table.clock.run(200);
    assert.equal(client.isClosed, true);
  });

  it("is not there while it is stopped", () => {
    const table = new BrokerTable();
    table.broker.stop();
    table.broker.stop();
    assert.equal(table.broker.isUp, false);
    assert.equal(table.client().isClosed, true);
    table.broker.start();
    table.broker.start();
    assert.deepEqual(table.client().connect().got, ["connack 0"]);
  });

  describe("for tests", () => {
    it("shows subscribers of the test what comes, stored messages first", () => {
      const table = new BrokerTable();
      table.broker.publish("a/b", "1", { retain: true });
      const heard: string[] = [];
      const subscription = table.broker.subscribe("a/#", (message) => heard.push(message.payload));
      table.broker.publish("a/c", "2");
      table.broker.publish("b", "3");
      subscription.end();
      table.broker.publish("a/c", "4");
      assert.deepEqual(heard, ["1", "2"]);
      assert.deepEqual(
        subscription.messages.map((each) => each.payload),
        heard,
      );
    });

    it("holds answers back and releases them in order", () => {
      const table = new BrokerTable();
      table.broker.hold("connack");
      const client = table.client().connect().publish(1).send({ cmd: "pingreq" });
      assert.deepEqual(client.got, []);
      table.broker.hold("pubrec");
      table.broker.release("connack");
      table.clock.run(20);
      assert.deepEqual(client.got, ["connack 0", "pingresp"]);
      table.broker.release();
      table.clock.run(20);
      assert.deepEqual(client.got, ["connack 0", "pingresp", "pubrec 1"]);
    });

    it("does not send what was held to a connection that is over", () => {
      const table = new BrokerTable();
      table.broker.hold("puback");
      const first = table.client().connect({ clean: false }).publish(1, { qos: 1 });
      first.close();
      const second = table.client().connect({ clean: false });
      table.broker.release();
      table.clock.run(20);
      assert.deepEqual(second.got, ["connack 0 present"]);
    });

    it("loses as many answers as it is told", () => {
      const table = new BrokerTable();
      table.broker.lose("pingresp", 2);
      const client = table.client().connect();
      for (let ping = 0; ping < 3; ping++) client.send({ cmd: "pingreq" });
      assert.deepEqual(client.got, ["connack 0", "pingresp"]);
    });

    it("plays brokers that do not take what comes before CONNACK", () => {
      const connect = { cmd: "connect", protocolId: "MQTT", clientId: "box", clean: true, keepalive: 0 } as const;
      const table = new BrokerTable({ closeOnPipelining: true });
      const together = table.client().send(connect, { cmd: "pingreq" });
      assert.deepEqual([together.got, together.isClosed], [[], true]);
      const plain = table.client().connect().send({ cmd: "pingreq" });
      assert.deepEqual([plain.got, plain.isClosed], [["connack 0", "pingresp"], false]);
      table.broker.hold("connack");
      const early = table.client().connect().send({ cmd: "pingreq" });
      assert.deepEqual([early.got, early.isClosed], [[], true]);
    });
  });
});
