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

/** Milliseconds that a TCP connection may take to open. */
const OPEN_TIMEOUT = 10000;
/**
 * Writes on their way at once. lwIP queues eight segments for a connection (TCP_SND_QUEUELEN) and ends the connection
 * when a ninth is written, however small; what waits here leaves later in one larger write.
 */
const MAX_WRITES = 6;
/** Milliseconds for which the socket stays open after DISCONNECT, at most. */
const LINGER_TIMEOUT = 1000;

export class MqttLink {
  private readonly _session: Session;
  private readonly _handler: LinkHandler;
  private readonly _options: SocketOptions;
  /** One TCP segment at most is on its way through here. */
  private readonly _buffer: Uint8Array;
  private readonly _alarm = new Alarm(() => this._ring());
  private _socket: Socket | undefined;
  /** Bytes that TCP takes now. */
  private _window = 0;
  /** The window when nothing is unacknowledged. */
  private _fullWindow = 0;
  private _opened = false;
  private _openUntil = 0;
  /** Set when the session has ended: why, and until when the socket may linger. */
  private _closed: Closed | undefined;
  private _lingerUntil = 0;
  /** Writes since TCP was last seen to have nothing unacknowledged. */
  private _writes = 0;
  /** Bytes that TCP holds for us. */
  private _unread = 0;
  /**
   * True while the buffer is in use: one buffer serves both directions, so nothing is written while a fragment is read.
   */
  private _busy = false;
  /** Why no socket could be made. */
  private _reason = "";

  /**
   * `bufferBytes`: size of the transmit and receive buffer, at most one segment (1460) makes sense. `socket`: the class
   * of the socket, plain TCP unless given; its further options go to its constructor.
   */
  constructor(session: Session, bufferBytes: number, handler: LinkHandler, socket: SocketOptions = { io: TCP }) {
    this._session = session;
    this._buffer = new Uint8Array(bufferBytes);
    this._handler = handler;
    this._options = socket;
  }

  /** Opens a connection to a dotted IPv4 address. An open connection is dropped first. */
  open(address: string, port: number): void {
    this.drop();
    this._closed = undefined;
    this._opened = false;
    this._unread = 0;
    this._writes = 0;
    this._openUntil = (now() + OPEN_TIMEOUT) | 0;
    try {
      const socket: Socket = new this._options.io({
        nodelay: true,
        ...this._options,
        address,
        port,
        onReadable: (bytes) => {
          if (this._socket === socket) this._readable(bytes);
        },
        onWritable: (bytes) => {
          if (this._socket === socket) this._writable(bytes);
          else socket.close();
        },
        onError: () => {
          if (this._socket === socket) this._error();
          else socket.close();
        },
      });
      this._socket = socket;
    } catch (error) {
      // Out of sockets, or the network went down in this turn: an ordinary failure, reported in a turn of its own.
      this._openUntil = now();
      this._reason = String(error);
    }
    this._alarm.set(this._openUntil);
  }

  /** Drops the connection at once, without DISCONNECT: the broker publishes the will. Nothing is called back. */
  drop(): void {
    const socket = this._socket;
    this._socket = undefined;
    this._alarm.set(undefined);
    if (socket === undefined || !this._opened) return;
    socket.close();
    if (this._closed === undefined) {
      // The session reports its end through `ended`, which finds no socket and stays silent.
      this._session.lost(now());
    }
  }

  /** To be called by the session's owner from `onClosed`. */
  ended(closed: Closed): void {
    if (this._socket === undefined) return;
    this._closed = closed;
    this._lingerUntil = (now() + (closed.reason === "disconnected" ? LINGER_TIMEOUT : 0)) | 0;
    this._alarm.set(this._lingerUntil);
  }

  /** Writes what the session has to say, as far as the window allows. Call after handing it something. */
  pump(): void {
    const socket = this._socket;
    if (socket === undefined || !this._opened || this._busy) return;
    this._busy = true;
    const buffer = this._buffer;
    while (this._window > 0 && this._writes < MAX_WRITES && this._socket === socket) {
      const count = this._session.transmit(buffer, Math.min(buffer.length, this._window), now());
      if (count === 0) break;
      this._window -= count;
      this._writes += 1;
      try {
        socket.write(count === buffer.length ? buffer : buffer.subarray(0, count));
      } catch {
        // A reset that came behind data: write throws "not ready" (tcp.c) before onError has told of it.
        this._session.lost(now());
        break;
      }
    }
    this._busy = false;
    this._schedule();
  }

  private _schedule(): void {
    if (this._socket === undefined) return;
    this._alarm.set(this._closed === undefined ? this._session.deadline() : this._lingerUntil);
  }

  private _writable(bytes: number): void {
    this._window = bytes;
    if (bytes > this._fullWindow) this._fullWindow = bytes;
    if (bytes === this._fullWindow) this._writes = 0;
    if (this._closed !== undefined) {
      if (bytes >= this._fullWindow) this._finish();
      return;
    }
    if (!this._opened) {
      this._opened = true;
      this._session.connect(now());
      this._schedule();
      this._handler.onOpen();
      return;
    }
    this.pump();
    this._drain();
  }

  private _readable(bytes: number): void {
    // The socket counts all that is unread, also what was left unread before.
    this._unread = bytes;
    this._drain();
  }

  /** Reads no more at once than can be acknowledged; the rest waits in TCP until acknowledgements have left. */
  private _drain(): void {
    const socket = this._socket;
    const buffer = this._buffer;
    while (this._unread > 0 && socket !== undefined && this._socket === socket) {
      const count = Math.min(this._unread, buffer.length, this._session.receivable);
      if (count === 0) break;
      this._busy = true;
      socket.read(count === buffer.length ? buffer : buffer.subarray(0, count));
      this._unread -= count;
      this._receive(buffer, count);
      this._busy = false;
      this.pump();
    }
  }

  private _receive(buffer: Uint8Array, count: number): void {
    try {
      this._session.receive(buffer, 0, count, now());
    } catch (error) {
      // The owner's callback failed (worn flash): the session has ended over it and says so; anything else is a crash.
      if (this._closed?.reason !== "internal") throw error;
    }
  }

  private _error(): void {
    if (!this._opened) {
      this._socket?.close();
      this._fail("connection refused");
      return;
    }
    if (this._closed === undefined) this._session.lost(now());
    this._finish();
  }

  private _ring(): void {
    if (!this._opened) {
      this._fail(this._socket === undefined ? this._reason : "no answer");
      return;
    }
    if (this._closed !== undefined) {
      this._finish();
      return;
    }
    this._session.tick(now());
    this.pump();
  }

  private _fail(why: string): void {
    this._socket = undefined;
    this._alarm.set(undefined);
    this._handler.onUnreachable(why);
  }

  private _finish(): void {
    const closed = this._closed;
    this._socket?.close();
    this._socket = undefined;
    this._alarm.set(undefined);
    if (closed !== undefined) this._handler.onDown(closed);
  }
}
