// The tests of one broker, a cell of the table in docs/interop.md each: the same for all brokers, except where a row
// says what its broker does otherwise. The box is the whole firmware; what it does not use itself is done by MqttClient
// on a board of its own. Everything goes over real sockets.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "mocha";
import { idOf } from "../alert-id.js";
import { needs } from "./brokers/broker.js";
import type { ClientBoard } from "./client-board.js";
import { type Desk, WILL, type Work } from "./desk.js";
import type { Listener } from "./listener.js";
import type { RealBoard } from "./real-board.js";
import { Relay, type Sender, Type } from "./relay.js";

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

/** A test of each row. */
interface Cell extends Work {
  /** What a broker does that has no limit here. */
  readonly does: string;
  /** The same where it is killed. */
  readonly killed?: string;
}

const QOS = Object.freeze([0, 1, 2] as const);

export const CELLS: readonly Cell[] = Object.freeze([
  {
    feature: "press",
    does: "an alert with QoS 2 arrives once, and the box is announced as online, retained",
    work: press,
  },
  ...QOS.map((qos) => ({
    feature: `QoS ${qos} out` as const,
    does: `a message is acknowledged and arrives once, with QoS ${qos}`,
    work: (desk: Desk) => out(desk, qos),
  })),
  ...QOS.map((qos) => ({
    feature: `QoS ${qos} in` as const,
    does: `the subscription is granted, and a message comes once, with QoS ${qos}`,
    work: (desk: Desk) => into(desk, qos),
  })),
  {
    feature: "box comes back",
    does: "the last that is said and kept is online, not the will of its life before",
    work: boxComesBack,
  },
  { feature: "clean close", does: "DISCONNECT: the will stays unpublished", work: cleanClose },
  { feature: "retained", does: "comes to a later subscriber, flagged; an empty one removes it", work: retained },
  {
    feature: "resume",
    does: "the session is there; a QoS 2 message cut off at any of its packets arrives once",
    work: resume,
  },
  { feature: "1 MB out", does: "a message of 1 MiB arrives whole", work: megabyteOut },
  { feature: "1 MB in", does: "a message of 1 MiB comes whole, in pieces of at most 512 bytes", work: megabyteIn },
  { feature: "UTF-8", does: "cvrči/cvrčak/na/čvoru is a root: alert, announcement and command", work: utf8 },
  { feature: "wrong password", does: "is refused with a code, which the box says", work: wrongPassword },
  {
    feature: "asleep",
    does: "a retained command is done at the next wake and removed; what was queued for a session comes",
    work: asleep,
  },
  { feature: "will on power cut", does: "is published 1.5 keep-alives later, and kept", work: willOfClient },
  {
    feature: "restart",
    does: "presses in flight and meanwhile arrive once each, in order",
    killed: "presses in flight, at a kill, and meanwhile arrive once each, in order",
    work: restart,
  },
]);

/**
 * Declares the tests of a row.
 *
 * @param clients gives a board that serves all rows.
 */
export function matrix(desk: Desk, clients: () => Promise<ClientBoard>): void {
  const { row } = desk;
  describe(row.name, () => {
    before(async function () {
      needs(this, row.kind.needs);
      await desk.begin(clients());
    });

    for (const { feature, does, killed } of CELLS) {
      const usual = (row.isKilled ? killed : undefined) ?? does;
      it(`${feature}: ${row.limits[feature]?.does ?? usual}`, () => desk.outcome(feature));
    }

    after(() => desk.close());
  });
}

async function press(desk: Desk): Promise<void> {
  const { row } = desk;
  const { box, root } = desk.box();
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
  assert.deepEqual({ pushes, event, id }, { pushes: 1, event: "press", id: idOf(box.board, 1) });
  assert.deepEqual([alert.qos, alert.retain], [row.grants, false]);
  // The next one shows that the first has not come twice.
  await box.press();
  await listener.heard.until(
    () => listener.texts(`${root}/alert`).some((each) => each.includes(`"${idOf(box.board, 2)}"`)),
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
  const rig = desk.client({ id: `out${QoS}` });
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
  const rig = desk.client({ id: `in${QoS}` });
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
  const rig = desk.client(options);
  await rig.connected();
  await rig.close();
  // The same id again: what was to happen at the end of its first connection has happened.
  const again = desk.client(options);
  await again.connected();
  again.client.write("still here", { topic: "close/marker", QoS: 1 });
  await listener.message("close/marker");
  await again.close();
  assert.deepEqual(listener.texts(topic), []);
}

async function retained(desk: Desk): Promise<void> {
  const rig = desk.client({ id: "keeper" });
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
  const rig = desk.client({ id: "resumer", clean: false }, { port: relay.port });
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

async function asleep(desk: Desk): Promise<void> {
  const { row } = desk;
  const options = { id: "sleeper", clean: false };
  const before = desk.client(options);
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
  const awake = desk.client(options);
  assert.ok((await awake.connected()).sessionPresent);
  await awake.told.until(() => awake.texts("asleep/queue").length >= 2, "what was queued");
  assert.deepEqual(awake.texts("asleep/queue"), ["one", "two"]);
  await awake.close();
}

async function megabyteOut(desk: Desk): Promise<void> {
  const listener = await desk.listen("long/out");
  const rig = desk.client({ id: "longout" });
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
  const rig = desk.client({ id: "longin", stream: true });
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
  const rig = desk.client({ id: "stranger" }, { login });
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
  // A broker that takes its time may be too slow for the first attempt on a busy machine.
  await box.said("failed", row.refusal.says);
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
  await box.atRest();
  const number = (text: string) => (JSON.parse(text) as { pushes: number }).pushes;
  return { topic: `${root}/alert`, publish: () => box.press(), number };
}

async function clientPublisher(desk: Desk, relay: Relay): Promise<Publisher> {
  const options = { id: "publisher", clean: false };
  const rig = desk.client(options, { port: relay.port });
  await rig.connected();
  let count = 0;
  const publish = async () => {
    count += 1;
    rig.client.write(String(count), { topic: "restart", QoS: 1 });
  };
  return { topic: "restart", publish, number: Number };
}
