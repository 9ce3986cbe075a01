// One boot in a lab, seen from the simulator: which object is behind which number, which callback belongs to what, and
// what the engine may forget because it has ended. The engine keeps instances and callbacks of native classes alive as
// the chip's C code does (xsRemember), so someone must say when that ends: here. It knows the few modules whose objects
// end by something else than `close`.

import { Halted } from "../host.js";
import type { NativeFunction, NativeLine, Natives } from "./classes.js";
import type { Answer, Answering, Done, Lab } from "./lab.js";
import { Ended, type Live, type Meter, noClass, type Released } from "./messages.js";

/** One turn of firmware, measured. */
export interface Turn {
  /** What called it: `boot`, or module and callback, such as `embedded:io/socket/tcp onReadable`. */
  readonly name: string;
  readonly meter: Meter;
  /** Native functions that it called, such as `flash write`. */
  readonly natives: readonly string[];
}

/** An exception left firmware. */
export class FirmwareError extends Error {
  constructor(text: string) {
    super(text);
    this.name = "FirmwareError";
    // Where in the simulator it surfaced tells nobody anything.
    this.stack = text;
  }
}

/** The engine gave up: stack overflow, memory full. The machine is gone. */
export class FirmwareAborted extends FirmwareError {
  constructor(text: string) {
    super(`XS gave up: ${text}`);
    this.name = "FirmwareAborted";
  }
}

interface Callback {
  readonly id: number;
  name: string;
  /** Forgotten after it was called: it belongs to no object. */
  once: boolean;
}

/** Numbers of objects that the simulator makes start here; below are those of the engine. */
const firstOwnHandle = 0x80000000;

/** So many ended objects are still known, for those who close them once more. */
const keptEnded = 1_000;

export class Remote implements Answering {
  readonly #lab: Lab;
  readonly #natives: Natives;
  readonly #clock: NativeFunction | undefined;
  readonly #objects = new Map<number, object>();
  readonly #handles = new Map<object, { handle: number; line: number }>();
  readonly #ended = new Set<number>();
  readonly #callbacks = new Map<unknown, Callback>();
  /** Callbacks that came with the call that is being answered. */
  #fresh: Callback[] = [];
  /** Callbacks that a setter has set, by object and line. */
  readonly #set = new Map<string, number>();
  /** Repeat intervals of timers, as timer.ts keeps them. */
  readonly #timers = new Map<object, number>();
  #released: { objects: number[]; callbacks: number[] } = { objects: [], callbacks: [] };
  #nextHandle = firstOwnHandle;
  #called: string[] = [];
  #isOver = false;
  /** Told of each turn. */
  onTurn: ((turn: Turn) => void) | undefined;

  constructor(lab: Lab, natives: Natives) {
    this.#lab = lab;
    this.#natives = natives;
    this.#clock = natives.functions[natives.lines.findIndex(({ kind }) => kind === "clock")];
  }

  /** Nothing of this boot runs any more; its lab may be another's. */
  over(): void {
    this.#isOver = true;
  }

  get lab(): Lab {
    return this.#lab;
  }

  /** Runs the first turn. @throws FirmwareError or Halted, as every turn. */
  boot(done: (answering: Answering) => Done): void {
    this.#turn("boot", () => done(this));
  }

  /** What lives after a collection now. Between turns only. */
  collect(compact = true): Live {
    return this.#lab.collect(compact, this);
  }

  /** The abort hook of firmware. Gives what it returned. */
  abort(): unknown {
    const done = this.#lab.abort(this);
    if (done.status === Ended.HALTED) throw new Halted();
    return done.status === Ended.OK ? done.result : undefined;
  }

  // What the engine asks.

  call(index: number, self: number, values: readonly unknown[]): Answer {
    const line = this.#natives.lines[index];
    const run = this.#natives.functions[index];
    const fresh = this.#fresh;
    this.#fresh = [];
    if (line === undefined || run === undefined) throw new Error(`the lab called the unknown native ${index}`);
    this.#called.push(`${line.specifier} ${line.member === "" ? "new" : line.member}`);
    this.#nameCallbacks(line, fresh, values);
    try {
      const result = line.kind === "constructor" ? run(undefined, values) : run(this.#selfOf(line, self), values);
      this.#follow(line, index, self, values, result, fresh);
      const into = values[0];
      if (line.member === "read" && into instanceof ArrayBuffer && typeof result === "number") {
        return { type: "fill", bytes: new Uint8Array(into, 0, result) };
      }
      return { type: "value", value: line.kind === "constructor" ? undefined : result };
    } catch (error) {
      return error instanceof Halted ? { type: "halt" } : { type: "throw", error };
    }
  }

  object(handle: number): object {
    const object = this.#objects.get(handle);
    if (object === undefined) throw new TypeError(`object ${handle} has ended long ago`);
    return object;
  }

  native(index: number): unknown {
    return (
      this.#natives.classes[index] ?? ((...values: unknown[]) => this.#natives.functions[index]?.(undefined, values))
    );
  }

  callback(id: number): (...values: unknown[]) => unknown {
    const remote = this;
    const callback: Callback = { id, name: "", once: false };
    const proxy = function (this: unknown, ...values: unknown[]): unknown {
      return remote.#invoke(callback, this, values);
    };
    this.#fresh.push(callback);
    this.#callbacks.set(proxy, callback);
    return proxy;
  }

  reference(object: object): { handle: number; line: number } | undefined {
    const known = this.#handles.get(object);
    if (known !== undefined) return known;
    if (Object.getPrototypeOf(object) === Object.prototype) return undefined;
    const handle = this.#nextHandle;
    this.#nextHandle += 1;
    return this.#know(handle, object);
  }

  released(): Released {
    const released = this.#released;
    this.#released = { objects: [], callbacks: [] };
    return released;
  }

  ticks(): number | undefined {
    if (this.#clock === undefined) return undefined;
    try {
      return this.#clock(undefined, []) as number;
    } catch {
      // The boot has ended; its firmware comes no further than its next call.
      return 0;
    }
  }

  #selfOf(line: NativeLine, self: number): object | undefined {
    const isStatic = line.kind === "function" || line.kind === "clock" || line.kind.startsWith("static");
    return isStatic ? undefined : this.object(self);
  }

  #know(handle: number, object: object): { handle: number; line: number } {
    const line = this.#natives.classes.indexOf(object.constructor);
    const known = { handle, line: line < 0 || object.constructor === undefined ? noClass : line };
    this.#objects.set(handle, object);
    this.#handles.set(object, known);
    return known;
  }

  // What calls firmware.

  #invoke(callback: Callback, self: unknown, values: readonly unknown[]): unknown {
    if (this.#isOver) throw new Halted();
    const handle = typeof self === "object" && self !== null ? this.#handles.get(self)?.handle : undefined;
    try {
      return this.#turn(callback.name, () => this.#lab.invoke(callback.id, handle ?? 0, values, this));
    } finally {
      // WiFi.scan calls back until there is no more (null).
      if (callback.once && !(values.length === 1 && typeof values[0] === "object" && values[0] !== null)) {
        this.#released.callbacks.push(callback.id);
      }
      const timer = values[0] as object;
      if (this.#timers.get(timer) === 0) this.#end(timer);
    }
  }

  #turn(name: string, run: () => Done): unknown {
    this.#called = [];
    const done = run();
    this.onTurn?.({ name, meter: done.meter, natives: this.#called });
    switch (done.status) {
      case Ended.OK:
        return done.result;
      case Ended.HALTED:
        throw new Halted();
      case Ended.ABORTED:
        throw new FirmwareAborted(done.text);
      default:
        throw new FirmwareError(done.text);
    }
  }

  // Who belongs to whom, and what ends when.

  #nameCallbacks(line: NativeLine, fresh: readonly Callback[], values: readonly unknown[]): void {
    if (fresh.length === 0) return;
    for (const callback of fresh) callback.name = `${line.specifier} ${line.member}`.trimEnd();
    for (const value of values) {
      if (typeof value !== "object" || value === null) continue;
      for (const [key, option] of Object.entries(value)) {
        const callback = this.#callbacks.get(option);
        if (callback !== undefined) callback.name = `${line.specifier} ${key}`;
      }
    }
    this.#callbacks.clear();
  }

  #follow(
    line: NativeLine,
    index: number,
    self: number,
    values: readonly unknown[],
    result: unknown,
    fresh: readonly Callback[],
  ): void {
    switch (line.kind) {
      case "constructor": {
        this.#know(self, result as object);
        // The new socket has taken over what the old one had.
        const from = (values[0] as { from?: unknown } | undefined)?.from;
        if (typeof from === "object" && from !== null) this.#end(from);
        return;
      }
      case "setter":
        this.#replace(self, index, fresh);
        return;
      case "method":
        if (line.member === "close") this.#end(this.object(self));
        return;
      case "function":
        if (line.specifier === "timer") this.#followTimer(line.member, values, result);
        else for (const callback of fresh) callback.once = true;
        return;
    }
  }

  #replace(self: number, index: number, fresh: readonly Callback[]): void {
    const key = `${self} ${index}`;
    const old = this.#set.get(key);
    if (old !== undefined) this.#released.callbacks.push(old);
    this.#set.delete(key);
    const callback = fresh[0];
    if (callback !== undefined) this.#set.set(key, callback.id);
  }

  /** A timer ends by `clear`, or when it has fired its one time (timer.ts). */
  #followTimer(member: string, values: readonly unknown[], result: unknown): void {
    const timer = values[0] as object;
    switch (member) {
      case "set":
        this.#timers.set(result as object, Number(values[2]) | 0);
        return;
      case "repeat":
        this.#timers.set(result as object, Number(values[1]) | 0);
        return;
      case "schedule":
        this.#timers.set(timer, values.length === 1 ? -1 : Number(values[2]) | 0);
        return;
      case "clear":
        if (typeof timer === "object" && timer !== null) this.#end(timer);
        return;
    }
  }

  #end(object: object): void {
    const handle = this.#handles.get(object)?.handle;
    this.#timers.delete(object);
    if (handle === undefined || this.#ended.has(handle)) return;
    this.#released.objects.push(handle);
    for (const key of [...this.#set.keys()]) if (key.startsWith(`${handle} `)) this.#set.delete(key);
    this.#ended.add(handle);
    if (this.#ended.size <= keptEnded) return;
    for (const old of [...this.#ended].slice(0, keptEnded / 2)) {
      this.#ended.delete(old);
      this.#handles.delete(this.#objects.get(old) as object);
      this.#objects.delete(old);
    }
  }
}
