// What an application gives to an MqttClient and gets from it: the words of the ECMA-419 MQTT client class pattern, and
// those that it lacks. Types, defaults, and the checks that run before anything is taken (ECMA-419 §9). Knows nothing
// of what the client does with them.

import { Backoff } from "../mqtt/backoff.js";
import type { Budget, CloseReason, PayloadSource, SessionOptions, Will } from "../mqtt/session.js";
import type MqttClient from "./mqtt-client.js";
import type { SocketOptions } from "./mqtt-link.js";

/** Bytes: any buffer or view; text goes as UTF-8. */
export type Data = string | ArrayBufferLike | ArrayBufferView;

/**
 * waiting: no connection, the next attempt is due after a delay (or in the next turn). resolving: the name is looked
 * up. opening: TCP. connecting: CONNECT sent. connected. closing: after `close()`. closed: for good, after `onClose` or
 * `onError`.
 */
export type ClientState = "waiting" | "resolving" | "opening" | "connecting" | "connected" | "closing" | "closed";

/** Why a connection has ended, or could not be made ("unreachable"). */
export interface Failure {
  readonly reason: CloseReason | "unreachable";
  /** For logs. */
  readonly detail: string;
  /** The normative statement that the server broke, without brackets, or "". */
  readonly statement: string;
  /** CONNACK code of a refusal, else 0. */
  readonly code: number;
}

/** A message that has come, valid during the callback: copy what must outlive it. */
export interface ReadableMessage {
  readonly topic: string;
  /** Bytes of the whole payload. */
  readonly byteLength: number;
  readonly QoS: number;
  readonly retain: boolean;
  readonly duplicate: boolean;
  /** Packet id; 0 for QoS 0. */
  readonly id: number;
  /** Pieces of this payload are still to come; only with `stream`. */
  readonly more: boolean;
}

export interface ControlMessage {
  /** `MqttClient.CONNACK`, `SUBACK`, `UNSUBACK`, `PUBREC`, `PUBACK` or `PUBCOMP`. */
  readonly operation: number;
  readonly id?: number;
  /** CONNACK: 0, or the code of the refusal. */
  readonly returnCode?: number;
  /** CONNACK: the server has kept the session, subscriptions included. */
  readonly sessionPresent?: boolean;
  /** SUBACK: for each item, in order, the granted QoS 0, 1 or 2, or 128 for a refusal. */
  readonly payload?: readonly number[];
}

export interface WriteOptions {
  /** `MqttClient.PUBLISH` (default), `SUBSCRIBE` or `UNSUBSCRIBE`. */
  readonly operation?: number;
  readonly topic?: string;
  /** Default 0. */
  readonly QoS?: number;
  readonly retain?: boolean;
  /**
   * PUBLISH with QoS 1 or 2: a packet id of the application's own choice; by default the client picks one (`lastId`).
   */
  readonly id?: number;
  /** Bytes of the whole payload; when `data` has fewer, the rest follows by `write(data)`. */
  readonly byteLength?: number;
  /** SUBSCRIBE: filters, with QoS 0 unless given. UNSUBSCRIBE: filters. */
  readonly items?: readonly { readonly topic: string; readonly QoS?: number }[];
}

/** A message in the application's journal. */
export interface StoredMessage {
  /** 1..32767: the client's own ids lie above. The same for the whole life of the message. */
  readonly id: number;
  readonly topic: string;
  readonly payload: Uint8Array | string | PayloadSource | undefined;
  readonly retain: boolean;
  /** Default 2. */
  readonly QoS?: 1 | 2;
  /** "received" after `received(id)`. */
  readonly status: "queued" | "received";
}

/** The application's journal, for messages that must survive a loss of power. */
export interface MessageStore {
  /** Messages not yet delivered, oldest first. Asked at the start, and after each end of a clean session. */
  pending(): Iterable<StoredMessage>;
  /** The server has a QoS 2 message. Must be recorded before this returns: only then PUBREL leaves. */
  received(id: number): void;
  /** A message is delivered and need not be kept. */
  delivered(id: number): void;
}

/** What the client needs of a name service: the DNS resolver class pattern of ECMA-419. */
export interface DnsOptions {
  readonly io: new (
    options: DnsOptions,
  ) => {
    resolve(options: {
      readonly host: string;
      readonly onResolved: (host: string, address: string) => void;
      readonly onError: () => void;
    }): void;
    close(): void;
  };
  readonly [option: string]: unknown;
}

export interface ReconnectOptions {
  /** Width of the first window for the random delay, ms. Default 1000. */
  readonly minimum?: number;
  /** Width of the largest window, ms; it doubles with each attempt. Default 60000. */
  readonly maximum?: number;
  /** A connection that lasted for so long starts the windows again, ms. Default 60000. */
  readonly stable?: number;
}

/** Every callback has the client as `this`. None comes from inside a call to the client. */
export interface MqttClientOptions {
  /** Name or dotted IPv4 address. */
  readonly host: string;
  /** Default 1883. */
  readonly port?: number;
  /** Client id. "" (default) lets the server invent one and needs `clean`. */
  readonly id?: string;
  /** Clean session, default true. */
  readonly clean?: boolean;
  /** Milliseconds, 0 (off) to 65535000, sent in whole seconds. Default 60000. */
  readonly keepAlive?: number;
  readonly user?: string;
  readonly password?: Data;
  readonly will?: {
    readonly topic: string;
    readonly message?: Data;
    readonly QoS?: number;
    readonly retain?: boolean;
  };
  /** Class of the socket as `io`, and its further options. Default `embedded:io/socket/tcp`; `nodelay` false. */
  readonly socket?: SocketOptions;
  /** Class of the resolver as `io`, and its further options. Default `net`. */
  readonly dns?: DnsOptions;
  /** Any value, kept as the client's property `target`. */
  readonly target?: unknown;
  readonly format?: "buffer";
  /** false: the first end of a connection is final. */
  readonly reconnect?: ReconnectOptions | false;
  /** Bytes and entries of RAM; see `Budget`. */
  readonly budget?: Partial<Budget>;
  /** CONNECT and the first PUBLISHes may leave together. Default false. */
  readonly pipeline?: boolean;
  /** Payloads come in pieces as they arrive, whatever their size. Default false. */
  readonly stream?: boolean;
  readonly store?: MessageStore;

  /** A message, or a piece of one: `count` bytes may be read now, until this returns. */
  readonly onReadable?: (this: MqttClient, count: number, message: ReadableMessage) => void;
  /** `count` bytes of a message may be written now. After each CONNACK, and after a `write` that left no room. */
  readonly onWritable?: (this: MqttClient, count: number) => void;
  readonly onControl?: (this: MqttClient, message: ControlMessage) => void;
  /** The client has stopped for good, except for `close()`, after which this never comes. */
  readonly onError?: (this: MqttClient, failure: Failure) => void;
  /** The last callback after `close()`: the socket is closed. */
  readonly onClose?: (this: MqttClient) => void;
  /** QoS 2: the server has the message (PUBREC). */
  readonly onReceived?: (this: MqttClient, id: number) => void;
  /** QoS 1 and 2: the message is delivered (PUBACK, PUBCOMP). */
  readonly onDelivered?: (this: MqttClient, id: number) => void;
  /** A message larger than the budget: skipped, and acknowledged. Its first bytes may be read until this returns. */
  readonly onOverflow?: (this: MqttClient, message: ReadableMessage) => void;
  /** The connection has ended or could not be made; the next attempt comes after the delay. */
  readonly onReconnecting?: (this: MqttClient, delayMs: number, failure: Failure) => void;
}

/**
 * About 1.6 KB. Servers send up to 20 (Mosquitto) or 32 (EMQX) QoS 2 messages before the first is acknowledged:
 * `inbound`.
 */
const DEFAULT_BUDGET = Object.freeze({ receive: 512, send: 512, inFlight: 8, inbound: 32, topic: 128 } as const);

/** Control packet types, §2.2.1. The values are those of the fixed header's upper four bits. */
export const PacketType = Object.freeze({
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  PUBREC: 5,
  PUBREL: 6,
  PUBCOMP: 7,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
} as const);

/** Ids above this are the client's own when there is a store. */
export const LAST_STORED_ID = 32767;

const CALLBACKS = Object.freeze([
  "onReadable",
  "onWritable",
  "onControl",
  "onError",
  "onClose",
  "onReceived",
  "onDelivered",
  "onOverflow",
  "onReconnecting",
] as const);

/** Throws a TypeError or RangeError for what the session does not check itself. */
export function checkOptions(options: MqttClientOptions): void {
  if (typeof options?.host !== "string" || options.host === "") {
    throw new TypeError("host is missing: give the broker's name or its dotted IPv4 address");
  }
  checkWhole("port", options.port ?? 1883, 1, 65535);
  checkWhole("keepAlive", options.keepAlive ?? 0, 0, 65535000);
  checkFormat(options.format ?? "buffer");
  checkClass("socket", options.socket);
  checkClass("dns", options.dns);
  for (const name of CALLBACKS) {
    const callback: unknown = options[name];
    if (callback !== undefined && typeof callback !== "function") throw new TypeError(`${name} must be a function`);
  }
  const store = options.store;
  if (store === undefined) return;
  for (const name of ["pending", "received", "delivered"] as const) {
    if (typeof store[name] !== "function") throw new TypeError(`store.${name} must be a function`);
  }
}

/** A new backoff as the checked options say; null when there is to be none. */
export function backoffOf(options: MqttClientOptions): Backoff | null {
  const reconnect = options.reconnect;
  if (reconnect === false) return null;
  const baseMs = checkWhole("reconnect.minimum", reconnect?.minimum ?? 1000, 1, 0x7fffffff);
  const capMs = reconnect?.maximum ?? Math.max(baseMs, 60000);
  checkWhole("reconnect.maximum", capMs, baseMs, 0x7fffffff);
  const stableMs = checkWhole("reconnect.stable", reconnect?.stable ?? 60000, 0, 0x7fffffff);
  return new Backoff({ baseMs, capMs, stableMs });
}

/**
 * The same in the session's words; the session checks the rest. `pipeline` is read at each connection and may change.
 */
export function sessionOptions(options: MqttClientOptions): SessionOptions & { pipeline: boolean } {
  const { user, password, will } = options;
  return {
    id: options.id ?? "",
    clean: options.clean ?? true,
    // Rounded up: a keep-alive of 500 ms must not become 0, which is none.
    keepAliveSeconds: Math.ceil((options.keepAlive ?? 60000) / 1000),
    pipeline: options.pipeline ?? false,
    stream: options.stream ?? false,
    previews: options.onOverflow !== undefined,
    firstId: options.store === undefined ? 1 : LAST_STORED_ID + 1,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password: asPayload(password) }),
    ...(will === undefined ? {} : { will: asWill(will) }),
  };
}

/** The budget, with its defaults. The session checks it. */
export function budgetOf(options: MqttClientOptions): Budget {
  return { ...DEFAULT_BUDGET, ...options.budget };
}

function asWill(will: NonNullable<MqttClientOptions["will"]>): Will {
  return {
    topic: will.topic,
    payload: asPayload(will.message ?? ""),
    qos: (will.QoS ?? 0) as 0 | 1 | 2,
    retain: will.retain ?? false,
  };
}

function asPayload(data: Data): string | Uint8Array {
  return typeof data === "string" ? data : bytesOf(data);
}

/** A view of the bytes, without a copy. Throws a TypeError for what is no buffer. */
export function bytesOf(data: ArrayBufferLike | ArrayBufferView): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (typeof data?.byteLength !== "number") throw new TypeError("data must be a string, a buffer or a view of one");
  return new Uint8Array(data);
}

/** Whether a payload is produced while it is sent. */
export function isSource(data: Data | PayloadSource | null | undefined): data is PayloadSource {
  return typeof data === "object" && data !== null && "read" in data;
}

/** The bytes of what was written, without a copy unless it is text. Throws a TypeError for what is no data. */
export function asData(data: Data | PayloadSource | null | undefined): Uint8Array {
  if (data === null || data === undefined) return new Uint8Array(0);
  if (typeof data === "string") return new Uint8Array(ArrayBuffer.fromString(data));
  return bytesOf(data as ArrayBufferLike | ArrayBufferView);
}

/** The filters of a SUBSCRIBE or UNSUBSCRIBE. */
export function itemsOf(options: WriteOptions): NonNullable<WriteOptions["items"]> {
  const { items, id } = options;
  if (!Array.isArray(items)) throw new TypeError("items is missing: give an array of { topic, QoS }");
  if (id !== undefined) throw new TypeError("leave id out here: the client picks it, and lastId tells it");
  return items;
}

export function checkWhole(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} is ${value}; it must be a whole number from ${least} to ${most}`);
  }
  return value;
}

export function checkFormat(format: unknown): void {
  if (format !== "buffer") throw new RangeError(`format is ${format}; only "buffer" is known`);
}

function checkClass(name: string, options: { readonly io: unknown } | undefined): void {
  if (options !== undefined && typeof options?.io !== "function") {
    throw new TypeError(`${name}.io is missing: give the class, as in ${name}: { io: Class }`);
  }
}
