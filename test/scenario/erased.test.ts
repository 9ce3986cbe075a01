// A box whose flash was erased, as a new firmware over the cable does it: it counts from 1 again, and nothing that it
// says may be taken for what it said before. Its alerts have ids of their own, through power cuts and factory resets.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Board } from "../../host-sim/board.js";
import { regionOf } from "../../host-sim/flash-region.js";
import { NorFlash, sectorBytes } from "../../host-sim/nor-flash.js";
import { World } from "../../host-sim/world.js";
import { Journal } from "../../src/alertbox/journal.js";
import { idOf, idsOf } from "../alert-id.js";
import { alerts, asleep, CHIP, connected, pressAndSleep, ROOT, untilSaid, words } from "./story.js";

function ids(world: World, topic?: string): unknown[] {
  return alerts(world, topic).map((alert) => alert["id"]);
}

/** The whole of it, without power, as esptool does. */
function erase(board: Board): void {
  board.cutPower();
  board.flash.load(new Uint8Array(board.flash.byteLength).fill(0xff));
}

/** What the serial log has called the alerts. */
function named(board: Board, word: string): string[] {
  return board.steps.filter((step) => step.word === word).map((step) => step.detail);
}

function journalOn(flash: NorFlash, life: number): Journal {
  const journal = new Journal(regionOf(flash), 0, "reject");
  journal.open(life);
  return journal;
}

describe("a box whose flash was erased", () => {
  for (const wiring of ["gpio", "rst"] as const) {
    it(`counts from 1 again, under other ids, the same in log and payload (${wiring})`, () => {
      const ready = wiring === "gpio" ? connected : asleep;
      const world = ready(new World({ board: { wiring } }));
      const { board } = world;
      const press = () => {
        world.press();
        world.run(20_000);
      };
      press();
      press();
      const before = idsOf(board, 2);
      erase(board);
      world.run(1000);
      board.powerOn();
      ready(world);
      press();
      const all = [...before, idOf(board, 1)];
      assert.deepEqual(ids(world), all);
      assert.equal(new Set(all).size, 3);
      assert.deepEqual(
        alerts(world).map((alert) => alert["pushes"]),
        [1, 2, 1],
      );
      for (const word of ["stored", "received", "delivered"]) assert.deepEqual(named(board, word), all, word);
      assert.deepEqual(world.broker.violations, []);
    });
  }

  it("draws by the seed: the same worlds give the same ids, others others", () => {
    const first = (seed: number) => {
      const world = connected(new World({ seed }));
      world.press();
      world.run(3000);
      assert.deepEqual(ids(world), [idOf(world.board, 1)]);
      return ids(world)[0];
    };
    const seeds = [1, 2, 3, 4, 5];
    assert.deepEqual(seeds.map(first), seeds.map(first));
    assert.equal(new Set(seeds.map(first)).size, seeds.length);
  });

  it("and two boxes of a world draw for themselves", () => {
    const world = new World();
    const boards = [world.addBoard(), world.addBoard()];
    world.run(20_000);
    const lives = boards.map((board) => idOf(board, 1).split("-")[2]);
    assert.notEqual(lives[0], lives[1]);
  });
});

describe("the first format, with the power failing in it", () => {
  it("at every write: whatever is drawn then, the first alert keeps it over the boots that follow", () => {
    const lives = new Set<string>();
    // Erase, header, its CRC; and that the session is clean, after the first connection.
    for (let operation = 1; operation <= 4; operation += 1) {
      for (const byte of [0, 1, 3, 4, 12, 16, 18, 19, 20, 4096]) {
        const world = new World({ board: { powered: false } });
        const { board } = world;
        board.flash.cutAt = { operation, byte };
        board.powerOn();
        assert.ok(world.runUntil(() => board.state === "off", 20_000));
        assert.deepEqual(words(board).includes("connected"), operation === 4);
        board.powerOn();
        world.run(20_000);
        // Stored without a way out; the power fails, and what was stored leaves after another boot.
        world.wifi.down();
        world.press();
        assert.ok(untilSaid(world, "stored"));
        const id = idOf(board, 1);
        board.cutPower();
        world.run(1000);
        board.powerOn();
        world.wifi.up();
        assert.ok(untilSaid(world, "delivered"));
        assert.deepEqual([ids(world), idOf(board, 1)], [[id], id], `write ${operation}, byte ${byte}`);
        assert.deepEqual([...named(board, "stored"), ...named(board, "delivered")], [id, id]);
        lives.add(id);
        world.close();
      }
    }
    assert.equal(lives.size, 2, "that of the first boot where it was written, else that of the second");
  });
});

describe("a journal that goes on", () => {
  it("keeps its life over a factory reset", () => {
    const world = connected(new World());
    const { board } = world;
    world.press();
    world.run(3000);
    const [first, second] = idsOf(board, 2);
    board.button.press(10_500);
    world.run(30_000);
    assert.ok(words(board).includes("factory-reset"));
    world.press();
    world.run(3000);
    assert.deepEqual(ids(world), [first, second]);
  });

  it("keeps its life from sector to sector", () => {
    const flash = new NorFlash();
    const journal = journalOn(flash, 7);
    for (let press = 1; press <= 199; press += 1) journal.done(journal.append(0, 3300));
    const world = asleep(new World({ board: { wiring: "rst", flash } }));
    for (let press = 0; press < 4; press += 1) assert.ok(pressAndSleep(world));
    assert.deepEqual(
      ids(world),
      [200, 201, 202, 203].map((sequence) => `${CHIP}-${sequence}-7`),
    );
    assert.ok(
      world.board.flash.read(sectorBytes, 4).some((byte) => byte !== 0xff),
      "it has moved",
    );
  });

  it("of a firmware that drew no life, its alerts have the ids that they had", () => {
    const flash = new NorFlash();
    const journal = journalOn(flash, 0);
    journal.done(journal.append(0, 3300));
    journal.append(0, 3300);
    const world = connected(new World({ board: { flash } }));
    world.press();
    world.run(3000);
    assert.deepEqual(ids(world), [`${CHIP}-2`, `${CHIP}-3`]);
    assert.deepEqual(named(world.board, "stored"), [`${CHIP}-3`]);
    assert.deepEqual(named(world.board, "delivered"), [`${CHIP}-2`, `${CHIP}-3`]);
    assert.match(world.broker.retained(`${ROOT}/state`)?.payload ?? "", /"pushes":3,/);
  });
});
