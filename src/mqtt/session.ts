// The MQTT 3.1.1 client session, sans-IO: everything from CONNECT to DISCONNECT, and what must survive between
// connections. Bytes and time are arguments; results go to one handler. Here are the connection's states and deadlines
// and what the owner asks for; the in-flight table knows what was accepted, the sender what leaves next, the receiver
// what inbound packets mean. Knows no transport, timer or flash. Time is int32 milliseconds that wrap: instants are
// compared by difference only.

import {
  type Budget,
  type Closed,
  type CloseReason,
  type Counters,
  type Message,
  Refusal,
  type SessionHandler,
  type SessionOptions,
} from "./contract.js";
import { Guard } from "./guard.js";
import { InFlight, Phase } from "./in-flight.js";
import { KeepAlive } from "./keep-alive.js";
import { checkSession, checkTime, checkWhole, DefaultTime, MAX_FILTERS, payloadLength } from "./limits.js";
import {
  MAX_REMAINING_LENGTH,
  PacketType,
  packetName,
  publishHeaderSize,
  type Subscription,
  subscribeSize,
  unsubscribeSize,
} from "./packet.js";
import { Receiver } from "./receiver.js";
import { Sender } from "./sender.js";
import { checkTopicName } from "./topic.js";

export type * from "./contract.js";
export { Refusal } from "./contract.js";
export type { ConnectFields, Subscription, Will } from "./packet.js";

/**
 *   IDLE ──connect()──► CONNECTING ──CONNACK 0──► CONNECTED
 *                            └────disconnect()────────┴──► CLOSING ──DISCONNECT has left──► IDLE  "disconnected"
 *   any but IDLE ─lost() | CONNACK refuses | deadline | breach | overflow | our own fault──► IDLE  (reason in onClosed)
 *
 * Deadlines. CONNECTING: CONNACK. CONNECTED: PINGRESP, and one for each entry that waits for an answer. All three:
 * bytes that wait while the transport takes none; in CLOSING there are always some.
 */
const State = Object.freeze({ IDLE: 0, CONNECTING: 1, CONNECTED: 2, CLOSING: 3 } as const);
type State = (typeof State)[keyof typeof State];

/**
 * One client session, over any number of connections. The owner opens a transport, calls {@link connect}, passes what
 * arrives to {@link receive}, sends what {@link transmit} gives, and calls {@link tick} at {@link deadline}.
 */
export class Session {
  readonly counters: Counters;

  private readonly _options: SessionOptions;
  private readonly _sendLimit: number;
  private readonly _connectTimeoutMs: number;
  private readonly _ackTimeoutMs: number;
  private readonly _pingTimeoutMs: number;

  private readonly _guard: Guard;
  private readonly _receiver: Receiver;
  private readonly _inFlight: InFlight;
  private readonly _keepAlive: KeepAlive;
  private readonly _sender: Sender;

  private _state: State = State.IDLE;
  /** Between the end of a connection and its onClosed. */
  private _ending = false;
  private _receiving = false;
  private _transmitting = false;
  private _sessionPresent = false;
  private _now = 0;
  /** CONNACK is due by then. */
  private _acceptBy = 0;
  /** The transport must have taken a byte by then; undefined while there is nothing to send. */
  private _sendBy: number | undefined;
  /** Since when a callback is due that no request may make itself; undefined when none is. */
  private _unsettledAt: number | undefined;
  private _flushing = false;
  private _flushBy = 0;

  /**
   * Checks everything and allocates all buffers. Throws a TypeError or RangeError for what CONNECT cannot carry and for
   * a budget or option outside of its limits.
   */
  constructor(options: SessionOptions, budget: Budget, handler: SessionHandler) {
    checkSession(options, budget);
    const firstId = checkWhole("firstId", options.firstId ?? 1, 1, 65535);
    const lastId = checkWhole("lastId", options.lastId ?? 65535, firstId, 65535);
    this._connectTimeoutMs = checkTime("connectTimeoutMs", options.connectTimeoutMs, DefaultTime.CONNECT_MS);
    this._ackTimeoutMs = checkTime("ackTimeoutMs", options.ackTimeoutMs, DefaultTime.ACK_MS);
    this._pingTimeoutMs = checkTime("pingTimeoutMs", options.pingTimeoutMs, DefaultTime.PING_MS);

    this.counters = {
      sentBytes: 0,
      receivedBytes: 0,
      sentPackets: 0,
      receivedPackets: 0,
      resent: 0,
      overflowed: 0,
      repeated: 0,
      connections: 0,
    };
    this._options = options;
    this._sendLimit = budget.send;
    this._guard = new Guard(handler);
    this._inFlight = new InFlight(budget.inFlight, firstId, lastId);
    this._keepAlive = new KeepAlive(options.keepAliveSeconds, this._pingTimeoutMs);
    this._sender = new Sender(budget.send, options, this._inFlight, this._keepAlive, this.counters, this._ackTimeoutMs);
    this._receiver = new Receiver(
      options,
      budget,
      this._guard,
      this._inFlight,
      this._keepAlive,
      this._sender,
      this.counters,
      {
        onAccepted: (sessionPresent) => this._accept(sessionPresent),
        onFailed: (reason, detail, statement, code) => this._end(reason, detail, statement, code),
      },
    );
  }

  // What the owner asks and tells.

  get connected(): boolean {
    return this._state === State.CONNECTED;
  }

  /** What the last CONNACK of this connection said. */
  get sessionPresent(): boolean {
    return this._sessionPresent;
  }

  /** Messages with QoS > 0, SUBSCRIBEs and UNSUBSCRIBEs accepted and not yet acknowledged. */
  get pending(): number {
    return this._inFlight.pending;
  }

  /** Bytes of all buffers, the same over the session's whole life. */
  get memory(): number {
    return this._receiver.memory + this._sender.memory;
  }

  /**
   * How many bytes {@link receive} can take now without any risk that their acknowledgements find no room. A transport
   * that can leave bytes unread passes no more than this at once and calls {@link transmit} in between.
   */
  get receivable(): number {
    // The shortest packet to be acknowledged (PUBREL) has 4 bytes, as the acknowledgement has; up to 3 may have come
    // before.
    return Math.max(0, this._sender.room - 3);
  }

  /** Whether {@link transmit} is to be called as soon as the transport takes bytes. */
  get wantsTransmit(): boolean {
    return this._state !== State.IDLE && (this._unsettledAt !== undefined || this._sender.wants);
  }

  /** The transport is open: CONNECT is due. Throws an Error while a connection is open. */
  connect(now: number): void {
    if (this._state !== State.IDLE || this._ending) {
      throw new Error("connect() was called while a connection is open; wait for onClosed");
    }
    this._now = now | 0;
    this._state = State.CONNECTING;
    this._sessionPresent = false;
    this._receiver.open();
    this._sender.open();
    this._acceptBy = (this._now + this._connectTimeoutMs) | 0;
    this._arm();
  }

  /**
   * Bytes have come. Never throws because of what they are. Throws an Error when called from one of its own callbacks.
   */
  receive(bytes: Uint8Array, start: number, end: number, now: number): void {
    if (this._receiving) throw new Error("receive() was called from one of its own callbacks; call it afterwards");
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(`range ${start}..${end} lies outside of the ${bytes.length} bytes received`);
    }
    if (this._state === State.IDLE) return;
    this._enter(now);
    this.counters.receivedBytes += end - start;
    if (end > start) this._keepAlive.received(this._now);
    this._receiving = true;
    this._receiver.receive(bytes, start, end);
    this._receiving = false;
    this._settle();
    this._leave();
  }

  /**
   * Puts what is to leave into `into[0…]`, at most `limit` bytes, and returns how many: 0 when there is nothing.
   * Payloads are read from their source straight into `into`. What was put counts as sent, so the owner must send all
   * of it.
   */
  transmit(into: Uint8Array, limit: number, now: number): number {
    if (!(limit >= 0 && limit <= into.length)) {
      throw new RangeError(`limit is ${limit}, but the buffer has ${into.length} bytes`);
    }
    // The buffer is being filled already.
    if (this._transmitting) return 0;
    this._enter(now);
    this._transmitting = true;
    const connection = this._sender.connection;
    this._settle();
    let count = 0;
    // A callback may have ended the connection and begun the next one, whose bytes are not for this transport.
    if (this._state !== State.IDLE && connection === this._sender.connection) {
      try {
        count = this._sender.take(into, limit, this._now);
      } catch (failure) {
        this._guard.keep(failure);
        this._end("internal", "a message could not be read", "");
      }
    }
    this._transmitting = false;
    if (count > 0) {
      this.counters.sentBytes += count;
      this._keepAlive.sent(this._now);
      this._sendBy = undefined;
    }
    this._leave();
    return count;
  }

  /**
   * Accepts a message: its packet id, 0 for QoS 0, or a {@link Refusal}. QoS > 0 is accepted while offline too. Throws
   * a TypeError or RangeError for an illegal topic, payload, QoS or id, and for an id that is in use.
   */
  publish(message: Message, now: number): number {
    const qos = message.qos;
    if (qos !== 0 && qos !== 1 && qos !== 2) throw new RangeError(`QoS is ${qos}; it must be 0, 1 or 2 [MQTT-3.3.1-4]`);
    const topicBytes = checkTopicName(message.topic);
    const length = payloadLength(message.payload);
    if (message.id !== undefined) {
      if (qos === 0) throw new TypeError("a QoS 0 message has no packet id; leave it out [MQTT-2.3.1-5]");
      this._checkFree(message.id);
    }
    if (length > MAX_REMAINING_LENGTH - topicBytes - 4) return Refusal.TOO_LONG;
    if (publishHeaderSize(topicBytes, qos, length) > this._sendLimit) return Refusal.TOO_LONG;
    if (this._state === State.CLOSING) return Refusal.CLOSING;
    if (qos === 0 && this._state !== State.CONNECTED) return Refusal.OFFLINE;
    const flight = this._inFlight.add(PacketType.PUBLISH, qos, message.id ?? 0);
    if (flight === undefined) return Refusal.FULL;
    flight.content = message;
    flight.size = topicBytes;
    flight.length = length;
    // A server without our session takes a message of an earlier life as a new one, so DUP would be untrue.
    const fresh = this._options.clean || (this._state === State.CONNECTED && !this._sessionPresent);
    flight.leftEarlier = qos > 0 && message.resumed === true && !fresh;
    this._now = now | 0;
    this._arm();
    return flight.id;
  }

  /**
   * Restores a QoS 2 message of which an earlier life has seen PUBREC: PUBREL leaves as soon as a connection allows, in
   * the order of the calls. If the server has no session, onDelivered follows. Returns the id or a {@link Refusal};
   * throws for an illegal id and for one in use.
   */
  release(id: number, now: number): number {
    this._checkFree(id);
    if (this._state === State.CLOSING) return Refusal.CLOSING;
    const flight = this._inFlight.restore(id);
    if (flight === undefined) return Refusal.FULL;
    if (this._state === State.CONNECTED && !this._sessionPresent) flight.phase = Phase.DONE;
    this._now = now | 0;
    this._arm();
    return id;
  }

  /**
   * Asks for subscriptions: the packet id or a {@link Refusal}. The list must not change before onSubscribed. Throws a
   * TypeError or RangeError for an empty list, an illegal filter or QoS, and a list larger than `budget.send`.
   */
  subscribe(list: readonly Subscription[], now: number): number {
    if (list.length > MAX_FILTERS) {
      throw new RangeError(`${list.length} filters are too many; at most ${MAX_FILTERS} fit into one SUBSCRIBE`);
    }
    return this._request(PacketType.SUBSCRIBE, list, subscribeSize(list), now);
  }

  /** Ends subscriptions; otherwise as {@link subscribe}. */
  unsubscribe(filters: readonly string[], now: number): number {
    return this._request(PacketType.UNSUBSCRIBE, filters, unsubscribeSize(filters), now);
  }

  private _request(
    type: number,
    content: readonly Subscription[] | readonly string[],
    size: number,
    now: number,
  ): number {
    if (size > this._sendLimit) {
      throw new RangeError(`${packetName(type)} takes ${size} bytes; split it or make budget.send at least that`);
    }
    if (this._state === State.CLOSING) return Refusal.CLOSING;
    if (this._state !== State.CONNECTED) return Refusal.OFFLINE;
    const flight = this._inFlight.add(type, 0, 0);
    if (flight === undefined) return Refusal.FULL;
    flight.content = content;
    flight.size = size;
    flight.length = content.length;
    this._now = now | 0;
    this._arm();
    return flight.id;
  }

  /** Forgets a message with QoS > 0 that has never left, not even in part. False when there is no such message. */
  cancel(id: number): boolean {
    const flight = id === 0 ? undefined : this._inFlight.find(id);
    if (flight === undefined || flight.type !== PacketType.PUBLISH) return false;
    if (flight.phase !== Phase.QUEUED || flight.leftEarlier) return false;
    this._inFlight.remove(flight);
    this._arm();
    return true;
  }

  /**
   * Asks for onFlushed(true) once everything accepted so far is acknowledged (QoS 0: has left), onFlushed(false) at the
   * deadline or at the end of the connection. Another flush replaces one that is not yet answered.
   */
  flush(deadlineAt: number, now: number): void {
    this._flushing = true;
    this._flushBy = deadlineAt | 0;
    this._inFlight.awaitAll();
    this._now = now | 0;
    this._arm();
  }

  /**
   * Says goodbye: DISCONNECT leaves after a PUBLISH in progress, acknowledgements and PUBRELs, and nothing after it
   * [MQTT-3.14.4-2]. onClosed("disconnected") comes in the call after the `transmit` that gave its last byte, so that
   * the owner can send it first. Without a connection, or the second time, it changes nothing.
   */
  disconnect(now: number): void {
    if (this._state === State.IDLE || this._state === State.CLOSING) return;
    this._state = State.CLOSING;
    this._sender.closing = true;
    this._now = now | 0;
    this._arm();
  }

  /** The transport has ended. What must survive is kept for the next connect(). */
  lost(now: number): void {
    this._enter(now);
    this._settle();
    this._end("lost", "the transport ended", "");
    this._leave();
  }

  /** When {@link tick} wants to be called next (int32 milliseconds, may be past); undefined when nothing is awaited. */
  deadline(): number | undefined {
    if (this._unsettledAt !== undefined) return this._unsettledAt;
    let first = this._flushing ? this._flushBy : undefined;
    if (this._state === State.IDLE) return first;
    first = earlier(first, this._sendBy);
    if (this._state === State.CONNECTING) return earlier(first, this._acceptBy);
    if (this._state === State.CLOSING) return first;
    first = earlier(first, this._keepAlive.dueAt());
    const pingBy = this._keepAlive.answerBy();
    if (pingBy !== undefined) first = earlier(first, this._patient(pingBy, this._pingTimeoutMs));
    const flight = this._inFlight.nextAnswer();
    return flight === undefined ? first : earlier(first, this._patient(flight.answerBy, this._ackTimeoutMs));
  }

  /** Time has passed. May be called at any time; does something at {@link deadline}. */
  tick(now: number): void {
    this._enter(now);
    this._settle();
    if (this._flushing && this._past(this._flushBy)) {
      this._flushing = false;
      this._guard.flushed(false);
    }
    if (this._sendBy !== undefined && this._past(this._sendBy)) {
      this._end("timeout", `the transport took no byte within ${this._ackTimeoutMs} ms`, "");
    }
    switch (this._state) {
      case State.CONNECTING:
        if (this._past(this._acceptBy)) this._end("timeout", `no CONNACK within ${this._connectTimeoutMs} ms`, "");
        break;
      case State.CONNECTED:
        this._tickConnected();
        break;
      default:
        // IDLE and CLOSING wait for nothing but what is handled above.
        break;
    }
    this._leave();
  }

  private _tickConnected(): void {
    const pingBy = this._keepAlive.answerBy();
    if (pingBy !== undefined && this._past(this._patient(pingBy, this._pingTimeoutMs))) {
      this._end("timeout", `no PINGRESP within ${this._pingTimeoutMs} ms`, "MQTT-3.12.4-1");
      return;
    }
    const flight = this._inFlight.nextAnswer();
    if (flight !== undefined && this._past(this._patient(flight.answerBy, this._ackTimeoutMs))) {
      this._end("timeout", `no ${packetName(flight.answer)} for id ${flight.id} within ${this._ackTimeoutMs} ms`, "");
      return;
    }
    this._keepAlive.tick(this._now);
  }

  // The frame around each call.

  private _enter(now: number): void {
    this._now = now | 0;
    this._guard.enter();
  }

  private _leave(): void {
    this._arm();
    this._guard.leave();
  }

  /** Sets the deadlines that follow from there being something to send or to tell. */
  private _arm(): void {
    if (this._state === State.IDLE || !this._sender.wants) this._sendBy = undefined;
    else if (this._sendBy === undefined) this._sendBy = (this._now + this._ackTimeoutMs) | 0;
    const unsettled =
      this._sender.parted || (this._flushing && !this._inFlight.awaited) || this._inFlight.nextDone() !== undefined;
    if (!unsettled) this._unsettledAt = undefined;
    else if (this._unsettledAt === undefined) this._unsettledAt = this._now;
  }

  /** Makes the callbacks that are due because of what was done before this call. */
  private _settle(): void {
    this._tellDone();
    if (this._flushing && !this._inFlight.awaited) {
      this._flushing = false;
      this._guard.flushed(true);
    }
    if (this._sender.parted) this._end("disconnected", "", "");
  }

  private _tellDone(): void {
    for (;;) {
      const flight = this._inFlight.nextDone();
      if (flight === undefined) return;
      const id = flight.id;
      this._inFlight.remove(flight);
      this._guard.delivered(id);
    }
  }

  private _past(at: number): boolean {
    return ((this._now - at) | 0) >= 0;
  }

  /**
   * When an answer due at `at` really counts as missing. It cannot come in the middle of another packet, so while one
   * is arriving its time runs from the last bytes that came.
   */
  private _patient(at: number, timeoutMs: number): number {
    if (!this._receiver.partial) return at;
    const quietAt = (this._keepAlive.receivedAt + timeoutMs) | 0;
    return ((quietAt - at) | 0) > 0 ? quietAt : at;
  }

  /** CONNACK has accepted, perhaps after disconnect(); what it says about the session holds in either case. */
  private _accept(sessionPresent: boolean): void {
    this.counters.connections += 1;
    this._sessionPresent = sessionPresent;
    this._sender.accepted = true;
    if (!sessionPresent) this._inFlight.forgotten();
    if (this._state === State.CONNECTING) {
      this._state = State.CONNECTED;
      this._keepAlive.open();
      this._guard.connected(sessionPresent);
    }
    this._tellDone();
  }

  /**
   * The one way to IDLE. All state is settled before the first callback, so that any of them may call anything;
   * onClosed is the last.
   */
  private _end(reason: CloseReason, detail: string, statement: string, code = 0): void {
    if (this._state === State.IDLE) return;
    const early = reason === "lost" && this._sender.early && !this._sender.accepted;
    const closed: Closed = { reason, detail, statement, code, pipelined: early };
    const flushing = this._flushing;
    const flushed = flushing && !this._inFlight.awaited;
    this._state = State.IDLE;
    this._ending = true;
    this._flushing = false;
    this._sendBy = undefined;
    this._sender.close();
    this._keepAlive.close();
    this._inFlight.ended(this._options.clean, reason === "refused");
    this._tellDone();
    if (flushing) this._guard.flushed(flushed);
    this._ending = false;
    this._guard.closed(closed);
  }

  /** Misuse: an id that is none, or that is in use [MQTT-2.3.1-2]. */
  private _checkFree(id: number): void {
    checkWhole("id", id, 1, 65535);
    if (this._inFlight.find(id) !== undefined) throw new RangeError(`packet id ${id} is in use [MQTT-2.3.1-2]`);
  }
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return ((a - b) | 0) < 0 ? a : b;
}
