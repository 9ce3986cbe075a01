// The switches of a bench's home: its Wi-Fi, its broker, what that broker has kept, and the faults that concern all
// boards. Says in words what was done, for the story. Knows no board.

import { faultText, type HomeFault, HomeFaults, type WireSwitches } from "./home-faults.js";
import type { FaultName } from "./page/details.js";
import type { AccessPoint, Airspace } from "./radio.js";

/** A broker that the bench may switch: its own. */
export interface BrokerSwitch {
  readonly isUp: boolean;
  /** Cuts all clients and listens no more; sessions and retained messages stay. */
  stop(): void | Promise<void>;
  start(): void | Promise<void>;
  /** Restarts as one without persistence: sessions and retained messages are gone. */
  forget(): void | Promise<void>;
}

export interface HomeSwitchesOptions {
  readonly airspace: Airspace;
  /** That of the home. */
  readonly accessPoint: AccessPoint;
  readonly wire: WireSwitches;
  /** Undefined: somebody else's. */
  readonly broker: BrokerSwitch | undefined;
  /** Something was switched, or failed: a word and a detail for every board. */
  done(word: string, detail: string): void;
  /** What was asked for cannot be done. */
  refused(detail: string): void;
}

export class HomeSwitches {
  readonly #options: HomeSwitchesOptions;
  readonly #faults: HomeFaults;
  #wifiOn = true;
  #brokerOn = true;
  #work: Promise<void> | undefined;

  constructor(options: HomeSwitchesOptions) {
    this.#options = options;
    this.#faults = new HomeFaults(options.accessPoint, options.wire);
  }

  get wifiOn(): boolean {
    return this.#wifiOn;
  }

  get brokerOn(): boolean {
    return this.#brokerOn;
  }

  /** Those of all boards that are on. */
  get faults(): readonly FaultName[] {
    return this.#faults.names;
  }

  /** All access points at once, as when the power fails in the street. */
  switchWiFi(on: boolean): void {
    if (on === this.#wifiOn) return;
    this.#wifiOn = on;
    for (const accessPoint of this.#options.airspace.accessPoints) {
      if (on) accessPoint.up();
      else accessPoint.down();
    }
    this.#options.done(on ? "Wi-Fi on" : "Wi-Fi off", "");
  }

  switchBroker(on: boolean): void {
    const { broker, done, refused } = this.#options;
    if (broker === undefined) {
      refused("not the bench's own: stop it where it runs");
      return;
    }
    if (on === this.#brokerOn) return;
    this.#brokerOn = on;
    done(on ? "broker on" : "broker off", "");
    this.#carryOut(() => (on ? broker.start() : broker.stop()));
  }

  /** False when it cannot be done. */
  forget(): boolean {
    const { broker, done, refused } = this.#options;
    if (broker === undefined) {
      refused("not the bench's own: empty it where it runs");
      return false;
    }
    done("broker forgets", "sessions and retained messages are gone");
    this.#carryOut(() => broker.forget());
    return true;
  }

  switchFault(fault: HomeFault, on: boolean): void {
    if (this.#faults.set(fault, on)) this.#options.done(on ? "fault" : "fault over", faultText(fault, on));
  }

  /** Resolves when the broker has done all that it was asked. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /**
   * One after the other: a second switch waits until the first one has been carried out. What takes no time is done
   * now, so that in a world of one clock nothing happens between two instants.
   */
  #carryOut(task: () => void | Promise<void>): void {
    const { broker, done } = this.#options;
    const work = this.#work === undefined ? task() : this.#work.then(task);
    if (work === undefined) return;
    const ended = work
      .catch((error: Error) => {
        this.#brokerOn = broker?.isUp ?? false;
        done("broker", error.message);
      })
      .then(() => {
        if (this.#work === ended) this.#work = undefined;
      });
    this.#work = ended;
  }
}
