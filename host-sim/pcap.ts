// The boards' connections to their broker as a capture that Wireshark opens: the classic libpcap format with raw IPv4
// packets. What is in the segments was on the wire, and when; the headers around it, handshakes and acknowledgements
// are made up here, because the network below has none to show. Passwords are replaced by asterisks.

import type { Direction, Traffic } from "./network.js";
import { PasswordMask } from "./password-mask.js";

/** Of the libpcap file format: microseconds, and packets that begin with their IP header. */
const Pcap = Object.freeze({ MAGIC: 0xa1b2c3d4, MAJOR: 2, MINOR: 4, SNAPSHOT: 65_535, RAW: 101 } as const);

const Tcp = Object.freeze({ FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16 } as const);

/** Bytes of an IP header and of a TCP header without options, and of what is written before both. */
const IP_BYTES = 20;
const TCP_BYTES = 20;
const RECORD_BYTES = 16;

/** TCP payload of one packet on Ethernet. */
const SEGMENT = 1460;
const WINDOW = 5840;

/** Ports that a client may choose from [RFC 6335 §6]. */
const FIRST_PORT = 49_152;
const PORTS = 16_384;

/** The broker's address in the capture: one for examples, which nobody has [RFC 5737]. */
const BROKER: readonly number[] = Object.freeze([192, 0, 2, 1]);

/** A board's address: 10, and the three bytes of its chip id. */
function addressOf(chipId: number): readonly number[] {
  return [10, (chipId >> 16) & 255, (chipId >> 8) & 255, chipId & 255];
}

const nothing = new Uint8Array(0);

/** What one side of a connection has sent. */
class Side {
  readonly mask = new PasswordMask();
  next: number;

  constructor(first: number) {
    this.next = first;
  }
}

interface Connection {
  readonly chipId: number;
  readonly port: number;
  readonly connection: number;
  readonly up: Side;
  readonly down: Side;
}

/** What a capture begins with. */
export function fileHeader(): Uint8Array {
  const view = new DataView(new ArrayBuffer(24));
  view.setUint32(0, Pcap.MAGIC, true);
  view.setUint16(4, Pcap.MAJOR, true);
  view.setUint16(6, Pcap.MINOR, true);
  view.setUint32(16, Pcap.SNAPSHOT, true);
  view.setUint32(20, Pcap.RAW, true);
  return new Uint8Array(view.buffer);
}

/** Makes records of a capture from traffic. */
export class PcapWriter {
  readonly #write: (record: Uint8Array) => void;
  readonly #startedAt: number;
  readonly #connections = new Map<number, Connection>();
  #packets = 0;

  /**
   * @param startedAt when the bench's time began, ms since 1970.
   * @param write gets each record, to be put behind the others and `fileHeader()`.
   */
  constructor(startedAt: number, write: (record: Uint8Array) => void) {
    this.#startedAt = startedAt;
    this.#write = write;
  }

  /** Something passed between a board and its broker. Connections to the board's own ports are left out. */
  heard(traffic: Traffic): void {
    const { type, direction, connection, at } = traffic;
    if (type === "open") {
      if (direction === "up") this.#open(traffic);
      return;
    }
    const known = this.#connections.get(connection);
    if (known === undefined) {
      if (type === "reset" && direction === "down" && traffic.port !== 80) this.#refused(traffic);
      return;
    }
    if (type === "data") {
      this.#data(at, known, direction, traffic.bytes);
    } else if (type === "end") {
      this.#send(at, known, direction, Tcp.FIN | Tcp.ACK);
      this.#send(at, known, direction === "up" ? "down" : "up", Tcp.ACK);
    } else {
      this.#send(at, known, direction, Tcp.RST | Tcp.ACK);
    }
    if (type === "reset" || (type === "end" && direction === "up")) this.#connections.delete(connection);
  }

  #open(traffic: Traffic): void {
    const made = this.#make(traffic);
    // A board has a few at most; those of one that lost its power never end.
    for (const old of this.#connections.values()) {
      if (this.#connections.size > 256) this.#connections.delete(old.connection);
    }
    this.#connections.set(made.connection, made);
    this.#send(traffic.at, made, "up", Tcp.SYN);
    this.#send(traffic.at, made, "down", Tcp.SYN | Tcp.ACK);
    this.#send(traffic.at, made, "up", Tcp.ACK);
  }

  #refused(traffic: Traffic): void {
    const made = this.#make(traffic);
    this.#send(traffic.at, made, "up", Tcp.SYN);
    this.#send(traffic.at, made, "down", Tcp.RST | Tcp.ACK);
  }

  #make({ chipId, port, connection }: Traffic): Connection {
    return { chipId, port, connection, up: new Side(1), down: new Side(1) };
  }

  #data(at: number, connection: Connection, direction: Direction, bytes: Uint8Array): void {
    const secret = (direction === "up" ? connection.up : connection.down).mask.feed(bytes);
    const shown = bytes.map((byte, index) => (secret[index] ? 0x2a : byte));
    for (let offset = 0; offset < shown.byteLength; offset += SEGMENT) {
      this.#send(at, connection, direction, Tcp.PSH | Tcp.ACK, shown.subarray(offset, offset + SEGMENT));
    }
    this.#send(at, connection, direction === "up" ? "down" : "up", Tcp.ACK);
  }

  #send(at: number, connection: Connection, direction: Direction, flags: number, payload = nothing): void {
    const isUp = direction === "up";
    const from = isUp ? connection.up : connection.down;
    const to = isUp ? connection.down : connection.up;
    const length = IP_BYTES + TCP_BYTES + payload.byteLength;
    const bytes = new Uint8Array(RECORD_BYTES + length);
    const view = new DataView(bytes.buffer);
    const microseconds = Math.round((this.#startedAt + at) * 1000);
    view.setUint32(0, Math.floor(microseconds / 1_000_000), true);
    view.setUint32(4, microseconds % 1_000_000, true);
    view.setUint32(8, length, true);
    view.setUint32(12, length, true);
    const board = addressOf(connection.chipId);
    const ip = RECORD_BYTES;
    view.setUint16(ip, 0x4500);
    view.setUint16(ip + 2, length);
    view.setUint16(ip + 4, ++this.#packets & 0xffff);
    // Do not fragment; time to live 64, TCP.
    view.setUint16(ip + 6, 0x4000);
    view.setUint16(ip + 8, 0x4006);
    bytes.set(isUp ? board : BROKER, ip + 12);
    bytes.set(isUp ? BROKER : board, ip + 16);
    view.setUint16(ip + 10, checksum(bytes.subarray(ip, ip + IP_BYTES), 0));
    const tcp = ip + IP_BYTES;
    const port = FIRST_PORT + (connection.connection % PORTS);
    view.setUint16(tcp, isUp ? port : connection.port);
    view.setUint16(tcp + 2, isUp ? connection.port : port);
    view.setUint32(tcp + 4, from.next - 1);
    if (flags & Tcp.ACK) view.setUint32(tcp + 8, to.next - 1);
    view.setUint16(tcp + 12, 0x5000 | flags);
    view.setUint16(tcp + 14, WINDOW);
    bytes.set(payload, tcp + TCP_BYTES);
    // The pseudo header: both addresses, the protocol, the length [RFC 9293 §3.1].
    const segment = bytes.subarray(tcp);
    view.setUint16(tcp + 16, checksum(segment, sumOf(bytes.subarray(ip + 12, ip + 20)) + 6 + segment.byteLength));
    from.next += payload.byteLength + (flags & (Tcp.SYN | Tcp.FIN) ? 1 : 0);
    this.#write(bytes);
  }
}

/** The sum of 16-bit words, high byte first. */
function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.byteLength; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return sum;
}

/** The Internet checksum [RFC 1071]. */
function checksum(bytes: Uint8Array, seed: number): number {
  let sum = seed + sumOf(bytes);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
