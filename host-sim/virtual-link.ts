// One TCP connection of the virtual network: the board's end (what network.ts promises), the server's end
// (VirtualPeer), and between them the handshake, two lanes, FIN and RST. An end that is gone answers what still comes
// in with RST, as a rebooted board does; when the board cannot be reached, nobody answers and the peer's connection
// stays half-open.

import type { Clock, Scheduled } from "./clock.js";
import type { Host } from "./host.js";
import { LwIP } from "./lwip.js";
import type { Connection, ConnectionEvents, Direction, Traffic } from "./network.js";
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
  /** Who accepts connections there, if anyone. */
  listener(address: string, port: number): ((peer: VirtualPeer) => void) | undefined;
  admit(direction: Direction, bytes: Uint8Array): Admission;
  heard(link: VirtualLink, type: Traffic["type"], direction: Direction, bytes: Uint8Array): void;
  /** The board's end is gone. */
  boardGone(link: VirtualLink): void;
  /** Both ends are gone. */
  forget(link: VirtualLink): void;
}

const nothing = new Uint8Array(0);

export class VirtualLink implements Connection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly number: number;
  readonly host: Host;
  /** Last arrival in each direction, ms, so that packets keep their order. */
  readonly lastArrival = { up: 0, down: 0 };
  /** Nothing passes any more, and nobody is told. */
  isSilent = false;
  readonly #carrier: LinkCarrier;
  readonly #events: ConnectionEvents;
  readonly #up: Lane;
  readonly #down: Lane;
  readonly #peer: PeerEnd;
  #board: "opening" | "open" | "gone" = "opening";
  #server: "none" | "accepting" | "open" | "gone" = "none";
  #accept: ((peer: VirtualPeer) => void) | undefined;
  #synTimer: Scheduled | undefined;
  #synTries = 0;

  constructor(
    carrier: LinkCarrier,
    number: number,
    host: Host,
    local: string,
    remote: string,
    port: number,
    events: ConnectionEvents,
  ) {
    this.#carrier = carrier;
    this.#events = events;
    this.number = number;
    this.host = host;
    this.localAddress = local;
    this.remoteAddress = remote;
    this.remotePort = port;
    this.#peer = new PeerEnd(this);
    this.#up = new Lane(this.#laneCarrier("up"), this.#upEnds(), boardRetries, Number.POSITIVE_INFINITY);
    this.#down = new Lane(this.#laneCarrier("down"), this.#downEnds(), serverRetries, LwIP.receiveWindow);
    this.#sendSyn();
  }

  /** Whether the server's end is still there. */
  get isServed(): boolean {
    return this.#server === "open";
  }

  get isReachable(): boolean {
    return this.#board === "open" && this.#up.isIdle && this.#carrier.passes(this);
  }

  // The board's end.

  write(bytes: Uint8Array): void {
    if (this.#board === "open") this.#up.send(bytes);
  }

  consumed(count: number): void {
    if (this.#board === "open") this.#down.consumed(count);
  }

  close(): void {
    if (this.#board === "gone") return;
    const wasOpen = this.#board === "open";
    if (wasOpen) this.#up.end();
    this.#boardGoes();
    // While it is opening, lwIP forgets the connection in silence and answers a late SYN-ACK with RST.
    if (wasOpen) this.#resetUp();
  }

  abort(): void {
    if (this.#board === "gone") return;
    this.#boardGoes();
    this.#resetUp();
  }

  vanish(): void {
    if (this.#board !== "gone") this.#boardGoes();
  }

  // The server's end.

  serverWrites(bytes: Uint8Array): void {
    if (this.#server === "open") this.#down.send(bytes);
  }

  serverCloses(): void {
    if (this.#server !== "open") return;
    this.#down.end();
    this.#up.stopReceiving();
    this.#server = "gone";
    if (this.#board === "gone") this.#carrier.forget(this);
  }

  serverResets(): void {
    if (this.#server === "gone") return;
    this.#serverGoes();
    this.#resetDown();
  }

  /** A box in between answers both sides with RST. */
  drop(): void {
    this.#carrier.clock.schedule(0, () => {
      this.#boardFails();
      this.#serverFails();
    });
  }

  // Opening.

  #sendSyn(): void {
    this.#carrier.carry(this, "up", () => this.#synArrived());
    if (this.#synTries === LwIP.synRetries) {
      this.#synTimer = this.#carrier.clock.schedule(LwIP.slowTickMs, () => this.#boardFails());
      return;
    }
    this.#synTries += 1;
    this.#synTimer = this.#carrier.clock.schedule(LwIP.synRetryMs, () => this.#sendSyn());
  }

  #synArrived(): void {
    if (this.#server === "none") {
      this.#accept = this.#carrier.listener(this.remoteAddress, this.remotePort);
      if (this.#accept === undefined) {
        this.#carrier.carry(this, "down", () => this.#boardFails());
        return;
      }
      this.#server = "accepting";
    }
    if (this.#server === "accepting") this.#carrier.carry(this, "down", () => this.#synAckArrived());
  }

  #synAckArrived(): void {
    if (this.#board === "gone") {
      this.#resetUp();
      return;
    }
    if (this.#board === "opening") {
      this.#board = "open";
      this.#synTimer?.cancel();
      this.#carrier.heard(this, "open", "up", nothing);
      this.#events.onOpen();
    }
    this.#carrier.carry(this, "up", () => this.#accepted());
  }

  #accepted(): void {
    if (this.#server !== "accepting") return;
    this.#server = "open";
    this.#accept?.(this.#peer);
  }

  // Ending.

  /** RST from the board. What the peer has not got by then it never gets. */
  #resetUp(): void {
    this.#carrier.carry(this, "up", () => {
      // After FIN the server knows that the board is gone; RST only clears the rest.
      if (this.#up.endSeen) this.#serverGoes();
      else this.#serverFails();
    });
  }

  #resetDown(): void {
    this.#carrier.carry(this, "down", () => this.#boardFails());
  }

  #boardGoes(): void {
    this.#board = "gone";
    this.#synTimer?.cancel();
    this.#up.stopSending();
    this.#down.stopReceiving();
    this.#carrier.boardGone(this);
    if (this.#server === "none" || this.#server === "gone") this.#carrier.forget(this);
  }

  #boardFails(): void {
    if (this.#board === "gone") return;
    this.#boardGoes();
    this.#carrier.heard(this, "reset", "down", nothing);
    this.#events.onError();
  }

  #serverGoes(): void {
    if (this.#server === "gone") return;
    this.#server = "gone";
    this.#down.stopSending();
    this.#up.stopReceiving();
    if (this.#board === "gone") this.#carrier.forget(this);
  }

  #serverFails(): void {
    if (this.#server === "gone" || this.#server === "none") return;
    const wasOpen = this.#server === "open";
    this.#serverGoes();
    this.#carrier.heard(this, "reset", "up", nothing);
    if (wasOpen) this.#peer.onError();
  }

  // The lanes.

  #upEnds(): LaneEnds {
    return {
      onStray: () => this.#resetDown(),
      onData: (bytes) => {
        // Data acknowledges the SYN-ACK as well, should the ACK itself have been lost.
        this.#accepted();
        this.#carrier.heard(this, "data", "up", bytes);
        this.#peer.onData(bytes);
      },
      onEnd: () => {
        this.#accepted();
        this.#carrier.heard(this, "end", "up", nothing);
        this.#peer.onEnd();
      },
      onAcknowledged: (count) => this.#events.onAcknowledged(count),
      onGivenUp: () => this.#boardFails(),
    };
  }

  #downEnds(): LaneEnds {
    return {
      onStray: () => this.#resetUp(),
      onData: (bytes) => {
        this.#carrier.heard(this, "data", "down", bytes);
        this.#events.onData(bytes);
      },
      onEnd: () => {
        this.#carrier.heard(this, "end", "down", nothing);
        this.#events.onEnd();
      },
      onAcknowledged: () => {},
      onGivenUp: () => this.#serverFails(),
    };
  }

  #laneCarrier(direction: Direction): LaneCarrier {
    const carrier = this.#carrier;
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
    return this.#link.host.board.chipId;
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
