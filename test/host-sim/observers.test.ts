// A whole bench with its observers: what its events and its snapshot say of one press, and that a page that comes later
// is told the same. A password is in none of it.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { Aedes } from "aedes";
import { afterEach, describe, it } from "mocha";
import { Bench } from "../../host-sim/bench.js";
import type { BenchBoard } from "../../host-sim/bench-board.js";
import { freePort } from "../../host-sim/free-port.js";
import { parseOptions } from "../../host-sim/options.js";
import type { PressView } from "../../host-sim/page/details.js";
import type { BenchEvent } from "../../host-sim/page/protocol.js";
import { idOf } from "../alert-id.js";

const SECRET = "s3cret:@";

describe("host-sim/observers", () => {
  const ends: (() => Promise<unknown>)[] = [];
  const events: BenchEvent[] = [];
  let bench: Bench;
  let wake: () => void = () => undefined;

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    events.length = 0;
  });

  async function start(...args: string[]): Promise<void> {
    const parsed = parseOptions(["--setup-port", "0", "--speed", "10", ...args]);
    assert.equal(parsed.kind, "run");
    bench = await Bench.start((parsed as { options: Bench["options"] }).options, 5000);
    ends.push(() => bench.close());
    bench.on((event) => {
      events.push(event);
      wake();
    });
  }

  function until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      wake = () => {
        if (condition()) resolve();
      };
      wake();
    });
  }

  const presses = (): PressView[] => events.flatMap((event) => (event.type === "press" ? [event.press] : []));
  const finished = () => presses().some(({ outcome, steps }) => outcome === "delivered" && steps.arrived !== undefined);

  it("a press on the bench is told with its packets, its memory, its current and what the broker has", async () => {
    await start("--port", `${await freePort()}`);
    await until(() => bench.boards[0]?.view.presence === "online");
    bench.act({ type: "press", board: 0 });
    await until(finished);
    const topic = (name: string) => bench.snapshot().topics.find((each) => each.topic.endsWith(name));
    await until(() => topic("/lwt")?.retained === true && topic("/alert") !== undefined);
    bench.flush();
    const { packets, presses: shown, draws, memories, broker } = bench.snapshot();
    const alert = packets.find(({ type, topic: name }) => type === "PUBLISH" && name.endsWith("/alert"));
    const id = idOf((bench.boards[0] as BenchBoard).board, 1);
    assert.ok(alert?.detail.includes(`"id":"${id}"`), alert?.detail);
    assert.deepEqual([shown.length, shown[0]?.id, shown[0]?.outcome], [1, id, "delivered"]);
    const { steps = {} } = shown[0] ?? {};
    assert.ok((steps.publish ?? 0) <= (steps.pubrec ?? -1) && (steps.pubrec ?? 0) <= (steps.pubcomp ?? -1));
    assert.deepEqual(draws.map(({ milliamperes }) => milliamperes).slice(0, 2), [15, 75]);
    assert.equal(memories[0]?.records.at(-1)?.status, "done");
    assert.equal(topic("/alert")?.retained, false);
    assert.ok(
      broker.clients?.some(({ id }) => id === "alertbox5750"),
      JSON.stringify(broker.clients),
    );
    for (const type of ["packet", "press", "draw", "memory", "topic", "broker"] as const) {
      assert.ok(
        events.some((event) => event.type === type),
        type,
      );
    }
    const capture = bench.downloads.get("/alertbox.pcap")?.();
    assert.ok(Buffer.from(capture?.body ?? []).includes(`"id":"${id}"`));
  });

  it("publishes what a person wants, and the boards' observers see it", async () => {
    await start("--port", `${await freePort()}`);
    await until(() => bench.boards[0]?.view.presence === "online");
    const topic = "mresetar/alertbox/5750/cmd/led";
    bench.act({ type: "publish", topic, payload: "ON", qos: 1, retain: true });
    await until(() => events.some((event) => event.type === "packet" && event.packet.topic === topic));
    // The box acts on a command that is kept, and clears it: gone, or nothing is kept and the last message was empty.
    const seen = () => events.flatMap((event) => (event.type === "topic" ? [event.topic] : []));
    const isCleared = () => {
      const last = seen().findLast((each) => each.topic === topic);
      return last !== undefined && last.bytes === 0 && !last.retained;
    };
    await until(isCleared);
  });

  it("knows a box by the presence of its convention, and by the next one's", async () => {
    await start("--port", `${await freePort()}`);
    await until(() => bench.boards[0]?.view.presence === "online");
    const retained = (topic: string) => bench.snapshot().topics.find((each) => each.topic === topic)?.retained;
    const device = ["$state", "$description", "box/supply", "box/presses", "led/on"].map(
      (path) => `homie/5/alertbox-5750/${path}`,
    );
    const steps = [
      ["homie", device, "mresetar/alertbox/5750/lwt"],
      ["tasmota", ["tele/alertbox_5750/LWT"], device[0] as string],
    ] as const;
    for (const [convention, topics, former] of steps) {
      const payload = JSON.stringify({ convention });
      bench.act({ type: "publish", topic: "mresetar/alertbox/5750/cmd/config", payload, qos: 1, retain: true });
      // What is taken back is cleared behind the new presence, and says nothing any more.
      await until(() => topics.every((topic) => retained(topic) === true) && retained(former) !== true);
      await until(() => bench.boards[0]?.view.presence === "online");
    }
  });

  it("tells a password neither in an event, nor in a snapshot, nor in the capture", async () => {
    const aedes = await Aedes.createBroker({
      authenticate: (_client, user, password, done) => done(null, user === "me" && String(password) === SECRET),
    });
    const server = createServer(aedes.handle);
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    ends.push(() => new Promise<void>((resolve) => aedes.close(() => server.close(() => resolve()))));
    const { port } = server.address() as { port: number };
    await start("--broker", `mqtt://me:${encodeURIComponent(SECRET)}@127.0.0.1:${port}`);
    await until(() => bench.boards[0]?.view.presence === "online");
    const topic = "mresetar/alertbox/5750/cmd/config";
    const payload = JSON.stringify({ password: SECRET, wifiPassword: "another s3cret" });
    bench.act({ type: "publish", topic, payload, qos: 1, retain: false });
    await until(() => events.some((event) => event.type === "packet" && event.packet.topic === topic));
    bench.act({ type: "press", board: 0 });
    await until(finished);
    bench.flush();
    const connect = bench.snapshot().packets.find(({ type }) => type === "CONNECT");
    assert.match(connect?.detail ?? "", /^client alertbox5750, user me with a password, /);
    const bytes = bench.downloads.get("/alertbox.pcap")?.().body ?? new Uint8Array(0);
    const hex = Buffer.from("s3cret")
      .toString("hex")
      .replace(/(..)(?=.)/g, "$1 ");
    for (const text of [
      JSON.stringify(events),
      JSON.stringify(bench.snapshot()),
      Buffer.from(bytes).toString("latin1"),
    ]) {
      assert.doesNotMatch(text, /s3cret/);
      assert.ok(!text.includes(hex));
    }
  });
});
