// An MQTT client without manners for the tests of the model broker: sends whatever bytes the test wants through a
// board's socket and keeps what comes back, read by mqtt-packet.

import mqtt from "mqtt-packet";
import { ModelBroker, type ModelBrokerOptions } from "../../host-sim/broker.js";
import type { TCPInstance } from "../../host-sim/modules/embedded/io/socket/tcp.js";
import { Table } from "./online.js";

export class RawClient {
  readonly received: mqtt.Packet[] = [];
  /** FIN or RST came. */
  isClosed = false;
  readonly #table: Table;
  readonly #socket: TCPInstance;

  /** Connects TCP; 20 ms pass. */
  constructor(table: Table) {
    this.#table = table;
    const parser = mqtt.parser({ protocolVersion: 4 });
    parser.on("packet", (packet: mqtt.Packet) => this.received.push(packet));
    parser.on("error", (error: Error) => {
      throw error;
    });
    const received = (bytes: ArrayBuffer): void => {
      parser.parse(Buffer.from(bytes));
    };
    this.#socket = new table.TCP({
      address: "10.0.0.2",
      port: 1883,
      nodelay: true,
      onReadable(this: unknown) {
        received((this as TCPInstance).read() as ArrayBuffer);
      },
      onError: () => {
        this.isClosed = true;
      },
      onWritable: () => {},
    });
    table.clock.run(20);
  }

  /** Sends bytes in one segment and lets a round trip pass. */
  raw(...bytes: number[]): this {
    this.#socket.write(Uint8Array.from(bytes));
    this.#table.clock.run(20);
    return this;
  }

  /** Sends packets in one segment and lets a round trip pass. */
  send(...packets: mqtt.Packet[]): this {
    return this.raw(...packets.flatMap((packet) => [...mqtt.generate(packet)]));
  }

  connect(options: Partial<mqtt.IConnectPacket> = {}): this {
    return this.send({ cmd: "connect", protocolId: "MQTT", clientId: "box", clean: true, keepalive: 0, ...options });
  }

  publish(id: number, options: Partial<mqtt.IPublishPacket> = {}): this {
    const packet = { topic: "t", payload: `payload ${id}`, qos: 2, dup: false, retain: false, ...options } as const;
    return this.send({ cmd: "publish", ...packet, ...(packet.qos > 0 ? { messageId: id } : {}) });
  }

  /** An acknowledgement or PUBREL. */
  answer(cmd: "puback" | "pubrec" | "pubrel" | "pubcomp", id: number): this {
    return this.send({ cmd, messageId: id });
  }

  subscribe(id: number, filter: string, qos: mqtt.QoS): this {
    return this.send({ cmd: "subscribe", messageId: id, subscriptions: [{ topic: filter, qos }] });
  }

  /** `connack 0`, `puback 7`, `publish a/b 1 7` … in the order of arrival. */
  get got(): string[] {
    return this.received.map((packet) => {
      switch (packet.cmd) {
        case "connack":
          return `connack ${packet.returnCode}${packet.sessionPresent ? " present" : ""}`;
        case "publish":
          return `publish ${packet.topic} ${packet.payload} qos${packet.qos}${packet.dup ? " dup" : ""}${
            packet.retain ? " retain" : ""
          }`;
        case "suback":
          return `suback ${packet.messageId} ${packet.granted.join(",")}`;
        default:
          return packet.messageId === undefined ? packet.cmd : `${packet.cmd} ${packet.messageId}`;
      }
    });
  }

  /** The id of the latest PUBLISH that came. */
  get lastId(): number {
    const packet = this.received.findLast((each) => each.cmd === "publish");
    return packet?.messageId ?? 0;
  }

  close(): void {
    this.#socket.close();
    this.#table.clock.run(20);
  }
}

export class BrokerTable extends Table {
  readonly broker: ModelBroker;

  constructor(options: ModelBrokerOptions = {}) {
    super();
    this.broker = new ModelBroker(this.network, this.clock, options);
    this.join();
  }

  client(): RawClient {
    return new RawClient(this);
  }

  /** Statement ids of what was noted. */
  get breaches(): string[] {
    return this.broker.violations.map((each) => each.statement);
  }
}
