// The last so many different things that were seen, to know by whether one comes again. Adding and asking cost the same
// however many there are. Knows nothing of what it keeps.

export class Recent<T> {
  readonly #limit: number;
  /** The one seen longest ago comes first. */
  readonly #seen = new Set<T>();

  /** @param limit how many are known at once, from 1; the one seen longest ago is forgotten for the next. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  has(item: T): boolean {
    return this.#seen.has(item);
  }

  /** Sees one. True: it is known, it comes again. */
  see(item: T): boolean {
    const isKnown = this.#seen.delete(item);
    this.#seen.add(item);
    if (this.#seen.size > this.#limit) {
      const [oldest] = this.#seen;
      this.#seen.delete(oldest as T);
    }
    return isKnown;
  }
}
