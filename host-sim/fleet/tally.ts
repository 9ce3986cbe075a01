// What a fleet has done: presses and what became of them, by the word of an independent subscriber; who is connected;
// and when connections were made again after something broke. Pure bookkeeping over times in milliseconds.

import type { Happening } from "./crew.js";

/** Percentiles of some times, ms, rounded; null without any. */
export interface Spread {
  readonly count: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly most: number | null;
}

export function spreadOf(times: readonly number[]): Spread {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => {
    const value = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
    return value === undefined ? null : Math.round(value);
  };
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), most: at(1) };
}

/** How the boards came back after a fault. */
export interface Comeback {
  /** Boards that were connected when it began. */
  readonly before: number;
  /** First attempts, counted from when the broker or the network was back: ms. */
  readonly attempts: Spread;
  /** Connected again, counted in the same way. */
  readonly connected: Spread;
  /** Attempts in the busiest second. */
  readonly peak: number;
}

/** One second of the run. */
export interface Second {
  online: number;
  connecting: number;
  pressed: number;
  arrived: number;
}

export class Tally {
  readonly #online = new Set<number>();
  readonly #ever = new Set<number>();
  /** Instants of presses that are not stored yet, first the oldest, by board. */
  readonly #waiting = new Map<number, number[]>();
  /** When what became an alert was pressed, by its id. */
  readonly #pressedAt = new Map<string, number>();
  readonly #arrived = new Map<string, number>();
  readonly #attempts: { readonly board: number; readonly at: number }[] = [];
  readonly #returns: { readonly board: number; readonly at: number }[] = [];
  /** Boards that may not be pressed now: a press would be another gesture, or is not over. */
  readonly #busy = new Set<number>();
  readonly #mode: "mains" | "battery";
  readonly seconds: Second[] = [];
  readonly #latencies: number[] = [];
  #startedAt = Number.POSITIVE_INFINITY;
  presses = 0;
  stored = 0;
  refused = 0;
  /** Presses whose box lost its power before they were stored. */
  cutShort = 0;
  duplicates = 0;
  /** Alerts that no press of this run made: of an earlier run with the same broker. */
  foreign = 0;
  crashes = 0;
  boots = 0;

  constructor(mode: "mains" | "battery") {
    this.#mode = mode;
  }

  /** The clock of `seconds` begins. */
  start(at: number): void {
    this.#startedAt = at;
  }

  get online(): number {
    return this.#online.size;
  }

  isOnline(board: number): boolean {
    return this.#online.has(board);
  }

  /** Those that are connected now. */
  get onlineBoards(): ReadonlySet<number> {
    return new Set(this.#online);
  }

  /** Boards that were connected at least once. */
  get introduced(): number {
    return this.#ever.size;
  }

  get delivered(): number {
    return this.#latencies.length;
  }

  get lost(): number {
    return this.presses - this.refused - this.cutShort - this.delivered;
  }

  get latency(): Spread {
    return spreadOf(this.#latencies);
  }

  /** It is going to be pressed: not again before that is over. */
  claim(board: number): void {
    this.#busy.add(board);
  }

  isBusy(board: number): boolean {
    return this.#busy.has(board) || !this.#ever.has(board);
  }

  hear({ board, what, at, id }: Happening): void {
    switch (what) {
      case "unpowered":
        // What was not stored yet is nobody's promise: no LED said so.
        this.cutShort += this.#waiting.get(board)?.length ?? 0;
        this.#waiting.delete(board);
        this.#busy.add(board);
        this.#online.delete(board);
        return;
      case "booted":
        this.boots += 1;
        this.#online.delete(board);
        if (this.#mode === "mains" && !this.#waiting.get(board)?.length) this.#busy.delete(board);
        return;
      case "connecting":
        this.#online.delete(board);
        this.#attempts.push({ board, at });
        this.#second(at).connecting += 1;
        return;
      case "online":
        this.#online.add(board);
        this.#returns.push({ board, at });
        if (this.#mode === "mains") this.#ever.add(board);
        return;
      case "offline":
        this.#online.delete(board);
        return;
      case "asleep":
        this.#online.delete(board);
        this.#ever.add(board);
        if (this.#mode === "battery" && !this.#waiting.get(board)?.length) this.#busy.delete(board);
        return;
      case "pressed":
        this.presses += 1;
        this.#second(at).pressed += 1;
        this.#waiting.set(board, [...(this.#waiting.get(board) ?? []), at]);
        return;
      case "stored":
      case "refused": {
        const pressedAt = this.#waiting.get(board)?.shift() ?? at;
        if (this.#mode === "mains") this.#busy.delete(board);
        if (what === "refused") this.refused += 1;
        else {
          this.stored += 1;
          this.#pressedAt.set(id ?? "", pressedAt);
          this.#match(id ?? "");
        }
        return;
      }
      case "crashed":
        this.crashes += 1;
        return;
      case "delivered":
        return;
    }
  }

  /** An alert has arrived at the subscriber. */
  arrived(id: string, at: number): void {
    if (this.#arrived.has(id)) {
      this.duplicates += 1;
      return;
    }
    this.#arrived.set(id, at);
    this.#second(at).arrived += 1;
    this.#match(id);
  }

  /** All alerts have arrived that were stored, and no press waits to be. */
  get isSettled(): boolean {
    return this.delivered >= this.stored && this.stored + this.refused + this.cutShort >= this.presses;
  }

  /** Arrivals that belong to no press. Sensible once all is settled. */
  countForeign(): void {
    this.foreign = 0;
    for (const id of this.#arrived.keys()) if (!this.#pressedAt.has(id)) this.foreign += 1;
  }

  /** How boards came back that lost their connections at `from`, when what they need was there again at `to`. */
  comeback(before: number, from: number, to: number, until: number): Comeback {
    const first = (all: readonly { readonly board: number; readonly at: number }[]) => {
      const seen = new Map<number, number>();
      for (const { board, at } of all) if (at >= to && at < until && !seen.has(board)) seen.set(board, at - to);
      return [...seen.values()];
    };
    const busy = new Map<number, number>();
    for (const { at } of this.#attempts) {
      if (at < from || at >= until) continue;
      const second = Math.floor((at - from) / 1000);
      busy.set(second, (busy.get(second) ?? 0) + 1);
    }
    return {
      before,
      attempts: spreadOf(first(this.#attempts)),
      connected: spreadOf(first(this.#returns)),
      peak: Math.max(0, ...busy.values()),
    };
  }

  /** Once a second: how many are connected. */
  sample(at: number): void {
    this.#second(at).online = this.online;
  }

  #match(id: string): void {
    const pressedAt = this.#pressedAt.get(id);
    const arrivedAt = this.#arrived.get(id);
    if (pressedAt !== undefined && arrivedAt !== undefined) this.#latencies.push(arrivedAt - pressedAt);
  }

  #second(at: number): Second {
    // What comes before is nobody's second.
    if (at < this.#startedAt) return { online: 0, connecting: 0, pressed: 0, arrived: 0 };
    const index = Math.floor((at - this.#startedAt) / 1000);
    while (this.seconds.length <= index) this.seconds.push({ online: 0, connecting: 0, pressed: 0, arrived: 0 });
    return this.seconds[index] as Second;
  }
}
