// A port of a board as a port of this computer: what firmware listens on appears on 127.0.0.1 while the board's own
// access point is open, so that a browser here is the phone. This computer counts as one station of that access point:
// it is cut off when the access point moves, and follows as a phone does. Which ports: real-network.ts decides.

import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import type { Host } from "./host.js";
import { LwIP } from "./lwip.js";
import type { Binding, Closable, Datagram } from "./network.js";
import { type SoftAccessPoint, type SoftStation, softSubnet } from "./soft-access-point.js";

/** Where the ports of this computer are. */
export const localHost = "127.0.0.1";

/** This computer as a station, once for each access point. */
const stations = new WeakMap<SoftAccessPoint, SoftStation>();
const ownMac = "02:00:00:00:00:01";

/** The address of this computer on a board's access point; undefined while there is none that it could join. */
export function stationAddress(host: Host): string | undefined {
  const own = host.board.airspace.radioFor(host).softAccessPoint;
  if (own === undefined) return undefined;
  const station = stations.get(own) ?? own.admit(ownMac, own.config.password);
  if (station !== undefined) stations.set(own, station);
  return station?.address;
}

/** Opens and closes with the access point: `open` and `shut` are what that means for TCP and for UDP. */
abstract class RealPort implements Closable {
  protected readonly host: Host;
  protected readonly port: number;
  protected readonly local: number;
  readonly #protocol: "tcp" | "udp";
  readonly #unlisten: () => void;
  #isWanted = false;
  #isShown = false;
  #isClosed = false;

  constructor(host: Host, protocol: "tcp" | "udp", port: number, local: number) {
    this.host = host;
    this.#protocol = protocol;
    this.port = port;
    this.local = local;
    this.#unlisten = host.board.airspace.radioFor(host).onPath(() => this.follow());
    host.onEnd(() => this.close());
  }

  protected abstract open(): void;
  protected abstract shut(): void;

  /** The access point may have been opened or closed. */
  protected follow(): void {
    if (this.#isClosed) return;
    const wanted = this.host.board.airspace.radioFor(this.host).softAccessPoint !== undefined;
    if (wanted) stationAddress(this.host);
    if (wanted === this.#isWanted) return;
    this.#isWanted = wanted;
    if (wanted) this.open();
    else this.#hide();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unlisten();
    if (this.#isWanted) this.#hide();
  }

  protected shown(local: number): void {
    if (this.#isClosed || !this.#isWanted) return;
    this.#isShown = true;
    this.host.emit({ type: "listening", protocol: this.#protocol, port: this.port, address: localHost, local });
  }

  protected failed(error: Error): void {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === "EADDRINUSE" ? "it is in use" : error.message;
    const { port, local } = this;
    this.host.print(`${this.#protocol} port ${local} of ${localHost}, for port ${port} of the board: ${why}\n`);
  }

  #hide(): void {
    this.shut();
    if (!this.#isShown) return;
    this.#isShown = false;
    this.host.emit({
      type: "listening",
      protocol: this.#protocol,
      port: this.port,
      address: localHost,
      local: undefined,
    });
  }
}

export class RealListener extends RealPort {
  readonly #accept: (socket: Socket, address: string) => boolean;
  readonly #lastPort: number;
  #server: Server | undefined;

  /**
   * @param lastPort the ports from `local` to this one are tried, the first that is free is taken.
   * @param accept takes a paused socket; false when it may not be taken yet: it is offered again, as a SYN would come
   * again.
   */
  constructor(
    host: Host,
    port: number,
    local: number,
    lastPort: number,
    accept: (socket: Socket, address: string) => boolean,
  ) {
    super(host, "tcp", port, local);
    this.#lastPort = lastPort;
    this.#accept = accept;
    this.follow();
  }

  protected override open(): void {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    this.#server = server;
    server.on("connection", (socket) => {
      socket.on("error", () => socket.destroy());
      this.#offer(socket);
    });
    let local = this.local;
    const listen = () => server.listen({ host: localHost, port: local, exclusive: true });
    server.on("error", (error: NodeJS.ErrnoException) => {
      if (this.#server !== server) return;
      if (error.code !== "EADDRINUSE" || local >= this.#lastPort) {
        this.failed(error);
        return;
      }
      local += 1;
      listen();
    });
    server.on("listening", () => {
      const address = server.address();
      if (this.#server !== server) server.close();
      else if (address !== null && typeof address === "object") this.shown(address.port);
    });
    listen();
  }

  protected override shut(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  #offer(socket: Socket, delayMs = 0): void {
    this.host.clock.schedule(delayMs, () => {
      const address = stationAddress(this.host);
      if (socket.destroyed) return;
      if (!this.host.alive || this.#server === undefined) socket.resetAndDestroy();
      else if (address === undefined || !this.#accept(socket, address)) this.#offer(socket, LwIP.synRetryMs);
    });
  }
}

export class RealBinding extends RealPort implements Binding {
  readonly #receive: (datagram: Datagram) => void;
  #socket: DatagramSocket | undefined;
  /** For datagrams to addresses that are not on the access point. */
  #outside: DatagramSocket | undefined;

  constructor(host: Host, port: number, local: number, receive: (datagram: Datagram) => void) {
    super(host, "udp", port, local);
    this.#receive = receive;
    // What firmware only asks from needs no door.
    if (port < LwIP.firstDatagramPort) this.follow();
  }

  send(address: string, port: number, bytes: Uint8Array): void {
    if (!this.host.board.airspace.radioFor(this.host).passes(address)) return;
    // A datagram that this computer cannot send is lost, like any other.
    if (address.startsWith(softSubnet)) this.#socket?.send(bytes.slice(), port, localHost, () => {});
    else this.#outsideSocket().send(bytes.slice(), port, address, () => {});
  }

  override close(): void {
    super.close();
    this.#outside?.close();
    this.#outside = undefined;
  }

  protected override open(): void {
    const socket = createSocket("udp4");
    this.#socket = socket;
    socket.on("message", (bytes, { port }) => this.#come(stationAddress(this.host), port, bytes));
    socket.on("error", (error) => this.failed(error));
    socket.bind({ address: localHost, port: this.local, exclusive: true }, () => {
      if (this.#socket === socket) this.shown(socket.address().port);
    });
  }

  protected override shut(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #outsideSocket(): DatagramSocket {
    if (this.#outside === undefined) {
      this.#outside = createSocket("udp4");
      this.#outside.unref();
      this.#outside.on("message", (bytes, { address, port }) => this.#come(address, port, bytes));
      this.#outside.on("error", () => {});
    }
    return this.#outside;
  }

  #come(address: string | undefined, port: number, bytes: Uint8Array): void {
    this.host.clock.schedule(0, () => {
      const { host } = this;
      if (address === undefined || !host.alive || !host.board.airspace.radioFor(host).passes(address)) return;
      this.#receive({ address, port, bytes: Uint8Array.from(bytes) });
    });
  }
}
