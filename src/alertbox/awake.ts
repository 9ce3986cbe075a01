// How long a battery box may stay awake: the hard cap, what `cmd/stay` asks for, and the window in which it waits for
// commands. A mains box has no cap. Knows instants only.

import { BoxTimes, earlier } from "./state.js";

export class Awake {
  /** The box sleeps at this instant at the latest; undefined for a mains box. */
  private _capAt: number | undefined;
  /** Awake at least until then. */
  private _stayUntil: number | undefined;

  get capAt(): number | undefined {
    return this._capAt;
  }

  /** A wake begins, or begins anew; `extraMs` longer than usual. */
  begin(now: number, extraMs: number): void {
    this._capAt = (now + BoxTimes.awake + extraMs) | 0;
  }

  /** The same, for a box that has a cap. */
  extend(now: number, extraMs: number): void {
    if (this._capAt !== undefined) this.begin(now, extraMs);
  }

  lift(): void {
    this._capAt = undefined;
  }

  /** `cmd/stay`: awake for at least so many seconds, and the usual time to end what goes on then. */
  stay(now: number, seconds: number): void {
    this._stayUntil = (now + seconds * 1000) | 0;
    this.begin(this._stayUntil, 0);
  }

  /** Until when to wait for a (further) command. */
  windowEnd(now: number): number {
    const end = (now + BoxTimes.window) | 0;
    const stay = this._stayUntil;
    return stay !== undefined && earlier(stay, end) === end ? stay : end;
  }
}
