// The setup portal's sockets, over `embedded:io/socket/listener`, `tcp` and `udp`: connections on port 80, each with a
// conversation that takes and gives bytes, and name queries on port 53. Hides the window of TCP, that closing with
// unread or unacknowledged data loses it (the socket closes when all is acknowledged), that lwIP ends a connection at
// its ninth small segment, that nothing tells of a phone that went away (each conversation has an end in time), and
// that a listener must not be closed: lwIP of this SDK would free it twice (tcp_close_safe in modLwipSafe.h). So the
// portal ends with a restart or with sleep. What is said, and to whom, is not known here.

import Listener from "embedded:io/socket/listener";
import TCP from "embedded:io/socket/tcp";
import UDP from "embedded:io/socket/udp";
import { Alarm } from "./alarm.js";
import { now } from "./clock.js";

/** One connection's part of the talk: bytes in, bytes out. */
export interface Conversation {
  receive(bytes: Uint8Array, start: number, end: number, now: number): void;
  /** Writes what is to be sent next into `into`, at most `limit` bytes; 0 when there is nothing now. */
  transmit(into: Uint8Array, limit: number, now: number): number;
  /** Everything has been given out. */
  readonly finished: boolean;
  /** The instant at which it is given up. */
  readonly until: number;
  end(): void;
}

export interface PortalTalk {
  /** A conversation for a new connection; undefined when there are too many. */
  accept(now: number): Conversation | undefined;
  /** The answer to a name query; undefined: none. */
  answer(query: Uint8Array): Uint8Array | undefined;
}

const HTTP_PORT = 80;
const DNS_PORT = 53;
/** Bytes on their way between conversation and socket. */
const BUFFER = 512;
/** As in mqtt-link.ts. */
const MAX_WRITES = 5;

export class PortalServer {
  private readonly _talk: PortalTalk;
  private readonly _listener: Listener;
  private readonly _udp: UDP;
  private readonly _buffer = new Uint8Array(BUFFER);
  private readonly _alarm = new Alarm(() => this._ring());
  private readonly _visits: Visit[] = [];

  /** Listens from now on. Throws when the system has no socket left. */
  constructor(talk: PortalTalk) {
    this._talk = talk;
    this._listener = new Listener({ port: HTTP_PORT, onReadable: (count) => this._accept(count) });
    this._udp = new UDP({ port: DNS_PORT, onReadable: (count) => this._answer(count) });
  }

  private _accept(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const from = this._listener.read();
      if (from === undefined) return;
      const conversation = this._talk.accept(now());
      if (conversation === undefined) {
        from.close();
        continue;
      }
      this._visits.push(new Visit(from, conversation, this._buffer, (visit) => this._over(visit)));
    }
    this._schedule();
  }

  private _answer(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const query = this._udp.read();
      if (query === undefined) return;
      const answer = this._talk.answer(new Uint8Array(query));
      if (answer === undefined) continue;
      try {
        this._udp.write(answer, query.address, query.port);
      } catch {
        // No memory for a packet: the phone asks again.
      }
    }
  }

  private _over(visit: Visit): void {
    const at = this._visits.indexOf(visit);
    if (at >= 0) this._visits.splice(at, 1);
    this._schedule();
  }

  private _schedule(): void {
    let due: number | undefined;
    for (const visit of this._visits) {
      if (due === undefined || ((visit.until - due) | 0) < 0) due = visit.until;
    }
    this._alarm.set(due);
  }

  private _ring(): void {
    for (let i = this._visits.length - 1; i >= 0; i -= 1) {
      const visit = this._visits[i];
      if (visit !== undefined && ((now() - visit.until) | 0) >= 0) visit.close();
    }
    this._schedule();
  }
}

/** One connection. */
class Visit {
  private readonly _socket: TCP;
  private readonly _conversation: Conversation;
  private readonly _buffer: Uint8Array;
  private readonly _onOver: (visit: Visit) => void;
  private _window = 0;
  private _fullWindow = 0;
  /** Writes since TCP was last seen to have nothing unacknowledged. */
  private _writes = 0;
  private _closed = false;

  constructor(from: TCP, conversation: Conversation, buffer: Uint8Array, onOver: (visit: Visit) => void) {
    this._conversation = conversation;
    this._buffer = buffer;
    this._onOver = onOver;
    this._socket = new TCP({
      from,
      nodelay: true,
      onReadable: (bytes) => this._readable(bytes),
      onWritable: (bytes) => this._writable(bytes),
      onError: () => this.close(),
    });
  }

  get until(): number {
    return this._conversation.until;
  }

  close(): void {
    if (this._closed) return;
    this._closed = true;
    this._socket.close();
    this._conversation.end();
    this._onOver(this);
  }

  private _readable(bytes: number): void {
    const buffer = this._buffer;
    let unread = bytes;
    while (unread > 0) {
      const count = Math.min(unread, BUFFER);
      this._socket.read(count === BUFFER ? buffer : buffer.subarray(0, count));
      unread -= count;
      this._conversation.receive(buffer, 0, count, now());
    }
    this._send();
  }

  private _writable(bytes: number): void {
    this._window = bytes;
    if (bytes > this._fullWindow) this._fullWindow = bytes;
    if (bytes === this._fullWindow) this._writes = 0;
    this._send();
  }

  private _send(): void {
    const buffer = this._buffer;
    while (this._window > 0 && this._writes < MAX_WRITES) {
      const count = this._conversation.transmit(buffer, Math.min(BUFFER, this._window), now());
      if (count === 0) break;
      this._window -= count;
      this._writes += 1;
      try {
        this._socket.write(count === BUFFER ? buffer : buffer.subarray(0, count));
      } catch {
        // The phone reset the connection; onError has not told of it yet.
        this.close();
        return;
      }
    }
    if (this._conversation.finished && this._writes === 0) this.close();
  }
}
