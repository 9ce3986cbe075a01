// The keys of the bench: one table, and page and terminal do the same with it. The first part needs no browser.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "mocha";
import { actionOf, CONFIRM_MS, KEY_TABLE, keyName, SecondThought } from "../../host-sim/page/key-table.js";
import { type Action, FASTEST, speedsOf } from "../../host-sim/page/protocol.js";
import { Terminal } from "../../host-sim/terminal.js";
import { boardView, FakeStage, QUIET_BENCH } from "./fake-stage.js";
import { describePage } from "./page-visit.js";

describe("host-sim/page/key-table", () => {
  it("gives each key one meaning, and none to the digits", () => {
    const keys = KEY_TABLE.flatMap(({ key, also = [] }) => [key, ...also]);
    assert.equal(new Set(keys).size, keys.length);
    for (const key of keys) assert.match(key, /^[^0-9A-Z]$/s);
  });

  it("shows a key that has to be typed twice as two", () => {
    const shown = (deed: string) => KEY_TABLE.flatMap((row) => (row.deed === deed ? [keyName(row)] : []));
    assert.deepEqual([shown("press"), shown("factory"), shown("remove"), shown("pause")].flat(), [
      "Space",
      "f f",
      "- -",
      ",",
    ]);
  });

  it("knows what each deed asks of the bench as it is now", () => {
    const board = boardView(3, { mode: "battery", wiring: "rst" });
    const paused = { ...QUIET_BENCH, paused: true, speed: 10, wifiOn: false, brokerOn: false };
    assert.deepEqual(actionOf("crash", QUIET_BENCH, board), { type: "crash", board: 3 });
    assert.deepEqual(actionOf("remove", QUIET_BENCH, board), { type: "remove", board: 3 });
    assert.deepEqual(actionOf("add", QUIET_BENCH, board), { type: "add", mode: "battery", wiring: "rst" });
    assert.deepEqual(actionOf("wifi", paused, board), { type: "wifi", on: true });
    assert.deepEqual(actionOf("broker", QUIET_BENCH, board), { type: "broker", on: false });
    assert.deepEqual(actionOf("pause", QUIET_BENCH, board), { type: "time", speed: 0 });
    assert.deepEqual(actionOf("pause", paused, board), { type: "time", speed: 10 });
    assert.deepEqual(actionOf("step", paused, board), { type: "step" });
    assert.equal(actionOf("step", QUIET_BENCH, board), undefined);
    assert.deepEqual(actionOf("faster", paused, board), { type: "time", speed: 100 });
    assert.deepEqual(actionOf("slower", paused, board), { type: "time", speed: 1 });
    assert.equal(actionOf("slower", QUIET_BENCH, board), undefined, "there is no slower than the slowest");
    assert.deepEqual(actionOf("back", { ...QUIET_BENCH, visiting: true }, board), { type: "back" });
    assert.equal(actionOf("back", QUIET_BENCH, board), undefined, "one is at home already");
    for (const deed of ["faults", "before", "after", "help", "quit"] as const) {
      assert.equal(actionOf(deed, QUIET_BENCH, board), undefined, `${deed} is the view's own affair`);
    }
  });

  it("puts the speed that the bench was started with between the others", () => {
    assert.deepEqual(speedsOf({ ...QUIET_BENCH, speed: 7 }), [1, 7, 10, 100]);
    assert.deepEqual(speedsOf(QUIET_BENCH), [1, 10, 100]);
    assert.deepEqual(speedsOf({ ...QUIET_BENCH, world: "virtual" }), [1, 10, 100, FASTEST]);
  });

  it("takes the second of two for meant: the same key, the same board, in time, and once", () => {
    const second = new SecondThought();
    const asked = [
      second.isMeant("f", 0, 0),
      second.isMeant("-", 0, 1),
      second.isMeant("f", 0, 2),
      second.isMeant("f", 1, 3),
      second.isMeant("f", 1, 3 + CONFIRM_MS),
      second.isMeant("f", 1, 4 + CONFIRM_MS),
      second.isMeant("f", 1, 5 + CONFIRM_MS),
    ];
    assert.deepEqual(asked, [false, false, false, false, false, true, false]);
  });
});

/** What a terminal asks of a bench for such keys. */
function terminalActions(keys: readonly string[]): readonly Action[] {
  const stage = new FakeStage(3);
  const input = Object.assign(new EventEmitter(), { resume() {}, pause() {} });
  const output = Object.assign(new EventEmitter(), { write() {} });
  const look = { colour: false, unicode: true } as const;
  const terminal = new Terminal({ stage, output, input, look, page: undefined, quit() {} });
  for (const key of keys) input.emit("data", Buffer.from(key));
  terminal.close();
  return stage.actions;
}

describePage("host-sim/page: keys", (visit) => {
  it("do on the page what they do in the terminal, each of them", async () => {
    // The button has its own way on the page: down while the key is down.
    const keys = KEY_TABLE.filter(({ deed, only }) => only === undefined && !["press", "help"].includes(deed)).flatMap(
      ({ key, asks }) => (asks === undefined ? [key, "l"] : [key, key, "l"]),
    );
    const asked = terminalActions(keys);
    assert.ok(asked.length > keys.length / 2);
    await visit.server.close();
    await visit.serve(new FakeStage(3));
    await visit.open();
    for (const key of keys) await visit.page.keyboard.press(key === "+" ? "Shift++" : key);
    assert.deepEqual(await visit.stage.asked(asked.length), asked);
  });

  it("work with caps lock, too", async () => {
    await visit.open();
    await visit.page.keyboard.press("Shift+R");
    assert.deepEqual(await visit.stage.asked(1), [{ type: "reset", board: 0 }]);
  });

  it("ask before they take a board away", async () => {
    await visit.server.close();
    await visit.serve(new FakeStage(2));
    await visit.open();
    await visit.page.keyboard.press("-");
    await visit.page.locator("#press-hint", { hasText: "- again: this board is taken away" }).waitFor();
    assert.equal(visit.stage.actions.length, 0);
    await visit.pressAgain("-");
    assert.deepEqual(await visit.stage.asked(1), [{ type: "remove", board: 0 }]);
  });
});
