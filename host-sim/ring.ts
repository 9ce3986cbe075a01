// The last so many of a sequence, for what a view that comes later is told. Adding costs the same however much there
// was. Knows nothing of what it keeps.

export class Ring<T> {
  readonly #limit: number;
  #kept: T[] = [];

  /** @param limit how many are kept, from 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  push(item: T): void {
    this.#kept.push(item);
    // Now and then half of a longer array is thrown away: moving all at each push would cost more.
    if (this.#kept.length >= 2 * this.#limit) this.#kept = this.#kept.slice(-this.#limit);
  }

  /** A copy of what is kept, the oldest first. */
  get items(): readonly T[] {
    return this.#kept.slice(-this.#limit);
  }

  get last(): T | undefined {
    return this.#kept.at(-1);
  }

  /** Puts another in the place of the last one. */
  replaceLast(item: T): void {
    if (this.#kept.length > 0) this.#kept[this.#kept.length - 1] = item;
  }

  /** Throws away those that are not wanted any more. */
  retain(isWanted: (item: T) => boolean): void {
    this.#kept = this.#kept.filter(isWanted);
  }
}
