// `wifi` as modules/network/wifi/wifi.js and esp/modwifi.c of Moddable SDK 8.2.3 make it on an ESP8266. Kept from
// there: connecting while the station is at work disconnects it first, so that a "disconnect" of the old try may arrive
// after the call; the station tries again by itself for ever; `disconnect` carries -1 for reasons that mean a bad
// password, but not for those of 200 and above, which do not fit the signed byte that they are kept in.

import { type Host, requireAlive } from "../host.js";
import { DisconnectReason, RadioMode, type ScanResult, type StationEvent, StationStatus } from "../radio.js";
import { toInteger } from "./integer.js";

export type Notify = (this: unknown, message: string, value?: number) => void;

export interface ConnectOptions {
  ssid?: unknown;
  password?: unknown;
  bssid?: unknown;
  channel?: unknown;
}

export interface AccessPointOptions {
  ssid?: unknown;
  password?: unknown;
  channel?: unknown;
  hidden?: unknown;
  max?: unknown;
  interval?: unknown;
  station?: unknown;
}

export interface ScanOptions {
  hidden?: unknown;
  channel?: unknown;
}

export interface ScanItem {
  ssid: string;
  rssi: number;
  channel: number;
  hidden: boolean;
  bssid: ArrayBuffer;
  authentication: string;
}

/** One subscriber to the station's events. */
export interface WiFiInstance {
  close(): void;
  set onNotify(notify: Notify | null | undefined);
}

/** The class as firmware sees it. */
export interface WiFiClass {
  new (options?: ConnectOptions, onNotify?: Notify): WiFiInstance;
  mode: number;
  scan(options: ScanOptions, callback: (item: ScanItem | null) => void): void;
  connect(options?: ConnectOptions): void;
  disconnect(): void;
  close(): never;
  accessPoint(options: AccessPointOptions): void;
  readonly Mode: { readonly none: 0; readonly station: 1; readonly accessPoint: 2 };
  readonly gotIP: string;
  readonly lostIP: string;
  readonly connected: string;
  readonly disconnected: string;
}

/** Reasons of the SDK that modwifi.c reports as -1: 2, 14, 15, 16, 17; 202 and 204 are meant too but never match. */
const badPasswordReasons: readonly number[] = Object.freeze([2, 14, DisconnectReason.handshakeTimeout, 16, 17]);

const passwordBytes = 64;
const ssidBytes = 32;

export function create(host: Host): { default: WiFiClass } {
  const radio = host.board.airspace.radioFor(host);
  // The newest first, as the list of modwifi.c.
  const listeners: WiFi[] = [];
  let scanIsPending = false;

  radio.on((event) => {
    for (const listener of [...listeners]) listener.post(event);
  });

  class WiFi {
    #notify: Notify | undefined;
    #disconnectReason = 0;

    constructor(options?: ConnectOptions, onNotify?: Notify) {
      requireAlive(host);
      if (options) WiFi.connect(options);
      if (onNotify) this.onNotify = onNotify;
    }

    /** Ends this instance's notifications; the station goes on. */
    close(): void {
      requireAlive(host);
      this.#notify = undefined;
      const index = listeners.indexOf(this);
      if (index >= 0) listeners.splice(index, 1);
    }

    set onNotify(notify: Notify | null | undefined) {
      requireAlive(host);
      this.close();
      if (!notify) return;
      this.#notify = notify;
      listeners.unshift(this);
    }

    /** What the SDK's event handler does: a message into the firmware's queue. */
    post(event: StationEvent): void {
      if (event.type === "disconnected") this.#disconnectReason = badPasswordReasons.includes(event.reason) ? -1 : 0;
      host.emit({ type: "wifi", word: event.type, detail: event.type === "disconnected" ? String(event.reason) : "" });
      host.queue(() => {
        // The reason is the latest one by then, not that of this event.
        if (event.type === "disconnected") this.#notify?.call(this, "disconnect", this.#disconnectReason);
        else this.#notify?.call(this, messages[event.type]);
      });
    }

    static get mode(): number {
      requireAlive(host);
      return radio.mode;
    }

    static set mode(mode: number) {
      requireAlive(host);
      radio.mode = toInteger(mode);
    }

    /** Calls back for each network that is heard, then with null. */
    static scan(options: ScanOptions, callback: (item: ScanItem | null) => void): void {
      requireAlive(host);
      if ((radio.mode & RadioMode.station) === 0) throw new Error("can't scan");
      if (scanIsPending) throw new Error("unfinished wifi scan pending");
      const channel = "channel" in options ? toInteger(options.channel) : undefined;
      const done = (results: ScanResult[]): void => {
        host.queue(() => deliver(results, callback));
      };
      if (!radio.scan(channel, Boolean(options.hidden), done)) throw new Error("scan request failed");
      scanIsPending = true;
    }

    /** Without options: disconnects. */
    static connect(options?: ConnectOptions): void {
      requireAlive(host);
      if (radio.status !== StationStatus.idle) radio.disconnect();
      if (options === undefined) return;
      if (!options.ssid) throw new Error("ssid required");
      const ssid = checkLength(options.ssid, ssidBytes, "ssid too long - 32 bytes max");
      const password = options.password
        ? checkLength(options.password, passwordBytes, "password too long - 64 bytes max")
        : "";
      const bssid = "bssid" in options ? checkBssid(options.bssid) : undefined;
      const channel = "channel" in options ? toInteger(options.channel) : -1;
      radio.mode = RadioMode.station;
      radio.connect({ ssid, password, bssid, channel: channel >= 0 ? channel : undefined });
    }

    static disconnect(): void {
      WiFi.connect();
    }

    static close(): never {
      throw new Error("use WiFi.disconnect()");
    }

    static accessPoint(options: AccessPointOptions): void {
      requireAlive(host);
      const ssid = checkLength(options.ssid, ssidBytes, "ssid too long - 32 bytes max");
      let password = "";
      if ("password" in options) {
        password = checkLength(options.password, passwordBytes, "password too long - 64 bytes max");
        if (byteLength(password) < 8) throw new Error("password too short - 8 bytes min");
      }
      const channel = "channel" in options ? toInteger(options.channel) : 1;
      if (channel < 1 || channel > 13) throw new Error("invalid channel");
      radio.mode = options.station ? RadioMode.both : RadioMode.accessPoint;
      const limit = "max" in options ? toInteger(options.max) : 4;
      radio.open({ ssid, password, channel, hidden: Boolean(options.hidden), limit });
    }

    static readonly Mode = Object.freeze({ none: 0, station: 1, accessPoint: 2 } as const);
    static readonly gotIP = "gotIP";
    static readonly lostIP = "lostIP";
    static readonly connected = "connect";
    static readonly disconnected = "disconnect";
  }

  function deliver(results: readonly ScanResult[], callback: (item: ScanItem | null) => void): void {
    try {
      for (const result of results) callback(describe(result));
    } catch {
      // modwifi.c catches what the callback throws, ends the list there and says nothing.
    }
    scanIsPending = false;
    if (host.alive) callback(null);
  }

  return { default: WiFi };
}

const messages = Object.freeze({ connected: "connect", gotIP: "gotIP", dhcpTimeout: "lostIP" } as const);

function describe(result: ScanResult): ScanItem {
  return {
    ssid: result.ssid,
    rssi: result.rssi,
    channel: result.channel,
    hidden: result.hidden,
    bssid: Uint8Array.from(result.bssid.split(":"), (digits) => Number.parseInt(digits, 16)).buffer,
    authentication: result.open ? "none" : "wpa2_psk",
  };
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

function checkLength(value: unknown, limit: number, message: string): string {
  const text = String(value);
  if (byteLength(text) > limit) throw new Error(message);
  return text;
}

export function checkBssid(value: unknown): string {
  if (!(value instanceof ArrayBuffer) || value.byteLength !== 6) throw new Error("bssid must be 6 bytes");
  return Array.from(new Uint8Array(value), (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
