// The firmware as one unit: what `mcconfig` flashes. Every TypeScript file of src becomes a script of its own, as xsc
// makes one of each module, and a boot links instances of them with the modules of one board. Pure modules are what
// mcconfig preloads into ROM: one frozen instance for all boards and boots. Knows no board and no module of Moddable.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import Module from "node:module";
import { dirname, join, relative, resolve as resolvePath } from "node:path";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { transformSync } from "esbuild";
import { deepFreeze } from "./deep-freeze.js";
import type { Host } from "./host.js";
import { firmwareTypeScript } from "./typescript.js";

const projectDirectory = resolvePath(dirname(fileURLToPath(import.meta.url)), "..");

/** Folders whose modules are preloaded (DESIGN §3, §4). */
const preloaded: readonly string[] = Object.freeze(["mqtt", "alertbox", "setup"]);

/** The globals that a board gives its firmware beside the language's own. */
const given: readonly string[] = Object.freeze(["trace", "Math", "System", "globalThis"]);

/** What Node has and XS on the chip has not. A script that names one of these gets `undefined`. */
const absent: readonly string[] = Object.freeze([
  ...["process", "Buffer", "global", "console", "performance", "Date", "Intl", "WebAssembly"],
  ...["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate", "queueMicrotask"],
  ...["fetch", "Request", "Response", "Headers", "FormData", "URL", "URLSearchParams", "Blob", "File", "WebSocket"],
  ...["TextEncoder", "TextDecoder", "TextEncoderStream", "TextDecoderStream", "ReadableStream", "WritableStream"],
  ...["AbortController", "AbortSignal", "Event", "EventTarget", "MessageChannel", "MessagePort", "BroadcastChannel"],
  ...["structuredClone", "atob", "btoa", "crypto", "navigator", "localStorage", "sessionStorage"],
]);

type Require = (specifier: string) => unknown;
type Script = (
  exports: unknown,
  require: Require,
  module: { exports: unknown },
  ...globals: readonly (unknown | undefined)[]
) => void;

/** A loaded module. Its exports object is replaced while it loads, so what is passed around is this. */
interface Instance {
  exports: unknown;
}

export interface Image {
  /**
   * Starts the firmware once: new instances of all modules that are not preloaded, then the default export of
   * `main.ts`.
   * @param resolve gives the exports of a bare specifier (`timer`, `embedded:io/digital` …), or throws.
   * @param globals `trace`, `Math`, `System`, `globalThis`: by name.
   * @param host the boot, for an image that must know when it ends.
   */
  boot(resolve: (specifier: string) => unknown, globals: Readonly<Record<string, unknown>>, host?: Host): void;
}

const images = new Map<string, Image>();

/** From now on boards that are given no image run this one, such as the firmware on the real engine (xs/). */
export function useImage(image: Image): void {
  images.set(join(projectDirectory, "src"), image);
}

/** The image of a source folder, `src` unless named. Built once in a process. */
export function loadImage(directory = join(projectDirectory, "src")): Image {
  const source = resolvePath(directory);
  let image = images.get(source);
  if (image === undefined) {
    image = new SourceImage(source);
    images.set(source, image);
  }
  return image;
}

class SourceImage implements Image {
  readonly #directory: string;
  readonly #scripts = new Map<string, Script>();
  readonly #preloaded = new Map<string, Instance>();
  readonly #unfrozen: Instance[] = [];
  #preloading = 0;

  constructor(directory: string) {
    this.#directory = directory;
    // Fails here, not at some later boot, when there is nothing to boot.
    this.#script("main.ts");
    // As mcconfig does: what is preloaded runs once, when the image is built, imported or not.
    for (const folder of preloaded) for (const path of sourcesIn(directory, folder)) this.#preload(path);
  }

  boot(resolve: (specifier: string) => unknown, globals: Readonly<Record<string, unknown>>): void {
    const instances = new Map<string, Instance>();
    const link = (path: string): Instance => {
      if (isPreloaded(path)) return this.#preload(path);
      return this.#instantiate(path, instances, globals, (specifier) =>
        specifier.startsWith(".") ? link(this.#target(path, specifier)).exports : namespace(resolve(specifier)),
      );
    };
    const main = link("main.ts").exports as { default?: unknown };
    if (typeof main.default !== "function") throw new TypeError("main.ts: its default export is not a function");
    (main.default as () => void)();
  }

  /** The one instance of a pure module. */
  #preload(path: string): Instance {
    const known = this.#preloaded.get(path);
    if (known !== undefined) return known;
    this.#preloading += 1;
    try {
      const instance = this.#instantiate(path, this.#preloaded, pureGlobals, (specifier) => {
        const target = specifier.startsWith(".") ? this.#target(path, specifier) : undefined;
        if (target === undefined || !isPreloaded(target)) {
          throw new Error(`${path}: a preloaded module imports "${specifier}", which is not preloaded`);
        }
        return this.#preload(target).exports;
      });
      this.#unfrozen.push(instance);
      return instance;
    } catch (error) {
      this.#preloaded.delete(path);
      throw error;
    } finally {
      this.#preloading -= 1;
      // Modules that import one another are whole only when the outermost one is.
      if (this.#preloading === 0) {
        for (const instance of this.#unfrozen.splice(0)) freezeExports(instance.exports);
      }
    }
  }

  #instantiate(
    path: string,
    instances: Map<string, Instance>,
    globals: Readonly<Record<string, unknown>>,
    require: Require,
  ): Instance {
    const known = instances.get(path);
    if (known !== undefined) return known;
    const script = this.#script(path);
    const instance: Instance = { exports: {} };
    instances.set(path, instance);
    script(instance.exports, require, instance, ...given.map((name) => globals[name]));
    return instance;
  }

  /** The file that a relative specifier names, as a path inside the image. */
  #target(from: string, specifier: string): string {
    if (!specifier.endsWith(".js")) throw new Error(`${from}: import "${specifier}": relative imports end in .js`);
    const target = join(dirname(from), `${specifier.slice(0, -3)}.ts`);
    if (target.startsWith("..")) throw new Error(`${from}: import "${specifier}" leads out of the image`);
    if (!existsSync(join(this.#directory, target))) throw new Error(`${from}: import "${specifier}": no such module`);
    return target;
  }

  #script(path: string): Script {
    let script = this.#scripts.get(path);
    if (script === undefined) {
      script = compile(join(this.#directory, path));
      this.#scripts.set(path, script);
    }
    return script;
  }
}

/** The TypeScript files of a folder and below, as paths inside the image. */
function sourcesIn(directory: string, folder: string): string[] {
  if (!existsSync(join(directory, folder))) return [];
  const names = readdirSync(join(directory, folder), { recursive: true, encoding: "utf8" });
  const sources = names.filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"));
  return sources.map((name) => join(folder, name)).sort();
}

function isPreloaded(path: string): boolean {
  return preloaded.some((folder) => path.startsWith(`${folder}/`));
}

const pureGlobals: Readonly<Record<string, unknown>> = Object.freeze({
  Math: mathWith(() => {
    throw new Error("a preloaded module has no random numbers: they are arguments (DESIGN §4)");
  }),
});

/** A Math object of its own, with its own chance. */
export function mathWith(random: () => number): typeof Math {
  const descriptors = Object.getOwnPropertyDescriptors(Math);
  return Object.defineProperties(
    {},
    { ...descriptors, random: { ...descriptors.random, value: random } },
  ) as typeof Math;
}

/** The language's own global names, without what Node adds and XS on the chip lacks. */
const languageGlobals: readonly string[] = Object.freeze(
  (runInNewContext("Object.getOwnPropertyNames(globalThis)") as string[]).filter((name) => !absent.includes(name)),
);

/** A global object for one boot: the language's globals, and these in their place or beside them. */
export function globalsWith(own: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const globals: Record<string, unknown> = {};
  const define = (name: string, value: unknown): void => {
    Object.defineProperty(globals, name, { value, writable: true, configurable: true });
  };
  for (const name of languageGlobals) {
    if (!Object.hasOwn(own, name)) define(name, (globalThis as Record<string, unknown>)[name]);
  }
  define("globalThis", globals);
  return Object.assign(globals, own);
}

/** Module exports as esbuild's import code expects them. */
function namespace(exports: unknown): unknown {
  return Object.defineProperty({ ...(exports as object) }, "__esModule", { value: true });
}

function freezeExports(exports: unknown): void {
  // The properties are getters of esbuild's making; what they give is what must not change.
  for (const value of Object.values(exports as object)) deepFreeze(value);
  Object.freeze(exports);
}

/**
 * Makes a script of one file. It runs under a name in the cache folder, where nothing is written: Node and c8 follow
 * the source map inside it to the right line of TypeScript, in stack traces and in coverage.
 */
/**
 * Node keeps the source map of a module as long as the module object lives, so these must: without them stack traces
 * and coverage lose their way back to the TypeScript after the first collection of garbage.
 */
const holders: Module[] = [];

function compile(file: string): Script {
  if (!existsSync(file)) throw new Error(`no firmware: ${file} does not exist`);
  const parameters = ["exports", "require", "module", ...given, ...absent].join(",");
  const { code } = transformSync(readFileSync(file, "utf8"), {
    loader: "ts",
    format: "cjs",
    target: "esnext",
    sourcefile: file,
    sourcemap: "inline",
    sourcesContent: true,
    banner: `module.exports=(${parameters})=>{"use strict";`,
    footer: "}",
    tsconfigRaw: firmwareTypeScript,
  });
  const inside = relative(projectDirectory, file).replaceAll("..", "outside");
  const path = join(projectDirectory, "node_modules/.cache/alertbox/image", `${inside.slice(0, -3)}.js`);
  const holder = new Module(path) as Module & { _compile(code: string, path: string): void };
  holder._compile(code, path);
  holders.push(holder);
  return holder.exports as Script;
}
