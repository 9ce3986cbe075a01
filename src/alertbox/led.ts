// Led: what one LED shows, as patterns in time (DESIGN §9). It answers "lit or dark now" and "when does that change".
// Pure: it knows no pin (active low is the adapter's business), no timer, and not why a pattern is shown.
// Phases are computed from the start of a pattern, so calls that come late shift nothing.

/** What the LED can show. "Finite" patterns end by themselves. */
export const LedPattern = Object.freeze({
  OFF: 0,
  /** Steady: switched on by the remote command. */
  ON: 1,
  /** Steady: the press is in the journal. */
  STORED: 2,
  JOINING: 3,
  CONNECTING: 4,
  /** Finite: the broker has the alert. */
  SENT: 5,
  /** Finite: three long; stored but not sent. */
  NOT_SENT: 6,
  SETUP: 7,
  /** Finite: two short, before sleep. */
  LOW_BATTERY: 8,
  /** 5 s to 10 s of a hold: quicker every second. */
  COUNTDOWN: 9,
  /** The broker refused the box (bad user name, not authorized, …). Finite when shown, endless as the base. */
  REFUSED: 10,
  /** Safe mode, after several bad boots. */
  SAFE: 11,
} as const);

/** What comes after the steps of an endless pattern. "base" marks a pattern that is always finite. */
export type LedAfter = "dark" | "lit" | "again" | "base";

export interface LedTiming {
  readonly after: LedAfter;
  /** How often `show` runs the steps before it gives way to the base pattern; 0: for ever. */
  readonly rounds: number;
  /** Triples of on (ms), off (ms), repeats; each at least 1. */
  readonly steps: readonly number[];
  /** How long the steps take once, in ms. */
  readonly length: number;
}

function timing(after: LedAfter, rounds: number, steps: number[]): LedTiming {
  let length = 0;
  for (let i = 0; i < steps.length; i += 3) {
    length += ((steps[i] as number) + (steps[i + 1] as number)) * (steps[i + 2] as number);
  }
  return Object.freeze({ after, rounds, steps: Object.freeze(steps), length });
}

/**
 * The times of each pattern, indexed by its number. No two can be taken for each other: they differ in rate, in
 * number, or (REFUSED, SAFE) by a rhythm of their own. Only ON and STORED look the same.
 */
export const LED_TIMINGS: readonly LedTiming[] = Object.freeze([
  /* OFF */ timing("dark", 0, []),
  /* ON */ timing("lit", 0, []),
  /* STORED */ timing("lit", 0, []),
  /* JOINING */ timing("again", 0, [200, 200, 1]),
  /* CONNECTING */ timing("again", 0, [500, 500, 1]),
  /* SENT: quick for 1 s */ timing("base", 1, [100, 100, 5]),
  /* NOT_SENT: three long */ timing("base", 1, [600, 300, 3]),
  /* SETUP */ timing("again", 0, [1000, 1000, 1]),
  /* LOW_BATTERY: two short */ timing("base", 1, [150, 150, 2]),
  // COUNTDOWN: five steps of 1 s with 1, 2, 4, 8 and 20 flashes, then steady: from there on the hold means reset.
  timing("lit", 0, [500, 500, 1, 250, 250, 2, 125, 125, 4, 65, 60, 8, 25, 25, 20]),
  // REFUSED: long, short, short, pause. No other pattern mixes long and short.
  timing("again", 2, [700, 200, 1, 100, 200, 1, 100, 700, 1]),
  // SAFE: three quick flashes, then a long pause.
  timing("again", 0, [60, 140, 2, 60, 1740, 1]),
]);

/**
 * One LED: a base pattern, and over it at most one pattern that was shown. A finite one gives way to the base when it
 * ends; an endless one stays until the next `show` or `rest`. After `show`, after `rest` and at `deadline()`, write
 * `level(now)` to the pin. Every pattern but OFF begins lit. Instants are int32 milliseconds and may wrap.
 */
export class Led {
  private base: number = LedPattern.OFF;
  private pattern: number = LedPattern.OFF;
  /** Whether `pattern` was shown over the base. */
  private shown = false;
  /**
   * When the pattern that is seen began; for one without end, when its present round began, so that it never gets
   * old.
   */
  private start = 0;
  private lit = false;
  private changeAt: number | undefined = undefined;

  /**
   * Starts a pattern at once, whatever runs. An endless pattern that is seen already goes on undisturbed.
   * Throws a RangeError for a number that is no `LedPattern`.
   */
  show(pattern: number, now: number): void {
    const rounds = timingOf(pattern).rounds;
    this.advance(now);
    if (pattern === this.pattern && rounds === 0) return;
    this.begin(pattern, true, now);
  }

  /**
   * Sets the base pattern. It is seen at once, unless a finite pattern runs: then when that ends.
   * Throws a RangeError for a pattern that is always finite and for a number that is no `LedPattern`.
   */
  rest(pattern: number, now: number): void {
    if (timingOf(pattern).after === "base") {
      throw new RangeError(`led: pattern ${pattern} ends by itself and cannot be the base; use show`);
    }
    this.advance(now);
    this.base = pattern;
    if (this.busy) return;
    if (pattern === this.pattern) this.shown = false;
    else this.begin(pattern, false, now);
  }

  /** True when the LED is lit at `now`. */
  level(now: number): boolean {
    this.advance(now);
    return this.lit;
  }

  /** When the level changes next, or a finite pattern ends, as seen from the last call; undefined when it stays so. */
  deadline(): number | undefined {
    return this.changeAt;
  }

  /** A finite pattern still runs, as seen from the last call of `level`, `show` or `rest`. */
  get busy(): boolean {
    return this.shown && timingOf(this.pattern).rounds > 0;
  }

  private begin(pattern: number, shown: boolean, now: number): void {
    this.pattern = pattern;
    this.shown = shown;
    this.start = now;
    this.locate(now);
  }

  private advance(now: number): void {
    if (this.changeAt !== undefined && ((now - this.changeAt) | 0) >= 0) this.locate(now);
  }

  /** Finds the place of `now` in what is seen, and sets the level and its next change by it. */
  private locate(now: number): void {
    let found = timingOf(this.pattern);
    let elapsed = (now - this.start) | 0;
    const total = found.length * found.rounds;
    if (this.busy) {
      if (elapsed < total) {
        this.locateStep(found, elapsed % found.length, now);
        return;
      }
      // The base began when the finite pattern ended, not when somebody looked.
      this.pattern = this.base;
      this.shown = false;
      this.start = (this.start + total) | 0;
      found = timingOf(this.base);
      elapsed -= total;
    }
    if (found.after === "again") {
      elapsed %= found.length;
      this.start = (now - elapsed) | 0;
    }
    if (elapsed < found.length) {
      this.locateStep(found, elapsed, now);
      return;
    }
    this.lit = found.after === "lit";
    this.changeAt = undefined;
  }

  /** Sets level and next change; `within` is how far `now` is into one round of the steps. */
  private locateStep(found: LedTiming, within: number, now: number): void {
    const steps = found.steps;
    let left = within;
    for (let i = 0; i < steps.length; i += 3) {
      const on = steps[i] as number;
      const period = on + (steps[i + 1] as number);
      const length = period * (steps[i + 2] as number);
      if (left < length) {
        const phase = left % period;
        this.lit = phase < on;
        this.changeAt = (now + (this.lit ? on : period) - phase) | 0;
        return;
      }
      left -= length;
    }
  }
}

function timingOf(pattern: number): LedTiming {
  const found = LED_TIMINGS[pattern];
  if (found === undefined) throw new RangeError(`led: ${pattern} is no LedPattern`);
  return found;
}
