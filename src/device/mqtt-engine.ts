// The work of an MqttClient: puts session, link, names and backoff together, decides when to connect again, and sees to
// it that nothing is called back from inside a call (ECMA-419 §9). It knows nothing of Wi-Fi: without a network an
// attempt fails like any other.

import TCP from "embedded:io/socket/tcp";
import { Backoff } from "../mqtt/backoff.js";
import { QOS_0_PLACES } from "../mqtt/in-flight.js";
import { MAX_REMAINING_LENGTH, PacketType } from "../mqtt/packet.js";
import {
  type Closed,
  type Inbound,
  type Message,
  type PayloadSource,
  Refusal,
  type SessionHandler,
} from "../mqtt/session.js";
import { Alarm } from "./alarm.js";
import { now } from "./clock.js";
import type MqttClient from "./mqtt-client.js";
import { type LinkHandler, MqttLink } from "./mqtt-link.js";
import {
  asData,
  backoffOptions,
  budgetOf,
  bytesOf,
  type ClientState,
  type ControlMessage,
  checkOptions,
  checkWhole,
  type Data,
  type DnsOptions,
  type Failure,
  isSource,
  itemsOf,
  LAST_STORED_ID,
  type MqttClientOptions,
  sessionOptions,
  type WriteOptions,
} from "./mqtt-options.js";
import { PIECE_BYTES, PieceSession } from "./piece-session.js";
import { isAddress, Resolver } from "./resolver.js";

/** Bytes on their way between session and socket: one small segment. */
const LINK_BUFFER = 536;
/** Milliseconds that a name may take. */
const RESOLVE_TIMEOUT = 30000;
/** Milliseconds: the longest flush. */
const DAY = 86400000;

/**
 *   WAITING ──delay over──► RESOLVING ──address──► OPENING ──TCP──► CONNECTING ──CONNACK 0──► CONNECTED
 *      ▲ ▲                      └──no address─┐       └─unreachable─┐     └──────ended──────────┴──┐
 *      │ └────────────────────────────────────┴─────────────────────┴──────────────────────────────┤
 *      └── first of all, in the turn after the constructor       refused for good, or no reconnect ──► CLOSED  onError
 *   any but CLOSED ──close()──► CLOSING ──DISCONNECT acknowledged by TCP, or nothing to say it to──► CLOSED  onClose
 *
 * Deadlines. WAITING: the delay. RESOLVING: its own. OPENING and what follows: the link's and the session's.
 */
export class Engine implements LinkHandler, SessionHandler {
  state: ClientState = "waiting";
  lastId = 0;

  readonly #client: MqttClient;
  readonly #options: MqttClientOptions;
  readonly #wire: ReturnType<typeof sessionOptions>;
  readonly #session: PieceSession;
  readonly #link: MqttLink;
  readonly #backoff: Backoff | undefined;
  readonly #resolver = new Resolver();
  /** A resolver of the application's, and the number of the question whose answer counts. */
  #dns: InstanceType<DnsOptions["io"]> | undefined;
  #question = 0;
  /** The deadline of WAITING and RESOLVING. */
  readonly #alarm = new Alarm(() => this.#ring());
  /** What calls have left to do, in a turn of its own: callbacks may come of it. */
  readonly #turn = new Alarm(() => this.#work());
  /** Packet ids of messages not yet delivered, 0 where there is none, and which of them are QoS 2. */
  readonly #ids: Uint16Array;
  readonly #exactlyOnce: Uint8Array;
  /** The store has to be asked for more. */
  #backlog: boolean;
  /** A write has left no room: onWritable is due when there is some. */
  #starved = false;
  /** close() found nothing to say DISCONNECT to. */
  #drop = false;
  /** The callback of a flush that is not yet answered, its deadline, and the answer once it is known. */
  #flushed: ((this: MqttClient, delivered: boolean) => void) | undefined;
  #flushBy = 0;
  #answer: boolean | undefined;

  /** What read() gives; the bytes belong to the session and are valid during a callback only. */
  #bytes: Uint8Array | undefined;
  #start = 0;
  #end = 0;
  readonly #message = { topic: "", byteLength: 0, QoS: 0, retain: false, duplicate: false, id: 0, more: false };

  constructor(client: MqttClient, options: MqttClientOptions) {
    checkOptions(options);
    const backoff = backoffOptions(options.reconnect);
    const budget = budgetOf(options);
    this.#client = client;
    this.#options = options;
    this.#wire = sessionOptions(options);
    this.#session = new PieceSession(this.#wire, budget, this);
    this.#backoff = backoff === undefined ? undefined : new Backoff(backoff);
    this.#session.onSent = () => this.#freed();
    // With Nagle's rule small writes share a segment: lwIP ends a connection with more than 8 unacknowledged ones
    // (TCP_SND_QUEUELEN), and an application may write as often as it likes. A TLS socket wants the name of the host.
    const socket = { io: TCP, nodelay: false, ...options.socket, host: options.host };
    this.#link = new MqttLink(this.#session, LINK_BUFFER, this, socket);
    this.#ids = new Uint16Array(budget.inFlight);
    this.#exactlyOnce = new Uint8Array(budget.inFlight);
    this.#backlog = options.store !== undefined;
    this.#alarm.set(now());
  }

  // What the application asks for. Nothing here calls back; #turn does what is left.

  get writable(): number {
    const { pieces, pending, unsent } = this.#session;
    if (this.state !== "connected") return 0;
    if (pieces.missing > 0) return pieces.room;
    return pending < this.#ids.length && unsent < QOS_0_PLACES ? PIECE_BYTES - pieces.waiting : 0;
  }

  write(data: Data | PayloadSource | null | undefined, options: WriteOptions | undefined): number {
    if (this.state === "closing" || this.state === "closed") throw new Error("the client is closed; make a new one");
    if (options === undefined) {
      this.#addPiece(asData(data));
    } else {
      const { missing } = this.#session.pieces;
      if (missing > 0) throw new Error(`a message is not complete; write its last ${missing} bytes first`);
      const id = this.#request(data, options);
      if (id < 0) throw refusal(id);
      this.lastId = id;
    }
    this.#turn.set(now());
    const room = this.writable;
    if (room === 0) this.#starved = true;
    return room;
  }

  #request(data: Data | PayloadSource | null | undefined, options: WriteOptions): number {
    switch (options.operation ?? PacketType.PUBLISH) {
      case PacketType.PUBLISH:
        return this.#publish(data, options);
      case PacketType.SUBSCRIBE: {
        const list = itemsOf(options).map((item) => ({ filter: item.topic, qos: (item.QoS ?? 0) as 0 | 1 | 2 }));
        return this.#session.subscribe(list, now());
      }
      case PacketType.UNSUBSCRIBE:
        return this.#session.unsubscribe(
          itemsOf(options).map((item) => item.topic),
          now(),
        );
      default:
        throw new RangeError(
          `operation ${options.operation} is the client's own; use PUBLISH, SUBSCRIBE or UNSUBSCRIBE, or call close()`,
        );
    }
  }

  #publish(data: Data | PayloadSource | null | undefined, options: WriteOptions): number {
    const qos = (options.QoS ?? 0) as 0 | 1 | 2;
    const { id, byteLength } = options;
    if (id !== undefined && id > LAST_STORED_ID && this.#options.store !== undefined) {
      throw new RangeError(`id is ${id}; with a store it must be from 1 to ${LAST_STORED_ID}`);
    }
    const message: Outgoing = { topic: options.topic ?? "", payload: undefined, qos, retain: options.retain ?? false };
    if (id !== undefined) message.id = id;
    if (isSource(data)) {
      message.payload = data;
    } else if (typeof data === "string" && byteLength === undefined) {
      message.payload = data;
    } else {
      const bytes = asData(data);
      if (byteLength !== undefined && byteLength !== bytes.length) return this.#begin(message, bytes, byteLength);
      // The session keeps the message until it is delivered; the application may use its buffer again at once.
      message.payload = bytes.slice();
    }
    return this.#accept(message);
  }

  #accept(message: Message): number {
    const id = this.#session.publish(message, now());
    if (id > 0) this.#note(id, message.qos);
    else if (id === 0) this.#session.unsent += 1;
    return id;
  }

  /** Begins a message that is written in pieces. */
  #begin(message: Outgoing, first: Uint8Array, byteLength: number): number {
    const { pieces } = this.#session;
    if (message.qos > 0 && !this.#wire.clean) {
      throw new TypeError("pieces are gone once written, but this session may have to send them again; give a source");
    }
    const most = Math.min(PIECE_BYTES, checkWhole("byteLength", byteLength, 1, MAX_REMAINING_LENGTH));
    if (first.length === 0 || first.length > most) {
      throw new RangeError(`data has ${first.length} bytes; begin this message with 1 to ${most} of them`);
    }
    if (this.state !== "connected") return Refusal.OFFLINE;
    if (pieces.waiting > 0) return Refusal.FULL;
    pieces.length = byteLength;
    message.payload = pieces;
    const id = this.#accept(message);
    if (id >= 0) pieces.begin(first);
    return id;
  }

  #addPiece(bytes: Uint8Array): void {
    const { pieces } = this.#session;
    if (pieces.missing === 0) {
      throw new Error("no message is open (an end of the connection ends it); begin one with { topic, byteLength }");
    }
    if (bytes.length > pieces.room) {
      throw new RangeError(`data has ${bytes.length} bytes; write at most ${pieces.room} now, the rest in onWritable`);
    }
    pieces.add(bytes);
  }

  read(into: number | ArrayBufferLike | ArrayBufferView | undefined): ArrayBufferLike | number | undefined {
    const bytes = this.#bytes;
    const start = this.#start;
    const left = this.#end - start;
    if (bytes === undefined || left === 0) return undefined;
    if (into === undefined || typeof into === "number") {
      const count = Math.min(left, into === undefined ? left : checkWhole("count", into, 0, 0x7fffffff));
      this.#start = start + count;
      return bytes.slice(start, start + count).buffer;
    }
    const target = bytesOf(into);
    const count = Math.min(left, target.length);
    this.#start = start + count;
    target.set(bytes.subarray(start, start + count));
    return count;
  }

  flush(deadlineMs: number, callback: (this: MqttClient, delivered: boolean) => void): void {
    checkWhole("deadlineMs", deadlineMs, 0, DAY);
    if (typeof callback !== "function") throw new TypeError("flush needs a function to call back");
    if (this.state === "closing" || this.state === "closed") throw new Error("the client is closed; flush before");
    if (this.#flushed !== undefined) throw new Error("a flush is not yet answered; wait for its callback");
    this.#flushed = callback;
    this.#flushBy = (now() + deadlineMs) | 0;
    this.#session.flush(this.#flushBy, now());
    this.#turn.set(now());
  }

  close(): void {
    const state = this.state;
    if (state === "closing" || state === "closed") return;
    this.state = "closing";
    this.#forgetNames();
    // In the middle of a message there is no place for DISCONNECT.
    this.#drop = (state !== "connected" && state !== "connecting") || this.#session.pieces.missing > 0;
    if (!this.#drop) this.#session.disconnect(now());
    this.#turn.set(now());
  }

  // Turns.

  /** Whether nothing may be called back any more, but onClose. */
  get #silent(): boolean {
    return this.state === "closing" || this.state === "closed";
  }

  #work(): void {
    if (this.state === "closed") return;
    if (this.state === "closing") {
      if (!this.#drop) {
        this.#link.pump();
        return;
      }
      this.#link.drop();
      this.#finish();
      return;
    }
    this.#restore();
    // Whatever is due because of what was asked for: the answer to a flush, deliveries that need no packet.
    this.#session.tick(now());
    this.#link.pump();
    this.#tellFlushed();
    this.#tellWritable();
  }

  #tellFlushed(): void {
    const callback = this.#flushed;
    const answer = this.#answer;
    if (callback === undefined || this.#silent) return;
    if (answer === undefined) {
      this.#turn.set(this.#flushBy);
      return;
    }
    this.#flushed = undefined;
    this.#answer = undefined;
    callback.call(this.#client, answer);
  }

  #tellWritable(): void {
    const room = this.writable;
    if (!this.#starved || room === 0) return;
    this.#starved = false;
    this.#options.onWritable?.call(this.#client, room);
  }

  #ring(): void {
    if (this.state === "resolving") this.#retry({ ...UNREACHABLE, detail: `no answer about ${this.#options.host}` });
    else if (this.state === "waiting") this.#resolve();
  }

  #resolve(): void {
    const { host, dns } = this.#options;
    this.#restore();
    if (isAddress(host)) {
      this.#open(host);
      return;
    }
    this.state = "resolving";
    this.#alarm.set((now() + RESOLVE_TIMEOUT) | 0);
    if (dns === undefined) {
      this.#resolver.resolve(host, (address) => this.#resolved(address));
      return;
    }
    const question = this.#question;
    const answer = (address: string | undefined): void => {
      if (question === this.#question) this.#resolved(address);
    };
    try {
      this.#dns = new dns.io(dns);
      this.#dns.resolve({ host, onResolved: (_host, address) => answer(address), onError: () => answer(undefined) });
    } catch (error) {
      // Out of sockets, for example: as ordinary a failure as no answer.
      this.#retry({ ...UNREACHABLE, detail: String(error) });
    }
  }

  #resolved(address: string | undefined): void {
    if (address === undefined) this.#retry({ ...UNREACHABLE, detail: `no address for ${this.#options.host}` });
    else this.#open(address);
  }

  #forgetNames(): void {
    this.#alarm.set(undefined);
    this.#resolver.cancel();
    this.#question += 1;
    const dns = this.#dns;
    this.#dns = undefined;
    dns?.close();
  }

  #open(address: string): void {
    this.#forgetNames();
    this.state = "opening";
    this.#link.open(address, this.#options.port ?? 1883);
  }

  #retry(failure: Failure): void {
    this.#forgetNames();
    this.#backoff?.disconnected(now());
    if (this.#backoff === undefined || isFinal(failure.code)) {
      this.state = "closed";
      this.#turn.set(undefined);
      this.#options.onError?.call(this.#client, failure);
      return;
    }
    this.state = "waiting";
    const delay = this.#backoff.next(Math.random());
    this.#alarm.set((now() + delay) | 0);
    this.#options.onReconnecting?.call(this.#client, delay, failure);
  }

  #finish(): void {
    this.state = "closed";
    this.#turn.set(undefined);
    this.#options.onClose?.call(this.#client);
  }

  // The link and the session tell.

  onOpen(): void {
    if (!this.#silent) this.state = "connecting";
    this.#link.pump();
  }

  onUnreachable(why: string): void {
    if (!this.#silent) this.#retry({ ...UNREACHABLE, detail: why });
  }

  onDown(closed: Closed): void {
    if (this.#silent) this.#finish();
    else this.#retry(closed);
  }

  onConnected(sessionPresent: boolean): void {
    this.state = "connected";
    this.#backoff?.connected(now());
    this.#starved = true;
    this.#control({ operation: PacketType.CONNACK, returnCode: 0, sessionPresent });
    this.#tellWritable();
  }

  onClosed(closed: Closed): void {
    this.#link.ended(closed);
    // A server that closes on early PUBLISHes gets the plain order from now on.
    if (closed.pipelined) this.#wire.pipeline = false;
    if (this.#silent) return;
    this.state = "waiting";
    this.#session.pieces.forget();
    if (this.#wire.clean) {
      this.#ids.fill(0);
      this.#backlog = this.#options.store !== undefined;
    }
    if (closed.reason === "refused") {
      this.#control({ operation: PacketType.CONNACK, returnCode: closed.code, sessionPresent: false });
    }
  }

  onMessage(message: Inbound): void {
    if (this.#silent) return;
    this.#show(message);
    this.#message.more = !message.complete;
    this.#options.onReadable?.call(this.#client, message.end - message.start, this.#message);
    this.#bytes = undefined;
  }

  onOverflow(message: Inbound): void {
    if (this.#silent) return;
    this.#show(message);
    this.#message.more = false;
    this.#options.onOverflow?.call(this.#client, this.#message);
    this.#bytes = undefined;
  }

  #show(message: Inbound): void {
    const shown = this.#message;
    shown.topic = message.topic;
    shown.byteLength = message.length;
    shown.QoS = message.qos;
    shown.retain = message.retain;
    shown.duplicate = message.dup;
    shown.id = message.id;
    this.#bytes = message.bytes;
    this.#start = message.start;
    this.#end = message.end;
  }

  onReceived(id: number): void {
    // The store is told after close() too: it must know whatever the server has acknowledged.
    if (id <= LAST_STORED_ID) this.#options.store?.received(id);
    this.#control({ operation: PacketType.PUBREC, id });
    if (!this.#silent) this.#options.onReceived?.call(this.#client, id);
  }

  onDelivered(id: number): void {
    const place = this.#ids.indexOf(id);
    const exactlyOnce = this.#exactlyOnce[place] === 1;
    if (place >= 0) this.#ids[place] = 0;
    if (id <= LAST_STORED_ID) this.#options.store?.delivered(id);
    if (this.#backlog && !this.#silent) this.#turn.set(now());
    this.#freed();
    this.#control({ operation: exactlyOnce ? PacketType.PUBCOMP : PacketType.PUBACK, id });
    if (!this.#silent) this.#options.onDelivered?.call(this.#client, id);
  }

  onSubscribed(id: number, codes: readonly number[]): void {
    this.#freed();
    this.#control({ operation: PacketType.SUBACK, id, payload: codes });
  }

  onUnsubscribed(id: number): void {
    this.#freed();
    this.#control({ operation: PacketType.UNSUBACK, id });
  }

  /**
   * The callback has a turn of its own: the session may be in the middle of ending, and would take a new message down
   * too.
   */
  onFlushed(ok: boolean): void {
    this.#answer = ok;
    if (!this.#silent) this.#turn.set(now());
  }

  #control(message: ControlMessage): void {
    if (!this.#silent) this.#options.onControl?.call(this.#client, message);
  }

  /** A place is free; whoever waits for it is told in a turn of its own. */
  #freed(): void {
    if (this.#starved && !this.#silent) this.#turn.set(now());
  }

  #note(id: number, qos: number): void {
    const place = this.#ids.indexOf(0);
    this.#ids[place] = id;
    this.#exactlyOnce[place] = qos === 2 ? 1 : 0;
  }

  /** Hands over what the store holds, as far as there are places; one is left for what the application asks. */
  #restore(): void {
    const { store } = this.#options;
    if (!this.#backlog || store === undefined || this.#silent) return;
    const limit = Math.max(1, this.#ids.length - 1);
    for (const stored of store.pending()) {
      const { id, topic, payload, retain } = stored;
      if (this.#ids.includes(id)) continue;
      if (this.#session.pending >= limit) return;
      checkWhole("id of a stored message", id, 1, LAST_STORED_ID);
      const qos = stored.QoS ?? 2;
      if (stored.status === "received") this.#session.release(id, now());
      else if (this.#session.publish({ topic, payload, qos, retain, id, resumed: true }, now()) < 0) {
        throw refusal(Refusal.TOO_LONG);
      }
      this.#note(id, qos);
    }
    this.#backlog = false;
  }
}

/** A message on its way to the session. */
interface Outgoing extends Message {
  payload: Message["payload"];
  id?: number;
}

const UNREACHABLE: Failure = Object.freeze({ reason: "unreachable", detail: "", statement: "", code: 0 });

/** Refusals by CONNACK that no further attempt can heal: version, client id, password, authorisation (§3.2.2.3). */
function isFinal(code: number): boolean {
  return code === 1 || code === 2 || code === 4 || code === 5;
}

/** What the session would not take now. */
function refusal(code: number): Error {
  switch (code) {
    case Refusal.OFFLINE:
      return new Error("there is no connection; write in onControl (CONNACK) or onWritable");
    case Refusal.TOO_LONG:
      return new RangeError(
        "topic or payload is too long; make budget.send larger, or the payload smaller than 256 MB",
      );
    default:
      return new Error("no place is free; write again in onWritable, or make budget.inFlight larger");
  }
}
