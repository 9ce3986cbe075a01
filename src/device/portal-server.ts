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

// Numbers that stand in the code, because a named constant takes some 60 bytes of flash:
// - 80, 53: the ports of HTTP and DNS.
// - 512: bytes on their way between conversation and socket. Their buffer is made for each turn: between requests the
//   box needs the memory to try settings.
// - 5: writes on their way at once, as in mqtt-link.ts.

// The drivers keep the option `target` as a property, so each callback is one function for all, which stays in flash.

export class PortalServer {
  private readonly talk: PortalTalk;
  private readonly alarm = new Alarm(() => this.ring());
  private readonly visits: Visit[] = [];

  /** Listens from now on. Throws when the system has no socket left. */
  constructor(talk: PortalTalk) {
    this.talk = talk;
    const listening = { port: 80, target: this, onReadable: connected };
    new Listener(listening);
    const asked = { port: 53, target: this, onReadable: queried };
    new UDP(asked);
  }

  accept(listener: Listener, count: number): void {
    for (let i = 0; i < count; i += 1) {
      const from = listener.read();
      if (from === undefined) return;
      const conversation = this.talk.accept(now());
      if (conversation === undefined) from.close();
      else this.visits.push(new Visit(from, conversation, this));
    }
    this.schedule();
  }

  answer(udp: UDP, count: number): void {
    for (let i = 0; i < count; i += 1) {
      const query = udp.read();
      if (query === undefined) return;
      const answer = this.talk.answer(new Uint8Array(query));
      if (answer === undefined) continue;
      try {
        udp.write(answer, query.address, query.port);
      } catch {
        // No memory for a packet: the phone asks again.
      }
    }
  }

  over(visit: Visit): void {
    const at = this.visits.indexOf(visit);
    const last = this.visits.length - 1;
    if (at >= 0) {
      this.visits[at] = this.visits[last] as Visit;
      this.visits.length = last;
    }
    this.schedule();
  }

  private schedule(): void {
    let due: number | undefined;
    for (let i = 0; i < this.visits.length; i += 1) {
      const visit = this.visits[i] as Visit;
      if (due === undefined || ((visit.until - due) | 0) < 0) due = visit.until;
    }
    this.alarm.set(due);
  }

  private ring(): void {
    for (let i = this.visits.length - 1; i >= 0; i -= 1) {
      const visit = this.visits[i];
      if (visit !== undefined && ((now() - visit.until) | 0) >= 0) visit.close();
    }
    this.schedule();
  }
}

interface Listening {
  readonly target: PortalServer;
}

function connected(this: Listener, count: number): void {
  (this as unknown as Listening).target.accept(this, count);
}

function queried(this: UDP, count: number): void {
  (this as unknown as Listening).target.answer(this, count);
}

/** One connection. */
class Visit {
  private readonly socket: TCP;
  private readonly conversation: Conversation;
  private readonly server: PortalServer;
  private window = 0;
  private fullWindow = 0;
  /** Writes since TCP was last seen to have nothing unacknowledged. */
  private writes = 0;
  private closed = false;

  constructor(from: TCP, conversation: Conversation, server: PortalServer) {
    this.conversation = conversation;
    this.server = server;
    const options = { from, nodelay: true, target: this, onReadable: readable, onWritable: writable, onError: failed };
    this.socket = new TCP(options);
  }

  get until(): number {
    return this.conversation.until;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.socket.close();
    this.conversation.end();
    this.server.over(this);
  }

  readable(bytes: number): void {
    const buffer = new Uint8Array(512);
    let unread = bytes;
    while (unread > 0) {
      const count = Math.min(unread, 512);
      this.socket.read(count === 512 ? buffer : buffer.subarray(0, count));
      unread -= count;
      this.conversation.receive(buffer, 0, count, now());
    }
    this.send();
  }

  writable(bytes: number): void {
    this.window = bytes;
    if (bytes > this.fullWindow) this.fullWindow = bytes;
    if (bytes === this.fullWindow) this.writes = 0;
    this.send();
  }

  private send(): void {
    const buffer = new Uint8Array(512);
    while (this.window > 0 && this.writes < 5) {
      const count = this.conversation.transmit(buffer, Math.min(512, this.window), now());
      if (count === 0) break;
      this.window -= count;
      this.writes += 1;
      try {
        this.socket.write(count === 512 ? buffer : buffer.subarray(0, count));
      } catch {
        // The phone reset the connection; onError has not told of it yet.
        this.close();
        return;
      }
    }
    if (this.conversation.finished && this.writes === 0) this.close();
  }
}

interface Visited {
  readonly target: Visit;
}

function readable(this: TCP, bytes: number): void {
  (this as unknown as Visited).target.readable(bytes);
}

function writable(this: TCP, bytes: number): void {
  (this as unknown as Visited).target.writable(bytes);
}

function failed(this: TCP): void {
  (this as unknown as Visited).target.close();
}
