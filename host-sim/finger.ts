// The finger on a board's button: what a person asks for, by hand or by a key, as moves that a real finger could make
// and a real contact would follow. Knows a clock and a button, nothing of what the firmware makes of it.

import type { Clock, Scheduled } from "./clock.js";

export interface Pressable {
  bounceMs: number;
  readonly isDown: boolean;
  down(): void;
  up(): void;
}

/** Times in milliseconds of the board. The firmware's limits are 50, 400, 1000, 5000 and 10000 (DESIGN §9). */
const Times = Object.freeze({
  /** How long the contact chatters, and how long a worn one does. */
  BOUNCE: 8,
  WORN_BOUNCE: 30,
  /** The first of these is over for certain. */
  SETTLE: 10,
  /**
   * The shortest hold, and the shortest pause, of a finger. A tap on a touchpad comes as down and up at once, which a
   * debounce rightly takes for nothing.
   */
  SHORTEST: 80,
  PRESS: 110,
  GAP: 120,
  LONG: 1500,
  SETUP: 6000,
  RESET: 11_000,
  /** Between quick presses on RST: longer than a boot of some 120, shorter than the 2000 in which they count. */
  QUICK_GAP: 600,
} as const);

/** What a finger does once: a press, two, holds of 1.5, 6 and 11 s, and five or ten presses on RST in a row. */
export type Gesture = "press" | "double" | "long" | "setup" | "factory" | "five" | "ten";

/** How often, for how long, and with which pause after it. */
const GESTURES: Readonly<Record<Gesture, readonly [times: number, holdMs: number, gapMs: number]>> = Object.freeze({
  press: [1, Times.PRESS, Times.GAP],
  double: [2, Times.PRESS, Times.GAP],
  long: [1, Times.LONG, Times.GAP],
  setup: [1, Times.SETUP, Times.GAP],
  factory: [1, Times.RESET, Times.GAP],
  five: [5, Times.PRESS, Times.QUICK_GAP],
  ten: [10, Times.PRESS, Times.QUICK_GAP],
} as const);

interface Move {
  readonly to: "down" | "up";
  /** How long it stays there, at least. */
  readonly holdMs: number;
}

export class Finger {
  readonly #clock: Clock;
  readonly #button: Pressable;
  #moves: Move[] = [];
  #moving = false;
  #waiting: Scheduled | undefined;

  constructor(clock: Clock, button: Pressable) {
    this.#clock = clock;
    this.#button = button;
    button.bounceMs = Times.BOUNCE;
  }

  /** Whether the contact is worn: it chatters for 30 ms, each way. The finger then stays so much longer on it. */
  get isWorn(): boolean {
    return this.#button.bounceMs === Times.WORN_BOUNCE;
  }

  set isWorn(isWorn: boolean) {
    this.#button.bounceMs = isWorn ? Times.WORN_BOUNCE : Times.BOUNCE;
  }

  /** Whether it is on the button, or moves. */
  get busy(): boolean {
    return this.#moving || this.#button.isDown;
  }

  down(): void {
    this.#move({ to: "down", holdMs: Times.SHORTEST });
  }

  up(): void {
    this.#move({ to: "up", holdMs: Times.SHORTEST });
  }

  /** A whole gesture; nothing when the finger is busy. */
  gesture(kind: Gesture): void {
    if (this.busy) return;
    const [times, holdMs, gapMs] = GESTURES[kind];
    for (let time = 0; time < times; time++) {
      this.#move({ to: "down", holdMs });
      this.#move({ to: "up", holdMs: gapMs });
    }
  }

  /** Is taken away, and does nothing more. */
  close(): void {
    this.#moves = [];
    this.#waiting?.cancel();
  }

  #move(move: Move): void {
    this.#moves.push(move);
    if (!this.#moving) this.#next();
  }

  /**
   * Makes the next move. The hold is counted from when the contact has settled, by a timer that is set only then: on a
   * busy computer timers come late and in a heap, and the firmware would see a press shorter than it was meant.
   */
  #next(): void {
    const move = this.#moves.shift();
    this.#moving = move !== undefined;
    if (move === undefined) return;
    this.#button[move.to]();
    const settleMs = this.#button.bounceMs + Times.SETTLE - Times.BOUNCE;
    this.#waiting = this.#clock.schedule(settleMs, () => {
      this.#waiting = this.#clock.schedule(move.holdMs - Times.SETTLE, () => this.#next());
    });
  }
}
