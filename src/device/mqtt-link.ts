// The link: owns a TCP connection (`embedded:io/socket/tcp`, or another class of that shape) and a timer and drives an
// MQTT session with them. Reads into the session's own buffer and writes from it. Hides that the first onWritable means
// "connected", that a write larger than the window throws, that onError also reports a clean close by the peer,
// that what was written leaves only while the socket is open (after DISCONNECT it waits until TCP has acknowledged
// everything), and that a socket which is still opening must not be closed: lwIP of this SDK would free it twice
// (tcp_close_safe in modLwipSafe.h). Such a one is left alone and closed when it opens or fails, by itself after some
// 20 s. It knows nothing of reconnecting.

import TCP from "embedded:io/socket/tcp";
import Time from "time";
import Timer from "timer";
import { answered } from "../mqtt/answers.js";
import { decode } from "../mqtt/decoder.js";
import { leave } from "../mqtt/ending.js";
import { wants } from "../mqtt/sender.js";
import { type Closed, type Inbound, outcome, passed, type Session, type SessionHandler } from "../mqtt/session.js";
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
 * session has ended, and 31, bytes that wait in TCP for a turn, or until acknowledgements have left.
 */
export class MqttLink {
  readonly session: Session<SessionHandler & LinkHandler>;
  /** The connection, also one that is opening; null when there is none. To be read only. */
  socket: Socket | null = null;
  /** Bytes that TCP takes now; below 0 when it takes no more. */
  window = 0;
  /**
   * Bits 0-2: writes since TCP was last seen to have nothing unacknowledged. 8: something waits for onWritable. 8192:
   * bytes that have come wait for a turn, words[31] of them in TCP; 16384: their answer has no room yet. The others are
   * for whoever builds on this: 16 says that no more than {@link allowance} may be taken from the session, 64 that
   * {@link relieved} is to be called.
   */
  marks = 0;
  /** The window when nothing is unacknowledged. */
  widest = 0;
  /** Set when the session has ended: why. Text when no socket could be made. */
  closed: Closed | string | null = null;
  timer: Timer | undefined = undefined;
  /** The instant of the timer; undefined when there is none. */
  alarmAt: number | undefined = undefined;

  /** The session's handler is the link's as well. */
  constructor(session: Session<SessionHandler & LinkHandler>) {
    this.session = session;
  }

  /** `ring` comes at this instant, or earlier. */
  alarm(at: number): void {
    const before = this.alarmAt;
    if (before !== undefined) {
      if (((at - before) | 0) >= 0) return;
      Timer.clear(this.timer as Timer);
    }
    this.alarmAt = at;
    // As now() says: the stack is deepest here.
    const delay = (at - Time.ticks) | 0;
    const timer: Timer & { target?: MqttLink } = Timer.set(onTimer, delay > 0 ? delay : 0);
    timer.target = this;
    this.timer = timer;
  }

  /** Ends the wait for anything. */
  protected stopAlarm(): void {
    if (this.alarmAt !== undefined) Timer.clear(this.timer as Timer);
    this.alarmAt = undefined;
    this.timer = undefined;
  }

  /**
   * Opens a connection to a dotted IPv4 address. An open connection is dropped first. A TLS socket wants the name of
   * the host; with a name small writes may share a segment (Nagle's rule), for the owner writes as often as it likes.
   * `options`: the class of the socket and further options for it; plain TCP when undefined.
   */
  open(address: string, port: number, host?: string, options?: SocketOptions): void {
    this.drop();
    this.marks = (this.marks & ~24583) | 8;
    this.window = 0;
    this.widest = 0;
    this.session.words[31] = 0;
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
    this.marks |= 8;
    this.session.words[23] = (this.session.instant + (closed.reason === "disconnected" ? 1000 : 0)) | 0;
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

  /** One message leaves in a turn: to put two together would take too long. */
  push(instant: number): void {
    const socket = this.socket;
    const session = this.session;
    // What is said while a fragment is read leaves after it, with the acknowledgement.
    if (socket === null || session.held < 0) return;
    if (session.owed > 0 && wants(session)) {
      const marks = this.marks;
      const window = this.window;
      let count = 0;
      if (window > 0 && (marks & 7) < 6) {
        count = session.transmit((marks & 16) === 0 ? window : this.allowance, instant, true);
      }
      // The other half of this wait is in onWritable.
      if (count === 0) this.marks |= 8;
      else {
        // A callback of the session's may have closed the connection.
        if (this.socket !== socket) return;
        put(this, new Uint8Array(session.block, session.at, count), count);
        if (this.window < 0) return;
        // The session has looked whether there is more.
        if (session.sendBy !== null) this.alarm(instant);
      }
    }
    if ((this.marks & 64) !== 0) this.relieved();
    const due = session.dueAt;
    if (due !== this.alarmAt && due !== undefined) this.alarm(due);
  }

  /** Called when bytes may have left, if bit 64 of `marks` asks for it. */
  protected relieved(): void {}

  /** TCP takes more bytes now, and something waits for that. */
  widened(): void {
    const session = this.session;
    this.marks &= ~16392;
    if (this.closed !== null) {
      this.marks |= 8;
      if ((this.marks & 7) === 0) this.finishDown();
    } else if (session.state === 0) {
      session.handler.onOpen();
      const at = session.deadline();
      if (at !== undefined) this.alarm(at);
    } else {
      this.pump();
      if ((this.marks & 8192) !== 0) this.alarm(now());
    }
  }

  /** The socket is of no use any more. */
  failed(): void {
    if (this.session.state === 0 && this.closed === null) {
      this.socket?.close();
      this.giveUp("connection refused");
      return;
    }
    // What has come before it counts.
    if (this.session.parsing === 7) {
      this.window = -1;
      this.alarm(now());
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
    const before = this.closed;
    if (this.window < 0 && session.state > 0 && session.parsing !== 7) session.lost(instant);
    else if (due !== undefined && ((instant - due) | 0) >= 0) session.tick(instant);
    if (session.state > 0) {
      this.push(instant);
      if ((this.marks & 24576) === 8192) this.alarm(instant);
      return;
    }
    const closed = this.closed;
    // What follows an end has a turn of its own, for which ended() has seen to an alarm.
    if (closed !== before) return;
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
  const session = link.session;
  link.timer = undefined;
  link.alarmAt = undefined;
  // A packet that has come and waits, if nothing is due and nothing can leave: both have turns of their own.
  if ((link.marks & 24576) === 8192 && session.state > 0 && link.socket !== null) {
    const due = session.dueAt;
    const isDue = due !== undefined && ((now() - due) | 0) >= 0;
    if (!isDue && ((link.marks & 8) !== 0 || !wants(session))) {
      onReadable.call(link.socket, session.words[31] as number);
      if ((link.marks & 8192) === 0) link.alarm(now());
      if (link.alarmAt !== undefined) return;
    }
  }
  link.ring();
}

/**
 * TCP holds so many bytes for us, with those that were left there before. Reads no more at once than can be
 * acknowledged; the rest waits in TCP until acknowledgements have left. The hot path of all that comes in begins here,
 * and everything that it calls stands on this frame: it is straight, and the session does the rest.
 */
function onReadable(this: Socket, left: number): void {
  const link = this.target as MqttLink;
  if (link.socket !== this) return;
  const session = link.session;
  // As now() says, without a call.
  const instant = Time.ticks | 0;
  session.instant = instant;
  const marks = link.marks;
  // -2: nothing is read.
  let answer = -2;
  // Four bytes are an answer, most likely, and what follows from it leaves here. The buffers must be empty, so that
  // there is room for it, and nothing may wait in TCP for a turn.
  if (left === 4 && session.parsing === 1 && session.owed === 0 && marks < 8192) {
    const four = session.four;
    this.read(four);
    session.cameAt = instant;
    answer = answered(session, (marks & 23) < 6 ? link.window : 0);
    if (answer > 0) {
      if (answer !== 0x100) {
        four[0] = answer;
        put(link, four, 4);
      }
      if (answer > 255) {
        const due = session.dueAt;
        if (due !== link.alarmAt && due !== undefined) link.alarm(due);
      }
    }
    if (answer >= 0 && session.owed === 0) return;
    if (answer < 0) session.bytes.set(four);
  }
  for (;;) {
    let packet: Uint8Array | null = null;
    let count = left;
    let parsing = session.parsing;
    if (answer === -2) {
      // The usual cases have no more questions than these.
      if (parsing === 1 && session.owed === 0) {
        if (count > 64) {
          const most = session.words[20] as number;
          if (count > most) count = most;
        }
        this.read(new Uint8Array(session.block, 0, count));
        session.cameAt = instant;
      } else {
        if ((parsing === 6 || parsing === 0) && session.start === session.end) {
          session.cameAt = instant;
          left = drop(link, this, left);
          break;
        }
        if (session.start < session.end && session.receivable === 0) {
          session.words[31] = left;
          link.marks |= 24584;
          return;
        }
        // What is held goes first.
        const most = parsing === 7 ? 0 : (session.words[20] as number) - session.held;
        if (count > most) count = most;
        if (count > 0) {
          this.read(new Uint8Array(session.block, session.held, count));
          session.cameAt = instant;
        }
      }
    }
    left -= count;
    if (answer < 0) {
      decode(session, count, true);
      answer = 0;
      // What follows is payload that nobody wants, as a rule.
      if (left > 0 && session.owed === 0 && session.parsing === 6) left = drop(link, this, left);
    } else answer = 0;
    if (session.owed !== 0) {
      answer = outcome(session, (link.marks & 23) < 6 ? link.window : 0);
      if (answer > 0) packet = new Uint8Array(session.block, session.at, answer);
    }
    if (answer < 0) {
      if ((session.owed & 32) !== 0) fault(link);
      if (link.socket !== this) return;
      // A message that is to leave has a turn of its own.
      if (session.owed > 63) link.alarm(instant);
      else link.push(instant);
    } else {
      // Only on the connection that it came from there is an answer.
      if (answer > 0) put(link, packet as Uint8Array, answer);
      const due = session.dueAt;
      if (due !== link.alarmAt && due !== undefined) link.alarm(due);
    }
    parsing = session.parsing;
    if ((left === 0 && parsing !== 7 && link.marks < 8192) || link.socket !== this) return;
    // One packet or piece of a payload is enough for a turn. In the middle of a packet there was none.
    if (left === 0 || (parsing & 3) > 2 || parsing === 1) break;
    answer = -2;
  }
  if (left > 0 || session.parsing === 7) {
    session.words[31] = left;
    link.marks = (link.marks & ~16384) | 8192;
    link.alarm(instant);
  } else if ((link.marks & 8192) !== 0) {
    session.words[31] = 0;
    link.marks &= ~24576;
  }
}

/** A callback of the owner has failed (worn flash), and the session has ended over it and says so; or it is a crash. */
function fault(link: MqttLink): void {
  try {
    leave(link.session);
  } catch (error) {
    if ((link.closed as Closed | null)?.reason !== "internal") throw error;
  }
}

/**
 * Reads payload that nobody wants, or what follows a breach, over all that the session's empty block has. Returns how
 * many of `left` bytes come behind it.
 */
function drop(link: MqttLink, socket: Socket, left: number): number {
  const session = link.session;
  const bytes = session.bytes;
  const area = bytes.length;
  const words = session.words;
  const isOver = session.parsing === 0;
  const rest = isOver ? left : (words[18] as number);
  const most = rest < left ? rest : left;
  for (let at = most; at > 0; at -= area) socket.read(at < area ? new Uint8Array(session.block, 0, at) : bytes);
  if (isOver) return 0;
  if (most < rest) words[18] = rest - most;
  else {
    session.parsing = 1;
    if (((session.message as Inbound).first & 6) > 0) {
      passed(session);
      link.push(session.instant);
    }
  }
  return left - most;
}

/** The window is as large as this: TCP has less to acknowledge. The first time means "connected". */
function onWritable(this: Socket, bytes: number): void {
  const link = this.target as MqttLink;
  if (link.socket !== this) {
    this.close();
    return;
  }
  const marks = link.marks;
  link.window = bytes;
  if (bytes >= link.widest) {
    link.widest = bytes;
    link.marks = marks & ~7;
  }
  if ((marks & 8) !== 0) link.widened();
}

/** Writes `count` bytes that the session has put together. If the connection turns out to be gone, so is the window. */
export function put(link: MqttLink, packet: Uint8Array, count: number): void {
  link.marks += 1;
  try {
    (link.socket as Socket).write(packet);
    link.window -= count;
  } catch {
    unready(link);
  }
}

/** A reset that came behind data: write throws "not ready" (tcp.c) before onError has told of it. */
export function unready(link: MqttLink): void {
  link.window = -1;
  link.alarm(now());
}

function onError(this: Socket): void {
  const link = this.target as MqttLink;
  if (link.socket === this) link.failed();
  else this.close();
}
