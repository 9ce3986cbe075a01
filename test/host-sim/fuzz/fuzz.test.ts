// The fuzzer's command: what it accepts, what it says, what it does with a finding, how it goes on after an
// interruption. Findings come from a copy of src with a fault in it.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { fuzz } from "../../../host-sim/fuzz/fuzz.js";
import { SOURCE } from "../../../host-sim/fuzz/sources.js";
import { type Said, say } from "../../board/machine.js";

describe("npm run fuzz", () => {
  let root: string;
  let controller: AbortController;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "alertbox-fuzz-"));
    writeFileSync(join(root, "package.json"), '{"type":"module"}');
    controller = new AbortController();
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function command(...args: string[]): Promise<Said> {
    return say(fuzz, args, { root, signal: controller.signal });
  }

  /** A copy of src in which `text` of a file is another. */
  function broken(file: string, text: string, other: string): string {
    const source = join(root, "src");
    cpSync(SOURCE, source, { recursive: true });
    const before = readFileSync(join(source, file), "utf8");
    assert.equal(before.split(text).length, 2, `${file} has ${text} once`);
    writeFileSync(join(source, file), before.replace(text, other));
    return source;
  }

  it("tries inputs on some threads and says what was reached", async () => {
    const { status, out } = await command("--target", "dns,topic", "--inputs", "12000", "--jobs", "2", "--json");
    assert.equal(status, 0, out);
    const { results, kept } = JSON.parse(out) as {
      results: Record<string, { inputs: number; failed: number; reached: Record<string, number> }>;
      kept: string[];
    };
    assert.deepEqual(kept, []);
    assert.deepEqual(Object.keys(results), ["dns", "topic"]);
    assert.equal(results["dns"]?.inputs, 12_000);
    const reached = results["dns"]?.reached ?? {};
    assert.equal(
      Object.values(reached).reduce((sum, each) => sum + each, 0),
      12_000,
      "each query was answered or ignored",
    );
  });

  it("says in a table what it did", async () => {
    const { out } = await command("--target", "dns", "--inputs", "100", "--jobs", "1");
    assert.match(out, /target +inputs +seconds +a second +failed\n +dns +100 /);
    assert.match(out, /✓ every promise held for every input\n$/);
  });

  it("makes a finding small, keeps it, and says how to run it again", async () => {
    const source = broken(
      "setup/dns.ts",
      "if (length === undefined || length > 63) return 0;",
      "if (length === undefined) return 0;",
    );
    const { status, out } = await command("--target", "dns", "--inputs", "5000", "--jobs", "1", "--source", source);
    assert.equal(status, 1);
    assert.match(out, /✗ dns \d+: .*\n {2}npm run fuzz -- --target dns --seed 1 --replay \d+\n/);
    const folder = join(root, "test", "fuzz", "corpus", "dns");
    const [file = ""] = readdirSync(folder);
    const text = readFileSync(join(folder, file), "utf8");
    assert.match(text, /^# .+\n[0-9a-f\n]+$/);
    assert.ok((text.split("\n").at(-2)?.length ?? 99) <= 64, "a small query");
    const again = await command("--replay", join("test", "fuzz", "corpus", "dns", file), "--source", source);
    assert.equal(again.status, 1);
    assert.match(again.out, /^dns, \d+ bytes: [0-9a-f]+\n(?:.*\n)*✗ /);
    const mended = await command("--replay", join("test", "fuzz", "corpus", "dns", file));
    assert.equal(mended.status, 0);
    assert.match(mended.out, /✓ every promise held\n$/);
  });

  it("replays an input by its number", async () => {
    const { status, out } = await command("--target", "topic", "--seed", "7", "--replay", "42");
    assert.equal(status, 0);
    assert.match(out, /^topic, \d+ bytes: /);
  });

  it("interrupted it keeps what it has, and goes on with --resume", async () => {
    const half = command("--target", "dns", "--inputs", "400000", "--jobs", "1", "--json");
    setTimeout(() => controller.abort(), 1200);
    const first = await half;
    assert.equal(first.status, 1);
    assert.match(first.err, /the same command with --resume goes on/);
    controller = new AbortController();
    const other = await command("--target", "dns", "--inputs", "400001", "--resume");
    assert.match(other.err, /was another one/);
    const rest = await command("--target", "dns", "--inputs", "400000", "--jobs", "2", "--resume", "--json");
    assert.equal(rest.status, 0, rest.err);
    const whole = await command("--target", "dns", "--inputs", "400000", "--jobs", "2", "--json");
    const reached = (text: string) =>
      (JSON.parse(text) as { results: { dns: { reached: unknown } } }).results.dns.reached;
    assert.deepEqual(sorted(reached(rest.out)), sorted(reached(whole.out)), "the same inputs, however they were run");
    const none = await command("--target", "dns", "--resume");
    assert.match(none.err, /there is no interrupted run/);
  });

  function sorted(record: unknown): unknown {
    return Object.entries(record as object).sort();
  }

  for (const [args, words] of [
    [["--target", "rain"], /there is no "rain"; --help lists them/],
    [["--inputs", "0"], /--inputs is a whole number from 1/],
    [["--seed", "x"], /--seed is a whole number/],
    [["--jobs", "0"], /--jobs is a whole number/],
    [["--replay", "nothing.hex"], /neither a number nor a file/],
    [["--replay", "5"], /needs --target with one name/],
    [["--faults", "1"], /there are --target/],
  ] as const) {
    it(`${args.join(" ")}: says what is wrong, with status 2`, async () => {
      const { status, err } = await command(...args);
      assert.equal(status, 2);
      assert.match(err, words);
    });
  }

  it("a file that is no input, or of no target, is refused", async () => {
    writeFileSync(join(root, "x.hex"), "# hello\nzz\n");
    assert.match((await command("--replay", "x.hex")).err, /is not hexadecimal/);
    writeFileSync(join(root, "x.hex"), "# hello\n00\n");
    assert.match((await command("--replay", "x.hex")).err, /the folder names no target/);
    assert.equal((await command("--replay", "x.hex", "--target", "dns")).status, 0);
  });

  it("--help names each target", async () => {
    const { status, out } = await command("--help");
    assert.equal(status, 0);
    assert.match(out, /journal {4}the journal on flash that holds anything/);
  });
});
