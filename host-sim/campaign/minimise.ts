// Makes a failing plan small: leaves out faults and presses, then makes what is left simple, as long as the same rule
// stays broken. What comes out is a regression that a person can read. Knows plans; whether one fails is told to it.

import type { Change, Fault, Plan, Press } from "./plan.js";

/** Whether a plan still fails in the same way. */
export type Fails = (plan: Plan) => boolean;

/** The smallest plan found that still fails. `plan` itself must. */
export function minimise(plan: Plan, fails: Fails): Plan {
  let best = plan;
  for (;;) {
    const before = JSON.stringify(best);
    best = withFewer(best, "faults", fails);
    best = withFewer(best, "presses", fails);
    best = withFewer(best, "changes", fails);
    for (const simpler of SIMPLER) {
      const simple = simpler(best);
      if (fails(simple)) best = simple;
    }
    if (JSON.stringify(best) === before) return best;
  }
}

/** Leaves out ever smaller parts of a list: halves first, single members at the end. */
function withFewer(plan: Plan, list: "faults" | "presses" | "changes", fails: Fails): Plan {
  let best = plan;
  for (let size = Math.ceil(best[list].length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < best[list].length; ) {
      const left = (best[list] as readonly (Fault | Press | Change)[]).filter((_, i) => i < from || i >= from + size);
      const fewer = { ...best, [list]: left };
      if (fails(fewer)) best = fewer;
      else from += size;
    }
  }
  return best;
}

/** Each makes a plan simpler in one way. */
const SIMPLER: readonly ((plan: Plan) => Plan)[] = Object.freeze([
  (plan) => ({ ...plan, stored: 0 }),
  (plan) => ({ ...plan, spent: 0 }),
  (plan) => ({ ...plan, ticksAtBoot: 0 }),
  (plan) => ({ ...plan, quiet: false, double: false }),
  (plan) => ({ ...plan, full: "reject" }),
  (plan) => ({ ...plan, latencyMs: 5 }),
  (plan) => ({ ...plan, keepAliveSeconds: 60 }),
  (plan) => ({ ...plan, convention: "home-assistant" }),
  (plan) => ({ ...plan, presses: plan.presses.map((press) => ({ ...press, holdMs: 110, bounceMs: 0 })) }),
  (plan) => ({ ...plan, faults: plan.faults.map((fault) => ({ ...fault, forMs: inSeconds(fault.forMs) })) }),
  (plan) => {
    const last = Math.max(
      0,
      ...plan.presses.map(({ at }) => at),
      ...plan.faults.map(({ at, forMs }) => at + forMs),
      ...plan.changes.map(({ at }) => at),
    );
    return { ...plan, lastsMs: Math.min(plan.lastsMs, inSeconds(last + 1) + 10_000) };
  },
] satisfies ((plan: Plan) => Plan)[]);

function inSeconds(ms: number): number {
  return Math.ceil(ms / 1000) * 1000;
}
