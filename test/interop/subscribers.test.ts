// The client libraries in docs/interop.md: a press of the box arrives in each, with QoS 2, over two brokers.

import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import { idOf } from "../alert-id.js";
import { aedes } from "./brokers/aedes.js";
import { type Broker, needs } from "./brokers/broker.js";
import { mosquitto } from "./brokers/mosquitto.js";
import { RealBoard } from "./real-board.js";
import { LIBRARIES, Subscriber } from "./subscribers/subscriber.js";

for (const kind of [mosquitto({ webSocket: true }), aedes()]) {
  describe(`subscribers of ${kind.name}`, () => {
    const topic = "mresetar/alertbox/5750/alert";
    const subscribers = new Map<string, Subscriber>();
    let broker: Broker;
    let box: RealBoard;

    before(async function () {
      needs(this, kind.needs);
      broker = await kind.open();
      box = new RealBoard({ port: broker.port, speed: 8 });
      const present = LIBRARIES.filter((library) => library.missing() === undefined);
      for (const library of present) subscribers.set(library.name, new Subscriber(library, broker, topic));
      await Promise.all([box.online(), ...[...subscribers.values()].map((each) => each.ready())]);
      await box.press();
    });

    after(async () => {
      for (const subscriber of subscribers.values()) subscriber.close();
      box?.close();
      await broker?.close();
    });

    for (const library of LIBRARIES) {
      it(`${library.name}: gets a press of the box with QoS 2, and can read it`, async function () {
        const missing = library.missing();
        if (missing !== undefined) {
          const message = `not installed: ${missing} to run this check`;
          if (process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw new Error(message);
          console.log(`      skipped: ${message}`);
          this.skip();
        }
        const message = await subscribers.get(library.name)?.message();
        assert.deepEqual([message?.qos, message?.retain, message?.topic], [2, false, topic]);
        const { pushes, event, id, vcc } = JSON.parse(message?.payload ?? "") as Record<string, unknown>;
        assert.deepEqual({ pushes, event, id, vcc }, { pushes: 1, event: "press", id: idOf(box.board, 1), vcc: 3300 });
      });
    }
  });
}
