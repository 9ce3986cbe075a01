// The firmware against the bench's embedded aedes on a real socket: presses over restarts, a battery box, retained
// commands.

import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import { connectAsync } from "mqtt";
import { EmbeddedBroker } from "../../host-sim/aedes.js";
import { Witness } from "../../host-sim/witness.js";
import { RealBoard } from "./real-board.js";

describe("against aedes", function () {
  this.timeout(60000);
  let broker: EmbeddedBroker;

  before(async () => {
    broker = await EmbeddedBroker.open({ port: 0 });
  });

  after(() => broker.close());

  function delivered(witness: Witness, count: number): Promise<void> {
    return new Promise((resolve) => {
      const check = () => witness.delivered >= count && resolve();
      witness.onAlert(check);
      check();
    });
  }

  it("30 presses with three restarts of the broker in between: 30 alerts, none twice, in order", async () => {
    const witness = new Witness(broker.url, "mresetar/alertbox/5750");
    await witness.ready();
    const box = new RealBoard({ port: broker.port, settings: { double: false }, speed: 4 });
    try {
      await box.said("connected");
      await box.said("connected");
      for (let press = 1; press <= 30; press += 1) {
        const stored = box.said("stored");
        box.board.button.press(80);
        await stored;
        await box.pause(120);
        if (press % 10 === 5) {
          await broker.stop();
          await broker.start();
        }
      }
      await delivered(witness, 30);
      assert.deepEqual(
        witness.alerts.map((alert) => alert.id),
        Array.from({ length: 30 }, (_, i) => `5750-${i + 1}`),
      );
      assert.equal(witness.duplicates, 0);
    } finally {
      box.close();
      await witness.close();
    }
  });

  it("a retained command reaches a battery box at its next wake, and is cleared", async () => {
    const client = await connectAsync(broker.url);
    const root = "mresetar/alertbox/5751";
    const box = new RealBoard({ chipId: 5751, port: broker.port, wiring: "rst", speed: 4 });
    try {
      await box.event((event) => event.type === "sleep", "sleep");
      await client.publishAsync(`${root}/cmd/led`, "ON", { qos: 1, retain: true });
      const asleep = box.event((event) => event.type === "sleep", "sleep");
      box.board.button.press(80);
      await asleep;
      assert.ok(box.board.steps.some((step) => step.word === "command" && step.detail === "led on"));
      const seen: string[] = [];
      const told = new Promise<void>((resolve) => {
        client.on("message", (topic, payload) => {
          seen.push(`${topic.slice(root.length)} ${payload.toString()}`);
          if (["/led ", "/lwt ", "/state "].every((name) => seen.some((line) => line.startsWith(name)))) resolve();
        });
      });
      await client.subscribeAsync(`${root}/#`, { qos: 1 });
      await told;
      assert.ok(seen.includes("/led ON"), seen.join("; "));
      assert.ok(
        seen.some((line) => line.startsWith('/lwt {"state":"sleeping"')),
        seen.join("; "),
      );
      assert.ok(!seen.some((line) => line.startsWith("/cmd/led")), seen.join("; "));
    } finally {
      box.close();
      await client.endAsync();
    }
  });
});
