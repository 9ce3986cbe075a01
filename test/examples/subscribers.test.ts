// examples/subscribers, as a user starts them: a press of the firmware is one line in each, the same alert again is
// none, after the broker was restarted the next press is the next line, and so is that of a box whose flash was erased.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";
import { idOf } from "../alert-id.js";
import { Command } from "../host-sim/command.js";
import { type Broker, needs } from "../interop/brokers/broker.js";
import { mosquitto } from "../interop/brokers/mosquitto.js";
import { newFolder, removeFolder } from "../interop/brokers/program.js";
import { Listener } from "../interop/listener.js";
import { RealBoard } from "../interop/real-board.js";
import { LIBRARIES } from "../interop/subscribers/subscriber.js";

const FOLDER = fileURLToPath(new URL("../../examples/subscribers/", import.meta.url));
const TOPIC = "mresetar/alertbox/5750/alert";

/** How each is started, as the README says it. */
const EXAMPLES: Readonly<Record<string, (broker: Broker, folder: string) => readonly string[]>> = Object.freeze({
  "MQTT.js": ({ port }) => [process.execPath, join(FOLDER, "mqtt-js.mjs"), `mqtt://127.0.0.1:${port}`],
  "Paho JavaScript": ({ webSocketPort }) => [
    ...[process.execPath, join(FOLDER, "paho-javascript.mjs"), `ws://127.0.0.1:${webSocketPort}/mqtt`],
  ],
  "Paho Python": ({ port }) => ["/usr/bin/python3", join(FOLDER, "paho_python.py"), "127.0.0.1", String(port)],
  "Paho C": ({ port }, folder) => {
    const program = join(folder, "paho-c");
    const words = ["-Wall", "-Wextra", "-Werror", "-o", program, join(FOLDER, "paho-c.c"), "-lpaho-mqtt3c", "-lcjson"];
    const { status, stderr } = spawnSync("gcc", words, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return [program, `tcp://127.0.0.1:${port}`];
  },
});

/** What has to be installed for an example, beside what its library needs. */
function missing(name: string): string | undefined {
  const library = LIBRARIES.find((each) => each.name === name)?.missing();
  if (library !== undefined || name !== "Paho C") return library;
  const { status } = spawnSync("gcc", ["-fsyntax-only", "-xc", "-"], { input: "#include <cjson/cJSON.h>\n" });
  return status === 0 ? undefined : "apt-get install libcjson-dev";
}

describe("examples/subscribers", () => {
  let broker: Broker;
  let box: RealBoard;
  let folder: string;
  const running = new Map<string, Command>();
  /** The ids of the box's presses, in order. */
  const alerts: string[] = [];

  before(async function () {
    const kind = mosquitto({ webSocket: true, persistence: true });
    needs(this, kind.needs);
    folder = newFolder("examples");
    broker = await kind.open();
    box = new RealBoard({ port: broker.port, speed: 8 });
    await box.online();
    for (const [name, words] of Object.entries(EXAMPLES)) {
      if (missing(name) === undefined)
        running.set(name, new Command([], { NODE_V8_COVERAGE: "" }, words(broker, folder)));
    }
    const all = [...running.values()];
    const everywhere = (pattern: RegExp) => Promise.all(all.map((command) => command.wrote(pattern)));
    const subscribed = () => Promise.all(all.map((command) => command.complained(/subscribed to mresetar/)));
    await subscribed();
    await box.press();
    alerts.push(idOf(box.board, 1));
    await everywhere(new RegExp(`${alerts[0]} `));
    // What is no alert, the same one again, and one without an id.
    const sender = await Listener.open(broker);
    for (const text of [
      "ring",
      "[1]",
      "null",
      `{"pushes":3,"id":"${alerts[0]}","event":[]}`,
      `{"pushes":1,"event":"press","id":"${alerts[0]}"}`,
      '{"pushes":7}',
    ]) {
      await sender.publish(TOPIC, text, 2);
    }
    await sender.close();
    await everywhere(/#7/);
    for (const command of all) command.errors = "";
    const lost = box.said("failed");
    await broker.stop();
    await lost;
    const back = box.said("connected");
    await broker.start();
    await Promise.all([back, subscribed()]);
    await box.press();
    alerts.push(idOf(box.board, 2));
    await everywhere(new RegExp(`${alerts[1]} `));
    // It counts from 1 again.
    await box.erase();
    await box.press();
    alerts.push(idOf(box.board, 1));
    await everywhere(new RegExp(`${alerts[2]} `));
  });

  after(async () => {
    await Promise.all([...running.values()].map((command) => command.kill()));
    box?.close();
    await broker?.close();
    if (folder !== undefined) removeFolder(folder);
  });

  for (const name of Object.keys(EXAMPLES)) {
    it(`${name}: one line per press, over a restart of the broker, and when the box's flash was erased`, function () {
      const need = missing(name);
      if (need !== undefined) {
        const message = `not installed: ${need} to run this check`;
        if (process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw new Error(message);
        console.log(`      skipped: ${message}`);
        this.skip();
      }
      const lines = running.get(name)?.output.split("\n") ?? [];
      assert.deepEqual(
        lines.map((line) => line.replace(/ +/g, " ")),
        [
          `press #1 ${alerts[0]} from ${TOPIC}`,
          `press #7 from ${TOPIC}`,
          `press #2 ${alerts[1]} from ${TOPIC}`,
          `press #1 ${alerts[2]} from ${TOPIC}`,
          "",
        ],
      );
    });
  }

  it("are short, and their README names each", () => {
    const readme = readFileSync(join(FOLDER, "README.md"), "utf8");
    const files = readdirSync(FOLDER).filter((name) => name !== "README.md");
    assert.equal(files.length, Object.keys(EXAMPLES).length);
    for (const name of files) {
      assert.ok(readFileSync(join(FOLDER, name), "utf8").split("\n").length <= 60, name);
      assert.ok(readme.includes(`](${name})`), name);
    }
  });
});
