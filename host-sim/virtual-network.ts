// A network of its own on one clock: boards reach listeners (the model broker) through their radio, with latency, and
// every fault can be ordered: silence, refusal, RST, delay, small fragments, a cut before any byte. The same calls give
// the same bytes at the same times. What TCP makes of it is in virtual-link.ts and virtual-lane.ts.

import type { Clock } from "./clock.js";
import type { Host } from "./host.js";
import { LwIP, parseAddress } from "./lwip.js";
import type { Connection, ConnectionEvents, Direction, Network, Tapped, Traffic } from "./network.js";
import type { Radio } from "./radio.js";
import type { Random } from "./random.js";
import type { Admission } from "./virtual-lane.js";
import { type LinkCarrier, VirtualLink, type VirtualPeer } from "./virtual-link.js";

export type { VirtualPeer };

export interface VirtualNetworkOptions {
  /** One way, ms; 5 when missing. */
  latencyMs?: number;
  /** Needed only when packets are to be lost by chance. */
  random?: Random;
}

/** An ordered cut. */
export interface Cut {
  /** The action has run. */
  readonly fired: boolean;
  /** Bytes that have arrived in its direction since it was armed. */
  readonly counted: number;
  cancel(): void;
}

/** Between fragments, so that the receiver handles one before the next comes, ms. */
const fragmentGapMs = 0.01;

export class VirtualNetwork implements Network, Tapped {
  /** One way, ms. */
  latencyMs: number;
  /** Part of the packets that are lost, from 0 to 1. */
  lossRate = 0;
  readonly clock: Clock;
  readonly #random: Random | undefined;
  readonly #listeners = new Map<string, (peer: VirtualPeer) => void>();
  readonly #names = new Map<string, string>();
  readonly #links = new Set<VirtualLink>();
  readonly #linksOfHosts = new WeakMap<Host, Set<VirtualLink>>();
  readonly #taps = new Set<(traffic: Traffic) => void>();
  readonly #cuts = new Set<ArmedCut>();
  readonly #blackHoles = new Set<string>();
  readonly #held: Record<Direction, boolean> = { up: false, down: false };
  readonly #parked: Record<Direction, (() => void)[]> = { up: [], down: [] };
  readonly #carrier: LinkCarrier;
  #fragmentBytes: number | undefined;
  #connections = 0;

  constructor(clock: Clock, options: VirtualNetworkOptions = {}) {
    this.clock = clock;
    this.latencyMs = options.latencyMs ?? 5;
    this.#random = options.random;
    this.#carrier = this.#makeCarrier();
  }

  /** How many connections have an end that is alive. */
  get connections(): number {
    return this.#links.size;
  }

  // The boards' side.

  connect(from: Host, address: string, port: number, events: ConnectionEvents): Connection {
    const local = radioOf(from).address ?? "0.0.0.0";
    const link = new VirtualLink(this.#carrier, ++this.#connections, from, local, address, port, events);
    this.#links.add(link);
    this.#linksOf(from).add(link);
    return link;
  }

  resolve(from: Host, name: string, callback: (address: string | undefined) => void): void {
    let isOpen = true;
    const answer = (address: string | undefined): void => {
      if (!isOpen || !from.alive) return;
      isOpen = false;
      callback(address);
    };
    const literal = parseAddress(name);
    const server = radioOf(from).accessPoint?.router;
    // Without a name server lwIP's query fails at once; a name that is too long is refused.
    if (literal !== undefined || server === undefined || name === "" || name.length >= LwIP.dnsName) {
      this.clock.schedule(0, () => answer(literal));
      return;
    }
    const ask = (query: number): void => {
      if (!isOpen || !from.alive) return;
      if (query === LwIP.dnsQueries) {
        answer(undefined);
        return;
      }
      const passes = (): boolean => radioOf(from).passes(server) && !this.#blackHoles.has(server);
      if (passes()) {
        this.clock.schedule(2 * this.latencyMs, () => {
          if (passes()) answer(this.#names.get(name.toLowerCase()));
        });
      }
      // After 1, 1, 2 and 3 ticks (dns_check_entry).
      this.clock.schedule(LwIP.dnsTickMs * Math.max(1, query), () => ask(query + 1));
    };
    ask(0);
  }

  /** The connections that end with this boot of a board. */
  #linksOf(host: Host): Set<VirtualLink> {
    let links = this.#linksOfHosts.get(host);
    if (links === undefined) {
      const made = new Set<VirtualLink>();
      links = made;
      this.#linksOfHosts.set(host, made);
      host.onEnd(() => {
        for (const link of [...made]) link.vanish();
      });
    }
    return links;
  }

  // The servers' side.

  /**
   * Accepts connections from now on; gives the function that ends it (connections stay). Nobody listening means
   * refusal. Throws when somebody listens there.
   */
  listen(address: string, port: number, accept: (peer: VirtualPeer) => void): () => void {
    const key = `${address}:${port}`;
    if (this.#listeners.has(key)) throw new Error(`somebody listens at ${key} already, close that first`);
    this.#listeners.set(key, accept);
    return () => {
      if (this.#listeners.get(key) === accept) this.#listeners.delete(key);
    };
  }

  /** Makes a name resolvable; undefined makes it unknown again. */
  name(name: string, address: string | undefined): void {
    if (address === undefined) this.#names.delete(name.toLowerCase());
    else this.#names.set(name.toLowerCase(), address);
  }

  // Watching.

  onTraffic(listener: (traffic: Traffic) => void): () => void {
    this.#taps.add(listener);
    return () => this.#taps.delete(listener);
  }

  // Faults.

  /**
   * Cuts the stream before a byte, counted over all connections from now on, 0 being the next one: the bytes before it
   * arrive, then the action runs, and what is left of that packet is lost. Once. When nothing is done about it, TCP
   * sends the rest again.
   */
  cutAt(at: { direction: Direction; byte: number }, action: () => void): Cut {
    const cut = new ArmedCut(at.direction, at.byte, action, () => this.#cuts.delete(cut));
    this.#cuts.add(cut);
    return cut;
  }

  /** From now on data is delivered in pieces of so many bytes, each on its own; undefined ends it. */
  fragment(bytes: number | undefined): void {
    if (bytes !== undefined && (!Number.isInteger(bytes) || bytes < 1)) {
      throw new RangeError(`a fragment has a whole number of bytes from 1, not ${bytes}`);
    }
    this.#fragmentBytes = bytes;
  }

  /** Keeps every packet of a direction back, acknowledgements included, until `release`. */
  hold(direction: Direction): void {
    this.#held[direction] = true;
  }

  /** Lets go what was kept back, in order. */
  release(direction: Direction): void {
    this.#held[direction] = false;
    for (const arrive of this.#parked[direction].splice(0)) this.clock.schedule(0, arrive);
  }

  /** All present connections fall silent for ever; neither end is told. */
  halfOpen(): void {
    for (const link of this.#links) link.isSilent = true;
  }

  /** All present connections are reset at both ends. */
  dropConnections(): void {
    for (const link of [...this.#links]) link.drop();
  }

  /** Packets to and from an address are lost, without an answer, until it is switched off again. */
  blackHole(address: string, on = true): void {
    if (on) this.#blackHoles.add(address);
    else this.#blackHoles.delete(address);
  }

  // What the links need.

  #makeCarrier(): LinkCarrier {
    const network = this;
    return {
      clock: this.clock,
      get packetBytes() {
        return Math.min(LwIP.segment, network.#fragmentBytes ?? LwIP.segment);
      },
      get roundTripMs() {
        return 2 * network.latencyMs;
      },
      passes: (link) => this.#passes(link),
      carry: (link, direction, arrive) => this.#carry(link, direction, arrive),
      listener: (address, port) => this.#listeners.get(`${address}:${port}`),
      admit: (direction, bytes) => this.#admit(direction, bytes),
      heard: (link, type, direction, bytes) => this.#heard(link, type, direction, bytes),
      boardGone: (link) => this.#linksOfHosts.get(link.host)?.delete(link),
      forget: (link) => this.#links.delete(link),
    };
  }

  #carry(link: VirtualLink, direction: Direction, arrive: () => void): void {
    const isLost = this.lossRate > 0 && (this.#random?.next() ?? 0) < this.lossRate;
    // Packets to a board meet its radio at the end of their way, packets from it at the beginning.
    if (isLost || (direction === "up" && !this.#passes(link))) return;
    const gap = this.#fragmentBytes === undefined ? 0 : fragmentGapMs;
    const at = Math.max(this.clock.now + this.latencyMs, link.lastArrival[direction] + gap);
    link.lastArrival[direction] = at;
    this.clock.schedule(at - this.clock.now, () => this.#arrive(link, direction, arrive));
  }

  #arrive(link: VirtualLink, direction: Direction, arrive: () => void): void {
    if (this.#held[direction]) {
      this.#parked[direction].push(() => this.#arrive(link, direction, arrive));
      return;
    }
    if (link.isSilent || this.#blackHoles.has(link.remoteAddress)) return;
    if (direction === "down" && !this.#passes(link)) return;
    arrive();
  }

  /**
   * Whether the board of a link is on the air now, perhaps in a later boot, with the address that the link began with.
   */
  #passes(link: VirtualLink): boolean {
    if (link.isSilent || this.#blackHoles.has(link.remoteAddress)) return false;
    const radio = link.host.board.airspace.radioOn(link.host.board);
    return radio !== undefined && radio.address === link.localAddress && radio.passes(link.remoteAddress);
  }

  #admit(direction: Direction, bytes: Uint8Array): Admission {
    let count = bytes.byteLength;
    for (const cut of this.#cuts) if (cut.direction === direction) count = Math.min(count, cut.left);
    const firing: ArmedCut[] = [];
    for (const cut of this.#cuts) {
      if (cut.direction !== direction) continue;
      if (cut.left < bytes.byteLength && cut.left === count) firing.push(cut);
      cut.counted += count;
    }
    if (firing.length === 0) return { count, afterwards: undefined };
    return {
      count,
      afterwards: () => {
        for (const cut of firing) cut.fire();
      },
    };
  }

  #heard(link: VirtualLink, type: Traffic["type"], direction: Direction, bytes: Uint8Array): void {
    if (this.#taps.size === 0) return;
    const { number: connection, host } = link;
    const traffic = { at: this.clock.now, chipId: host.board.chipId, connection, type, direction, bytes };
    for (const tap of [...this.#taps]) tap(traffic);
  }
}

class ArmedCut implements Cut {
  readonly direction: Direction;
  fired = false;
  counted = 0;
  readonly #byte: number;
  readonly #action: () => void;
  readonly #remove: () => void;

  constructor(direction: Direction, byte: number, action: () => void, remove: () => void) {
    if (!Number.isInteger(byte) || byte < 0) throw new RangeError(`a cut is at a whole byte from 0, not at ${byte}`);
    this.direction = direction;
    this.#byte = byte;
    this.#action = action;
    this.#remove = remove;
  }

  /** How many bytes may still pass. */
  get left(): number {
    return this.#byte - this.counted;
  }

  fire(): void {
    this.cancel();
    this.fired = true;
    this.#action();
  }

  cancel(): void {
    this.#remove();
  }
}

function radioOf(host: Host): Radio {
  return host.board.airspace.radioFor(host);
}
