// Which packets a reader wants to see: kinds, a text, without pings. Knows packet views; nothing is shown here.

import type { PacketView } from "./details.js";

export const KINDS = Object.freeze([
  { name: "connection", title: "Connection" },
  { name: "publish", title: "PUBLISH" },
  { name: "answers", title: "Answers" },
  { name: "subscriptions", title: "Subscriptions" },
  { name: "breaches", title: "Rule broken" },
] as const);

export type Kind = (typeof KINDS)[number]["name"];

const ANSWERS: readonly string[] = ["PUBACK", "PUBREC", "PUBREL", "PUBCOMP"];
const PINGS: readonly string[] = ["PINGREQ", "PINGRESP"];

/** The kind of a packet by its type; undefined for pings, which have a switch of their own. */
export function kindOf(type: string): Kind | undefined {
  if (type === "PUBLISH") return "publish";
  if (ANSWERS.includes(type)) return "answers";
  if (/^(UN)?SUB/.test(type)) return "subscriptions";
  return PINGS.includes(type) ? undefined : "connection";
}

export interface Wish {
  /** Empty: any kind. */
  readonly kinds: ReadonlySet<Kind>;
  readonly withPings: boolean;
  /** Looked for in what a row shows, whatever the case; empty fits all. */
  readonly text: string;
}

export function fits(packet: PacketView, { kinds, withPings, text }: Wish): boolean {
  const kind = kindOf(packet.type);
  if (kind === undefined && !withPings) return false;
  const isWanted =
    kinds.size === 0 ||
    (kind !== undefined && kinds.has(kind)) ||
    (kinds.has("breaches") && packet.breach !== undefined);
  if (!isWanted) return false;
  if (text === "") return true;
  const { type, topic, detail, packetId, breach } = packet;
  return `${type} ${topic} ${detail} ${packetId ?? ""} ${breach?.statement ?? ""}`
    .toLowerCase()
    .includes(text.toLowerCase());
}

/** Bytes told as `0a ff ··` in lines of eight, each with its offset and with what of it is ASCII. */
export function dump(hex: string): string {
  const bytes = hex === "" ? [] : hex.split(" ");
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 8) {
    const line = bytes.slice(at, at + 8);
    const text = line.map((byte) => {
      const code = Number.parseInt(byte, 16);
      return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : "·";
    });
    lines.push(`${at.toString(16).padStart(4, "0")}  ${line.join(" ").padEnd(23)}  ${text.join("")}`);
  }
  return lines.join("\n");
}
