// What a board is called in words: its power, its wiring, and what a hold of its button means. Knows the views only.

import type { BoardView } from "./protocol.js";

export const POWER_WORDS = Object.freeze({
  off: "no power",
  booting: "booting",
  running: "awake",
  asleep: "asleep",
} as const);

/** The combinations that a box may have (docs/wiring.md), as a person chooses them. */
export const KINDS = Object.freeze([
  { mode: "mains", wiring: "gpio", text: "mains, button on GPIO0" },
  { mode: "mains", wiring: "rst+gpio", text: "mains, button on RST and D1" },
  { mode: "battery", wiring: "rst", text: "battery, button on RST" },
  { mode: "battery", wiring: "rst+gpio", text: "battery, button on RST and D1" },
] as const);

export function hint(wiring: BoardView["wiring"] | undefined): string {
  if (wiring === "rst") return "Each press resets the board, and the reset is the press. Five quick ones: setup.";
  if (wiring === "rst+gpio") return "Click, tap or hold Space. 5\u00a0s: setup; 10\u00a0s: factory reset.";
  return "Click, tap or hold Space. 1\u00a0s: a long press; 5\u00a0s: setup; 10\u00a0s: factory reset.";
}

/** What a hold becomes when it is released now, in the firmware's own times (DESIGN §9). */
export function holdText(heldMs: number, wiring: BoardView["wiring"] | undefined): string {
  const seconds = `${(heldMs / 1000).toFixed(1)} s`;
  if (wiring === "rst") return `${seconds}: the chip stands still`;
  if (heldMs >= 10_000) return `${seconds}: factory reset`;
  if (heldMs >= 5_000) return `${seconds}: setup`;
  return `${seconds}: ${heldMs >= 1_000 && wiring === "gpio" ? "long press" : "press"}`;
}
