// The composition root: builds the adapters and the parts of the box, and wires them together. It performs the box's
// effects in one switch and tells it what came of them. No decisions are made here; calling the default export boots
// the box.

import config from "mc/config";
import { Box } from "./alertbox/alertbox.js";
import { Button } from "./alertbox/button.js";
import type { BoxEvent, Effect } from "./alertbox/effect.js";
import type { Scanner } from "./alertbox/flash.js";
import { FIRST_SESSION_ID, Journal } from "./alertbox/journal.js";
import { quoted } from "./alertbox/json.js";
import { Led } from "./alertbox/led.js";
import { Outbox } from "./alertbox/outbox.js";
import { badBoots, courseOf, quickPresses, Recovery } from "./alertbox/recovery.js";
import { checkSettings, defaultRoot, type Settings, type SettingsDraft } from "./alertbox/settings.js";
import { SettingsStore } from "./alertbox/settings-store.js";
import { setupSettings } from "./alertbox/setup-form.js";
import { earlier, isDue } from "./alertbox/state.js";
import { commandOf, presencePayload, statePayload, topicOf } from "./alertbox/topics.js";
import { resetName, wakeCause } from "./alertbox/wake.js";
import { Alarm, type Sleeper } from "./device/alarm.js";
import { type ButtonHandler, ButtonPin } from "./device/button-pin.js";
import { now } from "./device/clock.js";
import { FlashRegion } from "./device/flash-region.js";
import { LedPin } from "./device/led-pin.js";
import { type LinkHandler, MqttLink } from "./device/mqtt-link.js";
import { PortalServer, type PortalTalk } from "./device/portal-server.js";
import { Power } from "./device/power.js";
import { dotted, isAddress, putAddress, Resolver } from "./device/resolver.js";
import { RtcAt, RtcFlag, RtcMemory } from "./device/rtc-memory.js";
import { logStep } from "./device/serial-log.js";
import { type Found, type WiFiHandler, WiFiStation } from "./device/wifi-station.js";
import { Backoff } from "./mqtt/backoff.js";
import {
  type Closed,
  type Inbound,
  type Message,
  Session,
  type SessionHandler,
  type SessionOptions,
} from "./mqtt/session.js";
import type { FromArrayBuffer } from "./mqtt/text.js";
import type { Conversation } from "./setup/conversation.js";
import { dnsAnswer } from "./setup/dns.js";
import { isUtf8, type SetupFields } from "./setup/form.js";
import { Portal, type PortalHandler } from "./setup/portal.js";

/** Version of the firmware, as `lwt` and `state` show it. */
const FIRMWARE = "1.0.0";

// Some numbers stand in the code, with a comment, because a named constant takes some 60 bytes of flash.

/** RAM of the MQTT session in bytes and entries. `send` holds the largest CONNECT that the settings allow. */
const BUDGET = Object.freeze({ receive: 768, send: 512, inFlight: 6, inbound: 1, topic: 128 });
/** Delays between attempts while awake, and between timer wakes. What stands here stays in flash. */
const RETRY = Object.freeze({ baseMs: 1000, capMs: 60000, stableMs: 60000 });
const WAKE = Object.freeze({ baseMs: 60000, capMs: 3600000, stableMs: 0 });

/** What the manifest's `config` gives to the build. */
interface BuildConfig {
  /** GPIO numbers. */
  readonly led: number;
  readonly button: number;
  /** For the wiring rst+gpio, where the button is held while the chip starts: never 0, 2 or 15. */
  readonly wakeButton: number;
  /** Settings used until setup or a command stores others. */
  readonly settings?: unknown;
  /** Password of the setup's access point, 8 to 63 characters; open without. */
  readonly setupPassword?: string;
}

interface Globals {
  /** What the chip calls before it restarts over an exception, or because memory ran out (xsPlatform.c, fxAbort). */
  abort: (this: Globals, message: string, exception: unknown) => void;
  /** For it. */
  rtc: RtcMemory;
}

class Firmware implements ButtonHandler, Sleeper, WiFiHandler, LinkHandler, SessionHandler, PortalHandler, PortalTalk {
  // In the order of their use: the engine looks for a property from the first one on.
  private running = false;
  /** A turn comes by itself, or runs: what is noted needs no alarm. */
  private imminent = false;
  /** The box has asked for announcements that `waiting` holds, as long as the session has room for them. */
  private announcing = false;
  /**
   * The session was given something to send. 1: it leaves when nothing else is left to do; 2: in the next turn, because
   * to put two packets together takes too long.
   */
  private busy: 0 | 1 | 2 = 0;
  /** What the box has asked for, done up to `performed`: the rest is done in turns of its own. */
  private effects: readonly Effect[] = [];
  private performed = 0;
  /** What happened and waits for its turn, from `handled` on. */
  private readonly events: BoxEvent[] = [];
  private handled = 0;
  private readonly led = new Led();
  private readonly ledPin: LedPin;
  private readonly alarm = new Alarm(this);
  private readonly box: Box;
  private readonly button: Button;
  private link: MqttLink | undefined;
  private session: Session<Firmware> | undefined;
  private portal: Portal | undefined;
  private readonly outbox: Outbox;
  private settings: Settings | undefined;
  private readonly chipId: number;
  /** Announcements that wait for a turn, or for a place in the session. */
  private readonly waiting: Message[] = [];
  private readonly bootAt = now();
  private readonly recovery = new Recovery(this.bootAt);
  private readonly rtc = new RtcMemory();
  private readonly station = new WiFiStation(this);
  private readonly journal: Journal;
  private readonly flash = new FlashRegion();
  private readonly power = new Power();
  /** Options of the session; some change between its connections. */
  private options: (SessionOptions & { clean: boolean; pipeline: boolean }) | undefined;
  /** What was typed into the setup page, while it is judged step by step. */
  private draft: SettingsDraft | undefined;
  /** Settings are being saved, step by step. */
  private saving: SettingsStore | undefined;
  private readonly resolver = new Resolver();
  /** Where the broker was last reached, dotted. */
  private broker = "";
  private joinedAt = this.bootAt;
  private wifiMs = 0;
  private mqttMs = 0;

  constructor() {
    const chipId = this.power.chipId;
    const build = config as unknown as BuildConfig;
    this.chipId = chipId;
    this.ledPin = new LedPin(build.led, false);
    this.settings = this.store.load(chipId) ?? this.builtIn(build.settings);
    const isHeldAtBoot = this.settings?.wiring === "rst+gpio";
    // The driver keeps it.
    const buttonPin = new ButtonPin(isHeldAtBoot ? build.wakeButton : build.button, this);
    // Sectors of the storage region: two for the journal, then two for the settings.
    this.journal = new Journal(this.flash, 0, this.settings?.full ?? "reject");
    this.journal.open();
    this.outbox = new Outbox(this.journal, this.bootAt);
    this.button = new Button(this.settings?.double ?? false);
    const wake = new Backoff(WAKE);
    wake.restore(this.rtc.bytes[RtcAt.ATTEMPT] as number);
    this.box = new Box({
      chipId,
      settings: this.settings,
      pending: this.journal.pending,
      needsCleanSession: this.journal.needsCleanSession,
      cachedNetwork: this.cachedNetwork(),
      millivolts: this.power.millivolts,
      retry: new Backoff(RETRY),
      wake,
      random: Math.random,
      scanner: this.flash,
    });
    this.boot(buttonPin.down);
  }

  private boot(down: boolean): void {
    const { bytes } = this.rtc;
    const flags = bytes[RtcAt.FLAGS] as number;
    const wiring = this.settings?.wiring ?? "gpio";
    const cause = wakeCause(this.power.resetReason, wiring, down, (flags & RtcFlag.PLANNED) !== 0);
    const quick = quickPresses(cause, wiring, bytes[RtcAt.QUICK] as number);
    const bad = badBoots(cause, bytes[RtcAt.BAD] as number);
    bytes[RtcAt.QUICK] = quick;
    bytes[RtcAt.BAD] = bad;
    bytes[RtcAt.FLAGS] = flags & ~(RtcFlag.PLANNED | RtcFlag.TOLD);
    // A stack that overflows leaves no word.
    if (cause !== "crash" || (flags & RtcFlag.TOLD) !== 0) this.rtc.save();
    else this.rtc.crash = this.power.fault === "" ? "restarted without a word" : this.power.fault;
    const globals = globalThis as unknown as Globals;
    globals.rtc = this.rtc;
    globals.abort = crashed;
    // A hold that began with this press may become a setup or a reset; one from before it (a stuck button) counts from
    // its next press only.
    if (down && cause === "press") this.button.edge(true, now());
    // In a turn of its own: on top of all this a press that moves the journal would need too much of the stack.
    this.note({ type: 1 /* booted */, cause, course: courseOf(cause, quick, bad) });
  }

  /** Nobody pressed again, or this boot has lasted: it counts no more. To be called when that is due. */
  private recover(): void {
    const past = this.recovery.passed(now());
    this.rtc.bytes[past === "presses" ? RtcAt.QUICK : RtcAt.BAD] = 0;
    this.rtc.save();
  }

  // --- What happens -------------------------------------------------------------------------------------------------

  /**
   * Notes what happened, to be handled in a turn of its own. Session and link call back from deep inside; the chip's
   * stack has no room to decide and act on top of that (256 slots by default).
   */
  private note(event: BoxEvent): void {
    this.events.push(event);
    if (this.imminent) return;
    this.imminent = true;
    this.alarm.wait(0);
  }

  /** Notes what happened and handles it at once, for callers with nothing beneath them. */
  private tell(event: BoxEvent): void {
    this.events.push(event);
    this.ring();
  }

  onButton(down: boolean): void {
    this.button.edge(down, now());
    this.ring();
  }

  /**
   * One turn. In this order: what the box has asked for, what has happened, what the session has to send, what is due.
   * Wi-Fi starves in a long turn, so each has room for one step of the box with a few things that are soon done, or for
   * one thing that takes long. What follows waits for the next turn; an edge of the button may come in between.
   */
  ring(): void {
    if (this.running) return;
    this.running = true;
    this.imminent = true;
    const instant = now();
    let room = 3;
    let isDone = false;
    do {
      const { busy } = this;
      const effect = this.effects[this.performed];
      // A bit for each effect that takes long; 32 has that of 0.
      if (busy === 2 || this.announcing || (effect !== undefined && ((0x14f4a593 >>> effect.do) & 1) !== 0)) {
        // A press is stored in the turn in which it was found.
        if (room < 3 && effect?.do !== 1 /* store */) break;
        room = 0;
      }
      if (busy === 2) this.pump();
      else if (this.announcing) this.announceWaiting();
      else if (effect !== undefined) {
        this.performed += 1;
        this.act(effect);
      } else {
        if (room < 3) break;
        const gesture = this.button.poll(instant);
        const event = gesture === undefined ? this.events[this.handled] : { type: 2 as const, event: gesture };
        if (event !== undefined) {
          if (gesture === undefined) this.handled += 1;
          this.effects = this.box.step(event, instant);
        } else if (busy !== 0) {
          this.pump();
          break;
        } else {
          this.events.length = 0;
          this.handled = 0;
          this.effects = this.elapse(instant);
          isDone = this.effects.length === 0;
          if (isDone) break;
        }
        this.performed = 0;
      }
      room -= 1;
    } while (room > 0);
    this.ledPin.set(this.led.level(instant));
    this.running = false;
    this.imminent = !isDone;
    const { portal } = this;
    if (portal !== undefined) portal.closesAt = this.box.setupUntil;
    if (isDone) this.alarm.set(this.due());
    else this.alarm.wait(0);
  }

  /** Nothing is left to do: what is due? */
  private elapse(instant: number): readonly Effect[] {
    const { led, recovery } = this;
    this.ledPin.set(led.level(instant));
    if (isDue(recovery.until, instant)) this.recover();
    // Between the second and the fifth of several quick presses the chip must not fall asleep and forget them.
    const ready = this.button.idle && !(recovery.quick && (this.rtc.bytes[RtcAt.QUICK] as number) > 1);
    return this.box.tick(instant, ready, !led.busy);
  }

  private pump(): void {
    this.busy = 0;
    this.link?.pump();
  }

  /** When the next turn is due, if nothing happens before. */
  private due(): number | undefined {
    return earlier(
      earlier(this.box.deadline(), this.button.deadline()),
      earlier(this.led.deadline(), this.recovery.until),
    );
  }

  onJoined(address: string): void {
    this.wifiMs = (now() - this.joinedAt) | 0;
    this.note({ type: 7 /* joined */, address });
  }

  onAssociated(): void {
    this.note({ type: 6 /* associated */ });
  }

  onJoinFailed(why: string): void {
    this.note({ type: 8 /* join-failed */, why });
  }

  onLost(): void {
    this.note({ type: 9 /* wifi-lost */ });
  }

  onOpen(): void {
    this.session?.connect(this.options as SessionOptions, now());
    this.busy = 1;
    this.note({ type: 10 /* opened */ });
  }

  onUnreachable(why: string): void {
    this.note({ type: 11 /* unreachable */, why, step: "broker" });
  }

  onDown(closed: Closed): void {
    this.note({ type: 21 /* down */, down: closed });
    // A trial of the setup page is over: its memory is the page's again.
    if (this.portal !== undefined && this.settings !== undefined) this.use(this.settings);
  }

  onConnected(sessionPresent: boolean): void {
    this.mqttMs = (now() - this.joinedAt - this.wifiMs) | 0;
    this.note({ type: 12 /* connected */, sessionPresent });
  }

  onReceived(id: number): void {
    const sequence = this.outbox.sequenceOf(id);
    // Written down before PUBREL leaves. Not by the outbox: the session stands below this, and the stack is short.
    if (sequence !== 0 && this.journal.received(sequence)) this.note({ type: 13 /* received */, sequence });
  }

  onDelivered(id: number, type: number): void {
    const sequence = this.outbox.delivered(id);
    const isAlert = sequence !== 0 && this.journal.done(sequence);
    if (isAlert && type === 4 /* PUBACK */) logStep("granted", "QoS 1: this broker may deliver twice");
    this.note(isAlert ? { type: 14 /* delivered */, sequence } : { type: 16 /* acknowledged */ });
  }

  onSubscribed(_: number, codes: readonly number[]): void {
    this.note({ type: 15 /* subscribed */, refused: codes[0] === 128 });
  }

  onUnsubscribed(): void {}

  onMessage(message: Inbound): void {
    // One call at a time, here and in textOf: the session stands below, and the stack is short.
    const text = textOf(message, this.flash);
    const name = commandOf(this.root, message.topic);
    this.onCommand(name, text, "not UTF-8 text");
  }

  onOverflow(message: Inbound): void {
    const name = commandOf(this.root, message.topic);
    this.onCommand(name, undefined, `${message.length} bytes are too many; at most ${BUDGET.receive} fit`);
  }

  private onCommand(name: string, text: string | undefined, why: string): void {
    if (name === "" || text === "") return;
    // What is dropped comes again if it is retained.
    if (this.events.length >= this.handled + 8) {
      logStep("command-dropped", `cmd/${name}: too many at once`);
      return;
    }
    this.note({ type: 17 /* command */, name, text, why });
  }

  onFlushed(): void {
    this.note({ type: 18 /* flushed */ });
  }

  /** What is called last is returned, though it gives nothing: it takes the place of this on a stack that is deep. */
  onClosed(closed: Closed): unknown {
    return (this.link as MqttLink).ended(closed);
  }

  // The setup page.

  accept(instant: number): Conversation | undefined {
    return this.portal?.accept(instant);
  }

  answer(query: Uint8Array): Uint8Array | undefined {
    const address = new Uint8Array(4);
    // The SDK's address for its own access point.
    putAddress("192.168.4.1", address, 0);
    return dnsAnswer(query, address);
  }

  onTry(fields: SetupFields): string | undefined {
    const { draft } = this;
    if (this.box.state !== 7 /* setup */) return "The box is busy. Wait a moment, then try again.";
    if (draft === undefined || draft.origin !== fields) {
      const given = setupSettings(this.settings, fields, this.chipId, this.flash);
      if (typeof given === "string") return `${given}.`;
      this.draft = given;
      return undefined;
    }
    const settings = draft.step();
    if (settings === undefined) return undefined;
    this.draft = undefined;
    if (typeof settings === "string") return `${settings}.`;
    this.note({ type: 19 /* try */, settings });
    return "";
  }

  quoted(text: string): string {
    return quoted(text, this.flash);
  }

  onMore(): void {
    this.note({ type: 20 /* more-time */ });
  }

  onScan(): void {
    const portal = this.portal;
    portal?.clearHeard();
    this.station.scan(
      (ssid, rssi, open) => portal?.heard(ssid, rssi, open),
      () => {},
    );
  }

  // --- What the box asks for ----------------------------------------------------------------------------------------

  private act(effect: Effect): void {
    switch (effect.do) {
      case 1: // store
        this.storeAlert(effect.event);
        break;
      case 2: // show
        this.led.show(effect.pattern, now());
        break;
      case 3: // rest
        this.led.rest(effect.pattern, now());
        break;
      case 4: // join
        this.join(effect.network, effect.fast, effect.keep);
        break;
      case 5: // leave
        this.station.leave();
        break;
      case 6: // radio-off
        this.station.off();
        break;
      case 7: // open
        // Its parts take a turn each.
        if (this.prepare()) this.performed -= 1;
        else this.open(effect.clean, effect.fast);
        break;
      case 8: // keep-cache
        this.keepCache(effect.network);
        break;
      case 9: // forget-cache
        this.setFlag(RtcFlag.CACHED, false);
        break;
      case 10: // deliver
        this.deliver();
        break;
      case 11: // announce-waiting
        this.announcing = this.waiting.length > 0;
        break;
      case 12: // announce
        this.publish("lwt", presencePayload(effect.presence, this.chipId, FIRMWARE));
        break;
      case 13: // state
        this.publish("state", this.stateText(effect.config));
        break;
      case 14: // light
        this.publish("led", effect.on ? "ON" : "OFF");
        break;
      case 15: // subscribe
        this.busy = 2;
        this.session?.subscribe([{ topic: topicOf(this.root, "cmd/+"), qos: effect.qos }], now());
        break;
      case 16: // clear
        this.announce(`${effect.root}/cmd/${effect.name}`, undefined);
        break;
      case 17: // flush
        this.busy = 1;
        this.session?.flush((now() + effect.withinMs) | 0, now());
        break;
      case 18: // disconnect
        this.busy = 2;
        this.session?.disconnect(now());
        break;
      case 19: // abort
        this.resolver.cancel();
        this.link?.drop();
        break;
      case 20: // use
        this.use(effect.settings);
        break;
      case 21: {
        // save
        const why = this.writeFlash(1, effect.settings);
        // Its steps take a turn each.
        if (why === 1) this.performed -= 1;
        else if (typeof why === "string") this.tell({ type: 5 /* not-saved */, why });
        break;
      }
      case 22: // require-clean-session
        this.writeFlash(3);
        this.outbox.restart();
        break;
      case 23: // session-cleaned
        this.writeFlash(4);
        break;
      case 24: // plain-order
        this.setFlag(RtcFlag.PLAIN_ORDER, true);
        break;
      case 25: // remember
        if (this.rtc.bytes[RtcAt.ATTEMPT] === (effect.attempt & 255)) break;
        this.rtc.bytes[RtcAt.ATTEMPT] = effect.attempt;
        this.rtc.save();
        break;
      case 26: // open-setup
        // Its parts take a turn each.
        if (this.portal === undefined) {
          this.openSetup();
          this.performed -= 1;
          break;
        }
        // Its sockets keep it alive: a listener is never collected (xsRemember in tcp.c).
        new PortalServer(this);
        this.onScan();
        break;
      case 27: // tell-setup
        // The page appends a sentence.
        this.portal?.report(effect.phase, effect.step, effect.detail === "" ? "" : `${effect.detail}.`);
        break;
      case 28: // factory-reset
        // The alerts first: a cut in between must not leave them to whoever sets the box up next.
        this.writeFlash(5);
        this.writeFlash(2);
        this.station.forget();
        this.rtc.bytes[RtcAt.FLAGS] = 0;
        break;
      case 29: // restart
        this.rtc.bytes[RtcAt.QUICK] = 0;
        this.rtc.bytes[RtcAt.BAD] = 0;
        this.setFlag(RtcFlag.PLANNED, true);
        this.power.restart();
        break;
      case 30: // sleep
        this.sleep(effect.ms);
        break;
      case 31: // say
        logStep(effect.word, effect.detail);
        break;
      case 32: // go-on
        this.events.push({ type: 22 /* go-on */ });
        break;
    }
  }

  /**
   * Writes to flash: 0 an alert (`subject` is its event), 1 settings (`subject`), 2 no settings, 3 and 4 whether the
   * session has to be cleaned (it has, it was), 5 no alerts. Worn flash must not become a crash at each boot: it is
   * said, and the box goes on.
   *
   * @returns a text that says why it failed, else a number: the alert's sequence, 0 when the journal is full; of
   * settings 1 when there is more to do: call again then.
   */
  private writeFlash(what: 0 | 1 | 2 | 3 | 4 | 5, subject?: Settings | number): string | number {
    const { journal } = this;
    try {
      switch (what) {
        case 0:
          return journal.append(subject as number, this.power.millivolts);
        case 1:
          if (this.saving === undefined) {
            this.saving = this.store;
            this.saving.begin(subject as Settings);
          }
          if (this.saving.step()) return 1;
          this.saving = undefined;
          break;
        case 2:
          this.store.erase();
          break;
        case 3:
          journal.requireCleanSession();
          break;
        case 4:
          journal.sessionCleaned();
          break;
        case 5:
          journal.eraseAlerts();
          break;
      }
      return 0;
    } catch (error) {
      this.saving = undefined;
      logStep("flash-failed", String(error));
      return String(error);
    }
  }

  private storeAlert(event: number): void {
    const sequence = this.writeFlash(0, event);
    if (typeof sequence === "string" || sequence === 0) {
      this.tell({ type: 4 /* not-stored */, why: sequence === 0 ? "the journal is full" : sequence });
      return;
    }
    this.outbox.pressed(sequence, now(), this.box.failures);
    this.tell({ type: 3 /* stored */, sequence, pending: this.journal.pending });
  }

  private sleep(ms: number): void {
    const { bytes } = this.rtc;
    this.alarm.set(undefined);
    bytes[RtcAt.QUICK] = 0;
    bytes[RtcAt.BAD] = 0;
    // The radio is calibrated at one wake in 16: that takes some 200 ms, and temperatures change slowly.
    const wakes = ((bytes[RtcAt.WAKES] as number) + 1) % 16;
    bytes[RtcAt.WAKES] = wakes;
    this.rtc.save();
    this.power.sleep(ms, wakes === 0);
  }

  private setFlag(flag: number, on: boolean): void {
    const { bytes } = this.rtc;
    const flags = bytes[RtcAt.FLAGS] as number;
    bytes[RtcAt.FLAGS] = on ? flags | flag : flags & ~flag;
    if (bytes[RtcAt.FLAGS] !== flags) this.rtc.save();
  }

  private join(index: number, fast: boolean, keep: boolean): void {
    const network = this.settings?.wifi[index];
    if (network === undefined) return;
    this.joinedAt = now();
    let found: Found | undefined;
    if (fast) {
      const { bytes } = this.rtc;
      found = {
        channel: bytes[RtcAt.CHANNEL] as number,
        bssid: this.rtc.copy(RtcAt.BSSID, 6),
        lease: this.rtc.copy(RtcAt.LEASE, 16),
      };
    }
    this.station.join(network.ssid, network.password, keep, found);
  }

  /** Index of the network that the cache is about; -1 without a cache for these settings. */
  private cachedNetwork(): number {
    const { bytes } = this.rtc;
    const network = bytes[RtcAt.NETWORK] as number;
    if (((bytes[RtcAt.FLAGS] as number) & RtcFlag.CACHED) === 0) return -1;
    const mark = this.mark(network);
    for (let i = 0; i < 4; i += 1) if (bytes[RtcAt.MARK + i] !== ((mark >>> (8 * i)) & 255)) return -1;
    return network;
  }

  private keepCache(network: number): void {
    const { bytes } = this.rtc;
    const found = this.station.found;
    if (found?.lease === undefined) return;
    const mark = this.mark(network);
    for (let i = 0; i < 4; i += 1) bytes[RtcAt.MARK + i] = (mark >>> (8 * i)) & 255;
    bytes[RtcAt.NETWORK] = network;
    bytes[RtcAt.CHANNEL] = found.channel;
    bytes.set(new Uint8Array(found.bssid), RtcAt.BSSID);
    bytes.set(new Uint8Array(found.lease), RtcAt.LEASE);
    putAddress(this.broker, bytes, RtcAt.BROKER);
    bytes[RtcAt.FLAGS] = (bytes[RtcAt.FLAGS] as number) | RtcFlag.CACHED;
    this.rtc.save();
  }

  /** What a cache depends on: other settings, also from another build, have another mark. */
  private mark(network: number): number {
    const text = `${this.settings?.wifi[network]?.ssid} ${this.settings?.host}`;
    const bytes = new Uint8Array(ArrayBuffer.fromString(text));
    return this.flash.crc(bytes, 0, bytes.length, 0);
  }

  private openSetup(): void {
    const settings = this.settings;
    // The session's memory is the portal's as long as it is open.
    if (settings !== undefined) this.use(settings);
    const build = config as unknown as BuildConfig;
    this.station.openAccessPoint(`AlertBox-${this.chipId}`, build.setupPassword ?? "");
    this.portal = new Portal(
      this,
      {
        chipId: this.chipId,
        firmware: FIRMWARE,
        ssid: settings?.wifi[0]?.ssid ?? "",
        host: settings?.host ?? "",
        port: settings?.port ?? 1883,
        root: settings?.root ?? defaultRoot(this.chipId),
        mode: settings?.mode ?? "mains",
        wiring: settings?.wiring ?? "gpio",
        hasUser: settings !== undefined && settings.user !== "",
      },
      this.flash,
    );
  }

  private open(clean: boolean, fast: boolean): void {
    const settings = this.settings;
    if (settings === undefined) return;
    const options = this.options as SessionOptions & { clean: boolean; pipeline: boolean };
    options.clean = clean;
    options.pipeline = ((this.rtc.bytes[RtcAt.FLAGS] as number) & RtcFlag.PLAIN_ORDER) === 0;
    if (fast) this.reach(dotted(this.rtc.bytes, RtcAt.BROKER), settings.port);
    else if (isAddress(settings.host)) this.reach(settings.host, settings.port);
    else {
      this.resolver.resolve(settings.host, (address) => {
        if (address !== undefined) this.reach(address, settings.port);
        else this.tell({ type: 11 /* unreachable */, why: `no address for ${settings.host}`, step: "name" });
      });
    }
  }

  private reach(address: string, port: number): void {
    this.broker = address;
    this.link?.open(address, port);
  }

  /** Makes a part of what a connection needs; false when all of it is there. */
  private prepare(): boolean {
    const settings = this.settings;
    if (settings === undefined || this.link !== undefined) return false;
    const { session } = this;
    if (session !== undefined) {
      this.link = new MqttLink(session);
      return true;
    }
    const { options } = this;
    if (options !== undefined) {
      const { id, clean, keepAliveSeconds } = options;
      // Somewhere else in each boot: a broker may still wait for what an earlier one has not finished under its ids.
      const firstId = FIRST_SESSION_ID + Math.floor(Math.random() * 32000);
      // Without will, user and password, which settings.ts has checked: to check them again takes too long for a turn.
      this.session = new Session<Firmware>({ id, clean, keepAliveSeconds, firstId, previews: false }, BUDGET, this);
      return true;
    }
    const { user, password } = settings;
    this.options = {
      id: `alertbox${this.chipId}`,
      clean: false,
      keepAliveSeconds: settings.keepAliveSeconds,
      pipeline: true,
      will: {
        topic: topicOf(settings.root, "lwt"),
        payload: presencePayload("lost", this.chipId, FIRMWARE),
        qos: 1,
        retain: true,
      } as const,
      ...(user === "" ? {} : { user }),
      ...(user === "" || password === "" ? {} : { password }),
    };
    return true;
  }

  /** Other settings are another session; the next connection makes it. */
  private use(settings: Settings): void {
    this.link?.drop();
    this.session = undefined;
    this.link = undefined;
    this.options = undefined;
    this.outbox.restart();
    this.waiting.length = 0;
    this.settings = settings;
  }

  private deliver(): void {
    const session = this.session;
    if (session === undefined) return;
    const circumstances = {
      chipId: this.chipId,
      topic: topicOf(this.root, "alert"),
      rssi: this.station.rssi,
      failures: this.box.failures,
      failuresBefore: this.rtc.bytes[RtcAt.ATTEMPT] as number,
    };
    const step = this.outbox.handOver(session, circumstances, now());
    if (step === 0) return;
    // What follows has a turn of its own.
    this.performed -= 1;
    if (step === 2) this.busy = 2;
  }

  private publish(name: string, payload: string): void {
    if (this.settings !== undefined) this.announce(topicOf(this.root, name), payload);
  }

  /**
   * Publishes a retained message with QoS 1; an empty one clears the topic. Without a place for it, it waits for one.
   */
  private announce(topic: string, payload: string | undefined): void {
    // More than eight wait only when a broker acknowledges nothing.
    if (this.waiting.length === 8) {
      logStep("not-published", topic);
      return;
    }
    this.waiting.push({ topic, payload, qos: 1, retain: true });
    this.announcing = true;
  }

  /** Hands over the first announcement that waits. */
  private announceWaiting(): void {
    const { waiting } = this;
    const message = waiting[0];
    if (message === undefined || (this.session?.publish(message, now()) ?? -1) < 0) {
      this.announcing = false;
      return;
    }
    this.busy = 2;
    for (let i = 1; i < waiting.length; i += 1) waiting[i - 1] = waiting[i] as Message;
    waiting.length -= 1;
  }

  private stateText(result: string): string {
    return statePayload(
      {
        pushes: this.journal.pushes,
        pending: this.journal.pending,
        dropped: this.journal.dropped,
        millivolts: this.power.millivolts,
        rssi: this.station.rssi,
        reset: resetName(this.power.resetReason),
        firmware: FIRMWARE,
        ip: this.station.address,
        heap: this.power.freeHeap,
        bootMs: this.bootAt,
        wifiMs: this.wifiMs,
        mqttMs: this.mqttMs,
        config: result,
        crash: this.rtc.crash,
      },
      this.flash,
    );
  }

  /** The topics' root; asked for only while there are settings. */
  private get root(): string {
    return (this.settings as Settings).root;
  }

  /** Made for each use: it keeps nothing. */
  private get store(): SettingsStore {
    return new SettingsStore(this.flash, 2);
  }

  private builtIn(given: unknown): Settings | undefined {
    if (given === undefined) return undefined;
    const settings = checkSettings(given, this.chipId, this.flash);
    if (typeof settings !== "string") return settings;
    logStep("config-invalid", settings);
    return undefined;
  }
}

/**
 * A whole message as text; undefined when it is no UTF-8. As many characters as bytes are ASCII: no need to look at
 * each.
 */
function textOf({ bytes, start, end }: Inbound, scanner: Scanner): string | undefined {
  try {
    const { buffer, byteOffset } = bytes;
    const text = (String.fromArrayBuffer as FromArrayBuffer)(buffer, byteOffset + start, end - start);
    const isAscii = text.length === end - start && text.indexOf("\0") < 0;
    return isAscii || isUtf8(bytes, start, end, scanner) ? text : undefined;
  } catch {
    // What the engine does not take for UTF-8 at all.
    return undefined;
  }
}

/** Called with the global object as `this`. It takes no slot of the heap, which may be full. */
function crashed(this: Globals, message: string, exception: unknown): void {
  const { rtc } = this;
  rtc.bytes[RtcAt.FLAGS] = (rtc.bytes[RtcAt.FLAGS] as number) | RtcFlag.TOLD;
  rtc.crash = exception === undefined ? message : `${message}: ${String(exception)}`;
}

export default function (): void {
  new Firmware();
}
