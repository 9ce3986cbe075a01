// The tests of one broker, a cell of the table in docs/interop.md each: the same for all brokers, except where a row
// says what its broker does otherwise. The box is the whole firmware; what it does not use itself is done by MqttClient
// on a board of its own. Everything goes over real sockets.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, afterEach, before, describe, it } from "mocha";
import { type Broker, needs } from "./brokers/broker.js";
import { ClientBoard } from "./client-board.js";
import type { Feature } from "./features.js";
import { Listener } from "./listener.js";
import { RealBoard, type RealBoardOptions } from "./real-board.js";
import { Relay, type Sender, Type } from "./relay.js";
import type { Row } from "./rows.js";

/** More than a broker buffers, and more than the box has memory: 1 MiB. */
const MEGABYTE = 1_048_576;

/** A byte of the long payload. */
function byteAt(offset: number): number {
  return (offset * 31 + (offset >> 8)) & 255;
}

function longPayload(): Uint8Array {
  return Uint8Array.from({ length: MEGABYTE }, (_, offset) => byteAt(offset));
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What the tests of one row share. */
class Desk {
  readonly row: Row;
  broker!: Broker;
  clients!: ClientBoard;
  /** A board that has lost its power, and who listens for its will. */
  mortal: Promise<{ board: ClientBoard; listener: Listener }> | undefined;
  /** A battery box that was told something while it slept, and has woken since. */
  sleeper: Promise<{ box: RealBoard; root: string }> | undefined;
  readonly #listeners: Listener[] = [];
  readonly #boxes: RealBoard[] = [];
  #chips = 5750;

  constructor(row: Row) {
    this.row = row;
  }

  async listen(...filters: string[]): Promise<Listener> {
    const listener = await Listener.open(this.broker, ...filters);
    this.#listeners.push(listener);
    return listener;
  }

  /** A new box, with its root. */
  box(options: Partial<RealBoardOptions> = {}): { box: RealBoard; root: string; chip: number } {
    this.#chips += 1;
    const chip = this.#chips;
    const box = new RealBoard({
      chipId: chip,
      speed: this.row.speed,
      ...options,
      port: options.port ?? this.broker.port,
      settings: { ...this.broker.login, ...options.settings },
    });
    this.#boxes.push(box);
    return { box, chip, root: (options.settings?.["root"] as string) ?? `mresetar/alertbox/${chip}` };
  }

  /** Ends what a test has left. */
  async clear(): Promise<void> {
    for (const box of this.#boxes.splice(0)) box.close();
    for (const listener of this.#listeners.splice(0)) await listener.close();
  }
}

/**
 * Declares the tests of a row.
 *
 * @param open gives its broker, which may have been started ahead.
 * @param clients gives a board that serves all rows.
 */
export function matrix(row: Row, open: () => Promise<Broker>, clients: () => Promise<ClientBoard>): void {
  describe(row.name, function () {
    // An Erlang node takes its time on a busy computer.
    this.timeout(180_000);
    const desk = new Desk(row);

    before(async function () {
      needs(this, row.kind.needs);
      [desk.broker, desk.clients] = await Promise.all([open(), clients()]);
      desk.mortal = loseClient(desk.broker);
      // The test that waits for it hears of it.
      desk.mortal.catch(() => undefined);
      desk.sleeper = wakeSleeper(desk.broker);
      desk.sleeper.catch(() => undefined);
    });

    afterEach(() => desk.clear());

    after(async () => {
      const mortal = await desk.mortal?.catch(() => undefined);
      mortal?.board.close();
      await mortal?.listener.close();
      (await desk.sleeper?.catch(() => undefined))?.box.close();
      await desk.broker?.close();
    });

    /** A cell's test: what its broker can do, or what it does instead. */
    function cell(feature: Feature, does: string, work: (desk: Desk) => Promise<void>): void {
      it(`${feature}: ${row.limits[feature]?.does ?? does}`, () => work(desk));
    }

    cell("press", "an alert with QoS 2 arrives once, and the box is announced as online, retained", press);
    for (const QoS of [0, 1, 2] as const) {
      cell(`QoS ${QoS} out`, `a message is acknowledged and arrives once, with QoS ${QoS}`, (each) => out(each, QoS));
    }
    for (const QoS of [0, 1, 2] as const) {
      cell(`QoS ${QoS} in`, `the subscription is granted, and a message comes once, with QoS ${QoS}`, (each) =>
        into(each, QoS),
      );
    }
    cell("box comes back", "the last that is said and kept is online, not the will of its life before", boxComesBack);
    cell("clean close", "DISCONNECT: the will stays unpublished", cleanClose);
    cell("retained", "comes to a later subscriber, flagged; an empty one removes it", retained);
    cell("resume", "the session is there; a QoS 2 message cut off at any of its packets arrives once", resume);
    cell("1 MB out", "a message of 1 MiB arrives whole", megabyteOut);
    cell("1 MB in", "a message of 1 MiB comes whole, in pieces of at most 512 bytes", megabyteIn);
    cell("UTF-8", "cvrči/cvrčak/na/čvoru is a root: alert, announcement and command", utf8);
    cell("wrong password", "is refused with a code, which the box says", wrongPassword);
    cell(
      "asleep",
      "a retained command is done at the next wake and removed; what was queued for a session comes",
      asleep,
    );
    cell("will on power cut", "is published 1.5 keep-alives later, and kept", willOfClient);
    const end = row.isKilled ? ", at a kill," : "";
    cell("restart", `presses in flight${end} and meanwhile arrive once each, in order`, restart);
  });
}

async function press(desk: Desk): Promise<void> {
  const { row } = desk;
  const { box, root, chip } = desk.box();
  const listener = await desk.listen(`${root}/#`);
  await box.online();
  const later = await desk.listen(`${root}/lwt`);
  const { text, retain } = await later.message(`${root}/lwt`);
  assert.match(text, /"state":"online"/);
  assert.ok(retain);
  if (row.above === "closes") {
    await unheard(desk, box, listener);
    return;
  }
  const delivered = box.said("delivered");
  await box.press();
  const alert = await listener.message(`${root}/alert`);
  await delivered;
  const { pushes, event, id } = JSON.parse(alert.text) as Record<string, unknown>;
  assert.deepEqual({ pushes, event, id }, { pushes: 1, event: "press", id: `${chip}-1` });
  assert.deepEqual([alert.qos, alert.retain], [row.grants, false]);
  // The next one shows that the first has not come twice.
  await box.press();
  await listener.heard.until(
    () => listener.texts(`${root}/alert`).some((each) => each.includes(`"${chip}-2"`)),
    "second",
  );
  assert.equal(listener.texts(`${root}/alert`).length, 2);
  assert.deepEqual(box.details("failed"), []);
}

/** A broker that closes on QoS 2: the box keeps the alert, says what happens, and waits longer each time. */
async function unheard(desk: Desk, box: RealBoard, listener: Listener): Promise<void> {
  const failed = [box.said("failed")];
  await box.press();
  for (let attempt = 1; attempt < 4; attempt += 1) {
    await failed.at(-1);
    failed.push(box.said("failed"));
  }
  await failed.at(-1);
  assert.deepEqual([...new Set(box.details("failed"))], ["connection lost: the transport ended"]);
  assert.deepEqual([box.details("stored").length, box.details("delivered").length], [1, 0]);
  const said = desk.broker.log.filter((line) => /QoS=2 not supported/.test(line));
  assert.ok(said.length > 0, desk.broker.log.slice(-10).join("\n"));
  assert.deepEqual(
    listener.heard.entries.filter(({ topic }) => topic.endsWith("/alert")),
    [],
  );
}

async function out(desk: Desk, QoS: 0 | 1 | 2): Promise<void> {
  const { row } = desk;
  const topic = `out/${QoS}`;
  const listener = await desk.listen("out/#");
  const rig = desk.clients.client(desk.broker, { id: `out${QoS}` });
  await rig.connected();
  rig.client.write("hello", { topic, QoS });
  const id = rig.client.lastId;
  if (QoS > row.takes && row.above === "closes") {
    // A clean session: with its connection the message is gone, and the client is told.
    await rig.connected(2);
    assert.equal(rig.told.entries.filter(({ name }) => name === "reconnecting").length, 1);
    rig.client.write("end", { topic: "out/end", QoS: row.takes });
    await listener.message("out/end");
    assert.deepEqual(listener.texts(topic), []);
    await rig.close();
    return;
  }
  const heard = await listener.message(topic);
  assert.deepEqual([heard.text, heard.qos], ["hello", Math.min(QoS, row.grants)]);
  if (QoS > 0) await rig.delivered(id);
  assert.equal(rig.wasReceived(id), Math.min(QoS, row.takes) === 2);
  // What comes after it shows that it does not come twice.
  rig.client.write("end", { topic: "out/end", QoS });
  await listener.message("out/end");
  assert.deepEqual(listener.texts(topic), ["hello"]);
  assert.deepEqual(
    rig.told.entries.filter(({ name }) => name === "reconnecting"),
    [],
  );
  await rig.close();
}

async function into(desk: Desk, QoS: 0 | 1 | 2): Promise<void> {
  const topic = `in/${QoS}`;
  const rig = desk.clients.client(desk.broker, { id: `in${QoS}` });
  await rig.connected();
  assert.equal(await rig.subscribe(topic, QoS), Math.min(QoS, desk.row.grants));
  const listener = await desk.listen();
  for (const text of ["one", "two"]) await listener.publish(topic, text, desk.row.takes);
  await rig.told.until(() => rig.texts(topic).length >= 2, "two messages");
  const { QoS: came, retain, duplicate } = await rig.message(topic);
  assert.deepEqual([came, retain, duplicate], [Math.min(QoS, desk.row.grants), false, false]);
  assert.deepEqual(rig.texts(topic), ["one", "two"]);
  await rig.close();
}

const WILL = "will/of/client";

/** Lets a client connect and its board lose its power; what comes of it takes time, in which others are tested. */
async function loseClient(broker: Broker): Promise<{ board: ClientBoard; listener: Listener }> {
  const [board, listener] = await Promise.all([ClientBoard.open(), Listener.open(broker, WILL)]);
  const will = { topic: WILL, message: "lost", QoS: 1, retain: true };
  await board.client(broker, { id: "mortal", keepAlive: 1000, will }).connected();
  board.cutPower();
  return { board, listener };
}

async function willOfClient(desk: Desk): Promise<void> {
  const listener = (await desk.mortal)?.listener;
  assert.equal((await listener?.message(WILL))?.text, "lost");
  const later = await desk.listen(WILL);
  const kept = await later.message(WILL);
  assert.deepEqual([kept.text, kept.retain], ["lost", true]);
}

async function boxComesBack(desk: Desk): Promise<void> {
  const { box, root } = desk.box();
  const listener = await desk.listen(`${root}/lwt`);
  const states = () => listener.texts(`${root}/lwt`).map((text) => /"state":"(\w+)"/.exec(text)?.[1]);
  await box.online();
  await listener.heard.until(() => states().includes("online"), "online");
  const count = states().length;
  box.board.cutPower();
  box.board.powerOn();
  await listener.heard.until(() => states().slice(count).includes("online"), "online again");
  // The end of the old connection may be told, but not after the beginning of the new one.
  assert.match(states().slice(count).join(" "), /^(lost )?online$/);
  const later = await desk.listen(`${root}/lwt`);
  assert.match((await later.message(`${root}/lwt`)).text, /"state":"online"/);
}

async function cleanClose(desk: Desk): Promise<void> {
  const topic = "close/will";
  const listener = await desk.listen("close/#");
  const options = { id: "polite", will: { topic, message: "lost", QoS: 1 } };
  const rig = desk.clients.client(desk.broker, options);
  await rig.connected();
  await rig.close();
  // The same id again: what was to happen at the end of its first connection has happened.
  const again = desk.clients.client(desk.broker, options);
  await again.connected();
  again.client.write("still here", { topic: "close/marker", QoS: 1 });
  await listener.message("close/marker");
  await again.close();
  assert.deepEqual(listener.texts(topic), []);
}

async function retained(desk: Desk): Promise<void> {
  const rig = desk.clients.client(desk.broker, { id: "keeper" });
  await rig.connected();
  for (const name of ["stays", "goes"]) {
    rig.client.write(name, { topic: `kept/${name}`, QoS: 1, retain: true });
    await rig.delivered(rig.client.lastId);
  }
  rig.client.write(null, { topic: "kept/goes", QoS: 1, retain: true });
  await rig.delivered(rig.client.lastId);
  const filters = desk.row.retainsForWildcards ? ["kept/#"] : ["kept/stays", "kept/goes", "kept/live"];
  const listener = await desk.listen(...filters);
  const stays = await listener.message("kept/stays");
  assert.deepEqual([stays.text, stays.retain], ["stays", true]);
  // The client itself, as a later subscriber.
  for (const filter of filters) await rig.subscribe(filter, 1);
  const own = await rig.message("kept/stays");
  assert.deepEqual([own.text, own.retain], ["stays", true]);
  const wild = await desk.listen("kept/+");
  rig.client.write("live", { topic: "kept/live", QoS: 1 });
  for (const each of [listener, wild]) assert.equal((await each.message("kept/live")).retain, false);
  assert.equal((await rig.message("kept/live")).retain, false);
  assert.deepEqual(listener.texts("kept/goes"), []);
  assert.deepEqual(rig.texts("kept/goes"), []);
  assert.deepEqual(wild.texts("kept/stays"), desk.row.retainsForWildcards ? ["stays"] : []);
  await rig.close();
}

/** Where the connection ends: the packet that does not arrive, by who sends it; by the QoS of the message. */
const CUTS = Object.freeze({
  1: [
    ["client", Type.PUBLISH],
    ["broker", Type.PUBACK],
  ],
  2: [
    ["client", Type.PUBLISH],
    ["broker", Type.PUBREC],
    ["client", Type.PUBREL],
    ["broker", Type.PUBCOMP],
  ],
} as const);

async function resume(desk: Desk): Promise<void> {
  const QoS = desk.row.takes;
  const relay = await Relay.open(desk.broker.port);
  const listener = await desk.listen("resume/out");
  const rig = desk.clients.client({ port: relay.port, login: desk.broker.login }, { id: "resumer", clean: false });
  try {
    assert.equal((await rig.connected()).sessionPresent, false);
    await rig.subscribe("resume/in", QoS);
    let connections = 1;
    async function cutAt(sender: Sender, type: number, begin: () => void): Promise<void> {
      const reached = relay.stopAt(sender, type);
      begin();
      await reached;
      relay.cut();
      connections += 1;
      assert.ok((await rig.connected(connections)).sessionPresent, `after packet ${type} of the ${sender}`);
    }
    for (const [index, [sender, type]] of CUTS[QoS].entries()) {
      let id = 0;
      await cutAt(sender, type, () => {
        rig.client.write(`out ${index + 1}`, { topic: "resume/out", QoS });
        id = rig.client.lastId;
      });
      await rig.delivered(id);
    }
    for (const [index, [sender, type]] of CUTS[QoS].entries()) {
      const text = `in ${index + 1}`;
      // Seen from the other end.
      const other = sender === "client" ? "broker" : "client";
      await cutAt(other, type, () => void listener.publish("resume/in", text, QoS));
      await rig.told.until(() => rig.texts("resume/in").includes(text), text);
      // Its acknowledgement leaves before what is written now.
      rig.client.write("", { topic: "resume/marker", QoS: 1 });
      await rig.delivered(rig.client.lastId);
    }
    // The broker had QoS 1 already when its PUBACK was lost, and the client when its own was.
    const numbers = QoS === 2 ? [1, 2, 3, 4] : [1, 2, 2];
    await rig.told.until(() => rig.texts("resume/in").length >= numbers.length, "what is sent again");
    // What comes after all of it shows that nothing comes twice.
    rig.client.write("out end", { topic: "resume/out", QoS });
    await listener.publish("resume/in", "in end", QoS);
    await rig.told.until(() => rig.texts("resume/in").includes("in end"), "in end");
    await listener.heard.until(() => listener.texts("resume/out").includes("out end"), "out end");
    assert.deepEqual(listener.texts("resume/out"), [...numbers.map((number) => `out ${number}`), "out end"]);
    assert.deepEqual(rig.texts("resume/in"), [...numbers.map((number) => `in ${number}`), "in end"]);
    await rig.close();
  } finally {
    await relay.close();
  }
}

/**
 * Sets up a box, commands it by a retained message while it sleeps, and wakes it by a press. At the chip's own pace.
 */
async function wakeSleeper(broker: Broker): Promise<{ box: RealBoard; root: string }> {
  const box = new RealBoard({ chipId: 5749, port: broker.port, wiring: "rst", settings: { ...broker.login } });
  const root = "mresetar/alertbox/5749";
  await box.asleep();
  const sender = await Listener.open(broker);
  await sender.publish(`${root}/cmd/led`, "ON", 1, true);
  await sender.close();
  const again = box.asleep();
  await box.press();
  await again;
  return { box, root };
}

async function asleep(desk: Desk): Promise<void> {
  const { row } = desk;
  const options = { id: "sleeper", clean: false };
  const before = desk.clients.client(desk.broker, options);
  await before.connected();
  await before.subscribe("asleep/#", 2);
  await before.close();
  const sender = await desk.listen();
  for (const text of ["one", "two"]) await sender.publish("asleep/queue", text, row.takes);
  const { box, root } = (await desk.sleeper) ?? assert.fail("no box");
  const isHeard = row.retainsForWildcards && row.above !== "closes";
  assert.deepEqual(box.details("command"), isHeard ? ["led on"] : []);
  const later = await desk.listen(`${root}/lwt`, `${root}/cmd/led`, `${root}/marker`);
  const presence = await later.message(`${root}/lwt`);
  // A box that is cut off has no last word of its own.
  assert.match(presence.text, row.above === "closes" ? /"state":"lost"/ : /"state":"sleeping"/);
  await sender.publish(`${root}/marker`, "", 1);
  await later.message(`${root}/marker`);
  // The box removes a retained command that it has done.
  assert.deepEqual(later.texts(`${root}/cmd/led`), isHeard ? [] : ["ON"]);
  const awake = desk.clients.client(desk.broker, options);
  assert.ok((await awake.connected()).sessionPresent);
  await awake.told.until(() => awake.texts("asleep/queue").length >= 2, "what was queued");
  assert.deepEqual(awake.texts("asleep/queue"), ["one", "two"]);
  await awake.close();
}

async function megabyteOut(desk: Desk): Promise<void> {
  const listener = await desk.listen("long/out");
  const rig = desk.clients.client(desk.broker, { id: "longout" });
  await rig.connected();
  const source = {
    length: MEGABYTE,
    read(offset: number, into: Uint8Array, at: number, count: number) {
      for (let index = 0; index < count; index += 1) into[at + index] = byteAt(offset + index);
    },
  };
  rig.client.write(source, { topic: "long/out", QoS: desk.row.takes });
  const id = rig.client.lastId;
  const { bytes } = await listener.message("long/out");
  assert.equal(bytes.byteLength, MEGABYTE);
  assert.equal(digest(bytes), digest(longPayload()));
  await rig.delivered(id);
  await rig.close();
}

async function megabyteIn(desk: Desk): Promise<void> {
  const rig = desk.clients.client(desk.broker, { id: "longin", stream: true });
  await rig.connected();
  await rig.subscribe("long/in", 2);
  const listener = await desk.listen();
  const payload = longPayload();
  await listener.publish("long/in", payload, desk.row.takes);
  await rig.told.until(() => rig.byteLength >= MEGABYTE, "1 MiB");
  assert.equal(rig.hash.digest("hex"), digest(payload));
  assert.ok(rig.largestPiece <= 512, `${rig.largestPiece} bytes in one piece`);
  assert.deepEqual(
    rig.told.entries.filter(({ name }) => name === "reconnecting"),
    [],
  );
  await rig.close();
}

async function utf8(desk: Desk): Promise<void> {
  const root = "cvrči/cvrčak/na/čvoru";
  const { box } = desk.box({ settings: { root } });
  const listener = await desk.listen("cvrči/+/na/#");
  await box.online();
  assert.match((await listener.message(`${root}/lwt`)).text, /"state":"online"/);
  await box.subscribed();
  const done = box.said("command", "led on");
  await listener.publish(`${root}/cmd/led`, "ON", 1);
  await done;
  if (desk.row.above === "closes") return;
  await box.press();
  assert.match((await listener.message(`${root}/alert`)).text, /^\{"pushes":1,/);
}

async function wrongPassword(desk: Desk): Promise<void> {
  const { row, broker } = desk;
  const login = { user: broker.login?.user ?? "anybody", password: "not that one" };
  const rig = desk.clients.client({ port: broker.port, login }, { id: "stranger" });
  if (row.refusal === undefined) {
    await rig.connected();
    await rig.close();
    const { box } = desk.box({ settings: login });
    await box.online();
    return;
  }
  const failure = await rig.failure();
  assert.deepEqual([failure.reason, failure.code], ["refused", row.refusal.code]);
  const { box } = desk.box({ settings: login });
  await box.said("failed");
  assert.deepEqual(box.details("failed"), [row.refusal.says]);
}

async function restart(desk: Desk): Promise<void> {
  const { row, broker } = desk;
  const relay = await Relay.open(broker.port);
  try {
    const publisher = await (row.above === "closes" ? clientPublisher(desk, relay) : boxPublisher(desk, relay));
    const before = await desk.listen(publisher.topic);
    // The broker has the first message, and its sender does not know it.
    const reached = relay.stopAt("broker", row.takes === 2 ? Type.PUBREC : Type.PUBACK);
    await publisher.publish();
    await reached;
    // Some pass a message on before its sender says PUBREL.
    if (row.afterRestart[1] === 1) await before.message(publisher.topic);
    await (row.isKilled ? broker.kill() : broker.stop());
    relay.isOpen = false;
    relay.cut();
    await publisher.publish();
    await publisher.publish();
    await broker.start();
    const later = await desk.listen(publisher.topic);
    relay.isOpen = true;
    const numbers = () => [...before.texts(publisher.topic), ...later.texts(publisher.topic)].map(publisher.number);
    await later.heard.until(() => numbers().includes(3), "third message");
    assert.deepEqual(numbers(), row.afterRestart);
  } finally {
    await relay.close();
  }
}

/** Whoever sends three messages: on which topic, how the next one, and which one a text is. */
interface Publisher {
  readonly topic: string;
  publish(): Promise<void>;
  number(text: string): number;
}

async function boxPublisher(desk: Desk, relay: Relay): Promise<Publisher> {
  const { box, root } = desk.box({ port: relay.port });
  await box.online();
  const number = (text: string) => (JSON.parse(text) as { pushes: number }).pushes;
  return { topic: `${root}/alert`, publish: () => box.press(), number };
}

async function clientPublisher(desk: Desk, relay: Relay): Promise<Publisher> {
  const options = { id: "publisher", clean: false };
  const rig = desk.clients.client({ port: relay.port, login: desk.broker.login }, options);
  await rig.connected();
  let count = 0;
  const publish = async () => {
    count += 1;
    rig.client.write(String(count), { topic: "restart", QoS: 1 });
  };
  return { topic: "restart", publish, number: Number };
}
