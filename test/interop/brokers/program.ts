// A program as an ordinary child process with a folder of its own: started, watched line by line, ended together with
// every process that it has started, also when the tests themselves end early. Knows nothing of brokers.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "../../../host-sim/free-port.js";

/** How long a program may take until it is ready, ms: an Erlang node on a busy computer takes half a minute. */
const readyLimitMs = 120_000;

/** How long it may take to end in good order, ms. */
const endLimitMs = 60_000;

/** Where Debian keeps programs that are not in a user's PATH. */
const folders = ["/usr/sbin", "/usr/local/sbin", "/usr/lib/rabbitmq/bin"];

/** Path of a program; undefined when it is not installed. A path stays what it is. */
export function findProgram(name: string): string | undefined {
  const places = name.startsWith("/") ? [""] : [...(process.env["PATH"] ?? "").split(delimiter), ...folders];
  return places.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** The same, for a program that must be there. */
export function programPath(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

/** What a program prints, both streams. */
export function printed(name: string, ...words: string[]): string {
  const { stdout, stderr } = spawnSync(programPath(name), words, { encoding: "utf8" });
  return `${stdout}${stderr}`;
}

/**
 * Version of an Erlang application, as it says itself; "" when it is not there.
 *
 * @param libraries the folder that it is in.
 */
export function applicationVersion(name: string, libraries: string): string {
  const words =
    `application:load(${name}), {ok, Version} = application:get_key(${name}, vsn), ` +
    'io:format("version ~s~n", [Version]), halt().';
  const text = printed("env", `ERL_LIBS=${libraries}`, programPath("erl"), "-noinput", "-eval", words);
  return /version (\S+)/.exec(text)?.[1] ?? "";
}

/** A text as Erlang's binary of its UTF-8. */
export function erlangBinary(text: string): string {
  return `<<${[...Buffer.from(text)].join()}>>`;
}

/** Ports of 127.0.0.1 that nobody uses, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

export interface ProgramOptions {
  readonly command: string;
  readonly words: readonly string[];
  /** Laid over PATH and LANG: nothing else of the tests' own environment goes in. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The line that says that it is ready. */
  readonly ready: RegExp;
  /** Where it takes connections when it is ready; 0 for none. */
  readonly port: number;
}

/** All that run, so that none outlives the tests. */
const running = new Set<ChildProcess>();

function endAll(): void {
  for (const child of running) signal(child, "SIGKILL");
}

process.on("exit", endAll);
// A signal that ends this process says no "exit".
for (const name of ["SIGTERM", "SIGHUP"] as const) {
  process.once(name, () => {
    endAll();
    process.kill(process.pid, name);
  });
}

/** To the process and all that it has started, which are in a group of their own. */
function signal(child: ChildProcess, name: "SIGTERM" | "SIGKILL"): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    // It has ended in the meantime.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** A new folder for the files of one broker. */
export function newFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `alertbox-${name}-`));
}

export function removeFolder(folder: string): void {
  // What was killed may still be writing a moment ago.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

export class Program {
  readonly log: string[] = [];
  readonly #options: ProgramOptions;
  #process: ChildProcess | undefined;

  constructor(options: ProgramOptions) {
    this.#options = options;
  }

  /** Starts it, and resolves when it has said that it is ready. Rejects with the end of its log when it never does. */
  async start(): Promise<void> {
    const { command, words, environment, ready, port } = this.#options;
    const child = spawn(command, words, {
      detached: true,
      env: { PATH: process.env["PATH"] ?? "", LANG: "C.UTF-8", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    running.add(child);
    child.once("close", () => running.delete(child));
    const end = () => this.log.slice(-20).join("\n");
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        signal(child, "SIGKILL");
        reject(new Error(`${command} was not ready after ${readyLimitMs} ms:\n${end()}`));
      }, readyLimitMs);
      const hear = (line: string): void => {
        this.log.push(line);
        if (ready.test(line)) resolve();
      };
      for (const stream of [child.stdout, child.stderr]) {
        let partial = "";
        stream.setEncoding("utf8").on("data", (text: string) => {
          const lines = (partial + text).split("\n");
          partial = lines.pop() ?? "";
          for (const line of lines) hear(withoutColours(line));
        });
      }
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`${command} ended with ${code}:\n${end()}`)));
      child.once("close", () => clearTimeout(timer));
      const isReady = resolve;
      resolve = () => {
        clearTimeout(timer);
        isReady();
      };
    });
    if (port !== 0 && !(await accepts(port)))
      throw new Error(`${command} is ready but takes no connections:\n${end()}`);
  }

  /**
   * Ends it and all that it has started: with SIGTERM in good order, with SIGKILL at once. Resolves when it is gone.
   * Rejects when it has not ended in good order after a minute.
   */
  async stop(name: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || !running.has(child)) return;
    const gone = once(child, "close");
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      signal(child, "SIGKILL");
    }, endLimitMs);
    signal(child, name);
    await gone;
    clearTimeout(timer);
    if (isLate) throw new Error(`${this.#options.command} has not ended within ${endLimitMs} ms`);
  }
}

function withoutColours(line: string): string {
  const [first = "", ...rest] = line.split(String.fromCharCode(27));
  return first + rest.map((part) => part.replace(/^\[[\d;]*m/, "")).join("");
}
