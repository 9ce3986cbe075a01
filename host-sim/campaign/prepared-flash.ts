// The flash with which a run of the campaign begins: settings as a setup would have stored them, and as many alerts in
// the journal as the plan says. Written by the firmware's own stores, and read by them again at the end.

import { Journal } from "../../src/alertbox/journal.js";
import { checkSettings, type Settings } from "../../src/alertbox/settings.js";
import { SettingsStore } from "../../src/alertbox/settings-store.js";
import { crc, span } from "../modules/chip.js";
import { NorFlash, sectorBytes } from "../nor-flash.js";
import type { Plan } from "./plan.js";

export const chipId = 5750;

/** The settings that a plan's box is set up with. */
export function settingsOf(plan: Plan): Settings {
  const settings = checkSettings(
    {
      wifi: [{ ssid: "home", password: "correct horse" }],
      host: "10.0.0.2",
      mode: plan.wiring === "gpio" ? "mains" : "battery",
      wiring: plan.wiring,
      double: plan.double,
      quiet: plan.quiet,
      full: plan.full,
      keepAliveSeconds: plan.keepAliveSeconds,
    },
    chipId,
  );
  if (typeof settings === "string") throw new RangeError(settings);
  return settings;
}

/** The flash of a board as the firmware's stores see it. */
function regionOf(flash: NorFlash) {
  return {
    sectorSize: sectorBytes,
    read: (offset: number, length: number) => flash.read(offset, length),
    write: (offset: number, bytes: Uint8Array) => flash.write(offset, bytes),
    erase: (sector: number) => flash.erase(sector),
    crc,
    span,
  };
}

/** Prepares a flash for a plan. */
export function filledFlash(plan: Plan): NorFlash {
  const flash = new NorFlash();
  const region = regionOf(flash);
  new SettingsStore(region, 2).save(settingsOf(plan));
  if (plan.spent + plan.stored > 0) {
    const journal = new Journal(region, 0, plan.full);
    journal.open();
    for (let count = 0; count < plan.spent; count++) journal.done(journal.append(0, 3300));
    for (let count = 0; count < plan.stored; count++) journal.append(0, 3300);
  }
  return flash;
}

/** What a board's flash says at the end: its settings, and the alerts that still wait. */
export function readFlash(flash: NorFlash): { settings: Settings | undefined; pending: number; dropped: number } {
  const copy = new NorFlash(flash.byteLength);
  copy.load(flash.save());
  const region = regionOf(copy);
  const settings = new SettingsStore(region, 2).load(chipId);
  const journal = new Journal(region, 0, "reject");
  journal.open();
  return { settings, pending: journal.pending, dropped: journal.dropped };
}
