import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, it } from "mocha";
import { Board } from "../../host-sim/board.js";
import { RealClock } from "../../host-sim/clock.js";
import { dataTimeoutMs, synTimeoutMs } from "../../host-sim/lwip.js";
import type { TCPInstance } from "../../host-sim/modules/embedded/io/socket/tcp.js";
import { RealNetwork, type Traffic } from "../../host-sim/network.js";
import { type AccessPoint, Airspace } from "../../host-sim/radio.js";
import { Random } from "../../host-sim/random.js";
import { WireFaults } from "../../host-sim/wire-faults.js";
import { count, type NetModule, type TCP } from "./online.js";
import { type Chip, firmware } from "./rig.js";

/** Board time runs faster, so that joining the Wi-Fi takes some milliseconds. */
const speed = 100;

class Bench {
  readonly clock = new RealClock(speed);
  readonly faults = new WireFaults();
  readonly network = new RealNetwork({ faults: this.faults });
  readonly wifi: AccessPoint;
  readonly board: Board;
  readonly server: NetServer;
  readonly sockets: Socket[] = [];
  chip: Chip | undefined;
  readonly #waiting: { condition: () => boolean; resolve: () => void }[] = [];

  constructor() {
    const airspace = new Airspace();
    this.wifi = airspace.add({ ssid: "home", channel: 6, dhcpMs: 0 });
    this.board = new Board({
      clock: this.clock,
      network: this.network,
      airspace,
      random: new Random(7),
      image: firmware((chip) => {
        this.chip = chip;
        chip.use<{ connect(options: object): void }>("wifi").connect({ ssid: "home", channel: 6 });
        this.check();
      }),
    });
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.push(socket);
      socket.on("error", () => this.check());
      socket.on("close", () => this.check());
      socket.on("end", () => this.check());
      this.check();
    });
    this.board.on(() => this.check());
    this.network.onTraffic(() => this.check());
  }

  async start(): Promise<void> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.board.powerOn();
    await this.until(() => this.address !== undefined);
  }

  get address(): unknown {
    return this.chip?.use<NetModule>("net").get("IP");
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get socket(): Socket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("nobody has connected");
    return socket;
  }

  /** Waits for a condition; it is asked whenever something has happened. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ condition, resolve });
      this.check();
    });
  }

  check(): void {
    // After whoever else hears of the same event.
    setImmediate(() => {
      for (const waiting of [...this.#waiting]) {
        if (!waiting.condition()) continue;
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        waiting.resolve();
      }
    });
  }

  open(options: { port?: number; reads?: boolean } = {}): { socket: TCPInstance; told: string[]; bytes: number[] } {
    const { port = this.port, reads = true } = options;
    const told: string[] = [];
    const bytes: number[] = [];
    if (this.chip === undefined) throw new Error("no firmware");
    const TCP = this.chip.use<TCP>("embedded:io/socket/tcp");
    const tell = (what: string): void => {
      told.push(what);
      this.check();
    };
    const socket = new TCP({
      address: "127.0.0.1",
      port,
      nodelay: true,
      onReadable(this: unknown, length) {
        if (reads) bytes.push(...new Uint8Array((this as TCPInstance).read() as ArrayBuffer));
        tell(`readable ${length}`);
      },
      onWritable: (room) => tell(`writable ${room}`),
      onError: () => tell("error"),
    });
    return { socket, told, bytes };
  }

  async close(): Promise<void> {
    this.board.close();
    this.network.close();
    this.clock.close();
    for (const socket of this.sockets) socket.destroy();
    if (this.server.listening) {
      this.server.close();
      await once(this.server, "close");
    }
    assert.equal(this.network.connections, 0);
  }
}

describe("RealNetwork", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = new Bench();
    await bench.start();
  });
  afterEach(() => bench.close());

  it("connects, and carries bytes both ways", async () => {
    const { socket, told, bytes } = bench.open();
    await bench.until(() => told.length === 1);
    assert.deepEqual(told, ["writable 2920"]);
    assert.equal(socket.write(count(0, 5)), 2915);
    const [data] = (await once(bench.socket, "data")) as [Buffer];
    assert.deepEqual([...data], [...count(0, 5)]);
    await bench.until(() => told.length === 2);
    assert.deepEqual(told, ["writable 2920", "writable 2920"]);
    bench.socket.write(count(9, 3000));
    await bench.until(() => bytes.length === 3000);
    assert.deepEqual(bytes, [...count(9, 3000)]);
  });

  it("lets the server send no more than the window while nothing is read", async () => {
    const { socket, told } = bench.open({ reads: false });
    await bench.until(() => told.length === 1);
    bench.socket.write(count(0, 100_000));
    await bench.until(() => told.at(-1) === "readable 5840");
    let total = 0;
    while (total < 100_000) {
      const data = socket.read() as ArrayBuffer | undefined;
      if (data === undefined) {
        const before = told.length;
        await bench.until(() => told.length > before);
        continue;
      }
      total += data.byteLength;
      assert.ok(data.byteLength <= 5840);
    }
    assert.equal(total, 100_000);
  });

  it("tells of a refusal", async () => {
    const { port } = bench;
    bench.server.close();
    const { told } = bench.open({ port });
    await bench.until(() => told.length === 1);
    assert.deepEqual(told, ["error"]);
  });

  it("tells of a clean close and of a reset by the server", async () => {
    const ended = bench.open();
    await bench.until(() => ended.told.length === 1 && bench.sockets.length === 1);
    bench.socket.end(count(0, 3));
    await bench.until(() => ended.told.includes("error"));
    assert.deepEqual(ended.bytes, [0, 1, 2]);
    ended.socket.close();
    const reset = bench.open();
    await bench.until(() => reset.told.length === 1 && bench.sockets.length === 2);
    bench.socket.resetAndDestroy();
    await bench.until(() => reset.told.includes("error"));
    assert.deepEqual(reset.told, ["writable 2920", "error"]);
  });

  it("sends what was written before close, then FIN", async () => {
    const { socket, told } = bench.open();
    await bench.until(() => told.length === 1);
    const received: number[] = [];
    bench.socket.on("data", (data) => received.push(...data));
    socket.write(count(0, 2000));
    socket.close();
    await once(bench.socket, "end");
    assert.equal(received.length, 2000);
    bench.socket.end();
    await bench.until(() => bench.network.connections === 0 || bench.socket.destroyed);
  });

  it("resets when the board closes with unread data", async () => {
    const { socket, told } = bench.open({ reads: false });
    await bench.until(() => told.length === 1);
    bench.socket.write(count(0, 3));
    await bench.until(() => told.includes("readable 3"));
    const failed = once(bench.socket, "error");
    bench.socket.resume();
    const passed: string[] = [];
    bench.network.onTraffic(({ type, direction }) => passed.push(`${direction} ${type}`));
    socket.close();
    const [error] = (await failed) as [Error & { code: string }];
    assert.equal(error.code, "ECONNRESET");
    assert.deepEqual(passed, ["up reset"], "whoever watches sees by whom it ended");
  });

  it("leaves the socket of a board without power open and silent until the server closes it", async () => {
    const { told } = bench.open();
    await bench.until(() => told.length === 1);
    let heard = false;
    bench.socket.on("data", () => {
      heard = true;
    });
    bench.socket.on("end", () => {
      heard = true;
    });
    bench.board.cutPower();
    bench.chip = undefined;
    // The server's own writes are taken and nobody answers.
    await new Promise<void>((resolve) => bench.socket.write(count(0, 100), () => resolve()));
    bench.board.powerOn();
    await bench.until(() => bench.address !== undefined);
    assert.equal(bench.network.connections, 1);
    assert.equal(heard, false);
    bench.socket.end();
    await once(bench.socket, "end");
    assert.equal(told.length, 1);
  });

  it("holds both directions while the Wi-Fi is off", async () => {
    const { socket, told, bytes } = bench.open();
    await bench.until(() => told.length === 1);
    const received: number[] = [];
    bench.socket.on("data", (data) => {
      received.push(...data);
      bench.check();
    });
    bench.wifi.down();
    socket.write(count(0, 3));
    await new Promise<void>((resolve) => bench.socket.write(count(5, 3), () => resolve()));
    await new Promise<void>((resolve) => bench.clock.schedule(1_000, resolve));
    assert.deepEqual([received, bytes], [[], []]);
    bench.wifi.up();
    await bench.until(() => received.length === 3 && bytes.length === 3);
    assert.deepEqual([received, bytes], [[...count(0, 3)], [...count(5, 3)]]);
  });

  it("says nothing to the server when the board closes while the Wi-Fi is off", async () => {
    const { socket, told } = bench.open();
    await bench.until(() => told.length === 1 && bench.sockets.length === 1);
    bench.wifi.down();
    socket.write(count(0, 3));
    socket.close();
    await new Promise<void>((resolve) => bench.clock.schedule(100, resolve));
    bench.wifi.up();
    await new Promise<void>((resolve) => bench.clock.schedule(2_000, resolve));
    assert.equal(bench.socket.readableEnded, false);
    assert.equal(bench.socket.bytesRead, 0);
    assert.equal(bench.network.connections, 1);
  });

  it("gives up what it cannot send for two minutes of board time", async () => {
    const { socket, told } = bench.open();
    await bench.until(() => told.length === 1);
    bench.wifi.down();
    socket.write(count(0, 3));
    await bench.until(() => told.includes("error"));
    assert.deepEqual(told, ["writable 2920", "error"]);
  });

  it("opens when the Wi-Fi is back, and fails when it stays away", async () => {
    bench.wifi.down();
    const calledAt = bench.clock.now;
    const late = bench.open();
    const opened: number[] = [];
    bench.network.onTraffic(({ type, at }) => {
      if (type === "open") opened.push(at);
    });
    const found = await new Promise<string[]>((resolve) =>
      bench.clock.schedule(1_000, () => {
        resolve([...late.told]);
        bench.wifi.up();
      }),
    );
    assert.deepEqual(found, []);
    await bench.until(() => late.told.length === 1);
    assert.deepEqual(late.told, ["writable 2920"]);
    assert.ok((opened[0] ?? 0) - calledAt >= 3_000, "with its next SYN");
    bench.wifi.down();
    const never = bench.open();
    await bench.until(() => never.told.length === 1);
    assert.deepEqual(never.told, ["error"]);
  });

  it("forgets a connection that is cut off while it opens", async () => {
    bench.open();
    bench.board.cutPower();
    assert.equal(bench.network.connections, 0);
  });

  it("resolves names", async () => {
    const resolve = (name: string): Promise<string | undefined> =>
      new Promise((done) => {
        bench.chip?.use<NetModule>("net").resolve(name, (_name, address) => done(address));
      });
    assert.equal(await resolve("localhost"), "127.0.0.1");
    assert.equal(await resolve("10.1"), "10.0.0.1");
    assert.equal(await resolve(""), undefined);
    bench.wifi.down();
    assert.equal(await resolve("localhost"), undefined);
  });

  it("lets a tap hear all traffic", async () => {
    const heard: string[] = [];
    const end = bench.network.onTraffic(({ type, direction, bytes }: Traffic) => {
      heard.push(`${type} ${direction} ${bytes.byteLength}`);
    });
    const { socket, told } = bench.open();
    await bench.until(() => told.length === 1);
    socket.write(count(0, 2));
    await once(bench.socket, "data");
    socket.close();
    await once(bench.socket, "end");
    end();
    assert.deepEqual(heard, ["open up 0", "data up 2", "end up 0"]);
  });

  /** The bytes of an MQTT packet that only its type and its length matter of. */
  function packet(type: number, length: number): Uint8Array {
    return Uint8Array.from([type << 4, length, ...count(0x70, length)]);
  }

  it("a broker that refuses answers CONNECT in the real one's place, which sees nothing but the end", async () => {
    bench.faults.set("broker-refuses", true);
    const { socket, told, bytes } = bench.open();
    await bench.until(() => told.length === 1 && bench.sockets.length === 1);
    const ended = once(bench.socket, "end");
    bench.socket.resume();
    // CONNECT in two pieces, and a packet after it in the same segment.
    const connect = packet(1, 20);
    socket.write(connect.subarray(0, 5));
    socket.write(Uint8Array.from([...connect.subarray(5), ...packet(3, 10)]));
    await bench.until(() => told.includes("error"));
    assert.deepEqual(bytes, [0x20, 2, 0, 5]);
    await ended;
    assert.equal(bench.socket.bytesRead, 0);
    socket.close();
    bench.socket.end();
    // What is not MQTT gets through, and so does the next one when it is over.
    const other = bench.open();
    await bench.until(() => other.told.length === 1 && bench.sockets.length === 2);
    other.socket.write(packet(4, 3));
    await once(bench.socket, "data");
    bench.faults.set("broker-refuses", false);
    const next = bench.open();
    await bench.until(() => next.told.length === 1 && bench.sockets.length === 3);
    next.socket.write(connect);
    const [data] = (await once(bench.socket, "data")) as [Buffer];
    assert.deepEqual([...data], [...connect]);
  });

  it("a connection that was open stays when the broker begins to refuse", async () => {
    const { socket, told, bytes } = bench.open();
    await bench.until(() => told.length === 1 && bench.sockets.length === 1);
    socket.write(packet(1, 20));
    await once(bench.socket, "data");
    bench.faults.set("broker-refuses", true);
    socket.write(packet(12, 0));
    await once(bench.socket, "data");
    bench.socket.write(packet(13, 0));
    await bench.until(() => bytes.length === 2);
  });

  it("a lost PUBCOMP takes its connection with it, at both ends; what came before it arrives", async () => {
    bench.faults.set("lost-pubcomp", true);
    const { socket, told, bytes } = bench.open();
    await bench.until(() => told.length === 1 && bench.sockets.length === 1);
    socket.write(packet(1, 20));
    await once(bench.socket, "data");
    const reset = once(bench.socket, "error");
    bench.socket.write(Buffer.concat([packet(2, 2), packet(3, 7), packet(7, 2), packet(13, 0)]));
    await bench.until(() => told.includes("error"));
    assert.deepEqual(bytes, [...packet(2, 2), ...packet(3, 7)]);
    const [error] = (await reset) as [Error & { code: string }];
    assert.equal(error.code, "ECONNRESET");
  });

  it("half-open: nothing comes to either side, no end, no error, and no SYN is answered until it is over", async () => {
    const { socket, told, bytes } = bench.open();
    await bench.until(() => told.length === 1 && bench.sockets.length === 1);
    const [server] = bench.sockets as [Socket];
    server.on("data", () => assert.fail("something got through"));
    server.on("end", () => assert.fail("something got through"));
    bench.faults.set("half-open", true);
    socket.write(count(0, 3));
    await new Promise<void>((resolve) => server.write(count(0, 3), () => resolve()));
    const next = bench.open();
    // Looked at in that moment: the clock may go on before a promise does.
    const found = await new Promise<unknown[]>((resolve) =>
      bench.clock.schedule(4_000, () => {
        resolve([[...told], [...bytes], [...next.told], bench.sockets.length]);
        bench.faults.set("half-open", false);
      }),
    );
    assert.deepEqual(found, [["writable 2920"], [], [], 1]);
    // Its next SYN, three seconds after the one before, gets through; the old connection stays dead.
    await bench.until(() => next.told.length === 1 && bench.sockets.length === 2);
    bench.socket.write(count(0, 2));
    await bench.until(() => next.bytes.length === 2);
    // It gives up at last, and also that is heard by nobody else.
    await bench.until(() => told.includes("error"));
    socket.close();
    await new Promise<void>((resolve) => bench.clock.schedule(4_000, resolve));
    assert.deepEqual([told, bytes, server.destroyed], [["writable 2920", "error"], [], false]);
  });

  it("keeps no socket of a board that has lost its power, once the other side has ended it, whatever the fault", async () => {
    const gone = async (): Promise<void> => {
      while (bench.network.connections > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    };
    for (const fault of ["broker-refuses", "lost-pubcomp", "half-open"] as const) {
      for (const isEarly of [true, false]) {
        bench.faults.set(fault, fault !== "half-open");
        const { socket, told } = bench.open();
        const opened = bench.sockets.length;
        await bench.until(() => told.length === 1 && bench.sockets.length === opened + 1);
        const server = bench.socket.resume();
        socket.write(packet(1, 20));
        if (fault === "lost-pubcomp") {
          await once(server, "data");
          server.write(packet(7, 2));
        }
        if (fault === "half-open") bench.faults.set(fault, true);
        else await bench.until(() => told.includes("error"));
        const closed = once(server, "close");
        if (isEarly) bench.board.cutPower();
        server.destroy();
        await closed;
        // This side sees it a moment later, before or after the board is gone.
        if (!isEarly) await new Promise<void>((resolve) => bench.clock.schedule(2_000, resolve));
        bench.board.cutPower();
        await gone();
        bench.faults.set(fault, false);
        bench.board.powerOn();
        bench.chip = undefined;
        await bench.until(() => bench.address !== undefined);
      }
    }
  });

  it("half-open: lwIP gives up what nobody acknowledges, and a SYN that nobody answers", async () => {
    const { socket, told } = bench.open();
    await bench.until(() => told.length === 1);
    bench.faults.set("half-open", true);
    const resets: number[] = [];
    bench.network.onTraffic(({ type, at }) => {
      if (type === "reset") resets.push(at);
    });
    const startedAt = bench.clock.now;
    const next = bench.open();
    socket.write(count(0, 3));
    await bench.until(() => next.told.length === 1);
    assert.deepEqual(next.told, ["error"]);
    // What is written later does not put it off.
    socket.write(count(0, 3));
    await bench.until(() => told.includes("error"));
    const [syn, data] = resets.map((at) => at - startedAt);
    assert.ok(syn !== undefined && syn >= synTimeoutMs && syn < dataTimeoutMs, `${syn}`);
    // Both were begun in the same moment, which the two looks at the clock before them were a little before.
    assert.ok(data !== undefined && data - syn < dataTimeoutMs - synTimeoutMs + 1000, `${data}`);
  });

  it("slow: a name takes its question and its answer", async () => {
    const asked = async (): Promise<number> => {
      const startedAt = bench.clock.now;
      let answeredAt = 0;
      await new Promise<void>((done) => {
        bench.chip?.use<NetModule>("net").resolve("localhost", () => {
          answeredAt = bench.clock.now;
          done();
        });
      });
      return answeredAt - startedAt;
    };
    bench.faults.set("slow-network", true);
    assert.ok((await asked()) >= 1000);
  });

  it("slow: handshake, data, acknowledgement and end take half a second each way, in their order", async () => {
    bench.faults.set("slow-network", true);
    const { clock } = bench;
    const at = new Map<string, number>();
    const startedAt = clock.now;
    const heard: string[] = [];
    bench.network.onTraffic(({ type, direction, bytes }: Traffic) => {
      heard.push(`${type} ${direction} ${bytes.byteLength}`);
      at.set(heard.at(-1) ?? "", clock.now);
    });
    const { socket, told } = bench.open();
    await bench.until(() => told.length === 1 && bench.sockets.length === 1);
    assert.ok((at.get("open up 0") ?? 0) - startedAt >= 1000);
    const writtenAt = clock.now;
    socket.write(count(0, 2));
    socket.write(count(0, 3));
    // In its own turn it leaves; then the network is fast again, and what follows does not overtake it.
    await new Promise<void>((resolve) => clock.schedule(100, resolve));
    bench.faults.set("slow-network", false);
    socket.close();
    await once(bench.socket.resume(), "end");
    assert.deepEqual(heard, ["open up 0", "data up 5", "end up 0"]);
    assert.ok((at.get("data up 5") ?? 0) - writtenAt >= 500);
  });
});
