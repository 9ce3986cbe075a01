// What a board draws from its battery. Currents are constants per state, from the sources named, so the charge is a
// model to compare designs with, not a measurement of one board.

import type { Clock } from "./clock.js";

export const Milliamperes = Object.freeze({
  off: 0,
  /** D1 mini v3 in deep sleep, 84 uA: salvatorelab.com, wemos-d1-mini-deep-sleep-current-draw. */
  asleep: 0.084,
  /** CPU on, radio off ("modem sleep"): ESP8266EX datasheet, power consumption, 15 mA. */
  awake: 15,
  /** CPU and radio on, average of 70 to 78: salvatorelab.com, as above. */
  radio: 75,
} as const);

export type Draw = keyof typeof Milliamperes;

export class Supply {
  /** What `system_get_vdd33()` reads. */
  millivolts: number;
  readonly #clock: Clock;
  #draw: Draw = "off";
  #since: number;
  #mah = 0;
  #asleepMs = 0;
  /** Called when the current changes. */
  onDraw: ((milliamperes: number) => void) | undefined;

  constructor(clock: Clock, millivolts: number) {
    this.#clock = clock;
    this.millivolts = millivolts;
    this.#since = clock.now;
  }

  /** Charge drawn up to now, mAh. */
  get chargeMah(): number {
    return this.#mah + (Milliamperes[this.#draw] * (this.#clock.now - this.#since)) / 3_600_000;
  }

  /** How long it has drawn what deep sleep draws, ms. */
  get asleepMs(): number {
    return this.#asleepMs + (this.#draw === "asleep" ? this.#clock.now - this.#since : 0);
  }

  get draw(): Draw {
    return this.#draw;
  }

  set draw(draw: Draw) {
    this.#mah = this.chargeMah;
    this.#asleepMs = this.asleepMs;
    this.#since = this.#clock.now;
    if (draw === this.#draw) return;
    this.#draw = draw;
    this.onDraw?.(Milliamperes[draw]);
  }
}
