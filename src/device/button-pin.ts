// The button's pin, over `embedded:io/digital`. Hides that the button is active low, and that the driver coalesces
// edges: a callback says only that something changed, so the level is read then. Bounces are passed on; debouncing is
// not done here.

import Digital from "embedded:io/digital";

export class ButtonPin {
  private readonly pin: Digital;
  private readonly onChange: (down: boolean) => void;

  /** `pin`: GPIO number; never 16, which has no edges (digitalbank.c). The internal pull-up is used. */
  constructor(pin: number, onChange: (down: boolean) => void) {
    if (pin === 16) throw new RangeError("button: GPIO16 has no interrupts; use another pin, such as 0 (FLASH)");
    this.onChange = onChange;
    this.pin = new Digital({
      pin,
      mode: Digital.InputPullUp,
      edge: Digital.Rising | Digital.Falling,
      onReadable: () => this.onChange(this.down),
    });
  }

  /** True while the button is held. */
  get down(): boolean {
    return this.pin.read() === 0;
  }
}
