// A connection of the virtual network that a board opens: SYN with lwIP's repetitions, refusal where nobody listens,
// and the server that hears of it once the handshake is complete.

import type { Scheduled } from "./clock.js";
import type { Host } from "./host.js";
import { LwIP } from "./lwip.js";
import type { ConnectionEvents, Direction } from "./network.js";
import { type LinkAddress, type LinkCarrier, nothing, VirtualLink, type VirtualPeer } from "./virtual-link.js";

export class OutgoingLink extends VirtualLink {
  #accept: ((peer: VirtualPeer) => void) | undefined;
  #synTimer: Scheduled | undefined;
  #synTries = 0;

  constructor(carrier: LinkCarrier, host: Host, address: LinkAddress, events: ConnectionEvents) {
    super(carrier, address, "opening", "none");
    this.events = events;
    carrier.boardOpens(this, host);
    this.#sendSyn();
  }

  protected override confirm(direction: Direction): void {
    if (direction === "up") this.#accepted();
  }

  protected override stopOpening(): void {
    if (this.boardEnd === "gone") this.#synTimer?.cancel();
  }

  #sendSyn(): void {
    this.carrier.carry(this, "up", () => this.#synArrived());
    if (this.#synTries === LwIP.synRetries) {
      this.#synTimer = this.carrier.clock.schedule(LwIP.slowTickMs, () => this.boardFails());
      return;
    }
    this.#synTries += 1;
    this.#synTimer = this.carrier.clock.schedule(LwIP.synRetryMs, () => this.#sendSyn());
  }

  #synArrived(): void {
    if (this.peerEnd === "none") {
      this.#accept = this.carrier.listener(this.remoteAddress, this.port);
      if (this.#accept === undefined) {
        // Nobody answers for an address without a machine, and SYN is sent again.
        if (this.carrier.hasMachine(this.remoteAddress)) this.carrier.carry(this, "down", () => this.boardFails());
        return;
      }
      this.peerEnd = "opening";
    }
    if (this.peerEnd === "opening") this.carrier.carry(this, "down", () => this.#synAckArrived());
  }

  #synAckArrived(): void {
    if (this.boardEnd === "gone") {
      this.resetUp();
      return;
    }
    if (this.boardEnd === "opening") {
      this.boardEnd = "open";
      this.#synTimer?.cancel();
      this.carrier.heard(this, "open", "up", nothing);
      this.events?.onOpen();
    }
    this.carrier.carry(this, "up", () => this.#accepted());
  }

  #accepted(): void {
    if (this.peerEnd !== "opening") return;
    this.peerEnd = "open";
    this.#accept?.(this.peer);
  }
}
