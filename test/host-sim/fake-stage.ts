// A bench that does nothing but remember what it was asked, for tests of its views.

import type { Action, BenchEvent, BenchView, BoardView, Line, Snapshot, Stage } from "../../host-sim/page/protocol.js";

export const QUIET_BENCH: BenchView = Object.freeze({
  build: "",
  now: 0,
  broker: "mqtt://127.0.0.1:1883",
  brokerOurs: true,
  brokerOn: true,
  wifiOn: true,
  faults: [],
  speed: 1,
  paused: false,
  watch: "mosquitto_sub -h 127.0.0.1 -p 1883 -t 'mresetar/alertbox/+/alert' -v",
  home: { ssid: "home", password: "correct horse", broker: "127.0.0.1:1883" },
});

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
    faults: [],
    ...changes,
  };
}

export class FakeStage implements Stage {
  readonly actions: Action[] = [];
  readonly lines: Line[] = [];
  readonly boards: BoardView[];
  bench: BenchView = QUIET_BENCH;
  readonly #listeners = new Set<(event: BenchEvent) => void>();
  #waiting: (() => void)[] = [];

  constructor(boards = 1) {
    this.boards = Array.from({ length: boards }, (_, index) => boardView(index));
  }

  snapshot(): Snapshot {
    const { bench, boards, lines } = this;
    const nothing = { packets: [], presses: [], draws: [], memories: [], topics: [] };
    const broker = { connected: false, trouble: "", clients: undefined, sys: [] };
    return { type: "snapshot", bench, boards, lines, ...nothing, broker };
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

  show(index: number, changes: Partial<BoardView>): void {
    const board = { ...boardView(index), ...this.boards[index], ...changes };
    this.boards[index] = board;
    this.emit({ type: "board", board });
  }
}
