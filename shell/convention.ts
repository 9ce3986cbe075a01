// Presence of a box that follows somebody else's convention (settings: convention=homie, convention=tasmota): a
// connection has one will, so these boxes have no `lwt` below their root. Pure; what it is given was sent by strangers.

/** Where such boxes, and the devices of others, say that they are there. */
export const PRESENCE_FILTERS: readonly string[] = Object.freeze(["homie/5/+/$state", "tele/+/LWT"]);

export interface ConventionPresence {
  readonly chipId: number;
  /** In the words of `lwt`, as far as there is one; "" when it was taken away. */
  readonly presence: string;
  /** What the box's topics of the convention begin with. */
  readonly base: string;
}

/** `disconnected` is said by no box, but it is one of Homie's. */
const WORDS: Readonly<Record<string, string>> = Object.freeze({
  init: "online",
  ready: "online",
  Online: "online",
  // Asleep or lost: Tasmota has one word for both.
  Offline: "offline",
});

/** What a message says of a box's presence; undefined when it is something else, or another's device. */
export function conventionPresence(topic: string, text: string): ConventionPresence | undefined {
  const match =
    /^(homie\/5\/alertbox-(\d{1,8}))\/\$state$/.exec(topic) ?? /^(tele\/alertbox_(\d{1,8}))\/LWT$/.exec(topic);
  if (match === null) return undefined;
  return {
    chipId: Number(match[2]),
    presence: Object.hasOwn(WORDS, text) ? (WORDS[text] ?? "") : text,
    base: match[1] ?? "",
  };
}
