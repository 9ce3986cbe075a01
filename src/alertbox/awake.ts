// How long a battery box may stay awake: the hard cap, what `cmd/stay` asks for, and the window in which it waits for
// commands. A mains box has no cap. Knows instants only.

import { BoxTimes, earlier } from "./state.js";

export class Awake {
  /** The box sleeps at this instant at the latest; undefined for a mains box. */
  #capAt: number | undefined;
  /** Awake at least until then. */
  #stayUntil: number | undefined;

  get capAt(): number | undefined {
    return this.#capAt;
  }

  /** A wake begins, or begins anew; `extraMs` longer than usual. */
  begin(now: number, extraMs: number): void {
    this.#capAt = (now + BoxTimes.awake + extraMs) | 0;
  }

  /** The same, for a box that has a cap. */
  extend(now: number, extraMs: number): void {
    if (this.#capAt !== undefined) this.begin(now, extraMs);
  }

  lift(): void {
    this.#capAt = undefined;
  }

  /** `cmd/stay`: awake for at least so many seconds, and the usual time to end what goes on then. */
  stay(now: number, seconds: number): void {
    this.#stayUntil = (now + seconds * 1000) | 0;
    this.begin(this.#stayUntil, 0);
  }

  /** Until when to wait for a (further) command. */
  windowEnd(now: number): number {
    const end = (now + BoxTimes.window) | 0;
    const stay = this.#stayUntil;
    return stay !== undefined && earlier(stay, end) === end ? stay : end;
  }
}
