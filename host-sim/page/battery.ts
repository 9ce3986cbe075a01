// How long a battery lasts. Arithmetic with its formula in words; nothing is shown here.

import type { DrawView, PressView } from "./details.js";

/** The current of deep sleep: the lowest that a board has drawn while it had power; undefined before it ever slept. */
export function sleepMilliamperes(draws: readonly DrawView[]): number | undefined {
  let lowest: number | undefined;
  for (const { milliamperes } of draws) {
    // Awake, radio off, the chip takes 15 mA (data sheet); what is below 5 is sleep.
    if (milliamperes > 0 && milliamperes < 5 && milliamperes < (lowest ?? 5)) lowest = milliamperes;
  }
  return lowest;
}

/** The charge of the last press that is over; undefined when none is. */
export function lastCharge(presses: readonly PressView[]): number | undefined {
  return presses.findLast(({ outcome, chargeMah }) => outcome !== "open" && chargeMah > 0)?.chargeMah;
}

export interface Battery {
  readonly capacityMah: number;
  readonly pressesADay: number;
  readonly pressMah: number;
  readonly sleepMilliamperes: number;
}

/** Days, self-discharge and everything else left out. */
export function lifeDays({ capacityMah, pressesADay, pressMah, sleepMilliamperes: sleep }: Battery): number {
  return capacityMah / (24 * sleep + pressesADay * pressMah);
}
