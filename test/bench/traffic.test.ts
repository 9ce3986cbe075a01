// `npm run traffic`: what a box costs its broker, and that the multiplication is right.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { loadOf, measureTraffic, traffic } from "../../bench/traffic.js";
import { say } from "../board/machine.js";

describe("bench/traffic", () => {
  const { rows, kept } = measureTraffic();
  const row = (id: string) => {
    const found = rows.find((each) => each.id === id);
    assert.ok(found, id);
    return found;
  };

  it("a sleeper's press is one connection: CONNECT, PUBLISH, PUBREL, SUBSCRIBE, what it says of itself, DISCONNECT", () => {
    const { connections, packetsUp, packetsDown } = row("press");
    assert.equal(connections, 1);
    // The same of the broker, but for DISCONNECT.
    assert.deepEqual([packetsUp, packetsDown], [8, 7]);
  });

  it("a press on mains needs no connection, and an hour without one a ping a minute", () => {
    assert.equal(row("mains-press").connections, 0);
    const { packetsUp, packetsDown, bytesUp } = row("mains-hour");
    assert.ok(packetsUp >= 59 && packetsUp <= 63, `${packetsUp}`);
    assert.equal(packetsDown, packetsUp);
    assert.equal(bytesUp, 2 * packetsUp);
  });

  it("the introduction is in the first wake only", () => {
    assert.ok(row("first").bytesUp > row("press").bytesUp + 1500);
    assert.equal(kept.messages, 3);
  });

  it("multiplies", () => {
    const { connectionsASecond, megabitsASecond, retainedBytes, sessions } = loadOf(86_400, 10, row("press"), kept);
    assert.equal(connectionsASecond, 10);
    assert.equal(megabitsASecond, (row("press").bytesOnWire * 80) / 1e6);
    assert.equal(retainedBytes, kept.bytes * 86_400);
    assert.equal(sessions, 86_400);
  });

  it("prints what docs/scale.md says", async () => {
    const { out, status } = await say(traffic, ["--markdown"]);
    assert.equal(status, 0);
    const guide = readFileSync(new URL("../../docs/scale.md", import.meta.url), "utf8");
    for (const line of out.split("\n").filter((each) => each.startsWith("|"))) assert.ok(guide.includes(line), line);
    const json = JSON.parse((await say(traffic, ["--json", "--boards", "1000"])).out) as { load: { boards: number } };
    assert.equal(json.load.boards, 1000);
    assert.equal((await say(traffic, ["--boards", "none"])).status, 2);
  });
});
