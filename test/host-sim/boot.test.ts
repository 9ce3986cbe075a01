// A boot, seen from a module: queued turns, time that a call takes, and the end after which nothing happens.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Board } from "../../host-sim/board.js";
import { Boot } from "../../host-sim/boot.js";
import { SteppedClock } from "../../host-sim/clock.js";
import { Halted, requireAlive } from "../../host-sim/host.js";
import { Random } from "../../host-sim/random.js";

function boot() {
  const clock = new SteppedClock(500);
  const told: string[] = [];
  const crashes: unknown[] = [];
  const host = new Boot({
    clock,
    board: {} as Board,
    random: new Random(1),
    emit: (event) => told.push(event.type),
    print: (text) => told.push(text),
    crash: (error) => crashes.push(error),
  });
  return { clock, host, told, crashes };
}

describe("Boot", () => {
  it("runs queued calls as turns of their own, in order, unless they are taken back", () => {
    const { clock, host } = boot();
    const heard: string[] = [];
    host.queue(() => {
      host.queue(() => heard.push("inner"));
      heard.push("outer");
    });
    host.queue(() => heard.push("second"));
    host.queue(() => heard.push("taken back")).cancel();
    host.queue(() => heard.push(`at ${clock.now}`), 10);
    assert.deepEqual(heard, []);
    clock.run(10);
    assert.deepEqual(heard, ["outer", "second", "inner", "at 510"]);
  });

  it("counts the time that a call takes, and lets what is due meanwhile wait, in order", () => {
    const { clock, host } = boot();
    const heard: string[] = [];
    const note = (name: string) => () => heard.push(`${name} ${clock.now}`);
    host.queue(note("due in 10"), 10);
    host.queue(note("due in 20"), 20);
    host.stall(30);
    host.stall(5);
    assert.deepEqual([host.uptime, host.now], [35, 535]);
    host.queue(note("5 later"), 5);
    clock.run(100);
    assert.deepEqual(heard, ["due in 10 535", "due in 20 535", "5 later 540"]);
    assert.equal(host.uptime, 100);
  });

  it("reports an exception as a crash, and goes on until it is ended", () => {
    const { clock, host, crashes } = boot();
    const error = new Error("mine");
    host.queue(() => {
      throw error;
    });
    clock.run(1);
    assert.deepEqual(crashes, [error]);
    assert.equal(host.alive, true);
  });

  it("does nothing after its end: no turns, no events, no crashes; clean-ups run once, late ones at once", () => {
    const { clock, host, told, crashes } = boot();
    const heard: string[] = [];
    host.onEnd(() => heard.push("first"));
    host.onEnd(() => heard.push("second"));
    host.queue(() => heard.push("never"), 5);
    host.emit({ type: "sleep", us: 0 });
    requireAlive(host);
    host.end();
    host.end();
    host.onEnd(() => heard.push("late"));
    host.queue(() => heard.push("never"));
    host.emit({ type: "sleep", us: 0 });
    host.run(() => heard.push("never"));
    clock.run(10);
    assert.deepEqual(heard, ["first", "second", "late"]);
    assert.deepEqual([told, crashes, clock.pending], [["sleep"], [], 0]);
    assert.throws(() => requireAlive(host), Halted);
  });
});
