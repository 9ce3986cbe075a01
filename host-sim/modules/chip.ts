// `chip`: what only C can reach on an ESP8266. Our own module; host-sim/typings/chip.d.ts is its contract.

import type chip from "chip";
import { type Host, requireAlive } from "../host.js";

/**
 * Free system heap in bytes, a plausible constant: 80 KB of DRAM less about 40 KB static use of a Moddable build and
 * its 32 KB block leave some 9 KB (knowledge: sizes of the SDK's examples). Not measured on a board.
 */
const freeHeapBytes = 9_216;

export function create(host: Host) {
  const { board } = host;
  // The SDK keeps the reason from boot; it does not change while firmware runs.
  const reason = board.resetReason;
  return {
    default: {
      resetReason(): number {
        requireAlive(host);
        return reason;
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
      readWord(index: number): number {
        requireAlive(host);
        return board.rtc.read(index);
      },
      writeWord(index: number, value: number): void {
        requireAlive(host);
        board.rtc.write(index, value);
      },
    } satisfies typeof chip,
  };
}
