// Counts alerts as an independent subscriber gets them: how many different ones, which came twice, which never.
// Bounded, so that a bench may run for weeks. Knows topics and payloads, not how they came.

import { Recent } from "./recent.js";
import { Ring } from "./ring.js";

export interface WitnessedAlert {
  readonly topic: string;
  /** Undefined when the payload has none. */
  readonly id: string | undefined;
  readonly payload: string;
  /** ms since the subscriber was made. */
  readonly at: number;
  /** An alert of that topic and id, or without an id the same payload, was there before. */
  readonly duplicate: boolean;
}

const Limit = Object.freeze({
  /**
   * Different alerts that are told apart: one that comes again after so many others counts as new. A box that repeats
   * one does so from its journal, which holds 140; 64 boards may do so at once.
   */
  KNOWN: 10_000,
  /** Alerts kept to be looked at. */
  KEPT: 2000,
} as const);

export class AlertTally {
  readonly #known = new Recent<string>(Limit.KNOWN);
  readonly #ids = new Recent<string>(Limit.KNOWN);
  readonly #alerts = new Ring<WitnessedAlert>(Limit.KEPT);
  #delivered = 0;
  #duplicates = 0;

  /** The last 2,000 in the order of arrival. */
  get alerts(): readonly WitnessedAlert[] {
    return this.#alerts.items;
  }

  /** How many different alerts there were. */
  get delivered(): number {
    return this.#delivered;
  }

  /** How many alerts came again; found for the last 10,000 different ones. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** Presses without an alert: given the ids of their alerts (10,000 at most), or how many presses there were. */
  lost(presses: number | Iterable<string>): number {
    if (typeof presses === "number") return Math.max(0, presses - this.#delivered);
    let lost = 0;
    for (const id of new Set(presses)) if (!this.#ids.has(id)) lost += 1;
    return lost;
  }

  /** One has arrived at this time, ms. Gives what is to be said of it. */
  arrived(topic: string, payload: string, at: number): WitnessedAlert {
    const id = idOf(payload);
    const duplicate = this.#known.see(`${topic}\n${id ?? payload}`);
    if (duplicate) this.#duplicates += 1;
    else this.#delivered += 1;
    if (id !== undefined) this.#ids.see(id);
    const alert = { topic, id, payload, at, duplicate };
    this.#alerts.push(alert);
    return alert;
  }
}

function idOf(payload: string): string | undefined {
  try {
    const { id } = JSON.parse(payload) as { id?: unknown };
    return typeof id === "string" ? id : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}
