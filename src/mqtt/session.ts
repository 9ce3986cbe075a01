// The MQTT 3.1.1 client session, sans-IO: everything from CONNECT to DISCONNECT, and what must survive between
// connections. Bytes and time are arguments; results go to one handler. Here are the connection's states and deadlines
// and what inbound packets mean at the moment they come, both sides of §4.3. It is one object with the sender, which
// knows what was accepted and what leaves next, and the decoder. Whatever the server sends, nothing here throws: a
// breach ends the connection with its statement. Knows no transport, timer or flash. Time is int32 milliseconds that
// wrap: instants are compared by difference only. Packet types are numbers; packet.ts has the table.

import type { Budget, Closed, CloseReason, Inbound, SessionHandler, SessionOptions } from "./contract.js";
import { decode, reset } from "./decoder.js";
import { encodeConnect, packetName } from "./packet.js";
import {
  acknowledge,
  ackRoom,
  advance,
  answerOf,
  clear,
  fill,
  find,
  forget,
  inPhase,
  phaseOf,
  Sender,
  schedule,
  setPhase,
  wake,
  wants,
} from "./sender.js";

export type * from "./contract.js";
export { Refusal } from "./contract.js";
export type { ConnectFields, Subscription, Will } from "./packet.js";

/**
 * One client session, over any number of connections. The owner opens a transport, calls {@link connect}, puts what
 * arrives into `bytes` from `held` on and calls {@link receive}, sends what {@link transmit} puts together there, and
 * calls {@link tick} at {@link deadline}.
 *
 * `state`:
 *
 *   0 idle ──connect()──► 2 connecting ──CONNACK 0──► 3 connected
 *                               └────disconnect()────────┴──► 4 closing ──DISCONNECT has left──► 5 parted ──► 1
 *   2, 3, 4 ─lost() | CONNACK refuses | deadline | breach | overflow | our own fault──► 1 ending ──onClosed──► 0
 *
 * Deadlines. Connecting: CONNACK. Connected: PINGRESP, and one for each entry that waits for an answer. These and
 * closing: bytes that wait while the transport takes none; in closing there are always some. Parted and ending last
 * until the next call, or not even that.
 */
export class Session<Handler extends SessionHandler = SessionHandler> extends Sender {
  handler: Handler;
  /**
   * Methods that are running, one inside the other (transmit counts 256), and the first exception of a callback, to be
   * thrown at the end.
   */
  depth = 0;
  errors: unknown[] | null = null;

  /**
   * Checks everything and allocates all buffers. Throws a TypeError or RangeError for what CONNECT cannot carry and for
   * a budget or option outside of its limits. Nothing of `options` and `budget` is kept.
   */
  constructor(options: SessionOptions, budget: Budget, handler: Handler) {
    super(options, budget);
    this.handler = handler;
  }

  // What the owner asks and tells.

  /**
   * How many bytes may be put into `bytes` now without any risk that their acknowledgements find no room. A transport
   * that can leave bytes unread passes no more than this at once and calls `transmit` in between.
   */
  get receivable(): number {
    // The shortest packet to be acknowledged (PUBREL) has 4 bytes, as the acknowledgement has; up to 3 may have come
    // before.
    const count = ackRoom(this) - 3;
    const most = (this.words[20] as number) - this.held;
    return count < 0 ? 0 : count < most ? count : most;
  }

  /**
   * The transport is open: CONNECT is due [MQTT-3.1.0-1]. It says what `fields` say, which must be the options given to
   * the constructor but for `clean` and `pipeline`. Throws an Error while a connection is open.
   */
  connect(fields: SessionOptions, now: number): void {
    if (this.state > 0) throw new Error("a connection is open; wait for onClosed");
    const until = (now + (this.words[2] as number)) | 0;
    this.state = 2;
    this.server = 0;
    this.words[22] = fields.clean ? 1 : 0;
    this.pipeline = fields.pipeline === true;
    reset(this, false);
    this.start = this.words[20] as number;
    this.end = encodeConnect(this.bytes, this.start, fields);
    this.words[12] = until;
    wake(this, until);
    schedule(this, now);
  }

  /**
   * So many bytes have been put into `bytes`, from `held` on. Never throws because of what they are. Throws an Error
   * when called from one of its own callbacks, a RangeError when there is no room for so many.
   */
  receive(count: number, now: number): void {
    const held = this.held;
    if (held < 0) throw new Error("receive() from inside a callback; call it afterwards");
    if (!(count >= 0 && held + count <= (this.words[20] as number))) {
      throw new RangeError(`${count} bytes do not fit behind the ${held} of ${this.words[20]}`);
    }
    if (this.state < 2) return;
    this.instant = now | 0;
    if (count > 0) this.words[11] = this.instant;
    this.depth += 1;
    decode(this, count);
    if (this.news) settle(this);
    leave(this);
  }

  /**
   * Puts together what is to leave, at most `limit` bytes, and returns how many: bytes[at, at + count), valid until
   * the session is called again; 0 when there is nothing. What was put together counts as sent, so the owner must send
   * all of it.
   */
  transmit(limit: number, now: number): number {
    // When the buffer is being filled already, a callback has called.
    if (this.depth > 255) return 0;
    const instant = now | 0;
    const generation = this.words[16];
    let count = 0;
    this.instant = instant;
    this.depth += 256;
    if (this.news) settle(this);
    // A callback may have ended the connection and begun the next one, whose bytes are not for this transport.
    if (this.state > 1 && generation === this.words[16]) {
      try {
        count = fill(this, limit);
      } catch (error) {
        this.errors ??= [error];
        finish(this, "internal", "a message could not be read", "");
      }
    }
    this.depth -= 255;
    if (count > 0) {
      this.words[10] = instant;
      this.sendBy = null;
      if (wants(this)) schedule(this, instant);
    }
    leave(this);
    return count;
  }

  /**
   * Says goodbye: DISCONNECT leaves after a PUBLISH in progress, acknowledgements and PUBRELs, and nothing after it
   * [MQTT-3.14.4-2]. onClosed("disconnected") comes in the call after the `transmit` that gave its last byte, so that
   * the owner can send it first. Without a connection, or the second time, it changes nothing.
   */
  disconnect(now: number): void {
    if (this.state < 2 || this.state > 3) return;
    this.state = 4;
    schedule(this, now);
  }

  /** The transport has ended. What must survive is kept for the next connect(). */
  lost(now: number): void {
    this.instant = now | 0;
    this.depth += 1;
    if (this.news) settle(this);
    finish(this, "lost", "the transport ended", "");
    leave(this);
  }

  /**
   * When {@link tick} wants to be called next, at the latest (int32 milliseconds, may be past); undefined when nothing
   * is awaited. What was due then may have been done meanwhile: tick() looks.
   */
  deadline(): number | undefined {
    return this.dueAt;
  }

  /** Time has passed. May be called at any time; does something at {@link deadline}. */
  tick(now: number): void {
    const words = this.words;
    this.instant = now | 0;
    this.depth += 1;
    if (this.news) settle(this);
    this.dueAt = undefined;
    if ((this.words[14] as number) >= 0 && isDue(this, words[9] as number, 0)) {
      this.words[14] = -1;
      tell(this, "onFlushed", false);
    }
    if (this.state > 1) {
      if (this.ping === 1 && this.state === 3) {
        // Quiet means nothing sent [MQTT-3.1.2-23], and also nothing received: a link that has died takes what is sent
        // for a long time, and only a ping finds out.
        const quiet = (((words[10] as number) - (words[11] as number)) | 0) < 0 ? 10 : 11;
        // From now on bounded by the time that the transport may take for it.
        if (isDue(this, ((words[quiet] as number) + (words[4] as number)) | 0, 0)) this.ping = 2;
      }
      if (!wants(this)) this.sendBy = null;
      else if (this.sendBy === null) schedule(this, now);
      if (this.sendBy !== null && isDue(this, this.sendBy, 0))
        expire(this, "the transport took no byte", words[5] as number);
      if (this.state === 2 && isDue(this, words[12] as number, 0)) expire(this, "no CONNACK", words[2] as number);
      if (this.ping === 3 && this.state === 3 && isDue(this, words[12] as number, words[3] as number)) {
        expire(this, "no PINGRESP", words[3] as number);
      }
      // The answer that is due first, and is due.
      let first = -1;
      for (let at = 28; at < this.edge && this.state === 3; at += 4) {
        const phase = phaseOf(this, at);
        if ((phase === 3 || phase === 6) && isDue(this, words[at + 3] as number, words[5] as number)) {
          if (first < 0 || (((words[at + 3] as number) - (words[first + 3] as number)) | 0) < 0) first = at;
        }
      }
      if (first >= 0) {
        const id = (words[first] as number) & 0xffff;
        expire(this, `no ${packetName(answerOf(this, first))} for id ${id}`, words[5] as number);
      }
    }
    leave(this);
  }

  // What the decoder finds.

  onMalformed(detail: string, statement: string): void {
    finish(this, "malformed", detail, statement);
  }

  onPacket(type: number, bytes: Uint8Array, start: number, end: number): void {
    const id = ((bytes[start] as number) << 8) | (bytes[start + 1] as number);
    if (type === 2) {
      onConnack(this, id > 255, id & 255);
      return;
    }
    if (this.server < 1) {
      finish(this, "violation", `${packetName(type)} before CONNACK`, "3.2.0-1");
      return;
    }
    if (type === 13) {
      // One that nobody asked for changes nothing.
      if (this.ping === 3) awaitQuiet(this);
      return;
    }
    if (type === 6) {
      // The id is free, whether it was held or not.
      const place = keptAt(this, id);
      if (place > 0) {
        this.words[place] = this.words[this.words.length - (this.words[15] as number)] as number;
        this.words[15] = (this.words[15] as number) - 1;
      }
      reply(this, 7, id);
      return;
    }
    const at = find(this, id);
    if (at >= 0) onAnswer(this, at, id, type, bytes, start + 2, end);
    // A late answer answers nothing. Only PUBREC leaves the server waiting: for the PUBREL of a message that we forgot.
    else if (type === 5) reply(this, 6, id);
  }

  /**
   * Decides the course, what is done with the payload. 0: looked at by nobody: a QoS 2 repeat, or a message after our
   * DISCONNECT. 1: handed over. 2: larger than the budget: its first bytes are handed over, the rest is skipped. 3:
   * skipped, for its topic is too long.
   */
  onPublish(message: Inbound, whole: boolean): number {
    if (this.server < 1) {
      finish(this, "violation", "PUBLISH before CONNACK", "3.2.0-1");
      return 0;
    }
    this.words[17] = 0;
    // After DISCONNECT it could not be acknowledged: the server keeps it for the next connection.
    if (this.leaving === 14 || this.state === 5) return 0;
    if (message.qos === 2) {
      if (keptAt(this, message.id) > 0) return 0;
      if (36 + 4 * (this.words[13] as number) + (this.words[15] as number) === this.words.length) {
        finish(this, "overflow", "more inbound QoS 2 messages at once than budget.inbound", "4.8.0-2");
        return 0;
      }
    }
    const largest = this.words[6] as number;
    this.words[17] = whole ? 1 : 3;
    if (!whole || largest < 0) return 0;
    if (message.length <= largest) return message.length;
    this.words[17] = 2;
    return largest;
  }

  onPayload(message: Inbound, last: boolean): void {
    const generation = this.words[16] as number;
    const course = this.words[17] as number;
    const id = message.id;
    const qos = message.qos;
    if (course === 1 || (course > 1 && message.offset === 0)) {
      message.complete = last && course === 1;
      if (course === 3) message.end = message.start;
      // The id is held before the callback: whatever happens in there, the message was handed over once.
      if (qos === 2 && (last || course > 1)) {
        this.words[15] = (this.words[15] as number) + 1;
        this.words[this.words.length - (this.words[15] as number)] = id;
      }
      tell(this, course > 1 ? "onOverflow" : "onMessage", message);
      // The bytes are overwritten by what comes next.
      message.start = 0;
      message.end = 0;
    }
    // QoS 1 is answered by PUBACK, QoS 2 by PUBREC, in the order of arrival [MQTT-4.6.0-2, MQTT-4.6.0-3].
    if (last && qos > 0 && generation === (this.words[16] as number)) reply(this, qos + 3, id);
  }
}

/**
 * Whether an instant has come; if not, tick() comes again then. An answer, for which there are `period` milliseconds,
 * cannot come in the middle of another packet: while one is arriving, its time runs from the last bytes that came.
 */
function isDue(me: Session, limit: number, period: number): boolean {
  let at = limit;
  if (period > 0 && me.partial) {
    const quiet = ((me.words[11] as number) + period) | 0;
    if (((quiet - at) | 0) > 0) at = quiet;
  }
  if (((me.instant - at) | 0) >= 0) return true;
  wake(me, at);
  return false;
}

function expire(me: Session, what: string, period: number): void {
  finish(me, "timeout", `${what} within ${period} ms`, me.ping === 3 && what === "no PINGRESP" ? "3.12.4-1" : "");
}

// The frame around each call.

/** Calls the owner. False when that threw; the exception waits until the outermost method has done its work. */
function tell(me: Session, name: keyof SessionHandler, what: unknown, codes?: unknown): boolean {
  try {
    (me.handler as unknown as Record<typeof name, (what: unknown, codes: unknown) => void>)[name](what, codes);
    return true;
  } catch (error) {
    me.errors ??= [error];
    return false;
  }
}

function leave(me: Session): void {
  if (me.news) wake(me, me.instant);
  me.depth -= 1;
  const errors = me.errors;
  if (errors === null || me.depth > 0) return;
  me.errors = null;
  throw errors[0];
}

/** Makes the callbacks that are due because of what was done before. */
function settle(me: Session): void {
  me.news = false;
  for (;;) {
    const at = inPhase(me, 7);
    if (at < 0) break;
    const id = (me.words[at] as number) & 0xffff;
    forget(me, at);
    tell(me, "onDelivered", id, 7);
  }
  if ((me.words[14] as number) === 0) {
    me.words[14] = -1;
    tell(me, "onFlushed", true);
  }
  if (me.state === 5) finish(me, "disconnected", "", "");
}

/**
 * The one way to the end. All state is settled before the first callback, so that any of them may call anything;
 * onClosed is the last. Keeps what is session state, in its order, to be sent again; all of it goes when the session
 * was clean [MQTT-3.1.2-6]. When CONNACK refused, nothing of this connection counts as sent [MQTT-3.1.4-5].
 */
function finish(me: Session, reason: CloseReason, detail: string, statement: string, code?: number): void {
  if (me.state < 2) return;
  const words = me.words;
  const closed: Closed = {
    reason,
    detail,
    statement: statement === "" ? "" : `MQTT-${statement}`,
    code: code ?? 0,
    pipelined: reason === "lost" && me.server < 0,
  };
  me.state = 1;
  me.server = 0;
  me.sendBy = null;
  clear(me);
  // Whatever is left of a fragment that is being received is dropped.
  reset(me, true);
  for (let at = me.edge - 4; at >= 28; at -= 4) {
    const answer = answerOf(me, at);
    if (phaseOf(me, at) === 7) continue;
    if (words[22] !== 0 || answer === 0 || answer > 7) {
      // Neither QoS 0 nor a request is session state (§4.1). A flush that waits for it has failed.
      words[at] = (words[at] as number) & ~0x2000000;
      forget(me, at);
      continue;
    }
    const word = words[at] as number;
    if ((word & 0x800000) !== 0) words[at] = (word & ~0x800000) | (reason === "refused" ? 0 : 0x1000000);
    setPhase(me, at, answer === 7 ? 4 : 1);
  }
  if (me.news) settle(me);
  if ((me.words[14] as number) > 0) {
    me.words[14] = -1;
    tell(me, "onFlushed", false);
  }
  me.state = 0;
  me.dueAt = undefined;
  tell(me, "onClosed", closed);
}

/** Queues an acknowledgement; one that finds no room ends the connection. */
function reply(me: Session, type: number, id: number): void {
  if (acknowledge(me, type, id)) return;
  finish(me, "overflow", "more acknowledgements at once than budget.send holds", "4.8.0-2");
}

/** Where an inbound QoS 2 id is held; 0 when it is not. */
function keptAt(me: Session, id: number): number {
  const words = me.words;
  for (let at = words.length - (me.words[15] as number); at < words.length; at += 1) if (words[at] === id) return at;
  return 0;
}

function onConnack(me: Session, sessionPresent: boolean, code: number): void {
  if (me.server > 0) {
    finish(me, "violation", "a second CONNACK", "3.2.0-1");
    return;
  }
  if (code !== 0) {
    // §3.2.2.3.
    const detail = [
      "unacceptable protocol version",
      "identifier rejected",
      "server unavailable",
      "bad user name or password",
      "not authorized",
    ][code - 1];
    finish(me, "refused", detail ?? `reserved code ${code}`, sessionPresent ? "3.2.2-4" : "", code);
    return;
  }
  if (sessionPresent && me.words[22] !== 0) {
    finish(me, "violation", "Session Present 1 for a clean session", "3.2.2-1");
    return;
  }
  me.server = sessionPresent ? 2 : 1;
  me.sendBy = null;
  if (!sessionPresent) {
    // The server has no session [MQTT-3.1.2-6, MQTT-3.2.2-3]. An inbound id kept would swallow a new message. What
    // the server already owned is delivered; what it may not have goes as new. What has left on this connection
    // already is not sent again.
    me.words[15] = 0;
    for (let at = 28; at < me.edge; at += 4) {
      if (answerOf(me, at) === 7) setPhase(me, at, 7);
      else me.words[at] = (me.words[at] as number) & ~0x1000000;
    }
  }
  // After disconnect() what CONNACK says about the session holds all the same.
  if (me.state === 2) {
    me.state = 3;
    if ((me.words[4] as number) > 0) awaitQuiet(me);
    tell(me, "onConnected", sessionPresent);
  }
}

/** The next PINGREQ is due when nothing has been sent for so long, or nothing received. */
function awaitQuiet(me: Session): void {
  me.ping = 1;
  wake(me, ((me.words[10] as number) + (me.words[4] as number)) | 0);
}

/** An answer to an entry of the table. `bytes[start..end)` is what follows the packet id. */
function onAnswer(
  me: Session,
  at: number,
  id: number,
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const word = me.words[at] as number;
  const answer = (word >> 16) & 15;
  const phase = (word >> 20) & 7;
  const resumed = (word & 0x1000000) !== 0;
  const repeated = type === 5 && answer === 7;
  let fault = "";
  if (type !== answer && !repeated) fault = `, which waits for ${packetName(answer)}`;
  else if (phase < 3 && !resumed) fault = ", which was not sent";
  else if (phase === 4 && !repeated && (word & 0x800000) === 0 && !resumed) fault = " before PUBREL";
  if (fault !== "") {
    // The statement that binds the server to answer in the one way that is right.
    const statement = answer === 4 ? "4.3.2-2" : answer === 9 ? "3.8.4-1" : answer === 11 ? "3.10.4-4" : "4.3.3-2";
    finish(me, "violation", `${packetName(type)} for id ${id}${fault}`, statement);
    return;
  }
  if (repeated) {
    if (phase === 6) {
      setPhase(me, at, 4);
      schedule(me, me.instant);
    }
    return;
  }
  // The packet goes again, or PUBREL is on its way, and will be answered again; or all is settled already.
  if (phase < 3 || phase === 5 || phase === 7) return;
  if (type === 5) {
    record(me, at, id);
    return;
  }
  let codes: number[] | undefined;
  if (type === 9) {
    const count = end - start;
    if (count !== me.words[at + 2]) {
      finish(me, "violation", `SUBACK with ${count} codes`, "3.8.4-5");
      return;
    }
    codes = [];
    for (let place = start; place < end; place += 1) {
      const code = bytes[place] as number;
      if (code > 2 && code !== 128) {
        finish(me, "violation", `SUBACK with code ${code}`, "3.9.3-2");
        return;
      }
      codes.push(code);
    }
  }
  // The entry is over before the owner is told, so that its place is free.
  forget(me, at);
  tell(me, type === 9 ? "onSubscribed" : type === 11 ? "onUnsubscribed" : "onDelivered", id, codes ?? type);
}

/** PUBREC: the owner records the message as received first; only then may PUBREL leave. */
function record(me: Session, at: number, id: number): void {
  const words = me.words;
  const word = words[at];
  const generation = words[16];
  let place = at;
  if (!tell(me, "onReceived", id)) {
    if (generation === words[16]) finish(me, "internal", "onReceived threw", "");
    return;
  }
  // The callback may have ended the connection. The record is made all the same, so PUBREL is what the next one sends:
  // for an entry that is to be sent again.
  if (words[at] !== word) {
    place = find(me, id);
    if (place < 0 || ((words[place] as number) & 0x1700000) !== 0x1100000) return;
  }
  advance(me, place);
}
