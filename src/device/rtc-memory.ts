// A few words that survive deep sleep and reset but not power loss, over `chip` (RTC user memory, words 32 and up; the
// ones below belong to the SDK and to Moddable's clock). A checksum tells them from the random words after power-on.

import chip from "chip";

/** First word of ours: guard, then attempt, then flags. */
const FIRST_WORD = 32;
const GUARD = 0x41424f58;

export class RtcMemory {
  private _attempt = 0;
  private _plainOrder = false;

  constructor() {
    const attempt = chip.readWord(FIRST_WORD + 1);
    const flags = chip.readWord(FIRST_WORD + 2);
    if (chip.readWord(FIRST_WORD) !== check(attempt, flags)) return;
    this._attempt = attempt;
    this._plainOrder = (flags & 1) === 1;
  }

  /** Failed deliveries in a row, over deep sleep. */
  get attempt(): number {
    return this._attempt;
  }

  /** The broker was seen to refuse packets before CONNACK. */
  get plainOrder(): boolean {
    return this._plainOrder;
  }

  /** Keeps both. A cut in between leaves a wrong checksum, which reads as nothing kept. */
  write(attempt: number, plainOrder: boolean): void {
    this._attempt = attempt;
    this._plainOrder = plainOrder;
    const flags = plainOrder ? 1 : 0;
    chip.writeWord(FIRST_WORD + 1, attempt);
    chip.writeWord(FIRST_WORD + 2, flags);
    chip.writeWord(FIRST_WORD, check(attempt, flags));
  }
}

/** Mixes both words with a constant, so that neither all zeros nor all ones passes. */
function check(attempt: number, flags: number): number {
  return (Math.imul(attempt ^ GUARD, 0x9e3779b1) ^ Math.imul(flags + 1, 0x85ebca6b)) >>> 0;
}
