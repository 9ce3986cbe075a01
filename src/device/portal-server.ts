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
  /** Takes bytes as far as it has time for; where it has stopped: the rest comes again in another turn. */
  receive(bytes: Uint8Array, start: number, end: number, now: number): number;
  /** What was asked for is to be worked out by `work`, step by step, each in a turn of its own. */
  readonly isAsked: boolean;
  work(now: number): void;
  /** What is to be sent next, at most `limit` bytes; undefined when there is nothing now. */
  transmit(limit: number, now: number): Uint8Array | undefined;
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
// - 256: bytes that are read at once. Their buffer is made for each reading: between requests the box needs the memory
//   to try settings.
// - 512: bytes that are sent at once, and 4: how often in one turn.
// - 5: writes on their way at once, as in mqtt-link.ts.

// The drivers keep the option `target` as a property, so each callback is one function for all, which stays in flash.

export class PortalServer {
  private readonly talk: PortalTalk;
  private readonly alarm = new Alarm(this);
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

  /** Sets the alarm: to the present when a connection has more to do, else to when one is to be given up. */
  schedule(): void {
    let due: number | undefined;
    for (let i = 0; i < this.visits.length; i += 1) {
      const visit = this.visits[i] as Visit;
      const at = visit.isPending ? now() : visit.until;
      if (due === undefined || ((at - due) | 0) < 0) due = at;
    }
    this.alarm.set(due);
  }

  /** Gives up who has had time enough, and goes on with one of the others. */
  ring(instant: number): void {
    let next: Visit | undefined;
    for (let i = this.visits.length - 1; i >= 0; i -= 1) {
      const visit = this.visits[i] as Visit;
      if (((instant - visit.until) | 0) >= 0) visit.close();
      else if (visit.isPending) next = visit;
    }
    if (next === undefined) this.schedule();
    else next.proceed();
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
  /** Bytes of the phone that TCP holds. */
  private unread = 0;
  /** What was read and is not yet taken, from `taken` on. */
  private buffer: Uint8Array | undefined;
  private taken = 0;
  private closed = false;
  /** There is more to do, without the phone. */
  isPending = false;

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
    this.unread = bytes;
    this.proceed();
  }

  writable(bytes: number): void {
    this.window = bytes;
    if (bytes > this.fullWindow) this.fullWindow = bytes;
    if (bytes === this.fullWindow) this.writes = 0;
    this.proceed();
  }

  /** One turn: works on what was asked, or takes what the phone has sent, or sends what there is to send. */
  proceed(): void {
    const { conversation } = this;
    this.isPending = true;
    if (conversation.isAsked) conversation.work(now());
    else if (this.unread > 0 || this.buffer !== undefined) {
      let { buffer } = this;
      if (buffer === undefined) {
        buffer = new Uint8Array(Math.min(this.unread, 256));
        this.socket.read(buffer);
        this.unread -= buffer.length;
        this.taken = 0;
      }
      this.taken = conversation.receive(buffer, this.taken, buffer.length, now());
      this.buffer = this.taken < buffer.length ? buffer : undefined;
    } else this.isPending = this.send();
    if (!this.closed) this.server.schedule();
  }

  /** Whether there may be more to send. */
  private send(): boolean {
    const { conversation } = this;
    for (let count = 0; this.window > 0 && this.writes < 5; count += 1) {
      if (count === 4) return true;
      const bytes = conversation.transmit(Math.min(512, this.window), now());
      if (bytes === undefined) break;
      this.window -= bytes.length;
      this.writes += 1;
      try {
        this.socket.write(bytes);
      } catch {
        // The phone reset the connection; onError has not told of it yet.
        this.close();
        return false;
      }
    }
    if (conversation.finished && this.writes === 0) this.close();
    return false;
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
