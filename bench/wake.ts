// How long a press takes, part by part, and what it draws: with caches, without, and with caches that are no longer
// true. The firmware is that of the board, the world is simulated; the times of radio and router come from published
// measurements of others, which the output names.
//
//   npm run wake                  the table
//   npm run wake -- --markdown    for the README
//   npm run wake -- --json        for scripts, with the charge of each part

import "../host-sim/globals.js";
import { type Context, readOptions, Status, start, wholeNumber } from "../board/report.js";
import { RadioTimes } from "../host-sim/radio-terms.js";
import { Milliamperes } from "../host-sim/supply.js";
import { notesText, sheetText } from "./sheet.js";
import { msOf, PARTS, type PartName } from "./wake-meter.js";
import { HOLD_MS, LATENCY_MS, measureWakes, type Row } from "./wakes.js";

const OPTIONS = Object.freeze({
  seed: { type: "string" },
  markdown: { type: "boolean" },
  json: { type: "boolean" },
} as const);

/** The columns: what follows `reset →` is summed up, the rest is part after part. */
const HEADING = Object.freeze([
  "one press, ms",
  "reset → firmware",
  "→ joined",
  "→ TCP",
  "→ PUBCOMP",
  "reset → PUBCOMP",
  "→ asleep",
  "mAh",
]);

/** Where the figures of the simulated world come from. Said with every table, so that nobody takes it for a board's. */
export function wakeNotes(): string[] {
  return [
    "Simulated, not measured on a board. The firmware is the real one; radio, router and broker are models, and the " +
      "time that the processor takes to compute is not counted.",
    `Broker: round trips of ${2 * LATENCY_MS} ms, nothing lost, no jitter. One press says it all: there are no percentiles to give.`,
    "Reset to firmware, 120 ms: pokewithastick.net, 2022-02 (113 ms). A radio calibration adds about 200 ms: " +
      "core_esp8266_phy.c of Arduino core 2.3.0.",
    `Search of a known channel (${RadioTimes.probe} ms), association (${RadioTimes.associate}), handshake ` +
      `(${RadioTimes.handshake}), key derivation (${RadioTimes.deriveKey}), DHCP (780): medians of softplus/esp8266-wifi-timing ` +
      `(197, 1,086 and 3,898 ms for all of it), cut into parts. Search of a channel without an answer (${RadioTimes.scanChannel}): ` +
      `the SDK's log. Saving the station (${RadioTimes.save}): datasheet of the W25Q32FV.`,
    `Currents: ${Milliamperes.radio} mA with the radio on, ${Milliamperes.asleep} mA asleep (D1 mini v3, salvatorelab.com); ` +
      `${Milliamperes.awake} mA with the radio off (ESP8266EX datasheet). The LED's own current is not counted.`,
    `Button on RST, held for ${HOLD_MS} ms: nothing runs while it is held, so \`reset\` is when it is let go. The charge ` +
      "counts from the press to deep sleep. The LED shows the delivery for a second with the radio off, unless it is to be quiet.",
  ];
}

function milliseconds(value: number): string {
  return String(Math.round(value));
}

function cells({ circumstance, wake }: Row): string[] {
  const has = (name: PartName) => wake.parts.some((part) => part.name === name);
  const cell = (name: PartName) => (has(name) ? milliseconds(msOf(wake, name)) : "—");
  const toPubcomp = wake.ms - msOf(wake, "held") - msOf(wake, "asleep");
  return [
    circumstance.title,
    cell("firmware"),
    cell("joined"),
    cell("tcp"),
    cell("pubcomp"),
    has("pubcomp") ? milliseconds(toPubcomp) : "—",
    cell("asleep"),
    wake.mah.toFixed(4),
  ];
}

/** A row for scripts: each part by name, ms and mAh, and their sums. */
function record({ circumstance, wake }: Row): object {
  const parts = PARTS.flatMap((name) => wake.parts.filter((part) => part.name === name));
  return {
    id: circumstance.id,
    title: circumstance.title,
    delivered: wake.delivered,
    parts: parts.map(({ name, ms, mah }) => ({ name, ms: round(ms, 3), mah: round(mah, 7) })),
    ms: round(wake.ms, 3),
    mah: round(wake.mah, 7),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

export async function wake(context: Context): Promise<number> {
  const options = readOptions(context.args, OPTIONS);
  const seed = wholeNumber("seed", options.seed ?? "1", 0, 999_999_999);
  const rows = measureWakes(seed);
  if (options.json === true) {
    context.out(`${JSON.stringify({ simulated: true, seed, notes: wakeNotes(), rows: rows.map(record) })}\n`);
    return Status.OK;
  }
  context.out(`${sheetText([HEADING, ...rows.map(cells)], options.markdown === true)}\n`);
  context.out(notesText(wakeNotes()));
  return Status.OK;
}

start(import.meta.url, wake);
