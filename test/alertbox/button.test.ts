// Button: scripts of edges in, a log of events with their times out. The owner in these scripts does what the firmware
// does: it polls after each edge and at each deadline.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { BUTTON_TIMES, Button, type ButtonEvent } from "../../src/alertbox/button.js";
import { long } from "../effort.js";

const FOREVER = 1_000_000;

type Edge = readonly [at: number, down: boolean];

interface Owner {
  readonly double?: boolean;
  /** Added to every instant that the button sees: where the clock stands when the script begins. */
  readonly origin?: number;
  /** False: the owner sleeps through all deadlines and polls after edges only (and at the end). */
  readonly punctual?: boolean;
  /** False: the owner does not even poll after edges. */
  readonly polls?: boolean;
}

/** Edges at the given instants, the first one down. */
function contact(...instants: number[]): Edge[] {
  return instants.map((at, i) => [at, i % 2 === 0]);
}

/** Plays a script up to `until` and returns the button and the log, one "time event" each. */
function play(edges: readonly Edge[], owner: Owner = {}, until = FOREVER): { log: string[]; button: Button } {
  const origin = owner.origin ?? 0;
  const button = new Button(owner.double ?? true);
  const log: string[] = [];
  const poll = (at: number) => {
    for (;;) {
      const event = button.poll((origin + at) | 0);
      if (event === undefined) return;
      log.push(`${at} ${event}`);
    }
  };
  const runTo = (end: number) => {
    for (;;) {
      const deadline = button.deadline();
      if (deadline === undefined) return;
      assert.equal(deadline, deadline | 0, "a deadline is an int32 as the clock is");
      const at = (deadline - origin) | 0;
      if (at > end) return;
      poll(at);
      assert.notEqual(button.deadline(), deadline, "a deadline that was served must not come again");
    }
  };
  for (const [at, down] of edges) {
    if (owner.punctual ?? true) runTo(at);
    button.edge(down, (origin + at) | 0);
    if (owner.polls ?? true) poll(at);
  }
  if (owner.punctual ?? true) runTo(until);
  poll(until);
  return { log, button };
}

function log(edges: readonly Edge[], owner?: Owner, until?: number): string[] {
  return play(edges, owner, until).log;
}

function names(entries: readonly string[]): string[] {
  return entries.map((entry) => entry.slice(entry.indexOf(" ") + 1));
}

describe("button: the product's times", () => {
  it("are those of the design", () => {
    assert.deepEqual(BUTTON_TIMES, { debounceMs: 50, gapMs: 400, longMs: 1000, setupMs: 5000, resetMs: 10000 });
    assert.ok(Object.isFrozen(BUTTON_TIMES));
  });

  it("can be replaced", () => {
    const button = new Button(false, { debounceMs: 5, gapMs: 10, longMs: 20, setupMs: 30, resetMs: 40 });
    button.edge(true, 0);
    button.edge(false, 25);
    assert.equal(button.poll(30), "down");
    assert.equal(button.poll(30), "held-long");
    assert.equal(button.poll(30), "long");
    assert.equal(button.poll(30), undefined);
  });

  it("may be as short as 1 ms and as long as 12 days", () => {
    for (const times of [
      { debounceMs: 1, gapMs: 1, longMs: 1, setupMs: 2, resetMs: 3 },
      { ...BUTTON_TIMES, resetMs: 0x3fffffff },
    ]) {
      const button = new Button(true, times);
      button.edge(true, 0);
      assert.equal(button.poll(times.debounceMs), "down");
    }
  });

  it("are refused when they contradict each other", () => {
    const wrong = [
      { debounceMs: 0 },
      { gapMs: 0 },
      { longMs: 0 },
      { longMs: 5000 },
      { setupMs: 10000 },
      { resetMs: 0x40000000 },
      { debounceMs: Number.NaN },
    ];
    for (const change of wrong) {
      assert.throws(() => new Button(true, { ...BUTTON_TIMES, ...change }), RangeError, JSON.stringify(change));
    }
  });

  it("with a gap shorter than the debounce time there are no double presses, and none is lost", () => {
    const button = new Button(true, { ...BUTTON_TIMES, gapMs: 20 });
    const seen: (ButtonEvent | undefined)[] = [];
    for (const [at, down] of contact(0, 100, 150, 250)) button.edge(down, at);
    for (let i = 0; i < 5; i += 1) seen.push(button.poll(1000));
    assert.deepEqual(seen, ["down", "press", "down", "press", undefined]);
  });
});

describe("button: a single press", () => {
  it("without double presses: reported when the release is sure (UP, DOWN, UP)", () => {
    assert.deepEqual(log(contact(0, 100), { double: false }), ["50 down", "150 press"]);
  });

  it("with double presses: reported when the gap is over (UP, DOWN, GAP, UP)", () => {
    assert.deepEqual(log(contact(0, 100)), ["50 down", "500 press"]);
  });

  it("of exactly the debounce time counts, of 1 ms less does not", () => {
    assert.deepEqual(log(contact(0, 50)), ["50 down", "450 press"]);
    assert.deepEqual(log(contact(0, 49)), []);
  });

  it("of 999 ms is a press, of 1000 ms a long one", () => {
    assert.deepEqual(names(log(contact(0, 999))), ["down", "press"]);
    assert.deepEqual(names(log(contact(0, 1000))), ["down", "held-long", "long"]);
  });

  it("is not reported before its time", () => {
    const button = new Button(true);
    button.edge(true, 0);
    assert.equal(button.poll(49), undefined);
    assert.equal(button.poll(50), "down");
    button.edge(false, 100);
    assert.equal(button.poll(149), undefined);
    assert.equal(button.poll(499), undefined);
    assert.equal(button.poll(500), "press");
    assert.equal(button.poll(500), undefined);
  });
});

describe("button: a double press", () => {
  it("is reported once, when the second press is sure (GAP, SECOND, UP)", () => {
    assert.deepEqual(log(contact(0, 100, 300, 400)), ["50 down", "350 down", "350 double"]);
  });

  it("needs the second press to begin less than 400 ms after the first release", () => {
    assert.deepEqual(names(log(contact(0, 100, 499, 600))), ["down", "down", "double"]);
    assert.deepEqual(log(contact(0, 100, 500, 600)), ["50 down", "500 press", "550 down", "1000 press"]);
  });

  it("counts a second press that begins in the gap and becomes sure after it", () => {
    assert.deepEqual(log(contact(0, 100, 480, 700)), ["50 down", "530 down", "530 double"]);
  });

  it("is not made by a bounce in the gap", () => {
    assert.deepEqual(log(contact(0, 100, 300, 349)), ["50 down", "500 press"]);
  });

  it("is not made by a bounce over the end of the gap, which delays the press until the bounce is over", () => {
    assert.deepEqual(log(contact(0, 100, 480, 520)), ["50 down", "520 press"]);
  });

  it("is not made when the second press settles only by an edge after the gap", () => {
    assert.deepEqual(log(contact(0, 100, 490, 495, 505, 700)), ["50 down", "500 press", "555 down", "1100 press"]);
  });

  it("held up to 5 s stays just a double press", () => {
    assert.deepEqual(names(log(contact(0, 100, 300, 5299))), ["down", "down", "double"]);
  });

  it("held for 5 s and 10 s still reaches setup and reset (SECOND, DOWN_SETUP, SPENT)", () => {
    assert.deepEqual(log(contact(0, 100, 300, 5300)), [
      "50 down",
      "350 down",
      "350 double",
      "5300 held-setup",
      "5350 setup",
    ]);
    assert.deepEqual(names(log(contact(0, 100, 300, 20000))), [
      "down",
      "down",
      "double",
      "held-setup",
      "reset",
      "released",
    ]);
  });

  it("and a third press: the third is a press of its own", () => {
    assert.deepEqual(names(log(contact(0, 100, 200, 300, 400, 500))), ["down", "down", "double", "down", "press"]);
  });

  it("four quick presses are two double presses", () => {
    assert.deepEqual(names(log(contact(0, 100, 200, 300, 400, 500, 600, 700))), [
      "down",
      "down",
      "double",
      "down",
      "down",
      "double",
    ]);
  });

  it("is not known when double presses are off: two presses", () => {
    assert.deepEqual(log(contact(0, 100, 200, 300), { double: false }), [
      "50 down",
      "150 press",
      "250 down",
      "350 press",
    ]);
  });

  it("does not follow from a long press", () => {
    assert.deepEqual(names(log(contact(0, 1500, 1700, 1800))), ["down", "held-long", "long", "down", "press"]);
  });
});

describe("button: a hold", () => {
  it("released from 1 s to 5 s is long (DOWN_LONG, UP)", () => {
    assert.deepEqual(log(contact(0, 1500)), ["50 down", "1000 held-long", "1550 long"]);
    assert.deepEqual(names(log(contact(0, 4999))), ["down", "held-long", "long"]);
  });

  it("released from 5 s to 10 s is setup (DOWN_SETUP, UP)", () => {
    assert.deepEqual(log(contact(0, 5000)), ["50 down", "1000 held-long", "5000 held-setup", "5050 setup"]);
    assert.deepEqual(names(log(contact(0, 9999))), ["down", "held-long", "held-setup", "setup"]);
  });

  it("of 10 s is a reset at once, and later a release (SPENT, UP)", () => {
    assert.deepEqual(log(contact(0, 12345)), [
      "50 down",
      "1000 held-long",
      "5000 held-setup",
      "10000 reset",
      "12395 released",
    ]);
  });

  it("that ends exactly at 10 s is a reset", () => {
    assert.deepEqual(names(log(contact(0, 10000))), ["down", "held-long", "held-setup", "reset", "released"]);
  });

  it("for ever does one reset and nothing more, over every wrap of the clock", () => {
    const { log: entries, button } = play([[0, true]]);
    assert.deepEqual(names(entries), ["down", "held-long", "held-setup", "reset"]);
    assert.equal(button.deadline(), undefined);
    for (const later of [0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x180000000]) {
      assert.equal(button.poll(later | 0), undefined);
    }
    assert.equal(button.idle, true, "a stuck button must not keep the box awake");
    button.edge(false, 5);
    assert.equal(button.idle, false);
    assert.equal(button.poll(54), undefined);
    assert.equal(button.poll(55), "released");
    assert.equal(button.idle, true);
  });

  it("that is followed by a press after a reset begins anew", () => {
    assert.deepEqual(names(log(contact(0, 11000, 11100, 11200))).slice(3), ["reset", "released", "down", "press"]);
  });

  it("says nothing about a limit that the release was earlier than, even while the release is not sure yet", () => {
    assert.deepEqual(log(contact(0, 980)), ["50 down", "1380 press"]);
    assert.deepEqual(log(contact(0, 9980), {}), ["50 down", "1000 held-long", "5000 held-setup", "10030 setup"]);
  });

  it("that a short break over a limit interrupts goes on, and the limit is reported when the contact is back", () => {
    assert.deepEqual(log(contact(0, 980, 1010, 2000)), ["50 down", "1010 held-long", "2050 long"]);
    assert.deepEqual(names(log(contact(0, 9980, 10020, 10500))), [
      "down",
      "held-long",
      "held-setup",
      "reset",
      "released",
    ]);
  });
});

describe("button: bounce", () => {
  it("at both ends changes nothing but the moment of the last edge", () => {
    const press = contact(0, 2, 5, 6, 10, 200, 201, 204, 207);
    press.push([210, false]);
    assert.deepEqual(log(press), ["60 down", "610 press"]);
  });

  it("shorter than 50 ms makes no event, whatever its shape", () => {
    for (let width = 1; width < 50; width += 1) {
      assert.deepEqual(log(contact(0, width)), [], `one spike of ${width} ms`);
      const train: number[] = [];
      for (let at = 0; at < 3000; at += width) train.push(at);
      if (train.length % 2 === 1) train.push(train.length * width);
      const { log: entries, button } = play(contact(...train));
      assert.deepEqual(entries, [], `a train of ${width} ms`);
      assert.equal(button.idle, true);
    }
  });

  it("in the middle of a hold does not end it", () => {
    assert.deepEqual(names(log(contact(0, 500, 549, 2000))), ["down", "held-long", "long"]);
  });

  it("of endless chatter before a press does not make the press longer", () => {
    const chatter: number[] = [];
    for (let at = 0; at < 20000; at += 20) chatter.push(at);
    chatter.push(20000, 20300);
    assert.deepEqual(log(contact(...chatter)), ["20050 down", "20700 press"]);
  });

  it("that only shows as the same level twice begins the waiting anew", () => {
    // Two interrupts that came together: the contact was open in between.
    assert.deepEqual(
      log([
        [0, true],
        [30, true],
        [70, false],
      ]),
      [],
    );
    assert.deepEqual(
      log([
        [0, true],
        [30, true],
        [80, false],
      ]),
      ["80 down", "480 press"],
    );
  });

  it("that only shows as the level that holds already is no event", () => {
    assert.deepEqual(
      log([
        [0, true],
        [500, true],
        [700, false],
        [2000, false],
      ]),
      ["50 down", "1100 press"],
    );
  });
});

describe("button: an owner who is late", () => {
  it("gets the same gestures, by the times of the edges", () => {
    const cases: readonly (readonly [Edge[], string[]])[] = [
      [contact(0, 100), ["down", "press"]],
      [contact(0, 100, 300, 400), ["down", "down", "double"]],
      [contact(0, 1500), ["down", "held-long", "long"]],
      [contact(0, 6000), ["down", "held-long", "held-setup", "setup"]],
      [contact(0, 12000), ["down", "held-long", "held-setup", "reset", "released"]],
      [contact(0, 100, 700, 800), ["down", "press", "down", "press"]],
      [contact(0, 30), []],
    ];
    for (const [edges, expected] of cases) {
      assert.deepEqual(names(log(edges, { punctual: false })), expected);
      assert.deepEqual(names(log(edges, { punctual: false, polls: false })), expected);
    }
  });

  it("is told by the deadline that events wait, and the box stays awake for them", () => {
    const button = new Button(false);
    button.edge(true, 0);
    assert.equal(button.deadline(), 50);
    button.edge(false, 3000);
    assert.equal(button.idle, false);
    assert.equal(button.deadline(), 50, "in the past: at once");
    assert.equal(button.poll(3050), "down");
    assert.equal(button.poll(3050), "held-long");
    assert.equal(button.poll(3050), "long");
    assert.equal(button.idle, true);
    assert.equal(button.deadline(), undefined);
  });

  it("who lets 16 events wait is told to poll", () => {
    const button = new Button(false);
    for (let i = 0; i < 8; i += 1) {
      button.edge(true, i * 1000);
      button.edge(false, i * 1000 + 100);
    }
    button.edge(true, 8000);
    assert.throws(() => button.edge(false, 8100), /poll/);
  });

  it("keeps the order of events over the end of the ring", () => {
    const button = new Button(false);
    for (let round = 0; round < 7; round += 1) {
      const at = round * 20000;
      button.edge(true, at);
      button.edge(false, at + 10500);
      const seen: (ButtonEvent | undefined)[] = [];
      for (let i = 0; i < 6; i += 1) seen.push(button.poll(at + 11000));
      assert.deepEqual(seen, ["down", "held-long", "held-setup", "reset", "released", undefined]);
    }
  });
});

describe("button: idle and deadline", () => {
  it("idle from the start, busy from the first edge to the last event", () => {
    const button = new Button(true);
    assert.equal(button.idle, true);
    assert.equal(button.deadline(), undefined);
    button.edge(true, 0);
    assert.equal(button.idle, false, "the level is not sure yet");
    button.poll(50);
    assert.equal(button.idle, false, "down");
    button.edge(false, 100);
    button.poll(150);
    assert.equal(button.idle, false, "a second press may come");
    assert.equal(button.deadline(), 500);
    assert.equal(button.poll(500), "press");
    assert.equal(button.idle, true);
  });

  it("is idle again after a bounce", () => {
    const button = new Button(true);
    button.edge(true, 0);
    button.edge(false, 10);
    assert.equal(button.idle, true);
    assert.equal(button.deadline(), undefined);
  });

  it("the deadline names each limit in turn", () => {
    const button = new Button(true);
    const deadlines: (number | undefined)[] = [];
    button.edge(true, 7);
    for (;;) {
      const deadline = button.deadline();
      deadlines.push(deadline);
      if (deadline === undefined) break;
      button.poll(deadline);
    }
    assert.deepEqual(deadlines, [57, 1007, 5007, 10007, undefined]);
  });
});

// --- Random scripts
// ---------------------------------------------------------------------------------------------------

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 0x1000000;
  };
}

/** A script with bounces, taps, holds and pauses around all limits, from a seed; it ends with the button up. */
function script(seed: number): Edge[] {
  const next = random(seed);
  const spans = [1, 10, 49, 50, 51, 120, 350, 399, 400, 401, 450, 951, 999, 1000, 1001, 4999, 5000, 9999, 10000, 10001];
  const instants: number[] = [];
  let at = Math.floor(next() * 100);
  const count = 2 * (1 + Math.floor(next() * 10));
  for (let i = 0; i < count; i += 1) {
    instants.push(at);
    // Mostly short spans, so that presses bounce and double presses happen.
    const span = spans[Math.floor(next() ** 2 * spans.length)] ?? 1;
    at += span + (next() < 0.3 ? Math.floor(next() * 60) : 0);
  }
  return contact(...instants);
}

/** The gestures of a script, found in another way: from the list of all spans, with the whole future known. */
function gestures(edges: readonly Edge[]): string[] {
  const settled = edges.filter(([at], i) => (edges[i + 1]?.[0] ?? Number.POSITIVE_INFINITY) - at >= 50);
  const turns = settled.filter(([, down], i) => down !== (settled[i - 1]?.[1] ?? false));
  const result: string[] = [];
  let single: number | undefined;
  for (let i = 0; i + 1 < turns.length; i += 2) {
    const [start] = turns[i] as Edge;
    const [end] = turns[i + 1] as Edge;
    const held = end - start;
    const second = single !== undefined && start - single < 400;
    if (single !== undefined && !second) result.push("press");
    single = undefined;
    if (second) result.push("double");
    if (held >= 10000) result.push("reset");
    else if (held >= 5000) result.push("setup");
    else if (second) continue;
    else if (held >= 1000) result.push("long");
    else single = end;
  }
  if (single !== undefined) result.push("press");
  return result;
}

const GESTURES = new Set(["press", "double", "long", "setup", "reset"]);

describe("button: 4,000 random scripts", () => {
  long.it(
    "give the gestures that the whole script shows, to punctual and late owners, wherever the clock stands",
    () => {
      const seen = new Set<string>();
      for (let seed = 1; seed <= 4000; seed += 1) {
        const edges = script(seed);
        const expected = gestures(edges);
        for (const gesture of expected) seen.add(gesture);
        const { log: entries, button } = play(edges);
        const events = names(entries);
        const context = `seed ${seed}: ${JSON.stringify(edges)}`;
        assert.deepEqual(
          events.filter((name) => GESTURES.has(name)),
          expected,
          context,
        );
        assert.equal(button.idle, true, context);
        assert.equal(button.deadline(), undefined, context);
        assert.deepEqual(names(log(edges, { punctual: false })), events, context);
        const span = edges.at(-1)?.[0] ?? 0;
        for (const origin of [0x7fffffff - (seed % span), -(seed % span), 0x7fffffff]) {
          assert.deepEqual(log(edges, { origin }), entries, `${context} from ${origin}`);
        }
      }
      assert.deepEqual(seen, GESTURES, "the scripts must reach every gesture");
    },
  );
});
