// New settings on trial: `cmd/config` is used before it is saved, and taken back when it leads nowhere. Keeps what has
// to be remembered for that; when a trial begins and ends is decided in alertbox.ts.

import type { Settings } from "./settings.js";
import { BoxTimes } from "./state.js";

export class Trial {
  /** The settings that worked, while others are tried. */
  #before: Settings | undefined;
  #until = 0;
  /** Root under which the command that was answered is still retained. */
  #answeredRoot = "";
  #result = "";

  get running(): boolean {
    return this.#before !== undefined;
  }

  /** The settings to go back to. Only while a trial is running. */
  get before(): Settings {
    return this.#before as Settings;
  }

  /** When a trial that is running has failed at the latest. */
  get until(): number | undefined {
    return this.#before === undefined ? undefined : this.#until;
  }

  /** What became of the last `cmd/config`, for `state`: "" when there was none. */
  get result(): string {
    return this.#result;
  }

  begin(before: Settings, now: number): void {
    this.#before = before;
    this.#until = (now + BoxTimes.trial) | 0;
  }

  end(result: string): void {
    if (this.#before !== undefined) this.#answeredRoot = this.#before.root;
    this.#before = undefined;
    this.#result = result;
  }

  /** Once after a trial: the root under which `cmd/config` is to be cleared; else "". */
  takeAnswered(): string {
    const root = this.#answeredRoot;
    this.#answeredRoot = "";
    return root;
  }
}
