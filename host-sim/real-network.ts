// The network of this computer behind a board's TCP sockets, so that firmware talks to any real broker. The board's
// radio still decides: without Wi-Fi nothing passes in either direction until it is back. A board that loses its power
// leaves its socket open and silent, as the real one does, until the other side closes it. What one socket does is in
// real-link.ts.

import { lookup } from "node:dns";
import type { Host } from "./host.js";
import { LwIP, parseAddress } from "./lwip.js";
import type { Connection, ConnectionEvents, Network, Tapped, Traffic } from "./network.js";
import { type LinkOwner, RealLink } from "./real-link.js";

/** How long a name without an answer takes, ms: four queries of lwIP. */
const nameTimeoutMs = 7 * LwIP.dnsTickMs;

export class RealNetwork implements Network, Tapped {
  readonly #taps = new Set<(traffic: Traffic) => void>();
  readonly #links = new Set<RealLink>();
  readonly #linksOfHosts = new WeakMap<Host, Set<RealLink>>();
  #connections = 0;

  /** How many sockets are open, silent ones included. */
  get connections(): number {
    return this.#links.size;
  }

  connect(from: Host, address: string, port: number, events: ConnectionEvents): Connection {
    const number = ++this.#connections;
    const ofHost = this.#linksOf(from);
    const owner: LinkOwner = {
      heard: (type, direction, bytes) => {
        const traffic = { at: from.clock.now, chipId: from.board.chipId, connection: number, type, direction, bytes };
        for (const tap of [...this.#taps]) tap(traffic);
      },
      boardGone: (link) => ofHost.delete(link),
      closed: (link) => this.#links.delete(link),
    };
    const link = new RealLink(owner, from, address, port, events);
    this.#links.add(link);
    ofHost.add(link);
    return link;
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
    const server = radio.accessPoint?.router;
    if (literal !== undefined || server === undefined || name === "" || name.length >= LwIP.dnsName) {
      answer(0, literal);
    } else if (!radio.passes(server)) {
      answer(nameTimeoutMs, undefined);
    } else {
      lookup(name, { family: 4 }, (error, address) => answer(0, error === null ? address : undefined));
    }
  }

  onTraffic(listener: (traffic: Traffic) => void): () => void {
    this.#taps.add(listener);
    return () => this.#taps.delete(listener);
  }

  /** Destroys all sockets, also those of boards that vanished, so that the process may end. */
  close(): void {
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
