// What firmware is asked to do, one kind of event after the other, so that the instructions of each turn (callback) can
// be told apart: a box on mains with its button, broker and commands, then a box in setup with its phone. Each story
// runs twice on lx106: with so much memory that nothing is collected, and in the chip's layout with a collection forced
// after each turn.

import type { WorldOptions } from "../world.js";
import type { Engine } from "./engine.js";
import type { CreationRecord } from "./lab.js";
import type { Turn } from "./remote.js";
import { firmwareSources, readManifest, type Sources } from "./sources.js";
import { Stage, StoryFailed } from "./stage.js";
import { XsImage } from "./xs-image.js";

/** One turn of firmware. */
export interface MeasuredTurn {
  /** Row of the table. */
  readonly kind: string;
  /** What called it. */
  readonly name: string;
  /** Native functions that it called. */
  readonly natives: readonly string[];
  /** Without any collection. */
  readonly instructions: number;
  /** What a collection took right after it, in the chip's layout. */
  readonly collection: number;
}

interface EventStory {
  readonly world: WorldOptions;
  readonly run: (stage: Stage, during: (kind: string) => void) => void;
}

const root = "mresetar/alertbox/5750";

/** The button, the broker and its commands. */
const mains: EventStory = Object.freeze<EventStory>({
  world: { board: { settings: { keepAliveSeconds: 30 } } },
  run: (stage, during) => {
    const { world } = stage;
    const { broker } = world;
    during("Wi-Fi joined, MQTT connected");
    stage.said("connected");
    stage.said("connected");
    stage.run(2000);
    broker.hold("pubrec");
    broker.hold("pubcomp");
    during("press");
    world.press(200);
    stage.run(2000);
    during("PUBREC");
    broker.release("pubrec");
    stage.run(1000);
    during("PUBCOMP");
    broker.release("pubcomp");
    stage.run(5000);
    for (const bytes of [16, 256, 1024, 5000]) {
      during(`message of ${bytes} B in`);
      broker.publish(`${root}/cmd/led`, "x".repeat(bytes), { qos: 0 });
      stage.run(500);
    }
    during("cmd/led acted on and cleared");
    broker.publish(`${root}/cmd/led`, "ON", { qos: 1, retain: true });
    stage.run(1000);
    during("PINGREQ and PINGRESP");
    stage.run(45_000);
    during("cmd/config of 476 B tried and stored");
    broker.publish(`${root}/cmd/config`, configText(broker.address), { qos: 1 });
    stage.said("connected");
    stage.run(5000);
    during("connection lost and made again");
    world.network.dropConnections();
    stage.said("connected");
    stage.run(2000);
  },
});

/** 476 bytes of settings that work. */
export function configText(host: string): string {
  const settings = { wifi: [{ ssid: "home", password: "correct horse" }], host, user: "u".repeat(128), password: "" };
  const text = (password: string): string =>
    JSON.stringify({ ...settings, password, root: `${root}${"r".repeat(70)}` });
  return text("w".repeat(Math.min(128, 476 - text("").length)));
}

/** A phone on the box's access point. */
const setup: EventStory = Object.freeze<EventStory>({
  world: { board: { config: { settings: undefined } } },
  run: (stage, during) => {
    const { world } = stage;
    during("setup opens");
    stage.said("setup");
    stage.run(3000);
    const phone = world.phone();
    if (!phone.join("AlertBox-5750")) throw new StoryFailed("the phone could not join the box");
    stage.run(3000);
    during("DNS query");
    phone.query("connectivitycheck.gstatic.com");
    stage.run(1000);
    const ask = (kind: string, method: string, path: string, body?: string): void => {
      during(kind);
      const answer = phone.request(method, path, body === undefined ? {} : { body });
      stage.until(`${method} ${path}`, () => answer.isDone, 10_000);
    };
    ask("HTTP request: the page", "GET", "/");
    ask("HTTP request: the state", "GET", "/status");
    const form = { ssid: "home", wifiPassword: "correct horse", host: "broker.local", user: "box", password: "secret" };
    ask("HTTP request: the form", "POST", "/try", String(new URLSearchParams(form)));
    during("setup trial");
    stage.run(10_000);
  },
});

/** The row of a turn: what it does counts more than when. */
function kindOf(during: string, { name, natives }: Turn): string {
  if (name === "boot") return name;
  if (during !== "press") return during;
  if (name.startsWith("embedded:io/digital")) return "edge of the button";
  if (natives.includes("flash write")) return "debounce end: journal write";
  if (natives.includes("embedded:io/socket/tcp write")) return "QoS 2 PUBLISH";
  return "LED, timers";
}

/** Turns of one run. */
function drive(
  engine: Engine,
  sources: Sources,
  record: CreationRecord,
  story: EventStory,
  collects: boolean,
): (MeasuredTurn & { readonly collections: number })[] {
  const image = new XsImage(engine, { sources, record });
  const turns: (MeasuredTurn & { readonly collections: number })[] = [];
  let during = "";
  try {
    const stage = new Stage(image, story.world);
    stage.onTurn = (turn) => {
      const { instructions, collections } = turn.meter;
      // Beyond this the next turn might have to collect.
      const live = collects || turn.meter.slotsAfter > 12_000 ? image.latest.collect() : undefined;
      const collection = collects ? (live?.instructions ?? 0) : 0;
      const { name, natives } = turn;
      turns.push({ kind: kindOf(during, turn), name, natives, instructions, collection, collections });
    };
    story.run(stage, (kind) => {
      during = kind;
    });
    stage.close();
    return turns;
  } finally {
    image.close();
  }
}

/**
 * All turns of all kinds of events.
 * @param large a machine in which nothing is collected inside a turn.
 * @throws StoryFailed when the firmware does not what it should, or the two runs differ in what they do.
 */
export function measureEvents(
  engine: Engine,
  chip: CreationRecord,
  large: CreationRecord,
  progress: (text: string) => void,
): MeasuredTurn[] {
  const { preload, stripped } = readManifest();
  const sources = firmwareSources(undefined, preload, stripped);
  const turns: MeasuredTurn[] = [];
  for (const [title, story] of [
    ["mains", mains],
    ["setup", setup],
  ] as const) {
    progress(`${title}, mutator alone`);
    const free = drive(engine, sources, large, story, false);
    progress(`${title}, with collections`);
    const collected = drive(engine, sources, chip, story, true);
    if (free.length !== collected.length) {
      throw new StoryFailed(`${title}: ${free.length} turns without collections, ${collected.length} with them`);
    }
    free.forEach((turn, index) => {
      const other = collected[index];
      if (other?.name !== turn.name) throw new StoryFailed(`${title}: turn ${index} is ${turn.name} or ${other?.name}`);
      if (turn.collections > 0) throw new StoryFailed(`${title}: turn ${index} collected garbage in a large machine`);
      const { kind, name, natives, instructions } = turn;
      turns.push({ kind, name, natives, instructions, collection: other.collection });
    });
  }
  return turns;
}
