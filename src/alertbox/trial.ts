// New settings on trial: those of `cmd/config` or of the setup page are used before they are saved, and taken back when
// they lead nowhere. Keeps what has to be remembered for that; when a trial begins and ends is decided in alertbox.ts.
// Its fields are set here and only read elsewhere.

import type { Settings } from "./settings.js";
import { BoxTimes } from "./state.js";

export class Trial {
  running = false;
  /** It runs, and was asked for on the setup page. */
  fromSetup = false;
  /** The settings to go back to; undefined when there were none, which only the setup page can bring about. */
  before: Settings | undefined;
  /** Whether the session needed cleaning before. */
  neededClean = false;
  /** When a trial that is running has failed at the latest. */
  until: number | undefined;
  /** What became of the last `cmd/config`, for `state`: "" when there was none. */
  result = "";
  /** The root under which a command that was answered is still retained, until it was cleared; else "". */
  answered = "";

  begin(before: Settings | undefined, fromSetup: boolean, neededClean: boolean, now: number): void {
    this.running = true;
    this.fromSetup = fromSetup;
    this.before = before;
    this.neededClean = neededClean;
    this.until = (now + BoxTimes.trial) | 0;
  }

  end(result: string): void {
    if (this.running && !this.fromSetup) this.answered = this.before?.root ?? "";
    this.running = false;
    this.fromSetup = false;
    this.before = undefined;
    this.until = undefined;
    this.result = result;
  }
}
