// Why an alert outlived a power cut, as the page tells it: over lines and packets made for it, and over the real bench
// that is cut at different moments. No browser.

import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import type { BenchBoard } from "../../host-sim/bench-board.js";
import { type Account, accountsOf } from "../../host-sim/page/account.js";
import { Chapters } from "../../host-sim/page/chapter.js";
import type { PacketView } from "../../host-sim/page/details.js";
import type { Line } from "../../host-sim/page/protocol.js";
import { idOf } from "../alert-id.js";
import { packetView } from "./fake-stage.js";
import { RunningBench } from "./running-bench.js";

const ALERT = '{"pushes":1,"event":"press","id":"5750-1-40146"}';

/** What a board says and what passes, each thing a second after the one before. */
class Story {
  readonly chapters = new Chapters();
  readonly packets: PacketView[] = [];
  #at = 0;
  #id = 0;
  #connection = 1;

  line(word: string, detail = "", changes: Partial<Line> = {}): this {
    this.#at += 1000;
    const opens = ["pressed", "power on", "reset", "crash"].includes(word);
    const source = opens || word === "power off" ? "bench" : "firmware";
    const line = { id: ++this.#id, board: 0, at: this.#at, since: 0, ms: 0, source, word, detail, opens } as const;
    this.chapters.add({ ...line, ...changes });
    return this;
  }

  arrived(payload = ALERT): this {
    return this.line("arrived", payload, { source: "alert" });
  }

  packet(type: string, changes: Partial<PacketView> = {}): this {
    this.#at += 1000;
    if (type === "TCP open") this.#connection += 1;
    const direction = /^(PUBLISH|PUBREL|TCP)/.test(type) ? "up" : "down";
    const packetId = /^PUB/.test(type) ? 1 : undefined;
    const detail = type === "PUBLISH" ? ALERT : "";
    const rest = { type, at: this.#at, connection: this.#connection, direction, packetId, detail } as const;
    this.packets.push(packetView(this.packets.length + 1, { ...rest, ...changes }));
    return this;
  }

  /** By the heading of the chapter under which they are. */
  get accounts(): readonly (readonly [heading: string, account: Account])[] {
    const all = accountsOf(this.chapters.list, this.packets);
    return this.chapters.list.flatMap(({ id, heading }) =>
      (all.get(id) ?? []).map((account) => [heading, account] as const),
    );
  }

  /** The only one there is: where it stands, and what it says. */
  get only(): { heading: string; state: string; said: Record<string, string> } {
    const [first, ...others] = this.accounts;
    assert.ok(first !== undefined && others.length === 0, `${this.accounts.length} accounts`);
    const [heading, { state, points }] = first;
    return { heading, state, said: Object.fromEntries(points) };
  }
}

/** A press that is stored and on its way. */
function stored(): Story {
  return new Story().packet("TCP open").line("pressed").line("stored", "5750-1-40146");
}

describe("host-sim/page/account", () => {
  it("says nothing while nothing is interrupted", () => {
    const story = stored().packet("PUBLISH").packet("PUBREC").line("received", "5750-1-40146").packet("PUBREL");
    story.packet("PUBCOMP").line("delivered", "5750-1-40146").line("power off").line("power on").line("boot", "power");
    assert.deepEqual(story.accounts, []);
  });

  it("says while the power is off what flash keeps, and that it goes on", () => {
    const { heading, state, said } = stored().packet("PUBLISH").line("power off").only;
    assert.deepEqual([heading, state], ["Press", "waits"]);
    assert.match(
      said["Flash kept it"] ?? "",
      /record of 5750-1-40146 .* When the power failed, it was marked queued: /,
    );
    assert.match(said["Next"] ?? "", /as soon as the box is connected again/);
    assert.deepEqual(Object.keys(said), ["Flash kept it", "Next"]);
  });

  it("queued: published again with DUP, and the broker knows it", () => {
    const story = stored().packet("PUBLISH").line("power off").arrived().line("power on").line("boot", "power");
    story
      .packet("TCP open")
      .packet("PUBLISH", { dup: true })
      .packet("CONNACK", { detail: "accepted, session present" });
    const { heading, state, said } = story.only;
    assert.deepEqual([heading, state], ["Power on", "waits"]);
    assert.equal(said["Sent again"], "PUBLISH 1 once more: the same packet id, and DUP says that it may be a repeat.");
    assert.match(said["Delivered once"] ?? "", /holds packet id 1 until PUBREL.*does not pass it on again/);
    assert.equal(said["Seen"], undefined);
    story.line("delivered", "5750-1-40146");
    assert.equal(story.only.state, "ended");
    assert.equal(story.only.said["Seen"], "The independent subscriber has 5750-1-40146 exactly once.");
  });

  it("queued, and PUBLISH had not reached the broker", () => {
    const story = stored().line("power off").line("power on").packet("TCP open").packet("PUBLISH", { dup: true });
    const { said } = story.only;
    assert.equal(said["Sent again"], "PUBLISH 1, for the first time that the broker saw it.");
    assert.match(said["Delivered once"] ?? "", /takes it over, and passes it on once/);
  });

  it("queued, and the broker has lost its session: nobody but a subscriber can know the repeat", () => {
    const story = stored().packet("PUBLISH").line("power off").line("power on").packet("TCP open");
    story.packet("PUBLISH", { dup: true }).packet("CONNACK", { detail: "accepted, no session" });
    assert.match(story.only.said["Delivered once"] ?? "", /a subscriber knows it by the alert's id/);
    story.arrived().arrived().line("delivered", "5750-1-40146");
    assert.equal(story.only.said["Seen"], "The independent subscriber has 5750-1-40146 2 times.");
  });

  it("received: only PUBREL, which carries no message", () => {
    const story = stored().packet("PUBLISH").packet("PUBREC").line("received", "5750-1-40146").line("power off");
    story.packet("PUBREL").line("power on").packet("TCP open").packet("PUBREL");
    const { said } = story.only;
    assert.match(said["Flash kept it"] ?? "", /marked received: the broker had said so \(PUBREC\)/);
    assert.equal(said["Sent again"], "No PUBLISH, only PUBREL 1 once more, which ends the exchange.");
    assert.match(said["Delivered once"] ?? "", /carries no message/);
  });

  it("the mark was made, and the box had no time to say so: what it sends tells", () => {
    const story = stored().packet("PUBLISH").packet("PUBREC").line("power off").line("power on");
    story.packet("TCP open").packet("PUBREL");
    const { said } = story.only;
    assert.match(said["Flash kept it"] ?? "", /marked received/);
    assert.equal(said["Sent again"], "No PUBLISH, only PUBREL 1, which ends the exchange.");
  });

  it("takes what was still on its way for what it is: sent before", () => {
    const story = stored().line("power off").packet("PUBLISH").line("power on");
    assert.deepEqual(Object.keys(story.only.said), ["Flash kept it", "Next"]);
    story.packet("TCP open").packet("PUBLISH", { dup: true });
    assert.match(story.only.said["Sent again"] ?? "", /once more/);
  });

  it("is told for a reset and a crash, too, under the chapter that they begin", () => {
    assert.match(stored().line("reset").only.said["Flash kept it"] ?? "", /When the box was reset,/);
    const crash = stored().line("crash", "the watchdog bites", { source: "crash" }).only;
    assert.equal(crash.heading, "Crash");
    assert.match(crash.said["Flash kept it"] ?? "", /When the firmware crashed,/);
  });

  it("is told anew when the power fails once more", () => {
    const story = stored().line("power off").line("power on").line("boot", "power").line("power off").line("power on");
    story.packet("TCP open").packet("PUBLISH", { dup: true }).line("delivered", "5750-1-40146");
    const [first, second] = story.accounts.map(([, account]) => account);
    assert.deepEqual(first?.points[1], [
      "Then",
      "It stopped once more before this was done; what came after is told below.",
    ]);
    assert.equal(second?.state, "ended");
    assert.equal(story.accounts.length, 2);
  });

  it("is told of each alert that waited, and of none that a factory reset has erased", () => {
    const story = stored().line("stored", "5750-2-40146").line("power off").line("power on");
    assert.deepEqual(
      story.accounts.map(([, { alert }]) => alert),
      ["5750-1-40146", "5750-2-40146"],
    );
    assert.deepEqual(stored().line("factory-reset", "").line("power off").accounts, []);
  });
});

describe("host-sim/page/account, on a bench", () => {
  let running: RunningBench;

  afterEach(() => running.close());

  const moments: readonly (readonly [when: string, met: () => boolean, sent: RegExp])[] = [
    ["is stored", () => running.words().includes("stored"), /^PUBLISH 1/],
    ["has its PUBREC", () => running.words().includes("received"), /^No PUBLISH, only PUBREL 1/],
  ];
  for (const [when, met, sent] of moments) {
    it(`tells the truth of a power cut when the alert ${when}`, async () => {
      running = await RunningBench.start();
      await running.online();
      running.act({ type: "fault", fault: "slow-network", on: true });
      running.act({ type: "press", board: 0 });
      await running.until(met);
      running.act({ type: "blackout", board: 0 });
      await running.until(() => running.words().includes("delivered") && running.words().includes("arrived"));
      const chapters = new Chapters();
      for (const line of running.lines) chapters.add(line);
      const [account, ...others] = [...accountsOf(chapters.list, running.bench.snapshot().packets).values()].flat();
      assert.equal(others.length, 0);
      const said = Object.fromEntries(account?.points ?? []);
      const id = idOf((running.bench.boards[0] as BenchBoard).board, 1);
      assert.match(said["Sent again"] ?? "", sent);
      assert.equal(said["Seen"], `The independent subscriber has ${id} exactly once.`);
      assert.deepEqual([account?.alert, account?.state], [id, "ended"]);
    });
  }
});
