// The broker panel in real Chromium: the topic tree, publishing and clearing, clients, figures, presence.

import assert from "node:assert/strict";
import { it } from "mocha";
import { describePage } from "./page-visit.js";

const LWT = "mresetar/alertbox/5750/lwt";

describePage("host-sim/page: the broker", (visit) => {
  it("says how to get a topic while there is none, and why the observer is away", async () => {
    visit.stage.setBroker({ connected: false, trouble: "connection refused" });
    const panel = await visit.openPanel("Broker");
    await panel.getByText("No topic yet").waitFor();
    await panel.getByText("The observer is not connected: connection refused").waitFor();
    await panel.getByText("Only the bench's own broker tells").waitFor();
    await visit.assertAccessible();
  });

  it("shows topics as a tree, which of them are retained, and their values as they change", async () => {
    visit.stage.topic(LWT, '{"state":"online"}');
    visit.stage.topic("mresetar/alertbox/5750/alert", '{"pushes":1}', { retained: false, qos: 2 });
    const panel = await visit.openPanel("Broker");
    const row = (topic: string) => panel.locator(`.topicrow[data-topic="${topic}"]`);
    assert.equal(await row(LWT).getAttribute("aria-level"), "4");
    assert.equal(await row(LWT).locator(".retained").count(), 1);
    assert.equal(await row("mresetar/alertbox/5750/alert").locator(".retained").count(), 0);
    await row(LWT).click();
    await panel.locator(".value-pane pre", { hasText: '"state": "online"' }).waitFor();
    visit.stage.topic(LWT, '{"state":"lost"}');
    await panel.locator(".value-pane pre", { hasText: '"state": "lost"' }).waitFor();
    await panel.getByText("QoS 1, 16 bytes, 2 seen, retained").waitFor();
    visit.stage.topic(LWT, "", { count: 0, retained: false });
    await row(LWT).waitFor({ state: "detached" });
    await visit.assertAccessible();
  });

  it("is a tree for the keyboard: arrows, Home, End, Enter", async () => {
    visit.stage.topic("a/b/c", "1");
    visit.stage.topic("a/d", "2");
    const panel = await visit.openPanel("Broker");
    await panel.getByRole("treeitem").first().focus();
    const focused = () => visit.page.evaluate("document.activeElement.dataset.topic");
    const walk: [key: string, topic: string][] = [
      ["ArrowDown", "a/b"],
      ["ArrowRight", "a/b/c"],
      ["ArrowLeft", "a/b"],
      ["End", "a/d"],
      ["ArrowLeft", "a"],
      ["ArrowRight", "a/b"],
    ];
    for (const [key, topic] of walk) {
      await visit.page.keyboard.press(key);
      await panel.locator(`.topicrow[data-topic="${topic}"]:focus`).waitFor();
    }
    await visit.page.keyboard.press("ArrowLeft");
    await panel.locator('.topicrow[data-topic="a/b"][aria-expanded="false"]:focus').waitFor();
    assert.equal(await panel.getByRole("treeitem").count(), 3);
    await visit.page.keyboard.press("Enter");
    await panel.locator('.topicrow[data-topic="a/b/c"]').waitFor();
    assert.equal(await focused(), "a/b");
    await visit.page.keyboard.press("Home");
    await panel.locator('.topicrow[data-topic="a"]:focus').waitFor();
    assert.equal(visit.stage.actions.length, 0);
  });

  it("publishes what is typed, clears a retained topic, and takes a value into the form", async () => {
    visit.stage.topic("mresetar/alertbox/5750/cmd/led", '{"pattern":"blink"}');
    const panel = await visit.openPanel("Broker");
    await panel.getByLabel("Topic", { exact: true }).fill("cvrči/cvrčak");
    await panel.getByLabel("Payload to publish").fill("na čvoru");
    await panel.getByLabel("QoS").selectOption("QoS 2");
    await panel.getByRole("button", { name: "Publish" }).click();
    await panel.locator('.topicrow[data-topic="mresetar/alertbox/5750/cmd/led"]').click();
    await panel.getByRole("button", { name: "Clear retained" }).click();
    await panel.getByRole("button", { name: "Into the form" }).click();
    await panel.getByRole("button", { name: "Publish" }).click();
    const led = { type: "publish", topic: "mresetar/alertbox/5750/cmd/led", qos: 1, retain: true } as const;
    assert.deepEqual(await visit.stage.asked(3), [
      { type: "publish", topic: "cvrči/cvrčak", payload: "na čvoru", qos: 2, retain: false },
      { ...led, payload: "" },
      { ...led, payload: '{"pattern":"blink"}' },
    ]);
    await panel.getByLabel("Topic", { exact: true }).fill("no/+/wildcards");
    await panel.getByRole("button", { name: "Publish" }).click();
    await panel.locator("#publish-topic:invalid").waitFor();
    assert.equal(visit.stage.actions.length, 3);
  });

  it("shows clients, the broker's own figures, and the presence of each box", async () => {
    visit.stage.show(1, { presence: "sleeping" });
    visit.stage.setBroker({
      connected: true,
      clients: [{ id: "alertbox-5750", since: 1500, clean: false }],
      sys: [["$SYS/broker/uptime", "312 seconds"]],
    });
    const panel = await visit.openPanel("Broker");
    await panel.getByRole("row", { name: "alertbox-5750 session kept since 1.5 s" }).waitFor();
    await panel.getByRole("row", { name: "broker/uptime 312 seconds" }).waitFor();
    await panel.getByRole("row", { name: /5751 sleeping/ }).waitFor();
    visit.stage.show(1, { presence: "lost" });
    await panel.getByRole("row", { name: /5751 lost/ }).waitFor();
    await visit.assertAccessible();
  });

  it("stays quick with many topics: what is deep is closed, and the list ends somewhere", async () => {
    for (let box = 0; box < 500; box++) visit.stage.topic(`mresetar/alertbox/${box}/lwt`, "x");
    const panel = await visit.openPanel("Broker");
    await panel.getByRole("treeitem").first().waitFor();
    assert.ok((await panel.getByRole("treeitem").count()) <= 400);
    await panel.getByText("More topics are not shown").waitFor();
  });
});
