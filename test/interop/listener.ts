// MQTT.js as the other client: what it publishes the box or the client gets, and what they publish it writes down. It
// does not come back by itself when its connection ends.

import { randomBytes } from "node:crypto";
import { connectAsync, type IPublishPacket, type MqttClient } from "mqtt";
import type { Broker } from "./brokers/broker.js";
import { Diary } from "./diary.js";

type QoS = 0 | 1 | 2;

export interface Heard {
  readonly topic: string;
  readonly text: string;
  readonly bytes: Uint8Array;
  /** At which it was delivered. */
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
}

export class Listener {
  readonly heard = new Diary<Heard>();
  readonly #client: MqttClient;

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on("message", (topic: string, bytes: Uint8Array, { qos, retain, dup }: IPublishPacket) => {
      this.heard.add({ topic, text: new TextDecoder().decode(bytes), bytes, qos, retain, dup });
    });
  }

  /** Connects with a clean session, and subscribes to the filters with QoS 2, or what the broker grants. */
  static async open(broker: Pick<Broker, "port" | "login">, ...filters: string[]): Promise<Listener> {
    const client = await connectAsync({
      ...{ host: "127.0.0.1", port: broker.port, protocol: "mqtt", protocolVersion: 4 },
      ...(broker.login === undefined ? {} : { username: broker.login.user, password: broker.login.password }),
      clientId: `listener${randomBytes(6).toString("hex")}`,
      reconnectPeriod: 0,
    });
    const listener = new Listener(client);
    for (const filter of filters) await listener.subscribe(filter);
    return listener;
  }

  /** The QoS that the broker grants; 128 when it refuses. */
  async subscribe(filter: string, qos: QoS = 2): Promise<number> {
    const [granted] = await this.#client.subscribeAsync(filter, { qos });
    return granted?.qos ?? 128;
  }

  async publish(topic: string, payload: string | Uint8Array, qos: QoS = 1, retain = false): Promise<void> {
    await this.#client.publishAsync(topic, typeof payload === "string" ? payload : Buffer.from(payload), {
      qos,
      retain,
    });
  }

  /** Resolves with the next message (or one that has come already) of the topic, from that number on. */
  message(topic: string, from = 0): Promise<Heard> {
    return this.heard.first((heard) => heard.topic === topic, `message on ${topic}`, from);
  }

  /** All so far on that topic. */
  texts(topic: string): string[] {
    return this.heard.entries.filter((heard) => heard.topic === topic).map(({ text }) => text);
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }
}
