// The serial log, over `chip`: one line per step, `[742] delivered 5750-42-40146`, the first number being milliseconds
// since this boot. It goes out in release builds too, where `trace` prints nothing. The simulator and the page read the
// same lines. No secret may reach it.

import chip from "chip";
import { now } from "./clock.js";

/** Writes one line. `word` has no spaces; `detail` may be empty. */
export function logStep(word: string, detail: string): void {
  chip.log(detail === "" ? `[${now()}] ${word}` : `[${now()}] ${word} ${detail}`);
}
