// Why an alert survived a power cut, a reset or a crash in the middle of its delivery, in plain words: what flash kept,
// what was sent again, and why it is delivered once. Put together from the board's own words and from what passed on
// the wire; nothing is told that was not seen. Knows lines and packets, nothing of how they are shown.

import type { Chapter } from "./chapter.js";
import type { PacketView } from "./details.js";
import type { Line } from "./protocol.js";

/** One alert that was under way when the box stopped. */
export interface Account {
  /** `5750-42-40146` */
  readonly alert: string;
  /** `ended` when all of it is told. */
  readonly state: "waits" | "ended";
  /** A few words, and the sentence to them. */
  readonly points: readonly (readonly [title: string, sentence: string])[];
}

/** What is known of an alert that is not delivered, from what the firmware has said. */
type Kept = "queued" | "received";

interface Case {
  readonly alert: string;
  readonly how: string;
  readonly said: Kept;
  /** When what ran then had stopped. */
  readonly stoppedAt: number;
  /** When it ran again; undefined while the power is off. */
  startedAt: number | undefined;
  deliveredAt: number | undefined;
  /** Stopped once more before it was delivered: the next case goes on. */
  isOver: boolean;
}

/** What stops a box in the middle of something, and how that is said. */
const STOPS: Readonly<Record<string, string>> = Object.freeze({
  "power off": "the power failed",
  reset: "the box was reset",
  crash: "the firmware crashed",
});

/** Accounts by the first line of the chapter under which they belong: the one in which the box goes on. */
export function accountsOf(
  chapters: readonly Chapter[],
  packets: readonly PacketView[],
): ReadonlyMap<number, readonly Account[]> {
  const places = new Map<Case, number>();
  const under = new Map<string, Kept>();
  const open = new Map<string, Case>();
  for (const { id, lines } of chapters) {
    for (const line of lines) {
      // What goes on in a new chapter is told there.
      if (line.opens && line.word !== "pressed") for (const each of open.values()) places.set(each, id);
      if (line.word === "power on") for (const each of open.values()) each.startedAt ??= line.at;
      stop(line, under, open).forEach((each) => {
        places.set(each, id);
      });
      say(line, under, open);
    }
  }
  if (places.size === 0) return new Map();
  const arrivals = arrivalsOf(chapters);
  const accounts = new Map<number, Account[]>();
  for (const [each, place] of places) {
    const account = tell(each, packets, arrivals.get(each.alert) ?? 0);
    accounts.set(place, [...(accounts.get(place) ?? []), account]);
  }
  return accounts;
}

/** The cases that begin with this line. */
function stop({ word, at, source }: Line, under: ReadonlyMap<string, Kept>, open: Map<string, Case>): Case[] {
  const how = source === "firmware" ? undefined : STOPS[word];
  if (how === undefined) return [];
  for (const each of open.values()) each.isOver = true;
  open.clear();
  const startedAt = word === "power off" ? undefined : at;
  for (const [alert, said] of under) {
    open.set(alert, { alert, how, said, stoppedAt: at, startedAt, deliveredAt: undefined, isOver: false });
  }
  return [...open.values()];
}

/** What the firmware says of an alert. */
function say({ source, word, detail, at }: Line, under: Map<string, Kept>, open: Map<string, Case>): void {
  if (source !== "firmware") return;
  if (word === "stored") under.set(detail, "queued");
  else if (word === "received") under.set(detail, "received");
  else if (word === "factory-reset") under.clear();
  else if (word === "delivered") {
    under.delete(detail);
    const known = open.get(detail);
    if (known !== undefined) known.deliveredAt = at;
    open.delete(detail);
  }
}

/** How often the independent subscriber had each alert. */
function arrivalsOf(chapters: readonly Chapter[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { lines } of chapters) {
    for (const { source, detail } of lines) {
      const id = source === "alert" ? alertOf(detail) : undefined;
      if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return counts;
}

/** The id in the payload of an alert. */
function alertOf(payload: string): string | undefined {
  return /"id":"(\d+-\d+(?:-\d+)?)"/.exec(payload)?.[1];
}

/** What passed on the wire of one alert. */
interface Wire {
  /** Before the box stopped: whether PUBLISH came to the broker. */
  readonly reached: boolean;
  readonly releasedBefore: boolean;
  readonly packetId: number | undefined;
  /** After it went on. */
  readonly again: PacketView | undefined;
  readonly release: PacketView | undefined;
  /** CONNACK knew the session. */
  readonly isKnown: boolean | undefined;
}

function wireOf({ alert, startedAt }: Case, packets: readonly PacketView[]): Wire {
  // What was on its way when the box stopped still arrives: only a new connection says that it goes on.
  const isNew = ({ type, direction, at }: PacketView) =>
    type === "TCP open" && direction === "up" && startedAt !== undefined && at > startedAt;
  const first = packets.find(isNew)?.connection ?? Number.POSITIVE_INFINITY;
  const isAlert = ({ type, direction, detail }: PacketView) =>
    type === "PUBLISH" && direction === "up" && alertOf(detail) === alert;
  const sent = packets.filter(isAlert);
  const packetId = sent[0]?.packetId;
  const releases = packets.filter(
    (each) => each.type === "PUBREL" && each.direction === "up" && each.packetId === packetId,
  );
  const again = sent.find(({ connection }) => connection >= first);
  const release = releases.find(({ connection }) => connection >= first);
  const answer = packets.find(
    ({ type, connection }) => type === "CONNACK" && connection === (again ?? release)?.connection,
  );
  return {
    reached: sent.some(({ connection }) => connection < first),
    releasedBefore: releases.some(({ connection }) => connection < first),
    packetId,
    again,
    release,
    isKnown: answer?.detail.includes("session present"),
  };
}

function tell(each: Case, packets: readonly PacketView[], arrivals: number): Account {
  const wire = wireOf(each, packets);
  // The mark may have been made just before the box could say so: what it sends then tells.
  const kept = wire.again === undefined && wire.release !== undefined ? "received" : each.said;
  const points: [string, string][] = [["Flash kept it", keptText(each, kept)]];
  if (each.isOver && each.deliveredAt === undefined) {
    points.push(["Then", "It stopped once more before this was done; what came after is told below."]);
    return { alert: each.alert, state: "ended", points };
  }
  const sent = sentText(kept, wire);
  if (sent !== undefined) points.push(["Sent again", sent]);
  else if (each.deliveredAt === undefined) points.push(["Next", "It goes on as soon as the box is connected again."]);
  if (sent !== undefined) points.push(["Delivered once", onceText(kept, wire)]);
  if (each.deliveredAt !== undefined) points.push(["Seen", seenText(each.alert, arrivals)]);
  return { alert: each.alert, state: each.deliveredAt === undefined ? "waits" : "ended", points };
}

function keptText({ alert, how }: Case, kept: Kept): string {
  const record = `The record of ${alert} has been in flash since "stored", before anything was sent. When ${how}, it was`;
  if (kept === "queued") return `${record} marked queued: the box had not heard that the broker has it.`;
  return `${record} marked received: the broker had said so (PUBREC), and the box writes that down before it goes on.`;
}

function sentText(kept: Kept, { packetId, again, release, releasedBefore, reached }: Wire): string | undefined {
  const id = packetId === undefined ? "" : ` ${packetId}`;
  if (kept === "queued") {
    if (again === undefined) return undefined;
    if (!reached) return `PUBLISH${id}, for the first time that the broker saw it.`;
    return `PUBLISH${id} once more: the same packet id, and DUP says that it may be a repeat.`;
  }
  if (release === undefined) return undefined;
  return `No PUBLISH, only PUBREL${id}${releasedBefore ? " once more" : ""}, which ends the exchange.`;
}

function onceText(kept: Kept, { packetId, reached, isKnown }: Wire): string {
  const id = packetId === undefined ? "its packet id" : `packet id ${packetId}`;
  if (kept === "received")
    return "PUBREL carries no message, so however often it comes, nothing can be delivered twice.";
  if (!reached) return "QoS 2: the broker takes it over, and passes it on once.";
  if (isKnown === false) {
    return "The broker had lost the session and could not know that this is a repeat; a subscriber knows it by the alert's id.";
  }
  return `QoS 2: the broker holds ${id} until PUBREL comes. It knows this for a repeat, and does not pass it on again.`;
}

function seenText(alert: string, arrivals: number): string {
  if (arrivals === 1) return `The independent subscriber has ${alert} exactly once.`;
  if (arrivals === 0) return `The independent subscriber has not seen ${alert} yet.`;
  return `The independent subscriber has ${alert} ${arrivals} times.`;
}
