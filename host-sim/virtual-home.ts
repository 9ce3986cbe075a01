// A home without anything real in it, on one clock: access points, the network behind them, and the model broker. The
// world of a test is made of it, and the virtual world of a bench. Knows no board.

import { ModelBroker, type ModelBrokerOptions } from "./broker.js";
import type { Clock } from "./clock.js";
import { HOME } from "./home.js";
import { AccessPoint, type AccessPointOptions, Airspace } from "./radio.js";
import type { Random } from "./random.js";
import { VirtualNetwork } from "./virtual-network.js";

/** Where its broker is. */
export const VirtualBroker = Object.freeze({ address: "10.0.0.2", name: "broker.local", port: 1883 } as const);

export interface VirtualHomeOptions {
  /** One way between a board and the broker; 5 unless given. */
  readonly latencyMs?: number | undefined;
  readonly broker?: ModelBrokerOptions | undefined;
  /** Laid over the home's access point. */
  readonly wifi?: Partial<AccessPointOptions> | undefined;
  /** What else is on the air. */
  readonly neighbours?: readonly AccessPointOptions[];
}

export class VirtualHome {
  readonly network: VirtualNetwork;
  readonly airspace: Airspace;
  /** The access point at home. */
  readonly wifi: AccessPoint;
  readonly broker: ModelBroker;

  constructor(clock: Clock, random: Random, options: VirtualHomeOptions = {}) {
    this.network = new VirtualNetwork(clock, { latencyMs: options.latencyMs ?? 5, random: random.fork("network") });
    this.wifi = new AccessPoint({ ...HOME, ...options.wifi });
    this.airspace = new Airspace(this.wifi, ...(options.neighbours ?? []));
    this.broker = new ModelBroker(this.network, clock, {
      address: VirtualBroker.address,
      port: VirtualBroker.port,
      samePayload: sameAlert,
      ...options.broker,
    });
    this.network.name(VirtualBroker.name, this.broker.address);
  }
}

/** The same bytes, or alerts with the same `id`: a replay says that it is one, and how often it was tried. */
function sameAlert(first: Uint8Array, again: Uint8Array): boolean {
  if (Buffer.compare(first, again) === 0) return true;
  const id = alertId(first);
  return id !== undefined && id === alertId(again);
}

function alertId(payload: Uint8Array): string | undefined {
  return /"id":"(\d+-\d+(?:-\d+)?)"/.exec(Buffer.from(payload).toString())?.[1];
}
