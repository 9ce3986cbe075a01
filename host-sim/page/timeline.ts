// A press as rows of a waterfall, and what is usual over several presses. Arithmetic on views; nothing is shown here.

import { type PressView, STEPS, type StepName } from "./details.js";

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

/** The nearest-rank quantile of a list, which need not be sorted; undefined of an empty one. */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
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
      p50: quantile(times, 0.5),
      p90: quantile(times, 0.9),
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
