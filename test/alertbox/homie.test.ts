// The description of the box as a Homie device, made piece by piece.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Description } from "../../src/alertbox/homie.js";
import type { Settings } from "../../src/alertbox/settings.js";
import { CHIP, settingsOf } from "./box-rig.js";

interface Node {
  readonly properties: Record<string, Record<string, unknown>>;
}

function described(settings: Settings, generation = 3): { version: number; nodes: Record<string, Node>; text: string } {
  const description = new Description(settings, CHIP, generation);
  while (description.step());
  const bytes = Buffer.alloc(description.length);
  for (let at = 0; at < bytes.length; ) {
    const count = Math.min(description.available, 100);
    description.read(at, bytes, at, count);
    at += count;
  }
  const text = bytes.toString();
  return { ...(JSON.parse(text) as { version: number; nodes: Record<string, Node> }), text };
}

describe("the description for Homie", () => {
  it("has the whole device of a mains box", () => {
    assert.deepEqual(JSON.parse(described(settingsOf()).text), {
      homie: "5.0",
      version: 301,
      name: "AlertBox 5750",
      nodes: {
        button: {
          name: "Button",
          properties: {
            event: { name: "Event", datatype: "enum", format: "press,double,long", retained: false },
          },
        },
        box: {
          name: "Box",
          properties: {
            supply: { name: "Supply", datatype: "float", unit: "V" },
            presses: { name: "Presses", datatype: "integer", unit: "#" },
          },
        },
        led: { name: "LED", properties: { on: { name: "On", datatype: "boolean", settable: true } } },
      },
    });
  });

  it("has no LED where it would sleep", () => {
    const led = (changes: Record<string, unknown>) => "led" in described(settingsOf(changes)).nodes;
    assert.deepEqual([led({}), led({ wiring: "rst+gpio" }), led({ mode: "battery" })], [true, true, false]);
  });

  it("has a higher version with a higher number", () => {
    assert.ok(described(settingsOf(), 4).version > described(settingsOf(), 3).version);
  });
});
