// The link: owns a TCP connection (`embedded:io/socket/tcp`, or another class of that shape) and a timer and drives an
// MQTT session with them. Reads into the session's own buffer and writes from it. Hides that the first onWritable means
// "connected", that a write larger than the window throws, that onError also reports a clean close by the peer,
// that what was written leaves only while the socket is open (after DISCONNECT it waits until TCP has acknowledged
// everything), and that a socket which is still opening must not be closed: lwIP of this SDK would free it twice
// (tcp_close_safe in modLwipSafe.h). Such a one is left alone and closed when it opens or fails, by itself after some
// 20 s. It knows nothing of reconnecting.

import TCP from "embedded:io/socket/tcp";
import Timer from "timer";
import { wants } from "../mqtt/sender.js";
import type { Closed, Session, SessionHandler } from "../mqtt/session.js";
import { now } from "./clock.js";

export interface LinkHandler {
  /**
   * TCP is open. The owner calls the session's `connect`, and may hand it what is to leave in the same segment, in this
   * turn or the next, before it calls `pump`.
   */
  onOpen(): void;
  /** No TCP connection could be opened. */
  onUnreachable(why: string): void;
  /** The connection has ended and the socket is closed. */
  onDown(closed: Closed): void;
}

/** What the link needs of a socket: the TCP class pattern of ECMA-419 §10, or TLS of the same shape. */
export interface Socket {
  /** Set by the link: its callbacks are shared functions, which find the link here. */
  target?: unknown;
  read(into: Uint8Array): unknown;
  write(bytes: Uint8Array): unknown;
  close(): void;
}

/** The class of the socket, and further options for its constructor (dependencies travel as `io`, ECMA-419). */
export interface SocketOptions {
  readonly io: new (options: SocketParameters) => Socket;
  readonly [option: string]: unknown;
}

/** What the link passes to the constructor, beside the further options. `this` of the callbacks is the socket. */
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

/**
 * Of the session's words that are its owner's the link uses 23, until when the socket may open, or linger when the
 * session has ended, and 24, the window when nothing is unacknowledged.
 */
export class MqttLink {
  protected readonly session: Session<SessionHandler & LinkHandler>;
  /** The connection, also one that is opening; null when there is none. To be read only. */
  socket: Socket | null = null;
  /** Bytes that TCP takes now; below 0 when it takes no more. */
  protected window = 0;
  /** Writes since TCP was last seen to have nothing unacknowledged. */
  private writes = 0;
  /** Bytes that TCP holds for us. */
  private unread = 0;
  /** Set when the session has ended: why. Text when no socket could be made. */
  private closed: Closed | string | null = null;
  timer: Timer | undefined = undefined;
  private alarmAt = 0;

  /** The session's handler is the link's as well. */
  constructor(session: Session<SessionHandler & LinkHandler>) {
    this.session = session;
  }

  /** `ring` comes at this instant, or earlier. */
  protected alarm(at: number): void {
    if (this.timer !== undefined) {
      if (((at - this.alarmAt) | 0) >= 0) return;
      Timer.clear(this.timer);
    }
    this.alarmAt = at;
    const delay = (at - now()) | 0;
    const timer: Timer & { target?: MqttLink } = Timer.set(onTimer, delay > 0 ? delay : 0);
    timer.target = this;
    this.timer = timer;
  }

  /** Ends the wait for anything. */
  protected stopAlarm(): void {
    if (this.timer !== undefined) Timer.clear(this.timer);
    this.timer = undefined;
  }

  /**
   * Opens a connection to a dotted IPv4 address. An open connection is dropped first. A TLS socket wants the name of
   * the host; with a name small writes may share a segment (Nagle's rule), for the owner writes as often as it likes.
   * `options`: the class of the socket and further options for it; plain TCP when undefined.
   */
  open(address: string, port: number, host?: string, options?: SocketOptions): void {
    this.drop();
    this.unread = 0;
    this.writes = 0;
    this.window = 0;
    this.session.words[24] = 0;
    this.session.words[23] = (now() + 10000) | 0;
    try {
      const socket: Socket = new (options === undefined ? (TCP as unknown as SocketOptions["io"]) : options.io)({
        nodelay: host === undefined,
        ...options,
        host,
        address,
        port,
        onReadable,
        onWritable,
        onError,
      } as SocketParameters);
      socket.target = this;
      this.socket = socket;
    } catch (error) {
      // Out of sockets, or the network went down in this turn: an ordinary failure, reported in a turn of its own.
      this.session.words[23] = now();
      this.closed = String(error);
    }
    this.alarm(this.session.words[23] as number);
  }

  /** Drops the connection at once, without DISCONNECT: the broker publishes the will. Nothing is called back. */
  drop(): void {
    const socket = this.socket;
    const isOpening = this.session.state === 0 && this.closed === null;
    this.socket = null;
    this.closed = null;
    this.stopAlarm();
    if (socket === null || isOpening) return;
    socket.close();
    // The session reports its end through `ended`, which finds no socket and stays silent.
    if (this.session.state > 0) this.session.lost(now());
  }

  /** To be called by the session's owner from `onClosed`. */
  ended(closed: Closed): void {
    if (this.socket === null) return;
    this.closed = closed;
    this.session.words[23] = (now() + (closed.reason === "disconnected" ? 1000 : 0)) | 0;
    this.alarm(this.session.words[23] as number);
  }

  /** Bytes that may be taken from the session now. */
  protected get allowance(): number {
    return this.window;
  }

  /** Writes what the session has to say, as far as the window allows. Call after handing it something. */
  pump(): void {
    this.push(now());
  }

  protected push(instant: number): void {
    const socket = this.socket;
    const session = this.session;
    // What is said while a fragment is read leaves after it, with the acknowledgement.
    if (socket === null || session.held < 0) return;
    while (this.window > 0 && this.writes < 6 && wants(session) && this.socket === socket) {
      const count = session.transmit(this.allowance, instant);
      if (count === 0) break;
      const at = session.at;
      this.writes += 1;
      try {
        socket.write(session.bytes.subarray(at, at + count));
        this.window -= count;
      } catch {
        // A reset that came behind data: write throws "not ready" (tcp.c) before onError has told of it.
        this.window = -1;
        this.alarm(instant);
        return;
      }
    }
    const due = session.dueAt;
    if (due !== undefined) this.alarm(due);
  }

  /** TCP takes so many bytes now. */
  widened(bytes: number): void {
    const isOpen = this.session.state > 0 || this.closed !== null;
    this.window = bytes;
    if (bytes >= (this.session.words[24] as number)) {
      this.session.words[24] = bytes;
      this.writes = 0;
      if (this.closed !== null) this.finishDown();
    }
    if (!isOpen) {
      this.session.handler.onOpen();
      const at = this.session.deadline();
      if (at !== undefined) this.alarm(at);
    } else if (wants(this.session)) {
      this.pump();
      if (this.unread > 0) this.arrived(this.unread);
    }
  }

  /**
   * TCP holds so many bytes for us, with those that were left there before. Reads no more at once than can be
   * acknowledged; the rest waits in TCP until acknowledgements have left.
   */
  arrived(bytes: number): void {
    const socket = this.socket as Socket;
    const session = this.session;
    const buffer = session.bytes;
    const instant = now();
    let left = bytes;
    while (left > 0) {
      const most = session.receivable;
      const count = left < most ? left : most;
      this.unread = left;
      if (count === 0) return;
      const held = session.held;
      socket.read(buffer.subarray(held, held + count));
      left -= count;
      this.unread = left;
      try {
        session.receive(count, instant);
      } catch (error) {
        // The owner's callback failed (worn flash), and the session has ended over it and says so; or it is a crash.
        if ((this.closed as Closed | null)?.reason !== "internal") throw error;
      }
      if (this.socket !== socket) return;
      if (left === 0 || wants(session)) this.push(instant);
    }
  }

  /** The socket is of no use any more. */
  failed(): void {
    if (this.session.state === 0 && this.closed === null) {
      this.socket?.close();
      this.giveUp("connection refused");
      return;
    }
    this.session.lost(now());
    this.finishDown();
  }

  /** An instant has come for which the alarm was set, or there is something to do in a turn of its own. */
  ring(): void {
    const session = this.session;
    const instant = now();
    const due = session.dueAt;
    if (this.window < 0 && session.state > 0) session.lost(instant);
    else if (due !== undefined && ((instant - due) | 0) >= 0) session.tick(instant);
    if (session.state > 0) {
      this.push(instant);
      return;
    }
    const closed = this.closed;
    const isOver = ((instant - (this.session.words[23] as number)) | 0) >= 0;
    if (typeof closed === "string") this.giveUp(closed);
    else if (closed !== null && isOver) this.finishDown();
    else if (this.socket !== null && isOver) this.giveUp("no answer");
    else if (this.socket !== null) this.alarm(this.session.words[23] as number);
    const next = session.dueAt;
    if (next !== undefined) this.alarm(next);
  }

  private giveUp(why: string): void {
    this.socket = null;
    this.closed = null;
    this.stopAlarm();
    this.session.handler.onUnreachable(why);
  }

  private finishDown(): void {
    const closed = this.closed as Closed | null;
    this.socket?.close();
    this.socket = null;
    this.closed = null;
    this.stopAlarm();
    if (closed !== null) this.session.handler.onDown(closed);
  }
}

// The timer's and the socket's callbacks: shared functions instead of closures, which cost RAM. A socket that is no
// longer the link's was still opening when it was given up.

function onTimer(timer: Timer & { target?: MqttLink }): void {
  const link = timer.target as MqttLink;
  link.timer = undefined;
  link.ring();
}

function onReadable(this: Socket, bytes: number): void {
  const link = this.target as MqttLink;
  if (link.socket === this) link.arrived(bytes);
}

function onWritable(this: Socket, bytes: number): void {
  const link = this.target as MqttLink;
  if (link.socket === this) link.widened(bytes);
  else this.close();
}

function onError(this: Socket): void {
  const link = this.target as MqttLink;
  if (link.socket === this) link.failed();
  else this.close();
}
