// Any MQTT client under the same measurement as ours: a script in one JavaScript file, on a board with Wi-Fi up and the
// model broker at a known address. The contract:
//
//   import TCP from "embedded:io/socket/tcp";        // and timer, time, net, wifi … as on the board
//   import { mark, deliver, hold, release, drop, finish } from "lab";      // script.d.ts has them all
//   export default function ({ address, port, user, password, reconnects, messages }) { … }
//
// The file is bundled with what it imports by path, and preloaded: it runs once, before the machine is made, so it does
// nothing at top level. Its default export is called when there is an address. A turn that calls `mark(label)` begins a
// row and belongs to none: call it in a turn of its own, from a timer. `finish()` ends the measurement; without it, it
// ends after an hour of the simulated time in which nothing of "lab" was called. The broker wants the user and the
// password.

import { existsSync } from "node:fs";
import { grouped } from "../../board/report.js";
import type { Answer, QoS } from "../broker.js";
import type { Engine } from "./engine.js";
import type { CreationRecord } from "./lab.js";
import type { Live } from "./messages.js";
import { bundleSources, type Sources } from "./sources.js";
import { Stage, StoryFailed } from "./stage.js";
import { XsImage } from "./xs-image.js";

/** One row: what lived when it began, and what was computed until the next one began. */
export interface Row {
  readonly name: string;
  readonly live: Live;
  /** Turns in it. */
  turns: number;
  /** Instructions of all turns, without collections. 0 on the host. */
  instructions: number;
  /** Those of the longest turn. */
  longest: number;
  /** Collections of garbage inside turns. */
  collections: number;
}

export interface BundleOptions {
  readonly reconnects: number;
  readonly messages: number;
  readonly record: CreationRecord;
  /** Told how far it is. */
  readonly progress?: (text: string) => void;
}

/** What came of a script. */
export interface BundleResult {
  readonly rows: readonly Row[];
  /** Deepest stacks: of JavaScript in slots, of C in bytes. */
  readonly deepest: { readonly stackSlots: number; readonly cStackBytes: number };
  /** Bytes of bytecode by module. */
  readonly modules: readonly { readonly specifier: string; readonly bytes: number }[];
}

const user = "box";
const password = "correct battery";
const silenceMs = 3_600_000;

/** Joins the Wi-Fi, then calls the script. */
function mainOf(given: object): string {
  return `import WiFi from "wifi";
import script from "bundle";
export default function () {
  let started = false;
  new WiFi({ ssid: "home", password: "correct horse" }, (message) => {
    if (started || message !== WiFi.gotIP) return;
    started = true;
    script(${JSON.stringify(given)});
  });
}
`;
}

/** What the script says and orders, between two turns. */
class Orders {
  readonly labels: string[] = [];
  readonly deeds: (() => void)[] = [];
  calls = 0;
  drops = 0;
  messages = 0;
  isOver = false;
}

/** A script may do more than it was asked for. */
function outOf(done: number, asked: number): string {
  return done > asked ? grouped(done) : `${grouped(done)} of ${grouped(asked)}`;
}

/** The module `lab`. What it is told takes effect when the turn has returned. */
function labModule(
  orders: Orders,
  stage: () => Stage,
  { progress = () => {}, ...counts }: BundleOptions,
): Readonly<Record<string, unknown>> {
  const later = (deed: (stage: Stage) => void): void => {
    orders.calls += 1;
    orders.deeds.push(() => deed(stage()));
  };
  return {
    mark: (label: unknown) => {
      orders.calls += 1;
      orders.labels.push(String(label));
    },
    deliver: (topic: unknown, byteLength: unknown, qos: unknown) =>
      later(({ world }) => {
        orders.messages += 1;
        if (orders.messages % 1000 === 0) progress(`${outOf(orders.messages, counts.messages)} messages`);
        const payload = "x".repeat(Number(byteLength));
        world.clock.schedule(1, () => world.broker.publish(String(topic), payload, { qos: Number(qos) as QoS }));
      }),
    hold: (kind: unknown) => later(({ world }) => world.broker.hold(String(kind) as Answer)),
    release: (kind: unknown) =>
      later(({ world }) => world.clock.schedule(0, () => world.broker.release(String(kind) as Answer))),
    drop: () =>
      later(({ world }) => {
        orders.drops += 1;
        if (orders.drops % 100 === 0) progress(`${outOf(orders.drops, counts.reconnects)} reconnects`);
        world.clock.schedule(0, () => world.network.dropConnections());
      }),
    finish: () => {
      orders.isOver = true;
    },
  };
}

/**
 * Runs a script to its end.
 * @throws StoryFailed when it crashes, breaks a rule of MQTT, or cannot be bundled.
 */
export function runBundle(engine: Engine, file: string, options: BundleOptions): BundleResult {
  if (!existsSync(file)) throw new StoryFailed(`${file}: no such file`);
  const { reconnects, messages } = options;
  const given = { address: "10.0.0.2", port: 1883, user, password, reconnects, messages };
  const orders = new Orders();
  let stage: Stage | undefined;
  const image = new XsImage(engine, {
    sources: sourcesOf(file, mainOf(given)),
    record: options.record,
    extra: { lab: labModule(orders, () => stage as Stage, options) },
  });
  const rows: Row[] = [];
  try {
    stage = new Stage(image, { broker: { users: { [user]: password } } });
    follow(stage, image, orders, rows);
    while (!orders.isOver) {
      const { calls } = orders;
      stage.until("", () => orders.isOver || orders.calls > calls, silenceMs);
      if (orders.calls === calls) break;
    }
    stage.close();
    return { rows, deepest: stage.deepest, modules: image.modules };
  } finally {
    image.close();
  }
}

function sourcesOf(file: string, main: string): Sources {
  try {
    return bundleSources(file, main);
  } catch (error) {
    // esbuild's words name the place and the reason.
    throw new StoryFailed(error instanceof Error ? error.message : String(error));
  }
}

/** Makes rows of the turns. */
function follow(stage: Stage, image: XsImage, orders: Orders, rows: Row[]): void {
  stage.onTurn = ({ meter }) => {
    for (const deed of orders.deeds.splice(0)) deed();
    const row = rows.at(-1);
    if (orders.labels.length > 0) {
      for (const name of orders.labels.splice(0)) {
        const live = image.latest.collect();
        rows.push({ name, live, turns: 0, instructions: 0, longest: 0, collections: 0 });
      }
    } else if (row !== undefined) {
      row.turns += 1;
      row.instructions += meter.instructions;
      row.longest = Math.max(row.longest, meter.instructions);
      row.collections += meter.collections;
    }
  };
}
