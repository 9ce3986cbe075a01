// The table of differences to mqtt-packet and JSON.parse: each of them shown by an example, with who takes it and who
// refuses it; and one that is not in the table is a failure.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import mqttPacket from "mqtt-packet";
import { JSON_DIFFERENCES, PACKET_DIFFERENCES } from "../../host-sim/fuzz/differences.js";
import { loadSources } from "../../host-sim/fuzz/sources.js";
import { TARGETS } from "../../host-sim/fuzz/targets.js";
import { JsonReader } from "../../src/alertbox/json.js";
import { decode, hex } from "../mqtt/recorder.js";

/** One packet for each difference. */
const PACKETS: Readonly<Record<string, string>> = Object.freeze({
  "client-packet": "e0 00",
  "dup-with-qos-0": "38 03 00 01 61",
  "publish-too-short": "32 03 00 01 61 00 07",
  "topic-empty": "30 03 00 00 61",
  "topic-ill-formed": "30 03 00 01 ff",
  "topic-with-nul": "30 03 00 01 00",
  "topic-with-wildcard": "30 05 00 03 61 2f 23",
  "publish-id-0": "32 05 00 01 61 00 00",
  "fixed-length": "40 03 00 01 00",
  "ack-id-0": "40 02 00 00",
  "suback-without-codes": "90 02 00 01",
  "suback-too-long": `90 41 00 01${" 00".repeat(63)}`,
  "suback-code": "90 03 00 01 03",
});

const TEXTS: Readonly<Record<string, string>> = Object.freeze({
  "json-too-deep": "[[[[[]]]]]",
  "json-too-many": `[${"1,".repeat(33)}1]`,
  "json-proto": '{"__proto__":1}',
  "json-half-pair": '"\\ud83d"',
});

function isTakenByOther(packet: Uint8Array): boolean {
  let packets = 0;
  let errors = 0;
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on("packet", () => {
    packets += 1;
  });
  parser.on("error", () => {
    errors += 1;
  });
  parser.parse(Buffer.from(packet));
  return packets > 0 && errors === 0;
}

function isTakenByUs(text: string): boolean {
  try {
    const reader = new JsonReader(new Uint8Array(Buffer.from(text)));
    while (reader.step());
    return true;
  } catch {
    // That is the answer.
    return false;
  }
}

describe("differences to others", () => {
  for (const { id, accepts, why, statement } of PACKET_DIFFERENCES) {
    it(`${id}: ${accepts} takes it; ${statement}`, async () => {
      const packet = hex(PACKETS[id] as string);
      assert.ok(why.endsWith("."), "it says why");
      assert.equal(isTakenByOther(packet), accepts === "other");
      assert.equal(
        decode(packet).some((line) => line.startsWith("malformed")),
        accepts === "other",
      );
      // The fuzzer notices the difference, and finds this line of the table.
      const target = TARGETS.decoder.make(await loadSources());
      target.run(Uint8Array.of(4, 0, 0, 0, ...packet));
      assert.equal(target.reached[`difference ${id}`], 1, JSON.stringify(target.reached));
    });
  }

  for (const { id, accepts, why } of JSON_DIFFERENCES) {
    it(`${id}: ${accepts} takes it`, async () => {
      const text = TEXTS[id] as string;
      assert.ok(why.endsWith("."), "it says why");
      assert.doesNotThrow(() => void JSON.parse(text));
      assert.equal(isTakenByUs(text), false);
      const target = TARGETS.settings.make(await loadSources());
      target.run(Uint8Array.of(0, ...Buffer.from(text)));
      assert.ok((target.reached[`difference ${id}`] ?? 0) > 0, JSON.stringify(target.reached));
    });
  }

  it("each is in the table once", () => {
    const ids = [...PACKET_DIFFERENCES, ...JSON_DIFFERENCES].map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual([...Object.keys(PACKETS), ...Object.keys(TEXTS)].sort(), ids.sort());
  });

  it("one that the table does not explain is a failure", async () => {
    const sources = await loadSources();
    // A decoder that refuses a PINGRESP; no line of the table says so.
    const decoder = {
      ...sources.decoder,
      decode(me: InstanceType<typeof sources.decoder.Decoder>, count: number): void {
        if (me.held + count > 0 && me.bytes[0] === 0xd0) {
          sources.decoder.reset(me, true);
          me.onMalformed("not today", "");
        } else sources.decoder.decode(me, count);
      },
    };
    const target = TARGETS.decoder.make({ ...sources, decoder });
    assert.throws(() => target.run(Uint8Array.of(4, 7, 0, 0, 0xd0, 0)), /a difference to mqtt-packet is explained/);
  });
});
