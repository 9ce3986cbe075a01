// The scenarios panel in real Chromium: what can be played, how it goes, what a link brings, and what is kept.

import assert from "node:assert/strict";
import { it } from "mocha";
import type { ScenarioView } from "../../host-sim/page/details.js";
import { FASTEST } from "../../host-sim/page/protocol.js";
import { describePage } from "./page-visit.js";

const PLAYED: ScenarioView = Object.freeze({
  title: "A power cut",
  about: "",
  boards: [1],
  step: "blackout",
  outcome: "playing",
  failure: "",
});

describePage("host-sim/page: the scenarios", (visit) => {
  it("lists those that come along, and plays one", async () => {
    const panel = await visit.openPanel("Scenarios");
    await panel.getByText("The broker knows the box no more.").waitFor();
    await panel.getByRole("button", { name: "Play: A power cut" }).click();
    assert.deepEqual(await visit.stage.asked(1), [{ type: "play", name: "power-cut" }]);
    await visit.assertAccessible();
  });

  it("shows how it goes, on the board on which it is played, and stops it", async () => {
    const panel = await visit.openPanel("Scenarios");
    visit.stage.show(1, {});
    visit.stage.setBench({ scenario: PLAYED });
    await panel.getByRole("heading", { name: "A power cut: is played" }).waitFor();
    await panel.getByText("blackout").waitFor();
    await visit.page.getByRole("heading", { name: "AlertBox 5751" }).waitFor();
    await panel.getByRole("button", { name: "Stop" }).click();
    assert.deepEqual(await visit.stage.asked(1), [{ type: "stop" }]);
    visit.stage.setBench({
      scenario: { ...PLAYED, step: "", outcome: "failed", failure: "line 9, expect: alerts is 0" },
    });
    await panel.getByText("line 9, expect: alerts is 0").waitFor();
    assert.equal(await panel.getByRole("button", { name: "Stop" }).isDisabled(), true);
    visit.stage.setBench({ scenario: { ...PLAYED, step: "", outcome: "held" } });
    await panel.getByRole("heading", { name: "A power cut: all of it held" }).waitFor();
    await visit.assertAccessible();
  });

  it("a visited virtual world has its mark, its speed and the way back, and no command for another terminal", async () => {
    await visit.open();
    const { page, stage } = visit;
    stage.tell("stored", "of the own bench");
    await page.getByText("of the own bench").first().waitFor();
    stage.lines.length = 0;
    const virtual = { world: "virtual", visiting: true, watch: "", speed: FASTEST } as const;
    stage.bench = { ...stage.bench, ...virtual };
    stage.emit(stage.snapshot());
    await page.getByText("Virtual world").waitFor();
    assert.equal(await page.getByText("of the own bench").count(), 0, "its story is another");
    assert.equal(await page.getByRole("radio", { name: "max" }).isChecked(), true);
    assert.equal(await page.locator("#watch").count(), 0);
    await visit.assertAccessible();
    await page.getByRole("button", { name: "Back to your bench" }).click();
    assert.deepEqual(await stage.asked(1), [{ type: "back" }]);
    stage.bench = { ...stage.bench, world: "real", visiting: false, watch: "mosquitto_sub", speed: 1 };
    stage.emit(stage.snapshot());
    await page.getByText("mosquitto_sub").waitFor();
    assert.equal(await page.getByText("Virtual world").count(), 0);
    assert.equal(await page.getByRole("radio", { name: "max" }).count(), 0);
  });

  it("a link to one that comes along opens the panel, and plays it when asked", async () => {
    await visit.open({}, `${visit.server.url}#scenario=power-cut`);
    await visit.page.getByRole("heading", { name: "From the link: A power cut" }).waitFor();
    assert.deepEqual(visit.stage.actions, [], "nothing by itself");
    await visit.page.locator("#scenario-linked-play").click();
    assert.deepEqual(await visit.stage.asked(1), [{ type: "play", name: "power-cut" }]);
  });

  it("a link with a whole scenario brings it as it was written", async () => {
    const text = "title: Cvrčak\nsteps: [press]\n";
    const code = Buffer.from(text).toString("base64url");
    await visit.open({}, `${visit.server.url}#scenario=${code}`);
    await visit.page.getByRole("heading", { name: "From the link: Cvrčak" }).waitFor();
    await visit.page.locator("#scenario-linked-play").click();
    assert.deepEqual(await visit.stage.asked(1), [{ type: "play", text }]);
  });

  it("half a link is no scenario", async () => {
    await visit.open({}, `${visit.server.url}#scenario=%%%`);
    await visit.page.getByRole("tab", { name: "Scenarios" }).waitFor();
    assert.equal(await visit.page.getByText("From the link").count(), 0);
  });

  it("keeps what was done as a file, and as a link that brings it back", async () => {
    const text = "title: What was done on the bench\nsteps:\n  - press\n";
    visit.downloads.set("/scenario.yaml", () => ({ type: "application/yaml", body: Buffer.from(text) }));
    const panel = await visit.openPanel("Scenarios", { permissions: ["clipboard-read", "clipboard-write"] });
    const saved = visit.page.waitForEvent("download");
    await panel.getByRole("link", { name: "Save as a file" }).click();
    assert.equal((await saved).suggestedFilename(), "scenario.yaml");
    await panel.getByRole("button", { name: "Copy a link" }).click();
    await panel.getByText("Copied.").waitFor();
    const link = (await visit.page.evaluate("navigator.clipboard.readText()")) as string;
    assert.ok(link.startsWith(`${visit.server.url}#scenario=`), link);
    assert.equal(Buffer.from(link.slice(link.indexOf("=") + 1), "base64url").toString(), text);
  });
});
