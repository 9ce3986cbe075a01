// The panel "What happens" in real Chromium: chapters and steps of the firmware with their milliseconds.

import assert from "node:assert/strict";
import { it } from "mocha";
import { describePage } from "./page-visit.js";

describePage("host-sim/page: what happens", (visit) => {
  it("tells the steps of a press with their milliseconds, press after press, politely to screen readers", async () => {
    await visit.open();
    const { page, stage } = visit;
    assert.equal(await page.getByText("every step of the firmware appears here").isVisible(), true);
    stage.tell("pressed", "", { source: "bench", opens: true, since: 0 });
    stage.tell("stored", "5750-1-40146", { since: 52.4 });
    stage.tell("arrived", '{"pushes":1}', { source: "alert", since: 60 });
    stage.tell("delivered", "5750-1-40146", { since: 64 });
    await page.locator(".result", { hasText: "delivered, 64 ms" }).waitFor();
    const steps = await page.locator(".step").allInnerTexts();
    assert.deepEqual(
      steps.map((step) => step.replace(/\s+/g, " ").trim()),
      ["0 ms pressed", "52 ms stored 5750-1-40146", '60 ms arrived {"pushes":1}', "64 ms delivered 5750-1-40146"],
    );
    stage.tell("pressed", "", { source: "bench", opens: true, since: 0 });
    await page.locator(".chapter").nth(1).waitFor();
    assert.equal(await page.locator(".chapter").last().locator(".step").count(), 1);
    assert.equal(await page.getByRole("log").getAttribute("aria-live"), "polite");
    assert.equal(await page.getByText("every step of the firmware appears here").isVisible(), false);
    await page.locator("#clear").click();
    await page.locator(".chapter").first().waitFor({ state: "detached" });
    await page.reload();
    await page.locator(".chapter").nth(1).waitFor();
  });

  it("knows the words of setup and recovery in its chapters", async () => {
    await visit.open();
    const { page, stage } = visit;
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
      assert.equal(await visit.text(".result"), result);
    }
    stage.tell("crash", "the watchdog bites", { source: "crash", opens: true });
    await page.locator("h3", { hasText: "Crash" }).waitFor();
  });

  it("follows the end, until the reader scrolls up", async () => {
    await visit.open();
    const { page, stage } = visit;
    for (let index = 0; index < 60; index++) stage.tell("pressed", `press ${index}`, { opens: true });
    await page.locator(".detail", { hasText: "press 59" }).waitFor();
    const inView = async (text: string) => {
      const box = await page.locator(".detail", { hasText: text }).boundingBox();
      const list = await page.locator(".story").boundingBox();
      assert.ok(box !== null && list !== null);
      return box.y >= list.y && box.y + box.height <= list.y + list.height + 1;
    };
    assert.equal(await inView("press 59"), true);
    await page.locator(".story").hover();
    await page.mouse.wheel(0, -5000);
    await page.waitForFunction(() => {
      const list = (globalThis as unknown as { document: { querySelector(name: string): { scrollTop: number } } })
        .document;
      return list.querySelector(".story").scrollTop === 0;
    });
    stage.tell("stored", "the newest");
    await page.locator(".detail", { hasText: "the newest" }).waitFor({ state: "attached" });
    assert.equal(await inView("the newest"), false);
    assert.equal(await inView("press 30"), true);
  });

  it("puts each mark where its time is", async () => {
    await visit.open();
    visit.stage.tell("pressed", "", { opens: true, since: 0 });
    visit.stage.tell("stored", "", { since: 25 });
    visit.stage.tell("delivered", "", { since: 100 });
    await visit.page.locator(".step").nth(2).waitFor();
    const marks = `[...document.querySelectorAll(".track i")].map(({ style }) => style.getPropertyValue("--at"))`;
    assert.deepEqual(await visit.page.evaluate(marks), ["0", "0.25", "1"]);
  });

  it("shows what a payload says as text, whatever it says", async () => {
    await visit.open();
    visit.stage.tell("arrived", "<img src=x onerror=alert(1)>", { source: "alert" });
    await visit.page.locator(".detail", { hasText: "<img" }).waitFor();
    assert.equal(await visit.page.locator(".detail img").count(), 0);
  });

  it("keeps up with a thousand lines and keeps the list short", async () => {
    await visit.open();
    for (let index = 0; index < 1000; index++)
      visit.stage.tell(index % 10 === 0 ? "pressed" : "sent", "", { opens: index % 10 === 0 });
    visit.stage.tell("delivered", "last");
    await visit.page.locator(".detail", { hasText: "last" }).waitFor();
    assert.equal(await visit.page.locator(".chapter").count(), 30);
  });

  it("does not bring back what was cleared when the connection comes back", async () => {
    await visit.open();
    visit.stage.tell("pressed", "seen enough", { opens: true });
    await visit.page.locator(".detail", { hasText: "seen enough" }).waitFor();
    await visit.page.locator("#clear").click();
    const { port } = visit.server;
    await visit.server.close();
    await visit.page.locator("#connection", { hasText: "not running" }).waitFor();
    visit.stage.tell("stored", "new");
    await visit.serve(visit.stage, port);
    await visit.page.locator(".detail", { hasText: "new" }).waitFor();
    assert.equal(await visit.page.locator(".step").count(), 1);
    visit.forgiveRefusedConnections();
  });

  it("shows the same after a reload", async () => {
    await visit.open();
    visit.stage.tell("pressed", "", { opens: true });
    visit.stage.tell("stored", "5750-1-40146");
    await visit.page.locator(".detail", { hasText: "5750-1-40146" }).waitFor();
    await visit.page.reload();
    await visit.page.locator(".detail", { hasText: "5750-1-40146" }).waitFor();
    assert.equal(await visit.page.locator(".step").count(), 2);
  });
});
