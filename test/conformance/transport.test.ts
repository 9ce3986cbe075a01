// What only a whole client can show, on a board in a world, in front of a server that says what the test says or of the
// strict model broker: who closes a connection and when, wills, the pause before the next attempt, and that a plain
// server is enough.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { World } from "../../host-sim/world.js";
import type { SocketParameters } from "../../src/device/mqtt-link.js";
import { Rig } from "../device/client-rig.js";
import { Wire } from "./wire.js";

const WILL = Object.freeze({ topic: "will", message: "lost", QoS: 1, retain: false } as const);

/** Delays between the first connections that a server ends in the same way each time, by what it then says. */
function delays(end: (wire: Wire) => void, count = 8): number[] {
  const wire = new Wire({ clean: false, reconnect: { minimum: 1000, maximum: 60_000 } });
  wire.onData = (bytes) => {
    if (bytes.startsWith("10 ")) end(wire);
  };
  wire.client.world.runUntil(() => wire.connections.length >= count, 600_000);
  assert.equal(wire.connections.length, count);
  const found = wire.client.delays;
  wire.close();
  return found;
}

/** No tight loop: what is waited for on average grows. */
function assertPatient(found: readonly number[]): void {
  const half = found.length >> 1;
  const sum = (some: readonly number[]) => some.reduce((total, delay) => total + delay, 0);
  assert.ok(sum(found.slice(half)) > 2 * sum(found.slice(0, half)), found.join(", "));
}

describe("conformance: opening a connection", () => {
  it("[MQTT-3.1.0-1] the first bytes on TCP are those of CONNECT, and nothing follows before CONNACK", () => {
    const wire = new Wire({ clean: false });
    wire.client.world.runUntil(() => wire.client.client !== undefined, 60_000);
    wire.client.publish("a", "x", 2);
    wire.opened().run(1000);
    assert.match(wire.last.out, /^10 10 00 04 4d 51 54 54 04 00 00 3c 00 04 75 6e 69 74$/);
    wire.say("20 02 00 00");
    assert.match(wire.last.out, /74 34 06 00 01 61 00 01 78$/);
    wire.close();
  });

  it("[MQTT-3.1.3-5] the box has a client id that every server takes, whatever its chip id is", () => {
    for (const chipId of [1, 4_294_967_295]) {
      const world = new World();
      world.addBoard({ chipId });
      world.runUntil(() => world.broker.connects.length > 0, 60_000);
      assert.match(world.broker.connects[0]?.clientId ?? "", /^[0-9A-Za-z]{1,23}$/);
      world.close();
    }
  });

  it("[MQTT-3.1.4-1] tries again, ever more slowly, when the server closes in place of CONNACK", () => {
    assertPatient(delays((wire) => wire.last.peer.close()));
  });

  it("[MQTT-3.1.4-2] tries again ever more slowly when it is cut right after CONNACK, as two clients of one id are", () => {
    assertPatient(
      delays((wire) => {
        wire.last.peer.write(Uint8Array.of(0x20, 2, 0, 0));
        wire.last.peer.close();
      }),
    );
  });

  it("[MQTT-3.2.2-5] closes by itself when it is refused though the server leaves the connection open", () => {
    for (const code of ["01", "02", "03", "04", "05", "06", "ff"]) {
      const wire = new Wire().opened().run(500).say(`20 02 00 ${code}`);
      assert.equal(wire.last.isClosed, true, code);
      wire.run(120_000);
      // What no further attempt can heal is final.
      assert.equal(wire.connections.length > 1, ["03", "06", "ff"].includes(code), code);
      wire.close();
    }
  });

  it("[MQTT-3.2.2-6] takes a connection that ends without CONNACK for a failure that may heal", () => {
    const wire = new Wire();
    wire.onOpen = () => wire.last.peer.close();
    wire.run(60_000);
    assert.ok(wire.connections.length > 1);
    assert.deepEqual(
      wire.client.told.filter((line) => line.startsWith("error")),
      [],
    );
    wire.close();
  });

  it("[MQTT-3.3.5-2] tries ever more slowly to send a message for which it is cut each time, and never calls it sent", () => {
    const wire = new Wire({ clean: false, reconnect: { minimum: 1000, maximum: 60_000 } });
    wire.onData = (bytes) => {
      if (bytes.startsWith("10 ")) wire.last.peer.write(Uint8Array.of(0x20, 2, wire.connections.length > 1 ? 1 : 0, 0));
      else wire.last.peer.close();
    };
    wire.client.until("connected");
    wire.client.publish("a", "x", 1);
    wire.client.world.runUntil(() => wire.connections.length >= 9, 600_000);
    assertPatient(wire.client.delays.slice(0, 8));
    assert.ok(!wire.client.told.some((line) => line.startsWith("delivered")));
    wire.close();
  });
});

describe("conformance: keeping a connection", () => {
  it("[MQTT-3.1.2-23] keeps the keep alive by its own timer, while messages come in all the time", () => {
    const wire = new Wire({ keepAlive: 3000 }).connected();
    const { clock } = wire.client.world;
    const instants = [clock.now];
    wire.onData = (bytes) => {
      if (bytes !== "c0 00") return;
      instants.push(clock.now);
      wire.last.peer.write(Uint8Array.of(0xd0, 0));
    };
    for (let count = 0; count < 200; count += 1) wire.say("30 03 00 01 61");
    instants.push(clock.now);
    assert.ok(instants.length > 3);
    for (const [index, at] of instants.entries()) {
      assert.ok(index === 0 || at - (instants[index - 1] as number) <= 3000, instants.join(", "));
    }
    assert.equal(wire.connections.length, 1);
    wire.close();
  });
});

describe("conformance: closing a connection", () => {
  it("[MQTT-3.14.4-1] closes by itself after DISCONNECT, and does not wait for the server to do it", () => {
    const wire = new Wire().connected();
    wire.client.close();
    wire.run(1100);
    assert.equal(wire.last.out, "e0 00");
    assert.equal(wire.last.isClosed, true);
    wire.run(120_000);
    assert.equal(wire.connections.length, 1, "and stays away");
    wire.close();
  });

  it("[MQTT-3.14.4-1] closes within a second or so even when nothing says that DISCONNECT has arrived", () => {
    const wire = new Wire().connected();
    wire.client.world.network.hold("down");
    wire.client.close();
    wire.run(500);
    assert.deepEqual(wire.client.told, [], "gives it some time");
    wire.run(600);
    assert.equal(wire.last.isClosed, true);
    assert.deepEqual(wire.client.told, ["close"]);
    wire.close();
  });

  it("[MQTT-3.14.4-2] lets nothing follow DISCONNECT on TCP, whatever comes and whatever is due", () => {
    const wire = new Wire({ keepAlive: 1000, clean: false }).connected();
    wire.client.publish("a", "x", 2);
    wire.run(10);
    wire.last.out = "";
    wire.client.close();
    wire.client.world.network.hold("up");
    wire.run(1).say("50 02 00 01").say("32 06 00 01 61 00 07 78");
    wire.run(800);
    wire.client.world.network.release("up");
    wire.run(5000);
    assert.equal(wire.last.out, "e0 00");
    assert.equal(wire.last.isClosed, true);
    wire.close();
  });

  it("[MQTT-4.8.0-1] closes the network connection on each breach, and says nothing more on it", () => {
    const breaches: readonly [string, string][] = [
      ["36 06 00 01 61 00 07 78", "malformed MQTT-3.3.1-4"],
      ["30 04 00 01 23 78", "malformed MQTT-3.3.2-2"],
      ["41 02 00 01", "malformed MQTT-2.2.2-2"],
      ["e0 00", "malformed"],
      ["20 02 00 00", "violation MQTT-3.2.0-1"],
    ];
    for (const [bytes, why] of breaches) {
      const wire = new Wire({ reconnect: { minimum: 60_000, maximum: 60_000 } }).connected().say(bytes);
      assert.equal(wire.last.isClosed, true, bytes);
      assert.equal(wire.last.out, "", bytes);
      assert.deepEqual(
        wire.client.failures.map(({ reason, statement }) => `${reason} ${statement}`.trim()),
        [why],
      );
      wire.close();
    }
  });

  it("[MQTT-4.8.0-2] closes when it cannot record what the server has received", () => {
    const wire = new Wire({
      clean: false,
      store: {
        pending: () => [],
        received() {
          throw new Error("the flash is worn");
        },
        delivered() {},
      },
    }).connected();
    wire.client.publish("a", "x", 2, { id: 7 });
    wire.run(50).say("50 02 00 07");
    assert.equal(wire.last.isClosed, true);
    assert.equal(wire.last.out, "34 06 00 01 61 00 07 78", "no PUBREL");
    wire.close();
  });
});

describe("conformance: the will", () => {
  it("[MQTT-3.1.2-8] is published when the box loses its power: without DISCONNECT, there is no goodbye", () => {
    const rig = new Rig({ will: WILL, keepAlive: 10_000 }).connected();
    rig.world.board.cutPower();
    rig.run(20_000);
    assert.deepEqual(rig.messages, ["will=lost"]);
    rig.done();
  });

  it("[MQTT-3.1.2-12] is not published when there is none", () => {
    const rig = new Rig({ keepAlive: 10_000 }).connected();
    rig.world.board.cutPower();
    rig.run(20_000);
    assert.deepEqual(rig.messages, []);
    rig.done();
  });

  it("[MQTT-3.14.4-3] is not published after DISCONNECT, which leaves before the connection is closed", () => {
    const rig = new Rig({ will: WILL }).connected();
    rig.close();
    rig.run(60_000);
    assert.deepEqual(rig.messages, []);
    assert.deepEqual(rig.told, ["close"]);
    rig.done();
  });
});

describe("conformance: other transports, and plain servers (chapters 6 and 7)", () => {
  it("[MQTT-6.0.0-1] hands every packet to a socket of another class as bytes, never as text", () => {
    const writes: unknown[] = [];
    const rig = new Rig((self) => {
      const { default: TCP } = self.modules("embedded:io/socket/tcp") as {
        default: new (options: SocketParameters) => { write(bytes: Uint8Array): unknown };
      };
      class Spy extends TCP {
        override write(bytes: Uint8Array): unknown {
          writes.push(bytes);
          return super.write(bytes);
        }
      }
      return { socket: { io: Spy as never }, will: WILL, user: "u", password: "p" };
    }).connected();
    rig.subscribe({ topic: "#", QoS: 2 });
    rig.publish("text", "text", 2);
    rig.run(1000);
    rig.close();
    rig.run(2000);
    assert.ok(writes.length >= 4);
    for (const bytes of writes) assert.equal(Object.prototype.toString.call(bytes), "[object Uint8Array]");
    rig.done();
  });

  it("[MQTT-6.0.0-3] asks for no WebSocket: no server gets a handshake, on any connection, before CONNECT", () => {
    const wire = new Wire({ host: "10.0.0.2", reconnect: { minimum: 1, maximum: 1 } });
    for (let count = 0; count < 3; count += 1) {
      wire.opened();
      assert.match(wire.last.out, /^10 /);
      wire.last.peer.reset();
      wire.run(100);
    }
    wire.close();
  });

  it("[MQTT-7.0.0-2] needs no extension: a strict server of the standard serves all that it does", () => {
    const rig = new Rig({ clean: false, will: WILL, user: "u", password: "p" }).connected();
    rig.subscribe({ topic: "in/#", QoS: 2 });
    rig.run(100);
    for (const qos of [0, 1, 2] as const) {
      rig.publish("out", `${qos}`, qos);
      rig.world.broker.publish("in/a", `${qos}`, { qos });
      rig.run(200);
    }
    rig.world.broker.drop("unit");
    rig.until("waiting").until("connected").run(1000);
    rig.close();
    rig.run(2000);
    assert.deepEqual(
      rig.messages.filter((line) => line.startsWith("out")),
      ["out=0", "out=1", "out=2"],
    );
    assert.deepEqual(
      rig.read.map(({ QoS, text }) => `${QoS} ${text}`),
      ["0 0", "1 1", "2 2"],
    );
    rig.done();
  });

  it("[MQTT-7.1.2-1] uses TCP, on the port that the standard has for it unless told another", () => {
    const rig = new Rig().connected();
    assert.equal(rig.world.broker.port, 1883);
    assert.equal(rig.world.broker.clients.length, 1);
    rig.done();
  });
});
