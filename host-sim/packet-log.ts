// The MQTT packets on the boards' connections, both ways, as panels show them: framed by their own headers, decoded by
// mqtt-packet, judged by packet-rules (each of the board's by itself) and by session-rules (all by what came before).
// It listens and decides nothing. Connections to a board's own ports (its setup page, where people type passwords) are
// no MQTT and are left out.

import { type Packet, type Parser, parser } from "mqtt-packet";
import type { Traffic } from "./network.js";
import { hex, PacketFramer } from "./packet-framer.js";
import { checkPacket } from "./packet-rules.js";
import { packetWords } from "./packet-words.js";
import type { PacketView } from "./page/details.js";
import { PasswordMask } from "./password-mask.js";
import { Ring } from "./ring.js";
import { SessionRules } from "./session-rules.js";

const Limit = Object.freeze({
  /** Rows kept for a view that comes later. */
  ROWS: 2000,
  /** Bytes shown of each packet. */
  BYTES: 256,
  /** Connections of one board that are followed at once. It has one; those of a board that vanished never end. */
  CONNECTIONS: 4,
} as const);

/** One direction of a connection. */
class Stream {
  readonly framer = new PacketFramer();
  readonly mask = new PasswordMask();
  /** Of bytes that belong to no whole packet yet: which of them are secret. */
  pending: Uint8Array = new Uint8Array(0);
}

interface Followed {
  readonly connection: number;
  readonly up: Stream;
  readonly down: Stream;
}

type Row = Pick<PacketView, "type"> & Partial<PacketView>;

export class PacketLog {
  readonly #tell: (packet: PacketView, payload: Uint8Array | undefined) => void;
  readonly #rows = new Ring<PacketView>(Limit.ROWS);
  readonly #boards = new Map<number, Followed[]>();
  readonly #sessions = new Map<number, SessionRules>();
  #id = 0;

  /** @param tell hears each row, with the whole payload of a PUBLISH beside it. */
  constructor(tell: (packet: PacketView, payload: Uint8Array | undefined) => void) {
    this.#tell = tell;
  }

  /** The last rows over all boards, the oldest first. */
  get packets(): readonly PacketView[] {
    return this.#rows.items;
  }

  /** Something passed on a board's connection. */
  heard(board: number, traffic: Traffic): void {
    const { type, direction, connection } = traffic;
    if (type === "open") {
      // Whoever opens it decides what it is: a board opens connections to its broker only.
      if (direction === "up") this.#open(board, traffic);
      return;
    }
    const followed = this.#boards.get(board)?.find((each) => each.connection === connection);
    if (followed === undefined) {
      const isRefusal = type === "reset" && direction === "down" && traffic.port !== 80;
      if (isRefusal) this.#row(board, traffic, { type: "TCP reset", detail: "refused, or nobody answered" });
      return;
    }
    if (type === "data") {
      this.#data(board, traffic, direction === "up" ? followed.up : followed.down);
      return;
    }
    const by = direction === "up" ? "by the board" : "by the broker";
    this.#row(board, traffic, { type: type === "end" ? "TCP end" : "TCP reset", detail: by });
    // After the broker's FIN the board may still send.
    if (type === "reset" || direction === "up") this.#forget(board, connection);
  }

  /** The board is not there any more, and neither are its rows. */
  remove(board: number): void {
    this.#boards.delete(board);
    this.#sessions.delete(board);
    this.#rows.retain((row) => row.board !== board);
  }

  #open(board: number, traffic: Traffic): void {
    const followed = this.#boards.get(board) ?? [];
    followed.push({ connection: traffic.connection, up: new Stream(), down: new Stream() });
    this.#boards.set(board, followed.slice(-Limit.CONNECTIONS));
    this.#row(board, traffic, { type: "TCP open", detail: `port ${traffic.port} of the broker` });
  }

  #sessionOf(board: number): SessionRules {
    let session = this.#sessions.get(board);
    if (session === undefined) {
      session = new SessionRules();
      this.#sessions.set(board, session);
    }
    return session;
  }

  #forget(board: number, connection: number): void {
    this.#sessions.get(board)?.ended(connection);
    const followed = this.#boards.get(board)?.filter((each) => each.connection !== connection) ?? [];
    this.#boards.set(board, followed);
  }

  #data(board: number, traffic: Traffic, stream: Stream): void {
    const { bytes } = traffic;
    const mask = Buffer.concat([stream.pending, stream.mask.feed(bytes)]);
    const before = stream.pending.byteLength;
    let malformed: string | undefined;
    let offset = 0;
    const packets = stream.framer.feed(bytes, (detail) => {
      malformed = detail;
    });
    for (const packet of packets) {
      const secret = mask.subarray(offset, offset + packet.byteLength);
      offset += packet.byteLength;
      this.#packet(board, traffic, packet, secret);
    }
    stream.pending = stream.framer.pending > 0 ? mask.slice(offset, offset + stream.framer.pending) : mask.slice(0, 0);
    if (malformed === undefined) return;
    const rest = bytes.subarray(Math.max(0, offset - before));
    this.#row(board, traffic, {
      type: "bytes",
      detail: malformed,
      length: rest.byteLength,
      hex: shownHex(rest, mask.subarray(mask.byteLength - rest.byteLength)),
    });
  }

  #packet(board: number, traffic: Traffic, bytes: Uint8Array, secret: Uint8Array): void {
    const wrong = traffic.direction === "up" ? checkPacket(bytes)[0] : undefined;
    const packet = decode(bytes);
    const base = { length: bytes.byteLength, hex: shownHex(bytes, secret) };
    if (packet instanceof Error) {
      this.#row(board, traffic, { ...base, breach: wrong, type: "bytes", detail: packet.message });
      return;
    }
    // The session goes on whatever is wrong with the packet by itself.
    const misplaced = this.#sessionOf(board)[traffic.direction](traffic.connection, packet);
    const isPublish = packet.cmd === "publish";
    const payload = isPublish ? Buffer.from(packet.payload) : undefined;
    const row = {
      ...base,
      breach: wrong ?? misplaced,
      type: packet.cmd.toUpperCase(),
      topic: topicOf(packet),
      packetId: packet.messageId,
      qos: isPublish ? packet.qos : undefined,
      retain: isPublish && packet.retain,
      dup: isPublish && packet.dup,
      detail: packetWords(packet),
    };
    this.#row(board, traffic, row, payload);
  }

  #row(board: number, { at, connection, direction }: Traffic, row: Row, payload?: Uint8Array): void {
    const packet: PacketView = {
      id: ++this.#id,
      board,
      at,
      connection,
      direction,
      qos: undefined,
      retain: false,
      dup: false,
      packetId: undefined,
      topic: "",
      detail: "",
      length: 0,
      hex: "",
      breach: undefined,
      ...row,
    };
    this.#rows.push(packet);
    this.#tell(packet, payload);
  }
}

/** One whole packet; the error of mqtt-packet when it cannot read it, without any of the bytes. */
function decode(bytes: Uint8Array): Packet | Error {
  // A parser that has met an error stays in it, so each packet gets a new one.
  const reader: Parser = parser({ protocolVersion: 4 });
  let result: Packet | Error = new Error("no packet");
  reader.on("packet", (packet) => {
    result = packet;
  });
  reader.on("error", (error: Error) => {
    result = error;
  });
  reader.parse(Buffer.from(bytes));
  return result;
}

function topicOf(packet: Packet): string {
  if (packet.cmd === "publish") return packet.topic;
  if (packet.cmd === "subscribe") return packet.subscriptions[0]?.topic ?? "";
  if (packet.cmd === "unsubscribe") return packet.unsubscriptions[0] ?? "";
  return packet.cmd === "connect" ? (packet.will?.topic ?? "") : "";
}

/** `0a ff`, and `··` for a byte of a password. */
function shownHex(bytes: Uint8Array, secret: Uint8Array): string {
  const shown = bytes.subarray(0, Limit.BYTES);
  if (!secret.subarray(0, shown.byteLength).includes(1)) return hex(shown);
  return Array.from(shown, (byte, index) => (secret[index] ? "··" : hex([byte]))).join(" ");
}
