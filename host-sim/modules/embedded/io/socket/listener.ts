// `embedded:io/socket/listener` as modules/io/socket/lwip/listener.js and tcp.c of Moddable SDK 8.2.3 make it on an
// ESP8266. Kept from there: the address option is ignored, it listens on all addresses; `read` gives a TCP without
// callbacks, to be taken over by `new TCP({ from })`; an end or a reset before `read` is told to nobody; a second
// listener on a port, where the C code goes through a null pointer, crashes the chip.

import type Listener from "embedded:io/socket/listener";
import { ResetReason } from "../../../../board-event.js";
import { Halted, type Host, requireAlive } from "../../../../host.js";
import { LwIP } from "../../../../lwip.js";
import type { Closable } from "../../../../network.js";
import { toInteger } from "../../../integer.js";
import { checkCallback, type TCPInstance, tcpModule } from "./tcp.js";
import { ControlBlock, loadProhibited } from "./tcp-record.js";

export interface ListenerOptions {
  port?: unknown;
  address?: unknown;
  format?: unknown;
  target?: unknown;
  onReadable?: ((this: never, requests: number) => void) | null | undefined;
}

/** A listener, as firmware sees it. */
export interface ListenerInstance {
  readonly port: number;
  get format(): "socket/tcp";
  set format(format: unknown);
  target?: unknown;
  read(): TCPInstance | undefined;
  close(): void;
}

/** What a listener has until it is closed: `ListenerRecord` of tcp.c. */
interface Record {
  readonly port: number;
  readonly pending: ControlBlock[];
  isPosted: boolean;
  network: Closable | undefined;
}

export function create(host: Host): { default: new (options: ListenerOptions) => ListenerInstance } {
  const { blocks, adopt } = tcpModule(host);
  const open = new Map<number, Record>();

  function portOf(options: ListenerOptions): number {
    if (!("port" in options)) return 0;
    if (options.port === undefined) throw new Error("invalid");
    const port = toInteger(options.port);
    if (port < 0 || port > 65535) throw new RangeError("invalid port");
    return port;
  }

  function freePort(): number {
    let port = LwIP.firstPort;
    while (open.has(port)) port += 1;
    return port;
  }

  class HostListener implements ListenerInstance {
    target?: unknown;
    #record: Record | undefined;

    constructor(options: ListenerOptions) {
      requireAlive(host);
      const asked = portOf(options);
      const onReadable = checkCallback(options.onReadable);
      if (options.format && String(options.format) !== "socket/tcp") throw new RangeError("unimplemented");
      if (open.has(asked)) crash();
      // Stricter than the chip, where the heap is the limit.
      if (open.size >= LwIP.listeners) throw new Error("no socket");
      if ("target" in options) this.target = options.target;
      const port = asked === 0 ? freePort() : asked;
      const record: Record = { port, pending: [], isPosted: false, network: undefined };
      this.#record = record;
      open.set(port, record);
      record.network = host.board.network.listen(host, port, {
        mayOpen: () => blocks.established < LwIP.connections,
        onAccept: (connection) => {
          const block = new ControlBlock(blocks, undefined, false);
          block.connection = connection;
          block.isEstablished = true;
          record.pending.push(block);
          host.emit({ type: "socket", word: "accepted", detail: peerOf(block) });
          if (onReadable !== undefined) this.#post(record, onReadable);
          return block.events;
        },
      });
    }

    /** One turn for all that has come together. */
    #post(record: Record, onReadable: (this: never, requests: number) => void): void {
      if (record.isPosted) return;
      record.isPosted = true;
      host.queue(() => {
        record.isPosted = false;
        if (this.#record === record && record.pending.length > 0) {
          onReadable.call(this as never, record.pending.length);
        }
      });
    }

    /**
     * The connection that waits longest; undefined when none does. On the chip each call makes a TCP that is never
     * collected unless it is given out and closed (listener.js, xsRemember): ask only as often as `onReadable` says.
     */
    read(): TCPInstance | undefined {
      const block = this.#live().pending.shift();
      return block === undefined ? undefined : adopt(block);
    }

    close(): void {
      requireAlive(host);
      const record = this.#record;
      if (record === undefined) return;
      this.#record = undefined;
      open.delete(record.port);
      record.network?.close();
      for (const block of record.pending.splice(0)) block.close();
      // tcp_close_safe calls tcp_abort with a record that tcp_close has freed. What comes of it depends on the heap;
      // here it is always the worst.
      host.print("a listener was closed: lwIP works on freed memory then (tcp_close_safe), restart instead\n");
      crash();
    }

    get port(): number {
      return this.#live().port;
    }

    get format(): "socket/tcp" {
      return "socket/tcp";
    }

    set format(format: unknown) {
      if (format !== "socket/tcp") throw new RangeError();
    }

    #live(): Record {
      requireAlive(host);
      if (this.#record === undefined) throw new Error("this listener is closed");
      return this.#record;
    }
  }

  /** tcp_listen refuses, and xs_listener_constructor closes the null pointer that it gave. */
  function crash(): never {
    host.board.fault(ResetReason.exception, loadProhibited);
    throw new Halted();
  }

  return { default: HostListener satisfies new (options: never) => Pick<Listener, "port" | "format"> };
}

function peerOf(block: ControlBlock): string {
  return `${block.connection?.remoteAddress}:${block.connection?.remotePort}`;
}
