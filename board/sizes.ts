// What each part of a linked image costs in flash and static RAM, and whether the whole stays within the budget. Pure:
// it is given what the build left behind as text. The parts always add up to the totals of `size -A`; what no rule
// knows is a row of its own, never silently dropped.

import { Budget } from "./budget.js";
import { type ImageBytes, type ModuleBytes, parseImage } from "./image.js";
import { type Bytes, parseMap, parseSizes } from "./link-map.js";
import { grouped, table } from "./report.js";

export interface Part extends Bytes {
  readonly part: string;
}

export interface Sizes extends Bytes {
  readonly parts: readonly Part[];
  /** Byte code and objects of each module, the SDK's included. */
  readonly modules: readonly ModuleBytes[];
}

/** What a build leaves behind, as text. */
export interface Listing {
  /** `xtensa-lx106-elf-size -A main.elf`. */
  readonly sizes: string;
  /** The linker's map. */
  readonly map: string;
  /** mc.xs.c, the modules as xsl wrote them. */
  readonly image: string;
  /** Folder of src by specifier, for the modules that are ours: `mqtt/session` is `mqtt`. */
  readonly folders: ReadonlyMap<string, string>;
  /** Folder of src by object file name, for C that is ours: `chip.c.o` is `device`. */
  readonly objects: ReadonlyMap<string, string>;
}

const Rows = Object.freeze({
  NAMES: "names of properties",
  RESOURCES: "resources",
  MODULES: "Moddable's modules: JavaScript",
  NATIVE: "Moddable's modules: C",
  BUILT_IN: "XS: built-in objects",
  ENGINE: "XS: the engine",
  ARDUINO: "Arduino core",
  WIFI: "Espressif SDK: Wi-Fi",
  LWIP: "Espressif SDK: lwIP",
  ESPRESSIF: "Espressif SDK: the rest",
  C_LIBRARY: "C library",
  ALIGNMENT: "alignment, linker script",
  UNKNOWN: "not attributed",
} as const);

/** The last word of the attribution, printed with the table. */
export const METHOD =
  "Totals: size -A, as the SDK counts. Parts: the linker's map by object file; within mc.xs.c by the home of each\n" +
  "function (xsl's heap), byte code and objects together. Objects are counted with the module that reaches them first.\n";

const ARCHIVES: Readonly<Record<string, string>> = Object.freeze({
  "libnet80211.a": Rows.WIFI,
  "libpp.a": Rows.WIFI,
  "libphy.a": Rows.WIFI,
  "libwpa.a": Rows.WIFI,
  "libwps.a": Rows.WIFI,
  "libcrypto.a": Rows.WIFI,
  "libsmartconfig.a": Rows.WIFI,
  "liblwip.a": Rows.LWIP,
  "libmain.a": Rows.ESPRESSIF,
  "libaxtls.a": Rows.ESPRESSIF,
  "libm.a": Rows.C_LIBRARY,
  "libc.a": Rows.C_LIBRARY,
  "libgcc.a": Rows.C_LIBRARY,
  "libhal.a": Rows.C_LIBRARY,
  "libstdc++.a": Rows.C_LIBRARY,
  "lib_a-setjmp.o": Rows.C_LIBRARY,
});

/** The row of an object file; undefined for mc.xs.c.o, which is divided further. */
function rowOf(object: string, own: ReadonlyMap<string, string>): string | undefined {
  if (object === "") return Rows.ALIGNMENT;
  const path = object.replaceAll("\\", "/");
  const file = path.replace(/\(.*\)$/, "").replace(/^.*\//, "");
  if (file === "mc.xs.c.o") return undefined;
  if (file === "mc.resources.c.o") return Rows.RESOURCES;
  const archive = ARCHIVES[file];
  if (archive !== undefined) return archive;
  const folder = own.get(file);
  if (folder !== undefined) return `src/${folder}`;
  if (!file.endsWith(".o")) return Rows.UNKNOWN;
  if (/^(xs\w*\.c|main\.cpp)\.o$/.test(file)) return Rows.ENGINE;
  // The makefile keeps what does not depend on the project in lib/: XS, its port, and the Arduino core.
  return /\/lib\/[^/]+$/.test(path) ? Rows.ARDUINO : Rows.NATIVE;
}

class Sum {
  readonly #rows = new Map<string, { flash: number; ram: number }>();

  add(part: string, flash: number, ram: number): void {
    const row = this.#rows.get(part) ?? { flash: 0, ram: 0 };
    this.#rows.set(part, row);
    row.flash += flash;
    row.ram += ram;
  }

  parts(): Part[] {
    const rows = [...this.#rows].map(([part, bytes]) => ({ part, ...bytes }));
    const order = (part: string) => (part.startsWith("src/") ? -1 : Object.values<string>(Rows).indexOf(part));
    return rows
      .filter((row) => row.flash !== 0 || row.ram !== 0)
      .sort((a, b) => order(a.part) - order(b.part) || (a.part < b.part ? -1 : 1));
  }
}

/** Divides mc.xs.c.o; what is neither ours nor a module of the SDK nor a name is the engine's built-in objects. */
function divide(sum: Sum, image: ImageBytes | undefined, total: Bytes, folders: ReadonlyMap<string, string>): void {
  let rest = total.flash;
  const add = (part: string, bytes: number) => {
    sum.add(part, bytes, 0);
    rest -= bytes;
  };
  for (const { module, code, objects } of image?.modules ?? []) {
    const folder = folders.get(module);
    add(folder === undefined ? Rows.MODULES : `src/${folder}`, code + objects);
  }
  if (image !== undefined) add(Rows.NAMES, image.names);
  sum.add(image === undefined ? Rows.UNKNOWN : Rows.BUILT_IN, rest, total.ram);
}

/** Totals and parts of a build; undefined when `sizes` is not the output of `size -A`. */
export function measure(listing: Listing): Sizes | undefined {
  const total = parseSizes(listing.sizes);
  if (total === undefined) return undefined;
  const sum = new Sum();
  const image = parseImage(listing.image);
  let { flash, ram } = total;
  for (const contribution of parseMap(listing.map)) {
    flash -= contribution.flash;
    ram -= contribution.ram;
    const row = rowOf(contribution.object, listing.objects);
    if (row !== undefined) sum.add(row, contribution.flash, contribution.ram);
    else divide(sum, image, contribution, listing.folders);
  }
  sum.add(Rows.UNKNOWN, flash, ram);
  return { ...total, parts: sum.parts(), modules: image?.modules ?? [] };
}

/** What is over the budget, as a sentence each; empty when all is well. */
export function overBudget(sizes: Bytes): string[] {
  const found: string[] = [];
  const compare = (name: string, bytes: number, budget: number) => {
    if (bytes > budget)
      found.push(
        `${name} takes ${grouped(bytes)} bytes, ${grouped(bytes - budget)} over the budget of ${grouped(budget)}`,
      );
  };
  compare("static RAM", sizes.ram, Budget.RAM_BYTES);
  compare("flash", sizes.flash, Budget.FLASH_BYTES);
  return found;
}

/** The table that a person reads. */
export function sizeTable(sizes: Sizes): string {
  const row = (name: string, flash: number, ram: number) => [name, grouped(flash), grouped(ram)];
  return table([
    ["bytes", "flash", "static RAM"],
    ...sizes.parts.map(({ part, flash, ram }) => row(part, flash, ram)),
    row("total", sizes.flash, sizes.ram),
    row("budget", Budget.FLASH_BYTES, Budget.RAM_BYTES),
  ]);
}

/** Byte code and objects of each module, the largest first. */
export function moduleTable(sizes: Sizes): string {
  const rows = sizes.modules.filter(({ code, objects }) => code + objects > 0);
  const sorted = rows.sort((a, b) => b.code + b.objects - a.code - a.objects);
  return table([
    ["bytes of flash", "byte code", "objects"],
    ...sorted.map(({ module, code, objects }) => [module, grouped(code), grouped(objects)]),
  ]);
}
