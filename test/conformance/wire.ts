// A whole client on a board in a world, in front of a server that says exactly what the test says, byte by byte, and
// writes down what comes and when the client closes. Judges nothing; a strict server is host-sim's model broker.

import assert from "node:assert/strict";
import type { VirtualPeer } from "../../host-sim/virtual-link.js";
import { Rig as ClientRig, type Options } from "../device/client-rig.js";
import { hex, toHex } from "../mqtt/recorder.js";

/** One connection as the scripted server sees it. */
interface Connection {
  readonly peer: VirtualPeer;
  /** What has come, as hexadecimal. */
  out: string;
  /** The client has closed it. */
  isClosed: boolean;
}

/** The client, and the port of the server, two milliseconds there and back. */
export class Wire {
  readonly client: ClientRig;
  readonly connections: Connection[] = [];
  /** Called with each new connection. */
  onOpen: () => void = () => {};
  /** Called with the bytes of each fragment, as hexadecimal. */
  onData: (bytes: string) => void = () => {};

  constructor(options: Options = {}) {
    this.client = new ClientRig({ port: 1999, ...options });
    const { network } = this.client.world;
    network.latencyMs = 1;
    network.listen("10.0.0.2", 1999, (peer) => {
      const connection: Connection = { peer, out: "", isClosed: false };
      this.connections.push(connection);
      peer.onData = (bytes) => {
        connection.out = `${connection.out} ${toHex(bytes)}`.trim();
        this.onData(toHex(bytes));
      };
      peer.onEnd = () => {
        connection.isClosed = true;
      };
      peer.onError = peer.onEnd;
      this.onOpen();
    });
  }

  /** The latest connection. */
  get last(): Connection {
    const connection = this.connections.at(-1);
    assert.ok(connection !== undefined, "no connection was opened");
    return connection;
  }

  /** Lets time pass until CONNECT has come. */
  opened(): this {
    assert.ok(this.client.world.runUntil(() => this.connections.at(-1)?.out.startsWith("10 ") === true, 60_000));
    return this;
  }

  /** Up to CONNACK; what came before is forgotten. */
  connected(sessionPresent = false): this {
    this.opened().say(sessionPresent ? "20 02 01 00" : "20 02 00 00");
    this.client.told.length = 0;
    this.last.out = "";
    return this;
  }

  /** The server sends bytes on the latest connection, and 50 ms pass. */
  say(bytes: string): this {
    this.last.peer.write(hex(bytes));
    this.client.run(50);
    return this;
  }

  run(ms: number): this {
    this.client.run(ms);
    return this;
  }

  close(): void {
    assert.equal(this.client.world.board.crashes, 0);
    this.client.world.close();
  }
}
