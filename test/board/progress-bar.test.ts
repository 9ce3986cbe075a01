// How far a command is, as a person sees it, and as a file does.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ProgressBar } from "../../board/progress-bar.js";
import type { Command } from "../../board/report.js";
import { type Said, say } from "./machine.js";

/** What is written while a bar of 200, of which 50 are old, is used. */
function drawn(isTerminal: boolean, use: (bar: ProgressBar) => void): Promise<Said> {
  const command: Command = async (context) => {
    use(
      new ProgressBar(context, 200, 50, (done, perSecond) => `${done} eggs${perSecond > 0 ? ", some a second" : ""}`),
    );
    return 0;
  };
  return say(command, [], { isTerminal });
}

describe("progress bar", () => {
  it("is a bar for a person, over what was drawn before, and is taken away", async () => {
    const { out, err } = await drawn(true, (bar) => {
      bar.draw(100);
      bar.end();
    });
    assert.match(
      err,
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what takes a line away begins with one.
      /^\r\x1b\[K\[#{10} {10}\] 100 eggs, some a second, \d+ s left\r\x1b\[K$/,
    );
    assert.equal(out, "");
  });

  it("is a line for everybody else", async () => {
    const { err } = await drawn(false, (bar) => {
      bar.draw(200);
      bar.end();
    });
    assert.match(err, /^ {2}200 eggs, some a second, 0 s left\n$/);
  });

  it("does not say how long it takes before anything new is done", async () => {
    const { err } = await drawn(false, (bar) => bar.draw(50));
    assert.equal(err, "  50 eggs\n");
  });

  it("is not shown again within a moment", async () => {
    const { err } = await drawn(false, (bar) => {
      for (let done = 51; done < 200; done += 1) bar.show(done);
    });
    assert.equal(err, "");
  });
});
