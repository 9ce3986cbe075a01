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
  readonly #options: BoxOptions;
  #settings: Settings | undefined;
  #state: State = STARTING;
  readonly #wishes = new Wishes();
  readonly #awake = new Awake();
  #pending: number;
  #failures = 0;
  #needsCleanSession: boolean;
  #joined = false;
  /** Index into settings.wifi of the network to try next. */
  #network = 0;
  /** LED as commanded from afar. */
  #light = false;
  #announced = false;
  #buttonBusy = false;
  readonly #trial = new Trial();
  /** The broker refused for a reason that no retry can heal. */
  #hopeless = false;

  constructor(options: BoxOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#pending = options.pending;
    this.#needsCleanSession = options.needsCleanSession;
  }

  /** The state's name, for the log and for tests. */
  get state(): string {
    return this.#state.name;
  }

  get pending(): number {
    return this.#pending;
  }

  /** Attempts to reach the broker that have failed in this boot. */
  get failures(): number {
    return this.#failures;
  }

  /** The settings in use; during a trial the ones being tried. */
  get settings(): Settings | undefined {
    return this.#settings;
  }

  /** When `tick` is due, or undefined when only an event can change anything. */
  deadline(): number | undefined {
    const state = this.#state;
    let at = "until" in state ? state.until : undefined;
    if (this.#isUnderCap(state)) at = earlier(at, this.#awake.capAt);
    return earlier(at, this.#trial.until);
  }

  /** Tells the box what happened; returns what it asks for, in order. */
  step(event: BoxEvent, now: number): readonly Effect[] {
    this.#handle(event, now);
    return this.#wishes.take();
  }

  /** Tells the box how late it is. `idle`: no LED pattern is running and no gesture is in progress, so it may sleep. */
  tick(now: number, idle: boolean): readonly Effect[] {
    this.#pass(now, idle);
    return this.#wishes.take();
  }

  // --- Events -------------------------------------------------------------------------------------------------------

  #handle(event: BoxEvent, now: number): void {
    switch (event.type) {
      case "booted":
        this.#boot(event.cause, now);
        return;
      case "button":
        this.#button(event.event, now);
        return;
      case "stored":
        this.#stored(event.sequence, now);
        return;
      case "not-stored":
        // The LED must not show "stored", and whoever pressed must see that nothing was.
        this.#wishes.say("not-stored", event.why);
        this.#wishes.show(LedPattern.REFUSED);
        if (this.#state.name === "starting") this.#join(now);
        return;
      case "not-saved":
        this.#endTrial(`in use until the next restart, not saved: ${event.why}`);
        return;
      case "joined":
        this.#onJoined(event.address, now);
        return;
      case "join-failed":
        this.#onJoinFailed(event.why, now);
        return;
      case "wifi-lost":
        this.#onWiFiLost(now);
        return;
      case "opened":
        if (this.#state.name === "connecting" && !this.#state.clean) this.#wishes.do({ do: "deliver" });
        return;
      case "unreachable":
        if (this.#state.name === "connecting") this.#fail(event.why, now);
        return;
      case "connected":
        this.#onConnected(event.sessionPresent, now);
        return;
      case "received":
        this.#wishes.say("received", `${this.#options.chipId}-${event.sequence}`);
        return;
      case "delivered":
        this.#onDelivered(event.sequence, now);
        return;
      case "subscribed":
        this.#onSubscribed(event.refused, now);
        return;
      case "command":
        this.#onCommand(
          event.name,
          event.text === undefined
            ? { kind: "invalid", why: `cmd/${event.name}: ${event.why}` }
            : parseCommand(event.name, event.text),
          now,
        );
        return;
      case "acknowledged":
        this.#wishes.do({ do: "announce-waiting" });
        if (this.#pending > 0) this.#wishes.do({ do: "deliver" });
        return;
      case "flushed":
        if (this.#state.name === "online" && this.#state.phase === "leaving") this.#disconnect("sleep", now);
        return;
      case "down":
        this.#onDown(event.down, now);
        return;
    }
  }

  #boot(cause: WakeCause, now: number): void {
    if (this.#state.name !== "starting") return;
    this.#wishes.say("boot", cause);
    const settings = this.#settings;
    if (settings === undefined) {
      this.#openSetup(now);
      return;
    }
    if (settings.mode === "battery") this.#awake.begin(now, 0);
    // The press goes into the journal before anything else happens; `stored` then starts the radio.
    if (cause === "press") this.#wishes.do({ do: "store", event: AlertEvent.PRESS });
    else this.#join(now);
  }

  #button(event: ButtonEvent, now: number): void {
    switch (event) {
      case "down":
        this.#buttonBusy = true;
        return;
      case "held-long":
        return;
      case "held-setup":
        this.#wishes.show(LedPattern.COUNTDOWN);
        return;
      case "released":
        this.#buttonBusy = false;
        if (this.#state.name === "resetting") this.#restart();
        else this.#wishes.rest(this.#wishes.base);
        return;
      case "setup":
        this.#buttonBusy = false;
        this.#leaveFor("setup", now);
        return;
      case "reset":
        this.#wishes.say("factory-reset", "settings and stored alerts erased");
        this.#wishes.do({ do: "abort" });
        this.#wishes.do({ do: "factory-reset" });
        // FLASH held low while the chip restarts would start its boot loader instead: it restarts when the button is
        // let go.
        this.#state = { name: "resetting", until: (now + BoxTimes.reset) | 0 };
        return;
      default:
        this.#buttonBusy = false;
        // A button that also pulls RST has been counted at boot: every press of it is a reset.
        if (this.#settings?.wiring !== "gpio") return;
        this.#wishes.do({ do: "store", event: alertOf(event) });
    }
  }

  #stored(sequence: number, now: number): void {
    this.#pending += 1;
    this.#wishes.say("stored", `${this.#options.chipId}-${sequence}`);
    this.#wishes.rest(LedPattern.STORED);
    switch (this.#state.name) {
      case "starting":
        this.#join(now);
        return;
      case "online":
        if (this.#state.phase === "leaving") return;
        this.#state.phase = "delivering";
        this.#state.until = undefined;
        this.#wishes.do({ do: "deliver" });
        return;
      case "connecting":
        if (!this.#state.clean) this.#wishes.do({ do: "deliver" });
        this.#wishes.rest(LedPattern.CONNECTING);
        return;
      case "joining":
        this.#wishes.rest(LedPattern.JOINING);
        return;
      case "waiting":
      case "refused":
        // Somebody is standing there: one attempt at once.
        this.#wishes.forgive();
        this.#resume(now);
        return;
      case "resting":
        this.#awake.begin(now, 0);
        this.#join(now);
        return;
      default:
        // closing, setup, resetting, asleep: the journal keeps it for the next connection.
        return;
    }
  }

  #onJoined(address: string, now: number): void {
    if (this.#state.name !== "joining") return;
    this.#joined = true;
    this.#wishes.say("joined", address);
    this.#connect(now);
  }

  #onJoinFailed(why: string, now: number): void {
    if (this.#state.name !== "joining") return;
    const networks = this.#inUse.wifi.length;
    this.#network = (this.#network + 1) % networks;
    if (this.#network !== 0) {
      this.#wishes.complain("join-failed", why);
      this.#join(now);
      return;
    }
    this.#wishes.do({ do: "leave" });
    this.#fail(`no Wi-Fi: ${why}`, now);
  }

  #onWiFiLost(now: number): void {
    if (!this.#joined) return;
    this.#joined = false;
    switch (this.#state.name) {
      case "connecting":
      case "online":
        this.#wishes.do({ do: "abort" });
        this.#fail("Wi-Fi lost", now);
        return;
      case "closing":
        this.#wishes.do({ do: "abort" });
        this.#closed(this.#state.after, now);
        return;
      default:
        return;
    }
  }

  #onConnected(sessionPresent: boolean, now: number): void {
    if (this.#state.name !== "connecting") return;
    this.#wishes.forgive();
    this.#hopeless = false;
    this.#options.retry.connected(now);
    if (this.#trial.running) this.#adopt();
    if (this.#state.clean) {
      // Only now does the broker hold nothing of an earlier life; the next connection opens the lasting session.
      this.#wishes.say("connected", "clean session");
      this.#needsCleanSession = false;
      this.#wishes.do({ do: "session-cleaned" });
      this.#disconnect("connect", now);
      return;
    }
    this.#wishes.say("connected", sessionPresent ? "session present" : "new session");
    this.#announced = false;
    const online: Online = { name: "online", phase: "delivering", until: undefined };
    this.#state = online;
    this.#wishes.rest(this.#pending > 0 ? LedPattern.STORED : this.#resting());
    if (this.#pending === 0) this.#settle(online, now);
    else this.#wishes.do({ do: "deliver" });
  }

  #onDelivered(sequence: number, now: number): void {
    if (this.#pending > 0) this.#pending -= 1;
    this.#wishes.say("delivered", `${this.#options.chipId}-${sequence}`);
    this.#wishes.show(LedPattern.SENT);
    if (this.#state.name !== "online" || this.#state.phase === "leaving") return;
    if (this.#pending > 0) {
      this.#wishes.do({ do: "deliver" });
      return;
    }
    this.#wishes.do({ do: "remember", attempt: 0 });
    this.#wishes.rest(this.#resting());
    this.#settle(this.#state, now);
  }

  /** Everything is delivered: tell the world, then listen for commands. */
  #settle(online: Online, now: number): void {
    if (this.#announced) {
      this.#wishes.do({ do: "state", config: this.#trial.result });
      this.#listen(online, now);
      return;
    }
    this.#announced = true;
    this.#wishes.do({ do: "announce", presence: "online" });
    const answered = this.#trial.takeAnswered();
    if (answered !== "") this.#wishes.do({ do: "clear", root: answered, name: "config" });
    this.#wishes.do({ do: "state", config: this.#trial.result });
    // Retained commands come again with each SUBSCRIBE, also into a session that is present. A sleeper asks for QoS 0:
    // the retained copy is then the only one, and no queue of outdated commands waits for it.
    this.#wishes.do({ do: "subscribe", qos: this.#isBattery() ? 0 : 1 });
    online.phase = "subscribing";
    online.until = undefined;
  }

  #onSubscribed(refused: boolean, now: number): void {
    if (refused)
      this.#wishes.complain("commands-refused", "the broker does not let this box subscribe to its commands");
    if (this.#state.name === "online" && this.#state.phase === "subscribing") this.#listen(this.#state, now);
  }

  #listen(online: Online, now: number): void {
    online.phase = "listening";
    online.until = undefined;
    if (!this.#isBattery()) return;
    online.until = this.#awake.windowEnd(now);
  }

  // --- Commands -----------------------------------------------------------------------------------------------------

  #onCommand(name: string, command: Command, now: number): void {
    if (this.#state.name !== "online" || this.#state.phase === "leaving") return;
    const settings = this.#inUse;
    switch (command.kind) {
      case "cleared":
        return;
      case "invalid":
        this.#wishes.say("command-invalid", command.why);
        // Otherwise the same complaint would come again with every connection.
        this.#wishes.do({ do: "clear", root: settings.root, name });
        break;
      case "led":
        this.#light = command.on === "toggle" ? !this.#light : command.on;
        this.#wishes.say("command", this.#light ? "led on" : "led off");
        if (this.#pending === 0) this.#wishes.rest(this.#resting());
        this.#wishes.do({ do: "light", on: this.#light });
        this.#wishes.do({ do: "clear", root: settings.root, name: "led" });
        break;
      case "stay":
        this.#wishes.say("command", `stay ${command.seconds} s`);
        if (this.#isBattery()) this.#awake.stay(now, command.seconds);
        this.#wishes.do({ do: "clear", root: settings.root, name: "stay" });
        break;
      case "config":
        this.#configure(this.#state, command.changes, now);
        return;
    }
    if (this.#state.phase === "listening") this.#listen(this.#state, now);
  }

  #configure(online: Online, changes: unknown, now: number): void {
    const current = this.#inUse;
    const candidate = mergeSettings(current, changes, this.#options.chipId);
    const unchanged = typeof candidate !== "string" && equalSettings(candidate, current);
    if (typeof candidate === "string" || unchanged) {
      this.#endTrial(unchanged ? "unchanged" : `rejected: ${candidate}`);
      this.#wishes.do({ do: "clear", root: current.root, name: "config" });
      this.#wishes.do({ do: "state", config: this.#trial.result });
      if (online.phase === "listening") this.#listen(online, now);
      return;
    }
    this.#wishes.say("config", "trying");
    this.#trial.begin(current, now);
    this.#awake.extend(now, BoxTimes.trial);
    this.#settings = candidate;
    this.#disconnect("trial", now);
  }

  /** The trial's connection stands: the new settings are saved, the command is answered. */
  #adopt(): void {
    const { before } = this.#trial;
    const settings = this.#inUse;
    // Written before the settings: a power cut between the two costs one clean connection, the other order an alert.
    if (isOtherBroker(before, settings)) this.#wishes.do({ do: "require-clean-session" });
    this.#wishes.do({ do: "save", settings });
    this.#endTrial("applied");
    if (settings.mode === "mains") this.#awake.lift();
  }

  /** The trial failed: back to the settings that worked. */
  #revert(why: string, now: number): void {
    const { before } = this.#trial;
    this.#settings = before;
    this.#endTrial(`rejected: ${why}`);
    this.#needsCleanSession = false;
    this.#wishes.do({ do: "use", settings: before });
    this.#network = 0;
    this.#awake.extend(now, 0);
    this.#join(now);
  }

  #endTrial(result: string): void {
    this.#trial.end(result);
    this.#wishes.say("config", result);
  }

  // --- Connections --------------------------------------------------------------------------------------------------

  #join(now: number): void {
    this.#joined = false;
    this.#state = { name: "joining", until: (now + BoxTimes.join) | 0 };
    this.#wishes.rest(LedPattern.JOINING);
    this.#wishes.say("joining", (this.#inUse.wifi[this.#network] as WiFiNetwork).ssid);
    this.#wishes.do({ do: "join", network: this.#network });
  }

  #connect(now: number): void {
    const clean = this.#needsCleanSession;
    this.#state = { name: "connecting", clean, until: (now + BoxTimes.connect) | 0 };
    this.#wishes.rest(LedPattern.CONNECTING);
    this.#wishes.say("connecting", `${this.#inUse.host}:${this.#inUse.port}`);
    this.#wishes.do({ do: "open", clean });
  }

  #resume(now: number): void {
    if (this.#joined) this.#connect(now);
    else this.#join(now);
  }

  /** An attempt to reach the broker has failed: revert a trial, else wait and try again. */
  #fail(why: string, now: number): void {
    if (this.#trial.running) {
      this.#revert(why, now);
      return;
    }
    this.#failures += 1;
    this.#wishes.complain("failed", why);
    this.#options.retry.disconnected(now);
    this.#wishes.rest(LedPattern.OFF);
    if (this.#pending > 0 && !this.#isBattery()) this.#wishes.show(LedPattern.NOT_SENT);
    const delay = this.#options.retry.next(this.#options.random());
    this.#state = { name: "waiting", until: (now + delay) | 0 };
  }

  #onDown(down: Down, now: number): void {
    switch (this.#state.name) {
      case "connecting": {
        const why = refusal(down.code, this.#inUse.user !== "");
        if (down.reason === "refused" && why !== "") {
          this.#refuse(why, now);
          return;
        }
        if (down.pipelined) {
          this.#wishes.say("plain-order", "the broker closed on packets before CONNACK");
          this.#wishes.do({ do: "plain-order" });
          this.#connect(now);
          return;
        }
        this.#fail(down.reason === "refused" ? `refused: server unavailable` : `broker: ${down.detail}`, now);
        return;
      }
      case "online":
        if (this.#state.phase === "leaving") {
          this.#goToRest(now);
          return;
        }
        this.#fail(`connection ${down.reason}: ${down.detail}`, now);
        return;
      case "closing":
        this.#closed(this.#state.after, now);
        return;
      default:
        // joining, waiting, refused, setup, resting, asleep: a connection that was given up reports its end.
        return;
    }
  }

  #refuse(why: string, now: number): void {
    if (this.#trial.running) {
      this.#revert(why, now);
      return;
    }
    this.#hopeless = true;
    this.#failures += 1;
    this.#wishes.complain("failed", why);
    this.#wishes.rest(LedPattern.REFUSED);
    if (this.#isBattery()) {
      this.#goToRest(now);
      return;
    }
    if (this.#pending > 0) this.#wishes.show(LedPattern.NOT_SENT);
    this.#state = REFUSED;
  }

  #disconnect(after: After, now: number): void {
    this.#state = { name: "closing", after, until: (now + BoxTimes.closing) | 0 };
    this.#wishes.do({ do: "disconnect" });
  }

  #closed(after: After, now: number): void {
    switch (after) {
      case "sleep":
        this.#goToRest(now);
        return;
      case "connect":
        this.#resume(now);
        return;
      case "setup":
        this.#openSetup(now);
        return;
      case "trial": {
        const settings = this.#inUse;
        this.#wishes.do({ do: "use", settings });
        this.#needsCleanSession = isOtherBroker(this.#trial.before, settings);
        this.#network = 0;
        this.#wishes.do({ do: "leave" });
        this.#join(now);
      }
    }
  }

  /** Ends what is going on, gracefully where a connection stands, and then does `after`. */
  #leaveFor(after: After, now: number): void {
    switch (this.#state.name) {
      case "online":
        this.#disconnect(after, now);
        return;
      case "connecting":
        this.#wishes.do({ do: "abort" });
        break;
      case "setup":
        return;
      default:
        break;
    }
    this.#closed(after, now);
  }

  #openSetup(now: number): void {
    this.#state = { name: "setup", until: (now + BoxTimes.setup) | 0 };
    this.#joined = false;
    this.#wishes.say("setup", "access point open");
    this.#wishes.rest(LedPattern.SETUP);
    this.#wishes.do({ do: "open-setup" });
  }

  // --- Time ---------------------------------------------------------------------------------------------------------

  #pass(now: number, idle: boolean): void {
    if (isDue(this.#trial.until, now)) {
      this.#wishes.do({ do: "abort" });
      this.#revert("no connection in time", now);
      return;
    }
    if (this.#isUnderCap(this.#state) && isDue(this.#awake.capAt, now)) {
      this.#giveUp(now);
      return;
    }
    const state = this.#state;
    if (!("until" in state)) return;
    if (state.name === "resting" && idle) {
      this.#sleep(now);
      return;
    }
    if (!isDue(state.until, now)) return;
    switch (state.name) {
      case "joining":
        this.#onJoinFailed("no answer in time", now);
        return;
      case "connecting":
        this.#wishes.do({ do: "abort" });
        this.#fail("broker: no answer in time", now);
        return;
      case "online":
        this.#leave(state, now);
        return;
      case "closing":
        this.#wishes.do({ do: "abort" });
        this.#closed(state.after, now);
        return;
      case "waiting":
        this.#resume(now);
        return;
      case "resetting":
        this.#restart();
        return;
      case "setup":
        this.#wishes.say("setup", "closed after 120 s");
        this.#wishes.do({ do: "close-setup" });
        if (this.#settings !== undefined && !this.#isBattery()) this.#join(now);
        else this.#goToRest(now);
        return;
      case "resting":
        this.#sleep(now);
        return;
    }
  }

  /** Battery: the command window is over, or the farewell was not acknowledged in time. */
  #leave(state: Online, now: number): void {
    if (state.phase === "leaving") {
      this.#disconnect("sleep", now);
      return;
    }
    if (this.#buttonBusy) {
      state.until = (now + BoxTimes.window) | 0;
      return;
    }
    state.phase = "leaving";
    state.until = (now + BoxTimes.farewell) | 0;
    this.#wishes.do({ do: "announce", presence: "sleeping" });
    this.#wishes.do({ do: "flush", withinMs: BoxTimes.farewell });
  }

  /** Battery: awake for too long. What is pending stays in the journal. */
  #giveUp(now: number): void {
    this.#wishes.say("awake-cap", `${BoxTimes.awake / 1000} s`);
    this.#awake.lift();
    if (this.#state.name === "online") {
      this.#wishes.do({ do: "announce", presence: "sleeping" });
      this.#disconnect("sleep", now);
      return;
    }
    this.#wishes.do({ do: "abort" });
    this.#goToRest(now);
  }

  /** Shows how it ended, then sleeps. */
  #goToRest(now: number): void {
    this.#wishes.rest(LedPattern.OFF);
    if (this.#pending > 0) {
      this.#wishes.say("not-sent", `${this.#pending} stored`);
      this.#wishes.show(LedPattern.NOT_SENT);
    } else if (this.#options.millivolts < (this.#settings?.lowMillivolts ?? 0)) {
      this.#wishes.say("low-battery", `${this.#options.millivolts} mV`);
      this.#wishes.show(LedPattern.LOW_BATTERY);
    }
    this.#joined = false;
    this.#wishes.do({ do: "leave" });
    this.#state = { name: "resting", until: (now + BoxTimes.rest) | 0 };
  }

  #sleep(now: number): void {
    let ms = 0;
    // Without a timer on RST nothing but a press can wake the box; a refusal that cannot heal waits for a press, too.
    if (this.#pending > 0 && this.#settings?.wiring === "rst+gpio" && !this.#hopeless) {
      this.#options.wake.disconnected(now);
      ms = MIN_SLEEP_MS + this.#options.wake.next(this.#options.random());
      this.#wishes.do({ do: "remember", attempt: this.#options.wake.attempt });
    }
    this.#wishes.say("sleeping", ms === 0 ? "until the next press" : `${ms} ms`);
    this.#state = ASLEEP;
    this.#wishes.do({ do: "sleep", ms });
  }

  #restart(): void {
    this.#state = ASLEEP;
    this.#wishes.do({ do: "restart" });
  }

  // --- Small parts --------------------------------------------------------------------------------------------------

  /** The settings, for all states but setup and what follows it: without settings no other state is reached. */
  get #inUse(): Settings {
    return this.#settings as Settings;
  }

  #isBattery(): boolean {
    return this.#settings?.mode === "battery";
  }

  #isUnderCap(state: State): boolean {
    if (this.#awake.capAt === undefined) return false;
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
  #resting(): number {
    return this.#light ? LedPattern.ON : LedPattern.OFF;
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
