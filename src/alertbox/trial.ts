// Settings on trial: what `cmd/config` or the setup page brings is read, judged, used before it is saved, and then kept
// or taken back. Pure: a part of the box, above the way to the broker (route.ts) that a trial has to go, and below
// alertbox.ts, which passes on what happens.

import { readConfig } from "./command.js";
import type { TrialPhase, TrialStep } from "./effect.js";
import type { Scanner } from "./flash.js";
import type { JsonReader } from "./json.js";
import { type BoxOptions, Route, type Trial } from "./route.js";
import { equalSettings, type Settings, SettingsDraft } from "./settings.js";
import { BoxTimes } from "./state.js";

export abstract class Trials extends Route {
  protected readonly scanner: Scanner | undefined;
  /**
   * A `cmd/config` on its way: being read, then being judged, both in steps. A later one takes the place of an earlier
   * one.
   */
  protected considered: JsonReader | SettingsDraft | undefined;
  /** Its changes, when they have to wait for the alerts to be delivered. */
  protected changes: object | undefined;
  /** What became of the last `cmd/config`, for `state`: "" when there was none. */
  protected result = "";
  /** The root under which a command that was answered is still retained, until it was cleared; else "". */
  protected answered = "";

  constructor(options: BoxOptions) {
    super(options);
    this.scanner = options.scanner;
  }

  /** Keeps the window for commands open, if it is. */
  protected abstract listen(now: number): void;

  /** The next step of reading or judging a `cmd/config`. */
  protected consider(now: number): void {
    const { considered } = this;
    // The window for commands stays open as long as one is being considered.
    if (this.state === 3 /* online */ && this.detail === 2 /* listening */) this.listen(now);
    if (considered instanceof SettingsDraft) {
      const { outcome } = considered;
      if (outcome === undefined) {
        considered.outcome = considered.step();
        this.ask({ do: 32 /* go-on */ });
      } else {
        this.considered = undefined;
        this.decide(considered, outcome, now);
      }
    } else if (considered !== undefined) {
      const changes = readConfig(considered);
      if (changes === undefined) this.ask({ do: 32 /* go-on */ });
      else if (typeof changes !== "string") this.configure(changes);
      else {
        this.considered = undefined;
        this.answer(`rejected: ${changes}`, now);
      }
    }
  }

  /** A command that leads away was taken back, or could not be in time. */
  protected goOn(now: number): void {
    if (this.considered instanceof SettingsDraft && this.considered.isTakenBack) this.consider(now);
  }

  /** Has changes judged. */
  protected configure(changes: object): void {
    this.considered = new SettingsDraft(changes, this.chipId, this.scanner, this.inUse);
    this.ask({ do: 32 /* go-on */ });
  }

  private decide(draft: SettingsDraft, candidate: Settings | string, now: number): void {
    const isOnline = this.state === 3 && this.detail !== 3; /* leaving */
    // What one broker has received and not released would be lost at another. Kept also for the case that the
    // connection is lost before the trial has begun.
    this.changes = draft.origin;
    if (this.pending > 0 || !isOnline) return;
    const current = this.inUse;
    const unchanged = typeof candidate !== "string" && equalSettings(candidate, current);
    if (typeof candidate === "string" || unchanged) {
      this.changes = undefined;
      this.answer(unchanged ? "unchanged" : `rejected: ${candidate}`, now);
      return;
    }
    if (isOtherBroker(current, candidate) && !draft.isTakenBack) {
      // The command goes first: it has passwords in it, and would lead away again whenever the box came back here.
      draft.isTakenBack = true;
      this.considered = draft;
      this.clear(current.root, "cmd/config");
      this.ask({ do: 17 /* flush */ });
      if (this.isBattery()) this.until = (now + BoxTimes.farewell + BoxTimes.window) | 0;
      return;
    }
    this.changes = undefined;
    // Without DISCONNECT, as for the setup.
    this.ask({ do: 19 /* abort */ });
    this.beginTrial(current, false, false, now);
    if (this.capAt !== undefined) this.capAt = (now + BoxTimes.trial + BoxTimes.awake) | 0;
    this.useForTrial(candidate, this.trial as Trial);
    this.ask({ do: 5 /* leave */ });
    this.join(now);
  }

  /** Tells what became of a `cmd/config` that leads to no trial. */
  protected answer(result: string, now: number): void {
    this.endTrial(result);
    this.clear(this.inUse.root, "cmd/config");
    // Alerts come first, and the state behind them.
    if (this.pending === 0) this.ask({ do: 13 /* state */, config: result });
    if (this.state === 3 /* online */ && this.detail === 2 /* listening */) this.listen(now);
  }

  protected clear(root: string, name: string): void {
    this.ask({ do: 16 /* clear */, root, name });
  }

  /** A person at the setup page wants to see these work. */
  protected tryOut(settings: Settings, now: number): void {
    if (this.state !== 7 /* setup */ || this.detail === 2 /* done */) return;
    this.setupUntil = (now + BoxTimes.setup) | 0;
    this.beginTrial(this.settings, true, this.needsCleanSession, now);
    this.tellSetup("trying", "wifi", "");
    this.useForTrial(settings, this.trial as Trial);
    this.join(now);
  }

  private beginTrial(before: Settings | undefined, fromSetup: boolean, neededClean: boolean, now: number): void {
    this.trial = { fromSetup, before, neededClean, until: (now + BoxTimes.trial) | 0 };
    this.say("config", "trying");
  }

  private useForTrial(settings: Settings, trial: Trial): void {
    this.settings = settings;
    this.ask({ do: 20 /* use */, settings });
    this.needsCleanSession = trial.neededClean || isOtherBroker(trial.before, settings);
    this.network = 0;
    this.cached = false;
  }

  /** The trial's connection stands: the new settings are saved, whoever asked is answered. */
  protected adopt(trial: Trial): void {
    const settings = this.inUse;
    // Written before the settings: a power cut between the two costs one clean connection, the other order an alert.
    if (isOtherBroker(trial.before, settings)) this.ask({ do: 22 /* require-clean-session */ });
    this.ask({ do: 21 /* save */, settings });
    this.tellSetup("done", "", "");
    this.endTrial("applied");
    if (settings.mode === "mains") this.capAt = undefined;
  }

  /** The trial failed: back to the settings that worked. */
  protected revert(trial: Trial, why: string, step: TrialStep, now: number): void {
    const { before } = trial;
    this.tellSetup("failed", step, why);
    this.settings = before;
    this.endTrial(`rejected: ${why}`);
    this.needsCleanSession = trial.neededClean;
    if (before !== undefined) this.ask({ do: 20 /* use */, settings: before });
    this.network = 0;
    if (trial.fromSetup) {
      this.joined = false;
      this.ask({ do: 5 /* leave */ });
      this.rest(7 /* SETUP */);
      this.become(7 /* setup */, this.setupUntil, 0 /* open */);
      return;
    }
    if (this.capAt !== undefined) this.capAt = (now + BoxTimes.awake) | 0;
    this.join(now);
  }

  /** Says it on the setup page, when that is where the trial began. */
  protected tellSetup(phase: TrialPhase, step: TrialStep, detail: string): void {
    if (this.trial?.fromSetup) this.ask({ do: 27 /* tell-setup */, phase, step, detail });
  }

  protected endTrial(result: string): void {
    if (this.trial?.fromSetup === false) this.answered = this.trial.before?.root ?? "";
    this.trial = undefined;
    this.result = result;
    this.say("config", result);
  }
}

/** Whether the two settings lead to different MQTT sessions: what one broker knows of packet ids the other does not. */
function isOtherBroker(a: Settings | undefined, b: Settings): boolean {
  return a === undefined || a.host !== b.host || a.port !== b.port;
}
