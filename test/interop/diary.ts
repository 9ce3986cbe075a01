// What happened, in order, and promises for what is to happen: tests wait for events, never for a while. A promise that
// is not kept says what there was instead.

/** How long an event may take, ms: brokers are slow on a busy computer. */
const limitMs = 120_000;

export class Diary<T> {
  readonly entries: T[] = [];
  readonly #readers = new Set<() => void>();

  add(entry: T): void {
    this.entries.push(entry);
    for (const read of [...this.#readers]) read();
  }

  /** Resolves with the first entry that fits, from the one of that number on. */
  async first(fits: (entry: T) => boolean, what: string, from = 0): Promise<T> {
    const find = () => this.entries.slice(from).find(fits);
    await this.until(() => find() !== undefined, what);
    return find() as T;
  }

  /** Resolves when so many entries fit, and gives them all. */
  async atLeast(count: number, fits: (entry: T) => boolean, what: string): Promise<T[]> {
    await this.until(() => this.entries.filter(fits).length >= count, what);
    return this.entries.filter(fits);
  }

  /** Resolves when the condition holds; it is asked again after each entry. */
  until(condition: () => boolean, what: string): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#readers.delete(read);
        const entries = this.entries.slice(-20).map((entry) => JSON.stringify(entry).slice(0, 300));
        reject(new Error(`no ${what} within ${limitMs} ms; there was:\n${entries.join("\n")}`));
      }, limitMs);
      // Nobody waits any more when the tests are over.
      timer.unref();
      const read = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#readers.delete(read);
        resolve();
      };
      this.#readers.add(read);
    });
  }
}
