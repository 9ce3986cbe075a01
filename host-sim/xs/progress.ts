// What a long measurement is at, on stderr: one line when something begins that takes longer than one looks at it, and
// when several things go on at once, also how far each is and that it is done.

/** Between two lines about the same, ms. */
const silenceMs = 10_000;

/** One of several things that go on at once. */
export interface Task {
  /** How far it is; not every word is shown. */
  readonly at: (text: string) => void;
  readonly done: () => void;
}

export class Progress {
  readonly #err: (text: string) => void;
  readonly #now: () => number;
  readonly #startedAt: number;

  /** @param now a clock in ms. */
  constructor(err: (text: string) => void, now: () => number = () => performance.now()) {
    this.#err = err;
    this.#now = now;
    this.#startedAt = now();
  }

  say(text: string): void {
    this.#line(`${text} …`);
  }

  /** Something begins beside others. */
  begin(title: string): Task {
    this.say(title);
    const startedAt = this.#now();
    let shownAt = startedAt;
    return {
      at: (text) => {
        if (this.#now() - shownAt < silenceMs) return;
        shownAt = this.#now();
        this.#line(`${title}: ${text} …`);
      },
      done: () => this.#line(`${title}: done in ${Math.round((this.#now() - startedAt) / 1000)} s`),
    };
  }

  #line(text: string): void {
    const seconds = Math.round((this.#now() - this.#startedAt) / 1000);
    this.#err(`  ${String(seconds).padStart(3)} s  ${text}\n`);
  }
}
