// Counts the presses of one board and the alerts that came of them: how many, which twice, which of an earlier run, and
// how long each took. Bounded, so that a board may run for weeks. Knows no clock and no board.

import { OptionLimits } from "./options.js";
import { Recent } from "./recent.js";
import { Ring } from "./ring.js";

/** The journal, from which late alerts come, holds 140. */
const Limit = Object.freeze({
  /** Different alerts that are told apart: one that comes again after so many others counts as new. */
  ALERTS: 1000,
  /** Presses whose time is known when their alert arrives. */
  PRESSES: 1000,
  /** Times of arrival, for the summary: as many as `--press` may ask for. */
  TIMES: OptionLimits.PRESSES,
} as const);

export class PressTally {
  /** Presses that were let go again. */
  presses = 0;
  /** Different alerts. */
  alerts = 0;
  /** Of these, alerts of presses of earlier runs. */
  carried = 0;
  duplicates = 0;
  /** The press count of the box when this run began. */
  readonly #pushesBefore: number;
  readonly #ids = new Recent<string>(Limit.ALERTS);
  /** When the button went down, by the number of the press in this run. */
  readonly #times = new Map<number, number>();
  #number = 0;
  readonly #arrivalMs = new Ring<number>(Limit.TIMES);

  constructor(pushesBefore: number) {
    this.#pushesBefore = pushesBefore;
  }

  /** Milliseconds from the finger to the subscriber, of the latest alerts of this run. */
  get arrivalMs(): readonly number[] {
    return this.#arrivalMs.items;
  }

  /** The button went down at this time, ms. */
  down(at: number): void {
    this.#number += 1;
    this.#times.set(this.#number, at);
    this.#times.delete(this.#number - Limit.PRESSES);
  }

  /** It is up again; `isPress`: that was no hold which means something else. */
  up(isPress: boolean): void {
    if (isPress) this.presses += 1;
    else this.#times.delete(this.#number--);
  }

  /** An alert arrived at this time, ms. True: it was there before. */
  arrived(id: string | undefined, payload: string, at: number): boolean {
    if (id !== undefined && this.#ids.see(id)) {
      this.duplicates += 1;
      return true;
    }
    this.alerts += 1;
    const nth = pushesOf(payload) - this.#pushesBefore;
    const pressedAt = this.#times.get(nth);
    if (nth <= 0) this.carried += 1;
    else if (pressedAt !== undefined) this.#arrivalMs.push(Math.round(at - pressedAt));
    return false;
  }
}

/** The press count in an alert; NaN when something else writes to its topic. */
function pushesOf(payload: string): number {
  try {
    return Number((JSON.parse(payload) as { pushes?: unknown } | null)?.pushes);
  } catch (error) {
    if (error instanceof SyntaxError) return Number.NaN;
    throw error;
  }
}
