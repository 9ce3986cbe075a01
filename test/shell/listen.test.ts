// `alertbox listen` as a program of its own, against a real Mosquitto, with alerts of the firmware on a virtual board.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import { connectAsync } from "mqtt";
import { EmbeddedBroker } from "../../host-sim/aedes.js";
import { idOf } from "../alert-id.js";
import type { Broker } from "../interop/brokers/broker.js";
import { needs } from "../interop/brokers/broker.js";
import { Listener } from "../interop/listener.js";
import { RealBoard } from "../interop/real-board.js";
import { Desk, NEEDS, openMosquitto } from "./desk.js";

const ALERT = "mresetar/alertbox/5750/alert";

function alert(id: string, more: object = {}): string {
  return JSON.stringify({ pushes: 7, event: "press", id, vcc: 3012, rssi: -61, ms: 742, try: 1, ...more });
}

describe("alertbox listen", () => {
  let broker: Broker;
  let url: string;
  let sender: Listener;
  let desk: Desk;

  before(async function () {
    needs(this, NEEDS);
    const persistence = (folder: string) => [
      "allow_anonymous true",
      "persistence true",
      `persistence_location ${folder}/`,
      "autosave_on_changes true",
      "autosave_interval 1",
    ];
    ({ broker } = await openMosquitto(persistence));
    url = `mqtt://127.0.0.1:${broker.port}`;
  });

  beforeEach(async () => {
    desk = new Desk();
    sender = await Listener.open(broker);
  });

  afterEach(async () => {
    await sender.close();
    await desk.close();
  });

  after(() => broker?.close());

  /** What a command can wait for. */
  function fifo(): string {
    const path = join(desk.home, "gate");
    assert.equal(spawnSync("mkfifo", [path]).status, 0);
    return path;
  }

  function openGate(path: string): void {
    assert.equal(spawnSync("sh", ["-c", 'echo go > "$1"', "sh", path]).status, 0);
  }

  it("runs the command for a press of the real firmware, with the alert in its environment", async () => {
    const show =
      'for name in EVENT ID CHIPID PUSHES TOPIC ROOT VCC RSSI TRY QUEUED TEST; do eval "echo $name=\\$ALERTBOX_$name"; done';
    const command = desk.start(
      "listen",
      "-b",
      url,
      "--count",
      "1",
      "--",
      "sh",
      "-c",
      `${show}; echo "JSON=$ALERTBOX_JSON"; date -d "$ALERTBOX_TIME" +TIME=%s`,
    );
    await command.complained(
      /listening to mresetar\/alertbox\/alert and mresetar\/alertbox\/\+\/alert on mqtt:\/\/127/,
    );
    const box = new RealBoard({ port: broker.port, speed: 8 });
    let id = "";
    try {
      await box.online();
      await box.press();
      id = idOf(box.board, 1);
      assert.equal(await command.ended, 0, command.errors);
    } finally {
      box.close();
    }
    const values = Object.fromEntries(
      command.output.split("\n").map((line) => /^([A-Z]+)=(.*)$/.exec(line)?.slice(1) ?? ["", ""]),
    );
    const { EVENT, ID, CHIPID, PUSHES, TOPIC, ROOT, VCC, TRY, QUEUED, TEST, JSON: json, TIME } = values;
    assert.deepEqual(
      { EVENT, ID, CHIPID, PUSHES, TOPIC, ROOT, VCC, TRY, QUEUED, TEST },
      {
        ...{ EVENT: "press", ID: id, CHIPID: "5750", PUSHES: "1", TOPIC: ALERT, ROOT: "mresetar/alertbox/5750" },
        ...{ VCC: "3300", TRY: "1", QUEUED: "0", TEST: "0" },
      },
    );
    assert.equal((JSON.parse(String(json)) as { id: string }).id, id);
    assert.match(String(TIME), /^\d+$/);
    assert.match(
      command.output,
      /^\d{4}-\d\d-\d\d [\d:]{8} {2}mresetar\/alertbox\/5750 {2}press {3}#1 {2}3\.30 V {2}-\d+ dBm/,
    );
  });

  it("without a command prints one line per alert, with --json one object", async () => {
    const [text, json] = [
      desk.start("listen", "-b", url, "--count", "2"),
      desk.start("listen", "-b", url, "--json", "--count", "2"),
    ];
    await Promise.all([text.complained(/listening/), json.complained(/listening/)]);
    await sender.publish(ALERT, alert("5750-8-40146", { queued: true, try: 2 }), 2);
    await sender.publish("mresetar/alertbox/alert", '{"pushes":42}', 2);
    assert.deepEqual(await Promise.all([text.ended, json.ended]), [0, 0]);
    assert.match(
      text.output,
      /^.* {2}press {3}#7 {2}3\.01 V {2}-61 dBm {2}742 ms {2}5750-8-40146 {2}\(was stored in the box\)\n.* {2}press {3}#42\n$/,
    );
    assert.match(text.errors, /^alertbox: listening.*\n$/, "and says nothing else");
    const [first, second] = json.objects;
    assert.deepEqual(Object.keys(first ?? {}), [
      ...["pushes", "event", "id", "vcc", "rssi", "ms", "try", "queued", "chip", "topic", "time"],
    ]);
    assert.deepEqual(
      [first?.["chip"], first?.["topic"], second?.["event"], second?.["chip"]],
      [5750, ALERT, "press", null],
    );
  });

  it("knows the box by the alert's id where the topic does not name it", async () => {
    const command = desk.start("listen", "-b", url, "--root", "hall", "--json", "--count", "4");
    await command.complained(/listening/);
    for (const id of ["5750-8-40146", "5751-8", "5752-8-1-1", "test-8"])
      await sender.publish("hall/alert", alert(id), 2);
    assert.equal(await command.ended, 0);
    assert.deepEqual(
      command.objects.map(({ chip }) => chip),
      [5750, 5751, null, null],
    );
  });

  it("drops an alert that comes again, and says so", async () => {
    const command = desk.start("listen", "-b", url, "--count", "2", "--", "sh", "-c", 'echo "ran $ALERTBOX_ID"');
    await command.complained(/listening/);
    for (const id of ["5750-1", "5750-1", "5750-2"]) await sender.publish(ALERT, alert(id), 2);
    assert.equal(await command.ended, 0);
    assert.deepEqual(command.output.match(/^ran .*$/gm), ["ran 5750-1", "ran 5750-2"]);
    assert.match(command.errors, /5750-1 came again: dropped/);
  });

  it("runs one command after the other; one that fails is told of and stops nothing", async () => {
    const gate = fifo();
    const script = [
      'echo "begin $ALERTBOX_ID"',
      // The first one ends when all have come.
      `if test $ALERTBOX_ID = 1-1; then read line < "${gate}"; exit 3; fi`,
      "test $ALERTBOX_ID != 1-2 || kill -9 $$",
      'echo "end $ALERTBOX_ID"',
    ];
    const words = ["--json", "--count", "4", "--", "sh", "-c", script.join("; ")];
    const command = desk.start("listen", "-b", url, ...words);
    await command.complained(/listening/);
    for (let count = 1; count <= 4; count += 1) await sender.publish(ALERT, alert(`1-${count}`), 2);
    await command.wrote(/"1-4"/);
    openGate(gate);
    assert.equal(await command.ended, 0);
    assert.equal(command.objects.length, 4);
    // With --json what the command prints goes with the complaints.
    assert.deepEqual(command.errors.match(/^(begin|end|alertbox: 1-).*$/gm), [
      ...["begin 1-1", "alertbox: 1-1: the command has failed with status 3"],
      ...["begin 1-2", "alertbox: 1-2: the command was ended by SIGKILL (137)"],
      ...["begin 1-3", "end 1-3", "begin 1-4", "end 1-4"],
    ]);
  });

  it("--limit ends a command that takes too long", async () => {
    const command = desk.start("listen", "-b", url, "--count", "1", "--limit", "1", "--", "sleep", "600");
    await command.complained(/listening/);
    await sender.publish(ALERT, alert("1-1"), 2);
    assert.equal(await command.ended, 0);
    assert.match(command.errors, /1-1: the command was ended by SIGTERM/);
  });

  it("--on acts on those events only", async () => {
    const command = desk.start("listen", "-b", url, "--on", "long,double", "--json", "--count", "2");
    await command.complained(/listening/);
    for (const [id, event] of [
      ["1-1", "press"],
      ["1-2", "long"],
      ["1-3", "press"],
      ["1-4", "double"],
    ] as const) {
      await sender.publish(ALERT, alert(id, { event }), 2);
    }
    assert.equal(await command.ended, 0);
    assert.deepEqual(
      command.objects.map(({ id }) => id),
      ["1-2", "1-4"],
    );
  });

  it("ignores what is no press: retained, not JSON, too long; and lets nothing steer the terminal", async () => {
    await sender.publish(ALERT, alert("1-0"), 1, true);
    const command = desk.start("listen", "-b", url, "--count", "1", "--", "sh", "-c", 'printf "%s|" "$ALERTBOX_EVENT"');
    await command.complained(
      /listening[\s\S]*a retained message is no press|a retained message is no press[\s\S]*listening/,
    );
    await sender.publish(ALERT, "", 1, true);
    await sender.publish(ALERT, "ring", 2);
    await sender.publish(ALERT, `{"event":"${"x".repeat(70_000)}"}`, 2);
    await sender.publish(ALERT, alert("1-9", { event: "\u0000\u001b[2J" }), 2);
    assert.equal(await command.ended, 0);
    assert.match(
      command.errors,
      /alert: ignored, the payload is not JSON\n[\s\S]*ignored, 70012 characters are too many/,
    );
    assert.match(command.output, /··\[2J\|$/);
    assert.ok(!command.output.includes("\u001b"));
  });

  it("--root is one box's topic, or what several have in common", async () => {
    const command = desk.start("listen", "-b", url, "--root", "hall/door", "--count", "2", "--json");
    await command.complained(/listening to hall\/door\/alert and hall\/door\/\+\/alert/);
    await sender.publish(ALERT, alert("1-1"), 2);
    await sender.publish("hall/door/alert", alert("1-2"), 2);
    await sender.publish("hall/door/17/alert", alert("1-3"), 2);
    assert.equal(await command.ended, 0);
    assert.deepEqual(
      command.objects.map(({ id }) => id),
      ["1-2", "1-3"],
    );
  });

  it("gets alerts from the bench's own broker, too, with a session as without", async () => {
    const aedes = await EmbeddedBroker.open({ port: 0 });
    try {
      const place = ["-b", `127.0.0.1:${aedes.port}`];
      const both = [desk.start("listen", ...place, "--count", "1"), desk.start("listen", ...place, "--session", "x")];
      await Promise.all(both.map((command) => command.complained(/listening/)));
      both[1]?.child.kill("SIGTERM");
      await both[1]?.ended;
      assert.equal((await desk.run("press", ...place, "--event", "long")).status, 0);
      const again = desk.start("listen", ...place, "--session", "x", "--count", "1");
      assert.deepEqual([await both[0]?.ended, await again.ended], [0, 0]);
      for (const command of [both[0], again]) assert.match(command?.output ?? "", / {2}long {4}#0 .*\(test\)\n$/);
    } finally {
      await aedes.close();
    }
  });

  it("comes back when the broker does, says both, and misses nothing of a session", async () => {
    const command = desk.start("listen", "-b", url, "--session", "restart", "--json", "--count", "2");
    await command.complained(/listening/);
    await sender.publish(ALERT, alert("1-1"), 2);
    await command.wrote(/"1-1"/);
    await sender.close();
    await broker.stop();
    await command.complained(/connection lost: the broker closed it\. Trying again/);
    await broker.start();
    sender = await Listener.open(broker);
    await sender.publish(ALERT, alert("1-2"), 2);
    assert.equal(await command.ended, 0);
    assert.match(command.errors, /connected again after [\d.]+ s, nothing was missed/);
    assert.deepEqual(
      command.objects.map(({ id }) => id),
      ["1-1", "1-2"],
    );
  });

  describe("with a session", () => {
    const args = (name: string) => ["listen", "-b", url, "--session", name];
    const begin = (name: string) =>
      desk.start(...args(name), "--count", "3", "--", "sh", "-c", `echo "ran $ALERTBOX_ID"`);

    it("nothing is missed while it is away, nothing is acted on twice, and what was cut off is done again", async () => {
      const first = desk.start(
        ...args("away"),
        "--",
        "sh",
        "-c",
        `echo "ran $ALERTBOX_ID"; test $ALERTBOX_ID = 1-1 || kill -9 $PPID`,
      );
      await first.complained(/listening/);
      await sender.publish(ALERT, alert("1-1"), 2);
      await first.wrote(/ran 1-1/);
      await sender.publish(ALERT, alert("1-2"), 2);
      // It is killed while the command for 1-2 runs.
      await first.ended;
      await sender.publish(ALERT, alert("1-3"), 2);
      await sender.publish(ALERT, alert("1-1"), 2);
      await sender.publish(ALERT, alert("1-4"), 2);
      const second = begin("away");
      assert.equal(await second.ended, 0, second.errors);
      assert.deepEqual(second.output.match(/^ran .*$/gm), ["ran 1-2", "ran 1-3", "ran 1-4"]);
      assert.match(second.errors, /alerts that the last run has not handled: 1\n/);
      assert.match(second.errors, /1-1 came again: dropped/);
    });

    it("a box whose flash was erased counts from 1 again, and its alerts are acted on, in this run and in the next", async () => {
      const box = new RealBoard({ port: broker.port, speed: 8 });
      try {
        await box.online();
        const first = begin("erased");
        await first.complained(/listening/);
        const expected: string[] = [];
        const press = async () => {
          const delivered = box.said("delivered");
          await box.press();
          await delivered;
          expected.push(idOf(box.board, expected.length === 1 ? 2 : 1));
        };
        await press();
        await press();
        await box.erase();
        await press();
        assert.equal(await first.ended, 0, first.errors);
        await box.erase();
        await press();
        const next = desk.start(...args("erased"), "--count", "1", "--", "sh", "-c", `echo "ran $ALERTBOX_ID"`);
        assert.equal(await next.ended, 0, next.errors);
        const ran = `${first.output}${next.output}`.match(/^ran .*$/gm);
        assert.deepEqual(
          ran,
          expected.map((id) => `ran ${id}`),
        );
        assert.equal(new Set(ran).size, 4);
        assert.doesNotMatch(first.errors + next.errors, /came again/);
      } finally {
        box.close();
      }
    });

    it("what came and did not get its turn is left for the next run", async () => {
      const gate = fifo();
      const script = `echo "begin $ALERTBOX_ID"; read line < "${gate}"; echo "end $ALERTBOX_ID"`;
      const first = desk.start(...args("left"), "--", "sh", "-c", script);
      await first.complained(/listening/);
      for (const id of ["1-1", "1-2", "1-3"]) await sender.publish(ALERT, alert(id), 2);
      await first.wrote(/begin 1-1/);
      await first.wrote(/1-3\n/);
      first.child.kill("SIGTERM");
      await first.complained(/whose command has not begun: 2; the next run handles them/);
      // The command that runs is waited for.
      openGate(gate);
      assert.equal(await first.ended, 143);
      assert.match(first.output, /end 1-1\n$/);
      const second = desk.start(...args("left"), "--count", "2", "--", "sh", "-c", 'echo "ran $ALERTBOX_ID"');
      assert.equal(await second.ended, 0);
      assert.deepEqual(second.output.match(/^ran .*$/gm), ["ran 1-2", "ran 1-3"]);
    });

    it("that the broker has forgotten is told of: what came meanwhile is missing", async () => {
      const first = desk.start(...args("lost"));
      await first.complained(/listening/);
      first.child.kill("SIGTERM");
      await first.ended;
      const thief = await connectAsync(url, { clientId: "alertbox-lost", clean: true });
      await thief.endAsync();
      const second = desk.start(...args("lost"));
      await second.complained(/the broker has forgotten the session: what came since the last run is missing\n/);
    });

    it("brings nothing from a root that an earlier run had", async () => {
      const first = desk.start(...args("moved"), "--root", "hall");
      await first.complained(/listening/);
      first.child.kill("SIGTERM");
      await first.ended;
      const second = desk.start(...args("moved"), "--root", "attic", "--count", "1", "--json");
      await second.complained(/listening/);
      await sender.publish("hall/alert", alert("1-1"), 2);
      await sender.publish("attic/alert", alert("1-2"), 2);
      assert.equal(await second.ended, 0);
      assert.deepEqual(
        second.objects.map(({ id }) => id),
        ["1-2"],
      );
    });

    it("a disk that is full ends it; the alert that found no room comes again to the next run", async () => {
      const first = desk.startOnFullDisk(...args("full"), "--json");
      await first.complained(/listening/);
      const ids = Array.from({ length: 12 }, (_, index) => `1-${index + 1}`);
      for (const id of ids) await sender.publish(ALERT, alert(id), 2);
      assert.equal(await first.ended, 1);
      assert.match(first.errors, /full\.jsonl: the session's memory cannot be used \(EFBIG\)/);
      const handled = first.objects.length;
      assert.ok(handled > 1 && handled < 12);
      const second = desk.start(...args("full"), "--json", "--count", String(12 - handled));
      assert.equal(await second.ended, 0, second.errors);
      assert.deepEqual(
        [...first.objects, ...second.objects].map(({ id }) => id),
        ids,
      );
    });

    it("is one program's at a time", async () => {
      const first = desk.start(...args("mine"));
      await first.complained(/listening/);
      const second = await desk.run(...args("mine"));
      assert.equal(second.status, 1);
      assert.match(second.errors, /process \d+ uses this session already\. End it, or give another --session name/);
    });

    it("two computers with one name take it from each other, and are told so", async () => {
      const there = new Desk();
      try {
        const [one, two] = [desk.start(...args("both"), "--wait"), there.start(...args("both"), "--wait")];
        const told =
          /the broker has ended 3 connections at once\. Another program may use .* alertbox-both: give each its own/;
        await Promise.race([one.complained(told), two.complained(told)]);
      } finally {
        await there.close();
      }
    });

    it("is forgotten when it is told to, by the broker and on the disk", async () => {
      const file = join(desk.home, "state/alertbox/gone.jsonl");
      const first = desk.start(...args("gone"), "--count", "1");
      await first.complained(/listening/);
      await sender.publish(ALERT, alert("1-1"), 2);
      assert.equal(await first.ended, 0);
      assert.match(readFileSync(file, "utf8"), /"done":"1-1"/);
      await sender.publish(ALERT, alert("1-2"), 2);
      const { status, errors } = await desk.run(...args("gone"), "--forget");
      assert.deepEqual([status, errors], [0, "alertbox: session gone is forgotten, by the broker and here\n"]);
      assert.ok(!existsSync(file));
      const second = desk.start(...args("gone"), "--count", "1", "--json");
      await second.complained(/listening/);
      await sender.publish(ALERT, alert("1-3"), 2);
      assert.equal(await second.ended, 0);
      assert.deepEqual(
        second.objects.map(({ id }) => id),
        ["1-3"],
      );
    });
  });

  describe("ends", () => {
    for (const [signal, status] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
    ] as const) {
      it(`with ${status} at ${signal}, at once and without a word`, async () => {
        const command = desk.start("listen", "-b", url);
        await command.complained(/listening.*\n/);
        command.child.kill(signal);
        assert.equal(await command.ended, status);
        assert.match(command.errors, /^alertbox: listening.*\n$/);
      });
    }

    it("also while it waits for a broker", async () => {
      const command = desk.start("listen", "-b", "127.0.0.1:1", "--wait");
      await command.complained(/Trying again/);
      command.child.kill("SIGINT");
      assert.equal(await command.ended, 130);
    });

    it("quietly when nobody reads any more", async () => {
      const command = desk.start("listen", "-b", url);
      await command.complained(/listening/);
      command.child.stdout?.destroy();
      // The first line may still find room in the pipe.
      const send = (count: number) => sender.publish(ALERT, alert(`1-${count}`), 2).then(() => false);
      const isOver = command.ended.then(() => true);
      for (let count = 1; !(await Promise.race([isOver, send(count)])); count += 1);
      assert.equal(await command.ended, 0);
      assert.match(command.errors, /^alertbox: listening.*\n$/);
    });
  });
});
