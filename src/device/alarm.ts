// One timer for many deadlines, over `timer`. It hides that Timer objects are made and cleared: a pure state machine
// says when it wants to be called next, and the alarm is set there. It knows nothing about what it wakes.

import Timer from "timer";
import { now } from "./clock.js";

export class Alarm {
  private readonly _ring: () => void;
  private _timer: Timer | undefined;
  private _at: number | undefined;

  constructor(ring: () => void) {
    this._ring = ring;
  }

  /**
   * Sets the alarm to an instant (int32 milliseconds), or off. The instant may be past: it then rings in the next turn.
   */
  set(at: number | undefined): void {
    if (at === this._at && (at === undefined || this._timer !== undefined)) return;
    this._at = at;
    if (this._timer !== undefined) {
      Timer.clear(this._timer);
      this._timer = undefined;
    }
    if (at === undefined) return;
    const delay = (at - now()) | 0;
    this._timer = Timer.set(
      () => {
        this._timer = undefined;
        this._at = undefined;
        this._ring();
      },
      Math.max(0, delay),
    );
  }
}
