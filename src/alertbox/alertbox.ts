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
  private readonly options: BoxOptions;
  // The next four are set here, only read elsewhere.
  /** The settings in use; during a trial the ones being tried. */
  settings: Settings | undefined;
  pending: number;
  /** Attempts to reach the broker that have failed in this boot. */
  failures = 0;
  /** When the setup closes. */
  setupUntil = 0;
  private needsCleanSession: boolean;
  private current: State = STARTING;
  private readonly wishes = new Wishes();
  private readonly awake = new Awake();
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
  /** A command that waits for the alerts to be delivered. */
  private changes: unknown;
  /** The LED shows something that a person must see before sleep. */
  private mustShow = false;
  private buttonBusy = false;
  private readonly trial = new Trial();
  /** The broker refused for a reason that no retry can heal. */
  private hopeless = false;

  constructor(options: BoxOptions) {
    this.options = options;
    this.settings = options.settings;
    this.pending = options.pending;
    this.needsCleanSession = options.needsCleanSession;
    this.cached = options.cachedNetwork >= 0;
    if (this.cached) this.network = options.cachedNetwork;
  }

  /** The state's name, for the log and for tests. */
  get state(): string {
    return this.current.name;
  }

  /** When `tick` is due, or undefined when only an event can change anything. */
  deadline(): number | undefined {
    const state = this.current;
    let at = "until" in state ? state.until : undefined;
    if (this.isUnderCap(state)) at = earlier(at, this.awake.capAt);
    return earlier(at, this.trial.until);
  }

  /** Tells the box what happened; returns what it asks for, in order. */
  step(event: BoxEvent, now: number): readonly Effect[] {
    this.handle(event, now);
    return this.wishes.drained();
  }

  /**
   * Tells the box how late it is. It may sleep when it is `ready`, no gesture being in progress, and `shown`, no LED
   * pattern running, or nobody needs to see it.
   */
  tick(now: number, ready: boolean, shown: boolean): readonly Effect[] {
    this.pass(now, ready && (shown || (this.settings?.quiet === true && !this.mustShow)));
    return this.wishes.drained();
  }

  // --- Events -------------------------------------------------------------------------------------------------------

  private handle(event: BoxEvent, now: number): void {
    switch (event.type) {
      case "booted":
        this.boot(event.cause, event.course, now);
        return;
      case "button":
        this.button(event.event, now);
        return;
      case "stored":
        this.stored(event.sequence, now);
        return;
      case "not-stored":
        // The LED must not show "stored", and whoever pressed must see that nothing was.
        this.wishes.say("not-stored", event.why);
        this.wishes.show(LedPattern.REFUSED);
        if (this.current.name === "starting") this.join(now);
        return;
      case "not-saved":
        this.endTrial(`in use until the next restart, not saved: ${event.why}`);
        return;
      case "associated":
        if (this.current.name !== "joining") return;
        this.associated = true;
        this.tellSetup("trying", "address", "");
        return;
      case "joined":
        if (this.current.name !== "joining") return;
        this.joined = true;
        this.wishes.say("joined", event.address);
        this.connect(now);
        return;
      case "join-failed":
        this.onJoinFailed(event.why, now);
        return;
      case "wifi-lost":
        this.onWiFiLost(now);
        return;
      case "opened":
        if (this.current.name !== "connecting") return;
        // The cache was right; from here on the broker has the usual time.
        this.current.until = (now + BoxTimes.connect) | 0;
        if (!this.current.clean) this.wishes.do({ do: "deliver" });
        return;
      case "unreachable":
        if (this.current.name === "connecting") this.fail(event.why, event.step, now);
        return;
      case "connected":
        this.onConnected(event.sessionPresent, now);
        return;
      case "received":
        this.wishes.say("received", `${this.options.chipId}-${event.sequence}`);
        // With the last alert's PUBREL: the battery pays per round trip. What is retained there waits for PUBCOMP.
        if (this.pending === 1 && this.isBattery()) this.subscribe();
        return;
      case "delivered":
        this.onDelivered(event.sequence, now);
        return;
      case "subscribed":
        if (event.refused) {
          this.wishes.complain("commands-refused", "the broker does not let this box subscribe to its commands");
        }
        this.heard = true;
        if (this.current.name === "online" && this.current.phase === "subscribing") this.listen(this.current, now);
        return;
      case "command":
        this.onCommand(
          event.name,
          event.text === undefined
            ? { kind: "invalid", why: `cmd/${event.name}: ${event.why}` }
            : parseCommand(event.name, event.text),
          now,
        );
        return;
      case "acknowledged":
        this.wishes.do({ do: "announce-waiting" });
        if (this.pending > 0) this.wishes.do({ do: "deliver" });
        return;
      case "flushed":
        if (this.current.name === "online" && this.current.phase === "leaving") this.disconnect("sleep", now);
        return;
      case "down":
        this.onDown(event.down, now);
        return;
      case "try":
        this.tryOut(event.settings, now);
        return;
      case "more-time":
        if (this.current.name !== "setup" || this.current.kind === "done") return;
        this.setupUntil = (now + BoxTimes.setup) | 0;
        this.current.until = this.setupUntil;
        return;
    }
  }

  private boot(cause: WakeCause, course: Course, now: number): void {
    if (this.current.name !== "starting") return;
    this.wishes.say("boot", cause);
    const settings = this.settings;
    if (course === "erase") {
      this.wishes.say("factory-reset", "ten quick presses");
      this.wishes.do({ do: "factory-reset" });
      this.restart();
      return;
    }
    if (settings === undefined || course !== "normal") {
      if (course !== "normal") this.wishes.say(course, course === "safe" ? "three bad boots" : "five quick presses");
      this.openSetup(course === "safe" ? "safe" : "open", now);
      return;
    }
    if (settings.mode === "battery") this.awake.begin(now);
    // The press goes into the journal before anything else happens; `stored` then starts the radio.
    if (cause === "press") this.wishes.do({ do: "store", event: AlertEvent.PRESS });
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
        this.wishes.show(LedPattern.COUNTDOWN);
        return;
      case "released":
        this.buttonBusy = false;
        if (this.current.name === "resetting") this.restart();
        else this.wishes.rest(this.wishes.base);
        return;
      case "setup":
        this.buttonBusy = false;
        this.leaveFor("setup", now);
        return;
      case "reset":
        this.wishes.say("factory-reset", "settings and stored alerts erased");
        this.wishes.do({ do: "abort" });
        this.wishes.do({ do: "factory-reset" });
        // FLASH held low while the chip restarts would start its boot loader instead: it restarts when the button is
        // let go.
        this.current = { name: "resetting", until: (now + BoxTimes.reset) | 0 };
        return;
      default:
        this.buttonBusy = false;
        // A button that also pulls RST has been counted at boot: every press of it is a reset.
        if (this.settings?.wiring !== "gpio") return;
        this.wishes.do({
          do: "store",
          event: event === "double" ? AlertEvent.DOUBLE : event === "long" ? AlertEvent.LONG : AlertEvent.PRESS,
        });
    }
  }

  private stored(sequence: number, now: number): void {
    this.pending += 1;
    this.wishes.say("stored", `${this.options.chipId}-${sequence}`);
    this.wishes.rest(LedPattern.STORED);
    switch (this.current.name) {
      case "starting":
        this.join(now);
        return;
      case "online":
        if (this.current.phase === "leaving") return;
        this.current.phase = "delivering";
        this.current.until = undefined;
        this.wishes.do({ do: "deliver" });
        return;
      case "connecting":
        if (!this.current.clean) this.wishes.do({ do: "deliver" });
        this.wishes.rest(LedPattern.CONNECTING);
        return;
      case "joining":
        this.wishes.rest(LedPattern.JOINING);
        return;
      case "waiting":
      case "refused":
        // Somebody is standing there: one attempt at once.
        this.wishes.forgive();
        this.resume(now);
        return;
      case "resting":
        this.awake.begin(now);
        this.join(now);
        return;
      default:
        // closing, setup, resetting, asleep: the journal keeps it for the next connection.
        return;
    }
  }

  private onJoinFailed(why: string, now: number): void {
    if (this.current.name !== "joining") return;
    const step = this.associated ? "address" : "wifi";
    if (this.fast || this.trial.fromSetup) {
      this.fail(why, step, now);
      return;
    }
    const networks = this.inUse.wifi.length;
    this.network = (this.network + 1) % networks;
    if (this.network !== 0) {
      this.wishes.complain("join-failed", why);
      this.join(now);
      return;
    }
    this.wishes.do({ do: "leave" });
    this.fail(`no Wi-Fi: ${why}`, step, now);
  }

  private onWiFiLost(now: number): void {
    if (!this.joined) return;
    this.joined = false;
    switch (this.current.name) {
      case "connecting":
      case "online":
        this.wishes.do({ do: "abort" });
        this.fail("Wi-Fi lost", "wifi", now);
        return;
      case "closing":
        this.wishes.do({ do: "abort" });
        this.closed(this.current.after, now);
        return;
      default:
        return;
    }
  }

  private onConnected(sessionPresent: boolean, now: number): void {
    if (this.current.name !== "connecting") return;
    this.wishes.forgive();
    this.hopeless = false;
    this.options.retry.connected(now);
    const { clean } = this.current;
    const fromSetup = this.trial.fromSetup;
    if (this.trial.running) this.adopt();
    if (this.isBattery()) this.wishes.do({ do: "keep-cache", network: this.network });
    this.cached = true;
    this.fast = false;
    if (clean) {
      // Only now does the broker hold nothing of an earlier life; the next connection opens the lasting session.
      this.wishes.say("connected", "clean session");
      this.needsCleanSession = false;
      this.wishes.do({ do: "session-cleaned" });
    }
    if (clean || fromSetup) {
      this.disconnect(fromSetup ? "done" : "connect", now);
      return;
    }
    this.wishes.say("connected", sessionPresent ? "session present" : "new session");
    this.announced = false;
    this.asked = false;
    this.heard = false;
    const online: Online = { name: "online", phase: "delivering", until: undefined };
    this.current = online;
    this.wishes.rest(this.pending > 0 ? LedPattern.STORED : this.resting());
    if (this.pending === 0) this.settle(online, now);
    else this.wishes.do({ do: "deliver" });
  }

  private onDelivered(sequence: number, now: number): void {
    if (this.pending > 0) this.pending -= 1;
    this.wishes.say("delivered", `${this.options.chipId}-${sequence}`);
    this.wishes.show(LedPattern.SENT);
    if (this.current.name !== "online" || this.current.phase === "leaving") return;
    if (this.pending > 0) {
      this.wishes.do({ do: "deliver" });
      return;
    }
    this.wishes.do({ do: "remember", attempt: 0 });
    this.wishes.rest(this.resting());
    this.settle(this.current, now);
  }

  /** Everything is delivered: tell the world, then listen for commands, beginning with the one that has waited. */
  private settle(online: Online, now: number): void {
    if (!this.announced) {
      this.wishes.do({ do: "announce", presence: "online" });
      const { answered } = this.trial;
      if (answered !== "") this.wishes.do({ do: "clear", root: answered, name: "config" });
      this.trial.answered = "";
    }
    this.announced = true;
    this.wishes.do({ do: "state", config: this.trial.result });
    this.subscribe();
    online.phase = "subscribing";
    online.until = undefined;
    if (this.heard) this.listen(online, now);
    const { changes } = this;
    this.changes = undefined;
    if (changes !== undefined) this.configure(online, changes, now);
  }

  /** Once in a connection. */
  private subscribe(): void {
    if (this.asked) return;
    this.asked = true;
    // Retained commands come again with each SUBSCRIBE, also into a session that is present. A sleeper asks for QoS 0:
    // the retained copy is then the only one, and no queue of outdated commands waits for it.
    this.wishes.do({ do: "subscribe", qos: this.isBattery() ? 0 : 1 });
  }

  private listen(online: Online, now: number): void {
    online.phase = "listening";
    online.until = undefined;
    if (!this.isBattery()) return;
    online.until = this.awake.windowEnd(now);
  }

  // --- Commands -----------------------------------------------------------------------------------------------------

  private onCommand(name: string, command: Command, now: number): void {
    if (this.current.name !== "online" || this.current.phase === "leaving") return;
    const settings = this.inUse;
    switch (command.kind) {
      case "cleared":
        return;
      case "invalid":
        this.wishes.say("command-invalid", command.why);
        // Otherwise the same complaint would come again with every connection.
        this.wishes.do({ do: "clear", root: settings.root, name });
        break;
      case "led":
        this.light = command.on === "toggle" ? !this.light : command.on;
        this.wishes.say("command", this.light ? "led on" : "led off");
        if (this.pending === 0) this.wishes.rest(this.resting());
        this.wishes.do({ do: "light", on: this.light });
        this.wishes.do({ do: "clear", root: settings.root, name: "led" });
        break;
      case "stay":
        this.wishes.say("command", `stay ${command.seconds} s`);
        if (this.isBattery()) this.awake.stay(now, command.seconds);
        this.wishes.do({ do: "clear", root: settings.root, name: "stay" });
        break;
      case "config":
        this.configure(this.current, command.changes, now);
        return;
    }
    if (this.current.phase === "listening") this.listen(this.current, now);
  }

  private configure(online: Online, changes: unknown, now: number): void {
    if (this.pending > 0) {
      // What one broker has received and not released would be lost at another.
      this.changes = changes;
      return;
    }
    const current = this.inUse;
    const candidate = mergeSettings(current, changes, this.options.chipId);
    const unchanged = typeof candidate !== "string" && equalSettings(candidate, current);
    if (typeof candidate === "string" || unchanged) {
      this.endTrial(unchanged ? "unchanged" : `rejected: ${candidate}`);
      this.wishes.do({ do: "clear", root: current.root, name: "config" });
      this.wishes.do({ do: "state", config: this.trial.result });
      if (online.phase === "listening") this.listen(online, now);
      return;
    }
    this.wishes.say("config", "trying");
    this.trial.begin(current, false, false, now);
    if (this.awake.capAt !== undefined) this.awake.begin(now + BoxTimes.trial);
    this.settings = candidate;
    this.disconnect("trial", now);
  }

  /** A person at the setup page wants to see these work. */
  private tryOut(settings: Settings, now: number): void {
    if (this.current.name !== "setup" || this.current.kind === "done") return;
    this.setupUntil = (now + BoxTimes.setup) | 0;
    this.trial.begin(this.settings, true, this.needsCleanSession, now);
    this.wishes.say("config", "trying");
    this.tellSetup("trying", "wifi", "");
    this.useForTrial(settings);
    this.join(now);
  }

  private useForTrial(settings: Settings): void {
    const { before } = this.trial;
    this.settings = settings;
    this.wishes.do({ do: "use", settings });
    this.needsCleanSession = this.trial.neededClean || before === undefined || isOtherBroker(before, settings);
    this.network = 0;
    this.cached = false;
  }

  /** The trial's connection stands: the new settings are saved, whoever asked is answered. */
  private adopt(): void {
    const { before } = this.trial;
    const settings = this.inUse;
    // Written before the settings: a power cut between the two costs one clean connection, the other order an alert.
    if (before === undefined || isOtherBroker(before, settings)) this.wishes.do({ do: "require-clean-session" });
    this.wishes.do({ do: "save", settings });
    this.tellSetup("done", "", "");
    this.endTrial("applied");
    if (settings.mode === "mains") this.awake.capAt = undefined;
  }

  /** The trial failed: back to the settings that worked. */
  private revert(why: string, step: TrialStep, now: number): void {
    const { before, fromSetup, neededClean } = this.trial;
    this.tellSetup("failed", step, why);
    this.settings = before;
    this.endTrial(`rejected: ${why}`);
    this.needsCleanSession = neededClean;
    if (before !== undefined) this.wishes.do({ do: "use", settings: before });
    this.network = 0;
    if (fromSetup) {
      this.joined = false;
      this.wishes.do({ do: "leave" });
      this.wishes.rest(LedPattern.SETUP);
      this.current = { name: "setup", kind: "open", until: this.setupUntil };
      return;
    }
    if (this.awake.capAt !== undefined) this.awake.begin(now);
    this.join(now);
  }

  /** Says it on the setup page, when that is where the trial began. */
  private tellSetup(phase: TrialPhase, step: TrialStep, detail: string): void {
    if (this.trial.fromSetup) this.wishes.do({ do: "tell-setup", phase, step, detail });
  }

  private endTrial(result: string): void {
    this.trial.end(result);
    this.wishes.say("config", result);
  }

  // --- Connections --------------------------------------------------------------------------------------------------

  private join(now: number): void {
    this.joined = false;
    this.associated = false;
    // A mains box stays for days: it follows its access points and renews its address.
    this.fast = this.cached && this.isBattery() && !this.trial.running;
    const limit = this.fast ? BoxTimes.fast : BoxTimes.join;
    this.current = { name: "joining", until: (now + limit) | 0 };
    this.wishes.rest(LedPattern.JOINING);
    this.wishes.say("joining", (this.inUse.wifi[this.network] as WiFiNetwork).ssid);
    // The SDK keeps what does not change from boot to boot: a sleeper's BSSID, and where a mains box belongs.
    const keep = !this.trial.running && (this.fast || !this.isBattery());
    this.wishes.do({ do: "join", network: this.network, fast: this.fast, keep });
  }

  private connect(now: number): void {
    const clean = this.needsCleanSession;
    const fast = this.fast;
    // The cache has one limit for all of it.
    const until = fast && this.current.name === "joining" ? this.current.until : (now + BoxTimes.connect) | 0;
    this.current = { name: "connecting", clean, until };
    this.tellSetup("trying", "name", "");
    this.wishes.rest(LedPattern.CONNECTING);
    this.wishes.say("connecting", `${this.inUse.host}:${this.inUse.port}`);
    this.wishes.do({ do: "open", clean, fast });
  }

  private resume(now: number): void {
    if (this.joined) this.connect(now);
    else this.join(now);
  }

  /** An attempt to reach the broker has failed: revert a trial, else wait and try again. */
  private fail(why: string, step: TrialStep, now: number): void {
    if (this.trial.running) {
      this.revert(why, step, now);
      return;
    }
    if (this.fast && this.joined && why === "connection refused") {
      // Somebody answers, so the network is as it was; the broker's name may lead elsewhere.
      this.wishes.say("cache", why);
      this.fast = false;
      this.connect(now);
      return;
    }
    if (this.fast) {
      // Moved access point, address given to another, broker elsewhere: all of it is found anew, in the same wake.
      this.wishes.say("cache", why);
      this.wishes.do({ do: "forget-cache" });
      this.cached = false;
      this.network = 0;
      this.join(now);
      return;
    }
    this.failures += 1;
    this.wishes.complain("failed", why);
    this.options.retry.disconnected(now);
    this.wishes.rest(LedPattern.OFF);
    if (this.pending > 0 && !this.isBattery()) this.wishes.show(LedPattern.NOT_SENT);
    if (this.isBattery() && (this.cached || !this.joined)) {
      // A radio that waits draws as much as one that works, and joining again is quick or has to search anyway.
      this.joined = false;
      this.wishes.do({ do: "radio-off" });
    }
    const delay = this.options.retry.next(this.options.random());
    this.current = { name: "waiting", until: (now + delay) | 0 };
  }

  private onDown(down: Down, now: number): void {
    switch (this.current.name) {
      case "connecting": {
        const why = refusal(down.code, this.inUse.user !== "");
        if (down.reason === "refused" && why !== "") {
          this.refuse(why, now);
          return;
        }
        if (down.pipelined) {
          this.wishes.say("plain-order", "the broker closed on packets before CONNACK");
          this.wishes.do({ do: "plain-order" });
          this.connect(now);
          return;
        }
        if (down.reason === "refused") this.fail("refused: server unavailable", "login", now);
        else this.fail(`broker: ${down.detail}`, "broker", now);
        return;
      }
      case "online":
        if (this.current.phase === "leaving") {
          this.goToRest(now);
          return;
        }
        this.fail(`connection ${down.reason}: ${down.detail}`, "broker", now);
        return;
      case "closing":
        this.closed(this.current.after, now);
        return;
      default:
        // joining, waiting, refused, setup, resting, asleep: a connection that was given up reports its end.
        return;
    }
  }

  private refuse(why: string, now: number): void {
    if (this.trial.running) {
      this.revert(why, "login", now);
      return;
    }
    if (this.fast) {
      // Another broker may have got the cached address.
      this.fail(why, "login", now);
      return;
    }
    this.hopeless = true;
    this.failures += 1;
    this.wishes.complain("failed", why);
    this.wishes.rest(LedPattern.REFUSED);
    if (this.isBattery()) {
      this.goToRest(now);
      return;
    }
    if (this.pending > 0) this.wishes.show(LedPattern.NOT_SENT);
    this.current = REFUSED;
  }

  private disconnect(after: After, now: number): void {
    this.current = { name: "closing", after, until: (now + BoxTimes.closing) | 0 };
    this.wishes.do({ do: "disconnect" });
  }

  private closed(after: After, now: number): void {
    switch (after) {
      case "sleep":
        this.goToRest(now);
        return;
      case "connect":
        this.resume(now);
        return;
      case "setup":
        this.openSetup("open", now);
        return;
      case "done":
        this.setupUntil = (now + BoxTimes.done) | 0;
        this.wishes.rest(LedPattern.SETUP);
        this.current = { name: "setup", kind: "done", until: this.setupUntil };
        return;
      case "trial":
        this.useForTrial(this.inUse);
        this.wishes.do({ do: "leave" });
        this.join(now);
    }
  }

  /** Ends what is going on, gracefully where a connection stands, and then does `after`. */
  private leaveFor(after: After, now: number): void {
    switch (this.current.name) {
      case "online":
        this.disconnect(after, now);
        return;
      case "connecting":
        this.wishes.do({ do: "abort" });
        break;
      case "setup":
        return;
      default:
        break;
    }
    this.closed(after, now);
  }

  private openSetup(kind: "open" | "safe", now: number): void {
    this.setupUntil = (now + BoxTimes.setup) | 0;
    this.current = { name: "setup", kind, until: this.setupUntil };
    this.joined = false;
    this.wishes.say("setup", "access point open");
    this.wishes.rest(kind === "safe" ? LedPattern.SAFE : LedPattern.SETUP);
    this.wishes.do({ do: "open-setup" });
  }

  private closeSetup(kind: "open" | "safe" | "done", now: number): void {
    this.wishes.say("setup", kind === "done" ? "closed" : "closed after 120 s");
    const battery = this.isBattery();
    // Everything begins anew after it: new settings from their start, after bad boots a new chance, a sleeper's alerts.
    const goesOn = this.settings !== undefined && (!battery || (kind === "open" && this.pending > 0));
    if (kind === "done" || goesOn) this.restart();
    else this.goToRest(now);
  }

  // --- Time ---------------------------------------------------------------------------------------------------------

  private pass(now: number, maySleep: boolean): void {
    if (isDue(this.trial.until, now)) {
      this.wishes.do({ do: "abort" });
      this.revert("no connection in time", this.joined ? "broker" : "wifi", now);
      return;
    }
    if (this.isUnderCap(this.current) && isDue(this.awake.capAt, now)) {
      this.giveUp(now);
      return;
    }
    const state = this.current;
    if (!("until" in state)) return;
    if (state.name === "resting" && maySleep) {
      this.sleep(now);
      return;
    }
    if (!isDue(state.until, now)) return;
    switch (state.name) {
      case "joining":
        this.onJoinFailed(this.associated ? "no address from the router" : "no answer in time", now);
        return;
      case "connecting":
        this.wishes.do({ do: "abort" });
        this.fail("broker: no answer in time", "broker", now);
        return;
      case "online":
        this.leave(state, now);
        return;
      case "closing":
        this.wishes.do({ do: "abort" });
        this.closed(state.after, now);
        return;
      case "waiting":
        this.resume(now);
        return;
      case "resetting":
        this.restart();
        return;
      case "setup":
        this.closeSetup(state.kind, now);
        return;
      case "resting":
        this.sleep(now);
        return;
    }
  }

  /** Battery: the command window is over, or the farewell was not acknowledged in time. */
  private leave(state: Online, now: number): void {
    if (state.phase === "leaving") {
      this.disconnect("sleep", now);
      return;
    }
    state.phase = "leaving";
    state.until = (now + BoxTimes.farewell) | 0;
    this.wishes.do({ do: "announce", presence: "sleeping" });
    this.wishes.do({ do: "flush", withinMs: BoxTimes.farewell });
  }

  /** Battery: awake for too long. What is pending stays in the journal. */
  private giveUp(now: number): void {
    this.wishes.say("awake-cap", `${BoxTimes.awake / 1000} s`);
    this.awake.capAt = undefined;
    if (this.current.name === "online") {
      this.wishes.do({ do: "announce", presence: "sleeping" });
      this.disconnect("sleep", now);
      return;
    }
    this.wishes.do({ do: "abort" });
    this.goToRest(now);
  }

  /** Shows how it ended, then sleeps. */
  private goToRest(now: number): void {
    this.wishes.rest(LedPattern.OFF);
    this.mustShow = this.pending > 0;
    if (this.pending > 0) {
      this.wishes.say("not-sent", `${this.pending} stored`);
      this.wishes.show(LedPattern.NOT_SENT);
    } else if (this.options.millivolts < (this.settings?.lowMillivolts ?? 0)) {
      this.mustShow = true;
      this.wishes.say("low-battery", `${this.options.millivolts} mV`);
      this.wishes.show(LedPattern.LOW_BATTERY);
    }
    this.joined = false;
    this.wishes.do({ do: "radio-off" });
    // A finger that is still down may want the setup or a factory reset: it waits with the radio off.
    this.current = { name: "resting", until: (now + (this.buttonBusy ? BoxTimes.held : BoxTimes.rest)) | 0 };
  }

  private sleep(now: number): void {
    let ms = 0;
    // Without a timer on RST nothing but a press can wake the box; a refusal that cannot heal waits for a press, too.
    if (this.pending > 0 && this.settings?.wiring === "rst+gpio" && !this.hopeless) {
      this.options.wake.disconnected(now);
      // At least 10 s after the last attempt, whatever the jitter says.
      ms = 10000 + this.options.wake.next(this.options.random());
      this.wishes.do({ do: "remember", attempt: this.options.wake.attempt });
    }
    this.wishes.say("sleeping", ms === 0 ? "until the next press" : `${ms} ms`);
    this.current = ASLEEP;
    this.wishes.do({ do: "sleep", ms });
  }

  private restart(): void {
    this.current = ASLEEP;
    this.wishes.do({ do: "restart" });
  }

  // --- Small parts --------------------------------------------------------------------------------------------------

  /** The settings, for all states but setup and what follows it: without settings no other state is reached. */
  private get inUse(): Settings {
    return this.settings as Settings;
  }

  private isBattery(): boolean {
    return this.settings?.mode === "battery";
  }

  private isUnderCap(state: State): boolean {
    if (this.awake.capAt === undefined) return false;
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
  private resting(): number {
    return this.light ? LedPattern.ON : LedPattern.OFF;
  }
}

/** Whether the two settings lead to different MQTT sessions: what one broker knows of packet ids the other does not. */
function isOtherBroker(a: Settings, b: Settings): boolean {
  return a.host !== b.host || a.port !== b.port;
}
