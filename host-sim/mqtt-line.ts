// A line to a real broker, by MQTT.js, which connects again by itself. Knows no topics of its own.

import { randomBytes } from "node:crypto";
import { connect, type MqttClient } from "mqtt";
import type { BrokerLine, BrokerLineEvents, LineMessage } from "./broker-line.js";
import { RetainedLookup } from "./retained-lookup.js";
import { addressOf } from "./witness.js";

export class MqttLine implements BrokerLine {
  readonly #url: string;
  #client: MqttClient | undefined;
  #lookup: RetainedLookup | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  begin(events: BrokerLineEvents): void {
    this.#lookup = new RetainedLookup(this.#url, ({ topic, isRetained }) => events.found(topic, isRetained));
    const client = connect({
      ...addressOf(this.#url),
      protocolVersion: 4,
      clientId: `bench-observer-${randomBytes(4).toString("hex")}`,
      clean: true,
      resubscribe: false,
      reconnectPeriod: 500,
      connectTimeout: 5000,
    });
    this.#client = client;
    client.on("connect", () => events.connected());
    client.on("message", (topic, payload, { qos, retain }) => events.message({ topic, payload, qos, retain }));
    client.on("close", () => events.closed());
    client.on("error", (error) => events.failed(error.message));
  }

  subscribe(filter: string, qos: 0 | 2, refused?: () => void): void {
    this.#client?.subscribe(filter, { qos }, (error, granted) => {
      const isGranted = !error && (granted?.[0]?.qos ?? 128) < 128;
      // A connection that broke meanwhile is no refusal.
      if (!isGranted && this.#client?.connected) refused?.();
    });
  }

  publish({ topic, payload, qos, retain }: LineMessage, done: (why: string | undefined) => void): void {
    this.#client?.publish(topic, Buffer.from(payload), { qos, retain }, (error) => {
      done(error instanceof Error ? error.message : undefined);
    });
  }

  lookUp(topic: string): void {
    this.#lookup?.ask(topic);
  }

  async close(): Promise<void> {
    await Promise.all([this.#client?.endAsync(true), this.#lookup?.close()]);
  }
}
