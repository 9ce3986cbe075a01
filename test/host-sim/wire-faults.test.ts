// The parts of the faults on the way: order in spite of delays, where packets begin, and who is told of what. What a
// board and a server see of them is in real-network.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { generate } from "mqtt-packet";
import { SteppedClock } from "../../host-sim/clock.js";
import { Delay, PacketType, PacketWalk, slowMs, WireFaults } from "../../host-sim/wire-faults.js";

describe("host-sim/wire-faults", () => {
  it("delays nothing unless the network is slow, and tells open connections of silence once per switch", () => {
    const faults = new WireFaults();
    let silences = 0;
    const end = faults.onSilence(() => silences++);
    faults.set("slow-network", true);
    assert.deepEqual([faults.delayMs, faults.has("slow-network"), faults.has("half-open")], [slowMs, true, false]);
    faults.set("slow-network", false);
    assert.equal(faults.delayMs, 0);
    faults.set("half-open", true);
    faults.set("half-open", true);
    assert.equal(silences, 1);
    faults.set("half-open", false);
    faults.set("half-open", true);
    assert.equal(silences, 2);
    end();
    faults.set("half-open", false);
    faults.set("half-open", true);
    assert.equal(silences, 2);
  });

  it("keeps the order of segments, also when a faster one follows a slow one", () => {
    const clock = new SteppedClock();
    const delay = new Delay(clock);
    const heard: string[] = [];
    const note = (name: string) => () => heard.push(`${clock.now} ${name}`);
    delay.carry(0, note("at once"));
    delay.carry(500, note("a"));
    clock.run(100);
    delay.carry(500, note("b"));
    delay.carry(0, note("c"));
    clock.run(500);
    delay.carry(0, note("d"));
    assert.deepEqual(heard, ["0 at once", "500 a", "600 b", "600 c", "600 d"]);
  });

  /** A PUBLISH of 300 bytes, one with an empty payload, PUBCOMP and PINGRESP. */
  const long = generate({ cmd: "publish", topic: "t", payload: "p".repeat(300), qos: 0, dup: false, retain: false });
  const short = generate({ cmd: "publish", topic: "topic", payload: "", qos: 0, dup: false, retain: false });
  const pubcomp = generate({ cmd: "pubcomp", messageId: 0x7070 });
  const pingresp = generate({ cmd: "pingresp" });
  const stream = Buffer.concat([pingresp, long, short, pingresp, pubcomp, pubcomp]);

  it("finds where a packet of a kind begins, however the stream is cut into pieces", () => {
    const begin = stream.length - 2 * pubcomp.length;
    for (let size = 1; size <= stream.length; size++) {
      const walk = new PacketWalk();
      let found: number | undefined;
      for (let at = 0; at < stream.length && found === undefined; at += size) {
        const offset = walk.feed(stream.subarray(at, at + size), PacketType.PUBCOMP);
        if (offset !== undefined) found = at + offset;
      }
      assert.equal(found, begin, `pieces of ${size}`);
      assert.equal(walk.whole, 4);
    }
  });

  it("counts whole packets when it looks for none, and takes bytes of a payload for nothing else", () => {
    const walk = new PacketWalk();
    assert.equal(walk.feed(stream), undefined);
    assert.equal(walk.whole, 6);
    const inside = generate({ cmd: "publish", topic: "t", payload: "pppp", qos: 0, dup: false, retain: false });
    assert.equal("p".charCodeAt(0) >> 4, PacketType.PUBCOMP);
    assert.equal(walk.feed(inside, PacketType.PUBCOMP), undefined);
    assert.equal(walk.feed(pingresp.subarray(0, 1)), undefined);
    assert.equal(walk.whole, 7);
  });
});
