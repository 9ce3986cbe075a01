// What survives deep sleep and reset but not power loss, over `chip` (RTC user memory; a checksum tells what was kept
// from the noise after power-on). A block of bytes that its owner changes and then saves. It knows what lies where, and
// nothing of what it means.

import chip from "chip";
import { putAddress } from "./resolver.js";
import type { Found } from "./wifi-station.js";

// What lies where; numbers in the code, because a named constant takes some 60 bytes of flash. Another layout needs
// another length, or another version.
// - 0 VERSION
// - 1 ATTEMPT: failed deliveries in a row, over deep sleep.
// - 2 FLAGS: 1 PLAIN_ORDER, the broker was seen to refuse packets before CONNACK; 2 PLANNED, the restart that comes is
//   meant; 4 CACHED, the cache holds something; 8 TOLD, why the firmware crashed was said before it did; 16 UNANSWERED,
//   a connection was opened, and no CONNACK has come since; 32 DOUBTFUL, so was one before: the broker may have begun a
//   session in it of which the box has not heard.
// - 3 QUICK: presses on RST in quick succession.
// - 4 BAD: boots that ended in a crash, in a row.
// - 5 WAKES: since the radio was calibrated.
// - The cache: 6 NETWORK, its index; 7 CHANNEL; 8 BSSID (6); 16 LEASE (16); 32 BROKER, its address (4); 36 MARK, what
//   the cache depends on (4).
// - 40 CRASH: why the last crash happened: ASCII, ended by zero or by the end of the block, at 104.

/** XS takes a range (xsString.c, fx_String_fromArrayBuffer); its typings name the buffer only. */
type FromArrayBuffer = (buffer: ArrayBufferLike, byteOffset: number, byteLength: number) => string;

interface Globals {
  /** What the chip calls before it restarts over an exception, or because memory ran out (xsPlatform.c, fxAbort). */
  abort: (this: Globals, message: string, exception: unknown) => void;
  /** For it. */
  rtc: RtcMemory;
}

export class RtcMemory {
  readonly bytes: Uint8Array;

  constructor() {
    const kept = chip.readMemory(104);
    if (kept !== undefined) {
      this.bytes = new Uint8Array(kept);
      if (this.bytes[0 /* VERSION */] === 2) return;
    }
    this.bytes = new Uint8Array(104);
    this.bytes[0 /* VERSION */] = 2;
  }

  save(): void {
    chip.writeMemory(this.bytes.buffer as ArrayBuffer);
  }

  isSet(flag: number): boolean {
    return ((this.bytes[2 /* FLAGS */] as number) & flag) !== 0;
  }

  /** Sets or clears a flag; saves when that changes anything. */
  setFlag(flag: number, on: boolean): void {
    const { bytes } = this;
    const flags = bytes[2 /* FLAGS */] as number;
    bytes[2 /* FLAGS */] = on ? flags | flag : flags & ~flag;
    if (bytes[2 /* FLAGS */] !== flags) this.save();
  }

  /** Keeps where a network and the broker were found, under what that depends on. */
  keepCache(network: number, mark: number, { channel, bssid, lease }: Found, broker: string): void {
    const { bytes } = this;
    if (lease === undefined) return;
    new Int32Array(bytes.buffer, 36 /* MARK */, 1)[0] = mark;
    bytes[6 /* NETWORK */] = network;
    bytes[7 /* CHANNEL */] = channel;
    bytes.set(new Uint8Array(bssid), 8 /* BSSID */);
    bytes.set(new Uint8Array(lease), 16 /* LEASE */);
    putAddress(broker, bytes, 32 /* BROKER */);
    bytes[2 /* FLAGS */] = (bytes[2 /* FLAGS */] as number) | 4 /* CACHED */;
    this.save();
  }

  /** Whether the cache is about this. */
  isMarked(mark: number): boolean {
    return new Int32Array(this.bytes.buffer, 36 /* MARK */, 1)[0] === mark;
  }

  /** Where the network of the cache was found. */
  get found(): Found {
    const { bytes } = this;
    return {
      channel: bytes[7 /* CHANNEL */] as number,
      bssid: this.copy(8 /* BSSID */, 6),
      lease: this.copy(16 /* LEASE */, 16),
    };
  }

  /** From now on a crash leaves its reason here. */
  hearCrashes(): void {
    const globals = globalThis as unknown as Globals;
    globals.rtc = this;
    globals.abort = crashed;
  }

  /** A buffer of its own with a part of the bytes. */
  private copy(at: number, length: number): ArrayBuffer {
    const copy = new Uint8Array(length);
    copy.set(this.bytes.subarray(at, at + length));
    return copy.buffer;
  }

  get crash(): string {
    const end = this.bytes.indexOf(0, 40 /* CRASH */);
    const length = (end < 0 ? 104 : end) - 40;
    return (String.fromArrayBuffer as FromArrayBuffer)(this.bytes.buffer, 40 /* CRASH */, length);
  }

  /** Keeps the beginning of a text, and saves. What is not printable ASCII becomes "?". */
  set crash(text: string) {
    for (let i = 0; i < 64; i += 1) {
      const code = i < text.length ? text.charCodeAt(i) : 0;
      this.bytes[40 /* CRASH */ + i] = i < text.length && (code < 0x20 || code > 0x7e) ? 0x3f : code;
    }
    this.save();
  }
}

/** Called with the global object as `this`. It takes no slot of the heap, which may be full. */
function crashed(this: Globals, message: string, exception: unknown): void {
  const { rtc } = this;
  rtc.bytes[2 /* FLAGS */] = (rtc.bytes[2 /* FLAGS */] as number) | 8 /* TOLD */;
  rtc.crash = exception === undefined ? message : `${message}: ${String(exception)}`;
}
