// What a broker says about a box: the payload of its retained `<root>/lwt`, as DESIGN §10 has it. Knows that payload
// and nothing else.

import type { Presence } from "./page/protocol.js";

const STATES: readonly string[] = Object.freeze(["online", "sleeping", "lost"]);

/** The state in an lwt payload, empty when there is none: the topic was cleared, or something else writes there. */
export function presenceOf(payload: string): Presence {
  try {
    const { state } = JSON.parse(payload) as { state?: unknown };
    return typeof state === "string" && STATES.includes(state) ? (state as Presence) : "";
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return "";
    throw error;
  }
}
