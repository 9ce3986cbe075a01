// A box as the broker knows it by its retained messages: presence, state, LED (DESIGN §10). Pure; what it is given was
// sent by a stranger.

/** Below this a box of default settings warns of its battery, mV. */
export const LOW_MILLIVOLTS = 2600;

/** The topic root of a box below what several have in common, or its own that was given. */
export function boxRoot(root: string, chipId: number): string {
  return root.endsWith(`/${chipId}`) ? root : `${root}/${chipId}`;
}

/** A JSON object of a message; undefined when it is none. */
export function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** What a box's `lwt` says; an older firmware's may be another text. */
export function presenceOf(text: string): { presence: string; chipId: number | undefined } {
  const fields = objectOf(text);
  const { state, chip } = fields ?? {};
  return {
    presence: typeof state === "string" ? state : text,
    chipId: typeof chip === "number" ? chip : undefined,
  };
}

/** A topic taken apart into the box's root and what it is about. */
export function partsOf(topic: string): { root: string; name: string } {
  const at = topic.lastIndexOf("/");
  return { root: topic.slice(0, Math.max(0, at)), name: topic.slice(at + 1) };
}
