// What the client does without being asked: come back after a loss, stop where that is of no use, close in good order,
// answer a flush with the truth, and keep the application's store in step with the broker.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { StoredMessage } from "../../src/device/mqtt-client.js";
import { type Options, Rig } from "./client-rig.js";

describe("Engine: losing and regaining the connection", () => {
  it("comes back after the Wi-Fi was gone, by itself, and tells why and when", () => {
    const rig = new Rig({ clean: false, keepAlive: 10_000, reconnect: { minimum: 500, maximum: 8000 } }).connected();
    rig.subscribe({ topic: "in/#", QoS: 2 });
    rig.run(100);
    rig.world.wifi.down();
    rig.publish("out", "in the dark", 2);
    rig.world.broker.publish("in/x", "meanwhile", { qos: 2 });
    rig.run(60_000);
    assert.equal(rig.failures[0]?.reason, "timeout");
    assert.ok(
      rig.failures.slice(1).every(({ reason }) => reason === "unreachable"),
      rig.failures.map(({ detail }) => detail).join(),
    );
    rig.world.wifi.up();
    rig.connected();
    rig.run(1000);
    assert.deepEqual(rig.messages, ["in/x=meanwhile", "out=in the dark"]);
    assert.equal(rig.read[0]?.text, "meanwhile");
    assert.equal(rig.controls.findLast(({ operation }) => operation === 2)?.sessionPresent, true);
    rig.done();
  });

  it("waits longer each time, at random in a window that doubles up to the maximum", () => {
    const rig = new Rig({ reconnect: { minimum: 100, maximum: 1600 } });
    rig.world.broker.stop();
    rig.run(60_000);
    const { delays } = rig;
    assert.ok(delays.length > 30, `${delays.length} attempts`);
    delays.forEach((delay, index) => {
      assert.ok(delay < Math.min(1600, 100 * 2 ** index), `attempt ${index}: ${delay}`);
    });
    assert.ok(Math.max(...delays.slice(5)) > 1200);
    assert.ok(Math.min(...delays.slice(5)) < 400);
    assert.equal(new Set(rig.told).size, 1);
    assert.equal(rig.failures[0]?.detail, "connection refused");
    rig.done();
  });

  it("starts with the first window again only after a connection that lasted", () => {
    const delayAfter = (lastingMs: number): number => {
      const rig = new Rig({ reconnect: { minimum: 1, maximum: 30_000, stable: 5000 } });
      rig.world.broker.stop();
      rig.world.runUntil(() => rig.delays.length === 16, 300_000);
      rig.world.broker.start();
      rig.until("connected", 60_000).run(lastingMs);
      rig.delays.length = 0;
      rig.world.broker.drop("unit");
      rig.until("waiting").run(10);
      rig.done();
      return rig.delays[0] as number;
    };
    assert.ok(delayAfter(1000) > 100);
    assert.equal(delayAfter(6000), 0);
  });

  it("stops at once when it is told not to reconnect, and says so", () => {
    const rig = new Rig({ reconnect: false }).connected();
    rig.world.broker.drop("unit");
    rig.until("closed");
    assert.deepEqual(rig.told, ["error lost 0"]);
    assert.throws(() => rig.publish("out", "x", 1), /closed; make a new one/);
    rig.close();
    rig.run(60_000);
    assert.deepEqual(rig.told, ["error lost 0"], "nothing is called back after close()");
    assert.equal(rig.world.network.connections, 0);
    rig.done();
  });

  it("resumes a persistent session: what was not acknowledged goes again, the rest does not", () => {
    const rig = new Rig({ clean: false, reconnect: { minimum: 1, maximum: 1 } }).connected();
    rig.holding("pubcomp", 10);
    const received = rig.publish("out", "received", 2);
    rig.run(100);
    rig.world.broker.release();
    rig.world.broker.hold("pubrec");
    rig.holding("puback", 10);
    const sent = rig.publish("out", "sent", 2);
    const once = rig.publish("out", "at least once", 1);
    rig.run(100);
    rig.world.broker.drop("unit");
    rig.world.broker.release();
    rig.until("waiting").until("connected").run(1000);
    assert.deepEqual(
      rig.messages.filter((text) => text !== "out=at least once"),
      ["out=received", "out=sent"],
    );
    assert.deepEqual(
      rig.told.filter((word) => word.startsWith("delivered")).sort(),
      [`delivered ${received}`, `delivered ${sent}`, `delivered ${once}`].sort(),
    );
    assert.equal(rig.controls.filter(({ operation }) => operation === rig.Client.CONNACK).at(-1)?.sessionPresent, true);
    rig.done();
  });

  it("starts a clean session afresh: what was not acknowledged is gone, and its id is free", () => {
    const rig = new Rig({ reconnect: { minimum: 1, maximum: 1 } }).connected();
    rig.holding("puback", 10);
    rig.publish("out", "a", 1, { id: 9 });
    rig.run(50);
    rig.world.broker.drop("unit");
    rig.world.broker.release();
    rig.until("waiting").until("connected");
    rig.publish("out", "b", 1, { id: 9 });
    rig.run(100);
    assert.deepEqual(rig.messages, ["out=a", "out=b"]);
    assert.equal(rig.told.filter((word) => word === "delivered 9").length, 1);
    rig.done();
  });
});

describe("Engine: refusals", () => {
  for (const code of [1, 2, 4, 5]) {
    it(`stops on CONNACK code ${code}, says so once, and does not hammer the broker`, () => {
      const rig = new Rig();
      rig.world.broker.refuse(code);
      rig.until("closed").run(300_000);
      assert.deepEqual(rig.told, [`control 2 ${code}`, `error refused ${code}`]);
      assert.equal(rig.failures[0]?.code, code);
      assert.equal(rig.world.broker.connects.length, 1);
      assert.equal(rig.world.network.connections, 0);
      rig.done();
    });
  }

  it("goes on after code 3, which may heal", () => {
    const rig = new Rig({ reconnect: { minimum: 1000, maximum: 1000 } });
    rig.world.broker.refuse(3);
    rig.run(10_000);
    assert.deepEqual([...new Set(rig.told)], ["control 2 3", "reconnecting refused"]);
    rig.world.broker.refuse(0);
    rig.connected().done();
  });

  it("says what a wrong password is", () => {
    const rig = new Rig({ user: "anna", password: "wrong" }, { broker: { users: { anna: "right" } } }).until("closed");
    assert.deepEqual(
      rig.failures,
      [{ reason: "refused", detail: "bad user name or password", statement: "", code: 4 }].map((failure) => ({
        ...failure,
        pipelined: false,
      })),
    );
    rig.done();
  });
});

describe("Engine: closing", () => {
  const will = { topic: "will", message: "lost", QoS: 1, retain: true };

  it("says DISCONNECT, so that the will is not published, then closes TCP, and calls onClose last", () => {
    const rig = new Rig({ will }).connected();
    rig.publish("out", "last words", 1);
    rig.close();
    assert.equal(rig.client.state, "closing");
    rig.until("closed").run(5000);
    assert.deepEqual(rig.messages, ["out=last words"], "written before, so it has left before");
    assert.deepEqual(rig.told, ["close"]);
    assert.deepEqual(rig.world.broker.clients, []);
    assert.equal(rig.world.network.connections, 0);
    rig.done();
  });

  it("does it once: again is fine, and everything else is refused", () => {
    const rig = new Rig().connected();
    rig.close();
    rig.close();
    assert.throws(() => rig.publish("out", "x"), /client is closed/);
    assert.throws(() => rig.flush(1), /closed; flush before/);
    rig.until("closed");
    rig.close();
    rig.run(5000);
    assert.deepEqual(rig.told, ["close"]);
    rig.done();
  });

  it("closes in every state", () => {
    for (const state of ["waiting", "resolving", "opening", "connecting", "connected"] as const) {
      const rig = new Rig({ host: "broker.local" }).until(state);
      rig.close();
      rig.until("closed").run(20_000);
      assert.deepEqual(rig.told.slice(-1), ["close"], state);
      assert.equal(rig.world.network.connections, 0, state);
      rig.done();
    }
    const rig = new Rig({ reconnect: { minimum: 60_000, maximum: 60_000 } });
    rig.world.broker.stop();
    rig.until("waiting").world.runUntil(() => rig.told.length > 0, 10_000);
    rig.close();
    rig.until("closed").done();
  });

  it("closes from inside any callback, and nothing follows but onClose", () => {
    for (const name of ["control", "writable", "readable", "delivered", "reconnecting", "flushed"]) {
      const rig = new Rig({ budget: { inFlight: 2 } });
      rig.on["control"] = (message: { operation: number }) => {
        if (name === "control") rig.close();
        else if (message.operation === 2) rig.subscribe({ topic: "in", QoS: 1 });
      };
      rig.until("waiting");
      if (name !== "control") {
        rig.connected();
        rig.on[name] = () => rig.close();
        // Two take all places; the first answer makes room.
        if (name === "writable") rig.run(100).publish("out", "a", 1);
        if (name === "writable") rig.publish("out", "b", 1);
        if (name === "flushed") rig.flush(1000);
        if (name === "delivered") rig.publish("out", "x", 1);
        if (name === "readable") rig.run(100).world.broker.publish("in", "y", { qos: 1 });
        // The second one is in the same segment, or the next: nobody wants it any more.
        if (name === "readable") rig.world.broker.publish("in", "z", { qos: 1 });
        if (name === "reconnecting") rig.world.broker.drop("unit");
      }
      rig.until("closed").run(10_000);
      assert.equal(rig.told.at(-1), "close", name);
      assert.equal(rig.told.filter((word) => word === "close").length, 1);
      assert.ok(rig.read.length <= 1, name);
      rig.done();
    }
  });

  it("in the middle of a message there is no place for DISCONNECT: the connection is cut", () => {
    const rig = new Rig({ will }).connected();
    rig.write("abc", { topic: "out", byteLength: 6 });
    rig.run(100);
    rig.close();
    rig.until("closed", 10).run(1000);
    assert.deepEqual(rig.messages, ["will=lost"]);
    rig.done();
  });

  it("does not wait for ever for a broker that is not there any more", () => {
    const rig = new Rig().connected();
    rig.world.network.halfOpen();
    rig.close();
    rig.until("closed", 15_000);
    assert.deepEqual(rig.told, ["close"]);
    rig.done();
  });

  it("a power cut leaves the will", () => {
    const rig = new Rig({ will, keepAlive: 5000 }).connected();
    rig.world.cutPower();
    rig.run(10_000);
    assert.deepEqual(rig.messages, ["will=lost"]);
    assert.equal(rig.world.broker.retained("will")?.payload, "lost");
    rig.done();
  });

  it("a will needs no more than a topic", () => {
    const rig = new Rig({ will: { topic: "will" }, keepAlive: 5000 }).connected();
    rig.world.cutPower();
    rig.run(10_000);
    assert.deepEqual(rig.messages, ["will="]);
    rig.done();
  });
});

describe("Engine: flush", () => {
  it("is true when the broker has acknowledged everything, and not before", () => {
    const rig = new Rig().connected();
    rig.holding("pubcomp", 10);
    rig.publish("out", "a", 2);
    rig.flush(5000);
    rig.run(1000);
    assert.ok(!rig.told.some((word) => word.startsWith("flushed")));
    rig.world.broker.release();
    rig.run(100);
    assert.deepEqual(rig.told.slice(-1), ["flushed true"]);
    rig.done();
  });

  it("is true in the next turn when there is nothing to wait for, with and without a connection", () => {
    const rig = new Rig().until("waiting");
    rig.flush(1000);
    rig.run(2);
    assert.deepEqual(rig.told, ["flushed true"]);
    rig.connected();
    rig.flush(1000);
    rig.run(2);
    assert.deepEqual(rig.told, ["flushed true"]);
    rig.done();
  });

  it("is false at the deadline, with and without a connection", () => {
    const rig = new Rig().connected();
    rig.holding("puback", 10);
    rig.publish("out", "a", 1);
    rig.flush(500);
    rig.run(499);
    assert.deepEqual(rig.told, []);
    rig.run(2);
    assert.deepEqual(rig.told, ["flushed false"]);
    rig.done();
    const offline = new Rig().until("waiting");
    offline.world.broker.stop();
    offline.publish("out", "a", 1);
    offline.flush(500);
    offline.run(499);
    assert.ok(!offline.told.includes("flushed false"));
    offline.run(2);
    assert.ok(offline.told.includes("flushed false"));
    offline.done();
  });

  it("is false when the connection ends first; what the callback then writes is for the next connection", () => {
    const rig = new Rig({ reconnect: { minimum: 1, maximum: 1 } }).connected();
    rig.holding("pubrec", 10);
    rig.publish("out", "first", 2);
    rig.flush(5000);
    rig.run(50);
    rig.on["flushed"] = () => rig.publish("out", "again", 2);
    rig.world.broker.drop("unit");
    rig.world.broker.release();
    rig.until("waiting").until("connected").run(500);
    assert.ok(rig.told.includes("flushed false"));
    assert.equal(rig.messages.at(-1), "out=again");
    assert.equal(rig.told.filter((word) => word.startsWith("delivered")).length, 1);
    assert.ok(rig.controls.some(({ operation }) => operation === rig.Client.PUBCOMP));
    rig.done();
  });

  it("answers one at a time, and none after close()", () => {
    const rig = new Rig().connected();
    rig.holding("puback", 10);
    rig.publish("out", "a", 1);
    rig.flush(5000);
    assert.throws(() => rig.flush(5000), /not yet answered/);
    rig.close();
    rig.until("closed").run(10_000);
    assert.deepEqual(rig.told, ["close"]);
    rig.done();
  });

  it("refuses a deadline and a callback that are none", () => {
    const rig = new Rig().connected();
    for (const deadline of [-1, 0.5, Number.NaN, 86_400_001]) assert.throws(() => rig.flush(deadline), RangeError);
    assert.throws(() => rig.client.flush(1, undefined as unknown as () => void), /needs a function/);
    rig.done();
  });
});

describe("Engine: the application's store", () => {
  /** A journal as an application keeps it, in memory that a power cut does not touch. */
  class Journal {
    readonly entries: StoredMessage[] = [];
    readonly calls: string[] = [];

    put(id: number, payload: string, more: Partial<StoredMessage> = {}): void {
      this.entries.push({ id, topic: "out", payload, retain: false, status: "queued", ...more });
    }

    pending(): Iterable<StoredMessage> {
      return this.entries;
    }

    received(id: number): void {
      this.calls.push(`received ${id}`);
      const index = this.entries.findIndex((entry) => entry.id === id);
      const entry = this.entries[index];
      if (entry !== undefined) this.entries[index] = { ...entry, status: "received" };
    }

    delivered(id: number): void {
      this.calls.push(`delivered ${id}`);
      const index = this.entries.findIndex((entry) => entry.id === id);
      if (index >= 0) this.entries.splice(index, 1);
    }
  }

  function stored(journal: Journal, more: Options = {}): Rig {
    return new Rig({ clean: false, store: journal, reconnect: { minimum: 1, maximum: 1 }, ...more });
  }

  it("is emptied in its order after the start", () => {
    const journal = new Journal();
    journal.put(5, "a");
    journal.put(3, "b", { QoS: 1, retain: true });
    journal.put(9, "c");
    const rig = stored(journal).connected();
    rig.run(200);
    // The broker passes QoS 1 on at PUBLISH, and QoS 2 at PUBREL.
    assert.deepEqual(rig.messages, ["out=b", "out=a", "out=c"]);
    assert.equal(rig.world.broker.retained("out")?.payload, "b");
    assert.deepEqual(journal.entries, []);
    assert.deepEqual(journal.calls.toSorted(), [
      "delivered 3",
      "delivered 5",
      "delivered 9",
      "received 5",
      "received 9",
    ]);
    rig.done();
  });

  it("may hold more than there are places; one is left for subscriptions", () => {
    const journal = new Journal();
    for (let id = 1; id <= 20; id += 1) journal.put(id, String(id));
    const rig = stored(journal, { budget: { inFlight: 3 } });
    rig.on["control"] = (message: { operation: number }) => {
      if (message.operation === 2) rig.subscribe({ topic: "in", QoS: 1 });
    };
    rig.connected();
    rig.run(1000);
    assert.deepEqual(
      rig.messages,
      Array.from({ length: 20 }, (_value, index) => `out=${index + 1}`),
    );
    assert.deepEqual(journal.entries, []);
    assert.ok(rig.controls.some(({ operation }) => operation === rig.Client.SUBACK));
    rig.done();
  });

  it("works with a single place too", () => {
    const journal = new Journal();
    for (let id = 1; id <= 3; id += 1) journal.put(id, String(id));
    const rig = stored(journal, { budget: { inFlight: 1 } }).connected();
    rig.run(1000);
    assert.deepEqual(rig.messages, ["out=1", "out=2", "out=3"]);
    rig.done();
  });

  it("takes what the application adds, by the id of its choice, and never sends it twice", () => {
    const journal = new Journal();
    journal.put(1, "old");
    const rig = stored(journal).until("waiting");
    journal.put(2, "new");
    rig.publish("out", "new", 2, { id: 2 });
    rig.until("connected").run(200);
    assert.deepEqual(rig.messages.toSorted(), ["out=new", "out=old"]);
    assert.throws(() => rig.publish("out", "x", 1, { id: 32_768 }), /with a store it must be from 1 to 32767/);
    rig.subscribe({ topic: "in" });
    assert.ok(rig.client.lastId > 32_767, "the client's own ids lie above");
    rig.done();
  });

  it("delivers exactly once when the power is cut before each byte of a QoS 2 message's way", () => {
    for (const direction of ["up", "down"] as const) {
      for (let byte = 0; byte < (direction === "up" ? 42 : 12); byte += 1) {
        const journal = new Journal();
        // A first life makes the session that the second one comes back to.
        const rig = stored(journal);
        rig.connected();
        const cut = rig.world.network.cutAt({ direction, byte }, () => rig.world.cutPower());
        journal.put(7, "exactly once");
        rig.publish("out", "exactly once", 2, { id: 7 });
        rig.world.runUntil(() => cut.fired, 2000);
        const where = `${direction} ${byte}${cut.fired ? "" : ", no cut"}`;
        if (cut.fired) rig.world.board.powerOn();
        rig.world.runUntil(() => journal.entries.length === 0, 60_000);
        rig.run(1000);
        assert.deepEqual(journal.entries, [], where);
        assert.deepEqual(rig.messages, ["out=exactly once"], where);
        assert.equal(rig.lives, cut.fired ? 2 : 1);
        rig.done();
      }
    }
  });

  it("is asked again after each end of a clean session, which has forgotten everything", () => {
    const journal = new Journal();
    journal.put(1, "a");
    journal.put(2, "b", { status: "received" });
    const rig = stored(journal, { clean: true });
    rig.world.broker.hold("pubrec");
    rig.connected();
    rig.run(100);
    assert.deepEqual(journal.calls, ["delivered 2"], "the broker of a clean session has nothing to release");
    rig.world.broker.drop("unit");
    rig.world.broker.release();
    rig.until("waiting").until("connected").run(200);
    assert.deepEqual(journal.entries, []);
    assert.deepEqual(rig.messages, ["out=a"]);
    rig.done();
  });

  it("hears of what the broker acknowledges after close() too", () => {
    const journal = new Journal();
    const rig = stored(journal).connected();
    journal.put(1, "a");
    rig.publish("out", "a", 2, { id: 1 });
    // DISCONNECT has to wait for the end of this one.
    rig.publish("out", "long".repeat(5000), 0);
    rig.run(1);
    rig.close();
    rig.until("closed");
    assert.deepEqual(rig.told, ["close"]);
    assert.deepEqual(journal.calls, ["received 1"]);
    rig.done();
  });

  it("ends with a clear error when it holds what cannot be sent", () => {
    for (const [entry, expected] of [
      [{ id: 40_000 }, /id of a stored message is 40000/],
      [{ id: 1, topic: "t".repeat(600) }, /make budget.send larger/],
    ] as const) {
      const journal = new Journal();
      journal.put(entry.id, "x", entry);
      const rig = stored(journal);
      assert.throws(() => rig.run(10_000), expected);
    }
  });
});
