// UDP in the virtual network: ports that boards have bound, ports of phones and computers outside, and the one packet
// that gets from one to the other, or does not. Faults and latency are the network's.

import type { Board } from "./board.js";
import type { Host } from "./host.js";
import type { Datagram, Direction } from "./network.js";

/** What this needs of the network around it. */
export interface DatagramCarrier {
  /** Carries a packet; perhaps it never arrives. */
  carry(direction: Direction, passes: () => boolean, arrive: () => void): void;
  passes(board: Board, local: string, remote: string): boolean;
}

type Receiver = (datagram: Datagram) => void;

export class VirtualDatagrams {
  readonly #carrier: DatagramCarrier;
  readonly #boards = new WeakMap<Board, Map<number, Receiver>>();
  readonly #outside = new Map<string, Receiver>();

  constructor(carrier: DatagramCarrier) {
    this.#carrier = carrier;
  }

  /** A board's port, until the function that this gives is called or the boot ends. */
  bind(host: Host, port: number, receive: Receiver): () => void {
    const ports = this.#boards.get(host.board) ?? new Map<number, Receiver>();
    this.#boards.set(host.board, ports);
    ports.set(port, receive);
    const end = (): void => {
      if (ports.get(port) === receive) ports.delete(port);
    };
    host.onEnd(end);
    return end;
  }

  /** A port outside, until the function that this gives is called. */
  open(address: string, port: number, receive: Receiver): () => void {
    const key = `${address}:${port}`;
    if (this.#outside.has(key)) throw new Error(`somebody receives at ${key} already, close that first`);
    this.#outside.set(key, receive);
    return () => {
      if (this.#outside.get(key) === receive) this.#outside.delete(key);
    };
  }

  fromBoard(board: Board, port: number, remote: string, to: number, bytes: Uint8Array): void {
    const local = board.airspace.radioOn(board)?.localAddressFor(remote);
    if (local === undefined) return;
    const datagram = { address: local, port, bytes: bytes.slice() };
    const passes = (): boolean => this.#carrier.passes(board, local, remote);
    this.#carrier.carry("up", passes, () => this.#outside.get(`${remote}:${to}`)?.(datagram));
  }

  toBoard(
    board: Board,
    way: { readonly local: string; readonly remote: string },
    port: number,
    to: number,
    bytes: Uint8Array,
  ): void {
    const datagram = { address: way.remote, port, bytes: bytes.slice() };
    const passes = (): boolean => this.#carrier.passes(board, way.local, way.remote);
    this.#carrier.carry("down", passes, () => this.#boards.get(board)?.get(to)?.(datagram));
  }
}
