// DNS for a phone that has joined the box: each name is the box. One query of a UDP datagram in, one answer out
// (RFC 1035 §4). It knows no socket and no time, keeps nothing between queries, and believes nothing it reads.

// Numbers that stand in the code, because a named constant takes some 60 bytes of flash:
// - 12: bytes of the header.
// - 255: RFC 1035 §2.3.4: a name with its length bytes and the closing zero.
// - 63: bytes of a label.
// - 16: type, class, TTL, length and address of the answer, after a pointer to the name.
// - 10: TTL in seconds. Short, because the name belongs to somebody else as soon as the phone has left the box.
// - 1: type A, class IN (RFC 1035 §3.2.2 to §3.2.5).
// - 255: the same number means any type and any class.
// - 0, 1, 4, 5: the response codes NOERROR, FORMERR, NOTIMP, REFUSED (RFC 1035 §4.1.1).

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
  if (query.length < 12 || flags & 0x80) return undefined;
  // Opcode in bits 3 to 6.
  if (flags & 0x78) return answer(query, 12, 4, undefined);
  const end = word(query, 4) === 1 ? questionEnd(query) : 0;
  if (end === 0) return answer(query, 12, 1, undefined);
  const type = word(query, end - 4);
  const kind = word(query, end - 2);
  if (kind !== 1 && kind !== 255) return answer(query, end, 5, undefined);
  return answer(query, end, 0, type === 1 || type === 255 ? address : undefined);
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/**
 * Where the only question ends; 0 when it cannot be read. The two upper bits of a length byte announce a pointer: there
 * is nothing before the question to point to, so it is refused.
 */
function questionEnd(query: Uint8Array): number {
  let at = 12;
  for (;;) {
    const length = query[at];
    if (length === undefined || length > 63) return 0;
    at += 1 + length;
    if (at - 12 > 255) return 0;
    if (length === 0) return at + 4 <= query.length ? at + 4 : 0;
  }
}

/** Header and question as far as `end`, and the record of `address` where there is one. */
function answer(query: Uint8Array, end: number, code: number, address: Uint8Array | undefined): Uint8Array {
  const bytes = new Uint8Array(address === undefined ? end : end + 16);
  bytes.set(query.subarray(0, end));
  // QR and AA; RD comes back. RA, because a phone asks for recursion and gets the whole answer; CD comes back
  // (RFC 4035 §3.2.2).
  bytes[2] = 0x84 | ((query[2] as number) & 0x01);
  bytes[3] = 0x80 | ((query[3] as number) & 0x10) | code;
  // No count of anything yet.
  bytes.set(new Uint8Array(8), 4);
  if (end > 12) bytes[5] = 1;
  if (address !== undefined) {
    bytes[7] = 1;
    bytes.set([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 10, 0, 4], end);
    bytes.set(address, end + 12);
  }
  return bytes;
}
