// `time` as modules/base/time/time.js and esp/modTime.c of Moddable SDK 8.2.3 make it: ticks are milliseconds in a
// signed 32-bit number that wraps. There is no `microseconds` on this platform, whatever the typings allow.

import type Time from "time";
import { type Host, requireAlive } from "../host.js";

/** Sums of fractions miss a whole millisecond by a hair; within this it counts as reached. */
const hairMs = 1e-6;

/** The chip's millisecond counter, a signed 32-bit number. */
export function ticksOf(host: Host): number {
  return (host.board.ticksAtBoot + Math.floor(host.uptime + hairMs)) | 0;
}

/** How much of the current millisecond has passed: what a wait for a later tick is shorter by. */
export function ticksFraction(host: Host): number {
  return host.uptime - Math.floor(host.uptime + hairMs);
}

export function create(host: Host) {
  const time = {
    timezone: 0,
    dst: 0,
    /** Sets the calendar clock, which nothing here reads. */
    set(_seconds: number): void {
      requireAlive(host);
    },
    get ticks(): number {
      requireAlive(host);
      return ticksOf(host);
    },
    /** Milliseconds from one instant of `ticks` to another, or to now; over the wrap too. */
    delta(start: number, end?: number): number {
      requireAlive(host);
      return ((end === undefined ? ticksOf(host) : end) - start) | 0;
    },
  } satisfies typeof Time;
  return { default: time };
}
