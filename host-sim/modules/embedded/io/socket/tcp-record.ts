// The record behind one TCP instance, and lwIP's end of its connection: what tcp.c of Moddable SDK 8.2.3 keeps in C
// (TCPRecord, tcpDeliver, tcpTrigger, doClose). Functions that lwIP calls run as interrupts do: they note what happened
// and post one message; firmware is called only from that message. Knows nothing of options and arguments; tcp.ts
// checks them.

import { ResetReason } from "../../../../board-event.js";
import type { Host } from "../../../../host.js";
import { LwIP, SendSide } from "../../../../lwip.js";
import type { Connection, ConnectionEvents } from "../../../../network.js";

/** EXCCAUSE of an access to an address without memory. */
export const loadProhibited = 28;

export type Callback = (this: unknown, bytes: number) => void;
export type Format = "number" | "buffer";

/** What the constructor's options come to. */
export interface Settings {
  readonly format: Format;
  readonly onReadable: Callback | undefined;
  readonly onWritable: Callback | undefined;
  readonly onError: (() => void) | undefined;
  readonly noDelay: boolean;
}

/** What waits to be delivered, and what a socket wants to hear of: bits as in tcp.c. */
export const Trigger = Object.freeze({ writable: 1, readable: 2, error: 4, output: 8 });

/** One received packet: given back to the window when all of it was read. */
interface Received {
  readonly bytes: Uint8Array;
  offset: number;
}

/** The control blocks of one boot. */
export class Blocks {
  readonly #blocks = new Set<ControlBlock>();

  add(block: ControlBlock): void {
    this.#blocks.add(block);
  }

  remove(block: ControlBlock): void {
    this.#blocks.delete(block);
  }

  get count(): number {
    return this.#blocks.size;
  }

  /** Those whose handshake is complete. */
  get established(): number {
    let count = 0;
    for (const block of this.#blocks) if (block.isEstablished) count += 1;
    return count;
  }
}

/** lwIP's end of a connection. It outlives the socket that it began with when another takes it over (`from`). */
export class ControlBlock {
  owner: Socket | undefined;
  connection: Connection | undefined;
  unread = 0;
  isEstablished = false;
  send: SendSide;
  readonly #blocks: Blocks;
  /** What came before a listener's `read`: refused, so that lwIP offers it again later. */
  #refused: Uint8Array[] | undefined;
  #isGone = false;

  constructor(blocks: Blocks, owner: Socket | undefined, noDelay: boolean) {
    this.#blocks = blocks;
    this.owner = owner;
    this.send = new SendSide(noDelay, (segment) => this.connection?.write(segment));
    if (owner === undefined) this.#refused = [];
    blocks.add(this);
  }

  get events(): ConnectionEvents {
    return {
      onOpen: () => {
        this.isEstablished = true;
        this.owner?.opened();
      },
      onData: (bytes) => this.#received(bytes),
      onAcknowledged: (count) => {
        this.send.acknowledged(count);
        this.owner?.sent();
      },
      onEnd: () => this.owner?.ended(),
      onError: () => {
        this.gone();
        this.owner?.failed();
      },
    };
  }

  /**
   * A socket takes an accepted connection (xs_listener_read). What was refused before comes with lwIP's next fast tick.
   * An end or a reset that came before nobody is told of: listenerAccept installs no handler for them.
   */
  adopt(owner: Socket): void {
    this.owner = owner;
    if (this.#refused?.length === 0) this.#refused = undefined;
    if (this.#refused === undefined) return;
    const { host } = owner;
    const ms = LwIP.fastTickMs - (host.uptime % LwIP.fastTickMs);
    const tick = host.clock.schedule(ms, () => this.#offer());
    host.onEnd(() => tick.cancel());
  }

  #offer(): void {
    const refused = this.#refused ?? [];
    this.#refused = undefined;
    for (const bytes of refused) {
      this.unread -= bytes.byteLength;
      this.#received(bytes);
    }
  }

  #received(bytes: Uint8Array): void {
    if (this.#refused !== undefined) {
      // More generous than the chip, which keeps one segment and lets the peer send the others again.
      this.#refused.push(bytes);
      this.unread += bytes.byteLength;
      // A segment that comes in makes lwIP offer the refused one before.
      if (this.owner !== undefined) this.#offer();
      return;
    }
    if (this.owner?.received(bytes) === true) this.unread += bytes.byteLength;
    // Without a receiver lwIP takes the data and throws it away (tcp_recv_null).
    else this.connection?.consumed(bytes.byteLength);
  }

  read(count: number): void {
    this.unread -= count;
    this.connection?.consumed(count);
  }

  /** lwIP has freed it. */
  gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#blocks.remove(this);
  }

  /** tcp_close_safe of modLwipSafe.h: tcp_close, which resets when data is unread, then tcp_abort. */
  close(): void {
    this.owner = undefined;
    this.gone();
    if (this.unread > 0) {
      this.connection?.abort();
      return;
    }
    this.send.flush();
    this.connection?.close();
  }
}

/** The record behind one TCP instance: `TCPRecord` of tcp.c. */
export class Socket {
  readonly host: Host;
  readonly instance: object;
  readonly onReadable: Callback | undefined;
  readonly onWritable: Callback | undefined;
  readonly onError: (() => void) | undefined;
  format: Format;
  block: ControlBlock | undefined;
  packets: Received[] = [];
  triggerable = 0;
  triggered = 0;
  ready = false;
  hasFailed = false;
  isClosed = false;
  listens = true;

  constructor(host: Host, instance: object, settings: Settings | undefined) {
    this.host = host;
    this.instance = instance;
    this.format = settings?.format ?? "buffer";
    this.onReadable = settings?.onReadable;
    this.onWritable = settings?.onWritable;
    this.onError = settings?.onError;
    if (this.onReadable !== undefined) this.triggerable |= Trigger.readable;
    if (this.onWritable !== undefined) this.triggerable |= Trigger.writable;
    if (this.onError !== undefined) this.triggerable |= Trigger.error;
  }

  // What lwIP calls: interrupts, no firmware runs here.

  opened(): void {
    this.host.emit({ type: "socket", word: "open", detail: this.peer });
    this.ready = true;
    this.trigger(Trigger.writable);
  }

  /** False when nobody wants it any more. */
  received(bytes: Uint8Array): boolean {
    if (!this.listens) return false;
    this.packets.push({ bytes, offset: 0 });
    if (this.triggerable & Trigger.readable) this.trigger(Trigger.readable);
    return true;
  }

  sent(): void {
    if (this.listens && this.onWritable !== undefined) this.trigger(Trigger.writable);
  }

  ended(): void {
    if (!this.listens) return;
    this.host.emit({ type: "socket", word: "ended", detail: this.peer });
    this.#stopListening();
    this.trigger(Trigger.error);
  }

  failed(): void {
    if (!this.listens) {
      // After FIN the callbacks are removed; the C code would go on with a freed record of lwIP here.
      this.block = undefined;
      return;
    }
    this.host.emit({ type: "socket", word: "failed", detail: this.peer });
    this.#stopListening();
    this.block = undefined;
    if (this.triggerable & Trigger.error) this.trigger(Trigger.error);
  }

  trigger(what: number): void {
    const isPosted = this.triggered !== 0;
    this.triggered |= what;
    if (!isPosted) this.host.queue(() => this.#deliver());
  }

  get peer(): string {
    const connection = this.block?.connection;
    return connection === undefined ? "" : `${connection.remoteAddress}:${connection.remotePort}`;
  }

  // What firmware calls.

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.ready = false;
    this.#stopListening();
    this.triggerable = 0;
    const isPosted = this.triggered !== 0;
    this.triggered = 0;
    // A posted message holds the record: lwIP's close follows when the message has been taken off the queue.
    if (isPosted) this.host.queue(() => this.#destroy());
    else this.#destroy();
  }

  #destroy(): void {
    const block = this.block;
    this.block = undefined;
    this.packets = [];
    if (block === undefined) return;
    this.host.emit({
      type: "socket",
      word: "closed",
      detail: `${block.connection?.remoteAddress}:${block.connection?.remotePort}`,
    });
    block.close();
    if (block.isEstablished) return;
    // tcp_close frees a connection in SYN_SENT, and tcp_close_safe goes on to tcp_abort with it: a second free. What
    // comes of that depends on the heap; here it is always the worst.
    this.host.print("a TCP connection was closed while it opened: lwIP frees it twice (tcp_close_safe)\n");
    this.host.board.fault(ResetReason.exception, loadProhibited);
  }

  #stopListening(): void {
    if (this.block === undefined) return;
    this.listens = false;
    this.triggerable &= ~Trigger.writable;
  }

  /** tcpDeliver: one turn for all that has come together. */
  #deliver(): void {
    if (this.isClosed) return;
    let triggered = this.triggered;
    this.triggered = 0;
    if (triggered & Trigger.error) {
      triggered &= ~(Trigger.output | Trigger.writable);
      this.hasFailed = true;
      this.ready = false;
    }
    if (triggered & Trigger.output) this.block?.send.output();
    if (triggered & this.triggerable & Trigger.readable && this.packets.length > 0) {
      this.host.run(() => this.onReadable?.call(this.instance, this.available));
      if (!this.host.alive) return;
    }
    // An error is told when everything received has been read.
    if (this.packets.length > 0 && this.hasFailed) return;
    if (!this.hasFailed) {
      if (triggered & this.triggerable & Trigger.writable && this.block !== undefined) {
        this.onWritable?.call(this.instance, this.block.send.room);
      }
    } else if (this.triggerable & Trigger.error) {
      this.onError?.call(this.instance);
    }
  }

  get available(): number {
    let bytes = 0;
    for (const each of this.packets) bytes += each.bytes.byteLength - each.offset;
    return bytes;
  }

  /** Takes bytes off the received packets. */
  take(into: Uint8Array): void {
    let filled = 0;
    while (filled < into.byteLength) {
      const first = this.packets[0];
      if (first === undefined) return;
      const part = first.bytes.subarray(first.offset, first.offset + into.byteLength - filled);
      into.set(part, filled);
      filled += part.byteLength;
      first.offset += part.byteLength;
      if (first.offset < first.bytes.byteLength) continue;
      this.packets.shift();
      this.block?.read(first.bytes.byteLength);
      if (this.packets.length === 0 && this.hasFailed) this.trigger(Trigger.error);
    }
  }
}
