// The button's pin, over `embedded:io/digital`. Hides that the button is active low, and that the driver coalesces
// edges: a callback says only that something changed, so the level is read then. Bounces are passed on; debouncing is
// not done here.

import Digital from "embedded:io/digital";

export interface ButtonHandler {
  /** Something changed; `down` is the level now. */
  onButton(down: boolean): void;
}

export class ButtonPin {
  private readonly pin: Digital;

  /** `pin`: GPIO number; never 16, which has no edges (digitalbank.c). The internal pull-up is used. */
  constructor(pin: number, handler: ButtonHandler) {
    if (pin === 16) throw new RangeError("button: GPIO16 has no interrupts; use another pin, such as 0 (FLASH)");
    this.pin = new Digital({
      pin,
      mode: Digital.InputPullUp,
      edge: Digital.Rising | Digital.Falling,
      target: handler,
      onReadable: changed,
    });
  }

  /** True while the button is held. */
  get down(): boolean {
    return this.pin.read() === 0;
  }
}

/** The driver keeps the option `target` as a property, and this function stays in flash; a closure takes 7 slots. */
function changed(this: Digital): void {
  (this as unknown as { target: ButtonHandler }).target.onButton(this.read() === 0);
}
