// The effects that the box asks for while it handles one event, in order, and what has to be remembered so that they do
// not repeat themselves: the LED's base pattern and the last complaint. Knows no state of the box.

import type { Effect } from "./effect.js";
import { LedPattern } from "./led.js";

export class Wishes {
  private effects: Effect[] = [];
  /** The LED pattern for when no finite one runs. Set here, only read elsewhere. */
  base: number = LedPattern.OFF;
  /** The last complaint said, so that a failing retry does not repeat it. */
  private said = "";

  /** What was asked for since the last call. */
  drained(): readonly Effect[] {
    const effects = this.effects;
    this.effects = [];
    return effects;
  }

  do(effect: Effect): void {
    this.effects.push(effect);
  }

  /** Starts a finite LED pattern. */
  show(pattern: number): void {
    this.effects.push({ do: "show", pattern });
  }

  /** Sets the LED pattern for when no finite one runs. */
  rest(pattern: number): void {
    this.base = pattern;
    this.effects.push({ do: "rest", pattern });
  }

  /** A line of the serial log. */
  say(word: string, detail: string): void {
    this.effects.push({ do: "say", word, detail });
  }

  /** Says a complaint once; a retry that fails in the same way stays silent. */
  complain(word: string, detail: string): void {
    const line = `${word} ${detail}`;
    if (line === this.said) return;
    this.said = line;
    this.say(word, detail);
  }

  /** Things went well, or a person asked again: the next complaint is said even if it is the same. */
  forgive(): void {
    this.said = "";
  }
}
