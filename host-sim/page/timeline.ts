// A press as rows of a waterfall, and what is usual over several presses. Arithmetic on views; nothing is shown here.

import { type PressView, STEPS, type StepName } from "./details.js";
import { percentile } from "./percentile.js";

/** What a step belongs to, for its colour. */
export type Phase = "chip" | "network" | "delivery" | "after";

const PHASES: Readonly<Record<StepName, Phase>> = Object.freeze({
  pressed: "chip",
  reset: "chip",
  boot: "chip",
  stored: "chip",
  wifi: "network",
  address: "network",
  tcp: "network",
  connack: "delivery",
  publish: "delivery",
  pubrec: "delivery",
  pubcomp: "delivery",
  arrived: "after",
  asleep: "after",
});

export interface StepRow {
  readonly step: StepName;
  readonly phase: Phase;
  /** Milliseconds after the press; undefined when the step has not happened. */
  readonly at: number | undefined;
  /** When the step before it, in time, happened: there its bar begins. */
  readonly from: number;
  /** The step before it in time; undefined for the first. */
  readonly before: StepName | undefined;
  /** Half and nine tenths of the presses had it until then; undefined when none had it. */
  readonly p50: number | undefined;
  readonly p90: number | undefined;
}

/** Every step in the order in which they normally come, happened or not: the rows of one press never move. */
export function rowsOf(press: PressView, usual: readonly PressView[]): readonly StepRow[] {
  const happened = STEPS.filter((step) => press.steps[step] !== undefined);
  happened.sort((a, b) => (press.steps[a] ?? 0) - (press.steps[b] ?? 0));
  return STEPS.map((step) => {
    const at = press.steps[step];
    const before = at === undefined ? undefined : happened[happened.indexOf(step) - 1];
    const times = usual.map(({ steps }) => steps[step]).filter((time) => time !== undefined);
    return {
      step,
      phase: PHASES[step],
      at,
      from: before === undefined ? Math.min(0, at ?? 0) : (press.steps[before] ?? 0),
      before,
      p50: percentile(times, 50),
      p90: percentile(times, 90),
    };
  });
}

/** First and last millisecond of a press, counted from the press itself; at least one millisecond apart. */
export function spanOf({ steps }: PressView): readonly [first: number, last: number] {
  const times = Object.values(steps);
  const first = Math.min(0, ...times);
  return [first, Math.max(first + 1, ...times)];
}

/** How long a press took to be delivered; undefined when it is not. */
export function deliveredAfter({ steps, outcome }: PressView): number | undefined {
  return outcome === "delivered" ? steps.pubcomp : undefined;
}
