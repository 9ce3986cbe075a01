// The globals that the tests take for granted because Node has them, made of what XS has; the bundler puts in what a
// file names. The conversions of XS itself (ArrayBuffer.fromString, String.fromArrayBuffer) stay the engine's own.

export { Buffer } from "./buffer.js";
export { FormEncoding as URLSearchParams } from "./form-encoding.js";
export { Utf8Decoder as TextDecoder, Utf8Encoder as TextEncoder } from "./utf8.js";
