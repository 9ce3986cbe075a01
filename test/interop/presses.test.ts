// The firmware against real brokers that come and go: many presses over restarts, a wrong password that must not be
// hammered at, and a battery box whose will stays silent.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "mocha";
import { Witness } from "../../host-sim/witness.js";
import { idOf, idsOf } from "../alert-id.js";
import { aedes } from "./brokers/aedes.js";
import { type Broker, type BrokerKind, needs } from "./brokers/broker.js";
import { mosquitto } from "./brokers/mosquitto.js";
import { RealBoard, type RealBoardOptions } from "./real-board.js";

const login = { user: "box", password: "p&ss: wörd/@1" };

/** How the presses of one broker go. */
interface Story {
  readonly kind: BrokerKind;
  readonly presses: number;
  /** The broker restarts after the fifth part of so many, and so on. */
  readonly restartEach: number;
  /** Milliseconds of the box in a real one. */
  readonly speed: number;
  /** Aedes sends what is new before what it has kept for a subscriber that comes back, against [MQTT-4.6.0-6]. */
  readonly inOrder: boolean;
}

const STORIES: readonly Story[] = [
  { kind: mosquitto({ login, persistence: true }), presses: 100, restartEach: 20, speed: 16, inOrder: true },
  { kind: aedes(), presses: 30, restartEach: 10, speed: 4, inOrder: false },
];

for (const { kind, presses, restartEach, speed, inOrder } of STORIES) {
  describe(`presses over ${kind.name}`, () => {
    let broker: Broker;
    let box: RealBoard;
    let witness: Witness;

    before(async function () {
      needs(this, kind.needs);
      broker = await kind.open();
    });

    afterEach(async () => {
      box?.close();
      await witness?.close();
    });

    after(() => broker?.close());

    /** A new box and its witness. */
    async function begin(chipId: number, options: Partial<RealBoardOptions> = {}): Promise<void> {
      const { user, password } = broker.login ?? {};
      const account = user === undefined ? "" : `${user}:${encodeURIComponent(password ?? "")}@`;
      witness = new Witness(`mqtt://${account}127.0.0.1:${broker.port}`, `mresetar/alertbox/${chipId}`);
      await witness.ready();
      const settings = { ...broker.login, double: false, ...options.settings };
      box = new RealBoard({ chipId, port: broker.port, speed, ...options, settings });
    }

    it(`${presses} presses, a restart after every ${restartEach}: ${presses} alerts, none twice${inOrder ? ", in order" : ""}`, async () => {
      await begin(5750);
      await box.online();
      for (let press = 1; press <= presses; press += 1) {
        await box.press();
        await box.pause(120);
        if (press % restartEach === restartEach / 2) {
          await broker.stop();
          await broker.start();
        }
      }
      await new Promise<void>((resolve) => {
        const done = () => witness.delivered === presses && resolve();
        witness.onAlert(done);
        done();
      });
      const ids = witness.alerts.map((alert) => String(alert.id));
      const expected = idsOf(box.board, presses);
      assert.deepEqual(inOrder ? ids : ids.sort(), inOrder ? expected : expected.sort());
      assert.equal(witness.duplicates, 0);
      assert.equal(box.board.crashes, 0);
    });

    it("a battery box wakes, delivers, says it sleeps, and its will stays silent", async () => {
      await begin(5753, { wiring: "rst" });
      await box.asleep();
      const again = box.asleep();
      await box.press();
      await again;
      assert.deepEqual(
        witness.alerts.map((alert) => alert.id),
        [idOf(box.board, 1)],
      );
      assert.deepEqual(box.details("failed"), []);
    });

    if (kind.name !== "Mosquitto") return;

    it("a wrong password: said once, the alert kept, no hammering", async () => {
      const before = broker.log.length;
      await begin(5751, { speed: 32, settings: { password: "wrong" } });
      const refused = (await box.said("failed")) as { detail?: string };
      assert.match(refused.detail ?? "", /^refused: bad user name or password/);
      await box.pause(20_000);
      const again = box.said("failed");
      await box.press();
      await again;
      await box.pause(60_000);
      const refusals = broker.log.slice(before).filter((line) => /Sending CONNACK to \S+ \(0, 5\)/.test(line));
      assert.equal(refusals.length, 2, "one at start, one for the press");
      // Stored but not sent: three long flashes.
      const long = box.board.led.history.filter(
        (change, i, all) => change.on && (all[i + 1]?.at ?? 0) - change.at >= 590,
      );
      assert.ok(long.length >= 3);
    });
  });
}
