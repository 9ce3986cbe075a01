import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { TCPInstance } from "../../../../../../host-sim/modules/embedded/io/socket/tcp.js";
import { count, Server, Table } from "../../../../online.js";

function tables(): { table: Table; server: Server } {
  const table = new Table().join();
  return { table, server: new Server(table) };
}

describe("embedded:io/socket/tcp", () => {
  describe("options", () => {
    const cases: [string, Record<string, unknown>, Error][] = [
      ["a host name", { address: "broker.local", port: 1 }, new Error("invalid address")],
      ["no address", { host: "10.0.0.2", port: 1 }, new Error("invalid address")],
      ["no port", { address: "10.0.0.2" }, new Error("invalid")],
      ["a port above 65535", { address: "10.0.0.2", port: 65536 }, new RangeError("invalid port")],
      ["a port below 0", { address: "10.0.0.2", port: -1 }, new RangeError("invalid port")],
      ["an unknown format", { address: "10.0.0.2", port: 1, format: "string" }, new RangeError("unimplemented")],
      ["a callback that is none", { address: "10.0.0.2", port: 1, onError: 1 }, new Error("not a function")],
    ];
    for (const [name, options, error] of cases) {
      it(`throws for ${name}`, () => {
        const { table } = tables();
        assert.throws(() => new table.TCP(options), error);
      });
    }

    it("throws without an address of its own, because there is no route", () => {
      const table = new Table();
      assert.throws(() => table.open(), new Error("connect error"));
    });

    it("keeps the target, and null callbacks count as none", () => {
      const { table } = tables();
      const socket = new table.TCP({ address: "10.0.0.2", port: 1883, target: 7, onReadable: null });
      assert.equal(socket.target, 7);
    });

    it("has five connections and no more, and a closed one makes room", () => {
      const { table } = tables();
      const opened = [1, 2, 3, 4, 5].map(() => table.open());
      assert.throws(() => table.open(), new RangeError("no socket"));
      table.clock.run(100);
      opened[2]?.socket.close();
      table.open();
    });

    it("closing one while it opens ends the boot, as it may on the chip, where lwIP frees it twice", () => {
      const { table } = tables();
      const { socket } = table.open();
      socket.close();
      assert.throws(() => table.open(), /boot has ended/);
      assert.match(table.board.log.at(-1) ?? "", /frees it twice/);
    });

    it("makes room when a connection is refused", () => {
      const { table, server } = tables();
      server.end();
      for (let tries = 0; tries < 20; tries++) {
        const { told } = table.open();
        table.clock.run(11);
        assert.deepEqual(told, ["error"]);
      }
    });
  });

  describe("connecting", () => {
    it("says so by the first onWritable, after a round trip and never from the constructor", () => {
      const { table, server } = tables();
      const { told, socket } = table.open();
      table.clock.run(9.9);
      assert.deepEqual(told, []);
      table.clock.run(0.1);
      assert.deepEqual(told, ["writable 2920"]);
      table.clock.run(5);
      assert.deepEqual(server.told, ["open"]);
      assert.equal(socket.remoteAddress, "10.0.0.2");
      assert.equal(socket.remotePort, 1883);
    });

    it('throws "not ready" for a write before', () => {
      const { table } = tables();
      const { socket } = table.open();
      assert.throws(() => socket.write(count(0, 1)), new Error("not ready"));
    });

    it("fails at once when refused, after 18.5 s when nobody answers", () => {
      const { table, server } = tables();
      server.end();
      const refused = table.open();
      table.clock.run(10);
      assert.deepEqual(refused.told, ["error"]);
      table.network.blackHole("10.0.0.2");
      const silent = table.open();
      table.clock.run(18_499);
      assert.deepEqual(silent.told, []);
      table.clock.run(2);
      assert.deepEqual(silent.told, ["error"]);
    });

    it("opens late when a SYN was lost", () => {
      const { table } = tables();
      table.network.blackHole("10.0.0.2");
      const { told } = table.open();
      table.clock.run(1_000);
      table.network.blackHole("10.0.0.2", false);
      table.clock.run(2_009);
      assert.deepEqual(told, []);
      table.clock.run(2);
      assert.deepEqual(told, ["writable 2920"]);
    });

    it("forgets a connection that is closed while it opens", () => {
      const { table, server } = tables();
      const { told, socket } = table.open();
      socket.close();
      table.clock.run(30_000);
      assert.deepEqual(told, []);
      assert.deepEqual(server.told, []);
      assert.equal(table.network.connections, 0);
    });
  });

  describe("writing", () => {
    it("gives the room that is left, and onWritable when it grows again", () => {
      const { table, server } = tables();
      const { told, socket } = table.open();
      table.clock.run(20);
      assert.equal(socket.write(count(0, 100)), 2820);
      assert.equal(socket.write(count(100, 20)), 2800);
      table.clock.run(5);
      assert.deepEqual(server.bytes, [...count(0, 120)]);
      assert.deepEqual(server.told, ["open", "data 120"]);
      assert.deepEqual(told, ["writable 2920"]);
      table.clock.run(5);
      assert.deepEqual(told, ["writable 2920", "writable 2920"]);
    });

    it('is all or nothing: "would block" beyond the room', () => {
      const { table, server } = tables();
      const { socket } = table.open();
      table.clock.run(20);
      assert.equal(socket.write(count(0, 2900)), 20);
      assert.throws(() => socket.write(count(0, 21)), new Error("would block"));
      assert.equal(socket.write(count(0, 20)), 0);
      assert.throws(() => socket.write(count(0, 1)), new Error("would block"));
      table.clock.run(100);
      assert.equal(server.bytes.length, 2920);
    });

    it("copies what it is given, in every form of buffer", () => {
      const { table, server } = tables();
      const { socket } = table.open();
      table.clock.run(20);
      const bytes = count(1, 4);
      socket.write(bytes.buffer);
      socket.write(bytes.subarray(1, 3));
      socket.write(new DataView(bytes.buffer, 3));
      bytes.fill(0);
      table.clock.run(20);
      assert.deepEqual(server.bytes, [1, 2, 3, 4, 2, 3, 4]);
      assert.throws(() => socket.write("text"), TypeError);
      assert.throws(() => socket.write(undefined), TypeError);
    });

    it("holds a small write back until the one before is acknowledged, unless nodelay is set", () => {
      for (const nodelay of [false, true]) {
        const { table, server } = tables();
        const { socket } = table.open({ nodelay });
        table.clock.run(20);
        socket.write(count(0, 10));
        table.clock.run(1);
        socket.write(count(10, 10));
        table.clock.run(7);
        assert.equal(server.bytes.length, nodelay ? 20 : 10);
        table.clock.run(10);
        assert.deepEqual(server.bytes, [...count(0, 20)]);
      }
    });

    it("dies of nine small packets under way, as lwIP's queue of buffers is full", () => {
      const { table, server } = tables();
      const { told, socket } = table.open({ nodelay: true });
      table.clock.run(20);
      table.network.blackHole("10.0.0.2");
      const log: string[] = [];
      table.board.on((event) => {
        if (event.type === "log") log.push(event.text);
      });
      for (let turn = 0; turn < 8; turn++) {
        assert.equal(socket.write(count(turn, 1)), 2919 - turn);
        table.clock.run(0.1);
      }
      assert.equal(socket.write(count(8, 1)), undefined);
      table.clock.run(1);
      assert.deepEqual(told, ["writable 2920", "error"]);
      assert.deepEqual(log, ["tcp write failed"]);
      assert.deepEqual(server.bytes, []);
    });
  });

  describe("reading", () => {
    it("tells of packets together, and of new ones only", () => {
      const { table, server } = tables();
      const { told, socket } = table.open({ reads: false });
      table.clock.run(20);
      server.peer.write(count(0, 10));
      server.peer.write(count(10, 5));
      table.clock.run(10);
      assert.deepEqual(told, ["writable 2920", "readable 15"]);
      table.clock.run(1_000);
      assert.equal(told.length, 2);
      server.peer.write(count(15, 1));
      table.clock.run(10);
      assert.equal(told.at(-1), "readable 16");
      assert.deepEqual([...new Uint8Array(socket.read(2) as ArrayBuffer)], [0, 1]);
      const buffer = new Uint8Array(12);
      assert.equal(socket.read(buffer.subarray(2)), 10);
      assert.deepEqual([...buffer], [0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
      assert.deepEqual([...new Uint8Array(socket.read() as ArrayBuffer)], [12, 13, 14, 15]);
      assert.equal(socket.read(), undefined);
      assert.equal(socket.read(3), undefined);
    });

    it("throws for more than there is, and for nothing", () => {
      const { table, server } = tables();
      const { socket } = table.open({ reads: false });
      table.clock.run(20);
      server.peer.write(count(0, 4));
      table.clock.run(10);
      for (const wrong of [5, 0, -1, undefined, new Uint8Array(5), new ArrayBuffer(0)]) {
        assert.throws(() => socket.read(wrong), new Error("invalid"));
      }
    });

    it("reads and writes single bytes in the format number", () => {
      const { table, server } = tables();
      let got: unknown[] = [];
      const socket = new table.TCP({
        address: "10.0.0.2",
        port: 1883,
        format: "number",
        onReadable(this: unknown, bytes) {
          for (let left = bytes; left > 0; left--) got.push((this as TCPInstance).read());
        },
      });
      table.clock.run(20);
      socket.write(0x141);
      table.clock.run(20);
      assert.deepEqual(server.bytes, [0x41]);
      server.peer.write(count(7, 3));
      table.clock.run(20);
      assert.deepEqual(got, [7, 8, 9]);
      got = [];
      assert.equal(socket.format, "number");
      socket.format = "buffer";
      assert.equal(socket.format, "buffer");
      assert.throws(() => {
        socket.format = "uint8";
      }, new RangeError("unimplemented"));
      assert.throws(() => {
        socket.format = "words";
      }, new RangeError("unknown"));
    });

    it("lets the peer send 5,840 bytes unread, and more when a segment's worth was read", () => {
      const { table, server } = tables();
      const { told, socket } = table.open({ reads: false });
      table.clock.run(20);
      server.peer.write(count(0, 10_000));
      table.clock.run(1_000);
      assert.equal(told.at(-1), "readable 5840");
      socket.read(1459);
      table.clock.run(1_000);
      assert.equal(told.at(-1), "readable 5840");
      socket.read(1);
      table.clock.run(1_000);
      assert.equal(told.at(-1), "readable 5840");
      let total = 1460;
      for (;;) {
        const bytes = socket.read() as ArrayBuffer | undefined;
        if (bytes === undefined) break;
        total += bytes.byteLength;
        table.clock.run(1_000);
      }
      assert.equal(total, 10_000);
    });
  });

  it("tells the peer of room in its window when 1,460 bytes were read, not before", () => {
    const { table, server } = tables();
    const { told, socket } = table.open({ reads: false });
    table.clock.run(20);
    for (let packet = 0; packet < 10; packet++) server.peer.write(count(0, 730));
    table.clock.run(1_000);
    assert.equal(told.at(-1), "readable 5840");
    socket.read(730);
    table.clock.run(100);
    assert.equal(told.at(-1), "readable 5840");
    socket.read(730);
    table.clock.run(100);
    assert.equal(told.at(-1), "readable 5840");
    assert.equal((socket.read() as ArrayBuffer).byteLength, 5840);
    assert.equal(told.length, 3, "two more packets came, and no more");
  });

  describe("ends", () => {
    it("tells onError for a clean close by the peer, when everything has been read", () => {
      const { table, server } = tables();
      const { told, socket } = table.open({ reads: false });
      table.clock.run(20);
      server.peer.write(count(0, 3));
      server.peer.close();
      table.clock.run(1_000);
      assert.deepEqual(told, ["writable 2920", "readable 3"]);
      assert.throws(() => socket.write(count(0, 1)), new Error("not ready"));
      socket.read(2);
      table.clock.run(10);
      assert.equal(told.length, 2);
      socket.read();
      assert.equal(told.length, 2, "never from inside a call");
      table.clock.run(10);
      assert.deepEqual(told, ["writable 2920", "readable 3", "error"]);
    });

    it("tells onError for a reset, and knows no address then", () => {
      const { table, server } = tables();
      const { told, socket } = table.open();
      table.clock.run(20);
      server.peer.reset();
      table.clock.run(20);
      assert.deepEqual(told, ["writable 2920", "error"]);
      assert.throws(() => socket.write(count(0, 1)), new Error("not ready"));
      assert.throws(() => socket.remoteAddress, /connection is gone/);
      socket.close();
    });

    it("ignores a write between the reset and its onError", () => {
      const { table, server } = tables();
      const { socket } = table.open();
      table.clock.run(20);
      server.peer.reset();
      let result: unknown = "nothing";
      table.network.onTraffic((traffic) => {
        // Another turn of firmware that is queued between the interrupt and the message that it posts.
        if (traffic.type === "reset") {
          table.clock.schedule(0, () => {
            result = socket.write(count(0, 1));
          });
        }
      });
      table.clock.run(20);
      assert.equal(result, undefined);
    });

    it("closes once and for all: nothing fires after it", () => {
      const { table, server } = tables();
      const { told, socket } = table.open();
      table.clock.run(20);
      server.peer.write(count(0, 3));
      socket.write(count(0, 3));
      socket.close();
      socket.close();
      table.clock.run(10_000);
      assert.deepEqual(told, ["writable 2920"]);
      assert.throws(() => socket.write(count(0, 1)), /closed/);
      assert.throws(() => socket.read(), /closed/);
    });

    it("sends what was written before close, then FIN", () => {
      const { table, server } = tables();
      const { socket } = table.open({ nodelay: false });
      table.clock.run(20);
      socket.write(count(0, 10));
      table.clock.run(1);
      socket.write(count(10, 10));
      socket.close();
      table.clock.run(100);
      assert.deepEqual(server.bytes, [...count(0, 20)]);
      assert.deepEqual(server.told, ["open", "data 10", "data 10", "end"]);
    });

    it("resets, and loses what was not sent, when it is closed with unread data", () => {
      const { table, server } = tables();
      const { socket } = table.open({ reads: false });
      table.clock.run(20);
      server.peer.write(count(0, 10));
      table.clock.run(20);
      socket.write(count(0, 5));
      socket.close();
      table.clock.run(100);
      assert.deepEqual(server.told, ["open", "error"]);
    });

    it("sends what was written before close once, and never again when it is lost", () => {
      const { table, server } = tables();
      const { socket } = table.open();
      table.clock.run(20);
      table.wifi.down();
      socket.write(count(0, 5));
      table.clock.run(0);
      socket.close();
      table.clock.run(100);
      table.wifi.up();
      table.clock.run(60_000);
      assert.deepEqual(server.told, ["open"]);
      assert.equal(server.peer.isReachable, false);
      server.peer.write(count(0, 1));
      table.clock.run(100);
      assert.deepEqual(server.told, ["open", "error"], "the board answers RST to a connection that it has forgotten");
    });

    it("calls onError again when it is not closed in it and something was read in the same turn", () => {
      const { table, server } = tables();
      const { told } = table.open();
      table.clock.run(20);
      server.peer.write(count(0, 3));
      server.peer.reset();
      table.clock.run(100);
      assert.deepEqual(told, ["writable 2920", "readable 3", "error", "error"]);
    });

    it("may be closed inside each of its callbacks", () => {
      for (const when of ["onWritable", "onReadable", "onError"] as const) {
        const { table, server } = tables();
        const told: string[] = [];
        const note = (name: string) =>
          function (this: unknown): void {
            told.push(name);
            if (name === when) (this as TCPInstance).close();
          };
        new table.TCP({
          address: "10.0.0.2",
          port: 1883,
          onWritable: note("onWritable"),
          onReadable: note("onReadable"),
          onError: note("onError"),
        });
        table.clock.run(20);
        server.peers[0]?.write(count(0, 3));
        table.clock.run(20);
        server.peers[0]?.reset();
        table.clock.run(20);
        assert.equal(told.at(-1), when === "onError" ? "onReadable" : when);
      }
    });
  });

  describe("from", () => {
    it("takes a connection over, with what was received and not read", () => {
      const { table, server } = tables();
      const first = table.open({ reads: false });
      table.clock.run(20);
      server.peer.write(count(0, 4));
      table.clock.run(20);
      const told: string[] = [];
      const second = new table.TCP({
        from: first.socket,
        onReadable: (bytes) => told.push(`readable ${bytes}`),
        onWritable: (bytes) => told.push(`writable ${bytes}`),
      });
      assert.deepEqual(told, []);
      table.clock.run(1);
      assert.deepEqual(told, ["readable 4", "writable 2920"]);
      assert.throws(() => first.socket.write(count(0, 1)), /closed/);
      second.write(count(9, 1));
      table.clock.run(20);
      assert.deepEqual(server.bytes, [9]);
      assert.throws(() => new table.TCP({ from: first.socket }), new Error("invalid from"));
      assert.throws(() => new table.TCP({ from: {} }), TypeError);
    });
  });

  it("falls silent with its board: no FIN, and the peer hears RST when it asks the rebooted board", () => {
    const { table, server } = tables();
    table.open();
    table.clock.run(20);
    table.board.reset();
    table.boot();
    table.clock.run(1_000);
    assert.deepEqual(server.told, ["open"]);
    server.peer.write(count(0, 1));
    table.clock.run(1_000);
    assert.deepEqual(server.told, ["open"], "the board is not on the air yet");
    table.join();
    table.clock.run(10_000);
    assert.deepEqual(server.told, ["open", "error"]);
  });

  it("is of no use to firmware whose boot has ended", () => {
    const { table, server } = tables();
    const { socket } = table.open();
    const { TCP } = table;
    table.clock.run(20);
    table.board.cutPower();
    assert.throws(() => socket.write(count(0, 1)), /boot has ended/);
    assert.throws(() => socket.read(), /boot has ended/);
    assert.throws(() => socket.close(), /boot has ended/);
    assert.throws(() => new TCP({ address: "10.0.0.2", port: 1 }), /boot has ended/);
    table.clock.run(1_000);
    assert.deepEqual(server.told, ["open"]);
  });
});
