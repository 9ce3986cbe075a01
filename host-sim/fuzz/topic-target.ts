// Topic names, topic filters and UTF-8 under attack: what is legal, what matches, how many bytes a text has; each
// against a plain reader written from §1.5.3 and §4.7 that nobody would run on a chip.
//
// An input: mode · where the filter ends and the name begins · how often the name is repeated · the bytes. Mode 0:
// bytes as UTF-8; 1 and 2: each byte is a piece of text, see PIECES.

import type { Random } from "../random.js";
import { Draft, once, oneOf, spoilSome } from "./draft.js";
import type { Sources } from "./sources.js";
import { Breach, count, type Target } from "./target.js";

const HEAD = 3;
/** What texts are put together from: one byte of an input is one of them. */
const PIECES: readonly string[] = Object.freeze([
  ...["/", "/", "/", "/", "+", "+", "#", "#", "$", "a", "b", "aa", "A", "é", "e\u0301", "č", "€", "😀", " ", ".", "-"],
  ...[
    "$SYS",
    "$share/",
    "cmd/",
    "+/",
    "/#",
    "/+",
    "//",
    "\0",
    "\ud83d",
    "\ude00",
    "\ufeff",
    "\ufffd",
    "\uffff",
    "\x7f",
  ],
  ...["x".repeat(31), "sport", "tennis", "player1", "\u0001", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000"],
]);
/** What most filters and names are made of. */
const USUAL: readonly number[] = Object.freeze([0, 0, 0, 4, 6, 9, 10, 13, 8]);

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 by the book: the text, undefined for bytes that are none. */
function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    // That is the answer.
    return undefined;
  }
}

function isWellFormed(text: string): boolean {
  return !/[\ud800-\udfff]/u.test(text);
}

/** The statement that a text breaks as a topic name or filter, "" for none (§4.7.1, §4.7.3). */
export function flaw(text: string, isFilter: boolean): "" | "1.5.3-1" | "empty" | "long" | "wildcard" {
  if (text.includes("\0") || !isWellFormed(text)) return "1.5.3-1";
  if (text === "") return "empty";
  if (Buffer.byteLength(text) > 65535) return "long";
  const levels = text.split("/");
  for (const [index, level] of levels.entries()) {
    if (!/[+#]/.test(level)) continue;
    const isWhole = level === "+" || (level === "#" && index === levels.length - 1);
    if (!isFilter || !isWhole) return "wildcard";
  }
  return "";
}

/** Whether a legal filter matches a legal name, level by level (§4.7.1 to §4.7.3). */
export function matchesByTheBook(filter: string, name: string): boolean {
  if (/^[+#]/.test(filter) && name.startsWith("$")) return false;
  return levelsMatch(filter.split("/"), name.split("/"));
}

function levelsMatch([wanted, ...filter]: readonly string[], [level, ...name]: readonly string[]): boolean {
  // "#" stands for its parent too, and for all below.
  if (wanted === "#") return true;
  if (wanted === undefined || level === undefined) return wanted === undefined && level === undefined;
  return (wanted === "+" || wanted === level) && levelsMatch(filter, name);
}

export function topicTarget(sources: Sources): Target {
  const { checkTopic, scan, readUtf8, utf8Length } = sources.text;
  const { isUtf8, matches } = sources.topic;
  const reached: Record<string, number> = {};
  const draft = new Draft();

  function checkText(text: string, isFilter: boolean): boolean {
    const expected = flaw(text, isFilter);
    let found = "";
    try {
      const length = checkTopic(text, isFilter);
      if (length !== Buffer.byteLength(text)) throw new Breach("a topic's length is counted in bytes", `${length}`);
    } catch (error) {
      if (error instanceof Breach || !(error instanceof Error)) throw error;
      found = error.message;
      if (!(expected === "long" ? error instanceof RangeError : error instanceof TypeError)) throw error;
    }
    const isSame =
      expected === "" ? found === "" : expected === "1.5.3-1" ? found.includes("[MQTT-1.5.3-1") : found !== "";
    if (!isSame) {
      const what = isFilter ? "filter" : "name";
      throw new Breach("§4.7 says what is legal", `${what} ${JSON.stringify(text)}: "${expected}", but "${found}"`);
    }
    if (utf8Length(text, 0) !== (isWellFormed(text) ? Buffer.byteLength(text) : -1)) {
      throw new Breach("a text's length is counted in bytes", `${JSON.stringify(text)}: ${utf8Length(text, 0)}`);
    }
    count(reached, `${isFilter ? "filter" : "name"} ${expected === "" ? "legal" : expected}`);
    return expected === "";
  }

  function checkBytes(bytes: Uint8Array): string | undefined {
    const text = decoded(bytes);
    const mark = scan(bytes, 0, bytes.length);
    const expected = text === undefined ? 4 : text.includes("\0") ? 2 : /[+#]/.test(text) ? 1 : 0;
    if (mark !== expected) throw new Breach("§1.5.3 says what is UTF-8", `${mark} instead of ${expected}`);
    if (isUtf8(bytes, 0, bytes.length) !== expected < 2) throw new Breach("§1.5.3 says what is UTF-8", `${expected}`);
    if (text !== undefined && readUtf8(bytes, 0, bytes.length) !== text) {
      throw new Breach("text comes as it is", JSON.stringify(text));
    }
    count(reached, ["UTF-8", "UTF-8 with wildcard", "UTF-8 with NUL", "", "no UTF-8"][expected] as string);
    return text;
  }

  /** The text that pieces are put together to, `times` over. */
  function joined(bytes: Uint8Array, times: number): string {
    let text = "";
    for (const byte of bytes) text += PIECES[byte % PIECES.length] as string;
    return times > 1 ? text.repeat(times) : text;
  }

  return {
    reached,

    draw(random: Random): Uint8Array {
      draft.clear();
      const mode = random.integer(3);
      const size = 1 + random.integer(once(random, 8) ? 40 : 10);
      draft.push(mode);
      draft.push(random.integer(size + 1));
      draft.push(once(random, 4000) ? 255 : once(random, 50) ? random.integer(8) : 0);
      const isUsual = once(random, 2);
      for (let at = 0; at < size; at += 1) {
        if (mode === 0) draft.text(oneOf(random, PIECES));
        else draft.push(isUsual ? oneOf(random, USUAL) : random.integer(256));
      }
      if (mode === 1) {
        // A name that is the filter with something in place of its wildcards: then they often match.
        const filter = draft.view.slice(HEAD);
        draft.bytes[1] = filter.length;
        for (const byte of filter) {
          const piece = PIECES[byte % PIECES.length];
          if (piece === "+" || piece === "#") draft.push(9 + random.integer(3));
          else if (!once(random, 20)) draft.push(byte);
        }
      }
      spoilSome(draft, random, mode === 0 ? HEAD : HEAD + 1, []);
      return draft.view;
    },

    run(input: Uint8Array): void {
      if (input.length < HEAD) return;
      const bytes = input.subarray(HEAD);
      const at = Math.min(input[1] as number, bytes.length);
      const times = (input[2] as number) === 255 ? Math.ceil(65_530 / Math.max(1, bytes.length)) : (input[2] as number);
      let filter: string | undefined;
      let name: string | undefined;
      if ((input[0] as number) % 3 === 0) {
        filter = checkBytes(bytes.subarray(0, at));
        name = checkBytes(bytes.subarray(at));
        if (filter === undefined || name === undefined) return;
      } else {
        filter = joined(bytes.subarray(0, at), 1);
        name = joined(bytes.subarray(at), times);
      }
      const isFilter = checkText(filter, true);
      const isName = checkText(name, false);
      checkText(filter, false);
      checkText(name, true);
      if (!isFilter || !isName) return;
      const expected = matchesByTheBook(filter, name);
      count(reached, expected ? "match" : "no match");
      if (matches(filter, name) !== expected) {
        throw new Breach("§4.7 says what matches", `${JSON.stringify([filter, name])}: ${expected} is right`);
      }
    },
  };
}
