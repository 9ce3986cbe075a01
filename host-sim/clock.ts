// The one source of time in the simulator: what a board, a network and a broker schedule their callbacks on. Stepped
// for tests (time passes only when told to, the same calls give the same order), real for the bench (a wall clock,
// perhaps faster, perhaps paused). Times are milliseconds since the clock was made, fractions allowed. Knows nothing of
// what it calls.

/** A callback that waits for its time. */
export interface Scheduled {
  /** Takes it back. Harmless when it has run already, and when called twice. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since this clock was made; fractions are allowed. Never goes back. */
  readonly now: number;
  /**
   * Calls back once, at least `delayMs` from now and never from inside this call. Equal times run in order of
   * scheduling. Throws a RangeError for a delay that is negative, infinite or not a number.
   */
  schedule(delayMs: number, callback: () => void): Scheduled;
}

/** How many callbacks a stepped clock runs without time passing before it says that they are a loop. */
const standstillLimit = 1_000_000;

class Entry implements Scheduled {
  readonly at: number;
  readonly order: number;
  callback: (() => void) | undefined;
  readonly #agenda: Agenda;

  constructor(at: number, order: number, callback: () => void, agenda: Agenda) {
    this.at = at;
    this.order = order;
    this.callback = callback;
    this.#agenda = agenda;
  }

  cancel(): void {
    if (this.callback === undefined) return;
    this.callback = undefined;
    this.#agenda.cancelled();
  }
}

/** A binary heap of entries by time, then by order of scheduling. Cancelled entries stay until they surface. */
class Agenda {
  readonly #entries: Entry[] = [];
  #orders = 0;
  #waiting = 0;

  get waiting(): number {
    return this.#waiting;
  }

  add(now: number, delayMs: number, callback: () => void): Entry {
    if (!(delayMs >= 0 && delayMs < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`a delay is a number of milliseconds from 0, not ${delayMs}`);
    }
    const entry = new Entry(now + delayMs, this.#orders++, callback, this);
    this.#waiting += 1;
    this.#entries.push(entry);
    this.#rise(this.#entries.length - 1);
    return entry;
  }

  /** The entry that is due first, without taking it; cancelled ones are thrown away on the way. */
  peek(): Entry | undefined {
    let first = this.#entries[0];
    while (first !== undefined && first.callback === undefined) {
      this.#removeFirst();
      first = this.#entries[0];
    }
    return first;
  }

  /** Takes the first entry and gives its callback. */
  take(): (() => void) | undefined {
    const first = this.peek();
    if (first === undefined) return undefined;
    this.#removeFirst();
    const callback = first.callback;
    first.callback = undefined;
    this.#waiting -= 1;
    return callback;
  }

  cancelled(): void {
    this.#waiting -= 1;
    // Long runs set and clear many timers with far deadlines; without this sweep they would pile up until then.
    if (this.#entries.length > 64 && this.#entries.length > 4 * this.#waiting) this.#sweep();
  }

  clear(): void {
    for (const entry of this.#entries) entry.callback = undefined;
    this.#entries.length = 0;
    this.#waiting = 0;
  }

  #sweep(): void {
    const kept = this.#entries.filter((entry) => entry.callback !== undefined).sort(compare);
    this.#entries.length = 0;
    for (const entry of kept) this.#entries.push(entry);
  }

  #removeFirst(): void {
    const last = this.#entries.pop();
    if (last === undefined || this.#entries.length === 0) return;
    this.#entries[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  #sink(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const leftEntry = this.#entries[left];
      if (leftEntry === undefined) return;
      const rightEntry = this.#entries[right];
      const child = rightEntry !== undefined && compare(rightEntry, leftEntry) < 0 ? right : left;
      if (!this.#swapIfBefore(child, index)) return;
      index = child;
    }
  }

  #swapIfBefore(child: number, parent: number): boolean {
    const below = this.#entries[child];
    const above = this.#entries[parent];
    if (below === undefined || above === undefined || compare(below, above) > 0) return false;
    this.#entries[child] = above;
    this.#entries[parent] = below;
    return true;
  }
}

function compare(a: Entry, b: Entry): number {
  return a.at - b.at || a.order - b.order;
}

/** Time that passes only in `run`, `runUntil` and `next`. */
export class SteppedClock implements Clock {
  readonly #agenda = new Agenda();
  #now: number;
  #standstill = 0;
  #running = false;

  /** @param startAt what `now` is at first, in ms. */
  constructor(startAt = 0) {
    this.#now = startAt;
  }

  get now(): number {
    return this.#now;
  }

  /** How many callbacks wait. */
  get pending(): number {
    return this.#agenda.waiting;
  }

  schedule(delayMs: number, callback: () => void): Scheduled {
    return this.#agenda.add(this.#now, delayMs, callback);
  }

  /** Lets `ms` milliseconds pass and runs whatever is due, what is newly scheduled within that time included. */
  run(ms: number): void {
    this.runUntil(() => false, ms);
  }

  /**
   * Lets time pass until the condition holds, at most `limitMs`. The condition is asked before and after each callback.
   * Gives what it said last; when it never held, all of `limitMs` has passed.
   */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    if (!(limitMs >= 0)) throw new RangeError(`a limit is a number of milliseconds from 0, not ${limitMs}`);
    const end = this.#now + limitMs;
    if (condition()) return true;
    for (;;) {
      const first = this.#agenda.peek();
      if (first === undefined || first.at > end) break;
      this.next();
      if (condition()) return true;
    }
    if (end > this.#now && end < Number.POSITIVE_INFINITY) this.#pass(end);
    return false;
  }

  /** Runs the one callback that is due first, whenever that is. False when nothing waits. */
  next(): boolean {
    if (this.#running) throw new Error("the clock runs already: a callback may schedule, but may not let time pass");
    const first = this.#agenda.peek();
    if (first === undefined) return false;
    this.#pass(first.at);
    const callback = this.#agenda.take();
    this.#running = true;
    try {
      callback?.();
    } finally {
      this.#running = false;
    }
    return true;
  }

  #pass(to: number): void {
    if (to > this.#now) {
      this.#now = to;
      this.#standstill = 0;
    } else if (++this.#standstill > standstillLimit) {
      throw new Error(`${standstillLimit} callbacks ran at ${this.#now} ms without time passing: something loops`);
    }
  }
}

/**
 * How long callbacks may run before sockets, the terminal and the page are served again, real ms: less where one turn
 * follows the other without a pause.
 */
const turnMs = 20;
const fastestTurnMs = 8;

/**
 * A RealClock looks at the time at least so often while something waits, in its ms; what it is late beyond as much
 * again was a stall. A turn of Node's loop so passes at most twice as much, which leaves an answer within 10 seconds
 * some 50 turns, whatever the computer does.
 */
const beatMs = 100;

/** Where a RealClock has its time from. */
export interface TimeSource {
  /** Real milliseconds from some beginning; never goes back. */
  readonly now: number;
  /** Calls back once, after so many real milliseconds, in the next turn for 0. Gives the way to take it back. */
  wake(afterMs: number, callback: () => void): () => void;
}

/** The computer's own. A waiting call keeps the process alive. */
const wallTime: TimeSource = Object.freeze({
  get now() {
    return performance.now();
  },
  wake(afterMs: number, callback: () => void) {
    if (afterMs <= 0) {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(callback, Math.ceil(afterMs));
    return () => clearTimeout(timer);
  },
});

/**
 * Time of the wall clock, faster or slower on demand, as fast as it goes, or paused. Keeps the process alive while
 * something waits, until `close` or a pause. A callback that comes late, because the computer is busy, sees the time
 * for which it was scheduled, and what it schedules counts from there: a busy computer makes a board slow, and never
 * swallows a short press. Until it has run nobody sees a later time, so that what comes from outside cannot overtake
 * it. A stall, of the process or of the whole computer, is no time at all: the board was stopped like the broker
 * beside it, and finds no timeout over whose answer nobody could read. At the speed `Infinity` time jumps from each
 * callback to the next, and stands while none waits: for worlds in which nothing outside has to keep up.
 */
export class RealClock implements Clock {
  readonly #agenda = new Agenda();
  readonly #source: TimeSource;
  #speed: number;
  /** An instant of this clock, and the real time at which it was that; the speed has not changed since. */
  #from = 0;
  #realFrom: number;
  #paused = false;
  #disarm: (() => void) | undefined;
  #closed = false;
  /** The time of the callback that runs. */
  #runningAt: number | undefined;
  /** What is to be done when that is over. */
  readonly #afterwards: (() => void)[] = [];

  /** @param speed how many of its milliseconds pass in a real one, or `Infinity`. */
  constructor(speed = 1, source = wallTime) {
    this.#speed = checkedSpeed(speed);
    this.#source = source;
    this.#realFrom = source.now;
  }

  get now(): number {
    if (this.#runningAt !== undefined) return this.#runningAt;
    const now = this.#ideal;
    const first = this.#agenda.peek();
    return first !== undefined && first.at < now ? first.at : now;
  }

  /** What the time would be on a computer that is never busy, without its stalls. */
  get #ideal(): number {
    if (this.#paused || this.#speed === Number.POSITIVE_INFINITY) return this.#from;
    const ideal = this.#from + (this.#source.now - this.#realFrom) * this.#speed;
    return Math.min(ideal, this.#nextBeat + beatMs);
  }

  /** When it has to look next: at what waits, or before. It need not where nothing waits. */
  get #nextBeat(): number {
    const first = this.#agenda.peek();
    if (first === undefined) return Number.POSITIVE_INFINITY;
    return Math.min(first.at, this.#from + beatMs);
  }

  /** How many of its milliseconds pass in a real one, now or after a pause; `Infinity` for as fast as it goes. */
  get speed(): number {
    return this.#speed;
  }

  /** Counts from now on; what waits keeps its instant. Throws a RangeError for what is no speed. */
  set speed(speed: number) {
    checkedSpeed(speed);
    this.#settle();
    this.#speed = speed;
    this.#arm();
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Stands still: nothing is called back until `resume`, but for `step`. What is scheduled meanwhile waits. */
  pause(): void {
    if (this.#paused) return;
    this.#settle();
    this.#paused = true;
    this.#arm();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#settle();
    this.#paused = false;
    this.#arm();
  }

  /**
   * In a pause, goes on to the next instant at which something waits and runs all of that instant, what is newly
   * scheduled for it included. False when nothing waits.
   * @throws Error when it is not paused, or inside a callback.
   */
  step(): boolean {
    if (!this.#paused) throw new Error("only a paused clock makes steps: pause it first");
    if (this.#runningAt !== undefined) throw new Error("a callback may not let time pass");
    const first = this.#agenda.peek();
    if (first === undefined) return false;
    this.#from = first.at;
    try {
      this.#runningAt = first.at;
      for (let count = 0; this.#agenda.peek()?.at === first.at; count++) {
        if (count === standstillLimit) throw new Error(`${count} callbacks ran at ${first.at} ms: something loops`);
        this.#runOne();
      }
    } finally {
      this.#runningAt = undefined;
    }
    return true;
  }

  /**
   * Calls back when what happens now is over, at the same instant: after the callback that runs, and before the next
   * one; outside of callbacks at the end of this turn of Node's loop. For what is told once of several changes.
   */
  soon(callback: () => void): void {
    this.#afterwards.push(callback);
    if (this.#runningAt === undefined && this.#afterwards.length === 1) queueMicrotask(() => this.#finish());
  }

  #runOne(): void {
    // Of what was done from outside in this turn, before this.
    this.#finish();
    this.#agenda.take()?.();
    this.#finish();
  }

  #finish(): void {
    for (let next = this.#afterwards.shift(); next !== undefined; next = this.#afterwards.shift()) next();
  }

  schedule(delayMs: number, callback: () => void): Scheduled {
    const isOutside = this.#runningAt === undefined;
    // As long as nothing waited nobody looked at the time.
    if (isOutside && this.#agenda.waiting === 0) this.#settle();
    const entry = this.#agenda.add(this.now, delayMs, callback);
    if (this.#closed) entry.cancel();
    else if (isOutside) this.#arm();
    return entry;
  }

  /** Forgets whatever waits, now and later, so that the process may end. */
  close(): void {
    this.#closed = true;
    this.#agenda.clear();
    this.#arm();
  }

  /** What has passed until now has passed at the speed until now. */
  #settle(): void {
    this.#from = this.now;
    this.#realFrom = this.#source.now;
  }

  #arm(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    if (this.#paused || this.#closed || this.#agenda.waiting === 0) return;
    const isFastest = this.#speed === Number.POSITIVE_INFINITY;
    const afterMs = isFastest ? 0 : (this.#nextBeat - this.#ideal) / this.#speed;
    this.#disarm = this.#source.wake(Math.max(0, afterMs), () => this.#runDue());
  }

  #runDue(): void {
    const isFastest = this.#speed === Number.POSITIVE_INFINITY;
    // What comes due meanwhile waits for the next turn, so that sockets and the terminal are served in between.
    const until = this.#ideal;
    this.#from = until;
    this.#realFrom = this.#source.now;
    const turnEnd = this.#realFrom + (isFastest ? fastestTurnMs : turnMs);
    try {
      // A callback may have paused it.
      while (!this.#paused) {
        const first = this.#agenda.peek();
        // A callback may also have made the time slower, or have gone through a pause: then `until` is not yet.
        if (first === undefined || this.#source.now > turnEnd) return;
        if (this.#speed === Number.POSITIVE_INFINITY) this.#from = first.at;
        else if (isFastest || first.at > Math.min(until, this.#ideal)) return;
        this.#runningAt = first.at;
        this.#runOne();
      }
    } finally {
      this.#runningAt = undefined;
      this.#arm();
    }
  }
}

function checkedSpeed(speed: number): number {
  if (speed > 0) return speed;
  throw new RangeError(`a speed is above 0, not ${speed}`);
}
