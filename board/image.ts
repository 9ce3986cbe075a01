// The firmware as xsl writes it into C (mc.xs.c), taken apart: how much of it is byte code, objects and names, and of
// which module. Pure: text in, numbers out. It knows the shape of that file, and nothing of folders or the linker.
//
// How it can tell: every function in the image has a home slot that names its module (xs/sources/xsFunction.c), so its
// byte code and its slots are that module's. Objects go to the module that reaches them first by references; what the
// engine's roots (gxStack) reach without passing a module is built in.

/** Bytes of a slot on a 32-bit target. */
const SLOT_BYTES = 16;

export interface ModuleBytes {
  /** Specifier, as the firmware imports it. */
  readonly module: string;
  readonly code: number;
  readonly objects: number;
}

export interface ImageBytes {
  readonly modules: readonly ModuleBytes[];
  /** Names of properties and their tables. */
  readonly names: number;
}

interface Slot {
  readonly next: number;
  readonly id: string;
  readonly kind: string;
  /** What follows `.value =`. */
  readonly value: string;
}

const NONE = -1;

const SLOT_LINE =
  /^\/\* (\d+) \*\/\s*\{ (?:NULL|\(txSlot\*\)&gxHeap\[(\d+)\]), \{\.ID = ([^,/]+?)(?: \/\*.*?\*\/)?, \.flag = [^,]+, \.kind = (\w+)\}, \.value = (.*)$/;

function parseSlots(lines: readonly string[]): Map<number, Slot> {
  const slots = new Map<number, Slot>();
  for (const line of lines) {
    const match = SLOT_LINE.exec(line);
    if (match === null) continue;
    const [, index, next, id = "", kind = "", value = ""] = match;
    slots.set(Number(index), { next: next === undefined ? NONE : Number(next), id, kind, value });
  }
  return slots;
}

/** Bytes of a C string literal, its terminator included. */
function literalBytes(literal: string): number {
  return Buffer.byteLength(literal.replace(/\\x[0-9a-fA-F]{2}|\\[0-7]{1,3}|\\./g, "?")) + 1;
}

function references(value: string): number[] {
  // Byte code is text without references in it; the reference of a function's closures follows it.
  return Array.from(value.matchAll(/&gxHeap\[(\d+)\]/g), (match) => Number(match[1]));
}

const LITERAL = /"((?:[^"\\]|\\.)*)"/;

class Image {
  readonly slots: Map<number, Slot>;
  readonly #stack: readonly number[];
  /** Owner of each slot: a module's specifier, or "" for what is built in. */
  readonly #owners = new Map<number, string>();
  readonly #moduleOf = new Map<number, string>();
  readonly #names = new Map<string, string>();

  constructor(text: string) {
    const lines = text.split("\n");
    this.slots = parseSlots(lines);
    const from = lines.findIndex((line) => line.startsWith("static const txSlot gxStack[mxStackCount] = {"));
    const to = lines.indexOf("};", from);
    this.#stack = from < 0 ? [] : references(lines.slice(from, to).join("\n"));
    for (const slot of this.slots.values()) {
      if (slot.kind.startsWith("XS_KEY")) this.#names.set(slot.id, LITERAL.exec(slot.value)?.[1] ?? "");
    }
    for (const [index, slot] of this.slots) {
      const module = this.slots.get(slot.next);
      if (slot.kind !== "XS_INSTANCE_KIND" || module?.kind !== "XS_MODULE_KIND") continue;
      const id = /\.module = \{ [^,]+, (\w+)/.exec(module.value)?.[1] ?? "";
      this.#moduleOf.set(index, this.#names.get(id) ?? id);
    }
  }

  get modules(): Iterable<string> {
    return this.#moduleOf.values();
  }

  ownerOf(index: number): string {
    return this.#owners.get(index) ?? "";
  }

  #chain(instance: number): number[] {
    const chain: number[] = [];
    for (let at = instance; at !== NONE && !chain.includes(at); at = this.slots.get(at)?.next ?? NONE) chain.push(at);
    return chain;
  }

  /** Gives `owner` everything that `roots` reach and nobody has; stops at modules, which have an owner of their own. */
  #spread(roots: readonly number[], owner: string): void {
    const waiting = [...roots];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      const slot = this.slots.get(at);
      if (slot === undefined || this.#owners.has(at) || (owner === "" && this.#moduleOf.has(at))) continue;
      this.#owners.set(at, owner);
      if (slot.next !== NONE) waiting.push(slot.next);
      waiting.push(...references(slot.value));
    }
  }

  settle(): void {
    // Functions first: their home says whose they are, wherever they are reached from.
    const claimed: [number, string][] = [];
    for (const [index, slot] of this.slots) {
      if (slot.kind !== "XS_INSTANCE_KIND") continue;
      const chain = this.#chain(index);
      const home = chain.map((at) => this.slots.get(at)).find((each) => each?.kind === "XS_HOME_KIND");
      const isCode = chain.some((at) => /^XS_CODE/.test(this.slots.get(at)?.kind ?? ""));
      const module = this.#moduleOf.get(references(home?.value ?? "").at(-1) ?? NONE);
      if (!isCode || module === undefined) continue;
      for (const at of chain) if (!this.#owners.has(at)) this.#owners.set(at, module);
      claimed.push([index, module]);
    }
    for (const [index, module] of this.#moduleOf) for (const at of this.#chain(index)) this.#owners.set(at, module);
    this.#spread(this.#stack, "");
    for (const [index, module] of [...claimed, ...this.#moduleOf]) {
      for (const at of this.#chain(index)) this.#spread(references(this.slots.get(at)?.value ?? ""), module);
    }
  }
}

/** Byte code of modules that are not preloaded stands in arrays of its own, in the order of gxScripts. */
function separateCode(text: string): Map<string, number> {
  const scripts = Array.from(text.matchAll(/^\t\{ (?:NULL|xsHostModule\d+), .*, "([^"]+)", \{ XS_MAJOR_VERSION/gm));
  const found = new Map<string, number>();
  for (const match of text.matchAll(/^static const txU1 gxCode(\d+)\[(\d+)\];/gm)) {
    found.set(scripts[Number(match[1])]?.[1] ?? "", Number(match[2]));
  }
  return found;
}

/** What each module and the names take in the image; undefined when the text is not what xsl 8.2 writes. */
export function parseImage(text: string): ImageBytes | undefined {
  const image = new Image(text);
  if (image.slots.size === 0) return undefined;
  image.settle();
  const code = separateCode(text);
  const objects = new Map<string, number>();
  for (const module of image.modules) objects.set(module, 0);
  const add = (to: Map<string, number>, module: string, bytes: number) => to.set(module, (to.get(module) ?? 0) + bytes);
  const keys = Number(/^#define mxKeysCount (\d+)/m.exec(text)?.[1] ?? 0);
  const tables = Number(/^#define mxNamesCount (\d+)/m.exec(text)?.[1] ?? 0);
  // gxKeys and gxNames hold pointers, gxColors 16-bit numbers.
  let names = keys * 4 + tables * 4 + (text.includes("gxColors[mxKeysCount]") ? keys * 2 : 0);
  // The compiler keeps equal literals once.
  const seen = new Set<string>();
  for (const [index, slot] of image.slots) {
    const literal = LITERAL.exec(slot.value)?.[1];
    const isNew = literal !== undefined && !seen.has(literal);
    if (isNew) seen.add(literal);
    const bytes = isNew ? literalBytes(literal) : 0;
    const owner = image.ownerOf(index);
    if (slot.kind.startsWith("XS_KEY")) {
      names += SLOT_BYTES + bytes;
    } else if (owner !== "") {
      const isCode = slot.kind.startsWith("XS_CODE");
      add(objects, owner, SLOT_BYTES + (isCode ? 0 : bytes));
      if (isCode) add(code, owner, bytes);
    }
  }
  const modules = [...new Set([...objects.keys(), ...code.keys()])].sort();
  return {
    names,
    modules: modules.map((module) => ({ module, code: code.get(module) ?? 0, objects: objects.get(module) ?? 0 })),
  };
}
