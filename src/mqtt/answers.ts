// What packets from the server mean at the moment they come: CONNACK, answers to entries of the table, PINGRESP and
// PUBREL. Both sides of §4.3. Whatever the server sends, nothing here throws: a breach ends the connection with its
// statement. Packet types are numbers; packet.ts has the table.

import { finish, keep, tell } from "./ending.js";
import { find, forget, rank, setPhase } from "./in-flight.js";
import { packetName } from "./packet.js";
import { acknowledge, schedule, wake } from "./sender.js";
import type { Session } from "./session.js";

/** Queues an acknowledgement; one that finds no room ends the connection. */
export function reply(me: Session, type: number, id: number): void {
  if (acknowledge(me, type, id)) return;
  finish(me, "overflow", "more acknowledgements than budget.send holds", "4.8.0-2");
}

/** Where an inbound QoS 2 id is held; 0 when it is not. */
export function keptAt(me: Session, id: number): number {
  const words = me.words;
  for (let at = words.length - (me.words[15] as number); at < words.length; at += 1) if (words[at] === id) return at;
  return 0;
}

function onConnack(me: Session, sessionPresent: boolean, code: number): void {
  const words = me.words;
  if ((words[19] as number) > 0) {
    finish(me, "violation", "a second CONNACK", "3.2.0-1");
    return;
  }
  if (code !== 0) {
    // §3.2.2.3.
    const detail = [
      "unacceptable protocol version",
      "identifier rejected",
      "server unavailable",
      "bad user name or password",
      "not authorized",
    ][code - 1];
    finish(me, "refused", detail ?? `reserved code ${code}`, sessionPresent ? "3.2.2-4" : "", code);
    return;
  }
  if (sessionPresent && words[22] !== 0) {
    finish(me, "violation", "Session Present 1 for a clean session", "3.2.2-1");
    return;
  }
  words[19] = sessionPresent ? 2 : 1;
  me.sendBy = null;
  if (!sessionPresent) {
    // The server has no session [MQTT-3.1.2-6, MQTT-3.2.2-3]. An inbound id kept would swallow a new message. What
    // the server already owned is delivered; what it may not have goes as new. What has left on this connection
    // already is not sent again.
    words[15] = 0;
    for (let at = 32; at < me.edge; at += 2) {
      const word = words[at] as number;
      if (((word >> 16) & 15) === 7) setPhase(me, at, 7);
      else words[at] = word & ~0x1000000;
    }
  }
  // After disconnect() what CONNACK says about the session holds all the same.
  if (me.state === 2) {
    me.state = 3;
    if ((words[4] as number) > 0) awaitQuiet(me);
    // Not by tell(): the stack is deepest here.
    try {
      me.handler.onConnected(sessionPresent);
    } catch (error) {
      keep(me, error);
    }
  }
}

/** The next PINGREQ is due when nothing has been sent for so long, or nothing received. */
function awaitQuiet(me: Session): void {
  me.words[11] = 1;
  wake(me, (me.leftAt + (me.words[4] as number)) | 0);
}

/** A packet that is no answer to an entry. What it is and what is returned: see {@link answered}. */
function onOther(me: Session, type: number, id: number, room: number): number {
  const words = me.words;
  if (type === 2) onConnack(me, id > 255, id & 255);
  else if ((words[19] as number) < 1) finish(me, "violation", `${packetName(type)} before CONNACK`, "3.2.0-1");
  else if (type === 6) {
    // The id is free, whether it was held or not.
    const place = keptAt(me, id);
    if (place > 0) {
      words[place] = words[words.length - (words[15] as number)] as number;
      words[15] = (words[15] as number) - 1;
    }
    if (room > 3 && me.owed === 0) {
      me.leftAt = me.instant;
      return 0x70;
    }
    reply(me, 7, id);
  } else if (type === 13) {
    // One that nobody asked for changes nothing.
    if (words[11] === 3) awaitQuiet(me);
    // A late answer answers nothing. Only PUBREC leaves the server waiting: for the PUBREL of a message that we forgot.
  } else if (type === 5) reply(me, 6, id);
  return 0;
}

/**
 * An answer that is not the usual one. True when nothing is left to be done: it broke the rules and ends the
 * connection, or changes nothing.
 */
function isSurprise(me: Session, at: number, id: number, type: number): boolean {
  const word = me.words[at] as number;
  const answer = (word >> 16) & 15;
  const phase = (word >> 20) & 7;
  const resumed = (word & 0x1000000) !== 0;
  const repeated = type === 5 && answer === 7;
  let fault = "";
  // Servers that take QoS 2 for 1, as RabbitMQ 3 does, say so by PUBACK. It is over then: to be strict would send the
  // message again with each connection, for ever.
  if (type !== answer && !repeated && (type !== 4 || answer !== 5)) fault = `, which waits for ${packetName(answer)}`;
  else if (phase < 3 && !resumed) fault = ", which was not sent";
  else if (phase === 4 && !repeated && (word & 0x800000) === 0 && !resumed) fault = " before PUBREL";
  if (fault !== "") {
    finish(
      me,
      "violation",
      `${packetName(type)} for id ${id}${fault}`,
      // The statement that binds the server to answer in the one way that is right.
      answer === 4 ? "4.3.2-2" : answer === 9 ? "3.8.4-1" : answer === 11 ? "3.10.4-4" : "4.3.3-2",
    );
    return true;
  }
  if (repeated) {
    if (phase === 6) {
      setPhase(me, at, 4);
      schedule(me, me.instant);
      // Settled, and not told yet: as for a message that we forgot.
    } else if (phase === 7) reply(me, 6, id);
    return true;
  }
  // The packet goes again, or PUBREL is on its way, and will be answered again; or all is settled already.
  return phase < 3 || phase === 5 || phase === 7;
}

/** SUBACK, which has one code for each filter, in bytes[words[17], words[18]), or UNSUBACK. */
function ended(me: Session, at: number, id: number, type: number): void {
  const codes: number[] = [];
  if (type === 9) {
    const end = me.words[18] as number;
    let place = me.words[17] as number;
    if (end - place !== me.contents[at - 32]) {
      finish(me, "violation", `SUBACK with ${end - place} codes`, "3.8.4-5");
      return;
    }
    for (; place < end; place += 1) {
      const code = me.bytes[place] as number;
      if (code > 2 && code !== 128) {
        finish(me, "violation", `SUBACK with code ${code}`, "3.9.3-2");
        return;
      }
      codes.push(code);
    }
  }
  forget(me, at, me.words[at] as number);
  tell(me, type === 9 ? "onSubscribed" : "onUnsubscribed", id, codes);
}

/**
 * A packet that may be an answer, as its four bytes in words[5], the first one lowest; of SUBACK and PINGRESP as if
 * they had an id and no more. A `room` of -1 says that it has been decoded. Else nothing but these bytes has come:
 * returns -1 if they are neither PUBREL nor just what an entry waits for, before anything is done. If the transport has
 * `room` for what follows from it, that may leave at once, unless a callback has asked for something or ended the
 * connection: then its first byte is returned, for the other three are as they came. Else it is queued; that, or when
 * there is none, gives 0. 0x100 is added when the deadline may be a new one.
 *
 * The way of every answer, and therefore straight: what the two halves of QoS 2 do to their entry is done right here.
 */
export function answered(me: Session, room: number): number {
  const words = me.words;
  const edge = me.edge;
  const four = words[5] as number;
  // Type, flags and length: 0x250 is PUBREC, 0x270 PUBCOMP, 0x240 PUBACK.
  const kind = four & 0xffff;
  const id = ((four >> 8) & 0xff00) | (four >>> 24);
  let at = 32;
  let word = 0;
  for (; at < edge; at += 2) {
    word = words[at] as number;
    if ((word & 0xffff) === id) break;
  }
  // Expected: the packet waits for just this answer.
  const wait = word & 0x7f0000;
  if (
    at === edge ||
    me.state !== 3 ||
    (kind === 0x250 ? wait !== 0x350000 : kind === 0x270 ? wait !== 0x670000 : kind !== 0x240 || wait !== 0x340000)
  ) {
    const type = (four >> 4) & 15;
    if (room >= 0 && (kind !== 0x262 || id === 0)) return -1;
    // What is no answer to an entry: 4, 5, 7, 9 and 11 are, the bits of 0xab0.
    if (at === edge || (me.state !== 3 && (words[19] as number) < 1) || ((0xab0 >> type) & 1) === 0) {
      return onOther(me, type, id, room);
    }
    if (isSurprise(me, at, id, type)) return 0;
    if (type > 7) {
      ended(me, at, id, type);
      return 0;
    }
  }
  const isReceived = kind === 0x250;
  if (!isReceived) {
    // The entry is over before the owner is told, so that its place is free.
    const last = edge - 2;
    if (at < last || (word & 0x2200000) !== 0x200000) forget(me, at, word);
    else {
      // As forget() does, without a call: nothing follows it, no flush waits for it.
      me.edge = last;
      me.contents.length = last - 32;
    }
  }
  let answer = 0;
  const isTold = me.listens;
  if (isTold) {
    me.held = -1;
    // Not by tell(): the stack is deepest here.
    try {
      // The owner records the message as received first; only then may PUBREL leave.
      if (isReceived) me.handler.onReceived(id);
      else me.handler.onDelivered(id, (four >> 4) & 15);
    } catch (error) {
      keep(me, error);
      if (isReceived) {
        // Unless the callback has ended the connection itself.
        if (me.held < 0) finish(me, "internal", "onReceived threw", "");
        return 0;
      }
    }
    if (room >= 0) {
      me.held = 0;
      answer = 0x100;
    }
  }
  if (!isReceived) return answer;
  if (isTold) {
    // The callback may have ended the connection. The record is made all the same, so PUBREL is what the next one
    // sends: for an entry that is to be sent again. That it has asked for a flush (0x2000000) changes nothing.
    at = find(me, id);
    if (at < 0) return 0;
    const before = word;
    word = words[at] as number;
    if (((word ^ before) & ~0x2000000) !== 0) {
      if ((word & 0x1700000) !== 0x1100000) return 0;
      me.owed -= 64;
      // There is no transport for it any more.
      room = 0;
    }
    if (me.owed !== 0) room = 0;
  }
  // PUBREL, after those of all PUBRECs before. Answer PUBCOMP, not resumed.
  word = (word & ~0x1ff0000) | 0x470000;
  if (room > 3) {
    // It leaves in place of its question: waiting, and begun. The deadline stays: PUBREC had an earlier one.
    const instant = me.instant;
    words[at] = word | 0xa00000;
    words[at + 1] = instant + me.ackTimeoutMs;
    if (at > 32) rank(me, at);
    me.leftAt = instant;
    return answer + 0x62;
  }
  words[at] = word;
  rank(me, at);
  me.owed += 64;
  schedule(me, me.instant);
  return 0;
}
