// A phone beside the box, for tests in a stepped world: it joins the box's access point, opens pages, asks for names,
// and sends whatever a test wants to see survived. Nothing waits in here: each call gives an object that fills while
// the world's time passes.

import type { Board } from "./board.js";
import type { Clock } from "./clock.js";
import { type DnsMessage, DnsType, dnsQuery, parseDns } from "./dns-message.js";
import { Answer, Conversation } from "./phone-answer.js";
import { type SoftStation, softAddress } from "./soft-access-point.js";
import type { VirtualCaller, VirtualNetwork } from "./virtual-network.js";

export { type DnsMessage, DnsType } from "./dns-message.js";
export { Answer, Conversation, type Failure } from "./phone-answer.js";

/** The part of a world that a phone is in. */
export interface Surroundings {
  readonly clock: Clock;
  readonly network: VirtualNetwork;
  readonly boards: readonly Board[];
}

export interface RequestOptions {
  /** The Host header; the box's address unless given, none for an empty one. */
  host?: string;
  headers?: Readonly<Record<string, string>>;
  /** Sent with its length; as a form unless `headers` say otherwise. */
  body?: string | Uint8Array;
  /** The version; 1.1 unless given. */
  http?: "1.0" | "1.1";
  /** How long the person waits, ms; 30,000 unless given. */
  patienceMs?: number;
}

export interface SendOptions {
  /** In pieces of so many bytes; all at once unless given. */
  pieceBytes?: number;
  /** Time between pieces, ms; 0 unless given. */
  everyMs?: number;
  /** Says FIN after the last piece. */
  closes?: boolean;
  port?: number;
}

export interface QueryOptions {
  edns?: boolean;
  /** 5,000 unless given. */
  patienceMs?: number;
}

/** What becomes of a question. `message` is there once an answer came that can be read. */
export interface Question {
  readonly isDone: boolean;
  readonly message: DnsMessage | undefined;
  /** Why there is none. */
  readonly failure: "no answer" | "malformed" | undefined;
  readonly bytes: Uint8Array | undefined;
}

/** A conversation that a test goes on with. */
export class Line extends Conversation {
  readonly #caller: VirtualCaller;

  constructor(now: number, caller: VirtualCaller) {
    super(now);
    this.#caller = caller;
  }

  write(bytes: string | Uint8Array): void {
    this.#caller.write(bytesOf(bytes));
  }

  /** FIN. */
  close(): void {
    this.#caller.close();
  }

  /** RST. */
  reset(): void {
    this.#caller.reset();
  }
}

const webPort = 80;
const namePort = 53;

export class Phone {
  readonly mac: string;
  readonly #world: Surroundings;
  #board: Board | undefined;
  #station: SoftStation | undefined;
  #ports = 40_000;

  constructor(world: Surroundings, number: number) {
    this.#world = world;
    this.mac = `02:00:00:00:01:${number.toString(16).padStart(2, "0")}`;
  }

  /**
   * Joins a box's access point. False when there is none of that name on the air, the password is another, or it is
   * full. The time that a person takes for this is the test's.
   */
  join(ssid: string, password = ""): boolean {
    this.leave();
    for (const board of this.#world.boards) {
      const own = board.airspace.radioOn(board)?.softAccessPoint;
      if (own?.ssid !== ssid) continue;
      this.#station = own.admit(this.mac, password);
      this.#board = board;
      return this.#station !== undefined;
    }
    return false;
  }

  /** Forgets the network. */
  leave(): void {
    this.#station?.leave();
    this.#station = undefined;
    this.#board = undefined;
  }

  /** Whether it is connected to the network that it has joined, which may have gone or moved. */
  get isConnected(): boolean {
    return this.#station?.isAssociated === true;
  }

  /** 192.168.4.2 for the first phone; undefined before it has joined. */
  get address(): string | undefined {
    return this.#station?.address;
  }

  /** Opens a page of the box, or sends a form to it. */
  request(method: string, path: string, options: RequestOptions = {}): Answer {
    const { clock } = this.#world;
    const answer = new Answer(clock.now, method);
    const caller = this.#dial(webPort);
    if (caller === undefined) return failed(answer, clock.now);
    const patience = clock.schedule(options.patienceMs ?? 30_000, () => {
      answer.fail("too late", clock.now);
      caller.reset();
    });
    this.#attend(caller, answer, () => {
      if (!answer.isDone) return;
      patience.cancel();
      caller.close();
    });
    caller.onOpen = () => {
      answer.isOpen = true;
      caller.write(requestBytes(method, path, options));
    };
    return answer;
  }

  /** Sends bytes to the box as they are, slowly when told to, and keeps what comes back. */
  send(bytes: string | Uint8Array, options: SendOptions = {}): Line {
    const { clock } = this.#world;
    const caller = this.#dial(options.port ?? webPort);
    if (caller === undefined) return failed(new Line(clock.now, nobody), clock.now);
    const line = new Line(clock.now, caller);
    this.#attend(caller, line, () => {});
    const all = bytesOf(bytes);
    const size = options.pieceBytes ?? Math.max(1, all.byteLength);
    const next = (offset: number): void => {
      if (line.isDone) return;
      if (offset < all.byteLength) caller.write(all.subarray(offset, offset + size));
      if (offset + size < all.byteLength) clock.schedule(options.everyMs ?? 0, () => next(offset + size));
      else if (options.closes === true) caller.close();
    };
    caller.onOpen = () => {
      line.isOpen = true;
      next(0);
    };
    return line;
  }

  /** Asks the box's name server. `type`: a number, or one of the names in DnsType. */
  query(name: string, type: keyof typeof DnsType | number = "A", options: QueryOptions = {}): Question {
    const number = typeof type === "number" ? type : DnsType[type];
    return this.ask(dnsQuery((this.#ports * 7919) & 0xffff, name, number, options.edns), options);
  }

  /** The same with a message of the test's own, however broken. */
  ask(query: Uint8Array, options: QueryOptions = {}): Question {
    const { clock, network } = this.#world;
    const question = { isDone: false, message: undefined, failure: undefined, bytes: undefined } as Writable<Question>;
    const board = this.#board;
    const address = this.address;
    const end = (failure: Question["failure"]): void => {
      question.isDone = true;
      question.failure = failure;
    };
    if (board === undefined || address === undefined) {
      end("no answer");
      return question;
    }
    const port = network.openPort(address, ++this.#ports, (datagram) => {
      if (datagram.port !== namePort) return;
      port.close();
      patience.cancel();
      question.bytes = datagram.bytes;
      try {
        question.message = parseDns(datagram.bytes);
        end(undefined);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        end("malformed");
      }
    });
    const patience = clock.schedule(options.patienceMs ?? 5_000, () => {
      port.close();
      end("no answer");
    });
    port.send(board, namePort, query);
    return question;
  }

  #dial(port: number): VirtualCaller | undefined {
    if (this.#board === undefined || this.address === undefined) return undefined;
    return this.#world.network.dial(this.#board, this.address, port);
  }

  #attend(caller: VirtualCaller, conversation: Conversation, then: () => void): void {
    const { clock } = this.#world;
    caller.onData = (bytes) => {
      conversation.receive(bytes, clock.now);
      then();
    };
    caller.onEnd = () => {
      conversation.end(clock.now);
      caller.close();
      then();
    };
    caller.onError = () => {
      conversation.fail(caller.failure ?? "reset", clock.now);
      then();
    };
  }
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A phone without a network. */
const nobody = { write: () => {}, close: () => {}, reset: () => {} } as unknown as VirtualCaller;

function failed<T extends Conversation>(conversation: T, now: number): T {
  conversation.fail("no answer", now);
  return conversation;
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? new TextEncoder().encode(value) : value;
}

function requestBytes(method: string, path: string, options: RequestOptions): Uint8Array {
  const body = options.body === undefined ? undefined : bytesOf(options.body);
  const host = options.host ?? softAddress;
  const headers: Record<string, string> = host === "" ? {} : { Host: host };
  if (body !== undefined) {
    headers["Content-Type"] = "application/x-www-form-urlencoded";
    headers["Content-Length"] = String(body.byteLength);
  }
  Object.assign(headers, options.headers);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = bytesOf(`${method} ${path} HTTP/${options.http ?? "1.1"}\r\n${lines.join("")}\r\n`);
  return Uint8Array.from([...head, ...(body ?? [])]);
}
