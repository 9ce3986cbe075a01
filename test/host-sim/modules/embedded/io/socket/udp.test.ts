// UDP on the board: what the C makes of options, packets and callbacks, and that packets are lost without a word.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { UDPInstance, UDPOptions } from "../../../../../../host-sim/modules/embedded/io/socket/udp.js";
import type { Datagram } from "../../../../../../host-sim/network.js";
import { count, Table } from "../../../../online.js";

type UDP = new (options: UDPOptions) => UDPInstance;

const box = "AlertBox-5750";

function classOf(table: Table): UDP {
  return table.chip.use<UDP>("embedded:io/socket/udp");
}

/** A box with an access point, a socket on port 53, and a port of a phone. */
function desk() {
  const table = new Table();
  table.WiFi.accessPoint({ ssid: box });
  const phone = table.phone();
  phone.join(box);
  const told: number[] = [];
  const socket = new (classOf(table))({ port: 53, onReadable: (packets) => told.push(packets) });
  const heard: Datagram[] = [];
  const port = table.network.openPort("192.168.4.2", 5_000, (datagram) => heard.push(datagram));
  return { table, phone, socket, told, heard, port };
}

describe("embedded:io/socket/udp", () => {
  it("gives a packet with its sender, and sends one back", () => {
    const { table, socket, told, heard, port } = desk();
    port.send(table.board, 53, count(1, 5));
    table.clock.run(10);
    assert.deepEqual(told, [1]);
    const packet = socket.read();
    assert.deepEqual(new Uint8Array(packet ?? new ArrayBuffer(0)), count(1, 5));
    assert.deepEqual([packet?.address, packet?.port], ["192.168.4.2", 5_000]);
    assert.equal(socket.read(), undefined);
    socket.write(count(9, 3).buffer, "192.168.4.2", 5_000);
    assert.deepEqual(heard, []);
    table.clock.run(5);
    assert.deepEqual(heard, [{ address: "192.168.4.1", port: 53, bytes: count(9, 3) }]);
  });

  it("counts what waits in one turn, and drops what the memory does not hold", () => {
    const { table, socket, told, port } = desk();
    for (let index = 0; index < 14; index++) port.send(table.board, 53, Uint8Array.of(index));
    table.clock.run(10);
    assert.equal(told.length, 1);
    const read: number[] = [];
    for (let packet = socket.read(); packet !== undefined; packet = socket.read()) {
      read.push(new Uint8Array(packet)[0] ?? -1);
    }
    assert.deepEqual(read, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    port.send(table.board, 53, Uint8Array.of(99));
    port.send(table.board, 53, new Uint8Array(0));
    table.clock.run(10);
    assert.deepEqual([socket.read()?.byteLength, socket.read()?.byteLength], [1, 0]);
  });

  it("is not told of packets to another port, after close, in another boot, or that got lost", () => {
    const { table, socket, told, heard, port } = desk();
    port.send(table.board, 54, count(0, 1));
    table.network.lossRate = 1;
    port.send(table.board, 53, count(0, 1));
    socket.write(count(0, 1), "192.168.4.2", 5_000);
    table.network.lossRate = 0;
    table.network.blackHole("192.168.4.2");
    port.send(table.board, 53, count(0, 1));
    table.clock.run(10);
    table.network.blackHole("192.168.4.2", false);
    port.send(table.board, 53, count(0, 1));
    table.clock.run(0);
    socket.close();
    socket.close();
    table.clock.run(10);
    assert.deepEqual([told, heard], [[], []]);
    assert.throws(() => socket.read(), /closed/);
    assert.throws(() => socket.write(count(0, 1), "192.168.4.2", 1), /closed/);
    table.board.reset();
    table.boot();
    table.WiFi.accessPoint({ ssid: box });
    port.send(table.board, 53, count(0, 1));
    table.clock.run(10);
    assert.deepEqual(told, []);
  });

  it("keeps packets back while the network holds them", () => {
    const { table, told, port } = desk();
    table.network.hold("down");
    port.send(table.board, 53, count(0, 1));
    table.clock.run(100);
    assert.deepEqual(told, []);
    table.network.release("down");
    table.clock.run(1);
    assert.deepEqual(told, [1]);
  });

  it("talks to the network that the station has joined, and has no way elsewhere without it", () => {
    const table = new Table();
    const socket = new (classOf(table))({});
    assert.throws(() => socket.write(count(0, 1), "10.0.0.2", 53), new Error("UDP send failed"));
    table.join();
    const heard: Datagram[] = [];
    const port = table.network.openPort("10.0.0.2", 53, (datagram) => heard.push(datagram));
    assert.throws(() => table.network.openPort("10.0.0.2", 53, () => {}), /somebody receives/);
    socket.write(count(0, 2), "10.0.0.2", 53);
    assert.throws(() => socket.write(new Uint8Array(1_473), "10.0.0.2", 53), /UDP send failed/);
    table.clock.run(5);
    assert.deepEqual(heard, [{ address: "10.0.0.100", port: 4_096, bytes: count(0, 2) }]);
    port.send(table.board, 4_096, count(7, 1));
    table.clock.run(5);
    assert.equal(socket.read()?.address, "10.0.0.2");
    port.close();
    socket.write(count(0, 2), "10.0.0.2", 53);
    table.clock.run(5);
    assert.equal(heard.length, 1);
  });

  it("checks its options and arguments as the C does", () => {
    const table = new Table();
    const Class = classOf(table);
    const cases: [UDPOptions, RegExp][] = [
      [{ port: -1 }, /invalid port/],
      [{ port: 65_536 }, /invalid port/],
      [{ timeToLive: 0 }, /invalid timeToLive/],
      [{ timeToLive: 256 }, /invalid timeToLive/],
      [{ onReadable: {} as never }, /not a function/],
      [{ format: "number" }, /invalid format/],
    ];
    for (const [options, message] of cases) assert.throws(() => new Class(options), message);
    assert.throws(() => new Class(undefined as never), TypeError);
    const target = {};
    const socket = new Class({ port: 53, target, timeToLive: 1, format: "buffer" });
    assert.equal(socket.target, target);
    assert.throws(() => new Class({ port: 53 }), new Error("bind failed"));
    for (let index = 0; index < 3; index++) new Class({ port: 0 });
    assert.throws(() => new Class({}), /no socket/);
    assert.throws(() => socket.write(count(0, 1), "phone.local", 1), new RangeError("invalid IP address"));
    assert.throws(() => socket.write("text", "10.0.0.2", 1), TypeError);
    socket.add("224.0.0.251");
    assert.throws(() => socket.add("255.255.255.255"), /broadcast is not multicast/);
    socket.remove("224.0.0.251");
    socket.format = "buffer";
    assert.throws(() => {
      socket.format = "string";
    }, RangeError);
    assert.equal(socket.format, "buffer");
    table.board.cutPower();
    assert.throws(() => socket.close(), /boot has ended/);
  });
});
