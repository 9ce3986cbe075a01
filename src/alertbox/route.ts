// The way to the broker and back: join a network, connect, and when that fails or ends, wait and try again, or close.
// Pure, as all of the box, whose part this is: alertbox.ts decides what happens on a connection that stands, trial.ts
// what becomes of settings that are tried on the way. On the chip a class above another costs less than an object.

import type { Down, TrialPhase, TrialStep } from "./effect.js";
import type { Scanner } from "./flash.js";
import { refusal } from "./refusal.js";
import type { Settings, WiFiNetwork } from "./settings.js";
import { type After, BoxTimes, type State } from "./state.js";
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
  /** Of the journal, for the ids of alerts. */
  readonly life: number;
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
export interface Trial {
  /** It was asked for on the setup page. */
  readonly fromSetup: boolean;
  /** The settings to go back to; undefined when there were none, which only the setup page can bring about. */
  readonly before: Settings | undefined;
  /** Whether the session needed cleaning before. */
  readonly neededClean: boolean;
  /** When it has failed at the latest. */
  readonly until: number;
}

export abstract class Route extends Wishes {
  // What is asked for in every turn comes first, and is there from the start: the engine looks for a property from the
  // first one on, through all there are and those of the classes when there is none.
  // Six of them are set by the box, only read elsewhere: state, settings, pending, failures, setupUntil, chipId.
  state: State = 0;
  /** When the state ends at the latest. */
  protected until: number | undefined = undefined;
  protected trial: Trial | undefined = undefined;
  /** A battery box sleeps at this instant at the latest; undefined for a mains box, and once that is lifted. */
  protected capAt: number | undefined = undefined;
  /** What else belongs to the state; state.ts says what. */
  protected detail = 0;
  /** Attempts to reach the broker that have failed in this boot. */
  failures = 0;
  /** When the setup closes. */
  setupUntil = 0;
  protected joined = false;
  /** The network has let the box in, on the way to an address. */
  protected associated = false;
  /** The attempt that runs goes where the cache leads. */
  protected fast = false;
  /** Index into settings.wifi of the network to try next. */
  protected network = 0;
  /** The broker refused for a reason that no retry can heal. */
  protected hopeless = false;
  /** The settings in use; during a trial the ones being tried. */
  settings: Settings | undefined;
  pending: number;
  readonly chipId: number;
  protected readonly retry: Delays;
  protected readonly random: () => number;
  protected needsCleanSession: boolean;
  protected cached: boolean;

  constructor(options: BoxOptions) {
    super();
    this.settings = options.settings;
    this.pending = options.pending;
    this.chipId = options.chipId;
    this.retry = options.retry;
    this.random = options.random;
    this.needsCleanSession = options.needsCleanSession;
    this.cached = options.cachedNetwork >= 0;
    if (this.cached) this.network = options.cachedNetwork;
  }

  // Joining

  protected join(now: number): void {
    this.joined = false;
    this.associated = false;
    // A mains box stays for days: it follows its access points and renews its address.
    this.fast = this.cached && this.isBattery() && this.trial === undefined;
    this.become(1 /* joining */, (now + (this.fast ? BoxTimes.fast : BoxTimes.join)) | 0, 0);
    this.rest(3 /* JOINING */);
    this.say("joining", (this.inUse.wifi[this.network] as WiFiNetwork).ssid);
    // The SDK keeps what does not change from boot to boot: a sleeper's BSSID, and where a mains box belongs.
    const keep = this.trial === undefined && (this.fast || !this.isBattery());
    this.ask({ do: 4 /* join */, network: this.network, fast: this.fast, keep });
  }

  protected onJoinFailed(why: string, now: number): void {
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

  protected onWiFiLost(now: number): void {
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

  // Connecting

  protected connect(now: number): void {
    const clean = this.needsCleanSession;
    const fast = this.fast;
    // The cache has one limit for all of it.
    const until = fast && this.state === 1 /* joining */ ? this.until : (now + BoxTimes.connect) | 0;
    this.become(2 /* connecting */, until, clean ? 1 : 0);
    this.tellSetup("trying", "name", "");
    this.rest(4 /* CONNECTING */);
    this.say("connecting", `${this.inUse.host}:${this.inUse.port}`);
    this.ask({ do: 7 /* open */, clean, fast });
  }

  protected resume(now: number): void {
    if (this.joined) this.connect(now);
    else this.join(now);
  }

  /** An attempt to reach the broker has failed: revert a trial, else wait and try again. */
  protected fail(why: string, step: TrialStep, now: number): void {
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
    this.rest(0 /* OFF */);
    if (this.pending > 0 && !this.isBattery()) this.show(6 /* NOT_SENT */);
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

  protected onDown(down: Down, now: number): void {
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

  protected refuse(why: string, now: number): void {
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
    this.rest(10 /* REFUSED */);
    if (this.isBattery()) {
      this.goToRest(now);
      return;
    }
    if (this.pending > 0) this.show(6 /* NOT_SENT */);
    this.become(6 /* refused */, undefined, 0);
  }

  // Closing

  protected disconnect(after: After, now: number): void {
    this.become(4 /* closing */, (now + BoxTimes.closing) | 0, after);
    this.ask({ do: 18 /* disconnect */ });
  }

  protected closed(after: After, now: number): void {
    switch (after) {
      case 0: // sleep
        this.goToRest(now);
        return;
      case 1: // connect
        this.resume(now);
        return;
      case 2: // done
        this.setupUntil = (now + BoxTimes.done) | 0;
        this.rest(7 /* SETUP */);
        this.become(7 /* setup */, this.setupUntil, 2 /* done */);
    }
  }

  /**
   * Ends what is going on, and opens the setup. Without DISCONNECT: the broker then tells its will, and nobody takes
   * the box for one that is there.
   */
  protected leaveForSetup(now: number): void {
    const { state } = this;
    if (state === 7 /* setup */) return;
    if (state === 2 /* connecting */ || state === 3 /* online */) this.ask({ do: 19 /* abort */ });
    this.openSetup(0 /* open */, now);
  }

  // What the box adds

  /** The trial failed: back to the settings that worked. */
  protected abstract revert(trial: Trial, why: string, step: TrialStep, now: number): void;
  /** Says it on the setup page, when that is where the trial began. */
  protected abstract tellSetup(phase: TrialPhase, step: TrialStep, detail: string): void;
  protected abstract openSetup(kind: 0 | 1, now: number): void;
  /** Shows how it ended, then sleeps. */
  protected abstract goToRest(now: number): void;

  // Small parts

  /** The settings, for all states but setup and what follows it: without settings no other state is reached. */
  protected get inUse(): Settings {
    return this.settings as Settings;
  }

  protected isBattery(): boolean {
    return this.settings?.mode === "battery";
  }

  protected isUnderCap(): boolean {
    const state = this.state;
    if (this.capAt === undefined) return false;
    // joining, connecting, waiting, and online but for leaving.
    return state === 1 || state === 2 || state === 5 || (state === 3 && this.detail !== 3);
  }

  protected become(state: State, until: number | undefined, detail: number): void {
    this.state = state;
    this.until = until;
    this.detail = detail;
  }
}
