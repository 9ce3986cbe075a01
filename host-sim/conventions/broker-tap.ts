// What a world's broker hears from boards and from whoever looks on, told to a judge of a convention (homie-rules.ts,
// tasmota-rules.ts): connections with their wills, DISCONNECT, every message. Knows MQTT and no convention.

import mqtt from "mqtt-packet";
import { PacketFramer } from "../packet-framer.js";
import type { World } from "../world.js";

export interface Will {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

export interface Said {
  readonly topic: string;
  readonly payload: string;
  readonly bytes: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
  /** Undefined: a controller's, which is no board. */
  readonly clientId: string | undefined;
  /** The broker says it for a client that it has lost. */
  readonly isWill: boolean;
  readonly at: number;
}

/** What the broker keeps at this moment. */
export interface Kept {
  retained(topic: string): string | undefined;
  isSubscribed(clientId: string, topic: string): boolean;
}

export interface ConventionJudge {
  connected(clientId: string, will: Will | undefined): void;
  disconnected(clientId: string): void;
  said(said: Said): void;
}

/** §2.2.1. */
const Type = Object.freeze({ CONNECT: 1, DISCONNECT: 14 } as const);

/** What this world's broker keeps. */
export function keptBy(world: World): Kept {
  return {
    retained: (topic) => world.broker.retained(topic)?.payload,
    isSubscribed: (clientId, topic) => {
      const filters = world.broker.sessionOf(clientId)?.subscriptions.keys() ?? [];
      return [...filters].some((filter) => covers(filter, topic));
    },
  };
}

/** Whether a filter is of that topic [MQTT-4.7.1-2, MQTT-4.7.1-3]. */
function covers(filter: string, topic: string): boolean {
  const [levels, names] = [filter.split("/"), topic.split("/")];
  const end = levels.indexOf("#");
  const isLong = end < 0 ? levels.length === names.length : names.length >= end;
  return (
    isLong && levels.slice(0, end < 0 ? undefined : end).every((level, at) => level === "+" || level === names[at])
  );
}

/** Tells the judge everything from now on; to be called before the first board has power. */
export function tap(world: World, judge: ConventionJudge): void {
  const framers = new Map<number, PacketFramer>();
  const clients = new Map<number, string>();
  /** Topics of all wills that a client ever had: that of the connection before may be said behind the next CONNECT. */
  const wills = new Map<string, Set<string>>();
  world.network.onTraffic(({ connection, direction, type, port, bytes }) => {
    if (type !== "data" || direction !== "up" || port !== world.broker.port) return;
    const framer = framers.get(connection) ?? new PacketFramer();
    framers.set(connection, framer);
    for (const packet of framer.feed(bytes, () => undefined)) {
      const kind = (packet[0] as number) >> 4;
      if (kind === Type.CONNECT) {
        const { clientId, will } = connectIn(packet);
        clients.set(connection, clientId);
        if (will !== undefined) wills.set(clientId, (wills.get(clientId) ?? new Set()).add(will.topic));
        judge.connected(clientId, will);
      }
      const clientId = clients.get(connection);
      // What came in the same segment before it goes to the broker first.
      if (kind === Type.DISCONNECT && clientId !== undefined)
        world.clock.schedule(0, () => judge.disconnected(clientId));
    }
  });
  world.broker.listen("#", ({ topic, payload, bytes, qos, retain, clientId, at }) => {
    const isGone = clientId !== undefined && !world.broker.clients.includes(clientId);
    const isWill = isGone && wills.get(clientId)?.has(topic) === true;
    judge.said({ topic, payload, bytes, qos, retain, clientId, isWill, at });
  });
}

function connectIn(bytes: Uint8Array): { clientId: string; will: Will | undefined } {
  let found: mqtt.IConnectPacket | undefined;
  const reader = mqtt.parser({ protocolVersion: 4 });
  reader.on("packet", (packet: mqtt.Packet) => {
    if (packet.cmd === "connect") found = packet;
  });
  reader.parse(Buffer.from(bytes));
  if (found === undefined) throw new Error("mqtt-packet reads no CONNECT");
  const { clientId, will } = found;
  return {
    clientId,
    will: will && { topic: will.topic, payload: String(will.payload), retain: will.retain === true },
  };
}
