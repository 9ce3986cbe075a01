// U+0000 in the conversions of XS. Inside its strings XS writes it as C0 80. ArrayBuffer.fromString of the SDK 8.2.3,
// which the chip runs, makes a zero byte of that and String.fromArrayBuffer takes one; XS 13.3 hands C0 80 out and
// stops at a zero byte. Here it is as on the chip: for U+0000 only, and only where the engine is the older one.

type FromString = (text: string) => ArrayBuffer;
type FromArrayBuffer = (buffer: ArrayBuffer, byteOffset?: number, byteLength?: number) => string;

const fromString: FromString = (ArrayBuffer as unknown as { fromString: FromString }).fromString.bind(ArrayBuffer);
const fromArrayBuffer: FromArrayBuffer = (
  String as unknown as { fromArrayBuffer: FromArrayBuffer }
).fromArrayBuffer.bind(String);

function bytesOf(text: string): ArrayBuffer {
  const given = fromString(text);
  if (text.indexOf("\0") < 0) return given;
  const bytes = new Uint8Array(given);
  let end = 0;
  for (let at = 0; at < bytes.length; at++) {
    const isZero = bytes[at] === 0xc0 && bytes[at + 1] === 0x80;
    bytes[end++] = isZero ? 0 : (bytes[at] as number);
    if (isZero) at++;
  }
  return given.slice(0, end);
}

function textOf(buffer: ArrayBuffer, byteOffset = 0, byteLength = buffer.byteLength - byteOffset): string {
  const isRange = byteOffset >= 0 && byteLength >= 0 && byteOffset + byteLength <= buffer.byteLength;
  const bytes = isRange ? new Uint8Array(buffer, byteOffset, byteLength) : new Uint8Array(0);
  if (bytes.indexOf(0) < 0) return fromArrayBuffer(buffer, byteOffset, byteLength);
  let text = "";
  let start = 0;
  for (let zero = bytes.indexOf(0); zero >= 0; zero = bytes.indexOf(0, start)) {
    text += `${fromArrayBuffer(buffer, byteOffset + start, zero - start)}\0`;
    start = zero + 1;
  }
  return text + fromArrayBuffer(buffer, byteOffset + start, byteLength - start);
}

if (fromString("\0").byteLength !== 1) {
  Object.defineProperty(ArrayBuffer, "fromString", { value: bytesOf, configurable: true, writable: true });
  Object.defineProperty(String, "fromArrayBuffer", { value: textOf, configurable: true, writable: true });
}
