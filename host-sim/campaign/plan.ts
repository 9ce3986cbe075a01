// What happens in one run of the campaign, as plain data: how the box is built, when somebody presses, which faults
// come when. A seed draws one; a person or the minimiser may change one; as JSON it is a regression that anybody can
// run again. Knows no world: run.ts carries a plan out.

import { CONVENTIONS } from "../../src/alertbox/settings.js";
import type { Wiring } from "../button.js";
import { Random } from "../random.js";
import { FAULTS, type FaultKind } from "./faults.js";

export interface Press {
  /** ms since the box came up for the first time. */
  readonly at: number;
  readonly holdMs: number;
  /** How long the contact chatters. */
  readonly bounceMs: number;
}

export interface Fault {
  readonly kind: FaultKind;
  /** ms since the box came up for the first time. */
  readonly at: number;
  /** How long it lasts; faults of a moment have 0. */
  readonly forMs: number;
  /** What it means is said where the kind is: a byte, a code, milliseconds. */
  readonly value: number;
}

/** How a box makes itself known, by the name in its settings. */
export type Convention = (typeof CONVENTIONS)[number];

/** A command that changes how the box makes itself known. */
export interface Change {
  /** ms since the box came up for the first time. */
  readonly at: number;
  readonly convention: Convention;
}

export interface Plan {
  /** For everything that is left to chance: bounces, jitter, torn bytes. */
  readonly seed: number;
  readonly wiring: Wiring;
  readonly double: boolean;
  readonly quiet: boolean;
  readonly full: "reject" | "drop-oldest";
  readonly keepAliveSeconds: number;
  /** How the box makes itself known when it comes up. */
  readonly convention: Convention;
  /** What the clock of each boot starts from, so that it wraps in the middle. */
  readonly ticksAtBoot: number;
  /** One way to the broker, ms. */
  readonly latencyMs: number;
  /**
   * Alerts that were delivered in an earlier life: a sector of the journal has room for 201, so with 200 the next ones
   * move it to the other sector.
   */
  readonly spent: number;
  /** Alerts that wait in the journal when the box comes up. */
  readonly stored: number;
  /** All presses and faults are over by then, ms. */
  readonly lastsMs: number;
  readonly presses: readonly Press[];
  readonly faults: readonly Fault[];
  /** Commands that choose another convention, retained. */
  readonly changes: readonly Change[];
}

export interface PlanOptions {
  /** Presses on average. */
  readonly presses: number;
  /** Only these faults are drawn; all when undefined. */
  readonly faults?: readonly FaultKind[] | undefined;
}

/** The shortest time between presses on RST that cannot add up to the five quick ones that open the setup, ms. */
const rstGapMs = 2500;

const wirings: readonly Wiring[] = Object.freeze(["gpio", "rst", "rst+gpio"]);

/** The plan of a seed: the same for the same seed and options, on every machine. */
export function drawPlan(seed: number, options: PlanOptions): Plan {
  const random = new Random(seed).fork("plan");
  const wiring = pick(random, wirings);
  const count = 1 + random.integer(Math.max(1, 2 * options.presses - 1));
  // From a hectic half minute to a quiet quarter of an hour.
  const lastsMs = Math.round(30_000 * 30 ** random.next());
  const presses = drawPresses(random.fork("presses"), wiring, count, lastsMs);
  const ticksAtBoot = random.integer(4) === 0 ? wrapping(random, lastsMs) : 0;
  const ways = random.fork("conventions");
  return {
    seed,
    wiring,
    double: wiring === "gpio" && random.integer(2) === 0,
    quiet: random.integer(3) === 0,
    full: random.integer(4) === 0 ? "drop-oldest" : "reject",
    keepAliveSeconds: pick(random, [10, 30, 60, 600]),
    convention: pick(ways, CONVENTIONS),
    ticksAtBoot,
    latencyMs: pick(random, [1, 5, 5, 20, 150]),
    spent: drawSpent(random.fork("spent")),
    stored: random.integer(20) === 0 ? pick(random, [1, 5, 126, 128]) : 0,
    lastsMs,
    presses,
    faults: drawFaults(random.fork("faults"), wiring, presses, lastsMs, options.faults),
    changes: drawChanges(ways, presses, lastsMs),
  };
}

/** A start from which the clock passes 2^31 or 2^32 within the run. */
function wrapping(random: Random, lastsMs: number): number {
  return (random.integer(2) === 0 ? 2 ** 31 : 2 ** 32) - random.integer(Math.min(lastsMs, 60_000));
}

/** Often just so many that the journal moves within the next few presses. */
function drawSpent(random: Random): number {
  return random.integer(2) === 0 ? 0 : 194 + random.integer(8);
}

function drawPresses(random: Random, wiring: Wiring, count: number, lastsMs: number): Press[] {
  const presses: Press[] = [];
  let at = random.integer(Math.round(lastsMs / 3));
  for (let index = 0; index < count; index++) {
    const isLong = wiring !== "rst" && random.integer(8) === 0;
    const holdMs = isLong ? 1000 + random.integer(2500) : 60 + random.integer(300);
    const bounceMs = random.integer(2) === 0 ? random.integer(20) : 0;
    if (at + holdMs >= lastsMs) break;
    presses.push({ at, holdMs, bounceMs });
    // Half of them come in bursts.
    const gap = random.integer(2) === 0 ? 100 + random.integer(900) : random.integer(Math.ceil(lastsMs / count));
    at += holdMs + (wiring === "gpio" ? gap : Math.max(rstGapMs, gap));
  }
  return presses;
}

function drawFaults(
  random: Random,
  wiring: Wiring,
  presses: readonly Press[],
  lastsMs: number,
  only: readonly FaultKind[] | undefined,
): Fault[] {
  const kinds = (only ?? (Object.keys(FAULTS) as FaultKind[])).flatMap((kind) =>
    Array<FaultKind>(FAULTS[kind].weight ?? 1).fill(kind),
  );
  const count = random.integer(6);
  const faults: Fault[] = [];
  for (let index = 0; index < count; index++) {
    const kind = pick(random, kinds);
    const { lasts, most } = FAULTS[kind];
    let at = momentOf(random, presses, lastsMs);
    const forMs = lasts ? Math.min(Math.round(100 * 6000 ** random.next()), lastsMs - at - 1) : 0;
    const value = random.integer(most + 1);
    // A pulse on the RST of such a box is a press: not so close to another that five of them open the setup.
    if (kind === "reset" && wiring === "rst") at = awayFrom(at, presses, faults);
    if (at < lastsMs) faults.push({ kind, at, forMs, value });
  }
  return faults.sort((a, b) => a.at - b.at);
}

/** In one of three runs one or two commands. */
function drawChanges(random: Random, presses: readonly Press[], lastsMs: number): Change[] {
  const count = random.integer(3) === 0 ? 1 + random.integer(2) : 0;
  return Array.from({ length: count }, () => ({
    at: momentOf(random, presses, lastsMs),
    convention: pick(random, CONVENTIONS),
  })).sort((a, b) => a.at - b.at);
}

/** Most faults come where something is going on. */
function momentOf(random: Random, presses: readonly Press[], lastsMs: number): number {
  const press = presses[random.integer(Math.max(1, presses.length))];
  if (press === undefined || random.integer(3) === 0) return random.integer(lastsMs - 1);
  return Math.min(lastsMs - 2, press.at + random.integer(6000));
}

function awayFrom(at: number, presses: readonly Press[], faults: readonly Fault[]): number {
  const others = [...presses, ...faults.filter(({ kind }) => kind === "reset")].map((each) => each.at);
  let free = at;
  while (others.some((other) => Math.abs(other - free) < rstGapMs)) free += 500;
  return free;
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.integer(list.length)] as T;
}
