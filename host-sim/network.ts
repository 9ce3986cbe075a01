// What a board's TCP and UDP sockets and name look-ups run on. Two things implement it: VirtualNetwork (a world of its
// own on one clock, with faults) and RealNetwork (the sockets of this computer, any broker). The TCP module sees this
// interface only; what it knows of lwIP (send buffer, Nagle, windows) is in lwip.ts.

import type { Host } from "./host.js";

export interface Network {
  /**
   * Opens a connection for a board that has an address. Never calls back from inside this call. All of `events` come
   * one by one as the network sees them (an interrupt on the chip), none after the boot of `from` has ended.
   */
  connect(from: Host, address: string, port: number, events: ConnectionEvents): Connection;
  /**
   * Looks a name up. Calls back once, never from inside this call, with a dotted IPv4 address, or with undefined when
   * there is none or no answer came in time. A dotted address is its own answer. Does not call back after the boot has
   * ended.
   */
  resolve(from: Host, name: string, callback: (address: string | undefined) => void): void;
  /**
   * The board accepts connections to a port of all its addresses from now on, until `close` or the end of the boot. The
   * caller sees to it that a port is used once.
   */
  listen(from: Host, port: number, events: ListenEvents): Closable;
  /** The board sends and receives datagrams on a port of all its addresses, as above. */
  bind(from: Host, port: number, onDatagram: (datagram: Datagram) => void): Binding;
}

export interface Closable {
  /** Ends it. Harmless when called twice. */
  close(): void;
}

/** What a listening board is asked and told: in an interrupt, like the events of a connection. */
export interface ListenEvents {
  /** Whether a SYN is answered; otherwise it is ignored, and comes again. */
  mayOpen(): boolean;
  /** The handshake is complete: gives who hears what comes of the connection. */
  onAccept(connection: Connection): ConnectionEvents;
}

export interface Datagram {
  /** The sender's. */
  readonly address: string;
  readonly port: number;
  readonly bytes: Uint8Array;
}

export interface Binding extends Closable {
  /** Sends a copy; nobody knows whether it arrives. */
  send(address: string, port: number, bytes: Uint8Array): void;
}

/** What a connection tells its board. `onEnd` and `onError` are the last thing that it tells. */
export interface ConnectionEvents {
  onOpen(): void;
  /** Bytes in order, at most one segment; the receiver may keep them. */
  onData(bytes: Uint8Array): void;
  /** That many more bytes have reached the peer's TCP and were acknowledged. */
  onAcknowledged(count: number): void;
  /** The peer sent FIN: it will send nothing more. */
  onEnd(): void;
  /** Refused, reset, or given up after the last retransmission: the connection is gone. */
  onError(): void;
}

/** A board's end of one connection. Nothing here throws; after the connection is gone nothing has an effect. */
export interface Connection {
  /** The peer's address, dotted. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Sends one segment: 1 to 1460 bytes, copied. The sender keeps within its own send buffer. */
  write(bytes: Uint8Array): void;
  /** The board has read so many of the bytes of `onData`: the window of 5840 bytes opens for the peer again. */
  consumed(count: number): void;
  /**
   * FIN after what was written, then RST: the SDK closes and at once aborts (modLwipSafe.h, tcp_close_safe), so nothing
   * is sent a second time if it is lost, and data that still comes in is answered with RST. No event follows.
   */
  close(): void;
  /**
   * RST at once; what the peer has not got yet is lost (lwIP closes so while received data is unread). No event
   * follows.
   */
  abort(): void;
  /** The board lost power, was reset or sleeps: nothing more is sent, the peer sees silence. No event follows. */
  vanish(): void;
}

/** `up`: from the board; `down`: to the board. */
export type Direction = "up" | "down";

/** One piece of traffic, as the packet view shows it. */
export interface Traffic {
  /** ms of the clock. */
  readonly at: number;
  /** Chip id of the board. */
  readonly chipId: number;
  /** Numbers the connections of a network, from 1. */
  readonly connection: number;
  /** The server's port: the broker's, or for connections to the board its own. */
  readonly port: number;
  /** `data` has bytes; `up` is counted when it arrives at the peer, `down` when it arrives at the board. */
  readonly type: "open" | "data" | "end" | "reset";
  readonly direction: Direction;
  readonly bytes: Uint8Array;
}

/** A network that can be listened to. */
export interface Tapped {
  /** Hears all traffic from now on; gives the function that ends it. */
  onTraffic(listener: (traffic: Traffic) => void): () => void;
}

export { RealNetwork } from "./real-network.js";
export { VirtualNetwork, type VirtualPeer } from "./virtual-network.js";
