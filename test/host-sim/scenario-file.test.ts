// `--scenario` and `--record` as a person uses them: the commands as processes, what they print, and their status.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { freePort } from "../../host-sim/free-port.js";
import { parseScenario } from "../../host-sim/scenario.js";
import { loadScenario, saveScenario, shippedScenarios } from "../../host-sim/scenario-file.js";
import { Command } from "./command.js";

describe("host-sim/scenario-file", () => {
  let folder: string;
  let commands: Command[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "alertbox-scenario-"));
    commands = [];
  });

  afterEach(async () => {
    await Promise.all(commands.map((command) => command.kill()));
    rmSync(folder, { recursive: true });
  });

  async function start(...args: string[]): Promise<Command> {
    const command = new Command(["--port", `${await freePort()}`, "--speed", "10", ...args]);
    commands.push(command);
    return command;
  }

  function write(...lines: string[]): string {
    const path = join(folder, "own.yaml");
    writeFileSync(path, ["title: Own", "steps:", ...lines, ""].join("\n"));
    return path;
  }

  it("knows those that come along by their names, and each of them can be read", () => {
    const names = shippedScenarios();
    assert.ok(names.includes("power-cut"));
    for (const name of names) assert.ok(loadScenario(name).about.length > 80, name);
  });

  it("says what is wrong with a file that is not there, and with one that cannot be written", () => {
    assert.throws(
      () => loadScenario("nothing"),
      /--scenario nothing: there is no such file\. Those that come along: first-/,
    );
    assert.throws(() => loadScenario(folder), /it cannot be read \(EISDIR\)/);
    assert.throws(
      () => saveScenario(join(folder, "no", "x.yaml"), ""),
      /--record .*x\.yaml: it cannot be written \(ENOENT\)/,
    );
  });

  it("plays one without a person, and the status says that all of it held", async () => {
    const command = await start("--scenario", "power-cut", "--headless", "--json");
    assert.equal(await command.ended, 0, command.output + command.errors);
    const last = JSON.parse(command.output.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
    assert.deepEqual([last["event"], last["failure"]], ["scenario", null]);
    assert.deepEqual(last["held"], ["alerts 1, duplicates 0, presses 1"]);
  });

  it("plays a month in a world of its own, in seconds, and the same bytes each time", async () => {
    const args = ["--scenario", "month-on-a-battery", "--headless", "--json", "--log", "steps,packets"];
    const runs: string[] = [];
    for (let run = 0; run < 2; run++) {
      const command = new Command(args);
      commands.push(command);
      assert.equal(await command.ended, 0, command.output.slice(-2000) + command.errors);
      runs.push(command.output);
    }
    const [first = "", second] = runs;
    assert.ok(first.includes('"packet"') && first.split("\n").length > 3000);
    assert.equal(first === second, true);
    const last = JSON.parse(first.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
    assert.deepEqual([last["failure"], last["steps"]], [null, 168]);
  });

  it("plays another month with another seed; one of the others in a virtual world when asked", async () => {
    const month = new Command(["--scenario", "month-on-a-battery", "--seed", "5", "--headless"]);
    const cut = new Command(["--scenario", "power-cut", "--virtual", "--headless"]);
    commands.push(month, cut);
    assert.deepEqual([await month.ended, await cut.ended], [0, 0], month.output.slice(-500) + cut.output);
    assert.match(cut.output, /^mqtt:\/\/10\.0\.0\.2:1883 {2}in a virtual world\n/);
  });

  it("fails with the line that did not hold", async () => {
    const path = write("- until: { presence: online }", "- press", "- until: { alerts: 1 }", "- expect: { alerts: 2 }");
    const command = await start("--scenario", path, "--headless");
    assert.equal(await command.ended, 1);
    assert.match(command.output, /failed: line 6, expect: \{ alerts: 2 \}: alerts is 1, not 2\n$/);
  });

  it("plays with several boards of different kinds", async () => {
    const path = join(folder, "two.yaml");
    const boards = "boards: [{ mode: mains }, { mode: battery, wiring: rst }]";
    const steps = ["- until: { presence: online }", "- until: { power: asleep }", "  board: 2", "- press: 2"];
    const end = ["- until: { alerts: 1 }", "  board: 2", "- expect: { alerts: 0 }"];
    // A box whose button is on RST takes its first power for no press.
    writeFileSync(path, ["title: Two", boards, "steps:", ...steps, ...end, ""].join("\n"));
    const command = await start("--scenario", path, "--headless");
    assert.equal(await command.ended, 0, command.output + command.errors);
  });

  for (const [args, words] of [
    [["--scenario", "nothing"], /no such file\. Those that come along/],
    [["--scenario", ""], /--scenario is the name of a file, for example --scenario power-cut/],
    [["--scenario", "power-cut", "--boards", "2"], /--boards does not go with --scenario/],
    [["--scenario", "power-cut", "--headless", "--press", "1"], /--press does not go with --scenario/],
    [["--scenario", "month-on-a-battery", "--port", "1999"], /plays in a virtual world: leave --broker, --port and/],
    [["--scenario", "power-cut", "--speed", "max"], /--speed max is for a world without anything real: add --virtual/],
    [["--record", ""], /--record is the name of a file, for example --record mine\.yaml/],
  ] as const) {
    it(`${args.join(" ")}: says what to do, with status 2`, async () => {
      const command = await start(...args);
      assert.equal(await command.ended, 2);
      assert.match(command.errors, words);
    });
  }

  it("says which line of a file is wrong, with status 2", async () => {
    const command = await start("--scenario", write("- pres"), "--headless");
    assert.equal(await command.ended, 2);
    assert.match(command.errors, /own\.yaml, line 3: there is no step "pres"/);
  });

  it("records what is done, and what was recorded can be played", async () => {
    const path = join(folder, "recorded.yaml");
    const first = await start("--record", path);
    await first.wrote(/connected/);
    first.type(" ");
    await first.wrote(/received/);
    first.type("p");
    // Not "delivered": the power may fail behind PUBCOMP, before the box has said so.
    await first.wrote(/received[\s\S]*connected/);
    first.type("q");
    assert.equal(await first.ended, 0, first.errors);
    const scenario = parseScenario(readFileSync(path, "utf8"), "recorded");
    const words = scenario.steps.map(({ deed }) => deed.type).filter((type) => type !== "after");
    assert.deepEqual(words, ["wait", "press", "wait", "blackout"]);
    const second = await start("--scenario", path, "--headless");
    assert.equal(await second.ended, 0, second.output + second.errors);
    assert.match(second.output, /all of it held\n$/);
  });
});
