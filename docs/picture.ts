// Makes the pictures of the documents in real Chromium: docs/bench.png, the bench as a visitor sees it after three
// presses; docs/setup.png, the setup page of a box that nobody has set up, at the size of a phone; docs/tour/, what
// docs/tour.md shows, on a walk along it. `npm run picture` makes them all. Needs Chromium; nothing else depends on it.

import "../host-sim/globals.js";
import { mkdir, writeFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { Bench } from "../host-sim/bench.js";
import { parseOptions } from "../host-sim/options.js";
import { buildPage, PageServer } from "../host-sim/server.js";
import { launchChromium } from "../test/host-sim/chromium.js";
import { withPalette } from "./palette.js";
import { TOUR } from "./tour.js";

const DOCS = new URL(".", import.meta.url).pathname;
const SIZE = Object.freeze({ width: 1280, height: 860 } as const);
const PHONE = Object.freeze({ width: 390, height: 844 } as const);

async function startBench(...args: string[]): Promise<Bench> {
  const parsed = parseOptions(args);
  if (parsed.kind !== "run") throw new Error(`the bench does not start with ${args.join(" ")}`);
  return Bench.start(parsed.options, 5000);
}

async function save(page: Page, path: string): Promise<void> {
  // The pointer says nothing in a picture, and neither does what it stands on.
  await page.mouse.move(0, 0);
  await writeFile(path, withPalette(await page.screenshot()));
  console.log(`made ${path}`);
}

/** A page on a bench of its own, which ends with what is done there. */
async function onBench(browser: Browser, visit: (page: Page, bench: Bench) => Promise<void>): Promise<void> {
  const bench = await startBench();
  const server = await PageServer.start({ stage: bench, assets: await buildPage(), port: 8080, exactly: false });
  const page = await browser.newPage({ viewport: SIZE, deviceScaleFactor: 1, colorScheme: "light" });
  try {
    await page.goto(server.url);
    await visit(page, bench);
  } finally {
    await page.close();
    await Promise.all([server.close(), bench.close()]);
  }
}

function benchPicture(browser: Browser): Promise<void> {
  return onBench(browser, async (page, bench) => {
    await page.locator(".step", { hasText: "connected" }).first().waitFor();
    for (let alerts = 0; alerts < 3; alerts += 1) {
      bench.act({ type: "press", board: 0 });
      const done = { state: "attached" } as const;
      await page.locator('.step[data-word="delivered"]').nth(alerts).waitFor(done);
      await page.locator('.step[data-source="alert"]').nth(alerts).waitFor(done);
    }
    await save(page, `${DOCS}bench.png`);
  });
}

async function tourPictures(browser: Browser): Promise<void> {
  await mkdir(`${DOCS}tour`, { recursive: true });
  await onBench(browser, async (page) => {
    for (const { go, picture } of TOUR) {
      await go(page);
      if (picture !== undefined) await save(page, `${DOCS}tour/${picture}`);
    }
  });
}

async function setupPicture(browser: Browser): Promise<void> {
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
    await save(page, `${DOCS}setup.png`);
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
  for (const make of [benchPicture, setupPicture, tourPictures]) await make(browser);
} finally {
  await browser.close();
}
process.exit(0);
