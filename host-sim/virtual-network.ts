// A network of its own on one clock: boards reach listeners (the model broker) through their radio, with latency, and
// every fault can be ordered: silence, refusal, RST, delay, small fragments, a cut before any byte. The same calls give
// the same bytes at the same times. What TCP makes of it is in virtual-link.ts and virtual-lane.ts.

import type { Board } from "./board.js";
import type { Clock } from "./clock.js";
import type { Host } from "./host.js";
import { IncomingLink, type VirtualCaller } from "./incoming-link.js";
import { LwIP, parseAddress } from "./lwip.js";
import type {
  Binding,
  Closable,
  Connection,
  ConnectionEvents,
  Datagram,
  Direction,
  ListenEvents,
  Network,
  Tapped,
  Traffic,
} from "./network.js";
import { OutgoingLink } from "./outgoing-link.js";
import type { Radio } from "./radio.js";
import type { Random } from "./random.js";
import { softAddress, softSubnet } from "./soft-access-point.js";
import { VirtualDatagrams } from "./virtual-datagrams.js";
import type { Admission } from "./virtual-lane.js";
import type { LinkCarrier, VirtualLink, VirtualPeer } from "./virtual-link.js";

export type { VirtualCaller, VirtualPeer };

export interface VirtualNetworkOptions {
  /** One way, ms; 5 when missing. */
  latencyMs?: number;
  /** Needed only when packets are to be lost by chance. */
  random?: Random;
}

/** A port outside the boards. */
export interface OpenPort extends Closable {
  /** Sends a datagram to a port of a board; nobody knows whether it arrives. */
  send(board: Board, port: number, bytes: Uint8Array): void;
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
  /** Addresses where something has listened: there is a machine, which refuses what nobody listens to. */
  readonly #machines = new Set<string>();
  readonly #listeners = new Map<string, (peer: VirtualPeer) => void>();
  readonly #names = new Map<string, string>();
  readonly #links = new Set<VirtualLink>();
  readonly #hosts = new WeakMap<VirtualLink, Host>();
  readonly #boardListeners = new WeakMap<Board, Map<number, { host: Host; events: ListenEvents }>>();
  readonly #datagrams: VirtualDatagrams;
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
    this.#datagrams = new VirtualDatagrams({
      carry: (direction, passes, arrive) => this.#carryDatagram(direction, passes, arrive),
      passes: (board, local, remote) => !this.#blackHoles.has(remote) && carries(board, local, remote),
    });
  }

  /** How many connections have an end that is alive. */
  get connections(): number {
    return this.#links.size;
  }

  // The boards' side.

  connect(from: Host, address: string, port: number, events: ConnectionEvents): Connection {
    const local = radioOf(from).localAddressFor(address) ?? "0.0.0.0";
    const number = ++this.#connections;
    const ends = { number, board: from.board, local, remote: address, remotePort: port, port };
    return new OutgoingLink(this.#carrier, from, ends, events);
  }

  resolve(from: Host, name: string, callback: (address: string | undefined) => void): void {
    let isOpen = true;
    const answer = (address: string | undefined): void => {
      if (!isOpen || !from.alive) return;
      isOpen = false;
      callback(address);
    };
    const literal = parseAddress(name);
    const server = radioOf(from).lease?.nameServer;
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
      // The router is the only name server in this world.
      const passes = (): boolean =>
        radioOf(from).passes(server) && server === radioOf(from).accessPoint?.router && !this.#blackHoles.has(server);
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

  bind(from: Host, port: number, onDatagram: (datagram: Datagram) => void): Binding {
    const end = this.#datagrams.bind(from, port, onDatagram);
    return {
      send: (address, to, bytes) => this.#datagrams.fromBoard(from.board, port, address, to, bytes),
      close: end,
    };
  }

  #listenOn(host: Host, port: number, events: ListenEvents): Closable {
    const listening = { host, events };
    const ofBoard = this.#boardListeners.get(host.board) ?? new Map<number, typeof listening>();
    this.#boardListeners.set(host.board, ofBoard);
    ofBoard.set(port, listening);
    const unlisten = this.#announce(host, port);
    const close = (): void => {
      unlisten();
      if (ofBoard.get(port) === listening) ofBoard.delete(port);
    };
    host.onEnd(close);
    return { close };
  }

  /** Tells when a phone can reach the port: as long as the board has an access point of its own. */
  #announce(host: Host, port: number): () => void {
    const radio = radioOf(host);
    let isShown = false;
    const follow = (): void => {
      const isOpen = radio.softAccessPoint !== undefined;
      if (isOpen === isShown) return;
      isShown = isOpen;
      host.emit({ type: "listening", protocol: "tcp", port, address: softAddress, local: isOpen ? port : undefined });
    };
    const unlisten = radio.onPath(follow);
    follow();
    return () => {
      unlisten();
      if (isShown) host.emit({ type: "listening", protocol: "tcp", port, address: softAddress, local: undefined });
      isShown = false;
    };
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

  // The servers' side, and the phones'.

  /**
   * Accepts connections from now on; gives the function that ends it (connections stay). From then on nobody listening
   * there means refusal; an address where nobody has ever listened, but a router's, does not answer. Throws when
   * somebody listens there. With a host in place of an address: see Network.
   */
  listen(address: string, port: number, accept: (peer: VirtualPeer) => void): () => void;
  listen(from: Host, port: number, events: ListenEvents): Closable;
  listen(at: string | Host, port: number, then: ((peer: VirtualPeer) => void) | ListenEvents): (() => void) | Closable {
    if (typeof at !== "string") return this.#listenOn(at, port, then as ListenEvents);
    return this.#serve(at, port, then as (peer: VirtualPeer) => void);
  }

  /**
   * Opens a connection to a board: from an address of a station on its own access point (192.168.4.2 and up), or from
   * any other one through the network that it has joined. What comes of it is told in later turns.
   */
  dial(board: Board, from: string, port: number): VirtualCaller {
    const number = ++this.#connections;
    const local = addressFor(board, from);
    const ends = { number, board, local, remote: from, remotePort: 32_768 + (number % 28_000), port };
    const link = new IncomingLink(this.#carrier, ends);
    this.#links.add(link);
    return link.caller;
  }

  /**
   * Receives the datagrams to an address and port outside the boards, and sends such to a board, until `close`. Throws
   * when somebody does already.
   */
  openPort(address: string, port: number, onDatagram: (datagram: Datagram) => void): OpenPort {
    const close = this.#datagrams.open(address, port, onDatagram);
    return {
      close,
      send: (board, to, bytes) =>
        this.#datagrams.toBoard(board, { local: addressFor(board, address), remote: address }, port, to, bytes),
    };
  }

  #serve(address: string, port: number, accept: (peer: VirtualPeer) => void): () => void {
    const key = `${address}:${port}`;
    if (this.#listeners.has(key)) throw new Error(`somebody listens at ${key} already, close that first`);
    this.#listeners.set(key, accept);
    this.#machines.add(address);
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

  /**
   * All present connections fall silent for ever; neither end is told.
   * @param address only those with a peer there; all of them when missing.
   */
  halfOpen(address?: string): void {
    for (const link of this.#links) {
      if (address === undefined || link.remoteAddress === address) link.isSilent = true;
    }
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
      hasMachine: (address) => this.#machines.has(address) || address.endsWith(".1"),
      listener: (address, port) => this.#listeners.get(`${address}:${port}`),
      boardListener: (board, port) => this.#boardListeners.get(board)?.get(port),
      boardOpens: (link, host) => {
        this.#links.add(link);
        this.#hosts.set(link, host);
        this.#linksOf(host).add(link);
      },
      admit: (direction, bytes) => this.#admit(direction, bytes),
      heard: (link, type, direction, bytes) => this.#heard(link, type, direction, bytes),
      boardGone: (link) => {
        const host = this.#hosts.get(link);
        if (host !== undefined) this.#linksOfHosts.get(host)?.delete(link);
      },
      forget: (link) => this.#links.delete(link),
    };
  }

  /** Datagrams get lost, are held and come late like other packets, but nobody sends them again. */
  #carryDatagram(direction: Direction, passes: () => boolean, arrive: () => void): void {
    if ((this.lossRate > 0 && (this.#random?.next() ?? 0) < this.lossRate) || (direction === "up" && !passes())) return;
    const arrived = (): void => {
      if (this.#held[direction]) this.#parked[direction].push(arrived);
      else if (direction === "up" || passes()) arrive();
    };
    this.clock.schedule(this.latencyMs, arrived);
  }

  #carry(link: VirtualLink, direction: Direction, arrive: () => void): void {
    const isLost = this.lossRate > 0 && (this.#random?.next() ?? 0) < this.lossRate;
    // Packets to a board meet its radio at the end of their way, packets from it at the beginning.
    if (isLost || (direction === "up" && !this.#passes(link))) return;
    const gap = this.#fragmentBytes === undefined ? 0 : fragmentGapMs;
    // Between two looks at a clock of real time it may have gone on.
    const { now } = this.clock;
    const at = Math.max(now + this.latencyMs, link.lastArrival[direction] + gap);
    link.lastArrival[direction] = at;
    this.clock.schedule(at - now, () => this.#arrive(link, direction, arrive));
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
    return carries(link.board, link.localAddress, link.remoteAddress);
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
    const { number: connection, board, port } = link;
    const traffic = { at: this.clock.now, chipId: board.chipId, connection, port, type, direction, bytes };
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

/** The address of a board that a caller uses. */
function addressFor(board: Board, from: string): string {
  if (from.startsWith(softSubnet)) return softAddress;
  return board.airspace.radioOn(board)?.address ?? "0.0.0.0";
}

/** Whether a board is on the air now, perhaps in a later boot, with that address, and packets pass. */
function carries(board: Board, local: string, remote: string): boolean {
  return board.airspace.radioOn(board)?.carries(local, remote) === true;
}

function radioOf(host: Host): Radio {
  return host.board.airspace.radioFor(host);
}
