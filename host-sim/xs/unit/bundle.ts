// A test file and all that it imports as one script for XS: the tests themselves unchanged, what only Node has replaced
// by what stands in image/. Knows nothing of engines.

import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import type { Effort } from "./effort.js";

const here = dirname(fileURLToPath(import.meta.url));
const inside = (name: string) => join(here, "image", `${name}.ts`);

/** Modules that XS gets something else for. */
const substitutes: Readonly<Record<string, string>> = Object.freeze({
  mocha: inside("runner"),
  "node:assert/strict": inside("assert"),
  "node:buffer": "buffer",
  "mqtt-packet": inside("mqtt-packet"),
  // A list of buffers that mqtt-packet imports; as a whole it is also a stream, which nobody uses.
  bl: "bl/BufferList.js",
});

/** What mqtt-packet imports and XS does without: a logger to which nobody listens, and Node's way to put off a call. */
const stubs: Readonly<Record<string, string>> = Object.freeze({
  debug: "module.exports = () => () => {};",
  "process-nextick-args": "exports.nextTick = (call, ...args) => { Promise.resolve().then(() => call(...args)); };",
});

/** The npm packages that take the place of Node's modules of the same name. */
const packages: readonly string[] = Object.freeze(["buffer", "events"]);

const builtins = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`)]);

export interface BundleOptions {
  /** The project's folder; messages name files as seen from there. */
  readonly root: string;
  /** Only tests whose whole title matches; undefined: all. */
  readonly grep: string | undefined;
  /** How much of long tests is done. */
  readonly effort: Effort;
}

/**
 * The script of one test file, an ES module without imports.
 * @throws Error with esbuild's words when it cannot be made.
 */
export async function bundleTest(file: string, options: BundleOptions): Promise<string> {
  const result = await build({
    stdin: { contents: entryOf(file, options), resolveDir: options.root, sourcefile: "entry.js" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["main"],
    target: "es2022",
    inject: [inside("globals")],
    define: { EFFORT: JSON.stringify(options.effort) },
    logLevel: "silent",
    plugins: [substitution, sources(file, options.root)],
  });
  return result.outputFiles[0]?.text ?? "";
}

/** The tests, which only define; then they run. */
function entryOf(file: string, { grep }: BundleOptions): string {
  const pattern = grep === undefined ? "undefined" : `new RegExp(${JSON.stringify(grep)})`;
  return [
    `import ${JSON.stringify(inside("zero"))};`,
    `import { run } from ${JSON.stringify(inside("runner"))};`,
    `import ${JSON.stringify(resolve(file))};`,
    `run(${pattern});`,
  ].join("\n");
}

const substitution: Plugin = {
  name: "substitution",
  setup(builder) {
    // What globals.ts gives is put in only where it is used.
    builder.onResolve({ filter: /^\.\// }, ({ path, importer, resolveDir }) =>
      importer === inside("globals")
        ? { path: join(resolveDir, path.replace(/\.js$/, ".ts")), sideEffects: false }
        : null,
    );
    builder.onResolve({ filter: /^[^./]/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (pluginData === substitution) return undefined;
      if (Object.hasOwn(stubs, path)) return { path, namespace: "stub" };
      const substitute = importer === substitutes[path] ? undefined : substitutes[path];
      if (substitute !== undefined || packages.includes(path)) {
        const target = substitute ?? path;
        const found = await builder.resolve(target, { kind, importer, resolveDir, pluginData: substitution });
        return { ...found, sideEffects: false };
      }
      // Left out when nothing of it is used: a file of helpers may hold some that are for Node alone.
      if (builtins.has(path)) return { path, namespace: "absent", sideEffects: false };
      return undefined;
    });
    builder.onLoad({ filter: /.*/, namespace: "stub" }, ({ path }) => ({ contents: stubs[path] ?? "", loader: "js" }));
    builder.onLoad({ filter: /.*/, namespace: "absent" }, ({ path }) => {
      const message = JSON.stringify(`${path} is Node's own; a test that needs it cannot run on XS`);
      return { contents: `module.exports = (() => { throw new Error(${message}); })();`, loader: "js" };
    });
  },
};

/** The source of tests, with places; what says how much of them is done is the engine's. */
function sources(file: string, root: string): Plugin {
  const effort = resolve(root, "test/effort.js");
  return {
    name: "sources",
    setup(builder) {
      builder.onResolve({ filter: /\/effort\.js$/ }, ({ path, resolveDir }) =>
        resolve(resolveDir, path) === effort ? { path: inside("effort") } : undefined,
      );
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const name = relative(root, path).split(sep).join("/");
        if (!name.startsWith("test/") && path !== resolve(file)) return undefined;
        return { contents: withPlaces(readFileSync(path, "utf8"), name), loader: "ts" };
      });
    },
  };
}

/**
 * `assert.equal(` on line 12 becomes `assert12.equal(`, and `assert12` is made at the top, without a line of its own.
 */
export function withPlaces(source: string, name: string): string {
  const lines = source.split("\n");
  const used: string[] = [];
  const marked = lines.map((line, index) =>
    line.replaceAll(/(?<![\w.$])assert\.(?=\w+\()/g, () => {
      const variable = `assert$${index + 1}`;
      if (used.at(-1)?.startsWith(`${variable} `) !== true) {
        used.push(`${variable} = assert.at(${JSON.stringify(`${name}:${index + 1}`)})`);
      }
      return `${variable}.`;
    }),
  );
  return (used.length === 0 ? "" : `var ${used.join(", ")}; `) + marked.join("\n");
}
