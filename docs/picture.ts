// Makes the README's pictures in real Chromium: docs/bench.png, the bench as a visitor sees it after three presses, and
// docs/setup.png, the setup page of a box that nobody has set up, at the size of a phone. `npm run picture` runs it.
// Needs Chromium; nothing else depends on it.

import "../host-sim/globals.js";
import type { Browser } from "playwright-core";
import { Bench } from "../host-sim/bench.js";
import { parseOptions } from "../host-sim/options.js";
import { buildPage, PageServer } from "../host-sim/server.js";
import { launchChromium } from "../test/host-sim/chromium.js";

const SIZE = Object.freeze({ width: 1280, height: 860 } as const);
const PHONE = Object.freeze({ width: 390, height: 844 } as const);

async function startBench(...args: string[]): Promise<Bench> {
  const parsed = parseOptions(args);
  if (parsed.kind !== "run") throw new Error(`the bench does not start with ${args.join(" ")}`);
  return Bench.start(parsed.options, 5000);
}

async function benchPicture(browser: Browser, path: string): Promise<void> {
  const bench = await startBench();
  const server = await PageServer.start({ stage: bench, assets: await buildPage(), port: 8080, exactly: false });
  try {
    const page = await browser.newPage({ viewport: SIZE, deviceScaleFactor: 1, colorScheme: "light" });
    await page.goto(server.url);
    await page.locator(".step", { hasText: "connected" }).first().waitFor();
    for (let alerts = 1; alerts <= 3; alerts += 1) {
      bench.act({ type: "press", board: 0 });
      await page
        .locator('.step[data-word="delivered"]')
        .nth(alerts - 1)
        .waitFor({ state: "attached" });
      await page
        .locator('.step[data-source="alert"]')
        .nth(alerts - 1)
        .waitFor({ state: "attached" });
    }
    await page.screenshot({ path });
  } finally {
    await Promise.all([server.close(), bench.close()]);
  }
}

async function setupPicture(browser: Browser, path: string): Promise<void> {
  const bench = await startBench("--factory-new");
  try {
    const url = await new Promise<string>((resolve) => {
      bench.on((event) => {
        if (event.type === "board" && event.board.setup !== "") resolve(event.board.setup);
      });
    });
    const page = await browser.newPage({ viewport: PHONE, deviceScaleFactor: 2, colorScheme: "light" });
    await page.goto(url);
    await page.getByText("home", { exact: true }).click();
    await page.locator("#host").fill("192.168.1.10");
    await page.evaluate("document.activeElement.blur()");
    await page.getByText(/^\d+ found$/).waitFor();
    await page.screenshot({ path });
  } finally {
    await bench.close();
  }
}

const browser = await launchChromium();
if (browser === undefined) {
  console.error("alertbox: no Chromium here: install it, or set CHROMIUM to its path");
  process.exit(1);
}
try {
  for (const [name, draw] of [
    ["bench.png", benchPicture],
    ["setup.png", setupPicture],
  ] as const) {
    const path = new URL(name, import.meta.url).pathname;
    await draw(browser, path);
    console.log(`made ${path}`);
  }
} finally {
  await browser.close();
}
process.exit(0);
