// The LED's pin, over `embedded:io/digital`. Hides that the on-board LED is active low (lit at level 0) and that
// opening an output drives it low at once, which would flash the LED at each boot: the initial level is given with the
// options.

import Digital from "embedded:io/digital";

export class LedPin {
  private readonly pin: Digital;
  private lit: boolean;

  /** `pin`: GPIO number; never 16, which resets the chip when it is wired to RST for timer wakes. */
  constructor(pin: number, lit: boolean) {
    if (pin === 16)
      throw new RangeError("led: GPIO16 resets the chip when it is wired to RST; use another pin, such as 2");
    // `initialValue` is known to the driver of SDK 8.2 and missing in the published typings.
    const options = { pin, mode: Digital.Output, initialValue: lit ? 0 : 1 } as const;
    this.pin = new Digital(options);
    this.lit = lit;
  }

  set(lit: boolean): void {
    if (lit === this.lit) return;
    this.lit = lit;
    this.pin.write(lit ? 0 : 1);
  }
}
