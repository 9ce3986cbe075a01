// What an input for the session holds: the head, which says what the session may and where a callback does something
// odd, and the steps; how they are drawn and read. Knows no session.

import type { Budget, SessionOptions } from "../../src/mqtt/session.js";
import type { Random } from "../random.js";
import { type Draft, once, oneOf, spoilSome } from "./draft.js";
import { PACKETS, putPublish, putServerPacket } from "./packets.js";

/** Bytes before the first step. */
export const HEAD = 7;
const KEEP_ALIVE = 10;

/** Steps of an input; each has a number behind it. */
export const Step = Object.freeze({
  FEED: 0,
  ANSWER: 1,
  PUBLISH: 2,
  SUBSCRIBE: 3,
  PASS: 4,
  TRANSMIT: 5,
  DEADLINE: 6,
  DISCONNECT: 7,
  LOST: 8,
  CONNECT: 9,
  FLUSH: 10,
  CANCEL: 11,
  RELEASE: 12,
  CONNACK: 13,
  EXCHANGE: 14,
  ANSWER_ALL: 15,
} as const);
export const STEPS = 16;

export interface Head {
  readonly options: SessionOptions;
  readonly budget: Budget;
  readonly startAt: number;
  /** What a callback does, and which one. */
  readonly mischief: number;
  readonly moment: number;
  /** Also in callbacks of which the moment depends on how the bytes are cut: the two plays are not compared then. */
  readonly isAnywhere: boolean;
}

/** What the first bytes of an input say. */
export function readHead(input: Uint8Array): Head {
  const [flags, sizes, , , start, mischief, moment] = input as unknown as [
    ...[number, number, number, number, number, number, number],
  ];
  const options: SessionOptions = {
    id: "fuzz",
    clean: (flags & 1) !== 0,
    pipeline: (flags & 2) !== 0,
    stream: (flags & 4) !== 0,
    keepAliveSeconds: (flags & 8) === 0 ? KEEP_ALIVE : 0,
    connectTimeoutMs: 3000,
    ackTimeoutMs: 4000,
    pingTimeoutMs: 2000,
    firstId: (start & 2) === 0 ? 1 : 32769,
    lastId: (start & 4) === 0 ? 65535 : 32771,
  };
  const budget: Budget = {
    inbound: [0, 1, 3, 8][(flags >> 4) & 3] as number,
    inFlight: [1, 2, 4, 8][(flags >> 6) & 3] as number,
    receive: [64, 100][sizes & 1] as number,
    send: [64, 80, 128, 256][(sizes >> 1) & 3] as number,
    topic: [1, 8, 64, 100][(sizes >> 3) & 3] as number,
  };
  const startAt = [0, 0x7fffff00, -0x80000000, -3000][start & 3] as number;
  return {
    options,
    budget,
    startAt,
    mischief: mischief & 15,
    moment: moment & 15,
    isAnywhere: (moment & 48) === 48 || (mischief & 15) === 6,
  };
}

/** Puts an input together. */
export function drawInput(draft: Draft, random: Random): void {
  for (let at = 0; at < HEAD; at += 1) draft.push(random.integer(256));
  draft.push(Step.CONNECT);
  draft.push(once(random, 4) ? 1 : 0);
  if (!once(random, 6)) {
    draft.push(Step.TRANSMIT);
    draft.push(random.integer(140));
    draft.push(Step.CONNACK);
    draft.push(once(random, 10) ? random.integer(256) : random.integer(2));
  }
  const isTame = once(random, 2);
  for (let left = 1 + random.integer(once(random, 4) ? 24 : 9); left > 0; left -= 1) drawStep(draft, random, isTame);
  if (!isTame && once(random, 4)) spoilSome(draft, random, 0, PACKETS);
}

/** A packet or two of the broker's, with their length before them. */
function drawFeed(draft: Draft, random: Random, isTame: boolean): void {
  const at = draft.length;
  draft.push(once(random, 3) ? Step.EXCHANGE : Step.FEED);
  draft.push(0);
  const from = draft.length;
  if (isTame) putPublish(draft, random, true);
  else for (let packets = 1 + random.integer(2); packets > 0; packets -= 1) putServerPacket(draft, random);
  if (!isTame) spoilSome(draft, random, from, PACKETS);
  if (once(random, 8)) draft.length = Math.max(from, draft.length - random.integer(3));
  draft.length = Math.min(draft.length, from + 255);
  draft.bytes[at + 1] = draft.length - from;
}

function drawStep(draft: Draft, random: Random, isTame: boolean): void {
  const kind = random.integer(24);
  if (kind < 5) {
    drawFeed(draft, random, isTame || once(random, 3));
    return;
  }
  if (kind < 9) {
    // A request on its way to its answer.
    draft.push(once(random, 4) ? Step.SUBSCRIBE : Step.PUBLISH);
    draft.push(random.integer(256));
    if (once(random, 8)) return;
    draft.push(Step.TRANSMIT);
    draft.push(random.integer(140));
    if (once(random, 4)) return;
    draft.push(once(random, 3) ? Step.ANSWER_ALL : Step.ANSWER);
    draft.push(once(random, 4) ? random.integer(256) : 0);
    return;
  }
  const step = kind < 15 ? oneOf(random, LIKELY) : random.integer(STEPS);
  if (step === Step.FEED || step === Step.EXCHANGE) {
    drawFeed(draft, random, isTame);
    return;
  }
  draft.push(step);
  draft.push(isTame && (step === Step.ANSWER || step === Step.CONNACK) ? 0 : random.integer(256));
}

const LIKELY: readonly number[] = Object.freeze([
  ...[Step.ANSWER, Step.ANSWER_ALL, Step.ANSWER_ALL, Step.PUBLISH, Step.TRANSMIT, Step.CONNECT, Step.PASS],
  ...[Step.FLUSH, Step.TRANSMIT],
]);
