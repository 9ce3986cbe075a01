// A board's flash as the firmware's stores see it, for whoever reads or writes it beside the firmware. Knows no store.

import type { Flash } from "../src/alertbox/flash.js";
import { crc, span } from "./modules/chip.js";
import { type NorFlash, sectorBytes } from "./nor-flash.js";

export function regionOf(flash: NorFlash): Flash {
  return {
    sectorSize: sectorBytes,
    read: (offset, length) => flash.read(offset, length),
    write: (offset, bytes) => flash.write(offset, bytes),
    erase: (sector) => flash.erase(sector),
    crc,
    span,
  };
}
