// Button: from the raw edges of one contact to gestures (press, double, long, setup, reset) and what the LED wants to
// know. Pure: time is an argument, an int32 of milliseconds that may wrap. It knows no pin, no timer, no journal and
// no LED. Its owner calls `edge` at each change of the pin, then `poll` until nothing is due, and comes back at
// `deadline()`.

/** What `poll` reports. The first line are gestures; the second line is what the LED wants to know. */
export type ButtonEvent =
  | "press" // A short press; with `double`, one that no second press followed in time.
  | "double" // A second press that began within the gap.
  | "long" // Released between `longMs` and `setupMs`.
  | "setup" // Released between `setupMs` and `resetMs`.
  | "reset" // Held for `resetMs`; does not wait for the release.
  | "down" // Debounced down.
  | "held-long" // Still down after `longMs`: a release now is "long".
  | "held-setup" // Still down after `setupMs`: a release now is "setup", holding on is "reset".
  | "released"; // Up again after "reset".

/** All in milliseconds, each at least 1, with `longMs` < `setupMs` < `resetMs`. */
export interface ButtonTimes {
  /** A level counts once it has lasted this long since its last edge; anything shorter is bounce. */
  readonly debounceMs: number;
  /** A second press that begins less than this after the release of the first makes a double press. */
  readonly gapMs: number;
  readonly longMs: number;
  readonly setupMs: number;
  readonly resetMs: number;
}

/** The product's times (DESIGN §9), in the middle of what other button firmwares use. */
export const BUTTON_TIMES: ButtonTimes = Object.freeze({
  debounceMs: 50,
  gapMs: 400,
  longMs: 1000,
  setupMs: 5000,
  resetMs: 10000,
} as const);

const EVENT = Object.freeze({
  PRESS: 0,
  DOUBLE: 1,
  LONG: 2,
  SETUP: 3,
  RESET: 4,
  DOWN: 5,
  HELD_LONG: 6,
  HELD_SETUP: 7,
  RELEASED: 8,
} as const);

const EVENT_NAMES: readonly ButtonEvent[] = Object.freeze([
  "press",
  "double",
  "long",
  "setup",
  "reset",
  "down",
  "held-long",
  "held-setup",
  "released",
] as const);

// The longest burst that one edge can bring is four events (a hold of 10 s nobody polled), and owners poll after each
// edge.
const QUEUE_LENGTH = 16;

// States of the debounced button. "Settles" means: a new level has lasted debounceMs. Limits count from the edge that
// began the press, or in GAP from the edge that ended it.
//
//   UP         ── settles down ──> DOWN         "down"
//   DOWN       ── longMs ────────> DOWN_LONG    "held-long"
//   DOWN_LONG  ── setupMs ───────> DOWN_SETUP   "held-setup"
//   DOWN_SETUP ── resetMs ───────> SPENT        "reset"
//   DOWN       ── settles up ────> UP           "press"           without double presses
//   DOWN       ── settles up ────> GAP                            with double presses
//   DOWN_LONG  ── settles up ────> UP           "long"
//   DOWN_SETUP ── settles up ────> UP           "setup"
//   SPENT      ── settles up ────> UP           "released"
//   GAP        ── gapMs ─────────> UP           "press"
//   GAP        ── settles down ──> SECOND       "down", "double"
//   SECOND     ── setupMs ───────> DOWN_SETUP   "held-setup"
//   SECOND     ── settles up ────> UP
//
// UP and SPENT wait for a finger without a deadline, on purpose: time alone changes nothing there. In SPENT a button
// that is stuck down stays silent for ever.
const STATE = Object.freeze({
  UP: 0,
  DOWN: 1,
  DOWN_LONG: 2,
  DOWN_SETUP: 3,
  SPENT: 4,
  GAP: 5,
  SECOND: 6,
} as const);
type State = (typeof STATE)[keyof typeof STATE];

/**
 * Debounces one contact and names its gestures.
 *
 * A level counts once it has lasted `debounceMs`, and it counts from its last edge. So a gesture is classified by the
 * times of its edges, however late `poll` comes, and chatter cannot end a hold. Limits are half-open: a press of
 * exactly `longMs` is long, and a second press that begins exactly `gapMs` after the first is a press of its own.
 *
 * A double press is reported as soon as the second press is down for sure; its release adds nothing, unless it was held
 * long enough for setup or reset.
 */
export class Button {
  private readonly _double: boolean;
  private readonly _times: ButtonTimes;
  private _state: State = STATE.UP;
  /** The debounced level. */
  private _settled = false;
  /** The level after the last edge, and when that edge was (of use only while it differs from the debounced level). */
  private _raw = false;
  private _edgeAt = 0;
  /** When the press began that is down now; in GAP, when the first press ended. */
  private _since = 0;
  /** Events found but not yet polled: a ring of codes, and the time at which the first of them was queued. */
  private readonly _queue = new Uint8Array(QUEUE_LENGTH);
  private _head = 0;
  private _count = 0;
  private _queuedAt = 0;

  /**
   * `double`: recognise double presses; a single press then waits for the gap before it is reported.
   * Throws a RangeError for times that contradict each other.
   */
  constructor(double: boolean, times: ButtonTimes = BUTTON_TIMES) {
    const { debounceMs, gapMs, longMs, setupMs, resetMs } = times;
    if (
      !(debounceMs >= 1 && gapMs >= 1 && longMs >= 1 && longMs < setupMs && setupMs < resetMs && resetMs <= 0x3fffffff)
    ) {
      throw new RangeError("button: times must be at least 1 ms, and longMs < setupMs < resetMs");
    }
    this._double = double;
    this._times = times;
  }

  /**
   * The raw level after an edge of the contact, bounces included; `now` is when it was seen. The same level twice
   * means that two edges came together: the level then counts from the second. Poll afterwards.
   * Throws an Error when 16 events wait to be polled.
   */
  edge(down: boolean, now: number): void {
    this._advance(now);
    this._raw = down;
    this._edgeAt = now;
  }

  /** The next event that is due at `now`, or undefined. Call until undefined: one instant may bring several. */
  poll(now: number): ButtonEvent | undefined {
    this._advance(now);
    if (this._count === 0) return undefined;
    const code = this._queue[this._head] as number;
    this._head = (this._head + 1) % QUEUE_LENGTH;
    this._count -= 1;
    return EVENT_NAMES[code];
  }

  /** When to poll next, in the past when events wait already; undefined when only an edge can change anything. */
  deadline(): number | undefined {
    return this._count > 0 ? this._queuedAt : this._due();
  }

  /**
   * Nothing is in progress and nothing waits to be polled: the box may sleep. True also after "reset" while the
   * button is still down, so that a stuck button cannot empty the battery.
   */
  get idle(): boolean {
    if (this._count > 0 || this._raw !== this._settled) return false;
    return this._state === STATE.UP || this._state === STATE.SPENT;
  }

  /** Does everything that fell due up to `now`, one instant after the other, so that a late call changes no result. */
  private _advance(now: number): void {
    let due = this._due();
    while (due !== undefined && ((now - due) | 0) >= 0) {
      if (this._raw !== this._settled) this._settle(due);
      else this._elapse(due);
      due = this._due();
    }
  }

  /** The next instant at which time alone changes something. */
  private _due(): number | undefined {
    const times = this._times;
    // While the level is unsettled all limits wait: whether the press still goes on is known only when it settles.
    if (this._raw !== this._settled) return (this._edgeAt + times.debounceMs) | 0;
    switch (this._state) {
      case STATE.DOWN:
        return (this._since + times.longMs) | 0;
      case STATE.DOWN_LONG:
      case STATE.SECOND:
        return (this._since + times.setupMs) | 0;
      case STATE.DOWN_SETUP:
        return (this._since + times.resetMs) | 0;
      case STATE.GAP:
        return (this._since + times.gapMs) | 0;
      case STATE.UP:
      case STATE.SPENT:
        return undefined;
    }
  }

  /** A limit of the current state has passed, with the level settled. UP and SPENT have none: _due never names one. */
  private _elapse(at: number): void {
    switch (this._state) {
      case STATE.DOWN:
        this._state = STATE.DOWN_LONG;
        this._push(EVENT.HELD_LONG, at);
        break;
      case STATE.DOWN_LONG:
      case STATE.SECOND:
        this._state = STATE.DOWN_SETUP;
        this._push(EVENT.HELD_SETUP, at);
        break;
      case STATE.DOWN_SETUP:
        this._state = STATE.SPENT;
        this._push(EVENT.RESET, at);
        break;
      case STATE.GAP:
        this._state = STATE.UP;
        this._push(EVENT.PRESS, at);
        break;
    }
  }

  /** The raw level has lasted long enough. Limits up to its edge have been passed before, so the state classifies. */
  private _settle(at: number): void {
    const began = this._edgeAt;
    this._settled = this._raw;
    switch (this._state) {
      case STATE.UP:
        this._state = STATE.DOWN;
        this._push(EVENT.DOWN, at);
        break;
      case STATE.GAP:
        this._state = STATE.SECOND;
        this._push(EVENT.DOWN, at);
        this._push(EVENT.DOUBLE, at);
        break;
      case STATE.DOWN:
        this._state = this._double ? STATE.GAP : STATE.UP;
        if (!this._double) this._push(EVENT.PRESS, at);
        break;
      case STATE.DOWN_LONG:
        this._state = STATE.UP;
        this._push(EVENT.LONG, at);
        break;
      case STATE.DOWN_SETUP:
        this._state = STATE.UP;
        this._push(EVENT.SETUP, at);
        break;
      case STATE.SPENT:
        this._state = STATE.UP;
        this._push(EVENT.RELEASED, at);
        break;
      case STATE.SECOND: // The double press is reported already.
        this._state = STATE.UP;
        break;
    }
    this._since = began;
  }

  private _push(code: number, at: number): void {
    if (this._count === QUEUE_LENGTH) throw new Error("button: 16 events wait; poll until undefined after every edge");
    if (this._count === 0) this._queuedAt = at;
    this._queue[(this._head + this._count) % QUEUE_LENGTH] = code;
    this._count += 1;
  }
}
