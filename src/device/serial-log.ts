// The serial log, over the global `trace`: one line per step, `[742] delivered 5750-42`, the number being milliseconds
// since this boot. The simulator and the page read the same lines. No secret may reach it.

import { now } from "./clock.js";

/** Writes one line. `word` has no spaces; `detail` may be empty. */
export function logStep(word: string, detail: string): void {
  trace(detail === "" ? `[${now()}] ${word}\n` : `[${now()}] ${word} ${detail}\n`);
}
