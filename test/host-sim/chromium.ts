// Real Chromium for tests of pages. Where there is none the tests are skipped with one clear line, unless
// ALERTBOX_REQUIRE_ALL=1 says that this machine has to have it.

import { accessSync, constants } from "node:fs";
import type { Context } from "mocha";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core";

const PLACES: readonly string[] = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/snap/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const FLAGS: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

function exists(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not ours to run: the next place is tried.
    return false;
  }
}

/** Starts Chromium; undefined where there is none. `CHROMIUM` in the environment names another place. */
export async function launchChromium(): Promise<Browser | undefined> {
  const asked = process.env["CHROMIUM"];
  const path = asked === undefined ? PLACES.find(exists) : asked;
  if (path === undefined || !exists(path)) return undefined;
  return chromium.launch({ executablePath: path, args: [...FLAGS] });
}

/** A context whose pages are waited for as long as a very busy machine needs: Playwright's own limit is 30 s. */
export async function openContext(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(120_000);
  return context;
}

/** Starts Chromium, or skips the tests of this context. */
export async function openChromium(context: Context): Promise<Browser> {
  const browser = await launchChromium();
  if (browser !== undefined) return browser;
  const text = "Chromium is not here; install it, or set CHROMIUM to its path";
  if (process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw new Error(text);
  console.log(`      skipped: ${text}`);
  return context.skip();
}
