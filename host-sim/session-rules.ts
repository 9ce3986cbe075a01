// What MQTT 3.1.1 demands of a packet because of what came before it on the connection and in the session: order,
// packet ids, DUP, acknowledgements; of the board and of its broker. The bytes of a single packet are judged in
// packet-rules.ts. It shares no code with the firmware and none with the model broker, which judges the same from the
// server's place. It hears what has arrived (up: at the broker, down: at the board), so nothing is held against a side
// that it could not know of: what got lost on the way, and what a power cut made a board forget of QoS 1.

import type { IConnackPacket, IConnectPacket, IPublishPacket, ISubackPacket, Packet } from "mqtt-packet";
import type { Breach } from "./packet-rules.js";

const Limit = Object.freeze({
  /** Finished QoS 2 ids that are remembered: so that a second PUBLISH is known, and an id may come again one day. */
  FINISHED: 64,
} as const);

/** A message of the board whose id is in use; QoS 2 also between connections. */
interface Outgoing {
  readonly qos: 1 | 2;
  readonly topic: string;
  readonly payload: Buffer;
  /** In which order the originals came. */
  readonly order: number;
  /** The connection on which it was sent first. */
  readonly first: number;
  /** The connection on which it was sent last. */
  connection: number;
  /** What has arrived at the board, or left it. */
  stage: "published" | "received" | "released";
}

/** One connection. Its lists hold packet ids in the order in which they came. */
class Talk {
  readonly number: number;
  readonly clean: boolean;
  answer: "none" | "accepted" | "refused" = "none";
  sessionPresent = false;
  disconnected = false;
  /** Order of the last message that was sent again. */
  repeated = 0;
  /** Requests without an answer: how many codes the answer has, 0 for UNSUBACK. */
  readonly requests = new Map<number, number>();
  /** What the broker has of the board and has not answered yet. */
  readonly unanswered = { PUBACK: new Set<number>(), PUBREC: new Set<number>(), PUBCOMP: new Set<number>() };
  /** PUBRECs that the board has not answered with PUBREL. */
  readonly pubrecs: number[] = [];
  /** What the board has of the broker and has not answered yet. */
  readonly awaited = { PUBACK: [] as number[], PUBREC: [] as number[], PUBCOMP: [] as number[] };
  /** Ids of the broker's messages that are not finished. */
  readonly incoming = new Set<number>();

  constructor(number: number, clean: boolean) {
    this.number = number;
    this.clean = clean;
  }
}

/** Keeps the session of one board, over its connections. */
export class SessionRules {
  #clientId: string | undefined;
  #talks = new Map<number, Talk>();
  readonly #outgoing = new Map<number, Outgoing>();
  /** QoS 2 ids whose PUBCOMP has come. */
  readonly #finished: number[] = [];
  /** Nothing happened in this session before we listened. */
  #isWhole = false;
  #order = 0;

  /** The first thing that is wrong with a packet from the board. `connection` counts up. */
  up(connection: number, packet: Packet): Breach | undefined {
    const talk = this.#talks.get(connection);
    if (packet.cmd === "connect") {
      if (talk !== undefined) return { statement: "MQTT-3.1.0-2", detail: "a second CONNECT on this connection" };
      this.#connect(connection, packet);
      return undefined;
    }
    const name = packet.cmd.toUpperCase();
    if (talk === undefined) return { statement: "MQTT-3.1.0-1", detail: `${name} before CONNECT` };
    if (talk.disconnected) return { statement: "MQTT-3.14.4-2", detail: `${name} after DISCONNECT` };
    const id = packet.messageId ?? 0;
    switch (packet.cmd) {
      case "publish":
        return packet.qos === 0 ? undefined : this.#publish(talk, packet, id);
      case "pubrel":
        return this.#pubrel(talk, id);
      case "subscribe":
        return this.#request(talk, id, packet.subscriptions.length);
      case "unsubscribe":
        return this.#request(talk, id, 0);
      case "puback":
        return answered(talk, "PUBACK", id, "MQTT-4.3.2-2", "MQTT-4.6.0-2");
      case "pubrec":
        return answered(talk, "PUBREC", id, "MQTT-4.3.3-2", "MQTT-4.6.0-3");
      case "pubcomp":
        return answered(talk, "PUBCOMP", id, "MQTT-4.3.3-2");
      case "disconnect":
        return this.#disconnect(talk);
      default:
        return undefined;
    }
  }

  /** The first thing that is wrong with a packet to the board. */
  down(connection: number, packet: Packet): Breach | undefined {
    const talk = this.#talks.get(connection);
    const name = packet.cmd.toUpperCase();
    // What answers before there is a CONNECT is no MQTT broker, and packet-rules.ts cannot judge a server.
    if (talk === undefined) return { statement: "MQTT-3.2.0-1", detail: `${name} before CONNECT` };
    if (packet.cmd === "connack") return this.#connack(talk, packet);
    if (talk.answer === "none") return { statement: "MQTT-3.2.0-1", detail: `${name} before CONNACK` };
    const id = packet.messageId ?? 0;
    switch (packet.cmd) {
      case "publish":
        return packet.qos === 0 ? undefined : incoming(talk, packet, id);
      case "pubrel":
        talk.awaited.PUBCOMP.push(id);
        return undefined;
      case "puback":
      case "pubrec":
      case "pubcomp":
        return this.#acknowledged(talk, name as "PUBACK" | "PUBREC" | "PUBCOMP", id);
      case "suback":
        return granted(talk, packet, id);
      case "unsuback":
        if (talk.requests.delete(id)) return undefined;
        return { statement: "MQTT-3.10.4-4", detail: `UNSUBACK ${id} without an UNSUBSCRIBE` };
      default:
        return undefined;
    }
  }

  /** Nothing more will pass on this connection. */
  ended(connection: number): void {
    this.#talks.delete(connection);
  }

  #connect(connection: number, { clientId, clean }: IConnectPacket): void {
    // Of an older connection that was cut nobody told: its board has only one.
    this.#talks = new Map([[connection, new Talk(connection, clean === true)]]);
    // What a board keeps of QoS 1 is in its RAM, and a power cut is not seen here.
    for (const [id, { qos }] of this.#outgoing) if (qos === 1) this.#outgoing.delete(id);
    if (clean !== true && clientId === this.#clientId) return;
    this.#clientId = clientId;
    this.#forget();
    this.#isWhole = clean === true;
  }

  #forget(): void {
    this.#outgoing.clear();
    this.#finished.length = 0;
  }

  #connack(talk: Talk, { returnCode = 0, sessionPresent }: IConnackPacket): Breach | undefined {
    if (talk.answer !== "none") return { statement: "MQTT-4.8.0-1", detail: "a second CONNACK on this connection" };
    talk.answer = returnCode === 0 ? "accepted" : "refused";
    talk.sessionPresent = sessionPresent;
    if (returnCode !== 0) {
      // Nothing of what came along with CONNECT was processed [MQTT-3.1.4-5]: it counts as never sent.
      for (const [id, { first }] of this.#outgoing) if (first === talk.number) this.#outgoing.delete(id);
      if (!sessionPresent) return undefined;
      return { statement: "MQTT-3.2.2-4", detail: `a session is present, and the code is ${returnCode}` };
    }
    if (talk.clean) {
      if (!sessionPresent) return undefined;
      return { statement: "MQTT-3.2.2-1", detail: "a session is present, though a clean one was asked for" };
    }
    if (sessionPresent) return undefined;
    // The broker knows nothing; what was sent on this connection before the answer came is all there is.
    for (const [id, { connection }] of this.#outgoing) if (connection !== talk.number) this.#outgoing.delete(id);
    this.#finished.length = 0;
    this.#isWhole = true;
    return undefined;
  }

  #publish(talk: Talk, packet: IPublishPacket, id: number): Breach | undefined {
    const { topic, dup } = packet;
    const qos = packet.qos === 1 ? 1 : 2;
    const payload = Buffer.from(packet.payload);
    const known = this.#outgoing.get(id);
    const order = known?.order ?? ++this.#order;
    talk.unanswered[qos === 1 ? "PUBACK" : "PUBREC"].add(id);
    const breach =
      known === undefined ? this.#firstSend(talk, qos, dup, id) : sentAgain(talk, known, { topic, payload, dup }, id);
    if (known === undefined) {
      this.#outgoing.set(id, {
        qos,
        topic,
        payload,
        order,
        first: talk.number,
        connection: talk.number,
        stage: "published",
      });
    } else {
      known.connection = talk.number;
      talk.repeated = Math.max(talk.repeated, order);
    }
    return breach;
  }

  /** A message whose id is not in use. */
  #firstSend(talk: Talk, qos: 1 | 2, dup: boolean, id: number): Breach | undefined {
    if (talk.requests.has(id)) return { statement: "MQTT-2.3.1-2", detail: `id ${id} is in use by a request` };
    if (!dup) {
      forgetId(this.#finished, id);
      return undefined;
    }
    if (qos === 2 && this.#finished.includes(id)) {
      return { statement: "MQTT-4.3.3-1", detail: `id ${id} is published again after its PUBCOMP` };
    }
    if (!talk.clean) return undefined;
    const statement = qos === 1 ? "MQTT-4.3.2-1" : "MQTT-4.3.3-1";
    return { statement, detail: `id ${id} has DUP, and is sent for the first time in a clean session` };
  }

  #pubrel(talk: Talk, id: number): Breach | undefined {
    talk.unanswered.PUBCOMP.add(id);
    const known = this.#outgoing.get(id);
    const place = talk.pubrecs.indexOf(id);
    const earlier = talk.pubrecs.slice(0, Math.max(0, place));
    if (place >= 0) talk.pubrecs.splice(place, 1);
    if (known === undefined) {
      // After a power cut the board may have forgotten that PUBCOMP came.
      const isNew = this.#isWhole && talk.answer === "accepted" && !this.#finished.includes(id);
      return isNew ? { statement: "MQTT-4.3.3-1", detail: `PUBREL ${id} without a PUBLISH` } : undefined;
    }
    const before = known.stage;
    known.stage = "released";
    known.connection = talk.number;
    if (before === "published") return { statement: "MQTT-4.3.3-1", detail: `PUBREL ${id} before its PUBREC` };
    if (earlier.length === 0) return undefined;
    return { statement: "MQTT-4.6.0-4", detail: `PUBREL ${id} before that of ${earlier.join(", ")}` };
  }

  /** SUBSCRIBE with so many filters, or UNSUBSCRIBE. All ids of a client are of one pool. */
  #request(talk: Talk, id: number, codes: number): Breach | undefined {
    const isTaken = talk.requests.has(id) || this.#outgoing.has(id);
    talk.requests.set(id, codes);
    return isTaken ? { statement: "MQTT-2.3.1-2", detail: `id ${id} is in use` } : undefined;
  }

  /** The broker has answered the board. */
  #acknowledged(talk: Talk, name: "PUBACK" | "PUBREC" | "PUBCOMP", id: number): Breach | undefined {
    if (!talk.unanswered[name].delete(id)) {
      const asked = name === "PUBCOMP" ? "PUBREL" : "PUBLISH";
      return { statement: "MQTT-2.3.1-6", detail: `${name} ${id} without a ${asked} of that id` };
    }
    const known = this.#outgoing.get(id);
    if (name === "PUBREC") {
      if (known?.stage === "published") known.stage = "received";
      if (!talk.pubrecs.includes(id)) talk.pubrecs.push(id);
      return undefined;
    }
    this.#outgoing.delete(id);
    if (name === "PUBACK") return undefined;
    forgetId(this.#finished, id);
    this.#finished.push(id);
    if (this.#finished.length > Limit.FINISHED) this.#finished.shift();
    return undefined;
  }

  #disconnect(talk: Talk): Breach | undefined {
    talk.disconnected = true;
    if (!talk.sessionPresent) return undefined;
    for (const [id, { qos, connection }] of this.#outgoing) {
      if (qos !== 2 || connection === talk.number) continue;
      return { statement: "MQTT-4.4.0-1", detail: `DISCONNECT, and id ${id} was not taken up again` };
    }
    return undefined;
  }
}

/** A message whose id is in use already. */
function sentAgain(
  talk: Talk,
  known: Outgoing,
  { topic, payload, dup }: { readonly topic: string; readonly payload: Buffer; readonly dup: boolean },
  id: number,
): Breach | undefined {
  if (!dup) {
    const isSame = topic === known.topic && payload.equals(known.payload);
    if (isSame) return { statement: "MQTT-3.3.1-1", detail: `id ${id} is sent again without DUP` };
    return { statement: "MQTT-2.3.1-2", detail: `id ${id} is in use by another message` };
  }
  if (known.stage === "released") {
    return { statement: "MQTT-4.3.3-1", detail: `id ${id} is published again after its PUBREL` };
  }
  // Before the power failed the board may not have got to write down that PUBREC came.
  if (known.stage === "received" && known.connection === talk.number) {
    return { statement: "MQTT-4.3.3-1", detail: `id ${id} is published again after its PUBREC` };
  }
  if (known.connection !== talk.number && known.order < talk.repeated) {
    return { statement: "MQTT-4.6.0-1", detail: `id ${id} is sent again out of its original order` };
  }
  return undefined;
}

/** A message from the broker. It goes on from an earlier connection with the same id and DUP. */
function incoming(talk: Talk, { qos, dup }: IPublishPacket, id: number): Breach | undefined {
  const isTaken = talk.incoming.has(id);
  talk.incoming.add(id);
  const name = qos === 1 ? "PUBACK" : "PUBREC";
  talk.awaited[name].push(id);
  return isTaken && !dup ? { statement: "MQTT-2.3.1-4", detail: `id ${id} is in use` } : undefined;
}

/** The board has answered the broker; in the order of what is answered, where there is a rule of that. */
function answered(
  talk: Talk,
  name: "PUBACK" | "PUBREC" | "PUBCOMP",
  id: number,
  unasked: string,
  order?: string,
): Breach | undefined {
  const awaited = talk.awaited[name];
  const place = awaited.indexOf(id);
  if (place < 0) {
    const asked = name === "PUBCOMP" ? "PUBREL" : `PUBLISH with QoS ${name === "PUBACK" ? 1 : 2}`;
    return { statement: unasked, detail: `${name} ${id} without a ${asked} on this connection` };
  }
  const earlier = awaited.slice(0, place);
  awaited.splice(place, 1);
  if (name !== "PUBREC") talk.incoming.delete(id);
  if (earlier.length === 0 || order === undefined) return undefined;
  return { statement: order, detail: `${name} ${id} before that of ${earlier.join(", ")}` };
}

function granted(talk: Talk, packet: ISubackPacket, id: number): Breach | undefined {
  const asked = talk.requests.get(id);
  talk.requests.delete(id);
  if (asked === undefined || asked === 0) {
    return { statement: "MQTT-3.8.4-2", detail: `SUBACK ${id} without a SUBSCRIBE` };
  }
  const codes = packet.granted.length;
  if (codes === asked) return undefined;
  return { statement: "MQTT-3.8.4-5", detail: `${codes} return codes for ${asked} filters` };
}

function forgetId(ids: number[], id: number): void {
  const place = ids.indexOf(id);
  if (place >= 0) ids.splice(place, 1);
}
