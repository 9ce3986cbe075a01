// Names to addresses in a world with a router: answers, no answers, late answers, and the text of addresses.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Random } from "../../host-sim/random.js";
import type { Resolver } from "../../src/device/resolver.js";
import { Rig } from "./fixtures/adapters/rig.js";

const BROKER = "10.0.0.2";

/** A box that has joined, and what its resolver says. */
function joined(): { rig: Rig; resolver: Resolver; ask: (host: string) => void; told: string[] } {
  const rig = new Rig();
  rig.joinHome();
  return { rig, ...asking(rig) };
}

function asking(rig: Rig): { resolver: Resolver; ask: (host: string) => void; told: string[] } {
  const resolver = new rig.adapters.Resolver();
  const told: string[] = [];
  return {
    resolver,
    told,
    ask: (host) => {
      const before = told.length;
      resolver.resolve(host, (address) => told.push(`${host} ${address}`));
      assert.equal(told.length, before, "never from inside the call");
    },
  };
}

describe("Resolver", () => {
  it("finds a name, and says when there is none", () => {
    const { rig, ask, told } = joined();
    ask("broker.local");
    rig.world.run(20_000);
    ask("nowhere.local");
    rig.world.run(20_000);
    assert.deepEqual(told, [`broker.local ${BROKER}`, "nowhere.local undefined"]);
  });

  it("gives a dotted address back, in a later turn too", () => {
    const { rig, ask, told } = joined();
    ask("192.168.1.10");
    rig.world.run(1);
    assert.deepEqual(told, ["192.168.1.10 192.168.1.10"]);
  });

  it("says that there is none when the router does not answer, and without a network", () => {
    const { rig, ask, told } = joined();
    rig.world.network.blackHole("10.0.0.1");
    ask("broker.local");
    rig.world.run(60_000);
    assert.deepEqual(told, ["broker.local undefined"]);
    const alone = new Rig();
    const other = asking(alone);
    other.ask("broker.local");
    alone.world.run(1000);
    assert.deepEqual(other.told, ["broker.local undefined"]);
  });

  it("drops the answer to the question before: only the latest is answered, once", () => {
    const { rig, ask, told } = joined();
    rig.world.network.name("second.local", "10.0.0.3");
    ask("broker.local");
    ask("second.local");
    rig.world.run(60_000);
    assert.deepEqual(told, ["second.local 10.0.0.3"]);
    ask("broker.local");
    rig.world.run(60_000);
    assert.deepEqual(told.slice(1), [`broker.local ${BROKER}`]);
  });

  it("says nothing after cancel, and answers the next question", () => {
    const { rig, resolver, ask, told } = joined();
    ask("broker.local");
    resolver.cancel();
    rig.world.run(60_000);
    assert.deepEqual(told, []);
    resolver.cancel();
    ask("broker.local");
    rig.world.run(60_000);
    assert.deepEqual(told, [`broker.local ${BROKER}`]);
  });

  it("a question that came while an old one hung without answer is answered in the end", () => {
    const { rig, resolver, ask, told } = joined();
    rig.world.network.blackHole("10.0.0.1");
    ask("slow.local");
    rig.world.run(1000);
    resolver.cancel();
    ask("broker.local");
    rig.world.network.blackHole("10.0.0.1", false);
    rig.world.run(60_000);
    assert.deepEqual(told, [`broker.local ${BROKER}`]);
  });

  it("two resolvers do not mix up their answers", () => {
    const { rig, ask, told } = joined();
    const other = asking(rig);
    rig.world.network.name("second.local", "10.0.0.3");
    ask("broker.local");
    other.ask("second.local");
    rig.world.run(60_000);
    assert.deepEqual([told, other.told], [[`broker.local ${BROKER}`], ["second.local 10.0.0.3"]]);
  });
});

describe("dotted and putAddress", () => {
  const { dotted, putAddress } = new Rig().adapters;

  it("are each other's reverse, at any place, and touch four bytes only", () => {
    const random = new Random(11);
    for (let i = 0; i < 500; i += 1) {
      const address = [0, 1, 2, 3].map(() => random.integer(256));
      const bytes = new Uint8Array(10).fill(0xee);
      const at = random.integer(7);
      putAddress(address.join("."), bytes, at);
      assert.deepEqual([...bytes.subarray(at, at + 4)], address);
      assert.equal(bytes.filter((byte) => byte === 0xee).length >= 6, true);
      assert.equal(dotted(bytes, at), address.join("."));
    }
    const edges = new Uint8Array(6).fill(0xee);
    putAddress("255.0.10.200", edges, 1);
    assert.deepEqual([...edges], [0xee, 255, 0, 10, 200, 0xee]);
  });
});

describe("isAddress", () => {
  const { isAddress } = new Rig().adapters;

  for (const text of ["0.0.0.0", "10.0.0.2", "255.255.255.255"]) {
    it(`${text} needs no lookup`, () => assert.equal(isAddress(text), true));
  }
  for (const text of ["", "localhost", "broker.local", "1.2.3", "1.2.3.4.5", "10.0.0.2a", "a.0.0.2", "1.2.3.-4"]) {
    it(`"${text}" needs one`, () => assert.equal(isAddress(text), false));
  }
});
