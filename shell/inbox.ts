// Which alerts have come, by id, and which of them are still to be handled. With a file it remembers over restarts and
// power cuts: an alert is written there, and on the disk, before the broker is told that it has arrived. Knows neither
// broker nor command.

import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { Failure } from "./failure.js";

/** So many ids are kept: those of the last alerts. A box repeats one within minutes, or when its broker comes back. */
const IDS_KEPT = 10_000;
/** The file is written anew when it has so many lines for each id that is kept. */
const LINES_PER_ID = 4;

export interface Held {
  readonly id: string;
  readonly topic: string;
  readonly payload: string;
}

/** A line of the file: an alert that came, an id that is handled. */
type Line = Held | { readonly done: string };

/** The file of a session. */
export function sessionFile(name: string, environment: NodeJS.ProcessEnv): string {
  const folder = environment["XDG_STATE_HOME"] || join(environment["HOME"] || homedir(), ".local/state");
  return join(folder, "alertbox", `${name}.jsonl`);
}

export class Inbox {
  /** Ids that have come; false: not handled yet. In the order of their coming. */
  readonly #ids = new Map<string, boolean>();
  readonly #held = new Map<string, Held>();
  readonly #path: string | undefined;
  /** There was a run before this one. */
  isOld = false;
  #file: number | undefined;
  #lines = 0;
  readonly #idsKept: number;

  private constructor(path: string | undefined, idsKept: number) {
    this.#path = path;
    this.#idsKept = idsKept;
  }

  /**
   * An inbox in memory, or with a file, for this process alone.
   *
   * @throws Failure when the file cannot be used, or another process uses it.
   */
  static open(path?: string, idsKept = IDS_KEPT): Inbox {
    const inbox = new Inbox(path, idsKept);
    if (path !== undefined) {
      try {
        inbox.#load(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === undefined) throw error;
        throw unusable(path, error as NodeJS.ErrnoException);
      }
    }
    return inbox;
  }

  /** Removes what a session has remembered. */
  static forget(path: string): void {
    lock(path);
    for (const name of [path, `${path}.lock`]) rmSync(name, { force: true });
  }

  /** Alerts that came earlier and were not handled, the oldest first. */
  get waiting(): readonly Held[] {
    return [...this.#held.values()];
  }

  /** Takes an alert in; false when one with that id has come before. It is on the disk when this returns. */
  take(held: Held): boolean {
    if (this.#ids.has(held.id)) return false;
    this.#ids.set(held.id, false);
    this.#prune();
    if (this.#path !== undefined) this.#held.set(held.id, held);
    this.#write(held, true);
    return true;
  }

  /**
   * The alert is handled: it will not be again, but after a power cut within moments. The disk is not waited for: it
   * takes this with the next alert, and waiting costs as long as the alert did.
   */
  done(id: string): void {
    this.#ids.set(id, true);
    this.#held.delete(id);
    this.#write({ done: id }, false);
  }

  close(): void {
    if (this.#file === undefined || this.#path === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
    rmSync(`${this.#path}.lock`, { force: true });
  }

  #write(line: Line, isUrgent: boolean): void {
    if (this.#file === undefined) return;
    try {
      // All of it, or an error: a disk that is nearly full may take a part.
      writeFileSync(this.#file, `${JSON.stringify(line)}\n`);
      if (isUrgent) fsyncSync(this.#file);
      this.#lines += 1;
      if (this.#path !== undefined && this.#lines > LINES_PER_ID * this.#idsKept) this.#rewrite(this.#path);
    } catch (error) {
      // The broker must not hear that it has come.
      throw unusable(this.#path, error as NodeJS.ErrnoException);
    }
  }

  /** Forgets the oldest ids that are handled. */
  #prune(): void {
    for (const [id, isHandled] of this.#ids) {
      if (this.#ids.size <= this.#idsKept) return;
      if (isHandled) this.#ids.delete(id);
    }
  }

  #load(path: string): void {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    lock(path);
    this.isOld = existsSync(path);
    for (const line of linesOf(path)) {
      if ("done" in line) {
        this.#ids.set(line.done, true);
        this.#held.delete(line.done);
      } else {
        this.#ids.set(line.id, false);
        this.#held.set(line.id, line);
      }
    }
    this.#rewrite(path);
  }

  /** Writes the file without what is too old, and puts it in place at once. */
  #rewrite(path: string): void {
    this.#prune();
    const lines: Line[] = [];
    for (const [id, isHandled] of this.#ids) if (isHandled) lines.push({ done: id });
    lines.push(...this.#held.values());
    const file = openSync(`${path}.new`, "w", 0o600);
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    fsyncSync(file);
    closeSync(file);
    renameSync(`${path}.new`, path);
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = openSync(path, "a", 0o600);
    this.#lines = lines.length;
  }
}

function linesOf(path: string): Line[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const lines: Line[] = [];
  for (const line of text.split("\n")) {
    try {
      if (line !== "") lines.push(JSON.parse(line) as Line);
    } catch {
      // Torn by a power cut: the broker was not told that it had come, and sends it again.
    }
  }
  return lines;
}

function unusable(path: string | undefined, { code, message }: NodeJS.ErrnoException): Failure {
  return new Failure(`${path}: the session's memory cannot be used (${code}); ${message}`, { isFinal: true });
}

/** Makes the file this process's; that of a process that has ended is taken over. */
function lock(path: string): void {
  const name = `${path}.lock`;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const file = openSync(name, "wx", 0o600);
      writeFileSync(file, `${process.pid} ${birthOf(process.pid)}`);
      closeSync(file);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt > 0) throw error;
      const [pid = "", ...birth] = readFileSync(name, "utf8").split(" ");
      const owner = Number(pid);
      // After a restart of the computer another program may have that number.
      if (isAlive(owner) && birthOf(owner) === birth.join(" ")) {
        throw new Failure(`process ${owner} uses this session already. End it, or give another --session name`, {
          isFinal: true,
        });
      }
      rmSync(name, { force: true });
    }
  }
}

/** When a process was started, as far as the system tells, in whatever form. */
function birthOf(pid: number): string {
  try {
    // Field 22, counted from behind the name, which may hold spaces; and which run of the kernel it counts from.
    const start = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ")[19];
    return `${start} ${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()}`;
  } catch {
    return spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).stdout?.trim() ?? "";
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
