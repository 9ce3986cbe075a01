// The link: owns a TCP connection (`embedded:io/socket/tcp`, or another class of that shape) and a timer and drives an
// MQTT session with them. Hides that the first onWritable means "connected", that a write larger than the window
// throws, that onError also reports a clean close by the peer, that what was written leaves only while the socket is
// open (after DISCONNECT it waits until TCP has acknowledged everything), and that a socket which is still opening must
// not be closed: lwIP of this SDK would free it twice (tcp_close_safe in modLwipSafe.h). Such a one is left alone and
// closed when it opens or fails, by itself after some 20 s. It knows nothing of reconnecting.

import TCP from "embedded:io/socket/tcp";
import type { Closed, Session } from "../mqtt/session.js";
import { Alarm } from "./alarm.js";
import { now } from "./clock.js";

export interface LinkHandler {
  /**
   * TCP is open and CONNECT is due. The owner hands the session what may leave in the same segment, and then calls
   * `pump`, in this turn or the next.
   */
  onOpen(): void;
  /** No TCP connection could be opened. */
  onUnreachable(why: string): void;
  /** The connection has ended and the socket is closed. */
  onDown(closed: Closed): void;
}

/** What the link needs of a socket: the TCP class pattern of ECMA-419 §10, or TLS of the same shape. */
export interface Socket {
  read(into: Uint8Array): unknown;
  write(bytes: Uint8Array): unknown;
  close(): void;
}

/** The class of the socket, and further options for its constructor (dependencies travel as `io`, ECMA-419). */
export interface SocketOptions {
  readonly io: new (options: SocketParameters) => Socket;
  readonly [option: string]: unknown;
}

/** What the link passes to the constructor, beside the further options. */
export interface SocketParameters {
  readonly address: string;
  readonly port: number;
  readonly nodelay: boolean;
  readonly onReadable: (bytes: number) => void;
  readonly onWritable: (bytes: number) => void;
  readonly onError: () => void;
}

// Numbers that stand in the code, because a named constant takes some 60 bytes of flash:
// - 10000: milliseconds that a TCP connection may take to open.
// - 6: writes on their way at once. lwIP queues eight segments for a connection (TCP_SND_QUEUELEN) and ends the
//   connection when a ninth is written, however small; what waits here leaves later in one larger write.
// - 1000: milliseconds for which the socket stays open after DISCONNECT, at most.

export class MqttLink {
  private readonly session: Session;
  private readonly handler: LinkHandler;
  private readonly options: SocketOptions;
  /** One TCP segment at most is on its way through here. */
  private readonly buffer: Uint8Array;
  private readonly alarm = new Alarm(() => this.ring());
  private socket: Socket | undefined;
  /** Bytes that TCP takes now. */
  private window = 0;
  /** The window when nothing is unacknowledged. */
  private fullWindow = 0;
  private opened = false;
  private openUntil = 0;
  /** Set when the session has ended: why, and until when the socket may linger. */
  private closed: Closed | undefined;
  private lingerUntil = 0;
  /** Writes since TCP was last seen to have nothing unacknowledged. */
  private writes = 0;
  /** Bytes that TCP holds for us. */
  private unread = 0;
  /**
   * True while the buffer is in use: one buffer serves both directions, so nothing is written while a fragment is read.
   */
  private busy = false;
  /** Why no socket could be made. */
  private reason = "";

  /**
   * `bufferBytes`: size of the transmit and receive buffer, at most one segment (1460) makes sense. `socket`: the class
   * of the socket, plain TCP unless given; its further options go to its constructor.
   */
  constructor(session: Session, bufferBytes: number, handler: LinkHandler, socket: SocketOptions = { io: TCP }) {
    this.session = session;
    this.buffer = new Uint8Array(bufferBytes);
    this.handler = handler;
    this.options = socket;
  }

  /** Opens a connection to a dotted IPv4 address. An open connection is dropped first. */
  open(address: string, port: number): void {
    this.close();
    this.closed = undefined;
    this.opened = false;
    this.unread = 0;
    this.writes = 0;
    this.openUntil = (now() + 10000) | 0;
    try {
      const socket: Socket = new this.options.io({
        nodelay: true,
        ...this.options,
        address,
        port,
        onReadable: (bytes) => {
          if (this.socket === socket) this.readable(bytes);
        },
        onWritable: (bytes) => {
          if (this.socket === socket) this.writable(bytes);
          else socket.close();
        },
        onError: () => {
          if (this.socket === socket) this.error();
          else socket.close();
        },
      });
      this.socket = socket;
    } catch (error) {
      // Out of sockets, or the network went down in this turn: an ordinary failure, reported in a turn of its own.
      this.openUntil = now();
      this.reason = String(error);
    }
    this.alarm.set(this.openUntil);
  }

  /** Drops the connection at once, without DISCONNECT: the broker publishes the will. Nothing is called back. */
  close(): void {
    const socket = this.socket;
    this.socket = undefined;
    this.alarm.set(undefined);
    if (socket === undefined || !this.opened) return;
    socket.close();
    if (this.closed === undefined) {
      // The session reports its end through `ended`, which finds no socket and stays silent.
      this.session.lost(now());
    }
  }

  /** To be called by the session's owner from `onClosed`. */
  ended(closed: Closed): void {
    if (this.socket === undefined) return;
    this.closed = closed;
    this.lingerUntil = (now() + (closed.reason === "disconnected" ? 1000 : 0)) | 0;
    this.alarm.set(this.lingerUntil);
  }

  /** Writes what the session has to say, as far as the window allows. Call after handing it something. */
  pump(): void {
    const socket = this.socket;
    if (socket === undefined || !this.opened || this.busy) return;
    this.busy = true;
    const buffer = this.buffer;
    while (this.window > 0 && this.writes < 6 && this.socket === socket) {
      const count = this.session.transmit(buffer, Math.min(buffer.length, this.window), now());
      if (count === 0) break;
      this.window -= count;
      this.writes += 1;
      try {
        socket.write(count === buffer.length ? buffer : buffer.subarray(0, count));
      } catch {
        // A reset that came behind data: write throws "not ready" (tcp.c) before onError has told of it.
        this.session.lost(now());
        break;
      }
    }
    this.busy = false;
    this.schedule();
  }

  private schedule(): void {
    if (this.socket === undefined) return;
    this.alarm.set(this.closed === undefined ? this.session.deadline() : this.lingerUntil);
  }

  private writable(bytes: number): void {
    this.window = bytes;
    if (bytes > this.fullWindow) this.fullWindow = bytes;
    if (bytes === this.fullWindow) this.writes = 0;
    if (this.closed !== undefined) {
      if (bytes >= this.fullWindow) this.finish();
      return;
    }
    if (!this.opened) {
      this.opened = true;
      this.session.connect(now());
      this.schedule();
      this.handler.onOpen();
      return;
    }
    this.pump();
    this.drain();
  }

  private readable(bytes: number): void {
    // The socket counts all that is unread, also what was left unread before.
    this.unread = bytes;
    this.drain();
  }

  /** Reads no more at once than can be acknowledged; the rest waits in TCP until acknowledgements have left. */
  private drain(): void {
    const socket = this.socket;
    const buffer = this.buffer;
    while (this.unread > 0 && socket !== undefined && this.socket === socket) {
      const count = Math.min(this.unread, buffer.length, this.session.receivable);
      if (count === 0) break;
      this.busy = true;
      socket.read(count === buffer.length ? buffer : buffer.subarray(0, count));
      this.unread -= count;
      this.receive(buffer, count);
      this.busy = false;
      this.pump();
    }
  }

  private receive(buffer: Uint8Array, count: number): void {
    try {
      this.session.receive(buffer, 0, count, now());
    } catch (error) {
      // The owner's callback failed (worn flash): the session has ended over it and says so; anything else is a crash.
      if (this.closed?.reason !== "internal") throw error;
    }
  }

  private error(): void {
    if (!this.opened) {
      this.socket?.close();
      this.fail("connection refused");
      return;
    }
    if (this.closed === undefined) this.session.lost(now());
    this.finish();
  }

  private ring(): void {
    if (!this.opened) {
      this.fail(this.socket === undefined ? this.reason : "no answer");
      return;
    }
    if (this.closed !== undefined) {
      this.finish();
      return;
    }
    this.session.tick(now());
    this.pump();
  }

  private fail(why: string): void {
    this.socket = undefined;
    this.alarm.set(undefined);
    this.handler.onUnreachable(why);
  }

  private finish(): void {
    const closed = this.closed;
    this.socket?.close();
    this.socket = undefined;
    this.alarm.set(undefined);
    if (closed !== undefined) this.handler.onDown(closed);
  }
}
