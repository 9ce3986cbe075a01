// The bench in a virtual world: the same seed and the same deeds are the same bytes, at whatever pace; the panels have
// what they have on a real bench, and the broker says what a board does wrong.

import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { Bench } from "../../host-sim/bench.js";
import { parseOptions } from "../../host-sim/options.js";
import { FASTEST, type Snapshot } from "../../host-sim/page/protocol.js";
import { parseScenario, type Scenario } from "../../host-sim/scenario.js";
import { loadScenario } from "../../host-sim/scenario-file.js";
import { playScenario, scenarioOptions } from "../../host-sim/scenario-player.js";
import { RunningBench } from "./running-bench.js";

/** Everything that has to do with chance, and with what comes at the same instant. */
const EVENTFUL = [
  "title: Eventful",
  "world: virtual",
  "boards: [{ mode: mains }, { mode: battery, wiring: rst }, { mode: mains, new: yes }]",
  "steps:",
  "- until: { setup: on }",
  "  board: 3",
  "- form: { ssid: $ssid, wifiPassword: $password, host: $host, port: $port }",
  "  board: 3",
  "- until: { presence: online }",
  "- fault: bounce",
  "- repeat: 3",
  "  scattered over: 1 min",
  "  steps: [press, press: 2]",
  "- mend: bounce",
  "- fault: slow-network",
  "- press",
  "- { fault: flash-cut, board: 2 }",
  "- press: 2",
  "- until: { alerts: 4 }",
  "- mend: slow-network",
  "- fault: lost-pubcomp",
  "- press",
  "- after: 20 s",
  "- mend: lost-pubcomp",
  "- fault: half-open",
  "- after: 2 min",
  "- mend: half-open",
  "- broker: off",
  "- press",
  "- after: 30 s",
  "- broker: on",
  "- until: { alerts: 6 }",
  "- blackout",
  "- forget",
  "- wifi: off",
  "- after: 20 s",
  "- wifi: on",
  "- until: { presence: online }",
  "- until: { presence: online }",
  "  board: 3",
  "- expect: { alerts: 6, duplicates: 0 }",
].join("\n");

/** What a run has to say for itself, all of it. */
type Story = Pick<Snapshot, "lines" | "packets" | "presses" | "draws" | "boards"> & { readonly capture: string };

describe("host-sim/virtual-world", () => {
  let bench: Bench | undefined;

  afterEach(() => bench?.close());

  const isEnd = ({ word }: { readonly word: string }) => word === "scenario" || word === "failed";

  async function play(scenario: Scenario, ...args: string[]): Promise<Story> {
    const parsed = parseOptions(["--virtual", "--scenario", "x", "--headless", ...args]);
    assert.ok(parsed.kind === "run", JSON.stringify(parsed));
    const seeded = { ...scenario, seed: parsed.options.seed ?? scenario.seed };
    bench = await Bench.start(scenarioOptions(parsed.options, seeded), 5000);
    // Somebody looks on, now and then; nobody may notice.
    const looker = setInterval(() => bench?.snapshot().topics.length, 1);
    const lines: Snapshot["lines"][number][] = [...bench.snapshot().lines];
    const packets: Snapshot["packets"][number][] = [];
    let body: Uint8Array = new Uint8Array();
    bench.on((event) => {
      if (event.type === "line") {
        lines.push(event.line);
        // At that instant: what follows the end of the scenario is real time again.
        if (isEnd(event.line)) body = bench?.downloads.get("/alertbox.pcap")?.().body ?? body;
      } else if (event.type === "packet") packets.push(event.packet);
    });
    const { failure } = await playScenario(bench, seeded, new AbortController().signal);
    const at = lines.findLastIndex(isEnd);
    clearInterval(looker);
    assert.equal(failure, undefined);
    const { boards, presses, draws } = bench.snapshot();
    await bench.close();
    const end = lines[at]?.at ?? 0;
    return {
      lines: lines.slice(0, at + 1),
      packets: packets.filter((packet) => packet.at <= end),
      presses,
      draws: draws.filter((draw) => draw.at <= end),
      boards: boards.map((board) => ({ ...board, chargeMah: 0, asleep: 0 })),
      capture: Buffer.from(body).toString("hex"),
    };
  }

  for (const [name, scenario] of [
    ["power-cut", loadScenario("power-cut")],
    ["an eventful one", parseScenario(EVENTFUL, "eventful")],
  ] as const) {
    it(`the same seed and the same scenario are the same lines and packets, at whatever pace: ${name}`, async () => {
      const story = await play(scenario);
      assert.ok(story.packets.length > 10 && story.lines.length > 10 && story.capture.length > 1000);
      assert.deepEqual(await play(scenario), story);
      if (name === "power-cut") assert.deepEqual(await play(scenario, "--speed", "100"), story);
    });
  }

  it("another seed is another run", async () => {
    const scenario = parseScenario(EVENTFUL, "eventful");
    const { lines } = await play(scenario, "--seed", "2");
    const { lines: others } = await play(scenario, "--seed", "3");
    assert.notDeepEqual(lines, others);
    // Different times, the same promise.
    assert.equal(lines.at(-1)?.detail, "done, all of it held");
  });

  it("has what a real bench has: topics with what is kept, clients, figures, presence, publish and clear", async () => {
    const running = await RunningBench.start("--virtual", "--speed", "100");
    running.holdsStill = true;
    bench = running.bench;
    await running.online();
    const topic = (name: string) => running.bench.snapshot().topics.find((each) => each.topic === name);
    const lwt = `${running.view().root}/lwt`;
    assert.match(topic(lwt)?.payload ?? "", /^{"state":"online"/);
    assert.equal(topic(lwt)?.retained, true);
    const { broker } = running.bench.snapshot();
    assert.deepEqual(
      [broker.connected, broker.trouble, broker.clients?.map(({ id, clean }) => `${id} ${clean}`)],
      [true, "", ["alertbox5750 false"]],
    );
    assert.ok(new Map(broker.sys).get("$SYS/broker/clients/connected") === "1", JSON.stringify(broker.sys));
    const publish = (payload: string, name = "house/light") =>
      running.act({ type: "publish", topic: name, payload, qos: 1, retain: true });
    publish("on");
    assert.deepEqual([topic("house/light")?.payload, topic("house/light")?.retained], ["on", true]);
    publish("");
    assert.equal(topic("house/light"), undefined, "cleared");
    publish("ON", `${running.view().root}/cmd/led`);
    await running.until(() => running.view().led);
    running.act({ type: "broker", on: false });
    assert.deepEqual([running.view().presence, running.bench.snapshot().broker.connected], ["", false]);
    publish("lost");
    assert.match(running.bench.snapshot().broker.trouble, /not published: not connected/);
    running.act({ type: "broker", on: true });
    await running.until(() => running.view().presence === "online");
    running.act({ type: "forget" });
    assert.ok(running.words().includes("broker forgets") && running.words().includes("observer"));
    assert.equal(topic(lwt)?.retained ?? false, false, "what was kept is forgotten");
    running.act({ type: "press", board: 0 });
    await running.until(() => running.view().alerts === 1);
    assert.equal(running.view().duplicates, 0);
  });

  it("a forgotten broker that was off stays off", async () => {
    const running = await RunningBench.start("--virtual", "--speed", "100");
    running.holdsStill = true;
    bench = running.bench;
    await running.online();
    running.act({ type: "broker", on: false });
    running.act({ type: "forget" });
    assert.equal(running.bench.snapshot().broker.connected, false);
    running.act({ type: "broker", on: true });
    await running.until(() => running.seen.findLast(({ what }) => what === "connack")?.sessionPresent === false);
  });

  it("a rule of MQTT that is broken is a line of the story", async () => {
    const running = await RunningBench.start("--virtual", "--speed", "100");
    running.holdsStill = true;
    bench = running.bench;
    await running.online();
    // The board's own TCP, with something that is no MQTT.
    const { board } = running.board();
    const from = { board, alive: true, clock: board.clock, onEnd: () => undefined } as unknown as Parameters<
      typeof board.network.connect
    >[0];
    board.airspace.radioFor = () => board.airspace.radioOn(board) as ReturnType<typeof board.airspace.radioFor>;
    const quiet = { onData: () => {}, onAcknowledged: () => {}, onEnd: () => {}, onError: () => {} };
    const connection = board.network.connect(from, "10.0.0.2", 1883, {
      ...quiet,
      onOpen: () => connection.write(Uint8Array.from([0xc0, 0])),
    });
    await running.said("breach");
    const line = running.lines.find(({ word }) => word === "breach");
    assert.deepEqual([line?.board, line?.detail], [0, "[MQTT-3.1.0-1] PINGREQ before CONNECT"]);
  });

  it("runs as fast as it goes, gives the turn away, and can be paused, stepped and slowed down", async () => {
    const running = await RunningBench.start("--virtual", "--speed", "max");
    bench = running.bench;
    assert.equal(running.bench.view.speed, FASTEST);
    await running.online();
    // A keep-alive for ever: other things have their turn nevertheless.
    const from = running.bench.now;
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(running.bench.now > from + 60_000);
    running.act({ type: "time", speed: 0 });
    const { now } = running.bench;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(running.bench.now, now);
    running.act({ type: "press", board: 0 });
    for (let step = 0; !running.words().includes("stored"); step++) {
      assert.ok(step < 1000);
      running.act({ type: "step" });
    }
    running.act({ type: "time", speed: 100 });
    assert.deepEqual([running.bench.view.speed, running.bench.view.paused], [100, false]);
    await running.until(() => running.view().alerts === 1);
  });

  it("what is done in it is recorded with its world and its seed, and plays again", async () => {
    const running = await RunningBench.start("--virtual", "--seed", "11", "--speed", "100");
    bench = running.bench;
    await running.online();
    const received = running.said("received");
    running.act({ type: "press", board: 0 });
    await received;
    running.act({ type: "time", speed: FASTEST });
    running.act({ type: "blackout", board: 0 });
    await running.until(() => running.view().alerts === 1 && running.board().pending === 0);
    const scenario = parseScenario(running.bench.recorded(), "recorded");
    assert.deepEqual([scenario.world, scenario.seed], ["virtual", 11]);
    assert.deepEqual(
      scenario.steps.map(({ deed }) => deed.type).filter((type) => type !== "after"),
      ["wait", "press", "wait", "blackout"],
    );
    await running.close();
    await play(scenario);
  });

  it("a browser here fills in the setup page of a box there", async () => {
    const running = await RunningBench.start("--virtual", "--factory-new", "--speed", "10");
    bench = running.bench;
    await running.said("setup door", 0, 0);
    const { setup } = running.view();
    assert.match(setup, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    const shown = running.lines.find(({ word }) => word === "setup open");
    assert.match(shown?.detail ?? "", /^http:\/\/192\.168\.4\.1\/ /, "the story says where it is in that world");
    const page = await fetch(setup);
    assert.deepEqual([page.status, page.headers.get("content-type")], [200, "text/html"]);
    assert.match(await page.text(), /<form/);
    const { ssid, password, broker } = running.bench.view.home;
    const [host = "", port = ""] = broker.split(":");
    const answer = await fetch(`${setup}try`, {
      method: "POST",
      headers: { origin: setup.slice(0, -1) },
      body: new URLSearchParams({ ssid, wifiPassword: password, host, port }),
    });
    assert.equal(answer.status, 200);
    await running.until(() => running.view().presence === "online");
    assert.equal(running.view().setup, "");
    await assert.rejects(fetch(setup), "the door is shut");
  });

  it("where nobody looks there is no door", async () => {
    const running = await RunningBench.start("--virtual", "--factory-new", "--headless", "--speed", "max");
    bench = running.bench;
    await running.until(() => running.words().includes("setup closed"));
    assert.ok(running.words().includes("setup open") && !running.words().includes("setup door"));
  });

  it("a real bench has no such speed", async () => {
    const running = await RunningBench.start();
    bench = running.bench;
    running.act({ type: "time", speed: FASTEST });
    assert.equal(running.bench.view.speed, 10);
  });

  it("adds and removes boards like a real one", async () => {
    const running = await RunningBench.start("--virtual", "--speed", "max");
    running.holdsStill = true;
    bench = running.bench;
    running.act({ type: "add", mode: "battery", wiring: "rst" });
    await running.until(() => running.view(1).power === "asleep");
    running.act({ type: "press", board: 1 });
    await running.until(() => running.view(1).alerts === 1);
    running.act({ type: "remove", board: 1 });
    assert.deepEqual(
      running.bench.snapshot().boards.map(({ index }) => index),
      [0],
    );
  });
});
