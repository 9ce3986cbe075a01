// One TCP connection of the virtual network: the board's end (what network.ts promises), the peer's end (VirtualPeer),
// and between them two lanes, FIN and RST. An end that is gone answers what still comes in with RST, as a rebooted
// board does; when the board cannot be reached, nobody answers and the peer's connection stays half-open. Who opens it,
// and how, is in outgoing-link.ts and incoming-link.ts.

import type { Board } from "./board.js";
import type { Clock } from "./clock.js";
import type { Host } from "./host.js";
import { LwIP } from "./lwip.js";
import type { Connection, ConnectionEvents, Direction, ListenEvents, Traffic } from "./network.js";
import { type Admission, boardRetries, Lane, type LaneCarrier, type LaneEnds, serverRetries } from "./virtual-lane.js";

/** The other end of a board's connection: what a server gets to see. */
export interface VirtualPeer {
  /** The board's address. */
  readonly remoteAddress: string;
  /** Chip id of the board. */
  readonly chipId: number;
  /** Numbers the connections of a network, from 1. */
  readonly connection: number;
  /** False once it was closed or reset by either side. */
  readonly isOpen: boolean;
  /**
   * For judges, a real server cannot know: the board's end is there, on the air, and nothing that it sent is still on
   * its way, so that silence is the firmware's own.
   */
  readonly isReachable: boolean;
  onData: (bytes: Uint8Array) => void;
  /** FIN: the board will send nothing more. */
  onEnd: () => void;
  /** RST, or given up after the last retransmission. Nothing follows. */
  onError: () => void;
  write(bytes: Uint8Array): void;
  /** FIN after what was written; nothing is heard any more. */
  close(): void;
  /** RST at once; nothing is heard any more. */
  reset(): void;
}

/** What a link needs of its network. */
export interface LinkCarrier {
  readonly clock: Clock;
  readonly packetBytes: number;
  readonly roundTripMs: number;
  passes(link: VirtualLink): boolean;
  carry(link: VirtualLink, direction: Direction, arrive: () => void): void;
  /** Which server accepts connections there, if any. */
  /** Whether anything at this address answers, be it by a refusal. */
  hasMachine(address: string): boolean;
  listener(address: string, port: number): ((peer: VirtualPeer) => void) | undefined;
  /** Which boot of a board accepts connections there, if any. */
  boardListener(board: Board, port: number): { readonly host: Host; readonly events: ListenEvents } | undefined;
  /** The board's end belongs to this boot from now on. */
  boardOpens(link: VirtualLink, host: Host): void;
  admit(direction: Direction, bytes: Uint8Array): Admission;
  heard(link: VirtualLink, type: Traffic["type"], direction: Direction, bytes: Uint8Array): void;
  /** The board's end is gone. */
  boardGone(link: VirtualLink): void;
  /** Both ends are gone. */
  forget(link: VirtualLink): void;
}

export const nothing = new Uint8Array(0);

/** What both kinds of connections have to know of where they begin and end. */
export interface LinkAddress {
  readonly number: number;
  readonly board: Board;
  readonly local: string;
  readonly remote: string;
  /** The peer's port as the board sees it. */
  readonly remotePort: number;
  /** The port that is listened on. */
  readonly port: number;
}

/** `none`: this end has not heard of the connection yet. */
export type End = "none" | "opening" | "open" | "gone";

/** none ─SYN→ opening ─handshake→ open ─close, reset, given up→ gone, at each end by itself. */
export abstract class VirtualLink implements Connection {
  readonly board: Board;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly number: number;
  /** The port of the one who was called. */
  readonly port: number;
  /** Last arrival in each direction, ms, so that packets keep their order. */
  readonly lastArrival = { up: 0, down: 0 };
  /** Nothing passes any more, and nobody is told. */
  isSilent = false;
  protected readonly carrier: LinkCarrier;
  protected events: ConnectionEvents | undefined;
  protected boardEnd: End;
  protected peerEnd: End;
  protected readonly peer: PeerEnd;
  readonly #up: Lane;
  readonly #down: Lane;

  constructor(carrier: LinkCarrier, address: LinkAddress, boardEnd: End, peerEnd: End) {
    this.carrier = carrier;
    this.number = address.number;
    this.board = address.board;
    this.localAddress = address.local;
    this.remoteAddress = address.remote;
    this.remotePort = address.remotePort;
    this.port = address.port;
    this.boardEnd = boardEnd;
    this.peerEnd = peerEnd;
    this.peer = new PeerEnd(this);
    this.#up = new Lane(this.#laneCarrier("up"), this.#upEnds(), boardRetries, Number.POSITIVE_INFINITY);
    this.#down = new Lane(this.#laneCarrier("down"), this.#downEnds(), serverRetries, LwIP.receiveWindow);
  }

  /** Data has come in at an end: it completes the handshake there, should the ACK itself have been lost. */
  protected abstract confirm(direction: Direction): void;
  /** An end is gone: its part of the opening ends. */
  protected abstract stopOpening(): void;

  /** Whether the peer's end is still there. */
  get isServed(): boolean {
    return this.peerEnd === "open";
  }

  get isReachable(): boolean {
    return this.boardEnd === "open" && this.#up.isIdle && this.carrier.passes(this);
  }

  // The board's end.

  write(bytes: Uint8Array): void {
    if (this.boardEnd === "open") this.#up.send(bytes);
  }

  consumed(count: number): void {
    if (this.boardEnd === "open") this.#down.consumed(count);
  }

  close(): void {
    if (this.boardEnd === "gone") return;
    const wasOpen = this.boardEnd === "open";
    if (wasOpen) this.#up.end();
    this.boardGoes();
    // While it is opening, lwIP forgets the connection in silence and answers a late SYN-ACK with RST.
    if (wasOpen) this.resetUp();
  }

  abort(): void {
    if (this.boardEnd === "gone") return;
    this.boardGoes();
    this.resetUp();
  }

  vanish(): void {
    if (this.boardEnd !== "gone") this.boardGoes();
  }

  // The peer's end, mostly a server's.

  serverWrites(bytes: Uint8Array): void {
    if (this.peerEnd === "open") this.#down.send(bytes);
  }

  serverCloses(): void {
    if (this.peerEnd === "opening") this.serverGoes();
    if (this.peerEnd !== "open") return;
    this.#down.end();
    this.#up.stopReceiving();
    this.peerEnd = "gone";
    if (this.boardEnd === "gone") this.carrier.forget(this);
  }

  serverResets(): void {
    if (this.peerEnd === "gone") return;
    this.serverGoes();
    this.resetDown();
  }

  /** A box in between answers both sides with RST. */
  drop(): void {
    this.carrier.clock.schedule(0, () => {
      this.boardFails();
      this.serverFails();
    });
  }

  // Ending.

  /** RST from the board. What the peer has not got by then it never gets. */
  protected resetUp(): void {
    this.carrier.carry(this, "up", () => {
      // After FIN the server knows that the board is gone; RST only clears the rest.
      if (this.#up.endSeen) this.serverGoes();
      else this.serverFails();
    });
  }

  protected resetDown(): void {
    this.carrier.carry(this, "down", () => this.boardFails());
  }

  protected boardGoes(): void {
    this.boardEnd = "gone";
    this.stopOpening();
    this.#up.stopSending();
    this.#down.stopReceiving();
    this.carrier.boardGone(this);
    if (this.peerEnd === "none" || this.peerEnd === "gone") this.carrier.forget(this);
  }

  protected boardFails(): void {
    if (this.boardEnd === "gone") return;
    this.boardGoes();
    this.carrier.heard(this, "reset", "down", nothing);
    this.events?.onError();
  }

  protected serverGoes(): void {
    if (this.peerEnd === "gone") return;
    this.peerEnd = "gone";
    this.stopOpening();
    this.#down.stopSending();
    this.#up.stopReceiving();
    if (this.boardEnd === "none" || this.boardEnd === "gone") this.carrier.forget(this);
  }

  protected serverFails(): void {
    if (this.peerEnd === "gone" || this.peerEnd === "none") return;
    const wasOpen = this.peerEnd === "open";
    this.serverGoes();
    this.carrier.heard(this, "reset", "up", nothing);
    this.peerFailed(wasOpen);
  }

  /** The peer's end has failed. A server has not heard of a connection that was not open yet. */
  protected peerFailed(wasOpen: boolean): void {
    if (wasOpen) this.peer.onError();
  }

  // The lanes.

  #upEnds(): LaneEnds {
    return {
      onStray: () => this.resetDown(),
      onData: (bytes) => {
        this.confirm("up");
        this.carrier.heard(this, "data", "up", bytes);
        this.peer.onData(bytes);
      },
      onEnd: () => {
        this.confirm("up");
        this.carrier.heard(this, "end", "up", nothing);
        this.peer.onEnd();
      },
      onAcknowledged: (count) => this.events?.onAcknowledged(count),
      onGivenUp: () => this.boardFails(),
    };
  }

  #downEnds(): LaneEnds {
    return {
      onStray: () => this.resetUp(),
      onData: (bytes) => {
        this.confirm("down");
        this.carrier.heard(this, "data", "down", bytes);
        this.events?.onData(bytes);
      },
      onEnd: () => {
        this.confirm("down");
        this.carrier.heard(this, "end", "down", nothing);
        this.events?.onEnd();
      },
      onAcknowledged: () => {},
      onGivenUp: () => this.serverFails(),
    };
  }

  #laneCarrier(direction: Direction): LaneCarrier {
    const carrier = this.carrier;
    const back: Direction = direction === "up" ? "down" : "up";
    return {
      clock: carrier.clock,
      carry: (arrive) => carrier.carry(this, direction, arrive),
      carryBack: (arrive) => carrier.carry(this, back, arrive),
      get packetBytes() {
        return carrier.packetBytes;
      },
      get roundTripMs() {
        return carrier.roundTripMs;
      },
      admit: (bytes) => carrier.admit(direction, bytes),
    };
  }
}

class PeerEnd implements VirtualPeer {
  onData: (bytes: Uint8Array) => void = () => {};
  onEnd: () => void = () => {};
  onError: () => void = () => {};
  readonly #link: VirtualLink;

  constructor(link: VirtualLink) {
    this.#link = link;
  }

  get remoteAddress(): string {
    return this.#link.localAddress;
  }

  get chipId(): number {
    return this.#link.board.chipId;
  }

  get connection(): number {
    return this.#link.number;
  }

  get isOpen(): boolean {
    return this.#link.isServed;
  }

  get isReachable(): boolean {
    return this.#link.isReachable;
  }

  write(bytes: Uint8Array): void {
    this.#link.serverWrites(bytes);
  }

  close(): void {
    this.#link.serverCloses();
  }

  reset(): void {
    this.#link.serverResets();
  }
}
