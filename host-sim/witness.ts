// An independent subscriber, MQTT.js on a connection of its own, that counts what really arrived at the broker: the
// bench's "lost" and "duplicates" are its words, not the firmware's. It keeps its session over lost connections, so
// that nothing escapes it while it is away.

import { randomBytes } from "node:crypto";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { AlertTally, type WitnessedAlert } from "./alert-tally.js";

export type { WitnessedAlert } from "./alert-tally.js";

/** Between two tries to connect, and the limit of one, ms. */
const retryMs = 250;
const connectLimitMs = 5_000;

/** How long the end may take, ms. */
const farewellLimitMs = 500;

export class Witness {
  readonly #client: MqttClient;
  readonly #url: string;
  readonly #clientId: string;
  readonly #filter: string;
  readonly #tally = new AlertTally();
  readonly #listeners = new Set<(alert: WitnessedAlert) => void>();
  readonly #readyListeners = new Set<(isReady: boolean) => void>();
  readonly #startedAt = performance.now();
  #isReady = false;
  #hasSession = false;
  #failure: Error | undefined;

  /** @param root topic root, wildcards allowed; it subscribes to `<root>/alert` with QoS 2. */
  constructor(brokerUrl: string, root: string) {
    this.#filter = `${root}/alert`;
    this.#url = brokerUrl;
    this.#clientId = `witness-${randomBytes(6).toString("hex")}`;
    this.#client = connect({
      ...addressOf(brokerUrl),
      protocolVersion: 4,
      clientId: this.#clientId,
      clean: false,
      reconnectPeriod: retryMs,
      connectTimeout: connectLimitMs,
      // It subscribes by itself, when the broker has no session.
      resubscribe: false,
    });
    this.#client.on("connect", (packet) => {
      if (packet.sessionPresent && this.#hasSession) this.#become(true);
      else this.#subscribe();
    });
    this.#client.on("message", (topic, payload) => this.#take(topic, payload));
    this.#client.on("close", () => this.#become(false));
    this.#client.on("error", (error) => this.#fail(error));
  }

  /** The latest in the order of arrival. */
  get alerts(): readonly WitnessedAlert[] {
    return this.#tally.alerts;
  }

  /** How many different alerts there are. */
  get delivered(): number {
    return this.#tally.delivered;
  }

  /** How many alerts came again. */
  get duplicates(): number {
    return this.#tally.duplicates;
  }

  /** Whether it is connected and subscribed. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Presses without an alert: see AlertTally. */
  lost(presses: number | Iterable<string>): number {
    return this.#tally.lost(presses);
  }

  /**
   * Resolves when it is subscribed for the first time. Rejects when the broker refuses the connection or grants less
   * than QoS 2; a broker that is not there is waited for.
   */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): boolean => {
        if (this.#isReady) resolve();
        else if (this.#failure !== undefined && isFinal(this.#failure)) reject(this.#failure);
        else return false;
        return true;
      };
      if (check()) return;
      const end = this.onReady(() => {
        if (check()) end();
      });
    });
  }

  /** Hears every alert from now on; gives the function that ends it. */
  onAlert(listener: (alert: WitnessedAlert) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hears when it becomes ready, or not, or fails. */
  onReady(listener: (isReady: boolean) => void): () => void {
    this.#readyListeners.add(listener);
    return () => this.#readyListeners.delete(listener);
  }

  /** Ends it. Its session at the broker is removed when that can be done at once. */
  async close(): Promise<void> {
    this.#listeners.clear();
    this.#readyListeners.clear();
    const isThere = this.#client.connected;
    await this.#client.endAsync(true);
    if (isThere && this.#hasSession) await this.#removeSession();
  }

  /** A clean session in place of the old one, which ends with its connection [MQTT-3.1.2-6]. */
  #removeSession(): Promise<void> {
    const client = connect({
      ...addressOf(this.#url),
      protocolVersion: 4,
      clientId: this.#clientId,
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: farewellLimitMs,
    });
    return new Promise((resolve) => {
      client.on("connect", () => client.end());
      client.on("error", () => client.end(true));
      client.on("close", () => resolve());
    });
  }

  #subscribe(): void {
    this.#client.subscribe(this.#filter, { qos: 2 }, (error, granted) => {
      if (error) {
        // A connection that broke meanwhile is no refusal.
        if (this.#client.connected) this.#fail(new Refused(`the broker refuses ${this.#filter}: ${error.message}`));
        return;
      }
      const qos = granted?.[0]?.qos;
      if (qos !== 2) {
        this.#fail(new Refused(`the broker grants QoS ${qos} for ${this.#filter}, not 2`));
        return;
      }
      this.#hasSession = true;
      this.#become(true);
    });
  }

  #take(topic: string, payload: Uint8Array): void {
    const alert = this.#tally.arrived(topic, new TextDecoder().decode(payload), performance.now() - this.#startedAt);
    for (const listener of [...this.#listeners]) listener(alert);
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#isReady = false;
    this.#tellReady();
  }

  #become(isReady: boolean): void {
    if (this.#isReady === isReady) return;
    this.#isReady = isReady;
    this.#tellReady();
  }

  #tellReady(): void {
    for (const listener of [...this.#readyListeners]) listener(this.#isReady);
  }
}

/** MQTT.js splits user and password of a URL at the last colon; a password may have one. */
export function addressOf(brokerUrl: string): IClientOptions {
  const { protocol, hostname, port, username, password } = new URL(brokerUrl);
  return {
    protocol: protocol === "mqtts:" ? "mqtts" : "mqtt",
    host: hostname,
    ...(port === "" ? {} : { port: Number(port) }),
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  };
}

/** A broker that grants less than it was asked for. */
class Refused extends Error {}

/** CONNACK codes that trying again will not cure: MQTT.js gives them as `code`. 3, "unavailable", may pass. */
const finalCodes: readonly unknown[] = Object.freeze([1, 2, 4, 5, 134, 135]);

function isFinal(error: Error): boolean {
  return error instanceof Refused || ("code" in error && finalCodes.includes(error.code));
}
