// DNS for a phone that has joined the box: each name is the box. One query of a UDP datagram in, one answer out
// (RFC 1035 §4). It knows no socket and no time, keeps nothing between queries, and believes nothing it reads.

const HEADER_BYTES = 12;
/** RFC 1035 §2.3.4: a name with its length bytes and the closing zero. */
const NAME_BYTES = 255;
const LABEL_BYTES = 63;
/** Type, class, TTL, length and address of the answer, after a pointer to the name. */
const RECORD_BYTES = 16;
/** Seconds. Short, because the name belongs to somebody else as soon as the phone has left the box. */
const TTL = 10;

/** RFC 1035 §4.1.1. */
const ResponseCode = Object.freeze({ NOERROR: 0, FORMERR: 1, NOTIMP: 4, REFUSED: 5 } as const);

/** RFC 1035 §3.2.2 to §3.2.5. */
const TYPE_A = 1;
const CLASS_IN = 1;
/** The same number means any type and any class. */
const ANY = 255;

/**
 * The answer to one DNS query in UDP, or undefined when it is to be ignored: shorter than a header, or an answer
 * itself. Never throws.
 *
 * - A or ANY, of any name: one A record with `address`.
 * - Any other type (AAAA, HTTPS, …): no error and no record, so that the phone does not wait for it (RFC 2308 §2.2).
 * - A question that cannot be read, or not exactly one: FORMERR. Another opcode: NOTIMP. Another class: REFUSED.
 *
 * What follows the question (an OPT record of EDNS) is neither read nor answered, as of a server without EDNS
 * (RFC 6891 §7).
 *
 * @param address the box's IPv4 address, 4 bytes.
 */
export function dnsAnswer(query: Uint8Array, address: Uint8Array): Uint8Array | undefined {
  const flags = query[2] as number;
  if (query.length < HEADER_BYTES || flags & 0x80) return undefined;
  // Opcode in bits 3 to 6.
  if (flags & 0x78) return answer(query, HEADER_BYTES, ResponseCode.NOTIMP, undefined);
  const end = word(query, 4) === 1 ? questionEnd(query) : 0;
  if (end === 0) return answer(query, HEADER_BYTES, ResponseCode.FORMERR, undefined);
  const type = word(query, end - 4);
  const kind = word(query, end - 2);
  if (kind !== CLASS_IN && kind !== ANY) return answer(query, end, ResponseCode.REFUSED, undefined);
  return answer(query, end, ResponseCode.NOERROR, type === TYPE_A || type === ANY ? address : undefined);
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/**
 * Where the only question ends; 0 when it cannot be read. The two upper bits of a length byte announce a pointer: there
 * is nothing before the question to point to, so it is refused.
 */
function questionEnd(query: Uint8Array): number {
  let at = HEADER_BYTES;
  for (;;) {
    const length = query[at];
    if (length === undefined || length > LABEL_BYTES) return 0;
    at += 1 + length;
    if (at - HEADER_BYTES > NAME_BYTES) return 0;
    if (length === 0) return at + 4 <= query.length ? at + 4 : 0;
  }
}

/** Header and question as far as `end`, and the record of `address` where there is one. */
function answer(query: Uint8Array, end: number, code: number, address: Uint8Array | undefined): Uint8Array {
  const bytes = new Uint8Array(address === undefined ? end : end + RECORD_BYTES);
  bytes.set(query.subarray(0, end));
  // QR and AA; RD comes back. RA, because a phone asks for recursion and gets the whole answer; CD comes back
  // (RFC 4035 §3.2.2).
  bytes[2] = 0x84 | ((query[2] as number) & 0x01);
  bytes[3] = 0x80 | ((query[3] as number) & 0x10) | code;
  bytes.fill(0, 4, HEADER_BYTES);
  if (end > HEADER_BYTES) bytes[5] = 1;
  if (address !== undefined) {
    bytes[7] = 1;
    bytes.set([0xc0, HEADER_BYTES, 0, TYPE_A, 0, CLASS_IN, 0, 0, 0, TTL, 0, 4], end);
    bytes.set(address, end + RECORD_BYTES - 4);
  }
  return bytes;
}
