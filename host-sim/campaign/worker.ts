// One of the processes that run seeds for the campaign (crew.ts starts them): takes ranges of seeds, gives back what
// was wrong and how much there was of everything. A seed that throws is a finding as well.

import "../globals.js";
import { useImage } from "../image.js";
import type { Answer, Order, Tally } from "./crew.js";
import { type Finding, judge } from "./judge.js";
import { drawPlan, type Plan } from "./plan.js";
import { runPlan } from "./run.js";

/** Runs a plan and judges it; `count` gets what there was of it. */
export function tryPlan(plan: Plan, tally?: Tally): Finding[] {
  try {
    const run = runPlan(plan);
    const findings = judge(run);
    if (tally !== undefined) {
      tally.presses += run.causes;
      tally.alerts += run.world.broker.messages("+/+/+/alert").length;
      tally.hours += run.world.now / 3_600_000;
      tally.connections += run.world.broker.connects.length;
      tally.boots += run.world.board.boots;
      for (const { kind } of plan.faults) tally.faults[kind] = (tally.faults[kind] ?? 0) + 1;
    }
    run.world.close();
    return findings;
  } catch (error) {
    return [{ rule: "the run ends", detail: error instanceof Error ? (error.stack ?? error.message) : String(error) }];
  }
}

async function serve(): Promise<void> {
  const engine = process.argv[2];
  if (engine !== undefined) {
    const { engineImage } = await import("../xs/engines.js");
    useImage(await engineImage(engine, (text) => process.stderr.write(text)));
  }
  process.on("message", ({ from, to, presses, faults }: Order) => {
    const tally: Tally = { presses: 0, alerts: 0, hours: 0, connections: 0, boots: 0, faults: {} };
    const failures: Answer["failures"] = [];
    for (let seed = from; seed <= to; seed++) {
      const findings = tryPlan(drawPlan(seed, { presses, faults }), tally);
      if (findings.length > 0) failures.push({ seed, findings });
    }
    process.send?.({ from, to, failures, tally } satisfies Answer);
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.("ready");
}

if (process.send !== undefined && process.argv[1]?.endsWith("worker.ts") === true) await serve();
