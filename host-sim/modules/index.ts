// The modules that firmware finds on a simulated board: which file makes the exports of which specifier. As with the
// real linker, a specifier that is not here does not exist.

import type { Host } from "../host.js";
import * as chip from "./chip.js";
import * as digital from "./embedded/io/digital.js";
import * as listener from "./embedded/io/socket/listener.js";
import * as tcp from "./embedded/io/socket/tcp.js";
import * as udp from "./embedded/io/socket/udp.js";
import * as flash from "./flash.js";
import * as config from "./mc/config.js";
import * as net from "./net.js";
import * as time from "./time.js";
import * as timer from "./timer.js";
import * as wifi from "./wifi.js";

/** Makes the exports of a module for one boot. */
type Create = (host: Host) => object;

const creators: Readonly<Record<string, Create>> = Object.freeze({
  chip: chip.create,
  "embedded:io/digital": digital.create,
  "embedded:io/socket/listener": listener.create,
  "embedded:io/socket/tcp": tcp.create,
  "embedded:io/socket/udp": udp.create,
  flash: flash.create,
  "mc/config": config.create,
  net: net.create,
  time: time.create,
  timer: timer.create,
  wifi: wifi.create,
});

/**
 * Gives one boot's way from a specifier to its exports: each module is made once. It throws for an unknown specifier.
 */
export function createModules(host: Host): (specifier: string) => object {
  const made = new Map<string, object>();
  return (specifier) => {
    let exports = made.get(specifier);
    if (exports === undefined) {
      const create = Object.hasOwn(creators, specifier) ? creators[specifier] : undefined;
      if (create === undefined) throw new Error(`module "${specifier}" not found on this board`);
      exports = create(host);
      made.set(specifier, exports);
    }
    return exports;
  };
}
