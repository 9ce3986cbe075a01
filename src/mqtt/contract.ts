// The words that a session and its owner share: budget, options, messages, refusals, callbacks, the reasons of an end.
// Types and frozen constants only; what they do is in session.ts. Knows nothing of transports, timers or flash.

import type { ConnectFields } from "./packet.js";

/**
 * Sizes fixed for the life of a session. All is allocated in the constructor, reused over every reconnect, never
 * exceeded.
 */
export interface Budget {
  /**
   * Bytes, at least 64: the largest inbound message handed over in one piece. With `stream` the buffer is only as large
   * as `topic` needs, which has to fit into it with 9 bytes around it.
   */
  readonly receive: number;
  /**
   * Bytes, at least 64: what waits to leave. Must hold CONNECT, the largest SUBSCRIBE or UNSUBSCRIBE and the largest
   * PUBLISH header. Acknowledgements of inbound packets wait here too, 4 bytes each; one more than fits ends the
   * connection [MQTT-4.8.0-2]. `Session.receivable` says how a transport that can hold back avoids that.
   */
  readonly send: number;
  /** Outbound PUBLISH with QoS > 0, SUBSCRIBE and UNSUBSCRIBE not yet acknowledged, 1..65535. */
  readonly inFlight: number;
  /** Inbound QoS 2 ids held between PUBLISH and PUBREL, 0..65535. One more ends the connection [MQTT-4.8.0-2]. */
  readonly inbound: number;
  /**
   * Bytes, 1..65535: the longest inbound topic. A message with a longer one is reported by `onOverflow`, skipped,
   * acknowledged.
   */
  readonly topic: number;
}

/** What the constructor and each `connect()` get; `clean` and `pipeline` may differ from one connection to the next. */
export interface SessionOptions extends ConnectFields {
  /**
   * true: inbound payloads are handed over piece by piece as they arrive, whatever their size. false (default): in one
   * piece up to `budget.receive` bytes; larger ones are reported by `onOverflow`, skipped, and still acknowledged.
   */
  readonly stream?: boolean;
  /**
   * false: `onOverflow` gets no bytes, so that none have to be gathered for it. Default true.
   */
  readonly previews?: boolean;
  /** CONNECT and the first PUBLISHes may leave before CONNACK [MQTT-3.1.4-5]. Default false. */
  readonly pipeline?: boolean;
  /** Time for CONNACK. Default 10000. */
  readonly connectTimeoutMs?: number;
  /**
   * Time for PUBACK, PUBREC, PUBCOMP, SUBACK and UNSUBACK, from when the last byte of the packet left; also the longest
   * time that bytes may wait without the transport taking any. Default 10000.
   */
  readonly ackTimeoutMs?: number;
  /** Time for PINGRESP. Default 5000. */
  readonly pingTimeoutMs?: number;
  /** First of the packet ids that the session picks itself. Default 1. */
  readonly firstId?: number;
  /** Last of them. Default 65535. Ids that the caller gives may lie outside of the range. */
  readonly lastId?: number;
}

/** A payload that is produced while it is sent. */
export interface PayloadSource {
  /** Bytes, fixed from `publish()` on. */
  readonly length: number;
  /**
   * Bytes, more than 0, that it has at hand: no more are asked for in this `transmit()`, the others later. So a source
   * that takes long to make its bytes spreads the work. Without it all that fits is asked for.
   */
  readonly available?: number;
  /**
   * Copies payload[offset, offset + count) to into[at…]. May be asked again from 0 when the message is sent again. May
   * not call the session. An exception ends the connection with reason "internal".
   */
  read(offset: number, into: Uint8Array, at: number, count: number): void;
}

/**
 * A message to publish. Read when it is accepted; only its payload is read when it is sent, and when it is sent again,
 * so the bytes of that must not change until delivered.
 */
export interface Message {
  readonly topic: string;
  /** `undefined` is a payload of no bytes. */
  readonly payload: Uint8Array | string | PayloadSource | undefined;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** Packet id chosen by the caller, QoS > 0 only. One that is in use throws. */
  readonly id?: number;
  /**
   * May have been sent by an earlier life of this client, before a power cut: goes with DUP 1 unless CONNACK said
   * Session Present 0 before it left, or the session is a clean one.
   */
  readonly resumed?: boolean;
}

/** Why a request was not taken. All are negative; packet ids and 0 are not. */
export const Refusal = Object.freeze({
  /** The in-flight table, the QoS 0 places or the packet ids are used up. */
  FULL: -1,
  /** Needs a connection, and there is none. */
  OFFLINE: -2,
  /** The PUBLISH header does not fit into `budget.send`, or the payload into one packet. */
  TOO_LONG: -3,
  /** `disconnect()` was called. */
  CLOSING: -4,
} as const);

/**
 * An inbound message or a piece of it, valid during the callback: copy what must outlive it. `start` may be moved by
 * who reads.
 */
export interface Inbound {
  topic: string;
  /** First byte of the packet, which says what the next three say. */
  first: number;
  readonly qos: number;
  readonly retain: boolean;
  readonly dup: boolean;
  /** Packet id; 0 for QoS 0. */
  id: number;
  /** Bytes of the whole payload. */
  length: number;
  /** Where in the payload this piece begins. */
  offset: number;
  /** The piece is bytes[start..end). */
  bytes: Uint8Array;
  start: number;
  end: number;
  /** The piece is the last one. Never true in `onOverflow`. */
  complete: boolean;
}

/**
 * What the decoder's messages inherit: what the first byte says, and what all is called in the ECMA-419 MQTT client
 * class pattern. So a message can go on to an application as it is: another object would cost as much as reading the
 * packet.
 */
export const PatternNames = Object.freeze({
  get qos(): number {
    return ((this as unknown as Inbound).first >> 1) & 3;
  },
  get retain(): boolean {
    return ((this as unknown as Inbound).first & 1) !== 0;
  },
  get dup(): boolean {
    return ((this as unknown as Inbound).first & 8) !== 0;
  },
  get byteLength(): number {
    return (this as unknown as Inbound).length;
  },
  get QoS(): number {
    return (this as unknown as Inbound).qos;
  },
  get duplicate(): boolean {
    return (this as unknown as Inbound).dup;
  },
  /** Pieces of this payload are still to come. */
  get more(): boolean {
    return !(this as unknown as Inbound).complete;
  },
});

/**
 * Told what happens. Callbacks come from inside `receive`, `transmit`, `tick` and `lost` only, never from inside a
 * request such as `publish` or `flush`. A callback may call any method except `receive`; `transmit` from a callback of
 * `transmit` puts nothing. An exception leaves the method that was called from outside, after its work is done: the
 * session never stops in the middle of a packet. Only the first of several is kept.
 */
export interface SessionHandler {
  onConnected(sessionPresent: boolean): void;
  /** The acknowledgement is queued after the last piece was handed over, also when this throws [MQTT-4.5.0-2]. */
  onMessage(message: Inbound): void;
  /**
   * Once for each message that is larger than the budget, before it is skipped: topic (possibly cut), `length`, and the
   * first `budget.receive` bytes (none when the topic was too long).
   */
  onOverflow(message: Inbound): void;
  /**
   * QoS 2: the server has the message (PUBREC). PUBREL is queued only after this has returned; if it throws, the
   * connection ends with reason "internal" and the message counts as not received.
   */
  onReceived(id: number): void;
  /**
   * PUBACK or PUBCOMP; also a message after PUBREC of which the server's session knows nothing any more. The id is
   * free. `type` is the packet that said so, 4 PUBACK or 7 PUBCOMP.
   */
  onDelivered(id: number, type: number): void;
  /** One code for each filter, in order: granted QoS 0, 1, 2, or 128 for a failure [MQTT-3.9.3-1]. */
  onSubscribed(id: number, codes: readonly number[]): void;
  onUnsubscribed(id: number): void;
  /** Answers `flush()`. */
  onFlushed(ok: boolean): void;
  /**
   * Exactly once for each connection, as its last callback. The owner closes the transport; `connect()` is allowed
   * here.
   */
  onClosed(closed: Closed): void;
}

/**
 * disconnected: DISCONNECT has left. lost: the transport ended. refused: CONNACK with a code. timeout: an answer or the
 * transport took too long. malformed: bytes that are no packet. violation: a packet that may not come now. overflow:
 * the budget cannot take what the server sent. internal: a callback or payload source of ours threw.
 */
export type CloseReason =
  | "disconnected"
  | "lost"
  | "refused"
  | "timeout"
  | "malformed"
  | "violation"
  | "overflow"
  | "internal";

export interface Closed {
  readonly reason: CloseReason;
  /** For logs. */
  readonly detail: string;
  /** The normative statement that the server broke, without brackets, or "". */
  readonly statement: string;
  /** CONNACK code of a refusal, else 0. */
  readonly code: number;
  /** The transport ended before CONNACK although PUBLISH or PUBREL had left: perhaps the server dislikes pipelining. */
  readonly pipelined: boolean;
}
