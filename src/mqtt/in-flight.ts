// The in-flight table of a session: what was accepted and is not yet acknowledged (PUBLISH, SUBSCRIBE, UNSUBSCRIBE),
// which survives the end of a connection, and the map of the words in which a session keeps its numbers. Knows neither
// bytes nor time nor owner: sender.ts says what leaves when, session.ts what answers mean. Packet types are numbers;
// packet.ts has the table.

import type { Message } from "./contract.js";
import { Decoder } from "./decoder.js";
import type { Subscription } from "./packet.js";

/** What a SUBSCRIBE or an UNSUBSCRIBE asks for. */
export type Filters = readonly (Subscription | string)[];

/**
 * Most numbers stand in `words`, for there one takes 4 bytes, a field 16. Those that each packet needs are fields: the
 * engine reads one in 250 instructions, a word in 750. Before the table:
 *
 *   0 firstId                 1 lastId                  2 connectTimeoutMs        3 pingTimeoutMs
 *   4 ms of quiet until PINGREQ is due, 0 for never     5 see Decoder.four        6 largest payload handed over in one
 *   piece, -1 when all come in pieces                   7 longest topic           8 the id picked last
 *   9 when the flush is to be answered                 10 bytes of the payload of the packet that is leaving that have
 *   not left                  11 0 no pings, 1 quiet, 2 PINGREQ is to leave, 3 it has left, to be answered by words[12]
 *  12 when CONNACK or PINGRESP is due                  13 budget.inFlight
 *  14 entries that a flush waits for, below 0 when there is none to answer
 *  15 inbound QoS 2 ids held: the last words, in no order
 *  16 connections that have ended: tells code that has called the owner whether its connection is still the same
 *  17 course, see session.ts  18 rest, see decoder.ts   (both: where the codes of the SUBACK are that is being told)
 *  19 what is known of the server's session: -1 nothing, and a PUBLISH or PUBREL was begun before CONNACK, 0 nothing, 1
 *  there was none, 2 present
 *  20 bytes of the buffer for what comes in             21 see Sender.topic       22 1 in a clean session
 *  25 QoS 0 messages that have not left
 *  23, 26, 27 and 31 are the owner's, for what he has to keep beside the session; 31 is above 0 while bytes that have
 *  come wait for him              24 1 when onOverflow gets no bytes, 2 when nobody has one
 *  28 bytes of the buffer for what goes out             29 see Sender.start         30 1 for early PUBLISHes
 *
 * The table has 2 words for each entry, from word 32 on:
 *
 *   0  bits 0-15 packet id, 0 for QoS 0;  16-19 answer;  20-22 phase;  23 began;  24 resumed;  25 flush;  26 retain;
 *      27-28 of a message that left at once: its QoS, which nobody reads
 *   1  while the answer is waited for: it is due by then; before: bytes of a PUBLISH's payload that is no text, or of a
 *      SUBSCRIBE or UNSUBSCRIBE
 *
 * `answer` is the packet type that ends the present wait, which also says what the entry is: 0 PUBLISH with QoS 0, 4
 * (PUBACK) PUBLISH with QoS 1, 5 (PUBREC) PUBLISH with QoS 2, 7 (PUBCOMP) PUBREL, 9 SUBSCRIBE, 11 UNSUBSCRIBE. `phase`
 * says how far it is on the present connection:
 *
 *   1 queued ──► 2 leaving ──► 3 waiting ──PUBACK | SUBACK | UNSUBACK──► over
 *                    └──QoS 0──► over └──PUBREC──► 4
 *   4 PUBREL queued ──► 5 PUBREL leaving ──► 6 PUBREL waiting ──PUBCOMP──► over
 *          ▲───────────────────PUBREC again─────────┘
 *   connection ended: 2, 3 ──► 1;  5, 6 ──► 4;  what is no session state ──► over
 *   Session Present 0: 4, 5, 6 ──► 7 delivered, the owner is to be told ──► over
 *
 * leaving: some bytes have left, the last one has not. waiting: it has, or it is put among the acknowledgements, of
 * which nothing more is known. began: the packet due next (PUBLISH, then PUBREL) has been begun on this connection;
 * resumed: on an earlier one, or by an earlier life, and the server may have it; flush: a flush waits for this entry.
 * An entry is named by the index of its first word, -1 is none.
 */
export abstract class InFlight extends Decoder {
  // The first entries are those after PUBREC, in the order of the PUBRECs [MQTT-4.6.0-4]; then come all others, in the
  // order of acceptance [MQTT-4.6.0-1].
  //
  // Bits of `owed`: 1 something is to be told that no request may tell, 2 PINGREQ, 4 DISCONNECT, 8 the rest of the
  // packet that is leaving, 16 bytes wait to leave, 32 an exception waits to be thrown, and 64 for each entry in phase
  // 1 or 4.
  /**
   * For each word of the table: a message's topic and payload until PUBREC or a little longer; the filters until
   * (UN)SUBSCRIBE has left, then how many they were, and null.
   */
  readonly contents: (Message["payload"] | Filters | number | null)[] = [];

  /** Messages with QoS > 0, SUBSCRIBEs and UNSUBSCRIBEs accepted and not yet acknowledged. */
  get pending(): number {
    return ((this.edge - 32) >> 1) - this.unsent;
  }

  /** QoS 0 messages that have not left. */
  get unsent(): number {
    return this.words[25] as number;
  }
}

/** The entry that holds this id, 1..65535. */
export function find(me: InFlight, id: number): number {
  const words = me.words;
  const edge = me.edge;
  for (let at = 32; at < edge; at += 2) if (((words[at] as number) & 0xffff) === id) return at;
  return -1;
}

/** The next id of the session's range that no entry holds [MQTT-2.3.1-1, MQTT-2.3.1-2]; 0 when all are in use. */
export function nextId(me: InFlight): number {
  const words = me.words;
  const before = words[8] as number;
  let id = before;
  do {
    id = id === words[1] ? (words[0] as number) : id + 1;
    if (find(me, id) < 0) {
      words[8] = id;
      return id;
    }
  } while (id !== before);
  return 0;
}

/**
 * Takes a free entry, last in the order of acceptance, for which the caller has pushed its two `contents`. Who queues
 * it counts it as owed.
 */
export function adopt(me: InFlight, word: number, size: number): void {
  const words = me.words;
  const edge = me.edge;
  words[edge] = word;
  words[edge + 1] = size;
  me.edge = edge + 2;
}

export function setPhase(me: InFlight, at: number, phase: number): void {
  const word = me.words[at] as number;
  const before = (word >> 20) & 7;
  if (before === 1 || before === 4) me.owed -= 64;
  if (phase === 1 || phase === 4) me.owed += 64;
  else if (phase === 7) me.owed |= 1;
  me.words[at] = (word & ~0x700000) | (phase << 20);
}

/** The entry is over; its id and its place are free. `word` is its first word. */
export function forget(me: InFlight, at: number, word: number): void {
  const edge = me.edge - 2;
  // Phases 1 and 4 are queued. What waits for its answer, the usual case, has the bit in between.
  if ((word & 0x200000) === 0 && (word & 0x500000) !== 0x500000) me.owed -= 64;
  if (at !== edge) move(me, at, edge);
  me.edge = edge;
  me.contents.length = edge - 32;
  if ((word & 0x2000000) !== 0) {
    const words = me.words;
    const expected = (words[14] as number) - 1;
    words[14] = expected;
    if (expected === 0) me.owed |= 1;
  }
}

/** An entry is after PUBREC now: puts it behind those that were so before. Returns where that is. */
export function rank(me: InFlight, at: number): number {
  const words = me.words;
  let to = 32;
  while (to < at && ((words[to] as number) & 0xf0000) === 0x70000) to += 2;
  if (to < at) move(me, at, to);
  return to;
}

/** Puts an entry at another place and closes the gap. */
function move(me: InFlight, from: number, to: number): void {
  const words = me.words;
  const contents = me.contents;
  const step = from < to ? 2 : -2;
  for (let at = from; at !== to; at += step) {
    for (let here = at; here < at + 2; here += 1) {
      const there = here + step;
      const word = words[here] as number;
      words[here] = words[there] as number;
      words[there] = word;
      const content = contents[here - 32];
      contents[here - 32] = contents[there - 32];
      contents[there - 32] = content;
    }
  }
}
