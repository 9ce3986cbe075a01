// A connection of the virtual network that somebody opens to a board: a phone on the board's own access point, or a
// computer in the network that its station has joined. The SYN finds whatever boot of the board listens when it
// arrives; a board with all its connections in use ignores it, and it comes again.

import type { Scheduled } from "./clock.js";
import type { Host } from "./host.js";
import type { Direction, ListenEvents } from "./network.js";
import { type LinkAddress, type LinkCarrier, nothing, VirtualLink, type VirtualPeer } from "./virtual-link.js";

/** Linux: TCP_TIMEOUT_INIT, doubling, tcp_syn_retries. */
const synRetryMs = 1_000;
const synRetries = 6;

/** The caller's end. */
export interface VirtualCaller extends VirtualPeer {
  /** The handshake is complete. */
  onOpen: () => void;
  /** Why it failed before it was open, or undefined. */
  readonly failure: "refused" | "no answer" | undefined;
}

export class IncomingLink extends VirtualLink {
  failure: VirtualCaller["failure"];
  readonly caller: VirtualCaller;
  #listening: { readonly host: Host; readonly events: ListenEvents } | undefined;
  #synTimer: Scheduled | undefined;
  #synTries = 0;

  constructor(carrier: LinkCarrier, address: LinkAddress) {
    super(carrier, address, "none", "opening");
    this.caller = Object.defineProperty(Object.assign(this.peer, { onOpen: () => {} }), "failure", {
      get: () => this.failure,
    }) as unknown as VirtualCaller;
    this.#sendSyn();
  }

  protected override confirm(direction: Direction): void {
    if (direction === "down") this.#established();
  }

  protected override stopOpening(): void {
    if (this.peerEnd === "gone") this.#synTimer?.cancel();
  }

  protected override peerFailed(): void {
    this.peer.onError();
  }

  #sendSyn(): void {
    this.carrier.carry(this, "down", () => this.#synArrived());
    this.#synTimer = this.carrier.clock.schedule(synRetryMs * 2 ** this.#synTries, () => {
      if (this.#synTries < synRetries) {
        this.#synTries += 1;
        this.#sendSyn();
      } else {
        this.#failed("no answer");
      }
    });
  }

  #synArrived(): void {
    if (this.boardEnd === "none") {
      this.#listening = this.carrier.boardListener(this.board, this.port);
      if (this.#listening === undefined) {
        this.carrier.carry(this, "up", () => this.#failed("refused"));
        return;
      }
      if (!this.#listening.events.mayOpen()) return;
      this.boardEnd = "opening";
      this.carrier.boardOpens(this, this.#listening.host);
    }
    if (this.boardEnd === "opening" || this.boardEnd === "open") {
      this.carrier.carry(this, "up", () => this.#synAckArrived());
    }
  }

  #synAckArrived(): void {
    if (this.peerEnd === "gone") {
      this.resetDown();
      return;
    }
    this.carrier.carry(this, "down", () => this.#established());
    if (this.peerEnd !== "opening") return;
    this.peerEnd = "open";
    this.#synTimer?.cancel();
    this.caller.onOpen();
  }

  #established(): void {
    if (this.boardEnd !== "opening" || this.#listening === undefined) return;
    this.boardEnd = "open";
    this.carrier.heard(this, "open", "down", nothing);
    this.events = this.#listening.events.onAccept(this);
  }

  #failed(failure: VirtualCaller["failure"]): void {
    if (this.peerEnd !== "opening") return;
    this.failure = failure;
    this.serverFails();
  }
}
