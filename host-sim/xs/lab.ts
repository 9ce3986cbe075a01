// One lab process: XS with the chip's memory layout, in a program of its own, and the two FIFOs to it. Everything is
// synchronous: a call into the engine returns when the engine has, and the requests that it makes meanwhile are
// answered in between. It knows no module of Moddable and no board.

import { spawn, spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Ended,
  FromLab,
  type Live,
  type Meter,
  nothingReleased,
  Reader,
  type References,
  type Released,
  ToLab,
  Writer,
} from "./messages.js";

/** How the machine of a boot is made: the `creation` of a manifest. Sizes in bytes, slots and bytes of chunks. */
export interface CreationRecord {
  readonly static: number;
  readonly stack: number;
  readonly heap: { readonly initial: number; readonly incremental: number };
  readonly chunk: { readonly initial: number; readonly incremental: number };
  /** Names that firmware may make at run time. */
  readonly keys: { readonly initial: number; readonly incremental: number };
}

/** What answers the engine during a boot. */
export interface Answering extends References {
  /**
   * A call of a native function. What it throws goes on into firmware; `halted` says that it unwinds firmware instead.
   * `fill` answers with bytes for the first argument.
   */
  call(index: number, self: number, values: readonly unknown[]): Answer;
  /** What the process may forget from now on; asked for once before each frame. */
  released(): Released;
  /** What the clock of the table shows; missing or undefined when the table has none. */
  ticks?(): number | undefined;
}

export type Answer =
  | { readonly type: "value"; readonly value: unknown }
  | { readonly type: "fill"; readonly bytes: Uint8Array }
  | { readonly type: "throw"; readonly error: unknown }
  | { readonly type: "halt" };

/** How a call into firmware ended. */
export interface Done {
  /** One of `Ended`. */
  readonly status: number;
  /** Of an exception or an abort. */
  readonly text: string;
  readonly meter: Meter;
  readonly result: unknown;
}

/** A lab process ended when it should not have. */
export class LabDied extends Error {
  /** Exit status of the program; 124 when its time was up. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

export interface LabOptions {
  /** Program and arguments, given the names of the two FIFOs: to the process, and from it. */
  readonly command: (to: string, from: string) => readonly string[];
  /** The process ends by itself after so many seconds; 600 unless given. */
  readonly seconds?: number;
  /** Text of the engine or the harness; to stderr of this process unless given. */
  readonly print?: (text: string) => void;
}

/**
 * Runs the program, and says so when it has ended: a frame of type DIED with the exit status, so that the reader, which
 * blocks, wakes up. `<>` does not wait for a reader.
 */
const launcher =
  'out=$1; seconds=$2; shift 2; timeout -k 5 "$seconds" "$@"; s=$?; [ -p "$out" ] && ' +
  'printf \'\\002\\000\\000\\000\\377%b\' "\\0$(printf %o $s)" 1<>"$out"';

/** The shell may be about to write its last word: a new file, behind the back of whoever empties the folder. */
function remove(directory: string): void {
  for (let tries = 1; ; tries += 1) {
    try {
      rmSync(directory, { recursive: true, force: true });
      return;
    } catch (error) {
      if (tries === 10) throw error;
    }
  }
}

const living = new Set<Lab>();
process.on("exit", () => {
  for (const lab of [...living]) lab.close();
});

export class Lab {
  readonly #directory: string;
  readonly #to: number;
  readonly #from: number;
  readonly #writer = new Writer();
  readonly #print: (text: string) => void;
  #incoming = new Uint8Array(65_536);
  #start = 0;
  #end = 0;
  #busy = false;
  #dead: LabDied | undefined;
  /** What the program said when it was ready. */
  readonly greeting: string;

  /** Starts the process and waits until it is ready. @throws LabDied */
  constructor(options: LabOptions) {
    this.#print = options.print ?? ((text) => process.stderr.write(text));
    this.#directory = mkdtempSync(join(tmpdir(), "alertbox-lab-"));
    const path = (name: string): string => join(this.#directory, name);
    const made = spawnSync("mkfifo", [path("in"), path("out")], { encoding: "utf8" });
    if (made.status !== 0) throw new LabDied(`no FIFOs: ${made.error?.message ?? made.stderr}`, 1);
    // Opened for both directions a FIFO waits for nobody; the process sees its end when this one has gone.
    this.#to = openSync(path("in"), constants.O_RDWR);
    this.#from = openSync(path("out"), constants.O_RDWR);
    const output = openSync(path("output"), "w");
    const seconds = String(options.seconds ?? 600);
    const command = options.command(path("in"), path("out"));
    const child = spawn("sh", ["-c", launcher, "lab", path("out"), seconds, ...command], {
      stdio: ["ignore", output, output],
    });
    child.on("error", () => {});
    child.unref();
    closeSync(output);
    living.add(this);
    this.greeting = this.#await(FromLab.READY, undefined).string();
  }

  get isAlive(): boolean {
    return this.#dead === undefined;
  }

  /** Whether firmware runs in it, or waits for an answer. */
  get isBusy(): boolean {
    return this.#busy;
  }

  /** A fresh machine, in which `main` is imported and its default export called. */
  boot(record: CreationRecord, answering: Answering): Done {
    const { heap, chunk, keys } = record;
    this.#begin(ToLab.BOOT, answering, nothingReleased).u32(record.static).u32(record.stack);
    for (const { initial, incremental } of [heap, chunk, keys]) this.#writer.u32(initial).u32(incremental);
    this.#writer.u8(0);
    return this.#done(answering);
  }

  /** Calls a callback of firmware. */
  invoke(callback: number, self: number, values: readonly unknown[], answering: Answering): Done {
    this.#begin(ToLab.INVOKE, answering).u32(callback).u32(self).u8(values.length);
    for (const value of values) this.#writer.value(value, answering);
    return this.#done(answering);
  }

  /** Calls the abort hook of firmware, if there is one, with the exception that came last. */
  abort(answering: Answering): Done {
    this.#begin(ToLab.ABORT, answering);
    return this.#done(answering);
  }

  /** Collects garbage now. */
  collect(compact: boolean, answering: Answering): Live {
    this.#begin(ToLab.COLLECT, answering).u8(compact ? 1 : 0);
    this.#send();
    return this.#await(FromLab.LIVE, answering).live();
  }

  /** Throws the machine away. */
  end(answering: Answering): void {
    this.#begin(ToLab.END, answering, nothingReleased);
    this.#done(answering);
  }

  /** Ends the process. */
  close(): void {
    if (!living.delete(this)) return;
    this.#dead ??= new LabDied("this lab is closed", 0);
    closeSync(this.#to);
    closeSync(this.#from);
    remove(this.#directory);
  }

  #begin(type: number, answering: Answering, released: Released = answering.released()): Writer {
    if (this.#dead !== undefined) throw this.#dead;
    if (this.#busy) throw new Error("the lab is busy: firmware may not be called from inside a call");
    return this.#writer.begin(type, released, answering.ticks?.());
  }

  #done(answering: Answering): Done {
    this.#send();
    const reader = this.#await(FromLab.DONE, answering);
    const status = reader.u8();
    const text = reader.string();
    const meter = reader.meter();
    return { status, text, meter, result: status === Ended.OK ? reader.value(answering) : undefined };
  }

  /** Answers calls until the frame comes that was waited for. */
  #await(wanted: number, answering: Answering | undefined): Reader {
    this.#busy = true;
    try {
      for (;;) {
        const body = this.#receive();
        const type = body[0] ?? 0;
        const reader = new Reader(body.subarray(1));
        if (type === wanted) return reader;
        if (type === FromLab.CALL && answering !== undefined) this.#answer(reader, answering);
        else if (type === FromLab.PRINT) this.#print(reader.string());
        else if (type === FromLab.DIED) throw this.#died(reader.u8());
        else throw new Error(`the lab sent a frame of type ${type} where ${wanted} was due`);
      }
    } finally {
      this.#busy = false;
    }
  }

  #answer(reader: Reader, answering: Answering): void {
    const index = reader.u16();
    const self = reader.u32();
    const count = reader.u8();
    const values: unknown[] = [];
    for (let each = 0; each < count; each++) values.push(reader.value(answering));
    const answer = answering.call(index, self, values);
    const released = answering.released();
    const ticks = answering.ticks?.();
    const writer = this.#writer;
    switch (answer.type) {
      case "value":
        writer.begin(ToLab.RETURN, released, ticks).value(answer.value, answering);
        break;
      case "fill":
        writer.begin(ToLab.FILL, released, ticks).bytes(answer.bytes);
        break;
      case "throw":
        writer.begin(ToLab.THROW, released, ticks).u8(errorKind(answer.error)).string(errorText(answer.error));
        break;
      case "halt":
        writer.begin(ToLab.HALT, released, ticks);
        break;
    }
    this.#send();
  }

  #send(): void {
    const frame = this.#writer.finish();
    let sent = 0;
    while (sent < frame.byteLength) sent += writeSync(this.#to, frame, sent);
  }

  /** One frame without its length; valid until the next one. */
  #receive(): Uint8Array {
    this.#need(4);
    const length = new DataView(this.#incoming.buffer).getUint32(this.#start, true);
    this.#need(4 + length);
    const body = this.#incoming.subarray(this.#start + 4, this.#start + 4 + length);
    this.#start += 4 + length;
    return body;
  }

  /** Waits until so many bytes are there. */
  #need(count: number): void {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    if (this.#start + count > this.#incoming.byteLength) {
      const incoming = new Uint8Array(Math.max(65_536, 2 * count));
      incoming.set(this.#incoming.subarray(this.#start, this.#end));
      this.#incoming = incoming;
      this.#end -= this.#start;
      this.#start = 0;
    }
    while (this.#end - this.#start < count)
      this.#end += readSync(this.#from, this.#incoming, this.#end, this.#incoming.byteLength - this.#end, null);
  }

  #died(status: number): LabDied {
    const output = readFileSync(join(this.#directory, "output"), "utf8").trimEnd();
    const why = status === 124 ? "its time was up" : `exit status ${status}`;
    this.#dead = new LabDied(`the lab has ended, ${why}${output === "" ? "" : `: ${output}`}`, status);
    this.close();
    return this.#dead;
  }
}

function errorKind(error: unknown): number {
  return error instanceof TypeError ? 1 : error instanceof RangeError ? 2 : 0;
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
