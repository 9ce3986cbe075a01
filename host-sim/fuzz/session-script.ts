// What surrounds a session under attack: the script that is played, and a broker that understands what the session
// sends and knows the right answers (and some wrong ones). Reads packets by itself; nothing of our codec is used.

import { Breach } from "./target.js";

/** Bytes of an input, one after the other. */
export class Script {
  readonly #input: Uint8Array;
  #at: number;

  constructor(input: Uint8Array, from: number) {
    this.#input = input;
    this.#at = from;
  }

  next(): number | undefined {
    const byte = this.#input[this.#at];
    this.#at += 1;
    return byte;
  }

  bytes(count: number): Uint8Array {
    const from = this.#at;
    this.#at += count;
    return this.#input.subarray(from, this.#at);
  }
}

/** The bits of the types that a client sends, and of those that carry a packet id. */
const CLIENT = (1 << 1) | (1 << 3) | (0xf << 4) | (1 << 8) | (1 << 10) | (1 << 12) | (1 << 14);
const NOTHING = new Uint8Array(0);

/** The answer that is owed to a packet: type and id; the number of filters of a SUBSCRIBE. */
interface Debt {
  readonly type: number;
  readonly id: number;
  readonly filters: number;
}

export class Server {
  /** What the session has sent sums up to this, over all connections. */
  sum = 0;
  #count = 0;
  #waiting: Uint8Array = NOTHING;
  #debts: Debt[] = [];
  #first = true;
  #over = false;
  /** Whether a CONNACK would have to say that there is a session. */
  #hasSession = false;
  #isClean = false;

  /** A new connection. */
  open(isClean: boolean): void {
    this.#waiting = NOTHING;
    this.#debts = [];
    this.#first = true;
    this.#over = false;
    this.#isClean = isClean;
  }

  get owes(): boolean {
    return this.#debts.length > 0;
  }

  get summary(): string {
    return `${this.#count} packets, sum ${this.sum}`;
  }

  /** What the session sends. @throws Breach when a client may not. */
  take(bytes: Uint8Array): void {
    const all = this.#waiting.length === 0 ? bytes.slice() : new Uint8Array(this.#waiting.length + bytes.length);
    if (this.#waiting.length > 0) {
      all.set(this.#waiting);
      all.set(bytes, this.#waiting.length);
    }
    let at = 0;
    for (;;) {
      const end = this.#packetEnd(all, at);
      if (end > all.length) break;
      this.#packet(all, at, end);
      at = end;
    }
    this.#waiting = all.subarray(at);
  }

  /** Where a packet ends; beyond the end when it is not all there. */
  #packetEnd(bytes: Uint8Array, at: number): number {
    let length = 0;
    for (let place = at + 1, shift = 0; place < bytes.length; place += 1, shift += 7) {
      const byte = bytes[place] as number;
      length += (byte & 127) * 2 ** shift;
      if (byte < 128) return place + 1 + length;
      if (shift === 21) throw new Breach("what leaves is legal", "a remaining length of five bytes");
    }
    return bytes.length + 1;
  }

  #packet(bytes: Uint8Array, at: number, end: number): void {
    const first = bytes[at] as number;
    const type = first >> 4;
    if (this.#over) refuse("after DISCONNECT", bytes, at, end);
    if (((CLIENT >> type) & 1) === 0) refuse("not for a client to send", bytes, at, end);
    if (this.#first !== (type === 1)) refuse("CONNECT comes first, and once", bytes, at, end);
    this.#first = false;
    let body = at + 1;
    while ((bytes[body] as number) > 127) body += 1;
    body += 1;
    const flags = first & 15;
    if (type !== 3 && flags !== (type === 6 || type === 8 || type === 10 ? 2 : 0)) refuse("flags", bytes, at, end);
    this.#count += 1;
    // Ids that the session picks, and DUP, do not depend on fragments either.
    for (let place = at; place < end; place += 1) this.sum = Math.imul(this.sum ^ (bytes[place] as number), 0x01000193);
    let id = 0;
    let filters = 0;
    if (type === 3) {
      const qos = (flags >> 1) & 3;
      const topic = word(bytes, body);
      if (qos === 3 || (qos === 0 && flags > 7) || topic === 0) refuse("flags or topic", bytes, at, end);
      if (body + 2 + topic + (qos > 0 ? 2 : 0) > end) refuse("too short", bytes, at, end);
      if (qos === 0) return;
      id = word(bytes, body + 2 + topic);
      if (id === 0) refuse("id 0", bytes, at, end);
      this.#debts.push({ type: qos + 3, id, filters: 0 });
      return;
    }
    if (type === 1) {
      this.#debts.push({ type: 2, id: 0, filters: 0 });
      return;
    }
    if (type > 11) {
      if (end !== body) refuse("too long", bytes, at, end);
      if (type === 12) this.#debts.push({ type: 13, id: 0, filters: 0 });
      else this.#over = true;
      return;
    }
    id = word(bytes, body);
    if (id === 0) refuse("id 0", bytes, at, end);
    if (type < 8) {
      if (end !== body + 2) refuse("length", bytes, at, end);
      if (type === 5) this.#debts.push({ type: 6, id, filters: 0 });
      if (type === 6) this.#debts.push({ type: 7, id, filters: 0 });
      return;
    }
    for (let place = body + 2; place < end; place += (type === 8 ? 3 : 2) + word(bytes, place)) filters += 1;
    if (filters === 0) refuse("no filter", bytes, at, end);
    this.#debts.push({ type: type + 1, id, filters });
  }

  /**
   * The answer that is owed first, and owed no more. `twist` 0: the right one; else one owed later, given twice, kept
   * back, with another id, or of another type.
   */
  answer(twist: number): Uint8Array {
    const debts = this.#debts;
    const place = twist === 0 ? 0 : (twist & 7) % Math.max(1, debts.length);
    const debt = debts[place];
    if (debt === undefined) return NOTHING;
    const kind = twist === 0 ? 0 : twist >> 4;
    if (kind !== 12) debts.splice(place, 1);
    if (kind === 13) return NOTHING;
    let { type, id } = debt;
    if (kind === 14) id = (id + 1) & 0xffff;
    if (kind === 15) type = [4, 5, 6, 7, 9, 11, 13][id % 7] as number;
    return this.#bytes(type, id, debt.filters);
  }

  #bytes(type: number, id: number, filters: number): Uint8Array {
    if (type === 2) {
      const present = this.#hasSession && !this.#isClean;
      this.#hasSession = !this.#isClean;
      return Uint8Array.of(0x20, 2, present ? 1 : 0, 0);
    }
    if (type === 13) return Uint8Array.of(0xd0, 0);
    if (type === 9) return Uint8Array.of(0x90, 2 + filters, id >> 8, id, ...new Uint8Array(filters).fill(1));
    return Uint8Array.of(type === 6 ? 0x62 : type << 4, 2, id >> 8, id);
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function refuse(why: string, bytes: Uint8Array, at: number, end: number): never {
  throw new Breach("what leaves is legal", `${why}: ${Buffer.from(bytes.subarray(at, end)).toString("hex")}`);
}
