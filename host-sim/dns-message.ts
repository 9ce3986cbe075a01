// DNS messages as a phone writes and reads them (RFC 1035, EDNS of RFC 6891), for the tests of the box's own name
// server: strict, by hand, and independent of the firmware's code.

export const DnsType = Object.freeze({ A: 1, AAAA: 28, OPT: 41, HTTPS: 65 } as const);

export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  readonly data: Uint8Array;
  /** Dotted, of an A record. */
  readonly address: string | undefined;
}

export interface DnsMessage {
  readonly id: number;
  /** QR, AA, TC, RD, RA. */
  readonly isAnswer: boolean;
  readonly isAuthoritative: boolean;
  readonly isTruncated: boolean;
  readonly wantsRecursion: boolean;
  readonly offersRecursion: boolean;
  /** RCODE: 0 no error, 1 format error, 3 no such name, 4 not implemented. */
  readonly code: number;
  readonly questions: readonly { readonly name: string; readonly type: number; readonly class: number }[];
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
}

/** A query with recursion desired; with `edns`, an OPT record that offers 1232 bytes. */
export function dnsQuery(id: number, name: string, type: number, edns = false): Uint8Array {
  const bytes = [id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns ? 1 : 0];
  for (const label of name.split(".").filter((each) => each !== "")) {
    const text = new TextEncoder().encode(label);
    if (text.byteLength > 63) throw new RangeError(`a label has 63 bytes at most: ${label}`);
    bytes.push(text.byteLength, ...text);
  }
  bytes.push(0, type >> 8, type & 255, 0, 1);
  if (edns) bytes.push(0, 0, DnsType.OPT, 1232 >> 8, 1232 & 255, 0, 0, 0, 0, 0, 0);
  return Uint8Array.from(bytes);
}

class Reader {
  readonly #bytes: Uint8Array;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const byte = this.#bytes[this.offset];
    if (byte === undefined) throw new RangeError(`the message ends at ${this.offset}`);
    this.offset += 1;
    return byte;
  }

  word(): number {
    return (this.byte() << 8) | this.byte();
  }

  take(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.byte());
  }

  /** A name, with the pointers of compression, which may only point back. */
  name(): string {
    const labels: string[] = [];
    let back: number | undefined;
    let limit = this.offset;
    for (;;) {
      const length = this.byte();
      if (length === 0) break;
      if (length < 64) {
        labels.push(new TextDecoder().decode(this.take(length)));
        continue;
      }
      if (length < 192) throw new RangeError(`no label begins with ${length}`);
      const target = ((length & 63) << 8) | this.byte();
      if (target >= limit) throw new RangeError(`a pointer at ${this.offset - 2} does not point back`);
      back ??= this.offset;
      limit = target;
      this.offset = target;
    }
    if (back !== undefined) this.offset = back;
    return labels.join(".");
  }

  record(): DnsRecord {
    const name = this.name();
    const type = this.word();
    const recordClass = this.word();
    const ttl = this.word() * 0x10000 + this.word();
    const data = this.take(this.word());
    const isAddress = type === DnsType.A && data.byteLength === 4;
    return { name, type, class: recordClass, ttl, data, address: isAddress ? data.join(".") : undefined };
  }

  get isAtEnd(): boolean {
    return this.offset === this.#bytes.byteLength;
  }
}

/** Throws a RangeError for a message that is cut short, goes on behind its end, or has pointers that lead nowhere. */
export function parseDns(bytes: Uint8Array): DnsMessage {
  const reader = new Reader(bytes);
  const id = reader.word();
  const flags = reader.word();
  const counts = [reader.word(), reader.word(), reader.word(), reader.word()];
  const question = (): DnsMessage["questions"][number] => ({
    name: reader.name(),
    type: reader.word(),
    class: reader.word(),
  });
  const records = (count: number | undefined): DnsRecord[] => Array.from({ length: count ?? 0 }, () => reader.record());
  const message: DnsMessage = {
    id,
    isAnswer: (flags & 0x8000) !== 0,
    isAuthoritative: (flags & 0x0400) !== 0,
    isTruncated: (flags & 0x0200) !== 0,
    wantsRecursion: (flags & 0x0100) !== 0,
    offersRecursion: (flags & 0x0080) !== 0,
    code: flags & 15,
    questions: Array.from({ length: counts[0] ?? 0 }, question),
    answers: records(counts[1]),
    authorities: records(counts[2]),
    additional: records(counts[3]),
  };
  if (!reader.isAtEnd) throw new RangeError(`${bytes.byteLength - reader.offset} bytes follow the message`);
  return message;
}
