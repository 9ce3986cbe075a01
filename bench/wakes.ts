// What a press costs under one circumstance after another: each in a world of its own, with a battery box whose button
// is on RST. Brings the circumstance about, presses, and gives the wake as the meter saw it. Prints nothing.

import { World } from "../host-sim/world.js";
import { type Wake, WakeMeter } from "./wake-meter.js";

/** One way between board and broker, ms: round trips of 20. */
export const LATENCY_MS = 10;

/** How long the finger stays on the button, and with it on RST, ms. */
export const HOLD_MS = 120;

/** A wake ends by itself within the awake cap of 20 s and the LED's last pattern. */
const WAKE_LIMIT_MS = 60_000;
/** How long after the battery was fitted somebody presses: in the middle of the first search. */
const IMPATIENCE_MS = 500;
/** The firmware calibrates the radio at one wake in so many. */
const CALIBRATION_WAKES = 16;

export interface Circumstance {
  /** For scripts: never changes. */
  readonly id: string;
  /** For people. */
  readonly title: string;
  /** Laid over the settings; the broker is given by address unless `host` says otherwise. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Leads to the moment before the press. The board has power and nothing else has happened yet. */
  readonly prepare: (scene: Scene) => void;
  /** The alert stays in the journal. */
  readonly fails?: true;
}

export interface Row {
  readonly circumstance: Circumstance;
  readonly wake: Wake;
}

/** A world and what can be done in it. */
export class Scene {
  readonly world: World;
  readonly #wakes: Wake[] = [];

  constructor(settings: Readonly<Record<string, unknown>>, seed: number) {
    this.world = new World({ seed, latencyMs: LATENCY_MS, board: { wiring: "rst", settings: { ...settings } } });
    new WakeMeter(this.world.board, "rst", (wake) => {
      if (!wake.interrupted) this.#wakes.push(wake);
    });
  }

  /** The box has introduced itself at the broker and sleeps. */
  settle(): void {
    this.#untilAsleep();
  }

  /** A press, and everything until the box sleeps. */
  press(): Wake {
    const before = this.#wakes.length;
    this.world.press(HOLD_MS);
    // Otherwise the sleep of before would be taken for the one after.
    this.world.run(HOLD_MS);
    this.#untilAsleep();
    const wake = this.#wakes[before];
    if (wake === undefined || this.#wakes.length !== before + 1) throw new Error("a press is one wake");
    return wake;
  }

  /** Whatever a box can remember is remembered. */
  warm(): void {
    this.settle();
    this.press();
    this.press();
  }

  /** The battery is taken out and fitted again: RTC memory is lost, flash is not. */
  changeBattery(): void {
    this.world.cutPower();
    this.world.run(1000);
    this.world.board.powerOn();
  }

  /** Somebody presses the button of a box that has just got its battery: that is a reset, and a press. */
  impatient(): void {
    this.world.run(IMPATIENCE_MS);
  }

  #untilAsleep(): void {
    const { world } = this;
    if (!world.runUntil(() => world.board.state === "asleep", WAKE_LIMIT_MS)) throw new Error("the box stays awake");
    world.run(1000);
  }
}

const byName = Object.freeze({ host: "broker.local" });

/** Presses until the next wake is one that calibrates the radio. */
function beforeCalibration(scene: Scene): void {
  scene.settle();
  for (let wakes = 2; wakes <= CALIBRATION_WAKES; wakes += 1) scene.press();
}

export const CIRCUMSTANCES: readonly Circumstance[] = Object.freeze([
  { id: "cold", title: "cold: first press of a new box", prepare: (scene) => scene.impatient() },
  {
    id: "cold-name",
    title: "cold, broker by name",
    settings: byName,
    prepare: (scene) => scene.impatient(),
  },
  {
    id: "battery",
    title: "new battery, pressed at once",
    prepare: (scene) => {
      scene.warm();
      scene.changeBattery();
      scene.impatient();
    },
  },
  { id: "second", title: "second wake of a new box", prepare: (scene) => scene.settle() },
  { id: "warm", title: "cached", prepare: (scene) => scene.warm() },
  { id: "warm-name", title: "cached, broker by name", settings: byName, prepare: (scene) => scene.warm() },
  { id: "warm-quiet", title: "cached, LED quiet", settings: { quiet: true }, prepare: (scene) => scene.warm() },
  { id: "calibrated", title: "cached, radio calibrated (1 in 16)", prepare: beforeCalibration },
  {
    id: "channel",
    title: "stale: other channel",
    prepare: (scene) => {
      scene.warm();
      scene.world.wifi.channel = 11;
    },
  },
  {
    id: "bssid",
    title: "stale: other access point",
    prepare: (scene) => {
      scene.warm();
      scene.world.wifi.bssid = "02:00:00:00:00:99";
    },
  },
  {
    id: "bssid-next",
    title: "the press after that",
    prepare: (scene) => {
      scene.warm();
      scene.world.wifi.bssid = "02:00:00:00:00:99";
      scene.press();
    },
  },
  {
    id: "address",
    title: "stale: address given away",
    prepare: (scene) => {
      scene.warm();
      scene.world.wifi.giveAway(scene.world.wifi.lease(macOf(scene)));
    },
  },
  {
    id: "moved",
    title: "stale: broker moved, by name",
    settings: byName,
    prepare: (scene) => {
      scene.warm();
      scene.world.moveBroker("10.0.0.77");
    },
  },
  {
    id: "no-router",
    title: "no router: stays stored",
    fails: true,
    prepare: (scene) => {
      scene.warm();
      scene.world.wifi.down();
    },
  },
  {
    id: "no-broker",
    title: "no broker: stays stored",
    fails: true,
    prepare: (scene) => {
      scene.warm();
      scene.world.broker.stop();
    },
  },
] satisfies Circumstance[]);

/** Espressif's prefix and the chip id. */
function macOf({ world }: Scene): string {
  const mac = world.airspace.radioOn(world.board)?.mac;
  if (mac === undefined) throw new Error("the board has had no radio yet");
  return mac;
}

/**
 * One press under each circumstance. Nothing in these worlds is left to chance but the moments of retries, so one press
 * says it all.
 */
export function measureWakes(seed: number, circumstances = CIRCUMSTANCES): Row[] {
  return circumstances.map((circumstance) => {
    const scene = new Scene(circumstance.settings ?? {}, seed);
    circumstance.prepare(scene);
    const wake = scene.press();
    const { world } = scene;
    if (wake.delivered !== (circumstance.fails ? 0 : 1))
      throw new Error(`${circumstance.id}: ${wake.delivered} alerts`);
    if (world.board.crashes > 0) throw new Error(`${circumstance.id}: the firmware crashed`);
    for (const { statement, detail } of world.broker.violations) throw new Error(`[${statement}] ${detail}`);
    world.close();
    return { circumstance, wake };
  });
}
