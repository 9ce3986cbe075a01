// How long a battery box may stay awake: the hard cap, what `cmd/stay` asks for, and the window in which it waits for
// commands. A mains box has no cap. Knows instants only.

import { BoxTimes } from "./state.js";

export class Awake {
  /** The box sleeps at this instant at the latest; undefined for a mains box. Set here, and to undefined to lift it. */
  capAt: number | undefined;
  /** Awake at least until then. */
  private stayUntil: number | undefined;

  /** A wake begins, or begins anew at `now`. */
  begin(now: number): void {
    this.capAt = (now + BoxTimes.awake) | 0;
  }

  /** `cmd/stay`: awake for at least so many seconds, and the usual time to end what goes on then. */
  stay(now: number, seconds: number): void {
    this.stayUntil = (now + seconds * 1000) | 0;
    this.begin(this.stayUntil);
  }

  /** Until when to wait for a (further) command. */
  windowEnd(now: number): number {
    const end = (now + BoxTimes.window) | 0;
    return this.stayUntil !== undefined && ((this.stayUntil - end) | 0) > 0 ? this.stayUntil : end;
  }
}
