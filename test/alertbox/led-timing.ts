// The LED's table and the names of its patterns as people read them. The firmware keeps numbers, because each property
// takes flash.

import { LED_TIMINGS } from "../../src/alertbox/led.js";

export const LedPattern = Object.freeze({
  OFF: 0,
  ON: 1,
  STORED: 2,
  JOINING: 3,
  CONNECTING: 4,
  SENT: 5,
  NOT_SENT: 6,
  SETUP: 7,
  LOW_BATTERY: 8,
  COUNTDOWN: 9,
  REFUSED: 10,
  SAFE: 11,
} as const);

export interface LedTiming {
  readonly after: "dark" | "lit" | "again" | "base";
  /** How often `show` runs the steps; 0: for ever. */
  readonly rounds: number;
  /** Triples of on (ms), off (ms), repeats. */
  readonly steps: readonly number[];
  /** How long the steps take once, in ms. */
  readonly length: number;
}

/** The times of a `LedPattern`. */
export function ledTiming(pattern: number): LedTiming {
  const timing = LED_TIMINGS[pattern] ?? 0;
  const from = (timing >> 4) & 63;
  const packed = LED_TIMINGS.slice(from, from + (timing >> 10));
  const after = (["dark", "lit", "again", "base"] as const)[timing & 3] ?? "dark";
  const triples = packed.map((step) => [step & 2047, (step >> 11) & 2047, step >> 22] as const);
  const length = triples.reduce((sum, [on, off, repeats]) => sum + (on + off) * repeats, 0);
  return { after, rounds: (timing >> 2) & 3, steps: triples.flat(), length };
}
