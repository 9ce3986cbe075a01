// The stories through which the firmware is driven when its memory is measured: a box on mains in its daily life with
// all that a broker may send, and a factory-new box that is set up from a phone with the longest settings there are.
// Each is a script of time; its marks are the rows of the table. What is asked of the client alone is in client.ts.

import { grouped } from "../../board/report.js";
import { drawPlan } from "../campaign/plan.js";
import { filledFlash } from "../campaign/prepared-flash.js";
import type { NorFlash } from "../nor-flash.js";
import type { WorldOptions } from "../world.js";
import { configText } from "./events.js";
import { type Stage, StoryFailed } from "./stage.js";

/** A script that drives one board through its moments. */
export interface Story {
  readonly name: string;
  readonly world: WorldOptions;
  readonly run: (stage: Stage) => void;
}

/** So many reconnects are enough to compare engines and to find the smallest block. */
export const few = 100;

const root = "mresetar/alertbox/5750";

/** The longest that setup lets through: bytes of UTF-8, and 253 characters of host name. */
const longest = Object.freeze({
  ssid: "n".repeat(32),
  wifiPassword: "p".repeat(63),
  host: `${"h".repeat(60)}.`.repeat(4) + "h".repeat(9),
  user: "u".repeat(128),
  password: "w".repeat(128),
  root: `${"r".repeat(31)}/`.repeat(3).slice(0, 96).replace(/\/$/, "r"),
});

/** A connection that lasted longer is made again soon, without many turns of waiting; ms. */
const stableMs = 61_000;

/** Drops every connection, `count` times, each time until the box is back and content. */
function reconnect(stage: Stage, count: number): void {
  const { world } = stage;
  for (let times = 0; times < count; times++) {
    world.network.dropConnections();
    stage.said("connected", 120_000);
    stage.run(stableMs);
    // The histories that the broker and the board keep for views would grow.
    if (times % 100 === 0) {
      world.broker.forgetPast();
      if (times > 0) stage.onProgress?.(`${grouped(times)} of ${grouped(count)} reconnects`);
    }
  }
}

/** A box on mains: every moment of a connected life. */
export function dailyLife(reconnects: number): Story {
  return {
    name: "daily life",
    world: {},
    run: (stage) => {
      const { world, board } = stage;
      const { broker } = world;
      stage.until("the boot", () => board.boots === 1);
      stage.mark("boot");
      stage.said("joined");
      stage.mark("joined");
      stage.said("connected");
      stage.said("connected");
      stage.run(1000);
      stage.mark("connected, idle");
      flight(stage);
      broker.publish(`${root}/cmd/stay`, "x".repeat(700), { qos: 1 });
      stage.run(1000);
      stage.mark("message of 700 B come (768 fit)");
      // More of the stack is needed for text beyond ASCII.
      broker.publish(`${root}/cmd/č`, "č".repeat(100), { qos: 1 });
      stage.run(1000);
      world.network.fragment(256);
      broker.publish(`${root}/cmd/led`, "x".repeat(1024), { qos: 1 });
      let fragments = 0;
      const stop = world.network.onTraffic((traffic) => {
        if (traffic.type === "data" && traffic.direction === "down") fragments += 1;
      });
      stage.until("half of a message", () => fragments >= 3, 1000);
      stage.mark("message of 1 KB half come");
      stop();
      stage.run(1000);
      world.network.fragment(undefined);
      stage.mark("message of 1 KB skipped");
      broker.publish(`${root}/cmd/led`, "x".repeat(5000), { qos: 2 });
      stage.run(1000);
      stage.mark("message of 5,000 B skipped");
      broker.publish(`${root}/cmd/config`, configText(broker.address));
      stage.said("connected", 120_000);
      stage.run(5000);
      stage.mark("cmd/config tried and kept");
      // The stack is deep where CONNACK refuses.
      broker.refuse(3);
      world.network.dropConnections();
      stage.said("failed", 120_000);
      stage.run(5000);
      broker.refuse(0);
      stage.said("connected", 120_000);
      stage.run(stableMs);
      const first = Math.min(few, reconnects);
      reconnect(stage, first);
      stage.mark(`after ${first} reconnects`);
      if (reconnects > first) {
        reconnect(stage, reconnects - first);
        stage.mark(`after ${reconnects} reconnects`);
      }
      world.press();
      stage.said("delivered");
      stage.run(1000);
      stage.mark("after one more alert");
    },
  };
}

/** One alert in flight, then four. */
function flight(stage: Stage): void {
  const { world } = stage;
  const { broker } = world;
  broker.hold("pubrec");
  for (const name of ["one alert in flight", "", "", "four alerts in flight"]) {
    world.press();
    stage.run(1500);
    if (name !== "") stage.mark(name);
  }
  broker.release("pubrec");
  stage.run(10_000);
  stage.mark("four alerts delivered");
}

/**
 * A box on batteries whose press finds the journal's sector full, so that the boot moves it; then flash that does not
 * take what PUBREC and PUBCOMP say, so that it moves inside of them.
 */
export const fullSector: Story = Object.freeze<Story>({
  name: "a full sector",
  world: { board: { wiring: "rst" } },
  run: (stage) => {
    const { world, board } = stage;
    // Before the boot, which takes a while to begin.
    board.flash.load(filledFlash({ ...drawPlan(1, { presses: 1 }), wiring: "rst", spent: 201, stored: 0 }).save());
    stage.said("sleeping");
    const moves = countErases(board.flash);
    refuseOnce(board.flash, [0x00, 0xff, 0xff, 0xff]);
    refuseOnce(board.flash, [0xff, 0x00, 0xff, 0xff]);
    world.press();
    stage.said("stored");
    stage.mark("press stored, journal moved");
    stage.said("received");
    stage.said("delivered");
    stage.mark("delivered, journal moved twice");
    stage.said("sleeping");
    if (moves() !== 3) throw new StoryFailed(`the journal moved ${moves()} times, not 3`);
  },
});

/** Counts what is erased from now on. */
function countErases(flash: NorFlash): () => number {
  let count = 0;
  flash.on(({ operation }) => {
    if (operation === "erase") count += 1;
  });
  return () => count;
}

/** The flash does not keep the next write of just these bytes. */
function refuseOnce(flash: NorFlash, bytes: readonly number[]): void {
  const write = flash.write.bind(flash);
  let isOver = false;
  flash.write = (offset, given) => {
    const isRefused = !isOver && given.length === bytes.length && bytes.every((byte, at) => given[at] === byte);
    if (isRefused) isOver = true;
    else write(offset, given);
  };
}

/** A factory-new box, set up from a phone. */
export const firstSetup: Story = Object.freeze<Story>({
  name: "first setup",
  world: {
    board: { config: { settings: undefined } },
    wifi: { ssid: longest.ssid, password: longest.wifiPassword },
    broker: { users: { [longest.user]: longest.password } },
  },
  run: (stage) => {
    const { world } = stage;
    world.network.name(longest.host, world.broker.address);
    stage.said("setup");
    stage.run(3000);
    stage.mark("setup open");
    const phone = world.phone();
    if (!phone.join("AlertBox-5750")) throw new StoryFailed("the phone could not join the box");
    stage.run(3000);
    phone.query("connectivitycheck.gstatic.com");
    stage.run(500);
    const page = phone.request("GET", "/");
    stage.until("half of the setup page", () => page.bytes.byteLength > 3000, 10_000);
    stage.mark("setup page half served");
    stage.until("the setup page", () => page.isDone, 10_000);
    stage.mark("setup page served");
    const form = phone.request("POST", "/try", { body: String(new URLSearchParams(longest)) });
    stage.until("the answer to the form", () => form.isDone, 30_000);
    if (form.status !== 200) throw new StoryFailed(`the form was answered with ${form.status}`);
    stage.said("connecting", 60_000);
    stage.mark("setup trial, the longest settings");
    // The page asks each second what came of them, until the box restarts.
    for (let second = 0; second < 60 && stage.board.boots === 1; second++) {
      phone.request("GET", "/status", { patienceMs: 3000 });
      stage.run(1000);
    }
    stage.until("the connection", () => stage.board.steps.at(-1)?.word === "connected");
    stage.run(3000);
    stage.mark("connected with the longest settings");
    world.press();
    stage.said("delivered");
    stage.run(1000);
    stage.mark("alert delivered with them");
  },
});
