// One test file on one engine: bundled, compiled to bytecode, run in a process of its own with a limit of time, and
// what it told put together. A crash of the engine, an endless loop and a test that never settles end as failures with
// the file's and the test's name; nothing here throws because of a test.

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../engine.js";
import { bundleTest } from "./bundle.js";
import { effortOf } from "./effort.js";
import type { RunEvent } from "./image/runner.js";

/** What is the same for all files of one run. */
export interface RunOptions {
  readonly root: string;
  /** Where scripts and bytecode go. */
  readonly directory: string;
  readonly grep: string | undefined;
  /** Nothing shortened or left out because it takes long. */
  readonly isFull: boolean;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

export interface Failed {
  readonly title: string;
  readonly message: string;
  readonly stack: string;
}

export interface Outcome {
  readonly file: string;
  readonly engine: Engine;
  readonly passed: number;
  readonly failed: readonly Failed[];
  readonly skipped: readonly string[];
  /** How many tests were not run, by the reason that they give. */
  readonly leftOut: ReadonlyMap<string, number>;
  /** Passed tests with fewer rounds than in Node. */
  readonly shortened: number;
  readonly seconds: number;
}

/** What a process said and how it ended. */
interface Ended {
  readonly output: string;
  /** Undefined: it was ended by a signal. */
  readonly status: number | undefined;
  readonly signal: string;
  readonly isLate: boolean;
}

/** As much of what is no event as a message shows. */
const REMARKS = 1000;

/** Runs one file. */
export async function runFile(file: string, engine: Engine, options: RunOptions): Promise<Outcome> {
  const startedAt = performance.now();
  const story = new Story(file, engine, options);
  try {
    const image = await compile(file, engine, options);
    story.hear(await execute(engine.command(["unit", image]), options));
  } catch (error) {
    story.fail("the file itself", error instanceof Error ? error.message : String(error));
  }
  return story.outcome((performance.now() - startedAt) / 1000);
}

/** @throws Error with the words of who could not do it. */
async function compile(file: string, engine: Engine, options: RunOptions): Promise<string> {
  const script = await bundleTest(file, {
    root: options.root,
    grep: options.grep,
    effort: effortOf(engine.name, options.isFull),
  });
  const path = join(options.directory, `${engine.name}-${file.replaceAll(/[/,]/g, "-")}`);
  writeFileSync(`${path}.js`, script);
  writeFileSync(`${path}.list`, `main\t${path}.js\t0\n`);
  const { output, status } = await execute([engine.compiler, "compile", `${path}.list`, `${path}.image`], options);
  if (status !== 0) throw new Error(`does not compile: ${output.trim() || `status ${status}`}`);
  return `${path}.image`;
}

/** Runs a program to its end. */
function execute(command: readonly string[], { timeoutSeconds, signal }: RunOptions): Promise<Ended> {
  const [program, ...args] = command as [string, ...string[]];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let isLate = false;
    const end = () => child.kill("SIGKILL");
    const timer = setTimeout(() => {
      isLate = true;
      end();
    }, timeoutSeconds * 1000);
    if (signal.aborted) end();
    signal.addEventListener("abort", end);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", reject);
    child.on("close", (status, name) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve({ output, status: status ?? undefined, signal: name ?? "", isLate });
    });
  });
}

/** Makes an outcome of what a process told. */
class Story {
  readonly #file: string;
  readonly #engine: Engine;
  readonly #options: RunOptions;
  readonly #failed: Failed[] = [];
  readonly #skipped: string[] = [];
  readonly #leftOut = new Map<string, number>();
  #passed = 0;
  #shortened = 0;
  /** The test that has begun and not ended. */
  #title = "";
  #hasEnded = false;
  #remarks = "";

  constructor(file: string, engine: Engine, options: RunOptions) {
    this.#file = file;
    this.#engine = engine;
    this.#options = options;
  }

  fail(title: string, message: string, stack = ""): void {
    this.#failed.push({ title, message, stack });
  }

  hear({ output, status, signal, isLate }: Ended): void {
    for (const line of output.split("\n")) {
      const event = eventOf(line);
      if (event === undefined) this.#remarks += line === "" ? "" : `${line}\n`;
      else this.#take(event);
    }
    const where = this.#title === "" ? "outside of any test" : this.#title;
    const remarks = this.#remarks.trim().slice(-REMARKS);
    if (isLate) this.fail(where, `not finished after ${this.#options.timeoutSeconds} s: an endless loop?`);
    else if (status !== 0) this.fail(where, `the engine ended with ${status ?? signal}${remarks && `: ${remarks}`}`);
    else if (!this.#hasEnded)
      this.fail(where, `never settled: its promise has nothing left to wait for${remarks && `: ${remarks}`}`);
    else this.#check();
  }

  outcome(seconds: number): Outcome {
    return {
      file: this.#file,
      engine: this.#engine,
      passed: this.#passed,
      failed: this.#failed,
      skipped: this.#skipped,
      leftOut: this.#leftOut,
      shortened: this.#shortened,
      seconds,
    };
  }

  #take(event: RunEvent): void {
    switch (event.event) {
      case "begin":
        this.#title = event.title.join(" › ");
        return;
      case "passed":
        this.#passed += 1;
        if (event.isShort) this.#shortened += 1;
        break;
      case "skipped":
        this.#skipped.push(this.#title);
        break;
      case "left out":
        this.#leftOut.set(event.why, (this.#leftOut.get(event.why) ?? 0) + 1);
        break;
      case "failed":
        this.fail(this.#title, event.message, framesOf(event.stack));
        break;
      case "end":
        this.#hasEnded = true;
        break;
    }
    this.#title = "";
  }

  /** A file without tests is a mistake of ours. */
  #check(): void {
    if (this.#options.grep !== undefined) return;
    if (this.#passed + this.#failed.length + this.#skipped.length + this.#leftOut.size === 0) {
      this.fail("the file itself", "defines no test");
    }
  }
}

/** Frames of the runner, and those without a name. */
const runnerFrames = /^ at (call|runTest|runSuite|runHooks|run)? ?\(\)$/;

/** Frames of an assertion, between the error and who asserts. */
const assertionFrames =
  /^ at (AssertionError|#\w+|ok|equal|notEqual|deepEqual|notDeepEqual|match|doesNotMatch|fail|throws)? ?\(\)$/;

/** The frames of a stack that say something about the test. */
function framesOf(stack: string): string {
  const lines = stack.split("\n").filter((line) => line !== "");
  // The place is there when an assertion failed.
  if (lines[0]?.startsWith(" at test/")) while (assertionFrames.test(lines[1] ?? "")) lines.splice(1, 1);
  const telling = lines.filter((line) => !runnerFrames.test(line));
  return telling.map((line) => `\n ${line.replace(/ \(\)$/, "")}`).join("");
}

/** The event of a line; undefined when it is something else, as what an engine says when it crashes. */
function eventOf(line: string): RunEvent | undefined {
  if (!line.startsWith('{"event":')) return undefined;
  try {
    return JSON.parse(line) as RunEvent;
  } catch {
    // The engine died while it wrote; what there is belongs to the remarks.
    return undefined;
  }
}
