// The judge of Homie devices, fed with what a device should not do: it must name the section of each, and say nothing
// of one that does all as the convention has it.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Kept, Said, Will } from "../../../host-sim/conventions/broker-tap.js";
import { HomieJudge } from "../../../host-sim/conventions/homie-rules.js";

const BASE = "homie/5/box-1";
const WILL: Will = Object.freeze({ topic: `${BASE}/$state`, payload: "lost", retain: true });

const DEVICE = Object.freeze({
  homie: "5.0",
  version: 3,
  name: "Box",
  nodes: {
    button: { properties: { event: { datatype: "enum", format: "press,double", retained: false } } },
    led: { name: "LED", properties: { on: { datatype: "boolean", settable: true } } },
    box: {
      properties: {
        supply: { datatype: "float", unit: "V", format: "0:5" },
        presses: { datatype: "integer" },
        place: { datatype: "string" },
        tint: { datatype: "color", format: "rgb,xyz" },
        seen: { datatype: "datetime" },
        awake: { datatype: "duration" },
        raw: { datatype: "json" },
      },
    },
  },
});
const VALUES = Object.freeze([
  ["led/on", "false"],
  ["box/supply", "3.012"],
  ["box/presses", "-7"],
  ["box/place", "\0"],
  ["box/tint", "xyz,0.25,0.34"],
  ["box/seen", "2026-11-23T16:00:00Z"],
  ["box/awake", "PT12H5M46S"],
  ["box/raw", "[1]"],
] as const);

/** A broker with one device and its judge, in words. */
class Stage implements Kept {
  readonly judge = new HomieJudge(this);
  readonly #kept = new Map<string, string>();
  readonly subscriptions = new Set([`${BASE}/led/on/set`]);
  at = 0;

  retained(topic: string): string | undefined {
    return this.#kept.get(topic);
  }

  isSubscribed(_clientId: string, topic: string): boolean {
    return this.subscriptions.has(topic);
  }

  connect(will: Will | "none" = WILL): this {
    this.judge.connected("box", will === "none" ? undefined : will);
    return this;
  }

  /** The device says it, retained with QoS 1 unless the options say otherwise. */
  say(path: string, payload: string, options: Partial<Said> = {}): this {
    const topic = path.startsWith("homie/") ? path : `${BASE}/${path}`;
    const bytes = new TextEncoder().encode(payload);
    const said = {
      topic,
      payload,
      bytes,
      qos: 1,
      retain: true,
      clientId: "box",
      isWill: false,
      at: this.at,
      ...options,
    };
    if (said.retain && payload === "") this.#kept.delete(topic);
    else if (said.retain) this.#kept.set(topic, payload);
    this.judge.said(said);
    return this;
  }

  describe(changes: object = {}): this {
    return this.say("$description", JSON.stringify({ ...DEVICE, ...changes }));
  }

  property(property: object): this {
    return this.describe({ version: 9, nodes: { n: { properties: { p: property } } } });
  }

  /** With all its values. */
  values(): this {
    for (const [path, payload] of VALUES) this.say(path, payload);
    return this;
  }

  ready(): this {
    return this.connect().say("$state", "init").describe().values().say("$state", "ready");
  }

  event(payload: string, options: Partial<Said> = {}): this {
    return this.say("button/event", payload, { qos: 0, retain: false, ...options });
  }

  set(path: string, payload: string, retain = false): this {
    return this.say(`${path}/set`, payload, { clientId: undefined, qos: 0, retain });
  }

  end(): this {
    this.judge.disconnected("box");
    return this;
  }

  /** So much later everything is judged. */
  after(ms: number): this {
    this.at += ms;
    this.judge.finish(this.at);
    return this;
  }
}

const REMOVED = ["$description", ...VALUES.map(([path]) => path)];

describe("the judge of Homie", () => {
  it("has nothing against a device that lives by the convention", () => {
    const stage = new Stage().ready().event("press").event("double");
    stage.set("led/on", "true").say("led/on", "true").after(5000);
    stage.set("led/on", "maybe").after(5000);
    stage.say("box/place", "hall").say("$alert/battery", "low").say("$log/warn", "low", { retain: false });
    // It is lost, and back for a moment without "init".
    stage.say("$state", "lost", { isWill: true });
    stage.connect().event("press").say("box/supply", "3.1").say("$state", "ready").say("$state", "disconnected").end();
    // It is lost, comes back, is set up anew, sleeps, and is removed.
    stage.say("$state", "lost", { isWill: true });
    stage.connect().say("$state", "init").describe().values().say("$state", "ready");
    stage.say("$state", "init").say("led/on", "");
    const { led: _, ...nodes } = DEVICE.nodes;
    stage.describe({ version: 4, nodes }).say("$state", "ready").say("$state", "sleeping").end();
    stage.connect("none").say("$state", "");
    for (const path of REMOVED) stage.say(path, "");
    assert.deepEqual(stage.after(5000).judge.breaches, []);
  });

  it("lets a broker that has lost its memory be told everything again", () => {
    const stage = new Stage().ready();
    for (const path of ["$state", ...REMOVED]) stage.say(path, "", { clientId: undefined });
    assert.deepEqual(stage.ready().after(5000).judge.breaches, []);
  });

  it("lets devices be children, and have extensions", () => {
    const family = { version: 5, children: ["box-2"], extensions: ["org.example.ring"] };
    assert.deepEqual(new Stage().connect().say("$state", "init").describe(family).judge.breaches, []);
    const child = { version: 5, root: "box-0", parent: "box-7" };
    assert.deepEqual(new Stage().connect().say("$state", "init").describe(child).judge.breaches, []);
  });

  const cases: Readonly<Record<string, Readonly<Record<string, (stage: Stage) => unknown>>>> = {
    "Topic IDs": {
      "an id with capitals": (stage) => stage.ready().say("homie/5/Box/$state", "init"),
      "a value of a node": (stage) => stage.ready().say("box", "1"),
      "a topic below a property": (stage) => stage.ready().say("box/supply/low", "1"),
      "an unknown attribute": (stage) => stage.ready().say("$name", "Box"),
      "a node's id in the description": (stage) => stage.connect().describe({ nodes: { Button: {} } }),
      "a property's": (stage) =>
        stage.connect().describe({ nodes: { n: { properties: { "a b": { datatype: "json" } } } } }),
      "a child's": (stage) => stage.connect().describe({ children: ["Box 2"] }),
      "an alert's": (stage) => stage.ready().say("$alert/Low", "low"),
    },
    "Domain and Root Topic": {
      "another version": (stage) => stage.connect().say("homie/4/box-1/$state", "init"),
    },
    "Last Will": {
      "no will": (stage) => stage.connect("none").say("$state", "init"),
      "a will elsewhere": (stage) => stage.connect({ ...WILL, topic: "box/lwt" }).say("$state", "init"),
      "a will that says something else": (stage) =>
        stage.connect({ ...WILL, payload: "disconnected" }).say("$state", "init"),
      "a will that is not kept": (stage) => stage.connect({ ...WILL, retain: false }).say("$state", "init"),
    },
    "QoS and retained messages": {
      "a state that is not kept": (stage) => stage.connect().say("$state", "init", { retain: false }),
      "a description that is not kept": (stage) =>
        stage.connect().say("$state", "init").say("$description", JSON.stringify(DEVICE), { retain: false }),
      "a value that is not kept": (stage) => stage.ready().say("box/supply", "3", { retain: false }),
      "an event that is kept": (stage) => stage.ready().event("press", { retain: true }),
      "an event with QoS 1": (stage) => stage.ready().event("press", { qos: 1 }),
      "an event with QoS 2": (stage) => stage.ready().event("press", { qos: 2 }),
    },
    "QoS choices explained": {
      "QoS 0 for all": (stage) => stage.connect().say("$state", "init", { qos: 0 }),
      "two kinds of QoS": (stage) => stage.ready().say("box/supply", "3", { qos: 2 }),
    },
    Payloads: {
      "a value of before that is none of the new description": (stage) => {
        stage.connect().say("$state", "init").say("led/on", "ON").describe().values();
        stage.say("led/on", "ON", { clientId: undefined }).say("$state", "ready");
      },
      "no UTF-8": (stage) => stage.ready().say("box/place", "x", { bytes: Uint8Array.of(0xc3, 0x28) }),
      "a BOM": (stage) => stage.ready().say("box/place", "\ufeffhall"),
      "no float": (stage) => stage.ready().say("box/supply", "3,012"),
      NaN: (stage) => stage.ready().say("box/supply", "NaN"),
      "a float with spaces": (stage) => stage.ready().say("box/supply", " 3"),
      "a sign alone": (stage) => stage.ready().say("box/presses", "-"),
      "a fraction": (stage) => stage.ready().say("box/presses", "7.5"),
      "an integer of 65 bits": (stage) => stage.ready().say("box/presses", "9223372036854775808"),
      "a number beyond its format": (stage) => stage.ready().say("box/supply", "5.1"),
      TRUE: (stage) => stage.ready().say("led/on", "TRUE"),
      ON: (stage) => stage.ready().say("led/on", "ON"),
      "a value of no enum": (stage) => stage.ready().event("long"),
      "another case of it": (stage) => stage.ready().event("Press"),
      "an empty event": (stage) => stage.ready().event(""),
      "a color of another kind": (stage) => stage.ready().say("box/tint", "hsv,1,1,1"),
      "a color out of range": (stage) => stage.ready().say("box/tint", "rgb,1,1,256"),
      "a color of two numbers": (stage) => stage.ready().say("box/tint", "rgb,1,1"),
      "no date": (stage) => stage.ready().say("box/seen", "yesterday"),
      "no duration": (stage) => stage.ready().say("box/awake", "PT"),
      "a number as JSON": (stage) => stage.ready().say("box/raw", "1"),
    },
    "Empty string values": {
      "a byte 0 as a state": (stage) => stage.connect().say("$state", "\0"),
    },
    "Device Attributes": {
      "no JSON": (stage) => stage.connect().say("$description", "{"),
      "no object": (stage) => stage.connect().say("$description", "[]"),
      "no version of the convention": (stage) => stage.connect().describe({ homie: undefined }),
      "a version with a patch level": (stage) => stage.connect().describe({ homie: "5.0.0" }),
      "another major version": (stage) => stage.connect().describe({ homie: "4.0" }),
      "no version": (stage) => stage.connect().describe({ version: undefined }),
      "a version that is text": (stage) => stage.connect().describe({ version: "3" }),
      "a version with a fraction": (stage) => stage.connect().describe({ version: 3.5 }),
      null: (stage) => stage.connect().describe({ name: null }),
      "an unknown field": (stage) => stage.connect().describe({ mac: "5c:cf" }),
      "children that are no texts": (stage) => stage.connect().describe({ children: [1] }),
      "a description that changes while ready": (stage) => stage.ready().describe({ version: 4, name: "Bell" }),
      "one that changes while sleeping": (stage) =>
        stage.ready().say("$state", "sleeping").describe({ version: 4, name: "Bell" }),
      "another with the same version": (stage) => stage.ready().say("$state", "init").describe({ name: "Bell" }),
      "another with a lower one": (stage) => stage.ready().say("$state", "init").describe({ version: 2 }),
      "another with the same version after a removal": (stage) => {
        stage.ready().say("$state", "");
        for (const path of REMOVED) stage.say(path, "");
        stage.say("$state", "init").describe({ name: "Bell" });
      },
    },
    "Device hierarchy": {
      "a parent without a root": (stage) => stage.connect().describe({ parent: "box-0" }),
    },
    Extensions: {
      "a word": (stage) => stage.connect().describe({ extensions: ["ring"] }),
      "homie in it": (stage) => stage.connect().describe({ extensions: ["org.homie.ring"] }),
    },
    "Node Attributes": {
      "an unknown field": (stage) => stage.connect().describe({ nodes: { n: { format: "x" } } }),
      "no object": (stage) => stage.connect().describe({ nodes: { n: 1 } }),
    },
    "Property Attributes": {
      "no datatype": (stage) => stage.connect().property({}),
      "an unknown one": (stage) => stage.connect().property({ datatype: "number" }),
      "an unknown field": (stage) => stage.connect().property({ datatype: "json", min: "1" }),
      "settable as text": (stage) => stage.connect().property({ datatype: "json", settable: "true" }),
      "a format that is no text": (stage) => stage.connect().property({ datatype: "integer", format: 1 }),
      "a value that the description has not": (stage) => stage.ready().say("box/signal", "-61"),
    },
    Formats: {
      "an enum without": (stage) => stage.connect().property({ datatype: "enum" }),
      "an enum with an empty value": (stage) => stage.connect().property({ datatype: "enum", format: "a,,b" }),
      "an enum with twins": (stage) => stage.connect().property({ datatype: "enum", format: "a,b,a" }),
      "a color without": (stage) => stage.connect().property({ datatype: "color" }),
      "an unknown color": (stage) => stage.connect().property({ datatype: "color", format: "rgb,cmyk" }),
      "a number's list": (stage) => stage.connect().property({ datatype: "integer", format: "1,2" }),
      "a range of fractions for integers": (stage) =>
        stage.connect().property({ datatype: "integer", format: "0:1.5" }),
      "a range the wrong way round": (stage) => stage.connect().property({ datatype: "float", format: "5:1" }),
      "a step of 0": (stage) => stage.connect().property({ datatype: "float", format: "0:1:0" }),
      "a boolean with one value": (stage) => stage.connect().property({ datatype: "boolean", format: "on" }),
      "a schema that is none": (stage) => stage.connect().property({ datatype: "json", format: "any" }),
    },
    "Device Lifecycle": {
      "an unknown state": (stage) => stage.connect().say("$state", "online"),
      "lost by its own words": (stage) => stage.ready().say("$state", "lost"),
      "ready without a description": (stage) => stage.connect().say("$state", "ready"),
      "ready before the description": (stage) => stage.connect().say("$state", "ready").describe().values(),
      "ready without a value": (stage) => stage.connect().say("$state", "init").describe().say("$state", "ready"),
      "ready without a subscription": (stage) => {
        stage.subscriptions.clear();
        stage.ready();
      },
      "a clean end of a device that is ready": (stage) => stage.ready().end(),
      "a clean end of one that is not ready yet": (stage) => stage.connect().say("$state", "init").end(),
      "a value while it sleeps": (stage) => stage.ready().say("$state", "sleeping").say("box/supply", "3"),
      "an event of a device that has gone": (stage) => stage.ready().say("$state", "disconnected").event("press"),
      "a description taken away before the state": (stage) => stage.ready().say("$description", ""),
      "a removal of the state alone": (stage) => stage.ready().say("$state", "").after(0),
      "a removal that leaves a value": (stage) => {
        stage.ready().say("$state", "");
        for (const path of REMOVED.slice(0, -1)) stage.say(path, "");
        stage.after(0);
      },
      "a removal that is not kept": (stage) => stage.ready().say("$state", "", { retain: false }),
    },
    "Device reconfiguration": {
      "a value that is taken away while ready": (stage) => stage.ready().say("led/on", ""),
      "a value that outlives its property": (stage) =>
        stage
          .ready()
          .say("$state", "init")
          .describe({ version: 4, nodes: { box: DEVICE.nodes.box } })
          .say("$state", "ready"),
    },
    "Property command topic": {
      "a set that nothing comes of": (stage) => stage.ready().set("led/on", "true").after(2000),
      "a set that something else comes of": (stage) =>
        stage.ready().set("led/on", "true").say("led/on", "false").after(2000),
      "a set that is kept": (stage) => stage.ready().set("led/on", "true", true).say("led/on", "true"),
      "a set by the device itself": (stage) => stage.ready().say("led/on/set", "true", { retain: false }),
    },
    Logging: {
      "an unknown level": (stage) => stage.ready().say("$log/loud", "x", { retain: false }),
      "a log that is kept": (stage) => stage.ready().say("$log/warn", "x"),
    },
  };

  for (const [section, breaches] of Object.entries(cases)) {
    for (const [name, act] of Object.entries(breaches)) {
      it(`${section}: ${name}`, () => {
        const stage = new Stage();
        act(stage);
        const sections = stage.judge.breaches.map((breach) => breach.section);
        assert.ok(sections.includes(section), `noted: ${JSON.stringify(stage.judge.breaches)}`);
      });
    }
  }
});
