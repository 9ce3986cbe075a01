// `chip`: what only C can reach on an ESP8266. Our own module; host-sim/typings/chip.d.ts is its contract, and
// src/device/esp8266/chip.c the other side of it.

import type chip from "chip";
import { type Host, requireAlive } from "../host.js";
import { type Lease, RadioMode, StationStatus } from "../radio.js";
import { firstUserWord } from "../rtc.js";
import { checkBssid } from "./wifi.js";

/**
 * Free system heap in bytes, a plausible constant: 80 KB of DRAM less about 40 KB static use of a Moddable build and
 * its 32 KB block leave some 9 KB (knowledge: sizes of the SDK's examples). Not measured on a board.
 */
const freeHeapBytes = 9_216;

/** Words 33 to 127. */
const memoryBytes = 380;

export function create(host: Host) {
  const { board } = host;
  const radio = board.airspace.radioFor(host);
  // The SDK keeps these from boot; they do not change while firmware runs.
  const reason = board.resetReason;
  const { cause, address } = board.exception;

  return {
    default: {
      resetReason(): number {
        requireAlive(host);
        return reason;
      },
      exceptionCause(): number {
        requireAlive(host);
        return cause;
      },
      exceptionAddress(): number {
        requireAlive(host);
        return address;
      },
      id(): number {
        requireAlive(host);
        return board.chipId;
      },
      millivolts(): number {
        requireAlive(host);
        return board.millivolts;
      },
      freeHeap(): number {
        requireAlive(host);
        return freeHeapBytes;
      },
      readMemory(length: number): ArrayBuffer | undefined {
        requireAlive(host);
        checkMemory(length);
        const words = new Uint32Array(length / 4);
        for (let index = 0; index < words.length; index++) words[index] = board.rtc.read(firstUserWord + 1 + index);
        return board.rtc.read(firstUserWord) === crc32(new Uint8Array(words.buffer)) ? words.buffer : undefined;
      },
      writeMemory(bytes: ArrayBuffer): void {
        requireAlive(host);
        checkMemory(bytes.byteLength);
        new Uint32Array(bytes).forEach((word, index) => {
          board.rtc.write(firstUserWord + 1 + index, word);
        });
        board.rtc.write(firstUserWord, crc32(new Uint8Array(bytes)));
      },
      crc(bytes: Uint8Array, from: number, to: number, seed: number): number {
        requireAlive(host);
        return crc(bytes, from, to, seed);
      },
      span(bytes: Uint8Array, from: number, to: number, least: number, most: number, except: number): number {
        requireAlive(host);
        return span(bytes, from, to, least, most, except);
      },
      join(ssid: string, password: string, bssid: ArrayBuffer | undefined, channel: number, keep: boolean): void {
        requireAlive(host);
        if (radio.status !== StationStatus.idle) radio.disconnect();
        const config = {
          ssid: checkText(ssid, 32),
          password: checkText(password, 64),
          bssid: bssid === undefined ? undefined : checkBssid(bssid),
          channel: channel === 0 ? undefined : channel,
        };
        radio.mode = radio.mode | RadioMode.station;
        radio.connect(config, keep ? radio.keep(config) : 0);
      },
      forget(): void {
        requireAlive(host);
        radio.forget();
      },
      lease(): ArrayBuffer | undefined {
        requireAlive(host);
        const lease = radio.shownLease;
        return lease === undefined ? undefined : leaseBytes(lease);
      },
      useLease(lease: ArrayBuffer | undefined): void {
        requireAlive(host);
        radio.mode = radio.mode | RadioMode.station;
        radio.useLease(lease === undefined ? undefined : leaseOf(lease));
      },
      log(line: string): void {
        requireAlive(host);
        host.print(`${line}\n`);
      },
    } satisfies typeof chip,
  };
}

function checkMemory(length: number): void {
  if (!Number.isInteger(length) || length < 4 || length > memoryBytes || length % 4 !== 0) {
    throw new RangeError(`RTC memory: 4 to ${memoryBytes} bytes, a multiple of 4, not ${length}`);
  }
}

/** `chip.crc`, also for what reads a copy of a board's flash. */
export function crc(bytes: ArrayBuffer | ArrayBufferView, from: number, to: number, seed: number): number {
  return crc32(rangeOf(bytes, from, to), seed) | 0;
}

/** `chip.span`, likewise. */
export function span(
  bytes: ArrayBuffer | ArrayBufferView,
  from: number,
  to: number,
  least: number,
  most: number,
  except: number,
): number {
  const isOther = (byte: number): boolean => byte < least || byte > most || byte === except;
  const found = rangeOf(bytes, from, to).findIndex(isOther);
  return found < 0 ? to : from + found;
}

/** As xsmcGetBufferReadable takes it: a buffer or any view. */
function rangeOf(bytes: ArrayBuffer | ArrayBufferView, from: number, to: number): Uint8Array {
  if (from < 0 || to < from || to > bytes.byteLength) throw new RangeError("range outside the bytes");
  if (!ArrayBuffer.isView(bytes)) return new Uint8Array(bytes, from, to - from);
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
}

function checkText(text: string, limit: number): string {
  if (new TextEncoder().encode(text).byteLength > limit) throw new RangeError("name or password too long");
  return text;
}

/** IEEE 802.3, as zlib's crc32. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function leaseBytes(lease: Lease): ArrayBuffer {
  const texts = [lease.address, lease.mask, lease.gateway, lease.nameServer];
  return Uint8Array.from(texts.flatMap((text) => text.split(".").map(Number))).buffer;
}

function leaseOf(buffer: ArrayBuffer): Lease {
  if (buffer.byteLength !== 16) throw new RangeError(`a lease has 16 bytes, not ${buffer.byteLength}`);
  const bytes = new Uint8Array(buffer);
  const dotted = (offset: number): string => bytes.subarray(offset, offset + 4).join(".");
  return { address: dotted(0), mask: dotted(4), gateway: dotted(8), nameServer: dotted(12) };
}
