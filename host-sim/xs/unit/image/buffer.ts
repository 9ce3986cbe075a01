// Node's Buffer, by the npm package of that name, with faster conversions: the package reads strings by index, which
// takes XS, whose strings are UTF-8, the whole way from the start for each character. Only what the tests and
// mqtt-packet use is replaced.

import { Buffer } from "node:buffer";
import { Utf8Decoder, Utf8Encoder } from "./utf8.js";

type Encode = (text: string) => Uint8Array;
type Decode = (bytes: Uint8Array) => string;

/** Code points given to String.fromCodePoint at once: each takes a slot of the stack. */
const POINTS = 128;

const encoder = new Utf8Encoder();
const decoder = new Utf8Decoder("utf-8", { ignoreBOM: true });

const encoders: Readonly<Record<string, Encode>> = {
  utf8: (text) => encoder.encode(text),
  "utf-8": (text) => encoder.encode(text),
  latin1: latin1Bytes,
};

const decoders: Readonly<Record<string, Decode>> = {
  utf8: (bytes) => decoder.decode(bytes),
  "utf-8": (bytes) => decoder.decode(bytes),
  latin1: latin1Text,
};

function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  let end = 0;
  for (const character of text) bytes[end++] = character.codePointAt(0) as number;
  return bytes;
}

function latin1Text(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += POINTS) text += String.fromCharCode(...bytes.subarray(at, at + POINTS));
  return text;
}

type Methods = Readonly<Record<"from" | "byteLength" | "toString" | "write", (...args: unknown[]) => unknown>>;

const own = { ...(Buffer as unknown as Methods) };
const ofInstances = { ...(Buffer.prototype as unknown as Methods) };

Object.assign(Buffer, {
  from(value: unknown, encoding: unknown = "utf8", length?: unknown): unknown {
    const encode = typeof value === "string" ? encoders[encoding as string] : undefined;
    if (encode === undefined) return own.from(value, encoding === "utf8" ? undefined : encoding, length);
    return Object.setPrototypeOf(encode(value as string), Buffer.prototype);
  },
  byteLength(value: unknown, encoding: unknown = "utf8"): unknown {
    const encode = typeof value === "string" ? encoders[encoding as string] : undefined;
    return encode === undefined ? own.byteLength(value, encoding) : encode(value as string).length;
  },
});

Object.assign(Buffer.prototype, {
  toString(this: Buffer, encoding: unknown = "utf8", start = 0, end = this.length): unknown {
    const decode = decoders[encoding as string];
    if (decode === undefined) return ofInstances.toString.call(this, encoding, start, end);
    return decode(new Uint8Array(this.buffer, this.byteOffset, this.length).subarray(start, end));
  },
  write(this: Buffer, text: string, ...rest: unknown[]): unknown {
    const [offset = 0, encoding = "utf8"] = rest;
    if (typeof offset !== "number" || encoding !== "utf8") return ofInstances.write.call(this, text, ...rest);
    const bytes = encoder.encode(text);
    if (offset + bytes.length > this.length) return ofInstances.write.call(this, text, ...rest);
    this.set(bytes, offset);
    return bytes.length;
  },
});

export { Buffer };
