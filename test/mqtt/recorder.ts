// A recorder that writes down what a decoder tells, one line for each packet, in a form that does not depend on how
// the bytes were cut into fragments. Shared by the decoder's tests; knows nothing of mocha.

import type { Inbound } from "../../src/mqtt/contract.js";
import { Decoder as AnyDecoder, decode as decodeMore, reset } from "../../src/mqtt/decoder.js";
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

export class Recorder {
  /** One line for each packet, payload pieces joined. */
  readonly log: string[] = [];
  /** `[offset, count]` of each piece of payload, as it came. */
  readonly pieces: [number, number][] = [];
  /** The buffers that ranges were handed over in, one for each call. */
  readonly sources: Uint8Array[] = [];
  /** Called with each line just written, from inside the handler. */
  onLine: (line: string) => void = () => {};
  /** Bytes of payload that are wanted in one piece, of a message of so many. */
  wanted: (length: number) => number = () => 0;
  #payload: Uint8Array[] = [];
  #payloadLength = 0;
  /** The line for the end of a message whose topic is longer than the limit. */
  #skipped = "";

  onPacket(type: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    // The decoder has checked the flags.
    const flags = type === 6 ? 2 : 0;
    const body = type === 13 ? new Uint8Array(0) : join(Uint8Array.of(id >> 8, id), bytes.subarray(start, end));
    this.sources.push(bytes);
    this.#write(`${packetName(type)} flags ${flags}: ${toHex(body)}`.trimEnd());
  }

  onPublish(message: Inbound, whole: boolean): number {
    const { topic, id, length } = message;
    const flags = (message.dup ? 8 : 0) | (message.qos << 1) | (message.retain ? 1 : 0);
    this.sources.push(message.bytes);
    this.#payload = [];
    this.#payloadLength = 0;
    this.#skipped = whole ? "" : `skipped flags ${flags} id ${id}`;
    if (whole) this.#write(`PUBLISH flags ${flags} id ${id} topic ${topic} length ${length}`);
    else this.#write(`long topic flags ${flags} ${topic}… length ${length}`);
    return this.wanted(length);
  }

  onPayload(message: Inbound, last: boolean): void {
    const { bytes, start, end, offset } = message;
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
    this.#write(`malformed [${statement === "" ? "" : "MQTT-"}${statement}] ${detail}`);
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

/** A decoder on its own, with a buffer of so many bytes, that tells a recorder. */
export class Decoder extends AnyDecoder {
  readonly #recorder: Recorder;

  constructor(topicLimit: number, recorder: Recorder, size = Math.max(topicLimit + 9, 69)) {
    super(new ArrayBuffer(((size + 3) & ~3) + 84), size, 21);
    this.words[7] = topicLimit;
    this.words[20] = size;
    this.#recorder = recorder;
    reset(this, false);
  }

  onPacket(type: number, id: number, start: number, end: number): void {
    this.#recorder.onPacket(type, id, this.bytes, start, end);
  }
  onPublish(message: Inbound, whole: boolean): number {
    return this.#recorder.onPublish(message, whole);
  }
  onPayload(message: Inbound, last: boolean): void {
    this.#recorder.onPayload(message, last);
  }
  onMalformed(detail: string, statement: string): void {
    this.#recorder.onMalformed(detail, statement);
  }

  reset(stopped = false): void {
    reset(this, stopped);
  }

  /** Puts bytes behind those that wait, as many at once as there is room for, and has them decoded. */
  receive(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const count = Math.min(end - at, this.bytes.length - this.held);
      this.bytes.set(bytes.subarray(at, at + count), this.held);
      decodeMore(this, count);
      at += count;
    }
  }
}

/** What a new decoder makes of `bytes` in fragments of `size` bytes. */
export function decode(bytes: Uint8Array, size = bytes.length, topicLimit = 64): string[] {
  const recorder = new Recorder();
  const decoder = new Decoder(topicLimit, recorder);
  for (let at = 0; at < bytes.length; at += size) feed(decoder, bytes.subarray(at, at + size));
  if (decoder.partial) recorder.log.push("partial");
  return recorder.log;
}

/** Hands over a fragment, and spoils what it left behind in the buffer: whoever kept a range of it is found out. */
export function feed(decoder: Decoder, fragment: Uint8Array): void {
  decoder.receive(fragment, 0, fragment.length);
  decoder.bytes.fill(0xdd, decoder.held);
}
