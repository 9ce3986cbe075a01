// The bench's own broker, aedes in this process. It keeps its sessions over a stop and over a kill alike, as its object
// stays; it has no accounts. For WebSocket each connection is passed on to its port.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { WebSocketServer } from "ws";
import { EmbeddedBroker } from "../../../host-sim/aedes.js";
import type { Broker, BrokerKind } from "./broker.js";

export function aedes(): BrokerKind {
  return {
    name: "aedes",
    needs: {},
    version: () => {
      const file = new URL("../../../node_modules/aedes/package.json", import.meta.url);
      return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
    },
    open: async () => {
      const broker = await EmbeddedBroker.open({ port: 0 });
      const web = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: () => "mqtt" });
      await once(web, "listening");
      return new AedesBroker(broker, web);
    },
  };
}

class AedesBroker implements Broker {
  readonly login = undefined;
  readonly log: readonly string[] = [];
  readonly #broker: EmbeddedBroker;
  readonly #web: WebSocketServer;

  constructor(broker: EmbeddedBroker, web: WebSocketServer) {
    this.#broker = broker;
    this.#web = web;
    web.on("connection", (page) => {
      const socket = connect(this.port, "127.0.0.1");
      page.on("message", (data: Buffer) => socket.write(data));
      page.on("close", () => socket.destroy());
      socket.on("data", (data) => page.send(data));
      socket.on("close", () => page.close());
      socket.on("error", () => page.close());
    });
  }

  get port(): number {
    return this.#broker.port;
  }

  get webSocketPort(): number {
    return (this.#web.address() as { port: number }).port;
  }

  start(): Promise<void> {
    return this.#broker.start();
  }

  stop(): Promise<void> {
    return this.#broker.stop();
  }

  kill(): Promise<void> {
    return this.#broker.stop();
  }

  async close(): Promise<void> {
    this.#web.close();
    await this.#broker.close();
  }
}
