// The board as a server: phones on its own access point and computers in the network that it has joined, the listener
// as the C makes it, and the connections that it gives.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ResetReason } from "../../../../../../host-sim/board.js";
import type {
  ListenerInstance,
  ListenerOptions,
} from "../../../../../../host-sim/modules/embedded/io/socket/listener.js";
import type { TCPInstance } from "../../../../../../host-sim/modules/embedded/io/socket/tcp.js";
import type { Phone } from "../../../../../../host-sim/phone.js";
import { count, Table } from "../../../../online.js";

type Listener = new (options: ListenerOptions) => ListenerInstance;

const box = "AlertBox-5750";

interface Shop {
  readonly table: Table;
  readonly phone: Phone;
  readonly listener: ListenerInstance;
  readonly told: string[];
  /** What the box has accepted. */
  readonly sockets: TCPInstance[];
}

function classOf(table: Table): Listener {
  return table.chip.use<Listener>("embedded:io/socket/listener");
}

/** A box with an open access point that notes what comes, and a phone on it. */
function shop(options: { serves?: boolean } = {}): Shop {
  const { serves = true } = options;
  const table = new Table();
  table.WiFi.accessPoint({ ssid: box });
  const told: string[] = [];
  const sockets: TCPInstance[] = [];
  const listener: ListenerInstance = new (classOf(table))({
    port: 80,
    onReadable(requests) {
      told.push(`requests ${requests}`);
      if (serves) for (let left = requests; left > 0; left--) sockets.push(serve(table, listener, told));
    },
  });
  const phone = table.phone();
  assert.equal(phone.join(box), true);
  return { table, phone, listener, told, sockets };
}

function serve(table: Table, listener: ListenerInstance, told: string[]): TCPInstance {
  const from = listener.read();
  assert.ok(from !== undefined);
  return new table.TCP({
    from,
    onReadable(this: unknown, bytes) {
      const data = (this as TCPInstance).read() as ArrayBuffer;
      told.push(`readable ${bytes} ${String.fromCharCode(...new Uint8Array(data).subarray(0, 4))}`);
    },
    onWritable: (bytes) => told.push(`writable ${bytes}`),
    onError: () => told.push("error"),
  });
}

describe("embedded:io/socket/listener", () => {
  it("accepts a phone; what the phone said at once comes with lwIP's next tick of 250 ms", () => {
    const { table, phone, told, sockets } = shop();
    const line = phone.send("GET / HTTP/1.1\r\n\r\n");
    table.clock.run(16);
    assert.deepEqual(told, ["requests 1", "writable 2920"]);
    assert.deepEqual([sockets[0]?.remoteAddress, line.isOpen], ["192.168.4.2", true]);
    table.clock.run(233);
    assert.equal(told.length, 2);
    table.clock.run(1);
    assert.deepEqual(told.slice(2), ["readable 18 GET "]);
    line.write("more");
    table.clock.run(5);
    assert.deepEqual(told.slice(3), ["readable 4 more"]);
  });

  it("offers what was refused before, when more comes in", () => {
    const { table, phone, told } = shop();
    phone.send("one two ", { pieceBytes: 4, everyMs: 20 });
    table.clock.run(40);
    assert.deepEqual(told, ["requests 1", "writable 2920", "readable 8 one "]);
  });

  it("answers, and is FIN and RST at once when it closes: what was written arrives all the same", () => {
    const { table, phone, sockets } = shop();
    const answer = phone.request("GET", "/");
    table.clock.run(300);
    const socket = sockets[0];
    assert.ok(socket !== undefined);
    socket.write(new TextEncoder().encode("HTTP/1.0 200 OK\r\n\r\nhello"));
    table.clock.run(1);
    socket.close();
    assert.equal(answer.isDone, false);
    table.clock.run(10);
    assert.deepEqual([answer.failure, answer.status, answer.body], [undefined, 200, "hello"]);
  });

  it("loses what was under way when a segment was lost before it closed: nothing is sent again", () => {
    const { table, phone, sockets } = shop();
    const answer = phone.request("GET", "/");
    table.clock.run(300);
    table.network.lossRate = 1;
    sockets[0]?.write(new TextEncoder().encode("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
    table.clock.run(1);
    sockets[0]?.close();
    table.network.lossRate = 0;
    table.clock.run(60_000);
    assert.deepEqual([answer.failure, answer.status], ["too late", 0]);
  });

  it("resets when it closes with unread data, and hears the phone's end and reset as an error", () => {
    const { table, phone, sockets, told } = shop();
    const unread = phone.send("something");
    table.clock.run(15);
    sockets[0]?.close();
    table.clock.run(10);
    assert.equal(unread.failure, "reset");
    const ending = phone.send("");
    table.clock.run(300);
    told.length = 0;
    ending.close();
    table.clock.run(10);
    assert.deepEqual(told, ["error"]);
    sockets[1]?.close();
    const resetting = phone.send("");
    table.clock.run(300);
    told.length = 0;
    resetting.reset();
    table.clock.run(10);
    assert.deepEqual(told, ["error"]);
  });

  it("sends within the window of 2920 bytes, like every connection", () => {
    const { table, phone, sockets } = shop();
    const line = phone.send("");
    table.clock.run(300);
    const socket = sockets[0];
    assert.equal(socket?.write(count(0, 2920)), 0);
    assert.throws(() => socket?.write(count(0, 1)), /would block/);
    table.clock.run(20);
    assert.deepEqual(line.bytes, count(0, 2920));
    assert.equal(socket?.write(count(0, 1)), 2919);
  });

  it("counts all that waits in one turn, and gives nothing when nothing waits", () => {
    const { table, phone, listener, told } = shop({ serves: false });
    assert.equal(listener.read(), undefined);
    phone.send("");
    phone.send("");
    table.clock.run(100);
    assert.deepEqual(told, ["requests 2"]);
    assert.ok(listener.read() !== undefined && listener.read() !== undefined);
    assert.equal(listener.read(), undefined);
  });

  it("tells nobody of an end or a reset that came before read", () => {
    const { table, phone, listener, told } = shop({ serves: false });
    const ended = phone.send("");
    const reset = phone.send("");
    table.clock.run(100);
    ended.close();
    reset.reset();
    table.clock.run(100);
    told.length = 0;
    const sockets = [serve(table, listener, told), serve(table, listener, told)];
    table.clock.run(1_000);
    assert.deepEqual(told, ["writable 2920", "writable 2920"]);
    for (const socket of sockets) socket.write(count(0, 3));
    table.clock.run(1_000);
    for (const socket of sockets) socket.close();
  });

  it("ignores a SYN while five connections are established, and takes it when one has gone", () => {
    const { table, phone, sockets } = shop();
    const lines = Array.from({ length: 5 }, () => phone.send(""));
    table.clock.run(500);
    const sixth = phone.send("");
    table.clock.run(500);
    assert.deepEqual(
      [...lines, sixth].map((line) => line.isOpen),
      [true, true, true, true, true, false],
    );
    assert.throws(() => new table.TCP({ address: "192.168.4.2", port: 1 }), /no socket/);
    sockets[0]?.close();
    table.clock.run(700);
    assert.equal(sixth.isOpen, true, "the SYN of one second later");
  });

  it("is heard in the network that the station has joined as well, and nowhere without either", () => {
    const table = new Table().join();
    let requests = 0;
    new (classOf(table))({ port: 80, onReadable: () => (requests += 1) });
    let isOpen = false;
    table.network.dial(table.board, "10.0.0.7", 80).onOpen = () => {
      isOpen = true;
    };
    const refused = table.network.dial(table.board, "10.0.0.7", 81);
    table.clock.run(100);
    assert.deepEqual([requests, isOpen, refused.failure], [1, true, "refused"]);
    const phone = table.phone();
    assert.equal(phone.join(box), false);
    const unheard = table.network.dial(table.board, "192.168.4.2", 80);
    table.clock.run(200_000);
    assert.deepEqual([requests, unheard.failure, unheard.isOpen], [1, "no answer", false]);
  });

  it("takes a connection whose last ACK was lost with its first data", () => {
    const { table, told } = shop();
    const caller = table.network.dial(table.board, "192.168.4.2", 80);
    caller.onOpen = () => {
      table.network.lossRate = 0;
      caller.write(new TextEncoder().encode("late"));
    };
    table.clock.run(9);
    table.network.lossRate = 1;
    table.clock.run(250);
    assert.deepEqual(told, ["requests 1", "writable 2920", "readable 4 late"]);
  });

  it("hears nothing of a phone that gave up before the handshake was complete", () => {
    const { table, told } = shop();
    const caller = table.network.dial(table.board, "192.168.4.2", 80);
    table.clock.run(7);
    caller.close();
    table.clock.run(1_000);
    assert.deepEqual([told, caller.isOpen, table.network.connections], [[], false, 0]);
  });

  it("refuses where nobody listens", () => {
    const { table, phone } = shop({ serves: false });
    const waiting = phone.send("hello");
    const other = phone.send("", { port: 81 });
    table.clock.run(100);
    assert.deepEqual([waiting.isOpen, other.failure], [true, "refused"]);
  });

  it("closing one ends the boot, as it may on the chip, where lwIP goes on with freed memory", () => {
    const { table, listener } = shop({ serves: false });
    const resets: number[] = [];
    table.board.on((event) => {
      if (event.type === "reset") resets.push(event.reason);
    });
    assert.throws(() => listener.close(), /boot has ended/);
    assert.deepEqual(resets, [2]);
    assert.match(table.board.log.at(-1) ?? "", /freed memory/);
  });

  it("ends with its boot: silence, then RST from the next boot, which has no listener", () => {
    const { table, phone, sockets } = shop();
    const line = phone.send("");
    table.clock.run(300);
    table.board.reset();
    table.boot();
    assert.throws(() => sockets[0]?.write(count(0, 1)), /boot has ended/);
    assert.equal(phone.isConnected, false, "the access point is gone");
    table.WiFi.accessPoint({ ssid: box });
    assert.equal(phone.join(box), true);
    line.write("still there?");
    const fresh = phone.send("");
    table.clock.run(1_000);
    assert.deepEqual([line.failure, fresh.failure], ["reset", "refused"]);
  });

  it("crashes the chip when a port is listened on twice", () => {
    const { table, told } = shop();
    assert.throws(() => new (classOf(table))({ port: 80 }), /boot has ended/);
    assert.equal(table.board.resetReason, ResetReason.exception);
    table.boot();
    const chip = table.chip.use<{ exceptionCause(): number }>("chip");
    assert.equal(chip.exceptionCause(), 28);
    assert.deepEqual(told, []);
  });

  it("checks its options as the C does", () => {
    const table = new Table();
    const Class = classOf(table);
    const cases: [ListenerOptions, RegExp | typeof RangeError][] = [
      [{ port: -1 }, RangeError],
      [{ port: 65_536 }, /invalid port/],
      [{ port: undefined }, /invalid/],
      [{ onReadable: 5 as never }, /not a function/],
      [{ format: "buffer" }, /unimplemented/],
      [{ format: "nonsense" }, RangeError],
    ];
    for (const [options, error] of cases) assert.throws(() => new Class(options), error);
    assert.throws(() => new Class(undefined as never), TypeError);
    const target = {};
    const first = new Class({ format: "socket/tcp", target, onReadable: null });
    assert.equal(first.target, target);
    assert.deepEqual([first.port, new Class({ port: 0 }).port], [1024, 1025]);
    assert.throws(() => new Class({ port: 80 }), /no socket/);
    assert.throws(() => {
      first.format = "buffer";
    }, RangeError);
    first.format = "socket/tcp";
    table.board.cutPower();
    assert.throws(() => first.close(), /boot has ended/);
    assert.throws(() => new Class({}), /boot has ended/);
  });
});
