// What a long measurement is at, on stderr: one line when something begins that takes longer than one looks at it.

export class Progress {
  readonly #err: (text: string) => void;
  readonly #startedAt = performance.now();

  constructor(err: (text: string) => void) {
    this.#err = err;
  }

  say(text: string): void {
    const seconds = Math.round((performance.now() - this.#startedAt) / 1000);
    this.#err(`  ${String(seconds).padStart(3)} s  ${text} …\n`);
  }
}
