// The outbox between a journal in a model flash and a publisher that notes what it is given.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { FIRST_SESSION_ID, Journal, packetId } from "../../src/alertbox/journal.js";
import { MAX_IN_FLIGHT, Outbox, type Publisher } from "../../src/alertbox/outbox.js";
import type { Message } from "../../src/mqtt/session.js";
import { boxOf } from "./box-rig.js";
import { Nor } from "./nor.js";

const WHERE = { box: boxOf({ life: 40146 }), topic: "a/alert", rssi: -61, failures: 0, failuresBefore: 0 };

class Notes implements Publisher {
  readonly published: Message[] = [];
  readonly released: number[] = [];
  room = 100;
  publish(message: Message): number {
    if (this.room === 0) return -1;
    this.room -= 1;
    this.published.push(message);
    return message.id ?? 0;
  }
  release(id: number): number {
    this.released.push(id);
    return id;
  }
  payloads(): Record<string, unknown>[] {
    return this.published.map((message) => JSON.parse(String(message.payload)) as Record<string, unknown>);
  }
}

/** A journal whose broker keeps the session. */
function journal(policy: "reject" | "drop-oldest" = "reject", nor = new Nor()): Journal {
  const opened = new Journal(nor, 0, policy);
  opened.open(7);
  opened.sessionCleaned();
  return opened;
}

/** Hands over all there is room for, as the firmware does in one turn after the other. */
function handOver(outbox: Outbox, ...given: Parameters<Outbox["handOver"]>): void {
  while (outbox.handOver(...given) !== 0);
}

describe("outbox", () => {
  it("publishes a press with QoS 2 under the id of its sequence, with how long it took", () => {
    const stored = journal();
    const outbox = new Outbox(stored, 0);
    outbox.pressed(stored.append(0, 3012), 1000, 0);
    const notes = new Notes();
    handOver(outbox, notes, WHERE, 1742);
    assert.deepEqual(
      { ...notes.published[0], payload: undefined },
      { topic: "a/alert", payload: undefined, qos: 2, retain: false, id: packetId(1), resumed: false },
    );
    assert.deepEqual(notes.payloads(), [
      { pushes: 1, event: "press", id: "5750-1-40146", vcc: 3012, rssi: -61, ms: 742, try: 1 },
    ]);
  });

  it("makes a message in one step and hands it over in the next; without room it is made anew", () => {
    const stored = journal();
    const outbox = new Outbox(stored, 1000);
    outbox.pressed(stored.append(0, 3012), 1000, 0);
    const notes = new Notes();
    notes.room = 0;
    assert.equal(outbox.handOver(notes, WHERE, 1100), 1);
    assert.equal(outbox.handOver(notes, WHERE, 1200), 0);
    notes.room = 1;
    assert.equal(outbox.handOver(notes, WHERE, 1300), 1);
    assert.equal(notes.published.length, 0);
    assert.equal(outbox.handOver(notes, WHERE, 1400), 2);
    assert.equal(outbox.handOver(notes, WHERE, 1500), 0);
    assert.deepEqual(
      notes.payloads().map((payload) => payload["ms"]),
      [300],
    );
  });

  it("a message made for one session is not handed to the next, which gets a later one", () => {
    const stored = journal();
    const outbox = new Outbox(stored, 1000);
    outbox.pressed(stored.append(0, 3012), 1000, 0);
    assert.equal(outbox.handOver(new Notes(), WHERE, 1100), 1);
    outbox.restart();
    const notes = new Notes();
    handOver(outbox, notes, { ...WHERE, topic: "b/alert" }, 1500);
    assert.deepEqual([notes.published[0]?.topic, notes.payloads()[0]?.["ms"]], ["b/alert", 500]);
  });

  it("offers each alert once, at most so many at a time, oldest first", () => {
    const stored = journal();
    const outbox = new Outbox(stored, 0);
    for (let i = 0; i < 7; i += 1) outbox.pressed(stored.append(0, 3300), 0, 0);
    const notes = new Notes();
    handOver(outbox, notes, WHERE, 0);
    handOver(outbox, notes, WHERE, 0);
    assert.equal(notes.published.length, MAX_IN_FLIGHT);
    assert.equal(outbox.delivered(packetId(2)), 2);
    assert.ok(stored.done(2));
    handOver(outbox, notes, WHERE, 0);
    assert.deepEqual(
      notes.published.map((message) => message.id),
      [1, 2, 3, 4, 5].map(packetId),
    );
  });

  it("stops where the session has no room, and goes on there", () => {
    const stored = journal();
    const outbox = new Outbox(stored, 0);
    for (let i = 0; i < 3; i += 1) stored.append(0, 3300);
    const notes = new Notes();
    notes.room = 1;
    handOver(outbox, notes, WHERE, 0);
    notes.room = 100;
    handOver(outbox, notes, WHERE, 0);
    assert.deepEqual(
      notes.published.map((message) => message.id),
      [1, 2, 3].map(packetId),
    );
  });

  it("after a power cut: queued ones are replayed as such, received ones are only released", () => {
    const nor = new Nor();
    const before = journal("reject", nor);
    before.append(0, 3300);
    before.append(2, 3300);
    before.received(1);
    const stored = journal("reject", nor);
    const outbox = new Outbox(stored, 500);
    const notes = new Notes();
    handOver(outbox, notes, { ...WHERE, failuresBefore: 2 }, 1200);
    assert.deepEqual(notes.released, [packetId(1)]);
    assert.equal(notes.published[0]?.resumed, true);
    assert.deepEqual(notes.payloads(), [
      { pushes: 2, event: "long", id: "5750-2-40146", vcc: 3300, rssi: -61, ms: 700, try: 3, queued: true },
    ]);
  });

  it("counts the attempts of each press from its own first, and shows a late one as queued", () => {
    const stored = journal();
    const outbox = new Outbox(stored, 0);
    outbox.pressed(stored.append(0, 3300), 0, 0);
    outbox.pressed(stored.append(0, 3300), 0, 2);
    const notes = new Notes();
    handOver(outbox, notes, { ...WHERE, failures: 2 }, 0);
    assert.deepEqual(
      notes.payloads().map((alert) => [alert["try"], alert["queued"]]),
      [
        [3, true],
        [1, undefined],
      ],
    );
  });

  it("of more presses than it remembers, the oldest count from the boot", () => {
    const stored = journal();
    const outbox = new Outbox(stored, 100);
    for (let i = 0; i < 20; i += 1) outbox.pressed(stored.append(0, 3300), 1000, 1);
    const notes = new Notes();
    handOver(outbox, notes, { ...WHERE, failures: 1 }, 1500);
    assert.deepEqual(
      notes.payloads().map((alert) => [alert["try"], alert["ms"]]),
      Array.from({ length: MAX_IN_FLIGHT }, () => [2, 1400]),
    );
  });

  it("knows which packet was which alert, and which was none", () => {
    const stored = journal();
    const outbox = new Outbox(stored, 0);
    stored.append(0, 3300);
    handOver(outbox, new Notes(), WHERE, 0);
    assert.equal(outbox.sequenceOf(FIRST_SESSION_ID), 0);
    assert.equal(outbox.delivered(FIRST_SESSION_ID), 0);
    assert.equal(outbox.sequenceOf(packetId(1)), 1);
    assert.equal(outbox.delivered(packetId(1)), 1);
    stored.append(0, 3300);
    assert.equal(outbox.sequenceOf(packetId(1)), 1);
    assert.equal(outbox.sequenceOf(packetId(2)), 2);
  });

  it("an alert that was erased while in flight does not keep its place", () => {
    const stored = journal();
    const outbox = new Outbox(stored, 0);
    const notes = new Notes();
    for (let i = 0; i < MAX_IN_FLIGHT; i += 1) stored.append(0, 3300);
    handOver(outbox, notes, WHERE, 0);
    stored.eraseAlerts();
    for (let i = 0; i < MAX_IN_FLIGHT; i += 1) stored.append(0, 3300);
    for (let i = 1; i <= MAX_IN_FLIGHT; i += 1) {
      assert.equal(outbox.delivered(packetId(i)), i);
      assert.equal(stored.done(i), false);
    }
    handOver(outbox, notes, WHERE, 0);
    assert.equal(notes.published.length, 2 * MAX_IN_FLIGHT);
  });

  it("a full journal never gives up an alert in flight, and lets the session go on", () => {
    const stored = journal("drop-oldest");
    const outbox = new Outbox(stored, 0);
    for (let i = 0; i < stored.capacity; i += 1) stored.append(0, 3300);
    const notes = new Notes();
    handOver(outbox, notes, WHERE, 0);
    for (let i = 0; i < MAX_IN_FLIGHT; i += 1) stored.append(0, 3300);
    assert.equal(stored.dropped, MAX_IN_FLIGHT);
    for (let i = 1; i <= MAX_IN_FLIGHT; i += 1) {
      assert.equal(outbox.delivered(packetId(i)), i);
      assert.equal(stored.done(i), true);
    }
    handOver(outbox, notes, WHERE, 0);
    assert.equal(notes.published[MAX_IN_FLIGHT]?.id, packetId(2 * MAX_IN_FLIGHT + 1), "the four after them are gone");
  });

  it("what one broker has received and not released is published anew to another, as new", () => {
    const stored = journal();
    const outbox = new Outbox(stored, 0);
    stored.append(0, 3300);
    handOver(outbox, new Notes(), WHERE, 0);
    stored.received(1);
    stored.requireCleanSession();
    outbox.restart();
    const notes = new Notes();
    handOver(outbox, notes, WHERE, 0);
    assert.deepEqual(notes.released, []);
    assert.equal(notes.published[0]?.id, packetId(1));
    assert.equal(notes.published[0]?.resumed, false);
  });

  it("the same after a power cut in between", () => {
    const nor = new Nor();
    const before = journal("reject", nor);
    before.append(0, 3300);
    before.received(1);
    before.requireCleanSession();
    const stored = new Journal(nor, 0, "reject");
    stored.open(7);
    const notes = new Notes();
    handOver(new Outbox(stored, 0), notes, WHERE, 0);
    assert.deepEqual([notes.released, notes.published.length], [[], 1]);
  });

  it("a new session gets everything again that is not done, marked as perhaps sent before", () => {
    const stored = journal();
    const outbox = new Outbox(stored, 0);
    stored.append(0, 3300);
    handOver(outbox, new Notes(), WHERE, 0);
    outbox.restart();
    const notes = new Notes();
    handOver(outbox, notes, WHERE, 0);
    assert.equal(notes.published[0]?.resumed, true);
  });
});
