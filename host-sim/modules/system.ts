// The global `System` as modules/io/system/system.js and system.c of Moddable SDK 8.2.3 make it: deep sleep begins when
// the call that asked for it has returned and what was queued before has run, a restart never returns, names are
// resolved one after the other.

import { Halted, type Host, requireAlive } from "../host.js";
import { createResolver, type Resolved } from "../resolver.js";
import { toInteger } from "./integer.js";

/** What a board lets its firmware do to it. */
export interface SystemControls {
  restart(): void;
  /** @param option for the radio at the next wake; undefined leaves it as it was. */
  deepSleep(us: number, option: number | undefined): void;
}

export function createSystem(host: Host, controls: SystemControls) {
  const resolve = createResolver(host);

  return {
    /**
     * Sleeps for `us` microseconds, 0 for ever, modulo 2^32 as the SDK's argument is (about 71 minutes). `mode` is the
     * RF option for the next wake (RadioOption), and stays until another one is given or power is lost.
     */
    deepSleep(...args: [us?: unknown, mode?: unknown]): void {
      requireAlive(host);
      const duration = toInteger(args[0]) >>> 0;
      const option = args.length > 1 ? toInteger(args[1]) : undefined;
      host.queue(() => controls.deepSleep(duration, option));
    },
    restart(): never {
      requireAlive(host);
      controls.restart();
      throw new Halted();
    },
    resolve(name: string, callback: Resolved): void {
      requireAlive(host);
      resolve(String(name), callback);
    },
  };
}
