// Settings as they are typed, `key=value`, made into what `cmd/config` takes, and judged by the box's own rules before
// anything is sent. Pure but for files that are named. No message repeats a value: it may be a password.

import { readFileSync } from "node:fs";
import "../host-sim/globals.js";
import { readConfig } from "../src/alertbox/command.js";
import { JsonReader } from "../src/alertbox/json.js";
import { checkSettings, type Settings, SettingsDraft } from "../src/alertbox/settings.js";
import { usage } from "./failure.js";

/** Settings by what their values are; all others are text. */
const NUMBERS: readonly string[] = Object.freeze(["port", "keepAliveSeconds", "lowMillivolts"]);
const SWITCHES: readonly string[] = Object.freeze(["double", "quiet"]);

/** What a box can take in one message (BUDGET.receive of src/device/uplink.ts), bytes. */
const MESSAGE_MAX = 768;
/** Fixed header with a length of two bytes, length of the topic, packet id. */
const OVERHEAD = 7;

/** `key=value`, `key:=json`, `key=@file`, `key=@-`. */
const FORM = /^([A-Za-z]\w*)(:?=)([\s\S]*)$/;

/** @throws Failure for what is not `key=value`, a file that cannot be read, a key given twice. */
export function changesOf(words: readonly string[]): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  for (const word of words) {
    const [, key = "", sign = "", text = ""] = FORM.exec(word) ?? [];
    if (key === "") {
      // Without the word: it may be a password that was quoted wrongly.
      throw usage("settings are written key=value, for example host=10.0.0.3 mode=battery");
    }
    if (key in changes) throw usage(`${key} is given twice`);
    changes[key] = typed(key, sign, text);
  }
  return changes;
}

function typed(key: string, sign: string, text: string): unknown {
  if (sign === ":=" || key === "wifi") {
    try {
      return JSON.parse(text.startsWith("@") ? fileText(key, text) : text);
    } catch (error) {
      if (error instanceof SyntaxError) {
        throw usage(`${key}: not valid JSON; for example wifi='[{"ssid":"home","password":"…"}]' or root:=null`);
      }
      throw error;
    }
  }
  const value = text.startsWith("@") ? fileText(key, text) : text;
  if (NUMBERS.includes(key) && /^-?\d+$/.test(value)) return Number(value);
  if (SWITCHES.includes(key) && (value === "true" || value === "false")) return value === "true";
  return value;
}

function fileText(key: string, text: string): string {
  const path = text.slice(1);
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usage(
      `${key}=@…: the file ${path} cannot be read (${code}); a value that begins with @ is written ${key}:='"@…"'`,
    );
  }
}

/**
 * The text for `cmd/config`.
 *
 * @throws Failure with the box's own words when it would refuse the changes whatever its settings are now.
 */
export function configText(changes: Record<string, unknown>, chipId: number, topic: string): string {
  const refusals = currents(chipId).map((current) => {
    const result = new SettingsDraft(changes, chipId, undefined, current).judged();
    return typeof result === "string" ? result : undefined;
  });
  // It depends on what is set now, which only the box knows: as long as one would do, the box decides.
  const [first] = refusals;
  if (refusals.every((refusal) => refusal !== undefined)) throw usage(first ?? "");
  const text = JSON.stringify(changes);
  const bytes = OVERHEAD + Buffer.byteLength(topic) + Buffer.byteLength(text);
  if (bytes > MESSAGE_MAX) {
    throw usage(`these are ${bytes} bytes as a message, and a box takes ${MESSAGE_MAX}: send them in several commands`);
  }
  const read = new JsonReader(new TextEncoder().encode(text));
  for (let result = readConfig(read); ; result = readConfig(read)) {
    if (typeof result === "string") throw usage(result.replace(/^cmd\/config: /, ""));
    if (result !== undefined) return text;
  }
}

/** Settings that a box may have now, as different as they can be to the rules that look at two of them. */
function currents(chipId: number): Settings[] {
  const found: Settings[] = [];
  for (const wiring of [
    { mode: "mains", wiring: "gpio" },
    { mode: "mains", wiring: "rst+gpio" },
    { mode: "battery", wiring: "rst" },
  ]) {
    for (const account of [{}, { user: "user", password: "password" }]) {
      const given = { ssid: "network", wifiPassword: "", host: "broker", ...wiring, ...account };
      const settings = checkSettings(given, chipId);
      if (typeof settings === "string") throw new Error(settings);
      found.push(settings);
    }
  }
  return found;
}
