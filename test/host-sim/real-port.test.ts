// The board's ports on this computer: open while firmware listens and the access point is, with a browser's or a name
// server's client on the other end.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { get } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, it } from "mocha";
import { Board, type BoardEvent } from "../../host-sim/board.js";
import { RealClock } from "../../host-sim/clock.js";
import type { ListenerInstance } from "../../host-sim/modules/embedded/io/socket/listener.js";
import type { TCPInstance } from "../../host-sim/modules/embedded/io/socket/tcp.js";
import type { UDPInstance } from "../../host-sim/modules/embedded/io/socket/udp.js";
import type { WiFiClass } from "../../host-sim/modules/wifi.js";
import { RealNetwork } from "../../host-sim/network.js";
import { Airspace } from "../../host-sim/radio.js";
import { Random } from "../../host-sim/random.js";
import type { TCP } from "./online.js";
import { type Chip, firmware } from "./rig.js";

const box = "AlertBox-5750";

/** A box on a fast clock whose firmware is the test. */
class Desk {
  readonly clock = new RealClock(100);
  readonly network: RealNetwork;
  readonly board: Board;
  readonly events: BoardEvent[] = [];
  readonly sockets: (Socket | { destroy(): void })[] = [];
  chip: Chip | undefined;

  constructor(localPort?: (board: Board, port: number) => number) {
    this.network = new RealNetwork(localPort === undefined ? {} : { localPort });
    this.board = new Board({
      clock: this.clock,
      network: this.network,
      airspace: new Airspace({ ssid: "home", channel: 6, dhcpMs: 0 }),
      random: new Random(7),
      image: firmware((chip) => {
        this.chip = chip;
      }),
    });
    this.board.on((event) => this.events.push(event));
    this.board.powerOn();
  }

  /** Lets real time pass until the condition holds; mocha's limit ends it. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  }

  async boot(): Promise<this> {
    await this.until(() => this.chip !== undefined);
    return this;
  }

  use<T>(specifier: string): T {
    if (this.chip === undefined) throw new Error("not booted");
    return this.chip.use<T>(specifier);
  }

  get WiFi(): WiFiClass {
    return this.use<WiFiClass>("wifi");
  }

  /** Where a port of the board is now. */
  local(port: number): number | undefined {
    let local: number | undefined;
    for (const event of this.events) {
      if (event.type === "listening" && event.port === port) local = event.local;
    }
    return local;
  }

  async opened(port: number): Promise<number> {
    await this.until(() => this.local(port) !== undefined);
    return this.local(port) ?? 0;
  }

  /** Answers every request with its first line. */
  serve(port = 80): { listener: ListenerInstance; remote: string[] } {
    const remote: string[] = [];
    const Listener = this.use<new (options: object) => ListenerInstance>("embedded:io/socket/listener");
    const Class = this.use<TCP>("embedded:io/socket/tcp");
    const listener = new Listener({
      port,
      onReadable: () => {
        let text = "";
        const from = listener.read();
        if (from === undefined) throw new Error("nothing to read");
        const socket: TCPInstance = new Class({
          from,
          onReadable: () => {
            text += new TextDecoder().decode(socket.read() as ArrayBuffer);
            if (!text.includes("\r\n\r\n")) return;
            remote.push(socket.remoteAddress);
            const body = text.split("\r\n")[0] ?? "";
            socket.write(new TextEncoder().encode(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
          },
          onError: () => socket.close(),
        });
      },
    });
    return { listener, remote };
  }

  connect(port: number): Socket {
    const socket = connect({ host: "127.0.0.1", port });
    this.sockets.push(socket);
    socket.on("error", () => socket.destroy());
    return socket;
  }

  close(): void {
    this.board.close();
    this.network.close();
    this.clock.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

function fetchPage(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      let body = "";
      response.on("data", (text) => (body += String(text)));
      response.on("end", () => resolve(body));
    });
    request.on("error", reject);
  });
}

describe("RealNetwork: the board's own ports", () => {
  let desk: Desk;

  beforeEach(async () => {
    desk = await new Desk().boot();
  });

  afterEach(() => desk.close());

  it("a page is there while the access point is open, and its visitor is a station of it", async () => {
    const { remote } = desk.serve();
    assert.equal(desk.local(80), undefined, "no access point yet");
    desk.WiFi.accessPoint({ ssid: box, password: "12345678" });
    const port = await desk.opened(80);
    assert.equal(await fetchPage(port, "/one"), "GET /one HTTP/1.1");
    assert.deepEqual(remote, ["192.168.4.2"]);
    desk.WiFi.mode = 1;
    await assert.rejects(fetchPage(port, "/two"), /ECONNREFUSED/);
    desk.WiFi.accessPoint({ ssid: box });
    assert.equal(await fetchPage(await desk.opened(80), "/three"), "GET /three HTTP/1.1");
  });

  it("the port goes with the boot", async () => {
    desk.WiFi.accessPoint({ ssid: box });
    desk.serve();
    const port = await desk.opened(80);
    const visitor = desk.connect(port);
    await once(visitor, "connect");
    desk.board.reset();
    await assert.rejects(fetchPage(port, "/"), /ECONNREFUSED|ECONNRESET/);
  });

  it("a visitor waits while the radio is elsewhere, and gets through afterwards", async () => {
    desk.WiFi.accessPoint({ ssid: box, channel: 1, station: true });
    desk.serve();
    const port = await desk.opened(80);
    const startedAt = desk.clock.now;
    const chip = desk.use<{ join(...values: unknown[]): void }>("chip");
    chip.join("home", "", undefined, 6, false);
    assert.equal(await fetchPage(port, "/"), "GET / HTTP/1.1");
    assert.ok(desk.clock.now - startedAt >= 3_000, "as long as a phone takes to find it on the new channel");
  });

  it("a sixth visitor waits for one of five to go", async () => {
    desk.WiFi.accessPoint({ ssid: box });
    desk.serve();
    const port = await desk.opened(80);
    const visitors = Array.from({ length: 5 }, () => desk.connect(port));
    await desk.until(() => desk.events.filter((event) => event.type === "socket").length === 5);
    const page = fetchPage(port, "/sixth");
    visitors[0]?.destroy();
    assert.equal(await page, "GET /sixth HTTP/1.1");
  });

  it("a datagram comes from the station's address, and the answer goes back to it", async () => {
    desk.WiFi.accessPoint({ ssid: box });
    const UDP = desk.use<new (options: object) => UDPInstance>("embedded:io/socket/udp");
    const senders: string[] = [];
    const socket: UDPInstance = new UDP({
      port: 53,
      onReadable() {
        const packet = socket.read();
        if (packet === undefined) return;
        senders.push(packet.address);
        socket.write(new Uint8Array(packet).reverse(), packet.address, packet.port);
      },
    });
    const port = await desk.opened(53);
    const client = createSocket("udp4");
    desk.sockets.push({ destroy: () => client.close() });
    client.send(Uint8Array.of(1, 2, 3), port, "127.0.0.1");
    const [bytes] = (await once(client, "message")) as [Buffer];
    assert.deepEqual([[...bytes], senders], [[3, 2, 1], ["192.168.4.2"]]);
    socket.close();
    assert.equal(desk.local(53), undefined);
  });

  it("a datagram to the network that the station has joined leaves from this computer, and is answered", async () => {
    const server = createSocket("udp4");
    desk.sockets.push({ destroy: () => server.close() });
    server.bind(0, "127.0.0.1");
    await once(server, "listening");
    server.on("message", (bytes, { port }) => server.send(bytes, port, "127.0.0.1"));
    desk.WiFi.connect({ ssid: "home", channel: 6 });
    const { Net } = { Net: desk.use<{ get(what: string): unknown }>("net") };
    await desk.until(() => Net.get("IP") !== undefined);
    const UDP = desk.use<new (options: object) => UDPInstance>("embedded:io/socket/udp");
    let answer: ArrayBuffer | undefined;
    const socket: UDPInstance = new UDP({ onReadable: () => (answer = socket.read()) });
    socket.write(Uint8Array.of(7), "127.0.0.1", server.address().port);
    await desk.until(() => answer !== undefined);
    assert.deepEqual(new Uint8Array(answer ?? new ArrayBuffer(0)), Uint8Array.of(7));
    assert.equal(desk.local(4_096), undefined, "a port to ask from is no door");
    socket.close();
  });
});

describe("RealNetwork: which port", () => {
  it("is asked of a function; one in use is complained about, and nothing breaks", async () => {
    const other = createServer();
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port: taken } = other.address() as AddressInfo;
    const asked: string[] = [];
    const desk = await new Desk((board, port) => {
      asked.push(`${board.name} ${port}`);
      return port === 80 ? taken : 0;
    }).boot();
    try {
      desk.WiFi.accessPoint({ ssid: box });
      desk.serve(80);
      desk.serve(81);
      await desk.opened(81);
      await desk.until(() => desk.board.log.length > 0);
      assert.deepEqual(asked, ["5750 80", "5750 81"]);
      assert.equal(desk.board.log[0], `tcp port ${taken} of 127.0.0.1, for port 80 of the board: it is in use`);
      assert.deepEqual([desk.local(80), desk.board.crashes], [undefined, 0]);
      desk.WiFi.mode = 1;
    } finally {
      desk.close();
      other.close();
    }
  });
});
