// The decoder under attack: whatever bytes a server sends, in whatever pieces. Each input is decoded in one piece and
// in random ones, which must tell the same; some are decoded by mqtt-packet too, and where the two do not agree, the
// table in differences.ts must say why.
//
// An input: mode · two bytes for the knife · longest topic · the stream. Mode: bits 0 and 1 how much payload is wanted
// in one piece; bit 2 mqtt-packet reads it too; bit 3 a callback resets the decoder; bit 4 split in two everywhere; bit
// 5 no more of a payload is wanted than its first piece.

import mqttPacket, { type Packet } from "mqtt-packet";
import type { Inbound } from "../../src/mqtt/contract.js";
import type { Random } from "../random.js";
import { PACKET_DIFFERENCES } from "./differences.js";
import { Draft, Knife, once, oneOf, spoilSome } from "./draft.js";
import { PACKETS, putServerPacket } from "./packets.js";
import type { Sources } from "./sources.js";
import { Breach, count, hold, type Target } from "./target.js";

const EMPTY = new Uint8Array(0);
const HEAD = 4;
/** Bytes behind the decoder's own part of the buffer, which are the sender's and must stay as they are. */
const GUARD = 16;
const MARK = 0xa5;
const TOPICS: readonly number[] = Object.freeze([1, 2, 3, 4, 7, 16, 64, 128]);
/** What the decoder told, as numbers: longer ones are compared as far as this. */
const LOG = 4096;

/** Everything that was told about one stream. */
interface Told {
  readonly log: Int32Array;
  readonly length: number;
  readonly malformed: string | undefined;
}

export function decoderTarget(sources: Sources): Target {
  const { Decoder, decode, reset } = sources.decoder;
  const reached: Record<string, number> = {};

  class Probe extends Decoder {
    readonly log = new Int32Array(LOG);
    length = 0;
    malformed: string | undefined;
    /** What is wanted of a payload in one piece. */
    wanted = 0;
    /** Callbacks until one of them resets; below 0 for never. */
    resetIn = -1;
    /** Of a payload no more is wanted than its first piece. */
    skips = false;
    callbacks = 0;
    /** Callbacks of the present stream at most. */
    most = 0;
    /** The packets as mqtt-packet would give them, if they are wanted. */
    packets: TakenPacket[] | undefined;
    #offset = -1;
    #sum = 0;
    #first = 0;
    readonly #fields: number;

    constructor(topic: number) {
      const size = Math.max(topic + 9, 69);
      super(new ArrayBuffer(((size + GUARD + 3) & ~3) + 4 * WORDS), size + GUARD, WORDS);
      this.bytes.fill(MARK, size);
      this.words[7] = topic;
      this.words[20] = size;
      this.#fields = Object.keys(this).length;
    }

    begin(bytes: number): void {
      reset(this, false);
      this.length = 0;
      this.malformed = undefined;
      this.callbacks = 0;
      this.most = 8 + 2 * bytes;
      this.#offset = -1;
    }

    /** The payload of a message is still to come. */
    get isInside(): boolean {
      return this.#offset >= 0;
    }

    #tell(value: number): void {
      if (this.length < LOG) this.log[this.length] = value;
      this.length += 1;
    }

    #called(): void {
      this.callbacks += 1;
      if (this.callbacks > this.most) throw new Breach("nothing loops", `${this.callbacks} callbacks`);
      if (this.malformed !== undefined) throw new Breach("nothing after a malformed packet", this.malformed);
      if (this.callbacks !== this.resetIn) return;
      this.#offset = -1;
      reset(this, (this.callbacks & 1) === 0);
    }

    onPacket(type: number, id: number, start: number, end: number): void {
      const { bytes } = this;
      if (this.#offset >= 0) throw new Breach("a packet does not come inside a payload", `type ${type}`);
      if (type === 9 && (start < 4 || end <= start || end > (this.words[20] as number))) {
        throw new Breach("ranges lie in the buffer", `${start}..${end}`);
      }
      const codes = type === 9 ? end - start : 0;
      this.#tell(type);
      this.#tell(id);
      for (let at = start; at < start + codes; at += 1) this.#tell(bytes[at] as number);
      this.packets?.push({ type, id, codes: bytes.slice(start, start + codes), message: undefined, payload: [] });
      this.#called();
    }

    onPublish(message: Inbound, whole: boolean): number {
      const { topic, id, qos, length } = message;
      if (this.#offset >= 0) throw new Breach("a packet does not come inside a payload", topic);
      if (!(qos >= 0 && qos < 3 && (qos === 0) === (id === 0) && length >= 0)) {
        throw new Breach("a message is a legal one", JSON.stringify({ topic, id, qos, length }));
      }
      this.#tell(3);
      this.#tell((message.dup ? 8 : 0) | (qos << 1) | (message.retain ? 1 : 0) | (whole ? 0x100 : 0) | (id << 16));
      this.#tell(length);
      let sum = topic.length;
      for (let at = 0; at < topic.length; at += 1) sum = Math.imul(sum ^ topic.charCodeAt(at), 0x01000193);
      this.#tell(sum);
      this.#offset = 0;
      this.#sum = 0;
      this.packets?.push({
        type: 3,
        id,
        codes: EMPTY,
        message: { ...message, qos, retain: message.retain, dup: message.dup },
        payload: [],
      });
      this.#first = Math.min(this.wanted, length);
      this.#called();
      return this.#first;
    }

    onPayload(message: Inbound, last: boolean): void {
      const { bytes, start, end, offset, length } = message;
      const count = end - start;
      if (bytes !== this.bytes || start < 0 || end > (this.words[20] as number)) {
        throw new Breach("ranges lie in the buffer", pieceText(message));
      }
      if (this.skips ? offset < this.#offset : offset !== this.#offset)
        throw new Breach("pieces follow one another", pieceText(message));
      if (count <= 0 && length > 0) throw new Breach("a piece has bytes", pieceText(message));
      if (offset === 0 && count < this.#first) throw new Breach("the wanted piece comes whole", pieceText(message));
      const isEnd = offset + count === length;
      if (isEnd !== last || offset + count > length)
        throw new Breach("the last piece ends the payload", pieceText(message));
      for (let at = start; at < end; at += 1) this.#sum = Math.imul(this.#sum ^ (bytes[at] as number), 0x01000193) + 1;
      this.packets?.at(-1)?.payload.push(...bytes.subarray(start, end));
      this.#offset = last ? -1 : offset + count;
      if (last) {
        this.#tell(33);
        if (!this.skips) this.#tell(this.#sum);
      } else if (this.skips) this.parsing = SKIP;
      this.#called();
    }

    onMalformed(detail: string, statement: string): void {
      this.#tell(99);
      this.#tell(detail.length);
      hold(
        /^(\d\.\d+\.\d+-\d+)?$/.test(statement) && detail !== "",
        "a malformed packet is explained",
        () => statement,
      );
      this.#called();
      if (this.callbacks !== this.resetIn) this.malformed = statement === "" ? "no statement" : statement;
    }

    /** Decodes `stream[start..end)` in pieces that the knife cuts, or in as large ones as the buffer takes. */
    feed(stream: Uint8Array, start: number, end: number, knife: Knife | undefined): void {
      const room = this.words[20] as number;
      for (let at = start; at < end; ) {
        const left = Math.min(end - at, room - this.held);
        const count = knife === undefined ? left : knife.next(left);
        // A loop is faster than a view for so few bytes.
        if (count > 48) this.bytes.set(stream.subarray(at, at + count), this.held);
        else for (let i = 0; i < count; i += 1) this.bytes[this.held + i] = stream[at + i] as number;
        decode(this, count);
        at += count;
        const { held } = this;
        if (held < 0 || held >= room) throw new Breach("there is room for more", `${held} of ${room} bytes are held`);
      }
    }

    check(): void {
      const { held, bytes, words } = this;
      const room = words[20] as number;
      hold(this.malformed === undefined || !this.partial, "nothing is kept of a malformed packet", () => `${held}`);
      hold(words[7] === room - 9 || room === 69, "the budget stays", () => `${words[7]} and ${room}`);
      for (let at = room; at < bytes.length; at += 1) {
        hold(bytes[at] === MARK, "the sender's bytes stay", () => `byte ${at} of ${room} is ${bytes[at]}`);
      }
    }

    /** More seldom, for it takes long. */
    checkSize(): void {
      const size = Object.keys(this).length;
      hold(size <= this.#fields + 3, "nothing grows", () => `${size} fields instead of ${this.#fields}`);
    }
  }

  const probes = TOPICS.map((topic) => [new Probe(topic), new Probe(topic)] as const);
  const wide = new Probe(MOST_TOPIC);
  const draft = new Draft();

  /** Decoded by both; where they part, the table must say why. */
  function compare(stream: Uint8Array): void {
    wide.begin(stream.length);
    wide.packets = [];
    wide.feed(stream, 0, stream.length, undefined);
    const ours = wide.packets;
    wide.packets = undefined;
    if (wide.isInside) ours.pop();
    const theirs = read311(stream);
    let at = 0;
    for (let index = 0; ; index += 1) {
      const packet = packetAt(stream, at);
      const our = ours[index];
      const their = theirs.packets[index];
      if (our === undefined && their === undefined) {
        // Neither has more: both refuse what comes, or both wait. One that waits may see what the other sees only when
        // the packet is whole.
        if ((wide.malformed === undefined) === (theirs.error === undefined) || !packet.isWhole) return;
      } else if (our !== undefined && their !== undefined && isSame(our, their)) {
        // What others take and the table says that we refuse must not come through.
        const stray = PACKET_DIFFERENCES.find(
          ({ accepts, applies }) => accepts === "other" && applies(packet.first, packet.body, packet.isWhole),
        );
        hold(
          stray === undefined,
          "what is not legal does not come through",
          () => `${stray?.id}: ${Buffer.from(stream.subarray(at, packet.end)).toString("hex")}`,
        );
        at = packet.end;
        continue;
      }
      const explained = PACKET_DIFFERENCES.find(({ applies }) => applies(packet.first, packet.body, packet.isWhole));
      hold(explained !== undefined, "a difference to mqtt-packet is explained", () =>
        [
          `packet ${index} ${Buffer.from(stream.subarray(at, packet.end)).toString("hex")}`,
          `ours ${our === undefined ? (wide.malformed ?? "waits") : `type ${our.type}`}`,
          `theirs ${their === undefined ? (theirs.error ?? "waits") : JSON.stringify(their)}`,
        ].join("; "),
      );
      count(reached, `difference ${explained?.id}`);
      return;
    }
  }

  return {
    reached,

    draw(random: Random): Uint8Array {
      draft.clear();
      const mode = random.integer(4) | (once(random, 16) ? 4 : 0) | (once(random, 16) ? 8 : 0);
      draft.push(mode | (once(random, 64) ? 16 : 0) | (once(random, 16) ? 32 : 0));
      draft.word(random.integer(65536));
      draft.push(random.integer(256));
      for (let left = once(random, 8) ? 1 + random.integer(12) : 1 + random.integer(3); left > 0; left -= 1) {
        putServerPacket(draft, random);
      }
      if (once(random, 40)) draft.put(oneOf(random, PACKETS));
      spoilSome(draft, random, HEAD, PACKETS);
      return draft.view;
    },

    run(input: Uint8Array): void {
      if (input.length < HEAD) return;
      const mode = input[0] as number;
      const [whole, cut] = probes[(input[3] as number) % probes.length] as readonly [Probe, Probe];
      const room = whole.words[20] as number;
      const wanted = [0, room, 8, 1][mode & 3] as number;
      const end = input.length;
      whole.wanted = wanted;
      whole.resetIn = (mode & 8) === 0 ? -1 : 1 + ((input[1] as number) & 3);
      whole.skips = (mode & 32) !== 0;
      whole.begin(end);
      whole.feed(input, HEAD, end, undefined);
      whole.check();
      const what = whole.malformed;
      count(reached, what === undefined ? (whole.partial ? "unfinished" : "whole") : what);
      cut.wanted = wanted;
      cut.resetIn = whole.resetIn;
      cut.skips = whole.skips;
      cut.begin(end);
      cut.feed(input, HEAD, end, new Knife(((input[1] as number) << 8) | (input[2] as number)));
      cut.check();
      // A reset drops the rest of the fragment, which is another one then.
      if ((mode & 8) === 0) sameTold(whole, cut);
      if ((mode & 28) === 16) {
        for (let split = HEAD; split <= end; split += 1) {
          cut.begin(end);
          cut.feed(input, HEAD, split, undefined);
          cut.feed(input, split, end, undefined);
          sameTold(whole, cut);
        }
      }
      if ((mode & 4) !== 0) {
        compare(input.subarray(HEAD));
        whole.checkSize();
        cut.checkSize();
      }
    },
  };

  function sameTold(whole: Told & { partial: boolean }, cut: Told & { partial: boolean }): void {
    let isSame = whole.length === cut.length && whole.malformed === cut.malformed && whole.partial === cut.partial;
    for (let at = 0; isSame && at < whole.length && at < LOG; at += 1) isSame = whole.log[at] === cut.log[at];
    hold(isSame, "fragments do not matter", () => `${told(whole)} in one piece, ${told(cut)} in pieces`);
  }
}

const MOST_TOPIC = 65535;
/** See `parsing` of decoder.ts. */
const SKIP = 6;
/** More words than the decoder has a use for. */
const WORDS = 32;

/** A packet of ours. */
interface TakenPacket {
  readonly type: number;
  readonly id: number;
  readonly codes: Uint8Array;
  readonly message: Inbound | undefined;
  readonly payload: number[];
}

function pieceText({ start, end, offset, length }: Inbound): string {
  return `${end - start} bytes at ${start}, from ${offset} of ${length} on`;
}

function told({ log, length, malformed }: Told): string {
  return `[${log.subarray(0, Math.min(length, 60)).join(" ")}] ${malformed ?? ""}`;
}

/** The packet that begins at a place, by its remaining length alone. */
function packetAt(stream: Uint8Array, at: number): { first: number; body: Uint8Array; end: number; isWhole: boolean } {
  const first = stream[at] ?? 0;
  let start = at + 1;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = stream[start];
    if (byte === undefined || shift === 28) return { first, body: EMPTY, end: stream.length, isWhole: shift === 28 };
    start += 1;
    length += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  const end = Math.min(start + length, stream.length);
  return { first, body: stream.subarray(start, end), end, isWhole: end === start + length };
}

function read311(stream: Uint8Array): { packets: Packet[]; error: string | undefined } {
  const packets: Packet[] = [];
  let error: string | undefined;
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on("packet", (packet: Packet) => {
    if (error === undefined) packets.push(packet);
  });
  parser.on("error", (fault: Error) => {
    error = fault.message;
  });
  try {
    parser.parse(Buffer.from(stream));
  } catch (fault) {
    // It reads beyond what there is.
    error = String(fault);
  }
  return { packets, error };
}

const NAMES: Readonly<Record<string, number>> = Object.freeze({
  ...{ connack: 2, publish: 3, puback: 4, pubrec: 5, pubrel: 6, pubcomp: 7, suback: 9, unsuback: 11, pingresp: 13 },
});

function isSame({ type, id, codes, message, payload }: TakenPacket, theirs: Packet): boolean {
  if (NAMES[theirs.cmd] !== type) return false;
  switch (theirs.cmd) {
    case "publish":
      return (
        message !== undefined &&
        message.topic === theirs.topic &&
        message.qos === theirs.qos &&
        message.retain === theirs.retain &&
        message.dup === theirs.dup &&
        message.id === (theirs.messageId ?? 0) &&
        Buffer.from(payload).equals(theirs.payload as Buffer)
      );
    case "connack":
      return id >> 8 === (theirs.sessionPresent ? 1 : 0) && (id & 255) === theirs.returnCode;
    case "pingresp":
      return true;
    case "suback":
      return id === theirs.messageId && Buffer.from(theirs.granted as number[]).equals(codes);
    default:
      return id === theirs.messageId;
  }
}
