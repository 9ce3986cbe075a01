// The flash with which a run of the campaign begins: settings as a setup would have stored them, and as many alerts in
// the journal as the plan says. Written by the firmware's own stores, and read by them again at the end.

import { Journal } from "../../src/alertbox/journal.js";
import { checkSettings, type Settings } from "../../src/alertbox/settings.js";
import { SettingsStore } from "../../src/alertbox/settings-store.js";
import { regionOf } from "../flash-region.js";
import { NorFlash } from "../nor-flash.js";
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
      convention: plan.convention,
    },
    chipId,
  );
  if (typeof settings === "string") throw new RangeError(settings);
  return settings;
}

/** The life of the journal with which a plan's box begins; 0, as from an older firmware, in one of four. */
export function lifeOf({ seed }: Plan): number {
  return seed % 4 === 0 ? 0 : 1 + ((Math.imul(seed, 0x9e3779b1) >>> 16) % 65535);
}

/** Prepares a flash for a plan. */
export function filledFlash(plan: Plan): NorFlash {
  const flash = new NorFlash();
  const region = regionOf(flash);
  new SettingsStore(region, 2).save(settingsOf(plan));
  if (plan.spent + plan.stored > 0) {
    const journal = new Journal(region, 0, plan.full);
    journal.open(lifeOf(plan));
    for (let count = 0; count < plan.spent; count++) journal.done(journal.append(0, 3300));
    for (let count = 0; count < plan.stored; count++) journal.append(0, 3300);
  }
  return flash;
}

export interface FlashReading {
  readonly settings: Settings | undefined;
  /** Alerts that still wait. */
  readonly pending: number;
  readonly dropped: number;
  /** Of the journal; 0 without one. */
  readonly life: number;
}

/** What a board's flash says at the end. */
export function readFlash(flash: NorFlash): FlashReading {
  const copy = new NorFlash(flash.byteLength);
  copy.load(flash.save());
  const region = regionOf(copy);
  const settings = new SettingsStore(region, 2).load(chipId);
  const journal = new Journal(region, 0, "reject");
  journal.open(0);
  const { pending, dropped, life } = journal;
  return { settings, pending, dropped, life };
}
