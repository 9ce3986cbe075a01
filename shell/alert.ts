// An alert as it comes from a box (DESIGN §10), for people, for scripts and for the environment of a command. Pure;
// what it is given was sent by a stranger.

import { shown, shownSignal, shownTime, shownVolts } from "./shown.js";

/** Longer than any box sends; an environment has no room for much more. */
const PAYLOAD_MAX = 65_536;

export const EVENTS = Object.freeze(["press", "double", "long"] as const);

export interface Alert {
  readonly topic: string;
  /** Names the press for ever; undefined when the sender gives none, as the first boxes did. */
  readonly id: string | undefined;
  readonly event: string;
  /** Of the box, decimal; "" when neither id nor topic has it. */
  readonly chipId: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly payload: string;
  /** Made by `alertbox press`. */
  readonly isTest: boolean;
}

/** The alert that a message holds, or why it is none. */
export function alertOf(topic: string, payload: string): Alert | string {
  if (payload.length > PAYLOAD_MAX) return `${payload.length} characters are too many for an alert`;
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    return "the payload is not JSON";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "the payload is not a JSON object";
  const fields = value as Record<string, unknown>;
  const { id, event } = fields;
  const levels = topic.split("/");
  const chipId = /^(\d+)-\d+(?:-\d+)?$/.exec(String(id))?.[1] ?? /^\d+$/.exec(levels.at(-2) ?? "")?.[0] ?? "";
  return {
    topic,
    id: typeof id === "string" && id !== "" && id.length <= 200 ? id : undefined,
    event: typeof event === "string" ? event : "press",
    chipId,
    fields,
    payload,
    isTest: fields["test"] === true,
  };
}

/** What a command finds in its environment; the help text quotes it. */
export const VARIABLES: readonly (readonly [string, string])[] = Object.freeze([
  ["ALERTBOX_EVENT", "press, double or long"],
  ["ALERTBOX_ID", "names this press for ever, for example 5750-42-40146"],
  ["ALERTBOX_CHIPID", "of the box, for example 5750"],
  ["ALERTBOX_PUSHES", "presses that the box has counted"],
  ["ALERTBOX_TOPIC", "where it came, for example mresetar/alertbox/5750/alert"],
  ["ALERTBOX_ROOT", "the same without /alert"],
  ["ALERTBOX_VCC", "supply in mV"],
  ["ALERTBOX_RSSI", "signal in dBm"],
  ["ALERTBOX_MS", "from the press, or the wake-up that sends it again, to the sending, ms"],
  ["ALERTBOX_TRY", "1: sent at the first attempt"],
  ["ALERTBOX_QUEUED", "1: was stored in the box for a while, else 0"],
  ["ALERTBOX_TEST", "1: made by alertbox press, else 0"],
  ["ALERTBOX_TIME", "when it came here, ISO 8601"],
  ["ALERTBOX_JSON", "the payload as it came"],
] as const);

/** Environment variables of a command; "" for what the alert does not say. */
export function environmentOf(alert: Alert, at: Date): Record<string, string> {
  const { fields, topic } = alert;
  const text = (name: string) => {
    const value = fields[name];
    return typeof value === "number" || typeof value === "string" ? plain(String(value)) : "";
  };
  return {
    ALERTBOX_EVENT: plain(alert.event),
    ALERTBOX_ID: plain(alert.id ?? ""),
    ALERTBOX_CHIPID: alert.chipId,
    ALERTBOX_PUSHES: text("pushes"),
    ALERTBOX_TOPIC: plain(topic),
    ALERTBOX_ROOT: plain(topic.replace(/\/[^/]*$/, "")),
    ALERTBOX_VCC: text("vcc"),
    ALERTBOX_RSSI: text("rssi"),
    ALERTBOX_MS: text("ms"),
    ALERTBOX_TRY: text("try"),
    ALERTBOX_QUEUED: fields["queued"] === true ? "1" : "0",
    ALERTBOX_TEST: alert.isTest ? "1" : "0",
    ALERTBOX_TIME: at.toISOString(),
    ALERTBOX_JSON: alert.payload,
  };
}

/** Without control characters: an environment cannot hold a zero, and a script expects no line ends. */
function plain(text: string): string {
  return shown(text, 4096);
}

/** The alert as one object of a line: its own fields, and where and when it came. */
export function alertObject({ fields, topic, chipId, event }: Alert, at: Date): Record<string, unknown> {
  return { ...fields, event, chip: chipId === "" ? null : Number(chipId), topic, time: at.toISOString() };
}

/** The alert as one line for people. */
export function alertLine({ fields, topic, event, id, isTest }: Alert, at: Date): string {
  const { pushes, ms, queued } = fields;
  const parts = [
    shownTime(at),
    shown(topic.replace(/\/alert$/, "")),
    shown(event, 20).padEnd(6),
    typeof pushes === "number" ? `#${pushes}` : "",
    shownVolts(fields["vcc"]),
    shownSignal(fields["rssi"]),
    typeof ms === "number" ? `${ms} ms` : "",
    shown(id ?? "", 80),
    queued === true ? "(was stored in the box)" : "",
    isTest ? "(test)" : "",
  ];
  return parts.filter((part) => part !== "").join("  ");
}
