// The controller of examples/homie, made of somebody else's library, with a real Mosquitto and the firmware: it finds
// the box by what Homie says of it alone, reads it, hears its gestures, and sets its LED.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";
import { freePort } from "../../host-sim/free-port.js";
import { Command } from "../host-sim/command.js";
import { type Broker, needs } from "../interop/brokers/broker.js";
import { Listener } from "../interop/listener.js";
import { RealBoard } from "../interop/real-board.js";
import { NEEDS, openMosquitto } from "../shell/desk.js";

const FOLDER = fileURLToPath(new URL("../../examples/homie/", import.meta.url));

describe("examples/homie", () => {
  let broker: Broker;
  let controller: Command;
  const boxes: RealBoard[] = [];

  before(async function () {
    if (!existsSync(`${FOLDER}node_modules/node-homie`)) {
      const text = "not installed: npm --prefix examples/homie ci";
      if (process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw new Error(text);
      console.log(`      skipped: ${text}`);
      this.skip();
    }
    needs(this, NEEDS);
    ({ broker } = await openMosquitto());
    const program = [process.execPath, `${FOLDER}controller.js`, `mqtt://127.0.0.1:${broker.port}`];
    controller = new Command([], { NODE_V8_COVERAGE: "" }, program);
    await controller.wrote(/looking for Homie devices/);
  });

  after(async () => {
    await controller?.kill();
    for (const box of boxes) box.close();
    await broker?.close();
  });

  async function ended(...args: string[]): Promise<{ status: number | null; errors: string }> {
    const command = new Command(args, { NODE_V8_COVERAGE: "" }, [process.execPath, `${FOLDER}controller.js`]);
    return { status: await command.ended, errors: command.errors };
  }

  it("says what is wrong with a broker, with status 1, and how it is used, with status 2", async () => {
    const port = await freePort();
    const away = await ended(`mqtt://127.0.0.1:${port}`);
    assert.equal(away.status, 1);
    assert.match(
      away.errors,
      /^homie: nothing listens there\. Is the broker running \(npm start\), and is that its port\?\n$/,
    );
    const { broker: strict } = await openMosquitto(() => ["allow_anonymous false"]);
    try {
      const refused = await ended(`mqtt://me:secret@127.0.0.1:${strict.port}`);
      assert.equal(refused.status, 1);
      assert.match(refused.errors, /^homie: the broker refuses the login\. Give mqtt:\/\/user:password@host\n$/);
    } finally {
      await strict.close();
    }
    for (const words of [["nonsense"], ["mqtt://localhost", "again"], ["--help"]]) {
      const used = await ended(...words);
      assert.deepEqual(used, { status: 2, errors: used.errors });
      assert.match(used.errors, /^homie: use: npm --prefix examples\/homie start/);
    }
  });

  function open(chipId: number, wiring: "gpio" | "rst", convention: string): RealBoard {
    const box = new RealBoard({ port: broker.port, speed: 8, chipId, wiring, settings: { convention } });
    boxes.push(box);
    return box;
  }

  /** As by `alertbox config`. */
  async function configure(chipId: number, convention: string): Promise<void> {
    const sender = await Listener.open(broker);
    await sender.publish(`mresetar/alertbox/${chipId}/cmd/config`, JSON.stringify({ convention }), 1, true);
    await sender.close();
  }

  /** What it says of a device from now on, in any order. */
  const says = (...lines: string[]) =>
    Promise.all(lines.map((line) => controller.wrote(new RegExp(`^${line.replaceAll(/[()]/g, "\\$&")} *$`, "m"))));

  it("finds a mains box, reads all of it, hears its gestures, and sets its LED", async () => {
    const box = open(5750, "gpio", "home-assistant");
    await box.atRest();
    await configure(5750, "homie");
    await says("alertbox-5750 ready", "alertbox-5750/button/event (enum)", "alertbox-5750/led/on (boolean, settable)");
    await says("alertbox-5750/box/supply (float)", "alertbox-5750/box/presses (integer)");
    await says("alertbox-5750/box/supply 3.3 V", "alertbox-5750/box/presses 0 #", "alertbox-5750/led/on false");
    controller.type("alertbox-5750/led/on true\n");
    await says("alertbox-5750/led/on true");
    assert.equal(box.board.led.on, true);
    await box.press();
    await says("alertbox-5750/button/event press", "alertbox-5750/box/presses 1 #");
    const stored = box.said("stored");
    box.board.button.press(1500);
    await stored;
    await says("alertbox-5750/button/event long");
  });

  it("a battery box is sleeping, ready for a moment with each press, and has no LED", async () => {
    const box = open(5751, "rst", "homie");
    await says("alertbox-5751 sleeping", "alertbox-5751/box/presses 0 #");
    const asleep = box.asleep();
    await box.press();
    await asleep;
    await says("alertbox-5751/button/event press", "alertbox-5751/box/presses 1 #");
    assert.doesNotMatch(controller.output, /alertbox-5751\/led|alertbox-5751 lost/);
    controller.type("alertbox-5751/led/on true\n");
    await controller.wrote(/alertbox-5751\/led\/on: there is no such property/);
  });

  it("a box that goes over to another convention is removed, one that is gone without a word is lost", async () => {
    await configure(5750, "none");
    await says("alertbox-5750 removed");
    const box = open(5752, "gpio", "homie");
    await says("alertbox-5752 ready");
    box.close();
    await says("alertbox-5752 lost");
  });

  it("the README shows what it says", () => {
    const lines = readFileSync(`${FOLDER}README.md`, "utf8").match(/^alertbox-5750.*$/gm) ?? [];
    assert.equal(lines.length, 9);
    for (const line of lines) assert.ok(controller.output.includes(line), line);
  });
});
