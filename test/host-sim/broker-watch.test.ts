// The observer at real brokers: the bench's own always, Mosquitto where it is installed. What it says is compared with
// what other clients do.

import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { Aedes } from "aedes";
import { afterEach, describe, it } from "mocha";
import { connectAsync, type MqttClient } from "mqtt";
import { EmbeddedBroker } from "../../host-sim/aedes.js";
import { BrokerWatch, type ClientList } from "../../host-sim/broker-watch.js";
import { MqttLine } from "../../host-sim/mqtt-line.js";
import type { BrokerView, TopicView } from "../../host-sim/page/details.js";
import type { BenchEvent } from "../../host-sim/page/protocol.js";
import { TopicTable } from "../../host-sim/topic-table.js";
import { needs } from "../interop/brokers/broker.js";
import { mosquitto } from "../interop/brokers/mosquitto.js";

const HERE = "127.0.0.1";

describe("host-sim/broker-watch", () => {
  const ends: (() => Promise<unknown>)[] = [];
  let watch: BrokerWatch;
  let events: BenchEvent[];
  let heard: [string | undefined, string][];
  let wake: () => void;

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  function observe(url: string, own?: ClientList, everything = true): BrokerWatch {
    events = [];
    heard = [];
    wake = () => undefined;
    watch = new BrokerWatch({
      line: new MqttLine(url),
      own,
      everything,
      now: () => 5,
      tell: (event) => {
        events.push(event);
        wake();
      },
      heard: (topic, payload) => {
        heard.push([topic, payload]);
        wake();
      },
    });
    ends.push(() => watch.close());
    return watch;
  }

  /** Resolves when the condition holds, which is asked after everything that the observer tells. */
  function until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      wake = () => {
        if (condition()) resolve();
      };
      wake();
    });
  }

  async function client(url: string): Promise<MqttClient> {
    const made = await connectAsync(url, { protocolVersion: 4, clientId: "somebody" });
    ends.push(() => made.endAsync(true));
    return made;
  }

  async function ownBroker(): Promise<EmbeddedBroker> {
    const broker = await EmbeddedBroker.open({ port: 0 });
    ends.push(() => broker.close());
    return broker;
  }

  const topic = (name: string): TopicView | undefined => watch.topics.find((each) => each.topic === name);
  const brokers = (): BrokerView[] => events.flatMap((event) => (event.type === "broker" ? [event.broker] : []));

  /** What holds for every broker that lets an observer see everything. */
  async function checkTopics(url: string, own?: ClientList): Promise<void> {
    const other = await client(url);
    await other.publishAsync("a/before", "kept", { retain: true, qos: 1 });
    await other.publishAsync("a/lost", "not kept", { qos: 1 });
    observe(url, own);
    await until(() => topic("a/before") !== undefined && watch.view.connected);
    assert.deepEqual(topic("a/before"), {
      topic: "a/before",
      payload: "kept",
      bytes: 4,
      qos: 1,
      retained: true,
      count: 1,
      at: 5,
    });
    assert.equal(topic("a/lost"), undefined);
    // A live message says nothing of whether it is kept; the broker is asked.
    await other.publishAsync("a/now", "1", { retain: true, qos: 2 });
    await until(() => topic("a/now")?.retained === true);
    assert.deepEqual([topic("a/now")?.qos, topic("a/now")?.count], [2, 1]);
    await other.publishAsync("a/now", "2", { qos: 0 });
    await other.publishAsync("a/live", "cvrčak", { qos: 1 });
    await until(() => topic("a/now")?.count === 2 && topic("a/live") !== undefined);
    assert.equal(topic("a/now")?.retained, true, "a message that is not to be kept does not replace what is");
    assert.deepEqual(
      [topic("a/live")?.payload, topic("a/live")?.bytes, topic("a/live")?.retained],
      ["cvrčak", 7, false],
    );
    await other.publishAsync("a/now", "", { retain: true, qos: 1 });
    await until(() => topic("a/now") === undefined);
    const last = events.findLast((event) => event.type === "topic" && event.topic.topic === "a/now");
    assert.ok(last?.type === "topic" && last.topic.count === 0 && !last.topic.retained);
  }

  async function checkPublish(): Promise<void> {
    watch.publish({ type: "publish", topic: "p/x", payload: "hello", qos: 2, retain: true });
    await until(() => topic("p/x")?.retained === true);
    assert.deepEqual([topic("p/x")?.payload, topic("p/x")?.qos], ["hello", 2]);
    watch.publish({ type: "publish", topic: "p/x", payload: "", qos: 1, retain: true });
    await until(() => topic("p/x") === undefined);
    watch.publish({ type: "publish", topic: "p/#", payload: "", qos: 1, retain: true });
    await until(() => watch.view.trouble !== "");
    assert.match(watch.view.trouble, /^not published: .*topic/i);
    watch.publish({ type: "publish", topic: "p/y", payload: "", qos: 1, retain: false });
    await until(() => watch.view.trouble === "");
  }

  it("shows what the bench's own broker keeps and passes on, and publishes", async () => {
    const broker = await ownBroker();
    await checkTopics(broker.url, broker);
    await checkPublish();
  });

  it("shows what Mosquitto keeps and passes on, publishes, and has its figures", async function () {
    const kind = mosquitto();
    needs(this, kind.needs);
    const broker = await kind.open();
    ends.push(() => broker.close());
    await checkTopics(`mqtt://${HERE}:${broker.port}`);
    await checkPublish();
    await until(() => brokers().some(({ sys }) => sys.length > 5));
    const { sys, clients } = watch.view;
    const version = sys.find(([name]) => name === "$SYS/broker/version")?.[1];
    assert.match(version ?? "", /mosquitto version/);
    assert.deepEqual(
      sys,
      [...sys].sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    assert.equal(clients, undefined, "only the bench's own broker tells who is connected");
    assert.ok(watch.topics.every((each) => !each.topic.startsWith("$SYS")));
    // Without persistence it forgets what it kept.
    assert.equal(topic("a/before")?.retained, true);
    await broker.stop();
    await broker.start();
    await until(() => topic("a/before")?.retained === false);
  });

  it("knows who is connected to the bench's own broker", async () => {
    const broker = await ownBroker();
    observe(broker.url, broker);
    await until(() => watch.view.clients?.length === 2);
    const before = watch.view.clients?.map(({ id }) => id.replace(/-[0-9a-f]+$/, "")).sort();
    assert.deepEqual(before, ["bench-lookup", "bench-observer"]);
    const other = await client(broker.url);
    await until(() => brokers().at(-1)?.clients?.length === 3);
    assert.deepEqual(
      brokers()
        .at(-1)
        ?.clients?.find(({ id }) => id === "somebody"),
      { id: "somebody", since: 5, clean: true },
    );
    await other.endAsync();
    await until(() => brokers().at(-1)?.clients?.length === 2);
  });

  it("knows one client under an id that another has taken", async () => {
    const broker = await ownBroker();
    observe(broker.url, broker);
    const options = { protocolVersion: 4, clientId: "twin", reconnectPeriod: 0 } as const;
    const first = await connectAsync(broker.url, options);
    const isGone = new Promise<void>((resolve) => first.once("close", () => resolve()));
    const second = await connectAsync(broker.url, { ...options, clean: false });
    ends.push(() => second.endAsync(true));
    await isGone;
    await until(
      () =>
        brokers()
          .at(-1)
          ?.clients?.some(({ id, clean }) => id === "twin" && !clean) === true,
    );
    assert.equal(watch.view.clients?.filter(({ id }) => id === "twin").length, 1);
  });

  it("takes no message that comes while it looks something up for one that is kept", async () => {
    const aedes = await Aedes.createBroker();
    const server = createServer(aedes.handle);
    await new Promise<void>((resolve) => {
      server.listen(0, HERE, resolve);
    });
    ends.push(() => new Promise<void>((resolve) => aedes.close(() => server.close(() => resolve()))));
    let lookups = 0;
    aedes.on("subscribe", ([subscription], client) => {
      if (subscription?.topic !== "x" || !client.id.startsWith("bench-lookup")) return;
      lookups += 1;
      const again = { topic: "x", payload: Buffer.from("live"), qos: 0, retain: false, dup: false } as const;
      if (lookups === 1) aedes.publish({ cmd: "publish", ...again }, () => undefined);
    });
    const url = `mqtt://${HERE}:${(server.address() as { port: number }).port}`;
    observe(url);
    await until(() => watch.view.connected);
    const other = await client(url);
    await other.publishAsync("x", "first", { qos: 1 });
    await until(() => topic("x")?.count === 2);
    // One lookup after the other: when this is known, so is that.
    await other.publishAsync("y", "kept", { qos: 1, retain: true });
    await until(() => topic("y")?.retained === true);
    assert.ok(lookups >= 1);
    const told = events.flatMap((event) => (event.type === "topic" && event.topic.topic === "x" ? [event.topic] : []));
    assert.ok(told.every(({ retained }) => !retained));
  });

  it("says that the broker is away, and looks again at what it keeps when it is back", async () => {
    const broker = await ownBroker();
    observe(broker.url, broker);
    await until(() => watch.view.connected);
    const other = await client(broker.url);
    await other.publishAsync("a", "1", { retain: true, qos: 1 });
    await other.publishAsync("box/lwt", "2", { qos: 1 });
    await until(() => topic("a")?.retained === true && heard.length === 2);
    assert.deepEqual(heard, [
      ["a", "1"],
      ["box/lwt", "2"],
    ]);
    await broker.stop();
    await until(() => !watch.view.connected);
    assert.deepEqual(heard.at(-1), [undefined, ""]);
    watch.publish({ type: "publish", topic: "p", payload: "", qos: 1, retain: false });
    assert.match(watch.view.trouble, /; not published: not connected$/);
    await broker.start();
    await until(() => watch.view.connected);
    assert.equal(topic("a")?.retained, true);
  });

  it("where it may not see everything, it shows what the boards send, and says so", async () => {
    const strict = await Aedes.createBroker({
      authorizeSubscribe: (_client, subscription, done) =>
        done(null, subscription.topic === "#" || subscription.topic.startsWith("$") ? null : subscription),
    });
    const server: Server = createServer(strict.handle);
    await new Promise<void>((resolve) => {
      server.listen(0, HERE, resolve);
    });
    ends.push(() => new Promise<void>((resolve) => strict.close(() => server.close(() => resolve()))));
    const url = `mqtt://${HERE}:${(server.address() as { port: number }).port}`;
    observe(url).follow("root/1");
    await until(() => watch.view.trouble !== "" && watch.view.connected);
    assert.match(watch.view.trouble, /only the boards' topics/);
    const other = await client(url);
    const send = async (name: string) => {
      await other.publishAsync(`${name}/alert`, "x", { qos: 1, retain: true });
    };
    for (const name of ["elsewhere", "root/2", "root/1"]) await send(name);
    await until(() => topic("root/1/alert") !== undefined);
    assert.equal(watch.topics.length, 1);
    watch.follow("root/2");
    await until(() => topic("root/2/alert") !== undefined);
    assert.equal(watch.topics.length, 2);
  });

  it("asked to, it looks at what the boards send and at nothing else", async () => {
    const broker = await ownBroker();
    observe(broker.url, broker, false).follow("root/1");
    await until(() => watch.view.connected);
    watch.follow("root/2");
    const other = await client(broker.url);
    for (const name of ["elsewhere", "root/1", "root/2"]) await other.publishAsync(name, "x", { qos: 1, retain: true });
    await until(() => topic("root/2") !== undefined);
    assert.deepEqual(watch.topics.map(({ topic: name }) => name).sort(), ["root/1", "root/2"]);
    assert.deepEqual([watch.view.sys, watch.view.trouble], [[], ""]);
  });

  it("says why it is not let in", async () => {
    const strict = await Aedes.createBroker({
      authenticate: (_client, _user, _password, done) =>
        done(Object.assign(new Error("no"), { returnCode: 5 as never }), false),
    });
    const server: Server = createServer(strict.handle);
    await new Promise<void>((resolve) => {
      server.listen(0, HERE, resolve);
    });
    ends.push(() => new Promise<void>((resolve) => strict.close(() => server.close(() => resolve()))));
    observe(`mqtt://me:sec%3Aret@${HERE}:${(server.address() as { port: number }).port}`);
    await until(() => /not authorized/i.test(watch.view.trouble));
    assert.equal(watch.view.connected, false);
    assert.doesNotMatch(JSON.stringify(watch.view), /sec/);
  });
});

describe("host-sim/topic-table", () => {
  const told: TopicView[] = [];
  const message = (topic: string, text: string | Uint8Array, retain = false) => ({
    topic,
    payload: typeof text === "string" ? Buffer.from(text) : text,
    qos: 0 as const,
    retain,
    at: 0,
  });

  it("keeps 2,000 topics: those that nobody keeps a message for go first, the one longest silent before the others", () => {
    const table = new TopicTable((topic) => told.push(topic));
    table.seen(message("kept", "x", true));
    for (let index = 0; index < 1999; index++) table.seen(message(`t/${index}`, "x"));
    assert.equal(table.topics.length, 2000);
    table.seen(message("t/0", "again"));
    table.seen(message("one too many", "x"));
    assert.equal(table.topics.length, 2000);
    assert.equal(table.dropped, 1);
    assert.deepEqual([told.at(-1)?.topic, told.at(-1)?.count], ["t/1", 0]);
    assert.ok(table.topics.some(({ topic }) => topic === "kept"));
    assert.ok(table.topics.some(({ topic, count }) => topic === "t/0" && count === 2));
    for (let index = 0; index < 2001; index++) table.seen(message(`k/${index}`, "x", true));
    assert.equal(table.topics.length, 2000);
    assert.ok(!table.topics.some(({ topic }) => topic === "kept"));
  });

  it("shows at most 2,000 characters, other bytes as such, and no password", () => {
    const table = new TopicTable(() => undefined);
    table.seen(message("long", "ž".repeat(3000)));
    table.seen(message("bytes", Uint8Array.of(0x61, 0xff, 0x62)));
    table.seen(message("a/cmd/config", '{"host":"h","password":"secret"}'));
    const [long, bytes, config] = table.topics;
    assert.equal(long?.payload, `${"ž".repeat(2000)}…`);
    assert.equal(long.bytes, 6000);
    assert.equal(bytes?.payload, "a\uFFFDb");
    assert.equal(config?.payload, '{"host":"h","password":"··"}');
  });

  it("a topic of which nothing is kept stays as it was seen", () => {
    const table = new TopicTable(() => undefined);
    table.seen(message("a", "x", true));
    table.cleared("a");
    assert.equal(table.topics[0]?.retained, false);
    table.seen(message("a", ""));
    table.cleared("a");
    table.retained("nobody's");
    assert.deepEqual([table.topics.length, table.topics[0]?.count], [1, 2]);
  });
});
