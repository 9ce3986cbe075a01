// `alertbox watch` and `alertbox press` as programs of their own, against a real Mosquitto with the firmware on virtual
// boards.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import { idOf } from "../alert-id.js";
import { type Broker, needs } from "../interop/brokers/broker.js";
import { Listener } from "../interop/listener.js";
import { RealBoard, type RealBoardOptions } from "../interop/real-board.js";
import { Desk, NEEDS, openMosquitto } from "./desk.js";

describe("alertbox watch", () => {
  let broker: Broker;
  let url: string;
  let desk: Desk;
  const boxes: RealBoard[] = [];

  before(async function () {
    needs(this, NEEDS);
  });

  beforeEach(async () => {
    ({ broker } = await openMosquitto(() => ["allow_anonymous true", "sys_interval 1"]));
    url = `mqtt://127.0.0.1:${broker.port}`;
    desk = new Desk();
  });

  afterEach(async () => {
    for (const box of boxes.splice(0)) box.close();
    await desk.close();
    await broker.close();
  });

  function open(options: Partial<RealBoardOptions> = {}): RealBoard {
    const box = new RealBoard({ port: broker.port, speed: 8, ...options });
    boxes.push(box);
    return box;
  }

  /** A box that is awake, and one that sleeps. */
  async function two(): Promise<{ awake: RealBoard; asleep: RealBoard }> {
    const listener = await Listener.open(broker, "mresetar/alertbox/5750/state");
    const [awake, asleep] = [open(), open({ chipId: 5751, wiring: "rst" })];
    await Promise.all([listener.message("mresetar/alertbox/5750/state"), asleep.asleep()]);
    await listener.close();
    return { awake, asleep };
  }

  it("--once: the boxes that the broker knows, and its figures, as a table", async () => {
    await two();
    const { status, output, errors } = await desk.run("watch", "--once", "-b", url);
    assert.deepEqual([status, errors], [0, ""]);
    const [head = "", first = "", second = "", empty, figures = ""] = output.split("\n");
    assert.match(head, /^BOX +PRESENCE +PRESSES +WAITING +SUPPLY +SIGNAL +LED +FIRMWARE +ADDRESS$/);
    assert.match(first, /^5750 +online +0 +0 +3\.30 V +-\d+ dBm +off +1\.0\.0 +[\d.]+$/i);
    assert.match(second, /^5751 +sleeping +0 +0 +3\.30 V +-\d+ dBm +1\.0\.0 +[\d.]+$/);
    assert.equal(empty, "");
    assert.match(
      figures,
      /^mqtt:\/\/127\.0\.0\.1:\d+ {2}mosquitto version [\d.]+ {2}up \d+ seconds {2}connected \d+ {2}known clients \d+ /,
    );
  });

  it("--once --json: an object for each box, and one for the broker", async () => {
    await two();
    const command = desk.start("watch", "--once", "--json", "-b", url);
    assert.equal(await command.ended, 0);
    const [first, second, figures] = command.objects;
    assert.deepEqual(
      [first, second].map((box) => [box?.["event"], box?.["box"], box?.["presence"], box?.["last"]]),
      [
        ["box", "mresetar/alertbox/5750", "online", null],
        ["box", "mresetar/alertbox/5751", "sleeping", null],
      ],
    );
    assert.match(JSON.stringify(first?.["state"]), /^\{"pushes":0,"pending":0,/);
    assert.match(JSON.stringify(figures), /"version":"mosquitto version/);
  });

  it("not in a terminal: the table, then a line for each change", async () => {
    const { awake, asleep } = await two();
    const command = desk.start("watch", "-b", url);
    await command.wrote(/mosquitto version.*\n/);
    await awake.press();
    await command.wrote(/^[\d-]{10} [\d:]{8} {2}5750 {2}press #1 {2}3\.30 V\n/m);
    await command.wrote(/ {2}5750 {2}state: 1 presses, 0 waiting {2}3\.30 V\n/);
    await asleep.press();
    await command.wrote(/ {2}5751 {2}press #1 {2}3\.30 V\n[\s\S]* {2}5751 {2}online\n[\s\S]* {2}5751 {2}sleeping\n/);
    assert.equal((await desk.run("led", "-b", url, "5750", "on")).status, 0);
    await command.wrote(/ {2}5750 {2}LED ON\n/);
    awake.board.cutPower();
    await broker.stop();
    await command.complained(/connection lost: the broker closed it\. Trying again/);
    await broker.start();
    await command.complained(/connected again after/);
    command.child.kill("SIGINT");
    assert.equal(await command.ended, 130);
  });

  it("--json: an object for each change", async () => {
    const { awake } = await two();
    const command = desk.start("watch", "--json", "-b", url);
    await command.wrote(/"event":"broker","figures"/);
    await awake.press();
    await command.wrote(/"event":"alert".*\n/);
    await command.wrote(/"event":"broker","figure":"uptime".*\n/);
    const alert = command.objects.find(({ event }) => event === "alert");
    assert.equal(alert?.["box"], "mresetar/alertbox/5750");
    assert.equal((alert?.["alert"] as { id: string } | undefined)?.id, idOf(awake.board, 1));
  });

  it("in a terminal: a table that changes in place, and the cursor is given back", async () => {
    const { awake } = await two();
    const command = desk.startInTerminal("watch", "-b", url);
    await command.wrote(/5750 +online[\s\S]*5751 +sleeping[\s\S]*mosquitto version/);
    await awake.press();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own.
    await command.wrote(/\x1b\[\d+A\r\x1b\[0JBOX +PRESENCE +LAST PRESS +AGO[^\n]*\r\n5750 +online +press #1 +now/);
    // A test is shown, and says nothing about the box.
    assert.equal((await desk.run("press", "-b", url, "--chipid", "5750")).status, 0);
    await command.wrote(/5750 +online +press \(test\) +now +1 +0 /);
    command.type("\x03");
    assert.equal(await command.ended, 130);
    assert.ok(command.output.startsWith("\x1b[?25l"));
    assert.ok(command.output.endsWith("\x1b[?25h"));
  });

  it("what strangers publish steers no terminal, and takes no line of its own", async () => {
    const sender = await Listener.open(broker);
    await sender.publish("mresetar/alertbox/9/lwt", '{"state":"\u001b[31mred\\nline"}', 1, true);
    await sender.publish("mresetar/alertbox/\u202e9/led", "\u001b[2J", 1, true);
    await sender.publish("mresetar/alertbox/8/state", "[]", 1, true);
    await sender.close();
    const { status, output } = await desk.run("watch", "--once", "-b", url);
    assert.equal(status, 0);
    assert.ok(!output.includes("\u001b") && !output.includes("\u202e"));
    assert.equal(output.split("\n").length, 7);
  });

  it("boxes that follow a convention are there as its topics say, and devices of others are not", async () => {
    const sender = await Listener.open(broker);
    const keep = (topic: string, text: string) => sender.publish(topic, text, 1, true);
    await keep("homie/5/alertbox-5752/$state", "ready");
    await keep("homie/5/kitchen-lamp/$state", "ready");
    await keep("tele/alertbox_5753/LWT", "Offline");
    await keep("tele/tasmota_AB12CD/LWT", "Online");
    for (const chip of [5752, 5753]) await keep(`mresetar/alertbox/${chip}/state`, '{"pushes":7,"pending":0}');
    // Nothing says yet which root this one has.
    await keep("homie/5/alertbox-5754/$state", "sleeping");
    const command = desk.start("watch", "--json", "-b", url);
    await command.wrote(/"event":"broker","figures"/);
    const boxes = () =>
      command.objects.filter(({ event }) => event === "box" || event === "presence" || event === "gone");
    const places = (from: number) =>
      boxes()
        .slice(from)
        .map(({ event, box, presence }) => [event, box, presence]);
    assert.deepEqual(places(0), [
      ["box", "homie/5/alertbox-5754", "sleeping"],
      ["box", "mresetar/alertbox/5752", "online"],
      ["box", "mresetar/alertbox/5753", "offline"],
    ]);
    await keep("homie/5/alertbox-5752/$state", "init");
    await keep("homie/5/alertbox-5752/$state", "lost");
    await keep("tele/alertbox_5753/LWT", "Online");
    // An alert tells whose it is.
    await sender.publish("mresetar/alertbox/door/alert", '{"pushes":1,"event":"press","id":"5754-1-40146"}', 2);
    await keep("homie/5/alertbox-5754/$state", "ready");
    // From one convention to another, and away.
    await keep("mresetar/alertbox/5753/lwt", '{"state":"online","chip":5753}');
    await keep("tele/alertbox_5753/LWT", "");
    await keep("homie/5/alertbox-5753/$state", "ready");
    await keep("mresetar/alertbox/5753/lwt", "");
    await keep("homie/5/alertbox-5753/$state", "sleeping");
    await keep("homie/5/alertbox-5752/$state", "");
    await command.wrote(/"event":"gone"/);
    assert.deepEqual(places(3), [
      ["presence", "mresetar/alertbox/5752", "lost"],
      ["presence", "mresetar/alertbox/5753", "online"],
      ["presence", "mresetar/alertbox/door", "online"],
      ["presence", "mresetar/alertbox/5753", "sleeping"],
      ["gone", "mresetar/alertbox/5752", undefined],
    ]);
    const only = await desk.run("watch", "--once", "-b", url, "--root", "mresetar/alertbox/5753");
    assert.match(only.output, /^5753 +sleeping +7 /m);
    assert.doesNotMatch(only.output, /^5754/m);
    await sender.close();
  });

  it("boxes that follow Homie or Tasmota: there, asleep, and lost in their words", async () => {
    const awake = open({ settings: { convention: "homie" } });
    const asleep = open({ chipId: 5751, wiring: "rst", settings: { convention: "homie" } });
    const other = open({ chipId: 5752, wiring: "rst", settings: { convention: "tasmota" } });
    const listener = await Listener.open(broker, "homie/5/+/$state");
    await Promise.all([asleep.asleep(), other.asleep()]);
    await listener.heard.first(({ text }) => text === "ready", "a box that is ready");
    await listener.close();
    const command = desk.start("watch", "-b", url);
    await command.wrote(
      /^5750 +online +0 [\s\S]*^5751 +sleeping +0 [\s\S]*^5752 +offline +0 [\s\S]*mosquitto version.*\n/m,
    );
    await other.press();
    await command.wrote(/ {2}5752 {2}press #1 {2}3\.30 V\n[\s\S]* {2}5752 {2}offline\n/);
    // Its connection ends without DISCONNECT.
    awake.close();
    await command.wrote(/ {2}5750 {2}lost\n/);
  });

  it("a box that is taken away is gone", async () => {
    const sender = await Listener.open(broker);
    await sender.publish("mresetar/alertbox/9/lwt", '{"state":"lost","chip":9}', 1, true);
    const command = desk.start("watch", "--json", "-b", url);
    await command.wrote(/"event":"box","box":"mresetar\/alertbox\/9","presence":"lost"[\s\S]*"figures"/);
    await sender.publish("mresetar/alertbox/9/lwt", "", 1, true);
    await command.wrote(/\{"event":"gone","box":"mresetar\/alertbox\/9"\}\n/);
    await sender.close();
  });
});

describe("alertbox press", () => {
  let broker: Broker;
  let listener: Listener;
  const desk = new Desk();

  before(async function () {
    needs(this, NEEDS);
    ({ broker } = await openMosquitto());
    listener = await Listener.open(broker, "#");
  });

  after(async () => {
    await desk.close();
    await listener?.close();
    await broker?.close();
  });

  for (const [words, topic, event] of [
    [[], "mresetar/alertbox/test/alert", "press"],
    [["--chipid", "5750", "--event", "long"], "mresetar/alertbox/5750/alert", "long"],
    [["--root", "hall/5750", "--chipid", "5750"], "hall/5750/alert", "press"],
    [["--topic", "hall/door/alert", "--event", "double"], "hall/door/alert", "double"],
  ] as const) {
    it(`press ${words.join(" ")}: one alert with QoS 2, marked so that nobody takes it for a box's`, async () => {
      const from = listener.heard.entries.length;
      const { status, output, errors } = await desk.run("press", "-b", `127.0.0.1:${broker.port}`, ...words);
      assert.deepEqual([status, errors], [0, ""]);
      const heard = await listener.message(topic, from);
      assert.deepEqual([heard.qos, heard.retain], [2, false]);
      const alert = JSON.parse(heard.text) as Record<string, unknown>;
      assert.match(String(alert["id"]), /^test-[0-9a-f]{12}$/);
      assert.deepEqual([alert["pushes"], alert["event"], alert["test"]], [0, event, true]);
      assert.equal(output, `published ${topic} ${heard.text}\n`);
    });
  }
});
