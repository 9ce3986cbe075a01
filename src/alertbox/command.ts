// Command: what a message under `<root>/cmd/` asks for (DESIGN §10). Text in, a Command out; it never throws,
// whatever was sent. Pure. It knows neither topics nor settings: names come without the root, and the changes of a
// "config" go on to settings.ts, which checks them. A `why` never repeats a payload, because a "config" holds
// passwords.

export type Command =
  | { readonly kind: "led"; readonly on: boolean | "toggle" }
  | { readonly kind: "stay"; readonly seconds: number }
  /** `changes`: the parsed JSON object, not checked in any other way. */
  | { readonly kind: "config"; readonly changes: unknown }
  /** An empty payload: our own clearing of a retained command coming back. */
  | { readonly kind: "cleared" }
  /** `why` names the command and what is accepted. */
  | { readonly kind: "invalid"; readonly why: string };

/** Longest time in seconds for which `cmd/stay` keeps a sleeper awake: one hour, about 70 mAh. */
export const STAY_SECONDS_MAX = 3600;

// Settings need an object, in it a list, in it objects, and about 20 members in all. JSON.parse recurses on the C
// stack (4.6 KB on the chip), and XS keeps each new name in a table that never shrinks; when either runs out, it
// stops the machine. A retained payload of that kind would do so again at every wake-up, so it is refused before it
// is parsed.
const CONFIG_DEPTH_MAX = 4;
const CONFIG_COMMAS_MAX = 32;

// An unknown name goes into a report; this much of it is enough to recognise it.
const NAME_SHOWN_MAX = 32;

/**
 * Reads a command. `name` is the last level of its topic, `payload` its text; white space around it is ignored, as
 * files and shells add line ends.
 * - led: ON, OFF, TOGGLE in any case, or 1, 0, true, false
 * - stay: whole seconds, 0 to 3600
 * - config: a JSON object
 */
export function parseCommand(name: string, payload: string): Command {
  if (payload === "") return { kind: "cleared" };
  const text = payload.trim();
  switch (name) {
    case "led":
      return parseLed(text);
    case "stay":
      return parseStay(text);
    case "config":
      return parseConfig(text);
    default:
      return invalid(`cmd/${name.substring(0, NAME_SHOWN_MAX)}: unknown command; use cmd/led, cmd/stay or cmd/config`);
  }
}

function invalid(why: string): Command {
  return { kind: "invalid", why };
}

function parseLed(text: string): Command {
  // In any case, letter by letter: the engine's own conversion brings 12 KB of tables into flash.
  if (is(text, "on") || text === "1" || is(text, "true")) return { kind: "led", on: true };
  if (is(text, "off") || text === "0" || is(text, "false")) return { kind: "led", on: false };
  if (is(text, "toggle")) return { kind: "led", on: "toggle" };
  return invalid("cmd/led: use ON, OFF or TOGGLE");
}

/** Whether a text is a word in lower case, in any case. */
function is(text: string, word: string): boolean {
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

function parseConfig(text: string): Command {
  if (isTooComplex(text))
    return invalid("cmd/config: too many or too deeply nested members; send only the settings to change");
  let changes: unknown;
  try {
    changes = JSON.parse(text);
  } catch {
    // The sender's mistake is an ordinary result; the engine's message is dropped because it may quote the payload.
    return invalid("cmd/config: not valid JSON; send a JSON object with the settings to change");
  }
  if (typeof changes !== "object" || changes === null || Array.isArray(changes)) {
    return invalid("cmd/config: not a JSON object; send a JSON object with the settings to change");
  }
  return { kind: "config", changes };
}

/** Whether JSON text has more commas, or brackets nested deeper, than settings can need. Strings do not count. */
function isTooComplex(text: string): boolean {
  // Native searches clear the common case; only a text with more of these, strings included, is read character by
  // character.
  const brackets = count(text, "{", CONFIG_DEPTH_MAX) + count(text, "[", CONFIG_DEPTH_MAX);
  if (brackets <= CONFIG_DEPTH_MAX && count(text, ",", CONFIG_COMMAS_MAX) <= CONFIG_COMMAS_MAX) return false;
  let depth = 0;
  let commas = 0;
  let quoted = false;
  const length = text.length;
  for (let i = 0; i < length; i += 1) {
    const c = text.charAt(i);
    if (quoted) {
      if (c === "\\") i += 1;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ",") commas += 1;
    else if (c === "{" || c === "[") depth += 1;
    else if (c === "}" || c === "]") depth -= 1;
    if (depth > CONFIG_DEPTH_MAX || commas > CONFIG_COMMAS_MAX) return true;
  }
  return false;
}

/** Occurrences of one character, counted no further than one past `limit`. */
function count(text: string, character: string, limit: number): number {
  let found = 0;
  for (let at = text.indexOf(character); at >= 0 && found <= limit; at = text.indexOf(character, at + 1)) {
    found += 1;
  }
  return found;
}
