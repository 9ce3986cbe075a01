// JSON text, written and read by hand. JSON.stringify of XS takes 1,024 bytes outside of the JavaScript heap for each
// call and stops the machine when Wi-Fi has left none (xsJSON.c); JSON.parse recurses on the C stack (4.6 KB on the
// chip) as deep as a stranger likes, and XS keeps each new name in a table that never shrinks. Both are 7 KB of flash
// more than this. Bytes and text only; what the values mean is not known here.

import type { Scanner } from "./flash.js";

/** XS takes a range (xsString.c, fx_String_fromArrayBuffer); its typings name the buffer only. */
type FromArrayBuffer = (buffer: ArrayBufferLike, byteOffset: number, byteLength: number) => string;

/** What may follow a backslash, and what it stands for. */
const ESCAPED = '"\\/bfnrt';
const MEANT = '"\\/\b\f\n\r\t';

/**
 * A JSON string: quotes, backslashes and control characters escaped, everything else as it is. `plain`: there are no
 * control characters for sure; then the engine itself looks for the others, some twenty times as fast.
 */
export function quoted(text: string, plain = false): string {
  if (plain && text.indexOf('"') < 0 && text.indexOf("\\") < 0) return `"${text}"`;
  let result = '"';
  let from = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0x5c || (code > 0x22 && code < 0x5c) || code === 0x20 || code === 0x21) continue;
    result += text.substring(from, i);
    result += code < 0x20 ? `\\u00${code < 16 ? "0" : ""}${code.toString(16)}` : `\\${text.substring(i, i + 1)}`;
    from = i + 1;
  }
  return `${result}${text.substring(from)}"`;
}

/** `,"name":"text"`, or nothing for an empty text. */
export function optional(name: string, text: string): string {
  return text === "" ? "" : `,"${name}":${quoted(text)}`;
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
  private depth = 0;
  private count = 0;

  /** `scanner` finds the ends of strings; without one they are looked for byte by byte. */
  constructor(bytes: Uint8Array, scanner?: Scanner) {
    this.bytes = bytes;
    this.scanner = scanner;
  }

  /**
   * The value of the whole text.
   *
   * @throws SyntaxError when it is not JSON; RangeError when it is nested deeper than 4 or has more than 32 commas.
   *   What lies beyond the place where that was noticed is not looked at.
   */
  read(): unknown {
    const value = this.value();
    if (this.next() !== undefined) throw new SyntaxError();
    return value;
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

  private value(): unknown {
    const start = this.next();
    if (start === 0x22) return this.text();
    if (start !== 0x7b && start !== 0x5b) return this.word();
    this.depth += 1;
    if (this.depth > 4) throw new RangeError();
    const object: Record<string, unknown> = {};
    const list: unknown[] = [];
    // "}" comes two after "{" in ASCII, and "]" after "[".
    const end = start + 2;
    this.place += 1;
    let byte = this.next();
    if (byte === end) this.place += 1;
    while (byte !== end) {
      if (start === 0x5b) list.push(this.value());
      else {
        const name = byte === 0x22 ? this.text() : "__proto__";
        if (name === "__proto__" || this.next() !== 0x3a) throw new SyntaxError();
        this.place += 1;
        object[name] = this.value();
      }
      byte = this.next();
      this.place += 1;
      if (byte === end) break;
      if (byte !== 0x2c) throw new SyntaxError();
      this.count += 1;
      if (this.count > 32) throw new RangeError();
      byte = this.next();
      // Nothing but a value may follow a comma.
      if (byte === end) throw new SyntaxError();
    }
    this.depth -= 1;
    return start === 0x5b ? list : object;
  }

  /** A string; `at` is at its opening quote. */
  private text(): string {
    const { bytes, scanner } = this;
    const start = this.place + 1;
    let at = start;
    if (scanner !== undefined) {
      // To the first escape, if there is one before the quote.
      at = scanner.span(bytes, start, bytes.length, 0x20, 0xff, 0x22);
      at = scanner.span(bytes, start, at, 0x20, 0xff, 0x5c);
    }
    // Where the next character goes: as far as no escape was met, where it is already.
    let end = at;
    let byte = bytes[at];
    while (byte !== 0x22) {
      if (byte === undefined || byte < 0x20) throw new SyntaxError();
      at += 1;
      if (byte === 0x5c) {
        byte = bytes[at];
        at += 1;
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
      } else {
        if (end < at - 1) bytes[end] = byte;
        end += 1;
      }
      byte = bytes[at];
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
