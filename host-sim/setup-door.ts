// A way from this computer into a virtual world: the setup page of a board, on a port of 127.0.0.1 for as long as it
// can be reached there by a phone. A browser here is such a phone, and what it does is no part of what a seed decides.
// For people only: where nobody looks there is no door. Knows one board and its network, not what passes.

import { createServer, type Server, type Socket } from "node:net";
import type { Board } from "./board.js";
import { RadioTimes } from "./radio-terms.js";
import { localHost } from "./real-port.js";
import type { SoftStation } from "./soft-access-point.js";
import type { VirtualNetwork } from "./virtual-network.js";

const WEB_PORT = 80;
/** This computer, as the access point of a board knows it. */
const OWN_MAC = "02:00:00:00:00:01";
/** Ports that are tried after the first. */
const PORTS = 100;

export class SetupDoor {
  readonly #board: Board;
  readonly #network: VirtualNetwork;
  readonly #firstPort: number;
  readonly #shown: (url: string) => void;
  readonly #unlisten: () => void;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #station: SoftStation | undefined;

  /** @param shown hears where the page is, when it can be opened there. */
  constructor(board: Board, network: VirtualNetwork, firstPort: number, shown: (url: string) => void) {
    this.#board = board;
    this.#network = network;
    this.#firstPort = firstPort;
    this.#shown = shown;
    this.#unlisten = board.on((event) => {
      if (event.type === "listening" && event.protocol === "tcp" && event.port === WEB_PORT) {
        if (event.local === undefined) this.#shut();
        else this.#open();
      } else if (event.type === "reset" || event.type === "power") {
        this.#shut();
      }
    });
  }

  close(): void {
    this.#unlisten();
    this.#shut();
  }

  #open(): void {
    this.#shut();
    const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => this.#meet(socket));
    this.#server = server;
    let port = this.#firstPort;
    const listen = () => server.listen({ host: localHost, port, exclusive: true });
    // The next port will do; without any there is no door, and the story says where a phone would go.
    server.on("error", () => {
      if (this.#server !== server || port >= this.#firstPort + PORTS) return;
      port += 1;
      listen();
    });
    server.on("listening", () => {
      if (this.#server === server) this.#shown(`http://${localHost}:${port}/`);
    });
    listen();
  }

  #shut(): void {
    this.#server?.close();
    this.#server = undefined;
    this.#station = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  #meet(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // "close" follows.
    socket.on("error", () => undefined);
    this.#join(socket);
  }

  /** The access point is not on the air while the box looks around on other channels. */
  #join(socket: Socket): void {
    if (socket.destroyed) return;
    const own = this.#board.airspace.radioOn(this.#board)?.softAccessPoint;
    if (this.#station?.isAssociated !== true) this.#station = own?.admit(OWN_MAC, own.config.password);
    if (this.#station === undefined) this.#board.clock.schedule(RadioTimes.lookAgain, () => this.#join(socket));
    else this.#connect(socket, this.#station.address);
  }

  #connect(socket: Socket, address: string): void {
    const caller = this.#network.dial(this.#board, address, WEB_PORT);
    caller.onOpen = () => {
      socket.on("data", (bytes) => caller.write(Uint8Array.from(bytes)));
      socket.resume();
    };
    caller.onData = (bytes) => socket.write(bytes);
    caller.onEnd = () => {
      socket.end();
      caller.close();
    };
    caller.onError = () => socket.destroy();
    socket.on("close", () => caller.close());
  }
}
