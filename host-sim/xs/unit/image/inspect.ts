// Values as text, for the messages of failed tests: short, on one line, and telling apart what a strict comparison
// tells apart. Runs inside XS; knows nothing of tests.

const DEPTH = 5;
const ITEMS = 64;
const CHARACTERS = 400;

/** `value` as a person would write it: strings quoted, classes named, what is too long or too deep cut with "…". */
export function inspect(value: unknown): string {
  return textOf(value, DEPTH, []);
}

/** A string in quotes, with control characters, lone surrogates and invisible ones as escapes. */
function quote(text: string): string {
  let quoted = '"';
  let count = 0;
  for (const character of text) {
    if (count++ === CHARACTERS) return `${quoted}…" (${text.length} characters)`;
    const point = character.codePointAt(0) as number;
    if (character === '"' || character === "\\") quoted += `\\${character}`;
    else if (character === "\n") quoted += "\\n";
    else if (isInvisible(point)) quoted += `\\u${point.toString(16).padStart(4, "0")}`;
    else quoted += character;
  }
  return `${quoted}"`;
}

function isInvisible(point: number): boolean {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0xd800 && point < 0xe000) || point === 0xfeff;
}

function textOf(value: unknown, depth: number, above: readonly object[]): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "function") return `[function ${value.name || "without a name"}]`;
  if (typeof value !== "object" || value === null) return String(value);
  if (above.includes(value)) return "[circular]";
  if (value instanceof Error) return `[${value.name}: ${value.message}]`;
  if (value instanceof RegExp || value instanceof Date) return String(value);
  const inner = (item: unknown) => textOf(item, depth - 1, [...above, value]);
  const name = classOf(value);
  if (depth === 0) return `[${name || "Object"}]`;
  if (Array.isArray(value)) return (name === "Array" ? "" : `${name} `) + listed(value, inner);
  if (value instanceof Map) {
    return `${name} ${braces(Array.from(value, ([key, item]) => `${inner(key)} => ${inner(item)}`))}`;
  }
  if (value instanceof Set) return `${name} ${braces(Array.from(value, inner))}`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer ${bytesOf(new Uint8Array(value))}`;
  if (value instanceof Uint8Array) return `${name} ${bytesOf(value)}`;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return `${name} ${listed(Array.from(value as unknown as ArrayLike<number>), inner)}`;
  }
  const fields = Object.entries(value).map(([key, item]) => `${key}: ${inner(item)}`);
  return (name === "Object" ? "" : `${name} `) + braces(fields);
}

/** "Object", "" for an object without a prototype, else the name of its class. */
function classOf(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return "[no prototype]";
  const maker = (prototype as { constructor?: unknown }).constructor;
  return typeof maker === "function" ? maker.name : "Object";
}

function listed(list: readonly unknown[], inner: (item: unknown) => string): string {
  const shown = Array.from({ length: Math.min(list.length, ITEMS) }, (_, at) =>
    at in list ? inner(list[at]) : "hole",
  );
  return `[${shown.join(", ")}${list.length > ITEMS ? `, … ${list.length - ITEMS} more` : ""}]`;
}

function braces(parts: readonly string[]): string {
  if (parts.length === 0) return "{}";
  const more = parts.length > ITEMS ? `, … ${parts.length - ITEMS} more` : "";
  return `{ ${parts.slice(0, ITEMS).join(", ")}${more} }`;
}

/** `<30 03 00>`, as Node shows a Buffer. */
function bytesOf(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, ITEMS), (byte) => byte.toString(16).padStart(2, "0"));
  return `<${shown.join(" ")}${bytes.length > ITEMS ? ` … ${bytes.length - ITEMS} more` : ""}>`;
}
