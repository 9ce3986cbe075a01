import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Traffic } from "../../host-sim/network.js";
import { count, Server, Table } from "./online.js";

function opened(): {
  table: Table;
  server: Server;
  told: string[];
  bytes: number[];
  write(bytes: Uint8Array): unknown;
} {
  const table = new Table().join();
  const server = new Server(table);
  const { socket, told, bytes } = table.open();
  table.clock.run(20);
  return { table, server, told, bytes, write: (data) => socket.write(data) };
}

describe("VirtualNetwork", () => {
  describe("carries bytes", () => {
    it("both ways, each after the latency", () => {
      const { table, server, bytes, write } = opened();
      table.network.latencyMs = 30;
      write(count(0, 3));
      server.peer.write(count(50, 3));
      table.clock.run(29.9);
      assert.deepEqual([server.bytes, bytes], [[], []]);
      table.clock.run(0.1);
      assert.deepEqual(
        [server.bytes, bytes],
        [
          [0, 1, 2],
          [50, 51, 52],
        ],
      );
    });

    it("in their order, also when the latency shrinks in between", () => {
      const { table, server, write } = opened();
      table.network.latencyMs = 50;
      write(count(0, 3));
      table.clock.run(1);
      table.network.latencyMs = 1;
      write(count(3, 3));
      table.clock.run(60);
      assert.deepEqual(server.bytes, [...count(0, 6)]);
    });

    it("in segments of 1,460 bytes, or in fragments of any size, one by one", () => {
      const { table, server, told, bytes } = opened();
      server.peer.write(count(0, 2_000));
      table.clock.run(20);
      assert.deepEqual(told.slice(1), ["readable 2000"]);
      table.network.fragment(3);
      server.peer.write(count(0, 8));
      table.clock.run(20);
      assert.deepEqual(told.slice(2), ["readable 3", "readable 3", "readable 2"]);
      table.network.fragment(undefined);
      server.peer.write(count(0, 8));
      table.clock.run(20);
      assert.deepEqual(told.slice(5), ["readable 8"]);
      assert.equal(bytes.length, 2_016);
      assert.throws(() => table.network.fragment(0), RangeError);
    });

    it("of the board in fragments as well, and acknowledges them", () => {
      const { table, server, told, write } = opened();
      table.network.fragment(1);
      write(count(0, 3));
      table.clock.run(20);
      assert.deepEqual(server.told, ["open", "data 1", "data 1", "data 1"]);
      assert.equal(told.at(-1), "writable 2920");
    });

    it("despite losses by chance, the same with the same seed", () => {
      const run = (): string[] => {
        const { table, server, told, bytes, write } = opened();
        table.network.lossRate = 0.3;
        for (let turn = 0; turn < 20; turn++) {
          write(count(turn * 5, 5));
          server.peer.write(count(turn * 7, 7));
          table.clock.run(30_000);
        }
        assert.deepEqual(server.bytes, [...count(0, 100)]);
        assert.deepEqual(bytes, [...count(0, 140)]);
        return [...server.told, ...told];
      };
      assert.deepEqual(run(), run());
    });
  });

  describe("loses the radio", () => {
    it("and sends again when it is back, in order and once", () => {
      const { table, server, told, bytes, write } = opened();
      table.wifi.down();
      write(count(0, 4));
      server.peer.write(count(9, 4));
      table.clock.run(3_000);
      write(count(4, 4));
      assert.deepEqual([server.bytes, bytes], [[], []]);
      table.wifi.up();
      table.clock.run(10_000);
      assert.deepEqual(server.bytes, [...count(0, 8)]);
      assert.deepEqual(bytes, [...count(9, 4)]);
      assert.ok(!told.includes("error"));
    });

    it("and keeps a connection over a new association with the same address", () => {
      const { table, server, told, write } = opened();
      table.wifi.down();
      write(count(0, 4));
      table.clock.run(20_000);
      assert.equal(table.isOnline, false);
      table.wifi.up();
      table.clock.run(30_000);
      assert.equal(table.isOnline, true);
      assert.deepEqual(server.bytes, [...count(0, 4)]);
      assert.ok(!told.includes("error"));
    });

    it("for ever: the board gives up after twelve repeats, the server after fifteen", () => {
      const { table, server, told, write } = opened();
      table.wifi.down();
      write(count(0, 4));
      server.peer.write(count(0, 1));
      table.clock.run(113_900);
      assert.ok(!told.includes("error"));
      table.clock.run(200);
      assert.ok(told.includes("error"));
      table.clock.run(800_000);
      assert.deepEqual(server.told, ["open"]);
      table.clock.run(40_000);
      assert.deepEqual(server.told, ["open", "error"]);
      assert.equal(table.network.connections, 0);
    });

    it("and leaves a connection half-open for ever when nobody has anything to say", () => {
      const { table, server, told } = opened();
      table.wifi.down();
      table.clock.run(10_000_000);
      assert.deepEqual([told, server.told], [["writable 2920"], ["open"]]);
    });

    it("and does not mistake a board with another address for the old one", () => {
      const { table, server } = opened();
      table.board.reset();
      table.boot();
      table.wifi.forgetLeases(3);
      table.join();
      server.peer.write(count(0, 1));
      table.clock.run(60_000);
      assert.deepEqual(server.told, ["open"]);
    });
  });

  describe("cutAt", () => {
    for (const direction of ["up", "down"] as const) {
      it(`lets the bytes before it arrive ${direction}, runs its action, and loses the rest of the packet`, () => {
        for (let byte = 0; byte < 10; byte++) {
          const { table, server, bytes, write } = opened();
          const arrived = direction === "up" ? server.bytes : bytes;
          const seen: number[] = [];
          const cut = table.network.cutAt({ direction, byte }, () => {
            seen.push(arrived.length);
            table.network.dropConnections();
          });
          for (const from of [0, 5]) {
            if (direction === "up") write(count(from, 5));
            else server.peer.write(count(from, 5));
            table.clock.run(1);
          }
          table.clock.run(1_000);
          assert.deepEqual(arrived, [...count(0, byte)]);
          assert.equal(cut.fired, true);
          // A board reads in a turn of its own, after the packet has come.
          assert.deepEqual(seen, [direction === "up" ? byte : byte >= 5 ? 5 : 0]);
        }
      });
    }

    it("counts over connections from when it was armed, and fires once", () => {
      const { table, server, write } = opened();
      write(count(0, 5));
      table.clock.run(20);
      let fired = 0;
      const cut = table.network.cutAt({ direction: "up", byte: 7 }, () => {
        fired += 1;
      });
      write(count(0, 5));
      table.clock.run(20);
      assert.deepEqual([cut.counted, cut.fired], [5, false]);
      const second = table.open();
      table.clock.run(20);
      second.socket.write(count(100, 5));
      table.clock.run(5);
      assert.deepEqual(server.bytes.slice(10), [100, 101]);
      assert.equal(fired, 1);
      // Nothing was done about it, so TCP sends the rest again.
      table.clock.run(10_000);
      assert.deepEqual(server.bytes.slice(10), [...count(100, 5)]);
      assert.equal(fired, 1);
    });

    it("does not fire when it was cancelled, nor when the bytes end before it", () => {
      const { table, server, write } = opened();
      const cancelled = table.network.cutAt({ direction: "up", byte: 2 }, () => assert.fail());
      cancelled.cancel();
      const later = table.network.cutAt({ direction: "up", byte: 5 }, () => assert.fail());
      write(count(0, 5));
      table.clock.run(1_000);
      assert.deepEqual(server.bytes, [...count(0, 5)]);
      assert.deepEqual([later.counted, later.fired], [5, false]);
      assert.throws(() => table.network.cutAt({ direction: "up", byte: -1 }, () => {}), RangeError);
    });

    it("may cut the board's power: the server sees silence", () => {
      const { table, server, write } = opened();
      table.network.cutAt({ direction: "up", byte: 3 }, () => table.board.cutPower());
      write(count(0, 5));
      table.clock.run(100_000);
      assert.deepEqual(server.told, ["open", "data 3"]);
      assert.equal(server.peer.isReachable, false);
    });

    it("may be ordered twice for the same byte", () => {
      const { table, write } = opened();
      const fired: string[] = [];
      table.network.cutAt({ direction: "up", byte: 3 }, () => fired.push("a"));
      table.network.cutAt({ direction: "up", byte: 3 }, () => fired.push("b"));
      table.network.cutAt({ direction: "up", byte: 4 }, () => fired.push("c"));
      write(count(0, 5));
      table.clock.run(10);
      assert.deepEqual(fired, ["a", "b"]);
      table.clock.run(10_000);
      assert.deepEqual(fired, ["a", "b", "c"]);
    });
  });

  describe("faults", () => {
    it("hold keeps a direction back, release lets it go in order", () => {
      const { table, server, bytes, write } = opened();
      table.network.hold("down");
      server.peer.write(count(0, 2));
      server.peer.write(count(2, 2));
      write(count(0, 1));
      table.clock.run(1_000);
      assert.deepEqual([server.bytes, bytes], [[0], []]);
      table.network.release("down");
      table.clock.run(1);
      assert.deepEqual(bytes, [...count(0, 4)]);
      table.clock.run(5_000);
      assert.deepEqual(bytes, [...count(0, 4)], "what TCP had sent again meanwhile counts once");
    });

    it("dropConnections resets both ends", () => {
      const { table, server, told } = opened();
      table.network.dropConnections();
      table.clock.run(1);
      assert.deepEqual([told.at(-1), server.told.at(-1)], ["error", "error"]);
      assert.equal(table.network.connections, 0);
    });

    it("halfOpen silences the present connections and no later ones", () => {
      const { table, server, told, write } = opened();
      table.network.halfOpen();
      write(count(0, 1));
      server.peer.write(count(0, 1));
      const later = table.open();
      table.clock.run(60_000);
      assert.deepEqual(later.told, ["writable 2920"]);
      assert.deepEqual(told, ["writable 2920"]);
      assert.deepEqual(server.told, ["open", "open"]);
    });

    it("halfOpen with an address silences the connections to that one only", () => {
      const { table, server, write } = opened();
      table.network.halfOpen("10.0.0.3");
      write(count(0, 1));
      table.clock.run(1000);
      assert.deepEqual(server.bytes, [0]);
      table.network.halfOpen("10.0.0.2");
      write(count(0, 1));
      table.clock.run(60_000);
      assert.deepEqual(server.bytes, [0]);
    });

    it("blackHole swallows packets until it is switched off", () => {
      const { table, server, write } = opened();
      table.network.blackHole("10.0.0.2");
      write(count(0, 1));
      table.clock.run(1_000);
      assert.deepEqual(server.bytes, []);
      table.network.blackHole("10.0.0.2", false);
      table.clock.run(2_000);
      assert.deepEqual(server.bytes, [0]);
    });

    it("a router without internet reaches its own subnet only", () => {
      const table = new Table({ wifi: { hasInternet: false } }).join();
      const near = new Server(table);
      const far = new Server(table, 1883, "93.184.216.34");
      table.open();
      table.open({ address: "93.184.216.34" });
      table.clock.run(30_000);
      assert.deepEqual([near.told, far.told], [["open"], []]);
    });
  });

  describe("servers", () => {
    it("listen once per address and port", () => {
      const table = new Table();
      const end = table.network.listen("10.0.0.2", 1, () => {});
      assert.throws(() => table.network.listen("10.0.0.2", 1, () => {}), /somebody listens/);
      end();
      table.network.listen("10.0.0.2", 1, () => {});
      end();
      assert.throws(() => table.network.listen("10.0.0.2", 1, () => {}), /somebody listens/);
    });

    it("close with FIN after their last bytes, and answer what comes then with RST", () => {
      const { table, server, told, bytes, write } = opened();
      server.peer.write(count(0, 3));
      server.peer.close();
      assert.equal(server.peer.isOpen, false);
      server.peer.write(count(3, 3));
      write(count(0, 1));
      table.clock.run(1_000);
      assert.deepEqual(bytes, [0, 1, 2]);
      assert.deepEqual(told.slice(1, 3), ["readable 3", "error"]);
      assert.deepEqual(server.told, ["open"]);
    });

    it("know the board by its address and chip id", () => {
      const { server } = opened();
      assert.equal(server.peer.remoteAddress, "10.0.0.100");
      assert.equal(server.peer.chipId, 5750);
      assert.equal(server.peer.connection, 1);
    });

    it("know, as judges, whether silence is the board's own", () => {
      const { table, server, write } = opened();
      assert.equal(server.peer.isReachable, true);
      write(count(0, 1));
      table.clock.run(0);
      assert.equal(server.peer.isReachable, false, "something is on its way");
      table.clock.run(20);
      assert.equal(server.peer.isReachable, true);
      table.wifi.down();
      assert.equal(server.peer.isReachable, false);
    });
  });

  describe("names", () => {
    function answers(table: Table, name: string, ms: number): unknown[] {
      const got: unknown[] = [];
      table.Net.resolve(name, (asked, address) => got.push([asked, address]));
      assert.deepEqual(got, [], "never from inside the call");
      table.clock.run(ms);
      return got;
    }

    it("resolve after a round trip, whatever their case", () => {
      const table = new Table().join();
      table.network.name("broker.local", "10.0.0.2");
      assert.deepEqual(answers(table, "Broker.LOCAL", 9), []);
      assert.deepEqual(answers(table, "broker.local", 20), [["broker.local", "10.0.0.2"]]);
      table.network.name("broker.local", undefined);
      assert.deepEqual(answers(table, "broker.local", 20), [["broker.local", undefined]]);
    });

    it("resolve at once when they are addresses, and never when they are too long or empty", () => {
      const table = new Table().join();
      assert.deepEqual(answers(table, "10.1", 0), [["10.1", "10.0.0.1"]]);
      assert.deepEqual(answers(table, "", 0), [["", undefined]]);
      const long = "a".repeat(256);
      assert.deepEqual(answers(table, long, 0), [[long, undefined]]);
    });

    it("fail at once without an address, after 7 s without an answer", () => {
      const table = new Table();
      table.network.name("broker.local", "10.0.0.2");
      assert.deepEqual(answers(table, "broker.local", 0), [["broker.local", undefined]]);
      table.join();
      table.network.blackHole("10.0.0.1");
      const got = answers(table, "broker.local", 6_999);
      assert.deepEqual(got, []);
      table.clock.run(2);
      assert.deepEqual(got, [["broker.local", undefined]]);
    });

    it("are asked for again after 1, 2 and 4 s", () => {
      const table = new Table().join();
      table.network.name("broker.local", "10.0.0.2");
      table.network.blackHole("10.0.0.1");
      const got: unknown[] = [];
      table.Net.resolve("broker.local", (_name, address) => got.push(address));
      table.clock.run(2_500);
      table.network.blackHole("10.0.0.1", false);
      table.clock.run(1_500);
      assert.deepEqual(got, []);
      table.clock.run(10);
      assert.deepEqual(got, ["10.0.0.2"]);
    });

    it("are answered one after the other", () => {
      const table = new Table().join();
      table.network.name("a", "10.0.0.2");
      const got: string[] = [];
      table.Net.resolve("b", (name) => got.push(name));
      table.Net.resolve("a", (name) => {
        got.push(name);
        table.Net.resolve("d", (next) => got.push(next));
      });
      table.Net.resolve("c", (name) => got.push(name));
      table.clock.run(15);
      assert.deepEqual(got, ["b"]);
      table.clock.run(10);
      assert.deepEqual(got, ["b", "a"]);
      table.clock.run(100);
      assert.deepEqual(got, ["b", "a", "c", "d"]);
    });

    it("are of no interest to a boot that has ended", () => {
      const table = new Table().join();
      table.Net.resolve("a", () => assert.fail());
      table.board.reset();
      table.clock.run(10_000);
    });
  });

  it("lets a tap hear all traffic", () => {
    const table = new Table().join();
    const server = new Server(table);
    const heard: string[] = [];
    const end = table.network.onTraffic(({ type, direction, bytes, connection, chipId }: Traffic) => {
      heard.push(`${chipId} ${connection} ${type} ${direction} ${bytes.byteLength}`);
    });
    const { socket } = table.open();
    table.clock.run(20);
    socket.write(count(0, 2));
    server.peer.write(count(0, 3));
    table.clock.run(20);
    socket.close();
    table.clock.run(20);
    end();
    table.open();
    table.clock.run(20);
    assert.deepEqual(heard, ["5750 1 open up 0", "5750 1 data down 3", "5750 1 data up 2", "5750 1 end up 0"]);
  });
});
