// The MQTT 3.1.1 client session, sans-IO: everything from CONNECT to DISCONNECT, and what must survive between
// connections. Bytes and time are arguments; results go to one handler. Here are the connection's states and deadlines
// and what messages need; answers.ts says what other packets mean, ending.ts how a connection ends. It is one object
// with the sender, which knows what leaves next, the in-flight table and the decoder. Knows no transport, timer or
// flash. Time is int32 milliseconds that wrap: instants are compared by difference only.
//
// Hot paths, which are straight: a message out is outgoing.ts; what comes in is answered() in answers.ts for an answer,
// else decode() in decoder.ts, and onPublish(), hand() and outcome() here. On the chip
// each call costs as much as twenty reads of a local variable, an element of an array as twelve, a field as five.

import { answered, keptAt, reply } from "./answers.js";
import type { Budget, Inbound, Message, SessionHandler, SessionOptions } from "./contract.js";
import { decode, reset } from "./decoder.js";
import { finish, keep, leave, settle, tell } from "./ending.js";
import { accept } from "./outgoing.js";
import { checkClean, encodeConnect, packetName } from "./packet.js";
import { fill, Sender, schedule, wake, wants } from "./sender.js";

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
  declare handler: Handler;
  /** What is running, one inside the other (transmit counts 256; `receive` is known by `held`). */
  depth = 0;
  /** The first exception of a callback, to be thrown at the end; there is none, if bit 32 of `owed` does not say so. */
  declare error: unknown;

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
    const words = this.words;
    const held = this.held;
    // The shortest packet to be acknowledged (PUBREL) has 4 bytes, as the acknowledgement has; up to 3 may have come
    // before, if not enough of the present one is still to come.
    const parsing = this.parsing;
    const before = held > 0 || (parsing > 1 && (parsing === 5 || (words[18] as number) < 4)) ? 3 : 0;
    // While a message is leaving, some room stays for its payload.
    const count = (words[28] as number) - this.end + this.start - before - (this.leaving === 0 ? 0 : 16);
    const most = (words[20] as number) - held;
    return count < 0 ? 0 : count < most ? count : most;
  }

  /**
   * The transport is open: CONNECT is due [MQTT-3.1.0-1]. It says what `fields` say, which must be the options given to
   * the constructor but for `clean` and `pipeline`. Throws an Error while a connection is open.
   */
  connect(fields: SessionOptions, now: number): void {
    if (this.state > 0) throw new Error("a connection is open; wait for onClosed");
    checkClean(fields);
    const words = this.words;
    const until = (now + (words[2] as number)) | 0;
    this.state = 2;
    words[19] = 0;
    words[22] = fields.clean ? 1 : 0;
    words[30] = fields.pipeline === true ? 1 : 0;
    // Of an old session nothing may be said on a clean connection [MQTT-3.1.2-6]: a message goes as a new one, and for
    // PUBREL there is no place any more, which CONNACK settles.
    if (fields.clean) {
      for (let at = 32; at < this.edge; at += 2) {
        const word = words[at] as number;
        if ((word & 0xf0000) === 0x70000) words[30] = 0;
        words[at] = word & ~0x1000000;
      }
    }
    reset(this, false);
    this.start = words[20] as number;
    this.end = encodeConnect(this.bytes, this.start, fields);
    this.owed |= 16;
    words[12] = until;
    wake(this, until);
    schedule(this, now);
  }

  /**
   * Accepts a message: its packet id, 0 for QoS 0, or a {@link Refusal}. QoS > 0 is accepted while offline too. Throws
   * a TypeError or RangeError for an illegal topic, payload, QoS or id, and for an id that is in use.
   */
  publish(message: Message, now: number): number {
    return accept(
      this,
      message.topic,
      message.payload,
      message.qos,
      (message.retain ? 1 : 0) | (message.resumed === true ? 8 : 0),
      message.id,
      now,
      0,
    );
  }

  /**
   * So many bytes have been put into `bytes`, from `held` on. Never throws because of what they are. Throws an Error
   * when called from one of its own callbacks, a RangeError when there is no room for so many.
   *
   * `room`: so many bytes the transport takes right after this call. If the answers find room in them, and nothing else
   * waits, returns how many bytes they have: bytes[at, at + count), as {@link transmit} does. Else returns 0.
   */
  receive(count: number, now: number, room = 0): number {
    const held = this.held;
    if (held < 0) throw new Error("receive() from inside a callback");
    if (!(count >= 0 && held + count <= (this.words[20] as number))) {
      throw new RangeError(`there is no room for ${count} bytes`);
    }
    let answer = -1;
    this.instant = now | 0;
    if (count > 0) this.cameAt = this.instant;
    if (count === 4 && this.parsing === 1 && this.owed === 0) {
      const bytes = this.bytes;
      this.four.set(bytes.subarray(0, 4));
      answer = answered(this, room);
      if (answer > 0) {
        // Not before: a callback may have asked for what waits.
        this.at = 0;
        bytes[0] = answer;
        answer = (answer & 255) > 0 ? 4 : 0;
      }
    }
    if (answer < 0) {
      decode(this, count);
      answer = 0;
    }
    if (answer === 0 && this.owed !== 0) answer = outcome(this, room);
    leave(this);
    return answer > 0 ? answer : 0;
  }

  /**
   * Puts together what is to leave, at most `limit` bytes, and returns how many: bytes[at, at + count), valid until
   * the session is called again; 0 when there is nothing. What was put together counts as sent, so the owner must send
   * all of it. With `single` there is no more than one message or request in it.
   */
  transmit(limit: number, now: number, single = false): number {
    const instant = now | 0;
    // When the buffer is being filled already, a callback has called.
    if (this.depth > 255) return 0;
    const generation = this.words[16];
    let count = 0;
    this.instant = instant;
    this.depth += 256;
    if ((this.owed & 1) !== 0) settle(this);
    // A callback may have ended the connection and begun the next one, whose bytes are not for this transport.
    if (this.state > 1 && generation === this.words[16]) {
      try {
        count = fill(this, limit, single);
      } catch (error) {
        keep(this, error);
        finish(this, "internal", "a message could not be read", "");
      }
    }
    this.depth -= 256;
    if (count > 0) {
      this.leftAt = instant;
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
    this.owed |= 4;
    schedule(this, now);
  }

  /** The transport has ended. What must survive is kept for the next connect(). */
  lost(now: number): void {
    this.instant = now | 0;
    this.depth += 1;
    if ((this.owed & 1) !== 0) settle(this);
    finish(this, "lost", "the transport ended", "");
    this.depth -= 1;
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
    if ((this.owed & 1) !== 0) settle(this);
    this.dueAt = undefined;
    if ((words[14] as number) >= 0 && isDue(this, words[9] as number, 0)) {
      words[14] = -1;
      tell(this, "onFlushed", false);
    }
    if (this.state > 1) {
      // Quiet means nothing sent [MQTT-3.1.2-23], and also nothing received: a link that has died takes what is sent
      // for a long time, and only a ping finds out. PINGRESP cannot come while a long packet is arriving, which is no
      // reason to be silent.
      const hasCome = ((this.cameAt - this.leftAt) | 0) > 0;
      const ping = this.state === 3 ? words[11] : 0;
      if (
        (ping === 1 || (ping === 3 && hasCome && this.partial)) &&
        isDue(this, ((hasCome ? this.leftAt : this.cameAt) + (words[4] as number)) | 0, 0)
      ) {
        // From now on bounded by the time that the transport may take for it.
        words[11] = 2;
        this.owed |= 2;
        // Where it is so quiet, the memory of the last message is of more use to others.
        if (!this.partial) this.message = null;
      }
      if (!wants(this)) this.sendBy = null;
      else if (this.sendBy === null) schedule(this, now);
      if (this.sendBy !== null && isDue(this, this.sendBy, 0))
        expire(this, "the transport took no byte", this.ackTimeoutMs);
      if (this.state === 2 && isDue(this, words[12] as number, 0)) expire(this, "no CONNACK", words[2] as number);
      if (words[11] === 3 && this.state === 3 && isDue(this, words[12] as number, words[3] as number)) {
        expire(this, "no PINGRESP", words[3] as number);
      }
      // The answer that is due first, and is due.
      let first = -1;
      for (let at = 32; at < this.edge && this.state === 3; at += 2) {
        const phase = ((words[at] as number) >> 20) & 7;
        if ((phase === 3 || phase === 6) && isDue(this, words[at + 1] as number, this.ackTimeoutMs)) {
          if (first < 0 || (((words[at + 1] as number) - (words[first + 1] as number)) | 0) < 0) first = at;
        }
      }
      if (first >= 0) {
        const word = words[first] as number;
        expire(this, `no ${packetName((word >> 16) & 15)} for id ${word & 0xffff}`, this.ackTimeoutMs);
      }
    }
    this.depth -= 1;
    leave(this);
  }

  // What the decoder finds.

  onMalformed(detail: string, statement: string): void {
    finish(this, "malformed", detail, statement);
  }

  /** What is called last is returned, though it says nothing: it takes the place of this on a stack that is deep. */
  onPacket(type: number, id: number, start: number, end: number): unknown {
    if (type === 9) {
      this.words[17] = start;
      this.words[18] = end;
    }
    this.words[5] = (id << 24) | ((id & 0xff00) << 8) | 0x200 | (type << 4);
    return answered(this, -1);
  }

  /**
   * Decides the course, what is done with the payload. 0: looked at by nobody: a QoS 2 repeat, or a message after our
   * DISCONNECT. 1: handed over. 2: larger than the budget: its first bytes are handed over, the rest is skipped. 3:
   * skipped, for its topic is too long, or the owner wants no first bytes. 4: as 3, and the owner is not told. Most
   * messages are there as a whole, and are done with here.
   */
  onPublish(message: Inbound, whole: boolean): number {
    if (this.state !== 3 && (this.words[19] as number) < 1) {
      finish(this, "violation", "PUBLISH before CONNACK", "3.2.0-1");
      return 0;
    }
    const words = this.words;
    const qos = (message.first >> 1) & 3;
    const isThere = message.complete;
    let course = 1;
    const largest = words[6] as number;
    if (!whole) course = 3;
    else if (message.length > largest && largest >= 0) course = 2 + (words[24] as number);
    // After DISCONNECT it could not be acknowledged: the server keeps it for the next connection.
    if (this.owed !== 0 && (this.leaving === 14 || this.state === 5)) course = 0;
    else if (qos === 2) {
      if (keptAt(this, message.id) > 0) course = 0;
      else if (36 + 2 * (words[13] as number) + (words[15] as number) === words.length) {
        finish(this, "overflow", "more QoS 2 messages than budget.inbound", "4.8.0-2");
        return 0;
      }
    }
    if (course === 2 || (course === 1 && !isThere)) {
      words[17] = course;
      return course === 2 ? largest : largest < 0 ? 0 : message.length;
    }
    if (qos === 0 && (course === 0 || course > 3)) {
      // Nobody looks at it, and nobody waits for its acknowledgement.
      message.end = 0;
      return -1;
    }
    if (course > 2) {
      message.complete = false;
      message.end = message.start;
    }
    // What is called last takes the place of this on the stack, which is deepest in there.
    return hand(this, message, course, isThere);
  }

  onPayload(message: Inbound, last: boolean, skipped: boolean): void {
    // The end of what is skipped is only acknowledged.
    const course = skipped ? 0 : (this.words[17] as number);
    if (course === 2 && !last) this.parsing = 6;
    if (course > 0) message.complete = last;
    hand(this, message, course, last);
  }
}

/**
 * Hands over a message or a piece of it, and acknowledges it behind the last. Returns what onPublish returns: 0 when
 * the callback has ended the connection.
 */
function hand(me: Session, message: Inbound, course: number, last: boolean): number {
  const qos = (message.first >> 1) & 3;
  // The id is held before the callback: whatever happens in there, the message was handed over once.
  if (qos === 2 && course > 0 && (course > 1 || message.complete)) {
    const words = me.words;
    const kept = (words[15] as number) + 1;
    words[15] = kept;
    words[words.length - kept] = message.id;
  }
  try {
    if (course === 1) me.handler.onMessage(message);
    else if (course > 0 && course < 4) me.handler.onOverflow(message);
  } catch (error) {
    keep(me, error);
  }
  // The bytes are overwritten by what comes next.
  message.end = 0;
  if (me.held >= 0) return 0;
  // QoS 1 is answered by PUBACK, QoS 2 by PUBREC, in the order of arrival [MQTT-4.6.0-2, MQTT-4.6.0-3].
  if (last && qos > 0) reply(me, qos + 3, message.id);
  return -1;
}

/** The last byte of a message that nobody wants has been passed over: acknowledges it. */
export function passed(me: Session): void {
  const message = me.message as Inbound;
  reply(me, message.qos + 3, message.id);
  schedule(me, me.instant);
  leave(me);
}

/**
 * What is to leave, or to be done, now that what came has been taken in: as `receive`, but -1 says that something is
 * left to be done, also for `leave`.
 */
export function outcome(me: Session, room: number): number {
  if ((me.owed & 1) !== 0) settle(me);
  const start = me.start;
  const end = me.end;
  if (start === end) return me.owed === 0 ? 0 : -1;
  // Without a connection, or with a new one that a callback has begun, nothing is to be said on this one. Who has to
  // look after an exception of a callback's sends later.
  if (end - start <= room && me.owed === 16 && me.state > 2) {
    me.at = start;
    me.start = end;
    me.owed = 0;
    me.leftAt = me.instant;
    me.sendBy = null;
    return end - start;
  }
  schedule(me, me.instant);
  return -1;
}

/**
 * Whether an instant has come; if not, tick() comes again then. An answer, for which there are `period` milliseconds,
 * cannot come in the middle of another packet, or before bytes that the transport holds: while there are such, its time
 * runs from the last bytes that came.
 */
function isDue(me: Session, limit: number, period: number): boolean {
  let at = limit;
  if (period > 0 && (me.partial || (me.words[31] as number) > 0)) {
    const quiet = (me.cameAt + period) | 0;
    if (((quiet - at) | 0) > 0) at = quiet;
  }
  if (((me.instant - at) | 0) >= 0) return true;
  wake(me, at);
  return false;
}

function expire(me: Session, what: string, period: number): void {
  finish(me, "timeout", `${what} within ${period} ms`, what === "no PINGRESP" ? "3.12.4-1" : "");
}
