// The line that says how far a scenario is.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { dayText, showProgress } from "../../host-sim/play-progress.js";

describe("host-sim/play-progress", () => {
  it("says the day and the time of the boards, after some seconds, and takes its line away", async () => {
    let written = "";
    const shown = new Promise<() => void>((resolve) => {
      const end = showProgress(
        {
          isTTY: true,
          write: (text: string) => {
            written += text;
            resolve(end);
          },
        },
        () => 11 * 86_400_000 + 7 * 3_600_000 + 5 * 60_000,
      );
      assert.equal(written, "", "what is over soon needs none");
    });
    (await shown)();
    assert.equal(written, "\r\x1b[K  day 12, 07:05 of the boards\r\x1b[K");
  });

  it("writes nothing where nobody looks, and nothing of what is over soon", () => {
    const write = () => assert.fail("nobody looks");
    showProgress({ write }, () => 0)();
    showProgress({ isTTY: true, write }, () => 0)();
  });

  it("days begin with the first", () => {
    assert.equal(dayText(0), "day 1, 00:00");
    assert.equal(dayText(86_399_999), "day 1, 23:59");
  });
});
