// The topics of a broker as one of its clients has seen them, and which of them the broker keeps a message for.
// Bounded: a busy broker must not fill the bench. Knows no connection.

import { payloadText, settingsText } from "./packet-words.js";
import type { TopicView } from "./page/details.js";
import { holdsSettings } from "./password-mask.js";

const Limit = Object.freeze({
  TOPICS: 2000,
  CHARACTERS: 2000,
} as const);

export interface SeenMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  /** Set in a message that the broker kept and sends because of a new subscription [MQTT-3.3.1-8]. */
  readonly retain: boolean;
  readonly at: number;
}

/** Characters of more bytes than this are never shown. */
const BYTES_READ = 4 * Limit.CHARACTERS;

export class TopicTable {
  readonly #tell: (topic: TopicView) => void;
  /** Each in the order of their latest message, the oldest first. */
  readonly #live = new Map<string, TopicView>();
  readonly #kept = new Map<string, TopicView>();
  #dropped = 0;

  constructor(tell: (topic: TopicView) => void) {
    this.#tell = tell;
  }

  /** All topics, those without a retained message first. */
  get topics(): readonly TopicView[] {
    return [...this.#live.values(), ...this.#kept.values()];
  }

  /** How many had to go because there were too many. */
  get dropped(): number {
    return this.#dropped;
  }

  /** A message was seen. One without the flag says nothing of what the broker keeps: `retained` and `cleared` do. */
  seen({ topic, payload, qos, retain, at }: SeenMessage): void {
    const before = this.#kept.get(topic) ?? this.#live.get(topic);
    this.#put({
      topic,
      payload: shown(topic, payload),
      bytes: payload.byteLength,
      qos,
      retained: retain || (before?.retained ?? false),
      count: (before?.count ?? 0) + 1,
      at,
    });
  }

  /** The broker keeps a message for this topic. False: that was known. */
  retained(topic: string): boolean {
    const view = this.#live.get(topic);
    if (view !== undefined) this.#put({ ...view, retained: true });
    return view !== undefined;
  }

  /**
   * The broker keeps none. A topic that had one, and whose last message was the empty one that cleared it, is gone.
   * False: that was known.
   */
  cleared(topic: string): boolean {
    const view = this.#kept.get(topic);
    if (view === undefined) return false;
    if (view.bytes > 0) this.#put({ ...view, retained: false });
    else this.#remove(view);
    return true;
  }

  #put(view: TopicView): void {
    const { topic } = view;
    this.#live.delete(topic);
    this.#kept.delete(topic);
    (view.retained ? this.#kept : this.#live).set(topic, view);
    this.#tell(view);
    if (this.#live.size + this.#kept.size <= Limit.TOPICS) return;
    const [oldest] = this.#live.size > 0 ? this.#live.values() : this.#kept.values();
    if (oldest === undefined) return;
    this.#dropped += 1;
    this.#remove(oldest);
  }

  #remove(view: TopicView): void {
    this.#live.delete(view.topic);
    this.#kept.delete(view.topic);
    this.#tell({ ...view, payload: "", bytes: 0, retained: false, count: 0 });
  }
}

function shown(topic: string, payload: Uint8Array): string {
  if (holdsSettings(topic)) return settingsText(payload, Limit.CHARACTERS);
  return payloadText(new TextDecoder().decode(payload.subarray(0, BYTES_READ)), Limit.CHARACTERS);
}
