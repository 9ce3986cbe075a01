// The box: what happens between a press and sleep. Pure: events and instants in, effects out; it owns no pin, no socket
// and no flash. main.ts performs the effects in the order given, and tells the box what came of them. States, events
// and effects are numbers; state.ts and effect.ts have their names.

import type { ButtonEvent } from "./button.js";
import { type Command, parseCommand, readConfig } from "./command.js";
import type { BoxEvent, Down, Effect, TrialPhase, TrialStep, WakeCause } from "./effect.js";
import type { Scanner } from "./flash.js";
import { AlertEvent } from "./journal.js";
import type { JsonReader } from "./json.js";
import { LedPattern } from "./led.js";
import type { Course } from "./recovery.js";
import { refusal } from "./refusal.js";
import { equalSettings, type Settings, SettingsDraft, type WiFiNetwork } from "./settings.js";
import { type After, BoxTimes, earlier, isDue, type State } from "./state.js";
import { Wishes } from "./wishes.js";

/** A source of delays; mqtt/backoff.ts is one. */
export interface Delays {
  next(random: number): number;
  connected(now: number): void;
  disconnected(now: number): void;
  readonly attempt: number;
}

export interface BoxOptions {
  readonly chipId: number;
  /** Undefined on first boot and after a factory reset: only setup is possible then. */
  readonly settings: Settings | undefined;
  /** Alerts in the journal that are not delivered. */
  readonly pending: number;
  readonly needsCleanSession: boolean;
  /** It is remembered where this network (an index of `settings.wifi`) and the broker are; -1 when nothing is. */
  readonly cachedNetwork: number;
  /** The supply, for the low-battery pattern. */
  readonly millivolts: number;
  /** Delays between attempts while awake. */
  readonly retry: Delays;
  /** Delays between timer wakes of a battery box. */
  readonly wake: Delays;
  /** A random number, 0 ≤ r < 1, for the jitter. */
  readonly random: () => number;
  /** For long commands. */
  readonly scanner?: Scanner;
}

/** New settings on trial: those of `cmd/config` or of the setup page are used before they are saved. */
interface Trial {
  /** It was asked for on the setup page. */
  readonly fromSetup: boolean;
  /** The settings to go back to; undefined when there were none, which only the setup page can bring about. */
  readonly before: Settings | undefined;
  /** Whether the session needed cleaning before. */
  readonly neededClean: boolean;
  /** When it has failed at the latest. */
  readonly until: number;
}

export class Box extends Wishes {
  private readonly chipId: number;
  private readonly millivolts: number;
  private readonly retry: Delays;
  private readonly wake: Delays;
  private readonly random: () => number;
  private readonly scanner: Scanner | undefined;
  // The next five are set here, only read elsewhere.
  state: State = 0;
  /** The settings in use; during a trial the ones being tried. */
  settings: Settings | undefined;
  pending: number;
  /** Attempts to reach the broker that have failed in this boot. */
  failures = 0;
  /** When the setup closes. */
  setupUntil = 0;
  private needsCleanSession: boolean;
  /** When the state ends at the latest. */
  private until: number | undefined;
  /** What else belongs to the state; state.ts says what. */
  private detail = 0;
  /** A battery box sleeps at this instant at the latest; undefined for a mains box, and once that is lifted. */
  private capAt: number | undefined;
  /** `cmd/stay`: a battery box is awake at least until then. */
  private stayUntil: number | undefined;
  private joined = false;
  /** The network has let the box in, on the way to an address. */
  private associated = false;
  /** The attempt that runs goes where the cache leads. */
  private fast = false;
  private cached: boolean;
  /** Index into settings.wifi of the network to try next. */
  private network = 0;
  /** LED as commanded from afar. */
  private light = false;
  private announced = false;
  /** SUBSCRIBE has left in this connection, and what SUBACK said has come. */
  private asked = false;
  private heard = false;
  /**
   * A `cmd/config` on its way: being read, then being judged, both in steps. A later one takes the place of an earlier
   * one.
   */
  private considered: JsonReader | SettingsDraft | undefined;
  /** Its changes, when they have to wait for the alerts to be delivered. */
  private changes: object | undefined;
  /** The LED shows something that a person must see before sleep. */
  private mustShow = false;
  private buttonBusy = false;
  private trial: Trial | undefined;
  /** What became of the last `cmd/config`, for `state`: "" when there was none. */
  private result = "";
  /** The root under which a command that was answered is still retained, until it was cleared; else "". */
  private answered = "";
  /** The broker refused for a reason that no retry can heal. */
  private hopeless = false;

  constructor(options: BoxOptions) {
    super();
    this.chipId = options.chipId;
    this.millivolts = options.millivolts;
    this.retry = options.retry;
    this.wake = options.wake;
    this.random = options.random;
    this.scanner = options.scanner;
    this.settings = options.settings;
    this.pending = options.pending;
    this.needsCleanSession = options.needsCleanSession;
    this.cached = options.cachedNetwork >= 0;
    if (this.cached) this.network = options.cachedNetwork;
  }

  /** When `tick` is due, or undefined when only an event can change anything. */
  deadline(): number | undefined {
    let at = this.until;
    if (this.isUnderCap()) at = earlier(at, this.capAt);
    return earlier(at, this.trial?.until);
  }

  /** Tells the box what happened; returns what it asks for, in order. */
  step(event: BoxEvent, now: number): readonly Effect[] {
    this.handle(event, now);
    return this.drained();
  }

  /**
   * Tells the box how late it is. It may sleep when it is `ready`, no gesture being in progress, and `shown`, no LED
   * pattern running, or nobody needs to see it.
   */
  tick(now: number, ready: boolean, shown: boolean): readonly Effect[] {
    this.pass(now, ready && (shown || (this.settings?.quiet === true && !this.mustShow)));
    return this.drained();
  }

  // --- Events -------------------------------------------------------------------------------------------------------

  private handle(event: BoxEvent, now: number): void {
    switch (event.type) {
      case 1: // booted
        this.boot(event.cause, event.course, now);
        return;
      case 2: // button
        this.button(event.event, now);
        return;
      case 3: // stored
        this.pending = event.pending;
        this.stored(event.sequence, now);
        return;
      case 4: // not-stored
        // The LED must not show "stored", and whoever pressed must see that nothing was.
        this.say("not-stored", event.why);
        this.show(LedPattern.REFUSED);
        if (this.state === 0 /* starting */) this.join(now);
        else this.insist(now);
        return;
      case 5: // not-saved
        this.endTrial(`in use until the next restart, not saved: ${event.why}`);
        return;
      case 6: // associated
        if (this.state !== 1 /* joining */) return;
        this.associated = true;
        this.tellSetup("trying", "address", "");
        return;
      case 7: // joined
        if (this.state !== 1 /* joining */) return;
        this.joined = true;
        this.say("joined", event.address);
        this.connect(now);
        return;
      case 8: // join-failed
        this.onJoinFailed(event.why, now);
        return;
      case 9: // wifi-lost
        this.onWiFiLost(now);
        return;
      case 10: // opened
        if (this.state !== 2 /* connecting */) return;
        // The cache was right; from here on the broker has the usual time.
        this.until = (now + BoxTimes.connect) | 0;
        if (this.detail === 0 /* not clean */) this.ask({ do: 10 /* deliver */ });
        return;
      case 11: // unreachable
        if (this.state === 2 /* connecting */) this.fail(event.why, event.step, now);
        return;
      case 12: // connected
        this.onConnected(event.sessionPresent, now);
        return;
      case 13: // received
        this.say("received", `${this.chipId}-${event.sequence}`);
        // With the last alert's PUBREL: the battery pays per round trip. What is retained there waits for PUBCOMP.
        if (this.pending === 1 && this.isBattery()) this.subscribe();
        return;
      case 14: // delivered
        this.onDelivered(event.sequence, now);
        return;
      case 15: // subscribed
        if (event.refused) {
          this.complain("commands-refused", "the broker does not let this box subscribe to its commands");
        }
        this.heard = true;
        if (this.state === 3 /* online */ && this.detail === 1 /* subscribing */) this.listen(now);
        return;
      case 17: // command
        this.onCommand(
          event.name,
          event.text === undefined
            ? { kind: "invalid", why: `cmd/${event.name}: ${event.why}` }
            : parseCommand(event.name, event.text, this.scanner),
          now,
        );
        return;
      case 16: // acknowledged
        this.ask({ do: 11 /* announce-waiting */ });
        if (this.pending > 0) this.ask({ do: 10 /* deliver */ });
        return;
      case 18: // flushed
        if (this.state === 3 /* online */ && this.detail === 3 /* leaving */) this.disconnect(0 /* sleep */, now);
        return;
      case 21: // down
        this.onDown(event.down, now);
        return;
      case 19: // try
        this.tryOut(event.settings, now);
        return;
      case 22: // go-on
        this.consider(now);
        return;
      case 20: // more-time
        if (this.state !== 7 /* setup */ || this.detail === 2 /* done */) return;
        this.setupUntil = (now + BoxTimes.setup) | 0;
        this.until = this.setupUntil;
        return;
    }
  }

  private boot(cause: WakeCause, course: Course, now: number): void {
    if (this.state !== 0 /* starting */) return;
    this.say("boot", cause);
    const settings = this.settings;
    if (course === "erase") {
      this.say("factory-reset", "ten quick presses");
      this.ask({ do: 28 /* factory-reset */ });
      this.restart();
      return;
    }
    if (settings === undefined || course !== "normal") {
      if (course !== "normal") this.say(course, course === "safe" ? "three bad boots" : "five quick presses");
      this.openSetup(course === "safe" ? 1 : 0, now);
      return;
    }
    if (settings.mode === "battery") this.capAt = (now + BoxTimes.awake) | 0;
    // The press goes into the journal before anything else happens; `stored` then starts the radio.
    if (cause === "press") this.ask({ do: 1 /* store */, event: AlertEvent.PRESS });
    else this.join(now);
  }

  private button(event: ButtonEvent, now: number): void {
    switch (event) {
      case "down":
        this.buttonBusy = true;
        return;
      case "held-long":
        return;
      case "held-setup":
        this.show(LedPattern.COUNTDOWN);
        return;
      case "released":
        this.buttonBusy = false;
        if (this.state === 8 /* resetting */) this.restart();
        else this.rest(this.base);
        return;
      case "setup":
        this.buttonBusy = false;
        this.leaveFor(3 /* setup */, now);
        return;
      case "reset":
        this.say("factory-reset", "settings and stored alerts erased");
        this.ask({ do: 19 /* abort */ });
        this.ask({ do: 28 /* factory-reset */ });
        // FLASH held low while the chip restarts would start its boot loader instead: it restarts when the button is
        // let go.
        this.become(8 /* resetting */, (now + BoxTimes.reset) | 0, 0);
        return;
      default:
        this.buttonBusy = false;
        // A button that also pulls RST has been counted at boot: every press of it is a reset.
        if (this.settings?.wiring !== "gpio") return;
        this.ask({
          do: 1 /* store */,
          event: event === "double" ? AlertEvent.DOUBLE : event === "long" ? AlertEvent.LONG : AlertEvent.PRESS,
        });
    }
  }

  private stored(sequence: number, now: number): void {
    this.say("stored", `${this.chipId}-${sequence}`);
    this.rest(LedPattern.STORED);
    switch (this.state) {
      case 0: // starting
        this.join(now);
        return;
      case 3: // online
        if (this.detail === 3 /* leaving */) return;
        this.detail = 0 /* delivering */;
        this.until = undefined;
        this.ask({ do: 10 /* deliver */ });
        return;
      case 2: // connecting
        if (this.detail === 0 /* not clean */) this.ask({ do: 10 /* deliver */ });
        this.rest(LedPattern.CONNECTING);
        return;
      case 1: // joining
        this.rest(LedPattern.JOINING);
        return;
      case 9: // resting
        this.capAt = (now + BoxTimes.awake) | 0;
        this.join(now);
        return;
      default:
        // closing, setup, resetting, asleep: the journal keeps it for the next connection. waiting, refused:
        this.insist(now);
    }
  }

  /** Somebody has pressed: one attempt at once where the box waits, with a full journal too, or it would stay full. */
  private insist(now: number): void {
    if (this.state !== 5 /* waiting */ && this.state !== 6 /* refused */) return;
    this.forgive();
    this.resume(now);
  }

  private onJoinFailed(why: string, now: number): void {
    if (this.state !== 1 /* joining */) return;
    const step = this.associated ? "address" : "wifi";
    if (this.fast || this.trial?.fromSetup) {
      this.fail(why, step, now);
      return;
    }
    const networks = this.inUse.wifi.length;
    this.network = (this.network + 1) % networks;
    if (this.network !== 0) {
      this.complain("join-failed", why);
      this.join(now);
      return;
    }
    this.ask({ do: 5 /* leave */ });
    this.fail(`no Wi-Fi: ${why}`, step, now);
  }

  private onWiFiLost(now: number): void {
    if (!this.joined) return;
    this.joined = false;
    switch (this.state) {
      case 2: // connecting
      case 3: // online
        this.ask({ do: 19 /* abort */ });
        this.fail("Wi-Fi lost", "wifi", now);
        return;
      case 4: // closing
        this.ask({ do: 19 /* abort */ });
        this.closed(this.detail as After, now);
        return;
      default:
        return;
    }
  }

  private onConnected(sessionPresent: boolean, now: number): void {
    if (this.state !== 2 /* connecting */) return;
    this.forgive();
    this.hopeless = false;
    this.retry.connected(now);
    const clean = this.detail === 1;
    const fromSetup = this.trial?.fromSetup === true;
    if (this.trial !== undefined) this.adopt(this.trial);
    if (this.isBattery()) this.ask({ do: 8 /* keep-cache */, network: this.network });
    this.cached = true;
    this.fast = false;
    if (clean) {
      // Only now does the broker hold nothing of an earlier life; the next connection opens the lasting session.
      this.say("connected", "clean session");
      this.needsCleanSession = false;
      this.ask({ do: 23 /* session-cleaned */ });
    }
    if (clean || fromSetup) {
      this.disconnect(fromSetup ? 4 /* done */ : 1 /* connect */, now);
      return;
    }
    this.say("connected", sessionPresent ? "session present" : "new session");
    this.announced = false;
    this.asked = false;
    this.heard = false;
    this.become(3 /* online */, undefined, 0 /* delivering */);
    this.rest(this.pending > 0 ? LedPattern.STORED : this.resting());
    if (this.pending === 0) this.settle(now);
    else this.ask({ do: 10 /* deliver */ });
  }

  private onDelivered(sequence: number, now: number): void {
    if (this.pending > 0) this.pending -= 1;
    this.say("delivered", `${this.chipId}-${sequence}`);
    this.show(LedPattern.SENT);
    if (this.state !== 3 /* online */ || this.detail === 3 /* leaving */) return;
    if (this.pending > 0) {
      this.ask({ do: 10 /* deliver */ });
      return;
    }
    this.ask({ do: 25 /* remember */, attempt: 0 });
    this.rest(this.resting());
    this.settle(now);
  }

  /** Everything is delivered: tell the world, then listen for commands, beginning with the one that has waited. */
  private settle(now: number): void {
    if (!this.announced) {
      this.ask({ do: 12 /* announce */, presence: "online" });
      const root = this.answered;
      if (root !== "") this.ask({ do: 16 /* clear */, root, name: "config" });
      this.answered = "";
    }
    this.announced = true;
    this.ask({ do: 13 /* state */, config: this.result });
    this.subscribe();
    this.detail = 1 /* subscribing */;
    this.until = undefined;
    if (this.heard) this.listen(now);
    const { changes } = this;
    this.changes = undefined;
    if (changes !== undefined) this.configure(changes);
  }

  /** Once in a connection. */
  private subscribe(): void {
    if (this.asked) return;
    this.asked = true;
    // Retained commands come again with each SUBSCRIBE, also into a session that is present. A sleeper asks for QoS 0:
    // the retained copy is then the only one, and no queue of outdated commands waits for it.
    this.ask({ do: 15 /* subscribe */, qos: this.isBattery() ? 0 : 1 });
  }

  private listen(now: number): void {
    this.detail = 2 /* listening */;
    this.until = undefined;
    if (!this.isBattery()) return;
    const end = (now + BoxTimes.window) | 0;
    const stay = this.stayUntil;
    this.until = stay !== undefined && ((stay - end) | 0) > 0 ? stay : end;
  }

  // --- Commands -----------------------------------------------------------------------------------------------------

  private onCommand(name: string, command: Command, now: number): void {
    if (this.state !== 3 /* online */ || this.detail === 3 /* leaving */) return;
    const settings = this.inUse;
    switch (command.kind) {
      case "cleared":
        return;
      case "invalid":
        this.say("command-invalid", command.why);
        // Otherwise the same complaint would come again with every connection.
        this.ask({ do: 16 /* clear */, root: settings.root, name });
        break;
      case "led":
        this.light = command.on === "toggle" ? !this.light : command.on;
        this.say("command", this.light ? "led on" : "led off");
        if (this.pending === 0) this.rest(this.resting());
        this.ask({ do: 14 /* light */, on: this.light });
        this.ask({ do: 16 /* clear */, root: settings.root, name: "led" });
        break;
      case "stay":
        this.say("command", `stay ${command.seconds} s`);
        if (this.isBattery()) {
          // The usual time to end what goes on then.
          this.stayUntil = (now + command.seconds * 1000) | 0;
          this.capAt = (this.stayUntil + BoxTimes.awake) | 0;
        }
        this.ask({ do: 16 /* clear */, root: settings.root, name: "stay" });
        break;
      case "config":
        this.considered = command.reader;
        this.changes = undefined;
        this.ask({ do: 32 /* go-on */ });
        break;
    }
    if (this.detail === 2 /* listening */) this.listen(now);
  }

  /** The next step of reading or judging a `cmd/config`. */
  private consider(now: number): void {
    const { considered } = this;
    // The window for commands stays open as long as one is being considered.
    if (this.state === 3 /* online */ && this.detail === 2 /* listening */) this.listen(now);
    if (considered instanceof SettingsDraft) {
      const candidate = considered.step();
      if (candidate === undefined) this.ask({ do: 32 /* go-on */ });
      else {
        this.considered = undefined;
        this.decide(considered.origin, candidate, now);
      }
    } else if (considered !== undefined) {
      const changes = readConfig(considered);
      if (changes === undefined) this.ask({ do: 32 /* go-on */ });
      else if (typeof changes !== "string") this.configure(changes);
      else {
        this.considered = undefined;
        this.say("command-invalid", changes);
        this.ask({ do: 16 /* clear */, root: this.inUse.root, name: "config" });
      }
    }
  }

  /** Has changes judged. */
  private configure(changes: object): void {
    this.considered = new SettingsDraft(changes, this.chipId, this.scanner, this.inUse);
    this.ask({ do: 32 /* go-on */ });
  }

  private decide(changes: object, candidate: Settings | string, now: number): void {
    const isOnline = this.state === 3 && this.detail !== 3; /* leaving */
    if (this.pending > 0 || !isOnline) {
      // What one broker has received and not released would be lost at another.
      this.changes = changes;
      return;
    }
    const current = this.inUse;
    const unchanged = typeof candidate !== "string" && equalSettings(candidate, current);
    if (typeof candidate === "string" || unchanged) {
      this.endTrial(unchanged ? "unchanged" : `rejected: ${candidate}`);
      this.ask({ do: 16 /* clear */, root: current.root, name: "config" });
      this.ask({ do: 13 /* state */, config: this.result });
      if (this.detail === 2 /* listening */) this.listen(now);
      return;
    }
    this.beginTrial(current, false, false, now);
    if (this.capAt !== undefined) this.capAt = (now + BoxTimes.trial + BoxTimes.awake) | 0;
    this.settings = candidate;
    this.disconnect(2 /* trial */, now);
  }

  /** A person at the setup page wants to see these work. */
  private tryOut(settings: Settings, now: number): void {
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
  private adopt(trial: Trial): void {
    const settings = this.inUse;
    // Written before the settings: a power cut between the two costs one clean connection, the other order an alert.
    if (isOtherBroker(trial.before, settings)) this.ask({ do: 22 /* require-clean-session */ });
    this.ask({ do: 21 /* save */, settings });
    this.tellSetup("done", "", "");
    this.endTrial("applied");
    if (settings.mode === "mains") this.capAt = undefined;
  }

  /** The trial failed: back to the settings that worked. */
  private revert(trial: Trial, why: string, step: TrialStep, now: number): void {
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
      this.rest(LedPattern.SETUP);
      this.become(7 /* setup */, this.setupUntil, 0 /* open */);
      return;
    }
    if (this.capAt !== undefined) this.capAt = (now + BoxTimes.awake) | 0;
    this.join(now);
  }

  /** Says it on the setup page, when that is where the trial began. */
  private tellSetup(phase: TrialPhase, step: TrialStep, detail: string): void {
    if (this.trial?.fromSetup) this.ask({ do: 27 /* tell-setup */, phase, step, detail });
  }

  private endTrial(result: string): void {
    if (this.trial?.fromSetup === false) this.answered = this.trial.before?.root ?? "";
    this.trial = undefined;
    this.result = result;
    this.say("config", result);
  }

  // --- Connections --------------------------------------------------------------------------------------------------

  private join(now: number): void {
    this.joined = false;
    this.associated = false;
    // A mains box stays for days: it follows its access points and renews its address.
    this.fast = this.cached && this.isBattery() && this.trial === undefined;
    this.become(1 /* joining */, (now + (this.fast ? BoxTimes.fast : BoxTimes.join)) | 0, 0);
    this.rest(LedPattern.JOINING);
    this.say("joining", (this.inUse.wifi[this.network] as WiFiNetwork).ssid);
    // The SDK keeps what does not change from boot to boot: a sleeper's BSSID, and where a mains box belongs.
    const keep = this.trial === undefined && (this.fast || !this.isBattery());
    this.ask({ do: 4 /* join */, network: this.network, fast: this.fast, keep });
  }

  private connect(now: number): void {
    const clean = this.needsCleanSession;
    const fast = this.fast;
    // The cache has one limit for all of it.
    const until = fast && this.state === 1 /* joining */ ? this.until : (now + BoxTimes.connect) | 0;
    this.become(2 /* connecting */, until, clean ? 1 : 0);
    this.tellSetup("trying", "name", "");
    this.rest(LedPattern.CONNECTING);
    this.say("connecting", `${this.inUse.host}:${this.inUse.port}`);
    this.ask({ do: 7 /* open */, clean, fast });
  }

  private resume(now: number): void {
    if (this.joined) this.connect(now);
    else this.join(now);
  }

  /** An attempt to reach the broker has failed: revert a trial, else wait and try again. */
  private fail(why: string, step: TrialStep, now: number): void {
    if (this.trial !== undefined) {
      this.revert(this.trial, why, step, now);
      return;
    }
    if (this.fast && this.joined && why === "connection refused") {
      // Somebody answers, so the network is as it was; the broker's name may lead elsewhere.
      this.say("cache", why);
      this.fast = false;
      this.connect(now);
      return;
    }
    if (this.fast) {
      // Moved access point, address given to another, broker elsewhere: all of it is found anew, in the same wake.
      this.say("cache", why);
      this.ask({ do: 9 /* forget-cache */ });
      this.cached = false;
      this.network = 0;
      this.join(now);
      return;
    }
    this.failures += 1;
    this.complain("failed", why);
    this.retry.disconnected(now);
    this.rest(LedPattern.OFF);
    if (this.pending > 0 && !this.isBattery()) this.show(LedPattern.NOT_SENT);
    if (this.isBattery() && (this.cached || !this.joined)) {
      // A radio that waits draws as much as one that works, and joining again is quick or has to search anyway.
      this.joined = false;
      this.ask({ do: 6 /* radio-off */ });
    }
    if (!this.isBattery() && this.failures % 3 === 0 && step !== "login" && why !== "connection refused") {
      // A router that has forgotten its leases may have given the address to another: only joining asks for a new one.
      this.joined = false;
      this.ask({ do: 5 /* leave */ });
    }
    const delay = this.retry.next(this.random());
    this.become(5 /* waiting */, (now + delay) | 0, 0);
  }

  private onDown(down: Down, now: number): void {
    switch (this.state) {
      case 2: {
        // connecting
        const why = refusal(down.code, this.inUse.user !== "");
        if (down.reason === "refused" && why !== "") {
          this.refuse(why, now);
          return;
        }
        if (down.pipelined) {
          this.say("plain-order", "the broker closed on packets before CONNACK");
          this.ask({ do: 24 /* plain-order */ });
          this.connect(now);
          return;
        }
        if (down.reason === "refused") this.fail("refused: server unavailable", "login", now);
        else this.fail(`broker: ${down.detail}`, "broker", now);
        return;
      }
      case 3: // online
        if (this.detail === 3 /* leaving */) {
          this.goToRest(now);
          return;
        }
        this.fail(`connection ${down.reason}: ${down.detail}`, "broker", now);
        return;
      case 4: // closing
        this.closed(this.detail as After, now);
        return;
      default:
        // joining, waiting, refused, setup, resting, asleep: a connection that was given up reports its end.
        return;
    }
  }

  private refuse(why: string, now: number): void {
    if (this.trial !== undefined) {
      this.revert(this.trial, why, "login", now);
      return;
    }
    if (this.fast) {
      // Another broker may have got the cached address.
      this.fail(why, "login", now);
      return;
    }
    this.hopeless = true;
    this.failures += 1;
    this.complain("failed", why);
    this.rest(LedPattern.REFUSED);
    if (this.isBattery()) {
      this.goToRest(now);
      return;
    }
    if (this.pending > 0) this.show(LedPattern.NOT_SENT);
    this.become(6 /* refused */, undefined, 0);
  }

  private disconnect(after: After, now: number): void {
    this.become(4 /* closing */, (now + BoxTimes.closing) | 0, after);
    this.ask({ do: 18 /* disconnect */ });
  }

  private closed(after: After, now: number): void {
    switch (after) {
      case 0: // sleep
        this.goToRest(now);
        return;
      case 1: // connect
        this.resume(now);
        return;
      case 3: // setup
        this.openSetup(0 /* open */, now);
        return;
      case 4: // done
        this.setupUntil = (now + BoxTimes.done) | 0;
        this.rest(LedPattern.SETUP);
        this.become(7 /* setup */, this.setupUntil, 2 /* done */);
        return;
      case 2: // trial
        this.useForTrial(this.inUse, this.trial as Trial);
        this.ask({ do: 5 /* leave */ });
        this.join(now);
    }
  }

  /** Ends what is going on, gracefully where a connection stands, and then does `after`. */
  private leaveFor(after: After, now: number): void {
    switch (this.state) {
      case 3: // online
        this.disconnect(after, now);
        return;
      case 2: // connecting
        this.ask({ do: 19 /* abort */ });
        break;
      case 7: // setup
        return;
      default:
        break;
    }
    this.closed(after, now);
  }

  private openSetup(kind: 0 | 1, now: number): void {
    this.setupUntil = (now + BoxTimes.setup) | 0;
    this.become(7 /* setup */, this.setupUntil, kind);
    this.joined = false;
    this.rest(kind === 1 /* safe */ ? LedPattern.SAFE : LedPattern.SETUP);
    this.ask({ do: 26 /* open-setup */ });
    this.say("setup", "access point open");
  }

  private closeSetup(now: number): void {
    const isDone = this.detail === 2;
    this.say("setup", isDone ? "closed" : "closed after 120 s");
    const battery = this.isBattery();
    // Everything begins anew after it: new settings from their start, after bad boots a new chance, a sleeper's alerts.
    const goesOn = this.settings !== undefined && (!battery || (this.detail === 0 /* open */ && this.pending > 0));
    if (isDone || goesOn) this.restart();
    else this.goToRest(now);
  }

  // --- Time ---------------------------------------------------------------------------------------------------------

  private pass(now: number, maySleep: boolean): void {
    if (this.trial !== undefined && isDue(this.trial.until, now)) {
      this.ask({ do: 19 /* abort */ });
      this.revert(this.trial, "no connection in time", this.joined ? "broker" : "wifi", now);
      return;
    }
    if (this.isUnderCap() && isDue(this.capAt, now)) {
      this.giveUp(now);
      return;
    }
    if (this.state === 9 /* resting */ && maySleep) {
      this.sleep(now);
      return;
    }
    if (!isDue(this.until, now)) return;
    switch (this.state) {
      case 1: // joining
        this.onJoinFailed(this.associated ? "no address from the router" : "no answer in time", now);
        return;
      case 2: // connecting
        this.ask({ do: 19 /* abort */ });
        this.fail("broker: no answer in time", "broker", now);
        return;
      case 3: // online
        this.leave(now);
        return;
      case 4: // closing
        this.ask({ do: 19 /* abort */ });
        this.closed(this.detail as After, now);
        return;
      case 5: // waiting
        this.resume(now);
        return;
      case 8: // resetting
        this.restart();
        return;
      case 7: // setup
        this.closeSetup(now);
        return;
      case 9: // resting
        this.sleep(now);
        return;
    }
  }

  /** Battery: the command window is over, or the farewell was not acknowledged in time. */
  private leave(now: number): void {
    if (this.detail === 3 /* leaving */) {
      this.disconnect(0 /* sleep */, now);
      return;
    }
    this.detail = 3 /* leaving */;
    this.until = (now + BoxTimes.farewell) | 0;
    this.ask({ do: 12 /* announce */, presence: "sleeping" });
    this.ask({ do: 17 /* flush */, withinMs: BoxTimes.farewell });
  }

  /** Battery: awake for too long. What is pending stays in the journal. */
  private giveUp(now: number): void {
    this.say("awake-cap", `${BoxTimes.awake / 1000} s`);
    this.capAt = undefined;
    if (this.state === 3 /* online */) {
      this.ask({ do: 12 /* announce */, presence: "sleeping" });
      this.disconnect(0 /* sleep */, now);
      return;
    }
    this.ask({ do: 19 /* abort */ });
    this.goToRest(now);
  }

  /** Shows how it ended, then sleeps. */
  private goToRest(now: number): void {
    this.rest(LedPattern.OFF);
    this.mustShow = this.pending > 0;
    if (this.pending > 0) {
      this.say("not-sent", `${this.pending} stored`);
      this.show(LedPattern.NOT_SENT);
    } else if (this.millivolts < (this.settings?.lowMillivolts ?? 0)) {
      this.mustShow = true;
      this.say("low-battery", `${this.millivolts} mV`);
      this.show(LedPattern.LOW_BATTERY);
    }
    this.joined = false;
    this.ask({ do: 6 /* radio-off */ });
    // A finger that is still down may want the setup or a factory reset: it waits with the radio off.
    this.become(9 /* resting */, (now + (this.buttonBusy ? BoxTimes.held : BoxTimes.rest)) | 0, 0);
  }

  private sleep(now: number): void {
    let ms = 0;
    // Without a timer on RST nothing but a press can wake the box; a refusal that cannot heal waits for a press, too.
    if (this.pending > 0 && this.settings?.wiring === "rst+gpio" && !this.hopeless) {
      this.wake.disconnected(now);
      // At least 10 s after the last attempt, whatever the jitter says.
      ms = 10000 + this.wake.next(this.random());
      this.ask({ do: 25 /* remember */, attempt: this.wake.attempt });
    }
    this.say("sleeping", ms === 0 ? "until the next press" : `${ms} ms`);
    this.become(10 /* asleep */, undefined, 0);
    this.ask({ do: 30 /* sleep */, ms });
  }

  private restart(): void {
    this.become(10 /* asleep */, undefined, 0);
    this.ask({ do: 29 /* restart */ });
  }

  // --- Small parts --------------------------------------------------------------------------------------------------

  /** The settings, for all states but setup and what follows it: without settings no other state is reached. */
  private get inUse(): Settings {
    return this.settings as Settings;
  }

  private isBattery(): boolean {
    return this.settings?.mode === "battery";
  }

  private isUnderCap(): boolean {
    const state = this.state;
    if (this.capAt === undefined) return false;
    // joining, connecting, waiting, and online but for leaving.
    return state === 1 || state === 2 || state === 5 || (state === 3 && this.detail !== 3);
  }

  private become(state: State, until: number | undefined, detail: number): void {
    this.state = state;
    this.until = until;
    this.detail = detail;
  }

  /** LED pattern of a box with nothing to say. */
  private resting(): number {
    return this.light ? LedPattern.ON : LedPattern.OFF;
  }
}

/** Whether the two settings lead to different MQTT sessions: what one broker knows of packet ids the other does not. */
function isOtherBroker(a: Settings | undefined, b: Settings): boolean {
  return a === undefined || a.host !== b.host || a.port !== b.port;
}
