// The crew: pieces go on side by side, no more than there are hands, in the order in which they were asked for; how far
// each is, that it is done, and why it is not, is told; nothing is left of those that were ended.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, it } from "mocha";
import { Failure } from "../../../board/report.js";
import { Crew } from "../../../host-sim/xs/crew.js";
import { Progress } from "../../../host-sim/xs/progress.js";

/** Does what the errand says; tells where its file is. */
const program = `
  const { existsSync, readFileSync, writeFileSync } = require("node:fs");
  const { say, wait, mark, status } = JSON.parse(readFileSync(process.argv[1], "utf8"));
  if (mark) writeFileSync(mark, process.argv[1]);
  const end = () => {
    for (const report of say ?? []) process.stdout.write(JSON.stringify(report) + "\\n");
    process.exitCode = status ?? 0;
  };
  const poll = () => (wait === undefined || existsSync(wait) ? end() : setTimeout(poll, 5));
  poll();
`;

function crewOf(hands: number) {
  const lines: string[] = [];
  const controller = new AbortController();
  const crew = new Crew({
    progress: new Progress((line) => void lines.push(line.trimEnd())),
    signal: controller.signal,
    hands,
    command: [process.execPath, "-e", program],
  });
  return { crew, lines, controller };
}

const result = (value: unknown) => ({ say: [{ type: "result", result: value }] });

describe("a crew", () => {
  it("gives each result to who asked, with as many at once as there are hands", async () => {
    const directory = mkdtempSync(join(tmpdir(), "alertbox-crew-test-"));
    const mark = (name: string): string => join(directory, name);
    const { crew, lines } = crewOf(2);
    // The first waits for the second: they run at the same time. The third has no hand before one of them is done.
    const first = crew.do("first", { ...result(1), mark: mark("a"), wait: mark("b") });
    const second = crew.do("second", { ...result({ two: [2] }), mark: mark("b"), wait: mark("a") });
    const third = crew.do("third", result(undefined));
    assert.deepEqual(lines.map(withoutTime), ["first …", "second …"]);
    assert.deepEqual(await Promise.all([first, second, third]), [1, { two: [2] }, undefined]);
    assert.deepEqual(lines.map(withoutTime).slice(2).sort(), [
      "first: done in N s",
      "second: done in N s",
      "third …",
      "third: done in N s",
    ]);
    const file = readFileSync(mark("a"), "utf8");
    assert.ok(existsSync(file));
    crew.close();
    assert.ok(!existsSync(dirname(file)), "nothing is left");
    rmSync(directory, { recursive: true });
  });

  it("tells why a piece failed: in words for a person, or as a mistake of ours", async () => {
    const { crew } = crewOf(1);
    const failed = (isExpected: boolean) => ({ say: [{ type: "failed", reason: "too small", isExpected }] });
    await assert.rejects(crew.do("piece", failed(true)), new Failure("too small"));
    await assert.rejects(crew.do("piece", failed(false)), (error) => !(error instanceof Failure));
    await assert.rejects(crew.do("piece", { status: 3 }), /^Error: piece ended with 3 and without a result$/);
    assert.equal(await crew.do("piece", result(7)), 7);
    crew.close();
  });

  it("ends what runs and what waits when it is interrupted", async () => {
    const before = new Set(readdirSync(tmpdir()).filter((name) => name.startsWith("alertbox-crew-")));
    const { crew, controller, lines } = crewOf(1);
    const mark = join(mkdtempSync(join(tmpdir(), "alertbox-mark-")), "running");
    const running = crew.do("running", { wait: "/nonexistent/never", mark });
    const waiting = crew.do("waiting", result(1));
    while (!existsSync(mark)) await setTimeout(5);
    controller.abort();
    for (const each of [running, waiting]) await assert.rejects(each, new Failure("interrupted"));
    await assert.rejects(crew.do("late", result(1)), new Failure("interrupted"));
    assert.deepEqual(lines.map(withoutTime), ["running …"]);
    rmSync(dirname(mark), { recursive: true });
    assert.ok(readdirSync(tmpdir()).every((name) => !name.startsWith("alertbox-crew-") || before.has(name)));
  });

  it("reports a program that cannot be started", async () => {
    const crew = new Crew({
      progress: new Progress(() => {}),
      signal: new AbortController().signal,
      command: ["/nonexistent/program"],
    });
    await assert.rejects(crew.do("piece", {}), /ENOENT/);
    crew.close();
  });
});

describe("progress", () => {
  it("tells of several things what each is at, and of none too often", () => {
    const lines: string[] = [];
    let now = 5000;
    const progress = new Progress(
      (line) => void lines.push(line),
      () => now,
    );
    const first = progress.begin("one");
    const second = progress.begin("two");
    for (const seconds of [4, 8, 12, 16, 20, 24]) {
      now = 5000 + seconds * 1000;
      first.at(`${seconds} of 24`);
      if (seconds === 12) second.done();
    }
    first.done();
    progress.say("three");
    assert.deepEqual(lines, [
      "    0 s  one …\n",
      "    0 s  two …\n",
      "   12 s  one: 12 of 24 …\n",
      "   12 s  two: done in 12 s\n",
      "   24 s  one: 24 of 24 …\n",
      "   24 s  one: done in 24 s\n",
      "   24 s  three …\n",
    ]);
  });
});

function withoutTime(line: string): string {
  return line.replace(/^ +\d+ s {2}/, "").replace(/\d+ s$/, "N s");
}
