// A stop that was asked for: by a signal, or because nobody reads the output any more. Knows no command.

/** Signals by number, as shells have them in the exit status. */
const SIGNALS = Object.freeze([
  ["SIGINT", 2],
  ["SIGTERM", 15],
  ["SIGHUP", 1],
] as const);

export class Stop {
  readonly #controller = new AbortController();
  /** Resolves when it was asked for. */
  readonly asked: Promise<void>;
  /** Exit status of a command that was stopped: 128 and the signal's number; 0 when the reader went away. */
  status = 0;

  constructor() {
    this.asked = new Promise((resolve) => this.signal.addEventListener("abort", () => resolve()));
    for (const [name, number] of SIGNALS) {
      process.on(name, () => {
        // A second one means it: whatever hangs is left.
        if (this.signal.aborted) process.exit(128 + number);
        this.status = 128 + number;
        this.#controller.abort();
      });
    }
    for (const stream of [process.stdout, process.stderr]) {
      stream.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code !== "EPIPE") throw error;
        this.#controller.abort();
      });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isAsked(): boolean {
    return this.signal.aborted;
  }
}
