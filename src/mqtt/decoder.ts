// MQTT 3.1.1 control packets on their way in: bytes in any fragments become packets, topics and pieces of payload. What
// lies whole in one fragment is handed on where it lies; only headers and control packets that a fragment boundary
// splits are gathered in one buffer of fixed size, and payloads never are. Checks what every packet from a server must
// obey by itself; what is legal at which moment is the session's to know. Whatever the peer sends, nothing here throws
// or grows.

import { PacketType, packetName } from "./packet.js";
import { topicNameFault } from "./topic.js";
import { characterBoundary } from "./utf8.js";

/**
 * Receives what the decoder finds, in the order of the wire, from inside `receive()`. Byte ranges are valid during the
 * call only. A handler may call `reset()`: the rest of the fragment is then dropped, whatever it returns. When a
 * handler throws, that counts as `true`: the rest of the fragment is decoded all the same, so that no byte is lost, and
 * the first exception leaves `receive()` afterwards.
 */
export interface DecoderHandler {
  /**
   * A whole control packet other than PUBLISH. `bytes[start..end)` is its body, after the fixed header. Return false to
   * stop: the decoder then ignores everything until `reset()`.
   */
  onPacket(type: number, flags: number, bytes: Uint8Array, start: number, end: number): boolean;
  /** The header of a PUBLISH is complete. `id` is 0 for QoS 0. `length` payload bytes follow. Return false to stop. */
  onPublish(
    flags: number,
    bytes: Uint8Array,
    topicStart: number,
    topicEnd: number,
    id: number,
    length: number,
  ): boolean;
  /**
   * A piece of that payload, as it lay in the fragment. `offset` is its position in the payload, `last` is true for the
   * piece that completes it. A payload of no bytes gives one empty piece. Return false to stop.
   */
  onPayload(bytes: Uint8Array, start: number, end: number, offset: number, last: boolean): boolean;
  /**
   * The bytes cannot be a legal packet from a server; the decoder has stopped. `statement` is the broken normative
   * statement without brackets, "" where the standard's text has none.
   */
  onMalformed(detail: string, statement: string): void;
  /**
   * A PUBLISH whose topic of `topicLength` bytes is longer than the topic limit. `bytes[start..end)` is its beginning,
   * cut between two characters; the rest of it is not looked at. The payload of `length` bytes is skipped too, then
   * `onSkipped` ends the packet. Return false to stop.
   */
  onLongTopic(
    flags: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    topicLength: number,
    length: number,
  ): boolean;
  /** A PUBLISH with a long topic is over. `id` is 0 for QoS 0. Return false to stop. */
  onSkipped(flags: number, id: number): boolean;
}

/**
 * What the next byte belongs to.
 *
 *   TYPE ──► LENGTH ──► BODY ────────────────────────────────► TYPE
 *                 └───► HEADER ──► PAYLOAD | EMPTY ──────────► TYPE
 *                            └───► TOPIC ──► ID ──► SKIP ──► SKIPPED ──► TYPE
 *   any ──► STOPPED ──reset()──► TYPE
 *
 * The states from EMPTY on need no byte: a call to the handler is due.
 */
const State = Object.freeze({
  STOPPED: 0,
  /** First byte of a packet. */
  TYPE: 1,
  /** Remaining length, up to four bytes. */
  LENGTH: 2,
  /** Everything after the fixed header of a packet other than PUBLISH. */
  BODY: 3,
  /** Topic and id of a PUBLISH. */
  HEADER: 4,
  PAYLOAD: 5,
  /** The rest of a long topic. */
  TOPIC: 6,
  /** The packet id after a long topic. */
  ID: 7,
  /** The payload after a long topic. */
  SKIP: 8,
  /** A payload of no bytes is to be reported. */
  EMPTY: 9,
  /** The end of a skipped PUBLISH is to be reported. */
  SKIPPED: 10,
} as const);
type State = (typeof State)[keyof typeof State];

/** Position while no fragment is being decoded, and after reset(): beyond every fragment, so that the loop ends. */
const AT_REST = 0x7fffffff;

/** Turns bytes in any fragments into calls to a {@link DecoderHandler}. Each new connection begins with a reset(). */
export class Decoder {
  private readonly _handler: DecoderHandler;
  private readonly _controlLimit: number;
  private readonly _topicLimit: number;
  /** Gathers what a fragment boundary splits. */
  private readonly _scratch: Uint8Array;
  private _state: State = State.TYPE;
  /** Where in the current fragment the next byte is. Always past what was reported before the handler is called. */
  private _at = AT_REST;
  /** First byte of the packet: type and flags. */
  private _first = 0;
  /** Bytes of the packet that are still to come, without those in the scratch buffer; in LENGTH what is known of it. */
  private _remaining = 0;
  /** Bits of the remaining length read so far. */
  private _shift = 0;
  /** Bytes in the scratch buffer. */
  private _held = 0;
  /** Position in the payload; in TOPIC how many bytes of it are still to be skipped. */
  private _offset = 0;
  /** Packet id of a PUBLISH with a long topic. */
  private _id = 0;

  /**
   * @param controlLimit largest body of a control packet other than PUBLISH, in bytes, at least 4
   * @param topicLimit longest topic handed over, in bytes, at least 1
   */
  constructor(controlLimit: number, topicLimit: number, handler: DecoderHandler) {
    if (!Number.isInteger(controlLimit) || controlLimit < 4)
      throw new RangeError("controlLimit must be at least 4 bytes");
    if (!Number.isInteger(topicLimit) || topicLimit < 1) throw new RangeError("topicLimit must be at least 1 byte");
    this._handler = handler;
    this._controlLimit = controlLimit;
    this._topicLimit = topicLimit;
    // A topic is gathered together with its length before it and its packet id after it.
    this._scratch = new Uint8Array(Math.max(controlLimit, topicLimit + 4));
  }

  /** Whether the bytes so far end inside a packet. False after a malformed one. */
  get partial(): boolean {
    return this._state > State.TYPE;
  }

  /** Bytes of the buffer held, for the memory budget. */
  get memory(): number {
    return this._scratch.length;
  }

  /** Forgets what was begun: the next byte is the first of a new connection. Allowed from inside a handler. */
  reset(): void {
    this._state = State.TYPE;
    this._at = AT_REST;
  }

  /**
   * Decodes `bytes[start..end)`. Throws a RangeError for a range outside of `bytes`, an Error when called from inside a
   * handler, and what a handler has thrown; never because of what the bytes are.
   */
  receive(bytes: Uint8Array, start: number, end: number): void {
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(`range ${start}..${end} lies outside of the ${bytes.length} bytes received`);
    }
    if (this._at !== AT_REST) throw new Error("receive() was called from inside a handler; call it afterwards");
    let failure: unknown;
    let failed = false;
    this._at = start;
    // The loop stands inside the `try`, and the `try` inside a loop: entering it costs nothing for each packet.
    while (this._hasWork(end)) {
      try {
        while (this._hasWork(end)) this._step(bytes, end);
      } catch (error) {
        if (!failed) failure = error;
        failed = true;
      }
    }
    this._at = AT_REST;
    if (failed) throw failure;
  }

  private _hasWork(end: number): boolean {
    return this._at < end ? this._state !== State.STOPPED : this._state >= State.EMPTY;
  }

  /**
   * Goes on by one part of a packet and calls the handler at most once, as the last thing: a handler that resets the
   * decoder then finds nothing that would undo it. STOPPED has no arm: hasWork() keeps it from coming here.
   */
  private _step(bytes: Uint8Array, end: number): void {
    switch (this._state) {
      case State.TYPE:
        this._takeType(bytes[this._at] as number);
        return;
      case State.LENGTH:
        this._takeLength(bytes, end);
        return;
      case State.BODY:
        this._takeBody(bytes, end);
        return;
      case State.HEADER:
        this._takeHeader(bytes, end);
        return;
      case State.PAYLOAD:
        this._takePayload(bytes, end);
        return;
      case State.TOPIC:
        this._skipTopic(end);
        return;
      case State.ID:
        this._takeId(bytes, end);
        return;
      case State.SKIP:
        this._skipPayload(end);
        return;
      case State.EMPTY:
        this._state = State.TYPE;
        this._settle(this._handler.onPayload(bytes, this._at, this._at, 0, true));
        return;
      case State.SKIPPED:
        this._state = State.TYPE;
        this._settle(this._handler.onSkipped(this._first & 0x0f, this._id));
        return;
    }
  }

  /** What a handler's answer means, unless it has reset the decoder. */
  private _settle(goOn: boolean): void {
    if (!goOn && this._at !== AT_REST) this._state = State.STOPPED;
  }

  private _malformed(detail: string, statement: string): void {
    this._state = State.STOPPED;
    this._handler.onMalformed(detail, statement);
  }

  private _takeType(first: number): void {
    this._at += 1;
    this._first = first;
    this._remaining = 0;
    this._shift = 0;
    this._held = 0;
    this._state = State.LENGTH;
    const type = first >> 4;
    const flags = first & 0x0f;
    switch (type) {
      case PacketType.PUBLISH:
        if ((flags & 0x06) === 0x06) this._malformed("PUBLISH with QoS 3", "MQTT-3.3.1-4");
        else if ((flags & 0x0e) === 0x08) this._malformed("PUBLISH with QoS 0 and DUP 1", "MQTT-3.3.1-2");
        return;
      case PacketType.CONNACK:
      case PacketType.PUBACK:
      case PacketType.PUBREC:
      case PacketType.PUBREL:
      case PacketType.PUBCOMP:
      case PacketType.SUBACK:
      case PacketType.UNSUBACK:
      case PacketType.PINGRESP:
        if (flags !== (type === PacketType.PUBREL ? 0x02 : 0)) {
          this._malformed(`${packetName(type)} with flags ${flags}`, "MQTT-2.2.2-2");
        }
        return;
      case 0:
      case 15:
        this._malformed(`packet of the forbidden ${packetName(type)}`, "");
        return;
      default:
        this._malformed(`${packetName(type)} is for clients to send`, "");
    }
  }

  private _takeLength(bytes: Uint8Array, end: number): void {
    let at = this._at;
    while (at < end) {
      const byte = bytes[at] as number;
      at += 1;
      this._remaining |= (byte & 0x7f) << this._shift;
      if (byte < 0x80) {
        this._at = at;
        this._beginBody(bytes);
        return;
      }
      this._shift += 7;
      if (this._shift === 28) {
        // The fourth byte must be the last, so there is no need to wait for a fifth (§2.2.3).
        this._malformed("remaining length of more than four bytes", "");
        return;
      }
    }
    this._at = at;
  }

  /** The fixed header is complete. Lengths that 3.1.1 fixes, and the least of those that vary, are checked here. */
  private _beginBody(bytes: Uint8Array): void {
    const type = this._first >> 4;
    const length = this._remaining;
    if (type === PacketType.PUBLISH) {
      const least = (this._first & 0x06) === 0 ? 3 : 5;
      if (length < least)
        this._malformed(`PUBLISH of ${length} bytes has no room for its topic and id`, "MQTT-3.3.2-1");
      else this._state = State.HEADER;
      return;
    }
    if (type === PacketType.SUBACK) {
      if (length < 3) this._malformed(`SUBACK of ${length} bytes has no return code`, "MQTT-3.8.4-5");
      else if (length > this._controlLimit) {
        this._malformed(`SUBACK of ${length} bytes is larger than the receive buffer`, "MQTT-4.8.0-2");
      } else this._state = State.BODY;
      return;
    }
    if (length !== (type === PacketType.PINGRESP ? 0 : 2)) {
      this._malformed(`${packetName(type)} of ${length} bytes`, "");
    } else if (length === 0) {
      this._state = State.TYPE;
      this._settle(this._handler.onPacket(type, this._first & 0x0f, bytes, this._at, this._at));
    } else {
      this._state = State.BODY;
    }
  }

  private _takeBody(bytes: Uint8Array, end: number): void {
    const at = this._at;
    const length = this._remaining;
    if (this._held === 0 && end - at >= length) {
      this._at = at + length;
      this._endBody(bytes, at, at + length);
    } else if (this._gather(bytes, end, length)) {
      this._endBody(this._scratch, 0, length);
    }
  }

  private _endBody(bytes: Uint8Array, start: number, end: number): void {
    const type = this._first >> 4;
    if (type === PacketType.CONNACK) {
      if ((bytes[start] as number) > 1) {
        this._malformed(`CONNACK with acknowledge flags ${bytes[start]}`, "");
        return;
      }
    } else if (bytes[start] === 0 && bytes[start + 1] === 0) {
      this._malformed(`${packetName(type)} with packet id 0`, "MQTT-2.3.1-1");
      return;
    }
    this._state = State.TYPE;
    this._settle(this._handler.onPacket(type, this._first & 0x0f, bytes, start, end));
  }

  /** Copies bytes of the fragment until the scratch buffer holds `size`; false when the fragment ended before that. */
  private _gather(bytes: Uint8Array, end: number, size: number): boolean {
    const at = this._at;
    const count = Math.min(size - this._held, end - at);
    this._scratch.set(bytes.subarray(at, at + count), this._held);
    this._held += count;
    this._at = at + count;
    return this._held === size;
  }

  private _takeHeader(bytes: Uint8Array, end: number): void {
    const at = this._at;
    const whole = this._held === 0 && end - at >= 2;
    if (!whole && this._held < 2 && !this._gather(bytes, end, 2)) return;
    const source = whole ? bytes : this._scratch;
    const start = whole ? at : 0;
    const topicLength = ((source[start] as number) << 8) | (source[start + 1] as number);
    const idLength = (this._first & 0x06) === 0 ? 0 : 2;
    if (topicLength === 0) {
      this._malformed("PUBLISH with an empty topic", "MQTT-4.7.3-1");
      return;
    }
    if (2 + topicLength + idLength > this._remaining) {
      this._malformed(`PUBLISH topic of ${topicLength} bytes goes beyond the packet`, "MQTT-3.3.2-1");
      return;
    }
    const long = topicLength > this._topicLimit;
    const size = long ? 2 + this._topicLimit : 2 + topicLength + idLength;
    if (whole && end - at >= size) {
      this._at = at + size;
      this._report(bytes, at, topicLength, long);
    } else if (this._gather(bytes, end, size)) {
      this._report(this._scratch, 0, topicLength, long);
    }
  }

  /** `bytes[start…]` holds all of a PUBLISH header, or its beginning when the topic is too long. */
  private _report(bytes: Uint8Array, start: number, topicLength: number, long: boolean): void {
    const flags = this._first & 0x0f;
    const qos = flags & 0x06;
    const length = this._remaining - 2 - topicLength - (qos === 0 ? 0 : 2);
    const topicStart = start + 2;
    const topicEnd = long
      ? characterBoundary(bytes, topicStart, topicStart + this._topicLimit)
      : topicStart + topicLength;
    // A limit shorter than the first character leaves nothing that could be checked.
    const fault = topicEnd > topicStart ? topicNameFault(bytes, topicStart, topicEnd) : "";
    if (fault !== "") {
      this._malformed("PUBLISH topic is not a legal topic name", fault);
      return;
    }
    this._remaining = length;
    if (long) {
      this._offset = topicLength - this._topicLimit;
      this._held = 0;
      this._id = 0;
      this._state = State.TOPIC;
      this._settle(this._handler.onLongTopic(flags, bytes, topicStart, topicEnd, topicLength, length));
      return;
    }
    let id = 0;
    if (qos !== 0) {
      id = ((bytes[topicEnd] as number) << 8) | (bytes[topicEnd + 1] as number);
      if (id === 0) {
        this._malformed(`PUBLISH with QoS ${qos >> 1} and packet id 0`, "MQTT-2.3.1-1");
        return;
      }
    }
    this._offset = 0;
    this._state = length === 0 ? State.EMPTY : State.PAYLOAD;
    this._settle(this._handler.onPublish(flags, bytes, topicStart, topicEnd, id, length));
  }

  private _takePayload(bytes: Uint8Array, end: number): void {
    const at = this._at;
    const offset = this._offset;
    const count = Math.min(end - at, this._remaining);
    const last = count === this._remaining;
    this._at = at + count;
    this._offset = offset + count;
    this._remaining -= count;
    if (last) this._state = State.TYPE;
    this._settle(this._handler.onPayload(bytes, at, at + count, offset, last));
  }

  private _skipTopic(end: number): void {
    const count = Math.min(end - this._at, this._offset);
    this._at += count;
    this._offset -= count;
    if (this._offset > 0) return;
    if ((this._first & 0x06) !== 0) this._state = State.ID;
    else this._state = this._remaining === 0 ? State.SKIPPED : State.SKIP;
  }

  private _takeId(bytes: Uint8Array, end: number): void {
    if (!this._gather(bytes, end, 2)) return;
    this._id = ((this._scratch[0] as number) << 8) | (this._scratch[1] as number);
    if (this._id === 0) this._malformed("PUBLISH with a long topic and packet id 0", "MQTT-2.3.1-1");
    else this._state = this._remaining === 0 ? State.SKIPPED : State.SKIP;
  }

  private _skipPayload(end: number): void {
    const count = Math.min(end - this._at, this._remaining);
    this._at += count;
    this._remaining -= count;
    if (this._remaining === 0) this._state = State.SKIPPED;
  }
}
