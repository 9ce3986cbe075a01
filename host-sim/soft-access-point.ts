// The access point that a board makes itself, and the stations on it: phones. It has no radio of its own: it beacons on
// the channel that the board's one radio is on, is silent while that radio searches elsewhere, and drags its stations
// along when the station part joins on another channel. Knows neither TCP nor firmware; radio.ts tells it where it is.

import type { Clock } from "./clock.js";
import { RadioTimes, type SoftConfig } from "./radio-terms.js";

/** The SDK's fixed address of it (`wifi_get_ip_info(SOFTAP_IF)`), and the first three numbers of its stations' ones. */
export const softAddress = "192.168.4.1";
export const softSubnet = "192.168.4.";

/** A station's end: what a phone holds. */
export interface SoftStation {
  /** The address that the box's DHCP server gave it. */
  readonly address: string;
  /** False while it looks for the access point on another channel, and for ever when that was closed. */
  readonly isAssociated: boolean;
  /** Goes away. */
  leave(): void;
}

class Member implements SoftStation {
  readonly address: string;
  isAssociated = true;
  readonly #members: Set<Member>;

  constructor(address: string, members: Set<Member>) {
    this.address = address;
    this.#members = members;
    members.add(this);
  }

  leave(): void {
    this.isAssociated = false;
    this.#members.delete(this);
  }
}

/**
 * open ─radio elsewhere→ silent ─radio back→ open;  open or silent ─other channel→ stations search ─follow→ associated
 * any ─close→ closed
 */
export class SoftAccessPoint {
  readonly config: SoftConfig;
  readonly #clock: Clock;
  readonly #changed: () => void;
  readonly #members = new Set<Member>();
  readonly #addresses = new Map<string, string>();
  #channel: number;
  #isOpen = true;
  #isOnAir = true;

  /** @param changed called when packets begin or cease to pass. */
  constructor(clock: Clock, config: SoftConfig, changed: () => void) {
    this.#clock = clock;
    this.config = config;
    this.#channel = config.channel;
    this.#changed = changed;
  }

  get ssid(): string {
    return this.config.ssid;
  }

  /** The channel that it beacons on. */
  get channel(): number {
    return this.#channel;
  }

  /** How many stations are associated, `wifi_softap_get_station_num`. */
  get stations(): number {
    let count = 0;
    for (const member of this.#members) if (member.isAssociated) count += 1;
    return count;
  }

  /** Whether stations hear it now. */
  get isOnAir(): boolean {
    return this.#isOpen && this.#isOnAir;
  }

  /** The radio has gone to another channel for a while, or has come back. */
  set isOnAir(on: boolean) {
    if (this.#isOnAir === on) return;
    this.#isOnAir = on;
    this.#changed();
  }

  /**
   * A station joins: undefined when the access point cannot be heard, the password is another, or it is full. The same
   * MAC gets the same address.
   */
  admit(mac: string, password: string): SoftStation | undefined {
    if (!this.isOnAir || password !== this.config.password || this.#members.size >= this.config.limit) return undefined;
    let address = this.#addresses.get(mac);
    if (address === undefined) {
      address = `${softSubnet}${2 + this.#addresses.size}`;
      this.#addresses.set(mac, address);
    }
    return new Member(address, this.#members);
  }

  /** Whether packets pass between the access point and a station's address now. */
  carries(address: string): boolean {
    if (!this.isOnAir) return false;
    for (const member of this.#members) if (member.address === address) return member.isAssociated;
    return false;
  }

  /**
   * It beacons on another channel from now on. Its stations are told nothing that they would hear (the SDK's
   * announcement of the switch does not work: esp8266/Arduino #4322), so each has to find it again.
   */
  moveTo(channel: number): void {
    if (channel === this.#channel) return;
    this.#channel = channel;
    for (const member of this.#members) {
      member.isAssociated = false;
      this.#find(member, channel);
    }
    this.#changed();
  }

  /** Ends it. Stations do not come back by themselves. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const member of this.#members) member.isAssociated = false;
    this.#members.clear();
    this.#changed();
  }

  #find(member: Member, channel: number, afterMs: number = RadioTimes.follow): void {
    this.#clock.schedule(afterMs, () => {
      if (!this.#members.has(member) || channel !== this.#channel) return;
      if (!this.isOnAir) {
        this.#find(member, channel, RadioTimes.lookAgain);
        return;
      }
      member.isAssociated = true;
      this.#changed();
    });
  }
}
