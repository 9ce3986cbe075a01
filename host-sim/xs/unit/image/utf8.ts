// TextEncoder and TextDecoder for UTF-8, as the WHATWG Encoding Standard has them: XS has neither, and the tests need a
// second opinion beside the firmware's own conversions. Runs inside XS; tested against Node's on Node.

/** Code points given to String.fromCodePoint at once: each takes a slot of the stack. */
const POINTS = 128;

export class Utf8Encoder {
  readonly encoding = "utf-8";

  /** UTF-8 of a string; a lone surrogate becomes U+FFFD. */
  encode(text = ""): Uint8Array {
    // XS counts what lies above U+FFFF as one character, other engines as two; a loop over code points suits both.
    const bytes = new Uint8Array(text.length * 4);
    let end = 0;
    for (const character of text) {
      let point = character.codePointAt(0) as number;
      if (point < 0x80) {
        bytes[end++] = point;
        continue;
      }
      if (point >= 0xd800 && point < 0xe000) point = 0xfffd;
      if (point > 0xffff) {
        bytes[end++] = 0xf0 | (point >> 18);
        bytes[end++] = 0x80 | ((point >> 12) & 0x3f);
      } else if (point > 0x7ff) bytes[end++] = 0xe0 | (point >> 12);
      if (point > 0x7ff) bytes[end++] = 0x80 | ((point >> 6) & 0x3f);
      else bytes[end++] = 0xc0 | (point >> 6);
      bytes[end++] = 0x80 | (point & 0x3f);
    }
    return bytes.slice(0, end);
  }
}

export class Utf8Decoder {
  readonly encoding = "utf-8";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;

  /** @param label only UTF-8 is there. */
  constructor(label = "utf-8", options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    if (!/^utf-?8$/i.test(label)) throw new RangeError(`there is no decoder of ${label}, only of utf-8`);
    this.fatal = options.fatal === true;
    this.ignoreBOM = options.ignoreBOM === true;
  }

  /** The text that bytes spell; what is no UTF-8 becomes U+FFFD, one for each maximal part, or throws a TypeError. */
  decode(input: ArrayBuffer | ArrayBufferView = new ArrayBuffer(0)): string {
    const bytes = ArrayBuffer.isView(input)
      ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
      : new Uint8Array(input);
    const points: number[] = [];
    let text = "";
    for (let at = 0; at < bytes.length; ) {
      const first = bytes[at++] as number;
      if (first < 0x80) points.push(first);
      else {
        const needed = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        let point = first & (0x3f >> needed);
        let left = needed;
        // The bounds of the second byte shut out overlong forms, surrogates and what is above U+10FFFF.
        let low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
        let high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
        while (left > 0 && at < bytes.length && (bytes[at] as number) >= low && (bytes[at] as number) <= high) {
          point = (point << 6) | ((bytes[at++] as number) & 0x3f);
          left -= 1;
          low = 0x80;
          high = 0xbf;
        }
        if (needed === 0 || left > 0) {
          if (this.fatal) throw new TypeError("The encoded data was not valid for encoding utf-8");
          point = 0xfffd;
        }
        if (point !== 0xfeff || this.ignoreBOM || at !== 3) points.push(point);
      }
      if (points.length >= POINTS) text += String.fromCodePoint(...points.splice(0));
    }
    return text + String.fromCodePoint(...points);
  }
}
