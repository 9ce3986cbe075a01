// The processes of a campaign: as many as there are cores, each given a range of seeds at a time, none idle while there
// is work. Knows how to start and stop them and what goes to and fro, not what a seed is.

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { FaultKind } from "./faults.js";
import type { Finding } from "./judge.js";

/** A range of seeds, both ends included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Order extends Range {
  readonly presses: number;
  readonly faults?: readonly FaultKind[] | undefined;
}

export interface Failure {
  readonly seed: number;
  readonly findings: readonly Finding[];
}

/** How much there was of everything. */
export interface Tally {
  presses: number;
  /** Alerts as the broker passed them on. */
  alerts: number;
  /** Of the boxes' time. */
  hours: number;
  connections: number;
  boots: number;
  /** By kind. */
  faults: Record<string, number>;
}

export interface Answer extends Range {
  readonly failures: Failure[];
  readonly tally: Tally;
}

export interface CrewOptions {
  readonly jobs: number;
  readonly presses: number;
  readonly faults?: readonly FaultKind[] | undefined;
  /** xs32 or lx106: the firmware runs on that engine instead of in Node. */
  readonly engine?: string | undefined;
  /** Aborted: no further ranges are handed out; those that run are finished. */
  readonly signal: AbortSignal;
}

const program = fileURLToPath(new URL("worker.ts", import.meta.url));

/**
 * Works through the ranges; `done` hears of each when it is finished, in any order.
 * @throws Error when a process ends before its work is done.
 */
export async function work(
  ranges: Iterable<Range>,
  options: CrewOptions,
  done: (answer: Answer) => void,
): Promise<void> {
  const queue = ranges[Symbol.iterator]();
  const { jobs, presses, faults, engine, signal } = options;
  const next = (): Order | undefined => {
    if (signal.aborted) return undefined;
    const range = queue.next();
    return range.done === true ? undefined : { ...range.value, presses, faults };
  };
  const crew = Array.from({ length: jobs }, () => employ(engine, next, done));
  try {
    await Promise.all(crew.map(({ finished }) => finished));
  } finally {
    // They end by themselves then, and tidy up what an engine of theirs has left in a folder.
    for (const { child } of crew) if (child.connected) child.disconnect();
    await Promise.all(crew.map(({ ended }) => ended));
  }
}

function employ(
  engine: string | undefined,
  next: () => Order | undefined,
  done: (answer: Answer) => void,
): { child: ChildProcess; finished: Promise<void>; ended: Promise<void> } {
  const child = fork(program, engine === undefined ? [] : [engine], {
    execArgv: ["--import", "tsx/esm"],
    // Ctrl-C goes to the whole group of processes; what runs is to be finished.
    detached: true,
  });
  const finished = new Promise<void>((resolve, reject) => {
    const proceed = (): void => {
      const order = next();
      if (order === undefined) resolve();
      else child.send(order);
    };
    child.on("message", (message: "ready" | Answer) => {
      if (message !== "ready") done(message);
      proceed();
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => reject(new Error(`a process of the campaign ended with ${code ?? signal}`)));
  });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    // It could not even be started.
    child.once("error", () => resolve());
  });
  return { child, finished, ended };
}
