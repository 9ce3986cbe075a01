// The page in real Chromium, on a bench that does nothing: what a visitor sees, and what button, keys and switches ask
// for.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { type Assets, buildPage, PageServer } from "../../host-sim/server.js";
import { openChromium } from "./chromium.js";
import { Command, freePort } from "./command.js";
import { FakeStage } from "./fake-stage.js";

/** Runs in the page: every visible text with too little contrast to what is behind it (WCAG 2.2, 1.4.3). */
const LOW_CONTRAST = `(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const bad = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === "" || element.closest("svg, .big, noscript, dialog:not([open])")) continue;
    if (element.getClientRects().length === 0) continue;
    const style = getComputedStyle(element);
    const [light, dark] = [luminance(parse(style.color)), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) bad.push(element.className + ": " + walker.currentNode.data + " " + ratio.toFixed(2));
  }
  return bad;
})()`;

/** Runs in the page: counts in `window.flashes` how often the LED is lit. */
const WATCH_LED = `(() => {
  window.flashes = 0;
  const board = document.querySelector(".board");
  new MutationObserver(() => {
    if (board.classList.contains("lit")) window.flashes++;
  }).observe(board, { attributes: true, attributeFilter: ["class"] });
})()`;

describe("host-sim/page", function () {
  this.timeout(60_000);
  let browser: Browser | undefined;
  let assets: Assets;
  let stage: FakeStage;
  let server: PageServer;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  before(async function () {
    browser = await openChromium(this);
    assets = await buildPage();
  });

  after(() => browser?.close());

  beforeEach(async () => {
    stage = new FakeStage();
    server = await PageServer.start({ stage, assets, port: 18_180, exactly: false });
  });

  afterEach(async () => {
    await context?.close();
    await server.close();
    assert.deepEqual(complaints, [], "the console stays empty and every request stays here");
  });

  async function open(options: BrowserContextOptions = {}, url = server.url): Promise<void> {
    context = await (browser as Browser).newContext({ viewport: { width: 1280, height: 860 }, ...options });
    page = await context.newPage();
    complaints = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(url)) complaints.push(`asked for ${request.url()}`);
    });
    await page.goto(url);
    await page.locator("#connection", { hasText: "Live" }).waitFor();
  }

  const text = async (selector: string) => (await page.locator(selector).textContent()) ?? "";

  it("shows the board, the broker, the switches and how to watch the alerts", async () => {
    await open();
    assert.equal(await text("#board-name"), "AlertBox 5750");
    assert.equal(await text("#power"), "awake");
    assert.equal(await text("#presence"), "online");
    assert.equal(await text("#address"), "mqtt://127.0.0.1:1883");
    assert.match(await text("#watch"), /^mosquitto_sub .* -v$/);
    assert.equal(await page.getByRole("switch", { name: "Wi-Fi" }).getAttribute("aria-checked"), "true");
    assert.equal(await page.getByRole("img", { name: /NodeMCU.*D3/ }).count(), 1);
    const pins = await page.locator(".board .silk").allTextContents();
    for (const pin of ["A0", "D0", "D3", "D8", "RST", "GND", "3V3", "Vin"]) assert.ok(pins.includes(pin), pin);
  });

  it("lights its LED exactly while the board's LED is lit", async () => {
    await open();
    const lit = page.locator(".board.lit");
    assert.equal(await lit.count(), 0);
    stage.emit({ type: "led", board: 0, on: true, at: 1 });
    await lit.waitFor();
    stage.emit({ type: "led", board: 0, on: false, at: 2 });
    await lit.waitFor({ state: "detached" });
  });

  it("follows the mouse: down when pressed, up when let go, also beside the button", async () => {
    await open();
    const box = await page.locator("#press").boundingBox();
    assert.ok(box !== null);
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    assert.deepEqual(await stage.asked(1), [{ type: "down", board: 0 }]);
    await page.locator("#press-hint", { hasText: "long press" }).waitFor();
    await page.mouse.move(5, 5);
    assert.equal(stage.actions.length, 1);
    await page.mouse.up();
    assert.deepEqual((await stage.asked(2))[1], { type: "up", board: 0 });
    assert.match(await text("#press-hint"), /^Click, tap/);
  });

  it("follows a finger", async () => {
    await open({ hasTouch: true, isMobile: true, viewport: { width: 360, height: 740 } });
    await page.locator("#press").tap();
    assert.deepEqual(await stage.asked(2), [
      { type: "down", board: 0 },
      { type: "up", board: 0 },
    ]);
  });

  for (const key of ["Space", "Enter"]) {
    it(`follows ${key} on the focused button, without the keyboard's repetitions`, async () => {
      await open();
      await page.locator("#press").focus();
      await page.keyboard.down(key);
      await page.keyboard.down(key);
      await page.keyboard.up(key);
      assert.deepEqual(await stage.asked(2), [
        { type: "down", board: 0 },
        { type: "up", board: 0 },
      ]);
    });
  }

  it("takes Space for the button wherever the focus is, but leaves other controls their own", async () => {
    await open();
    await page.keyboard.press("Space");
    assert.deepEqual(await stage.asked(2), [
      { type: "down", board: 0 },
      { type: "up", board: 0 },
    ]);
    await page.locator("#reset").focus();
    await page.keyboard.press("Space");
    assert.deepEqual((await stage.asked(3))[2], { type: "reset", board: 0 });
  });

  it("lets go when the focus is taken away, and gives assistive technology a whole press", async () => {
    await open();
    await page.locator("#press").focus();
    await page.keyboard.down("Space");
    await stage.asked(1);
    await page.locator("#reset").focus();
    assert.equal((await stage.asked(2))[1]?.type, "up");
    await page.evaluate('document.getElementById("press").click()');
    assert.deepEqual((await stage.asked(4)).slice(2), [
      { type: "down", board: 0 },
      { type: "up", board: 0 },
    ]);
  });

  it("has the terminal's keys", async () => {
    await open();
    for (const key of ["l", "d", "s", "x", "r", "p", "w", "b"]) await page.keyboard.press(key);
    assert.deepEqual(await stage.asked(8), [
      { type: "long", board: 0 },
      { type: "double", board: 0 },
      { type: "setup", board: 0 },
      { type: "crash", board: 0 },
      { type: "reset", board: 0 },
      { type: "blackout", board: 0 },
      { type: "wifi", on: false },
      { type: "broker", on: false },
    ]);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("r");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    assert.equal(stage.actions.length, 8);
  });

  it("erases settings by the key only when it is asked twice, and by the button at once", async () => {
    await open();
    await page.keyboard.press("f");
    await page.locator("#press-hint", { hasText: "f again: factory reset" }).waitFor();
    assert.equal(stage.actions.length, 0);
    await page.keyboard.press("f");
    assert.deepEqual(await stage.asked(1), [{ type: "factory", board: 0 }]);
    await page.getByRole("button", { name: "Factory reset" }).click();
    await page.getByRole("button", { name: "Crash" }).click();
    await page.getByRole("button", { name: "Hold for setup" }).click();
    assert.deepEqual(
      (await stage.asked(4)).map(({ type }) => type),
      ["factory", "factory", "crash", "setup"],
    );
  });

  it("says what a hold means, by the wiring of the button", async () => {
    await open();
    assert.match(await text("#press-hint"), /10\u00a0s: factory reset/);
    stage.show(0, { wiring: "rst", mode: "battery" });
    await page.getByRole("button", { name: "Five presses: setup" }).waitFor();
    assert.match((await page.locator("#factory-reset").getAttribute("title")) ?? "", /ten times/);
    await page.locator("#press").focus();
    await page.keyboard.down("Space");
    await page.locator("#press-hint", { hasText: "the chip stands still" }).waitFor();
    await page.keyboard.up("Space");
    assert.match(await text("#press-hint"), /the reset is the press/);
  });

  it("shows the setup while it is open: what to type, when it closes, and a phone beside the board", async () => {
    const box = createServer((_request, response) => response.end("<h1>the setup page</h1>")).listen(0, "127.0.0.1");
    await once(box, "listening");
    const setup = `http://127.0.0.1:${(box.address() as { port: number }).port}/`;
    try {
      await open();
      complaints = [];
      assert.equal(await page.locator("#setup").isVisible(), false);
      stage.show(0, { setup, setupSeconds: 118, presence: "" });
      await page.locator("#setup-left", { hasText: "closes in 118 s" }).waitFor();
      assert.equal(await text("#setup-said"), "Setup is open");
      assert.match(await text(".typed"), /home.*correct horse.*127\.0\.0\.1:1883/s);
      const link = page.getByRole("link", { name: "new tab" });
      assert.equal(await link.getAttribute("href"), setup);
      assert.equal(await page.locator("#phone").isVisible(), false);
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await page.evaluate(LOW_CONTRAST), []);
      }
      const opener = page.getByRole("button", { name: "Open the setup page as a phone sees it" });
      await opener.focus();
      await page.keyboard.press("Enter");
      await page.frameLocator("#phone-page").getByRole("heading", { name: "the setup page" }).waitFor();
      assert.equal(await opener.getAttribute("aria-expanded"), "true");
      stage.show(0, { setup: "", presence: "online" });
      await page.locator("#setup").waitFor({ state: "hidden" });
      assert.equal(await page.locator("#phone").isVisible(), true, "its last word can still be read");
      await page.getByRole("button", { name: "Close" }).click();
      assert.equal(await page.locator("#phone").isVisible(), false);
      assert.equal(await page.locator("#phone-page").getAttribute("src"), null);
    } finally {
      box.closeAllConnections();
      box.close();
      complaints = complaints.filter((complaint) => !complaint.startsWith(`asked for ${setup}`));
    }
  });

  it("knows the words of setup and recovery in its chapters", async () => {
    await open();
    const results: [word: string, detail: string, result: string][] = [
      ["setup", "access point open", "setup open"],
      ["config", "trying", "trying new settings"],
      ["config", "rejected: wrong password", "settings not changed"],
      ["config", "applied", "settings saved"],
      ["setup", "closed", "settings saved"],
      ["setup", "closed after 120 s", "setup closed"],
      ["safe", "three bad boots", "safe mode"],
      ["factory-reset", "settings and stored alerts erased", "erased"],
      ["not-stored", "the journal is full", "not stored"],
    ];
    stage.tell("power on", "", { source: "bench", opens: true });
    for (const [word, detail, result] of results) {
      stage.tell(word, detail);
      await page.locator(".detail", { hasText: detail }).last().waitFor();
      assert.equal(await text(".result"), result);
    }
    stage.tell("crash", "the watchdog bites", { source: "crash", opens: true });
    await page.locator("h3", { hasText: "Crash" }).waitFor();
  });

  it("can switch the single keys off, and remembers it", async () => {
    await open();
    await page.keyboard.press("?");
    await page.getByLabel("Single keys act on the bench").uncheck();
    await page.keyboard.press("Escape");
    await page.reload();
    await page.locator("#connection", { hasText: "Live" }).waitFor();
    await page.keyboard.press("r");
    await page.locator("#reset").click();
    assert.deepEqual(await stage.asked(1), [{ type: "reset", board: 0 }]);
  });

  it("switches power, Wi-Fi and broker, and shows where they stand", async () => {
    await open();
    await page.getByRole("switch", { name: "Power" }).click();
    stage.show(0, { power: "off", presence: "lost" });
    await page.locator("#power", { hasText: "no power" }).waitFor();
    assert.equal(await page.getByRole("switch", { name: "Power" }).getAttribute("aria-checked"), "false");
    assert.equal(await text("#presence"), "lost");
    await page.getByRole("switch", { name: "Power" }).click();
    await page.getByRole("switch", { name: "Wi-Fi" }).click();
    stage.bench = { ...stage.bench, wifiOn: false };
    stage.emit({ type: "bench", bench: stage.bench });
    await page.locator('#wifi[aria-checked="false"]').waitFor();
    await page.getByRole("switch", { name: "Wi-Fi" }).click();
    assert.deepEqual(await stage.asked(4), [
      { type: "power", board: 0, on: false },
      { type: "power", board: 0, on: true },
      { type: "wifi", on: false },
      { type: "wifi", on: true },
    ]);
  });

  it("does not offer to switch a broker off that is not the bench's own", async () => {
    stage.bench = { ...stage.bench, brokerOurs: false };
    await open();
    assert.equal(await page.getByRole("switch", { name: "Broker" }).isDisabled(), true);
    await page.keyboard.press("b");
    await page.keyboard.press("r");
    assert.deepEqual(await stage.asked(1), [{ type: "reset", board: 0 }]);
  });

  it("tells the steps of a press with their milliseconds, newest press first, politely to screen readers", async () => {
    await open();
    assert.equal(await page.getByText("every step of the firmware appears here").isVisible(), true);
    stage.tell("pressed", "", { source: "bench", opens: true, since: 0 });
    stage.tell("stored", "5750-1", { since: 52.4 });
    stage.tell("arrived", '{"pushes":1}', { source: "alert", since: 60 });
    stage.tell("delivered", "5750-1", { since: 64 });
    await page.locator(".result", { hasText: "delivered, 64 ms" }).waitFor();
    const steps = await page.locator(".step").allInnerTexts();
    assert.deepEqual(
      steps.map((step) => step.replace(/\s+/g, " ").trim()),
      ["0 ms pressed", "52 ms stored 5750-1", '60 ms arrived {"pushes":1}', "64 ms delivered 5750-1"],
    );
    stage.tell("pressed", "", { source: "bench", opens: true, since: 0 });
    await page.locator(".chapter").nth(1).waitFor();
    assert.equal(await page.locator(".chapter").first().locator(".step").count(), 1);
    assert.equal(await page.getByRole("log").getAttribute("aria-live"), "polite");
    assert.equal(await page.getByText("every step of the firmware appears here").isVisible(), false);
    await page.locator("#clear").click();
    assert.equal(await page.locator(".chapter").count(), 0);
  });

  it("shows what a payload says as text, whatever it says", async () => {
    await open();
    stage.tell("arrived", "<img src=x onerror=alert(1)>", { source: "alert" });
    await page.locator(".detail", { hasText: "<img" }).waitFor();
    assert.equal(await page.locator(".detail img").count(), 0);
  });

  it("keeps up with a thousand lines and keeps the list short", async () => {
    await open();
    for (let index = 0; index < 1000; index++)
      stage.tell(index % 10 === 0 ? "pressed" : "sent", "", { opens: index % 10 === 0 });
    stage.tell("delivered", "last");
    await page.locator(".detail", { hasText: "last" }).waitFor();
    assert.equal(await page.locator(".chapter").count(), 30);
  });

  it("shows the same after a reload", async () => {
    await open();
    stage.tell("pressed", "", { opens: true });
    stage.tell("stored", "5750-1");
    await page.locator(".detail", { hasText: "5750-1" }).waitFor();
    await page.reload();
    await page.locator(".detail", { hasText: "5750-1" }).waitFor();
    assert.equal(await page.locator(".step").count(), 2);
  });

  it("says that the bench is away, and comes back with it by itself", async () => {
    await open();
    const { port } = server;
    await server.close();
    await page.locator("#connection", { hasText: "not running" }).waitFor();
    stage = new FakeStage();
    stage.tell("boot", "again");
    server = await PageServer.start({ stage, assets, port, exactly: true });
    await page.locator("#connection", { hasText: "Live" }).waitFor();
    await page.locator(".detail", { hasText: "again" }).waitFor();
    await page.keyboard.press("r");
    assert.deepEqual(await stage.asked(1), [{ type: "reset", board: 0 }]);
    // A connection that is refused while the bench is away is the one thing that Chromium itself writes to the console.
    complaints = complaints.filter((complaint) => !complaint.includes("ERR_CONNECTION_REFUSED"));
  });

  it("loads itself again when the bench serves a newer page", async () => {
    await open();
    const { port } = server;
    const loaded = page.waitForEvent("load");
    await server.close();
    server = await PageServer.start({ stage, assets: { ...assets, build: "newer" }, port, exactly: true });
    await loaded;
    await page.locator("#connection", { hasText: "Live" }).waitFor();
    complaints = complaints.filter((complaint) => !complaint.includes("ERR_CONNECTION_REFUSED"));
  });

  it("shows several boards and acts on the chosen one", async () => {
    await server.close();
    stage = new FakeStage(12);
    server = await PageServer.start({ stage, assets, port: 18_180, exactly: false });
    await open();
    assert.equal(await page.locator(".tile").count(), 12);
    stage.tell("stored", "5752-1", { board: 2 });
    stage.emit({ type: "led", board: 2, on: true, at: 1 });
    await page.locator(".tile.lit", { hasText: "5752" }).click();
    assert.equal(await text("#board-name"), "AlertBox 5752");
    assert.equal(await page.locator(".detail", { hasText: "5752-1" }).count(), 1);
    assert.equal(await page.locator(".board.lit").count(), 1);
    assert.equal(await page.locator('.tile[aria-pressed="true"]').textContent(), "5752online");
    await page.keyboard.press("r");
    await page.keyboard.press("1");
    await page.keyboard.press("r");
    assert.deepEqual(await stage.asked(2), [
      { type: "reset", board: 2 },
      { type: "reset", board: 0 },
    ]);
  });

  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [360, 768, 1920]) {
      it(`fits ${width} pixels in ${colorScheme} colours, with enough contrast`, async () => {
        for (const word of ["pressed", "stored", "joining", "delivered", "sleeping", "refused", "released"]) {
          stage.tell(word, "5750-1", { opens: word === "pressed", source: word === "released" ? "bench" : "firmware" });
        }
        await open({ colorScheme, viewport: { width, height: 800 } });
        await page.locator(".step").first().waitFor();
        assert.ok(Number(await page.evaluate("document.documentElement.scrollWidth")) <= width);
        for (const power of ["running", "booting", "asleep", "off"] as const) {
          stage.show(0, { power, presence: power === "off" ? "lost" : power === "asleep" ? "sleeping" : "online" });
          await page.locator(`#power[data-power="${power}"]`).waitFor();
          assert.deepEqual(await page.evaluate(LOW_CONTRAST), []);
        }
      });
    }
  }

  it("shows the real firmware: a press on the page lights the LED and arrives at the broker", async () => {
    // At the boards' own speed: in a faster world a click on a busy machine is a hold of seconds.
    const command = new Command(["--port", `${await freePort()}`]);
    try {
      const [, url = ""] = await command.wrote(/Page +(http:\S+)/);
      await command.wrote(/connected +new session/);
      await open({}, url);
      await page.evaluate(WATCH_LED);
      await page.locator("#press").click();
      await page.locator(".chapter").first().locator('.step[data-word="delivered"]').waitFor();
      await page.locator(".chapter").first().locator('.step[data-source="alert"]').waitFor();
      await page.locator("#alerts", { hasText: "1" }).waitFor();
      await page.locator("#presence", { hasText: "online" }).waitFor();
      assert.ok(Number(await page.evaluate("window.flashes")) > 0, "the LED was lit");
      await page.keyboard.press("p");
      await page.locator("#power", { hasText: "no power" }).waitFor();
      await page.locator("#boots", { hasText: "2" }).waitFor();
      command.type("q");
      assert.equal(await command.ended, 0);
      await page.locator("#connection", { hasText: "not running" }).waitFor();
      // It asks again and again, and Chromium says each time that nobody is there.
      await page.close();
      complaints = complaints.filter((complaint) => !complaint.includes("ERR_CONNECTION_REFUSED"));
    } finally {
      await command.kill();
    }
  });

  it("can be walked through with the Tab key, and shows where the focus is", async () => {
    await open();
    const seen: string[] = [];
    for (let index = 0; index < 12; index++) {
      await page.keyboard.press("Tab");
      seen.push(String(await page.evaluate("document.activeElement.id")));
      const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
      assert.equal(outline, "solid", seen.at(-1));
    }
    assert.deepEqual(seen, [
      ...["wifi", "broker", "help", "press", "reset", "blackout", "power-switch"],
      ...["open-setup", "factory-reset", "crash", "clear", "copy"],
    ]);
  });
});
