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
  readonly #handler: DecoderHandler;
  readonly #controlLimit: number;
  readonly #topicLimit: number;
  /** Gathers what a fragment boundary splits. */
  readonly #scratch: Uint8Array;
  #state: State = State.TYPE;
  /** Where in the current fragment the next byte is. Always past what was reported before the handler is called. */
  #at = AT_REST;
  /** First byte of the packet: type and flags. */
  #first = 0;
  /** Bytes of the packet that are still to come, without those in the scratch buffer; in LENGTH what is known of it. */
  #remaining = 0;
  /** Bits of the remaining length read so far. */
  #shift = 0;
  /** Bytes in the scratch buffer. */
  #held = 0;
  /** Position in the payload; in TOPIC how many bytes of it are still to be skipped. */
  #offset = 0;
  /** Packet id of a PUBLISH with a long topic. */
  #id = 0;

  /**
   * @param controlLimit largest body of a control packet other than PUBLISH, in bytes, at least 4
   * @param topicLimit longest topic handed over, in bytes, at least 1
   */
  constructor(controlLimit: number, topicLimit: number, handler: DecoderHandler) {
    if (!Number.isInteger(controlLimit) || controlLimit < 4)
      throw new RangeError("controlLimit must be at least 4 bytes");
    if (!Number.isInteger(topicLimit) || topicLimit < 1) throw new RangeError("topicLimit must be at least 1 byte");
    this.#handler = handler;
    this.#controlLimit = controlLimit;
    this.#topicLimit = topicLimit;
    // A topic is gathered together with its length before it and its packet id after it.
    this.#scratch = new Uint8Array(Math.max(controlLimit, topicLimit + 4));
  }

  /** Whether the bytes so far end inside a packet. False after a malformed one. */
  get partial(): boolean {
    return this.#state > State.TYPE;
  }

  /** Bytes of the buffer held, for the memory budget. */
  get memory(): number {
    return this.#scratch.length;
  }

  /** Forgets what was begun: the next byte is the first of a new connection. Allowed from inside a handler. */
  reset(): void {
    this.#state = State.TYPE;
    this.#at = AT_REST;
  }

  /**
   * Decodes `bytes[start..end)`. Throws a RangeError for a range outside of `bytes`, an Error when called from inside a
   * handler, and what a handler has thrown; never because of what the bytes are.
   */
  receive(bytes: Uint8Array, start: number, end: number): void {
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(`range ${start}..${end} lies outside of the ${bytes.length} bytes received`);
    }
    if (this.#at !== AT_REST) throw new Error("receive() was called from inside a handler; call it afterwards");
    let failure: unknown;
    let failed = false;
    this.#at = start;
    // The loop stands inside the `try`, and the `try` inside a loop: entering it costs nothing for each packet.
    while (this.#hasWork(end)) {
      try {
        while (this.#hasWork(end)) this.#step(bytes, end);
      } catch (error) {
        if (!failed) failure = error;
        failed = true;
      }
    }
    this.#at = AT_REST;
    if (failed) throw failure;
  }

  #hasWork(end: number): boolean {
    return this.#at < end ? this.#state !== State.STOPPED : this.#state >= State.EMPTY;
  }

  /**
   * Goes on by one part of a packet and calls the handler at most once, as the last thing: a handler that resets the
   * decoder then finds nothing that would undo it. STOPPED has no arm: hasWork() keeps it from coming here.
   */
  #step(bytes: Uint8Array, end: number): void {
    switch (this.#state) {
      case State.TYPE:
        this.#takeType(bytes[this.#at] as number);
        return;
      case State.LENGTH:
        this.#takeLength(bytes, end);
        return;
      case State.BODY:
        this.#takeBody(bytes, end);
        return;
      case State.HEADER:
        this.#takeHeader(bytes, end);
        return;
      case State.PAYLOAD:
        this.#takePayload(bytes, end);
        return;
      case State.TOPIC:
        this.#skipTopic(end);
        return;
      case State.ID:
        this.#takeId(bytes, end);
        return;
      case State.SKIP:
        this.#skipPayload(end);
        return;
      case State.EMPTY:
        this.#state = State.TYPE;
        this.#settle(this.#handler.onPayload(bytes, this.#at, this.#at, 0, true));
        return;
      case State.SKIPPED:
        this.#state = State.TYPE;
        this.#settle(this.#handler.onSkipped(this.#first & 0x0f, this.#id));
        return;
    }
  }

  /** What a handler's answer means, unless it has reset the decoder. */
  #settle(goOn: boolean): void {
    if (!goOn && this.#at !== AT_REST) this.#state = State.STOPPED;
  }

  #malformed(detail: string, statement: string): void {
    this.#state = State.STOPPED;
    this.#handler.onMalformed(detail, statement);
  }

  #takeType(first: number): void {
    this.#at += 1;
    this.#first = first;
    this.#remaining = 0;
    this.#shift = 0;
    this.#held = 0;
    this.#state = State.LENGTH;
    const type = first >> 4;
    const flags = first & 0x0f;
    switch (type) {
      case PacketType.PUBLISH:
        if ((flags & 0x06) === 0x06) this.#malformed("PUBLISH with QoS 3", "MQTT-3.3.1-4");
        else if ((flags & 0x0e) === 0x08) this.#malformed("PUBLISH with QoS 0 and DUP 1", "MQTT-3.3.1-2");
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
          this.#malformed(`${packetName(type)} with flags ${flags}`, "MQTT-2.2.2-2");
        }
        return;
      case 0:
      case 15:
        this.#malformed(`packet of the forbidden ${packetName(type)}`, "");
        return;
      default:
        this.#malformed(`${packetName(type)} is for clients to send`, "");
    }
  }

  #takeLength(bytes: Uint8Array, end: number): void {
    let at = this.#at;
    while (at < end) {
      const byte = bytes[at] as number;
      at += 1;
      this.#remaining |= (byte & 0x7f) << this.#shift;
      if (byte < 0x80) {
        this.#at = at;
        this.#beginBody(bytes);
        return;
      }
      this.#shift += 7;
      if (this.#shift === 28) {
        // The fourth byte must be the last, so there is no need to wait for a fifth (§2.2.3).
        this.#malformed("remaining length of more than four bytes", "");
        return;
      }
    }
    this.#at = at;
  }

  /** The fixed header is complete. Lengths that 3.1.1 fixes, and the least of those that vary, are checked here. */
  #beginBody(bytes: Uint8Array): void {
    const type = this.#first >> 4;
    const length = this.#remaining;
    if (type === PacketType.PUBLISH) {
      const least = (this.#first & 0x06) === 0 ? 3 : 5;
      if (length < least)
        this.#malformed(`PUBLISH of ${length} bytes has no room for its topic and id`, "MQTT-3.3.2-1");
      else this.#state = State.HEADER;
      return;
    }
    if (type === PacketType.SUBACK) {
      if (length < 3) this.#malformed(`SUBACK of ${length} bytes has no return code`, "MQTT-3.8.4-5");
      else if (length > this.#controlLimit) {
        this.#malformed(`SUBACK of ${length} bytes is larger than the receive buffer`, "MQTT-4.8.0-2");
      } else this.#state = State.BODY;
      return;
    }
    if (length !== (type === PacketType.PINGRESP ? 0 : 2)) {
      this.#malformed(`${packetName(type)} of ${length} bytes`, "");
    } else if (length === 0) {
      this.#state = State.TYPE;
      this.#settle(this.#handler.onPacket(type, this.#first & 0x0f, bytes, this.#at, this.#at));
    } else {
      this.#state = State.BODY;
    }
  }

  #takeBody(bytes: Uint8Array, end: number): void {
    const at = this.#at;
    const length = this.#remaining;
    if (this.#held === 0 && end - at >= length) {
      this.#at = at + length;
      this.#endBody(bytes, at, at + length);
    } else if (this.#gather(bytes, end, length)) {
      this.#endBody(this.#scratch, 0, length);
    }
  }

  #endBody(bytes: Uint8Array, start: number, end: number): void {
    const type = this.#first >> 4;
    if (type === PacketType.CONNACK) {
      if ((bytes[start] as number) > 1) {
        this.#malformed(`CONNACK with acknowledge flags ${bytes[start]}`, "");
        return;
      }
    } else if (bytes[start] === 0 && bytes[start + 1] === 0) {
      this.#malformed(`${packetName(type)} with packet id 0`, "MQTT-2.3.1-1");
      return;
    }
    this.#state = State.TYPE;
    this.#settle(this.#handler.onPacket(type, this.#first & 0x0f, bytes, start, end));
  }

  /** Copies bytes of the fragment until the scratch buffer holds `size`; false when the fragment ended before that. */
  #gather(bytes: Uint8Array, end: number, size: number): boolean {
    const at = this.#at;
    const count = Math.min(size - this.#held, end - at);
    this.#scratch.set(bytes.subarray(at, at + count), this.#held);
    this.#held += count;
    this.#at = at + count;
    return this.#held === size;
  }

  #takeHeader(bytes: Uint8Array, end: number): void {
    const at = this.#at;
    const whole = this.#held === 0 && end - at >= 2;
    if (!whole && this.#held < 2 && !this.#gather(bytes, end, 2)) return;
    const source = whole ? bytes : this.#scratch;
    const start = whole ? at : 0;
    const topicLength = ((source[start] as number) << 8) | (source[start + 1] as number);
    const idLength = (this.#first & 0x06) === 0 ? 0 : 2;
    if (topicLength === 0) {
      this.#malformed("PUBLISH with an empty topic", "MQTT-4.7.3-1");
      return;
    }
    if (2 + topicLength + idLength > this.#remaining) {
      this.#malformed(`PUBLISH topic of ${topicLength} bytes goes beyond the packet`, "MQTT-3.3.2-1");
      return;
    }
    const long = topicLength > this.#topicLimit;
    const size = long ? 2 + this.#topicLimit : 2 + topicLength + idLength;
    if (whole && end - at >= size) {
      this.#at = at + size;
      this.#report(bytes, at, topicLength, long);
    } else if (this.#gather(bytes, end, size)) {
      this.#report(this.#scratch, 0, topicLength, long);
    }
  }

  /** `bytes[start…]` holds all of a PUBLISH header, or its beginning when the topic is too long. */
  #report(bytes: Uint8Array, start: number, topicLength: number, long: boolean): void {
    const flags = this.#first & 0x0f;
    const qos = flags & 0x06;
    const length = this.#remaining - 2 - topicLength - (qos === 0 ? 0 : 2);
    const topicStart = start + 2;
    const topicEnd = long
      ? characterBoundary(bytes, topicStart, topicStart + this.#topicLimit)
      : topicStart + topicLength;
    // A limit shorter than the first character leaves nothing that could be checked.
    const fault = topicEnd > topicStart ? topicNameFault(bytes, topicStart, topicEnd) : "";
    if (fault !== "") {
      this.#malformed("PUBLISH topic is not a legal topic name", fault);
      return;
    }
    this.#remaining = length;
    if (long) {
      this.#offset = topicLength - this.#topicLimit;
      this.#held = 0;
      this.#id = 0;
      this.#state = State.TOPIC;
      this.#settle(this.#handler.onLongTopic(flags, bytes, topicStart, topicEnd, topicLength, length));
      return;
    }
    let id = 0;
    if (qos !== 0) {
      id = ((bytes[topicEnd] as number) << 8) | (bytes[topicEnd + 1] as number);
      if (id === 0) {
        this.#malformed(`PUBLISH with QoS ${qos >> 1} and packet id 0`, "MQTT-2.3.1-1");
        return;
      }
    }
    this.#offset = 0;
    this.#state = length === 0 ? State.EMPTY : State.PAYLOAD;
    this.#settle(this.#handler.onPublish(flags, bytes, topicStart, topicEnd, id, length));
  }

  #takePayload(bytes: Uint8Array, end: number): void {
    const at = this.#at;
    const offset = this.#offset;
    const count = Math.min(end - at, this.#remaining);
    const last = count === this.#remaining;
    this.#at = at + count;
    this.#offset = offset + count;
    this.#remaining -= count;
    if (last) this.#state = State.TYPE;
    this.#settle(this.#handler.onPayload(bytes, at, at + count, offset, last));
  }

  #skipTopic(end: number): void {
    const count = Math.min(end - this.#at, this.#offset);
    this.#at += count;
    this.#offset -= count;
    if (this.#offset > 0) return;
    if ((this.#first & 0x06) !== 0) this.#state = State.ID;
    else this.#state = this.#remaining === 0 ? State.SKIPPED : State.SKIP;
  }

  #takeId(bytes: Uint8Array, end: number): void {
    if (!this.#gather(bytes, end, 2)) return;
    this.#id = ((this.#scratch[0] as number) << 8) | (this.#scratch[1] as number);
    if (this.#id === 0) this.#malformed("PUBLISH with a long topic and packet id 0", "MQTT-2.3.1-1");
    else this.#state = this.#remaining === 0 ? State.SKIPPED : State.SKIP;
  }

  #skipPayload(end: number): void {
    const count = Math.min(end - this.#at, this.#remaining);
    this.#at += count;
    this.#remaining -= count;
    if (this.#remaining === 0) this.#state = State.SKIPPED;
  }
}
