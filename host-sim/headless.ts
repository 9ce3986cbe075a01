// The bench without a person: presses each button so many times, waits for the alerts at the independent subscriber,
// and sums up. Knows the Bench and a way to print; what was delivered is the subscriber's word, never the firmware's
// own.

import type { Bench } from "./bench.js";
import type { BenchBoard } from "./bench-board.js";
import type { Scheduled } from "./clock.js";
import type { Line } from "./page/protocol.js";

export interface Summary {
  readonly event: "summary";
  /** Presses of this run. */
  readonly presses: number;
  /** Different alerts of these presses that arrived. */
  readonly delivered: number;
  readonly lost: number;
  /** Alerts that arrived more than once. */
  readonly duplicates: number;
  /** Alerts of earlier runs that `--flash` brought along, and how many of them arrived now. */
  readonly carried: number;
  readonly carriedDelivered: number;
  /** Alerts that wait in the journals for the next run. */
  readonly pending: number;
  readonly boards: number;
  readonly boots: number;
  readonly crashes: number;
  /** From the finger to the subscriber. */
  readonly medianMs: number | null;
  readonly slowestMs: number | null;
  readonly seconds: number;
}

// Times of the boards, in milliseconds.

/** How long a press may take to be stored, until the next one is made all the same. */
const CLASSIFY_MS = 5000;
/** How long a battery box may take to fall asleep between presses: its awake cap is 20 s (DESIGN §9). */
const ASLEEP_MS = 25_000;
/** From the end of a press to the next, at least: the double-press gap of 400, the debounce of 50, and some air. */
const SPACE_MS = 500;
/** How long a battery box that has delivered everything may take to say good night before the run ends. */
const FAREWELL_MS = 4000;

/** A line as the one JSON object of it. */
export function lineObject(line: Line, chipId: number): Record<string, unknown> {
  const event = line.source === "firmware" ? "step" : line.source;
  const base = { event, board: chipId, at: Math.round(line.at), word: line.word, detail: line.detail };
  return {
    ...base,
    ...(line.ms === undefined ? {} : { ms: line.ms }),
    ...(line.since === undefined ? {} : { since: Math.round(line.since) }),
  };
}

export class HeadlessRun {
  readonly #bench: Bench;
  readonly #stop: AbortSignal;
  readonly #startedAt = performance.now();
  /** Told to stop, or the deadline has passed. */
  #over = false;
  readonly #wake = new Set<() => void>();

  constructor(bench: Bench, stop: AbortSignal) {
    this.#bench = bench;
    this.#stop = stop;
  }

  /**
   * Presses, waits, and gives the summary; returns early when it is told to stop. Without `--press` it waits for that.
   */
  async run(): Promise<Summary> {
    const { press, deadlineSeconds } = this.#bench.options;
    const end = () => {
      this.#over = true;
      for (const wake of [...this.#wake]) wake();
    };
    this.#stop.addEventListener("abort", end);
    // The deadline is real time, whatever the boards' speed. A run without an end holds the process by its sockets.
    const timer = press === undefined ? undefined : setTimeout(end, deadlineSeconds * 1000);
    if (this.#stop.aborted) end();
    await Promise.all(this.#bench.boards.map((board) => this.#pressAll(board, press ?? 0)));
    await this.#until(() => press !== undefined && this.#bench.boards.every(isDone));
    await this.#goodNight();
    clearTimeout(timer);
    this.#stop.removeEventListener("abort", end);
    return this.#summary();
  }

  async #pressAll(board: BenchBoard, count: number): Promise<void> {
    const battery = this.#bench.options.mode === "battery";
    // A press before the firmware reads its pin would be nobody's: on the chip too.
    const ready = () =>
      battery ? board.power === "asleep" : board.power === "running" && board.board.steps.length > 0;
    for (let pressed = 0; pressed < count && !this.#over; pressed++) {
      await this.#until(ready, battery ? ASLEEP_MS : CLASSIFY_MS);
      if (this.#over) return;
      const answered = board.answers;
      board.act({ type: "press", board: board.index });
      await this.#until(() => board.presses > pressed);
      await this.#until(() => false, SPACE_MS);
      await this.#until(() => board.answers > answered, CLASSIFY_MS);
    }
  }

  /** Lets battery boxes that delivered everything disconnect and sleep, so that nobody takes them for lost. */
  async #goodNight(): Promise<void> {
    const { options, boards } = this.#bench;
    if (options.mode !== "battery" || !boards.every(isDone)) return;
    await this.#until(() => boards.every(({ power }) => power !== "running"), FAREWELL_MS);
  }

  #summary(): Summary {
    const { boards } = this.#bench;
    const sum = (of: (board: BenchBoard) => number) => boards.reduce((total, board) => total + of(board), 0);
    const times = boards.flatMap((board) => board.arrivalMs).sort((a, b) => a - b);
    const presses = sum((board) => board.presses);
    const delivered = sum((board) => board.delivered);
    return {
      event: "summary",
      presses,
      delivered,
      lost: Math.max(0, presses - delivered),
      duplicates: sum((board) => board.view.duplicates),
      carried: sum((board) => board.before.pending),
      carriedDelivered: sum((board) => board.carriedDelivered),
      pending: sum((board) => board.pending),
      boards: boards.length,
      boots: sum((board) => board.board.boots),
      crashes: sum((board) => board.board.crashes),
      medianMs: times[times.length >> 1] ?? null,
      slowestMs: times.at(-1) ?? null,
      seconds: Math.round((performance.now() - this.#startedAt) / 100) / 10,
    };
  }

  /**
   * Resolves when the condition holds (asked whenever a board has something to tell), after `limitMs`, or when the run
   * is over.
   */
  #until(condition: () => boolean, limitMs?: number): Promise<void> {
    return new Promise((resolve) => {
      let limit: Scheduled | undefined;
      const finish = () => {
        limit?.cancel();
        unsubscribe();
        this.#wake.delete(finish);
        resolve();
      };
      const check = () => {
        if (this.#over || condition()) finish();
      };
      // What is waited for shows in these; a packet or a change of the current is no reason to ask.
      const unsubscribe = this.#bench.on(({ type }) => {
        if (type === "line" || type === "board") check();
      });
      this.#wake.add(finish);
      if (limitMs !== undefined) limit = this.#bench.after(limitMs, finish);
      check();
    });
  }
}

/**
 * Every alert of this run arrived, and the journal holds no other: what earlier runs left may have reached the broker
 * then, so that only its last acknowledgement was missing.
 */
function isDone(board: BenchBoard): boolean {
  return board.delivered >= board.presses && board.pending === 0;
}

/** Whether the run kept the promise: each alert arrived, each once. */
export function succeeded(summary: Summary): boolean {
  return summary.lost === 0 && summary.pending === 0 && summary.duplicates === 0;
}

/** The summary as a sentence. */
export function summaryText(summary: Summary): string {
  const { presses, delivered, lost, duplicates, pending, medianMs } = summary;
  const parts = [
    `${presses} ${presses === 1 ? "press" : "presses"}`,
    `${delivered} delivered`,
    `${lost} lost`,
    `${duplicates} twice`,
  ];
  if (summary.carried > 0) parts.push(`${summary.carriedDelivered} of ${summary.carried} from earlier runs delivered`);
  if (pending > 0) parts.push(`${pending} still stored`);
  if (medianMs !== null) parts.push(`median ${medianMs} ms`);
  return `${parts.join(", ")} (${summary.seconds} s)`;
}
