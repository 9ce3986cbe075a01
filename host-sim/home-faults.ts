// The faults that concern all boards of a bench: of the home's access point and of the way beyond it. Turns the names
// that views use into what they mean there. Knows no board.

import type { AccessPoint } from "./access-point.js";
import { FAULTS, type FaultName } from "./page/details.js";
import type { WireFault } from "./wire-faults.js";

/** Faults of one board, of its button and of its supply. */
export type BoardFault = Extract<FaultName, "bounce" | "flash-cut">;

/** Faults that concern all boards. */
export type HomeFault = Exclude<FaultName, BoardFault>;

/**
 * What can go wrong on the way beyond the access point: WireFaults of real sockets, VirtualFaults of a virtual wire.
 */
export interface WireSwitches {
  /** Switches one; nothing happens when it is that already. */
  set(fault: WireFault, on: boolean): void;
}

export function isBoardFault(fault: FaultName): fault is BoardFault {
  return fault === "bounce" || fault === "flash-cut";
}

/** What the faults of the access point make of it: DHCP in ms. */
const FAULTY = Object.freeze({ password: "another one", channel: 11, dhcpMs: 8000 } as const);

export class HomeFaults {
  readonly #accessPoint: AccessPoint;
  readonly #usual: { readonly password: string; readonly channel: number; readonly dhcpMs: number };
  readonly #wire: WireSwitches;
  readonly #on = new Set<FaultName>();

  constructor(accessPoint: AccessPoint, wire: WireSwitches) {
    const { password, channel, dhcpMs } = accessPoint;
    this.#accessPoint = accessPoint;
    this.#usual = { password, channel, dhcpMs };
    this.#wire = wire;
  }

  /** Those that are on, in the order of FAULTS. */
  get names(): readonly FaultName[] {
    return FAULTS.map(({ name }) => name).filter((name) => this.#on.has(name));
  }

  /** False when it is that already. */
  set(fault: HomeFault, on: boolean): boolean {
    if (on === this.#on.has(fault)) return false;
    if (on) this.#on.add(fault);
    else this.#on.delete(fault);
    const values = on ? FAULTY : this.#usual;
    switch (fault) {
      case "wrong-password":
        this.#accessPoint.changePassword(values.password);
        break;
      case "moved-channel":
        this.#accessPoint.moveTo(values.channel);
        break;
      case "slow-dhcp":
        this.#accessPoint.dhcpMs = values.dhcpMs;
        break;
      default:
        this.#wire.set(fault, on);
    }
    return true;
  }
}

/** A fault and what it does, for a line of the story. */
export function faultText(fault: FaultName, on: boolean): string {
  const { title, text } = FAULTS.find(({ name }) => name === fault) ?? { title: fault, text: "" };
  return on ? `${title}: ${text}` : title;
}
