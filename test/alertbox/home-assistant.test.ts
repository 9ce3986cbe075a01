// What Home Assistant is told: the document against the keys that it documents for device discovery and for each
// component, read in any pieces, and the mark that says whether it changed.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { introductionTopic } from "../../src/alertbox/convention.js";
import { Discovery } from "../../src/alertbox/home-assistant.js";
import { type Introduction, introductionMark } from "../../src/alertbox/introduction.js";
import { CONVENTIONS, type Settings } from "../../src/alertbox/settings.js";
import { CHIP, settingsOf } from "./box-rig.js";
import { Nor } from "./nor.js";

type Json = Record<string, unknown>;

/**
 * Keys of https://www.home-assistant.io/integrations/mqtt (device discovery) and of the pages of its components, by
 * their abbreviations, as far as the box needs them: those that must be there, and those that may.
 */
const KEYS: Readonly<Record<string, { readonly must: readonly string[]; readonly may: readonly string[] }>> = {
  device: { must: ["dev", "o", "cmps"], may: [] },
  dev: { must: ["ids"], may: ["name", "mf", "mdl", "sw"] },
  origin: { must: ["name"], may: ["sw", "url"] },
  event: { must: ["p", "uniq_id", "stat_t", "evt_typ"], may: ["name", "dev_cla", "qos", "val_tpl"] },
  device_automation: { must: ["p", "atype", "type", "stype", "t"], may: ["pl", "val_tpl", "qos"] },
  light: { must: ["p", "uniq_id", "cmd_t"], may: ["name", "stat_t", "ret", "qos", "avty_t", "avty_tpl"] },
  sensor: {
    must: ["p", "uniq_id", "stat_t"],
    may: ["name", "dev_cla", "unit_of_meas", "ent_cat", "stat_cla", "val_tpl", "avty_t", "avty_tpl"],
  },
  binary_sensor: { must: ["p", "uniq_id", "stat_t"], may: ["name", "dev_cla", "ent_cat", "val_tpl"] },
};

function holds(kind: string, value: Json): void {
  const keys = KEYS[kind];
  assert.ok(keys !== undefined, `${kind} is no component that the box may have`);
  for (const key of keys.must) assert.ok(key in value, `${kind} needs ${key}`);
  for (const key of Object.keys(value)) {
    assert.ok(keys.must.includes(key) || keys.may.includes(key), `${kind} has no ${key}`);
  }
}

/** The document, asked for so many bytes at a time. */
function text(settings: Settings, size = 4096, introduction = made(settings)): string {
  const bytes = Buffer.alloc(introduction.length);
  for (let at = 0; at < bytes.length; at += size) {
    introduction.read(at, bytes, at, Math.min(size, bytes.length - at));
  }
  return bytes.toString();
}

function made(settings: Settings): Introduction {
  const introduction = new Discovery(settings, CHIP, "1.0.0", new Nor());
  while (introduction.step());
  return introduction;
}

function read(settings: Settings): { components: Record<string, Json>; whole: Json } {
  const whole = JSON.parse(text(settings)) as Json;
  return { components: whole["cmps"] as Record<string, Json>, whole };
}

const MAINS = settingsOf();
const BATTERY = settingsOf({ mode: "battery" });

describe("what Home Assistant is told", () => {
  it("has the keys that it asks for, and no other", () => {
    for (const settings of [MAINS, BATTERY, settingsOf({ double: false }), settingsOf({ wiring: "rst+gpio" })]) {
      const { whole, components } = read(settings);
      holds("device", whole);
      holds("dev", whole["dev"] as Json);
      holds("origin", whole["o"] as Json);
      for (const component of Object.values(components)) {
        // With its platform alone it is taken back.
        if (Object.keys(component).length > 1) holds(String(component["p"]), component);
        else assert.ok(["light", "device_automation"].includes(String(component["p"])));
      }
    }
  });

  it("names each entity once, after the chip", () => {
    const ids = Object.values(read(MAINS).components).flatMap(({ uniq_id: id }) => (id === undefined ? [] : [id]));
    assert.deepEqual(
      ids,
      ["btn", "led", "vcc", "cnt", "awk"].map((id) => `alertbox_${CHIP}_${id}`),
    );
    assert.equal(introductionTopic(0, CHIP), `homeassistant/device/alertbox_${CHIP}/config`);
  });

  it("names the topics of the box", () => {
    const { btn, led, vcc, cnt, awk, short } = read(settingsOf({ root: "home/door" })).components;
    assert.equal(btn?.["stat_t"], "home/door/alert");
    assert.equal(short?.["t"], "home/door/alert");
    assert.deepEqual(
      [led?.["cmd_t"], led?.["stat_t"], led?.["avty_t"]],
      ["home/door/cmd/led", "home/door/led", "home/door/lwt"],
    );
    assert.equal(vcc?.["stat_t"], "home/door/state");
    assert.equal(cnt?.["stat_t"], "home/door/state");
    assert.equal(awk?.["stat_t"], "home/door/lwt");
  });

  it("promises the gestures that the box can know, and an LED only where it can stay lit", () => {
    const keys = (changes: Json) => {
      const entries = Object.entries(read(settingsOf(changes)).components);
      return entries.map(([key, component]) => (Object.keys(component).length > 1 ? key : `no-${key}`)).join(" ");
    };
    assert.equal(keys({}), "btn short double long led vcc cnt awk");
    assert.equal(keys({ double: false }), "btn short no-double long led vcc cnt awk");
    assert.equal(keys({ wiring: "rst+gpio" }), "btn short no-double no-long led vcc cnt awk");
    assert.equal(keys({ mode: "battery" }), "btn short no-double no-long no-led vcc cnt awk");
  });

  it("lets nothing of a sleeper depend on its being online, and the button on nothing at all", () => {
    for (const [key, component] of Object.entries(read(BATTERY).components)) {
      const isButton = key !== "vcc" && key !== "cnt";
      assert.equal(
        component["avty_tpl"],
        isButton ? undefined : "{{'offline' if value_json.state=='lost' else 'online'}}",
      );
      assert.equal(component["avty_t"], isButton ? undefined : `mresetar/alertbox/${CHIP}/lwt`);
    }
  });

  it("is the same in pieces of any size, asked for again from any place", () => {
    const whole = text(MAINS);
    for (const size of [1, 2, 3, 7, 64, 300, 511, 1460]) assert.equal(text(MAINS, size), whole, `${size}`);
    const introduction = made(MAINS);
    for (const at of [1000, 0, 1999, 500, 501, 499]) {
      const bytes = Buffer.alloc(100);
      introduction.read(at, bytes, 7, 80);
      assert.equal(bytes.toString("utf8", 7, 87), whole.slice(at, at + 80));
    }
    assert.equal(text(MAINS, 100, introduction), whole);
  });

  it("takes a root of any letters, and the longest", () => {
    for (const root of ["cvrči/cvrčak/na/čvoru", 'a"b\\c', '"'.repeat(96)]) {
      const { components } = read(settingsOf({ root }));
      assert.equal(components["btn"]?.["stat_t"], `${root}/alert`);
    }
  });
});

describe("the mark of it", () => {
  const mark = (settings: Settings, chipId = CHIP, firmware = "1.0.0") =>
    introductionMark(settings, chipId, firmware, new Nor());
  const former = mark(MAINS);

  it("is another one for whatever the document says, for another broker, and for none", () => {
    const others = [
      mark(MAINS, CHIP + 1),
      mark(MAINS, CHIP, "1.0.1"),
      ...[
        { root: "home/door" },
        { mode: "battery" },
        { wiring: "rst+gpio" },
        { double: false },
        { convention: "none" },
        { host: "10.0.0.3" },
        { port: 8883 },
      ].map((changes) => mark(settingsOf(changes))),
    ];
    assert.equal(new Set([former, ...others]).size, others.length + 1);
  });

  it("tells the convention", () => {
    for (const [place, convention] of CONVENTIONS.entries()) {
      assert.equal(mark(settingsOf({ convention })) & 15, 1 << place);
    }
  });

  it("is the same whatever else changes, and never what blank flash says", () => {
    for (const changes of [{ user: "door", password: "secret" }, { quiet: true }, { keepAliveSeconds: 30 }]) {
      assert.equal(mark(settingsOf(changes)), former);
    }
    const flash = new Nor();
    flash.crc = () => -1;
    assert.equal(introductionMark(settingsOf({ convention: "tasmota" }), CHIP, "1.0.0", flash), -8);
  });
});
