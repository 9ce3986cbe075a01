// One timer for many deadlines, over `timer`. It hides that Timer objects are made and cleared: a pure state machine
// says when it wants to be called next, and the alarm is set there. It knows nothing about what it wakes.

import Timer from "timer";
import { now } from "./clock.js";

/** Who wants to be woken. */
export interface Sleeper {
  /** The instant has come; `now` is the present one. */
  ring(now: number): void;
}

export class Alarm {
  private timer: (Timer & { target?: Alarm }) | undefined;
  private due: number | undefined;
  private readonly sleeper: Sleeper;

  constructor(sleeper: Sleeper) {
    this.sleeper = sleeper;
  }

  /**
   * Sets the alarm to an instant (int32 milliseconds), or off. The instant may be past: it then rings in the next turn.
   */
  set(at: number | undefined): void {
    if (at === undefined) this.wait(-1);
    else if (this.timer === undefined || at !== this.due) {
      const delay = (at - now()) | 0;
      this.wait(delay > 0 ? delay : 0);
      this.due = at;
    }
  }

  /** Rings after so many milliseconds; 0 is the next turn, below 0 is never. It needs little of the stack. */
  wait(delay: number): void {
    let { timer } = this;
    if (timer !== undefined) Timer.clear(timer);
    this.timer = undefined;
    this.due = undefined;
    if (delay < 0) return;
    timer = Timer.set(rang, delay);
    timer.target = this;
    this.timer = timer;
  }

  /** For the timer. */
  ring(): void {
    this.timer = undefined;
    this.sleeper.ring(now());
  }
}

/** One function for all timers, which stays in flash; a closure takes RAM and time. */
function rang(timer: Timer & { target?: Alarm }): void {
  timer.target?.ring();
}
