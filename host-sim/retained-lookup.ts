// Finds out which topics a broker keeps a message for. A subscriber cannot see it: a message that comes while it is
// subscribed has the flag cleared, whatever its sender asked for [MQTT-3.3.1-9]. So a client of its own subscribes to
// the topics in question for a moment and sees what it is given. Knows topics only.

import { randomBytes } from "node:crypto";
import { connect, type MqttClient } from "mqtt";
import { addressOf } from "./witness.js";

const Limit = Object.freeze({
  /** Topics in one request. */
  BATCH: 100,
  /** Between two requests, ms; longer and longer while they bring nothing new, as on a busy broker. */
  PAUSE_MS: 250,
  LONGEST_PAUSE_MS: 4000,
} as const);

export interface RetainedAnswer {
  readonly topic: string;
  readonly isRetained: boolean;
}

export class RetainedLookup {
  readonly #client: MqttClient;
  readonly #answer: (answer: RetainedAnswer) => boolean;
  readonly #asked = new Set<string>();
  #kept: Set<string> | undefined;
  #pause: NodeJS.Timeout | undefined;
  #pauseMs: number = Limit.PAUSE_MS;
  #isClosed = false;

  /** @param answer gets what was found, and says whether that is new. */
  constructor(brokerUrl: string, answer: (answer: RetainedAnswer) => boolean) {
    this.#answer = answer;
    this.#client = connect({
      ...addressOf(brokerUrl),
      protocolVersion: 4,
      clientId: `bench-lookup-${randomBytes(4).toString("hex")}`,
      clean: true,
      resubscribe: false,
      reconnectPeriod: 500,
      connectTimeout: 5000,
    });
    this.#client.on("connect", () => this.#next());
    this.#client.on("message", (topic, _payload, packet) => {
      if (!packet.retain) return;
      this.#kept?.add(topic);
      // At once, because some brokers (aedes) send what they keep behind the answers to SUBSCRIBE and UNSUBSCRIBE.
      if (this.#answer({ topic, isRetained: true })) this.#pauseMs = Limit.PAUSE_MS;
    });
    this.#client.on("close", () => {
      this.#kept = undefined;
    });
    // The observer that asks says what is wrong.
    this.#client.on("error", () => undefined);
  }

  /** Is to be looked up soon; asked again before that, it is looked up once. */
  ask(topic: string): void {
    this.#asked.add(topic);
    this.#next();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#pause);
    await this.#client.endAsync(true);
  }

  #next(): void {
    if (this.#kept !== undefined || this.#pause !== undefined || this.#isClosed) return;
    if (this.#asked.size === 0 || !this.#client.connected) return;
    const topics = [...this.#asked].slice(0, Limit.BATCH);
    const kept = new Set<string>();
    this.#kept = kept;
    this.#client.subscribe(topics, { qos: 0 }, (error) => {
      // What the connection cut short is asked again with the next one.
      if (error || this.#kept !== kept) {
        this.#over(kept);
        return;
      }
      for (const topic of topics) this.#asked.delete(topic);
      // What is kept should come before the answer to this, because all is in order on one connection.
      this.#client.unsubscribe(topics, () => {
        if (this.#kept === kept) this.#found(topics, kept);
        else for (const topic of topics) this.#asked.add(topic);
        this.#over(kept);
      });
    });
  }

  #found(topics: readonly string[], kept: ReadonlySet<string>): void {
    const news = topics.filter((topic) => this.#answer({ topic, isRetained: kept.has(topic) }));
    this.#pauseMs = news.length > 0 ? Limit.PAUSE_MS : Math.min(2 * this.#pauseMs, Limit.LONGEST_PAUSE_MS);
  }

  #over(kept: Set<string>): void {
    if (this.#kept === kept) this.#kept = undefined;
    if (this.#isClosed) return;
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#next();
    }, this.#pauseMs).unref();
  }
}
