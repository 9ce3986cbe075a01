// The radio, over `wifi`, `net` and `chip`. Hides that one callback carries every message, that the SDK goes on
// reconnecting by itself after a failure, that "disconnect" comes with a number when the password is wrong, that
// messages of a connection given up may still be on their way, that `WiFi.connect` would close an access point and
// throw away the key that the SDK keeps (so `chip.join` is used), and that a BSSID comes as text but is wanted as
// bytes.

import chip from "chip";
import Net from "net";
import WiFi from "wifi";
import { now } from "./clock.js";
import { dotted } from "./resolver.js";

export interface WiFiHandler {
  /** The network let the box in; an address is awaited. */
  onAssociated(): void;
  /** An address was obtained, as dotted text. */
  onJoined(address: string): void;
  /** Joining failed for a reason that a person understands. Call `join` or `leave` next. */
  onJoinFailed(why: string): void;
  /** A joined network was lost. Call `join` or `leave` next. */
  onLost(): void;
}

/** Where a network was found and what address it gave: with it, a join needs no search and no DHCP. */
export interface Found {
  /** 1 to 13. */
  readonly channel: number;
  /** 6 bytes. */
  readonly bssid: ArrayBuffer;
  /** 16 bytes, as `chip.lease` gives them; undefined: ask by DHCP. */
  readonly lease: ArrayBuffer | undefined;
}

/** The driver passes a second argument with "disconnect" (modwifi.c): -1 when authentication failed, else 0. */
type Notify = (message: string, reason?: number) => void;

// Numbers that stand in the code, because a named constant takes some 60 bytes of flash:
// - 60: milliseconds after `join` in which a "disconnect" is that of the connection before it: no search of a
//   channel is over as soon.

export class WiFiStation {
  private readonly handler: WiFiHandler;
  private wifi: WiFi | undefined;
  private joined = false;
  private startedAt = 0;

  constructor(handler: WiFiHandler) {
    this.handler = handler;
  }

  /**
   * Starts to join; ends with one of the handler's calls. `password` empty means an open network. `keep`: the SDK keeps
   * name, password and key in its own flash, for a quicker join after the next boot.
   */
  join(ssid: string, password: string, keep: boolean, found?: Found): void {
    this.close();
    const wifi = new WiFi(undefined, notified as Notify);
    (wifi as unknown as Notifying).target = this;
    this.wifi = wifi;
    this.startedAt = now();
    chip.useLease(found?.lease);
    chip.join(ssid, password, found?.bssid, found === undefined ? 0 : found.channel, keep);
  }

  /** Gives up the network or the attempt. Nothing is called any more. An access point stays open. */
  leave(): void {
    if (this.wifi === undefined) return;
    this.close();
    WiFi.disconnect();
  }

  /** The same, and switches the radio off: a station that has only left its network draws as much as before. */
  off(): void {
    this.leave();
    WiFi.mode = WiFi.Mode.none;
  }

  /** Erases what the SDK keeps of networks. */
  forget(): void {
    chip.forget();
  }

  /** Where the joined network was found. Undefined when none is joined. */
  get found(): Found | undefined {
    const lease = this.joined ? chip.lease() : undefined;
    if (lease === undefined) return undefined;
    // "CHANNEL" is known to the module and missing in the published typings.
    return { channel: Net.get("CHANNEL" as "RSSI"), bssid: bytesOf(Net.get("BSSID")), lease };
  }

  /** Opens an access point; `password` empty: for everybody. The station can scan and join beside it. */
  openAccessPoint(ssid: string, password: string): void {
    this.leave();
    // `station` is known to the driver and missing in the published typings.
    const options = password === "" ? { ssid, station: true } : { ssid, password, station: true };
    WiFi.accessPoint(options);
  }

  /** Listens on all channels: calls `heard` for each network, then `done`; `done` at once when that cannot be now. */
  scan(heard: (ssid: string, rssi: number, open: boolean) => void, done: () => void): void {
    try {
      WiFi.scan({}, (item) => {
        // The list ends with null.
        if (item) heard(item.ssid, item.rssi, item.authentication === "none");
        else done();
      });
    } catch {
      // A scan is under way, or the station is joining: what was heard before stays.
      done();
    }
  }

  /** The box's own address, as dotted text. */
  get address(): string {
    const lease = chip.lease();
    return lease === undefined ? "0.0.0.0" : dotted(new Uint8Array(lease), 0);
  }

  /** Received signal strength in dBm; 0 when not joined. */
  get rssi(): number {
    return this.joined ? Net.get("RSSI") : 0;
  }

  private close(): void {
    this.wifi?.close();
    this.wifi = undefined;
    this.joined = false;
  }

  /** For the driver's messages. */
  notify(message: string, reason: number | undefined): void {
    if (this.wifi === undefined) return;
    switch (message) {
      case WiFi.gotIP:
        if (this.joined) return;
        this.joined = true;
        this.handler.onJoined(this.address);
        return;
      case WiFi.connected:
        if (!this.joined) this.handler.onAssociated();
        return;
      case WiFi.disconnected:
        if (!this.joined && ((now() - this.startedAt) | 0) < 60) return;
        this.fail(reason === -1 ? "wrong password" : "access point not found");
        return;
      case WiFi.lostIP:
        this.fail("no address from the router");
        return;
      default:
        return;
    }
  }

  private fail(why: string): void {
    if (this.joined) {
      this.joined = false;
      this.handler.onLost();
      return;
    }
    this.handler.onJoinFailed(why);
  }
}

/** A driver's object, which keeps a property given to it: a closure for each join would take seven slots. */
interface Notifying {
  target: WiFiStation;
}

function notified(this: Notifying, message: string, reason?: number): void {
  this.target.notify(message, reason);
}

/** `AA:BB:CC:DD:EE:FF` as 6 bytes. */
function bytesOf(text: string): ArrayBuffer {
  const bytes = new Uint8Array(6);
  for (let i = 0; i < 6; i += 1) bytes[i] = Number(`0x${text.substring(3 * i, 3 * i + 2)}`);
  return bytes.buffer;
}
