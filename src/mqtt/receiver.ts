// What inbound packets mean at the moment they come: CONNACK, answers to entries of the in-flight table, messages and
// their acknowledgements, both sides of MQTT 3.1.1 §4.3. Whatever the server sends, nothing here throws: a breach ends
// the connection with its statement. Knows no time; the connection's state is the session's, which is told of CONNACK
// and of ends.

import type { Budget, CloseReason, Counters, SessionOptions } from "./contract.js";
import { Decoder, type DecoderHandler } from "./decoder.js";
import type { Guard } from "./guard.js";
import { type Flight, type InFlight, Phase } from "./in-flight.js";
import { Inbox, Tell } from "./inbox.js";
import type { KeepAlive } from "./keep-alive.js";
import { CONTROL_BYTES } from "./limits.js";
import { PacketType, packetName } from "./packet.js";
import type { Sender } from "./sender.js";

/** What the receiver tells the session. */
export interface ReceiverOwner {
  /** CONNACK has accepted. */
  onAccepted(sessionPresent: boolean): void;
  /** The connection must end. */
  onFailed(reason: CloseReason, detail: string, statement: string, code: number): void;
}

/** Meanings of the CONNACK codes from 1 on (§3.2.2.3). */
const REFUSALS = Object.freeze([
  "unacceptable protocol version",
  "identifier rejected",
  "server unavailable",
  "bad user name or password",
  "not authorized",
] as const);

export class Receiver implements DecoderHandler {
  private readonly _options: SessionOptions;
  private readonly _guard: Guard;
  private readonly _inFlight: InFlight;
  private readonly _keepAlive: KeepAlive;
  private readonly _sender: Sender;
  private readonly _counters: Counters;
  private readonly _owner: ReceiverOwner;
  private readonly _inbox: Inbox;
  private readonly _decoder: Decoder;

  constructor(
    options: SessionOptions,
    budget: Budget,
    guard: Guard,
    inFlight: InFlight,
    keepAlive: KeepAlive,
    sender: Sender,
    counters: Counters,
    owner: ReceiverOwner,
  ) {
    this._options = options;
    this._guard = guard;
    this._inFlight = inFlight;
    this._keepAlive = keepAlive;
    this._sender = sender;
    this._counters = counters;
    this._owner = owner;
    this._inbox = new Inbox(budget, options.stream === true);
    this._decoder = new Decoder(CONTROL_BYTES, budget.topic, this);
  }

  /** Bytes of all buffers held. */
  get memory(): number {
    return this._decoder.memory + this._inbox.memory;
  }

  /** Whether the bytes so far end inside a packet. */
  get partial(): boolean {
    return this._decoder.partial;
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    this._decoder.receive(bytes, start, end);
  }

  /** A connection is open: the next byte is its first. */
  open(): void {
    this._decoder.reset();
  }

  onMalformed(detail: string, statement: string): void {
    this._owner.onFailed("malformed", detail, statement, 0);
  }

  /** Ends the connection because the server broke the protocol; false, so that the decoder stops. */
  private _breach(detail: string, statement: string): false {
    this._owner.onFailed("violation", detail, statement, 0);
    return false;
  }

  private _overflow(detail: string): false {
    this._owner.onFailed("overflow", detail, "MQTT-4.8.0-2", 0);
    return false;
  }

  // What the decoder finds. Each returns whether the connection is still the same.

  onPacket(type: number, _flags: number, bytes: Uint8Array, start: number, end: number): boolean {
    this._counters.receivedPackets += 1;
    if (type === PacketType.CONNACK) return this._onConnack(bytes[start] === 1, bytes[start + 1] as number);
    if (!this._sender.accepted) return this._breach(`${packetName(type)} before CONNACK`, "MQTT-3.2.0-1");
    if (type === PacketType.PINGRESP) {
      this._keepAlive.answered();
      return true;
    }
    const id = ((bytes[start] as number) << 8) | (bytes[start + 1] as number);
    if (type === PacketType.PUBREL) {
      this._inbox.release(id);
      return this._acknowledge(PacketType.PUBCOMP, id);
    }
    const flight = this._inFlight.find(id);
    if (flight === undefined) {
      // A late answer answers nothing. Only PUBREC leaves the server waiting: for the PUBREL of a message that we
      // forgot.
      return type === PacketType.PUBREC ? this._acknowledge(PacketType.PUBREL, id) : true;
    }
    return this._onAnswer(flight, type, bytes, start + 2, end);
  }

  private _onConnack(sessionPresent: boolean, code: number): boolean {
    if (this._sender.accepted) return this._breach("a second CONNACK", "MQTT-3.2.0-1");
    if (code !== 0) {
      const detail = REFUSALS[code - 1] ?? `reserved code ${code}`;
      this._owner.onFailed("refused", detail, sessionPresent ? "MQTT-3.2.2-4" : "", code);
      return false;
    }
    if (sessionPresent && this._options.clean) {
      return this._breach("Session Present 1 for a clean session", "MQTT-3.2.2-1");
    }
    const connection = this._sender.connection;
    // QoS 2 ids survive a connection, and only as long as the server's session does; a clean one comes here, too.
    if (!sessionPresent) this._inbox.forget();
    this._owner.onAccepted(sessionPresent);
    return connection === this._sender.connection;
  }

  /** An answer to an entry of the in-flight table. `bytes[start..end)` is what follows the packet id. */
  private _onAnswer(flight: Flight, type: number, bytes: Uint8Array, start: number, end: number): boolean {
    const repeated = type === PacketType.PUBREC && flight.released;
    if (type !== flight.answer && !repeated) {
      const detail = `${packetName(type)} for id ${flight.id}, which waits for ${packetName(flight.answer)}`;
      return this._breach(detail, statementOf(flight));
    }
    switch (flight.phase) {
      case Phase.WAITING:
        return this._onAwaited(flight, bytes, start, end);
      case Phase.RELEASE_WAITING:
        if (!repeated) return this._deliver(flight);
        flight.phase = Phase.RELEASE_QUEUED;
        return true;
      case Phase.RELEASE_QUEUED:
        // PUBREL is due anyway. PUBCOMP can only answer one that has left before.
        if (repeated) return true;
        if (flight.left || flight.leftEarlier) return this._deliver(flight);
        return this._breach(`PUBCOMP for id ${flight.id} before PUBREL`, statementOf(flight));
      case Phase.RELEASE_LEAVING:
      case Phase.DONE:
        // PUBREL is on its way and will be answered again; or all is settled already.
        return true;
      default:
        // QUEUED or LEAVING. A late answer to what an earlier connection sent: the packet goes again and is answered
        // again.
        if (flight.leftEarlier) return true;
        return this._breach(`${packetName(type)} for id ${flight.id}, which was not sent`, statementOf(flight));
    }
  }

  private _onAwaited(flight: Flight, bytes: Uint8Array, start: number, end: number): boolean {
    switch (flight.answer) {
      case PacketType.PUBACK:
        return this._deliver(flight);
      case PacketType.PUBREC:
        return this._onPubrec(flight);
      case PacketType.UNSUBACK:
        return this._onUnsuback(flight);
      default:
        return this._onSuback(flight, bytes, start, end);
    }
  }

  private _onUnsuback(flight: Flight): boolean {
    const connection = this._sender.connection;
    const id = flight.id;
    this._inFlight.remove(flight);
    this._guard.unsubscribed(id);
    return connection === this._sender.connection;
  }

  /** The owner records the message as received first; only then may PUBREL leave. */
  private _onPubrec(flight: Flight): boolean {
    const connection = this._sender.connection;
    const id = flight.id;
    if (!this._guard.received(id)) {
      if (connection === this._sender.connection) this._owner.onFailed("internal", "onReceived threw", "", 0);
      return false;
    }
    // The callback may have ended the connection. The record is made all the same, so PUBREL is what the next one
    // sends.
    const again = flight.phase === Phase.QUEUED && flight.leftEarlier;
    if (flight.id === id && (flight.phase === Phase.WAITING || again)) this._inFlight.release(flight);
    return connection === this._sender.connection;
  }

  /** PUBACK or PUBCOMP: the entry is over before the owner is told, so that its place is free. */
  private _deliver(flight: Flight): boolean {
    const connection = this._sender.connection;
    const id = flight.id;
    this._inFlight.remove(flight);
    this._guard.delivered(id);
    return connection === this._sender.connection;
  }

  private _onSuback(flight: Flight, bytes: Uint8Array, start: number, end: number): boolean {
    const connection = this._sender.connection;
    const id = flight.id;
    if (end - start !== flight.length) {
      return this._breach(`SUBACK with ${end - start} codes for ${flight.length} filters`, "MQTT-3.8.4-5");
    }
    const codes: number[] = [];
    for (let index = start; index < end; index += 1) {
      const code = bytes[index] as number;
      if (code > 2 && code !== 128) return this._breach(`SUBACK with code ${code}`, "MQTT-3.9.3-2");
      codes.push(code);
    }
    this._inFlight.remove(flight);
    this._guard.subscribed(id, codes);
    return connection === this._sender.connection;
  }

  onPublish(
    flags: number,
    bytes: Uint8Array,
    topicStart: number,
    topicEnd: number,
    id: number,
    length: number,
  ): boolean {
    this._counters.receivedPackets += 1;
    if (!this._sender.accepted) return this._breach("PUBLISH before CONNACK", "MQTT-3.2.0-1");
    if (!this._mayTake(flags, id)) {
      this._inbox.skip(flags, id);
      return true;
    }
    if (this._cannotHold(flags)) return false;
    this._inbox.begin(flags, bytes, topicStart, topicEnd, id, length);
    return true;
  }

  onPayload(bytes: Uint8Array, start: number, end: number, offset: number, last: boolean): boolean {
    const connection = this._sender.connection;
    const inbox = this._inbox;
    const tell = inbox.add(bytes, start, end, offset, last);
    const id = inbox.message.id;
    const qos = inbox.message.qos;
    // The id is held before the callback: whatever happens in there, the message was handed over once.
    if (last && qos === 2 && tell !== Tell.NOTHING) inbox.hold(id);
    if (tell === Tell.MESSAGE) this._guard.message(inbox.message);
    else if (tell === Tell.OVERFLOW) this._tellOverflow();
    if (connection !== this._sender.connection) return false;
    if (!last) return true;
    inbox.conceal();
    return this._answerPublish(qos, id);
  }

  onLongTopic(
    flags: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    _topicLength: number,
    length: number,
  ): boolean {
    this._counters.receivedPackets += 1;
    if (!this._sender.accepted) return this._breach("PUBLISH before CONNACK", "MQTT-3.2.0-1");
    this._inbox.beginLong(flags, bytes, start, end, length);
    return true;
  }

  onSkipped(flags: number, id: number): boolean {
    const connection = this._sender.connection;
    const qos = (flags >> 1) & 3;
    if (this._mayTake(flags, id)) {
      if (this._cannotHold(flags)) return false;
      if (qos === 2) this._inbox.hold(id);
      this._inbox.endLong(id);
      this._tellOverflow();
      if (connection !== this._sender.connection) return false;
    }
    return this._answerPublish(qos, id);
  }

  private _tellOverflow(): void {
    this._counters.overflowed += 1;
    this._guard.overflow(this._inbox.message);
  }

  /**
   * Whether an inbound message is new and may still be taken. After DISCONNECT it could not be acknowledged: the server
   * keeps it for the next connection.
   */
  private _mayTake(flags: number, id: number): boolean {
    if (this._sender.parting) return false;
    if ((flags & 6) !== 4 || !this._inbox.holds(id)) return true;
    this._counters.repeated += 1;
    return false;
  }

  /** Ends the connection when a new QoS 2 id finds no place. */
  private _cannotHold(flags: number): boolean {
    if ((flags & 6) !== 4 || !this._inbox.full) return false;
    this._overflow("more inbound QoS 2 messages at once than budget.inbound");
    return true;
  }

  /** QoS 1 is answered by PUBACK, QoS 2 by PUBREC, in the order of arrival [MQTT-4.6.0-2, MQTT-4.6.0-3]. */
  private _answerPublish(qos: number, id: number): boolean {
    if (qos === 0) return true;
    return this._acknowledge(qos === 1 ? PacketType.PUBACK : PacketType.PUBREC, id);
  }

  /** Queues an acknowledgement; false when that ended the connection. */
  private _acknowledge(type: number, id: number): boolean {
    if (this._sender.parting || this._sender.acknowledge(type, id)) return true;
    return this._overflow("more acknowledgements at once than budget.send holds");
  }
}

/** The statement that binds the server to answer an entry in the one way that is right. */
function statementOf(flight: Flight): string {
  if (flight.type === PacketType.SUBSCRIBE) return "MQTT-3.8.4-1";
  if (flight.type === PacketType.UNSUBSCRIBE) return "MQTT-3.10.4-4";
  return flight.qos === 1 ? "MQTT-4.3.2-2" : "MQTT-4.3.3-2";
}
