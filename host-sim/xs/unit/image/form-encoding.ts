// URLSearchParams as far as the tests use it: writing application/x-www-form-urlencoded as the WHATWG URL Standard has
// it. Runs inside XS, which has none; tested against Node's on Node.

import { Utf8Encoder } from "./utf8.js";

export class FormEncoding {
  readonly #fields: readonly (readonly [string, string])[];

  constructor(fields: Readonly<Record<string, string>>) {
    this.#fields = Object.entries(fields);
  }

  toString(): string {
    return this.#fields.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&");
  }
}

function encoded(text: string): string {
  let result = "";
  for (const byte of new Utf8Encoder().encode(text)) {
    const sign = String.fromCharCode(byte);
    if (/[\w*.-]/.test(sign)) result += sign;
    else if (byte === 0x20) result += "+";
    else result += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return result;
}
