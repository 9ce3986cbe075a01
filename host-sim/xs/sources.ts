// Which modules make an image for the lab, in JavaScript: those of the firmware, walked from main.ts as the linker
// walks them, under the specifiers of the manifest; or those of a bundle. Types are taken off, as mcconfig does, and
// nothing else is changed. Bare specifiers that are nobody's are the board's natives.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve as resolvePath } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync, transformSync } from "esbuild";
import { firmwareTypeScript } from "../typescript.js";
import type { SourceModule } from "./classes.js";

export const projectDirectory = resolvePath(dirname(fileURLToPath(import.meta.url)), "../..");

export interface Sources {
  readonly modules: readonly SourceModule[];
  /** Bare specifiers that they import and that are not among them. */
  readonly imports: readonly string[];
}

/** What stands between quotes behind `from` or `import` in the output of esbuild, which has one form for it. */
const importForm = /^((?:import|export)\b[^"'`]*?)"([^"\n]+)"(?=;$)/gm;

/**
 * What the manifest has the linker leave out by name, left out here too: whoever calls it fails as on the chip, where
 * the engine stops with "dead strip". Helpers of iterators cannot be reached without what makes them.
 */
function withoutStripped(names: readonly string[]): SourceModule {
  const roots: Readonly<Record<string, string>> = {
    TypedArray: "Object.getPrototypeOf(Uint8Array)",
    Iterator: "Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())).constructor",
  };
  const lines = names.map((name) => {
    const [root = "", ...path] = name.split(".");
    if (/^Iterator(Helper|Wrapper)$/.test(root)) return "";
    const last = path.pop() ?? "";
    const owner = [roots[root] ?? root, ...path].join(".");
    return `if (!delete ${owner}.${last} || "${last}" in ${owner}) throw new Error("cannot leave out ${name}");\n`;
  });
  return { specifier: "~stripped", code: lines.join(""), preload: true };
}

/**
 * The firmware of a source folder.
 * @param preload what the manifests preload, by specifier; all but `main` unless given.
 * @param stripped built-ins that are left out; none unless given.
 */
export function firmwareSources(
  directory = join(projectDirectory, "src"),
  preload?: ReadonlySet<string>,
  stripped: readonly string[] = [],
): Sources {
  const modules = new Map<string, SourceModule>();
  const imports = new Set<string>();
  const visit = (file: string): void => {
    const specifier = specifierOf(directory, file);
    if (modules.has(specifier)) return;
    modules.set(specifier, { specifier, code: "", preload: false });
    const code = withoutTypes(file).replace(importForm, (_all, words: string, target: string) => {
      if (!target.startsWith(".")) {
        imports.add(target);
        return `${words}"${target}"`;
      }
      const path = resolvePath(dirname(file), `${target.slice(0, -3)}.ts`);
      if (!existsSync(path)) throw new Error(`${specifier} imports "${target}": no such module`);
      visit(path);
      return `${words}"${specifierOf(directory, path)}"`;
    });
    const isPreloaded = preload === undefined ? specifier !== "main" : preload.has(specifier);
    modules.set(specifier, { specifier, code, preload: isPreloaded });
  };
  visit(join(directory, "main.ts"));
  // Behind them all: what only preloading calls, such as Object.freeze, can be left out, too.
  const last = stripped.length === 0 ? [] : [withoutStripped(stripped)];
  return { modules: [...[...modules.values()].sort(byDepth), ...last], imports: [...imports].sort() };
}

/** `main` last; the engine finds the order of the others by itself. */
function byDepth(a: SourceModule, b: SourceModule): number {
  return Number(a.specifier === "main") - Number(b.specifier === "main");
}

/** The path inside the folder, without its end: what the manifests call a module. */
function specifierOf(directory: string, file: string): string {
  return relative(directory, file).replaceAll("\\", "/").replace(/\.ts$/, "");
}

function withoutTypes(file: string): string {
  const { code } = transformSync(readFileSync(file, "utf8"), {
    loader: "ts",
    format: "esm",
    target: "esnext",
    charset: "utf8",
    sourcefile: file,
    tsconfigRaw: firmwareTypeScript,
  });
  return code;
}

/** What a manifest says of preloading and of the machine. */
export interface Manifest {
  readonly preload: ReadonlySet<string>;
  /** Built-ins that the linker leaves out by name, beside those whose name nothing mentions ("*"). */
  readonly stripped: readonly string[];
  readonly creation: {
    readonly static: number;
    readonly stack: number;
    readonly heap: { readonly initial: number; readonly incremental: number };
    readonly chunk: { readonly initial: number; readonly incremental: number };
    readonly keys?: { readonly available?: number };
  };
}

/** The manifest of the project, with what it includes from here. */
export function readManifest(file = join(projectDirectory, "manifest.json")): Manifest {
  const manifest = JSON.parse(readFileSync(file, "utf8")) as {
    include?: readonly string[];
    preload?: readonly string[];
    strip?: readonly string[];
    creation?: Manifest["creation"];
  };
  const preload = new Set(manifest.preload ?? []);
  for (const include of manifest.include ?? []) {
    if (!include.startsWith(".")) continue;
    for (const specifier of readManifest(join(dirname(file), include)).preload) preload.add(specifier);
  }
  const stripped = (manifest.strip ?? []).filter((each) => each !== "*");
  return { preload, stripped, creation: manifest.creation as Manifest["creation"] };
}

/**
 * One file and what it imports by path, as a single module. Its default export is called by a `main` of the lab's own
 * (see bundle.ts); it is preloaded, as a client in a manifest would be.
 * @throws Error with esbuild's words when it cannot be bundled.
 */
export function bundleSources(file: string, main: string): Sources {
  const options = { bundle: true, format: "esm", target: "esnext", charset: "utf8", write: false } as const;
  const imports = new Set<string>();
  const bare = (text: string): string => {
    for (const [, , target] of text.matchAll(importForm)) if (target !== undefined) imports.add(target);
    return text;
  };
  const result = buildSync({
    ...options,
    entryPoints: [file],
    packages: "external",
    external: ["embedded:*", "mc/*"],
    logLevel: "silent",
    tsconfigRaw: firmwareTypeScript,
  });
  const bundle = bare(result.outputFiles[0]?.text ?? "");
  const modules = [
    { specifier: "bundle", code: bundle, preload: true },
    { specifier: "main", code: bare(main), preload: false },
  ];
  imports.delete("bundle");
  return { modules, imports: [...imports].sort() };
}
