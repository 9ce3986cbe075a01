// The firmware of another project as one image: a main file anywhere, which includes parts of src as a manifest would.
// As in host-sim/image.ts each file is a script of its own under a source map, and src/mqtt is loaded once and frozen,
// as preloading does. A test may add modules of its own, by specifier.

import { existsSync, readFileSync } from "node:fs";
import Module from "node:module";
import { dirname, join, relative, resolve as resolvePath } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import { deepFreeze } from "../../host-sim/deep-freeze.js";
import type { Image } from "../../host-sim/image.js";
import { firmwareTypeScript } from "../../host-sim/typescript.js";

const root = resolvePath(dirname(fileURLToPath(import.meta.url)), "../..");
const preloaded = join(root, "src/mqtt/");

/** The globals of a board, and those of Node that a chip has not. */
const given = ["trace", "Math", "System"];
const absent = ["process", "Buffer", "globalThis", "console", "Date", "setTimeout", "queueMicrotask", "TextEncoder"];

type Script = (exports: object, require: (specifier: string) => unknown, ...globals: unknown[]) => void;

/** Kept whole: Node forgets the source map of a module that is collected, and coverage with it. */
const scripts = new Map<string, Module>();
const rom = new Map<string, object>();

/** Gives the exports of a module by its specifier. */
export type Modules = (specifier: string) => unknown;

/**
 * @param main a path from the root of the repository.
 * @param add gives the test's own modules at each boot, by specifier.
 */
export function projectImage(main: string, add: (modules: Modules) => Readonly<Record<string, object>>): Image {
  return {
    boot(resolve, globals) {
      const modules = add(resolve);
      const instances = new Map<string, object>();
      const link = (file: string): object => {
        const isPreloaded = file.startsWith(preloaded);
        const known = (isPreloaded ? rom : instances).get(file);
        if (known !== undefined) return known;
        const exports = {};
        (isPreloaded ? rom : instances).set(file, exports);
        const require = (specifier: string): unknown => {
          if (specifier.startsWith(".")) return link(resolvePath(dirname(file), `${specifier.slice(0, -3)}.ts`));
          return Object.defineProperty({ ...(modules[specifier] ?? (resolve(specifier) as object)) }, "__esModule", {
            value: true,
          });
        };
        if (isPreloaded) {
          scriptOf(file)(exports, require, undefined, Math, undefined);
          for (const value of Object.values(exports)) deepFreeze(value);
        } else {
          scriptOf(file)(exports, require, ...given.map((name) => globals[name]));
        }
        return exports;
      };
      (link(join(root, main)) as { default: () => void }).default();
    },
  };
}

function scriptOf(file: string): Script {
  let module = scripts.get(file);
  if (module === undefined) {
    module = compile(file);
    scripts.set(file, module);
  }
  return module.exports as Script;
}

/** The script has a name in the cache folder, where nothing is written; coverage follows its source map to the file. */
function compile(file: string): Module {
  if (!existsSync(file)) throw new Error(`no firmware: ${file} does not exist`);
  const { code } = transformSync(readFileSync(file, "utf8"), {
    loader: "ts",
    format: "cjs",
    target: "esnext",
    sourcefile: file,
    sourcemap: "inline",
    banner:
      `module.exports=(exports,require,${given.join()})=>{"use strict";` +
      `const ${absent.join("=undefined,")}=undefined;var module={exports};`,
    footer: "Object.defineProperties(exports,Object.getOwnPropertyDescriptors(module.exports));}",
    tsconfigRaw: firmwareTypeScript,
  });
  const path = join(root, "node_modules/.cache/alertbox/project", `${relative(root, file).slice(0, -3)}.js`);
  const holder = new Module(path) as Module & { _compile(code: string, path: string): void };
  holder._compile(code, path);
  return holder;
}
