// A month (or any number of days) of a battery box in a stepped world: presses at random times of the day, one evening
// without router, one without broker. Counts what arrived and what it cost. Prints nothing; a seed gives the same month
// on every machine.

import type { Wiring } from "../host-sim/board.js";
import { Random } from "../host-sim/random.js";
import { World } from "../host-sim/world.js";
import { median } from "./sheet.js";
import { type Wake, WakeMeter } from "./wake-meter.js";

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

/** When people press, and when something is out of order, hours of the day. */
export const MonthHours = Object.freeze({ first: 7, last: 23, evening: 18 } as const);

/** Between two presses, at least: a person looks at the LED, or walks away. */
export const PRESS_GAP_MS = 5 * SECOND;
const LATENCY_MS = 10;
/** "At once" ends here; with caches a press takes less than half a second, without about four. */
const LATE_MS = 10 * SECOND;

export interface MonthOptions {
  /** 3 and more: two evenings go wrong, and the day after the later one is the last at the earliest. */
  readonly days: number;
  /** A day. */
  readonly presses: number;
  readonly seed: number;
  readonly wiring: Exclude<Wiring, "gpio">;
  /** Called at the end of each day. */
  readonly passed?: (days: number) => void;
}

/** What a share of the charge was drawn for. */
export interface Share {
  readonly wakes: number;
  readonly ms: number;
  readonly mah: number;
}

export interface Month {
  readonly wiring: MonthOptions["wiring"];
  readonly presses: number;
  readonly delivered: number;
  readonly lost: number;
  /** Of those, presses that the box could not store, which its LED says: the journal was full. */
  readonly notStored: number;
  /** Alerts that arrived more than once. */
  readonly duplicates: number;
  /** Alerts that nobody had pressed for, or that no box had stored. */
  readonly phantoms: number;
  /** Delivered more than 10 s after the press. */
  readonly late: number;
  readonly medianDelayMs: number;
  readonly worstDelayMs: number;
  readonly crashes: number;
  /** Breaches of MQTT that the broker noted. */
  readonly violations: number;
  readonly asleep: Share;
  /** Presses while everything was in order. */
  readonly pressed: Share;
  readonly withoutRouter: Share;
  readonly withoutBroker: Share;
  /** The first boot, when the battery was fitted. */
  readonly fitted: Share;
  /** The sum of the five. */
  readonly mah: number;
  /** A press while everything was in order. */
  readonly medianPressMah: number;
  /** A day on which everything was in order. */
  readonly medianDayMah: number;
  readonly routerDayMah: number;
  readonly brokerDayMah: number;
  readonly meanDayMah: number;
}

interface Evening {
  readonly day: number;
  readonly start: number;
  readonly end: number;
}

interface Step {
  readonly at: number;
  readonly act: () => void;
}

function eveningOf(day: number): Evening {
  return { day, start: day * DAY + MonthHours.evening * HOUR, end: day * DAY + MonthHours.last * HOUR };
}

/** Two different days, neither the last: what is stored then is to be seen to arrive. */
function evenings(random: Random, days: number): { router: Evening; broker: Evening } {
  const router = random.integer(days - 1);
  const broker = (router + 1 + random.integer(days - 2)) % (days - 1);
  return { router: eveningOf(router), broker: eveningOf(broker) };
}

/** The presses of one day, in order, no two too close. */
function pressTimes(random: Random, day: number, count: number): number[] {
  const span = (MonthHours.last - MonthHours.first) * HOUR - count * PRESS_GAP_MS;
  const times = Array.from({ length: count }, () => random.integer(span)).sort((a, b) => a - b);
  return times.map((time, index) => day * DAY + MonthHours.first * HOUR + time + index * PRESS_GAP_MS);
}

/** What happened to one box and its alerts. */
export class Ledger {
  readonly wakes: Wake[] = [];
  /** When each alert was stored; its press was not earlier than the reset before. */
  readonly pressedAt = new Map<string, number>();
  readonly arrivals = new Map<string, number[]>();
  readonly dayMah: number[] = [];
  notStored = 0;

  constructor(world: World, wiring: Wiring) {
    let resetAt = 0;
    new WakeMeter(world.board, wiring, (wake) => this.wakes.push(wake));
    world.board.on((event) => {
      if (event.type === "reset") resetAt = event.at;
      if (event.type !== "step") return;
      if (event.word === "stored") this.pressedAt.set(event.detail, resetAt);
      else if (event.word === "not-stored") this.notStored += 1;
    });
    world.broker.subscribe("mresetar/alertbox/+/alert", (message) => {
      const { id } = JSON.parse(message.payload) as { id: string };
      const times = this.arrivals.get(id);
      if (times === undefined) this.arrivals.set(id, [message.at]);
      else times.push(message.at);
    });
  }

  share(belongs: (wake: Wake) => boolean): Share {
    const wakes = this.wakes.filter(belongs);
    return {
      wakes: wakes.length,
      ms: wakes.reduce((sum, wake) => sum + wake.ms, 0),
      mah: wakes.reduce((sum, wake) => sum + wake.mah, 0),
    };
  }

  /** What became of so many presses. An alert counts once however often it arrived. */
  counts(presses: number): Pick<Month, "delivered" | "lost" | "duplicates" | "phantoms"> {
    const known = [...this.arrivals].filter(([id]) => this.pressedAt.has(id));
    return {
      delivered: known.length,
      lost: Math.max(0, presses - known.length),
      duplicates: [...this.arrivals.values()].filter((times) => times.length > 1).length,
      phantoms: this.arrivals.size - known.length + Math.max(0, known.length - presses),
    };
  }

  /** From press to arrival, of those that arrived. */
  delays(): number[] {
    const delays: number[] = [];
    for (const [id, pressedAt] of this.pressedAt) {
      const arrivedAt = this.arrivals.get(id)?.[0];
      if (arrivedAt !== undefined) delays.push(arrivedAt - pressedAt);
    }
    return delays;
  }
}

/** Everything that happens to the box from outside, in order. */
function script(world: World, ledger: Ledger, options: MonthOptions, bad: ReturnType<typeof evenings>): Step[] {
  const random = new Random(options.seed).fork("presses");
  const steps: Step[] = [
    { at: bad.router.start, act: () => world.wifi.down() },
    { at: bad.router.end, act: () => world.wifi.up() },
    { at: bad.broker.start, act: () => world.broker.stop() },
    { at: bad.broker.end, act: () => world.broker.start() },
  ];
  let before = 0;
  for (let day = 0; day < options.days; day += 1) {
    for (const at of pressTimes(random, day, options.presses)) steps.push({ at, act: () => world.press() });
    steps.push({
      at: (day + 1) * DAY,
      act: () => {
        const mah = world.board.chargeMah;
        ledger.dayMah.push(mah - before);
        before = mah;
        world.broker.forgetPast();
        options.passed?.(day + 1);
      },
    });
  }
  return steps.sort((a, b) => a.at - b.at);
}

/** Lives through it. */
export function liveMonth(options: MonthOptions): Month {
  const { days, presses, seed, wiring } = options;
  if (days < 3) throw new RangeError(`a month has at least 3 days, not ${days}`);
  const world = new World({ seed, latencyMs: LATENCY_MS, board: { wiring, powered: false } });
  const ledger = new Ledger(world, wiring);
  world.board.powerOn();
  const bad = evenings(new Random(seed).fork("evenings"), days);
  for (const { at, act } of script(world, ledger, options, bad)) {
    world.run(at - world.now);
    act();
  }
  const month = account(world, ledger, bad, days * presses, wiring);
  world.close();
  return month;
}

/** Whether a wake belongs to an evening that went wrong: a press within it, or a retry that it led to. */
function during(evening: Evening, wake: Wake): boolean {
  const end = wake.cause === "retry" ? (evening.day + 1) * DAY + MonthHours.first * HOUR : evening.end;
  return wake.at >= evening.start && wake.at < end;
}

function account(
  world: World,
  ledger: Ledger,
  bad: ReturnType<typeof evenings>,
  presses: number,
  wiring: MonthOptions["wiring"],
): Month {
  const { board, broker } = world;
  const total = board.chargeMah;
  const awake = ledger.share(() => true);
  const isFitted = (wake: Wake) => wake.cause === "power";
  const isRouter = (wake: Wake) => !isFitted(wake) && during(bad.router, wake);
  const isBroker = (wake: Wake) => !isFitted(wake) && !isRouter(wake) && during(bad.broker, wake);
  const isPressed = (wake: Wake) => !isFitted(wake) && !isRouter(wake) && !isBroker(wake);
  const good = ledger.wakes.filter((wake) => isPressed(wake) && !wake.interrupted);
  const { dayMah } = ledger;
  const goodDays = dayMah.filter((_mah, day) => day !== bad.router.day && day !== bad.broker.day);
  const delays = ledger.delays();
  return {
    wiring,
    presses,
    ...ledger.counts(presses),
    notStored: ledger.notStored,
    late: delays.filter((delay) => delay > LATE_MS).length,
    medianDelayMs: median(delays),
    worstDelayMs: delays.reduce((worst, delay) => Math.max(worst, delay), 0),
    crashes: board.crashes,
    violations: broker.violations.length,
    asleep: { wakes: 0, ms: world.now - awake.ms, mah: total - awake.mah },
    pressed: ledger.share(isPressed),
    withoutRouter: ledger.share(isRouter),
    withoutBroker: ledger.share(isBroker),
    fitted: ledger.share(isFitted),
    mah: total,
    medianPressMah: median(good.map((wake) => wake.mah)),
    medianDayMah: median(goodDays),
    routerDayMah: dayMah[bad.router.day] ?? 0,
    brokerDayMah: dayMah[bad.broker.day] ?? 0,
    meanDayMah: total / dayMah.length,
  };
}
