// What of the linked image is ours: the project's own manifests and C files, read as mcconfig reads them. It builds
// nothing.

import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";

interface Manifest {
  readonly include?: string | readonly (string | object)[];
  readonly modules?: Readonly<Record<string, unknown>>;
}

export interface Project {
  /** Folder of src by specifier: `mqtt/session` is `mqtt`, `main` is `main.ts`. */
  readonly folders: ReadonlyMap<string, string>;
  /** Folder of src by object file name: `chip.c.o` is `device`. */
  readonly objects: ReadonlyMap<string, string>;
}

/** First folder below src, or the file's own name when it lies in src itself; undefined outside of src. */
function folderOf(root: string, path: string): string | undefined {
  const [src, folder, ...rest] = relative(root, path).split(sep);
  if (src !== "src" || folder === undefined) return undefined;
  return rest.length === 0 ? `${folder.replace(/\.\w+$/, "")}.ts` : folder;
}

function strings(value: unknown): string[] {
  return [value].flat().filter((each): each is string => typeof each === "string");
}

function readManifest(root: string, path: string, folders: Map<string, string>): void {
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest;
  for (const include of strings(manifest.include)) {
    if (include.startsWith(".")) readManifest(root, join(dirname(path), include), folders);
  }
  for (const [key, value] of Object.entries(manifest.modules ?? {})) {
    for (const source of strings(value)) {
      const folder = source.startsWith(".") ? folderOf(root, join(dirname(path), source)) : undefined;
      if (folder !== undefined) folders.set(key.replace("*", basename(source)), folder);
    }
  }
}

/** @throws Error when a manifest of the project is missing or is not JSON. */
export function readProject(root: string): Project {
  const folders = new Map<string, string>();
  readManifest(root, join(root, "manifest.json"), folders);
  const objects = new Map<string, string>();
  for (const entry of readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })) {
    const folder = entry.endsWith(".c") ? folderOf(root, join(root, "src", entry)) : undefined;
    if (folder !== undefined) objects.set(`${basename(entry)}.o`, folder);
  }
  return { folders, objects };
}
