// The MQTT 3.1.1 client session, sans-IO: everything from CONNECT to DISCONNECT, and what must survive between
// connections. Bytes and time are arguments; results go to one handler. Here are the connection's states and deadlines,
// what the owner asks for, and what inbound packets mean at the moment they come, both sides of §4.3; the sender, of
// which the session is the other half, knows what was accepted and what leaves next. Whatever the server sends, nothing
// here throws: a breach ends the connection with its statement. Knows no transport, timer or flash. Time is int32
// milliseconds that wrap: instants are compared by difference only. Packet types are numbers; packet.ts has the table.

import type { Budget, Closed, CloseReason, Inbound, SessionHandler, SessionOptions } from "./contract.js";
import { Decoder, type DecoderHandler } from "./decoder.js";
import { checkWhole, encodeConnect, packetName } from "./packet.js";
import { type Flight, Sender } from "./sender.js";
import { readUtf8 } from "./text.js";

export type * from "./contract.js";
export { Refusal } from "./contract.js";
export type { ConnectFields, Subscription, Will } from "./packet.js";

/**
 * One client session, over any number of connections. The owner opens a transport, calls {@link connect}, passes what
 * arrives to {@link receive}, sends what {@link transmit} gives, and calls {@link tick} at {@link deadline}.
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
export class Session extends Sender implements DecoderHandler {
  /** Bytes of all buffers, the same over the session's whole life. */
  readonly memory: number;

  private readonly handler: SessionHandler;
  private readonly connectTimeoutMs: number;
  private readonly decoder: Decoder;
  /** PINGREQ is due after so much quiet; 0 is never. */
  private readonly idle: number;

  /** Methods that are running, one inside the other, and the first exception of a callback, to be thrown at the end. */
  private depth = 0;
  private errors: unknown[] | null = null;
  private busy = false;

  private said = 0;
  private heard = 0;
  /** The transport must have taken a byte by then; null while there is nothing to send. */
  private sendBy: number | null = null;
  /** Set when a callback is due that no request may make itself; null when none is. */
  private _since: number | null = null;
  /** What deadline() has found to be due first, when, and for which entry; the numbers are those of tick(). */
  private due = 0;
  private deadlineAt = 0;
  private oldest: Flight | null = null;

  /** The message that is arriving. */
  private readonly message: Inbound;
  /**
   * What is done with its payload. 0: looked at by nobody: a QoS 2 repeat, or a message after our DISCONNECT. 1: put
   * together in the inbox, unless it lies whole in one fragment. 2: handed over as it comes. 3: larger than the inbox:
   * its first bytes are kept, the rest is skipped. 4: skipped, for its topic is too long.
   */
  private course = 0;
  private readonly inbox: Uint8Array;
  /**
   * Inbound QoS 2 ids that were handed over and not yet released (method B of §4.3.3: deliver at PUBLISH, keep the id
   * until PUBREL); 0 marks a free place, which no id is.
   */
  private readonly kept: Uint16Array;

  /**
   * Checks everything and allocates all buffers. Throws a TypeError or RangeError for what CONNECT cannot carry and for
   * a budget or option outside of its limits.
   */
  constructor(options: SessionOptions, budget: Budget, handler: SessionHandler) {
    super(options, budget);
    const receive = checkWhole("budget.receive", budget.receive, 64, 268435455);
    const seconds = options.keepAliveSeconds;
    checkWhole("lastId", options.lastId ?? 65535, checkWhole("firstId", options.firstId ?? 1, 1, 65535), 65535);
    this.connectTimeoutMs = checkWhole("connectTimeoutMs", options.connectTimeoutMs ?? 10000, 1, 86400000);
    // PINGREQ goes up to 2 s before the keep alive is over, so that the link's delay does not make it late.
    this.idle = seconds * 1000 - Math.min(seconds * 250, 2000);
    this.handler = handler;
    this.kept = new Uint16Array(checkWhole("budget.inbound", budget.inbound, 0, 65535));
    // Only a SUBACK has a body of more than 2 bytes: one for each filter. 64 is enough for 62 of them.
    this.decoder = new Decoder(64, checkWhole("budget.topic", budget.topic, 1, 65535), this);
    this.decoder.reset(true);
    this.inbox = new Uint8Array(options.stream === true ? 0 : receive);
    this.memory = this.decoder.memory + this.inbox.length + this.kept.byteLength + budget.send;
    this.message = {
      topic: "",
      qos: 0,
      retain: false,
      dup: false,
      id: 0,
      length: 0,
      offset: 0,
      bytes: this.inbox,
      start: 0,
      end: 0,
      complete: false,
    };
  }

  // What the owner asks and tells.

  /** Whether {@link transmit} is to be called as soon as the transport takes bytes. */
  get wantsTransmit(): boolean {
    if (this.state < 2) return false;
    return this._since != null || this.start < this.end || this.type !== 0 || this._next() !== 0;
  }

  /** The transport is open: CONNECT is due [MQTT-3.1.0-1]. Throws an Error while a connection is open. */
  connect(now: number): void {
    if (this.state > 0) throw new Error("a connection is open; wait for onClosed");
    this.state = 2;
    this.sessionPresent = false;
    this.decoder.reset();
    this.end = encodeConnect(this.buffer, 0, this.options);
    this.counters.sentPackets += 1;
    this.until = (now + this.connectTimeoutMs) | 0;
    this._schedule(now);
  }

  /**
   * Bytes have come. Never throws because of what they are. Throws an Error when called from one of its own callbacks,
   * a RangeError for a range outside of `bytes`.
   */
  receive(bytes: Uint8Array, start: number, end: number, now: number): void {
    if (this.state < 2) {
      // The decoder is stopped and looks at the range only.
      this.decoder.receive(bytes, start, end);
      return;
    }
    this.instant = now | 0;
    if (end > start) this.heard = this.instant;
    this.depth += 1;
    try {
      this.decoder.receive(bytes, start, end);
    } catch (error) {
      // Misuse, for no callback throws here: another range than the bytes have, or a call from one of the callbacks.
      this.depth -= 1;
      throw error;
    }
    this.counters.receivedBytes += end - start;
    this._settle();
    this._leave();
  }

  /**
   * Puts what is to leave into `into[0…]`, at most `limit` bytes, and returns how many: 0 when there is nothing.
   * Payloads are read from their source straight into `into`. What was put counts as sent, so the owner must send all
   * of it.
   */
  transmit(into: Uint8Array, limit: number, now: number): number {
    if (!(limit >= 0 && limit <= into.length)) {
      throw new RangeError(`limit is ${limit}, but the buffer has ${into.length} bytes`);
    }
    // The buffer is being filled already.
    if (this.busy) return 0;
    this.instant = now | 0;
    this.depth += 1;
    this.busy = true;
    const generation = this.generation;
    let count = 0;
    this._settle();
    // A callback may have ended the connection and begun the next one, whose bytes are not for this transport.
    if (this.state > 1 && generation === this.generation) {
      try {
        count = this._write(into, limit);
      } catch (error) {
        this.errors ??= [error];
        this._end("internal", "a message could not be read", "");
      }
    }
    this.busy = false;
    if (count > 0) {
      this.counters.sentBytes += count;
      this.said = this.instant;
      this.sendBy = null;
    }
    this._leave();
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
    this.connected = false;
    this._schedule(now);
  }

  /** The transport has ended. What must survive is kept for the next connect(). */
  lost(now: number): void {
    this.instant = now | 0;
    this.depth += 1;
    this._settle();
    this._end("lost", "the transport ended", "");
    this._leave();
  }

  /** When {@link tick} wants to be called next (int32 milliseconds, may be past); undefined when nothing is awaited. */
  deadline(): number | undefined {
    const state = this.state;
    this.due = 0;
    if (this._since != null) return this._since;
    if (this.expected >= 0) this._note(1, this.flushBy, 0);
    if (state > 1) {
      if (this.sendBy != null) this._note(2, this.sendBy, 0);
      if (state === 2) this._note(3, this.until, 0);
      if (state === 3) {
        if (this.ping === 1) {
          // Quiet means nothing sent [MQTT-3.1.2-23], and also nothing received: a link that has died takes what is
          // sent for a long time, and only a ping finds out.
          const quiet = ((this.said - this.heard) | 0) < 0 ? this.said : this.heard;
          this._note(4, (quiet + this.idle) | 0, 0);
        }
        if (this.ping === 3) this._note(5, this.until, this.pingTimeoutMs);
        for (let index = 0; index < this.count; index += 1) {
          const item = this.list[index] as Flight;
          if ((item.phase === 3 || item.phase === 6) && this._note(6, item.until, this.ackTimeoutMs)) {
            this.oldest = item;
          }
        }
      }
    }
    if (this.due > 0) return this.deadlineAt;
  }

  /**
   * Keeps the earliest of the deadlines; true when it is this one. An answer, for which there are `timeout`
   * milliseconds, cannot come in the middle of another packet: while one is arriving, its time runs from the last bytes
   * that came.
   */
  private _note(due: number, limit: number, period: number): boolean {
    let at = limit;
    if (period > 0 && this.decoder.partial) {
      const quiet = (this.heard + period) | 0;
      if (((quiet - at) | 0) > 0) at = quiet;
    }
    if (this.due > 0 && ((at - this.deadlineAt) | 0) >= 0) return false;
    this.due = due;
    this.deadlineAt = at;
    return true;
  }

  /** Time has passed. May be called at any time; does something at {@link deadline}. */
  tick(now: number): void {
    this.instant = now | 0;
    this.depth += 1;
    this._settle();
    this._since = null;
    for (;;) {
      const at = this.deadline();
      const due = this.due;
      if (due === 0 || ((this.instant - (at as number)) | 0) < 0) break;
      if (due === 1) {
        this.expected = -1;
        this._tell("onFlushed", false);
      } else if (due === 4) {
        this.ping = 2;
        // From now on bounded by the time that the transport may take for it.
        this._schedule(now);
      } else {
        let what = "the transport took no byte";
        let period = this.ackTimeoutMs;
        if (due === 3) {
          what = "no CONNACK";
          period = this.connectTimeoutMs;
        } else if (due === 5) {
          what = "no PINGRESP";
          period = this.pingTimeoutMs;
        } else if (due === 6) {
          const item = this.oldest as Flight;
          what = `no ${packetName(item.answer)} for id ${item.id}`;
        }
        this._end("timeout", `${what} within ${period} ms`, due === 5 ? "MQTT-3.12.4-1" : "");
      }
    }
    this._leave();
  }

  // The frame around each call.

  /** Calls the owner. False when that threw; the exception waits until the outermost method has done its work. */
  private _tell(name: keyof SessionHandler, what: unknown, codes?: unknown): boolean {
    try {
      (this.handler as unknown as Record<typeof name, (what: unknown, codes: unknown) => void>)[name](what, codes);
      return true;
    } catch (error) {
      this.errors ??= [error];
      return false;
    }
  }

  private _leave(): void {
    this._schedule(this.instant);
    this.depth -= 1;
    const errors = this.errors;
    if (this.depth > 0 || errors == null) return;
    this.errors = null;
    throw errors[0];
  }

  /** Sets the deadlines that follow from there being something to send or to tell. */
  protected _schedule(now: number): void {
    this.instant = now | 0;
    this._since = null;
    if (!this.wantsTransmit) this.sendBy = null;
    else if (this.sendBy == null) this.sendBy = (now + this.ackTimeoutMs) | 0;
    if (this.state === 5 || this.expected === 0 || this._find(0, 7) != null) {
      this._since = this.instant;
    }
  }

  /** Makes the callbacks that are due because of what was done before. */
  private _settle(): void {
    for (;;) {
      const item = this._find(0, 7);
      if (item == null) break;
      const id = item.id;
      this._forget(item);
      this._tell("onDelivered", id);
    }
    if (this.expected === 0) {
      this.expected = -1;
      this._tell("onFlushed", true);
    }
    if (this.state === 5) this._end("disconnected", "", "");
  }

  /**
   * The one way to the end. All state is settled before the first callback, so that any of them may call anything;
   * onClosed is the last. Keeps what is session state, in its order, to be sent again; all of it goes when the session
   * was clean [MQTT-3.1.2-6]. When CONNACK refused, nothing of this connection counts as sent [MQTT-3.1.4-5].
   */
  protected _end(reason: CloseReason, detail: string, statement: string, code?: number): void {
    if (this.state < 2) return;
    const pipelined = reason === "lost" && this.early && !this.online;
    const closed: Closed = { reason, detail, statement, code: code ?? 0, pipelined };
    this.state = 1;
    this.connected = false;
    this.sendBy = null;
    this._clear();
    // Whatever is left of a fragment that is being received is dropped.
    this.decoder.reset(true);
    for (let index = this.count - 1; index >= 0; index -= 1) {
      const item = this.list[index] as Flight;
      if (item.phase === 7) continue;
      if (this.options.clean || item.answer === 0 || item.answer > 7) {
        // Neither QoS 0 nor a request is session state (§4.1). A flush that waits for it has failed.
        item.flush = false;
        this._forget(item);
        continue;
      }
      item.phase = item.answer === 7 ? 4 : 1;
      if (item.began && reason !== "refused") item.resumed = true;
      item.began = false;
    }
    this._settle();
    if (this.expected > 0) {
      this.expected = -1;
      this._tell("onFlushed", false);
    }
    this.state = 0;
    this._tell("onClosed", closed);
  }

  // What the decoder finds; nobody else calls these.

  onMalformed(detail: string, statement: string): void {
    this._end("malformed", detail, statement);
  }

  onPacket(type: number, bytes: Uint8Array, start: number, end: number): void {
    const id = ((bytes[start] as number) << 8) | (bytes[start + 1] as number);
    this.counters.receivedPackets += 1;
    if (type === 2) {
      this._onConnected(id > 255, id & 255);
      return;
    }
    if (!this.online) {
      this._end("violation", `${packetName(type)} before CONNACK`, "MQTT-3.2.0-1");
      return;
    }
    if (type === 13) {
      // One that nobody asked for changes nothing.
      if (this.ping === 3) this.ping = 1;
      return;
    }
    if (type === 6) {
      // The id is free, whether it was held or not.
      const place = this.kept.indexOf(id);
      if (place >= 0) this.kept[place] = 0;
      this._answer(7, id);
      return;
    }
    const item = this._find(id, 0);
    if (item != null) {
      this._handle(item, type, bytes, start + 2, end);
      return;
    }
    // A late answer answers nothing. Only PUBREC leaves the server waiting: for the PUBREL of a message that we forgot.
    if (type === 5) this._answer(6, id);
  }

  private _onConnected(sessionPresent: boolean, code: number): void {
    if (this.online) {
      this._end("violation", "a second CONNACK", "MQTT-3.2.0-1");
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
      this._end("refused", detail ?? `reserved code ${code}`, sessionPresent ? "MQTT-3.2.2-4" : "", code);
      return;
    }
    if (sessionPresent && this.options.clean) {
      this._end("violation", "Session Present 1 for a clean session", "MQTT-3.2.2-1");
      return;
    }
    this.counters.connections += 1;
    this.sessionPresent = sessionPresent;
    this.online = true;
    if (!sessionPresent) {
      // The server has no session [MQTT-3.1.2-6, MQTT-3.2.2-3]. An inbound id kept would swallow a new message. What
      // the server already owned is delivered; what it may not have goes as new. What has left on this connection
      // already is not sent again.
      for (let index = 0; index < this.kept.length; index += 1) this.kept[index] = 0;
      for (let index = 0; index < this.count; index += 1) {
        const item = this.list[index] as Flight;
        if (item.answer === 7) item.phase = 7;
        else item.resumed = false;
      }
    }
    // After disconnect() what CONNACK says about the session holds all the same.
    if (this.state === 2) {
      this.state = 3;
      this.connected = true;
      if (this.idle > 0) this.ping = 1;
      this._tell("onConnected", sessionPresent);
    }
  }

  /** An answer to an entry of the table. `bytes[start..end)` is what follows the packet id. */
  private _handle(item: Flight, type: number, bytes: Uint8Array, start: number, end: number): void {
    const id = item.id;
    const answer = item.answer;
    const phase = item.phase;
    const repeated = type === 5 && answer === 7;
    let fault = "";
    if (type !== answer && !repeated) fault = `, which waits for ${packetName(answer)}`;
    else if (phase < 3 && !item.resumed) fault = ", which was not sent";
    else if (phase === 4 && !repeated && !item.began && !item.resumed) fault = " before PUBREL";
    if (fault !== "") {
      // The statement that binds the server to answer in the one way that is right.
      const statement = answer === 4 ? "4.3.2-2" : answer === 9 ? "3.8.4-1" : answer === 11 ? "3.10.4-4" : "4.3.3-2";
      this._end("violation", `${packetName(type)} for id ${id}${fault}`, `MQTT-${statement}`);
      return;
    }
    if (repeated) {
      if (phase === 6) item.phase = 4;
      return;
    }
    // The packet goes again, or PUBREL is on its way, and will be answered again; or all is settled already.
    if (phase < 3 || phase === 5 || phase === 7) return;
    if (type === 5) {
      this._record(item);
      return;
    }
    let codes: number[] | null = null;
    if (type === 9) {
      if (end - start !== item.length) {
        fault = `SUBACK with ${end - start} codes for ${item.length} filters`;
        this._end("violation", fault, "MQTT-3.8.4-5");
        return;
      }
      codes = [];
      for (let at = start; at < end; at += 1) {
        const code = bytes[at] as number;
        if (code > 2 && code !== 128) {
          this._end("violation", `SUBACK with code ${code}`, "MQTT-3.9.3-2");
          return;
        }
        codes.push(code);
      }
    }
    // The entry is over before the owner is told, so that its place is free.
    this._forget(item);
    this._tell(type === 9 ? "onSubscribed" : type === 11 ? "onUnsubscribed" : "onDelivered", id, codes);
  }

  /** The owner records the message as received first; only then may PUBREL leave. */
  private _record(item: Flight): void {
    const generation = this.generation;
    const id = item.id;
    if (!this._tell("onReceived", id)) {
      if (generation === this.generation) this._end("internal", "onReceived threw", "");
      return;
    }
    // The callback may have ended the connection. The record is made all the same, so PUBREL is what the next one
    // sends.
    if (item.id === id && (item.phase === 3 || (item.phase === 1 && item.resumed))) this._advance(item);
  }

  onPublish(
    flags: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    id: number,
    length: number,
    size: number,
  ): void {
    const message = this.message;
    const qos = (flags >> 1) & 3;
    this.counters.receivedPackets += 1;
    if (!this.online) {
      this._end("violation", "PUBLISH before CONNACK", "MQTT-3.2.0-1");
      return;
    }
    message.qos = qos;
    message.id = id;
    this.course = 0;
    // After DISCONNECT it could not be acknowledged: the server keeps it for the next connection.
    if (this.type === 14 || this.state === 5) return;
    if (qos === 2) {
      if (this.kept.indexOf(id) >= 0) {
        this.counters.repeated += 1;
        return;
      }
      if (this.kept.indexOf(0) < 0) {
        this._end("overflow", "more inbound QoS 2 messages at once than budget.inbound", "MQTT-4.8.0-2");
        return;
      }
    }
    message.topic = readUtf8(bytes, start, end);
    message.retain = (flags & 1) !== 0;
    message.dup = (flags & 8) !== 0;
    message.length = length;
    if (end - start < size) this.course = 4;
    else if (this.options.stream === true) this.course = 2;
    else this.course = length > this.inbox.length ? 3 : 1;
  }

  onPayload(bytes: Uint8Array, start: number, end: number, offset: number, last: boolean): void {
    const generation = this.generation;
    const course = this.course;
    const message = this.message;
    const inbox = this.inbox;
    const id = message.id;
    const qos = message.qos;
    message.bytes = bytes;
    message.start = start;
    message.end = end;
    message.offset = offset;
    message.complete = last && course < 3;
    if (course === 3 || (course === 1 && (offset > 0 || !last))) {
      const room = inbox.length - offset;
      if (room > 0) inbox.set(bytes.subarray(start, Math.min(end, start + room)), offset);
      message.bytes = inbox;
      message.start = 0;
      message.end = Math.min(message.length, inbox.length);
      message.offset = 0;
    }
    if (course === 4) {
      message.end = start;
      message.offset = 0;
    }
    if (course === 2 || (last && course > 0)) {
      // The id is held before the callback: whatever happens in there, the message was handed over once.
      if (last && qos === 2) this.kept[this.kept.indexOf(0)] = id;
      if (course > 2) this.counters.overflowed += 1;
      this._tell(course > 2 ? "onOverflow" : "onMessage", message);
      // The fragment belongs to the transport.
      message.bytes = inbox;
      message.start = 0;
      message.end = 0;
    }
    // QoS 1 is answered by PUBACK, QoS 2 by PUBREC, in the order of arrival [MQTT-4.6.0-2, MQTT-4.6.0-3].
    if (last && qos > 0 && generation === this.generation) this._answer(qos + 3, id);
  }
}
