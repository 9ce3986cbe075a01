// The threads of the fuzzer: as many as there are cores, each given a range of inputs at a time. Each says which input
// it is at in memory that is shared, so that one that never comes back is found out, and with which input. Knows
// nothing of targets but their names.

import { Worker } from "node:worker_threads";
import type { Finding } from "./target.js";
import type { TargetName } from "./targets.js";

/** Inputs from the first to the one before `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Found {
  readonly index: number;
  /** Hexadecimal. */
  readonly input: string;
  readonly finding: Finding;
}

export interface Answer extends Range {
  /** At most MOST_FOUND. */
  readonly found: readonly Found[];
  /** All that failed. */
  readonly failed: number;
  readonly reached: Readonly<Record<string, number>>;
}

export interface CrewOptions {
  readonly target: TargetName;
  readonly seed: number;
  readonly jobs: number;
  /** A source folder instead of src. */
  readonly source: string | undefined;
  /** How long a thread may be at one input, ms. */
  readonly patienceMs: number;
  /** Aborted: no further ranges are handed out; those that run are finished. */
  readonly signal: AbortSignal;
}

/** What a thread gets when it is started. */
export interface Orders {
  readonly target: TargetName;
  readonly seed: number;
  readonly source: string | undefined;
  /** One number: the index of the present input. */
  readonly place: SharedArrayBuffer;
}

/** A thread begins without a loader for TypeScript: it gets one first. */
const PROGRAM = `import("tsx/esm/api").then(({ register }) => { register(); return import(${JSON.stringify(new URL("worker.ts", import.meta.url).href)}); })`;

/**
 * Tries all ranges and calls `done` after each. An input that a thread does not come back from is a finding of its own;
 * the rest of its range is left out, and another thread goes on.
 * @throws Error when a thread ends before its work is done.
 */
export async function work(
  ranges: Iterable<Range>,
  options: CrewOptions,
  done: (answer: Answer) => void,
): Promise<void> {
  const queue = ranges[Symbol.iterator]();
  const next = (): Range | undefined => {
    if (options.signal.aborted) return undefined;
    const range = queue.next();
    return range.done === true ? undefined : range.value;
  };
  const crew = Array.from({ length: options.jobs }, async () => {
    let range = next();
    while (range !== undefined) range = await employ(range, next, options, done);
  });
  await Promise.all(crew);
}

/** One thread until there is no more work, or until it hangs: then the next range, for another thread. */
function employ(
  first: Range,
  next: () => Range | undefined,
  options: CrewOptions,
  done: (answer: Answer) => void,
): Promise<Range | undefined> {
  const place = new SharedArrayBuffer(4);
  const at = new Int32Array(place);
  const { target, seed, source } = options;
  const worker = new Worker(PROGRAM, { eval: true, workerData: { target, seed, source, place } satisfies Orders });
  return new Promise((resolve, reject) => {
    let range: Range | undefined;
    let seen = -1;
    const watch = setInterval(() => {
      const now = Atomics.load(at, 0);
      if (range === undefined || now !== seen) {
        seen = now;
        return;
      }
      const finding = { rule: "nothing loops", detail: `input ${now} has not ended after ${options.patienceMs} ms` };
      const { from, to } = range;
      done({ from, to, found: [{ index: now, input: "", finding }], failed: 1, reached: {} });
      range = undefined;
      end(next());
    }, options.patienceMs);
    const end = (value: Range | undefined): void => {
      clearInterval(watch);
      worker.removeAllListeners("exit");
      worker.terminate().then(() => resolve(value), reject);
    };
    worker.on("message", (message: "ready" | Answer) => {
      if (message !== "ready") done(message);
      range = message === "ready" ? first : next();
      seen = -1;
      if (range === undefined) end(undefined);
      else worker.postMessage(range);
    });
    worker.on("error", (error) => {
      clearInterval(watch);
      reject(error);
    });
    worker.on("exit", (code) => {
      clearInterval(watch);
      reject(new Error(`a thread of the fuzzer ended with ${code}`));
    });
  });
}
