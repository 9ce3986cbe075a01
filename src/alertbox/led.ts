// Led: what one LED shows, as patterns in time (DESIGN §9). It answers "lit or dark now" and "when does that change".
// Pure: it knows no pin (active low is the adapter's business), no timer, and not why a pattern is shown.
// Phases are computed from the start of a pattern, so calls that come late shift nothing.

// What the LED can show; numbers in the code, because a named constant takes some 60 bytes of flash. "Finite" patterns
// end by themselves.
// - 0 OFF
// - 1 ON, steady: switched on by the remote command.
// - 2 STORED, steady: the press is in the journal.
// - 3 JOINING, 4 CONNECTING
// - 5 SENT, finite: the broker has the alert.
// - 6 NOT_SENT, finite: three long; stored but not sent.
// - 7 SETUP
// - 8 LOW_BATTERY, finite: two short, before sleep.
// - 9 COUNTDOWN: 5 s to 10 s of a hold, quicker every second.
// - 10 REFUSED: the broker refused the box (bad user name, not authorized, …). Finite when shown, endless as the base.
// - 11 SAFE: safe mode, after several bad boots.

/** A step, as one number: on (ms) and off (ms), each below 2048, and how often, below 512. */
function step(on: number, off: number, repeats: number): number {
  return on | (off << 11) | (repeats << 22);
}

/**
 * Behind one number for each pattern, all steps. That number: bits 0-1 what comes after the steps: 0 dark, 1 lit, 2
 * the same again, 3 the base, of a pattern that is always finite; bits 2-3 how often `show` runs the steps before it
 * gives way to the base, 0 for ever; from bit 4 where the steps begin, from bit 10 how many they are.
 */
function packed(rows: readonly (readonly number[])[]): number[] {
  const table: number[] = [];
  let end = rows.length;
  for (let i = 0; i < rows.length; i += 1) {
    const row = rows[i] as readonly number[];
    table[i] = (row[0] as number) | (end << 4) | ((row.length - 1) << 10);
    for (let at = 1; at < row.length; at += 1) {
      table[end] = row[at] as number;
      end += 1;
    }
  }
  return table;
}

/**
 * The times of each pattern, by its number: what comes after the steps and how many rounds, as in `packed`, then the
 * steps. No two can be taken for each other: they differ in rate, in number, or (REFUSED, SAFE) by a rhythm of their
 * own. Only ON and STORED look the same. In one array of numbers, because each property and each element takes 16
 * bytes of flash.
 */
export const LED_TIMINGS: readonly number[] = Object.freeze(
  packed([
    /* OFF */ [0],
    /* ON */ [1],
    /* STORED */ [1],
    /* JOINING */ [2, step(200, 200, 1)],
    /* CONNECTING */ [2, step(500, 500, 1)],
    /* SENT: once, quick for 1 s */ [3 + 4, step(100, 100, 5)],
    /* NOT_SENT: once, three long */ [3 + 4, step(600, 300, 3)],
    /* SETUP */ [2, step(1000, 1000, 1)],
    /* LOW_BATTERY: once, two short */ [3 + 4, step(150, 150, 2)],
    // COUNTDOWN: five steps of 1 s with 1, 2, 4, 8 and 20 flashes, then steady: from there on the hold means reset.
    [1, step(500, 500, 1), step(250, 250, 2), step(125, 125, 4), step(65, 60, 8), step(25, 25, 20)],
    // REFUSED: long, short, short, pause, twice when shown. No other pattern mixes long and short.
    [2 + 8, step(700, 200, 1), step(100, 200, 1), step(100, 700, 1)],
    // SAFE: three quick flashes, then a long pause.
    [2, step(60, 140, 2), step(60, 1740, 1)],
  ]),
);

/**
 * One LED: a base pattern, and over it at most one pattern that was shown. A finite one gives way to the base when it
 * ends; an endless one stays until the next `show` or `rest`. After `show`, after `rest` and at `deadline()`, write
 * `level(now)` to the pin. Every pattern but OFF begins lit. Instants are int32 milliseconds and may wrap.
 */
export class Led {
  private base = 0 /* OFF */;
  private pattern = 0 /* OFF */;
  /** Whether `pattern` was shown over the base. */
  private shown = false;
  /**
   * When the pattern that is seen began; for one without end, when its present round began, so that it never gets
   * old.
   */
  private start = 0;
  /** Its number in the table, and how long its steps take once, in ms. */
  private timing = 0;
  private length = 0;
  private lit = false;
  private changeAt: number | undefined = undefined;

  /**
   * Starts a pattern at once, whatever runs. An endless pattern that is seen already goes on undisturbed.
   * Throws a RangeError for a number that is no pattern.
   */
  show(pattern: number, now: number): void {
    const timing = timingOf(pattern);
    this.advance(now);
    if (pattern === this.pattern && (timing & 12) === 0) return;
    this.begin(pattern, true, now);
  }

  /**
   * Sets the base pattern. It is seen at once, unless a finite pattern runs: then when that ends.
   * Throws a RangeError for a pattern that is always finite and for a number that is no pattern.
   */
  rest(pattern: number, now: number): void {
    if ((timingOf(pattern) & 3) === 3) {
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
    return this.shown && (this.timing & 12) !== 0;
  }

  private begin(pattern: number, shown: boolean, now: number): void {
    this.shown = shown;
    this.start = now;
    this.choose(pattern);
    this.locate(now);
  }

  private choose(pattern: number): void {
    const timing = LED_TIMINGS[pattern] as number;
    let length = 0;
    for (let at = (timing >> 4) & 63, left = timing >> 10; left > 0; left -= 1, at += 1) {
      const step = LED_TIMINGS[at] as number;
      length += ((step & 2047) + ((step >> 11) & 2047)) * (step >> 22);
    }
    this.pattern = pattern;
    this.timing = timing;
    this.length = length;
  }

  private advance(now: number): void {
    if (this.changeAt !== undefined && ((now - this.changeAt) | 0) >= 0) this.locate(now);
  }

  /** Finds the place of `now` in what is seen, and sets the level and its next change by it. */
  private locate(now: number): void {
    let elapsed = (now - this.start) | 0;
    if (this.busy) {
      const total = this.length * ((this.timing >> 2) & 3);
      if (elapsed < total) {
        this.locateStep(elapsed % this.length, now);
        return;
      }
      // The base began when the finite pattern ended, not when somebody looked.
      this.shown = false;
      this.start = (this.start + total) | 0;
      this.choose(this.base);
      elapsed -= total;
    }
    const after = this.timing & 3;
    if (after === 2 /* again */) {
      elapsed %= this.length;
      this.start = (now - elapsed) | 0;
    }
    if (elapsed < this.length) {
      this.locateStep(elapsed, now);
      return;
    }
    this.lit = after === 1;
    this.changeAt = undefined;
  }

  /** Sets level and next change; `within` is how far `now` is into one round of the steps. */
  private locateStep(within: number, now: number): void {
    let left = within;
    for (let at = (this.timing >> 4) & 63; ; at += 1) {
      const step = LED_TIMINGS[at] as number;
      const on = step & 2047;
      const period = on + ((step >> 11) & 2047);
      const length = period * (step >> 22);
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

/** A pattern's number in the table; the steps begin behind all of these. */
function timingOf(pattern: number): number {
  const timing = pattern >= 0 && pattern <= 11 /* SAFE */ ? LED_TIMINGS[pattern] : undefined;
  if (timing === undefined) throw new RangeError(`led: ${pattern} is no pattern`);
  return timing;
}
