// The board panel in real Chromium: the drawing, the LED, and what mouse, finger and keys on the button ask for.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { it } from "mocha";
import { describePage } from "./page-visit.js";

describePage("host-sim/page: the board", (visit) => {
  it("shows the board, its state, and its pins by name", async () => {
    await visit.open();
    assert.equal(await visit.text("#board-name"), "AlertBox 5750");
    assert.equal(await visit.text("#power"), "awake");
    assert.equal(await visit.text("#presence"), "online");
    assert.equal(await visit.page.getByRole("img", { name: /NodeMCU.*D3/ }).count(), 1);
    const pins = await visit.page.locator(".board .silk").allTextContents();
    for (const pin of ["A0", "D0", "D3", "D8", "RST", "GND", "3V3", "Vin"]) assert.ok(pins.includes(pin), pin);
  });

  it("is drawn as a NodeMCU or as a D1 mini, with the wires of its wiring, and remembers which", async () => {
    await visit.open();
    await visit.page.getByLabel("D1 mini").check();
    await visit.page.getByRole("img", { name: /D1 mini.*D3/ }).waitFor();
    assert.equal(await visit.page.locator(".board .pad").count(), 16);
    const kinds = `[...document.querySelectorAll(".board .wire")].map(({ classList }) => classList[1])`;
    const wires = async () => [...new Set((await visit.page.evaluate(kinds)) as string[])].sort();
    assert.deepEqual(await wires(), ["ground", "signal"]);
    visit.stage.show(0, { wiring: "rst", mode: "battery" });
    await visit.page.getByRole("img", { name: /pin RST/ }).waitFor();
    assert.deepEqual(await wires(), ["ground", "reset"]);
    await visit.page.reload();
    await visit.live();
    visit.stage.show(0, { wiring: "rst+gpio" });
    await visit.page.getByRole("img", { name: /D1 mini.*RST and D1.*diode/ }).waitFor();
    assert.deepEqual(await wires(), ["ground", "power", "reset", "signal", "wake"]);
    const parts = await visit.page.locator(".board .part-name").allTextContents();
    for (const part of ["C1", "C2", "R1", "R2"]) assert.ok(parts.includes(part), part);
    const used = await visit.page.locator(".board .used").count();
    assert.equal(used, 5);
  });

  it("lights its LED exactly while the board's LED is lit", async () => {
    await visit.open();
    const lit = visit.page.locator(".board.lit");
    assert.equal(await lit.count(), 0);
    visit.stage.emit({ type: "led", board: 0, on: true, at: 1 });
    await lit.waitFor();
    visit.stage.emit({ type: "led", board: 0, on: false, at: 2 });
    await lit.waitFor({ state: "detached" });
  });

  it("follows the mouse: down when pressed, up when let go, also beside the button", async () => {
    await visit.open();
    const { page, stage } = visit;
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
    await page.locator("#press-hint", { hasText: /^Click, tap/ }).waitFor();
  });

  it("follows a finger", async () => {
    await visit.open({ hasTouch: true, isMobile: true, viewport: { width: 360, height: 740 } });
    await visit.page.locator("#press").tap();
    assert.deepEqual(await visit.stage.asked(2), [
      { type: "down", board: 0 },
      { type: "up", board: 0 },
    ]);
  });

  for (const key of ["Space", "Enter"]) {
    it(`follows ${key} on the focused button, without the keyboard's repetitions`, async () => {
      await visit.open();
      await visit.page.locator("#press").focus();
      await visit.page.keyboard.down(key);
      await visit.page.keyboard.down(key);
      await visit.page.keyboard.up(key);
      assert.deepEqual(await visit.stage.asked(2), [
        { type: "down", board: 0 },
        { type: "up", board: 0 },
      ]);
    });
  }

  it("takes Space for the button wherever the focus is, but leaves other controls their own", async () => {
    await visit.open();
    await visit.page.keyboard.press("Space");
    assert.deepEqual(await visit.stage.asked(2), [
      { type: "down", board: 0 },
      { type: "up", board: 0 },
    ]);
    await visit.page.locator("#reset").focus();
    await visit.page.keyboard.press("Space");
    assert.deepEqual((await visit.stage.asked(3))[2], { type: "reset", board: 0 });
  });

  it("lets go when the focus is taken away, and gives assistive technology a whole press", async () => {
    await visit.open();
    await visit.page.locator("#press").focus();
    await visit.page.keyboard.down("Space");
    await visit.stage.asked(1);
    await visit.page.locator("#reset").focus();
    assert.equal((await visit.stage.asked(2))[1]?.type, "up");
    await visit.page.evaluate('document.getElementById("press").click()');
    assert.deepEqual((await visit.stage.asked(4)).slice(2), [
      { type: "down", board: 0 },
      { type: "up", board: 0 },
    ]);
  });

  it("says what a hold means, by the wiring of the button", async () => {
    await visit.open();
    assert.match(await visit.text("#press-hint"), /10\u00a0s: factory reset/);
    visit.stage.show(0, { wiring: "rst", mode: "battery" });
    await visit.page.getByRole("button", { name: "Five presses: setup" }).waitFor();
    assert.match((await visit.page.locator("#factory-reset").getAttribute("title")) ?? "", /ten times/);
    await visit.page.locator("#press").focus();
    await visit.page.keyboard.down("Space");
    await visit.page.locator("#press-hint", { hasText: "the chip stands still" }).waitFor();
    await visit.page.keyboard.up("Space");
    await visit.page.locator("#press-hint", { hasText: /the reset is the press/ }).waitFor();
  });

  it("shows the setup while it is open: when it closes, what to type, and a phone beside the board", async () => {
    const box = createServer((_request, response) => response.end("<h1>the setup page</h1>")).listen(0, "127.0.0.1");
    await once(box, "listening");
    const setup = `http://127.0.0.1:${(box.address() as { port: number }).port}/`;
    try {
      await visit.open();
      const { page, stage } = visit;
      assert.equal(await page.locator("#setup").isVisible(), false);
      stage.show(0, { setup, setupSeconds: 118, presence: "" });
      await page.locator("#setup-left", { hasText: "closes in 118 s" }).waitFor();
      assert.equal(await visit.text("#setup-said"), "Setup is open");
      const link = page.getByRole("link", { name: "new tab" });
      assert.equal(await link.getAttribute("href"), setup);
      assert.equal(await page.locator("#phone").isVisible(), false);
      const opener = page.getByRole("button", { name: "Open the setup page as a phone sees it" });
      await opener.focus();
      await page.keyboard.press("Enter");
      await page.frameLocator("#phone-page").getByRole("heading", { name: "the setup page" }).waitFor();
      assert.equal(await opener.getAttribute("aria-expanded"), "true");
      assert.match(await visit.text(".typed"), /home.*correct horse.*127\.0\.0\.1:1883/s);
      stage.show(0, { setup: "", presence: "online" });
      await page.locator("#setup").waitFor({ state: "hidden" });
      assert.equal(await page.locator("#phone").isVisible(), true, "its last word can still be read");
      await page.frameLocator("#phone-page").getByRole("heading", { name: "the setup page" }).waitFor();
      await page.getByRole("button", { name: "Close" }).click();
      await page.locator("#phone").waitFor({ state: "hidden" });
      assert.equal(await page.locator("#phone-page").getAttribute("src"), null);
      assert.equal(await page.evaluate("document.activeElement.id"), "press");
    } finally {
      box.closeAllConnections();
      box.close();
      visit.complaints = visit.complaints.filter((complaint) => !complaint.startsWith(`asked for ${setup}`));
    }
  });

  it("has the phone by its key, too, which says how to open the setup", async () => {
    await visit.open();
    await visit.page.keyboard.press("8");
    await visit.page.getByText("The setup is closed").waitFor();
    await visit.assertAccessible();
    await visit.page.keyboard.press("8");
    await visit.page.locator("#phone").waitFor({ state: "hidden" });
  });

  it("switches power, and shows where it stands", async () => {
    await visit.open();
    await visit.page.getByRole("switch", { name: "Power" }).click();
    visit.stage.show(0, { power: "off", presence: "lost" });
    await visit.page.locator("#power", { hasText: "no power" }).waitFor();
    assert.equal(await visit.page.getByRole("switch", { name: "Power" }).getAttribute("aria-checked"), "false");
    assert.equal(await visit.text("#presence"), "lost");
    await visit.page.getByRole("switch", { name: "Power" }).click();
    assert.deepEqual(await visit.stage.asked(2), [
      { type: "power", board: 0, on: false },
      { type: "power", board: 0, on: true },
    ]);
  });
});
