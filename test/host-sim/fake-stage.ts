// A bench that does nothing but remember what it was asked, and tell what a test has it tell, for tests of its views.

import type {
  BrokerView,
  DrawView,
  MemoryView,
  PacketView,
  PressView,
  ShippedScenario,
  TopicView,
} from "../../host-sim/page/details.js";
import type { Action, BenchEvent, BenchView, BoardView, Line, Snapshot, Stage } from "../../host-sim/page/protocol.js";

export const QUIET_BENCH: BenchView = Object.freeze({
  build: "",
  now: 0,
  broker: "mqtt://127.0.0.1:1883",
  brokerOurs: true,
  brokerOn: true,
  wifiOn: true,
  faults: [],
  world: "real",
  visiting: false,
  speed: 1,
  paused: false,
  scenario: undefined,
  watch: "mosquitto_sub -h 127.0.0.1 -p 1883 -t 'mresetar/alertbox/+/alert' -v",
  home: { ssid: "home", password: "correct horse", broker: "127.0.0.1:1883" },
});

const SCENARIOS: readonly ShippedScenario[] = Object.freeze([
  { name: "power-cut", title: "A power cut", about: "The power fails between PUBREC and PUBCOMP." },
  { name: "lost-session", title: "A lost session", about: "The broker knows the box no more." },
]);

export function boardView(index: number, changes: Partial<BoardView> = {}): BoardView {
  return {
    index,
    chipId: 5750 + index,
    mode: "mains",
    wiring: "gpio",
    root: `mresetar/alertbox/${5750 + index}`,
    power: "running",
    pressed: false,
    led: false,
    presence: "online",
    setup: "",
    setupSeconds: 0,
    boots: 1,
    presses: 0,
    alerts: 0,
    duplicates: 0,
    chargeMah: 0,
    asleep: 0,
    faults: [],
    ...changes,
  };
}

export function packetView(id: number, changes: Partial<PacketView> = {}): PacketView {
  return {
    id,
    board: 0,
    at: id * 10,
    connection: 1,
    direction: "up",
    type: "PUBLISH",
    qos: 2,
    retain: false,
    dup: false,
    packetId: id,
    topic: "mresetar/alertbox/5750/alert",
    detail: `{"pushes":${id}}`,
    length: 45,
    hex: "34 2b 00 1c 6d 72",
    breach: undefined,
    ...changes,
  };
}

export function memoryView(changes: Partial<MemoryView> = {}): MemoryView {
  return {
    board: 0,
    records: [],
    journalUsed: 0,
    journalSize: 4096,
    slots: [],
    rtc: [],
    budget: [],
    erases: 0,
    writes: 0,
    ...changes,
  };
}

export class FakeStage implements Stage {
  readonly actions: Action[] = [];
  readonly lines: Line[] = [];
  readonly boards: BoardView[];
  readonly packets: PacketView[] = [];
  readonly presses: PressView[] = [];
  readonly draws: DrawView[] = [];
  readonly memories = new Map<number, MemoryView>();
  readonly topics = new Map<string, TopicView>();
  bench: BenchView = QUIET_BENCH;
  broker: BrokerView = { connected: false, trouble: "", clients: undefined, sys: [] };
  readonly #listeners = new Set<(event: BenchEvent) => void>();
  #waiting: (() => void)[] = [];

  constructor(boards = 1) {
    this.boards = Array.from({ length: boards }, (_, index) => boardView(index));
  }

  snapshot(): Snapshot {
    const { bench, boards, lines, packets, presses, draws, broker } = this;
    const memories = [...this.memories.values()];
    const topics = [...this.topics.values()];
    const scenarios = SCENARIOS;
    return { type: "snapshot", bench, scenarios, boards, lines, packets, presses, draws, memories, topics, broker };
  }

  on(listener: (event: BenchEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  act(action: Action): void {
    this.actions.push(action);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves when so many actions have come. */
  async asked(count: number): Promise<readonly Action[]> {
    while (this.actions.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.actions;
  }

  emit(event: BenchEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** Tells a line and keeps it for views that come later. */
  tell(word: string, detail = "", changes: Partial<Line> = {}): void {
    const id = this.lines.length + 1;
    const line: Line = {
      id,
      board: 0,
      at: id * 10,
      since: id * 10,
      ms: id * 10,
      source: "firmware",
      word,
      detail,
      opens: false,
      ...changes,
    };
    this.lines.push(line);
    this.emit({ type: "line", line });
  }

  /** Changes a board and tells it; a board that is not there yet is added. */
  show(index: number, changes: Partial<BoardView>): void {
    const at = this.boards.findIndex((board) => board.index === index);
    const board = { ...(this.boards[at] ?? boardView(index)), ...changes };
    if (at < 0) this.boards.push(board);
    else this.boards[at] = board;
    this.emit({ type: "board", board });
  }

  remove(index: number): void {
    const at = this.boards.findIndex((board) => board.index === index);
    this.boards.splice(at, 1);
    this.emit({ type: "gone", board: index });
  }

  setBench(changes: Partial<BenchView>): void {
    this.bench = { ...this.bench, ...changes };
    this.emit({ type: "bench", bench: this.bench });
  }

  packet(changes: Partial<PacketView> = {}): PacketView {
    const packet = packetView((this.packets.at(-1)?.id ?? 0) + 1, changes);
    this.packets.push(packet);
    this.emit({ type: "packet", packet });
    return packet;
  }

  /** A press, delivered unless the changes say otherwise; one with a number that is known takes its place. */
  press(changes: Partial<PressView> = {}): void {
    const number = changes.number ?? this.presses.length + 1;
    const press: PressView = {
      board: 0,
      number,
      id: `5750-${number}-40146`,
      at: number * 1000,
      steps: { pressed: 0, stored: 52, publish: 55, pubrec: 60, arrived: 61, pubcomp: 64 },
      outcome: "delivered",
      chargeMah: 0.02,
      ...changes,
    };
    const at = this.presses.findIndex((known) => known.number === press.number && known.board === press.board);
    if (at < 0) this.presses.push(press);
    else this.presses[at] = press;
    this.emit({ type: "press", press });
  }

  draw(at: number, milliamperes: number, chargeMah: number, board = 0): void {
    const draw = { board, at, milliamperes, chargeMah };
    this.draws.push(draw);
    this.emit({ type: "draw", draw });
  }

  remember(changes: Partial<MemoryView>): void {
    const board = changes.board ?? 0;
    const memory = { ...(this.memories.get(board) ?? memoryView({ board })), ...changes };
    this.memories.set(board, memory);
    this.emit({ type: "memory", memory });
  }

  topic(topic: string, payload: string, changes: Partial<TopicView> = {}): void {
    const count = (this.topics.get(topic)?.count ?? 0) + 1;
    const view: TopicView = {
      topic,
      payload,
      bytes: payload.length,
      qos: 1,
      retained: true,
      count,
      at: count * 100,
      ...changes,
    };
    this.topics.set(topic, view);
    this.emit({ type: "topic", topic: view });
  }

  setBroker(changes: Partial<BrokerView>): void {
    this.broker = { ...this.broker, ...changes };
    this.emit({ type: "broker", broker: this.broker });
  }
}
