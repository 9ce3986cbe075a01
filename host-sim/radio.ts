// The air: access points, and the radio of each board as the SDK's Wi-Fi drives it: a station, an access point of its
// own, or both on one channel. A radio lives for one boot and begins switched off (main.cpp of the SDK); what outlives
// it is the station configuration that the board keeps (`keep`). Knows nothing of TCP; the networks ask it whether
// packets pass.

import { AccessPoint, type AccessPointOptions } from "./access-point.js";
import type { Scheduled } from "./clock.js";
import type { Host } from "./host.js";
import {
  DisconnectReason,
  type Lease,
  RadioMode,
  RadioTimes,
  type ScanResult,
  type SoftConfig,
  type StationConfig,
  type StationEvent,
  StationStatus,
} from "./radio-terms.js";
import { SoftAccessPoint, softAddress, softSubnet } from "./soft-access-point.js";

export * from "./radio-terms.js";
export { AccessPoint, type AccessPointOptions, SoftAccessPoint };

const channels = 13;

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
 * joining, addressing, online ─no beacon for 6 s (200): off, or on another channel; or deauthenticated (3)→ waiting
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
  #lease: Lease | undefined;
  #fixedLease: Lease | undefined;
  #keyOf: string | undefined;
  #timer: Scheduled | undefined;
  #beaconTimer: Scheduled | undefined;
  #scanTimer: Scheduled | undefined;
  #scanChannel: number | undefined;
  #softAccessPoint: SoftAccessPoint | undefined;

  constructor(host: Host, airspace: Airspace) {
    this.#host = host;
    this.#airspace = airspace;
    host.onEnd(() => this.#silence());
  }

  get mode(): number {
    return this.#mode;
  }

  /**
   * `wifi_set_opmode_current`: the radio draws current in every mode but none, also while it is idle (the SDK's sleep
   * type is NONE_SLEEP_T in modwifi.c). Throws in a boot whose radio was switched off by the deep sleep before it.
   */
  set mode(mode: number) {
    if (!Number.isInteger(mode) || mode < RadioMode.none || mode > RadioMode.both) return;
    if (mode !== RadioMode.none && !this.#host.board.hasRadio) {
      throw new Error("no radio in this boot: the deep sleep before it was told RF option 4, which switches it off");
    }
    if ((mode & RadioMode.station) === 0) this.disconnect();
    if ((mode & RadioMode.accessPoint) === 0) this.#close();
    this.#mode = mode;
    this.#host.board.radioOn = mode !== RadioMode.none;
  }

  /** `wifi_station_get_connect_status` */
  get status(): StationStatus {
    return this.#status;
  }

  /** `wifi_station_get_config`: what was set last, else what is kept. */
  get config(): StationConfig | undefined {
    return this.#config ?? this.#host.board.station?.config;
  }

  /** The access point that the station is associated with, as far as the station knows. */
  get accessPoint(): AccessPoint | undefined {
    return this.#state === "addressing" || this.#state === "online" ? this.#accessPoint : undefined;
  }

  /** `wifi_get_channel` */
  get channel(): number {
    return this.#channel;
  }

  /** What the station got from DHCP, or was told, while it is online. */
  get lease(): Lease | undefined {
    return this.#state === "online" ? this.#lease : undefined;
  }

  /** `wifi_get_ip_info`: a lease that was set shows at once, joined or not. */
  get shownLease(): Lease | undefined {
    return this.lease ?? ((this.#mode & RadioMode.station) !== 0 ? this.#fixedLease : undefined);
  }

  /** The station's address while it is online. */
  get address(): string | undefined {
    return this.lease?.address;
  }

  /** The access point that this board makes itself. */
  get softAccessPoint(): SoftAccessPoint | undefined {
    return this.#softAccessPoint;
  }

  /** The address that packets to `remote` leave from (`ip_route`); undefined when there is no way to it. */
  localAddressFor(remote: string): string | undefined {
    if (this.#softAccessPoint !== undefined && remote.startsWith(softSubnet)) return softAddress;
    return this.address;
  }

  /** Espressif's prefix and the chip id, as chips of 2016 have it: `5c:cf:7f:00:16:76` for 5750. */
  get mac(): string {
    const digits = (this.#host.board.chipId & 0xffffff).toString(16).padStart(6, "0");
    return `5c:cf:7f:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`;
  }

  /** Whether a packet between one of this board's addresses and another one gets over the air now. */
  carries(local: string, remote: string): boolean {
    if (!this.#host.alive) return false;
    if (local === softAddress) return this.#softAccessPoint?.carries(remote) === true;
    const lease = this.lease;
    const accessPoint = this.#accessPoint;
    if (lease?.address !== local || accessPoint === undefined || !this.#hears(accessPoint)) return false;
    // Nobody is told of a wrong address: whatever is sent to it goes nowhere, or to somebody else.
    if (!accessPoint.isAddressOf(local, this.mac)) return false;
    if (!sameNetwork(local, remote, lease.mask) && lease.gateway !== accessPoint.router) return false;
    return accessPoint.reaches(remote);
  }

  /** Whether a packet to an address leaves and arrives now. */
  passes(remote: string): boolean {
    const local = this.localAddressFor(remote);
    return local !== undefined && this.carries(local, remote);
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

  /**
   * `wifi_station_set_config_current`, `wifi_set_channel`, `wifi_station_connect`.
   * @param delayMs how long the CPU was busy in the same call before.
   */
  connect(config: StationConfig, delayMs = 0): void {
    this.#leave();
    this.#config = config;
    if (config.channel !== undefined) this.#tune(config.channel);
    this.#search(delayMs);
  }

  /**
   * `wifi_station_set_config`: keeps a configuration over power loss, unless it is kept already. Gives how long the CPU
   * is busy with it, ms.
   */
  keep(config: StationConfig): number {
    const { board } = this.#host;
    if (board.station !== undefined && sameStation(board.station.config, config)) return 0;
    this.#host.stall(RadioTimes.save);
    board.station = { config, hasKey: this.#keyOf === keyName(config) };
    return RadioTimes.save;
  }

  /** Erases what is kept. */
  forget(): void {
    if (this.#host.board.station === undefined) return;
    this.#host.stall(RadioTimes.save);
    this.#host.board.station = undefined;
  }

  /** `wifi_station_dhcpc_stop`, `wifi_set_ip_info`, `dns_setserver`: from the next join on. Undefined: DHCP. */
  useLease(lease: Lease | undefined): void {
    this.#fixedLease = lease;
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
    this.#scanChannel = one ? channel : undefined;
    this.#scanTimer = this.#host.clock.schedule(ms, () => {
      this.#scanTimer = undefined;
      this.#listen();
      const heard = this.#airspace.accessPoints.filter(
        (each) => each.isUp && (!one || each.channel === channel) && (showHidden || !each.hidden),
      );
      heard.sort((a, b) => b.rssi - a.rssi);
      done(heard.map(describe));
    });
    this.#listen();
    return true;
  }

  /** `wifi_softap_set_config_current` */
  open(config: SoftConfig): void {
    this.#close();
    // One radio, one channel: the station's wins when it is associated.
    if (this.accessPoint === undefined) this.#channel = config.channel;
    const own = { ...config, channel: this.#channel };
    this.#softAccessPoint = new SoftAccessPoint(this.#host.clock, own, () => this.#tellPath());
    this.#listen();
    this.#host.emit({ type: "wifi", word: "opened", detail: config.ssid });
    this.#tellPath();
  }

  #close(): void {
    const softAccessPoint = this.#softAccessPoint;
    if (softAccessPoint === undefined) return;
    this.#softAccessPoint = undefined;
    softAccessPoint.close();
    this.#host.emit({ type: "wifi", word: "closed", detail: softAccessPoint.ssid });
  }

  /** The radio goes to a channel, and the access point with it. It stays there when the station gives up. */
  #tune(channel: number): void {
    this.#channel = channel;
    this.#softAccessPoint?.moveTo(channel);
  }

  /** Whether the own access point can be heard depends on where the station part listens. */
  #listen(): void {
    const own = this.#softAccessPoint;
    if (own === undefined) return;
    const scans = this.#scanTimer !== undefined && this.#scanChannel !== own.channel;
    const searches = this.#state === "searching" && this.#config?.channel !== own.channel;
    own.isOnAir = !scans && !searches;
  }

  #search(delayMs = 0): void {
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
    this.#after(delayMs + ms, () => {
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
    this.#tune(accessPoint.channel);
    this.#accessPoint = accessPoint;
    this.#unlisten = accessPoint.on((change) => this.#changed(accessPoint, change === "deauthenticated"));
    if (!accessPoint.isUp) this.#changed(accessPoint, false);
    const isKey = config.password === "" || /^[0-9a-f]{64}$/i.test(config.password);
    const deriveMs = isKey || this.#hasKey(config) ? 0 : RadioTimes.deriveKey;
    this.#after(deriveMs + RadioTimes.associate, () => {
      this.#derived(config);
      if (accessPoint.password === "") return this.#joined(accessPoint);
      if (config.password !== accessPoint.password) {
        return this.#after(RadioTimes.handshakeTimeout, () =>
          this.#fail(StationStatus.wrongPassword, DisconnectReason.handshakeTimeout),
        );
      }
      this.#after(RadioTimes.handshake, () => this.#joined(accessPoint));
    });
  }

  /** The SDK has the key of the last network in RAM, and that of the kept one in flash. */
  #hasKey(config: StationConfig): boolean {
    const kept = this.#host.board.station;
    return this.#keyOf === keyName(config) || (kept?.hasKey === true && sameStation(kept.config, config));
  }

  #derived(config: StationConfig): void {
    this.#keyOf = keyName(config);
    const { board } = this.#host;
    if (board.station === undefined || board.station.hasKey || !sameStation(board.station.config, config)) return;
    board.station = { config: board.station.config, hasKey: true };
  }

  #joined(accessPoint: AccessPoint): void {
    this.#enter("addressing", StationStatus.connecting);
    this.#tell({ type: "connected" });
    if (this.#fixedLease === undefined) this.#askAddress(accessPoint);
    else this.#addressed(this.#fixedLease);
  }

  #addressed(lease: Lease): void {
    this.#lease = lease;
    this.#enter("online", StationStatus.gotIP);
    this.#tell({ type: "gotIP" });
  }

  #askAddress(accessPoint: AccessPoint): void {
    if (accessPoint.dhcpMs > RadioTimes.dhcpTimeout) {
      this.#after(RadioTimes.dhcpTimeout, () => {
        this.#tell({ type: "dhcpTimeout" });
        this.#askAddress(accessPoint);
      });
      return;
    }
    this.#after(accessPoint.dhcpMs, () => {
      // A router that is off or elsewhere answers nothing; the beacons decide what becomes of the station.
      if (!this.#hears(accessPoint)) return this.#askAddress(accessPoint);
      const { router } = accessPoint;
      const address = accessPoint.lease(this.mac);
      this.#addressed({ address, mask: "255.255.255.0", gateway: router, nameServer: router });
    });
  }

  /** Whether its beacons come in, and frames get through: it is on, and on the channel on which this radio listens. */
  #hears(accessPoint: AccessPoint): boolean {
    return accessPoint.isUp && accessPoint.channel === this.#channel;
  }

  #changed(accessPoint: AccessPoint, deauthenticated: boolean): void {
    this.#beaconTimer?.cancel();
    this.#beaconTimer = undefined;
    this.#tellPath();
    if (!this.#hears(accessPoint)) {
      this.#beaconTimer = this.#host.clock.schedule(RadioTimes.beaconTimeout, () =>
        this.#fail(StationStatus.noAccessPointFound, DisconnectReason.beaconTimeout),
      );
    } else if (deauthenticated) {
      this.#fail(StationStatus.failed, DisconnectReason.authenticationLeft);
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
    this.#lease = undefined;
  }

  #enter(state: State, status: StationStatus): void {
    if (this.#state !== state) {
      this.#host.emit({
        type: "wifi",
        word: state,
        detail: state === "online" ? (this.#lease?.address ?? "") : (this.#config?.ssid ?? ""),
      });
    }
    this.#state = state;
    this.#status = status;
    this.#listen();
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
    this.#close();
    this.#state = "idle";
    this.#status = StationStatus.idle;
    this.#mode = RadioMode.none;
  }
}

function describe(accessPoint: AccessPoint): ScanResult {
  const { ssid, bssid, channel, rssi, hidden, password } = accessPoint;
  return { ssid: hidden ? "" : ssid, bssid, channel, rssi, hidden, open: password === "" };
}

function keyName(config: StationConfig): string {
  return `${config.ssid}\n${config.password}`;
}

function sameStation(first: StationConfig, second: StationConfig): boolean {
  return keyName(first) === keyName(second) && first.bssid === second.bssid;
}

function sameNetwork(first: string, second: string, mask: string): boolean {
  return ((addressNumber(first) ^ addressNumber(second)) & addressNumber(mask)) === 0;
}

function addressNumber(address: string): number {
  let number = 0;
  for (const part of address.split(".")) number = (number << 8) | Number(part);
  return number;
}
