// How the commands for people speak: options, one line per finding, one clear last line, an exit status; never a stack
// trace. Whatever a command needs from the machine comes in a Context, so that a test can be another machine. It knows
// nothing of the SDK or of serial ports.

import { accessSync, constants, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { fileURLToPath } from "node:url";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { explained } from "../host-sim/arguments.js";

/** Exit statuses of every command here; an interrupted one ends with 128 and the signal's number. */
export const Status = Object.freeze({ OK: 0, FAILED: 1, USAGE: 2 } as const);

/** The machine and the person in front of it. */
export interface Context {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly home: string;
  /** The project's folder, which holds manifest.json. */
  readonly root: string;
  /** Where serial ports appear on Linux and macOS. */
  readonly devices: string;
  /** The file of groups on Linux. */
  readonly groups: string;
  readonly user: string;
  /** Whether a device may be read and written. */
  readonly mayOpen: (path: string) => boolean;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** True when a person looks at stdout: colours are welcome. */
  readonly isTerminal: boolean;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Ends a command with one line for the person and a status. */
export class Failure extends Error {
  readonly status: number;

  constructor(message: string, status: number = Status.FAILED) {
    super(message);
    this.status = status;
  }
}

export type Command = (context: Context) => Promise<number>;

export type Finding = "ok" | "missing" | "unknown";

const MARKS = Object.freeze({ ok: "✓", missing: "✗", unknown: "–" } as const);

const COLOURS = Object.freeze({ red: 31, green: 32, yellow: 33, cyan: 36, grey: 90 } as const);

/** `text` in a colour when a person looks at it, else as it is. */
export function coloured(context: Context, colour: keyof typeof COLOURS, text: string): string {
  return context.isTerminal ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
}

/** One line: ✓ found, ✗ missing, – could not be looked at. */
export function findingLine(context: Context, finding: Finding, text: string): string {
  const colour = finding === "ok" ? "green" : finding === "missing" ? "red" : "grey";
  return `${coloured(context, colour, MARKS[finding])} ${text}\n`;
}

/** 720000 as 720,000; the same in every locale. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Columns, the first aligned left and the others right, with two spaces between. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)));
  return rows.map((row) => `  ${line(row).join("  ").trimEnd()}\n`).join("");
}

type OptionKinds = NonNullable<ParseArgsConfig["options"]>;
type Values<T extends OptionKinds> = ReturnType<
  typeof parseArgs<{ args: string[]; strict: true; allowPositionals: false; options: T }>
>["values"];

/**
 * The options of a command line.
 * @throws Failure with status 2 and the options that there are.
 */
export function readOptions<T extends OptionKinds>(args: readonly string[], kinds: T): Values<T> {
  try {
    return parseArgs({ args: [...args], strict: true, allowPositionals: false, options: kinds }).values;
  } catch (error) {
    if (!(error instanceof TypeError) || !("code" in error)) throw error;
    const known = Object.keys(kinds).map((name) => `--${name}`);
    throw new Failure(`${explained(error as Error)}; there are ${known.join(", ")}`, Status.USAGE);
  }
}

/** A whole number in bounds. @throws Failure with status 2. */
export function wholeNumber(name: string, text: string, low: number, high: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  throw new Failure(`--${name} is a whole number from ${low} to ${high}, not ${JSON.stringify(text)}`, Status.USAGE);
}

/** Runs a command to its exit status. Whatever goes wrong becomes one line on stderr. */
export async function run(command: Command, context: Context): Promise<number> {
  try {
    return await command(context);
  } catch (error) {
    if (error instanceof Failure) {
      context.err(`alertbox: ${error.message}\n`);
      return error.status;
    }
    const reason = error instanceof Error ? error.message : String(error);
    context.err(`alertbox: this should not happen, please report it: ${reason}\n`);
    return Status.FAILED;
  }
}

function mayOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    // Whatever the reason, the answer is no; who wants the reason opens the port.
    return false;
  }
}

/** This process as a Context. */
function thisMachine(signal: AbortSignal): Context {
  return {
    args: process.argv.slice(2),
    env: process.env,
    platform: process.platform,
    home: homedir(),
    root: fileURLToPath(new URL("..", import.meta.url)).replace(/[/\\]$/, ""),
    devices: "/dev",
    groups: "/etc/group",
    user: process.env["USER"] ?? process.env["LOGNAME"] ?? "",
    mayOpen,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    isTerminal: process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined,
    signal,
  };
}

/** Runs `command` when the file at `url` is the program that was started, and does nothing when it was imported. */
export function start(url: string, command: Command): void {
  const program = process.argv[1];
  if (program === undefined || realpathSync(program) !== fileURLToPath(url)) return;
  const controller = new AbortController();
  let interrupted = 0;
  const stop = (number: number) => {
    if (interrupted !== 0) process.exit(128 + number);
    interrupted = number;
    controller.abort();
  };
  process.on("SIGINT", () => stop(2));
  process.on("SIGTERM", () => stop(15));
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever read the output has gone, as `| head` does.
    if (error.code === "EPIPE") process.exit(Status.FAILED);
    throw error;
  });
  run(command, thisMachine(controller.signal)).then((status) => {
    process.exitCode = interrupted !== 0 && status === Status.FAILED ? 128 + interrupted : status;
  });
}
