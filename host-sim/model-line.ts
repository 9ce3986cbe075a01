// A line to the model broker of a virtual world: no connection, it looks on from inside, and tells at once what a
// client would be told. Also the figures that a broker publishes about itself. Knows no topics of its own.

import type { ModelBroker } from "./broker.js";
import type { BrokerLine, BrokerLineEvents, LineMessage } from "./broker-line.js";

export class ModelLine implements BrokerLine {
  readonly #broker: ModelBroker;
  #events: BrokerLineEvents | undefined;
  readonly #ends: (() => void)[] = [];
  #isConnected = false;
  /** Figures as they were told; undefined as long as nobody has asked for them. */
  #figures: Map<string, string> | undefined;

  constructor(broker: ModelBroker) {
    this.#broker = broker;
  }

  begin(events: BrokerLineEvents): void {
    this.#events = events;
    this.#ends.push(this.#broker.onChange(() => this.#look()));
    this.#look();
  }

  subscribe(filter: string): void {
    if (filter === "$SYS/#") {
      this.#figures = new Map();
      this.#tellFigures();
      return;
    }
    // What it keeps comes from inside this call, and only that has the flag [MQTT-3.3.1-8, MQTT-3.3.1-9].
    let isKept = true;
    const end = this.#broker.listen(filter, ({ topic, bytes: payload, qos }) => {
      this.#events?.message({ topic, payload, qos, retain: isKept });
      this.#tellFigures();
    });
    isKept = false;
    this.#ends.push(end);
  }

  publish({ topic, payload, qos, retain }: LineMessage, done: (why: string | undefined) => void): void {
    this.#broker.publish(topic, payload, { qos, retain });
    done(undefined);
  }

  lookUp(topic: string): void {
    this.#events?.found(topic, this.#broker.retained(topic) !== undefined);
  }

  async close(): Promise<void> {
    this.#events = undefined;
    this.#end();
  }

  #end(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  /** The broker may have started, stopped, or got another client. */
  #look(): void {
    const { isUp } = this.#broker;
    if (isUp === this.#isConnected) {
      this.#tellFigures();
      return;
    }
    this.#isConnected = isUp;
    this.#figures = undefined;
    if (isUp) {
      this.#events?.connected();
      return;
    }
    // Whoever connects anew subscribes anew.
    this.#end();
    this.#ends.push(this.#broker.onChange(() => this.#look()));
    this.#events?.closed();
  }

  #tellFigures(): void {
    const told = this.#figures;
    if (told === undefined) return;
    for (const [topic, value] of this.#broker.figures) {
      const text = String(value);
      if (told.get(topic) === text) continue;
      told.set(topic, text);
      this.#events?.message({ topic, payload: new TextEncoder().encode(text), qos: 0, retain: false });
    }
  }
}
