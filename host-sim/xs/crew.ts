// Does pieces of a long measurement side by side, each in a process of its own (errand.ts), as many at once as there
// are cores: a piece talks to its engine without waiting for anything else, so one process has one piece. What comes of
// them does not depend on who is first. It knows neither the pieces nor their results.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Failure } from "../../board/report.js";
import type { Progress } from "./progress.js";

/** What a process says, a line of JSON each. */
export type Report =
  /** How far it is. */
  | { readonly type: "at"; readonly text: string }
  | { readonly type: "result"; readonly result: unknown }
  /** Did not get through; `isExpected` when the reason is one for a person, not a mistake of the lab. */
  | { readonly type: "failed"; readonly reason: string; readonly isExpected: boolean };

export interface CrewOptions {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** So many at once; as many as there are cores unless given. */
  readonly hands?: number;
  /** Program and arguments before the name of the file with the errand; errand.ts unless given. */
  readonly command?: readonly string[];
}

const errandCommand = Object.freeze([
  process.execPath,
  "--import",
  import.meta.resolve("tsx/esm"),
  fileURLToPath(new URL("errand.ts", import.meta.url)),
]);

/** A piece that waits for a hand. */
interface Waiting {
  readonly start: () => void;
  readonly reject: (error: Error) => void;
}

export class Crew {
  readonly #options: CrewOptions;
  /** Of this crew alone: errands, and what the processes leave when they are ended. */
  readonly #directory = mkdtempSync(join(tmpdir(), "alertbox-crew-"));
  readonly #waiting: Waiting[] = [];
  readonly #children = new Set<ChildProcess>();
  readonly #end = (): void => this.close();
  #free: number;
  #count = 0;
  #isClosed = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#free = options.hands ?? availableParallelism();
    options.signal.addEventListener("abort", this.#end);
    process.on("exit", this.#end);
  }

  /**
   * Does a piece as soon as a hand is free; the piece that was asked for first begins first.
   * @param title what is said of it when it begins and when it is done.
   * @throws Failure when it did not get through, with the reason.
   */
  do<T>(title: string, errand: object): Promise<T> {
    const result = new Promise<T>((resolve, reject) => {
      const start = (): void => {
        this.#free -= 1;
        this.#run<T>(title, errand)
          .then(resolve, reject)
          .finally(() => this.#next());
      };
      this.#waiting.push({ start, reject });
      if (this.#free > 0) this.#waiting.shift()?.start();
    });
    // Whoever asked for several is told of the first that fails, and need not look at the others.
    result.catch(() => undefined);
    return result;
  }

  /** Ends what still runs, and gives up what waits. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.signal.removeEventListener("abort", this.#end);
    process.removeListener("exit", this.#end);
    for (const child of this.#children) child.kill("SIGKILL");
    for (const { reject } of this.#waiting.splice(0)) reject(new Failure("interrupted"));
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #next(): void {
    this.#free += 1;
    this.#waiting.shift()?.start();
  }

  #run<T>(title: string, errand: object): Promise<T> {
    const { progress, command = errandCommand } = this.#options;
    if (this.#isClosed) return Promise.reject(new Failure("interrupted"));
    const file = join(this.#directory, `${this.#count++}.json`);
    writeFileSync(file, JSON.stringify(errand));
    const [program = "", ...args] = [...command, file];
    const task = progress.begin(title);
    return new Promise((resolve, reject) => {
      const env = { ...process.env, TMPDIR: this.#directory };
      const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env });
      this.#children.add(child);
      let last: Report | undefined;
      createInterface({ input: child.stdout }).on("line", (line) => {
        const report = JSON.parse(line) as Report;
        if (report.type === "at") task.at(report.text);
        else last = report;
      });
      child.on("error", reject);
      child.on("close", (status, signal) => {
        this.#children.delete(child);
        if (last?.type === "result") {
          task.done();
          resolve(last.result as T);
        } else if (this.#isClosed) reject(new Failure("interrupted"));
        else reject(reasonOf(title, last, status ?? signal));
      });
    });
  }
}

function reasonOf(title: string, report: Report | undefined, end: number | string | null): Error {
  if (report?.type !== "failed") return new Error(`${title} ended with ${end} and without a result`);
  return report.isExpected ? new Failure(report.reason) : new Error(report.reason);
}
