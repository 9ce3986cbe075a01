// The finger and the switch on a board: how it is wired decides what a press does to the chip's wires, how it bounces
// is a matter of chance. Knows wires only, nothing of debouncing or clicks.

import type { Clock, Scheduled } from "./clock.js";
import type { Pins } from "./pins.js";
import type { Random } from "./random.js";

/**
 * `gpio`: the switch pulls a GPIO to ground. `rst`: it pulls RST to ground, the CPU stands still while it is held.
 * `rst+gpio`: it pulls a GPIO to ground, which a capacitor keeps low for a while after the release, and pulses RST
 * through another capacitor, once: only when the first has been charged again is there anything to pulse with.
 */
export type Wiring = "gpio" | "rst" | "rst+gpio";

/** How long the capacitor keeps the GPIO low after the release: long enough for the boot code to see it. */
export const capacitorMs = 500;

/** What the button does to the chip beside its GPIO. */
export interface ResetLine {
  /** RST goes low: the CPU stops. */
  low(): void;
  /** RST goes high again: the chip boots. */
  high(): void;
}

export interface ButtonOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly wiring: Wiring;
  readonly pins: Pins;
  /** The GPIO it is on. */
  readonly pin: number;
  readonly resetLine: ResetLine;
  /** Called when the finger changes its mind. */
  changed(down: boolean): void;
}

export class Button {
  /** How long the contact chatters after each change, ms; 0 is a perfect switch. */
  bounceMs = 0;
  readonly #options: ButtonOptions;
  readonly #waiting = new Set<Scheduled>();
  #isDown = false;
  #contact = false;
  /** The capacitor at the GPIO holds no charge. */
  #isDrained = false;

  constructor(options: ButtonOptions) {
    this.#options = options;
  }

  /** Whether the finger is on it. */
  get isDown(): boolean {
    return this.#isDown;
  }

  down(): void {
    if (!this.#isDown) this.#move(true);
  }

  up(): void {
    if (this.#isDown) this.#move(false);
  }

  /** Down now, up after `holdMs`. */
  press(holdMs = 120): void {
    this.down();
    this.#later(holdMs, () => this.up());
  }

  /** Forgets what was still to come. */
  close(): void {
    for (const scheduled of this.#waiting) scheduled.cancel();
    this.#waiting.clear();
  }

  #move(down: boolean): void {
    this.close();
    this.#isDown = down;
    this.#options.changed(down);
    this.#touch(down);
    if (!(this.bounceMs > 0)) return;
    // An even number of chatters, at times by chance, so that it ends where the finger is.
    const { random } = this.#options;
    const times: number[] = [];
    for (let count = 2 * (1 + random.integer(3)); count > 0; count--) times.push(random.next() * this.bounceMs);
    times.sort((a, b) => a - b);
    for (const [index, at] of times.entries()) this.#later(at, () => this.#touch(index % 2 === 0 ? !down : down));
  }

  #touch(contact: boolean): void {
    if (contact === this.#contact) return;
    this.#contact = contact;
    const { wiring, pins, pin, resetLine } = this.#options;
    if (wiring === "gpio") {
      pins.hold(pin, contact ? 0 : undefined);
    } else if (wiring === "rst") {
      if (contact) resetLine.low();
      else resetLine.high();
    } else if (contact) {
      pins.hold(pin, 0);
      if (this.#isDrained) return;
      this.#isDrained = true;
      resetLine.low();
      resetLine.high();
    } else {
      this.#later(capacitorMs, () => {
        if (this.#contact) return;
        this.#isDrained = false;
        pins.hold(pin, undefined);
      });
    }
  }

  #later(delayMs: number, callback: () => void): void {
    const scheduled = this.#options.clock.schedule(delayMs, () => {
      this.#waiting.delete(scheduled);
      callback();
    });
    this.#waiting.add(scheduled);
  }
}
