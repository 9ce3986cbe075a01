// `timer` as modules/base/timer/modTimer.c and mc/timer.c of Moddable SDK 8.2.3 make it. Kept from there: timers that
// are due in one turn of the loop fire in the order in which they were made, not in which they are due; a one-shot
// timer is gone after its callback, even when the callback schedules it again; a delay of 2^31 ms or more is due at
// once.

import type { Scheduled } from "../clock.js";
import { type Host, requireAlive } from "../host.js";
import { toInteger } from "./integer.js";
import { ticksFraction, ticksOf } from "./time.js";

type Callback = (timer: object) => void;

interface TimerRecord {
  /** The object that firmware holds. */
  readonly handle: object;
  readonly callback: Callback;
  triggerTime: number;
  /** 0: once. -1 is what unscheduling leaves behind; as there, it only keeps a one-shot timer from its end. */
  repeatInterval: number;
  unscheduled: boolean;
  fires: boolean;
}

class Timers {
  readonly #host: Host;
  readonly #records = new Map<object, TimerRecord>();
  #loop: Scheduled | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  add(callback: Callback, interval: number, repeatInterval: number): object {
    if (typeof callback !== "function") throw new TypeError("callback: not a function");
    const handle = Object.create(null) as object;
    const triggerTime = (ticksOf(this.#host) + interval) | 0;
    this.#records.set(handle, { handle, callback, triggerTime, repeatInterval, unscheduled: false, fires: false });
    this.#arm();
    return handle;
  }

  reschedule(handle: object, interval: number, repeatInterval: number): void {
    const record = this.#record(handle);
    record.triggerTime = (ticksOf(this.#host) + interval) | 0;
    record.repeatInterval = repeatInterval;
    record.unscheduled = false;
    this.#arm();
  }

  unschedule(handle: object): void {
    const record = this.#record(handle);
    record.unscheduled = true;
    record.fires = false;
    record.repeatInterval = -1;
    this.#arm();
  }

  clear(handle: object): void {
    this.#records.delete(handle);
    this.#arm();
  }

  #record(handle: object): TimerRecord {
    const record = this.#records.get(handle);
    if (record === undefined) throw new TypeError("invalid timer: it was cleared, or has fired its one time");
    return record;
  }

  /** One queued turn for the timer that is due first. */
  #arm(): void {
    this.#loop?.cancel();
    this.#loop = undefined;
    const now = ticksOf(this.#host);
    let nextMs = Number.POSITIVE_INFINITY;
    for (const record of this.#records.values()) {
      if (!record.unscheduled) nextMs = Math.min(nextMs, (record.triggerTime - now) | 0);
    }
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.#loop = this.#host.queue(() => this.#execute(), nextMs <= 0 ? 0 : nextMs - ticksFraction(this.#host));
  }

  #execute(): void {
    this.#loop = undefined;
    const now = ticksOf(this.#host);
    for (const record of this.#records.values()) {
      if (!record.unscheduled && ((record.triggerTime - now) | 0) <= 0) record.fires = true;
    }
    // Timers that a callback makes now do not fire now: they are not marked.
    for (const record of [...this.#records.values()]) {
      if (!record.fires || !this.#records.has(record.handle)) continue;
      record.fires = false;
      record.triggerTime = (record.triggerTime + record.repeatInterval) | 0;
      this.#host.run(() => record.callback.call(undefined, record.handle));
      if (!this.#host.alive) return;
      if (record.repeatInterval === 0) this.#records.delete(record.handle);
    }
    this.#arm();
  }
}

export function create(host: Host) {
  const timers = new Timers(host);
  const Timer = {
    set(callback: Callback, interval?: number, repeat?: number): object {
      requireAlive(host);
      return timers.add(callback, toInteger(interval), toInteger(repeat));
    },
    repeat(callback: Callback, interval: number): object {
      requireAlive(host);
      return timers.add(callback, toInteger(interval), toInteger(interval));
    },
    schedule(...args: [timer: object, interval?: number, repeat?: number]): void {
      requireAlive(host);
      if (args.length === 1) timers.unschedule(args[0]);
      else timers.reschedule(args[0], toInteger(args[1]), toInteger(args[2]));
    },
    clear(timer: object | undefined | null): void {
      requireAlive(host);
      if (timer !== undefined && timer !== null) timers.clear(timer);
    },
    delay(milliseconds: number): void {
      requireAlive(host);
      host.stall(toInteger(milliseconds) >>> 0);
    },
  };
  return { default: Timer };
}
