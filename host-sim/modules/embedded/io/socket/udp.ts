// `embedded:io/socket/udp` as modules/io/socket/lwip/udp.c of Moddable SDK 8.2.3 makes it on an ESP8266. Kept from
// there: no address and no multicast option, `read` gives one packet with `address` and `port` as properties of the
// buffer, `onReadable` counts the packets that wait, there is no `onError`, and what does not fit the memory is
// dropped.

import type UDP from "embedded:io/socket/udp";
import { type Host, requireAlive } from "../../../../host.js";
import { LwIP, parseAddress } from "../../../../lwip.js";
import type { Binding, Datagram } from "../../../../network.js";
import { toInteger } from "../../../integer.js";
import { bytesOf, checkCallback } from "./tcp.js";

export interface UDPOptions {
  port?: unknown;
  timeToLive?: unknown;
  format?: unknown;
  target?: unknown;
  onReadable?: ((this: never, packets: number) => void) | null | undefined;
}

export type Packet = ArrayBuffer & { address: string; port: number };

/** A socket, as firmware sees it. */
export interface UDPInstance {
  get format(): "buffer";
  set format(format: unknown);
  target?: unknown;
  read(): Packet | undefined;
  write(buffer: unknown, address: unknown, port: unknown): void;
  add(address: unknown): void;
  remove(address: unknown): void;
  close(): void;
}

/** What a socket has until it is closed: `UDPRecord` of udp.c. */
interface Record {
  readonly port: number;
  readonly packets: Datagram[];
  isPosted: boolean;
  network: Binding | undefined;
}

/** Ethernet's 1500 bytes less the headers of IP and UDP; lwIP is built without IP_FRAG. */
const longestDatagram = 1472;

const addressBytes = 40;

export function create(host: Host): { default: new (options: UDPOptions) => UDPInstance } {
  const open = new Map<number, Record>();

  function portOf(options: UDPOptions): number {
    if (!("port" in options)) return 0;
    const port = toInteger(options.port);
    if (port < 0 || port > 65535) throw new RangeError("invalid port");
    return port;
  }

  function freePort(): number {
    let port = LwIP.firstDatagramPort;
    while (open.has(port)) port += 1;
    return port;
  }

  function waiting(): number {
    let count = 0;
    for (const record of open.values()) count += record.packets.length;
    return count;
  }

  class HostUDP implements UDPInstance {
    target?: unknown;
    #record: Record | undefined;

    constructor(options: UDPOptions) {
      requireAlive(host);
      const onReadable = checkCallback(options.onReadable);
      const asked = portOf(options);
      if ("timeToLive" in options) {
        const ttl = toInteger(options.timeToLive);
        if (ttl <= 0 || ttl > 255) throw new RangeError("invalid timeToLive");
      }
      if ("target" in options) this.target = options.target;
      if (options.format && String(options.format) !== "buffer") throw new RangeError("invalid format");
      // Stricter than the chip, where the heap is the limit.
      if (open.size >= LwIP.datagramSockets) throw new RangeError("no socket");
      if (open.has(asked)) throw new Error("bind failed");
      const port = asked === 0 ? freePort() : asked;
      const record: Record = { port, packets: [], isPosted: false, network: undefined };
      this.#record = record;
      open.set(port, record);
      record.network = host.board.network.bind(host, port, (datagram) => {
        if (waiting() >= LwIP.packets) return;
        record.packets.push(datagram);
        if (onReadable !== undefined) this.#post(record, onReadable);
      });
    }

    /** One turn for all that has come together. */
    #post(record: Record, onReadable: (this: never, packets: number) => void): void {
      if (record.isPosted) return;
      record.isPosted = true;
      host.queue(() => {
        record.isPosted = false;
        if (this.#record === record && record.packets.length > 0) onReadable.call(this as never, record.packets.length);
      });
    }

    read(): Packet | undefined {
      const datagram = this.#live().packets.shift();
      if (datagram === undefined) return undefined;
      const { address, port } = datagram;
      return Object.assign(datagram.bytes.slice().buffer as ArrayBuffer, { port, address });
    }

    write(buffer: unknown, address: unknown, port: unknown): void {
      const record = this.#live();
      const to = checkAddress(address);
      const bytes = bytesOf(buffer);
      const radio = host.board.airspace.radioFor(host);
      // No route, or a packet that would have to be cut into pieces.
      if (radio.localAddressFor(to) === undefined || bytes.byteLength > longestDatagram) {
        throw new Error("UDP send failed");
      }
      record.network?.send(to, toInteger(port) & 0xffff, bytes);
    }

    /** Joins a multicast group: accepted, and without effect in this simulator. */
    add(address: unknown): void {
      this.#live();
      if (checkAddress(address) === "255.255.255.255") throw new Error("broadcast is not multicast");
    }

    remove(address: unknown): void {
      this.#live();
      checkAddress(address);
    }

    close(): void {
      requireAlive(host);
      const record = this.#record;
      if (record === undefined) return;
      this.#record = undefined;
      open.delete(record.port);
      record.network?.close();
    }

    get format(): "buffer" {
      return "buffer";
    }

    set format(format: unknown) {
      if (format !== "buffer") throw new RangeError();
    }

    #live(): Record {
      requireAlive(host);
      if (this.#record === undefined) throw new Error("this socket is closed");
      return this.#record;
    }
  }

  return { default: HostUDP satisfies new (options: never) => Pick<UDP, "write" | "format"> };
}

function checkAddress(value: unknown): string {
  const text = String(value);
  const address = text.length < addressBytes ? parseAddress(text) : undefined;
  if (address === undefined) throw new RangeError("invalid IP address");
  return address;
}
