// When all retained messages of a subscription are in. MQTT has no sign for that: brokers send them around SUBACK, so
// a short silence is taken for it. Knows time only.

const SILENCE_MS = 300;
const LIMIT_MS = 3000;

export class Arrivals {
  #timer: NodeJS.Timeout | undefined;
  #resolve: (() => void) | undefined;

  /** A message has come; `isEnough`: what is waited for is in. */
  note(isEnough = false): void {
    if (isEnough) this.#resolve?.();
    else this.#timer?.refresh();
  }

  /** Resolves after a silence, or after three seconds, or when the signal says so. To be called after SUBACK. */
  async settled(signal: AbortSignal): Promise<void> {
    const limit = setTimeout(() => this.#resolve?.(), LIMIT_MS);
    const stop = () => this.#resolve?.();
    signal.addEventListener("abort", stop, { once: true });
    await new Promise<void>((resolve) => {
      this.#resolve = resolve;
      this.#timer = setTimeout(resolve, SILENCE_MS);
      if (signal.aborted) resolve();
    });
    signal.removeEventListener("abort", stop);
    clearTimeout(limit);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
