// What scenario tests ask of a world again and again, in the words of the design. With ALERTBOX_ENGINE=xs32 or lx106 in
// the environment, the boards of these tests run their firmware on the real engine (host-sim/xs) instead of in Node:
//   ALERTBOX_ENGINE=xs32 npx mocha --timeout 600000 'test/scenario/*.test.ts'

import type { Board } from "../../host-sim/board.js";
import { useImage } from "../../host-sim/image.js";
import type { World } from "../../host-sim/world.js";

const engine = process.env["ALERTBOX_ENGINE"];
if (engine !== undefined) {
  const { engineImage } = await import("../../host-sim/xs/engines.js");
  useImage(await engineImage(engine, (text) => process.stderr.write(text)));
}

/** The chip id of a world's first board. */
export const CHIP = 5750;
export const ROOT = `mresetar/alertbox/${CHIP}`;
export const ALERT = `${ROOT}/alert`;

/** The words of the serial log, in order. */
export function words(board: Board): string[] {
  return board.steps.map((step) => step.word);
}

/** Alerts as a subscriber with QoS 2 saw them, parsed. */
export function alerts(world: World, topic = ALERT): Record<string, unknown>[] {
  return world.broker.messages(topic).map((message) => JSON.parse(message.payload) as Record<string, unknown>);
}

/** Lets time pass until the box has said a word (again); false when it did not within the limit. */
export function untilSaid(world: World, word: string, limitMs = 60000): boolean {
  let said = false;
  const stop = world.board.on((event) => {
    if (event.type === "step" && event.word === word) said = true;
  });
  world.runUntil(() => said, limitMs);
  stop();
  return said;
}

/** A mains box that is connected, subscribed and idle. */
export function connected(world: World): World {
  if (!untilSaid(world, "connected") || !untilSaid(world, "connected")) throw new Error("the box did not connect");
  world.run(1000);
  return world;
}

/** A battery box that has introduced itself and sleeps. */
export function asleep(world: World): World {
  const { board } = world;
  if (!world.runUntil(() => board.state === "asleep", 120000)) throw new Error("the box did not fall asleep");
  return world;
}

/** A press on a battery box, and everything until it sleeps again; false when it did not within the limit. */
export function pressAndSleep(world: World, limitMs = 60000): boolean {
  const { board } = world;
  world.press();
  world.run(200);
  return world.runUntil(() => board.state === "asleep", limitMs);
}
