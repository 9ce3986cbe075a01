// The box: what happens between a press and sleep. Pure: events and instants in, effects out; it owns no pin, no socket
// and no flash. main.ts performs the effects in the order given, and tells the box what came of them.

import { Awake } from "./awake.js";
import type { ButtonEvent } from "./button.js";
import { type Command, parseCommand } from "./command.js";
import type { BoxEvent, Down, Effect, TrialPhase, TrialStep, WakeCause } from "./effect.js";
import { AlertEvent } from "./journal.js";
import { LedPattern } from "./led.js";
import type { Course } from "./recovery.js";
import { refusal } from "./refusal.js";
import { equalSettings, mergeSettings, type Settings, type WiFiNetwork } from "./settings.js";
import { type After, ASLEEP, BoxTimes, earlier, isDue, type Online, REFUSED, STARTING, type State } from "./state.js";
import { Trial } from "./trial.js";
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
}

export class Box {
  private readonly _options: BoxOptions;
  private _settings: Settings | undefined;
  private _state: State = STARTING;
  private readonly _wishes = new Wishes();
  private readonly _awake = new Awake();
  private _pending: number;
  private _failures = 0;
  private _needsCleanSession: boolean;
  private _joined = false;
  /** The network has let the box in, on the way to an address. */
  private _associated = false;
  /** The attempt that runs goes where the cache leads. */
  private _fast = false;
  private _cached: boolean;
  /** Index into settings.wifi of the network to try next. */
  private _network = 0;
  /** LED as commanded from afar. */
  private _light = false;
  private _announced = false;
  /** SUBSCRIBE has left in this connection, and what SUBACK said has come. */
  private _asked = false;
  private _heard = false;
  /** A command that waits for the alerts to be delivered. */
  private _changes: unknown;
  /** The LED shows something that a person must see before sleep. */
  private _mustShow = false;
  private _setupUntil = 0;
  private _buttonBusy = false;
  private readonly _trial = new Trial();
  /** The broker refused for a reason that no retry can heal. */
  private _hopeless = false;

  constructor(options: BoxOptions) {
    this._options = options;
    this._settings = options.settings;
    this._pending = options.pending;
    this._needsCleanSession = options.needsCleanSession;
    this._cached = options.cachedNetwork >= 0;
    if (this._cached) this._network = options.cachedNetwork;
  }

  /** The state's name, for the log and for tests. */
  get state(): string {
    return this._state.name;
  }

  get pending(): number {
    return this._pending;
  }

  /** Attempts to reach the broker that have failed in this boot. */
  get failures(): number {
    return this._failures;
  }

  /** The settings in use; during a trial the ones being tried. */
  get settings(): Settings | undefined {
    return this._settings;
  }

  /** When the setup closes. */
  get setupUntil(): number {
    return this._setupUntil;
  }

  /** When `tick` is due, or undefined when only an event can change anything. */
  deadline(): number | undefined {
    const state = this._state;
    let at = "until" in state ? state.until : undefined;
    if (this._isUnderCap(state)) at = earlier(at, this._awake.capAt);
    return earlier(at, this._trial.until);
  }

  /** Tells the box what happened; returns what it asks for, in order. */
  step(event: BoxEvent, now: number): readonly Effect[] {
    this._handle(event, now);
    return this._wishes.drained();
  }

  /**
   * Tells the box how late it is. It may sleep when it is `ready`, no gesture being in progress, and `shown`, no LED
   * pattern running.
   */
  tick(now: number, ready: boolean, shown: boolean): readonly Effect[] {
    this._pass(now, ready && (shown || this._isQuiet()));
    return this._wishes.drained();
  }

  // --- Events -------------------------------------------------------------------------------------------------------

  private _handle(event: BoxEvent, now: number): void {
    switch (event.type) {
      case "booted":
        this._boot(event.cause, event.course, now);
        return;
      case "button":
        this._button(event.event, now);
        return;
      case "stored":
        this._stored(event.sequence, now);
        return;
      case "not-stored":
        // The LED must not show "stored", and whoever pressed must see that nothing was.
        this._wishes.say("not-stored", event.why);
        this._wishes.show(LedPattern.REFUSED);
        if (this._state.name === "starting") this._join(now);
        return;
      case "not-saved":
        this._endTrial(`in use until the next restart, not saved: ${event.why}`);
        return;
      case "associated":
        if (this._state.name !== "joining") return;
        this._associated = true;
        this._tellSetup("trying", "address", "");
        return;
      case "joined":
        this._onJoined(event.address, now);
        return;
      case "join-failed":
        this._onJoinFailed(event.why, now);
        return;
      case "wifi-lost":
        this._onWiFiLost(now);
        return;
      case "opened":
        this._onOpened(now);
        return;
      case "unreachable":
        if (this._state.name === "connecting") this._fail(event.why, event.step, now);
        return;
      case "connected":
        this._onConnected(event.sessionPresent, now);
        return;
      case "received":
        this._wishes.say("received", `${this._options.chipId}-${event.sequence}`);
        // With the last alert's PUBREL: the battery pays per round trip. What is retained there waits for PUBCOMP.
        if (this._pending === 1 && this._isBattery()) this._subscribe();
        return;
      case "delivered":
        this._onDelivered(event.sequence, now);
        return;
      case "subscribed":
        this._onSubscribed(event.refused, now);
        return;
      case "command":
        this._onCommand(
          event.name,
          event.text === undefined
            ? { kind: "invalid", why: `cmd/${event.name}: ${event.why}` }
            : parseCommand(event.name, event.text),
          now,
        );
        return;
      case "acknowledged":
        this._wishes.do({ do: "announce-waiting" });
        if (this._pending > 0) this._wishes.do({ do: "deliver" });
        return;
      case "flushed":
        if (this._state.name === "online" && this._state.phase === "leaving") this._disconnect("sleep", now);
        return;
      case "down":
        this._onDown(event.down, now);
        return;
      case "try":
        this._try(event.settings, now);
        return;
      case "more-time":
        if (this._state.name !== "setup" || this._state.kind === "done") return;
        this._setupUntil = (now + BoxTimes.setup) | 0;
        this._state.until = this._setupUntil;
        return;
    }
  }

  private _boot(cause: WakeCause, course: Course, now: number): void {
    if (this._state.name !== "starting") return;
    this._wishes.say("boot", cause);
    const settings = this._settings;
    if (course === "erase") {
      this._wishes.say("factory-reset", "ten quick presses");
      this._wishes.do({ do: "factory-reset" });
      this._restart();
      return;
    }
    if (settings === undefined || course !== "normal") {
      if (course !== "normal") this._wishes.say(course, course === "safe" ? "three bad boots" : "five quick presses");
      this._openSetup(course === "safe" ? "safe" : "open", now);
      return;
    }
    if (settings.mode === "battery") this._awake.begin(now, 0);
    // The press goes into the journal before anything else happens; `stored` then starts the radio.
    if (cause === "press") this._wishes.do({ do: "store", event: AlertEvent.PRESS });
    else this._join(now);
  }

  private _button(event: ButtonEvent, now: number): void {
    switch (event) {
      case "down":
        this._buttonBusy = true;
        return;
      case "held-long":
        return;
      case "held-setup":
        this._wishes.show(LedPattern.COUNTDOWN);
        return;
      case "released":
        this._buttonBusy = false;
        if (this._state.name === "resetting") this._restart();
        else this._wishes.rest(this._wishes.base);
        return;
      case "setup":
        this._buttonBusy = false;
        this._leaveFor("setup", now);
        return;
      case "reset":
        this._wishes.say("factory-reset", "settings and stored alerts erased");
        this._wishes.do({ do: "abort" });
        this._wishes.do({ do: "factory-reset" });
        // FLASH held low while the chip restarts would start its boot loader instead: it restarts when the button is
        // let go.
        this._state = { name: "resetting", until: (now + BoxTimes.reset) | 0 };
        return;
      default:
        this._buttonBusy = false;
        // A button that also pulls RST has been counted at boot: every press of it is a reset.
        if (this._settings?.wiring !== "gpio") return;
        this._wishes.do({ do: "store", event: alertOf(event) });
    }
  }

  private _stored(sequence: number, now: number): void {
    this._pending += 1;
    this._wishes.say("stored", `${this._options.chipId}-${sequence}`);
    this._wishes.rest(LedPattern.STORED);
    switch (this._state.name) {
      case "starting":
        this._join(now);
        return;
      case "online":
        if (this._state.phase === "leaving") return;
        this._state.phase = "delivering";
        this._state.until = undefined;
        this._wishes.do({ do: "deliver" });
        return;
      case "connecting":
        if (!this._state.clean) this._wishes.do({ do: "deliver" });
        this._wishes.rest(LedPattern.CONNECTING);
        return;
      case "joining":
        this._wishes.rest(LedPattern.JOINING);
        return;
      case "waiting":
      case "refused":
        // Somebody is standing there: one attempt at once.
        this._wishes.forgive();
        this._resume(now);
        return;
      case "resting":
        this._awake.begin(now, 0);
        this._join(now);
        return;
      default:
        // closing, setup, resetting, asleep: the journal keeps it for the next connection.
        return;
    }
  }

  private _onJoined(address: string, now: number): void {
    if (this._state.name !== "joining") return;
    this._joined = true;
    this._wishes.say("joined", address);
    this._connect(now);
  }

  private _onOpened(now: number): void {
    const state = this._state;
    if (state.name !== "connecting") return;
    // The cache was right; from here on the broker has the usual time.
    state.until = (now + BoxTimes.connect) | 0;
    if (!state.clean) this._wishes.do({ do: "deliver" });
  }

  private _onJoinFailed(why: string, now: number): void {
    if (this._state.name !== "joining") return;
    const step = this._associated ? "address" : "wifi";
    if (this._fast || this._trial.fromSetup) {
      this._fail(why, step, now);
      return;
    }
    const networks = this._inUse.wifi.length;
    this._network = (this._network + 1) % networks;
    if (this._network !== 0) {
      this._wishes.complain("join-failed", why);
      this._join(now);
      return;
    }
    this._wishes.do({ do: "leave" });
    this._fail(`no Wi-Fi: ${why}`, step, now);
  }

  private _onWiFiLost(now: number): void {
    if (!this._joined) return;
    this._joined = false;
    switch (this._state.name) {
      case "connecting":
      case "online":
        this._wishes.do({ do: "abort" });
        this._fail("Wi-Fi lost", "wifi", now);
        return;
      case "closing":
        this._wishes.do({ do: "abort" });
        this._closed(this._state.after, now);
        return;
      default:
        return;
    }
  }

  private _onConnected(sessionPresent: boolean, now: number): void {
    if (this._state.name !== "connecting") return;
    this._wishes.forgive();
    this._hopeless = false;
    this._options.retry.connected(now);
    const { clean } = this._state;
    const fromSetup = this._trial.fromSetup;
    if (this._trial.running) this._adopt();
    if (this._isBattery()) this._wishes.do({ do: "keep-cache", network: this._network });
    this._cached = true;
    this._fast = false;
    if (clean) {
      // Only now does the broker hold nothing of an earlier life; the next connection opens the lasting session.
      this._wishes.say("connected", "clean session");
      this._needsCleanSession = false;
      this._wishes.do({ do: "session-cleaned" });
    }
    if (clean || fromSetup) {
      this._disconnect(fromSetup ? "done" : "connect", now);
      return;
    }
    this._wishes.say("connected", sessionPresent ? "session present" : "new session");
    this._announced = false;
    this._asked = false;
    this._heard = false;
    const online: Online = { name: "online", phase: "delivering", until: undefined };
    this._state = online;
    this._wishes.rest(this._pending > 0 ? LedPattern.STORED : this._resting());
    if (this._pending === 0) this._settle(online, now);
    else this._wishes.do({ do: "deliver" });
  }

  private _onDelivered(sequence: number, now: number): void {
    if (this._pending > 0) this._pending -= 1;
    this._wishes.say("delivered", `${this._options.chipId}-${sequence}`);
    this._wishes.show(LedPattern.SENT);
    if (this._state.name !== "online" || this._state.phase === "leaving") return;
    if (this._pending > 0) {
      this._wishes.do({ do: "deliver" });
      return;
    }
    this._wishes.do({ do: "remember", attempt: 0 });
    this._wishes.rest(this._resting());
    this._settle(this._state, now);
  }

  /** Everything is delivered: tell the world, then listen for commands. */
  private _settle(online: Online, now: number): void {
    if (this._announced) {
      this._wishes.do({ do: "state", config: this._trial.result });
      this._listen(online, now);
      return;
    }
    this._announced = true;
    if (this._changes !== undefined) {
      const changes = this._changes;
      this._changes = undefined;
      this._configure(online, changes, now);
      return;
    }
    this._wishes.do({ do: "announce", presence: "online" });
    const answered = this._trial.takeAnswered();
    if (answered !== "") this._wishes.do({ do: "clear", root: answered, name: "config" });
    this._wishes.do({ do: "state", config: this._trial.result });
    this._subscribe();
    online.phase = "subscribing";
    online.until = undefined;
    if (this._heard) this._listen(online, now);
  }

  /** Once in a connection. */
  private _subscribe(): void {
    if (this._asked) return;
    this._asked = true;
    // Retained commands come again with each SUBSCRIBE, also into a session that is present. A sleeper asks for QoS 0:
    // the retained copy is then the only one, and no queue of outdated commands waits for it.
    this._wishes.do({ do: "subscribe", qos: this._isBattery() ? 0 : 1 });
  }

  private _onSubscribed(refused: boolean, now: number): void {
    if (refused)
      this._wishes.complain("commands-refused", "the broker does not let this box subscribe to its commands");
    this._heard = true;
    if (this._state.name === "online" && this._state.phase === "subscribing") this._listen(this._state, now);
  }

  private _listen(online: Online, now: number): void {
    online.phase = "listening";
    online.until = undefined;
    if (!this._isBattery()) return;
    online.until = this._awake.windowEnd(now);
  }

  // --- Commands -----------------------------------------------------------------------------------------------------

  private _onCommand(name: string, command: Command, now: number): void {
    if (this._state.name !== "online" || this._state.phase === "leaving") return;
    const settings = this._inUse;
    switch (command.kind) {
      case "cleared":
        return;
      case "invalid":
        this._wishes.say("command-invalid", command.why);
        // Otherwise the same complaint would come again with every connection.
        this._wishes.do({ do: "clear", root: settings.root, name });
        break;
      case "led":
        this._light = command.on === "toggle" ? !this._light : command.on;
        this._wishes.say("command", this._light ? "led on" : "led off");
        if (this._pending === 0) this._wishes.rest(this._resting());
        this._wishes.do({ do: "light", on: this._light });
        this._wishes.do({ do: "clear", root: settings.root, name: "led" });
        break;
      case "stay":
        this._wishes.say("command", `stay ${command.seconds} s`);
        if (this._isBattery()) this._awake.stay(now, command.seconds);
        this._wishes.do({ do: "clear", root: settings.root, name: "stay" });
        break;
      case "config":
        this._configure(this._state, command.changes, now);
        return;
    }
    if (this._state.phase === "listening") this._listen(this._state, now);
  }

  private _configure(online: Online, changes: unknown, now: number): void {
    if (this._pending > 0) {
      // What one broker has received and not released would be lost at another.
      this._changes = changes;
      return;
    }
    const current = this._inUse;
    const candidate = mergeSettings(current, changes, this._options.chipId);
    const unchanged = typeof candidate !== "string" && equalSettings(candidate, current);
    if (typeof candidate === "string" || unchanged) {
      this._endTrial(unchanged ? "unchanged" : `rejected: ${candidate}`);
      this._wishes.do({ do: "clear", root: current.root, name: "config" });
      this._wishes.do({ do: "state", config: this._trial.result });
      if (online.phase === "listening") this._listen(online, now);
      return;
    }
    this._wishes.say("config", "trying");
    this._trial.begin(current, false, false, now);
    this._awake.extend(now, BoxTimes.trial);
    this._settings = candidate;
    this._disconnect("trial", now);
  }

  /** A person at the setup page wants to see these work. */
  private _try(settings: Settings, now: number): void {
    if (this._state.name !== "setup" || this._state.kind === "done") return;
    this._setupUntil = (now + BoxTimes.setup) | 0;
    this._trial.begin(this._settings, true, this._needsCleanSession, now);
    this._wishes.say("config", "trying");
    this._tellSetup("trying", "wifi", "");
    this._useForTrial(settings);
    this._join(now);
  }

  private _useForTrial(settings: Settings): void {
    const { before } = this._trial;
    this._settings = settings;
    this._wishes.do({ do: "use", settings });
    this._needsCleanSession = this._trial.neededClean || before === undefined || isOtherBroker(before, settings);
    this._network = 0;
    this._cached = false;
  }

  /** The trial's connection stands: the new settings are saved, whoever asked is answered. */
  private _adopt(): void {
    const { before } = this._trial;
    const settings = this._inUse;
    // Written before the settings: a power cut between the two costs one clean connection, the other order an alert.
    if (before === undefined || isOtherBroker(before, settings)) this._wishes.do({ do: "require-clean-session" });
    this._wishes.do({ do: "save", settings });
    this._tellSetup("done", "", "");
    this._endTrial("applied");
    if (settings.mode === "mains") this._awake.lift();
  }

  /** The trial failed: back to the settings that worked. */
  private _revert(why: string, step: TrialStep, now: number): void {
    const { before, fromSetup, neededClean } = this._trial;
    this._tellSetup("failed", step, why);
    this._settings = before;
    this._endTrial(`rejected: ${why}`);
    this._needsCleanSession = neededClean;
    if (before !== undefined) this._wishes.do({ do: "use", settings: before });
    this._network = 0;
    if (fromSetup) {
      this._joined = false;
      this._wishes.do({ do: "leave" });
      this._wishes.rest(LedPattern.SETUP);
      this._state = { name: "setup", kind: "open", until: this._setupUntil };
      return;
    }
    this._awake.extend(now, 0);
    this._join(now);
  }

  /** Says it on the setup page, when that is where the trial began. */
  private _tellSetup(phase: TrialPhase, step: TrialStep, detail: string): void {
    if (this._trial.fromSetup) this._wishes.do({ do: "tell-setup", phase, step, detail });
  }

  private _endTrial(result: string): void {
    this._trial.end(result);
    this._wishes.say("config", result);
  }

  // --- Connections --------------------------------------------------------------------------------------------------

  private _join(now: number): void {
    this._joined = false;
    this._associated = false;
    // A mains box stays for days: it follows its access points and renews its address.
    this._fast = this._cached && this._isBattery() && !this._trial.running;
    const limit = this._fast ? BoxTimes.fast : BoxTimes.join;
    this._state = { name: "joining", until: (now + limit) | 0 };
    this._wishes.rest(LedPattern.JOINING);
    this._wishes.say("joining", (this._inUse.wifi[this._network] as WiFiNetwork).ssid);
    // The SDK keeps what does not change from boot to boot: a sleeper's BSSID, and where a mains box belongs.
    const keep = !this._trial.running && (this._fast || !this._isBattery());
    this._wishes.do({ do: "join", network: this._network, fast: this._fast, keep });
  }

  private _connect(now: number): void {
    const clean = this._needsCleanSession;
    const fast = this._fast;
    // The cache has one limit for all of it.
    const until = fast && this._state.name === "joining" ? this._state.until : (now + BoxTimes.connect) | 0;
    this._state = { name: "connecting", clean, until };
    this._tellSetup("trying", "name", "");
    this._wishes.rest(LedPattern.CONNECTING);
    this._wishes.say("connecting", `${this._inUse.host}:${this._inUse.port}`);
    this._wishes.do({ do: "open", clean, fast });
  }

  private _resume(now: number): void {
    if (this._joined) this._connect(now);
    else this._join(now);
  }

  /** An attempt to reach the broker has failed: revert a trial, else wait and try again. */
  private _fail(why: string, step: TrialStep, now: number): void {
    if (this._trial.running) {
      this._revert(why, step, now);
      return;
    }
    if (this._fast) {
      // Moved access point, address given to another, broker elsewhere: all of it is found anew, in the same wake.
      this._wishes.say("cache", why);
      this._wishes.do({ do: "forget-cache" });
      this._cached = false;
      this._network = 0;
      this._join(now);
      return;
    }
    this._failures += 1;
    this._wishes.complain("failed", why);
    this._options.retry.disconnected(now);
    this._wishes.rest(LedPattern.OFF);
    if (this._pending > 0 && !this._isBattery()) this._wishes.show(LedPattern.NOT_SENT);
    const delay = this._options.retry.next(this._options.random());
    this._state = { name: "waiting", until: (now + delay) | 0 };
  }

  private _onDown(down: Down, now: number): void {
    switch (this._state.name) {
      case "connecting": {
        const why = refusal(down.code, this._inUse.user !== "");
        if (down.reason === "refused" && why !== "") {
          this._refuse(why, now);
          return;
        }
        if (down.pipelined) {
          this._wishes.say("plain-order", "the broker closed on packets before CONNACK");
          this._wishes.do({ do: "plain-order" });
          this._connect(now);
          return;
        }
        if (down.reason === "refused") this._fail("refused: server unavailable", "login", now);
        else this._fail(`broker: ${down.detail}`, "broker", now);
        return;
      }
      case "online":
        if (this._state.phase === "leaving") {
          this._goToRest(now);
          return;
        }
        this._fail(`connection ${down.reason}: ${down.detail}`, "broker", now);
        return;
      case "closing":
        this._closed(this._state.after, now);
        return;
      default:
        // joining, waiting, refused, setup, resting, asleep: a connection that was given up reports its end.
        return;
    }
  }

  private _refuse(why: string, now: number): void {
    if (this._trial.running) {
      this._revert(why, "login", now);
      return;
    }
    if (this._fast) {
      // Another broker may have got the cached address.
      this._fail(why, "login", now);
      return;
    }
    this._hopeless = true;
    this._failures += 1;
    this._wishes.complain("failed", why);
    this._wishes.rest(LedPattern.REFUSED);
    if (this._isBattery()) {
      this._goToRest(now);
      return;
    }
    if (this._pending > 0) this._wishes.show(LedPattern.NOT_SENT);
    this._state = REFUSED;
  }

  private _disconnect(after: After, now: number): void {
    this._state = { name: "closing", after, until: (now + BoxTimes.closing) | 0 };
    this._wishes.do({ do: "disconnect" });
  }

  private _closed(after: After, now: number): void {
    switch (after) {
      case "sleep":
        this._goToRest(now);
        return;
      case "connect":
        this._resume(now);
        return;
      case "setup":
        this._openSetup("open", now);
        return;
      case "done":
        this._setupUntil = (now + BoxTimes.done) | 0;
        this._wishes.rest(LedPattern.SETUP);
        this._state = { name: "setup", kind: "done", until: this._setupUntil };
        return;
      case "trial":
        this._useForTrial(this._inUse);
        this._wishes.do({ do: "leave" });
        this._join(now);
    }
  }

  /** Ends what is going on, gracefully where a connection stands, and then does `after`. */
  private _leaveFor(after: After, now: number): void {
    switch (this._state.name) {
      case "online":
        this._disconnect(after, now);
        return;
      case "connecting":
        this._wishes.do({ do: "abort" });
        break;
      case "setup":
        return;
      default:
        break;
    }
    this._closed(after, now);
  }

  private _openSetup(kind: "open" | "safe", now: number): void {
    this._setupUntil = (now + BoxTimes.setup) | 0;
    this._state = { name: "setup", kind, until: this._setupUntil };
    this._joined = false;
    this._wishes.say("setup", "access point open");
    this._wishes.rest(kind === "safe" ? LedPattern.SAFE : LedPattern.SETUP);
    this._wishes.do({ do: "open-setup" });
  }

  private _closeSetup(kind: "open" | "safe" | "done", now: number): void {
    this._wishes.say("setup", kind === "done" ? "closed" : "closed after 120 s");
    const battery = this._isBattery();
    // Everything begins anew after it: new settings from their start, after bad boots a new chance, a sleeper's alerts.
    const goesOn = this._settings !== undefined && (!battery || (kind === "open" && this._pending > 0));
    if (kind === "done" || goesOn) this._restart();
    else this._goToRest(now);
  }

  // --- Time ---------------------------------------------------------------------------------------------------------

  private _pass(now: number, maySleep: boolean): void {
    if (isDue(this._trial.until, now)) {
      this._wishes.do({ do: "abort" });
      this._revert("no connection in time", this._joined ? "broker" : "wifi", now);
      return;
    }
    if (this._isUnderCap(this._state) && isDue(this._awake.capAt, now)) {
      this._giveUp(now);
      return;
    }
    const state = this._state;
    if (!("until" in state)) return;
    if (state.name === "resting" && maySleep) {
      this._sleep(now);
      return;
    }
    if (!isDue(state.until, now)) return;
    switch (state.name) {
      case "joining":
        this._onJoinFailed(this._associated ? "no address from the router" : "no answer in time", now);
        return;
      case "connecting":
        this._wishes.do({ do: "abort" });
        this._fail("broker: no answer in time", "broker", now);
        return;
      case "online":
        this._leave(state, now);
        return;
      case "closing":
        this._wishes.do({ do: "abort" });
        this._closed(state.after, now);
        return;
      case "waiting":
        this._resume(now);
        return;
      case "resetting":
        this._restart();
        return;
      case "setup":
        this._closeSetup(state.kind, now);
        return;
      case "resting":
        this._sleep(now);
        return;
    }
  }

  /** Battery: the command window is over, or the farewell was not acknowledged in time. */
  private _leave(state: Online, now: number): void {
    if (state.phase === "leaving") {
      this._disconnect("sleep", now);
      return;
    }
    if (this._buttonBusy) {
      state.until = (now + BoxTimes.window) | 0;
      return;
    }
    state.phase = "leaving";
    state.until = (now + BoxTimes.farewell) | 0;
    this._wishes.do({ do: "announce", presence: "sleeping" });
    this._wishes.do({ do: "flush", withinMs: BoxTimes.farewell });
  }

  /** Battery: awake for too long. What is pending stays in the journal. */
  private _giveUp(now: number): void {
    this._wishes.say("awake-cap", `${BoxTimes.awake / 1000} s`);
    this._awake.lift();
    if (this._state.name === "online") {
      this._wishes.do({ do: "announce", presence: "sleeping" });
      this._disconnect("sleep", now);
      return;
    }
    this._wishes.do({ do: "abort" });
    this._goToRest(now);
  }

  /** Shows how it ended, then sleeps. */
  private _goToRest(now: number): void {
    this._wishes.rest(LedPattern.OFF);
    this._mustShow = this._pending > 0;
    if (this._pending > 0) {
      this._wishes.say("not-sent", `${this._pending} stored`);
      this._wishes.show(LedPattern.NOT_SENT);
    } else if (this._options.millivolts < (this._settings?.lowMillivolts ?? 0)) {
      this._mustShow = true;
      this._wishes.say("low-battery", `${this._options.millivolts} mV`);
      this._wishes.show(LedPattern.LOW_BATTERY);
    }
    this._joined = false;
    this._wishes.do({ do: "radio-off" });
    this._state = { name: "resting", until: (now + BoxTimes.rest) | 0 };
  }

  private _sleep(now: number): void {
    let ms = 0;
    // Without a timer on RST nothing but a press can wake the box; a refusal that cannot heal waits for a press, too.
    if (this._pending > 0 && this._settings?.wiring === "rst+gpio" && !this._hopeless) {
      this._options.wake.disconnected(now);
      ms = MIN_SLEEP_MS + this._options.wake.next(this._options.random());
      this._wishes.do({ do: "remember", attempt: this._options.wake.attempt });
    }
    this._wishes.say("sleeping", ms === 0 ? "until the next press" : `${ms} ms`);
    this._state = ASLEEP;
    this._wishes.do({ do: "sleep", ms });
  }

  private _restart(): void {
    this._state = ASLEEP;
    this._wishes.do({ do: "restart" });
  }

  // --- Small parts --------------------------------------------------------------------------------------------------

  /** The settings, for all states but setup and what follows it: without settings no other state is reached. */
  private get _inUse(): Settings {
    return this._settings as Settings;
  }

  /** Nobody needs to see the LED: the radio is off, and so may be the rest. */
  private _isQuiet(): boolean {
    return this._settings?.quiet === true && !this._mustShow;
  }

  private _isBattery(): boolean {
    return this._settings?.mode === "battery";
  }

  private _isUnderCap(state: State): boolean {
    if (this._awake.capAt === undefined) return false;
    switch (state.name) {
      case "joining":
      case "connecting":
      case "waiting":
        return true;
      case "online":
        return state.phase !== "leaving";
      default:
        return false;
    }
  }

  /** LED pattern of a box with nothing to say. */
  private _resting(): number {
    return this._light ? LedPattern.ON : LedPattern.OFF;
  }
}

/** A timer wake follows the last attempt by at least this long, whatever the jitter says. */
const MIN_SLEEP_MS = 10000;

function alertOf(event: "press" | "double" | "long"): number {
  if (event === "double") return AlertEvent.DOUBLE;
  return event === "long" ? AlertEvent.LONG : AlertEvent.PRESS;
}

/** Whether the two settings lead to different MQTT sessions: what one broker knows of packet ids the other does not. */
function isOtherBroker(a: Settings, b: Settings): boolean {
  return a.host !== b.host || a.port !== b.port;
}
