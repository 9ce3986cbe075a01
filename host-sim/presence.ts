// What a broker says about a box: the payload of its retained `<root>/lwt`, as DESIGN §10 has it, or what a convention
// has in its place. Knows these topics and nothing else.

import { conventionPresence } from "../shell/convention.js";
import type { Presence } from "./page/protocol.js";

const STATES: readonly string[] = Object.freeze(["online", "sleeping", "lost", "offline"]);

const known = (state: unknown): Presence =>
  typeof state === "string" && STATES.includes(state) ? (state as Presence) : "";

/** The state in an lwt payload, empty when there is none: the topic was cleared, or something else writes there. */
function stateIn(payload: string): Presence {
  try {
    return known((JSON.parse(payload) as { state?: unknown }).state);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return "";
    throw error;
  }
}

/** What a message says of the presence of this box; undefined when it is about something else. */
export function presenceIn(topic: string, payload: string, root: string, chipId: number): Presence | undefined {
  if (topic === `${root}/lwt`) return stateIn(payload);
  const said = conventionPresence(topic, payload);
  return said?.chipId === chipId ? known(said.presence) : undefined;
}
