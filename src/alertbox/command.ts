// Command: what a message under `<root>/cmd/` asks for (DESIGN §10). Text in, a Command out; it never throws,
// whatever was sent. Pure. It knows neither topics nor settings: names come without the root, and the changes of a
// "config" go on to settings.ts, which checks them. A `why` never repeats a payload, because a "config" holds
// passwords.

import type { Scanner } from "./flash.js";
import { JsonReader } from "./json.js";

export type Command =
  /** `same`: only to be told again. */
  | { readonly kind: "led"; readonly on: boolean | "toggle" | "same" }
  | { readonly kind: "stay"; readonly seconds: number }
  /** Its text is still to be read, by `readConfig`. */
  | { readonly kind: "config"; readonly reader: JsonReader }
  /** An empty payload: our own clearing of a retained command coming back. */
  | { readonly kind: "cleared" }
  /** `why` names the command and what is accepted. */
  | { readonly kind: "invalid"; readonly why: string };

/** Longest time in seconds for which `cmd/stay` keeps a sleeper awake: one hour, about 70 mAh. */
export const STAY_SECONDS_MAX = 3600;

/**
 * Reads a command. `name` is the last level of its topic, `payload` its text; white space around it is ignored, as
 * files and shells add line ends.
 * - led: ON, OFF, TOGGLE in any case, or 1, 0, 2, true, false
 * - light: the same, as a convention has it: anything else asks
 * - stay: whole seconds, 0 to 3600
 * - config: a JSON object
 */
export function parseCommand(name: string, payload: string, scanner?: Scanner): Command {
  if (payload === "" && name !== "light") return { kind: "cleared" };
  // A long text is not copied to no end: an object, as it is most often sent, has nothing around it.
  const isBare = payload.charCodeAt(0) === 0x7b && payload.charCodeAt(payload.length - 1) === 0x7d;
  const text = isBare ? payload : payload.trim();
  switch (name) {
    case "led":
      return parseLed(text);
    case "light": {
      const command = parseLed(text);
      return command.kind === "led" ? command : { kind: "led", on: "same" };
    }
    case "stay":
      return parseStay(text);
    case "config":
      return { kind: "config", reader: new JsonReader(new Uint8Array(ArrayBuffer.fromString(text)), scanner) };
    default:
      // So much of a name is enough to recognise it.
      return invalid(`cmd/${name.substring(0, 32)}: unknown command; use cmd/led, cmd/stay or cmd/config`);
  }
}

function invalid(why: string): Command {
  return { kind: "invalid", why };
}

function parseLed(text: string): Command {
  // In any case, letter by letter: the engine's own conversion brings 12 KB of tables into flash.
  if (isWord(text, "on") || text === "1" || isWord(text, "true")) return { kind: "led", on: true };
  if (isWord(text, "off") || text === "0" || isWord(text, "false")) return { kind: "led", on: false };
  if (isWord(text, "toggle") || text === "2") return { kind: "led", on: "toggle" };
  return invalid("cmd/led: use ON, OFF or TOGGLE");
}

/** Whether a text is a word in lower case, in any case. */
export function isWord(text: string, word: string): boolean {
  if (text.length !== word.length) return false;
  for (let i = 0; i < word.length; i += 1) {
    if ((text.charCodeAt(i) | 0x20) !== word.charCodeAt(i) || text.charCodeAt(i) < 0x41) return false;
  }
  return true;
}

function parseStay(text: string): Command {
  let seconds = 0;
  let valid = text.length > 0;
  for (let i = 0; valid && i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    seconds = seconds * 10 + digit;
    valid = digit >= 0 && digit <= 9 && seconds <= STAY_SECONDS_MAX;
  }
  return valid ? { kind: "stay", seconds } : invalid(`cmd/stay: use whole seconds from 0 to ${STAY_SECONDS_MAX}`);
}

/**
 * Reads the next part of a "config", member by member, because all of it takes longer than Wi-Fi can wait. Undefined:
 * there is more, call again. Else the changes, an object not checked in any other way; or why it is none, as text.
 */
export function readConfig(reader: JsonReader): object | string | undefined {
  try {
    if (reader.step()) return undefined;
  } catch (error) {
    // The sender's mistake is an ordinary result.
    if (error instanceof RangeError) {
      return "cmd/config: too many or too deeply nested members; send only the settings to change";
    }
    return "cmd/config: not valid JSON; send a JSON object with the settings to change";
  }
  const changes = reader.result;
  if (typeof changes === "object" && changes !== null && !Array.isArray(changes)) return changes;
  return "cmd/config: not a JSON object; send a JSON object with the settings to change";
}
