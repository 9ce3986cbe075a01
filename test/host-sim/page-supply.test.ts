// The supply panel in real Chromium: the plot, the cost of a press, the life of a battery by its formula.

import assert from "node:assert/strict";
import { it } from "mocha";
import { lastCharge, lifeDays, sleepMilliamperes } from "../../host-sim/page/battery.js";
import { describePage } from "./page-visit.js";

/** Runs in the page: how many dots of the plot are painted. */
const PAINTED = `(() => {
  const canvas = document.querySelector("#plot canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let painted = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] > 0) painted++;
  return painted;
})()`;

describePage("host-sim/page: the supply", (visit) => {
  it("says what to do while there is no current", async () => {
    await visit.openPanel("Supply");
    await visit.page.getByText("No current yet").waitFor();
    await visit.assertAccessible();
  });

  it("plots the current, and says what flows now", async () => {
    visit.stage.bench = { ...visit.stage.bench, now: 6000 };
    visit.stage.draw(1000, 75, 0.01);
    visit.stage.draw(5000, 15, 0.09);
    const panel = await visit.openPanel("Supply");
    await panel.locator("#plot canvas").waitFor();
    assert.equal(await panel.locator(".now").textContent(), "15 mA");
    const before = Number(await visit.page.evaluate(PAINTED));
    assert.ok(before > 1000, "axes, a line and what is below it");
    visit.stage.draw(6000, 0.084, 0.1);
    await panel.locator(".now", { hasText: "0.084 mA" }).waitFor();
    await panel.getByLabel("10 s", { exact: true }).check();
    await panel.getByRole("img", { name: "Current over the last 10 seconds; now 0.084 mA" }).waitFor();
    await visit.page.emulateMedia({ colorScheme: "dark" });
    await panel.locator("#plot canvas").waitFor();
    assert.equal(await panel.locator("#plot canvas").count(), 1);
    await visit.assertAccessible();
  });

  it("reckons how long a battery lasts, with its formula, and remembers what was typed", async () => {
    visit.stage.show(0, { mode: "battery", wiring: "rst" });
    visit.stage.draw(0, 75, 0);
    let panel = await visit.openPanel("Supply");
    await panel.getByText("wait until the box is asleep again").waitFor();
    assert.equal(await panel.locator("#life-days").textContent(), "–");
    visit.stage.draw(1000, 0.084, 0.03);
    visit.stage.press({ chargeMah: 0.03 });
    await panel.locator("#life-days", { hasText: "382 days" }).waitFor();
    await panel.getByText("382 = 1000 ÷ (24 × 0.084 + 20 × 0.030)").waitFor();
    assert.equal(await panel.locator("#press-charge").textContent(), "0.030 mAh");
    await panel.getByRole("spinbutton", { name: "Presses" }).fill("0");
    await panel.getByRole("spinbutton", { name: "Presses" }).fill("2");
    await panel.getByRole("spinbutton", { name: "Battery" }).fill("2500");
    await panel.locator("#life-days", { hasText: "1204 days" }).waitFor();
    await visit.page.reload();
    await visit.live();
    panel = visit.page.getByRole("tabpanel", { name: "Supply" });
    await panel.locator("#life-days", { hasText: "1204 days" }).waitFor();
  });

  it("says of a mains box that it never sleeps", async () => {
    visit.stage.draw(0, 75, 0);
    const panel = await visit.openPanel("Supply");
    await panel.getByText("runs on mains and never sleeps").waitFor();
  });

  it("reckons by what was drawn", () => {
    const draw = (milliamperes: number) => ({ board: 0, at: 0, milliamperes, chargeMah: 0 });
    assert.equal(sleepMilliamperes([draw(0), draw(75), draw(15)]), undefined);
    assert.equal(sleepMilliamperes([draw(0.084), draw(4.2), draw(75)]), 0.084);
    assert.equal(lastCharge([]), undefined);
    const battery = { capacityMah: 1000, pressesADay: 0, pressMah: 1, sleepMilliamperes: 1 };
    assert.equal(lifeDays(battery), 1000 / 24);
  });
});
