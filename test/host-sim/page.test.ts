// The page as a whole in real Chromium: connection, keys, surroundings, several boards, widths and colours, and once on
// the real firmware. Its panels have tests of their own (page-*.test.ts).

import assert from "node:assert/strict";
import { it } from "mocha";
import { freePort } from "../../host-sim/free-port.js";
import { Command } from "./command.js";
import { boardView, FakeStage } from "./fake-stage.js";
import { describePage } from "./page-visit.js";

/** Runs in the page: counts in `window.flashes` how often the LED is lit. */
const WATCH_LED = `(() => {
  window.flashes = 0;
  const board = document.querySelector(".board");
  new MutationObserver(() => {
    if (board.classList.contains("lit")) window.flashes++;
  }).observe(board, { attributes: true, attributeFilter: ["class"] });
})()`;

describePage("host-sim/page", (visit) => {
  it("shows the broker, the switches and how to watch the alerts", async () => {
    await visit.open();
    assert.equal(await visit.text("#address"), "mqtt://127.0.0.1:1883");
    assert.match(await visit.text("#watch"), /^mosquitto_sub .* -v$/);
    assert.equal(await visit.page.getByRole("switch", { name: "Wi-Fi" }).getAttribute("aria-checked"), "true");
  });

  it("copies the line that watches the alerts", async () => {
    await visit.open({ permissions: ["clipboard-read", "clipboard-write"] });
    await visit.page.getByRole("button", { name: "Copy" }).click();
    await visit.page.getByRole("button", { name: "Copied" }).waitFor();
    assert.equal(await visit.page.evaluate("navigator.clipboard.readText()"), visit.stage.bench.watch);
  });

  it("has the terminal's keys", async () => {
    await visit.open();
    const { page, stage } = visit;
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
    await visit.open();
    const { page, stage } = visit;
    await page.keyboard.press("f");
    await page.locator("#press-hint", { hasText: "f again: factory reset" }).waitFor();
    assert.equal(stage.actions.length, 0);
    await visit.pressAgain("f");
    assert.deepEqual(await stage.asked(1), [{ type: "factory", board: 0 }]);
    await page.getByRole("button", { name: "Factory reset" }).click();
    await page.getByRole("button", { name: "Crash" }).click();
    await page.getByRole("button", { name: "Hold for setup" }).click();
    assert.deepEqual(
      (await stage.asked(4)).map(({ type }) => type),
      ["factory", "factory", "crash", "setup"],
    );
  });

  it("can switch the single keys off, and remembers it", async () => {
    await visit.open();
    await visit.page.keyboard.press("?");
    await visit.page.getByLabel("Single keys act on the bench").uncheck();
    await visit.page.keyboard.press("Escape");
    await visit.page.reload();
    await visit.live();
    await visit.page.keyboard.press("r");
    await visit.page.locator("#reset").click();
    assert.deepEqual(await visit.stage.asked(1), [{ type: "reset", board: 0 }]);
  });

  it("switches Wi-Fi, and shows where it stands", async () => {
    await visit.open();
    await visit.page.getByRole("switch", { name: "Wi-Fi" }).click();
    visit.stage.setBench({ wifiOn: false });
    await visit.page.locator('#wifi[aria-checked="false"]').waitFor();
    await visit.page.getByRole("switch", { name: "Wi-Fi" }).click();
    assert.deepEqual(await visit.stage.asked(2), [
      { type: "wifi", on: false },
      { type: "wifi", on: true },
    ]);
  });

  it("does not offer to switch a broker off that is not the bench's own", async () => {
    visit.stage.bench = { ...visit.stage.bench, brokerOurs: false };
    await visit.open();
    assert.equal(await visit.page.getByRole("switch", { name: "Broker" }).isDisabled(), true);
    await visit.page.keyboard.press("b");
    await visit.page.keyboard.press("r");
    assert.deepEqual(await visit.stage.asked(1), [{ type: "reset", board: 0 }]);
  });

  it("sets the boards' time: faster, paused, step by step, and on as before", async () => {
    await visit.open();
    const { page, stage } = visit;
    const step = page.getByRole("button", { name: "Step" });
    assert.equal(await step.isDisabled(), true);
    await page.getByLabel("10×", { exact: true }).check();
    stage.setBench({ speed: 10 });
    await page.keyboard.press(",");
    await stage.asked(2);
    stage.setBench({ paused: true });
    await page.locator("#step:enabled").waitFor();
    assert.equal(await page.getByLabel("Pause").isChecked(), true);
    await step.click();
    await page.keyboard.press(".");
    await page.keyboard.press(",");
    await page.getByLabel("100×", { exact: true }).check();
    assert.deepEqual(await stage.asked(6), [
      { type: "time", speed: 10 },
      { type: "time", speed: 0 },
      { type: "step" },
      { type: "step" },
      { type: "time", speed: 10 },
      { type: "time", speed: 100 },
    ]);
  });

  it("shows a speed that the bench was started with", async () => {
    visit.stage.bench = { ...visit.stage.bench, speed: 2 };
    await visit.open();
    assert.equal(await visit.page.getByLabel("2×").isChecked(), true);
  });

  it("says that the bench is away, and comes back with it by itself", async () => {
    await visit.open();
    const { page, server } = visit;
    const { port } = server;
    await server.close();
    await page.locator("#connection", { hasText: "not running" }).waitFor();
    const stage = new FakeStage();
    stage.tell("boot", "again");
    await visit.serve(stage, port);
    await visit.live();
    await page.locator(".detail", { hasText: "again" }).waitFor();
    await page.keyboard.press("r");
    assert.deepEqual(await stage.asked(1), [{ type: "reset", board: 0 }]);
    visit.forgiveRefusedConnections();
  });

  it("is live when the bench has said what there is: a key is not lost to a connection that only stands", async () => {
    await visit.open();
    const { page, stage } = visit;
    let release: (() => void) | undefined;
    let hold: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      hold = resolve;
    });
    // Only the first message of all is kept back.
    await page.routeWebSocket("**/live", (socket) => {
      socket.connectToServer().onMessage((message) => {
        if (release !== undefined) socket.send(message);
        release ??= () => socket.send(message);
        hold();
      });
    });
    await page.reload();
    await held;
    await page.locator("#connection", { hasText: "Connecting" }).waitFor();
    release?.();
    await visit.live();
    await page.keyboard.press("r");
    assert.deepEqual(await stage.asked(1), [{ type: "reset", board: 0 }]);
  });

  it("loads itself again when the bench serves a newer page", async () => {
    await visit.open();
    const { port } = visit.server;
    const loaded = visit.page.waitForEvent("load");
    await visit.server.close();
    const { assets } = visit;
    visit.assets = { ...assets, build: "newer" };
    await visit.serve(visit.stage, port);
    visit.assets = assets;
    await loaded;
    await visit.live();
    visit.forgiveRefusedConnections();
  });

  it("shows several boards and acts on the chosen one", async () => {
    await visit.server.close();
    await visit.serve(new FakeStage(12));
    await visit.open();
    const { page, stage } = visit;
    await page.locator(".tile").nth(11).waitFor();
    assert.equal(await page.locator(".tile").count(), 12);
    stage.tell("stored", "5752-1", { board: 2 });
    stage.emit({ type: "led", board: 2, on: true, at: 1 });
    await page.locator(".tile.lit", { hasText: "5752" }).click();
    await page.locator("#board-name", { hasText: "AlertBox 5752" }).waitFor();
    await page.locator(".detail", { hasText: "5752-1" }).waitFor();
    assert.equal(await page.locator(".board.lit").count(), 1);
    assert.equal(await page.locator('.tile[aria-pressed="true"]').textContent(), "5752online");
    await page.keyboard.press("r");
    await page.keyboard.press("[");
    await page.keyboard.press("r");
    await page.keyboard.press("]");
    await page.keyboard.press("]");
    await page.keyboard.press("r");
    assert.deepEqual(await stage.asked(3), [
      { type: "reset", board: 2 },
      { type: "reset", board: 1 },
      { type: "reset", board: 3 },
    ]);
  });

  it("adds a board and takes one away, and shows another one when the chosen one is gone", async () => {
    await visit.open();
    const { page, stage } = visit;
    assert.equal(await page.getByRole("button", { name: "Remove" }).isDisabled(), true);
    await page.getByLabel("Supply and wiring of a new board").selectOption("battery, button on RST");
    await page.getByRole("button", { name: "Add" }).click();
    assert.deepEqual(await stage.asked(1), [{ type: "add", mode: "battery", wiring: "rst" }]);
    stage.show(7, { mode: "battery", wiring: "rst" });
    await page.locator(".tile", { hasText: "5757" }).click();
    await page.getByRole("button", { name: "Remove 5757" }).click();
    assert.deepEqual((await stage.asked(2))[1], { type: "remove", board: 7 });
    stage.remove(7);
    await page.locator("#board-name", { hasText: "AlertBox 5750" }).waitFor();
    assert.equal(await page.locator(".tile").count(), 1);
    stage.remove(0);
    await page.getByText("All boards are gone").waitFor();
    await visit.assertAccessible();
    stage.show(8, {});
    await page.locator("#board-name", { hasText: "AlertBox 5758" }).waitFor();
    assert.equal(boardView(8).chipId, 5758);
  });

  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [360, 768, 1280, 1920]) {
      it(`fits ${width} pixels in ${colorScheme} colours, with enough contrast`, async () => {
        for (const word of ["pressed", "stored", "joining", "delivered", "sleeping", "refused", "released"]) {
          visit.stage.tell(word, "5750-1-40146", {
            opens: word === "pressed",
            source: word === "released" ? "bench" : "firmware",
          });
        }
        await visit.open({ colorScheme, viewport: { width, height: 800 } });
        await visit.page.locator(".step").first().waitFor();
        await visit.assertNoSidewaysScroll();
        for (const power of ["running", "booting", "asleep", "off"] as const) {
          const presence = power === "off" ? "lost" : power === "asleep" ? "sleeping" : "online";
          visit.stage.show(0, { power, presence, setup: power === "booting" ? "http://127.0.0.1:1/" : "" });
          await visit.page.locator(`#power[data-power="${power}"]`).waitFor();
          await visit.assertAccessible();
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
      await visit.open({}, url);
      const { page } = visit;
      await page.evaluate(WATCH_LED);
      await page.locator("#press").click();
      await page.locator(".chapter").last().locator('.step[data-word="delivered"]').waitFor();
      await page.locator(".chapter").last().locator('.step[data-source="alert"]').waitFor();
      await page.locator("#alerts", { hasText: "1" }).waitFor();
      await page.locator("#presence", { hasText: "online" }).waitFor();
      assert.ok(Number(await page.evaluate("window.flashes")) > 0, "the LED was lit");
      await page.keyboard.press("p");
      await page.locator("#power", { hasText: "no power" }).waitFor();
      await page.locator("#boots", { hasText: "2" }).waitFor();
      command.type("q");
      assert.equal(await command.ended, 0);
      await page.locator("#connection", { hasText: "not running" }).waitFor();
      await page.close();
      visit.forgiveRefusedConnections();
    } finally {
      await command.kill();
    }
  });

  it("can be walked through with the Tab key, and shows where the focus is", async () => {
    await visit.open();
    const { page } = visit;
    const seen: string[] = [];
    for (;;) {
      await page.keyboard.press("Tab");
      const name = String(
        await page.evaluate("(({ id, name, textContent }) => id || name || textContent)(document.activeElement)"),
      );
      if (seen.includes(name) || (await page.evaluate("document.activeElement === document.body"))) break;
      seen.push(name);
      const outlines = await page.evaluate(
        `[document.activeElement, document.activeElement.nextElementSibling ?? document.activeElement]
          .map((element) => getComputedStyle(element).outlineStyle)`,
      );
      assert.ok((outlines as string[]).includes("solid"), name);
    }
    for (const name of ["speed", "wifi", "broker", "help", "kind", "add", "press", "model", "reset", "blackout"]) {
      assert.ok(seen.includes(name), `${name} is reached`);
    }
    assert.equal(seen.at(-1), "copy");
  });
});
