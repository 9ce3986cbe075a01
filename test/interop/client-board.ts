// A board on the real network whose firmware is a project with MqttClient, of which tests make as many as they like:
// for what the box itself does not use. What clients call back is written down.

import { createHash } from "node:crypto";
import type MqttClient from "../../src/device/mqtt-client.js";
import type { ControlMessage, Failure, MqttClientOptions, ReadableMessage } from "../../src/device/mqtt-client.js";
import { projectImage } from "../device/project-image.js";
import type { Login } from "./brokers/broker.js";
import { Diary } from "./diary.js";
import { RealBoard } from "./real-board.js";

const MAIN = "test/device/fixtures/mqtt-client/main.ts";

type Told =
  | { readonly name: "control"; readonly message: ControlMessage }
  | { readonly name: "readable" | "overflow"; readonly message: ReadableMessage; readonly text: string }
  | { readonly name: "received" | "delivered"; readonly id: number }
  | { readonly name: "error" | "reconnecting"; readonly failure: Failure }
  | { readonly name: "close" };

/** One client, and what it has called back. */
export class ToldClient {
  readonly told = new Diary<Told>();
  readonly client: MqttClient;
  /** Of all bytes that came, one message after another: digest, their number, and the largest piece. */
  readonly hash = createHash("sha256");
  byteLength = 0;
  largestPiece = 0;
  readonly #Client: typeof MqttClient;

  constructor(Client: typeof MqttClient, options: MqttClientOptions) {
    const rig = this;
    this.#Client = Client;
    this.client = new Client({
      reconnect: { minimum: 50, maximum: 500 },
      onControl(message) {
        rig.told.add({ name: "control", message: { ...message } });
      },
      onReadable(count, message) {
        const bytes = new Uint8Array((count === 0 ? new ArrayBuffer(0) : this.read()) as ArrayBuffer);
        rig.hash.update(bytes);
        rig.byteLength += bytes.byteLength;
        rig.largestPiece = Math.max(rig.largestPiece, bytes.byteLength);
        rig.told.add({ name: "readable", message: copyOf(message), text: new TextDecoder().decode(bytes) });
      },
      onOverflow(message) {
        rig.told.add({ name: "overflow", message: copyOf(message), text: "" });
      },
      onReceived(id) {
        rig.told.add({ name: "received", id });
      },
      onDelivered(id) {
        rig.told.add({ name: "delivered", id });
      },
      onReconnecting(_delayMs, failure) {
        rig.told.add({ name: "reconnecting", failure: { ...failure } });
      },
      onError(failure) {
        rig.told.add({ name: "error", failure: { ...failure } });
      },
      onClose() {
        rig.told.add({ name: "close" });
      },
      ...options,
    });
  }

  /** Resolves with the CONNACK of that number, from 1. */
  async connected(number = 1): Promise<ControlMessage> {
    const isIt = (told: Told) => told.name === "control" && told.message.operation === this.#Client.CONNACK;
    const all = await this.told.atLeast(number, isIt, `CONNACK ${number}`);
    return (all[number - 1] as Told & { name: "control" }).message;
  }

  /** Subscribes, and resolves with the granted QoS. */
  async subscribe(topic: string, QoS: number): Promise<number | undefined> {
    this.client.write(null, { operation: this.#Client.SUBSCRIBE, items: [{ topic, QoS }] });
    const id = this.client.lastId;
    const { SUBACK } = this.#Client;
    const told = await this.told.first(
      (each) => each.name === "control" && each.message.operation === SUBACK && each.message.id === id,
      "SUBACK",
    );
    return (told as Told & { name: "control" }).message.payload?.[0];
  }

  /** Resolves when the message is acknowledged to its end. */
  async delivered(id: number): Promise<void> {
    await this.told.first((told) => told.name === "delivered" && told.id === id, `acknowledgement of ${id}`);
  }

  /** Whether the broker has said PUBREC for that id. */
  wasReceived(id: number): boolean {
    return this.told.entries.some((told) => told.name === "received" && told.id === id);
  }

  /** Resolves with the first message on a topic. */
  async message(topic: string): Promise<ReadableMessage & { text: string }> {
    const told = await this.told.first(
      (each) => each.name === "readable" && each.message.topic === topic,
      `message on ${topic}`,
    );
    const { message, text } = told as Told & { name: "readable" };
    return { ...message, text };
  }

  /** What came on a topic, in order. */
  texts(topic: string): string[] {
    return this.told.entries.flatMap((told) =>
      told.name === "readable" && told.message.topic === topic ? [told.text] : [],
    );
  }

  /** Resolves with what ended it for good. */
  async failure(): Promise<Failure> {
    return ((await this.told.first(({ name }) => name === "error", "error")) as Told & { name: "error" }).failure;
  }

  /** DISCONNECT; resolves when the socket is closed. */
  async close(): Promise<void> {
    this.client.close();
    await this.told.first(({ name }) => name === "close", "close");
  }
}

/** What must outlive the callback. */
function copyOf({ topic, byteLength, QoS, retain, duplicate, id, more }: ReadableMessage): ReadableMessage {
  return { topic, byteLength, QoS, retain, duplicate, id, more };
}

export class ClientBoard {
  readonly #board: RealBoard;
  readonly #Client: typeof MqttClient;

  private constructor(board: RealBoard, Client: typeof MqttClient) {
    this.#board = board;
    this.#Client = Client;
  }

  /** Resolves when the board is on the Wi-Fi, which takes it some 4 s. */
  static open(): Promise<ClientBoard> {
    return new Promise((resolve) => {
      const board: RealBoard = new RealBoard({
        port: 1883,
        image: projectImage(MAIN, () => ({
          application: { default: (Client: typeof MqttClient) => resolve(new ClientBoard(board, Client)) },
        })),
      });
    });
  }

  /** A new client, which connects at once. */
  client(
    broker: { readonly port: number; readonly login: Login | undefined },
    options: Partial<MqttClientOptions> = {},
  ): ToldClient {
    const login = broker.login === undefined ? {} : broker.login;
    return new ToldClient(this.#Client, { host: "127.0.0.1", port: broker.port, ...login, ...options });
  }

  /** The battery falls out: all clients fall silent, and their sockets stay open. */
  cutPower(): void {
    this.#board.board.cutPower();
  }

  close(): void {
    this.#board.close();
  }
}
