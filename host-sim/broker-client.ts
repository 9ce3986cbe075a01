// One connection of the model broker: MQTT 3.1.1's server side, and the judge of what the client does on it. What the
// bytes of a single packet must be is in packet-rules.ts; here are the rules that need memory: order, ids, DUP,
// keep-alive, what comes after what. A breach after which the standard closes the connection closes it; the others are
// only noted. Messages to the client, and how it acknowledges them, are in broker-delivery.ts.

import mqtt from "mqtt-packet";
import type { Answer } from "./answer-gate.js";
import { BrokerDelivery } from "./broker-delivery.js";
import {
  type BrokerSession,
  type Incoming,
  isSame,
  type Publication,
  type QoS,
  type SamePayload,
} from "./broker-session.js";
import type { Clock, Scheduled } from "./clock.js";
import { PacketFramer } from "./packet-framer.js";
import { checkPacket } from "./packet-rules.js";
import type { VirtualPeer } from "./virtual-link.js";

/** What a connection needs of its broker. */
export interface BrokerCore {
  readonly clock: Clock;
  /** A round trip to the clients, ms. */
  readonly roundTripMs: number;
  readonly closeOnPipelining: boolean;
  /** Whether a payload that comes again under its id is that of the same message. */
  readonly samePayload: SamePayload;
  violated(client: BrokerClient, statement: string, detail: string): void;
  /** The CONNACK code for this client. */
  judge(id: string, user: string | undefined, password: Uint8Array | undefined): number;
  /** Takes a client in, ends the older connection of its id; gives its session and whether it was there before. */
  admit(client: BrokerClient, id: string, clean: boolean): { session: BrokerSession; present: boolean };
  /** Notes a CONNECT. */
  heard(connect: { id: string; clean: boolean; refused: number; present: boolean }): void;
  /** The client has disconnected, or was lost. */
  left(client: BrokerClient): void;
  /** The connection is over. */
  gone(client: BrokerClient): void;
  pass(kind: Answer, send: () => void): void;
  /** Whether the connection breaks in the place of such a packet. */
  breaksAt(kind: Answer): boolean;
  route(publication: Publication): void;
  retainedFor(filter: string): readonly Publication[];
  /** Whether a filter is refused with 0x80. */
  isDenied(filter: string): boolean;
  /** Whether neither this board nor this client id had a connection before. */
  isFirst(client: BrokerClient): boolean;
}

/** A connection without CONNECT is closed, ms. The standard says "reasonable" (3.1). */
const connectLimitMs = 30_000;

/** How long after DISCONNECT the client's FIN may take, beside a round trip, ms. */
const closeLimitMs = 1_000;

/** Arrival is not departure: so much later than its keep-alive a packet may come in, ms. */
const keepAliveToleranceMs = 250;

/** Sums of fractions of a millisecond are not exact. */
const roundingMs = 0.001;

/**
 * waiting ─CONNECT→ connected ─DISCONNECT→ disconnected ─FIN, or 1 s→ closed
 * waiting ─CONNECT refused→ refused ─CONNACK→ closed;  any ─breach, FIN, RST, silence→ closed (with the will, from
 * connected)
 */
type State = "waiting" | "refused" | "connected" | "disconnected" | "closed";

export class BrokerClient {
  readonly peer: VirtualPeer;
  id: string | undefined;
  session: BrokerSession | undefined;
  readonly #core: BrokerCore;
  readonly #framer = new PacketFramer();
  readonly #parser = mqtt.parser({ protocolVersion: 4 });
  #parsed: mqtt.Packet | undefined;
  #state: State = "waiting";
  #delivery: BrokerDelivery | undefined;
  #will: Publication | undefined;
  #keepAliveMs = 0;
  #heardAt: number;
  #timer: Scheduled | undefined;
  #overrunTimer: Scheduled | undefined;
  /** Undefined until CONNACK has left; what must follow it waits. */
  #acknowledgedAt: number | undefined;
  #afterConnack: (() => void)[] = [];
  #sessionPresent = false;
  #isFirst = false;
  /** Ids of messages that the client has to take up again: the session held them when it connected. */
  #unfinished = new Set<number>();
  /** Ids in the order in which PUBREC left here, until their PUBREL. */
  readonly #pubrecs: number[] = [];
  readonly #subscribing = new Set<number>();
  #lastRepeat = 0;

  constructor(core: BrokerCore, peer: VirtualPeer) {
    this.#core = core;
    this.peer = peer;
    this.#heardAt = core.clock.now;
    peer.onData = (bytes) => this.#received(bytes);
    peer.onEnd = () => this.#ended();
    peer.onError = () => this.#over();
    this.#parser.on("packet", (packet: mqtt.Packet) => {
      this.#parsed = packet;
    });
    this.#parser.on("error", (error: Error) => this.#breach("MQTT-4.8.0-1", `mqtt-packet: ${error.message}`));
    this.#timer = core.clock.schedule(connectLimitMs, () => this.close());
  }

  get isConnected(): boolean {
    return this.#state === "connected";
  }

  /** Cuts the connection as the standard's server does: the will is published. */
  close(): void {
    if (this.#state === "closed") return;
    this.peer.close();
    this.#over();
  }

  /** RST; with a will or, when the broker itself has died, without. */
  cut(withWill: boolean): void {
    if (this.#state === "closed") return;
    if (!withWill) this.#will = undefined;
    this.peer.reset();
    this.#over();
  }

  /** A message for this client, at the QoS of its subscription already. */
  deliver(publication: Publication): void {
    this.#delivery?.deliver(publication);
  }

  // Input.

  #received(bytes: Uint8Array): void {
    const packets = this.#framer.feed(bytes, (detail) => this.#breach("MQTT-4.8.0-1", detail));
    for (const [index, packet] of packets.entries()) {
      if (this.#state === "closed" || this.#state === "refused") return;
      const followed = index < packets.length - 1 || this.#framer.pending > 0;
      if (this.#closesOnPipelining(packet, followed)) {
        this.close();
        return;
      }
      this.#handle(packet);
    }
  }

  /** Some brokers do not take what comes before the client can have their CONNACK. */
  #closesOnPipelining(packet: Uint8Array, followed: boolean): boolean {
    if (!this.#core.closeOnPipelining) return false;
    if (this.#state === "waiting") return (packet[0] ?? 0) >> 4 === 1 && followed;
    const at = this.#acknowledgedAt;
    return at === undefined || this.#core.clock.now < at + this.#core.roundTripMs - roundingMs;
  }

  #handle(bytes: Uint8Array): void {
    this.#heardAt = this.#core.clock.now;
    if (this.#state === "disconnected") {
      this.#breach("MQTT-3.14.4-2", `${typeName(bytes)} after DISCONNECT`);
      return;
    }
    const breaches = checkPacket(bytes);
    for (const { statement, detail } of breaches) this.#core.violated(this, statement, detail);
    const isConnect = (bytes[0] ?? 0) >> 4 === 1;
    if (this.#state === "waiting" && !isConnect) {
      this.#breach("MQTT-3.1.0-1", `${typeName(bytes)} before CONNECT`);
      return;
    }
    if (this.#state === "connected" && isConnect) {
      this.#breach("MQTT-3.1.0-2", "a second CONNECT");
      return;
    }
    if (breaches.length === 0) this.#read(bytes);
    else if (isConnect) this.#refuseMalformed(breaches[0]?.statement ?? "");
    else this.close();
  }

  #read(bytes: Uint8Array): void {
    this.#parsed = undefined;
    this.#parser.parse(Buffer.from(bytes));
    const packet = this.#parsed as mqtt.Packet | undefined;
    // What mqtt-packet refuses has closed the connection by now.
    if (packet === undefined) return;
    this.#watchKeepAlive();
    this.#dispatch(packet);
  }

  #dispatch(packet: mqtt.Packet): void {
    const id = packet.messageId ?? 0;
    switch (packet.cmd) {
      case "connect":
        this.#connect(packet);
        break;
      case "publish":
        this.#publish(packet, id);
        break;
      case "pubrel":
        this.#pubrel(id);
        break;
      case "puback":
        this.#delivery?.puback(id);
        break;
      case "pubrec":
        this.#delivery?.pubrec(id);
        break;
      case "pubcomp":
        this.#delivery?.pubcomp(id);
        break;
      case "subscribe":
        this.#subscribe(packet, id);
        break;
      case "unsubscribe":
        this.#unsubscribe(packet, id);
        break;
      case "pingreq":
        this.#send("pingresp", mqtt.generate({ cmd: "pingresp" }));
        break;
      case "disconnect":
        this.#disconnect();
        break;
      default:
        // packet-rules.ts lets nothing else through.
        throw new Error(`a client's ${packet.cmd} got this far`);
    }
  }

  // CONNECT and DISCONNECT.

  #connect(packet: mqtt.IConnectPacket): void {
    const clean = packet.clean === true;
    const id = packet.clientId === "" ? `model-${this.peer.connection}` : packet.clientId;
    const code = this.#core.judge(id, packet.username, packet.password);
    if (code !== 0) {
      this.#refuse(id, clean, code);
      return;
    }
    this.id = id;
    this.#isFirst = this.#core.isFirst(this);
    const { session, present } = this.#core.admit(this, id, clean);
    this.session = session;
    this.#delivery = new BrokerDelivery(session, {
      send: (kind, bytes, sent) => this.#send(kind, bytes, sent),
      violated: (statement, detail) => this.#core.violated(this, statement, detail),
    });
    this.#state = "connected";
    this.#sessionPresent = present;
    if (present) this.#unfinished = new Set([...session.received.keys(), ...session.unanswered.keys()]);
    this.#core.heard({ id, clean, refused: 0, present });
    this.#keepAliveMs = (packet.keepalive ?? 0) * 1_000;
    if (packet.will !== undefined) {
      const { topic, payload, qos, retain } = packet.will;
      this.#will = {
        topic,
        payload: typeof payload === "string" ? new TextEncoder().encode(payload) : Uint8Array.from(payload),
        qos: qos ?? 0,
        retain: retain === true,
        dup: false,
        clientId: id,
      };
    }
    this.#watchKeepAlive();
    this.#core.pass("connack", () => {
      if (this.#state !== "connected") return;
      this.peer.write(mqtt.generate({ cmd: "connack", returnCode: 0, sessionPresent: present }));
      this.#acknowledgedAt = this.#core.clock.now;
      for (const send of this.#afterConnack.splice(0)) send();
    });
    this.#delivery.pump();
  }

  #refuse(id: string, clean: boolean, code: number): void {
    this.#core.heard({ id, clean, refused: code, present: false });
    this.#state = "refused";
    // Whatever followed CONNECT is not processed [MQTT-3.1.4-5].
    this.#core.pass("connack", () => {
      if (this.#state !== "refused") return;
      this.peer.write(mqtt.generate({ cmd: "connack", returnCode: code, sessionPresent: false }));
      this.close();
    });
  }

  /** Two breaches of CONNECT have a code of their own; all others are closed without an answer [MQTT-3.1.4-1]. */
  #refuseMalformed(statement: string): void {
    const code = statement === "MQTT-3.1.2-2" ? 1 : statement === "MQTT-3.1.3-7" ? 2 : 0;
    if (code === 0) this.close();
    else this.#refuse("", false, code);
  }

  #disconnect(): void {
    const session = this.session;
    this.#will = undefined;
    this.#state = "disconnected";
    if (session !== undefined && this.#sessionPresent && this.#acknowledgedAt !== undefined) {
      for (const id of this.#unfinished) {
        if (session.isTaken(id)) {
          this.#core.violated(this, "MQTT-4.4.0-1", `id ${id} was not taken up again before DISCONNECT`);
        }
      }
    }
    this.#stopTimers();
    this.#core.left(this);
    this.#timer = this.#core.clock.schedule(this.#core.roundTripMs + closeLimitMs, () => {
      if (this.peer.isReachable)
        this.#core.violated(this, "MQTT-3.14.4-1", "DISCONNECT, but the connection is still open");
      this.close();
    });
  }

  // Messages from the client.

  #publish(packet: mqtt.IPublishPacket, id: number): void {
    const publication: Publication = {
      topic: packet.topic,
      payload:
        typeof packet.payload === "string" ? new TextEncoder().encode(packet.payload) : Uint8Array.from(packet.payload),
      qos: packet.qos,
      retain: packet.retain,
      dup: packet.dup,
      clientId: this.id,
    };
    if (packet.qos === 0) this.#core.route(publication);
    else if (packet.qos === 1) this.#publish1(publication, id);
    else this.#publish2(publication, id);
  }

  #publish1(publication: Publication, id: number): void {
    const session = this.session;
    if (session === undefined) return;
    const known = session.unanswered.get(id);
    if (known !== undefined) this.#checkRepeat(known, publication, id);
    else this.#checkNew(publication, id);
    session.unanswered.set(id, known ?? { publication, order: session.orderOf(id, publication.dup), answered: false });
    this.#unfinished.delete(id);
    // A repeat is a new message to a server [MQTT-4.3.2-2]: QoS 1 is at least once.
    this.#core.route(publication);
    this.#send("puback", mqtt.generate({ cmd: "puback", messageId: id }), () => session.unanswered.delete(id));
  }

  #publish2(publication: Publication, id: number): void {
    const session = this.session;
    if (session === undefined) return;
    let incoming = session.received.get(id);
    if (incoming !== undefined) {
      this.#checkRepeat(incoming, publication, id);
    } else {
      this.#checkNew(publication, id);
      incoming = { publication, order: session.orderOf(id, publication.dup), answered: false };
      session.received.set(id, incoming);
      session.released.delete(id);
    }
    this.#unfinished.delete(id);
    const answered = incoming;
    this.#send("pubrec", mqtt.generate({ cmd: "pubrec", messageId: id }), () => {
      answered.answered = true;
      if (!this.#pubrecs.includes(id)) this.#pubrecs.push(id);
    });
  }

  /** A PUBLISH whose id is still in the session. */
  #checkRepeat(known: Incoming, publication: Publication, id: number): void {
    if (!isSame(known.publication, publication, this.#core.samePayload)) {
      this.#core.violated(this, "MQTT-2.3.1-2", `id ${id} is in use by another message`);
    } else if (!publication.dup) {
      this.#core.violated(this, "MQTT-3.3.1-1", `id ${id} is sent again without DUP`);
    } else if (known.order < this.#lastRepeat) {
      this.#core.violated(this, "MQTT-4.6.0-1", `id ${id} is sent again out of its original order`);
    }
    this.#lastRepeat = Math.max(this.#lastRepeat, known.order);
  }

  /** A PUBLISH whose id the session does not hold. */
  #checkNew(publication: Publication, id: number): void {
    const session = this.session;
    if (session === undefined) return;
    if (session.isTaken(id) || this.#subscribing.has(id)) {
      this.#core.violated(this, "MQTT-2.3.1-2", `id ${id} is in use`);
      return;
    }
    if (!publication.dup) return;
    const released = session.released.get(id);
    if (released !== undefined && isSame(released, publication, this.#core.samePayload)) {
      this.#core.violated(this, "MQTT-4.3.3-1", `id ${id} is published again after its PUBREL`);
    } else if (session.clean) {
      this.#core.violated(this, "MQTT-3.1.2-6", `id ${id} has DUP in a clean session that never had it`);
    } else if (this.#isFirst) {
      const statement = publication.qos === 1 ? "MQTT-4.3.2-1" : "MQTT-4.3.3-1";
      this.#core.violated(this, statement, `id ${id} has DUP, but this board was never connected before`);
    }
  }

  #pubrel(id: number): void {
    const session = this.session;
    if (session === undefined) return;
    const incoming = session.received.get(id);
    const place = this.#pubrecs.indexOf(id);
    if (place > 0) {
      const before = this.#pubrecs.slice(0, place).join(", ");
      this.#core.violated(this, "MQTT-4.6.0-4", `PUBREL ${id} came before that of ${before}`);
    }
    if (place >= 0) this.#pubrecs.splice(place, 1);
    this.#unfinished.delete(id);
    if (incoming === undefined) {
      if (!session.released.has(id)) this.#checkUnknownPubrel(id, session);
    } else {
      if (!incoming.answered) this.#core.violated(this, "MQTT-4.3.3-1", `PUBREL ${id} before its PUBREC`);
      session.received.delete(id);
      session.released.set(id, incoming.publication);
      // The message goes on when the client can no longer send it again, as in Mosquitto.
      this.#core.route(incoming.publication);
    }
    this.#send("pubcomp", mqtt.generate({ cmd: "pubcomp", messageId: id }));
  }

  #checkUnknownPubrel(id: number, session: BrokerSession): void {
    if (session.clean) this.#core.violated(this, "MQTT-3.1.2-6", `PUBREL ${id} in a clean session that never had it`);
    else if (this.#isFirst) this.#core.violated(this, "MQTT-4.3.3-1", `PUBREL ${id} without a PUBLISH`);
  }

  // Subscriptions.

  #subscribe(packet: mqtt.ISubscribePacket, id: number): void {
    const session = this.session;
    if (session === undefined) return;
    this.#claim(id);
    const granted: number[] = [];
    const retained: Publication[] = [];
    for (const { topic: filter, qos } of packet.subscriptions) {
      if (this.#core.isDenied(filter)) {
        granted.push(0x80);
        continue;
      }
      granted.push(qos);
      session.subscriptions.set(filter, qos);
      for (const each of this.#core.retainedFor(filter)) {
        retained.push({ ...each, qos: Math.min(each.qos, qos) as QoS, retain: true, dup: false });
      }
    }
    this.#send("suback", mqtt.generate({ cmd: "suback", messageId: id, granted }), () => this.#subscribing.delete(id));
    for (const each of retained) this.deliver(each);
  }

  #unsubscribe(packet: mqtt.IUnsubscribePacket, id: number): void {
    this.#claim(id);
    for (const filter of packet.unsubscriptions) this.session?.subscriptions.delete(filter);
    this.#send("unsuback", mqtt.generate({ cmd: "unsuback", messageId: id, granted: [] }), () =>
      this.#subscribing.delete(id),
    );
  }

  /** Takes an id for a request. All requests and messages of a client share one pool [MQTT-2.3.1-2]. */
  #claim(id: number): void {
    if (this.#subscribing.has(id) || this.session?.isTaken(id) === true) {
      this.#core.violated(this, "MQTT-2.3.1-2", `id ${id} is in use`);
    }
    this.#subscribing.add(id);
  }

  // Output, time and end.

  /** Sends behind CONNACK, through the gate. */
  #send(kind: Answer, bytes: Uint8Array, sent?: () => void): void {
    const send = (): void => {
      this.#core.pass(kind, () => {
        if (this.#state !== "connected") return;
        if (this.#core.breaksAt(kind)) {
          this.cut(true);
          return;
        }
        this.peer.write(bytes);
        sent?.();
      });
    };
    if (this.#acknowledgedAt === undefined) this.#afterConnack.push(send);
    else send();
  }

  #watchKeepAlive(): void {
    this.#stopTimers();
    if (this.#keepAliveMs === 0) return;
    this.#overrunTimer = this.#core.clock.schedule(this.#keepAliveMs + keepAliveToleranceMs, () => {
      // A client whose packets do not get through may have sent them in time.
      if (!this.peer.isReachable) return;
      const ms = Math.round(this.#core.clock.now - this.#heardAt);
      this.#core.violated(this, "MQTT-3.1.2-23", `nothing for ${ms} ms, the keep-alive is ${this.#keepAliveMs}`);
    });
    // One and a half times the keep-alive [MQTT-3.1.2-24].
    this.#timer = this.#core.clock.schedule(1.5 * this.#keepAliveMs, () => this.close());
  }

  #stopTimers(): void {
    this.#timer?.cancel();
    this.#overrunTimer?.cancel();
  }

  #breach(statement: string, detail: string): void {
    this.#core.violated(this, statement, detail);
    this.close();
  }

  /** FIN: without DISCONNECT a lost connection, with it the good end. */
  #ended(): void {
    this.peer.close();
    this.#over();
  }

  #over(): void {
    if (this.#state === "closed") return;
    const wasConnected = this.#state === "connected";
    this.#state = "closed";
    this.#stopTimers();
    const will = this.#will;
    this.#will = undefined;
    if (wasConnected) this.#core.left(this);
    this.#core.gone(this);
    if (will !== undefined) this.#core.route(will);
  }
}

function typeName(bytes: Uint8Array): string {
  const names = ["", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK"];
  names.push("UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT");
  return names[(bytes[0] ?? 0) >> 4] || `a packet of type ${(bytes[0] ?? 0) >> 4}`;
}
