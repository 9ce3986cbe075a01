// Runs the bench, or another program of this project, as a user does, as a process of its own, and lets a test wait for
// what it writes.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isWithin } from "../../host-sim/patience.js";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));

/** Before the watchdog of the tests bites, ms: what was written until then says more than that nothing came. */
const PATIENCE_MS = 240_000;

const BENCH: readonly string[] = Object.freeze([process.execPath, "--import", "tsx/esm", "host-sim/cli.ts"]);

export class Command {
  readonly child: ChildProcess;
  /** Everything written so far. */
  output = "";
  errors = "";
  readonly #ended: Promise<number | null>;
  readonly #readers = new Set<() => void>();
  #isOver = false;

  /** `program`: what stands before the arguments. */
  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}, program = BENCH) {
    const [file = "", ...words] = program;
    this.child = spawn(file, [...words, ...args], {
      cwd: PROJECT,
      env: { ...process.env, ...environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.output += text;
      this.#wakeReaders();
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.errors += text;
      this.#wakeReaders();
    });
    // A test that ends the process while it types into it is no error.
    this.child.stdin?.on("error", () => undefined);
    this.#ended = once(this.child, "close").then(([code]) => {
      this.#isOver = true;
      this.#wakeReaders();
      return code as number | null;
    });
  }

  /** The exit status. */
  get ended(): Promise<number | null> {
    return this.#patiently(this.#ended, "it has not ended");
  }

  /** Resolves with the match as soon as the output has one; fails when the process ends before. */
  wrote(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#found(pattern, () => this.output);
  }

  /** The same of what goes to stderr. */
  complained(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#found(pattern, () => this.errors);
  }

  async #found(pattern: RegExp, text: () => string): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(text());
      if (match !== null) return match;
      if (this.#isOver) assert.fail(`ended without ${pattern}:\n${this.output}\n${this.errors}`);
      const more = new Promise<void>((resolve) => this.#readers.add(resolve));
      await this.#patiently(more, `there is no more, and no ${pattern}`);
    }
  }

  async #patiently<T>(wanted: Promise<T>, without: string): Promise<T> {
    if (await isWithin(PATIENCE_MS, wanted)) return wanted;
    throw new Error(`after four minutes ${without}:\n${this.output}\n${this.errors}`);
  }

  #wakeReaders(): void {
    for (const read of [...this.#readers]) read();
    this.#readers.clear();
  }

  type(keys: string): void {
    this.child.stdin?.write(keys);
  }

  /** The output of a `--json` run, one object per line. */
  get objects(): Record<string, unknown>[] {
    return this.output
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Ends it whatever it does, for the end of a test. */
  async kill(): Promise<void> {
    if (!this.#isOver) this.child.kill("SIGKILL");
    await this.#ended;
  }
}
