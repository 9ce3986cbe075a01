// One Wi-Fi access point with the router behind it: what a board's radio finds, joins and gets an address from. It can
// be switched off, moved to another channel or given another password in the middle of a run. Knows nothing of boards
// and clocks; the radio (radio.ts) keeps the times.

export interface AccessPointOptions {
  /** 1 to 32 bytes of UTF-8. */
  ssid: string;
  /** A passphrase of 8 to 63 characters, a key of 64 hex digits, or empty for an open network, which is the default. */
  password?: string;
  /** `aa:bb:cc:dd:ee:ff`; made from the SSID when missing. */
  bssid?: string;
  /** 1 to 13; 6 when missing. */
  channel?: number;
  /** What a board measures, dBm; -55 when missing. */
  rssi?: number;
  hidden?: boolean;
  /** From association to the lease, ms; infinite: the server never answers. 780 when missing. */
  dhcpMs?: number;
  /** First three numbers of its addresses; the router is .1, boards get .100 and up. "10.0.0" when missing. */
  subnet?: string;
  /** Whether packets to addresses outside the subnet get through; true when missing. */
  hasInternet?: boolean;
}

/**
 * softplus/esp8266-wifi-timing: 3,898 ms with SSID and password only against 1,086 ms with BSSID, channel and static
 * address. The search of 13 channels takes 2,022 of the difference (radio.ts), the lease the rest.
 */
const dhcpMs = 780;

/** `moved`: to another channel, without a word to the stations. */
type Change = "up" | "down" | "moved" | "deauthenticated";

/** Listens to a change of an access point. */
type Listener = (change: Change) => void;

export class AccessPoint {
  readonly ssid: string;
  password: string;
  bssid: string;
  channel: number;
  rssi: number;
  hidden: boolean;
  dhcpMs: number;
  hasInternet: boolean;
  readonly subnet: string;
  readonly #leases = new Map<string, string>();
  /** Addresses of devices that are not simulated. */
  readonly #others = new Set<string>();
  readonly #listeners = new Set<Listener>();
  #isUp = true;

  constructor(options: AccessPointOptions) {
    const length = new TextEncoder().encode(options.ssid).byteLength;
    if (length < 1 || length > 32) throw new RangeError(`an SSID has 1 to 32 bytes, "${options.ssid}" has ${length}`);
    this.ssid = options.ssid;
    this.password = options.password ?? "";
    this.bssid = (options.bssid ?? bssidOf(options.ssid)).toLowerCase();
    this.channel = options.channel ?? 6;
    this.rssi = options.rssi ?? -55;
    this.hidden = options.hidden ?? false;
    this.dhcpMs = options.dhcpMs ?? dhcpMs;
    this.subnet = options.subnet ?? "10.0.0";
    this.hasInternet = options.hasInternet ?? true;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** The address of the router, which is also the name server. */
  get router(): string {
    return `${this.subnet}.1`;
  }

  /** Switches it off as a power cut does: no frame tells the stations. */
  down(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#tell("down");
  }

  up(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#tell("up");
  }

  /** Sends every station a deauthentication frame, as a router does that restarts in good order; it stays up. */
  deauthenticate(): void {
    if (this.#isUp) this.#tell("deauthenticated");
  }

  /** Goes to another channel, as a router does that looks for a quiet one: stations on the old one hear it no more. */
  moveTo(channel: number): void {
    if (channel === this.channel) return;
    this.channel = channel;
    this.#tell("moved");
  }

  /** Asks for another password from now on, also those who are in: they have to join again. */
  changePassword(password: string): void {
    if (password === this.password) return;
    this.password = password;
    this.deauthenticate();
  }

  /** Gives a station its address: the same for the same MAC, as home routers do. */
  lease(mac: string): string {
    let address = this.#leases.get(mac);
    if (address === undefined || this.#others.has(address)) {
      if (this.#leases.size >= 150) throw new RangeError("this access point has no addresses left, 150 are leased");
      address = this.#freeAddress();
      this.#leases.set(mac, address);
    }
    return address;
  }

  /** A station is gone for good: its address is free. */
  release(mac: string): void {
    this.#leases.delete(mac);
  }

  /** This address belongs to another device now; the station that has it notices nothing, and gets another one next. */
  giveAway(address: string): void {
    this.#others.add(address);
  }

  /** Whether what is sent to an address comes to this station. */
  isAddressOf(address: string, mac: string): boolean {
    if (!address.startsWith(`${this.subnet}.`) || this.#others.has(address)) return false;
    for (const [other, leased] of this.#leases) if (leased === address && other !== mac) return false;
    return true;
  }

  #freeAddress(): string {
    const taken = new Set([...this.#others, ...this.#leases.values()]);
    for (let number = 100 + this.#leases.size; ; number++) {
      const address = `${this.subnet}.${number}`;
      if (!taken.has(address)) return address;
    }
  }

  /** Forgets all leases, as a router without memory does: the next ones begin after `skip` others. */
  forgetLeases(skip = 0): void {
    this.#leases.clear();
    for (let index = 0; index < skip; index++) this.lease(`other ${index}`);
  }

  /** Whether packets get from its stations to an address. */
  reaches(address: string): boolean {
    return this.hasInternet || address.startsWith(`${this.subnet}.`);
  }

  /** Hears of changes from now on; gives the function that ends it. */
  on(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(change: Change): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}

/** A locally administered address that depends on the SSID only. */
function bssidOf(ssid: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(ssid)) hash = Math.imul(hash ^ byte, 0x01000193);
  const digits = (hash >>> 0).toString(16).padStart(8, "0");
  return `02:ab:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}:${digits.slice(6, 8)}`;
}
