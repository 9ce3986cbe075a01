// Queries as phones send them, written out from RFC 1035, and answers read by a decoder of the test's own.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { dnsAnswer } from "../../src/setup/dns.js";
import { rounds } from "../effort.js";
import { hex, join, seeded, toHex } from "../mqtt/recorder.js";

const ADDRESS = hex("c0 a8 04 01");
const TYPES = { A: 1, TXT: 16, AAAA: 28, SVCB: 64, HTTPS: 65, ANY: 255 } as const;
/** An OPT record of EDNS with a payload size of 1232 bytes (RFC 6891 §6.1.2). */
const OPT = hex("00 00 29 04 d0 00 00 00 00 00 00");

function name(text: string): Uint8Array {
  const labels = text === "" ? [] : text.split(".");
  return join(...labels.map((label) => join(new Uint8Array([label.length]), Buffer.from(label))), hex("00"));
}

/** A query with id 1a2b and RD set. */
function query(host: string, type: number, { header = "1a 2b 01 00 00 01 00 00 00 00 00 00", kind = 1 } = {}) {
  return join(hex(header), name(host), new Uint8Array([type >> 8, type & 255, kind >> 8, kind & 255]));
}

interface Reply {
  readonly id: number;
  readonly flags: string;
  readonly code: number;
  readonly question: string;
  readonly answers: readonly string[];
}

/** Reads an answer to its last byte; pointers are followed. */
function read(bytes: Uint8Array | undefined): Reply {
  assert.ok(bytes !== undefined, "there is an answer");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 12;
  const readName = (from: number): [string, number] => {
    const labels: string[] = [];
    let end = -1;
    for (let place = from; ; ) {
      const length = view.getUint8(place);
      if (length >= 0xc0) {
        if (end < 0) end = place + 2;
        place = view.getUint16(place) & 0x3fff;
      } else if (length === 0) return [labels.join("."), end < 0 ? place + 1 : end];
      else {
        labels.push(Buffer.from(bytes.subarray(place + 1, place + 1 + length)).toString("latin1"));
        place += 1 + length;
      }
    }
  };
  const questions: string[] = [];
  for (let i = 0; i < view.getUint16(4); i += 1) {
    const [text, end] = readName(at);
    questions.push(`${text} ${view.getUint16(end)} ${view.getUint16(end + 2)}`);
    at = end + 4;
  }
  const answers: string[] = [];
  for (let i = 0; i < view.getUint16(6); i += 1) {
    const [text, end] = readName(at);
    const length = view.getUint16(end + 8);
    const data = [...bytes.subarray(end + 10, end + 10 + length)].join(".");
    assert.ok(view.getUint32(end + 4) <= 60, "the phone forgets it soon");
    answers.push(`${text} ${view.getUint16(end)} ${view.getUint16(end + 2)} ${data}`);
    at = end + 10 + length;
  }
  assert.equal(view.getUint16(8), 0, "no authority");
  assert.equal(view.getUint16(10), 0, "no additional records");
  assert.equal(at, bytes.length, "nothing behind the last record");
  const word = view.getUint16(2);
  const names = ["QR", "", "", "", "", "AA", "TC", "RD", "RA", "", "AD", "CD"];
  return {
    id: view.getUint16(0),
    flags: names.filter((flag, index) => flag !== "" && word & (0x8000 >> index)).join(" "),
    code: word & 15,
    question: questions.join(", "),
    answers,
  };
}

describe("setup/dns", () => {
  it("every name is the box: one A record", () => {
    for (const host of ["captive.apple.com", "connectivitycheck.gstatic.com", "www.msftconnecttest.com", "a", ""]) {
      assert.deepEqual(read(dnsAnswer(query(host, TYPES.A), ADDRESS)), {
        id: 0x1a2b,
        flags: "QR AA RD RA",
        code: 0,
        question: `${host} 1 1`,
        answers: [`${host} 1 1 192.168.4.1`],
      });
    }
  });

  it("is this, byte by byte", () => {
    assert.equal(
      toHex(dnsAnswer(query("a.bc", TYPES.A), ADDRESS) as Uint8Array),
      "1a 2b 85 80 00 01 00 01 00 00 00 00 01 61 02 62 63 00 00 01 00 01 c0 0c 00 01 00 01 00 00 00 0a 00 04 c0 a8 04 01",
    );
  });

  it("ANY, in class IN or ANY, gives the A record too", () => {
    assert.deepEqual(read(dnsAnswer(query("a.b", TYPES.ANY), ADDRESS)).answers, ["a.b 1 1 192.168.4.1"]);
    assert.deepEqual(read(dnsAnswer(query("a.b", TYPES.A, { kind: 255 }), ADDRESS)).answers, ["a.b 1 1 192.168.4.1"]);
  });

  for (const type of ["AAAA", "HTTPS", "SVCB", "TXT"] as const) {
    it(`${type}: no error and no record, so that the phone does not wait`, () => {
      assert.deepEqual(read(dnsAnswer(query("captive.apple.com", TYPES[type]), ADDRESS)), {
        id: 0x1a2b,
        flags: "QR AA RD RA",
        code: 0,
        question: `captive.apple.com ${TYPES[type]} 1`,
        answers: [],
      });
    });
  }

  it("EDNS is tolerated: its record is neither echoed nor counted", () => {
    for (const type of [TYPES.A, TYPES.HTTPS]) {
      const plain = query("example.org", type);
      const edns = join(query("example.org", type, { header: "1a 2b 01 20 00 01 00 00 00 00 00 01" }), OPT);
      assert.deepEqual(dnsAnswer(edns, ADDRESS), dnsAnswer(plain, ADDRESS));
    }
  });

  it("more than 512 bytes, padded by EDNS, are an ordinary query", () => {
    const padded = join(
      query("example.org", TYPES.A, { header: "1a 2b 01 00 00 01 00 00 00 00 00 01" }),
      OPT,
      new Uint8Array(600),
    );
    assert.deepEqual(read(dnsAnswer(padded, ADDRESS)).answers, ["example.org 1 1 192.168.4.1"]);
  });

  it("RD and CD come back, AD and TC do not", () => {
    const flags = (header: string) => read(dnsAnswer(query("a", TYPES.A, { header }), ADDRESS)).flags;
    assert.equal(flags("1a 2b 00 00 00 01 00 00 00 00 00 00"), "QR AA RA");
    assert.equal(flags("1a 2b 01 10 00 01 00 00 00 00 00 00"), "QR AA RD RA CD");
    assert.equal(flags("1a 2b 03 20 00 01 00 00 00 00 00 00"), "QR AA RD RA");
  });

  it("takes a query that lies inside a larger buffer", () => {
    const inside = join(hex("ff ff"), query("a.b", TYPES.A), hex("ff ff"));
    assert.deepEqual(read(dnsAnswer(inside.subarray(2, -2), ADDRESS)).answers, ["a.b 1 1 192.168.4.1"]);
  });

  it("answers and datagrams shorter than a header are ignored", () => {
    assert.equal(dnsAnswer(query("a", TYPES.A, { header: "1a 2b 81 00 00 01 00 00 00 00 00 00" }), ADDRESS), undefined);
    const whole = query("a", TYPES.A);
    for (let length = 0; length < 12; length += 1)
      assert.equal(dnsAnswer(whole.subarray(0, length), ADDRESS), undefined);
  });

  describe("what cannot be answered is said so, with nothing but the id", () => {
    const cases: readonly [string, Uint8Array, number][] = [
      ["another opcode: NOTIMP", query("a", TYPES.A, { header: "1a 2b 29 00 00 01 00 00 00 00 00 00" }), 4],
      ["an inverse query: NOTIMP", query("a", TYPES.A, { header: "1a 2b 09 00 00 01 00 00 00 00 00 00" }), 4],
      ["no question: FORMERR", hex("1a 2b 01 00 00 00 00 00 00 00 00 00"), 1],
      ["two questions: FORMERR", query("a", TYPES.A, { header: "1a 2b 01 00 00 02 00 00 00 00 00 00" }), 1],
      ["256 questions: FORMERR", query("a", TYPES.A, { header: "1a 2b 01 00 01 00 00 00 00 00 00 00" }), 1],
      ["257 questions: FORMERR", query("a", TYPES.A, { header: "1a 2b 01 00 01 01 00 00 00 00 00 00" }), 1],
      ["a header only: FORMERR", hex("1a 2b 01 00 00 01 00 00 00 00 00 00"), 1],
      ["a pointer to itself: FORMERR", hex("1a 2b 01 00 00 01 00 00 00 00 00 00 c0 0c 00 01 00 01"), 1],
      ["a pointer to the header: FORMERR", hex("1a 2b 01 00 00 01 00 00 00 00 00 00 01 61 c0 00 00 01 00 01"), 1],
      ["a label of 64 bytes: FORMERR", join(hex("1a 2b 01 00 00 01 00 00 00 00 00 00 40"), new Uint8Array(90)), 1],
    ];
    for (const [title, bytes, code] of cases) {
      it(title, () => {
        const reply = read(dnsAnswer(bytes, ADDRESS));
        assert.deepEqual([reply.id, reply.code, reply.question, reply.answers], [0x1a2b, code, "", []]);
      });
    }

    it("cut at any byte: FORMERR", () => {
      const whole = query("www.example.org", TYPES.A);
      for (let length = 12; length < whole.length; length += 1) {
        assert.equal(read(dnsAnswer(whole.subarray(0, length), ADDRESS)).code, 1, `${length} bytes`);
      }
    });

    it("a name of 255 bytes is answered, one of 256 is not", () => {
      const label = "x".repeat(63);
      assert.equal(
        read(dnsAnswer(query(`${label}.${label}.${label}.${"x".repeat(61)}`, 1), ADDRESS)).answers.length,
        1,
      );
      assert.equal(read(dnsAnswer(query(`${label}.${label}.${label}.${"x".repeat(62)}`, 1), ADDRESS)).code, 1);
    });

    it("another class: REFUSED, with its question", () => {
      const reply = read(dnsAnswer(query("version.bind", TYPES.TXT, { kind: 3 }), ADDRESS));
      assert.deepEqual([reply.code, reply.question, reply.answers], [5, "version.bind 16 3", []]);
    });
  });

  it("survives whatever comes, and never answers with more than a name and a record", () => {
    const random = seeded(53);
    const good = join(query("www.example.org", TYPES.A), OPT);
    for (let round = 0; round < rounds(20_000); round += 1) {
      const isMutation = round % 2 === 0;
      const bytes = isMutation ? good.slice() : new Uint8Array(random() % 600);
      if (isMutation) for (let n = random() % 4; n >= 0; n -= 1) bytes[random() % bytes.length] = random() & 255;
      else for (let at = 0; at < bytes.length; at += 1) bytes[at] = random() & (at < 12 ? random() & 1 : 255);
      const answer = dnsAnswer(bytes, ADDRESS);
      if (answer === undefined) continue;
      assert.ok(answer.length <= 12 + 255 + 4 + 16);
      assert.equal(read(answer).id, ((bytes[0] as number) << 8) | (bytes[1] as number));
    }
  });
});
