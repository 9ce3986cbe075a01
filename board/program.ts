// Other programs: where they are, and what they say. The only file here that starts processes which are waited for at
// once or streamed; it does not know what any program is for.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import type { Context } from "./report.js";

type Environment = Readonly<Record<string, string | undefined>>;

export interface Answer {
  /** Exit status; undefined when it could not be started or did not end in time. */
  readonly status: number | undefined;
  /** Error code of a program that could not be started, such as ENOEXEC; "" otherwise. */
  readonly error: string;
  /** stdout and stderr together. */
  readonly output: string;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there or not for us: the next directory is tried.
    return false;
  }
}

/** PATH as Windows spells it, too. */
export function searchPath(env: Environment): string {
  return env["PATH"] ?? env["Path"] ?? "";
}

/** Full path of a program in the directories of PATH; undefined when there is none. */
export function findProgram(name: string, env: Environment, platform: NodeJS.Platform): string | undefined {
  const endings = platform === "win32" ? [".exe", ".cmd", ".bat"] : [""];
  for (const directory of searchPath(env).split(delimiter)) {
    for (const ending of endings) {
      const path = join(directory, name + ending);
      if (directory !== "" && isProgram(path)) return path;
    }
  }
  return undefined;
}

/** Batch files need a shell on Windows, which splits at spaces. */
function shelled(file: string, args: readonly string[]): { file: string; args: string[]; shell: boolean } {
  if (!/\.(cmd|bat)$/i.test(file)) return { file, args: [...args], shell: false };
  const quoted = (text: string) => (/[\s&()^]/.test(text) ? `"${text}"` : text);
  return { file: quoted(file), args: args.map(quoted), shell: true };
}

/** Runs a program to its end, at most ten seconds. Never throws. */
export function ask(file: string, args: readonly string[], env: Environment, cwd?: string): Answer {
  const call = shelled(file, args);
  const result = spawnSync(call.file, call.args, {
    env,
    shell: call.shell,
    encoding: "utf8",
    timeout: 10_000,
    maxBuffer: 1 << 26,
    stdio: ["ignore", "pipe", "pipe"],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const code = (result.error as NodeJS.ErrnoException | undefined)?.code ?? "";
  return { status: result.status ?? undefined, error: code, output: `${result.stdout ?? ""}${result.stderr ?? ""}` };
}

/** Cuts a stream of bytes into lines; a character split between two pieces stays whole. */
export class Lines {
  readonly #decoder = new StringDecoder("utf8");
  readonly #each: (line: string) => void;
  #rest = "";

  constructor(each: (line: string) => void) {
    this.#each = each;
  }

  write(bytes: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(bytes)).split(/\r\n|\n/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#each(line);
  }

  /** What is left without a line end. */
  end(): void {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = "";
    if (rest !== "") this.#each(rest);
  }
}

function killGroup(child: ChildProcess): void {
  try {
    // The whole group: make and the compilers under it must not go on after Ctrl-C.
    if (process.platform !== "win32" && child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
    else child.kill();
  } catch (error) {
    // It ended in the meantime.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * Runs a program and hands over each line that it writes, stdout and stderr in the order of arrival. Ends it, and all
 * that it started, when the context's signal says so.
 */
export function follow(
  context: Context,
  file: string,
  args: readonly string[],
  options: { readonly env: Environment; readonly cwd: string },
  each: (line: string) => void,
): Promise<Answer> {
  return new Promise((resolve) => {
    const call = shelled(file, args);
    const child = spawn(call.file, call.args, {
      env: options.env,
      cwd: options.cwd,
      shell: call.shell,
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32",
    });
    const log: string[] = [];
    const take = (line: string) => {
      log.push(line);
      each(line);
    };
    const streams = [child.stdout, child.stderr].map((stream) => {
      const lines = new Lines(take);
      stream.on("data", (bytes: Buffer) => lines.write(bytes));
      return lines;
    });
    const stop = () => killGroup(child);
    if (context.signal.aborted) stop();
    context.signal.addEventListener("abort", stop, { once: true });
    const finish = (status: number | undefined, error: string) => {
      context.signal.removeEventListener("abort", stop);
      for (const lines of streams) lines.end();
      resolve({ status, error, output: log.join("\n") });
    };
    child.once("error", (error: NodeJS.ErrnoException) => finish(undefined, error.code ?? error.message));
    child.once("close", (status) => finish(status ?? undefined, ""));
  });
}
