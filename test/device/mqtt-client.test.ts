// The client as another project uses it: on a board in a world, against the strict model broker. Every callback is
// checked by the rig not to come from inside a call; every test ends with no violation at the broker.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import type { SocketParameters } from "../../src/device/mqtt-link.js";
import { type Options, Rig } from "./client-rig.js";

describe("MqttClient: connecting", () => {
  it("connects in a turn of its own, tells CONNACK, and then that it can write", () => {
    const rig = new Rig().until("connected");
    assert.deepEqual(rig.told, ["control 2 0", "writable 536"]);
    assert.deepEqual(rig.controls, [{ operation: rig.Client.CONNACK, returnCode: 0, sessionPresent: false }]);
    assert.deepEqual(
      rig.world.broker.connects.map(({ clientId, clean }) => [clientId, clean]),
      [["unit", true]],
    );
    rig.done();
  });

  it("goes through its states in order", () => {
    const states: string[] = [];
    const rig = new Rig({ host: "broker.local" });
    rig.world.runUntil(() => {
      const state = rig.client?.state;
      if (state !== undefined && states.at(-1) !== state) states.push(state);
      return state === "connected";
    }, 30_000);
    assert.deepEqual(states, ["waiting", "resolving", "opening", "connecting", "connected"]);
    rig.done();
  });

  it("keeps the connection alive by itself: keepAlive is a minute unless given, rounded up to seconds", () => {
    const rig = new Rig({ keepAlive: 500 });
    let keepAliveSeconds: number | undefined;
    rig.world.network.onTraffic(({ direction, bytes }) => {
      if (direction === "up" && bytes[0] === 0x10) keepAliveSeconds = bytes[11];
    });
    rig.connected().run(60_000);
    assert.equal(keepAliveSeconds, 1);
    assert.equal(rig.client.state, "connected");
    assert.deepEqual(rig.told, []);
    rig.done();
    const plain = new Rig().connected();
    plain.world.broker.hold("pingresp");
    plain.run(50_000);
    assert.equal(plain.client.state, "connected");
    plain.run(20_000);
    assert.match(plain.told.join(), /reconnecting timeout/);
    plain.done();
  });

  it("sends user name and password, text or bytes", () => {
    const users = { anna: "tajna" };
    for (const password of [
      "tajna",
      ArrayBuffer.fromString("tajna"),
      new Uint8Array(ArrayBuffer.fromString("tajna")),
    ]) {
      const rig = new Rig({ user: "anna", password }, { broker: { users } }).connected();
      rig.done();
    }
  });

  it("keeps target, and knows one format", () => {
    const rig = new Rig({ target: 42, format: "buffer" }).connected();
    assert.equal(rig.client.target, 42);
    assert.equal(rig.client.format, "buffer");
    rig.client.format = "buffer";
    assert.throws(() => {
      rig.client.format = "number" as "buffer";
    }, /only "buffer" is known/);
    rig.done();
  });

  it("has the numbers of all packets", () => {
    const rig = new Rig().connected();
    const { CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PINGRESP, DISCONNECT } = rig.Client;
    assert.deepEqual([CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PINGRESP, DISCONNECT], [1, 3, 8, 10, 13, 14]);
    rig.done();
  });
});

describe("MqttClient: names", () => {
  it("looks the host up by `net`; an unknown name is an ordinary failure", () => {
    const rig = new Rig({ host: "nowhere.local" });
    rig.world.runUntil(() => rig.told.length > 0, 30_000);
    assert.deepEqual(rig.told, ["reconnecting unreachable"]);
    assert.equal(rig.failures[0]?.detail, "no address for nowhere.local");
    rig.world.network.name("nowhere.local", rig.world.broker.address);
    rig.connected().done();
  });

  /** A resolver of the application's, which answers when the test wants. */
  class Names {
    static asked: { host: string; onResolved: (host: string, address: string) => void; onError: () => void }[] = [];
    static closed = 0;
    static options: unknown;

    constructor(options: unknown) {
      Names.options = options;
    }

    resolve(question: (typeof Names.asked)[number]): void {
      Names.asked.push(question);
    }

    close(): void {
      Names.closed += 1;
    }
  }

  function withNames(): Rig {
    Names.asked = [];
    Names.closed = 0;
    const rig = new Rig({ host: "b", dns: { io: Names, servers: ["1.1.1.1"] }, reconnect: { minimum: 1, maximum: 1 } });
    rig.until("resolving");
    return rig;
  }

  it("uses the resolver class that it is given, with its options, and closes it", () => {
    const rig = withNames();
    assert.deepEqual(Object.keys(Names.options as object), ["io", "servers"]);
    Names.asked[0]?.onError();
    assert.deepEqual(rig.told, ["reconnecting unreachable"]);
    rig.until("resolving");
    Names.asked[1]?.onResolved("b", rig.world.broker.address);
    rig.connected();
    assert.deepEqual([Names.asked.length, Names.closed], [2, 2]);
    rig.done();
  });

  it("gives a resolver that never answers half a minute, and then ignores it", () => {
    const rig = withNames();
    rig.run(29_990);
    assert.deepEqual(rig.told, []);
    rig.run(20);
    assert.equal(rig.failures[0]?.detail, "no answer about b");
    Names.asked[0]?.onResolved("b", rig.world.broker.address);
    assert.equal(rig.client.state, "resolving", "the second question is the one that counts");
    rig.close();
    Names.asked[1]?.onResolved("b", rig.world.broker.address);
    rig.run(1000);
    assert.deepEqual(rig.told, ["reconnecting unreachable", "close"]);
    rig.done();
  });

  it("takes a resolver that cannot be made for an ordinary failure", () => {
    class Broken extends Names {
      constructor(options: unknown) {
        super(options);
        throw new Error("no socket");
      }
    }
    const rig = new Rig({ host: "b", dns: { io: Broken } });
    rig.world.runUntil(() => rig.told.length > 0, 30_000);
    assert.equal(rig.failures[0]?.detail, "Error: no socket");
    rig.done();
  });
});

describe("MqttClient: subscribing", () => {
  it("subscribes to several filters at once, and tells each result", () => {
    const rig = new Rig().connected();
    rig.world.broker.deniedFilters.add("secret/#");
    rig.subscribe({ topic: "a/+", QoS: 2 }, { topic: "secret/#", QoS: 1 }, { topic: "b" });
    const id = rig.client.lastId;
    rig.run(100);
    assert.deepEqual(rig.controls.at(-1), { operation: rig.Client.SUBACK, id, payload: [2, 128, 0] });
    assert.deepEqual(
      [...(rig.world.broker.sessionOf("unit")?.subscriptions ?? [])],
      [
        ["a/+", 2],
        ["b", 0],
      ],
    );
    rig.done();
  });

  it("unsubscribes", () => {
    const rig = new Rig().connected();
    rig.subscribe({ topic: "a" }, { topic: "b" });
    rig.run(100);
    rig.write(null, { operation: rig.Client.UNSUBSCRIBE, items: [{ topic: "a" }] });
    rig.run(100);
    assert.deepEqual(rig.controls.at(-1), { operation: rig.Client.UNSUBACK, id: rig.client.lastId });
    assert.deepEqual([...(rig.world.broker.sessionOf("unit")?.subscriptions.keys() ?? [])], ["b"]);
    rig.done();
  });

  it("subscribes from inside onControl, as the pattern's examples do", () => {
    const rig = new Rig();
    rig.on["control"] = (message: { operation: number }) => {
      if (message.operation === 2) rig.subscribe({ topic: "čvor/#", QoS: 1 });
    };
    rig.until("connected").run(100);
    rig.world.broker.publish("čvor/1", "zdravo", { qos: 1 });
    rig.run(100);
    assert.equal(rig.read[0]?.text, "zdravo");
    rig.done();
  });
});

describe("MqttClient: messages in", () => {
  function subscribed(options: ConstructorParameters<typeof Rig>[0] = {}): Rig {
    const rig = new Rig(options).connected();
    rig.subscribe({ topic: "in/#", QoS: 2 });
    rig.run(100);
    rig.told.length = 0;
    return rig;
  }

  it("takes QoS 0, 1 and 2, with everything that came with them", () => {
    const rig = subscribed();
    for (const qos of [0, 1, 2] as const) rig.world.broker.publish(`in/${qos}`, `payload ${qos}`, { qos });
    rig.run(200);
    assert.deepEqual(rig.told, ["readable in/0 9", "readable in/1 9", "readable in/2 9"]);
    const [first, second, third] = rig.read;
    assert.deepEqual(
      { ...first },
      {
        topic: "in/0",
        byteLength: 9,
        QoS: 0,
        retain: false,
        duplicate: false,
        id: 0,
        more: false,
        count: 9,
        text: "payload 0",
      },
    );
    assert.deepEqual([second?.QoS, third?.QoS, (second?.id ?? 0) > 0, (third?.id ?? 0) > 0], [1, 2, true, true]);
    assert.equal(rig.world.broker.sessionOf("unit")?.outgoing, 0, "all are acknowledged");
    rig.done();
  });

  it("tells RETAIN of a stored message, and takes an empty one like any other", () => {
    const rig = new Rig().connected();
    rig.world.broker.publish("in/r", "kept", { qos: 1, retain: true });
    rig.subscribe({ topic: "in/#", QoS: 2 });
    rig.run(100);
    rig.world.broker.publish("in/r", "", { qos: 1, retain: true });
    rig.world.broker.publish("in/after", "x");
    rig.run(100);
    assert.deepEqual(
      rig.read.map(({ topic, retain, byteLength, text }) => [topic, retain, byteLength, text]),
      [
        ["in/r", true, 4, "kept"],
        ["in/r", false, 0, ""],
        ["in/after", false, 1, "x"],
      ],
    );
    rig.done();
  });

  it("hands a QoS 2 message over once, though the broker sends it again after a loss", () => {
    const rig = subscribed({ clean: false, reconnect: { minimum: 1, maximum: 1 } });
    rig.world.network.hold("up");
    rig.world.broker.publish("in/x", "once", { qos: 2 });
    rig.run(100);
    rig.world.network.dropConnections();
    rig.world.network.release("up");
    rig.until("waiting").until("connected").run(1000);
    assert.deepEqual(
      rig.read.map(({ text }) => text),
      ["once"],
    );
    assert.equal(rig.world.broker.sessionOf("unit")?.outgoing, 0);
    rig.done();
  });

  it("reads in parts: so many bytes, into a buffer, the rest; never more than there is", () => {
    const rig = subscribed();
    const parts: unknown[] = [];
    rig.on["readable"] = () => {
      const { client } = rig;
      const into = new Uint8Array(4).fill(46);
      const view = new DataView(new ArrayBuffer(8), 2, 3);
      parts.push(new Uint8Array(client.read(2) as ArrayBuffer).length, client.read(into.subarray(1, 3)), [...into]);
      parts.push(client.read(view), view.getUint8(0), client.read(0)?.byteLength, client.read(new ArrayBuffer(99)));
      parts.push(client.read(), client.read(5), client.read(into));
    };
    rig.world.broker.publish("in/x", "0123456789abc");
    rig.run(100);
    assert.deepEqual(parts, [2, 2, [46, 50, 51, 46], 3, 52, 0, 6, undefined, undefined, undefined]);
    rig.done();
  });

  it("has nothing to read outside of a callback, and drops what was not read", () => {
    const rig = subscribed({ onReadable() {} });
    rig.world.broker.publish("in/x", "unread");
    rig.run(100);
    assert.equal(rig.client.read(), undefined);
    assert.equal(rig.client.read(new Uint8Array(4)), undefined);
    rig.done();
  });

  it("refuses a count that is no number of bytes", () => {
    const rig = subscribed();
    const errors: unknown[] = [];
    rig.on["readable"] = () => {
      for (const count of [-1, 1.5]) assert.throws(() => rig.client.read(count), RangeError);
      assert.throws(() => rig.client.read({} as ArrayBuffer), /a buffer or a view/);
      errors.push("checked");
    };
    rig.world.broker.publish("in/x", "abc");
    rig.run(100);
    assert.deepEqual(errors, ["checked"]);
    rig.done();
  });

  it("tells of a message beyond the budget, skips it and acknowledges it", () => {
    const rig = subscribed({ budget: { receive: 64, topic: 16 } });
    rig.world.broker.publish("in/big", "b".repeat(100), { qos: 2 });
    rig.world.broker.publish("in/a/very/long/topic", "text", { qos: 1 });
    rig.world.broker.publish("in/x", "small", { qos: 1 });
    rig.run(500);
    assert.deepEqual(rig.told, ["overflow in/big 100", "overflow in/a/very/long/t 4", "readable in/x 5"]);
    assert.deepEqual(
      rig.overflows.map(({ text }) => text),
      ["b".repeat(64), ""],
    );
    assert.equal(rig.world.broker.sessionOf("unit")?.outgoing, 0);
    rig.done();
  });

  it("takes as many stored messages at once as a server has, with the default budget", () => {
    const rig = new Rig().connected();
    for (let index = 0; index < 100; index += 1) {
      rig.world.broker.publish(`in/${index}`, "x", { qos: (index % 3) as 0 | 1 | 2, retain: true });
    }
    rig.subscribe({ topic: "in/#", QoS: 2 });
    rig.run(5000);
    assert.equal(rig.read.length, 100);
    assert.equal(rig.client.state, "connected");
    rig.done();
  });

  it("streams a payload of any size in pieces", () => {
    const rig = subscribed({ stream: true, budget: { receive: 64 } });
    const payload = Uint8Array.from({ length: 20_000 }, (_value, index) => index % 251);
    const received: number[] = [];
    const more: boolean[] = [];
    rig.on["readable"] = (count: number, message: { more: boolean; byteLength: number; topic: string }) => {
      assert.equal(message.byteLength, 20_000);
      assert.equal(message.topic, "in/long");
      const piece = new Uint8Array(rig.client.read() as ArrayBuffer);
      assert.equal(piece.length, count);
      received.push(...piece);
      more.push(message.more);
    };
    rig.world.broker.publish("in/long", payload, { qos: 1 });
    rig.run(3000);
    assert.deepEqual(Uint8Array.from(received), payload);
    assert.ok(more.length > 10 && more.lastIndexOf(true) === more.length - 2 && more.at(-1) === false);
    rig.done();
  });
});

describe("MqttClient: messages out", () => {
  it("publishes with QoS 0, 1 and 2, text and bytes, and tells what the broker has acknowledged", () => {
    const rig = new Rig().connected();
    const { PUBACK, PUBREC, PUBCOMP } = rig.Client;
    assert.equal(rig.publish("out/0", "nula"), 0);
    const one = rig.publish("out/1", ArrayBuffer.fromString("jedan"), 1);
    const two = rig.publish("out/2", new Uint8Array(ArrayBuffer.fromString("dva")), 2);
    rig.run(200);
    assert.deepEqual(rig.messages, ["out/0=nula", "out/1=jedan", "out/2=dva"]);
    assert.deepEqual(
      rig.world.broker.messages().map(({ qos, retain, dup }) => [qos, retain, dup]),
      [
        [0, false, false],
        [1, false, false],
        [2, false, false],
      ],
    );
    assert.deepEqual(rig.told, [
      `control ${PUBACK} ${one}`,
      `delivered ${one}`,
      `control ${PUBREC} ${two}`,
      `received ${two}`,
      `control ${PUBCOMP} ${two}`,
      `delivered ${two}`,
    ]);
    rig.done();
  });

  it("keeps a message of its own, so that the application may use its buffer again at once", () => {
    const rig = new Rig().connected();
    const buffer = new Uint8Array([65, 66, 67]);
    rig.publish("out", buffer.subarray(1), 1);
    buffer.fill(0);
    rig.run(100);
    assert.deepEqual(rig.messages, ["out=BC"]);
    rig.done();
  });

  it("retains, and clears what is retained by no payload at all", () => {
    const rig = new Rig().connected();
    rig.publish("state", "on", 1, { retain: true });
    rig.run(100);
    assert.equal(rig.world.broker.retained("state")?.payload, "on");
    for (const nothing of [null, "", new ArrayBuffer(0)]) rig.publish("state", nothing, 1, { retain: true });
    rig.run(100);
    assert.equal(rig.world.broker.retained("state"), undefined);
    assert.equal(rig.world.broker.messages("state").length, 4);
    rig.done();
  });

  it("takes a packet id of the application's choice, and refuses one that is in use", () => {
    const rig = new Rig().connected();
    rig.holding("puback", 10);
    assert.equal(rig.publish("out", "a", 1, { id: 4711 }), 4711);
    assert.throws(() => rig.publish("out", "b", 2, { id: 4711 }), /4711 is in use/);
    rig.run(100);
    rig.world.broker.release();
    rig.run(100);
    assert.deepEqual(rig.told.slice(-1), ["delivered 4711"]);
    rig.done();
  });

  it("takes QoS 1 and 2 without a connection, and sends them when there is one", () => {
    const rig = new Rig((self) => ({ user: "u", clean: false, host: self.world.broker.address }));
    rig.until("waiting");
    const id = rig.publish("out", "early", 2);
    assert.throws(() => rig.publish("out", "too early"), /no connection; write in onControl/);
    rig.until("connected").run(200);
    assert.deepEqual(rig.messages, ["out=early"]);
    assert.equal(rig.told.at(-1), `delivered ${id}`);
    rig.done();
  });

  it("sends them together with CONNECT when it may pipeline", () => {
    const rig = new Rig({ pipeline: true });
    const up: number[] = [];
    rig.world.network.onTraffic(({ direction, bytes }) => {
      if (direction === "up" && bytes.byteLength > 0) up.push(bytes[0] as number);
    });
    rig.until("waiting");
    rig.publish("out", "early", 1);
    rig.until("connected").run(100);
    assert.deepEqual(rig.messages, ["out=early"]);
    assert.equal(up.length, 1, "one segment has carried all");
    rig.done();
  });

  it("stops pipelining for good when the broker closes on it", () => {
    const rig = new Rig(
      { pipeline: true, clean: false, reconnect: { minimum: 1, maximum: 1 } },
      {
        broker: { closeOnPipelining: true },
      },
    );
    rig.until("waiting");
    rig.publish("out", "early", 2);
    rig.until("connected").run(200);
    assert.deepEqual(rig.messages, ["out=early"]);
    assert.deepEqual(
      rig.told.filter((word) => word.startsWith("reconnecting")),
      ["reconnecting lost"],
    );
    rig.done();
  });

  it("refuses one message too many, and calls when there is a place again", () => {
    const rig = new Rig({ budget: { inFlight: 2 } }).connected();
    rig.holding("puback", 10);
    assert.ok(rig.write("a", { topic: "out", QoS: 1 }) > 0);
    assert.equal(rig.write("b", { topic: "out", QoS: 1 }), 0);
    assert.equal(rig.client.writable, 0);
    assert.throws(() => rig.publish("out", "c", 1), /no place is free; write again in onWritable/);
    rig.run(100);
    rig.told.length = 0;
    rig.world.broker.release();
    rig.run(100);
    assert.equal(rig.told.filter((word) => word === "writable 536").length, 1);
    rig.publish("out", "c", 1);
    rig.run(100);
    assert.deepEqual(rig.messages, ["out=a", "out=b", "out=c"]);
    rig.done();
  });

  it("calls when there is a place again also who hears of nothing else", () => {
    const none = { onControl: undefined, onReceived: undefined, onDelivered: undefined };
    const rig = new Rig({ budget: { inFlight: 1 }, ...none } as unknown as Options).connected();
    for (const QoS of [1, 2, 1]) {
      rig.told.length = 0;
      assert.equal(rig.write("a", { topic: "out", QoS }), 0);
      rig.run(200);
      assert.deepEqual(rig.told, ["writable 536"]);
    }
    assert.deepEqual(rig.messages, ["out=a", "out=a", "out=a"]);
    rig.done();
  });

  it("lets an exception of a callback through, for whoever looks after the board", () => {
    const rig = new Rig().connected();
    rig.on["delivered"] = () => {
      throw new Error("in onDelivered");
    };
    rig.publish("out", "a", 1);
    assert.throws(() => rig.run(200), /in onDelivered/);
  });

  it("lets two QoS 0 messages wait; a loop that heeds onWritable sends any number", () => {
    const rig = new Rig();
    let count = 0;
    rig.on["writable"] = () => {
      while (rig.client.writable > 0 && count < 25) {
        count += 1;
        rig.publish("out", String(count));
      }
    };
    rig.until("connected").run(1000);
    assert.deepEqual(
      rig.messages,
      Array.from({ length: 25 }, (_value, index) => `out=${index + 1}`),
    );
    rig.publish("out", "a".repeat(5000));
    rig.publish("out", "b");
    rig.run(1);
    assert.equal(rig.client.writable, 0, "the first one is still on its way");
    assert.throws(() => rig.publish("out", "c"), /no place is free/);
    rig.run(100);
    assert.equal(rig.client.writable, 536);
    rig.done();
  });
});

describe("MqttClient: other sockets", () => {
  it("makes the socket of the class that it is given, with its options, the address and the name of the host", () => {
    const made: Record<string, unknown>[] = [];
    const rig = new Rig((self) => ({
      host: "broker.local",
      socket: {
        io: class {
          constructor(options: SocketParameters) {
            made.push({ ...options });
            // What a TLS class does: takes the callbacks for itself and brings up a socket beneath.
            const TCP = (self.modules("embedded:io/socket/tcp") as { default: new (options: object) => never }).default;
            // biome-ignore lint/correctness/noConstructorReturn: a stand-in, as a host object is.
            return new TCP(options);
          }
          read(): void {}
          write(): void {}
          close(): void {}
        },
        secure: { protocolVersion: 0x303 },
      },
    })).connected();
    assert.equal(made.length, 1);
    const { address, port, host, secure, nodelay } = made[0] as Record<string, unknown>;
    assert.deepEqual(
      { address, port, host, secure, nodelay },
      { address: "10.0.0.2", port: 1883, host: "broker.local", secure: { protocolVersion: 0x303 }, nodelay: false },
    );
    rig.publish("out", "x", 1);
    rig.run(100);
    assert.deepEqual(rig.messages, ["out=x"]);
    rig.done();
  });
});

describe("docs/mqtt-client.md", () => {
  const guide = readFileSync(new URL("../../docs/mqtt-client.md", import.meta.url), "utf8");

  it("has an example that works", () => {
    const example = /```js\n(import[^;]+;)([\s\S]+?)```/.exec(guide)?.[2] ?? "";
    const said: string[] = [];
    let left: { state: string } | undefined;
    const rig = new Rig((self) => {
      const run = new Function("MqttClient", "trace", `${example}; return client;`);
      left = run(self.Client, (text: string) => said.push(text.trim()));
      return {};
    });
    const { broker } = rig.world;
    rig.world.runUntil(() => left?.state === "connected", 10_000);
    rig.run(5000);
    broker.publish("greenhouse/7/cmd/valve", "open", { qos: 2 });
    rig.run(1000);
    broker.publish("greenhouse/7/cmd/valve", "", { qos: 2 });
    rig.run(1000);
    broker.drop("greenhouse-7");
    assert.equal(broker.retained("greenhouse/7/state")?.payload, "lost");
    rig.run(5000);
    assert.equal(broker.retained("greenhouse/7/state")?.payload, "online");
    assert.deepEqual(
      broker.messages("greenhouse/7/+").map(({ topic, bytes }) => `${topic.slice(13)} ${bytes.length}`),
      ["state 6", "log 100000", "event 4", "event 4", "state 4", "state 6"],
    );
    assert.ok(said.includes("greenhouse/7/cmd/valve: open") && said.includes("greenhouse/7/cmd/valve: (empty)"));
    assert.ok(
      said.some((line) => /^lost \(the transport ended\), again in \d+ ms$/.test(line)),
      said.join("; "),
    );
    rig.done();
  });

  it("names every option and the defaults that the code has", () => {
    const options = readFileSync(new URL("../../src/device/mqtt-options.ts", import.meta.url), "utf8");
    const body = /export interface MqttClientOptions \{([\s\S]+?)\n\}/.exec(options)?.[1] ?? "";
    const names = [...body.matchAll(/^ {2}readonly (\w+)/gm)].map((match) => match[1] as string);
    assert.ok(names.length > 20);
    for (const name of names) assert.ok(guide.includes(name), name);
    assert.ok(guide.includes(/DEFAULT_BUDGET = Object\.freeze\((\{.+?\}) as const/.exec(options)?.[1] ?? "none"));
  });

  it("names every file that the client needs", () => {
    const needed = new Set<string>();
    const follow = (name: string): void => {
      if (needed.has(name)) return;
      needed.add(name);
      const text = readFileSync(new URL(`../../src/device/${name}.ts`, import.meta.url), "utf8");
      for (const match of text.matchAll(/from "\.\/([a-z-]+)\.js"/g)) follow(match[1] as string);
    };
    follow("mqtt-client");
    for (const name of needed)
      assert.equal(guide.split(`device/${name}"`).length, name === "mqtt-client" ? 4 : 3, name);
    assert.equal(needed.size, 7);
  });
});
