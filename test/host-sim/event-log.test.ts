// Packets and memory as lines: what is a line, what it says, and how the terminal and --json write it.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "mocha";
import { type Entry, EventLog, entryObject, formatEntry } from "../../host-sim/event-log.js";
import type { LogKind } from "../../host-sim/options.js";
import type { MemoryView, PacketView } from "../../host-sim/page/details.js";
import type { BenchEvent } from "../../host-sim/page/protocol.js";
import { Terminal } from "../../host-sim/terminal.js";
import { FakeStage } from "./fake-stage.js";

const PLAIN = { colour: false, unicode: true };

function packet(changes: Partial<PacketView>): BenchEvent {
  const base = { id: 1, board: 0, at: 1500, connection: 2, direction: "up", type: "PINGREQ", qos: undefined } as const;
  const empty = { retain: false, dup: false, packetId: undefined, topic: "", detail: "", length: 2, hex: "c0 00" };
  return { type: "packet", packet: { ...base, ...empty, breach: undefined, ...changes } };
}

const ALERT = packet({ type: "PUBLISH", qos: 2, packetId: 7, dup: true, topic: "a/alert", detail: '{"pushes":7}' });

function memory(bits: string, status: "queued" | "received", value: number): BenchEvent {
  const record = { sequence: 1, id: "5750-1-40146", sector: 0, offset: 64, bits, status, text: "press at 3300 mV" };
  const slot = { slot: 0, state: "empty", inForce: false, generation: undefined, text: "" } as const;
  const view: MemoryView = {
    board: 0,
    records: [record],
    journalUsed: 84,
    journalSize: 4096,
    slots: [slot],
    rtc: [
      { index: 32, value: 1000 + value, meaning: "checksum of what follows" },
      { index: 33, value, meaning: "layout 2" },
    ],
    budget: [],
    erases: 0,
    writes: 0,
  };
  return { type: "memory", memory: view };
}

function logOf(...kinds: LogKind[]): { readonly log: EventLog; readonly stage: FakeStage } {
  const stage = new FakeStage();
  return { log: new EventLog(kinds, stage.snapshot()), stage };
}

const texts = (entries: readonly Entry[], name = "") => entries.map((entry) => formatEntry(entry, name, PLAIN));

describe("host-sim/event-log", () => {
  it("writes a packet with its direction, flags, id, topic and payload", () => {
    const { log } = logOf("packets");
    assert.deepEqual(texts(log.entries(ALERT)), [
      '   1500 ms  → PUBLISH      QoS 2  again  id 7  a/alert  {"pushes":7}',
    ]);
    assert.deepEqual(texts(log.entries(packet({ direction: "down", type: "PUBREC", packetId: 7 })), "5750"), [
      "   1500 ms  5750     ← PUBREC       id 7",
    ]);
    const [entry] = log.entries(packet({ type: "PUBLISH", qos: 0, retain: true, topic: "t", detail: "a\x1b[2Jb" }));
    assert.ok(entry !== undefined);
    const ascii = formatEntry(entry, "", { colour: false, unicode: false });
    assert.equal(ascii, "   1500 ms  > PUBLISH      QoS 0  retained  t  a?[2Jb");
  });

  it("names the rule that was broken, in red where there are colours", () => {
    const { log } = logOf("packets");
    const breach = { statement: "MQTT-2.3.1-1", detail: "PUBLISH: the packet id is 0" };
    const [entry] = log.entries(packet({ type: "PUBLISH", breach }));
    assert.ok(entry !== undefined);
    assert.match(formatEntry(entry, "", PLAIN), / {2}\[MQTT-2\.3\.1-1\] PUBLISH: the packet id is 0$/);
    assert.ok(formatEntry(entry, "", { colour: true, unicode: true }).includes("\x1b[31m  [MQTT-2.3.1-1]"));
  });

  it("counts from the beginning of the chapter, as the steps do", () => {
    const { log } = logOf("packets");
    const line = { id: 1, board: 0, at: 1200, since: 0, ms: undefined, source: "bench", word: "pressed" } as const;
    log.entries({ type: "line", line: { ...line, detail: "", opens: true } });
    assert.match(texts(log.entries(ALERT))[0] ?? "", /^ {4}300 ms/);
  });

  it("writes what has changed in memory, and nothing of what has not", () => {
    const { log } = logOf("memory");
    log.entries(memory("ffff ffff", "queued", 1));
    log.entries(ALERT);
    assert.deepEqual(texts(log.entries(memory("ffff ff00", "received", 1))), [
      "   1500 ms  · record       5750-1-40146 received  ffff ff00  press at 3300 mV",
    ]);
    assert.deepEqual(texts(log.entries(memory("ffff ff00", "received", 255))), [
      "   1500 ms  · rtc          word 33  000000ff  layout 2",
    ]);
    assert.deepEqual(log.entries(memory("ffff ff00", "received", 255)), []);
  });

  it("is silent about what was not asked for", () => {
    for (const kinds of [["steps"], ["steps", "memory"]] as const)
      assert.deepEqual(logOf(...kinds).log.entries(ALERT), []);
    assert.deepEqual(logOf("packets").log.entries(memory("ffff ffff", "queued", 1)), []);
  });

  it("is an object a line for programs", () => {
    const { log } = logOf("packets", "memory");
    const [sent] = log.entries(ALERT);
    assert.ok(sent !== undefined);
    assert.deepEqual(JSON.parse(JSON.stringify(entryObject(sent, 5750))), {
      ...{ event: "packet", board: 5750, at: 1500, connection: 2, direction: "up", type: "PUBLISH", qos: 2 },
      ...{ retain: false, dup: true, packetId: 7, topic: "a/alert", detail: '{"pushes":7}', length: 2, hex: "c0 00" },
    });
    const changed = log.entries(memory("ffff ffff", "queued", 1)).map((entry) => entryObject(entry, 5750));
    assert.deepEqual(changed[0], {
      ...{ event: "memory", board: 5750, at: 1500, what: "record", title: "5750-1-40146 queued" },
      text: "ffff ffff  press at 3300 mV",
    });
    assert.equal(changed.length, 3);
  });

  it("the terminal shows what was asked for, steps only when they were", () => {
    const shown = (log: readonly LogKind[] | undefined) => {
      const stage = new FakeStage();
      let text = "";
      const output = Object.assign(new EventEmitter(), { write: (more: string) => (text += more), isTTY: false });
      const options = { stage, output, input: undefined, look: PLAIN, page: undefined, quit: () => undefined };
      const terminal = new Terminal(log === undefined ? options : { ...options, log });
      text = "";
      stage.tell("stored", "5750-1-40146");
      stage.emit(ALERT);
      stage.emit(memory("ffff ffff", "queued", 1));
      terminal.close();
      return text.split("\n").map((line) => line.slice(12).split(/\s+/).slice(0, 2).join(" "));
    };
    assert.deepEqual(shown(undefined), ["stored 5750-1-40146", ""]);
    assert.deepEqual(shown(["packets"]), ["→ PUBLISH", ""]);
    assert.deepEqual(shown(["steps", "packets", "memory"]), [
      "stored 5750-1-40146",
      "→ PUBLISH",
      "· record",
      "· settings",
      "· rtc",
      "",
    ]);
  });
});
