// The model broker's messages to one client on one connection: window, re-sending after a reconnect, and the judge of
// the client's acknowledgements. Knows the session and how to send; connections and CONNECT are in broker-client.ts.

import mqtt from "mqtt-packet";
import type { Answer } from "./answer-gate.js";
import type { BrokerSession, Outgoing, Publication } from "./broker-session.js";

/** What it needs of its connection. */
export interface DeliveryLine {
  /** Sends when the connection allows; `sent` is called when the bytes have really left. */
  send(kind: Answer, bytes: Uint8Array, sent?: () => void): void;
  violated(statement: string, detail: string): void;
}

/** The most messages to a client that are under way at once, as Mosquitto's max_inflight_messages. */
const window = 20;

export class BrokerDelivery {
  readonly #session: BrokerSession;
  readonly #line: DeliveryLine;
  /** Ids of messages that left here, in order, until PUBACK and PUBREC. */
  readonly #awaitPuback: number[] = [];
  readonly #awaitPubrec: number[] = [];

  constructor(session: BrokerSession, line: DeliveryLine) {
    this.#session = session;
    this.#line = line;
  }

  /** Takes on a message, at the QoS of the client's subscription already. */
  deliver(publication: Publication): void {
    const outgoing = this.#session.enqueue(publication);
    if (publication.qos === 0) this.#line.send("publish", publishPacket(outgoing, false));
    else this.pump();
  }

  /** Sends what the window allows: on a new connection PUBREL and PUBLISH again, in their order [MQTT-4.4.0-1]. */
  pump(): void {
    for (const outgoing of this.#session.outgoing.slice(0, window)) {
      if (outgoing.sentNow) continue;
      outgoing.sentNow = true;
      if (outgoing.stage === "pubrel") {
        this.#line.send("pubrel", mqtt.generate({ cmd: "pubrel", messageId: outgoing.id }));
        continue;
      }
      this.#line.send("publish", publishPacket(outgoing, outgoing.sent), () => {
        outgoing.sent = true;
        (outgoing.publication.qos === 1 ? this.#awaitPuback : this.#awaitPubrec).push(outgoing.id);
      });
    }
  }

  puback(id: number): void {
    if (!this.#takeAnswer("PUBACK", id, this.#awaitPuback, "MQTT-4.3.2-2", "MQTT-4.6.0-2")) return;
    const outgoing = this.#session.find(id);
    if (outgoing !== undefined) this.#session.finish(outgoing);
    this.pump();
  }

  pubrec(id: number): void {
    if (!this.#takeAnswer("PUBREC", id, this.#awaitPubrec, "MQTT-4.3.3-2", "MQTT-4.6.0-3")) return;
    const outgoing = this.#session.find(id);
    if (outgoing !== undefined) outgoing.stage = "pubrel";
    this.#line.send("pubrel", mqtt.generate({ cmd: "pubrel", messageId: id }));
  }

  pubcomp(id: number): void {
    const outgoing = this.#session.find(id);
    if (outgoing === undefined || outgoing.stage !== "pubrel" || !outgoing.sentNow) {
      this.#line.violated("MQTT-4.3.3-2", `PUBCOMP ${id} without a PUBREL on this connection`);
      return;
    }
    this.#session.finish(outgoing);
    this.pump();
  }

  /** Whether an acknowledgement answers something that left on this connection, and in its order. */
  #takeAnswer(what: string, id: number, awaited: number[], unasked: string, order: string): boolean {
    const place = awaited.indexOf(id);
    if (place < 0) {
      this.#line.violated(unasked, `${what} ${id} without a PUBLISH of that QoS on this connection`);
      return false;
    }
    if (place > 0)
      this.#line.violated(order, `${what} ${id} came before that of ${awaited.slice(0, place).join(", ")}`);
    awaited.splice(place, 1);
    return true;
  }
}

function publishPacket(outgoing: Outgoing, dup: boolean): Uint8Array {
  const { topic, payload, qos, retain } = outgoing.publication;
  const message = { cmd: "publish", topic, payload: Buffer.from(payload), qos, retain, dup } as const;
  return mqtt.generate(qos === 0 ? message : { ...message, messageId: outgoing.id });
}
