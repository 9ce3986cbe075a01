// What a bench is set in: its time, its network, what is on the air, its broker, and those who look at that broker from
// outside. Two things implement it: RealWorld (real time, the sockets of this computer, any broker) and VirtualWorld
// (one clock, nothing real, the same seed the same bytes). A bench sees this only. Types only.

import type { Board } from "./board.js";
import type { BrokerLine } from "./broker-line.js";
import type { ClientList } from "./broker-watch.js";
import type { RealClock } from "./clock.js";
import type { WireSwitches } from "./home-faults.js";
import type { BrokerSwitch } from "./home-switches.js";
import type { Network, Tapped } from "./network.js";
import type { BrokerAddress } from "./options.js";
import type { BenchView } from "./page/protocol.js";
import type { AccessPoint, Airspace } from "./radio.js";
import type { Random } from "./random.js";
import type { AlertWitness } from "./witnesses.js";

/** Sends a form as a phone does; `done` hears the HTTP status of the answer, or why there was none. */
export type Submit = (fields: Readonly<Record<string, string>>, done: (status: number | string) => void) => void;

export interface BenchWorld {
  readonly kind: BenchView["world"];
  /** What its chance is made of; undefined where that is nobody's to choose. */
  readonly seed: number | undefined;
  readonly random: Random;
  /** Stands still, in a virtual world, until the bench lets it go. */
  readonly clock: RealClock;
  /** When its time began, ms since 1970. */
  readonly startedAt: number;
  readonly network: Network & Tapped;
  readonly airspace: Airspace;
  /** The access point of the home. */
  readonly accessPoint: AccessPoint;
  readonly wire: WireSwitches;
  /** Where the boards find the broker. */
  readonly broker: BrokerAddress;
  /** The broker itself, where it is the bench's own. */
  readonly ownBroker: (BrokerSwitch & ClientList) | undefined;
  /** A command that shows every alert in a terminal; empty where no other program can reach the broker. */
  watchLine(filter: string): string;
  /** An independent subscriber to `<root>/alert`. */
  witness(root: string): AlertWitness;
  /** For a panel that shows the broker. */
  brokerLine(): BrokerLine;
  /** Calls back when a board breaks a rule of MQTT, where the broker is one that notices. */
  onBreach(listener: (chipId: number, statement: string, detail: string) => void): void;
  /**
   * Lets a browser of this computer open the setup page of a board, where the world does not do so by itself; `shown`
   * hears where. Gives what ends that.
   */
  openDoor(board: Board, shown: (url: string) => void): () => void;
  /** Fills in the setup page of a board, which is at this URL. */
  submit(board: Board, url: string, ...form: Parameters<Submit>): void;
  /** Ends what the world itself has opened; the clock and whoever looked at the broker were ended before. */
  close(): Promise<void>;
}
