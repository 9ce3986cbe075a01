// What the box says in the words of each convention. Whether a whole life of a box keeps a convention's rules is shown
// in test/scenario.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  figureTold,
  gestureTold,
  introductionTopic,
  isLightCommand,
  lightCommands,
  lightTold,
  presenceText,
  presenceTopic,
  retainedTopic,
} from "../../src/alertbox/convention.js";
import { CONVENTIONS } from "../../src/alertbox/settings.js";
import { CHIP } from "./box-rig.js";

const ROOT = "home/door";
const [HOME_ASSISTANT, NONE, HOMIE, TASMOTA] = CONVENTIONS.keys();
const OWN = [HOME_ASSISTANT, NONE] as number[];

function retained(convention: number): string[] {
  const topics: string[] = [];
  for (let at = 0; ; at += 1) {
    const topic = retainedTopic(convention, at, ROOT, CHIP);
    if (topic === undefined) return topics;
    topics.push(topic);
  }
}

describe("the box's own topics", () => {
  it("say presence and LED below its root, and nothing else beside alerts", () => {
    for (const own of OWN) {
      assert.equal(presenceTopic(own, ROOT, CHIP), "home/door/lwt");
      assert.equal(presenceText(own, "sleeping", CHIP, "1.0.0"), '{"state":"sleeping","chip":5750,"fw":"1.0.0"}');
      assert.deepEqual(lightTold(own, ROOT, CHIP, true), { topic: "home/door/led", payload: "ON", isRetained: true });
      assert.equal(lightCommands(own, CHIP), "");
      assert.equal(isLightCommand(own, CHIP, "home/door/alert"), false);
      assert.equal(gestureTold(own, CHIP, 0), undefined);
      assert.equal(figureTold(own, 0, CHIP, { pushes: 1, millivolts: 3000, rssi: -60 }), undefined);
    }
    assert.deepEqual(retained(1), ["home/door/lwt", "home/door/led"]);
    assert.deepEqual(retained(0), [...retained(1), introductionTopic(0, CHIP)]);
  });
});

describe("Homie", () => {
  const convention = HOMIE as number;

  it("hears init, then ready, then sleeping, or else lost", () => {
    assert.equal(presenceTopic(convention, ROOT, CHIP), "homie/5/alertbox-5750/$state");
    const said = (["online", "ready", "sleeping", "lost"] as const).map((presence) =>
      presenceText(convention, presence, CHIP, "1.0.0"),
    );
    assert.deepEqual(said, ["init", "ready", "sleeping", "lost"]);
  });

  it("hears each gesture for the moment, in the words of its enum", () => {
    const events = [0, 1, 2, 7].map((event) => gestureTold(convention, CHIP, event));
    assert.deepEqual(
      events.map((told) => told?.payload),
      ["press", "double", "long", "press"],
    );
    for (const told of events) {
      assert.deepEqual([told?.topic, told?.isRetained], ["homie/5/alertbox-5750/button/event", false]);
    }
  });

  it("keeps supply in volts, presses, and an LED that can be set", () => {
    const told = [0, 1, 2].map((at) => figureTold(convention, at, CHIP, { pushes: 7, millivolts: 3012, rssi: -60 }));
    assert.deepEqual(told, [
      { topic: "homie/5/alertbox-5750/box/supply", payload: "3.012", isRetained: true },
      { topic: "homie/5/alertbox-5750/box/presses", payload: "7", isRetained: true },
      undefined,
    ]);
    assert.deepEqual(lightTold(convention, ROOT, CHIP, false), {
      topic: "homie/5/alertbox-5750/led/on",
      payload: "false",
      isRetained: true,
    });
    assert.equal(lightCommands(convention, CHIP), "homie/5/alertbox-5750/led/on/set");
    assert.ok(isLightCommand(convention, CHIP, "homie/5/alertbox-5750/led/on/set"));
    assert.ok(!isLightCommand(convention, CHIP, "homie/5/alertbox-5750/led/on"));
  });

  it("is left with $state first, then all the rest", () => {
    assert.deepEqual(
      retained(convention).map((topic) => topic.slice("homie/5/alertbox-5750/".length)),
      ["$state", "$description", "box/supply", "box/presses", "led/on"],
    );
  });
});

describe("Tasmota's style", () => {
  const convention = TASMOTA as number;

  it("has a sleeper offline, as a lost one", () => {
    assert.equal(presenceTopic(convention, ROOT, CHIP), "tele/alertbox_5750/LWT");
    const said = (["online", "sleeping", "lost"] as const).map((presence) =>
      presenceText(convention, presence, CHIP, "1.0.0"),
    );
    assert.deepEqual(said, ["Online", "Offline", "Offline"]);
    assert.deepEqual(retained(convention), ["tele/alertbox_5750/LWT"]);
  });

  it("tells button actions, telemetry and the LED for the moment", () => {
    const topic = "stat/alertbox_5750/RESULT";
    const actions = [0, 1, 2, 7].map((event) => gestureTold(convention, CHIP, event));
    for (const [at, action] of ["SINGLE", "DOUBLE", "HOLD", "SINGLE"].entries()) {
      assert.deepEqual(actions[at], { topic, payload: `{"Button1":{"Action":"${action}"}}`, isRetained: false });
    }
    assert.deepEqual(lightTold(convention, ROOT, CHIP, true), {
      topic,
      payload: '{"LedPower1":"ON"}',
      isRetained: false,
    });
    const figures = { pushes: 7, millivolts: 3012, rssi: Number.NaN };
    assert.deepEqual(figureTold(convention, 0, CHIP, figures), {
      topic: "tele/alertbox_5750/STATE",
      payload: '{"Vcc":3.012,"Wifi":{"Signal":0}}',
      isRetained: false,
    });
    assert.equal(figureTold(convention, 1, CHIP, figures), undefined);
  });

  it("takes LedPower in any case, and no other command", () => {
    assert.equal(lightCommands(convention, CHIP), "cmnd/alertbox_5750/+");
    const taken = (topic: string) => isLightCommand(convention, CHIP, topic);
    for (const name of ["LedPower", "ledpower", "LEDPOWER"]) assert.ok(taken(`cmnd/alertbox_5750/${name}`), name);
    for (const name of ["LedPower1", "Power", "LedPowe", ""]) assert.ok(!taken(`cmnd/alertbox_5750/${name}`), name);
    assert.ok(!taken("cmnd/alertbox_5751/LedPower"));
  });
});
