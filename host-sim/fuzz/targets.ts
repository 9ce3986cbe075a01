// The targets of the fuzzer by name, and how an input of a seed is drawn: each has a Random of its own, so that any of
// them can be drawn again without those before it.

import { Random } from "../random.js";
import { decoderTarget } from "./decoder-target.js";
import { dnsTarget } from "./dns-target.js";
import { httpTarget } from "./http-target.js";
import { journalTarget } from "./journal-target.js";
import { sessionTarget } from "./session-target.js";
import { settingsTarget } from "./settings-target.js";
import type { Sources } from "./sources.js";
import type { Target } from "./target.js";
import { topicTarget } from "./topic-target.js";

interface TargetKind {
  readonly what: string;
  readonly make: (sources: Sources) => Target;
}

export const TARGETS = Object.freeze({
  decoder: { what: "what a broker sends, decoded; compared with mqtt-packet", make: decoderTarget },
  session: { what: "a session, its owner, and a broker that does anything", make: sessionTarget },
  topic: { what: "topic names, filters and UTF-8, compared with §4.7 and §1.5.3", make: topicTarget },
  settings: { what: "settings as JSON, compared with JSON.parse, and their two slots of flash", make: settingsTarget },
  journal: { what: "the journal on flash that holds anything", make: journalTarget },
  http: { what: "requests to the setup portal, and its form", make: httpTarget },
  dns: { what: "queries to the box's name server", make: dnsTarget },
} satisfies Record<string, TargetKind>);

export type TargetName = keyof typeof TARGETS;

/** Input number `index` of a seed, valid until the target draws the next. */
export function drawInput(target: Target, seed: number, index: number): Uint8Array {
  // Neighbours in the index are far from each other in the generator's period.
  return target.draw(new Random(Math.imul(seed, 0x85ebca6b) ^ Math.imul(index + 1, 0x9e3779b1)));
}
