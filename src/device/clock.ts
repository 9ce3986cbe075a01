// The device's clock, over `time`: milliseconds since this boot as a signed 32-bit integer that wraps after 24.8 days.
// The wall clock is never used: on the chip it starts in 1995 at every boot.

import Time from "time";

/** The present instant, int32 milliseconds. Compare instants only by `(a - b) | 0`. */
export function now(): number {
  return Time.ticks | 0;
}
