// The finger on a board's button: what a person asks for, by hand or by a key, as moves that a real finger could make
// and a real contact would follow. Knows a clock and a button, nothing of what the firmware makes of it.

import type { Clock } from "./clock.js";

export interface Pressable {
  bounceMs: number;
  readonly isDown: boolean;
  down(): void;
  up(): void;
}

/** Times in milliseconds of the board. The firmware's limits are 50, 400 and 1000 (DESIGN §9). */
const Times = Object.freeze({
  /** How long the contact chatters. */
  BOUNCE: 8,
  /** When that is over for certain. */
  SETTLE: 10,
  /**
   * The shortest hold, and the shortest pause, of a finger. A tap on a touchpad comes as down and up at once, which a
   * debounce rightly takes for nothing.
   */
  SHORTEST: 80,
  PRESS: 110,
  GAP: 120,
  LONG: 1500,
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

  constructor(clock: Clock, button: Pressable) {
    this.#clock = clock;
    this.#button = button;
    button.bounceMs = Times.BOUNCE;
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
  gesture(kind: "press" | "double" | "long"): void {
    if (this.busy) return;
    this.#move({ to: "down", holdMs: kind === "long" ? Times.LONG : Times.PRESS });
    this.#move({ to: "up", holdMs: Times.GAP });
    if (kind !== "double") return;
    this.#move({ to: "down", holdMs: Times.PRESS });
    this.#move({ to: "up", holdMs: Times.GAP });
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
    this.#clock.schedule(Times.SETTLE, () => {
      this.#clock.schedule(move.holdMs - Times.SETTLE, () => this.#next());
    });
  }
}
