// Misuse by the application: every option is checked before anything is taken, and every message says what to do.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Rig } from "./client-rig.js";

describe("MqttClientOptions", () => {
  /** A board on the Wi-Fi whose client is connected, with its class for more of them. */
  const rig = new Rig().connected();

  const wrong: readonly [what: string, options: object, expected: RegExp][] = [
    ["no host", { host: undefined }, /host is missing: give the broker's name/],
    ["an empty host", { host: "" }, /host is missing/],
    ["port 0", { port: 0 }, /port is 0; it must be a whole number from 1 to 65535/],
    ["a port beyond 65535", { port: 65_536 }, /port is 65536/],
    ["a keepAlive below 0", { keepAlive: -1 }, /keepAlive is -1/],
    ["a keepAlive beyond 65535 s", { keepAlive: 65_535_001 }, /keepAlive is 65535001/],
    ["another format", { format: "number" }, /only "buffer" is known/],
    ["a socket without a class", { socket: {} }, /socket.io is missing: give the class/],
    ["a dns without a class", { dns: { servers: [] } }, /dns.io is missing/],
    ["a callback that is none", { onReadable: true }, /onReadable must be a function/],
    ["a store without a method", { store: { pending() {}, received() {} } }, /store.delivered must be a function/],
    ["a minimum of 0", { reconnect: { minimum: 0 } }, /reconnect.minimum is 0/],
    ["a maximum below the minimum", { reconnect: { minimum: 10, maximum: 5 } }, /reconnect.maximum is 5/],
    ["a negative stable", { reconnect: { stable: -1 } }, /reconnect.stable is -1/],
    ["a budget too small", { budget: { receive: 10 } }, /budget.receive is 10/],
    ["a budget that CONNECT does not fit", { id: "i".repeat(600) }, /make budget.send at least/],
    ["no id for a persistent session", { id: "", clean: false }, /empty client id needs clean/],
    ["a password without a user", { password: "x" }, /password needs a user name/],
    ["a password that is none", { user: "u", password: 1 }, /must be a string, a buffer or a view/],
    ["a will with a wildcard", { will: { topic: "a/#" } }, /#|wildcard/],
    ["a will with QoS 3", { will: { topic: "a", QoS: 3 } }, /QoS/],
  ];

  for (const [what, options, expected] of wrong) {
    it(`refuses ${what}, and takes nothing`, () => {
      const given = Object.freeze({ host: "10.0.0.2", ...options });
      assert.throws(() => new rig.Client(given as never), expected);
    });
  }

  it("refuses no options at all", () => {
    assert.throws(() => new rig.Client(undefined as never), /host is missing/);
  });

  it("has taken no socket and no timer for any of them", () => {
    rig.run(30_000);
    assert.equal(rig.world.network.connections, 1);
    assert.equal(rig.world.broker.connects.length, 1);
  });

  it("leaves the options as they are", () => {
    const options = Object.freeze({
      host: "broker.local",
      reconnect: Object.freeze({}),
      will: Object.freeze({ topic: "w" }),
    });
    rig.call(() => new rig.Client(options)).close();
  });

  it("makes the largest window at least as wide as the first", () => {
    rig.call(() => new rig.Client({ host: "broker.local", reconnect: { minimum: 90_000 } })).close();
  });

  const misused: readonly [what: string, data: unknown, options: object, expected: RegExp][] = [
    ["an operation of the client's own", null, { operation: 14 }, /operation 14 is the client's own.*close\(\)/],
    ["SUBSCRIBE without items", null, { operation: 8, topic: "a" }, /items is missing/],
    ["SUBSCRIBE with an id", null, { operation: 8, items: [{ topic: "a" }], id: 1 }, /leave id out here/],
    ["SUBSCRIBE with no item", null, { operation: 8, items: [] }, /./],
    ["SUBSCRIBE with QoS 3", null, { operation: 8, items: [{ topic: "a", QoS: 3 }] }, /QoS/],
    ["UNSUBSCRIBE with a wrong filter", null, { operation: 10, items: [{ topic: "a/#/b" }] }, /#/],
    ["PUBLISH without a topic", "x", {}, /topic/],
    ["PUBLISH with QoS 3", "x", { topic: "a", QoS: 3 }, /QoS is 3/],
    ["PUBLISH with a wildcard", "x", { topic: "a/+" }, /wildcard|\+/],
    ["PUBLISH with id 0", "x", { topic: "a", QoS: 1, id: 0 }, /id is 0/],
    ["PUBLISH with an id for QoS 0", "x", { topic: "a", id: 1 }, /leave it out/],
    ["PUBLISH of something else", 5, { topic: "a" }, /must be a string, a buffer or a view/],
    ["PUBLISH with a topic beyond the budget", "x", { topic: "t".repeat(600) }, /make budget.send larger/],
  ];

  for (const [what, data, options, expected] of misused) {
    it(`write: refuses ${what}`, () => {
      assert.throws(() => rig.write(data as string, options), expected);
    });
  }

  it("has sent nothing of all that", () => {
    rig.run(1000);
    assert.deepEqual(rig.messages, []);
    rig.done();
  });
});
