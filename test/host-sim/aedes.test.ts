import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { describe, it } from "mocha";
import { connect, connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { EmbeddedBroker } from "../../host-sim/aedes.js";

async function using(broker: EmbeddedBroker, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } finally {
    await broker.close();
  }
}

function client(broker: EmbeddedBroker, options: IClientOptions = {}): Promise<MqttClient> {
  return connectAsync(broker.url, { protocolVersion: 4, reconnectPeriod: 0, connectTimeout: 2_000, ...options });
}

/** Payload of the next message. */
function message(subscriber: MqttClient): Promise<{ topic: string; payload: string }> {
  return new Promise((resolve) => {
    subscriber.once("message", (topic, payload) => resolve({ topic, payload: payload.toString() }));
  });
}

async function occupied(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as { port: number }).port };
}

describe("EmbeddedBroker", () => {
  it("carries a message from one client to another with QoS 2", async () => {
    const broker = await EmbeddedBroker.open({ port: 0 });
    await using(broker, async () => {
      assert.match(broker.url, /^mqtt:\/\/127\.0\.0\.1:\d+$/);
      const subscriber = await client(broker);
      await subscriber.subscribeAsync("a/#", { qos: 2 });
      const arrived = message(subscriber);
      const publisher = await client(broker, { clientId: "x".repeat(60) });
      await publisher.publishAsync("a/b", "hello", { qos: 2 });
      assert.deepEqual(await arrived, { topic: "a/b", payload: "hello" });
      await Promise.all([subscriber.endAsync(true), publisher.endAsync(true)]);
    });
  });

  it("loses nothing when retained messages and alerts of several clients cross", async () => {
    const broker = await EmbeddedBroker.open({ port: 0 });
    await using(broker, async () => {
      const subscriber = await client(broker, { clientId: "subscriber", clean: false });
      await subscriber.subscribeAsync("r/+/alert", { qos: 2 });
      const expected: string[] = [];
      const arrived: string[] = [];
      const all = new Promise<void>((resolve) => {
        subscriber.on("message", (_topic, payload) => {
          arrived.push(payload.toString());
          if (arrived.length === 40) resolve();
        });
      });
      const publishers = await Promise.all([0, 1, 2, 3].map(() => client(broker)));
      await Promise.all(
        publishers.map(async (publisher, number) => {
          for (let round = 0; round < 10; round += 1) {
            publisher.publish(`r/${number}/lwt`, "x", { qos: 1, retain: true });
            expected.push(`${number}-${round}`);
            await publisher.publishAsync(`r/${number}/alert`, `${number}-${round}`, { qos: 2 });
          }
        }),
      );
      await all;
      assert.deepEqual(arrived.sort(), expected.sort());
      await Promise.all([subscriber, ...publishers].map((each) => each.endAsync()));
    });
  });

  it("takes the next free port, or says why not when another will not do", async () => {
    const { server, port } = await occupied();
    const broker = await EmbeddedBroker.open({ port });
    await using(broker, async () => {
      assert.ok(broker.port > port);
      await assert.rejects(EmbeddedBroker.open({ port, nextFree: false }), { code: "EADDRINUSE" });
    });
    server.close();
  });

  it("comes back on the same port with sessions and retained messages, and without wills", async () => {
    const broker = await EmbeddedBroker.open({ port: 0 });
    await using(broker, async () => {
      const { port } = broker;
      const options: IClientOptions = { clientId: "box", clean: false };
      const will = { topic: "state", payload: Buffer.from("lost"), qos: 1, retain: true } as const;
      const first = await client(broker, { ...options, will });
      first.on("error", () => undefined);
      await first.subscribeAsync("cmd", { qos: 1 });
      await first.publishAsync("state", "online", { qos: 1, retain: true });
      const closed = new Promise<void>((resolve) => {
        first.once("close", resolve);
      });
      await broker.stop();
      await broker.stop();
      await closed;
      assert.equal(broker.isUp, false);
      await assert.rejects(client(broker));
      await broker.start();
      await broker.start();
      assert.equal(broker.port, port);
      const other = await client(broker);
      const retained = message(other);
      await other.subscribeAsync("state", { qos: 1 });
      assert.equal((await retained).payload, "online");
      await other.publishAsync("cmd", "go", { qos: 1 });
      const second = connect(broker.url, { ...options, protocolVersion: 4, reconnectPeriod: 0 });
      assert.equal((await message(second)).payload, "go");
      await Promise.all([other.endAsync(true), second.endAsync(true)]);
    });
  });

  it("cannot be started after its end", async () => {
    const broker = await EmbeddedBroker.open({ port: 0 });
    await broker.close();
    await broker.close();
    await assert.rejects(broker.start(), /open another/);
  });
});
