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

/** What the events that wait are, by number. */
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
//
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
//
// Numbers in the code, with the name beside each: a table of names would take 800 bytes of flash.
type State = 0 | 1 | 2 | 3 | 4 | 5 | 6;

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
  private readonly double: boolean;
  private readonly times: ButtonTimes;
  private state: State = 0 /* UP */;
  /** The debounced level. */
  private settled = false;
  /** The level after the last edge, and when that edge was (of use only while it differs from the debounced level). */
  private level = false;
  private edgeAt = 0;
  /** When the press began that is down now; in GAP, when the first press ended. */
  private since = 0;
  /** Events found but not yet polled: a ring of codes, made for each burst, and the time of the first one. */
  private queue: Uint8Array | undefined;
  private head = 0;
  private count = 0;
  private queuedAt = 0;

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
    this.double = double;
    this.times = times;
  }

  /**
   * The raw level after an edge of the contact, bounces included; `now` is when it was seen. The same level twice
   * means that two edges came together: the level then counts from the second. Poll afterwards.
   * Throws an Error when 16 events wait to be polled.
   */
  edge(down: boolean, now: number): void {
    this.advance(now);
    this.level = down;
    this.edgeAt = now;
  }

  /** The next event that is due at `now`, or undefined. Call until undefined: one instant may bring several. */
  poll(now: number): ButtonEvent | undefined {
    this.advance(now);
    const { queue } = this;
    if (queue === undefined) return undefined;
    const code = queue[this.head] as number;
    this.head = (this.head + 1) & 15;
    this.count -= 1;
    if (this.count === 0) this.queue = undefined;
    return EVENT_NAMES[code];
  }

  /** When to poll next, in the past when events wait already; undefined when only an edge can change anything. */
  deadline(): number | undefined {
    return this.count > 0 ? this.queuedAt : this.due();
  }

  /**
   * Nothing is in progress and nothing waits to be polled: the box may sleep. True also after "reset" while the
   * button is still down, so that a stuck button cannot empty the battery.
   */
  get idle(): boolean {
    if (this.count > 0 || this.level !== this.settled) return false;
    return this.state === 0 /* UP */ || this.state === 4 /* SPENT */;
  }

  /** Does everything that fell due up to `now`, one instant after the other, so that a late call changes no result. */
  private advance(now: number): void {
    let due = this.due();
    while (due !== undefined && ((now - due) | 0) >= 0) {
      if (this.level !== this.settled) this.settle(due);
      else this.elapse(due);
      due = this.due();
    }
  }

  /** The next instant at which time alone changes something. */
  private due(): number | undefined {
    const times = this.times;
    // While the level is unsettled all limits wait: whether the press still goes on is known only when it settles.
    if (this.level !== this.settled) return (this.edgeAt + times.debounceMs) | 0;
    switch (this.state) {
      case 1: // DOWN
        return (this.since + times.longMs) | 0;
      case 2: // DOWN_LONG
      case 6: // SECOND
        return (this.since + times.setupMs) | 0;
      case 3: // DOWN_SETUP
        return (this.since + times.resetMs) | 0;
      case 5: // GAP
        return (this.since + times.gapMs) | 0;
      case 0: // UP
      case 4: // SPENT
        return undefined;
    }
  }

  /** A limit of the current state has passed, with the level settled. UP and SPENT have none: due never names one. */
  private elapse(at: number): void {
    switch (this.state) {
      case 1: // DOWN
        this.state = 2 /* DOWN_LONG */;
        this.push(6 /* held-long */, at);
        break;
      case 2: // DOWN_LONG
      case 6: // SECOND
        this.state = 3 /* DOWN_SETUP */;
        this.push(7 /* held-setup */, at);
        break;
      case 3: // DOWN_SETUP
        this.state = 4 /* SPENT */;
        this.push(4 /* reset */, at);
        break;
      case 5: // GAP
        this.state = 0 /* UP */;
        this.push(0 /* press */, at);
        break;
    }
  }

  /** The raw level has lasted long enough. Limits up to its edge have been passed before, so the state classifies. */
  private settle(at: number): void {
    const began = this.edgeAt;
    this.settled = this.level;
    switch (this.state) {
      case 0: // UP
        this.state = 1 /* DOWN */;
        this.push(5 /* down */, at);
        break;
      case 5: // GAP
        this.state = 6 /* SECOND */;
        this.push(5 /* down */, at);
        this.push(1 /* double */, at);
        break;
      case 1: // DOWN
        this.state = this.double ? 5 /* GAP */ : 0 /* UP */;
        if (!this.double) this.push(0 /* press */, at);
        break;
      case 2: // DOWN_LONG
        this.state = 0 /* UP */;
        this.push(2 /* long */, at);
        break;
      case 3: // DOWN_SETUP
        this.state = 0 /* UP */;
        this.push(3 /* setup */, at);
        break;
      case 4: // SPENT
        this.state = 0 /* UP */;
        this.push(8 /* released */, at);
        break;
      case 6: // SECOND. The double press is reported already.
        this.state = 0 /* UP */;
        break;
    }
    this.since = began;
  }

  private push(code: number, at: number): void {
    if (this.count === 16) throw new Error("button: 16 events wait; poll until undefined after every edge");
    let { queue } = this;
    if (queue === undefined) {
      queue = new Uint8Array(16);
      this.queue = queue;
      this.head = 0;
      this.queuedAt = at;
    }
    queue[(this.head + this.count) & 15] = code;
    this.count += 1;
  }
}
