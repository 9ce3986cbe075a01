// The lines of examples/mappings/README.md, as a user types them: presses of the firmware become what a Shelly Button1
// and a button of WLED say, in a real Mosquitto.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";
import { Command } from "../host-sim/command.js";
import { type Broker, needs } from "../interop/brokers/broker.js";
import { Listener } from "../interop/listener.js";
import { RealBoard } from "../interop/real-board.js";
import { Desk, openMosquitto } from "../shell/desk.js";

const README = fileURLToPath(new URL("../../examples/mappings/README.md", import.meta.url));
const LAUNCHER = fileURLToPath(new URL("../../shell/alertbox.mjs", import.meta.url));

const SHELLY = "shellies/shellybutton1-000000001676/input_event/0";
const WLED = "wled/alertbox-5750/button/0";

/** What each line must make of a press, a double press and a long one. */
const WANTED: readonly (readonly [words: string, topic: string, payloads: readonly string[]])[] = Object.freeze([
  ["shelly.sh", SHELLY, ['{"event":"S","event_cnt":1}', '{"event":"SS","event_cnt":2}', '{"event":"L","event_cnt":3}']],
  ["wled.sh", WLED, ["short", "double", "long"]],
  ["-t wled/all -m T", "wled/all", ["T"]],
]);

describe("examples/mappings", () => {
  const desk = new Desk();
  const commands: Command[] = [];
  let broker: Broker;
  let box: RealBoard;
  let listener: Listener;

  /** A line of the README with this broker in the place of the user's. */
  function start(line: string, environment: Readonly<Record<string, string>> = {}): Command {
    const [program, ...rest] = line
      .replaceAll("mqtt://broker", `mqtt://127.0.0.1:${broker.port}`)
      .replaceAll("-h broker", `-h 127.0.0.1 -p ${broker.port}`)
      .split(" ");
    assert.equal(program, "npx");
    const [name, ...words] = rest;
    assert.equal(name, "alertbox");
    const command = new Command(words, { ...desk.environment, ...environment }, [process.execPath, LAUNCHER]);
    commands.push(command);
    return command;
  }

  async function gestures(): Promise<void> {
    await box.press();
    await box.pause(1000);
    const stored = box.said("stored");
    box.board.button.press(80);
    await box.pause(200);
    box.board.button.press(80);
    await stored;
    await box.pause(1000);
    const last = box.said("stored");
    box.board.button.press(1500);
    await last;
  }

  before(async function () {
    needs(this, { mosquitto: ["mosquitto"], "mosquitto-clients": ["mosquitto_pub"] });
    ({ broker } = await openMosquitto());
    listener = await Listener.open(broker, "shellies/#", "wled/#");
    box = new RealBoard({ port: broker.port, speed: 8 });
    await box.online();
  });

  after(async () => {
    await Promise.all(commands.map((command) => command.kill()));
    await listener?.close();
    await desk.close();
    box?.close();
    await broker?.close();
  });

  it("each line of the README says an alert in the other's words, once", async () => {
    const lines = [...readFileSync(README, "utf8").matchAll(/^```\n([^`]+)\n```$/gm)].map((match) => match[1] ?? "");
    assert.equal(lines.length, WANTED.length);
    await Promise.all(lines.map((line) => start(line).complained(/listening to/)));
    await gestures();
    for (const [at, [words, topic, payloads]] of WANTED.entries()) {
      assert.ok(lines[at]?.includes(words), lines[at]);
      await listener.heard.first(({ text, topic: place }) => place === topic && text === payloads.at(-1), topic);
      assert.deepEqual(listener.texts(topic), payloads);
    }
    assert.ok(listener.heard.entries.every(({ qos, retain }) => qos === 0 && !retain));
  });

  it("other names are given by the environment, more for mosquitto_pub behind it, and tests are told, too", async () => {
    const names = { SHELLY_ID: "E8DB84ACF3CD", WLED_TOPIC: "wled/hall" };
    const line = (name: string) =>
      `npx alertbox listen --broker mqtt://broker --root hall -- sh examples/mappings/${name}.sh -h broker -q 1`;
    await Promise.all(["shelly", "wled"].map((name) => start(line(name), names).complained(/listening to/)));
    const { status } = await desk.run("press", "-b", `mqtt://127.0.0.1:${broker.port}`, "--root", "hall");
    assert.equal(status, 0);
    const shelly = await listener.message("shellies/shellybutton1-E8DB84ACF3CD/input_event/0");
    assert.deepEqual([shelly.text, shelly.qos], ['{"event":"S","event_cnt":0}', 1]);
    assert.equal((await listener.message("wled/hall/button/0")).text, "short");
  });
});
