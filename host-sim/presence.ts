// What the broker says about the boxes: follows the retained `<root>/lwt` of each with an MQTT.js client of its own.
// Knows topics and payloads of DESIGN §10; it counts nothing (the witness does) and never publishes.

import { connect, type MqttClient } from "mqtt";
import type { Presence } from "./page/protocol.js";

const STATES: readonly string[] = Object.freeze(["online", "sleeping", "lost"]);

/** The state in an lwt payload, empty when there is none: the topic was cleared, or something else writes there. */
export function presenceOf(payload: string): Presence {
  try {
    const { state } = JSON.parse(payload) as { state?: unknown };
    return typeof state === "string" && STATES.includes(state) ? (state as Presence) : "";
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return "";
    throw error;
  }
}

export class PresenceWatch {
  readonly #client: MqttClient;

  /**
   * @param filter a topic filter that ends in `/lwt`.
   * @param onPresence told of each message, and with an undefined topic that the broker is away: nothing is known then.
   */
  constructor(brokerUrl: string, filter: string, onPresence: (topic: string | undefined, presence: Presence) => void) {
    this.#client = connect(brokerUrl, { protocolVersion: 4, clean: true, reconnectPeriod: 500, connectTimeout: 5000 });
    this.#client.on("connect", () => this.#client.subscribe(filter, { qos: 1 }, () => undefined));
    this.#client.on("message", (topic, payload) => onPresence(topic, presenceOf(String(payload))));
    this.#client.on("close", () => onPresence(undefined, ""));
    // The broker is away, or refuses: the client tries again by itself, and the witness is the one that reports it.
    this.#client.on("error", () => undefined);
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }
}
