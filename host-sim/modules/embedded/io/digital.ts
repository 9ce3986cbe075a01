// `embedded:io/digital` as modules/io/digital/digital.js and esp/digitalbank.c of Moddable SDK 8.2.3 make it on an
// ESP8266. Kept from there: an output starts low unless `initialValue` says otherwise (so an LED that is lit when low
// flashes), GPIO16 has no edges, GPIO6 to GPIO11 belong to the flash chip, pin numbers count modulo 32, a closed pin
// keeps its level, edges are coalesced until the callback runs, and what the callback reads is the level by then.

import type PublishedDigital from "embedded:io/digital";
import { type Host, requireAlive } from "../../../host.js";
import type { Level } from "../../../pins.js";
import { toInteger } from "../../integer.js";

const Mode = Object.freeze({ input: 0, inputPullUp: 1, inputPullDown: 2, inputPullUpDown: 3, output: 8, openDrain: 9 });
const Edge = Object.freeze({ rising: 1, falling: 2 });

/** Pins that builtinCommon.c lets a program have. */
const usablePins: readonly number[] = Object.freeze([0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16]);
const pinWithoutEdges = 16;

interface DigitalOptions {
  pin: number | { port?: unknown; pin: number };
  mode: unknown;
  edge?: number;
  onReadable?: ((this: never, levels: number) => void) | null | undefined;
  format?: string | undefined;
  target?: unknown;
  activeLow?: boolean;
  initialValue?: number;
}

/** What a program asked for, checked as the constructor in C checks it, in the same order. */
interface Settings {
  readonly pin: number;
  readonly mode: number;
  readonly activeLow: boolean;
  readonly initialValue: Level;
  readonly edges: number;
  readonly onReadable: ((this: never, levels: number) => void) | undefined;
}

function checkOptions(options: DigitalOptions, free: ReadonlySet<number>): Settings {
  if (options.pin === undefined) throw new Error("invalid");
  const pin = toInteger(typeof options.pin === "object" ? options.pin.pin : options.pin) & 0x1f;
  if (!free.has(pin)) throw new Error("in use");
  const mode = toInteger(options.mode);
  const isOutput = mode === Mode.output || mode === Mode.openDrain;
  const isInput = mode >= Mode.input && mode <= Mode.inputPullUpDown;
  if (!isInput && !isOutput) throw new RangeError("invalid mode");
  const activeLow = "activeLow" in options && Boolean(options.activeLow);
  const initialValue = isOutput && "initialValue" in options && Number(options.initialValue) ? 1 : 0;
  const onReadable = options.onReadable ?? undefined;
  let edges = 0;
  if (onReadable !== undefined) {
    if (typeof onReadable !== "function") throw new Error("not a function");
    if (!isInput) throw new RangeError("invalid mode");
    edges = toInteger(options.edge ?? 0) & (Edge.rising | Edge.falling);
    if (edges === 0) throw new RangeError("invalid edges");
    if (activeLow) edges = ((edges & Edge.rising) << 1) | ((edges & Edge.falling) >> 1);
  }
  if (options.format && options.format !== "number") throw new RangeError("invalid format");
  if (mode === Mode.inputPullUpDown) throw new RangeError("invalid mode");
  if (pin === 16 && mode !== Mode.input && mode !== Mode.output) throw new RangeError("invalid mode");
  return { pin, mode, activeLow, initialValue, edges, onReadable };
}

/** One open pin. */
class DigitalRecord {
  readonly settings: Settings;
  readonly instance: object;
  lastLevel: Level;
  /** Levels at the edges since the last callback; undefined when there was none. */
  triggered: number | undefined;

  constructor(settings: Settings, instance: object, level: Level) {
    this.settings = settings;
    this.instance = instance;
    this.lastLevel = level;
  }
}

/** What the C file keeps in its static variables: which pins are taken, who wants to hear of edges. */
class DigitalPort {
  readonly #host: Host;
  readonly #free = new Set(usablePins);
  /** The newest first, as its linked list has them. */
  readonly #listening: DigitalRecord[] = [];
  #pending = false;

  constructor(host: Host) {
    this.#host = host;
    host.onEnd(host.board.pins.on((pin) => this.#interrupt(pin)));
  }

  open(instance: object, options: DigitalOptions): DigitalRecord {
    const settings = checkOptions(options, this.#free);
    const { pin, mode, activeLow, initialValue } = settings;
    const { pins } = this.#host.board;
    if ("target" in options) (instance as { target: unknown }).target = options.target;
    if (mode === Mode.output || mode === Mode.openDrain) {
      const level = activeLow ? ((1 - initialValue) as Level) : initialValue;
      pins.configure(pin, mode === Mode.output ? "output" : "open drain", "none", level);
    } else {
      pins.configure(pin, "input", mode === Mode.inputPullUp ? "up" : mode === Mode.inputPullDown ? "down" : "none");
    }
    const record = new DigitalRecord(settings, instance, pins.level(pin));
    if (settings.onReadable !== undefined) this.#listening.unshift(record);
    this.#free.delete(pin);
    return record;
  }

  close(record: DigitalRecord): void {
    const index = this.#listening.indexOf(record);
    if (index >= 0) this.#listening.splice(index, 1);
    this.#free.add(record.settings.pin);
  }

  #interrupt(pin: number): void {
    if (pin === pinWithoutEdges) return;
    const level = this.#host.board.pins.level(pin);
    for (const record of this.#listening) {
      if (record.settings.pin !== pin || record.lastLevel === level) continue;
      record.lastLevel = level;
      if ((record.settings.edges & (level === 1 ? Edge.rising : Edge.falling)) === 0) continue;
      record.triggered = (record.triggered ?? 0) | this.#levels();
      if (this.#pending) continue;
      this.#pending = true;
      this.#host.queue(() => this.#deliver());
    }
  }

  #deliver(): void {
    this.#pending = false;
    for (const record of this.#listening.filter((each) => each.triggered !== undefined)) {
      if (!this.#listening.includes(record)) continue;
      const levels = record.triggered ?? 0;
      record.triggered = undefined;
      record.settings.onReadable?.call(record.instance as never, levels);
      if (!this.#host.alive) return;
    }
  }

  #levels(): number {
    let levels = 0;
    for (let pin = 0; pin < pinWithoutEdges; pin++) levels |= this.#host.board.pins.level(pin) << pin;
    return levels;
  }
}

export function create(host: Host): { default: typeof PublishedDigital } {
  const port = new DigitalPort(host);

  class Digital {
    static readonly Input = Mode.input;
    static readonly InputPullUp = Mode.inputPullUp;
    static readonly InputPullDown = Mode.inputPullDown;
    static readonly InputPullUpDown = Mode.inputPullUpDown;
    static readonly Output = Mode.output;
    static readonly OutputOpenDrain = Mode.openDrain;
    static readonly ActiveLow = 16;
    static readonly Rising = Edge.rising;
    static readonly Falling = Edge.falling;
    #record: DigitalRecord | undefined;

    constructor(options: DigitalOptions) {
      requireAlive(host);
      this.#record = port.open(this, options);
    }

    read(): Level {
      requireAlive(host);
      const { pin, mode, activeLow } = this.#open().settings;
      if (mode === Mode.output || mode === Mode.openDrain) throw new Error("can't read output");
      const level = host.board.pins.level(pin);
      return activeLow ? ((1 - level) as Level) : level;
    }

    write(value: number): void {
      requireAlive(host);
      const { pin, mode, activeLow } = this.#open().settings;
      if (mode !== Mode.output && mode !== Mode.openDrain) throw new Error("can't write input");
      const level = Number(value) ? 1 : 0;
      host.board.pins.write(pin, activeLow ? ((1 - level) as Level) : level);
    }

    close(): void {
      requireAlive(host);
      if (this.#record !== undefined) port.close(this.#record);
      this.#record = undefined;
    }

    get format(): "number" {
      return "number";
    }

    set format(format: "number") {
      if (format !== "number") throw new RangeError();
    }

    #open(): DigitalRecord {
      if (this.#record === undefined) throw new TypeError("this: not a Digital instance: it is closed");
      return this.#record;
    }
  }

  return { default: Digital };
}
