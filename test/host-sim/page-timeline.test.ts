// The timeline panel in real Chromium: steps of a press to scale, the last twenty presses, p50 and p90.

import assert from "node:assert/strict";
import { it } from "mocha";
import { type PressView, STEPS } from "../../host-sim/page/details.js";
import { rowsOf } from "../../host-sim/page/timeline.js";
import { describePage } from "./page-visit.js";

describePage("host-sim/page: the timeline", (visit) => {
  const steps = (pubcomp: number): PressView["steps"] => ({ pressed: 0, stored: 50, publish: 60, pubcomp });

  it("says what to do while there is no press", async () => {
    await visit.openPanel("Timeline");
    await visit.page.getByText("No press yet").waitFor();
    await visit.assertAccessible();
  });

  it("draws each step where it was, follows a press under way, and says what is usual", async () => {
    for (let number = 1; number <= 10; number++) visit.stage.press({ number, steps: steps(number * 100) });
    const panel = await visit.openPanel("Timeline");
    const row = (step: string) => panel.locator(`.steprow[data-step="${step}"]`);
    assert.equal(await panel.locator(".waterfall .steprow[data-step]").count(), STEPS.length, "no row ever moves");
    assert.match(
      (await row("pubcomp").textContent()) ?? "",
      /PUBCOMP\s+1000 ms after the press\s*p50\s+500 ms\s*p90\s+900 ms/,
    );
    assert.match((await row("wifi").textContent()) ?? "", /– has not happened\s*p50\s+–\s*p90\s+–/);
    const bar = `(() => {
      const { style } = document.querySelector('.steprow[data-step="pubcomp"] .bar');
      return [style.getPropertyValue("--from"), style.getPropertyValue("--to")];
    })()`;
    assert.deepEqual(await visit.page.evaluate(bar), ["0.06", "1"], "from the step before it to itself");
    visit.stage.press({ number: 11, id: "", outcome: "open", steps: { pressed: 0 } });
    await panel.locator(".headline", { hasText: "under way" }).waitFor();
    visit.stage.press({ number: 11, outcome: "waiting", steps: { pressed: 0, stored: 41 } });
    await panel.locator(".headline", { hasText: "stored, waits" }).waitFor();
    assert.match((await row("stored").textContent()) ?? "", /41 ms/);
    await panel.locator(".presses .headline", { hasText: /p50\s+500 ms, p90\s+900 ms/ }).waitFor();
    await visit.assertAccessible();
  });

  it("explains a step that is pointed at or focused", async () => {
    visit.stage.press({ steps: steps(64) });
    const panel = await visit.openPanel("Timeline");
    const said = panel.locator("#step-said");
    await panel.locator('.steprow[data-step="stored"]').hover();
    await said.filter({ hasText: "a power cut cannot lose it" }).waitFor();
    await panel.locator('.steprow[data-step="stored"]').focus();
    for (let step = STEPS.indexOf("stored"); step < STEPS.indexOf("pubcomp"); step++)
      await visit.page.keyboard.press("ArrowDown");
    await said.filter({ hasText: /^PUBCOMP: .*delivered.* 4 ms after PUBLISH\.$/ }).waitFor();
    await visit.page.keyboard.press("End");
    await said.filter({ hasText: "It has not happened in this press" }).waitFor();
  });

  it("keeps the last twenty presses, and shows the one that is chosen until the newest is chosen again", async () => {
    for (let number = 1; number <= 30; number++) visit.stage.press({ number, steps: steps(number) });
    const panel = await visit.openPanel("Timeline");
    assert.equal(await panel.locator(".pressrow").count(), 20);
    await panel.locator('.pressrow[data-number="12"]').click();
    await panel.locator(".waterfall .headline", { hasText: "5750-12-40146" }).waitFor();
    visit.stage.press({ number: 31 });
    await panel.locator('.pressrow[data-number="31"]').waitFor();
    assert.match((await panel.locator(".waterfall .headline").textContent()) ?? "", /5750-12-40146/);
    await visit.page.keyboard.press("Home");
    await panel.locator(".waterfall .headline", { hasText: "5750-31-40146" }).waitFor();
    visit.stage.press({ number: 32 });
    await panel.locator(".waterfall .headline", { hasText: "5750-32-40146" }).waitFor();
  });

  it("reckons with presses whose steps came out of order", () => {
    const press = { board: 0, number: 1, id: "", at: 0, outcome: "open", chargeMah: 0 } as const;
    const rows = rowsOf({ ...press, steps: { pressed: 0, stored: 40, publish: 30, connack: 45 } }, []);
    const at = (step: string) => rows.find((row) => row.step === step);
    assert.equal(at("publish")?.from, 0);
    assert.equal(at("stored")?.before, "publish");
    assert.equal(at("connack")?.before, "stored");
    assert.equal(at("pubrec")?.at, undefined);
  });
});
