// What can be wrong with the way from the home to the world, switched on and off while connections are open: the link
// of each connection (real-link.ts) asks it for every segment. It knows of MQTT only where packets begin, so that a
// packet of one kind can be lost; it knows neither sockets nor boards.

import type { Clock } from "./clock.js";
import type { FaultName } from "./page/details.js";

/** The faults of FAULTS that are on the way, and not in a board or in the access point. */
export const WIRE_FAULTS = Object.freeze(["broker-refuses", "slow-network", "half-open", "lost-pubcomp"] as const);

export type WireFault = Extract<FaultName, (typeof WIRE_FAULTS)[number]>;

/** How long a segment takes each way on a slow network, ms. */
export const slowMs = 500;

/** Control packet types [MQTT-2.2.1]. */
export const PacketType = Object.freeze({ CONNECT: 1, PUBCOMP: 7 } as const);

/** CONNACK without a session, return code 5: not authorised (the standard's table 3.1). */
export const refusal: readonly number[] = Object.freeze([0x20, 2, 0, 5]);

/**
 * `half-open` is a router that has lost its table of connections: what belongs to one that it knew passes no more, in
 * either direction and for good, and nobody is told. (An outage after which TCP goes on is the Wi-Fi's switch.) As long
 * as it is on, new connections find no way either. `broker-refuses` is an answer in the broker's place: the real one
 * sees a connection that says nothing and ends, so what it keeps of the box is as if it had refused by itself.
 */
export class WireFaults {
  readonly #on = new Set<WireFault>();
  readonly #silenced = new Set<() => void>();

  has(fault: WireFault): boolean {
    return this.#on.has(fault);
  }

  set(fault: WireFault, on: boolean): void {
    if (on === this.#on.has(fault)) return;
    if (on) this.#on.add(fault);
    else this.#on.delete(fault);
    if (fault === "half-open" && on) for (const listener of [...this.#silenced]) listener();
  }

  /** How long a segment that leaves now takes, ms. */
  get delayMs(): number {
    return this.#on.has("slow-network") ? slowMs : 0;
  }

  /** Hears that nothing passes any more on connections that are open now; gives the function that ends it. */
  onSilence(listener: () => void): () => void {
    this.#silenced.add(listener);
    return () => this.#silenced.delete(listener);
  }
}

/** One direction of a connection: what leaves later never arrives earlier, also when the delay changes. */
export class Delay {
  readonly #clock: Clock;
  #last = 0;
  #inFlight = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `arrive` after that delay: at once when there is none and nothing is in flight. */
  carry(delayMs: number, arrive: () => void): void {
    if (delayMs === 0 && this.#inFlight === 0) {
      arrive();
      return;
    }
    const { now } = this.#clock;
    this.#last = Math.max(this.#last, now + delayMs);
    this.#inFlight += 1;
    this.#clock.schedule(this.#last - now, () => {
      this.#inFlight -= 1;
      arrive();
    });
  }
}

/** Follows one direction of an MQTT connection by the lengths of its packets, and keeps none of them. */
export class PacketWalk {
  /** Packets that have passed as a whole. */
  whole = 0;
  #left = 0;
  /** Bytes of the remaining length seen so far; undefined between packets and within a packet's body. */
  #lengthBytes: number | undefined;

  /** Where in these bytes the first packet of this type begins; with its first byte the walk is over. */
  feed(bytes: Uint8Array, type?: number): number | undefined {
    let at = 0;
    while (at < bytes.byteLength) {
      if (this.#left > 0 && this.#lengthBytes === undefined) {
        const part = Math.min(this.#left, bytes.byteLength - at);
        at += part;
        this.#left -= part;
        if (this.#left === 0) this.whole += 1;
        continue;
      }
      const byte = bytes[at] ?? 0;
      if (this.#lengthBytes === undefined) {
        if (byte >> 4 === type) return at;
        this.#lengthBytes = 0;
      } else {
        this.#left += (byte & 127) * 128 ** this.#lengthBytes;
        this.#lengthBytes += 1;
        // At most four bytes (the standard's section 2.2.3).
        if (byte < 128 || this.#lengthBytes === 4) {
          this.#lengthBytes = undefined;
          if (this.#left === 0) this.whole += 1;
        }
      }
      at += 1;
    }
    return undefined;
  }
}
