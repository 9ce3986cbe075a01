// The story of a board in chapters: what begins one, what its heading says, and that it never grows without end. No
// browser.

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "mocha";
import { Chapters } from "../../host-sim/page/chapter.js";
import type { Line } from "../../host-sim/page/protocol.js";

describe("host-sim/page/chapter", () => {
  let chapters: Chapters;
  let id: number;

  beforeEach(() => {
    chapters = new Chapters();
    id = 0;
  });

  function tell(word: string, changes: Partial<Line> = {}): void {
    id += 1;
    const line = { id, board: 0, at: id * 100, since: 0, ms: 0, source: "firmware", word, detail: "", opens: false };
    chapters.add({ ...(line as Line), ...changes });
  }

  const open = (word: string) => tell(word, { opens: true, source: "bench" });
  const headings = () => chapters.list.map(({ heading }) => heading);
  const result = () => chapters.list.at(-1)?.result;

  it("begins one with each line that opens one, and calls what came before anything the start", () => {
    tell("boot");
    for (const word of ["pressed", "reset", "power on", "woke", "restart", "crash", "something new"]) open(word);
    assert.deepEqual(headings(), [
      ...["Start", "Press", "Reset", "Power on", "Woken by its timer", "Restart", "Crash", "something new"],
    ]);
    assert.deepEqual(
      chapters.list.map(({ id: first, at }) => [first, at]),
      Array.from({ length: 8 }, (_, index) => [index + 1, (index + 1) * 100]),
    );
  });

  it("knows its first line by its id, and how long it lasts", () => {
    open("pressed");
    tell("stored", { since: 52.5 });
    tell("stored", { since: undefined });
    assert.deepEqual([chapters.list[0]?.id, chapters.list[0]?.span, chapters.list[0]?.lines.length], [1, 52.5, 3]);
    open("reset");
    assert.equal(chapters.list[1]?.span, 1, "nothing is divided by zero");
  });

  const results: readonly (readonly [word: string, detail: string, result: string])[] = [
    ["delivered", "5750-1-40146", "delivered, 186 ms"],
    ["stored", "5750-1-40146", "stored"],
    ["not-stored", "", "not stored"],
    ["setup", "button", "setup open"],
    ["setup", "closed by its time", "setup closed"],
    ["safe", "", "safe mode"],
    ["config", "applied", "settings saved"],
    ["config", "trying", "trying new settings"],
    ["config", "rejected: wrong password", "settings not changed"],
    ["factory-reset", "", "erased"],
    ["refused", "5", "refused by the broker"],
    ["crash", "", "crashed"],
  ];
  for (const [word, detail, expected] of results) {
    it(`says "${expected}" after ${word} ${detail}`, () => {
      open("pressed");
      tell(word, { detail, since: 186.4 });
      assert.equal(result(), expected);
      assert.equal(chapters.list[0]?.resultWord, word);
    });
  }

  it("keeps the last result: what is only said in between changes nothing, nor does a setup that closes when done", () => {
    open("pressed");
    tell("config", { detail: "applied" });
    tell("setup", { detail: "closed" });
    tell("joining");
    assert.equal(result(), "settings saved");
    tell("stored", { source: "alert" });
    assert.equal(result(), "settings saved", "a word of somebody else's is no result");
    tell("delivered", { since: undefined });
    assert.equal(result(), "delivered,");
  });

  it("keeps thirty chapters, and the oldest go first", () => {
    for (let count = 1; count <= 40; count += 1) open("pressed");
    assert.equal(chapters.list.length, 30);
    assert.equal(chapters.list[0]?.id, 11);
  });

  it("keeps two hundred lines of one chapter, and eight hundred in all", () => {
    for (let chapter = 0; chapter < 6; chapter += 1) {
      open("reset");
      for (let count = 0; count < 300; count += 1) tell("joining");
    }
    assert.ok(chapters.list.every(({ lines }) => lines.length === 200));
    const lines = chapters.list.reduce((sum, each) => sum + each.lines.length, 0);
    assert.ok(lines <= 1000, `${lines} lines`);
    assert.equal(chapters.list.at(-1)?.heading, "Reset");
  });

  it("begins anew when it is cleared", () => {
    open("pressed");
    chapters.clear();
    assert.deepEqual(chapters.list, []);
    tell("delivered");
    assert.deepEqual(headings(), ["Start"]);
  });
});
