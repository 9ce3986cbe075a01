// The independent subscriber of a virtual world: it sits at the model broker itself, so that nothing escapes it, and
// what it has got the broker has passed on. It is away as long as the broker is. Knows topics and payloads.

import { AlertTally, type WitnessedAlert } from "./alert-tally.js";
import type { ModelBroker } from "./broker.js";
import type { AlertWitness } from "./witnesses.js";

export class ModelWitness implements AlertWitness {
  readonly #broker: ModelBroker;
  readonly #tally = new AlertTally();
  readonly #listeners = new Set<(alert: WitnessedAlert) => void>();
  readonly #readyListeners = new Set<(isReady: boolean) => void>();
  readonly #ends: readonly (() => void)[];
  #wasUp: boolean;

  /** @param root topic root, wildcards allowed; it subscribes to `<root>/alert`. */
  constructor(broker: ModelBroker, root: string) {
    this.#broker = broker;
    this.#wasUp = broker.isUp;
    this.#ends = [
      broker.listen(`${root}/alert`, ({ topic, payload, at }) => {
        const alert = this.#tally.arrived(topic, payload, at);
        for (const listener of [...this.#listeners]) listener(alert);
      }),
      broker.onChange(() => this.#look()),
    ];
  }

  get isReady(): boolean {
    return this.#broker.isUp;
  }

  async ready(): Promise<void> {}

  onAlert(listener: (alert: WitnessedAlert) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onReady(listener: (isReady: boolean) => void): () => void {
    this.#readyListeners.add(listener);
    return () => this.#readyListeners.delete(listener);
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end();
    this.#listeners.clear();
    this.#readyListeners.clear();
  }

  #look(): void {
    const { isUp } = this.#broker;
    if (isUp === this.#wasUp) return;
    this.#wasUp = isUp;
    for (const listener of [...this.#readyListeners]) listener(isUp);
  }
}
