// A button that follows the finger: down when it is pressed, up when it is let go, by mouse, touch, pen, Space or
// Enter. Knows an element and two callbacks. Whatever takes the finger away (focus lost, pointer stolen) lets go.

/** What a hold becomes when it is released now, in the firmware's own times (DESIGN §9). */
const MEANINGS: readonly (readonly [number, string])[] = Object.freeze([
  [10_000, "factory reset"],
  [5_000, "setup"],
  [1_000, "long press"],
  [0, "press"],
] as const);

/** How long a press lasts that has no finger, in milliseconds: longer than the firmware's debounce of 50. */
const TAP_MS = 120;

export class HoldButton {
  readonly #element: HTMLButtonElement;
  readonly #onDown: () => void;
  readonly #onUp: () => void;
  readonly #onHold: (text: string) => void;
  #downAt: number | undefined;
  #frame = 0;

  constructor(element: HTMLButtonElement, onDown: () => void, onUp: () => void, onHold: (text: string) => void) {
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
    this.#onHold("");
  }

  #show(): void {
    if (this.#downAt === undefined) return;
    const held = performance.now() - this.#downAt;
    this.#element.style.setProperty("--hold", String(Math.min(held / 10_000, 1)));
    const meaning = MEANINGS.find(([from]) => held >= from)?.[1] ?? "press";
    this.#onHold(`${(held / 1000).toFixed(1)} s: ${meaning}`);
    this.#frame = requestAnimationFrame(() => this.#show());
  }
}
