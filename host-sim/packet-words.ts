// What an MQTT packet says, as one line for people, from the object that mqtt-packet makes of it. A password is never
// part of it. Knows packets only.

import type { Packet } from "mqtt-packet";
import { holdsSettings } from "./password-mask.js";

/** Characters of a payload that a line has room for. */
const PAYLOAD_SHOWN = 200;

/** [MQTT-3.2.2-6], table 3.1 */
const RETURN_CODES: readonly string[] = Object.freeze([
  "accepted",
  "protocol version not accepted",
  "client id rejected",
  "server unavailable",
  "bad user name or password",
  "not authorised",
]);

/** The line beside the packet's type, flags, id and topic; empty where these say all. */
export function packetWords(packet: Packet): string {
  switch (packet.cmd) {
    case "connect": {
      const { clientId, clean, keepalive = 0, username, password, will } = packet;
      const user =
        username === undefined ? "" : `, user ${username}${password === undefined ? "" : " with a password"}`;
      const session = clean ? "clean session" : "persistent session";
      const flags = will === undefined ? "" : `QoS ${will.qos ?? 0}${will.retain ? " retained" : ""}`;
      const last = will === undefined ? "" : `, will ${will.topic} ${flags} ${payloadText(will.payload)}`;
      return `client ${clientId}${user}, ${session}, keep-alive ${keepalive} s${last}`;
    }
    case "connack": {
      const code = packet.returnCode ?? 0;
      const words = RETURN_CODES[code] ?? "unknown code";
      if (code !== 0) return `refused, ${code}: ${words}`;
      return packet.sessionPresent ? "accepted, session present" : "accepted, no session";
    }
    case "publish":
      return holdsSettings(packet.topic) ? settingsText(packet.payload) : payloadText(packet.payload);
    case "subscribe":
      return packet.subscriptions.map(({ topic, qos }) => `${topic} QoS ${qos}`).join(", ");
    case "suback":
      // 0x80 is a failure [MQTT-3.9.3-2].
      return packet.granted.map((qos) => (Number(qos) < 3 ? `QoS ${Number(qos)}` : "refused")).join(", ");
    case "unsubscribe":
      return packet.unsubscriptions.join(", ");
    default:
      return "";
  }
}

/** A payload as text, cut; its size where it is none. */
export function payloadText(payload: string | Uint8Array, limit = PAYLOAD_SHOWN): string {
  const text = typeof payload === "string" ? payload : decode(payload);
  if (text === undefined) return `(${payload.length} bytes that are no text)`;
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

/** Settings without their passwords; what cannot be read is not shown at all. */
export function settingsText(payload: string | Uint8Array, limit = PAYLOAD_SHOWN): string {
  const text = typeof payload === "string" ? payload : (decode(payload) ?? "");
  if (text.trim() === "") return text;
  try {
    const hide = (key: string, value: unknown) => (/password/i.test(key) ? "··" : value);
    return payloadText(JSON.stringify(JSON.parse(text, hide)), limit);
  } catch (error) {
    if (error instanceof SyntaxError) return `(${payload.length} bytes that may hold a password)`;
    throw error;
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    // Line ends and tabs are text; other control characters are a sign of something else.
    return [...text].some((character) => character < " " && !"\n\r\t".includes(character)) ? undefined : text;
  } catch {
    return undefined;
  }
}
