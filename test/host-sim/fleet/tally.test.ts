// What a fleet counts: presses, arrivals, duplicates, and how boards come back.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { What } from "../../../host-sim/fleet/crew.js";
import { plot } from "../../../host-sim/fleet/plot.js";
import { type FleetReport, isWell, reportText } from "../../../host-sim/fleet/report.js";
import { spreadOf, Tally } from "../../../host-sim/fleet/tally.js";

const START = 1_700_000_000_000;

/** A tally that has begun, told what happens at seconds of it. */
function story(mode: "mains" | "battery" = "mains") {
  const tally = new Tally(mode);
  const tell = (seconds: number, board: number, what: What, id?: string) =>
    tally.hear({ board, what, at: START + seconds * 1000, ...(id === undefined ? {} : { id }) });
  tell(-9, 0, "booted");
  tell(-8, 0, "connecting");
  tell(-7, 0, "online");
  tell(-7, 1, "online");
  tally.start(START);
  return { tally, tell, arrive: (seconds: number, id: string) => tally.arrived(id, START + seconds * 1000) };
}

describe("host-sim/fleet: the tally", () => {
  it("measures from finger to subscriber, whichever of the two words comes first", () => {
    const { tally, tell, arrive } = story();
    tell(1, 0, "pressed");
    tell(1.1, 0, "stored", "1-1");
    arrive(1.3, "1-1");
    tell(2, 1, "pressed");
    arrive(2.5, "2-1");
    assert.equal(tally.isSettled, false);
    tell(2.1, 1, "stored", "2-1");
    assert.deepEqual([tally.presses, tally.delivered, tally.lost, tally.duplicates], [2, 2, 0, 0]);
    assert.deepEqual(tally.latency, { count: 2, p50: 300, p90: 500, p99: 500, most: 500 });
    assert.ok(tally.isSettled);
  });

  it("counts what is lost, what comes twice, what was refused, and what nobody pressed", () => {
    const { tally, tell, arrive } = story();
    for (const at of [1, 2, 3]) tell(at, 0, "pressed");
    tell(1.5, 0, "stored", "1-1");
    tell(2.5, 0, "stored", "1-2");
    tell(3.5, 0, "refused");
    arrive(4, "1-1");
    arrive(4, "1-1");
    arrive(4, "9-9");
    tally.countForeign();
    assert.deepEqual([tally.lost, tally.duplicates, tally.refused, tally.foreign], [1, 1, 1, 1]);
    assert.equal(tally.isSettled, false);
  });

  it("lets a board be pressed once it is there and its press is stored; a sleeper once it sleeps again", () => {
    const { tally, tell } = story();
    assert.deepEqual([tally.isBusy(0), tally.isBusy(2)], [false, true]);
    tally.claim(0);
    assert.ok(tally.isBusy(0));
    tell(1, 0, "pressed");
    tell(1.1, 0, "stored", "1-1");
    assert.ok(!tally.isBusy(0));
    const sleeper = story("battery");
    assert.ok(sleeper.tally.isBusy(0), "it has not slept yet");
    sleeper.tell(1, 0, "asleep");
    assert.ok(!sleeper.tally.isBusy(0));
    sleeper.tally.claim(0);
    sleeper.tell(2, 0, "pressed");
    sleeper.tell(2.1, 0, "stored", "1-1");
    assert.ok(sleeper.tally.isBusy(0));
    sleeper.tell(3, 0, "asleep");
    assert.ok(!sleeper.tally.isBusy(0));
  });

  it("counts a press that a power cut has met before it was stored for itself; what was stored is owed", () => {
    const { tally, tell, arrive } = story();
    tell(1, 0, "pressed");
    tell(1, 1, "pressed");
    tell(1.2, 1, "stored", "2-1");
    for (const board of [0, 1]) tell(1.3, board, "unpowered");
    assert.deepEqual([tally.online, tally.cutShort, tally.lost], [0, 1, 1]);
    assert.ok(tally.isBusy(0));
    assert.ok(!tally.isSettled);
    tell(5, 0, "booted");
    assert.ok(!tally.isBusy(0));
    arrive(6, "2-1");
    assert.deepEqual([tally.lost, tally.isSettled], [0, true]);
  });

  it("tells second by second who is connected, and forgets what was before", () => {
    const { tally, tell } = story();
    tally.sample(START + 500);
    tell(1.2, 0, "offline");
    tell(1.4, 0, "connecting");
    tally.sample(START + 1500);
    assert.deepEqual(tally.seconds, [
      { online: 2, connecting: 0, pressed: 0, arrived: 0 },
      { online: 1, connecting: 1, pressed: 0, arrived: 0 },
    ]);
  });

  it("tells how boards came back: from when it was over, the first try of each, the busiest second", () => {
    const { tally, tell } = story();
    const at = (seconds: number) => START + seconds * 1000;
    for (const board of [0, 1]) tell(10, board, "offline");
    tell(10.5, 0, "connecting");
    tell(12.25, 0, "connecting");
    tell(12.5, 0, "online");
    tell(13, 1, "connecting");
    tell(13.2, 1, "connecting");
    tell(14, 1, "online");
    tell(99, 1, "connecting");
    const { before, attempts, connected, peak } = tally.comeback(2, at(10), at(12), at(60));
    assert.equal(before, 2);
    assert.deepEqual([attempts.p50, attempts.most], [250, 1000]);
    assert.deepEqual([connected.p50, connected.most], [500, 2000]);
    assert.equal(peak, 2);
  });

  it("has no percentiles of nothing", () => {
    assert.deepEqual(spreadOf([]), { count: 0, p50: null, p90: null, p99: null, most: null });
    assert.deepEqual(spreadOf([3, 1, 2]), { count: 3, p50: 2, p90: 3, p99: 3, most: 3 });
  });
});

describe("host-sim/fleet: the report", () => {
  const report: FleetReport = {
    ...{ boards: 1000, mode: "mains", broker: "mqtt://10.0.0.2:1883", threads: 2, complete: 1000, completeSeconds: 30 },
    ...{
      seconds: 60,
      afterSeconds: 1,
      presses: 300,
      delivered: 300,
      lost: 0,
      duplicates: 0,
      refused: 0,
      foreign: 0,
      cutShort: 0,
    },
    ...{ crashes: 0, away: 0, latency: spreadOf([500, 700, 900]), memoryPerBoard: 512 * 1024, cpuPerBoard: 0.05 },
    faults: [
      {
        ...{ kind: "broker-restart", from: 30, to: 32, before: 1000, peak: 400 },
        ...{ attempts: spreadOf([100, 900]), connected: spreadOf([200, 1100]) },
      },
    ],
    everySecond: [
      { online: 1000, connecting: 0, pressed: 5, arrived: 4 },
      { online: 0, connecting: 400, pressed: 5, arrived: 0 },
    ],
  };

  it("says that all is well, with the figures", () => {
    const text = reportText(report);
    assert.match(text, /^1,000 mains boxes on 2 threads, broker mqtt:\/\/10\.0\.0\.2:1883\n/);
    assert.match(text, /presses in 60 s +300\n/);
    assert.match(text, /busiest second: 400 attempts/);
    assert.match(text, /512 KB of memory and 0\.050 % of a core for each box/);
    assert.match(text, /✓ every press arrived, each once\n$/);
    assert.ok(isWell(report));
  });

  it("says what is not", () => {
    const bad = {
      ...report,
      complete: 990,
      lost: 2,
      duplicates: 1,
      crashes: 3,
      away: 7,
      refused: 4,
      foreign: 5,
      cutShort: 6,
    };
    assert.ok(!isWell(bad));
    const text = reportText(bad);
    assert.match(
      text,
      /✗ 10 boxes were not there in time, 2 presses did not arrive, 1 alert came twice, 3 crashes, 7 boxes did not come back\n$/,
    );
    assert.match(text, /cut short: no power before they were stored +6\n/);
    assert.match(text, /refused by a full journal, as the LED said +4\n/);
    for (const one of [{ complete: 999 }, { lost: 1 }, { duplicates: 1 }, { crashes: 1 }, { away: 1 }]) {
      assert.ok(!isWell({ ...report, ...one }));
    }
  });

  it("is drawn: what happened when, to scale, with a sentence for who cannot see it", () => {
    const svg = plot(report);
    assert.match(svg, /role="img" aria-label="1,000 mains boxes: 300 presses, 0 lost"/);
    assert.equal(svg.match(/<rect class="bar"/g)?.length, 1);
    assert.equal(svg.match(/<polyline/g)?.length, 2);
    assert.match(svg, />broker-restart</);
    assert.doesNotMatch(svg, /NaN|Infinity|undefined|<script/);
    assert.doesNotMatch(plot({ ...report, everySecond: [], faults: [] }), /NaN|Infinity/);
  });
});
