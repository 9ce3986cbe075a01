// The world of a bench without anything real in it: the home that tests use, on one clock that runs as fast as it is
// told. The same seed and the same deeds give the same bytes, always. Its broker is strict, and says what a board does
// wrong. Knows no board but the one whose setup page a phone fills in.

import type { BenchWorld, Submit } from "./bench-world.js";
import type { Board } from "./board.js";
import type { ModelBroker } from "./broker.js";
import type { BrokerLine } from "./broker-line.js";
import type { ClientList } from "./broker-watch.js";
import { RealClock } from "./clock.js";
import { NEIGHBOURS } from "./home.js";
import type { BrokerSwitch } from "./home-switches.js";
import { ModelLine } from "./model-line.js";
import { ModelWitness } from "./model-witness.js";
import type { BrokerAddress, Options } from "./options.js";
import { Phone } from "./phone.js";
import type { AccessPoint, Airspace } from "./radio.js";
import { RadioTimes } from "./radio-terms.js";
import { Random } from "./random.js";
import { FIRST_SETUP_PORT } from "./real-world.js";
import { SetupDoor } from "./setup-door.js";
import { VirtualFaults } from "./virtual-faults.js";
import { VirtualHome } from "./virtual-home.js";
import type { VirtualNetwork } from "./virtual-network.js";

/** Its time begins here, so that also a capture of it has the same bytes: the first of January 2026. */
const STARTED_AT = Date.UTC(2026, 0, 1);

/** How often a phone looks for the access point of a box that is busy. */
const JOIN_TRIES = 20;

export class VirtualWorld implements BenchWorld {
  readonly kind = "virtual";
  readonly seed: number;
  readonly random: Random;
  readonly clock: RealClock;
  readonly startedAt = STARTED_AT;
  readonly network: VirtualNetwork;
  readonly airspace: Airspace;
  readonly accessPoint: AccessPoint;
  readonly wire: VirtualFaults;
  readonly broker: BrokerAddress;
  readonly ownBroker: BrokerSwitch & ClientList;
  readonly #broker: ModelBroker;
  /** Whether somebody is there who has a browser. */
  readonly #hasDoors: boolean;
  readonly #phones = new Map<Board, Phone>();
  #breached: Parameters<BenchWorld["onBreach"]>[0] = () => undefined;

  constructor({ seed = 1, speed = 1, headless }: Pick<Options, "seed" | "speed" | "headless">) {
    this.#hasDoors = !headless;
    this.seed = seed;
    this.random = new Random(seed);
    // Not a fraction of a millisecond passes before the bench lets it go.
    this.clock = new RealClock(Number.POSITIVE_INFINITY);
    this.clock.pause();
    this.clock.speed = speed;
    const home = new VirtualHome(this.clock, this.random, {
      neighbours: NEIGHBOURS,
      broker: {
        keepsPast: false,
        onViolation: ({ statement, detail }, chipId) => this.#breached(chipId, statement, detail),
      },
    });
    this.network = home.network;
    this.airspace = home.airspace;
    this.accessPoint = home.wifi;
    this.#broker = home.broker;
    this.wire = new VirtualFaults(home.network, home.broker);
    this.broker = { host: home.broker.address, port: home.broker.port, user: "", password: "" };
    this.ownBroker = switchOf(home.broker);
  }

  watchLine(): string {
    return "";
  }

  witness(root: string): ModelWitness {
    return new ModelWitness(this.#broker, root);
  }

  brokerLine(): BrokerLine {
    return new ModelLine(this.#broker);
  }

  onBreach(listener: Parameters<BenchWorld["onBreach"]>[0]): void {
    this.#breached = listener;
  }

  openDoor(board: Board, shown: (url: string) => void): () => void {
    if (!this.#hasDoors) return () => undefined;
    const door = new SetupDoor(board, this.network, FIRST_SETUP_PORT, shown);
    return () => door.close();
  }

  submit(board: Board, _url: string, ...[fields, done]: Parameters<Submit>): void {
    const { clock, network } = this;
    // The same phone each time: a box takes four.
    const phone = this.#phones.get(board) ?? new Phone({ clock, network, boards: [board] }, 1);
    this.#phones.set(board, phone);
    const send = (): void => {
      const answer = phone.request("POST", "/try", { body: new URLSearchParams(fields).toString() });
      const tell = () => done(answer.failure ?? answer.status);
      if (answer.isDone) clock.schedule(0, tell);
      else answer.whenDone(tell);
    };
    const join = (tries: number): void => {
      const own = board.airspace.radioOn(board)?.softAccessPoint;
      const isIn = phone.isConnected || (own !== undefined && phone.join(own.ssid, own.config.password));
      if (isIn) send();
      else if (tries === 0) done("the phone finds no access point of the box");
      // It is not on the air while the box looks around on other channels.
      else clock.schedule(RadioTimes.lookAgain, () => join(tries - 1));
    };
    join(JOIN_TRIES);
  }

  async close(): Promise<void> {
    this.#broker.stop();
  }
}

function switchOf(broker: ModelBroker): BrokerSwitch & ClientList {
  return {
    get isUp() {
      return broker.isUp;
    },
    start: () => broker.start(),
    stop: () => broker.stop(),
    forget: () => broker.forget(),
    get clients() {
      return broker.clients.map((id) => ({ id, clean: broker.sessionOf(id)?.clean ?? true }));
    },
    onClients: (listener) => broker.onChange(listener),
  };
}
