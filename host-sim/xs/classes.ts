// What firmware on a lab finds natively: the simulator's own modules, looked at through reflection, as a table for the
// engine (one line for each function) and as small shim modules in JavaScript that export what the table makes. It
// calls nothing by itself and knows no module by name but the globals.

/**
 * Which part of an export a line is. A clock is a static getter whose value comes with each frame: firmware asks for it
 * all the time, and it does not change between two frames.
 */
export type NativeKind =
  | "constructor"
  | "method"
  | "getter"
  | "setter"
  | "function"
  | "staticgetter"
  | "staticsetter"
  | "clock";

/** One native function. */
export interface NativeLine {
  readonly specifier: string;
  /** Name of the export. */
  readonly name: string;
  readonly kind: NativeKind;
  /** "" when the export itself is meant. */
  readonly member: string;
  readonly argc: number;
}

/** A module in JavaScript. */
export interface SourceModule {
  readonly specifier: string;
  readonly code: string;
  /** Whether it runs once, before there is a machine of the chip's size (`preload` of the manifest). */
  readonly preload: boolean;
}

export interface NativeTable {
  readonly lines: readonly NativeLine[];
  /** The table as the lab programs read it. */
  readonly text: string;
  readonly shims: readonly SourceModule[];
}

/** Exports by specifier; those of `globalThis` are the globals. */
export type Exports = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

const globalsSpecifier = "globalThis";

const clock = Object.freeze({ specifier: "time", member: "ticks" });

/** The most that the lab programs have room for. */
const mostLines = 128;

/** The globals that a board gives (board.ts), as if they were exports of a module. */
export function globalExports(globals: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { trace, System } = globals;
  return { trace, System, random: (globals["Math"] as Math).random };
}

/**
 * The table and the shims of some modules.
 * @throws RangeError when there are more functions than the lab has room for.
 */
export function describeNatives(exports: Exports): NativeTable {
  const lines: NativeLine[] = [];
  const shims: SourceModule[] = [];
  for (const [specifier, members] of exports) {
    const text: string[] = [];
    for (const [name, value] of Object.entries(members)) {
      if (specifier === globalsSpecifier) text.push(globalOf(name));
      else text.push(...exportOf(specifier, name, value));
      addLines(lines, specifier, name, value);
    }
    shims.push({ specifier, code: `${text.join("\n")}\n`, preload: true });
  }
  if (lines.length > mostLines) {
    throw new RangeError(`these modules have ${lines.length} functions; the lab has room for ${mostLines}`);
  }
  const text = lines.map(({ specifier, name, kind, member, argc }, index) =>
    [index, specifier, name, kind, member, argc].join("\t"),
  );
  return { lines, text: `${text.join("\n")}\n`, shims };
}

/** Lines in JavaScript that make a global of what the table has. */
function globalOf(name: string): string {
  const target = name === "random" ? "Math.random" : `globalThis.${name}`;
  return `${target} = native("${globalsSpecifier}", "${name}");`;
}

/** Lines in JavaScript that export something of a module. */
function exportOf(specifier: string, name: string, value: unknown): string[] {
  const variable = `$${name}`;
  const exported = `export { ${variable} as ${name} };`;
  if (!hasFunctions(value)) return [`const ${variable} = ${literal(value)};`, exported];
  const lines = [`const ${variable} = native(${JSON.stringify(specifier)}, "${name}");`];
  for (const [member, descriptor] of membersOf(value as object)) {
    if (!isNative(descriptor)) lines.push(`${variable}.${member} = ${literal(descriptor.value)};`);
  }
  return [...lines, `Object.freeze(${variable});`, exported];
}

function hasFunctions(value: unknown): boolean {
  if (typeof value === "function") return true;
  if (typeof value !== "object" || value === null) return false;
  return membersOf(value).some(([, descriptor]) => isNative(descriptor));
}

function isNative(descriptor: PropertyDescriptor): boolean {
  return typeof descriptor.value === "function" || descriptor.get !== undefined || descriptor.set !== undefined;
}

/** Own members by name, without what every function and every prototype has. */
function membersOf(value: object): [string, PropertyDescriptor][] {
  const all = Object.entries(Object.getOwnPropertyDescriptors(value));
  const given = typeof value === "function" ? ["length", "name", "prototype"] : ["constructor"];
  return all.filter(([name]) => !given.includes(name));
}

/** Data as an expression that is frozen to the last level, as mcconfig freezes `mc/config`. */
function literal(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "undefined";
  if (Array.isArray(value)) return `Object.freeze([${value.map(literal).join(", ")}])`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const texts = members.map(([key, member]) => `${JSON.stringify(key)}: ${literal(member)}`);
  return `Object.freeze({ ${texts.join(", ")} })`;
}

function addLines(lines: NativeLine[], specifier: string, name: string, value: unknown): void {
  const add = (kind: NativeKind, member: string, argc: number): void => {
    lines.push({ specifier, name, kind, member, argc });
  };
  if (!hasFunctions(value)) return;
  if (typeof value === "function") {
    const prototype = isClass(value) ? (value.prototype as object) : undefined;
    add(prototype === undefined ? "function" : "constructor", "", value.length);
    for (const [member, { value: method, get, set }] of prototype === undefined ? [] : membersOf(prototype)) {
      if (typeof method === "function") add("method", member, method.length);
      if (get !== undefined) add("getter", member, 0);
      if (set !== undefined) add("setter", member, 1);
    }
  }
  for (const [member, { value: method, get, set }] of membersOf(value as object)) {
    if (typeof method === "function") add("function", member, method.length);
    const isClock = specifier === clock.specifier && member === clock.member;
    if (get !== undefined) add(isClock ? "clock" : "staticgetter", member, 0);
    if (set !== undefined) add("staticsetter", member, 1);
  }
}

/** Functions written as classes cannot be called without `new`; their prototype property cannot be written. */
function isClass(value: object): value is { readonly prototype: object; readonly length: number } {
  return Object.getOwnPropertyDescriptor(value, "prototype")?.writable === false;
}

/** Does what a line says, for the exports of one boot. */
export type NativeFunction = (self: object | undefined, values: readonly unknown[]) => unknown;

/** The table, and what is behind it in one boot. */
export interface Natives {
  readonly lines: readonly NativeLine[];
  readonly functions: readonly NativeFunction[];
  /** The class of each line that is a constructor. */
  readonly classes: readonly unknown[];
}

/** Binds the table to the exports of one boot. @throws Error when they are not those that were described. */
export function bindNatives({ lines }: NativeTable, exports: Exports): Natives {
  const values = lines.map(({ specifier, name }) => {
    const value = exports.get(specifier)?.[name];
    if (value === undefined) throw new Error(`module "${specifier}" has no export "${name}" any more`);
    return value as object;
  });
  return {
    lines,
    functions: lines.map((line, index) => nativeFunction(line, values[index] as object)),
    classes: lines.map((line, index) => (line.kind === "constructor" ? values[index] : undefined)),
  };
}

function nativeFunction({ kind, member }: NativeLine, value: object): NativeFunction {
  const onPrototype = (value as { prototype?: object }).prototype ?? value;
  const isStatic = kind.startsWith("static") || kind === "function" || kind === "clock";
  const owner = isStatic ? value : onPrototype;
  const descriptor = Object.getOwnPropertyDescriptor(owner, member);
  const call = (method: unknown): NativeFunction => {
    if (typeof method !== "function") throw new Error(`"${member}" is no function any more`);
    return (self, values) => Reflect.apply(method, owner === value ? value : self, values);
  };
  switch (kind) {
    case "constructor":
      return (_self, values) => Reflect.construct(value as new (...values: unknown[]) => object, values);
    case "function":
      return call(member === "" ? value : descriptor?.value);
    case "method":
      return call(descriptor?.value);
    case "getter":
    case "staticgetter":
    case "clock":
      return call(descriptor?.get);
    case "setter":
    case "staticsetter":
      return call(descriptor?.set);
  }
}
