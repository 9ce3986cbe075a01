// The other side of a session in tests: a rig that drives one session with bytes and time and writes down what its
// owner and its server see, and a server that keeps sessions exactly as the standard says. All packets of the server
// are made and read by mqtt-packet, so that our codec never checks itself.

import mqttPacket, { type Packet } from "mqtt-packet";
import {
  type Budget,
  type Closed,
  type Inbound,
  Session,
  type SessionHandler,
  type SessionOptions,
} from "../../src/mqtt/session.js";

export const BUDGET: Budget = Object.freeze({ receive: 256, send: 128, inFlight: 4, inbound: 4, topic: 32 });

export const OPTIONS: SessionOptions = Object.freeze({ id: "box", clean: false, keepAliveSeconds: 0 });

/** Bytes of a packet as a server sends it. */
export function encode(packet: Packet): Uint8Array {
  return new Uint8Array(mqttPacket.generate(packet));
}

export function connack(sessionPresent = false, returnCode = 0): Packet {
  return { cmd: "connack", returnCode, sessionPresent };
}

export function ack(cmd: "puback" | "pubrec" | "pubrel" | "pubcomp" | "unsuback", messageId: number): Packet {
  return { cmd, messageId } as Packet;
}

export function publish(
  topic: string,
  payload: string | Uint8Array,
  qos: 0 | 1 | 2 = 0,
  messageId = 0,
  dup = false,
  retain = false,
): Packet {
  const base = { cmd: "publish" as const, topic, payload: Buffer.from(payload as string), qos, dup, retain };
  return qos === 0 ? base : { ...base, messageId };
}

/** One line for a packet: "PUBLISH 7 q2 dup retain a/b: text", "PUBREL 7", "CONNECT". */
export function packetLine(packet: Packet): string {
  const name = packet.cmd.toUpperCase();
  if (packet.cmd === "publish") {
    const id = packet.qos > 0 ? ` ${packet.messageId}` : "";
    const flags = `${packet.dup ? " dup" : ""}${packet.retain ? " retain" : ""}`;
    const payload = packet.payload as Buffer;
    const text = payload.length > 40 ? `${payload.length} bytes` : payload.toString();
    return `${name}${id} q${packet.qos}${flags} ${packet.topic}: ${text}`;
  }
  if (packet.cmd === "subscribe") {
    return `${name} ${packet.messageId} ${packet.subscriptions.map((one) => `${one.topic}=${one.qos}`).join(" ")}`;
  }
  if (packet.cmd === "unsubscribe") return `${name} ${packet.messageId} ${packet.unsubscriptions.join(" ")}`;
  return packet.messageId === undefined ? name : `${name} ${packet.messageId}`;
}

/** Reads packets out of a stream of bytes. */
export class Reader {
  readonly #parser = mqttPacket.parser();
  #packets: Packet[] = [];

  constructor() {
    this.#parser.on("packet", (packet: Packet) => this.#packets.push(packet));
    this.#parser.on("error", (error: Error) => {
      throw error;
    });
  }

  read(bytes: Uint8Array): Packet[] {
    this.#packets = [];
    this.#parser.parse(Buffer.from(bytes));
    return this.#packets;
  }
}

/** One session, its owner, its clock, and the near end of its transport. */
export class Rig implements SessionHandler {
  readonly session: Session;
  readonly options: SessionOptions;
  now: number;
  /** What the owner was told, one line each, since the last look. */
  #events: string[] = [];
  #reader = new Reader();
  closed: Closed | undefined;
  /** Called with each event line, from inside the callback. */
  onEvent: (line: string) => void = () => {};
  readonly buffers = new Set<Uint8Array>();

  constructor(options: Partial<SessionOptions> = {}, budget: Partial<Budget> = {}, now = 0) {
    this.now = now;
    this.options = { ...OPTIONS, ...options };
    this.session = new Session(this.options, { ...BUDGET, ...budget }, this);
  }

  #tell(line: string): void {
    this.#events.push(line);
    this.onEvent(line);
  }

  onConnected(sessionPresent: boolean): void {
    this.#tell(`connected ${sessionPresent}`);
  }
  onMessage(message: Inbound): void {
    this.#tell(`message ${messageLine(message)}`);
  }
  onOverflow(message: Inbound): void {
    this.#tell(`overflow ${messageLine(message)}`);
  }
  onReceived(id: number): void {
    this.#tell(`received ${id}`);
  }
  onDelivered(id: number): void {
    this.#tell(`delivered ${id}`);
  }
  onSubscribed(id: number, codes: readonly number[]): void {
    this.#tell(`subscribed ${id} ${codes.join(" ")}`);
  }
  onUnsubscribed(id: number): void {
    this.#tell(`unsubscribed ${id}`);
  }
  onFlushed(ok: boolean): void {
    this.#tell(`flushed ${ok}`);
  }
  onClosed(closed: Closed): void {
    this.closed = closed;
    this.#tell(`closed ${closed.reason}${closed.statement === "" ? "" : ` ${closed.statement}`}`);
  }

  /** What the owner was told since the last look. */
  events(): string[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Bytes of all buffers and tables. */
  get memory(): number {
    return this.session.bytes.buffer.byteLength;
  }

  /** What a transport does that takes `limit` bytes: they are put into `into`. */
  transmit(into: Uint8Array, limit: number, now: number): number {
    const count = this.session.transmit(limit, now);
    const { bytes, at } = this.session;
    into.set(bytes.subarray(at, at + count));
    return count;
  }

  /** What a transport does that has got bytes[start..end): as many at once as the session has room for. */
  receive(bytes: Uint8Array, start: number, end: number, now: number): void {
    const { session } = this;
    for (let at = start; at < end; ) {
      const count = Math.min(end - at, (session.words[20] as number) - Math.max(0, session.held));
      session.bytes.set(bytes.subarray(at, at + count), Math.max(0, session.held));
      session.receive(count, now);
      at += count;
    }
  }

  /** The instant at which the session wants its tick, now that there has been one. */
  deadline(): number | undefined {
    this.session.tick(this.now);
    return this.session.deadline();
  }

  /** Everything that the session has to send now, as bytes, at most `limit` at a time. */
  bytes(limit = 1460): Uint8Array {
    const into = new Uint8Array(limit);
    const parts: Uint8Array[] = [];
    while (this.session.wantsTransmit) {
      const count = this.transmit(into, limit, this.now);
      if (count === 0) break;
      parts.push(into.slice(0, count));
    }
    return Buffer.concat(parts);
  }

  /** Everything that the session has to send now, one line for each packet that is complete. */
  sent(limit = 1460): string[] {
    return this.#reader.read(this.bytes(limit)).map(packetLine);
  }

  /** Opens a transport. The session's CONNECT stays to be sent. */
  connect(): void {
    this.#reader = new Reader();
    this.session.connect(this.options, this.now);
  }

  give(...packets: Packet[]): void {
    for (const packet of packets) this.raw(encode(packet));
  }

  raw(bytes: Uint8Array | readonly number[]): void {
    const whole = Uint8Array.from(bytes);
    this.receive(whole, 0, whole.length, this.now);
  }

  /** Connects up to CONNACK; what happened is forgotten. */
  open(sessionPresent = false): this {
    this.connect();
    this.bytes();
    this.give(connack(sessionPresent));
    this.events();
    return this;
  }

  lost(): void {
    this.session.lost(this.now);
  }

  /** Lets time pass up to `now`, with a tick at each deadline on the way, as a timer would do. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const at = this.session.deadline();
      if (at === undefined || ((at - end) | 0) > 0) break;
      this.now += Math.max(0, (at - this.now) | 0);
      this.session.tick(this.now);
      const next = this.session.deadline();
      if (next !== undefined && ((next - this.now) | 0) <= 0 && next === at) {
        throw new Error(`tick at ${this.now} left its deadline ${next} as it was`);
      }
    }
    this.now = end;
  }
}

function messageLine(message: Inbound): string {
  const { topic, qos, retain, dup, id, length, offset, bytes, start, end, complete } = message;
  const flags = `${dup ? " dup" : ""}${retain ? " retain" : ""}${complete ? "" : " part"}`;
  const text = end - start > 40 ? `${end - start} bytes` : Buffer.from(bytes.subarray(start, end)).toString();
  const where = offset === 0 && end - start === length ? "" : ` [${offset}..${offset + end - start} of ${length}]`;
  return `${id > 0 ? `${id} ` : ""}q${qos}${flags} ${topic}${where}: ${text}`;
}

/**
 * A server that keeps one session over any number of connections, QoS 2 in both directions, as the standard says. It
 * has no time and no transport: bytes go in and come out.
 */
export class ExactServer {
  /** Payloads of what the client published, as subscribers see them. */
  readonly published: string[] = [];
  /** Set by a breach of the client. */
  readonly faults: string[] = [];
  /** Every packet of the client. */
  readonly log: string[] = [];
  connected = false;
  #hasSession = false;
  #reader = new Reader();
  /** Ids between PUBLISH and PUBREL. */
  readonly #held = new Set<number>();
  /** Messages to the client: sent is false until first sent, released after PUBREC. */
  #queue: { id: number; qos: 1 | 2; payload: string; sent: boolean; released: boolean }[] = [];
  #nextId = 1;
  readonly #out: Uint8Array[] = [];

  /** A message for the client's subscription. */
  queue(payload: string, qos: 1 | 2): void {
    this.#queue.push({ id: this.#nextId, qos, payload, sent: false, released: false });
    this.#nextId += 1;
    if (this.connected) this.#sendNew();
  }

  /** The session is forgotten, as after a restart without persistence. */
  forget(): void {
    this.#hasSession = false;
    this.#held.clear();
    this.#queue = [];
  }

  /** Messages that the client has not yet finished. */
  get unfinished(): number {
    return this.#queue.length;
  }

  open(): void {
    this.#reader = new Reader();
    this.connected = false;
    this.#out.length = 0;
  }

  /** Bytes for the client since the last call. */
  output(): Uint8Array {
    const bytes = Buffer.concat(this.#out);
    this.#out.length = 0;
    return bytes;
  }

  input(bytes: Uint8Array): void {
    for (const packet of this.#reader.read(bytes)) this.#on(packet);
  }

  #send(packet: Packet): void {
    this.#out.push(encode(packet));
  }

  #sendNew(): void {
    for (const message of this.#queue) {
      if (message.sent) continue;
      message.sent = true;
      this.#send(publish("in", message.payload, message.qos, message.id));
    }
  }

  #on(packet: Packet): void {
    this.log.push(packetLine(packet));
    const id = packet.messageId ?? 0;
    switch (packet.cmd) {
      case "connect":
        this.connected = true;
        this.#send(connack(this.#hasSession));
        this.#hasSession = true;
        for (const message of this.#queue) {
          if (message.released) this.#send(ack("pubrel", message.id));
          else if (message.sent) this.#send(publish("in", message.payload, message.qos, message.id, true));
        }
        this.#sendNew();
        return;
      case "publish":
        if (packet.qos === 2) {
          if (!this.#held.has(id)) this.published.push(packet.payload.toString());
          else if (!packet.dup) this.faults.push(`PUBLISH ${id} again without DUP`);
          this.#held.add(id);
          this.#send(ack("pubrec", id));
        } else {
          this.published.push(packet.payload.toString());
          if (packet.qos === 1) this.#send(ack("puback", id));
        }
        return;
      case "pubrel":
        this.#held.delete(id);
        this.#send(ack("pubcomp", id));
        return;
      case "puback":
      case "pubcomp":
        this.#queue = this.#queue.filter((message) => message.id !== id);
        return;
      case "pubrec":
        for (const message of this.#queue) if (message.id === id) message.released = true;
        this.#send(ack("pubrel", id));
        return;
      default:
        return;
    }
  }
}
