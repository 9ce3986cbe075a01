// Trouble with the broker: refusals, lost sessions, lost answers, half-open connections, packets before CONNACK
// disliked.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { World } from "../../host-sim/world.js";
import { idOf, idsOf } from "../alert-id.js";
import { ALERT, alerts, asleep, connected, pressAndSleep, ROOT, untilSaid, words } from "./story.js";

function ids(world: World): unknown[] {
  return alerts(world).map((alert) => alert["id"]);
}

function count(world: World, word: string): number {
  return words(world.board).filter((said) => said === word).length;
}

describe("a broker that refuses", () => {
  it("bad user name or password: said once, the alert kept, no hammering, not sent shown", () => {
    const users = { box: "right" };
    const world = new World({ broker: { users }, board: { settings: { user: "box", password: "wrong" } } });
    assert.ok(untilSaid(world, "failed"));
    const { board } = world;
    let connections = 0;
    board.on((event) => {
      if (event.type === "socket" && event.word === "opening") connections += 1;
    });
    world.run(3600000);
    assert.equal(connections, 0, "an hour without a single attempt");
    world.press();
    world.run(3600000);
    assert.equal(connections, 1, "one attempt for one press");
    const refusals = board.steps.filter((step) => step.detail.startsWith("refused"));
    assert.deepEqual([...new Set(refusals.map((step) => step.detail))], ["refused: bad user name or password"]);
    assert.equal(refusals.length, 2, "once at start, once for the press");
    assert.deepEqual(alerts(world), []);
    users.box = "wrong";
    world.press();
    world.run(10000);
    assert.deepEqual(ids(world), idsOf(world.board, 2));
    assert.deepEqual(world.broker.violations, []);
  });

  it("battery: shows stored but not sent, sleeps, and the next press tries again", () => {
    const users = { box: "right" };
    const settings = { user: "box", password: "wrong" };
    const world = asleep(new World({ broker: { users }, board: { wiring: "rst+gpio", settings } }));
    assert.ok(pressAndSleep(world));
    assert.ok(words(world.board).includes("not-sent"));
    const boots = world.board.boots;
    world.run(24 * 3600000);
    assert.equal(world.board.boots, boots, "what no retry can heal is not retried by the timer");
    users.box = "wrong";
    assert.ok(pressAndSleep(world));
    assert.deepEqual(ids(world), idsOf(world.board, 2));
  });

  it("server unavailable: tries again with growing delays, then delivers", () => {
    const world = new World();
    world.broker.refuse(3);
    assert.ok(untilSaid(world, "failed"));
    world.press();
    world.run(300000);
    const attempts = count(world, "connecting");
    assert.ok(attempts >= 4 && attempts < 40, `${attempts} attempts in five minutes`);
    assert.deepEqual(alerts(world), []);
    world.broker.refuse(0);
    world.run(120000);
    assert.deepEqual(alerts(world).length, 1);
    assert.ok(Number(alerts(world)[0]?.["try"]) >= attempts - 2, "the alert says how often it was tried");
    assert.equal(alerts(world)[0]?.["queued"], true);
  });
});

describe("a broker that forgets", () => {
  it("its session, between deliveries: the box goes on", () => {
    const world = connected(new World());
    world.broker.restart({ keepSessions: false });
    assert.ok(untilSaid(world, "connected", 120000));
    world.press();
    world.run(5000);
    assert.deepEqual(ids(world), [idOf(world.board, 1)]);
    assert.deepEqual(world.broker.violations, []);
  });

  it("its session, after PUBREC: the alert was the broker's, it is done, and not sent a second time", () => {
    const world = connected(new World());
    world.broker.hold("pubcomp");
    world.press();
    assert.ok(untilSaid(world, "received"));
    world.broker.restart({ keepSessions: false });
    world.broker.release("pubcomp");
    assert.ok(untilSaid(world, "delivered", 120000));
    const publishes = world.broker.messages(ALERT).length;
    world.run(10000);
    // This broker passes a message on at PUBREL, so what it had taken over at PUBREC it has lost itself.
    assert.equal(publishes, 0);
    assert.deepEqual(ids(world), []);
    world.press();
    world.run(5000);
    assert.deepEqual(ids(world), [idOf(world.board, 2)]);
  });

  it("nothing, over a restart with its sessions: exactly once", () => {
    const world = connected(new World());
    for (const kind of ["pubrec", "pubcomp"] as const) {
      world.broker.hold(kind);
      world.press();
      world.run(1000);
      world.broker.restart({ keepSessions: true });
      world.broker.release(kind);
      assert.ok(untilSaid(world, "delivered", 120000), kind);
    }
    assert.deepEqual(ids(world), idsOf(world.board, 2));
    assert.deepEqual(world.broker.violations, []);
  });
});

describe("a broker whose answers get lost", () => {
  for (const kind of ["pubrec", "pubcomp", "connack", "suback", "puback", "pingresp"] as const) {
    it(`${kind}: the deadline of that state ends the connection, and the alert arrives exactly once`, () => {
      const world = connected(new World({ board: { settings: { keepAliveSeconds: 10 } } }));
      world.broker.lose(kind, 1);
      world.network.dropConnections();
      world.run(60000);
      world.press();
      world.run(180000);
      assert.deepEqual(ids(world), [idOf(world.board, 1)]);
      assert.deepEqual(world.broker.violations, []);
      assert.equal(world.broker.clients.length, 1);
    });
  }

  it("a connection that has died silently is noticed by the keep-alive and made anew", () => {
    const world = connected(new World({ board: { settings: { keepAliveSeconds: 10 } } }));
    world.network.halfOpen();
    assert.ok(untilSaid(world, "failed", 30000));
    assert.ok(untilSaid(world, "connected", 120000));
    world.press();
    world.run(5000);
    assert.equal(alerts(world).length, 1);
  });
});

describe("a broker that closes on packets before CONNACK", () => {
  it("gets the plain order from then on, and the box remembers it over sleep", () => {
    const world = asleep(new World({ broker: { closeOnPipelining: true }, board: { wiring: "rst" } }));
    assert.ok(pressAndSleep(world));
    assert.deepEqual(ids(world), [idOf(world.board, 1)]);
    assert.equal(count(world, "plain-order"), 1);
    assert.ok(pressAndSleep(world));
    assert.deepEqual(ids(world), idsOf(world.board, 2));
    assert.equal(count(world, "plain-order"), 1, "not learned a second time");
  });
});

describe("a router that comes and goes", () => {
  it("presses while it is away are delivered in order when it is back", () => {
    const world = connected(new World());
    world.wifi.down();
    for (let i = 0; i < 10; i += 1) {
      world.press();
      world.run(1000);
    }
    assert.deepEqual(ids(world), []);
    world.wifi.up();
    world.run(180000);
    assert.deepEqual(ids(world), idsOf(world.board, 10));
    assert.deepEqual(world.broker.violations, []);
  });

  it("the first network is tried first, the second when the first is away", () => {
    const wifi = [
      { ssid: "home", password: "correct horse" },
      { ssid: "shed", password: "" },
    ];
    const world = new World({ board: { settings: { wifi } } });
    world.airspace.add({ ssid: "shed", password: "" });
    world.wifi.down();
    assert.ok(untilSaid(world, "connected", 120000));
    assert.ok(world.board.steps.some((step) => step.word === "joining" && step.detail === "shed"));
  });

  it("a wrong Wi-Fi password is named once, and the box keeps trying", () => {
    const world = new World({ board: { settings: { wifi: [{ ssid: "home", password: "wrong password" }] } } });
    assert.ok(untilSaid(world, "failed"));
    world.run(600000);
    const failures = world.board.steps.filter((step) => step.word === "failed");
    assert.deepEqual(
      failures.map((step) => step.detail),
      ["no Wi-Fi: wrong password"],
    );
    assert.ok(count(world, "joining") > 3);
  });
});

describe("announcements", () => {
  it("state tells the counts and the times, and holds no secret", () => {
    const world = connected(new World());
    world.press();
    world.run(5000);
    const text = world.broker.retained(`${ROOT}/state`)?.payload ?? "";
    const state = JSON.parse(text) as Record<string, unknown>;
    assert.equal(state["pushes"], 1);
    assert.equal(state["pending"], 0);
    assert.equal(state["reset"], "power-on");
    assert.ok(Number(state["wifiMs"]) > 0);
    assert.ok(!text.includes("horse"));
  });

  it("no secret is in any topic, payload or line of the log", () => {
    const users = { box: "very secret" };
    const world = connected(
      new World({ broker: { users }, board: { settings: { user: "box", password: "very secret" } } }),
    );
    world.press();
    world.run(5000);
    world.cutPower();
    world.run(200000);
    for (const message of world.broker.messages("#")) {
      assert.ok(!/secret|horse/.test(message.topic + message.payload), message.topic);
    }
    for (const line of world.board.log) assert.ok(!/secret|horse/.test(line), line);
  });
});
