// The way to a broker in a world with a router and a broker: made in parts, by name or address, and announcements that
// wait for a place in the session.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Uplink, UplinkHandler } from "../../src/device/uplink.js";
import { Rig } from "./fixtures/adapters/rig.js";

const BROKER = "10.0.0.2";
const FIRST = 32769;

/** A box that has joined, its uplink, and what that calls back. */
class Line extends Rig {
  readonly uplink: Uplink;
  readonly told: string[] = [];
  /** Packets that the broker has acknowledged. */
  readonly ids: number[] = [];
  /** A call of the test is running: nothing may be called back from inside. */
  #calling = false;
  readonly handler: UplinkHandler;

  constructor() {
    super();
    this.joinHome();
    this.uplink = new this.adapters.Uplink();
    const tell = (what: string) => {
      assert.ok(!this.#calling, `${what} from inside a call`);
      this.told.push(what);
    };
    this.handler = {
      onUnknown: (host) => tell(`unknown ${host}`),
      onOpen: () => {
        tell("open");
        const { session, options } = this.uplink;
        assert.ok(session && options);
        session.connect(options, this.adapters.now());
        this.uplink.pump(this.adapters.now());
      },
      onUnreachable: (why) => tell(`unreachable ${why}`),
      onDown: ({ reason }) => tell(`down ${reason}`),
      onConnected: () => tell("connected"),
      onMessage: () => {},
      onOverflow: () => {},
      onReceived: () => {},
      onDelivered: (id) => {
        this.ids.push(id);
        tell("delivered");
      },
      onSubscribed: () => {},
      onUnsubscribed: () => {},
      onFlushed: () => {},
      onClosed: (closed) => this.uplink.link?.ended(closed),
    };
  }

  describe(): void {
    this.uplink.options = { id: "alertbox5750", clean: true, keepAliveSeconds: 60, pipeline: true };
  }

  /** Makes all parts; how many there were. */
  make(): number {
    let parts = 0;
    while (this.uplink.make(FIRST, this.handler)) parts += 1;
    return parts;
  }

  open(host: string): void {
    this.#calling = true;
    this.uplink.open(host, 1883, this.handler);
    this.#calling = false;
  }

  until(what: string): void {
    assert.ok(
      this.world.runUntil(() => this.told.includes(what), 20_000),
      `${what}; ${this.told.join(", ")}`,
    );
  }

  connected(): this {
    this.describe();
    this.make();
    this.open(BROKER);
    this.until("connected");
    return this;
  }

  announce(count: number): void {
    for (let i = 0; i < count; i += 1) this.uplink.announce(`a/${i}`, String(i), true);
  }
}

describe("Uplink", () => {
  it("is made in two parts, session and link, and not before it is described", () => {
    const line = new Line();
    assert.equal(line.make(), 0);
    line.describe();
    assert.equal(line.uplink.make(FIRST, line.handler), true);
    assert.deepEqual([line.uplink.session === undefined, line.uplink.link === undefined], [false, true]);
    assert.equal(line.make(), 1);
    assert.ok(line.uplink.link);
    assert.equal(line.make(), 0);
  });

  it("reaches a broker by its address, and remembers it", () => {
    const line = new Line().connected();
    assert.deepEqual(line.told, ["open", "connected"]);
    assert.equal(line.uplink.address, BROKER);
  });

  it("reaches a broker by its name", () => {
    const line = new Line();
    line.describe();
    line.make();
    line.open("broker.local");
    line.until("connected");
    assert.equal(line.uplink.address, BROKER);
  });

  it("says so when a name leads nowhere", () => {
    const line = new Line();
    line.describe();
    line.make();
    line.open("nowhere.local");
    line.until("unknown nowhere.local");
    assert.deepEqual(line.told, ["unknown nowhere.local"]);
  });

  it("dropped while the name is looked up, nothing is opened", () => {
    const line = new Line();
    line.describe();
    line.make();
    line.open("broker.local");
    line.uplink.drop();
    line.world.run(20_000);
    assert.deepEqual(line.told, []);
  });

  it("dropped, the connection ends, and opens again with the same session", () => {
    const line = new Line().connected();
    const { session } = line.uplink;
    line.uplink.drop();
    line.told.length = 0;
    line.open(BROKER);
    line.until("connected");
    assert.equal(line.uplink.session, session);
  });

  it("discarded, it is to be described and made anew, and what waited is gone", () => {
    const line = new Line().connected();
    line.announce(1);
    line.uplink.discard();
    assert.equal(line.uplink.waits, false);
    assert.equal(line.make(), 0);
    line.told.length = 0;
    line.connected();
    assert.deepEqual(line.told.slice(-2), ["open", "connected"]);
    assert.deepEqual(line.world.broker.violations, []);
  });

  it("without a link nothing leaves, and nothing is handed over", () => {
    const line = new Line();
    line.uplink.pump(0);
    line.uplink.drop();
    line.announce(1);
    assert.equal(line.uplink.announceNext(0), false);
    assert.equal(line.uplink.waits, true);
  });

  it("its packet ids begin somewhere in the 32,000 behind the first", () => {
    const line = new Line().connected();
    line.announce(1);
    assert.ok(line.uplink.announceNext(line.adapters.now()));
    line.uplink.pump(line.adapters.now());
    line.until("delivered");
    assert.equal(line.ids.length, 1);
    for (const id of line.ids) assert.ok(id >= FIRST && id < FIRST + 32_000, `${id}`);
  });
});

describe("Uplink: announcements", () => {
  it("are handed over one by one, in order, retained and with QoS 1, as long as there is room", () => {
    const line = new Line().connected();
    line.announce(8);
    const now = line.adapters.now();
    let handed = 0;
    while (line.uplink.announceNext(now)) handed += 1;
    assert.equal(handed, 6, "what the session has room for");
    assert.ok(line.uplink.waits);
    line.uplink.pump(now);
    line.until("delivered");
    line.world.run(1000);
    while (line.uplink.announceNext(line.adapters.now()));
    line.uplink.pump(line.adapters.now());
    line.world.run(1000);
    assert.equal(line.uplink.waits, false);
    for (let i = 0; i < 8; i += 1) assert.equal(line.world.broker.retained(`a/${i}`)?.payload, String(i));
  });

  it("without a payload clear their topic", () => {
    const line = new Line().connected();
    line.announce(1);
    line.uplink.announce("a/0", undefined, true);
    while (line.uplink.announceNext(line.adapters.now()));
    for (let i = 0; i < 4; i += 1) {
      line.uplink.pump(line.adapters.now());
      line.world.run(500);
    }
    assert.equal(line.world.broker.retained("a/0"), undefined);
  });

  it("beyond sixteen are said and dropped, and do not wait", () => {
    const line = new Line();
    const said: string[] = [];
    line.world.board.on((event) => {
      if (event.type === "step") said.push(`${event.word} ${event.detail}`);
    });
    line.announce(17);
    assert.deepEqual(said, ["not-published a/16"]);
  });
});
