// The firmware as an image that runs on the real engine: what a board in any world boots in place of the one that
// Node runs. The world stays where it is; only the firmware's own code runs in a lab process. A process has the image
// in its read-only machine and runs one boot after another; boards that are awake at the same time have one each.

import { createHash } from "node:crypto";
import { existsSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../host.js";
import type { Image } from "../image.js";
import { bindNatives, describeNatives, type Exports, globalExports, type NativeTable } from "./classes.js";
import { type Engine, imagesDirectory } from "./engine.js";
import { type CreationRecord, Lab } from "./lab.js";
import { type Compiled, compileModules } from "./modules.js";
import { Remote, type Turn } from "./remote.js";
import { firmwareSources, type Manifest, readManifest, type Sources } from "./sources.js";

export interface XsImageOptions {
  /** The machine of each boot; what the manifest asks for unless given. */
  readonly record?: CreationRecord;
  /** The firmware of src unless given. */
  readonly sources?: Sources;
  /** Modules that a measurement adds, such as `lab`, by specifier. */
  readonly extra?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Told of each turn of firmware. */
  readonly onTurn?: (turn: Turn) => void;
}

/** Boards that nobody ended are given up beyond so many processes, the oldest first. QEMU takes more memory. */
const mostLabs = Object.freeze({ xs32: 48, lx106: 8 } as const);

/** What a manifest says, in the words of the lab. */
export function recordOf({ static: bytes, stack, heap, chunk, keys }: Manifest["creation"]): CreationRecord {
  return { static: bytes, stack, heap, chunk, keys: { initial: keys?.available ?? 32, incremental: 0 } };
}

/** One image file with its table: what a process is started with. */
interface Built {
  readonly image: string;
  readonly classes: string;
  readonly table: NativeTable;
  readonly modules: readonly Compiled[];
  /** Processes that run nobody's boot. */
  readonly idle: Lab[];
}

export class XsImage implements Image {
  readonly #engine: Engine;
  readonly #sources: Sources;
  readonly #extra: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly #built = new Map<string, Built>();
  /** Boots that may still run, the oldest first. */
  readonly #boots = new Set<Remote>();
  /** The machine of the boots to come. */
  record: CreationRecord;
  /** Told of each turn of firmware. */
  onTurn: ((turn: Turn) => void) | undefined;
  #latest: Remote | undefined;

  constructor(engine: Engine, options: XsImageOptions = {}) {
    const manifest = readManifest();
    this.#engine = engine;
    this.#sources = options.sources ?? firmwareSources(undefined, manifest.preload, manifest.stripped);
    this.#extra = options.extra ?? {};
    this.record = options.record ?? recordOf(manifest.creation);
    this.onTurn = options.onTurn;
  }

  /** The boot that began last. */
  get latest(): Remote {
    if (this.#latest === undefined) throw new Error("this image has not been booted yet");
    return this.#latest;
  }

  /** Bytecode of each module, of the boot that began last. */
  get modules(): readonly Compiled[] {
    return [...this.#built.values()].at(-1)?.modules ?? [];
  }

  boot(resolve: (specifier: string) => unknown, globals: Readonly<Record<string, unknown>>, host?: Host): void {
    const exports = this.#exports(resolve, globals);
    const built = this.#build(exports);
    const remote = new Remote(this.#lab(built), bindNatives(built.table, exports));
    remote.onTurn = (turn) => this.onTurn?.(turn);
    this.#latest = remote;
    this.#boots.add(remote);
    host?.onEnd(() => this.#ended(remote, built));
    // The chip looks this up when an exception has left firmware (board.ts).
    (globals as Record<string, unknown>)["abort"] = () => remote.abort();
    remote.boot((answering) => remote.lab.boot(this.record, answering));
  }

  /** Ends all processes. */
  close(): void {
    for (const remote of this.#boots) remote.lab.close();
    for (const { idle } of this.#built.values()) for (const lab of idle.splice(0)) lab.close();
    this.#boots.clear();
  }

  #exports(resolve: (specifier: string) => unknown, globals: Readonly<Record<string, unknown>>): Exports {
    const exports = new Map<string, Readonly<Record<string, unknown>>>();
    exports.set("globalThis", globalExports(globals));
    for (const specifier of this.#sources.imports) {
      exports.set(specifier, this.#extra[specifier] ?? (resolve(specifier) as Record<string, unknown>));
    }
    return exports;
  }

  /** The image with these natives; `mc/config`, for one, is another on other boards. */
  #build(exports: Exports): Built {
    const table = describeNatives(exports);
    const modules = [...table.shims, ...this.#sources.modules];
    const { size, mtimeMs } = statSync(this.#engine.compiler);
    const parts = JSON.stringify([size, mtimeMs, table.text, modules]);
    const key = createHash("sha256").update(parts).digest("hex").slice(0, 32);
    let built = this.#built.get(key);
    if (built === undefined) {
      const classes = join(imagesDirectory(), `${key}.classes`);
      const compiled = compileModules(this.#engine, key, modules);
      if (!existsSync(classes)) writeWhole(classes, table.text);
      built = { image: compiled.image, classes, table, modules: compiled.modules, idle: [] };
      this.#built.set(key, built);
    }
    return built;
  }

  #lab(built: Built): Lab {
    for (;;) {
      const idle = built.idle.pop();
      if (idle === undefined) break;
      if (idle.isAlive) return idle;
    }
    for (const remote of this.#boots) {
      if (this.#boots.size < mostLabs[this.#engine.name]) break;
      remote.over();
      remote.lab.close();
      this.#boots.delete(remote);
    }
    const { image, classes } = built;
    return new Lab({ command: (to, from) => this.#engine.command(["run", image, classes, to, from]) });
  }

  #ended(remote: Remote, built: Built): void {
    remote.over();
    if (this.#boots.delete(remote)) built.idle.push(remote.lab);
  }
}

/** So that nobody ever reads half of it. */
function writeWhole(file: string, text: string): void {
  const part = `${file}.${process.pid}`;
  writeFileSync(part, text);
  renameSync(part, file);
}
