// A button that follows the finger: down when it is pressed, up when it is let go, by mouse, touch, pen, Space or
// Enter. Knows an element and two callbacks. Whatever takes the finger away (focus lost, pointer stolen) lets go.

/** The ring around the button is full after so many milliseconds: a longer hold means nothing more (DESIGN §9). */
const LONGEST_MS = 10_000;

/** How long a press lasts that has no finger, in milliseconds: longer than the firmware's debounce of 50. */
const TAP_MS = 120;

export class HoldButton {
  readonly #element: HTMLButtonElement;
  readonly #onDown: () => void;
  readonly #onUp: () => void;
  readonly #onHold: (heldMs: number | undefined) => void;
  #downAt: number | undefined;
  #frame = 0;

  /** @param onHold told at each frame how long the button has been held, and undefined when it was let go. */
  constructor(
    element: HTMLButtonElement,
    onDown: () => void,
    onUp: () => void,
    onHold: (heldMs: number | undefined) => void,
  ) {
    this.#element = element;
    this.#onDown = onDown;
    this.#onUp = onUp;
    this.#onHold = onHold;
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      // Captured: the finger may slide off the button and still holds it.
      element.setPointerCapture(event.pointerId);
      this.down();
    });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
      element.addEventListener(type, () => this.up());
    }
    element.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) this.down();
    });
    element.addEventListener("keyup", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      // Some browsers make a click of it here, whatever was done with the key going down.
      event.preventDefault();
      this.up();
    });
    // A click without a pointer: a screen reader or speech input asks for the button. It gets a short press.
    element.addEventListener("click", (event) => {
      if (event.detail !== 0 || this.held) return;
      this.down();
      setTimeout(() => this.up(), TAP_MS);
    });
    // A long touch is a long press here, not the browser's menu.
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    addEventListener("blur", () => this.up());
    addEventListener("pagehide", () => this.up());
  }

  get held(): boolean {
    return this.#downAt !== undefined;
  }

  down(): void {
    if (this.#downAt !== undefined) return;
    this.#downAt = performance.now();
    this.#element.classList.add("held");
    this.#onDown();
    this.#show();
  }

  up(): void {
    if (this.#downAt === undefined) return;
    this.#downAt = undefined;
    cancelAnimationFrame(this.#frame);
    this.#element.classList.remove("held");
    this.#element.style.removeProperty("--hold");
    this.#onUp();
    this.#onHold(undefined);
  }

  #show(): void {
    if (this.#downAt === undefined) return;
    const held = performance.now() - this.#downAt;
    this.#element.style.setProperty("--hold", String(Math.min(held / LONGEST_MS, 1)));
    this.#onHold(held);
    this.#frame = requestAnimationFrame(() => this.#show());
  }
}
