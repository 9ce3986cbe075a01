// The firmware against a real Mosquitto: password file, persistence, restarts in the middle, wrong passwords, real
// tools.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, it } from "mocha";
import { Witness } from "../../host-sim/witness.js";
import { Mosquitto, needsMosquitto } from "./mosquitto.js";
import { RealBoard } from "./real-board.js";

const ROOT = "mresetar/alertbox/5750";
const USER = "box";
const PASSWORD = "p&ss: wörd/@1";

describe("against a real Mosquitto with a password file", function () {
  this.timeout(180000);
  let broker: Mosquitto;
  let url: string;

  before(async function () {
    needsMosquitto(this);
    broker = await Mosquitto.start({ users: { [USER]: PASSWORD } });
    url = `mqtt://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${broker.port}`;
  });

  after(async () => {
    await broker?.close();
  });

  it("100 presses with five restarts of the broker in between: 100 alerts, none twice, in order", async () => {
    const witness = new Witness(url, ROOT);
    await witness.ready();
    const settings = { user: USER, password: PASSWORD, double: false };
    const box = new RealBoard({ port: broker.port, settings, speed: 4 });
    try {
      await box.said("connected");
      await box.said("connected");
      for (let press = 1; press <= 100; press += 1) {
        const stored = box.said("stored");
        box.board.button.press(80);
        await stored;
        await box.pause(120);
        if (press % 20 === 10) {
          await broker.stop("SIGTERM");
          await broker.start();
        }
      }
      await new Promise<void>((resolve) => {
        const done = () => witness.delivered === 100 && resolve();
        witness.onAlert(done);
        done();
      });
      assert.deepEqual(
        witness.alerts.map((alert) => alert.id),
        Array.from({ length: 100 }, (_, i) => `5750-${i + 1}`),
      );
      assert.equal(witness.duplicates, 0);
      assert.equal(box.board.crashes, 0);
    } finally {
      box.close();
      await witness.close();
    }
  });

  it("a wrong password: said once, the alert kept, no hammering; delivered once the password is right", async () => {
    const box = new RealBoard({
      chipId: 5751,
      port: broker.port,
      settings: { user: USER, password: "wrong" },
      speed: 4,
    });
    try {
      const before = broker.log.length;
      const refused = (await box.said("failed")) as { detail?: string };
      assert.match(refused.detail ?? "", /^refused: bad user name or password/);
      await box.pause(20000);
      const stored = box.said("stored");
      const again = box.said("failed");
      box.board.button.press(80);
      await stored;
      await again;
      await box.pause(60000);
      const attempts = broker.log.slice(before).filter((line) => line.includes("New connection from")).length;
      assert.equal(attempts, 2, "one at start, one for the press");
      // Stored but not sent: three long flashes.
      const long = box.board.led.history.filter(
        (change, i, all) => change.on && (all[i + 1]?.at ?? 0) - change.at >= 590,
      );
      assert.ok(long.length >= 3);
    } finally {
      box.close();
    }
  });

  it("the first press arrives in mosquitto_sub", async () => {
    const child = spawn("mosquitto_sub", [
      ...["-h", "127.0.0.1", "-p", String(broker.port), "-u", USER, "-P", PASSWORD],
      ...["-t", "mresetar/alertbox/+/alert", "-v", "-q", "2", "-C", "1"],
    ]);
    let text = "";
    child.stdout.on("data", (data: Buffer) => {
      text += data.toString();
    });
    const subscribed = new Promise<void>((resolve) => {
      const check = () =>
        broker.log.some((line) => line.includes("mresetar/alertbox/+/alert")) ? resolve() : setImmediate(check);
      check();
    });
    await subscribed;
    const box = new RealBoard({
      chipId: 5752,
      port: broker.port,
      settings: { user: USER, password: PASSWORD },
      speed: 4,
    });
    try {
      await box.said("connected");
      await box.said("connected");
      box.board.button.press(80);
      await once(child, "exit");
      assert.match(text, /^mresetar\/alertbox\/5752\/alert \{"pushes":1,"event":"press","id":"5752-1",/);
    } finally {
      box.close();
      child.kill();
    }
  });

  it("a battery box wakes, delivers, says it sleeps, and its will stays silent", async () => {
    const box = new RealBoard({
      chipId: 5753,
      port: broker.port,
      wiring: "rst",
      settings: { user: USER, password: PASSWORD },
      speed: 4,
    });
    const witness = new Witness(url, "mresetar/alertbox/5753");
    try {
      await witness.ready();
      await box.event((event) => event.type === "sleep", "sleep");
      const asleep = box.event((event) => event.type === "sleep", "sleep");
      box.board.button.press(80);
      await asleep;
      assert.deepEqual(
        witness.alerts.map((alert) => alert.id),
        ["5753-1"],
      );
      const child = spawn("mosquitto_sub", [
        ...["-h", "127.0.0.1", "-p", String(broker.port), "-u", USER, "-P", PASSWORD],
        ...["-t", "mresetar/alertbox/5753/lwt", "-C", "1"],
      ]);
      const [data] = (await once(child.stdout, "data")) as [Buffer];
      assert.match(data.toString(), /"state":"sleeping"/);
    } finally {
      box.close();
      await witness.close();
    }
  });
});
