// The firmware on the real engine, in the simulator's world: it does what it does in Node, to the byte; and whatever
// can happen to a boot happens there too: crashes with and without a hook, power cuts in the middle of a call, sleep,
// restarts, a full stack, a full memory. What has ended takes no memory.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Board } from "../../../host-sim/board.js";
import { type Image, loadImage } from "../../../host-sim/image.js";
import { World, type WorldOptions } from "../../../host-sim/world.js";
import type { Engine } from "../../../host-sim/xs/engine.js";
import { engineImage } from "../../../host-sim/xs/engines.js";
import { stockRecord } from "../../../host-sim/xs/figures.js";
import { firmwareSources, projectDirectory } from "../../../host-sim/xs/sources.js";
import { XsImage } from "../../../host-sim/xs/xs-image.js";
import { enginesOrSkip } from "./engines.js";

const LIFE = join(projectDirectory, "test/host-sim/xs/fixtures/life");

/** A board whose firmware does one thing, on an engine or in Node, for some time. */
function life(image: Image, does: string, ms: number, use: (world: World, board: Board) => void = () => {}): string[] {
  const world = new World({ board: { image, config: { does } } });
  const { board } = world;
  world.run(125);
  use(world, board);
  world.run(ms);
  const { log } = board;
  world.close();
  return [...log];
}

/** Says what firmware does on the engine; when `same`, it must be what it does in Node too. */
async function on(
  engine: Engine,
  does: string,
  ms: number,
  use?: (world: World, board: Board) => void,
  same = true,
): Promise<string[]> {
  const image = new XsImage(engine, { sources: firmwareSources(LIFE), record: stockRecord });
  try {
    const said = life(image, does, ms, use);
    if (same) assert.deepEqual(said, life(loadImage(LIFE), does, ms, use), "as in Node");
    return said;
  } finally {
    image.close();
  }
}

/** The whole firmware with a press, an outage and a power cut: all that went over the wire, and all that it said. */
function story(
  image: Image | undefined,
  options: WorldOptions,
): { wire: string; log: readonly string[]; led: unknown } {
  const board = image === undefined ? options.board : { ...options.board, image };
  const world = new World({ ...options, ...(board === undefined ? {} : { board }) });
  const wire: string[] = [];
  world.network.onTraffic(({ at, type, direction, bytes }) => {
    wire.push(`${at} ${type} ${direction} ${Buffer.from(bytes).toString("hex")}`);
  });
  world.board.powerOn();
  world.run(10_000);
  world.press();
  world.run(3000);
  world.wifi.down();
  world.press();
  world.run(20_000);
  world.wifi.up();
  world.run(60_000);
  world.broker.publish("mresetar/alertbox/5750/cmd/led", "ON", { qos: 1, retain: true });
  world.run(5000);
  world.cutPower();
  world.board.powerOn();
  world.run(20_000);
  const result = { wire: wire.join("\n"), log: [...world.board.log], led: [...world.led.history] };
  assert.deepEqual(world.broker.violations, []);
  world.close();
  return result;
}

describe("the image on the real engine", () => {
  for (const name of ["xs32", "lx106"] as const) {
    it(`${name}: same steps and same bytes on the wire as in Node, for the same seed`, async function () {
      const { host, target } = await enginesOrSkip(this);
      for (const seed of [1, 2]) {
        for (const wiring of ["gpio", "rst+gpio"] as const) {
          const image = new XsImage(name === "xs32" ? host : target);
          const options: WorldOptions = { seed, board: { wiring } };
          assert.deepEqual(story(image, options), story(undefined, options));
          image.close();
        }
      }
    });
  }

  const asInNode: [string, string, number, readonly (string | RegExp)[]][] = [
    [
      "errors of modules by their class",
      "catches what a module throws",
      100,
      ["Error unknown partition", "RangeError"],
    ],
    ["bytes both ways", "uses the flash", 100, ["165,1,2,3", /^\d+$/]],
    [
      "time that passes inside a call, and chance",
      "asks for time and chance",
      200,
      ["0 false", "30", "traced 1", /^13\d$/],
    ],
    ["timers", "has timers", 100, ["repeats, true, 2", "repeats, true, 1", "repeats, true, 0"]],
  ];
  for (const [name, does, ms, expected] of asInNode) {
    it(`carries ${name} over the border`, async function () {
      const { host } = await enginesOrSkip(this);
      const said = (await on(host, does, ms)).slice(1);
      assert.equal(said.length, expected.length, said.join("\n"));
      expected.forEach((each, index) => {
        if (typeof each === "string") assert.equal(said[index], each);
        else assert.match(said[index] ?? "", each);
      });
    });
  }

  it("calls back with the instance as `this`", async function () {
    const { host } = await enginesOrSkip(this);
    const said = await on(host, "reads a pin", 100, (world, board) => {
      board.pins.hold(4, 0);
      world.run(1);
    });
    assert.deepEqual(said.slice(1), ["level 1", "level 0, true"]);
  });

  it("an exception at boot or in a callback is a crash: told, then a restart", async function () {
    const { host } = await enginesOrSkip(this);
    const early = await on(host, "throws", 500, undefined, false);
    assert.deepEqual(early, ["reset 0", "XS abort: unhandled exception: RangeError: too far", "reset 4"]);
    const late = await on(host, "throws later", 500, undefined, false);
    assert.deepEqual(late, [
      "reset 0",
      "unhandled exception: Error: too late",
      "XS abort: unhandled exception: Error: too late",
      "reset 4",
    ]);
  });

  it("the abort hook gets the very exception, also one that a module threw", async function () {
    const { host } = await enginesOrSkip(this);
    const said = await on(host, "lets a module throw", 500, undefined, false);
    assert.match(said[1] ?? "", /^unhandled exception: RangeError: RTC memory: .*, true$/);
  });

  it("an abort hook may forgive", async function () {
    const { host } = await enginesOrSkip(this);
    assert.deepEqual(await on(host, "is forgiven", 500), ["reset 0", "still here"]);
  });

  it("power may be cut in the middle of a call", async function () {
    const { host } = await enginesOrSkip(this);
    const said = await on(host, "nothing", 0);
    assert.deepEqual(said, ["reset 0"]);
    const image = new XsImage(host, { sources: firmwareSources(LIFE), record: stockRecord });
    const world = new World({ board: { image, config: { does: "writes for ever" } } });
    const { board } = world;
    board.flash.cutAt = { operation: 50, byte: 2 };
    world.run(200);
    assert.equal(board.state, "off");
    board.powerOn();
    assert.equal(board.crashes, 0);
    world.close();
    image.close();
  });

  it("sleep and restart end a boot, and the next one knows nothing of it", async function () {
    const { host } = await enginesOrSkip(this);
    const asleep = await on(host, "sleeps", 2500);
    assert.deepEqual(asleep, ["reset 0", "reset 5", "reset 5"]);
    const again = await on(host, "restarts", 500, undefined, false);
    assert.deepEqual(again, ["reset 0", "reset 4"], "nothing runs after a restart, not even `finally`");
  });

  it("a full stack and a full memory end the boot, and the process goes on with the next", async function () {
    const { host, target } = await enginesOrSkip(this);
    for (const engine of [host, target]) {
      const stack = await on(engine, "runs out of stack", 500, undefined, false);
      assert.deepEqual([stack[0], stack.at(-1)], ["reset 0", "reset 4"]);
      assert.match(stack[1] ?? "", /stack overflow/);
      const memory = await on(engine, "runs out of memory", 1000, undefined, false);
      assert.deepEqual([memory[0], memory.at(-1)], ["reset 0", "reset 4"]);
      assert.match(memory[1] ?? "", /memory full/);
    }
  });

  it("timers and sockets that have ended take no memory", async function () {
    const { host, target } = await enginesOrSkip(this);
    const live = (engine: Engine, does: string, moments: readonly (string | undefined)[]): number[] => {
      const image = new XsImage(engine, { sources: firmwareSources(LIFE), record: stockRecord });
      const world = new World({ board: { image, config: { does } } });
      world.network.listen("10.0.0.2", 7, (peer) => {
        peer.onData = (bytes) => peer.write(bytes);
      });
      const { board } = world;
      const slots = moments.map((last) => {
        const reached = world.runUntil(
          () => (last === undefined ? board.boots > 0 : board.log.at(-1) === last),
          60_000,
        );
        assert.ok(reached, board.log.join("\n"));
        if (last !== undefined) world.run(500);
        return image.latest.collect().slots;
      });
      world.close();
      image.close();
      return slots;
    };
    for (const engine of [host, target]) {
      const [first = 0, last = 0] = live(engine, "opens sockets", ["3 1,2,3", "all closed"]);
      assert.ok(last <= first, `${last} slots after 20 sockets, ${first} after the first`);
      const [before = 0, after = 0] = live(engine, "makes garbage of timers", [undefined, "all rung"]);
      assert.ok(after <= before, `${after} slots after 300 timers, ${before} with the first`);
    }
  });

  it("has two engines, by name", async () => {
    await assert.rejects(
      engineImage("xs64", () => {}),
      /there is no engine "xs64": xs32 or lx106/,
    );
  });

  it("several boards run at the same time, each in a machine of its own", async function () {
    const { host } = await enginesOrSkip(this);
    const image = new XsImage(host);
    const world = new World();
    const boards = Array.from({ length: 3 }, () => world.addBoard({ image }));
    world.run(10_000);
    for (const board of boards) board.button.press();
    world.run(5000);
    const alerts = world.broker.messages("#").filter(({ topic }) => topic.endsWith("/alert"));
    assert.deepEqual(
      alerts.map(({ topic }) => topic).sort(),
      boards.map(({ chipId }) => `mresetar/alertbox/${chipId}/alert`),
    );
    assert.deepEqual(world.broker.violations, []);
    world.close();
    image.close();
  });

  it("boards that nobody has ended give way to new ones", async function () {
    const { host } = await enginesOrSkip(this);
    const image = new XsImage(host, { sources: firmwareSources(LIFE), record: stockRecord });
    const worlds = Array.from({ length: 60 }, () => new World({ board: { image, config: { does: "has timers" } } }));
    for (const world of worlds) {
      world.board.powerOn();
      world.run(125);
    }
    const said = (world: World | undefined): number => world?.board.log.length ?? 0;
    worlds.at(-1)?.run(100);
    assert.equal(said(worlds.at(-1)), 4);
    image.close();
  });
});
