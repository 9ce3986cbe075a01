// A month of a box on a battery, simulated: whether every press arrived, once, and what it all drew. Two wirings side
// by side: the button on RST only, and on RST and a GPIO, where the box can tell a press from its retry timer. The
// firmware is that of the board, the currents are published ones of others, which the output names.
//
//   npm run battery                                  30 days, 20 presses a day
//   npm run battery -- --days 7 --presses 5 --seed 2 --mah 1200
//   npm run battery -- --markdown                    for the README
//   npm run battery -- --json                        for scripts
//
// Exit status: 0 every alert arrived once, 1 one was lost or came twice or unasked, 2 a mistake on the command line.

import "../host-sim/globals.js";
import { type Context, grouped, readOptions, Status, start, wholeNumber } from "../board/report.js";
import { capacitorMs } from "../host-sim/button.js";
import { Milliamperes } from "../host-sim/supply.js";
import { liveMonth, type Month, MonthHours, type MonthOptions, PRESS_GAP_MS, type Share } from "./month.js";
import { notesText, sheetText } from "./sheet.js";

const OPTIONS = Object.freeze({
  days: { type: "string" },
  presses: { type: "string" },
  seed: { type: "string" },
  mah: { type: "string" },
  markdown: { type: "boolean" },
  json: { type: "boolean" },
} as const);

const WIRINGS: readonly MonthOptions["wiring"][] = Object.freeze(["rst", "rst+gpio"]);

/** A second battery to compare with: a small lithium cell. */
const SMALL_MAH = 1000;
const DAYS_A_YEAR = 365.25;

export type Form = "text" | "markdown" | "json";

export interface Plan {
  readonly days: number;
  readonly presses: number;
  readonly seed: number;
  /** Batteries, mAh. */
  readonly capacities: readonly number[];
}

function planOf(values: { days?: string; presses?: string; seed?: string; mah?: string }): Plan {
  const mah = wholeNumber("mah", values.mah ?? "2500", 1, 1_000_000);
  return {
    days: wholeNumber("days", values.days ?? "30", 3, 366),
    presses: wholeNumber("presses", values.presses ?? "20", 1, 500),
    seed: wholeNumber("seed", values.seed ?? "1", 0, 999_999_999),
    capacities: mah === SMALL_MAH ? [mah] : [mah, SMALL_MAH],
  };
}

/** What the figures rest on. */
export function batteryNotes(plan: Plan): string[] {
  const { first, last, evening } = MonthHours;
  return [
    "Simulated, not measured on a board. The firmware is the real one, the currents are constants, and the time that the " +
      "processor takes to compute is not counted.",
    `${plan.presses} presses a day at random times from ${first} to ${last} h, at least ${PRESS_GAP_MS / 1000} s apart, seed ` +
      `${plan.seed}; one evening without router and one without broker (connections refused), ${evening} to ${last} h.`,
    `Currents: asleep ${Milliamperes.asleep} mA and radio on ${Milliamperes.radio} mA (D1 mini v3, salvatorelab.com, with its ` +
      `regulator); radio off ${Milliamperes.awake} mA (ESP8266EX datasheet), also while a finger holds RST. The LED's own ` +
      "current is not counted.",
    "Life is the capacity over the mean day of this month; all of the capacity is taken for usable, and nothing for lost by " +
      "the battery itself.",
    "`rst` has no retry timer: what could not be sent waits for the next press. `rst+gpio` retries by timer, 1 to 60 minutes " +
      `apart; its capacitor holds the GPIO for ${capacitorMs} ms after the finger.`,
  ];
}

function mah(value: number, digits = 3): string {
  return value.toFixed(digits);
}

/** 48586728 as `13 h 29 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function life(capacity: number, dayMah: number): string {
  const days = Math.floor(capacity / dayMah);
  return `${grouped(days)} days (${(days / DAYS_A_YEAR).toFixed(1)} years)`;
}

function share({ wakes, mah: drawn }: Share): string {
  return `${mah(drawn)} (${grouped(wakes)} ${wakes === 1 ? "wake" : "wakes"})`;
}

/** One row a line: what it says, and how to say it of a month. */
function rows(plan: Plan): readonly (readonly [string, (month: Month) => string])[] {
  return [
    ["presses", (month) => grouped(month.presses)],
    ["delivered", (month) => grouped(month.delivered)],
    ["lost", (month) => grouped(month.lost)],
    ["delivered twice", (month) => grouped(month.duplicates)],
    ["alerts without a press", (month) => grouped(month.phantoms)],
    ["later than 10 s", (month) => grouped(month.late)],
    ["press to broker, median", (month) => duration(month.medianDelayMs)],
    ["press to broker, worst", (month) => duration(month.worstDelayMs)],
    ["a press, median, mAh", (month) => mah(month.medianPressMah, 4)],
    ["an ordinary day, median, mAh", (month) => mah(month.medianDayMah)],
    ["the day of the evening without router, mAh", (month) => mah(month.routerDayMah)],
    ["the day of the evening without broker, mAh", (month) => mah(month.brokerDayMah)],
    ["mean day, mAh", (month) => mah(month.meanDayMah)],
    [`${plan.days} days, mAh`, (month) => mah(month.mah)],
    ["… asleep", (month) => mah(month.asleep.mah)],
    ["… presses", (month) => share(month.pressed)],
    ["… evening without router", (month) => share(month.withoutRouter)],
    ["… evening without broker", (month) => share(month.withoutBroker)],
    ["… battery fitted", (month) => share(month.fitted)],
    ...plan.capacities.map(
      (capacity) => [`life of ${grouped(capacity)} mAh`, (month: Month) => life(capacity, month.meanDayMah)] as const,
    ),
  ];
}

function isFlawless(month: Month): boolean {
  return month.lost === 0 && month.duplicates === 0 && month.phantoms === 0;
}

/** These are no rows: there are none, and when there are, they are to be seen. */
function faults(months: readonly Month[]): string[] {
  return months.flatMap(({ wiring, notStored, crashes, violations }) => [
    ...(notStored > 0 ? [`${wiring}: presses that found the journal full, and the LED said so: ${notStored}`] : []),
    ...(crashes > 0 ? [`${wiring}: crashes of the firmware: ${crashes}`] : []),
    ...(violations > 0 ? [`${wiring}: breaches of MQTT: ${violations}`] : []),
  ]);
}

function live(context: Context, plan: Plan): Month[] {
  const tell = (text: string) => {
    if (context.isTerminal) context.err(`\r\x1b[K${text}`);
  };
  const months = WIRINGS.map((wiring) =>
    liveMonth({ ...plan, wiring, passed: (days) => tell(`${wiring}: day ${days} of ${plan.days}`) }),
  );
  tell("");
  return months;
}

/** Says what came of it. Gives the exit status. */
export function tellMonths(context: Context, plan: Plan, months: readonly Month[], form: Form): number {
  const isGood = months.every(isFlawless);
  if (form === "json") {
    const lives = (month: Month) =>
      plan.capacities.map((capacity) => ({ mah: capacity, days: Math.floor(capacity / month.meanDayMah) }));
    const all = months.map((month) => ({ ...month, lives: lives(month) }));
    context.out(`${JSON.stringify({ simulated: true, ...plan, notes: batteryNotes(plan), months: all })}\n`);
  } else {
    const heading = [`${plan.days} days, button on`, ...months.map(({ wiring }) => wiring)];
    const sheet = rows(plan).map(([name, cell]) => [name, ...months.map(cell)]);
    context.out(`${sheetText([heading, ...sheet], form === "markdown")}\n`);
    context.out(notesText([...batteryNotes(plan), ...faults(months)]));
    context.out(isGood ? "\nEvery press arrived, once.\n" : "\nSomething was lost, came twice, or came unasked.\n");
  }
  return isGood ? Status.OK : Status.FAILED;
}

export async function battery(context: Context): Promise<number> {
  const values = readOptions(context.args, OPTIONS);
  const plan = planOf(values);
  const form = values.json === true ? "json" : values.markdown === true ? "markdown" : "text";
  return tellMonths(context, plan, live(context, plan), form);
}

start(import.meta.url, battery);
