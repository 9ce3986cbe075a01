// What a target of the fuzzer is: something that makes inputs by chance and tries them. An input is a string of bytes
// and holds everything that matters (also how it is cut into fragments, or what the owner does meanwhile), so that the
// bytes alone replay a finding, and can be made small without knowing what they mean.

import type { Random } from "../random.js";

export interface Target {
  /** Makes an input. It is valid until the next call. */
  draw(random: Random): Uint8Array;
  /**
   * Tries an input. Throws a {@link Breach} for a promise that did not hold; whatever else it throws was thrown by the
   * code under attack.
   */
  run(input: Uint8Array): void;
  /** How often what was reached: shows that inputs come far. */
  readonly reached: Record<string, number>;
}

/** A promise that did not hold. */
export class Breach extends Error {
  readonly rule: string;

  constructor(rule: string, detail: string) {
    super(`${rule}: ${detail}`);
    this.rule = rule;
  }
}

/** @throws Breach with this rule unless it holds. `detail` is put together only then. */
export function hold(holds: boolean, rule: string, detail: () => string): void {
  if (!holds) throw new Breach(rule, detail());
}

/** A promise that an input broke. */
export interface Finding {
  readonly rule: string;
  readonly detail: string;
}

/** Tries an input; what was wrong with it. */
export function tryInput(target: Target, input: Uint8Array): Finding | undefined {
  try {
    target.run(input);
    return undefined;
  } catch (error) {
    if (error instanceof Breach) return { rule: error.rule, detail: error.message };
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { rule: "nothing throws", detail: text.split("\n").slice(0, 4).join("\n") };
  }
}

/** Counts what was reached. */
export function count(reached: Record<string, number>, what: string): void {
  reached[what] = (reached[what] ?? 0) + 1;
}
