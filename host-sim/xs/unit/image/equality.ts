// Deep and strict equality as Node's assert.deepStrictEqual defines it: Object.is for primitives, the same prototype
// and the same own enumerable properties for objects, contents for arrays, bytes, maps and sets. Runs inside XS; knows
// nothing of tests.

type Fields = Record<PropertyKey, unknown>;

/** From so many words on, comparing words is worth the copies that it takes. */
const LONG = 16;

/** Pairs that are being compared further out, for structures that contain themselves. */
type Pairs = (readonly [object, object])[];

/** Whether the two are the same to the last property. */
export function equal(actual: unknown, expected: unknown): boolean {
  return same(actual, expected, []);
}

function same(actual: unknown, expected: unknown, above: Pairs): boolean {
  if (Object.is(actual, expected)) return true;
  if (typeof actual !== "object" || typeof expected !== "object" || actual === null || expected === null) return false;
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) return false;
  if (Object.prototype.toString.call(actual) !== Object.prototype.toString.call(expected)) return false;
  if (Array.isArray(actual) !== Array.isArray(expected)) return false;
  if (ArrayBuffer.isView(actual) || ArrayBuffer.isView(expected)) return sameViews(actual, expected, above);
  if (above.some(([left, right]) => left === actual && right === expected)) return true;
  const pairs: Pairs = [...above, [actual, expected]];
  return sameContents(actual, expected, pairs) && sameFields(actual, expected, pairs);
}

/** What an object holds beside its properties. */
function sameContents(actual: object, expected: object, pairs: Pairs): boolean {
  if (Array.isArray(actual)) return actual.length === (expected as unknown[]).length;
  if (actual instanceof Error) {
    const other = expected as Error;
    return actual.message === other.message && actual.name === other.name && same(actual.cause, other.cause, pairs);
  }
  if (actual instanceof RegExp) {
    return String(actual) === String(expected) && actual.lastIndex === (expected as RegExp).lastIndex;
  }
  if (actual instanceof Date) return Object.is(actual.getTime(), (expected as Date).getTime());
  if (actual instanceof ArrayBuffer) return sameBytes(new Uint8Array(actual), new Uint8Array(expected as ArrayBuffer));
  if (actual instanceof Map) return sameMaps(actual, expected as Map<unknown, unknown>, pairs);
  if (actual instanceof Set) return sameSets(actual, expected as Set<unknown>, pairs);
  if (actual instanceof Number || actual instanceof String || actual instanceof Boolean) {
    return Object.is(actual.valueOf(), expected.valueOf());
  }
  // Nobody can look into these, so only the same one is the same.
  return !(actual instanceof WeakMap || actual instanceof WeakSet || actual instanceof Promise);
}

function sameFields(actual: object, expected: object, pairs: Pairs): boolean {
  const keys = keysOf(actual);
  if (keys.length !== keysOf(expected).length) return false;
  for (const key of keys) {
    if (!Object.prototype.propertyIsEnumerable.call(expected, key)) return false;
    if (!same((actual as Fields)[key], (expected as Fields)[key], pairs)) return false;
  }
  return true;
}

function keysOf(value: object): PropertyKey[] {
  const symbols = Object.getOwnPropertySymbols(value);
  const enumerable = symbols.filter((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol));
  return [...Object.keys(value), ...enumerable];
}

function sameViews(actual: object, expected: object, above: Pairs): boolean {
  if (!ArrayBuffer.isView(actual) || !ArrayBuffer.isView(expected)) return false;
  if (actual.byteLength !== expected.byteLength) return false;
  if (actual instanceof Float32Array || actual instanceof Float64Array) {
    // By value and not by bits: one NaN is as good as another.
    return actual.every((value, at) => Object.is(value, (expected as Float64Array)[at]));
  }
  if (!sameBytes(bytesOf(actual), bytesOf(expected))) return false;
  // Object.keys names every element too, so a large one is not listed unless something was added to it.
  const { length } = actual instanceof DataView ? { length: 0 } : (actual as Uint8Array);
  if (length > 0x1000) return true;
  return sameFields(extras(actual, length), extras(expected, length), above);
}

/** The properties of a typed array that are no elements. */
function extras(view: object, length: number): object {
  const fields: Fields = {};
  const keys = keysOf(view);
  if (keys.length > length) for (const key of keys.slice(length)) fields[key] = (view as unknown as Fields)[key];
  return fields;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function sameBytes(actual: Uint8Array, expected: Uint8Array): boolean {
  if (actual.length !== expected.length) return false;
  const words = actual.length >> 2;
  if (words > LONG) {
    const [left, right] = [wordsOf(actual, words), wordsOf(expected, words)];
    for (let at = 0; at < words; at++) if (left[at] !== right[at]) return false;
  }
  for (let at = words > LONG ? words << 2 : 0; at < actual.length; at++) if (actual[at] !== expected[at]) return false;
  return true;
}

/** The bytes four at a time; a copy, because words must lie at a multiple of four. */
function wordsOf(bytes: Uint8Array, words: number): Uint32Array {
  return new Uint32Array(new Uint8Array(bytes).buffer, 0, words);
}

function sameMaps(actual: Map<unknown, unknown>, expected: Map<unknown, unknown>, pairs: Pairs): boolean {
  if (actual.size !== expected.size) return false;
  const rest = new Map(expected);
  for (const [key, value] of actual) {
    const twin = rest.has(key) ? key : matchOf(key, rest.keys(), pairs);
    if (twin === NONE || !same(value, rest.get(twin), pairs)) return false;
    rest.delete(twin);
  }
  return true;
}

function sameSets(actual: Set<unknown>, expected: Set<unknown>, pairs: Pairs): boolean {
  if (actual.size !== expected.size) return false;
  const rest = new Set(expected);
  for (const value of actual) {
    const twin = rest.has(value) ? value : matchOf(value, rest.keys(), pairs);
    if (twin === NONE) return false;
    rest.delete(twin);
  }
  return true;
}

const NONE = Symbol("none");

function matchOf(wanted: unknown, candidates: Iterable<unknown>, pairs: Pairs): unknown {
  if (typeof wanted !== "object") return NONE;
  for (const candidate of candidates) if (same(wanted, candidate, pairs)) return candidate;
  return NONE;
}
