// The page while a lot happens: some boards of the real firmware, each pressed again and again, and real Chromium that
// writes a trace of what it does. Gives one row per pair of panels. Prints nothing.

import type { Browser, CDPSession, Page } from "playwright-core";
import type { HomeProcess } from "./home-process.js";
import { CATEGORIES, Mark, readTrace, type Stretch, type TraceEvent } from "./page-trace.js";

/** The panels that are seen; every other one is hidden and has to cost nothing. */
export const PAIRS = Object.freeze([
  ["What happens", "Packets"],
  ["Timeline", "Broker"],
  ["What happens", "Memory"],
  ["Timeline", "Supply"],
  ["What happens", "Faults"],
] as const);

export interface BusyRow {
  readonly panels: string;
  readonly stretch: Stretch;
  /** What really passed. */
  readonly packetsPerSecond: number;
  readonly eventsPerSecond: number;
  /** Bytes of the page's JavaScript heap, after a collection of garbage. */
  readonly heapBefore: number;
  readonly heapAfter: number;
}

/**
 * Runs in the page before its own script: leaves a mark for each message, named by the wall clock less the bench's own
 * of its first packet. Text is searched, because to parse it twice would be measured, too.
 */
const MESSAGE_MARKS = `(() => {
    const Native = window.WebSocket;
    window.WebSocket = class extends Native {
      constructor(...args) {
        super(...args);
        this.addEventListener("message", ({ data }) => {
          if (data.startsWith('{"type":"snapshot"')) return;
          const start = data.indexOf('"type":"packet"');
          if (start < 0) return;
          const at = Number.parseFloat(data.slice(data.indexOf('"at":', start) + 5, start + 200));
          performance.mark("${Mark.MESSAGE}" + (Date.now() - at));
        });
      }
    };
  })()`;

/** Bytes of a page's JavaScript heap that are in use, after a collection of garbage. */
export async function heapOf(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return usedSize;
}

export async function openPage(browser: Browser, home: HomeProcess, panels: readonly string[]): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  await page.addInitScript(MESSAGE_MARKS);
  await page.goto(home.url);
  await page.locator("#connection", { hasText: "Live" }).waitFor();
  for (const name of panels) await page.getByRole("tab", { name }).click();
  return page;
}

/** One row. The boards are pressed meanwhile by `home`. */
export async function measureBusy(
  browser: Browser,
  home: HomeProcess,
  panels: readonly string[],
  seconds: number,
): Promise<BusyRow> {
  const page = await openPage(browser, home, panels);
  const session = await page.context().newCDPSession(page);
  const heapBefore = await heapOf(session);
  const before = await home.memory();
  await browser.startTracing(page, { categories: [...CATEGORIES] });
  await page.evaluate(`performance.mark("${Mark.BEGIN}")`);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await page.evaluate(`performance.mark("${Mark.END}")`);
  const trace = await browser.stopTracing();
  const after = await home.memory();
  const heapAfter = await heapOf(session);
  await page.close();
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: readonly TraceEvent[] };
  const stretch = readTrace(traceEvents, after.epochMs);
  const rate = (of: "packets" | "events") => (after[of] - before[of]) / stretch.seconds;
  return {
    panels: panels.join(" + "),
    stretch,
    packetsPerSecond: rate("packets"),
    eventsPerSecond: rate("events"),
    heapBefore,
    heapAfter,
  };
}
