// A cable between a client and a broker: passes bytes on, sees where packets begin, and stops at the one that a test
// names, so that a connection ends at a known moment of a handshake. Knows nothing of what the packets say.

import { connect, createServer, type Server, type Socket } from "node:net";
import { PacketFramer } from "../../host-sim/packet-framer.js";
import { Diary } from "./diary.js";

/** Who sends a packet. */
export type Sender = "client" | "broker";

/** Packet types, §2.2.1. */
export const Type = Object.freeze({ PUBLISH: 3, PUBACK: 4, PUBREC: 5, PUBREL: 6, PUBCOMP: 7 } as const);

export class Relay {
  readonly #server: Server;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #stopAt: { sender: Sender; type: number; reached: () => void } | undefined;
  #isStopped = false;
  #isOpen = true;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (socket) => this.#connected(socket));
  }

  /** @param target port of the broker. */
  static async open(target: number): Promise<Relay> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Relay(server, target);
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the relay is closed");
    return address.port;
  }

  /**
   * Resolves when the next packet of that type comes from there. Neither it nor anything after it is passed on, in
   * either direction, until `cut`.
   */
  stopAt(sender: Sender, type: number): Promise<void> {
    const stops = new Diary<string>();
    const name = `packet ${type} of the ${sender}`;
    this.#stopAt = { sender, type, reached: () => stops.add(name) };
    return stops.first(() => true, name).then(() => undefined);
  }

  /** Ends all connections; new ones pass everything on. */
  cut(): void {
    this.#isStopped = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Whether connections are taken; what is not taken is closed at once. */
  set isOpen(isOpen: boolean) {
    this.#isOpen = isOpen;
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connected(client: Socket): void {
    if (!this.#isOpen) {
      client.on("error", () => undefined);
      client.destroy();
      return;
    }
    const broker = connect(this.#target, "127.0.0.1");
    this.#pass(client, broker, "client");
    this.#pass(broker, client, "broker");
  }

  #pass(from: Socket, to: Socket, sender: Sender): void {
    const framer = new PacketFramer();
    this.#sockets.add(from);
    from.setNoDelay();
    from.on("data", (bytes) => {
      for (const packet of framer.feed(bytes, () => from.destroy())) {
        const stop = this.#stopAt;
        if (!this.#isStopped && stop?.sender === sender && (packet[0] as number) >> 4 === stop.type) {
          this.#isStopped = true;
          this.#stopAt = undefined;
          stop.reached();
        }
        if (!this.#isStopped) to.write(packet);
      }
    });
    from.on("error", () => undefined);
    from.on("end", () => to.end());
    from.on("close", () => {
      this.#sockets.delete(from);
      // While stopped, the other side hears nothing of the end either.
      if (!this.#isStopped) to.destroy();
    });
  }
}
