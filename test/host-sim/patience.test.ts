import assert from "node:assert/strict";
import { getActiveResourcesInfo } from "node:process";
import { describe, it } from "mocha";
import { isWithin } from "../../host-sim/patience.js";

/** Longer than any test may take. */
const LONG = 3_600_000;

describe("host-sim/patience", () => {
  const timers = () => getActiveResourcesInfo().filter((name) => name === "Timeout").length;

  it("waits for what comes, and keeps no process alive after that", async () => {
    // The watchdog of this test is set by then.
    await new Promise(setImmediate);
    const before = timers();
    assert.equal(await isWithin(LONG, Promise.resolve(0)), true);
    await assert.rejects(isWithin(LONG, Promise.reject(new Error("refused"))), /^Error: refused$/);
    assert.equal(timers(), before);
  });

  it("waits no longer than it was told, and hears of no failure after that", async () => {
    let fail: (error: Error) => void = assert.fail;
    const never = new Promise<void>((_, reject) => {
      fail = reject;
    });
    assert.equal(await isWithin(1, never), false);
    // Nobody else listens: a rejection that nobody hears ends the process.
    fail(new Error("too late"));
    await new Promise(setImmediate);
  });
});
