// The memory of page and server while a board runs for a long time: sampled once a minute after collections of garbage,
// and the slope over all samples. Every list of both is filled before the first sample, so that what grows afterwards
// is a leak. Prints nothing.

import { setTimeout as wait } from "node:timers/promises";
import type { Browser } from "playwright-core";
import type { HomeProcess } from "./home-process.js";
import { heapOf, openPage } from "./page-busy.js";

export interface Sample {
  /** Minutes since the first one. */
  readonly minute: number;
  /** Bytes. */
  readonly pageHeap: number;
  readonly pageNodes: number;
  readonly serverHeap: number;
  readonly serverRss: number;
  readonly alerts: number;
}

export type Figure = "pageHeap" | "pageNodes" | "serverHeap" | "serverRss";

/** Presses that fill the lists: the bench keeps 3,000 lines and 2,000 packets, the page less. */
export const FILL = 700;

/** Milliseconds between presses. */
const PRESS_MS = 30_000;

const MINUTE_MS = 60_000;

/**
 * @param heard gets each sample as it is taken.
 * @param signal ends it before its time, with what there is until then.
 */
export async function measureHour(
  browser: Browser,
  home: HomeProcess,
  minutes: number,
  heard: (sample: Sample) => void,
  signal: AbortSignal,
): Promise<readonly Sample[]> {
  const page = await openPage(browser, home, ["What happens", "Packets"]);
  const session = await page.context().newCDPSession(page);
  await home.fill(FILL);
  home.press(PRESS_MS);
  const samples: Sample[] = [];
  const begin = performance.now();
  for (let minute = 0; minute <= minutes; minute += 1) {
    const until = Math.max(0, begin + minute * MINUTE_MS - performance.now());
    await wait(until, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (signal.aborted) break;
    const pageHeap = await heapOf(session);
    const { nodes } = await session.send("Memory.getDOMCounters");
    const { heapUsed, rss, alerts } = await home.memory();
    const sample = { minute, pageHeap, pageNodes: nodes, serverHeap: heapUsed, serverRss: rss, alerts };
    samples.push(sample);
    heard(sample);
  }
  await page.close();
  return samples;
}

/** Growth per hour, by least squares; 0 of fewer than two samples. */
export function slopeOf(samples: readonly Sample[], figure: Figure): number {
  const count = samples.length;
  if (count < 2) return 0;
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, each) => sum + of(each), 0) / count;
  const minute = mean((sample) => sample.minute);
  const value = mean((sample) => sample[figure]);
  const spread = samples.reduce((sum, each) => sum + (each.minute - minute) ** 2, 0);
  const together = samples.reduce((sum, each) => sum + (each.minute - minute) * (each[figure] - value), 0);
  return (together / spread) * 60;
}
