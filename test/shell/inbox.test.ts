// What a session remembers, on the disk and over anything that may happen to the program.

import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { Failure } from "../../shell/failure.js";
import { type Held, Inbox } from "../../shell/inbox.js";

describe("shell/inbox", () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "alertbox-inbox-"));
    path = join(folder, "state/name.jsonl");
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const held = (id: string): Held => ({ id, topic: "t", payload: `{"id":"${id}"}` });

  it("takes each id once, in memory as with a file", () => {
    for (const inbox of [Inbox.open(), Inbox.open(path)]) {
      assert.deepEqual([inbox.take(held("a")), inbox.take(held("a")), inbox.take(held("b"))], [true, false, true]);
      inbox.done("a");
      assert.equal(inbox.take(held("a")), false);
      inbox.close();
    }
  });

  it("keeps what is not done for the next run, in order, and what is done for ever", () => {
    const first = Inbox.open(path);
    for (const id of ["a", "b", "c"]) first.take(held(id));
    first.done("b");
    first.close();
    for (let run = 0; run < 2; run += 1) {
      const next = Inbox.open(path);
      assert.deepEqual(next.waiting, [held("a"), held("c")]);
      assert.deepEqual(
        ["a", "b", "c"].map((id) => next.take(held(id))),
        [false, false, false],
      );
      next.close();
    }
  });

  it("has an alert on the disk when it has taken it, for nobody else to read", () => {
    const inbox = Inbox.open(path);
    inbox.take(held("a"));
    assert.equal(readFileSync(path, "utf8"), `${JSON.stringify(held("a"))}\n`);
    assert.equal(statSync(path).mode & 0o077, 0);
    inbox.close();
  });

  it("a line that a power cut has torn is as good as none", () => {
    const first = Inbox.open(path);
    first.take(held("a"));
    first.close();
    appendFileSync(path, '{"id":"b","topic":"t","pay');
    const next = Inbox.open(path);
    assert.deepEqual([next.waiting, next.take(held("b"))], [[held("a")], true]);
    next.close();
  });

  it("remembers the last 10,000 ids, and none less for those that wait", () => {
    const first = Inbox.open(path);
    first.take(held("waits"));
    first.close();
    const lines = Array.from({ length: 10_001 }, (_, index) => `${JSON.stringify({ done: `d${index}` })}\n`);
    appendFileSync(path, lines.join(""));
    const next = Inbox.open(path);
    assert.deepEqual(next.waiting, [held("waits")]);
    assert.deepEqual(
      ["waits", "d10000", "d2", "d0"].map((id) => next.take(held(id))),
      [false, false, false, true],
    );
    next.close();
    assert.ok(readFileSync(path, "utf8").split("\n").length <= 10_005);
  });

  it("does not let its file grow for ever while it runs", () => {
    const inbox = Inbox.open(path, 10);
    inbox.take(held("waits"));
    for (let count = 0; count < 60; count += 1) {
      inbox.take(held(`n${count}`));
      inbox.done(`n${count}`);
      assert.ok(readFileSync(path, "utf8").split("\n").length <= 42);
    }
    inbox.close();
    const next = Inbox.open(path, 10);
    assert.deepEqual([next.waiting, next.take(held("n59")), next.take(held("n0"))], [[held("waits")], false, true]);
    next.close();
  });

  it("is one process's; that of a process which has ended is taken over", () => {
    const first = Inbox.open(path);
    assert.throws(
      () => Inbox.open(path),
      (error: unknown) => error instanceof Failure && /process \d+ uses this session/.test(error.message),
    );
    assert.throws(() => Inbox.forget(path), /uses this session/);
    first.close();
    // No process has such a number; this one has another start, as after a restart of the computer.
    for (const owner of ["99999999 1 x", `${process.pid} 1 x`]) {
      writeFileSync(`${path}.lock`, owner);
      Inbox.open(path).close();
    }
    Inbox.forget(path);
    assert.throws(() => readFileSync(path), /ENOENT/);
  });

  it("a place that cannot be written is said, with what is wrong", () => {
    writeFileSync(join(folder, "file"), "");
    assert.throws(
      () => Inbox.open(join(folder, "file/name.jsonl")),
      /the session's memory cannot be used \((ENOTDIR|EEXIST)\)/,
    );
  });
});
