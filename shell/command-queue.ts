// Runs a command for one alert after the other, in the order of their coming. A command that fails is told of and stops
// nothing. Knows neither broker nor files.

import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";

export interface Work {
  /** What to call it when it fails. */
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Called when the command has ended, in whatever way. */
  readonly done: () => void;
}

export interface CommandOptions {
  readonly words: readonly string[];
  /** After so long it is ended by SIGTERM. */
  readonly limitMs: number | undefined;
  /** Where what it prints goes: the program's own output, or with the complaints. */
  readonly isQuiet: boolean;
  readonly say: (text: string) => void;
}

export class CommandQueue {
  readonly #options: CommandOptions;
  readonly #waiting: Work[] = [];
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: CommandOptions) {
    this.#options = options;
  }

  /** Alerts whose command has not begun. */
  get waiting(): number {
    return this.#waiting.length;
  }

  add(work: Work): void {
    this.#waiting.push(work);
    this.#running ??= this.#work();
  }

  /** Begins no further command, and resolves when the one that runs has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #work(): Promise<void> {
    for (;;) {
      const work = this.#isClosed ? undefined : this.#waiting.shift();
      if (work === undefined) break;
      const problem = await this.#run(work);
      if (problem !== undefined) this.#options.say(`${work.name}: ${problem}`);
      work.done();
    }
    this.#running = undefined;
  }

  /** Resolves with what went wrong. */
  #run({ environment }: Work): Promise<string | undefined> {
    const { words, limitMs, isQuiet } = this.#options;
    const [command = "", ...rest] = words;
    return new Promise((resolve) => {
      const failed = ({ code }: NodeJS.ErrnoException) =>
        resolve(code === "ENOENT" ? `there is no command ${command}` : `the command could not run (${code})`);
      let child: ChildProcess;
      try {
        child = spawn(command, rest, {
          env: { ...process.env, ...environment },
          stdio: ["ignore", isQuiet ? 2 : "inherit", "inherit"],
          ...(limitMs === undefined ? {} : { timeout: limitMs }),
        });
      } catch (error) {
        // Some reasons are thrown, an environment that is too large for one.
        failed(error as NodeJS.ErrnoException);
        return;
      }
      child.once("error", failed);
      child.once("exit", (status, signal) => {
        if (signal !== null) resolve(`the command was ended by ${signal} (${128 + constants.signals[signal]})`);
        else resolve(status === 0 ? undefined : `the command has failed with status ${status}`);
      });
    });
  }
}
