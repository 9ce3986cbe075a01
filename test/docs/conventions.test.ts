// The lines of docs/conventions.md, as a user copies them, against a real Mosquitto and the firmware.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";
import { Command } from "../host-sim/command.js";
import { type Broker, needs } from "../interop/brokers/broker.js";
import { Listener } from "../interop/listener.js";
import { RealBoard } from "../interop/real-board.js";
import { Desk, openMosquitto } from "../shell/desk.js";

const PAGE = fileURLToPath(new URL("../../docs/conventions.md", import.meta.url));
const LAUNCHER = fileURLToPath(new URL("../../shell/alertbox.mjs", import.meta.url));
const HOMIE = "homie/5/alertbox-5750";

describe("docs/conventions.md", () => {
  const desk = new Desk();
  const lines = [...readFileSync(PAGE, "utf8").matchAll(/^```\n([^`]+)\n```$/gm)].map((match) => match[1] ?? "");
  const commands: Command[] = [];
  let unused = [...lines];
  let broker: Broker;
  let box: RealBoard;
  let listener: Listener;

  /** Runs the line that has these words, with this broker in the place of the user's. */
  function run(words: string): Command {
    const [line = "", ...others] = lines.filter((each) => each.includes(words));
    assert.deepEqual(others, [], words);
    assert.notEqual(line, "", words);
    unused = unused.filter((each) => each !== line);
    const text = line
      .replace("npx alertbox", `'${process.execPath}' '${LAUNCHER}'`)
      .replaceAll("mqtt://broker", `mqtt://127.0.0.1:${broker.port}`)
      .replaceAll("-h broker", `-h 127.0.0.1 -p ${broker.port}`);
    // With it, all of a pipe's parts are ended at once.
    const command = new Command([], desk.environment, ["timeout", "60", "/bin/sh", "-c", text]);
    commands.push(command);
    return command;
  }

  before(async function () {
    needs(this, { mosquitto: ["mosquitto"], "mosquitto-clients": ["mosquitto_pub", "mosquitto_sub"] });
    ({ broker } = await openMosquitto());
    listener = await Listener.open(broker, "#");
    box = new RealBoard({ port: broker.port, speed: 8 });
    await box.atRest();
  });

  after(async () => {
    for (const { child } of commands) child.kill("SIGTERM");
    await Promise.all(commands.map((command) => command.ended));
    box?.close();
    await broker?.close();
    await listener?.close();
    await desk.close();
  });

  async function heard(topic: string, text: string): Promise<void> {
    await listener.heard.first((each) => each.topic === topic && each.text === text, `${text} on ${topic}`);
  }

  /** Nothing says when a line's program has subscribed: presses, one after the other, until it says what it should. */
  async function pressUntil(command: Command, pattern: RegExp): Promise<void> {
    let isOver = false;
    const wrote = command.wrote(pattern).finally(() => {
      isOver = true;
    });
    for (let presses = 0; !isOver && presses < 100; presses += 1) {
      const delivered = box.said("delivered");
      await box.press();
      await delivered;
    }
    await wrote;
  }

  it("the setting: the box goes over to Homie, and all of it is there", async () => {
    const config = run("npx alertbox config");
    assert.equal(await config.ended, 0, config.errors);
    assert.equal(config.output, "5750: applied\n");
    await heard(`${HOMIE}/$state`, "ready");
    const all = run(`-v -t '${HOMIE}/#'`);
    for (const path of ["$state ready", "$description {", "box/supply 3.3", "box/presses 0", "led/on false"]) {
      await all.wrote(new RegExp(`^${HOMIE}/${path}`.replaceAll(/[${]/g, "\\$&"), "m"));
    }
  });

  it("Homie: the LED, and a line for each gesture", async () => {
    const gestures = run("while read");
    const led = run("led/on/set");
    assert.equal(await led.ended, 0);
    await heard(`${HOMIE}/led/on`, "true");
    assert.equal(box.board.led.on, true);
    await pressUntil(gestures, /^somebody: press$/m);
  });

  it("Tasmota: the same", async () => {
    await listener.publish("mresetar/alertbox/5750/cmd/config", '{"convention":"tasmota"}', 1, true);
    await heard("tele/alertbox_5750/LWT", "Online");
    const all = run("-v -t '+/alertbox_5750/#'");
    const gestures = run("grep --line-buffered");
    await all.wrote(/^tele\/alertbox_5750\/LWT Online$/m);
    const led = run("LedPower -m TOGGLE");
    assert.equal(await led.ended, 0);
    await all.wrote(/^stat\/alertbox_5750\/RESULT \{"LedPower1":"(ON|OFF)"\}$/m);
    await pressUntil(gestures, /^SINGLE$/m);
    await all.wrote(/^tele\/alertbox_5750\/STATE \{"Vcc":3\.3,"Wifi":\{"Signal":-\d+\}\}$/m);
  });

  it("a box that is gone for good is removed by either", async () => {
    box.close();
    const late = await Listener.open(broker);
    for (const path of ["$state", "$description", "box/supply", "box/presses", "led/on"]) {
      await late.publish(`${HOMIE}/${path}`, "left", 1, true);
    }
    for (const words of ["for t in", "-r -n -t tele/"]) assert.equal(await run(words).ended, 0);
    await late.subscribe(`${HOMIE}/#`);
    await late.subscribe("tele/alertbox_5750/#");
    await late.subscribe("mresetar/alertbox/5750/state");
    await late.message("mresetar/alertbox/5750/state");
    assert.deepEqual(
      late.heard.entries.map(({ topic }) => topic),
      ["mresetar/alertbox/5750/state"],
    );
    await late.close();
  });

  it("no line was left out", () => {
    assert.deepEqual(unused, []);
  });
});
