// The packets panel in real Chromium: both directions, filters, raw bytes, broken rules, and many packets.

import assert from "node:assert/strict";
import { it } from "mocha";
import type { Locator } from "playwright-core";
import { dump } from "../../host-sim/page/packet-filter.js";
import { describePage } from "./page-visit.js";

describePage("host-sim/page: the packets", (visit) => {
  const types = (panel: Locator) => panel.locator(".packet:not(.head) .type").allTextContents();

  function exchange(): void {
    const ack = { qos: undefined, topic: "", detail: "" } as const;
    visit.stage.packet({ ...ack, type: "TCP open", packetId: undefined });
    visit.stage.packet({ ...ack, type: "CONNECT", packetId: undefined, detail: "alertbox-5750" });
    visit.stage.packet({ type: "PUBLISH", packetId: 28, dup: true, retain: true });
    visit.stage.packet({ ...ack, type: "PUBREC", direction: "down", packetId: 28 });
    visit.stage.packet({ ...ack, type: "PINGREQ", packetId: undefined });
    visit.stage.packet({ type: "SUBSCRIBE", topic: "mresetar/alertbox/5750/cmd/#", packetId: 29 });
  }

  it("says how to get one while there is none", async () => {
    await visit.openPanel("Packets");
    await visit.page.getByText("No packet yet").waitFor();
    await visit.assertAccessible();
  });

  it("shows direction, type, QoS, flags, id, topic and payload, and leads to the capture file", async () => {
    exchange();
    const panel = await visit.openPanel("Packets");
    const row = panel.locator('.packet[data-type="PUBLISH"]');
    const cells = (await row.locator("[role=gridcell]").allTextContents()).map((text) => text.trim());
    const topic = "mresetar/alertbox/5750/alert";
    assert.deepEqual(cells, ["0.030", "↑up", "PUBLISH", "2", "retain DUP", "28", topic, '{"pushes":3}']);
    assert.equal(await panel.locator('.packet[data-type="PUBREC"] .direction').first().textContent(), "↓down");
    const link = panel.getByRole("link", { name: "pcap" });
    assert.equal(await link.getAttribute("href"), "/alertbox.pcap");
    await visit.assertAccessible();
  });

  it("filters by kind and text, and hides pings unless they are wanted", async () => {
    exchange();
    const panel = await visit.openPanel("Packets");
    assert.deepEqual(await types(panel), ["TCP open", "CONNECT", "PUBLISH", "PUBREC", "SUBSCRIBE"]);
    await panel.getByLabel("Hide pings").uncheck();
    await panel.locator('.packet[data-type="PINGREQ"]').waitFor();
    await panel.getByRole("button", { name: "Answers" }).click();
    await panel.getByRole("button", { name: "Connection" }).click();
    await panel.locator('.packet[data-type="PINGREQ"]').waitFor({ state: "detached" });
    assert.deepEqual(await types(panel), ["TCP open", "CONNECT", "PUBREC"]);
    await panel.getByRole("button", { name: "Answers" }).click();
    await panel.getByRole("button", { name: "Connection" }).click();
    await panel.getByLabel("Filter by text").fill("CMD/#");
    await panel.locator('.packet[data-type="PUBREC"]').waitFor({ state: "detached" });
    assert.deepEqual(await types(panel), ["SUBSCRIBE"]);
    await panel.getByLabel("Filter by text").fill("nothing has this");
    await panel.getByText("No packet fits the filter").waitFor();
    assert.equal(visit.stage.actions.length, 0, "letters typed into the filter are no keys of the bench");
  });

  it("shows the bytes of a packet that is picked, and the rule that it breaks", async () => {
    exchange();
    const breach = { statement: "MQTT-3.3.2-2", detail: "a topic name must not contain wildcards" };
    visit.stage.packet({ topic: "a/#", breach, hex: "32 06 00 03 61 2f 23 ··", length: 300 });
    const panel = await visit.openPanel("Packets");
    await visit.page.getByRole("tab", { name: /Packets\s*1/ }).waitFor();
    await panel.getByRole("button", { name: "Rule broken" }).click();
    await panel.locator('.packet[data-type="CONNECT"]').waitFor({ state: "detached" });
    await panel.locator(".packet:not(.head)").click();
    const detail = visit.page.getByRole("region", { name: "The packet that is picked" });
    await detail.getByText("[MQTT-3.3.2-2]").waitFor();
    assert.equal(await detail.locator("pre").textContent(), "0000  32 06 00 03 61 2f 23 ··  2···a/#·");
    await detail.getByText("The first 8 bytes").waitFor();
    await visit.assertAccessible();
    await detail.getByRole("button", { name: "Close" }).click();
    await detail.waitFor({ state: "detached" });
  });

  it("is walked through by the arrow keys", async () => {
    exchange();
    const panel = await visit.openPanel("Packets");
    await panel.getByRole("grid").focus();
    const picked = panel.locator('.packet[aria-selected="true"] .type');
    const walk: [key: string, type: string][] = [
      ["Home", "TCP open"],
      ["ArrowDown", "CONNECT"],
      ["End", "SUBSCRIBE"],
      ["ArrowUp", "PUBREC"],
    ];
    for (const [key, type] of walk) {
      await visit.page.keyboard.press(key);
      await picked.filter({ hasText: type }).waitFor();
    }
    const active = await panel.getByRole("grid").getAttribute("aria-activedescendant");
    assert.equal(await panel.locator(`#${active} .type`).textContent(), "PUBREC");
    await visit.page.keyboard.press("Escape");
    await picked.waitFor({ state: "detached" });
  });

  it("draws only what is in sight of a thousand packets, follows the newest, stays where a reader is", async () => {
    const panel = await visit.openPanel("Packets");
    for (let count = 1; count <= 1000; count++) visit.stage.packet({ detail: `number ${count}` });
    await panel.locator(".packet", { hasText: "number 1000" }).waitFor();
    assert.ok((await panel.locator(".packet").count()) < 60);
    await panel.getByRole("grid").evaluate((list) => {
      (list as unknown as { scrollTop: number }).scrollTop = 6000;
    });
    const seen = `(() => {
      const list = document.querySelector(".packetlist").getBoundingClientRect();
      return [...document.querySelectorAll(".packet:not(.head)")]
        .find((row) => row.getBoundingClientRect().top >= list.top + 24).textContent;
    })()`;
    await panel.locator(".packet", { hasText: "number 1000" }).waitFor({ state: "detached" });
    const before = await visit.page.evaluate(seen);
    for (let count = 1; count <= 100; count++) visit.stage.packet({ detail: `more ${count}` });
    visit.stage.tell("delivered", "seen");
    await visit.page.locator(".step", { hasText: "seen" }).waitFor();
    assert.equal(await visit.page.evaluate(seen), before);
    await panel.getByRole("grid").focus();
    await visit.page.keyboard.press("End");
    await panel.locator(".packet", { hasText: "more 100" }).waitFor();
  });

  it("shows the packets of the chosen board only", async () => {
    visit.stage.show(1, {});
    exchange();
    visit.stage.packet({ board: 1, type: "DISCONNECT" });
    const panel = await visit.openPanel("Packets");
    assert.equal(await panel.locator('.packet[data-type="DISCONNECT"]').count(), 0);
    await visit.page.locator(".tile", { hasText: "5751" }).click();
    await panel.locator('.packet[data-type="DISCONNECT"]').waitFor();
    assert.equal(await panel.locator(".packet:not(.head)").count(), 1);
  });

  it("writes bytes in lines of eight", () => {
    const hex = Array.from({ length: 10 }, (_, index) => (0x41 + index).toString(16)).join(" ");
    assert.equal(dump(hex), "0000  41 42 43 44 45 46 47 48  ABCDEFGH\n0008  49 4a                    IJ");
    assert.equal(dump(""), "");
  });
});
