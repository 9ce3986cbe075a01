// The faults panel in real Chromium: each fault is a switch that asks for it, and shows what the bench says of it.

import assert from "node:assert/strict";
import { it } from "mocha";
import { FAULTS } from "../../host-sim/page/details.js";
import { describePage } from "./page-visit.js";

describePage("host-sim/page: the faults", (visit) => {
  for (const { name, scope, title, text } of FAULTS) {
    it(`switches "${title}" on and off, and says what it does`, async () => {
      const panel = await visit.openPanel("Faults");
      const fault = panel.getByRole("switch", { name: title });
      await panel.getByText(text).waitFor();
      await fault.click();
      const board = scope === "board" ? { board: 0 } : {};
      assert.deepEqual(await visit.stage.asked(1), [{ type: "fault", fault: name, on: true, ...board }]);
      assert.equal(await fault.getAttribute("aria-checked"), "false", "only the bench knows that it is on");
      if (scope === "board") visit.stage.show(0, { faults: [name] });
      else visit.stage.setBench({ faults: [name] });
      await panel.locator(`#fault-${name}[aria-checked="true"]`).waitFor();
      await visit.page.getByRole("tab", { name: /Faults\s*1/ }).waitFor();
      await fault.click();
      assert.deepEqual((await visit.stage.asked(2))[1], { type: "fault", fault: name, on: false, ...board });
    });
  }

  it("switches Wi-Fi and broker, and cuts the power now", async () => {
    const panel = await visit.openPanel("Faults");
    await panel.getByRole("switch", { name: "No Wi-Fi" }).click();
    await panel.getByRole("switch", { name: "Broker down" }).click();
    await panel.getByRole("button", { name: "Cut power now" }).click();
    visit.stage.setBench({ wifiOn: false, brokerOn: false });
    await panel.locator('#fault-no-wifi[aria-checked="true"]').waitFor();
    await panel.locator('#fault-no-broker[aria-checked="true"]').waitFor();
    await visit.assertAccessible();
    await panel.getByRole("switch", { name: "No Wi-Fi" }).click();
    assert.deepEqual(await visit.stage.asked(4), [
      { type: "wifi", on: false },
      { type: "broker", on: false },
      { type: "blackout", board: 0 },
      { type: "wifi", on: true },
    ]);
  });

  it("shows on a tile how many faults its board has", async () => {
    visit.stage.show(1, { faults: ["bounce", "flash-cut"] });
    await visit.openPanel("Faults");
    await visit.page.locator(".tile", { hasText: "5751" }).locator(".count", { hasText: "2" }).waitFor();
  });

  it("does not offer to stop a broker that is not the bench's own", async () => {
    visit.stage.bench = { ...visit.stage.bench, brokerOurs: false };
    const panel = await visit.openPanel("Faults");
    assert.equal(await panel.getByRole("switch", { name: "Broker down" }).isDisabled(), true);
    await panel.getByText("stop it where it runs").waitFor();
  });
});
