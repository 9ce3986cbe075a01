// JSON text, written and read by hand. JSON.stringify of XS takes 1,024 bytes outside of the JavaScript heap for each
// call and stops the machine when Wi-Fi has left none (xsJSON.c); JSON.parse recurses on the C stack (4.6 KB on the
// chip) as deep as a stranger likes, and XS keeps each new name in a table that never shrinks. Both are 7 KB of flash
// more than this. Bytes and text only; what the values mean is not known here.

import type { Scanner } from "./flash.js";

/** XS takes a range (xsString.c, fx_String_fromArrayBuffer); its typings name the buffer only. */
type FromArrayBuffer = (buffer: ArrayBufferLike, byteOffset: number, byteLength: number) => string;

type Holder = unknown[] | Record<string, unknown>;

/** What may follow a backslash, and what it stands for. */
const ESCAPED = '"\\/bfnrt';
const MEANT = '"\\/\b\f\n\r\t';

/**
 * A JSON string: quotes, backslashes and control characters escaped, everything else as it is. With a `scanner` a long
 * text takes hardly more time than a short one.
 */
export function quoted(text: string, scanner?: Scanner): string {
  const bytes = new Uint8Array(ArrayBuffer.fromString(text));
  const end = bytes.length;
  let result = '"';
  for (let from = 0; ; from += 1) {
    let stop = from;
    if (scanner !== undefined) {
      // Up to a quote or a control character, if there is no backslash before it.
      stop = scanner.span(bytes, from, end, 0x20, 0xff, 0x22);
      stop = scanner.span(bytes, from, stop, 0, 0xff, 0x5c);
    } else
      while (stop < end && bytes[stop] !== 0x22 && bytes[stop] !== 0x5c && (bytes[stop] as number) >= 0x20) stop += 1;
    if (stop > from) result += (String.fromArrayBuffer as FromArrayBuffer)(bytes.buffer, from, stop - from);
    if (stop === end) return `${result}"`;
    const code = bytes[stop] as number;
    result += code < 0x20 ? `\\u00${code < 16 ? "0" : ""}${code.toString(16)}` : code === 0x22 ? '\\"' : "\\\\";
    from = stop;
  }
}

/** `,"name":"text"`, or nothing for an empty text. */
export function optional(name: string, text: string, scanner?: Scanner): string {
  return text === "" ? "" : `,"${name}":${quoted(text, scanner)}`;
}

/**
 * Reads one JSON text (RFC 8259) in UTF-8, as JSON.parse does, but for three things: it is bounded, a member named
 * `__proto__` is refused (on the chip, whose built-ins are frozen, every name that Object.prototype has, with a
 * TypeError), and so is an escaped half of a surrogate pair, which UTF-8 cannot spell. The bytes are spoilt: escapes
 * are undone in place. Settings need an object, in it a list, in it objects, and about 20 members in all.
 */
export class JsonReader {
  private readonly bytes: Uint8Array;
  private readonly scanner: Scanner | undefined;
  private place = 0;
  private count = 0;
  /** Objects and lists that the place is in, the innermost last. */
  private readonly holders: Holder[] = [];
  /** What was read so far. */
  result: unknown;

  /** `scanner` finds the ends of strings; without one they are looked for byte by byte. */
  constructor(bytes: Uint8Array, scanner?: Scanner) {
    this.bytes = bytes;
    this.scanner = scanner;
  }

  /**
   * Reads the next member, or what stands alone; false when all is read.
   *
   * @throws SyntaxError when it is not JSON; RangeError when it is nested deeper than 4 or has more than 32 commas.
   *   What lies beyond the place where that was noticed is not looked at.
   */
  step(): boolean {
    const { holders } = this;
    let start = 0;
    let name = "";
    let holder = holders[holders.length - 1];
    if (holder !== undefined && !Array.isArray(holder)) {
      name = this.next() === 0x22 ? this.text() : "__proto__";
      if (name === "__proto__" || this.next() !== 0x3a) throw new SyntaxError();
      this.place += 1;
    }
    start = this.next() ?? 0;
    const isHolder = start === 0x7b || start === 0x5b;
    const value = isHolder ? (start === 0x7b ? {} : []) : start === 0x22 ? this.text() : this.word();
    if (holder === undefined) this.result = value;
    else if (Array.isArray(holder)) holder.push(value);
    else holder[name] = value;
    let byte: number | undefined;
    if (isHolder) {
      if (holders.length === 4) throw new RangeError();
      holders.push(value as Holder);
      this.place += 1;
      byte = this.next();
      // It may be empty. "}" comes two after "{" in ASCII, and "]" after "[".
      if (byte !== start + 2) return true;
    }
    // Out of all that ends here.
    for (;;) {
      byte = this.next();
      holder = holders[holders.length - 1];
      if (holder === undefined) {
        if (byte !== undefined) throw new SyntaxError();
        return false;
      }
      const end = Array.isArray(holder) ? 0x5d : 0x7d;
      this.place += 1;
      if (byte === end) {
        holders.length -= 1;
        continue;
      }
      if (byte !== 0x2c) throw new SyntaxError();
      this.count += 1;
      if (this.count > 32) throw new RangeError();
      // Nothing but a value may follow a comma.
      if (this.next() === end) throw new SyntaxError();
      return true;
    }
  }

  /** The next byte that is no white space; undefined at the end. */
  private next(): number | undefined {
    let byte = this.bytes[this.place];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      this.place += 1;
      byte = this.bytes[this.place];
    }
    return byte;
  }

  /** A string; `at` is at its opening quote. */
  private text(): string {
    const { bytes, scanner } = this;
    const start = this.place + 1;
    let at = start;
    // Where the next character goes: as far as no escape was met, where it is already.
    let end = start;
    for (;;) {
      let stop = at;
      if (scanner !== undefined) {
        // To the quote or what is forbidden, if there is no escape before it.
        stop = scanner.span(bytes, at, bytes.length, 0x20, 0xff, 0x22);
        stop = scanner.span(bytes, at, stop, 0, 0xff, 0x5c);
      } else while (bytes[stop] !== 0x22 && bytes[stop] !== 0x5c && (bytes[stop] ?? 0) >= 0x20) stop += 1;
      if (end < at) bytes.copyWithin(end, at, stop);
      end += stop - at;
      at = stop;
      let byte = bytes[at];
      if (byte === 0x22) break;
      if (byte !== 0x5c) throw new SyntaxError();
      byte = bytes[at + 1];
      at += 2;
      if (byte === 0x75) {
        let code = this.hex(at);
        at += 4;
        if (code >= 0xd800 && code < 0xe000) {
          const low = bytes[at] === 0x5c && bytes[at + 1] === 0x75 ? this.hex(at + 2) : 0;
          if (code >= 0xdc00 || low < 0xdc00 || low >= 0xe000) throw new SyntaxError();
          code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
          at += 6;
        }
        // UTF-8: a lead byte with as many ones as there are bytes, then six bits in each.
        let more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        bytes[end] = more === 0 ? code : (0xff00 >> (more + 1)) | (code >> (6 * more));
        for (; more > 0; more -= 1) {
          end += 1;
          bytes[end] = 0x80 | ((code >> (6 * more - 6)) & 0x3f);
        }
      } else {
        let place = 0;
        while (place < 8 && ESCAPED.charCodeAt(place) !== byte) place += 1;
        if (place === 8) throw new SyntaxError();
        bytes[end] = MEANT.charCodeAt(place);
      }
      end += 1;
    }
    this.place = at + 1;
    return (String.fromArrayBuffer as FromArrayBuffer)(bytes.buffer, bytes.byteOffset + start, end - start);
  }

  /** Four hex digits. */
  private hex(at: number): number {
    let code = 0;
    for (let i = at; i < at + 4; i += 1) {
      const byte = this.bytes[i] ?? 0;
      const letter = byte | 0x20;
      const digit = letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : byte - 0x30;
      if (digit < 0 || digit > 15 || (digit > 9 && letter < 0x61)) throw new SyntaxError();
      code = code * 16 + digit;
    }
    return code;
  }

  /** A number, `true`, `false` or `null`. */
  private word(): boolean | number | null {
    const bytes = this.bytes;
    const start = this.place;
    let at = start;
    let byte = bytes[at] ?? 0;
    // Letters, digits, plus, minus and point, and some more that no word has.
    while ((byte > 0x2c && byte < 0x3a) || byte === 0x2b || (byte > 0x40 && byte < 0x7b && byte !== 0x5d)) {
      at += 1;
      byte = bytes[at] ?? 0;
    }
    this.place = at;
    const text = (String.fromArrayBuffer as FromArrayBuffer)(bytes.buffer, bytes.byteOffset + start, at - start);
    if (text === "true") return true;
    if (text === "false") return false;
    if (text === "null") return null;
    // Number() takes more than JSON: a plus in front, other bases, zeros in front, a point with nothing on one side.
    const value = Number(text);
    const first = text.startsWith("-") ? 1 : 0;
    const digit = text.charCodeAt(first) - 0x30;
    const point = text.indexOf(".");
    const place = point < 0 ? 0 : text.charCodeAt(point + 1) - 0x30;
    const next = text.charCodeAt(first + 1) | 0x20;
    const isNumber = value >= 0 || value < 0;
    if (!isNumber || !(digit >= 0 && digit <= 9) || !(place >= 0 && place <= 9)) throw new SyntaxError();
    // Behind a zero in front only a point or an exponent.
    if (digit === 0 && text.length > first + 1 && next !== 0x2e && next !== 0x65) throw new SyntaxError();
    return value;
  }
}
