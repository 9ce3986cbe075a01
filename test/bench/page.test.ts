// `npm run bench:page`: the reader of a trace over a trace made by hand, the slope, and once all of it in real
// Chromium, as small as it goes.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { page } from "../../bench/page.js";
import { type Sample, slopeOf } from "../../bench/page-hour.js";
import { Mark, readTrace, type TraceEvent } from "../../bench/page-trace.js";
import { say } from "../board/machine.js";
import { openChromium } from "../host-sim/chromium.js";

const MAIN = Object.freeze({ pid: 1, tid: 1, cat: "devtools.timeline" } as const);

/** Times in milliseconds. */
function work(name: string, at: number, ms: number): TraceEvent {
  return { ...MAIN, name, ph: "X", ts: at * 1000, dur: ms * 1000 };
}

function mark(name: string, at: number): TraceEvent {
  return { ...MAIN, name, ph: "R", ts: at * 1000 };
}

function drawn(at: number): TraceEvent {
  return { pid: 1, tid: 2, cat: "devtools.timeline.frame", name: "DrawFrame", ph: "I", ts: at * 1000 };
}

const FRAME = [
  mark(Mark.BEGIN, 100),
  // The bench's clock began at 1000; the packet passed at 90 of it, the message came 20 ms later.
  mark(`${Mark.MESSAGE}1020`, 110),
  work("RunTask", 110, 60),
  work("FireAnimationFrame", 112, 40),
  work("FunctionCall", 114, 30),
  work("UpdateLayoutTree", 120, 10),
  work("Layout", 132, 5),
  work("Paint", 155, 5),
  drawn(175),
  drawn(300),
  mark(Mark.END, 1100),
];

describe("bench/page-trace", () => {
  it("reads frames, tasks, shares and the time to paint", () => {
    const { seconds, framesPerSecond, longestTaskMs, longTasks, paintMs, shares } = readTrace(FRAME, 1000);
    assert.deepEqual([seconds, framesPerSecond, longestTaskMs, longTasks], [1, 2, 60, 1]);
    assert.deepEqual(paintMs, [85, 85]);
    const percent = Object.fromEntries(Object.entries(shares).map(([name, share]) => [name, Math.round(share * 1000)]));
    assert.deepEqual(percent, { script: 25, garbage: 0, style: 10, layout: 5, paint: 5, other: 15 });
  });

  it("counts what the thread has worked, not what it has waited for a processor", () => {
    const slow = FRAME.map((event) => (event.name === "RunTask" ? { ...event, tdur: 45_000 } : event));
    const { longestTaskMs, longTasks, shares } = readTrace(slow, 1000);
    assert.deepEqual([longestTaskMs, longTasks, Math.round(shares.other * 1000)], [45, 0, 0]);
  });

  it("counts neither other threads nor what lies outside of the marks", () => {
    const noise = [
      { ...work("RunTask", 500, 200), tid: 9 },
      work("RunTask", 0, 90),
      { ...work("RunTask", 1200, 90) },
      { ...drawn(400), pid: 7 },
    ];
    assert.deepEqual(readTrace([...noise, ...FRAME], 1000), readTrace(FRAME, 1000));
  });

  it("takes no paint for granted: a message whose frame has not been drawn is not counted", () => {
    const late = [...FRAME.slice(0, -1), mark(`${Mark.MESSAGE}1020`, 1090), mark(Mark.END, 1100)];
    assert.deepEqual(readTrace(late, 1000).paintMs, [85, 85]);
  });

  it("says so when it holds no marks", () => {
    assert.throws(() => readTrace([], 0), /does not hold the marks/);
  });
});

describe("bench/page-hour", () => {
  const samples = (values: readonly number[]): Sample[] =>
    values.map((pageHeap, minute) => ({ minute, pageHeap, pageNodes: 0, serverHeap: 7, serverRss: 0, alerts: 0 }));

  it("knows the slope per hour, by least squares", () => {
    assert.equal(slopeOf(samples([10, 12, 14]), "pageHeap"), 120);
    assert.equal(slopeOf(samples([10, 14, 10, 14, 10]), "pageHeap"), 0);
    assert.equal(slopeOf(samples([10, 12, 14]), "serverHeap"), 0);
    assert.equal(slopeOf(samples([10]), "pageHeap"), 0);
  });
});

describe("bench/page", () => {
  it("refuses options that it does not have", async () => {
    const { status, err } = await say(page, ["--hours", "1"]);
    assert.equal(status, 2);
    assert.match(err, /there is no option --hours; there are --boards, /);
    assert.equal((await say(page, ["--boards", "0"])).status, 2);
    assert.equal((await say(page, ["--boards", "2", "--packets", "13"])).status, 2, "that would be double presses");
  });

  it("measures the real page in real Chromium", async function () {
    await (await openChromium(this)).close();
    const { status, out, err } = await say(page, ["--boards", "4", "--seconds", "2", "--json"]);
    assert.equal(status, 0, err);
    const { rows } = JSON.parse(out) as { rows: { stretch: ReturnType<typeof readTrace>; heapAfter: number }[] };
    assert.equal(rows.length, 5);
    for (const { stretch, heapAfter } of rows) {
      assert.ok(stretch.framesPerSecond > 0);
      assert.ok(stretch.paintMs[0] > 0 && stretch.paintMs[1] >= stretch.paintMs[0], `${stretch.paintMs}`);
      assert.ok(stretch.shares.script > 0 && stretch.shares.script < 1);
      assert.ok(heapAfter > 100_000);
    }
  });
});
