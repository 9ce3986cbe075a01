// What Home Assistant makes of the box: the document that the real firmware publishes, its templates rendered by a real
// Jinja with the real firmware's payloads. Home Assistant itself does not run here.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, it } from "mocha";
import { parse } from "yaml";
import { World } from "../../host-sim/world.js";
import { asleep, CHIP, connected, pressAndSleep, ROOT, untilSaid } from "../scenario/story.js";

const PROGRAM = fileURLToPath(new URL("./templates.py", import.meta.url));
const GUIDE = fileURLToPath(new URL("../../docs/home-assistant.md", import.meta.url));

type Component = Readonly<Record<string, string>>;

interface Asked {
  readonly template: string;
  readonly payload: string;
}

/** What Jinja makes of each. */
function rendered(...asked: readonly Asked[]): string[] {
  const lines = asked.map((each) => JSON.stringify(each)).join("\n");
  const { status, stdout, stderr } = spawnSync("python3", [PROGRAM], { input: lines, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as string);
}

function render(template: string | undefined, payload: string): string {
  return rendered({ template: template ?? "", payload })[0] ?? "";
}

function componentsOf(world: World): Record<string, Component> {
  const payload = world.broker.retained(`homeassistant/device/alertbox_${CHIP}/config`)?.payload ?? "{}";
  return (JSON.parse(payload) as { cmps: Record<string, Component> }).cmps;
}

/** A mains box after a press, a double press and a long one; their payloads. */
function pressed(): { world: World; alerts: string[] } {
  const world = connected(new World());
  const holds = [100, 100, 100, 1500];
  for (const [at, hold] of holds.entries()) {
    world.press(hold);
    world.run(at === 1 ? 250 : 5000);
  }
  return { world, alerts: world.broker.messages(`${ROOT}/alert`).map(({ payload }) => payload) };
}

describe("examples: Home Assistant", () => {
  before(function () {
    if (spawnSync("python3", ["-c", "import jinja2"]).status === 0) return;
    const text = "python3 has no jinja2; Debian has it as python3-jinja2";
    if (process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw new Error(text);
    this.skip();
  });

  it("takes each alert for an event of its type, with all that the box says of it", () => {
    const { world, alerts } = pressed();
    const { btn } = componentsOf(world);
    const texts = rendered(...alerts.map((payload) => ({ template: btn?.["val_tpl"] ?? "", payload })));
    const events = texts.map((text) => JSON.parse(text) as Record<string, unknown>);
    assert.deepEqual(
      events.map(({ event_type: type }) => type),
      ["press", "double", "long"],
    );
    for (const [at, event] of events.entries()) {
      const { event_type: type, ...attributes } = event;
      assert.ok([...(btn?.["evt_typ"] ?? [])].includes(String(type)));
      assert.deepEqual(attributes, JSON.parse(alerts[at] as string));
    }
    // The original box told no event.
    assert.deepEqual(JSON.parse(render(btn?.["val_tpl"], '{"pushes":7}')), { pushes: 7, event_type: "press" });
  });

  it("pulls the trigger of the gesture, and no other", () => {
    const { world, alerts } = pressed();
    const { short, double, long } = componentsOf(world);
    const asked = alerts.flatMap((payload) =>
      [short, double, long].map((each) => ({ template: each?.["val_tpl"] ?? "", payload })),
    );
    assert.deepEqual(
      rendered(...asked),
      ["press", "double", "long"].flatMap((event) => [event, event, event]),
    );
    assert.deepEqual([short?.["pl"], double?.["pl"], long?.["pl"]], ["press", "double", "long"]);
  });

  it("reads supply and presses", () => {
    const { world } = pressed();
    const { vcc, cnt } = componentsOf(world);
    const state = world.broker.retained(`${ROOT}/state`)?.payload ?? "{}";
    assert.equal(render(cnt?.["val_tpl"], state), "3");
    assert.equal(render(vcc?.["val_tpl"], state), String((JSON.parse(state) as { vcc: number }).vcc));
  });

  it("knows a sleeper for available and asleep, and a lost box for lost", () => {
    const world = asleep(new World({ board: { wiring: "rst" } }));
    const { vcc, awk } = componentsOf(world);
    const presence = () => world.broker.retained(`${ROOT}/lwt`)?.payload ?? "{}";
    const seen = () =>
      rendered(
        { template: vcc?.["avty_tpl"] ?? "", payload: presence() },
        { template: awk?.["val_tpl"] ?? "", payload: presence() },
      );
    assert.deepEqual(seen(), ["online", "OFF"]);
    const presences = new Set(world.broker.messages(`${ROOT}/lwt`).map(({ payload }) => payload));
    assert.equal(presences.size, 2, "online and sleeping");
    assert.ok(pressAndSleep(world));
    assert.deepEqual(seen(), ["online", "OFF"]);
    world.press();
    assert.ok(untilSaid(world, "connected"));
    world.run(50);
    world.cutPower();
    world.run(120_000);
    assert.deepEqual(seen(), ["offline", "OFF"]);
  });

  it("commands the LED by what the box takes", () => {
    const world = connected(new World());
    world.run(5000);
    const { led } = componentsOf(world);
    for (const on of [true, false]) {
      // A light's payloads, unless it names others.
      world.broker.publish(led?.["cmd_t"] ?? "", on ? "ON" : "OFF", {
        qos: 1,
        retain: (led?.["ret"] as unknown) === true,
      });
      world.run(2000);
      assert.equal(world.led.on, on);
      assert.equal(world.broker.retained(led?.["stat_t"] ?? "")?.payload, on ? "ON" : "OFF");
    }
  });

  it("is told of automations that a user can copy: they parse, and name what the box has", () => {
    const guide = readFileSync(GUIDE, "utf8");
    const blocks = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => parse(match[1] as string) as unknown);
    assert.ok(blocks.length >= 3);
    const text = JSON.stringify(blocks);
    const { btn, vcc } = componentsOf(connected(new World()));
    // Home Assistant makes an entity's id of the names of device and entity.
    const entity = (name: string | undefined) => `alertbox_${CHIP}_${name?.toLowerCase()}`;
    assert.ok(text.includes(`event.${entity(btn?.["name"])}`));
    assert.ok(text.includes(`sensor.${entity(vcc?.["name"])}`));
    for (const id of text.matchAll(/"(?:event|sensor|binary_sensor|light)\.(\w+)"/g)) {
      const known = ["button", "supply", "presses", "awake", "led"].map(entity);
      assert.ok(known.includes(id[1] as string), id[1]);
    }
  });
});
