// The work of an MqttClient: a link that knows names and backoff, decides when to connect again, and sees to it that
// nothing is called back from inside a call (ECMA-419 §9). It knows nothing of Wi-Fi: without a network an attempt
// fails like any other.

import Time from "time";
import { find } from "../mqtt/in-flight.js";
import { accept } from "../mqtt/outgoing.js";
import {
  type Closed,
  type Inbound,
  type Message,
  type PayloadSource,
  Refusal,
  Session,
  type SessionHandler,
} from "../mqtt/session.js";
import { now } from "./clock.js";
import type MqttClient from "./mqtt-client.js";
import { type LinkHandler, MqttLink, type Socket, unready } from "./mqtt-link.js";
import {
  asData,
  backoffOf,
  budgetOf,
  bytesOf,
  type ClientState,
  type ControlMessage,
  checkFormat,
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
  type ReadableMessage,
  sessionOptions,
  type WriteOptions,
} from "./mqtt-options.js";
import { PIECE_BYTES, Pieces } from "./piece-session.js";
import { isAddress, Resolver } from "./resolver.js";

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
 * Deadlines. WAITING and RESOLVING: words[23]. OPENING and what follows: the link's and the session's.
 *
 * Of the bits of `marks` the engine uses: 16 a message is written in pieces; 32 the store has to be asked for more; 64
 * a write has left no room: onWritable is due when there is some; 128 close() found nothing to say DISCONNECT to; 256
 * the present connection was accepted, at words[27]; 512 no early PUBLISHes any more; 1024 the flush is answered with
 * false, 2048 with true; 4096 somebody wants to hear of deliveries.
 */
export class Engine extends MqttLink implements LinkHandler, SessionHandler, MqttClient {
  /** What the option `target` gave. */
  declare target?: unknown;
  /** As in the diagram: 0 WAITING, 1 RESOLVING, 2 OPENING, 3 CONNECTING, 4 CONNECTED, 5 CLOSING, 6 CLOSED. */
  private phase = 0;
  /** Packet id of the latest write. */
  lastId = 0;
  private readonly given: MqttClientOptions;
  /** Who is asked for an address at present: ours, or the application's. */
  private resolver: Resolver | InstanceType<DnsOptions["io"]> | null = null;
  // Made when they are needed first.
  /** The callback of a flush that is not yet told. */
  declare private flushed: ((this: MqttClient, delivered: boolean) => void) | undefined;
  /** A message that is written in pieces. */
  declare private pieces: Pieces | undefined;

  constructor(options: MqttClientOptions) {
    checkOptions(options);
    backoffOf(options);
    // The handler is this client, which is not there yet.
    const handler = null as unknown as SessionHandler & LinkHandler;
    const session = new Session(sessionOptions(options), budgetOf(options), handler);
    super(session);
    session.handler = this;
    if (options.onOverflow === undefined) session.words[24] = 2;
    this.given = options;
    if (options.store !== undefined) this.marks = 32;
    if (options.store ?? options.onControl ?? options.onReceived ?? options.onDelivered) this.marks |= 4096;
    else session.listens = false;
    if (options.target !== undefined) this.target = options.target;
    this.session.words[23] = now();
    this.alarm(this.session.words[23] as number);
  }

  // What deliveries and messages call stands first, for there the engine finds it soonest.

  onReceived(id: number): void {
    if ((this.marks & 4096) === 0) return;
    // The store is told after close() too: it must know whatever the server has acknowledged.
    if (id <= LAST_STORED_ID) this.given.store?.received(id);
    this.control(PacketType.PUBREC, id);
    if (this.phase < 5) this.given.onReceived?.call(this, id);
  }

  onDelivered(id: number, type: number): void {
    const marks = this.marks;
    if ((marks & 4192) === 0) return;
    // A place is free: for onWritable, or for the store.
    if ((marks & 96) !== 0 && this.phase < 5) this.alarm(now());
    if ((marks & 4096) === 0) return;
    if (id <= LAST_STORED_ID) this.given.store?.delivered(id);
    this.control(type, id);
    if (this.phase < 5) this.given.onDelivered?.call(this, id);
  }

  onMessage(message: Inbound): void {
    const callback = this.given.onReadable;
    if (callback === undefined || this.phase > 4) return;
    callback.call(this, message.end - message.start, message as unknown as ReadableMessage);
  }

  get state(): ClientState {
    const states = ["waiting", "resolving", "opening", "connecting", "connected", "closing", "closed"] as const;
    return states[this.phase] as ClientState;
  }

  get format(): "buffer" {
    return "buffer";
  }

  set format(format: "buffer") {
    checkFormat(format);
  }

  // What the application asks for. Nothing here calls back: that is left to a turn of its own.

  get writable(): number {
    const pieces = this.pieces;
    if (this.phase !== 4) return 0;
    if (pieces !== undefined && pieces.missing > 0) return pieces.room;
    const waiting = pieces === undefined ? 0 : pieces.waiting;
    return this.session.pending < (this.session.words[13] as number) && this.session.unsent < 2
      ? PIECE_BYTES - waiting
      : 0;
  }

  /** Bytes of a message in pieces that the application has still to write. */
  private get missing(): number {
    return this.pieces === undefined ? 0 : this.pieces.missing;
  }

  /** The way of a message from the application to the wire: straight through here, {@link accept} and {@link put}. */
  write(data: Data | PayloadSource | null | undefined, options?: WriteOptions): number {
    const session = this.session;
    const marks = this.marks;
    const instant = Time.ticks | 0;
    if (this.phase > 4) throw new Error("the client is closed; make a new one");
    if (options === undefined) return this.addPiece(asData(data), instant);
    let room = 0;
    if ((marks & 23) < 6) room = this.window;
    else if ((marks & 16) !== 0 && this.missing > 0) {
      throw new Error(`a message is not complete; write its last ${this.missing} bytes first`);
    }
    if ((options.operation ?? 3) !== 3) return this.ask(options.operation as number, options, instant);
    const given = options.id;
    if (given !== undefined) this.checkId(given);
    if (typeof data !== "string" || options.byteLength !== undefined) return this.writeBytes(data, options, instant);
    // Nothing is called back from there.
    const id = accept(
      session,
      options.topic ?? "",
      data,
      options.QoS ?? 0,
      options.retain ? 1 : 0,
      given,
      instant,
      room,
    );
    if (id < 0x10000) return this.accepted(id, instant);
    // It is put together already, and nothing else is in the table that has not left. As put() does, without a call.
    this.marks = marks + 1;
    this.lastId = id & 0xffff;
    try {
      (this.socket as Socket).write(session.payload as Uint8Array);
      this.window = room - ((id >> 16) & 0xff);
    } catch {
      unready(this);
    }
    session.payload = null;
    if (id < 0x1000000) return PIECE_BYTES;
    if (id > 0x1ffffff) this.alarm(session.dueAt as number);
    return (id & 0x1000000) === 0 ? PIECE_BYTES : this.roomLeft();
  }

  /** A message that is no mere text. */
  private writeBytes(data: Data | PayloadSource | null | undefined, options: WriteOptions, instant: number): number {
    const payload = this.compose(data, options);
    const { topic = "", QoS = 0, retain, id: given } = options;
    const id = accept(this.session, topic, payload, QoS, retain ? 1 : 0, given, instant, 0);
    if (payload !== data && payload instanceof Pieces && id >= 0) {
      this.pieces = payload;
      this.marks |= 16;
    }
    return this.accepted(id, instant);
  }

  /** What is not put together yet leaves in a turn of its own, with all that is written until then. */
  private accepted(id: number, instant: number): number {
    if (id < 0) throw refusal(id);
    this.lastId = id;
    this.alarm(instant);
    return this.roomLeft();
  }

  private checkId(id: number): void {
    if (id > LAST_STORED_ID && this.given.store !== undefined) {
      throw new RangeError(`id is ${id}; with a store it must be from 1 to ${LAST_STORED_ID}`);
    }
  }

  /** Bytes that can be written now; onWritable will say when there is room again. */
  private roomLeft(): number {
    const room = this.writable;
    if (room === 0) this.awaitRoom();
    return room;
  }

  /** onWritable is due when there is room: what is delivered makes some. */
  private awaitRoom(): void {
    this.marks |= 64;
    this.session.listens = true;
  }

  private ask(operation: number, options: WriteOptions, instant: number): number {
    const session = this.session;
    if (operation === PacketType.SUBSCRIBE) {
      const list = itemsOf(options).map((item) => ({ topic: item.topic, qos: (item.QoS ?? 0) as 0 | 1 | 2 }));
      return this.accepted(session.subscribe(list, instant), instant);
    }
    if (operation === PacketType.UNSUBSCRIBE) {
      const list = itemsOf(options).map((item) => item.topic);
      return this.accepted(session.unsubscribe(list, instant), instant);
    }
    throw new RangeError(
      `operation ${operation} is the client's own; use PUBLISH, SUBSCRIBE or UNSUBSCRIBE, or call close()`,
    );
  }

  /** The payload of a message that is no mere text: what the session may keep, or pieces with the first of them. */
  private compose(data: Data | PayloadSource | null | undefined, options: WriteOptions): Message["payload"] {
    if (isSource(data)) return data;
    const byteLength = options.byteLength;
    const first = asData(data);
    // The session keeps the payload until it is delivered; the application may use its buffer again at once.
    if (byteLength === undefined || byteLength === first.length) return first.slice();
    if ((options.QoS ?? 0) > 0 && this.session.words[22] === 0) {
      throw new TypeError("pieces are gone once written, but this session may have to send them again; give a source");
    }
    const most = Math.min(PIECE_BYTES, checkWhole("byteLength", byteLength, 1, 268435455));
    if (first.length === 0 || first.length > most) {
      throw new RangeError(`data has ${first.length} bytes; begin this message with 1 to ${most} of them`);
    }
    if (this.phase !== 4) throw refusal(Refusal.OFFLINE);
    if (this.pieces !== undefined && this.pieces.waiting > 0) throw refusal(Refusal.FULL);
    const pieces = new Pieces();
    pieces.length = byteLength;
    pieces.begin(first);
    return pieces;
  }

  private addPiece(bytes: Uint8Array, instant: number): number {
    const pieces = this.pieces;
    if (pieces === undefined || pieces.missing === 0) {
      throw new Error("no message is open (an end of the connection ends it); begin one with { topic, byteLength }");
    }
    if (bytes.length > pieces.room) {
      throw new RangeError(`data has ${bytes.length} bytes; write at most ${pieces.room} now, the rest in onWritable`);
    }
    pieces.add(bytes);
    this.alarm(instant);
    return this.roomLeft();
  }

  /**
   * A session reads a payload as soon as there is room for it, so as long as pieces wait or are missing, no more bytes
   * leave at once than are waiting: then none can be asked for that is not there yet.
   */
  protected override get allowance(): number {
    const pieces = this.pieces;
    const window = this.window;
    if (pieces === undefined) return window;
    const waiting = pieces.waiting;
    if (waiting === 0 && pieces.missing === 0) {
      this.pieces = undefined;
      this.marks &= ~16;
      return window;
    }
    return waiting < window ? waiting : window;
  }

  protected override relieved(): void {
    if (this.writable > 0) this.freed();
  }

  read(count?: number): ArrayBufferLike | undefined;
  read(into: ArrayBufferLike | ArrayBufferView): number | undefined;
  read(into?: number | ArrayBufferLike | ArrayBufferView): ArrayBufferLike | number | undefined {
    // During a callback only there is one with bytes.
    const message = this.session.message;
    if (message === null || message.start >= message.end) return undefined;
    const start = message.start;
    const left = message.end - start;
    if (into === undefined || typeof into === "number") {
      const count = Math.min(left, into === undefined ? left : checkWhole("count", into, 0, 0x7fffffff));
      message.start = start + count;
      // Of the buffer, which is copied as a whole; a view would be copied byte by byte.
      return this.session.block.slice(start, start + count);
    }
    const target = bytesOf(into);
    const count = Math.min(left, target.length);
    message.start = start + count;
    target.set(message.bytes.subarray(start, start + count));
    return count;
  }

  flush(deadlineMs: number, callback: (this: MqttClient, delivered: boolean) => void): void {
    checkWhole("deadlineMs", deadlineMs, 0, DAY);
    if (typeof callback !== "function") throw new TypeError("flush needs a function to call back");
    if (this.phase > 4) throw new Error("the client is closed; flush before");
    if (this.flushed !== undefined) throw new Error("a flush is not yet answered; wait for its callback");
    const at = now();
    this.flushed = callback;
    this.session.flush((at + deadlineMs) | 0, at);
    this.alarm(at);
  }

  close(): void {
    const phase = this.phase;
    if (this.phase > 4) return;
    this.phase = 5;
    this.forgetNames();
    // In the middle of a message there is no place for DISCONNECT.
    if ((phase !== 4 && phase !== 3) || this.missing > 0) this.marks |= 128;
    else this.session.disconnect(now());
    this.alarm(now());
  }

  // Turns.

  override ring(): void {
    const phase = this.phase;
    if (phase > 5) return;
    if (phase > 4 && (this.marks & 128) !== 0) {
      this.drop();
      this.conclude();
      return;
    }
    if (phase < 2 && this.socket === null) {
      const at = this.session.words[23] as number;
      if (((now() - at) | 0) < 0) this.alarm(at);
      else if (phase === 0) this.resolve();
      else this.retry(unreachable(`no answer about ${this.given.host}`));
    }
    if ((this.marks & 32) !== 0) this.restore();
    // Whatever is due because of what was asked for, too: the answer to a flush, deliveries that need no packet.
    const window = this.window;
    super.ring();
    if ((this.marks & 3072) !== 0) this.tellFlushed();
    if ((this.marks & 64) === 0) return;
    // What the application writes next has a turn of its own.
    if (this.window < window && this.phase === 4) this.alarm(now());
    else this.tellWritable();
  }

  private tellFlushed(): void {
    const callback = this.flushed;
    const answer = this.marks & 3072;
    if (callback === undefined || answer === 0 || this.phase > 4) return;
    this.flushed = undefined;
    this.marks &= ~3072;
    callback.call(this, answer === 2048);
  }

  private tellWritable(): void {
    const room = this.writable;
    if (room === 0) return;
    this.marks &= ~64;
    this.session.listens = (this.marks & 4096) !== 0;
    this.given.onWritable?.call(this, room);
  }

  private resolve(): void {
    const host = this.given.host;
    const dns = this.given.dns;
    this.restore();
    if (isAddress(host)) {
      this.reach(host);
      return;
    }
    this.phase = 1;
    this.session.words[23] = (now() + RESOLVE_TIMEOUT) | 0;
    this.alarm(this.session.words[23] as number);
    try {
      const resolver = dns === undefined ? new Resolver() : new dns.io(dns);
      this.resolver = resolver;
      const answer = (address: string | undefined): void => {
        if (resolver !== this.resolver) return;
        if (address === undefined) this.retry(unreachable(`no address for ${host}`));
        else this.reach(address);
      };
      if (resolver instanceof Resolver) resolver.resolve(host, answer);
      else
        resolver.resolve({ host, onResolved: (_host, address) => answer(address), onError: () => answer(undefined) });
    } catch (error) {
      // Out of sockets, for example: as ordinary a failure as no answer.
      this.retry(unreachable(String(error)));
    }
  }

  private forgetNames(): void {
    const resolver = this.resolver;
    this.resolver = null;
    if (resolver !== null && !(resolver instanceof Resolver)) resolver.close();
  }

  private reach(address: string): void {
    this.forgetNames();
    this.phase = 2;
    const given = this.given;
    this.open(address, given.port ?? 1883, given.host, given.socket);
  }

  private retry(failure: Failure): void {
    const backoff = backoffOf(this.given);
    const words = this.session.words;
    this.forgetNames();
    if (backoff !== null) {
      // The backoff lives for these lines only: what has to last is one number and one instant.
      backoff.restore(words[26] as number);
      if ((this.marks & 256) !== 0) backoff.connected(words[27] as number);
      backoff.disconnected(now());
    }
    this.marks &= ~256;
    // Refusals that no further attempt can heal: version, client id, password, authorisation (§3.2.2.3).
    const code = failure.code;
    if (backoff === null || code === 1 || code === 2 || code === 4 || code === 5) {
      this.phase = 6;
      this.stopAlarm();
      this.given.onError?.call(this, failure);
      return;
    }
    this.phase = 0;
    const delay = backoff.next(Math.random());
    words[26] = backoff.attempt;
    this.session.words[23] = (now() + delay) | 0;
    this.alarm(this.session.words[23] as number);
    const at = this.session.deadline();
    if (at !== undefined) this.alarm(at);
    this.given.onReconnecting?.call(this, delay, failure);
  }

  private conclude(): void {
    this.phase = 6;
    this.stopAlarm();
    this.given.onClose?.call(this);
  }

  // The link and the session tell.

  onOpen(): void {
    if (this.phase < 5) this.phase = 3;
    const fields = sessionOptions(this.given);
    if ((this.marks & 512) !== 0) fields.pipeline = false;
    const instant = now();
    this.session.connect(fields, instant);
    // It leaves in a turn of its own.
    this.alarm(instant);
  }

  onUnreachable(why: string): void {
    if (this.phase < 5) this.retry(unreachable(why));
  }

  onDown(closed: Closed): void {
    if (this.phase > 4) this.conclude();
    else this.retry(closed);
  }

  onConnected(sessionPresent: boolean): void {
    this.phase = 4;
    this.session.words[27] = now();
    this.marks |= 256;
    this.awaitRoom();
    this.control(PacketType.CONNACK, 0, { returnCode: 0, sessionPresent });
    this.tellWritable();
  }

  onClosed(closed: Closed): void {
    this.ended(closed);
    // A server that closes on early PUBLISHes gets the plain order from now on.
    if (closed.pipelined) this.marks |= 512;
    if (this.phase > 4) return;
    this.phase = 0;
    if (this.pieces !== undefined) this.pieces = undefined;
    this.marks &= ~16;
    if (this.session.words[22] === 1 && this.given.store !== undefined) this.marks |= 32;
    if (closed.reason === "refused") {
      this.control(PacketType.CONNACK, 0, { returnCode: closed.code, sessionPresent: false });
    }
  }

  onOverflow(message: Inbound): void {
    const callback = this.given.onOverflow;
    if (callback === undefined || this.phase > 4) return;
    // Nothing of it is still to come.
    message.complete = true;
    callback.call(this, message as unknown as ReadableMessage);
  }

  onSubscribed(id: number, codes: readonly number[]): void {
    this.freed();
    this.control(PacketType.SUBACK, id, { payload: codes });
  }

  onUnsubscribed(id: number): void {
    this.freed();
    this.control(PacketType.UNSUBACK, id);
  }

  /**
   * The callback has a turn of its own: the session may be in the middle of ending, and would take a new message down
   * too.
   */
  onFlushed(ok: boolean): void {
    this.marks |= ok ? 2048 : 1024;
    if (this.phase < 5) this.alarm(now());
  }

  private control(operation: number, id: number, more?: Omit<ControlMessage, "operation">): void {
    const callback = this.given.onControl;
    if (callback === undefined || this.phase > 4) return;
    const message = operation === PacketType.CONNACK ? { operation, ...more } : { operation, id, ...more };
    callback.call(this, message);
  }

  /** A place is free; whoever waits for it is told in a turn of its own. */
  private freed(): void {
    if ((this.marks & 64) !== 0 && this.phase < 5) this.alarm(now());
  }

  /** Hands over what the store holds, as far as there are places; one is left for what the application asks. */
  private restore(): void {
    const store = this.given.store;
    if (store === undefined || (this.marks & 32) === 0 || this.phase > 4) return;
    const limit = Math.max(1, (this.session.words[13] as number) - 1);
    for (const stored of store.pending()) {
      const { id, topic, payload, retain } = stored;
      if (find(this.session, id) >= 0) continue;
      if (this.session.pending >= limit) return;
      checkWhole("id of a stored message", id, 1, LAST_STORED_ID);
      const qos = stored.QoS ?? 2;
      if (stored.status === "received") this.session.release(id, now());
      else if (this.session.publish({ topic, payload, qos, retain, id, resumed: true }, now()) < 0) {
        throw refusal(Refusal.TOO_LONG);
      }
    }
    this.marks &= ~32;
  }
}

function unreachable(detail: string): Failure {
  return { reason: "unreachable", detail, statement: "", code: 0 };
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
