// Turns of a box on a bench: what shares one, what waits for the next, and when that comes. A test is the owner: it
// performs what the box asks for, and rings when the alarm says so.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Box } from "../../src/alertbox/alertbox.js";
import { Button } from "../../src/alertbox/button.js";
import type { BoxEvent, Effect } from "../../src/alertbox/effect.js";
import type { Settings } from "../../src/alertbox/settings.js";
import { Turns } from "../../src/alertbox/turns.js";
import { boxOf, inWords, settingsOf, short } from "./box-rig.js";

class Bench extends Turns {
  protected readonly box: Box;
  protected readonly button: Button;
  /** What was done in the present turn and before, one list for each turn. */
  readonly turns: string[][] = [[]];
  lit = false;
  /** When the next turn comes; "next": at once. */
  next: number | "next" | undefined;
  alarms = 0;
  /** Places of the session for announcements, and announcements that wait. */
  room = 1;
  announcements = 0;
  presses = 0;
  /** What is performed this often, one time in each turn. */
  readonly parts = new Map<string, number>();
  onPump: () => void = () => {};

  constructor(settings: Settings | undefined = settingsOf({ double: false }), pending = 0) {
    super(0);
    this.button = new Button(false);
    this.box = boxOf({ settings, pending });
  }

  protected readonly light = {
    set: (lit: boolean) => {
      this.lit = lit;
    },
  };
  protected readonly alarm = {
    set: (at: number | undefined) => {
      this.next = at;
    },
    wait: () => {
      this.alarms += 1;
      this.next = "next";
    },
  };
  protected readonly uplink = {
    acknowledged: () => {},
    pump: () => {
      this.#did("pump");
      this.onPump();
    },
    announceNext: () => {
      if (this.announcements === 0 || this.room === 0) return false;
      this.announcements -= 1;
      this.room -= 1;
      this.#did("announced");
      return true;
    },
  };
  protected get quick(): number {
    return this.presses;
  }
  protected forget(past: string): void {
    this.#did(`forget ${past}`);
  }
  protected act(effect: Effect): void {
    const text = short(inWords(effect));
    this.#did(text);
    const left = (this.parts.get(text) ?? 1) - 1;
    this.parts.set(text, left);
    if (left > 0) this.performed -= 1;
    if (effect.do === 1 /* store */) this.tell({ type: 3 /* stored */, sequence: 1, pending: 1 });
    if (effect.do === 2 || effect.do === 3) this.led[effect.do === 2 ? "show" : "rest"](effect.pattern, this.now);
    if (effect.do === 11 /* announce-waiting */) this.announcing = this.announcements > 0;
    if (effect.do === 18 /* disconnect */) this.busy = 2;
    if (effect.do === 17 /* flush */) this.busy = 1;
  }

  now = 0;

  #did(text: string): void {
    this.turns.at(-1)?.push(text);
  }

  /** One turn; what was done in it. */
  turn(): string[] {
    this.next = undefined;
    this.turns.push([]);
    this.ring(this.now);
    return this.turns.at(-1) as string[];
  }

  /** Turns until nothing is left to do at this instant. */
  settle(): string[][] {
    const from = this.turns.length;
    do this.turn();
    while (this.next === "next");
    return this.turns.slice(from).filter((done) => done.length > 0);
  }

  /** To an instant, with all turns on the way. */
  until(instant: number): string[][] {
    const from = this.turns.length;
    while (this.next !== undefined && (this.next === "next" || this.next <= instant)) {
      if (this.next !== "next") this.now = this.next;
      this.turn();
    }
    this.now = instant;
    return this.turns.slice(from).filter((done) => done.length > 0);
  }

  hear(event: BoxEvent): void {
    this.note(event);
  }

  edge(down: boolean): string[] {
    this.button.edge(down, this.now);
    return this.turn();
  }

  get isCrowded(): boolean {
    return this.crowded;
  }
}

/** Booted and joining, with nothing left to do. */
function joining(settings?: Settings): Bench {
  const bench = new Bench(settings);
  bench.hear({ type: 1 /* booted */, cause: "power", course: "normal" });
  bench.settle();
  return bench;
}

/** Connected, with the first announcements out. */
function online(settings?: Settings): Bench {
  const bench = joining(settings);
  for (const event of [
    { type: 7, address: "10.0.0.9" },
    { type: 10 },
    { type: 12, sessionPresent: true, isKnown: true },
    { type: 15, refused: false },
  ] as const) {
    bench.hear(event);
    bench.settle();
  }
  return bench;
}

describe("turns: what shares one", () => {
  it("a step of the box and two things that are soon done; what takes long has a turn of its own", () => {
    const bench = new Bench();
    bench.hear({ type: 1 /* booted */, cause: "power", course: "normal" });
    assert.deepEqual(bench.settle(), [["say boot power", "rest JOINING"], ["say joining home"], ["join 0"]]);
  });

  it("a press is stored in the turn in which it was found, behind nothing", () => {
    const bench = joining();
    bench.edge(true);
    bench.until(bench.now + 100);
    bench.edge(false);
    bench.settle();
    bench.now += 50;
    assert.deepEqual(bench.turn(), ["store 0"]);
  });

  it("an edge of the button comes between the parts of what takes long, and is not lost", () => {
    const bench = joining();
    bench.parts.set("open false", 4);
    bench.hear({ type: 7 /* joined */, address: "10.0.0.9" });
    while (bench.turns.at(-1)?.includes("open false") !== true) bench.turn();
    assert.deepEqual(bench.edge(true), ["open false"]);
    bench.settle();
    bench.until(bench.now + 100);
    bench.edge(false);
    assert.ok(
      bench
        .until(bench.now + 60)
        .flat()
        .includes("store 0"),
    );
    assert.equal(bench.parts.get("open false"), 0);
  });

  it("what the session was given leaves when nothing else is left to do, or at once in a turn of its own", () => {
    const bench = online(settingsOf({ mode: "battery" }));
    const from = bench.until(bench.now + 150);
    assert.deepEqual(from.slice(-2), [["announce sleeping", "flush"], ["pump"]]);
    bench.hear({ type: 18 /* flushed */ });
    // DISCONNECT, which another thing could not share a turn with.
    bench.hear({ type: 16 /* acknowledged */ });
    assert.deepEqual(bench.settle(), [["disconnect"], ["pump"], ["announce-waiting"]]);
  });

  it("one announcement in each turn, each with a turn to leave in, as long as there is room", () => {
    const bench = online();
    bench.announcements = 3;
    bench.room = 2;
    bench.hear({ type: 16 /* acknowledged */ });
    assert.deepEqual(bench.settle(), [["announce-waiting"], ["announced"], ["pump"], ["announced"], ["pump"]]);
    bench.room = 1;
    bench.hear({ type: 16 /* acknowledged */ });
    assert.deepEqual(bench.settle(), [["announce-waiting"], ["announced"], ["pump"]]);
  });
});

describe("turns: when the next one comes", () => {
  it("at once as long as something is left to do, then when the first thing is due", () => {
    const bench = new Bench();
    bench.hear({ type: 1 /* booted */, cause: "power", course: "normal" });
    assert.equal(bench.next, "next");
    bench.turn();
    assert.equal(bench.next, "next");
    bench.settle();
    // The LED goes dark first, 200 ms on.
    assert.equal(bench.next, 200);
    assert.ok(bench.lit);
    bench.until(200);
    assert.deepEqual([bench.lit, bench.next], [false, 400]);
  });

  it("what is noted many times asks for one turn, and inside of a turn for none", () => {
    const bench = online();
    const before = bench.alarms;
    bench.hear({ type: 16 });
    bench.hear({ type: 16 });
    assert.equal(bench.alarms, before + 1);
    bench.settle();
    bench.onPump = () => {
      bench.hear({ type: 16 });
      bench.onPump = () => {};
    };
    bench.announcements = 1;
    bench.hear({ type: 16 });
    bench.turn();
    bench.turn();
    const inside = bench.alarms;
    assert.deepEqual(bench.turn(), ["pump"]);
    assert.equal(bench.alarms, inside + 1, "that of the turn's end");
    assert.deepEqual(bench.settle(), [["announce-waiting"]]);
  });

  it("a ring from inside of a turn changes nothing", () => {
    const bench = online();
    bench.announcements = 1;
    bench.onPump = () => bench.ring(bench.now);
    bench.hear({ type: 16 });
    assert.deepEqual(bench.settle(), [["announce-waiting"], ["announced"], ["pump"]]);
  });

  it("the LED shows in the turn what was asked for in it", () => {
    const bench = new Bench();
    bench.hear({ type: 1 /* booted */, cause: "power", course: "normal" });
    bench.turn();
    assert.equal(bench.lit, true, "joining begins lit");
  });
});

describe("turns: what is kept", () => {
  it("eight things that happened and wait are a crowd; one that is handled makes room", () => {
    const bench = online();
    for (let i = 0; i < 7; i += 1) bench.hear({ type: 16 });
    assert.equal(bench.isCrowded, false);
    bench.hear({ type: 16 });
    assert.equal(bench.isCrowded, true);
    bench.turn();
    assert.equal(bench.isCrowded, false);
    bench.settle();
    assert.equal(bench.isCrowded, false);
  });

  it("presses are forgotten 2 s after the boot, crashes after 60 s", () => {
    const bench = online();
    assert.deepEqual(bench.until(1999).flat(), []);
    assert.deepEqual(bench.until(2000).flat(), ["forget presses"]);
    assert.deepEqual(bench.until(59_999).flat(), []);
    assert.deepEqual(bench.until(60_000).flat(), ["forget crashes"]);
  });

  it("between quick presses the chip does not fall asleep; after a single one it may", () => {
    for (const [presses, asleepBy] of [
      [1, 1999],
      [2, 2100],
    ] as const) {
      const bench = new Bench(settingsOf({ mode: "battery", quiet: true }));
      bench.presses = presses;
      bench.hear({ type: 1 /* booted */, cause: "retry", course: "normal" });
      bench.settle();
      bench.hear({ type: 7, address: "10.0.0.9" });
      bench.settle();
      bench.hear({ type: 21, down: { reason: "refused", code: 5, detail: "", pipelined: false } });
      const early = bench.until(1999).flat();
      assert.equal(early.includes("sleep 0"), asleepBy === 1999, `${presses}`);
      assert.ok([...early, ...bench.until(2100).flat()].includes("sleep 0"));
    }
  });
});
