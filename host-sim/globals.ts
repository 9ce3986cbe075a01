// The two conversions that the XS engine adds to JavaScript's own classes and that the firmware uses. Node lacks them,
// so the simulator and the tests load this file first. Semantics follow xsString.c and xsDataView.c of Moddable SDK
// 8.2.3.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 bytes of a string. Lone surrogates become U+FFFD here; the firmware checks strings before it converts them. */
function fromString(text: string): ArrayBuffer {
  const bytes = encoder.encode(String(text));
  // A small result may be a part of a larger buffer.
  if (bytes.byteLength === bytes.buffer.byteLength) return bytes.buffer as ArrayBuffer;
  return bytes.slice().buffer as ArrayBuffer;
}

/**
 * The string that a range of UTF-8 bytes spells. Throws a TypeError for bytes that are not UTF-8, a RangeError for a
 * range outside the buffer. XS is laxer (it lets surrogates and overlong forms through), so nothing may rely on this
 * check.
 */
function fromArrayBuffer(buffer: ArrayBufferLike, byteOffset = 0, byteLength = buffer.byteLength - byteOffset): string {
  if (ArrayBuffer.isView(buffer)) throw new TypeError("argument: not an ArrayBuffer instance");
  if (byteOffset < 0 || byteOffset > buffer.byteLength) throw new RangeError(`invalid byteOffset ${byteOffset}`);
  if (byteLength < 0 || byteOffset + byteLength > buffer.byteLength) {
    throw new RangeError(`invalid byteLength ${byteLength}`);
  }
  return decoder.decode(new Uint8Array(buffer, byteOffset, byteLength));
}

Object.defineProperty(ArrayBuffer, "fromString", { value: fromString, configurable: true });
Object.defineProperty(String, "fromArrayBuffer", { value: fromArrayBuffer, configurable: true });

export {};
