// `alertbox config`, `led` and `stay` as a program of its own, against a real Mosquitto and the firmware on a virtual
// board: what the box answers is what is printed.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import type { Command } from "../host-sim/command.js";
import { type Broker, needs } from "../interop/brokers/broker.js";
import { Listener } from "../interop/listener.js";
import { RealBoard, type RealBoardOptions } from "../interop/real-board.js";
import { Desk, forAll, NEEDS, openMosquitto } from "./desk.js";

const ROOT = "mresetar/alertbox/5750";

describe("alertbox config, led, stay", () => {
  let broker: Broker;
  let other: Broker;
  let url: string;
  let listener: Listener;
  let desk: Desk;
  const boxes: RealBoard[] = [];

  before(async function () {
    needs(this, NEEDS);
    ({ broker: other } = await openMosquitto());
  });

  // Each test has a broker that knows nothing.
  beforeEach(async () => {
    ({ broker } = await openMosquitto());
    url = `mqtt://127.0.0.1:${broker.port}`;
    listener = await Listener.open(broker, `${ROOT}/#`);
    desk = new Desk();
  });

  afterEach(async () => {
    for (const box of boxes.splice(0)) box.close();
    await listener.close();
    await desk.close();
    await broker.close();
  });

  after(() => other?.close());

  function open(options: Partial<RealBoardOptions> = {}): RealBoard {
    const box = new RealBoard({ port: broker.port, speed: 4, ...options });
    boxes.push(box);
    return box;
  }

  /** A box that is awake and listens. */
  async function online(): Promise<RealBoard> {
    const box = open();
    await Promise.all([box.online(), listener.message(`${ROOT}/state`)]);
    return box;
  }

  /** A box that sleeps until its button is pressed. */
  async function asleep(): Promise<RealBoard> {
    const box = open({ wiring: "rst" });
    await box.asleep();
    return box;
  }

  /** As a person would: again, when the box has slept without having read the command, as on a busy machine. */
  async function pressUntil(box: RealBoard, command: Command): Promise<void> {
    for (let isOver = false; !isOver; ) {
      const slept = box.said("sleeping").then(
        () => false,
        () => false,
      );
      await box.press();
      isOver = await Promise.race([command.ended.then(() => true), slept]);
    }
  }

  it("led: the box switches its LED, takes the command away, and that is the answer", async () => {
    await online();
    for (const [what, result] of [
      ["on", "led ON"],
      ["toggle", "led OFF"],
      ["ON", "led ON"],
      ["off", "led OFF"],
    ] as const) {
      assert.deepEqual(await desk.run("led", "-b", url, "5750", what), {
        status: 0,
        output: `5750: ${result}\n`,
        errors: "",
      });
    }
    // Nothing is left with the broker.
    const late = await Listener.open(broker, `${ROOT}/cmd/+`, `${ROOT}/led`);
    await late.message(`${ROOT}/led`);
    assert.deepEqual(
      late.heard.entries.map(({ topic, text }) => [topic, text]),
      [[`${ROOT}/led`, "OFF"]],
    );
    await late.close();
  });

  it("config: settings that the box takes are applied; the same again change nothing", async () => {
    const box = await online();
    const args = ["config", "-b", url, "5750", "lowMillivolts=2700", "quiet=true", "user=me", "password=secret"];
    assert.deepEqual(await desk.run(...args), {
      status: 0,
      output: "5750: applied\n",
      errors: "alertbox: 5750 tries the settings\nalertbox: 5750 is awake\n",
    });
    assert.deepEqual(box.details("config"), ["trying", "applied"]);
    const [again, object] = [await desk.run(...args), await desk.run(...args, "--json")];
    assert.deepEqual(again, { status: 0, output: "5750: unchanged\n", errors: "" });
    assert.deepEqual(JSON.parse(object.output), { chip: 5750, command: "config", result: "unchanged" });
  });

  it("config: what only the box can refuse is said in its words, with status 1", async () => {
    await online();
    const { status, output } = await desk.run("config", "-b", url, "5750", "wiring=rst");
    assert.deepEqual(
      [status, output],
      [1, "5750: rejected: wiring: rst alone would restart a mains box at each press; give gpio or rst+gpio\n"],
    );
  });

  it("config: what no box takes is refused here, in the box's words, and nothing is sent", async () => {
    const cases: readonly (readonly [string, string])[] = [
      ["port=70000", "port: must be a whole number from 1 to 65535; MQTT's is 1883"],
      ["port=mqtt", "port: must be a whole number from 1 to 65535; MQTT's is 1883"],
      ["colour=red", "colour: unknown setting; known are wifi, host, port,"],
      ["root=a/+/b", "root: + and # are wildcards; leave them out"],
      ["wifiPassword=short", "wifi.password: must be 8 to 63 bytes without control characters"],
      ["quiet=yes", "quiet: must be true or false"],
      ["host=mqtt://10.0.0.3", "host: not a host name or IPv4 address; give it without scheme and port"],
      ['wifi=[{"ssid":"home"}]', 'wifi.password: missing; give "" for an open network'],
      ["wifi=home", "wifi: not valid JSON; for example wifi="],
      ["hunter2", "settings are written key=value"],
      ["password=@/no/such/file", "password=@…: the file /no/such/file cannot be read (ENOENT)"],
      [`password=${"x".repeat(800)}`, "password: must be text of at most 128 bytes"],
    ];
    await forAll(cases, async ([word, message]) => {
      const { status, output, errors } = await desk.run("config", "-b", url, "5750", word);
      assert.deepEqual([status, output], [2, ""], word);
      assert.ok(errors.startsWith(`alertbox: ${message}`), errors);
      assert.ok(!/hunter2|short|xxx/.test(errors.replace("shorthand", "")), errors);
    });
    assert.deepEqual(listener.texts(`${ROOT}/cmd/config`), []);
  });

  it("config: the largest message that a box takes is sent, a byte more is refused here", async () => {
    await online();
    const wifi = [
      { ssid: "home", password: "correct horse" },
      ...["a", "b"].map((name) => ({ ssid: name.repeat(32), password: name.repeat(63) })),
    ];
    const text = (length: number) => ({
      ...{ user: "u".repeat(length), password: "p".repeat(128), root: "r".repeat(96), host: "127.0.0.1" },
      ...{ full: "reject", mode: "mains", wiring: "gpio" },
    });
    const words = (length: number) => [
      `wifi=${JSON.stringify(wifi)}`,
      ...Object.entries(text(length)).map(([key, value]) => `${key}=${value}`),
    ];
    const bytes = (length: number) =>
      JSON.stringify({ wifi, ...text(length) }).length + `${ROOT}/cmd/config`.length + 7;
    const most = 1 + 768 - bytes(1);
    assert.ok(most > 1 && most < 128, String(most));
    const larger = await desk.run("config", "-b", url, "5750", ...words(most + 1));
    assert.equal(larger.status, 2);
    assert.match(larger.errors, /these are 769 bytes as a message, and a box takes 768: send them in several commands/);
    const largest = await desk.run("config", "-b", url, "5750", ...words(most));
    assert.deepEqual([largest.status, largest.output], [0, "5750: applied\n"], largest.errors);
  });

  it("config: secrets come from files and from stdin", async () => {
    await online();
    const file = desk.file("secret", "from a file\n");
    const command = desk.start("config", "-b", url, "5750", "user=@-", `password=@${file}`);
    command.child.stdin?.end("from stdin\n");
    assert.equal(await command.ended, 0, command.output + command.errors);
    assert.deepEqual(JSON.parse(listener.texts(`${ROOT}/cmd/config`)[0] ?? ""), {
      user: "from stdin",
      password: "from a file",
    });
  });

  it("config: another root is followed, and the default one is found again", async () => {
    await online();
    const away = await desk.run("config", "-b", url, "5750", "root=hall/door");
    assert.deepEqual(away, {
      status: 0,
      output: "5750: applied\n",
      errors: "alertbox: 5750 tries the settings\nalertbox: 5750 is awake, at hall/door\n",
    });
    // The box tells its chip id with its presence, so it is found under a root that does not end in it.
    const back = await desk.run("config", "-b", url, "--root", "hall/door", "5750", "root=");
    assert.deepEqual([back.status, back.output], [0, "5750: applied\n"]);
    assert.equal((await desk.run("led", "-b", url, "5750", "on")).output, "5750: led ON\n");
  });

  it("config: settings that lead nowhere are taken back by the box, which says why", async () => {
    await online();
    const command = desk.start("config", "-b", url, "5750", "port=1");
    assert.equal(await command.ended, 1);
    assert.match(
      command.errors,
      /these settings lead to mqtt:\/\/127\.0\.0\.1:1: if that is another broker, the box answers there, and here only a/,
    );
    assert.match(command.output, /^5750: rejected: .*refused\n$/);
  });

  it("config: a box that has gone to another broker leaves nothing behind at this one", async () => {
    const box = await online();
    const words = ["host=127.0.0.1", `port=${other.port}`];
    const command = desk.start("config", "-b", url, "5750", ...words, "--timeout", "4");
    await box.said("config", "applied");
    assert.equal(await command.ended, 0, command.errors);
    assert.match(command.output, /^5750: no refusal: it should be at the other broker\n$/);
    assert.match(
      command.errors,
      new RegExp(`look there: alertbox watch --broker mqtt://127\\.0\\.0\\.1:${other.port}\n$`),
    );
    const late = await Listener.open(broker, `${ROOT}/#`);
    await late.message(`${ROOT}/state`);
    assert.deepEqual(late.texts(`${ROOT}/cmd/config`), []);
    await late.close();
  });

  it("a box that sleeps reads a command when it wakes, and the answer is waited for", async () => {
    const box = await asleep();
    const command = desk.start("config", "-b", url, "5750", "lowMillivolts=2500");
    await command.complained(/5750 sleeps: it reads this at its next wake\. Waiting 60 s \(--timeout S, --no-wait\)/);
    await pressUntil(box, command);
    assert.equal(await command.ended, 0, command.errors);
    assert.equal(command.output, "5750: applied\n");
    assert.match(command.errors, /alertbox: 5750 is awake\n/);
  });

  it("--no-wait leaves it there; --timeout gives up waiting, with status 1; --clear takes it back", async () => {
    await asleep();
    assert.deepEqual(await desk.run("config", "-b", url, "5750", "quiet=true", "--no-wait"), {
      status: 0,
      output: "5750: sent\n",
      errors: "",
    });
    const { status, errors } = await desk.run("config", "-b", url, "5750", "quiet=true", "--timeout", "1");
    assert.equal(status, 1);
    assert.match(
      errors,
      /no answer from 5750 within 1 s\. The broker keeps the command, and the box reads it at its next wake; take it back with: alertbox config 5750 --clear/,
    );
    assert.equal((await desk.run("config", "-b", url, "5750", "--clear")).output, "5750: taken back\n");
    const late = await Listener.open(broker, `${ROOT}/#`);
    await late.message(`${ROOT}/lwt`);
    await late.message(`${ROOT}/state`);
    assert.deepEqual(late.texts(`${ROOT}/cmd/config`), []);
    await late.close();
  });

  it("Ctrl-C while it waits says that the command stays", async () => {
    await asleep();
    const command = desk.start("led", "-b", url, "5750", "on");
    await command.complained(/5750 sleeps/);
    command.child.kill("SIGINT");
    assert.equal(await command.ended, 130);
    assert.match(command.errors, /the broker keeps the command, and the box reads it when it wakes\n$/);
  });

  it("stay: a box that sleeps stays awake, and says so by taking the command away", async () => {
    const box = await asleep();
    const command = desk.start("stay", "-b", url, "5750", "60");
    await command.complained(/5750 sleeps/);
    await pressUntil(box, command);
    assert.equal(await command.ended, 0, command.errors);
    assert.equal(command.output, "5750: done\n");
    assert.deepEqual(box.details("command"), ["stay 60 s"]);
  });

  it("a box that the broker does not know is no box: those that there are are named, and --force goes on", async () => {
    await online();
    const { status, errors } = await desk.run("led", "-b", url, "5751", "on");
    assert.equal(status, 1);
    assert.match(
      errors,
      /knows no box 5751 below mresetar\/alertbox \(it knows 5750\)\. Is it set up, and is --root right\?/,
    );
    const forced = await desk.run("led", "-b", url, "5751", "on", "--force", "--no-wait");
    assert.deepEqual(forced, { status: 0, output: "5751: sent\n", errors: "" });
  });

  it("config: a box goes over to each convention and comes back; led works as before, and watch shows it", async () => {
    const box = await online();
    const { status, errors } = await desk.run("config", "-b", url, "5750", "convention=matter");
    assert.deepEqual([status, /convention: must be home-assistant, homie, tasmota or none/.test(errors)], [2, true]);
    for (const [convention, presence] of [
      ["homie", "online"],
      ["tasmota", "online"],
      ["none", "online"],
      ["home-assistant", "online"],
    ] as const) {
      const config = await desk.run("config", "-b", url, "5750", `convention=${convention}`);
      assert.deepEqual([config.status, config.output], [0, "5750: applied\n"], config.errors);
      for (const on of [true, false]) {
        const led = await desk.run("led", "-b", url, "5750", on ? "on" : "off");
        assert.equal(led.status, 0, led.errors);
        assert.match(led.output, /^5750: (done|led (ON|OFF))\n$/);
        assert.equal(box.board.led.on, on);
      }
      const watch = await desk.run("watch", "-b", url, "--once", "--json");
      const [found, ...others] = watch.output.split("\n").filter((line) => line.includes('"event":"box"'));
      assert.match(found ?? "", new RegExp(`"box":"${ROOT}","presence":"${presence}"`), convention);
      assert.deepEqual(others, [], convention);
    }
  });

  it("a box that follows a convention is found by its state, and its presence is the convention's", async () => {
    const box = await Listener.open(broker, "mresetar/alertbox/5752/cmd/led", "home/door/cmd/led");
    await box.publish("mresetar/alertbox/5752/state", '{"pushes":7}', 1, true);
    await box.publish("homie/5/alertbox-5752/$state", "sleeping", 1, true);
    await box.publish("home/door/state", '{"pushes":7}', 1, true);
    await box.publish("tele/alertbox_5753/LWT", "Offline", 1, true);
    for (const [words, root, complaint, topic, awake] of [
      [["5752", "on"], "mresetar/alertbox/5752", /5752 sleeps/, "homie/5/alertbox-5752/$state", "ready"],
      [
        ["5753", "on", "--root", "home/door"],
        "home/door",
        /5753 is gone, asleep or lost/,
        "tele/alertbox_5753/LWT",
        "Online",
      ],
    ] as const) {
      const command = desk.start("led", "-b", url, ...words);
      await command.complained(complaint);
      await box.publish(topic, awake, 1, true);
      await command.complained(/is awake\n/);
      await box.publish(`${root}/cmd/led`, "", 1, true);
      assert.equal(await command.ended, 0, command.errors);
      assert.equal(command.output, `${words[0]}: done\n`);
    }
    // Another's root is not taken for its own.
    const { errors } = await desk.run("led", "-b", url, "5754", "on", "--root", "home/door");
    assert.match(errors, /knows no box 5754 below home\/door \(it knows door\)/);
    await box.close();
  });

  it("an answer to an earlier command is not taken for one to this", async () => {
    // A box that publishes its state for another reason before it has read the command.
    const box = await Listener.open(broker, `${ROOT}/cmd/config`);
    await box.publish(`${ROOT}/lwt`, '{"state":"online","chip":5750}', 1, true);
    await box.publish(`${ROOT}/state`, '{"config":"rejected: long ago"}', 1, true);
    const command = desk.start("config", "-b", url, "5750", "quiet=true");
    await box.message(`${ROOT}/cmd/config`);
    await box.publish(`${ROOT}/state`, '{"config":"rejected: long ago"}', 1, true);
    await box.publish(`${ROOT}/cmd/config`, "", 1, true);
    await box.publish(`${ROOT}/state`, '{"config":"applied"}', 1, true);
    assert.equal(await command.ended, 0);
    assert.equal(command.output, "5750: applied\n");
    await box.close();
  });
});
