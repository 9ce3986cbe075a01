// The campaign's command: what it accepts, what it says, how it goes on after an interruption.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { campaign } from "../../../host-sim/campaign/campaign.js";
import { type Said, say } from "../../board/machine.js";
import { enginesOrSkip } from "../xs/engines.js";

describe("npm run campaign", () => {
  let root: string;
  let controller: AbortController;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "alertbox-campaign-"));
    controller = new AbortController();
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function command(...args: string[]): Promise<Said> {
    return say(campaign, args, { root, signal: controller.signal });
  }

  it("runs seeds on several processes and counts what there was", async () => {
    const { status, out } = await command("--seeds", "1..60", "--jobs", "2", "--json");
    assert.equal(status, 0, out);
    const { tally, failures, kept } = JSON.parse(out) as Record<string, never> & { tally: Record<string, number> };
    assert.deepEqual([failures, kept], [[], []]);
    assert.ok((tally["presses"] ?? 0) > 150);
    assert.ok((tally["alerts"] ?? 0) > 150);
    assert.ok((tally["boots"] ?? 0) > 60);
  });

  it("says in a sentence what it did", async () => {
    const { out } = await command("--seeds", "1..3", "--jobs", "1");
    assert.match(out, /^3 seeds: \d+ presses, \d+ faults, \d+ boots,\n/);
    assert.match(out, /✓ every promise held in every run\n$/);
  });

  it("interrupted it keeps what it has, and goes on with --resume", async () => {
    controller.abort();
    const first = await command("--seeds", "1..30", "--jobs", "1");
    assert.equal(first.status, 1);
    assert.match(first.err, /--resume goes on/);
    controller = new AbortController();
    // Aborted before the first seed there is nothing yet to go on from.
    const none = await command("--seeds", "1..30", "--resume");
    assert.match(none.err, /there is no interrupted campaign/);
    const half = command("--seeds", "1..100", "--jobs", "1", "--json");
    const seen = setInterval(() => {
      if (readdirSync(root, { recursive: true }).some((name) => String(name).endsWith("campaign.json")))
        controller.abort();
    }, 5);
    const interrupted = await half;
    clearInterval(seen);
    assert.equal(interrupted.status, 1);
    controller = new AbortController();
    const other = await command("--seeds", "1..99", "--resume");
    assert.match(other.err, /was another one/);
    const rest = await command("--seeds", "1..100", "--jobs", "2", "--resume", "--json");
    assert.equal(rest.status, 0, rest.out + rest.err);
    const whole = await command("--seeds", "1..100", "--jobs", "2", "--json");
    const tallyOf = (text: string) => (JSON.parse(text) as { tally: Record<string, number> }).tally;
    assert.equal(tallyOf(rest.out)["alerts"], tallyOf(whole.out)["alerts"]);
  });

  it("leaves nothing of the engine behind", async function () {
    await enginesOrSkip(this);
    const temporary = process.env["TMPDIR"];
    process.env["TMPDIR"] = root;
    try {
      const { status, out } = await command("--seeds", "1..4", "--engine", "xs32", "--jobs", "2");
      assert.equal(status, 0, out);
    } finally {
      if (temporary === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = temporary;
    }
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith("alertbox-")),
      [],
    );
  });

  it("shows one seed with its timeline", async () => {
    const { status, out } = await command("--replay", "3");
    assert.equal(status, 0);
    assert.match(out, /step {10}boot power/);
    assert.match(out, /✓ every promise held: \d+ presses, \d+ faults\n$/);
  });

  it("shows a plan that was kept", async () => {
    symlinkSync(new URL("../../campaign/regressions", import.meta.url).pathname, join(root, "kept"));
    const { status, out } = await command("--replay", "kept/router-forgets-its-leases.json");
    assert.equal(status, 0, out);
    assert.match(out, /fault {9}lease 2/);
  });

  for (const [args, words] of [
    [["--seeds", "5"], /--seeds is a range such as 1\.\.1000/],
    [["--seeds", "9..1"], /--seeds is a range/],
    [["--faults", "rain"], /there is no "rain"; --help lists them/],
    [["--engine", "v8"], /--engine is xs32 or lx106/],
    [["--replay", "nothing.json"], /neither a seed nor a file/],
    [["--presses", "0"], /--presses is a whole number from 1/],
    [["--seed", "1"], /there are --seeds/],
  ] as const) {
    it(`${args.join(" ")}: says what is wrong, with status 2`, async () => {
      const { status, err } = await command(...args);
      assert.equal(status, 2);
      assert.match(err, words);
    });
  }

  it("--help names each fault", async () => {
    const { status, out } = await command("--help");
    assert.equal(status, 0);
    assert.match(out, /power-cut-in-flash {2}power fails in the middle/);
  });
});
