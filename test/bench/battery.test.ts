// `npm run battery`: what it prints, for people and for scripts, and with which status it ends.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { before, describe, it } from "mocha";
import { battery, duration, type Form, tellMonths } from "../../bench/battery.js";
import { liveMonth, type Month } from "../../bench/month.js";
import { say } from "../board/machine.js";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const SHORT = ["--days", "3", "--presses", "4", "--seed", "3"];

describe("bench/battery", () => {
  let output: string;

  before(async () => {
    const printed = await say(battery, SHORT);
    assert.equal(printed.status, 0, printed.err);
    assert.equal(printed.err, "", "no progress where nobody looks");
    output = printed.out;
  });

  it("has two wirings side by side: what arrived, what it drew, how long a battery lasts", () => {
    assert.match(output, /^ {2}3 days, button on +rst +rst\+gpio$/m);
    assert.match(output, /^ {2}presses +12 +12$/m);
    assert.match(output, /^ {2}delivered +12 +12$/m);
    assert.match(output, /^ {2}lost +0 +0$/m);
    assert.match(output, /^ {2}delivered twice +0 +0$/m);
    assert.match(output, /^ {2}alerts without a press +0 +0$/m);
    assert.match(output, /^ {2}a press, median, mAh +0\.\d{4} +0\.\d{4}$/m);
    assert.match(output, /^ {2}life of 2,500 mAh +[\d,]+ days \(\d\.\d years\)/m);
    assert.match(output, /^ {2}life of 1,000 mAh /m);
    assert.match(output, /\n\nEvery press arrived, once\.\n$/);
  });

  it("says what the figures rest on", () => {
    assert.match(output, /not measured on a board/);
    assert.match(output, /0\.084 mA .*75 mA \(D1 mini v3, salvatorelab\.com/);
    assert.match(output, /15 mA \(ESP8266EX datasheet\)/);
  });

  it("shows progress to a person, and clears it", async () => {
    const { out: again, err } = await say(battery, SHORT, { isTerminal: true });
    assert.equal(again, output);
    assert.ok(err.includes("rst+gpio: day 2 of 3"));
    assert.ok(err.endsWith("\r\x1b[K"));
  });

  it("has JSON for scripts, the same bytes for the same seed, with the life of the battery asked for", async () => {
    const args = [...SHORT, "--json", "--mah", "1200"];
    const first = await say(battery, args);
    const { months, seed } = JSON.parse(first.out) as {
      seed: number;
      months: { wiring: string; lost: number; meanDayMah: number; lives: { mah: number; days: number }[] }[];
    };
    assert.equal(seed, 3);
    assert.deepEqual(
      months.map(({ wiring, lost }) => [wiring, lost]),
      [
        ["rst", 0],
        ["rst+gpio", 0],
      ],
    );
    for (const { lives, meanDayMah } of months) {
      assert.deepEqual(
        lives.map(({ mah }) => mah),
        [1200, 1000],
      );
      assert.equal(lives[0]?.days, Math.floor(1200 / meanDayMah));
    }
    assert.equal((await say(battery, args)).out, first.out);
  });

  it("is a table in Markdown when asked, and names a battery of 1,000 mAh once", async () => {
    const { out: markdown } = await say(battery, [...SHORT, "--markdown", "--mah", "1000"]);
    assert.match(markdown, /^\| 3 days, button on \| rst \| rst\+gpio \|\n\| --- \| ---: \| ---: \|\n/);
    assert.equal(markdown.match(/life of 1,000 mAh/g)?.length, 1);
  });

  it("ends with status 1 when an alert was lost, came twice or came unasked, and says so", async () => {
    const month = liveMonth({ days: 3, presses: 2, seed: 1, wiring: "rst" });
    const plan = { days: 3, presses: 2, seed: 1, capacities: [1000] };
    const told = (change: Partial<Month>, form: Form = "text") =>
      say(async (context) => tellMonths(context, plan, [month, { ...month, ...change }], form), []);
    assert.equal((await told({})).status, 0);
    for (const change of [{ lost: 1 }, { duplicates: 1 }, { phantoms: 1 }]) {
      const { status, out: text } = await told(change);
      assert.equal(status, 1);
      assert.match(text, /\n\nSomething was lost, came twice, or came unasked\.\n$/);
      assert.equal((await told(change, "json")).status, 1);
    }
    const { out: text } = await told({ notStored: 2, crashes: 1, violations: 3 });
    assert.match(text, /^- rst: presses that found the journal full.*: 2$/m);
    assert.match(text, /^- rst: crashes of the firmware: 1$/m);
    assert.match(text, /^- rst: breaches of MQTT: 3$/m);
  });

  it("mistakes on the command line have status 2", async () => {
    for (const args of [["--days", "2"], ["--days", "1e9"], ["--presses", "0"], ["--mah", "0"], ["--hours"], ["x"]]) {
      const { status, out: nothing, err } = await say(battery, args);
      assert.equal(status, 2, args.join(" "));
      assert.equal(nothing, "");
      assert.match(err, /^alertbox: .*\n$/);
    }
  });

  it("runs as a program", () => {
    const result = spawnSync(process.execPath, ["--import", "tsx/esm", "bench/battery.ts", ...SHORT], {
      cwd: PROJECT,
      encoding: "utf8",
    });
    assert.equal(result.status, 0, result.stderr);
    assert.equal(result.stdout, output);
  });

  it("says durations as people do", () => {
    assert.deepEqual(
      [358.2, 4100, 1_740_000, 48_586_728].map((ms) => duration(ms)),
      ["358 ms", "4.1 s", "29 min", "13 h 29 min"],
    );
  });
});
