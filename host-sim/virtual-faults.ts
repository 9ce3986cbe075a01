// What can be wrong with the way from the home to the world, in a virtual world: the same faults by the same words as
// wire-faults.ts has for real sockets. Knows the network and the broker, no boards.

import type { ModelBroker } from "./broker.js";
import type { WireSwitches } from "./home-faults.js";
import type { VirtualNetwork } from "./virtual-network.js";
import { slowMs, type WireFault } from "./wire-faults.js";

/** CONNACK: not authorised (the standard's table 3.1). */
const NOT_AUTHORISED = 5;

export class VirtualFaults implements WireSwitches {
  readonly #network: VirtualNetwork;
  readonly #broker: ModelBroker;
  readonly #latencyMs: number;

  constructor(network: VirtualNetwork, broker: ModelBroker) {
    this.#network = network;
    this.#broker = broker;
    this.#latencyMs = network.latencyMs;
  }

  set(fault: WireFault, on: boolean): void {
    const { address } = this.#broker;
    switch (fault) {
      case "broker-refuses":
        this.#broker.refuse(on ? NOT_AUTHORISED : 0);
        return;
      case "slow-network":
        this.#network.latencyMs = on ? slowMs : this.#latencyMs;
        return;
      case "half-open":
        // For good where a connection was open; a phone beside the box does not feel it.
        if (on) this.#network.halfOpen(address);
        this.#network.blackHole(address, on);
        return;
      case "lost-pubcomp":
        this.#broker.breakAt("pubcomp", on);
        return;
    }
  }
}
