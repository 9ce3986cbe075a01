// What survives deep sleep and reset but not power loss, over `chip` (RTC user memory; a checksum tells what was kept
// from the noise after power-on). A block of bytes that its owner changes and then saves. It knows what lies where, and
// nothing of what it means.

import chip from "chip";

/** Offsets of the bytes. Another layout needs another length, or another version. */
export const RtcAt = Object.freeze({
  VERSION: 0,
  /** Failed deliveries in a row, over deep sleep. */
  ATTEMPT: 1,
  FLAGS: 2,
  /** Presses on RST in quick succession. */
  QUICK: 3,
  /** Boots that ended in a crash, in a row. */
  BAD: 4,
  /** Wakes since the radio was calibrated. */
  WAKES: 5,
  /** The cache: network's index, channel, BSSID (6), lease (16), the broker's address (4), what it depends on (4). */
  NETWORK: 6,
  CHANNEL: 7,
  BSSID: 8,
  LEASE: 16,
  BROKER: 32,
  MARK: 36,
  /** Why the last crash happened: ASCII, ended by zero or by the end of the block. */
  CRASH: 40,
} as const);

export const RtcFlag = Object.freeze({
  /** The broker was seen to refuse packets before CONNACK. */
  PLAIN_ORDER: 1,
  /** The restart that comes is meant. */
  PLANNED: 2,
  /** The cache holds something. */
  CACHED: 4,
  /** Why the firmware crashed was said before it did. */
  TOLD: 8,
} as const);

/** XS takes a range (xsString.c, fx_String_fromArrayBuffer); its typings name the buffer only. */
type FromArrayBuffer = (buffer: ArrayBufferLike, byteOffset: number, byteLength: number) => string;

const VERSION = 2;
const LENGTH = 104;

export class RtcMemory {
  readonly bytes: Uint8Array;

  constructor() {
    const kept = chip.readMemory(LENGTH);
    if (kept !== undefined) {
      this.bytes = new Uint8Array(kept);
      if (this.bytes[RtcAt.VERSION] === VERSION) return;
    }
    this.bytes = new Uint8Array(LENGTH);
    this.bytes[RtcAt.VERSION] = VERSION;
  }

  save(): void {
    chip.writeMemory(this.bytes.buffer as ArrayBuffer);
  }

  /** A buffer of its own with a part of the bytes. */
  copy(at: number, length: number): ArrayBuffer {
    const copy = new Uint8Array(length);
    copy.set(this.bytes.subarray(at, at + length));
    return copy.buffer;
  }

  get crash(): string {
    const end = this.bytes.indexOf(0, RtcAt.CRASH);
    const length = (end < 0 ? LENGTH : end) - RtcAt.CRASH;
    return (String.fromArrayBuffer as FromArrayBuffer)(this.bytes.buffer, RtcAt.CRASH, length);
  }

  /** Keeps the beginning of a text, and saves. What is not printable ASCII becomes "?". */
  set crash(text: string) {
    for (let i = 0; i < LENGTH - RtcAt.CRASH; i += 1) {
      const code = i < text.length ? text.charCodeAt(i) : 0;
      this.bytes[RtcAt.CRASH + i] = i < text.length && (code < 0x20 || code > 0x7e) ? 0x3f : code;
    }
    this.save();
  }
}
