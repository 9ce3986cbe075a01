// `embedded:io/socket/tcp` as modules/io/socket/lwip/tcp.c of Moddable SDK 8.2.3 makes it on an ESP8266. Kept from
// there: no host names; events coalesce into one turn; `onWritable` first means connected; after `onError` a write
// throws "not ready"; a full queue of send buffers ends the connection; closing with unread data resets it; closing
// sends what waits once, and nothing of it again. Stricter than the chip in two places, marked as such.

import { type Host, requireAlive } from "../../../../host.js";
import { LwIP, parseAddress } from "../../../../lwip.js";
import type { Connection } from "../../../../network.js";
import { toInteger } from "../../../integer.js";
import { Blocks, type Callback, ControlBlock, type Format, type Settings, Socket, Trigger } from "./tcp-record.js";

export interface TCPOptions {
  address?: unknown;
  port?: unknown;
  from?: unknown;
  nodelay?: unknown;
  format?: unknown;
  target?: unknown;
  onReadable?: Callback | null | undefined;
  onWritable?: Callback | null | undefined;
  onError?: (() => void) | null | undefined;
}

/** One socket, as firmware sees it. */
export interface TCPInstance {
  readonly remoteAddress: string;
  readonly remotePort: number;
  get format(): Format;
  set format(format: unknown);
  target?: unknown;
  read(count?: unknown): unknown;
  write(data: unknown): number | undefined;
  close(): void;
}

/** Checks as the constructor in C does, in the same order. */
function checkOptions(options: TCPOptions): Settings {
  const format = checkFormat(options.format);
  return {
    format,
    onReadable: checkCallback(options.onReadable),
    onWritable: checkCallback(options.onWritable),
    onError: checkCallback(options.onError),
    noDelay: Boolean(options.nodelay),
  };
}

const knownFormats: readonly string[] = Object.freeze([
  ...["number", "buffer", "string", "socket/tcp", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64"],
  ...["int64", "buffer/disposable"],
]);

function checkFormat(format: unknown): Format {
  if (!format) return "buffer";
  const text = String(format);
  if (text !== "number" && text !== "buffer") throw new RangeError("unimplemented");
  return text;
}

/** builtinGetCallback */
export function checkCallback<T>(callback: T | null | undefined): T | undefined {
  if (callback === undefined || callback === null) return undefined;
  if (typeof callback !== "function") throw new Error("not a function");
  return callback;
}

function checkPeer(options: TCPOptions): { address: string; port: number } {
  const text = String(options.address);
  const address = text.length < 32 ? parseAddress(text) : undefined;
  if (address === undefined) throw new Error("invalid address");
  if (options.port === undefined) throw new Error("invalid");
  const port = toInteger(options.port);
  if (port < 0 || port > 65535) throw new RangeError("invalid port");
  return { address, port };
}

/** The module of one boot, and what only the listener may use of it. */
export interface TCPModule {
  readonly default: new (options?: TCPOptions) => TCPInstance;
  readonly blocks: Blocks;
  /** An instance for an accepted connection, without callbacks, as xs_listener_read makes it. */
  adopt(block: ControlBlock): TCPInstance;
}

const modules = new WeakMap<Host, TCPModule>();

export function create(host: Host): { default: TCPModule["default"] } {
  return { default: tcpModule(host).default };
}

/** The one of a boot. */
export function tcpModule(host: Host): TCPModule {
  let module = modules.get(host);
  if (module === undefined) {
    module = makeModule(host);
    modules.set(host, module);
  }
  return module;
}

function makeModule(host: Host): TCPModule {
  const blocks = new Blocks();

  class TCP implements TCPInstance {
    readonly #socket: Socket;
    target?: unknown;

    constructor(options?: TCPOptions) {
      requireAlive(host);
      const settings = options === undefined ? undefined : checkOptions(options);
      const socket = new Socket(host, this, settings);
      if (options !== undefined && settings !== undefined) {
        if (options.from !== undefined) TCP.#takeOver(socket, options.from, settings);
        else TCP.#connect(socket, checkPeer(options), settings);
        if ("target" in options) this.target = options.target;
      }
      this.#socket = socket;
    }

    static #connect(socket: Socket, peer: { address: string; port: number }, settings: Settings): void {
      // Stricter than the chip, where lwIP would end the oldest connection to make room for a sixth.
      if (blocks.count >= LwIP.connections) throw new RangeError("no socket");
      // Without an address there is no route, and tcp_connect fails at once.
      const radio = host.board.airspace.radioFor(host);
      if (radio.localAddressFor(peer.address) === undefined) throw new Error("connect error");
      const block = new ControlBlock(blocks, socket, settings.noDelay);
      socket.block = block;
      host.emit({ type: "socket", word: "opening", detail: `${peer.address}:${peer.port}` });
      block.connection = host.board.network.connect(host, peer.address, peer.port, block.events);
    }

    static adopt(block: ControlBlock): TCP {
      const instance = new TCP();
      const socket = instance.#socket;
      socket.block = block;
      socket.ready = true;
      block.adopt(socket);
      return instance;
    }

    static #takeOver(socket: Socket, from: unknown, settings: Settings): void {
      if (!(from instanceof TCP)) throw new TypeError("invalid from");
      const old = from.#socket;
      const block = old.block;
      if (block === undefined || old.isClosed) throw new Error("invalid from");
      block.send.noDelay = settings.noDelay;
      block.owner = socket;
      socket.block = block;
      socket.packets = old.packets;
      socket.ready = old.ready;
      let triggered = old.triggered;
      if (socket.triggerable & Trigger.writable && block.send.room > 0) triggered |= Trigger.writable;
      if (socket.triggerable & Trigger.readable && old.packets.length > 0) triggered |= Trigger.readable;
      old.block = undefined;
      old.packets = [];
      old.triggered = 0;
      old.close();
      if (triggered !== 0) socket.trigger(triggered);
    }

    /** Everything, so many bytes, or as many as fit a buffer; undefined when nothing was received. */
    read(count?: unknown): unknown {
      const socket = this.#live();
      if (socket.packets.length === 0) return undefined;
      if (socket.format === "number") {
        const byte = new Uint8Array(1);
        socket.take(byte);
        return byte[0];
      }
      const available = socket.available;
      if (typeof count === "object" && count !== null) {
        const into = bytesOf(count);
        if (into.byteLength === 0 || into.byteLength > available) throw new Error("invalid");
        socket.take(into);
        return into.byteLength;
      }
      // C code asks how many arguments there are, so that an explicit undefined counts as 0.
      // biome-ignore lint/complexity/noArguments: as above.
      const requested = arguments.length === 0 ? available : toInteger(count);
      if (requested <= 0 || requested > available) throw new Error("invalid");
      const bytes = new Uint8Array(requested);
      socket.take(bytes);
      return bytes.buffer;
    }

    /** All or nothing; gives the bytes that may be written then. */
    write(data: unknown): number | undefined {
      const socket = this.#live();
      if (!socket.ready) throw new Error("not ready");
      const block = socket.block;
      if (socket.hasFailed || block === undefined) return undefined;
      const bytes = socket.format === "number" ? Uint8Array.of(toInteger(data)) : bytesOf(data).slice();
      if (bytes.byteLength > block.send.room) throw new Error("would block");
      if (!block.send.write(bytes)) {
        host.emit({ type: "log", text: "tcp write failed" });
        socket.trigger(Trigger.error);
        return undefined;
      }
      socket.trigger(Trigger.output);
      return block.send.room;
    }

    close(): void {
      requireAlive(host);
      this.#socket.close();
    }

    get remoteAddress(): string {
      return this.#connection().remoteAddress;
    }

    get remotePort(): number {
      return this.#connection().remotePort;
    }

    get format(): Format {
      return this.#live().format;
    }

    set format(format: unknown) {
      const socket = this.#live();
      const text = String(format);
      if (!knownFormats.includes(text)) throw new RangeError("unknown");
      if (text !== "number" && text !== "buffer") throw new RangeError("unimplemented");
      socket.format = text;
    }

    #connection(): Connection {
      const connection = this.#live().block?.connection;
      // Stricter than the chip, where this reads through a null pointer and perhaps crashes.
      if (connection === undefined) throw new Error("the connection is gone: its address must not be asked for");
      return connection;
    }

    #live(): Socket {
      requireAlive(host);
      if (this.#socket.isClosed) throw new Error("this socket is closed");
      return this.#socket;
    }
  }

  return { default: TCP, blocks, adopt: (block) => TCP.adopt(block) };
}

/** What C code takes as a buffer. */
export function bytesOf(value: unknown): Uint8Array {
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError("not a buffer");
}
