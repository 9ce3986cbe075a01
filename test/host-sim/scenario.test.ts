// What a scenario file may say, what is told to somebody who writes it otherwise, and that what is written is read.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { durationText, parseScenario, type Scenario, ScenarioError, scenarioText } from "../../host-sim/scenario.js";

const FOLDER = new URL("../../host-sim/scenarios/", import.meta.url).pathname;

function read(...lines: string[]): Scenario {
  return parseScenario(lines.join("\n"), "box.yaml");
}

/** The deeds of these steps. */
function deeds(...lines: string[]): unknown[] {
  return read("title: t", "boards: [{ mode: mains }, { mode: battery }]", "steps:", ...lines).steps.map(
    ({ deed }) => deed,
  );
}

/** The message for these steps, which start in line 3. */
function complaint(...lines: string[]): string {
  try {
    read("title: t", "steps:", ...lines);
  } catch (error) {
    assert.ok(error instanceof ScenarioError, String(error));
    return error.message;
  }
  return assert.fail("it was read");
}

describe("host-sim/scenario", () => {
  it("needs a title and a step; the rest has defaults", () => {
    const scenario = read("title: One press", "steps:", "- press");
    assert.deepEqual(scenario, {
      title: "One press",
      about: "",
      world: "any",
      seed: 1,
      boards: [{ mode: "mains", wiring: "gpio", factoryNew: false }],
      steps: [{ line: 3, text: "press", deed: { type: "press", board: 1 } }],
    });
  });

  it("has boards, of which a battery box has its button on both unless told", () => {
    const { boards } = read(
      "title: t",
      "boards: [{ mode: battery }, { mode: battery, wiring: rst }, { new: yes }]",
      "steps: [press]",
    );
    assert.deepEqual(boards, [
      { mode: "battery", wiring: "rst+gpio", factoryNew: false },
      { mode: "battery", wiring: "rst", factoryNew: false },
      { mode: "mains", wiring: "gpio", factoryNew: true },
    ]);
  });

  it("has steps for all that a person can do", () => {
    assert.deepEqual(deeds("- press", "- double: 2", "- hold: 1.5 s", "- hold: 6 s", "  board: 2"), [
      { type: "press", board: 1 },
      { type: "double", board: 2 },
      { type: "hold", board: 1, ms: 1500 },
      { type: "hold", board: 2, ms: 6000 },
    ]);
    assert.deepEqual(deeds("- wifi: off", "- broker: on", "- power: off", "- speed: 10", "- blackout: 2"), [
      { type: "wifi", on: false },
      { type: "broker", on: true },
      { type: "power", board: 1, on: false },
      { type: "speed", speed: 10 },
      { type: "blackout", board: 2 },
    ]);
    assert.deepEqual(deeds("- fault: half-open", "- mend: half-open", "- { fault: bounce, board: 2 }"), [
      { type: "fault", fault: "half-open", on: true, board: 1 },
      { type: "fault", fault: "half-open", on: false, board: 1 },
      { type: "fault", fault: "bounce", on: true, board: 2 },
    ]);
    assert.deepEqual(deeds("- form: { ssid: $ssid, port: 1883 }", "- say: Look."), [
      { type: "form", board: 1, fields: { ssid: "$ssid", port: "1883" } },
      { type: "say", text: "Look." },
    ]);
  });

  it("waits for words and for figures, and expects figures at once", () => {
    assert.deepEqual(deeds("- wait: delivered", "- { wait: [stored, joined], board: 2, within: 3 min }"), [
      { type: "wait", board: 1, words: ["delivered"], withinMs: 120_000 },
      { type: "wait", board: 2, words: ["stored", "joined"], withinMs: 180_000 },
    ]);
    assert.deepEqual(
      deeds("- until: { alerts: 2, power: asleep }", "- expect: { setup: off, led: on }", "- after: 1 h"),
      [
        { type: "until", claim: { board: 1, alerts: 2, power: "asleep" }, withinMs: 120_000 },
        { type: "expect", claim: { board: 1, led: true, setup: false } },
        { type: "after", ms: 3_600_000 },
      ],
    );
  });

  it("repeats", () => {
    assert.deepEqual(deeds("- repeat: 30", "  steps:", "  - press", "  - after: 1 d"), [
      {
        type: "repeat",
        times: 30,
        steps: [
          { line: 6, text: "press", deed: { type: "press", board: 1 } },
          { line: 7, text: "after: 1 d", deed: { type: "after", ms: 86_400_000 } },
        ],
      },
    ]);
  });

  for (const [lines, words] of [
    [["- pres"], /^box\.yaml, line 3: there is no step "pres"\. Steps are: press, double, .*repeat$/],
    [["- press: 2"], /line 3: "board" is a whole number from 1 to 1/],
    [["- press", "- after: 5"], /line 4: "after" is a time with its unit .* such as `5 s`, not "5"/],
    [["- wait: x", "  within: soon"], /line 4: "within" is a time/],
    [["- wait: []"], /line 3: `wait` names what has to come/],
    [["- expect: {}"], /line 3: nothing is expected\. It is one or more of: alerts, /],
    [["- expect: { alert: 1 }"], /line 3: what is expected has no "alert", only: alerts, /],
    [["- expect: { power: on }"], /line 3: "power" is one of: off, booting, running, asleep/],
    [["- fault: rain"], /line 3: "fault" is one of: wrong-password, /],
    [["- wifi: maybe"], /line 3: "wifi" is on or off/],
    [["- repeat: 3"], /line 3: `repeat: 3` has a list of `steps` beside it/],
    [["- repeat: 0", "  steps: [press]"], /line 3: "repeat" is a whole number from 1 to 100000/],
    [["- repeat: 3", "  scattered over: 14 s", "  steps: [press]"], /line 4: .* is 15 s at least: 3 times, 5 s apart/],
    [["- repeat: 3", "  scattered over: 1", "  steps: [press]"], /line 4: "scattered over" is a time with its unit/],
    [
      ["- repeat: 3", "  every: 1 d", "  steps: [press]"],
      /"repeat" has no "every", only: repeat, steps, scattered over/,
    ],
    [["- never: []"], /line 3: `never` names what may not come, such as `never: failed`/],
    [["- expect: { mAh: some }"], /line 3: "mAh" is a number, or one of `above 3`, `below 5`, `3 to 5`/],
    [["- expect: { mAh: 5 to 3 }"], /line 3: "mAh" is a number/],
    [["- expect: { alerts: 1.5 }"], /line 3: "alerts" is a whole number from 0, or one of/],
    [["- expect: { alerts: -1 }"], /line 3: "alerts" is a whole number from 0/],
    [["- { after: 5 s, board: 1 }"], /line 3: "after" has no "board", only: after/],
    [["- [press]"], /line 3: a step is a word such as `press`/],
    [["- press", "  x: ["], /^box\.yaml, line \d: is not YAML: /],
    [["- press", "title: again"], /line 4: is not YAML: .*unique/],
  ] as const) {
    it(`${lines.join(" / ")}: says what is wrong, and in which line`, () => {
      assert.match(complaint(...lines), words);
    });
  }

  for (const [text, words] of [
    ["", /box\.yaml: a scenario has one or more of: title, about, world, seed, boards, steps/],
    ["steps: [press]", /line 1: has no title/],
    ["title: t", /has no steps/],
    ["title: t\nsteps: press", /line 2: a list is due here/],
    ["title: t\nboards: [{ mode: solar }]\nsteps: [press]", /line 2: "mode" is one of: mains, battery/],
    [
      "title: t\nboards: [{ wiring: rst }]\nsteps: [press]",
      /line 2: "wiring of a mains box" is one of: gpio, rst\+gpio/,
    ],
    ["title: t\nworld: real\nsteps: [press]", /line 2: "world" is one of: any, virtual/],
    ["title: t\nname: x\nsteps: [press]", /line 2: a scenario has no "name"/],
  ] as const) {
    it(`${JSON.stringify(text)}: says what is missing`, () => {
      assert.throws(() => parseScenario(text, "box.yaml"), words);
    });
  }

  it("has figures that are wanted in a range", () => {
    const [deed] = deeds("- expect: { mAh: 60 to 70, asleep: above 99.9 %, alerts: below 3, boots: 2 }");
    assert.deepEqual((deed as { claim?: object }).claim, {
      board: 1,
      alerts: "below 3",
      boots: 2,
      mAh: "60 to 70",
      asleep: "above 99.9 %",
    });
  });

  it("says in which world it plays, and that is written, too", () => {
    const scenario = read("title: t", "world: virtual", "seed: 7", "steps: [press]");
    assert.deepEqual([scenario.world, scenario.seed], ["virtual", 7]);
    assert.match(scenarioText(scenario), /^title: t\nworld: virtual\nseed: 7\n/);
  });

  it("writes what it reads", () => {
    const text = readdirSync(FOLDER).map((name) => [name, readFileSync(`${FOLDER}${name}`, "utf8")] as const);
    assert.ok(text.length >= 3);
    const bare = (scenario: Scenario): unknown =>
      JSON.parse(
        JSON.stringify(scenario, (key, value: unknown) => (key === "line" || key === "text" ? undefined : value)),
      );
    for (const [name, yaml] of text) {
      const scenario = parseScenario(yaml, name);
      assert.deepEqual(bare(parseScenario(scenarioText(scenario), "again")), bare(scenario), name);
    }
  });

  it("tells times in the unit that suits them", () => {
    assert.deepEqual([0, 5, 1500, 120_000, 5_400_000, 86_400_000].map(durationText), [
      "0 ms",
      "5 ms",
      "1.5 s",
      "2 min",
      "1.5 h",
      "1 d",
    ]);
  });
});
