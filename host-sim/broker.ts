// The model broker: a strict MQTT 3.1.1 server for deterministic worlds, built on mqtt-packet so that the firmware's
// codec never checks itself. It does what the standard says and notes every breach of a client with the statement's id.
// Tests hold back, lose and refuse its answers, restart it, and see what a subscriber would see. Connections are in
// broker-client.ts.

import { type Answer, AnswerGate } from "./answer-gate.js";
import { BrokerClient, type BrokerCore } from "./broker-client.js";
import { BrokerSession, type Publication, type QoS, type SamePayload, sameBytes } from "./broker-session.js";
import type { Clock } from "./clock.js";
import { matches } from "./packet-rules.js";
import type { VirtualNetwork } from "./virtual-network.js";

export type { Answer, QoS };

export interface ModelBrokerOptions {
  /** "10.0.0.2" when missing. */
  address?: string;
  /** 1883 when missing. */
  port?: number;
  /** User names and passwords; when given, only these may connect. */
  users?: Record<string, string>;
  /** Closes connections on which anything comes before the client can have its CONNACK. */
  closeOnPipelining?: boolean;
  /**
   * Whether a payload that comes again under its id is that of the same message; equal bytes when missing. An alert
   * says how often it was tried, so its `id` decides.
   */
  samePayload?: SamePayload;
  /**
   * False: `messages`, `connects`, `violations` and `forgotten` stay empty, so that it may run for as long as somebody
   * looks on (`listen`, `onChange`, `onViolation`). True when missing.
   */
  keepsPast?: boolean;
  /** Hears of each violation, with the chip id of the board. */
  onViolation?: (violation: Violation, chipId: number) => void;
}

/** Something a client did that the standard forbids. */
export interface Violation {
  /** `MQTT-3.1.0-2` … */
  readonly statement: string;
  readonly detail: string;
  readonly at: number;
  readonly clientId: string | undefined;
}

/** One message as a subscriber to everything at QoS 2 sees it. */
export interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly bytes: Uint8Array;
  readonly qos: QoS;
  /** What the publisher asked for; a stored message that a new subscriber gets has it too. */
  readonly retain: boolean;
  /** Whether the PUBLISH that brought it had DUP set. */
  readonly dup: boolean;
  readonly at: number;
  /** Undefined: the test published it. */
  readonly clientId: string | undefined;
}

export interface SessionView {
  readonly clientId: string;
  readonly connected: boolean;
  readonly clean: boolean;
  readonly subscriptions: ReadonlyMap<string, QoS>;
  /** Ids of QoS 2 messages from the client between PUBLISH and PUBREL. */
  readonly received: readonly number[];
  /** How many messages to the client are not finished, queued ones included. */
  readonly outgoing: number;
}

/** One CONNECT. */
export interface Connect {
  readonly at: number;
  readonly clientId: string;
  readonly clean: boolean;
  /** The code of CONNACK, 0 for accepted. */
  readonly refused: number;
  readonly sessionPresent: boolean;
}

/** A subscriber of the test's own. */
export interface Subscription {
  /** What it has got so far. */
  readonly messages: readonly Message[];
  end(): void;
}

interface TestSubscriber {
  readonly filter: string;
  readonly take: (message: Message) => void;
}

const userRefused = 4;
const notAuthorised = 5;

export class ModelBroker {
  #address: string;
  readonly port: number;
  readonly violations: Violation[] = [];
  /** Every CONNECT so far that could be read, refused ones included. */
  readonly connects: Connect[] = [];
  /**
   * QoS 2 messages that it had taken over (PUBREC) and not passed on when it lost its sessions: its own loss, which no
   * client can make good.
   */
  readonly forgotten: Message[] = [];
  /** Filters that SUBACK refuses with 0x80. */
  readonly deniedFilters = new Set<string>();
  users: Record<string, string> | undefined;
  closeOnPipelining: boolean;
  readonly #network: VirtualNetwork;
  readonly #clock: Clock;
  readonly #gate = new AnswerGate();
  readonly #clients = new Set<BrokerClient>();
  readonly #sessions = new Map<string, BrokerSession>();
  readonly #retained = new Map<string, Publication>();
  readonly #messages: Message[] = [];
  readonly #subscribers = new Set<TestSubscriber>();
  /** How many connections each board has made. */
  readonly #visits = new Map<number, number>();
  readonly #knownIds = new Set<string>();
  readonly #core: BrokerCore;
  readonly #samePayload: SamePayload;
  readonly #keepsPast: boolean;
  readonly #onViolation: ModelBrokerOptions["onViolation"];
  readonly #changeListeners = new Set<() => void>();
  #routed = 0;
  #violated = 0;
  #refusal = 0;
  #unlisten: (() => void) | undefined;

  /** Listens at once. */
  constructor(network: VirtualNetwork, clock: Clock, options: ModelBrokerOptions = {}) {
    this.#network = network;
    this.#clock = clock;
    this.#address = options.address ?? "10.0.0.2";
    this.port = options.port ?? 1883;
    this.users = options.users;
    this.closeOnPipelining = options.closeOnPipelining ?? false;
    this.#samePayload = options.samePayload ?? sameBytes;
    this.#keepsPast = options.keepsPast ?? true;
    this.#onViolation = options.onViolation;
    this.#core = this.#makeCore();
    this.start();
  }

  // Looking on.

  /** Client ids of the connected clients. */
  get clients(): string[] {
    return [...this.#clients].filter((each) => each.isConnected).map((each) => each.id ?? "");
  }

  get isUp(): boolean {
    return this.#unlisten !== undefined;
  }

  /**
   * Forgets what `messages` and `connects` have kept so far; sessions and retained messages stay. For very long runs.
   */
  forgetPast(): void {
    this.#messages.length = 0;
    this.connects.length = 0;
  }

  /** All messages so far, in the order in which they went on to subscribers. */
  messages(topicFilter = "#"): Message[] {
    return this.#messages.filter((each) => topicFilter === "#" || matches(topicFilter, each.topic));
  }

  retained(topic: string): Message | undefined {
    const publication = this.#retained.get(topic);
    return publication === undefined ? undefined : this.#describe(publication);
  }

  /** A subscriber at QoS 2: stored messages first, then what is published from now on. */
  subscribe(filter: string, listener?: (message: Message) => void): Subscription {
    const messages: Message[] = [];
    const end = this.listen(filter, (message) => {
      messages.push(message);
      listener?.(message);
    });
    return { messages, end };
  }

  /** The same for one who keeps nothing; gives the function that ends it. */
  listen(filter: string, take: (message: Message) => void): () => void {
    const subscriber: TestSubscriber = { filter, take };
    this.#subscribers.add(subscriber);
    for (const each of this.#retainedFor(filter)) take(this.#describe(each));
    return () => this.#subscribers.delete(subscriber);
  }

  /** Calls back when it has started or stopped, or when a client has come or gone; gives what ends that. */
  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /** What it could publish about itself, by the topics that Mosquitto has for it. */
  get figures(): readonly (readonly [topic: string, value: number])[] {
    let connected = 0;
    for (const client of this.#clients) if (client.isConnected) connected += 1;
    return [
      ["$SYS/broker/clients/connected", connected],
      ["$SYS/broker/clients/total", this.#sessions.size],
      ["$SYS/broker/publish/messages/received", this.#routed],
      ["$SYS/broker/retained messages/count", this.#retained.size],
      // No other broker has this one: breaches of the standard by its clients.
      ["$SYS/broker/violations", this.#violated],
    ];
  }

  sessionOf(clientId: string): SessionView | undefined {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return undefined;
    return {
      clientId,
      connected: this.clients.includes(clientId),
      clean: session.clean,
      subscriptions: new Map(session.subscriptions),
      received: [...session.received.keys()],
      outgoing: session.outgoing.length,
    };
  }

  // Taking part.

  /** Publishes as another client would. QoS 0 when missing. */
  publish(topic: string, payload: string | Uint8Array, options: { qos?: QoS; retain?: boolean } = {}): void {
    this.#route({
      topic,
      payload: typeof payload === "string" ? new TextEncoder().encode(payload) : payload.slice(),
      qos: options.qos ?? 0,
      retain: options.retain ?? false,
      dup: false,
      clientId: undefined,
    });
  }

  // Faults.

  /** Dies at once: connections are reset, no wills. Whoever connects is refused by TCP. */
  stop(): void {
    this.#unlisten?.();
    this.#unlisten = undefined;
    for (const client of [...this.#clients]) client.cut(false);
    this.#changed();
  }

  get address(): string {
    return this.#address;
  }

  /** Moves to another address, as after a change of the router's leases, with all that it knows. */
  moveTo(address: string): void {
    this.stop();
    this.#address = address;
    this.start();
  }

  /** Comes back with what it had. */
  start(): void {
    if (this.isUp) return;
    this.#unlisten = this.#network.listen(this.address, this.port, (peer) => {
      this.#visits.set(peer.chipId, (this.#visits.get(peer.chipId) ?? 0) + 1);
      this.#clients.add(new BrokerClient(this.#core, peer));
    });
    this.#changed();
  }

  /** Stops and starts; without `keepSessions` sessions and retained messages are gone, as without persistence. */
  restart(options: { keepSessions: boolean }): void {
    this.stop();
    if (!options.keepSessions) this.#forgetAll();
    this.start();
  }

  /** Restarts without what it kept; one that is stopped stays so. */
  forget(): void {
    const wasUp = this.isUp;
    this.stop();
    this.#forgetAll();
    if (wasUp) this.start();
  }

  #forgetAll(): void {
    for (const session of this.#sessions.values()) {
      for (const { publication, answered } of session.received.values()) {
        if (answered && this.#keepsPast) this.forgotten.push(this.#describe(publication));
      }
    }
    this.#sessions.clear();
    this.#retained.clear();
  }

  /** Answers every CONNECT from now on with this code of CONNACK; 0 ends it. */
  refuse(code: number): void {
    this.#refusal = code;
  }

  /** Breaks the connection (RST) whenever such a packet is to be sent, or no more. */
  breakAt(kind: Answer, on: boolean): void {
    this.#gate.breakAt(kind, on);
  }

  /** Keeps these packets back, from all clients, until `release`. */
  hold(kind: Answer): void {
    this.#gate.hold(kind);
  }

  /** Sends what was held, as far as its connection still exists; without a kind, all. */
  release(kind?: Answer): void {
    this.#gate.release(kind);
  }

  /** Sends all that comes from now on: ends what `lose` has ordered. */
  loseNoMore(): void {
    this.#gate.loseNoMore();
  }

  /** Never sends the next `count` of these packets. */
  lose(kind: Answer, count = 1): void {
    this.#gate.lose(kind, count);
  }

  /** Forgets what it keeps of a client, connected or not. */
  forgetSession(clientId: string): void {
    this.#sessions.get(clientId)?.clear();
    if (!this.clients.includes(clientId)) this.#sessions.delete(clientId);
  }

  /** Resets a client's connection; its will is published. */
  drop(clientId: string): void {
    for (const client of [...this.#clients]) if (client.id === clientId && client.isConnected) client.cut(true);
  }

  // What the connections need.

  #makeCore(): BrokerCore {
    const broker = this;
    const network = this.#network;
    return {
      clock: this.#clock,
      get roundTripMs() {
        return 2 * network.latencyMs;
      },
      get closeOnPipelining() {
        return broker.closeOnPipelining;
      },
      samePayload: this.#samePayload,
      violated: (client, statement, detail) => {
        const violation = { statement, detail, at: this.#clock.now, clientId: client.id };
        this.#violated += 1;
        if (this.#keepsPast) this.violations.push(violation);
        this.#onViolation?.(violation, client.peer.chipId);
      },
      judge: (_id, user, password) => this.#judge(user, password),
      isFirst: (client) => this.#visits.get(client.peer.chipId) === 1 && !this.#knownIds.has(client.id ?? ""),
      admit: (client, id, clean) => this.#admit(client, id, clean),
      heard: ({ id, clean, refused, present }) => {
        const connect = { at: this.#clock.now, clientId: id, clean, refused, sessionPresent: present };
        if (this.#keepsPast) this.connects.push(connect);
        this.#changed();
      },
      left: (client) => this.#left(client),
      gone: (client) => {
        this.#clients.delete(client);
        this.#changed();
      },
      breaksAt: (kind) => this.#gate.breaksAt(kind),
      pass: (kind, send) => this.#gate.pass(kind, send),
      route: (publication) => this.#route(publication),
      retainedFor: (filter) => this.#retainedFor(filter),
      isDenied: (filter) => this.deniedFilters.has(filter),
    };
  }

  #judge(user: string | undefined, password: Uint8Array | undefined): number {
    if (this.#refusal !== 0) return this.#refusal;
    if (this.users === undefined) return 0;
    if (user === undefined) return notAuthorised;
    const expected = Object.hasOwn(this.users, user) ? this.users[user] : undefined;
    const given = password === undefined ? "" : new TextDecoder().decode(password);
    return expected !== undefined && expected === given ? 0 : userRefused;
  }

  #admit(client: BrokerClient, id: string, clean: boolean): { session: BrokerSession; present: boolean } {
    // The older connection of that id is cut, its will published [MQTT-3.1.4-2].
    for (const other of [...this.#clients]) if (other !== client && other.id === id && other.isConnected) other.close();
    this.#knownIds.add(id);
    const old = this.#sessions.get(id);
    if (!clean && old !== undefined && !old.clean) return { session: old, present: true };
    const session = new BrokerSession(id, clean);
    this.#sessions.set(id, session);
    return { session, present: false };
  }

  #left(client: BrokerClient): void {
    const session = client.session;
    if (session === undefined) return;
    session.detach();
    // A clean session ends with its connection [MQTT-3.1.2-6].
    if (session.clean && this.#sessions.get(session.clientId) === session) this.#sessions.delete(session.clientId);
  }

  #route(publication: Publication): void {
    const { topic, payload, retain } = publication;
    if (retain) {
      // An empty message removes the stored one and is not stored itself [MQTT-3.3.1-10, MQTT-3.3.1-11].
      if (payload.byteLength === 0) this.#retained.delete(topic);
      else this.#retained.set(topic, publication);
    }
    const message = this.#describe(publication);
    this.#routed += 1;
    if (this.#keepsPast) this.#messages.push(message);
    for (const each of [...this.#subscribers]) if (matches(each.filter, topic)) each.take(message);
    for (const session of [...this.#sessions.values()]) this.#routeTo(session, publication);
  }

  #routeTo(session: BrokerSession, publication: Publication): void {
    const granted = session.granted(publication.topic, matches);
    if (granted === undefined) return;
    const qos = Math.min(granted, publication.qos) as QoS;
    // Subscribers of before get it without RETAIN [MQTT-3.3.1-9] and without DUP [MQTT-3.3.1-3].
    const copy: Publication = { ...publication, qos, retain: false, dup: false };
    for (const client of this.#clients) {
      if (client.session !== session || !client.isConnected) continue;
      client.deliver(copy);
      return;
    }
    if (qos > 0) session.enqueue(copy);
  }

  #retainedFor(filter: string): Publication[] {
    return [...this.#retained.values()].filter((each) => matches(filter, each.topic));
  }

  #changed(): void {
    for (const listener of [...this.#changeListeners]) listener();
  }

  #describe(publication: Publication): Message {
    const { topic, payload, qos, retain, dup, clientId } = publication;
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload);
    return { topic, payload: text, bytes: payload, qos, retain, dup, at: this.#clock.now, clientId };
  }
}
