// Freezes a value and all that hangs on it, as mcconfig's preloading puts objects into flash, where nothing can change
// them. Stops at the language's own objects, which the whole process shares.

const shared: ReadonlySet<unknown> = sharedObjects();

/** Freezes functions, classes with their prototypes, objects and arrays, down to the last. Bytes cannot be frozen. */
export function deepFreeze(root: unknown): void {
  const waiting: unknown[] = [root];
  const seen = new Set<unknown>();
  while (waiting.length > 0) {
    const value = waiting.pop();
    if ((typeof value !== "object" && typeof value !== "function") || value === null) continue;
    if (seen.has(value) || shared.has(value)) continue;
    seen.add(value);
    for (const descriptor of Object.values(Object.getOwnPropertyDescriptors(value))) {
      waiting.push(descriptor.value, descriptor.get, descriptor.set);
    }
    // A base class that is not exported is reached from the class that extends it.
    waiting.push(Object.getPrototypeOf(value));
    if (!ArrayBuffer.isView(value)) Object.freeze(value);
  }
}

function sharedObjects(): Set<unknown> {
  const objects = new Set<unknown>();
  const add = (value: unknown): void => {
    if ((typeof value !== "object" && typeof value !== "function") || value === null || objects.has(value)) return;
    objects.add(value);
    for (const descriptor of Object.values(Object.getOwnPropertyDescriptors(value))) {
      add(descriptor.value);
      add(descriptor.get);
      add(descriptor.set);
    }
    add(Object.getPrototypeOf(value));
  };
  const names = ["Object", "Function", "Array", "ArrayBuffer", "Boolean", "DataView", "Error", "JSON", "Map", "Math"];
  names.push("Number", "Promise", "Proxy", "RangeError", "Reflect", "RegExp", "Set", "String", "Symbol", "SyntaxError");
  names.push("TypeError", "URIError", "WeakMap", "WeakSet", "Uint8Array", "Int8Array", "Uint16Array", "Int16Array");
  names.push("Uint32Array", "Int32Array", "Float32Array", "Float64Array", "Uint8ClampedArray", "BigInt", "Atomics");
  names.push("SharedArrayBuffer", "BigInt64Array", "BigUint64Array", "WeakRef", "Iterator", "AggregateError");
  for (const name of names) add((globalThis as unknown as Record<string, unknown>)[name]);
  // biome-ignore lint/complexity/useArrowFunction: the prototypes of all kinds of functions are wanted.
  const kinds = [function* () {}, async function () {}, async function* () {}, [][Symbol.iterator](), new Map().keys()];
  for (const kind of kinds) add(Object.getPrototypeOf(kind));
  return objects;
}
