// The network of this computer behind a board's TCP sockets, so that firmware talks to any real broker. The board's
// radio still decides: without Wi-Fi nothing passes in either direction until it is back. A board that loses its power
// leaves its socket open and silent, as the real one does, until the other side closes it. What one socket does is in
// real-link.ts; how a board's own ports are reached from here, in real-port.ts.

import { lookup } from "node:dns";
import type { Board } from "./board.js";
import type { Host } from "./host.js";
import { LwIP, parseAddress } from "./lwip.js";
import type {
  Binding,
  Closable,
  Connection,
  ConnectionEvents,
  Datagram,
  ListenEvents,
  Network,
  Tapped,
  Traffic,
} from "./network.js";
import { type LinkOwner, RealLink } from "./real-link.js";
import { RealBinding, RealListener } from "./real-port.js";
import { WireFaults } from "./wire-faults.js";

/** Ports that are tried after the first. */
const portsToTry = 100;

/** How long a name without an answer takes, ms: four queries of lwIP. */
const nameTimeoutMs = 7 * LwIP.dnsTickMs;

export interface RealNetworkOptions {
  /**
   * The port of 127.0.0.1 on which a port of a board appears while the board's access point is open; 0 means any free
   * one, and so does a missing function. The board tells the port by an event, `listening`.
   */
  localPort?: (board: Board, port: number) => number;
  /** Whether one of the next ports will do for TCP when that one is in use. */
  nextFree?: boolean;
  /** What is wrong on the way to the world; nothing when missing. */
  faults?: WireFaults;
}

export class RealNetwork implements Network, Tapped {
  readonly #localPort: (board: Board, port: number) => number;
  readonly #nextFree: boolean;
  readonly #faults: WireFaults;
  readonly #ports = new Set<Closable>();
  readonly #taps = new Set<(traffic: Traffic) => void>();
  readonly #links = new Set<RealLink>();
  readonly #linksOfHosts = new WeakMap<Host, Set<RealLink>>();
  #connections = 0;

  constructor(options: RealNetworkOptions = {}) {
    this.#localPort = options.localPort ?? (() => 0);
    this.#nextFree = options.nextFree ?? false;
    this.#faults = options.faults ?? new WireFaults();
  }

  /** How many sockets are open, silent ones included. */
  get connections(): number {
    return this.#links.size;
  }

  connect(from: Host, address: string, port: number, events: ConnectionEvents): Connection {
    return this.#keep(from, new RealLink(this.#owner(from, port), from, address, port)).begin(events);
  }

  listen(from: Host, port: number, events: ListenEvents): Closable {
    const local = this.#localPort(from.board, port);
    const lastPort = this.#nextFree && local > 0 ? Math.min(local + portsToTry, 65_535) : local;
    const listener = new RealListener(from, port, local, lastPort, (socket, address) => {
      if (!events.mayOpen()) return false;
      const link = new RealLink(this.#owner(from, port), from, address, socket.remotePort ?? 0, socket);
      this.#keep(from, link).begin(events.onAccept(link));
      return true;
    });
    this.#keepPort(from, listener);
    return listener;
  }

  bind(from: Host, port: number, onDatagram: (datagram: Datagram) => void): Binding {
    const binding = new RealBinding(from, port, this.#localPort(from.board, port), onDatagram);
    this.#keepPort(from, binding);
    return binding;
  }

  /** For `close`; a port ends by itself with the boot. */
  #keepPort(host: Host, port: Closable): void {
    this.#ports.add(port);
    host.onEnd(() => this.#ports.delete(port));
  }

  #keep(host: Host, link: RealLink): RealLink {
    this.#links.add(link);
    this.#linksOf(host).add(link);
    return link;
  }

  #owner(from: Host, port: number): LinkOwner {
    const connection = ++this.#connections;
    return {
      faults: this.#faults,
      heard: (type, direction, bytes) => {
        const traffic = { at: from.clock.now, chipId: from.board.chipId, connection, port, type, direction, bytes };
        for (const tap of [...this.#taps]) tap(traffic);
      },
      boardGone: (link) => this.#linksOf(from).delete(link),
      closed: (link) => this.#links.delete(link),
    };
  }

  resolve(from: Host, name: string, callback: (address: string | undefined) => void): void {
    const { clock } = from;
    const answer = (delayMs: number, address: string | undefined): void => {
      clock.schedule(delayMs, () => {
        if (from.alive) callback(address);
      });
    };
    const literal = parseAddress(name);
    const radio = from.board.airspace.radioFor(from);
    const server = radio.lease?.nameServer;
    if (literal !== undefined || server === undefined || name === "" || name.length >= LwIP.dnsName) {
      answer(0, literal);
    } else if (!radio.passes(server) || server !== radio.accessPoint?.router) {
      answer(nameTimeoutMs, undefined);
    } else {
      lookup(name, { family: 4 }, (error, address) => {
        answer(2 * this.#faults.delayMs, error === null ? address : undefined);
      });
    }
  }

  onTraffic(listener: (traffic: Traffic) => void): () => void {
    this.#taps.add(listener);
    return () => this.#taps.delete(listener);
  }

  /**
   * Destroys all sockets, those that listen too and also those of boards that vanished, so that the process may end.
   */
  close(): void {
    for (const port of this.#ports) port.close();
    this.#ports.clear();
    for (const link of [...this.#links]) link.destroy();
  }

  /** The connections that end with this boot of a board. */
  #linksOf(host: Host): Set<RealLink> {
    let links = this.#linksOfHosts.get(host);
    if (links === undefined) {
      const made = new Set<RealLink>();
      links = made;
      this.#linksOfHosts.set(host, made);
      host.onEnd(() => {
        for (const link of [...made]) link.vanish();
      });
    }
    return links;
  }
}
