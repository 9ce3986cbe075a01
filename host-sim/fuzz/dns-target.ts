// The box's name server under attack: any datagram in, and what comes out read by the rules of RFC 1035. Whoever asks
// must be able to match the answer to the question, and nobody gets back more than he could have asked for.
//
// An input is a datagram.

import { DnsType, dnsQuery } from "../dns-message.js";
import type { Random } from "../random.js";
import { Draft, once, oneOf, spoilSome } from "./draft.js";
import type { Sources } from "./sources.js";
import { Breach, count, type Target } from "./target.js";

const ADDRESS = Uint8Array.of(192, 168, 4, 1);
/** Names that phones ask for when they have joined. */
const NAMES: readonly string[] = Object.freeze([
  ...["connectivitycheck.gstatic.com", "captive.apple.com", "www.msftconnecttest.com", "detectportal.firefox.com"],
  ...["", "a", "local", "x.y", `${"l".repeat(63)}.example`, Array.from({ length: 4 }, () => "m".repeat(60)).join(".")],
]);

/** As phones and `dig` write them: with a cookie and a size of EDNS behind. */
const CAPTURES: readonly Uint8Array[] = Object.freeze([
  dnsQuery(0x1234, "connectivitycheck.gstatic.com", DnsType.A),
  dnsQuery(0xbeef, "captive.apple.com", DnsType.AAAA, true),
  dnsQuery(1, "captive.apple.com", DnsType.HTTPS),
  new Uint8Array(
    Buffer.from(
      "7a6b012000010000000000010765786d706c6503636f6d0000010001000029100000000000000c000a0008d9a1b2c3d4e5f607",
      "hex",
    ),
  ),
]);

/** Where the question ends by RFC 1035 §4.1.2; 0 when there is none that can be read. */
function questionEnd(bytes: Uint8Array): number {
  let at = 12;
  while (at < bytes.length) {
    const length = bytes[at] as number;
    if (length > 63) return 0;
    at += 1 + length;
    if (at - 12 > 255) return 0;
    if (length === 0) return at + 4 <= bytes.length ? at + 4 : 0;
  }
  return 0;
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function startsLike(answer: Uint8Array, query: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (answer[at] !== query[at]) return false;
  return true;
}

export function dnsTarget(sources: Sources): Target {
  const { dnsAnswer } = sources.dns;
  const reached: Record<string, number> = {};
  const draft = new Draft();

  function check(query: Uint8Array, answer: Uint8Array): string {
    const hex = (): string => `${Buffer.from(query).toString("hex")} gives ${Buffer.from(answer).toString("hex")}`;
    const fail = (rule: string): never => {
      throw new Breach(rule, hex());
    };
    if (answer.length < 12) fail("an answer has a header");
    if (word(answer, 0) !== word(query, 0)) fail("an answer has the query's id");
    if (((answer[2] as number) & 0xfe) !== 0x84 || ((answer[2] as number) & 1) !== ((query[2] as number) & 1)) {
      fail("an answer says that it is one, with RD as it was");
    }
    if (((answer[3] as number) & 0xe0) !== 0x80) fail("Z is 0 and RA is 1");
    const code = (answer[3] as number) & 15;
    const [questions, answers] = [word(answer, 4), word(answer, 6)];
    if (word(answer, 8) !== 0 || word(answer, 10) !== 0) fail("an answer counts what it holds");
    const opcode = ((query[2] as number) >> 3) & 15;
    const end = questionEnd(query);
    const isQuestion = opcode === 0 && word(query, 4) === 1 && end > 0;
    const type = end > 0 ? word(query, end - 4) : 0;
    const kind = end > 0 ? word(query, end - 2) : 0;
    const isOurs = kind === 1 || kind === 255;
    const expected = opcode !== 0 ? 4 : !isQuestion ? 1 : isOurs ? 0 : 5;
    if (code !== expected) fail(`the code is ${expected}`);
    if (questions !== (isQuestion ? 1 : 0)) fail("the question comes back if there is one");
    if (isQuestion && !startsLike(answer, query, 12, end)) fail("the question comes back as it was");
    const hasAddress = isQuestion && isOurs && (type === 1 || type === 255);
    if (answers !== (hasAddress ? 1 : 0)) fail("an address for A and ANY, and for nothing else");
    const at = isQuestion ? end : 12;
    if (answer.length !== at + (hasAddress ? 16 : 0)) fail("an answer holds what it counts");
    if (hasAddress) {
      const isRecord = word(answer, at) === 0xc00c && word(answer, at + 2) === 1 && word(answer, at + 4) === 1;
      if (!isRecord || word(answer, at + 10) !== 4) fail("the record is an A record of the question's name");
      if (word(answer, at + 6) !== 0 || word(answer, at + 8) > 60) fail("the answer is not kept for long");
      for (let i = 0; i < 4; i += 1) if (answer[at + 12 + i] !== ADDRESS[i]) fail("the address is the box's");
    }
    return ["NOERROR", "FORMERR", "", "", "NOTIMP", "REFUSED"][code] as string;
  }

  return {
    reached,

    draw(random: Random): Uint8Array {
      draft.clear();
      if (once(random, 4)) draft.put(oneOf(random, CAPTURES));
      else {
        const isPlain = !once(random, 4);
        draft.word(random.integer(65536));
        draft.push(isPlain ? random.integer(2) : random.integer(256));
        draft.push(isPlain ? 0 : random.integer(256));
        draft.word(once(random, 8) ? random.integer(4) : 1);
        draft.word(once(random, 16) ? random.integer(3) : 0);
        draft.word(0);
        draft.word(random.integer(2));
        for (const label of oneOf(random, NAMES).split(".")) {
          if (label === "") continue;
          draft.push(label.length);
          draft.text(label);
        }
        for (let left = once(random, 8) ? random.integer(140) : 0; left > 0; left -= 1) {
          draft.push(1);
          draft.push(0x61 + (left & 7));
        }
        if (!once(random, 16)) draft.push(once(random, 16) ? 0xc0 : 0);
        draft.word(oneOf(random, [1, 1, 28, 65, 255, 15, 0, 256]));
        draft.word(once(random, 6) ? oneOf(random, [255, 3, 0, 254]) : 1);
      }
      spoilSome(draft, random, 0, CAPTURES);
      if (once(random, 10)) draft.length = random.integer(Math.min(draft.length, 20) + 1);
      return draft.view;
    },

    run(input: Uint8Array): void {
      const before = input.slice();
      const answer = dnsAnswer(input, ADDRESS);
      if (!startsLike(before, input, 0, input.length)) throw new Breach("a query is left as it is", "");
      if (answer === undefined) {
        const isIgnored = input.length < 12 || ((input[2] as number) & 0x80) !== 0;
        if (!isIgnored) throw new Breach("who asks is answered", Buffer.from(input).toString("hex"));
        count(reached, "ignored");
        return;
      }
      if (answer.length > input.length + 16) throw new Breach("nobody gets much more than he sent", `${answer.length}`);
      if (input.length < 12) throw new Breach("what is shorter than a header is ignored", `${input.length}`);
      if (((input[2] as number) & 0x80) !== 0) throw new Breach("an answer is not answered", `${answer.length}`);
      count(reached, check(input, answer));
    },
  };
}
