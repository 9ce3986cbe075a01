// Modules in JavaScript become one image of bytecode, compiled by the lab's own host program and kept in the cache
// under a hash of what went in. It knows nothing of what the modules are.

import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { SourceModule } from "./classes.js";
import { type Engine, imagesDirectory } from "./engine.js";

/** Half of them go when there are more. */
const keptImages = 200;

/** What became of one module. */
export interface Compiled {
  readonly specifier: string;
  /** Bytes of bytecode. */
  readonly bytes: number;
}

/**
 * The image of these modules, compiled unless it is in the cache.
 * @param key names it in the cache: a hash of the modules.
 * @throws Error with the compiler's words, such as a syntax error and its module.
 */
export function compileModules(
  engine: Engine,
  key: string,
  modules: readonly SourceModule[],
): { image: string; modules: readonly Compiled[] } {
  const directory = imagesDirectory();
  const image = join(directory, `${key}.image`);
  const listing = join(directory, `${key}.json`);
  if (!existsSync(image) || !existsSync(listing)) {
    const work = mkdtempSync(join(directory, "work-"));
    try {
      const made = join(work, "image");
      const output = compile(engine, work, made, modules);
      writeFileSync(join(work, "json"), output);
      // The listing last: it says that all is there.
      renameSync(made, image);
      renameSync(join(work, "json"), listing);
      forgetOld(directory);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  const lines = readFileSync(listing, "utf8").split("\n");
  return { image, modules: lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Compiled) };
}

/** Each change of the firmware leaves an image behind; those that were made long ago go. */
function forgetOld(directory: string): void {
  const files = readdirSync(directory).map((name) => ({ path: join(directory, name), name }));
  const images = files.filter(({ name }) => name.endsWith(".image"));
  if (images.length <= keptImages) return;
  const ages = images.map(({ path }) => ({ path, at: statSync(path).mtimeMs })).sort((a, b) => b.at - a.at);
  for (const { path } of ages.slice(keptImages / 2)) {
    for (const end of ["image", "json", "classes"]) rmSync(path.replace(/image$/, end), { force: true });
  }
}

function compile(engine: Engine, work: string, image: string, modules: readonly SourceModule[]): string {
  mkdirSync(join(work, "js"));
  const list = modules.map(({ specifier, code, preload }, index) => {
    const path = join(work, "js", `${index}.js`);
    writeFileSync(path, code);
    return `${specifier}\t${path}\t${preload ? 1 : 0}\n`;
  });
  writeFileSync(join(work, "list"), list.join(""));
  const { status, stdout, stderr, error } = spawnSync(engine.compiler, ["compile", join(work, "list"), image], {
    encoding: "utf8",
    timeout: 60_000,
  });
  if (status === 0) return stdout;
  throw new Error(
    `XS did not compile the modules: ${(error?.message ?? (stderr + stdout).trim()) || `status ${status}`}`,
  );
}
