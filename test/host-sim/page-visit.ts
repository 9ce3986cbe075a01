// A visit to the bench page in real Chromium, on a bench that only remembers: what the tests of its panels share. Each
// test ends with a look at the console and at the requests, which must stay on this machine.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, beforeEach, describe } from "mocha";
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from "playwright-core";
import { type Assets, buildPage, type Download, PageServer } from "../../host-sim/server.js";
import { openChromium, openContext } from "./chromium.js";
import { FakeStage } from "./fake-stage.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Runs in the page: what axe-core finds wrong, as a line each. */
const RUN_AXE = `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => id + " " + target + ": " + failureSummary)))`;

/** Runs in the page: adds up in `window.shifted` how much of the layout has moved without being asked. */
const WATCH_SHIFTS = `(() => {
  window.shifted = [];
  new PerformanceObserver((list) => {
    for (const { hadRecentInput, value, sources } of list.getEntries()) {
      if (hadRecentInput) continue;
      const names = sources.map(({ node }) =>
        node?.id || node?.className || node?.parentNode?.className + ">" + node?.textContent);
      window.shifted.push(value.toFixed(5) + " " + names.join(" "));
    }
  }).observe({ type: "layout-shift", buffered: true });
})()`;

/** Runs in the page: is over in a task behind its next frame. */
const NEXT_FRAME = "new Promise((seen) => requestAnimationFrame(() => setTimeout(seen)))";

export class Visit {
  stage = new FakeStage();
  /** What console and requests had to complain about; a test that expects one takes it out. */
  complaints: string[] = [];
  /** What the server has beside the page. */
  readonly downloads = new Map<string, () => Download>();
  assets!: Assets;
  server!: PageServer;
  page!: Page;
  browser: Browser | undefined;
  #context: BrowserContext | undefined;

  async serve(stage: FakeStage, exactPort?: number): Promise<void> {
    this.stage = stage;
    const { assets, downloads } = this;
    const port = exactPort ?? 18_180;
    this.server = await PageServer.start({ stage, assets, downloads, port, exactly: exactPort !== undefined });
  }

  /** Opens the page and waits until it is live. */
  async open(options: BrowserContextOptions = {}, url = this.server.url): Promise<void> {
    this.#context = await openContext(this.browser as Browser, { viewport: { width: 1280, height: 860 }, ...options });
    this.page = await this.#context.newPage();
    this.page.on("console", (message) => this.complaints.push(message.text()));
    this.page.on("pageerror", (error) => this.complaints.push(error.message));
    this.page.on("request", (request) => {
      if (!request.url().startsWith(new URL("/", url).href)) this.complaints.push(`asked for ${request.url()}`);
    });
    await this.page.goto(url);
    await this.live();
  }

  /** Opens the page with one of its panels shown. */
  async openPanel(name: string, options: BrowserContextOptions = {}): Promise<Locator> {
    await this.open(options);
    await this.page.getByRole("tab", { name }).click();
    return this.page.getByRole("tabpanel", { name });
  }

  live(): Promise<void> {
    return this.page.locator("#connection", { hasText: "Live" }).waitFor();
  }

  async text(selector: string): Promise<string> {
    return (await this.page.locator(selector).textContent()) ?? "";
  }

  /** A key that has asked back, pressed once more; and again where a busy machine was too late with it. */
  async pressAgain(key: string): Promise<void> {
    do {
      await this.page.keyboard.press(key);
      await this.page.evaluate(NEXT_FRAME);
    } while ((await this.text("#press-hint")).startsWith(`${key} again`));
  }

  /** Fails with what axe-core, an independent judge of accessibility, finds wrong in the page as it is now. */
  async assertAccessible(): Promise<void> {
    if ((await this.page.evaluate("typeof axe")) === "undefined") await this.page.evaluate(AXE);
    assert.deepEqual(await this.page.evaluate(RUN_AXE), []);
  }

  async assertNoSidewaysScroll(): Promise<void> {
    const [wide, seen] = (await this.page.evaluate(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    )) as [number, number];
    assert.ok(wide <= seen, `the page is ${wide} pixels wide, the window ${seen}`);
  }

  watchShifts(): Promise<unknown> {
    return this.page.evaluate(WATCH_SHIFTS);
  }

  async shifts(): Promise<unknown> {
    // The observer is told in a task of its own, after the frame.
    await this.page.evaluate(NEXT_FRAME);
    return this.page.evaluate("window.shifted");
  }

  /** Chromium itself writes to the console that nobody is there, again and again while the bench is away. */
  forgiveRefusedConnections(): void {
    this.complaints = this.complaints.filter((complaint) => !complaint.includes("ERR_CONNECTION_REFUSED"));
  }

  async leave(): Promise<void> {
    await this.#context?.close();
    this.#context = undefined;
  }
}

/** Tests of the page: before each, a fresh FakeStage of one board is served. */
export function describePage(name: string, tests: (visit: Visit) => void): void {
  describe(name, () => {
    const visit = new Visit();

    before(async function () {
      visit.browser = await openChromium(this);
      visit.assets = await buildPage();
    });

    after(() => visit.browser?.close());

    beforeEach(async () => {
      visit.complaints = [];
      await visit.serve(new FakeStage());
    });

    afterEach(async () => {
      await visit.leave();
      await visit.server.close();
      assert.deepEqual(visit.complaints, [], "the console stays empty and every request stays here");
    });

    tests(visit);
  });
}
