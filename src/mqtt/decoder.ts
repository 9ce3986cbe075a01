// MQTT 3.1.1 control packets on their way in: bytes in any fragments become packets, topics and pieces of payload. What
// lies whole in one fragment is handed on where it lies; only headers and control packets that a fragment boundary
// splits are gathered in one buffer of fixed size, and payloads never are. Checks what every packet from a server must
// obey by itself; what is legal at which moment is the session's to know. Whatever the peer sends, nothing here throws
// or grows. Packet types are numbers; packet.ts has the table.

import { checkWhole, packetName } from "./packet.js";
import { scan } from "./text.js";

/**
 * Receives what the decoder finds, in the order of the wire, from inside `receive()`. Byte ranges are valid during the
 * call only. A handler may call `reset()`: the rest of the fragment is then dropped. When a handler throws, the rest of
 * the fragment is decoded all the same, so that no byte is lost, and the first exception leaves `receive()` afterwards.
 */
export interface DecoderHandler {
  /** A whole control packet other than PUBLISH. `bytes[start..end)` is its body, after the fixed header. */
  onPacket(type: number, bytes: Uint8Array, start: number, end: number): void;
  /**
   * The header of a PUBLISH is complete. `id` is 0 for QoS 0. `length` payload bytes follow. `bytes[start..end)` is its
   * topic, of `size` bytes; if that is longer than the topic limit, only its beginning, cut between two characters, and
   * the rest of it has been skipped.
   */
  onPublish(
    flags: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    id: number,
    length: number,
    size: number,
  ): void;
  /**
   * A piece of that payload, as it lay in the fragment. `offset` is its position in the payload, `last` is true for the
   * piece that completes it. A payload of no bytes gives one empty piece.
   */
  onPayload(bytes: Uint8Array, start: number, end: number, offset: number, last: boolean): void;
  /**
   * The bytes cannot be a legal packet from a server; the decoder ignores everything until `reset()`. `statement` is
   * the broken normative statement without brackets, "" where the standard's text has none.
   */
  onMalformed(detail: string, statement: string): void;
}

/** Turns bytes in any fragments into calls to a {@link DecoderHandler}. Each new connection begins with a reset(). */
export class Decoder {
  /** Bytes of the buffer held, for the memory budget. */
  readonly memory: number;
  private readonly handler: DecoderHandler;
  private readonly limit: number;
  private readonly most: number;
  /** Gathers what a fragment boundary splits. */
  private readonly buffer: Uint8Array;
  /**
   * What the next byte belongs to.
   *
   *   1 first byte ──► 2 length ──► 3 body ───────────────────────────────────────────────────► 1
   *                          └────► 4 length of topic ──► 5 topic and id ─────► 6 payload ──────► 1
   *                                                └─too long─► 7 topic ──► 8 id ──► 6
   *   any ──malformed──► 0 ──reset()──► 1
   *
   * 6 with nothing left needs no byte: the empty payload is to be reported.
   */
  private state = 1;
  /**
   * Where in the current fragment the next byte is, always past what was reported before the handler is called.
   * 0x7fffffff while no fragment is being decoded and after reset(): beyond every fragment, so that the loop ends.
   */
  private index = 0x7fffffff;
  /** First byte of the packet: type and flags. */
  private first = 0;
  /** Bytes of the packet that are still to come, without those in the buffer; in state 2 what is known of it. */
  private rest = 0;
  /** Bytes in the buffer; in state 2 bits of the remaining length read so far. */
  private count = 0;
  /** Bytes of the topic. */
  private size = 0;
  /** Position in the payload; in state 7 bytes of the topic still to be skipped. */
  private offset = 0;
  /** What _gather() has found: it begins at source[start]. */
  private source: Uint8Array;
  private start = 0;

  /**
   * @param limit largest body of a control packet other than PUBLISH, in bytes, at least 4
   * @param most longest topic handed over, in bytes, at least 1
   */
  constructor(limit: number, most: number, handler: DecoderHandler) {
    this.limit = checkWhole("controlLimit", limit, 4, 65535);
    this.most = checkWhole("topicLimit", most, 1, 65535);
    this.handler = handler;
    // A topic is gathered together with its length before it and its packet id after it.
    this.memory = Math.max(limit, most + 4);
    this.buffer = new Uint8Array(this.memory);
    this.source = this.buffer;
  }

  /** Whether the bytes so far end inside a packet. False after a malformed one. */
  get partial(): boolean {
    return this.state > 1;
  }

  /**
   * Forgets what was begun: the next byte is the first of a new connection, or with `stopped` everything is ignored
   * until the next reset(). Allowed from inside a handler.
   */
  reset(stopped?: boolean): void {
    this.state = stopped ? 0 : 1;
    this.index = 0x7fffffff;
  }

  /**
   * Decodes `bytes[start..end)`. Throws a RangeError for a range outside of `bytes`, an Error when called from inside a
   * handler, and what a handler has thrown; never because of what the bytes are.
   */
  receive(bytes: Uint8Array, start: number, end: number): void {
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(`range ${start}..${end} lies outside of the ${bytes.length} bytes received`);
    }
    if (this.index !== 0x7fffffff) throw new Error("receive() from inside a handler; call it afterwards");
    if (this.state === 0) return;
    let failures: unknown[] | null = null;
    this.index = start;
    // The inner loop stands inside the `try`: entering it costs nothing for each packet.
    for (let more = true; more; ) {
      more = false;
      try {
        while (this.index < end || (this.state === 6 && this.rest === 0)) this._advance(bytes, end);
      } catch (error) {
        more = true;
        failures ??= [error];
      }
    }
    this.index = 0x7fffffff;
    if (failures != null) throw failures[0];
  }

  private _fail(detail: string, statement: string): void {
    this.state = 0;
    this.index = 0x7fffffff;
    this.handler.onMalformed(detail, statement);
  }

  /**
   * Goes on by one part of a packet and calls the handler at most once, as the last thing: a handler that resets the
   * decoder then finds nothing that would undo it.
   */
  private _advance(bytes: Uint8Array, end: number): void {
    const at = this.index;
    switch (this.state) {
      case 1:
        this.first = bytes[at] as number;
        this.index = at + 1;
        this.rest = 0;
        this.count = 0;
        this.state = 2;
        this._onHead(this.first >> 4, this.first & 0x0f);
        return;
      case 2: {
        const byte = bytes[at] as number;
        this.index = at + 1;
        this.rest |= (byte & 0x7f) << this.count;
        this.count += 7;
        if (byte < 0x80) this._onHeadEnd(bytes, this.first >> 4, this.rest);
        // The fourth byte must be the last, so there is no need to wait for a fifth (§2.2.3).
        else if (this.count === 28) this._fail("remaining length of more than four bytes", "");
        return;
      }
      case 3:
        if (this._read(bytes, end, this.rest)) this._onBodyEnd(this.first >> 4, this.source, this.start);
        return;
      case 6: {
        const offset = this.offset;
        const count = Math.min(end - at, this.rest);
        const last = count === this.rest;
        this.index = at + count;
        this.offset = offset + count;
        this.rest -= count;
        if (last) this.state = 1;
        this.handler.onPayload(bytes, at, at + count, offset, last);
        return;
      }
      default:
        this._readHeader(bytes, end);
    }
  }

  private _onHead(type: number, flags: number): void {
    if (type === 3) {
      if ((flags & 6) === 6) this._fail("PUBLISH with QoS 3", "MQTT-3.3.1-4");
      else if ((flags & 14) === 8) this._fail("PUBLISH with QoS 0 and DUP 1", "MQTT-3.3.1-2");
    } else if (((0x2af4 >> type) & 1) === 0) {
      // The bits of 0x2af4 are the types that a server sends.
      const name = packetName(type);
      this._fail(type % 15 === 0 ? `packet of the forbidden ${name}` : `${name} is for clients to send`, "");
    } else if (flags !== (type === 6 ? 2 : 0)) {
      this._fail(`${packetName(type)} with flags ${flags}`, "MQTT-2.2.2-2");
    }
  }

  /** The fixed header is complete. Lengths that 3.1.1 fixes, and the least of those that vary, are checked here. */
  private _onHeadEnd(bytes: Uint8Array, type: number, length: number): void {
    let fault = "";
    let statement = "";
    this.count = 0;
    this.state = 3;
    if (type === 3) {
      this.state = 4;
      if (length < ((this.first & 6) === 0 ? 3 : 5)) {
        fault = " has no room for its topic and id";
        statement = "MQTT-3.3.2-1";
      }
    } else if (type === 9) {
      if (length < 3) {
        fault = " has no return code";
        statement = "MQTT-3.8.4-5";
      } else if (length > this.limit) {
        fault = " is larger than the receive buffer";
        statement = "MQTT-4.8.0-2";
      }
    } else if (length !== (type === 13 ? 0 : 2)) {
      fault = ", which none has";
    } else if (length === 0) {
      this.state = 1;
      this.handler.onPacket(type, bytes, this.index, this.index);
    }
    if (fault !== "") this._fail(`${packetName(type)} of ${length} bytes${fault}`, statement);
  }

  private _onBodyEnd(type: number, bytes: Uint8Array, start: number): void {
    const first = bytes[start] as number;
    if (type === 2) {
      if (first > 1) {
        this._fail(`CONNACK with acknowledge flags ${first}`, "");
        return;
      }
    } else if (first === 0 && bytes[start + 1] === 0) {
      this._fail(`${packetName(type)} with packet id 0`, "MQTT-2.3.1-1");
      return;
    }
    this.state = 1;
    this.handler.onPacket(type, bytes, start, start + this.rest);
  }

  /**
   * Whether `size` bytes are there: whole in the fragment, where they lie, or else put together in the buffer with
   * those that came before.
   */
  private _read(bytes: Uint8Array, end: number, size: number): boolean {
    const at = this.index;
    const held = this.count;
    const count = Math.min(size - held, end - at);
    this.index = at + count;
    if (count === size) {
      this.source = bytes;
      this.start = at;
      return true;
    }
    this.buffer.set(bytes.subarray(at, at + count), held);
    this.count = held + count;
    this.source = this.buffer;
    this.start = 0;
    return held + count === size;
  }

  /** Topic and id of a PUBLISH: states 4, 5, 7, 8. */
  private _readHeader(bytes: Uint8Array, end: number): void {
    const qos = this.first & 6;
    const edge = qos === 0 ? 0 : 2;
    const most = this.most;
    if (this.state === 4) {
      if (!this._read(bytes, end, 2)) return;
      const size = ((this.source[this.start] as number) << 8) | (this.source[this.start + 1] as number);
      if (size === 0) {
        this._fail("PUBLISH with an empty topic", "MQTT-4.7.3-1");
        return;
      }
      this.rest -= 2 + size + edge;
      if (this.rest < 0) {
        this._fail(`PUBLISH topic of ${size} bytes goes beyond the packet`, "MQTT-3.3.2-1");
        return;
      }
      this.size = size;
      this.count = 0;
      this.state = 5;
      return;
    }
    const tooLarge = this.size > most;
    if (this.state === 5) {
      if (!this._read(bytes, end, tooLarge ? most : this.size + edge)) return;
      if (tooLarge) {
        // What was found may lie in the fragment, which ends before the id comes.
        if (this.count === 0) this.buffer.set(bytes.subarray(this.start, this.index), 0);
        this.count = most;
        this.offset = this.size - most;
        this.state = 7;
        return;
      }
    } else {
      if (this.state === 7) {
        const count = Math.min(end - this.index, this.offset);
        this.index += count;
        this.offset -= count;
        if (this.offset > 0) return;
        this.state = 8;
        if (edge > 0) return;
      }
      if (!this._read(bytes, end, most + edge)) return;
    }
    this._publish(this.source, this.start, this.start + (tooLarge ? most : this.size), qos);
  }

  private _publish(bytes: Uint8Array, start: number, at: number, qos: number): void {
    const size = this.size;
    let end = at;
    if (end - start < size) {
      // Cut between two characters: back to a first byte that wants more bytes after it than there are. Such a
      // beginning stands at the front of the buffer, so what lies before it is undefined and compares false.
      for (let step = 1; step < 4; step += 1) {
        const byte = bytes[at - step] as number;
        if (byte >= 256 - (128 >> step)) end = at - step;
        if (byte < 0x80 || byte > 0xbf) break;
      }
    }
    const mark = scan(bytes, start, end);
    if (mark > 0) {
      const statement = mark === 4 ? "MQTT-1.5.3-1" : mark === 2 ? "MQTT-1.5.3-2" : "MQTT-3.3.2-2";
      this._fail("PUBLISH topic is not a legal topic name", statement);
      return;
    }
    let id = 0;
    if (qos !== 0) {
      id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      if (id === 0) {
        this._fail(`PUBLISH with QoS ${qos >> 1} and packet id 0`, "MQTT-2.3.1-1");
        return;
      }
    }
    this.offset = 0;
    this.state = 6;
    this.handler.onPublish(this.first & 0x0f, bytes, start, end, id, this.rest, size);
  }
}
