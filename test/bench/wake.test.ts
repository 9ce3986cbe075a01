// `npm run wake`: the table has its rows, the figures agree with each other and with what the project promises.

import assert from "node:assert/strict";
import { before, describe, it } from "mocha";
import { wake, wakeNotes } from "../../bench/wake.js";
import type { PartName } from "../../bench/wake-meter.js";
import { CIRCUMSTANCES, type Circumstance, LATENCY_MS, measureWakes } from "../../bench/wakes.js";
import { say } from "../board/machine.js";

interface Record {
  readonly id: string;
  readonly delivered: number;
  readonly parts: readonly { readonly name: PartName; readonly ms: number; readonly mah: number }[];
  readonly ms: number;
  readonly mah: number;
}

describe("bench/wake", () => {
  let rows: Map<string, Record>;
  let json: string;

  before(async () => {
    const printed = await say(wake, ["--json"]);
    assert.equal(printed.status, 0, printed.err);
    json = printed.out;
    const { rows: all } = JSON.parse(json) as { rows: Record[] };
    rows = new Map(all.map((row) => [row.id, row]));
  });

  function row(id: string): Record {
    const found = rows.get(id);
    assert.ok(found, id);
    return found;
  }

  function part(id: string, name: PartName): number {
    return row(id).parts.find((each) => each.name === name)?.ms ?? 0;
  }

  /** From RST let go to PUBCOMP. */
  function toPubcomp(id: string): number {
    return row(id).ms - part(id, "held") - part(id, "asleep");
  }

  it("has a row for each circumstance: cold, cached, and each way in which a cache can be stale", () => {
    assert.deepEqual(
      [...rows.keys()],
      CIRCUMSTANCES.map(({ id }) => id),
    );
    for (const id of ["cold", "warm", "battery", "channel", "bssid", "address", "moved", "no-router", "no-broker"]) {
      assert.ok(rows.has(id), id);
    }
  });

  it("each row's parts add up to its time and its charge", () => {
    for (const { id, parts, ms, mah } of rows.values()) {
      const sum = parts.reduce((so, each) => ({ ms: so.ms + each.ms, mah: so.mah + each.mah }), { ms: 0, mah: 0 });
      assert.ok(Math.abs(sum.ms - ms) < 0.01, `${id}: ${sum.ms} of ${ms} ms`);
      assert.ok(Math.abs(sum.mah - mah) < 1e-6, `${id}: ${sum.mah} of ${mah} mAh`);
    }
  });

  it("cached: PUBCOMP within 3 round trips of TCP connect, and quiet: asleep within 200 ms of PUBCOMP", () => {
    for (const id of ["warm", "warm-name", "warm-quiet", "calibrated"]) {
      assert.ok(part(id, "pubcomp") <= 3 * 2 * LATENCY_MS + 1, `${id}: ${part(id, "pubcomp")} ms`);
    }
    assert.ok(part("warm-quiet", "asleep") <= 200, `${part("warm-quiet", "asleep")} ms`);
    assert.ok(toPubcomp("warm") < 800, `${toPubcomp("warm")} ms`);
  });

  it("a broker by name costs nothing when its address is remembered, and a question when not", () => {
    assert.ok(Math.abs(toPubcomp("warm-name") - toPubcomp("warm")) < 1);
    assert.ok(toPubcomp("cold-name") > toPubcomp("cold"));
  });

  it("caches are worth it, and whatever is stale is found within 3 s of what a cold wake takes", () => {
    assert.ok(toPubcomp("warm") < toPubcomp("second") + 1);
    assert.ok(toPubcomp("second") < toPubcomp("cold"));
    for (const id of ["channel", "bssid", "address", "moved"]) {
      assert.equal(row(id).delivered, 1, id);
      assert.ok(toPubcomp(id) <= toPubcomp("cold") + 3000, `${id}: ${toPubcomp(id)} ms`);
      assert.ok(row(id).mah > row("warm").mah, id);
    }
  });

  it("a calibration of the radio is 200 ms more of boot", () => {
    assert.ok(Math.abs(part("calibrated", "firmware") - part("warm", "firmware") - 200) < 1);
  });

  it("what cannot be sent stays stored, and costs no more than the awake cap", () => {
    for (const id of ["no-router", "no-broker"]) {
      assert.equal(row(id).delivered, 0);
      assert.ok(row(id).ms < 20_000 + 6_000 + 500, `${row(id).ms} ms`);
      assert.ok(row(id).mah < 0.45, `${row(id).mah} mAh`);
    }
  });

  it("says that it is simulated, and where the times come from", async () => {
    const { out, status, err } = await say(wake, []);
    assert.equal(status, 0);
    assert.equal(err, "");
    for (const { title } of CIRCUMSTANCES) assert.ok(out.includes(`  ${title}  `), title);
    for (const note of wakeNotes()) assert.ok(out.includes(note));
    assert.match(out, /not measured on a board/);
    assert.match(out, /softplus\/esp8266-wifi-timing/);
    assert.match(out, /^ {2}no router.* — .* — /m);
  });

  it("is a table in Markdown when asked", async () => {
    const { out } = await say(wake, ["--markdown"]);
    assert.match(out, /^\| one press, ms \| reset → firmware \|/);
    assert.equal(out.split("\n").filter((line) => line.startsWith("| ")).length, CIRCUMSTANCES.length + 2);
  });

  it("the same seed prints the same bytes", async () => {
    assert.equal((await say(wake, ["--json"])).out, json);
  });

  it("mistakes on the command line have status 2", async () => {
    for (const args of [["--sed", "1"], ["--seed", "x"], ["--seed"], ["fast"]]) {
      const { status, out, err } = await say(wake, args);
      assert.equal(status, 2, args.join(" "));
      assert.equal(out, "");
      assert.match(err, /^alertbox: .*\n$/);
    }
  });

  it("does not pass over an alert that did not arrive, nor one that was not to arrive", () => {
    const usual: Circumstance = { id: "usual", title: "usual", prepare: (scene) => scene.settle() };
    const cut: Circumstance = {
      ...usual,
      prepare: (scene) => {
        scene.settle();
        scene.world.wifi.down();
      },
    };
    assert.equal(measureWakes(1, [usual]).length, 1);
    assert.throws(() => measureWakes(1, [cut]), /usual: 0 alerts/);
    assert.throws(() => measureWakes(1, [{ ...usual, fails: true }]), /usual: 1 alerts/);
  });
});
