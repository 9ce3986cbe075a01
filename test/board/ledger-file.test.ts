// The file of a long command that was interrupted: who may go on with it, and when it goes.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { LedgerFile } from "../../board/ledger-file.js";
import { Machine } from "./machine.js";

interface Ledger {
  readonly order: { readonly eggs: number };
  readonly done: number;
}

describe("ledger file", () => {
  let machine: Machine;
  let file: LedgerFile<Ledger>;
  let path: string;

  beforeEach(() => {
    machine = new Machine();
    file = new LedgerFile(machine.context([]), "eggs", "breakfast", " of these guests");
    path = join(machine.root, "node_modules", ".cache", "alertbox", "eggs.json");
  });

  afterEach(() => machine.end());

  function read(eggs: number): Ledger {
    return file.read({ order: { eggs }, done: 0 }, ({ order }) => order);
  }

  it("gives what an interrupted command knew to the one that wants the same", () => {
    file.write({ order: { eggs: 2 }, done: 1 });
    file.close(false);
    assert.equal(machine.err, "interrupted; the same command with --resume goes on\n");
    assert.deepEqual(read(2), { order: { eggs: 2 }, done: 1 });
  });

  it("says why not when there is none, or it is of another one", () => {
    const missing = { message: "there is no interrupted breakfast of these guests; leave --resume out" };
    assert.throws(() => read(2), missing);
    file.write({ order: { eggs: 2 }, done: 1 });
    assert.throws(() => read(3), { message: 'the interrupted breakfast was another one: {"eggs":2}' });
  });

  it("is gone when all is done, and nothing is said", () => {
    file.write({ order: { eggs: 2 }, done: 2 });
    file.close(true);
    assert.deepEqual([existsSync(path), machine.err], [false, ""]);
    file.close(true);
  });
});
