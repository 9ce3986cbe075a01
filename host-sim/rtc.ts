// The memory of the ESP8266's real-time clock: 128 words that survive a reset and deep sleep, and hold noise after
// power came back. The SDK's boot code and Moddable's clock use the first 32 of them, firmware the rest.

import type { Random } from "./random.js";

/** Arduino's boot loader keeps its command in the words below, and Moddable's clock words 0 to 9. */
export const firstUserWord = 32;
const wordCount = 128;

export class RtcMemory {
  readonly #words = new Uint32Array(wordCount);
  readonly #listeners = new Set<() => void>();

  /** A word, 0 to 2^32 - 1. Throws a RangeError outside 32 to 127. */
  read(index: number): number {
    this.#check(index);
    return this.#words[index] ?? 0;
  }

  /** Sets a word to the low 32 bits of a number. Throws a RangeError outside 32 to 127. */
  write(index: number, value: number): void {
    this.#check(index);
    this.#words[index] = value;
    for (const listener of this.#listeners) listener();
  }

  /** Calls back after each word that is written. Gives the way to stop that. */
  onWrite(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What power leaves behind when it comes: anything. */
  scramble(random: Random): void {
    for (let index = 0; index < wordCount; index++) this.#words[index] = random.integer(2 ** 32);
  }

  #check(index: number): void {
    if (!Number.isInteger(index) || index < firstUserWord || index >= wordCount) {
      throw new RangeError(`RTC words ${firstUserWord} to ${wordCount - 1} are for firmware, not ${index}`);
    }
  }
}
