// The bench's own broker: aedes on a real TCP port of this computer. It can be stopped and started again with its
// sessions and retained messages kept, as a broker with persistence that is killed and comes back. Knows nothing of
// boards.

import { createServer, type Server, type Socket } from "node:net";
import { Aedes, type Client } from "aedes";
import type { ClientList, ConnectedClient } from "./broker-watch.js";
import { freePort } from "./free-port.js";

export interface EmbeddedBrokerOptions {
  /** 1883 when missing; 0 for any that is free. */
  port?: number;
  /** Whether the next free port will do when this one is taken; true when missing. */
  nextFree?: boolean;
  /** 127.0.0.1 when missing. */
  address?: string;
}

/** How many ports are tried from the first. */
const portsToTry = 100;

interface StoredPacket {
  readonly cmd: string;
  brokerId?: string;
  brokerCounter?: number;
}

interface Persistence {
  outgoingUpdate(client: object, packet: StoredPacket): Promise<void>;
}

/**
 * aedes-persistence 11 finds what a PUBREL belongs to by a broker's name and number, which a PUBREL has not: of two for
 * the same persistent subscriber the second takes the first one's place, and that message is never finished. With a
 * number of its own each keeps its place.
 */
function tellPubrelsApart(persistence: Persistence): void {
  const update = persistence.outgoingUpdate.bind(persistence);
  let number = 0;
  persistence.outgoingUpdate = (client, packet) => {
    if (packet.cmd === "pubrel" && packet.brokerId === undefined) {
      number += 1;
      packet.brokerId = `pubrel ${number}`;
      // Without it a PUBREL that got lost is not found again, and each later connection is cut.
      packet.brokerCounter = number;
    }
    return update(client, packet);
  };
}

/** Longer client ids are legal [MQTT-3.1.3-5] and every other broker takes them. */
function createAedes(): Promise<Aedes> {
  return Aedes.createBroker({ maxClientsIdLength: 65_535 });
}

export class EmbeddedBroker implements ClientList {
  readonly address: string;
  #aedes: Aedes;
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Map<string, Client>();
  readonly #clientListeners = new Set<() => void>();
  #server: Server | undefined;
  #port: number;
  #isClosed = false;

  private constructor(aedes: Aedes, address: string, port: number) {
    this.#aedes = aedes;
    this.address = address;
    this.#port = port;
    this.#adopt(aedes);
  }

  #adopt(aedes: Aedes): void {
    this.#aedes = aedes;
    tellPubrelsApart((aedes as unknown as { persistence: Persistence }).persistence);
    // A broker that dies publishes no wills; aedes would when its connections are cut.
    aedes.authorizePublish = (_client, _packet, callback) => callback(this.isUp ? null : new Error("stopped"));
    aedes.on("clientReady", (client) => {
      this.#clients.set(client.id, client);
      this.#tellClients();
    });
    aedes.on("clientDisconnect", (client) => {
      this.#clients.delete(client.id);
      this.#tellClients();
    });
  }

  /**
   * Resolves when it listens. Rejects with the system's error (`code` is EADDRINUSE, EACCES …) when the port is not to
   * be had and no other will do.
   */
  static async open(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
    const { port = 1883, nextFree = true, address = "127.0.0.1" } = options;
    const broker = new EmbeddedBroker(await createAedes(), address, port);
    try {
      if (port > 0) await broker.#listen(nextFree ? portsToTry : 1);
      else await broker.#listenAnywhere();
    } catch (error) {
      await broker.close();
      throw error;
    }
    return broker;
  }

  get port(): number {
    return this.#port;
  }

  /** `mqtt://127.0.0.1:1883` */
  get url(): string {
    return `mqtt://${this.address}:${this.#port}`;
  }

  get isUp(): boolean {
    return this.#server !== undefined;
  }

  /** Who is connected now. */
  get clients(): readonly ConnectedClient[] {
    return [...this.#clients.values()].map(({ id, clean }) => ({ id, clean }));
  }

  onClients(listener: () => void): () => void {
    this.#clientListeners.add(listener);
    return () => this.#clientListeners.delete(listener);
  }

  /** Cuts all clients and stops listening; sessions and retained messages stay. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  /** Listens on the same port again. Rejects when somebody else has taken it, and after `close`. */
  async start(): Promise<void> {
    if (this.#isClosed) throw new Error("this broker is closed, open another");
    if (!this.isUp) await this.#listen(1);
  }

  /** Restarts as one without persistence, or one that was installed anew: sessions and retained messages are gone. */
  async forget(): Promise<void> {
    if (this.#isClosed) throw new Error("this broker is closed, open another");
    const wasUp = this.isUp;
    await this.stop();
    const old = this.#aedes;
    this.#adopt(await createAedes());
    await new Promise<void>((resolve) => {
      old.close(resolve);
    });
    if (wasUp) await this.start();
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.stop();
    await new Promise<void>((resolve) => {
      this.#aedes.close(resolve);
    });
  }

  #tellClients(): void {
    for (const listener of [...this.#clientListeners]) listener();
  }

  async #listenAnywhere(): Promise<void> {
    this.#port = await freePort();
    await this.#listen(portsToTry);
  }

  async #listen(tries: number): Promise<void> {
    for (let port = this.#port; ; port++) {
      try {
        this.#server = await this.#open(port);
        return;
      } catch (error) {
        const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
        if (!isTaken || port + 1 >= this.#port + tries || port >= 65_535) throw error;
      }
    }
  }

  #open(port: number): Promise<Server> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      // Aedes hears of it as well; without this a reset before its own listeners are there would end the process.
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
      this.#aedes.handle(socket);
    });
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host: this.address, exclusive: true }, () => {
        server.off("error", reject);
        const bound = server.address();
        this.#port = typeof bound === "object" && bound !== null ? bound.port : port;
        resolve(server);
      });
    });
  }
}
