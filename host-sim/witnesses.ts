// Who watches the alerts of a bench's boards: one independent subscriber for each pattern of topic roots, the first for
// the pattern that the options ask for, others for boards that were set up for another root. Knows roots and alerts,
// not boards, and not how a subscriber gets at its broker.

import type { WitnessedAlert } from "./alert-tally.js";
import { isWithin } from "./patience.js";

/** An independent subscriber: Witness is one. */
export interface AlertWitness {
  /** Whether it is connected and subscribed. */
  readonly isReady: boolean;
  /** Resolves when it is subscribed for the first time; rejects when it never will be. */
  ready(): Promise<void>;
  /** Hears every alert from now on; gives the function that ends it. */
  onAlert(listener: (alert: WitnessedAlert) => void): () => void;
  /** Hears when it becomes ready, or not; gives the function that ends it. */
  onReady(listener: (isReady: boolean) => void): () => void;
  close(): Promise<void>;
}

export class Witnesses {
  readonly #make: (pattern: string) => AlertWitness;
  readonly #arrived: (alert: WitnessedAlert) => void;
  /** The pattern of topic roots that the options ask for. */
  readonly #pattern: string;
  /** By the pattern of topic roots that they watch. */
  readonly #watches = new Map<string, AlertWitness>();
  readonly #farewells: Promise<void>[] = [];
  /** That of the first pattern. */
  readonly first: AlertWitness;

  /**
   * @param pattern a topic root, or one with `/+` at its end.
   * @param make a subscriber to `<pattern>/alert`.
   * @param arrived hears every alert.
   */
  constructor(pattern: string, make: (pattern: string) => AlertWitness, arrived: (alert: WitnessedAlert) => void) {
    this.#make = make;
    this.#arrived = arrived;
    this.#pattern = pattern;
    this.first = this.#watch(pattern);
  }

  /**
   * Resolves when the first one watches, but after `patienceMs` at the latest: a broker that is away may come. `failed`
   * hears, whenever that is, why it never will.
   */
  async ready(patienceMs: number, failed: (why: string) => void): Promise<void> {
    const ready = this.first.ready().catch((error: Error) => failed(`cannot watch the alerts: ${error.message}`));
    await isWithin(patienceMs, ready);
  }

  /** Watches this root, too. */
  follow(root: string): void {
    const pattern = this.#patternOf(root);
    if (!this.#watches.has(pattern)) this.#watch(pattern);
  }

  /** These are all the roots that there are: others are watched no more, but for the first pattern. */
  keep(roots: readonly string[]): void {
    const patterns = new Set(roots.map((root) => this.#patternOf(root)));
    for (const [pattern, witness] of this.#watches) {
      if (pattern === this.#pattern || patterns.has(pattern)) continue;
      this.#watches.delete(pattern);
      this.#farewells.push(witness.close());
    }
  }

  /** Calls back once, when the first one is ready again after it was away, or now if it is away. */
  whenBack(callback: () => void): void {
    let isAway = !this.first.isReady;
    const end = this.first.onReady((isReady) => {
      if (isReady && isAway) {
        end();
        callback();
      }
      isAway = !isReady;
    });
  }

  async close(): Promise<void> {
    await Promise.all([...[...this.#watches.values()].map((witness) => witness.close()), ...this.#farewells]);
  }

  #watch(pattern: string): AlertWitness {
    const witness = this.#make(pattern);
    witness.onAlert(this.#arrived);
    this.#watches.set(pattern, witness);
    return witness;
  }

  /** Which of the patterns a topic root is watched by: the first one, with one level for its "+", or itself. */
  #patternOf(root: string): string {
    const first = this.#pattern;
    if (!first.endsWith("/+")) return root;
    const isIn = root.lastIndexOf("/") === first.length - 2 && root.startsWith(first.slice(0, -1));
    return isIn ? first : root;
  }
}
