// The air: access points, and the radio of each board as the SDK's Wi-Fi station drives it. Times come from published
// measurements, named below. A radio lives for one boot; nothing of it survives a reset, because the firmware uses the
// SDK's `_current` calls only, which keep nothing in flash (modwifi.c). Knows nothing of TCP; the networks ask it
// whether packets pass.

import { AccessPoint, type AccessPointOptions } from "./access-point.js";
import type { Scheduled } from "./clock.js";
import type { Host } from "./host.js";

export { AccessPoint, type AccessPointOptions };

/** `WiFi.mode`: NULL_MODE, STATION_MODE, SOFTAP_MODE, STATIONAP_MODE of the SDK. */
export const RadioMode = Object.freeze({ none: 0, station: 1, accessPoint: 2, both: 3 } as const);

/** `wifi_station_get_connect_status()` of the SDK. */
export const StationStatus = Object.freeze({
  idle: 0,
  connecting: 1,
  wrongPassword: 2,
  noAccessPointFound: 3,
  failed: 4,
  gotIP: 5,
} as const);

export type StationStatus = (typeof StationStatus)[keyof typeof StationStatus];

/** The reasons that this simulator gives, numbers of the SDK's user_interface.h. */
export const DisconnectReason = Object.freeze({
  authenticationLeft: 3,
  associationLeft: 8,
  handshakeTimeout: 15,
  beaconTimeout: 200,
  noAccessPointFound: 201,
} as const);

/** Times of the radio, ms. */
export const RadioTimes = Object.freeze({
  /**
   * A search of one channel for a network that is known to be there: esp8266-wifi-timing, 197 ms for everything cached.
   */
  probe: 58,
  /** A search over 13 channels takes 2,080 ms: "scandone" comes about 2.1 s after the start in the SDK's log. */
  scanChannel: 160,
  /** 4,096 rounds of HMAC-SHA1 for the key from a passphrase: the 1,086 against 197 ms of esp8266-wifi-timing. */
  deriveKey: 889,
  /** Authentication and association. */
  associate: 40,
  /** The four-way handshake. */
  handshake: 80,
  /** hostapd gives up a handshake after 100 ms and three times 1 s (wpa_auth.c). */
  handshakeTimeout: 3_100,
  /** No beacon for so long and the station is lost: default inactive time of Espressif's SDKs. */
  beaconTimeout: 6_000,
  /** "reconnect after 1s" in the SDK's log: the station tries again by itself for ever (reconnect policy on). */
  retry: 1_000,
  /** DHCP without an answer. Not measured. */
  dhcpTimeout: 60_000,
} as const);

const channels = 13;

/** What `wifi_station_set_config_current` and `wifi_set_channel` are told. */
export interface StationConfig {
  readonly ssid: string;
  /** Passphrase, 64 hex digits, or empty. */
  readonly password: string;
  /** `aa:bb:cc:dd:ee:ff` when the station shall join this one only. */
  readonly bssid: string | undefined;
  readonly channel: number | undefined;
}

export type StationEvent =
  | { readonly type: "connected" }
  | { readonly type: "disconnected"; readonly reason: number }
  | { readonly type: "gotIP" }
  | { readonly type: "dhcpTimeout" };

export interface ScanResult {
  readonly ssid: string;
  readonly bssid: string;
  readonly channel: number;
  readonly rssi: number;
  readonly hidden: boolean;
  readonly open: boolean;
}

/** What `wifi_softap_set_config_current` is told. */
export interface SoftAccessPoint {
  readonly ssid: string;
  readonly password: string;
  readonly channel: number;
  readonly hidden: boolean;
}

/** Everything that boards can hear. */
export class Airspace {
  readonly accessPoints: AccessPoint[] = [];
  readonly #radios = new WeakMap<Host, Radio>();
  readonly #latest = new WeakMap<object, Radio>();

  constructor(...accessPoints: (AccessPoint | AccessPointOptions)[]) {
    for (const accessPoint of accessPoints) this.add(accessPoint);
  }

  /** Puts up an access point. */
  add(options: AccessPoint | AccessPointOptions): AccessPoint {
    const accessPoint = options instanceof AccessPoint ? options : new AccessPoint(options);
    this.accessPoints.push(accessPoint);
    return accessPoint;
  }

  /** The radio of this boot of a board: off until the firmware sets a mode. */
  radioFor(host: Host): Radio {
    let radio = this.#radios.get(host);
    if (radio === undefined) {
      radio = new Radio(host, this);
      this.#radios.set(host, radio);
      this.#latest.set(host.board, radio);
    }
    return radio;
  }

  /** The radio of the latest boot of a board that had one; undefined before the first. */
  radioOn(board: object): Radio | undefined {
    return this.#latest.get(board);
  }
}

/**
 * idle ─connect→ searching ─found→ joining ─key, association, handshake→ addressing ─lease→ online
 * searching ─not found (201)→ waiting;  joining ─wrong password (15)→ waiting;  waiting ─1 s→ searching
 * joining, addressing, online ─no beacon for 6 s (200), or deauthenticated (3)→ waiting
 * any ─disconnect→ idle (8 when it was searching or beyond)
 */
type State = "idle" | "searching" | "joining" | "addressing" | "online" | "waiting";

/** One board's radio during one boot. Methods have the names and effects of the SDK's `wifi_…` functions. */
export class Radio {
  readonly #host: Host;
  readonly #airspace: Airspace;
  readonly #listeners = new Set<(event: StationEvent) => void>();
  readonly #pathListeners = new Set<() => void>();
  #mode = 0;
  #state: State = "idle";
  #status: StationStatus = StationStatus.idle;
  #config: StationConfig | undefined;
  #channel = 1;
  #accessPoint: AccessPoint | undefined;
  #unlisten: (() => void) | undefined;
  #address: string | undefined;
  #keyOf: string | undefined;
  #timer: Scheduled | undefined;
  #beaconTimer: Scheduled | undefined;
  #scanTimer: Scheduled | undefined;
  #softAccessPoint: SoftAccessPoint | undefined;

  constructor(host: Host, airspace: Airspace) {
    this.#host = host;
    this.#airspace = airspace;
    host.onEnd(() => this.#silence());
  }

  get mode(): number {
    return this.#mode;
  }

  /** `wifi_set_opmode_current`: the radio draws current in every mode but none. */
  set mode(mode: number) {
    if (!Number.isInteger(mode) || mode < RadioMode.none || mode > RadioMode.both) return;
    if ((mode & RadioMode.station) === 0) this.disconnect();
    if ((mode & RadioMode.accessPoint) === 0) this.#softAccessPoint = undefined;
    this.#mode = mode;
    this.#host.board.radioOn = mode !== RadioMode.none;
  }

  /** `wifi_station_get_connect_status` */
  get status(): StationStatus {
    return this.#status;
  }

  get config(): StationConfig | undefined {
    return this.#config;
  }

  /** The access point that the station is associated with, as far as the station knows. */
  get accessPoint(): AccessPoint | undefined {
    return this.#state === "addressing" || this.#state === "online" ? this.#accessPoint : undefined;
  }

  /** `wifi_get_channel` */
  get channel(): number {
    return this.#channel;
  }

  /** The leased address while the station is online. */
  get address(): string | undefined {
    return this.#state === "online" ? this.#address : undefined;
  }

  /** The access point that this board makes itself. */
  get softAccessPoint(): SoftAccessPoint | undefined {
    return this.#softAccessPoint;
  }

  /** Espressif's prefix and the chip id, as chips of 2016 have it: `5c:cf:7f:00:16:76` for 5750. */
  get mac(): string {
    const digits = (this.#host.board.chipId & 0xffffff).toString(16).padStart(6, "0");
    return `5c:cf:7f:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`;
  }

  /** Whether a packet between this board and an address gets over the air now. */
  passes(address: string): boolean {
    return this.#host.alive && this.#state === "online" && this.#accessPoint?.isUp === true
      ? this.#accessPoint.reaches(address)
      : false;
  }

  /** Hears that the answer of `passes` may have changed, from now on; gives the function that ends it. */
  onPath(listener: () => void): () => void {
    this.#pathListeners.add(listener);
    return () => this.#pathListeners.delete(listener);
  }

  /** Hears the station's events as the SDK's event handler does, from now on; gives the function that ends it. */
  on(listener: (event: StationEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `wifi_station_set_config_current`, `wifi_set_channel`, `wifi_station_connect`. */
  connect(config: StationConfig): void {
    this.#leave();
    this.#config = config;
    if (config.channel !== undefined) this.#channel = config.channel;
    this.#search();
  }

  /** `wifi_station_disconnect`: the event comes when the station was at work, also in the middle of joining. */
  disconnect(): void {
    const atWork = this.#state !== "idle" && this.#state !== "waiting";
    this.#leave();
    this.#enter("idle", StationStatus.idle);
    if (atWork) this.#tell({ type: "disconnected", reason: DisconnectReason.associationLeft });
  }

  /**
   * `wifi_station_scan`: false when it cannot start, because one runs or the station is joining. A missing or zero
   * channel means all.
   */
  scan(channel: number | undefined, showHidden: boolean, done: (results: ScanResult[]) => void): boolean {
    if (this.#scanTimer !== undefined || this.#state === "searching" || this.#state === "joining") return false;
    const one = channel !== undefined && channel !== 0;
    const ms = RadioTimes.scanChannel * (one ? 1 : channels);
    this.#scanTimer = this.#host.clock.schedule(ms, () => {
      this.#scanTimer = undefined;
      const heard = this.#airspace.accessPoints.filter(
        (each) => each.isUp && (!one || each.channel === channel) && (showHidden || !each.hidden),
      );
      heard.sort((a, b) => b.rssi - a.rssi);
      done(heard.map(describe));
    });
    return true;
  }

  /** `wifi_softap_set_config_current` */
  open(config: SoftAccessPoint): void {
    this.#softAccessPoint = config;
    // One radio, one channel: the station's wins when it is associated.
    if (this.accessPoint === undefined) this.#channel = config.channel;
    this.#host.emit({ type: "wifi", word: "opened", detail: config.ssid });
  }

  #search(): void {
    const config = this.#config;
    if (config === undefined) return;
    this.#enter("searching", StationStatus.connecting);
    const found = this.#find(config);
    const known = config.channel !== undefined;
    const ms = known
      ? found === undefined
        ? RadioTimes.scanChannel
        : RadioTimes.probe
      : RadioTimes.scanChannel * channels;
    this.#after(ms, () => {
      // What counts is what is there at the end of the search.
      const accessPoint = this.#find(config);
      if (accessPoint === undefined) {
        this.#fail(StationStatus.noAccessPointFound, DisconnectReason.noAccessPointFound);
      } else {
        this.#join(config, accessPoint);
      }
    });
  }

  /** The strongest that fits. A wrong channel finds nothing, again and again: the caller must ask without it. */
  #find(config: StationConfig): AccessPoint | undefined {
    let best: AccessPoint | undefined;
    for (const each of this.#airspace.accessPoints) {
      if (!each.isUp || each.ssid !== config.ssid) continue;
      if (config.bssid !== undefined && each.bssid !== config.bssid) continue;
      if (config.channel !== undefined && each.channel !== config.channel) continue;
      // A station with a password does not join an open network of that name, nor the other way round.
      if ((each.password === "") !== (config.password === "")) continue;
      if (best === undefined || each.rssi > best.rssi) best = each;
    }
    return best;
  }

  #join(config: StationConfig, accessPoint: AccessPoint): void {
    this.#enter("joining", StationStatus.connecting);
    this.#channel = accessPoint.channel;
    this.#accessPoint = accessPoint;
    this.#unlisten = accessPoint.on((change) => this.#changed(change));
    if (!accessPoint.isUp) this.#changed("down");
    const isKey = config.password === "" || /^[0-9a-f]{64}$/i.test(config.password);
    const keyOf = `${config.ssid}\n${config.password}`;
    const deriveMs = isKey || this.#keyOf === keyOf ? 0 : RadioTimes.deriveKey;
    this.#after(deriveMs + RadioTimes.associate, () => {
      // The SDK keeps the key of the last network in RAM, so that a second join in the same boot is quicker.
      this.#keyOf = keyOf;
      if (accessPoint.password === "") return this.#joined(accessPoint);
      if (config.password !== accessPoint.password) {
        return this.#after(RadioTimes.handshakeTimeout, () =>
          this.#fail(StationStatus.wrongPassword, DisconnectReason.handshakeTimeout),
        );
      }
      this.#after(RadioTimes.handshake, () => this.#joined(accessPoint));
    });
  }

  #joined(accessPoint: AccessPoint): void {
    this.#enter("addressing", StationStatus.connecting);
    this.#tell({ type: "connected" });
    this.#lease(accessPoint);
  }

  #lease(accessPoint: AccessPoint): void {
    if (accessPoint.dhcpMs > RadioTimes.dhcpTimeout) {
      this.#after(RadioTimes.dhcpTimeout, () => {
        this.#tell({ type: "dhcpTimeout" });
        this.#lease(accessPoint);
      });
      return;
    }
    this.#after(accessPoint.dhcpMs, () => {
      // A router that is off answers nothing; the beacons decide what becomes of the station.
      if (!accessPoint.isUp) return this.#lease(accessPoint);
      this.#address = accessPoint.lease(this.mac);
      this.#enter("online", StationStatus.gotIP);
      this.#tell({ type: "gotIP" });
    });
  }

  #changed(change: "up" | "down" | "deauthenticated"): void {
    this.#beaconTimer?.cancel();
    this.#beaconTimer = undefined;
    this.#tellPath();
    switch (change) {
      case "up":
        return;
      case "down":
        this.#beaconTimer = this.#host.clock.schedule(RadioTimes.beaconTimeout, () =>
          this.#fail(StationStatus.noAccessPointFound, DisconnectReason.beaconTimeout),
        );
        return;
      case "deauthenticated":
        this.#fail(StationStatus.failed, DisconnectReason.authenticationLeft);
        return;
    }
  }

  #fail(status: StationStatus, reason: number): void {
    this.#leave();
    this.#enter("waiting", status);
    this.#after(RadioTimes.retry, () => this.#search());
    this.#tell({ type: "disconnected", reason });
  }

  /** Ends whatever the station does, in silence. */
  #leave(): void {
    this.#timer?.cancel();
    this.#beaconTimer?.cancel();
    this.#beaconTimer = undefined;
    this.#unlisten?.();
    this.#unlisten = undefined;
    this.#accessPoint = undefined;
    this.#address = undefined;
  }

  #enter(state: State, status: StationStatus): void {
    if (this.#state !== state) {
      this.#host.emit({
        type: "wifi",
        word: state,
        detail: state === "online" ? (this.#address ?? "") : (this.#config?.ssid ?? ""),
      });
    }
    this.#state = state;
    this.#status = status;
    this.#tellPath();
  }

  #tellPath(): void {
    for (const listener of [...this.#pathListeners]) listener();
  }

  #after(ms: number, callback: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#host.clock.schedule(ms, callback);
  }

  #tell(event: StationEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** The boot has ended: the radio is off, nobody hears of it. */
  #silence(): void {
    this.#listeners.clear();
    this.#pathListeners.clear();
    this.#leave();
    this.#scanTimer?.cancel();
    this.#scanTimer = undefined;
    this.#softAccessPoint = undefined;
    this.#state = "idle";
    this.#status = StationStatus.idle;
    this.#mode = RadioMode.none;
  }
}

function describe(accessPoint: AccessPoint): ScanResult {
  const { ssid, bssid, channel, rssi, hidden, password } = accessPoint;
  return { ssid: hidden ? "" : ssid, bssid, channel, rssi, hidden, open: password === "" };
}
