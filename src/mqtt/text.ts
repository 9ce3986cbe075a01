// The texts of MQTT 3.1.1: UTF-8 as §1.5.3 wants it (well-formed, no surrogates, no U+0000), topic names and topic
// filters (§4.7). Text is converted by the two functions that XS adds to ArrayBuffer and String, so the work is done
// natively. The only loop over single bytes is the check of text that came from a peer, because XS itself lets
// surrogates and overlong forms through. Misuse by our own code throws; a peer's breach never does. Knows nothing of
// packets.

/** XS takes a range (xsString.c, fx_String_fromArrayBuffer); its typings name the buffer only. */
export type FromArrayBuffer = (buffer: ArrayBufferLike, byteOffset: number, byteLength: number) => string;

/**
 * What `bytes[at..end)` is as text, all in one pass that looks at each byte once: 4 when it is not well-formed UTF-8
 * (table 3-7 of the Unicode standard: no surrogates, no overlong forms, nothing above U+10FFFF) [MQTT-1.5.3-1], else 2
 * when it holds U+0000 [MQTT-1.5.3-2], else 1 when it holds a wildcard, + or #, else 0.
 */
export function scan(bytes: Uint8Array, at: number, end: number): 0 | 1 | 2 | 4 {
  let mark: 0 | 1 | 2 = 0;
  while (at < end) {
    const byte = bytes[at] as number;
    let next = at + 1;
    if (byte < 0x80) {
      // U+0000, "#" (0x23) and "+" (0x2b) all lie below the digits, letters and "/" that topics are made of.
      if (byte < 0x2c) {
        if (byte === 0) mark = 2;
        else if (mark === 0 && (byte === 0x23 || byte === 0x2b)) mark = 1;
      }
    } else {
      if (byte < 0xc2 || byte > 0xf4) return 4;
      // The first byte after E0, ED, F0 and F4 has a narrower range: that excludes overlong forms, surrogates and what
      // lies above U+10FFFF.
      let low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
      let high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
      next += byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      if (next > end) return 4;
      for (at += 1; at < next; at += 1) {
        const value = bytes[at] as number;
        if (value < low || value > high) return 4;
        low = 0x80;
        high = 0xbf;
      }
    }
    at = next;
  }
  return mark;
}

/**
 * The string that `bytes[start..end)` spells. U+FEFF is kept wherever it stands [MQTT-1.5.3-3]. The bytes must be
 * well-formed (see {@link scan}): what others give is not the same on every engine.
 */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  return (String.fromArrayBuffer as FromArrayBuffer)(bytes.buffer, bytes.byteOffset + start, end - start);
}

/**
 * Encoded length of `text` in bytes. -1 for a lone surrogate [MQTT-1.5.3-1]: it has no encoding, and XS and
 * JavaScript's TextEncoder would each send something else for it. `least` is the lowest code point that the text may
 * have: 1 where MQTT has text, in which U+0000 gives -1 [MQTT-1.5.3-2]; 0 for payloads and passwords, which are plain
 * bytes to it. An XS whose fromString() does not turn its inner form of U+0000 (C0 80) into a zero byte, as 13.3 does
 * not, gives -1 for text with U+0000 there too: refused is better than sent wrong.
 */
export function utf8Length(text: string, least: 0 | 1): number {
  const buffer = ArrayBuffer.fromString(text);
  const length = buffer.byteLength;
  if (least > 0 && text.indexOf("\0") >= 0) return -1;
  // Every UTF-16 unit above U+007F takes more than one byte, so equal lengths mean ASCII and nothing is left to check.
  if (length === text.length) return length;
  // XS encodes a lone surrogate as it stands and fails the scan; an engine that replaces it fails the comparison.
  const bytes = new Uint8Array(buffer);
  return scan(bytes, 0, length) < 4 && readUtf8(bytes, 0, length) === text ? length : -1;
}

/**
 * Encoded length of a field of a packet in bytes, at most 65,535 (§1.5.3). `statement` is what a text must obey, after
 * ", "; "" stands for a field of plain bytes, which may also be a Uint8Array. Throws a TypeError or RangeError for what
 * cannot be one.
 */
export function checkField(value: string | Uint8Array, name: string, statement: string): number {
  let length: number;
  if (typeof value === "string") length = utf8Length(value, statement === "" ? 0 : 1);
  else if (statement === "" && value instanceof Uint8Array) length = value.length;
  else throw new TypeError(`${name} must be a string${statement === "" ? " or a Uint8Array" : ""}`);
  if (length < 0) {
    throw new TypeError(`${name} holds U+0000 or a lone surrogate [MQTT-1.5.3-1${statement}]`);
  }
  if (length > 65535) {
    throw new RangeError(`${name} has ${length} bytes; 65535 fit [MQTT-4.7.3-3]`);
  }
  return length;
}

/**
 * Checks a topic name, or with `wild` a topic filter, and returns its encoded length in bytes, 1..65535. Throws a
 * TypeError for what is none, a RangeError for one that is too long.
 */
export function checkTopic(topic: string, pattern: boolean): number {
  const name = pattern ? "topic filter" : "topic name";
  const length = checkField(topic, name, ", MQTT-4.7.3-2");
  if (length === 0) throw new TypeError(`${name} is empty [MQTT-4.7.3-1]`);
  if (topic.indexOf("+") < 0 && topic.indexOf("#") < 0) return length;
  if (!pattern) throw new TypeError(`${name} "${topic}": + and # are for filters [MQTT-3.3.2-2]`);
  for (let at = 0, end = 0; end < topic.length; at = end + 1) {
    end = topic.indexOf("/", at);
    if (end < 0) end = topic.length;
    const level = topic.substring(at, end);
    if (level === "+" || (level === "#" && end === topic.length)) continue;
    if (level.indexOf("+") >= 0 || level.indexOf("#") >= 0) {
      throw new TypeError(`${name} "${topic}": + and # fill a level, # the last [MQTT-4.7.1-2, MQTT-4.7.1-3]`);
    }
  }
  return length;
}
