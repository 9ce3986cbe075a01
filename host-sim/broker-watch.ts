// The broker as one of its clients sees it: all topics with what it keeps for them, its own figures under $SYS, who is
// connected where it is the bench's own, and messages that a person publishes. It subscribes to everything; where that
// is not allowed, to what the boards send. Knows topics and payloads, not boards.

import { PRESENCE_FILTERS } from "../shell/convention.js";
import type { BrokerLine, LineMessage } from "./broker-line.js";
import type { BrokerView, TopicView } from "./page/details.js";
import type { Action, BenchEvent } from "./page/protocol.js";
import { TopicTable } from "./topic-table.js";

/** What is kept of $SYS: Mosquitto has some 60 topics. */
const SYS_TOPICS = 300;
const SYS_CHARACTERS = 200;

/** A client that is connected to the bench's own broker. */
export interface ConnectedClient {
  readonly id: string;
  readonly clean: boolean;
}

/** What the bench's own broker can say beside what its clients see. */
export interface ClientList {
  readonly clients: readonly ConnectedClient[];
  /** Calls back when the list changes; gives what ends that. */
  onClients(listener: () => void): () => void;
}

export interface BrokerWatchOptions {
  /** To the broker; nobody else uses it. */
  readonly line: BrokerLine;
  /** The broker itself, where it is the bench's own. */
  readonly own: ClientList | undefined;
  /** False: only what the boards send is looked at. */
  readonly everything: boolean;
  /** Milliseconds since the bench started. */
  now(): number;
  tell(event: BenchEvent): void;
  /** Hears of each message; with an undefined topic that the broker is away. */
  heard(topic: string | undefined, payload: string): void;
}

export class BrokerWatch {
  readonly #options: BrokerWatchOptions;
  readonly #topics: TopicTable;
  /** The boards' topic roots, for a broker that does not show everything. */
  readonly #roots = new Set<string>();
  readonly #sys = new Map<string, string>();
  readonly #since = new Map<string, number>();
  readonly #unlisten: () => void;
  #isConnected = false;
  #failure = "not connected yet";
  /** The broker does not let everything be seen. */
  #isPartial = false;
  #notPublished = "";
  #changed: NodeJS.Immediate | undefined;
  #isClosed = false;

  constructor(options: BrokerWatchOptions) {
    this.#options = options;
    this.#topics = new TopicTable((topic) => options.tell({ type: "topic", topic }));
    this.#unlisten =
      options.own?.onClients(() => {
        this.#noteClients();
        this.#change();
      }) ?? (() => undefined);
    options.line.begin({
      connected: () => this.#connected(),
      closed: () => this.#away(),
      failed: (why) => {
        this.#failure = why;
        this.#change();
      },
      message: (message) => this.#message(message),
      found: (topic, isRetained) => (isRetained ? this.#topics.retained(topic) : this.#topics.cleared(topic)),
    });
  }

  get topics(): readonly TopicView[] {
    return this.#topics.topics;
  }

  get view(): BrokerView {
    const sys = [...this.#sys].sort(([a], [b]) => (a < b ? -1 : 1));
    return { connected: this.#isConnected, trouble: this.#trouble, clients: this.#clients(), sys };
  }

  /** A board's topics are here from now on. */
  follow(root: string): void {
    if (this.#roots.has(root)) return;
    this.#roots.add(root);
    if (!this.#isConnected) return;
    if (this.#isPartial || !this.#options.everything) this.#subscribeTo(root);
  }

  /** What a person wants published. Whether it was is seen among the topics; if it was not, `trouble` says why. */
  publish({ topic, payload, qos, retain }: Extract<Action, { type: "publish" }>): void {
    // MQTT.js would send it, and the broker would close the connection [MQTT-3.3.2-2, MQTT-1.5.3-2, MQTT-4.7.3-1].
    const isTopic = topic !== "" && !/[+#\0]/.test(topic) && Buffer.byteLength(topic) <= 65_535;
    if (!isTopic || !this.#isConnected) {
      this.#notPublished = `not published: ${isTopic ? "not connected" : "a topic is not empty and has no + and no #"}`;
      this.#change();
      return;
    }
    this.#options.line.publish({ topic, payload: new TextEncoder().encode(payload), qos, retain }, (why) => {
      this.#notPublished = why === undefined ? "" : `not published: ${why}`;
      this.#change();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearImmediate(this.#changed);
    this.#unlisten();
    await this.#options.line.close();
  }

  get #trouble(): string {
    const { dropped } = this.#topics;
    return [
      this.#isConnected ? "" : this.#failure,
      this.#isPartial ? "this broker does not show everything (#): only the boards' topics are here" : "",
      dropped > 0 ? `${dropped} of its topics are not shown: there are too many` : "",
      this.#notPublished,
    ]
      .filter((text) => text !== "")
      .join("; ");
  }

  #clients(): BrokerView["clients"] {
    this.#noteClients();
    const now = this.#options.now();
    return this.#options.own?.clients.map(({ id, clean }) => ({ id, since: this.#since.get(id) ?? now, clean }));
  }

  /** Since when each is there. */
  #noteClients(): void {
    const ids = new Set(this.#options.own?.clients.map(({ id }) => id));
    for (const id of this.#since.keys()) if (!ids.has(id)) this.#since.delete(id);
    for (const id of ids) if (!this.#since.has(id)) this.#since.set(id, this.#options.now());
  }

  #connected(): void {
    this.#isConnected = true;
    this.#isPartial = false;
    this.#failure = "the connection was lost";
    this.#change();
    // The broker may have forgotten, or got, what it keeps while nobody looked.
    for (const { topic, retained } of this.#topics.topics) if (retained) this.#options.line.lookUp(topic);
    if (!this.#options.everything) {
      this.#subscribeToBoards();
      return;
    }
    this.#options.line.subscribe("$SYS/#", 0);
    this.#options.line.subscribe("#", 2, () => {
      this.#isPartial = true;
      this.#subscribeToBoards();
      this.#change();
    });
  }

  #subscribeToBoards(): void {
    for (const root of this.#roots) this.#subscribeTo(root);
    for (const filter of PRESENCE_FILTERS) this.#options.line.subscribe(filter, 2);
  }

  #subscribeTo(root: string): void {
    this.#options.line.subscribe(`${root}/#`, 2);
  }

  #away(): void {
    if (this.#isConnected) this.#options.heard(undefined, "");
    this.#isConnected = false;
    this.#change();
  }

  #message({ topic, payload, qos, retain }: LineMessage): void {
    if (this.#isClosed) return;
    if (topic.startsWith("$SYS/")) {
      this.#figure(topic, payload);
      return;
    }
    this.#topics.seen({ topic, payload, qos, retain, at: this.#options.now() });
    if (!retain) this.#options.line.lookUp(topic);
    this.#options.heard(topic, new TextDecoder().decode(payload));
  }

  #figure(topic: string, payload: Uint8Array): void {
    if (!this.#sys.has(topic) && this.#sys.size >= SYS_TOPICS) return;
    this.#sys.set(topic, new TextDecoder().decode(payload.subarray(0, SYS_CHARACTERS)));
    this.#change();
  }

  /** Tells the views once, after whatever else comes in the same turn. */
  #change(): void {
    if (this.#isClosed) return;
    this.#changed ??= setImmediate(() => {
      this.#changed = undefined;
      this.#options.tell({ type: "broker", broker: this.view });
    });
  }
}
