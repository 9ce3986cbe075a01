// UTF-8 as MQTT 3.1.1 §1.5.3 wants it: well-formed, no surrogates, no U+0000. Text is converted by the two functions
// that XS adds to ArrayBuffer and String, so the work is done natively. The only loop over single bytes is the check of
// text that came from a peer (topics), because XS itself lets surrogates and overlong forms through. Knows nothing of
// packets, and allocates nothing but the converted text.

/** XS takes a range (xsString.c, fx_String_fromArrayBuffer); its typings name the buffer only. */
type FromArrayBuffer = (buffer: ArrayBufferLike, byteOffset: number, byteLength: number) => string;

/**
 * Encoded length of `text` in bytes, or -1 when it cannot be an MQTT string: a lone surrogate [MQTT-1.5.3-1] or U+0000
 * [MQTT-1.5.3-2]. The 65,535 byte limit of a field is the caller's to check.
 */
export function utf8Length(text: string): number {
  return text.includes("\0") ? -1 : utf8Size(text);
}

/**
 * Encoded length of `text` in bytes where U+0000 is allowed, as in payloads and passwords, which are plain bytes to
 * MQTT. -1 for a lone surrogate: it has no encoding, and XS and JavaScript's TextEncoder would each send something else
 * for it. An XS whose fromString() does not turn its inner form of U+0000 (C0 80) into a zero byte, as 13.3 does not,
 * gives -1 for text with U+0000 too: refused is better than sent wrong.
 */
export function utf8Size(text: string): number {
  const buffer = ArrayBuffer.fromString(text);
  const length = buffer.byteLength;
  // Every UTF-16 unit above U+007F takes more than one byte, so equal lengths mean ASCII and nothing is left to check.
  if (length === text.length) return length;
  // XS encodes a lone surrogate as it stands and fails the first test; an engine that replaces it fails the second.
  if (!isText(new Uint8Array(buffer), 0, length, 0)) return -1;
  return (String.fromArrayBuffer as FromArrayBuffer)(buffer, 0, length) === text ? length : -1;
}

/**
 * Whether `bytes[start..end)` is well-formed UTF-8 (table 3-7 of the Unicode standard: no surrogates, no overlong
 * forms, nothing above U+10FFFF) without U+0000 [MQTT-1.5.3-1, MQTT-1.5.3-2]. An empty range is well-formed.
 */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  return isText(bytes, start, end, 1);
}

/** As {@link isUtf8}, for text whose lowest code point may be `lowest` (0 or 1). */
function isText(bytes: Uint8Array, start: number, end: number, lowest: number): boolean {
  let at = start;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte < 0x80) {
      if (byte < lowest) return false;
      at += 1;
    } else {
      const length = sequenceLength(bytes, at, end);
      if (length === 0) return false;
      at += length;
    }
  }
  return true;
}

/**
 * Length (2, 3 or 4) of the well-formed sequence of more than one byte at `bytes[at]`, or 0 when there is none within
 * `end`. The first continuation byte has a narrower range after E0, ED, F0 and F4: that excludes overlong forms,
 * surrogates and what lies above U+10FFFF.
 */
export function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] as number;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (end - at < length) return 0;
  const second = bytes[at + 1] as number;
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  if (length > 2 && ((bytes[at + 2] as number) & 0xc0) !== 0x80) return 0;
  if (length > 3 && ((bytes[at + 3] as number) & 0xc0) !== 0x80) return 0;
  return length;
}

/**
 * Where text that continues beyond `end` can be cut: `end`, or up to three bytes before it when a character would be
 * split there. Says nothing about whether the text is well-formed.
 */
export function characterBoundary(bytes: Uint8Array, start: number, end: number): number {
  for (let back = 1; back <= 3 && end - back >= start; back += 1) {
    const byte = bytes[end - back] as number;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) {
      const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      return length > back ? end - back : end;
    }
  }
  return end;
}

/**
 * Writes the UTF-8 bytes of `text` to `into[at…]` and returns the offset after them. Throws a RangeError when they do
 * not fit. Does not check the text: see {@link utf8Length}.
 */
export function writeUtf8(into: Uint8Array, at: number, text: string): number {
  const encoded = new Uint8Array(ArrayBuffer.fromString(text));
  into.set(encoded, at);
  return at + encoded.length;
}

/**
 * The string that `bytes[start..end)` spells. U+FEFF is kept wherever it stands [MQTT-1.5.3-3]. The bytes must be
 * well-formed (see {@link isUtf8}): what others give is not the same on every engine.
 */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  return (String.fromArrayBuffer as FromArrayBuffer)(bytes.buffer, bytes.byteOffset + start, end - start);
}
