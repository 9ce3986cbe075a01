// What the model broker keeps of one client id over its connections: subscriptions, what it received with QoS 2 and has
// not passed on, what it owes the client. Also the two types that go in and out of it. Knows nothing of connections.

export type QoS = 0 | 1 | 2;

/** One application message on its way through the broker. */
export interface Publication {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  /** DUP of the PUBLISH that brought it. */
  readonly dup: boolean;
  /** Who sent it; undefined for the test. */
  readonly clientId: string | undefined;
}

/** Whether two are the same message, so that the second can be the first sent again. */
export function isSame(a: Publication, b: Publication, samePayload: SamePayload): boolean {
  return a.topic === b.topic && a.qos === b.qos && a.retain === b.retain && samePayload(a.payload, b.payload);
}

export type SamePayload = (first: Uint8Array, again: Uint8Array) => boolean;

/** What the standard leaves no doubt about. */
export function sameBytes(first: Uint8Array, again: Uint8Array): boolean {
  return Buffer.compare(first, again) === 0;
}

/** A message from the client that is not finished. */
export interface Incoming {
  readonly publication: Publication;
  /** In which order they first came. */
  readonly order: number;
  /** PUBREC has left at least once. */
  answered: boolean;
}

/** A message to the client. */
export interface Outgoing {
  readonly id: number;
  readonly publication: Publication;
  /** What the client is to get next: PUBLISH until PUBACK or PUBREC, then PUBREL. */
  stage: "publish" | "pubrel";
  /** It has left on some connection. */
  sent: boolean;
  /** It has left on the present connection. */
  sentNow: boolean;
}

export class BrokerSession {
  readonly clientId: string;
  readonly clean: boolean;
  readonly subscriptions = new Map<string, QoS>();
  /** QoS 2, from PUBLISH to PUBREL. */
  readonly received = new Map<number, Incoming>();
  /** QoS 1, until its PUBACK has really left. */
  readonly unanswered = new Map<number, Incoming>();
  /** QoS 2 messages that are finished, by their id, until the id is used again: to know a wrong repeat by. */
  readonly released = new Map<number, Publication>();
  readonly outgoing: Outgoing[] = [];
  #order = 0;
  /** Of each id's last message. */
  readonly #orders = new Map<number, number>();
  #lastId = 0;

  constructor(clientId: string, clean: boolean) {
    this.clientId = clientId;
    this.clean = clean;
  }

  /**
   * The place of a client's PUBLISH in the order of the originals. A repeat keeps that of its original, though its
   * acknowledgement has left meanwhile: the client cannot know.
   */
  orderOf(id: number, dup: boolean): number {
    const known = dup ? this.#orders.get(id) : undefined;
    if (known !== undefined) return known;
    this.#order += 1;
    this.#orders.set(id, this.#order);
    return this.#order;
  }

  /** The QoS at which a topic goes to this client, the highest of all filters that match [MQTT-3.3.5-1]. */
  granted(topic: string, matches: (filter: string, topic: string) => boolean): QoS | undefined {
    let best: QoS | undefined;
    for (const [filter, qos] of this.subscriptions) {
      if (matches(filter, topic) && (best === undefined || qos > best)) best = qos;
    }
    return best;
  }

  /** Takes on a message for the client; QoS 0 has no id and is not kept. */
  enqueue(publication: Publication): Outgoing {
    const id = publication.qos === 0 ? 0 : this.#freeId();
    const outgoing: Outgoing = { id, publication, stage: "publish", sent: false, sentNow: false };
    if (publication.qos > 0) this.outgoing.push(outgoing);
    return outgoing;
  }

  find(id: number): Outgoing | undefined {
    return this.outgoing.find((each) => each.id === id);
  }

  /** Whether a message from the client has this id. */
  isTaken(id: number): boolean {
    return this.received.has(id) || this.unanswered.has(id);
  }

  /** The client has it. */
  finish(outgoing: Outgoing): void {
    const index = this.outgoing.indexOf(outgoing);
    if (index >= 0) this.outgoing.splice(index, 1);
  }

  /** A connection has ended: nothing of it counts as sent on the next. */
  detach(): void {
    for (const each of this.outgoing) each.sentNow = false;
  }

  /** Forgets everything, as a broker without persistence does. */
  clear(): void {
    this.subscriptions.clear();
    this.received.clear();
    this.unanswered.clear();
    this.released.clear();
    this.outgoing.length = 0;
  }

  #freeId(): number {
    const used = new Set(this.outgoing.map((each) => each.id));
    for (let tries = 0; tries < 65_535; tries++) {
      this.#lastId = (this.#lastId % 65_535) + 1;
      if (!used.has(this.#lastId)) return this.#lastId;
    }
    throw new RangeError(`65,535 messages wait for ${this.clientId}, there is no packet id left`);
  }
}
