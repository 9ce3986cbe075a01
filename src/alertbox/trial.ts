// New settings on trial: `cmd/config` is used before it is saved, and taken back when it leads nowhere. Keeps what has
// to be remembered for that; when a trial begins and ends is decided in alertbox.ts.

import type { Settings } from "./settings.js";
import { BoxTimes } from "./state.js";

export class Trial {
  /** The settings that worked, while others are tried. */
  private _before: Settings | undefined;
  private _until = 0;
  /** Root under which the command that was answered is still retained. */
  private _answeredRoot = "";
  private _result = "";

  get running(): boolean {
    return this._before !== undefined;
  }

  /** The settings to go back to. Only while a trial is running. */
  get before(): Settings {
    return this._before as Settings;
  }

  /** When a trial that is running has failed at the latest. */
  get until(): number | undefined {
    return this._before === undefined ? undefined : this._until;
  }

  /** What became of the last `cmd/config`, for `state`: "" when there was none. */
  get result(): string {
    return this._result;
  }

  begin(before: Settings, now: number): void {
    this._before = before;
    this._until = (now + BoxTimes.trial) | 0;
  }

  end(result: string): void {
    if (this._before !== undefined) this._answeredRoot = this._before.root;
    this._before = undefined;
    this._result = result;
  }

  /** Once after a trial: the root under which `cmd/config` is to be cleared; else "". */
  takeAnswered(): string {
    const root = this._answeredRoot;
    this._answeredRoot = "";
    return root;
  }
}
