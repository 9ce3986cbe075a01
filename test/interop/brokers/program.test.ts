// Programs as children of the tests: ready when they say so, gone with all that they have started, missed in one line.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { afterEach, type Context, describe, it } from "mocha";
import { needs } from "./broker.js";
import { findProgram, freePorts, Program } from "./program.js";

/** A program that starts another one, and tells of both. */
const FAMILY =
  'const { spawn } = require("node:child_process");' +
  'const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" });' +
  'console.log("child " + child.pid); console.log("\\x1b[38;5;87mready\\x1b[0m"); setInterval(() => {}, 1000);';

function program(code: string, port = 0): Program {
  return new Program({ command: process.execPath, words: ["-e", code], ready: /^ready$/, port });
}

/** Whether a process runs: one that has ended and that nobody has asked about (Z) does not. */
function runs(id: string): boolean {
  try {
    if (existsSync("/proc/self/stat")) return !/\) Z /.test(readFileSync(`/proc/${id}/stat`, "utf8"));
    process.kill(Number(id), 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves when a process is gone: its pipes close a moment before it has ended. */
async function ends(id: string): Promise<void> {
  while (runs(id)) await setImmediate();
}

describe("a program of the interop tests", () => {
  const required = process.env["ALERTBOX_REQUIRE_ALL"];

  afterEach(() => {
    if (required === undefined) delete process.env["ALERTBOX_REQUIRE_ALL"];
    else process.env["ALERTBOX_REQUIRE_ALL"] = required;
  });

  for (const name of ["SIGTERM", "SIGKILL"] as const) {
    it(`is ended by ${name} together with what it has started, and can be started again`, async () => {
      const family = program(FAMILY);
      for (let life = 1; life <= 2; life += 1) {
        await family.start();
        await family.stop(name);
      }
      assert.deepEqual(
        family.log.map((line) => line.split(" ")[0]),
        ["child", "ready", "child", "ready"],
      );
      for (const line of family.log) {
        const [word, id = ""] = line.split(" ");
        if (word === "child") await ends(id);
      }
      await family.stop(name);
    });
  }

  it("that ends before it is ready fails with what it has said", async () => {
    await assert.rejects(
      program('console.error("no such file"); process.exitCode = 3;').start(),
      /ended with 3:\nno such/,
    );
  });

  it("that is ready but takes no connections fails", async () => {
    const [port] = await freePorts(1);
    const deaf = program('console.log("ready"); setInterval(() => {}, 1000);', port);
    await assert.rejects(deaf.start(), /is ready but takes no connections/);
    await deaf.stop("SIGKILL");
  });

  it("is found in PATH, in Debian's folders and by its path; when missing, skipped or failed in one line", () => {
    assert.equal(findProgram(process.execPath), process.execPath);
    assert.match(findProgram("sh") ?? "", /\/sh$/);
    assert.equal(findProgram("no-such-program"), undefined);
    const missing = { "some-package": ["no-such-program"], "no-package": ["sh"] };
    let skipped = 0;
    const context = { skip: () => (skipped += 1) } as unknown as Context;
    process.env["ALERTBOX_REQUIRE_ALL"] = "1";
    assert.throws(() => needs(context, missing), /^Error: not installed: apt-get install some-package to run/);
    delete process.env["ALERTBOX_REQUIRE_ALL"];
    const { log } = console;
    const lines: unknown[] = [];
    console.log = (line: unknown) => lines.push(line);
    try {
      needs(context, missing);
    } finally {
      console.log = log;
    }
    assert.deepEqual([lines.length, skipped], [1, 1]);
    needs(context, { "no-package": ["sh"] });
    assert.equal(skipped, 1);
  });
});
