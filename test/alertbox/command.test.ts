// Command: each text that a sender may put under cmd/, and what the box makes of it. Nothing here may throw.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type Command, parseCommand, readConfig, STAY_SECONDS_MAX } from "../../src/alertbox/command.js";
import { rounds } from "../effort.js";

function why(command: Command): string {
  assert.equal(command.kind, "invalid");
  return command.kind === "invalid" ? command.why : "";
}

/** Reads a config to its end: its changes, or why it is none. */
function read(payload: string): object | string {
  const command = parseCommand("config", payload);
  if (command.kind !== "config") assert.fail(JSON.stringify(command));
  for (;;) {
    const result = readConfig(command.reader);
    if (result !== undefined) return result;
  }
}

function changes(payload: string): object {
  const result = read(payload);
  if (typeof result === "string") assert.fail(result);
  return result;
}

function refusal(payload: string): string {
  const result = read(payload);
  if (typeof result !== "string") assert.fail(JSON.stringify(result));
  return result;
}

describe("command: led", () => {
  it("on, off and toggle in any case, numbers and truth values", () => {
    const words: readonly (readonly [string, boolean | "toggle"])[] = [
      ["ON", true],
      ["on", true],
      ["On", true],
      ["1", true],
      ["true", true],
      ["TRUE", true],
      ["OFF", false],
      ["off", false],
      ["0", false],
      ["False", false],
      ["TOGGLE", "toggle"],
      ["toggle", "toggle"],
      ["2", "toggle"],
      [" ON\r\n", true],
    ];
    for (const [word, on] of words) assert.deepEqual(parseCommand("led", word), { kind: "led", on }, word);
  });

  it("a convention's is the same, and asks with anything else", () => {
    assert.deepEqual(parseCommand("light", "on"), { kind: "led", on: true });
    for (const word of ["", "?", "dim"]) assert.deepEqual(parseCommand("light", word), { kind: "led", on: "same" });
    assert.deepEqual(parseCommand("led", ""), { kind: "cleared" });
  });

  it("anything else is answered with what is accepted", () => {
    for (const word of ["ONN", "3", "yes", " ", "on off", "toggled", "ııııııı", "x".repeat(10000), "\u0000"]) {
      assert.equal(why(parseCommand("led", word)), "cmd/led: use ON, OFF or TOGGLE", word);
    }
  });
});

describe("command: stay", () => {
  it("whole seconds from 0 to an hour", () => {
    for (const seconds of [0, 1, 9, 10, 60, 3599, STAY_SECONDS_MAX]) {
      assert.deepEqual(parseCommand("stay", String(seconds)), { kind: "stay", seconds });
    }
    assert.deepEqual(parseCommand("stay", " 0060\n"), { kind: "stay", seconds: 60 });
  });

  it("anything else is answered with what is accepted", () => {
    const wrong = [
      "3601",
      "99999999999999999999",
      "-1",
      "+1",
      "1.5",
      "1e3",
      "0x10",
      "60s",
      "ten",
      " ",
      "1 2",
      "٣",
      "/",
      ":",
    ];
    for (const text of wrong) {
      assert.equal(why(parseCommand("stay", text)), "cmd/stay: use whole seconds from 0 to 3600", text);
    }
  });
});

describe("command: config", () => {
  it("a JSON object is handed on as it is", () => {
    assert.deepEqual(changes('{"host":"broker.lan","port":1884}'), { host: "broker.lan", port: 1884 });
    assert.deepEqual(changes("{}"), {});
    assert.deepEqual(changes(' {"wifi":[{"ssid":"cvrčak 🦗","password":"a\\"b"}]}\n'), {
      wifi: [{ ssid: "cvrčak 🦗", password: 'a"b' }],
    });
  });

  it("every setting at once with three networks is not too much", () => {
    const wifi = [1, 2, 3].map((n) => ({ ssid: `[{,${n}`, password: '{[,,,,]}\\"{{{[[[' }));
    const settings = {
      wifi,
      host: "h",
      port: 1,
      user: "u,u,u,u",
      password: "[[[[[[[[[[,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,",
      root: "r",
      mode: "mains",
      wiring: "gpio",
      keepAliveSeconds: 60,
      double: true,
      full: "reject",
      lowMillivolts: 2600,
    };
    assert.deepEqual(changes(JSON.stringify(settings)), settings);
    assert.deepEqual(changes(JSON.stringify(settings, undefined, 2)), settings);
  });

  it("no JSON, and JSON that is no object, are answered without repeating what was sent", () => {
    for (const text of [
      "{",
      "secret",
      '{"password":"secret"',
      "{'password':'secret'}",
      " ",
      '{"a":1}x',
      "{secret:1}",
    ]) {
      const answer = refusal(text);
      assert.match(answer, /^cmd\/config: not valid JSON; send a JSON object/);
      assert.equal(answer.includes("secret"), false);
    }
    for (const text of ["null", "1", '"secret"', "true", "[]", '[{"password":"secret"}]']) {
      const answer = refusal(text);
      assert.match(answer, /^cmd\/config: not a JSON object; send a JSON object/);
      assert.equal(answer.includes("secret"), false);
    }
  });

  it("nesting that would exhaust the stack of the chip is refused before it is parsed", () => {
    const deep = [
      "[".repeat(5),
      "[".repeat(100_000),
      '{"a":'.repeat(5),
      '{"a":'.repeat(500),
      '{"a":[{"b":[{"c":1}]}]}',
      '{"\\"":[[[[1]]]]}',
      '{"a\\\\":[[[[1]]]]}',
    ];
    for (const text of deep) assert.match(refusal(text), /too many or too deeply nested/, text);
    assert.deepEqual(changes('{"a":[[[1]]],"b":[[[2]]]}'), { a: [[[1]]], b: [[[2]]] });
    assert.deepEqual(changes('{"a":"\\"[[[[[","b":[[]]}'), { a: '"[[[[[', b: [[]] });
  });

  it("more members than settings have are refused before they are parsed", () => {
    const members = (count: number) =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i])));
    assert.equal(Object.keys(changes(members(33)) as object).length, 33);
    assert.match(refusal(members(34)), /too many/);
    const quoted = (count: number) => `${members(count - 1).slice(0, -1)},"z":",,,,,[[[[[{{"}`;
    assert.equal(Object.keys(changes(quoted(33)) as object).length, 33, "what stands in strings does not count");
    assert.match(refusal(quoted(34)), /too many/);
    assert.match(refusal(`[${"0,".repeat(100_000)}0]`), /too many/);
  });
});

describe("command: others", () => {
  it("an empty payload is a cleared command, whatever its name", () => {
    for (const name of ["led", "stay", "config", "other", ""]) {
      assert.deepEqual(parseCommand(name, ""), { kind: "cleared" });
    }
  });

  it("an unknown command is named, in short, with those that exist", () => {
    assert.equal(
      why(parseCommand("reboot", "now")),
      "cmd/reboot: unknown command; use cmd/led, cmd/stay or cmd/config",
    );
    assert.ok(why(parseCommand("x".repeat(1000), "1")).length < 100);
    assert.ok(why(parseCommand("LED", "ON")).startsWith("cmd/LED: unknown"));
  });

  it("no payload of random characters throws", () => {
    const alphabet = '{}[]",:\\0123456789eE+-.truefalsn \n\u0000č🦗';
    let state = 1;
    for (let round = 0; round < rounds(20_000); round += 1) {
      let text = "";
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      const length = (state >>> 24) % 40;
      for (let i = 0; i < length; i += 1) {
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        text += alphabet.charAt((state >>> 8) % alphabet.length);
      }
      for (const name of ["led", "stay", "config"]) {
        const command = parseCommand(name, text);
        if (command.kind === "config") read(text);
        assert.ok(command.kind === name || command.kind === "invalid" || (text === "" && command.kind === "cleared"));
      }
    }
  });
});
