// A bench with its page, in a process of its own, for bench/page.ts: so that what the page costs and what the bench
// costs are told apart. It presses its boards when it is asked to and says how much memory it holds. Measures nothing
// else, prints nothing.

import "../host-sim/globals.js";
import { Bench } from "../host-sim/bench.js";
import { parseOptions } from "../host-sim/options.js";
import type { BenchEvent } from "../host-sim/page/protocol.js";
import { buildPage, PageServer } from "../host-sim/server.js";

/** What the parent may ask. */
export type Ask =
  /** From now on each board is pressed once in so many milliseconds, one after the other; 0 ends that. */
  | { readonly ask: "press"; readonly everyMs: number }
  /** Presses so often that every list of the bench and of the page is as long as it ever will be. */
  | { readonly ask: "fill"; readonly presses: number }
  | { readonly ask: "memory" };

export type Say =
  | { readonly say: "ready"; readonly url: string }
  | { readonly say: "filled" }
  | ({ readonly say: "memory" } & HomeMemory);

/** After a collection of garbage; counts since the bench began. */
export interface HomeMemory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly packets: number;
  readonly events: number;
  readonly presses: number;
  readonly alerts: number;
  readonly duplicates: number;
  /** The wall clock, ms, when the bench's own stood at 0. */
  readonly epochMs: number;
}

/** How fast the lists are filled; afterwards time is real again. */
const FILL_SPEED = 100;

async function open(args: readonly string[]): Promise<void> {
  const parsed = parseOptions([...args]);
  if (parsed.kind !== "run") throw new Error(`the bench does not start with ${args.join(" ")}`);
  const bench = await Bench.start(parsed.options, 5000);
  const server = await PageServer.start({ stage: bench, assets: await buildPage(), port: 18_080, exactly: false });
  const say = (message: Say) => process.send?.(message);
  let packets = 0;
  let events = 0;
  let timer: NodeJS.Timeout | undefined;
  // The bench's clock stands behind while the machine is too slow for it: it is right when it is farthest ahead.
  let epochMs = Number.POSITIVE_INFINITY;
  bench.on((event) => {
    epochMs = Math.min(epochMs, Date.now() - bench.now);
    events += 1;
    if (event.type === "packet") packets += 1;
  });

  function press(everyMs: number): void {
    clearInterval(timer);
    if (everyMs === 0) return;
    const boards = bench.boards.map(({ index }) => index);
    let next = 0;
    timer = setInterval(() => {
      bench.act({ type: "press", board: boards[next % boards.length] ?? 0 });
      next += 1;
    }, everyMs / boards.length);
  }

  /** One press after the other on each board: the next when the alert has arrived. */
  async function fill(presses: number): Promise<void> {
    bench.act({ type: "time", speed: FILL_SPEED });
    for (let count = 0; count < presses; count += 1) {
      for (const { index } of bench.boards) await arrival(bench, index);
    }
    bench.act({ type: "time", speed: 1 });
  }

  function memory(): HomeMemory {
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    const sum = (of: "presses" | "alerts" | "duplicates") =>
      bench.boards.reduce((total, { view }) => total + view[of], 0);
    const [presses, alerts, duplicates] = [sum("presses"), sum("alerts"), sum("duplicates")];
    return { rss, heapUsed, packets, events, presses, alerts, duplicates, epochMs };
  }

  process.on("message", (message: Ask) => {
    switch (message.ask) {
      case "press":
        press(message.everyMs);
        return;
      case "fill":
        fill(message.presses).then(() => say({ say: "filled" }));
        return;
      case "memory":
        say({ say: "memory", ...memory() });
    }
  });
  // The parent is gone: nobody wants this any more.
  process.on("disconnect", () => process.exit(0));
  say({ say: "ready", url: server.url });
}

/** Presses a board that is online, and waits until the alert has arrived. */
function arrival(bench: Bench, board: number): Promise<void> {
  return new Promise((resolve) => {
    const end = bench.on((event: BenchEvent) => {
      if (event.type !== "line" || event.line.board !== board || event.line.source !== "alert") return;
      end();
      resolve();
    });
    bench.act({ type: "press", board });
  });
}

await open(process.argv.slice(2));
