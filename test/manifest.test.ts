// The manifest against the tree: mcconfig takes what it is told and says little, and wildcards in `preload` skip
// TypeScript.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { parse } from "acorn";
import { transformSync } from "esbuild";
import { describe, it } from "mocha";
import { firmwareTypeScript } from "../host-sim/typescript.js";
import { importsOf } from "./rules.js";

const ROOT = new URL("..", import.meta.url).pathname;

interface Manifest {
  readonly include?: readonly string[];
  readonly build?: Readonly<Record<string, string>>;
  readonly defines?: unknown;
  readonly modules: Readonly<Record<string, string | readonly string[]>>;
  readonly preload: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly typescript?: { readonly tsconfig: { readonly compilerOptions: Readonly<Record<string, unknown>> } };
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

/**
 * Whether a module gives a default export. The SDK imports each module whose specifier begins with setup/ when the chip
 * starts and calls its default export (xsHosts.c, modRunMachineSetup).
 */
function hasDefaultExport(source: string): boolean {
  const { code } = transformSync(source, { loader: "ts", format: "esm", target: "es2022" });
  const program = parse(code, { ecmaVersion: "latest", sourceType: "module" });
  return program.body.some((statement) => {
    if (statement.type === "ExportDefaultDeclaration") return true;
    if (statement.type !== "ExportNamedDeclaration") return false;
    return statement.specifiers.some(
      ({ exported }) => (exported.type === "Identifier" ? exported.name : exported.value) === "default",
    );
  });
}

/** Paths of the modules under a folder of src, without extension. */
function filesIn(folder: string): string[] {
  return readdirSync(`${ROOT}src/${folder}`)
    .filter((each) => each.endsWith(".ts"))
    .map((each) => `${folder}/${each.slice(0, -3)}`);
}

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

  it("has TypeScript compiled as the simulator and the tests do", () => {
    const options = main.typescript?.tsconfig.compilerOptions ?? {};
    const { target, ...rest } = firmwareTypeScript.compilerOptions;
    for (const [name, value] of Object.entries(rest)) assert.equal(options[name], value, name);
    const { compilerOptions } = JSON.parse(text("tsconfig.json")) as { compilerOptions: Record<string, unknown> };
    assert.equal(compilerOptions["target"], target);
    assert.equal(compilerOptions["useDefineForClassFields"], rest.useDefineForClassFields);
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
    for (const folder of ["mqtt", "alertbox", "setup"]) {
      const part = folder === "mqtt" ? mqtt : main;
      for (const specifier of filesIn(folder)) {
        // Nothing of the firmware needs it, and its flash is short; other projects may add it.
        if (specifier !== "mqtt/topic") assert.ok(part.preload.includes(specifier), specifier);
      }
      assert.ok(!part.preload.some((each) => each.includes("*")), "wildcards skip TypeScript");
    }
  });

  it("preloads each module once, and only modules that it lists", () => {
    for (const part of [main, mqtt]) {
      assert.deepEqual([...new Set(part.preload)], part.preload);
      const specifiers = Object.entries(part.modules).flatMap(([specifier, files]) => {
        if (!specifier.endsWith("*")) return [specifier];
        return [files].flat().map((file) => `${specifier.slice(0, -1)}${file.slice(file.lastIndexOf("/") + 1)}`);
      });
      // `system` is a folder of the SDK's.
      for (const specifier of part.preload) assert.ok(specifiers.includes(specifier), specifier);
    }
  });

  it("links nothing of src that main.ts does not reach", () => {
    const reached = reachable();
    const own = listed
      .filter((path) => /^\.\/src\/(alertbox|device|setup)\/[a-z-]+$/.test(path))
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

  it("takes TCP, the listener and UDP from the SDK's lwIP folder, each by itself, and preloads them", () => {
    assert.equal(main.build?.["IO"], "$(MODDABLE)/modules/io");
    for (const name of ["tcp", "listener", "udp"]) {
      const specifier = `embedded:io/socket/${name}`;
      assert.equal(main.modules[specifier], `$(IO)/socket/lwip/${name}`);
      assert.ok(main.preload.includes(specifier), specifier);
    }
    // The SDK's provider of nodemcu names every IO class, and each of them would be linked.
    assert.equal(main.modules["embedded:provider/builtin"], "./src/device/esp8266/provider");
    assert.match(text("src/device/esp8266/provider.ts"), /^export default Object\.freeze\(\{\}\);$/m);
    assert.deepEqual(importsOf({ path: "provider.ts", text: text("src/device/esp8266/provider.ts") }), []);
  });

  it("leaves out what nodemcu's target and the typings would bring, and nothing that is used", () => {
    const excluded = [main.modules["~"] ?? []].flat();
    const SDK = "$(MODDABLE)/typings/";
    for (const name of ["package", "tsconfig.es2024", "tsconfig.es2025"])
      assert.ok(excluded.includes(SDK + name), name);
    assert.ok(excluded.includes("$(MODDABLE)/build/devices/esp/targets/nodemcu/setup-target"));
    for (const folder of ["drivers/button", "drivers/led", "pins/digital", "pins/digital/monitor"]) {
      assert.ok(excluded.includes(`$(MODULES)/${folder}/*`), folder);
    }
    for (const path of excluded) {
      assert.match(path, /^\$\((MODDABLE|MODULES)\)\//, "nothing of ours");
      assert.ok(
        !listed.some((other) => other === path && main.modules["~"] !== other && !excluded.includes(other)),
        path,
      );
    }
    const used = Object.entries(main.modules).flatMap(([specifier, files]) => (specifier === "~" ? [] : files));
    assert.deepEqual(
      used.filter((path) => excluded.includes(path)),
      [],
    );
  });

  it("has the hook that tells why firmware crashed, which rtc-memory.ts sets", () => {
    assert.deepEqual((main.defines as { xs?: unknown }).xs, { abortHook: 1 });
    assert.match(text("src/device/rtc-memory.ts"), /\.abort = /);
    assert.match(text("src/main.ts"), /\.hearCrashes\(\)/);
  });

  it("gives the build the pins that main.ts asks for, and none that keeps the chip from starting", () => {
    assert.deepEqual(main.config, { led: 2, button: 0, wakeButton: 5 });
    for (const name of Object.keys(main.config ?? {})) assert.match(text("src/main.ts"), new RegExp(`\\.${name}\\b`));
    assert.ok(![0, 2, 15].includes(main.config?.["wakeButton"] as number), "held low while the chip starts");
  });
});

describe("src/setup", () => {
  it("has no default export: the SDK would call it when the chip starts", () => {
    const files = filesIn("setup");
    assert.ok(files.length >= 5);
    for (const file of files) assert.equal(hasDefaultExport(text(`src/${file}.ts`)), false, file);
  });

  it("nor is any other module of ours given a specifier that begins with setup/", () => {
    for (const specifier of Object.keys(manifest("manifest.json").modules)) {
      if (specifier.startsWith("setup/")) assert.equal(specifier, "setup/*");
    }
    for (const path of [manifest("manifest.json").modules["setup/*"] ?? []].flat()) {
      assert.match(path, /^\.\/src\/setup\/[a-z-]+$/);
    }
  });

  const broken = [
    "export default function () {}",
    "export default class Form {}",
    "export default Object.freeze({});",
    "const form = 1; export { form as default };",
    'export { form as default } from "./form.js";',
    'export { default } from "./form.js";',
  ];
  for (const source of broken) it(`would notice ${source}`, () => assert.equal(hasDefaultExport(source), true));

  it("does not take a type or a word for one", () => {
    for (const source of ["export type { Form as default };type Form = 1;", "export const x = { default: 1 };"]) {
      assert.equal(hasDefaultExport(source), false, source);
    }
  });
});
