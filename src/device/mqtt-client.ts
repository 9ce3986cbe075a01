// An MQTT 3.1.1 client for any Moddable project: names and calls of the ECMA-419 MQTT client class pattern, and what it
// lacks: reconnecting, QoS 1 and 2 with all their state, a memory budget, a store, a truthful flush. This is the face;
// the work is in mqtt-engine.ts, of which the face shows no more than an application needs: one object is both, for on
// the chip each further object costs. It takes src/mqtt and, beside this file, mqtt-engine, mqtt-options, mqtt-link,
// piece-session, resolver and clock. docs/mqtt-client.md is the guide.

import type { PayloadSource } from "../mqtt/session.js";
import { Engine } from "./mqtt-engine.js";
import { type ClientState, type Data, type MqttClientOptions, PacketType, type WriteOptions } from "./mqtt-options.js";

export type { Budget, Message, PayloadSource } from "../mqtt/session.js";
export type * from "./mqtt-options.js";

/** What an application sees of a client. */
interface Face {
  /** What the option `target` gave; not looked at. */
  target?: unknown;
  readonly state: ClientState;
  /** Packet id of the latest `write`: of a SUBSCRIBE, an UNSUBSCRIBE or a message with QoS 1 or 2; 0 for QoS 0. */
  readonly lastId: number;
  /** Bytes of a message in pieces that can be written now. 0 without a connection, and when no message can be taken. */
  readonly writable: number;
  format: "buffer";
  /**
   * With options: publishes a message, or begins one whose payload is longer than `data`, or subscribes or
   * unsubscribes. Without: continues the message begun. All or nothing. `data` may be changed afterwards; a source may
   * not, until delivered. QoS 1 and 2 are taken without a connection too. Returns `writable`; 0 says to wait for
   * `onWritable`. Throws an Error when it cannot be taken now, a TypeError or RangeError when it never can.
   */
  write(data: Data | PayloadSource | null | undefined, options?: WriteOptions): number;
  /**
   * During onReadable and onOverflow: the next `count` bytes, all by default, as a new buffer; or as many as fit into a
   * buffer given, and then their number. Undefined when nothing is left. What is not read is gone when the callback
   * returns.
   */
  read(count?: number): ArrayBufferLike | undefined;
  read(into: ArrayBufferLike | ArrayBufferView): number | undefined;
  /**
   * Calls back once: true when all that was written before is acknowledged (QoS 0: has left), false when the connection
   * ends before that, or after `deadlineMs` (0 to a day). One at a time; never after `close()`.
   */
  flush(deadlineMs: number, callback: (this: MqttClient, delivered: boolean) => void): void;
  /**
   * Says DISCONNECT, so that there is no will, and closes; `onClose` is the only callback after it. Once more does
   * nothing.
   */
  close(): void;
}

/**
 * One MQTT client. It connects in the turn after the constructor, and again after each loss, until it is closed. The
 * constructor throws a TypeError or RangeError for options that cannot work, before anything is taken.
 */
export default class MqttClient extends (Engine as unknown as new (options: MqttClientOptions) => Face) {
  static readonly CONNECT = PacketType.CONNECT;
  static readonly CONNACK = PacketType.CONNACK;
  static readonly PUBLISH = PacketType.PUBLISH;
  static readonly PUBACK = PacketType.PUBACK;
  static readonly PUBREC = PacketType.PUBREC;
  static readonly PUBREL = PacketType.PUBREL;
  static readonly PUBCOMP = PacketType.PUBCOMP;
  static readonly SUBSCRIBE = PacketType.SUBSCRIBE;
  static readonly SUBACK = PacketType.SUBACK;
  static readonly UNSUBSCRIBE = PacketType.UNSUBSCRIBE;
  static readonly UNSUBACK = PacketType.UNSUBACK;
  static readonly PINGREQ = PacketType.PINGREQ;
  static readonly PINGRESP = PacketType.PINGRESP;
  static readonly DISCONNECT = PacketType.DISCONNECT;
}
