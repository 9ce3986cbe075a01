// §4.7 of the standard: topic names and topic filters, which of them exist and which match.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { matches } from "../../src/mqtt/topic.js";
import { publish, Rig } from "../mqtt/peer.js";
import { answer, closes, MESSAGE, refuses } from "./script.js";

describe("conformance: topics (§4.7)", () => {
  /** A filter is taken by SUBSCRIBE and UNSUBSCRIBE, or by neither. */
  function isTaken(topic: string, error: RegExp): boolean {
    const rig = new Rig({}, { send: 140_000 }).open();
    try {
      rig.session.subscribe([{ topic, qos: 0 }], 0);
    } catch {
      refuses(rig, () => rig.session.subscribe([{ topic, qos: 0 }], 0), error);
      refuses(rig, () => rig.session.unsubscribe([topic], 0), error);
      return false;
    }
    rig.session.unsubscribe([topic], 0);
    assert.equal(rig.bytes(140_000).length > 0, true);
    return true;
  }

  it("[MQTT-4.7.1-1] takes wildcards in filters, and in no topic of a message", () => {
    const rig = new Rig().open();
    for (const topic of ["#", "+", "a/#", "+/a"]) {
      assert.equal(isTaken(topic, /never/), true, topic);
      refuses(rig, () => rig.session.publish({ ...MESSAGE, topic }, 0), /MQTT-3.3.2-2/);
    }
    closes("30 06 00 03 61 2f 2b 78", "malformed MQTT-3.3.2-2");
  });

  it("[MQTT-4.7.1-2] takes # only alone in the last level", () => {
    for (const topic of ["#", "/#", "a/#", "a/b/#", "+/#"]) assert.equal(isTaken(topic, /never/), true, topic);
    for (const topic of ["a#", "#a", "a/#/b", "#/a", "##", "a/b#", "/#/"]) {
      assert.equal(isTaken(topic, /MQTT-4.7.1-2/), false, topic);
    }
  });

  it("[MQTT-4.7.1-3] takes + only alone in a level, which may be any", () => {
    for (const topic of ["+", "/+", "+/", "+/+", "a/+/b", "a/+/#"]) assert.equal(isTaken(topic, /never/), true, topic);
    for (const topic of ["a+", "+a", "++", "a/b+", "a/+b/c"]) {
      assert.equal(isTaken(topic, /MQTT-4.7.1-3/), false, topic);
    }
  });

  it("[MQTT-4.7.2-1] a filter that begins with a wildcard matches no topic that begins with $", () => {
    for (const filter of ["#", "+", "+/x", "+/#"]) assert.equal(matches(filter, "$SYS/x"), false, filter);
    for (const filter of ["$SYS/#", "$SYS/+", "$SYS/x"]) assert.equal(matches(filter, "$SYS/x"), true, filter);
  });

  it("[MQTT-4.7.3-1] sends no topic and no filter without a character, and closes on one; / alone is one", () => {
    const rig = new Rig().open();
    refuses(rig, () => rig.session.publish({ ...MESSAGE, topic: "" }, 0), /MQTT-4.7.3-1/);
    assert.throws(() => new Rig({ will: { ...MESSAGE, topic: "" } }), /MQTT-4.7.3-1/);
    assert.equal(isTaken("", /MQTT-4.7.3-1/), false);
    assert.equal(isTaken("/", /never/), true);
    closes("30 03 00 00 78", "malformed MQTT-4.7.3-1");
    assert.deepEqual(answer("30 03 00 01 2f"), ["message q0 /: "]);
  });

  it("[MQTT-4.7.3-2] sends no topic and no filter with U+0000, and closes on one", () => {
    const rig = new Rig().open();
    refuses(rig, () => rig.session.publish({ ...MESSAGE, topic: "a\0" }, 0), /MQTT-4.7.3-2/);
    assert.equal(isTaken("a\0", /MQTT-4.7.3-2/), false);
    closes("30 04 00 02 61 00", "malformed MQTT-1.5.3-2");
  });

  it("[MQTT-4.7.3-3] sends topics and filters of up to 65535 bytes, counted as UTF-8", () => {
    const most = `${"č".repeat(32_767)}a`;
    const rig = new Rig({}, { send: 70_000 }).open();
    rig.session.publish({ ...MESSAGE, topic: most, payload: "" }, 0);
    assert.equal(rig.bytes(70_000).length, 1 + 3 + 2 + 65_535 + 2);
    refuses(rig, () => rig.session.publish({ ...MESSAGE, topic: `${most}a` }, 0), /MQTT-4.7.3-3/);
    assert.equal(isTaken(most, /never/), true);
    assert.equal(isTaken(`${most}a`, /MQTT-4.7.3-3/), false);
    assert.throws(() => new Rig({ will: { ...MESSAGE, topic: `${most}a` } }), /MQTT-4.7.3-3/);
  });

  it("[MQTT-4.7.3-3] takes topics of up to 65535 bytes, as far as its budget goes", () => {
    const topic = "t".repeat(65_535);
    const rig = new Rig({}, { topic: 65_535 }).open();
    rig.give(publish(topic, "x"));
    assert.deepEqual(rig.events(), [`message q0 ${topic}: x`]);
  });

  it("[MQTT-4.7.3-4] compares topics as they stand: letter by letter, composed or not, with each /", () => {
    for (const [filter, topic] of [
      ["A", "a"],
      ["é", "e\u0301"],
      ["/a", "a"],
      ["a", "a/"],
      [" a", "a"],
    ] as const) {
      assert.equal(matches(filter, topic), false, filter);
      assert.equal(matches(topic, topic), true, topic);
    }
  });
});
