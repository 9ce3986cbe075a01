// `npm start` as a process of its own: headless runs and their exit status, the terminal on a pipe, ports, signals,
// files.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { connectAsync } from "mqtt";
import { EmbeddedBroker } from "../../host-sim/aedes.js";
import { freePort } from "../../host-sim/free-port.js";
import { Witness } from "../../host-sim/witness.js";
import { Command } from "./command.js";

describe("host-sim/cli", () => {
  let folder: string;
  let commands: Command[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "alertbox-cli-"));
    commands = [];
  });

  afterEach(async () => {
    await Promise.all(commands.map((command) => command.kill()));
    rmSync(folder, { recursive: true });
  });

  function start(...args: string[]): Command {
    const command = new Command(args);
    commands.push(command);
    return command;
  }

  /** Board time runs fast in most tests: joining Wi-Fi takes four seconds of it. */
  const FAST = ["--speed", "20"];

  async function headless(...args: string[]): Promise<{ status: number | null; command: Command; summary: object }> {
    const command = start("--headless", "--json", ...FAST, ...args);
    const status = await command.ended;
    return { status, command, summary: command.objects.at(-1) ?? {} };
  }

  /**
   * The ids of a box's first alerts, of which it has named the first so: what its journal drew stands in its log only.
   */
  function idsAfter(first: unknown, count: number): string[] {
    const [, box, life] = /^(\d+)-1-([1-9]\d{0,4})$/.exec(String(first)) ?? [];
    assert.ok(life !== undefined && Number(life) <= 65535, String(first));
    return Array.from({ length: count }, (_, index) => `${box}-${index + 1}-${life}`);
  }

  /** Listens on a port so that nobody else can. */
  async function occupy(): Promise<{ server: Server; port: number }> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return { server, port: (server.address() as { port: number }).port };
  }

  describe("the command line", () => {
    it("a mistake ends it with status 2 and says what to do, on stderr", async () => {
      const command = start("--bords", "2");
      assert.equal(await command.ended, 2);
      assert.equal(command.output, "");
      assert.match(command.errors, /^alertbox: there is no option --bords\nnpm start -- --help/);
    });

    it("--help is no mistake", async () => {
      const command = start("--help");
      assert.equal(await command.ended, 0);
      assert.match(command.output, /^Usage: npm start -- /);
      assert.equal(command.errors, "");
    });
  });

  describe("headless", () => {
    it("presses, waits for the independent subscriber, and ends with a summary and status 0", async () => {
      const port = await freePort();
      const { status, command, summary } = await headless("--port", `${port}`, "--press", "3");
      assert.equal(status, 0, command.errors);
      const { event, presses, delivered, lost, duplicates, pending } = summary as Record<string, unknown>;
      assert.deepEqual(
        { event, presses, delivered, lost, duplicates, pending },
        { event: "summary", presses: 3, delivered: 3, lost: 0, duplicates: 0, pending: 0 },
      );
      const ready = command.objects[0];
      assert.equal(ready?.["event"], "ready");
      assert.equal(ready?.["broker"], `mqtt://127.0.0.1:${port}`);
      const words = command.objects.filter(({ event }) => event === "step").map(({ word }) => word);
      for (const word of ["boot", "joined", "connected", "stored", "received", "delivered"]) {
        assert.ok(words.includes(word), word);
      }
      const alerts = command.objects.filter((line) => line["event"] === "alert");
      const stored = command.objects.filter(({ word }) => word === "stored").map(({ detail }) => detail);
      const ids = idsAfter(stored[0], 3);
      assert.deepEqual(stored, ids);
      assert.deepEqual(
        alerts.map(({ detail }) => (JSON.parse(String(detail)) as { id: string }).id),
        ids,
      );
      assert.equal(command.errors, "");
    });

    it("a virtual world keeps the promise as fast as it goes, without a port", async () => {
      const args = "--virtual --speed max --headless --json --mode battery --boards 3 --press 5".split(" ");
      const command = start(...args);
      assert.equal(await command.ended, 0, command.errors + command.output);
      const summary = command.objects.at(-1) as Record<string, unknown>;
      assert.deepEqual([summary["delivered"], summary["lost"], summary["duplicates"]], [15, 0, 0]);
      assert.equal(
        command.objects.some(({ event }) => event === "crash"),
        false,
      );
    });

    it("a battery box sleeps between presses, and each press is an alert", async () => {
      const { status, command, summary } = await headless(
        ...["--port", `${await freePort()}`, "--mode", "battery", "--press", "2"],
      );
      assert.equal(status, 0, command.errors + command.output);
      assert.equal((summary as { delivered: number }).delivered, 2);
      const words = command.objects.map(({ word }) => word);
      assert.ok(words.filter((word) => word === "sleeping").length >= 2);
      // The contact chatters when it is let go, and that resets the chip again: no timer has woken it.
      assert.ok(!words.includes("woke"));
    });

    it("several boards have their own alerts, under the root that was asked for", async () => {
      const { status, command, summary } = await headless(
        ...["--port", `${await freePort()}`, "--boards", "3", "--press", "2", "--root", "hall/doors", "--chip", "7"],
      );
      assert.equal(status, 0, command.errors + command.output);
      assert.equal((summary as { delivered: number }).delivered, 6);
      assert.match(String(command.objects[0]?.["watch"]), /'hall\/doors\/\+\/alert'/);
      assert.deepEqual(command.objects[0]?.["boards"], [7, 8, 9]);
    });

    it("without --json writes readable lines and a sentence", async () => {
      const command = start(...FAST, "--headless", "--port", `${await freePort()}`, "--press", "1");
      assert.equal(await command.ended, 0, command.errors);
      assert.match(command.output, / ms {2}stored +(5750-1-\d+)\n[\s\S]* ms {2}delivered +\1\n/);
      assert.match(command.output, /1 press, 1 delivered, 0 lost, 0 twice, median \d+ ms \([\d.]+ s\)\n$/);
    });

    it("--log tells packets and memory, --pcap keeps the packets for Wireshark", async () => {
      const capture = join(folder, "box.pcap");
      const { status, command } = await headless(
        ...["--port", `${await freePort()}`, "--press", "1", "--log", "packets,memory", "--pcap", capture],
      );
      assert.equal(status, 0, command.errors);
      const packets = command.objects.filter(({ event }) => event === "packet");
      const after = packets.slice(packets.findIndex(({ topic }) => String(topic).endsWith("/alert")));
      assert.deepEqual(
        after.filter(({ packetId }) => packetId === 1).map(({ direction, type }) => `${direction} ${type}`),
        ["up PUBLISH", "down PUBREC", "up PUBREL", "down PUBCOMP"],
      );
      const records = command.objects.filter(({ event, what }) => event === "memory" && what === "record");
      const { id } = JSON.parse(String(after[0]?.["detail"])) as { id: string };
      assert.equal(records.at(-1)?.["title"], `${idsAfter(id, 1)[0]} done`);
      assert.ok(command.objects.every(({ event }) => event !== "step"));
      const bytes = readFileSync(capture);
      assert.equal(bytes.readUInt32LE(0), 0xa1b2c3d4);
      assert.ok(bytes.includes('{"pushes":1,"event":"press"'));
    });

    it("says what is wrong with a capture that cannot be written", async () => {
      const command = start("--headless", "--press", "1", "--pcap", join(folder, "missing", "x.pcap"));
      assert.equal(await command.ended, 2);
      assert.match(command.errors, /--pcap .*x\.pcap: it cannot be written \(ENOENT\); name another file/);
    });

    it("ends with status 1 when the broker is away, and the alert is delivered by the next run with the same flash", async () => {
      const port = await freePort();
      const flash = join(folder, "box.flash");
      const url = `mqtt://127.0.0.1:${port}`;
      const first = await headless("--broker", url, "--press", "1", "--deadline", "3", "--flash", flash);
      assert.equal(first.status, 1, first.command.errors);
      const { presses, delivered, lost, pending } = first.summary as Record<string, unknown>;
      assert.deepEqual({ presses, delivered, lost, pending }, { presses: 1, delivered: 0, lost: 1, pending: 1 });
      assert.ok(statSync(flash).size > 0);
      const broker = await EmbeddedBroker.open({ port, nextFree: false });
      try {
        const second = await headless("--broker", url, "--press", "0", "--flash", flash);
        assert.equal(second.status, 0, second.command.errors + second.command.output);
        const { carried, carriedDelivered, pending: left } = second.summary as Record<string, unknown>;
        assert.deepEqual({ carried, carriedDelivered, left }, { carried: 1, carriedDelivered: 1, left: 0 });
        const alert = second.command.objects.find((line) => line["event"] === "alert");
        const stored = first.command.objects.find(({ word }) => word === "stored")?.["detail"];
        const { id, queued } = JSON.parse(String(alert?.["detail"])) as Record<string, unknown>;
        assert.deepEqual([id, queued], [...idsAfter(stored, 1), true]);
      } finally {
        await broker.close();
      }
    });

    it("uses an existing broker, and never writes its password", async () => {
      const broker = await EmbeddedBroker.open({ port: await freePort() });
      const witness = new Witness(broker.url, "mresetar/alertbox/+");
      try {
        await witness.ready();
        const url = `mqtt://ana:s3cret@127.0.0.1:${broker.port}`;
        const { status, command } = await headless("--broker", url, "--press", "1");
        assert.equal(status, 0, command.errors);
        assert.equal(witness.delivered, 1);
        assert.doesNotMatch(command.output + command.errors, /s3cret/);
        assert.equal(command.objects[0]?.["broker"], `mqtt://ana@127.0.0.1:${broker.port}`);
      } finally {
        await witness.close();
        await broker.close();
      }
    });

    it("SIGINT ends a run at once, with a summary and the status of an interruption", async () => {
      const command = start(..."--headless --json --press 500 --port".split(" "), `${await freePort()}`);
      await command.wrote(/"word":"stored"/);
      command.child.kill("SIGINT");
      assert.equal(await command.ended, 130);
      assert.equal(command.objects.at(-1)?.["event"], "summary");
    });

    it("without --press runs until it is told to stop", async () => {
      const command = start(...FAST, "--headless", "--port", `${await freePort()}`);
      await command.wrote(/connected/);
      command.child.kill("SIGTERM");
      assert.equal(await command.ended, 0);
    });
  });

  describe("with a person", () => {
    it("says where everything is, takes keys also from a pipe, and quits with q", async () => {
      const command = start(...FAST, "--port", `${await freePort()}`);
      const [, url] = await command.wrote(/Page +(http:\/\/127\.0\.0\.1:\d+\/)\n/);
      await command.wrote(/Watch +mosquitto_sub -h 127\.0\.0\.1 -p \d+ -t 'mresetar\/alertbox\/\+\/alert' -v\n/);
      assert.match(await (await fetch(url ?? "")).text(), /alertbox bench/);
      await command.wrote(/connected/);
      command.type(" ");
      await command.wrote(/pressed[\s\S]*stored +(5750-1-\d+)\n[\s\S]*delivered +\1\n/);
      await command.wrote(/arrived +\{"pushes":1,/);
      command.type("q");
      assert.equal(await command.ended, 0);
      assert.equal(command.errors, "");
      await assert.rejects(fetch(url ?? ""));
    });

    it("the printed mosquitto_sub line shows the first press", async function () {
      const probe = spawnSync("mosquitto_sub", ["--help"]);
      if (probe.error !== undefined) {
        const text = "mosquitto_sub is not here; install the Mosquitto clients";
        if (process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw new Error(text);
        console.log(`      skipped: ${text}`);
        return this.skip();
      }
      const command = start(...FAST, "--port", `${await freePort()}`);
      const [, line = ""] = await command.wrote(/Watch +(mosquitto_sub .*)\n/);
      await command.wrote(/connected +new session/);
      // It ends after its first message. It says nothing when it is subscribed, so the button is pressed until it has
      // heard.
      const watcher = spawn("sh", ["-c", `exec ${line} -C 1`], { stdio: ["ignore", "pipe", "inherit"] });
      try {
        let seen = "";
        watcher.stdout.setEncoding("utf8").on("data", (text: string) => {
          seen += text;
        });
        const ended = once(watcher, "close") as Promise<[number]>;
        for (let press = 1; watcher.exitCode === null && press < 50; press++) {
          command.type(" ");
          await command.wrote(new RegExp(`arrived +\\{"pushes":${press},`));
        }
        assert.deepEqual(await ended, [0, null]);
        assert.match(seen, /^mresetar\/alertbox\/5750\/alert \{"pushes":(\d+),"event":"press","id":"5750-\1-\d+"/);
      } finally {
        watcher.kill();
      }
    });

    it("cuts power, Wi-Fi and broker with its keys, and what was pressed meanwhile arrives", async () => {
      const command = start(...FAST, "--port", `${await freePort()}`);
      await command.wrote(/connected/);
      command.type("b");
      await command.wrote(/broker off/);
      command.type(" ");
      await command.wrote(/stored +5750-1-\d+\n/);
      command.type("p");
      await command.wrote(/power off[\s\S]*power on/);
      command.type("b");
      await command.wrote(/broker on/);
      await command.wrote(/arrived +\{"pushes":1,.*"queued":true/);
      command.type("w");
      await command.wrote(/Wi-Fi off/);
      command.type("wr");
      await command.wrote(/Wi-Fi on[\s\S]*reset[\s\S]*connected/);
      command.type("q");
      assert.equal(await command.ended, 0);
    });

    it("switches faults by their list, lets boards come and go, and stops the time, with nothing but keys", async () => {
      const command = start(...FAST, "--port", `${await freePort()}`);
      await command.wrote(/connected +new session/);
      command.type("m7");
      await command.wrote(/7 {2}\[ \] {2}Lost PUBCOMP[^\n]+\n[\s\S]*fault +Lost PUBCOMP/);
      command.type(" ");
      const [, id = ""] = await command.wrote(/received +(5750-1-\d+)\n/);
      await command.wrote(/received[\s\S]*failed +connection lost[\s\S]*connected +session present/);
      command.type("m0");
      await command.wrote(new RegExp(`fault over +Lost PUBCOMP[\\s\\S]*delivered +${id}\\n`));
      command.type("+");
      await command.wrote(/5751 +added +mains, gpio[\s\S]*5751 +connected +new session/);
      command.type("\t ");
      await command.wrote(/5751 +arrived +\{"pushes":1,/);
      command.type("--");
      await command.wrote(/- again: board 5751[\s\S]*5751 +removed/);
      command.type("z ");
      await command.wrote(/5750 +pressed[^\n]*\n$/);
      command.type("...z");
      await command.wrote(/arrived +\{"pushes":2,/);
      command.type("q");
      assert.equal(await command.ended, 0);
      assert.equal(command.errors, "");
    });

    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      it(`${signal} ends everything at once and leaves no process and no file`, async () => {
        const flash = join(folder, "box.flash");
        const port = await freePort();
        const command = start(...FAST, "--port", `${port}`, "--flash", flash);
        await command.wrote(/connected/);
        const children = childrenOf(command.child.pid ?? 0);
        command.child.kill(signal);
        assert.equal(await command.ended, 0);
        // A process that stayed would let this test run into its limit.
        while (children.some(isRunning)) await new Promise(setImmediate);
        assert.deepEqual(readdirSync(folder), ["box.flash"]);
        const again = createServer().listen(port, "127.0.0.1");
        await once(again, "listening");
        again.close();
      });
    }

    it("ends when nobody reads its output any more", async () => {
      const command = start(...FAST, "--port", `${await freePort()}`);
      await command.wrote(/connected/);
      command.child.stdout?.destroy();
      command.type("?");
      assert.equal(await command.ended, 0);
    });
  });

  describe("setup and recovery", () => {
    it("--factory-new: says where the setup is and what to type, and when it is over how to come back", async () => {
      const command = start("--port", `${await freePort()}`, "--setup-port", "0", "--factory-new");
      const [, url = ""] = await command.wrote(/setup open +(http:\S+) {2}closes in 120 s\n/);
      await command.wrote(/home +Wi-Fi "home", password "correct horse"; broker 127\.0\.0\.1:\d+\n/);
      assert.match(await (await fetch(url)).text(), /<title>AlertBox setup/);
      // Two minutes pass a hundred times as fast once the page was seen.
      command.type(">>");
      await command.wrote(/setup closed +a reset \(r\) opens it again\n/);
      await assert.rejects(fetch(url), "nothing listens any more");
      command.type("r");
      await command.wrote(/setup closed[\s\S]* reset\n[\s\S]*setup open/);
      command.type("q");
      assert.equal(await command.ended, 0, command.errors);
    });

    it("a hold opens the setup, and afterwards the box is back with its settings", async () => {
      const command = start("--speed", "50", "--port", `${await freePort()}`, "--setup-port", "0");
      await command.wrote(/connected +new session/);
      command.type("s");
      await command.wrote(/setup open/);
      await command.wrote(/setup closed\n[\s\S]*restart\n[\s\S]*connected/);
      command.type(" ");
      await command.wrote(/stored +(5750-1-\d+)\n[\s\S]*delivered +\1\n/);
      command.type("q");
      assert.equal(await command.ended, 0, command.errors);
    });

    it("where the button is on RST, five quick presses open it", async () => {
      const args = ["--mode", "battery", "--wiring", "rst", "--setup-port", "0"];
      const command = start(...FAST, "--port", `${await freePort()}`, ...args);
      await command.wrote(/sleeping/);
      command.type("s");
      await command.wrote(/five quick presses\n[\s\S]*setup open/);
      command.type("q");
      assert.equal(await command.ended, 0, command.errors);
    });

    it("a factory reset takes what was stored; the box goes on with what it was built with", async () => {
      const command = start(...FAST, "--port", `${await freePort()}`);
      await command.wrote(/connected +new session/);
      command.type("ff");
      await command.wrote(/factory-reset +settings and stored alerts erased\n[\s\S]*restart\n[\s\S]*connected +clean/);
      command.type("q");
      assert.equal(await command.ended, 0, command.errors);
    });

    it("three crashes lead to safe mode, with the setup open", async () => {
      const command = start(...FAST, "--port", `${await freePort()}`, "--setup-port", "0");
      await command.wrote(/connected +new session/);
      for (let crash = 1; crash <= 3; crash++) {
        command.type("x");
        await command.wrote(new RegExp(`(crash +the watchdog bites\\n[\\s\\S]*boot +crash[\\s\\S]*){${crash}}`));
      }
      await command.wrote(/safe +three bad boots\n[\s\S]*setup open/);
      command.type("q");
      assert.equal(await command.ended, 0, command.errors);
    });

    it("follows the box to another topic root, in this run and in the next with the same flash", async () => {
      const flash = join(folder, "box.flash");
      const port = await freePort();
      const first = start(...FAST, "--port", `${port}`, "--flash", flash);
      await first.wrote(/connected +new session/);
      const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
      try {
        await client.publishAsync("mresetar/alertbox/5750/cmd/config", '{"root":"hall/door"}', {
          qos: 1,
          retain: true,
        });
        await first.wrote(/config +applied[\s\S]*topic root +hall\/door\n/);
        await first.wrote(/topic root[\s\S]*connected/);
      } finally {
        await client.endAsync();
      }
      // The watcher is told of the root when the box is: the button is pressed until one arrives.
      for (let press = 1; !/arrived/.test(first.output) && press < 50; press++) {
        first.type(" ");
        await first.wrote(new RegExp(`stored +(5750-${press}-\\d+)\\n[\\s\\S]*delivered +\\1\\n`));
      }
      await first.wrote(/arrived +\{"pushes"/);
      first.type("q");
      assert.equal(await first.ended, 0);
      const { status, command } = await headless("--port", `${port}`, "--press", "1", "--flash", flash);
      assert.equal(status, 0, command.errors + command.output);
    });

    it("says so when the settings expect the button elsewhere than it is soldered", async () => {
      const command = start(...FAST, "--port", `${await freePort()}`);
      await command.wrote(/connected +new session/);
      const port = /Broker +mqtt:\/\/127\.0\.0\.1:(\d+)/.exec(command.output)?.[1];
      const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
      try {
        const config = '{"mode":"battery","wiring":"rst"}';
        await client.publishAsync("mresetar/alertbox/5750/cmd/config", config, { qos: 1, retain: true });
        await command.wrote(
          /button +RST by its settings, but soldered to D3: start with --mode battery --wiring rst\n/,
        );
      } finally {
        await client.endAsync();
      }
    });
  });

  describe("ports", () => {
    it("a port that was asked for and is in use is a clear error", async () => {
      const { server, port } = await occupy();
      for (const name of ["--port", "--page-port", "--setup-port"]) {
        const command = start(name, `${port}`);
        assert.equal(await command.ended, 2, name);
        assert.match(command.errors, new RegExp(`port ${port} is in use.*with ${name},`));
        assert.equal(command.output, "");
      }
      server.close();
    });

    it("two benches at once find their own ports", async () => {
      const both = [start("--factory-new"), start("--factory-new")];
      const ports = [];
      for (const command of both) {
        const [, page] = await command.wrote(/Page +http:\/\/127\.0\.0\.1:(\d+)\//);
        const [, broker] = await command.wrote(/Broker +mqtt:\/\/127\.0\.0\.1:(\d+)/);
        const [, setup] = await command.wrote(/setup open +http:\/\/127\.0\.0\.1:(\d+)\//);
        ports.push(page, broker, setup);
      }
      assert.equal(new Set(ports).size, 6);
      for (const command of both) command.type("q");
      assert.deepEqual(await Promise.all(both.map((command) => command.ended)), [0, 0]);
    });
  });

  describe("--flash", () => {
    it("without it each run begins a journal: alerts count from 1 again, and have ids of their own", async () => {
      const firsts: unknown[] = [];
      for (const run of [1, 2, 3]) {
        const { status, command } = await headless("--port", `${await freePort()}`, "--press", "1");
        assert.equal(status, 0, `run ${run}: ${command.errors}`);
        const { detail } = command.objects.find(({ word }) => word === "stored") ?? {};
        firsts.push(...idsAfter(detail, 1));
      }
      // By chance two of them are the same once in some 20,000 times, all three as good as never.
      assert.ok(new Set(firsts).size > 1, String(firsts));
    });

    it("keeps the press count between runs, one file for each of several boards", async () => {
      const flash = join(folder, "box.flash");
      const delivered: unknown[] = [];
      for (const run of [1, 2]) {
        const { status, command } = await headless(
          ...["--port", `${await freePort()}`, "--boards", "2", "--press", "1", "--flash", flash],
        );
        assert.equal(status, 0, command.errors + command.output);
        const mine = command.objects.filter(({ board, word }) => board === 5751 && word === "delivered");
        assert.equal(mine.length, 1, `run ${run}`);
        delivered.push(mine[0]?.["detail"]);
      }
      assert.deepEqual(delivered, idsAfter(delivered[0], 2));
      assert.deepEqual(readdirSync(folder).sort(), ["box.flash.5750", "box.flash.5751"]);
    });

    it("has the alert in its file as soon as it is stored, whatever happens to the bench then", async () => {
      const flash = join(folder, "box.flash");
      const port = await freePort();
      const command = start(...FAST, "--port", `${port}`, "--flash", flash);
      await command.wrote(/connected +new session/);
      command.type("b");
      await command.wrote(/broker off/);
      command.type(" ");
      await command.wrote(/stored +5750-1-\d+\n/);
      command.child.kill("SIGKILL");
      await command.ended;
      const { status, summary } = await headless("--port", `${port}`, "--press", "0", "--flash", flash);
      assert.equal(status, 0);
      assert.equal((summary as { carriedDelivered: number }).carriedDelivered, 1);
      assert.deepEqual(readdirSync(folder), ["box.flash"]);
    });

    it("keeps what the SDK keeps of the Wi-Fi, and gives it to the board of the next run", async () => {
      const flash = join(folder, "box.flash");
      const kept = () => /\n?(\{"station":.*\})\n$/.exec(readFileSync(flash, "latin1"))?.[1] ?? "";
      await headless("--port", `${await freePort()}`, "--press", "1", "--flash", flash);
      const config = { ssid: "home", password: "correct horse" };
      assert.deepEqual(JSON.parse(kept()), { station: { config, hasKey: true } });
      // It ends before the board has joined: what is in the file then is what the board began with.
      const { command } = await headless("--port", `${await freePort()}`, "--press", "0", "--flash", flash);
      assert.ok(!command.objects.some(({ word }) => word === "joined"));
      assert.deepEqual(JSON.parse(kept()), { station: { config, hasKey: true } });
    });

    it("refuses a file that is something else, and leaves it alone", async () => {
      const file = join(folder, "letter.txt");
      writeFileSync(file, "Dear reader");
      const command = start("--headless", "--press", "1", "--flash", file);
      assert.equal(await command.ended, 2);
      assert.match(command.errors, /letter\.txt is no flash of this bench.*Name another file/);
      assert.equal(readFileSync(file, "utf8"), "Dear reader");
    });

    it("says what is wrong with a place that cannot be written", async () => {
      const command = start("--flash", join(folder, "no", "where"));
      assert.equal(await command.ended, 2);
      assert.match(command.errors, /its folder does not exist; make it first/);
    });
  });
});

/** Whether a process runs; one that has ended and only waits for its parent to notice has no command line. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
}

/** Ids of the processes that a process has started, on Linux; elsewhere none are seen. */
function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").split(" ").filter(Boolean).map(Number);
}
