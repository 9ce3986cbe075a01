// One deterministic simulation: a stepped clock, a home with Wi-Fi and a router, the model broker, and any number of
// boards. Made for tests that read like a script: press, let time pass, look at the broker. The same seed and the same
// calls give the same bytes, always. Nothing here is real: no sockets, no files, no wall clock.

import { Board, type BoardOptions } from "./board.js";
import type { ModelBroker, ModelBrokerOptions } from "./broker.js";
import { SteppedClock } from "./clock.js";
import { HOME } from "./home.js";
import { Phone } from "./phone.js";
import type { AccessPoint, AccessPointOptions, Airspace } from "./radio.js";
import { Random } from "./random.js";
import { VirtualBroker, VirtualHome } from "./virtual-home.js";
import type { VirtualNetwork } from "./virtual-network.js";

/** Chip id of the first board. */
const firstChipId = 5750;

/**
 * The GPIOs of the manifest: FLASH on a NodeMCU, and D1 where the pin is low at reset, when GPIO0 would stop the chip.
 */
const buttonPin = 0;
const wakeButtonPin = 5;
const ledPin = 2;

export interface WorldBoardOptions extends Partial<Omit<BoardOptions, "clock" | "network" | "airspace" | "random">> {
  /** Laid over the settings that `mc/config` brings, such as `{ mode: "battery" }`. */
  settings?: Record<string, unknown>;
  /** False leaves the board without power until `powerOn`. */
  powered?: boolean;
}

export interface WorldOptions {
  /** 1 unless given. */
  seed?: number;
  /** One way between a board and the broker; 5 unless given. */
  latencyMs?: number;
  /** What the clock shows at first, ms; 0 unless given. */
  startAt?: number;
  broker?: ModelBrokerOptions;
  /** Laid over the home's access point. */
  wifi?: Partial<AccessPointOptions>;
  /** For the first board, when `board` is asked for before `addBoard`. */
  board?: WorldBoardOptions;
}

export class World {
  readonly clock: SteppedClock;
  readonly random: Random;
  readonly network: VirtualNetwork;
  readonly airspace: Airspace;
  /** The access point at home. */
  readonly wifi: AccessPoint;
  readonly broker: ModelBroker;
  readonly boards: Board[] = [];
  #phones = 0;
  readonly #boardOptions: WorldBoardOptions;

  constructor(options: WorldOptions = {}) {
    this.clock = new SteppedClock(options.startAt ?? 0);
    this.random = new Random(options.seed ?? 1);
    const { latencyMs, broker, wifi } = options;
    const home = new VirtualHome(this.clock, this.random, { latencyMs, broker, wifi });
    this.network = home.network;
    this.airspace = home.airspace;
    this.wifi = home.wifi;
    this.broker = home.broker;
    this.#boardOptions = options.board ?? {};
  }

  /** The first board. Made and powered on when nobody has added one yet. */
  get board(): Board {
    return this.boards[0] ?? this.addBoard(this.#boardOptions);
  }

  /** The first board's LED. */
  get led(): Board["led"] {
    return this.board.led;
  }

  /** The clock's time, ms. */
  get now(): number {
    return this.clock.now;
  }

  /** Adds a board that is set up for this world's Wi-Fi and broker, and powers it on. */
  addBoard(options: WorldBoardOptions = {}): Board {
    const { settings, powered, ...boardOptions } = options;
    const wiring = boardOptions.wiring ?? "gpio";
    const config = {
      button: buttonPin,
      wakeButton: wakeButtonPin,
      led: ledPin,
      settings: {
        wifi: [{ ...HOME }],
        host: this.broker.address,
        port: this.broker.port,
        mode: wiring === "gpio" ? "mains" : "battery",
        wiring,
        ...settings,
      },
      ...boardOptions.config,
    };
    const board = new Board({
      chipId: firstChipId + this.boards.length,
      ...boardOptions,
      config,
      clock: this.clock,
      network: this.network,
      airspace: this.airspace,
      random: this.random,
    });
    this.boards.push(board);
    if (powered !== false) board.powerOn();
    return board;
  }

  /** Somebody's phone, on no network yet. */
  phone(): Phone {
    this.#phones += 1;
    return new Phone(this, this.#phones);
  }

  /** The broker gets another address, and its name leads there. */
  moveBroker(address: string): void {
    this.broker.moveTo(address);
    this.network.name(VirtualBroker.name, address);
  }

  /** A finger presses the first board's button for `holdMs`. Time passes only in `run` and `runUntil`. */
  press(holdMs?: number): void {
    this.board.button.press(holdMs);
  }

  /** Cuts the first board's power. */
  cutPower(): void {
    this.board.cutPower();
  }

  /** Lets time pass. */
  run(ms: number): void {
    this.clock.run(ms);
  }

  /** Lets time pass until the condition holds, at most `limitMs`. False when it did not. */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    return this.clock.runUntil(condition, limitMs);
  }

  /** Ends all boards and the broker. A world needs no closing to be collected; this ends what it would still do. */
  close(): void {
    for (const board of this.boards) board.close();
    this.broker.stop();
  }
}
