// Topics: the names of the box's MQTT topics and the JSON that it publishes under them (DESIGN §10).
// Pure. It knows no session, no settings and no journal: facts come as arguments, a root comes checked by settings.ts.
// No payload may ever hold a secret: the only texts that go in are reset reason, firmware version, address and results.

import type { Scanner } from "./flash.js";
import { optional } from "./json.js";

/**
 * The topic `name` under a root, for example "mresetar/alertbox/5750". Topics are built when needed: kept, six of them
 * would take some 300 bytes of RAM.
 * - "alert": QoS 2, never retained: one message for each press.
 * - "lwt": QoS 1, retained, also the will: `presencePayload`; unless a convention has another place for it.
 * - "state": QoS 1, retained: `statePayload`.
 * - "led": QoS 1, retained: "ON" or "OFF"; unless a convention has another place for it.
 * - "cmd/+": the filter for all commands; "cmd/" and a name: a command's own, on which it is cleared with an empty
 *   retained message.
 */
export function topicOf(root: string, name: string): string {
  return `${root}/${name}`;
}

/**
 * The name of the command that a topic under the root carries ("led", "stay", "config" or another one level), "" for
 * any other topic.
 */
export function commandOf(root: string, topic: string): string {
  const prefix = topicOf(root, "cmd/");
  if (!topic.startsWith(prefix)) return "";
  const name = topic.substring(prefix.length);
  // "+" stands for exactly one level [MQTT-4.7.1-3], so a deeper topic is not one that we subscribed to.
  return name.indexOf("/") >= 0 ? "" : name;
}

/** Names of `AlertEvent` values (journal.ts), as subscribers see them. */
export const EVENT_NAMES: readonly string[] = Object.freeze(["press", "double", "long"]);

export interface AlertFacts {
  /** The press count when this alert was made. */
  readonly sequence: number;
  /** `AlertEvent` of journal.ts: 0 press, 1 double, 2 long. */
  readonly event: number;
  /** Identifies the alert for ever. */
  readonly id: string;
  /** Supply voltage in mV when the button was pressed. */
  readonly millivolts: number;
  /** Signal strength in dBm. */
  readonly rssi: number;
  /** Milliseconds from the press (or the wake-up that replays it) to the moment when the payload was made. */
  readonly ms: number;
  /** 1 for the first attempt to deliver. */
  readonly attempt: number;
  /** True when the alert comes out of the journal after an earlier attempt failed. */
  readonly queued: boolean;
}

/**
 * `{"pushes":42,"event":"press","id":"5750-42-40146","vcc":3012,"rssi":-61,"ms":742,"try":1}`, with `"queued":true`
 * behind when queued. `pushes` stays first and numeric for subscribers of the original box; consumers that must not act
 * twice compare `id`. An event that is none of `AlertEvent` (a journal from a newer firmware) is told as a press:
 * better a vague alert than none.
 */
export function alertPayload(facts: AlertFacts): string {
  const sequence = facts.sequence;
  const event = EVENT_NAMES[facts.event] ?? "press";
  const head = `{"pushes":${sequence},"event":"${event}","id":"${facts.id}"`;
  // "| 0" makes 0 of a reading that the hardware could not give (undefined, NaN), where JSON would break.
  const link = `"rssi":${facts.rssi | 0},"ms":${facts.ms | 0},"try":${facts.attempt | 0}`;
  return `${head},"vcc":${facts.millivolts | 0},${link}${facts.queued ? ',"queued":true' : ""}}`;
}

/**
 * `lost` is the will: the broker publishes it when the box went without saying so. `ready` is for conventions that want
 * to hear when everything else is said.
 */
export type Presence = "online" | "ready" | "sleeping" | "lost";

/** `{"state":"lost","chip":5750,"fw":"1.0.0"}`, in the same form for each presence. `firmware` needs no escapes. */
export function presencePayload(presence: Presence, chipId: number, firmware: string): string {
  return `{"state":"${presence}","chip":${chipId},"fw":"${firmware}"}`;
}

export interface StateFacts {
  /** Presses ever counted. */
  readonly pushes: number;
  /** Alerts in the journal that are not delivered yet. */
  readonly pending: number;
  /** Alerts given up, or refused, because the journal was full. */
  readonly dropped: number;
  readonly millivolts: number;
  /** Signal strength in dBm. */
  readonly rssi: number;
  /** Why the chip started, for example "power-on" or "deep-sleep". This and the next two need no escapes. */
  readonly reset: string;
  readonly firmware: string;
  /** The box's own address. */
  readonly ip: string;
  /** Free bytes. */
  readonly heap: number;
  /** Milliseconds of the phases of this wake-up: boot code, Wi-Fi with address, MQTT up to CONNACK. */
  readonly bootMs: number;
  readonly wifiMs: number;
  readonly mqttMs: number;
  /** The result of the last `cmd/config`; left out when "". */
  readonly config: string;
  /** Why the firmware crashed last, since power came; left out when "". */
  readonly crash: string;
}

/**
 * The retained state of the box; members in the order of `StateFacts`, named as subscribers know them. The `scanner` is
 * for long texts.
 */
export function statePayload(facts: StateFacts, scanner?: Scanner): string {
  const counts = `"pushes":${facts.pushes},"pending":${facts.pending},"dropped":${facts.dropped}`;
  const chip = `"vcc":${facts.millivolts | 0},"rssi":${facts.rssi | 0},"reset":"${facts.reset}"`;
  const now = `"fw":"${facts.firmware}","ip":"${facts.ip}","heap":${facts.heap}`;
  const times = `"bootMs":${facts.bootMs},"wifiMs":${facts.wifiMs},"mqttMs":${facts.mqttMs}`;
  const config = optional("config", facts.config, scanner);
  return `{${counts},${chip},${now},${times}${config}${optional("crash", facts.crash, scanner)}}`;
}
