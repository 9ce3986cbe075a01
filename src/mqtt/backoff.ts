// How long to wait before the next attempt to connect: exponential, full jitter, a cap, and a fresh start only after a
// connection that lasted. Knows no clock and no random numbers: both are arguments.

export interface BackoffOptions {
  /** Width of the first window, ms, at least 1. */
  readonly baseMs: number;
  /** Width of the largest window, ms, at least `baseMs`. */
  readonly capMs: number;
  /** How long a connection must have lasted to count as stable, ms. */
  readonly stableMs: number;
}

/** Beyond this many doublings the window is at any possible cap; the attempt itself goes on counting. */
const MAX_DOUBLINGS = 31;

/**
 * Delays are uniform in [0, min(cap, base * 2^attempt)), "full jitter" as described in the AWS Architecture Blog,
 * "Exponential Backoff And Jitter" (2015). There is no floor on purpose: a floor makes all who lost the same broker
 * stay away together and then come back into a narrower window, and one early attempt costs little.
 */
export class Backoff {
  private readonly _baseMs: number;
  private readonly _capMs: number;
  private readonly _stableMs: number;
  private _attempt = 0;
  private _connectedAt: number | undefined;

  constructor(options: BackoffOptions) {
    const { baseMs, capMs, stableMs } = options;
    if (!Number.isInteger(baseMs) || baseMs < 1) throw new RangeError("baseMs must be a whole number from 1");
    if (!Number.isInteger(capMs) || capMs < baseMs || capMs > 0x7fffffff) {
      throw new RangeError("capMs must be a whole number from baseMs to 2147483647");
    }
    if (!Number.isInteger(stableMs) || stableMs < 0) throw new RangeError("stableMs must be a whole number from 0");
    this._baseMs = baseMs;
    this._capMs = capMs;
    this._stableMs = stableMs;
  }

  /**
   * The delay before the next attempt in milliseconds, from a random number 0 ≤ random < 1. Counts the attempt.
   */
  next(random: number): number {
    if (!(random >= 0 && random < 1)) throw new RangeError(`random is ${random}; it must be in [0, 1)`);
    const window = Math.min(this._capMs, this._baseMs * 2 ** Math.min(this._attempt, MAX_DOUBLINGS));
    this._attempt += 1;
    return Math.floor(random * window);
  }

  /**
   * A connection is accepted. The attempts are not forgotten yet: a server may accept and cut at once [MQTT-3.1.4-2].
   */
  connected(now: number): void {
    this._connectedAt = now;
  }

  /** The connection has ended; if it was stable, the next delay is from the first window again. */
  disconnected(now: number): void {
    const since = this._connectedAt;
    this._connectedAt = undefined;
    // Unsigned, so that a connection of 25 to 49 days counts as long. One that ends within stableMs of a full wrap
    // counts as short; then the next delay is longer than it need be, and nothing else happens.
    if (since !== undefined && (now - since) >>> 0 >= this._stableMs) this._attempt = 0;
  }

  /** Attempts since the last stable connection. */
  get attempt(): number {
    return this._attempt;
  }

  /** Goes on where an earlier life stopped, before a deep sleep for example. */
  restore(attempt: number): void {
    if (!Number.isInteger(attempt) || attempt < 0) throw new RangeError("attempt must be a whole number from 0");
    this._attempt = attempt;
  }
}
