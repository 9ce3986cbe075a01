// The effects that the box asks for while it handles one event, in order, and what has to be remembered so that they do
// not repeat themselves: the LED's base pattern and the last complaint. Knows no state of the box, whose lower half it
// is: on the chip each further object costs.

import type { Effect } from "./effect.js";

export class Wishes {
  private effects: Effect[] = [];
  /** The LED pattern for when no finite one runs. */
  protected base = 0 /* OFF */;
  /** The last complaint said, so that a failing retry does not repeat it. */
  private said = "";

  /** What was asked for since the last call; to be read before the next event. */
  protected drained(): readonly Effect[] {
    const effects = this.effects;
    // Empty, it is as good as new.
    if (effects.length > 0) this.effects = [];
    return effects;
  }

  protected ask(effect: Effect): void {
    this.effects.push(effect);
  }

  /** Starts a finite LED pattern. */
  protected show(pattern: number): void {
    this.effects.push({ do: 2, pattern });
  }

  /** Sets the LED pattern for when no finite one runs. */
  protected rest(pattern: number): void {
    this.base = pattern;
    this.effects.push({ do: 3, pattern });
  }

  /** A line of the serial log. */
  protected say(word: string, detail: string): void {
    this.effects.push({ do: 31, word, detail });
  }

  /** Says a complaint once; a retry that fails in the same way stays silent. */
  protected complain(word: string, detail: string): void {
    const line = `${word} ${detail}`;
    if (line === this.said) return;
    this.said = line;
    this.say(word, detail);
  }

  /** Things went well, or a person asked again: the next complaint is said even if it is the same. */
  protected forgive(): void {
    this.said = "";
  }
}
