// The command line of `npm run fleet`: what it asks for, and what it says when it cannot be followed.

import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, it } from "mocha";
import { Failure } from "../../../board/report.js";
import { type FleetOrder, fleetOrder } from "../../../host-sim/fleet/order.js";

function accept(...args: string[]): FleetOrder {
  const order = fleetOrder(args);
  assert.ok(order);
  return order;
}

function refuse(...args: string[]): string {
  try {
    fleetOrder(args);
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.equal(error.status, 2);
    return error.message;
  }
  return assert.fail(`${args.join(" ")} was accepted`);
}

describe("host-sim/fleet: the order", () => {
  it("has sensible defaults, and no more threads than boards", () => {
    assert.deepEqual(accept(), {
      boards: 100,
      rate: 1,
      broker: undefined,
      mode: "mains",
      duration: 60,
      faults: [],
      restartCommand: undefined,
      ramp: 50,
      patience: 120,
      root: "mresetar/alertbox",
      seed: 1,
      threads: Math.min(100, availableParallelism()),
      json: undefined,
      svg: undefined,
    });
    assert.equal(accept("--boards", "1", "--threads", "8").threads, 1);
    assert.equal(fleetOrder(["--help"]), undefined);
  });

  it("reads rates over any time", () => {
    assert.equal(accept("--rate", "5/s").rate, 5);
    assert.equal(accept("--rate", "2.5").rate, 2.5);
    assert.equal(accept("--rate", "30/min").rate, 0.5);
    assert.equal(accept("--rate", "36/h").rate, 0.01);
    for (const text of ["0/s", "fast", "5/week", "1s"]) assert.match(refuse("--rate", text), /--rate is presses/);
  });

  it("reads faults with their times", () => {
    const faults = "broker-restart@30,no-wifi@10..12,outage@5";
    assert.deepEqual(accept("--faults", faults).faults, [
      { kind: "broker-restart", from: 30, to: 32 },
      { kind: "no-wifi", from: 10, to: 12 },
      { kind: "outage", from: 5, to: 15 },
    ]);
  });

  it("says what is wrong with a fault", () => {
    for (const [text, words] of [
      ["earthquake@3", /"earthquake@3" is none; it is NAME@FROM or NAME@FROM\.\.TO with one of broker-restart, /],
      ["no-wifi", /"no-wifi" is none/],
      ["no-wifi@9..9", /no-wifi@9\.\.9 ends before it begins/],
      ["no-wifi@60", /begins after the presses, which end after 60 s/],
      ["broker-restart@5..9", /broker-restart has no end/],
    ] as const) {
      assert.match(refuse("--faults", text), words);
    }
    assert.match(refuse("--broker", "10.0.0.2", "--faults", "broker-down@5"), /leave out --broker/);
    assert.match(refuse("--broker", "10.0.0.2", "--faults", "broker-restart@5"), /needs --restart-command/);
    assert.equal(
      accept("--broker", "10.0.0.2", "--faults", "broker-restart@5", "--restart-command", "true").restartCommand,
      "true",
    );
  });

  it("takes a broker's address, and never repeats its password", () => {
    assert.deepEqual(accept("--broker", "mqtt://me:se%40cret@host:1884").broker, {
      host: "host",
      port: 1884,
      user: "me",
      password: "se@cret",
    });
    assert.match(refuse("--broker", "mqtts://host"), /without TLS/);
    assert.doesNotMatch(refuse("--broker", "mqtt://me:secret@host:99999"), /secret/);
  });

  it("says what else is wrong", () => {
    assert.match(refuse("--boards", "0"), /--boards is a whole number from 1 to 20000/);
    assert.match(refuse("--mode", "solar"), /--mode is mains or battery/);
    assert.match(refuse("--root", "home/+"), /--root is a topic/);
    assert.match(refuse("--colour"), /--colour/);
  });
});
