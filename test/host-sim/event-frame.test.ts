// How events become frames: what goes at once, what waits, what replaces what.

import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { EventFrame } from "../../host-sim/event-frame.js";
import type { BenchEvent } from "../../host-sim/page/protocol.js";
import { Ring } from "../../host-sim/ring.js";
import { boardView } from "./fake-stage.js";

describe("host-sim/event-frame", () => {
  const sent: (readonly BenchEvent[])[] = [];
  let wake: () => void = () => undefined;
  const frame = new EventFrame((events) => {
    sent.push(events);
    wake();
  });

  afterEach(() => {
    frame.close();
    sent.length = 0;
  });

  const led = (at: number): BenchEvent => ({ type: "led", board: 0, on: true, at });
  const next = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });

  it("leaves out the older half of what nobody could read, and nothing of what has a key", async () => {
    frame.add({ type: "board", board: boardView(3) });
    for (let at = 0; at < 10_000; at++) frame.add(led(at));
    frame.add({ type: "board", board: boardView(3, { presses: 2 }) });
    await next();
    const [events = []] = sent;
    assert.ok(events.length <= 4000 && events.length >= 2000, `${events.length}`);
    assert.deepEqual(
      events.filter(({ type }) => type === "board"),
      [{ type: "board", board: boardView(3, { presses: 2 }) }],
    );
    assert.deepEqual(events.at(-1), led(9999), "the latest are there");
    const times = events.flatMap((event) => (event.type === "led" ? [event.at] : []));
    assert.deepEqual(
      times,
      Array.from(times, (_, index) => 10_000 - times.length + index),
      "without a gap",
    );
  });

  it("sends the first event after a silence in the same turn, what follows in one frame", async () => {
    frame.add(led(1));
    frame.add(led(2));
    await next();
    assert.deepEqual(sent, [[led(1), led(2)]]);
    frame.add(led(3));
    await new Promise(setImmediate);
    assert.equal(sent.length, 1, "the frame is not over");
    frame.add(led(4));
    await next();
    assert.deepEqual(sent[1], [led(3), led(4)]);
  });

  it("keeps each led and line, but of a board the latest only, in the place of the first", () => {
    const board = (index: number, boots: number): BenchEvent => ({ type: "board", board: boardView(index, { boots }) });
    for (const event of [board(0, 1), led(1), board(1, 1), board(0, 2), led(2), board(0, 3)]) frame.add(event);
    frame.flush();
    assert.deepEqual(sent, [[board(0, 3), led(1), board(1, 1), led(2)]]);
    frame.add(board(0, 4));
    frame.flush();
    assert.deepEqual(sent[1], [board(0, 4)]);
  });

  it("takes a press, a topic and a memory apart by what they are of", () => {
    const topic = (name: string, count: number): BenchEvent => ({
      type: "topic",
      topic: { topic: name, payload: "", bytes: 0, qos: 0, retained: false, count, at: 0 },
    });
    const press = (board: number, number: number, id: string): BenchEvent => ({
      type: "press",
      press: { board, number, id, at: 0, steps: {}, outcome: "open", chargeMah: 0 },
    });
    for (const event of [topic("a", 1), topic("b", 1), press(0, 1, ""), press(0, 2, ""), press(1, 1, "")]) {
      frame.add(event);
    }
    frame.add(topic("a", 2));
    frame.add(press(0, 1, "x"));
    frame.flush();
    assert.deepEqual(sent, [[topic("a", 2), topic("b", 1), press(0, 1, "x"), press(0, 2, ""), press(1, 1, "")]]);
  });

  it("sends nothing when nothing happened, and nothing after it was closed", async () => {
    frame.flush();
    frame.add(led(1));
    frame.close();
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.deepEqual(sent, []);
  });
});

describe("host-sim/ring", () => {
  it("keeps the last ones", () => {
    const ring = new Ring<number>(3);
    for (let number = 1; number <= 10; number++) {
      ring.push(number);
      assert.deepEqual(
        ring.items,
        Array.from({ length: Math.min(number, 3) }, (_, i) => i + Math.max(1, number - 2)),
      );
      assert.equal(ring.last, number);
    }
    ring.replaceLast(11);
    ring.retain((number) => number !== 9);
    assert.deepEqual(ring.items.at(-1), 11);
    assert.ok(!ring.items.includes(9));
  });
});
