// The finger: whatever is asked of it, the contact is down and up long enough to be a press.

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "mocha";
import { SteppedClock } from "../../host-sim/clock.js";
import { Finger } from "../../host-sim/finger.js";

describe("host-sim/finger", () => {
  let clock: SteppedClock;
  let finger: Finger;
  let moves: string[];

  beforeEach(() => {
    clock = new SteppedClock();
    moves = [];
    const button = {
      bounceMs: 0,
      isDown: false,
      down(): void {
        button.isDown = true;
        moves.push(`down ${clock.now}`);
      },
      up(): void {
        button.isDown = false;
        moves.push(`up ${clock.now}`);
      },
    };
    finger = new Finger(clock, button);
    assert.ok(button.bounceMs > 0, "the contact chatters, as contacts do");
  });

  it("follows a hand at once when the hand is slow", () => {
    finger.down();
    clock.run(700);
    finger.up();
    assert.deepEqual(moves, ["down 0", "up 700"]);
  });

  it("makes a press of a tap that comes as down and up at once", () => {
    finger.down();
    finger.up();
    clock.run(1000);
    assert.deepEqual(moves, ["down 0", "up 80"]);
    assert.equal(finger.busy, false);
  });

  it("makes two presses of two taps, in their order", () => {
    for (let tap = 0; tap < 2; tap++) {
      finger.down();
      finger.up();
    }
    clock.run(1000);
    assert.deepEqual(moves, ["down 0", "up 80", "down 160", "up 240"]);
  });

  it("makes the gestures of the keys", () => {
    finger.gesture("press");
    clock.run(2000);
    finger.gesture("long");
    clock.run(2000);
    finger.gesture("double");
    clock.run(1000);
    assert.deepEqual(moves, [
      "down 0",
      "up 110",
      "down 2000",
      "up 3500",
      "down 4000",
      "up 4110",
      "down 4230",
      "up 4340",
    ]);
  });

  it("holds long enough for setup and factory reset", () => {
    finger.gesture("setup");
    clock.run(10_000);
    finger.gesture("factory");
    clock.run(15_000);
    assert.deepEqual(moves, ["down 0", "up 6000", "down 10000", "up 21000"]);
  });

  it("presses five or ten times, each soon after the boot that the one before caused, none too soon", () => {
    finger.gesture("five");
    clock.run(10_000);
    assert.equal(moves.filter((move) => move.startsWith("down")).length, 5);
    assert.deepEqual(moves.slice(0, 4), ["down 0", "up 110", "down 710", "up 820"]);
    finger.gesture("ten");
    clock.run(10_000);
    assert.equal(moves.filter((move) => move.startsWith("down")).length, 15);
    assert.equal(finger.busy, false);
  });

  it("stays longer on a worn contact, by as much as that chatters longer", () => {
    assert.equal(finger.isWorn, false);
    finger.isWorn = true;
    finger.gesture("press");
    clock.run(1000);
    finger.isWorn = false;
    finger.gesture("press");
    clock.run(1000);
    assert.deepEqual(moves, ["down 0", "up 132", "down 1000", "up 1110"]);
  });

  it("does nothing more when it is taken away in the middle of a gesture", () => {
    finger.gesture("ten");
    clock.run(1000);
    finger.close();
    const made = moves.length;
    clock.run(60_000);
    assert.deepEqual([moves.length, clock.pending], [made, 0]);
  });

  it("takes no gesture while it is busy, by hand or with another", () => {
    finger.gesture("press");
    finger.gesture("press");
    clock.run(50);
    finger.gesture("double");
    clock.run(1000);
    assert.deepEqual(moves, ["down 0", "up 110"]);
    finger.down();
    clock.run(1000);
    finger.gesture("long");
    clock.run(3000);
    assert.deepEqual(moves.slice(2), ["down 1050"]);
  });

  it("counts a hold from when the contact settled, also when the computer was late with that", () => {
    // A clock that stands still for 60 ms after the press, then runs what is overdue in a heap.
    const due: { at: number; callback: () => void }[] = [];
    let now = 0;
    const late = {
      get now(): number {
        return now;
      },
      schedule(delayMs: number, callback: () => void) {
        due.push({ at: now + delayMs, callback });
        return { cancel: () => undefined };
      },
    };
    const times: number[] = [];
    const button = { bounceMs: 0, isDown: false, down: () => times.push(now), up: () => times.push(now) };
    new Finger(late, button).gesture("press");
    for (now = 60; times.length < 2; now++) {
      for (const each of due.splice(0)) {
        if (each.at <= now) each.callback();
        else due.push(each);
      }
    }
    assert.deepEqual(times, [0, 160]);
  });
});
