// The LED's table as people read it. The firmware keeps it in numbers, because each property takes flash.

import { LED_TIMINGS } from "../../src/alertbox/led.js";

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
