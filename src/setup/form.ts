// The form of the setup page as a phone sends it: application/x-www-form-urlencoded text in UTF-8. Bytes in, fields
// out. It knows the names of the fields and nothing of what they may hold; settings.ts judges that.

/** What a person asked for. A field that was not sent is undefined: it stays as it is. "" means none. */
export interface SetupFields {
  readonly ssid: string | undefined;
  readonly wifiPassword: string | undefined;
  readonly host: string | undefined;
  readonly port: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly root: string | undefined;
  readonly mode: string | undefined;
  readonly wiring: string | undefined;
  readonly convention: string | undefined;
}

type Name = keyof SetupFields;
type Filling = { -readonly [name in Name]: string | undefined };

/** Looks through bytes, many times as fast as JavaScript on the chip does. */
export interface Scanner {
  /**
   * Index of the first byte from `bytes[from]` to `bytes[to - 1]` that is below `least`, above `most` or equal to
   * `except` (-1: none is); `to` without one.
   */
  span(bytes: Uint8Array, from: number, to: number, least: number, most: number, except: number): number;
}

/** XS takes a range (xsString.c, fx_String_fromArrayBuffer); its typings name the buffer only. */
type FromArrayBuffer = (buffer: ArrayBufferLike, byteOffset: number, byteLength: number) => string;

/**
 * Reads the form in `body[start..end)`, which is left as it is, field by field, because all of it takes longer than
 * Wi-Fi can wait. `fields` is undefined when it is not valid: a % without two hex digits, bytes that are no UTF-8, an
 * unknown field, a field sent twice.
 */
export class FormReader {
  private readonly body: Uint8Array;
  private place: number;
  private readonly end: number;
  private readonly scanner: Scanner | undefined;
  /** What was read so far; undefined when the form is not valid. */
  fields: SetupFields | undefined = {
    ssid: undefined,
    wifiPassword: undefined,
    host: undefined,
    port: undefined,
    user: undefined,
    password: undefined,
    root: undefined,
    mode: undefined,
    wiring: undefined,
    convention: undefined,
  };

  constructor(body: Uint8Array, start: number, end: number, scanner: Scanner | undefined) {
    this.body = body;
    this.place = start;
    this.end = end;
    this.scanner = scanner;
  }

  /** Reads the next field; false when all is read. */
  step(): boolean {
    const { body, end, scanner } = this;
    const fields = this.fields as Filling;
    const at = this.place;
    // "&" and "="
    const stop = position(body, 0x26, at, end, scanner);
    if (stop > at) {
      const equals = position(body, 0x3d, at, stop, scanner);
      const name = decode(body, at, equals, scanner) as Name;
      const value = decode(body, equals + 1, stop, scanner);
      if (value === undefined || !(name in fields) || fields[name] !== undefined) {
        this.fields = undefined;
        return false;
      }
      fields[name] = value;
    }
    this.place = stop + 1;
    return stop < end;
  }
}

/** Where a byte is found first in `bytes[at..end)`; `end` when it is not there. */
export function position(
  bytes: Uint8Array,
  byte: number,
  at: number,
  end: number,
  scanner: Scanner | undefined,
): number {
  if (at >= end) return end;
  if (scanner !== undefined) return scanner.span(bytes, at, end, 0, 0xff, byte);
  const found = bytes.indexOf(byte, at);
  return found < 0 || found > end ? end : found;
}

/** The text that a range spells once + and %XX are undone; undefined when it is none. */
function decode(body: Uint8Array, start: number, end: number, scanner: Scanner | undefined): string | undefined {
  if (start >= end) return "";
  const plain = asciiText(body, start, end);
  if (plain !== undefined && plain.indexOf("+") < 0 && plain.indexOf("%") < 0) return plain;
  const bytes = new Uint8Array(end - start);
  let length = 0;
  for (let at = start; at < end; at += 1) {
    // What stands between two of them moves as a whole.
    const stop = position(body, 0x2b, at, position(body, 0x25, at, end, scanner), scanner);
    if (stop > at) bytes.set(body.subarray(at, stop), length);
    length += stop - at;
    at = stop;
    if (at === end) break;
    let byte = 0x20;
    if (body[at] === 0x25) {
      if (at + 2 >= end) return undefined;
      byte = (digit(body[at + 1] as number) << 4) | digit(body[at + 2] as number);
      if (byte < 0) return undefined;
      at += 2;
    }
    bytes[length] = byte;
    length += 1;
  }
  if (!isUtf8(bytes, 0, length, scanner)) return undefined;
  return (String.fromArrayBuffer as FromArrayBuffer)(bytes.buffer, 0, length);
}

/** A range as text when it is ASCII: only then there are as many characters as bytes. Byte by byte takes far longer. */
function asciiText(bytes: Uint8Array, start: number, end: number): string | undefined {
  try {
    const text = (String.fromArrayBuffer as FromArrayBuffer)(bytes.buffer, bytes.byteOffset + start, end - start);
    return text.length === end - start ? text : undefined;
  } catch {
    // Not UTF-8 at all.
    return undefined;
  }
}

/** What a hex digit is worth; -1 for another byte. */
function digit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/**
 * Whether `bytes[start..end)` is well-formed UTF-8, which XS does not check. The byte after E0, ED, F0 and F4 has a
 * narrower range: that keeps out overlong forms, surrogates and what lies above U+10FFFF (Unicode, table 3-7).
 */
export function isUtf8(bytes: Uint8Array, start: number, end: number, scanner: Scanner | undefined): boolean {
  let at = start;
  while (at < end) {
    // ASCII in runs, as nearly all of it.
    if (scanner !== undefined) at = scanner.span(bytes, at, end, 0, 0x7f, -1);
    if (at === end) break;
    const lead = bytes[at] as number;
    at += 1;
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    let more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (more > end - at) return false;
    for (; more > 0; more -= 1) {
      const byte = bytes[at] as number;
      if (byte < low || byte > high) return false;
      low = 0x80;
      high = 0xbf;
      at += 1;
    }
  }
  return true;
}
