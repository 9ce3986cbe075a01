// A decoder handler that writes down what it is told, one line for each packet, in a form that does not depend on how
// the bytes were cut into fragments. Shared by the decoder's tests; knows nothing of mocha.

import type { DecoderHandler } from "../../src/mqtt/decoder.js";
import { Decoder } from "../../src/mqtt/decoder.js";
import { packetName } from "../../src/mqtt/packet.js";

/** Bytes from hexadecimal with any spaces between: `hex("30 03 00 01 61")`. */
export function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

/** Lower case hexadecimal with a space between bytes. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** Several byte ranges as one. */
export function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Numbers 0 <= n < 2^32 from a seed, always the same ones (the 32-bit generator known as mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

export class Recorder implements DecoderHandler {
  /** One line for each packet, payload pieces joined. */
  readonly log: string[] = [];
  /** `[offset, count]` of each piece of payload, as it came. */
  readonly pieces: [number, number][] = [];
  /** The buffers that ranges were handed over in, one for each call. */
  readonly sources: Uint8Array[] = [];
  /** Called with each line just written, from inside the handler. */
  onLine: (line: string) => void = () => {};
  #payload: Uint8Array[] = [];
  #payloadLength = 0;
  /** The line for the end of a message whose topic is longer than the limit. */
  #skipped = "";

  onPacket(type: number, bytes: Uint8Array, start: number, end: number): void {
    // The decoder has checked the flags.
    const flags = type === 6 ? 2 : 0;
    this.sources.push(bytes);
    this.#write(`${packetName(type)} flags ${flags}: ${toHex(bytes.subarray(start, end))}`.trimEnd());
  }

  onPublish(
    flags: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    id: number,
    length: number,
    size: number,
  ): void {
    this.sources.push(bytes);
    const topic = Buffer.from(bytes.subarray(start, end)).toString();
    this.#skipped = end - start < size ? `skipped flags ${flags} id ${id}` : "";
    if (this.#skipped === "") this.#write(`PUBLISH flags ${flags} id ${id} topic ${topic} length ${length}`);
    else this.#write(`long topic flags ${flags} ${topic}… of ${size} bytes, length ${length}`);
  }

  onPayload(bytes: Uint8Array, start: number, end: number, offset: number, last: boolean): void {
    this.sources.push(bytes);
    this.pieces.push([offset, end - start]);
    if (offset !== this.#payloadLength) throw new Error(`payload piece at ${offset}, expected ${this.#payloadLength}`);
    this.#payload.push(bytes.slice(start, end));
    this.#payloadLength += end - start;
    if (!last) return;
    const payload = join(...this.#payload);
    this.#payload = [];
    this.#payloadLength = 0;
    this.#write(this.#skipped || `payload ${payload.length > 64 ? summary(payload) : toHex(payload)}`.trimEnd());
  }

  onMalformed(detail: string, statement: string): void {
    this.#write(`malformed [${statement}] ${detail}`);
  }

  #write(line: string): void {
    this.log.push(line);
    this.onLine(line);
  }
}

/** Length and checksum (FNV-1a) of a payload that is too long to spell out. */
export function summary(payload: Uint8Array): string {
  let sum = 0x811c9dc5;
  for (const byte of payload) sum = Math.imul(sum ^ byte, 0x01000193);
  return `of ${payload.length} bytes, sum ${(sum >>> 0).toString(16)}`;
}

/** What a new decoder makes of `bytes` in fragments of `size` bytes, each of them wiped after its call. */
export function decode(bytes: Uint8Array, size = bytes.length, controlLimit = 64, topicLimit = 64): string[] {
  const recorder = new Recorder();
  const decoder = new Decoder(controlLimit, topicLimit, recorder);
  for (let at = 0; at < bytes.length; at += size) feed(decoder, bytes.subarray(at, at + size));
  if (decoder.partial) recorder.log.push("partial");
  return recorder.log;
}

/**
 * Hands over a fragment the way a socket may: somewhere inside a larger buffer, which is overwritten when the call is
 * over, so that whoever kept a range of it is found out.
 */
export function feed(decoder: Decoder, fragment: Uint8Array): void {
  const buffer = new Uint8Array(fragment.length + 5).fill(0xee);
  buffer.set(fragment, 3);
  decoder.receive(buffer, 3, 3 + fragment.length);
  buffer.fill(0xdd);
}
