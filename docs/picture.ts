// Makes the README's picture, docs/bench.png: the bench as a visitor sees it after two presses, in real Chromium. `npm run
// picture` runs it. Needs Chromium; nothing else depends on it.

import "../host-sim/globals.js";
import { Bench } from "../host-sim/bench.js";
import { parseOptions } from "../host-sim/options.js";
import { buildPage, PageServer } from "../host-sim/server.js";
import { launchChromium } from "../test/host-sim/chromium.js";

const SIZE = Object.freeze({ width: 1280, height: 800 } as const);

async function picture(path: string): Promise<void> {
  const parsed = parseOptions([]);
  if (parsed.kind !== "run") throw new Error("the bench does not start without options");
  const bench = await Bench.start(parsed.options, 5000);
  const server = await PageServer.start({ stage: bench, assets: await buildPage(), port: 8080, exactly: false });
  const browser = await launchChromium();
  try {
    if (browser === undefined) throw new Error("no Chromium here: install it, or set CHROMIUM to its path");
    const page = await browser.newPage({ viewport: SIZE, deviceScaleFactor: 1 });
    await page.goto(server.url);
    await page.getByText("connected").last().waitFor();
    for (let alerts = 1; alerts <= 2; alerts += 1) {
      const arrived = bench.witness.delivered;
      bench.act({ type: "press", board: 0 });
      await page.getByText("delivered", { exact: true }).nth(arrived).waitFor();
    }
    await page
      .getByText(/^delivered, /)
      .nth(1)
      .waitFor();
    await page.screenshot({ path });
  } finally {
    await browser?.close();
    await Promise.all([server.close(), bench.close()]);
  }
}

const path = new URL("bench.png", import.meta.url).pathname;
await picture(path);
console.log(`made ${path}`);
process.exit(0);
