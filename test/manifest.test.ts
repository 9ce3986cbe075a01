// The manifest against the tree: mcconfig takes what it is told and says little, and wildcards in `preload` skip
// TypeScript.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { importsOf } from "./rules.js";

const ROOT = new URL("..", import.meta.url).pathname;

interface Manifest {
  readonly include?: readonly string[];
  readonly modules: Readonly<Record<string, string | readonly string[]>>;
  readonly preload: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(`${ROOT}${path}`, "utf8")) as Manifest;
}

function text(path: string): string {
  return readFileSync(`${ROOT}${path}`, "utf8");
}

/** Files of src that main.ts reaches through relative imports, as paths without extension. */
function reachable(): Set<string> {
  const found = new Set<string>();
  const visit = (path: string) => {
    if (found.has(path)) return;
    found.add(path);
    for (const specifier of importsOf({ path: `${path}.ts`, text: text(`${path}.ts`) })) {
      if (specifier.startsWith(".")) visit(new URL(specifier, `file:///${path}`).pathname.slice(1, -3));
    }
  };
  visit("src/main");
  return found;
}

/** Bare specifiers that the reachable files import. */
function specifiers(): Set<string> {
  const found = new Set<string>();
  for (const path of reachable()) {
    for (const specifier of importsOf({ path: `${path}.ts`, text: text(`${path}.ts`) })) {
      if (!specifier.startsWith(".")) found.add(specifier);
    }
  }
  return found;
}

/** What the SDK's manifests bring for the specifiers that ours does not name, by the include that brings it. */
const INCLUDED: Readonly<Record<string, string>> = Object.freeze({
  timer: "$(MODDABLE)/examples/manifest_base.json",
  time: "$(MODDABLE)/examples/manifest_base.json",
  "mc/config": "$(MODDABLE)/examples/manifest_base.json",
  wifi: "$(MODDABLE)/modules/network/wifi/manifest.json",
  flash: "$(MODDABLE)/modules/files/flash/manifest.json",
  "embedded:io/digital": "$(MODDABLE)/modules/io/digital/manifest.json",
});

describe("manifest.json", () => {
  const main = manifest("manifest.json");
  const mqtt = manifest("src/mqtt/manifest.json");
  const listed = Object.values(main.modules).flat();

  it("names files that exist", () => {
    for (const path of [...listed, ...(main.include ?? [])].filter((each) => each.startsWith("./"))) {
      const file = `${ROOT}${path.slice(2)}`;
      assert.ok(existsSync(file) || existsSync(`${file}.ts`), path);
    }
  });

  it("names every module that main.ts reaches, under a specifier that mirrors its folder, and preloads it", () => {
    for (const path of reachable()) {
      const specifier = path.slice("src/".length);
      const folder = specifier.includes("/") ? specifier.slice(0, specifier.lastIndexOf("/")) : "";
      const part = folder === "mqtt" ? mqtt : main;
      const under = part.modules[folder === "" ? specifier : `${folder}/*`] ?? [];
      const file = folder === "mqtt" ? `./${specifier.slice("mqtt/".length)}` : `./${path}`;
      assert.ok([under].flat().includes(file), `${path} is in no module list`);
      assert.ok(part.preload.includes(specifier), `${specifier} is not preloaded`);
    }
  });

  it("preloads every pure module, by name", () => {
    for (const folder of ["mqtt", "alertbox"]) {
      const part = folder === "mqtt" ? mqtt : main;
      for (const name of readdirSync(`${ROOT}src/${folder}`).filter((each) => each.endsWith(".ts"))) {
        assert.ok(part.preload.includes(`${folder}/${name.slice(0, -3)}`), `${folder}/${name}`);
      }
      assert.ok(!part.preload.some((each) => each.includes("*")), "wildcards skip TypeScript");
    }
  });

  it("links nothing of src that main.ts does not reach", () => {
    const reached = reachable();
    const own = listed
      .filter((path) => /^\.\/src\/(alertbox|device)\/[a-z-]+$/.test(path))
      .map((path) => path.slice(2));
    assert.deepEqual(
      own.filter((path) => !reached.has(path)),
      [],
    );
  });

  it("brings every specifier that the firmware imports, and the simulator has the same ones", () => {
    const simulated = text("host-sim/modules/index.ts");
    for (const specifier of specifiers()) {
      const include = INCLUDED[specifier];
      const isOwn = specifier in main.modules || listed.some((path) => path.endsWith(`/${specifier}`));
      assert.ok(isOwn || (include !== undefined && main.include?.includes(include)), `${specifier} comes from nowhere`);
      assert.ok(new RegExp(`["']?${specifier}["']?[:,]`).test(simulated), `the simulator has no ${specifier}`);
    }
  });

  it("gives the build the pins that main.ts asks for", () => {
    assert.deepEqual(main.config, { led: 2, button: 0 });
  });
});
