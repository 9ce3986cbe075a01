// The way from a wake to sleep of a battery box, with and without the caches: how many round trips it takes, and what
// happens when what was remembered is no longer true.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { BoardEvent } from "../../host-sim/board.js";
import { World } from "../../host-sim/world.js";
import { idsOf } from "../alert-id.js";
import { alerts, asleep, pressAndSleep, words } from "./story.js";

/** Instants of what happened, by name; only the latest press counts. */
class Watch {
  readonly at = new Map<string, number>();

  constructor(world: World) {
    world.board.on((event: BoardEvent) => {
      if (event.type === "reset") this.at.clear();
      if (event.type === "step") this.at.set(event.word, event.at);
      if (event.type === "socket" && !this.at.has(`socket ${event.word}`))
        this.at.set(`socket ${event.word}`, event.at);
      if (event.type === "power") this.at.set(event.state, event.at);
    });
  }

  between(from: string, to: string): number {
    const start = this.at.get(from);
    const end = this.at.get(to);
    if (start === undefined || end === undefined) throw new Error(`no ${start === undefined ? from : to}`);
    return end - start;
  }
}

/** Two presses: the first fills the caches, the second uses them. */
function warm(options: ConstructorParameters<typeof World>[0] = {}): World {
  const world = asleep(new World({ ...options, board: { wiring: "rst", ...options.board } }));
  assert.ok(pressAndSleep(world));
  assert.ok(pressAndSleep(world));
  return world;
}

describe("a wake with warm caches", () => {
  it("20 ms round trips: PUBCOMP within 3 of them after TCP connect, asleep within 200 ms of PUBCOMP", () => {
    const world = warm({ latencyMs: 10, board: { settings: { quiet: true } } });
    const watch = new Watch(world);
    assert.ok(pressAndSleep(world));
    assert.ok(watch.between("socket open", "delivered") <= 3 * 20, `${watch.between("socket open", "delivered")} ms`);
    assert.ok(watch.between("delivered", "asleep") <= 200, `${watch.between("delivered", "asleep")} ms`);
    assert.deepEqual(world.broker.violations, []);
  });

  it("shows its second of quick blinks with the radio off by then, unless it is to be quiet", () => {
    const world = warm({ latencyMs: 10 });
    const watch = new Watch(world);
    world.press();
    assert.ok(world.runUntil(() => watch.at.has("delivered"), 5000));
    assert.ok(
      world.runUntil(() => !world.board.radioOn, 200),
      "the radio is off within 200 ms of PUBCOMP",
    );
    assert.ok(world.runUntil(() => world.board.state === "asleep", 5000));
    assert.ok(watch.between("delivered", "asleep") >= 950);
  });

  it("asks neither DHCP nor DNS, searches one channel, and derives no key", () => {
    const world = warm({ board: { settings: { host: "broker.local" } } });
    let lookups = 0;
    const resolve = world.network.resolve.bind(world.network);
    world.network.resolve = (...parameters) => {
      lookups += 1;
      resolve(...parameters);
    };
    const watch = new Watch(world);
    assert.ok(pressAndSleep(world));
    assert.equal(lookups, 0);
    assert.ok(watch.between("joining", "joined") < 500, `${watch.between("joining", "joined")} ms`);
    assert.equal(alerts(world).length, 3);
  });

  it("power lost: the caches in RTC memory are gone, and everything is found again", () => {
    const world = warm();
    world.cutPower();
    world.run(1000);
    world.board.powerOn();
    asleep(world);
    assert.ok(pressAndSleep(world));
    assert.equal(alerts(world).length, 3);
  });
});

describe("a wake with stale caches delivers in the same wake", () => {
  function stale(
    change: (world: World) => void,
    settings: Record<string, unknown> = {},
  ): { ms: number; said: string[] } {
    const world = warm({ board: { settings } });
    change(world);
    const watch = new Watch(world);
    const before = words(world.board).length;
    const boots = world.board.boots;
    assert.ok(pressAndSleep(world));
    assert.equal(world.board.boots, boots + 1, "one wake");
    assert.equal(alerts(world).at(-1)?.["queued"], undefined, "not a replay");
    assert.equal(alerts(world).length, 3);
    assert.deepEqual(world.broker.violations, []);
    const said = words(world.board).slice(before);
    assert.ok(said.includes("cache"), said.join(" "));
    // The next wake has caches again.
    assert.ok(pressAndSleep(world));
    const again = words(world.board).slice(before + said.length);
    assert.equal(again.includes("cache"), false, again.join(" "));
    return { ms: watch.between("joining", "delivered"), said };
  }

  it("the access point is on another channel", () => {
    stale((world) => {
      world.wifi.channel = 11;
    });
  });

  it("the access point was replaced by another of the same name", () => {
    stale((world) => {
      world.wifi.bssid = "02:00:00:00:00:99";
    });
  });

  it("the address belongs to another device now: no answer, and DHCP within 3 s", () => {
    stale((world) => world.wifi.giveAway("10.0.0.100"));
  });

  it("the broker's name leads elsewhere now", () => {
    stale(
      (world) => {
        world.moveBroker("10.0.0.77");
      },
      { host: "broker.local" },
    );
  });
});

describe("a wake that fails", () => {
  it("without a router it sleeps within the awake cap, and forgets only the cache", () => {
    const world = warm();
    world.wifi.down();
    world.press();
    world.run(200);
    const start = world.now;
    assert.ok(world.runUntil(() => world.board.state === "asleep", 60000));
    assert.ok(world.now - start <= 20000 + 6000 + 500);
    world.wifi.up();
    assert.ok(pressAndSleep(world));
    assert.deepEqual(
      alerts(world).map((alert) => alert["id"]),
      idsOf(world.board, 4),
    );
  });
});
