// The page with every panel full, in real Chromium: nothing moves while a lot happens, it fits narrow and wide windows
// in light and dark, an independent judge finds it accessible, and all of it can be reached without a mouse.

import assert from "node:assert/strict";
import { it } from "mocha";
import { furnish, pressOnce } from "./busy-stage.js";
import { FakeStage } from "./fake-stage.js";
import { describePage } from "./page-visit.js";

const UPPER = ["What happens", "Timeline"] as const;
const LOWER = ["Packets", "Broker", "Memory", "Supply", "Faults"] as const;

describePage("host-sim/page: busy", (visit) => {
  for (const [upper, lower] of [
    ["What happens", "Packets"],
    ["Timeline", "Broker"],
    ["Timeline", "Memory"],
    ["What happens", "Supply"],
  ] as const) {
    it(`moves nothing while a minute passes in "${upper}" and "${lower}"`, async () => {
      furnish(visit.stage);
      pressOnce(visit.stage, 1, 500);
      await visit.open();
      const { page, stage } = visit;
      await page.getByRole("tab", { name: upper }).click();
      await page.getByRole("tab", { name: lower }).click();
      // Whatever moves within half a second after a click counts as asked for: loaded again, nobody has clicked.
      await page.reload();
      await visit.live();
      await page.getByRole("tab", { name: lower, selected: true }).waitFor();
      await visit.watchShifts();
      for (let number = 2; number <= 40; number++) {
        pressOnce(stage, number, 400 + (number % 7) * 30);
        stage.show(0, {
          power: number % 3 === 0 ? "asleep" : "running",
          presence: number % 3 === 0 ? "sleeping" : "online",
        });
        stage.show(0, { setup: number % 5 === 0 ? "http://127.0.0.1:1/" : "", setupSeconds: 120 - number });
        await page.evaluate("new Promise(requestAnimationFrame)");
      }
      await page.locator("#presses", { hasText: "40" }).waitFor();
      assert.deepEqual(await visit.shifts(), []);
    });
  }

  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [360, 1280]) {
      it(`shows every panel at ${width} pixels in ${colorScheme} colours, accessible`, async () => {
        furnish(visit.stage);
        for (let number = 1; number <= 21; number++) pressOnce(visit.stage, number, 500 + number);
        await visit.open({ colorScheme, viewport: { width, height: 800 } });
        for (const name of [...UPPER, ...LOWER]) {
          await visit.page.getByRole("tab", { name }).click();
          await visit.page.getByRole("tabpanel", { name }).waitFor();
          await visit.assertNoSidewaysScroll();
          await visit.assertAccessible();
        }
      });
    }
  }

  it("is reached by its keys alone: each panel, and from its tab what is in it", async () => {
    furnish(visit.stage);
    pressOnce(visit.stage, 1, 500);
    await visit.open();
    const { page } = visit;
    const focused = () =>
      page.evaluate("document.activeElement.id || document.activeElement.getAttribute('aria-label')");
    for (const [key, name] of [
      "What happens",
      "Timeline",
      "Packets",
      "Broker",
      "Memory",
      "Supply",
      "Faults",
    ].entries()) {
      await page.keyboard.press(`${key + 1}`);
      await page.getByRole("tab", { name, selected: true }).waitFor();
      await page.locator('[role="tab"][aria-selected="true"]:focus').waitFor();
    }
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "fault-no-wifi");
    await page.keyboard.press("Space");
    assert.deepEqual(await visit.stage.asked(1), [{ type: "wifi", on: false }]);
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("tab", { name: "Supply", selected: true }).waitFor();
    await page.keyboard.press("Home");
    await page.getByRole("tab", { name: "Packets", selected: true }).waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "packet-text");
    await page.keyboard.press("?");
    await page.keyboard.type("1r?");
    assert.equal(await page.getByRole("dialog").count(), 0, "a question mark typed into the filter is no key");
    assert.equal(visit.stage.actions.length, 1);
  });

  it("lists every key in its help", async () => {
    await visit.open();
    await visit.page.locator("#help").click();
    const keys = await visit.page.getByRole("dialog").locator("dt").allInnerTexts();
    const listed = keys.map((key) => key.trim());
    for (const key of [
      "Space",
      "l",
      "d",
      "s",
      "f f",
      "r",
      "x",
      "p",
      "w",
      "b",
      "m",
      ",",
      ".",
      "<",
      ">",
      "+",
      "- -",
      "[",
      "]",
      "1",
      "7",
      "8",
      "?",
    ]) {
      assert.ok(listed.includes(key), key);
    }
    await visit.assertAccessible();
  });

  it("has a document that is as large after many presses as after a few: what goes leaves nothing behind", async () => {
    furnish(visit.stage);
    for (let number = 1; number <= 60; number++) pressOnce(visit.stage, number, 500);
    await visit.open();
    const { page, stage } = visit;
    await page.getByRole("tab", { name: "Packets" }).click();
    /** Runs in the page: every node, comments and all, once the last press is shown. */
    const count = `(() => {
      const walk = document.createTreeWalker(document, NodeFilter.SHOW_ALL);
      let nodes = 0;
      while (walk.nextNode()) nodes += 1;
      return nodes;
    })()`;
    const settled = async (number: number) => {
      await page.locator("#presses", { hasText: `${number}` }).waitFor();
      await page
        .locator(".step", { hasText: `5750-${number}` })
        .last()
        .waitFor();
      await page.evaluate("new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)))");
      return Number(await page.evaluate(count));
    };
    const before = await settled(60);
    for (let number = 61; number <= 120; number++) {
      pressOnce(stage, number, 500);
      await page.evaluate("new Promise(requestAnimationFrame)");
    }
    const after = await settled(120);
    // A row more or less is in sight; one comment left behind by each press and packet would be hundreds.
    assert.ok(Math.abs(after - before) < 60, `${before} nodes, then ${after}`);
  });

  it("stays live with fifty boards and two hundred packets a second, and keeps what it draws small", async () => {
    await visit.server.close();
    await visit.serve(new FakeStage(50));
    await visit.open();
    const { page, stage } = visit;
    await page.getByRole("tab", { name: "Packets" }).click();
    for (let second = 0; second < 10; second++) {
      for (let count = 0; count < 200; count++) stage.packet({ board: count % 50, detail: `${second}/${count}` });
      for (let board = 0; board < 50; board++) stage.emit({ type: "led", board, on: second % 2 === 0, at: second });
      await page.evaluate("new Promise(requestAnimationFrame)");
    }
    await page.locator(".packet", { hasText: "9/150" }).waitFor();
    assert.ok(Number(await page.evaluate("document.querySelectorAll('*').length")) < 1500);
    await page.keyboard.press("]");
    await page.locator(".packet", { hasText: "9/151" }).waitFor();
    await visit.assertNoSidewaysScroll();
  });
});
