// The box: what happens between a press and sleep. Pure: events and instants in, effects out; it owns no pin, no socket
// and no flash. main.ts performs the effects in the order given, and tells the box what came of them.

import { Awake } from "./awake.js";
import type { ButtonEvent } from "./button.js";
import { type Command, parseCommand } from "./command.js";
import type { BoxEvent, Down, Effect, WakeCause } from "./effect.js";
import { AlertEvent } from "./journal.js";
import { LedPattern } from "./led.js";
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
  /** Index into settings.wifi of the network to try next. */
  private _network = 0;
  /** LED as commanded from afar. */
  private _light = false;
  private _announced = false;
  private _buttonBusy = false;
  private readonly _trial = new Trial();
  /** The broker refused for a reason that no retry can heal. */
  private _hopeless = false;

  constructor(options: BoxOptions) {
    this._options = options;
    this._settings = options.settings;
    this._pending = options.pending;
    this._needsCleanSession = options.needsCleanSession;
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
    return this._wishes.take();
  }

  /** Tells the box how late it is. `idle`: no LED pattern is running and no gesture is in progress, so it may sleep. */
  tick(now: number, idle: boolean): readonly Effect[] {
    this._pass(now, idle);
    return this._wishes.take();
  }

  // --- Events -------------------------------------------------------------------------------------------------------

  private _handle(event: BoxEvent, now: number): void {
    switch (event.type) {
      case "booted":
        this._boot(event.cause, now);
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
        if (this._state.name === "connecting" && !this._state.clean) this._wishes.do({ do: "deliver" });
        return;
      case "unreachable":
        if (this._state.name === "connecting") this._fail(event.why, now);
        return;
      case "connected":
        this._onConnected(event.sessionPresent, now);
        return;
      case "received":
        this._wishes.say("received", `${this._options.chipId}-${event.sequence}`);
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
    }
  }

  private _boot(cause: WakeCause, now: number): void {
    if (this._state.name !== "starting") return;
    this._wishes.say("boot", cause);
    const settings = this._settings;
    if (settings === undefined) {
      this._openSetup(now);
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

  private _onJoinFailed(why: string, now: number): void {
    if (this._state.name !== "joining") return;
    const networks = this._inUse.wifi.length;
    this._network = (this._network + 1) % networks;
    if (this._network !== 0) {
      this._wishes.complain("join-failed", why);
      this._join(now);
      return;
    }
    this._wishes.do({ do: "leave" });
    this._fail(`no Wi-Fi: ${why}`, now);
  }

  private _onWiFiLost(now: number): void {
    if (!this._joined) return;
    this._joined = false;
    switch (this._state.name) {
      case "connecting":
      case "online":
        this._wishes.do({ do: "abort" });
        this._fail("Wi-Fi lost", now);
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
    if (this._trial.running) this._adopt();
    if (this._state.clean) {
      // Only now does the broker hold nothing of an earlier life; the next connection opens the lasting session.
      this._wishes.say("connected", "clean session");
      this._needsCleanSession = false;
      this._wishes.do({ do: "session-cleaned" });
      this._disconnect("connect", now);
      return;
    }
    this._wishes.say("connected", sessionPresent ? "session present" : "new session");
    this._announced = false;
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
    this._wishes.do({ do: "announce", presence: "online" });
    const answered = this._trial.takeAnswered();
    if (answered !== "") this._wishes.do({ do: "clear", root: answered, name: "config" });
    this._wishes.do({ do: "state", config: this._trial.result });
    // Retained commands come again with each SUBSCRIBE, also into a session that is present. A sleeper asks for QoS 0:
    // the retained copy is then the only one, and no queue of outdated commands waits for it.
    this._wishes.do({ do: "subscribe", qos: this._isBattery() ? 0 : 1 });
    online.phase = "subscribing";
    online.until = undefined;
  }

  private _onSubscribed(refused: boolean, now: number): void {
    if (refused)
      this._wishes.complain("commands-refused", "the broker does not let this box subscribe to its commands");
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
    this._trial.begin(current, now);
    this._awake.extend(now, BoxTimes.trial);
    this._settings = candidate;
    this._disconnect("trial", now);
  }

  /** The trial's connection stands: the new settings are saved, the command is answered. */
  private _adopt(): void {
    const { before } = this._trial;
    const settings = this._inUse;
    // Written before the settings: a power cut between the two costs one clean connection, the other order an alert.
    if (isOtherBroker(before, settings)) this._wishes.do({ do: "require-clean-session" });
    this._wishes.do({ do: "save", settings });
    this._endTrial("applied");
    if (settings.mode === "mains") this._awake.lift();
  }

  /** The trial failed: back to the settings that worked. */
  private _revert(why: string, now: number): void {
    const { before } = this._trial;
    this._settings = before;
    this._endTrial(`rejected: ${why}`);
    this._needsCleanSession = false;
    this._wishes.do({ do: "use", settings: before });
    this._network = 0;
    this._awake.extend(now, 0);
    this._join(now);
  }

  private _endTrial(result: string): void {
    this._trial.end(result);
    this._wishes.say("config", result);
  }

  // --- Connections --------------------------------------------------------------------------------------------------

  private _join(now: number): void {
    this._joined = false;
    this._state = { name: "joining", until: (now + BoxTimes.join) | 0 };
    this._wishes.rest(LedPattern.JOINING);
    this._wishes.say("joining", (this._inUse.wifi[this._network] as WiFiNetwork).ssid);
    this._wishes.do({ do: "join", network: this._network });
  }

  private _connect(now: number): void {
    const clean = this._needsCleanSession;
    this._state = { name: "connecting", clean, until: (now + BoxTimes.connect) | 0 };
    this._wishes.rest(LedPattern.CONNECTING);
    this._wishes.say("connecting", `${this._inUse.host}:${this._inUse.port}`);
    this._wishes.do({ do: "open", clean });
  }

  private _resume(now: number): void {
    if (this._joined) this._connect(now);
    else this._join(now);
  }

  /** An attempt to reach the broker has failed: revert a trial, else wait and try again. */
  private _fail(why: string, now: number): void {
    if (this._trial.running) {
      this._revert(why, now);
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
        this._fail(down.reason === "refused" ? `refused: server unavailable` : `broker: ${down.detail}`, now);
        return;
      }
      case "online":
        if (this._state.phase === "leaving") {
          this._goToRest(now);
          return;
        }
        this._fail(`connection ${down.reason}: ${down.detail}`, now);
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
      this._revert(why, now);
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
        this._openSetup(now);
        return;
      case "trial": {
        const settings = this._inUse;
        this._wishes.do({ do: "use", settings });
        this._needsCleanSession = isOtherBroker(this._trial.before, settings);
        this._network = 0;
        this._wishes.do({ do: "leave" });
        this._join(now);
      }
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

  private _openSetup(now: number): void {
    this._state = { name: "setup", until: (now + BoxTimes.setup) | 0 };
    this._joined = false;
    this._wishes.say("setup", "access point open");
    this._wishes.rest(LedPattern.SETUP);
    this._wishes.do({ do: "open-setup" });
  }

  // --- Time ---------------------------------------------------------------------------------------------------------

  private _pass(now: number, idle: boolean): void {
    if (isDue(this._trial.until, now)) {
      this._wishes.do({ do: "abort" });
      this._revert("no connection in time", now);
      return;
    }
    if (this._isUnderCap(this._state) && isDue(this._awake.capAt, now)) {
      this._giveUp(now);
      return;
    }
    const state = this._state;
    if (!("until" in state)) return;
    if (state.name === "resting" && idle) {
      this._sleep(now);
      return;
    }
    if (!isDue(state.until, now)) return;
    switch (state.name) {
      case "joining":
        this._onJoinFailed("no answer in time", now);
        return;
      case "connecting":
        this._wishes.do({ do: "abort" });
        this._fail("broker: no answer in time", now);
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
        this._wishes.say("setup", "closed after 120 s");
        this._wishes.do({ do: "close-setup" });
        if (this._settings !== undefined && !this._isBattery()) this._join(now);
        else this._goToRest(now);
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
    if (this._pending > 0) {
      this._wishes.say("not-sent", `${this._pending} stored`);
      this._wishes.show(LedPattern.NOT_SENT);
    } else if (this._options.millivolts < (this._settings?.lowMillivolts ?? 0)) {
      this._wishes.say("low-battery", `${this._options.millivolts} mV`);
      this._wishes.show(LedPattern.LOW_BATTERY);
    }
    this._joined = false;
    this._wishes.do({ do: "leave" });
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
