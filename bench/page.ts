// What the bench page costs in real Chromium: frames, tasks, time from an event to the screen, memory. The boards run
// the real firmware, the figures come from the browser's own trace.
//
//   npm run bench:page                     a table: 50 boards and 200 packets a second
//   npm run bench:page -- --minutes 60     memory of page and server over an hour of one board
//   --boards, --packets, --seconds         other loads; --markdown for a README, --json for scripts

import { setTimeout as wait } from "node:timers/promises";
import { type Context, Failure, grouped, readOptions, Status, start, wholeNumber } from "../board/report.js";
import { freePort } from "../host-sim/free-port.js";
import { buildPage } from "../host-sim/server.js";
import { launchChromium } from "../test/host-sim/chromium.js";
import { HomeProcess } from "./home-process.js";
import { type BusyRow, measureBusy, PAIRS } from "./page-busy.js";
import { FILL, type Figure, measureHour, type Sample, slopeOf } from "./page-hour.js";
import type { Work } from "./page-trace.js";
import { notesText, type Sheet, sheetText } from "./sheet.js";

const OPTIONS = Object.freeze({
  boards: { type: "string" },
  packets: { type: "string" },
  seconds: { type: "string" },
  minutes: { type: "string" },
  markdown: { type: "boolean" },
  json: { type: "boolean" },
} as const);

/**
 * PUBLISH, PUBREC, PUBREL, PUBCOMP of the alert; PUBLISH and PUBACK of the box's state. Pressed more than once a second
 * a box would see double presses.
 */
const PACKETS_PER_PRESS = 6;
const PACKETS = 200;

const MEBI = 1024 * 1024;

function mebibytes(bytes: number): string {
  return (bytes / MEBI).toFixed(1);
}

function busySheet(rows: readonly BusyRow[]): Sheet {
  const heading = [
    "panels in sight",
    "packets/s",
    "frames/s",
    "longest task, ms",
    "tasks > 50 ms",
    "event to paint p50, ms",
    "p95, ms",
    "script, %",
    "style, %",
    "layout, %",
    "paint, %",
    "heap before, MiB",
    "after, MiB",
  ];
  const percent = ({ stretch }: BusyRow, ...work: Work[]) =>
    (100 * work.reduce((sum, each) => sum + stretch.shares[each], 0)).toFixed(1);
  const cells = rows.map((row) => [
    row.panels,
    row.packetsPerSecond.toFixed(0),
    row.stretch.framesPerSecond.toFixed(1),
    row.stretch.longestTaskMs.toFixed(0),
    String(row.stretch.longTasks),
    row.stretch.paintMs[0].toFixed(0),
    row.stretch.paintMs[1].toFixed(0),
    percent(row, "script", "garbage"),
    percent(row, "style"),
    percent(row, "layout"),
    percent(row, "paint"),
    mebibytes(row.heapBefore),
    mebibytes(row.heapAfter),
  ]);
  return [heading, ...cells];
}

/** What a browser loads, without the map to the sources, which only developer tools read. */
async function sizeNote(): Promise<string> {
  const { files } = await buildPage();
  const bodies = [...files].filter(([path]) => path !== "/favicon.ico").map(([, { body }]) => body);
  const plain = bodies.map((body) => body.replace(/\n\/[/*]# sourceMappingURL=data:.*/s, ""));
  const bytes = plain.reduce((sum, body) => sum + Buffer.byteLength(body), 0);
  return `The page has ${grouped(bytes)} bytes in ${bodies.length} files, not compressed: they come from this machine.`;
}

const BUSY_NOTES: readonly string[] = Object.freeze([
  "Tasks and shares are the main thread's own time on the processor; frames and event to paint are times of the clock, " +
    "and suffer from whatever else the machine does.",
  "Measured in headless Chromium without a graphics card; the firmware of all boards runs on the same machine. The " +
    "bench sends what has happened at most 30 times a second, so that is also the most frames there can be.",
  "Event to paint: from the packet at the broker's socket until the first frame that shows it, the oldest of each message.",
]);

const FIGURES = Object.freeze({
  pageHeap: "page, JavaScript heap, MiB",
  pageNodes: "page, DOM nodes",
  serverHeap: "server, heap, MiB",
  serverRss: "server, resident, MiB",
} as const);

function hourSheet(samples: readonly Sample[]): Sheet {
  const shown = (figure: Figure, value: number, digits = 1) =>
    figure === "pageNodes" ? value.toFixed(0) : (value / MEBI).toFixed(digits);
  const rows = (Object.keys(FIGURES) as Figure[]).map((figure) => {
    const values = samples.map((sample) => sample[figure]);
    return [
      FIGURES[figure],
      ...[values[0] ?? 0, Math.min(...values), Math.max(...values), values.at(-1) ?? 0].map((each) =>
        shown(figure, each),
      ),
      shown(figure, slopeOf(samples, figure), 2),
    ];
  });
  return [["memory", "first", "least", "most", "last", "slope per hour"], ...rows];
}

/** On free ports: whoever measures may have a bench and a broker running. */
async function startHome(...args: string[]): Promise<HomeProcess> {
  return HomeProcess.start("--port", `${await freePort()}`, "--setup-port", "0", ...args);
}

async function busy(boards: number, packets: number, seconds: number): Promise<BusyRow[]> {
  const home = await startHome("--boards", `${boards}`);
  const browser = await launchChromium();
  try {
    if (browser === undefined) throw new Failure("no Chromium here: install it, or set CHROMIUM to its path");
    home.press((1000 * boards * PACKETS_PER_PRESS) / packets);
    // All of them have joined, and what they do first is over.
    while ((await home.memory()).alerts < 2 * boards) await wait(200);
    const rows: BusyRow[] = [];
    for (const panels of PAIRS) rows.push(await measureBusy(browser, home, panels, seconds));
    return rows;
  } finally {
    await Promise.all([browser?.close(), home.close()]);
  }
}

async function hour({ err, signal }: Context, minutes: number): Promise<readonly Sample[]> {
  const home = await startHome();
  const browser = await launchChromium();
  try {
    if (browser === undefined) throw new Failure("no Chromium here: install it, or set CHROMIUM to its path");
    const tell = ({ minute, pageHeap, pageNodes, serverHeap, serverRss, alerts }: Sample) =>
      err(
        `minute ${minute}: page ${mebibytes(pageHeap)} MiB, ${pageNodes} nodes; server ${mebibytes(serverHeap)} MiB, ` +
          `resident ${mebibytes(serverRss)} MiB; ${alerts} alerts\n`,
      );
    return await measureHour(browser, home, minutes, tell, signal);
  } finally {
    await Promise.all([browser?.close(), home.close()]);
  }
}

export async function page(context: Context): Promise<number> {
  const options = readOptions(context.args, OPTIONS);
  const markdown = options.markdown === true;
  if (options.minutes !== undefined) {
    const samples = await hour(context, wholeNumber("minutes", options.minutes, 1, 10_000));
    const slopes = Object.fromEntries((Object.keys(FIGURES) as Figure[]).map((each) => [each, slopeOf(samples, each)]));
    const presses = `One board at its own speed, pressed every 30 s, after ${FILL} presses in fast time that filled every list.`;
    context.out(
      options.json === true
        ? `${JSON.stringify({ samples, slopes })}\n`
        : `${sheetText(hourSheet(samples), markdown)}\n${notesText([presses])}`,
    );
    return Status.OK;
  }
  const boards = wholeNumber("boards", options.boards ?? "50", 1, 64);
  const most = PACKETS_PER_PRESS * boards;
  const packets = wholeNumber("packets", options.packets ?? String(Math.min(PACKETS, most)), 1, most);
  const seconds = wholeNumber("seconds", options.seconds ?? "10", 1, 600);
  const rows = await busy(boards, packets, seconds);
  context.out(
    options.json === true
      ? `${JSON.stringify({ boards, packets, seconds, rows })}\n`
      : `${sheetText(busySheet(rows), markdown)}\n${notesText([...BUSY_NOTES, await sizeNote()])}`,
  );
  return Status.OK;
}

start(import.meta.url, page);
