// An MQTT 3.1.1 client for any Moddable project: names and calls of the ECMA-419 MQTT client class pattern, and what it
// lacks: reconnecting, QoS 1 and 2 with all their state, a memory budget, a store, a truthful flush. This is the face;
// the work is in mqtt-engine.ts. It takes src/mqtt and, beside this file, mqtt-engine, mqtt-options, mqtt-link,
// piece-session, alarm, resolver and clock. docs/mqtt-client.md is the guide.

import type { PayloadSource } from "../mqtt/session.js";
import { Engine } from "./mqtt-engine.js";
import {
  type ClientState,
  checkFormat,
  type Data,
  type MqttClientOptions,
  PacketType,
  type WriteOptions,
} from "./mqtt-options.js";

export type { Budget, Message, PayloadSource } from "../mqtt/session.js";
export type * from "./mqtt-options.js";

/** One MQTT client. It connects in the turn after the constructor, and again after each loss, until it is closed. */
export default class MqttClient {
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

  /** What the option `target` gave; not looked at. */
  target?: unknown;
  private readonly _engine: Engine;

  /** Throws a TypeError or RangeError for options that cannot work, before anything is taken. */
  constructor(options: MqttClientOptions) {
    this._engine = new Engine(this, options);
    if (options.target !== undefined) this.target = options.target;
  }

  get state(): ClientState {
    return this._engine.state;
  }

  /** Packet id of the latest `write`: of a SUBSCRIBE, an UNSUBSCRIBE or a message with QoS 1 or 2; 0 for QoS 0. */
  get lastId(): number {
    return this._engine.lastId;
  }

  /** Bytes of a message in pieces that can be written now. 0 without a connection, and when no message can be taken. */
  get writable(): number {
    return this._engine.writable;
  }

  get format(): "buffer" {
    return "buffer";
  }

  set format(format: "buffer") {
    checkFormat(format);
  }

  /**
   * With options: publishes a message, or begins one whose payload is longer than `data`, or subscribes or
   * unsubscribes. Without: continues the message begun. All or nothing. `data` may be changed afterwards; a source may
   * not, until delivered. QoS 1 and 2 are taken without a connection too. Returns `writable`; 0 says to wait for
   * `onWritable`. Throws an Error when it cannot be taken now, a TypeError or RangeError when it never can.
   */
  write(data: Data | PayloadSource | null | undefined, options?: WriteOptions): number {
    return this._engine.write(data, options);
  }

  /**
   * During onReadable and onOverflow: the next `count` bytes, all by default, as a new buffer; or as many as fit into a
   * buffer given, and then their number. Undefined when nothing is left. What is not read is gone when the callback
   * returns.
   */
  read(count?: number): ArrayBufferLike | undefined;
  read(into: ArrayBufferLike | ArrayBufferView): number | undefined;
  read(into?: number | ArrayBufferLike | ArrayBufferView): ArrayBufferLike | number | undefined {
    return this._engine.read(into);
  }

  /**
   * Calls back once: true when all that was written before is acknowledged (QoS 0: has left), false when the connection
   * ends before that, or after `deadlineMs` (0 to a day). One at a time; never after `close()`.
   */
  flush(deadlineMs: number, callback: (this: MqttClient, delivered: boolean) => void): void {
    this._engine.flush(deadlineMs, callback);
  }

  /**
   * Says DISCONNECT, so that there is no will, and closes; `onClose` is the only callback after it. Once more does
   * nothing.
   */
  close(): void {
    this._engine.close();
  }
}
