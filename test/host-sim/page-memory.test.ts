// The memory panel in real Chromium: journal records and their bits as they change, slots, RTC words, budget.

import assert from "node:assert/strict";
import { it } from "mocha";
import { furnish, pressOnce } from "./busy-stage.js";
import { describePage } from "./page-visit.js";

describePage("host-sim/page: the memory", (visit) => {
  it("says how to get something while nothing was read", async () => {
    await visit.openPanel("Memory");
    await visit.page.getByText("Nothing read yet").waitFor();
    await visit.assertAccessible();
  });

  it("shows a record's status bits as they are cleared", async () => {
    const panel = await visit.openPanel("Memory");
    const record = { sequence: 42, id: "5750-42-40146", sector: 1, offset: 0x1040, text: "press" };
    for (const [status, bits] of [
      ["queued", "ffff fffe"],
      ["received", "ffff fffc"],
      ["done", "ffff fff8"],
    ] as const) {
      visit.stage.remember({ records: [{ ...record, status, bits }] });
      await panel.getByRole("row", { name: `5750-42-40146 ${status} ${bits} 1, 0x1040 press` }).waitFor();
    }
    visit.stage.remember({ records: [{ ...record, id: "", status: "torn", bits: "ffff ffff" }] });
    await panel.getByRole("row", { name: "42 torn" }).waitFor();
    assert.equal(await panel.locator("tbody tr").count(), 1);
  });

  it("shows the newest record first, settings, RTC words, and what of the budget is in use", async () => {
    furnish(visit.stage);
    pressOnce(visit.stage, 7, 600);
    const panel = await visit.openPanel("Memory");
    assert.match((await panel.locator(".records tbody tr").first().textContent()) ?? "", /5750-7-40146/);
    await panel.getByText("1088 of 4096 bytes; 62 writes, 3 erases").waitFor();
    await panel.locator(".slot", { hasText: "in force" }).getByText("generation 4").waitFor();
    await panel.getByRole("row", { name: "33 00000007 presses counted" }).waitFor();
    await panel.locator(".limit", { hasText: "send buffer" }).getByText("212 of 512 bytes").waitFor();
    const share = `document.querySelectorAll(".limit .gauge i")[1].style.getPropertyValue("--share")`;
    assert.equal(await visit.page.evaluate(share), String(212 / 512));
    await visit.assertAccessible();
  });

  it("draws the newest records of a full journal and counts the others", async () => {
    const records = Array.from({ length: 200 }, (_, index) => ({
      ...{
        sequence: index,
        id: `5750-${index}-40146`,
        sector: 0,
        offset: index * 20,
        bits: "ffff fff8",
        text: "press",
      },
      status: "done" as const,
    }));
    visit.stage.remember({ records });
    const panel = await visit.openPanel("Memory");
    await panel.getByText("And 140 older records").waitFor();
    assert.match((await panel.locator(".records tbody tr").first().textContent()) ?? "", /5750-199-40146/);
  });
});
