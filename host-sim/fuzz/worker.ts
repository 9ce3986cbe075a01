// One of the fuzzer's threads (crew.ts starts them): draws the inputs of a range, tries them, gives back what failed
// and what was reached.

import { parentPort, workerData } from "node:worker_threads";
import type { Answer, Found, Orders, Range } from "./crew.js";
import { loadSources } from "./sources.js";
import { type Target, tryInput } from "./target.js";
import { drawInput, TARGETS } from "./targets.js";

/** Findings of a range that are told; there is no end of them once something is broken. */
const MOST_FOUND = 20;

/** Tries a range of inputs; `at` is told where it is. */
export function tryRange(target: Target, seed: number, { from, to }: Range, at?: (index: number) => void): Answer {
  const before = { ...target.reached };
  const found: Found[] = [];
  let failed = 0;
  for (let index = from; index < to; index += 1) {
    at?.(index);
    const input = drawInput(target, seed, index);
    const finding = tryInput(target, input);
    if (finding === undefined) continue;
    failed += 1;
    if (found.length < MOST_FOUND) found.push({ index, input: Buffer.from(input).toString("hex"), finding });
  }
  const reached: Record<string, number> = {};
  for (const [what, times] of Object.entries(target.reached)) reached[what] = times - (before[what] ?? 0);
  return { from, to, found, failed, reached };
}

async function serve(): Promise<void> {
  const { target: name, seed, source, place } = workerData as Orders;
  const target = TARGETS[name].make(await loadSources(source));
  const at = new Int32Array(place);
  // What is refused by an exception is refused often; who threw it is looked up only when somebody asks.
  Error.stackTraceLimit = 2;
  parentPort?.on("message", (range: Range) => {
    parentPort?.postMessage(tryRange(target, seed, range, (index) => void Atomics.store(at, 0, index)));
  });
  parentPort?.postMessage("ready");
}

if (parentPort !== null && (workerData as Partial<Orders> | null)?.place !== undefined) await serve();
