// What neither a session nor the firmware needs, and who builds on them may: whether a filter matches a topic (§4.7),
// and whether bytes are UTF-8 as MQTT wants it. A file of its own, because on the chip each function takes flash, and
// the manifest does not list it: add it to your own. Knows nothing of packets.

import { scan } from "./text.js";

/** Whether `bytes[start..end)` is well-formed UTF-8 without U+0000. An empty range is. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  return scan(bytes, start, end) < 2;
}

/**
 * Whether a legal filter matches a legal topic name. Compares as they stand, with no normalisation [MQTT-4.7.3-4]; a
 * filter that opens with a wildcard never matches a name that opens with "$" [MQTT-4.7.2-1]. Both must have passed
 * their check.
 */
export function matches(pattern: string, topic: string): boolean {
  if (topic.startsWith("$") && (pattern.startsWith("+") || pattern.startsWith("#"))) return false;
  let from = 0;
  let at = 0;
  for (;;) {
    let next = pattern.indexOf("/", from);
    if (next < 0) next = pattern.length;
    const level = pattern.substring(from, next);
    // "a/#" is also the filter for "a" itself (§4.7.1.2), of which nothing is left here.
    if (level === "#") return true;
    if (at > topic.length) return false;
    let end = topic.indexOf("/", at);
    if (end < 0) end = topic.length;
    if (level !== "+" && level !== topic.substring(at, end)) return false;
    from = next + 1;
    at = end + 1;
    if (from > pattern.length) return at > topic.length;
  }
}
