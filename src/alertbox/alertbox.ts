// The box: what happens between a press and sleep. Pure: events and instants in, effects out; it owns no pin, no socket
// and no flash. main.ts performs the effects in the order given, and tells the box what came of them. States, events
// and effects are numbers; state.ts and effect.ts have their names. What it does on the way to the broker is in
// route.ts, what it does with new settings in trial.ts: classes below this one.

import type { ButtonEvent } from "./button.js";
import { type Command, parseCommand } from "./command.js";
import type { BoxEvent, Effect, WakeCause } from "./effect.js";
import { AlertEvent } from "./journal.js";
import type { Course } from "./recovery.js";
import type { BoxOptions, Delays } from "./route.js";
import { type After, BoxTimes, earlier, isDue } from "./state.js";
import { Trials } from "./trial.js";

export class Box extends Trials {
  private readonly millivolts: number;
  private readonly wake: Delays;
  private readonly life: number;
  /** `cmd/stay`: a battery box is awake at least until then. */
  private stayUntil: number | undefined;
  /** LED as commanded from afar. */
  private light = false;
  /**
   * What the broker is told once commands can come: 1 something; 2 whether the LED is lit, in the first connection of a
   * boot; 6 all of it, because the broker's session was not there, and what is retained may be lost, too.
   */
  private greeting = 2;
  /** In this connection: 1 presence and state were told, 2 SUBSCRIBE has left, 4 what SUBACK said has come. */
  private spoken = 0;
  private buttonBusy = false;

  constructor(options: BoxOptions) {
    super(options);
    this.millivolts = options.millivolts;
    this.wake = options.wake;
    this.life = options.life;
  }

  /** When `tick` is due, or undefined when only an event can change anything. */
  deadline(): number | undefined {
    let at = this.until;
    if (this.isUnderCap()) at = earlier(at, this.capAt);
    return earlier(at, this.trial?.until);
  }

  /**
   * The id of the alert with this sequence, `5750-42-40146`, which no other alert ever has: chip id, press count, and
   * the life of the journal that counts, for that begins at 1 again when the flash was erased. `5750-42` where that is
   * 0: a journal from before.
   */
  idOf(sequence: number): string {
    // Numbers below 0 bring the dash along.
    return `${this.chipId}${-sequence}${-this.life || ""}`;
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
    // Resting, `detail` is 0 when nothing is to be seen; in no other state it sleeps.
    this.pass(now, ready && (shown || (this.settings?.quiet === true && this.detail === 0)));
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
        this.show(10 /* REFUSED */);
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
        this.ask({ do: 35 /* keep-asked */ });
        return;
      case 11: // unreachable
        if (this.state === 2 /* connecting */) this.fail(event.why, event.step, now);
        return;
      case 12: // connected
        this.onConnected(event.sessionPresent, event.isKnown, now);
        return;
      case 13: // received
        this.say("received", this.idOf(event.sequence));
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
        this.spoken |= 4;
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
        if (this.isLeaving) this.ask({ do: 17 /* flush */ });
        return;
      case 18: // flushed
        if (this.isLeaving) this.disconnect(0 /* sleep */, now);
        else this.goOn(now);
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
        this.show(9 /* COUNTDOWN */);
        return;
      case "released":
        this.buttonBusy = false;
        if (this.state === 8 /* resetting */) this.restart();
        else this.rest(this.base);
        return;
      case "setup":
        this.buttonBusy = false;
        this.leaveForSetup(now);
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
    this.say("stored", this.idOf(sequence));
    this.rest(2 /* STORED */);
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
        this.rest(4 /* CONNECTING */);
        return;
      case 1: // joining
        this.rest(3 /* JOINING */);
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

  private onConnected(sessionPresent: boolean, isKnown: boolean, now: number): void {
    if (this.state !== 2 /* connecting */) return;
    this.forgive();
    this.hopeless = false;
    this.retry.connected(now);
    this.ask({ do: 35 /* keep-asked */ });
    const clean = this.detail === 1;
    const fromSetup = this.trial?.fromSetup === true;
    if (this.trial !== undefined) {
      this.adopt(this.trial);
      // Its LED may be told elsewhere from now on: by another convention, or below another root.
      this.greeting |= 2;
    }
    // What was said of it last went with a connection that was given up for a trial.
    if (this.answered !== "") this.greeting |= 2;
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
      this.disconnect(fromSetup ? 2 /* done */ : 1 /* connect */, now);
      return;
    }
    this.say("connected", sessionPresent ? "session present" : "new session");
    this.greeting |= isKnown ? 1 : 7;
    if (!isKnown) this.ask({ do: 36 /* disown */ });
    this.spoken = 0;
    this.become(3 /* online */, undefined, 0 /* delivering */);
    this.rest(this.pending > 0 ? 2 /* STORED */ : this.resting());
    if (this.pending === 0) this.settle(now);
    else this.ask({ do: 10 /* deliver */ });
  }

  private onDelivered(sequence: number, now: number): void {
    if (this.pending > 0) this.pending -= 1;
    this.say("delivered", this.idOf(sequence));
    this.show(5 /* SENT */);
    if (this.state !== 3 /* online */ || this.detail === 3 /* leaving */) return;
    this.ask({ do: 34 /* gesture */, sequence });
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
    if ((this.spoken & 1) === 0) {
      this.ask({ do: 12 /* announce */, presence: "online" });
      if (this.answered !== "") this.clear(this.answered, "cmd/config");
    }
    this.spoken |= 1;
    this.ask({ do: 13 /* state */, config: this.result });
    this.subscribe();
    this.detail = 1 /* subscribing */;
    this.until = undefined;
    if ((this.spoken & 4) !== 0) this.listen(now);
    const { changes } = this;
    this.changes = undefined;
    if (changes !== undefined) this.configure(changes);
  }

  /** Once in a connection. */
  private subscribe(): void {
    if ((this.spoken & 2) !== 0) return;
    this.spoken |= 2;
    // Retained commands come again with each SUBSCRIBE, also into a session that is present. A sleeper asks for QoS 0:
    // the retained copy is then the only one, and no queue of outdated commands waits for it.
    this.ask({ do: 15 /* subscribe */, qos: this.isBattery() ? 0 : 1 });
  }

  /** It has said farewell, and waits until all of it is acknowledged. */
  get isLeaving(): boolean {
    return this.state === 3 /* online */ && this.detail === 3 /* leaving */;
  }

  protected listen(now: number): void {
    this.detail = 2 /* listening */;
    this.until = undefined;
    if (this.greeting !== 0) this.introduce();
    if (!this.isBattery()) return;
    const end = (now + BoxTimes.window) | 0;
    const stay = this.stayUntil;
    this.until = stay !== undefined && ((stay - end) | 0) > 0 ? stay : end;
  }

  /** Last, because nothing waits for it. */
  private introduce(): void {
    const { greeting, answered } = this;
    this.greeting = 0;
    this.answered = "";
    if (answered !== "" && answered !== this.inUse.root) {
      // Nobody lives there any more.
      this.clear(answered, "lwt");
      this.clear(answered, "state");
      this.clear(answered, "led");
    }
    // What is retained there may be from before a restart. A sleeper's LED is dark, and it said so when it was not.
    if (!this.isBattery() && (greeting & 2) !== 0) this.ask({ do: 14 /* light */, on: this.light });
    this.ask({ do: 33 /* introduce */, anew: (greeting & 4) !== 0 });
  }

  private onCommand(name: string, command: Command, now: number): void {
    if (this.state !== 3 /* online */ || this.detail === 3 /* leaving */) return;
    const settings = this.inUse;
    switch (command.kind) {
      case "cleared":
        return;
      case "invalid":
        this.say("command-invalid", command.why);
        // Otherwise the same complaint would come again with every connection.
        if (name === "config") this.answer(`rejected: ${command.why}`, now);
        else this.clear(settings.root, `cmd/${name}`);
        break;
      case "led":
        if (command.on !== "same") this.light = command.on === "toggle" ? !this.light : command.on;
        this.say("command", this.light ? "led on" : "led off");
        if (this.pending === 0) this.rest(this.resting());
        this.ask({ do: 14 /* light */, on: this.light });
        if (name === "led") this.clear(settings.root, "cmd/led");
        break;
      case "stay":
        this.say("command", `stay ${command.seconds} s`);
        if (this.isBattery()) {
          // The usual time to end what goes on then.
          this.stayUntil = (now + command.seconds * 1000) | 0;
          this.capAt = (this.stayUntil + BoxTimes.awake) | 0;
        }
        this.clear(settings.root, "cmd/stay");
        break;
      case "config":
        this.considered = command.reader;
        this.changes = undefined;
        this.ask({ do: 32 /* go-on */ });
        break;
    }
    if (this.detail === 2 /* listening */) this.listen(now);
  }

  protected openSetup(kind: 0 | 1, now: number): void {
    this.setupUntil = (now + BoxTimes.setup) | 0;
    this.become(7 /* setup */, this.setupUntil, kind);
    this.joined = false;
    this.rest(kind === 1 /* safe */ ? 11 /* SAFE */ : 7 /* SETUP */);
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
    if (this.light) this.ask({ do: 14 /* light */, on: false });
    this.ask({ do: 12 /* announce */, presence: "sleeping" });
    this.ask({ do: 17 /* flush */ });
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
  protected goToRest(now: number): void {
    this.rest(0 /* OFF */);
    let toSee = 1;
    if (this.pending > 0) {
      this.say("not-sent", `${this.pending} stored`);
      this.show(6 /* NOT_SENT */);
    } else if (this.millivolts < (this.settings?.lowMillivolts ?? 0)) {
      this.say("low-battery", `${this.millivolts} mV`);
      this.show(8 /* LOW_BATTERY */);
    } else toSee = 0;
    this.joined = false;
    this.ask({ do: 6 /* radio-off */ });
    // A finger that is still down may want the setup or a factory reset: it waits with the radio off.
    this.become(9 /* resting */, (now + (this.buttonBusy ? BoxTimes.held : BoxTimes.rest)) | 0, toSee);
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

  /** LED pattern of a box with nothing to say. */
  private resting(): number {
    return this.light ? 1 /* ON */ : 0 /* OFF */;
  }
}
