// New settings on trial: those of `cmd/config` or of the setup page are used before they are saved, and taken back when
// they lead nowhere. Keeps what has to be remembered for that; when a trial begins and ends is decided in alertbox.ts.

import type { Settings } from "./settings.js";
import { BoxTimes } from "./state.js";

export class Trial {
  /** The settings that worked, while others are tried. */
  private _before: Settings | undefined;
  private _running = false;
  /** It was asked for on the setup page. */
  private _fromSetup = false;
  /** Whether the session needed cleaning before. */
  private _neededClean = false;
  private _until = 0;
  /** Root under which the command that was answered is still retained. */
  private _answeredRoot = "";
  private _result = "";

  get running(): boolean {
    return this._running;
  }

  get fromSetup(): boolean {
    return this._running && this._fromSetup;
  }

  /** The settings to go back to; undefined when there were none, which only the setup page can bring about. */
  get before(): Settings | undefined {
    return this._before;
  }

  get neededClean(): boolean {
    return this._neededClean;
  }

  /** When a trial that is running has failed at the latest. */
  get until(): number | undefined {
    return this._running ? this._until : undefined;
  }

  /** What became of the last `cmd/config`, for `state`: "" when there was none. */
  get result(): string {
    return this._result;
  }

  begin(before: Settings | undefined, fromSetup: boolean, neededClean: boolean, now: number): void {
    this._before = before;
    this._running = true;
    this._fromSetup = fromSetup;
    this._neededClean = neededClean;
    this._until = (now + BoxTimes.trial) | 0;
  }

  end(result: string): void {
    if (this._running && !this._fromSetup) this._answeredRoot = this._before?.root ?? "";
    this._running = false;
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
