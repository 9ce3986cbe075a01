// A message on its way out: from the owner's call into the table, and onto the wire if it can leave at once. The hot
// path of everything that is published. Knows neither transport nor handler; sender.ts sees to what has to wait.

import type { Message, PayloadSource } from "./contract.js";
import { nextId } from "./in-flight.js";
import { checkWhole, publishHeaderSize } from "./packet.js";
import { checkFree, type Sender, schedule } from "./sender.js";
import { checkTopic, utf8Length } from "./text.js";

/**
 * The way of a message from the owner's call to the wire, and therefore straight: what it needs is read once, and calls
 * are few. All is as `Session.publish` has it; `marks` is 1 for retain and 8 for resumed. `room` is how many bytes the
 * transport takes at once, 0 for a payload that is no text. If nothing is in its way, a short text is put together here
 * and counts as sent: `payload` is then the packet, which the owner must send before anything else is asked, and 65536
 * times its length is added to what is returned, and 0x1000000 when the table may be full now. Else the message waits.
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
  const edge = me.edge;
  if (qos !== 2 && qos !== 0 && qos !== 1) checkWhole("[MQTT-3.3.1-4] QoS", qos, 0, 2);
  let flags = (qos << 1) | (marks & 1);
  if (topic !== me.topic) {
    words[21] = checkTopic(topic, false);
    me.topic = topic;
  }
  if (given !== undefined) {
    if (flags < 2) throw new TypeError("QoS 0 has no packet id; leave it out [MQTT-2.3.1-5]");
    checkFree(me, given);
  }
  const topicBytes = words[21] as number;
  let size = topicBytes + (flags < 2 ? 4 : 6);
  let length = 0;
  let total = 0;
  let isFull = 0;
  let packet: Uint8Array | null = null;
  if (room > 0 && me.owed === 0 && me.state === 3 && me.held >= 0) {
    // One conversion and no copy. Text that is not ASCII has more bytes than characters, and goes the other way.
    total = size + (payload as string).length;
    let text = "    ";
    text += topic;
    if (flags > 1) text += "  ";
    packet = new Uint8Array(ArrayBuffer.fromString(text + payload));
    if (total > 129 || total > room || packet.length !== total) packet = null;
  }
  if (packet === null) {
    length = lengthOf(payload);
    size = publishHeaderSize(topicBytes, qos, length);
    if (size > (words[28] as number)) return -3;
    if (me.state > 3) return -4;
  }
  let id = 0;
  // The answer, and RETAIN.
  let word = (flags & 1) << 26;
  if (flags > 1) {
    const places = words[13] as number;
    const left = places - ((edge - 32) >> 2);
    if (left < 1 && me.pending === places) return -1;
    if (left < 2) isFull = 0x1000000;
    if (given !== undefined) id = given;
    else if (edge > 32) id = nextId(me);
    else {
      // As nextId() does, without a call: all are free.
      id = words[8] as number;
      id = id === words[1] ? (words[0] as number) : id + 1;
      words[8] = id;
    }
    if (id === 0) return -1;
    word |= ((qos + 3) << 16) | id;
    // A server without our session takes a message of an earlier life as a new one, so DUP would be untrue.
    if (marks > 7 && words[22] === 0 && words[19] !== 1) {
      word |= 0x1000000;
      flags |= 8;
    }
  } else {
    if (me.state < 3) return -2;
    // Beside the in-flight budget, two QoS 0 messages may wait to leave.
    if (packet === null) {
      const unsent = words[25] as number;
      if (unsent === 2) return -1;
      words[25] = unsent + 1;
    }
  }
  if (packet === null) {
    // Queued.
    word |= 0x100000;
    me.owed += 64;
    // Of text this cannot change.
    words[edge + 2] = length;
    schedule(me, now);
  } else {
    packet[0] = 0x30 | flags;
    packet[1] = total - 2;
    // It has less than 128 bytes.
    packet[2] = 0;
    packet[3] = topicBytes;
    me.payload = packet;
    me.leftAt = now;
    if (flags < 2) return (total << 16) | (edge > 32 ? 0x1000000 : 0);
    packet[size - 2] = id >> 8;
    packet[size - 1] = id;
    // Waiting, and begun.
    word |= 0xb00000;
    const until = (now + (words[5] as number)) | 0;
    words[edge + 3] = until;
    const due = me.dueAt;
    if (due === undefined || ((until - due) | 0) < 0) me.dueAt = until;
    id |= (total << 16) | isFull;
  }
  // As adopt() does, without a call.
  words[edge] = word;
  me.contents.push(topic, payload);
  me.edge = edge + 4;
  return id;
}

/** Bytes of a payload. */
function lengthOf(payload: Message["payload"]): number {
  if (payload === undefined) return 0;
  const isText = typeof payload === "string";
  const length = isText ? utf8Length(payload, 0) : ((payload as PayloadSource | null)?.length as number);
  if (isText && length < 0) throw new TypeError("payload holds a lone surrogate");
  if ((length | 0) !== length || length < 0) {
    throw new TypeError("payload must be text, a Uint8Array or a source with a length");
  }
  return length;
}
