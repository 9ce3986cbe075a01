// A message on its way out: from the owner's call into the table, and onto the wire if it can leave at once. The hot
// path of everything that is published. Knows neither transport nor handler; sender.ts sees to what has to wait.

import type { Message, PayloadSource } from "./contract.js";
import { adopt, nextId } from "./in-flight.js";
import { checkWhole, publishHeaderSize } from "./packet.js";
import { checkFree, type Sender, schedule } from "./sender.js";
import { checkTopic, utf8Length } from "./text.js";

/**
 * The way of a message from the owner's call to the wire, and therefore straight: what it needs is read once, and calls
 * are few. All is as `Session.publish` has it; `marks` is 1 for retain and 8 for resumed. `room` is how many bytes the
 * transport takes at once, 0 for a payload that is no text and for what is resumed. If nothing is in its way, a short
 * text is put together here and counts as sent: `payload` is then the packet, which the owner must send before anything
 * else is asked, and 65536 times its length is added to what is returned, 0x1000000 when the table may be full now, and
 * 0x2000000 when the deadline is a new one. Else the message waits.
 */
export function accept(
  me: Sender,
  topic: string,
  payload: Message["payload"],
  qos: number,
  marks: number,
  given: number | undefined,
  now: number,
  room: number,
): number {
  const words = me.words;
  if (qos !== 2) {
    if (qos !== 0 && qos !== 1) checkWhole("[MQTT-3.3.1-4] QoS", qos, 0, 2);
  }
  const flags = (qos << 1) | (marks & 1);
  if (topic !== me.topic) {
    // What else is asked of each message stands in the same word. Where that is above 32767, messages wait first.
    words[21] = checkTopic(topic, false) | ((words[13] as number) << 16);
    me.topic = topic;
  }
  if (room > 0 && me.owed === 0 && me.state === 3 && me.held >= 0) {
    const about = words[21] as number;
    const topicBytes = about & 0xffff;
    let size = topicBytes + 4;
    let text = "    ";
    text += topic;
    if (flags > 1) {
      size += 2;
      text += "  ";
    }
    const total = size + (payload as string).length;
    // One conversion and no copy. Text that is not ASCII has more bytes than characters, and goes the other way.
    const packet = new Uint8Array(ArrayBuffer.fromString(text + payload));
    const edge = me.edge;
    const left = (about >> 16) - ((edge - 32) >> 1);
    if (total < 130 && total <= room && packet.length === total && left > 0) {
      let id = 0;
      let more = left < 2 ? 0x1000000 : 0;
      if (flags > 1) {
        if (given !== undefined) {
          checkFree(me, given, qos);
          id = given;
        } else if (edge > 32) {
          id = nextId(me);
          if (id === 0) return -1;
        } else {
          // As nextId() does, without a call: all are free.
          id = words[8] as number;
          id = id === words[1] ? (words[0] as number) : id + 1;
          words[8] = id;
        }
        packet[size - 2] = id >> 8;
        packet[size - 1] = id;
        const until = (now + me.ackTimeoutMs) | 0;
        // RETAIN; waiting, and begun, for what answers this QoS.
        words[edge] = (flags << 26) | ((qos + 0xb3) << 16) | id;
        words[edge + 1] = until;
        me.contents.push(topic, payload);
        me.edge = edge + 2;
        // Also when there is no deadline: the difference to undefined counts as 0.
        if (((until - (me.dueAt as number)) | 0) <= 0) {
          me.dueAt = until;
          more |= 0x2000000;
        }
      } else if (given !== undefined) checkFree(me, given, 0);
      packet[0] = 0x30 | flags;
      packet[1] = total - 2;
      // It has less than 128 bytes.
      packet[2] = 0;
      packet[3] = topicBytes;
      me.payload = packet;
      me.leftAt = now;
      return (total << 16) | id | more;
    }
  }
  return queue(me, topic, payload, flags, marks, given, now);
}

/** Bytes of a payload. */
function lengthOf(payload: Message["payload"]): number {
  if (payload === undefined) return 0;
  const length = typeof payload === "string" ? utf8Length(payload, 0) : (payload as PayloadSource | null)?.length;
  if (((length as number) | 0) === length && length >= 0) return length;
  throw new TypeError("payload must be text without a lone surrogate, a Uint8Array or a source with a length");
}

/** The message waits in the table; or a refusal. */
function queue(
  me: Sender,
  topic: string,
  payload: Message["payload"],
  flags: number,
  marks: number,
  given: number | undefined,
  now: number,
): number {
  const words = me.words;
  const qos = flags >> 1;
  if (given !== undefined) checkFree(me, given, qos);
  const length = lengthOf(payload);
  if (publishHeaderSize((words[21] as number) & 0xffff, qos, length) > (words[28] as number)) return -3;
  if (me.state > 3) return -4;
  // Queued, and RETAIN.
  let word = 0x100000 | ((flags & 1) << 26);
  let id = 0;
  if (qos > 0) {
    if (me.pending >= (words[13] as number)) return -1;
    id = given ?? nextId(me);
    if (id === 0) return -1;
    word |= ((qos + 3) << 16) | id;
    // A server without our session takes a message of an earlier life as a new one, so DUP would be untrue.
    if (marks > 7 && words[22] === 0 && words[19] !== 1) word |= 0x1000000;
  } else {
    if (me.state < 3) return -2;
    // Beside the in-flight budget, two QoS 0 messages may wait to leave.
    const unsent = words[25] as number;
    if (unsent === 2) return -1;
    words[25] = unsent + 1;
  }
  me.contents.push(topic, payload);
  // Of text this cannot change.
  adopt(me, word, length);
  me.owed += 64;
  schedule(me, now);
  return id;
}
