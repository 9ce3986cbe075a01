// The work of an MqttClient: puts session, link, names and backoff together, decides when to connect again, and sees to
// it that nothing is called back from inside a call (ECMA-419 §9). It knows nothing of Wi-Fi: without a network an
// attempt fails like any other.

import TCP from "embedded:io/socket/tcp";
import { Backoff } from "../mqtt/backoff.js";
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
  PacketType,
  sessionOptions,
  type WriteOptions,
} from "./mqtt-options.js";
import { PIECE_BYTES, PieceSession } from "./piece-session.js";
import { isAddress, Resolver } from "./resolver.js";

/** Bytes on their way between session and socket: one small segment. */
const LINK_BUFFER = 536;
/** QoS 0 messages that may wait in a session. */
const QOS_0_PLACES = 2;
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

  private readonly _client: MqttClient;
  private readonly _options: MqttClientOptions;
  private readonly _wire: ReturnType<typeof sessionOptions>;
  private readonly _session: PieceSession;
  private readonly _link: MqttLink;
  private readonly _backoff: Backoff | undefined;
  private readonly _resolver = new Resolver();
  /** A resolver of the application's, and the number of the question whose answer counts. */
  private _dns: InstanceType<DnsOptions["io"]> | undefined;
  private _question = 0;
  /** The deadline of WAITING and RESOLVING. */
  private readonly _alarm = new Alarm(() => this._ring());
  /** What calls have left to do, in a turn of its own: callbacks may come of it. */
  private readonly _turn = new Alarm(() => this._work());
  /** Packet ids of messages not yet delivered, 0 where there is none, and which of them are QoS 2. */
  private readonly _ids: Uint16Array;
  private readonly _exactlyOnce: Uint8Array;
  /** The store has to be asked for more. */
  private _backlog: boolean;
  /** A write has left no room: onWritable is due when there is some. */
  private _starved = false;
  /** close() found nothing to say DISCONNECT to. */
  private _drop = false;
  /** The callback of a flush that is not yet answered, its deadline, and the answer once it is known. */
  private _flushed: ((this: MqttClient, delivered: boolean) => void) | undefined;
  private _flushBy = 0;
  private _answer: boolean | undefined;

  /** What read() gives; the bytes belong to the session and are valid during a callback only. */
  private _bytes: Uint8Array | undefined;
  private _start = 0;
  private _end = 0;
  private readonly _message = { topic: "", byteLength: 0, QoS: 0, retain: false, duplicate: false, id: 0, more: false };

  constructor(client: MqttClient, options: MqttClientOptions) {
    checkOptions(options);
    const backoff = backoffOptions(options.reconnect);
    const budget = budgetOf(options);
    this._client = client;
    this._options = options;
    this._wire = sessionOptions(options);
    this._session = new PieceSession(this._wire, budget, this);
    this._backoff = backoff === undefined ? undefined : new Backoff(backoff);
    this._session.onSent = () => this._freed();
    // With Nagle's rule small writes share a segment: lwIP ends a connection with more than 8 unacknowledged ones
    // (TCP_SND_QUEUELEN), and an application may write as often as it likes. A TLS socket wants the name of the host.
    const socket = { io: TCP, nodelay: false, ...options.socket, host: options.host };
    this._link = new MqttLink(this._session, LINK_BUFFER, this, socket);
    this._ids = new Uint16Array(budget.inFlight);
    this._exactlyOnce = new Uint8Array(budget.inFlight);
    this._backlog = options.store !== undefined;
    this._alarm.set(now());
  }

  // What the application asks for. Nothing here calls back; _turn does what is left.

  get writable(): number {
    const { pieces, pending, unsent } = this._session;
    if (this.state !== "connected") return 0;
    if (pieces.missing > 0) return pieces.room;
    return pending < this._ids.length && unsent < QOS_0_PLACES ? PIECE_BYTES - pieces.waiting : 0;
  }

  write(data: Data | PayloadSource | null | undefined, options: WriteOptions | undefined): number {
    if (this.state === "closing" || this.state === "closed") throw new Error("the client is closed; make a new one");
    if (options === undefined) {
      this._addPiece(asData(data));
    } else {
      const { missing } = this._session.pieces;
      if (missing > 0) throw new Error(`a message is not complete; write its last ${missing} bytes first`);
      const id = this._request(data, options);
      if (id < 0) throw refusal(id);
      this.lastId = id;
    }
    this._turn.set(now());
    const room = this.writable;
    if (room === 0) this._starved = true;
    return room;
  }

  private _request(data: Data | PayloadSource | null | undefined, options: WriteOptions): number {
    switch (options.operation ?? PacketType.PUBLISH) {
      case PacketType.PUBLISH:
        return this._publish(data, options);
      case PacketType.SUBSCRIBE: {
        const list = itemsOf(options).map((item) => ({ topic: item.topic, qos: (item.QoS ?? 0) as 0 | 1 | 2 }));
        return this._session.subscribe(list, now());
      }
      case PacketType.UNSUBSCRIBE:
        return this._session.unsubscribe(
          itemsOf(options).map((item) => item.topic),
          now(),
        );
      default:
        throw new RangeError(
          `operation ${options.operation} is the client's own; use PUBLISH, SUBSCRIBE or UNSUBSCRIBE, or call close()`,
        );
    }
  }

  private _publish(data: Data | PayloadSource | null | undefined, options: WriteOptions): number {
    const qos = (options.QoS ?? 0) as 0 | 1 | 2;
    const { id, byteLength } = options;
    if (id !== undefined && id > LAST_STORED_ID && this._options.store !== undefined) {
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
      if (byteLength !== undefined && byteLength !== bytes.length) return this._begin(message, bytes, byteLength);
      // The session keeps the message until it is delivered; the application may use its buffer again at once.
      message.payload = bytes.slice();
    }
    return this._accept(message);
  }

  private _accept(message: Message): number {
    const id = this._session.publish(message, now());
    if (id > 0) this._note(id, message.qos);
    else if (id === 0) this._session.unsent += 1;
    return id;
  }

  /** Begins a message that is written in pieces. */
  private _begin(message: Outgoing, first: Uint8Array, byteLength: number): number {
    const { pieces } = this._session;
    if (message.qos > 0 && !this._wire.clean) {
      throw new TypeError("pieces are gone once written, but this session may have to send them again; give a source");
    }
    const most = Math.min(PIECE_BYTES, checkWhole("byteLength", byteLength, 1, 268435455));
    if (first.length === 0 || first.length > most) {
      throw new RangeError(`data has ${first.length} bytes; begin this message with 1 to ${most} of them`);
    }
    if (this.state !== "connected") return Refusal.OFFLINE;
    if (pieces.waiting > 0) return Refusal.FULL;
    pieces.length = byteLength;
    message.payload = pieces;
    const id = this._accept(message);
    if (id >= 0) pieces.begin(first);
    return id;
  }

  private _addPiece(bytes: Uint8Array): void {
    const { pieces } = this._session;
    if (pieces.missing === 0) {
      throw new Error("no message is open (an end of the connection ends it); begin one with { topic, byteLength }");
    }
    if (bytes.length > pieces.room) {
      throw new RangeError(`data has ${bytes.length} bytes; write at most ${pieces.room} now, the rest in onWritable`);
    }
    pieces.add(bytes);
  }

  read(into: number | ArrayBufferLike | ArrayBufferView | undefined): ArrayBufferLike | number | undefined {
    const bytes = this._bytes;
    const start = this._start;
    const left = this._end - start;
    if (bytes === undefined || left === 0) return undefined;
    if (into === undefined || typeof into === "number") {
      const count = Math.min(left, into === undefined ? left : checkWhole("count", into, 0, 0x7fffffff));
      this._start = start + count;
      return bytes.slice(start, start + count).buffer;
    }
    const target = bytesOf(into);
    const count = Math.min(left, target.length);
    this._start = start + count;
    target.set(bytes.subarray(start, start + count));
    return count;
  }

  flush(deadlineMs: number, callback: (this: MqttClient, delivered: boolean) => void): void {
    checkWhole("deadlineMs", deadlineMs, 0, DAY);
    if (typeof callback !== "function") throw new TypeError("flush needs a function to call back");
    if (this.state === "closing" || this.state === "closed") throw new Error("the client is closed; flush before");
    if (this._flushed !== undefined) throw new Error("a flush is not yet answered; wait for its callback");
    this._flushed = callback;
    this._flushBy = (now() + deadlineMs) | 0;
    this._session.flush(this._flushBy, now());
    this._turn.set(now());
  }

  close(): void {
    const state = this.state;
    if (state === "closing" || state === "closed") return;
    this.state = "closing";
    this._forgetNames();
    // In the middle of a message there is no place for DISCONNECT.
    this._drop = (state !== "connected" && state !== "connecting") || this._session.pieces.missing > 0;
    if (!this._drop) this._session.disconnect(now());
    this._turn.set(now());
  }

  // Turns.

  /** Whether nothing may be called back any more, but onClose. */
  private get _silent(): boolean {
    return this.state === "closing" || this.state === "closed";
  }

  private _work(): void {
    if (this.state === "closed") return;
    if (this.state === "closing") {
      if (!this._drop) {
        this._link.pump();
        return;
      }
      this._link.close();
      this._finish();
      return;
    }
    this._restore();
    // Whatever is due because of what was asked for: the answer to a flush, deliveries that need no packet.
    this._session.tick(now());
    this._link.pump();
    this._tellFlushed();
    this._tellWritable();
  }

  private _tellFlushed(): void {
    const callback = this._flushed;
    const answer = this._answer;
    if (callback === undefined || this._silent) return;
    if (answer === undefined) {
      this._turn.set(this._flushBy);
      return;
    }
    this._flushed = undefined;
    this._answer = undefined;
    callback.call(this._client, answer);
  }

  private _tellWritable(): void {
    const room = this.writable;
    if (!this._starved || room === 0) return;
    this._starved = false;
    this._options.onWritable?.call(this._client, room);
  }

  private _ring(): void {
    if (this.state === "resolving") this._retry({ ...UNREACHABLE, detail: `no answer about ${this._options.host}` });
    else if (this.state === "waiting") this._resolve();
  }

  private _resolve(): void {
    const { host, dns } = this._options;
    this._restore();
    if (isAddress(host)) {
      this._open(host);
      return;
    }
    this.state = "resolving";
    this._alarm.set((now() + RESOLVE_TIMEOUT) | 0);
    if (dns === undefined) {
      this._resolver.resolve(host, (address) => this._resolved(address));
      return;
    }
    const question = this._question;
    const answer = (address: string | undefined): void => {
      if (question === this._question) this._resolved(address);
    };
    try {
      this._dns = new dns.io(dns);
      this._dns.resolve({ host, onResolved: (_host, address) => answer(address), onError: () => answer(undefined) });
    } catch (error) {
      // Out of sockets, for example: as ordinary a failure as no answer.
      this._retry({ ...UNREACHABLE, detail: String(error) });
    }
  }

  private _resolved(address: string | undefined): void {
    if (address === undefined) this._retry({ ...UNREACHABLE, detail: `no address for ${this._options.host}` });
    else this._open(address);
  }

  private _forgetNames(): void {
    this._alarm.set(undefined);
    this._resolver.cancel();
    this._question += 1;
    const dns = this._dns;
    this._dns = undefined;
    dns?.close();
  }

  private _open(address: string): void {
    this._forgetNames();
    this.state = "opening";
    this._link.open(address, this._options.port ?? 1883);
  }

  private _retry(failure: Failure): void {
    this._forgetNames();
    this._backoff?.disconnected(now());
    if (this._backoff === undefined || isFinal(failure.code)) {
      this.state = "closed";
      this._turn.set(undefined);
      this._options.onError?.call(this._client, failure);
      return;
    }
    this.state = "waiting";
    const delay = this._backoff.next(Math.random());
    this._alarm.set((now() + delay) | 0);
    this._options.onReconnecting?.call(this._client, delay, failure);
  }

  private _finish(): void {
    this.state = "closed";
    this._turn.set(undefined);
    this._options.onClose?.call(this._client);
  }

  // The link and the session tell.

  onOpen(): void {
    if (!this._silent) this.state = "connecting";
    this._link.pump();
  }

  onUnreachable(why: string): void {
    if (!this._silent) this._retry({ ...UNREACHABLE, detail: why });
  }

  onDown(closed: Closed): void {
    if (this._silent) this._finish();
    else this._retry(closed);
  }

  onConnected(sessionPresent: boolean): void {
    this.state = "connected";
    this._backoff?.connected(now());
    this._starved = true;
    this._control({ operation: PacketType.CONNACK, returnCode: 0, sessionPresent });
    this._tellWritable();
  }

  onClosed(closed: Closed): void {
    this._link.ended(closed);
    // A server that closes on early PUBLISHes gets the plain order from now on.
    if (closed.pipelined) this._wire.pipeline = false;
    if (this._silent) return;
    this.state = "waiting";
    this._session.pieces.forget();
    if (this._wire.clean) {
      this._ids.fill(0);
      this._backlog = this._options.store !== undefined;
    }
    if (closed.reason === "refused") {
      this._control({ operation: PacketType.CONNACK, returnCode: closed.code, sessionPresent: false });
    }
  }

  onMessage(message: Inbound): void {
    if (this._silent) return;
    this._show(message);
    this._message.more = !message.complete;
    this._options.onReadable?.call(this._client, message.end - message.start, this._message);
    this._bytes = undefined;
  }

  onOverflow(message: Inbound): void {
    if (this._silent) return;
    this._show(message);
    this._message.more = false;
    this._options.onOverflow?.call(this._client, this._message);
    this._bytes = undefined;
  }

  private _show(message: Inbound): void {
    const shown = this._message;
    shown.topic = message.topic;
    shown.byteLength = message.length;
    shown.QoS = message.qos;
    shown.retain = message.retain;
    shown.duplicate = message.dup;
    shown.id = message.id;
    this._bytes = message.bytes;
    this._start = message.start;
    this._end = message.end;
  }

  onReceived(id: number): void {
    // The store is told after close() too: it must know whatever the server has acknowledged.
    if (id <= LAST_STORED_ID) this._options.store?.received(id);
    this._control({ operation: PacketType.PUBREC, id });
    if (!this._silent) this._options.onReceived?.call(this._client, id);
  }

  onDelivered(id: number): void {
    const place = this._ids.indexOf(id);
    const exactlyOnce = this._exactlyOnce[place] === 1;
    if (place >= 0) this._ids[place] = 0;
    if (id <= LAST_STORED_ID) this._options.store?.delivered(id);
    if (this._backlog && !this._silent) this._turn.set(now());
    this._freed();
    this._control({ operation: exactlyOnce ? PacketType.PUBCOMP : PacketType.PUBACK, id });
    if (!this._silent) this._options.onDelivered?.call(this._client, id);
  }

  onSubscribed(id: number, codes: readonly number[]): void {
    this._freed();
    this._control({ operation: PacketType.SUBACK, id, payload: codes });
  }

  onUnsubscribed(id: number): void {
    this._freed();
    this._control({ operation: PacketType.UNSUBACK, id });
  }

  /**
   * The callback has a turn of its own: the session may be in the middle of ending, and would take a new message down
   * too.
   */
  onFlushed(ok: boolean): void {
    this._answer = ok;
    if (!this._silent) this._turn.set(now());
  }

  private _control(message: ControlMessage): void {
    if (!this._silent) this._options.onControl?.call(this._client, message);
  }

  /** A place is free; whoever waits for it is told in a turn of its own. */
  private _freed(): void {
    if (this._starved && !this._silent) this._turn.set(now());
  }

  private _note(id: number, qos: number): void {
    const place = this._ids.indexOf(0);
    this._ids[place] = id;
    this._exactlyOnce[place] = qos === 2 ? 1 : 0;
  }

  /** Hands over what the store holds, as far as there are places; one is left for what the application asks. */
  private _restore(): void {
    const { store } = this._options;
    if (!this._backlog || store === undefined || this._silent) return;
    const limit = Math.max(1, this._ids.length - 1);
    for (const stored of store.pending()) {
      const { id, topic, payload, retain } = stored;
      if (this._ids.includes(id)) continue;
      if (this._session.pending >= limit) return;
      checkWhole("id of a stored message", id, 1, LAST_STORED_ID);
      const qos = stored.QoS ?? 2;
      if (stored.status === "received") this._session.release(id, now());
      else if (this._session.publish({ topic, payload, qos, retain, id, resumed: true }, now()) < 0) {
        throw refusal(Refusal.TOO_LONG);
      }
      this._note(id, qos);
    }
    this._backlog = false;
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
