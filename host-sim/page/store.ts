// What the page knows: the latest words of the bench, per board and for all, each list bounded. Panels ask it and hear
// of changes by topic, once per frame at most; in a hidden tab nothing is drawn and the state alone is kept. Knows the
// protocol, and nothing of how it is shown.

import { Chapters } from "./chapter.js";
import type { BrokerView, DrawView, MemoryView, PacketView, PressView, ShippedScenario, TopicView } from "./details.js";
import {
  type Action,
  type BenchEvent,
  type BenchView,
  type BoardView,
  FASTEST,
  type Line,
  type Snapshot,
} from "./protocol.js";

/** How much is kept. What the bench keeps for a page that comes later is its own affair. */
const Limit = Object.freeze({
  PACKETS: 500,
  PRESSES: 20,
  DRAWS: 2000,
  TOPICS: 2000,
} as const);

/**
 * What may change. `board`, `led` and the lists are those of the chosen board; `tiles` is any board's view, or which
 * boards there are.
 */
export type Topic =
  | "connection"
  | "bench"
  | "tiles"
  | "board"
  | "led"
  | "lines"
  | "packets"
  | "presses"
  | "draws"
  | "memory"
  | "topics"
  | "broker";

const ALL: readonly Topic[] = Object.freeze([
  "connection",
  "bench",
  "tiles",
  "board",
  "led",
  "lines",
  "packets",
  "presses",
  "draws",
  "memory",
  "topics",
  "broker",
]);

/** One board, as far as the page remembers it; oldest first in each list. */
export interface BoardState {
  view: BoardView;
  readonly chapters: Chapters;
  readonly packets: PacketView[];
  /** How many packets broke a rule since the page has been open. */
  breaches: number;
  readonly presses: PressView[];
  readonly draws: DrawView[];
  memory: MemoryView | undefined;
}

const NO_BROKER: BrokerView = Object.freeze({ connected: false, trouble: "", clients: undefined, sys: [] });

function newState(view: BoardView): BoardState {
  const chapters = new Chapters();
  return { view, chapters, packets: [], breaches: 0, presses: [], draws: [], memory: undefined };
}

/** Appends, and drops the oldest some at a time: an array that is shifted for each entry would cost its length. */
function keep<T>(list: T[], entry: T, limit: number): void {
  list.push(entry);
  if (list.length > limit * 1.25) list.splice(0, list.length - limit);
}

export class Store {
  bench: BenchView | undefined;
  connected = false;
  /** Those that come along. */
  scenarios: readonly ShippedScenario[] = [];
  broker: BrokerView = NO_BROKER;
  /** Number of the board that the panels show. */
  chosen = 0;
  readonly boards = new Map<number, BoardState>();
  /** The broker's topics by name; one that is gone (count 0) is not among them. */
  readonly topics = new Map<string, TopicView>();
  readonly #listeners = new Map<() => void, readonly Topic[]>();
  readonly #changed = new Set<Topic>();
  #send: (action: Action) => void = () => undefined;
  readonly #nextFrame: (tell: () => void) => void;
  /** Listeners will be told in the next frame. */
  #isDue = false;
  /** Lines up to this id were cleared by the reader. */
  #clearedTo = 0;
  #lastLine = 0;
  /** A moment of the bench, and the page's own clock at that moment. */
  #at = 0;
  #readAt = 0;

  /** @param nextFrame calls back once, when something is drawn the next time. */
  constructor(nextFrame: (tell: () => void) => void) {
    this.#nextFrame = nextFrame;
  }

  /** The board that the panels show; undefined while there is none. */
  get board(): BoardState | undefined {
    return this.boards.get(this.chosen);
  }

  /** Milliseconds since the bench started: what it said last, carried on at its speed. */
  get now(): number {
    if (this.bench === undefined || this.bench.paused || !this.connected) return this.#at;
    // As fast as it goes, nobody knows how fast that is.
    if (this.bench.speed === FASTEST) return this.#at;
    return this.#at + (performance.now() - this.#readAt) * this.bench.speed;
  }

  /** Sends actions this way from now on. */
  sendTo(send: (action: Action) => void): void {
    this.#send = send;
  }

  act(action: Action): void {
    this.#send(action);
  }

  /** Calls the listener in the frame after one of these topics has changed. Returns what ends that. */
  on(topics: readonly Topic[], listener: () => void): () => void {
    this.#listeners.set(listener, topics);
    return () => this.#listeners.delete(listener);
  }

  connection(open: boolean): void {
    this.#readAt = performance.now();
    this.connected = open;
    this.#touch("connection");
  }

  choose(board: number): void {
    if (!this.boards.has(board) || board === this.chosen) return;
    this.chosen = board;
    this.#touch(...ALL);
  }

  /** The reader has seen enough: the lines that are here now do not come back, not even with the next snapshot. */
  clearLines(): void {
    this.#clearedTo = this.#lastLine;
    for (const { chapters } of this.boards.values()) chapters.clear();
    this.#touch("lines");
  }

  take(snapshot: Snapshot): void {
    const { bench, scenarios, boards, lines, packets, presses, draws, memories, topics, broker } = snapshot;
    // Line ids start again with a new bench.
    if (this.bench !== undefined && bench.now < this.bench.now) this.#clearedTo = 0;
    this.bench = bench;
    this.#pass(bench.now, true);
    this.scenarios = scenarios;
    this.broker = broker;
    this.boards.clear();
    this.topics.clear();
    // All of them first: the chosen one may not be the first.
    for (const view of boards) this.boards.set(view.index, newState(view));
    for (const line of lines) this.#line(line);
    for (const packet of packets) this.#packet(packet);
    for (const press of presses) this.#press(press);
    for (const draw of draws) this.#draw(draw);
    for (const memory of memories) this.#memory(memory);
    for (const topic of topics) this.#topic(topic);
    this.#chooseAnother();
    this.#touch(...ALL);
  }

  tell(event: BenchEvent): void {
    switch (event.type) {
      case "bench":
        this.bench = event.bench;
        this.#pass(event.bench.now, true);
        this.#touch("bench");
        break;
      case "board":
        this.#board(event.board);
        break;
      case "gone":
        this.#gone(event.board);
        break;
      case "led":
        this.#led(event.board, event.on);
        break;
      case "line":
        this.#pass(event.line.at);
        this.#line(event.line);
        break;
      case "packet":
        this.#pass(event.packet.at);
        this.#packet(event.packet);
        break;
      case "press":
        this.#press(event.press);
        break;
      case "draw":
        this.#pass(event.draw.at);
        this.#draw(event.draw);
        break;
      case "memory":
        this.#memory(event.memory);
        break;
      case "topic":
        this.#topic(event.topic);
        break;
      case "broker":
        this.broker = event.broker;
        this.#touch("broker");
        break;
    }
  }

  #board(view: BoardView): void {
    const state = this.boards.get(view.index);
    if (state === undefined) {
      this.boards.set(view.index, newState(view));
      this.#chooseAnother();
    } else {
      state.view = view;
    }
    this.#touchFor(view.index, "board");
    this.#touch("tiles");
  }

  #gone(board: number): void {
    this.boards.delete(board);
    this.#chooseAnother();
    this.#touch("tiles");
  }

  /** When the chosen board is not there (any more), another one is chosen. */
  #chooseAnother(): void {
    if (this.boards.has(this.chosen)) return;
    const [first] = this.boards.keys();
    if (first !== undefined) this.chosen = first;
    this.#touch(...ALL);
  }

  #led(board: number, on: boolean): void {
    const state = this.boards.get(board);
    if (state === undefined) return;
    state.view = { ...state.view, led: on };
    this.#touchFor(board, "led");
    this.#touch("tiles");
  }

  #line(line: Line): void {
    this.#lastLine = Math.max(this.#lastLine, line.id);
    if (line.id <= this.#clearedTo) return;
    this.boards.get(line.board)?.chapters.add(line);
    this.#touchFor(line.board, "lines");
  }

  #packet(packet: PacketView): void {
    const state = this.boards.get(packet.board);
    if (state === undefined) return;
    keep(state.packets, packet, Limit.PACKETS);
    if (packet.breach !== undefined) state.breaches++;
    this.#touchFor(packet.board, "packets");
  }

  /** A press is told again with each of its steps, and the steps of two may be told in turn. */
  #press(press: PressView): void {
    const state = this.boards.get(press.board);
    if (state === undefined) return;
    const index = state.presses.findLastIndex(({ number }) => number === press.number);
    if (index < 0) keep(state.presses, press, Limit.PRESSES);
    else state.presses[index] = press;
    this.#touchFor(press.board, "presses");
  }

  #draw(draw: DrawView): void {
    const state = this.boards.get(draw.board);
    if (state === undefined) return;
    keep(state.draws, draw, Limit.DRAWS);
    this.#touchFor(draw.board, "draws");
  }

  #memory(memory: MemoryView): void {
    const state = this.boards.get(memory.board);
    if (state === undefined) return;
    state.memory = memory;
    this.#touchFor(memory.board, "memory");
  }

  #topic(topic: TopicView): void {
    if (topic.count === 0) this.topics.delete(topic.topic);
    else this.topics.set(topic.topic, topic);
    if (this.topics.size > Limit.TOPICS) {
      const [oldest] = this.topics.keys();
      if (oldest !== undefined) this.topics.delete(oldest);
    }
    this.#touch("topics");
  }

  /** Sets the clock by an instant that the bench has told; one that is older than what is known says nothing new. */
  #pass(at: number, isNow = false): void {
    if (!isNow && at <= this.#at) return;
    this.#at = at;
    this.#readAt = performance.now();
  }

  #touchFor(board: number, topic: Topic): void {
    if (board === this.chosen) this.#touch(topic);
  }

  #touch(...topics: readonly Topic[]): void {
    for (const topic of topics) this.#changed.add(topic);
    // A hidden tab has no frames: the state alone is kept until somebody looks again.
    if (this.#isDue) return;
    this.#isDue = true;
    this.#nextFrame(() => this.#notify());
  }

  #notify(): void {
    this.#isDue = false;
    const changed = new Set(this.#changed);
    this.#changed.clear();
    for (const [listener, topics] of [...this.#listeners]) {
      if (topics.some((topic) => changed.has(topic))) listener();
    }
  }
}

/** All that is needed of the browser, in words of our own: so that this file can be loaded without one. */
interface Animated {
  requestAnimationFrame(callback: () => void): unknown;
}

/** The page has one. */
export const store = new Store((tell) => (globalThis as unknown as Animated).requestAnimationFrame(tell));
