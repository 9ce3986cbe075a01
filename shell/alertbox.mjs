#!/usr/bin/env node
// What `npx alertbox` runs: bundles shell/cli.ts with esbuild into node_modules/.cache when it is missing there or
// older than a source, and starts it. One file starts in a fraction of the time that the hundreds of small ones of
// MQTT.js take. Knows no command.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire, Module } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

// A broker's URL may hold a password, and everybody on this computer can list command lines.
process.title = "alertbox";

const project = fileURLToPath(new URL("..", import.meta.url));
const folder = join(project, "node_modules/.cache/alertbox/shell");

/** Changes with each source that can get into the bundle, and with each installation of packages. */
function state() {
  const hash = createHash("sha256");
  const note = (path) => {
    const { mtimeMs, size } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0, size: 0 };
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  };
  for (const part of ["shell", "src/alertbox", "src/mqtt"]) {
    for (const name of readdirSync(join(project, part)).sort()) note(join(project, part, name));
  }
  for (const name of ["node_modules/.package-lock.json", "host-sim/globals.ts", "board/program.ts"]) {
    note(join(project, name));
  }
  return hash.digest("hex").slice(0, 16);
}

async function bundle() {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [join(project, "shell/cli.ts")],
    absWorkingDir: project,
    bundle: true,
    write: false,
    platform: "node",
    target: "node20.19",
    format: "cjs",
    // Native parts of the WebSocket library, which it does without.
    external: ["bufferutil", "utf-8-validate"],
    logLevel: "warning",
  });
  return outputFiles[0].text;
}

/** Writes it for the next start. Where that cannot be, for whatever reason, each start takes a little longer. */
function keep(file, text) {
  const draft = `${file}.${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true });
    const old = readdirSync(folder).filter((name) => name.endsWith(".cjs") && name !== basename(file));
    writeFileSync(draft, text);
    renameSync(draft, file);
    for (const name of old) rmSync(join(folder, name), { force: true });
  } catch (error) {
    if (error.code === undefined) throw error;
    if (existsSync(draft)) rmSync(draft);
  }
}

async function load() {
  const file = join(folder, `${state()}.cjs`);
  const require = createRequire(import.meta.url);
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) return require(file);
  const text = await bundle();
  keep(file, text);
  const module = new Module(file);
  module.filename = file;
  module.paths = Module._nodeModulePaths(folder);
  module._compile(text, file);
  return module.exports;
}

const { main } = await load();
const { version } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
await main(process.argv.slice(2), version);
