// A board that is on the air, for the tests of the network: its firmware does nothing, the test plays the firmware
// through the modules that the board gives it.

import { Board, type BoardOptions } from "../../host-sim/board.js";
import { SteppedClock } from "../../host-sim/clock.js";
import type { TCPInstance, TCPOptions } from "../../host-sim/modules/embedded/io/socket/tcp.js";
import type { WiFiClass } from "../../host-sim/modules/wifi.js";
import { Phone } from "../../host-sim/phone.js";
import { type AccessPoint, type AccessPointOptions, Airspace } from "../../host-sim/radio.js";
import { Random } from "../../host-sim/random.js";
import { VirtualNetwork, type VirtualPeer } from "../../host-sim/virtual-network.js";
import { type Chip, firmware } from "./rig.js";

export type TCP = new (options?: TCPOptions) => TCPInstance;

export interface NetModule {
  get(what: string, which?: string): unknown;
  resolve(name: string, callback: (name: string, address: string | undefined) => void): void;
}

/** What a socket told firmware, in order: `writable 2920`, `readable 4`, `error`. */
export interface Opened {
  readonly socket: TCPInstance;
  readonly told: string[];
  /** Bytes that were read as they came, unless `reads` was false. */
  readonly bytes: number[];
}

export class Table {
  readonly clock = new SteppedClock();
  readonly network: VirtualNetwork;
  readonly airspace = new Airspace();
  readonly wifi: AccessPoint;
  readonly board: Board;
  #chip: Chip | undefined;

  constructor(options: { wifi?: Partial<AccessPointOptions>; board?: Partial<BoardOptions> } = {}) {
    this.network = new VirtualNetwork(this.clock, { latencyMs: 5, random: new Random(3) });
    this.wifi = this.airspace.add({ ssid: "home", password: "correct horse", ...options.wifi });
    this.board = new Board({
      clock: this.clock,
      network: this.network,
      airspace: this.airspace,
      random: new Random(7),
      image: firmware((chip) => {
        this.#chip = chip;
      }),
      ...options.board,
    });
    this.board.powerOn();
    this.boot();
  }

  /** Waits for the first line of firmware. */
  boot(): void {
    this.#chip = undefined;
    if (!this.clock.runUntil(() => this.#chip !== undefined, 5_000)) throw new Error("the board does not boot");
  }

  get chip(): Chip {
    if (this.#chip === undefined) throw new Error("the board has no firmware yet");
    return this.#chip;
  }

  get TCP(): TCP {
    return this.chip.use<TCP>("embedded:io/socket/tcp");
  }

  get WiFi(): WiFiClass {
    return this.chip.use<WiFiClass>("wifi");
  }

  get Net(): NetModule {
    return this.chip.use<NetModule>("net");
  }

  get isOnline(): boolean {
    return this.Net.get("IP") !== undefined;
  }

  /** A phone that is on no network yet. */
  phone(number = 1): Phone {
    return new Phone({ clock: this.clock, network: this.network, boards: [this.board] }, number);
  }

  /** Joins the Wi-Fi and waits for the address. */
  join(): this {
    this.WiFi.connect({ ssid: "home", password: "correct horse" });
    if (!this.clock.runUntil(() => this.isOnline, 10_000)) throw new Error("the board does not get an address");
    return this;
  }

  /** Opens a socket that notes what it is told, and reads what comes unless `reads` is false. */
  open(options: { port?: number; reads?: boolean; nodelay?: boolean; address?: string } = {}): Opened {
    const { port = 1883, reads = true, nodelay = true, address = "10.0.0.2" } = options;
    const told: string[] = [];
    const bytes: number[] = [];
    const socket = new this.TCP({
      address,
      port,
      nodelay,
      onReadable(this: unknown, count) {
        told.push(`readable ${count}`);
        if (reads) bytes.push(...new Uint8Array((this as TCPInstance).read() as ArrayBuffer));
      },
      onWritable: (count) => told.push(`writable ${count}`),
      onError: () => told.push("error"),
    });
    return { socket, told, bytes };
  }
}

/** A server that keeps what its clients send. */
export class Server {
  readonly peers: VirtualPeer[] = [];
  readonly told: string[] = [];
  readonly bytes: number[] = [];
  readonly end: () => void;

  constructor(table: Table, port = 1883, address = "10.0.0.2") {
    this.end = table.network.listen(address, port, (peer) => {
      this.peers.push(peer);
      this.told.push("open");
      peer.onData = (bytes) => {
        this.told.push(`data ${bytes.byteLength}`);
        this.bytes.push(...bytes);
      };
      peer.onEnd = () => this.told.push("end");
      peer.onError = () => this.told.push("error");
    });
  }

  /** The latest. */
  get peer(): VirtualPeer {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error("nobody has connected");
    return peer;
  }
}

export function count(from: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (from + index) & 255);
}
