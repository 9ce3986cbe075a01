// The radio, over `wifi` and `net`. Hides that one callback carries every message, that the SDK goes on reconnecting by
// itself after a failure, that "disconnect" comes with a number when the password is wrong, and that messages of a
// connection given up may still be on their way.

import Net from "net";
import WiFi from "wifi";

export interface WiFiHandler {
  /** An address was obtained, as dotted text. */
  onJoined(address: string): void;
  /** Joining failed for a reason that a person understands. Call `join` or `leave` next. */
  onJoinFailed(why: string): void;
  /** A joined network was lost. Call `join` or `leave` next. */
  onLost(): void;
}

/** The driver passes a second argument with "disconnect" (modwifi.c): -1 when authentication failed, else 0. */
type Notify = (message: string, reason?: number) => void;

export class WiFiStation {
  private readonly _handler: WiFiHandler;
  private _wifi: WiFi | undefined;
  private _joined = false;

  constructor(handler: WiFiHandler) {
    this._handler = handler;
  }

  /** Starts to join; ends with one of the handler's calls. `password` empty means an open network. */
  join(ssid: string, password: string): void {
    this._close();
    const notify: Notify = (message, reason) => this._notify(message, reason);
    this._wifi = new WiFi(password === "" ? { ssid } : { ssid, password }, notify);
  }

  /** Gives up the network or the attempt. Nothing is called any more. */
  leave(): void {
    if (this._wifi === undefined) return;
    this._close();
    WiFi.disconnect();
  }

  /** Opens an access point without a password, for the setup. */
  openAccessPoint(ssid: string): void {
    this.leave();
    WiFi.accessPoint({ ssid });
  }

  closeAccessPoint(): void {
    WiFi.mode = WiFi.Mode.station;
  }

  /** Received signal strength in dBm; 0 when not joined. */
  get rssi(): number {
    return this._joined ? Net.get("RSSI") : 0;
  }

  private _close(): void {
    this._wifi?.close();
    this._wifi = undefined;
    this._joined = false;
  }

  private _notify(message: string, reason: number | undefined): void {
    if (this._wifi === undefined) return;
    switch (message) {
      case WiFi.gotIP:
        if (this._joined) return;
        this._joined = true;
        this._handler.onJoined(Net.get("IP"));
        return;
      case WiFi.disconnected:
        if (this._joined) {
          this._joined = false;
          this._handler.onLost();
          return;
        }
        this._handler.onJoinFailed(reason === -1 ? "wrong password" : "access point not found");
        return;
      case WiFi.lostIP:
        if (!this._joined) {
          this._handler.onJoinFailed("no address from the router");
          return;
        }
        this._joined = false;
        this._handler.onLost();
        return;
      default:
        return;
    }
  }
}
