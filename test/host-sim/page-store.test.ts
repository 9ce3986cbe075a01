// What the page knows and whom it tells of what, without a browser: a Store whose frames come when the test says so.

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "mocha";
import type { DrawView, PressView, TopicView } from "../../host-sim/page/details.js";
import type { Action, BenchEvent, Line, Snapshot } from "../../host-sim/page/protocol.js";
import { Store, type Topic } from "../../host-sim/page/store.js";
import { boardView, FakeStage, memoryView, packetView, QUIET_BENCH } from "./fake-stage.js";

const BREACH = Object.freeze({ statement: "MQTT-3.1.0-1", detail: "before CONNECT" } as const);

describe("host-sim/page/store", () => {
  let store: Store;
  let frames: (() => void)[];
  let told: Topic[];

  beforeEach(() => {
    frames = [];
    told = [];
    store = new Store((tell) => frames.push(tell));
  });

  /** Hears of each topic by itself. */
  function listen(...topics: Topic[]): void {
    for (const topic of topics) store.on([topic], () => told.push(topic));
  }

  /** What the listeners were told with the next frame. */
  function frame(): readonly Topic[] {
    told = [];
    for (const tell of frames.splice(0)) tell();
    return told;
  }

  function snapshot(boards = 2, changes: Partial<Snapshot> = {}): Snapshot {
    return { ...new FakeStage(boards).snapshot(), ...changes };
  }

  function line(id: number, changes: Partial<Line> = {}): BenchEvent {
    const rest = { board: 0, at: id, since: id, ms: id, source: "firmware", word: "boot", detail: "", opens: false };
    return { type: "line", line: { id, ...(rest as Omit<Line, "id">), ...changes } };
  }

  function press(number: number, changes: Partial<PressView> = {}): BenchEvent {
    const rest = { board: 0, id: "", at: 0, steps: {}, outcome: "open", chargeMah: 0 } as const;
    return { type: "press", press: { number, ...rest, ...changes } };
  }

  function topic(name: string, changes: Partial<TopicView> = {}): BenchEvent {
    const rest = { payload: "", bytes: 0, qos: 0, retained: true, count: 1, at: 0 } as const;
    return { type: "topic", topic: { topic: name, ...rest, ...changes } };
  }

  const words = (board = 0) =>
    store.boards.get(board)?.chapters.list.flatMap(({ lines }) => lines.map(({ id }) => id)) ?? [];

  it("tells once a frame, however much has happened, and only those who asked for it", () => {
    store.take(snapshot());
    frame();
    listen("packets", "lines", "broker");
    for (let id = 1; id <= 5; id += 1) store.tell({ type: "packet", packet: packetView(id) });
    assert.equal(frames.length, 1);
    assert.deepEqual(frame(), ["packets"]);
    assert.deepEqual(frame(), []);
    store.tell(line(1));
    assert.deepEqual(frame(), ["lines"]);
  });

  it("tells nobody who has left, and lets a listener leave while it is told", () => {
    store.take(snapshot());
    frame();
    const leave = store.on(["bench"], () => {
      told.push("bench");
      leave();
    });
    store.tell({ type: "bench", bench: QUIET_BENCH });
    assert.deepEqual(frame(), ["bench"]);
    store.tell({ type: "bench", bench: QUIET_BENCH });
    assert.deepEqual(frame(), []);
  });

  it("knows what every event says, for the board that it is of", () => {
    store.take(snapshot());
    store.tell({ type: "board", board: boardView(1, { power: "asleep" }) });
    store.tell({ type: "led", board: 1, on: true, at: 5 });
    store.tell(line(7, { board: 1 }));
    store.tell({ type: "packet", packet: packetView(1, { board: 1, breach: BREACH }) });
    store.tell(press(1, { board: 1 }));
    store.tell({ type: "draw", draw: { board: 1, at: 1, milliamperes: 75, chargeMah: 0 } });
    store.tell({ type: "memory", memory: memoryView({ board: 1, writes: 3 }) });
    store.tell({ type: "broker", broker: { connected: true, trouble: "", clients: undefined, sys: [] } });
    const board = store.boards.get(1);
    assert.deepEqual([board?.view.power, board?.view.led, board?.breaches], ["asleep", true, 1]);
    assert.deepEqual([board?.packets.length, board?.presses.length, board?.draws.length], [1, 1, 1]);
    assert.deepEqual([board?.memory?.writes, words(1), words(0)], [3, [7], []]);
    assert.equal(store.broker.connected, true);
    assert.equal(store.board?.packets.length, 0, "the chosen board has nothing of it");
  });

  it("tells of the chosen board's affairs only, and of every tile", () => {
    store.take(snapshot());
    frame();
    listen("board", "led", "lines", "packets", "presses", "draws", "memory", "tiles");
    store.tell({ type: "led", board: 1, on: true, at: 5 });
    store.tell(line(1, { board: 1 }));
    store.tell({ type: "packet", packet: packetView(1, { board: 1 }) });
    assert.deepEqual(frame(), ["tiles"]);
    store.choose(1);
    assert.equal(frame().length, 8, "everything is another now");
    store.tell({ type: "led", board: 1, on: false, at: 6 });
    assert.deepEqual(frame(), ["led", "tiles"]);
    store.choose(1);
    store.choose(9);
    assert.deepEqual([frame(), store.chosen], [[], 1]);
  });

  it("takes a press that is told again for the same one, also when two are told in turn", () => {
    store.take(snapshot());
    for (const event of [press(1), press(2), press(1, { outcome: "delivered" }), press(2, { id: "5750-2-40146" })]) {
      store.tell(event);
    }
    assert.deepEqual(
      store.board?.presses.map(({ number, outcome, id }) => [number, outcome, id]),
      [
        [1, "delivered", ""],
        [2, "open", "5750-2-40146"],
      ],
    );
  });

  it("keeps each list bounded, the newest at its end", () => {
    store.take(snapshot());
    for (let id = 1; id <= 3000; id += 1) {
      store.tell({ type: "packet", packet: packetView(id) });
      store.tell(press(id));
      store.tell({ type: "draw", draw: { board: 0, at: id, milliamperes: 0, chargeMah: 0 } });
      store.tell(topic(`t/${id}`));
    }
    const { packets, presses, draws } = store.board ?? assert.fail();
    const bounds: readonly (readonly [length: number, limit: number])[] = [
      [packets.length, 500],
      [presses.length, 20],
      [draws.length, 2000],
    ];
    for (const [length, limit] of bounds) assert.ok(length >= limit && length <= limit * 1.25, `${length} of ${limit}`);
    assert.deepEqual([packets.at(-1)?.id, presses.at(-1)?.number, draws.at(-1)?.at], [3000, 3000, 3000]);
    assert.equal(store.topics.size, 2000);
    assert.ok(store.topics.has("t/3000") && !store.topics.has("t/1000"));
  });

  it("forgets a topic that is gone", () => {
    store.take(snapshot());
    store.tell(topic("a"));
    store.tell(topic("a", { payload: "new", count: 2 }));
    assert.equal(store.topics.get("a")?.payload, "new");
    store.tell(topic("a", { count: 0 }));
    assert.equal(store.topics.has("a"), false);
  });

  it("hears nothing of boards that are not there", () => {
    store.take(snapshot(1));
    frame();
    listen("packets", "presses", "draws", "memory", "led", "lines");
    const draw: DrawView = { board: 5, at: 1, milliamperes: 0, chargeMah: 0 };
    store.tell({ type: "packet", packet: packetView(1, { board: 5 }) });
    store.tell(press(1, { board: 5 }));
    store.tell({ type: "draw", draw });
    store.tell({ type: "memory", memory: memoryView({ board: 5 }) });
    store.tell({ type: "led", board: 5, on: true, at: 1 });
    store.tell(line(1, { board: 5 }));
    assert.deepEqual(frame(), []);
    assert.equal(store.boards.size, 1);
  });

  it("chooses another board when the chosen one is gone, and one that comes when there was none", () => {
    store.take(snapshot(2));
    store.choose(1);
    store.tell({ type: "gone", board: 1 });
    assert.equal(store.chosen, 0);
    store.tell({ type: "gone", board: 0 });
    assert.equal(store.boards.size, 0);
    store.tell({ type: "board", board: boardView(7) });
    assert.equal(store.board?.view.index, 7);
  });

  it("keeps the chosen board over a snapshot that has it", () => {
    store.take(snapshot(3));
    store.choose(2);
    store.take(snapshot(3));
    assert.equal(store.chosen, 2);
    store.take(snapshot(1));
    assert.equal(store.chosen, 0);
  });

  it("begins anew with a snapshot: nothing of before is left, nothing is twice", () => {
    store.take(snapshot());
    store.tell(line(1));
    store.tell({ type: "packet", packet: packetView(1, { breach: BREACH }) });
    store.tell(topic("old"));
    const stage = new FakeStage(2);
    stage.tell("boot");
    stage.packet();
    store.take(stage.snapshot());
    assert.deepEqual([words(), store.board?.packets.length, store.board?.breaches], [[1], 1, 0]);
    assert.equal(store.topics.size, 0);
  });

  it("does not show what the reader has cleared, not even with the next snapshot; a new bench begins anew", () => {
    const stage = new FakeStage(1);
    stage.bench = { ...stage.bench, now: 5000 };
    stage.tell("boot");
    stage.tell("joining");
    store.take(stage.snapshot());
    assert.deepEqual(words(), [1, 2]);
    store.clearLines();
    assert.deepEqual(words(), []);
    store.take(stage.snapshot());
    assert.deepEqual(words(), []);
    store.tell(line(2));
    store.tell(line(3));
    assert.deepEqual(words(), [3]);
    store.take({ ...stage.snapshot(), bench: { ...QUIET_BENCH, now: 10 } });
    assert.deepEqual(words(), [1, 2]);
  });

  it("carries the bench's clock on at its speed, not while it is paused or away", () => {
    const real = performance.now;
    let now = 1000;
    performance.now = () => now;
    try {
      store.connection(true);
      store.take(snapshot(1, { bench: { ...QUIET_BENCH, now: 500, speed: 10 } }));
      now += 20;
      assert.equal(store.now, 700);
      store.tell(line(1, { at: 900 }));
      assert.equal(store.now, 900);
      store.tell(line(2, { at: 600 }));
      now += 1;
      assert.equal(store.now, 910, "what is older than what is known says nothing new");
      store.tell({ type: "bench", bench: { ...QUIET_BENCH, now: 800, speed: 10, paused: true } });
      now += 100;
      assert.equal(store.now, 800, "what the bench itself says holds");
      store.tell({ type: "bench", bench: { ...QUIET_BENCH, now: 800 } });
      store.connection(false);
      now += 100;
      assert.equal(store.now, 800);
    } finally {
      performance.now = real;
    }
  });

  it("sends actions on the way that it was given, and loses them before", () => {
    const sent: Action[] = [];
    store.act({ type: "step" });
    store.sendTo((action) => sent.push(action));
    store.act({ type: "stop" });
    assert.deepEqual(sent, [{ type: "stop" }]);
  });
});
