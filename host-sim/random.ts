// Chance from a seed: the same seed gives the same numbers on every machine. For bounces, torn writes, jitter and
// whatever else in a world is left to chance. The generator is mulberry32: 32 bits of state, good enough to shuffle
// with, not for secrets.

export class Random {
  readonly #seed: number;
  #state: number;

  /** @param seed any number; its low 32 bits count. */
  constructor(seed = 1) {
    this.#seed = seed >>> 0;
    this.#state = this.#seed;
  }

  /** A number from 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to, not including, `limit`; `limit` is a whole number from 1 to 2^32. */
  integer(limit: number): number {
    if (!Number.isInteger(limit) || limit < 1 || limit > 2 ** 32) {
      throw new RangeError(`a limit is a whole number from 1 to 2^32, not ${limit}`);
    }
    return Math.floor(this.next() * limit);
  }

  /**
   * A generator of its own for one part of a world. It depends on the seed and the name only, not on how many numbers
   * were drawn before, so that a change in one part leaves the others' chance as it was.
   */
  fork(name: string): Random {
    // FNV-1a over the UTF-16 units of the name, then over the seed's bytes.
    let hash = 0x811c9dc5;
    for (let index = 0; index < name.length; index++) {
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    }
    for (let shift = 0; shift < 32; shift += 8) {
      hash = Math.imul(hash ^ ((this.#seed >>> shift) & 0xff), 0x01000193);
    }
    return new Random(hash);
  }
}
