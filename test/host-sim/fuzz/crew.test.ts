// The threads of the fuzzer: an input that never ends is a finding, and the others go on.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";
import { type Answer, work } from "../../../host-sim/fuzz/crew.js";
import { SOURCE } from "../../../host-sim/fuzz/sources.js";

describe("threads of the fuzzer", () => {
  const options = { target: "dns", seed: 1, jobs: 2, source: undefined, patienceMs: 20_000 } as const;

  it("each range is done once", async () => {
    const done: Answer[] = [];
    const ranges = [0, 100, 200, 300, 400].map((from) => ({ from, to: from + 100 }));
    await work(ranges, { ...options, signal: new AbortController().signal }, (answer) => done.push(answer));
    assert.deepEqual(
      done.map(({ from }) => from).sort((a, b) => a - b),
      [0, 100, 200, 300, 400],
    );
    assert.ok(done.every(({ failed, reached }) => failed === 0 && Object.keys(reached).length > 0));
  });

  it("an input that never ends is found out, and another thread goes on", async () => {
    const root = mkdtempSync(join(tmpdir(), "alertbox-crew-"));
    try {
      writeFileSync(join(root, "package.json"), '{"type":"module"}');
      const source = join(root, "src");
      cpSync(SOURCE, source, { recursive: true });
      const file = join(source, "setup", "dns.ts");
      const before = readFileSync(file, "utf8");
      const loop = before.replace("if (query.length < 12", "while (query.length === 12);\n  if (query.length < 12");
      assert.notEqual(loop, before);
      writeFileSync(file, loop);
      const done: Answer[] = [];
      const ranges = [0, 1000, 2000].map((from) => ({ from, to: from + 1000 }));
      const signal = new AbortController().signal;
      await work(ranges, { ...options, source, jobs: 1, patienceMs: 700, signal }, (answer) => done.push(answer));
      assert.equal(done.length, 3);
      const [first] = done[0]?.found ?? [];
      assert.equal(first?.finding.rule, "nothing loops");
      assert.ok((first?.index ?? -1) >= 0 && (first?.index ?? 1000) < 1000);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
