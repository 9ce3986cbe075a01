// How long to wait before the next attempt to connect: exponential, full jitter, a cap, and a fresh start only after a
// connection that lasted. Knows no clock and no random numbers: both are arguments.

import { checkWhole } from "./packet.js";

export interface BackoffOptions {
  /** Width of the first window, ms, at least 1. */
  readonly baseMs: number;
  /** Width of the largest window, ms, at least `baseMs`. */
  readonly capMs: number;
  /** How long a connection must have lasted to count as stable, ms. */
  readonly stableMs: number;
}

/**
 * Delays are uniform in [0, min(cap, base * 2^attempt)), "full jitter" as described in the AWS Architecture Blog,
 * "Exponential Backoff And Jitter" (2015). There is no floor on purpose: a floor makes all who lost the same broker
 * stay away together and then come back into a narrower window, and one early attempt costs little.
 */
export class Backoff {
  /** Attempts since the last stable connection. To be read only; see {@link restore}. */
  attempt = 0;
  private readonly baseMs: number;
  private readonly capMs: number;
  private readonly stableMs: number;
  private _since: number | null = null;

  constructor(options: BackoffOptions) {
    this.baseMs = checkWhole("baseMs", options.baseMs, 1, 0x7fffffff);
    this.capMs = checkWhole("capMs", options.capMs, options.baseMs, 0x7fffffff);
    this.stableMs = checkWhole("stableMs", options.stableMs, 0, 0x7fffffff);
  }

  /**
   * The delay before the next attempt in milliseconds, from a random number 0 ≤ random < 1. Counts the attempt.
   */
  next(random: number): number {
    if (!(random >= 0 && random < 1)) throw new RangeError(`random is ${random}; it must be in [0, 1)`);
    // Beyond 31 doublings the window is at any possible cap; the attempt itself goes on counting.
    const window = Math.min(this.capMs, this.baseMs * 2 ** Math.min(this.attempt, 31));
    this.attempt += 1;
    return Math.floor(random * window);
  }

  /**
   * A connection is accepted. The attempts are not forgotten yet: a server may accept and cut at once [MQTT-3.1.4-2].
   */
  connected(now: number): void {
    this._since = now;
  }

  /** The connection has ended; if it was stable, the next delay is from the first window again. */
  disconnected(now: number): void {
    const since = this._since;
    this._since = null;
    // Unsigned, so that a connection of 25 to 49 days counts as long. One that ends within stableMs of a full wrap
    // counts as short; then the next delay is longer than it need be, and nothing else happens.
    if (since != null && (now - since) >>> 0 >= this.stableMs) this.attempt = 0;
  }

  /** Goes on where an earlier life stopped, before a deep sleep for example. */
  restore(attempt: number): void {
    this.attempt = checkWhole("attempt", attempt, 0, 0x7fffffff);
  }
}
