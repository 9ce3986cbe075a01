// One timer for many deadlines, over `timer`. It hides that Timer objects are made and cleared: a pure state machine
// says when it wants to be called next, and the alarm is set there. It knows nothing about what it wakes.

import Timer from "timer";
import { now } from "./clock.js";

export class Alarm {
  private readonly ring: () => void;
  private timer: Timer | undefined;
  private due: number | undefined;

  constructor(ring: () => void) {
    this.ring = ring;
  }

  /**
   * Sets the alarm to an instant (int32 milliseconds), or off. The instant may be past: it then rings in the next turn.
   */
  set(at: number | undefined): void {
    if (at === this.due && (at === undefined || this.timer !== undefined)) return;
    this.due = at;
    if (this.timer !== undefined) {
      Timer.clear(this.timer);
      this.timer = undefined;
    }
    if (at === undefined) return;
    const delay = (at - now()) | 0;
    this.timer = Timer.set(
      () => {
        this.timer = undefined;
        this.due = undefined;
        this.ring();
      },
      Math.max(0, delay),
    );
  }
}
