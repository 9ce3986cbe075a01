// What the bench takes for an action: all that its views send, and nothing else, whoever sends it.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseOptions } from "../../host-sim/options.js";
import { FAULTS } from "../../host-sim/page/details.js";
import { type Action, FASTEST, isKind, readAction } from "../../host-sim/page/protocol.js";

const PUBLISH = Object.freeze({ type: "publish", topic: "a/b", payload: "1", qos: 2, retain: true });

/** Boards 0 and 3 are there. */
function read(data: unknown): Action | undefined {
  return readAction(JSON.parse(JSON.stringify(data)), (board) => board === 0 || board === 3);
}

describe("host-sim/page/protocol", () => {
  it("takes each action as it is, and drops what does not belong to it", () => {
    const actions = [
      { type: "press", board: 3 },
      { type: "power", board: 0, on: true },
      { type: "wifi", on: false },
      { type: "fault", fault: "slow-dhcp", on: true },
      { type: "fault", fault: "bounce", on: false, board: 3 },
      { type: "time", speed: 0 },
      { type: "time", speed: 100 },
      { type: "time", speed: FASTEST },
      { type: "back" },
      { type: "step" },
      { type: "add", mode: "battery", wiring: "rst" },
      { type: "remove", board: 3 },
      PUBLISH,
    ];
    for (const action of actions) assert.deepEqual(read({ ...action, more: "ignored" }), action);
  });

  it("knows every fault, home ones without a board and the others only with one that is there", () => {
    for (const { name, scope } of FAULTS) {
      const isHome = scope === "home";
      assert.equal(read({ type: "fault", fault: name, on: true }) !== undefined, isHome, name);
      assert.equal(read({ type: "fault", fault: name, on: true, board: 0 }) !== undefined, !isHome, name);
    }
  });

  it("takes boards that can be, the same as the command line", () => {
    for (const mode of ["mains", "battery"]) {
      for (const wiring of ["gpio", "rst", "rst+gpio"]) {
        const { kind } = parseOptions(["--mode", mode, "--wiring", wiring]);
        assert.equal(isKind(mode, wiring), kind === "run", `${mode} ${wiring}`);
        assert.equal(read({ type: "add", mode, wiring }) !== undefined, kind === "run");
      }
    }
  });

  const none: [string, unknown][] = [
    ["no object", "press"],
    ["null", null],
    ["no type", { board: 0 }],
    ["a type of another kind", { type: 5, board: 0 }],
    ["a name that objects have anyway", { type: "constructor", board: 0 }],
    ["a board that is not there", { type: "press", board: 1 }],
    ["a board that is no number", { type: "remove", board: "0" }],
    ["no board to remove", { type: "remove" }],
    ["a fault that is none", { type: "fault", fault: "fire", on: true }],
    ["a fault's name of another kind", { type: "fault", fault: ["bounce"], on: true, board: 0 }],
    ["a fault without a position", { type: "fault", fault: "slow-dhcp" }],
    ["a fault on a board that is gone", { type: "fault", fault: "bounce", on: true, board: 1 }],
    ["a speed below 0", { type: "time", speed: -1 }],
    ["a speed beyond the limit", { type: "time", speed: 101 }],
    ["a speed with a fraction", { type: "time", speed: 1.5 }],
    ["a speed as text", { type: "time", speed: "10" }],
    ["no speed", { type: "time" }],
    ["a mode that is none", { type: "add", mode: "solar", wiring: "rst" }],
    ["no wiring", { type: "add", mode: "mains" }],
    ["no topic", { ...PUBLISH, topic: undefined }],
    ["an empty topic", { ...PUBLISH, topic: "" }],
    ["a topic with a wildcard", { ...PUBLISH, topic: "a/+/b" }],
    ["a topic with the other wildcard", { ...PUBLISH, topic: "a/#" }],
    ["a topic with NUL", { ...PUBLISH, topic: "a\0b" }],
    ["a topic that is no UTF-8", { ...PUBLISH, topic: "a\ud800" }],
    ["a topic of 65,536 bytes", { ...PUBLISH, topic: "č".repeat(32_768) }],
    ["a payload that is no text", { ...PUBLISH, payload: 1 }],
    ["a payload that is no UTF-8", { ...PUBLISH, payload: "\udc00" }],
    ["a payload of 65,537 bytes", { ...PUBLISH, payload: `${"č".repeat(32_768)}a` }],
    ["QoS 3", { ...PUBLISH, qos: 3 }],
    ["QoS as text", { ...PUBLISH, qos: "1" }],
    ["retain that is not said", { ...PUBLISH, retain: undefined }],
  ];
  for (const [what, data] of none) {
    it(`refuses ${what}`, () => assert.equal(read(data), undefined));
  }

  it("takes the longest topic and payload there are, which fit one message of the page", () => {
    const longest = { ...PUBLISH, topic: "\x01".repeat(65_535), payload: "\x01".repeat(65_536) };
    assert.deepEqual(read(longest), longest);
    assert.deepEqual(read({ ...PUBLISH, payload: "" }), { ...PUBLISH, payload: "" });
    assert.ok(JSON.stringify(longest).length < 1024 * 1024);
  });
});
